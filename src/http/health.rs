//! Whether the process lives and whether it takes work. `app` tells the phase and adds checks; load balancers ask.

use std::sync::atomic::{AtomicU8, Ordering};

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use parking_lot::RwLock;
use serde::Serialize;
use subtle::ConstantTimeEq as _;
use ts_rs::TS;
use utoipa::ToSchema;

use super::auth;
use super::call::Call;
use super::desk_state::Desk;
use super::operation::{Access, Answer, Operation, schema};
use super::reply::{self, Reply};
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    Starting = 0,
    Ready = 1,
    /// Going away: sessions are asked to come back elsewhere.
    Draining = 2,
}

type Probe = Box<dyn Fn() -> Result<String, String> + Send + Sync>;

/// The process's phase and what can be wrong with it.
#[derive(Default)]
pub struct Health {
    phase: AtomicU8,
    probes: RwLock<Vec<(&'static str, Probe)>>,
}

impl Health {
    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::SeqCst);
    }

    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }

    /// Adds something to look at: `Ok` and `Err` both say how it stands, `Err` makes the process not ready. It must be quick.
    pub fn probe(&self, name: &'static str, probe: impl Fn() -> Result<String, String> + Send + Sync + 'static) {
        self.probes.write().push((name, Box::new(probe)));
    }

    pub fn report(&self) -> Report {
        let phase = match self.phase() {
            Phase::Starting => "starting",
            Phase::Ready => "ready",
            Phase::Draining => "draining",
        };
        let checks: Vec<Check> = self
            .probes
            .read()
            .iter()
            .map(|(name, probe)| match probe() {
                Ok(detail) => Check { name, ok: true, detail },
                Err(detail) => Check { name, ok: false, detail },
            })
            .collect();
        let ready = self.phase() == Phase::Ready && checks.iter().all(|check| check.ok);
        Report { ready, phase, checks: Some(checks) }
    }
}

/// Whether the process takes work.
#[derive(Serialize, TS, ToSchema)]
#[ts(rename = "Readiness")]
#[schema(as = Readiness)]
pub struct Report {
    ready: bool,
    phase: &'static str,
    /// Only for operations, where an operations token is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    checks: Option<Vec<Check>>,
}

#[derive(Serialize, TS, ToSchema)]
#[ts(rename = "ReadinessCheck")]
#[schema(as = ReadinessCheck)]
pub struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
}

pub static LIVE: Operation = Operation {
    id: "live",
    path: "/healthz/live",
    tag: "operations",
    summary: "Whether the process lives",
    access: Access::Open,
    answers: &[Answer { status: 200, what: "It does.", content: super::operation::Content::Text, written: false }],
    ..Operation::BASE
};

pub static READY: Operation = Operation {
    id: "ready",
    path: "/healthz/ready",
    tag: "operations",
    summary: "Whether the process takes work",
    detail: "503 while it starts, while it goes away, and while a check fails.",
    access: Access::Open,
    answers: &[Answer::json(200, "It does.", schema::<Report>), Answer::json(503, "Not now.", schema::<Report>)],
    ..Operation::BASE
};

pub async fn live(_: Call) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

pub async fn ready(call: Call) -> Reply {
    let mut report = call.desk.health.report();
    if check_operations(&call.request, &call.desk).is_err() {
        report.checks = None;
    }
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(reply::json(&call.request, status, &report))
}

/// The operations token, where one is configured.
pub fn check_operations(request: &HttpRequest, desk: &Desk) -> Result<(), Problem> {
    let expected = desk.config.server.operations_token.as_bytes();
    let given = auth::bearer(request).unwrap_or_default().as_bytes();
    if expected.is_empty() || bool::from(expected.ct_eq(given)) {
        return Ok(());
    }
    Err(Problem::new(Code::NotSignedIn, "this needs the operations token"))
}
