//! Which tickets resemble a text: for suggestions with their sources, and for duplicates.
//!
//! Okapi BM25 over stems and pairs of neighbours picks candidates; what the classifier thinks of the text and a rule of
//! diversity put them in order. It keeps terms and numbers, never a text, and is bounded: the oldest tickets leave first.

mod rank;
mod terms;

use std::collections::{HashMap, VecDeque};

pub use rank::Hit;
pub use terms::Terms;

use super::learner::Prediction;
use rank::{Candidate, order};
use terms::Term;

/// How quickly repeats of a word stop counting, and how much long texts are discounted.
const K1: f32 = 1.2;
const B: f32 = 0.6;
/// Candidates that are put in order.
const CANDIDATES: usize = 50;
/// A query's strongest terms; the rest would cost time and change little.
const QUERY_TERMS: usize = 40;
/// Tickets that are thought to be there without any of the words: in a small index what two tickets share still counts.
const OTHERS: f32 = 64.0;
/// Impacts are kept with this many steps to 1.
const STEPS: f32 = 4096.0;

/// Tickets by their terms.
#[derive(Debug)]
pub struct Index {
    places: HashMap<u64, u32>,
    tickets: Vec<Ticket>,
    postings: HashMap<Term, Vec<Posting>>,
    /// Oldest first; a ticket that came again stands where it came last.
    arrivals: VecDeque<(u64, u32)>,
    limit: usize,
    /// Of all tickets that are left.
    length: f64,
    /// The mean length that the impacts were computed with.
    impact_mean: f32,
    gone: usize,
}

#[derive(Clone, Copy, Debug)]
struct Ticket {
    id: u64,
    length: f32,
    category: Option<u32>,
    /// Two tickets with the same terms are the same text.
    fingerprint: u64,
    left: bool,
}

#[derive(Clone, Copy, Debug)]
struct Posting {
    place: u32,
    times: u16,
    impact: u16,
}

/// One caller's buffers.
#[derive(Debug, Default)]
pub struct Search {
    scores: Vec<f32>,
    best: Vec<(f32, u32)>,
}

impl Index {
    /// Keeps at most `limit` tickets.
    pub fn new(limit: usize) -> Self {
        Self {
            places: HashMap::new(),
            tickets: Vec::new(),
            postings: HashMap::new(),
            arrivals: VecDeque::new(),
            limit,
            length: 0.0,
            impact_mean: 0.0,
            gone: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub fn contains(&self, id: u64) -> bool {
        self.places.contains_key(&id)
    }

    pub fn bytes(&self) -> usize {
        let postings = self.postings.values().map(|list| list.capacity() * size_of::<Posting>() + 48).sum::<usize>();
        postings + self.tickets.capacity() * size_of::<Ticket>() + (self.places.len() + self.arrivals.len()) * 24
    }

    /// Puts a ticket in, in the place of what was known of it.
    pub fn insert(&mut self, id: u64, terms: &Terms, category: Option<u32>) {
        self.remove(id);
        let place = self.tickets.len() as u32;
        let length = terms.length();
        for (term, times) in terms.counts() {
            let posting = Posting { place, times, impact: impact(times, length, self.mean_with(length)) };
            self.postings.entry(term).or_default().push(posting);
        }
        self.tickets.push(Ticket { id, length, category, fingerprint: terms.fingerprint(), left: false });
        self.places.insert(id, place);
        self.arrivals.push_back((id, place));
        self.length += f64::from(length);
        while self.places.len() > self.limit {
            let Some((oldest, place)) = self.arrivals.pop_front() else { break };
            if self.places.get(&oldest) == Some(&place) {
                self.remove(oldest);
            }
        }
        self.tidy();
    }

    pub fn remove(&mut self, id: u64) {
        let Some(place) = self.places.remove(&id) else { return };
        let ticket = &mut self.tickets[place as usize];
        ticket.left = true;
        self.length -= f64::from(ticket.length);
        self.gone += 1;
    }

    /// The `count` tickets that resemble the text most, but for `except`, which is the ticket that asks. With a prediction
    /// those of its category come first.
    pub fn search(
        &self,
        terms: &Terms,
        prediction: Option<&Prediction>,
        except: Option<u64>,
        count: usize,
        search: &mut Search,
    ) -> Vec<Hit> {
        self.score(terms, search);
        let Search { scores, best } = search;
        best.clear();
        // The candidates in a small sorted list: nearly all tickets fall below its end at once.
        let mut least = 0.0;
        for (place, score) in (0..).zip(scores.iter()) {
            if *score <= least {
                continue;
            }
            let ticket = &self.tickets[place as usize];
            if ticket.left || Some(ticket.id) == except {
                continue;
            }
            let at = best.partition_point(|(better, _)| better >= score);
            best.insert(at, (*score, place));
            if best.len() > CANDIDATES {
                best.pop();
                least = best[CANDIDATES - 1].0;
            }
        }
        let top = best.first().map_or(1.0, |(score, _)| *score);
        let candidates = best.iter().map(|(score, place)| {
            let ticket = &self.tickets[*place as usize];
            let (id, category, fingerprint) = (ticket.id, ticket.category, ticket.fingerprint);
            Candidate { id, category, fingerprint, likeness: score / top, score: *score }
        });
        order(candidates.collect(), prediction, count)
    }

    /// About what a ticket with exactly these terms would score: a hit's share of it says how alike the two are, from 0 to 1.
    pub fn full_score(&self, terms: &Terms) -> f32 {
        let count = self.tickets.len() as f32 + OTHERS;
        let length = terms.length();
        let share = |(term, times): (Term, u16)| {
            let known = self.postings.get(&term).map_or(0.0, |list| list.len() as f32);
            let rarity = (1.0 + (count - known + 0.5).max(0.0) / (known + 0.5)).ln();
            let times_in = f32::from(times);
            let weight = rarity * times_in / (times_in + K1) * (K1 + 1.0);
            weight * f32::from(impact(times, length, self.mean_with(length))) / STEPS
        };
        let mut shares: Vec<f32> = terms.counts().map(share).collect();
        shares.sort_unstable_by(|one, other| other.total_cmp(one));
        shares.into_iter().take(QUERY_TERMS).sum()
    }

    fn score(&self, terms: &Terms, search: &mut Search) {
        search.scores.clear();
        search.scores.resize(self.tickets.len(), 0.0);
        // Those that left are counted on both sides until they are thrown out.
        let count = self.tickets.len() as f32 + OTHERS;
        let rarity =
            |list: &Vec<Posting>| (1.0 + (count - list.len() as f32 + 0.5).max(0.0) / (list.len() as f32 + 0.5)).ln();
        let mut weighed: Vec<(f32, &Vec<Posting>)> = terms
            .counts()
            .filter_map(|(term, times)| self.postings.get(&term).map(|list| (list, f32::from(times))))
            .map(|(list, times)| (rarity(list) * times / (times + K1) * (K1 + 1.0), list))
            .collect();
        weighed.sort_unstable_by(|one, other| other.0.total_cmp(&one.0).then(one.1.len().cmp(&other.1.len())));
        for (weight, list) in weighed.into_iter().take(QUERY_TERMS) {
            let weight = weight / STEPS;
            for posting in list {
                search.scores[posting.place as usize] += weight * f32::from(posting.impact);
            }
        }
    }

    fn mean_with(&self, length: f32) -> f32 {
        if self.impact_mean > 0.0 { self.impact_mean } else { length }
    }

    /// Throws out what left once it is a quarter, and computes the impacts again when texts have become longer or shorter.
    fn tidy(&mut self) {
        let mean = (self.length / self.places.len().max(1) as f64) as f32;
        let shifted = (mean / self.impact_mean.max(1e-6) - 1.0).abs() > 0.1;
        if self.gone * 4 <= self.tickets.len() && !shifted {
            return;
        }
        let mut moved = vec![u32::MAX; self.tickets.len()];
        let mut kept = Vec::with_capacity(self.places.len());
        for (place, ticket) in self.tickets.iter().enumerate().filter(|(_, ticket)| !ticket.left) {
            moved[place] = kept.len() as u32;
            kept.push(*ticket);
        }
        self.postings.retain(|_, list| {
            list.retain_mut(|posting| {
                posting.place = moved[posting.place as usize];
                if let Some(ticket) = kept.get(posting.place as usize) {
                    posting.impact = impact(posting.times, ticket.length, mean);
                }
                posting.place != u32::MAX
            });
            !list.is_empty()
        });
        self.arrivals.retain_mut(|(_, place)| {
            *place = moved[*place as usize];
            *place != u32::MAX
        });
        for place in self.places.values_mut() {
            *place = moved[*place as usize];
        }
        self.tickets = kept;
        self.impact_mean = mean;
        self.gone = 0;
    }
}

/// Okapi's share of one term in one ticket, below 1.
fn impact(times: u16, length: f32, mean: f32) -> u16 {
    let times = f32::from(times);
    let share = times / (times + K1 * (1.0 - B + B * length / mean.max(1e-6)));
    (share * STEPS) as u16
}

#[cfg(test)]
mod tests;
