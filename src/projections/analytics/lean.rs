//! A record as far as figures need it, read straight from the bytes that lie in the journal and go over the wire.
//!
//! Message texts, custom fields and names are skipped, never copied. A kind of event that this program does not know still
//! counts by what its patch changes. Called by the actor and by the fold's tests.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::domain::ids::{Seq, TicketId, Version};
use crate::domain::message::{Direction, Visibility};
use crate::domain::patch::present;
use crate::domain::ticket::{Channel, Priority, SlaMetric, Status, TriageDecided, TriageState};
use crate::domain::time::Timestamp;

#[derive(Clone, Debug, Deserialize)]
pub struct Lean<'a> {
    pub seq: Seq,
    pub ticket: TicketId,
    pub version: Version,
    pub at: Timestamp,
    #[serde(borrow)]
    pub by: Text<'a>,
    #[serde(borrow)]
    pub command_id: Text<'a>,
    #[serde(borrow)]
    pub event: LeanEvent<'a>,
    #[serde(borrow)]
    pub patch: LeanPatch<'a>,
}

/// Borrowed where the JSON has no escapes, within an `Option` too.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl Text<'_> {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Debug, Deserialize)]
pub struct LeanEvent<'a> {
    #[serde(rename = "type")]
    pub kind: EventKind,
    #[serde(default)]
    pub message: Option<LeanMessage>,
    #[serde(default)]
    pub metric: Option<SlaMetric>,
    /// `undone`: the command that was taken back.
    #[serde(default, borrow)]
    pub command_id: Option<Text<'a>>,
    /// `released`: given back by the desk because this holder vanished.
    #[serde(default, borrow)]
    pub vanished: Option<Text<'a>>,
    /// `triage_changed`: fields were set by it.
    #[serde(default)]
    pub applied: Option<IgnoredAny>,
    /// `updated`, `triage_changed`: what somebody made of proposed fields.
    #[serde(default)]
    pub decided: Option<TriageDecided>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    Created,
    Updated,
    MessageAdded,
    Claimed,
    Released,
    Skipped,
    Merged,
    MergedIn,
    Linked,
    Unlinked,
    Undone,
    SlaActivated,
    SlaPaused,
    SlaResumed,
    SlaFulfilled,
    SlaBreached,
    TriageChanged,
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub struct LeanMessage {
    pub visibility: Visibility,
    pub direction: Direction,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct LeanPatch<'a> {
    #[serde(default)]
    pub status: Option<Status>,
    #[serde(default)]
    pub priority: Option<Priority>,
    #[serde(default, borrow, deserialize_with = "present")]
    pub category: Option<Option<Text<'a>>>,
    #[serde(default, borrow)]
    pub tags: Option<Vec<Text<'a>>>,
    #[serde(default, borrow, deserialize_with = "present")]
    pub assignee: Option<Option<Text<'a>>>,
    #[serde(default, borrow, deserialize_with = "present")]
    pub team: Option<Option<Text<'a>>>,
    #[serde(default)]
    pub channel: Option<Channel>,
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "present")]
    pub first_responded_at: Option<Option<Timestamp>>,
    #[serde(default, deserialize_with = "present")]
    pub solved_at: Option<Option<Timestamp>>,
    #[serde(default, deserialize_with = "present")]
    pub snoozed_until: Option<Option<Timestamp>>,
    #[serde(default)]
    pub sla: Option<LeanSla>,
    #[serde(default, deserialize_with = "present")]
    pub triage: Option<Option<LeanTriage>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct LeanSla {
    pub first_response_due: Option<Timestamp>,
    pub next_response_due: Option<Timestamp>,
    pub resolution_due: Option<Timestamp>,
    pub breached: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub struct LeanTriage {
    pub state: TriageState,
}

impl<'a> Lean<'a> {
    /// Reads a record's JSON, or its line on the wire.
    pub fn read(json: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }
}
