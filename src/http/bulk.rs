//! One command for many tickets: each has an outcome of its own, in the order given.

use actix_web::HttpResponse;
use actix_web::web::Payload;
use futures_util::StreamExt as _;
use futures_util::stream;

use super::call::{Call, fresh_command_id};
use super::operation::{Access, Answer, Body, KeyUse, Operation, schema};
use super::reply::{self, Reply};
use crate::domain::command::Command;
use crate::domain::ids::{CommandId, TicketId};
use crate::domain::permissions::Permission;
use crate::protocol::gateway::{Done, Order};
use crate::protocol::parse;
use crate::protocol::problem::Problem;
use crate::protocol::views::{Bulk, BulkOutcome, BulkOutcomes};

const MOST: usize = 500;
/// Parts under way at the same time.
const AT_ONCE: usize = 32;

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

    let user = call.principal().id.clone();
    let keyed = call.keyed();
    let print = (&body.ids, &command);
    if let Some(keyed) = &keyed {
        call.desk.people.check_bulk(&user, keyed, &print)?;
    }
    let key = keyed.as_ref().map_or_else(fresh_command_id, |keyed| keyed.key.clone());
    let parts = body.ids.iter().map(|id| {
        let order = Order {
            principal: call.principal().clone(),
            command_id: CommandId::from(format!("{key}:{id}")),
            keyed: keyed.is_some(),
            live: false,
            ticket: Some(*id),
            expect: None,
            command: command.clone(),
        };
        let running = call.desk.gateway.execute(order);
        async move { (*id, running.await) }
    });
    let done: Vec<(TicketId, Result<Done, Problem>)> = stream::iter(parts).buffered(AT_ONCE).collect().await;

    let last = done.iter().filter_map(|(_, done)| done.as_ref().ok()).map(|done| done.seq).max();
    if let (Some(keyed), true) = (keyed, last.is_some()) {
        call.desk.people.remember_bulk(&user, keyed, &print).await?;
    }
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
