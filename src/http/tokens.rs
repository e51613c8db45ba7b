//! API tokens.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::Call;
use super::operation::{Access, Answer, Body, KeyUse, Operation, page_of, schema};
use super::paging;
use super::reply::{self, Reply};
use crate::audit::{Action, Deed};
use crate::domain::permissions::Permission;
use crate::protocol::code::Code;
use crate::protocol::views::{CreateToken, NewToken, TokenView};

pub static LIST: Operation = Operation {
    id: "list_tokens",
    path: "/api/v1/tokens",
    tag: "people",
    summary: "List tokens",
    detail: "One's own; everybody's with the permission `tokens_others`. The tokens themselves are never shown again.",
    access: Access::OwnAccount,
    query: &[paging::SIZE, paging::AFTER],
    answers: &[Answer::json(200, "A page of tokens.", page_of::<TokenView>)],
    ..Operation::BASE
};

pub static CREATE: Operation = Operation {
    id: "create_token",
    method: "POST",
    path: "/api/v1/tokens",
    tag: "people",
    summary: "Make a token",
    detail: "For `Authorization: Bearer`. It is shown this once and acts as its user. One for somebody else needs the \
             permission `tokens_others`.",
    access: Access::Needs(Permission::TokensOwn),
    key: KeyUse::Refused,
    body: Body::Json(schema::<CreateToken>),
    answers: &[Answer::json(201, "The new token.", schema::<NewToken>)],
    ..Operation::BASE
};

pub static REVOKE: Operation = Operation {
    id: "revoke_token",
    method: "DELETE",
    path: "/api/v1/tokens/{id}",
    tag: "people",
    summary: "Revoke a token",
    detail: "At once, open sockets included.",
    access: Access::Needs(Permission::TokensOwn),
    key: KeyUse::Refused,
    answers: &[Answer::empty(204, "Revoked.")],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub async fn list(call: Call) -> Reply {
    let tokens = call.desk.people.tokens(call.principal());
    let page = paging::page(&call, tokens, |token| (token.created_at, token.id.clone()))?;
    Ok(reply::json(&call.request, StatusCode::OK, &page))
}

pub async fn create(call: Call, payload: Payload) -> Reply {
    let body: CreateToken = call.json(payload).await?;
    let token = call.desk.people.create_token(call.principal(), body).await?;
    let scopes = token.view.scopes.as_ref().map(|scopes| scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>());
    let detail =
        format!("for {}: {}", token.view.user, scopes.map_or("everything".to_owned(), |scopes| scopes.join(" ")));
    call.note(Deed::done(Action::TokenCreated).on(token.view.id.clone()).with(detail));
    Ok(reply::json(&call.request, StatusCode::CREATED, &token))
}

pub async fn revoke(call: Call) -> Reply {
    call.desk.people.revoke_token(call.principal(), call.path_id()).await?;
    call.note(Deed::done(Action::TokenRevoked).on(call.path_id()));
    Ok(reply::no_content().finish())
}
