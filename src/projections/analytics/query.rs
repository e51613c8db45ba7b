//! Counting over any past span: one pass over the facts of the kinds that a figure is made of.
//!
//! Pure but for reading the store's files, so it runs on any thread while the fold goes on. Cells are bounded; a question that asks for
//! too much stops and says so. Called by `actors::analytics`.

use rustc_hash::FxHashMap;

use super::Moment;
use super::fact::{Dims, Fact, Kind, Split, fixed_id};
use super::live::spread;
use super::metrics::{Measure, Metric};
use super::names::{Book, Id, NONE};
use super::sketch::Sketch;
use super::store::{StoreError, View};
use crate::journal::JournalError;
use crate::protocol::figures::{Cell, ReportClock};

/// Tickets that one look into a cell lists.
pub const MOST_TICKETS: usize = 1_000;
/// No such name: it matches nothing.
const NOWHERE: Id = Id::MAX;

/// What to count, checked.
#[derive(Clone, Debug)]
pub struct Question {
    pub metric: &'static Metric,
    pub from: i64,
    pub to: i64,
    /// Beginnings of the spans within `from..to`, the first one at `from`; one alone for a figure over all.
    pub cuts: Vec<i64>,
    pub split: Vec<Split>,
    /// Any of the names, for each dimension.
    pub filter: Vec<(Split, Vec<String>)>,
    pub clock: ReportClock,
    /// Teams of which the asker is told nothing.
    pub hidden: Vec<String>,
    pub most_cells: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Journal(JournalError),
    #[error("the answer would have more than {most} cells: choose a coarser grain, fewer splits or a filter")]
    TooMany { most: usize },
}

/// One figure with its place: the number of its span, and a value in each split.
pub type Place = (usize, [Id; 2]);

#[derive(Debug)]
pub struct Counted {
    /// In order of span; only what something was counted for, but for levels, which have every span.
    pub cells: Vec<(Place, Cell)>,
    pub total: Cell,
}

#[derive(Clone, Debug, Default)]
struct Sum {
    of: i64,
    over: i64,
    sketch: Sketch,
}

impl Sum {
    fn merge(&mut self, more: &Self) {
        self.of += more.of;
        self.over += more.over;
        self.sketch.merge(&more.sketch);
    }

    fn cell(&self, measure: Measure) -> Cell {
        match measure {
            Measure::Count(_) | Measure::Level => Cell { value: Some(self.of as f64), count: self.of, spread: None },
            Measure::Share(..) => {
                let value = (self.over > 0).then(|| self.of as f64 / self.over as f64);
                Cell { value, count: self.over, spread: None }
            }
            Measure::Time(_) => {
                let spread = spread(&self.sketch);
                Cell { value: spread.median_ms.map(|ms| ms as f64), count: spread.count, spread: Some(spread) }
            }
        }
    }

    fn is_nothing(&self) -> bool {
        self.of == 0 && self.over == 0 && self.sketch.is_empty()
    }
}

/// Sums by place, with a limit.
struct Sums {
    by: FxHashMap<Place, Sum>,
    total: Sum,
    full: bool,
}

/// The filter as numbers.
struct Sieve {
    plain: Vec<(Split, Vec<Id>)>,
    tags: Option<Vec<Id>>,
    hidden: Vec<Id>,
}

impl Sieve {
    fn new(filter: &[(Split, Vec<String>)], hidden: &[String], book: &Book) -> Self {
        let hidden = book.known_teams(hidden);
        let mut sieve = Self { plain: Vec::new(), tags: None, hidden };
        for (split, names) in filter {
            let ids: Vec<Id> = names.iter().map(|name| book.find(*split, name)).collect();
            if *split == Split::Tag {
                sieve.tags = Some(ids);
            } else {
                sieve.plain.push((*split, ids));
            }
        }
        sieve
    }

    fn passes(&self, dims: &Dims, book: &Book) -> bool {
        !self.hidden.contains(&dims.team)
            && self.plain.iter().all(|(split, ids)| ids.contains(&split.of(dims)))
            && self.tags.as_ref().is_none_or(|ids| {
                let tags = book.tag_sets.tags(dims.tags);
                (tags.is_empty() && ids.contains(&NONE)) || tags.iter().any(|tag| ids.contains(tag))
            })
    }
}

impl Book {
    /// The numbers of those teams that ever had a ticket.
    pub fn known_teams(&self, names: &[String]) -> Vec<Id> {
        names.iter().filter_map(|name| self.teams.find(name)).collect()
    }

    /// The number of a name; `none` is no value, and a name that never occurred matches nothing.
    pub fn find(&self, split: Split, name: &str) -> Id {
        let fixed = matches!(split, Split::Priority | Split::Channel | Split::Status | Split::Target);
        if fixed {
            return fixed_id(split, name).unwrap_or(NOWHERE);
        }
        let names = match split {
            Split::Team => &self.teams,
            Split::Agent => &self.agents,
            Split::Category => &self.categories,
            _ => &self.tags,
        };
        // A team that is really called so is found before the lack of one.
        names.find(name).unwrap_or(if name == "none" { NONE } else { NOWHERE })
    }
}

impl Question {
    fn part_of(&self, kind: Kind) -> (bool, bool) {
        match self.metric.measure {
            Measure::Share(of, over) => (of == kind, over.contains(&kind)),
            _ => (true, false),
        }
    }

    /// The span that a moment lies in.
    fn span(&self, at: i64) -> usize {
        self.cuts.partition_point(|cut| *cut <= at).saturating_sub(1)
    }

    /// Counts.
    pub fn count(&self, moment: &Moment) -> Result<Counted, Unanswered> {
        let sieve = Sieve::new(&self.filter, &self.hidden, &moment.book);
        let mut all = Sums { by: FxHashMap::default(), total: Sum::default(), full: false };
        for view in &moment.views {
            let sums = self.scan(view, &moment.book, &sieve)?;
            merge(&mut all, sums, self.most_cells);
        }
        let limit = || Unanswered::TooMany { most: self.most_cells };
        if all.full {
            return Err(limit());
        }
        let measure = self.metric.measure;
        let total = all.total.cell(measure);
        let mut cells: Vec<(Place, Cell)> = if measure == Measure::Level {
            self.levels(&all.by).ok_or_else(limit)?
        } else {
            let cells = all.by.iter().filter(|(_, sum)| !sum.is_nothing());
            cells.map(|(place, sum)| (*place, sum.cell(measure))).collect()
        };
        cells.sort_unstable_by_key(|(place, _)| *place);
        Ok(Counted { cells, total })
    }

    fn scan(&self, view: &View, book: &Book, sieve: &Sieve) -> Result<Sums, StoreError> {
        let level = self.metric.measure == Measure::Level;
        let timed = matches!(self.metric.measure, Measure::Time(_));
        let (is_of, is_over) = self.part_of(view.kind());
        let tag_at = self.split.iter().position(|split| *split == Split::Tag);
        let step = |sums: &mut Sums, fact: &Fact| {
            if !sieve.passes(&fact.dims, book) {
                return true;
            }
            let weight = i64::from(fact.weight);
            let add = |sum: &mut Sum| {
                if timed {
                    let value = if self.clock == ReportClock::Business { fact.business } else { fact.value };
                    sum.sketch.add(value, i32::from(fact.weight));
                } else {
                    sum.of += if is_of { weight } else { 0 };
                    sum.over += if is_over { weight } else { 0 };
                }
            };
            add(&mut sums.total);
            let mut key = [NONE; 2];
            for (own, split) in key.iter_mut().zip(&self.split) {
                *own = split.of(&fact.dims);
            }
            let span = self.span(fact.at);
            match tag_at {
                None => add(sums.by.entry((span, key)).or_default()),
                Some(at) => {
                    let tags = book.tag_sets.tags(fact.dims.tags);
                    for tag in if tags.is_empty() { &[NONE] } else { tags } {
                        key[at] = *tag;
                        add(sums.by.entry((span, key)).or_default());
                    }
                }
            }
            sums.full = sums.by.len() > self.most_cells;
            !sums.full
        };
        let make = || Sums { by: FxHashMap::default(), total: Sum::default(), full: false };
        let from = if level { i64::MIN } else { self.from };
        view.scan(from, self.to, make, step, |all, more| merge(all, more, self.most_cells))
    }

    /// The running sum at the end of every span; `None` when that is too much.
    fn levels(&self, by: &FxHashMap<Place, Sum>) -> Option<Vec<(Place, Cell)>> {
        let mut keys: FxHashMap<[Id; 2], Vec<i64>> = FxHashMap::default();
        for ((span, key), sum) in by {
            if !keys.contains_key(key) && (keys.len() + 1) * self.cuts.len() > self.most_cells {
                return None;
            }
            keys.entry(*key).or_insert_with(|| vec![0; self.cuts.len()])[*span] += sum.of;
        }
        let mut cells = Vec::new();
        for (key, changes) in keys {
            let mut level = 0;
            for (span, change) in changes.into_iter().enumerate() {
                level += change;
                cells.push(((span, key), Cell { value: Some(level as f64), count: level, spread: None }));
            }
        }
        Some(cells)
    }

    /// The tickets behind a cell, newest first, and how many there are.
    pub fn tickets(
        &self,
        moment: &Moment,
        span: Option<usize>,
        keys: Option<&[String]>,
    ) -> Result<(Vec<u64>, usize), Unanswered> {
        let mut filter = self.filter.clone();
        if let Some(keys) = keys {
            filter.extend(self.split.iter().zip(keys).map(|(split, key)| (*split, vec![key.clone()])));
        }
        // A report may filter and split by the same tag dimension: both must hold. One more, so that there is one at all.
        let mut sieves: Vec<Sieve> =
            filter.iter().map(|one| Sieve::new(std::slice::from_ref(one), &self.hidden, &moment.book)).collect();
        sieves.push(Sieve::new(&[], &self.hidden, &moment.book));
        let to = span.and_then(|span| self.cuts.get(span + 1)).copied().unwrap_or(self.to);
        let from = if self.metric.measure == Measure::Level {
            i64::MIN
        } else {
            span.and_then(|span| self.cuts.get(span)).copied().unwrap_or(self.from)
        };
        let mut weights: FxHashMap<u64, i64> = FxHashMap::default();
        for view in &moment.views {
            let part = view.scan(
                from,
                to,
                FxHashMap::<u64, i64>::default,
                |weights, fact| {
                    if sieves.iter().all(|sieve| sieve.passes(&fact.dims, &moment.book)) {
                        *weights.entry(fact.ticket).or_default() += i64::from(fact.weight);
                    }
                    true
                },
                |all, more| {
                    for (ticket, weight) in more {
                        *all.entry(ticket).or_default() += weight;
                    }
                },
            )?;
            for (ticket, weight) in part {
                *weights.entry(ticket).or_default() += weight;
            }
        }
        let mut tickets: Vec<u64> =
            weights.into_iter().filter(|(_, weight)| *weight > 0).map(|(ticket, _)| ticket).collect();
        tickets.sort_unstable_by(|a, b| b.cmp(a));
        let total = tickets.len();
        tickets.truncate(MOST_TICKETS);
        Ok((tickets, total))
    }
}

fn merge(all: &mut Sums, more: Sums, most: usize) {
    all.total.merge(&more.total);
    for (place, sum) in more.by {
        all.by.entry(place).or_default().merge(&sum);
    }
    all.full |= more.full || all.by.len() > most;
}
