//! A desk out of a copy, in a folder that has none; and the same on trial, to see whether a copy is good.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;

use super::place::{FILES as PLACED, SHEETS, Sheet, parse_sheet};
use super::{AUDIT, BackupError, FILES, Pieces, at};
use crate::attachments;
use crate::audit::{Audit, Verdict};
use crate::clock::Clock;
use crate::journal::archive::{Counts, Import, to_hex};
use crate::journal::sled_store::{FOLDER, Options, SledJournal};
use crate::journal::{Head, verify};
use crate::storage::{Storage, StorageError};

/// What a desk was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    pub head: Head,
    pub counts: Counts,
}

/// Makes a desk out of one archive. Its files go to `files`, everything else into the folder `data`, which must have no journal.
///
/// # Errors
/// When the archive is not whole, or something cannot be written. The folder then has no journal.
pub fn restore_archive(
    archive: Box<dyn Read>,
    data: &Path,
    files: &Storage,
    runtime: &Handle,
) -> Result<Restored, BackupError> {
    let mut archive = BufReader::with_capacity(1 << 20, archive);
    build(data, |journal, taken| {
        let mut import = Import::new(journal);
        let mut take = Take { taken, files, runtime, open: None };
        let counts = with_lines(&mut archive, |lines| {
            import.part(lines, true, &mut |name, piece| take.take(name, piece)).map_err(BackupError::from)
        })?;
        Ok(Restored { head: import.finish()?, counts })
    })
}

/// Makes a desk out of the newest copy of a place, or of the one whose sheet is named.
///
/// # Errors
/// As [`restore_archive`].
pub fn restore_place(
    place: &Storage,
    sheet: Option<&str>,
    data: &Path,
    files: &Storage,
    runtime: &Handle,
) -> Result<(Sheet, Restored), BackupError> {
    let failed = at(place);
    let name = if let Some(name) = sheet {
        name.to_owned()
    } else {
        let listed = runtime.block_on(place.list(SHEETS)).map_err(&failed)?;
        let newest = listed.into_iter().next_back();
        newest
            .map(|listed| listed.name)
            .ok_or_else(|| BackupError::Refused(format!("there is no backup in {}", place.shown())))?
    };
    let sheet = parse_sheet(&name, &runtime.block_on(place.read(&name)).map_err(&failed)?)?;
    let restored = restore_sheet(place, &sheet, &name, data, files, runtime)?;
    Ok((sheet, restored))
}

/// Makes a desk out of what belongs to this sheet, which is named `name`.
pub(super) fn restore_sheet(
    place: &Storage,
    sheet: &Sheet,
    name: &str,
    data: &Path,
    files: &Storage,
    runtime: &Handle,
) -> Result<Restored, BackupError> {
    let failed = at(place);
    build(data, |journal, taken| {
        let mut import = Import::new(journal);
        let mut counts = Counts::default();
        for (index, part) in sheet.parts.iter().enumerate() {
            let got = runtime.block_on(place.get(&part.name, None)).map_err(&failed)?;
            let pieces = Pieces { runtime: runtime.clone(), stream: got.stream };
            let reader = SummedRead { pieces, piece: bytes::Bytes::new(), sum: Sha256::new() };
            let mut reader = BufReader::with_capacity(1 << 20, reader);
            let is_last = index + 1 == sheet.parts.len();
            let none = &mut |_: &str, _: &[u8]| Err(io::Error::other("a part has no files of its own"));
            let read = with_lines(&mut reader, |lines| Ok(import.part(lines, is_last, none)?))?;
            io::copy(&mut reader, &mut io::sink())?;
            let sum = to_hex(&reader.into_inner().sum.finalize());
            if sum != part.sha256 {
                return Err(BackupError::Damaged(format!("{} is not what was written", part.name)));
            }
            counts = Counts { records: counts.records + read.records, ..read };
        }
        let head = import.finish()?;
        if head != (Head { seq: sheet.head, crc: sheet.head_crc }) {
            return Err(BackupError::Damaged(format!(
                "the records end at {}, but {name} says {}",
                head.seq, sheet.head
            )));
        }
        for part in &sheet.audit {
            let text = runtime.block_on(place.read(&part.object)).map_err(&failed)?;
            if to_hex(&Sha256::digest(&text)) != part.sha256 || !is_audit_file(&part.name) {
                return Err(BackupError::Damaged(format!("{} is not what was written", part.object)));
            }
            write_synced(&taken.join(&part.name), &text)?;
        }
        counts.files = copy_back(place, journal, taken, files, runtime)?;
        Ok(Restored { head, counts })
    })
}

/// Reads a copy into a folder of its own and looks whether a desk could live there: journal and audit log sound, every file of a
/// message there with the sum that the journal knows, but for those that are `wanting`. The folder is removed again.
///
/// # Errors
/// When the copy is not good, with what is wrong.
pub fn check(
    restore: impl FnOnce(&Path, &Storage) -> Result<Restored, BackupError>,
    work: &Path,
    wanting: &BTreeSet<String>,
    runtime: &Handle,
) -> Result<Restored, BackupError> {
    if work.exists() {
        fs::remove_dir_all(work)?;
    }
    fs::create_dir_all(work)?;
    let outcome = Storage::folder(&work.join("attachments"))
        .map_err(|error| BackupError::Refused(error.to_string()))
        .and_then(|files| {
            let restored = restore(work, &files)?;
            look(work, &files, wanting, runtime)?;
            Ok(restored)
        });
    fs::remove_dir_all(work)?;
    outcome
}

fn look(data: &Path, files: &Storage, wanting: &BTreeSet<String>, runtime: &Handle) -> Result<(), BackupError> {
    let journal = SledJournal::open(data, &Options::default())?;
    let report = verify::verify(&journal)?;
    if let Some(problem) = report.problems.first() {
        return Err(BackupError::Damaged(format!("the journal in it: {problem}")));
    }
    if let Verdict::Broken { n, what } = Audit::open(Some(data), Clock::system())?.verify()? {
        return Err(BackupError::Damaged(format!("entry {n} of the audit log in it: {what}")));
    }
    for object in attachments::objects(&journal)?.into_iter().filter(|object| !wanting.contains(&object.name)) {
        let absent = || BackupError::Damaged(format!("a file of a message is missing: {}", object.name));
        let got = match runtime.block_on(files.get(&object.name, None)) {
            Err(StorageError::Absent(_)) => return Err(absent()),
            got => got.map_err(at(files))?,
        };
        let mut sum = Sha256::new();
        for piece in (Pieces { runtime: runtime.clone(), stream: got.stream }) {
            sum.update(&piece?);
        }
        if object.sha256.is_some_and(|sha256| sha256 != to_hex(&sum.finalize())) {
            return Err(BackupError::Damaged(format!("a file of a message is not what was sent: {}", object.name)));
        }
    }
    Ok(())
}

/// Builds a journal beside its place, and moves it there with the audit log once everything is whole.
fn build(
    data: &Path,
    fill: impl FnOnce(&SledJournal, &Path) -> Result<Restored, BackupError>,
) -> Result<Restored, BackupError> {
    if SledJournal::exists(data) {
        let what = format!("{} holds a journal already; give an empty folder", data.display());
        return Err(BackupError::Refused(what));
    }
    fs::create_dir_all(data)?;
    let unfinished = data.join("journal.unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    let audit = unfinished.join("audit");
    fs::create_dir_all(&audit)?;
    let outcome = SledJournal::open(&unfinished, &Options::default())
        .map_err(BackupError::from)
        .and_then(|journal| fill(&journal, &audit));
    let restored = match outcome {
        Ok(restored) => restored,
        Err(error) => {
            // The first error is the one to tell.
            let _ = fs::remove_dir_all(&unfinished);
            return Err(error);
        }
    };
    // An empty folder may stand there; rename takes its place.
    fs::rename(unfinished.join(FOLDER), data.join(FOLDER))?;
    if fs::read_dir(&audit)?.next().is_some() {
        fs::rename(&audit, data.join("audit"))?;
    }
    fs::remove_dir_all(&unfinished)?;
    File::open(data)?.sync_all()?;
    Ok(restored)
}

/// Plain or compressed.
fn with_lines<R: Read, T>(
    reader: &mut BufReader<R>,
    work: impl FnOnce(&mut dyn BufRead) -> Result<T, BackupError>,
) -> Result<T, BackupError> {
    const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    if reader.fill_buf()?.starts_with(&ZSTD_MAGIC) {
        work(&mut BufReader::with_capacity(1 << 20, zstd::Decoder::with_buffer(reader)?))
    } else {
        work(reader)
    }
}

/// The files of messages that the journal knows. One that is there already is the same: names are never used twice.
fn copy_back(
    place: &Storage,
    journal: &SledJournal,
    work: &Path,
    files: &Storage,
    runtime: &Handle,
) -> Result<u64, BackupError> {
    let listed = |storage: &Storage, prefix: &str| match runtime.block_on(storage.list(prefix)) {
        Ok(listed) => Ok(listed.into_iter().map(|listed| listed.name).collect::<BTreeSet<_>>()),
        Err(StorageError::Absent(_)) => Ok(BTreeSet::new()),
        Err(error) => Err(at(storage)(error)),
    };
    let there = listed(place, PLACED)?;
    let mut copied = 0;
    for object in attachments::objects(journal)? {
        let name = format!("{PLACED}/{}", object.name);
        if !there.contains(&name) {
            tracing::warn!(name, "a file of a message is not in the backup");
            continue;
        }
        copied += 1;
        if runtime.block_on(files.size(&object.name)).map_err(at(files))?.is_some() {
            continue;
        }
        let got = runtime.block_on(place.get(&name, None)).map_err(at(place))?;
        let copy = work.join("file");
        let mut out = File::create(&copy)?;
        for piece in (Pieces { runtime: runtime.clone(), stream: got.stream }) {
            out.write_all(&piece?)?;
        }
        drop(out);
        runtime.block_on(files.put_file(&object.name, &copy)).map_err(at(files))?;
        fs::remove_file(&copy)?;
    }
    Ok(copied)
}

/// Takes the files of an archive: the audit log's into the folder, those of messages to their place.
struct Take<'a> {
    taken: &'a Path,
    files: &'a Storage,
    runtime: &'a Handle,
    open: Option<File>,
}

impl Take<'_> {
    fn take(&mut self, name: &str, piece: &[u8]) -> io::Result<()> {
        let spool = self.taken.join("file");
        if self.open.is_none() {
            self.open = Some(OpenOptions::new().write(true).create(true).truncate(true).open(&spool)?);
        }
        if let Some(file) = self.open.as_mut().filter(|_| !piece.is_empty()) {
            return file.write_all(piece);
        }
        if let Some(file) = self.open.take() {
            file.sync_all()?;
        }
        // A name from an archive is no path until it was looked at.
        match (name.strip_prefix(AUDIT), name.strip_prefix(FILES)) {
            (Some(name), _) if is_audit_file(name) => fs::rename(&spool, self.taken.join(name)),
            (_, Some(name)) if is_object(name) => {
                let put = self.runtime.block_on(self.files.put_file(name, &spool));
                put.map_err(io::Error::other)?;
                fs::remove_file(&spool)
            }
            _ => Err(io::Error::other(format!("the archive has a file that no desk has: {name:?}"))),
        }
    }
}

fn is_audit_file(name: &str) -> bool {
    name.strip_suffix(".ndjson").is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `ab/` and 64 hex digits that begin with those two, perhaps `.small`.
fn is_object(name: &str) -> bool {
    let name = name.strip_suffix(".small").unwrap_or(name);
    name.split_once('/').is_some_and(|(folder, id)| {
        folder.len() == 2
            && id.len() == 64
            && id.starts_with(folder)
            && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Reads what a stream gives, and keeps the sum of it.
struct SummedRead {
    pieces: Pieces,
    piece: bytes::Bytes,
    sum: Sha256,
}

impl Read for SummedRead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.next() {
                None => return Ok(0),
                Some(piece) => self.piece = piece?,
            }
        }
        let taken = self.piece.split_to(into.len().min(self.piece.len()));
        into[..taken.len()].copy_from_slice(&taken);
        self.sum.update(&taken);
        Ok(taken.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// O23: a name out of an archive is one of the desk's own, or nothing.
    #[test]
    fn o23_names_from_archives_lead_nowhere() {
        let id = "ab".repeat(32);
        assert!(is_object(&format!("ab/{id}")) && is_object(&format!("ab/{id}.small")));
        for bad in ["../x", "ab/../../x", &format!("cd/{id}"), &format!("ab/{id}.sh"), "ab/AB", ""] {
            assert!(!is_object(bad), "{bad}");
        }
        assert!(is_audit_file("000000000001.ndjson"));
        for bad in ["../1.ndjson", "1.ndjson/x", ".ndjson", "x.ndjson", "/etc/passwd"] {
            assert!(!is_audit_file(bad), "{bad}");
        }
    }
}
