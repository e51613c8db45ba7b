//! The WebSocket's messages, subprotocol `hotdesk.v1`: one JSON object a line, one or more lines a text frame.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use ts_rs::TS;
use utoipa::ToSchema;

use super::code::Code;
use super::problem::Problem;
use super::views::UserView;
use crate::domain::command::Command;
use crate::domain::ids::{CommandId, Epoch, Seq, TicketId, UserId, Version};
use crate::domain::record::Record;

/// The name of the subprotocol.
pub const SUBPROTOCOL: &str = "hotdesk.v1";

/// What a client may say. `cmd` keeps its command as text until its id is known, so that every refusal can carry the id.
#[derive(Debug, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ClientFrame {
    Hello(Hello),
    Sub(Subscribe),
    Unsub(Unsubscribe),
    Cmd(CommandFrame),
    Presence(PresenceReport),
    Visible(Visible),
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    pub v: u32,
    /// Stable for one tab, across its reconnects.
    pub client: String,
    #[serde(default)]
    #[ts(optional)]
    pub epoch: Option<Epoch>,
    /// The seq at which the client stopped.
    #[serde(default)]
    #[ts(optional)]
    pub after: Option<Seq>,
    #[serde(default)]
    pub topics: Vec<String>,
    #[serde(default = "yes")]
    #[ts(optional, as = "Option<bool>")]
    pub visible: bool,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    pub topics: Vec<String>,
    /// Only after `welcome` said `snapshot`: the seq of that snapshot.
    #[serde(default)]
    #[ts(optional)]
    pub after: Option<Seq>,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Unsubscribe {
    pub topics: Vec<String>,
}

/// `cmd` as it is read: the command itself is parsed in a second step.
#[derive(Debug, Deserialize)]
pub struct CommandFrame {
    pub id: CommandId,
    #[serde(default)]
    pub ticket: Option<TicketId>,
    #[serde(default)]
    pub expect: Option<Version>,
    #[serde(rename = "do")]
    pub body: Box<RawValue>,
}

/// `cmd` as a client writes it.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct CommandMessage {
    pub id: CommandId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub ticket: Option<TicketId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub expect: Option<Version>,
    #[serde(rename = "do")]
    pub command: Command,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PresenceReport {
    pub ticket: TicketId,
    pub state: PresenceState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PresenceState {
    Viewing,
    Typing,
    Away,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Visible {
    pub visible: bool,
}

/// What a client may say, as TypeScript sees it.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ClientMessage {
    Hello(Hello),
    Sub(Subscribe),
    Unsub(Unsubscribe),
    Cmd(CommandMessage),
    Presence(PresenceReport),
    Visible(Visible),
}

/// What the server says.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ServerMessage {
    Welcome(Welcome),
    Rec(Box<Record>),
    Upto(Upto),
    Ok(Acknowledged),
    Err(Refused),
    Presence(PresenceUpdate),
    Analytics(AnalyticsUpdate),
    Lag(Lag),
    Drain(Drain),
}

impl ServerMessage {
    /// One line of a frame, with its line end.
    pub fn line(&self) -> String {
        let mut line = serde_json::to_string(self).expect("invariant: wire types have string keys and finite numbers");
        line.push('\n');
        line
    }
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct Welcome {
    pub session: String,
    pub user: UserView,
    pub epoch: Epoch,
    pub seq: Seq,
    pub resume: Resume,
    pub limits: Limits,
    #[ts(as = "f64")]
    pub heartbeat_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resume {
    /// Nothing was missed.
    Live,
    /// What was missed follows.
    Replay,
    /// Positions mean nothing here: take a snapshot, then `sub` with its seq.
    Snapshot,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct Limits {
    pub max_message_bytes: u32,
    pub messages_per_s: u32,
    pub max_commands_in_flight: u32,
    pub max_topics: u32,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct Upto {
    pub seq: Seq,
    /// Hash of the board at that seq, as 16 hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub board: Option<String>,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct Acknowledged {
    pub id: CommandId,
    pub seq: Seq,
    pub version: Version,
    /// Null where `claim_next` found nothing.
    pub ticket: Option<TicketId>,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct Refused {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub id: Option<CommandId>,
    pub message: String,
    #[serde(flatten)]
    pub problem: Problem,
}

impl Refused {
    pub fn new(id: Option<CommandId>, problem: Problem) -> Self {
        Self { id, message: problem.detail.clone(), problem }
    }

    pub fn code(&self) -> Code {
        self.problem.code
    }
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct PresenceUpdate {
    pub ticket: TicketId,
    pub users: Vec<PresentUser>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct PresentUser {
    pub user: UserId,
    pub state: PresenceState,
}

/// The live figures; their shape belongs to analytics.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct AnalyticsUpdate {
    #[serde(flatten)]
    #[ts(skip)]
    #[schema(value_type = Object)]
    pub figures: serde_json::Map<String, serde_json::Value>,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct Lag {
    pub from: Seq,
    pub to: Seq,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct Drain {
    #[ts(as = "f64")]
    pub after_ms: u64,
    #[ts(as = "f64")]
    pub jitter_ms: u64,
}

/// Why a socket is closed by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseReason {
    GoingAway = 1001,
    Policy = 1008,
    TooBig = 1009,
    NotSignedIn = 4001,
    Forbidden = 4003,
    FirstNotHello = 4008,
    BadMessage = 4009,
    NoHello = 4108,
    TooManyMessages = 4129,
    TooSlow = 4201,
}

impl CloseReason {
    pub fn code(self) -> u16 {
        self as u16
    }

    pub fn text(self) -> &'static str {
        match self {
            Self::GoingAway => "the server is going away",
            Self::Policy => "this is not allowed",
            Self::TooBig => "the message is too big",
            Self::NotSignedIn => "the sign-in was withdrawn",
            Self::Forbidden => "the role was withdrawn",
            Self::FirstNotHello => "the first message must be hello",
            Self::BadMessage => "the message is not one of the protocol",
            Self::NoHello => "no hello came in time",
            Self::TooManyMessages => "too many messages",
            Self::TooSlow => "the reader is stuck",
        }
    }
}
