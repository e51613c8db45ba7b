//! What comes in, bounded: how many messages a second, and messages that arrive in pieces.

use actix_http::ws::Item;
use bytes::BytesMut;

use crate::protocol::frame::CloseReason;

/// A token bucket of one second: `rate` messages at once, then `rate` a second.
#[derive(Debug)]
pub struct Rate {
    per_s: f64,
    left: f64,
    at: i64,
}

impl Rate {
    pub fn new(per_s: u32, now: i64) -> Self {
        Self { per_s: f64::from(per_s), left: f64::from(per_s), at: now }
    }

    /// Takes one message; false when there were too many.
    pub fn take(&mut self, now: i64) -> bool {
        let passed = (now - self.at).max(0) as f64 / 1000.0;
        self.left = (self.left + passed * self.per_s).min(self.per_s);
        self.at = now;
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

/// A message in several frames (RFC 6455, 5.4), put together up to a limit.
#[derive(Debug, Default)]
pub struct Assembly {
    parts: Option<(BytesMut, bool)>,
}

impl Assembly {
    /// Takes the next piece. `Some` is the whole message, with whether it is text.
    pub fn take(&mut self, item: Item, limit: usize) -> Result<Option<(BytesMut, bool)>, CloseReason> {
        let (piece, last) = match item {
            Item::FirstText(piece) => {
                self.start(true)?;
                (piece, false)
            }
            Item::FirstBinary(piece) => {
                self.start(false)?;
                (piece, false)
            }
            Item::Continue(piece) => (piece, false),
            Item::Last(piece) => (piece, true),
        };
        let Some((whole, _)) = &mut self.parts else { return Err(CloseReason::BadFrame) };
        if whole.len() + piece.len() > limit {
            return Err(CloseReason::TooBig);
        }
        whole.extend_from_slice(&piece);
        Ok(if last { self.parts.take() } else { None })
    }

    fn start(&mut self, text: bool) -> Result<(), CloseReason> {
        if self.parts.is_some() {
            return Err(CloseReason::BadFrame);
        }
        self.parts = Some((BytesMut::new(), text));
        Ok(())
    }

    /// A message is half here: a new one may not begin.
    pub fn is_open(&self) -> bool {
        self.parts.is_some()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// S60: more messages than the limit within a second are too many; a second later there is room again.
    #[test]
    fn s60_the_rate_is_a_bucket_of_one_second() {
        let mut rate = Rate::new(3, 0);
        assert!((0..3).all(|_| rate.take(0)));
        assert!(!rate.take(0));
        assert!(rate.take(400));
        assert!(!rate.take(400));
    }

    /// S61: a message in pieces is put together up to the limit; pieces out of order end the connection.
    #[test]
    fn s61_pieces_are_put_together() {
        let piece = |text: &'static str| Bytes::from_static(text.as_bytes());
        let mut assembly = Assembly::default();
        assert_eq!(assembly.take(Item::Continue(piece("x")), 10), Err(CloseReason::BadFrame));
        assert_eq!(assembly.take(Item::FirstText(piece("ab")), 10), Ok(None));
        assert!(assembly.is_open());
        assert_eq!(assembly.take(Item::Continue(piece("cd")), 10), Ok(None));
        let (whole, text) = assembly.take(Item::Last(piece("ef")), 10).unwrap().unwrap();
        assert_eq!((&whole[..], text), (&b"abcdef"[..], true));
        assert_eq!(assembly.take(Item::FirstBinary(piece("0123456789")), 10), Ok(None));
        assert_eq!(assembly.take(Item::FirstText(piece("x")), 10), Err(CloseReason::BadFrame));
        assert_eq!(assembly.take(Item::Last(piece("x")), 10), Err(CloseReason::TooBig));
    }
}
