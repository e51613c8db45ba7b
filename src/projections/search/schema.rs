//! How the index is laid out: two kinds of documents, and the payload that says what a commit contains.
//!
//! A text document is one message or one subject, and names its ticket. A closed document is a closed ticket's filters
//! and sort values. Both are written once and hardly ever change, so that keeping the index costs O(1) a record. Called by the
//! index's writer and its readers.

use serde::{Deserialize, Serialize};
use tantivy::TantivyDocument;
use tantivy::schema::{FAST, Field, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{AsciiFoldingFilter, LowerCaser, RemoveLongFilter, SimpleTokenizer, TextAnalyzer};

use super::order::rank;
use crate::domain::ids::{Epoch, Seq, TicketId, UserId};
use crate::domain::ticket::{Priority, Ticket};

/// Changes when an index of an older build cannot be used any more.
const FORMAT: u32 = 1;

pub const TOKENIZER: &str = "desk";

/// Longer words are not indexed.
const WORD_BYTES: usize = 255;

#[derive(Clone, Debug)]
pub struct Layout {
    pub schema: Schema,
    pub text: Field,
    pub facet: Field,
    ticket: Field,
    subject: Field,
    created_at: Field,
    updated_at: Field,
    due: Field,
    priority: Field,
}

/// Names of the columns that are read by name.
pub mod column {
    pub const TICKET: &str = "ticket";
    /// Only on subjects.
    pub const SUBJECT: &str = "subject";
    pub const CREATED_AT: &str = "created_at";
    pub const UPDATED_AT: &str = "updated_at";
    pub const DUE: &str = "due";
    pub const PRIORITY: &str = "priority";
}

/// Stands in every commit: which journal the index was read from, and how far.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    pub format: u32,
    pub epoch: Epoch,
    pub seq: Seq,
}

impl Payload {
    pub fn new(epoch: Epoch, seq: Seq) -> Self {
        Self { format: FORMAT, epoch, seq }
    }

    /// Whether the index can be continued from this payload on this journal.
    pub fn fits(&self, epoch: &Epoch, head: Seq) -> bool {
        self.format == FORMAT && self.epoch == *epoch && self.seq <= head
    }
}

impl Layout {
    pub fn new() -> Self {
        let mut builder = Schema::builder();
        let words = TextFieldIndexing::default()
            .set_tokenizer(TOKENIZER)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions)
            .set_fieldnorms(false);
        let text = builder.add_text_field("text", TextOptions::default().set_indexing_options(words));
        let facet = builder.add_text_field("facet", STRING);
        let ticket = builder.add_u64_field(column::TICKET, FAST);
        let subject = builder.add_u64_field(column::SUBJECT, FAST);
        let created_at = builder.add_i64_field(column::CREATED_AT, FAST);
        let updated_at = builder.add_i64_field(column::UPDATED_AT, FAST);
        let due = builder.add_i64_field(column::DUE, FAST);
        let priority = builder.add_i64_field(column::PRIORITY, FAST);
        Self { schema: builder.build(), text, facet, ticket, subject, created_at, updated_at, due, priority }
    }

    pub fn message(&self, ticket: TicketId, body: &str) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        document.add_u64(self.ticket, ticket.get());
        document.add_text(self.text, body);
        document
    }

    pub fn subject(&self, ticket: TicketId, subject: &str) -> TantivyDocument {
        let mut document = self.message(ticket, subject);
        document.add_u64(self.subject, 1);
        document.add_text(self.facet, facet::subject_of(ticket));
        document
    }

    pub fn closed(&self, ticket: &Ticket) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        document.add_u64(self.ticket, ticket.id.get());
        document.add_i64(self.created_at, ticket.created_at.as_millis());
        document.add_i64(self.updated_at, ticket.updated_at.as_millis());
        document.add_i64(self.priority, rank(ticket.priority));
        if let Some(due) = ticket.next_due() {
            document.add_i64(self.due, due.as_millis());
        }
        for facet in facet::all(ticket) {
            document.add_text(self.facet, facet);
        }
        document
    }
}

/// Splits text into words: letters and digits, lower case, without accents.
pub fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(WORD_BYTES))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .build()
}

/// Terms by which closed tickets are filtered: a letter for the field, a colon, the value.
pub mod facet {
    use super::{Priority, Ticket, TicketId, UserId};

    /// Every closed ticket.
    pub const CLOSED: &str = "closed";

    pub fn priority(priority: Priority) -> String {
        format!("p:{}", super::rank(priority))
    }

    pub fn assignee(user: Option<&UserId>) -> String {
        user.map_or_else(|| "n:".to_owned(), |user| format!("a:{user}"))
    }

    pub fn team(team: &str) -> String {
        format!("t:{team}")
    }

    pub fn category(category: &str) -> String {
        format!("c:{category}")
    }

    pub fn tag(tag: &str) -> String {
        format!("g:{tag}")
    }

    /// The address in lower case.
    pub fn requester(email: &str) -> String {
        format!("r:{}", email.to_lowercase())
    }

    pub(in super::super) fn closed_of(ticket: TicketId) -> String {
        format!("d:{ticket}")
    }

    pub(in super::super) fn subject_of(ticket: TicketId) -> String {
        format!("s:{ticket}")
    }

    pub(super) fn all(ticket: &Ticket) -> Vec<String> {
        let mut all = vec![
            CLOSED.to_owned(),
            closed_of(ticket.id),
            priority(ticket.priority),
            assignee(ticket.assignee.as_ref()),
            requester(&ticket.requester.email),
        ];
        all.extend(ticket.team.as_deref().map(team));
        all.extend(ticket.category.as_deref().map(category));
        all.extend(ticket.tags.iter().map(|one| tag(one)));
        all
    }
}
