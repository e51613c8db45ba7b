//! The index as it stands at one commit: what text matches, and which closed tickets a list contains.
//!
//! Reads only; a view stays as it is while the index goes on. Called by `reads`, on threads that may block.

use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;

use tantivy::columnar::{Column, DynamicColumn, HasAssociatedColumnType};
use tantivy::query::{BooleanQuery, EnableScoring, Occur, PhraseQuery, Query, RegexQuery, Scorer, TermQuery, Weight};
use tantivy::schema::IndexRecordOption;
use tantivy::{Searcher, SegmentReader, TERMINATED, TantivyError, Term};

use super::clause::Clause;
use super::order::{By, Order, Place};
use super::schema::{Layout, analyzer, column, facet};
use super::tail::TailWords;
use crate::domain::ids::{Seq, TicketId};
use crate::domain::record::Record;

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
    /// None of these may hold.
    pub without: Vec<String>,
    pub order: Order,
    /// Only what comes after this place.
    pub after: Option<Place>,
    /// What comes after this place is not needed.
    pub before: Option<Place>,
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

    /// The tickets whose subject or messages hold every word and every phrase of `q`, by this view and the newer texts of
    /// `tail`. A last `*` stands for the rest of a word; a text without any word matches nothing.
    pub fn matching(&self, q: &str, tail: &[Arc<Record>]) -> Result<TicketSet, TantivyError> {
        let tail = TailWords::new(tail, analyzer());
        let mut found: Option<TicketSet> = None;
        for clause in Clause::all(q, analyzer()) {
            let mut tickets = TicketSet::default();
            let query = self.clause_query(&clause)?;
            for matches in self.matches(&*query)? {
                let mut matches = matches?;
                let ids = matches.column::<u64>(column::TICKET)?;
                let subjects = matches.column::<u64>(column::SUBJECT)?.filter(|_| !tail.renamed.is_empty());
                for doc in &mut matches {
                    let Some(id) = ids.as_ref().and_then(|ids| ids.first(doc)).map(TicketId) else { continue };
                    let is_subject = || subjects.as_ref().is_some_and(|subjects| subjects.first(doc).is_some());
                    if !(tail.renamed.contains(&id) && is_subject()) {
                        tickets.insert(id);
                    }
                }
            }
            tail.matching(&clause, &mut tickets);
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
        if !selection.without.is_empty() {
            parts.push((Occur::MustNot, facets(&selection.without)));
        }
        let order = selection.order;
        let mut best: BinaryHeap<Place> = BinaryHeap::with_capacity(selection.limit + 1);
        let query = BooleanQuery::new(parts);
        let weight = query.weight(EnableScoring::disabled_from_searcher(&self.searcher))?;
        let is_too_late = |best: &BinaryHeap<Place>, place: Place| {
            selection.before.is_some_and(|before| place > before)
                || best.len() >= selection.limit && best.peek().is_some_and(|worst| place > *worst)
        };
        for segment in self.segments_by_promise(selection)? {
            if is_too_late(&best, segment.earliest) {
                continue;
            }
            let mut matches = Matches::new(segment.reader, &*weight)?;
            for doc in &mut matches {
                let Some(place) = segment.place(order, doc) else { continue };
                if is_too_late(&best, place) || selection.after.is_some_and(|after| place <= after) {
                    continue;
                }
                let (_, id) = order.parts(place);
                if selection.within.is_none_or(|within| within.contains(id)) && !selection.except.contains(&id) {
                    best.push(place);
                    if best.len() > selection.limit {
                        best.pop();
                    }
                }
            }
        }
        Ok(best.into_sorted_vec())
    }

    /// The segments with their columns, the one first whose best ticket may come first in the list: the others are often not
    /// even looked at.
    fn segments_by_promise(&self, selection: &Selection<'_>) -> Result<Vec<SegmentColumns<'_>>, TantivyError> {
        let order = selection.order;
        let name = match order.by {
            By::Id => None,
            By::CreatedAt => Some(column::CREATED_AT),
            By::UpdatedAt => Some(column::UPDATED_AT),
            By::Priority => Some(column::PRIORITY),
            By::Due => Some(column::DUE),
        };
        let mut segments = Vec::new();
        for reader in self.searcher.segment_readers() {
            let fields = reader.fast_fields();
            let Some(ids) = fields.column_opt::<u64>(column::TICKET)? else { continue };
            let values = name.map(|name| fields.column_opt::<i64>(name)).transpose()?.flatten();
            let id = TicketId(if order.descending { ids.max_value() } else { ids.min_value() });
            let value = match (&values, order.by) {
                (_, By::Id) => Some(0),
                (Some(values), _) if order.descending => Some(values.max_value()),
                (Some(values), _) => Some(values.min_value()),
                (None, _) => None,
            };
            segments.push(SegmentColumns { reader, ids, values, earliest: order.place_of(value, id) });
        }
        segments.sort_unstable_by_key(|segment| segment.earliest);
        Ok(segments)
    }

    /// What matches, segment by segment.
    fn matches<'a>(
        &'a self,
        query: &dyn Query,
    ) -> Result<impl Iterator<Item = Result<Matches<'a>, TantivyError>> + use<'a>, TantivyError> {
        let weight = query.weight(EnableScoring::disabled_from_searcher(&self.searcher))?;
        Ok(self.searcher.segment_readers().iter().map(move |reader| Matches::new(reader, &*weight)))
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

/// A segment's sort values.
struct SegmentColumns<'a> {
    reader: &'a SegmentReader,
    ids: Column<u64>,
    values: Option<Column<i64>>,
    /// No ticket of the segment comes before this place.
    earliest: Place,
}

impl SegmentColumns<'_> {
    fn place(&self, order: Order, doc: u32) -> Option<Place> {
        let id = TicketId(self.ids.first(doc)?);
        let value = match order.by {
            By::Id => Some(0),
            _ => self.values.as_ref().and_then(|values| values.first(doc)),
        };
        Some(order.place_of(value, id))
    }
}

/// The living documents of one segment that match, in the segment's order.
struct Matches<'a> {
    reader: &'a SegmentReader,
    scorer: Box<dyn Scorer>,
}

impl<'a> Matches<'a> {
    fn new(reader: &'a SegmentReader, weight: &dyn Weight) -> Result<Self, TantivyError> {
        Ok(Self { reader, scorer: weight.scorer(reader, 1.0)? })
    }

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
