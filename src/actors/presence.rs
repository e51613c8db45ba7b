//! Who is here and who looks at what. Told by sessions, tells the hubs a few times a second, and notices agents who vanish
//! without having answered: their tickets go back to the queue.
//!
//! Presence is not durable and never was a record.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message};
use parking_lot::RwLock;

use crate::actors::directory::Directory;
use crate::actors::hub::HubHandle;
use crate::actors::vital::Vital;
use crate::domain::command::{Command, SystemCommand};
use crate::domain::ids::{CommandId, TicketId, UserId};
use crate::domain::permissions::Principal;
use crate::projections::analytics::Present as PresentAgent;
use crate::protocol::figures::AgentState;
use crate::protocol::frame::{PresenceState, PresenceUpdate, PresentUser, ServerMessage};
use crate::protocol::gateway::{Gateway, Order};

/// Tickets that one session may be seen at; the oldest goes.
const TICKETS_PER_SESSION: usize = 16;

pub struct Presence {
    directory: Directory,
    hubs: Arc<RwLock<Vec<HubHandle>>>,
    sessions: HashMap<String, Present>,
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
    pub fn new(directory: Directory, hubs: Arc<RwLock<Vec<HubHandle>>>, vital: Vital) -> Self {
        Self {
            directory,
            hubs,
            sessions: HashMap::new(),
            changed: BTreeSet::new(),
            absent: HashMap::new(),
            _vital: vital,
        }
    }

    fn now(&self) -> i64 {
        self.directory.core().clock.now_millis()
    }

    /// One look at the clock: typing that ended, sessions that stay lost, agents who do not come back.
    fn tick(&mut self) {
        let now = self.now();
        let config = Arc::clone(&self.directory.core().config);
        let mut gone = Vec::new();
        for (id, session) in &mut self.sessions {
            if session.lost_at.is_some_and(|at| now - at >= config.presence.grace_ms) {
                gone.push(id.clone());
            }
            for (ticket, state, at) in &mut session.at {
                if *state == PresenceState::Typing && now - *at >= config.presence.typing_ms {
                    *state = PresenceState::Viewing;
                    self.changed.insert(*ticket);
                }
            }
        }
        for id in gone {
            if let Some(session) = self.sessions.remove(&id) {
                self.changed.extend(session.at.iter().map(|(ticket, ..)| *ticket));
            }
        }
        self.tell();
        let vanished: Vec<UserId> = self
            .absent
            .iter()
            .filter(|(_, since)| now - **since >= config.queue.vanish_grace_ms)
            .map(|(user, _)| user.clone())
            .collect();
        for user in vanished {
            self.absent.remove(&user);
            self.release(&user);
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

    fn line(&self, ticket: TicketId) -> String {
        let mut users: BTreeMap<&UserId, PresenceState> = BTreeMap::new();
        for session in self.sessions.values().filter(|session| session.visible) {
            if let Some((_, state, _)) = session.at.iter().find(|(at, ..)| *at == ticket) {
                let shown = users.entry(&session.user).or_insert(*state);
                // Typing in one tab beats viewing in another.
                if *state == PresenceState::Typing {
                    *shown = *state;
                }
            }
        }
        let users = users.into_iter().map(|(user, state)| PresentUser { user: user.clone(), state }).collect();
        ServerMessage::Presence(PresenceUpdate { ticket, users }).line()
    }

    /// Gives back what a vanished agent claimed and never answered. The ticket decides again, on what it is then.
    fn release(&self, user: &UserId) {
        let held: Vec<TicketId> = {
            let reads = &self.directory.core().reads;
            let board = reads.board();
            board.tickets().filter(|state| is_unanswered_claim(state, user)).map(|state| state.ticket.id).collect()
        };
        for id in held {
            let order = Order {
                principal: Arc::new(Principal::system()),
                command_id: CommandId::from(uuid::Uuid::now_v7().to_string()),
                keyed: false,
                live: false,
                ticket: Some(id),
                expect: None,
                command: Command::System(SystemCommand::ReleaseVanished { holder: user.clone() }),
            };
            let work = self.directory.execute(order);
            actix_rt::spawn(async move {
                if let Err(problem) = work.await {
                    tracing::warn!(ticket = %id, code = problem.code.wire(), "a vanished agent's ticket stays with him");
                }
            });
        }
    }
}

fn is_unanswered_claim(state: &crate::domain::state::TicketState, user: &UserId) -> bool {
    state.ticket.assignee.as_ref() == Some(user)
        && state.background.claim.as_ref().is_some_and(|claim| claim.live && !claim.answered)
}

impl Actor for Presence {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(65_536);
        // After a restart nobody is connected yet: whoever holds a live claim has the grace to come back.
        let now = self.now();
        let core = Arc::clone(self.directory.core());
        for state in core.reads.board().tickets() {
            if let Some(holder) = &state.ticket.assignee
                && is_unanswered_claim(state, holder)
            {
                self.absent.insert(holder.clone(), now);
            }
        }
        let every = Duration::from_millis(1000 / u64::from(core.config.presence.updates_per_s.max(1)));
        ctx.run_interval(every, |this, _| this.tick());
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
        self.absent.remove(&arrived.user);
        let present = Present { user: arrived.user, visible: arrived.visible, at: Vec::new(), lost_at: None };
        self.sessions.insert(arrived.session, present);
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
        let now = self.now();
        let Some(session) = self.sessions.get_mut(&report.session) else { return };
        let before = session.at.iter().position(|(ticket, ..)| *ticket == report.ticket);
        let was = before.map(|index| session.at.remove(index).1);
        if report.state != PresenceState::Away {
            if session.at.len() == TICKETS_PER_SESSION {
                self.changed.insert(session.at.remove(0).0);
            }
            session.at.push((report.ticket, report.state, now));
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
        if let Some(session) = self.sessions.get_mut(&message.session)
            && session.visible != message.visible
        {
            session.visible = message.visible;
            self.changed.extend(session.at.iter().map(|(ticket, ..)| *ticket));
        }
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
        let Some(session) = self.sessions.get_mut(&left.session) else { return };
        session.lost_at = Some(now);
        let user = session.user.clone();
        let alone = !self.sessions.values().any(|other| other.user == user && other.lost_at.is_none());
        if alone {
            self.absent.insert(user, now);
        }
    }
}

/// Look at the clock now. Tests turn a manual clock and send this.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Tick;

impl Handler<Tick> for Presence {
    type Result = ();

    fn handle(&mut self, _: Tick, _: &mut Self::Context) {
        self.tick();
    }
}

/// Users with at least one session, for the figures.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct GetOnline;

impl Handler<GetOnline> for Presence {
    type Result = usize;

    fn handle(&mut self, _: GetOnline, _: &mut Self::Context) -> usize {
        let users: BTreeSet<&UserId> =
            self.sessions.values().filter(|session| session.lost_at.is_none()).map(|session| &session.user).collect();
        users.len()
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
