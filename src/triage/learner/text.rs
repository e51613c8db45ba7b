//! Text into words and stems, without allocating for each word. Called by the features and by the index of similar tickets.
//!
//! It never keeps a text: the scratch is overwritten by the next one.

/// Words beyond this are not looked at: what a ticket is about stands in its beginning.
pub const MAX_WORDS: usize = 400;
const MAX_WORD_BYTES: usize = 48;

/// The words of one text, lower-cased, in one buffer that is used again and again.
#[derive(Clone, Debug, Default)]
pub struct Words {
    buffer: String,
    ends: Vec<u32>,
}

impl Words {
    /// Replaces what was there by the words of `text`. Apostrophes join (`can't` is `cant`), everything else that is no
    /// letter and no digit separates.
    pub fn read(&mut self, text: &str) {
        self.buffer.clear();
        self.ends.clear();
        let mut start = 0;
        for char in text.chars() {
            if matches!(char, '\'' | '’') {
                continue;
            }
            if char.is_ascii() {
                if char.is_ascii_alphanumeric() {
                    if self.buffer.len() - start < MAX_WORD_BYTES {
                        self.buffer.push(char.to_ascii_lowercase());
                    }
                    continue;
                }
            } else if char.is_alphanumeric() {
                if self.buffer.len() - start < MAX_WORD_BYTES {
                    self.buffer.extend(char.to_lowercase());
                }
                continue;
            }
            if self.buffer.len() > start {
                self.ends.push(self.buffer.len() as u32);
                start = self.buffer.len();
                if self.ends.len() == MAX_WORDS {
                    return;
                }
            }
        }
        if self.buffer.len() > start {
            self.ends.push(self.buffer.len() as u32);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.buffer[start as usize..*end as usize])
    }
}

/// Endings, what stands in their place, and how many letters must be left. The first that fits is taken.
const ENDINGS: [(&str, &str, usize); 13] = [
    ("ations", "ate", 4),
    ("ation", "ate", 4),
    ("ings", "", 3),
    ("ing", "", 3),
    ("ies", "y", 2),
    ("ied", "y", 2),
    ("edly", "", 3),
    ("ed", "", 3),
    ("ers", "er", 3),
    ("es", "", 3),
    ("ly", "", 3),
    ("ment", "", 4),
    ("s", "", 3),
];

/// Writes the stem of an English word to `stem`. Rough on purpose: it only has to bring forms of a word together.
pub fn stem_into(word: &str, stem: &mut String) {
    stem.clear();
    stem.push_str(word);
    if word.len() < 4 || !word.is_ascii() {
        return;
    }
    for (ending, instead, least) in ENDINGS {
        if word.len() < ending.len() + least || !word.ends_with(ending) {
            continue;
        }
        if ending == "s" && ["ss", "us", "is"].iter().any(|kept| word.ends_with(kept)) {
            break;
        }
        stem.truncate(word.len() - ending.len());
        stem.push_str(instead);
        let bytes = stem.as_bytes();
        if let [.., before, last] = bytes
            && instead.is_empty()
            && bytes.len() >= 3
            && before == last
            && !b"lsz".contains(last)
        {
            stem.pop();
        }
        break;
    }
    if stem.len() > 3 && stem.ends_with('e') {
        stem.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut words = Words::default();
        words.read("something before");
        words.read(text);
        words.iter().map(str::to_owned).collect()
    }

    #[test]
    fn words_are_lower_case_and_apostrophes_join() {
        assert_eq!(words("I can't log-in: ÉTÉ, 2 times!"), ["i", "cant", "log", "in", "été", "2", "times"]);
        assert!(words(" … ").is_empty());
    }

    #[test]
    fn long_texts_and_long_words_are_cut() {
        assert_eq!(words(&"a b ".repeat(1000)).len(), MAX_WORDS);
        assert!(words(&"ß".repeat(1000))[0].len() <= MAX_WORD_BYTES + 1);
    }

    #[test]
    fn forms_of_a_word_share_a_stem() {
        let stem = |word: &str| {
            let mut stem = String::new();
            stem_into(word, &mut stem);
            stem
        };
        for forms in [
            &["charge", "charges", "charged", "charging"][..],
            &["cancel", "canceled"],
            &["stop", "stopped", "stopping"],
            &["verify", "verifies", "verified"],
            &["activate", "activation", "activating"],
        ] {
            let stems: Vec<String> = forms.iter().map(|form| stem(form)).collect();
            assert!(stems.windows(2).all(|pair| pair[0] == pair[1]), "{forms:?} became {stems:?}");
        }
        assert_eq!((stem("status"), stem("été"), stem("this")), ("status".into(), "été".into(), "this".into()));
    }
}
