//! Which records belong to which topic, for records that are read from the journal.
//!
//! `queue` and `mine` depend on the ticket before and after the record, so its history is folded as far as needed. Pure but for
//! reading the journal. Called by `reads::events`.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::apply::apply;
use crate::domain::ids::{TicketId, UserId, Version};
use crate::domain::record::Record;
use crate::domain::state::TicketState;
use crate::domain::time::Timestamp;
use crate::journal::{Journal, JournalError, Stored};
use crate::projections::queue::RankKey;
use crate::protocol::topic::Topic;

/// Records of a ticket that are read at once.
const BATCH: usize = 500;
/// Tickets of which a generation knows how they stood; two generations are kept.
const GENERATION: usize = 256;

/// Whether a record changed the queue: it brought its ticket in, took it out, or changed its rank.
pub fn touches_queue(before: Option<&TicketState>, after: &TicketState, at: Timestamp, promote_after_ms: i64) -> bool {
    let key = |state: &TicketState| RankKey::of(state, promote_after_ms, at);
    before.and_then(key) != key(after)
}

/// Whether a ticket is the user's or was until this record.
pub fn is_mine(before: Option<&TicketState>, after: &TicketState, user: &UserId) -> bool {
    let holds = |state: &TicketState| state.ticket.assignee.as_ref() == Some(user);
    after.background.holders.contains(user) || before.is_some_and(holds) || holds(after)
}

/// Sifts records by topic.
pub struct Sieve {
    topics: Vec<Topic>,
    user: UserId,
    promote_after_ms: i64,
    histories: Arc<Histories>,
}

impl Sieve {
    pub fn new(histories: Arc<Histories>, topics: Vec<Topic>, user: UserId, promote_after_ms: i64) -> Self {
        Self { topics, user, promote_after_ms, histories }
    }

    /// Whether sifting a record means folding its ticket's history.
    pub fn is_slow(&self) -> bool {
        self.topics.iter().any(|topic| matches!(topic, Topic::Queue | Topic::Mine))
            && !self.topics.contains(&Topic::Board)
    }

    /// The tickets, where nothing but tickets is asked for. Topics without records ask for nothing.
    pub fn only_tickets(&self) -> Option<Vec<TicketId>> {
        let with_records = self.topics.iter().filter(|topic| topic.has_records());
        with_records.map(|topic| if let Topic::Ticket(id) = topic { Some(*id) } else { None }).collect()
    }

    pub fn passes(&self, stored: &Stored) -> Result<bool, JournalError> {
        // Only active tickets change, and the record that closes one is still the board's.
        if self.topics.contains(&Topic::Board) || self.topics.contains(&Topic::Ticket(stored.ticket)) {
            return Ok(true);
        }
        if !self.is_slow() {
            return Ok(false);
        }
        let record = stored.record()?;
        let Around { before, after } = self.histories.around(&record)?;
        Ok(self.topics.iter().any(|topic| match topic {
            Topic::Queue => touches_queue(before.as_deref(), &after, record.at, self.promote_after_ms),
            Topic::Mine => is_mine(before.as_deref(), &after, &self.user),
            Topic::Board | Topic::Ticket(_) | Topic::Analytics | Topic::Presence | Topic::Desk => false,
        }))
    }
}

/// Tickets as they stood around the newest of their records that was read, so that a ticket's next record costs one step. One for all
/// readers: those who wait for news read the same records. What was not asked for lately is let go and folded again when needed.
pub struct Histories {
    journal: Arc<dyn Journal>,
    known: Mutex<Known>,
}

/// A ticket before and after one record.
#[derive(Clone)]
struct Around {
    before: Option<Arc<TicketState>>,
    after: Arc<TicketState>,
}

/// What was asked for lately, and what before that.
#[derive(Default)]
struct Known {
    young: HashMap<TicketId, Around>,
    old: HashMap<TicketId, Around>,
}

impl Known {
    fn get(&mut self, id: TicketId) -> Option<Around> {
        let around = self.young.get(&id).or_else(|| self.old.get(&id))?.clone();
        self.put(id, around.clone());
        Some(around)
    }

    fn put(&mut self, id: TicketId, around: Around) {
        self.young.insert(id, around);
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

impl Histories {
    pub fn new(journal: Arc<dyn Journal>) -> Self {
        Self { journal, known: Mutex::default() }
    }

    fn around(&self, record: &Record) -> Result<Around, JournalError> {
        let id = record.ticket;
        let known = self.known.lock().get(id);
        let mut before = match known {
            Some(around) if around.after.ticket.version == record.version => return Ok(around),
            Some(around) if around.after.ticket.version < record.version => Some(around.after),
            Some(_) | None => None,
        };
        loop {
            let at = before.as_ref().map_or(Version::ZERO, |state| state.ticket.version);
            let missing = usize::try_from(record.version.get() - at.get() - 1).unwrap_or(usize::MAX);
            if missing == 0 {
                break;
            }
            let batch = self.journal.read_ticket(id, at, missing.min(BATCH))?;
            if batch.is_empty() {
                return Err(JournalError::Damaged {
                    what: format!("version {} of ticket {id} cannot be found", at.next()),
                });
            }
            let mut state = before.map(Arc::unwrap_or_clone);
            for stored in &batch {
                state = Some(apply(state, &stored.record()?.draft));
            }
            before = state.map(Arc::new);
        }
        let after = Arc::new(apply(before.as_deref().cloned(), &record.draft));
        let around = Around { before, after };
        self.known.lock().put(id, around.clone());
        Ok(around)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Seq;
    use crate::journal::memory::MemoryJournal;
    use crate::journal::sample::opened;

    /// F74: what is kept of tickets' histories is bounded, however many tickets are read, and the newest are at hand.
    #[test]
    fn f74_histories_are_bounded() {
        let histories = Histories::new(Arc::new(MemoryJournal::new()));
        for id in 1..=5_000 {
            let draft = opened(TicketId(id), "Hello").parts.remove(0).drafts.remove(0);
            let around = histories.around(&Record { seq: Seq(id), draft }).unwrap();
            assert!(around.before.is_none() && around.after.ticket.id == TicketId(id));
            let known = histories.known.lock();
            assert!(known.young.len() + known.old.len() <= 2 * GENERATION);
            assert!(known.young.contains_key(&TicketId(id)) || known.old.contains_key(&TicketId(id)));
        }
    }
}
