//! Messages of a ticket's thread.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::Call;
use super::operation::{Access, Answer, Body, KeyUse, Operation, schema};
use super::reply::{self, Reply};
use crate::domain::command::{AddMessage, Command};
use crate::domain::permissions::Permission;
use crate::domain::ticket::Ticket;
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::views::MessageAdded;

pub static ADD: Operation = Operation {
    id: "add_message",
    method: "POST",
    path: "/api/v1/tickets/{id}/messages",
    tag: "tickets",
    summary: "Add a message",
    detail: "A reply (`public`) or a note (`internal`); `direction: inbound` is the requester's. Where a public message came \
             after `last_seen_version`, 409 `stale_reply` has those messages, the oldest first, and `has_more` where they \
             are not all. A message to a closed ticket opens a follow-up, and the ticket of the answer is that one.",
    access: Access::Needs(Permission::TicketWrite),
    key: KeyUse::Taken,
    if_match: true,
    body: Body::Json(schema::<AddMessage>),
    answers: &[Answer::written(201, "The message and the ticket after it.", schema::<MessageAdded>)],
    codes: &[Code::NotFound, Code::StaleReply, Code::IllegalMove],
    ..Operation::BASE
};

pub async fn add(call: Call, payload: Payload) -> Reply {
    let id = call.ticket()?;
    let body: AddMessage = call.json(payload).await?;
    let done = call.execute(Some(id), Command::Message(body)).await?;
    let (Some(message), Some(ticket)) = (done.message.clone(), &done.ticket) else {
        return Err(Problem::new(Code::Internal, "the desk lost the message that it added").into());
    };
    let added = MessageAdded { message, ticket: Ticket::clone(ticket) };
    Ok(reply::written(StatusCode::CREATED, &done, &added))
}
