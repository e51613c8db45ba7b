//! A new model out of all examples: chooses the features that get weights, solves in three ways, adds up the solutions, and
//! measures on examples that were held out how sure its guesses may be.
//!
//! It takes what it needs by value and gives a model back: the desk goes on with the old one meanwhile.

use std::sync::Arc;

use super::calibration::{Calibration, Outcome, Trial};
use super::examples::{Example, FOREIGN};
use super::features::Feature;
use super::matrix::LANES;
use super::model::{Model, Scratch};
use super::solve::{Problem, bayes, logistic, squared_hinge};
use super::vocabulary::{NO_ROW, Vocabulary};
use super::weights::Weights;

/// How the refit is done. The defaults are those that the desk uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RefitSettings {
    /// How often each example is gone through by each of the two solvers that go through them.
    pub passes: u32,
    pub seed: u64,
    /// The bound on the weights.
    pub weight_bytes: usize,
    /// The bound on known features.
    pub features: usize,
}

impl Default for RefitSettings {
    fn default() -> Self {
        Self { passes: 8, seed: 1, weight_bytes: 8 << 20, features: 196_608 }
    }
}

impl RefitSettings {
    pub fn row_limit(&self, categories: usize) -> usize {
        self.weight_bytes / (categories.max(1).div_ceil(LANES) * LANES * size_of::<i16>())
    }
}

/// The weight of the logistic solution beside that of the squared hinge: the one knows better what belongs to no category, the
/// other what to which.
const LOGISTIC_SHARE: f32 = 0.2;
/// That of naive Bayes.
const BAYES_SHARE: f32 = 0.3;
/// Below this many examples each takes its turn at being held out; above, every seventh is enough.
const FEW: usize = 3000;

/// `seeds` are examples made of the categories' names and descriptions; they are never held out.
pub fn refit(examples: &[Arc<Example>], seeds: &[Arc<Example>], categories: usize, settings: RefitSettings) -> Model {
    let (mut model, kept) = choose(examples, seeds, categories, settings);
    let mut scratch = Scratch::default();
    let all = || examples.iter().chain(seeds);
    let entries = all().map(|example| example.features.len()).sum();
    let mut problem = Problem::new(categories, kept, entries);
    for example in all() {
        let sparse = model.sparse(&example.features, &mut scratch);
        problem.push(&sparse, example.of());
    }
    let staged = !examples.iter().any(|example| example.category == FOREIGN);
    let trials = trials(&mut model, examples, &problem, (staged, settings), &mut scratch);
    model.calibration = Calibration::fit(&trials, examples.len(), staged);
    model.weights = Weights::new(categories);
    let everything: Vec<u32> = (0..problem.len() as u32).collect();
    model.weights = solve(&problem, &everything, settings.passes, settings.seed);
    model
}

/// The vocabulary with its counts, and a row for each feature that is worth one.
fn choose(
    examples: &[Arc<Example>],
    seeds: &[Arc<Example>],
    categories: usize,
    settings: RefitSettings,
) -> (Model, usize) {
    let mut counted = Vocabulary::new(usize::MAX);
    for (at, example) in examples.iter().chain(seeds).enumerate() {
        for feature in &example.features {
            counted.count(*feature, at as u32 + 1);
        }
    }
    let row_limit = settings.row_limit(categories);
    let mut known: Vec<(u32, Feature)> = counted.entries().map(|entry| (entry.texts, entry.feature)).collect();
    drop(counted);
    // The most frequent first; among equals the order of their hashes, so that the same examples give the same model.
    known.sort_unstable_by(|one, other| other.cmp(one));
    // A quarter stays free for what will be new until the next refit.
    let rows = row_limit / 4 * 3;
    let once = known.partition_point(|(texts, _)| *texts > 1);
    let kept = if known.len() <= rows { known.len() } else { once.min(rows) };
    let mut model = Model::new(categories, settings.features, row_limit);
    for (row, (texts, feature)) in known.iter().take(settings.features / 4 * 3).enumerate() {
        let row = if row < kept { row as u32 } else { NO_ROW };
        model.vocabulary.insert(*feature, row, *texts);
    }
    model.texts = (examples.len() + seeds.len()) as u32;
    (model, kept)
}

fn solve(problem: &Problem, rows: &[u32], passes: u32, seed: u64) -> Weights {
    // One after the other into 16 bits: they are the largest things here.
    let weights = Weights::from(&logistic(problem, rows, passes, seed));
    let weights = weights.blended(LOGISTIC_SHARE, &squared_hinge(problem, rows, passes, seed), 1.0);
    weights.blended(1.0, &bayes(problem, rows), BAYES_SHARE)
}

/// What the classifier makes of examples that it was not shown.
fn trials(
    model: &mut Model,
    examples: &[Arc<Example>],
    problem: &Problem,
    (staged, settings): (bool, RefitSettings),
    scratch: &mut Scratch,
) -> Vec<Trial> {
    let count = examples.len();
    if count < 20 {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..count).collect();
    fastrand::Rng::with_seed(settings.seed).shuffle(&mut order);
    let folds = if count <= FEW { 8 } else { 7 };
    let turns = if count <= FEW { folds } else { 1 };
    let categories = model.weights.columns();
    let mut trials = Vec::new();
    for turn in 0..turns {
        let mut held = vec![false; problem.len()];
        // Of each category the same share: one that misses more of its examples than the others would look weaker than it is.
        let mut met = vec![0usize; categories + 1];
        for at in &order {
            let met = &mut met[problem.category(*at).map_or(categories, |category| category as usize)];
            held[*at] = *met % folds == turn;
            *met += 1;
        }
        if !held.contains(&true) {
            break;
        }
        // Without examples of foreign texts some categories play them: what is theirs is not shown at all.
        let absent = |category: u32| staged && categories >= 8 && category as usize % folds.max(8) == turn;
        let category = |at: usize| problem.category(at);
        let shown: Vec<u32> = (0..problem.len())
            .filter(|at| !held[*at] && !category(*at).is_some_and(absent))
            .map(|at| at as u32)
            .collect();
        model.weights = Weights::new(categories);
        model.weights = solve(problem, &shown, settings.passes, settings.seed);
        for at in (0..count).filter(|at| held[*at]) {
            let shape = model.score(&examples[at].features, scratch);
            let scores = &scratch.scores()[..categories];
            let outcome = match category(at) {
                None => Outcome::Foreign,
                Some(category) if absent(category) => Outcome::Foreign,
                Some(category) if scores[category as usize] >= shape.best => Outcome::Right,
                Some(_) => Outcome::Wrong,
            };
            trials.push(Trial { shape, outcome });
        }
    }
    trials
}
