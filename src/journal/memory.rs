//! A journal in memory, for tests, with the faults that a disk can have.
//!
//! It keeps the same contract as the store on disk and never touches a file. [`MemoryJournal::reopen`] is a restart: it sees what
//! was committed and nothing else.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex, RwLock};

use super::{Aside, Group, Head, Journal, JournalError, Memo, Stored, format};
use crate::domain::ids::{CommandId, Epoch, Seq, TicketId, UserId, Version};
use crate::domain::state::TicketState;
use crate::domain::time::Timestamp;

/// How many memos one call of `forget_memos` takes away.
const FORGET_AT_ONCE: usize = 512;

/// See the module. Clones share the same "disk".
#[derive(Clone)]
pub struct MemoryJournal {
    image: Arc<RwLock<Image>>,
    faults: Arc<Faults>,
}

/// What the next commit runs into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full for this one commit.
    Full,
    /// The disk fails before anything is written; from then on every commit fails.
    Storage,
    /// Half of the group is written, then the disk fails; from then on every commit fails.
    Torn,
}

/// What lies on the "disk". Records beyond the head are the torn end of a group that was never committed.
struct Image {
    epoch: Epoch,
    head: Head,
    records: Vec<ImageRecord>,
    versions: BTreeMap<(TicketId, Version), Seq>,
    states: BTreeMap<TicketId, Arc<TicketState>>,
    memos: HashMap<(UserId, CommandId), Memo>,
    asides: BTreeMap<String, Bytes>,
}

#[derive(Clone)]
struct ImageRecord {
    stored: Stored,
    crc: u32,
}

#[derive(Default)]
struct Faults {
    plan: Mutex<Plan>,
    changed: Condvar,
}

#[derive(Default)]
struct Plan {
    next: Option<Fault>,
    full: bool,
    broken: bool,
    held: usize,
    /// Commits that pass although the gate is closed.
    passes: usize,
    waiting: usize,
    commits: usize,
    reads_held: usize,
    reads_waiting: usize,
    histories_read: usize,
}

/// Holds every commit until it is dropped, so that a test decides what happens while the disk is slow.
pub struct Gate {
    faults: Arc<Faults>,
}

impl Gate {
    /// Returns once a commit stands before the gate.
    pub fn wait_for_commit(&self) {
        let mut plan = self.faults.plan.lock();
        while plan.waiting == 0 {
            self.faults.changed.wait(&mut plan);
        }
    }

    /// Lets one commit go on.
    pub fn pass_one(&self) {
        self.faults.plan.lock().passes += 1;
        self.faults.changed.notify_all();
    }

    /// Lets the commits go on.
    pub fn open(self) {}
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.faults.plan.lock().held -= 1;
        self.faults.changed.notify_all();
    }
}

/// Holds every read of a ticket's records until it is dropped.
pub struct ReadGate {
    faults: Arc<Faults>,
}

impl ReadGate {
    /// Reads that stand before the gate.
    pub fn reads_waiting(&self) -> usize {
        self.faults.plan.lock().reads_waiting
    }
}

impl Drop for ReadGate {
    fn drop(&mut self) {
        self.faults.plan.lock().reads_held -= 1;
        self.faults.changed.notify_all();
    }
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryJournal {
    /// An empty journal with an epoch of its own.
    pub fn new() -> Self {
        Self {
            image: Arc::new(RwLock::new(Image {
                epoch: Epoch::from(uuid::Uuid::new_v4().to_string()),
                head: Head::default(),
                records: Vec::new(),
                versions: BTreeMap::new(),
                states: BTreeMap::new(),
                memos: HashMap::new(),
                asides: BTreeMap::new(),
            })),
            faults: Arc::default(),
        }
    }

    /// The journal as it is found after the process was killed: on the same "disk", without the old faults.
    pub fn reopen(&self) -> Result<Self, JournalError> {
        let old = self.image.read();
        let committed = usize::try_from(old.head.seq.get()).expect("invariant: records fit into memory");
        if old.records.len() < committed {
            return Err(JournalError::Damaged {
                what: format!("it ends at {} but its head says {}", old.records.len(), old.head.seq),
            });
        }
        let mut crc = 0;
        for (record, seq) in old.records[..committed].iter().zip(1..) {
            crc = format::chain(crc, &record.stored.json);
            if record.stored.seq.get() != seq || record.crc != crc {
                return Err(JournalError::Damaged { what: format!("record {seq} is not what was written") });
            }
        }
        Ok(Self {
            image: Arc::new(RwLock::new(Image {
                epoch: old.epoch.clone(),
                head: old.head,
                records: old.records[..committed].to_vec(),
                versions: old.versions.clone(),
                states: old.states.clone(),
                memos: old.memos.clone(),
                asides: old.asides.clone(),
            })),
            faults: Arc::default(),
        })
    }

    /// The next commit runs into this fault, once.
    pub fn fail_next(&self, fault: Fault) {
        self.faults.plan.lock().next = Some(fault);
    }

    /// The disk is full from now on, or has room again.
    pub fn set_full(&self, full: bool) {
        self.faults.plan.lock().full = full;
    }

    /// Holds commits back until the gate is opened or dropped. Reads go on.
    pub fn hold(&self) -> Gate {
        self.faults.plan.lock().held += 1;
        Gate { faults: self.faults.clone() }
    }

    /// Holds reads of tickets' records back until the gate is dropped, as a slow disk does.
    pub fn hold_histories(&self) -> ReadGate {
        self.faults.plan.lock().reads_held += 1;
        ReadGate { faults: self.faults.clone() }
    }

    /// Records that were read as parts of a ticket's history so far.
    pub fn histories_read(&self) -> usize {
        self.faults.plan.lock().histories_read
    }

    /// Flips a bit of a record that lies on the "disk"; a reopen must find it.
    pub fn damage(&self, seq: Seq) {
        let mut image = self.image.write();
        let record = &mut image.records[seq.get() as usize - 1];
        let mut json = record.stored.json.to_vec();
        json[0] ^= 1;
        record.stored.json = json.into();
    }

    /// Loses the last records of the "disk", as a disk without a working flush does; a reopen must find it.
    pub fn lose_tail(&self, records: usize) {
        let mut image = self.image.write();
        let left = image.records.len().saturating_sub(records);
        image.records.truncate(left);
    }

    /// Commits that were asked for so far.
    pub fn commits(&self) -> usize {
        self.faults.plan.lock().commits
    }

    fn pass_gate(&self) -> Option<Fault> {
        let mut plan = self.faults.plan.lock();
        plan.commits += 1;
        plan.waiting += 1;
        self.faults.changed.notify_all();
        while plan.held > 0 && plan.passes == 0 {
            self.faults.changed.wait(&mut plan);
        }
        plan.passes = plan.passes.saturating_sub(1);
        plan.waiting -= 1;
        if plan.broken {
            return Some(Fault::Storage);
        }
        let fault = plan.next.take().or(plan.full.then_some(Fault::Full));
        plan.broken = matches!(fault, Some(Fault::Storage | Fault::Torn));
        fault
    }
}

impl Image {
    fn push(&mut self, group: &Group, records: usize) {
        for record in &group.records[..records] {
            self.records.push(ImageRecord {
                stored: Stored { seq: record.seq, ticket: record.ticket, json: record.json.clone() },
                crc: record.crc,
            });
        }
    }

    fn committed(&self) -> &[ImageRecord] {
        let committed = usize::try_from(self.head.seq.get()).expect("invariant: records fit into memory");
        &self.records[..committed.min(self.records.len())]
    }
}

impl Journal for MemoryJournal {
    fn epoch(&self) -> Epoch {
        self.image.read().epoch.clone()
    }

    fn head(&self) -> Head {
        self.image.read().head
    }

    fn last_ticket(&self) -> TicketId {
        self.image.read().states.last_key_value().map_or(TicketId::ZERO, |(id, _)| *id)
    }

    fn version(&self, ticket: TicketId) -> Result<Version, JournalError> {
        let image = self.image.read();
        let newest = image.versions.range((ticket, Version::ZERO)..=(ticket, Version(u64::MAX))).next_back();
        Ok(newest.map_or(Version::ZERO, |((_, version), _)| *version))
    }

    fn has_room(&self) -> bool {
        !self.faults.plan.lock().full
    }

    fn commit(&self, group: &Group) -> Result<(), JournalError> {
        group.check_follows(self.head());
        match self.pass_gate() {
            None => {}
            Some(Fault::Full) => return Err(JournalError::Full),
            Some(Fault::Storage) => return Err(io::Error::other("the test's disk failed").into()),
            Some(Fault::Torn) => {
                self.image.write().push(group, group.records.len() / 2);
                return Err(io::Error::other("the test's disk tore a write").into());
            }
        }
        let mut image = self.image.write();
        image.push(group, group.records.len());
        for record in &group.records {
            image.versions.insert((record.ticket, record.version), record.seq);
        }
        for state in &group.states {
            image.states.insert(state.ticket.id, Arc::clone(state));
        }
        for memo in &group.memos {
            image.memos.insert((memo.user.clone(), memo.key.clone()), memo.clone());
        }
        for Aside { key, value } in &group.asides {
            match value {
                Some(value) => image.asides.insert(key.clone(), value.clone()),
                None => image.asides.remove(key),
            };
        }
        image.head = group.head;
        Ok(())
    }

    fn read(&self, after: Seq, max_records: usize, max_bytes: usize) -> Result<Vec<Stored>, JournalError> {
        let image = self.image.read();
        let mut bytes = 0;
        let start = usize::try_from(after.get()).unwrap_or(usize::MAX);
        let records = image.committed().get(start..).unwrap_or_default().iter().take(max_records);
        Ok(records
            .take_while(|record| {
                let first = bytes == 0;
                bytes += record.stored.json.len();
                first || bytes <= max_bytes
            })
            .map(|record| record.stored.clone())
            .collect())
    }

    fn read_ticket(&self, ticket: TicketId, after: Version, limit: usize) -> Result<Vec<Stored>, JournalError> {
        {
            let mut plan = self.faults.plan.lock();
            plan.reads_waiting += 1;
            while plan.reads_held > 0 {
                self.faults.changed.wait(&mut plan);
            }
            plan.reads_waiting -= 1;
        }
        let image = self.image.read();
        let seqs = image
            .versions
            .range((ticket, Version(after.get().saturating_add(1)))..=(ticket, Version(u64::MAX)))
            .take(limit);
        let records: Vec<_> = seqs.map(|(_, seq)| image.records[seq.get() as usize - 1].stored.clone()).collect();
        self.faults.plan.lock().histories_read += records.len();
        Ok(records)
    }

    fn state(&self, ticket: TicketId) -> Result<Option<TicketState>, JournalError> {
        Ok(self.image.read().states.get(&ticket).map(|state| TicketState::clone(state)))
    }

    fn active(&self, each: &mut dyn FnMut(TicketState)) -> Result<(), JournalError> {
        let states: Vec<_> = self.image.read().states.values().cloned().collect();
        states.iter().filter(|state| state.ticket.is_active()).map(|state| TicketState::clone(state)).for_each(each);
        Ok(())
    }

    fn memo(&self, user: &UserId, key: &CommandId) -> Result<Option<Memo>, JournalError> {
        Ok(self.image.read().memos.get(&(user.clone(), key.clone())).cloned())
    }

    fn memos(&self, each: &mut dyn FnMut(Memo)) -> Result<(), JournalError> {
        let memos: Vec<_> = self.image.read().memos.values().cloned().collect();
        memos.into_iter().for_each(each);
        Ok(())
    }

    fn aside(&self, key: &str) -> Result<Option<Bytes>, JournalError> {
        Ok(self.image.read().asides.get(key).cloned())
    }

    fn asides(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, JournalError> {
        let image = self.image.read();
        let from = image.asides.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        Ok(from.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn asides_after(&self, prefix: &str, after: &str, limit: usize) -> Result<Vec<(String, Bytes)>, JournalError> {
        let image = self.image.read();
        let from = image.asides.range(prefix.max(after).to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        let later = from.filter(|(key, _)| key.as_str() > after).take(limit.max(1));
        Ok(later.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn forget_memos(&self, before: Timestamp) -> Result<usize, JournalError> {
        let mut image = self.image.write();
        let old: Vec<_> = image
            .memos
            .iter()
            .filter(|(_, memo)| memo.at < before)
            .map(|(key, _)| key.clone())
            .take(FORGET_AT_ONCE)
            .collect();
        for key in &old {
            image.memos.remove(key);
        }
        Ok(old.len())
    }
}
