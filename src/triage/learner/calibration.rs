//! From scores to honest probabilities: how often a guess with these scores was right, and how often such a text belonged to no
//! category at all, both learnt from texts that the classifier had not been shown. Called by the refit and by each prediction.

use serde::{Deserialize, Serialize};

/// What a prediction's scores look like, seen from outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// The best score and its lead over the second.
    pub best: f32,
    pub lead: f32,
    /// The share of the text's weight that lies in known features, 0 to 1.
    pub known: f32,
}

/// The scores' temperature before they are compared as probabilities.
pub const SHARPNESS: f32 = 3.0;
const INPUTS: usize = 4;
/// What holds the weights near their prior, at the least; with so many examples once, and at the most.
const RIDGE: f64 = 0.5;
const HOLD: f64 = 40_000.0;
const MOST_HOLD: f64 = 100.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    right: [f32; INPUTS],
    foreign: [f32; INPUTS],
}

impl Default for Calibration {
    /// Before anything was measured: by the scores alone. As they stand for margins, what they mean is much the same for all desks:
    /// these weights are about those that fit three public collections with few examples each.
    fn default() -> Self {
        Self { right: [-1.0, 0.4, 1.8, 0.0], foreign: [0.0, -2.0, 0.0, 0.0] }
    }
}

/// A text that the classifier had not been shown.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    pub shape: Shape,
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Right,
    Wrong,
    /// It belonged to no category.
    Foreign,
}

impl Calibration {
    /// From trials; the prior stays where there are too few to say anything, and weighs the more the fewer `examples` the classifier
    /// has: one that is held out is missed then. `staged` says that the foreign texts were only played by categories that were
    /// hidden: they tell how scores fall, but share their words with all the others.
    pub fn fit(trials: &[Trial], examples: usize, staged: bool) -> Self {
        let mut fitted = Self::default();
        let asked: Vec<_> = trials.iter().filter(|trial| trial.outcome != Outcome::Foreign).collect();
        if asked.len() >= 20 {
            let rows: Vec<_> =
                asked.iter().map(|trial| (inputs(trial.shape), trial.outcome == Outcome::Right, 1.0)).collect();
            let hold = (HOLD / examples.max(1) as f64).clamp(RIDGE, MOST_HOLD);
            fitted.right = logistic(&rows, fitted.right, hold);
        }
        let foreign = trials.len() - asked.len();
        if foreign >= 10 && asked.len() >= 20 {
            // Both sides weigh the same: how many foreign texts will come nobody knows.
            let share = asked.len() as f32 / foreign as f32;
            let rows: Vec<_> = trials
                .iter()
                .map(|trial| (inputs(trial.shape), trial.outcome == Outcome::Foreign))
                .map(|(x, foreign)| (if staged { [x[0], x[1], 0.0, 0.0] } else { x }, foreign))
                .map(|(x, foreign)| (x, foreign, if foreign { share } else { 1.0 }))
                .collect();
            fitted.foreign = logistic(&rows, fitted.foreign, RIDGE);
        }
        fitted
    }

    /// One more guess whose outcome is known: a small step towards it, so that the confidence follows a desk that changes.
    pub fn observe(&mut self, shape: Shape, right: bool) {
        const RATE: f32 = 0.02;
        let error = f32::from(u8::from(right)) - self.right(shape);
        for (weight, input) in self.right.iter_mut().zip(inputs(shape)) {
            *weight += RATE * error * input;
        }
    }

    /// How probably the best guess is right, given that the text belongs to some category.
    pub fn right(&self, shape: Shape) -> f32 {
        sigmoid(dot(&self.right, &inputs(shape)))
    }

    /// How probably the text belongs to no category.
    pub fn foreign(&self, shape: Shape) -> f32 {
        sigmoid(dot(&self.foreign, &inputs(shape)))
    }
}

fn inputs(shape: Shape) -> [f32; INPUTS] {
    [1.0, shape.best, shape.lead, shape.known]
}

fn dot(weights: &[f32; INPUTS], inputs: &[f32; INPUTS]) -> f32 {
    weights.iter().zip(inputs).map(|(weight, input)| weight * input).sum()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Logistic regression by Newton's method, held near `prior` by `ridge`. A step that would lead uphill is halved until it does not.
fn logistic(rows: &[([f32; INPUTS], bool, f32)], prior: [f32; INPUTS], ridge: f64) -> [f32; INPUTS] {
    let prior = prior.map(f64::from);
    let mut weights = prior;
    let mut loss = loss_of(rows, &weights, &prior, ridge);
    for _ in 0..25 {
        let mut gradient = [0.0f64; INPUTS];
        let mut curvature = [[0.0f64; INPUTS]; INPUTS];
        for (inputs, is, share) in rows {
            let x = inputs.map(f64::from);
            let share = f64::from(*share);
            let p = 1.0 / (1.0 + (-weights.iter().zip(&x).map(|(w, x)| w * x).sum::<f64>()).exp());
            let error = (f64::from(u8::from(*is)) - p) * share;
            let bend = p * (1.0 - p) * share;
            for i in 0..INPUTS {
                gradient[i] += error * x[i];
                for j in 0..INPUTS {
                    curvature[i][j] += bend * x[i] * x[j];
                }
            }
        }
        for i in 0..INPUTS {
            gradient[i] -= ridge * (weights[i] - prior[i]);
            curvature[i][i] += ridge;
        }
        let step = solve(curvature, gradient);
        let mut halved = (0..12).map(|times| {
            let there: [f64; INPUTS] = std::array::from_fn(|at| weights[at] + step[at] / f64::from(1 << times));
            (loss_of(rows, &there, &prior, ridge), there)
        });
        let Some((lower, there)) = halved.find(|(there, _)| *there < loss) else { break };
        let won = loss - lower;
        (weights, loss) = (there, lower);
        if won < 1e-9 * loss.max(1.0) {
            break;
        }
    }
    weights.map(|weight| weight as f32)
}

fn loss_of(rows: &[([f32; INPUTS], bool, f32)], weights: &[f64; INPUTS], prior: &[f64; INPUTS], ridge: f64) -> f64 {
    let of_row = |(inputs, is, share): &([f32; INPUTS], bool, f32)| {
        let score: f64 = weights.iter().zip(inputs).map(|(weight, input)| weight * f64::from(*input)).sum();
        let against = if *is { -score } else { score };
        f64::from(*share) * (against.max(0.0) + (-against.abs()).exp().ln_1p())
    };
    let held: f64 = weights.iter().zip(prior).map(|(weight, prior)| (weight - prior).powi(2)).sum();
    rows.iter().map(of_row).sum::<f64>() + ridge / 2.0 * held
}

/// Gauss's elimination; the ridge keeps the pivots away from zero.
fn solve(mut a: [[f64; INPUTS]; INPUTS], mut b: [f64; INPUTS]) -> [f64; INPUTS] {
    for i in 0..INPUTS {
        let best = (i..INPUTS).max_by(|x, y| a[*x][i].abs().total_cmp(&a[*y][i].abs())).unwrap_or(i);
        a.swap(i, best);
        b.swap(i, best);
        for j in i + 1..INPUTS {
            let factor = a[j][i] / a[i][i];
            let upper = a[i];
            for (below, above) in a[j].iter_mut().zip(upper).skip(i) {
                *below -= factor * above;
            }
            b[j] -= factor * b[i];
        }
    }
    for i in (0..INPUTS).rev() {
        let known: f64 = (i + 1..INPUTS).map(|j| a[i][j] * b[j]).sum();
        b[i] = (b[i] - known) / a[i][i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trials() -> Vec<Trial> {
        let mut random = fastrand::Rng::with_seed(5);
        let mut trial = || {
            let best = random.f32() * 2.0 - 1.0;
            let shape = Shape { best, lead: random.f32(), known: random.f32() };
            let outcome = if random.f32() < sigmoid(-1.0 - 3.0 * best) {
                Outcome::Foreign
            } else if random.f32() < sigmoid(2.5 * shape.lead - 1.0 + best) {
                Outcome::Right
            } else {
                Outcome::Wrong
            };
            Trial { shape, outcome }
        };
        (0..20_000).map(|_| trial()).collect()
    }

    /// R13: of the guesses that are called 70 % sure, about 70 % are right.
    #[test]
    fn r13_confidence_is_how_often_it_is_right() {
        let trials = trials();
        let fitted = Calibration::fit(&trials, trials.len(), false);
        for bin in 3..10 {
            let (low, high) = (bin as f32 / 10.0, (bin + 1) as f32 / 10.0);
            let asked = trials.iter().filter(|trial| trial.outcome != Outcome::Foreign);
            let these: Vec<_> = asked.filter(|t| (low..high).contains(&fitted.right(t.shape))).collect();
            if these.len() < 500 {
                continue;
            }
            let right = these.iter().filter(|trial| trial.outcome == Outcome::Right).count() as f32;
            let said = these.iter().map(|trial| fitted.right(trial.shape)).sum::<f32>();
            assert!(
                (right - said).abs() / (these.len() as f32) < 0.04,
                "{low}: {right} of {}, said {said}",
                these.len()
            );
        }
    }

    #[test]
    fn foreign_texts_are_told_by_their_scores() {
        let fitted = Calibration::fit(&trials(), 20_000, false);
        let shape = |best| Shape { best, lead: 0.5, known: 0.5 };
        assert!(fitted.foreign(shape(-0.9)) > 0.6 && fitted.foreign(shape(0.9)) < 0.2);
    }

    /// R13: with few examples the prior is heard, with many it is not.
    #[test]
    fn r13_few_examples_stay_near_the_prior() {
        let trials = &trials()[..400];
        let before = Calibration::default();
        let far = |examples| {
            let fitted = Calibration::fit(trials, examples, false);
            fitted.right.iter().zip(before.right).map(|(one, other)| (one - other).powi(2)).sum::<f32>()
        };
        assert!(far(400) < far(10_000) && far(10_000) < far(1_000_000), "{} {}", far(400), far(10_000));
    }

    /// Scores of any size are fitted: a step too far is taken back.
    #[test]
    fn large_scores_do_not_throw_the_fit_off() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut trial = || {
            let best = random.f32() * 60.0 - 10.0;
            let right = random.f32() < sigmoid(best / 4.0 - 2.0);
            let shape = Shape { best, lead: random.f32() * 20.0, known: 1.0 };
            Trial { shape, outcome: if right { Outcome::Right } else { Outcome::Wrong } }
        };
        let trials: Vec<Trial> = (0..2000).map(|_| trial()).collect();
        let fitted = Calibration::fit(&trials, 2000, false);
        let at = |best| fitted.right(Shape { best, lead: 10.0, known: 1.0 });
        assert!((at(8.0) - 0.5).abs() < 0.1 && at(40.0) > 0.95 && at(-10.0) < 0.1, "{fitted:?}");
    }

    #[test]
    fn a_few_trials_change_nothing() {
        assert_eq!(Calibration::fit(&trials()[..10], 10, false), Calibration::default());
    }
}
