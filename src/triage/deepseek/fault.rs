//! What can go wrong with a call, and what follows from it. One table, so that the sender has no opinion of its own.

use serde::Deserialize;

/// Why a call brought no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the service refused the request ({status}): {message}")]
    Refused { status: u16, message: String },
    #[error("the service does not accept the key")]
    Unauthorised,
    #[error("the account has no balance")]
    NoBalance,
    #[error("too many requests")]
    TooMany { retry_after_ms: Option<i64> },
    #[error("the service failed ({status})")]
    Server { status: u16, retry_after_ms: Option<i64> },
    #[error("the answer was empty")]
    Empty,
    #[error("the answer could not be read: {0}")]
    Unreadable(String),
    /// What a ticket can make a model do: it says nothing about the service.
    #[error("the answer was longer than any that was asked for")]
    TooLong,
    #[error("there was no answer within the deadline")]
    Deadline,
    #[error("the connection failed: {0}")]
    Network(String),
}

/// What follows from a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Perhaps again, within the bounds of the retry policy; `after_ms` is what the service asked for.
    Again { after_ms: Option<i64> },
    /// The learner takes this batch; asking again would bring the same.
    FallBack,
    /// The learner takes over for a while.
    Pause,
    /// The learner takes over until a person has acted, who is told.
    Alarm,
}

impl Fault {
    /// From a reply that is no success. The body is read as JSON whatever type it says it has.
    pub fn of_reply(status: u16, retry_after: Option<&str>, body: &[u8]) -> Self {
        let retry_after_ms = retry_after.and_then(seconds).map(|seconds| seconds.saturating_mul(1000));
        match status {
            401 | 403 => Self::Unauthorised,
            402 => Self::NoBalance,
            408 => Self::Server { status, retry_after_ms },
            429 => Self::TooMany { retry_after_ms },
            400..500 => Self::Refused { status, message: message(body) },
            _ => Self::Server { status, retry_after_ms },
        }
    }

    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Refused { .. } => Remedy::FallBack,
            Self::Unauthorised => Remedy::Alarm,
            Self::NoBalance => Remedy::Pause,
            Self::TooMany { retry_after_ms } | Self::Server { retry_after_ms, .. } => {
                Remedy::Again { after_ms: *retry_after_ms }
            }
            Self::Empty | Self::Unreadable(_) | Self::Network(_) => Remedy::Again { after_ms: None },
            Self::Deadline | Self::TooLong => Remedy::FallBack,
        }
    }

    /// Whether the service, and not this request, is at fault: only these count for the breaker.
    pub fn is_the_services(&self) -> bool {
        !matches!(self, Self::Refused { .. } | Self::TooLong)
    }

    /// Whether the service may have answered, and billed, somewhere on the way.
    pub fn may_be_billed(&self) -> bool {
        matches!(self, Self::Deadline | Self::Network(_) | Self::Unreadable(_) | Self::Empty | Self::TooLong)
    }

    /// The code that stands in the ticket's `triage.reason`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "service_refused",
            Self::Unauthorised => "service_key_refused",
            Self::NoBalance => "service_no_balance",
            Self::TooMany { .. } => "service_busy",
            Self::Server { .. } | Self::Unreadable(_) => "service_failed",
            Self::Empty => "answer_empty",
            Self::TooLong => "answer_malformed",
            Self::Deadline => "service_too_slow",
            Self::Network(_) => "service_unreachable",
        }
    }
}

/// `Retry-After` in seconds; a date is not used by the service and counts as nothing said.
fn seconds(value: &str) -> Option<i64> {
    value.trim().parse().ok().filter(|seconds| *seconds >= 0)
}

/// What the service says of its refusal, one short line.
fn message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        error: Error,
    }
    #[derive(Deserialize)]
    struct Error {
        message: String,
    }
    let said =
        serde_json::from_slice::<Body>(body).map_or_else(|_| "without a reason".to_owned(), |body| body.error.message);
    super::clean::line(&said, 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R26: each status has its remedy: our mistakes are not repeated, a wrong key is an alarm, an empty account a pause.
    #[test]
    fn r26_every_fault_has_one_remedy() {
        let of = |status, retry_after| Fault::of_reply(status, retry_after, b"").remedy();
        assert_eq!([400, 404, 422].map(|status| of(status, None)), [Remedy::FallBack; 3]);
        assert_eq!((of(401, None), of(402, None)), (Remedy::Alarm, Remedy::Pause));
        assert_eq!(of(429, Some("7")), Remedy::Again { after_ms: Some(7000) });
        assert_eq!(of(503, None), Remedy::Again { after_ms: None });
        assert_eq!(of(500, Some("Wed, 21 Oct 2026 07:28:00 GMT")), Remedy::Again { after_ms: None });
        assert_eq!(Fault::Deadline.remedy(), Remedy::FallBack);
        assert!(!Fault::of_reply(422, None, b"").is_the_services() && Fault::Deadline.is_the_services());
        // A ticket that makes the model talk without end must not shut the service off for everybody.
        assert!(!Fault::TooLong.is_the_services() && Fault::TooLong.remedy() == Remedy::FallBack);
    }

    #[test]
    fn a_refusals_reason_is_read_whatever_the_type_says() {
        let body =
            br#"{"error":{"message":"json_schema is\nnot supported","type":"invalid_request_error","code":null}}"#;
        let Fault::Refused { message, .. } = Fault::of_reply(400, None, body) else { panic!() };
        assert_eq!(message, "json_schema is not supported");
        assert!(Fault::of_reply(400, None, b"<html>").to_string().contains("without a reason"));
    }
}
