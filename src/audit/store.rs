//! Where the entries lie: numbered files of about a megabyte, each begun by the entry whose number it has in its name; or in
//! memory, for desks without a folder. Only ever appended to.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;

use super::entry::{Draft, Entry};

const SEGMENT_BYTES: u64 = 1 << 20;

pub struct Store {
    folder: Option<PathBuf>,
    segments: Vec<Segment>,
    current: Option<Arc<File>>,
    bytes: u64,
    dirty: bool,
    n: u64,
    sum: String,
}

/// A part of the log; reading it needs no lock on the log.
#[derive(Clone)]
pub struct Segment {
    first: u64,
    place: Place,
}

#[derive(Clone)]
enum Place {
    File(PathBuf),
    Memory(Arc<RwLock<String>>),
}

impl Store {
    pub fn open(folder: Option<&Path>) -> std::io::Result<Self> {
        let mut store = Self {
            folder: folder.map(Path::to_owned),
            segments: Vec::new(),
            current: None,
            bytes: 0,
            dirty: false,
            n: 0,
            sum: String::new(),
        };
        let Some(folder) = folder else { return Ok(store) };
        std::fs::create_dir_all(folder)?;
        let mut found = Vec::new();
        for file in std::fs::read_dir(folder)? {
            let path = file?.path();
            let first = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            if let Some(first) = first.filter(|_| path.extension().is_some_and(|ending| ending == "ndjson")) {
                found.push(Segment { first, place: Place::File(path) });
            }
        }
        found.sort_by_key(|segment| segment.first);
        store.segments = found;
        // The last file goes on; one that a crash left empty is filled now.
        while let Some(last) = store.segments.last().cloned() {
            let Place::File(path) = &last.place else { break };
            let mut text = String::new();
            File::open(path)?.read_to_string(&mut text)?;
            let whole = text.rfind('\n').map_or(0, |end| end + 1);
            if whole < text.len() {
                tracing::warn!(path = %path.display(), "the last line of the audit log was cut short and is taken off");
                OpenOptions::new().write(true).open(path)?.set_len(whole as u64)?;
            }
            if let Some(line) = text[..whole].lines().last() {
                let entry: Entry = serde_json::from_str(line).map_err(std::io::Error::other)?;
                (store.n, store.sum, store.bytes) = (entry.n, entry.sum, whole as u64);
                store.current = Some(Arc::new(OpenOptions::new().append(true).open(path)?));
                break;
            }
            std::fs::remove_file(path)?;
            store.segments.pop();
        }
        Ok(store)
    }

    pub fn append(&mut self, draft: Draft) -> std::io::Result<()> {
        let entry = draft.seal(self.n + 1, &self.sum);
        let line = entry.line();
        if self.segments.is_empty() || self.bytes >= SEGMENT_BYTES {
            self.begin(entry.n)?;
        }
        if let Some(file) = &self.current {
            if let Err(error) = (&**file).write_all(line.as_bytes()) {
                // Half a line must not stand before a whole one.
                let _ = file.set_len(self.bytes);
                return Err(error);
            }
            self.dirty = true;
        } else if let Some(Segment { place: Place::Memory(text), .. }) = self.segments.last() {
            text.write().push_str(&line);
        }
        self.bytes += line.len() as u64;
        (self.n, self.sum) = (entry.n, entry.sum);
        Ok(())
    }

    fn begin(&mut self, first: u64) -> std::io::Result<()> {
        let place = match &self.folder {
            None => Place::Memory(Arc::default()),
            Some(folder) => {
                if let Some(full) = &self.current {
                    full.sync_data()?;
                }
                let path = folder.join(format!("{first:012}.ndjson"));
                let file = OpenOptions::new().append(true).create(true).open(&path)?;
                File::open(folder)?.sync_all()?;
                self.current = Some(Arc::new(file));
                Place::File(path)
            }
        };
        self.segments.push(Segment { first, place });
        self.bytes = 0;
        Ok(())
    }

    /// The number of the newest entry.
    pub fn last(&self) -> u64 {
        self.n
    }

    pub fn segments(&self) -> Vec<Segment> {
        self.segments.clone()
    }

    /// The file that has lines which are not on disk yet.
    pub fn unsynced(&mut self) -> Option<Arc<File>> {
        std::mem::take(&mut self.dirty).then(|| self.current.clone()).flatten()
    }
}

impl Segment {
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Whole lines only: one that is being written just now is left for the next time.
    pub fn text(&self) -> std::io::Result<String> {
        let mut text = match &self.place {
            Place::Memory(text) => text.read().clone(),
            Place::File(path) => std::fs::read_to_string(path)?,
        };
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        Ok(text)
    }

    pub fn read(&self) -> std::io::Result<Vec<Entry>> {
        self.text()?.lines().map(|line| serde_json::from_str(line).map_err(std::io::Error::other)).collect()
    }
}
