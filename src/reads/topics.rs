//! Which records belong to which topic, for records that are read from the journal.
//!
//! `queue` and `mine` depend on the ticket before and after the record, so its history is folded as far as needed. Pure but for
//! reading the journal. Called by `reads::events`.

use std::collections::HashMap;
use std::sync::Arc;

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
    histories: Histories,
}

impl Sieve {
    pub fn new(journal: Arc<dyn Journal>, topics: Vec<Topic>, user: UserId, promote_after_ms: i64) -> Self {
        Self { topics, user, promote_after_ms, histories: Histories { journal, last: HashMap::new() } }
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

    pub fn passes(&mut self, stored: &Stored) -> Result<bool, JournalError> {
        // Only active tickets change, and the record that closes one is still the board's.
        if self.topics.contains(&Topic::Board) || self.topics.contains(&Topic::Ticket(stored.ticket)) {
            return Ok(true);
        }
        if !self.is_slow() {
            return Ok(false);
        }
        let record = stored.record()?;
        let (before, after) = self.histories.around(&record)?;
        Ok(self.topics.iter().any(|topic| match topic {
            Topic::Queue => touches_queue(before.as_ref(), after, record.at, self.promote_after_ms),
            Topic::Mine => is_mine(before.as_ref(), after, &self.user),
            Topic::Board | Topic::Ticket(_) | Topic::Analytics | Topic::Presence => false,
        }))
    }
}

/// Tickets as they stood around the records that are being read, kept so that a ticket's next record costs one step.
struct Histories {
    journal: Arc<dyn Journal>,
    last: HashMap<TicketId, TicketState>,
}

impl Histories {
    fn around(&mut self, record: &Record) -> Result<(Option<TicketState>, &TicketState), JournalError> {
        let id = record.ticket;
        let mut before = self.last.remove(&id).filter(|state| state.ticket.version < record.version);
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
            for stored in &batch {
                before = Some(apply(before, &stored.record()?.draft));
            }
        }
        let after = apply(before.clone(), &record.draft);
        self.last.insert(id, after);
        Ok((before, &self.last[&id]))
    }
}
