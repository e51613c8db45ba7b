//! Views and macros that a team has in common.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::Call;
use super::operation::{Access, Answer, Body, Operation, schema};
use super::preferences::with_version;
use super::reply::{self, Reply};
use crate::audit::{Action, Deed};
use crate::domain::permissions::Permission;
use crate::protocol::code::Code;
use crate::protocol::preferences::{PutShared, Shared, SharedList};

pub static LIST: Operation = Operation {
    id: "list_shared",
    path: "/api/v1/shared",
    tag: "session",
    summary: "Shared views and macros",
    detail: "Everybody's and those of the caller's teams, in the order in which they were made.",
    answers: &[Answer::json(200, "All of them.", schema::<SharedList>)],
    ..Operation::BASE
};

pub static PUT: Operation = Operation {
    id: "put_shared",
    method: "PUT",
    path: "/api/v1/shared/{id}",
    tag: "session",
    summary: "Share a view or a macro",
    detail: "Makes it under an id of the caller's choice (1 to 64 letters, digits, `-` and `_`), or replaces it; with `If-Match` \
             only that version. The same once more changes nothing.",
    access: Access::Needs(Permission::SharedWrite),
    if_match: true,
    body: Body::Json(schema::<PutShared>),
    answers: &[
        Answer::json(200, "It is as asked.", schema::<Shared>),
        Answer::json(201, "It was made.", schema::<Shared>),
    ],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub static REMOVE: Operation = Operation {
    id: "remove_shared",
    method: "DELETE",
    path: "/api/v1/shared/{id}",
    tag: "session",
    summary: "Take a shared view or macro away",
    access: Access::Needs(Permission::SharedWrite),
    if_match: true,
    answers: &[Answer::empty(204, "It is gone.")],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub async fn list(call: Call) -> Reply {
    let data = call.desk.people.shared(call.principal());
    Ok(reply::json(&call.request, StatusCode::OK, &SharedList { data }))
}

pub async fn put(call: Call, payload: Payload) -> Reply {
    let expect = call.expected_versions()?;
    let body: PutShared = call.json(payload).await?;
    let (shared, is_new) = call.desk.people.put_shared(call.principal(), call.path_id(), body, expect).await?;
    call.note(
        Deed::done(Action::SharedChanged).on(shared.id.clone()).with(shared.team.as_deref().unwrap_or("everybody")),
    );
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(with_version(&call, status, shared.version, &shared))
}

pub async fn remove(call: Call) -> Reply {
    let expect = call.expected_versions()?;
    call.desk.people.remove_shared(call.principal(), call.path_id(), expect).await?;
    call.note(Deed::done(Action::SharedChanged).on(call.path_id()).with("removed"));
    Ok(reply::no_content().finish())
}
