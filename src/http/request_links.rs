//! The private links of a ticket, as the desk's people see them: how many are out, a new one, and the end of all.

use actix_web::http::StatusCode;

use super::call::Call;
use super::operation::{Access, Answer, KeyUse, Operation, schema};
use super::reply::{self, Reply};
use crate::audit::{Action, Deed};
use crate::domain::permissions::Permission;
use crate::protocol::code::Code;
use crate::protocol::requests::{NewRequestLink, RequestLinks};

const BASE: Operation = Operation {
    path: "/api/v1/tickets/{id}/request-links",
    tag: "requests",
    access: Access::Needs(Permission::TicketWrite),
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub static LIST: Operation = Operation {
    id: "list_request_links",
    summary: "A ticket's private links",
    detail: "When each was made and by whom; never the secret.",
    access: Access::Needs(Permission::TicketRead),
    answers: &[Answer::json(200, "The links, oldest first.", schema::<RequestLinks>)],
    ..BASE
};

pub static CREATE: Operation = Operation {
    id: "create_request_link",
    method: "POST",
    summary: "Make a private link",
    detail: "For the requester, to follow the ticket and answer it: `/request#<token>`. Shown this once.",
    key: KeyUse::Refused,
    answers: &[Answer::json(201, "The link.", schema::<NewRequestLink>)],
    codes: &[Code::NotFound, Code::InvalidField],
    ..BASE
};

pub static REVOKE: Operation = Operation {
    id: "revoke_request_links",
    method: "DELETE",
    summary: "End a ticket's private links",
    detail: "All of them, at once.",
    key: KeyUse::Refused,
    answers: &[Answer::empty(204, "None works any more.")],
    ..BASE
};

pub async fn list(call: Call) -> Reply {
    let ticket = call.desk.reads.ticket(call.ticket()?, call.principal()).await?;
    let data = call.desk.people.request_links(ticket.id)?;
    Ok(reply::json(&call.request, StatusCode::OK, &RequestLinks { data }))
}

pub async fn create(call: Call) -> Reply {
    let ticket = call.desk.reads.ticket(call.ticket()?, call.principal()).await?;
    let by = call.principal().id.clone();
    let token = call.desk.people.make_request_link(ticket.id, Some(by)).await?;
    call.note(Deed::done(Action::RequestLinkCreated).on(ticket.id.to_string()));
    Ok(reply::json(&call.request, StatusCode::CREATED, &NewRequestLink { token }))
}

pub async fn revoke(call: Call) -> Reply {
    let ticket = call.desk.reads.ticket(call.ticket()?, call.principal()).await?;
    let ended = call.desk.people.revoke_request_links(ticket.id).await?;
    call.note(Deed::done(Action::RequestLinksRevoked).on(ticket.id.to_string()).with(format!("{ended} links")));
    Ok(reply::no_content().finish())
}
