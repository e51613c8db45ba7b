//! A journal as a text file: for backups, for moving house, for reading it with other tools.
//!
//! One JSON object a line: a header, every record with its chained sum, every aside, every remembered command, files that belong to
//! the desk and lie outside the journal, and a last line with the number of lines and the SHA-256 of everything before it. An archive
//! that was cut or altered is refused with the line where it shows. One may go on where another one ended: then it has the records
//! since, and all of the rest. Reading archives makes a new journal with an epoch of its own; it never adds to one. Called by the
//! command line and by backups.

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
pub const ARCHIVE_FORMAT: u32 = 2;
/// Of archives that begin at the first record and hold no files: older programs read those.
const PLAIN_FORMAT: u32 = 1;

const PAGE_RECORDS: usize = 1000;
const PAGE_BYTES: usize = 4 << 20;

/// States that are kept at hand while a journal is rebuilt; others are read back from it.
const STATES_AT_HAND: usize = 20_000;

/// What was written or read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub records: u64,
    pub asides: u64,
    pub memos: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub files: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A file that goes into an archive.
pub struct FileIn<'a> {
    pub name: String,
    /// Its bytes, a piece at a time.
    pub pieces: &'a mut dyn Iterator<Item = io::Result<Bytes>>,
}

/// Gives an archive its files, one after the other.
pub type Files<'a> = dyn FnMut(&mut dyn FnMut(FileIn<'_>) -> Result<(), ArchiveError>) -> Result<(), ArchiveError> + 'a;

/// Takes a file out of an archive: its name, and then piece by piece; an empty piece is its end.
pub type TakeFile<'a> = dyn FnMut(&str, &[u8]) -> io::Result<()> + 'a;

/// Bytes of a file on one line.
const PIECE_BYTES: usize = 48 * 1024;

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
    /// The last record of the archive that this one goes on from, and its sum.
    #[serde(default, skip_serializing_if = "is_start")]
    after: Seq,
    #[serde(default, skip_serializing_if = "is_none")]
    after_crc: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_start(after: &Seq) -> bool {
    *after == Seq::ZERO
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none(crc: &u32) -> bool {
    *crc == 0
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    File {
        name: String,
    },
    /// Of the file that was named last.
    Piece(String),
    /// That file is whole, with this sum.
    FileEnd {
        sha256: String,
    },
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
    export_since(journal, Head::default(), None, out).map(|(_, counts)| counts)
}

/// Writes the records after those that another archive ended with, and all of the rest. Gives where it ends.
pub fn export_since(
    journal: &dyn Journal,
    since: Head,
    files: Option<&mut Files<'_>>,
    out: &mut dyn Write,
) -> Result<(Head, Counts), ArchiveError> {
    let head = journal.head();
    let is_plain = since.seq == Seq::ZERO && files.is_none();
    let mut out = Summed { out, sum: Sha256::new(), lines: 0 };
    let mut counts = Counts::default();
    out.line(&Header {
        hotdesk: "journal".into(),
        format: if is_plain { PLAIN_FORMAT } else { ARCHIVE_FORMAT },
        epoch: journal.epoch(),
        head: head.seq,
        head_crc: head.crc,
        after: since.seq,
        after_crc: since.crc,
    })?;
    let mut crc = since.crc;
    let mut after = since.seq;
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
    if let Some(files) = files {
        files(&mut |file| {
            counts.files += 1;
            out.file(file)
        })?;
    }
    out.end()?;
    Ok((head, counts))
}

/// Reads an archive into `journal`, which must be empty. After an error the journal holds a part and must be thrown away.
pub fn import(archive: &mut dyn BufRead, journal: &dyn Journal) -> Result<Counts, ArchiveError> {
    let mut chain = Import::new(journal);
    let counts = chain.part(archive, true, &mut |name, _| {
        Err(io::Error::other(format!("the archive has a file, {name}: restore it with `hotdesk restore`")))
    })?;
    chain.finish()?;
    Ok(counts)
}

/// Archives that go on from each other, read one after the other into an empty journal.
pub struct Import<'a> {
    rebuild: Rebuild<'a>,
}

impl<'a> Import<'a> {
    pub fn new(journal: &'a dyn Journal) -> Self {
        Self { rebuild: Rebuild::new(journal) }
    }

    /// Reads the next one. Of all but the last only the records and the files are taken: the rest has changed since.
    pub fn part(
        &mut self,
        archive: &mut dyn BufRead,
        is_last: bool,
        take: &mut TakeFile<'_>,
    ) -> Result<Counts, ArchiveError> {
        import_part(&mut self.rebuild, archive, is_last, take)
    }

    /// Where the journal ends.
    pub fn finish(self) -> Result<Head, ArchiveError> {
        Ok(self.rebuild.finish()?.head)
    }
}

fn import_part(
    rebuild: &mut Rebuild<'_>,
    archive: &mut dyn BufRead,
    is_last: bool,
    take: &mut TakeFile<'_>,
) -> Result<Counts, ArchiveError> {
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
    if (Head { seq: header.after, crc: header.after_crc }) != rebuild.group.head {
        let (after, here) = (header.after, rebuild.group.head.seq);
        return Err(lines.refused(format!("it goes on after record {after}, and what was read before ends at {here}")));
    }
    let mut counts = Counts::default();
    let mut file: Option<(String, Sha256)> = None;
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
                if is_last {
                    rebuild.aside(Aside { key, value: Some(value.into()) })?;
                }
                counts.asides += 1;
            }
            Line::Memo { memo, crc } => {
                if memo_sum(&memo) != crc {
                    return Err(lines.refused("the remembered command is not what was written"));
                }
                if is_last {
                    rebuild.memo(memo)?;
                }
                counts.memos += 1;
            }
            Line::File { name } if file.is_none() => file = Some((name, Sha256::new())),
            Line::Piece(hex) => {
                let piece = from_hex(&hex).filter(|piece| !piece.is_empty());
                let (Some(piece), Some((name, sum))) = (piece, &mut file) else {
                    return Err(lines.refused("a piece of no file"));
                };
                sum.update(&piece);
                take(name, &piece)?;
            }
            Line::FileEnd { sha256 } => {
                let whole = file.take().filter(|(_, sum)| to_hex(&sum.clone().finalize()) == sha256);
                let Some((name, _)) = whole else {
                    return Err(lines.refused("the file is not what was written"));
                };
                take(&name, &[])?;
                counts.files += 1;
            }
            Line::File { .. } => return Err(lines.refused("a file in the middle of another one")),
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
    let head = rebuild.group.head;
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
    last_ticket: TicketId,
    /// Of tickets that have no record so far.
    ahead: Vec<(TicketId, Aside)>,
}

/// How a rebuild ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    pub head: Head,
    /// Asides of tickets that are not in the journal: their ids are given out again, and what belonged to one ticket must not
    /// belong to another.
    pub left_out: u64,
}

impl<'a> Rebuild<'a> {
    pub fn new(journal: &'a dyn Journal) -> Self {
        let group = Group { head: journal.head(), ..Group::default() };
        let last_ticket = journal.last_ticket();
        Self {
            journal,
            group,
            bytes: 0,
            states: HashMap::new(),
            changed: HashMap::new(),
            last_ticket,
            ahead: Vec::new(),
        }
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
        self.last_ticket = self.last_ticket.max(record.ticket);
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
        if let Some(ticket) = aside.ticket().filter(|ticket| *ticket > self.last_ticket) {
            self.ahead.push((ticket, aside));
            return Ok(());
        }
        self.bytes += aside.value.as_ref().map_or(0, Bytes::len);
        self.group.asides.push(aside);
        self.flush_if_large()
    }

    pub fn memo(&mut self, memo: Memo) -> Result<(), JournalError> {
        self.bytes += 256;
        self.group.memos.push(memo);
        self.flush_if_large()
    }

    /// Commits the rest.
    pub fn finish(mut self) -> Result<Rebuilt, JournalError> {
        let mut left_out = 0;
        for (ticket, aside) in std::mem::take(&mut self.ahead) {
            if ticket > self.last_ticket {
                left_out += 1;
            } else {
                self.aside(aside)?;
            }
        }
        self.flush()?;
        Ok(Rebuilt { head: self.group.head, left_out })
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

pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
        hex.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    hex
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(value(*high)? << 4 | value(*low)?)).collect()
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

    fn file(&mut self, file: FileIn<'_>) -> Result<(), ArchiveError> {
        self.line(&Line::File { name: file.name })?;
        let mut sum = Sha256::new();
        for piece in file.pieces {
            for piece in piece?.chunks(PIECE_BYTES) {
                sum.update(piece);
                self.line(&Line::Piece(to_hex(piece)))?;
            }
        }
        Ok(self.line(&Line::FileEnd { sha256: to_hex(&sum.finalize()) })?)
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
