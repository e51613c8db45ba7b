//! The desk's settings as the rules need them: categories, teams, SLA policies, windows of time.
//!
//! Built once from the configuration by `app`, shared by everybody, never changed while the desk runs.

use super::ids::UserId;
use super::permissions::PrivateTeams;
use super::sla::SlaPolicy;

#[derive(Clone, Debug)]
pub struct Rules {
    /// Undo works for this long after a command; at most `state::UNDO_MEMORY_MS`.
    pub undo_window_ms: i64,
    /// A solved ticket that rests for this long is closed by the desk; 0 never closes one.
    pub close_solved_after_ms: i64,
    /// A skipped ticket is not offered to the skipper for this long; at most `state::SKIP_MEMORY_MS`.
    pub skip_window_ms: i64,
    /// A waiting ticket is lifted by one priority each time this long has passed. See `projections::queue`.
    pub promote_after_ms: i64,
    pub categories: Vec<NamedOption>,
    pub teams: Vec<NamedOption>,
    /// Teams whose tickets nobody else sees.
    pub private_teams: PrivateTeams,
    /// The first policy that matches a ticket applies.
    pub sla_policies: Vec<SlaPolicy>,
    /// Somebody sorts tickets here, so that asking for it is not in vain.
    pub triage: bool,
}

/// How large the fields of a ticket may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLimits {
    pub subject_chars: usize,
    pub message_chars: usize,
    pub tags: usize,
    /// Of `custom` as compact JSON.
    pub custom_bytes: usize,
}

/// A value that the desk offers for a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedOption {
    pub id: String,
    pub name: String,
    pub description: String,
}

/// What the rules ask about people. Implemented by the people store; a test passes a closure's worth of a struct.
pub trait People {
    /// Whether this user exists, is active, and may hold tickets of `team`.
    fn is_assignable(&self, user: &UserId, team: Option<&str>) -> bool;

    /// Whether this user exists, is active, and sees tickets of `team`.
    fn sees(&self, user: &UserId, team: Option<&str>) -> bool;
}
