//! The journal on disk: one sled tree, and a head file apart from it.
//!
//! sled's own flush is no promise against power loss, so every commit ends with a sync of the log through a handle of our own, and
//! then of the head file. Readers see only what is behind both. States and remembered commands follow their records into the tree
//! later, a few with each group; until then they are kept in memory and, after a kill, folded out of the records again. It never
//! decides about tickets. Opened by `app` and the journal's command line; one process at a time.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::RwLock;
use rustc_hash::FxHashMap;
use sled::{Batch, IVec, Tree};

use super::commands::Commands;
use super::disk::{Disk, RealDisk, Synced};
use super::format::block::{self, Block};
use super::format::{self, Chunk, End, FORMAT, HeadMark, RecordMark, StateMark, head_file, key, memo};
use super::young::{Changed, Young};
use super::{Aside, Group, Head, Journal, JournalError, Memo, Stored, pack};
use crate::domain::apply::apply;
use crate::domain::ids::{CommandId, Epoch, Seq, TicketId, UserId, Version};
use crate::domain::record::Record;
use crate::domain::state::TicketState;
use crate::domain::time::Timestamp;

/// The journal's folder in the data folder.
pub const FOLDER: &str = "journal";

const HEAD_FILE: &str = "head";
const LOCK_FILE: &str = "lock";

/// Records whose sums are checked at every start; `hotdesk journal verify` checks all.
const TAIL_RECORDS: u64 = 1000;

/// Room that is never used, so that sled, which does not survive a full disk, never meets one: for the pages that it moves while
/// a group is written, and for the table of pages that it writes when it starts, about a hundredth of the log.
const ROOM_KEPT: u64 = 64 << 20;
const ROOM_KEPT_PART_OF_LOG: u64 = 32;

/// sled writes a changed leaf whole every tenth time: what a group may take on disk for each of its bytes.
const ROOM_FOR_A_BYTE: u64 = 8;

/// How many states and commands are written out at a time when there is nothing else to do.
const SETTLED_AT_ONCE: usize = 1000;

/// A group writes out this many late states more than it has records, so that a backlog shrinks.
const LATE_STATES: usize = 64;

/// Takes a record's seq, mark and JSON and the command that ended with it; says whether to go on.
type EachRecord<'a> = dyn FnMut(Seq, RecordMark, &[u8], &Found<'_>) -> Result<bool, JournalError> + 'a;

/// Takes a saved record's JSON, its sum and the command that ended with it; says whether to go on.
type EachSaved<'a> = dyn FnMut(&[u8], u32, Option<Memo>) -> Result<bool, JournalError> + 'a;

type KeyAndContent = (Vec<u8>, Vec<u8>);

/// How a journal is opened.
#[derive(Clone)]
pub struct Options {
    /// Memory for sled's pages.
    pub cache_bytes: u64,
    /// How many records the states and the remembered commands in the tree may lie behind. They are in memory until then, and a
    /// start after a kill reads that many records.
    pub late_records: u64,
    pub disk: Arc<dyn Disk>,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 32 << 20, late_records: 16_384, disk: Arc::new(RealDisk) }
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
    late_records: u64,
    durable: RwLock<Durable>,
    /// Held by a commit that changes asides: they carry no seq by which a reader could tell that they are not safe yet.
    asides: RwLock<()>,
    _lock: File,
}

/// What is safe on disk.
struct Durable {
    mark: HeadMark,
    /// A commit failed: what lies in the tree beyond the mark is not safe and never will be in this process.
    broken: bool,
    young: Young,
    commands: Commands,
}

/// What a commit is to write beside its group, and what it makes true once it is safe.
struct Plan {
    mark: HeadMark,
    /// The tickets that have records in the group: the first of them, and where the history ends.
    changed: Vec<(TicketId, Seq, End)>,
    /// For each record its links back: the ticket's record before, and its skip.
    links: Vec<(Seq, Seq)>,
    /// How many of the oldest states and commands are written out.
    states_out: usize,
    memos_out: usize,
    states: Vec<(TicketId, Changed)>,
    chunks: BTreeMap<u64, Chunk>,
    /// Commands that go into blocks: those that are written out, and those of the group without a record beside them.
    blocks: Vec<MemoBlock>,
    /// Places in the group of the commands whose records are in it.
    young_memos: Vec<usize>,
}

struct MemoBlock {
    day: u32,
    number: u64,
    hashes: Vec<u64>,
    raw: Vec<u8>,
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
            late_records: options.late_records,
            durable: RwLock::new(Durable {
                mark: new_mark(),
                broken: false,
                young: Young::default(),
                commands: Commands::default(),
            }),
            asides: RwLock::new(()),
            _lock: lock,
        };
        let mark = match on_file {
            Some(on_file) => journal.recover(&on_file)?,
            None => journal.create()?,
        };
        journal.epoch = mark.epoch.clone();
        journal.durable.get_mut().mark = mark;
        Ok(journal)
    }

    /// Makes the next start quick: writes out what is late, and lets sled write its table of pages, which it does only when it opens
    /// and without which a start reads the whole log that was written since. To be called after the journal is closed, when the desk
    /// stops in peace.
    pub fn settle(data: &Path, options: &Options) -> Result<(), JournalError> {
        let journal = Self::open(data, options)?;
        let mut has_written = false;
        while journal.late() > 0 {
            journal.commit_with(&Group { head: journal.head(), ..Group::default() }, Seq(u64::MAX), SETTLED_AT_ONCE)?;
            has_written = true;
        }
        drop(journal);
        if has_written {
            drop(Self::open(data, options)?);
        }
        Ok(())
    }

    /// States and commands that are not in the tree yet.
    pub fn late(&self) -> usize {
        let durable = self.durable.read();
        durable.young.len() + durable.commands.len()
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
    fn recover(&mut self, on_file: &HeadMark) -> Result<HeadMark, JournalError> {
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
        let (young, commands) = guarded(|| {
            let mut young = Young::new(self.read_chunks()?);
            let mut commands = self.read_hashes()?;
            self.read_tail(&mark, on_file, &mut young, &mut commands)?;
            Ok((young, commands))
        })?;
        self.make_safe(&mark)?;
        let durable = self.durable.get_mut();
        (durable.young, durable.commands) = (young, commands);
        Ok(mark)
    }

    /// Checks the end of the history, and folds out of it what is not in the tree.
    fn read_tail(
        &self,
        mark: &HeadMark,
        on_file: &HeadMark,
        young: &mut Young,
        commands: &mut Commands,
    ) -> Result<(), JournalError> {
        let end = mark.head.seq.get();
        let first = end
            .saturating_sub(TAIL_RECORDS)
            .min(on_file.head.seq.get().saturating_sub(1))
            .min(mark.states_to.get())
            .min(mark.memos_to.get());
        let mut crc = None;
        let mut seq = first;
        let mut fold = Fold::default();
        self.scan_records(Seq(first), Seq(u64::MAX), &mut |found, mark_of_record, json, beside| {
            seq += 1;
            check_link(found, seq, &mark_of_record, json, crc)?;
            if found == on_file.head.seq && mark_of_record.crc != on_file.head.crc {
                return Err(damaged(format!("record {found} is not the one that was confirmed")));
            }
            crc = Some(mark_of_record.crc);
            if found > mark.states_to {
                fold.record(self, found, &mark_of_record, json)?;
            }
            if found > mark.memos_to
                && let Some(memo) = beside.command()?
            {
                commands.remember(memo);
            }
            Ok(true)
        })?;
        if seq != end || crc.is_some_and(|crc| crc != mark.head.crc) {
            return Err(damaged(format!("its records end at {seq}, but its head says {end}")));
        }
        fold.finish(young);
        Ok(())
    }

    fn read_chunks(&self) -> Result<BTreeMap<u64, Chunk>, JournalError> {
        let mut chunks = BTreeMap::new();
        let mut values = Values::new(self.tree.scan_prefix([key::ACTIVE]));
        while let Some((key, content)) = values.next_value()? {
            let chunk = key::parse_number(&key).zip(Chunk::decode(&content)).ok_or_else(|| unreadable(&key))?;
            chunks.insert(chunk.0, chunk.1);
        }
        Ok(chunks)
    }

    fn read_hashes(&self) -> Result<Commands, JournalError> {
        let mut commands = Commands::default();
        let mut values = Values::new(self.tree.scan_prefix([key::HASHES]));
        while let Some((key, content)) = values.next_value()? {
            let (day, number) = key::parse_day_and_number(&key).ok_or_else(|| unreadable(&key))?;
            commands.add_block(day, number, &parse_hashes(&content));
        }
        Ok(commands)
    }

    fn mark_in_tree(&self) -> Result<Option<HeadMark>, JournalError> {
        let Some(content) = self.value(&key::head())? else { return Ok(None) };
        HeadMark::decode(&content).map(Some).ok_or_else(|| damaged("its head cannot be read"))
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

    /// Decides what a commit writes. What is written out late is safe on disk already, as part of earlier groups.
    fn plan(&self, group: &Group, limit: Seq, at_most: usize) -> Result<Plan, JournalError> {
        let durable = self.durable.read();
        let (young, commands) = (&durable.young, &durable.commands);
        let mut links = Vec::with_capacity(group.records.len());
        let mut changed: Vec<(TicketId, Seq, End)> = Vec::with_capacity(group.states.len());
        let mut places: FxHashMap<TicketId, usize> = FxHashMap::default();
        for record in &group.records {
            let place = if let Some(place) = places.get(&record.ticket) {
                *place
            } else {
                let end = match young.end(record.ticket) {
                    _ if record.version == Version(1) => End::default(),
                    Some(end) => end,
                    None => guarded(|| self.state_mark(record.ticket))?.map_or_else(End::default, |mark| mark.end),
                };
                changed.push((record.ticket, record.seq, end));
                places.insert(record.ticket, changed.len() - 1);
                changed.len() - 1
            };
            let end = &mut changed[place].2;
            let before = end.last;
            *end = end.follow(record.seq);
            assert!(end.version == record.version, "invariant: record {} follows in its ticket", record.seq);
            links.push((before, end.skip));
        }

        let states = young.oldest(limit, at_most);
        let mut chunks = BTreeMap::new();
        for (ticket, changed) in &states {
            let number = Chunk::of(*ticket);
            let before = young.chunk(number);
            let active = changed.state.ticket.is_active();
            if chunks.contains_key(&number) || before.get(*ticket) != active {
                chunks.entry(number).or_insert(before).set(*ticket, active);
            }
        }

        let memos_out = commands.due(limit, at_most);
        let mut young_memos = Vec::with_capacity(group.memos.len());
        let mut blocks = MemoBlocks { next: commands.next_block(), open: BTreeMap::new(), full: Vec::new() };
        if memos_out > 0 {
            commands.oldest(memos_out).for_each(|memo| blocks.push(memo));
        }
        let first = group.records.first().map_or(Seq(u64::MAX), |record| record.seq);
        let mut last = Seq::ZERO;
        for (place, memo) in group.memos.iter().enumerate() {
            if memo.seq >= first && memo.seq <= group.head.seq && memo.seq > last {
                last = memo.seq;
                young_memos.push(place);
            } else {
                blocks.push(memo);
            }
        }

        let before = &durable.mark;
        let newly = group.records.first().map_or(group.head.seq.next(), |record| record.seq);
        let up_to = |since: Option<Seq>| Seq(since.unwrap_or(newly).get() - 1);
        let last_ticket = group.records.iter().map(|record| record.ticket).max().unwrap_or_default();
        let mark = HeadMark {
            format: FORMAT,
            commit: before.commit + 1,
            head: group.head,
            last_ticket: before.last_ticket.max(last_ticket),
            states_to: up_to(young.since(states.len())),
            memos_to: up_to(commands.since(memos_out)),
            epoch: self.epoch.clone(),
        };
        let blocks = blocks.finish();
        Ok(Plan { mark, changed, links, states_out: states.len(), memos_out, states, chunks, blocks, young_memos })
    }

    fn write(&self, group: &Group, plan: &Plan) -> Result<(), JournalError> {
        let mut batch = Batch::default();
        let mut put = |key: &[u8], content: &[&[u8]]| format::seal(key, content, |key, value| batch.insert(key, value));
        let mut raw = Vec::with_capacity(block::FULL_BYTES * 2);
        let mut first = Seq::ZERO;
        let mut memos = plan.young_memos.iter().map(|place| &group.memos[*place]).peekable();
        for (record, (before, skip)) in group.records.iter().zip(&plan.links) {
            let mark = RecordMark {
                crc_before: record.crc_before,
                crc: record.crc,
                ticket: record.ticket,
                version: record.version,
                before: *before,
                skip: *skip,
            };
            if raw.is_empty() {
                first = record.seq;
            }
            block::push(&mut raw, &mark, &record.json, memos.next_if(|memo| memo.seq == record.seq));
            if raw.len() >= block::FULL_BYTES {
                put(&key::record(first), &[&pack::pack(&raw)]);
                raw.clear();
            }
        }
        if !raw.is_empty() {
            put(&key::record(first), &[&pack::pack(&raw)]);
        }
        let mut json = Vec::with_capacity(4096);
        for (ticket, changed) in &plan.states {
            let about = StateMark { end: changed.end, active: changed.state.ticket.is_active() };
            json.clear();
            serde_json::to_writer(&mut json, &*changed.state).expect("invariant: a state is JSON");
            put(&key::state(*ticket), &[&about.encode(), &pack::pack(&json)]);
        }
        for (number, chunk) in &plan.chunks {
            put(&key::active(*number), &[&chunk.encode()]);
        }
        for MemoBlock { day, number, hashes, raw } in &plan.blocks {
            let hashes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_be_bytes()).collect();
            put(&key::hashes(*day, *number), &[&hashes]);
            put(&key::memos(*day, *number), &[&pack::pack(raw)]);
        }
        put(&key::head(), &[&plan.mark.encode()]);
        for Aside { key: name, value } in &group.asides {
            let key = key::aside(name);
            for old in self.tree.scan_prefix(&key).keys() {
                batch.remove(old?);
            }
            if let Some(value) = value {
                format::seal(&key, &[value], |key, value| batch.insert(key, value));
            }
        }
        Ok(self.tree.apply_batch(batch)?)
    }

    /// Shows readers what is safe now.
    fn publish(&self, group: &Group, plan: Plan) {
        let mut states: FxHashMap<TicketId, &Arc<TicketState>> = FxHashMap::default();
        states.extend(group.states.iter().map(|state| (state.ticket.id, state)));
        let mut durable = self.durable.write();
        let Durable { mark, young, commands, .. } = &mut *durable;
        *mark = plan.mark;
        young.forget_oldest(plan.states_out, plan.chunks);
        for (ticket, since, end) in plan.changed {
            let state = states.get(&ticket).expect("invariant: a group has the state of each ticket that it changes");
            young.change(ticket, since, end, Arc::clone(state));
        }
        commands.forget_oldest(plan.memos_out);
        for block in &plan.blocks {
            commands.add_block(block.day, block.number, &block.hashes);
        }
        for place in plan.young_memos {
            commands.remember(group.memos[place].clone());
        }
        drop(durable);
    }

    fn commit_with(&self, group: &Group, limit: Seq, at_most: usize) -> Result<(), JournalError> {
        {
            let durable = self.durable.read();
            if durable.broken {
                return Err(io::Error::other("an earlier commit failed").into());
            }
            group.check_follows(durable.mark.head);
        }
        if !self.room_for(group.bytes() + at_most.min(SETTLED_AT_ONCE) as u64 * 1024)? {
            return Err(JournalError::Full);
        }
        let plan = self.plan(group, limit, at_most)?;
        let _asides = (!group.asides.is_empty()).then(|| self.asides.write());
        let outcome = guarded(|| self.write(group, &plan)).and_then(|()| self.make_safe(&plan.mark));
        match outcome {
            Ok(()) => self.publish(group, plan),
            Err(_) => self.durable.write().broken = true,
        }
        outcome
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

    /// The key of the block in which the record must be, if it is anywhere.
    fn block_of(&self, seq: Seq) -> Result<Option<Seq>, JournalError> {
        let from = key::record(Seq::ZERO);
        let to = format::piece_key(&key::record(seq), u16::MAX);
        let Some((stored, _)) = self.tree.range(from..=to).next_back().transpose()? else { return Ok(None) };
        key::parse_number(&stored).map(Seq).map(Some).ok_or_else(|| unreadable(&stored))
    }

    /// Hands out the records after `after` up to `until`, as they lie in the tree, until `each` says false.
    fn scan_records(&self, after: Seq, until: Seq, each: &mut EachRecord<'_>) -> Result<(), JournalError> {
        let from = key::record(self.block_of(after.next())?.unwrap_or(after.next()));
        let to = format::piece_key(&key::record(until), u16::MAX);
        let mut values = Values::new(self.tree.range(from..=to));
        while let Some((key, content)) = values.next_value()? {
            let first = key::parse_number(&key).ok_or_else(|| unreadable(&key))?;
            let block = Block::decode(&content).filter(|block| !block.is_empty()).ok_or_else(|| unreadable(&key))?;
            for index in 0..block.len() {
                let seq = Seq(first + index as u64);
                if seq > until {
                    return Ok(());
                }
                if seq <= after {
                    continue;
                }
                let (mark, json) = block.record(index).ok_or_else(|| unreadable(&key))?;
                if !each(seq, mark, json, &Found { block: &block, index })? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn state_mark(&self, ticket: TicketId) -> Result<Option<StateMark>, JournalError> {
        let key = key::state(ticket);
        let Some(content) = self.value(&key)? else { return Ok(None) };
        StateMark::split(&content).map(|(mark, _)| Some(mark)).ok_or_else(|| unreadable(&key))
    }

    /// Where the ticket's history ends, and at which head that was read.
    fn end(&self, ticket: TicketId) -> Result<End, JournalError> {
        if let Some(end) = self.durable.read().young.end(ticket) {
            return Ok(end);
        }
        guarded(|| Ok(self.state_mark(ticket)?.map_or_else(End::default, |mark| mark.end)))
    }

    /// The ticket's state as it lies in the tree.
    fn settled_state(&self, ticket: TicketId) -> Result<Option<(End, TicketState)>, JournalError> {
        let key = key::state(ticket);
        let Some(content) = self.value(&key)? else { return Ok(None) };
        let (mark, packed) = StateMark::split(&content).ok_or_else(|| unreadable(&key))?;
        let json = pack::unpack(packed).ok_or_else(|| unreadable(&key))?;
        let state = serde_json::from_slice(&json)
            .map_err(|error| damaged(format!("the state of ticket {ticket} cannot be read: {error}")))?;
        Ok(Some((mark.end, state)))
    }

    /// The remembered commands of a block; `None` when there is no such block.
    fn memo_block(&self, day: u32, number: u64) -> Result<Option<Vec<Memo>>, JournalError> {
        let key = key::memos(day, number);
        let Some(content) = self.value(&key)? else { return Ok(None) };
        parse_memos(&content).map(Some).ok_or_else(|| unreadable(&key))
    }
}

/// What lies beside a record.
struct Found<'a> {
    block: &'a Block,
    index: usize,
}

impl Found<'_> {
    fn command(&self) -> Result<Option<Memo>, JournalError> {
        self.block.command(self.index)
    }
}

/// Folds records whose tickets' states are not in the tree.
#[derive(Default)]
struct Fold {
    states: FxHashMap<TicketId, Folded>,
    order: Vec<TicketId>,
}

struct Folded {
    /// The first record that the state in the tree does not know.
    since: Option<Seq>,
    end: End,
    state: Option<TicketState>,
}

impl Fold {
    fn record(&mut self, journal: &SledJournal, seq: Seq, mark: &RecordMark, json: &[u8]) -> Result<(), JournalError> {
        let folded = match self.states.entry(mark.ticket) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let settled = journal.settled_state(mark.ticket)?;
                let (end, state) = settled.map_or_else(Default::default, |(end, state)| (end, Some(state)));
                entry.insert(Folded { since: None, end, state })
            }
        };
        if mark.version <= folded.end.version {
            return Ok(());
        }
        let record: Record =
            serde_json::from_slice(json).map_err(|error| damaged(format!("record {seq} cannot be read: {error}")))?;
        if mark.version != folded.end.version.next() || mark.before != folded.end.last {
            return Err(damaged(format!("record {seq} does not follow in the history of ticket {}", mark.ticket)));
        }
        if folded.state.is_none() && record.patch.clone().into_ticket(mark.ticket, mark.version).is_none() {
            return Err(damaged(format!("the first record of ticket {} lacks fields", mark.ticket)));
        }
        if folded.since.is_none() {
            folded.since = Some(seq);
            self.order.push(mark.ticket);
        }
        folded.end = folded.end.follow(seq);
        folded.state = Some(apply(folded.state.take(), &record.draft));
        Ok(())
    }

    fn finish(mut self, young: &mut Young) {
        for ticket in self.order {
            let folded = self
                .states
                .remove(&ticket)
                .and_then(|folded| folded.since.zip(folded.state).map(|(since, state)| (since, folded.end, state)));
            let (since, end, state) = folded.expect("invariant: a ticket that stands in the order has a state");
            young.change(ticket, since, end, Arc::new(state));
        }
    }
}

/// Fills blocks of remembered commands, one of each day at a time.
struct MemoBlocks {
    next: u64,
    open: BTreeMap<u32, MemoBlock>,
    full: Vec<MemoBlock>,
}

impl MemoBlocks {
    fn push(&mut self, memo: &Memo) {
        let day = format::memo_day(memo.at);
        let next = &mut self.next;
        let block = self.open.entry(day).or_insert_with(|| {
            *next += 1;
            MemoBlock { day, number: *next - 1, hashes: Vec::new(), raw: Vec::new() }
        });
        block.hashes.push(memo::hash(&memo.user, &memo.key));
        memo::push(&mut block.raw, memo);
        if block.hashes.len() == memo::IN_BLOCK {
            self.full.extend(self.open.remove(&day));
        }
    }

    fn finish(mut self) -> Vec<MemoBlock> {
        self.full.extend(self.open.into_values());
        self.full
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
        self.durable.read().mark.head
    }

    fn last_ticket(&self) -> TicketId {
        self.durable.read().mark.last_ticket
    }

    fn version(&self, ticket: TicketId) -> Result<Version, JournalError> {
        self.end(ticket).map(|end| end.version)
    }

    fn has_room(&self) -> bool {
        self.room_for(0).unwrap_or(false)
    }

    fn commit(&self, group: &Group) -> Result<(), JournalError> {
        let limit = Seq(group.head.seq.get().saturating_sub(self.late_records));
        self.commit_with(group, limit, group.records.len() + LATE_STATES)
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
            self.scan_records(after, head, &mut |seq, mark, json, _| {
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
        let end = self.end(ticket)?;
        if after >= end.version {
            return Ok(Vec::new());
        }
        let wanted = u64::try_from(limit).unwrap_or(u64::MAX);
        let newest = Version(end.version.get().min(after.get().saturating_add(wanted)));
        guarded(|| {
            let mut records = Vec::with_capacity((newest.get() - after.get()) as usize);
            let (mut version, mut seq) = (end.version, end.last);
            let mut at_hand: Option<(Seq, Block)> = None;
            while version > after {
                let held = at_hand
                    .take()
                    .filter(|(first, block)| *first <= seq && seq.get() - first.get() < block.len() as u64);
                let (first, block) = match held {
                    Some(held) => held,
                    None => self.read_block(seq)?,
                };
                let missing = || damaged(format!("version {version} of ticket {ticket} is missing"));
                let (mark, json) = block.record((seq.get() - first.get()) as usize).ok_or_else(missing)?;
                if (mark.ticket, mark.version) != (ticket, version) || mark.before >= seq || mark.skip >= seq {
                    return Err(missing());
                }
                if version <= newest {
                    if format::chain(mark.crc_before, json) != mark.crc {
                        return Err(damaged(format!("record {seq} does not have its sum")));
                    }
                    records.push(Stored { seq, ticket, json: Bytes::copy_from_slice(json) });
                }
                let stop = (version.get() - 1) / format::SKIP_VERSIONS * format::SKIP_VERSIONS;
                (version, seq) = if stop >= newest.get() && stop > 0 {
                    (Version(stop), mark.skip)
                } else {
                    (Version(version.get() - 1), mark.before)
                };
                at_hand = Some((first, block));
            }
            records.reverse();
            Ok(records)
        })
    }

    fn state(&self, ticket: TicketId) -> Result<Option<TicketState>, JournalError> {
        let young = self.durable.read().young.get(ticket).map(|changed| Arc::clone(&changed.state));
        match young {
            Some(state) => Ok(Some(TicketState::clone(&state))),
            None => guarded(|| Ok(self.settled_state(ticket)?.map(|(_, state)| state))),
        }
    }

    fn active(&self, each: &mut dyn FnMut(TicketState)) -> Result<(), JournalError> {
        let active = self.durable.read().young.active();
        for ticket in active {
            let state = self.state(ticket)?;
            each(state.ok_or_else(|| damaged(format!("ticket {ticket} is active but has no state")))?);
        }
        Ok(())
    }

    fn memo(&self, user: &UserId, command: &CommandId) -> Result<Option<Memo>, JournalError> {
        let (young, mut blocks, days) = {
            let durable = self.durable.read();
            let (young, blocks) = durable.commands.find(user, command);
            if young.is_some() || blocks.is_empty() {
                return Ok(young);
            }
            (young, blocks, durable.commands.days())
        };
        debug_assert!(young.is_none());
        // The newest first.
        blocks.sort_unstable_by(|one, other| other.cmp(one));
        guarded(|| {
            for number in blocks {
                for day in &days {
                    let Some(memos) = self.memo_block(*day, number)? else { continue };
                    let found = memos.into_iter().filter(|memo| memo.user == *user && memo.key == *command);
                    if let Some(memo) = found.max_by_key(|memo| memo.seq) {
                        return Ok(Some(memo));
                    }
                }
            }
            Ok(None)
        })
    }

    fn memos(&self, each: &mut dyn FnMut(Memo)) -> Result<(), JournalError> {
        let young: Vec<Memo> = self.durable.read().commands.young().cloned().collect();
        // A block may be written while this walks over them.
        let given: HashSet<Seq> = young.iter().map(|memo| memo.seq).collect();
        young.into_iter().for_each(&mut *each);
        let mut values = Values::new(self.tree.scan_prefix([key::MEMOS]));
        while let Some(memos) = guarded(|| {
            let Some((key, content)) = values.next_value()? else { return Ok(None) };
            parse_memos(&content).map(Some).ok_or_else(|| unreadable(&key))
        })? {
            memos.into_iter().filter(|memo| !given.contains(&memo.seq)).for_each(&mut *each);
        }
        Ok(())
    }

    fn aside(&self, name: &str) -> Result<Option<Bytes>, JournalError> {
        let _reading = self.asides.read();
        self.check_sound()?;
        Ok(guarded(|| self.value(&key::aside(name)))?.map(Bytes::from))
    }

    fn asides(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, JournalError> {
        self.asides_after(prefix, "", usize::MAX)
    }

    fn asides_after(&self, prefix: &str, after: &str, limit: usize) -> Result<Vec<(String, Bytes)>, JournalError> {
        let _reading = self.asides.read();
        self.check_sound()?;
        guarded(|| {
            let mut from = vec![key::ASIDE];
            from.extend_from_slice(prefix.max(after).as_bytes());
            let mut values = Values::new(self.tree.range(from..vec![key::ASIDE + 1]));
            let mut asides = Vec::new();
            while let Some((key, content)) = values.next_value()? {
                let name = key[1..].strip_suffix(&[0]).and_then(|name| std::str::from_utf8(name).ok());
                let name = name.ok_or_else(|| unreadable(&key))?;
                if !name.starts_with(prefix) {
                    break;
                }
                if name > after {
                    asides.push((name.to_owned(), Bytes::from(content)));
                    if asides.len() >= limit {
                        break;
                    }
                }
            }
            Ok(asides)
        })
    }

    fn forget_memos(&self, before: Timestamp) -> Result<usize, JournalError> {
        let before = format::memo_day(before);
        let (young, block) = {
            let mut durable = self.durable.write();
            (durable.commands.forget_young(before), durable.commands.oldest_block(before))
        };
        let Some((day, number)) = block else { return Ok(young) };
        let in_block = guarded(|| {
            let keys = [key::hashes(day, number), key::memos(day, number)];
            let in_block = self.value(&keys[0])?.map_or(1, |hashes| parse_hashes(&hashes).len());
            let mut batch = Batch::default();
            for key in keys {
                for stored in self.tree.scan_prefix(key).keys() {
                    batch.remove(stored?);
                }
            }
            self.tree.apply_batch(batch)?;
            Ok(in_block)
        })?;
        self.durable.write().commands.drop_block(day, number);
        Ok(young + in_block)
    }
}

impl SledJournal {
    fn check_sound(&self) -> Result<(), JournalError> {
        if self.durable.read().broken {
            return Err(io::Error::other("the last commit failed").into());
        }
        Ok(())
    }
}

/// How many tickets there are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys {
    pub states: u64,
    pub active: u64,
}

impl SledJournal {
    /// Counts what stands beside the records, for the verifier.
    pub fn count_keys(&self) -> Result<Keys, JournalError> {
        let (young, active): (HashSet<TicketId>, _) = {
            let durable = self.durable.read();
            (durable.young.tickets().collect(), durable.young.active().len() as u64)
        };
        let mut states = young.len() as u64;
        guarded(|| {
            for stored in self.tree.scan_prefix([key::STATE]).keys() {
                let stored = stored?;
                let first = format::split_piece_key(&stored).filter(|(_, piece)| *piece == 0);
                let ticket = first.and_then(|(key, _)| key::parse_number(key)).map(TicketId);
                states += u64::from(ticket.is_some_and(|ticket| !young.contains(&ticket)));
            }
            Ok(Keys { states, active })
        })
    }

    /// Says in which blocks of remembered commands something else lies than their hashes say, for the verifier.
    pub fn check_memo_blocks(&self) -> Result<Vec<String>, JournalError> {
        guarded(|| {
            let mut problems = Vec::new();
            let mut blocks = 0;
            let mut values = Values::new(self.tree.scan_prefix([key::MEMOS]));
            while let Some((key, content)) = values.next_value()? {
                blocks += 1;
                let (day, number) = key::parse_day_and_number(&key).ok_or_else(|| unreadable(&key))?;
                let memos = parse_memos(&content).ok_or_else(|| unreadable(&key))?;
                let found: Vec<_> = memos.iter().map(|memo| memo::hash(&memo.user, &memo.key)).collect();
                if self.value(&key::hashes(day, number))?.map(|hashes| parse_hashes(&hashes)) != Some(found) {
                    problems.push(format!("block {number} of remembered commands is not what its hashes say"));
                }
            }
            let mut values = Values::new(self.tree.scan_prefix([key::HASHES]));
            while values.next_value()?.is_some() {
                blocks -= 1;
            }
            if blocks < 0 {
                problems.push(format!("{} blocks of remembered commands are missing", -blocks));
            }
            Ok(problems)
        })
    }

    /// The first seq of the block in which the record is, and the block.
    fn read_block(&self, seq: Seq) -> Result<(Seq, Block), JournalError> {
        let first = self.block_of(seq)?.ok_or_else(|| damaged(format!("record {seq} is missing")))?;
        let key = key::record(first);
        let content = self.value(&key)?.ok_or_else(|| damaged(format!("record {seq} is missing")))?;
        Ok((first, Block::decode(&content).ok_or_else(|| unreadable(&key))?))
    }

    /// Bytes that the table of remembered commands takes in memory.
    pub fn command_table_bytes(&self) -> usize {
        self.durable.read().commands.table_bytes()
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

    /// Up to which record the remembered commands lie in blocks, as far as anybody knows.
    pub fn memos_to(&self) -> Seq {
        let in_tree = guarded(|| {
            let content = Values::new(self.tree.scan_prefix([key::HEAD])).next_value()?;
            Ok(content.and_then(|(_, content)| HeadMark::decode(&content)))
        });
        let mark = in_tree.ok().flatten().or_else(|| self.confirmed.clone());
        mark.map_or(Seq::ZERO, |mark| mark.memos_to)
    }

    /// Hands out the records in order, until `each` says false; an error where the history breaks.
    pub fn records(&self, each: &mut EachSaved<'_>) -> Result<(), JournalError> {
        let mut values = Values::new(self.tree.scan_prefix([key::RECORD]));
        let mut seq = 0;
        let mut crc = 0;
        loop {
            let found = guarded(|| {
                let Some((key, content)) = values.next_value()? else { return Ok(None) };
                let first = key::parse_number(&key).map(Seq).ok_or_else(|| unreadable(&key))?;
                if first.get() != seq + 1 {
                    return Err(damaged(format!("record {} is missing", seq + 1)));
                }
                let block = Block::decode(&content).ok_or_else(|| unreadable(&key))?;
                Ok(Some((key, block)))
            })?;
            let Some((key, block)) = found else { return Ok(()) };
            for index in 0..block.len() {
                let (mark, json) = block.record(index).ok_or_else(|| unreadable(&key))?;
                check_link(Seq(seq + 1), seq + 1, &mark, json, Some(crc))?;
                (seq, crc) = (seq + 1, mark.crc);
                let command = block.command(index)?;
                if !each(json, mark.crc, command)? {
                    return Ok(());
                }
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

    /// The remembered commands in blocks that can be read, and how many blocks cannot. Newer ones lie beside their records.
    pub fn memos(&self) -> Result<(Vec<Memo>, u64), JournalError> {
        let (blocks, lost) = self.each_value(key::MEMOS, |_, content| parse_memos(content))?;
        Ok((blocks.into_iter().flatten().collect(), lost))
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

/// The remembered commands of a block's content.
fn parse_memos(content: &[u8]) -> Option<Vec<Memo>> {
    let raw = pack::unpack(content)?;
    let mut rest = raw.as_slice();
    let mut memos = Vec::new();
    while !rest.is_empty() {
        memos.push(memo::take(&mut rest)?);
    }
    Some(memos)
}

fn parse_hashes(content: &[u8]) -> Vec<u64> {
    content.chunks_exact(8).map(|hash| u64::from_be_bytes(hash.try_into().expect("invariant: eight bytes"))).collect()
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
        states_to: Seq::ZERO,
        memos_to: Seq::ZERO,
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
