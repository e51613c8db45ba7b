//! Undo: the inverse of a recent command, unless somebody acted on the same field since.

use super::super::command::Undo;
use super::super::event::Event;
use super::super::ids::UserId;
use super::super::patch::Patch;
use super::super::permissions::Permission;
use super::super::rejection::Rejection;
use super::super::state::{Recent, RecentKind, TicketState};
use super::super::ticket::Status;
use super::pair::{has_room_for, with_link, without_link};
use super::work::Work;
use super::{Context, Decision, permit, triage};

/// Fields that follow others or are put back piece by piece: two commands may both change them and not meet.
const FOLLOWING: [&str; 2] = ["sla", "solved_at"];

/// Undo of a command that changed this ticket alone.
pub(super) fn one(state: &TicketState, undo: &Undo, context: &Context<'_>) -> Result<Decision, Rejection> {
    let recent = find(state, undo, context)?;
    if !state.ticket.is_active() {
        return Err(Rejection::TicketClosed);
    }
    if recent.other.is_some() {
        return Err(cannot(None, "the other ticket is not there"));
    }
    side(state, recent, undo, context)
}

/// Undo of a merge or a link, from either side.
pub(super) fn both(
    this: &TicketState,
    other: &TicketState,
    undo: &Undo,
    context: &Context<'_>,
) -> Result<(Decision, Decision), Rejection> {
    let here = find(this, undo, context)?;
    if !this.ticket.is_active() && here.kind != RecentKind::Merged {
        return Err(Rejection::TicketClosed);
    }
    if here.other.is_none() {
        return Ok((side(this, here, undo, context)?, Work::on(other, context).done()));
    }
    let there = other
        .background
        .find_recent(&undo.command_id, &context.principal.id)
        .map(|index| &other.background.recent[index])
        .filter(|recent| !recent.undone && recent.by == here.by && recent.other == Some(this.ticket.id))
        .ok_or_else(|| cannot(None, "the other ticket does not remember the command"))?;
    if !other.ticket.is_active() && there.kind != RecentKind::Merged {
        return Err(cannot(last_mover(other, there), "the other ticket is closed"));
    }
    Ok((side(this, here, undo, context)?, side(other, there, undo, context)?))
}

/// The command that is meant, if the caller may undo it and it is recent enough.
fn find<'s>(state: &'s TicketState, undo: &Undo, context: &Context<'_>) -> Result<&'s Recent, Rejection> {
    let caller = &context.principal.id;
    let recent = state
        .background
        .find_recent(&undo.command_id, caller)
        .map(|index| &state.background.recent[index])
        .filter(|recent| context.now.millis_since(recent.at) <= context.rules.undo_window_ms)
        .ok_or_else(|| cannot(None, "there is no such command within the time that undo reaches back"))?;
    // What the desk did by itself is everybody's to take back.
    if recent.by != *caller && !recent.by.is_desk() {
        permit(context, Permission::UndoOthers)?;
    }
    if recent.kind == RecentKind::Fixed {
        return Err(cannot(None, "a command of this sort has no inverse"));
    }
    if recent.undone {
        return Err(cannot(None, "it is undone already"));
    }
    Ok(recent)
}

fn side(state: &TicketState, recent: &Recent, undo: &Undo, context: &Context<'_>) -> Result<Decision, Rejection> {
    free(state, recent)?;
    let ticket = &state.ticket;
    let mut patch = recent.restore.clone();
    patch.sla = None;
    triage::go_back(state, recent, &mut patch);
    if let Some(link) = recent.link {
        let put_on = recent.kind == RecentKind::Linked;
        if ticket.links.contains(&link) != put_on {
            return Err(cannot(last_mover(state, recent), "the link was changed since"));
        }
        if !put_on && !has_room_for(ticket, link) {
            return Err(cannot(last_mover(state, recent), "the ticket has as many links as it may by now"));
        }
        patch.links = if put_on { without_link(ticket, link) } else { with_link(ticket, link) }.links;
    }
    let assignee = patch.assignee.as_ref().unwrap_or(&ticket.assignee);
    let status = patch.status.unwrap_or(ticket.status);
    if status == Status::New && (assignee.is_some() || ticket.first_responded_at.is_some()) {
        return Err(cannot(last_mover(state, recent), "the ticket is in hand by now"));
    }
    if let Some(Some(user)) = &patch.assignee {
        let team = patch.team.as_ref().unwrap_or(&ticket.team).as_deref();
        if !context.people.is_assignable(user, team) {
            return Err(cannot(None, "the former holder cannot hold this ticket any more"));
        }
    }
    let mut work = Work::on(state, context);
    work.go_back(Event::Undone { command_id: undo.command_id.clone() }, patch, recent);
    Ok(work.done())
}

/// Refused when another command changed one of the fields since.
fn free(state: &TicketState, recent: &Recent) -> Result<(), Rejection> {
    let mut fields = recent.restore.fields();
    fields.retain(|field| !FOLLOWING.contains(field));
    if triage::is_about_fields(&recent.restore) {
        // What others made of the rest of the proposal stays theirs.
        fields.retain(|field| *field != "triage");
    }
    let later = state.background.recent.iter().rev().filter(|later| later.version > recent.version && !later.undone);
    for later in later {
        if later.restore.fields().iter().any(|field| fields.contains(field)) {
            return Err(cannot(Some(later.by.clone()), "somebody acted on the same field since"));
        }
    }
    Ok(())
}

/// Who came last after that command.
fn last_mover(state: &TicketState, recent: &Recent) -> Option<UserId> {
    state
        .background
        .recent
        .iter()
        .rev()
        .find(|later| later.version > recent.version && !later.undone)
        .map(|later| later.by.clone())
}

fn cannot(by: Option<UserId>, reason: &'static str) -> Rejection {
    Rejection::CannotUndo { by, reason }
}

impl Work<'_> {
    /// Puts the fields back. The clocks too, as if nothing had been, unless something else moved them since: then they go on
    /// from where they are.
    fn go_back(&mut self, event: Event, mut patch: Patch, recent: &Recent) {
        self.breach_overdue();
        if self.state().background.clocks_version <= recent.version {
            patch.sla.clone_from(&recent.restore.sla);
            self.step(event, patch);
        } else {
            self.act(event, patch);
        }
    }
}
