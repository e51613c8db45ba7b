//! What was said and shown in a run: every command with its answer, every record and every board hash that anybody saw.
//!
//! Written by all people at once, read when the load is over. It judges only what nobody could judge later: whether two clients
//! were shown the same bytes, and whether a read was older than an answer given before it was asked. The rest is `proof`'s.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{
    AtomicBool, AtomicU64, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::people::deed::{Deed, Known};
use crate::proof::digest;

const SHARDS: usize = 16;
const CHUNK: u64 = 4096;
const KEPT_FAULTS: usize = 30;
/// Tickets that people choose from: the newest ones.
const POOL: usize = 20_000;

/// A command with everything that is needed to send it again.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Command id and `Idempotency-Key`.
    pub id: String,
    pub deed: Deed,
    /// Who sent it: the number of a [`Caller`].
    pub who: usize,
    pub over: Over,
    pub ticket: Option<u64>,
    /// As in `do`; over HTTP its `type` chooses the call.
    pub body: Value,
    /// When the first try went out and when the answer was there.
    pub asked: Duration,
    pub answered: Duration,
    /// It went out more than once, since the line broke or the desk asked for that.
    pub repeated: bool,
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Http,
    Socket,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Acknowledged: its last record has this place.
    Done {
        ticket: u64,
        version: u64,
        seq: u64,
    },
    /// Acknowledged without a record, as `claim_next` of an empty queue is.
    Nothing,
    Refused {
        code: String,
    },
    /// No answer came.
    InDoubt,
}

impl Outcome {
    pub fn title(&self) -> String {
        match self {
            Self::Done { .. } => "acknowledged".to_owned(),
            Self::Nothing => "nothing to do".to_owned(),
            Self::Refused { code } => code.clone(),
            Self::InDoubt => "in doubt".to_owned(),
        }
    }

    /// The desk said: later.
    pub fn is_later(&self) -> bool {
        matches!(self, Self::Refused { code }
            if matches!(code.as_str(), "overloaded" | "unavailable" | "storage_full" | "too_many" | "request_timeout"))
    }

    /// A refusal that the rules of a desk with many people bring about by themselves.
    pub fn is_rule(&self) -> bool {
        matches!(self, Self::Refused { code } if matches!(
            code.as_str(),
            "illegal_move" | "ticket_closed" | "already_claimed" | "not_claimed" | "version_conflict" | "stale_reply"
        ))
    }
}

/// Whoever commands may come from.
#[derive(Clone, Debug)]
pub struct Caller {
    pub token: Arc<str>,
}

#[derive(Debug)]
pub struct Ledger {
    pub began: Instant,
    commands: Mutex<Vec<Sent>>,
    /// Highest version of each ticket that anybody was told.
    floors: Vec<Mutex<HashMap<u64, u64>>>,
    told_seq: AtomicU64,
    newest: AtomicU64,
    /// When each command was due, by id.
    due: Vec<Mutex<HashMap<String, Instant>>>,
    shown: Shown,
    boards: Mutex<BTreeMap<u64, HashMap<String, u64>>>,
    faults: Mutex<BTreeMap<Promise, Faults>>,
    pool: RwLock<Vec<Known>>,
    pub reads: AtomicU64,
    pub open: AtomicU64,
}

/// What is judged while it happens.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Promise {
    /// Records come to each client in order, each once, the same for all.
    Order,
    /// Each client's board has the hash that the desk says.
    Boards,
    /// Reads hold what was acknowledged before.
    Reads,
    /// Who comes back goes on where they stopped.
    Resume,
    /// Every answer is one of the contract.
    Answers,
}

#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub count: u64,
    pub first: Vec<String>,
}

/// One for each seq: the sum of the line that was shown first, and of its fields.
#[derive(Debug, Default)]
struct Shown {
    chunks: RwLock<HashMap<u64, Arc<Vec<Slot>>>>,
    count: AtomicU64,
}

#[derive(Debug, Default)]
struct Slot {
    line: AtomicU64,
    digest: AtomicU64,
    ready: AtomicBool,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            commands: Mutex::default(),
            floors: (0..SHARDS).map(|_| Mutex::default()).collect(),
            told_seq: AtomicU64::new(0),
            newest: AtomicU64::new(0),
            due: (0..SHARDS).map(|_| Mutex::default()).collect(),
            shown: Shown::default(),
            boards: Mutex::default(),
            faults: Mutex::default(),
            pool: RwLock::default(),
            reads: AtomicU64::new(0),
            open: AtomicU64::new(0),
        }
    }
}

impl Ledger {
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// A command goes out, and was due at this moment.
    pub fn goes_out(&self, id: &str, due: Instant) {
        lock(&self.due[shard(id.as_bytes())]).insert(id.to_owned(), due);
        self.open.fetch_add(1, Relaxed);
    }

    /// When a command was due.
    pub fn due(&self, id: &str) -> Option<Instant> {
        lock(&self.due[shard(id.as_bytes())]).get(id).copied()
    }

    /// A command has its last answer, or never will.
    pub fn done(&self, sent: Sent) {
        self.open.fetch_sub(1, Relaxed);
        if let Outcome::Done { ticket, version, seq } = sent.outcome {
            self.told(ticket, version, seq);
            if sent.deed == Deed::Create {
                let subject = sent.body["subject"].as_str().unwrap_or_default();
                let word = subject.rsplit(' ').next().unwrap_or_default().to_owned();
                self.know(Known { ticket, word });
                self.newest.fetch_max(ticket, AcqRel);
            }
        }
        if let Outcome::Refused { code } = &sent.outcome
            && !sent.outcome.is_rule()
            && !sent.outcome.is_later()
        {
            self.fault(Promise::Answers, format!("{} {} was refused with `{code}`", sent.deed.name(), sent.id));
        }
        lock(&self.commands).push(sent);
    }

    pub fn told(&self, ticket: u64, version: u64, seq: u64) {
        let mut floors = lock(&self.floors[ticket as usize % SHARDS]);
        let floor = floors.entry(ticket).or_default();
        *floor = version.max(*floor);
        drop(floors);
        self.told_seq.fetch_max(seq, AcqRel);
    }

    /// The version of a ticket that whoever asks now must find, at least.
    pub fn floor(&self, ticket: u64) -> u64 {
        lock(&self.floors[ticket as usize % SHARDS]).get(&ticket).copied().unwrap_or_default()
    }

    /// The seq that whoever asks now must find, at least.
    pub fn told_seq(&self) -> u64 {
        self.told_seq.load(Acquire)
    }

    /// The newest ticket that anybody was told of.
    pub fn newest(&self) -> u64 {
        self.newest.load(Acquire)
    }

    pub fn know(&self, known: Known) {
        let mut pool = self.pool.write().expect("invariant: nobody panics with the pool in hand");
        if pool.len() >= POOL {
            let place = known.ticket as usize % POOL;
            pool[place] = known;
        } else {
            pool.push(known);
        }
    }

    pub fn any(&self, random: &mut fastrand::Rng) -> Option<Known> {
        let pool = self.pool.read().expect("invariant: nobody panics with the pool in hand");
        if pool.is_empty() { None } else { Some(pool[random.usize(..pool.len())].clone()) }
    }

    /// Somebody was shown a record, as this line.
    pub fn show(&self, seq: u64, line: &[u8]) {
        let sum = xxh3_64(line) | 1;
        let slot = self.shown.slot(seq);
        self.shown.count.fetch_add(1, Relaxed);
        match slot[(seq % CHUNK) as usize].line.compare_exchange(0, sum, AcqRel, Acquire) {
            Ok(_) => {
                let digest = serde_json::from_slice::<Value>(line).map_or(0, |record| digest(&record));
                slot[(seq % CHUNK) as usize].digest.store(digest, Relaxed);
                slot[(seq % CHUNK) as usize].ready.store(true, Release);
            }
            Err(first) if first == sum => {}
            // Other bytes may say the same, after a restart of another build.
            Err(_) => {
                let digest = serde_json::from_slice::<Value>(line).map_or(0, |record| digest(&record));
                let slot = &slot[(seq % CHUNK) as usize];
                if slot.ready.load(Acquire) && slot.digest.load(Relaxed) != digest {
                    self.fault(Promise::Order, format!("two clients were shown different records as seq {seq}"));
                }
            }
        }
    }

    pub fn shown(&self) -> u64 {
        self.shown.count.load(Relaxed)
    }

    /// Sums of the fields of every record that anybody was shown, by seq.
    pub fn digests(&self) -> BTreeMap<u64, u64> {
        let chunks = self.shown.chunks.read().expect("invariant: nobody panics with the chunks in hand");
        let mut all = BTreeMap::new();
        for (chunk, slots) in chunks.iter() {
            for (place, slot) in slots.iter().enumerate() {
                if slot.ready.load(Acquire) {
                    all.insert(chunk * CHUNK + place as u64, slot.digest.load(Relaxed));
                }
            }
        }
        all
    }

    /// Somebody was told the board's hash.
    pub fn board(&self, seq: u64, hash: &str) {
        let mut boards = lock(&self.boards);
        let at = boards.entry(seq).or_default();
        match at.get_mut(hash) {
            Some(times) => *times += 1,
            None => drop(at.insert(hash.to_owned(), 1)),
        }
    }

    pub fn boards(&self) -> BTreeMap<u64, HashMap<String, u64>> {
        lock(&self.boards).clone()
    }

    pub fn fault(&self, promise: Promise, what: impl Into<String>) {
        let mut faults = lock(&self.faults);
        let faults = faults.entry(promise).or_default();
        faults.count += 1;
        if faults.first.len() < KEPT_FAULTS {
            faults.first.push(what.into());
        }
    }

    pub fn faults(&self, promise: Promise) -> Faults {
        lock(&self.faults).get(&promise).cloned().unwrap_or_default()
    }

    pub fn fault_count(&self) -> u64 {
        lock(&self.faults).values().map(|faults| faults.count).sum()
    }

    pub fn take_commands(&self) -> Vec<Sent> {
        std::mem::take(&mut lock(&self.commands))
    }
}

impl Shown {
    fn slot(&self, seq: u64) -> Arc<Vec<Slot>> {
        let chunk = seq / CHUNK;
        if let Some(slots) = self.chunks.read().expect("invariant: nobody panics with the chunks in hand").get(&chunk) {
            return slots.clone();
        }
        let mut chunks = self.chunks.write().expect("invariant: nobody panics with the chunks in hand");
        chunks.entry(chunk).or_insert_with(|| Arc::new((0..CHUNK).map(|_| Slot::default()).collect())).clone()
    }
}

fn shard(id: &[u8]) -> usize {
    // The last characters of a UUID are random, whatever its version.
    id.iter().rev().take(2).fold(0, |sum, byte| sum * 31 + usize::from(*byte)) % SHARDS
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("invariant: nobody panics with the ledger in hand")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seq: u64, tag: &str) -> String {
        format!(
            r#"{{"t":"rec","seq":{seq},"ticket":1,"version":{seq},"at":"x","by":"u","command_id":"c","event":{{"type":"updated"}},"patch":{{"tags":["{tag}"]}}}}"#
        )
    }

    /// S52: what two clients are shown at one seq is one record.
    #[test]
    fn clients_that_are_shown_different_records_are_found() {
        let ledger = Ledger::default();
        ledger.show(5000, record(5000, "a").as_bytes());
        ledger.show(5000, record(5000, "a").as_bytes());
        ledger.show(5000, record(5000, "a").replace("\"seq\":5000,", "\"seq\": 5000, ").as_bytes());
        assert_eq!(ledger.fault_count(), 0, "the same in other bytes is the same");
        ledger.show(5000, record(5000, "b").as_bytes());
        assert_eq!(ledger.faults(Promise::Order).count, 1);
        assert_eq!((ledger.shown(), ledger.digests().len()), (4, 1));
    }

    #[test]
    fn what_anybody_was_told_is_what_everybody_must_find() {
        let ledger = Ledger::default();
        ledger.told(3, 7, 40);
        ledger.told(3, 5, 38);
        assert_eq!((ledger.floor(3), ledger.floor(4), ledger.told_seq()), (7, 0, 40));
    }

    #[test]
    fn only_the_first_faults_are_kept_and_all_are_counted() {
        let ledger = Ledger::default();
        for number in 0..100 {
            ledger.fault(Promise::Reads, number.to_string());
        }
        let faults = ledger.faults(Promise::Reads);
        assert_eq!((faults.count, faults.first.len()), (100, KEPT_FAULTS));
    }
}
