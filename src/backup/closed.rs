//! Tickets that have been closed for long, each as a file of its own in the backup place: its records, with the texts.
//!
//! The journal is read on from where the last look ended, so each look costs what is new. What a file holds it keeps: a ticket whose
//! texts were erased from the desk since is never written over them, and one that moved on gets its later records added. A file
//! goes only with what is erased on purpose, by [`erase`](super::erase).

use serde::{Deserialize, Serialize};

use super::{BackupError, Source, at};
use crate::domain::ids::{Epoch, Seq, TicketId, Version};
use crate::domain::record::Record;
use crate::domain::ticket::Status;
use crate::domain::time::Timestamp;
use crate::storage::{Storage, StorageError};

pub(super) const FOLDER: &str = "closed";
const CURSOR: &str = "closed/cursor.json";
const PAGE_RECORDS: usize = 1000;
const PAGE_BYTES: usize = 4 << 20;

/// Up to where the journal was looked through.
#[derive(Default, Serialize, Deserialize)]
struct Cursor {
    epoch: Option<Epoch>,
    seq: Seq,
}

impl Source {
    /// Puts every ticket that was closed before then, and is closed still, into `closed/`. Gives how many.
    ///
    /// # Errors
    /// When something cannot be read or written; the next look goes on there.
    pub fn archive_closed(&self, place: &Storage, before: Timestamp) -> Result<usize, BackupError> {
        let failed = at(place);
        let epoch = self.journal.epoch();
        let mut cursor = match self.runtime.block_on(place.read(CURSOR)) {
            Ok(text) => serde_json::from_slice::<Cursor>(&text).unwrap_or_default(),
            Err(StorageError::Absent(_)) => Cursor::default(),
            Err(error) => return Err(failed(error)),
        };
        if cursor.epoch.as_ref() != Some(&epoch) {
            cursor = Cursor { epoch: Some(epoch), seq: Seq::ZERO };
        }
        let mut archived = 0;
        'pages: loop {
            let page = self.journal.read(cursor.seq, PAGE_RECORDS, PAGE_BYTES)?;
            if page.is_empty() {
                break;
            }
            for stored in page {
                let record = stored.record()?;
                if record.at >= before {
                    break 'pages;
                }
                cursor.seq = stored.seq;
                if record.patch.status == Some(Status::Closed) && self.is_closed(record.ticket)? {
                    let month: String = record.at.to_string().chars().take(7).collect();
                    let name = format!("{FOLDER}/{month}/{}", file_name(record.ticket));
                    archived += usize::from(self.archive(place, &name, record.ticket)?);
                }
            }
        }
        let text = serde_json::to_vec(&cursor).map_err(std::io::Error::other)?;
        self.runtime.block_on(place.put(CURSOR, text.into())).map_err(&failed)?;
        Ok(archived)
    }

    fn is_closed(&self, ticket: TicketId) -> Result<bool, BackupError> {
        Ok(self.journal.state(ticket)?.is_some_and(|state| state.ticket.status == Status::Closed))
    }

    /// Writes a ticket's records, or adds those that its file does not have yet. False where it has them all.
    fn archive(&self, place: &Storage, name: &str, ticket: TicketId) -> Result<bool, BackupError> {
        let mut text = match self.runtime.block_on(place.read(name)) {
            Ok(text) => text.to_vec(),
            Err(StorageError::Absent(_)) => Vec::new(),
            Err(error) => return Err(at(place)(error)),
        };
        let there = text.len();
        let after = last_version(name, &text)?;
        self.add_history(ticket, after, &mut text)?;
        if text.len() == there {
            return Ok(false);
        }
        self.runtime.block_on(place.put(name, text.into())).map_err(at(place))?;
        Ok(true)
    }

    /// A ticket's records after that version, one a line.
    fn add_history(&self, ticket: TicketId, mut after: Version, text: &mut Vec<u8>) -> Result<(), BackupError> {
        loop {
            let records = self.journal.read_ticket(ticket, after, PAGE_RECORDS)?;
            let Some(last) = records.last() else { return Ok(()) };
            after = last.record()?.version;
            for stored in &records {
                text.extend_from_slice(&stored.json);
                text.push(b'\n');
            }
        }
    }
}

fn file_name(ticket: TicketId) -> String {
    format!("{:012}.ndjson", ticket.get())
}

/// The ticket that a file is of; `None` for what is no ticket's.
pub(super) fn ticket_of(name: &str) -> Option<TicketId> {
    Some(TicketId(name.rsplit('/').next()?.strip_suffix(".ndjson")?.parse().ok()?))
}

fn last_version(name: &str, text: &[u8]) -> Result<Version, BackupError> {
    let Some(line) = text.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()) else { return Ok(Version::ZERO) };
    let record: Record = serde_json::from_slice(line)
        .map_err(|error| BackupError::Damaged(format!("the end of {name} cannot be read: {error}")))?;
    Ok(record.version)
}
