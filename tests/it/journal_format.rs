//! The bytes on disk, against a golden file: a change that older programs cannot read must be seen in a review.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use hotdesk::domain::ids::{Epoch, Seq, TicketId, Version};
use hotdesk::domain::ticket::Status;
use hotdesk::domain::time::Timestamp;
use hotdesk::journal::archive::{Counts, import};
use hotdesk::journal::format::block::Block;
use hotdesk::journal::format::{self, Chunk, End, FORMAT, HeadMark, RecordMark, StateMark, head_file, key};
use hotdesk::journal::memory::MemoryJournal;
use hotdesk::journal::{Head, Journal, Memo, pack};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/journal").join(name)
}

fn written() -> String {
    let mut text = String::new();
    let mut add = |what: &str, key: &[u8], content: &[&[u8]]| {
        format::seal(key, content, |key, value| {
            let value = if value.len() > 250 { &value[..16] } else { &value[..] };
            writeln!(text, "{what} {} = {}", key.escape_ascii(), value.escape_ascii()).unwrap();
        });
    };
    let json = br#"{"seq":2,"ticket":1}"#;
    let crc_before = format::chain(0, br#"{"seq":1,"ticket":1}"#);
    let crc = format::chain(crc_before, json);
    let before = Seq(1);
    let mark = RecordMark { crc_before, crc, ticket: TicketId(1), version: Version(2), before, skip: Seq(0) };
    let memo = Memo {
        user: "ada".into(),
        key: "c-1".into(),
        fingerprint: 77,
        at: Timestamp::from_millis(1_795_420_800_000),
        ticket: TicketId(1),
        version: Version(2),
        seq: Seq(2),
    };
    let mut block = Vec::new();
    format::block::push(&mut block, &mark, json, Some(&memo));
    format::block::push(&mut block, &mark, b"{}", None);
    // Not packed: how well that is done is not a matter of the format.
    add("block", &key::record(Seq(2)), &[b"\0", &(block.len() as u32).to_be_bytes(), &block]);
    add("long block", &key::record(Seq(3)), &[&[b'x'; 9000]]);
    let end = End { version: Version(2), last: Seq(2), skip: Seq(0) };
    let mark = StateMark { end, active: true };
    add("state", &key::state(TicketId(1)), &[&mark.encode(), b"\0\0\0\0\x02{}"]);
    let mut chunk = Chunk::default();
    chunk.set(TicketId(1), true);
    chunk.set(TicketId(1023), true);
    add("active", &key::active(Chunk::of(TicketId(1))), &[&chunk.encode()]);
    let mut memos = Vec::new();
    format::memo::push(&mut memos, &memo);
    add("memos", &key::memos(20_780, 9), &[b"\0", &(memos.len() as u32).to_be_bytes(), &memos]);
    let hash = format::memo::hash(&memo.user, &memo.key);
    add("hashes", &key::hashes(20_780, 9), &[&hash.to_be_bytes()]);
    add("aside", &key::aside("users/ada"), &[b"{}"]);
    let mark = HeadMark {
        format: FORMAT,
        commit: 7,
        head: Head { seq: Seq(2), crc },
        last_ticket: TicketId(1),
        states_to: Seq(1),
        memos_to: Seq(0),
        epoch: Epoch::from("e1"),
    };
    add("head", &key::head(), &[&mark.encode()]);
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
    assert_eq!(counts, Counts { records: 3, asides: 1, memos: 3, files: 0 });
    let closed = journal.state(TicketId(2)).unwrap().unwrap().ticket;
    assert_eq!((closed.status, closed.version), (Status::Closed, Version(2)));
    assert_eq!(journal.aside("users/ada").unwrap().unwrap(), "{\"name\":\"Ada\"}");
}

/// J50: what was packed by an older library or with an older dictionary is read by this one.
#[test]
fn j50_a_packed_block_of_the_first_format_can_be_read() {
    let path = golden("block-1.hex");
    let archive = fs::read_to_string(golden("archive-1.ndjson")).unwrap();
    let json = archive.lines().nth(1).unwrap();
    let mark =
        RecordMark { crc_before: 0, crc: 1, ticket: TicketId(1), version: Version(1), before: Seq(0), skip: Seq(0) };
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        let mut text = String::new();
        for count in [1, 8] {
            let mut raw = Vec::new();
            (0..count).for_each(|_| format::block::push(&mut raw, &mark, json.as_bytes(), None));
            for byte in pack::pack(&raw) {
                write!(text, "{byte:02x}").unwrap();
            }
            text.push('\n');
        }
        fs::write(&path, text).unwrap();
    }
    for (line, count) in fs::read_to_string(&path).unwrap().lines().zip([1, 8]) {
        let packed: Vec<u8> =
            (0..line.len()).step_by(2).map(|at| u8::from_str_radix(&line[at..at + 2], 16).unwrap()).collect();
        assert!(packed[0] != 0 && packed.len() < json.len(), "it is packed");
        let block = Block::decode(&packed).unwrap();
        assert_eq!(block.len(), count);
        (0..count).for_each(|index| assert_eq!(block.record(index), Some((mark, json.as_bytes()))));
    }
}
