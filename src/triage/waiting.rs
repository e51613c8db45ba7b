//! Tickets that wait to be sorted: what somebody asked for first, then the most urgent, then the oldest. Bounded: the least pressing
//! one makes room, and it is said that there are more. Pure; called by the actor.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::ids::TicketId;
use crate::domain::ticket::Priority;
use crate::domain::time::Timestamp;

/// One that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub ticket: TicketId,
    /// Somebody pressed for it.
    pub asked: bool,
    pub priority: Priority,
    pub since: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    unasked: bool,
    calm: std::cmp::Reverse<Priority>,
    since: Timestamp,
    ticket: TicketId,
}

#[derive(Debug)]
pub struct Waiting {
    by_rank: BTreeMap<Rank, Entry>,
    ranks: HashMap<TicketId, Rank>,
    by_age: BTreeSet<(Timestamp, TicketId)>,
    limit: usize,
    overflowed: bool,
}

impl Waiting {
    pub fn new(limit: usize) -> Self {
        Self {
            by_rank: BTreeMap::new(),
            ranks: HashMap::new(),
            by_age: BTreeSet::new(),
            limit: limit.max(1),
            overflowed: false,
        }
    }

    pub fn len(&self) -> usize {
        self.ranks.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ranks.is_empty()
    }

    /// Since when the oldest one waits.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.by_age.first().map(|(since, _)| *since)
    }

    /// There were more than fit.
    pub fn has_overflowed(&self) -> bool {
        self.overflowed
    }

    /// Whoever looks for what did not fit starts from here.
    pub fn forget_overflow(&mut self) {
        self.overflowed = false;
    }

    /// Takes it in; one that waits already keeps its age and is pressed for if either was.
    pub fn push(&mut self, entry: Entry) {
        let known = self.remove(entry.ticket);
        let since = known.map_or(entry.since, |known| known.since.min(entry.since));
        let asked = entry.asked || known.is_some_and(|known| known.asked);
        let entry = Entry { asked, since, ..entry };
        let rank = Rank {
            unasked: !entry.asked,
            calm: std::cmp::Reverse(entry.priority),
            since: entry.since,
            ticket: entry.ticket,
        };
        self.ranks.insert(entry.ticket, rank);
        self.by_age.insert((entry.since, entry.ticket));
        self.by_rank.insert(rank, entry);
        if self.ranks.len() > self.limit
            && let Some(last) = self.by_rank.last_key_value().map(|(_, entry)| entry.ticket)
        {
            self.remove(last);
            self.overflowed = true;
        }
    }

    pub fn pop(&mut self) -> Option<Entry> {
        let first = self.by_rank.first_key_value().map(|(_, entry)| entry.ticket)?;
        self.remove(first)
    }

    pub fn remove(&mut self, ticket: TicketId) -> Option<Entry> {
        let rank = self.ranks.remove(&ticket)?;
        self.by_age.remove(&(rank.since, ticket));
        self.by_rank.remove(&rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(ticket: u64, asked: bool, priority: Priority, since: i64) -> Entry {
        Entry { ticket: TicketId(ticket), asked, priority, since: Timestamp::from_millis(since) }
    }

    fn order(waiting: &mut Waiting) -> Vec<u64> {
        std::iter::from_fn(|| waiting.pop()).map(|entry| entry.ticket.get()).collect()
    }

    /// R40: what somebody asked for comes first, then the most urgent, then the oldest.
    #[test]
    fn r40_the_order_of_waiting() {
        let mut waiting = Waiting::new(10);
        waiting.push(entry(1, false, Priority::Normal, 5));
        waiting.push(entry(2, false, Priority::Urgent, 9));
        waiting.push(entry(3, false, Priority::Normal, 4));
        waiting.push(entry(4, true, Priority::Low, 9));
        waiting.push(entry(5, false, Priority::Urgent, 8));
        assert_eq!(waiting.oldest(), Some(Timestamp::from_millis(4)));
        // Again: it keeps its age.
        waiting.push(entry(1, false, Priority::Normal, 9));
        assert_eq!(order(&mut waiting), [4, 5, 2, 3, 1]);
        assert_eq!((waiting.len(), waiting.oldest()), (0, None));
    }

    /// R41: there is a limit; what makes room is the least pressing, and it is said.
    #[test]
    fn r41_the_least_pressing_makes_room() {
        let mut waiting = Waiting::new(10_000);
        for ticket in 1..=20_000 {
            waiting.push(entry(ticket, false, Priority::Normal, ticket as i64));
        }
        assert_eq!((waiting.len(), waiting.has_overflowed()), (10_000, true));
        waiting.push(entry(50_000, false, Priority::Urgent, 50_000));
        assert_eq!(waiting.pop().map(|entry| entry.ticket), Some(TicketId(50_000)));
        assert_eq!(waiting.pop().map(|entry| entry.ticket), Some(TicketId(1)));
        waiting.forget_overflow();
        assert!(!waiting.has_overflowed());
    }

    proptest! {
        /// R40, R41: whatever comes and goes, each ticket waits once, and the three views agree.
        #[test]
        fn views_agree(steps in prop::collection::vec((1u64..30, any::<bool>(), 0u8..4, 0i64..50, 0u8..4), 1..80)) {
            let mut waiting = Waiting::new(12);
            for (ticket, asked, priority, since, what) in steps {
                let priority = [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent][usize::from(priority)];
                match what {
                    0 => drop(waiting.pop()),
                    1 => drop(waiting.remove(TicketId(ticket))),
                    _ => waiting.push(entry(ticket, asked, priority, since)),
                }
                prop_assert!(waiting.len() <= 12);
                prop_assert_eq!(waiting.by_rank.len(), waiting.ranks.len());
                prop_assert_eq!(waiting.by_age.len(), waiting.ranks.len());
            }
        }
    }
}
