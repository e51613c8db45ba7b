//! The desk's figures for Prometheus.

use actix_web::HttpResponse;

use super::call::Call;
use super::operation::{Access, Answer, Content, Operation};

pub static SHOW: Operation = Operation {
    id: "metrics",
    path: "/metrics",
    tag: "operations",
    summary: "Figures for Prometheus",
    detail: "Text format 0.0.4. With `server.operations_token` set, that token is needed as bearer.",
    access: Access::Operations,
    answers: &[Answer { status: 200, what: "All figures.", content: Content::Text, written: false }],
    ..Operation::BASE
};

pub async fn show(call: Call) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(call.desk.telemetry.render())
}
