//! What people have confirmed or corrected: the features of each text (never the text) with its category, for the refit.
//! Bounded in bytes: the largest category gives up its oldest examples first. Called by the learner.

use std::sync::Arc;

use super::features::Feature;

/// The text belonged to no category.
pub const FOREIGN: u32 = u32::MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Which ticket it is about; 0 for none. A ticket that is corrected again has one example, the newest.
    pub ticket: u64,
    /// Its category's place in the list of categories, or [`FOREIGN`].
    pub category: u32,
    pub features: Box<[Feature]>,
}

impl Example {
    pub fn of(&self) -> Option<u32> {
        (self.category != FOREIGN).then_some(self.category)
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + 32 + size_of_val(&*self.features)
    }
}

#[derive(Clone, Debug)]
pub struct Examples {
    rows: Vec<Arc<Example>>,
    bytes: usize,
    limit_bytes: usize,
}

impl Examples {
    pub fn new(limit_bytes: usize) -> Self {
        Self { rows: Vec::new(), bytes: 0, limit_bytes }
    }

    pub fn rows(&self) -> &[Arc<Example>] {
        &self.rows
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn push(&mut self, example: Arc<Example>) {
        if example.ticket != 0
            && let Some(at) = self.rows.iter().position(|row| row.ticket == example.ticket)
        {
            self.bytes -= self.rows.remove(at).bytes();
        }
        self.bytes += example.bytes();
        self.rows.push(example);
        if self.bytes > self.limit_bytes {
            self.shed();
        }
    }

    /// Renames categories: `places` gives each its new place; those without one go.
    pub fn renumber(&mut self, places: impl Fn(u32) -> Option<u32>) {
        self.rows.retain_mut(|row| {
            if row.category == FOREIGN {
                return true;
            }
            let place = places(row.category);
            if let Some(category) = place {
                Arc::make_mut(row).category = category;
            }
            place.is_some()
        });
        self.bytes = self.rows.iter().map(|row| row.bytes()).sum();
    }

    /// Down to nine tenths of the limit, so that it need not be done for each example.
    fn shed(&mut self) {
        let goal = self.limit_bytes / 10 * 9;
        let place = |row: &Arc<Example>| if row.category == FOREIGN { 0 } else { row.category as usize + 1 };
        let categories = self.rows.iter().map(place).max().unwrap_or(0) + 1;
        let mut counts = vec![0usize; categories];
        for row in &self.rows {
            counts[place(row)] += 1;
        }
        let mean = self.bytes / self.rows.len().max(1);
        let mut surplus = vec![0usize; categories];
        let mut excess = (self.bytes - goal).div_ceil(mean.max(1));
        while excess > 0 {
            // Level the largest down, a share at a time.
            let Some(largest) = (0..categories).max_by_key(|at| counts[*at]).filter(|at| counts[*at] > 0) else {
                break;
            };
            let step = (counts[largest] / 20).clamp(1, excess);
            counts[largest] -= step;
            surplus[largest] += step;
            excess -= step;
        }
        self.rows.retain(|row| {
            let left = &mut surplus[place(row)];
            let stays = *left == 0;
            *left = left.saturating_sub(1);
            stays
        });
        self.bytes = self.rows.iter().map(|row| row.bytes()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(ticket: u64, category: u32) -> Arc<Example> {
        Arc::new(Example { ticket, category, features: vec![Feature(ticket as u32); 50].into() })
    }

    /// R14: what is remembered is bounded, and a small category is not pushed out by a large one.
    #[test]
    fn r14_the_largest_category_gives_up_its_oldest() {
        let mut examples = Examples::new(20_000);
        for ticket in 1..=5 {
            examples.push(example(ticket, 1));
        }
        for ticket in 6..=2000 {
            examples.push(example(ticket, 0));
            assert!(examples.bytes() <= 20_000);
        }
        let of = |category| examples.rows().iter().filter(|row| row.category == category).count();
        assert_eq!(of(1), 5);
        assert!(of(0) > 60, "{}", of(0));
        assert_eq!(examples.rows().last().map(|row| row.ticket), Some(2000));
    }

    #[test]
    fn a_ticket_has_one_example_and_withdrawn_categories_have_none() {
        let mut examples = Examples::new(20_000);
        examples.push(example(1, 0));
        examples.push(example(2, 1));
        examples.push(example(1, 2));
        examples.renumber(|category| (category != 1).then_some(category + 5));
        let rows: Vec<_> = examples.rows().iter().map(|row| (row.ticket, row.category)).collect();
        assert_eq!(rows, [(1, 7)]);
        assert_eq!(examples.bytes(), examples.rows()[0].bytes());
    }
}
