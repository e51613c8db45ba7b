//! Presence for clients that have no socket.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::Call;
use super::operation::{Access, Answer, Body, Operation, schema};
use super::reply::{self, Reply};
use crate::domain::permissions::Permission;
use crate::protocol::code::Code;
use crate::protocol::presence::{PresenceNow, TellPresence};

pub static TELL: Operation = Operation {
    id: "tell_presence",
    method: "POST",
    path: "/api/v1/presence",
    tag: "live",
    summary: "Say where I am, and see who is where",
    detail: "For clients without a WebSocket: what `presence` and `visible` say there. Whoever does not call again within \
             `expires_ms` counts as gone.",
    access: Access::Needs(Permission::TicketRead),
    body: Body::Json(schema::<TellPresence>),
    answers: &[Answer::json(200, "Who looks at what the caller may see.", schema::<PresenceNow>)],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub async fn tell(call: Call, payload: Payload) -> Reply {
    let body: TellPresence = call.json(payload).await?;
    let now = call.desk.presences.tell(call.principal(), body).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &now))
}
