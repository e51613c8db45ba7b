//! The two stores behind one face, so that one suite asks both the same.

#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use hotdesk::domain::ids::{Seq, TicketId, Version};
use hotdesk::domain::state::TicketState;
use hotdesk::journal::disk::{Disk, RealDisk, Synced};
use hotdesk::journal::memory::{self, Fault, MemoryJournal};
use hotdesk::journal::sled_store::{Options, SledJournal};
use hotdesk::journal::{Append, Aside, Group, GroupRecord, Head, Journal, JournalError, format};
use parking_lot::{Condvar, Mutex};
use tempfile::TempDir;

pub trait Store: Sized {
    fn create() -> Self;
    fn journal(&self) -> Arc<dyn Journal>;
    /// As after `kill -9`.
    fn reopen(&mut self) -> Result<(), JournalError>;
    fn set_full(&self, full: bool);
    /// The next commit fails while it is made safe.
    fn fail_next(&self);
    /// Holds commits while they are made safe.
    fn hold(&self) -> Box<dyn Held>;
}

pub trait Held {
    /// Returns once a commit stands before the gate.
    fn wait_for_commit(&self);
    fn open(self: Box<Self>);
}

pub struct Memory(MemoryJournal);

impl Store for Memory {
    fn create() -> Self {
        Self(MemoryJournal::new())
    }

    fn journal(&self) -> Arc<dyn Journal> {
        Arc::new(self.0.clone())
    }

    fn reopen(&mut self) -> Result<(), JournalError> {
        self.0 = self.0.reopen()?;
        Ok(())
    }

    fn set_full(&self, full: bool) {
        self.0.set_full(full);
    }

    fn fail_next(&self) {
        self.0.fail_next(Fault::Torn);
    }

    fn hold(&self) -> Box<dyn Held> {
        Box::new(self.0.hold())
    }
}

impl Held for memory::Gate {
    fn wait_for_commit(&self) {
        self.wait_for_commit();
    }

    fn open(self: Box<Self>) {
        (*self).open();
    }
}

/// `LATE`: how many records states and commands lie behind in the tree.
pub struct SledStore<const LATE: u64> {
    data: TempDir,
    disk: Arc<FaultyDisk>,
    journal: Option<Arc<SledJournal>>,
}

/// As the desk opens it: in a short test everything is late.
pub type Sled = SledStore<8192>;

/// Everything is written out nearly at once.
pub type Prompt = SledStore<2>;

impl<const LATE: u64> SledStore<LATE> {
    pub fn folder(&self) -> &Path {
        self.data.path()
    }

    pub fn sled(&self) -> &SledJournal {
        self.journal.as_ref().expect("open")
    }

    pub fn options(&self) -> Options {
        Options { disk: self.disk.clone(), late_records: LATE, ..Options::default() }
    }
}

impl<const LATE: u64> Store for SledStore<LATE> {
    fn create() -> Self {
        let mut store = Self { data: TempDir::new().unwrap(), disk: Arc::default(), journal: None };
        store.reopen().unwrap();
        store
    }

    fn journal(&self) -> Arc<dyn Journal> {
        self.journal.clone().expect("open")
    }

    fn reopen(&mut self) -> Result<(), JournalError> {
        self.journal = None;
        self.journal = Some(Arc::new(SledJournal::open(self.data.path(), &self.options())?));
        Ok(())
    }

    fn set_full(&self, full: bool) {
        self.disk.0.lock().full = full;
    }

    fn fail_next(&self) {
        self.disk.0.lock().fail_next_sync = true;
    }

    fn hold(&self) -> Box<dyn Held> {
        self.disk.0.lock().held = true;
        Box::new(DiskGate(self.disk.clone()))
    }
}

/// The machine's disk, with faults.
#[derive(Default)]
pub struct FaultyDisk(Mutex<Faults>, Condvar);

#[derive(Default)]
struct Faults {
    full: bool,
    fail_next_sync: bool,
    held: bool,
    waiting: usize,
}

impl Disk for FaultyDisk {
    fn sync(&self, file: &File, what: Synced) -> io::Result<()> {
        let mut faults = self.0.lock();
        if what == Synced::Log {
            faults.waiting += 1;
            self.1.notify_all();
            while faults.held {
                self.1.wait(&mut faults);
            }
            faults.waiting -= 1;
            if std::mem::take(&mut faults.fail_next_sync) {
                return Err(io::Error::other("the test's disk failed"));
            }
        }
        drop(faults);
        RealDisk.sync(file, what)
    }

    fn room(&self, folder: &Path) -> io::Result<u64> {
        if self.0.lock().full { Ok(1 << 20) } else { RealDisk.room(folder) }
    }
}

struct DiskGate(Arc<FaultyDisk>);

impl Held for DiskGate {
    fn wait_for_commit(&self) {
        let mut faults = self.0.0.lock();
        while faults.waiting == 0 {
            self.0.1.wait(&mut faults);
        }
    }

    fn open(self: Box<Self>) {
        self.0.0.lock().held = false;
        self.0.1.notify_all();
    }
}

/// A group as the writer would make it.
pub fn group(head: Head, appends: &[Append], asides: Vec<Aside>) -> Group {
    let mut group = Group { head, asides, ..Group::default() };
    for append in appends {
        for part in &append.parts {
            for draft in &part.drafts {
                let seq = group.head.seq.next();
                let record = hotdesk::domain::record::Record { seq, draft: draft.clone() };
                let json = serde_json::to_vec(&record).unwrap();
                let crc = format::chain(group.head.crc, &json);
                group.records.push(GroupRecord {
                    seq,
                    ticket: part.ticket,
                    version: draft.version,
                    crc_before: group.head.crc,
                    crc,
                    json: json.into(),
                });
                group.head = Head { seq, crc };
            }
            group.states.retain(|state| state.ticket.id != part.ticket);
            group.states.push(part.after.clone());
        }
        group.memos.extend(append.memo.clone().map(|memo| hotdesk::journal::Memo { seq: group.head.seq, ..memo }));
    }
    group
}

/// Appends in one group and gives the states after it.
pub fn commit(journal: &dyn Journal, appends: &[Append]) -> Result<Vec<Arc<TicketState>>, JournalError> {
    journal.commit(&group(journal.head(), appends, Vec::new()))?;
    Ok(appends.iter().flat_map(|append| append.parts.iter().map(|part| part.after.clone())).collect())
}

/// Everything that a reader can see, for comparing before and after.
pub fn everything(journal: &dyn Journal) -> Result<Seen, JournalError> {
    let records = journal.read(Seq::ZERO, usize::MAX, usize::MAX)?;
    let mut active = Vec::new();
    journal.active(&mut |state| active.push(state))?;
    let mut states = Vec::new();
    let mut histories = Vec::new();
    for id in 1..=journal.last_ticket().get() {
        states.push(journal.state(TicketId(id))?);
        let history = journal.read_ticket(TicketId(id), Version::ZERO, usize::MAX)?;
        assert_eq!(journal.version(TicketId(id))?.get(), history.len() as u64);
        histories.push(history.into_iter().map(|stored| (stored.seq, stored.json)).collect());
    }
    Ok(Seen {
        epoch: journal.epoch().to_string(),
        head: journal.head(),
        records: records.into_iter().map(|stored| (stored.seq, stored.json)).collect(),
        active,
        states,
        histories,
        asides: journal.asides("")?,
    })
}

type Lines = Vec<(Seq, bytes::Bytes)>;

#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub epoch: String,
    pub head: Head,
    pub records: Lines,
    pub active: Vec<TicketState>,
    pub states: Vec<Option<TicketState>>,
    pub histories: Vec<Lines>,
    pub asides: Vec<(String, bytes::Bytes)>,
}
