//! The journal on disk: one sled tree, and a head file apart from it.
//!
//! sled's own flush is no promise against power loss, so every commit ends with a sync of the log through a handle of our own, and
//! then of the head file. Readers see only what is behind both. It never decides about tickets. Opened by `app` and the journal's
//! command line; one process at a time.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex, RwLock};
use sled::{Batch, IVec, Tree};

use super::disk::{Disk, RealDisk, Synced};
use super::format::{self, FORMAT, HeadMark, RecordMark, StateMark, head_file, key};
use super::{Aside, Group, Head, Journal, JournalError, Memo, Stored};
use crate::domain::ids::{CommandId, Epoch, Seq, TicketId, UserId, Version};
use crate::domain::state::TicketState;
use crate::domain::time::Timestamp;

/// The journal's folder in the data folder.
pub const FOLDER: &str = "journal";

const HEAD_FILE: &str = "head";
const LOCK_FILE: &str = "lock";

/// Records whose sums are checked at every start; `hotdesk journal verify` checks all.
const TAIL_RECORDS: u64 = 1000;

/// How many memos one call of `forget_memos` takes away.
const FORGET_AT_ONCE: usize = 512;

/// Room that is never used, so that sled, which does not survive a full disk, never meets one: for the pages that it moves while
/// a group is written, and for the table of pages that it writes when it starts, about a hundredth of the log.
const ROOM_KEPT: u64 = 64 << 20;
const ROOM_KEPT_PART_OF_LOG: u64 = 32;

/// sled writes a changed leaf whole every tenth time: what a group may take on disk for each of its bytes.
const ROOM_FOR_A_BYTE: u64 = 8;

/// Takes a record's seq, mark and JSON; says whether to go on.
type EachRecord<'a> = dyn FnMut(Seq, RecordMark, &[u8]) -> Result<bool, JournalError> + 'a;

/// Takes a saved record's JSON and its sum; says whether to go on.
type EachSaved<'a> = dyn FnMut(&[u8], u32) -> Result<bool, JournalError> + 'a;

type KeyAndContent = (Vec<u8>, Vec<u8>);

/// How a journal is opened.
#[derive(Clone)]
pub struct Options {
    /// Memory for sled's pages.
    pub cache_bytes: u64,
    pub disk: Arc<dyn Disk>,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 32 << 20, disk: Arc::new(RealDisk) }
    }
}

/// See the module.
pub struct SledJournal {
    tree: Tree,
    /// Kept so that it closes after the tree.
    db: sled::Db,
    folder: PathBuf,
    log: File,
    head_file: File,
    disk: Arc<dyn Disk>,
    epoch: Epoch,
    durable: Mutex<Durable>,
    changed: Condvar,
    /// Held by a commit that changes asides: they carry no seq by which a reader could tell that they are not safe yet.
    asides: RwLock<()>,
    memo_days: RwLock<BTreeSet<u32>>,
    _lock: File,
}

/// What is safe on disk.
struct Durable {
    mark: HeadMark,
    /// A commit failed: what lies in the tree beyond the mark is not safe and never will be in this process.
    broken: bool,
}

impl SledJournal {
    /// True when `data` holds a journal, whatever its condition.
    pub fn exists(data: &Path) -> bool {
        let folder = data.join(FOLDER);
        folder.join(HEAD_FILE).exists() || folder.join("db").exists()
    }

    /// Opens the journal in `data`, or makes a new one with an epoch of its own when there is none.
    pub fn open(data: &Path, options: &Options) -> Result<Self, JournalError> {
        let folder = data.join(FOLDER);
        fs::create_dir_all(&folder)?;
        let lock = lock(&folder)?;
        let head_path = folder.join(HEAD_FILE);
        let on_file = match fs::read(&head_path) {
            Ok(bytes) if bytes.is_empty() => None,
            Ok(bytes) => Some(head_file::newest(&bytes).ok_or_else(|| damaged("the head file cannot be read"))?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(mark) = &on_file {
            mark.check_format()?;
        }
        let log_path = folder.join("db");
        if log_path.exists() {
            // What a killed process wrote may be in the page cache and nowhere else: safe first, read then.
            options.disk.sync(&OpenOptions::new().read(true).write(true).open(&log_path)?, Synced::Log)?;
        } else if on_file.is_some() {
            return Err(damaged("its log is missing"));
        }
        let (db, tree) = open_sled(&folder, options.cache_bytes)?;
        let log = OpenOptions::new().read(true).write(true).open(&log_path)?;
        let head_file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&head_path)?;
        sync_layout(options.disk.as_ref(), data, &folder)?;
        let mut journal = Self {
            tree,
            db,
            folder,
            log,
            head_file,
            disk: options.disk.clone(),
            epoch: Epoch::from(""),
            durable: Mutex::new(Durable { mark: new_mark(), broken: false }),
            changed: Condvar::new(),
            asides: RwLock::new(()),
            memo_days: RwLock::default(),
            _lock: lock,
        };
        let mark = match on_file {
            Some(on_file) => journal.recover(&on_file)?,
            None => journal.create()?,
        };
        journal.epoch = mark.epoch.clone();
        journal.durable.get_mut().mark = mark;
        *journal.memo_days.get_mut() = guarded(|| journal.read_memo_days())?;
        Ok(journal)
    }

    /// Makes the next start quick: sled writes its table of pages only when it opens, and without one a start reads the whole log
    /// that was written since. To be called after the journal is closed, when the desk stops in peace.
    pub fn settle(data: &Path, options: &Options) -> Result<(), JournalError> {
        Self::open(data, options).map(drop)
    }

    /// The first commit of a new journal: nothing but its mark.
    fn create(&self) -> Result<HeadMark, JournalError> {
        if !guarded(|| Ok(self.tree.is_empty()))? {
            // A process that died while it made the journal leaves the mark of the new journal and nothing else.
            let only_mark =
                guarded(|| self.mark_in_tree())?.filter(|mark| mark.commit == 1 && mark.head == Head::default());
            return match only_mark {
                Some(mark) => {
                    self.make_safe(&mark)?;
                    Ok(mark)
                }
                None => Err(damaged("the head file is missing")),
            };
        }
        let mark = HeadMark { commit: 1, ..new_mark() };
        guarded(|| {
            let mut batch = Batch::default();
            format::seal(&key::head(), &[&mark.encode()], |key, value| batch.insert(key, value));
            Ok(self.tree.apply_batch(batch)?)
        })?;
        self.make_safe(&mark)?;
        Ok(mark)
    }

    /// Compares the tree with the head file and checks the end of the history.
    fn recover(&self, on_file: &HeadMark) -> Result<HeadMark, JournalError> {
        let Some(mark) = guarded(|| self.mark_in_tree())? else {
            return Err(damaged(format!("it is empty, but record {} was confirmed", on_file.head.seq)));
        };
        mark.check_format()?;
        if mark.epoch != on_file.epoch {
            return Err(damaged(format!("its epoch is {}, that of its head file {}", mark.epoch, on_file.epoch)));
        }
        if mark.commit < on_file.commit || mark.head.seq < on_file.head.seq {
            return Err(damaged(format!(
                "it ends at record {} (commit {}), but record {} (commit {}) was confirmed",
                mark.head.seq, mark.commit, on_file.head.seq, on_file.commit
            )));
        }
        if mark.commit > on_file.commit + 1 {
            return Err(damaged(format!(
                "its head file stands at commit {}, the journal at {}: they do not belong together",
                on_file.commit, mark.commit
            )));
        }
        if mark.commit == on_file.commit && mark != *on_file {
            return Err(damaged("its end is not that of its head file"));
        }
        guarded(|| self.check_tail(&mark, on_file))?;
        self.make_safe(&mark)?;
        Ok(mark)
    }

    fn check_tail(&self, mark: &HeadMark, on_file: &HeadMark) -> Result<(), JournalError> {
        let end = mark.head.seq.get();
        let first = end.saturating_sub(TAIL_RECORDS).min(on_file.head.seq.get().saturating_sub(1));
        let mut crc = None;
        let mut seq = first;
        self.scan_records(Seq(first), Seq(u64::MAX), &mut |found, mark_of_record, json| {
            seq += 1;
            check_link(found, seq, &mark_of_record, json, crc)?;
            if found == on_file.head.seq && mark_of_record.crc != on_file.head.crc {
                return Err(damaged(format!("record {found} is not the one that was confirmed")));
            }
            crc = Some(mark_of_record.crc);
            Ok(true)
        })?;
        if seq != end || crc.is_some_and(|crc| crc != mark.head.crc) {
            return Err(damaged(format!("its records end at {seq}, but its head says {end}")));
        }
        Ok(())
    }

    fn mark_in_tree(&self) -> Result<Option<HeadMark>, JournalError> {
        let Some(content) = self.value(&key::head())? else { return Ok(None) };
        HeadMark::decode(&content).map(Some).ok_or_else(|| damaged("its head cannot be read"))
    }

    fn read_memo_days(&self) -> Result<BTreeSet<u32>, JournalError> {
        let mut days = BTreeSet::new();
        let mut from = key::memo_day(0);
        let end = [key::MEMO + 1];
        while let Some(entry) = self.tree.range(from.as_slice()..&end).next() {
            let (found, _) = entry?;
            let day = found.get(1..5).and_then(|day| day.try_into().ok()).map(u32::from_be_bytes);
            let day = day.ok_or_else(|| damaged("a remembered command has no day"))?;
            days.insert(day);
            let Some(next) = day.checked_add(1) else { break };
            from = key::memo_day(next);
        }
        Ok(days)
    }

    /// Syncs the log, then moves the head file.
    fn make_safe(&self, mark: &HeadMark) -> Result<(), JournalError> {
        guarded(|| Ok(self.tree.flush()?))?;
        self.disk.sync(&self.log, Synced::Log)?;
        let (offset, slot) = head_file::slot(mark);
        self.head_file.write_all_at(&slot, offset)?;
        self.disk.sync(&self.head_file, Synced::Head)?;
        Ok(())
    }

    fn room_for(&self, bytes: u64) -> io::Result<bool> {
        let kept = ROOM_KEPT + self.log.metadata()?.len() / ROOM_KEPT_PART_OF_LOG;
        Ok(self.disk.room(&self.folder)? >= kept.saturating_add(bytes.saturating_mul(ROOM_FOR_A_BYTE)))
    }

    fn write(&self, group: &Group, mark: &HeadMark) -> Result<(), JournalError> {
        let mut batch = Batch::default();
        for record in &group.records {
            let about = RecordMark {
                crc_before: record.crc_before,
                crc: record.crc,
                ticket: record.ticket,
                version: record.version,
            };
            format::seal(&key::record(record.seq), &[&about.encode(), &record.json], |key, value| {
                batch.insert(key, value);
            });
            let seq = record.seq.get().to_be_bytes();
            format::seal(&key::index(record.ticket, record.version), &[&seq], |key, value| batch.insert(key, value));
        }
        for state in &group.states {
            let about = StateMark { seq: group.head.seq, version: state.version, active: state.active };
            format::seal(&key::state(state.ticket), &[&about.encode(), &state.json], |key, value| {
                batch.insert(key, value);
            });
            let marker = key::active(state.ticket);
            if self.tree.contains_key(&marker)? != state.active {
                if state.active {
                    batch.insert(marker, &[]);
                } else {
                    batch.remove(marker);
                }
            }
        }
        for memo in &group.memos {
            let day = format::memo_day(memo.at);
            self.memo_days.write().insert(day);
            let json = serde_json::to_vec(memo).expect("invariant: a memo is JSON");
            format::seal(&key::memo(day, &memo.user, &memo.key), &[&json], |key, value| batch.insert(key, value));
        }
        for Aside { key: name, value } in &group.asides {
            let key = key::aside(name);
            for old in self.tree.scan_prefix(&key).keys() {
                batch.remove(old?);
            }
            if let Some(value) = value {
                format::seal(&key, &[value], |key, value| batch.insert(key, value));
            }
        }
        format::seal(&key::head(), &[&mark.encode()], |key, value| batch.insert(key, value));
        Ok(self.tree.apply_batch(batch)?)
    }

    /// The content of the value at `key`. A reader may meet a value between two commits' pieces: it looks again then.
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, JournalError> {
        let mut before: Option<IVec> = None;
        loop {
            let Some(first) = self.tree.get(format::piece_key(key, 0))? else { return Ok(None) };
            let pieces = format::pieces(&first).ok_or_else(|| unreadable(key))?;
            let mut whole = first.to_vec();
            for piece in 1..pieces {
                let piece = u16::try_from(piece).map_err(|_| unreadable(key))?;
                let Some(bytes) = self.tree.get(format::piece_key(key, piece))? else { break };
                whole.extend_from_slice(&bytes);
            }
            if let Some(content) = format::unseal(key, &whole) {
                return Ok(Some(content.to_vec()));
            }
            if before.as_ref() == Some(&first) {
                return Err(unreadable(key));
            }
            before = Some(first);
        }
    }

    /// Hands out the records after `after` up to `until`, as they lie in the tree, until `each` says false.
    fn scan_records(&self, after: Seq, until: Seq, each: &mut EachRecord<'_>) -> Result<(), JournalError> {
        let from = key::record(after.next());
        let to = format::piece_key(&key::record(until), u16::MAX);
        let mut values = Values::new(self.tree.range(from..=to));
        while let Some((key, content)) = values.next_value()? {
            let seq = key::parse_number(&key).map(Seq).ok_or_else(|| unreadable(&key))?;
            let (mark, json) = RecordMark::split(&content).ok_or_else(|| unreadable(&key))?;
            if !each(seq, mark, json)? {
                break;
            }
        }
        Ok(())
    }

    /// Returns once everything up to `seq` is safe.
    fn wait_for(&self, seq: Seq) -> Result<(), JournalError> {
        let mut durable = self.durable.lock();
        while durable.mark.head.seq < seq {
            if durable.broken {
                return Err(io::Error::other("the last commit failed").into());
            }
            self.changed.wait(&mut durable);
        }
        Ok(())
    }

    fn record_at(&self, seq: Seq) -> Result<Stored, JournalError> {
        let key = key::record(seq);
        let content = self.value(&key)?.ok_or_else(|| damaged(format!("record {seq} is missing")))?;
        let (mark, json) = RecordMark::split(&content).ok_or_else(|| unreadable(&key))?;
        if format::chain(mark.crc_before, json) != mark.crc {
            return Err(damaged(format!("record {seq} does not have its sum")));
        }
        Ok(Stored { seq, ticket: mark.ticket, json: Bytes::copy_from_slice(json) })
    }

    fn parse_state(&self, ticket: TicketId) -> Result<Option<TicketState>, JournalError> {
        let key = key::state(ticket);
        let Some(content) = self.value(&key)? else { return Ok(None) };
        let (mark, json) = StateMark::split(&content).ok_or_else(|| unreadable(&key))?;
        self.wait_for(mark.seq)?;
        serde_json::from_slice(json)
            .map(Some)
            .map_err(|error| damaged(format!("the state of ticket {ticket} cannot be read: {error}")))
    }
}

impl Drop for SledJournal {
    fn drop(&mut self) {
        // sled panics when the disk fails while it closes; everything that was promised is safe already.
        let _ = guarded(|| Ok(self.db.flush()?));
    }
}

impl Journal for SledJournal {
    fn epoch(&self) -> Epoch {
        self.epoch.clone()
    }

    fn head(&self) -> Head {
        self.durable.lock().mark.head
    }

    fn last_ticket(&self) -> TicketId {
        self.durable.lock().mark.last_ticket
    }

    fn version(&self, ticket: TicketId) -> Result<Version, JournalError> {
        let head = self.head().seq;
        guarded(|| {
            let from = key::index(ticket, Version::ZERO);
            let to = format::piece_key(&key::index(ticket, Version(u64::MAX)), u16::MAX);
            for entry in self.tree.range(from..=to).rev() {
                let (stored, value) = entry?;
                let (version, seq) = parse_index(&stored, &value)?;
                if seq <= head {
                    return Ok(version);
                }
            }
            Ok(Version::ZERO)
        })
    }

    fn has_room(&self) -> bool {
        self.room_for(0).unwrap_or(false)
    }

    fn commit(&self, group: &Group) -> Result<(), JournalError> {
        let before = {
            let durable = self.durable.lock();
            if durable.broken {
                return Err(io::Error::other("an earlier commit failed").into());
            }
            durable.mark.clone()
        };
        group.check_follows(before.head);
        if !self.room_for(group.bytes())? {
            return Err(JournalError::Full);
        }
        let last_ticket = group.records.iter().map(|record| record.ticket).max().unwrap_or_default();
        let mark = HeadMark {
            format: FORMAT,
            commit: before.commit + 1,
            head: group.head,
            last_ticket: before.last_ticket.max(last_ticket),
            epoch: self.epoch.clone(),
        };
        let _asides = (!group.asides.is_empty()).then(|| self.asides.write());
        let outcome = guarded(|| self.write(group, &mark)).and_then(|()| self.make_safe(&mark));
        let mut durable = self.durable.lock();
        match outcome {
            Ok(()) => durable.mark = mark,
            Err(_) => durable.broken = true,
        }
        drop(durable);
        self.changed.notify_all();
        outcome
    }

    fn read(&self, after: Seq, max_records: usize, max_bytes: usize) -> Result<Vec<Stored>, JournalError> {
        let head = self.head().seq;
        let mut records = Vec::new();
        if after >= head || max_records == 0 {
            return Ok(records);
        }
        let mut bytes = 0;
        let mut crc = None;
        let mut expected = after.get();
        guarded(|| {
            self.scan_records(after, head, &mut |seq, mark, json| {
                expected += 1;
                check_link(seq, expected, &mark, json, crc)?;
                crc = Some(mark.crc);
                bytes += json.len();
                if !records.is_empty() && bytes > max_bytes {
                    return Ok(false);
                }
                records.push(Stored { seq, ticket: mark.ticket, json: Bytes::copy_from_slice(json) });
                Ok(records.len() < max_records)
            })
        })?;
        if records.is_empty() {
            return Err(damaged(format!("record {} is missing", after.next())));
        }
        Ok(records)
    }

    fn read_ticket(&self, ticket: TicketId, after: Version, limit: usize) -> Result<Vec<Stored>, JournalError> {
        let head = self.head().seq;
        guarded(|| {
            let from = key::index(ticket, Version(after.get().saturating_add(1)));
            let to = format::piece_key(&key::index(ticket, Version(u64::MAX)), u16::MAX);
            let mut records = Vec::new();
            let mut expected = after;
            for entry in self.tree.range(from..=to).take(limit) {
                let (stored, value) = entry?;
                let (version, seq) = parse_index(&stored, &value)?;
                if seq > head {
                    break;
                }
                expected = expected.next();
                if version != expected {
                    return Err(damaged(format!("version {expected} of ticket {ticket} is missing")));
                }
                records.push(self.record_at(seq)?);
            }
            Ok(records)
        })
    }

    fn state(&self, ticket: TicketId) -> Result<Option<TicketState>, JournalError> {
        guarded(|| self.parse_state(ticket))
    }

    fn active(&self, each: &mut dyn FnMut(TicketState)) -> Result<(), JournalError> {
        for entry in self.tree.scan_prefix([key::ACTIVE]).keys() {
            let state = guarded(|| {
                let stored = entry?;
                let ticket = key::parse_number(&stored).map(TicketId).ok_or_else(|| unreadable(&stored))?;
                let state = self.parse_state(ticket)?;
                state.ok_or_else(|| damaged(format!("ticket {ticket} is active but has no state")))
            })?;
            each(state);
        }
        Ok(())
    }

    fn memo(&self, user: &UserId, command: &CommandId) -> Result<Option<Memo>, JournalError> {
        let days: Vec<u32> = self.memo_days.read().iter().rev().copied().collect();
        guarded(|| {
            for day in days {
                let key = key::memo(day, user, command);
                if let Some(json) = self.value(&key)? {
                    let memo: Memo = serde_json::from_slice(&json).map_err(|_| unreadable(&key))?;
                    self.wait_for(memo.seq)?;
                    return Ok(Some(memo));
                }
            }
            Ok(None)
        })
    }

    fn memos(&self, each: &mut dyn FnMut(Memo)) -> Result<(), JournalError> {
        let head = self.head().seq;
        let mut values = Values::new(self.tree.scan_prefix([key::MEMO]));
        while let Some(memo) = guarded(|| {
            let Some((key, json)) = values.next_value()? else { return Ok(None) };
            serde_json::from_slice::<Memo>(&json).map(Some).map_err(|_| unreadable(&key))
        })? {
            if memo.seq <= head {
                each(memo);
            }
        }
        Ok(())
    }

    fn aside(&self, name: &str) -> Result<Option<Bytes>, JournalError> {
        let _reading = self.asides.read();
        self.check_sound()?;
        Ok(guarded(|| self.value(&key::aside(name)))?.map(Bytes::from))
    }

    fn asides(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, JournalError> {
        let _reading = self.asides.read();
        self.check_sound()?;
        guarded(|| {
            let mut from = vec![key::ASIDE];
            from.extend_from_slice(prefix.as_bytes());
            let mut values = Values::new(self.tree.scan_prefix(&from));
            let mut asides = Vec::new();
            while let Some((key, content)) = values.next_value()? {
                let name = key[1..].strip_suffix(&[0]).and_then(|name| std::str::from_utf8(name).ok());
                asides.push((name.ok_or_else(|| unreadable(&key))?.to_owned(), Bytes::from(content)));
            }
            Ok(asides)
        })
    }

    fn forget_memos(&self, before: Timestamp) -> Result<usize, JournalError> {
        let oldest = self.memo_days.read().first().copied();
        let Some(oldest) = oldest.filter(|day| *day < format::memo_day(before)) else { return Ok(0) };
        let forgotten = guarded(|| {
            let mut batch = Batch::default();
            let mut forgotten = 0;
            for stored in self.tree.scan_prefix(key::memo_day(oldest)).keys().take(FORGET_AT_ONCE) {
                batch.remove(stored?);
                forgotten += 1;
            }
            self.tree.apply_batch(batch)?;
            Ok(forgotten)
        })?;
        if forgotten < FORGET_AT_ONCE {
            self.memo_days.write().remove(&oldest);
        }
        Ok(forgotten)
    }
}

impl SledJournal {
    fn check_sound(&self) -> Result<(), JournalError> {
        if self.durable.lock().broken {
            return Err(io::Error::other("the last commit failed").into());
        }
        Ok(())
    }
}

/// How many entries of a kind the tree has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys {
    pub index: u64,
    pub states: u64,
    pub active: u64,
}

impl SledJournal {
    /// Counts what stands beside the records, for the verifier.
    pub fn count_keys(&self) -> Result<Keys, JournalError> {
        let first_pieces = |prefix: u8| {
            let mut count = 0;
            for stored in self.tree.scan_prefix([prefix]).keys() {
                count += u64::from(format::split_piece_key(&stored?).is_some_and(|(_, piece)| piece == 0));
            }
            Ok::<_, JournalError>(count)
        };
        guarded(|| {
            let mut active = 0;
            for stored in self.tree.scan_prefix([key::ACTIVE]).keys() {
                stored?;
                active += 1;
            }
            Ok(Keys { index: first_pieces(key::INDEX)?, states: first_pieces(key::STATE)?, active })
        })
    }

    /// Bytes that the journal's folder takes.
    pub fn bytes_on_disk(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(&self.folder)? {
            let about = entry?.metadata()?;
            if about.is_file() {
                bytes += about.len();
            }
        }
        Ok(bytes)
    }
}

/// A journal that may be damaged, for saving what can be read of it. It must be a copy: opening changes the files.
pub struct Salvage {
    tree: Tree,
    confirmed: Option<HeadMark>,
    _db: sled::Db,
}

impl Salvage {
    /// Opens the journal in `folder`, without its table of pages where that is what is damaged.
    pub fn open(folder: &Path, options: &Options) -> Result<Self, JournalError> {
        let confirmed = fs::read(folder.join(HEAD_FILE)).ok().and_then(|bytes| head_file::newest(&bytes));
        if let Some(mark) = &confirmed {
            mark.check_format()?;
        }
        let (db, tree) = open_sled(folder, options.cache_bytes).or_else(|_| {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                // sled makes both anew, the table out of the log.
                if name.starts_with("snap.") || name == "conf" {
                    fs::remove_file(&path)?;
                }
            }
            open_sled(folder, options.cache_bytes)
        })?;
        Ok(Self { tree, confirmed, _db: db })
    }

    /// What the head file says.
    pub fn confirmed(&self) -> Option<&HeadMark> {
        self.confirmed.as_ref()
    }

    /// Hands out the records in order, with their sums, until `each` says false; an error where the history breaks.
    pub fn records(&self, each: &mut EachSaved<'_>) -> Result<(), JournalError> {
        let mut values = Values::new(self.tree.scan_prefix([key::RECORD]));
        let mut seq = 0;
        let mut crc = 0;
        loop {
            let found = guarded(|| {
                let Some((key, content)) = values.next_value()? else { return Ok(None) };
                let found = key::parse_number(&key).map(Seq).ok_or_else(|| unreadable(&key))?;
                let (mark, json) = RecordMark::split(&content).ok_or_else(|| unreadable(&key))?;
                check_link(found, seq + 1, &mark, json, Some(crc))?;
                Ok(Some((json.to_vec(), mark.crc)))
            })?;
            let Some((json, sum)) = found else { return Ok(()) };
            (seq, crc) = (seq + 1, sum);
            if !each(&json, sum)? {
                return Ok(());
            }
        }
    }

    /// The asides that can be read, and how many cannot.
    pub fn asides(&self) -> Result<(Vec<Aside>, u64), JournalError> {
        self.each_value(key::ASIDE, |key, content| {
            let name = std::str::from_utf8(key[1..].strip_suffix(&[0])?).ok()?;
            Some(Aside { key: name.to_owned(), value: Some(Bytes::copy_from_slice(content)) })
        })
    }

    /// The remembered commands that can be read, and how many cannot.
    pub fn memos(&self) -> Result<(Vec<Memo>, u64), JournalError> {
        self.each_value(key::MEMO, |_, content| serde_json::from_slice(content).ok())
    }

    fn each_value<T>(
        &self,
        prefix: u8,
        parse: impl Fn(&[u8], &[u8]) -> Option<T>,
    ) -> Result<(Vec<T>, u64), JournalError> {
        let mut values = Values::new(self.tree.scan_prefix([prefix]));
        let (mut found, mut lost) = (Vec::new(), 0);
        loop {
            match guarded(|| Ok(values.next_value()?.map(|(key, content)| parse(&key, &content)))) {
                Ok(Some(Some(value))) => found.push(value),
                Ok(Some(None)) => lost += 1,
                Ok(None) => return Ok((found, lost)),
                // A page that cannot be read ends the walk: how many values were on it nobody knows.
                Err(JournalError::Damaged { .. }) if values.stuck => return Ok((found, lost + 1)),
                Err(JournalError::Damaged { .. }) => lost += 1,
                Err(other) => return Err(other),
            }
        }
    }
}

/// Puts the pieces of neighbouring values together while it walks over them.
struct Values {
    entries: sled::Iter,
    /// sled itself failed while it walked; it would fail at the same place again.
    stuck: bool,
}

impl Values {
    fn new(entries: sled::Iter) -> Self {
        Self { entries, stuck: false }
    }

    fn next_entry(&mut self) -> Result<Option<(IVec, IVec)>, JournalError> {
        self.stuck = true;
        let entry = self.entries.next().transpose()?;
        self.stuck = false;
        Ok(entry)
    }

    /// The next value's key and content. Pieces that a longer value left behind are passed over.
    fn next_value(&mut self) -> Result<Option<KeyAndContent>, JournalError> {
        loop {
            let Some((stored, first)) = self.next_entry()? else { return Ok(None) };
            let (key, piece) = format::split_piece_key(&stored).ok_or_else(|| unreadable(&stored))?;
            if piece != 0 {
                continue;
            }
            let pieces = format::pieces(&first).ok_or_else(|| unreadable(key))?;
            let mut whole = first.to_vec();
            for expected in 1..pieces {
                let Some((stored, bytes)) = self.next_entry()? else { return Err(unreadable(key)) };
                if format::split_piece_key(&stored) != u16::try_from(expected).ok().map(|piece| (key, piece)) {
                    return Err(unreadable(key));
                }
                whole.extend_from_slice(&bytes);
            }
            let content = format::unseal(key, &whole).ok_or_else(|| unreadable(key))?;
            return Ok(Some((key.to_vec(), content.to_vec())));
        }
    }
}

fn parse_index(stored: &[u8], value: &[u8]) -> Result<(Version, Seq), JournalError> {
    let (key, _) = format::split_piece_key(stored).ok_or_else(|| unreadable(stored))?;
    let version = key.get(9..17).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
    let seq = format::unseal(key, value).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
    version.zip(seq).map(|(version, seq)| (Version(version), Seq(seq))).ok_or_else(|| unreadable(key))
}

/// A record must be the next one, continue the sum of the one before, and have its own.
fn check_link(
    found: Seq,
    expected: u64,
    mark: &RecordMark,
    json: &[u8],
    crc_before: Option<u32>,
) -> Result<(), JournalError> {
    if found.get() != expected {
        return Err(damaged(format!("record {expected} is missing")));
    }
    if crc_before.is_some_and(|crc| crc != mark.crc_before) || (expected == 1 && mark.crc_before != 0) {
        return Err(damaged(format!("record {expected} does not follow the one before it")));
    }
    if format::chain(mark.crc_before, json) != mark.crc {
        return Err(damaged(format!("record {expected} does not have its sum")));
    }
    Ok(())
}

fn lock(folder: &Path) -> Result<File, JournalError> {
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(folder.join(LOCK_FILE))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(JournalError::InUse { folder: folder.display().to_string() }),
        Err(fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Waits for threads of this process that still hold the log: sled closes it in the background, after its last owner is gone.
/// Another process cannot be meant, since it would hold [`LOCK_FILE`].
fn wait_for_log(folder: &Path) -> Result<(), JournalError> {
    let log = match File::open(folder.join("db")) {
        Ok(log) => log,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match log.try_lock() {
            Ok(()) => return Ok(()),
            Err(fs::TryLockError::Error(error)) => return Err(error.into()),
            Err(fs::TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(JournalError::InUse { folder: folder.display().to_string() });
            }
            Err(fs::TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(2)),
        }
    }
}

fn open_sled(folder: &Path, cache_bytes: u64) -> Result<(sled::Db, Tree), JournalError> {
    let folder = folder.to_path_buf();
    wait_for_log(&folder)?;
    guarded(move || {
        let config = sled::Config::new()
            .path(folder)
            .cache_capacity(cache_bytes)
            .mode(sled::Mode::HighThroughput)
            // Only the writer flushes: a commit is safe when it says so and not before.
            .flush_every_ms(None);
        let db = config.open()?;
        let tree = db.open_tree(b"journal")?;
        Ok((db, tree))
    })
}

/// Makes sure that the folders and sled's settings survive: a log without them cannot be opened.
fn sync_layout(disk: &dyn Disk, data: &Path, folder: &Path) -> io::Result<()> {
    for path in [folder.join("conf"), folder.to_path_buf(), data.to_path_buf()] {
        disk.sync(&File::open(path)?, Synced::Layout)?;
    }
    if let Some(parent) = data.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        disk.sync(&File::open(parent)?, Synced::Layout)?;
    }
    Ok(())
}

fn new_mark() -> HeadMark {
    HeadMark {
        format: FORMAT,
        commit: 0,
        head: Head::default(),
        last_ticket: TicketId::ZERO,
        epoch: Epoch::from(uuid::Uuid::new_v4().simple().to_string()),
    }
}

/// Runs what touches sled: it panics on some damaged files where others give an error.
fn guarded<T>(work: impl FnOnce() -> Result<T, JournalError>) -> Result<T, JournalError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(damaged(format!("its log cannot be read ({})", text.unwrap_or("no reason given"))))
    })
}

fn damaged(what: impl Into<String>) -> JournalError {
    JournalError::Damaged { what: what.into() }
}

fn unreadable(key: &[u8]) -> JournalError {
    damaged(format!("the value at key {} is not what was written", key.escape_ascii()))
}

impl From<sled::Error> for JournalError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => Self::Storage(error),
            sled::Error::Io(_) => damaged("its log ends too early"),
            sled::Error::Corruption { .. } => damaged("its log cannot be read"),
            other => Self::Storage(io::Error::other(other)),
        }
    }
}
