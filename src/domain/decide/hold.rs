//! Taking a ticket, giving it back, and not wanting it.

use super::super::command::{Release, Skip};
use super::super::event::Event;
use super::super::ids::UserId;
use super::super::patch::Patch;
use super::super::permissions::{Permission, Role};
use super::super::rejection::Rejection;
use super::super::ticket::Status;
use super::fields::{Errors, move_to};
use super::work::Work;
use super::{Decision, permit};

const REASON_CHARS: usize = 1_000;

pub(super) fn claim(mut work: Work<'_>) -> Result<Decision, Rejection> {
    let context = work.context;
    let caller = context.principal;
    if caller.is_system() {
        // The desk itself answers nobody.
        return Err(Rejection::Forbidden(Permission::TicketWrite));
    }
    let ticket = &work.state().ticket;
    match &ticket.assignee {
        Some(holder) if *holder == caller.id => return Ok(work.done()),
        Some(holder) => return Err(Rejection::AlreadyClaimed { holder: holder.clone() }),
        None => {}
    }
    if ticket.status == Status::Solved {
        return Err(Rejection::IllegalMove { from: Status::Solved, to: Status::Open });
    }
    if let Some(team) = &ticket.team
        && caller.role == Role::Agent
        && !caller.teams.is_empty()
        && !caller.teams.contains(team)
    {
        return Err(Rejection::Forbidden(Permission::TicketWrite));
    }
    let mut patch = Patch { assignee: Some(Some(caller.id.clone())), ..Patch::default() };
    move_to(ticket, &mut patch, Status::Open, context.now)?;
    work.act(Event::Claimed { holder: caller.id.clone(), live: context.live }, patch);
    Ok(work.done())
}

pub(super) fn release(mut work: Work<'_>, release: &Release) -> Result<Decision, Rejection> {
    let mut errors = Errors::default();
    if let Some(reason) = &release.reason
        && !reason.is_empty()
    {
        errors.text("/reason", reason, REASON_CHARS);
    }
    errors.into_result()?;
    let holder = work.state().ticket.assignee.as_ref().ok_or(Rejection::NotClaimed)?;
    if *holder != work.context.principal.id {
        permit(work.context, Permission::ReleaseOthers)?;
    }
    let reason = release.reason.clone().filter(|reason| !reason.is_empty());
    work.act(Event::Released { reason, vanished: None }, given_back());
    Ok(work.done())
}

/// The desk gives back what a vanished holder claimed live and never answered.
pub(super) fn release_vanished(mut work: Work<'_>, holder: &UserId) -> Decision {
    let state = work.state();
    let unanswered = state.background.claim.as_ref().is_some_and(|claim| claim.live && !claim.answered);
    if unanswered && state.ticket.assignee.as_ref() == Some(holder) && state.ticket.is_active() {
        work.act(Event::Released { reason: None, vanished: Some(holder.clone()) }, given_back());
    }
    work.done()
}

pub(super) fn skip(mut work: Work<'_>, skip: &Skip) -> Result<Decision, Rejection> {
    let mut errors = Errors::default();
    let reason = errors.line("/reason", &skip.reason, REASON_CHARS);
    errors.into_result()?;
    let by = work.context.principal.id.clone();
    let patch = if work.state().ticket.assignee.as_ref() == Some(&by) { given_back() } else { Patch::default() };
    work.act(Event::Skipped { by, reason }, patch);
    Ok(work.done())
}

fn given_back() -> Patch {
    Patch { assignee: Some(None), ..Patch::default() }
}
