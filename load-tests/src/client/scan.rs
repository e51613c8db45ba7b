//! Reads a server's WebSocket bytes as they come, in pieces of any size, and yields the lines of its text frames.
//!
//! Pure, and cheap enough for thousands of sockets on the cores that the server needs: it copies only what a piece cuts
//! in two and parses JSON only where it must. Called by `tap`.

use anyhow::{Result, bail};
use memchr::memchr;
use serde::Deserialize;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const LONGEST_HEADER: usize = 10;

/// What a server sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// One JSON object.
    Line(&'a [u8]),
    /// A message of text has ended.
    Message,
    /// Its payload must go back as a pong.
    Ping(&'a [u8]),
    /// The code, if there was one.
    Close(Option<u16>),
}

/// Where in the stream of frames the last piece ended.
#[derive(Debug, Default)]
pub struct Scanner {
    header: [u8; LONGEST_HEADER],
    header_len: usize,
    /// Payload bytes of the present frame that are still to come; meaningful once its header is complete.
    remaining: u64,
    inside: bool,
    opcode: u8,
    fin: bool,
    /// The beginning of a line that a piece, or a frame of several, cut off.
    line: Vec<u8>,
    /// The payload of a control frame, which may stand between the frames of one message.
    control: Vec<u8>,
}

impl Scanner {
    /// Goes on with the next piece of the stream.
    pub fn feed(&mut self, mut piece: &[u8], mut see: impl FnMut(Seen<'_>)) -> Result<()> {
        // A frame without payload ends with its header, when no byte may be left in the piece.
        while !piece.is_empty() || self.inside && self.remaining == 0 {
            if !self.inside {
                piece = self.read_header(piece)?;
                if !self.inside {
                    return Ok(());
                }
            }
            let here = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(piece.len());
            let (payload, rest) = piece.split_at(here);
            piece = rest;
            self.remaining -= here as u64;
            match self.opcode {
                TEXT | CONTINUATION => self.lines(payload, &mut see),
                _ => self.control.extend_from_slice(payload),
            }
            if self.remaining == 0 {
                self.end_of_frame(&mut see);
            }
        }
        Ok(())
    }

    /// Takes what the header lacks; returns what is left of the piece.
    fn read_header<'a>(&mut self, mut piece: &'a [u8]) -> Result<&'a [u8]> {
        loop {
            let needed = match self.header.get(1).filter(|_| self.header_len > 1).map(|byte| byte & 0x7f) {
                None => 2,
                Some(126) => 4,
                Some(127) => 10,
                Some(_) => 2,
            };
            if self.header_len >= needed {
                break;
            }
            let Some((byte, rest)) = piece.split_first() else { return Ok(piece) };
            self.header[self.header_len] = *byte;
            self.header_len += 1;
            piece = rest;
        }
        let [first, second, ..] = self.header;
        if second & 0x80 != 0 || first & 0x70 != 0 {
            bail!("a server's frame must not be masked, and no extension was agreed on");
        }
        self.remaining = match second {
            126 => u64::from(u16::from_be_bytes([self.header[2], self.header[3]])),
            127 => self.header[2..].iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
            short => u64::from(short),
        };
        (self.opcode, self.fin) = (first & 0x0f, first & 0x80 != 0);
        self.header_len = 0;
        self.inside = true;
        Ok(piece)
    }

    fn lines(&mut self, mut payload: &[u8], see: &mut impl FnMut(Seen<'_>)) {
        while let Some(end) = memchr(b'\n', payload) {
            let (head, rest) = (&payload[..end], &payload[end + 1..]);
            payload = rest;
            if self.line.is_empty() {
                see_line(head, see);
            } else {
                self.line.extend_from_slice(head);
                see_line(&self.line, see);
                self.line.clear();
            }
        }
        if self.fin && self.remaining == 0 && self.line.is_empty() {
            see_line(payload, see);
        } else {
            self.line.extend_from_slice(payload);
        }
    }

    fn end_of_frame(&mut self, see: &mut impl FnMut(Seen<'_>)) {
        self.inside = false;
        match self.opcode {
            TEXT | CONTINUATION if self.fin => {
                if !self.line.is_empty() {
                    see_line(&self.line, see);
                    // Thousands of sockets must not each keep room for their longest line.
                    self.line = Vec::new();
                }
                see(Seen::Message);
            }
            PING => see(Seen::Ping(&self.control)),
            CLOSE => see(Seen::Close(self.control.first_chunk().map(|code| u16::from_be_bytes(*code)))),
            _ => {}
        }
        self.control.clear();
    }
}

fn see_line(line: &[u8], see: &mut impl FnMut(Seen<'_>)) {
    if !line.is_empty() {
        see(Seen::Line(line));
    }
}

/// What a line says, as far as a reading socket cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Record { seq: u64 },
    Welcome,
    Lag,
    Other,
}

/// Reads the kind and the seq of a line. The order in which this server writes them is looked at first; any other is JSON.
pub fn said(line: &[u8]) -> Result<Said> {
    if let Some(rest) = line.strip_prefix(br#"{"t":"rec","seq":"#) {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
        return Ok(Said::Record { seq: digits.fold(0, |seq, digit| seq * 10 + u64::from(digit - b'0')) });
    }
    #[derive(Deserialize)]
    struct Head<'a> {
        t: &'a str,
        seq: Option<u64>,
    }
    let head: Head = serde_json::from_slice(line)?;
    Ok(match (head.t, head.seq) {
        ("rec", Some(seq)) => Said::Record { seq },
        ("rec", None) => bail!("a record without a seq"),
        ("welcome", _) => Said::Welcome,
        ("lag", _) => Said::Lag,
        _ => Said::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(opcode: u8, fin: bool, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![opcode | if fin { 0x80 } else { 0 }];
        match payload.len() {
            short @ 0..126 => frame.push(short as u8),
            medium @ 126..65_536 => {
                frame.push(126);
                frame.extend((medium as u16).to_be_bytes());
            }
            long => {
                frame.push(127);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(payload);
        frame
    }

    /// Feeds the stream in pieces of one size and writes down what is seen.
    fn check(stream: &[u8], expect: &[&str]) {
        for size in [1, 2, 3, 7, 100, stream.len()] {
            let (mut scanner, mut seen) = (Scanner::default(), Vec::new());
            for piece in stream.chunks(size) {
                scanner
                    .feed(piece, |event| {
                        seen.push(match event {
                            Seen::Line(line) => String::from_utf8_lossy(line).into_owned(),
                            Seen::Message => ".".to_owned(),
                            Seen::Ping(payload) => format!("ping {}", String::from_utf8_lossy(payload)),
                            Seen::Close(code) => format!("close {code:?}"),
                        });
                    })
                    .unwrap();
            }
            assert_eq!(seen, expect, "in pieces of {size}");
        }
    }

    #[test]
    fn lines_are_found_whatever_the_pieces() {
        let mut stream = frame(TEXT, true, b"{\"a\":1}\n{\"b\":2}\n");
        stream.extend(frame(TEXT, true, b"{\"c\":3}"));
        check(&stream, &["{\"a\":1}", "{\"b\":2}", ".", "{\"c\":3}", "."]);
    }

    #[test]
    fn a_ping_may_stand_inside_a_message() {
        let mut stream = frame(TEXT, false, b"{\"a\"");
        stream.extend(frame(PING, true, b"hi"));
        stream.extend(frame(CONTINUATION, true, b":1}\n"));
        stream.extend(frame(CLOSE, true, &4201_u16.to_be_bytes()));
        check(&stream, &["ping hi", "{\"a\":1}", ".", "close Some(4201)"]);
    }

    #[test]
    fn empty_frames_are_harmless() {
        let mut stream = frame(PING, true, b"");
        stream.extend(frame(TEXT, true, b"x\n"));
        stream.extend(frame(CLOSE, true, b""));
        check(&stream, &["ping ", "x", ".", "close None"]);
    }

    #[test]
    fn long_frames_have_long_headers() {
        let long = vec![b'x'; 70_000];
        let text = String::from_utf8(long.clone()).unwrap();
        check(&frame(TEXT, true, &long), &[&text, "."]);
    }

    #[test]
    fn masked_frames_are_refused() {
        assert!(Scanner::default().feed(&[0x81, 0x80, 0, 0, 0, 0], |_| {}).is_err());
    }

    #[test]
    fn the_seq_is_found_in_any_order_of_fields() {
        assert_eq!(said(br#"{"t":"rec","seq":123,"ticket":4}"#).unwrap(), Said::Record { seq: 123 });
        assert_eq!(said(br#"{"ticket":4,"seq":123,"t":"rec"}"#).unwrap(), Said::Record { seq: 123 });
        assert_eq!(said(br#"{"t":"welcome","seq":9}"#).unwrap(), Said::Welcome);
        assert_eq!(said(br#"{"t":"upto","seq":9}"#).unwrap(), Said::Other);
        assert!(said(b"nonsense").is_err());
    }
}
