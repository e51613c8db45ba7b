//! Copies in a place, each adding what is new to what the ones before left there.
//!
//! ```text
//! sheets/<time>-<epoch>.json      what belongs to one copy; the newest one counts
//! parts/<epoch>/<from>-<to>-<time>.ndjson.zst
//! audit/<name>-<sum>.ndjson
//! files/<name>                    files of messages, written once
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use ts_rs::TS;
use utoipa::ToSchema;

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
    /// Copies what is new into `place`. `work` is a folder for one file that is gone afterwards.
    ///
    /// # Errors
    /// When something cannot be read or written. What was written is harmless: without its sheet it does not count.
    pub fn copy_to(&self, place: &Storage, work: &Path, now: Timestamp) -> Result<Made, BackupError> {
        let failed = at(place);
        let epoch = self.journal.epoch();
        let before = newest(place, self)?.filter(|(_, sheet)| sheet.epoch == epoch && sheet.parts.len() < PARTS);
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
        sheet.audit = self.copy_audit(place, &mut made)?;
        sheet.counts.files = self.copy_files(place, work, &mut made)?;
        let text = serde_json::to_vec_pretty(&sheet).map_err(io::Error::other)?;
        self.runtime.block_on(place.put(&made.sheet, text.into())).map_err(&failed)?;
        Ok(made)
    }

    fn write_part(&self, since: Head, path: &Path) -> Result<(Head, Counts, String, u64), BackupError> {
        let mut out =
            Summed { inner: BufWriter::with_capacity(1 << 20, File::create(path)?), sum: Sha256::new(), bytes: 0 };
        let mut encoder = zstd::Encoder::new(&mut out, ZSTD_LEVEL)?;
        let (head, counts) = archive::export_since(self.journal.as_ref(), since, None, &mut encoder)?;
        encoder.finish()?;
        out.flush()?;
        Ok((head, counts, to_hex(&out.sum.finalize()), out.bytes))
    }

    /// Full files never change, so most are there already.
    fn copy_audit(&self, place: &Storage, made: &mut Made) -> Result<Vec<AuditPart>, BackupError> {
        let failed = at(place);
        let there = names(place, self, "audit")?;
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

    fn copy_files(&self, place: &Storage, work: &Path, made: &mut Made) -> Result<u64, BackupError> {
        let failed = at(place);
        let there = names(place, self, FILES)?;
        let mut files = 0;
        for object in attachments::objects(self.journal.as_ref())? {
            files += 1;
            let name = format!("{FILES}/{}", object.name);
            if there.contains(&name) {
                continue;
            }
            let Some(stream) = self.open(&object.name)? else { continue };
            let copy = work.join("file");
            let mut out = File::create(&copy)?;
            for piece in (super::Pieces { runtime: self.runtime.clone(), stream }) {
                let piece = piece?;
                made.new_bytes += piece.len() as u64;
                out.write_all(&piece)?;
            }
            drop(out);
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

    /// The copies that are there, newest first.
    ///
    /// # Errors
    /// When the place cannot be read.
    pub fn sheets(&self, place: &Storage) -> Result<Vec<String>, BackupError> {
        Ok(names(place, self, SHEETS)?.into_iter().rev().collect())
    }
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
