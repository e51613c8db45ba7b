//! The newest records in memory, encoded once, and the positions at which readers stand.
//!
//! The journal's writer publishes here after each durable group; hubs, the queue and the timers read on from their own seq.
//! The ring is bounded in bytes: who stands further back reads the journal instead. Nothing here waits and nothing is
//! dropped that the journal does not have.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use parking_lot::RwLock;
use smallvec::SmallVec;
use tokio::sync::watch;

use crate::domain::apply::apply;
use crate::domain::ids::{Seq, TicketId, UserId, Version};
use crate::domain::permissions::{Audience, Principal, PrivateTeams, Sight};
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
    /// The record took the ticket from one audience to another: this is the one that it left.
    pub left: Option<Audience>,
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
///
/// Whether a record may be sent is asked when it is sent: a ticket is as visible as it is at that moment, its past included.
pub struct Feed {
    ring: RwLock<Ring>,
    head: AtomicU64,
    /// `None` once the server leaves: those who wait for records go empty-handed.
    watch: RwLock<Option<watch::Sender<Seq>>>,
    listeners: RwLock<Vec<Box<dyn Fn() + Send + Sync>>>,
    rules: Arc<Rules>,
    veil: RwLock<Veil>,
    /// Counts the changes of the veil.
    moves: AtomicU64,
}

/// Tickets that lie in private teams, as far as this process has seen them change or was told at the start.
#[derive(Default)]
struct Veil {
    tickets: HashMap<TicketId, Audience>,
    /// For each private team, the hash over its part of the board, as far back as the ring reaches: what somebody sees of
    /// the board is the whole hash without those of the teams that are hidden (XOR).
    hashes: Vec<VecDeque<(Seq, u64)>>,
}

impl Veil {
    fn hash_at(&self, place: usize, seq: Seq) -> u64 {
        let Some(hashes) = self.hashes.get(place) else { return 0 };
        let later = hashes.partition_point(|(at, _)| *at <= seq);
        later.checked_sub(1).and_then(|index| hashes.get(index)).map_or(0, |(_, hash)| *hash)
    }

    fn toggle(&mut self, place: usize, seq: Seq, change: u64) {
        if self.hashes.len() <= place {
            self.hashes.resize_with(place + 1, VecDeque::new);
        }
        let hash = self.hashes[place].back().map_or(0, |(_, hash)| *hash) ^ change;
        self.hashes[place].push_back((seq, hash));
    }

    /// Drops what lies before the ring; the newest of that stays as the base.
    fn forget(&mut self, base: Seq) {
        for hashes in &mut self.hashes {
            while hashes.get(1).is_some_and(|(at, _)| *at <= base) {
                hashes.pop_front();
            }
        }
    }
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
            veil: RwLock::default(),
            moves: AtomicU64::new(0),
        }
    }

    /// Tells at the start which of the active tickets lie in private teams.
    pub fn veil(&self, active: impl Iterator<Item = Arc<TicketState>>) {
        let private = &self.rules.private_teams;
        if private.is_empty() {
            return;
        }
        let base = self.ring.read().base;
        let mut veil = self.veil.write();
        for state in active {
            let ticket = &state.ticket;
            let audience = private.audience(ticket.team.as_deref());
            if let Some(place) = audience.place() {
                veil.tickets.insert(ticket.id, audience);
                veil.toggle(place, base, ticket_hash(ticket.id, ticket.version));
            }
        }
    }

    /// Notes where a ticket lies that was closed before this process began, so that talk about it is kept inside too.
    pub fn note(&self, ticket: TicketId, team: Option<&str>) {
        let audience = self.rules.private_teams.audience(team);
        if !audience.is_everybody() {
            self.veil.write().tickets.entry(ticket).or_insert(audience);
        }
    }

    /// What somebody may see now.
    pub fn sight(&self, principal: &Principal) -> Sight {
        self.rules.private_teams.sight(principal)
    }

    /// Whether a ticket that has records in the ring, is active, or was noted lies in this sight.
    pub fn sees(&self, sight: Sight, ticket: TicketId) -> bool {
        sight.is_whole() || self.veil.read().tickets.get(&ticket).is_none_or(|audience| sight.sees(*audience))
    }

    /// Changes whenever a ticket comes into a private team or leaves one.
    pub fn moves(&self) -> u64 {
        self.moves.load(Ordering::Acquire)
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
        let private = &self.rules.private_teams;
        let audience = |state: &TicketState| private.audience(state.ticket.team.as_deref());
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
                    let left = if private.is_empty() {
                        None
                    } else {
                        self.draw(record.seq, before.as_deref(), &after);
                        before.as_deref().map(audience).filter(|left| *left != audience(&after))
                    };
                    fresh.push(Entry {
                        seq: record.seq,
                        ticket: record.ticket,
                        at: Some(record.at),
                        line: line(&stored.json),
                        routing: Routing::of(before.as_deref(), &after, &self.rules),
                        left,
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
            if !private.is_empty() {
                self.veil.write().forget(ring.base);
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

    /// Moves the veil with a record, before anybody can read the record.
    fn draw(&self, seq: Seq, before: Option<&TicketState>, after: &TicketState) {
        let private = &self.rules.private_teams;
        let was = before.map(|state| private.audience(state.ticket.team.as_deref())).unwrap_or_default();
        let is = private.audience(after.ticket.team.as_deref());
        if was.is_everybody() && is.is_everybody() {
            return;
        }
        let mut veil = self.veil.write();
        let share = |state: &TicketState| {
            if state.ticket.is_active() { ticket_hash(state.ticket.id, state.ticket.version) } else { 0 }
        };
        if let (Some(place), Some(before)) = (was.place(), before) {
            veil.toggle(place, seq, share(before));
        }
        if let Some(place) = is.place() {
            veil.toggle(place, seq, share(after));
            veil.tickets.insert(after.ticket.id, is);
        } else {
            veil.tickets.remove(&after.ticket.id);
        }
        if was != is {
            self.moves.fetch_add(1, Ordering::AcqRel);
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

    /// The tickets that have entries after `after`, each once, and the seq up to which that is so: what a fold of the board's states
    /// looks at again.
    pub fn touched_after(&self, after: Seq) -> Reach<(Seq, HashSet<TicketId>)> {
        let mut touched = HashSet::new();
        let mut upto = after;
        let reach = self.read(after, |entry| {
            touched.insert(entry.ticket);
            upto = entry.seq;
            true
        });
        match reach {
            Reach::Here(()) => Reach::Here((upto, touched)),
            Reach::TooOld => Reach::TooOld,
        }
    }

    /// The hash of what this sight has of the board at `seq`, where the ring still knows it.
    pub fn board_hash_at(&self, seq: Seq, sight: Sight) -> Option<u64> {
        let ring = self.ring.read();
        let whole = if seq == ring.base {
            ring.base_hash
        } else {
            let index = seq.get().checked_sub(ring.base.get() + 1)?;
            ring.entries.get(usize::try_from(index).ok()?)?.board_hash?
        };
        if sight.is_whole() {
            return Some(whole);
        }
        let private = &self.rules.private_teams;
        let veil = self.veil.read();
        let hidden = private.hidden_from(sight);
        let places = hidden.iter().filter_map(|team| private.audience(Some(team)).place());
        Some(places.fold(whole, |hash, place| hash ^ veil.hash_at(place, seq)))
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
    let mut states: HashMap<TicketId, TicketState> = HashMap::new();
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
                left: None,
                board_hash: None,
            })
        })
        .collect()
}

/// Which of these tickets lie outside a sight, by their present state.
pub fn out_of_sight(
    journal: &dyn Journal,
    entries: &[Entry],
    private: &PrivateTeams,
    sight: Sight,
) -> Result<HashSet<TicketId>, JournalError> {
    let mut hidden = HashSet::new();
    if sight.is_whole() {
        return Ok(hidden);
    }
    let tickets: HashSet<TicketId> = entries.iter().map(|entry| entry.ticket).collect();
    for id in tickets {
        let state = journal.state(id)?;
        let is_seen = state.is_some_and(|state| sight.sees(private.audience(state.ticket.team.as_deref())));
        if !is_seen {
            hidden.insert(id);
        }
    }
    Ok(hidden)
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
