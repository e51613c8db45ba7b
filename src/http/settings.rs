//! The settings that administrators change while the desk runs.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::Call;
use super::operation::{Access, Answer, Body, Operation, schema};
use super::preferences::with_version;
use super::reply::Reply;
use crate::audit::{Action, Deed};
use crate::domain::permissions::Permission;
use crate::protocol::preferences::{DeskSettings, DeskSettingsView};

pub static SHOW: Operation = Operation {
    id: "get_settings",
    path: "/api/v1/settings",
    tag: "session",
    summary: "The desk's settings",
    detail: "The request form and the desk's own fields. Everybody who is signed in may read them.",
    answers: &[Answer::json(200, "The settings; `ETag` is their version.", schema::<DeskSettingsView>)],
    ..Operation::BASE
};

pub static PUT: Operation = Operation {
    id: "put_settings",
    method: "PUT",
    path: "/api/v1/settings",
    tag: "session",
    summary: "Change the desk's settings",
    detail: "Replaces them as a whole; with `If-Match` only those of that version.",
    access: Access::Needs(Permission::SettingsWrite),
    if_match: true,
    body: Body::Json(schema::<DeskSettings>),
    answers: &[Answer::json(200, "The settings as they are now.", schema::<DeskSettingsView>)],
    ..Operation::BASE
};

pub async fn show(call: Call) -> Reply {
    let found = call.desk.people.desk_settings();
    Ok(with_version(&call, StatusCode::OK, found.version, &found))
}

pub async fn put(call: Call, payload: Payload) -> Reply {
    let expect = call.expected_versions()?;
    let body: DeskSettings = call.json(payload).await?;
    let kept = call.desk.people.put_desk_settings(body, expect).await?;
    let detail =
        if kept.settings.request_form.open { "the request form is open" } else { "the request form is closed" };
    call.note(Deed::done(Action::SettingsChanged).with(detail));
    Ok(with_version(&call, StatusCode::OK, kept.version, &kept))
}
