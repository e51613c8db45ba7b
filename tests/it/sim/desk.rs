//! One life of the desk's process: what the actors do around the pure parts, without actors. Nothing goes on by itself.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use hotdesk::domain::command::{Command, SystemCommand};
use hotdesk::domain::decide::{Context, Decision, decide, decide_follow_up, decide_pair, needs_other};
use hotdesk::domain::ids::{CommandId, MessageId, Seq, TicketId, UserId, Version};
use hotdesk::domain::permissions::{Principal, Role};
use hotdesk::domain::rejection::Rejection;
use hotdesk::domain::rules::{FieldLimits, People, Rules};
use hotdesk::domain::state::TicketState;
use hotdesk::domain::time::Timestamp;
use hotdesk::feed::{Feed, Reach};
use hotdesk::journal::memory::MemoryJournal;
use hotdesk::journal::writer::{AppendError, Writer, WriterConfig, WriterHandle, by_hand};
use hotdesk::journal::{Append, Committed, Journal, Memo, Part};
use hotdesk::projections::board::Board;
use hotdesk::projections::queue::{Queue, RankKey, Wanted};
use parking_lot::Mutex;

use super::world::Sabotage;

const LIMITS: FieldLimits = FieldLimits { subject_chars: 200, message_chars: 2000, tags: 10, custom_bytes: 1000 };

/// How often a command is decided again because another one came first.
const TRIES: u32 = 4;

/// What an agent asks, under an id of its own so that asking again is safe.
#[derive(Clone, Debug)]
pub struct Ask {
    pub who: usize,
    pub id: CommandId,
    /// For a new ticket and for "the next one": none.
    pub ticket: Option<TicketId>,
    pub command: Command,
    /// When it was first asked.
    pub since: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// On disk; the seq of the command's last record, and the ticket. `None` where nothing had to change.
    Done(Option<(Seq, TicketId)>),
    Refused(String),
    /// Not now; the same may be asked again.
    Later,
}

pub struct Desk {
    pub journal: Arc<MemoryJournal>,
    pub feed: Arc<Feed>,
    pub board: Arc<Mutex<Board>>,
    /// Publishes nothing from now on: the process is about to die between the disk and the world.
    pub mute: Arc<Mutex<bool>>,
    writer: WriterHandle,
    turns: Writer,
    queue: Queue,
    applied: Seq,
    lent: BTreeSet<TicketId>,
    under_way: Vec<UnderWay>,
    next_ticket: u64,
    latest: i64,
    rules: Arc<Rules>,
    sabotage: Option<Sabotage>,
}

type Waits = Pin<Box<dyn Future<Output = Result<Arc<Committed>, AppendError>>>>;

struct UnderWay {
    ask: Ask,
    /// The ticket that it is about, once that is known.
    ticket: TicketId,
    lent: bool,
    tries: u32,
    waits: Waits,
}

pub struct Staff;

impl People for Staff {
    fn sees(&self, _: &UserId, _: Option<&str>) -> bool {
        true
    }

    fn is_assignable(&self, user: &UserId, _: Option<&str>) -> bool {
        user.as_str().starts_with("agent")
    }
}

pub fn agent(who: usize) -> Principal {
    Principal {
        id: UserId::from(format!("agent{who}")),
        name: format!("Agent {who}").into(),
        role: if who == 0 { Role::Supervisor } else { Role::Agent },
        teams: [].into(),
        scopes: None,
    }
}

impl Desk {
    /// A process starts on what lies on the disk.
    pub fn start(
        journal: MemoryJournal,
        rules: &Arc<Rules>,
        ring_bytes: usize,
        group_records: usize,
        sabotage: Option<Sabotage>,
    ) -> Result<Self, String> {
        let journal = Arc::new(journal);
        let head = journal.head().seq;
        let mut active = Vec::new();
        journal.active(&mut |state| active.push(state)).map_err(|error| error.to_string())?;
        let board = Board::load(head, active);
        let (watch, _) = tokio::sync::watch::channel(head);
        let feed = Arc::new(Feed::new(head, board.hash(), ring_bytes, Arc::clone(rules), watch));
        let board = Arc::new(Mutex::new(board));
        let mute = Arc::new(Mutex::new(false));
        let publish = {
            let (board, feed, mute) = (Arc::clone(&board), Arc::clone(&feed), Arc::clone(&mute));
            Box::new(move |group: &[Arc<Committed>]| {
                if *mute.lock() {
                    return;
                }
                for committed in group {
                    for part in &committed.parts {
                        board.lock().fold(&part.after, part.records.last().map_or(Seq::ZERO, |record| record.seq));
                    }
                }
                feed.publish(group);
            })
        };
        let config = WriterConfig {
            waiting_appends: 24,
            group_records,
            group_bytes: 1 << 16,
            remember_commands_ms: 24 * 3_600_000,
        };
        let (writer, turns) = by_hand(Arc::clone(&journal) as Arc<dyn Journal>, config, publish);
        let latest = match head.get().checked_sub(1) {
            None => i64::MIN,
            Some(before) => {
                let newest = journal.read(Seq(before), 1, usize::MAX).map_err(|error| error.to_string())?;
                newest[0].record().map_err(|error| error.to_string())?.at.as_millis()
            }
        };
        let next_ticket = journal.last_ticket().get() + 1;
        let mut desk = Self {
            journal,
            feed,
            board,
            mute,
            writer,
            turns,
            queue: Queue::new(rules.promote_after_ms),
            applied: Seq::ZERO,
            lent: BTreeSet::new(),
            under_way: Vec::new(),
            next_ticket,
            latest,
            rules: Arc::clone(rules),
            sabotage,
        };
        desk.rebuild_queue(i64::MIN);
        Ok(desk)
    }

    /// The desk's time never goes back.
    pub fn now(&mut self, clock: i64) -> Timestamp {
        self.latest = self.latest.max(clock);
        Timestamp::from_millis(self.latest)
    }

    fn rebuild_queue(&mut self, clock: i64) {
        let now = self.now(clock);
        self.queue = Queue::new(self.rules.promote_after_ms);
        self.applied = self.feed.head();
        for state in self.board.lock().tickets() {
            self.queue.put(state, now);
        }
    }

    fn catch_up_queue(&mut self, clock: i64) {
        let Reach::Here((upto, touched)) = self.feed.touched_after(self.applied) else {
            return self.rebuild_queue(clock);
        };
        let now = self.now(clock);
        for id in touched {
            match self.board.lock().get(id) {
                Some(state) => self.queue.put(state, now),
                None => self.queue.remove(id),
            }
        }
        self.applied = upto;
        self.queue.advance(now);
    }

    /// Takes a command in. `None`: the answer comes when it is on disk, or never.
    pub fn ask(&mut self, ask: Ask, clock: i64) -> Result<Option<Answer>, String> {
        let user = agent(ask.who).id;
        if self.under_way.iter().any(|other| other.ask.id == ask.id && other.ask.who == ask.who) {
            return Ok(None);
        }
        let known = self.journal.memo(&user, &ask.id).map_err(|error| error.to_string())?;
        if let Some(memo) = known.filter(|_| self.sabotage != Some(Sabotage::ForgetRepeats)) {
            return Ok(Some(Answer::Done(Some((memo.seq, memo.ticket)))));
        }
        let ticket = match (&ask.command, ask.ticket) {
            (Command::Create(_), _) => self.new_id(),
            (Command::ClaimNext(_), _) => match self.pick(&user, clock)? {
                Some(id) => id,
                None => return Ok(Some(Answer::Done(None))),
            },
            (_, Some(id)) => id,
            (_, None) => unreachable!("every other command names its ticket"),
        };
        let lent = matches!(ask.command, Command::ClaimNext(_));
        if lent {
            self.lent.insert(ticket);
        }
        self.decide(ask, ticket, lent, 0, clock)
    }

    fn new_id(&mut self) -> TicketId {
        self.next_ticket += 1;
        TicketId(self.next_ticket - 1)
    }

    /// The first ticket for this claimer: by the queue, and by sorting the whole board, which must come to the same.
    fn pick(&mut self, user: &UserId, clock: i64) -> Result<Option<TicketId>, String> {
        self.catch_up_queue(clock);
        let now = self.now(clock);
        let wanted = Wanted {
            user,
            teams: &[],
            hidden: &[],
            team: None,
            categories: None,
            skip_window_ms: self.rules.skip_window_ms,
        };
        let lent = &self.lent;
        let ignores = self.sabotage == Some(Sabotage::LendTwice);
        let mut picked = self.queue.first(now, &wanted, &|id| !ignores && lent.contains(&id));
        let board = self.board.lock();
        let skipped = |state: &TicketState| {
            let skips = &state.background.skips;
            skips.iter().any(|skip| skip.by == *user && now.millis_since(skip.at) < self.rules.skip_window_ms)
        };
        let mut waiting: Vec<RankKey> = board
            .tickets()
            .filter(|state| !lent.contains(&state.ticket.id) && !skipped(state))
            .filter_map(|state| RankKey::of(state, self.rules.promote_after_ms, now))
            .collect();
        waiting.sort();
        if self.sabotage == Some(Sabotage::OutOfTurn) {
            picked = waiting.last().map(RankKey::id);
        }
        let first = waiting.first().map(RankKey::id);
        if picked == first {
            Ok(picked)
        } else {
            Err(format!("the queue hands out {picked:?}, the first is {first:?}"))
        }
    }

    fn state(&self, id: TicketId) -> Result<Option<Arc<TicketState>>, String> {
        if let Some(state) = self.board.lock().get(id) {
            return Ok(Some(Arc::clone(state)));
        }
        self.journal.state(id).map(|state| state.map(Arc::new)).map_err(|error| error.to_string())
    }

    fn decide(
        &mut self,
        ask: Ask,
        ticket: TicketId,
        lent: bool,
        tries: u32,
        clock: i64,
    ) -> Result<Option<Answer>, String> {
        let principal = match &ask.command {
            Command::System(_) => Principal::system(),
            _ => agent(ask.who),
        };
        let now = self.now(clock);
        let rules = Arc::clone(&self.rules);
        let context = Context {
            now,
            principal: &principal,
            command_id: &ask.id,
            live: true,
            rules: &rules,
            people: &Staff,
            limits: &LIMITS,
            message_id: MessageId::from(format!("m-{}", ask.id)),
        };
        let before = self.state(ticket)?;
        let other = before.as_deref().and_then(|state| needs_other(state, &ask.command));
        let other = other.map_or(Ok(None), |id| self.state(id))?;
        let decided = match (&before, &other, &ask.command) {
            (Some(this), Some(other), _) => decide_pair(this, other, None, &ask.command, &context)
                .map(|(one, two)| vec![(before.clone(), one), (Some(Arc::clone(other)), two)]),
            (Some(closed), None, Command::Message(message)) if !closed.ticket.is_active() => {
                let id = self.new_id();
                decide_follow_up(closed, id, message, &context).map(|one| vec![(None, one)])
            }
            _ => decide(before.as_deref(), ticket, None, &ask.command, &context).map(|one| vec![(before.clone(), one)]),
        };
        let parts = match decided {
            Ok(parts) => parts.into_iter().filter(|(_, decision)| !decision.drafts.is_empty()).map(part).collect(),
            Err(rejection) => {
                if lent {
                    self.lent.remove(&ticket);
                }
                return Ok(Some(Answer::Refused(code(&rejection))));
            }
        };
        self.append(ask, parts, ticket, lent, tries, now, clock)
    }

    #[allow(clippy::too_many_arguments, reason = "what a command under way consists of")]
    fn append(
        &mut self,
        ask: Ask,
        parts: Vec<Part>,
        ticket: TicketId,
        lent: bool,
        tries: u32,
        now: Timestamp,
        clock: i64,
    ) -> Result<Option<Answer>, String> {
        let Some(first) = parts.first() else {
            if lent {
                self.lent.remove(&ticket);
            }
            return Ok(Some(Answer::Done(None)));
        };
        let memo = (!matches!(ask.command, Command::System(_))).then(|| Memo {
            user: agent(ask.who).id,
            key: ask.id.clone(),
            fingerprint: 0,
            at: now,
            ticket: first.ticket,
            version: first.after.ticket.version,
            seq: Seq::ZERO,
        });
        let writer = self.writer.clone();
        let mut waits: Waits = Box::pin(async move { writer.append(Append { parts, memo }).await });
        // The first look sends it.
        let early = waits.as_mut().now_or_never();
        let under_way = UnderWay { ask, ticket, lent, tries, waits };
        match early {
            None => {
                self.under_way.push(under_way);
                Ok(None)
            }
            Some(outcome) => {
                self.conclude(under_way, outcome, clock).map(|concluded| concluded.map(|(_, answer)| answer))
            }
        }
    }

    /// The writer makes a group. An error means that the process dies.
    pub fn turn(&mut self) -> Result<bool, String> {
        self.turns.turn().map_err(|error| error.to_string())
    }

    /// What has been answered since.
    pub fn answers(&mut self, clock: i64) -> Result<Vec<(Ask, Answer)>, String> {
        let mut answers = Vec::new();
        let mut still = Vec::new();
        for mut one in std::mem::take(&mut self.under_way) {
            match one.waits.as_mut().now_or_never() {
                None => still.push(one),
                Some(outcome) => answers.extend(self.conclude(one, outcome, clock)?),
            }
        }
        still.append(&mut self.under_way);
        self.under_way = still;
        Ok(answers)
    }

    fn conclude(
        &mut self,
        one: UnderWay,
        outcome: Result<Arc<Committed>, AppendError>,
        clock: i64,
    ) -> Result<Option<(Ask, Answer)>, String> {
        let UnderWay { ask, ticket, lent, tries, .. } = one;
        let answer = match outcome {
            Ok(committed) => Answer::Done(Some((committed.last, committed.parts[0].ticket))),
            Err(AppendError::Conflict { .. }) if tries < TRIES => {
                return Ok(self.decide(ask.clone(), ticket, lent, tries + 1, clock)?.map(|answer| (ask, answer)));
            }
            Err(AppendError::Stopped) => return Ok(None),
            Err(_) => Answer::Later,
        };
        if lent {
            self.lent.remove(&ticket);
        }
        Ok(Some((ask, answer)))
    }

    /// The timer: every ticket whose due time has passed is looked at.
    pub fn check_deadlines(&mut self, clock: i64, label: &mut impl FnMut() -> CommandId) -> Result<usize, String> {
        let now = self.now(clock);
        let due: Vec<(TicketId, SystemCommand)> = self
            .board
            .lock()
            .tickets()
            .filter_map(|state| {
                let closes = state.closes_at(self.rules.close_solved_after_ms).is_some_and(|at| at <= now);
                let breaches = state.next_breach_at().is_some_and(|at| at <= now);
                let command = if closes { SystemCommand::CloseSolved } else { SystemCommand::CheckSla };
                (closes || breaches).then_some((state.ticket.id, command))
            })
            .collect();
        let count = due.len();
        for (id, command) in due {
            let command = Command::System(command);
            let ask = Ask { who: usize::MAX, id: label(), ticket: Some(id), command, since: clock };
            self.decide(ask, id, false, 0, clock)?;
        }
        Ok(count)
    }
}

fn part((before, decision): (Option<Arc<TicketState>>, Decision)) -> Part {
    Part {
        ticket: decision.after.ticket.id,
        expect: before.as_ref().map_or(Version::ZERO, |state| state.ticket.version),
        drafts: decision.drafts,
        before,
        after: Arc::new(decision.after),
    }
}

fn code(rejection: &Rejection) -> String {
    let text = format!("{rejection:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}
