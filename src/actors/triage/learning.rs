//! What people teach triage: corrections are learned one after the other, solved tickets are remembered, the learner is made anew in
//! the background, and all of it is kept with the desk. At a start the past is read in the background, the newest first in mind.
//!
//! Lessons have a place of their own in the journal: what was learnt up to there, and no further, is what a file says. From there they
//! are found again after any end of triage, in the journal where the feed is not asked. The figures know their own place as well.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::mem::{Discriminant, discriminant};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::fut::wrap_future;
use actix::{ActorFutureExt, AsyncContext, Context};
use serde::{Deserialize, Serialize};

use super::Triage;
use super::is_of_interest;
use super::shared::{Shared, categories};
use crate::actors::directory::Core;
use crate::domain::event::Event;
use crate::domain::ids::{Seq, TicketId, Version};
use crate::domain::record::Record;
use crate::domain::state::TicketState;
use crate::domain::ticket::{Guess, Priority, Status, Ticket, TriageSource};
use crate::journal::{Aside, JournalError, whole_file};
use crate::protocol::problem::Problem;
use crate::protocol::reading::Reading;
use crate::triage::figures::Figures;
use crate::triage::groups::Newcomer;
use crate::triage::mind::Mind;

const FIGURES: &str = "triage/figures";
const FILE: &str = "learned";
/// While so many lessons wait, no further record is looked at: the others wait in the journal.
const LESSONS: usize = 10_000;
/// Of a tick, learning takes so much: whoever sets many fields at once is learned from a little later, and nobody feels it.
const TICK_SHARE: Duration = Duration::from_millis(5);
/// Lessons after which what was learnt is written down.
const KEEP_AFTER: usize = 100;
/// Of the past, so many records are gone through at a start; what is older is judged by the tickets as they stand.
const RECORDS_BACK: u64 = 200_000;
/// Records that are read from the journal at once.
const READ_RECORDS: usize = 200;
const READ_BYTES: usize = 1 << 20;
/// Tickets looked at for solved ones, for each that may be kept.
const LOOKED_AT: usize = 5;
const CHUNK: usize = 32;
/// Between two chunks, so that reading the past is never felt.
const PAUSE: Duration = Duration::from_millis(3);
/// Recent tickets that newcomers are compared with at first.
const RECENT: usize = 500;

/// What was known when the desk stopped.
pub struct Kept {
    pub mind: Mind,
    pub counted: Counted,
    /// Up to where it was learnt; `None` when there was nothing.
    pub upto: Option<Seq>,
}

/// The figures, and which records are in them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Counted {
    pub figures: Figures,
    upto: Seq,
    /// Of lessons, those up to here were compared with what the learner would have said.
    compared: Option<Seq>,
}

impl Counted {
    fn none() -> Self {
        Self { figures: Figures::default(), upto: Seq::ZERO, compared: None }
    }

    /// A record, once; `after` is its ticket, where it is still to be had.
    fn fold(&mut self, record: &Record, after: Option<&Ticket>) {
        if record.seq > self.upto {
            self.upto = record.seq;
            if let Some(after) = after {
                self.figures.fold(record, after);
            }
        }
    }

    /// Up to here there was nothing else to count.
    fn seen(&mut self, upto: Seq) {
        self.upto = self.upto.max(upto);
    }

    fn compare(&mut self, seq: Seq, guess: &Guess<String>, kept: &str) {
        if self.compared.is_none_or(|compared| seq > compared) {
            self.compared = Some(seq);
            self.figures.compare(TriageSource::Learner, guess, kept);
        }
    }
}

impl Kept {
    pub fn read(core: &Core, folder: Option<&Path>) -> Result<Self, JournalError> {
        let similar = core.config.triage.similar_tickets;
        let file = folder.map(|folder| folder.join(FILE)).filter(|file| file.exists());
        let mut upto = None;
        let mut mind = None;
        if let Some(file) = file {
            match fs::read(&file).map_err(|error| error.to_string()).and_then(|bytes| {
                let (head, rest) = bytes.split_first_chunk::<8>().ok_or("it is too short")?;
                let mind = Mind::from_bytes(rest, categories(core), similar).map_err(|error| error.to_string())?;
                Ok((Seq(u64::from_le_bytes(*head)), mind))
            }) {
                Ok((seq, read)) if seq <= core.journal.head().seq => (upto, mind) = (Some(seq), Some(read)),
                Ok(_) => {
                    tracing::warn!("what triage had learnt belongs to a longer journal; it learns anew from this one");
                }
                Err(error) => {
                    tracing::warn!(%error, "what triage had learnt cannot be read; it learns anew from the journal");
                }
            }
        }
        let head = core.journal.head().seq;
        let kept = core.journal.aside(FIGURES)?;
        let counted = kept.and_then(|bytes| serde_json::from_slice::<Counted>(&bytes).ok());
        let mut counted = counted.filter(|kept| kept.upto <= head).unwrap_or_else(Counted::none);
        counted.compared.get_or_insert(counted.upto);
        counted.seen(back(head));
        Ok(Self { mind: mind.unwrap_or_else(|| Mind::new(categories(core), similar)), counted, upto })
    }
}

/// What is older than this is not gone through again.
pub fn back(head: Seq) -> Seq {
    Seq(head.get().saturating_sub(RECORDS_BACK))
}

/// Writes down how often it was right and what was learnt, each with the place up to which it knows the journal.
pub async fn keep(shared: &Arc<Shared>) {
    let counted = serde_json::to_vec(&*shared.counted.lock()).expect("invariant: figures are JSON");
    shared.put_asides(vec![Aside { key: FIGURES.to_owned(), value: Some(counted.into()) }]).await;
    let Some(folder) = shared.folder.clone() else { return };
    if !shared.gauges.taught.load(Ordering::Acquire) {
        // A file says that the past is in it. The next start reads it again.
        return;
    }
    let shared = Arc::clone(shared);
    let written = actix_rt::task::spawn_blocking(move || {
        // The place first: what is learnt meanwhile is learnt once more.
        let upto = shared.learnt();
        let bytes = [upto.get().to_le_bytes().as_slice(), &shared.mind.to_bytes()].concat();
        fs::create_dir_all(&folder)?;
        whole_file::put(&folder.join(FILE), &bytes)
    });
    match written.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "what triage learnt could not be written"),
        Err(error) => tracing::error!(%error, "what triage learnt could not be written"),
    }
}

/// One thing to learn.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Lesson {
    Category(TicketId, String),
    Priority(TicketId, Priority),
    Solved(TicketId),
}

impl Lesson {
    fn ticket(&self) -> TicketId {
        self.subject().1
    }

    /// What it is about. Of two about the same, only the later one is worth learning.
    fn subject(&self) -> (Discriminant<Self>, TicketId) {
        let (Self::Category(ticket, _) | Self::Priority(ticket, _) | Self::Solved(ticket)) = self;
        (discriminant(self), *ticket)
    }
}

/// Lessons that wait, in the order in which their subjects came up.
#[derive(Default)]
struct Lined {
    /// With the record that brought the subject up first.
    line: VecDeque<(Discriminant<Lesson>, TicketId, Seq)>,
    lessons: HashMap<(Discriminant<Lesson>, TicketId), Taught>,
}

/// A lesson and the record that it came with.
#[derive(Debug, PartialEq, Eq)]
struct Taught {
    seq: Seq,
    lesson: Lesson,
}

impl Lined {
    fn push(&mut self, seq: Seq, lesson: Lesson) {
        let subject = lesson.subject();
        if self.lessons.insert(subject, Taught { seq, lesson }).is_none() {
            self.line.push_back((subject.0, subject.1, seq));
        }
    }

    /// The next one, and since which record its subject waits.
    fn pop(&mut self) -> Option<(Seq, Taught)> {
        let (kind, ticket, since) = self.line.pop_front()?;
        let taught = self.lessons.remove(&(kind, ticket)).expect("invariant: what is in the line has its lesson");
        Some((since, taught))
    }

    /// The first record of which something waits.
    fn since(&self) -> Option<Seq> {
        self.line.front().map(|(_, _, since)| *since)
    }

    fn len(&self) -> usize {
        self.line.len()
    }
}

/// The lessons that a record has.
fn lessons_of(record: &Record) -> Vec<Lesson> {
    let ticket = record.ticket;
    let mut found = Vec::new();
    let by_person = !record.by.is_desk();
    let set = match &record.event {
        Event::Updated { changes, .. } => Some(changes),
        Event::TriageChanged { applied, .. } => applied.as_ref(),
        _ => None,
    };
    if by_person {
        if let Some(changes) = set {
            if let Some(Some(category)) = &changes.category {
                found.push(Lesson::Category(ticket, category.clone()));
            }
            found.extend(changes.priority.map(|priority| Lesson::Priority(ticket, priority)));
        }
        // What was accepted as it stood already is confirmed.
        if let Event::TriageChanged { triage, decided, .. } = &record.event {
            let confirmed = |decision| decision == Some(crate::domain::ticket::TriageDecision::Accepted);
            if let Some(guess) = triage.category.as_ref().filter(|_| confirmed(decided.category)) {
                let lesson = Lesson::Category(ticket, guess.value.clone());
                if !found.contains(&lesson) {
                    found.push(lesson);
                }
            }
        }
        if let (Event::Undone { .. }, Some(Some(category))) = (&record.event, &record.patch.category) {
            found.push(Lesson::Category(ticket, category.clone()));
        }
    }
    // Who sees a solved ticket's tags follows it to another team.
    if matches!(record.patch.status, Some(Status::Solved)) || has_moved(record) {
        found.push(Lesson::Solved(ticket));
    }
    found
}

pub struct Lessons {
    shared: Arc<Shared>,
    /// What was learnt before is not looked at for lessons, if perhaps for figures.
    from: Seq,
    /// Records up to this one were looked at.
    read: Seq,
    reading: bool,
    waiting: Lined,
    /// Since which record the one that is being learnt waited.
    learning: Option<Seq>,
    since_kept: usize,
    keeping: bool,
}

/// A record and its ticket, where it matters and is to be had.
type Past = Vec<(Record, Option<Arc<TicketState>>)>;

impl Lessons {
    /// Goes on where the last one of this process, or of the one before, had got to.
    pub fn new(shared: Arc<Shared>) -> Self {
        let from = shared.learnt();
        let read = from.min(shared.counted.lock().upto);
        Self {
            shared,
            from,
            read,
            reading: false,
            waiting: Lined::default(),
            learning: None,
            since_kept: 0,
            keeping: false,
        }
    }

    /// With what is still to be read of the records up to this one.
    pub fn under_way(&self, applied: Seq) -> usize {
        let unread = self.read < applied && !is_stopping(&self.shared);
        usize::from(self.learning.is_some()) + self.waiting.len() + usize::from(unread)
    }

    /// Everything up to here was learnt.
    pub fn learnt(&self) -> Seq {
        let open = self.learning.or_else(|| self.waiting.since());
        open.map_or(self.read.max(self.from), |since| Seq(since.get().saturating_sub(1)))
    }

    /// Whether records after this one come next. Where they do not, they are found in the journal.
    pub fn follows(&self, after: Seq) -> bool {
        self.read == after && !self.reading && self.has_room()
    }

    fn has_room(&self) -> bool {
        self.waiting.len() < LESSONS && !is_stopping(&self.shared)
    }

    /// A record that comes next.
    pub fn note(&mut self, record: &Record) {
        let state = self.shared.core.on_board(record.ticket);
        self.take(record, state.as_ref().map(|state| &state.ticket));
    }

    /// Up to here there was nothing else of interest.
    pub fn seen(&mut self, upto: Seq) {
        self.read = upto;
        self.shared.counted.lock().seen(upto);
    }

    fn take(&mut self, record: &Record, after: Option<&Ticket>) {
        let shared = &self.shared;
        shared.counted.lock().fold(record, after);
        if record.seq <= self.from {
            return;
        }
        // Who is solved of those is told by the tickets as they stand.
        let is_remembered = record.seq <= shared.past;
        let opened_again = matches!(record.patch.solved_at, Some(None));
        if !is_remembered && (opened_again || has_moved(record) || matches!(record.event, Event::Merged { .. })) {
            shared.mind.forget(record.ticket);
        }
        for lesson in lessons_of(record) {
            if !(is_remembered && matches!(lesson, Lesson::Solved(_))) {
                self.waiting.push(record.seq, lesson);
            }
        }
    }

    /// Reads on in the journal: after a start, after this actor's death, and where the feed was faster.
    fn read_on(&mut self, until: Seq, ctx: &mut Context<Triage>) {
        if self.reading || self.read >= until || !self.has_room() {
            return;
        }
        self.reading = true;
        let (shared, after) = (Arc::clone(&self.shared), self.read);
        let work = async move {
            tokio::time::sleep(PAUSE).await;
            read_past(&shared, after, until).await
        };
        ctx.spawn(wrap_future::<_, Triage>(work).map(|read, triage, ctx| {
            let lessons = &mut triage.lessons;
            lessons.reading = false;
            match read {
                Ok((upto, past)) => {
                    for (record, state) in past {
                        lessons.take(&record, state.as_ref().map(|state| &state.ticket));
                    }
                    lessons.seen(upto);
                    lessons.read_on(triage.applied, ctx);
                }
                Err(problem) => {
                    tracing::warn!(code = problem.code.wire(), "triage could not read what it missed; it tries again");
                }
            }
        }));
    }

    /// Learns some, and makes the learner anew when it is time.
    pub fn go_on(&mut self, applied: Seq, ctx: &mut Context<Triage>) {
        self.read_on(applied, ctx);
        if self.learning.is_none() {
            self.learn_some(Instant::now() + TICK_SHARE, ctx);
        }
        if is_stopping(&self.shared) {
            return;
        }
        let gauges = &self.shared.gauges;
        if self.shared.mind.since_refit() >= self.shared.settings().refit_after
            && !gauges.refitting.swap(true, Ordering::Relaxed)
        {
            let shared = Arc::clone(&self.shared);
            actix_rt::spawn(async move {
                refit(&shared).await;
                keep(&shared).await;
            });
        } else if self.since_kept >= KEEP_AFTER && !self.keeping && self.waiting.len() == 0 {
            (self.since_kept, self.keeping) = (0, true);
            let shared = Arc::clone(&self.shared);
            let work = async move { keep(&shared).await };
            ctx.spawn(wrap_future::<_, Triage>(work).map(|(), triage, _| triage.lessons.keeping = false));
        }
    }

    /// One lesson after the other, in the order in which they came, until then.
    fn learn_some(&mut self, until: Instant, ctx: &mut Context<Triage>) {
        let Some((since, Taught { seq, lesson })) = self.waiting.pop() else { return };
        self.learning = Some(since);
        let shared = Arc::clone(&self.shared);
        let work = async move {
            let ticket = lesson.ticket();
            if let Err(problem) = learn(&shared, seq, lesson).await {
                tracing::warn!(%ticket, code = problem.code.wire(), "triage could not learn from a ticket");
            }
        };
        ctx.spawn(wrap_future::<_, Triage>(work).map(move |(), triage, ctx| {
            let lessons = &mut triage.lessons;
            lessons.learning = None;
            lessons.since_kept += 1;
            // While the desk stops it waits for this and for nothing else.
            if Instant::now() < until || is_stopping(&lessons.shared) {
                lessons.learn_some(until, ctx);
            }
        }));
    }
}

async fn refit(shared: &Arc<Shared>) {
    let mind = Arc::clone(shared);
    let work = actix_rt::task::spawn_blocking(move || {
        mind.mind.refit();
    });
    if let Err(error) = work.await {
        tracing::error!(%error, "the learner could not be made anew");
    }
    shared.gauges.refitted_at.store(shared.core.now().as_millis(), Ordering::Relaxed);
    shared.gauges.refitting.store(false, Ordering::Relaxed);
}

async fn learn(shared: &Arc<Shared>, seq: Seq, lesson: Lesson) -> Result<(), Problem> {
    let ticket = shared.core.reads.ticket(lesson.ticket(), &shared.system).await?;
    let text = shared.text(&ticket).await?;
    match lesson {
        Lesson::Category(id, category) => {
            // What the learner would have said is known before it hears the answer.
            let asked = ticket.triage.as_ref().is_some_and(|triage| triage.source == Some(TriageSource::Deepseek));
            if asked && let Some(guess) = shared.mind.predict(&text) {
                shared.counted.lock().compare(seq, &guess, &category);
            }
            shared.mind.learn_category(id, &text, &category);
        }
        Lesson::Priority(id, priority) => shared.mind.learn_priority(id, &text, priority),
        Lesson::Solved(id) => {
            if is_solved(&ticket) {
                let audience = shared.core.rules.private_teams.audience(ticket.team.as_deref());
                shared.mind.remember(id, &text, ticket.category.as_deref(), &ticket.tags, audience);
            }
        }
    }
    Ok(())
}

fn has_moved(record: &Record) -> bool {
    record.patch.team.is_some() && record.version > Version::ZERO.next()
}

fn is_solved(ticket: &Ticket) -> bool {
    matches!(ticket.status, Status::Solved | Status::Closed)
        && ticket.merged_into.is_none()
        && ticket.solved_at.is_some()
}

/// The next records up to `until` that may have lessons or figures, and how far that goes.
async fn read_past(shared: &Shared, after: Seq, until: Seq) -> Result<(Seq, Past), Problem> {
    let journal = Arc::clone(&shared.core.journal);
    let stored = shared.core.blocking(move || journal.read(after, READ_RECORDS, READ_BYTES)).await?;
    let mut upto = after;
    let mut past = Past::new();
    for stored in stored.iter().take_while(|stored| stored.seq <= until) {
        upto = stored.seq;
        if !is_of_interest(&stored.json) {
            continue;
        }
        match stored.record() {
            Ok(record) => {
                let state = match shared.core.on_board(record.ticket) {
                    // What the desk did counts for nothing.
                    None if !record.by.is_desk() => shared.core.read_state(record.ticket).await?,
                    state => state,
                };
                past.push((record, state));
            }
            Err(error) => tracing::error!(%error, "triage cannot read a record of the journal"),
        }
    }
    Ok((upto, past))
}

/// After a start: solved tickets are found again. `teach` where nothing was kept.
pub async fn read_the_past(shared: Arc<Shared>, teach: bool) {
    match remember_the_past(&shared, teach).await {
        Err(problem) => tracing::warn!(code = problem.code.wire(), "triage could not read all of the past"),
        Ok(()) if is_stopping(&shared) => return,
        Ok(()) => shared.gauges.taught.store(true, Ordering::Release),
    }
    if teach && shared.mind.learner().examples() > 0 && !shared.gauges.refitting.swap(true, Ordering::Relaxed) {
        refit(&shared).await;
        keep(&shared).await;
    }
    shared.gauges.ready.store(true, Ordering::Release);
}

/// The newest solved tickets, so many as may be kept; with `teach`, what they were taken for is learned.
async fn remember_the_past(shared: &Arc<Shared>, teach: bool) -> Result<(), Problem> {
    let limit = shared.settings().similar_tickets;
    let last = shared.core.journal.last_ticket().get();
    let mut solved: Vec<Arc<TicketState>> = Vec::new();
    let mut recent: Vec<Arc<TicketState>> = Vec::new();
    for (looked_at, id) in (1..=last).rev().map(TicketId).enumerate() {
        if solved.len() >= limit || looked_at >= limit.saturating_mul(LOOKED_AT) || is_stopping(shared) {
            break;
        }
        let state = match shared.core.on_board(id) {
            Some(state) => Some(state),
            None => shared.core.read_state(id).await?,
        };
        let Some(state) = state else { continue };
        if is_solved(&state.ticket) {
            solved.push(Arc::clone(&state));
        }
        if recent.len() < RECENT {
            recent.push(state);
        }
        breathe(looked_at).await;
    }
    for (at, state) in recent.iter().rev().enumerate() {
        let ticket = &state.ticket;
        let text = shared.text(ticket).await?;
        // What was found then stands on the tickets already.
        shared.groups.lock().join(Newcomer {
            ticket: ticket.id,
            at: ticket.created_at,
            audience: shared.core.rules.private_teams.audience(ticket.team.as_deref()),
            writer: &ticket.requester.email,
            subject: &text.subject,
            body: &text.body,
        });
        breathe(at).await;
    }
    drop(recent);
    // The oldest first, since the oldest leave first.
    for (at, state) in solved.iter().rev().enumerate() {
        if is_stopping(shared) {
            break;
        }
        let ticket = &state.ticket;
        let text = shared.text(ticket).await?;
        let audience = shared.core.rules.private_teams.audience(ticket.team.as_deref());
        shared.mind.remember(ticket.id, &text, ticket.category.as_deref(), &ticket.tags, audience);
        if teach {
            if let Some(category) = &ticket.category {
                shared.mind.learn_category(ticket.id, &text, category);
            }
            shared.mind.learn_priority(ticket.id, &text, ticket.priority);
        }
        breathe(at).await;
    }
    Ok(())
}

fn is_stopping(shared: &Shared) -> bool {
    shared.gauges.stopping.load(Ordering::Relaxed)
}

async fn breathe(count: usize) {
    if count % CHUNK == CHUNK - 1 {
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(by: &str, event: serde_json::Value, patch: serde_json::Value) -> Record {
        serde_json::from_value(json!({
            "seq": 5, "ticket": 3, "version": 2, "at": "2026-11-23T08:00:00.000Z", "by": by, "command_id": "c",
            "event": event, "patch": patch,
        }))
        .unwrap()
    }

    /// R48: of several lessons about the same only the last is learned, in the place of the first; what was learnt ends before it.
    #[test]
    fn r48_lessons_about_the_same_are_one() {
        let category = |ticket, name: &str| Lesson::Category(TicketId(ticket), name.to_owned());
        let mut lined = Lined::default();
        let lessons = [category(1, "a"), category(2, "b"), Lesson::Solved(TicketId(1)), category(1, "c")];
        for (seq, lesson) in (7..).map(Seq).zip(lessons) {
            lined.push(seq, lesson);
        }
        assert_eq!((lined.len(), lined.since()), (3, Some(Seq(7))));
        let all: Vec<(u64, u64, Lesson)> = std::iter::from_fn(|| lined.pop())
            .map(|(since, taught)| (since.get(), taught.seq.get(), taught.lesson))
            .collect();
        assert_eq!(all, [(7, 10, category(1, "c")), (8, 8, category(2, "b")), (9, 9, Lesson::Solved(TicketId(1)))]);
        assert_eq!((lined.len(), lined.since(), lined.lessons.len()), (0, None, 0));
    }

    /// R48: what people set is a lesson, what the desk sets by itself is none; a solved ticket is remembered whoever solved it.
    #[test]
    fn r48_lessons_are_peoples() {
        let id = TicketId(3);
        let set = json!({"type": "updated", "changes": {"category": "billing", "priority": "high"}});
        let both = [Lesson::Category(id, "billing".into()), Lesson::Priority(id, Priority::High)];
        assert_eq!(lessons_of(&record("u1", set.clone(), json!({"category": "billing", "priority": "high"}))), both);
        assert_eq!(lessons_of(&record("system", set, json!({"category": "billing"}))), []);
        let solved = json!({"type": "updated", "changes": {"status": "solved"}});
        assert_eq!(lessons_of(&record("system", solved, json!({"status": "solved"}))), [Lesson::Solved(id)]);
        let triage = json!({
            "state": "accepted", "source": "learner", "at": "2026-11-23T08:00:00.000Z",
            "category": {"value": "billing", "confidence": 0.9}, "priority": null, "sentiment": null, "language": null,
            "summary": null, "tags": [], "spam": null, "duplicate_of": null, "decided": {"category": "accepted"},
        });
        // Accepted where the machine had set it before: nothing changed, and still it is confirmed.
        let accepted = json!({"type": "triage_changed", "triage": triage, "decided": {"category": "accepted"}});
        assert_eq!(lessons_of(&record("u1", accepted, json!({}))), [Lesson::Category(id, "billing".into())]);
        let rejected = json!({"type": "triage_changed", "triage": triage, "decided": {"category": "rejected"}});
        assert_eq!(lessons_of(&record("u1", rejected, json!({}))), []);
    }
}
