//! Which commands are remembered, in memory: the newest whole, of the others a hash and the number of the block where they lie.
//!
//! Nearly every command is asked for once, before it takes effect for the first time, and "surely not" must cost nothing. Never
//! reads or writes the tree. Used by the sled store, under its lock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::Memo;
use super::format::{self, memo};
use crate::domain::ids::{CommandId, Seq, UserId};

/// Numbers of blocks, few as a rule: two hashes rarely meet.
pub type Blocks = SmallVec<[u64; 4]>;

#[derive(Default)]
pub struct Commands {
    /// By hash: those that lie in the tree only beside their records.
    young: FxHashMap<u64, SmallVec<[Memo; 1]>>,
    /// In order of seq. What was forgotten meanwhile is not in `young` any more.
    order: VecDeque<(Seq, u64)>,
    table: Table,
    days: BTreeMap<u32, BTreeSet<u64>>,
    last_block: u64,
}

impl Commands {
    pub fn remember(&mut self, memo: Memo) {
        let hash = memo::hash(&memo.user, &memo.key);
        self.order.push_back((memo.seq, hash));
        self.young.entry(hash).or_default().push(memo);
    }

    /// The newest memo of the command among those that are not in a block yet, and the blocks where another may be.
    pub fn find(&self, user: &UserId, key: &CommandId) -> (Option<Memo>, Blocks) {
        let hash = memo::hash(user, key);
        let young = self.young.get(&hash).and_then(|memos| {
            memos.iter().filter(|memo| memo.user == *user && memo.key == *key).max_by_key(|memo| memo.seq)
        });
        (young.cloned(), if young.is_some() { Blocks::new() } else { self.table.find(hash) })
    }

    /// The days that a block may be of, the newest first.
    pub fn days(&self) -> SmallVec<[u32; 4]> {
        self.days.keys().rev().copied().collect()
    }

    /// Those that are not in a block yet, in order of seq.
    pub fn young(&self) -> impl Iterator<Item = &Memo> {
        self.order.iter().filter_map(|entry| self.memo(*entry))
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// The first `count` of them.
    pub fn oldest(&self, count: usize) -> impl Iterator<Item = &Memo> {
        self.order.iter().take(count).filter_map(|entry| self.memo(*entry))
    }

    fn memo(&self, (seq, hash): (Seq, u64)) -> Option<&Memo> {
        self.young.get(&hash)?.iter().find(|memo| memo.seq == seq)
    }

    /// How many of the oldest go into blocks next: whole blocks, as long as the first in each is not beyond `limit`.
    pub fn due(&self, limit: Seq, at_most: usize) -> usize {
        let mut due = 0;
        while due < at_most && self.order.get(due).is_some_and(|(seq, _)| *seq <= limit) {
            due = (due + memo::IN_BLOCK).min(self.order.len());
        }
        due
    }

    /// The seq before the first that will not be in a block once `written` are.
    pub fn since(&self, written: usize) -> Option<Seq> {
        self.order.get(written).map(|(seq, _)| *seq)
    }

    /// The first `written` are in blocks now.
    pub fn forget_oldest(&mut self, written: usize) {
        for (seq, hash) in self.order.drain(..written) {
            if let Some(memos) = self.young.get_mut(&hash) {
                memos.retain(|memo| memo.seq != seq);
                if memos.is_empty() {
                    self.young.remove(&hash);
                }
            }
        }
    }

    /// The number of a block that is not written yet.
    pub fn next_block(&self) -> u64 {
        self.last_block + 1
    }

    /// A block with these hashes is in the tree.
    pub fn add_block(&mut self, day: u32, block: u64, hashes: &[u64]) {
        self.last_block = self.last_block.max(block);
        self.days.entry(day).or_default().insert(block);
        for hash in hashes {
            self.table.insert(*hash, block);
        }
    }

    /// The oldest block of a day before this one.
    pub fn oldest_block(&self, before_day: u32) -> Option<(u32, u64)> {
        let (day, blocks) = self.days.first_key_value()?;
        let block = blocks.first().filter(|_| *day < before_day)?;
        Some((*day, *block))
    }

    /// The block is not in the tree any more.
    pub fn drop_block(&mut self, day: u32, block: u64) {
        if let Some(blocks) = self.days.get_mut(&day) {
            blocks.remove(&block);
            if blocks.is_empty() {
                self.days.remove(&day);
            }
        }
        self.table.first_block = self.days.values().filter_map(BTreeSet::first).min().copied().unwrap_or(block + 1);
    }

    /// Forgets those of days before this one that are not in a block; returns how many.
    pub fn forget_young(&mut self, before_day: u32) -> usize {
        let mut forgotten = 0;
        self.young.retain(|_, memos| {
            memos.retain(|memo| {
                let keep = format::memo_day(memo.at) >= before_day;
                forgotten += usize::from(!keep);
                keep
            });
            !memos.is_empty()
        });
        forgotten
    }

    /// Bytes that the table of hashes takes.
    pub fn table_bytes(&self) -> usize {
        self.table.bytes()
    }
}

const PART_BITS: u32 = 10;
const HASH_BITS: u32 = 28;
const BLOCK_BITS: u32 = u64::BITS - HASH_BITS;

/// Hashes and block numbers, eight bytes each, in open addressing. It is cut into parts so that none of them is long to move when it
/// grows. Of a hash 38 bits are kept, ten of them by the part; a table of ten million gives one wrong hint in 25,000 lookups.
struct Table {
    parts: Vec<Part>,
    /// Blocks before this one are forgotten; their entries go when their part grows the next time.
    first_block: u64,
}

#[derive(Clone, Default)]
struct Part {
    slots: Vec<u64>,
    used: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self { parts: vec![Part::default(); 1 << PART_BITS], first_block: 1 }
    }
}

impl Table {
    fn insert(&mut self, hash: u64, block: u64) {
        assert!(block > 0 && block < 1 << BLOCK_BITS, "invariant: blocks are numbered from 1 and do not get that many");
        let first_block = self.first_block;
        let part = &mut self.parts[(hash >> (u64::BITS - PART_BITS)) as usize];
        if (part.used + 1) * 8 > part.slots.len() * 7 {
            part.grow(first_block);
        }
        part.insert((hash << PART_BITS >> BLOCK_BITS << BLOCK_BITS) | block);
    }

    fn find(&self, hash: u64) -> Blocks {
        let part = &self.parts[(hash >> (u64::BITS - PART_BITS)) as usize];
        let mut blocks = Blocks::new();
        if part.slots.is_empty() {
            return blocks;
        }
        let sought = hash << PART_BITS >> BLOCK_BITS;
        let mut at = part.home(sought);
        while part.slots[at] != 0 {
            let block = part.slots[at] & ((1 << BLOCK_BITS) - 1);
            if part.slots[at] >> BLOCK_BITS == sought && block >= self.first_block {
                blocks.push(block);
            }
            at = (at + 1) % part.slots.len();
        }
        blocks
    }

    fn bytes(&self) -> usize {
        self.parts.iter().map(|part| size_of::<Part>() + part.slots.capacity() * size_of::<u64>()).sum()
    }
}

impl Part {
    fn home(&self, hash: u64) -> usize {
        ((hash * self.slots.len() as u64) >> HASH_BITS) as usize
    }

    fn insert(&mut self, entry: u64) {
        let mut at = self.home(entry >> BLOCK_BITS);
        while self.slots[at] != 0 {
            at = (at + 1) % self.slots.len();
        }
        self.slots[at] = entry;
        self.used += 1;
    }

    fn grow(&mut self, first_block: u64) {
        let mut entries = std::mem::take(&mut self.slots);
        entries.retain(|entry| *entry != 0 && entry & ((1 << BLOCK_BITS) - 1) >= first_block);
        self.slots = vec![0; (entries.len() * 3 / 2).max(8)];
        self.used = 0;
        for entry in entries {
            self.insert(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{TicketId, Version};
    use crate::domain::time::Timestamp;

    fn memo(number: u64, at: i64) -> Memo {
        Memo {
            user: "ada".into(),
            key: format!("c-{number}").as_str().into(),
            fingerprint: number,
            at: Timestamp::from_millis(at),
            ticket: TicketId(1),
            version: Version(number),
            seq: Seq(number),
        }
    }

    fn hash(number: u64) -> u64 {
        let memo = memo(number, 0);
        memo::hash(&memo.user, &memo.key)
    }

    /// J53
    #[test]
    fn j53_a_command_in_a_block_is_found_and_others_hardly_ever() {
        let mut commands = Commands::default();
        let count = 200_000;
        for block in 0..count / 500 {
            let hashes: Vec<_> = (block * 500..(block + 1) * 500).map(hash).collect();
            commands.add_block(1, commands.next_block(), &hashes);
        }
        for number in 0..count {
            let asked = memo(number, 0);
            let (young, blocks) = commands.find(&asked.user, &asked.key);
            assert!(young.is_none() && blocks.contains(&(number / 500 + 1)), "{number}");
        }
        let wrong = (count..2 * count).filter(|number| !commands.table.find(hash(*number)).is_empty()).count();
        assert!(wrong < 10, "{wrong} wrong hints");
        assert!(commands.table_bytes() as u64 <= 16 * count, "{} bytes", commands.table_bytes());
    }

    /// J53
    #[test]
    fn j53_forgotten_blocks_give_no_hints_and_their_room_is_used_again() {
        let mut commands = Commands::default();
        let mut most = 0;
        for day in 0..40 {
            for block in 0..40 {
                let first = u64::from(day) * 20_000 + block * 500;
                let hashes: Vec<_> = (first..first + 500).map(hash).collect();
                commands.add_block(day, commands.next_block(), &hashes);
            }
            while let Some((old, block)) = commands.oldest_block(day) {
                commands.drop_block(old, block);
            }
            most = most.max(commands.table_bytes());
        }
        assert!(commands.table.find(hash(5)).is_empty());
        assert!(!commands.table.find(hash(799_999)).is_empty());
        assert!(most < 3 * 16 * 20_000, "{most} bytes for 20,000 commands");
    }

    /// J53
    #[test]
    fn j53_young_commands_are_kept_whole_until_they_are_in_a_block() {
        let mut commands = Commands::default();
        for number in 1..=1200 {
            commands.remember(memo(number, if number <= 3 { 0 } else { 86_400_000 }));
        }
        let found = |commands: &Commands, number| commands.find(&"ada".into(), &memo(number, 0).key).0;
        assert_eq!(found(&commands, 7).unwrap().seq, Seq(7));
        assert_eq!(found(&commands, 1201), None);
        assert_eq!(commands.forget_young(1), 3);
        assert_eq!((found(&commands, 3), commands.forget_young(1)), (None, 0));
        assert_eq!(commands.due(Seq::ZERO, usize::MAX), 0);
        assert_eq!(commands.due(Seq(1), usize::MAX), 500);
        assert_eq!(commands.due(Seq(501), usize::MAX), 1000);
        assert_eq!(commands.due(Seq(5000), usize::MAX), 1200);
        assert_eq!((commands.since(500), commands.since(1200)), (Some(Seq(501)), None));
        commands.forget_oldest(1000);
        assert_eq!((found(&commands, 1000), commands.young().count()), (None, 200));
        assert_eq!(found(&commands, 1001).unwrap().seq, Seq(1001));
    }
}
