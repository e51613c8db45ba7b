//! How the desk is doing, for administrators: the figures of `/metrics` in short, and the checks of readiness.

use actix_web::http::StatusCode;
use serde::Serialize;
use ts_rs::TS;
use utoipa::ToSchema;

use super::call::Call;
use super::health::Report;
use super::operation::{Access, Answer, Operation, schema};
use super::reply::{self, Reply};
use crate::domain::permissions::Permission;

pub static SHOW: Operation = Operation {
    id: "get_operations",
    path: "/api/v1/operations",
    tag: "operations",
    summary: "How the desk is doing",
    detail: "Readiness with its checks, and every figure of `/metrics`: its value, or how its values spread.",
    access: Access::Needs(Permission::SettingsWrite),
    answers: &[Answer::json(200, "How it is doing.", schema::<Operations>)],
    ..Operation::BASE
};

#[derive(Serialize, TS, ToSchema)]
pub struct Operations {
    readiness: Report,
    figures: Vec<OperationsFigure>,
}

/// Either `value`, or `count` with `mean`, `median` and `p99`. Units are the name's last word.
#[derive(Serialize, TS, ToSchema)]
pub struct OperationsFigure {
    name: &'static str,
    help: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[ts(optional, as = "Option<String>")]
    labels: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional, as = "Option<f64>")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    median: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    p99: Option<f64>,
}

pub async fn show(call: Call) -> Reply {
    let figures = call.desk.telemetry.read().into_iter();
    let figures = figures
        .map(|figure| OperationsFigure {
            name: figure.name,
            help: figure.help,
            labels: figure.labels,
            value: figure.value,
            count: figure.count,
            mean: figure.mean,
            median: figure.median,
            p99: figure.p99,
        })
        .collect();
    let body = Operations { readiness: call.desk.health.report(), figures };
    Ok(reply::json(&call.request, StatusCode::OK, &body))
}
