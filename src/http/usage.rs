//! What the app is used for, counted without names.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::Call;
use super::operation::{Access, Answer, Body, KeyUse, Operation, schema};
use super::reply::{self, Reply};
use crate::domain::permissions::Permission;
use crate::protocol::problem::Problem;
use crate::protocol::views::UsageReport;
use crate::usage::{Usage, UsageView};

/// Names in one report.
const NAMES: usize = 200;

pub static COUNT: Operation = Operation {
    id: "count_usage",
    method: "POST",
    path: "/api/v1/usage",
    tag: "operations",
    summary: "Count screens, commands and shortcuts",
    detail: "Added to the day's sums, of which nobody's own part is kept. With `usage.enabled = false` nothing is.",
    body: Body::Json(schema::<UsageReport>),
    key: KeyUse::Refused,
    answers: &[Answer::empty(204, "It is counted.")],
    ..Operation::BASE
};

pub static SHOW: Operation = Operation {
    id: "get_usage",
    path: "/api/v1/operations/usage",
    tag: "operations",
    summary: "What the app is used for",
    detail: "Sums over everybody, by day, the newest first.",
    access: Access::Needs(Permission::AuditRead),
    answers: &[Answer::json(200, "The days.", schema::<UsageView>)],
    ..Operation::BASE
};

pub async fn count(call: Call, payload: Payload) -> Reply {
    let UsageReport { counts } = call.json(payload).await?;
    if counts.len() > NAMES {
        return Err(Problem::field("/counts", "too_many", format!("at most {NAMES} names")).into());
    }
    if let Some(name) = counts.keys().find(|name| !Usage::is_name(name)) {
        return Err(Problem::field("/counts", "invalid", format!("`{name}` is no screen, command or key")).into());
    }
    call.desk.usage.count(&counts);
    Ok(reply::no_content().finish())
}

pub async fn show(call: Call) -> Reply {
    let view = UsageView { enabled: call.desk.usage.enabled, data: call.desk.usage.days() };
    Ok(reply::json(&call.request, StatusCode::OK, &view))
}
