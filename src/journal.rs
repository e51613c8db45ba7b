//! The journal: every change to the desk, in one order, on disk before anybody hears of it.
//!
//! This file is the contract. One [`writer`] thread appends in groups and alone gives out `seq`; [`Journal`] is what a store must
//! do for it, with an implementation on sled and one in memory. Nothing outside this folder knows which one runs.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{CommandId, Epoch, Seq, TicketId, UserId, Version};
use crate::domain::record::{Draft, Record};
use crate::domain::state::TicketState;
use crate::domain::time::Timestamp;

pub mod archive;
pub mod bench;
pub mod cli;
mod commands;
pub mod disk;
pub mod erase;
pub mod format;
pub mod memory;
pub mod pack;
pub mod repair;
pub mod sample;
pub mod sled_store;
pub mod verify;
pub mod whole_file;
pub mod writer;
mod young;

/// What one command does to the journal: all of it is on disk, or none of it.
#[derive(Clone, Debug)]
pub struct Append {
    /// One part for each ticket that the command changes: one as a rule, two for a merge or a link.
    pub parts: Vec<Part>,
    /// Remembered for 24 hours, so that a repeat gets the first answer; `None` for what nobody can repeat.
    pub memo: Option<Memo>,
    /// Values beside the records that change together with them.
    pub asides: Vec<Aside>,
}

/// The records of one ticket in an append.
#[derive(Clone, Debug)]
pub struct Part {
    pub ticket: TicketId,
    /// The version that the records were decided on; 0 for a ticket that is being opened. Another one on disk refuses the append.
    pub expect: Version,
    /// At least one, with versions `expect + 1` and on.
    pub drafts: Vec<Draft>,
    /// The ticket before and after, for those who fold the commit without a replay. After is what [`apply`](crate::domain::apply)
    /// makes of the drafts: a store may fold it again out of the records.
    pub before: Option<Arc<TicketState>>,
    pub after: Arc<TicketState>,
}

/// A command that took effect, and enough to give its answer again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memo {
    pub user: UserId,
    pub key: CommandId,
    /// Over path and parsed body: the same key with another one is a mistake of the client.
    pub fingerprint: u64,
    pub at: Timestamp,
    /// The ticket that the command changed (for a claim: the one that was handed out).
    pub ticket: TicketId,
    /// The ticket's version after the command.
    pub version: Version,
    /// The seq of the command's last record; set by the writer.
    pub seq: Seq,
}

/// A durable value beside the records: users, tokens, settings. Takes no seq. One that belongs to a ticket is a JSON object that says
/// so in its field `ticket`, and goes where that ticket goes.
#[derive(Clone, Debug)]
pub struct Aside {
    /// `users/…`, `tokens/…`: the owner's name, a slash, the key.
    pub key: String,
    /// `None` removes it.
    pub value: Option<Bytes>,
}

impl Aside {
    /// The ticket that it belongs to.
    pub fn ticket(&self) -> Option<TicketId> {
        #[derive(Deserialize)]
        struct Owned {
            ticket: Option<TicketId>,
        }
        serde_json::from_slice::<Owned>(self.value.as_ref()?).ok()?.ticket
    }
}

/// A record with the bytes that lie on disk and go over the wire: one JSON object without a line end.
#[derive(Clone, Debug)]
pub struct Stored {
    pub seq: Seq,
    pub ticket: TicketId,
    pub json: Bytes,
}

impl Stored {
    /// Parses the record. The journal has checked its sum, so a failure is another program's doing.
    pub fn record(&self) -> Result<Record, JournalError> {
        serde_json::from_slice(&self.json)
            .map_err(|error| JournalError::Damaged { what: format!("record {} cannot be read: {error}", self.seq) })
    }
}

/// One append after it became durable; what the writer publishes, in order of seq.
#[derive(Clone, Debug)]
pub struct Committed {
    pub parts: Vec<CommittedPart>,
    pub last: Seq,
}

#[derive(Clone, Debug)]
pub struct CommittedPart {
    pub ticket: TicketId,
    pub records: Vec<Arc<Record>>,
    /// The records' bytes, in the same order.
    pub stored: Vec<Stored>,
    pub before: Option<Arc<TicketState>>,
    pub after: Arc<TicketState>,
}

/// Where the journal ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub seq: Seq,
    /// CRC-32C of the last record, chained: it covers the one before it.
    pub crc: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The store is not what was written. The desk does not start on it.
    #[error("the journal is damaged: {what}")]
    Damaged { what: String },
    /// Nothing is wrong with it, but this program cannot read it.
    #[error(
        "the journal has format {found}, written by a newer hotdesk; this one reads up to format {known}: run the newer one"
    )]
    Newer { found: u32, known: u32 },
    /// Another process has it open.
    #[error("the journal in {folder} is in use by another process")]
    InUse { folder: String },
    /// No room: nothing of the group was written; the same may succeed later.
    #[error("there is no room on the disk")]
    Full,
    /// Anything else from the disk. What was acknowledged before is safe, nothing after it can be promised: stop.
    #[error("storage failed: {0}")]
    Storage(#[from] std::io::Error),
}

/// What a store does for the writer and for readers.
///
/// Contract, checked by one suite against every implementation:
/// 1. [`Journal::commit`] is called by one thread at a time. When it returns `Ok`, everything in the group survives
///    `kill -9` and power loss. After `Full` nothing of the group is ever read. After any other error nothing of it is read in
///    this process, which stops; a reopen finds the group whole or not at all (a disk that fails while it makes a group safe
///    leaves it open which), and nobody was told that it was written.
/// 2. Reads see whole groups only, and only committed ones; they may run on any thread while a commit runs.
/// 3. Records have consecutive seqs from 1; each carries the CRC of the one before; opening verifies the tail
///    against the head that was written apart, and refuses with `Damaged` when they do not meet.
/// 4. `epoch` is made when the journal is created and changes only by restore or repair.
pub trait Journal: Send + Sync + 'static {
    fn epoch(&self) -> Epoch;

    fn head(&self) -> Head;

    /// The greatest ticket id in use.
    fn last_ticket(&self) -> TicketId;

    /// The ticket's version at the head; zero for a ticket without a record.
    fn version(&self, ticket: TicketId) -> Result<Version, JournalError>;

    /// False while a commit is bound to be refused with `Full`.
    fn has_room(&self) -> bool;

    /// Makes the group durable, all or nothing. It goes on where [`Journal::head`] stands, its records go on in their tickets, and
    /// it has the state of each ticket that it changes: a group that does not is a bug of the caller.
    fn commit(&self, group: &Group) -> Result<(), JournalError>;

    /// Records after `after`, in order, until `max_records` or `max_bytes` of JSON (at least one if there is one).
    fn read(&self, after: Seq, max_records: usize, max_bytes: usize) -> Result<Vec<Stored>, JournalError>;

    /// One ticket's records after `after`, in order, at most `limit`.
    fn read_ticket(&self, ticket: TicketId, after: Version, limit: usize) -> Result<Vec<Stored>, JournalError>;

    /// The ticket's state at the head.
    fn state(&self, ticket: TicketId) -> Result<Option<TicketState>, JournalError>;

    /// States of all tickets that are active at the head, in order of id.
    fn active(&self, each: &mut dyn FnMut(TicketState)) -> Result<(), JournalError>;

    /// A remembered command, however old; the caller judges its age.
    fn memo(&self, user: &UserId, key: &CommandId) -> Result<Option<Memo>, JournalError>;

    /// All remembered commands, in no order.
    fn memos(&self, each: &mut dyn FnMut(Memo)) -> Result<(), JournalError>;

    fn aside(&self, key: &str) -> Result<Option<Bytes>, JournalError>;

    /// All asides whose key begins with `prefix`, in order of key.
    fn asides(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, JournalError>;

    /// Forgets memos older than this, at most a few hundred in one call so that no commit waits for long; returns how many,
    /// zero once there are no more. Called by the thread that commits. A kill may bring some back, until the next call.
    fn forget_memos(&self, before: Timestamp) -> Result<usize, JournalError>;
}

/// What one commit makes durable: encoded by the writer, stored as it is.
#[derive(Debug, Default)]
pub struct Group {
    pub records: Vec<GroupRecord>,
    /// State after the group, once for each ticket that has a record in it.
    pub states: Vec<Arc<TicketState>>,
    /// In order of seq; those of records that are in earlier groups come without them.
    pub memos: Vec<Memo>,
    pub asides: Vec<Aside>,
    /// The head after the group.
    pub head: Head,
}

#[derive(Debug)]
pub struct GroupRecord {
    pub seq: Seq,
    pub ticket: TicketId,
    pub version: Version,
    /// Of the record before this one, and of this one (over the former and the JSON).
    pub crc_before: u32,
    pub crc: u32,
    pub json: Bytes,
}

impl Group {
    /// About what the group takes, before a store's own needs.
    fn bytes(&self) -> u64 {
        let records: usize = self.records.iter().map(|record| record.json.len() + 128).sum();
        let states = self.states.len() * 1024;
        let asides: usize =
            self.asides.iter().map(|aside| aside.key.len() + aside.value.as_ref().map_or(0, Bytes::len)).sum();
        (records + states + asides + self.memos.len() * 512) as u64
    }

    /// Asserts that the group goes on where the journal ends: seqs without a gap, sums chained, the head that of the last record.
    fn check_follows(&self, head: Head) {
        let mut end = head;
        for record in &self.records {
            assert!(
                record.seq == end.seq.next() && record.crc_before == end.crc,
                "invariant: record {} follows {}",
                record.seq,
                end.seq
            );
            end = Head { seq: record.seq, crc: record.crc };
        }
        assert!(end == self.head, "invariant: the group's head is that of its last record");
    }
}
