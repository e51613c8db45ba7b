//! How the caller likes the desk.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Payload;

use super::call::Call;
use super::operation::{Access, Answer, Body, Operation, schema};
use super::reply::{self, Reply};
use crate::domain::ids::Version;
use crate::protocol::preferences::{Preferences, PreferencesView};

pub static SHOW: Operation = Operation {
    id: "get_preferences",
    path: "/api/v1/me/preferences",
    tag: "session",
    summary: "My preferences",
    detail: "Appearance, language, shortcuts, and one's own views and macros, the same in every browser. Version 0: none were kept.",
    answers: &[Answer::json(200, "The preferences; `ETag` is their version.", schema::<PreferencesView>)],
    ..Operation::BASE
};

pub static PUT: Operation = Operation {
    id: "put_preferences",
    method: "PUT",
    path: "/api/v1/me/preferences",
    tag: "session",
    summary: "Keep my preferences",
    detail: "Replaces them as a whole. With `If-Match` only those of that version: another browser may have changed them.",
    access: Access::OwnAccount,
    if_match: true,
    body: Body::Json(schema::<Preferences>),
    answers: &[Answer::json(200, "The preferences as they are now.", schema::<PreferencesView>)],
    ..Operation::BASE
};

pub async fn show(call: Call) -> Reply {
    let found = call.desk.people.preferences(&call.principal().id)?;
    Ok(with_version(&call, StatusCode::OK, found.version, &found))
}

pub async fn put(call: Call, payload: Payload) -> Reply {
    let expect = call.expected_versions()?;
    let body: Preferences = call.json(payload).await?;
    let kept = call.desk.people.put_preferences(call.principal(), body, expect).await?;
    Ok(with_version(&call, StatusCode::OK, kept.version, &kept))
}

/// A document that has versions of its own.
pub fn with_version<T: serde::Serialize>(call: &Call, status: StatusCode, version: Version, body: &T) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    answer.insert_header((header::ETAG, reply::etag(version)));
    reply::finish(&call.request, &mut answer, reply::to_bytes(body))
}
