//! Bodies of the public request form, and of what a customer sees by a private link: never more than what is public.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::preferences::CustomField;
use crate::domain::ids::{AttachmentId, MessageId, TicketId, UserId};
use crate::domain::message::{Attachment, BodyFormat};
use crate::domain::time::Timestamp;

/// The form as anybody sees it.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct RequestForm {
    /// The desk's name.
    pub desk: String,
    pub title: String,
    pub intro: String,
    pub fields: Vec<CustomField>,
    /// Null: nothing can be attached.
    pub files: Option<FileLimits>,
}

/// What a customer may attach to one message.
#[derive(Clone, Copy, Debug, Serialize, TS, ToSchema)]
pub struct FileLimits {
    pub message_files: usize,
    #[ts(as = "f64")]
    pub file_bytes: u64,
    /// Of all files of the message together.
    #[ts(as = "f64")]
    pub message_bytes: u64,
}

/// What a customer writes.
#[derive(Clone, Debug, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRequest {
    pub name: String,
    pub email: String,
    pub subject: String,
    pub body: String,
    #[serde(default)]
    #[ts(optional, type = "Record<string, unknown>")]
    #[schema(value_type = Object)]
    pub custom: BTreeMap<String, serde_json::Value>,
    /// Ids of files that were sent whole.
    #[serde(default)]
    #[ts(optional, as = "Option<Vec<AttachmentId>>")]
    pub attachments: Vec<AttachmentId>,
    /// People never see this field, so whoever fills it in is a machine.
    #[serde(default)]
    #[ts(optional, as = "Option<String>")]
    pub website: String,
}

/// A request that was taken; `token` is shown this once, for the link by which its writer follows it.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct NewRequest {
    pub token: String,
    pub request: RequestView,
}

/// A ticket as its requester sees it.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct RequestView {
    /// The desk's name.
    pub desk: String,
    pub id: TicketId,
    pub subject: String,
    pub state: RequestState,
    pub requester: String,
    pub created_at: Timestamp,
    /// The one before, where an answer to a closed request began a new one.
    pub follow_up_of: Option<TicketId>,
    /// Public ones alone, oldest first.
    pub messages: Vec<RequestMessage>,
    /// What an answer may have with it; null: nothing.
    pub files: Option<FileLimits>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// The desk works on it.
    Open,
    /// The desk asked something.
    Waiting,
    Solved,
    /// An answer begins a new request.
    Closed,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct RequestMessage {
    pub id: MessageId,
    /// The requester wrote it.
    pub own: bool,
    pub author: String,
    pub body: String,
    pub body_format: BodyFormat,
    pub attachments: Vec<Attachment>,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    pub body: String,
    /// Ids of files that were sent whole.
    #[serde(default)]
    #[ts(optional, as = "Option<Vec<AttachmentId>>")]
    pub attachments: Vec<AttachmentId>,
}

/// A private link that is out, as the desk sees it: never the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct RequestLink {
    pub created_at: Timestamp,
    /// Who made it; null: the request form did.
    pub by: Option<UserId>,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct RequestLinks {
    pub data: Vec<RequestLink>,
}

/// A new private link; `token` is shown this once.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct NewRequestLink {
    pub token: String,
}
