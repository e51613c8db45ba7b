//! Who I am.

use actix_web::http::StatusCode;

use super::call::Call;
use super::operation::{Answer, Operation, schema};
use super::reply::{self, Reply};
use crate::protocol::views::{Me, UserView};

pub static SHOW: Operation = Operation {
    id: "get_me",
    path: "/api/v1/me",
    tag: "session",
    summary: "Who I am",
    detail: "The caller's account, role and permissions.",
    answers: &[Answer::json(200, "The caller.", schema::<Me>)],
    ..Operation::BASE
};

pub async fn show(call: Call) -> Reply {
    let user = call.credential().account().user().view();
    let me = Me { permissions: call.principal().permissions(), user };
    Ok(reply::json(&call.request, StatusCode::OK, &me))
}

pub fn view(user: UserView) -> Me {
    Me { permissions: user.role.permissions(), user }
}
