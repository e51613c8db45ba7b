//! The door: finds or wakes the ticket that a command is for, remembers commands that are under way, gives the answer of
//! a repeated one again, and carries out what concerns two tickets. Everybody's commands come through here.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use actix::{Actor, Addr, MailboxError};
use actix_rt::ArbiterHandle;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::watch;

use crate::actors::queue::{ClaimFirst, QueueDoor};
use crate::actors::ticket::{Crash, Execute, Hold, HoldStill, Retire, Ticket};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::command::Command;
use crate::domain::decide::{Context, absent, decide_pair, needs_other};
use crate::domain::event::Event;
use crate::domain::ids::{CommandId, MessageId, Seq, TicketId, UserId, Version};
use crate::domain::message::Message;
use crate::domain::permissions::Principal;
use crate::domain::record::Draft;
use crate::domain::rejection::Rejection;
use crate::domain::rules::{FieldLimits, People, Rules};
use crate::domain::state::TicketState;
use crate::domain::time::Timestamp;
use crate::journal::writer::{AppendError, WriterHandle};
use crate::journal::{Append, Journal, JournalError, Memo, Part};
use crate::protocol::code::Code;
use crate::protocol::gateway::{Done, Gateway, Order, Pending};
use crate::protocol::problem::Problem;
use crate::protocol::views::QueueView;
use crate::reads::Reads;

/// How often a command is tried again because its ticket retired or died just then.
const WAKE_TRIES: usize = 3;

/// What every ticket needs of the world.
pub struct Core {
    pub config: Arc<Config>,
    pub rules: Arc<Rules>,
    pub limits: FieldLimits,
    pub people: Arc<dyn People + Send + Sync>,
    pub clock: Clock,
    pub journal: Arc<dyn Journal>,
    pub writer: WriterHandle,
    pub reads: Arc<Reads>,
    /// How many sessions each user has open: kept by presence, asked at each command.
    pub connected: DashMap<UserId, usize>,
    /// Told once when storage failed: the process stops.
    pub fatal: Arc<dyn Fn(&JournalError) + Send + Sync>,
}

/// Whose command it is and how it is remembered.
#[derive(Clone, Debug)]
pub struct Origin {
    pub principal: Arc<Principal>,
    pub command_id: CommandId,
    pub live: bool,
    /// Set for what the client may repeat.
    pub fingerprint: Option<u64>,
}

/// What a ticket answers when it is on disk.
#[derive(Clone, Debug)]
pub struct Answer {
    pub seq: Seq,
    pub version: Version,
    pub state: Arc<TicketState>,
    pub message: Option<Message>,
}

impl Origin {
    pub fn memo(&self, ticket: TicketId, version: Version, at: Timestamp) -> Option<Memo> {
        self.fingerprint.map(|fingerprint| Memo {
            user: self.principal.id.clone(),
            key: self.command_id.clone(),
            fingerprint,
            at,
            ticket,
            version,
            seq: Seq::ZERO,
        })
    }
}

impl Core {
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.now_millis())
    }

    /// Runs a pure decision with everything that it may ask about.
    pub fn decide<T>(
        &self,
        origin: &Origin,
        decide: impl FnOnce(&Context<'_>) -> Result<T, Rejection>,
    ) -> Result<T, Rejection> {
        decide(&Context {
            now: self.now(),
            principal: &origin.principal,
            command_id: &origin.command_id,
            live: origin.live,
            rules: &self.rules,
            people: self.people.as_ref(),
            limits: &self.limits,
            message_id: MessageId::from(uuid::Uuid::now_v7().to_string()),
        })
    }

    /// A rejection as the client sees it; a stale reply comes with what the writer has not seen.
    pub fn refusal(&self, rejection: Rejection) -> Problem {
        let Rejection::StaleReply { ticket, last_seen } = rejection else { return Problem::from(rejection) };
        match self.journal.read_ticket(ticket, last_seen, 1000) {
            Ok(records) => {
                let messages = records
                    .iter()
                    .filter_map(|stored| stored.record().ok())
                    .filter_map(|record| match record.draft.event {
                        Event::MessageAdded { message } => Some(message),
                        _ => None,
                    })
                    .filter(|message| message.visibility == crate::domain::message::Visibility::Public)
                    .collect();
                Problem { messages: Some(messages), ..Problem::from(rejection) }
            }
            Err(error) => {
                self.fail(&error);
                unavailable()
            }
        }
    }

    pub fn on_board(&self, id: TicketId) -> Option<Arc<TicketState>> {
        self.reads.board().get(id).cloned()
    }

    /// The ticket's state as the journal has it, read on a blocking thread.
    pub async fn read_state(self: &Core, id: TicketId) -> Result<Option<Arc<TicketState>>, Problem> {
        let journal = Arc::clone(&self.journal);
        self.blocking(move || journal.state(id)).await.map(|state| state.map(Arc::new))
    }

    /// Whether the journal remembers this command.
    pub fn has_taken_effect(&self, origin: &Origin) -> Result<bool, Problem> {
        if origin.fingerprint.is_none() {
            return Ok(false);
        }
        self.journal.memo(&origin.principal.id, &origin.command_id).map(|memo| memo.is_some()).map_err(|error| {
            self.fail(&error);
            unavailable()
        })
    }

    /// The seq of one of the ticket's records.
    pub async fn last_seq(&self, id: TicketId, version: Version) -> Result<Seq, Problem> {
        let journal = Arc::clone(&self.journal);
        let before = Version(version.get().saturating_sub(1));
        let records = self.blocking(move || journal.read_ticket(id, before, 1)).await?;
        records.first().map(|stored| stored.seq).ok_or_else(|| Problem::from(Rejection::NotFound))
    }

    async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, Problem> {
        match actix_rt::task::spawn_blocking(read).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                self.fail(&error);
                Err(unavailable())
            }
            Err(_) => Err(unavailable()),
        }
    }

    /// Storage failed: nothing can be promised any more.
    pub fn fail(&self, error: &JournalError) {
        (self.fatal)(error);
    }
}

fn unavailable() -> Problem {
    Problem::new(Code::Unavailable, "the desk is stopping")
}

/// A writer's refusal as the client sees it.
pub fn fault(error: &AppendError) -> Problem {
    match error {
        AppendError::Conflict { version, .. } => Problem::from(Rejection::VersionConflict { version: *version }),
        AppendError::Full => {
            Problem::new(Code::StorageFull, "there is no room on the desk's disk; nothing was changed")
        }
        AppendError::Overloaded => Problem::new(Code::Overloaded, "too many changes are waiting for the disk"),
        AppendError::Stopped => unavailable(),
    }
}

/// The message that these records added.
pub fn message_in(drafts: &[Draft]) -> Option<Message> {
    drafts.iter().find_map(|draft| match &draft.event {
        Event::Created { message } | Event::MessageAdded { message } => Some(message.clone()),
        _ => None,
    })
}

/// The directory of tickets in use. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Core>,
    /// Tickets and the queue live on this thread: what talks a lot stays together.
    arbiter: ArbiterHandle,
    awake: DashMap<TicketId, Arc<Live>>,
    under_way: DashMap<(UserId, CommandId), UnderWay>,
    next_ticket: AtomicU64,
    queue: OnceLock<QueueDoor>,
}

struct Live {
    addr: Addr<Ticket>,
    used_at: AtomicI64,
    waiting: AtomicUsize,
}

/// One command's place before a ticket. actix lets a sender wait without end when a mailbox is full; here the limit is an
/// answer.
struct Seat(Arc<Live>);

impl Seat {
    fn take(live: Arc<Live>, limit: usize) -> Result<Self, Problem> {
        if live.waiting.fetch_add(1, Ordering::Relaxed) >= limit {
            live.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Problem::new(Code::Overloaded, "too many commands are waiting for this ticket"));
        }
        Ok(Self(live))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A remembered command that has no answer yet: repeats wait here.
#[derive(Clone)]
struct UnderWay {
    fingerprint: u64,
    outcome: watch::Receiver<Option<Result<Done, Problem>>>,
}

impl Directory {
    pub fn new(core: Arc<Core>, arbiter: ArbiterHandle) -> Self {
        let next_ticket = AtomicU64::new(core.journal.last_ticket().get() + 1);
        Self {
            inner: Arc::new(Inner {
                core,
                arbiter,
                awake: DashMap::new(),
                under_way: DashMap::new(),
                next_ticket,
                queue: OnceLock::new(),
            }),
        }
    }

    /// Tells where claims go. Called once by `app`, since the queue needs the directory too.
    pub fn set_queue(&self, queue: QueueDoor) {
        assert!(self.inner.queue.set(queue).is_ok(), "invariant: the queue is set once");
    }

    pub fn core(&self) -> &Arc<Core> {
        &self.inner.core
    }

    /// Tickets that are in memory as actors.
    pub fn awake(&self) -> usize {
        self.inner.awake.len()
    }

    /// Sends a command to its ticket, without the memory of commands. Used by [`Directory::execute`] and by the queue.
    pub async fn send(&self, id: TicketId, make: impl Fn() -> Execute) -> Result<Answer, Problem> {
        for _ in 0..WAKE_TRIES {
            let seat = self.inner.seat(id)?;
            match seat.0.addr.send(make()).await {
                Ok(answer) => return answer,
                Err(error) => self.inner.lost(id, &seat.0.addr, &error)?,
            }
        }
        Err(Problem::new(Code::Overloaded, "the ticket cannot be reached"))
    }

    /// Makes a ticket's actor die as a bug would: a drill for what stands around it.
    pub fn crash(&self, id: TicketId) {
        // A full mailbox would only mean that it dies later or not at all.
        let _ = self.inner.wake(id).addr.try_send(Crash);
    }

    /// Lets tickets go that nobody has needed for a while. Called now and then by `app`.
    pub fn retire_idle(&self) {
        let before = self.inner.core.clock.now_millis() - self.inner.core.config.tickets.idle_ms;
        let mut retired = Vec::new();
        self.inner.awake.retain(|_, live| {
            let stays = live.used_at.load(Ordering::Relaxed) > before;
            if !stays {
                retired.push(live.addr.clone());
            }
            stays
        });
        for addr in retired {
            // A full mailbox means that it is in use after all; it stays reachable through its callers and ends with them.
            let _ = addr.try_send(Retire);
        }
    }

    async fn run(self, order: Order) -> Result<Done, Problem> {
        if !order.keyed {
            return self.carry_out(order, None).await;
        }
        let fingerprint = fingerprint(&order);
        let key = (order.principal.id.clone(), order.command_id.clone());
        let (report, outcome) = watch::channel(None);
        let other = match self.inner.under_way.entry(key.clone()) {
            Entry::Occupied(entry) => Some(entry.get().clone()),
            Entry::Vacant(entry) => {
                entry.insert(UnderWay { fingerprint, outcome });
                None
            }
        };
        if let Some(mut first) = other {
            if first.fingerprint != fingerprint {
                return Err(reused());
            }
            let outcome = first.outcome.wait_for(Option::is_some).await.map_err(|_| unavailable())?;
            return match outcome.as_ref().expect("invariant: just waited for it") {
                Ok(done) => Ok(Done { replayed: true, ..done.clone() }),
                Err(problem) => Err(problem.clone()),
            };
        }
        let _forget = Forget { inner: &self.inner, key: &key };
        let result = match self.recall(&order, fingerprint).await {
            Ok(Some(done)) => Ok(done),
            Ok(None) => self.carry_out(order, Some(fingerprint)).await,
            Err(problem) => Err(problem),
        };
        report.send_replace(Some(result.clone()));
        result
    }

    /// The first answer to this very command, if it took effect within the time that commands are remembered.
    async fn recall(&self, order: &Order, fingerprint: u64) -> Result<Option<Done>, Problem> {
        let core = &self.inner.core;
        let memo = core.journal.memo(&order.principal.id, &order.command_id).map_err(|error| {
            core.fail(&error);
            unavailable()
        })?;
        let Some(memo) = memo else { return Ok(None) };
        if core.now().millis_since(memo.at) > core.config.journal.remember_commands_ms {
            return Ok(None);
        }
        if memo.fingerprint != fingerprint {
            return Err(reused());
        }
        let (journal, ticket, version, key) =
            (Arc::clone(&core.journal), memo.ticket, memo.version, order.command_id.clone());
        let (state, message) = core
            .blocking(move || {
                let state = crate::feed::replay(journal.as_ref(), ticket, version.next())?;
                let mut message = None;
                let mut after = Version::ZERO;
                loop {
                    let records = journal.read_ticket(ticket, after, 256)?;
                    let Some(last) = records.last() else { break };
                    after = last.record()?.version;
                    for stored in &records {
                        let record = stored.record()?;
                        if record.command_id == key && message.is_none() {
                            message = message_in(std::slice::from_ref(&record.draft));
                        }
                    }
                    if after >= version {
                        break;
                    }
                }
                Ok((state, message))
            })
            .await?;
        let state = state.ok_or_else(|| Problem::from(Rejection::NotFound))?;
        Ok(Some(Done {
            seq: memo.seq,
            version: memo.version,
            ticket: Some(Arc::new(state.ticket)),
            message,
            replayed: true,
        }))
    }

    async fn carry_out(&self, order: Order, fingerprint: Option<u64>) -> Result<Done, Problem> {
        let Order { principal, command_id, live, ticket, expect, command, .. } = order;
        // Whoever has a session open can be seen to vanish, whichever way this command came.
        let live = live || self.inner.core.connected.contains_key(&principal.id);
        let origin = Origin { principal, command_id, live, fingerprint };
        let answer = match command {
            Command::ClaimNext(wanted) => {
                let queue = self.inner.queue.get().ok_or_else(unavailable)?;
                return match queue.claim(ClaimFirst { origin, wanted }).await {
                    Ok(Some(answer)) => Ok(done(answer)),
                    Ok(None) => {
                        let seq = self.inner.core.journal.head().seq;
                        Ok(Done { seq, version: Version::ZERO, ticket: None, message: None, replayed: false })
                    }
                    Err(problem) => Err(problem),
                };
            }
            Command::Create(create) => {
                // Refused before an id is spent, so that ids have no holes for nothing.
                let command = Command::Create(create);
                let probe = TicketId(self.inner.next_ticket.load(Ordering::Relaxed));
                self.inner
                    .core
                    .decide(&origin, |context| {
                        crate::domain::decide::decide(None, probe, expect, &command, context).map(drop)
                    })
                    .map_err(Problem::from)?;
                self.open(origin, command, None).await?
            }
            command => {
                let id = ticket.ok_or_else(|| Problem::field("/ticket", "required", "this command needs a ticket"))?;
                self.known(id)?;
                self.on_ticket(id, origin, expect, command).await?
            }
        };
        Ok(done(answer))
    }

    /// Ids that were never given out have no ticket; nobody is woken for them.
    fn known(&self, id: TicketId) -> Result<(), Problem> {
        if id.get() == 0 || id.get() >= self.inner.next_ticket.load(Ordering::Relaxed) {
            return Err(Problem::from(Rejection::NotFound));
        }
        Ok(())
    }

    async fn on_ticket(
        &self,
        id: TicketId,
        origin: Origin,
        expect: Option<Version>,
        command: Command,
    ) -> Result<Answer, Problem> {
        if matches!(command, Command::Merge(_) | Command::Link(_) | Command::Unlink(_) | Command::Undo(_)) {
            let state = self.state(id).await?;
            if !self.inner.core.rules.private_teams.sees(&origin.principal, state.ticket.team.as_deref()) {
                return Err(Problem::from(Rejection::NotFound));
            }
            if let Some(other) = needs_other(&state, &command) {
                if other == id {
                    let at = if matches!(command, Command::Merge(_)) { "/into" } else { "/to" };
                    return Err(Problem::field(at, "invalid", "a ticket cannot be joined to itself"));
                }
                if self.known(other).is_err() {
                    let at = if matches!(command, Command::Merge(_)) { "/into" } else { "/to" };
                    return Err(Problem::from(absent(at)));
                }
                return self.on_pair(id, other, &origin, expect, &command).await;
            }
        }
        let outcome = self
            .send(id, || Execute { origin: origin.clone(), expect, command: command.clone(), follow_up_of: None })
            .await;
        match (outcome, &command) {
            (Err(problem), Command::Message(_)) if problem.code == Code::TicketClosed => {
                let closed = self.state(id).await?;
                self.open(origin, command, Some(closed)).await
            }
            (outcome, _) => outcome,
        }
    }

    /// Opens a ticket under the next id.
    async fn open(
        &self,
        origin: Origin,
        command: Command,
        follow_up_of: Option<Arc<TicketState>>,
    ) -> Result<Answer, Problem> {
        let id = TicketId(self.inner.next_ticket.fetch_add(1, Ordering::Relaxed));
        let live = self.inner.open(id);
        let execute = Execute { origin, expect: None, command, follow_up_of };
        match live.addr.send(execute).await {
            Ok(answer) => answer,
            Err(error) => Err(mailbox(&error)),
        }
    }

    async fn state(&self, id: TicketId) -> Result<Arc<TicketState>, Problem> {
        if let Some(state) = self.inner.core.on_board(id) {
            return Ok(state);
        }
        self.inner.core.read_state(id).await?.ok_or_else(|| Problem::from(Rejection::NotFound))
    }

    /// A command that changes two tickets: both hold still, lower id first so that two such commands never wait for each
    /// other, and one append carries both.
    async fn on_pair(
        &self,
        id: TicketId,
        other: TicketId,
        origin: &Origin,
        expect: Option<Version>,
        command: &Command,
    ) -> Result<Answer, Problem> {
        let (low, high) = (id.min(other), id.max(other));
        let first = self.hold(low).await?;
        let second = self.hold(high).await?;
        let (mine, theirs) = if low == id { (first, second) } else { (second, first) };
        let core = &self.inner.core;
        let decided = core.decide(origin, |context| decide_pair(&mine.state, &theirs.state, expect, command, context));
        let (this, that) = decided.map_err(|rejection| core.refusal(rejection))?;
        let version = this.after.ticket.version;
        let parts: Vec<Part> = [(&mine, this), (&theirs, that)]
            .into_iter()
            .filter(|(_, decision)| !decision.drafts.is_empty())
            .map(|(hold, decision)| Part {
                ticket: hold.state.ticket.id,
                expect: hold.state.ticket.version,
                drafts: decision.drafts,
                before: Some(Arc::clone(&hold.state)),
                after: Arc::new(decision.after),
            })
            .collect();
        if parts.is_empty() {
            let seq = core.last_seq(id, version).await?;
            return Ok(Answer { seq, version, state: Arc::clone(&mine.state), message: None });
        }
        let after: Vec<_> = parts.iter().map(|part| (part.ticket, Arc::clone(&part.after))).collect();
        let memo = origin.memo(id, version, core.now());
        let committed = core.writer.append(Append { parts, memo }).await.map_err(|error| fault(&error))?;
        let mut answer = Answer { seq: committed.last, version, state: Arc::clone(&mine.state), message: None };
        for (hold, held) in [(mine, id), (theirs, other)] {
            let changed = after.iter().find(|(ticket, _)| *ticket == held).map(|(_, state)| Arc::clone(state));
            let last = committed
                .parts
                .iter()
                .find(|part| part.ticket == held)
                .and_then(|part| part.records.last())
                .map_or(committed.last, |record| record.seq);
            if held == id
                && let Some(state) = &changed
            {
                answer.state = Arc::clone(state);
            }
            hold.release(changed.map(|state| (state, last)));
        }
        Ok(answer)
    }

    async fn hold(&self, id: TicketId) -> Result<Hold, Problem> {
        for _ in 0..WAKE_TRIES {
            let seat = self.inner.seat(id)?;
            match seat.0.addr.send(HoldStill).await {
                Ok(hold) => return hold,
                Err(error) => self.inner.lost(id, &seat.0.addr, &error)?,
            }
        }
        Err(Problem::new(Code::Overloaded, "the ticket cannot be reached"))
    }
}

impl Inner {
    fn seat(&self, id: TicketId) -> Result<Seat, Problem> {
        Seat::take(self.wake(id), self.core.config.tickets.mailbox)
    }

    fn wake(&self, id: TicketId) -> Arc<Live> {
        if let Some(live) = self.awake.get(&id)
            && live.addr.connected()
        {
            live.used_at.store(self.core.clock.now_millis(), Ordering::Relaxed);
            return Arc::clone(&live);
        }
        match self.awake.entry(id) {
            Entry::Occupied(mut entry) => {
                if !entry.get().addr.connected() {
                    entry.insert(self.start(Ticket::asleep(id, Arc::clone(&self.core))));
                }
                Arc::clone(entry.get())
            }
            Entry::Vacant(entry) => {
                Arc::clone(entry.insert(self.start(Ticket::asleep(id, Arc::clone(&self.core)))).value())
            }
        }
    }

    fn open(&self, id: TicketId) -> Arc<Live> {
        let live = self.start(Ticket::unborn(id, Arc::clone(&self.core)));
        self.awake.insert(id, Arc::clone(&live));
        live
    }

    fn start(&self, ticket: Ticket) -> Arc<Live> {
        Arc::new(Live {
            addr: Ticket::start_in_arbiter(&self.arbiter, move |_| ticket),
            used_at: AtomicI64::new(self.core.clock.now_millis()),
            waiting: AtomicUsize::new(0),
        })
    }

    /// A ticket did not answer. A closed mailbox means that it retired or died: it is woken again; a full one is an answer.
    fn lost(&self, id: TicketId, addr: &Addr<Ticket>, error: &MailboxError) -> Result<(), Problem> {
        match error {
            MailboxError::Timeout => Err(mailbox(error)),
            MailboxError::Closed => {
                self.awake.remove_if(&id, |_, live| live.addr == *addr);
                Ok(())
            }
        }
    }
}

/// Forgets a command that is no longer under way, whatever became of it.
struct Forget<'a> {
    inner: &'a Inner,
    key: &'a (UserId, CommandId),
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.inner.under_way.remove(self.key);
    }
}

fn mailbox(error: &MailboxError) -> Problem {
    match error {
        MailboxError::Closed => Problem::new(Code::Overloaded, "the ticket stopped while it was asked; try again"),
        MailboxError::Timeout => Problem::new(Code::Overloaded, "the ticket is busy"),
    }
}

fn reused() -> Problem {
    Problem::new(Code::IdempotencyKeyReused, "this key was used for another command")
}

fn done(answer: Answer) -> Done {
    Done {
        seq: answer.seq,
        version: answer.version,
        ticket: Some(Arc::new(answer.state.ticket.clone())),
        message: answer.message,
        replayed: false,
    }
}

/// Over what a command says and to which ticket: equal for HTTP and WebSocket.
fn fingerprint(order: &Order) -> u64 {
    let said = serde_json::to_vec(&(order.ticket, &order.command))
        .expect("invariant: commands from the wire can be written back");
    xxhash_rust::xxh3::xxh3_64(&said)
}

impl Gateway for Directory {
    /// Runs apart from the caller: a client that hangs up does not undo half of a command, nor its memory.
    fn execute(&self, order: Order) -> Pending<Done> {
        let work = actix_rt::spawn(self.clone().run(order));
        Box::pin(async move { work.await.map_err(|_| unavailable())? })
    }

    fn queue(&self, limit: usize, principal: &Arc<Principal>) -> Pending<QueueView> {
        let queue = self.inner.queue.get().cloned();
        let sight = self.inner.core.rules.private_teams.sight(principal);
        Box::pin(async move {
            let queue = queue.ok_or_else(unavailable)?;
            queue.view(limit, sight).await
        })
    }
}
