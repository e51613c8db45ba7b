//! Files that are there whole or not at all: written beside their place under another name, made safe, and then given their own.
//!
//! Called by whoever keeps something beside the journal, or takes it out.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Lets `write` make a file beside this one, and gives it this one's name once it is whole: what was cut short never takes the
/// place of a whole one. `write` syncs the file; its name is synced here.
pub fn whole_or_not<T, E: From<io::Error>>(file: &Path, write: impl FnOnce(&Path) -> Result<T, E>) -> Result<T, E> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let written = write(&unfinished);
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&unfinished);
        return written;
    }
    fs::rename(&unfinished, file)?;
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    written
}

/// The same for bytes that are at hand.
pub fn put(file: &Path, bytes: &[u8]) -> io::Result<()> {
    whole_or_not(file, |unfinished| {
        let mut file = File::create(unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_short_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kept");
        put(&file, b"old").unwrap();
        let cut = whole_or_not(&file, |unfinished| {
            fs::write(unfinished, b"ne")?;
            Err::<(), _>(io::Error::other("the disk is full"))
        });
        assert!(cut.is_err());
        assert_eq!(fs::read(&file).unwrap(), b"old");
        put(&file, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }
}
