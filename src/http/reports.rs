//! Reports: saved ones, running them, looking into a cell, and their form for spreadsheets.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use actix_web::web::Payload;

use super::call::Call;
use super::operation::{Access, Answer, Body, Content, KeyUse, Operation, Param, ParamKind, schema};
use super::reply::{self, Reply};
use crate::audit::{Action, Deed};
use crate::domain::permissions::Permission;
use crate::protocol::code::Code;
use crate::protocol::figures::{
    DrillDown, NewReport, Report, ReportCell, ReportDefinition, ReportFile, ReportFormat, ReportResult, ReportTickets,
    UpdateReport,
};
use crate::protocol::problem::Problem;
use crate::protocol::spreadsheet;
use crate::protocol::views::{Page, PageMeta};

const COUNTING: &[Code] = &[Code::Unavailable, Code::Overloaded, Code::InvalidField];
const FOUND: &[Code] = &[Code::NotFound, Code::Unavailable, Code::Overloaded, Code::InvalidField];

const FIGURES: Answer = Answer {
    status: 200,
    what: "The figures, as JSON or CSV.",
    content: Content::JsonOr(schema::<ReportResult>, &["text/csv"]),
    written: false,
};

pub static LIST: Operation = Operation {
    id: "list_reports",
    path: "/api/v1/reports",
    tag: "reports",
    summary: "Saved reports",
    detail: "One's own and the shared ones, for administrators all of them, by name, on one page.",
    access: Access::Needs(Permission::TicketRead),
    answers: &[Answer::json(200, "The reports.", super::operation::page_of::<Report>)],
    ..Operation::BASE
};

pub static SAVE: Operation = Operation {
    id: "save_report",
    method: "POST",
    path: "/api/v1/reports",
    tag: "reports",
    summary: "Save a report",
    detail: "`shared` shows it to everybody.",
    access: Access::Needs(Permission::ReportsWrite),
    key: KeyUse::Taken,
    body: Body::Json(schema::<NewReport>),
    answers: &[Answer::json(201, "The report.", schema::<Report>)],
    ..Operation::BASE
};

pub static SHOW: Operation = Operation {
    id: "get_report",
    path: "/api/v1/reports/{id}",
    tag: "reports",
    summary: "A saved report",
    access: Access::Needs(Permission::TicketRead),
    answers: &[Answer::json(200, "The report.", schema::<Report>)],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub static UPDATE: Operation = Operation {
    id: "update_report",
    method: "PATCH",
    path: "/api/v1/reports/{id}",
    tag: "reports",
    summary: "Change a saved report",
    detail: "By its owner or an administrator; only what is named changes.",
    access: Access::Needs(Permission::ReportsWrite),
    body: Body::Json(schema::<UpdateReport>),
    answers: &[Answer::json(200, "The report.", schema::<Report>)],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub static FILES: Operation = Operation {
    id: "list_report_files",
    path: "/api/v1/reports/{id}/files",
    tag: "reports",
    summary: "What a report's scheduled runs left",
    detail: "The newest first; the newest sixty are kept. They count what everybody sees: nothing of private teams.",
    access: Access::Needs(Permission::TicketRead),
    answers: &[Answer::json(200, "The files.", super::operation::page_of::<ReportFile>)],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub static FILE: Operation = Operation {
    id: "get_report_file",
    path: "/api/v1/reports/{id}/file",
    tag: "reports",
    summary: "One of these files",
    access: Access::Needs(Permission::TicketRead),
    query: &[Param { name: "at", what: "A file's `at`.", kind: ParamKind::Text }],
    answers: &[FIGURES],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub static REMOVE: Operation = Operation {
    id: "remove_report",
    method: "DELETE",
    path: "/api/v1/reports/{id}",
    tag: "reports",
    summary: "Delete a report",
    detail: "By its owner or an administrator.",
    access: Access::Needs(Permission::ReportsWrite),
    answers: &[Answer::empty(204, "It is gone.")],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

const RANGE: [Param; 4] = [
    Param { name: "format", what: "`json` if absent.", kind: ParamKind::OneOf(&["json", "csv"]) },
    Param { name: "from", what: "A time, in place of the report's own range.", kind: ParamKind::Text },
    Param { name: "to", what: "A time; now if only `from` is given.", kind: ParamKind::Text },
    Param { name: "last", what: "Like `7d`, in place of the report's own range.", kind: ParamKind::Text },
];

pub static RUN: Operation = Operation {
    id: "run_report",
    path: "/api/v1/reports/{id}/run",
    tag: "reports",
    summary: "Run a saved report",
    detail: "As JSON, or as CSV whose texts no spreadsheet takes for formulas.",
    access: Access::Needs(Permission::TicketRead),
    query: &RANGE,
    answers: &[FIGURES],
    codes: FOUND,
    ..Operation::BASE
};

pub static TICKETS: Operation = Operation {
    id: "get_report_tickets",
    path: "/api/v1/reports/{id}/tickets",
    tag: "reports",
    summary: "The tickets behind a cell of a saved report",
    access: Access::Needs(Permission::TicketRead),
    query: &[
        Param { name: "from", what: "As in the run.", kind: ParamKind::Text },
        Param { name: "to", what: "As in the run.", kind: ParamKind::Text },
        Param { name: "last", what: "As in the run.", kind: ParamKind::Text },
        Param { name: "at", what: "A row's `at`.", kind: ParamKind::Text },
        Param { name: "key", what: "A row's `keys`, in their order.", kind: ParamKind::Repeated },
    ],
    answers: &[Answer::json(200, "The tickets.", schema::<ReportTickets>)],
    codes: FOUND,
    ..Operation::BASE
};

pub static PREVIEW: Operation = Operation {
    id: "preview_report",
    method: "POST",
    path: "/api/v1/reports/preview",
    tag: "reports",
    summary: "Run a report without saving it",
    access: Access::Needs(Permission::TicketRead),
    body: Body::Json(schema::<ReportDefinition>),
    answers: &[Answer::json(200, "The figures.", schema::<ReportResult>)],
    codes: COUNTING,
    ..Operation::BASE
};

pub static PREVIEW_TICKETS: Operation = Operation {
    id: "preview_report_tickets",
    method: "POST",
    path: "/api/v1/reports/preview/tickets",
    tag: "reports",
    summary: "The tickets behind a cell of a report that is not saved",
    access: Access::Needs(Permission::TicketRead),
    body: Body::Json(schema::<DrillDown>),
    answers: &[Answer::json(200, "The tickets.", schema::<ReportTickets>)],
    codes: COUNTING,
    ..Operation::BASE
};

pub async fn list(call: Call) -> Reply {
    let data = call.desk.figures.reports(call.principal());
    let page = Page { data, meta: PageMeta { has_more: false, after_cursor: None } };
    Ok(reply::json(&call.request, StatusCode::OK, &page))
}

pub async fn save(call: Call, payload: Payload) -> Reply {
    let report: NewReport = call.json(payload).await?;
    let report = call.desk.figures.save_report(report, call.key().cloned(), call.principal()).await?;
    Ok(reply::json(&call.request, StatusCode::CREATED, &report))
}

pub async fn show(call: Call) -> Reply {
    let report = call.desk.figures.report(call.path_id(), call.principal())?;
    Ok(reply::json(&call.request, StatusCode::OK, &report))
}

pub async fn update(call: Call, payload: Payload) -> Reply {
    let change: UpdateReport = call.json(payload).await?;
    let report = call.desk.figures.update_report(call.path_id(), change, call.principal()).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &report))
}

pub async fn files(call: Call) -> Reply {
    let data = call.desk.figures.report_files(call.path_id(), call.principal()).await?;
    let page = Page { data, meta: PageMeta { has_more: false, after_cursor: None } };
    Ok(reply::json(&call.request, StatusCode::OK, &page))
}

pub async fn file(call: Call) -> Reply {
    let report = call.desk.figures.report(call.path_id(), call.principal())?;
    let at = call.params.time("at")?.ok_or_else(|| Problem::field("/at", "required", "name a file's `at`"))?;
    let (format, bytes) = call.desk.figures.report_file(&report.id, at, call.principal()).await?;
    call.note(Deed::done(Action::Exported).on(report.id));
    Ok(attachment(&format!("{} {at}", report.name), format, bytes))
}

pub async fn remove(call: Call) -> Reply {
    call.desk.figures.remove_report(call.path_id(), call.principal()).await?;
    Ok(reply::no_content().finish())
}

pub async fn run(call: Call) -> Reply {
    let report = call.desk.figures.report(call.path_id(), call.principal())?;
    let as_csv = match call.params.one("format")? {
        None | Some("json") => false,
        Some("csv") => true,
        Some(_) => return Err(Problem::field("/format", "unknown_value", "one of json, csv").into()),
    };
    let definition = over(&call, report.definition)?;
    let result = call.desk.figures.run(definition, call.principal()).await?;
    if as_csv {
        call.note(Deed::done(Action::Exported).on(report.id));
        return Ok(attachment(&report.name, ReportFormat::Csv, spreadsheet::csv(&result)));
    }
    Ok(reply::json(&call.request, StatusCode::OK, &result))
}

pub async fn tickets(call: Call) -> Reply {
    let report = call.desk.figures.report(call.path_id(), call.principal())?;
    let keys = call.params.texts("key")?;
    let cell = ReportCell { at: call.params.time("at")?, keys };
    let drill = DrillDown { definition: over(&call, report.definition)?, cell };
    let tickets = call.desk.figures.tickets(drill, call.principal()).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &tickets))
}

pub async fn preview(call: Call, payload: Payload) -> Reply {
    let definition: ReportDefinition = call.json(payload).await?;
    let result = call.desk.figures.run(definition, call.principal()).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &result))
}

pub async fn preview_tickets(call: Call, payload: Payload) -> Reply {
    let drill: DrillDown = call.json(payload).await?;
    let tickets = call.desk.figures.tickets(drill, call.principal()).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &tickets))
}

/// The definition with the range that the call asks for.
fn over(call: &Call, mut definition: ReportDefinition) -> Result<ReportDefinition, Problem> {
    let (from, to) = (call.params.time("from")?, call.params.time("to")?);
    let last = call.params.one("last")?.map(str::to_owned);
    if from.is_some() || to.is_some() || last.is_some() {
        (definition.from, definition.to, definition.last) = (from, to, last);
    }
    Ok(definition)
}

fn attachment(name: &str, format: ReportFormat, bytes: Vec<u8>) -> HttpResponse {
    let file: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let kind = match format {
        ReportFormat::Csv => "text/csv; charset=utf-8",
        ReportFormat::Json => "application/json",
    };
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file}.{}\"", format.name())))
        .body(bytes)
}
