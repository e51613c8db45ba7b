//! Lists of tickets: active ones from the board in memory, closed ones from the search index, in one order.
//!
//! What the index does not hold yet lies in the overlay, so a list contains every acknowledged write without waiting for the
//! index. Called by [`super::Reads`] on threads that may block.

use std::collections::BinaryHeap;
use std::ops::Bound;
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

/// Active tickets that are looked at in one go: a commit waits for no more than these.
const AT_A_TIME: usize = if cfg!(test) { 5 } else { 1_000 };
/// Rows beyond the page that are found as well, in place of those that change while the tickets are looked at.
const SPARE: usize = 64;

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
    let limit = query.size + 1 + SPARE;
    let mut first = First { order, after, within: within.as_ref(), limit, best: BinaryHeap::new() };
    let (began, mut reached) = (core.desk.read().board.seq(), None);
    while wants_active(query) && first.take_some(&core.desk.read(), query, &mut reached) {}
    let (view, except) = {
        let desk = core.desk.read();
        if wants_active(query) {
            first.catch_up(&desk, query, began);
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
    /// Looks at the next few active tickets, after `reached`. False where there are no more, or none that could be on the page.
    fn take_some(&mut self, desk: &Desk, query: &Wanted, reached: &mut Option<TicketId>) -> bool {
        let is_backward = query.sort.key == SortKey::Id && query.sort.descending;
        let from = reached.map_or(Bound::Unbounded, Bound::Excluded);
        let mut looked_at = 0;
        let mut look = |state: &Arc<TicketState>| {
            self.offer(query, state);
            looked_at += 1;
            *reached = Some(state.ticket.id);
        };
        if is_backward {
            desk.board.range((Bound::Unbounded, from)).rev().take(AT_A_TIME).for_each(&mut look);
        } else {
            desk.board.range((from, Bound::Unbounded)).take(AT_A_TIME).for_each(&mut look);
        }
        // In order of id the first matches are the page.
        let is_full = query.sort.key == SortKey::Id && self.best.len() >= self.limit;
        looked_at == AT_A_TIME && !is_full
    }

    /// Takes in what changed since the board stood at `began`, so that all rows are of this moment.
    fn catch_up(&mut self, desk: &Desk, query: &Wanted, began: Seq) {
        if desk.board.seq() == began {
            return;
        }
        let found = self.best.len();
        let changed = desk.changes.since(began);
        if let Some(changed) = &changed {
            self.best.retain(|row| !row.state.as_ref().is_some_and(|state| changed.contains(&state.ticket.id)));
        }
        match changed {
            // What was pushed out by a row that is gone now was no better than the spare ones.
            Some(changed) if found - self.best.len() <= SPARE => {
                changed.iter().filter_map(|id| desk.board.get(*id)).for_each(|state| self.offer(query, state));
            }
            // Too much of it: once more, at one moment.
            _ => {
                self.best.clear();
                desk.board.tickets().for_each(|state| self.offer(query, state));
            }
        }
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
        && (query.requesters.is_empty() || is_one_of(&query.requesters, &ticket.requester.email))
}

/// Whether an address is one of these, which are lower case. Nearly every address is ASCII, and costs no allocation.
fn is_one_of(addresses: &[String], address: &str) -> bool {
    if address.is_ascii() {
        return addresses.iter().any(|wanted| wanted.eq_ignore_ascii_case(address));
    }
    addresses.contains(&address.to_lowercase())
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

#[cfg(test)]
mod tests {
    use super::super::{Changes, Overlay};
    use super::*;
    use crate::journal::sample::{moved, opened};
    use crate::projections::board::Board;
    use crate::projections::search::Tail;
    use crate::protocol::reading::Sort;

    fn desk(tickets: u64) -> Desk {
        let mut desk = Desk {
            board: Board::new(),
            overlay: Overlay::new(Seq::ZERO),
            tail: Tail::new(Seq::ZERO),
            view: None,
            changes: Changes::new(Seq::ZERO),
        };
        (1..=tickets).for_each(|id| open(&mut desk, id));
        desk
    }

    fn open(desk: &mut Desk, id: u64) {
        let seq = desk.board.seq().next();
        desk.take(None, &opened(TicketId(id), "Hello").parts[0].after, seq);
    }

    fn change(desk: &mut Desk, id: u64, status: Status) {
        let before = Arc::clone(desk.board.get(TicketId(id)).unwrap());
        let seq = desk.board.seq().next();
        desk.take(Some(&before), &moved(&before, status).parts[0].after, seq);
    }

    fn first(query: &ListQuery) -> First<'static> {
        let limit = query.size + 1 + SPARE;
        First { order: cursor::order(query.sort), after: None, within: None, limit, best: BinaryHeap::new() }
    }

    fn page_of(first: First<'_>, size: usize) -> Vec<u64> {
        let rows = first.best.into_sorted_vec();
        rows.iter().take(size + 1).map(|row| row.state.as_ref().unwrap().ticket.id.get()).collect()
    }

    /// F75: a list that looks at the board in several goes is that of one moment, however much changes in between.
    #[test]
    fn f75_a_list_in_several_goes_is_of_one_moment() {
        for key in [SortKey::Id, SortKey::UpdatedAt] {
            for descending in [false, true] {
                for changes in [0, 1, 30, 70, 200, 5_000] {
                    let sort = Sort { key, descending };
                    let query = ListQuery { sort, size: 20, statuses: vec![Status::New], ..ListQuery::default() };
                    let query = Wanted { query, hidden: Vec::new() };
                    let mut desk = desk(300);
                    let (mut first, mut reached) = (self::first(&query), None);
                    let began = desk.board.seq();
                    for _ in 0..20 {
                        first.take_some(&desk, &query, &mut reached);
                    }
                    for number in 0..changes {
                        let id = number % 250 + 1;
                        let id = if descending { 301 - id } else { id };
                        let status = [Status::Open, Status::New, Status::Pending][(number / 250 % 3) as usize];
                        change(&mut desk, id, status);
                    }
                    change(&mut desk, 150, Status::Closed);
                    open(&mut desk, 301);
                    while first.take_some(&desk, &query, &mut reached) {}
                    first.catch_up(&desk, &query, began);

                    let mut whole = self::first(&query);
                    desk.board.tickets().for_each(|state| whole.offer(&query, state));
                    let (found, expected) = (page_of(first, query.size), page_of(whole, query.size));
                    assert_eq!(found, expected, "{key:?}, descending: {descending}, {changes} changes");
                }
            }
        }
    }
}
