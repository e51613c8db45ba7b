//! The door: finds or wakes the ticket that a command is for, remembers commands that are under way, gives the answer of
//! a repeated one again, and carries out what concerns two tickets. Everybody's commands come through here.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use actix::{Actor, Addr, MailboxError};
use actix_rt::ArbiterHandle;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use futures_util::StreamExt as _;
use futures_util::stream;
use tracing::{Instrument as _, Span};

use crate::actors::history::{self, Answered, Unseen};
use crate::actors::queue::{ClaimFirst, QueueDoor};
use crate::actors::ticket::{CONFLICT_TRIES, Crash, End, Execute, Hold, HoldStill, Retire, Ticket};
use crate::attachments::Attachments;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::command::Command;
use crate::domain::decide::{Context, absent, decide_pair, needs_other};
use crate::domain::event::Event;
use crate::domain::ids::{CommandId, MessageId, Seq, TicketId, UserId, Version};
use crate::domain::message::{Attachment, Message};
use crate::domain::permissions::{Permission, Principal};
use crate::domain::record::Draft;
use crate::domain::rejection::Rejection;
use crate::domain::rules::{FieldLimits, People, Rules};
use crate::domain::state::TicketState;
use crate::domain::time::Timestamp;
use crate::journal::writer::{AppendError, WriterHandle};
use crate::journal::{Append, Journal, JournalError, Memo, Part};
use crate::people::People as Accounts;
use crate::protocol::code::Code;
use crate::protocol::gateway::{After, BulkDone, BulkOrder, Done, Gateway, Order, Pending};
use crate::protocol::keys::reused;
use crate::protocol::problem::Problem;
use crate::protocol::views::QueueView;
use crate::reads::Reads;

/// How often a command is tried again because its ticket retired or died just then.
const WAKE_TRIES: usize = 3;
/// Parts of a bulk call that are under way at the same time.
const PARTS_AT_ONCE: usize = 32;
/// What the key of a bulk call is compared with, beside its body.
const BULK: &str = "POST /api/v1/tickets/bulk";

/// What every ticket needs of the world.
pub struct Core {
    pub config: Arc<Config>,
    pub rules: Arc<Rules>,
    pub limits: FieldLimits,
    pub people: Arc<dyn People + Send + Sync>,
    /// Who has the gate of keys, and the keys that are no single command's.
    pub accounts: Arc<Accounts>,
    pub clock: Clock,
    pub journal: Arc<dyn Journal>,
    pub writer: WriterHandle,
    pub reads: Arc<Reads>,
    pub attachments: Arc<Attachments>,
    /// How many sessions each user has open: kept by presence, asked at each command.
    pub connected: DashMap<UserId, usize>,
    /// The latest time that was given out: records' times never run backwards, whatever the machine's clock does.
    pub latest: AtomicI64,
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
    pub memory: Option<Memory>,
    /// Uploaded files that the command may take, held for it.
    pub files: Arc<[Attachment]>,
    /// What the command's steps are logged in.
    pub span: Span,
}

/// Under which name a command is remembered, and what a repeat is compared with.
#[derive(Clone, Debug)]
pub struct Memory {
    /// Whose keys it is among: the user's own, or those of his bulk calls' parts, so that no key of his can be one of theirs.
    space: UserId,
    fingerprint: u64,
}

impl Memory {
    fn of(order: &Order) -> Self {
        Self { space: order.principal.id.clone(), fingerprint: fingerprint(&(order.ticket, &order.command)) }
    }

    fn of_part(order: &Order) -> Self {
        Self { space: UserId::from(format!("{} in bulk", order.principal.id)), ..Self::of(order) }
    }
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
        self.memory.as_ref().map(|memory| Memo {
            user: memory.space.clone(),
            key: self.command_id.clone(),
            fingerprint: memory.fingerprint,
            at,
            ticket,
            version,
            seq: Seq::ZERO,
        })
    }
}

impl Core {
    /// The desk's time: the machine's, but never before that of an earlier record. After a clock was set back the desk's time stands
    /// still until the clock has caught up.
    pub fn now(&self) -> Timestamp {
        let now = self.clock.now_millis();
        Timestamp::from_millis(self.latest.fetch_max(now, Ordering::Relaxed).max(now))
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
            files: &origin.files,
        })
    }

    /// A rejection as the client sees it; a stale reply comes with what the writer has not seen, read on a blocking thread.
    pub async fn refusal(&self, rejection: Rejection) -> Problem {
        let Rejection::StaleReply { ticket, last_seen } = rejection else { return Problem::from(rejection) };
        let journal = Arc::clone(&self.journal);
        match self.blocking(move || history::unseen(journal.as_ref(), ticket, last_seen)).await {
            Ok(Unseen { messages, has_more }) => {
                Problem { messages: Some(messages), has_more: has_more.then_some(true), ..Problem::from(rejection) }
            }
            Err(problem) => problem,
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
        let Some(memory) = &origin.memory else { return Ok(false) };
        self.journal.memo(&memory.space, &origin.command_id).map(|memo| memo.is_some()).map_err(|error| {
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

    /// What reads the journal, on a thread that may wait for it.
    pub async fn blocking<T: Send + 'static>(
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

impl Directory {
    pub fn new(core: Arc<Core>, arbiter: ArbiterHandle) -> Self {
        let next_ticket = AtomicU64::new(core.journal.last_ticket().get() + 1);
        Self { inner: Arc::new(Inner { core, arbiter, awake: DashMap::new(), next_ticket, queue: OnceLock::new() }) }
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
        let memory = Memory::of(&order);
        let accounts = &self.inner.core.accounts;
        let _pass = accounts.keys().enter(&memory.space, &order.command_id, memory.fingerprint).await?;
        accounts.refuse_foreign_key(&memory.space, &order.command_id)?;
        self.once(order, memory).await
    }

    /// One ticket's part of a bulk call.
    async fn run_part(self, order: Order) -> Result<Done, Problem> {
        if !order.keyed {
            return self.carry_out(order, None).await;
        }
        let memory = Memory::of_part(&order);
        // A ticket may be named twice.
        let keys = self.inner.core.accounts.keys();
        let _pass = keys.enter(&memory.space, &order.command_id, memory.fingerprint).await?;
        self.once(order, memory).await
    }

    /// Carries out what was not carried out before. The caller has the turn under its key.
    async fn once(&self, order: Order, memory: Memory) -> Result<Done, Problem> {
        match self.remembered(&order, &memory)? {
            Some(memo) => Box::pin(self.recall(&order, memo)).await,
            None => self.carry_out(order, Some(memory)).await,
        }
    }

    async fn run_bulk(self, order: BulkOrder) -> Result<BulkDone, Problem> {
        if !order.keyed {
            return Ok(self.parts(&order).await);
        }
        let (user, key) = (&order.principal.id, &order.command_id);
        let fingerprint = fingerprint(&(BULK, (&order.tickets, &order.command)));
        let accounts = &self.inner.core.accounts;
        let _pass = accounts.keys().enter(user, key, fingerprint).await?;
        let is_repeat = accounts.is_bound(user, key, fingerprint)?;
        if !is_repeat {
            accounts.bind(user, key, fingerprint).await?;
        }
        let done = self.parts(&order).await;
        if !is_repeat && done.iter().all(|(_, done)| done.is_err()) {
            // What took no effect is not remembered. Where that cannot be written, a repeat of the same call is still decided
            // anew, and another call needs another key.
            if let Err(problem) = accounts.unbind(user, key).await {
                tracing::warn!(code = problem.code.wire(), "the key of a bulk call that did nothing stays taken");
            }
        }
        Ok(done)
    }

    async fn parts(&self, order: &BulkOrder) -> BulkDone {
        let parts = order.tickets.iter().map(|id| {
            let part = Order {
                principal: order.principal.clone(),
                command_id: CommandId::from(format!("{}:{id}", order.command_id)),
                keyed: order.keyed,
                live: false,
                ticket: Some(*id),
                expect: None,
                command: order.command.clone(),
            };
            let running = self.clone().run_part(part);
            async move { (*id, running.await) }
        });
        stream::iter(parts).buffered(PARTS_AT_ONCE).collect().await
    }

    /// What is known of this very command, if it took effect within the time that commands are remembered.
    fn remembered(&self, order: &Order, memory: &Memory) -> Result<Option<Memo>, Problem> {
        let core = &self.inner.core;
        let memo = core.journal.memo(&memory.space, &order.command_id).map_err(|error| {
            core.fail(&error);
            unavailable()
        })?;
        let Some(memo) = memo else { return Ok(None) };
        if core.now().millis_since(memo.at) > core.config.journal.remember_commands_ms {
            return Ok(None);
        }
        if memo.fingerprint == memory.fingerprint { Ok(Some(memo)) } else { Err(reused()) }
    }

    /// The first answer to a command that took effect.
    async fn recall(&self, order: &Order, memo: Memo) -> Result<Done, Problem> {
        let core = &self.inner.core;
        // The answer has the ticket in it: it is for those who may have it now.
        if !order.principal.may(Permission::TicketWrite) {
            return Err(Rejection::Forbidden(Permission::TicketWrite).into());
        }
        if !core.reads.is_in_sight(memo.ticket, &order.principal).await? {
            // Unless it is out of sight by this very command: then the answer has nothing that did not come from the caller.
            let (journal, by) = (Arc::clone(&core.journal), order.principal.id.clone());
            let (ticket, version, key) = (memo.ticket, memo.version, order.command_id.clone());
            let put = move || history::chose_team(journal.as_ref(), ticket, version, &by, &key);
            if !core.blocking(put).await? {
                return Err(Rejection::NotFound.into());
            }
        }
        let (journal, by) = (Arc::clone(&core.journal), order.principal.id.clone());
        let (ticket, version, key) = (memo.ticket, memo.version, order.command_id.clone());
        let found = core.blocking(move || history::answered(journal.as_ref(), ticket, version, &by, &key)).await?;
        let Answered { ticket, message } = found.ok_or_else(|| Problem::from(Rejection::NotFound))?;
        Ok(Done { seq: memo.seq, version, ticket: Some(After::Then(Arc::new(ticket))), message, replayed: true })
    }

    async fn carry_out(&self, order: Order, memory: Option<Memory>) -> Result<Done, Problem> {
        let Order { principal, command_id, live, ticket, expect, command, .. } = order;
        // Whoever has a session open can be seen to vanish, whichever way this command came.
        let live = live || self.inner.core.connected.contains_key(&principal.id);
        let held = self.inner.core.attachments.hold(&principal.id, command.attachments());
        let origin = Origin { principal, command_id, live, memory, files: held.files(), span: Span::current() };
        let outcome = self.carry_on(origin, ticket, expect, command).await;
        held.release().await;
        outcome
    }

    async fn carry_on(
        &self,
        origin: Origin,
        ticket: Option<TicketId>,
        expect: Option<Version>,
        command: Command,
    ) -> Result<Done, Problem> {
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
                Box::pin(self.open(Arc::new(origin), Arc::new(command), None)).await?
            }
            command => {
                let id = ticket.ok_or_else(|| Problem::field("/ticket", "required", "this command needs a ticket"))?;
                self.known(id)?;
                self.on_ticket(id, Arc::new(origin), expect, Arc::new(command)).await?
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
        origin: Arc<Origin>,
        expect: Option<Version>,
        command: Arc<Command>,
    ) -> Result<Answer, Problem> {
        if matches!(*command, Command::Merge(_) | Command::Link(_) | Command::Unlink(_) | Command::Undo(_)) {
            let state = self.state(id).await?;
            if !self.inner.core.rules.private_teams.sees(&origin.principal, state.ticket.team.as_deref()) {
                return Err(Problem::from(Rejection::NotFound));
            }
            if let Some(other) = needs_other(&state, &command) {
                if other == id {
                    let at = if matches!(*command, Command::Merge(_)) { "/into" } else { "/to" };
                    return Err(Problem::field(at, "invalid", "a ticket cannot be joined to itself"));
                }
                if self.known(other).is_err() {
                    let at = if matches!(*command, Command::Merge(_)) { "/into" } else { "/to" };
                    return Err(Problem::from(absent(at)));
                }
                return Box::pin(self.on_pair(id, other, &origin, expect, &command)).await;
            }
        }
        let execute =
            || Execute { origin: Arc::clone(&origin), expect, command: Arc::clone(&command), follow_up_of: None };
        let outcome = self.send(id, execute).await;
        match (outcome, command.as_ref()) {
            (Err(problem), Command::Message(_)) if problem.code == Code::TicketClosed => {
                let closed = self.state(id).await?;
                Box::pin(self.open(origin, command, Some(closed))).await
            }
            (outcome, _) => outcome,
        }
    }

    /// Opens a ticket under the next id.
    async fn open(
        &self,
        origin: Arc<Origin>,
        command: Arc<Command>,
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
        let (mut mine, mut theirs) = if low == id { (first, second) } else { (second, first) };
        let core = &self.inner.core;
        let mut outcome = Err(PairError::Behind);
        for _ in 0..CONFLICT_TRIES {
            outcome = append_pair(core, &mine.state, &theirs.state, origin, expect, command).await;
            if !matches!(outcome, Err(PairError::Behind)) {
                break;
            }
            // Perhaps this very command got through by somebody who died before he could answer.
            if core.has_taken_effect(origin)? {
                return Err(Problem::new(Code::Overloaded, "ask again: the command may have taken effect"));
            }
            for hold in [&mut mine, &mut theirs] {
                hold.refresh(core).await?;
            }
        }
        match outcome {
            Ok((answer, ends)) => {
                for hold in [mine, theirs] {
                    let end = ends.iter().find(|(state, _)| state.ticket.id == hold.id());
                    hold.release(end.cloned());
                }
                Ok(answer)
            }
            Err(PairError::Refused(problem)) => Err(problem),
            Err(PairError::Behind) => Err(Problem::new(Code::Overloaded, "the tickets are changing too fast")),
        }
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

/// Why a command for two tickets did not take place.
enum PairError {
    Refused(Problem),
    /// The journal knows a newer version of one of them.
    Behind,
}

/// Decides and appends both halves. Gives the tickets that were changed beside the answer.
async fn append_pair(
    core: &Core,
    mine: &Arc<TicketState>,
    theirs: &Arc<TicketState>,
    origin: &Origin,
    expect: Option<Version>,
    command: &Command,
) -> Result<(Answer, Vec<End>), PairError> {
    let decided = core.decide(origin, |context| decide_pair(mine, theirs, expect, command, context));
    let (this, that) = match decided {
        Ok(decided) => decided,
        Err(rejection) => return Err(PairError::Refused(core.refusal(rejection).await)),
    };
    let id = mine.ticket.id;
    let version = this.after.ticket.version;
    let parts: Vec<Part> = [(mine, this), (theirs, that)]
        .into_iter()
        .filter(|(_, decision)| !decision.drafts.is_empty())
        .map(|(before, decision)| Part {
            ticket: before.ticket.id,
            expect: before.ticket.version,
            drafts: decision.drafts,
            before: Some(Arc::clone(before)),
            after: Arc::new(decision.after),
        })
        .collect();
    if parts.is_empty() {
        let seq = core.last_seq(id, version).await.map_err(PairError::Refused)?;
        return Ok((Answer { seq, version, state: Arc::clone(mine), message: None }, Vec::new()));
    }
    let memo = origin.memo(id, version, core.now());
    let committed = match core.writer.append(Append { parts, memo, asides: Vec::new() }).await {
        Ok(committed) => committed,
        Err(AppendError::Conflict { .. }) => return Err(PairError::Behind),
        Err(error) => return Err(PairError::Refused(fault(&error))),
    };
    let ends: Vec<End> = committed
        .parts
        .iter()
        .map(|part| (Arc::clone(&part.after), part.records.last().map_or(committed.last, |record| record.seq)))
        .collect();
    let after = ends.iter().map(|(state, _)| state).find(|state| state.ticket.id == id).unwrap_or(mine);
    Ok((Answer { seq: committed.last, version, state: Arc::clone(after), message: None }, ends))
}

fn mailbox(error: &MailboxError) -> Problem {
    match error {
        MailboxError::Closed => Problem::new(Code::Overloaded, "the ticket stopped while it was asked; try again"),
        MailboxError::Timeout => Problem::new(Code::Overloaded, "the ticket is busy"),
    }
}

fn done(answer: Answer) -> Done {
    Done {
        seq: answer.seq,
        version: answer.version,
        ticket: Some(After::Now(answer.state)),
        message: answer.message,
        replayed: false,
    }
}

/// Over what is asked for, and of which ticket: equal for HTTP and WebSocket.
fn fingerprint(asked: &impl serde::Serialize) -> u64 {
    let said = serde_json::to_vec(asked).expect("invariant: commands from the wire can be written back");
    xxhash_rust::xxh3::xxh3_64(&said)
}

impl Gateway for Directory {
    /// Runs apart from the caller: a client that hangs up does not undo half of a command, nor its memory.
    fn execute(&self, order: Order) -> Pending<Done> {
        let work = actix_rt::spawn(self.clone().run(order).in_current_span());
        Box::pin(async move { work.await.map_err(|_| unavailable())? })
    }

    fn bulk(&self, order: BulkOrder) -> Pending<BulkDone> {
        let work = actix_rt::spawn(self.clone().run_bulk(order).in_current_span());
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
