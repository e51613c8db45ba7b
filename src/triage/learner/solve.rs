//! The three solvers: squared hinge, one category against the rest, by dual coordinate ascent (Hsieh et al. 2008, all categories
//! at once); softmax by stochastic gradient with a step of its own for each row (Duchi et al. 2011); and naive Bayes, by counting.
//!
//! They see numbers only. Called by the refit.

use super::matrix::Matrix;
use super::model::SOFTNESS;

/// Texts as sparse rows.
#[derive(Clone, Debug)]
pub struct Problem {
    columns: usize,
    rows: usize,
    entries: Vec<(u32, f32)>,
    ends: Vec<usize>,
    /// Squared lengths, repeats of a feature added up first.
    squares: Vec<f32>,
    categories: Vec<Option<u32>>,
}

impl Problem {
    /// `entries` is how many entries will come at the most: growing would take twice the memory.
    pub fn new(columns: usize, rows: usize, entries: usize) -> Self {
        let entries = Vec::with_capacity(entries);
        Self { columns, rows, entries, ends: vec![0], squares: Vec::new(), categories: Vec::new() }
    }

    /// `None` as category: the text belongs to none.
    pub fn push(&mut self, sparse: &[(u32, f32)], category: Option<u32>) {
        let start = self.entries.len();
        self.entries.extend_from_slice(sparse);
        self.entries[start..].sort_unstable_by_key(|(row, _)| *row);
        // Repeats become one entry.
        let mut end = start;
        for at in start..self.entries.len() {
            let entry = self.entries[at];
            if end > start && self.entries[end - 1].0 == entry.0 {
                self.entries[end - 1].1 += entry.1;
            } else {
                self.entries[end] = entry;
                end += 1;
            }
        }
        self.entries.truncate(end);
        self.squares.push(self.entries[start..].iter().map(|(_, value)| value * value).sum());
        self.ends.push(end);
        self.categories.push(category);
    }

    pub fn len(&self) -> usize {
        self.categories.len()
    }

    pub fn category(&self, at: usize) -> Option<u32> {
        self.categories[at]
    }

    fn sparse(&self, at: usize) -> &[(u32, f32)] {
        &self.entries[self.ends[at]..self.ends[at + 1]]
    }
}

/// Minimises `½‖w‖² + 1/(2·SOFTNESS)·Σ max(0, 1 − y·w·x)²` for each column over the texts in `shown`.
pub fn squared_hinge(problem: &Problem, shown: &[u32], passes: u32, seed: u64) -> Matrix {
    let mut weights = Matrix::new(problem.columns, problem.rows);
    let stride = weights.stride();
    let mut duals = vec![0.0f32; problem.len() * stride];
    let mut scores = vec![0.0; stride];
    let mut step = vec![0.0; stride];
    let mut signs = vec![-1.0f32; stride];
    let mut order = shown.to_vec();
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..passes {
        random.shuffle(&mut order);
        for at in &order {
            let at = *at as usize;
            let sparse = problem.sparse(at);
            weights.scores(sparse, &mut scores);
            if let Some(category) = problem.categories[at] {
                signs[category as usize] = 1.0;
            }
            let rate = 1.0 / (problem.squares[at] + SOFTNESS);
            let duals = &mut duals[at * stride..(at + 1) * stride];
            for (((step, dual), score), sign) in step.iter_mut().zip(duals).zip(&scores).zip(&signs) {
                let moved = (*dual - (sign * score - 1.0 + SOFTNESS * *dual) * rate).max(0.0);
                *step = (moved - *dual) * sign;
                *dual = moved;
            }
            if let Some(category) = problem.categories[at] {
                signs[category as usize] = -1.0;
            }
            step[problem.columns..].fill(0.0);
            weights.add(sparse, &step);
        }
    }
    weights
}

const RATE: f32 = 0.5;
/// The share of a text's features that are hidden each time it is shown, so that the weights do not lean on a few.
const HIDDEN: f32 = 0.3;

/// Softmax regression; a text of no category pulls towards all of them being equally improbable.
pub fn logistic(problem: &Problem, shown: &[u32], passes: u32, seed: u64) -> Matrix {
    let mut weights = Matrix::new(problem.columns, problem.rows);
    let columns = problem.columns;
    let mut slopes = vec![1e-4f32; problem.rows];
    let mut scores = vec![0.0; weights.stride()];
    let mut seen = Vec::new();
    let mut order = shown.to_vec();
    let mut random = fastrand::Rng::with_seed(seed);
    let total = (order.len() * passes as usize) as f32;
    let mut done = 0.0;
    for _ in 0..passes {
        random.shuffle(&mut order);
        for at in &order {
            let at = *at as usize;
            let rate = RATE * (1.0 - done / total);
            done += 1.0;
            seen.clear();
            let hide = |_: &&(u32, f32)| random.f32() >= HIDDEN;
            seen.extend(problem.sparse(at).iter().filter(hide).map(|(row, value)| (*row, value / (1.0 - HIDDEN))));
            weights.scores(&seen, &mut scores);
            softmax(&mut scores[..columns]);
            scores[columns..].fill(0.0);
            match problem.categories[at] {
                Some(category) => scores[category as usize] -= 1.0,
                None => scores[..columns].iter_mut().for_each(|p| *p -= 1.0 / columns as f32),
            }
            let slope: f32 = scores.iter().map(|score| score * score).sum();
            if slope < 1e-9 {
                continue;
            }
            for (row, value) in &mut seen {
                let slopes = &mut slopes[*row as usize];
                *slopes += slope * *value * *value;
                *value *= -rate / slopes.sqrt();
            }
            weights.add(&seen, &scores);
        }
    }
    weights
}

/// What each category is thought to have of each feature before anything is counted, and of all features together.
const BEFORE: f32 = 0.1;
const BEFORE_ALL: f32 = 1000.0;

/// Naive Bayes: the logarithm of each feature's share in each category, less its mean over the categories, brought to a root mean
/// square of 1 over the texts' scores. It looks at each feature by itself, so it errs elsewhere than the other two.
pub fn bayes(problem: &Problem, shown: &[u32]) -> Matrix {
    let mut weights = Matrix::new(problem.columns, problem.rows);
    let (columns, stride) = (problem.columns, weights.stride());
    let mut totals = vec![0.0f32; columns];
    let categories = |at: &u32| Some((*at as usize, problem.categories[*at as usize]? as usize));
    for (at, category) in shown.iter().filter_map(categories) {
        for (row, value) in problem.sparse(at) {
            weights.weights_mut()[*row as usize * stride + category] += value;
            totals[category] += value;
        }
    }
    let all: Vec<f32> = totals.iter().map(|total| (total + BEFORE_ALL).ln()).collect();
    for row in weights.weights_mut().chunks_exact_mut(stride.max(1)) {
        let row = &mut row[..columns];
        if row.iter().all(|value| *value <= 0.0) {
            continue;
        }
        for (value, all) in row.iter_mut().zip(&all) {
            *value = (*value + BEFORE).ln() - all;
        }
        let mean = row.iter().sum::<f32>() / columns as f32;
        for value in row.iter_mut() {
            *value -= mean;
        }
    }
    let mut scores = vec![0.0; stride];
    let (mut squares, mut count) = (0.0f64, 0usize);
    for at in shown.iter().step_by(SAMPLED) {
        weights.scores(problem.sparse(*at as usize), &mut scores);
        squares += scores[..columns].iter().map(|score| f64::from(score * score)).sum::<f64>();
        count += columns;
    }
    let size = (squares / count.max(1) as f64).sqrt() as f32;
    if size > 0.0 {
        weights.weights_mut().iter_mut().for_each(|weight| *weight /= size);
    }
    weights
}

/// Every so many texts are enough to know how large the scores are.
const SAMPLED: usize = 20;

fn softmax(scores: &mut [f32]) {
    let best = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - best).exp();
        total += *score;
    }
    for score in scores {
        *score /= total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three texts, two rows, two columns; the optimum is found by hand from the conditions of Karush, Kuhn and Tucker.
    #[test]
    fn the_hinge_finds_the_optimum() {
        let mut problem = Problem::new(1, 1, 2);
        problem.push(&[(0, 1.0)], Some(0));
        problem.push(&[(0, -1.0)], None);
        let weights = squared_hinge(&problem, &[0, 1], 100, 1);
        // ½w² + 2·(1 − w)² is least at w = 4/5.
        assert!((weights.weights()[0] - 0.8).abs() < 1e-3, "{}", weights.weights()[0]);
    }

    /// Nothing is divided by nothing: one category alone, texts of no category, features that nobody has.
    #[test]
    fn counting_little_gives_zeros() {
        let mut problem = Problem::new(1, 2, 4);
        problem.push(&[(0, 1.0)], Some(0));
        problem.push(&[(0, 1.0)], None);
        for shown in [&[0, 1][..], &[1], &[]] {
            assert!(bayes(&problem, shown).weights().iter().all(|weight| weight.abs() < 1e-9));
        }
    }

    #[test]
    fn all_separate_what_can_be_separated() {
        let mut problem = Problem::new(2, 2, 30);
        for _ in 0..10 {
            problem.push(&[(0, 0.6), (0, 0.4)], Some(0));
            problem.push(&[(1, 1.0)], Some(1));
        }
        let shown: Vec<u32> = (0..20).collect();
        let solved = [squared_hinge(&problem, &shown, 5, 1), logistic(&problem, &shown, 5, 1), bayes(&problem, &shown)];
        for weights in solved {
            let mut scores = vec![0.0; weights.stride()];
            for (row, best) in [(0, 0), (1, 1)] {
                weights.scores(&[(row, 1.0)], &mut scores);
                assert!(scores[best] > scores[1 - best] + 0.5, "{scores:?}");
            }
            assert_eq!(weights.weights()[2..8], [0.0; 6]);
        }
        assert_eq!(squared_hinge(&problem, &shown, 5, 3), squared_hinge(&problem, &shown, 5, 3));
    }
}
