//! A journal as a text file: for backups, for moving house, for reading it with other tools.
//!
//! One JSON object a line: a header, every record with its chained sum, every aside, every remembered command, and a last line with
//! the number of lines and the SHA-256 of everything before it. An archive that was cut or altered is refused with the line where
//! it shows. Reading one makes a new journal with an epoch of its own; it never adds to one. Called by the command line and by whoever
//! wants a backup of a running desk.

use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{Aside, Group, GroupRecord, Head, Journal, JournalError, Memo, format};
use crate::domain::apply::apply;
use crate::domain::ids::{Epoch, Seq, TicketId, Version};
use crate::domain::record::Record;
use crate::domain::state::TicketState;

/// The archive's own format; a newer one is refused.
pub const ARCHIVE_FORMAT: u32 = 1;

const PAGE_RECORDS: usize = 1000;
const PAGE_BYTES: usize = 4 << 20;

/// States that are kept at hand while a journal is rebuilt; others are read back from it.
const STATES_AT_HAND: usize = 20_000;

/// What was written or read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub records: u64,
    pub asides: u64,
    pub memos: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive is not what was written.
    #[error("line {line}: {what}")]
    Refused { line: u64, what: String },
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the archive cannot be read or written: {0}")]
    Io(#[from] io::Error),
}

#[derive(Serialize, Deserialize)]
struct Header {
    hotdesk: String,
    format: u32,
    epoch: Epoch,
    head: Seq,
    head_crc: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Record {
        json: Box<RawValue>,
        crc: u32,
    },
    Aside {
        key: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// For a value that is not text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hex: Option<String>,
        crc: u32,
    },
    Memo {
        memo: Memo,
        crc: u32,
    },
    End {
        lines: u64,
        sha256: String,
    },
}

/// Writes everything up to the journal's present head. The desk may go on meanwhile; what comes later is not in it.
pub fn export(journal: &dyn Journal, out: &mut dyn Write) -> Result<Counts, ArchiveError> {
    let head = journal.head();
    let mut out = Summed { out, sum: Sha256::new(), lines: 0 };
    let mut counts = Counts::default();
    out.line(&Header {
        hotdesk: "journal".into(),
        format: ARCHIVE_FORMAT,
        epoch: journal.epoch(),
        head: head.seq,
        head_crc: head.crc,
    })?;
    let mut crc = 0;
    let mut after = Seq::ZERO;
    while after < head.seq {
        for stored in journal.read(after, PAGE_RECORDS, PAGE_BYTES)? {
            if stored.seq > head.seq {
                break;
            }
            crc = format::chain(crc, &stored.json);
            out.record(&stored.json, crc)?;
            after = stored.seq;
            counts.records += 1;
        }
    }
    if crc != head.crc {
        return Err(JournalError::Damaged { what: "its records do not add up to its head".into() }.into());
    }
    for (key, value) in journal.asides("")? {
        out.line(&aside_line(key, &value))?;
        counts.asides += 1;
    }
    let mut memos = Vec::new();
    journal.memos(&mut |memo| memos.push(memo))?;
    memos.retain(|memo| memo.seq <= head.seq);
    memos.sort_by_key(|memo| memo.seq);
    for memo in memos {
        let crc = memo_sum(&memo);
        out.line(&Line::Memo { memo, crc })?;
        counts.memos += 1;
    }
    out.end()?;
    Ok(counts)
}

/// Reads an archive into `journal`, which must be empty. After an error the journal holds a part and must be thrown away.
pub fn import(archive: &mut dyn BufRead, journal: &dyn Journal) -> Result<Counts, ArchiveError> {
    let mut lines = Lines { archive, sum: Sha256::new(), number: 0, text: Vec::new() };
    let header: Header = lines.next_line(|text| serde_json::from_slice(text))?;
    if header.hotdesk != "journal" {
        return Err(lines.refused("this is not an archive of a journal"));
    }
    if header.format > ARCHIVE_FORMAT {
        let found = header.format;
        return Err(
            lines.refused(format!("archive format {found} is newer than this program, which reads {ARCHIVE_FORMAT}"))
        );
    }
    let mut rebuild = Rebuild::new(journal);
    let mut counts = Counts::default();
    loop {
        let sum_before = lines.sum.clone();
        let lines_before = lines.number;
        match lines.next_line(|text| serde_json::from_slice::<Line>(text))? {
            Line::Record { json, crc } => {
                rebuild.record(json.get().as_bytes(), Some(crc)).map_err(|error| lines.locate(error))?;
                counts.records += 1;
            }
            Line::Aside { key, text, hex, crc } => {
                let value = match (text, hex) {
                    (Some(text), None) => Some(text.into_bytes()),
                    (None, Some(hex)) => from_hex(&hex),
                    _ => None,
                };
                let value = value.filter(|value| aside_sum(&key, value) == crc);
                let value = value.ok_or_else(|| lines.refused("the value is not what was written"))?;
                rebuild.aside(Aside { key, value: Some(value.into()) })?;
                counts.asides += 1;
            }
            Line::Memo { memo, crc } => {
                if memo_sum(&memo) != crc {
                    return Err(lines.refused("the remembered command is not what was written"));
                }
                rebuild.memo(memo)?;
                counts.memos += 1;
            }
            Line::End { lines: number, sha256 } => {
                if number != lines_before {
                    return Err(lines.refused(format!("{number} lines were written, but {lines_before} are here")));
                }
                if to_hex(&sum_before.finalize()) != sha256 {
                    return Err(lines.refused("what stands before is not what was written"));
                }
                break;
            }
        }
    }
    if !lines.at_end()? {
        lines.number += 1;
        return Err(lines.refused("something follows the end"));
    }
    let head = rebuild.finish()?;
    if head != (Head { seq: header.head, crc: header.head_crc }) {
        return Err(lines.refused(format!("the records end at {}, but the header says {}", head.seq, header.head)));
    }
    Ok(counts)
}

/// Fills an empty journal with records that exist already, and folds the states anew.
pub struct Rebuild<'a> {
    journal: &'a dyn Journal,
    group: Group,
    bytes: usize,
    states: HashMap<TicketId, Arc<TicketState>>,
    changed: HashMap<TicketId, Arc<TicketState>>,
}

impl<'a> Rebuild<'a> {
    pub fn new(journal: &'a dyn Journal) -> Self {
        let group = Group { head: journal.head(), ..Group::default() };
        Self { journal, group, bytes: 0, states: HashMap::new(), changed: HashMap::new() }
    }

    /// Adds the next record, whose chained sum must be `crc` where that is known.
    pub fn record(&mut self, json: &[u8], crc: Option<u32>) -> Result<(), JournalError> {
        let head = self.group.head;
        let damaged = |what: String| JournalError::Damaged { what };
        let sum = format::chain(head.crc, json);
        let record: Record =
            serde_json::from_slice(json).map_err(|error| damaged(format!("the record cannot be read: {error}")))?;
        if record.seq != head.seq.next() {
            return Err(damaged(format!("record {} is missing", head.seq.next())));
        }
        if crc.is_some_and(|crc| crc != sum) {
            return Err(damaged(format!("record {} is not what was written", record.seq)));
        }
        let before = self.state(record.ticket)?;
        let version = before.as_ref().map_or(Version::ZERO, |state| state.ticket.version);
        if record.version != version.next() {
            return Err(damaged(format!("version {} of ticket {} is missing", version.next(), record.ticket)));
        }
        if before.is_none() && record.patch.clone().into_ticket(record.ticket, record.version).is_none() {
            return Err(damaged(format!("the first record of ticket {} lacks fields", record.ticket)));
        }
        let after = Arc::new(apply(before.as_deref().cloned(), &record.draft));
        self.changed.insert(record.ticket, after);
        self.group.records.push(GroupRecord {
            seq: record.seq,
            ticket: record.ticket,
            version: record.version,
            crc_before: head.crc,
            crc: sum,
            json: Bytes::copy_from_slice(json),
        });
        self.group.head = Head { seq: record.seq, crc: sum };
        self.bytes += json.len();
        self.flush_if_large()
    }

    pub fn aside(&mut self, aside: Aside) -> Result<(), JournalError> {
        self.bytes += aside.value.as_ref().map_or(0, Bytes::len);
        self.group.asides.push(aside);
        self.flush_if_large()
    }

    pub fn memo(&mut self, memo: Memo) -> Result<(), JournalError> {
        self.bytes += 256;
        self.group.memos.push(memo);
        self.flush_if_large()
    }

    /// Commits the rest; gives where the journal ends.
    pub fn finish(mut self) -> Result<Head, JournalError> {
        self.flush()?;
        Ok(self.group.head)
    }

    fn state(&self, ticket: TicketId) -> Result<Option<Arc<TicketState>>, JournalError> {
        if let Some(state) = self.changed.get(&ticket).or_else(|| self.states.get(&ticket)) {
            return Ok(Some(state.clone()));
        }
        if ticket > self.journal.last_ticket() {
            return Ok(None);
        }
        Ok(self.journal.state(ticket)?.map(Arc::new))
    }

    fn flush_if_large(&mut self) -> Result<(), JournalError> {
        if self.bytes < PAGE_BYTES { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), JournalError> {
        if self.group.records.is_empty() && self.group.asides.is_empty() && self.group.memos.is_empty() {
            return Ok(());
        }
        if self.states.len() >= STATES_AT_HAND {
            self.states.clear();
        }
        let mut states: Vec<_> = self.changed.values().cloned().collect();
        states.sort_unstable_by_key(|state| state.ticket.id);
        self.group.states = states;
        self.journal.commit(&self.group)?;
        self.states.extend(self.changed.drain());
        self.group = Group { head: self.group.head, ..Group::default() };
        self.bytes = 0;
        Ok(())
    }
}

fn aside_line(key: String, value: &[u8]) -> Line {
    let crc = aside_sum(&key, value);
    match std::str::from_utf8(value) {
        Ok(text) => Line::Aside { key, text: Some(text.to_owned()), hex: None, crc },
        Err(_) => Line::Aside { key, text: None, hex: Some(to_hex(value)), crc },
    }
}

fn aside_sum(key: &str, value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key.as_bytes()), value)
}

fn memo_sum(memo: &Memo) -> u32 {
    crc32c::crc32c(&serde_json::to_vec(memo).expect("invariant: a memo is JSON"))
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("invariant: a string takes what it is given");
        hex
    })
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Writes lines and keeps the sum over them.
struct Summed<'a> {
    out: &'a mut dyn Write,
    sum: Sha256,
    lines: u64,
}

impl Summed<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.update(bytes);
        self.out.write_all(bytes)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.lines += 1;
        self.bytes(&text)
    }

    /// The record's bytes as they are, so that its sum holds.
    fn record(&mut self, json: &[u8], crc: u32) -> io::Result<()> {
        self.lines += 1;
        self.bytes(b"{\"record\":{\"json\":")?;
        self.bytes(json)?;
        self.bytes(format!(",\"crc\":{crc}}}}}\n").as_bytes())
    }

    fn end(&mut self) -> io::Result<()> {
        let sha256 = to_hex(&self.sum.clone().finalize());
        let lines = self.lines;
        self.line(&Line::End { lines, sha256 })
    }
}

/// Reads lines, counts them, and keeps the sum over them.
struct Lines<'a> {
    archive: &'a mut dyn BufRead,
    sum: Sha256,
    number: u64,
    text: Vec<u8>,
}

impl Lines<'_> {
    fn next_line<T>(&mut self, parse: impl FnOnce(&[u8]) -> serde_json::Result<T>) -> Result<T, ArchiveError> {
        self.text.clear();
        self.number += 1;
        self.archive.read_until(b'\n', &mut self.text)?;
        if self.text.last() != Some(&b'\n') {
            return Err(self.refused("the archive ends too early"));
        }
        self.sum.update(&self.text);
        parse(&self.text).map_err(|error| self.refused(format!("it cannot be read: {error}")))
    }

    fn at_end(&mut self) -> io::Result<bool> {
        Ok(self.archive.fill_buf()?.is_empty())
    }

    fn refused(&self, what: impl Into<String>) -> ArchiveError {
        ArchiveError::Refused { line: self.number, what: what.into() }
    }

    /// What is wrong with a record is wrong with the archive; what the disk says stays what it is.
    fn locate(&self, error: JournalError) -> ArchiveError {
        match error {
            JournalError::Damaged { what } => self.refused(what),
            other => other.into(),
        }
    }
}
