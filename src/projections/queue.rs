//! The one global queue: which tickets wait for somebody, in the order in which they are handed out.
//!
//! A fold over ticket states plus the passing of time. It never hands a ticket out, lends or remembers a claimer: the queue
//! actor does that and calls here. Time only moves forward; a caller whose clock lags sees the queue at its own latest time.
//!
//! Every waiting ticket stands in one ordered set and in the set of its lane (team and category), under a key that holds
//! until a known moment. Those moments stand in a third set, so that [`Queue::advance`] touches only tickets whose place changes.

mod rank;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, btree_set};
use std::sync::Arc;

pub use rank::{Rank, RankKey};

use crate::domain::ids::{TicketId, UserId, Version};
use crate::domain::state::{SkipNote, TicketState};
use crate::domain::ticket::Priority;
use crate::domain::time::Timestamp;
use rank::Facts;

#[derive(Debug)]
pub struct Queue {
    promote_after_ms: i64,
    now: Timestamp,
    entries: HashMap<TicketId, Entry>,
    order: BTreeSet<RankKey>,
    lanes: BTreeMap<Lane, BTreeSet<RankKey>>,
    changes: BTreeSet<(Timestamp, TicketId)>,
    by_priority: [u32; 4],
}

/// What a claimer asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub user: &'a UserId,
    /// The teams that bind the claimer, empty for all (only agents are bound). A ticket of another team is not offered; one
    /// without a team is.
    pub teams: &'a [String],
    /// Teams whose tickets the claimer may not see: none of them is offered.
    pub hidden: &'a [String],
    /// Only tickets of this team.
    pub team: Option<&'a str>,
    /// Only tickets of one of these categories.
    pub categories: Option<&'a [String]>,
    /// What the claimer skipped is not offered to him for this long.
    pub skip_window_ms: i64,
}

/// How many tickets wait. `by_priority` counts the priority that was set, not the lifted one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub waiting: u32,
    pub snoozed: u32,
    pub by_priority: BTreeMap<Priority, u32>,
    /// `None` counts the tickets without a team.
    pub by_team: BTreeMap<Option<Arc<str>>, u32>,
}

impl Queue {
    /// `promote_after_ms`: a waiting ticket is lifted by one priority each time this long has passed; 0 never lifts.
    pub fn new(promote_after_ms: i64) -> Self {
        Self {
            promote_after_ms,
            now: Timestamp::from_millis(i64::MIN),
            entries: HashMap::new(),
            order: BTreeSet::new(),
            lanes: BTreeMap::new(),
            changes: BTreeSet::new(),
            by_priority: [0; 4],
        }
    }

    /// Takes in a ticket's newest state: it enters, moves or leaves.
    pub fn put(&mut self, state: &TicketState, now: Timestamp) {
        self.advance(now);
        self.remove(state.ticket.id);
        if let Some(facts) = Facts::of(state) {
            let ticket = &state.ticket;
            let lane = Lane {
                team: ticket.team.as_deref().map(Arc::from),
                category: ticket.category.as_deref().map(Arc::from),
            };
            self.place(facts, lane, state.background.skips.clone());
        }
    }

    pub fn remove(&mut self, id: TicketId) {
        let Some(entry) = self.entries.remove(&id) else { return };
        if let Some(change) = entry.change {
            self.changes.remove(&(change, id));
        }
        if let Some(key) = entry.key {
            self.order.remove(&key);
            self.by_priority[entry.facts.priority as usize] -= 1;
            if let Some(lane) = self.lanes.get_mut(&entry.lane) {
                lane.remove(&key);
                if lane.is_empty() {
                    self.lanes.remove(&entry.lane);
                }
            }
        }
    }

    /// Lets time pass: what was snoozed until now waits, what waited long enough is lifted.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        while let Some(&(at, id)) = self.changes.first() {
            if at > self.now {
                break;
            }
            let entry = self.entries.get(&id).expect("invariant: every change belongs to an entry").clone();
            self.remove(id);
            self.place(entry.facts, entry.lane, entry.skips);
        }
    }

    /// The next moment at which the passing of time alone changes the queue.
    pub fn next_change(&self) -> Option<Timestamp> {
        self.changes.first().map(|(at, _)| *at)
    }

    /// The first ticket that the claimer may have and that `is_lent` does not hold back.
    pub fn first(
        &mut self,
        now: Timestamp,
        wanted: &Wanted<'_>,
        is_lent: &dyn Fn(TicketId) -> bool,
    ) -> Option<TicketId> {
        self.advance(now);
        let offered = |key: &RankKey| !is_lent(key.id()) && !self.is_skipped(key.id(), wanted);
        if wanted.teams.is_empty() && wanted.hidden.is_empty() && wanted.team.is_none() && wanted.categories.is_none() {
            return self.order.iter().find(|key| offered(key)).map(RankKey::id);
        }
        self.merged(wanted).find(|key| offered(key)).map(RankKey::id)
    }

    /// The version of a ticket by which it is ranked.
    pub fn version(&self, id: TicketId) -> Option<Version> {
        self.entries.get(&id).map(|entry| entry.facts.version)
    }

    /// The head of the queue with the reason for each rank.
    pub fn list(&mut self, limit: usize, now: Timestamp) -> Vec<(TicketId, Rank)> {
        self.list_but(limit, now, &[])
    }

    /// The same for somebody who may not see some teams: ranks count what is seen.
    pub fn list_but(&mut self, limit: usize, now: Timestamp, hidden: &[String]) -> Vec<(TicketId, Rank)> {
        self.advance(now);
        self.order
            .iter()
            .filter(|key| hidden.is_empty() || !self.entries[&key.id()].lane.is_of(hidden))
            .zip(1..)
            .take(limit)
            .map(|(key, rank)| (key.id(), self.entries[&key.id()].facts.rank(rank, self.promote_after_ms, self.now)))
            .collect()
    }

    pub fn counts(&mut self, now: Timestamp) -> Counts {
        self.counts_but(now, &[])
    }

    /// The same for somebody who may not see some teams.
    pub fn counts_but(&mut self, now: Timestamp, hidden: &[String]) -> Counts {
        self.advance(now);
        let mut left_out = [0; 4];
        let mut waiting = self.order.len();
        let mut snoozed = self.entries.len() - self.order.len();
        if !hidden.is_empty() {
            for entry in self.entries.values().filter(|entry| entry.lane.is_of(hidden)) {
                if entry.key.is_some() {
                    left_out[entry.facts.priority as usize] += 1;
                    waiting -= 1;
                } else {
                    snoozed -= 1;
                }
            }
        }
        let mut by_team = BTreeMap::new();
        for (lane, keys) in self.lanes.iter().filter(|(lane, _)| !lane.is_of(hidden)) {
            *by_team.entry(lane.team.clone()).or_insert(0) += keys.len() as u32;
        }
        let by_priority = [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent]
            .into_iter()
            .map(|priority| (priority, self.by_priority[priority as usize] - left_out[priority as usize]))
            .collect();
        Counts { waiting: waiting as u32, snoozed: snoozed as u32, by_priority, by_team }
    }

    /// Where a ticket in this state would stand at `now`; `None` when it would not be handed out. A record whose before and after
    /// give different keys changed the queue.
    pub fn rank_key(&self, state: &TicketState, now: Timestamp) -> Option<RankKey> {
        RankKey::of(state, self.promote_after_ms, now)
    }

    /// Tickets that wait right now, as of the last `advance`.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub fn contains(&self, id: TicketId) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.key.is_some())
    }

    fn place(&mut self, facts: Facts, lane: Lane, skips: Vec<SkipNote>) {
        let change = facts.next_change(self.promote_after_ms, self.now);
        if let Some(at) = change {
            self.changes.insert((at, facts.id));
        }
        let key = (!facts.is_snoozed(self.now)).then(|| facts.key(self.promote_after_ms, self.now));
        if let Some(key) = key {
            self.order.insert(key);
            self.lanes.entry(lane.clone()).or_default().insert(key);
            self.by_priority[facts.priority as usize] += 1;
        }
        self.entries.insert(facts.id, Entry { facts, lane, skips, key, change });
    }

    fn is_skipped(&self, id: TicketId, wanted: &Wanted<'_>) -> bool {
        self.entries[&id]
            .skips
            .iter()
            .any(|skip| skip.by == *wanted.user && self.now.millis_since(skip.at) < wanted.skip_window_ms)
    }

    /// The lanes that suit, merged into one order, without touching the others' tickets.
    fn merged<'a>(&'a self, wanted: &'a Wanted<'_>) -> impl Iterator<Item = &'a RankKey> + 'a {
        let mut sources: Vec<btree_set::Iter<'a, RankKey>> = Vec::new();
        let mut add = |lanes: &mut dyn Iterator<Item = (&'a Lane, &'a BTreeSet<RankKey>)>| {
            sources.extend(lanes.filter(|(lane, _)| lane.suits(wanted)).map(|(_, keys)| keys.iter()));
        };
        match wanted.team {
            Some(team) => {
                let first = Lane { team: Some(Arc::from(team)), category: None };
                add(&mut self.lanes.range(first..).take_while(|(lane, _)| lane.team.as_deref() == Some(team)));
            }
            None => add(&mut self.lanes.iter()),
        }
        let mut heads: BinaryHeap<Reverse<(&RankKey, usize)>> = BinaryHeap::with_capacity(sources.len());
        for (index, source) in sources.iter_mut().enumerate() {
            heads.extend(source.next().map(|key| Reverse((key, index))));
        }
        std::iter::from_fn(move || {
            let Reverse((key, index)) = heads.pop()?;
            heads.extend(sources[index].next().map(|next| Reverse((next, index))));
            Some(key)
        })
    }
}

#[derive(Clone, Debug)]
struct Entry {
    facts: Facts,
    lane: Lane,
    skips: Vec<SkipNote>,
    /// `None` while snoozed.
    key: Option<RankKey>,
    change: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lane {
    team: Option<Arc<str>>,
    category: Option<Arc<str>>,
}

impl Lane {
    fn is_of(&self, teams: &[String]) -> bool {
        self.team.as_deref().is_some_and(|team| teams.iter().any(|one| one == team))
    }

    fn suits(&self, wanted: &Wanted<'_>) -> bool {
        let team = self.team.as_deref();
        let category = self.category.as_deref();
        !self.is_of(wanted.hidden)
            && wanted.team.is_none_or(|asked| team == Some(asked))
            && (wanted.teams.is_empty() || team.is_none_or(|team| wanted.teams.iter().any(|own| own == team)))
            && wanted
                .categories
                .is_none_or(|asked| category.is_some_and(|category| asked.iter().any(|one| one == category)))
    }
}
