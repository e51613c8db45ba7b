//! A ticket together with what the rules remember about it beside its fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::ids::{CommandId, TicketId, UserId, Version};
use super::patch::Patch;
use super::ticket::{Link, SlaMetric, Status, Ticket};
use super::time::Timestamp;

/// What undo needs is kept for this long, so `Rules::undo_window_ms` must not be longer.
pub const UNDO_MEMORY_MS: i64 = 60 * 60 * 1_000;
/// … and for this many commands of one ticket.
pub const UNDO_MEMORY_COMMANDS: usize = 16;
/// … and for the newest whose former values are this many bytes together; the newest one is kept whatever it takes.
pub const UNDO_MEMORY_BYTES: usize = 64 << 10;
/// Links that one ticket may have: each record that adds one carries them all.
pub const LINKS: usize = 200;
/// Skips are kept for this long, so `Rules::skip_window_ms` must not be longer.
pub const SKIP_MEMORY_MS: i64 = 24 * 60 * 60 * 1_000;
/// … and for this many people of one ticket; the oldest skip is forgotten first.
pub const SKIP_MEMORY_PEOPLE: usize = 64;

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
    /// What the desk owes the requester, whether a policy sets a target for it or not.
    pub clocks: Clocks,
    /// Version of the last record that touched a clock or `sla`.
    pub clocks_version: Version,
    /// For each field the version at which a person last changed it: a proposal based on an older one is dropped.
    pub touched: BTreeMap<String, Version>,
    /// The newest commands that changed fields, oldest first: what undo goes back to, and what stands in its way.
    /// Shared, since every change makes a new state and these are the greater part of it.
    pub recent: Vec<Arc<Recent>>,
    /// What their former values take together.
    #[serde(skip_serializing_if = "is_zero")]
    pub recent_bytes: u64,
    /// Files that hang on its messages, and their bytes together.
    #[serde(skip_serializing_if = "is_zero")]
    pub files: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub file_bytes: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
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

/// The running clocks; one that is absent has nothing to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Clocks {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_response: Option<ClockNote>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_response: Option<ClockNote>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<ClockNote>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockNote {
    /// Counting since then; while the ticket's clocks are paused it means nothing.
    pub since: Timestamp,
    /// Business time that was counted before `since`.
    pub spent_ms: i64,
    /// The breach of this target is on record.
    pub breached: bool,
}

/// One command that changed fields, with what it takes to go back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    pub command_id: CommandId,
    pub by: UserId,
    pub at: Timestamp,
    /// Version of the command's last record.
    pub version: Version,
    pub kind: RecentKind,
    /// The command was undone: it stands in nobody's way any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undone: bool,
    /// The fields that it changed, with the values that they had before.
    #[serde(default, skip_serializing_if = "Patch::is_empty")]
    pub restore: Patch,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimNote>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Timestamp>,
    /// The clocks as they were before, where the command may have moved them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clocks: Option<Clocks>,
    /// The author's skip that a newer one replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<SkipNote>,
    /// The link that the command put on or took off this side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// The ticket on the other side of a merge or a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<TicketId>,
}

/// What sort of command it was, as far as undo tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecentKind {
    Fields,
    Skip,
    /// This ticket was merged into another one.
    Merged,
    /// This ticket got a link.
    Linked,
    /// This ticket lost a link.
    Unlinked,
    /// It stands in the way of others but cannot be undone itself: a message, something that the desk did.
    Fixed,
}

impl TicketState {
    /// The earliest due time of a target that runs and is not yet breached: when `SystemCommand::CheckSla` has work.
    pub fn next_breach_at(&self) -> Option<Timestamp> {
        SlaMetric::ALL
            .into_iter()
            .filter(|metric| self.background.clocks.get(*metric).is_some_and(|clock| !clock.breached))
            .filter_map(|metric| self.ticket.sla.due(metric))
            .min()
    }

    /// When `SystemCommand::CloseSolved` has work, where solved tickets rest for this long; 0 never closes one.
    pub fn closes_at(&self, rest_ms: i64) -> Option<Timestamp> {
        let solved_at = self.ticket.solved_at.filter(|_| self.ticket.status == Status::Solved && rest_ms > 0)?;
        Some(solved_at.plus_millis(rest_ms))
    }
}

impl Background {
    /// Whether `user` skipped the ticket within the last `window_ms`.
    pub fn is_skipped_by(&self, user: &UserId, now: Timestamp, window_ms: i64) -> bool {
        self.skips.iter().any(|skip| skip.by == *user && now.millis_since(skip.at) < window_ms)
    }

    /// Where in `recent` the command of that name is. Two people may have used one name: what is not undone comes before what
    /// is, then `by`'s own before others', then the newer.
    pub fn find_recent(&self, command_id: &CommandId, by: &UserId) -> Option<usize> {
        self.recent
            .iter()
            .enumerate()
            .filter(|(_, recent)| recent.command_id == *command_id)
            .max_by_key(|(index, recent)| (!recent.undone, recent.by == *by, *index))
            .map(|(index, _)| index)
    }
}

impl Clocks {
    pub fn get(&self, metric: SlaMetric) -> Option<&ClockNote> {
        match metric {
            SlaMetric::FirstResponse => self.first_response.as_ref(),
            SlaMetric::NextResponse => self.next_response.as_ref(),
            SlaMetric::Resolution => self.resolution.as_ref(),
        }
    }

    pub fn get_mut(&mut self, metric: SlaMetric) -> &mut Option<ClockNote> {
        match metric {
            SlaMetric::FirstResponse => &mut self.first_response,
            SlaMetric::NextResponse => &mut self.next_response,
            SlaMetric::Resolution => &mut self.resolution,
        }
    }
}

impl ClockNote {
    /// A clock that starts to count at `at`.
    pub fn start(at: Timestamp) -> Self {
        Self { since: at, spent_ms: 0, breached: false }
    }
}

impl RecentKind {
    /// What an event makes of its command; `None` for events that change no field that undo knows.
    pub fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Updated { .. } | Event::Claimed { .. } | Event::Released { vanished: None, .. } => {
                Some(Self::Fields)
            }
            Event::TriageChanged { applied, decided, .. } if applied.is_some() || !decided.is_empty() => {
                Some(Self::Fields)
            }
            Event::Skipped { .. } => Some(Self::Skip),
            Event::Merged { .. } => Some(Self::Merged),
            Event::MergedIn { .. } | Event::Linked { .. } => Some(Self::Linked),
            Event::Unlinked { .. } => Some(Self::Unlinked),
            Event::MessageAdded { .. } | Event::Released { .. } | Event::TriageChanged { .. } => Some(Self::Fixed),
            Event::Created { .. }
            | Event::Undone { .. }
            | Event::SlaActivated { .. }
            | Event::SlaPaused { .. }
            | Event::SlaResumed {}
            | Event::SlaFulfilled { .. }
            | Event::SlaBreached { .. } => None,
        }
    }
}
