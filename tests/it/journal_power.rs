//! The power goes: a disk that forgets what was not synced, at a random moment, in random pieces.
//!
//! What lies in a file since its last sync may have reached the disk page by page, in any order, or not at all. Each seed is one
//! life of a journal that ends so; what was acknowledged before must be there after.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fastrand::Rng;
use hotdesk::domain::ids::{Seq, TicketId};
use hotdesk::domain::state::TicketState;
use hotdesk::journal::Journal;
use hotdesk::journal::disk::{Disk, Synced};
use hotdesk::journal::sample::{answered, opened};
use hotdesk::journal::sled_store::{FOLDER, Options, SledJournal};
use hotdesk::journal::verify::verify;
use parking_lot::Mutex;
use tempfile::TempDir;

use crate::journal_store::commit;

const LIVES: u64 = 120;
const PAGE: usize = 4096;

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Keeps what each file held when it was last synced; loses power before the sync of that number.
struct LossyDisk(Mutex<Power>);

struct Power {
    safe: Files,
    syncs_left: usize,
    /// What the files held when the power went.
    cut: Option<Files>,
}

impl Disk for LossyDisk {
    fn sync(&self, file: &File, _: Synced) -> io::Result<()> {
        let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
        let mut power = self.0.lock();
        if power.cut.is_none() && power.syncs_left == 0 {
            let folder =
                if path.is_dir() { path.clone() } else { path.parent().expect("a file has a folder").to_owned() };
            power.cut = Some(read_all(&folder)?);
        }
        if power.cut.is_some() {
            return Err(io::Error::other("the power is gone"));
        }
        power.syncs_left -= 1;
        if path.is_file() {
            let content = fs::read(&path)?;
            power.safe.insert(path, content);
        }
        Ok(())
    }

    fn room(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

fn read_all(folder: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            files.insert(path.clone(), fs::read(path)?);
        }
    }
    Ok(files)
}

/// What the disk holds when the power is back: of each page that was written since the last sync the old or the new content, and
/// any length between.
fn after_power_loss(rng: &mut Rng, safe: Option<&Vec<u8>>, written: &[u8]) -> Option<Vec<u8>> {
    let old = safe.map_or(&[][..], Vec::as_slice);
    // The name of a new file may not have reached the disk at all.
    if safe.is_none() && rng.bool() {
        return None;
    }
    let (shorter, longer) = (old.len().min(written.len()), old.len().max(written.len()));
    let length = match rng.u8(..3) {
        0 => old.len(),
        1 => written.len(),
        _ => rng.usize(shorter..=longer),
    };
    let mut found = vec![0; length];
    let eager = rng.u8(..=10);
    for start in (0..length).step_by(PAGE) {
        let source = if rng.u8(..10) < eager { written } else { old };
        let end = (start + PAGE).min(length).min(source.len());
        if start < end {
            found[start..end].copy_from_slice(&source[start..end]);
        }
    }
    Some(found)
}

/// J55: whenever the power goes, everything acknowledged is there, in one sound history, and the journal goes on from it.
#[test]
fn j55_what_was_acknowledged_survives_a_loss_of_power() {
    for seed in 0..LIVES {
        let mut rng = Rng::with_seed(seed);
        let (acknowledged, data) = life(&mut rng);
        let journal = SledJournal::open(data.path(), &Options::default()).unwrap_or_else(|error| {
            panic!("seed {seed}: {} records were acknowledged, but {error}", acknowledged.len())
        });
        let found = journal.read(Seq::ZERO, usize::MAX, usize::MAX).unwrap();
        assert!(found.len() >= acknowledged.len(), "seed {seed}: {} of {}", found.len(), acknowledged.len());
        for (stored, json) in found.iter().zip(&acknowledged) {
            assert_eq!(stored.json, json, "seed {seed}");
        }
        let report = verify(&journal).unwrap();
        assert!(report.is_sound(), "seed {seed}: {report:?}");
        commit(&journal, &[opened(journal.last_ticket().next(), "The light is on again.")]).unwrap();
    }
}

/// One life up to the loss of power: the JSON of what was acknowledged, and a folder with what the disk kept.
fn life(rng: &mut Rng) -> (Vec<Vec<u8>>, TempDir) {
    let data = TempDir::new().unwrap();
    let power = Power { safe: Files::new(), syncs_left: rng.usize(6..70), cut: None };
    let disk = Arc::new(LossyDisk(Mutex::new(power)));
    let options =
        Options { disk: disk.clone(), late_records: rng.choice([2, 40, 8192]).unwrap(), ..Options::default() };
    let mut acknowledged: Vec<Vec<u8>> = Vec::new();
    if let Ok(journal) = SledJournal::open(data.path(), &options) {
        let mut states: Vec<Arc<TicketState>> = Vec::new();
        loop {
            let mut appends = Vec::new();
            let mut touched = Vec::new();
            for number in 0..rng.usize(1..12) {
                let body = "word ".repeat(rng.usize(1..2_000));
                let old = rng.usize(..=states.len());
                if old == states.len() || touched.contains(&old) {
                    appends.push(opened(TicketId(journal.last_ticket().get() + 1 + number as u64), &body));
                } else {
                    touched.push(old);
                    appends.push(answered(&states[old], &body));
                }
            }
            let Ok(after) = commit(&journal, &appends) else { break };
            for state in after {
                match states.iter_mut().find(|known| known.ticket.id == state.ticket.id) {
                    Some(known) => *known = state,
                    None => states.push(state),
                }
            }
            let news = journal.read(Seq(acknowledged.len() as u64), usize::MAX, usize::MAX).unwrap();
            acknowledged.extend(news.into_iter().map(|stored| stored.json.to_vec()));
        }
    }
    let power = disk.0.lock();
    let kept = TempDir::new().unwrap();
    fs::create_dir_all(kept.path().join(FOLDER).join("blobs")).unwrap();
    let cut = power.cut.as_ref().expect("the power went");
    for (path, written) in cut {
        if let Some(content) = after_power_loss(rng, power.safe.get(path), written) {
            fs::write(kept.path().join(FOLDER).join(path.file_name().unwrap()), content).unwrap();
        }
    }
    drop(power);
    (acknowledged, kept)
}
