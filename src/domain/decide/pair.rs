//! Commands that change two tickets, both or none: merge, link, unlink.

use super::super::command::{LinkTicket, Merge};
use super::super::event::Event;
use super::super::patch::Patch;
use super::super::rejection::{FieldError, Rejection};
use super::super::state::{LINKS, TicketState};
use super::super::ticket::{Link, LinkKind, Status, Ticket};
use super::work::Work;
use super::{Context, Decision};

pub(super) fn merge(
    this: &TicketState,
    other: &TicketState,
    _: &Merge,
    context: &Context<'_>,
) -> Result<(Decision, Decision), Rejection> {
    if !other.ticket.is_active() {
        return Err(refused("/into", "the ticket to merge into is closed"));
    }
    room_for(&other.ticket, Link { to: this.ticket.id, kind: LinkKind::MergedFrom }, "/into")?;
    let mut source = Work::on(this, context);
    let patch = Patch { status: Some(Status::Closed), merged_into: Some(Some(other.ticket.id)), ..Patch::default() };
    source.act(Event::Merged { into: other.ticket.id }, patch);
    let mut target = Work::on(other, context);
    let patch = with_link(&other.ticket, Link { to: this.ticket.id, kind: LinkKind::MergedFrom });
    target.act(Event::MergedIn { from: this.ticket.id }, patch);
    Ok((source.done(), target.done()))
}

pub(super) fn link(
    this: &TicketState,
    other: &TicketState,
    command: &LinkTicket,
    context: &Context<'_>,
) -> Result<(Decision, Decision), Rejection> {
    let (here, there) = sides(this, other, command)?;
    room_for(&this.ticket, here, "/to")?;
    room_for(&other.ticket, there, "/to")?;
    let side = |state: &TicketState, link: Link| {
        let mut work = Work::on(state, context);
        if !state.ticket.links.contains(&link) {
            work.act(Event::Linked { to: link.to, kind: link.kind }, with_link(&state.ticket, link));
        }
        work.done()
    };
    Ok((side(this, here), side(other, there)))
}

pub(super) fn unlink(
    this: &TicketState,
    other: &TicketState,
    command: &LinkTicket,
    context: &Context<'_>,
) -> Result<(Decision, Decision), Rejection> {
    let (here, there) = sides(this, other, command)?;
    let side = |state: &TicketState, link: Link| {
        let mut work = Work::on(state, context);
        if state.ticket.links.contains(&link) {
            work.act(Event::Unlinked { to: link.to, kind: link.kind }, without_link(&state.ticket, link));
        }
        work.done()
    };
    Ok((side(this, here), side(other, there)))
}

/// The link as each side says it.
fn sides(this: &TicketState, other: &TicketState, command: &LinkTicket) -> Result<(Link, Link), Rejection> {
    if !other.ticket.is_active() {
        return Err(refused("/to", "the other ticket is closed"));
    }
    let inverse = command.kind.inverse().ok_or_else(|| refused("/kind", "only a merge makes this link"))?;
    Ok((Link { to: other.ticket.id, kind: command.kind }, Link { to: this.ticket.id, kind: inverse }))
}

/// One more link is refused where a ticket has as many as it may.
fn room_for(ticket: &Ticket, link: Link, pointer: &str) -> Result<(), Rejection> {
    if has_room_for(ticket, link) {
        return Ok(());
    }
    let detail = format!("ticket {} has {LINKS} links already, and may have no more", ticket.id);
    Err(Rejection::InvalidField(vec![FieldError::new(pointer, "too_many", detail)]))
}

pub(super) fn has_room_for(ticket: &Ticket, link: Link) -> bool {
    ticket.links.len() < LINKS || ticket.links.contains(&link)
}

pub(super) fn with_link(ticket: &Ticket, link: Link) -> Patch {
    let mut links = ticket.links.clone();
    if let Err(place) = links.binary_search(&link) {
        links.insert(place, link);
    }
    Patch { links: Some(links), ..Patch::default() }
}

pub(super) fn without_link(ticket: &Ticket, link: Link) -> Patch {
    let links = ticket.links.iter().copied().filter(|listed| *listed != link).collect();
    Patch { links: Some(links), ..Patch::default() }
}

pub(super) fn refused(pointer: &str, detail: &str) -> Rejection {
    Rejection::InvalidField(vec![FieldError::new(pointer, "invalid", detail)])
}
