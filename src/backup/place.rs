//! Copies in a place, each adding what is new to what the ones before left there.
//!
//! ```text
//! sheets/<time>-<epoch>.json      what belongs to one copy; the newest one counts
//! parts/<epoch>/<from>-<to>-<time>.ndjson.zst
//! audit/<name>-<sum>.ndjson
//! files/<name>                    files of messages, written once
//! failed/<time>-<epoch>.txt       a copy that could not be read back, and why; until one could
//! ```
//!
//! A copy that is to be read back gets its sheet only then, so that one that is no good never counts. The next one after it begins at
//! the first record and writes everything again: nobody knows which of what lies there is spoiled.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use ts_rs::TS;
use utoipa::ToSchema;

use super::restore::{check, restore_sheet};
use super::{BackupError, Source, at};
use crate::attachments;
use crate::domain::ids::{Epoch, Seq};
use crate::domain::time::Timestamp;
use crate::journal::Head;
use crate::journal::archive::{self, Counts, to_hex};
use crate::storage::{Storage, StorageError};

/// Of the sheet; a newer one is refused.
pub const FORMAT: u32 = 1;

/// After so many parts a copy begins anew: reading many parts takes longer, and each is one more that may get lost.
const PARTS: usize = 60;
/// The compression that costs little more than writing.
const ZSTD_LEVEL: i32 = 3;

pub(super) const SHEETS: &str = "sheets";
pub(super) const FILES: &str = "files";
/// Notes of copies that could not be read back.
const FAILED: &str = "failed";

/// One copy: what belongs to it, and what it must come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    pub hotdesk: String,
    pub format: u32,
    pub at: Timestamp,
    pub epoch: Epoch,
    pub head: Seq,
    pub head_crc: u32,
    /// In order: each goes on where the one before it ended.
    pub parts: Vec<Part>,
    pub audit: Vec<AuditPart>,
    pub counts: Counts,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
    pub head: Seq,
    pub head_crc: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPart {
    pub name: String,
    pub object: String,
    pub sha256: String,
}

/// A copy that was made, as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[ts(rename = "BackupMade")]
#[schema(as = BackupMade)]
pub struct Made {
    pub sheet: String,
    pub at: Timestamp,
    /// It holds every record up to this one.
    pub seq: Seq,
    /// Records that were not in an earlier copy.
    #[ts(as = "f64")]
    pub new_records: u64,
    /// Files of messages that were not in an earlier copy.
    #[ts(as = "f64")]
    pub new_files: u64,
    /// Bytes that this copy added.
    #[ts(as = "f64")]
    pub new_bytes: u64,
    /// It was read back into an empty desk that came to the same.
    pub checked: bool,
    #[ts(as = "f64")]
    pub took_ms: u64,
}

impl Source {
    /// Copies what is new into `place`, and reads it back if it `is_checked`. `work` is a folder for files that are gone afterwards.
    ///
    /// # Errors
    /// When something cannot be read or written, or what was written cannot be read back. What was written is harmless: without its
    /// sheet it does not count.
    pub fn copy_to(&self, place: &Storage, work: &Path, now: Timestamp, is_checked: bool) -> Result<Made, BackupError> {
        let failed = at(place);
        let epoch = self.journal.epoch();
        let failures = names(place, self, FAILED)?;
        let before = newest(place, self)?
            .filter(|(_, sheet)| failures.is_empty() && sheet.epoch == epoch && sheet.parts.len() < PARTS);
        let mut sheet = Sheet {
            hotdesk: "backup".into(),
            format: FORMAT,
            at: now,
            epoch: epoch.clone(),
            head: Seq::ZERO,
            head_crc: 0,
            parts: before.map(|(_, sheet)| sheet.parts).unwrap_or_default(),
            audit: Vec::new(),
            counts: Counts::default(),
        };
        let since = sheet.parts.last().map_or_else(Head::default, |part| Head { seq: part.head, crc: part.head_crc });
        let millis = now.as_millis();
        fs::create_dir_all(work)?;
        let written = work.join("part.ndjson.zst");
        let mut made = Made {
            sheet: format!("{SHEETS}/{millis:015}-{epoch}.json"),
            at: now,
            seq: Seq::ZERO,
            new_records: 0,
            new_files: 0,
            new_bytes: 0,
            checked: false,
            took_ms: 0,
        };
        let outcome = self.write_part(since, &written).and_then(|(head, counts, sha256, bytes)| {
            let name = format!("parts/{epoch}/{:012}-{:012}-{millis:015}.ndjson.zst", since.seq.get(), head.seq.get());
            self.runtime.block_on(place.put_file(&name, &written)).map_err(&failed)?;
            (sheet.head, sheet.head_crc, sheet.counts) = (head.seq, head.crc, counts);
            (made.seq, made.new_records, made.new_bytes) = (head.seq, counts.records, bytes);
            sheet.parts.push(Part { name, bytes, sha256, head: head.seq, head_crc: head.crc });
            Ok(())
        });
        // The folder may be shared with nobody, but the first error is the one to tell.
        let _ = fs::remove_file(&written);
        outcome?;
        let trust = failures.is_empty();
        sheet.audit = self.copy_audit(place, trust, &mut made)?;
        let mut wanting = BTreeSet::new();
        sheet.counts.files = self.copy_files(place, work, trust, &mut made, &mut wanting)?;
        let tried = if is_checked { self.try_out(place, &sheet, &made.sheet, &wanting, work) } else { Ok(()) };
        made.checked = is_checked && tried.is_ok();
        if let Err(error) = &tried
            && !error.is_want_of_room()
        {
            if !self.runtime.has_left() {
                self.give_up(place, &sheet, &made.sheet, error)?;
            }
            return tried.map(|()| made);
        }
        let text = serde_json::to_vec_pretty(&sheet).map_err(io::Error::other)?;
        self.runtime.block_on(place.put(&made.sheet, text.into())).map_err(&failed)?;
        // Where there was no room to read it back, an unread copy is better than none, and what came before is no better known.
        tried?;
        if is_checked {
            for name in &failures {
                self.runtime.block_on(place.delete(name)).map_err(&failed)?;
            }
        }
        Ok(made)
    }

    /// Reads the copy back into an empty desk. Files that are `wanting` in this desk are wanting there as well.
    fn try_out(
        &self,
        place: &Storage,
        sheet: &Sheet,
        name: &str,
        wanting: &BTreeSet<String>,
        work: &Path,
    ) -> Result<(), BackupError> {
        let restore = |folder: &Path, files: &Storage| restore_sheet(place, sheet, name, folder, files, &self.runtime);
        check(restore, &work.join("check"), wanting, &self.runtime).map(drop)
    }

    /// Notes that a copy is no good, and removes what it alone has.
    fn give_up(&self, place: &Storage, sheet: &Sheet, name: &str, why: &BackupError) -> Result<(), BackupError> {
        let note = name.replacen(SHEETS, FAILED, 1).replace(".json", ".txt");
        self.runtime.block_on(place.put(&note, why.to_string().into())).map_err(at(place))?;
        match sheet.parts.last() {
            Some(part) => self.runtime.block_on(place.delete(&part.name)).map_err(at(place)),
            None => Ok(()),
        }
    }

    fn write_part(&self, since: Head, path: &Path) -> Result<(Head, Counts, String, u64), BackupError> {
        let mut out =
            Summed { inner: BufWriter::with_capacity(1 << 20, File::create(path)?), sum: Sha256::new(), bytes: 0 };
        let mut encoder = zstd::Encoder::new(&mut out, ZSTD_LEVEL)?;
        let (head, counts) =
            archive::export_since(self.journal.as_ref(), since, None, &mut self.runtime.writer(&mut encoder))?;
        encoder.finish()?;
        out.flush()?;
        Ok((head, counts, to_hex(&out.sum.finalize()), out.bytes))
    }

    /// Full files never change, so most are there already.
    fn copy_audit(&self, place: &Storage, trust: bool, made: &mut Made) -> Result<Vec<AuditPart>, BackupError> {
        let failed = at(place);
        let there = if trust { names(place, self, "audit")? } else { BTreeSet::new() };
        let mut parts = Vec::new();
        for (name, text) in self.audit.files() {
            let text = text()?;
            let sha256 = to_hex(&Sha256::digest(&text));
            let object = format!("audit/{}-{}.ndjson", name.trim_end_matches(".ndjson"), &sha256[..16]);
            if !there.contains(&object) {
                made.new_bytes += text.len() as u64;
                self.runtime.block_on(place.put(&object, text.into())).map_err(&failed)?;
            }
            parts.push(AuditPart { name, object, sha256 });
        }
        Ok(parts)
    }

    /// `wanting` takes the names of files that this desk itself does not have as they were sent.
    fn copy_files(
        &self,
        place: &Storage,
        work: &Path,
        trust: bool,
        made: &mut Made,
        wanting: &mut BTreeSet<String>,
    ) -> Result<u64, BackupError> {
        let failed = at(place);
        let there = if trust { names(place, self, FILES)? } else { BTreeSet::new() };
        let mut files = 0;
        for object in attachments::objects(self.journal.as_ref())? {
            files += 1;
            let name = format!("{FILES}/{}", object.name);
            if there.contains(&name) {
                continue;
            }
            let Some(stream) = self.open(&object.name)? else {
                wanting.insert(object.name);
                continue;
            };
            let copy = work.join("file");
            let mut out = Summed { inner: File::create(&copy)?, sum: Sha256::new(), bytes: 0 };
            for piece in (super::Pieces { runtime: self.runtime.clone(), stream }) {
                out.write_all(&piece?)?;
            }
            made.new_bytes += out.bytes;
            if object.sha256.is_some_and(|sha256| sha256 != to_hex(&out.sum.finalize())) {
                tracing::error!(name = object.name, "a file of a message is not what was sent: it is copied as it is");
                wanting.insert(object.name.clone());
            }
            self.runtime.block_on(place.put_file(&name, &copy)).map_err(&failed)?;
            fs::remove_file(&copy)?;
            made.new_files += 1;
        }
        Ok(files)
    }

    /// Removes the sheets of all but the newest `keep` copies, and the parts that then belong to none. Files of messages stay:
    /// they may be in several, and only copies that are read whole know which; [`erase`](super::erase) removes those of somebody who
    /// is to be forgotten by their names.
    ///
    /// # Errors
    /// When the place cannot be read or written.
    pub fn forget(&self, place: &Storage, keep: usize) -> Result<usize, BackupError> {
        let failed = at(place);
        let all: Vec<String> = names(place, self, SHEETS)?.into_iter().collect();
        let old = &all[..all.len().saturating_sub(keep.max(1))];
        if old.is_empty() {
            return Ok(0);
        }
        let mut needed = BTreeSet::new();
        for name in &all[old.len()..] {
            let sheet = read_sheet(place, self, name)?;
            needed.extend(sheet.parts.into_iter().map(|part| part.name));
            needed.extend(sheet.audit.into_iter().map(|part| part.object));
        }
        for name in old {
            self.runtime.block_on(place.delete(name)).map_err(&failed)?;
        }
        for prefix in ["parts", "audit"] {
            for name in names(place, self, prefix)?.difference(&needed) {
                self.runtime.block_on(place.delete(name)).map_err(&failed)?;
            }
        }
        Ok(old.len())
    }

    /// When the newest copy was made, and when those that could not be read back since, oldest first.
    ///
    /// # Errors
    /// When the place cannot be read.
    pub fn times(&self, place: &Storage) -> Result<(Option<Timestamp>, Vec<Timestamp>), BackupError> {
        let newest = names(place, self, SHEETS)?.last().and_then(|name| time_of(name));
        Ok((newest, names(place, self, FAILED)?.iter().filter_map(|name| time_of(name)).collect()))
    }
}

fn time_of(name: &str) -> Option<Timestamp> {
    Some(Timestamp::from_millis(name.rsplit('/').next()?.split('-').next()?.parse().ok()?))
}

/// The newest sheet with its name.
fn newest(place: &Storage, source: &Source) -> Result<Option<(String, Sheet)>, BackupError> {
    let Some(name) = names(place, source, SHEETS)?.pop_last() else { return Ok(None) };
    let sheet = read_sheet(place, source, &name)?;
    Ok(Some((name, sheet)))
}

fn read_sheet(place: &Storage, source: &Source, name: &str) -> Result<Sheet, BackupError> {
    let text = source.runtime.block_on(place.read(name)).map_err(at(place))?;
    parse_sheet(name, &text)
}

pub(super) fn parse_sheet(name: &str, text: &[u8]) -> Result<Sheet, BackupError> {
    let sheet: Sheet = serde_json::from_slice(text)
        .map_err(|error| BackupError::Damaged(format!("{name} cannot be read: {error}")))?;
    if sheet.hotdesk != "backup" || sheet.format > FORMAT {
        return Err(BackupError::Damaged(format!("{name} was not written by this program or an older one")));
    }
    Ok(sheet)
}

fn names(place: &Storage, source: &Source, prefix: &str) -> Result<BTreeSet<String>, BackupError> {
    let listed = source.runtime.block_on(place.list(prefix));
    match listed {
        Ok(listed) => Ok(listed.into_iter().map(|listed| listed.name).collect()),
        Err(StorageError::Absent(_)) => Ok(BTreeSet::new()),
        Err(error) => Err(at(place)(error)),
    }
}

/// Writes, and keeps the sum of what was written.
struct Summed<W> {
    inner: W,
    sum: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sum.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
