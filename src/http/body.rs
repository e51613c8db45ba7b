//! Bodies, read strictly: the right type, not too big, not too slow. Called by handlers that take a body.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::config::Limits;
use crate::protocol::code::Code;
use crate::protocol::parse;
use crate::protocol::problem::Problem;

/// A body that must be there.
pub async fn json<T: DeserializeOwned>(request: &HttpRequest, payload: Payload, limits: &Limits) -> Result<T, Problem> {
    let bytes = read(request, payload, limits).await?;
    if bytes.is_empty() {
        return Err(Problem::new(Code::BadJson, "a JSON object is needed as the body"));
    }
    parse_object(&bytes)
}

/// A body whose fields are all optional: no body at all is `{}`.
pub async fn optional_json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    limits: &Limits,
) -> Result<T, Problem> {
    let bytes = read(request, payload, limits).await?;
    parse_object(if bytes.is_empty() { b"{}" } else { &bytes })
}

fn parse_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde takes an array for a struct, field by field: nobody means that.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| Problem::new(Code::BadJson, error.to_string()))?;
        return Err(Problem::field("", "invalid", "expected a JSON object"));
    }
    parse::object(bytes, "")
}

async fn read(request: &HttpRequest, mut payload: Payload, limits: &Limits) -> Result<Bytes, Problem> {
    check_headers(request, limits)?;
    let most = limits.body_bytes;
    let reading = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(broken)?;
            if body.len() + chunk.len() > most {
                return Err(too_big(most));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    // One clock for the whole body: a byte now and then does not keep it alive.
    let body = tokio::time::timeout(Duration::from_millis(limits.body_timeout_ms), reading).await.map_err(|_| {
        Problem::new(Code::RequestTimeout, format!("the body did not arrive within {} ms", limits.body_timeout_ms))
    })??;
    if !body.is_empty() && !request.headers().contains_key(header::CONTENT_TYPE) {
        return Err(unsupported("the body has no Content-Type: send application/json"));
    }
    Ok(body)
}

/// Refuses before the first byte is read.
fn check_headers(request: &HttpRequest, limits: &Limits) -> Result<(), Problem> {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    if let Some(kind) = request.headers().get(header::CONTENT_TYPE) {
        let essence =
            kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_json =
            essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
        if !is_json {
            return Err(unsupported("send application/json"));
        }
    }
    if text(header::CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(unsupported("compressed bodies are not taken"));
    }
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if length.is_some_and(|length| length > limits.body_bytes as u64) {
        return Err(too_big(limits.body_bytes));
    }
    Ok(())
}

fn too_big(most: usize) -> Problem {
    Problem::new(Code::TooBig, format!("a body has at most {most} bytes"))
}

fn unsupported(detail: &str) -> Problem {
    Problem::new(Code::UnsupportedMediaType, detail)
}

fn broken(error: PayloadError) -> Problem {
    match error {
        PayloadError::Overflow => Problem::new(Code::TooBig, error.to_string()),
        _ => Problem::new(Code::BadJson, format!("the body broke off: {error}")),
    }
}
