//! Somebody who calls the desk over HTTP: commands with `Idempotency-Key`, and reads that must hold what was said before.
//!
//! A call without an answer is repeated under the same key. Reads of people at a screen come here too. Checks each read at once
//! against what had been acknowledged before it was asked, since later nobody could.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hyper::Method;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until, timeout};

use super::deed::{Choices, Deed, Known, Order};
use super::fold::Fold;
use super::{Person, Phase, Return};
use crate::client::desk::{PRIORITIES, Snapshot};
use crate::client::http::{Connection, Reply};
use crate::ledger::{Outcome, Over, Promise, Sent};

const CALL: Duration = Duration::from_secs(30);
const TRY_AGAIN_MS: std::ops::Range<u64> = 50..300;
/// Rows of a list that are looked at.
const ROWS: u64 = 50;
/// Younger tickets have not been lifted in the queue, whatever the configuration.
const NOT_LIFTED: Duration = Duration::from_secs(3600);

/// A read that somebody wants, due at that moment.
#[derive(Debug)]
pub struct Question {
    pub deed: Deed,
    pub due: Instant,
    pub known: Option<Known>,
}

#[derive(Debug)]
struct Line {
    person: Person,
    http: Option<Connection>,
    back: Return,
    random: fastrand::Rng,
}

/// A person whose only line is HTTP.
pub async fn run(person: Person) {
    let mut random = fastrand::Rng::with_seed(person.seed);
    let mut choices = Choices::new(&person.crowd.mix, random.fork());
    let floor = person.floor.clone();
    let mut phase = floor.phase.clone();
    let begun = phase.wait_for(|phase| *phase != Phase::Coming).await.map(|phase| *phase);
    let Ok(Phase::Load { from, until }) = begun else { return };
    let Some(mut pace) = person.pace(from, until, random.fork()) else { return };
    let mut line = Line::new(person, random);
    while let Some(due) = pace.due() {
        tokio::select! {
            () = sleep_until(due.into()) => {}
            _ = phase.wait_for(|phase| *phase >= Phase::Ending) => return,
        }
        // What is late now is late because the answer before it was: that time is the server's, not this program's.
        pace.advance();
        let deed = choices.next();
        if deed.is_read() {
            let known = floor.ledger.any(&mut choices.random);
            line.ask(&Question { deed, due, known }).await;
        } else {
            let order = choices.order(deed, |random| floor.ledger.any(random).map(|known| known.ticket));
            let deed = order.deed;
            if let Outcome::Done { ticket, .. } = line.command(order, due).await {
                choices.answered(deed, Some(ticket));
            }
        }
    }
}

/// The reads of somebody at a screen, one after the other.
pub async fn answer_questions(person: Person, mut asked: mpsc::UnboundedReceiver<Question>) {
    let random = fastrand::Rng::with_seed(person.seed ^ 1);
    let mut phase = person.floor.phase.clone();
    let mut line = Line::new(person, random);
    while let Some(question) = asked.recv().await {
        // Nobody waits for them any more.
        if *phase.borrow_and_update() < Phase::Ending {
            line.ask(&question).await;
        }
    }
}

impl Line {
    fn new(person: Person, random: fastrand::Rng) -> Self {
        let back = Return::new(person.floor.back_within);
        Self { person, http: None, back, random }
    }

    /// Sends a command until it has an answer that is not "later", or the run is over.
    async fn command(&mut self, order: Order, due: Instant) -> Outcome {
        let floor = self.person.floor.clone();
        let mut sent = Sent {
            id: uuid::Uuid::new_v4().to_string(),
            deed: order.deed,
            who: self.person.who,
            over: Over::Http,
            ticket: order.ticket,
            body: order.body,
            asked: floor.ledger.now(),
            answered: Duration::ZERO,
            repeated: false,
            outcome: Outcome::InDoubt,
        };
        floor.ledger.goes_out(&sent.id, due);
        while self.going() {
            let answer = match self.connection().await {
                Some(http) => timeout(CALL, send(http, &sent)).await,
                None => break,
            };
            match answer {
                Ok(Ok(outcome)) if outcome.is_later() => {
                    floor.meters.record(self.person.who, "pushed_back", due.elapsed());
                    sleep(Duration::from_millis(self.random.u64(TRY_AGAIN_MS))).await;
                }
                Ok(Ok(outcome)) => {
                    floor.meters.record(self.person.who, sent.deed.name(), due.elapsed());
                    floor.meters.record(self.person.who, "commands", due.elapsed());
                    sent.answered = floor.ledger.now();
                    sent.outcome = outcome;
                    break;
                }
                Ok(Err(_)) => {
                    self.http = None;
                    sleep(self.back.wait(&mut self.random)).await;
                }
                Err(_) => {
                    self.http = None;
                    let what = format!("{} {} had no answer within {CALL:?}", sent.deed.name(), sent.id);
                    floor.ledger.fault(Promise::Answers, what);
                }
            }
            sent.repeated = true;
        }
        let outcome = sent.outcome.clone();
        floor.ledger.done(sent);
        outcome
    }

    /// Reads, and checks what came against what was known before.
    async fn ask(&mut self, question: &Question) {
        let floor = self.person.floor.clone();
        while self.going() {
            let Some(http) = self.connection().await else { return };
            match timeout(CALL, read(http, question, &floor)).await {
                Ok(Ok(Read::Answered)) => {
                    floor.meters.record(self.person.who, question.deed.name(), question.due.elapsed());
                    floor.meters.record(self.person.who, "reads", question.due.elapsed());
                    floor.ledger.reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    return;
                }
                Ok(Ok(Read::Later)) => {
                    floor.meters.record(self.person.who, "pushed_back", question.due.elapsed());
                    sleep(Duration::from_millis(self.random.u64(TRY_AGAIN_MS))).await;
                }
                Ok(Ok(Read::Nothing)) => return,
                Ok(Err(_)) => {
                    self.http = None;
                    sleep(self.back.wait(&mut self.random)).await;
                }
                Err(_) => {
                    self.http = None;
                    let what = format!("{} had no answer within {CALL:?}", question.deed.name());
                    floor.ledger.fault(Promise::Answers, what);
                    return;
                }
            }
        }
    }

    fn going(&self) -> bool {
        !matches!(*self.person.floor.phase.borrow(), Phase::Reading { .. } | Phase::Over)
    }

    async fn connection(&mut self) -> Option<&mut Connection> {
        while self.http.is_none() {
            let door = self.person.door();
            match timeout(CALL, Connection::open(&door)).await {
                Ok(Ok(http)) => {
                    self.back.succeeded();
                    self.http = Some(http);
                }
                _ if !self.going() => return None,
                _ => sleep(self.back.wait(&mut self.random)).await,
            }
        }
        self.http.as_mut()
    }
}

/// Sends one command once. An error means that no whole answer came.
pub async fn send(http: &mut Connection, sent: &Sent) -> Result<Outcome> {
    let ticket = sent.ticket.unwrap_or_default();
    let (method, path) = match sent.body["type"].as_str().unwrap_or_default() {
        "create" => (Method::POST, "/api/v1/tickets".to_owned()),
        "update" => (Method::PATCH, format!("/api/v1/tickets/{ticket}")),
        "message" => (Method::POST, format!("/api/v1/tickets/{ticket}/messages")),
        "claim_next" => (Method::POST, "/api/v1/queue/claim".to_owned()),
        other => (Method::POST, format!("/api/v1/tickets/{ticket}/{other}")),
    };
    let mut body = sent.body.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("type");
    }
    let reply = http.call(method, &path, Some(body.to_string().into()), Some(&sent.id)).await?;
    match reply.status {
        204 => Ok(Outcome::Nothing),
        200..300 => done(&reply),
        _ => Ok(Outcome::Refused { code: refusal(&reply) }),
    }
}

fn done(reply: &Reply) -> Result<Outcome> {
    let body: Value = reply.json()?;
    let ticket = body.get("ticket").filter(|ticket| ticket.is_object()).unwrap_or(&body);
    let ticket = ticket["id"].as_u64().context("an answer without the ticket's id")?;
    Ok(Outcome::Done { ticket, version: reply.version()?, seq: reply.seq()? })
}

fn refusal(reply: &Reply) -> String {
    reply.code().unwrap_or_else(|| format!("status {}", reply.status))
}

enum Read {
    Answered,
    Later,
    /// There was nothing to ask for.
    Nothing,
}

async fn read(http: &mut Connection, question: &Question, floor: &super::Floor) -> Result<Read> {
    let ledger = &floor.ledger;
    let seq = ledger.told_seq();
    let newest = ledger.newest();
    let first_row = newest.saturating_sub(ROWS - 1);
    let (path, floors) = match (question.deed, &question.known) {
        (Deed::Open, Some(known)) => {
            let floors = vec![(known.ticket, ledger.floor(known.ticket))];
            (format!("/api/v1/tickets/{}?include=messages", known.ticket), floors)
        }
        (Deed::Search, Some(known)) if known.word.starts_with('x') => {
            let floors = vec![(known.ticket, ledger.floor(known.ticket))];
            (format!("/api/v1/tickets?q={}", known.word), floors)
        }
        (Deed::Open | Deed::Search, _) => return Ok(Read::Nothing),
        (Deed::Queue, _) => (format!("/api/v1/queue?limit={ROWS}"), Vec::new()),
        (Deed::Snapshot, _) => ("/api/v1/snapshot".to_owned(), Vec::new()),
        _ => {
            let floors = (first_row..=newest).map(|ticket| (ticket, ledger.floor(ticket))).collect();
            (format!("/api/v1/tickets?page%5Bsize%5D={ROWS}"), floors)
        }
    };
    let reply = http.get(&path).await?;
    let outcome = Outcome::Refused { code: refusal(&reply) };
    if outcome.is_later() {
        return Ok(Read::Later);
    }
    let wrong = |what: String| ledger.fault(Promise::Reads, format!("GET {path}: {what}"));
    let body: Value = match reply.json() {
        Ok(body) => body,
        Err(error) => {
            wrong(format!("{error:#}"));
            return Ok(Read::Answered);
        }
    };
    match question.deed {
        Deed::Open => {
            let (ticket, floor) = floors[0];
            let version = body["version"].as_u64().or(body["ticket"]["version"].as_u64()).unwrap_or_default();
            if version < floor {
                wrong(format!("ticket {ticket} is at version {version}, {floor} was acknowledged before"));
            }
        }
        Deed::Queue => {
            if body["seq"].as_u64().is_none_or(|found| found < seq) {
                wrong(format!("the queue stands at seq {}, {seq} was acknowledged before", body["seq"]));
            }
            let rows: Vec<&Value> = body["data"].as_array().into_iter().flatten().map(|row| &row["ticket"]).collect();
            if let Some(pair) = rows.windows(2).find(|pair| inverted(pair[0], pair[1])) {
                wrong(format!("ticket {} stands before the more urgent {}", pair[0]["id"], pair[1]["id"]));
            }
        }
        Deed::Snapshot => {
            let snapshot: Snapshot = serde_json::from_value(body)?;
            let computed = Fold::of(&snapshot).board_hash();
            if snapshot.seq < seq || computed != snapshot.board_hash {
                let Snapshot { seq: found, board_hash, .. } = snapshot;
                wrong(format!("seq {found} (told before: {seq}), board {board_hash}, computed {computed}"));
            }
        }
        _ => {
            let rows: Vec<(u64, u64)> = body["data"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|row| Some((row["id"].as_u64()?, row["version"].as_u64()?)))
                .collect();
            // A page may have been pushed on by newer tickets; then its older rows are not on it.
            let last = if question.deed == Deed::List { rows.last().map_or(0, |row| row.0) } else { 0 };
            for (ticket, floor) in floors.into_iter().filter(|(ticket, floor)| *floor > 0 && *ticket >= last) {
                match rows.iter().find(|row| row.0 == ticket) {
                    Some((_, version)) if *version >= floor => {}
                    Some((_, version)) => {
                        wrong(format!("ticket {ticket} is at version {version}, {floor} was acknowledged before"));
                    }
                    None => wrong(format!("ticket {ticket} is not there")),
                }
            }
        }
    }
    Ok(Read::Answered)
}

/// Whether two neighbours of the queue are in the wrong order by their priorities alone.
fn inverted(first: &Value, second: &Value) -> bool {
    let level = |ticket: &Value| PRIORITIES.iter().position(|known| Some(*known) == ticket["priority"].as_str());
    let young = |ticket: &Value| {
        let at = ticket["created_at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
        at.is_some_and(|at| jiff::Timestamp::now().duration_since(at).unsigned_abs() < NOT_LIFTED)
    };
    young(first) && young(second) && level(first) < level(second)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Q1: who is more urgent comes first, as far as priorities alone decide.
    #[test]
    fn a_queue_that_shows_the_less_urgent_first_is_found() {
        let now = jiff::Timestamp::now().to_string();
        let ticket = |priority: &str, at: &str| json!({ "priority": priority, "created_at": at });
        assert!(inverted(&ticket("low", &now), &ticket("urgent", &now)));
        assert!(!inverted(&ticket("urgent", &now), &ticket("low", &now)));
        assert!(!inverted(&ticket("high", &now), &ticket("high", &now)));
        let old = "2024-01-01T00:00:00Z";
        assert!(!inverted(&ticket("low", old), &ticket("urgent", &now)), "it may have been lifted");
    }
}
