//! The rules: a ticket and a command give records, or a refusal. Pure: time, ids and the desk's settings come in [`Context`].
//!
//! Called by the ticket actors for every command of people, programs and the desk itself. Refusals come in this order:
//! permission, existence, expected version, closed, and then what the command itself demands.

use super::command::{AddMessage, Command, SystemCommand, UpdateTicket};
use super::event::Event;
use super::ids::{CommandId, MessageId, TicketId, Version};
use super::permissions::{Permission, Principal};
use super::record::Draft;
use super::rejection::{FieldError, Rejection};
use super::rules::{FieldLimits, People, Rules};
use super::state::TicketState;
use super::ticket::{Status, TriageDecided};
use super::time::Timestamp;

mod clocks;
mod fields;
mod hold;
mod message;
mod pair;
mod triage;
mod undo;
mod work;

use work::Work;

/// What a decision depends on beside the ticket.
#[derive(Clone)]
pub struct Context<'a> {
    pub now: Timestamp,
    pub principal: &'a Principal,
    pub command_id: &'a CommandId,
    /// The command came by WebSocket.
    pub live: bool,
    pub rules: &'a Rules,
    pub people: &'a dyn People,
    pub limits: &'a FieldLimits,
    /// Fresh, for the one message that a command may add.
    pub message_id: MessageId,
}

/// What a command does to one ticket.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// In order; empty when nothing changes.
    pub drafts: Vec<Draft>,
    pub after: TicketState,
}

/// Decides a command on one ticket. `before` is `None` for `Create`, and where there is no such ticket.
///
/// A command that needs another ticket too ([`needs_other`]) goes to [`decide_pair`]; here it is refused, since whoever
/// passes it alone found no other ticket.
pub fn decide(
    before: Option<&TicketState>,
    id: TicketId,
    expect: Option<Version>,
    command: &Command,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    permit(context, Permission::TicketWrite)?;
    if let Command::Create(create) = command {
        return match before {
            None => message::create(id, create, context),
            Some(state) => Err(Rejection::VersionConflict { version: state.ticket.version }),
        };
    }
    // What the caller may not see is not there.
    let state = before.filter(|state| is_seen(state, context)).ok_or(Rejection::NotFound)?;
    check_expected(state, expect)?;
    match command {
        // Closed or not is the undone command's question.
        Command::Undo(undo) => return undo::one(state, undo, context),
        Command::System(system) => return decide_system(state, system, context),
        _ => {}
    }
    check_active(state)?;
    let mut work = Work::on(state, context);
    match command {
        Command::Create(_) | Command::Undo(_) | Command::System(_) => unreachable!("invariant: decided above"),
        Command::Update(update) => {
            let mut patch = fields::patch_of(&state.ticket, update, context)?;
            if !patch.is_empty() {
                let changes = fields::changes_of(&patch);
                let decided = triage::decide_by_hand(&state.ticket, &mut patch, context);
                work.act(Event::Updated { changes, decided }, patch);
            }
            Ok(work.done())
        }
        Command::Message(add) => message::add(work, add),
        Command::Claim(_) | Command::ClaimNext(_) => hold::claim(work),
        Command::Release(release) => hold::release(work, release),
        Command::Skip(skip) => hold::skip(work, skip),
        Command::Triage(_) => triage::ask(work),
        Command::TriageAccept(accept) => triage::accept(work, accept),
        Command::TriageReject(reject) => triage::reject(work, reject),
        Command::Merge(merge) => Err(no_other(id, merge.into, "/into")),
        Command::Link(link) | Command::Unlink(link) => Err(no_other(id, link.to, "/to")),
    }
}

/// Decides a merge, a link, an unlink or the undo of one of them: both tickets change, or none.
pub fn decide_pair(
    this: &TicketState,
    other: &TicketState,
    expect: Option<Version>,
    command: &Command,
    context: &Context<'_>,
) -> Result<(Decision, Decision), Rejection> {
    permit(context, Permission::TicketWrite)?;
    if !is_seen(this, context) {
        return Err(Rejection::NotFound);
    }
    check_expected(this, expect)?;
    if !is_seen(other, context) {
        return Err(match command {
            Command::Merge(_) => absent("/into"),
            Command::Undo(_) => Rejection::CannotUndo { by: None, reason: "the other ticket is not there" },
            _ => absent("/to"),
        });
    }
    if let Command::Undo(undo) = command {
        return undo::both(this, other, undo, context);
    }
    check_active(this)?;
    match command {
        Command::Merge(merge) => pair::merge(this, other, merge, context),
        Command::Link(link) => pair::link(this, other, link, context),
        Command::Unlink(link) => pair::unlink(this, other, link, context),
        _ => Ok((decide(Some(this), this.ticket.id, expect, command, context)?, Work::on(other, context).done())),
    }
}

/// Which other ticket a command needs: the one to merge into or to link with, or the other side of what is undone. `None`
/// for a ticket's link with itself, which `decide` refuses.
pub fn needs_other(state: &TicketState, command: &Command) -> Option<TicketId> {
    match command {
        Command::Merge(merge) => Some(merge.into),
        Command::Link(link) | Command::Unlink(link) => Some(link.to),
        Command::Undo(undo) => {
            let mut named = state.background.recent.iter().rev().filter(|recent| recent.command_id == undo.command_id);
            named.find_map(|recent| recent.other)
        }
        _ => None,
    }
    .filter(|other| *other != state.ticket.id)
}

/// A message to a closed ticket: the ticket that it opens, told apart by `follow_up_of`.
pub fn decide_follow_up(
    closed: &TicketState,
    id: TicketId,
    message: &AddMessage,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if !is_seen(closed, context) {
        return Err(Rejection::NotFound);
    }
    message::follow_up(closed, id, message, context)
}

fn decide_system(state: &TicketState, command: &SystemCommand, context: &Context<'_>) -> Result<Decision, Rejection> {
    if !context.principal.is_system() {
        return Err(Rejection::Forbidden(Permission::SettingsWrite));
    }
    let mut work = Work::on(state, context);
    match command {
        SystemCommand::CheckSla => {
            work.breach_overdue();
            Ok(work.done())
        }
        SystemCommand::CloseSolved => {
            if state.closes_at(context.rules.close_solved_after_ms).is_some_and(|at| at <= context.now) {
                let update = UpdateTicket { status: Some(Status::Closed), ..UpdateTicket::default() };
                let patch = fields::patch_of(&state.ticket, &update, context)?;
                let changes = fields::changes_of(&patch);
                work.act(Event::Updated { changes, decided: TriageDecided::default() }, patch);
            }
            Ok(work.done())
        }
        SystemCommand::ReleaseVanished { holder } => Ok(hold::release_vanished(work, holder)),
        SystemCommand::Triage { triage, apply } => {
            check_active(state)?;
            triage::propose(work, triage, apply)
        }
        SystemCommand::Incident(incident) => {
            check_active(state)?;
            Ok(triage::join(work, *incident))
        }
    }
}

fn permit(context: &Context<'_>, permission: Permission) -> Result<(), Rejection> {
    if context.principal.may(permission) { Ok(()) } else { Err(Rejection::Forbidden(permission)) }
}

/// Whether the ticket lies in the caller's sight.
fn is_seen(state: &TicketState, context: &Context<'_>) -> bool {
    context.rules.private_teams.sees(context.principal, state.ticket.team.as_deref())
}

/// Another ticket that is named and not there, or not for the caller: nobody can tell which.
pub fn absent(pointer: &str) -> Rejection {
    Rejection::InvalidField(vec![FieldError::new(pointer, "unknown_value", "there is no such ticket")])
}

fn check_expected(state: &TicketState, expect: Option<Version>) -> Result<(), Rejection> {
    let version = state.ticket.version;
    if expect.is_none_or(|expect| expect == version) { Ok(()) } else { Err(Rejection::VersionConflict { version }) }
}

fn check_active(state: &TicketState) -> Result<(), Rejection> {
    if state.ticket.is_active() { Ok(()) } else { Err(Rejection::TicketClosed) }
}

fn no_other(id: TicketId, other: TicketId, pointer: &str) -> Rejection {
    let detail = if id == other { "a ticket stands in no relation to itself" } else { "there is no such ticket" };
    pair::refused(pointer, detail)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
