//! A ticket as terms: stems, and neighbours as pairs, with how often they stand there. Called by the index and by who asks it.

use super::super::learner::text::{Words, stem_into};
use super::super::learner::word_hash;

/// The hash of a stem or of a pair.
pub type Term = u64;

/// A word in the subject says more than one in the body.
const SUBJECT_TIMES: u16 = 3;

/// One text's terms; keep it and nothing is allocated for the next text.
#[derive(Debug, Default)]
pub struct Terms {
    words: Words,
    stem: String,
    stems: Vec<u64>,
    /// Sorted by term, each once.
    counts: Vec<(Term, u16)>,
    length: f32,
}

impl Terms {
    pub fn read(&mut self, subject: &str, body: &str) {
        self.counts.clear();
        self.length = 0.0;
        for (text, times) in [(subject, SUBJECT_TIMES), (body, 1)] {
            self.words.read(text);
            self.stems.clear();
            for word in self.words.iter() {
                stem_into(word, &mut self.stem);
                self.stems.push(word_hash(&self.stem));
            }
            self.length += self.stems.len() as f32 * f32::from(times);
            self.counts.extend(self.stems.iter().map(|stem| (*stem, times)));
            let pair = |pair: &[u64]| pair[0].rotate_left(17).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ pair[1];
            self.counts.extend(self.stems.windows(2).map(|two| (pair(two), times)));
        }
        self.counts.sort_unstable_by_key(|(term, _)| *term);
        self.counts.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 = kept.1.saturating_add(if same { next.1 } else { 0 });
            same
        });
    }

    pub fn counts(&self) -> impl Iterator<Item = (Term, u16)> {
        self.counts.iter().copied()
    }

    /// In words, those of the subject counted as often as they weigh.
    pub fn length(&self) -> f32 {
        self.length
    }

    pub fn fingerprint(&self) -> u64 {
        let mix = |sum: u64, (term, _): &(Term, u16)| (sum ^ term).wrapping_mul(0x0000_0100_0000_01b3);
        self.counts.iter().fold(0xcbf2_9ce4_8422_2325, mix)
    }
}
