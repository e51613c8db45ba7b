//! What goes wrong in browsers, told to the desk; and what went wrong anywhere, for administrators.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::Call;
use super::operation::{Access, Answer, Body, KeyUse, Operation, page_of, schema};
use super::reply::{self, Failure, Reply};
use crate::domain::permissions::Permission;
use crate::domain::time::Timestamp;
use crate::errors::{ERRORS, ErrorGroup, ErrorSource, Seen};
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::views::{Page, PageMeta, ReportError};

/// Reports of one user within a minute: a browser that fails does so again and again.
const A_MINUTE: u32 = 20;
const MINUTE_MS: i64 = 60_000;

pub static REPORT: Operation = Operation {
    id: "report_error",
    method: "POST",
    path: "/api/v1/client-errors",
    tag: "operations",
    summary: "Tell what went wrong in a browser",
    detail: "Gathered with the server's own errors, and logged as an event of Error Reporting. At most 20 within a minute.",
    body: Body::Json(schema::<ReportError>),
    key: KeyUse::Refused,
    answers: &[Answer::empty(204, "It is noted.")],
    ..Operation::BASE
};

pub static LIST: Operation = Operation {
    id: "list_errors",
    path: "/api/v1/operations/errors",
    tag: "operations",
    summary: "What went wrong",
    detail: "Since the desk was started, by kind, the newest first: errors of the server's log, panics, and what browsers told.",
    access: Access::Needs(Permission::AuditRead),
    answers: &[Answer::json(200, "Each kind with how often and when.", page_of::<ErrorGroup>)],
    ..Operation::BASE
};

pub async fn report(call: Call, payload: Payload) -> Reply {
    let report: ReportError = call.json(payload).await?;
    let now = call.desk.clock.now_millis();
    let told = {
        let mut reports = call.desk.reports.entry(call.principal().id.clone()).or_insert((now, 0));
        if now - reports.0 >= MINUTE_MS {
            *reports = (now, 0);
        }
        reports.1 += 1;
        reports.1
    };
    if told > A_MINUTE {
        let problem = Problem::new(Code::TooMany, "more errors than anybody reads: try again in a minute");
        return Err(Failure { retry_after_s: Some(60), ..problem.into() });
    }
    let ReportError { message, place, build, stack } = report;
    let cut = |text: &str, chars: usize| text.chars().filter(|c| !c.is_control()).take(chars).collect::<String>();
    // What somebody searched for is nobody's business.
    let place = cut(place.split(['?', '#']).next().unwrap_or_default(), 200);
    let (message, build) = (cut(&message, 300), cut(&build, 40));
    let seen = Seen { source: ErrorSource::Browser, message, place, stack, build };
    let fingerprint = ERRORS.note(seen.clone(), Timestamp::from_millis(now));
    let Seen { message, place, stack, build, .. } = seen;
    let stack = stack.map(|stack| stack.chars().take(4_000).collect::<String>());
    let stack_trace = stack.as_deref().unwrap_or(&message);
    tracing::error!(target: "hotdesk::browser", fingerprint, place, build, stack_trace, "in a browser: {message}");
    Ok(reply::no_content().finish())
}

pub async fn list(call: Call) -> Reply {
    let page = Page { data: ERRORS.list(), meta: PageMeta { has_more: false, after_cursor: None } };
    Ok(reply::json(&call.request, StatusCode::OK, &page))
}
