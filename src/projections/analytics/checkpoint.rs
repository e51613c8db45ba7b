//! What a restart goes on from: one file, written beside the facts and put in place at once, with its sum.
//!
//! It is refused where it belongs to another journal, other settings or another program, where the files of facts are shorter than it
//! says, or where its bytes are not what was written; then everything is counted anew.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fold::{Fold, WrittenFold};
use super::opening::Opening;
use super::panes::Panes;
use super::store::{Store, StoreError, WrittenSegment};
use super::{Analytics, Settings};
use crate::domain::ids::{Epoch, Seq};
use crate::journal::whole_file;

/// Raised whenever facts are counted or written in another way.
const FORMAT: u32 = 5;
const COMPRESSION: i32 = 1;

#[derive(Debug, thiserror::Error)]
pub enum BadCheckpoint {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("the checkpoint cannot be read: {0}")]
    Read(String),
    #[error("it belongs to another journal, to other settings or to another version of the program")]
    Foreign,
    #[error("it is ahead of the journal")]
    Ahead,
}

impl From<io::Error> for BadCheckpoint {
    fn from(error: io::Error) -> Self {
        Self::Store(error.into())
    }
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Header {
    format: u32,
    epoch: Epoch,
    settings: String,
}

impl Header {
    fn of(epoch: &Epoch, settings: &Settings) -> Self {
        // Only what changes how facts are counted.
        Self { format: FORMAT, epoch: epoch.clone(), settings: format!("{:?}", settings.calendar) }
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    header: Header,
    seq: Seq,
    fold: WrittenFold,
    segments: Vec<WrittenSegment>,
}

fn path(folder: &Path) -> PathBuf {
    folder.join("checkpoint")
}

pub(super) fn save(analytics: &Analytics) -> Result<(), StoreError> {
    let Some(folder) = &analytics.folder else { return Ok(()) };
    let written = Written {
        header: Header::of(&analytics.epoch, &analytics.settings),
        seq: analytics.seq,
        fold: analytics.fold.write(),
        segments: analytics.store.write()?,
    };
    let plain = postcard::to_stdvec(&written).map_err(io::Error::other)?;
    let mut bytes = crc32c::crc32c(&plain).to_le_bytes().to_vec();
    bytes.extend(zstd::encode_all(plain.as_slice(), COMPRESSION)?);
    whole_file::put(&path(folder), &bytes)?;
    Ok(())
}

pub(super) fn load(
    folder: &Path,
    epoch: &Epoch,
    head: Seq,
    settings: &Settings,
) -> Result<Option<Analytics>, BadCheckpoint> {
    let bytes = match std::fs::read(path(folder)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let unreadable = |what: &dyn std::fmt::Display| BadCheckpoint::Read(what.to_string());
    let (sum, packed) = bytes.split_first_chunk::<4>().ok_or_else(|| unreadable(&"it is too short"))?;
    let plain = zstd::decode_all(packed).map_err(|error| unreadable(&error))?;
    if crc32c::crc32c(&plain) != u32::from_le_bytes(*sum) {
        return Err(unreadable(&"its sum is another one"));
    }
    let (header, _): (Header, _) = postcard::take_from_bytes(&plain).map_err(|error| unreadable(&error))?;
    if header != Header::of(epoch, settings) {
        return Err(BadCheckpoint::Foreign);
    }
    let written: Written = postcard::from_bytes(&plain).map_err(|error| unreadable(&error))?;
    if written.seq > head {
        return Err(BadCheckpoint::Ahead);
    }
    Ok(Some(Analytics {
        settings: settings.clone(),
        epoch: epoch.clone(),
        folder: Some(folder.to_owned()),
        seq: written.seq,
        fold: Fold::read(written.fold, Opening::new(settings.calendar.clone())),
        store: Store::open(folder, written.segments)?,
        panes: Panes::new(0, &settings.private_teams),
        now: 0,
    }))
}

/// Nothing of a former count may be taken for one of the next.
pub(super) fn discard(folder: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path(folder)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
