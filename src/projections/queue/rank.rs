//! Where a ticket stands in the queue, and the sentence that says why.
//!
//! Pure arithmetic over one ticket and a moment; holds no tickets. Called by the queue and by whoever wants to know whether a
//! record moved a ticket.

use std::cmp::Reverse;

use crate::domain::ids::{TicketId, Version};
use crate::domain::state::TicketState;
use crate::domain::ticket::{Priority, Status};
use crate::domain::time::Timestamp;

/// A ticket's place: the smaller key is handed out first. Total, because the id is part of it.
///
/// The fields stand in the order in which they count: effective priority, next due time (none comes last), the longer
/// wait, the smaller id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RankKey {
    priority: Reverse<Priority>,
    due: Due,
    waiting_since: Timestamp,
    id: TicketId,
}

impl RankKey {
    /// The key at `now`; `None` for a ticket that the queue would not hand out.
    pub fn of(state: &TicketState, promote_after_ms: i64, now: Timestamp) -> Option<Self> {
        let facts = Facts::of(state)?;
        (!facts.is_snoozed(now)).then(|| facts.key(promote_after_ms, now))
    }

    pub fn id(&self) -> TicketId {
        self.id
    }

    /// The priority after waiting lifted it.
    pub fn effective_priority(&self) -> Priority {
        self.priority.0
    }
}

/// Why a ticket stands where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rank {
    /// From 1.
    pub rank: u32,
    pub priority: Priority,
    /// The priority after waiting lifted it.
    pub effective_priority: Priority,
    /// By how many levels.
    pub lifted: u32,
    pub next_due: Option<Timestamp>,
    pub waiting_since: Timestamp,
    /// One sentence for people.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    At(Timestamp),
    Never,
}

/// What the rank of an unassigned new or open ticket depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub id: TicketId,
    pub version: Version,
    pub priority: Priority,
    pub next_due: Option<Timestamp>,
    pub waiting_since: Timestamp,
    pub snoozed_until: Option<Timestamp>,
}

impl Facts {
    /// `None` for a ticket that no passing of time brings into the queue.
    pub fn of(state: &TicketState) -> Option<Self> {
        let ticket = &state.ticket;
        let waits = matches!(ticket.status, Status::New | Status::Open) && ticket.assignee.is_none();
        waits.then(|| Self {
            id: ticket.id,
            version: ticket.version,
            priority: ticket.priority,
            next_due: ticket.next_due(),
            waiting_since: state.background.waiting_since.unwrap_or(ticket.created_at),
            snoozed_until: ticket.snoozed_until,
        })
    }

    pub fn is_snoozed(&self, now: Timestamp) -> bool {
        self.snoozed_until.is_some_and(|until| until > now)
    }

    pub fn key(&self, promote_after_ms: i64, now: Timestamp) -> RankKey {
        RankKey {
            priority: Reverse(self.effective_priority(promote_after_ms, now)),
            due: self.next_due.map_or(Due::Never, Due::At),
            waiting_since: self.waiting_since,
            id: self.id,
        }
    }

    /// When the passing of time alone changes this ticket's place next.
    pub fn next_change(&self, promote_after_ms: i64, now: Timestamp) -> Option<Timestamp> {
        if self.is_snoozed(now) {
            return self.snoozed_until;
        }
        if promote_after_ms <= 0 || self.effective_priority(promote_after_ms, now) == Priority::Urgent {
            return None;
        }
        let periods = self.periods(promote_after_ms, now).saturating_add(1);
        Some(self.waiting_since.plus_millis(periods.saturating_mul(promote_after_ms)))
    }

    pub fn rank(&self, rank: u32, promote_after_ms: i64, now: Timestamp) -> Rank {
        let effective = self.effective_priority(promote_after_ms, now);
        Rank {
            rank,
            priority: self.priority,
            effective_priority: effective,
            lifted: effective as u32 - self.priority as u32,
            next_due: self.next_due,
            waiting_since: self.waiting_since,
            text: self.sentence(effective, now),
        }
    }

    fn effective_priority(&self, promote_after_ms: i64, now: Timestamp) -> Priority {
        match (self.priority as i64).saturating_add(self.periods(promote_after_ms, now)) {
            0 => Priority::Low,
            1 => Priority::Normal,
            2 => Priority::High,
            _ => Priority::Urgent,
        }
    }

    /// Whole waiting periods behind this ticket.
    fn periods(&self, promote_after_ms: i64, now: Timestamp) -> i64 {
        if promote_after_ms <= 0 { 0 } else { now.millis_since(self.waiting_since).max(0) / promote_after_ms }
    }

    fn sentence(&self, effective: Priority, now: Timestamp) -> String {
        let subject = match effective {
            Priority::Urgent => "This urgent ticket".to_owned(),
            other => format!("This {}-priority ticket", word(other)),
        };
        let raised = if effective == self.priority {
            String::new()
        } else {
            format!(", raised from {} by its wait,", word(self.priority))
        };
        let due = match self.next_due {
            None => "has no due time".to_owned(),
            Some(due) if due < now => format!("is overdue by {}", span(now.millis_since(due))),
            Some(due) => format!("is due in {}", span(due.millis_since(now))),
        };
        format!("{subject}{raised} {due} and has waited {}.", span(now.millis_since(self.waiting_since)))
    }
}

fn word(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
        Priority::Urgent => "urgent",
    }
}

/// A length of time in the largest unit that fits.
fn span(millis: i64) -> String {
    let minutes = millis.max(0) / 60_000;
    let (count, unit) = match minutes {
        0 => return "less than a minute".to_owned(),
        1..60 => (minutes, "minute"),
        60..2880 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
