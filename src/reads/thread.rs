//! One ticket's history: its messages, its records. Read from the journal; called by [`super::Reads`].

use super::{Core, fault};
use crate::domain::event::Event;
use crate::domain::ids::{TicketId, Version};
use crate::domain::message::Message;
use crate::domain::permissions::Sight;
use crate::domain::record::Record;
use crate::domain::rejection::Rejection;
use crate::protocol::problem::Problem;
use crate::protocol::views::TicketEvents;

/// Records that are read at once.
const BATCH: usize = 500;

/// All messages, oldest first.
pub fn messages(core: &Core, id: TicketId, sight: Sight) -> Result<Vec<Message>, Problem> {
    must_be_seen(core, id, sight)?;
    let mut messages = Vec::new();
    let mut after = Version::ZERO;
    loop {
        let records = read(core, id, after, BATCH)?;
        let Some(last) = records.last() else { return Ok(messages) };
        after = last.version;
        let is_end = records.len() < BATCH;
        messages.extend(records.into_iter().filter_map(|record| match record.draft.event {
            Event::Created { message } | Event::MessageAdded { message } => Some(message),
            _ => None,
        }));
        if is_end {
            return Ok(messages);
        }
    }
}

/// Records with versions after `after`, at most `limit`.
pub fn records(core: &Core, id: TicketId, after: Version, limit: usize, sight: Sight) -> Result<TicketEvents, Problem> {
    must_be_seen(core, id, sight)?;
    let mut records = read(core, id, after, limit + 1)?;
    let has_more = records.len() > limit;
    records.truncate(limit);
    let next_after = records.last().filter(|_| has_more).map(|record| record.version);
    Ok(TicketEvents { records, next_after })
}

fn must_be_seen(core: &Core, id: TicketId, sight: Sight) -> Result<(), Problem> {
    if core.is_seen(id, sight)? { Ok(()) } else { Err(Rejection::NotFound.into()) }
}

fn read(core: &Core, id: TicketId, after: Version, limit: usize) -> Result<Vec<Record>, Problem> {
    let stored = core.journal.read_ticket(id, after, limit).map_err(|error| fault(&error))?;
    stored.iter().map(|stored| stored.record().map_err(|error| fault(&error))).collect()
}
