//! The queue's own words put into those of the wire. Called by whoever answers `GET /api/v1/queue`.

use crate::domain::ticket::Priority;
use crate::projections::queue::{Counts, Rank};
use crate::protocol::views::{QueueCounts, RankReason};

impl From<Rank> for RankReason {
    fn from(rank: Rank) -> Self {
        Self {
            rank: rank.rank,
            priority: rank.priority,
            effective_priority: rank.effective_priority,
            lifted: rank.lifted,
            next_due: rank.next_due,
            waiting_since: rank.waiting_since,
            text: rank.text,
        }
    }
}

/// `lent` of the waiting tickets are being handed to somebody right now. Tickets without a team count under `none`.
pub fn queue_counts(counts: Counts, lent: u32) -> QueueCounts {
    let name = |priority| match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
        Priority::Urgent => "urgent",
    };
    QueueCounts {
        waiting: counts.waiting,
        lent,
        snoozed: counts.snoozed,
        by_priority: counts
            .by_priority
            .into_iter()
            .map(|(priority, count)| (name(priority).to_owned(), count))
            .collect(),
        by_team: counts
            .by_team
            .into_iter()
            .map(|(team, count)| (team.map_or_else(|| "none".to_owned(), |team| team.to_string()), count))
            .collect(),
    }
}
