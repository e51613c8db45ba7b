//! Users, as administrators see them.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::Call;
use super::operation::{Access, Answer, Body, KeyUse, Operation, page_of, schema};
use super::paging;
use super::reply::{self, Reply};
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
    Ok(reply::json(&call.request, StatusCode::CREATED, &user))
}

pub async fn update(call: Call, payload: Payload) -> Reply {
    let body: UpdateUser = call.json(payload).await?;
    let id = UserId::from(call.path_id());
    let user = call.desk.people.update(call.principal(), &id, body, call.keyed()).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &user))
}
