//! What `make fuzz` throws bytes at, built with all other tests, and run on everything that ever made one fail.

use std::panic::catch_unwind;
use std::time::Instant;

use hotdesk::protocol::frame::ClientFrame;
use hotdesk::protocol::parse;

use crate::attacks::say;
use crate::support_files::{files, root};

#[path = "../../fuzz/src/message.rs"]
mod message;
#[path = "../../fuzz/src/query.rs"]
mod query;
#[path = "../../fuzz/src/record.rs"]
mod record;
#[path = "../../fuzz/src/rows.rs"]
mod rows;

/// Of each seed.
const VARIATIONS: usize = 60;

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 4] =
    [("message", message::run), ("query", query::run), ("record", record::run), ("rows", rows::run)];

/// X56: none of the fuzz targets fails on what it begins with, on what once made it fail, or on variations of these. So many seconds more
/// for each target with `HOTDESK_FUZZ_SECONDS`, from another beginning each time.
#[test]
fn x56_no_target_fails_on_its_seeds() {
    let seconds = std::env::var("HOTDESK_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut rng = fastrand::Rng::with_seed(56);
    let mut odd = fastrand::Rng::new();
    let check = |name: &str, run: fn(&[u8]), bytes: &[u8]| {
        let done = catch_unwind(|| run(bytes));
        assert!(done.is_ok(), "{name} fails on {:?}", String::from_utf8_lossy(bytes));
    };
    for (name, run) in TARGETS {
        let seeds = std::fs::read_dir(root().join("fuzz/seeds").join(name)).unwrap();
        let mut seeds: Vec<Vec<u8>> = seeds.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
        assert!(!seeds.is_empty(), "{name} has no seeds");
        seeds.sort();
        for seed in &seeds {
            for variation in 0..=VARIATIONS {
                let bytes = if variation == 0 { seed.clone() } else { varied(seed, &seeds, &mut rng) };
                check(name, run, &bytes);
            }
        }
        let (began, mut tried) = (Instant::now(), 0_u64);
        // What came of one variation is varied again, so that inputs wander away from the seeds.
        let mut pool = seeds.clone();
        while began.elapsed().as_secs() < seconds {
            let bytes = varied(&pool[odd.usize(..pool.len())], &seeds, &mut odd);
            check(name, run, &bytes);
            tried += 1;
            if bytes.len() < 20_000 {
                let place = odd.usize(..256);
                if place < pool.len() { pool[place] = bytes } else { pool.push(bytes) }
            }
        }
        if seconds > 0 {
            say(&format!("{name}: {tried} inputs in {seconds} s, none of which made it fail\n"));
        }
    }
}

/// A few bytes changed, taken out, repeated, or put in from another seed.
fn varied(seed: &[u8], seeds: &[Vec<u8>], rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=bytes.len());
        let end = rng.usize(at..=bytes.len().min(at + 24));
        match rng.u8(..5) {
            0 => bytes.insert(at, rng.u8(..)),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let other = &seeds[rng.usize(..seeds.len())];
                let from = rng.usize(..=other.len());
                let piece = other[from..other.len().min(from + 24)].to_vec();
                bytes.splice(at..end, piece);
            }
            _ => {
                let odd: [&[u8]; 8] =
                    [b"\"", b"\0", b"\xff", b"{", b"-1", b"1e999", b"18446744073709551616", b"\\ud800"];
                bytes.splice(at..end, odd[rng.usize(..odd.len())].iter().copied());
            }
        }
    }
    bytes
}

/// X56: the targets begin with what they read to the end: records and commands that are right.
#[test]
fn x56_seeds_are_read() {
    let seeds = |name: &str| -> Vec<Vec<u8>> {
        let folder = std::fs::read_dir(root().join("fuzz/seeds").join(name)).unwrap();
        folder.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
    };
    for seed in seeds("record") {
        let read = serde_json::from_slice::<hotdesk::domain::record::Record>(&seed);
        assert!(read.is_ok(), "{read:?}: {}", String::from_utf8_lossy(&seed));
    }
    for seed in seeds("message") {
        let line = String::from_utf8(seed).unwrap();
        match ClientFrame::parse(&line) {
            Ok(ClientFrame::Cmd(frame)) => assert!(parse::command(frame.body, "/do").is_ok(), "{line}"),
            read => assert!(read.is_ok(), "{line}"),
        }
    }
}

/// X56: each target of `make fuzz` is one of these, and does nothing else.
#[test]
fn x56_every_target_is_here() {
    let mut found: Vec<String> = files("fuzz/fuzz_targets", &["rs"])
        .iter()
        .map(|file| file.file_stem().unwrap().to_string_lossy().into())
        .collect();
    found.sort();
    assert_eq!(found, TARGETS.map(|(name, _)| name));
    let makefile = crate::support_files::read("Makefile");
    assert!(
        makefile.contains(&format!("for target in {}; do", TARGETS.map(|(name, _)| name).join(" "))),
        "make fuzz runs all"
    );
}
