//! The one table of error codes: what a client may branch on. A code never changes its meaning.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! codes {
    ($($name:ident = $wire:literal, $status:literal, $retryable:literal, $title:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
        pub enum Code {
            $(#[serde(rename = $wire)] $name,)*
        }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            pub fn wire(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }

            /// The HTTP status that carries it.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The same request may succeed later as it is.
            pub fn retryable(self) -> bool {
                match self { $(Self::$name => $retryable,)* }
            }

            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

/// The names on the wire, which a derive inside the macro does not see.
impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let names = Self::ALL.iter().map(|code| code.wire());
        let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
        schema.description(Some("What a client may branch on.")).into()
    }
}

impl ToSchema for Code {}

codes! {
    BadJson = "bad_json", 400, false, "The body is not JSON";
    UnknownField = "unknown_field", 400, false, "The request has a field that is not known here";
    BadHandshake = "bad_handshake", 400, false, "This is not a WebSocket handshake";
    UnknownMessage = "unknown_message", 400, false, "The message is not one that the protocol knows";
    IdempotencyNotSupported = "idempotency_not_supported", 400, false, "This call takes no idempotency key";
    NotSignedIn = "not_signed_in", 401, false, "Sign in first";
    WrongCredentials = "wrong_credentials", 401, false, "The address or the password is wrong";
    Forbidden = "forbidden", 403, false, "Your role does not allow this";
    ForeignOrigin = "foreign_origin", 403, false, "The request comes from a page of another site";
    NotFound = "not_found", 404, false, "There is no such thing here";
    MethodNotAllowed = "method_not_allowed", 405, false, "This address does not know that method";
    NotAcceptable = "not_acceptable", 406, false, "The answer cannot be given in that form";
    RequestTimeout = "request_timeout", 408, true, "The request took too long to arrive";
    IllegalMove = "illegal_move", 409, false, "The lifecycle does not allow this move";
    TicketClosed = "ticket_closed", 409, false, "A closed ticket is never changed again";
    AlreadyClaimed = "already_claimed", 409, false, "Somebody else holds this ticket";
    NotClaimed = "not_claimed", 409, false, "Nobody holds this ticket";
    StaleReply = "stale_reply", 409, false, "The thread has moved on since you read it";
    CannotUndo = "cannot_undo", 409, false, "This cannot be undone any more";
    Resnapshot = "resnapshot", 409, false, "Your position means nothing here: take a new snapshot";
    WrongOffset = "wrong_offset", 409, false, "The upload goes on at another byte";
    EmailTaken = "email_taken", 409, false, "Somebody has this address already";
    SetupDone = "setup_done", 409, false, "The desk has its first administrator already";
    TriageOff = "triage_off", 409, false, "Triage is switched off on this desk";
    DraftsOff = "drafts_off", 409, false, "This desk has no service that writes drafts";
    VersionConflict = "version_conflict", 412, false, "The ticket is at another version";
    TooBig = "too_big", 413, false, "That is larger than allowed";
    UnsupportedMediaType = "unsupported_media_type", 415, false, "Send application/json";
    InvalidField = "invalid_field", 422, false, "A field has a value that is not allowed";
    UnknownTopic = "unknown_topic", 422, false, "There is no such topic";
    IdempotencyKeyReused = "idempotency_key_reused", 422, false, "This idempotency key was used for another request";
    TooMany = "too_many", 429, true, "Too many requests";
    Internal = "internal", 500, false, "The desk made a mistake";
    Overloaded = "overloaded", 503, true, "The desk is busy: try again in a moment";
    DraftUnavailable = "draft_unavailable", 503, true, "The service that writes drafts cannot be asked now";
    Unavailable = "unavailable", 503, true, "The desk is leaving or not ready yet";
    StorageFull = "storage_full", 507, true, "There is no room on the desk's disk";
}
