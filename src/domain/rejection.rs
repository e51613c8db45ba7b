//! Why a command is refused: expected, typed, answered with a code. `protocol` gives each its code and status.

use super::ids::{TicketId, UserId, Version};
use super::permissions::Permission;
use super::ticket::Status;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Rejection {
    #[error("there is no such ticket")]
    NotFound,
    #[error("this needs the permission {}", .0.name())]
    Forbidden(Permission),
    #[error("the ticket is at version {version}, not at the one that was expected")]
    VersionConflict { version: Version },
    #[error("a ticket that is {} cannot become {}", .from.name(), .to.name())]
    IllegalMove { from: Status, to: Status },
    #[error("a closed ticket is never changed again")]
    TicketClosed,
    #[error("{holder} holds this ticket")]
    AlreadyClaimed { holder: UserId },
    #[error("nobody holds this ticket")]
    NotClaimed,
    /// A public message came after `last_seen`; the edge adds the messages to the answer.
    #[error("a public message came after version {last_seen}")]
    StaleReply { ticket: TicketId, last_seen: Version },
    #[error("this cannot be undone: {reason}")]
    CannotUndo { by: Option<UserId>, reason: &'static str },
    #[error("nobody sorts tickets on this desk: triage is switched off")]
    TriageOff,
    #[error("{}", .0.first().map_or("a field is not valid", |error| error.detail.as_str()))]
    InvalidField(Vec<FieldError>),
}

/// One bad field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer into the body, `/requester/email`.
    pub pointer: String,
    /// Stable and short: `required`, `too_long`, `too_many`, `unknown_value`, `not_assignable`, `invalid`.
    pub code: &'static str,
    pub detail: String,
}

impl FieldError {
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, detail: detail.into() }
    }
}

impl Status {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Pending => "pending",
            Self::OnHold => "on_hold",
            Self::Solved => "solved",
            Self::Closed => "closed",
        }
    }
}

impl super::ticket::Priority {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }
}
