//! What every request passes on its way in and every answer on its way out: time taken, headers that browsers obey, and the last
//! resort that turns an error which is not ours into a problem document.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{StatusCode, Version};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _};
use tracing::Instrument as _;

use super::assets::policy_header;
use super::auth;
use super::call::{Asked, Seen};
use super::desk_state::Desk;
use super::metered::{Carrying, Metered};
use super::reply::Failure;
use super::unread::Unread;
use crate::audit::{Action, Actor, Deed};
use crate::line::Line;
use crate::people::{Credential, Kind};
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::trace::TraceId;

/// Nothing in the app needs any of these.
const FEATURES: &str = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()";
/// What the log knows the request by.
const TRACE: HeaderName = HeaderName::from_static("x-trace-id");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What is not a page needs nothing at all.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

pub async fn guard(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let desk = request.app_data::<Data<Desk>>().expect("invariant: the router carries the desk").clone();
    let method = request.method().clone();
    let pattern = request.match_pattern();
    let asked = pattern.as_deref().and_then(|pattern| Asked::of(method.as_str(), pattern));
    if let Some(asked) = asked {
        request.extensions_mut().insert(asked);
    }
    let route: Cow<'static, str> = match (asked, pattern) {
        (Some(Asked(operation)), _) => operation.path.into(),
        (None, Some(pattern)) => pattern.into(),
        (None, None) => "other".into(),
    };

    let line = request.conn_data::<Arc<Line>>().cloned();
    // Over HTTP/2 one connection carries several requests at once.
    let carried = line.as_ref().filter(|_| request.version() == Version::HTTP_2).map(Line::carry);
    if let (Some(line), None) = (&line, &carried) {
        line.idle();
    }
    let secure = desk.proxies.is_secure(request.request());
    if secure == Some(false)
        && desk.config.server.redirect_to_https
        && !route.starts_with("/healthz/")
        && let Some(location) = over_https(request.request())
    {
        let elsewhere = HttpResponse::PermanentRedirect().insert_header((header::LOCATION, location)).finish();
        return Ok(request.into_response(elsewhere));
    }

    let unread = Unread::of(&mut request);
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let trace = TraceId::read(text("traceparent"), text("x-cloud-trace-context")).unwrap_or_else(TraceId::fresh);
    let span = trace.request(known(method.as_str()), &route);
    // No copy of the request may live here: the router changes it. Handlers' errors come back as answers.
    let answered = trace.within(next.call(request).instrument(span.clone())).await;
    let mut answer = answered?.map_into_boxed_body();
    let kind = answer.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_error = answer.status().is_client_error() || answer.status().is_server_error();
    if is_error && kind.is_none_or(|kind| !kind.starts_with(b"application/")) {
        let status = answer.status();
        let mut failure = last_failure(status, status.canonical_reason().unwrap_or("refused"));
        failure.problem.trace = Some(trace.to_string());
        answer = answer.into_response(failure.error_response());
    }

    let seen = answer.request().extensions_mut().remove::<Seen>();
    if let Some(Seen { credential: Some(credential), .. }) = &seen {
        if let Some(line) = &line {
            line.is_known();
        }
        tell_use(&desk, answer.request(), credential);
    }
    if matches!(answer.status().as_u16(), 401 | 403 | 429) {
        tell_refusal(&desk, &answer, &route, seen.as_ref().and_then(|seen| seen.credential.as_ref()));
    }

    let headers = answer.headers_mut();
    if let Some(seen) = &seen {
        tell_allowance(headers, seen);
    }
    if secure == Some(true) && desk.config.server.hsts_s > 0 {
        let told = format!("max-age={}", desk.config.server.hsts_s);
        if let Ok(told) = HeaderValue::from_str(&told) {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, told);
        }
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(told) = HeaderValue::from_str(&trace.to_string()) {
        headers.insert(TRACE, told);
    }
    let mut put = |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::REFERRER_POLICY, "same-origin");
    put(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    put(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    put(header::X_FRAME_OPTIONS, "DENY");
    put(HeaderName::from_static("permissions-policy"), FEATURES);
    if !headers.contains_key(policy_header()) {
        headers.insert(policy_header(), HeaderValue::from_static(DATA_POLICY));
    }

    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        if let Some(carried) = carried {
            answer = answer.map_body(|_, body| Carrying::over(body, carried));
        } else {
            if let Some(line) = &line {
                line.answered();
            }
            answer = answer.map_body(|_, body| Metered::over(body, line.as_ref()));
        }
    }
    if let Some(unread) = unread {
        answer = answer.map_body(|_, body| unread.hold(body));
    }

    // A socket's upgrade is not a request that took so long.
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        let status = answer.status();
        if status.is_server_error() || is_sampled(desk.config.log.requests) {
            let (http_method, http_status) = (known(method.as_str()), status.as_u16());
            let http_ms = began.elapsed().as_secs_f64() * 1e3;
            span.in_scope(|| {
                tracing::info!(target: "hotdesk::requests", http_method, http_route = &*route, http_status, http_ms, "answered");
            });
        }
        desk.answered.count(known(method.as_str()), &route, answer.status(), began.elapsed());
    }
    Ok(answer)
}

/// Whether this one of many is logged.
fn is_sampled(share: f64) -> bool {
    share > 0.0 && (share >= 1.0 || fastrand::f64() < share)
}

/// A token that is used: once an hour, and from each new address.
fn tell_use(desk: &Desk, request: &HttpRequest, credential: &Arc<Credential>) {
    if credential.kind() != Kind::Token {
        return;
    }
    let from = desk.proxies.peer(request);
    if credential.is_news(from) {
        let actor = Actor { who: Some(credential.user()), via: Some(credential.id()), from };
        desk.audit.note_often(actor, Deed::done(Action::TokenUsed));
    }
}

/// The call as the API describes it, never as it was written: a query may hold what people wrote.
fn tell_refusal(desk: &Desk, answer: &ServiceResponse<BoxBody>, route: &str, credential: Option<&Arc<Credential>>) {
    let code = answer.response().extensions().get::<Code>().copied();
    // What was guessed wrong has an entry of its own, with what it was about.
    if code == Some(Code::WrongCredentials) {
        return;
    }
    let request = answer.request();
    let actor = Actor {
        who: credential.map(|credential| credential.user()),
        via: credential.map(|credential| credential.id()),
        from: desk.proxies.peer(request),
    };
    let action = if answer.status() == StatusCode::TOO_MANY_REQUESTS { Action::Limited } else { Action::Denied };
    let deed = Deed::refused(action).on(format!("{} {route}", known(request.method().as_str())));
    desk.audit.note_often(actor, code.into_iter().fold(deed, |deed, code| deed.with(code.wire())));
}

/// The fields of the IETF's draft: what may be asked at once, and how much of it is left.
fn tell_allowance(headers: &mut HeaderMap, seen: &Seen) {
    let name = if seen.credential.is_some() { "signed-in" } else { "anonymous" };
    let Some(allowance) = seen.allowance else {
        headers.insert(RATE_LIMIT, HeaderValue::from_static("\"all\";r=0"));
        return;
    };
    // Whoever has most of it left need not be told with every answer.
    if seen.credential.is_some() && allowance.left > allowance.per_s / 2 {
        return;
    }
    let policy = format!("\"{name}\";q={};w=1", allowance.per_s);
    let left = format!("\"{name}\";r={}", allowance.left);
    if let (Ok(policy), Ok(left)) = (HeaderValue::from_str(&policy), HeaderValue::from_str(&left)) {
        headers.insert(RATE_LIMIT_POLICY, policy);
        headers.insert(RATE_LIMIT, left);
    }
}

/// Where the same is over HTTPS; nowhere if the host's name is none.
fn over_https(request: &HttpRequest) -> Option<String> {
    let host = auth::host(request)?;
    let name = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    let is_name = |c: char| c.is_ascii_alphanumeric() || ".-[]:".contains(c);
    (!name.is_empty() && name.chars().all(is_name)).then(|| format!("https://{name}{}", request.uri()))
}

/// Methods are free text: a label has few values.
fn known(method: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("other")
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
