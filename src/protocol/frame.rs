//! The WebSocket's messages, subprotocol `hotdesk.v1`: one JSON object a line, one or more lines a text frame.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use ts_rs::TS;
use utoipa::ToSchema;

use super::code::Code;
use super::figures::LiveChange;
use super::parse;
use super::problem::Problem;
use super::views::UserView;
use crate::domain::command::Command;
use crate::domain::ids::{CommandId, Epoch, Seq, TicketId, UserId, Version};
use crate::domain::record::Record;

/// The name of the subprotocol.
pub const SUBPROTOCOL: &str = "hotdesk.v1";

/// What a client may say. `cmd` keeps its command as text until its id is known, so that every refusal can carry the id.
#[derive(Debug)]
pub enum ClientFrame<'a> {
    Hello(Hello),
    Sub(Subscribe),
    Unsub(Unsubscribe),
    Cmd(CommandFrame<'a>),
    Presence(PresenceReport),
    Visible(Visible),
}

/// A line that is not a message.
#[derive(Debug)]
pub struct BadFrame {
    /// The command's id, where one could be read.
    pub id: Option<CommandId>,
    pub problem: Problem,
    /// Not even JSON with a known `t`: there is no talking to this client.
    pub hopeless: bool,
}

impl<'a> ClientFrame<'a> {
    /// Reads one line.
    pub fn parse(line: &'a str) -> Result<Self, BadFrame> {
        #[derive(Deserialize)]
        struct Tag<'a> {
            #[serde(borrow)]
            t: std::borrow::Cow<'a, str>,
        }
        let tag: Tag<'a> = serde_json::from_str(line).map_err(|error| BadFrame {
            id: None,
            problem: Problem::new(Code::BadJson, format!("a message is a JSON object with a field t: {error}")),
            hopeless: true,
        })?;
        if tag.t == "cmd" {
            return parse::borrowed(line, "").map(Self::Cmd).map_err(|problem| {
                #[derive(Deserialize)]
                struct Id {
                    id: CommandId,
                }
                let id = serde_json::from_str::<Id>(line).ok().map(|found| found.id);
                BadFrame { id, problem, hopeless: false }
            });
        }
        let body = |line: &str| -> Result<Vec<u8>, serde_json::Error> {
            let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line)?;
            fields.remove("t");
            serde_json::to_vec(&fields)
        };
        let body = body(line).map_err(|error| BadFrame {
            id: None,
            problem: Problem::new(Code::BadJson, error.to_string()),
            hopeless: true,
        })?;
        let parsed = match &*tag.t {
            "hello" => parse::object(&body, "").map(Self::Hello),
            "sub" => parse::object(&body, "").map(Self::Sub),
            "unsub" => parse::object(&body, "").map(Self::Unsub),
            "presence" => parse::object(&body, "").map(Self::Presence),
            "visible" => parse::object(&body, "").map(Self::Visible),
            other => {
                let detail = format!("there is no message `{}`", other.chars().take(64).collect::<String>());
                return Err(BadFrame { id: None, problem: Problem::new(Code::UnknownMessage, detail), hopeless: true });
            }
        };
        parsed.map_err(|problem| BadFrame { id: None, problem, hopeless: false })
    }
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
#[serde(deny_unknown_fields)]
pub struct CommandFrame<'a> {
    #[serde(rename = "t")]
    _tag: serde::de::IgnoredAny,
    pub id: CommandId,
    #[serde(default)]
    pub ticket: Option<TicketId>,
    #[serde(default)]
    pub expect: Option<Version>,
    #[serde(borrow, rename = "do")]
    pub body: &'a RawValue,
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
    /// What changed in the live figures, at most once a second.
    Analytics(Box<LiveChange>),
    Desk(DeskChanged),
    Lag(Lag),
    Drain(Drain),
}

impl ServerMessage {
    /// One line of a frame, without a line end.
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("invariant: wire types have string keys and finite numbers")
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

/// Numbers that tell a change beside the tickets: one that is another than before means that what it stands for is to be asked for
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct DeskChanged {
    /// Shared views and macros.
    #[ts(as = "f64")]
    pub shared: u64,
    /// Who is at the desk.
    #[ts(as = "f64")]
    pub people: u64,
    /// The desk's settings.
    #[ts(as = "f64")]
    pub settings: u64,
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
    BadFrame = 1002,
    NotUtf8 = 1007,
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
            Self::BadFrame => "the frame breaks the WebSocket protocol",
            Self::NotUtf8 => "text must be UTF-8",
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
