//! One entry and the chain that entries make. Pure.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use ts_rs::TS;
use utoipa::ToSchema;

use super::{Actor, Deed};
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;

/// What was done or tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
#[ts(rename = "AuditAction")]
#[schema(as = AuditAction)]
pub enum Action {
    /// With the sum of its configuration: another one means that settings were changed.
    DeskStarted,
    SignedIn,
    SignedOut,
    SetUp,
    PasswordChanged,
    SessionEnded,
    TokenCreated,
    TokenRevoked,
    TokenUsed,
    UserCreated,
    UserUpdated,
    InvitationCreated,
    InvitationWithdrawn,
    InvitationAccepted,
    /// A view or a macro that a team has in common.
    SharedChanged,
    /// The request form, or the desk's own fields.
    SettingsChanged,
    RequestLinkCreated,
    RequestLinksRevoked,
    /// A call or a message was refused for who asked.
    Denied,
    /// A call was refused for how often it was asked.
    Limited,
    Exported,
    BackedUp,
    /// Texts of tickets were taken out of the desk that stood still.
    Erased,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
#[ts(rename = "AuditOutcome")]
#[schema(as = AuditOutcome)]
pub enum Outcome {
    Done,
    Refused,
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[ts(rename = "AuditEntry")]
#[schema(as = AuditEntry)]
pub struct Entry {
    /// 1, 2, 3 … without a gap.
    #[ts(as = "f64")]
    pub n: u64,
    pub at: Timestamp,
    pub action: Action,
    pub outcome: Outcome,
    /// Null where nobody was signed in.
    pub who: Option<UserId>,
    /// The session or the token.
    pub via: Option<String>,
    /// The address; of an IPv6 address of strangers that is counted, its network.
    pub from: Option<String>,
    /// A user, a token, a session, or a call.
    pub target: Option<String>,
    /// The code of a refusal, or what changed.
    pub detail: Option<String>,
    /// How often, where it repeated within a minute after the first.
    #[ts(as = "f64")]
    pub times: u64,
    /// Entries before this one that could not be written.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[ts(as = "f64")]
    pub lost: u64,
    /// The sum of the entry before it.
    pub previous: String,
    /// SHA-256 over this entry without its sum, in hex.
    pub sum: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// An entry before it has its place.
pub struct Draft {
    pub at: Timestamp,
    pub actor: Actor,
    pub deed: Deed,
    pub times: u64,
    pub lost: u64,
}

impl Draft {
    pub fn seal(self, n: u64, previous: &str) -> Entry {
        let mut entry = Entry {
            n,
            at: self.at,
            action: self.deed.action,
            outcome: self.deed.outcome,
            who: self.actor.who,
            via: self.actor.via,
            from: self.actor.from.map(|from| from.to_string()),
            target: self.deed.target,
            detail: self.deed.detail,
            times: self.times,
            lost: self.lost,
            previous: previous.to_owned(),
            sum: String::new(),
        };
        entry.sum = entry.computed_sum();
        entry
    }
}

impl Entry {
    fn computed_sum(&self) -> String {
        let bare = Self { sum: String::new(), ..self.clone() };
        let text = serde_json::to_vec(&bare).expect("invariant: an entry is JSON");
        Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub fn line(&self) -> String {
        let mut line = serde_json::to_string(self).expect("invariant: an entry is JSON");
        line.push('\n');
        line
    }
}

/// What became of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Whole {
        entries: u64,
    },
    /// The first line that is not what it was, or not where it was.
    Broken {
        n: u64,
        what: &'static str,
    },
}

/// Follows the chain from its beginning.
#[derive(Default)]
pub struct Chain {
    n: u64,
    sum: String,
}

impl Chain {
    /// Takes the next lines; a verdict only where something is wrong.
    pub fn take(&mut self, text: &str) -> Option<Verdict> {
        for line in text.lines() {
            let Ok(entry) = serde_json::from_str::<Entry>(line) else {
                return Some(Verdict::Broken { n: self.n + 1, what: "it cannot be read" });
            };
            let broken = |what| Some(Verdict::Broken { n: entry.n, what });
            if entry.n != self.n + 1 {
                return broken("it does not follow the one before it");
            }
            if entry.previous != self.sum {
                return broken("the one before it was another one");
            }
            if entry.sum != entry.computed_sum() {
                return broken("it was changed");
            }
            (self.n, self.sum) = (entry.n, entry.sum);
        }
        None
    }

    pub fn whole(self) -> Verdict {
        Verdict::Whole { entries: self.n }
    }
}
