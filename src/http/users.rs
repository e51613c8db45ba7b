//! Users, as administrators see them.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::Call;
use super::operation::{Access, Answer, Body, KeyUse, Operation, page_of, schema};
use super::paging;
use super::reply::{self, Reply};
use crate::audit::{Action, Deed};
use crate::domain::ids::UserId;
use crate::domain::permissions::Permission;
use crate::protocol::code::Code;
use crate::protocol::views::{CreateUser, UpdateUser, UserView};

pub static LIST: Operation = Operation {
    id: "list_users",
    path: "/api/v1/users",
    tag: "people",
    summary: "List users",
    detail: "In the order in which they were made.",
    access: Access::Needs(Permission::UsersManage),
    query: &[paging::SIZE, paging::AFTER],
    answers: &[Answer::json(200, "A page of users.", page_of::<UserView>)],
    ..Operation::BASE
};

pub static CREATE: Operation = Operation {
    id: "create_user",
    method: "POST",
    path: "/api/v1/users",
    tag: "people",
    summary: "Make a user",
    detail: "Without a password the user cannot sign in with one. Without teams the user is of every team.",
    access: Access::Needs(Permission::UsersManage),
    key: KeyUse::Taken,
    body: Body::Json(schema::<CreateUser>),
    answers: &[Answer::json(201, "The new user.", schema::<UserView>)],
    codes: &[Code::EmailTaken],
    ..Operation::BASE
};

pub static UPDATE: Operation = Operation {
    id: "update_user",
    method: "PATCH",
    path: "/api/v1/users/{id}",
    tag: "people",
    summary: "Change a user",
    detail: "A role that is less than before takes effect inside open sockets at once; a new password or `active: false` \
             signs every browser of the user out. The last active administrator stays one.",
    access: Access::Needs(Permission::UsersManage),
    key: KeyUse::Taken,
    body: Body::Json(schema::<UpdateUser>),
    answers: &[Answer::json(200, "The user after the change.", schema::<UserView>)],
    codes: &[Code::NotFound, Code::EmailTaken],
    ..Operation::BASE
};

pub async fn list(call: Call) -> Reply {
    let page = paging::page(&call, call.desk.people.users(), |user| (user.created_at, user.id.to_string()))?;
    Ok(reply::json(&call.request, StatusCode::OK, &page))
}

pub async fn create(call: Call, payload: Payload) -> Reply {
    let body: CreateUser = call.json(payload).await?;
    let user = call.desk.people.create(call.principal(), body, call.keyed()).await?;
    call.note(Deed::done(Action::UserCreated).on(user.id.to_string()).with(rights(&user)));
    Ok(reply::json(&call.request, StatusCode::CREATED, &user))
}

pub async fn update(call: Call, payload: Payload) -> Reply {
    let body: UpdateUser = call.json(payload).await?;
    let id = UserId::from(call.path_id());
    let mut changed: Vec<&str> = Vec::new();
    let mut name = |field: &'static str, given: bool| changed.extend(given.then_some(field));
    name("email", body.email.is_some());
    name("name", body.name.is_some());
    name("role", body.role.is_some());
    name("password", body.password.is_some());
    name("teams", body.teams.is_some());
    name("active", body.active.is_some());
    let changed = changed.join(",");
    let user = call.desk.people.update(call.principal(), &id, body, call.keyed()).await?;
    let detail = format!("{changed}: {}", rights(&user));
    call.note(Deed::done(Action::UserUpdated).on(user.id.to_string()).with(detail));
    Ok(reply::json(&call.request, StatusCode::OK, &user))
}

/// What a user may do from now on, in the words of the audit log.
fn rights(user: &UserView) -> String {
    let teams = if user.teams.is_empty() { "every team".to_owned() } else { user.teams.join(" ") };
    let role = serde_json::to_value(user.role).unwrap_or_default();
    format!("{} of {teams}, {}", role.as_str().unwrap_or_default(), if user.active { "active" } else { "inactive" })
}
