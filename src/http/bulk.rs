//! One command for many tickets: each has an outcome of its own, in the order given.

use actix_web::HttpResponse;
use actix_web::web::Payload;

use super::call::{Call, fresh_command_id};
use super::operation::{Access, Answer, Body, KeyUse, Operation, schema};
use super::reply::{self, Reply};
use crate::domain::command::Command;
use crate::domain::ids::TicketId;
use crate::domain::permissions::Permission;
use crate::protocol::gateway::{BulkOrder, Done};
use crate::protocol::parse;
use crate::protocol::problem::Problem;
use crate::protocol::views::{Bulk, BulkOutcome, BulkOutcomes};

const MOST: usize = 500;

pub static RUN: Operation = Operation {
    id: "bulk",
    method: "POST",
    path: "/api/v1/tickets/bulk",
    tag: "tickets",
    summary: "One command for many tickets",
    detail: "At most 500 ids. `command` is the `do` object of the WebSocket, but neither `create` nor `claim_next`. The \
             command id of each part is `<key>:<id>`, by which it can be undone.",
    access: Access::Needs(Permission::TicketWrite),
    key: KeyUse::Taken,
    body: Body::Json(schema::<Bulk>),
    answers: &[Answer::json(200, "Each ticket's outcome.", schema::<BulkOutcomes>)],
    ..Operation::BASE
};

pub async fn run(call: Call, payload: Payload) -> Reply {
    let body: Bulk = call.json(payload).await?;
    let command = parse::command(&body.command, "/command")?;
    if matches!(command, Command::Create(_) | Command::ClaimNext(_)) {
        let detail = "this command is not about tickets that exist";
        return Err(Problem::field("/command/type", "unknown_value", detail).into());
    }
    if body.ids.len() > MOST {
        return Err(Problem::field("/ids", "too_many", format!("at most {MOST} ids")).into());
    }

    let order = BulkOrder {
        principal: call.principal().clone(),
        command_id: call.key.clone().unwrap_or_else(fresh_command_id),
        keyed: call.key.is_some(),
        tickets: body.ids,
        command,
    };
    let done = call.desk.gateway.bulk(order).await?;
    let last = done.iter().filter_map(|(_, done)| done.as_ref().ok()).map(|done| done.seq).max();
    let outcomes = done.into_iter().map(|(id, done)| outcome(id, done)).collect();
    let mut answer = HttpResponse::Ok();
    if let Some(last) = last {
        reply::seq(&mut answer, last);
    }
    Ok(reply::finish(&call.request, &mut answer, reply::to_bytes(&BulkOutcomes { outcomes })))
}

fn outcome(id: TicketId, done: Result<Done, Problem>) -> BulkOutcome {
    match done {
        Ok(done) => BulkOutcome { id, ok: true, seq: Some(done.seq), version: Some(done.version), error: None },
        Err(problem) => BulkOutcome { id, ok: false, seq: None, version: None, error: Some(problem) },
    }
}
