//! What a search asks for: words and phrases, all of which must be found in a ticket's texts.
//!
//! Pure; knows nothing of the index. Called by the index's readers and by the tail.

use tantivy::tokenizer::TextAnalyzer;

/// Something that must be in one text: a word, or words in a row.
#[derive(Debug, PartialEq, Eq)]
pub struct Clause {
    pub words: Vec<String>,
    /// The one word goes on.
    pub open: bool,
}

impl Clause {
    /// Splits a query at spaces, but for what stands in quotes. A piece of several words, like an address, is a phrase.
    pub fn all(q: &str, mut analyzer: TextAnalyzer) -> Vec<Self> {
        let mut clauses = Vec::new();
        for (index, part) in q.split('"').enumerate() {
            let is_quoted = index % 2 == 1;
            let pieces: Vec<&str> = if is_quoted { vec![part] } else { part.split_whitespace().collect() };
            for piece in pieces {
                let mut words = Vec::new();
                analyzer.token_stream(piece).process(&mut |token| words.push(token.text.clone()));
                if words.is_empty() && piece.chars().any(char::is_alphanumeric) {
                    // Too long to be in any text: it must not be passed over, or more would be found than was asked for.
                    words.push(piece.to_lowercase());
                }
                if !words.is_empty() {
                    let open = words.len() == 1 && !is_quoted && piece.ends_with('*');
                    clauses.push(Self { words, open });
                }
            }
        }
        clauses
    }

    /// Whether a text made of these words holds it.
    pub fn is_in(&self, text: &[String]) -> bool {
        match (self.words.as_slice(), self.open) {
            ([beginning], true) => text.iter().any(|word| word.starts_with(beginning)),
            (words, _) => text.windows(words.len()).any(|window| window == words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projections::search::schema::analyzer;

    #[test]
    fn a_query_is_split_into_words_and_phrases() {
        let check = |q: &str, expect: &[(&[&str], bool)]| {
            let expect: Vec<_> = expect
                .iter()
                .map(|(words, open)| Clause { words: words.iter().map(|&word| word.to_owned()).collect(), open: *open })
                .collect();
            assert_eq!(Clause::all(q, analyzer()), expect, "{q}");
        };
        check("Refund parcel", &[(&["refund"], false), (&["parcel"], false)]);
        check("\"lost in transit\" Crème", &[(&["lost", "in", "transit"], false), (&["creme"], false)]);
        check("ada@example.org", &[(&["ada", "example", "org"], false)]);
        check("refu*", &[(&["refu"], true)]);
        check("!!! \"\"", &[]);
    }

    #[test]
    fn a_text_holds_words_phrases_and_beginnings() {
        let text: Vec<String> = ["lost", "in", "transit"].map(str::to_owned).to_vec();
        let check = |q: &str, expect: bool| {
            assert_eq!(Clause::all(q, analyzer()).iter().all(|clause| clause.is_in(&text)), expect, "{q}");
        };
        check("transit lost", true);
        check("\"in transit\"", true);
        check("\"transit in\"", false);
        check("tran*", true);
        check("tran", false);
        check("ransit*", false);
    }
}
