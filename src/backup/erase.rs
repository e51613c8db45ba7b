//! What is erased on purpose goes from the backup place as well, as far as it lies there under a name of its own: tickets that were put
//! aside, and files of messages. Copies of the journal stay what they are. Called by `hotdesk erase` before it changes the desk, so
//! that whatever cuts it short, the same command goes on.

use std::collections::BTreeSet;

use tokio::runtime::Handle;

use super::place::FILES;
use super::{BackupError, at, closed};
use crate::attachments::{object, small_object};
use crate::domain::ids::{AttachmentId, TicketId};
use crate::domain::record::Record;
use crate::journal::erase::{Wanted, files_of, is_from};
use crate::storage::{Storage, StorageError};

/// What of it lies in the place.
#[derive(Default)]
pub struct Found {
    /// Tickets that were put aside.
    pub closed: Vec<String>,
    /// Files of their messages.
    pub files: Vec<AttachmentId>,
}

/// Looks for what `wanted` means among the tickets that were put aside. `tickets` are those that the desk still knows to be meant;
/// one that was erased there before is known here alone, so for a requester every file is read.
///
/// # Errors
/// When the place cannot be read.
pub fn find(
    place: &Storage,
    wanted: &Wanted,
    tickets: &BTreeSet<TicketId>,
    runtime: &Handle,
) -> Result<Found, BackupError> {
    let mut found = Found::default();
    let listed = match runtime.block_on(place.list(closed::FOLDER)) {
        Err(StorageError::Absent(_)) => return Ok(found),
        listed => listed.map_err(at(place))?,
    };
    for name in listed.into_iter().map(|listed| listed.name) {
        let Some(ticket) = closed::ticket_of(&name) else { continue };
        let is_named = match wanted {
            Wanted::Requester(_) => tickets.contains(&ticket),
            Wanted::Ticket(wanted) => *wanted == ticket,
            // They were put there to be kept.
            Wanted::ClosedBefore(_) => return Ok(found),
        };
        let address = if let Wanted::Requester(address) = wanted { Some(address.as_str()) } else { None };
        if !is_named && address.is_none() {
            continue;
        }
        let text = runtime.block_on(place.read(&name)).map_err(at(place))?;
        let (mut is_meant, mut files) = (is_named, Vec::new());
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let record: Record = serde_json::from_slice(line)
                .map_err(|error| BackupError::Damaged(format!("{name} cannot be read: {error}")))?;
            is_meant |= address.is_some_and(|address| is_from(&record, address));
            files.extend(files_of(&record).map(|file| file.id.clone()));
        }
        if is_meant {
            found.closed.push(name);
            found.files.append(&mut files);
        }
    }
    Ok(found)
}

/// Removes what was found, and these files of messages. What names others goes last, so that a repeat finds them all.
///
/// # Errors
/// When the place cannot be written; the same call goes on there.
pub fn remove(place: &Storage, found: &Found, files: &[AttachmentId], runtime: &Handle) -> Result<(), BackupError> {
    let delete = |name: &str| runtime.block_on(place.delete(name)).map_err(at(place));
    for id in files.iter().chain(&found.files) {
        for name in [object(id), small_object(id)] {
            delete(&format!("{FILES}/{name}"))?;
        }
    }
    found.closed.iter().try_for_each(|name| delete(name))
}
