//! Does the judge see what it must see? A man in the middle spoils what a true server says, each time in another way, and the
//! run must fail with the promise that was broken.
//!
//! The server is not changed: everything happens between it and the people. Needs the server's debug build, which
//! `cargo test --workspace` makes (`HOTDESK_BIN` names another one).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, OnceCell};

use super::play_through;
use crate::client::scan::{Scanner, Seen};
use crate::report::Report;
use crate::scenario::Scenario;
use crate::server::Launcher;

/// How the server's words are spoilt. Each happens to one victim, once, after a few true words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoil {
    Nothing,
    Drop,
    Repeat,
    Swap,
    /// Another value in a record's patch.
    Alter,
    /// A record that is in no journal.
    Invent,
    /// The board's hash in `upto`.
    Hash,
    /// One ticket as the answer to two claims.
    SameTicket,
    /// An acknowledgement of what the desk never did: the refusal of a command becomes its success.
    Acknowledge,
    /// A read over HTTP that lies behind what was acknowledged.
    OldRead,
}

/// True words of that kind pass before one is spoilt.
const TRUE_WORDS: u64 = 5;

struct Middle {
    spoil: Spoil,
    seen: AtomicU64,
    first_claim: Mutex<Option<Value>>,
}

impl Middle {
    async fn listen(spoil: Spoil, server: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let middle = Arc::new(Self { spoil, seen: AtomicU64::new(0), first_claim: Mutex::default() });
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(server).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pass(from_client, to_server));
                tokio::spawn(middle.clone().answer(from_server, to_client));
            }
        });
        address
    }

    /// What the server says, spoilt. A connection is a WebSocket from its first answer on, or it is not.
    async fn answer(self: Arc<Self>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 64 * 1024];
        let mut head = Vec::new();
        let end = loop {
            let Ok(length @ 1..) = from.read(&mut buffer).await else { return };
            head.extend_from_slice(&buffer[..length]);
            if let Some(end) = memchr::memmem::find(&head, b"\r\n\r\n") {
                break end + 4;
            }
        };
        if !head.starts_with(b"HTTP/1.1 101") {
            let mut piece = head;
            loop {
                self.http(&mut piece);
                if to.write_all(&piece).await.is_err() {
                    return;
                }
                let Ok(length @ 1..) = from.read(&mut buffer).await else { return };
                piece = buffer[..length].to_vec();
            }
        }
        let (head, mut piece) = (head[..end].to_vec(), head[end..].to_vec());
        if to.write_all(&head).await.is_err() {
            return;
        }
        let mut scanner = Scanner::default();
        let mut held = None;
        loop {
            let mut lines = Vec::new();
            let mut closed = false;
            scanner
                .feed(&piece, |seen| match seen {
                    Seen::Line(line) => lines.push(String::from_utf8(line.to_vec()).unwrap()),
                    Seen::Close(_) => closed = true,
                    Seen::Message | Seen::Ping(_) => {}
                })
                .unwrap();
            for line in lines {
                for line in self.words(line, &mut held).await {
                    if to.write_all(&text_frame(&line)).await.is_err() {
                        return;
                    }
                }
            }
            if closed {
                return;
            }
            let Ok(length @ 1..) = from.read(&mut buffer).await else { return };
            piece = buffer[..length].to_vec();
        }
    }

    /// What becomes of one line; `held` waits for the next one.
    async fn words(&self, line: String, held: &mut Option<String>) -> Vec<String> {
        let mut said: Value = serde_json::from_str(&line).unwrap();
        let kind = said["t"].as_str().unwrap_or_default().to_owned();
        let hit = |wanted: &str| kind == wanted && self.seen.fetch_add(1, Relaxed) == TRUE_WORDS;
        if let Some(earlier) = held.take() {
            if kind == "rec" {
                return vec![line, earlier];
            }
            *held = Some(earlier);
        }
        match self.spoil {
            Spoil::Drop if hit("rec") => Vec::new(),
            Spoil::Repeat if hit("rec") => vec![line.clone(), line],
            Spoil::Swap if hit("rec") => {
                *held = Some(line);
                Vec::new()
            }
            Spoil::Alter if hit("rec") => {
                said["patch"]["updated_at"] = "2001-01-01T00:00:00.000Z".into();
                vec![said.to_string()]
            }
            Spoil::Invent if hit("rec") => {
                let mut invented = said.clone();
                for field in ["seq", "version"] {
                    invented[field] = (said[field].as_u64().unwrap() + 1).into();
                }
                vec![line, invented.to_string()]
            }
            Spoil::Hash if kind == "upto" && said["board"].is_string() => {
                said["board"] = "0123456789abcdef".into();
                vec![said.to_string()]
            }
            Spoil::SameTicket if kind == "ok" && said["ticket"].is_number() => {
                let mut first = self.first_claim.lock().await;
                match &*first {
                    None => *first = Some(said),
                    Some(first) => {
                        for field in ["ticket", "seq", "version"] {
                            said[field] = first[field].clone();
                        }
                        return vec![said.to_string()];
                    }
                }
                vec![line]
            }
            Spoil::Acknowledge if hit("ok") => {
                // The right ticket and version, at a seq that belongs to somebody else.
                said["seq"] = (said["seq"].as_u64().unwrap() - 1).into();
                vec![said.to_string()]
            }
            _ => vec![line],
        }
    }

    /// A small answer over HTTP: the version in it goes back by one, without a change of its length.
    fn http(&self, piece: &mut [u8]) {
        if self.spoil != Spoil::OldRead {
            return;
        }
        let Some(place) = memchr::memmem::find(piece, b"\"version\":") else { return };
        if let Some(digit @ b'2'..=b'9') = piece.get_mut(place + 10) {
            *digit = b'0';
        }
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    // Either end takes the other with it.
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

fn text_frame(line: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match line.len() {
        length @ 0..126 => frame.push(length as u8),
        length @ 126..65_536 => {
            frame.push(126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(line.as_bytes());
    frame
}

const SCENARIO: &str = r#"
about = "A short one for the man in the middle."
seconds = 1.2
[desk]
tickets = 40
[[crowd]]
name = "agents"
role = "agent"
count = 3
per_second = 60
mix = { MIX }
[[crowd]]
name = "readers"
role = "reader"
count = 2
"#;

/// Plays the scenario through a man in the middle, on a server of its own.
async fn play(spoil: Spoil, mix: &str) -> Report {
    static LAUNCHER: OnceCell<(Launcher, tempfile::TempDir)> = OnceCell::const_new();
    let make = async || {
        let work = tempfile::tempdir().unwrap();
        (Launcher::new(Some(server_bin()), Some(work.path().to_owned())).unwrap(), work)
    };
    let (launcher, _) = LAUNCHER.get_or_init(make).await;
    let folder = launcher.folder().unwrap();
    let server = launcher.start(folder.path()).await.unwrap();
    let scenario = Scenario::parse(&SCENARIO.replace("MIX", mix)).unwrap();
    let target = server.target();
    let door = Middle::listen(spoil, target.address).await;
    play_through("mutation", &scenario, target, door, None, 7).await.unwrap()
}

/// The server's debug build, where `cargo` puts it.
fn server_bin() -> PathBuf {
    if let Some(bin) = std::env::var_os("HOTDESK_BIN") {
        return bin.into();
    }
    let own = std::env::current_exe().unwrap();
    let bin = own.ancestors().nth(2).unwrap().join("hotdesk");
    assert!(bin.is_file(), "build the server first (`cargo build --bin hotdesk`), or name one in HOTDESK_BIN");
    bin
}

/// The promises that were broken.
fn broken(report: &Report) -> Vec<String> {
    report.proofs.iter().filter(|proof| !proof.holds()).map(|proof| proof.promise.clone()).collect()
}

async fn caught(spoil: Spoil, mix: &str, promise: &str) {
    let report = play(spoil, mix).await;
    let broken = broken(&report);
    assert!(broken.iter().any(|name| name.contains(promise)), "{spoil:?} broke {broken:?}");
    assert!(!report.passed);
}

const WORK: &str = "tags = 4, priority = 1, note = 1";

/// L1: with a true server and a man in the middle who only passes things on, everything holds and everything was looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l1_a_true_server_passes() {
    let report = play(Spoil::Nothing, "tags = 4, claim_next = 2, note = 1, open = 3").await;
    assert_eq!(broken(&report), Vec::<String>::new(), "{:?}", report.proofs);
    assert!(report.figures["shown"] > 50.0 && report.figures["commands.count"] > 20.0);
    for promise in ["every acknowledged", "was shown is in the journal", "nobody was given", "reads hold"] {
        let proof = report.proofs.iter().find(|proof| proof.promise.contains(promise)).unwrap();
        assert!(proof.checked > 0, "{promise} was not looked at");
    }
}

/// L2: a record that one client does not get, gets twice, or gets too early.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l2_lost_repeated_and_swapped_records_are_caught() {
    let order = "in order";
    tokio::join!(
        caught(Spoil::Drop, WORK, order),
        caught(Spoil::Repeat, WORK, order),
        caught(Spoil::Swap, WORK, order)
    );
}

/// L3: a record that is not what the journal has, one that the journal does not have, and a board that is not its records'.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l3_altered_and_invented_records_and_boards_are_caught() {
    tokio::join!(
        caught(Spoil::Alter, WORK, "the same as all others"),
        caught(Spoil::Invent, WORK, "in order"),
        caught(Spoil::Hash, WORK, "board hash")
    );
}

/// L4: one ticket as the answer to two claims, an acknowledgement that the journal does not bear out, a read of the past.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l4_double_claims_wrong_answers_and_old_reads_are_caught() {
    tokio::join!(
        caught(Spoil::SameTicket, "claim_next = 1", "two people"),
        caught(Spoil::Acknowledge, WORK, "every acknowledged command"),
        caught(Spoil::OldRead, "tags = 1, open = 4", "reads hold")
    );
}
