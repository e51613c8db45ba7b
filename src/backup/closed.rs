//! Tickets that have been closed for long, each as a file of its own in the backup place: its records, with the texts.
//!
//! The journal is read on from where the last look ended, so each look costs what is new. A ticket that came back to life and is
//! closed again later is written again then.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{BackupError, Source, at};
use crate::domain::ids::{Epoch, Seq, TicketId, Version};
use crate::domain::ticket::Status;
use crate::domain::time::Timestamp;
use crate::storage::{Storage, StorageError};

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
                    let name = format!("closed/{month}/{:012}.ndjson", record.ticket.get());
                    let text = self.history(record.ticket)?;
                    self.runtime.block_on(place.put(&name, text)).map_err(&failed)?;
                    archived += 1;
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

    /// A ticket's records, one a line.
    fn history(&self, ticket: TicketId) -> Result<Bytes, BackupError> {
        let mut text = Vec::new();
        let mut after = Version::ZERO;
        loop {
            let records = self.journal.read_ticket(ticket, after, PAGE_RECORDS)?;
            let Some(last) = records.last() else { return Ok(text.into()) };
            after = last.record()?.version;
            for stored in &records {
                text.extend_from_slice(&stored.json);
                text.push(b'\n');
            }
        }
    }
}
