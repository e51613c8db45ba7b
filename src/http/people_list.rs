//! Colleagues, as everybody at the desk sees them: for assigning and mentioning.

use actix_web::http::StatusCode;

use super::call::Call;
use super::operation::{Answer, Operation, page_of};
use super::reply::{self, Reply};
use crate::protocol::views::{Page, PageMeta, PersonView};

pub static LIST: Operation = Operation {
    id: "list_people",
    path: "/api/v1/people",
    tag: "people",
    summary: "List colleagues",
    detail: "Everybody who is or was at the desk, on one page. A client that meets a user id it does not know asks again.",
    answers: &[Answer::json(200, "All of them.", page_of::<PersonView>)],
    ..Operation::BASE
};

pub async fn list(call: Call) -> Reply {
    let page = Page { data: call.desk.people.people(), meta: PageMeta { has_more: false, after_cursor: None } };
    Ok(reply::json(&call.request, StatusCode::OK, &page))
}
