//! The audit log, for administrators: in pages, and whole as a file.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use bytes::Bytes;
use futures_util::stream;

use super::call::Call;
use super::operation::{Access, Answer, Content, Operation, Param, ParamKind, page_of};
use super::paging;
use super::params::digits;
use super::reply::{self, Reply};
use crate::audit::{Action, Deed, Entry};
use crate::domain::permissions::Permission;
use crate::domain::text::csv_cell;
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::views::{Page, PageMeta};

pub static LIST: Operation = Operation {
    id: "list_audit",
    path: "/api/v1/audit",
    tag: "operations",
    summary: "Read the audit log",
    detail: "Who signed in, was refused, changed people or rights, used a token or took data out; newest first. Each entry \
             holds the sum of the one before it.",
    access: Access::Needs(Permission::AuditRead),
    query: &[
        Param { name: "action", what: "Only this one.", kind: ParamKind::Text },
        Param { name: "who", what: "Only by this user.", kind: ParamKind::Text },
        paging::SIZE,
        paging::AFTER,
    ],
    answers: &[Answer::json(200, "A page of entries.", page_of::<Entry>)],
    ..Operation::BASE
};

pub static EXPORT: Operation = Operation {
    id: "export_audit",
    path: "/api/v1/audit/export",
    tag: "operations",
    summary: "Take the audit log out",
    detail: "All of it, oldest first: as lines of JSON exactly as they lie on disk, so that their sums can be checked, or as \
             CSV. That it was taken is an entry of its own.",
    access: Access::Needs(Permission::AuditRead),
    query: &[Param { name: "format", what: "`ndjson` if absent.", kind: ParamKind::OneOf(&["ndjson", "csv"]) }],
    answers: &[Answer {
        status: 200,
        what: "The log.",
        content: Content::File(&["application/x-ndjson", "text/csv"]),
        written: false,
    }],
    ..Operation::BASE
};

pub async fn list(call: Call) -> Reply {
    let size = paging::size(&call.params)?;
    let before =
        match paging::after(&call.params)? {
            None => None,
            Some(cursor) => Some(digits(&cursor).filter(|n| *n > 0).ok_or_else(|| {
                Problem::field("/page[after]", "invalid", "this cursor was not given out by this list")
            })?),
        };
    let action: Option<Action> = match call.params.one("action")? {
        None => None,
        Some(name) => Some(
            serde_json::from_value(name.into())
                .map_err(|_| Problem::field("/action", "unknown_value", "there is no such action"))?,
        ),
    };
    let who = call.params.one("who")?.map(str::to_owned);
    let audit = call.desk.audit.clone();
    let found = tokio::task::spawn_blocking(move || {
        audit.page(before, size + 1, |entry| {
            action.is_none_or(|action| entry.action == action)
                && who.as_ref().is_none_or(|who| entry.who.as_ref().is_some_and(|own| own.as_str() == who))
        })
    });
    let mut data = found.await.map_err(|_| unreadable("a thread died"))?.map_err(unreadable)?;
    let has_more = data.len() > size;
    data.truncate(size);
    let after_cursor = data.last().filter(|_| has_more).map(|last| last.n.to_string());
    Ok(reply::json(&call.request, StatusCode::OK, &Page { data, meta: PageMeta { has_more, after_cursor } }))
}

pub async fn export(call: Call) -> Reply {
    let csv = match call.params.one("format")? {
        None | Some("ndjson") => false,
        Some("csv") => true,
        Some(_) => return Err(Problem::field("/format", "unknown_value", "expected ndjson or csv").into()),
    };
    call.note(Deed::done(Action::Exported).on("audit"));
    let parts = call.desk.audit.parts();
    let parts = stream::unfold((parts.into_iter(), true), move |(mut parts, first)| async move {
        let part = parts.next()?;
        let read = tokio::task::spawn_blocking(move || {
            part().and_then(|text| if csv { to_csv(&text, first) } else { Ok(text.into_bytes()) })
        });
        let bytes = match read.await {
            Ok(Ok(bytes)) => Ok(Bytes::from(bytes)),
            Ok(Err(error)) => Err(actix_web::Error::from(error)),
            Err(_) => Err(std::io::Error::other("a thread died").into()),
        };
        Some((bytes, (parts, false)))
    });
    let (kind, name) =
        if csv { ("text/csv; charset=utf-8", "audit.csv") } else { ("application/x-ndjson", "audit.ndjson") };
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .streaming(parts))
}

const COLUMNS: [&str; 12] =
    ["n", "at", "action", "outcome", "who", "via", "from", "target", "detail", "times", "lost", "sum"];

fn to_csv(text: &str, head: bool) -> std::io::Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    if head {
        csv.write_record(COLUMNS)?;
    }
    for line in text.lines() {
        let entry: serde_json::Value = serde_json::from_str(line)?;
        let cells = COLUMNS.map(|name| match &entry[name] {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => csv_cell(text).into_owned(),
            other => other.to_string(),
        });
        csv.write_record(&cells)?;
    }
    csv.into_inner().map_err(|error| std::io::Error::other(error.to_string()))
}

fn unreadable(error: impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "the audit log cannot be read");
    Problem::new(Code::Internal, "the audit log cannot be read")
}
