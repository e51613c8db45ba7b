//! Which features are known, how many texts had them (running), and which row of weights is theirs. Bounded: when it is full,
//! new features wait for the next refit. Called by the model and by the refit.

use super::features::Feature;

/// No row of its own.
pub const NO_ROW: u32 = u32::MAX;

/// One feature; 16 bytes, so that a look-up touches one cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub feature: Feature,
    pub row: u32,
    /// Texts that had it; 0 marks a free place.
    pub texts: u32,
    /// The last text that had it, so that one text counts once.
    last: u32,
}

const FREE: Entry = Entry { feature: Feature(0), row: NO_ROW, texts: 0, last: 0 };

/// Open addressing with linear probing over a power of two; never more than three quarters full.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    places: Vec<Entry>,
    len: usize,
    limit: usize,
}

impl Vocabulary {
    /// Holds `limit` features at the most and starts small.
    pub fn new(limit: usize) -> Self {
        Self { places: vec![FREE; 1024], len: 0, limit }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn limit(&self) -> usize {
        self.limit
    }

    pub fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<Entry>()
    }

    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.places.iter().filter(|entry| entry.texts > 0)
    }

    pub fn get(&self, feature: Feature) -> Option<&Entry> {
        let entry = &self.places[self.place(feature)];
        (entry.texts > 0).then_some(entry)
    }

    /// Counts a feature of text number `text` (from 1); `None` when the vocabulary is full.
    pub fn count(&mut self, feature: Feature, text: u32) -> Option<&mut Entry> {
        let mut place = self.place(feature);
        if self.places[place].texts == 0 {
            if self.len >= self.limit {
                return None;
            }
            if (self.len + 1) * 4 > self.places.len() * 3 {
                self.grow();
                place = self.place(feature);
            }
            self.len += 1;
            self.places[place] = Entry { feature, row: NO_ROW, texts: 1, last: text };
        } else if self.places[place].last != text {
            self.places[place].texts += 1;
            self.places[place].last = text;
        }
        Some(&mut self.places[place])
    }

    /// Puts a feature in as it was, for a vocabulary that is built anew or read from disk.
    pub fn insert(&mut self, feature: Feature, row: u32, texts: u32) {
        debug_assert!(texts > 0, "a feature that no text had");
        if (self.len + 1) * 4 > self.places.len() * 3 {
            self.grow();
        }
        let place = self.place(feature);
        if self.places[place].texts == 0 {
            self.len += 1;
        }
        self.places[place] = Entry { feature, row, texts, last: 0 };
    }

    fn place(&self, feature: Feature) -> usize {
        let mask = self.places.len() - 1;
        // The low bits are the kind; a multiplication spreads what is above them.
        let mut place = (feature.0.wrapping_mul(0x9e37_79b1) >> 8) as usize & mask;
        while self.places[place].texts > 0 && self.places[place].feature != feature {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) {
        let larger = vec![FREE; self.places.len() * 2];
        let old = std::mem::replace(&mut self.places, larger);
        for entry in old.into_iter().filter(|entry| entry.texts > 0) {
            let place = self.place(entry.feature);
            self.places[place] = entry;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{HashMap, HashSet};

    #[test]
    fn a_full_vocabulary_keeps_what_it_has() {
        let mut vocabulary = Vocabulary::new(2);
        assert!(vocabulary.count(Feature(8), 1).is_some() && vocabulary.count(Feature(16), 1).is_some());
        assert!(vocabulary.count(Feature(24), 1).is_none());
        assert_eq!(vocabulary.count(Feature(8), 2).map(|entry| entry.texts), Some(2));
    }

    proptest! {
        #[test]
        fn it_counts_texts_like_a_map(texts in prop::collection::vec(prop::collection::vec(0u32..3000, 0..200), 0..20)) {
            let mut vocabulary = Vocabulary::new(10_000);
            let mut expected: HashMap<u32, HashSet<usize>> = HashMap::new();
            for (at, text) in texts.iter().enumerate() {
                for feature in text {
                    vocabulary.count(Feature(*feature), at as u32 + 1);
                    expected.entry(*feature).or_default().insert(at);
                }
            }
            prop_assert_eq!(vocabulary.len(), expected.len());
            prop_assert_eq!(vocabulary.entries().count(), expected.len());
            for (feature, texts) in expected {
                prop_assert_eq!(vocabulary.get(Feature(feature)).map(|entry| entry.texts as usize), Some(texts.len()));
            }
        }
    }
}
