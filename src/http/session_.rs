//! Signing in and out with a browser.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Payload;

use super::auth;
use super::call::Call;
use super::me;
use super::operation::{Access, Answer, Body, KeyUse, Operation, schema};
use super::reply::{self, Failure, Reply};
use crate::audit::{Action, Deed};
use crate::people::{SignInRefused, SignedIn};
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::views::{Me, SignIn};

pub static SIGN_IN: Operation = Operation {
    id: "sign_in",
    method: "POST",
    path: "/api/v1/session",
    tag: "session",
    summary: "Sign in",
    detail: "Sets an HttpOnly session cookie and answers who signed in. After ten failures an account is closed to that \
             address for five minutes.",
    access: Access::Open,
    key: KeyUse::Refused,
    body: Body::Json(schema::<SignIn>),
    answers: &[Answer::json(200, "Signed in; the cookie is set.", schema::<Me>)],
    codes: &[Code::WrongCredentials, Code::TooMany],
    ..Operation::BASE
};

pub static SIGN_OUT: Operation = Operation {
    id: "sign_out",
    method: "DELETE",
    path: "/api/v1/session",
    tag: "session",
    summary: "Sign out",
    detail: "Ends the browser's session, open sockets included, and takes the cookie away. A bearer token stays as it is.",
    key: KeyUse::Refused,
    answers: &[Answer::empty(204, "Signed out.")],
    ..Operation::BASE
};

pub async fn sign_in(call: Call, payload: Payload) -> Reply {
    let body: SignIn = call.json(payload).await?;
    let people = &call.desk.people;
    let place = auth::place(&call.request, &call.desk);
    let before = auth::cookie(&call.request, &call.desk.config);
    match people.sign_in(&body.email, &body.password, place, before.as_deref()).await {
        Ok(signed_in) => {
            call.note_by(&signed_in.user.id, Deed::done(Action::SignedIn));
            Ok(started(&call, StatusCode::OK, signed_in))
        }
        Err(refused) => {
            let failure = refusal(refused);
            // Whom it was about, where there is such an account; never what was typed, which may be a password.
            let about = people.find(&body.email);
            let deed = Deed::refused(Action::SignedIn).with(failure.problem.code.wire());
            call.note_often(about.into_iter().fold(deed, |deed, user| deed.on(user.to_string())));
            Err(failure)
        }
    }
}

/// How a password that was not taken is answered.
pub fn refusal(refused: SignInRefused) -> Failure {
    match refused {
        SignInRefused::Problem(problem) => problem.into(),
        SignInRefused::TooMany { retry_after_ms } => {
            let seconds = u64::try_from(retry_after_ms).unwrap_or(0).div_ceil(1000);
            let detail = format!("too many failures: try again in {seconds} s");
            Failure { retry_after_s: Some(seconds), ..Problem::new(Code::TooMany, detail).into() }
        }
    }
}

pub async fn sign_out(call: Call) -> Reply {
    call.desk.people.sign_out(call.credential()).await?;
    call.note(Deed::done(Action::SignedOut));
    Ok(reply::no_content().cookie(auth::ended_cookie(&call.desk.config)).finish())
}

/// The answer to who has just come in.
pub fn started(call: &Call, status: StatusCode, signed_in: SignedIn) -> HttpResponse {
    let cookie = auth::session_cookie(&call.desk.config, &signed_in);
    HttpResponse::build(status)
        .cookie(cookie)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("application/json")
        .body(reply::to_bytes(&me::view(signed_in.user)))
}
