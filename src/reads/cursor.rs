//! Where a page of a list ended, as a text that clients pass back and do not read.
//!
//! It names the sort and the last ticket's place, so the next page begins there whatever was written meanwhile. Called by
//! `reads::list`.

use crate::domain::ids::TicketId;
use crate::projections::search::{By, Order, Place};
use crate::protocol::problem::Problem;
use crate::protocol::reading::{Sort, SortKey};

/// Changes when cursors of older builds mean something else.
const FORMAT: &str = "1";

/// The order that the projections know for a sort of the wire.
pub fn order(sort: Sort) -> Order {
    let by = match sort.key {
        SortKey::Id => By::Id,
        SortKey::CreatedAt => By::CreatedAt,
        SortKey::UpdatedAt => By::UpdatedAt,
        SortKey::Priority => By::Priority,
        SortKey::Due => By::Due,
    };
    Order { by, descending: sort.descending }
}

pub fn encode(sort: Sort, last: Place) -> String {
    let (value, id) = order(sort).parts(last);
    let value = value.map(|value| value.to_string()).unwrap_or_default();
    let plain = format!("{FORMAT}:{}:{value}:{id}", name(sort));
    let digit = |half: u8| char::from_digit(half.into(), 16).expect("invariant: half a byte is a digit");
    plain.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The place that a cursor names; a cursor of another sort or of nobody's making is refused.
pub fn decode(sort: Sort, cursor: &str) -> Result<Place, Problem> {
    parse(sort, cursor).ok_or_else(|| {
        Problem::field("/page[after]", "invalid", "this cursor was not given out for a list with this sort")
    })
}

fn parse(sort: Sort, cursor: &str) -> Option<Place> {
    if !cursor.len().is_multiple_of(2) || !cursor.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..cursor.len()).step_by(2).map(|start| u8::from_str_radix(&cursor[start..start + 2], 16).ok()).collect();
    let plain = String::from_utf8(bytes?).ok()?;
    let mut parts = plain.split(':');
    let (format, of, value, id) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if format != FORMAT || of != name(sort) || parts.next().is_some() {
        return None;
    }
    let value = if value.is_empty() { None } else { Some(value.parse().ok()?) };
    Some(order(sort).place_of(value, TicketId(id.parse().ok()?)))
}

fn name(sort: Sort) -> String {
    format!("{}{}", if sort.descending { "-" } else { "" }, sort.key.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_place_and_to_no_other_sort() {
        for key in SortKey::ALL {
            for descending in [false, true] {
                let sort = Sort { key, descending };
                for value in [Some(0), Some(-5), Some(i64::MAX), Some(i64::MIN), None] {
                    let place = order(sort).place_of(value, TicketId(7));
                    let cursor = encode(sort, place);
                    assert_eq!(decode(sort, &cursor).unwrap(), place);
                    assert!(decode(Sort { key, descending: !descending }, &cursor).is_err());
                }
            }
        }
        for cursor in ["", "x", "zz", "é1", "00", "31", "313a2d69643a303a"] {
            assert!(decode(Sort::default(), cursor).is_err(), "{cursor}");
        }
    }
}
