//! Damage: kills, torn ends, flipped bits, lost files. Whatever happens to the files, the journal is either whole or refused;
//! it is never silently a shorter or another history.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use hotdesk::domain::ids::{Seq, TicketId};
use hotdesk::domain::ticket::Status;
use hotdesk::journal::format::{self, HeadMark, head_file};
use hotdesk::journal::repair::repair;
use hotdesk::journal::sample::{answered, moved, opened};
use hotdesk::journal::sled_store::{FOLDER, Options, SledJournal};
use hotdesk::journal::verify::verify;
use hotdesk::journal::writer::{self, WriterConfig};
use hotdesk::journal::{Aside, Journal, JournalError};
use tempfile::TempDir;

use crate::journal_store::{Seen, Sled, SledStore, Store, commit, everything, group};

/// A journal of some groups, closed again, and what was in it.
fn written() -> (TempDir, Seen) {
    let data = TempDir::new().unwrap();
    let journal = SledJournal::open(data.path(), &Options::default()).unwrap();
    let aside = Aside { key: "users/ada".into(), value: Some(Bytes::from_static(b"{\"name\":\"Ada\"}")) };
    journal.commit(&group(journal.head(), &[], vec![aside])).unwrap();
    let appends: Vec<_> = (1..=20).map(|id| opened(TicketId(id), "Where is it?")).collect();
    let mut states = commit(&journal, &appends).unwrap();
    for round in 0..10 {
        let appends: Vec<_> = states.iter().map(|state| answered(state, &format!("Round {round}."))).collect();
        states = commit(&journal, &appends).unwrap();
    }
    commit(&journal, &[moved(&states[3], Status::Closed)]).unwrap();
    commit(&journal, &[answered(&states[4], &"long ".repeat(4_000))]).unwrap();
    let seen = everything(&journal).unwrap();
    drop(journal);
    (data, seen)
}

fn files(data: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(data.join(FOLDER))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

fn copied(data: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    fs::create_dir_all(copy.path().join(FOLDER).join("blobs")).unwrap();
    for file in files(data) {
        fs::copy(&file, copy.path().join(FOLDER).join(file.file_name().unwrap())).unwrap();
    }
    copy
}

/// What a start and a full read make of the files: everything as it was, or a refusal.
fn look(data: &Path, whole: &Seen) -> Result<(), String> {
    let refused = |error: JournalError| error.to_string();
    let journal = SledJournal::open(data, &Options::default()).map_err(refused)?;
    let seen = everything(&journal).map_err(refused)?;
    let report = verify(&journal).map_err(refused)?;
    if !report.is_sound() {
        return Err(report.problems.join("; "));
    }
    assert_eq!(&seen, whole, "another history than the one that was written, and nobody said so");
    Ok(())
}

/// A small generator of numbers, so that a failing seed can be run again.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// J40
#[test]
fn j40_a_flipped_bit_anywhere_is_harmless_or_refused() {
    let (data, whole) = written();
    let mut refused = 0;
    for file in files(data.path()) {
        let name = file.file_name().unwrap().to_owned();
        let bytes = fs::read(&file).unwrap();
        if bytes.is_empty() {
            continue;
        }
        let mut numbers = Numbers(bytes.len() as u64);
        let tries = if name == "db" { 40 } else { 12 };
        for _ in 0..tries {
            let copy = copied(data.path());
            let mut bytes = bytes.clone();
            let at = numbers.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << numbers.below(8);
            fs::write(copy.path().join(FOLDER).join(&name), &bytes).unwrap();
            if let Err(why) = look(copy.path(), &whole) {
                assert!(!why.is_empty());
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "not one flip was noticed");
}

/// J41
#[test]
fn j41_a_shortened_or_missing_file_is_harmless_or_refused() {
    let (data, whole) = written();
    for file in files(data.path()) {
        let name = file.file_name().unwrap().to_owned();
        let length = fs::metadata(&file).unwrap().len();
        for kept in [0, 1, length / 4, length / 2, length * 9 / 10, length.saturating_sub(1)] {
            let copy = copied(data.path());
            let target = copy.path().join(FOLDER).join(&name);
            fs::OpenOptions::new().write(true).open(&target).unwrap().set_len(kept).unwrap();
            let outcome = look(copy.path(), &whole);
            if name == "db" && kept <= length / 4 {
                assert!(outcome.is_err(), "a log of {kept} bytes out of {length}");
            }
        }
        let copy = copied(data.path());
        fs::remove_file(copy.path().join(FOLDER).join(&name)).unwrap();
        let outcome = look(copy.path(), &whole);
        assert_eq!(outcome.is_err(), name == "db" || name == "head", "without {name:?}: {outcome:?}");
    }
}

/// J42: groups that were confirmed and then lost by the disk are noticed at the start.
#[test]
fn j42_an_older_log_under_a_newer_head_is_refused() {
    let (data, _) = written();
    let older = copied(data.path());
    let journal = SledJournal::open(data.path(), &Options::default()).unwrap();
    let states = [journal.state(TicketId(1)).unwrap().unwrap(), journal.state(TicketId(2)).unwrap().unwrap()];
    for state in states {
        commit(&journal, &[answered(&Arc::new(state), "Later.")]).unwrap();
    }
    drop(journal);
    fs::copy(data.path().join(FOLDER).join("head"), older.path().join(FOLDER).join("head")).unwrap();
    let error = SledJournal::open(older.path(), &Options::default()).err().unwrap();
    assert!(matches!(&error, JournalError::Damaged { what } if what.contains("was confirmed")), "{error}");

    // An aside that was confirmed counts as much as a record.
    let before = copied(data.path());
    let journal = SledJournal::open(data.path(), &Options::default()).unwrap();
    journal.commit(&group(journal.head(), &[], vec![Aside { key: "tokens/t".into(), value: None }])).unwrap();
    drop(journal);
    fs::copy(data.path().join(FOLDER).join("head"), before.path().join(FOLDER).join("head")).unwrap();
    assert!(matches!(SledJournal::open(before.path(), &Options::default()), Err(JournalError::Damaged { .. })));
}

/// J43: a crash between the log and the head file leaves the journal one group ahead; the group is whole and is kept.
#[test]
fn j43_a_group_ahead_of_the_head_file_is_taken_over() {
    let (data, _) = written();
    let behind = fs::read(data.path().join(FOLDER).join("head")).unwrap();
    let journal = SledJournal::open(data.path(), &Options::default()).unwrap();
    let state = Arc::new(journal.state(TicketId(1)).unwrap().unwrap());
    commit(&journal, &[answered(&state, "Written, not confirmed.")]).unwrap();
    let seen = everything(&journal).unwrap();
    drop(journal);
    fs::write(data.path().join(FOLDER).join("head"), behind).unwrap();
    look(data.path(), &seen).unwrap();
}

/// J44
#[test]
fn j44_a_torn_head_file_falls_back_to_its_other_slot() {
    let (data, seen) = written();
    let path = data.path().join(FOLDER).join("head");
    let mut bytes = fs::read(&path).unwrap();
    let newest = head_file::newest(&bytes).unwrap();
    let (offset, slot) = head_file::slot(&HeadMark { commit: newest.commit + 1, ..newest.clone() });
    // The power went while the next slot was written: its sum is new, the rest is old.
    let offset = offset as usize;
    bytes.resize(bytes.len().max(offset + slot.len()), 0);
    bytes[offset..offset + 20].copy_from_slice(&slot[..20]);
    assert_eq!(head_file::newest(&bytes), Some(newest));
    fs::write(&path, bytes).unwrap();
    look(data.path(), &seen).unwrap();
}

/// J45
#[test]
fn j45_a_newer_format_is_refused_by_its_name() {
    let (data, _) = written();
    let path = data.path().join(FOLDER).join("head");
    let newest = head_file::newest(&fs::read(&path).unwrap()).unwrap();
    let (offset, slot) = head_file::slot(&HeadMark { format: 99, commit: newest.commit + 1, ..newest });
    let mut bytes = vec![0; offset as usize];
    bytes.extend(slot);
    fs::write(&path, bytes).unwrap();
    let error = SledJournal::open(data.path(), &Options::default()).err().unwrap();
    assert!(matches!(error, JournalError::Newer { found: 99, known: format::FORMAT }), "{error}");
    assert!(error.to_string().contains("newer hotdesk"));
}

/// J46
#[test]
fn j46_one_process_at_a_time() {
    let store = Sled::create();
    let error = SledJournal::open(store.folder(), &Options::default()).err().unwrap();
    assert!(matches!(error, JournalError::InUse { .. }), "{error}");
}

/// J47: values above sled's limit would lie in files of their own that are never synced.
#[test]
fn j47_no_value_leaves_the_synced_log() {
    let store = Sled::create();
    let journal = store.journal();
    let mut state = commit(&*journal, &[opened(TicketId(1), "Long")]).unwrap()[0].clone();
    for length in [1_000, 4_000, 30_000, 131_000, 500_000] {
        for _ in 0..12 {
            state = commit(&*journal, &[answered(&state, &"x".repeat(length))]).unwrap()[0].clone();
        }
    }
    let asides = vec![Aside { key: "settings/x".into(), value: Some(Bytes::from(vec![7; 700_000])) }];
    journal.commit(&group(journal.head(), &[], asides)).unwrap();
    let outside = fs::read_dir(store.folder().join(FOLDER).join("blobs")).unwrap().count();
    assert_eq!(outside, 0);
}

/// The process that `j48` kills: it appends until it dies and says what was acknowledged.
#[test]
fn child_that_appends_until_it_is_killed() {
    let Some(data) = std::env::var_os("HOTDESK_TEST_KILL") else { return };
    let journal = Arc::new(SledJournal::open(Path::new(&data), &Options::default()).unwrap());
    let first = journal.last_ticket().get() + 1;
    let config = WriterConfig {
        waiting_appends: 64,
        group_records: 4096,
        group_bytes: 1 << 20,
        remember_commands_ms: 86_400_000,
    };
    let (writer, _) = writer::spawn(journal, config, Box::new(|_| {}), Box::new(|error| panic!("{error}")));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(futures_util::future::join_all((0..8).map(|lane| {
        let writer = writer.clone();
        async move {
            let mut id = first + lane;
            loop {
                let committed = writer.append(opened(TicketId(id), &format!("Ticket {id}"))).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "acknowledged {} {id}", committed.last).unwrap();
                out.flush().unwrap();
                id += 8;
            }
        }
    })));
}

/// J48
#[test]
fn j48_what_was_acknowledged_survives_kill_9() {
    let data = TempDir::new().unwrap();
    let mut acknowledged = Vec::new();
    for round in 1..=4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "journal_damage::child_that_appends_until_it_is_killed",
                "--exact",
                "--nocapture",
                "--test-threads=1",
            ])
            .env("HOTDESK_TEST_KILL", data.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut heard = 0;
        while heard < round * 60 {
            let line = lines.next().expect("the child goes on until it is killed").unwrap();
            heard += usize::from(remember(&line, &mut acknowledged));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            remember(&line, &mut acknowledged);
        }

        let journal = SledJournal::open(data.path(), &Options::default()).unwrap();
        let records = journal.read(Seq(0), usize::MAX, usize::MAX).unwrap();
        assert_eq!(records.len() as u64, journal.head().seq.get());
        for (seq, ticket) in &acknowledged {
            assert_eq!(records[*seq as usize - 1].ticket, TicketId(*ticket), "record {seq}, round {round}");
        }
        let report = verify(&journal).unwrap();
        assert!(report.is_sound(), "{report:?}");
    }
}

fn remember(line: &str, acknowledged: &mut Vec<(u64, u64)>) -> bool {
    let Some((_, rest)) = line.split_once("acknowledged ") else { return false };
    let numbers: Option<Vec<u64>> = rest.split(' ').map(|number| number.parse().ok()).collect();
    match numbers.as_deref() {
        Some([seq, ticket]) => {
            acknowledged.push((*seq, *ticket));
            true
        }
        // The last line may have been cut by the kill.
        _ => false,
    }
}

/// J54: the tree is complete after a settled stop, and a start has nothing to fold.
#[test]
fn j54_a_settled_journal_has_nothing_late() {
    let (data, whole) = written();
    let journal = SledJournal::open(data.path(), &Options::default()).unwrap();
    // Every ticket's state, and every command.
    assert_eq!(journal.late() as u64, 20 + whole.head.seq.get());
    drop(journal);
    SledJournal::settle(data.path(), &Options::default()).unwrap();
    let journal = SledJournal::open(data.path(), &Options::default()).unwrap();
    assert_eq!(journal.late(), 0);
    assert_eq!(everything(&journal).unwrap(), whole);
    let mut memos = 0;
    journal.memos(&mut |_| memos += 1).unwrap();
    assert_eq!(memos, whole.head.seq.get());
    drop(journal);
    look(data.path(), &whole).unwrap();
}

/// J54: no more than so many records are late, however long the desk runs.
#[test]
fn j54_what_is_late_is_bounded() {
    let store = SledStore::<16>::create();
    let mut states = commit(&*store.journal(), &[opened(TicketId(1), "One"), opened(TicketId(2), "Two")]).unwrap();
    for id in 3..200 {
        let appends = [opened(TicketId(id), "More"), answered(&states[0], "In every group.")];
        states[0] = commit(&*store.journal(), &appends).unwrap()[1].clone();
        assert!(store.sled().late() <= 40, "{} late at {id}", store.sled().late());
    }
    let report = verify(store.sled()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.tickets, report.active, report.memos), (199, 199, report.records));
}

/// J49
#[test]
fn j49_repair_saves_the_history_up_to_the_damage_into_a_new_folder() {
    let (data, whole) = written();
    let commands = whole.head.seq.get();
    // An undamaged journal loses nothing.
    let saved = TempDir::new().unwrap();
    let repaired = repair(data.path(), saved.path(), &Options::default()).unwrap();
    assert_eq!((repaired.saved_to, repaired.lost_records(), repaired.asides), (whole.head.seq, Some(0), 1));
    assert_eq!((repaired.memos, repaired.lost_memos), (commands, 0));
    let journal = SledJournal::open(saved.path(), &Options::default()).unwrap();
    let seen = everything(&journal).unwrap();
    assert_ne!(seen.epoch, whole.epoch);
    assert_eq!(Seen { epoch: whole.epoch.clone(), ..seen }, whole);
    drop(journal);

    // A log that lost its end: what is left is kept, and the loss is told.
    let log = data.path().join(FOLDER).join("db");
    let before = fs::read(&log).unwrap();
    for name in files(data.path()) {
        if name.file_name().unwrap().to_string_lossy().starts_with("snap.") {
            fs::remove_file(name).unwrap();
        }
    }
    let used = before.iter().rposition(|byte| *byte != 0).unwrap();
    let mut cut = before.clone();
    cut[used * 6 / 10..].fill(0);
    fs::write(&log, &cut).unwrap();
    assert!(matches!(
        SledJournal::open(copied(data.path()).path(), &Options::default()),
        Err(JournalError::Damaged { .. })
    ));
    let saved = TempDir::new().unwrap();
    let repaired = repair(data.path(), saved.path(), &Options::default()).unwrap();
    assert_eq!(repaired.confirmed_to, Some(whole.head.seq));
    assert!(repaired.saved_to > Seq(0) && repaired.saved_to < whole.head.seq, "{repaired:?}");
    assert_eq!(fs::read(&log).unwrap(), cut, "the damaged journal is not touched");
    let journal = SledJournal::open(saved.path(), &Options::default()).unwrap();
    let kept = everything(&journal).unwrap();
    assert_eq!(kept.records[..], whole.records[..kept.records.len()]);
    assert!(verify(&journal).unwrap().is_sound());
    assert!(
        repair(data.path(), saved.path(), &Options::default()).is_err(),
        "a folder with a journal is not written over"
    );
}

/// J51
#[test]
fn j51_a_settled_journal_starts_from_its_table_of_pages() {
    let (data, whole) = written();
    SledJournal::settle(data.path(), &Options::default()).unwrap();
    let tables = files(data.path()).iter().filter(|file| file.to_string_lossy().contains("snap.")).count();
    assert_eq!(tables, 1);
    look(data.path(), &whole).unwrap();
}
