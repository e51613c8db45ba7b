//! Copies of the whole desk: journal, people, audit log, files of messages. What is derived (search, checkpoints, what was learned
//! from the journal) is not in them: it is made again.
//!
//! A copy is either one archive, or lies in a place (a folder, a bucket) where each copy adds only what is new: the records since
//! the one before, files that are not there yet, and, last of all, a sheet that names what belongs together. A copy without its
//! sheet does not exist. The desk goes on meanwhile; a copy holds everything up to the seq where it began. Blocks, so it runs on
//! threads that may. Called by the command line and by [`keeper`].

mod closed;
pub mod erase;
pub mod keeper;
pub mod place;
mod restore;

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::runtime::Handle;

pub use place::{Made, Part, Sheet};
pub use restore::{Restored, check, restore_archive, restore_place};

use crate::attachments;
use crate::audit::Audit;
use crate::journal::archive::{self, ArchiveError, Counts, FileIn};
use crate::journal::{Head, Journal, JournalError};
use crate::storage::{Storage, StorageError};

/// Names of files in an archive begin with one of these.
const AUDIT: &str = "audit/";
const FILES: &str = "attachments/";

/// What is copied.
#[derive(Clone)]
pub struct Source {
    pub journal: Arc<dyn Journal>,
    pub audit: Arc<Audit>,
    pub attachments: Storage,
    /// Where calls to a [`Storage`] run.
    pub runtime: Handle,
}

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("{place}: {error}")]
    Place { place: String, error: StorageError },
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The copy is not what was written, or not a copy.
    #[error("the backup is not usable: {0}")]
    Damaged(String),
    #[error("{0}")]
    Refused(String),
}

impl BackupError {
    /// Nothing is wrong with what was read or written, there was only no room for it.
    fn is_want_of_room(&self) -> bool {
        let is_full =
            |error: &io::Error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        match self {
            Self::Archive(ArchiveError::Journal(JournalError::Full))
            | Self::Place { error: StorageError::Full, .. } => true,
            Self::Archive(ArchiveError::Io(error)) | Self::Io(error) => is_full(error),
            _ => false,
        }
    }
}

impl From<JournalError> for BackupError {
    fn from(error: JournalError) -> Self {
        Self::Archive(error.into())
    }
}

impl Source {
    /// Writes everything into one archive.
    ///
    /// # Errors
    /// When something cannot be read or written.
    pub fn write(&self, out: &mut dyn Write) -> Result<(Head, Counts), BackupError> {
        let mut files = |put: &mut dyn FnMut(FileIn<'_>) -> Result<(), ArchiveError>| {
            for (name, text) in self.audit.files() {
                let mut pieces = std::iter::once_with(|| text().map(Bytes::from));
                put(FileIn { name: format!("{AUDIT}{name}"), pieces: &mut pieces })?;
            }
            for object in attachments::objects(self.journal.as_ref())? {
                let Some(stream) = self.open(&object.name).map_err(io::Error::other)? else { continue };
                let mut pieces = Pieces { runtime: self.runtime.clone(), stream };
                put(FileIn { name: format!("{FILES}{}", object.name), pieces: &mut pieces })?;
            }
            Ok(())
        };
        Ok(archive::export_since(self.journal.as_ref(), Head::default(), Some(&mut files), out)?)
    }

    /// A file of a message; `None` where it was removed since the journal was asked, which only uploads that nobody sent are.
    fn open(&self, name: &str) -> Result<Option<BoxStream<'static, Result<Bytes, StorageError>>>, BackupError> {
        match self.runtime.block_on(self.attachments.get(name, None)) {
            Ok(got) => Ok(Some(got.stream)),
            Err(StorageError::Absent(_)) => {
                tracing::warn!(name, "a file of a message is not in its place, so it is not in the backup");
                Ok(None)
            }
            Err(error) => Err(at(&self.attachments)(error)),
        }
    }
}

fn at(place: &Storage) -> impl Fn(StorageError) -> BackupError + use<> {
    let place = place.shown().to_owned();
    move |error| BackupError::Place { place: place.clone(), error }
}

/// What a stream gives, on a thread that may block.
struct Pieces {
    runtime: Handle,
    stream: BoxStream<'static, Result<Bytes, StorageError>>,
}

impl Iterator for Pieces {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.runtime.block_on(self.stream.next())?.map_err(io::Error::other))
    }
}
