//! What a ticket is: its fields as everybody sees them ([`Ticket`]) and what the rules remember about it beside them
//! ([`Background`]). Both are a fold over the ticket's records and nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::ids::{TicketId, UserId, Version};
use super::time::Timestamp;

/// A ticket as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct Ticket {
    pub id: TicketId,
    pub version: Version,
    pub subject: String,
    pub status: Status,
    pub priority: Priority,
    pub category: Option<String>,
    /// Sorted, without repeats.
    pub tags: Vec<String>,
    pub requester: Requester,
    pub assignee: Option<UserId>,
    pub team: Option<String>,
    pub channel: Channel,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// When the desk first answered in public.
    pub first_responded_at: Option<Timestamp>,
    pub solved_at: Option<Timestamp>,
    /// Out of the queue until then. A time in the past counts as not snoozed.
    pub snoozed_until: Option<Timestamp>,
    pub merged_into: Option<TicketId>,
    pub follow_up_of: Option<TicketId>,
    /// Sorted, without repeats.
    pub links: Vec<Link>,
    pub sla: Sla,
    pub triage: Option<Triage>,
    pub message_count: u32,
    pub last_message_at: Option<Timestamp>,
    /// Who was mentioned in a note and has not written since. Sorted, without repeats.
    #[serde(default)]
    pub mentions: Vec<UserId>,
    #[ts(type = "Record<string, unknown>")]
    #[schema(value_type = Object)]
    pub custom: BTreeMap<String, serde_json::Value>,
}

impl Ticket {
    /// Active tickets are on the board: everything that is not closed.
    pub fn is_active(&self) -> bool {
        self.status != Status::Closed
    }

    pub fn is_snoozed(&self, now: Timestamp) -> bool {
        self.snoozed_until.is_some_and(|until| until > now)
    }

    /// The next moment at which an SLA target is missed.
    pub fn next_due(&self) -> Option<Timestamp> {
        [self.sla.first_response_due, self.sla.next_response_due, self.sla.resolution_due].into_iter().flatten().min()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    New,
    Open,
    Pending,
    OnHold,
    Solved,
    Closed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    Low,
    #[default]
    Normal,
    High,
    Urgent,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Web,
    #[default]
    Api,
    Email,
    Import,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Requester {
    pub name: String,
    pub email: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, ToSchema)]
pub struct Link {
    pub to: TicketId,
    pub kind: LinkKind,
}

/// How one ticket stands to another. The other side carries [`LinkKind::inverse`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    Related,
    /// This ticket is caused by the other one.
    CausedBy,
    /// This ticket is the cause of the other one.
    Causes,
    /// This ticket tells the same as the other one.
    DuplicateOf,
    DuplicatedBy,
    /// The other ticket was merged into this one.
    MergedFrom,
}

impl LinkKind {
    /// What the other side says. A merge has none: there it is the field `merged_into`.
    pub fn inverse(self) -> Option<Self> {
        match self {
            Self::Related => Some(Self::Related),
            Self::CausedBy => Some(Self::Causes),
            Self::Causes => Some(Self::CausedBy),
            Self::DuplicateOf => Some(Self::DuplicatedBy),
            Self::DuplicatedBy => Some(Self::DuplicateOf),
            Self::MergedFrom => None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Sla {
    /// Name of the policy that applies, if one does.
    #[serde(default)]
    pub policy: Option<String>,
    /// Null where there is no target, where it was met, and while the clock is paused.
    pub first_response_due: Option<Timestamp>,
    pub next_response_due: Option<Timestamp>,
    pub resolution_due: Option<Timestamp>,
    /// The clocks stand still: pending or on hold.
    #[serde(default)]
    pub paused: bool,
    /// A target was missed.
    pub breached: bool,
    /// Which targets were missed, each once, in the order in which it first happened.
    #[serde(default)]
    pub breaches: Vec<SlaMetric>,
}

impl Sla {
    pub fn due(&self, metric: SlaMetric) -> Option<Timestamp> {
        match metric {
            SlaMetric::FirstResponse => self.first_response_due,
            SlaMetric::NextResponse => self.next_response_due,
            SlaMetric::Resolution => self.resolution_due,
        }
    }

    pub fn set_due(&mut self, metric: SlaMetric, due: Option<Timestamp>) {
        match metric {
            SlaMetric::FirstResponse => self.first_response_due = due,
            SlaMetric::NextResponse => self.next_response_due = due,
            SlaMetric::Resolution => self.resolution_due = due,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlaMetric {
    FirstResponse,
    NextResponse,
    Resolution,
}

impl SlaMetric {
    pub const ALL: [Self; 3] = [Self::FirstResponse, Self::NextResponse, Self::Resolution];
}

/// What triage proposes, or why it does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct Triage {
    pub state: TriageState,
    pub source: Option<TriageSource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reason: Option<String>,
    pub at: Timestamp,
    pub category: Option<Guess<String>>,
    pub priority: Option<Guess<Priority>>,
    pub sentiment: Option<Guess<Sentiment>>,
    pub language: Option<Guess<String>>,
    pub summary: Option<String>,
    pub tags: Vec<String>,
    pub spam: Option<Guess<bool>>,
    pub duplicate_of: Option<TicketId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reply_draft: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriageState {
    Waiting,
    Proposed,
    Untriaged,
    Accepted,
    Rejected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriageSource {
    Deepseek,
    Learner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sentiment {
    Negative,
    Neutral,
    Positive,
}

/// A value and how sure its source is, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct Guess<T> {
    pub value: T,
    pub confidence: f32,
}
