//! Presence by call, for clients without a socket: a trait, so that `http` knows no actor.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::frame::{PresenceState, PresenceUpdate};
use super::gateway::Pending;
use crate::domain::ids::TicketId;
use crate::domain::permissions::Principal;

/// Where the caller is. Without a ticket it only says that the caller is still there.
#[derive(Clone, Debug, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TellPresence {
    /// Stable for one tab, as in `hello`.
    pub client: String,
    #[serde(default)]
    #[ts(optional)]
    pub ticket: Option<TicketId>,
    /// Needed with a ticket.
    #[serde(default)]
    #[ts(optional)]
    pub state: Option<PresenceState>,
    #[serde(default = "yes")]
    #[ts(optional, as = "Option<bool>")]
    pub visible: bool,
}

fn yes() -> bool {
    true
}

/// Who is where.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct PresenceNow {
    /// The tickets that somebody looks at, as the caller sees them.
    pub data: Vec<PresenceUpdate>,
    /// Whoever does not call again within this time counts as gone.
    #[ts(as = "f64")]
    pub expires_ms: u64,
}

pub trait Presences: Send + Sync {
    fn tell(&self, principal: &Arc<Principal>, report: TellPresence) -> Pending<PresenceNow>;
}
