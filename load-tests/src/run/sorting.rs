//! How triage did in a run: by the records that it left, and by what it says of itself. Called by `run` where the scenario has a service.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::client::Target;
use crate::client::http::Connection;

/// Of the tickets that were opened in the run: how many got a proposal, by whom, and how long after the first was opened the last did.
pub fn figures(records: &[Value]) -> Vec<(String, f64)> {
    let mut opened: BTreeMap<u64, f64> = BTreeMap::new();
    let mut sorted: BTreeMap<u64, (f64, bool)> = BTreeMap::new();
    for record in records {
        let (Some(ticket), Some(at)) = (record["ticket"].as_u64(), seconds(&record["at"])) else { continue };
        match record["event"]["type"].as_str() {
            Some("created") => drop(opened.insert(ticket, at)),
            Some("triage_changed") if record["by"] == "system" => {
                let triage = &record["event"]["triage"];
                if triage["state"] != "waiting" {
                    sorted.entry(ticket).or_insert((at, triage["source"] == "deepseek"));
                }
            }
            _ => {}
        }
    }
    let first = opened.values().copied().fold(f64::INFINITY, f64::min);
    let done = opened.keys().filter_map(|ticket| sorted.get(ticket));
    let last = done.clone().map(|(at, _)| *at).fold(first, f64::max);
    let by_service = done.clone().filter(|(_, by_service)| *by_service).count();
    let left = opened.len() - done.count();
    let took = if opened.is_empty() { 0.0 } else { last - first };
    [
        ("triage.tickets", opened.len() as f64),
        ("triage.left", left as f64),
        ("triage.by_service", by_service as f64),
        ("triage.done_s", took),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// What it cost, as the desk counts it.
pub async fn costs(target: &Target) -> Result<Vec<(String, f64)>> {
    let reply = Connection::open(target).await?.get("/api/v1/triage/stats").await?;
    ensure!(reply.status == 200, "the figures of triage were answered with {}", reply.status);
    let stats: Value = serde_json::from_slice(&reply.body)?;
    let names = ["requests", "tickets_per_request", "tokens_per_ticket", "cache_hit_ratio", "usd_per_1000_tickets"];
    let found = names.iter().filter_map(|name| Some((format!("triage.{name}"), stats["service"][name].as_f64()?)));
    Ok(found.collect())
}

fn seconds(at: &Value) -> Option<f64> {
    let at: jiff::Timestamp = at.as_str()?.parse().ok()?;
    Some(at.as_millisecond() as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// L21: what was opened, what of it was sorted and when is read from the records alone.
    #[test]
    fn l21_sorting_is_judged_by_the_records() {
        let record = |ticket: u64, second: u64, by: &str, event: Value| json!({"ticket": ticket, "at": format!("2026-11-23T08:00:{second:02}.000Z"), "by": by, "event": event});
        let triage =
            |state: &str, source: &str| json!({"type": "triage_changed", "triage": {"state": state, "source": source}});
        let records = [
            record(1, 1, "u", json!({"type": "created"})),
            record(2, 2, "u", json!({"type": "created"})),
            record(3, 3, "u", json!({"type": "created"})),
            record(1, 4, "system", triage("waiting", "learner")),
            record(1, 9, "system", triage("proposed", "deepseek")),
            record(2, 5, "system", triage("proposed", "learner")),
            record(3, 6, "system", triage("waiting", "learner")),
            record(3, 7, "ann", triage("rejected", "learner")),
            record(9, 30, "system", triage("proposed", "deepseek")),
        ];
        let figures: BTreeMap<String, f64> = figures(&records).into_iter().collect();
        let of = |name: &str| figures[&format!("triage.{name}")] as u64;
        assert_eq!([of("tickets"), of("left"), of("by_service"), of("done_s")], [3, 1, 1, 8]);
        assert_eq!(super::figures(&[])[3].1 as u64, 0);
    }
}
