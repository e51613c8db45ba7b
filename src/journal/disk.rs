//! What the store asks of the disk beside reading and writing: to make a file safe, and to say how much room there is.
//!
//! A trait, so that tests can let a sync fail or a disk fill up. Called by the sled store only.

use std::fs::File;
use std::io;
use std::path::Path;

/// What is made safe; lets a test fail one and not the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synced {
    /// sled's log.
    Log,
    /// The head file.
    Head,
    /// Folders and settings, at creation.
    Layout,
}

pub trait Disk: Send + Sync + 'static {
    /// Returns once the file's content survives the loss of power.
    fn sync(&self, file: &File, what: Synced) -> io::Result<()>;

    /// Bytes that an unprivileged process may still write where this folder lies.
    fn room(&self, folder: &Path) -> io::Result<u64>;
}

/// The disk of the machine.
pub struct RealDisk;

impl Disk for RealDisk {
    fn sync(&self, file: &File, what: Synced) -> io::Result<()> {
        match what {
            Synced::Log | Synced::Head => file.sync_data(),
            Synced::Layout => file.sync_all(),
        }
    }

    fn room(&self, folder: &Path) -> io::Result<u64> {
        fs4::available_space(folder)
    }
}
