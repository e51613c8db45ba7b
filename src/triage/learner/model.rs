//! One classifier: vocabulary, weights, calibration. It predicts, and it learns from one text at a time.
//!
//! It keeps no examples and knows no names of categories. Called by the learner, and made anew by the refit.

use super::calibration::{Calibration, SHARPNESS, Shape};
use super::features::{BLOCKS, Feature};
use super::vocabulary::{Entry, NO_ROW, Vocabulary};
use super::weights::Weights;

/// How long the vector of each block of features is: words, characters, lexicon.
const LENGTHS: [f32; BLOCKS] = [1.0, 1.3, 0.7];
/// The softness of one correction: with 0 the example is right with a margin of 1 at once (passive-aggressive II).
pub const SOFTNESS: f32 = 0.5;

#[derive(Clone, Debug)]
pub struct Model {
    pub(super) vocabulary: Vocabulary,
    pub(super) weights: Weights,
    pub(super) calibration: Calibration,
    /// Texts that the vocabulary has counted.
    pub(super) texts: u32,
    pub(super) row_limit: usize,
}

/// Buffers for one caller of [`Model::predict`] and [`Model::learn`].
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    sparse: Vec<(u32, f32)>,
    blocks: Vec<u8>,
    scores: Vec<f32>,
    step: Vec<f32>,
}

/// What the model makes of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Categories by their place in the list, the most probable first, with probabilities that sum to 1 over all.
    pub ranking: Vec<(u32, f32)>,
    /// How probably the first one is right, given that the text belongs to some category.
    pub confidence: f32,
    /// How probably the text belongs to no category.
    pub out_of_scope: f32,
}

impl Model {
    /// For `categories` categories, with at most `features` known features and `row_limit` rows of weights.
    pub fn new(categories: usize, features: usize, row_limit: usize) -> Self {
        Self {
            vocabulary: Vocabulary::new(features),
            weights: Weights::new(categories),
            calibration: Calibration::default(),
            texts: 0,
            row_limit,
        }
    }

    pub fn bytes(&self) -> usize {
        self.vocabulary.bytes() + self.weights.bytes()
    }

    /// The `top` most probable categories.
    pub fn predict(&self, features: &[Feature], top: usize, scratch: &mut Scratch) -> Prediction {
        let shape = self.score(features, scratch);
        let categories = self.weights.columns();
        let mut ranking: Vec<(u32, f32)> = Vec::with_capacity(top.min(categories));
        for (place, score) in (0..).zip(&scratch.scores[..categories]) {
            let at = ranking.partition_point(|(_, better)| better >= score);
            if at < top {
                if ranking.len() == top {
                    ranking.pop();
                }
                ranking.insert(at, (place, *score));
            }
        }
        let confidence = if categories > 1 { self.calibration.right(shape) } else { 1.0 };
        let total: f32 =
            scratch.scores[..categories].iter().map(|score| (SHARPNESS * (score - shape.best)).exp()).sum();
        // The best has the measured confidence, the others share what is left in the proportions of their scores.
        let others = (total - 1.0).max(f32::MIN_POSITIVE);
        for (at, (_, score)) in ranking.iter_mut().enumerate() {
            let share = (SHARPNESS * (*score - shape.best)).exp();
            *score = if at == 0 { confidence } else { ((1.0 - confidence) * share / others).min(confidence) };
        }
        Prediction { ranking, confidence, out_of_scope: self.calibration.foreign(shape) }
    }

    /// Scores of all categories, in `scratch.scores`.
    pub(super) fn score(&self, features: &[Feature], scratch: &mut Scratch) -> Shape {
        let known = self.encode(features, scratch);
        self.score_encoded(known, scratch)
    }

    /// As [`Model::score`], of the text that was just encoded.
    fn score_encoded(&self, known: f32, scratch: &mut Scratch) -> Shape {
        scratch.scores.resize(self.weights.stride(), 0.0);
        self.weights.scores(&scratch.sparse, &mut scratch.scores);
        let (mut best, mut second) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        for score in &scratch.scores[..self.weights.columns()] {
            if *score > best {
                second = best;
                best = *score;
            } else if *score > second {
                second = *score;
            }
        }
        let lead = if second.is_finite() { best - second } else { 1.0 };
        Shape { best: if best.is_finite() { best } else { 0.0 }, lead, known }
    }

    /// One correction: counts the features and moves the weights so far that `category` leads by a margin; `None` says that
    /// the text belongs to no category.
    pub fn learn(&mut self, features: &[Feature], category: Option<u32>, scratch: &mut Scratch) {
        let known = self.count(features, scratch);
        let shape = self.score_encoded(known, scratch);
        if let Some(category) = category {
            let right = scratch.scores[category as usize] >= shape.best;
            self.calibration.observe(shape, right);
        }
        self.correct(category, scratch);
    }

    /// Moves the weights for a text that was counted before.
    pub fn rehearse(&mut self, features: &[Feature], category: Option<u32>, scratch: &mut Scratch) {
        self.score(features, scratch);
        self.correct(category, scratch);
    }

    /// Moves the weights for the text that was just scored.
    fn correct(&mut self, category: Option<u32>, scratch: &mut Scratch) {
        let length: f32 = scratch.sparse.iter().map(|(_, value)| value * value).sum();
        let rate = 1.0 / (length + SOFTNESS);
        scratch.step.clear();
        scratch.step.extend(scratch.scores.iter().map(|score| -(1.0 + score).max(0.0) * rate));
        scratch.step[self.weights.columns()..].fill(0.0);
        if let Some(category) = category {
            let category = category as usize;
            assert!(category < self.weights.columns(), "a category that the model does not have");
            scratch.step[category] = (1.0 - scratch.scores[category]).max(0.0) * rate;
        }
        self.weights.add(&scratch.sparse, &scratch.step);
    }

    /// Takes the features into the running counts, gives those that come again a row of weights, and encodes the text by that.
    fn count(&mut self, features: &[Feature], scratch: &mut Scratch) -> f32 {
        self.texts += 1;
        // While there is plenty of room even what was seen once gets a row; later only what comes again.
        let roomy = self.weights.rows() < self.row_limit / 2;
        let Self { vocabulary, weights, texts, row_limit, .. } = self;
        encode(*texts, features, scratch, |feature| {
            let entry = vocabulary.count(feature, *texts)?;
            if entry.row == NO_ROW && (roomy || entry.texts > 1) && weights.rows() < *row_limit {
                entry.row = weights.push_row();
            }
            Some(*entry)
        })
    }

    /// The text as rows of weights and values, each block brought to its length; says which share of it is known.
    fn encode(&self, features: &[Feature], scratch: &mut Scratch) -> f32 {
        encode(self.texts, features, scratch, |feature| self.vocabulary.get(feature).copied())
    }

    /// As [`Model::encode`], into a vector of its own.
    pub(super) fn sparse(&self, features: &[Feature], scratch: &mut Scratch) -> Vec<(u32, f32)> {
        self.encode(features, scratch);
        scratch.sparse.clone()
    }
}

fn encode(
    texts: u32,
    features: &[Feature],
    scratch: &mut Scratch,
    mut entry_of: impl FnMut(Feature) -> Option<Entry>,
) -> f32 {
    let everything = (texts as f32 + 1.0).ln() + 1.0;
    let mut squares = [0.0f32; BLOCKS];
    let mut known = [0.0f32; BLOCKS];
    scratch.sparse.clear();
    scratch.blocks.clear();
    for feature in features {
        let (block, share) = (feature.block(), feature.share());
        let entry = entry_of(*feature);
        let rarity = everything - entry.map_or(0.0, |entry| log_of_count(entry.texts));
        let square = share * share * rarity;
        squares[block] += square;
        if let Some(entry) = entry.filter(|entry| entry.row != NO_ROW) {
            known[block] += square;
            scratch.sparse.push((entry.row, square.sqrt()));
            scratch.blocks.push(block as u8);
        }
    }
    let mut scales = [0.0f32; BLOCKS];
    for (scale, (square, length)) in scales.iter_mut().zip(squares.iter().zip(LENGTHS)) {
        *scale = length / square.max(1e-9).sqrt();
    }
    for ((_, value), block) in scratch.sparse.iter_mut().zip(&scratch.blocks) {
        *value *= scales[usize::from(*block)];
    }
    let share = |block: usize| known[block] / squares[block].max(1e-9);
    (0..BLOCKS).map(share).sum::<f32>() / BLOCKS as f32
}

/// `ln(texts + 1)`, from a table for all that is common.
fn log_of_count(texts: u32) -> f32 {
    const TABLE: usize = 4096;
    static LOGS: std::sync::LazyLock<Vec<f32>> =
        std::sync::LazyLock::new(|| (0..TABLE).map(|texts| (texts as f32 + 1.0).ln()).collect());
    LOGS.get(texts as usize).copied().unwrap_or_else(|| (texts as f32 + 1.0).ln())
}

impl Scratch {
    /// The scores of the last prediction.
    pub(super) fn scores(&self) -> &[f32] {
        &self.scores
    }
}
