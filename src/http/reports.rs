//! Reports: saved ones, running them, looking into a cell, and their form for spreadsheets.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use actix_web::web::Payload;

use super::analytics::time;
use super::call::Call;
use super::operation::{Access, Answer, Body, KeyUse, Operation, Param, ParamKind, schema};
use super::reply::{self, Reply};
use crate::domain::permissions::Permission;
use crate::protocol::code::Code;
use crate::protocol::figures::{
    DrillDown, MetricUnit, NewReport, Report, ReportCell, ReportDefinition, ReportResult, ReportRow, ReportTickets,
};
use crate::protocol::problem::Problem;
use crate::protocol::views::{Page, PageMeta};

const COUNTING: &[Code] = &[Code::Unavailable, Code::Overloaded, Code::InvalidField];
const FOUND: &[Code] = &[Code::NotFound, Code::Unavailable, Code::Overloaded, Code::InvalidField];

pub static LIST: Operation = Operation {
    id: "list_reports",
    path: "/api/v1/reports",
    tag: "reports",
    summary: "Saved reports",
    detail: "One's own and the shared ones, by name, all on one page.",
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
    answers: &[Answer::json(200, "The figures.", schema::<ReportResult>)],
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
        return Ok(spreadsheet(&report.name, &result));
    }
    Ok(reply::json(&call.request, StatusCode::OK, &result))
}

pub async fn tickets(call: Call) -> Reply {
    let report = call.desk.figures.report(call.path_id(), call.principal())?;
    let keys = call.params.all("key")?.into_iter().map(str::to_owned).collect();
    let cell = ReportCell { at: time(&call.params, "at")?, keys };
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
    let (from, to) = (time(&call.params, "from")?, time(&call.params, "to")?);
    let last = call.params.one("last")?.map(str::to_owned);
    if from.is_some() || to.is_some() || last.is_some() {
        (definition.from, definition.to, definition.last) = (from, to, last);
    }
    Ok(definition)
}

fn spreadsheet(name: &str, result: &ReportResult) -> HttpResponse {
    let file: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file}.csv\"")))
        .body(csv(result))
}

/// RFC 4180, one line a row and the total last.
fn csv(result: &ReportResult) -> Vec<u8> {
    const WHY: &str = "invariant: a vector takes everything";
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let timed = result.metric.unit == MetricUnit::Duration;
    let with_grain = result.grain.is_some();
    let mut head: Vec<String> = Vec::new();
    if with_grain {
        head.push("at".to_owned());
    }
    head.extend(result.split.iter().cloned());
    head.push(result.metric.id.to_owned());
    head.push("count".to_owned());
    if timed {
        head.extend(["mean_ms", "median_ms", "p90_ms", "p95_ms"].map(str::to_owned));
    }
    writer.write_record(head.iter().map(|cell| harmless(cell))).expect(WHY);
    let total = ReportRow { at: None, keys: Vec::new(), cell: result.total };
    let is_total = result.rows.len();
    for (index, row) in result.rows.iter().chain(std::iter::once(&total)).enumerate() {
        let mut cells: Vec<String> = Vec::new();
        if with_grain {
            cells.push(row.at.map_or_else(|| "total".to_owned(), |at| at.to_string()));
        }
        for (place, _) in result.split.iter().enumerate() {
            let total = if index == is_total && place == 0 && !with_grain { "total" } else { "" };
            cells.push(row.keys.get(place).map_or_else(|| total.to_owned(), |key| harmless(key)));
        }
        let number = |value: Option<i64>| value.map(|value| value.to_string()).unwrap_or_default();
        cells.push(row.cell.value.map(|value| value.to_string()).unwrap_or_default());
        cells.push(row.cell.count.to_string());
        if timed {
            let spread = row.cell.spread.unwrap_or_default();
            cells.extend([spread.mean_ms, spread.median_ms, spread.p90_ms, spread.p95_ms].map(number));
        }
        writer.write_record(&cells).expect(WHY);
    }
    writer.into_inner().expect(WHY)
}

/// A text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, *CSV Injection*).
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Seq;
    use crate::domain::time::Timestamp;
    use crate::protocol::figures::{Cell, MetricInfo, ReportClock};

    /// A42: no name becomes a formula in a spreadsheet, and commas, quotes and line ends stay within their cell.
    #[test]
    fn a42_csv_is_safe_for_spreadsheets() {
        let row = |key: &str| ReportRow {
            at: None,
            keys: vec![key.to_owned()],
            cell: Cell { value: Some(1.5), count: 2, spread: None },
        };
        let result = ReportResult {
            metric: MetricInfo { id: "created", unit: MetricUnit::Count, what: "", formula: "" },
            seq: Seq(1),
            from: Timestamp::from_millis(0),
            to: Timestamp::from_millis(1),
            time_zone: "UTC".into(),
            clock: ReportClock::Calendar,
            grain: None,
            split: vec!["team".into()],
            rows: ["=HYPERLINK(\"x\")", "+1", "-1", "@a", "\tb", "a,\"b\"\nc"].into_iter().map(row).collect(),
            total: Cell { value: None, count: 0, spread: None },
        };
        let text = String::from_utf8(csv(&result)).unwrap();
        assert_eq!(
            text,
            "team,created,count\r\n\"'=HYPERLINK(\"\"x\"\")\",1.5,2\r\n'+1,1.5,2\r\n'-1,1.5,2\r\n'@a,1.5,2\r\n'\tb,1.5,2\r\n\
             \"a,\"\"b\"\"\nc\",1.5,2\r\ntotal,,0\r\n"
        );
    }
}
