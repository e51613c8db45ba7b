//! Sorts what comes in: takes new tickets, and customers' messages that change the matter, from the feed; lets the learner judge
//! each, asks the service in batches where that is worth it, and proposes by a command like anybody's.
//!
//! It decides when and how many at once; what is thought of a text is `crate::triage`'s. Everything that waits is bounded, and
//! nothing that it does is waited for by anybody: it runs on a thread of its own, at a bounded rate. What it holds in memory is
//! found again in the board after a restart. Its death is no death of the desk: [`Keeper`] starts it again.

mod door;
mod learning;
mod shared;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message};
use bytes::Bytes;
use memchr::memmem;

pub use door::TriageDoor;
pub use shared::{Keeper, ServiceKey, Start, StartError};

use crate::actors::vital::Vital;
use crate::domain::event::Event;
use crate::domain::ids::{Seq, TicketId};
use crate::domain::message::Direction;
use crate::domain::record::Record;
use crate::domain::state::TicketState;
use crate::domain::ticket::{Status, Ticket, TriageState};
use crate::domain::time::Timestamp;
use crate::feed::Reach;
use crate::journal::Aside;
use crate::protocol::problem::Problem;
use crate::triage::deepseek::asking::Question;
use crate::triage::deepseek::batch::{self, Limits};
use crate::triage::deepseek::clean::clean;
use crate::triage::deepseek::sent::{self, ANSWER_LOST, Before, Left, Sent};
use crate::triage::groups::Newcomer;
use crate::triage::mind::{Opinion, Text};
use crate::triage::opinion::{self, Proposal};
use crate::triage::waiting::{Entry, Waiting};
use learning::Lessons;
use shared::Shared;

const TICK: Duration = Duration::from_millis(50);
const TICKS_PER_S: f64 = 20.0;
/// Tickets whose thread is being read.
const READING: usize = 16;
/// Records that are looked at in one tick.
const RECORDS: usize = 2_000;
/// Tickets with their text that wait for the service; the others wait without it.
const ASKS: usize = 1_000;
/// What goes to the service of one text.
const SUBJECT_CHARS: usize = 300;
const TEXT_CHARS: usize = 4_000;
/// After a refusal that may pass.
const REST_TICKS: u32 = 20;

pub struct Triage {
    shared: Arc<Shared>,
    applied: Seq,
    waiting: Waiting,
    asks: VecDeque<Ask>,
    /// Tickets that are being read, asked about or proposed for; one that comes meanwhile waits again afterwards.
    busy: HashSet<TicketId>,
    again: HashMap<TicketId, Entry>,
    reading: usize,
    calling: usize,
    proposing: usize,
    allowance: f64,
    rest: u32,
    /// What could not be written a moment ago; an answer that was paid for is not asked for again.
    later: Vec<(Entry, Proposal, Option<Ask>)>,
    /// What was out when the desk, or this actor, died.
    left: Left,
    /// Tickets with a note beside the records, and those whose note can go.
    noted: HashSet<TicketId>,
    done: Vec<TicketId>,
    tidying: bool,
    lessons: Lessons,
    _life: Vital,
}

/// A ticket that the service is to be asked about.
struct Ask {
    read: Arc<Read>,
    opinion: Opinion,
    question: Question<TicketId>,
    flagged: bool,
    since: Timestamp,
    entry: Entry,
    /// How often this question goes out, with this time.
    times: u32,
}

impl Ask {
    fn sent(&self) -> Sent {
        Sent {
            ticket: self.entry.ticket,
            question: self.question.sum(),
            version: self.read.state.ticket.version,
            times: self.times,
            verdict: None,
        }
    }
}

/// A ticket as it was read.
pub struct Read {
    pub state: Arc<TicketState>,
    pub text: Text,
}

impl Triage {
    fn new(shared: Arc<Shared>, life: Vital) -> Self {
        let waiting = Waiting::new(shared.settings().waiting);
        let lessons = Lessons::new(Arc::clone(&shared));
        let mut this = Self {
            shared,
            applied: Seq::ZERO,
            waiting,
            asks: VecDeque::new(),
            busy: HashSet::new(),
            again: HashMap::new(),
            reading: 0,
            calling: 0,
            proposing: 0,
            allowance: 0.0,
            rest: 0,
            later: Vec::new(),
            left: Left::default(),
            noted: HashSet::new(),
            done: Vec::new(),
            tidying: false,
            lessons,
            _life: life,
        };
        this.look_for_waiting();
        this.look_for_lost();
        this
    }

    /// Takes up what waits on the board: what was asked for, and new tickets that nobody has sorted.
    fn look_for_waiting(&mut self) {
        self.waiting.forget_overflow();
        // The head first: what comes while the board is read is read again.
        self.applied = self.shared.feed.head();
        let asked: HashSet<TicketId> = self.asks.iter().map(|ask| ask.entry.ticket).collect();
        let board = self.shared.core.reads.board();
        for state in board.tickets() {
            let ticket = &state.ticket;
            if wants(ticket) && !self.busy.contains(&ticket.id) && !asked.contains(&ticket.id) {
                self.waiting.push(entry_of(ticket, false));
            }
        }
    }

    /// Reads the notes of what was out; those of tickets that came to an end nevertheless can go.
    fn look_for_lost(&mut self) {
        self.left = self.shared.left();
        self.noted = self.left.tickets().collect();
        let waits = |ticket: &TicketId| self.shared.core.on_board(*ticket).is_some_and(|state| wants(&state.ticket));
        self.done = self.left.tickets().filter(|ticket| !waits(ticket)).collect();
    }

    /// Reads what came since.
    fn catch_up(&mut self) {
        let mut lines: Vec<Bytes> = Vec::new();
        let mut upto = self.applied;
        let reach = self.shared.feed.read(self.applied, |entry| {
            if is_of_interest(&entry.line) {
                lines.push(entry.line.clone());
            }
            upto = entry.seq;
            lines.len() < RECORDS
        });
        if matches!(reach, Reach::TooOld) {
            tracing::warn!("triage fell behind the feed; what waits is looked up on the board");
            return self.look_for_waiting();
        }
        let teaches = self.lessons.follows(self.applied);
        self.applied = upto;
        for line in lines {
            match serde_json::from_slice::<Record>(&line) {
                Ok(record) => {
                    if teaches {
                        self.lessons.note(&record);
                    }
                    self.note(&record);
                }
                Err(error) => tracing::error!(%error, "triage cannot read a record of the feed"),
            }
        }
        if teaches {
            self.lessons.seen(upto);
        }
    }

    fn note(&mut self, record: &Record) {
        let by_person = !record.by.is_desk();
        let wanted = match &record.event {
            Event::Created { .. } => Some(false),
            Event::MessageAdded { message } => (message.direction == Direction::Inbound).then_some(false),
            Event::TriageChanged { triage, .. } => (by_person && triage.state == TriageState::Waiting).then_some(true),
            _ => None,
        };
        let Some(asked) = wanted else { return };
        let Some(state) = self.shared.core.on_board(record.ticket) else { return };
        let mut entry = entry_of(&state.ticket, asked);
        entry.since = record.at;
        if self.busy.contains(&entry.ticket) {
            self.again.insert(entry.ticket, entry);
        } else if let Some(at) = self.asks.iter().position(|ask| ask.entry.ticket == entry.ticket) {
            // It has not been asked about yet: its text is read anew.
            self.asks.remove(at);
            self.waiting.push(entry);
        } else {
            self.waiting.push(entry);
        }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        self.catch_up();
        let stopping = self.shared.gauges.stopping.load(Ordering::Relaxed);
        if !stopping {
            self.rest = self.rest.saturating_sub(1);
            if self.rest == 0 {
                for (entry, proposal, then) in std::mem::take(&mut self.later) {
                    self.propose(entry, proposal, then, ctx);
                }
                let per_s = f64::from(self.shared.settings().proposals_per_s);
                self.allowance = (self.allowance + per_s / TICKS_PER_S).min(per_s.max(1.0));
                self.read_some(ctx);
                self.ask_some(ctx);
            }
            if self.waiting.has_overflowed() && self.waiting.len() * 2 < self.shared.settings().waiting {
                self.look_for_waiting();
            }
            self.tidy(ctx);
        }
        self.lessons.go_on(self.applied, ctx);
        self.tell();
    }

    fn read_some(&mut self, ctx: &mut Context<Self>) {
        while self.reading < READING && self.asks.len() < ASKS && self.allowance >= 1.0 {
            let Some(entry) = self.waiting.pop() else { return };
            self.allowance -= 1.0;
            self.reading += 1;
            self.busy.insert(entry.ticket);
            let shared = Arc::clone(&self.shared);
            let work = async move { shared.read(entry.ticket).await };
            ctx.spawn(wrap_future::<_, Self>(work).map(move |read, this, ctx| {
                this.reading -= 1;
                this.judge(entry, read, ctx);
            }));
        }
    }

    /// The learner's opinion, and what follows from it.
    fn judge(&mut self, entry: Entry, read: Result<Option<Read>, Problem>, ctx: &mut Context<Self>) {
        let read = match read {
            Ok(Some(read)) => read,
            Ok(None) => return self.ended(entry.ticket),
            Err(problem) => return self.put_off(entry, &problem),
        };
        let settings = self.shared.settings();
        let ticket = &read.state.ticket;
        let audience = self.shared.core.rules.private_teams.audience(ticket.team.as_deref());
        let opinion = self.shared.mind.opinion(Some(ticket.id), &read.text, audience);
        if let Some(before) = &ticket.triage {
            let open = matches!(before.state, TriageState::Proposed | TriageState::Untriaged);
            let again = open && opinion::changes_the_matter(&opinion, before, settings);
            if before.state != TriageState::Waiting && !again {
                return self.ended(entry.ticket);
            }
        }
        let now = self.shared.core.now();
        let found = self.shared.groups.lock().join(Newcomer {
            ticket: ticket.id,
            at: ticket.created_at,
            audience,
            writer: &ticket.requester.email,
            subject: &read.text.subject,
            body: &read.text.body,
        });
        for other in &found.tell {
            if let Some(incident) = found.incident {
                self.shared.tell_incident(*other, incident);
            }
        }
        let mut reason = None;
        let mut known = None;
        if let Some(service) = &self.shared.service
            && opinion::is_worth_asking(&opinion, &read.text.body, settings)
        {
            let (subject, text) = (clean(&ticket.subject, SUBJECT_CHARS), clean(&read.text.body, TEXT_CHARS));
            let flagged = subject.flagged || text.flagged;
            let question = Question { ticket: ticket.id, subject: subject.text, text: text.text };
            match self.left.before(ticket.id, question.sum()) {
                Before::Answered(verdict, version) => known = Some((*verdict, version)),
                Before::Lost => reason = Some(ANSWER_LOST),
                Before::Open { times } => {
                    reason = service.closed_because(now);
                    if reason.is_none() {
                        let mut triage = opinion::while_waiting(&opinion, ticket, now, settings);
                        triage.duplicate_of = found.duplicate_of;
                        triage.incident = found.incident;
                        let proposal = Proposal { triage, apply: crate::domain::command::TriageValues::default() };
                        let read = Arc::new(read);
                        let ask = Ask { read, opinion, question, flagged, since: now, entry, times };
                        return self.propose(entry, proposal, Some(ask), ctx);
                    }
                }
            }
        }
        let mut proposal = match known {
            Some((verdict, version)) => opinion::by_service(verdict, version, ticket, now, settings),
            None => opinion::by_learner(&opinion, reason, ticket, now, settings),
        };
        proposal.triage.duplicate_of = found.duplicate_of;
        proposal.triage.incident = found.incident;
        self.propose(entry, proposal, None, ctx);
    }

    /// Sends the command; a ticket that the service is to be asked about waits for that from then on.
    fn propose(&mut self, entry: Entry, proposal: Proposal, then: Option<Ask>, ctx: &mut Context<Self>) {
        self.proposing += 1;
        let shared = Arc::clone(&self.shared);
        let work = async move {
            let outcome = shared.propose(entry.ticket, proposal.clone()).await;
            (outcome, proposal)
        };
        ctx.spawn(wrap_future::<_, Self>(work).map(move |(outcome, proposal), this, _| {
            this.proposing -= 1;
            match outcome {
                Err(problem) if problem.retryable => {
                    this.rest = REST_TICKS;
                    this.later.push((entry, proposal, then));
                }
                // Closed meanwhile, or gone from sight: there is nothing to propose any more.
                Err(_) => this.ended(entry.ticket),
                Ok(()) => match then {
                    Some(ask) => {
                        this.busy.remove(&entry.ticket);
                        match this.again.remove(&entry.ticket) {
                            Some(again) => this.waiting.push(again),
                            None => this.asks.push_back(ask),
                        }
                    }
                    None => this.ended(entry.ticket),
                },
            }
        }));
    }

    /// Sends the batches that are full or old enough, as long as calls are free.
    fn ask_some(&mut self, ctx: &mut Context<Self>) {
        let shared = Arc::clone(&self.shared);
        let Some(service) = &shared.service else { return };
        let settings = shared.settings();
        let now = shared.core.now();
        let closed = service.closed_because(now).is_some();
        let age = i64::try_from(settings.batch_max_age_ms).unwrap_or(i64::MAX);
        while self.calling < settings.calls && !self.asks.is_empty() {
            // The oldest and most urgent came first; one batch is looked for among the next few.
            let limits = Limits { tickets: settings.batch_max_tickets, tokens: settings.batch_max_tokens };
            let few = self.asks.iter().take(limits.tickets * 4);
            let waiting: Vec<batch::Waiting> =
                few.map(|ask| batch::Waiting { tokens: ask.question.tokens(), flagged: ask.flagged }).collect();
            let due = closed || self.asks.iter().any(|ask| now.millis_since(ask.since) >= age);
            let batches = batch::plan(&waiting, limits);
            let count = batches.len();
            let ready = batches.into_iter().enumerate().find(|(at, batch)| {
                let alone = batch.len() == 1 && waiting[batch[0]].flagged;
                // A batch before the last one is as full as it gets.
                due || alone || batch.len() >= limits.tickets || *at + 1 < count
            });
            let Some((_, batch)) = ready else { return };
            let mut taken: Vec<Ask> = Vec::with_capacity(batch.len());
            for at in batch.iter().rev() {
                taken.extend(self.asks.remove(*at));
            }
            taken.reverse();
            self.call(taken, ctx);
        }
    }

    fn call(&mut self, asks: Vec<Ask>, ctx: &mut Context<Self>) {
        let Some(service) = self.shared.service.clone() else { return };
        self.calling += 1;
        self.busy.extend(asks.iter().map(|ask| ask.entry.ticket));
        self.noted.extend(asks.iter().map(|ask| ask.entry.ticket));
        self.done.retain(|ticket| asks.iter().all(|ask| ask.entry.ticket != *ticket));
        let sent: Vec<Sent> = asks.iter().map(Ask::sent).collect();
        service.ledger.lock().asked_again += sent.iter().filter(|sent| sent.times > 1).count() as u64;
        let questions: Vec<Question<TicketId>> = asks.iter().map(|ask| ask.question.clone()).collect();
        let mut asks: HashMap<TicketId, Ask> = asks.into_iter().map(|ask| (ask.entry.ticket, ask)).collect();
        let shared = Arc::clone(&self.shared);
        let work = async move {
            let mut random = fastrand::Rng::new();
            let keep = async || shared.keep_sent(&sent).await;
            let outcomes = service.ask(questions, || shared.core.now(), keep, &mut random).await;
            shared.keep_answers(&sent, &outcomes).await;
            outcomes
        };
        ctx.spawn(wrap_future::<_, Self>(work).map(move |outcomes, this, ctx| {
            this.calling -= 1;
            let now = this.shared.core.now();
            for (ticket, outcome) in outcomes {
                let Some(Ask { read, opinion, entry, .. }) = asks.remove(&ticket) else { continue };
                let shared = Arc::clone(&this.shared);
                let (settings, read) = (shared.settings(), &read.state.ticket);
                let proposal = match outcome {
                    Ok(verdict) => opinion::by_service(verdict, read.version, read, now, settings),
                    Err(reason) => opinion::by_learner(&opinion, Some(reason), read, now, settings),
                };
                this.propose(entry, proposal, None, ctx);
            }
        }));
    }

    /// The ticket's turn is over; what came meanwhile waits again.
    fn ended(&mut self, ticket: TicketId) {
        self.busy.remove(&ticket);
        self.left.remove(ticket);
        if self.noted.remove(&ticket) {
            self.done.push(ticket);
        }
        if let Some(again) = self.again.remove(&ticket) {
            self.waiting.push(again);
        }
    }

    /// Takes away the notes of tickets that have ended.
    fn tidy(&mut self, ctx: &mut Context<Self>) {
        if self.tidying || self.done.is_empty() {
            return;
        }
        self.tidying = true;
        let shared = Arc::clone(&self.shared);
        let done = std::mem::take(&mut self.done).into_iter();
        let notes = done.map(|ticket| Aside { key: sent::key(ticket), value: None }).collect();
        // One that stays says nothing about a ticket that waits for nothing.
        let work = async move { shared.put_asides(notes).await };
        ctx.spawn(wrap_future::<_, Self>(work).map(|_, this, _| this.tidying = false));
    }

    /// The desk is full or busy: everybody rests a while.
    fn put_off(&mut self, entry: Entry, problem: &Problem) {
        self.busy.remove(&entry.ticket);
        self.again.remove(&entry.ticket);
        if problem.retryable {
            self.rest = REST_TICKS;
            self.waiting.push(entry);
        } else {
            tracing::error!(ticket = %entry.ticket, code = problem.code.wire(), "triage could not read a ticket");
        }
    }

    /// How far it is, for whoever asks.
    fn tell(&self) {
        let gauges = &self.shared.gauges;
        let waiting = self.waiting.len() + self.asks.len();
        let under_way =
            self.reading + self.calling + self.proposing + self.later.len() + self.lessons.under_way(self.applied);
        let asks = self.asks.iter().map(|ask| ask.entry.since);
        let oldest = self.waiting.oldest().into_iter().chain(asks).min();
        gauges.waiting.store(waiting, Ordering::Relaxed);
        gauges.under_way.store(under_way, Ordering::Relaxed);
        gauges.oldest.store(oldest.map_or(i64::MAX, Timestamp::as_millis), Ordering::Relaxed);
        gauges.overflowed.store(self.waiting.has_overflowed(), Ordering::Relaxed);
        gauges.learnt.store(self.lessons.learnt().get(), Ordering::Release);
        gauges.applied.store(self.applied.get(), Ordering::Release);
    }
}

impl Actor for Triage {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(64);
        ctx.run_interval(TICK, Self::tick);
    }
}

/// Makes it die as a bug would: a drill for what stands around it.
#[derive(Message)]
#[rtype(result = "()")]
struct Crash;

impl Handler<Crash> for Triage {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("drill: triage was told to crash");
    }
}

fn entry_of(ticket: &Ticket, asked: bool) -> Entry {
    Entry { ticket: ticket.id, asked, priority: ticket.priority, since: ticket.created_at }
}

/// Whether nobody has sorted it yet, or it waits for its answer.
fn wants(ticket: &Ticket) -> bool {
    match &ticket.triage {
        Some(triage) => triage.state == TriageState::Waiting,
        None => ticket.status == Status::New,
    }
}

/// Whether a record's line may matter here: told by its event's name, which stands before anything that somebody wrote but ids,
/// in which a quote is escaped. Of an update it must name a field that people correct, or
/// the team, which says who sees it; within a text its quotes would be escaped.
fn is_of_interest(line: &Bytes) -> bool {
    const MARK: &[u8] = b"\"event\":{\"type\":\"";
    const NAMES: [&[u8]; 5] = [b"created\"", b"message_added\"", b"triage_changed\"", b"undone\"", b"merged\""];
    const FIELDS: [&[u8]; 6] =
        [b"\"category\":", b"\"priority\":", b"\"status\":", b"\"team\":", b"\"triage\":", b"\"decided\":"];
    let Some(at) = memmem::find(line, MARK) else { return false };
    let rest = &line[at + MARK.len()..];
    NAMES.iter().any(|name| rest.starts_with(name))
        || (rest.starts_with(b"updated\"") && FIELDS.iter().any(|field| memmem::find(rest, field).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_interest_are_told_by_their_event() {
        let line = |event: &str| {
            Bytes::from(format!(
                "{{\"t\":\"rec\",\"seq\":1,\"command_id\":\"\\\"event\\\":{{\\\"type\\\":\\\"created\",\"event\":{{\"type\":\"{event}\",\"x\":\"\"}}}}"
            ))
        };
        for event in ["created", "message_added", "triage_changed", "undone", "merged"] {
            assert!(is_of_interest(&line(event)), "{event}");
        }
        for (patch, wanted) in [
            (r#"{"tags":["\"priority\":"]}"#, false),
            (r#"{"tags":["a"],"priority":"high"}"#, true),
            (r#"{"category":null}"#, true),
            (r#"{"status":"solved"}"#, true),
            (r#"{"team":"legal"}"#, true),
            (r#"{"subject":"x"}"#, false),
        ] {
            let line = format!("{{\"event\":{{\"type\":\"updated\",\"changes\":{{}}}},\"patch\":{patch}}}");
            assert_eq!(is_of_interest(&Bytes::from(line)), wanted, "{patch}");
        }
        for event in ["claimed", "sla_activated", "created_by_nobody", "released"] {
            assert!(!is_of_interest(&line(event)), "{event}");
        }
    }
}
