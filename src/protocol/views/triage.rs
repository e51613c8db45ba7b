//! Bodies of the calls about triage: similar tickets, figures, a text to try, and the pieces of a streamed draft.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::domain::ids::TicketId;
use crate::domain::ticket::{Guess, Incident, Priority, Sentiment, Status, TriageField, TriageSource};
use crate::domain::time::Timestamp;
use crate::protocol::problem::Problem;

/// Tickets that resemble one, the most alike first.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct Similar {
    pub data: Vec<SimilarTicket>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct SimilarTicket {
    pub id: TicketId,
    pub subject: String,
    pub status: Status,
    pub category: Option<String>,
    pub tags: Vec<String>,
    pub solved_at: Option<Timestamp>,
    /// 0 to 1: the share of what makes the text what it is.
    pub likeness: f32,
    /// How it was answered: the desk's last public message, shortened. Null where there was none.
    pub answer: Option<String>,
}

/// A text to try the learner on.
#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TryTriage {
    pub subject: String,
    pub body: String,
}

/// What the learner makes of a text. The service is not asked.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct TriedTriage {
    /// The most probable categories, at most five.
    pub categories: Vec<Guess<String>>,
    /// How probably the text is about nothing of the desk's.
    pub out_of_scope: f32,
    pub priority: Option<Guess<Priority>>,
    pub sentiment: Option<Guess<Sentiment>>,
    pub language: Option<Guess<String>>,
    pub spam: Option<Guess<bool>>,
    pub summary: Option<String>,
    pub tags: Vec<String>,
    /// The service would be asked about it, had it come in as a ticket.
    pub would_ask: bool,
    pub similar: Vec<SimilarTicket>,
}

/// How triage does, what it costs and how often it is right. Counted since the desk has triage, over restarts.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct TriageStats {
    /// False: switched off by configuration.
    pub enabled: bool,
    /// False while the tickets of earlier days are still being read after a start.
    pub ready: bool,
    pub service: ServiceStats,
    pub queue: TriageQueueStats,
    pub learner: LearnerStats,
    /// By field and source.
    pub acceptance: Vec<Acceptance>,
    /// Of the category, by proposed category and source.
    pub categories: Vec<CategoryFigures>,
    /// How sure a proposed category was against how often it was right, in ten steps by source.
    pub reliability: Vec<ReliabilityBin>,
    /// Which category was proposed and which one people kept, most frequent first, at most 200 pairs.
    pub confusion: Vec<Confusion>,
    /// Groups of the last minutes that are an incident.
    pub incidents: Vec<Incident>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// Without a key: the learner works alone.
    NoKey,
    /// It is asked.
    On,
    /// It failed, and is left alone for a while.
    Paused,
    /// One call tries whether it is back.
    Trying,
    /// It refused the key: nothing is asked until the desk is started anew.
    Stopped,
    /// The day's budget is spent.
    BudgetSpent,
}

/// DeepSeek: what it was asked and what that cost.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct ServiceStats {
    pub state: ServiceState,
    pub model: String,
    pub spent_today_usd: f64,
    pub daily_budget_usd: f64,
    #[ts(as = "f64")]
    pub tokens_hit: u64,
    #[ts(as = "f64")]
    pub tokens_miss: u64,
    #[ts(as = "f64")]
    pub tokens_output: u64,
    /// Of the prompts' tokens; null before the first call.
    pub cache_hit_ratio: Option<f64>,
    #[ts(as = "f64")]
    pub requests: u64,
    /// Tickets that got an answer from it.
    #[ts(as = "f64")]
    pub tickets: u64,
    /// Tickets that were asked about a second time, because the first answer was lost in a crash.
    #[ts(as = "f64")]
    pub asked_again: u64,
    pub tickets_per_request: Option<f64>,
    pub tokens_per_ticket: Option<f64>,
    pub usd_per_1000_tickets: Option<f64>,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct TriageQueueStats {
    pub waiting: u32,
    pub limit: u32,
    /// Calls and proposals under way.
    pub under_way: u32,
    /// How far behind: since when the oldest one waits, in milliseconds; 0 when none does.
    #[ts(as = "f64")]
    pub behind_ms: i64,
    /// There are more than fit; they are looked up when there is room.
    pub overflowed: bool,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct LearnerStats {
    pub examples: u32,
    #[ts(as = "f64")]
    pub bytes: u64,
    /// Corrections since it was made anew.
    pub since_refit: u32,
    pub refitted_at: Option<Timestamp>,
    /// Solved tickets that can be found again, and what they take.
    pub similar_tickets: u32,
    #[ts(as = "f64")]
    pub similar_bytes: u64,
}

/// What people made of what was proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct Acceptance {
    pub field: TriageField,
    pub source: TriageSource,
    #[ts(as = "f64")]
    pub accepted: u64,
    #[ts(as = "f64")]
    pub edited: u64,
    #[ts(as = "f64")]
    pub rejected: u64,
    /// Never judged, but the value that stood when the ticket was solved was the proposed one.
    #[ts(as = "f64")]
    pub kept: u64,
    /// Never judged, and another value stood then.
    #[ts(as = "f64")]
    pub passed_over: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct CategoryFigures {
    pub category: String,
    pub source: TriageSource,
    /// Accepted or kept.
    #[ts(as = "f64")]
    pub right: u64,
    /// Edited, rejected, or another one stood at the end.
    #[ts(as = "f64")]
    pub wrong: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS, ToSchema)]
pub struct ReliabilityBin {
    pub source: TriageSource,
    /// Confidence from here …
    pub from: f32,
    /// … up to here.
    pub to: f32,
    #[ts(as = "f64")]
    pub count: u64,
    #[ts(as = "f64")]
    pub right: u64,
    /// Of the proposals in it.
    pub mean_confidence: f32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct Confusion {
    pub proposed: String,
    pub kept: String,
    #[ts(as = "f64")]
    pub count: u64,
}

/// One server-sent event of a draft, under the name of its `type`.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DraftEvent {
    /// First: the solved tickets that the draft is made of.
    Sources { sources: Vec<SimilarTicket> },
    /// More of the text.
    Delta { text: String },
    /// Last: the whole text; `cut` where it ends before its end.
    Done { text: String, cut: bool },
    /// Last: it failed, and what came until then is not to be used.
    Error { problem: Problem },
}
