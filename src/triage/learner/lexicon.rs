//! Words of the support desk that mean much the same, so that few examples go a long way: `refused` was never seen, but
//! `declined` was. Written by hand, English; texts in other languages are simply not helped. Called by the features.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use smallvec::SmallVec;

use super::features::word_hash;
use super::text::stem_into;

/// Groups that a word belongs to; most words to none or one.
pub type Groups = SmallVec<[u16; 2]>;

#[derive(Debug)]
pub struct Lexicon {
    groups: HashMap<u64, Groups, PassThrough>,
    fillers: HashSet<u64, PassThrough>,
}

impl Lexicon {
    pub fn get() -> &'static Self {
        static LEXICON: OnceLock<Lexicon> = OnceLock::new();
        LEXICON.get_or_init(Self::read)
    }

    fn read() -> Self {
        let mut groups: HashMap<u64, Groups, PassThrough> = HashMap::default();
        let mut stem = String::new();
        for (group, line) in include_str!("lexicon.txt").lines().enumerate() {
            for word in line.split_whitespace() {
                stem_into(word, &mut stem);
                let of_word = groups.entry(word_hash(&stem)).or_default();
                if !of_word.contains(&(group as u16)) {
                    of_word.push(group as u16);
                }
            }
        }
        let fillers = FILLERS.split_whitespace().map(word_hash).collect();
        Self { groups, fillers }
    }

    /// `stem` is the hash of a stem.
    pub fn groups(&self, stem: u64) -> &[u16] {
        self.groups.get(&stem).map_or(&[], SmallVec::as_slice)
    }

    /// `word` is the hash of a whole word: one that says nothing about what a text is about.
    pub fn is_filler(&self, word: u64) -> bool {
        self.fillers.contains(&word)
    }
}

const FILLERS: &str = "a an the i im ive id my me we our us you your it its is are was were be been being am do does did \
    have has had to of in on at by with for from this that these those there here and or but so if as into than then \
    just any some please hi hello will shall too very really also about up out through";

/// The keys are hashes already.
#[derive(Clone, Copy, Debug, Default)]
pub struct PassThrough;

impl std::hash::BuildHasher for PassThrough {
    type Hasher = Same;
    fn build_hasher(&self) -> Same {
        Same(0)
    }
}

#[derive(Debug)]
pub struct Same(u64);

impl std::hash::Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u32(&mut self, value: u32) {
        // hashbrown takes its tag from the upper bits and its place from the lower ones.
        self.0 = u64::from(value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(word: &str) -> &'static [u16] {
        let mut stem = String::new();
        stem_into(word, &mut stem);
        Lexicon::get().groups(word_hash(&stem))
    }

    #[test]
    fn words_of_one_meaning_share_a_group() {
        for (one, other) in [("declined", "refuses"), ("fee", "costs"), ("lost", "missing"), ("cannot", "couldnt")] {
            assert!(groups(one).iter().any(|group| groups(other).contains(group)), "{one} and {other}");
        }
        assert!(groups("zebra").is_empty());
        assert!(Lexicon::get().is_filler(word_hash("the")) && !Lexicon::get().is_filler(word_hash("refund")));
    }

    #[test]
    fn no_line_is_a_group_of_one() {
        for (at, line) in include_str!("lexicon.txt").lines().enumerate() {
            assert!(line.split_whitespace().count() > 1, "line {}: `{line}`", at + 1);
        }
    }
}
