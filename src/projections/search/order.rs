//! In which order lists of tickets stand, for tickets in memory and in the index alike.
//!
//! Called by the index for closed tickets and by `reads` for active ones, so that both merge into one list.

use crate::domain::ids::TicketId;
use crate::domain::ticket::{Priority, Ticket};
use crate::domain::time::Timestamp;

/// What a list is sorted by. Ties are broken by id, in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub by: By,
    pub descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Id,
    CreatedAt,
    UpdatedAt,
    Priority,
    /// The next SLA target. Tickets without one come last in both directions.
    Due,
}

/// A ticket's place under one [`Order`]: the smaller place comes first, whatever the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    missing: bool,
    value: i64,
    id: u64,
}

impl Order {
    pub fn place(self, ticket: &Ticket) -> Place {
        let value = match self.by {
            By::Id => Some(0),
            By::CreatedAt => Some(ticket.created_at.as_millis()),
            By::UpdatedAt => Some(ticket.updated_at.as_millis()),
            By::Priority => Some(rank(ticket.priority)),
            By::Due => ticket.next_due().map(Timestamp::as_millis),
        };
        self.place_of(value, ticket.id)
    }

    /// The place of a ticket whose sort value is known. `None` stands for a value that the ticket does not have.
    pub fn place_of(self, value: Option<i64>, id: TicketId) -> Place {
        // Bitwise NOT turns the order around and has no number that it cannot turn.
        let turn = |value: i64| if self.descending { !value } else { value };
        Place {
            missing: value.is_none(),
            value: turn(value.unwrap_or(0)),
            id: if self.descending { !id.get() } else { id.get() },
        }
    }

    /// The value and the id that make this place.
    pub fn parts(self, place: Place) -> (Option<i64>, TicketId) {
        let value = if self.descending { !place.value } else { place.value };
        let id = if self.descending { !place.id } else { place.id };
        ((!place.missing).then_some(value), TicketId(id))
    }
}

/// A priority as a number that sorts.
pub(super) fn rank(priority: Priority) -> i64 {
    priority as i64
}
