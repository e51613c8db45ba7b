//! Records after a seq, sifted by topic, put together from the journal's own bytes; with patience, the answer waits for one.
//!
//! Called by [`super::Reads`]. It never parses a record that it only passes on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::topics::Sieve;
use super::{Core, fault};
use crate::domain::ids::{Seq, TicketId, Version};
use crate::domain::permissions::{Principal, Sight};
use crate::journal::Stored;
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::reading::{EventsBytes, EventsQuery};
use crate::protocol::topic::Topic;

/// An answer without a record is given after looking for one this long, though there may be one: the asker goes on from there.
const LOOK_FOR: Duration = Duration::from_secs(5);
/// Records that are looked at in one turn.
const LOOK_AT: usize = 50_000;
/// The same where looking at one means folding its ticket's history.
const LOOK_AT_SLOWLY: usize = 5_000;
/// Records of one ticket that are read at once.
const HISTORY: usize = 1_000;
/// A reply's records end before this many bytes, but there is at least one.
const REPLY_BYTES: usize = 4 << 20;

pub async fn events(
    core: &Arc<Core>,
    query: EventsQuery,
    principal: &Principal,
    sight: Sight,
) -> Result<EventsBytes, Problem> {
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
            Some(Sieve::new(Arc::clone(&core.histories), topics, principal.id.clone(), core.promote_after_ms))
        }
    };
    let mut search = Search { after: query.after, sieve, limit: query.limit, sight };
    let now = tokio::time::Instant::now;
    let deadline = query.wait.map(|wait| now() + wait);
    let tired = now() + LOOK_FOR;
    let mut head = core.head.clone();
    // Who waits when the server leaves goes empty-handed, once; who comes then and would wait comes back later.
    let is_leaving = head.has_changed().is_err();
    loop {
        head.mark_unchanged();
        // What is sifted may have to be looked for; the rest lies right behind the asker's position.
        let (found, back) = if search.sieve.is_some() || !sight.is_whole() {
            core.blocking_long(move |core| search.step(core)).await?
        } else {
            core.blocking(move |core| search.step(core)).await?
        };
        search = back;
        if found.records.is_empty() && found.more && now() < deadline.unwrap_or(tired) {
            continue;
        }
        let Some(deadline) = deadline.filter(|_| found.records.is_empty()) else {
            return Ok(reply(core, &found));
        };
        if is_leaving {
            return Err(Problem::new(Code::Unavailable, "the server is leaving: ask again when it is back"));
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
    sight: Sight,
}

struct Found {
    records: Vec<Stored>,
    next_after: Seq,
    /// There are records that were not looked at.
    more: bool,
}

impl Search {
    fn step(mut self, core: &Core) -> Result<(Found, Self), Problem> {
        // What was committed since the asker's position is looked through where it is little; a held call's always is.
        let is_far = core.journal.head().seq.get() - self.after.get() > HISTORY as u64;
        if let Some(tickets) = self.sieve.as_ref().filter(|_| is_far).and_then(Sieve::only_tickets) {
            return self.step_tickets(core, &tickets);
        }
        let mut left = if self.sieve.as_ref().is_some_and(Sieve::is_slow) { LOOK_AT_SLOWLY } else { LOOK_AT };
        let (mut records, mut bytes) = (Vec::new(), 0);
        // Asked once a step for each ticket: what moves meanwhile is asked anew in the next.
        let mut seen: HashMap<TicketId, bool> = HashMap::new();
        loop {
            let wanted = if self.sieve.is_some() || !self.sight.is_whole() {
                left.min(1_000)
            } else {
                self.limit - records.len()
            };
            let batch = core.journal.read(self.after, wanted, REPLY_BYTES - bytes).map_err(|error| fault(&error))?;
            let is_end = batch.is_empty();
            for stored in batch {
                let passes = match &self.sieve {
                    None => true,
                    Some(sieve) => sieve.passes(&stored).map_err(|error| fault(&error))?,
                };
                let passes = passes && (self.sight.is_whole() || self.sees(core, &mut seen, stored.ticket)?);
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

impl Search {
    fn sees(&self, core: &Core, seen: &mut HashMap<TicketId, bool>, id: TicketId) -> Result<bool, Problem> {
        if let Some(known) = seen.get(&id) {
            return Ok(*known);
        }
        let is_seen = core.is_seen(id, self.sight)?;
        seen.insert(id, is_seen);
        Ok(is_seen)
    }

    /// A few tickets' records are found by their own histories, however long the journal is.
    fn step_tickets(mut self, core: &Core, tickets: &[TicketId]) -> Result<(Found, Self), Problem> {
        let head = core.journal.head().seq;
        let mut records = Vec::new();
        for id in tickets {
            if !core.is_seen(*id, self.sight)? {
                continue;
            }
            let mut after = Version::ZERO;
            loop {
                let batch = core.journal.read_ticket(*id, after, HISTORY).map_err(|error| fault(&error))?;
                after = Version(after.get() + batch.len() as u64);
                let is_end = batch.len() < HISTORY;
                records.extend(batch.into_iter().filter(|stored| stored.seq > self.after && stored.seq <= head));
                if is_end {
                    break;
                }
            }
        }
        records.sort_unstable_by_key(|stored| stored.seq);
        let mut bytes = 0;
        let fits = |stored: &&Stored| {
            let is_first = bytes == 0;
            bytes += stored.json.len();
            is_first || bytes <= REPLY_BYTES
        };
        let count = records.iter().take(self.limit).take_while(fits).count();
        let more = count < records.len();
        records.truncate(count);
        self.after = records.last().filter(|_| more).map_or(head, |last| last.seq);
        Ok((Found { records, next_after: self.after, more }, self))
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
