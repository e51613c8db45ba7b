//! How the journal's bytes are written: keys, values, the head file, and the sums that tell when they are not what was written.
//!
//! Never touches a file. Called by the writer, the stores, the verifier and the archives. A change here that older programs cannot
//! read raises [`FORMAT`], and the golden files under `tests/golden/journal` show what the present one looks like.
//!
//! One sled tree holds everything; the first byte of a key says what it is, numbers are big-endian so that keys sort by them:
//!
//! | key | value |
//! | --- | --- |
//! | `r` seq | a block of records of one commit, the first of which has this seq: see [`block`] |
//! | `s` ticket | a ticket's state: its [`StateMark`], then its JSON, [packed](super::pack) |
//! | `a` chunk | which of 1024 neighbouring tickets are active: see [`Chunk`] |
//! | `m` day number | a block of remembered commands, [packed](super::pack): see [`memo`] |
//! | `k` day number | the hashes of the commands in that block, eight bytes each, in the same order |
//! | `x` name | an aside |
//! | `h` | the head: see [`HeadMark`] |
//!
//! A ticket has no index of its records: each record's mark says where the one before it is, and its state where the last one is.
//! States and remembered commands are written late: [`HeadMark`] says up to which record they are in the tree, and what came
//! after is folded out of the records, which hold their command beside them.
//!
//! Every value is sealed by a CRC-32C over key and content, and cut into pieces of at most [`PIECE_BYTES`]: the piece's number, two
//! bytes, ends the key.

use std::ops::Range;

use super::{Head, JournalError, Memo, pack};
use crate::domain::ids::{CommandId, Epoch, Seq, TicketId, UserId, Version};
use crate::domain::time::Timestamp;

/// What this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// sled 0.34 writes a message of its log (a changed leaf, whole) that is larger than a quarter of a segment, 131,052 bytes less its
/// header, into a file of its own which it never syncs. A leaf holds up to 17 values and merges with up to 3 more, so values of this
/// size keep the largest possible leaf under 90 kB.
pub const PIECE_BYTES: usize = 4096;

/// Names of asides are kept below this, so that keys do not make a leaf too large either.
pub const MAX_KEY_BYTES: usize = 1024;

const SEAL_BYTES: usize = 8;

/// The sum of a record: CRC-32C (Castagnoli, RFC 3720) of its JSON, continued from the sum of the record before it, so that one
/// sum vouches for the whole history up to it. The first record continues from 0.
pub fn chain(crc_before: u32, json: &[u8]) -> u32 {
    crc32c::crc32c_append(crc_before, json)
}

pub mod key {
    //! Keys without the number of a piece.

    use super::{Seq, TicketId};

    pub const RECORD: u8 = b'r';
    pub const STATE: u8 = b's';
    pub const ACTIVE: u8 = b'a';
    pub const MEMOS: u8 = b'm';
    pub const HASHES: u8 = b'k';
    pub const ASIDE: u8 = b'x';
    pub const HEAD: u8 = b'h';

    pub fn record(seq: Seq) -> Vec<u8> {
        number(RECORD, seq.get())
    }

    pub fn state(ticket: TicketId) -> Vec<u8> {
        number(STATE, ticket.get())
    }

    pub fn active(chunk: u64) -> Vec<u8> {
        number(ACTIVE, chunk)
    }

    pub fn memos(day: u32, block: u64) -> Vec<u8> {
        day_and_number(MEMOS, day, block)
    }

    pub fn hashes(day: u32, block: u64) -> Vec<u8> {
        day_and_number(HASHES, day, block)
    }

    /// A zero byte ends the name, so that no name is the beginning of another one's pieces.
    pub fn aside(name: &str) -> Vec<u8> {
        let mut key = vec![ASIDE];
        key.extend_from_slice(name.as_bytes());
        key.push(0);
        key
    }

    pub fn head() -> Vec<u8> {
        vec![HEAD]
    }

    fn number(prefix: u8, number: u64) -> Vec<u8> {
        let mut key = Vec::with_capacity(19);
        key.push(prefix);
        key.extend_from_slice(&number.to_be_bytes());
        key
    }

    fn day_and_number(prefix: u8, day: u32, number: u64) -> Vec<u8> {
        let mut key = Vec::with_capacity(15);
        key.push(prefix);
        key.extend_from_slice(&day.to_be_bytes());
        key.extend_from_slice(&number.to_be_bytes());
        key
    }

    /// The day and the number of a block of remembered commands or of their hashes.
    pub fn parse_day_and_number(key: &[u8]) -> Option<(u32, u64)> {
        let (day, number) = key.get(1..13)?.split_first_chunk::<4>()?;
        Some((u32::from_be_bytes(*day), u64::from_be_bytes(number.try_into().ok()?)))
    }

    /// The number after the prefix; `None` when the key is too short to have one.
    pub fn parse_number(key: &[u8]) -> Option<u64> {
        key.get(1..9).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes)
    }
}

/// The day of a memo, by which the key of its block begins, so that old ones lie together.
pub fn memo_day(at: Timestamp) -> u32 {
    u32::try_from(at.as_millis().div_euclid(86_400_000)).unwrap_or(0)
}

/// The key of a piece of the value at `key`.
pub fn piece_key(key: &[u8], piece: u16) -> Vec<u8> {
    let mut with_piece = Vec::with_capacity(key.len() + 2);
    with_piece.extend_from_slice(key);
    with_piece.extend_from_slice(&piece.to_be_bytes());
    with_piece
}

/// Splits a stored key into the value's key and the piece's number.
pub fn split_piece_key(stored: &[u8]) -> Option<(&[u8], u16)> {
    let (key, piece) = stored.split_last_chunk::<2>()?;
    Some((key, u16::from_be_bytes(*piece)))
}

/// Seals a value and hands out its pieces: the length of the content, the sum over key and content, the content.
pub fn seal(key: &[u8], content: &[&[u8]], mut piece: impl FnMut(Vec<u8>, Vec<u8>)) {
    let bytes: usize = content.iter().map(|part| part.len()).sum();
    let mut sum = crc32c::crc32c(key);
    for part in content {
        sum = crc32c::crc32c_append(sum, part);
    }
    let mut whole = Vec::with_capacity(SEAL_BYTES + bytes);
    whole.extend_from_slice(&u32::try_from(bytes).expect("invariant: values are far below 4 GiB").to_be_bytes());
    whole.extend_from_slice(&sum.to_be_bytes());
    for part in content {
        whole.extend_from_slice(part);
    }
    if whole.len() <= PIECE_BYTES {
        piece(piece_key(key, 0), whole);
        return;
    }
    for (number, bytes) in whole.chunks(PIECE_BYTES).enumerate() {
        let number = u16::try_from(number).expect("invariant: a value is below 256 MiB");
        piece(piece_key(key, number), bytes.to_vec());
    }
}

/// How many pieces the value has whose first piece this is; `None` when it is too short to say.
pub fn pieces(first: &[u8]) -> Option<usize> {
    let bytes = u32::from_be_bytes(first.get(..4)?.try_into().ok()?) as usize;
    Some((SEAL_BYTES + bytes).div_ceil(PIECE_BYTES))
}

/// Checks the seal of a value whose pieces were put together; gives its content.
pub fn unseal<'a>(key: &[u8], whole: &'a [u8]) -> Option<&'a [u8]> {
    let bytes = u32::from_be_bytes(whole.get(..4)?.try_into().ok()?) as usize;
    let sum = u32::from_be_bytes(whole.get(4..SEAL_BYTES)?.try_into().ok()?);
    let content = &whole[SEAL_BYTES..];
    let sound = content.len() == bytes && crc32c::crc32c_append(crc32c::crc32c(key), content) == sum;
    sound.then_some(content)
}

/// A history has a link back to every record with a version that is a multiple of this, beside that to the record before.
pub const SKIP_VERSIONS: u64 = 64;

/// What stands before a record's JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordMark {
    pub crc_before: u32,
    pub crc: u32,
    pub ticket: TicketId,
    pub version: Version,
    /// The ticket's record before this one; zero for its first.
    pub before: Seq,
    /// Its record with the greatest version below this one that is a multiple of [`SKIP_VERSIONS`]; zero where there is none.
    pub skip: Seq,
}

impl RecordMark {
    pub const BYTES: usize = 40;

    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&self.crc_before.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.crc.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.ticket.get().to_be_bytes());
        bytes[16..24].copy_from_slice(&self.version.get().to_be_bytes());
        bytes[24..32].copy_from_slice(&self.before.get().to_be_bytes());
        bytes[32..].copy_from_slice(&self.skip.get().to_be_bytes());
        bytes
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            crc_before: take_u32(bytes)?,
            crc: take_u32(bytes)?,
            ticket: TicketId(take_u64(bytes)?),
            version: Version(take_u64(bytes)?),
            before: Seq(take_u64(bytes)?),
            skip: Seq(take_u64(bytes)?),
        })
    }
}

/// Where a ticket's history ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    pub version: Version,
    pub last: Seq,
    /// The skip link of the last record.
    pub skip: Seq,
}

impl End {
    /// The end after one more record.
    pub fn follow(self, seq: Seq) -> Self {
        let is_stop = self.version.get() > 0 && self.version.get().is_multiple_of(SKIP_VERSIONS);
        let skip = if is_stop { self.last } else { self.skip };
        Self { version: self.version.next(), last: seq, skip }
    }
}

/// What stands before a state's JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateMark {
    pub end: End,
    pub active: bool,
}

impl StateMark {
    pub const BYTES: usize = 25;

    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.end.version.get().to_be_bytes());
        bytes[8..16].copy_from_slice(&self.end.last.get().to_be_bytes());
        bytes[16..24].copy_from_slice(&self.end.skip.get().to_be_bytes());
        bytes[24] = u8::from(self.active);
        bytes
    }

    /// The mark, and the packed JSON after it.
    pub fn split(content: &[u8]) -> Option<(Self, &[u8])> {
        let (mut mark, packed) = content.split_at_checked(Self::BYTES)?;
        let version = Version(take_u64(&mut mark)?);
        let end = End { version, last: Seq(take_u64(&mut mark)?), skip: Seq(take_u64(&mut mark)?) };
        Some((Self { end, active: mark == [1] }, packed))
    }
}

/// Which of [`Chunk::TICKETS`] neighbouring tickets are active, a bit each, lowest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chunk([u64; 16]);

impl Chunk {
    pub const TICKETS: u64 = 1024;

    /// The chunk in which the ticket's bit lies.
    pub fn of(ticket: TicketId) -> u64 {
        ticket.get() / Self::TICKETS
    }

    pub fn get(&self, ticket: TicketId) -> bool {
        let (word, bit) = Self::place(ticket);
        self.0[word] & bit != 0
    }

    pub fn set(&mut self, ticket: TicketId, active: bool) {
        let (word, bit) = Self::place(ticket);
        if active { self.0[word] |= bit } else { self.0[word] &= !bit }
    }

    fn place(ticket: TicketId) -> (usize, u64) {
        let bit = ticket.get() % Self::TICKETS;
        ((bit / 64) as usize, 1 << (bit % 64))
    }

    /// The active tickets of chunk `number`, in order.
    pub fn tickets(&self, number: u64) -> impl Iterator<Item = TicketId> + '_ {
        (number * Self::TICKETS..(number + 1) * Self::TICKETS).map(TicketId).filter(|ticket| self.get(*ticket))
    }

    pub fn encode(&self) -> [u8; 128] {
        let mut bytes = [0; 128];
        for (place, word) in bytes.chunks_exact_mut(8).zip(self.0) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut chunk = Self::default();
        for word in &mut chunk.0 {
            *word = take_u64(&mut bytes)?;
        }
        bytes.is_empty().then_some(chunk)
    }
}

pub mod block {
    //! Some records of one commit, [packed](crate::journal::pack) together: for each its mark, the lengths of its JSON and of its
    //! command in four bytes each, the JSON, and the [command](super::memo) if this was a command's last record. Seqs are
    //! consecutive from the one in the key.

    use super::{JournalError, Memo, Range, RecordMark, memo, pack, take_u32};

    /// A block takes no more records once it has this much. Larger ones pack a little better and cost a reader of one record more.
    pub const FULL_BYTES: usize = 16 << 10;

    pub fn push(raw: &mut Vec<u8>, mark: &RecordMark, json: &[u8], command: Option<&Memo>) {
        raw.extend_from_slice(&mark.encode());
        raw.extend_from_slice(&u32::try_from(json.len()).expect("invariant: a record is below 4 GiB").to_be_bytes());
        let length_at = raw.len();
        raw.extend_from_slice(&[0; 4]);
        raw.extend_from_slice(json);
        if let Some(command) = command {
            let start = raw.len();
            memo::push(raw, command);
            let length = (raw.len() - start) as u32;
            raw[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
        }
    }

    /// A block whose records can be looked at.
    #[derive(Debug)]
    pub struct Block {
        raw: Vec<u8>,
        entries: Vec<Entry>,
    }

    #[derive(Clone, Debug)]
    struct Entry {
        mark: RecordMark,
        json: Range<usize>,
        command: Range<usize>,
    }

    impl Block {
        /// Unpacks the content of a block; `None` when it is none.
        pub fn decode(content: &[u8]) -> Option<Self> {
            let raw = pack::unpack(content)?;
            let mut entries = Vec::with_capacity(raw.len() / 256);
            let mut rest = raw.as_slice();
            while !rest.is_empty() {
                let mark = RecordMark::take(&mut rest)?;
                let json_bytes = take_u32(&mut rest)? as usize;
                let command_bytes = take_u32(&mut rest)? as usize;
                let start = raw.len() - rest.len();
                rest = rest.get(json_bytes.checked_add(command_bytes)?..)?;
                let end = start + json_bytes;
                entries.push(Entry { mark, json: start..end, command: end..end + command_bytes });
            }
            Some(Self { raw, entries })
        }

        pub fn len(&self) -> usize {
            self.entries.len()
        }

        pub fn is_empty(&self) -> bool {
            self.entries.is_empty()
        }

        /// The record at this place: its mark and JSON.
        pub fn record(&self, index: usize) -> Option<(RecordMark, &[u8])> {
            let entry = self.entries.get(index)?;
            Some((entry.mark, &self.raw[entry.json.clone()]))
        }

        /// The command that ended with the record at this place.
        pub fn command(&self, index: usize) -> Result<Option<Memo>, JournalError> {
            let Some(entry) = self.entries.get(index).filter(|entry| !entry.command.is_empty()) else {
                return Ok(None);
            };
            let mut bytes = &self.raw[entry.command.clone()];
            memo::take(&mut bytes)
                .filter(|_| bytes.is_empty())
                .map(Some)
                .ok_or_else(|| JournalError::Damaged { what: "the command beside a record cannot be read".into() })
        }
    }
}

pub mod memo {
    //! A remembered command: fingerprint, time, ticket, version and seq in eight bytes each, the lengths of user and command id in
    //! two bytes each, user, command id. A block of them is one after the other.

    use super::{CommandId, Memo, Seq, TicketId, Timestamp, UserId, Version, take_u16, take_u64};

    /// How many a block has at most: their hashes fill one piece.
    pub const IN_BLOCK: usize = 500;

    pub fn push(bytes: &mut Vec<u8>, memo: &Memo) {
        for number in
            [memo.fingerprint, memo.at.as_millis() as u64, memo.ticket.get(), memo.version.get(), memo.seq.get()]
        {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        let (user, key) = (memo.user.as_str().as_bytes(), memo.key.as_str().as_bytes());
        for text in [user, key] {
            let length = u16::try_from(text.len()).expect("invariant: names are below 64 KiB");
            bytes.extend_from_slice(&length.to_be_bytes());
        }
        bytes.extend_from_slice(user);
        bytes.extend_from_slice(key);
    }

    pub fn take(bytes: &mut &[u8]) -> Option<Memo> {
        let fingerprint = take_u64(bytes)?;
        let at = Timestamp::from_millis(take_u64(bytes)? as i64);
        let ticket = TicketId(take_u64(bytes)?);
        let version = Version(take_u64(bytes)?);
        let seq = Seq(take_u64(bytes)?);
        let lengths = [take_u16(bytes)?, take_u16(bytes)?];
        let mut text = |length: u16| {
            let (text, rest) = bytes.split_at_checked(length.into())?;
            *bytes = rest;
            std::str::from_utf8(text).ok()
        };
        let user = UserId::from(text(lengths[0])?);
        let key = CommandId::from(text(lengths[1])?);
        Some(Memo { user, key, fingerprint, at, ticket, version, seq })
    }

    /// What stands for a command in tables. Different commands may have the same one.
    pub fn hash(user: &UserId, key: &CommandId) -> u64 {
        let seed = xxhash_rust::xxh3::xxh3_64(user.as_str().as_bytes());
        xxhash_rust::xxh3::xxh3_64_with_seed(key.as_str().as_bytes(), seed)
    }
}

/// Where the journal ends. It lies in the tree with every group, and in the head file apart from it once the group is safe: where
/// the two do not meet, something was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadMark {
    pub format: u32,
    /// Counts commits, those without a record included.
    pub commit: u64,
    pub head: Head,
    pub last_ticket: TicketId,
    /// For all records up to this one the tickets' states in the tree are as new.
    pub states_to: Seq,
    /// The commands that ended with a record up to this one are in the tree's blocks of commands.
    pub memos_to: Seq,
    pub epoch: Epoch,
}

impl HeadMark {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(80);
        bytes.extend_from_slice(&self.format.to_be_bytes());
        bytes.extend_from_slice(&self.commit.to_be_bytes());
        bytes.extend_from_slice(&self.head.seq.get().to_be_bytes());
        bytes.extend_from_slice(&self.head.crc.to_be_bytes());
        bytes.extend_from_slice(&self.last_ticket.get().to_be_bytes());
        bytes.extend_from_slice(&self.states_to.get().to_be_bytes());
        bytes.extend_from_slice(&self.memos_to.get().to_be_bytes());
        bytes.extend_from_slice(self.epoch.as_str().as_bytes());
        bytes
    }

    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        Some(Self {
            format: take_u32(bytes)?,
            commit: take_u64(bytes)?,
            head: Head { seq: Seq(take_u64(bytes)?), crc: take_u32(bytes)? },
            last_ticket: TicketId(take_u64(bytes)?),
            states_to: Seq(take_u64(bytes)?),
            memos_to: Seq(take_u64(bytes)?),
            epoch: Epoch::from(std::str::from_utf8(bytes).ok()?),
        })
    }

    /// Refuses what a newer program wrote.
    pub fn check_format(&self) -> Result<(), JournalError> {
        if self.format > FORMAT {
            return Err(JournalError::Newer { found: self.format, known: FORMAT });
        }
        Ok(())
    }
}

/// The head file: two slots, written in turn, so that a torn write leaves the one before it. Each lies in a block of its own.
pub mod head_file {
    use super::HeadMark;

    const MAGIC: &[u8; 8] = b"hotdesk\n";
    pub const SLOT_BYTES: usize = 4096;

    /// Where the slot of this mark begins in the file, and its bytes.
    pub fn slot(mark: &HeadMark) -> (u64, Vec<u8>) {
        let content = mark.encode();
        let mut bytes = Vec::with_capacity(SLOT_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&crc32c::crc32c(&content).to_be_bytes());
        bytes.extend_from_slice(&(content.len() as u32).to_be_bytes());
        bytes.extend_from_slice(&content);
        ((mark.commit % 2) * SLOT_BYTES as u64, bytes)
    }

    /// The newest mark that can be read.
    pub fn newest(file: &[u8]) -> Option<HeadMark> {
        [0, SLOT_BYTES].into_iter().filter_map(|start| parse(file.get(start..)?)).max_by_key(|mark| mark.commit)
    }

    fn parse(slot: &[u8]) -> Option<HeadMark> {
        let rest = slot.strip_prefix(MAGIC)?;
        let (sum, rest) = rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let content = rest.get(..u32::from_be_bytes(*length) as usize)?;
        (crc32c::crc32c(content) == u32::from_be_bytes(*sum)).then(|| HeadMark::decode(content)).flatten()
    }
}

fn take_u16(bytes: &mut &[u8]) -> Option<u16> {
    let (number, rest) = bytes.split_first_chunk::<2>()?;
    *bytes = rest;
    Some(u16::from_be_bytes(*number))
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_be_bytes(*number))
}

fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(u64::from_be_bytes(*number))
}
