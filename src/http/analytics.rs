//! The live figures, figures over time, and trends.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;

use super::call::Call;
use super::operation::{Access, Answer, Operation, Param, ParamKind, schema};
use super::params::Params;
use super::reply::{self, Reply};
use crate::domain::permissions::Permission;
use crate::protocol::code::Code;
use crate::protocol::figures::{LiveFigures, MetricList, ReportClock, Series, SeriesQuery, Trends};
use crate::protocol::problem::Problem;

/// Dimensions by which a series may be narrowed; repeated means any of.
const FILTERS: [&str; 8] = ["team", "agent", "category", "priority", "channel", "tag", "status", "target"];

pub static LIVE: Operation = Operation {
    id: "get_live_figures",
    path: "/api/v1/analytics/live",
    tag: "analytics",
    summary: "The live figures",
    detail: "The desk as it stands and the last day. The topic `analytics` sends what changes in them once a second.",
    access: Access::Needs(Permission::TicketRead),
    answers: &[Answer::json(200, "The figures.", schema::<LiveFigures>)],
    codes: &[Code::Unavailable, Code::Overloaded],
    ..Operation::BASE
};

pub static METRICS: Operation = Operation {
    id: "list_metrics",
    path: "/api/v1/analytics/metrics",
    tag: "analytics",
    summary: "What can be asked for",
    detail: "Every figure with its definition, the dimensions that reports are split by, and the grains.",
    access: Access::Needs(Permission::TicketRead),
    answers: &[Answer::json(200, "The definitions.", schema::<MetricList>)],
    ..Operation::BASE
};

pub static SERIES: Operation = Operation {
    id: "get_series",
    path: "/api/v1/analytics/series",
    tag: "analytics",
    summary: "A figure over time",
    detail: "One point for each step, empty ones too. Days and weeks begin in the time zone.",
    access: Access::Needs(Permission::TicketRead),
    query: &[
        Param { name: "metric", what: "A figure's id.", kind: ParamKind::Text },
        Param { name: "from", what: "A time; a day ago if absent.", kind: ParamKind::Text },
        Param { name: "to", what: "A time; now if absent.", kind: ParamKind::Text },
        Param { name: "step", what: "Like `15m`, `1h`, `1d`, `1w`, `1mo`; `1h` if absent.", kind: ParamKind::Text },
        Param { name: "time_zone", what: "Of the IANA database; the desk's if absent.", kind: ParamKind::Text },
        Param {
            name: "clock",
            what: "How times that something took are counted; `calendar` if absent.",
            kind: ParamKind::OneOf(&["calendar", "business"]),
        },
        Param { name: "team", what: "Any of these; `none` for no team.", kind: ParamKind::Repeated },
        Param { name: "agent", what: "Any of these user ids; `none` for nobody.", kind: ParamKind::Repeated },
        Param { name: "category", what: "Any of these; `none` for no category.", kind: ParamKind::Repeated },
        Param { name: "priority", what: "Any of these.", kind: ParamKind::Repeated },
        Param { name: "channel", what: "Any of these.", kind: ParamKind::Repeated },
        Param { name: "tag", what: "Any of these; `none` for no tag.", kind: ParamKind::Repeated },
        Param { name: "status", what: "Any of these; for `backlog`.", kind: ParamKind::Repeated },
        Param { name: "target", what: "Any of these; for service levels.", kind: ParamKind::Repeated },
    ],
    answers: &[Answer::json(200, "The series.", schema::<Series>)],
    codes: &[Code::Unavailable, Code::Overloaded],
    ..Operation::BASE
};

pub static TRENDS: Operation = Operation {
    id: "get_trends",
    path: "/api/v1/analytics/trends",
    tag: "analytics",
    summary: "What is unusual and what is to come",
    detail: "Anomalies, changes of level, forecasts with their intervals, and how many agents the coming hours need. Counted anew every \
             half minute at the most.",
    access: Access::Needs(Permission::TicketRead),
    answers: &[Answer::json(200, "The trends.", schema::<Trends>)],
    codes: &[Code::Unavailable, Code::Overloaded],
    ..Operation::BASE
};

pub async fn live(call: Call) -> Reply {
    let figures = call.desk.figures.live(call.principal()).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &figures))
}

pub async fn metrics(call: Call) -> Reply {
    Ok(reply::json(&call.request, StatusCode::OK, &call.desk.figures.metrics()))
}

pub async fn series(call: Call) -> Reply {
    let query = query(&call.params)?;
    let series = call.desk.figures.series(query, call.principal()).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &series))
}

pub async fn trends(call: Call) -> Reply {
    let trends = call.desk.figures.trends(call.principal()).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &trends))
}

fn query(params: &Params) -> Result<SeriesQuery, Problem> {
    let metric = params.one("metric")?;
    let metric = metric.ok_or_else(|| Problem::field("/metric", "required", "name a figure"))?.to_owned();
    let mut filter = BTreeMap::new();
    for name in FILTERS {
        let values = params.texts(name)?;
        if !values.is_empty() {
            filter.insert(name.to_owned(), values);
        }
    }
    Ok(SeriesQuery {
        metric,
        from: params.time("from")?,
        to: params.time("to")?,
        step: params.one("step")?.map(str::to_owned),
        time_zone: params.one("time_zone")?.map(str::to_owned),
        clock: match params.one("clock")? {
            None | Some("calendar") => ReportClock::Calendar,
            Some("business") => ReportClock::Business,
            Some(_) => return Err(Problem::field("/clock", "unknown_value", "one of calendar, business")),
        },
        filter,
    })
}
