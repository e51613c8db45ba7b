//! WebSocket frames, built once for all sessions of a thread that stand at the same place and want the same.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};

use crate::domain::ids::Seq;
use crate::domain::permissions::Sight;
use crate::domain::time::Timestamp;
use crate::feed::{Entry, Feed, Reach};

/// Frames that are kept for the sessions that come to the same place a little later.
const KEPT: usize = 8;

/// A frame as it goes into the socket, and the seq of the last record in it.
#[derive(Clone, Debug)]
pub struct Frame {
    pub bytes: Bytes,
    pub upto: Seq,
    /// When its first record was decided; unknown for what was read back.
    pub oldest_at: Option<Timestamp>,
}

/// What a reader of the whole board gets next.
#[derive(Clone, Debug)]
pub struct Next {
    /// `None` where everything up to `upto` is out of the reader's sight.
    pub frame: Option<Frame>,
    /// The seq of the last record that was looked at.
    pub upto: Seq,
    /// A ticket went out of sight: the reader must hear soon what the board is without it.
    pub lost: bool,
}

/// The newest frames that hold everything that somebody sees after a seq. Readers with the same sight share them.
#[derive(Default)]
pub struct Frames {
    kept: VecDeque<Kept>,
}

struct Kept {
    after: Seq,
    sight: Sight,
    /// When what is visible changes, what was made before serves nobody any more.
    moves: u64,
    next: Next,
}

impl Frames {
    /// Everything after `after` that lies in this sight, up to `limit` bytes, in one frame. `None` when there is nothing.
    pub fn everything(&mut self, feed: &Feed, after: Seq, sight: Sight, limit: usize) -> Reach<Option<Next>> {
        let head = feed.head();
        if after >= head {
            return Reach::Here(None);
        }
        let moves = if sight.is_whole() { 0 } else { feed.moves() };
        // A kept frame serves if it is full or nothing came after it.
        let serves = |kept: &&Kept| {
            let is_full = kept.next.frame.as_ref().is_some_and(|frame| frame.bytes.len() >= limit);
            kept.after == after && kept.sight == sight && kept.moves == moves && (kept.next.upto == head || is_full)
        };
        if let Some(kept) = self.kept.iter().rev().find(serves) {
            return Reach::Here(Some(kept.next.clone()));
        }
        let mut body = Body::new(limit);
        let (mut upto, mut lost) = (after, false);
        let reach = feed.read(after, |entry| {
            upto = entry.seq;
            if feed.sees(sight, entry.ticket) {
                return body.add(entry);
            }
            lost |= entry.left.is_some_and(|left| sight.sees(left));
            true
        });
        match reach {
            Reach::TooOld => Reach::TooOld,
            Reach::Here(()) if upto == after => Reach::Here(None),
            Reach::Here(()) => {
                let next = Next { frame: body.finish(), upto, lost };
                if self.kept.len() == KEPT {
                    self.kept.pop_front();
                }
                self.kept.push_back(Kept { after, sight, moves, next: next.clone() });
                Reach::Here(Some(next))
            }
        }
    }
}

/// Gathers lines until the frame is full.
pub struct Body {
    lines: Vec<Bytes>,
    bytes: usize,
    limit: usize,
    upto: Seq,
    oldest_at: Option<Timestamp>,
}

impl Body {
    pub fn new(limit: usize) -> Self {
        Self { lines: Vec::new(), bytes: 0, limit, upto: Seq::ZERO, oldest_at: None }
    }

    /// Takes the entry; false when the frame is full with it.
    pub fn add(&mut self, entry: &Entry) -> bool {
        self.bytes += entry.line.len();
        if self.lines.is_empty() {
            self.oldest_at = entry.at;
        }
        self.lines.push(entry.line.clone());
        self.upto = entry.seq;
        self.bytes < self.limit
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub fn finish(self) -> Option<Frame> {
        if self.lines.is_empty() {
            return None;
        }
        // Lines end with a line end; the last one of a frame does without.
        let length = self.bytes - 1;
        let mut bytes = text_header(length, self.bytes + 10);
        for line in &self.lines {
            bytes.extend_from_slice(line);
        }
        bytes.truncate(bytes.len() - 1);
        Some(Frame { bytes: bytes.freeze(), upto: self.upto, oldest_at: self.oldest_at })
    }
}

/// A text frame of one line.
pub fn text_frame(line: &str) -> Bytes {
    let mut bytes = text_header(line.len(), line.len() + 10);
    bytes.extend_from_slice(line.as_bytes());
    bytes.freeze()
}

/// A close frame with its code and reason (RFC 6455, 5.5.1).
pub fn close_frame(code: u16, reason: &str) -> Bytes {
    let mut bytes = BytesMut::with_capacity(4 + reason.len());
    bytes.put_u8(0x88);
    bytes.put_u8(u8::try_from(2 + reason.len()).expect("invariant: close reasons are short"));
    bytes.put_u16(code);
    bytes.extend_from_slice(reason.as_bytes());
    bytes.freeze()
}

/// The header of an unmasked, final text frame (RFC 6455, 5.2).
fn text_header(length: usize, capacity: usize) -> BytesMut {
    let mut bytes = BytesMut::with_capacity(capacity);
    bytes.put_u8(0x81);
    if let Ok(short) = u8::try_from(length)
        && short < 126
    {
        bytes.put_u8(short);
    } else if let Ok(medium) = u16::try_from(length) {
        bytes.put_u8(126);
        bytes.put_u16(medium);
    } else {
        bytes.put_u8(127);
        bytes.put_u64(length as u64);
    }
    bytes
}
