//! Tickets: opening, listing, showing and changing them.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Payload;

use super::call::Call;
use super::list_query;
use super::operation::{Access, Answer, Body, KeyUse, Operation, Param, ParamKind, page_of, schema};
use super::reply::{self, Reply};
use crate::domain::command::{Command, CreateTicket, UpdateTicket};
use crate::domain::ids::{TicketId, Version};
use crate::domain::permissions::Permission;
use crate::domain::record::Record;
use crate::domain::ticket::Ticket;
use crate::protocol::code::Code;
use crate::protocol::gateway::Done;
use crate::protocol::problem::Problem;
use crate::protocol::views::TicketWith;

/// Records that are read at once for `include=events`.
const EVENTS_AT_ONCE: usize = 1000;

pub static LIST: Operation = Operation {
    id: "list_tickets",
    path: "/api/v1/tickets",
    tag: "tickets",
    summary: "List tickets",
    detail: "Every parameter that is given must hold; repeated parameters mean any of. The list has every write that was \
             acknowledged before the request. Under `id` and `created_at` a ticket that matches from the first page to the \
             last comes exactly once.",
    access: Access::Needs(Permission::TicketRead),
    query: list_query::PARAMS,
    answers: &[Answer::json(200, "A page of tickets.", page_of::<Ticket>)],
    ..Operation::BASE
};

pub static CREATE: Operation = Operation {
    id: "create_ticket",
    method: "POST",
    path: "/api/v1/tickets",
    tag: "tickets",
    summary: "Open a ticket",
    detail: "The `body` becomes the first message of the thread: public, inbound, by the requester.",
    access: Access::Needs(Permission::TicketWrite),
    key: KeyUse::Taken,
    body: Body::Json(schema::<CreateTicket>),
    answers: &[Answer::written(201, "The new ticket; `Location` is its address.", schema::<Ticket>)],
    ..Operation::BASE
};

pub static SHOW: Operation = Operation {
    id: "get_ticket",
    path: "/api/v1/tickets/{id}",
    tag: "tickets",
    summary: "Show a ticket",
    detail: "`ETag` is its version; with `If-None-Match` an unchanged ticket is 304.",
    access: Access::Needs(Permission::TicketRead),
    query: &[Param {
        name: "include",
        what: "The whole thread, and the ticket's records.",
        kind: ParamKind::List(&["messages", "events"]),
    }],
    answers: &[
        Answer::json(200, "The ticket.", schema::<TicketWith>),
        Answer::empty(304, "Not changed since the version of `If-None-Match`."),
    ],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub static UPDATE: Operation = Operation {
    id: "update_ticket",
    method: "PATCH",
    path: "/api/v1/tickets/{id}",
    tag: "tickets",
    summary: "Change a ticket",
    detail: "All or nothing. An absent field stays as it is, `null` empties it, `tags` and `custom` are replaced as a whole.",
    access: Access::Needs(Permission::TicketWrite),
    key: KeyUse::Taken,
    if_match: true,
    body: Body::Json(schema::<UpdateTicket>),
    answers: &[Answer::written(200, "The ticket after the change.", schema::<Ticket>)],
    codes: &[Code::NotFound, Code::IllegalMove, Code::TicketClosed],
    ..Operation::BASE
};

pub async fn list(call: Call) -> Reply {
    let query = list_query::parse(&call.params)?;
    let page = call.desk.reads.list(query, call.principal()).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &page))
}

pub async fn create(call: Call, payload: Payload) -> Reply {
    let body: CreateTicket = call.json(payload).await?;
    let done = call.execute(None, Command::Create(body)).await?;
    let mut answer = ticket(StatusCode::CREATED, &done)?;
    let id = done.ticket.as_ref().map(|ticket| ticket.id).unwrap_or_default();
    let location = header::HeaderValue::from_str(&format!("/api/v1/tickets/{id}"));
    answer.headers_mut().insert(header::LOCATION, location.expect("invariant: a number is a header's text"));
    Ok(answer)
}

pub async fn show(call: Call) -> Reply {
    let id = call.ticket()?;
    let (messages, events) = includes(&call)?;
    let ticket = call.desk.reads.ticket(id, call.principal()).await?;
    let tag = reply::etag(ticket.version);
    if is_known(&call, &tag) {
        let mut answer = HttpResponse::NotModified();
        return Ok(answer
            .insert_header((header::ETAG, tag))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .finish());
    }
    let with = TicketWith {
        messages: if messages { Some(call.desk.reads.thread(id, call.principal()).await?) } else { None },
        events: if events { Some(records(&call, id, ticket.version).await?) } else { None },
        ticket: Ticket::clone(&ticket),
    };
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::ETAG, tag));
    Ok(reply::finish(&call.request, &mut answer, reply::to_bytes(&with)))
}

pub async fn update(call: Call, payload: Payload) -> Reply {
    let id = call.ticket()?;
    let body: UpdateTicket = call.json(payload).await?;
    let done = call.execute(Some(id), Command::Update(body)).await?;
    ticket(StatusCode::OK, &done)
}

/// The answer of a write to one ticket.
pub fn ticket(status: StatusCode, done: &Done) -> Reply {
    match &done.ticket {
        Some(ticket) => Ok(reply::written(status, done, &**ticket)),
        None => Err(Problem::new(Code::Internal, "the desk lost the ticket that it changed").into()),
    }
}

fn includes(call: &Call) -> Result<(bool, bool), Problem> {
    let (mut messages, mut events) = (false, false);
    let names = call.params.one("include")?.unwrap_or_default();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match name {
            "messages" => messages = true,
            "events" => events = true,
            _ => return Err(Problem::field("/include", "unknown_value", "expected messages, events or both")),
        }
    }
    Ok((messages, events))
}

/// The records that made the ticket what it is in this answer: none that came after.
async fn records(call: &Call, id: TicketId, version: Version) -> Result<Vec<Record>, Problem> {
    let mut records: Vec<Record> = Vec::new();
    let mut after = Version::ZERO;
    loop {
        let page = call.desk.reads.ticket_events(id, after, EVENTS_AT_ONCE, call.principal()).await?;
        records.extend(page.records.into_iter().filter(|record| record.version <= version));
        match page.next_after {
            Some(next) if next < version => after = next,
            _ => return Ok(records),
        }
    }
}

fn is_known(call: &Call, tag: &str) -> bool {
    let known = call.request.headers().get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    // Weakly compared, as If-None-Match is.
    known
        .flat_map(|value| value.split(','))
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == tag)
}
