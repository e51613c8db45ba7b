//! The first administrator.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::auth;
use super::call::Call;
use super::operation::{Access, Answer, Body, KeyUse, Operation, schema};
use super::reply::Reply;
use super::session_;
use crate::audit::{Action, Deed};
use crate::protocol::code::Code;
use crate::protocol::views::{Me, Setup};

pub static SET_UP: Operation = Operation {
    id: "set_up",
    method: "POST",
    path: "/api/v1/setup",
    tag: "session",
    summary: "Make the first administrator",
    detail: "With the one-time secret that the server prints while the desk has no administrator. Signs the browser in.",
    access: Access::Open,
    key: KeyUse::Refused,
    body: Body::Json(schema::<Setup>),
    answers: &[Answer::json(201, "Made and signed in; the cookie is set.", schema::<Me>)],
    codes: &[Code::WrongCredentials, Code::SetupDone, Code::EmailTaken],
    ..Operation::BASE
};

pub async fn set_up(call: Call, payload: Payload) -> Reply {
    let body: Setup = call.json(payload).await?;
    let made = call.desk.people.set_up(body, auth::place(&call.request, &call.desk)).await;
    let signed_in = call.or_refused(Action::SetUp, made)?;
    call.note_by(&signed_in.user.id, Deed::done(Action::SetUp));
    Ok(session_::started(&call, StatusCode::CREATED, signed_in))
}
