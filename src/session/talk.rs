//! The session's actor: hears the client's messages and answers each one.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use actix::fut::wrap_future;
use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, StreamHandler};
use actix_http::ws::ProtocolError;
use actix_web_actors::ws;
use bytestring::ByteString;

use super::Door;
use super::inbox::{Assembly, Rate};
use crate::actors::hub::Local;
use crate::actors::hub::outlet::{Outlet, Phase};
use crate::actors::presence::{Arrived, Left, Reported, Visibility};
use crate::audit::{self, Action, Deed};
use crate::domain::command::Command;
use crate::domain::ids::{CommandId, Seq};
use crate::domain::rejection::Rejection;
use crate::people::{Credential, State as CredentialState};
use crate::protocol::code::Code;
use crate::protocol::frame::{
    Acknowledged, BadFrame, ClientFrame, CloseReason, CommandFrame, Hello, Limits, PresenceReport, PresenceState,
    Refused, Resume, ServerMessage, Subscribe, Welcome,
};
use crate::protocol::gateway::Order;
use crate::protocol::parse;
use crate::protocol::problem::Problem;
use crate::protocol::topic::Topic;
use crate::trace::TraceId;

/// The protocol's version that `hello` must name.
const VERSION: u32 = 1;

type Talk = ws::WebsocketContext<Session>;

pub struct Session {
    id: String,
    door: Arc<Door>,
    local: Rc<Local>,
    outlet: Rc<Outlet>,
    credential: Arc<Credential>,
    rate: Rate,
    assembly: Assembly,
    in_flight: u32,
    from: Option<IpAddr>,
}

impl Session {
    pub fn new(
        door: Arc<Door>,
        local: Rc<Local>,
        outlet: Rc<Outlet>,
        credential: Arc<Credential>,
        from: Option<IpAddr>,
    ) -> Self {
        let rate = Rate::new(door.config.session.messages_per_s, door.clock.now_millis());
        let id = uuid::Uuid::new_v4().to_string();
        Self { id, door, local, outlet, credential, rate, assembly: Assembly::default(), in_flight: 0, from }
    }

    fn hear(&mut self, text: &str, talk: &mut Talk) {
        if text.is_empty() {
            self.admit(text, talk);
        }
        for line in text.lines() {
            if matches!(self.outlet.phase(), Phase::Closing(_) | Phase::Closed) || !self.admit(line, talk) {
                return;
            }
            if line.trim().is_empty() {
                continue;
            }
            match ClientFrame::parse(line) {
                Ok(frame) => self.take(frame, talk),
                Err(BadFrame { id, problem, hopeless }) => {
                    say(talk, refused(id, problem));
                    if self.outlet.phase() == Phase::Greeting && (hopeless || !line.contains("\"hello\"")) {
                        self.outlet.close(CloseReason::FirstNotHello);
                    } else if hopeless {
                        self.outlet.close(CloseReason::BadMessage);
                    }
                }
            }
        }
    }

    /// Counts one message, whatever is in it. False where it was one too many; a command among those gets its answer.
    fn admit(&mut self, line: &str, talk: &mut Talk) -> bool {
        let is_admitted = self.rate.take(self.door.clock.now_millis());
        if !is_admitted {
            let id = match ClientFrame::parse(line) {
                Ok(ClientFrame::Cmd(command)) => Some(command.id.clone()),
                Ok(_) => None,
                Err(BadFrame { id, .. }) => id,
            };
            say(talk, refused(id, Problem::new(Code::TooMany, "more messages a second than allowed")));
            self.outlet.close(CloseReason::TooManyMessages);
        }
        is_admitted
    }

    fn take(&mut self, frame: ClientFrame<'_>, talk: &mut Talk) {
        if self.outlet.phase() == Phase::Greeting && !matches!(frame, ClientFrame::Hello(_)) {
            if let ClientFrame::Cmd(command) = &frame {
                let problem = Problem::new(Code::UnknownMessage, "hello comes first: nothing was done");
                say(talk, refused(Some(command.id.clone()), problem));
            }
            self.outlet.close(CloseReason::FirstNotHello);
            return;
        }
        let outcome = match frame {
            ClientFrame::Hello(hello) => self.hello(&hello, talk),
            ClientFrame::Sub(sub) => self.subscribe(&sub),
            ClientFrame::Unsub(unsub) => {
                Topic::parse_all(&unsub.topics, "/topics").map(|topics| self.outlet.unsubscribe(&topics))
            }
            ClientFrame::Cmd(command) => {
                self.command(&command, talk);
                Ok(())
            }
            ClientFrame::Presence(report) => self.presence(&report, talk),
            ClientFrame::Visible(visible) => {
                self.tell(Visibility { session: self.id.clone(), visible: visible.visible })
            }
        };
        if let Err(problem) = outcome {
            say(talk, refused(None, problem));
        }
    }

    fn hello(&mut self, hello: &Hello, talk: &mut Talk) -> Result<(), Problem> {
        if self.outlet.phase() != Phase::Greeting {
            return Err(Problem::new(Code::UnknownMessage, "hello is said once"));
        }
        if hello.v != VERSION {
            return Err(Problem::field("/v", "unknown_value", format!("this server speaks version {VERSION}")));
        }
        if hello.client.is_empty() || hello.client.len() > 200 {
            return Err(Problem::field("/client", "invalid", "a client's name has 1 to 200 characters"));
        }
        let topics = Topic::parse_all(&hello.topics, "/topics")?;
        self.room_for(topics.len())?;
        let CredentialState::Live(principal) = self.credential.state() else {
            self.outlet.close(CloseReason::NotSignedIn);
            return Ok(());
        };
        let user = self.credential.account().user().view();
        let head = self.local.shared.feed.head();
        let same_epoch = hello.epoch.as_ref().is_none_or(|epoch| *epoch == self.door.epoch);
        let (resume, from) = match hello.after {
            // A client that names another epoch holds a board that means nothing here, wherever it stopped.
            _ if !same_epoch => (Resume::Snapshot, Seq::ZERO),
            None => (Resume::Live, head),
            Some(after) if after > head => (Resume::Snapshot, Seq::ZERO),
            Some(after) if after == head => (Resume::Live, head),
            Some(after) => (Resume::Replay, after),
        };
        let config = &self.door.config.session;
        say(
            talk,
            ServerMessage::Welcome(Welcome {
                session: self.id.clone(),
                user,
                epoch: self.door.epoch.clone(),
                seq: head,
                resume,
                limits: Limits {
                    max_message_bytes: config.max_message_bytes,
                    messages_per_s: config.messages_per_s,
                    max_commands_in_flight: config.commands_in_flight,
                    max_topics: config.topics,
                },
                heartbeat_ms: config.heartbeat_ms,
            }),
        );
        self.outlet.subscribe(&topics);
        if resume == Resume::Snapshot {
            self.outlet.await_snapshot();
        } else {
            self.outlet.begin(from);
        }
        let arrived = Arrived { session: self.id.clone(), user: principal.id.clone(), visible: hello.visible };
        self.tell(arrived)
    }

    fn subscribe(&mut self, sub: &Subscribe) -> Result<(), Problem> {
        let topics = Topic::parse_all(&sub.topics, "/topics")?;
        self.room_for(topics.len())?;
        match (self.outlet.phase(), sub.after) {
            (Phase::AwaitingSnapshot, None) => {
                return Err(Problem::field("/after", "required", "name the seq of the snapshot that you took"));
            }
            (Phase::AwaitingSnapshot, Some(after)) => {
                let head = self.local.shared.feed.head();
                if after > head {
                    return Err(Problem::new(Code::Resnapshot, format!("the journal ends at {head}")));
                }
                self.outlet.subscribe(&topics);
                self.outlet.begin(after);
            }
            (_, Some(_)) => {
                return Err(Problem::field("/after", "invalid", "only a welcome that says snapshot lets you choose"));
            }
            (_, None) => self.outlet.subscribe(&topics),
        }
        Ok(())
    }

    fn room_for(&self, more: usize) -> Result<(), Problem> {
        let limit = self.door.config.session.topics as usize;
        if self.outlet.topics() + more > limit {
            return Err(Problem::field("/topics", "too_many", format!("at most {limit} topics a session")));
        }
        Ok(())
    }

    /// Who may not see a ticket says nothing about it, and hears nothing of it.
    fn presence(&mut self, report: &PresenceReport, talk: &mut Talk) -> Result<(), Problem> {
        let told = Reported { session: self.id.clone(), ticket: report.ticket, state: report.state };
        let shared = &self.local.shared;
        if shared.rules.private_teams.is_empty() || report.state == PresenceState::Away {
            return self.tell(told);
        }
        if self.in_flight >= self.door.config.session.commands_in_flight {
            return Err(Problem::new(Code::Overloaded, "too many questions of this connection are under way"));
        }
        self.in_flight += 1;
        let (journal, ticket) = (Arc::clone(&shared.journal), report.ticket);
        let state = actix_rt::task::spawn_blocking(move || journal.state(ticket));
        talk.spawn(wrap_future(state).map(move |state, this: &mut Self, talk: &mut Talk| {
            this.in_flight -= 1;
            let shared = &this.local.shared;
            let told = match state {
                Ok(Ok(Some(state))) => {
                    // Of active tickets the feed knows by itself.
                    if !state.ticket.is_active() {
                        shared.feed.note(ticket, state.ticket.team.as_deref());
                    }
                    if shared.feed.sees(this.outlet.sight(), ticket) { this.tell(told) } else { Err(no_ticket()) }
                }
                Ok(Ok(None)) => Err(no_ticket()),
                Ok(Err(error)) => {
                    (shared.fatal)(&error);
                    Err(Problem::new(Code::Unavailable, "the desk is stopping"))
                }
                Err(_) => Err(Problem::new(Code::Internal, "the ticket could not be looked up")),
            };
            if let Err(problem) = told {
                say(talk, refused(None, problem));
            }
        }));
        Ok(())
    }

    fn command(&mut self, frame: &CommandFrame<'_>, talk: &mut Talk) {
        let id = frame.id.clone();
        let order = self.order(frame);
        let order = match order {
            Ok(order) => order,
            Err(problem) => return say(talk, refused(Some(id), problem)),
        };
        self.in_flight += 1;
        let kind = order.command.name();
        let trace = TraceId::fresh();
        let work = trace.command(kind).in_scope(|| self.door.gateway.execute(order));
        talk.spawn(wrap_future(work).map(move |outcome, this: &mut Self, talk: &mut Talk| {
            this.in_flight -= 1;
            say(
                talk,
                match outcome {
                    Ok(done) => ServerMessage::Ok(Acknowledged {
                        id,
                        seq: done.seq,
                        version: done.version,
                        ticket: done.ticket.map(|ticket| ticket.id),
                    }),
                    Err(problem) => {
                        this.tell_denied(kind, &problem);
                        refused(Some(id), Problem { trace: Some(trace.to_string()), ..problem })
                    }
                },
            );
        }));
    }

    /// What a role or a scope does not allow is remembered, as it is over HTTP.
    fn tell_denied(&self, command: &'static str, problem: &Problem) {
        if problem.code == Code::Forbidden {
            let (who, via) = (Some(self.credential.user()), Some(self.credential.id()));
            let deed = Deed::refused(Action::Denied).on(format!("cmd {command}")).with(problem.code.wire());
            self.door.audit.note_often(audit::Actor { who, via, from: self.from }, deed);
        }
    }

    fn order(&self, frame: &CommandFrame<'_>) -> Result<Order, Problem> {
        let length = frame.id.as_str().chars().count();
        if length == 0 || length > 200 {
            return Err(Problem::field("/id", "invalid", "a command id has 1 to 200 characters"));
        }
        if self.in_flight >= self.door.config.session.commands_in_flight {
            return Err(Problem::new(Code::Overloaded, "too many commands of this connection are under way"));
        }
        let CredentialState::Live(principal) = self.credential.state() else {
            return Err(Problem::new(Code::NotSignedIn, "the sign-in was withdrawn"));
        };
        let command = parse::command(frame.body, "/do")?;
        if matches!(command, Command::Create(_) | Command::ClaimNext(_)) {
            let beside = [("/ticket", frame.ticket.is_some()), ("/expect", frame.expect.is_some())];
            if let Some((pointer, _)) = beside.into_iter().find(|(_, is_there)| *is_there) {
                return Err(Problem::field(
                    pointer,
                    "invalid",
                    "this command is not for a ticket that is there already",
                ));
            }
        }
        Ok(Order {
            principal,
            command_id: frame.id.clone(),
            keyed: true,
            live: true,
            ticket: frame.ticket,
            expect: frame.expect,
            command,
        })
    }

    /// Tells presence; a full mailbox is an answer.
    fn tell<M>(&self, message: M) -> Result<(), Problem>
    where
        M: actix::Message<Result = ()> + Send + 'static,
        crate::actors::presence::Presence: actix::Handler<M>,
    {
        self.door
            .presence
            .try_send(message)
            .map_err(|_| Problem::new(Code::Overloaded, "presence is busy: tell it again"))
    }

    fn close(&self, reason: CloseReason) {
        self.outlet.close(reason);
    }
}

impl Actor for Session {
    type Context = Talk;

    fn stopped(&mut self, _: &mut Self::Context) {
        // Presence must hear of it: where its mailbox is full, this waits apart from the socket.
        let left = self.door.presence.send(Left { session: self.id.clone() });
        actix_rt::spawn(async move {
            if left.await.is_err() {
                tracing::debug!("presence is gone before the session");
            }
        });
    }
}

impl StreamHandler<Result<ws::Message, ProtocolError>> for Session {
    fn handle(&mut self, message: Result<ws::Message, ProtocolError>, talk: &mut Talk) {
        match message {
            Ok(ws::Message::Text(_) | ws::Message::Binary(_)) if self.assembly.is_open() => {
                self.close(CloseReason::BadFrame);
            }
            Ok(ws::Message::Text(text)) => self.hear(&text, talk),
            Ok(ws::Message::Binary(_)) => self.binary(talk),
            Ok(ws::Message::Continuation(item)) => {
                let limit = self.door.config.session.max_message_bytes as usize;
                match self.assembly.take(item, limit) {
                    Ok(None) => {}
                    Ok(Some((whole, true))) => match ByteString::try_from(whole.freeze()) {
                        Ok(text) => self.hear(&text, talk),
                        Err(_) => self.close(CloseReason::NotUtf8),
                    },
                    Ok(Some((_, false))) => self.binary(talk),
                    Err(reason) => self.close(reason),
                }
            }
            Ok(ws::Message::Ping(payload)) => {
                if self.admit("", talk) {
                    talk.pong(&payload);
                }
            }
            Ok(ws::Message::Pong(_)) => {
                self.admit("", talk);
            }
            Ok(ws::Message::Nop) => {}
            Ok(ws::Message::Close(reason)) => {
                // The echo ends the handshake; nothing more is sent after it.
                talk.close(reason);
                talk.stop();
            }
            Err(ProtocolError::Overflow) => self.close(CloseReason::TooBig),
            // So the codec reports a text that is not UTF-8; the transport's own errors have kinds of their own.
            Err(ProtocolError::Io(error)) if error.kind() == std::io::ErrorKind::Other => {
                self.close(CloseReason::NotUtf8);
            }
            Err(error) => {
                tracing::debug!(%error, "a client broke the WebSocket protocol");
                self.close(CloseReason::BadFrame);
            }
        }
    }

    fn finished(&mut self, talk: &mut Talk) {
        // After a close of ours the outlet says goodbye first.
        if !matches!(self.outlet.phase(), Phase::Closing(_)) {
            talk.stop();
        }
    }
}

impl Session {
    fn binary(&self, talk: &mut Talk) {
        say(talk, refused(None, Problem::new(Code::UnknownMessage, "binary frames carry shared documents only")));
        let greeting = self.outlet.phase() == Phase::Greeting;
        self.close(if greeting { CloseReason::FirstNotHello } else { CloseReason::BadMessage });
    }
}

fn say(talk: &mut Talk, message: ServerMessage) {
    talk.text(message.line());
}

fn no_ticket() -> Problem {
    Problem::from(Rejection::NotFound)
}

fn refused(id: Option<CommandId>, problem: Problem) -> ServerMessage {
    ServerMessage::Err(Refused::new(id, problem))
}
