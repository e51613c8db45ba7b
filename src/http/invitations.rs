//! Invitations: how somebody becomes a user by a link.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::auth;
use super::call::Call;
use super::operation::{Access, Answer, Body, KeyUse, Operation, page_of, schema};
use super::paging;
use super::reply::{self, Reply};
use super::session_;
use crate::audit::{Action, Deed};
use crate::domain::permissions::Permission;
use crate::protocol::code::Code;
use crate::protocol::views::{AcceptInvitation, CreateInvitation, InvitationView, Me, NewInvitation};

pub static LIST: Operation = Operation {
    id: "list_invitations",
    path: "/api/v1/invitations",
    tag: "people",
    summary: "List invitations",
    detail: "Those that nobody has accepted and that are still good.",
    access: Access::Needs(Permission::UsersManage),
    query: &[paging::SIZE, paging::AFTER],
    answers: &[Answer::json(200, "A page of invitations.", page_of::<InvitationView>)],
    ..Operation::BASE
};

pub static CREATE: Operation = Operation {
    id: "create_invitation",
    method: "POST",
    path: "/api/v1/invitations",
    tag: "people",
    summary: "Invite somebody",
    detail: "The answer's `token` is for the link `/invitation?token=…` and is shown this once. It works once, for three days \
             unless configured otherwise, and only while who sent it may make users.",
    access: Access::Needs(Permission::UsersManage),
    key: KeyUse::Refused,
    body: Body::Json(schema::<CreateInvitation>),
    answers: &[Answer::json(201, "The invitation.", schema::<NewInvitation>)],
    codes: &[Code::EmailTaken],
    ..Operation::BASE
};

pub static WITHDRAW: Operation = Operation {
    id: "withdraw_invitation",
    method: "DELETE",
    path: "/api/v1/invitations/{id}",
    tag: "people",
    summary: "Withdraw an invitation",
    access: Access::Needs(Permission::UsersManage),
    key: KeyUse::Refused,
    answers: &[Answer::empty(204, "Withdrawn.")],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub static ACCEPT: Operation = Operation {
    id: "accept_invitation",
    method: "POST",
    path: "/api/v1/invitations/accept",
    tag: "session",
    summary: "Accept an invitation",
    detail: "Makes the user with the password that is given, and signs the browser in.",
    access: Access::Open,
    key: KeyUse::Refused,
    body: Body::Json(schema::<AcceptInvitation>),
    answers: &[Answer::json(201, "Made and signed in; the cookie is set.", schema::<Me>)],
    codes: &[Code::WrongCredentials, Code::EmailTaken],
    ..Operation::BASE
};

pub async fn list(call: Call) -> Reply {
    let page = paging::page(&call, call.desk.people.invitations(), |invitation| {
        (invitation.created_at, invitation.id.clone())
    })?;
    Ok(reply::json(&call.request, StatusCode::OK, &page))
}

pub async fn create(call: Call, payload: Payload) -> Reply {
    let body: CreateInvitation = call.json(payload).await?;
    let made = call.desk.people.invite(call.principal(), body).await?;
    let role = serde_json::to_value(made.view.role).unwrap_or_default();
    let detail = format!("{} of {}", role.as_str().unwrap_or_default(), made.view.teams.join(" "));
    call.note(Deed::done(Action::InvitationCreated).on(made.view.id.clone()).with(detail));
    Ok(reply::json(&call.request, StatusCode::CREATED, &made))
}

pub async fn withdraw(call: Call) -> Reply {
    call.desk.people.withdraw_invitation(call.path_id()).await?;
    call.note(Deed::done(Action::InvitationWithdrawn).on(call.path_id()));
    Ok(reply::no_content().finish())
}

pub async fn accept(call: Call, payload: Payload) -> Reply {
    let body: AcceptInvitation = call.json(payload).await?;
    let made = call.desk.people.accept(body, auth::place(&call.request, &call.desk)).await;
    let signed_in = call.or_refused(Action::InvitationAccepted, made)?;
    call.note_by(&signed_in.user.id, Deed::done(Action::InvitationAccepted));
    Ok(session_::started(&call, StatusCode::CREATED, signed_in))
}
