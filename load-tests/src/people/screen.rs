//! Somebody at a screen: one WebSocket that shows the board and takes commands, with an outbox for what is not answered yet.
//!
//! Behaves as the contract asks of a client: goes on with `epoch` and `after`, repeats under the same ids what was not answered,
//! tries again later when the desk says so. What it does is due at moments chosen beforehand (`pace`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::caller::{Question, answer_questions};
use super::deed::{Choices, Deed};
use super::fold::Fold;
use super::pace::Pace;
use super::{Last, Person, Phase, Return};
use crate::client::desk::Snapshot;
use crate::client::listen::{Line, line};
use crate::client::socket::{Heard, Position, Socket, Welcome, command};
use crate::ledger::{Outcome, Over, Promise, Sent};

const CONNECT: Duration = Duration::from_secs(20);
const TRY_AGAIN_MS: std::ops::Range<u64> = 50..300;

/// A command that waits for its answer.
#[derive(Debug)]
struct Waiting {
    sent: Sent,
    due: Instant,
    place: u64,
}

#[derive(Debug)]
struct Screen {
    person: Person,
    choices: Choices,
    pace: Option<Pace>,
    epoch: String,
    fold: Fold,
    waiting: HashMap<String, Waiting>,
    placed: u64,
    again: BTreeMap<Instant, String>,
    questions: mpsc::UnboundedSender<Question>,
    /// A connection was lost and what was under way must go out again.
    lost: bool,
    /// Since when this screen has been behind, and up to where it must come.
    lost_since: Option<Instant>,
    behind: Option<u64>,
    welcomed: bool,
    arrived: bool,
    /// What `drain` said: come back then.
    away: Option<Duration>,
}

pub async fn run(person: Person, snapshot: Arc<Snapshot>) -> Last {
    let mut random = fastrand::Rng::with_seed(person.seed);
    let (questions, asked) = mpsc::unbounded_channel();
    let answering = tokio::spawn(answer_questions(person.clone(), asked));
    let mut screen = Screen {
        choices: Choices::new(&person.crowd.mix, random.fork()),
        pace: None,
        epoch: snapshot.epoch.clone(),
        fold: Fold::of(&snapshot),
        waiting: HashMap::new(),
        placed: 0,
        again: BTreeMap::new(),
        questions,
        lost: false,
        lost_since: None,
        behind: None,
        welcomed: false,
        arrived: false,
        away: None,
        person,
    };
    let mut back = Return::new(screen.person.floor.back_within);
    while let Some(socket) = screen.connect(&mut back, &mut random).await {
        back.succeeded();
        if screen.talk(socket).await {
            break;
        }
        screen.welcomed = false;
        screen.lost = true;
        screen.lost_since = screen.lost_since.or_else(|| Some(Instant::now()));
    }
    let Screen { person, fold, waiting, questions, .. } = screen;
    for waiting in waiting.into_values() {
        person.floor.ledger.done(waiting.sent);
    }
    drop(questions);
    // It ends with its last question, or panics, which the run must see.
    answering.await.expect("invariant: asking questions does not panic");
    Last { name: person.name(), seq: fold.seq, board_hash: Some(fold.board_hash()) }
}

impl Screen {
    /// A socket that has said hello; `None` when the run is over.
    async fn connect(&mut self, back: &mut Return, random: &mut fastrand::Rng) -> Option<Socket> {
        let floor = self.person.floor.clone();
        let mut phase = floor.phase.clone();
        let mut wait = match self.away.take() {
            Some(away) => away,
            None if self.lost => back.wait(random),
            None => Duration::ZERO,
        };
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = phase.wait_for(|phase| *phase == Phase::Over) => return None,
            }
            let began = Instant::now();
            let position = Position { epoch: self.epoch.clone(), after: self.fold.seq };
            let door = self.person.door();
            let socket = Socket::greet(&door, &["board"], Some(&position));
            if let Ok(Ok(socket)) = tokio::time::timeout(CONNECT, socket).await {
                floor.meters.record(self.person.who, "connect", began.elapsed());
                return Some(socket);
            }
            wait = back.wait(random);
        }
    }

    /// Until the connection ends (`false`) or everything is done (`true`).
    async fn talk(&mut self, mut socket: Socket) -> bool {
        let mut phase = self.person.floor.phase.clone();
        phase.mark_changed();
        loop {
            let due = self.pace.as_ref().and_then(Pace::due).filter(|_| self.welcomed);
            let again = self.again.first_key_value().map(|(at, _)| *at).filter(|_| self.welcomed);
            let soon = |at: Option<Instant>| sleep_until(at.unwrap_or_else(Instant::now).into());
            tokio::select! {
                frame = socket.frame() => {
                    let Some(frame) = frame else { return false };
                    for text in frame.lines().filter(|line| !line.is_empty()) {
                        if let Err(what) = self.hear(text) {
                            self.person.floor.ledger.fault(Promise::Answers, what);
                        }
                    }
                    if self.resend(&mut socket).await.is_err() {
                        return false;
                    }
                }
                () = soon(due), if due.is_some() => {
                    if self.act(&mut socket, due.expect("invariant: there was a moment")).await.is_err() {
                        return false;
                    }
                }
                () = soon(again), if again.is_some() => {
                    let (_, id) = self.again.pop_first().expect("invariant: there was one");
                    if let Some(waiting) = self.waiting.get_mut(&id) {
                        waiting.sent.repeated = true;
                        let line = command(&id, waiting.sent.ticket, &waiting.sent.body);
                        if socket.say(line).await.is_err() {
                            return false;
                        }
                    }
                }
                changed = phase.changed() => {
                    if changed.is_err() {
                        return true;
                    }
                    let now = *phase.borrow_and_update();
                    self.enter(now);
                }
            }
            let now = *phase.borrow();
            match now {
                Phase::Reading { head } if self.fold.seq >= head && self.waiting.is_empty() => return true,
                Phase::Over => return true,
                _ => {}
            }
        }
    }

    fn enter(&mut self, phase: Phase) {
        match phase {
            Phase::Load { from, until } if self.pace.is_none() => {
                let random = self.choices.random.fork();
                self.pace = self.person.pace(from, until, random);
            }
            Phase::Coming | Phase::Load { .. } => {}
            Phase::Ending | Phase::Reading { .. } | Phase::Over => self.pace = None,
        }
    }

    /// The next deed, which was due at that moment.
    async fn act(&mut self, socket: &mut Socket, due: Instant) -> anyhow::Result<()> {
        let floor = self.person.floor.clone();
        if let Some(pace) = &mut self.pace {
            pace.advance();
        }
        floor.meters.record(self.person.who, "late", due.elapsed());
        let deed = self.choices.next();
        if deed.is_read() {
            let known = floor.ledger.any(&mut self.choices.random);
            if let (Deed::Open, Some(known)) = (deed, &known) {
                let presence = json!({ "t": "presence", "ticket": known.ticket, "state": "viewing" });
                socket.say(presence.to_string()).await?;
            }
            // The other end lives as long as this one.
            let _ = self.questions.send(Question { deed, due, known });
            return Ok(());
        }
        let order = self.choices.order(deed, |random| floor.ledger.any(random).map(|known| known.ticket));
        let id = uuid::Uuid::new_v4().to_string();
        let line = command(&id, order.ticket, &order.body);
        let sent = Sent {
            id: id.clone(),
            deed: order.deed,
            who: self.person.who,
            over: Over::Socket,
            ticket: order.ticket,
            body: order.body,
            asked: floor.ledger.now(),
            answered: Duration::ZERO,
            repeated: false,
            outcome: Outcome::InDoubt,
        };
        floor.ledger.goes_out(&id, due);
        self.placed += 1;
        self.waiting.insert(id, Waiting { sent, due, place: self.placed });
        socket.say(line).await
    }

    /// Everything that was not answered goes out again, once, after a new welcome.
    async fn resend(&mut self, socket: &mut Socket) -> anyhow::Result<()> {
        if !self.welcomed || !self.lost {
            return Ok(());
        }
        let mut open: Vec<&mut Waiting> = self.waiting.values_mut().collect();
        open.sort_by_key(|waiting| waiting.place);
        let mut lines = String::new();
        for waiting in open {
            waiting.sent.repeated = true;
            lines.push_str(&command(&waiting.sent.id, waiting.sent.ticket, &waiting.sent.body));
            lines.push('\n');
        }
        self.again.clear();
        self.lost = false;
        if lines.is_empty() { Ok(()) } else { socket.say(lines).await }
    }

    fn hear(&mut self, text: &str) -> Result<(), String> {
        let floor = self.person.floor.clone();
        let ledger = &floor.ledger;
        match line(text).map_err(|error| format!("{error:#}"))? {
            Line::Record(record) => {
                let name = self.person.who;
                ledger.show(record.seq, text.as_bytes());
                if let Err(what) = self.fold.apply(&record) {
                    ledger.fault(Promise::Order, format!("{}: {what}", self.person.name()));
                }
                if let Some(due) = record.command_id.as_deref().and_then(|id| ledger.due(id)) {
                    floor.meters.record(name, "screen", due.elapsed());
                }
                self.caught_up();
            }
            Line::Other(Heard::Upto { seq, board }) => {
                if seq != self.fold.seq {
                    let (name, at) = (self.person.name(), self.fold.seq);
                    ledger.fault(Promise::Order, format!("{name}: `upto` {seq} came after seq {at}"));
                }
                if let Some(hash) = board {
                    ledger.board(seq, &hash);
                    let mine = self.fold.board_hash();
                    if mine != hash {
                        let name = self.person.name();
                        ledger.fault(Promise::Boards, format!("{name}: {mine} at seq {seq}, the desk says {hash}"));
                    }
                }
            }
            Line::Other(Heard::Welcome(welcome)) => self.welcome(&welcome),
            Line::Other(Heard::Ok { id, seq, version, ticket }) => {
                let outcome = match ticket {
                    Some(ticket) => Outcome::Done { ticket, version, seq },
                    None => Outcome::Nothing,
                };
                self.answered(&id, outcome)?;
            }
            Line::Other(Heard::Err { id: Some(id), code, .. }) => self.answered(&id, Outcome::Refused { code })?,
            Line::Other(Heard::Err { id: None, code, message }) => {
                return Err(format!("{}: told `{code}`: {message}", self.person.name()));
            }
            Line::Other(Heard::Drain { after_ms, jitter_ms }) => {
                let jitter = self.choices.random.u64(0..=jitter_ms);
                self.away = Some(Duration::from_millis(after_ms + jitter));
            }
            Line::Other(Heard::Lag {} | Heard::Other) => {}
            Line::Other(Heard::Rec {}) => unreachable!("invariant: records are read apart"),
        }
        Ok(())
    }

    fn welcome(&mut self, welcome: &Welcome) {
        let (name, after) = (self.person.name(), self.fold.seq);
        let ledger = &self.person.floor.ledger;
        if welcome.resume == "snapshot" || welcome.epoch != self.epoch {
            ledger.fault(Promise::Resume, format!("{name}: back after seq {after} it was told `{}`", welcome.resume));
        }
        if welcome.seq < after {
            let what = format!("{name}: it was shown seq {after}, the journal ends at {}", welcome.seq);
            ledger.fault(Promise::Resume, what);
        }
        self.welcomed = true;
        self.behind = Some(welcome.seq);
        if !std::mem::replace(&mut self.arrived, true) {
            self.person.floor.arrived.fetch_add(1, Relaxed);
            // Nothing was lost on the first way here.
            self.behind = None;
        }
        self.caught_up();
    }

    fn caught_up(&mut self) {
        if let (Some(behind), Some(lost_at)) = (self.behind, self.lost_since)
            && self.fold.seq >= behind
        {
            self.person.floor.meters.record(self.person.who, "resume", lost_at.elapsed());
            (self.behind, self.lost_since) = (None, None);
        }
    }

    fn answered(&mut self, id: &str, outcome: Outcome) -> Result<(), String> {
        let floor = self.person.floor.clone();
        let Some(waiting) = self.waiting.get(id) else {
            return Err(format!("{}: an answer to `{id}`, which does not wait for one", self.person.name()));
        };
        if outcome.is_later() {
            let wait = Duration::from_millis(self.choices.random.u64(TRY_AGAIN_MS));
            floor.meters.record(self.person.who, "pushed_back", waiting.due.elapsed());
            self.again.insert(Instant::now() + wait, id.to_owned());
            return Ok(());
        }
        let mut waiting = self.waiting.remove(id).expect("invariant: it waits");
        floor.meters.record(self.person.who, waiting.sent.deed.name(), waiting.due.elapsed());
        floor.meters.record(self.person.who, "commands", waiting.due.elapsed());
        waiting.sent.answered = floor.ledger.now();
        if let Outcome::Done { ticket, .. } = outcome {
            self.choices.answered(waiting.sent.deed, Some(ticket));
        }
        waiting.sent.outcome = outcome;
        floor.ledger.done(waiting.sent);
        Ok(())
    }
}
