//! What can be done with one ticket beside changing its fields: take it, give it back, undo, merge, link, judge its triage.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::Call;
use super::operation::{Access, Answer, Body, KeyUse, Operation, schema};
use super::reply::Reply;
use super::tickets::ticket;
use crate::domain::command::{AcceptTriage, Command, Empty, LinkTicket, Merge, RejectTriage, Release, Skip, Undo};
use crate::domain::permissions::Permission;
use crate::domain::ticket::Ticket;
use crate::protocol::code::Code;

const ACTION: Operation = Operation {
    method: "POST",
    tag: "tickets",
    access: Access::Needs(Permission::TicketWrite),
    key: KeyUse::Taken,
    if_match: true,
    answers: &[Answer::written(200, "The ticket after it.", schema::<Ticket>)],
    ..Operation::BASE
};

pub static CLAIM: Operation = Operation {
    id: "claim_ticket",
    path: "/api/v1/tickets/{id}/claim",
    summary: "Take a ticket",
    detail: "Assigns it to the caller and opens it.",
    body: Body::Optional(schema::<Empty>),
    codes: &[Code::NotFound, Code::AlreadyClaimed, Code::IllegalMove, Code::TicketClosed],
    ..ACTION
};

pub static RELEASE: Operation = Operation {
    id: "release_ticket",
    path: "/api/v1/tickets/{id}/release",
    summary: "Give a ticket back",
    detail: "To the queue, by its holder or by a supervisor.",
    body: Body::Optional(schema::<Release>),
    codes: &[Code::NotFound, Code::NotClaimed, Code::TicketClosed],
    ..ACTION
};

pub static SKIP: Operation = Operation {
    id: "skip_ticket",
    path: "/api/v1/tickets/{id}/skip",
    summary: "Pass a ticket by",
    detail: "\"Not for me\": it goes back if the caller holds it, and is not offered to the caller for a while.",
    body: Body::Json(schema::<Skip>),
    codes: &[Code::NotFound, Code::TicketClosed],
    ..ACTION
};

pub static UNDO: Operation = Operation {
    id: "undo",
    path: "/api/v1/tickets/{id}/undo",
    summary: "Undo a command",
    detail: "The inverse of a command of the last ten minutes, by its author or a supervisor. Where somebody acted on the \
             same field since, it is 409 `cannot_undo`.",
    body: Body::Json(schema::<Undo>),
    codes: &[Code::NotFound, Code::CannotUndo, Code::TicketClosed],
    ..ACTION
};

pub static MERGE: Operation = Operation {
    id: "merge_ticket",
    path: "/api/v1/tickets/{id}/merge",
    summary: "Merge a ticket into another one",
    detail: "Closes this ticket and links the other one to it.",
    body: Body::Json(schema::<Merge>),
    codes: &[Code::NotFound, Code::TicketClosed],
    ..ACTION
};

pub static LINK: Operation = Operation {
    id: "link_ticket",
    path: "/api/v1/tickets/{id}/link",
    summary: "Link two tickets",
    detail: "Both carry the link, each from its own side.",
    body: Body::Json(schema::<LinkTicket>),
    codes: &[Code::NotFound, Code::TicketClosed],
    ..ACTION
};

pub static UNLINK: Operation = Operation {
    id: "unlink_ticket",
    path: "/api/v1/tickets/{id}/unlink",
    summary: "Take a link away",
    detail: "From both tickets.",
    body: Body::Json(schema::<LinkTicket>),
    codes: &[Code::NotFound, Code::TicketClosed],
    ..ACTION
};

pub static TRIAGE: Operation = Operation {
    id: "ask_triage",
    path: "/api/v1/tickets/{id}/triage",
    summary: "Ask for a proposal anew",
    detail: "The ticket's `triage` becomes `waiting`, before everything else that waits, and then what comes of it.",
    body: Body::Optional(schema::<Empty>),
    codes: &[Code::NotFound, Code::TicketClosed, Code::TriageOff],
    ..ACTION
};

pub static ACCEPT_TRIAGE: Operation = Operation {
    id: "accept_triage",
    path: "/api/v1/tickets/{id}/triage/accept",
    summary: "Take what triage proposes",
    detail: "Sets the proposed category, priority and tags: the fields that are named, or all that are still open. With \
             `edits`, other values than the proposed ones; the desk learns from both.",
    body: Body::Optional(schema::<AcceptTriage>),
    codes: &[Code::NotFound, Code::TicketClosed],
    ..ACTION
};

pub static REJECT_TRIAGE: Operation = Operation {
    id: "reject_triage",
    path: "/api/v1/tickets/{id}/triage/reject",
    summary: "Refuse what triage proposes",
    detail: "The fields that are named, or all that are still open. What the machine had set by itself goes back to what it was.",
    body: Body::Optional(schema::<RejectTriage>),
    codes: &[Code::NotFound, Code::TicketClosed],
    ..ACTION
};

pub async fn claim(call: Call, payload: Payload) -> Reply {
    let body: Empty = call.optional_json(payload).await?;
    act(call, Command::Claim(body)).await
}

pub async fn release(call: Call, payload: Payload) -> Reply {
    let body: Release = call.optional_json(payload).await?;
    act(call, Command::Release(body)).await
}

pub async fn skip(call: Call, payload: Payload) -> Reply {
    let body: Skip = call.json(payload).await?;
    act(call, Command::Skip(body)).await
}

pub async fn undo(call: Call, payload: Payload) -> Reply {
    let body: Undo = call.json(payload).await?;
    act(call, Command::Undo(body)).await
}

pub async fn merge(call: Call, payload: Payload) -> Reply {
    let body: Merge = call.json(payload).await?;
    act(call, Command::Merge(body)).await
}

pub async fn link(call: Call, payload: Payload) -> Reply {
    let body: LinkTicket = call.json(payload).await?;
    act(call, Command::Link(body)).await
}

pub async fn unlink(call: Call, payload: Payload) -> Reply {
    let body: LinkTicket = call.json(payload).await?;
    act(call, Command::Unlink(body)).await
}

pub async fn triage(call: Call, payload: Payload) -> Reply {
    let body: Empty = call.optional_json(payload).await?;
    act(call, Command::Triage(body)).await
}

pub async fn accept_triage(call: Call, payload: Payload) -> Reply {
    let body: AcceptTriage = call.optional_json(payload).await?;
    act(call, Command::TriageAccept(body)).await
}

pub async fn reject_triage(call: Call, payload: Payload) -> Reply {
    let body: RejectTriage = call.optional_json(payload).await?;
    act(call, Command::TriageReject(body)).await
}

async fn act(call: Call, command: Command) -> Reply {
    let id = call.ticket()?;
    let done = call.execute(Some(id), command).await?;
    ticket(StatusCode::OK, &done)
}
