//! The one queue: looking at it, and taking its first ticket.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Payload;

use super::call::Call;
use super::operation::{Access, Answer, Body, KeyUse, Operation, Param, ParamKind, schema};
use super::reply::{self, Reply};
use super::tickets::ticket;
use crate::domain::command::{ClaimNext, Command};
use crate::domain::permissions::Permission;
use crate::domain::ticket::Ticket;
use crate::protocol::views::QueueView;

pub static SHOW: Operation = Operation {
    id: "get_queue",
    path: "/api/v1/queue",
    tag: "queue",
    summary: "Look at the queue",
    detail: "In the order in which it will be handed out, each ticket with the reason for its rank, and the counts.",
    access: Access::Needs(Permission::TicketRead),
    query: &[Param { name: "limit", what: "1 to 1000, 100 if absent.", kind: ParamKind::Integer }],
    answers: &[Answer::json(200, "The queue.", schema::<QueueView>)],
    codes: &[crate::protocol::code::Code::Overloaded],
    ..Operation::BASE
};

pub static CLAIM: Operation = Operation {
    id: "claim_next",
    method: "POST",
    path: "/api/v1/queue/claim",
    tag: "queue",
    summary: "Take the next ticket",
    detail: "Gives the caller the first eligible ticket, assigned and open. Never the same ticket to two callers.",
    access: Access::Needs(Permission::TicketWrite),
    key: KeyUse::Taken,
    body: Body::Optional(schema::<ClaimNext>),
    answers: &[
        Answer::written(200, "The ticket that was handed out.", schema::<Ticket>),
        Answer::empty(204, "There is none."),
    ],
    ..Operation::BASE
};

pub async fn show(call: Call) -> Reply {
    let limit = call.params.integer("limit", 1..=1000, 100)?;
    let view = call.desk.gateway.queue(limit as usize, call.principal()).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &view))
}

pub async fn claim(call: Call, payload: Payload) -> Reply {
    let body: ClaimNext = call.optional_json(payload).await?;
    let done = call.execute(None, Command::ClaimNext(body)).await?;
    if done.ticket.is_some() {
        return ticket(StatusCode::OK, &done);
    }
    let mut answer = reply::no_content();
    reply::seq(&mut answer, done.seq);
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(answer.finish())
}
