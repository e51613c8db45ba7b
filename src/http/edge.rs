//! What every request passes on its way in and every answer on its way out: time taken, headers that browsers obey, and the last
//! resort that turns an error which is not ours into a problem document.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, ResponseError as _};

use super::assets::policy_header;
use super::desk_state::Desk;
use super::reply::Failure;
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::telemetry::SECONDS;

/// What is not a page needs nothing at all.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let desk = request.app_data::<Data<Desk>>().expect("invariant: the router carries the desk").clone();
    let method = request.method().clone();
    let route = request.match_pattern().unwrap_or_else(|| "other".to_owned());

    // No copy of the request may live here: the router changes it. Handlers' errors come back as answers.
    let mut answer = next.call(request).await?.map_into_boxed_body();
    let kind = answer.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_error = answer.status().is_client_error() || answer.status().is_server_error();
    if is_error && kind.is_none_or(|kind| !kind.starts_with(b"application/")) {
        let status = answer.status();
        let failure = last_failure(status, status.canonical_reason().unwrap_or("refused"));
        answer = answer.into_response(failure.error_response());
    }

    let headers = answer.headers_mut();
    let mut put = |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::REFERRER_POLICY, "same-origin");
    put(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    put(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if !headers.contains_key(policy_header()) {
        headers.insert(policy_header(), HeaderValue::from_static(DATA_POLICY));
    }

    // A socket's upgrade is not a request that took so long.
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        let status = answer.status();
        let labels = [("method", known(method.as_str())), ("route", route.as_str())];
        desk.telemetry
            .histogram("hotdesk_http_request_seconds", "Time until the answer began.", &labels, SECONDS)
            .observe_duration(began.elapsed());
        let labels = [labels[0], labels[1], ("status", status.as_str())];
        desk.telemetry.counter("hotdesk_http_requests_total", "Requests answered.", &labels).add(1);
    }
    Ok(answer)
}

/// Methods are free text: a label has few values.
fn known(method: &str) -> &str {
    match method {
        "GET" | "HEAD" | "POST" | "PATCH" | "DELETE" | "PUT" | "OPTIONS" => method,
        _ => "other",
    }
}

fn last_failure(status: StatusCode, detail: &str) -> Failure {
    let code = match status {
        StatusCode::BAD_REQUEST => Code::BadJson,
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::NOT_ACCEPTABLE => Code::NotAcceptable,
        StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooBig,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        _ => {
            tracing::error!(%status, detail, "a request failed in a way that nobody foresaw");
            return Problem::new(Code::Internal, "the desk made a mistake").into();
        }
    };
    Problem::new(code, detail).into()
}
