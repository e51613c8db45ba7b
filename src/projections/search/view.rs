//! The index as it stands at one commit: what text matches, and which closed tickets a list contains.
//!
//! Reads only; a view stays as it is while the index goes on. Called by `reads`, on threads that may block.

use std::collections::{BinaryHeap, HashSet};

use tantivy::columnar::{Column, DynamicColumn, HasAssociatedColumnType};
use tantivy::query::{BooleanQuery, EnableScoring, Occur, PhraseQuery, Query, RegexQuery, Scorer, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Searcher, SegmentReader, TERMINATED, TantivyError, Term};

use super::order::{By, Order, Place};
use super::schema::{Layout, analyzer, column, facet};
use crate::domain::ids::{Seq, TicketId};

#[derive(Clone)]
pub struct View {
    pub(super) seq: Seq,
    pub(super) searcher: Searcher,
    pub(super) layout: Layout,
}

/// Which closed tickets are wanted.
#[derive(Debug)]
pub struct Selection<'a> {
    /// Each group must hold; any of its facets is enough.
    pub facets: Vec<Vec<String>>,
    pub order: Order,
    /// Only what comes after this place.
    pub after: Option<Place>,
    /// Only these.
    pub within: Option<&'a TicketSet>,
    /// What the caller knows better than the index.
    pub except: &'a HashSet<TicketId>,
    pub limit: usize,
}

impl View {
    /// Everything up to this seq is in the view, and nothing after it.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// The tickets whose subject or messages hold every word and every phrase of `q`. A last `*` stands for the rest of a
    /// word; a text without any word matches nothing.
    pub fn matching(&self, q: &str) -> Result<TicketSet, TantivyError> {
        let mut found: Option<TicketSet> = None;
        for clause in clauses(q) {
            let mut tickets = TicketSet::default();
            let query = self.clause_query(&clause)?;
            for matches in self.matches(&*query)? {
                let mut matches = matches?;
                let ids = matches.column::<u64>(column::TICKET)?;
                for doc in &mut matches {
                    if let Some(ticket) = ids.as_ref().and_then(|ids| ids.first(doc)) {
                        tickets.insert(TicketId(ticket));
                    }
                }
            }
            found = Some(match found {
                None => tickets,
                Some(found) => found.both(&tickets),
            });
        }
        Ok(found.unwrap_or_default())
    }

    /// The first closed tickets of a selection, in its order.
    pub fn closed(&self, selection: &Selection<'_>) -> Result<Vec<Place>, TantivyError> {
        let facets = |facets: &[String]| -> Box<dyn Query> {
            let terms = facets.iter().map(|facet| Term::from_field_text(self.layout.facet, facet)).collect();
            Box::new(BooleanQuery::new_multiterms_query(terms))
        };
        let mut parts = vec![(Occur::Must, facets(&[facet::CLOSED.to_owned()]))];
        parts.extend(selection.facets.iter().map(|group| (Occur::Must, facets(group))));
        let order = selection.order;
        let mut best: BinaryHeap<Place> = BinaryHeap::with_capacity(selection.limit + 1);
        for matches in self.matches(&BooleanQuery::new(parts))? {
            let mut matches = matches?;
            let ids = matches.column::<u64>(column::TICKET)?;
            let values = match order.by {
                By::Id => None,
                By::CreatedAt => matches.column::<i64>(column::CREATED_AT)?,
                By::UpdatedAt => matches.column::<i64>(column::UPDATED_AT)?,
                By::Priority => matches.column::<i64>(column::PRIORITY)?,
                By::Due => matches.column::<i64>(column::DUE)?,
            };
            for doc in &mut matches {
                let Some(id) = ids.as_ref().and_then(|ids| ids.first(doc)).map(TicketId) else { continue };
                let value = match order.by {
                    By::Id => Some(0),
                    _ => values.as_ref().and_then(|values| values.first(doc)),
                };
                let place = order.place_of(value, id);
                let is_wanted = selection.after.is_none_or(|after| place > after)
                    && (best.len() < selection.limit || best.peek().is_some_and(|worst| place < *worst))
                    && selection.within.is_none_or(|within| within.contains(id))
                    && !selection.except.contains(&id);
                if is_wanted {
                    best.push(place);
                    if best.len() > selection.limit {
                        best.pop();
                    }
                }
            }
        }
        Ok(best.into_sorted_vec())
    }

    /// What matches, segment by segment.
    fn matches<'a>(
        &'a self,
        query: &dyn Query,
    ) -> Result<impl Iterator<Item = Result<Matches<'a>, TantivyError>> + use<'a>, TantivyError> {
        let weight = query.weight(EnableScoring::disabled_from_searcher(&self.searcher))?;
        Ok(self.searcher.segment_readers().iter().map(move |reader| {
            let scorer = weight.scorer(reader, 1.0)?;
            Ok(Matches { reader, scorer })
        }))
    }

    fn clause_query(&self, clause: &Clause) -> Result<Box<dyn Query>, TantivyError> {
        let term = |word: &String| Term::from_field_text(self.layout.text, word);
        Ok(match (clause.words.as_slice(), clause.open) {
            // A word is letters and digits only, so it needs no escaping.
            ([word], true) => Box::new(RegexQuery::from_pattern(&format!("{word}.*"), self.layout.text)?),
            ([word], false) => Box::new(TermQuery::new(term(word), IndexRecordOption::Basic)),
            (words, _) => Box::new(PhraseQuery::new(words.iter().map(term).collect())),
        })
    }
}

/// The living documents of one segment that match, in the segment's order.
struct Matches<'a> {
    reader: &'a SegmentReader,
    scorer: Box<dyn Scorer>,
}

impl Matches<'_> {
    /// A column of this segment; `None` where no document of it has the value.
    fn column<T: HasAssociatedColumnType>(&self, name: &str) -> Result<Option<Column<T>>, TantivyError>
    where
        DynamicColumn: Into<Option<Column<T>>>,
    {
        self.reader.fast_fields().column_opt(name)
    }
}

impl Iterator for &mut Matches<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        loop {
            let doc = self.scorer.doc();
            if doc == TERMINATED {
                return None;
            }
            self.scorer.advance();
            if self.reader.alive_bitset().is_none_or(|alive| alive.is_alive(doc)) {
                return Some(doc);
            }
        }
    }
}

/// Tickets by id, one bit each: ids are dense.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TicketSet(Vec<u64>);

impl TicketSet {
    pub fn insert(&mut self, id: TicketId) {
        let word = (id.get() / 64) as usize;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (id.get() % 64);
    }

    pub fn contains(&self, id: TicketId) -> bool {
        self.0.get((id.get() / 64) as usize).is_some_and(|word| word >> (id.get() % 64) & 1 == 1)
    }

    fn both(self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, another)| one & another).collect())
    }
}

/// Something that must be in the text: a word, or words in a row.
#[derive(Debug, PartialEq, Eq)]
struct Clause {
    words: Vec<String>,
    /// The word goes on.
    open: bool,
}

/// Splits a query at spaces, but for what stands in quotes. A piece of several words, like an address, is a phrase.
fn clauses(q: &str) -> Vec<Clause> {
    let mut analyzer = analyzer();
    let mut clauses = Vec::new();
    for (index, quoted) in q.split('"').enumerate() {
        let pieces: Vec<&str> = if index % 2 == 1 { vec![quoted] } else { quoted.split_whitespace().collect() };
        for piece in pieces {
            let mut words = Vec::new();
            analyzer.token_stream(piece).process(&mut |token| words.push(token.text.clone()));
            if words.is_empty() {
                // Something was asked for that is in no text.
                if piece.chars().any(char::is_alphanumeric) {
                    words.push(piece.to_lowercase());
                } else {
                    continue;
                }
            }
            let open = words.len() == 1 && piece.ends_with('*');
            clauses.push(Clause { words, open });
        }
    }
    clauses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_split_into_words_and_phrases() {
        let check = |q: &str, expect: &[(&[&str], bool)]| {
            let expect: Vec<_> = expect
                .iter()
                .map(|(words, open)| Clause { words: words.iter().map(|&word| word.to_owned()).collect(), open: *open })
                .collect();
            assert_eq!(clauses(q), expect, "{q}");
        };
        check("Refund parcel", &[(&["refund"], false), (&["parcel"], false)]);
        check("\"lost in transit\" Crème", &[(&["lost", "in", "transit"], false), (&["creme"], false)]);
        check("ada@example.org", &[(&["ada", "example", "org"], false)]);
        check("refu*", &[(&["refu"], true)]);
        check("!!! \"\"", &[]);
    }
}
