//! What people teach triage: corrections are learned one after the other, solved tickets are remembered, the learner is made anew in
//! the background, and all of it is kept with the desk. At a start the past is read in the background, the newest first in mind.

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
use super::shared::{Shared, categories};
use crate::actors::directory::Core;
use crate::domain::event::Event;
use crate::domain::ids::{Seq, TicketId, Version};
use crate::domain::record::Record;
use crate::domain::state::TicketState;
use crate::domain::ticket::{Priority, Status, Ticket, TriageSource};
use crate::journal::{Aside, JournalError, whole_file};
use crate::protocol::problem::Problem;
use crate::protocol::reading::Reading;
use crate::triage::figures::Figures;
use crate::triage::groups::Newcomer;
use crate::triage::mind::Mind;

const FIGURES: &str = "triage/figures";
const FILE: &str = "learned";
/// Lessons that wait; one more pushes the oldest out, which the next start without a file would learn.
const LESSONS: usize = 10_000;
/// Of a tick, learning takes so much: whoever sets many fields at once is learned from a little later, and nobody feels it.
const TICK_SHARE: Duration = Duration::from_millis(5);
/// Lessons after which what was learnt is written down.
const KEEP_AFTER: usize = 100;
/// Of the past, so many records are gone through at a start; what is older is judged by the tickets as they stand.
const RECORDS_BACK: u64 = 200_000;
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
    pub figures: Figures,
    /// Up to where it was learnt; `None` when there was nothing.
    pub upto: Option<Seq>,
}

#[derive(Serialize, Deserialize)]
struct KeptFigures {
    upto: Seq,
    figures: Figures,
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
        let kept = core.journal.aside(FIGURES)?;
        let figures = kept.and_then(|bytes| serde_json::from_slice::<KeptFigures>(&bytes).ok());
        let figures = figures.filter(|kept| kept.upto <= core.journal.head().seq);
        Ok(Self {
            mind: mind.unwrap_or_else(|| Mind::new(categories(core), similar)),
            upto,
            figures: figures.map(|kept| kept.figures).unwrap_or_default(),
        })
    }
}

/// Writes down what was learnt and how often it was right.
pub async fn keep(shared: &Arc<Shared>) {
    let upto = shared.applied();
    let figures = KeptFigures { upto, figures: shared.figures.lock().clone() };
    let figures = serde_json::to_vec(&figures).expect("invariant: figures are JSON");
    shared.put_asides(vec![Aside { key: FIGURES.to_owned(), value: Some(figures.into()) }]).await;
    let Some(folder) = shared.folder.clone() else { return };
    let shared = Arc::clone(shared);
    let written = actix_rt::task::spawn_blocking(move || {
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
    line: VecDeque<(Discriminant<Lesson>, TicketId)>,
    lessons: HashMap<(Discriminant<Lesson>, TicketId), Lesson>,
}

impl Lined {
    /// False where the oldest one had to go.
    fn push(&mut self, lesson: Lesson) -> bool {
        let subject = lesson.subject();
        if self.lessons.insert(subject, lesson).is_some() {
            return true;
        }
        self.line.push_back(subject);
        if self.line.len() <= LESSONS {
            return true;
        }
        self.pop();
        false
    }

    fn pop(&mut self) -> Option<Lesson> {
        let subject = self.line.pop_front()?;
        self.lessons.remove(&subject)
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
    waiting: Lined,
    dropped: usize,
    learning: bool,
    since_kept: usize,
    keeping: bool,
}

impl Lessons {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, waiting: Lined::default(), dropped: 0, learning: false, since_kept: 0, keeping: false }
    }

    pub fn under_way(&self) -> usize {
        usize::from(self.learning) + self.waiting.len()
    }

    /// A record of the feed.
    pub fn note(&mut self, record: &Record) {
        let shared = &self.shared;
        if let Some(state) = shared.core.on_board(record.ticket) {
            shared.figures.lock().fold(record, &state.ticket);
        }
        let opened_again = matches!(record.patch.solved_at, Some(None));
        if opened_again || has_moved(record) || matches!(record.event, Event::Merged { .. }) {
            shared.mind.forget(record.ticket);
        }
        for lesson in lessons_of(record) {
            if !self.waiting.push(lesson) {
                self.dropped += 1;
            }
        }
    }

    /// Learns some, and makes the learner anew when it is time.
    pub fn go_on(&mut self, ctx: &mut Context<Triage>) {
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            tracing::warn!(dropped, "triage has more to learn than it can; the oldest lessons were dropped");
        }
        if !self.learning {
            self.learn_some(Instant::now() + TICK_SHARE, ctx);
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
        let Some(lesson) = self.waiting.pop() else { return };
        self.learning = true;
        let shared = Arc::clone(&self.shared);
        let work = async move {
            let ticket = lesson.ticket();
            if let Err(problem) = learn(&shared, lesson).await {
                tracing::warn!(%ticket, code = problem.code.wire(), "triage could not learn from a ticket");
            }
        };
        ctx.spawn(wrap_future::<_, Triage>(work).map(move |(), triage, ctx| {
            let lessons = &mut triage.lessons;
            lessons.learning = false;
            lessons.since_kept += 1;
            if Instant::now() < until {
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

async fn learn(shared: &Arc<Shared>, lesson: Lesson) -> Result<(), Problem> {
    let ticket = shared.core.reads.ticket(lesson.ticket(), &shared.system).await?;
    let text = shared.text(&ticket).await?;
    match lesson {
        Lesson::Category(id, category) => {
            // What the learner would have said is known before it hears the answer.
            let asked = ticket.triage.as_ref().is_some_and(|triage| triage.source == Some(TriageSource::Deepseek));
            if asked && let Some(guess) = shared.mind.predict(&text) {
                shared.figures.lock().compare(TriageSource::Learner, &guess, &category);
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

/// After a start: solved tickets are found again, and what was taught since it was last kept is learned.
pub async fn read_the_past(shared: Arc<Shared>, upto: Option<Seq>) {
    let head = shared.feed.head();
    if let Err(problem) = remember_the_past(&shared, upto.is_none()).await {
        tracing::warn!(code = problem.code.wire(), "triage could not read all of the past");
    }
    if let Some(upto) = upto
        && let Err(problem) = relearn(&shared, upto, head).await
    {
        tracing::warn!(code = problem.code.wire(), "triage could not learn all of what it missed");
    }
    if upto.is_none() && shared.mind.learner().examples() > 0 && !shared.gauges.refitting.swap(true, Ordering::Relaxed)
    {
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

/// Goes through the records that came after it was last kept.
async fn relearn(shared: &Arc<Shared>, upto: Seq, head: Seq) -> Result<(), Problem> {
    let mut after = Seq(upto.get().max(head.get().saturating_sub(RECORDS_BACK)));
    let mut count = 0;
    while after < head && !is_stopping(shared) {
        let core = Arc::clone(&shared.core);
        let read = actix_rt::task::spawn_blocking(move || core.journal.read(after, 200, 1 << 20));
        let records = match read.await {
            Ok(Ok(records)) => records,
            Ok(Err(error)) => {
                shared.core.fail(&error);
                return Ok(());
            }
            Err(_) => return Ok(()),
        };
        let Some(last) = records.last() else { break };
        after = last.seq;
        for stored in records.iter().filter(|stored| stored.seq <= head) {
            let Ok(record) = stored.record() else { continue };
            let ticket = shared.core.on_board(record.ticket);
            if let Some(state) = ticket {
                shared.figures.lock().fold(&record, &state.ticket);
            }
            for lesson in lessons_of(&record) {
                learn(shared, lesson).await?;
                count += 1;
                breathe(count).await;
            }
        }
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

    /// R48: of several lessons about the same only the last is learned, in the place of the first; the oldest leave first.
    #[test]
    fn r48_lessons_about_the_same_are_one() {
        let category = |ticket, name: &str| Lesson::Category(TicketId(ticket), name.to_owned());
        let mut lined = Lined::default();
        for lesson in [category(1, "a"), category(2, "b"), Lesson::Solved(TicketId(1)), category(1, "c")] {
            assert!(lined.push(lesson));
        }
        let all: Vec<Lesson> = std::iter::from_fn(|| lined.pop()).collect();
        assert_eq!(all, [category(1, "c"), category(2, "b"), Lesson::Solved(TicketId(1))]);
        let kept = (0..=LESSONS as u64).map(|ticket| lined.push(Lesson::Solved(TicketId(ticket)))).filter(|kept| *kept);
        assert_eq!((kept.count(), lined.len(), lined.lessons.len()), (LESSONS, LESSONS, LESSONS));
        assert_eq!(lined.pop(), Some(Lesson::Solved(TicketId(1))));
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
