//! The configuration: plain values, read in layers and checked as a whole before anything starts.
//!
//! It never turns values into what the parts need (that is `app`'s), and never reads `HOTDESK_ADMIN_…` or other secrets of
//! the start. Called by the command line.

mod check;
mod layers;
mod print;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use layers::Layers;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub limits: Limits,
    pub journal: Journal,
    pub feed: Feed,
    pub session: Session,
    pub tickets: Tickets,
    pub queue: Queue,
    pub presence: Presence,
    pub people: People,
    pub search: Search,
    pub storage: Storage,
    pub attachments: Attachments,
    pub backup: Backup,
    pub usage: Usage,
    pub analytics: Analytics,
    pub desk: Desk,
    pub sla: Sla,
    pub triage: Triage,
    pub demo: Demo,
    pub log: Log,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub listen: String,
    pub data: PathBuf,
    /// 0 means one for each core.
    pub workers: usize,
    /// Origins beside the server's own that may open a WebSocket with a cookie.
    pub allowed_origins: Vec<String>,
    /// The cookie is sent over HTTPS only.
    pub secure_cookies: bool,
    /// Protects `/metrics` and the details of readiness; empty means open on the main address.
    pub operations_token: String,
    pub drain_ms: u64,
    /// Addresses and networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<String>,
    /// What comes by plain HTTP, as the proxy says, is sent on to HTTPS.
    pub redirect_to_https: bool,
    /// `max-age` of `Strict-Transport-Security` in seconds, on answers that go over HTTPS; 0 leaves it out.
    pub hsts_s: u64,
    /// PEM files; with both the desk speaks HTTPS itself, and takes new ones when they change.
    pub tls_certificate: PathBuf,
    pub tls_key: PathBuf,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub body_bytes: usize,
    pub body_timeout_ms: u64,
    pub head_timeout_ms: u64,
    pub connections: usize,
    /// Of those, from one address.
    pub connections_per_address: usize,
    /// Of those from one address, the ones that have not shown a good sign-in yet.
    pub strangers_per_address: usize,
    /// A connection that waits for its answer to be taken is cut when nothing is taken for this long.
    pub slow_reader_ms: u64,
    /// A connection without a request, or with half of one, is closed this long after the last answer.
    pub keep_alive_ms: u64,
    /// Calls a second of one session or token, and at once.
    pub calls_per_s: u32,
    /// Calls a second without a sign-in from one address.
    pub anonymous_calls_per_s: u32,
    /// The same at once, after a pause.
    pub anonymous_burst: u32,
    /// Requests and answers an hour that one address may write without a sign-in.
    pub form_posts_per_h: u32,
    /// The same at once, after a pause.
    pub form_burst: u32,
    /// Bytes of files an hour, and at once, that one address may announce without a sign-in.
    pub form_bytes_per_h: u64,
    pub send_buffer_bytes: usize,
    pub stuck_reader_ms: u64,
    pub subject_chars: usize,
    pub message_chars: usize,
    pub tags: usize,
    pub custom_bytes: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// Appends that may wait for the writer before commands are refused with `overloaded`.
    pub waiting_appends: usize,
    pub group_records: usize,
    pub group_bytes: usize,
    pub cache_bytes: u64,
    pub remember_commands_ms: i64,
    /// Records between two checkpoints of the board, for looks into the past.
    pub checkpoint_records: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    pub bytes: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    pub hello_timeout_ms: u64,
    pub heartbeat_ms: u64,
    pub max_message_bytes: u32,
    pub messages_per_s: u32,
    pub commands_in_flight: u32,
    pub topics: u32,
    pub frame_bytes: usize,
    pub lag_records: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tickets {
    pub mailbox: usize,
    pub idle_ms: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    pub mailbox: usize,
    pub promote_after_ms: i64,
    pub skip_window_ms: i64,
    /// An agent who vanished without an answer gives the ticket back after this long.
    pub vanish_grace_ms: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presence {
    pub updates_per_s: u32,
    /// A lost session counts as present for this long, so that a reload does not flicker.
    pub grace_ms: i64,
    /// Typing that is not renewed becomes viewing.
    pub typing_ms: i64,
    /// Whoever is here by calls and does not call again counts as gone after this long.
    pub poll_ms: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// Passwords hashed at the same time.
    pub hashing: usize,
    pub session_ms: i64,
    pub password_min_chars: usize,
    /// How long an invitation can be accepted.
    pub invitation_ms: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    pub writer_bytes: usize,
    pub commit_ms: u64,
}

/// How buckets of Google Cloud Storage (`gs://BUCKET/PREFIX`) are reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// The key file of a service account; empty means the machine's own identity.
    pub google_credentials: PathBuf,
    /// A stand-in for Google's address, which takes anybody: for tests.
    pub google_endpoint: String,
}

/// Files of messages.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachments {
    /// A folder, or `gs://BUCKET/PREFIX`; empty means `attachments` in the data folder.
    pub place: String,
    pub file_bytes: u64,
    pub message_files: usize,
    pub ticket_files: u64,
    /// Of all files of one ticket together.
    pub ticket_bytes: u64,
    /// Files of one user that no message has taken yet.
    pub uploads: usize,
    pub user_bytes_per_h: u64,
    /// What no message takes is removed after this long.
    pub unsent_ms: i64,
    /// Pictures with more pixels than this are not unpacked and have no small one.
    pub pixels: u64,
    /// The longer side of a small picture.
    pub thumbnail_px: u32,
    pub form: FormFiles,
}

/// Files of customers, who have no account. What they send lies on this desk's disk before anybody has seen it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormFiles {
    /// 0: customers attach nothing.
    pub message_files: usize,
    pub file_bytes: u64,
    /// Of all files of one message together.
    pub message_bytes: u64,
    /// Of everything that strangers have announced and no message has taken yet.
    pub waiting_bytes: u64,
    /// What no message takes is removed after this long.
    pub unsent_ms: i64,
}

/// What the app is used for: screens, commands and shortcuts, counted by day over everybody. It never leaves the desk.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    pub enabled: bool,
}

/// Copies of the whole desk that it makes while it runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// A folder on another disk, or `gs://BUCKET/PREFIX`; empty makes none.
    pub place: String,
    /// 0 makes them on demand only.
    pub every_h: u64,
    /// So many of the newest are kept.
    pub keep: usize,
    /// Each is read back into an empty desk, to see that it works.
    pub check: bool,
    /// Tickets that have been closed for so many days are put there as files of their own; 0 does not.
    pub closed_days: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Analytics {
    /// In which the desk's days begin and reports are counted unless they say otherwise.
    pub time_zone: String,
    /// Of `sla.calendars`, for business time; empty is the first one, or around the clock where there is none.
    pub calendar: String,
    /// A target that falls due within this time is at risk.
    pub at_risk_ms: i64,
    /// Records between two checkpoints of the figures.
    pub checkpoint_records: u64,
    /// Cells that one report may have.
    pub report_cells: usize,
    /// Questions that are counted at the same time.
    pub questions_at_once: usize,
    /// Staffing: this share of the tickets shall be taken within this time.
    pub staffing_target_ms: i64,
    pub staffing_target_share: f64,
    /// 0 means that nobody gives up.
    pub staffing_patience_ms: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desk {
    pub name: String,
    pub undo_window_ms: i64,
    /// A solved ticket that rests for this long is closed by the desk; 0 never closes one.
    pub close_solved_after_ms: i64,
    pub categories: Vec<NamedOption>,
    pub teams: Vec<NamedOption>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedOption {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// Of a team: its tickets are its own. Only members and administrators see them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sla {
    pub calendars: Vec<Calendar>,
    /// The first policy that matches a ticket applies.
    pub policies: Vec<SlaPolicy>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    pub name: String,
    /// `America/Montreal`.
    pub time_zone: String,
    /// `monday = ["09:00-17:00"]`; a day that is absent is closed.
    pub hours: std::collections::BTreeMap<String, Vec<String>>,
    /// `2026-12-25`.
    #[serde(default)]
    pub holidays: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlaPolicy {
    pub name: String,
    #[serde(default)]
    pub priorities: Vec<String>,
    #[serde(default)]
    pub teams: Vec<String>,
    #[serde(default)]
    pub categories: Vec<String>,
    #[serde(default)]
    pub first_response_min: Option<u32>,
    #[serde(default)]
    pub next_response_min: Option<u32>,
    #[serde(default)]
    pub resolution_min: Option<u32>,
    /// Name of a calendar; without one the clock never stops.
    #[serde(default)]
    pub calendar: Option<String>,
}

/// What sorts new tickets: DeepSeek where there is a key (`DEEPSEEK_API_KEY`, never in here), else the learner inside the desk.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Triage {
    /// Off, nothing is proposed and nothing learnt.
    pub enabled: bool,
    pub base_url: String,
    pub model: String,
    /// For the whole call, all tries included.
    pub call_deadline_ms: u64,
    /// In US dollars, by the day of UTC; 0 sends nothing.
    pub daily_budget_usd: f64,
    pub breaker_open_ms: i64,
    pub batch_max_tickets: usize,
    pub batch_max_age_ms: u64,
    pub batch_max_tokens: usize,
    /// Calls that are out at the same time.
    pub calls: usize,
    /// The learner's confidence below which the service is asked.
    pub ask_below: f32,
    /// From this length on a text is worth a summary, which only the service writes.
    pub summary_from_chars: usize,
    /// Below this confidence the learner names no category.
    pub propose_above: f32,
    /// Tickets that wait to be sorted, in memory; what is beyond is looked up again when there is room.
    pub waiting: usize,
    /// Proposals a second at the most, so that people's commands never wait for them.
    pub proposals_per_s: u32,
    /// Corrections after which the learner is made anew.
    pub refit_after: usize,
    /// Solved tickets that are kept to be found again; the oldest leave first.
    pub similar_tickets: usize,
    /// So many tickets that tell the same …
    pub incident_tickets: u32,
    /// … within so long are an incident.
    pub incident_window_ms: i64,
    pub policy: TriagePolicies,
    pub auto_reply: AutoReply,
}

/// Answers that the desk sends by itself. The texts are yours: what a model wrote is never sent unseen.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoReply {
    pub enabled: bool,
    /// From this confidence of the category on.
    pub confidence: f32,
    /// By category; one without a text gets no answer.
    pub texts: std::collections::BTreeMap<String, String>,
}

/// What becomes of a proposed field.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriagePolicies {
    pub category: TriagePolicy,
    pub priority: TriagePolicy,
    pub tags: TriagePolicy,
}

/// `"suggest"`, or a confidence from 0 to 1 above which the field is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TriagePolicy {
    Above(f64),
    Named(String),
}

impl TriagePolicy {
    /// Whether a proposal of this confidence is applied, and not only suggested.
    pub fn applies(&self, confidence: f32) -> bool {
        matches!(self, Self::Above(threshold) if f64::from(confidence) >= *threshold)
    }
}

/// What `serve --demo` makes; without that switch nothing here has an effect.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demo {
    /// Made-up customers and colleagues keep working while the desk runs.
    pub live: bool,
    /// Between two of their actions, on average.
    pub pace_ms: u64,
    /// The same seed makes the same two weeks.
    pub seed: u64,
    pub tickets: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// `text`, or `json` as Cloud Logging reads it.
    pub format: String,
    /// The Google Cloud project in the names of traces; empty means that of `GOOGLE_CLOUD_PROJECT`, where it is set.
    pub project: String,
    /// A filter of tracing's: `info,hotdesk=debug`.
    pub filter: String,
    /// The share of requests that have a line, 0 to 1; those that end in a fault of the server's always have.
    pub requests: f64,
    /// Lines a second of one place in the code; the rest are counted. 0 holds nothing back.
    pub lines_per_s: u64,
}

/// Why the desk does not start: every problem that was found, each with the key that it is about.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is not usable:{}", .problems.iter().map(|problem| format!("\n  {problem}")).collect::<String>())]
pub struct ConfigError {
    pub problems: Vec<String>,
}

impl Config {
    /// The layers of this process: the defaults, the profile that `HOTDESK_PROFILE` names, `file`, the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        Layers::of_process(file)?.read()
    }

    /// The defaults alone.
    pub fn defaults() -> Self {
        Layers::default().read().expect("invariant: config/default.toml is complete and valid")
    }

    /// Everything that is wrong with the values; empty when the desk can start.
    pub fn problems(&self) -> Vec<String> {
        check::problems(self)
    }

    /// As TOML that `--config` reads again, except that secrets are covered.
    pub fn print(&self) -> String {
        print::print(self)
    }
}
