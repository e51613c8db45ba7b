//! Records after a seq, sifted by topic, put together from the journal's own bytes; with patience, the answer waits for one.
//!
//! Called by [`super::Reads`]. It never parses a record that it only passes on.

use std::sync::Arc;

use bytes::Bytes;

use super::topics::Sieve;
use super::{Core, fault};
use crate::domain::ids::Seq;
use crate::domain::permissions::Principal;
use crate::journal::Stored;
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::reading::{EventsBytes, EventsQuery};
use crate::protocol::topic::Topic;

/// Records that are looked at before an answer without any is given; the asker goes on from there.
const LOOK_AT: usize = 50_000;
/// The same where looking at one means folding its ticket's history.
const LOOK_AT_SLOWLY: usize = 5_000;
/// A reply's records end before this many bytes, but there is at least one.
const REPLY_BYTES: usize = 4 << 20;

pub async fn events(core: &Arc<Core>, query: EventsQuery, principal: &Principal) -> Result<EventsBytes, Problem> {
    if query.epoch.as_ref().is_some_and(|epoch| *epoch != core.epoch) {
        return Err(Problem::new(Code::Resnapshot, "this position is of another generation of the journal"));
    }
    let head = core.journal.head().seq;
    if query.after > head {
        let detail = format!("seq {} lies beyond the journal's head, {head}", query.after);
        return Err(Problem::new(Code::Resnapshot, detail));
    }
    let sieve = match query.topics {
        // The board's records are all records, and so is what nobody narrowed down.
        None => None,
        Some(topics) if topics.contains(&Topic::Board) => None,
        Some(topics) => {
            Some(Sieve::new(Arc::clone(&core.journal), topics, principal.id.clone(), core.promote_after_ms))
        }
    };
    let mut search = Search { after: query.after, sieve, limit: query.limit };
    let deadline = query.wait.map(|wait| tokio::time::Instant::now() + wait);
    let mut head = core.head.clone();
    loop {
        head.mark_unchanged();
        let (found, back) = core.blocking(move |core| search.step(core)).await?;
        search = back;
        let Some(deadline) = deadline.filter(|_| found.records.is_empty()) else {
            return Ok(reply(core, &found));
        };
        if found.more && tokio::time::Instant::now() < deadline {
            continue;
        }
        // No news in time, or none ever again because the server leaves: an empty answer.
        let change = tokio::time::timeout_at(deadline, head.changed()).await;
        if !matches!(change, Ok(Ok(()))) {
            return Ok(reply(core, &found));
        }
    }
}

struct Search {
    after: Seq,
    sieve: Option<Sieve>,
    limit: usize,
}

struct Found {
    records: Vec<Stored>,
    next_after: Seq,
    /// There are records that were not looked at.
    more: bool,
}

impl Search {
    fn step(mut self, core: &Core) -> Result<(Found, Self), Problem> {
        let mut left = if self.sieve.as_ref().is_some_and(Sieve::is_slow) { LOOK_AT_SLOWLY } else { LOOK_AT };
        let (mut records, mut bytes) = (Vec::new(), 0);
        loop {
            let wanted = if self.sieve.is_some() { left.min(1_000) } else { self.limit - records.len() };
            let batch = core.journal.read(self.after, wanted, REPLY_BYTES - bytes).map_err(|error| fault(&error))?;
            let is_end = batch.is_empty();
            for stored in batch {
                let passes = match &mut self.sieve {
                    None => true,
                    Some(sieve) => sieve.passes(&stored).map_err(|error| fault(&error))?,
                };
                left -= 1;
                if passes {
                    bytes += stored.json.len();
                    if bytes > REPLY_BYTES && !records.is_empty() {
                        return Ok((Found { records, next_after: self.after, more: true }, self));
                    }
                }
                self.after = stored.seq;
                if passes {
                    records.push(stored);
                }
                if records.len() == self.limit || bytes >= REPLY_BYTES || left == 0 {
                    return Ok((Found { records, next_after: self.after, more: true }, self));
                }
            }
            if is_end {
                return Ok((Found { records, next_after: self.after, more: false }, self));
            }
        }
    }
}

/// Byte for byte what serialising [`crate::protocol::views::Events`] gives.
fn reply(core: &Core, found: &Found) -> EventsBytes {
    let epoch = serde_json::to_string(&core.epoch).expect("invariant: an epoch is a string");
    let size: usize = found.records.iter().map(|stored| stored.json.len() + 1).sum();
    let mut json = Vec::with_capacity(size + 128);
    json.extend_from_slice(format!("{{\"epoch\":{epoch},\"records\":[").as_bytes());
    for (index, stored) in found.records.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        json.extend_from_slice(&stored.json);
    }
    json.extend_from_slice(format!("],\"next_after\":{}}}", found.next_after).as_bytes());
    EventsBytes { next_after: found.next_after, json: Bytes::from(json) }
}
