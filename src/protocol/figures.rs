//! Figures over the wire: live, as series, as trends and as reports; and the door through which the edges ask for them.
//!
//! Shapes only; what each figure means is told in docs/METRICS.md, which is printed from `projections::analytics::metrics`. Times
//! that something took are milliseconds, shares are from 0 to 1, and what cannot be told (a median of nothing) is null.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::problem::Problem;
use super::reading::Answer;
use crate::domain::ids::{CommandId, Seq, TicketId, UserId};
use crate::domain::patch::present;
use crate::domain::permissions::Principal;
use crate::domain::time::Timestamp;

/// The desk as it stands, and the last day. In a frame only what changed is there: a figure that is there takes the place of the
/// former one, and within the maps (`teams` to `agents`) each entry does, with null for one that is gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, TS, ToSchema)]
pub struct LiveFigures {
    /// When they were counted, and up to which record.
    pub at: Timestamp,
    pub seq: Seq,
    pub now: NowFigures,
    /// Since midnight in the desk's time zone.
    pub today: DayFigures,
    /// The last 60 minutes.
    pub hour: Counts,
    pub minutes: MinuteFigures,
    pub backlog: BacklogFigures,
    pub latency: LatencyFigures,
    pub teams: BTreeMap<String, GroupFigures>,
    pub categories: BTreeMap<String, GroupFigures>,
    pub priorities: BTreeMap<String, GroupFigures>,
    pub channels: BTreeMap<String, GroupFigures>,
    pub tags: BTreeMap<String, GroupFigures>,
    /// By user id.
    pub agents: BTreeMap<String, AgentFigures>,
}

/// True at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct NowFigures {
    /// New or open, nobody's, not snoozed.
    pub waiting: u32,
    /// Since when the longest of them waits.
    pub oldest_waiting_since: Option<Timestamp>,
    pub snoozed: u32,
    /// Neither solved nor closed.
    pub unsolved: u32,
    pub unassigned: u32,
    /// A target falls due within `analytics.at_risk_ms` and is not missed yet.
    pub at_risk: u32,
    /// Unsolved with a missed target.
    pub breached: u32,
    pub online: u32,
    pub away: u32,
    pub on_ticket: u32,
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// How often something happened, without what was undone.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS, ToSchema)]
        pub struct Counts {
            $($(#[$doc])* #[ts(as = "f64")] pub $name: i64,)*
        }
    };
}

counts! {
    created, solved, one_touch, reopened, closed, merged, replies, notes, customer_messages, claims, releases, skips, transfers,
    undone, sla_met, sla_breached, ai_proposed, ai_accepted, ai_edited, ai_rejected, ai_failed,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, TS, ToSchema)]
pub struct DayFigures {
    pub since: Timestamp,
    pub counts: Counts,
    pub first_response: Durations,
    pub next_response: Durations,
    pub resolution: Durations,
    pub wait: Durations,
    pub handling: Durations,
}

/// Around the clock and in opening hours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, TS, ToSchema)]
pub struct Durations {
    pub calendar: Spread,
    pub business: Spread,
}

/// How times spread. Quantiles are within 1 % of the true ones, count and mean are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct Spread {
    #[ts(as = "f64")]
    pub count: i64,
    #[ts(as = "Option<f64>")]
    pub mean_ms: Option<i64>,
    #[ts(as = "Option<f64>")]
    pub median_ms: Option<i64>,
    #[ts(as = "Option<f64>")]
    pub p90_ms: Option<i64>,
    #[ts(as = "Option<f64>")]
    pub p95_ms: Option<i64>,
}

/// The last 60 minutes one by one, oldest first; the last one is not over yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct MinuteFigures {
    /// The first minute's beginning.
    pub since: Timestamp,
    pub created: Vec<i32>,
    pub solved: Vec<i32>,
    pub replies: Vec<i32>,
    pub customer_messages: Vec<i32>,
}

/// The unsolved tickets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct BacklogFigures {
    pub by_status: BTreeMap<String, u32>,
    /// Youngest first.
    pub by_age: Vec<AgeFigures>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct AgeFigures {
    /// Younger than this; null for the last one.
    #[ts(as = "Option<f64>")]
    pub below_ms: Option<i64>,
    pub count: u32,
}

/// From deciding a change to handing it to a socket, over the last minute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct LatencyFigures {
    #[ts(as = "f64")]
    pub count: u64,
    #[ts(as = "Option<f64>")]
    pub median_ms: Option<u64>,
    #[ts(as = "Option<f64>")]
    pub p95_ms: Option<u64>,
    #[ts(as = "Option<f64>")]
    pub p99_ms: Option<u64>,
}

/// A team, category, priority, channel or tag: what it has now, and what happened today.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct GroupFigures {
    pub waiting: u32,
    pub oldest_waiting_since: Option<Timestamp>,
    pub unsolved: u32,
    pub at_risk: u32,
    pub breached: u32,
    #[ts(as = "f64")]
    pub created: i64,
    #[ts(as = "f64")]
    pub solved: i64,
    #[ts(as = "f64")]
    pub reopened: i64,
    #[ts(as = "f64")]
    pub replies: i64,
    pub first_response: Spread,
    pub resolution: Spread,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct AgentFigures {
    pub state: AgentState,
    /// The ticket that the agent looks at.
    pub ticket: Option<TicketId>,
    /// Unsolved tickets in the agent's hands.
    pub holding: u32,
    /// Today.
    #[ts(as = "f64")]
    pub claims: i64,
    #[ts(as = "f64")]
    pub replies: i64,
    #[ts(as = "f64")]
    pub solved: i64,
    pub first_response: Spread,
    pub handling: Spread,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    #[default]
    Offline,
    /// Connected, with no tab in front.
    Away,
    Online,
    /// Online with a ticket open.
    OnTicket,
}

/// What a figure means, served with every figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct MetricInfo {
    pub id: &'static str,
    pub unit: MetricUnit,
    pub what: &'static str,
    /// How it is counted.
    pub formula: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricUnit {
    Count,
    /// Milliseconds; `value` is the median.
    Duration,
    /// 0 to 1; `count` is what it is a share of.
    Share,
    /// A number at a moment, not of a span.
    Level,
}

/// One figure. `value` is null where there is nothing to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, TS, ToSchema)]
pub struct Cell {
    pub value: Option<f64>,
    /// What it was counted from.
    #[ts(as = "f64")]
    pub count: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub spread: Option<Spread>,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct Series {
    pub metric: MetricInfo,
    /// Holds every record up to here.
    pub seq: Seq,
    pub from: Timestamp,
    pub to: Timestamp,
    pub step: String,
    pub time_zone: String,
    pub points: Vec<Point>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, TS, ToSchema)]
pub struct Point {
    /// The step's beginning.
    pub at: Timestamp,
    #[serde(flatten)]
    pub cell: Cell,
}

/// A list of what can be asked for.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct MetricList {
    pub data: Vec<MetricInfo>,
    pub splits: Vec<&'static str>,
    pub grains: Vec<&'static str>,
}

/// What a report counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportDefinition {
    /// A metric's id.
    pub measure: String,
    /// At most two dimensions.
    #[serde(default)]
    #[ts(optional, as = "Option<Vec<String>>")]
    pub split: Vec<String>,
    /// By dimension: any of these values. `none` stands for no value.
    #[serde(default)]
    #[ts(optional, as = "Option<BTreeMap<String, Vec<String>>>")]
    pub filter: BTreeMap<String, Vec<String>>,
    /// Either both, or `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub from: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub to: Option<Timestamp>,
    /// `7d`, `12h`, `4w`, `6mo`: up to now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub last: Option<String>,
    /// `hour`, `day`, `week`, `month`, `quarter`, `year`, or a step like `15m`; absent for one figure over the whole range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub grain: Option<String>,
    #[serde(default)]
    #[ts(optional, as = "Option<ReportClock>")]
    pub clock: ReportClock,
    /// Of the IANA database; the desk's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub time_zone: Option<String>,
}

/// How times that something took are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportClock {
    #[default]
    Calendar,
    Business,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReport {
    pub name: String,
    pub definition: ReportDefinition,
    /// Everybody sees it; otherwise its owner alone.
    #[serde(default)]
    #[ts(optional, as = "Option<bool>")]
    pub shared: bool,
    /// When it runs by itself and leaves a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub schedule: Option<ReportSchedule>,
}

/// What changes in a saved report: what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateReport {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub definition: Option<ReportDefinition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub shared: Option<bool>,
    /// Null for a report that does not run by itself any more.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[ts(optional, as = "Option<Option<ReportSchedule>>")]
    #[schema(value_type = Option<ReportSchedule>)]
    pub schedule: Option<Option<ReportSchedule>>,
}

/// When a report runs by itself. Its files count what everybody sees: nothing of private teams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportSchedule {
    pub every: ReportEvery,
    /// `07:30`, in the report's time zone.
    pub at: String,
    pub format: ReportFormat,
}

/// `week` is on Mondays, `month` on the first day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportEvery {
    Day,
    Week,
    Month,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportFormat {
    Csv,
    Json,
}

impl ReportFormat {
    /// The ending of a file's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

/// What a scheduled run left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct ReportFile {
    /// When it was due; the file is asked for by it.
    pub at: Timestamp,
    pub format: ReportFormat,
    #[ts(as = "f64")]
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Report {
    pub id: String,
    pub name: String,
    pub definition: ReportDefinition,
    pub shared: bool,
    pub owner: UserId,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub schedule: Option<ReportSchedule>,
    /// Since when it runs by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub scheduled_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct ReportResult {
    pub metric: MetricInfo,
    pub seq: Seq,
    pub from: Timestamp,
    pub to: Timestamp,
    pub time_zone: String,
    pub clock: ReportClock,
    pub grain: Option<String>,
    pub split: Vec<String>,
    /// In order of time, then of keys. What nothing was counted for is not there.
    pub rows: Vec<ReportRow>,
    /// Over everything, counted once.
    pub total: Cell,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS, ToSchema)]
pub struct ReportRow {
    /// The beginning of the row's span; absent without a grain.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub at: Option<Timestamp>,
    /// A value for each dimension of `split`; `none` where there is none.
    pub keys: Vec<String>,
    #[serde(flatten)]
    pub cell: Cell,
}

/// Which cell of a report is looked into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportCell {
    /// A row's `at`; absent for the whole range.
    #[serde(default)]
    #[ts(optional)]
    pub at: Option<Timestamp>,
    /// A row's `keys`; absent for all.
    #[serde(default)]
    #[ts(optional, as = "Option<Vec<String>>")]
    pub keys: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrillDown {
    pub definition: ReportDefinition,
    pub cell: ReportCell,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct ReportTickets {
    /// The newest first, at most a thousand.
    pub tickets: Vec<TicketId>,
    /// How many there are.
    #[ts(as = "f64")]
    pub total: usize,
}

/// What a series is asked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesQuery {
    pub metric: String,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub step: Option<String>,
    pub time_zone: Option<String>,
    pub clock: ReportClock,
    pub filter: BTreeMap<String, Vec<String>>,
}

/// What is unusual, what changed, and what is to come.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct Trends {
    pub at: Timestamp,
    pub seq: Seq,
    pub time_zone: String,
    /// Strongest first.
    pub anomalies: Vec<Anomaly>,
    /// Of the number of new tickets a day, newest first.
    pub changes: Vec<ChangePoint>,
    /// New tickets by the hour, from the present hour on.
    pub arrivals: Vec<ForecastPoint>,
    /// Unsolved tickets at the end of each hour.
    pub backlog: Vec<ForecastPoint>,
    /// Targets that will be missed in each hour if work goes on at the usual speed.
    pub breaches: Vec<ForecastPoint>,
    pub staffing: Staffing,
    /// What can be said with so little history.
    pub notes: Vec<TrendNote>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrendNote {
    /// Fewer than two weeks of history: nothing is called unusual yet.
    LittleHistory,
    /// No ticket was opened in the last eight weeks.
    NoArrivals,
    /// Nobody answered a ticket in the last four weeks, so no staffing can be told.
    NoHandling,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS, ToSchema)]
pub struct Anomaly {
    /// `all`, `team` or `category`.
    pub dimension: &'static str,
    pub value: Option<String>,
    pub since: Timestamp,
    /// New tickets since then, and how many there usually are.
    #[ts(as = "f64")]
    pub count: i64,
    pub expected: f64,
    pub times_usual: f64,
    /// How likely so many are by chance on a usual day.
    pub p: f64,
    /// `payments: 4.1x the usual for a Monday 10:00, since 09:42`.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS, ToSchema)]
pub struct ChangePoint {
    pub dimension: &'static str,
    pub value: Option<String>,
    /// The first day of the new level.
    pub at: Timestamp,
    /// New tickets a day before and after.
    pub before: f64,
    pub after: f64,
    pub p: f64,
}

/// `low` to `high` holds the truth in 90 of 100 hours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, TS, ToSchema)]
pub struct ForecastPoint {
    pub at: Timestamp,
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// Agents needed so that `target_share` of the tickets wait at most `target_ms` for somebody to take them.
#[derive(Clone, Debug, PartialEq, Serialize, TS, ToSchema)]
pub struct Staffing {
    #[ts(as = "f64")]
    pub target_ms: i64,
    pub target_share: f64,
    /// Measured: from taking a ticket to the answer, on average; null where nothing was measured.
    #[ts(as = "Option<f64>")]
    pub handling_ms: Option<i64>,
    /// How long people wait before they give up, as configured (Erlang A); null for as long as it takes (Erlang C).
    #[ts(as = "Option<f64>")]
    pub patience_ms: Option<i64>,
    pub hours: Vec<StaffingHour>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, TS, ToSchema)]
pub struct StaffingHour {
    pub at: Timestamp,
    pub arrivals: f64,
    pub agents: u32,
    /// What so many agents reach.
    pub share_in_time: f64,
    /// How busy they are, 0 to 1.
    pub occupancy: f64,
    /// The share that gives up.
    pub lost: f64,
}

/// What the edges may ask about figures. Every answer holds all writes acknowledged before it was asked for; `unavailable`
/// (retryable) while the figures are still being counted after a start.
pub trait Figures: Send + Sync {
    fn live<'a>(&'a self, principal: &'a Principal) -> Answer<'a, LiveFigures>;

    fn metrics(&self) -> MetricList;

    fn series<'a>(&'a self, query: SeriesQuery, principal: &'a Principal) -> Answer<'a, Series>;

    fn trends<'a>(&'a self, principal: &'a Principal) -> Answer<'a, Trends>;

    /// Counts a report. Mistakes in the definition are `invalid_field` with their pointers.
    fn run<'a>(&'a self, definition: ReportDefinition, principal: &'a Principal) -> Answer<'a, ReportResult>;

    fn tickets<'a>(&'a self, drill: DrillDown, principal: &'a Principal) -> Answer<'a, ReportTickets>;

    /// The caller's own reports and the shared ones, by name.
    fn reports(&self, principal: &Principal) -> Vec<Report>;

    fn report(&self, id: &str, principal: &Principal) -> Result<Report, Problem>;

    /// Keeps a report whose definition is good. The same key gives the same report again.
    fn save_report<'a>(
        &'a self,
        report: NewReport,
        key: Option<CommandId>,
        principal: &'a Principal,
    ) -> Answer<'a, Report>;

    /// Only what is named changes.
    fn update_report<'a>(&'a self, id: &'a str, change: UpdateReport, principal: &'a Principal) -> Answer<'a, Report>;

    /// What a report's scheduled runs left, the newest first.
    fn report_files<'a>(&'a self, id: &'a str, principal: &'a Principal) -> Answer<'a, Vec<ReportFile>>;

    fn report_file<'a>(
        &'a self,
        id: &'a str,
        at: Timestamp,
        principal: &'a Principal,
    ) -> Answer<'a, (ReportFormat, Vec<u8>)>;

    fn remove_report<'a>(&'a self, id: &'a str, principal: &'a Principal) -> Answer<'a, ()>;
}

/// What a frame of the topic `analytics` brings: what changed since the last one.
#[derive(Clone, Debug, Default, Serialize, TS, ToSchema)]
pub struct LiveChange {
    pub at: Timestamp,
    pub seq: Seq,
    /// It takes the place of everything that was told before: the first frame of a subscription, and the first after what one may
    /// see has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub whole: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub now: Option<NowFigures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub today: Option<DayFigures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hour: Option<Counts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub minutes: Option<MinuteFigures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub backlog: Option<BacklogFigures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub latency: Option<LatencyFigures>,
    /// Null for a value that is gone; the same in the maps after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    #[schema(value_type = Option<Object>)]
    pub teams: Option<BTreeMap<String, Option<GroupFigures>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    #[schema(value_type = Option<Object>)]
    pub categories: Option<BTreeMap<String, Option<GroupFigures>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    #[schema(value_type = Option<Object>)]
    pub priorities: Option<BTreeMap<String, Option<GroupFigures>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    #[schema(value_type = Option<Object>)]
    pub channels: Option<BTreeMap<String, Option<GroupFigures>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    #[schema(value_type = Option<Object>)]
    pub tags: Option<BTreeMap<String, Option<GroupFigures>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    #[schema(value_type = Option<Object>)]
    pub agents: Option<BTreeMap<String, Option<AgentFigures>>>,
}
