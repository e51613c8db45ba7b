//! The one global queue: knows the order, and hands tickets out.
//!
//! It folds the feed into `projections::queue` and sends the ticket a claim like anybody else would. A ticket on its way to
//! somebody is lent: nobody else is offered it until the claim is on disk or refused. It never changes a ticket itself.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix::fut::wrap_future;
use actix::{Actor, ActorFutureExt, Addr, Context, Handler, MailboxError, Message, MessageResult, ResponseActFuture};
use actix_rt::ArbiterHandle;

use crate::actors::directory::{Answer, Core, Directory, Origin};
use crate::actors::ticket::Execute;
use crate::actors::vital::Vital;
use crate::domain::command::{ClaimNext, Command, Empty};
use crate::domain::ids::{Seq, TicketId, Version};
use crate::domain::permissions::{Role, Sight};
use crate::feed::{Feed, Reach};
use crate::projections::queue::{Queue as Order, Rank, Wanted};
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::views::{QueueCounts, QueueRow, QueueView, RankReason};

/// How many tickets one claim may find taken before it gives up for now.
const CLAIM_TRIES: u32 = 64;

pub struct Queue {
    directory: Directory,
    feed: Arc<Feed>,
    order: Order,
    applied: Seq,
    /// Tickets on their way to somebody.
    lent: HashSet<TicketId>,
    _vital: Vital,
}

/// How claims reach the queue: at most so many at a time, the next one is told at once that the desk is busy.
#[derive(Clone)]
pub struct QueueDoor {
    addr: Addr<Queue>,
    waiting: Arc<AtomicUsize>,
    limit: usize,
}

impl QueueDoor {
    pub async fn claim(&self, claim: ClaimFirst) -> Result<Option<Answer>, Problem> {
        let _seat = self.seat()?;
        self.addr.send(claim).await.map_err(|error| dead(&error))?
    }

    pub async fn view(&self, limit: usize, sight: Sight) -> Result<QueueView, Problem> {
        let _seat = self.seat()?;
        self.addr.send(GetQueue { limit, sight }).await.map_err(|error| dead(&error))
    }

    /// Claims and looks that wait for the queue.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Makes the queue die as a bug would: a drill for what stands around it.
    pub fn crash(&self) {
        // A full mailbox would only mean that it dies of something else.
        let _ = self.addr.try_send(Crash);
    }

    fn seat(&self) -> Result<Seat<'_>, Problem> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.limit {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Problem::new(Code::Overloaded, "too many are waiting for the queue"));
        }
        Ok(Seat(&self.waiting))
    }
}

struct Seat<'a>(&'a AtomicUsize);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn dead(error: &MailboxError) -> Problem {
    match error {
        MailboxError::Closed => Problem::new(Code::Unavailable, "the queue has stopped"),
        MailboxError::Timeout => Problem::new(Code::Overloaded, "the queue is busy"),
    }
}

impl Queue {
    /// Starts the queue beside the tickets, from the board as it stands.
    pub fn open(directory: Directory, feed: Arc<Feed>, vital: Vital, arbiter: &ArbiterHandle) -> QueueDoor {
        let core = Arc::clone(directory.core());
        let limit = core.config.queue.mailbox;
        let order = Order::new(core.rules.promote_after_ms);
        let mut queue = Self { directory, feed, order, applied: Seq::ZERO, lent: HashSet::new(), _vital: vital };
        queue.rebuild();
        QueueDoor { addr: Self::start_in_arbiter(arbiter, move |_| queue), waiting: Arc::default(), limit }
    }

    fn core(&self) -> Arc<Core> {
        Arc::clone(self.directory.core())
    }

    fn rebuild(&mut self) {
        let core = self.core();
        let now = core.now();
        self.order = Order::new(core.rules.promote_after_ms);
        // The head first: what comes while the board is read is read again.
        self.applied = self.feed.head();
        for state in core.reads.board().tickets() {
            self.order.put(state, now);
        }
    }

    /// Folds what came since. The board is published before the feed, so it is never behind an entry.
    fn catch_up(&mut self) {
        // Every ticket that changed, not only those whose rank did: team, category and skips matter to claimers too.
        let Reach::Here((upto, touched)) = self.feed.touched_after(self.applied) else {
            return self.rebuild();
        };
        self.applied = upto;
        if touched.is_empty() {
            return;
        }
        let core = self.core();
        let now = core.now();
        let board = core.reads.board();
        for ticket in touched {
            match board.get(ticket) {
                Some(state) => self.order.put(state, now),
                None => self.order.remove(ticket),
            }
        }
    }

    /// The first ticket for this claimer, marked as lent, and the version by which it is the first.
    fn lend(&mut self, claim: &ClaimFirst) -> Option<(TicketId, Version)> {
        self.catch_up();
        let core = self.core();
        let principal = &claim.origin.principal;
        let private = &core.rules.private_teams;
        let hidden = private.hidden_from(private.sight(principal));
        let wanted = Wanted {
            user: &principal.id,
            // Whoever looks after agents may take any team's ticket, as by a claim of its own.
            teams: if principal.role == Role::Agent { &principal.teams } else { &[] },
            hidden: &hidden,
            team: claim.wanted.team.as_deref(),
            categories: claim.wanted.categories.as_deref(),
            skip_window_ms: core.rules.skip_window_ms,
        };
        let lent = &self.lent;
        let ticket = self.order.first(core.now(), &wanted, &|ticket| lent.contains(&ticket))?;
        let version = self.order.version(ticket)?;
        self.lent.insert(ticket);
        Some((ticket, version))
    }
}

impl Actor for Queue {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Senders are counted at the door, so that nobody waits for a place here.
        ctx.set_mailbox_capacity(self.directory.core().config.queue.mailbox + 1);
    }
}

/// Hand the first eligible ticket to this claimer.
#[derive(Clone, Message)]
#[rtype(result = "Result<Option<Answer>, Problem>")]
pub struct ClaimFirst {
    pub origin: Origin,
    pub wanted: ClaimNext,
}

impl Handler<ClaimFirst> for Queue {
    type Result = ResponseActFuture<Self, Result<Option<Answer>, Problem>>;

    fn handle(&mut self, claim: ClaimFirst, _: &mut Self::Context) -> Self::Result {
        self.hand_out(claim, CLAIM_TRIES)
    }
}

impl Queue {
    fn hand_out(&mut self, claim: ClaimFirst, tries: u32) -> ResponseActFuture<Self, Result<Option<Answer>, Problem>> {
        let Some((ticket, version)) = self.lend(&claim) else { return Box::pin(actix::fut::ready(Ok(None))) };
        let directory = self.directory.clone();
        let (origin, command) = (Arc::new(claim.origin.clone()), Arc::new(Command::Claim(Empty {})));
        let work = async move {
            let claim = || Execute {
                origin: Arc::clone(&origin),
                // What it was offered for may not be true any more: a colleague's change is on its way to the disk.
                expect: Some(version),
                command: Arc::clone(&command),
                follow_up_of: None,
            };
            directory.send(ticket, claim).await
        };
        Box::pin(
            wrap_future::<_, Self>(work)
                .map(move |outcome, this, _| {
                    // What the claim did is on the board by now: read it before the ticket may be lent again.
                    this.catch_up();
                    this.lent.remove(&ticket);
                    outcome
                })
                .then(move |outcome, this, _| match outcome {
                    Ok(answer) => Box::pin(actix::fut::ready(Ok(Some(answer)))),
                    // Somebody took it by another way, or it left the queue just then: the next one.
                    Err(problem) if is_gone(problem.code) && tries > 0 => this.hand_out(claim, tries - 1),
                    Err(problem) if problem.code == Code::VersionConflict => {
                        let problem = Problem::new(Code::Overloaded, "the queue's first tickets are changing too fast");
                        Box::pin(actix::fut::ready(Err(problem)))
                    }
                    Err(problem) => Box::pin(actix::fut::ready(Err(problem))),
                }),
        )
    }
}

fn is_gone(code: Code) -> bool {
    use Code::{AlreadyClaimed, IllegalMove, NotFound, TicketClosed, VersionConflict};
    matches!(code, AlreadyClaimed | IllegalMove | NotFound | TicketClosed | VersionConflict)
}

#[derive(Message)]
#[rtype(result = "()")]
struct Crash;

impl Handler<Crash> for Queue {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("drill: the queue was told to crash");
    }
}

/// The queue as it will be handed out.
#[derive(Message)]
#[rtype(result = "QueueView")]
pub struct GetQueue {
    pub limit: usize,
    /// Whatever lies outside it is neither shown nor counted.
    pub sight: Sight,
}

impl Handler<GetQueue> for Queue {
    type Result = MessageResult<GetQueue>;

    fn handle(&mut self, question: GetQueue, _: &mut Self::Context) -> Self::Result {
        self.catch_up();
        let core = self.core();
        let now = core.now();
        let private = &core.rules.private_teams;
        let hidden = private.hidden_from(question.sight);
        let counts = self.order.counts_but(now, &hidden);
        let ranked = self.order.list_but(question.limit, now, &hidden);
        let board = core.reads.board();
        let lent = self.lent.iter().filter(|id| {
            let team = board.get(**id).and_then(|state| state.ticket.team.as_deref());
            question.sight.sees(private.audience(team))
        });
        let lent = lent.count();
        let data = ranked
            .into_iter()
            .filter_map(|(id, rank)| {
                let ticket = board.get(id)?.ticket.clone();
                Some(QueueRow { ticket, reason: reason(rank) })
            })
            .collect();
        MessageResult(QueueView {
            seq: self.applied,
            data,
            counts: QueueCounts {
                waiting: counts.waiting,
                lent: u32::try_from(lent).unwrap_or(u32::MAX),
                snoozed: counts.snoozed,
                by_priority: counts
                    .by_priority
                    .into_iter()
                    .map(|(priority, count)| (priority.name().to_owned(), count))
                    .collect(),
                by_team: counts
                    .by_team
                    .into_iter()
                    .map(|(team, count)| (team.as_deref().unwrap_or("none").to_owned(), count))
                    .collect(),
            },
        })
    }
}

fn reason(rank: Rank) -> RankReason {
    RankReason {
        rank: rank.rank,
        priority: rank.priority,
        effective_priority: rank.effective_priority,
        lifted: rank.lifted,
        next_due: rank.next_due,
        waiting_since: rank.waiting_since,
        text: rank.text,
    }
}
