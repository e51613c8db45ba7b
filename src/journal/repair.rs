//! Saves what can be saved of a damaged journal.
//!
//! It works on a copy and makes a new journal in another folder, with an epoch of its own: the history up to the first damage,
//! and every aside that can be read and is not of a ticket that was lost. It never touches the damaged one and never guesses. Called by `hotdesk journal repair`.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::archive::Rebuild;
use super::sled_store::{FOLDER, Options, Salvage, SledJournal};
use super::{Journal, JournalError};
use crate::domain::ids::Seq;

/// What was saved and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// The last record of the new journal.
    pub saved_to: Seq,
    /// The last record that the damaged journal had confirmed, if its head file can be read.
    pub confirmed_to: Option<Seq>,
    /// What ended the history, when it did not simply end.
    pub damage: Option<String>,
    pub asides: u64,
    /// Those of tickets that were lost among them.
    pub lost_asides: u64,
    pub memos: u64,
    /// Those of records that were lost, and one for each block that cannot be read.
    pub lost_memos: u64,
    pub epoch: String,
}

impl Repaired {
    /// Confirmed records that the new journal does not have; `None` when nobody knows.
    pub fn lost_records(&self) -> Option<u64> {
        self.confirmed_to.map(|confirmed| confirmed.get().saturating_sub(self.saved_to.get()))
    }
}

/// Makes a new journal in `to`, which must not hold one, out of that in `from`.
pub fn repair(from: &Path, to: &Path, options: &Options) -> Result<Repaired, JournalError> {
    if SledJournal::exists(to) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{} holds a journal", to.display())).into());
    }
    if !SledJournal::exists(from) {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{} holds no journal", from.display())).into());
    }
    fs::create_dir_all(to)?;
    let copy = to.join("damaged-copy");
    copy_folder(&from.join(FOLDER), &copy)?;
    let outcome = save(&copy, to, options);
    fs::remove_dir_all(&copy)?;
    if outcome.is_err() {
        fs::remove_dir_all(to.join(FOLDER)).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
    }
    outcome
}

fn save(copy: &Path, to: &Path, options: &Options) -> Result<Repaired, JournalError> {
    let salvage = Salvage::open(copy, options)?;
    let journal = SledJournal::open(to, options)?;
    let mut repaired = Repaired {
        confirmed_to: salvage.confirmed().map(|mark| mark.head.seq),
        epoch: journal.epoch().to_string(),
        ..Repaired::default()
    };
    let mut rebuild = Rebuild::new(&journal);
    let mut trouble = None;
    // Those that are not in blocks yet lie beside their records only; those that are, lie there too, but may be forgotten.
    let memos_to = salvage.memos_to();
    let mut late_memos = Vec::new();
    let ended = salvage.records(&mut |json, crc, memo| match rebuild.record(json, Some(crc)) {
        Ok(()) => {
            repaired.saved_to = repaired.saved_to.next();
            late_memos.extend(memo.filter(|memo| memo.seq > memos_to));
            Ok(true)
        }
        Err(JournalError::Damaged { what }) => {
            trouble = Some(what);
            Ok(false)
        }
        Err(other) => Err(other),
    });
    repaired.damage = match ended {
        Ok(()) => trouble,
        Err(JournalError::Damaged { what }) => Some(what),
        Err(other) => return Err(other),
    };
    let (asides, lost_asides) = salvage.asides()?;
    repaired.lost_asides = lost_asides;
    for aside in asides {
        rebuild.aside(aside)?;
        repaired.asides += 1;
    }
    let (memos, lost_memos) = salvage.memos()?;
    repaired.lost_memos = lost_memos;
    for memo in memos.into_iter().filter(|memo| memo.seq <= memos_to).chain(late_memos) {
        // A command that was cut off must be able to take effect again.
        if memo.seq <= repaired.saved_to {
            rebuild.memo(memo)?;
            repaired.memos += 1;
        } else {
            repaired.lost_memos += 1;
        }
    }
    let left_out = rebuild.finish()?.left_out;
    repaired.asides -= left_out;
    repaired.lost_asides += left_out;
    Ok(repaired)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
