//! What the desk makes of texts: similar tickets, a draft, figures, a text to try. Judging proposals is in `actions`.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use actix_web::web::Payload;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::call::Call;
use super::operation::{Access, Answer, Body, Content, Operation, schema};
use super::reply::{self, Reply};
use crate::domain::permissions::Permission;
use crate::protocol::code::Code;
use crate::protocol::views::triage::{DraftEvent, Similar, TriageStats, TriedTriage, TryTriage};

pub static SIMILAR: Operation = Operation {
    id: "similar_tickets",
    path: "/api/v1/tickets/{id}/similar",
    tag: "triage",
    summary: "Find tickets that resemble one",
    detail: "Solved ones, the most alike first, each with how it was answered.",
    access: Access::Needs(Permission::TicketRead),
    answers: &[Answer::json(200, "At most five tickets.", schema::<Similar>)],
    codes: &[Code::NotFound, Code::TriageOff],
    ..Operation::BASE
};

pub static DRAFT: Operation = Operation {
    id: "draft_reply",
    method: "POST",
    path: "/api/v1/tickets/{id}/reply-draft",
    tag: "triage",
    summary: "Draft a reply",
    detail: "Streams a draft as server-sent events: `sources`, then `delta`s, then `done` or `error`. It is grounded in how similar \
             tickets were solved. Nothing is sent to anybody, and nothing on the ticket changes.",
    access: Access::Needs(Permission::TicketWrite),
    answers: &[Answer {
        status: 200,
        what: "The draft, event by event.",
        content: Content::Events(schema::<DraftEvent>),
        written: false,
    }],
    codes: &[Code::NotFound, Code::TriageOff, Code::DraftsOff, Code::DraftUnavailable],
    ..Operation::BASE
};

pub static STATS: Operation = Operation {
    id: "triage_stats",
    path: "/api/v1/triage/stats",
    tag: "triage",
    summary: "How triage does",
    detail: "What waits, what the service costs, and how often proposals were right: by field, source, category and confidence.",
    access: Access::Needs(Permission::TriageReview),
    answers: &[Answer::json(200, "The figures.", schema::<TriageStats>)],
    ..Operation::BASE
};

pub static TRY: Operation = Operation {
    id: "try_triage",
    method: "POST",
    path: "/api/v1/triage/try",
    tag: "triage",
    summary: "Try the learner on a text",
    detail: "Says what it would propose. Nothing is learnt, kept or sent.",
    access: Access::Needs(Permission::TriageReview),
    body: Body::Json(schema::<TryTriage>),
    answers: &[Answer::json(200, "What it makes of the text.", schema::<TriedTriage>)],
    codes: &[Code::TriageOff],
    ..Operation::BASE
};

pub async fn similar(call: Call) -> Reply {
    let found = call.desk.triage.similar(call.ticket()?, call.principal()).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &found))
}

pub async fn stats(call: Call) -> Reply {
    let stats = call.desk.triage.stats(call.principal()).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &stats))
}

pub async fn try_text(call: Call, payload: Payload) -> Reply {
    let text: TryTriage = call.json(payload).await?;
    let tried = call.desk.triage.try_text(text, call.principal()).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &tried))
}

pub async fn draft(call: Call) -> Reply {
    let draft = call.desk.triage.draft(call.ticket()?, call.principal()).await?;
    // Whoever loses the right to it in the middle hears no more.
    let events = stream::unfold((draft, call), |(mut draft, call)| async move {
        let event = draft.next().await?;
        if call.still().is_err() {
            return None;
        }
        Some((Ok::<_, actix_web::Error>(line(&event)), (draft, call)))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // A proxy that gathers the answer first would spoil it.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(events))
}

fn line(event: &DraftEvent) -> Bytes {
    let name = match event {
        DraftEvent::Sources { .. } => "sources",
        DraftEvent::Delta { .. } => "delta",
        DraftEvent::Done { .. } => "done",
        DraftEvent::Error { .. } => "error",
    };
    let json = serde_json::to_string(event).expect("invariant: an event is JSON");
    format!("event: {name}\ndata: {json}\n\n").into()
}
