//! The last day in small cells, for the figures that are shown live: by the minute over all, by the quarter of an hour for each team,
//! agent, category, priority, channel and tag.
//!
//! A quarter of an hour, because every time zone's midnight lies on one. A cell is found in O(1); what lies outside the day is in the
//! store only. Never on disk: made again from the store's newest facts at a start and when the clock is set back.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use super::fact::{Fact, Kind, Split};
use super::names::{Book, Id};
use super::sketch::Sketch;

pub const MINUTE_MS: i64 = 60_000;
pub const QUARTER_MS: i64 = 15 * MINUTE_MS;
/// Quarters that are kept: a day of 25 hours and the two hours around it.
const QUARTERS: i64 = 112;
const MINUTES: i64 = 128;
/// How far ahead of the clock a fact may lie and still have its cell.
const AHEAD_MS: i64 = 4 * QUARTER_MS;
/// Values of one dimension that have cells of their own; further ones share those of [`OTHERS`].
pub const MOST_VALUES: usize = 512;
/// Stands for all values beyond these. No name has this number.
pub const OTHERS: Id = Id::MAX;

/// The kinds that take time, in the order of a cell's sketches.
pub const TIMED: [Kind; 5] = [Kind::FirstResponse, Kind::NextResponse, Kind::Solved, Kind::Wait, Kind::Handled];

/// Counts of one cell, by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    pub counts: [i32; Kind::COUNT],
    /// Around the clock and in opening hours.
    pub times: [(Sketch, Sketch); TIMED.len()],
}

impl Tally {
    pub fn add(&mut self, kind: Kind, fact: &Fact) {
        let weight = i32::from(fact.weight);
        self.counts[kind.index()] += weight;
        if let Some(index) = TIMED.iter().position(|timed| *timed == kind) {
            let (calendar, business) = &mut self.times[index];
            calendar.add(fact.value, weight);
            business.add(fact.business, weight);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (own, more) in self.counts.iter_mut().zip(&other.counts) {
            *own += more;
        }
        for (own, more) in self.times.iter_mut().zip(&other.times) {
            own.0.merge(&more.0);
            own.1.merge(&more.1);
        }
    }

    pub fn count(&self, kind: Kind) -> i64 {
        i64::from(self.counts[kind.index()])
    }

    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }
}

/// Cells in a ring, each with the number of its span of time.
#[derive(Debug)]
struct Ring<T> {
    cells: Vec<Option<(i64, Box<T>)>>,
}

impl<T: Default> Ring<T> {
    fn new(length: i64) -> Self {
        Self { cells: (0..length).map(|_| None).collect() }
    }

    fn at(&mut self, number: i64) -> &mut T {
        let index = number.rem_euclid(self.cells.len() as i64) as usize;
        let cell = &mut self.cells[index];
        if cell.as_ref().is_none_or(|(own, _)| *own != number) {
            *cell = Some((number, Box::default()));
        }
        &mut cell.as_mut().expect("invariant: it was just made").1
    }

    fn within(&self, from: i64, to: i64) -> impl Iterator<Item = (i64, &T)> {
        let cells = self.cells.iter().flatten();
        cells.filter(move |(number, _)| (from..to).contains(number)).map(|(number, cell)| (*number, &**cell))
    }
}

/// Counts of one minute, by kind.
pub type Minute = [i32; Kind::COUNT];

#[derive(Debug)]
pub struct Windows {
    now: i64,
    minutes: Ring<MinuteCell>,
    all: Ring<Tally>,
    by: FxHashMap<(Split, Id), Ring<Tally>>,
    values: FxHashMap<Split, usize>,
    /// The first fact that lay too far ahead to have a cell.
    ahead: Option<i64>,
}

#[derive(Debug)]
struct MinuteCell(Minute);

impl Default for MinuteCell {
    fn default() -> Self {
        Self([0; Kind::COUNT])
    }
}

impl Windows {
    pub fn new(now: i64) -> Self {
        Self {
            now,
            minutes: Ring::new(MINUTES),
            all: Ring::new(QUARTERS),
            by: FxHashMap::default(),
            values: FxHashMap::default(),
            ahead: None,
        }
    }

    /// Facts from here on have cells.
    pub fn horizon(now: i64) -> i64 {
        (now.div_euclid(QUARTER_MS) - (QUARTERS - AHEAD_MS / QUARTER_MS - 2)) * QUARTER_MS
    }

    /// Moves the clock. True when the cells must be made again from the store: the clock was set back, or what lay ahead has come.
    #[must_use]
    pub fn advance(&mut self, now: i64) -> bool {
        let back = now < self.now - MINUTE_MS;
        let come = self.ahead.is_some_and(|at| at < now + AHEAD_MS);
        self.now = self.now.max(now);
        back || come
    }

    pub fn add(&mut self, kind: Kind, fact: &Fact, book: &Book) {
        if !kind.has_windows() || fact.at < Self::horizon(self.now) {
            return;
        }
        if fact.at >= self.now + AHEAD_MS {
            self.ahead = Some(self.ahead.map_or(fact.at, |at| at.min(fact.at)));
            return;
        }
        let weight = i32::from(fact.weight);
        if fact.at >= self.now - (MINUTES - AHEAD_MS / MINUTE_MS - 2) * MINUTE_MS {
            self.minutes.at(fact.at.div_euclid(MINUTE_MS)).0[kind.index()] += weight;
        }
        let quarter = fact.at.div_euclid(QUARTER_MS);
        self.all.at(quarter).add(kind, fact);
        for split in [Split::Team, Split::Agent, Split::Category, Split::Priority, Split::Channel] {
            self.add_to(split, split.of(&fact.dims), quarter, kind, fact);
        }
        for tag in book.tag_sets.tags(fact.dims.tags) {
            self.add_to(Split::Tag, *tag, quarter, kind, fact);
        }
    }

    fn add_to(&mut self, split: Split, id: Id, quarter: i64, kind: Kind, fact: &Fact) {
        let is_full = self.values.get(&split).is_some_and(|values| *values >= MOST_VALUES);
        let id = if is_full && !self.by.contains_key(&(split, id)) { OTHERS } else { id };
        let ring = match self.by.entry((split, id)) {
            Entry::Occupied(ring) => ring.into_mut(),
            Entry::Vacant(place) => {
                if id != OTHERS {
                    *self.values.entry(split).or_default() += 1;
                }
                place.insert(Ring::new(QUARTERS))
            }
        };
        ring.at(quarter).add(kind, fact);
    }

    /// Lets go of values that have not been seen for a day.
    pub fn sweep(&mut self) {
        let from = Self::horizon(self.now).div_euclid(QUARTER_MS);
        let values = &mut self.values;
        self.by.retain(|(split, id), ring| {
            let alive = ring.within(from, i64::MAX).next().is_some();
            if !alive
                && *id != OTHERS
                && let Some(count) = values.get_mut(split)
            {
                *count -= 1;
            }
            alive
        });
    }

    /// Minutes from `from` until before `to`, by their number since 1970, oldest first; empty ones too.
    pub fn minutes(&self, from: i64, to: i64) -> Vec<Minute> {
        let mut minutes = vec![[0; Kind::COUNT]; usize::try_from(to - from).unwrap_or(0)];
        for (number, minute) in self.minutes.within(from, to) {
            minutes[(number - from) as usize] = minute.0;
        }
        minutes
    }

    /// Everything from the quarter of `from` until before `to`.
    pub fn total(&self, from: i64, to: i64) -> Tally {
        sum(&self.all, from, to)
    }

    /// The same for each value of a dimension that occurs in it.
    pub fn totals(&self, split: Split, from: i64, to: i64) -> impl Iterator<Item = (Id, Tally)> {
        self.by
            .iter()
            .filter(move |((own, _), _)| *own == split)
            .map(move |((_, id), ring)| (*id, sum(ring, from, to)))
            .filter(|(_, tally)| !tally.is_empty())
    }
}

fn sum(ring: &Ring<Tally>, from: i64, to: i64) -> Tally {
    let mut sum = Tally::default();
    for (_, tally) in ring.within(from.div_euclid(QUARTER_MS), to.div_euclid(QUARTER_MS) + 1) {
        sum.merge(tally);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projections::analytics::fact::Dims;

    /// A15: of more values than have cells of their own nothing is left out: the others are told under one name, and sums stay whole.
    #[test]
    fn a15_values_beyond_the_limit_share_one_name() {
        let (now, count) = (100 * QUARTER_MS, MOST_VALUES as u32 + 88);
        let mut windows = Windows::new(now);
        let book = Book::default();
        for _ in 0..2 {
            for team in 1..=count {
                let dims = Dims { team, agent: 1, category: 1, tags: 0, priority: 1, channel: 1, detail: 0 };
                let fact = Fact { at: now, ticket: u64::from(team), value: 0, business: 0, dims, weight: 1 };
                windows.add(Kind::Created, &fact, &book);
            }
        }
        let created: FxHashMap<Id, i64> =
            windows.totals(Split::Team, now, now).map(|(id, tally)| (id, tally.count(Kind::Created))).collect();
        assert_eq!((created.len(), created[&1], created[&OTHERS]), (MOST_VALUES + 1, 2, 2 * 88));
        assert_eq!(created.values().sum::<i64>(), 2 * i64::from(count));
        assert_eq!(book.name(Split::Team, OTHERS), "\u{2026}");
        // What has not been seen for a day makes room.
        assert!(!windows.advance(now + 200 * QUARTER_MS));
        windows.sweep();
        assert!(windows.by.is_empty() && windows.values[&Split::Team] == 0);
    }
}
