//! What a ticket is: its fields as everybody sees them ([`Ticket`]) and what the rules remember about it beside them
//! ([`Background`]). Both are a fold over the ticket's records and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::ids::{TicketId, UserId, Version};
use super::patch::present;
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
    // Shared: a change makes a new ticket, and few change this.
    pub triage: Option<Arc<Triage>>,
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

/// What triage proposes and did by itself, and what people made of it; or why it proposes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct Triage {
    pub state: TriageState,
    pub source: Option<TriageSource>,
    /// Why it is `untriaged`, or why the learner speaks where the service was to be asked: a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reason: Option<String>,
    pub at: Timestamp,
    /// The ticket's version that was read.
    #[serde(default)]
    pub based_on: Version,
    pub category: Option<Guess<String>>,
    pub priority: Option<Guess<Priority>>,
    pub sentiment: Option<Guess<Sentiment>>,
    pub language: Option<Guess<String>>,
    pub summary: Option<String>,
    pub tags: Vec<String>,
    pub spam: Option<Guess<bool>>,
    pub duplicate_of: Option<TicketId>,
    /// Many tickets told the same within a few minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub incident: Option<Incident>,
    /// The fields that the machine set by itself, each with the value before it.
    #[serde(default, skip_serializing_if = "TriageApplied::is_empty")]
    #[ts(optional, as = "Option<TriageApplied>")]
    pub applied: TriageApplied,
    /// What people made of each field. A proposed field that is not here is still open.
    #[serde(default, skip_serializing_if = "TriageDecided::is_empty")]
    #[ts(optional, as = "Option<TriageDecided>")]
    pub decided: TriageDecided,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reply_draft: Option<String>,
}

impl Triage {
    /// Nothing is known yet.
    pub fn new(state: TriageState, at: Timestamp, based_on: Version) -> Self {
        Self {
            state,
            source: None,
            reason: None,
            at,
            based_on,
            category: None,
            priority: None,
            sentiment: None,
            language: None,
            summary: None,
            tags: Vec::new(),
            spam: None,
            duplicate_of: None,
            incident: None,
            applied: TriageApplied::default(),
            decided: TriageDecided::default(),
            reply_draft: None,
        }
    }

    /// Whether a value is proposed for this field.
    pub fn proposes(&self, field: TriageField) -> bool {
        match field {
            TriageField::Category => self.category.is_some(),
            TriageField::Priority => self.priority.is_some(),
            TriageField::Tags => !self.tags.is_empty(),
        }
    }

    /// Whether the field is proposed and nobody has said anything to it.
    pub fn is_open(&self, field: TriageField) -> bool {
        self.proposes(field) && self.decided.get(field).is_none()
    }

    /// The state that follows from what was decided: proposed while a field is open.
    pub fn settle(&mut self) {
        let decided = || TriageField::ALL.into_iter().filter_map(|field| self.decided.get(field));
        self.state = if TriageField::ALL.into_iter().any(|field| self.is_open(field)) {
            TriageState::Proposed
        } else if decided().any(|decision| decision != TriageDecision::Rejected) {
            TriageState::Accepted
        } else if decided().next().is_some() {
            TriageState::Rejected
        } else {
            self.state
        };
    }
}

/// The fields of a ticket that triage may propose. It can touch no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriageField {
    Category,
    Priority,
    Tags,
}

impl TriageField {
    pub const ALL: [Self; 3] = [Self::Category, Self::Priority, Self::Tags];

    /// The name on the wire, which is that of the ticket's field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Priority => "priority",
            Self::Tags => "tags",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

/// What somebody made of a proposed field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriageDecision {
    Accepted,
    /// Another value was set than the proposed one.
    Edited,
    Rejected,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct TriageDecided {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub category: Option<TriageDecision>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub priority: Option<TriageDecision>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub tags: Option<TriageDecision>,
}

impl TriageDecided {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn get(&self, field: TriageField) -> Option<TriageDecision> {
        match field {
            TriageField::Category => self.category,
            TriageField::Priority => self.priority,
            TriageField::Tags => self.tags,
        }
    }

    pub fn set(&mut self, field: TriageField, decision: Option<TriageDecision>) {
        match field {
            TriageField::Category => self.category = decision,
            TriageField::Priority => self.priority = decision,
            TriageField::Tags => self.tags = decision,
        }
    }
}

/// Values from before the machine set a field by itself; a field that it did not set is not here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct TriageApplied {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[ts(optional, type = "string | null")]
    #[schema(value_type = Option<String>)]
    pub category: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub priority: Option<Priority>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub tags: Option<Vec<String>>,
}

impl TriageApplied {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn has(&self, field: TriageField) -> bool {
        match field {
            TriageField::Category => self.category.is_some(),
            TriageField::Priority => self.priority.is_some(),
            TriageField::Tags => self.tags.is_some(),
        }
    }

    pub fn forget(&mut self, field: TriageField) {
        match field {
            TriageField::Category => self.category = None,
            TriageField::Priority => self.priority = None,
            TriageField::Tags => self.tags = None,
        }
    }
}

/// A group of tickets that tell the same within a few minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Incident {
    /// The first of them; it carries the count.
    pub lead: TicketId,
    /// How many there were when this was written.
    pub tickets: u32,
    pub since: Timestamp,
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
