//! Messages: what a public reply, a note and a requester's message do to a ticket, and the follow-up of a closed one.

use super::super::command::{AddMessage, CreateTicket};
use super::super::event::Event;
use super::super::ids::{TicketId, UserId};
use super::super::message::{Author, BodyFormat, Direction, Message, Visibility};
use super::super::patch::Patch;
use super::super::permissions::Permission;
use super::super::rejection::Rejection;
use super::super::state::TicketState;
use super::super::ticket::{Requester, Sla, Status, Ticket};
use super::fields::{Errors, move_to, ticket_of};
use super::work::Work;
use super::{Context, Decision, permit};

/// People whom one note mentions.
const MENTIONS: usize = 20;
/// People who are asked at a ticket at the same time: each record that changes them carries them all.
const MENTIONED: usize = 100;

pub(super) fn create(id: TicketId, create: &CreateTicket, context: &Context<'_>) -> Result<Decision, Rejection> {
    let ticket = ticket_of(create, id, context)?;
    let message = Message {
        id: context.message_id.clone(),
        visibility: Visibility::Public,
        direction: Direction::Inbound,
        author: Author::requester(&ticket.requester),
        body: create.body.clone(),
        body_format: create.body_format.unwrap_or_default(),
        attachments: Vec::new(),
        mentions: Vec::new(),
        at: context.now,
    };
    Ok(Work::open(ticket, Event::Created { message }, context).done())
}

pub(super) fn add(mut work: Work<'_>, add: &AddMessage) -> Result<Decision, Rejection> {
    let context = work.context;
    let state = work.state();
    let message = message_of(state, add, context)?;
    let ticket = &state.ticket;
    let mut patch = Patch {
        message_count: Some(ticket.message_count + 1),
        last_message_at: Some(Some(context.now)),
        ..Patch::default()
    };
    patch_by_message(ticket, &mut patch, &message, add.status, context)?;
    work.act(Event::MessageAdded { message }, patch);
    Ok(work.done())
}

/// The ticket that a message to a closed one opens.
pub(super) fn follow_up(
    closed: &TicketState,
    id: TicketId,
    add: &AddMessage,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    permit(context, Permission::TicketWrite)?;
    // What the customer says now must not be buried in a ticket that nobody opens.
    if add.status == Some(Status::Closed) {
        return Err(Rejection::IllegalMove { from: Status::New, to: Status::Closed });
    }
    let message = message_of(closed, add, context)?;
    let old = &closed.ticket;
    let mut ticket = Ticket {
        id,
        status: Status::New,
        created_at: context.now,
        updated_at: context.now,
        first_responded_at: None,
        solved_at: None,
        snoozed_until: None,
        merged_into: None,
        follow_up_of: Some(old.id),
        assignee: None,
        links: Vec::new(),
        sla: Sla::default(),
        triage: None,
        message_count: 1,
        last_message_at: Some(context.now),
        mentions: Vec::new(),
        ..old.clone()
    };
    let mut patch = Patch::default();
    patch_by_message(&ticket, &mut patch, &message, add.status, context)?;
    patch.apply_to(&mut ticket);
    Ok(Work::open(ticket, Event::Created { message }, context).done())
}

/// What the message changes beside the thread.
fn patch_by_message(
    ticket: &Ticket,
    patch: &mut Patch,
    message: &Message,
    status: Option<Status>,
    context: &Context<'_>,
) -> Result<(), Rejection> {
    patch.mentions = Some(mentions_after(&ticket.mentions, message));
    let public_reply = message.direction == Direction::Outbound && message.visibility == Visibility::Public;
    if let Some(status) = status {
        move_to(ticket, patch, status, context.now)?;
    }
    if message.direction == Direction::Inbound {
        patch.snoozed_until = Some(None);
        if status.is_none() && matches!(ticket.status, Status::Pending | Status::OnHold | Status::Solved) {
            move_to(ticket, patch, Status::Open, context.now)?;
        }
    }
    if public_reply && !context.principal.is_system() {
        if ticket.first_responded_at.is_none() {
            patch.first_responded_at = Some(Some(context.now));
        }
        if patch.status.unwrap_or(ticket.status) == Status::New {
            move_to(ticket, patch, Status::Open, context.now)?;
        }
    }
    Ok(())
}

fn message_of(state: &TicketState, add: &AddMessage, context: &Context<'_>) -> Result<Message, Rejection> {
    let direction = add.direction.unwrap_or(Direction::Outbound);
    let mut errors = Errors::default();
    errors.text("/body", &add.body, context.limits.message_chars);
    if direction == Direction::Inbound && add.visibility == Visibility::Internal {
        errors.add("/visibility", "invalid", "what the requester writes is public");
    }
    if add.mentions.len() > MENTIONS {
        errors.add("/mentions", "too_many", format!("at most {MENTIONS} people"));
    } else if !add.mentions.is_empty() && add.visibility == Visibility::Public {
        errors.add("/mentions", "invalid", "only notes mention colleagues");
    }
    for (index, user) in add.mentions.iter().enumerate().take(MENTIONS) {
        if !context.people.sees(user, state.ticket.team.as_deref()) {
            errors.add(
                format!("/mentions/{index}"),
                "unknown_value",
                "there is no such colleague who sees this ticket",
            );
        }
    }
    errors.into_result()?;
    if let Some(last_seen) = add.last_seen_version
        && state.background.last_public > last_seen
    {
        return Err(Rejection::StaleReply { ticket: state.ticket.id, last_seen });
    }
    let author = match direction {
        Direction::Inbound => Author::requester(&state.ticket.requester),
        Direction::Outbound => {
            Author { id: Some(context.principal.id.clone()), name: context.principal.name.to_string(), email: None }
        }
    };
    Ok(Message {
        id: context.message_id.clone(),
        visibility: add.visibility,
        direction,
        author,
        body: add.body.clone(),
        body_format: add.body_format.unwrap_or(BodyFormat::Text),
        attachments: add.attachments.clone(),
        mentions: sorted(add.mentions.clone()),
        at: context.now,
    })
}

/// Whoever writes has answered; whoever is mentioned is asked.
fn mentions_after(before: &[UserId], message: &Message) -> Vec<UserId> {
    let writer = message.author.id.as_ref();
    let waiting = before.iter().filter(|user| Some(*user) != writer);
    let asked = message.mentions.iter().filter(|user| Some(*user) != writer);
    let mut mentions = sorted(waiting.chain(asked).cloned().collect());
    mentions.truncate(MENTIONED);
    mentions
}

fn sorted(mut users: Vec<UserId>) -> Vec<UserId> {
    users.sort_unstable();
    users.dedup();
    users
}

impl Author {
    fn requester(requester: &Requester) -> Self {
        Self { id: None, name: requester.name.clone(), email: Some(requester.email.clone()) }
    }
}
