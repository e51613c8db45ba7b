//! The newest records in memory, encoded once, and the positions at which readers stand.
//!
//! The journal's writer publishes here after each durable group; hubs, the queue and the timers read on from their own seq.
//! The ring is bounded in bytes: who stands further back reads the journal instead. Nothing here waits and nothing is
//! dropped that the journal does not have.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use parking_lot::RwLock;
use smallvec::SmallVec;
use tokio::sync::watch;

use crate::domain::apply::apply;
use crate::domain::ids::{Seq, TicketId, UserId, Version};
use crate::domain::record::Record;
use crate::domain::rules::Rules;
use crate::domain::state::TicketState;
use crate::domain::time::Timestamp;
use crate::journal::{Committed, Journal, JournalError, Stored};
use crate::projections::board::ticket_hash;
use crate::projections::queue::RankKey;

/// What begins a record's line on the wire; the rest is the record's JSON without its opening brace.
const LINE_HEAD: &[u8] = b"{\"t\":\"rec\",";

/// One record, ready for the wire, with what decides who gets it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub seq: Seq,
    pub ticket: TicketId,
    /// When it was decided; unknown for what was read back from the journal.
    pub at: Option<Timestamp>,
    /// One line of a text frame, with its line end.
    pub line: Bytes,
    pub routing: Routing,
    /// The board's hash after this record; unknown for what was read back from the journal.
    pub board_hash: Option<u64>,
}

/// Which of the narrow topics a record belongs to. Every record belongs to `board` and to its ticket's own topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    /// The record brings the ticket into the queue, takes it out or changes its rank.
    pub queue: bool,
    /// Whose ticket it is or was, up to this record.
    pub mine: SmallVec<[UserId; 2]>,
}

impl Routing {
    /// Pure: live delivery and a replay from the journal come to the same.
    pub fn of(before: Option<&TicketState>, after: &TicketState, rules: &Rules) -> Self {
        let at = after.ticket.updated_at;
        let rank = |state: &TicketState| RankKey::of(state, rules.promote_after_ms, at);
        let mut mine: SmallVec<[UserId; 2]> = after.background.holders.iter().cloned().collect();
        for holder in before.and_then(|state| state.ticket.assignee.as_ref()).into_iter().chain(&after.ticket.assignee)
        {
            if !mine.contains(holder) {
                mine.push(holder.clone());
            }
        }
        Self { queue: before.and_then(rank) != rank(after), mine }
    }
}

/// The ring and its head.
pub struct Feed {
    ring: RwLock<Ring>,
    head: AtomicU64,
    /// `None` once the server leaves: those who wait for records go empty-handed.
    watch: RwLock<Option<watch::Sender<Seq>>>,
    listeners: RwLock<Vec<Box<dyn Fn() + Send + Sync>>>,
    rules: Arc<Rules>,
}

struct Ring {
    entries: VecDeque<Entry>,
    bytes: usize,
    limit: usize,
    /// The seq before the oldest entry, and the board's hash at it.
    base: Seq,
    base_hash: u64,
    hash: u64,
}

/// What became of a read.
#[derive(Debug, PartialEq, Eq)]
pub enum Reach<T> {
    /// The ring reached back far enough.
    Here(T),
    /// The records after that position are in the journal only.
    TooOld,
}

impl Feed {
    /// A feed that begins at the journal's head, where the board has this hash.
    ///
    /// `watch` follows the head from then on.
    pub fn new(head: Seq, board_hash: u64, limit_bytes: usize, rules: Arc<Rules>, watch: watch::Sender<Seq>) -> Self {
        Self {
            ring: RwLock::new(Ring {
                entries: VecDeque::new(),
                bytes: 0,
                limit: limit_bytes,
                base: head,
                base_hash: board_hash,
                hash: board_hash,
            }),
            head: AtomicU64::new(head.get()),
            watch: RwLock::new(Some(watch)),
            listeners: RwLock::default(),
            rules,
        }
    }

    /// The seq of the newest record.
    pub fn head(&self) -> Seq {
        Seq(self.head.load(Ordering::Acquire))
    }

    /// The server leaves: nobody is told of new records any more, and whoever waits for one stops waiting.
    pub fn leave(&self) {
        self.watch.write().take();
    }

    /// Called after each group, on the writer's thread: it must only leave word.
    pub fn on_more(&self, listener: impl Fn() + Send + Sync + 'static) {
        self.listeners.write().push(Box::new(listener));
    }

    /// Takes a durable group in. Called by the writer thread alone.
    pub fn publish(&self, group: &[Arc<Committed>]) {
        let mut fresh: SmallVec<[Entry; 16]> = SmallVec::new();
        for committed in group {
            for part in &committed.parts {
                let mut before = part.before.clone();
                let last = part.records.len() - 1;
                for (index, (record, stored)) in part.records.iter().zip(&part.stored).enumerate() {
                    let after = if index == last {
                        Arc::clone(&part.after)
                    } else {
                        Arc::new(apply(before.as_deref().cloned(), &record.draft))
                    };
                    fresh.push(Entry {
                        seq: record.seq,
                        ticket: record.ticket,
                        at: Some(record.at),
                        line: line(&stored.json),
                        routing: Routing::of(before.as_deref(), &after, &self.rules),
                        board_hash: Some(hash_change(before.as_deref(), &after)),
                    });
                    before = Some(after);
                }
            }
        }
        let Some(newest) = fresh.last().map(|entry| entry.seq) else { return };
        {
            let mut ring = self.ring.write();
            for mut entry in fresh {
                ring.hash ^= entry.board_hash.unwrap_or_default();
                entry.board_hash = Some(ring.hash);
                ring.push(entry);
            }
        }
        self.head.store(newest.get(), Ordering::Release);
        if let Some(watch) = &*self.watch.read() {
            watch.send_replace(newest);
        }
        for listener in self.listeners.read().iter() {
            listener();
        }
    }

    /// Hands the entries after `after` to `take`, oldest first, until it says stop by returning false.
    pub fn read(&self, after: Seq, mut take: impl FnMut(&Entry) -> bool) -> Reach<()> {
        let ring = self.ring.read();
        if after < ring.base {
            return Reach::TooOld;
        }
        let skip = usize::try_from(after.get() - ring.base.get()).unwrap_or(usize::MAX);
        for entry in ring.entries.iter().skip(skip) {
            if !take(entry) {
                break;
            }
        }
        Reach::Here(())
    }

    /// The board's hash at `seq`, where the ring still knows it.
    pub fn board_hash_at(&self, seq: Seq) -> Option<u64> {
        let ring = self.ring.read();
        if seq == ring.base {
            return Some(ring.base_hash);
        }
        let index = seq.get().checked_sub(ring.base.get() + 1)?;
        ring.entries.get(usize::try_from(index).ok()?)?.board_hash
    }

    /// Memory that the ring holds, in bytes of lines.
    pub fn bytes(&self) -> usize {
        self.ring.read().bytes
    }
}

impl Ring {
    fn push(&mut self, entry: Entry) {
        self.bytes += entry.line.len();
        self.entries.push_back(entry);
        while self.bytes > self.limit && self.entries.len() > 1 {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.line.len();
            self.base = oldest.seq;
            self.base_hash = oldest.board_hash.unwrap_or_default();
        }
    }
}

/// What one record does to the board's hash (XOR).
fn hash_change(before: Option<&TicketState>, after: &TicketState) -> u64 {
    let part = |state: &TicketState| {
        if state.ticket.is_active() { ticket_hash(state.ticket.id, state.ticket.version) } else { 0 }
    };
    before.map_or(0, part) ^ part(after)
}

/// A record's line on the wire, out of its JSON.
pub fn line(json: &Bytes) -> Bytes {
    let mut line = BytesMut::with_capacity(LINE_HEAD.len() + json.len());
    line.extend_from_slice(LINE_HEAD);
    line.extend_from_slice(&json[1..]);
    line.extend_from_slice(b"\n");
    line.freeze()
}

/// Reads records that the ring no longer holds. With `routed`, each ticket's history is replayed so that the narrow topics
/// get exactly what they would have got live; without it (everything is wanted) that work is saved.
pub fn read_back(
    journal: &dyn Journal,
    after: Seq,
    max_records: usize,
    max_bytes: usize,
    routed: Option<&Rules>,
) -> Result<Vec<Entry>, JournalError> {
    let stored = journal.read(after, max_records, max_bytes)?;
    let mut states: std::collections::HashMap<TicketId, TicketState> = std::collections::HashMap::new();
    stored
        .into_iter()
        .map(|stored| {
            let routing = match routed {
                None => Routing::default(),
                Some(rules) => {
                    let record = stored.record()?;
                    let before = match states.remove(&record.ticket) {
                        Some(state) => Some(state),
                        None => replay(journal, record.ticket, record.version)?,
                    };
                    let after = apply(before.clone(), &record.draft);
                    let routing = Routing::of(before.as_ref(), &after, rules);
                    states.insert(record.ticket, after);
                    routing
                }
            };
            Ok(Entry {
                seq: stored.seq,
                ticket: stored.ticket,
                at: None,
                line: line(&stored.json),
                routing,
                board_hash: None,
            })
        })
        .collect()
}

/// The ticket as it was before its record `until`; `None` before the first.
pub fn replay(journal: &dyn Journal, ticket: TicketId, until: Version) -> Result<Option<TicketState>, JournalError> {
    const CHUNK: usize = 256;
    let mut state: Option<TicketState> = None;
    let mut after = Version::ZERO;
    while after.next() < until {
        let records = journal.read_ticket(ticket, after, CHUNK)?;
        let Some(last) = records.last() else { break };
        let reached = last.record()?.version;
        for record in records.iter().map(Stored::record).collect::<Result<Vec<Record>, _>>()? {
            if record.version < until {
                state = Some(apply(state, &record.draft));
            }
        }
        after = reached;
    }
    Ok(state)
}
