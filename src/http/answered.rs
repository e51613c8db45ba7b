//! How often and how fast each call is answered. A call's own figures are found without the registry's lock and without printing
//! their labels anew. Told by the edge.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use dashmap::DashMap;

use crate::telemetry::{Counter, Histogram, SECONDS, Telemetry};

pub struct Answered {
    telemetry: Arc<Telemetry>,
    by_route: DashMap<String, Vec<Known>>,
}

struct Known {
    method: &'static str,
    status: StatusCode,
    took: Arc<Histogram>,
    answers: Arc<Counter>,
}

impl Answered {
    pub fn new(telemetry: Arc<Telemetry>) -> Self {
        Self { telemetry, by_route: DashMap::new() }
    }

    /// `route` is the pattern, so that it has few values.
    pub fn count(&self, method: &'static str, route: &str, status: StatusCode, took: Duration) {
        let is_it = |known: &&Known| known.method == method && known.status == status;
        if let Some(known) = self.by_route.get(route)
            && let Some(known) = known.iter().find(is_it)
        {
            return known.count(took);
        }
        let known = self.find(method, route, status);
        known.count(took);
        let mut there = self.by_route.entry(route.to_owned()).or_default();
        if !there.iter().any(|other| is_it(&other)) {
            there.push(known);
        }
    }

    fn find(&self, method: &'static str, route: &str, status: StatusCode) -> Known {
        let of_both = [("method", method), ("route", route)];
        let of_three = [of_both[0], of_both[1], ("status", status.as_str())];
        Known {
            method,
            status,
            took: self.telemetry.histogram(
                "hotdesk_http_request_seconds",
                "Time until the answer began.",
                &of_both,
                SECONDS,
            ),
            answers: self.telemetry.counter("hotdesk_http_requests_total", "Requests answered.", &of_three),
        }
    }
}

impl Known {
    fn count(&self, took: Duration) {
        self.took.observe_duration(took);
        self.answers.add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A60: each method, route and status has a count of its own; times are those of the call.
    #[test]
    fn a60_answers_are_counted_by_call_and_status() {
        let telemetry = Arc::new(Telemetry::default());
        let answered = Answered::new(Arc::clone(&telemetry));
        let ms = Duration::from_millis(3);
        for (method, status) in
            [("GET", StatusCode::OK), ("GET", StatusCode::OK), ("GET", StatusCode::NOT_FOUND), ("POST", StatusCode::OK)]
        {
            answered.count(method, "/api/v1/tickets/{id}", status, ms);
        }
        let printed = telemetry.render();
        for line in [
            r#"hotdesk_http_requests_total{method="GET",route="/api/v1/tickets/{id}",status="200"} 2"#,
            r#"hotdesk_http_requests_total{method="GET",route="/api/v1/tickets/{id}",status="404"} 1"#,
            r#"hotdesk_http_requests_total{method="POST",route="/api/v1/tickets/{id}",status="200"} 1"#,
            r#"hotdesk_http_request_seconds_count{method="GET",route="/api/v1/tickets/{id}"} 3"#,
        ] {
            assert!(printed.contains(line), "{line} is not in\n{printed}");
        }
    }
}
