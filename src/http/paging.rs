//! Pages of lists that lie in memory (users, tokens), in the order in which their members were made. A member that stays is on
//! exactly one page, whatever is made or removed meanwhile.

use super::call::Call;
use super::operation::{Param, ParamKind};
use super::params::Params;
use crate::domain::time::Timestamp;
use crate::protocol::problem::Problem;
use crate::protocol::views::{Page, PageMeta};

pub const SIZE: Param = Param { name: "page[size]", what: "1 to 200, 50 if absent.", kind: ParamKind::Integer };
pub const AFTER: Param =
    Param { name: "page[after]", what: "The `after_cursor` of the page before.", kind: ParamKind::Text };

/// `page[size]`
pub fn size(params: &Params) -> Result<usize, Problem> {
    Ok(params.integer(SIZE.name, 1..=200, 50)? as usize)
}

/// `page[after]`, unopened.
pub fn after(params: &Params) -> Result<Option<String>, Problem> {
    Ok(params.one(AFTER.name)?.filter(|cursor| !cursor.is_empty()).map(str::to_owned))
}

/// The page that was asked for, of all members in order of `place`.
pub fn page<T>(call: &Call, all: Vec<T>, place: impl Fn(&T) -> (Timestamp, String)) -> Result<Page<T>, Problem> {
    let size = size(&call.params)?;
    let after =
        match after(&call.params)? {
            None => None,
            Some(cursor) => Some(open(&cursor).ok_or_else(|| {
                Problem::field("/page[after]", "invalid", "this cursor was not given out by this list")
            })?),
        };
    let mut rest: Vec<T> =
        all.into_iter().filter(|member| after.as_ref().is_none_or(|after| place(member) > *after)).collect();
    let has_more = rest.len() > size;
    rest.truncate(size);
    let after_cursor = rest.last().filter(|_| has_more).map(|last| {
        let (at, id) = place(last);
        format!("{:x}.{id}", at.as_millis())
    });
    Ok(Page { data: rest, meta: PageMeta { has_more, after_cursor } })
}

fn open(cursor: &str) -> Option<(Timestamp, String)> {
    let (at, id) = cursor.split_once('.')?;
    Some((Timestamp::from_millis(i64::from_str_radix(at, 16).ok()?), id.to_owned()))
}
