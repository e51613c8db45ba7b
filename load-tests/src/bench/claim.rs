//! 160 agents take tickets from one queue as fast as they are given: nobody gets what somebody has, everything is handed
//! out, and nothing less urgent comes first.
//!
//! Order among concurrent claims is what a bystander with a watch can prove: where one claim had ended before another one
//! began, the first one's ticket must not rank after the second one's.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hyper::Method;
use serde_json::{Value, json};

use crate::client::Target;
use crate::client::desk::{Desk, PRIORITIES};
use crate::client::http::Connection;
use crate::histogram::Latencies;
use crate::report::Report;
use crate::server::Launcher;

const AGENTS: usize = 160;
const TICKETS: usize = 8000;
const NAME: &str = "claim-next";
const SHOWN: usize = 1000;

/// One ticket handed out.
#[derive(Clone, Debug)]
struct Claim {
    ticket: u64,
    rank: Rank,
    agent: usize,
    began: Duration,
    ended: Duration,
}

/// Smaller is handed out first: more urgent, then older.
type Rank = (usize, String);

pub async fn run(launcher: &Launcher, report: &mut Report) -> Result<()> {
    let folder = launcher.folder()?;
    let server = launcher.start(folder.path()).await?;
    let target = server.target();
    let mut desk = Desk::open(&target).await?;
    let agents = desk.agents(AGENTS).await?;
    let tickets = desk.tickets(TICKETS).await?;
    check_shown_order(&mut desk, report).await?;

    let mut connections = Vec::new();
    for (_, token) in &agents {
        connections.push(Connection::open(&target.with_token(token)).await?);
    }
    let began = Instant::now();
    let tasks: Vec<_> =
        connections.into_iter().enumerate().map(|(agent, http)| tokio::spawn(claim_all(http, agent, began))).collect();
    let (mut claims, mut latencies) = (Vec::new(), Latencies::default());
    for task in tasks {
        let (theirs, took) = task.await??;
        claims.extend(theirs);
        latencies.merge(&took);
    }
    let took = claims.iter().map(|claim| claim.ended).max().unwrap_or_default();
    report.add(NAME, &format!("{AGENTS} agents, {TICKETS} tickets"), claims.len() as f64 / took.as_secs_f64(), "/s");
    report.add(NAME, "  p50", latencies.quantile_ms(0.5), "ms");
    report.judge(NAME, "  p99", latencies.quantile_ms(0.99), "ms", 50.0);
    report.add(NAME, "  longest", latencies.max_ms(), "ms");
    let inversions = inversions(&mut claims);
    for broken in handed_out_wrongly(&claims, &tickets) {
        report.violation(format!("{NAME}: {broken}"));
    }
    if inversions > 0 {
        report.violation(format!("{NAME}: {inversions} tickets were handed out before one that ranks higher"));
    }
    check_holders(&target, &claims, &agents, report).await
}

/// The queue as it is shown must be in the order by which the claims will be judged.
async fn check_shown_order(desk: &mut Desk, report: &mut Report) -> Result<()> {
    let queue: Value = desk.http.get(&format!("/api/v1/queue?limit={SHOWN}")).await?.json()?;
    let rows = queue["data"].as_array().context("the queue has no data")?;
    ensure!(rows.len() == SHOWN, "{} of {TICKETS} tickets are in the queue", rows.len());
    let ranks = rows.iter().map(|row| rank(&row["ticket"])).collect::<Result<Vec<_>>>()?;
    if !ranks.is_sorted() {
        report.violation(format!("{NAME}: the queue is not shown by priority, then age"));
    }
    Ok(())
}

async fn claim_all(mut http: Connection, agent: usize, start: Instant) -> Result<(Vec<Claim>, Latencies)> {
    let (mut claims, mut latencies) = (Vec::new(), Latencies::default());
    loop {
        let began = start.elapsed();
        let reply = http.call(Method::POST, "/api/v1/queue/claim", Some("{}".into()), None).await?;
        let ended = start.elapsed();
        if reply.status == 204 {
            return Ok((claims, latencies));
        }
        latencies.record(ended.saturating_sub(began));
        let ticket: Value = reply.json()?;
        let id = ticket["id"].as_u64().context("a ticket without an id")?;
        claims.push(Claim { ticket: id, rank: rank(&ticket)?, agent, began, ended });
    }
}

fn rank(ticket: &Value) -> Result<Rank> {
    let priority = ticket["priority"].as_str().context("a ticket without a priority")?;
    let level = PRIORITIES.iter().rev().position(|known| *known == priority).context("an unknown priority")?;
    Ok((level, ticket["created_at"].as_str().context("a ticket without created_at")?.to_owned()))
}

/// Tickets that were handed out twice, that nobody got, that nobody opened.
fn handed_out_wrongly(claims: &[Claim], tickets: &[u64]) -> Vec<String> {
    let mut times: HashMap<u64, u32> = tickets.iter().map(|ticket| (*ticket, 0)).collect();
    for claim in claims {
        *times.entry(claim.ticket).or_default() += 1;
    }
    let count = |wrong: &dyn Fn(u32) -> bool| times.values().filter(|times| wrong(**times)).count();
    let (twice, never) = (count(&|times| times > 1), count(&|times| times == 0));
    let mut broken = Vec::new();
    if twice > 0 {
        broken.push(format!("{twice} tickets were handed out more than once"));
    }
    if never > 0 {
        broken.push(format!("{never} tickets were handed out to nobody"));
    }
    if times.len() > tickets.len() {
        broken.push(format!("{} tickets came from nowhere", times.len() - tickets.len()));
    }
    broken
}

/// Claims that began after the end of one whose ticket ranks lower.
fn inversions(claims: &mut [Claim]) -> usize {
    let mut by_end: Vec<(Duration, Rank)> = claims.iter().map(|claim| (claim.ended, claim.rank.clone())).collect();
    by_end.sort();
    claims.sort_by_key(|claim| claim.began);
    let mut ended = by_end.into_iter().peekable();
    let mut lowest: Option<Rank> = None;
    let mut inversions = 0;
    for claim in claims {
        while let Some((_, rank)) = ended.next_if(|(end, _)| *end < claim.began) {
            lowest = lowest.max(Some(rank));
        }
        if lowest.as_ref().is_some_and(|lowest| *lowest > claim.rank) {
            inversions += 1;
        }
    }
    inversions
}

/// What the desk says afterwards: each ticket is open and belongs to the one who was told so.
async fn check_holders(
    target: &Target,
    claims: &[Claim],
    agents: &[(String, String)],
    report: &mut Report,
) -> Result<()> {
    let snapshot = Desk::open(target).await?.snapshot().await?;
    let board: HashMap<u64, &Value> =
        snapshot.board.iter().filter_map(|ticket| Some((ticket["id"].as_u64()?, ticket))).collect();
    let wrong = claims.iter().filter(|claim| {
        let (holder, _) = &agents[claim.agent];
        let expected = (json!(holder), json!("open"));
        board
            .get(&claim.ticket)
            .is_none_or(|ticket| (&ticket["assignee"], &ticket["status"]) != (&expected.0, &expected.1))
    });
    let wrong = wrong.count();
    if wrong > 0 {
        report.violation(format!("{NAME}: {wrong} tickets are not open in the hands of the one who was given them"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(ticket: u64, level: usize, began: u64, ended: u64) -> Claim {
        let [began, ended] = [began, ended].map(Duration::from_millis);
        Claim { ticket, rank: (level, String::new()), agent: 0, began, ended }
    }

    #[test]
    fn only_what_a_bystander_can_prove_counts_as_inverted() {
        assert_eq!(inversions(&mut [claim(1, 0, 0, 5), claim(2, 1, 6, 9)]), 0);
        assert_eq!(inversions(&mut [claim(1, 1, 0, 5), claim(2, 0, 4, 9)]), 0, "they overlap");
        assert_eq!(inversions(&mut [claim(1, 1, 0, 5), claim(2, 0, 6, 9)]), 1);
    }

    #[test]
    fn twice_never_and_from_nowhere_are_told_apart() {
        let claims = [claim(1, 0, 0, 1), claim(1, 0, 0, 1), claim(9, 0, 0, 1)];
        let broken = handed_out_wrongly(&claims, &[1, 2]).join("; ");
        assert!(
            broken.contains("more than once") && broken.contains("nobody") && broken.contains("nowhere"),
            "{broken}"
        );
        assert!(handed_out_wrongly(&[claim(1, 0, 0, 1)], &[1]).is_empty());
    }

    #[test]
    fn urgent_ranks_before_low_and_old_before_new() {
        let ticket = |priority: &str, at: &str| rank(&json!({ "priority": priority, "created_at": at })).unwrap();
        assert!(ticket("urgent", "2026-01-02") < ticket("low", "2026-01-01"));
        assert!(ticket("low", "2026-01-01") < ticket("low", "2026-01-02"));
    }
}
