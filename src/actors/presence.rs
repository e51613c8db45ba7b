//! Who is here and who looks at what. Told by sessions, tells the hubs a few times a second, and notices agents who vanish
//! without having answered: their tickets go back to the queue.
//!
//! Presence is not durable and never was a record.

pub mod door;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message};
use parking_lot::RwLock;

use crate::actors::directory::Directory;
use crate::actors::hub::HubHandle;
use crate::actors::vital::Vital;
use crate::domain::command::{Command, SystemCommand};
use crate::domain::ids::{CommandId, Seq, TicketId, UserId};
use crate::domain::permissions::Principal;
use crate::domain::state::TicketState;
use crate::feed::{Feed, Reach};
use crate::projections::analytics::Present as PresentAgent;
use crate::protocol::figures::AgentState;
use crate::protocol::frame::{PresenceState, PresenceUpdate, PresentUser, ServerMessage};
use crate::protocol::gateway::{Gateway, Order};

/// Tickets that one session may be seen at; the oldest goes.
const TICKETS_PER_SESSION: usize = 16;

/// After a release that failed for a passing reason.
const AGAIN_MS: i64 = 1_000;

pub struct Presence {
    directory: Directory,
    feed: Arc<Feed>,
    /// Claims are seen up to here.
    applied: Seq,
    hubs: Arc<RwLock<Vec<HubHandle>>>,
    sessions: HashMap<Arc<str>, Present>,
    /// The sessions that are at a ticket: a line costs what it shows, however many sessions there are.
    viewers: HashMap<TicketId, HashSet<Arc<str>>>,
    /// Who was last heard typing, and where.
    typing: HashSet<(Arc<str>, TicketId)>,
    /// Sessions without a socket, and when their last call came.
    callers: HashMap<Arc<str>, i64>,
    /// Sessions whose connection is gone.
    lost: HashSet<Arc<str>>,
    /// Tickets whose line must be told again.
    changed: BTreeSet<TicketId>,
    /// Users without any session, since when. Only those whom the desk has seen, or who hold a claim made live.
    absent: HashMap<UserId, i64>,
    _vital: Vital,
}

struct Present {
    user: UserId,
    visible: bool,
    /// Newest last.
    at: Vec<(TicketId, PresenceState, i64)>,
    lost_at: Option<i64>,
}

impl Presence {
    pub fn new(directory: Directory, feed: Arc<Feed>, hubs: Arc<RwLock<Vec<HubHandle>>>, vital: Vital) -> Self {
        Self {
            directory,
            feed,
            applied: Seq::ZERO,
            hubs,
            sessions: HashMap::new(),
            viewers: HashMap::new(),
            typing: HashSet::new(),
            callers: HashMap::new(),
            lost: HashSet::new(),
            changed: BTreeSet::new(),
            absent: HashMap::new(),
            _vital: vital,
        }
    }

    fn now(&self) -> i64 {
        self.directory.core().clock.now_millis()
    }

    /// One look at the clock: typing that ended, sessions that stay lost, agents who do not come back.
    fn tick(&mut self, ctx: &mut Context<Self>) {
        self.catch_up();
        let now = self.now();
        let config = Arc::clone(&self.directory.core().config);
        let sessions = &mut self.sessions;
        let changed = &mut self.changed;
        self.typing.retain(|(id, ticket)| {
            let place = sessions.get_mut(id).and_then(|session| session.at.iter_mut().find(|(at, ..)| at == ticket));
            let Some((_, state @ PresenceState::Typing, at)) = place else { return false };
            if now - *at < config.presence.typing_ms {
                return true;
            }
            *state = PresenceState::Viewing;
            changed.insert(*ticket);
            false
        });
        self.hang_up(now, config.presence.poll_ms);
        let over = |id: &&Arc<str>| {
            self.sessions
                .get(*id)
                .and_then(|session| session.lost_at)
                .is_none_or(|at| now - at >= config.presence.grace_ms)
        };
        let gone: Vec<_> = self.lost.iter().filter(over).cloned().collect();
        for id in gone {
            self.forget(&id);
        }
        self.tell();
        let mut vanished = HashSet::new();
        self.absent.retain(|user, since| {
            let stays = now - *since < config.queue.vanish_grace_ms;
            if !stays {
                vanished.insert(user.clone());
            }
            stays
        });
        if !vanished.is_empty() {
            self.release(&vanished, ctx);
        }
    }

    /// Sees claims that became durable when their holder was gone already.
    fn catch_up(&mut self) {
        let Reach::Here((upto, touched)) = self.feed.touched_after(self.applied) else {
            return self.see_claims();
        };
        self.applied = upto;
        let core = Arc::clone(self.directory.core());
        let claimed: Vec<UserId> = {
            let board = core.reads.board();
            touched.into_iter().filter_map(|id| unanswered_claim(board.get(id)?)).collect()
        };
        self.miss(claimed);
    }

    /// Looks for claims on the whole board.
    fn see_claims(&mut self) {
        // The head first: what comes while the board is read is read again.
        self.applied = self.feed.head();
        let core = Arc::clone(self.directory.core());
        let claimed: HashSet<UserId> =
            core.reads.board().tickets().filter_map(|state| unanswered_claim(state)).collect();
        self.miss(claimed);
    }

    /// Holders of whom there is no session have the grace to come back from now on.
    fn miss(&mut self, holders: impl IntoIterator<Item = UserId>) {
        let now = self.now();
        for holder in holders {
            if !self.directory.core().connected.contains_key(&holder) {
                self.absent.entry(holder).or_insert(now);
            }
        }
    }

    fn tell(&mut self) {
        if self.changed.is_empty() {
            return;
        }
        let changed: Arc<Vec<(TicketId, Option<String>)>> =
            Arc::new(self.changed.iter().map(|ticket| (*ticket, Some(self.line(*ticket)))).collect());
        // A hub that is too busy is told again next time, with what is true then.
        let told = self.hubs.read().iter().all(|hub| hub.presence(Arc::clone(&changed)));
        if told {
            self.changed.clear();
        }
    }

    fn forget(&mut self, id: &Arc<str>) {
        self.lost.remove(id);
        let Some(session) = self.sessions.remove(id) else { return };
        for (ticket, ..) in session.at {
            self.look_away(id, ticket);
            self.changed.insert(ticket);
        }
    }

    fn look_away(&mut self, id: &Arc<str>, ticket: TicketId) {
        if let Some(viewers) = self.viewers.get_mut(&ticket) {
            viewers.remove(id);
            if viewers.is_empty() {
                self.viewers.remove(&ticket);
            }
        }
    }

    /// Whoever came by calls and calls no more has left.
    fn hang_up(&mut self, now: i64, poll_ms: i64) {
        let silent = self.callers.iter().filter(|(_, at)| now - **at >= poll_ms);
        let silent: Vec<Arc<str>> = silent.map(|(id, _)| Arc::clone(id)).collect();
        for id in silent {
            self.callers.remove(&id);
            self.leave(&id, now);
        }
    }

    fn leave(&mut self, session: &str, now: i64) {
        let Some((id, _)) = self.sessions.get_key_value(session) else { return };
        let id = Arc::clone(id);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.lost_at.replace(now).is_some() {
            return;
        }
        let user = session.user.clone();
        self.lost.insert(id);
        let connected = &self.directory.core().connected;
        if let Some(mut sessions) = connected.get_mut(&user) {
            *sessions -= 1;
        }
        if connected.remove_if(&user, |_, sessions| *sessions == 0).is_some() {
            self.absent.insert(user, now);
        }
    }

    fn arrive(&mut self, arrived: Arrived) {
        self.absent.remove(&arrived.user);
        *self.directory.core().connected.entry(arrived.user.clone()).or_default() += 1;
        let (user, visible) = (arrived.user, arrived.visible);
        let present = Present { user, visible, at: Vec::new(), lost_at: None };
        self.sessions.insert(arrived.session.into(), present);
    }

    fn line(&self, ticket: TicketId) -> String {
        ServerMessage::Presence(self.update(ticket)).line()
    }

    fn update(&self, ticket: TicketId) -> PresenceUpdate {
        let mut users: BTreeMap<&UserId, PresenceState> = BTreeMap::new();
        let viewers = self.viewers.get(&ticket).into_iter().flatten();
        for session in viewers.filter_map(|id| self.sessions.get(id)).filter(|session| session.visible) {
            if let Some((_, state, _)) = session.at.iter().find(|(at, ..)| *at == ticket) {
                let shown = users.entry(&session.user).or_insert(*state);
                // Typing in one tab beats viewing in another.
                if *state == PresenceState::Typing {
                    *shown = *state;
                }
            }
        }
        let users = users.into_iter().map(|(user, state)| PresentUser { user: user.clone(), state }).collect();
        PresenceUpdate { ticket, users }
    }

    /// Gives back what vanished agents claimed and never answered. The ticket decides again, on what it is then.
    fn release(&self, users: &HashSet<UserId>, ctx: &mut Context<Self>) {
        let held: Vec<(TicketId, UserId)> = {
            let board = self.directory.core().reads.board();
            let claims = board.tickets().filter_map(|state| Some((state.ticket.id, unanswered_claim(state)?)));
            claims.filter(|(_, holder)| users.contains(holder)).collect()
        };
        for (id, holder) in held {
            let order = Order {
                principal: Arc::new(Principal::system()),
                command_id: CommandId::from(uuid::Uuid::now_v7().to_string()),
                keyed: false,
                live: false,
                ticket: Some(id),
                expect: None,
                command: Command::System(SystemCommand::ReleaseVanished { holder: holder.clone() }),
            };
            let work = self.directory.execute(order);
            let again = ctx.address();
            actix_rt::spawn(async move {
                let Err(problem) = work.await else { return };
                if problem.retryable {
                    tracing::warn!(ticket = %id, code = problem.code.wire(), "a vanished agent's ticket waits to be given back");
                    // Waits for a place in the mailbox; nobody is there any more only while the desk stops.
                    let _ = again.send(StillHeld { holder }).await;
                } else {
                    tracing::info!(ticket = %id, code = problem.code.wire(), "a vanished agent's ticket stays with him");
                }
            });
        }
    }
}

/// Who holds the ticket by a claim that he never answered.
fn unanswered_claim(state: &TicketState) -> Option<UserId> {
    state.ticket.assignee.as_ref().filter(|holder| is_unanswered_claim(state, holder)).cloned()
}

fn is_unanswered_claim(state: &TicketState, user: &UserId) -> bool {
    state.ticket.assignee.as_ref() == Some(user)
        && state.background.claim.as_ref().is_some_and(|claim| claim.live && !claim.answered)
}

impl Actor for Presence {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(65_536);
        // After a restart nobody is connected yet: whoever holds a live claim has the grace to come back.
        self.see_claims();
        let core = Arc::clone(self.directory.core());
        let every = Duration::from_millis(1000 / u64::from(core.config.presence.updates_per_s.max(1)));
        ctx.run_interval(every, Self::tick);
    }
}

/// A session said hello.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Arrived {
    pub session: String,
    pub user: UserId,
    pub visible: bool,
}

impl Handler<Arrived> for Presence {
    type Result = ();

    fn handle(&mut self, arrived: Arrived, _: &mut Self::Context) {
        self.arrive(arrived);
    }
}

/// A session looks at a ticket, types in it, or looks away.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Reported {
    pub session: String,
    pub ticket: TicketId,
    pub state: PresenceState,
}

impl Handler<Reported> for Presence {
    type Result = ();

    fn handle(&mut self, report: Reported, _: &mut Self::Context) {
        self.report(&report);
    }
}

impl Presence {
    fn report(&mut self, report: &Reported) {
        let now = self.now();
        let Some((id, _)) = self.sessions.get_key_value(report.session.as_str()) else { return };
        let id = Arc::clone(id);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let before = session.at.iter().position(|(ticket, ..)| *ticket == report.ticket);
        let was = before.map(|index| session.at.remove(index).1);
        let mut left = None;
        if report.state == PresenceState::Away {
            left = was.map(|_| report.ticket);
        } else {
            if session.at.len() == TICKETS_PER_SESSION {
                left = Some(session.at.remove(0).0);
            }
            session.at.push((report.ticket, report.state, now));
            self.viewers.entry(report.ticket).or_default().insert(Arc::clone(&id));
            if report.state == PresenceState::Typing {
                self.typing.insert((Arc::clone(&id), report.ticket));
            }
        }
        if let Some(ticket) = left {
            self.look_away(&id, ticket);
            self.changed.insert(ticket);
        }
        if was != (report.state != PresenceState::Away).then_some(report.state) {
            self.changed.insert(report.ticket);
        }
    }
}

/// A tab came to the front or went behind: people behind another window are not looking.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Visibility {
    pub session: String,
    pub visible: bool,
}

impl Handler<Visibility> for Presence {
    type Result = ();

    fn handle(&mut self, message: Visibility, _: &mut Self::Context) {
        self.show(&message.session, message.visible);
    }
}

impl Presence {
    fn show(&mut self, session: &str, visible: bool) {
        if let Some(session) = self.sessions.get_mut(session)
            && session.visible != visible
        {
            session.visible = visible;
            self.changed.extend(session.at.iter().map(|(ticket, ..)| *ticket));
        }
    }
}

/// Sessions by calls that one user may have at the same time.
const CALLERS_EACH: usize = 20;

/// Somebody without a socket says where they are, and asks who is where. `None`: too many of one user do.
#[derive(Message)]
#[rtype(result = "Option<Vec<PresenceUpdate>>")]
pub struct Called {
    pub session: String,
    pub user: UserId,
    pub visible: bool,
    pub at: Option<(TicketId, PresenceState)>,
}

impl Handler<Called> for Presence {
    type Result = Option<Vec<PresenceUpdate>>;

    fn handle(&mut self, call: Called, _: &mut Self::Context) -> Self::Result {
        let now = self.now();
        // Who was given up a moment ago and calls again is somebody new.
        if self.sessions.get(call.session.as_str()).is_some_and(|session| session.lost_at.is_some()) {
            self.forget(&Arc::from(call.session.as_str()));
        }
        if self.sessions.contains_key(call.session.as_str()) {
            self.show(&call.session, call.visible);
        } else {
            let own = |id: &&Arc<str>| self.sessions.get(*id).is_some_and(|session| session.user == call.user);
            if self.callers.keys().filter(own).count() >= CALLERS_EACH {
                return None;
            }
            self.arrive(Arrived { session: call.session.clone(), user: call.user, visible: call.visible });
        }
        self.callers.insert(Arc::from(call.session.as_str()), now);
        if let Some((ticket, state)) = call.at {
            self.report(&Reported { session: call.session, ticket, state });
        }
        let mut here: Vec<PresenceUpdate> = self.viewers.keys().map(|ticket| self.update(*ticket)).collect();
        here.retain(|update| !update.users.is_empty());
        here.sort_by_key(|update| update.ticket);
        Some(here)
    }
}

/// A session ended. Its user counts as present for a moment, so that a reload does not flicker.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Left {
    pub session: String,
}

impl Handler<Left> for Presence {
    type Result = ();

    fn handle(&mut self, left: Left, _: &mut Self::Context) {
        let now = self.now();
        self.leave(&left.session, now);
    }
}

/// Look at the clock now. Tests turn a manual clock and send this.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Tick;

impl Handler<Tick> for Presence {
    type Result = ();

    fn handle(&mut self, _: Tick, ctx: &mut Self::Context) {
        self.tick(ctx);
    }
}

/// A release failed for a passing reason: look again in a while, unless the holder came back.
#[derive(Message)]
#[rtype(result = "()")]
struct StillHeld {
    holder: UserId,
}

impl Handler<StillHeld> for Presence {
    type Result = ();

    fn handle(&mut self, StillHeld { holder }: StillHeld, _: &mut Self::Context) {
        if !self.directory.core().connected.contains_key(&holder) {
            let since = self.now() - self.directory.core().config.queue.vanish_grace_ms + AGAIN_MS;
            self.absent.insert(holder, since);
        }
    }
}

/// Users with at least one session: a state to observe.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct GetOnline;

impl Handler<GetOnline> for Presence {
    type Result = usize;

    fn handle(&mut self, _: GetOnline, _: &mut Self::Context) -> usize {
        self.directory.core().connected.len()
    }
}

/// Who is connected and what they do, for the figures. In order of user.
#[derive(Message)]
#[rtype(result = "Vec<PresentAgent>")]
pub struct GetAgents;

impl Handler<GetAgents> for Presence {
    type Result = Vec<PresentAgent>;

    fn handle(&mut self, _: GetAgents, _: &mut Self::Context) -> Self::Result {
        let mut agents: BTreeMap<&UserId, (AgentState, Option<TicketId>)> = BTreeMap::new();
        for session in self.sessions.values() {
            let ticket = session.at.last().map(|(ticket, ..)| *ticket).filter(|_| session.visible);
            let state = match (session.visible, ticket) {
                (false, _) => AgentState::Away,
                (true, None) => AgentState::Online,
                (true, Some(_)) => AgentState::OnTicket,
            };
            let shown = agents.entry(&session.user).or_insert((state, ticket));
            // The tab in which most happens counts.
            *shown = (*shown).max((state, ticket));
        }
        let agents = agents.into_iter();
        agents.map(|(user, (state, ticket))| PresentAgent { user: user.to_string(), state, ticket }).collect()
    }
}
