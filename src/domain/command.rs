//! What somebody wants. A command becomes one or more records, or is refused with a code.
//!
//! The bodies here are the `do` objects of the WebSocket and the bodies of the HTTP calls alike.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::ids::{CommandId, TicketId, UserId, Version};
use super::message::{Attachment, BodyFormat, Direction, Visibility};
use super::patch::present;
use super::ticket::{Channel, Incident, LinkKind, Priority, Requester, Status, Triage};
use super::time::Timestamp;

/// A change to the desk as a client asks for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Command {
    Create(CreateTicket),
    Update(UpdateTicket),
    Message(AddMessage),
    Claim(Empty),
    ClaimNext(ClaimNext),
    Skip(Skip),
    Release(Release),
    Merge(Merge),
    Link(LinkTicket),
    Unlink(LinkTicket),
    Undo(Undo),
    /// Ask for a proposal anew.
    Triage(Empty),
    TriageAccept(AcceptTriage),
    TriageReject(RejectTriage),
    /// What only the desk itself may ask; never read from the wire.
    #[serde(skip)]
    #[ts(skip)]
    System(SystemCommand),
}

impl Command {
    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Update(_) => "update",
            Self::Message(_) => "message",
            Self::Claim(_) => "claim",
            Self::ClaimNext(_) => "claim_next",
            Self::Skip(_) => "skip",
            Self::Release(_) => "release",
            Self::Merge(_) => "merge",
            Self::Link(_) => "link",
            Self::Unlink(_) => "unlink",
            Self::Undo(_) => "undo",
            Self::Triage(_) => "triage",
            Self::TriageAccept(_) => "triage_accept",
            Self::TriageReject(_) => "triage_reject",
            Self::System(_) => "system",
        }
    }
}

/// A body without fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Opens a ticket. Its `body` becomes the first message: public, inbound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTicket {
    pub subject: String,
    pub body: String,
    pub requester: Requester,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub priority: Option<Priority>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub team: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub tags: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub channel: Option<Channel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub body_format: Option<BodyFormat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "Record<string, unknown>")]
    #[schema(value_type = Object)]
    pub custom: Option<BTreeMap<String, serde_json::Value>>,
}

/// Changes fields, all or nothing. An absent field stays, `null` empties it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateTicket {
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[ts(optional)]
    pub status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[ts(optional)]
    pub priority: Option<Priority>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[ts(optional, type = "string | null")]
    #[schema(value_type = Option<String>)]
    pub assignee: Option<Option<UserId>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[ts(optional, type = "string | null")]
    #[schema(value_type = Option<String>)]
    pub team: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[ts(optional, type = "string | null")]
    #[schema(value_type = Option<String>)]
    pub category: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[ts(optional)]
    pub tags: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[ts(optional)]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[ts(optional, type = "string | null")]
    #[schema(value_type = Option<String>)]
    pub snoozed_until: Option<Option<Timestamp>>,
    /// The whole map: what is not in it is removed.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[ts(optional, type = "Record<string, unknown>")]
    #[schema(value_type = Option<Object>)]
    pub custom: Option<BTreeMap<String, serde_json::Value>>,
}

/// Adds a message to the thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddMessage {
    pub body: String,
    pub visibility: Visibility,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub direction: Option<Direction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub body_format: Option<BodyFormat>,
    /// The ticket's version that the writer had on the screen; a public message after it refuses this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub last_seen_version: Option<Version>,
    /// Set together with the message, all or nothing ("send and solve").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub status: Option<Status>,
    /// Colleagues whom a note asks to look; only in an internal message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<UserId>>")]
    pub mentions: Vec<UserId>,
    #[serde(default, skip_deserializing)]
    #[ts(skip)]
    #[schema(ignore)]
    pub attachments: Vec<Attachment>,
}

/// Asks the queue for the first eligible ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimNext {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub team: Option<String>,
    /// Any of these; absent means any at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub categories: Option<Vec<String>>,
}

/// "Not for me": the ticket goes back if the caller holds it, and is not offered to the caller for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Skip {
    pub reason: String,
}

/// Gives the ticket back to the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Release {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    pub into: TicketId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkTicket {
    pub to: TicketId,
    pub kind: LinkKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    pub command_id: CommandId,
}

/// Takes what triage proposes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AcceptTriage {
    /// Any of `category`, `priority`, `tags`. Absent: all that are still open, but for what somebody set since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub fields: Option<Vec<String>>,
    /// Other values than the proposed ones, for fields that are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub edits: Option<TriageValues>,
}

/// Refuses what triage proposes, and takes back what the machine set by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RejectTriage {
    /// Any of `category`, `priority`, `tags`. Absent: all that are still open.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub fields: Option<Vec<String>>,
}

/// Values of the fields that triage may propose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TriageValues {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub priority: Option<Priority>,
    /// They come beside those that the ticket has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub tags: Option<Vec<String>>,
}

/// What the desk asks of itself. It goes through the same door as everybody's commands.
#[derive(Clone, Debug, PartialEq)]
pub enum SystemCommand {
    /// A due time has passed: write the breach of every target that is missed by now.
    CheckSla,
    /// The ticket has been solved for long enough: close it.
    CloseSolved,
    /// The holder vanished without an answer: give the ticket back.
    ReleaseVanished { holder: UserId },
    /// Triage begins, proposes or gives up, based on the version that `triage` names; `apply` is set without asking. No field but
    /// these can be reached from there.
    Triage { triage: Box<Triage>, apply: TriageValues },
    /// The ticket is one of many that tell the same.
    Incident(Incident),
}
