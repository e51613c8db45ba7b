//! The newest texts, which the index has not committed yet, so that a search need not wait for a commit.
//!
//! Holds pointers to records that are in memory anyway, for about as long as the index takes to commit them. Pure. Filled by
//! `reads` with every commit, looked through by [`super::View::matching`].

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use tantivy::tokenizer::TextAnalyzer;

use super::clause::Clause;
use super::view::TicketSet;
use crate::domain::event::Event;
use crate::domain::ids::{Seq, TicketId};
use crate::domain::record::Record;

/// More text than this is left to the index: searches wait for it then.
const MOST_BYTES: usize = 2 << 20;

/// The texts of all records after `from` up to the last one that was pushed.
#[derive(Debug)]
pub struct Tail {
    from: Seq,
    records: VecDeque<Arc<Record>>,
    bytes: usize,
}

impl Tail {
    pub fn new(from: Seq) -> Self {
        Self { from, records: VecDeque::new(), bytes: 0 }
    }

    /// A view together with the tail is complete once the view has come this far.
    pub fn from(&self) -> Seq {
        self.from
    }

    /// Takes in the next record.
    pub fn push(&mut self, record: &Arc<Record>) {
        let bytes = bytes_of(record);
        if bytes > 0 {
            self.bytes += bytes;
            self.records.push_back(Arc::clone(record));
        }
        if self.bytes > MOST_BYTES {
            *self = Self::new(record.seq);
        }
    }

    /// The index holds everything up to `indexed`.
    pub fn forget(&mut self, indexed: Seq) {
        while let Some(first) = self.records.front().filter(|record| record.seq <= indexed) {
            self.bytes -= bytes_of(first);
            self.records.pop_front();
        }
        self.from = self.from.max(indexed);
    }

    /// The records with texts, in order.
    pub fn texts(&self) -> Vec<Arc<Record>> {
        self.records.iter().cloned().collect()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// The words of a tail, ready to be searched.
pub(super) struct TailWords {
    texts: Vec<(TicketId, Vec<String>)>,
    /// Tickets whose subject in the index is not the present one.
    pub renamed: HashSet<TicketId>,
}

impl TailWords {
    pub fn new(texts: &[Arc<Record>], mut analyzer: TextAnalyzer) -> Self {
        let mut words = Self { texts: Vec::with_capacity(texts.len()), renamed: HashSet::new() };
        // From the newest on: only a ticket's last subject counts.
        for record in texts.iter().rev() {
            let mut take = |text: &str| {
                let mut found = Vec::new();
                analyzer.token_stream(text).process(&mut |token| found.push(token.text.clone()));
                words.texts.push((record.ticket, found));
            };
            if let Some(body) = body_of(record) {
                take(body);
            }
            if let Some(subject) = &record.patch.subject
                && words.renamed.insert(record.ticket)
            {
                take(subject);
            }
        }
        words
    }

    pub fn matching(&self, clause: &Clause, tickets: &mut TicketSet) {
        for (ticket, words) in &self.texts {
            if clause.is_in(words) {
                tickets.insert(*ticket);
            }
        }
    }
}

fn body_of(record: &Record) -> Option<&str> {
    match &record.event {
        Event::Created { message } | Event::MessageAdded { message } => Some(&message.body),
        _ => None,
    }
}

fn bytes_of(record: &Record) -> usize {
    // An empty text still counts for something, so that what is pushed is what is forgotten.
    let body = body_of(record).map_or(0, |body| body.len() + 1);
    body + record.patch.subject.as_ref().map_or(0, |subject| subject.len() + 1)
}
