//! The desk's alarm clock: asks a ticket to look at its clocks when an SLA target runs out, and to close when it has been solved for
//! long enough.
//!
//! It keeps only the next moment of each active ticket and reads it from the board, so a restart loses nothing. The ticket
//! decides what has come of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message};

use crate::actors::directory::Directory;
use crate::actors::vital::Vital;
use crate::domain::command::{Command, SystemCommand};
use crate::domain::ids::{CommandId, Seq, TicketId};
use crate::domain::permissions::Principal;
use crate::domain::state::TicketState;
use crate::domain::time::Timestamp;
use crate::feed::{Feed, Reach};
use crate::protocol::gateway::{Gateway, Order};

const TICK: Duration = Duration::from_millis(500);

/// Tickets asked at one tick; the rest are asked at the next.
const ASKED_AT_ONCE: usize = 500;

pub struct Deadlines {
    directory: Directory,
    feed: Arc<Feed>,
    applied: Seq,
    due: BTreeSet<(Timestamp, TicketId)>,
    by_ticket: HashMap<TicketId, Timestamp>,
    /// How long solved tickets rest before they are closed.
    rest_ms: i64,
    _vital: Vital,
}

impl Deadlines {
    pub fn new(directory: Directory, feed: Arc<Feed>, vital: Vital) -> Self {
        let mut this = Self {
            rest_ms: directory.core().rules.close_solved_after_ms,
            directory,
            feed,
            applied: Seq::ZERO,
            due: BTreeSet::new(),
            by_ticket: HashMap::new(),
            _vital: vital,
        };
        this.rebuild();
        this
    }

    /// When there is something to ask of a ticket. Clocks stand still while it is solved.
    fn moment(&self, state: &TicketState) -> Option<Timestamp> {
        state.closes_at(self.rest_ms).or_else(|| state.next_breach_at())
    }

    fn rebuild(&mut self) {
        self.due.clear();
        self.by_ticket.clear();
        // The head first: what comes while the board is read is read again.
        self.applied = self.feed.head();
        let core = Arc::clone(self.directory.core());
        for state in core.reads.board().tickets() {
            if let Some(at) = self.moment(state) {
                self.by_ticket.insert(state.ticket.id, at);
                self.due.insert((at, state.ticket.id));
            }
        }
    }

    fn catch_up(&mut self) {
        let Reach::Here((upto, touched)) = self.feed.touched_after(self.applied) else {
            return self.rebuild();
        };
        self.applied = upto;
        let core = Arc::clone(self.directory.core());
        let board = core.reads.board();
        for ticket in touched {
            if let Some(at) = self.by_ticket.remove(&ticket) {
                self.due.remove(&(at, ticket));
            }
            if let Some(at) = board.get(ticket).and_then(|state| self.moment(state)) {
                self.by_ticket.insert(ticket, at);
                self.due.insert((at, ticket));
            }
        }
    }

    /// Asks every ticket whose moment has come. One that does not breach keeps its place out until its next record.
    fn ask(&mut self) -> Vec<TicketId> {
        self.catch_up();
        let now = self.directory.core().now();
        let ripe: Vec<(Timestamp, TicketId)> =
            self.due.iter().take_while(|(at, _)| *at <= now).take(ASKED_AT_ONCE).copied().collect();
        for (at, ticket) in &ripe {
            self.due.remove(&(*at, *ticket));
            self.by_ticket.remove(ticket);
        }
        ripe.into_iter().map(|(_, ticket)| ticket).collect()
    }

    fn order(&self, ticket: TicketId) -> Order {
        let state = self.directory.core().on_board(ticket);
        let closes = state.is_some_and(|state| state.closes_at(self.rest_ms).is_some());
        Order {
            principal: Arc::new(Principal::system()),
            command_id: CommandId::from(uuid::Uuid::now_v7().to_string()),
            keyed: false,
            live: false,
            ticket: Some(ticket),
            expect: None,
            command: Command::System(if closes { SystemCommand::CloseSolved } else { SystemCommand::CheckSla }),
        }
    }

    /// Asks, and puts back what could not be asked for a passing reason.
    fn tick(&mut self, ctx: &mut Context<Self>) {
        for ticket in self.ask() {
            let work = self.directory.execute(self.order(ticket));
            let again = ctx.address();
            actix_rt::spawn(async move {
                if let Err(problem) = work.await
                    && problem.retryable
                    && again.try_send(AskAgain(ticket)).is_err()
                {
                    tracing::error!(%ticket, code = problem.code.wire(), "a look at the clock was lost until the next record");
                }
            });
        }
    }
}

impl Actor for Deadlines {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(4096);
        ctx.run_interval(TICK, Self::tick);
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct AskAgain(TicketId);

impl Handler<AskAgain> for Deadlines {
    type Result = ();

    fn handle(&mut self, AskAgain(ticket): AskAgain, _: &mut Self::Context) {
        let core = Arc::clone(self.directory.core());
        let at = core.reads.board().get(ticket).and_then(|state| self.moment(state));
        if let Some(at) = at
            && !self.by_ticket.contains_key(&ticket)
        {
            self.by_ticket.insert(ticket, at);
            self.due.insert((at, ticket));
        }
    }
}

/// Look at the clock now. Tests turn a manual clock and send this.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Tick;

impl Handler<Tick> for Deadlines {
    type Result = ();

    fn handle(&mut self, _: Tick, ctx: &mut Self::Context) {
        self.tick(ctx);
    }
}
