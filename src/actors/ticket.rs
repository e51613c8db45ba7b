//! One ticket in use: holds its state, takes one command at a time, and answers when the records are on disk.
//!
//! Woken by the directory, from the board or the journal; retired when idle. It never decides anything itself (that is
//! `domain::decide`) and never sends to anybody: the journal's writer tells the world.

use std::sync::Arc;

use actix::fut::wrap_future;
use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, AtomicResponse, Context, Handler, Message, MessageResult,
};
use tokio::sync::oneshot;
use tracing::Instrument as _;

use crate::actors::directory::{Answer, Core, Origin};
use crate::domain::command::Command;
use crate::domain::decide::{Decision, decide, decide_follow_up};
use crate::domain::ids::{Seq, TicketId, Version};
use crate::domain::rejection::Rejection;
use crate::domain::state::TicketState;
use crate::journal::writer::AppendError;
use crate::journal::{Append, Part};
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;

/// How often a command is decided again because the journal had a newer version than the actor.
pub const CONFLICT_TRIES: usize = 3;

pub struct Ticket {
    id: TicketId,
    core: Arc<Core>,
    state: Held,
    /// Of the ticket's last record, once known.
    last_seq: Option<Seq>,
}

enum Held {
    /// Not read yet.
    Asleep,
    /// Read; `None` means that there is no such ticket (yet).
    Awake(Option<Arc<TicketState>>),
}

impl Ticket {
    /// A ticket that is read when it is first needed.
    pub fn asleep(id: TicketId, core: Arc<Core>) -> Self {
        Self { id, core, state: Held::Asleep, last_seq: None }
    }

    /// A ticket that is about to be opened.
    pub fn unborn(id: TicketId, core: Arc<Core>) -> Self {
        Self { id, core, state: Held::Awake(None), last_seq: None }
    }
}

impl Actor for Ticket {
    type Context = Context<Self>;

    /// Reads the state before the first command is taken. Active tickets are in memory already; the others are read on a
    /// blocking thread, so that a cold disk never holds up other tickets.
    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.core.config.tickets.mailbox);
        if matches!(self.state, Held::Awake(_)) {
            return;
        }
        if let Some(state) = self.core.on_board(self.id) {
            self.state = Held::Awake(Some(state));
            return;
        }
        let (core, id) = (Arc::clone(&self.core), self.id);
        let read = actix_rt::task::spawn_blocking(move || core.journal.state(id));
        ctx.wait(wrap_future(read).map(|read, this: &mut Self, ctx| match read {
            Ok(Ok(state)) => this.state = Held::Awake(state.map(Arc::new)),
            Ok(Err(error)) => {
                this.core.fail(&error);
                ctx.stop();
            }
            Err(_) => ctx.stop(),
        }));
    }
}

/// Do this, and answer when it is on disk.
#[derive(Message)]
#[rtype(result = "Result<Answer, Problem>")]
pub struct Execute {
    pub origin: Arc<Origin>,
    pub expect: Option<Version>,
    pub command: Arc<Command>,
    /// Where a message to a closed ticket goes: the closed ticket's state. Set only by the directory, for an unborn one.
    pub follow_up_of: Option<Arc<TicketState>>,
}

impl Handler<Execute> for Ticket {
    type Result = AtomicResponse<Self, Result<Answer, Problem>>;

    fn handle(&mut self, message: Execute, _: &mut Self::Context) -> Self::Result {
        let core = Arc::clone(&self.core);
        let id = self.id;
        let before = match &self.state {
            Held::Awake(state) => state.clone(),
            Held::Asleep => None,
        };
        let last_seq = self.last_seq;
        let span = message.origin.span.clone();
        let work = async move { execute(&core, id, before, last_seq, message).await }.instrument(span);
        AtomicResponse::new(Box::pin(wrap_future(work).map(|outcome, this: &mut Self, ctx: &mut Context<Self>| {
            match outcome {
                Ok(Executed { answer, state, last_seq }) => {
                    this.state = Held::Awake(Some(state));
                    this.last_seq = Some(last_seq);
                    Ok(answer)
                }
                Err(problem) => {
                    // A ticket that was never opened has nothing to stay for.
                    if matches!(this.state, Held::Awake(None)) {
                        ctx.stop();
                    }
                    Err(problem)
                }
            }
        })))
    }
}

struct Executed {
    answer: Answer,
    state: Arc<TicketState>,
    last_seq: Seq,
}

/// Decides, appends, and decides again where the journal knew better. What seldom happens lies in a box, or the future of every
/// command would carry the room for it from place to place.
async fn execute(
    core: &Core,
    id: TicketId,
    mut before: Option<Arc<TicketState>>,
    last_seq: Option<Seq>,
    message: Execute,
) -> Result<Executed, Problem> {
    let Execute { origin, expect, command, follow_up_of } = message;
    for _ in 0..CONFLICT_TRIES {
        let decision = core.decide(&origin, |context| match (&follow_up_of, command.as_ref()) {
            (Some(closed), Command::Message(message)) => decide_follow_up(closed, id, message, context),
            _ => decide(before.as_deref(), id, expect, &command, context),
        });
        let Decision { drafts, after } = match decision {
            Ok(decision) => decision,
            Err(rejection) => return Err(Box::pin(core.refusal(rejection)).await),
        };
        if drafts.is_empty() {
            let state = before.ok_or_else(|| Problem::from(Rejection::NotFound))?;
            let seq = match last_seq {
                Some(seq) => seq,
                None => Box::pin(core.last_seq(id, state.ticket.version)).await?,
            };
            let answer = Answer { seq, version: state.ticket.version, state: Arc::clone(&state), message: None };
            return Ok(Executed { answer, state, last_seq: seq });
        }
        let after = Arc::new(after);
        let message = crate::actors::directory::message_in(&drafts);
        let part = Part {
            ticket: id,
            expect: before.as_ref().map_or(Version::ZERO, |state| state.ticket.version),
            drafts,
            before: before.clone(),
            after: Arc::clone(&after),
        };
        let memo = origin.memo(id, after.ticket.version, core.now());
        let asides = core.attachments.bindings(&origin.files, id);
        match core.writer.append(Append { parts: vec![part], memo, asides }).await {
            Ok(committed) => {
                let answer =
                    Answer { seq: committed.last, version: after.ticket.version, state: Arc::clone(&after), message };
                return Ok(Executed { answer, state: after, last_seq: committed.last });
            }
            Err(AppendError::Conflict { .. }) => {
                // Perhaps this very command got through by an actor that died before it could answer.
                if core.has_taken_effect(&origin)? {
                    return Err(Problem::new(Code::Overloaded, "ask again: the command may have taken effect"));
                }
                before = Box::pin(core.read_state(id)).await?;
            }
            Err(error) => return Err(crate::actors::directory::fault(&error)),
        }
    }
    Err(Problem::new(Code::Overloaded, "the ticket is changing too fast"))
}

/// Lend the state and wait: another ticket's command changes this one too.
#[derive(Message)]
#[rtype(result = "Result<Hold, Problem>")]
pub struct HoldStill;

/// Where a ticket stands after a command, and the seq of its last record.
pub type End = (Arc<TicketState>, Seq);

/// While this lives, the ticket takes no command.
pub struct Hold {
    pub state: Arc<TicketState>,
    /// Of `state`, where that is newer than what the ticket had.
    refreshed: Option<Seq>,
    release: Option<oneshot::Sender<Option<End>>>,
}

impl Hold {
    pub fn id(&self) -> TicketId {
        self.state.ticket.id
    }

    /// Reads the ticket again: somebody else changed it.
    pub async fn refresh(&mut self, core: &Core) -> Result<(), Problem> {
        let id = self.id();
        let state = core.read_state(id).await?.ok_or_else(|| Problem::from(Rejection::NotFound))?;
        self.refreshed = Some(core.last_seq(id, state.ticket.version).await?);
        self.state = state;
        Ok(())
    }

    /// Lets the ticket go on, with its new state if it has one. Dropping the hold lets it go on with what is known of it.
    pub fn release(mut self, after: Option<End>) {
        if let Some((state, seq)) = after {
            (self.state, self.refreshed) = (state, Some(seq));
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let known = self.refreshed.map(|seq| (Arc::clone(&self.state), seq));
        // The actor may be gone; then there is nobody to tell, and it will read the journal when it wakes.
        let _ = self.release.take().map(|release| release.send(known));
    }
}

impl Handler<HoldStill> for Ticket {
    type Result = MessageResult<HoldStill>;

    fn handle(&mut self, _: HoldStill, ctx: &mut Self::Context) -> Self::Result {
        let Held::Awake(Some(state)) = &self.state else {
            return MessageResult(Err(Problem::from(Rejection::NotFound)));
        };
        let (release, released) = oneshot::channel();
        let hold = Hold { state: Arc::clone(state), refreshed: None, release: Some(release) };
        ctx.wait(wrap_future(released).map(|after, this: &mut Self, _| {
            if let Ok(Some((state, seq))) = after {
                this.state = Held::Awake(Some(state));
                this.last_seq = Some(seq);
            }
        }));
        MessageResult(Ok(hold))
    }
}

/// What the ticket is now.
#[derive(Message)]
#[rtype(result = "Option<Arc<TicketState>>")]
pub struct GetState;

impl Handler<GetState> for Ticket {
    type Result = Option<Arc<TicketState>>;

    fn handle(&mut self, _: GetState, _: &mut Self::Context) -> Self::Result {
        match &self.state {
            Held::Awake(state) => state.clone(),
            Held::Asleep => None,
        }
    }
}

/// Dies as a bug would make it die: a drill for what stands around it.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Crash;

impl Handler<Crash> for Ticket {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("drill: ticket {} was told to crash", self.id);
    }
}

/// Nobody has needed the ticket for a while: free its memory. Commands that come later wake it again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Retire;

impl Handler<Retire> for Ticket {
    type Result = ();

    fn handle(&mut self, _: Retire, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
