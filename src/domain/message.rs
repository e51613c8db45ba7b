//! One message of a ticket's thread. Messages live in records, not in the ticket's state.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::ids::MessageId;
use super::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Message {
    pub id: MessageId,
    pub visibility: Visibility,
    pub direction: Direction,
    pub author: Author,
    pub body: String,
    pub body_format: BodyFormat,
    pub attachments: Vec<Attachment>,
    /// Colleagues whom a note asks to look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<super::ids::UserId>>")]
    pub mentions: Vec<super::ids::UserId>,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// The requester sees it.
    Public,
    /// Only the desk sees it: a note.
    Internal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the requester to the desk.
    Inbound,
    /// From the desk to the requester, or a note among colleagues.
    Outbound,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BodyFormat {
    #[default]
    Text,
    Markdown,
}

/// Who wrote it: the requester (no `id`) or a user of the desk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Author {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub id: Option<super::ids::UserId>,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub email: Option<String>,
}

/// A file that belongs to a message; its bytes lie outside the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Attachment {
    pub id: String,
    pub name: String,
    pub media_type: String,
    #[ts(as = "f64")]
    pub bytes: u64,
}
