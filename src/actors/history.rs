//! What actors need of one ticket's past: messages that a writer has not seen, and the ticket as a command left it.
//!
//! Everything here reads the journal, and no more of it than the answer needs: call it on a blocking thread.

use crate::domain::event::Event;
use crate::domain::ids::{CommandId, TicketId, UserId, Version};
use crate::domain::message::{Message, Visibility};
use crate::domain::patch::Patch;
use crate::domain::record::Record;
use crate::domain::ticket::Ticket;
use crate::journal::{Journal, JournalError, Stored};

/// Records of a ticket that are read at once: few, since each may have a message of half a megabyte.
const BATCH: usize = 32;
/// Messages that come with a refused reply, and bytes of records that they come from; one message at the least.
const UNSEEN_MESSAGES: usize = 50;
const UNSEEN_BYTES: usize = 512 << 10;
/// Records that are looked at for them: what is no message costs as well.
const UNSEEN_RECORDS: usize = 1_000;

/// Public messages that a writer has not seen.
#[derive(Debug, Default, PartialEq)]
pub struct Unseen {
    /// Oldest first.
    pub messages: Vec<Message>,
    /// There may be more after the last of them.
    pub has_more: bool,
}

/// The first public messages after `after`.
pub fn unseen(journal: &dyn Journal, ticket: TicketId, after: Version) -> Result<Unseen, JournalError> {
    let mut unseen = Unseen::default();
    let (mut at, mut bytes, mut looked_at) = (after, 0, 0);
    loop {
        let batch = journal.read_ticket(ticket, at, BATCH)?;
        let is_end = batch.len() < BATCH;
        for stored in batch {
            let record = stored.record()?;
            at = record.version;
            looked_at += 1;
            if let Event::MessageAdded { message } = record.draft.event
                && message.visibility == Visibility::Public
            {
                bytes += stored.json.len();
                let is_full = unseen.messages.len() == UNSEEN_MESSAGES || bytes > UNSEEN_BYTES;
                if is_full && !unseen.messages.is_empty() {
                    return Ok(Unseen { has_more: true, ..unseen });
                }
                unseen.messages.push(message);
            }
        }
        if is_end {
            return Ok(unseen);
        }
        if looked_at >= UNSEEN_RECORDS && !unseen.messages.is_empty() {
            return Ok(Unseen { has_more: true, ..unseen });
        }
    }
}

/// A command's answer, put together again.
#[derive(Debug, PartialEq)]
pub struct Answered {
    pub ticket: Ticket,
    pub message: Option<Message>,
}

/// The ticket as the command left it at `version`, its last, with the message that it added. `None` where there is no such
/// ticket.
///
/// The way from the ticket's present state back is as long as what came since; a ticket that has moved on further than it had
/// come by then is folded from its first record.
pub fn answered(
    journal: &dyn Journal,
    ticket: TicketId,
    version: Version,
    by: &UserId,
    command: &CommandId,
) -> Result<Option<Answered>, JournalError> {
    let Some(state) = journal.state(ticket)? else { return Ok(None) };
    let now = state.ticket.version;
    if now < version {
        let what = format!("ticket {ticket} stands at version {now}, and a command left it at {version}");
        return Err(JournalError::Damaged { what });
    }
    let mut past = if now.get() - version.get() <= version.get() {
        back_to(journal, state.ticket, version)?
    } else {
        on_to(journal, ticket, version)?
    };
    past.version = version;
    Ok(Some(Answered { ticket: past, message: message_of(journal, ticket, version, by, command)? }))
}

/// Whether the command that ended at `version` chose the team that the ticket is still in.
pub fn chose_team(
    journal: &dyn Journal,
    ticket: TicketId,
    version: Version,
    by: &UserId,
    command: &CommandId,
) -> Result<bool, JournalError> {
    let Some(state) = journal.state(ticket)? else { return Ok(false) };
    let start = Version(version.get().saturating_sub(RECORDS_OF_A_COMMAND));
    let own = read(journal, ticket, start, version)?;
    let own = own.iter().filter(|record| record.by == *by && record.command_id == *command);
    Ok(own.filter_map(|record| record.patch.team.as_ref()).any(|team| *team == state.ticket.team))
}

/// Takes off what came after `version`: each field that changed since gets the last value that it had until then.
fn back_to(journal: &dyn Journal, mut ticket: Ticket, version: Version) -> Result<Ticket, JournalError> {
    let mut changed = Patch::default();
    let mut at = version;
    while at < ticket.version {
        let batch = read(journal, ticket.id, at, ticket.version)?;
        at = batch.last().map_or(ticket.version, |last| last.version);
        for record in batch {
            changed.fill_from(record.draft.patch);
        }
    }
    let mut end = version;
    while !changed.is_empty() && end > Version::ZERO {
        let start = Version(end.get().saturating_sub(BATCH as u64));
        for record in read(journal, ticket.id, start, end)?.iter().rev() {
            record.patch.only(&changed).apply_to(&mut ticket);
            changed.drop_fields(&record.patch);
        }
        end = start;
    }
    Ok(ticket)
}

fn on_to(journal: &dyn Journal, id: TicketId, version: Version) -> Result<Ticket, JournalError> {
    let mut folded: Option<Ticket> = None;
    let mut at = Version::ZERO;
    while at < version {
        let batch = read(journal, id, at, version)?;
        at = batch.last().map_or(version, |last| last.version);
        for record in batch {
            match &mut folded {
                Some(ticket) => record.patch.apply_to(ticket),
                None => folded = record.draft.patch.into_ticket(id, version),
            }
        }
    }
    folded.ok_or_else(|| JournalError::Damaged { what: format!("ticket {id} does not begin with all its fields") })
}

/// A command's records stand together, and its message is among them.
fn message_of(
    journal: &dyn Journal,
    ticket: TicketId,
    version: Version,
    by: &UserId,
    command: &CommandId,
) -> Result<Option<Message>, JournalError> {
    let mut end = version;
    while end > Version::ZERO {
        let start = Version(end.get().saturating_sub(RECORDS_OF_A_COMMAND));
        for record in read(journal, ticket, start, end)?.into_iter().rev() {
            if record.command_id != *command || (record.by != *by && !record.by.is_desk()) {
                return Ok(None);
            }
            if let Event::Created { message } | Event::MessageAdded { message } = record.draft.event {
                return Ok(Some(message));
            }
        }
        end = start;
    }
    Ok(None)
}

/// As many as a command has as a rule.
const RECORDS_OF_A_COMMAND: u64 = 4;

/// The next few records after `after`, none after `until`.
fn read(journal: &dyn Journal, ticket: TicketId, after: Version, until: Version) -> Result<Vec<Record>, JournalError> {
    let wanted = usize::try_from(until.get() - after.get()).unwrap_or(usize::MAX).min(BATCH);
    let batch = journal.read_ticket(ticket, after, wanted)?;
    if batch.is_empty() {
        return Err(JournalError::Damaged { what: format!("version {} of ticket {ticket} is missing", after.next()) });
    }
    batch.iter().map(Stored::record).collect()
}
