//! Lists of tickets: active ones from the board in memory, closed ones from the search index, in one order.
//!
//! What the index does not hold yet lies in the overlay, so a list contains every acknowledged write without waiting for the
//! index. Called by [`super::Reads`] on threads that may block.

use std::collections::BinaryHeap;
use std::sync::Arc;

use super::{Core, Desk, cursor, fault};
use crate::domain::ids::{Seq, TicketId};
use crate::domain::state::TicketState;
use crate::domain::ticket::{Status, Ticket};
use crate::projections::search::{Order, Place, Selection, TicketSet, facet};
use crate::protocol::problem::Problem;
use crate::protocol::reading::{AssigneeFilter, ListQuery, SortKey};
use crate::protocol::views::{Page, PageMeta};

/// A list and who asks for it.
pub struct Wanted {
    pub query: ListQuery,
    /// Teams whose tickets the asker may not see.
    pub hidden: Vec<String>,
}

impl std::ops::Deref for Wanted {
    type Target = ListQuery;

    fn deref(&self) -> &ListQuery {
        &self.query
    }
}

/// Tickets that are looked at one by one before the index is waited for.
const WALK: u64 = 5_000;

/// Up to where the index must have read before this list can be made: what changed later is in memory.
pub fn needs_index(core: &Core, query: &Wanted) -> Option<Seq> {
    let desk = core.desk.read();
    let closed = wants_closed(query).then_some(desk.overlay.from);
    closed.max(query.q.is_some().then(|| desk.tail.from()))
}

/// A page in order of id without the index, ticket by ticket. `None` where another order is asked for or too few of the tickets
/// match: then the index must be waited for.
pub fn walk(core: &Core, query: &Wanted) -> Result<Option<Page<Ticket>>, Problem> {
    if query.q.is_some() || query.sort.key != SortKey::Id {
        return Ok(None);
    }
    let order = cursor::order(query.sort);
    let after = query.after.as_deref().map(|text| cursor::decode(query.sort, text)).transpose()?;
    let after = after.map(|place| order.parts(place).1.get());
    let last = core.journal.last_ticket().get();
    let (from, to) = if query.sort.descending {
        (1, after.map_or(last, |after| after.saturating_sub(1).min(last)))
    } else {
        (after.map_or(1, |after| after.saturating_add(1)), last)
    };
    let mut rows = Vec::new();
    for step in 0..(to + 1).saturating_sub(from) {
        if step == WALK {
            return Ok(None);
        }
        let id = TicketId(if query.sort.descending { to - step } else { from + step });
        if let Some(state) = core.state(id)?
            && matches(query, &state.ticket)
        {
            rows.push(Row { place: order.place(&state.ticket), state: Some(state) });
            if rows.len() > query.size {
                break;
            }
        }
    }
    finish(core, query, rows).map(Some)
}

pub fn page(core: &Core, query: &Wanted) -> Result<Page<Ticket>, Problem> {
    let order = cursor::order(query.sort);
    let after = query.after.as_deref().map(|text| cursor::decode(query.sort, text)).transpose()?;
    let within = match &query.q {
        None => None,
        Some(q) => {
            let (view, texts) = {
                let desk = core.desk.read();
                // The tail grew too long since the index was waited for.
                let view = desk.view.clone().filter(|view| view.seq() >= desk.tail.from());
                (view, desk.tail.texts())
            };
            Some(
                view.ok_or_else(super::index_not_ready)?
                    .matching(q, &texts)
                    .map_err(|error| core.index_failed(&error))?,
            )
        }
    };
    // One more than the page holds says whether there is another page.
    let mut first = First { order, after, within: within.as_ref(), limit: query.size + 1, best: BinaryHeap::new() };
    let (view, except) = {
        let desk = core.desk.read();
        if wants_active(query) {
            first.take_active(&desk, query);
        }
        for (_, state) in desk.overlay.closed.values() {
            first.offer(query, state);
        }
        (desk.view.clone().filter(|view| view.seq() >= desk.overlay.from), desk.overlay.ids())
    };
    let mut rows = first.best.into_sorted_vec();
    if wants_closed(query) {
        let selection = Selection {
            facets: facets(query),
            without: query.hidden.iter().map(|team| facet::team(team)).collect(),
            order,
            after,
            before: rows.get(query.size).map(|row| row.place),
            within: within.as_ref(),
            except: &except,
            limit: query.size + 1,
        };
        let view = view.ok_or_else(super::index_not_ready)?;
        let closed = view.closed(&selection).map_err(|error| core.index_failed(&error))?;
        rows.extend(closed.into_iter().map(|place| Row { place, state: None }));
        rows.sort_unstable_by_key(|row| row.place);
    }
    finish(core, query, rows)
}

/// Cuts the rows, which are in order and one more than the page if there are as many, to the page.
fn finish(core: &Core, query: &Wanted, mut rows: Vec<Row>) -> Result<Page<Ticket>, Problem> {
    let has_more = rows.len() > query.size;
    rows.truncate(query.size);
    let after_cursor = rows.last().filter(|_| has_more).map(|row| cursor::encode(query.sort, row.place));
    let order = cursor::order(query.sort);
    let data = rows.into_iter().map(|row| load(core, order, row)).collect::<Result<_, _>>()?;
    Ok(Page { data, meta: PageMeta { has_more, after_cursor } })
}

fn load(core: &Core, order: Order, row: Row) -> Result<Ticket, Problem> {
    if let Some(state) = row.state {
        return Ok(state.ticket.clone());
    }
    let (_, id) = order.parts(row.place);
    match core.journal.state(id).map_err(|error| fault(&error))? {
        Some(state) => Ok(state.ticket),
        None => Err(core.index_failed(&format_args!("it holds ticket {id}, which the journal does not know"))),
    }
}

/// The first tickets of those that are offered.
struct First<'a> {
    order: Order,
    after: Option<Place>,
    within: Option<&'a TicketSet>,
    limit: usize,
    best: BinaryHeap<Row>,
}

/// A ticket's place in the list. One that came from the index is read from the journal when the page is complete.
struct Row {
    place: Place,
    state: Option<Arc<TicketState>>,
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Row {}

impl PartialOrd for Row {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Row {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place.cmp(&other.place)
    }
}

impl First<'_> {
    fn take_active(&mut self, desk: &Desk, query: &Wanted) {
        let all = desk.board.tickets();
        match (query.sort.key, query.sort.descending) {
            // In order of id the first matches are the page.
            (SortKey::Id, false) => all.for_each_until(|state| self.offer_in_order(query, state)),
            (SortKey::Id, true) => all.rev().for_each_until(|state| self.offer_in_order(query, state)),
            _ => all.for_each(|state| self.offer(query, state)),
        }
    }

    /// Returns whether there is room for more.
    fn offer_in_order(&mut self, query: &Wanted, state: &Arc<TicketState>) -> bool {
        self.offer(query, state);
        self.best.len() < self.limit
    }

    fn offer(&mut self, query: &Wanted, state: &Arc<TicketState>) {
        let ticket = &state.ticket;
        let place = self.order.place(ticket);
        let is_wanted = self.after.is_none_or(|after| place > after)
            && (self.best.len() < self.limit || self.best.peek().is_some_and(|worst| place < worst.place))
            && matches(query, ticket)
            && self.within.is_none_or(|within| within.contains(ticket.id));
        if is_wanted {
            self.best.push(Row { place, state: Some(Arc::clone(state)) });
            if self.best.len() > self.limit {
                self.best.pop();
            }
        }
    }
}

trait Until: Iterator + Sized {
    fn for_each_until(self, mut go_on: impl FnMut(Self::Item) -> bool) {
        for item in self {
            if !go_on(item) {
                break;
            }
        }
    }
}

impl<I: Iterator> Until for I {}

fn wants_closed(query: &Wanted) -> bool {
    query.statuses.is_empty() || query.statuses.contains(&Status::Closed)
}

fn wants_active(query: &Wanted) -> bool {
    query.statuses.is_empty() || query.statuses.iter().any(|status| *status != Status::Closed)
}

fn matches(query: &Wanted, ticket: &Ticket) -> bool {
    let any_of = |wanted: &[String], value: Option<&str>| {
        wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|one| one == value))
    };
    let assignee = |filter: &AssigneeFilter| match filter {
        AssigneeFilter::Nobody => ticket.assignee.is_none(),
        AssigneeFilter::User(user) => ticket.assignee.as_ref() == Some(user),
    };
    let is_hidden = |team: &String| query.hidden.contains(team);
    !ticket.team.as_ref().is_some_and(is_hidden)
        && (query.statuses.is_empty() || query.statuses.contains(&ticket.status))
        && (query.priorities.is_empty() || query.priorities.contains(&ticket.priority))
        && (query.assignees.is_empty() || query.assignees.iter().any(assignee))
        && any_of(&query.teams, ticket.team.as_deref())
        && any_of(&query.categories, ticket.category.as_deref())
        && (query.tags.is_empty() || query.tags.iter().any(|tag| ticket.tags.contains(tag)))
        && (query.requesters.is_empty() || query.requesters.contains(&ticket.requester.email.to_lowercase()))
}

/// The same filters for closed tickets, as the index knows them.
fn facets(query: &Wanted) -> Vec<Vec<String>> {
    let assignee = |filter: &AssigneeFilter| match filter {
        AssigneeFilter::Nobody => facet::assignee(None),
        AssigneeFilter::User(user) => facet::assignee(Some(user)),
    };
    let groups: [Vec<String>; 6] = [
        query.priorities.iter().map(|priority| facet::priority(*priority)).collect(),
        query.assignees.iter().map(assignee).collect(),
        query.teams.iter().map(|team| facet::team(team)).collect(),
        query.categories.iter().map(|category| facet::category(category)).collect(),
        query.tags.iter().map(|tag| facet::tag(tag)).collect(),
        query.requesters.iter().map(|email| facet::requester(email)).collect(),
    ];
    groups.into_iter().filter(|group| !group.is_empty()).collect()
}
