//! How the journal's bytes are written: keys, values, the head file, and the sums that tell when they are not what was written.
//!
//! Never touches a file. Called by the writer, the stores, the verifier and the archives. A change here that older programs cannot
//! read raises [`FORMAT`], and the golden files under `tests/golden/journal` show what the present one looks like.
//!
//! One sled tree holds everything; the first byte of a key says what it is, numbers are big-endian so that keys sort by them:
//!
//! | key | value |
//! | --- | --- |
//! | `r` seq | a record: sum of the one before, own sum, ticket, version, JSON |
//! | `i` ticket version | the record's seq |
//! | `s` ticket | the ticket's state: seq and version at which it was written, active or not, JSON |
//! | `a` ticket | nothing: the ticket is active |
//! | `m` day user command | a remembered command as JSON |
//! | `x` name | an aside |
//! | `h` | the head: see [`HeadMark`] |
//!
//! Every value except that of `a` is sealed by a CRC-32C over key and content, and cut into pieces of at most [`PIECE_BYTES`]: the
//! piece's number, two bytes, ends the key.

use super::{Head, JournalError};
use crate::domain::ids::{CommandId, Epoch, Seq, TicketId, UserId, Version};
use crate::domain::time::Timestamp;

/// What this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// sled 0.34 writes a message of its log (a changed leaf, whole) that is larger than a quarter of a segment, 131,052 bytes less its
/// header, into a file of its own which it never syncs. A leaf holds up to 17 values and merges with up to 3 more, so values of this
/// size keep the largest possible leaf under 90 kB.
pub const PIECE_BYTES: usize = 4096;

/// Names of asides and parts of memo keys are kept below this, so that keys do not make a leaf too large either.
pub const MAX_KEY_BYTES: usize = 1024;

const SEAL_BYTES: usize = 8;

/// The sum of a record: CRC-32C (Castagnoli, RFC 3720) of its JSON, continued from the sum of the record before it, so that one
/// sum vouches for the whole history up to it. The first record continues from 0.
pub fn chain(crc_before: u32, json: &[u8]) -> u32 {
    crc32c::crc32c_append(crc_before, json)
}

pub mod key {
    //! Keys without the number of a piece.

    use super::{CommandId, Seq, TicketId, UserId, Version};

    pub const RECORD: u8 = b'r';
    pub const INDEX: u8 = b'i';
    pub const STATE: u8 = b's';
    pub const ACTIVE: u8 = b'a';
    pub const MEMO: u8 = b'm';
    pub const ASIDE: u8 = b'x';
    pub const HEAD: u8 = b'h';

    pub fn record(seq: Seq) -> Vec<u8> {
        number(RECORD, seq.get())
    }

    pub fn index(ticket: TicketId, version: Version) -> Vec<u8> {
        let mut key = number(INDEX, ticket.get());
        key.extend_from_slice(&version.get().to_be_bytes());
        key
    }

    pub fn state(ticket: TicketId) -> Vec<u8> {
        number(STATE, ticket.get())
    }

    pub fn active(ticket: TicketId) -> Vec<u8> {
        number(ACTIVE, ticket.get())
    }

    pub fn memo_day(day: u32) -> Vec<u8> {
        let mut key = vec![MEMO];
        key.extend_from_slice(&day.to_be_bytes());
        key
    }

    pub fn memo(day: u32, user: &UserId, command: &CommandId) -> Vec<u8> {
        let mut key = memo_day(day);
        key.extend_from_slice(&(user.as_str().len() as u16).to_be_bytes());
        key.extend_from_slice(user.as_str().as_bytes());
        key.extend_from_slice(command.as_str().as_bytes());
        key
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

    /// The number after the prefix; `None` when the key is too short to have one.
    pub fn parse_number(key: &[u8]) -> Option<u64> {
        key.get(1..9).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes)
    }
}

/// The day of a memo, by which its key begins, so that old ones lie together.
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

/// What stands before a record's JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordMark {
    pub crc_before: u32,
    pub crc: u32,
    pub ticket: TicketId,
    pub version: Version,
}

impl RecordMark {
    pub fn encode(&self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..4].copy_from_slice(&self.crc_before.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.crc.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.ticket.get().to_be_bytes());
        bytes[16..].copy_from_slice(&self.version.get().to_be_bytes());
        bytes
    }

    pub fn split(content: &[u8]) -> Option<(Self, &[u8])> {
        let (mut mark, json) = content.split_at_checked(24)?;
        let mark = Self {
            crc_before: take_u32(&mut mark)?,
            crc: take_u32(&mut mark)?,
            ticket: TicketId(take_u64(&mut mark)?),
            version: Version(take_u64(&mut mark)?),
        };
        Some((mark, json))
    }
}

/// What stands before a state's JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateMark {
    /// The head of the group that wrote it: a reader who meets a seq beyond the durable head waits for it.
    pub seq: Seq,
    pub version: Version,
    pub active: bool,
}

impl StateMark {
    pub fn encode(&self) -> [u8; 17] {
        let mut bytes = [0; 17];
        bytes[..8].copy_from_slice(&self.seq.get().to_be_bytes());
        bytes[8..16].copy_from_slice(&self.version.get().to_be_bytes());
        bytes[16] = u8::from(self.active);
        bytes
    }

    pub fn split(content: &[u8]) -> Option<(Self, &[u8])> {
        let (mut mark, json) = content.split_at_checked(17)?;
        let seq = Seq(take_u64(&mut mark)?);
        let version = Version(take_u64(&mut mark)?);
        Some((Self { seq, version, active: mark == [1] }, json))
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
