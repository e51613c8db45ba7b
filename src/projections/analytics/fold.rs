//! From a record and the ticket before it to facts: the one place that says what counts as what.
//!
//! It keeps of each active ticket what its next facts need, and of the last hour's commands what undo takes back. It knows no
//! clock: time is the records' own. What each fact means is told in [`super::metrics`]. Called by [`super::Analytics`].

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use super::fact::{Dims, Fact, Kind, target_number};
use super::lean::{EventKind, Lean};
use super::names::{Book, Id, NONE};
use super::opening::Opening;
use crate::domain::ids::TicketId;
use crate::domain::message::{Direction, Visibility};
use crate::domain::state::{UNDO_MEMORY_COMMANDS, UNDO_MEMORY_MS};
use crate::domain::ticket::{SlaMetric, Status, TriageDecision, TriageField, TriageState};
use crate::domain::time::Timestamp;

/// A ticket as its next record will find it. Times in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub version: u64,
    pub status: Status,
    pub team: Id,
    pub assignee: Id,
    pub category: Id,
    pub tags: Id,
    pub priority: u8,
    pub channel: u8,
    pub created_at: i64,
    pub responded: bool,
    pub snoozed_until: Option<i64>,
    /// The requester's first message that nobody has answered; as `Background::waiting_since`.
    pub waiting_since: Option<i64>,
    /// In nobody's hands and new or open, since then.
    pub queued_since: Option<i64>,
    /// In somebody's hands and not answered yet, since then.
    pub held_since: Option<i64>,
    pub replies: u32,
    /// Times that it was opened again after being solved, without those that were undone.
    pub reopens: u32,
    /// First response, next response, resolution.
    pub due: [Option<i64>; 3],
    /// Since when these are the due times.
    pub due_since: [i64; 3],
    pub breached: bool,
    /// As `Background::clocks`, as far as figures need them: for each running clock whether its breach is on record.
    clocks: Clocks,
    /// As `Background::clocks_version`.
    clocks_version: u64,
    /// Of each clock, as it was when it last ran: its breach is on record.
    missed: [bool; 3],
    triage: Option<TriageState>,
    last_public: u64,
    recents: Vec<Recent>,
}

/// A command that may yet be undone, and what it counted for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Recent {
    command: u64,
    by: Id,
    at: i64,
    /// Of the command's last record.
    version: u64,
    undone: bool,
    moved_status: bool,
    waiting_since: Option<i64>,
    /// Before the command, like the one above.
    queued_since: Option<i64>,
    held_since: Option<i64>,
    /// Before the command, where it may have moved them.
    clocks: Option<Clocks>,
    facts: Vec<WrittenFact>,
}

/// What one record counts for: rarely more than this.
type Facts = SmallVec<[(Kind, Fact); 8]>;

/// First response, next response, resolution: `None` where the desk owes nothing.
type Clocks = [Option<bool>; 3];

/// A fact as it lies in a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct WrittenFact(Kind, #[serde(with = "fact_bytes")] Fact);

mod fact_bytes {
    //! A fact in the store's own form.

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Fact;

    pub fn serialize<S: Serializer>(fact: &Fact, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(Fact::BYTES);
        fact.write(&mut bytes);
        serializer.serialize_bytes(&bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fact, D::Error> {
        let bytes = Vec::<u8>::deserialize(deserializer)?;
        let bytes = bytes.try_into().map_err(|_| D::Error::custom("a fact has another length"))?;
        Ok(Fact::read(&bytes))
    }
}

/// A record that does not follow what is known of its ticket: its history must be learnt from the journal first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit {
    pub ticket: TicketId,
}

#[derive(Debug)]
pub struct Fold {
    rows: FxHashMap<u64, Row>,
    pub book: Arc<Book>,
    opening: Opening,
    /// When which ticket's commands are too old to be undone, oldest first.
    expiry: VecDeque<(i64, u64)>,
    newest_at: i64,
    /// Nothing is forgotten and nothing is told: a ticket's history is being learnt.
    learning: bool,
}

#[derive(Serialize, Deserialize)]
pub struct WrittenFold {
    rows: Vec<(u64, Row)>,
    book: super::names::WrittenBook,
    expiry: Vec<(i64, u64)>,
    newest_at: i64,
}

impl Fold {
    pub fn new(opening: Opening) -> Self {
        Self {
            rows: FxHashMap::default(),
            book: Arc::default(),
            opening,
            expiry: VecDeque::new(),
            newest_at: i64::MIN,
            learning: false,
        }
    }

    pub fn write(&self) -> WrittenFold {
        WrittenFold {
            rows: self.rows.iter().map(|(id, row)| (*id, row.clone())).collect(),
            book: self.book.write(),
            expiry: self.expiry.iter().copied().collect(),
            newest_at: self.newest_at,
        }
    }

    pub fn read(written: WrittenFold, opening: Opening) -> Self {
        Self {
            rows: written.rows.into_iter().collect(),
            book: Arc::new(Book::read(&written.book)),
            opening,
            expiry: written.expiry.into(),
            newest_at: written.newest_at,
            learning: false,
        }
    }

    /// Tickets that are active, and some that were closed a moment ago.
    pub fn rows(&self) -> impl Iterator<Item = (TicketId, &Row)> {
        self.rows.iter().map(|(id, row)| (TicketId(*id), row))
    }

    pub fn row(&self, ticket: TicketId) -> Option<&Row> {
        self.rows.get(&ticket.get())
    }

    /// Takes one record in and hands out its facts.
    pub fn apply(&mut self, record: &Lean<'_>, tell: &mut impl FnMut(Kind, Fact)) -> Result<(), Misfit> {
        let id = record.ticket.get();
        let misfit = Misfit { ticket: record.ticket };
        let before = match self.rows.remove(&id) {
            Some(row) if row.version + 1 == record.version.get() => Some(row),
            None if record.version.get() == 1 => None,
            _ => return Err(misfit),
        };
        if let (EventKind::Undone, Some(row)) = (record.event.kind, &before)
            && !self.learning
            && self.find(row, record).is_none()
        {
            self.rows.insert(id, before.expect("invariant: it was just looked at"));
            return Err(misfit);
        }
        let after = self.step(before, record, tell);
        self.rows.insert(id, after);
        if !self.learning {
            self.forget(record.at.as_millis(), id);
        }
        Ok(())
    }

    /// Takes in the whole history of one ticket up to before the record that did not fit, telling nobody.
    pub fn learn<'a>(&mut self, ticket: TicketId, history: impl Iterator<Item = Lean<'a>>) {
        self.rows.remove(&ticket.get());
        self.learning = true;
        for record in history {
            if self.apply(&record, &mut |_, _| {}).is_err() {
                break;
            }
        }
        self.learning = false;
    }

    /// Lets go of what cannot be undone any more, and of closed tickets that nothing can open again.
    fn forget(&mut self, at: i64, ticket: u64) {
        self.newest_at = self.newest_at.max(at);
        let row = &self.rows[&ticket];
        let closed = row.status == Status::Closed;
        if closed && row.recents.is_empty() {
            self.rows.remove(&ticket);
        } else if !row.recents.is_empty() && self.expiry.back() != Some(&(at, ticket)) {
            self.expiry.push_back((at, ticket));
        }
        let horizon = self.newest_at.saturating_sub(UNDO_MEMORY_MS);
        while self.expiry.front().is_some_and(|(at, _)| *at < horizon) {
            let Some((_, ticket)) = self.expiry.pop_front() else { break };
            let Some(row) = self.rows.get_mut(&ticket) else { continue };
            row.recents.retain(|recent| recent.at >= horizon);
            if row.recents.is_empty() {
                row.recents.shrink_to_fit();
                if row.status == Status::Closed {
                    self.rows.remove(&ticket);
                }
            }
        }
    }

    /// Which command an `undone` is about; as `Background::find_recent`.
    fn find(&self, row: &Row, record: &Lean<'_>) -> Option<usize> {
        let command = xxh3_64(record.event.command_id.as_ref()?.as_str().as_bytes());
        let by = self.book.agents.find(record.by.as_str()).unwrap_or(NONE);
        row.recents
            .iter()
            .enumerate()
            .filter(|(_, recent)| recent.command == command && !recent.undone)
            .max_by_key(|(index, recent)| (recent.by == by, *index))
            .map(|(index, _)| index)
    }

    fn step(&mut self, before: Option<Row>, record: &Lean<'_>, tell: &mut impl FnMut(Kind, Fact)) -> Row {
        let mut facts = Facts::new();
        let mut after = match &before {
            None => Row::empty(),
            Some(row) => {
                let mut row = row.clone_without_recents();
                row.version = record.version.get();
                row
            }
        };
        self.patch(&mut after, record);
        let by = self.agent(record.by.as_str());
        let step = Step {
            record,
            by,
            by_desk: matches!(record.by.as_str(), "system" | "triage"),
            undo: record.event.kind == EventKind::Undone,
            at: record.at.as_millis(),
        };
        match before {
            None => opened(&mut after, &step, &mut facts),
            Some(mut before) => {
                after.recents = std::mem::take(&mut before.recents);
                self.changed(&before, &mut after, &step, &mut facts);
                if step.undo {
                    self.take_back(&before, &mut after, &step, &mut facts);
                } else {
                    remember(&before, &mut after, &step, &facts);
                }
                if record.patch.sla.is_some() || before.clocks != after.clocks {
                    after.clocks_version = after.version;
                }
                after.note_missed();
                backlog(record.ticket, Some(&before), &after, step.at, &mut facts);
            }
        }
        for (kind, one) in facts {
            tell(kind, one);
        }
        after
    }

    /// The fields that the record changes.
    fn patch(&mut self, row: &mut Row, record: &Lean<'_>) {
        let patch = &record.patch;
        if let Some(status) = patch.status {
            row.status = status;
        }
        if let Some(priority) = patch.priority {
            row.priority = priority as u8;
        }
        if let Some(channel) = patch.channel {
            row.channel = channel as u8;
        }
        if let Some(team) = &patch.team {
            row.team = team.as_ref().map_or(NONE, |team| self.team(team.as_str()));
        }
        if let Some(category) = &patch.category {
            row.category = category.as_ref().map_or(NONE, |category| self.category(category.as_str()));
        }
        if let Some(assignee) = &patch.assignee {
            row.assignee = assignee.as_ref().map_or(NONE, |assignee| self.agent(assignee.as_str()));
        }
        if let Some(tags) = &patch.tags {
            let book = Arc::make_mut(&mut self.book);
            let tags: Vec<Id> = tags.iter().map(|tag| book.tags.id(tag.as_str())).collect();
            row.tags = book.tag_sets.id(&tags);
        }
        if let Some(at) = patch.created_at {
            row.created_at = at.as_millis();
        }
        if let Some(at) = patch.first_responded_at {
            row.responded = at.is_some();
        }
        if let Some(until) = patch.snoozed_until {
            row.snoozed_until = until.map(Timestamp::as_millis);
        }
        if let Some(sla) = &patch.sla {
            let due = [sla.first_response_due, sla.next_response_due, sla.resolution_due];
            let due = due.map(|due| due.map(Timestamp::as_millis));
            for ((since, was), is) in row.due_since.iter_mut().zip(row.due).zip(due) {
                if was != is {
                    *since = record.at.as_millis();
                }
            }
            row.due = due;
            row.breached = sla.breached;
        }
        if let Some(triage) = &patch.triage {
            row.triage = triage.as_ref().map(|triage| triage.state);
        }
    }

    fn changed(&mut self, before: &Row, after: &mut Row, step: &Step<'_>, facts: &mut Facts) {
        let (at, by) = (step.at, step.by);
        let event = &step.record.event;
        let message = event.message.filter(|_| event.kind == EventKind::MessageAdded);
        let public = message.filter(|message| message.visibility == Visibility::Public);
        let reply = public.is_some_and(|message| message.direction == Direction::Outbound) && !step.by_desk;
        let inbound = public.is_some_and(|message| message.direction == Direction::Inbound);
        after.replies += u32::from(reply);
        let holder = if after.assignee == NONE { by } else { after.assignee };

        let plain = match event.kind {
            EventKind::MessageAdded if message.is_some() && public.is_none() => Some((Kind::Note, by)),
            EventKind::MessageAdded if reply => Some((Kind::Reply, by)),
            EventKind::MessageAdded if inbound => Some((Kind::CustomerMessage, holder)),
            EventKind::Claimed => Some((Kind::Claim, by)),
            EventKind::Released => Some((Kind::Release, before.assignee)),
            EventKind::Skipped => Some((Kind::Skip, by)),
            EventKind::Merged => Some((Kind::Merged, by)),
            EventKind::Undone => Some((Kind::Undo, by)),
            _ => None,
        };
        if let Some((kind, agent)) = plain {
            facts.push((kind, fact(step, after, agent, at)));
        }
        if let Some(target) = event.metric.map(target_number) {
            let kind = match event.kind {
                EventKind::SlaBreached => Some(Kind::SlaBreached),
                EventKind::SlaFulfilled => (!before.missed[usize::from(target)]).then_some(Kind::SlaMet),
                _ => None,
            };
            if let Some(kind) = kind {
                facts.push((kind, promised(before, after, step, target, holder)));
            }
        }
        if step.record.patch.sla.is_some() {
            let ended = event.metric.map(target_number).filter(|_| event.kind == EventKind::SlaFulfilled);
            for target in (0..3).filter(|target| Some(*target) != ended) {
                let due = before.due[usize::from(target)];
                if due.is_some_and(|due| due > at) && after.due[usize::from(target)] != due {
                    facts.push((Kind::SlaMoved, promised(before, after, step, target, holder)));
                }
            }
        }
        if !step.undo {
            self.moves(before, after, step, facts, holder);
            self.spans(before, after, step, facts, reply);
        }
        follow(before, after, step, reply, inbound);
    }

    /// Changes of status, hands, and proposals.
    fn moves(&mut self, before: &Row, after: &mut Row, step: &Step<'_>, facts: &mut Facts, holder: Id) {
        let (at, by) = (step.at, step.by);
        let other = |was: Id, is: Id| was != is && was != NONE && is != NONE;
        if other(before.team, after.team) || other(before.assignee, after.assignee) {
            facts.push((Kind::Transfer, fact(step, after, by, at)));
        }
        if before.status != Status::Solved && after.status == Status::Solved {
            let solved = step.record.patch.solved_at.flatten().map_or(at, Timestamp::as_millis);
            let one = self.timed(step, after, holder, solved, before.created_at);
            facts.push((Kind::Solved, one));
            if after.replies <= 1 && after.reopens == 0 {
                facts.push((Kind::OneTouch, Fact { value: 0, business: 0, ..one }));
            }
        }
        if before.status == Status::Solved && after.is_unsolved() {
            after.reopens += 1;
            facts.push((Kind::Reopened, fact(step, after, holder, at)));
        }
        if before.status != Status::Closed && after.status == Status::Closed {
            facts.push((Kind::Closed, fact(step, after, holder, at)));
        }
        if before.triage != after.triage {
            let kind = match after.triage {
                Some(TriageState::Proposed) => Some(Kind::AiProposed),
                Some(TriageState::Untriaged) => Some(Kind::AiFailed),
                _ => None,
            };
            if let Some(kind) = kind {
                facts.push((kind, fact(step, after, by, at)));
            }
        }
        let decided = step.record.event.decided.unwrap_or_default();
        for decision in TriageField::ALL.into_iter().filter_map(|field| decided.get(field)) {
            let kind = match decision {
                TriageDecision::Accepted => Kind::AiAccepted,
                TriageDecision::Edited => Kind::AiEdited,
                TriageDecision::Rejected => Kind::AiRejected,
            };
            facts.push((kind, fact(step, after, by, at)));
        }
    }

    /// What took time and is over with this record.
    fn spans(&mut self, before: &Row, after: &mut Row, step: &Step<'_>, facts: &mut Facts, reply: bool) {
        let (at, by) = (step.at, step.by);
        if !before.responded
            && let Some(responded) = step.record.patch.first_responded_at.flatten()
        {
            facts.push((Kind::FirstResponse, self.timed(step, after, by, responded.as_millis(), before.created_at)));
        } else if reply
            && before.responded
            && let Some(since) = before.waiting_since
        {
            facts.push((Kind::NextResponse, self.timed(step, after, by, at, since)));
        }
        if before.assignee == NONE
            && after.assignee != NONE
            && let Some(since) = before.queued_since
        {
            // A snooze is not waiting: what counts begins where it ended.
            let since = before.snoozed_until.filter(|until| *until <= at).map_or(since, |until| until.max(since));
            facts.push((Kind::Wait, self.timed(step, after, after.assignee, at, since)));
        }
        let let_go = before.assignee != after.assignee;
        if let Some(since) = before.held_since
            && (let_go || reply || !after.is_unsolved())
        {
            facts.push((Kind::Handled, self.timed(step, after, before.assignee, at, since)));
        }
    }

    /// An undone command never counted.
    fn take_back(&mut self, before: &Row, after: &mut Row, step: &Step<'_>, facts: &mut Facts) {
        let Some(index) = self.find(after, step.record) else { return };
        let recent = &mut after.recents[index];
        recent.undone = true;
        let counted = std::mem::take(&mut recent.facts);
        let (moved, version, waiting) = (recent.moved_status, recent.version, recent.waiting_since);
        let clocks = recent.clocks;
        let (queued, held) = (recent.queued_since, recent.held_since);
        if after.is_queued() && !before.is_queued() {
            after.queued_since = queued.or(after.queued_since);
        }
        let other_hands = before.assignee != after.assignee || !before.is_unsolved();
        if other_hands && after.assignee != NONE && after.is_unsolved() && after.last_public <= version {
            after.held_since = held;
        }
        if moved && after.last_public <= version {
            after.waiting_since = waiting;
        }
        if let Some(clocks) = clocks
            && after.clocks_version <= version
        {
            after.clocks = clocks;
        }
        for WrittenFact(kind, fact) in counted {
            after.reopens -= u32::from(kind == Kind::Reopened);
            facts.push((kind, fact.taken_back()));
        }
    }

    fn timed(&mut self, step: &Step<'_>, row: &Row, agent: Id, at: i64, since: i64) -> Fact {
        let value = at.saturating_sub(since).max(0);
        let business = self.opening.between(since, at);
        Fact { value, business, ..fact(step, row, agent, at) }
    }

    fn team(&mut self, name: &str) -> Id {
        match self.book.teams.find(name) {
            Some(id) => id,
            None => Arc::make_mut(&mut self.book).teams.id(name),
        }
    }

    fn category(&mut self, name: &str) -> Id {
        match self.book.categories.find(name) {
            Some(id) => id,
            None => Arc::make_mut(&mut self.book).categories.id(name),
        }
    }

    fn agent(&mut self, name: &str) -> Id {
        match self.book.agents.find(name) {
            Some(id) => id,
            None => Arc::make_mut(&mut self.book).agents.id(name),
        }
    }
}

struct Step<'a> {
    record: &'a Lean<'a>,
    by: Id,
    by_desk: bool,
    undo: bool,
    at: i64,
}

/// A ticket's first record.
fn opened(after: &mut Row, step: &Step<'_>, facts: &mut Facts) {
    after.version = step.record.version.get();
    let created = after.created_at;
    let inbound = step.record.event.message.is_some_and(|message| message.direction == Direction::Inbound);
    after.waiting_since = (inbound && after.is_unsolved()).then_some(step.at);
    if step.record.event.message.is_some_and(|message| message.visibility == Visibility::Public) {
        after.last_public = after.version;
    }
    after.queued_since = after.is_queued().then_some(created);
    after.held_since = (after.assignee != NONE).then_some(created);
    after.clocks_version = after.version;
    if after.is_unsolved() {
        after.clocks = [(!after.responded).then_some(false), None, Some(false)];
    }
    facts.push((Kind::Created, fact(step, after, after.assignee, created)));
    backlog(step.record.ticket, None, after, created, facts);
}

/// What the next record will need to know.
fn follow(before: &Row, after: &mut Row, step: &Step<'_>, reply: bool, inbound: bool) {
    let at = step.at;
    if step.record.event.kind == EventKind::MessageAdded
        && step.record.event.message.is_some_and(|message| message.visibility == Visibility::Public)
    {
        after.last_public = after.version;
    }
    if inbound {
        after.waiting_since.get_or_insert(at);
    } else if reply {
        after.waiting_since = None;
    }
    if !after.is_unsolved() {
        after.waiting_since = None;
    }
    follow_clocks(before, after, step, reply, inbound);
    after.queued_since = if after.is_queued() { before.queued_since.or(Some(at)) } else { None };
    if before.assignee != after.assignee {
        after.held_since = (after.assignee != NONE && !reply && after.is_unsolved()).then_some(at);
    } else if reply || !after.is_unsolved() {
        after.held_since = None;
    }
}

/// As the domain's `fold_clocks`.
fn follow_clocks(before: &Row, after: &mut Row, step: &Step<'_>, reply: bool, inbound: bool) {
    if !after.is_unsolved() {
        after.clocks = Clocks::default();
        return;
    }
    if !before.is_unsolved() {
        after.clocks[2] = Some(false);
        after.clocks[0] = (!after.responded).then_some(false);
    }
    if inbound && before.responded {
        after.clocks[1].get_or_insert(false);
    } else if reply {
        after.clocks[0] = None;
        after.clocks[1] = None;
    }
    if step.record.event.kind == EventKind::SlaBreached
        && let Some(target) = step.record.event.metric.map(target_number)
        && let Some(missed) = &mut after.clocks[usize::from(target)]
    {
        *missed = true;
    }
}

fn fact(step: &Step<'_>, row: &Row, agent: Id, at: i64) -> Fact {
    let dims = Dims { agent, ..row.dims() };
    Fact { at, ticket: step.record.ticket.get(), value: 0, business: 0, dims, weight: 1 }
}

/// What became of a target: with how much was left until it was due, and how long before that its due time was known.
fn promised(before: &Row, after: &Row, step: &Step<'_>, target: u8, holder: Id) -> Fact {
    let mut one = fact(step, after, holder, step.at);
    one.dims.detail = target;
    let target = usize::from(target);
    if let Some(due) = before.due[target] {
        one.value = due.saturating_sub(step.at);
        one.business = due.saturating_sub(before.due_since[target]).max(0);
    }
    one
}

/// Keeps what an undo of this record's command would take back. What the desk did and what has no inverse needs no keeping.
fn remember(before: &Row, after: &mut Row, step: &Step<'_>, facts: &[(Kind, Fact)]) {
    let record = step.record;
    let command = xxh3_64(record.command_id.as_str().as_bytes());
    let at = step.at;
    let facts = || facts.iter().map(|(kind, fact)| WrittenFact(*kind, *fact));
    if let Some(last) = after.recents.last_mut()
        && last.command == command
        && last.by == step.by
        && last.version + 1 == record.version.get()
    {
        last.version = record.version.get();
        last.moved_status |= record.patch.status.is_some();
        last.facts.extend(facts());
        return;
    }
    let undoable = match record.event.kind {
        EventKind::Updated
        | EventKind::Claimed
        | EventKind::Skipped
        | EventKind::Merged
        | EventKind::MergedIn
        | EventKind::Linked
        | EventKind::Unlinked => true,
        EventKind::Released => record.event.vanished.is_none(),
        EventKind::TriageChanged => {
            record.event.applied.is_some() || record.event.decided.is_some_and(|decided| !decided.is_empty())
        }
        _ => false,
    };
    // Of what the desk does only the fields that triage set by itself can be taken back.
    if !undoable || (step.by_desk && record.event.applied.is_none()) {
        return;
    }
    after.recents.retain(|recent| at.saturating_sub(recent.at) <= UNDO_MEMORY_MS);
    if after.recents.len() >= UNDO_MEMORY_COMMANDS {
        after.recents.remove(0);
    }
    let remembers = record.patch.status.is_some() || record.patch.sla.is_some();
    after.recents.push(Recent {
        command,
        by: step.by,
        at,
        version: record.version.get(),
        undone: false,
        moved_status: record.patch.status.is_some(),
        waiting_since: before.waiting_since.filter(|_| remembers),
        queued_since: before.queued_since,
        held_since: before.held_since,
        clocks: remembers.then_some(before.clocks),
        facts: facts().collect(),
    });
}

/// The change of the backlog: out of one cell and into another.
fn backlog(ticket: TicketId, before: Option<&Row>, after: &Row, at: i64, facts: &mut Facts) {
    let cell = |row: &Row| row.is_unsolved().then(|| Dims { detail: row.status as u8, ..row.dims() });
    let (from, to) = (before.and_then(cell), cell(after));
    if from == to {
        return;
    }
    for (dims, weight) in [(from, -1), (to, 1)] {
        if let Some(dims) = dims {
            facts.push((Kind::Backlog, Fact { at, ticket: ticket.get(), value: 0, business: 0, dims, weight }));
        }
    }
}

impl Row {
    fn empty() -> Self {
        Self {
            version: 0,
            status: Status::New,
            team: NONE,
            assignee: NONE,
            category: NONE,
            tags: NONE,
            priority: 0,
            channel: 0,
            created_at: 0,
            responded: false,
            snoozed_until: None,
            waiting_since: None,
            queued_since: None,
            held_since: None,
            replies: 0,
            reopens: 0,
            due: [None; 3],
            due_since: [0; 3],
            breached: false,
            clocks: Clocks::default(),
            clocks_version: 0,
            missed: [false; 3],
            triage: None,
            last_public: 0,
            recents: Vec::new(),
        }
    }

    fn clone_without_recents(&self) -> Self {
        Self { recents: Vec::new(), ..*self }
    }

    pub fn dims(&self) -> Dims {
        Dims {
            team: self.team,
            agent: self.assignee,
            category: self.category,
            tags: self.tags,
            priority: self.priority,
            channel: self.channel,
            detail: 0,
        }
    }

    fn note_missed(&mut self) {
        for (missed, clock) in self.missed.iter_mut().zip(self.clocks) {
            *missed = clock.unwrap_or(*missed);
        }
    }

    /// The desk owes something: neither solved nor closed.
    pub fn is_unsolved(&self) -> bool {
        !matches!(self.status, Status::Solved | Status::Closed)
    }

    /// Nobody's, and new or open. Whether it is snoozed depends on the time.
    pub fn is_queued(&self) -> bool {
        self.assignee == NONE && matches!(self.status, Status::New | Status::Open)
    }

    /// The next moment at which a target is missed.
    pub fn next_due(&self) -> Option<i64> {
        SlaMetric::ALL.iter().filter_map(|metric| self.due[usize::from(target_number(*metric))]).min()
    }
}
