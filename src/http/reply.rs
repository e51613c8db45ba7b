//! How answers look: JSON with the headers of the contract, and problem documents for every refusal. Decides nothing.

use std::fmt;
use std::io::Write as _;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use crate::domain::ids::{Seq, Version};
use crate::protocol::code::Code;
use crate::protocol::gateway::Done;
use crate::protocol::problem::Problem;
use crate::trace::TraceId;

pub type Reply = Result<HttpResponse, Failure>;

/// The seq of a write's last record.
pub const SEQ: HeaderName = HeaderName::from_static("x-hotdesk-seq");
/// `true` where the first answer was given again.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Below this, compressing costs more than it saves.
const COMPRESS_FROM_BYTES: usize = 8 * 1024;

/// A refusal on its way out.
#[derive(Debug)]
pub struct Failure {
    pub problem: Problem,
    pub retry_after_s: Option<u64>,
    /// The request was not read to its end, so the connection cannot be used again.
    pub close: bool,
    /// `method_not_allowed`: what is.
    pub allow: Option<String>,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let close = matches!(problem.code, Code::TooBig | Code::RequestTimeout | Code::UnsupportedMediaType);
        let retry_after_s = problem.retryable.then_some(1);
        Self { problem, retry_after_s, close, allow: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut answer = HttpResponse::build(self.status_code());
        answer.content_type("application/problem+json");
        answer.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.retry_after_s {
            answer.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some(methods) = &self.allow {
            answer.insert_header((header::ALLOW, methods.as_str()));
        }
        if self.status_code() == StatusCode::UNAUTHORIZED {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"hotdesk\""));
        }
        if self.close {
            answer.force_close();
        }
        answer.extensions_mut().insert(self.problem.code);
        let trace = TraceId::current().map(|trace| trace.to_string());
        let told = Problem { trace: trace.or_else(|| self.problem.trace.clone()), ..self.problem.clone() };
        answer.body(serde_json::to_vec(&told).expect("invariant: a problem is JSON"))
    }
}

/// JSON that nobody may keep.
pub fn json<T: Serialize>(request: &HttpRequest, status: StatusCode, body: &T) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    finish(request, &mut answer, to_bytes(body))
}

/// JSON that is serialised already.
pub fn raw(request: &HttpRequest, json: Bytes) -> HttpResponse {
    finish(request, &mut HttpResponse::Ok(), json)
}

/// The answer of a write to one ticket.
pub fn written<T: Serialize>(status: StatusCode, done: &Done, body: &T) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    seq(&mut answer, done.seq);
    answer.insert_header((header::ETAG, etag(done.version)));
    if done.replayed {
        answer.insert_header((REPLAYED, "true"));
    }
    answer.content_type("application/json");
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    answer.body(to_bytes(body))
}

pub fn no_content() -> HttpResponseBuilder {
    let mut answer = HttpResponse::NoContent();
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    answer
}

pub fn seq(answer: &mut HttpResponseBuilder, seq: Seq) {
    answer.insert_header((SEQ, HeaderValue::from(seq.get())));
}

/// A ticket's version as an entity tag.
pub fn etag(version: Version) -> String {
    format!("\"{version}\"")
}

pub fn to_bytes<T: Serialize>(body: &T) -> Bytes {
    serde_json::to_vec(body).expect("invariant: what goes over the wire is JSON").into()
}

/// Adds the body, compressed where that is worth it, with the headers of data.
pub fn finish(request: &HttpRequest, answer: &mut HttpResponseBuilder, json: Bytes) -> HttpResponse {
    answer.content_type("application/json");
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    if json.len() < COMPRESS_FROM_BYTES {
        return answer.body(json);
    }
    answer.insert_header((header::VARY, "accept-encoding"));
    if !accepts_gzip(request) {
        return answer.body(json);
    }
    answer.insert_header((header::CONTENT_ENCODING, "gzip"));
    answer.body(gzip(&json))
}

pub fn gzip(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain).expect("invariant: a vector takes everything");
    encoder.finish().expect("invariant: a vector takes everything").into()
}

/// Whether `Accept-Encoding` has this coding with a weight above zero.
pub fn accepts(request: &HttpRequest, coding: &str) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused = parts.any(|part| {
            part.strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok()).is_some_and(|weight| weight <= 0.0)
        });
        name.eq_ignore_ascii_case(coding) && !refused
    })
}

pub fn accepts_gzip(request: &HttpRequest) -> bool {
    accepts(request, "gzip")
}
