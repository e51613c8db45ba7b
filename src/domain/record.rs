//! One durable fact of the journal, as it lies on disk and goes over the wire.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::event::Event;
use super::ids::{CommandId, Seq, TicketId, UserId, Version};
use super::patch::Patch;
use super::time::Timestamp;

/// A record with its place in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, ToSchema)]
#[ts(rename = "TicketRecord")]
pub struct Record {
    pub seq: Seq,
    #[serde(flatten)]
    pub draft: Draft,
}

/// A record before the journal gave it a seq.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct Draft {
    pub ticket: TicketId,
    pub version: Version,
    pub at: Timestamp,
    pub by: UserId,
    pub command_id: CommandId,
    pub event: Event,
    pub patch: Patch,
}

impl std::ops::Deref for Record {
    type Target = Draft;

    fn deref(&self) -> &Draft {
        &self.draft
    }
}
