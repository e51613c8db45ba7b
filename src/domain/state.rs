//! A ticket together with what the rules remember about it beside its fields.

use serde::{Deserialize, Serialize};

use super::ids::{UserId, Version};
use super::ticket::Ticket;
use super::time::Timestamp;

/// Everything that deciding needs. It lies in the journal beside the records and wakes a ticket without a replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TicketState {
    pub ticket: Ticket,
    pub background: Background,
}

/// What the rules remember beside the fields. Never goes over the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Background {
    /// Since when the requester waits for an answer; `None` once the desk answered last.
    pub waiting_since: Option<Timestamp>,
    /// How the present holder came to the ticket, while he has it by a claim.
    pub claim: Option<ClaimNote>,
    /// Who does not want it, and since when.
    pub skips: Vec<SkipNote>,
    /// Everybody who ever held it, for the topic `mine`.
    pub holders: Vec<UserId>,
    /// Version of the last public message.
    pub last_public: Version,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimNote {
    pub at: Timestamp,
    /// The claimer was connected by WebSocket, so that vanishing can be seen.
    pub live: bool,
    /// The holder has written to the ticket since.
    pub answered: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkipNote {
    pub by: UserId,
    pub at: Timestamp,
}
