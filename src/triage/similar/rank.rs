//! The order of the candidates: likeness of the words, what the classifier thinks, and a rule that keeps the answer from being
//! the same thing five times.

use super::super::learner::Prediction;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    pub id: u64,
    pub category: Option<u32>,
    pub fingerprint: u64,
    /// 0 to 1, the best candidate's is 1.
    pub likeness: f32,
    pub score: f32,
}

/// One ticket that resembles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    pub id: u64,
    /// BM25 of the words; comparable within one index only.
    pub score: f32,
    pub category: Option<u32>,
}

/// How much the classifier's opinion counts beside the likeness of the words.
const OPINION: f32 = 2.0;
/// So many of the first five may be of one category, as long as there are others.
const SAME_CATEGORY: usize = 3;

/// Without a prediction by likeness alone; with one, by likeness and the probability of the candidate's category. The same text
/// comes once, and after [`SAME_CATEGORY`] hits of one category the others have their turn.
pub fn order(mut candidates: Vec<Candidate>, prediction: Option<&Prediction>, count: usize) -> Vec<Hit> {
    if let Some(prediction) = prediction {
        let opinion = |candidate: &Candidate| {
            let of = |category| prediction.ranking.iter().find(|(place, _)| *place == category);
            candidate.category.and_then(of).map_or(0.0, |(_, probability)| *probability)
        };
        let value = |candidate: &Candidate| candidate.likeness + OPINION * opinion(candidate);
        candidates.sort_by(|one, other| value(other).total_cmp(&value(one)));
    }
    let mut hits: Vec<Hit> = Vec::new();
    let mut taken: Vec<u64> = Vec::new();
    let mut later = Vec::new();
    for candidate in candidates {
        if taken.contains(&candidate.fingerprint) {
            continue;
        }
        taken.push(candidate.fingerprint);
        let hit = Hit { id: candidate.id, score: candidate.score, category: candidate.category };
        let same = |other: &&Hit| hit.category.is_some() && other.category == hit.category;
        if prediction.is_some() && hits.iter().filter(same).count() >= SAME_CATEGORY {
            later.push(hit);
        } else {
            hits.push(hit);
        }
        if hits.len() == count {
            return hits;
        }
    }
    hits.extend(later);
    hits.truncate(count);
    hits
}
