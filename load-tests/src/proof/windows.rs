//! Is the queue linearizable? Short windows of concurrent operations, recorded with their times, and a search for an order.
//!
//! The method is Wing and Gong's with Lowe's memory of what was tried ("Testing for linearizability", 2017): take any operation
//! that nobody finished before it began, apply it to a sequential queue, and go on; step back where the queue would have
//! answered otherwise. Windows are short because the search is exponential in what overlaps. Each begins and ends with an
//! empty queue, so that they stand alone.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hyper::Method;
use serde_json::{Value, json};

use super::Proof;
use crate::client::desk::{Desk, PRIORITIES, new_ticket};
use crate::client::http::Connection;
use crate::scenario::Windows;

/// The search may take this many steps before the window counts as undecided, which is an error of the scenario.
const STEPS: usize = 2_000_000;

/// Smaller is handed out first: more urgent, then older, then the smaller id.
type Rank = (usize, String, u64);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Did {
    /// A ticket came into the queue with this rank.
    Came(Rank),
    /// The queue gave this ticket, or nothing.
    Got(Option<u64>),
}

#[derive(Clone, Debug)]
struct Operation {
    did: Did,
    asked: Duration,
    answered: Duration,
}

/// Plays windows on an empty desk and checks each.
pub async fn watch(desk: &mut Desk, shape: Windows, mut random: fastrand::Rng) -> Result<Proof> {
    let mut proof =
        Proof::new("concurrent claims and arrivals have an order in which one queue would answer so", "Q40 Q46");
    let agents = desk.people("agent", shape.clients).await?;
    let mut lines = Vec::new();
    for token in &agents {
        lines.push(Connection::open(&desk.target.with_token(token)).await?);
    }
    let mut admin = Connection::open(&desk.target).await?;
    for window in 0..shape.count {
        let began = Instant::now();
        let mut tasks = Vec::new();
        for mut line in lines.drain(..) {
            let mut random = random.fork();
            tasks.push(tokio::spawn(async move {
                let mut operations = Vec::new();
                for _ in 0..shape.operations {
                    operations.push(operate(&mut line, random.bool(), &mut random, began).await?);
                }
                anyhow::Ok((line, operations))
            }));
        }
        let mut operations = Vec::new();
        for task in tasks {
            let (line, theirs) = task.await??;
            lines.push(line);
            operations.extend(theirs);
        }
        // Empty it again, one by one: these too must fit.
        loop {
            let last = operate(&mut admin, false, &mut random, began).await?;
            let empty = last.did == Did::Got(None);
            operations.push(last);
            if empty {
                break;
            }
        }
        proof.checked();
        if !linearizable(&operations)? {
            proof.broken(format!("window {window} has no order: {operations:?}"));
        }
    }
    Ok(proof)
}

async fn operate(line: &mut Connection, comes: bool, random: &mut fastrand::Rng, began: Instant) -> Result<Operation> {
    let asked = began.elapsed();
    let reply = if comes {
        let mut ticket = new_ticket(random.usize(..1000));
        ticket["priority"] = PRIORITIES[random.usize(..PRIORITIES.len())].into();
        line.call(Method::POST, "/api/v1/tickets", Some(ticket.to_string().into()), None).await?
    } else {
        line.call(Method::POST, "/api/v1/queue/claim", Some(json!({}).to_string().into()), None).await?
    };
    let answered = began.elapsed();
    let did = if reply.status == 204 {
        Did::Got(None)
    } else {
        let ticket: Value = reply.json()?;
        let id = ticket["id"].as_u64().context("a ticket without an id")?;
        if comes { Did::Came(rank(&ticket, id)?) } else { Did::Got(Some(id)) }
    };
    Ok(Operation { did, asked, answered })
}

fn rank(ticket: &Value, id: u64) -> Result<Rank> {
    let priority = ticket["priority"].as_str().context("a ticket without a priority")?;
    let level = PRIORITIES.iter().rev().position(|known| *known == priority).context("an unknown priority")?;
    Ok((level, ticket["created_at"].as_str().context("a ticket without created_at")?.to_owned(), id))
}

/// Whether one queue could have answered so, one operation after the other.
fn linearizable(operations: &[Operation]) -> Result<bool> {
    if operations.len() > 128 {
        bail!("a window of {} operations is too long: at most 128", operations.len());
    }
    let mut steps = 0;
    let mut tried = HashSet::new();
    search(operations, 0, &mut BTreeSet::new(), &mut tried, &mut steps)
}

fn search(
    operations: &[Operation],
    done: u128,
    queue: &mut BTreeSet<Rank>,
    tried: &mut HashSet<(u128, Vec<u64>)>,
    steps: &mut usize,
) -> Result<bool> {
    let open = |place: usize| done & (1 << place) == 0;
    // Nothing may come before what ended before it began.
    let earliest = operations.iter().enumerate().filter(|(place, _)| open(*place)).map(|(_, one)| one.answered).min();
    let Some(earliest) = earliest else { return Ok(true) };
    *steps += 1;
    if *steps > STEPS {
        bail!("a window could not be decided in {STEPS} steps: fewer clients or operations");
    }
    if !tried.insert((done, queue.iter().map(|rank| rank.2).collect())) {
        return Ok(false);
    }
    for (place, operation) in operations.iter().enumerate() {
        if !open(place) || operation.asked > earliest {
            continue;
        }
        let done = done | 1 << place;
        let found = match &operation.did {
            Did::Came(rank) => {
                queue.insert(rank.clone());
                let found = search(operations, done, queue, tried, steps)?;
                queue.remove(rank);
                found
            }
            Did::Got(None) => queue.is_empty() && search(operations, done, queue, tried, steps)?,
            Did::Got(Some(ticket)) => match queue.first().cloned() {
                Some(first) if first.2 == *ticket => {
                    queue.remove(&first);
                    let found = search(operations, done, queue, tried, steps)?;
                    queue.insert(first);
                    found
                }
                _ => false,
            },
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(ticket: u64, level: usize, ms: (u64, u64)) -> Operation {
        operation(Did::Came((level, format!("{ticket:04}"), ticket)), ms)
    }

    fn got(ticket: impl Into<Option<u64>>, ms: (u64, u64)) -> Operation {
        operation(Did::Got(ticket.into()), ms)
    }

    fn operation(did: Did, (asked, answered): (u64, u64)) -> Operation {
        Operation { did, asked: Duration::from_millis(asked), answered: Duration::from_millis(answered) }
    }

    /// Q40: one ticket for two has no order.
    #[test]
    fn a_ticket_that_two_got_has_no_order() {
        assert!(linearizable(&[came(1, 0, (0, 1)), got(1, (2, 5)), got(None, (2, 5))]).unwrap());
        assert!(!linearizable(&[came(1, 0, (0, 1)), got(1, (2, 5)), got(1, (2, 5))]).unwrap());
    }

    /// Q46: what was acknowledged can be claimed; what overlaps may be seen or not.
    #[test]
    fn nothing_may_be_missed_that_was_there_before() {
        assert!(!linearizable(&[came(1, 0, (0, 1)), got(None, (2, 3)), got(1, (4, 5))]).unwrap());
        assert!(linearizable(&[came(1, 0, (0, 3)), got(None, (2, 4)), got(1, (5, 6))]).unwrap());
        assert!(!linearizable(&[got(1, (0, 1)), came(1, 0, (2, 3))]).unwrap(), "before it came");
    }

    /// Q1: the order of the queue is part of it.
    #[test]
    fn the_less_urgent_first_has_no_order_unless_they_overlap() {
        let both = [came(1, 3, (0, 1)), came(2, 0, (2, 3))];
        let with = |more: &[Operation]| linearizable(&[&both, more].concat()).unwrap();
        assert!(with(&[got(2, (4, 5)), got(1, (6, 7))]));
        assert!(!with(&[got(1, (4, 5)), got(2, (6, 7))]));
        assert!(with(&[got(1, (4, 7)), got(2, (4, 7))]), "the second one may have been first");
    }

    #[test]
    fn a_lost_ticket_is_found_when_the_queue_is_emptied() {
        assert!(!linearizable(&[came(1, 0, (0, 1)), came(2, 0, (0, 1)), got(1, (2, 3)), got(None, (4, 5))]).unwrap());
    }
}
