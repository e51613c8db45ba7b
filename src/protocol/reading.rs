//! What the desk answers to questions: lists, tickets, threads, snapshots, records.
//!
//! A trait with its request types, so that the edges know nothing of projections or the journal. Parsing what came in a query
//! string is `http`'s; executing is `reads`'. Every answer contains all writes acknowledged before the question was asked.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::problem::Problem;
use super::topic::Topic;
use super::views::{Page, TicketEvents};
use crate::domain::ids::{Epoch, Seq, TicketId, UserId, Version};
use crate::domain::message::Message;
use crate::domain::permissions::Principal;
use crate::domain::ticket::{Priority, Status, Ticket};
use crate::domain::time::Timestamp;

/// An answer that takes a while.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Problem>> + Send + 'a>>;

/// What may be asked. What the principal may not see is not in any answer; a ticket out of sight is `not_found`.
pub trait Reading: Send + Sync {
    /// One page. A cursor that was not given out for this sort is `invalid_field` at `/page[after]`.
    fn list<'a>(&'a self, query: ListQuery, principal: &'a Principal) -> Answer<'a, Page<Ticket>>;

    fn ticket<'a>(&'a self, id: TicketId, principal: &'a Principal) -> Answer<'a, Arc<Ticket>>;

    /// All messages of a ticket, oldest first.
    fn thread<'a>(&'a self, id: TicketId, principal: &'a Principal) -> Answer<'a, Vec<Message>>;

    /// Records of one ticket with versions after `after`, in order, at most `limit` (1–1000).
    fn ticket_events<'a>(
        &'a self,
        id: TicketId,
        after: Version,
        limit: usize,
        principal: &'a Principal,
    ) -> Answer<'a, TicketEvents>;

    /// The desk now, or as it stood. A moment in the future is `invalid_field` at `/at`; one before the first record
    /// is an empty desk at seq 0.
    fn snapshot<'a>(&'a self, at: Option<At>, principal: &'a Principal) -> Answer<'a, SnapshotBytes>;

    /// Records after a seq. Another epoch, or a seq beyond the head, is `resnapshot`.
    fn events<'a>(&'a self, query: EventsQuery, principal: &'a Principal) -> Answer<'a, EventsBytes>;
}

/// A list of tickets: every filter that is not empty must hold, any of its values is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    pub statuses: Vec<Status>,
    pub priorities: Vec<Priority>,
    pub assignees: Vec<AssigneeFilter>,
    pub teams: Vec<String>,
    pub categories: Vec<String>,
    pub tags: Vec<String>,
    /// Addresses in lower case; compare with the requester's in lower case.
    pub requesters: Vec<String>,
    /// Full-text search over subjects and messages: not blank.
    pub q: Option<String>,
    pub sort: Sort,
    /// 1–200.
    pub size: usize,
    /// An `after_cursor` that was given out before, as it came.
    pub after: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssigneeFilter {
    /// `assignee=none`.
    Nobody,
    User(UserId),
}

/// The order of a list. Ties are broken by id, in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub key: SortKey,
    pub descending: bool,
}

impl Default for Sort {
    /// `-id`.
    fn default() -> Self {
        Self { key: SortKey::Id, descending: true }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    Id,
    CreatedAt,
    UpdatedAt,
    Priority,
    /// The next SLA target; tickets without one come last in both directions.
    Due,
}

impl SortKey {
    pub const ALL: [Self; 5] = [Self::Id, Self::CreatedAt, Self::UpdatedAt, Self::Priority, Self::Due];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::Priority => "priority",
            Self::Due => "due",
        }
    }
}

/// A moment in the desk's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Seq(Seq),
    Time(Timestamp),
}

/// A whole [`super::views::Snapshot`], serialised once for everybody who asks at the same seq.
#[derive(Clone, Debug)]
pub struct SnapshotBytes {
    pub seq: Seq,
    pub json: Bytes,
}

#[derive(Clone, Debug)]
pub struct EventsQuery {
    pub after: Seq,
    pub epoch: Option<Epoch>,
    /// `None`: all records that the caller may see. Topics without records match none.
    pub topics: Option<Vec<Topic>>,
    /// 1–1000.
    pub limit: usize,
    /// Hold the answer until there is a record, this long at most; then answer empty.
    pub wait: Option<Duration>,
}

/// A whole [`super::views::Events`], put together from the journal's own bytes.
#[derive(Clone, Debug)]
pub struct EventsBytes {
    pub next_after: Seq,
    pub json: Bytes,
}
