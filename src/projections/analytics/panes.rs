//! The windows of the last day, one for what everybody sees and one for each private team: what somebody is told live is the sum of
//! those that he sees. A fact goes into one of them, so a record costs no more for it.

use rustc_hash::FxHashMap;

use super::fact::{Fact, Kind, Split};
use super::names::{Book, Id};
use super::windows::{Minute, Tally, Windows};
use crate::domain::permissions::{Audience, PrivateTeams, Sight};

#[derive(Debug)]
pub struct Panes {
    private: PrivateTeams,
    /// First the one for everybody, then the private teams' in their order.
    parts: Vec<(Audience, Windows)>,
    /// By the team's number: the place of its pane.
    of_team: Vec<u8>,
}

impl Panes {
    pub fn new(now: i64, private: &PrivateTeams) -> Self {
        let audiences = std::iter::once(Audience::default()).chain(private.audiences());
        let parts = audiences.map(|audience| (audience, Windows::new(now))).collect();
        Self { private: private.clone(), parts, of_team: Vec::new() }
    }

    /// To whom a team's tickets are shown.
    pub fn audience(&self, team: Id, book: &Book) -> Audience {
        self.private.audience(book.teams.name(team).map(AsRef::as_ref))
    }

    /// Moves the clock. True when everything must be made again from the store.
    #[must_use]
    pub fn advance(&mut self, now: i64) -> bool {
        self.parts.iter_mut().fold(false, |again, (_, pane)| pane.advance(now) || again)
    }

    pub fn add(&mut self, kind: Kind, fact: &Fact, book: &Book) {
        let team = fact.dims.team as usize;
        while self.of_team.len() <= team {
            let place = self.audience(self.of_team.len() as Id, book).place();
            self.of_team.push(place.map_or(0, |place| place as u8 + 1));
        }
        self.parts[usize::from(self.of_team[team])].1.add(kind, fact, book);
    }

    pub fn sweep(&mut self) {
        self.parts.iter_mut().for_each(|(_, pane)| pane.sweep());
    }

    fn seen(&self, sight: Sight) -> impl Iterator<Item = &Windows> {
        self.parts.iter().filter(move |(audience, _)| sight.sees(*audience)).map(|(_, pane)| pane)
    }

    /// As [`Windows::minutes`].
    pub fn minutes(&self, sight: Sight, from: i64, to: i64) -> Vec<Minute> {
        let mut all = vec![[0; Kind::COUNT]; usize::try_from(to - from).unwrap_or(0)];
        for pane in self.seen(sight) {
            for (all, more) in all.iter_mut().zip(pane.minutes(from, to)) {
                all.iter_mut().zip(more).for_each(|(all, more)| *all += more);
            }
        }
        all
    }

    /// As [`Windows::total`].
    pub fn total(&self, sight: Sight, from: i64, to: i64) -> Tally {
        let mut sum = Tally::default();
        self.seen(sight).for_each(|pane| sum.merge(&pane.total(from, to)));
        sum
    }

    /// As [`Windows::totals`].
    pub fn totals(&self, sight: Sight, split: Split, from: i64, to: i64) -> FxHashMap<Id, Tally> {
        let mut sums: FxHashMap<Id, Tally> = FxHashMap::default();
        for (id, tally) in self.seen(sight).flat_map(|pane| pane.totals(split, from, to)) {
            sums.entry(id).or_default().merge(&tally);
        }
        sums
    }
}
