//! RFC 9457 problem documents: how every refusal looks, over HTTP and inside an `err` frame alike.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::code::Code;
use crate::domain::ids::{UserId, Version};
use crate::domain::message::Message;
use crate::domain::rejection::{FieldError, Rejection};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct Problem {
    /// `urn:hotdesk:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    pub code: Code,
    pub retryable: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// `version_conflict`: the version that the ticket is at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub version: Option<Version>,
    /// `already_claimed`: who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub holder: Option<UserId>,
    /// `cannot_undo`: who acted since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub by: Option<UserId>,
    /// `stale_reply`: the public messages that came after the version that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub messages: Option<Vec<Message>>,
    /// `stale_reply`: there are more such messages than `messages` has; the thread has them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub has_more: Option<bool>,
    /// What the log knows it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub trace: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct FieldProblem {
    /// JSON pointer into the body.
    pub pointer: String,
    pub code: String,
    pub detail: String,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:hotdesk:problem:{}", code.wire()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
            retryable: code.retryable(),
            errors: Vec::new(),
            version: None,
            holder: None,
            by: None,
            messages: None,
            has_more: None,
            trace: None,
        }
    }

    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors
            .into_iter()
            .map(|error| FieldProblem { pointer: error.pointer, code: error.code.to_owned(), detail: error.detail })
            .collect();
        self
    }

    /// One bad field.
    pub fn field(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::from(Rejection::InvalidField(vec![FieldError::new(pointer, code, detail)]))
    }
}

impl From<Rejection> for Problem {
    /// `StaleReply` comes without its messages: those are read from the journal by the caller.
    fn from(rejection: Rejection) -> Self {
        let detail = rejection.to_string();
        match rejection {
            Rejection::NotFound => Self::new(Code::NotFound, detail),
            Rejection::Forbidden(_) => Self::new(Code::Forbidden, detail),
            Rejection::VersionConflict { version } => {
                Self { version: Some(version), ..Self::new(Code::VersionConflict, detail) }
            }
            Rejection::IllegalMove { .. } => Self::new(Code::IllegalMove, detail),
            Rejection::TicketClosed => Self::new(Code::TicketClosed, detail),
            Rejection::AlreadyClaimed { holder } => {
                Self { holder: Some(holder), ..Self::new(Code::AlreadyClaimed, detail) }
            }
            Rejection::NotClaimed => Self::new(Code::NotClaimed, detail),
            Rejection::StaleReply { .. } => Self { messages: Some(Vec::new()), ..Self::new(Code::StaleReply, detail) },
            Rejection::CannotUndo { by, .. } => Self { by, ..Self::new(Code::CannotUndo, detail) },
            Rejection::TriageOff => Self::new(Code::TriageOff, detail),
            Rejection::InvalidField(errors) => Self::new(Code::InvalidField, detail).with_errors(errors),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.wire(), self.detail)
    }
}

impl std::error::Error for Problem {}
