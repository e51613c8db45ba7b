//! Archives and the command line around them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use bytes::Bytes;
use clap::Parser;
use hotdesk::domain::ids::{Seq, TicketId};
use hotdesk::domain::ticket::Status;
use hotdesk::journal::archive::{ArchiveError, Counts, export, import};
use hotdesk::journal::cli::{self, Exit, JournalCommand};
use hotdesk::journal::memory::MemoryJournal;
use hotdesk::journal::repair::repair;
use hotdesk::journal::sample::{answered, moved, opened};
use hotdesk::journal::sled_store::{FOLDER, Options, SledJournal};
use hotdesk::journal::{Aside, Journal};
use tempfile::TempDir;

use crate::journal_store::{Seen, commit, everything, group};

fn fill(journal: &dyn Journal) -> Seen {
    let aside = |key: &str, value: &'static [u8]| Aside { key: key.into(), value: Some(Bytes::from_static(value)) };
    let asides = vec![aside("users/ada", b"{\"hash\":\"$argon2id$x\"}"), aside("tokens/1", &[0, 159, 255])];
    journal.commit(&group(journal.head(), &[], asides)).unwrap();
    let appends: Vec<_> = (1..=5).map(|id| opened(TicketId(id), "Line one\nline two \u{2028} end")).collect();
    let states = commit(journal, &appends).unwrap();
    commit(journal, &[answered(&states[0], &"long ".repeat(2_000)), moved(&states[1], Status::Closed)]).unwrap();
    everything(journal).unwrap()
}

fn archive(journal: &dyn Journal) -> Vec<u8> {
    let mut archive = Vec::new();
    let counts = export(journal, &mut archive).unwrap();
    assert_eq!(counts, Counts { records: 7, asides: 2, memos: 7, files: 0 });
    archive
}

/// J60
#[test]
fn j60_an_archive_gives_the_same_desk_with_an_epoch_of_its_own() {
    let data = TempDir::new().unwrap();
    let stores: [Box<dyn Journal>; 2] =
        [Box::new(MemoryJournal::new()), Box::new(SledJournal::open(data.path(), &Options::default()).unwrap())];
    for from in &stores {
        let whole = fill(&**from);
        let archive = archive(&**from);
        let to = MemoryJournal::new();
        import(&mut archive.as_slice(), &to).unwrap();
        let seen = everything(&to).unwrap();
        assert_ne!(seen.epoch, whole.epoch);
        assert_eq!(Seen { epoch: whole.epoch.clone(), ..seen }, whole);
        let memo = from.memo(&"agent-1".into(), &"1-2".into()).unwrap().unwrap();
        assert_eq!(to.memo(&memo.user, &memo.key).unwrap(), Some(memo));
    }
}

/// J61
#[test]
fn j61_a_cut_or_altered_archive_is_refused_with_its_line() {
    let journal = MemoryJournal::new();
    fill(&journal);
    let whole = archive(&journal);
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let refusal = |archive: &[u8]| match import(&mut &*archive, &MemoryJournal::new()) {
        Err(ArchiveError::Refused { line, what }) => (line, what),
        other => panic!("not refused: {other:?}"),
    };
    for kept in 0..lines.len() {
        let (line, what) = refusal(&lines[..kept].concat());
        assert_eq!((line, what.as_str()), (kept as u64 + 1, "the archive ends too early"));
    }
    for index in 0..lines.len() {
        let cut = [&lines[..index].concat(), &lines[index][..lines[index].len() / 2]].concat();
        assert_eq!(refusal(&cut).0, index as u64 + 1);
        let mut without = lines.clone();
        without.remove(index);
        refusal(&without.concat());
        if index > 0 && index + 1 < lines.len() {
            // Any one letter of a value: found in the line where it is, whatever it is.
            let text = String::from_utf8(lines[index].to_vec()).unwrap();
            let altered = if text.contains("Ada") {
                text.replacen("Ada", "Bea", 1)
            } else if text.contains("hash") {
                text.replacen("hash", "hush", 1)
            } else if text.contains("009fff") {
                text.replacen("009fff", "009ffe", 1)
            } else {
                text.replacen("\"version\":", "\"version\":1", 1)
            };
            assert_ne!(altered, text);
            let mut lines = lines.clone();
            lines[index] = altered.as_bytes();
            assert_eq!(refusal(&lines.concat()).0, index as u64 + 1, "{altered}");
        }
    }
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    assert_eq!(refusal(&swapped.concat()).0, 3);
    refusal(&[whole.as_slice(), b"{}\n"].concat());
    refusal(b"{\"hotdesk\":\"journal\",\"format\":2,\"epoch\":\"x\",\"head\":0,\"head_crc\":0}\n");
    assert!(matches!(import(&mut &b"hello\n"[..], &MemoryJournal::new()), Err(ArchiveError::Refused { line: 1, .. })));
}

/// J62: taken while the desk goes on, a backup holds everything up to where it began.
#[test]
fn j62_a_running_desk_can_be_exported() {
    let journal = MemoryJournal::new();
    fill(&journal);
    let mut archive = Vec::new();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for id in 100..200 {
                commit(&journal, &[opened(TicketId(id), "More")]).unwrap();
            }
        });
        export(&journal, &mut archive).unwrap();
        writing.join().unwrap();
    });
    let to = MemoryJournal::new();
    import(&mut archive.as_slice(), &to).unwrap();
    let head = to.head().seq;
    assert!(head >= Seq(7));
    assert_eq!(everything(&to).unwrap().records[..], everything(&journal).unwrap().records[..head.get() as usize]);
}

/// J66: what belongs to a ticket that did not come along (a link of a customer's, a file) is left out, by a restore as by a repair:
/// the ticket's id is given out again, and the link would open a stranger's request.
#[test]
fn j66_what_belongs_to_a_lost_ticket_is_lost_with_it() {
    let owned = |key: &str, ticket: u64| Aside {
        key: key.into(),
        value: Some(format!("{{\"ticket\":{ticket},\"created_at\":\"2026-11-23T09:00:00Z\"}}").into()),
    };
    let kept = [owned("request-links/a", 5), owned("request-links-of/5/a", 5), owned("attachments/b", 2)];
    let lost = [owned("request-links/c", 6), owned("request-links-of/6/c", 6), owned("attachments/d", 7)];
    let fill = |journal: &dyn Journal| {
        fill(journal);
        journal.commit(&group(journal.head(), &[], [&kept[..], &lost].concat())).unwrap();
    };
    let keys = |journal: &dyn Journal| journal.asides("").unwrap().into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    let left = ["attachments/b", "request-links-of/5/a", "request-links/a", "tokens/1", "users/ada"];

    let from = MemoryJournal::new();
    fill(&from);
    let mut archive = Vec::new();
    export(&from, &mut archive).unwrap();
    let restored = MemoryJournal::new();
    import(&mut archive.as_slice(), &restored).unwrap();
    assert_eq!((restored.last_ticket(), keys(&restored)), (TicketId(5), left.map(str::to_owned).to_vec()));

    let (data, saved) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fill(&SledJournal::open(data.path(), &Options::default()).unwrap());
    let repaired = repair(data.path(), saved.path(), &Options::default()).unwrap();
    assert_eq!((repaired.asides, repaired.lost_asides), (5, 3));
    assert_eq!(keys(&SledJournal::open(saved.path(), &Options::default()).unwrap()), left);
}

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: JournalCommand,
}

fn run(line: &[&str]) -> (Exit, String, String) {
    let command = Line::try_parse_from([&["journal"], line].concat()).unwrap().command;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = cli::run(command, &mut out, &mut err);
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// J63
#[test]
fn j63_the_command_line_backs_up_restores_and_verifies() {
    let data = TempDir::new().unwrap();
    let journal = SledJournal::open(data.path(), &Options::default()).unwrap();
    let whole = fill(&journal);
    let (exit, _, err) = run(&["verify", "--data", text(data.path())]);
    assert_eq!(exit, Exit::Failed);
    assert!(err.contains("in use by another process"), "{err}");
    drop(journal);

    let (exit, out, _) = run(&["verify", "--data", text(data.path())]);
    assert_eq!(exit, Exit::Done);
    assert!(out.contains("7 records up to 7, 5 tickets (4 active), 2 asides, 7 remembered commands"), "{out}");
    let (exit, out, _) = run(&["verify", "--json", "--data", text(data.path())]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (exit, &report["problems"], &report["head"]),
        (Exit::Done, &serde_json::json!([]), &serde_json::json!(7))
    );
    let (exit, out, _) = run(&["stats", "--json", "--data", text(data.path())]);
    let stats: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, &stats["tickets"], &stats["active"]), (Exit::Done, &serde_json::json!(5), &serde_json::json!(4)));

    for name in ["desk.ndjson", "desk.ndjson.zst"] {
        let file = data.path().join(name);
        let (exit, _, err) = run(&["export", "--data", text(data.path()), text(&file)]);
        assert_eq!((exit, err.as_str()), (Exit::Done, "written: 7 records, 2 asides, 7 remembered commands\n"));
        let new = TempDir::new().unwrap();
        let (exit, _, err) = run(&["import", "--data", text(new.path()), text(&file)]);
        assert_eq!(exit, Exit::Done, "{err}");
        let seen = everything(&SledJournal::open(new.path(), &Options::default()).unwrap()).unwrap();
        assert_eq!(Seen { epoch: whole.epoch.clone(), ..seen }, whole);
        let (exit, _, err) = run(&["import", "--data", text(new.path()), text(&file)]);
        assert_eq!(exit, Exit::Failed);
        assert!(err.contains("holds a journal already"), "{err}");
    }
    assert!(
        fs::read(data.path().join("desk.ndjson.zst")).unwrap().len()
            < fs::read(data.path().join("desk.ndjson")).unwrap().len()
    );

    let nothing = TempDir::new().unwrap();
    for command in ["verify", "stats"] {
        let (exit, _, err) = run(&[command, "--data", text(nothing.path())]);
        assert_eq!(exit, Exit::Failed);
        assert!(err.contains("holds no journal"), "{err}");
    }
    assert_eq!(fs::read_dir(nothing.path()).unwrap().count(), 0, "looking makes nothing");
}

/// J64: a cut archive leaves no journal behind.
#[test]
fn j64_a_refused_archive_leaves_no_journal() {
    let journal = MemoryJournal::new();
    fill(&journal);
    let mut archive = archive(&journal);
    archive.truncate(archive.len() / 2);
    let data = TempDir::new().unwrap();
    let file = data.path().join("cut.ndjson");
    fs::write(&file, archive).unwrap();
    let new = TempDir::new().unwrap();
    let (exit, _, err) = run(&["import", "--data", text(new.path()), text(&file)]);
    assert_eq!(exit, Exit::Failed);
    assert!(err.starts_with("line "), "{err}");
    assert_eq!(fs::read_dir(new.path()).unwrap().count(), 0);
}

/// J65
#[test]
fn j65_damage_has_an_exit_status_of_its_own_and_says_what_to_do() {
    let data = TempDir::new().unwrap();
    fill(&SledJournal::open(data.path(), &Options::default()).unwrap());
    fs::remove_file(data.path().join(FOLDER).join("head")).unwrap();
    let (exit, _, err) = run(&["verify", "--data", text(data.path())]);
    assert_eq!(exit, Exit::Damaged);
    assert!(err.contains("the head file is missing") && err.contains("hotdesk journal repair"), "{err}");
    let (exit, out, _) = run(&["verify", "--json", "--data", text(data.path())]);
    assert_eq!(exit, Exit::Damaged);
    assert!(out.contains("the head file is missing"), "{out}");
    let saved = TempDir::new().unwrap();
    let (exit, out, err) = run(&["repair", "--data", text(data.path()), "--to", text(saved.path())]);
    assert_eq!(exit, Exit::Done, "{err}");
    assert!(out.contains("saved: 7 records") && out.contains("nobody knows"), "{out}");
    assert_eq!(run(&["verify", "--data", text(saved.path())]).0, Exit::Done);
}
