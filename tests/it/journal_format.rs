//! The bytes on disk, against a golden file: a change that older programs cannot read must be seen in a review.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use hotdesk::domain::ids::{Epoch, Seq, TicketId, Version};
use hotdesk::domain::ticket::Status;
use hotdesk::journal::archive::{Counts, import};
use hotdesk::journal::format::{self, FORMAT, HeadMark, RecordMark, StateMark, head_file, key};
use hotdesk::journal::memory::MemoryJournal;
use hotdesk::journal::{Head, Journal};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/journal").join(name)
}

fn written() -> String {
    let mut text = String::new();
    let mut add = |what: &str, key: &[u8], content: &[&[u8]]| {
        format::seal(key, content, |key, value| {
            let value = if value.len() > 200 { &value[..16] } else { &value[..] };
            writeln!(text, "{what} {} = {}", key.escape_ascii(), value.escape_ascii()).unwrap();
        });
    };
    let json = br#"{"seq":2,"ticket":1}"#;
    let crc_before = format::chain(0, br#"{"seq":1,"ticket":1}"#);
    let crc = format::chain(crc_before, json);
    let mark = RecordMark { crc_before, crc, ticket: TicketId(1), version: Version(2) };
    add("record", &key::record(Seq(2)), &[&mark.encode(), json]);
    add("long record", &key::record(Seq(3)), &[&mark.encode(), &[b'x'; 9000]]);
    add("index", &key::index(TicketId(1), Version(2)), &[&2_u64.to_be_bytes()]);
    let mark = StateMark { seq: Seq(2), version: Version(2), active: true };
    add("state", &key::state(TicketId(1)), &[&mark.encode(), b"{}"]);
    add("memo", &key::memo(20_780, &"ada".into(), &"c-1".into()), &[b"{}"]);
    add("aside", &key::aside("users/ada"), &[b"{}"]);
    let mark = HeadMark {
        format: FORMAT,
        commit: 7,
        head: Head { seq: Seq(2), crc },
        last_ticket: TicketId(1),
        epoch: Epoch::from("e1"),
    };
    add("head", &key::head(), &[&mark.encode()]);
    writeln!(text, "active {}", key::active(TicketId(1)).escape_ascii()).unwrap();
    let (offset, slot) = head_file::slot(&mark);
    writeln!(text, "head file at {offset} = {}", slot.escape_ascii()).unwrap();
    text
}

/// J50
#[test]
fn j50_the_bytes_are_those_of_the_golden_file() {
    let path = golden("format-1.txt");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, written()).unwrap();
    }
    assert_eq!(written(), fs::read_to_string(&path).unwrap());
}

/// J50
#[test]
fn j50_an_archive_of_the_first_format_can_be_read() {
    let archive = fs::read(golden("archive-1.ndjson")).unwrap();
    let journal = MemoryJournal::new();
    let counts = import(&mut archive.as_slice(), &journal).unwrap();
    assert_eq!(counts, Counts { records: 3, asides: 1, memos: 3 });
    let closed = journal.state(TicketId(2)).unwrap().unwrap().ticket;
    assert_eq!((closed.status, closed.version), (Status::Closed, Version(2)));
    assert_eq!(journal.aside("users/ada").unwrap().unwrap(), "{\"name\":\"Ada\"}");
}
