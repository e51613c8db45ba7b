//! Takes what people wrote out of a journal: texts, names, addresses and files of chosen tickets.
//!
//! A journal is never changed in place: its records are chained. So a new one is written, with an epoch of its own, in which those
//! records stand where they stood, with everything that moves and counts (status, times, who did what), and without their texts.
//! See decision 11. Called by `hotdesk erase`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::archive::Rebuild;
use super::{Aside, Head, Journal, JournalError};
use crate::domain::event::Event;
use crate::domain::ids::{AttachmentId, Seq, TicketId};
use crate::domain::message::Attachment;
use crate::domain::record::Record;
use crate::domain::ticket::Status;
use crate::domain::time::Timestamp;

/// What stands where a text was.
pub const ERASED: &str = "[erased]";
/// RFC 6761: nobody has an address there.
const NOBODY: &str = "erased@erased.invalid";

const PAGE_RECORDS: usize = 1000;
const PAGE_BYTES: usize = 4 << 20;

/// Which tickets are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Everything that came from this address, however it is written.
    Requester(String),
    Ticket(TicketId),
    /// Closed before then, and closed still.
    ClosedBefore(Timestamp),
}

/// What was taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    pub records: u64,
    /// Files of messages, which lie elsewhere: whoever called removes them.
    pub files: Vec<AttachmentId>,
    pub head: Head,
}

/// The tickets that are meant.
pub fn find(journal: &dyn Journal, wanted: &Wanted) -> Result<BTreeSet<TicketId>, JournalError> {
    let mut found = BTreeSet::new();
    each(journal, &mut |record, _| {
        let (patch, ticket) = (&record.patch, record.ticket);
        let is_meant = match wanted {
            Wanted::Ticket(wanted) => *wanted == ticket,
            Wanted::Requester(address) => is_from(record, address),
            Wanted::ClosedBefore(then) => patch.status == Some(Status::Closed) && record.at < *then,
        };
        if is_meant {
            found.insert(ticket);
        } else if matches!(wanted, Wanted::ClosedBefore(_)) && patch.status.is_some() {
            // It came back to life, or was closed again later.
            found.remove(&ticket);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Whether the record says that its ticket is this address's, however that is written.
pub fn is_from(record: &Record, address: &str) -> bool {
    let requester = record.patch.requester.as_ref();
    requester.is_some_and(|requester| requester.email.eq_ignore_ascii_case(address.trim()))
}

/// The files that came with the record.
pub fn files_of(record: &Record) -> impl Iterator<Item = &Attachment> {
    let message = match &record.event {
        Event::Created { message } | Event::MessageAdded { message } => Some(message),
        _ => None,
    };
    message.into_iter().flat_map(|message| &message.attachments)
}

/// Writes what `from` holds into `to`, which must be empty, without the texts of these tickets.
pub fn erase(from: &dyn Journal, to: &dyn Journal, tickets: &BTreeSet<TicketId>) -> Result<Erased, JournalError> {
    let mut erased = Erased::default();
    let mut rebuild = Rebuild::new(to);
    each(from, &mut |record, json| {
        if !tickets.contains(&record.ticket) {
            return rebuild.record(json, None);
        }
        erased.files.extend(files_of(record).map(|file| file.id.clone()));
        erased.records += 1;
        rebuild.record(&without_texts(json)?, None)
    })?;
    let gone: BTreeSet<String> = erased.files.iter().map(|id| format!("attachments/{id}")).collect();
    for (key, value) in from.asides("")? {
        if !gone.contains(&key) {
            rebuild.aside(Aside { key, value: Some(value) })?;
        }
    }
    let mut memos = Vec::new();
    from.memos(&mut |memo| memos.push(memo))?;
    memos.sort_by_key(|memo| memo.seq);
    for memo in memos {
        rebuild.memo(memo)?;
    }
    erased.head = rebuild.finish()?.head;
    Ok(erased)
}

/// Takes a record and its bytes.
type Take<'a> = dyn FnMut(&Record, &[u8]) -> Result<(), JournalError> + 'a;

fn each(journal: &dyn Journal, take: &mut Take<'_>) -> Result<(), JournalError> {
    let (head, mut after) = (journal.head().seq, Seq::ZERO);
    while after < head {
        for stored in journal.read(after, PAGE_RECORDS, PAGE_BYTES)? {
            take(&stored.record()?, &stored.json)?;
            after = stored.seq;
        }
    }
    Ok(())
}

/// The record with every text in it blanked. What it is about stays: the fields that moved, when, and by whom.
fn without_texts(json: &[u8]) -> Result<Vec<u8>, JournalError> {
    let unreadable =
        |error: serde_json::Error| JournalError::Damaged { what: format!("a record cannot be read: {error}") };
    let mut record: Value = serde_json::from_slice(json).map_err(unreadable)?;
    for part in ["event", "patch"] {
        if let Some(Value::Object(fields)) = record.get_mut(part) {
            if let Some(reason @ Value::String(_)) = fields.get_mut("reason") {
                *reason = ERASED.into();
            }
            blank(fields);
        }
    }
    // Through its type, so that what is written is what the desk itself would write.
    let record: Record = serde_json::from_value(record).map_err(unreadable)?;
    serde_json::to_vec(&record).map_err(unreadable)
}

fn blank(fields: &mut Map<String, Value>) {
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("subject" | "body" | "summary" | "reply_draft", text @ Value::String(_)) => *text = ERASED.into(),
            ("requester", who @ Value::Object(_)) => *who = json!({"name": ERASED, "email": NOBODY}),
            // A colleague has an id, and stays.
            ("author", Value::Object(who)) if !who.contains_key("id") => {
                who.insert("name".into(), ERASED.into());
                who.insert("email".into(), NOBODY.into());
            }
            ("custom", own @ Value::Object(_)) => *own = json!({}),
            ("attachments", files @ Value::Array(_)) => *files = json!([]),
            (_, Value::Object(inner)) => blank(inner),
            (_, Value::Array(items)) => {
                for item in items {
                    if let Value::Object(inner) = item {
                        blank(inner);
                    }
                }
            }
            _ => {}
        }
    }
}
