//! The browsers that are signed in, and one's own password.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::Call;
use super::operation::{Access, Answer, Body, KeyUse, Operation, Param, ParamKind, page_of, schema};
use super::paging;
use super::reply::{self, Reply};
use super::session_;
use crate::audit::{Action, Deed};
use crate::domain::ids::UserId;
use crate::protocol::code::Code;
use crate::protocol::views::{ChangePassword, SessionView};

pub static LIST: Operation = Operation {
    id: "list_sessions",
    path: "/api/v1/sessions",
    tag: "session",
    summary: "List signed-in browsers",
    detail: "One's own; those of `user` with the permission `users_manage`. Of anybody else there are none.",
    access: Access::OwnAccount,
    query: &[
        Param { name: "user", what: "Whose; one's own if absent.", kind: ParamKind::Text },
        paging::SIZE,
        paging::AFTER,
    ],
    answers: &[Answer::json(200, "A page of sessions.", page_of::<SessionView>)],
    ..Operation::BASE
};

pub static END: Operation = Operation {
    id: "end_session",
    method: "DELETE",
    path: "/api/v1/sessions/{id}",
    tag: "session",
    summary: "Sign a browser out",
    detail: "At once, open sockets included. One's own; anybody's with the permission `users_manage`.",
    access: Access::OwnAccount,
    key: KeyUse::Refused,
    answers: &[Answer::empty(204, "Signed out.")],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub static CHANGE_PASSWORD: Operation = Operation {
    id: "change_password",
    method: "POST",
    path: "/api/v1/me/password",
    tag: "session",
    summary: "Change one's password",
    detail: "Every other browser is signed out; tokens stay. Wrong guesses of the current one count like failed sign-ins.",
    access: Access::OwnAccount,
    key: KeyUse::Refused,
    body: Body::Json(schema::<ChangePassword>),
    answers: &[Answer::empty(204, "Changed.")],
    codes: &[Code::WrongCredentials],
    ..Operation::BASE
};

pub async fn list(call: Call) -> Reply {
    let own = call.principal().id.clone();
    let user = call.params.one("user")?.filter(|user| !user.is_empty()).map_or(own, UserId::from);
    let sessions = call.desk.people.sessions(call.principal(), call.credential(), &user);
    let page = paging::page(&call, sessions, |session| (session.created_at, session.id.clone()))?;
    Ok(reply::json(&call.request, StatusCode::OK, &page))
}

pub async fn end(call: Call) -> Reply {
    call.desk.people.end_session(call.principal(), call.path_id()).await?;
    call.note(Deed::done(Action::SessionEnded).on(call.path_id()));
    Ok(reply::no_content().finish())
}

pub async fn change_password(call: Call, payload: Payload) -> Reply {
    let body: ChangePassword = call.json(payload).await?;
    let from = call.desk.proxies.peer(&call.request);
    match call.desk.people.change_password(call.credential(), body, from).await {
        Ok(()) => {
            call.note(Deed::done(Action::PasswordChanged));
            Ok(reply::no_content().finish())
        }
        Err(refused) => {
            let failure = session_::refusal(refused);
            call.note_often(Deed::refused(Action::PasswordChanged).with(failure.problem.code.wire()));
            Err(failure)
        }
    }
}
