//! What happened, past tense. With the ticket before it, an event says everything that the ticket is after it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::command::UpdateTicket;
use super::ids::{CommandId, TicketId, UserId};
use super::message::Message;
use super::ticket::{LinkKind, SlaMetric, Triage, TriageDecided};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    Created {
        message: Message,
    },
    Updated {
        changes: UpdateTicket,
        /// What that says to a proposal that was open.
        #[serde(default, skip_serializing_if = "TriageDecided::is_empty")]
        #[ts(optional, as = "Option<TriageDecided>")]
        decided: TriageDecided,
    },
    MessageAdded {
        message: Message,
    },
    Claimed {
        holder: UserId,
        /// The claimer was connected by WebSocket, so that vanishing can be seen.
        live: bool,
    },
    Released {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<String>,
        /// Given back by the desk because the holder vanished.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        vanished: Option<UserId>,
    },
    Skipped {
        by: UserId,
        reason: String,
    },
    Merged {
        into: TicketId,
    },
    MergedIn {
        from: TicketId,
    },
    Linked {
        to: TicketId,
        kind: LinkKind,
    },
    Unlinked {
        to: TicketId,
        kind: LinkKind,
    },
    Undone {
        command_id: CommandId,
    },
    SlaActivated {
        metric: SlaMetric,
    },
    SlaPaused {
        /// Business time that each running target had used by then, in milliseconds.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        #[ts(type = "Partial<Record<SlaMetric, number>>")]
        spent_ms: BTreeMap<SlaMetric, i64>,
    },
    SlaResumed {},
    SlaFulfilled {
        metric: SlaMetric,
    },
    SlaBreached {
        metric: SlaMetric,
    },
    TriageChanged {
        triage: Box<Triage>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        applied: Option<UpdateTicket>,
        /// What somebody decided just now.
        #[serde(default, skip_serializing_if = "TriageDecided::is_empty")]
        #[ts(optional, as = "Option<TriageDecided>")]
        decided: TriageDecided,
    },
}
