//! What the classifier sees of a text: hashed words and their sequences, character n-grams, groups of the lexicon and their
//! pairs. Stable: the same text gives the same numbers on every machine and in every release, as they are kept on disk.
//!
//! It knows no weights. Called by the model for each prediction, so it does not allocate once its buffers have grown.

use std::collections::HashMap;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::lexicon::{Lexicon, PassThrough};
use super::text::{Words, stem_into};

/// Features beyond this are not looked at, which bounds what a text can cost.
pub const MAX_FEATURES: usize = 2048;

/// A hash of 29 bits with the kind in the low three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Feature(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Word = 0,
    Bigram = 1,
    Trigram = 2,
    Skip = 3,
    Characters = 4,
    Group = 5,
    Pair = 6,
}

/// Kinds that are brought to one length together.
pub const BLOCKS: usize = 3;
/// By `Kind as usize`.
const BLOCK: [u8; 8] = [0, 0, 0, 0, 1, 2, 2, 2];
/// Longer sequences are rarer and would outweigh the words that they are made of.
const SHARE: [f32; 8] = [1.0, 0.8, 0.6, 0.6, 1.0, 1.0, 0.6, 1.0];

impl Feature {
    fn new(hash: u64, kind: Kind) -> Self {
        Self((hash >> 32) as u32 & !7 | kind as u32)
    }

    pub fn block(self) -> usize {
        usize::from(BLOCK[(self.0 & 7) as usize])
    }

    pub fn share(self) -> f32 {
        SHARE[(self.0 & 7) as usize]
    }
}

/// The hash of a word or stem.
pub fn word_hash(word: &str) -> u64 {
    xxh3_64(word.as_bytes())
}

const START: u64 = 0x5bd1_e995_9d1c_3b07;
const END: u64 = 0x27d4_eb2f_1656_67c5;
/// How far two content words may be apart to be a pair.
const PAIR_REACH: usize = 4;

/// Words whose features are kept ready; more than this and the reader forgets them all and begins again.
const KEPT_WORDS: usize = 8192;

/// Buffers for one caller, with the features of the words that it met lately.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    words: Words,
    kept: HashMap<u64, Kept, PassThrough>,
    of_words: Vec<Feature>,
    stem: String,
    padded: String,
    starts: Vec<u32>,
    stems: Vec<u64>,
    content: Vec<u64>,
    found: Vec<Feature>,
}

/// What a word brings by itself.
#[derive(Clone, Copy, Debug)]
struct Kept {
    stem: u64,
    /// What it counts as in pairs: its first group, or its stem; fillers count as nothing.
    content: Option<u64>,
    start: u32,
    end: u32,
}

impl Reader {
    /// The features of `text`, repeats included.
    pub fn read(&mut self, text: &str) -> &[Feature] {
        let mut words = std::mem::take(&mut self.words);
        words.read(text);
        self.stems.clear();
        self.content.clear();
        self.found.clear();
        self.stems.push(START);
        for word in words.iter() {
            let hash = word_hash(word);
            let kept = match self.kept.get(&hash) {
                Some(kept) => *kept,
                None => self.keep(word, hash),
            };
            self.found.extend_from_slice(&self.of_words[kept.start as usize..kept.end as usize]);
            self.stems.push(kept.stem);
            self.content.extend(kept.content);
            if self.found.len() > MAX_FEATURES / 4 * 3 {
                break;
            }
        }
        self.words = words;
        self.stems.push(END);
        self.sequences();
        self.found.truncate(MAX_FEATURES);
        &self.found
    }

    fn sequences(&mut self) {
        let Self { stems, content, found, .. } = self;
        for pair in stems.windows(2) {
            found.push(Feature::new(mix(pair[0], mix(pair[1], 4)), Kind::Bigram));
        }
        for (at, one) in content.iter().enumerate() {
            for other in content[at + 1..].iter().take(PAIR_REACH) {
                found.push(Feature::new(mix(*one.min(other), mix(*one.max(other), 7)), Kind::Pair));
            }
        }
        for three in stems.windows(3) {
            found.push(Feature::new(mix(three[0], mix(three[1], mix(three[2], 5))), Kind::Trigram));
            found.push(Feature::new(mix(three[0], mix(three[2], 6)), Kind::Skip));
        }
    }

    fn keep(&mut self, word: &str, hash: u64) -> Kept {
        if self.kept.len() >= KEPT_WORDS {
            self.kept.clear();
            self.of_words.clear();
        }
        let lexicon = Lexicon::get();
        let start = self.of_words.len() as u32;
        stem_into(word, &mut self.stem);
        let stem = if self.stem == word { hash } else { word_hash(&self.stem) };
        self.of_words.push(Feature::new(mix(stem, 1), Kind::Word));
        if stem != hash {
            self.of_words.push(Feature::new(mix(hash, 2), Kind::Word));
        }
        let content = (!lexicon.is_filler(hash)).then(|| {
            let groups = lexicon.groups(stem);
            let group = |group: u16| mix(u64::from(group) + 1, 3);
            self.of_words.extend(groups.iter().map(|of| Feature::new(group(*of), Kind::Group)));
            groups.first().map_or(stem, |first| group(*first))
        });
        self.characters(word);
        let kept = Kept { stem, content, start, end: self.of_words.len() as u32 };
        self.kept.insert(hash, kept);
        kept
    }

    /// Two to four characters of a word, of which the blank before and behind it are part.
    fn characters(&mut self, word: &str) {
        let Self { padded, starts, of_words, .. } = self;
        padded.clear();
        padded.push(' ');
        padded.push_str(word);
        padded.push(' ');
        starts.clear();
        starts.extend(padded.char_indices().map(|(at, _)| at as u32));
        starts.push(padded.len() as u32);
        for length in 2..=4 {
            for ends in starts.windows(length + 1) {
                let gram = &padded.as_bytes()[ends[0] as usize..ends[length] as usize];
                of_words.push(Feature::new(xxh3_64_with_seed(gram, length as u64), Kind::Characters));
            }
        }
    }
}

/// The finisher of SplitMix64 over two numbers.
fn mix(one: u64, other: u64) -> u64 {
    let mut mixed = one ^ other.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// R12: features are stable: these numbers are on people's disks.
    #[test]
    fn r12_features_never_change() {
        let mut reader = Reader::default();
        let found = reader.read("My card was declined").to_vec();
        let sum = found.iter().fold(0u64, |sum, feature| mix(sum, u64::from(feature.0)));
        assert_eq!((found.len(), sum), (72, 3_502_041_341_266_936_450));
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in ".{0,3000}") {
            let mut reader = Reader::default();
            let first = reader.read(&text).to_vec();
            prop_assert!(first.len() <= MAX_FEATURES);
            prop_assert_eq!(first, reader.read(&text));
        }
    }
}
