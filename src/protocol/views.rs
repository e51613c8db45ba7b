//! Bodies of HTTP answers that are not domain types themselves.

pub mod triage;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::domain::command::Command;
use crate::domain::ids::{AttachmentId, Epoch, Seq, TicketId, UserId, Version};
use crate::domain::message::{Attachment, Message};
use crate::domain::permissions::{Permission, Role};
use crate::domain::record::Record;
use crate::domain::ticket::{Priority, Status, Ticket};
use crate::domain::time::Timestamp;

/// A page of a list.
#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
pub struct Page<T> {
    pub data: Vec<T>,
    pub meta: PageMeta,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
pub struct PageMeta {
    pub has_more: bool,
    /// Pass as `page[after]` for the next page.
    pub after_cursor: Option<String>,
}

/// A user as administrators and the user see them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct UserView {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub role: Role,
    /// Empty means: of every team.
    pub teams: Vec<String>,
    pub active: bool,
    pub created_at: Timestamp,
    /// A program: it has tokens and never a password.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(optional, as = "Option<bool>")]
    pub service: bool,
}

/// A user as colleagues see them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct PersonView {
    pub id: UserId,
    pub name: String,
    pub role: Role,
    pub teams: Vec<String>,
    pub active: bool,
}

/// Who I am.
#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
pub struct Me {
    #[serde(flatten)]
    pub user: UserView,
    pub permissions: Vec<Permission>,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
pub struct TokenView {
    pub id: String,
    pub user: UserId,
    pub name: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// What it is for; absent: everything that its user may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub scopes: Option<Vec<Permission>>,
}

/// A browser that is signed in.
#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
pub struct SessionView {
    pub id: String,
    pub user: UserId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// Where it signed in from.
    pub address: Option<String>,
    /// What the browser called itself then.
    pub client: Option<String>,
    /// It is the one that asks.
    pub current: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    pub current: String,
    pub password: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInvitation {
    pub email: String,
    pub name: String,
    pub role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub teams: Option<Vec<String>>,
}

/// How often screens, commands and shortcuts were used since the last report.
#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageReport {
    pub counts: std::collections::BTreeMap<String, u32>,
}

/// What went wrong in a browser.
#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportError {
    pub message: String,
    /// The screen, without what is searched for.
    pub place: String,
    pub build: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub stack: Option<String>,
}

/// A file that is about to be sent.
#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginUpload {
    pub name: String,
    #[ts(as = "f64")]
    pub bytes: u64,
    /// In hex: what arrives must have this sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub sha256: Option<String>,
}

/// A file that no message has taken yet.
#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
pub struct UploadView {
    pub id: AttachmentId,
    /// As it will be shown: without a path, and without characters that hide or turn.
    pub name: String,
    #[ts(as = "f64")]
    pub bytes: u64,
    /// So many of them are here; the next ones go on there.
    #[ts(as = "f64")]
    pub received: u64,
    /// Once all of it is here and was looked at: what a message will have.
    pub attachment: Option<Attachment>,
    pub expires_at: Timestamp,
}

/// An invitation that nobody has accepted yet.
#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
pub struct InvitationView {
    pub id: String,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub teams: Vec<String>,
    pub by: UserId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A new invitation; `token` is shown this once, for the link that the person gets.
#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
pub struct NewInvitation {
    #[serde(flatten)]
    pub view: InvitationView,
    pub token: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    pub token: String,
    pub password: String,
    /// Another name than the one that the invitation has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub name: Option<String>,
}

/// A new token; `token` is shown this once.
#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
pub struct NewToken {
    #[serde(flatten)]
    pub view: TokenView,
    pub token: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    pub email: String,
    pub password: String,
}

/// Makes the first administrator, with the one-time secret that the server printed at its first start.
#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    pub token: String,
    pub email: String,
    pub name: String,
    pub password: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    pub email: String,
    pub name: String,
    pub role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub password: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub teams: Option<Vec<String>>,
    /// A program: it gets tokens and never a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub service: Option<bool>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateUser {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub role: Option<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub teams: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub active: Option<bool>,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// Another user's token needs the permission `tokens_others`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub user: Option<UserId>,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub expires_at: Option<Timestamp>,
    /// Narrower than what the user may do. A token of narrower scope makes only tokens that are as narrow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub scopes: Option<Vec<Permission>>,
}

/// A ticket with what `include` asked for.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct TicketWith {
    #[serde(flatten)]
    pub ticket: Ticket,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub messages: Option<Vec<Message>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub events: Option<Vec<Record>>,
}

/// The answer to a new message. The ticket is another one where the message opened a follow-up.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct MessageAdded {
    pub message: Message,
    pub ticket: Ticket,
}

/// One ticket's records.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct TicketEvents {
    pub records: Vec<Record>,
    /// Pass as `after` for more; null at the end.
    pub next_after: Option<Version>,
}

/// Records after a seq.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct Events {
    pub epoch: Epoch,
    pub records: Vec<Record>,
    /// Where to go on; may lie beyond the last record sent.
    pub next_after: Seq,
}

/// The queue as it will be handed out.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct QueueView {
    pub seq: Seq,
    pub data: Vec<QueueRow>,
    pub counts: QueueCounts,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct QueueRow {
    pub ticket: Ticket,
    pub reason: RankReason,
}

/// Why a ticket stands where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct RankReason {
    /// From 1.
    pub rank: u32,
    pub priority: Priority,
    /// The priority after waiting lifted it.
    pub effective_priority: Priority,
    /// By how many levels.
    pub lifted: u32,
    pub next_due: Option<Timestamp>,
    pub waiting_since: Timestamp,
    /// One sentence for people.
    pub text: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct QueueCounts {
    pub waiting: u32,
    /// Being handed to somebody right now.
    pub lent: u32,
    pub snoozed: u32,
    pub by_priority: std::collections::BTreeMap<String, u32>,
    pub by_team: std::collections::BTreeMap<String, u32>,
}

/// The desk as it stands at `seq`.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct Snapshot {
    pub epoch: Epoch,
    pub seq: Seq,
    pub board: Vec<Ticket>,
    /// 16 hex digits.
    pub board_hash: String,
}

#[derive(Clone, Debug, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bulk {
    pub ids: Vec<TicketId>,
    #[ts(as = "Command")]
    #[schema(value_type = Command)]
    pub command: Box<serde_json::value::RawValue>,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct BulkOutcomes {
    pub outcomes: Vec<BulkOutcome>,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct BulkOutcome {
    pub id: TicketId,
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub seq: Option<Seq>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub version: Option<Version>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub error: Option<Problem>,
}

/// What a client needs to know about this desk.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct DeskInfo {
    /// Of the app that the server carries: another one than before means that a newer page is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub build: Option<String>,
    /// It counts what the app is used for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(optional, as = "Option<bool>")]
    pub usage: bool,
    pub name: String,
    /// The server's build.
    pub version: String,
    pub statuses: Vec<Status>,
    /// From each status to those that it may become.
    #[ts(type = "Record<Status, Status[]>")]
    pub moves: std::collections::BTreeMap<Status, Vec<Status>>,
    pub priorities: Vec<Priority>,
    pub categories: Vec<NamedValue>,
    pub teams: Vec<NamedValue>,
    #[ts(as = "f64")]
    pub undo_window_ms: i64,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct NamedValue {
    pub id: String,
    pub name: String,
    pub description: String,
    /// Of a team: its tickets are seen by its members and by administrators alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(optional, as = "Option<bool>")]
    pub private: bool,
}
