//! A guard before the WebSocket's parser. The parser keeps what has come of a frame until it has all of it, however long the frame's
//! head says that it is; here a head that says too much is the end. It looks at heads alone and copies nothing that is in order.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::Stream;

/// A head that the parser refuses at once as too long.
const ENDLESS: [u8; 13] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

pub struct Guarded<S> {
    inner: S,
    most: u64,
    /// The beginning of a head whose rest has not come yet.
    held: Vec<u8>,
    /// Bytes of the frame that are still to come.
    left: u64,
    is_over: bool,
}

impl<S> Guarded<S> {
    /// `most` is what a frame's payload may have.
    pub fn new(inner: S, most: u64) -> Self {
        Self { inner, most, held: Vec::new(), left: 0, is_over: false }
    }

    /// What of it goes on to the parser.
    fn pass(&mut self, chunk: Bytes) -> Bytes {
        let mut chunk = if self.held.is_empty() {
            chunk
        } else {
            let mut whole = std::mem::take(&mut self.held);
            whole.extend_from_slice(&chunk);
            whole.into()
        };
        let mut at = 0;
        while at < chunk.len() {
            if self.left == 0 {
                let rest = &chunk[at..];
                let Some((head, payload)) = lengths(rest) else {
                    self.held = rest.to_vec();
                    chunk.truncate(at);
                    break;
                };
                if payload > self.most {
                    self.is_over = true;
                    return [&chunk[..at], &rest[..1], &ENDLESS].concat().into();
                }
                self.left = head + payload;
            }
            let here = self.left.min((chunk.len() - at) as u64);
            self.left -= here;
            at += here as usize;
        }
        chunk
    }
}

/// Of a frame's head, with its mask, and of its payload (RFC 6455, 5.2).
fn lengths(frame: &[u8]) -> Option<(u64, u64)> {
    let second = *frame.get(1)?;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    Some(match second & 0x7f {
        126 => (4 + mask, u64::from(u16::from_be_bytes(*frame.get(2..)?.first_chunk()?))),
        127 => (10 + mask, u64::from_be_bytes(*frame.get(2..)?.first_chunk()?)),
        short => (2 + mask, u64::from(short)),
    })
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Stream for Guarded<S> {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(Pin::new(&mut self.inner).poll_next(context)) {
                // What comes after the end is read away, so that the other side's end is heard of.
                Some(Ok(_)) if self.is_over => {}
                Some(Ok(chunk)) => {
                    let passed = self.pass(chunk);
                    if !passed.is_empty() {
                        return Poll::Ready(Some(Ok(passed)));
                    }
                }
                end => return Poll::Ready(end),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize) -> Vec<u8> {
        let head = match length {
            0..126 => vec![0x81, 0x80 | length as u8],
            126..65_536 => [&[0x81, 0xfe][..], &(length as u16).to_be_bytes()].concat(),
            _ => [&[0x81, 0xff][..], &(length as u64).to_be_bytes()].concat(),
        };
        [head, vec![1, 2, 3, 4], vec![7; length]].concat()
    }

    /// X139: frames of every length go through as they are, wherever they are cut; one that says too much ends it at its head.
    #[test]
    fn x139_a_head_that_says_too_much_is_the_end() {
        let mut rng = fastrand::Rng::with_seed(139);
        for _ in 0..200 {
            let mut guard = Guarded::new((), 70_000);
            let sent: Vec<u8> =
                (0..5).flat_map(|_| frame([0, 5, 125, 126, 300, 65_536, 70_000][rng.usize(..7)])).collect();
            let (mut rest, mut got) = (sent.as_slice(), Vec::new());
            while !rest.is_empty() {
                let most = if rng.bool() { 3 } else { 40_000 };
                let (piece, later) = rest.split_at(rng.usize(1..=rest.len().min(most)));
                got.extend_from_slice(&guard.pass(Bytes::copy_from_slice(piece)));
                rest = later;
            }
            assert!(got == sent && !guard.is_over && guard.held.is_empty());
        }
        for cut in 1..10 {
            let mut guard = Guarded::new((), 70_000);
            let bad = [frame(3), frame(70_001)].concat();
            let mut got = guard.pass(Bytes::copy_from_slice(&bad[..9 + cut])).to_vec();
            got.extend_from_slice(&guard.pass(Bytes::copy_from_slice(&bad[9 + cut..30])));
            assert!(guard.is_over, "{cut}");
            assert_eq!(got, [&frame(3)[..], &[0x81], &ENDLESS].concat(), "{cut}");
        }
    }
}
