//! The edge of HTTP: what is refused before any handler, headers that browsers obey, files, health and figures.

use hotdesk::protocol::code::Code;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{ADMIN, TestApp, send};

const TICKETS: &str = "/api/v1/tickets";

/// S1: every refusal is a problem document with a code of the table, and retryable ones say when.
#[actix_web::test]
async fn s1_every_refusal_is_a_problem_document() {
    let app = TestApp::start().await;
    for (method, path, expect) in [
        ("GET", "/api/v1/nothing", (404, "not_found")),
        ("POST", "/nothing", (404, "not_found")),
        ("GET", "/api", (404, "not_found")),
        ("GET", "/healthz/nothing", (404, "not_found")),
        ("GET", "/assets/missing.js", (404, "not_found")),
        ("PUT", TICKETS, (405, "method_not_allowed")),
        ("DELETE", "/api/v1/tickets/1", (405, "method_not_allowed")),
        ("GET", "/api/v1/tickets/1/claim", (405, "method_not_allowed")),
        ("POST", "/api/v1/ws", (405, "method_not_allowed")),
        ("OPTIONS", "/api/v1/me", (405, "method_not_allowed")),
        ("GET", "/api/v1/me?x=1", (400, "unknown_field")),
        ("GET", "/api/v1/tickets/999", (404, "not_found")),
    ] {
        assert_eq!(send(app.request(method, path)).await.refusal(), expect, "{method} {path}");
    }
    assert_eq!(send(app.request("PUT", TICKETS)).await.header("allow"), "GET, HEAD, POST");
    for code in Code::ALL {
        assert!((400..600).contains(&code.status()), "{}", code.wire());
    }
    app.stop().await;
}

/// S35: calls that this version does not have are 404 like any other address.
#[actix_web::test]
async fn s35_what_is_not_there_yet_is_not_found() {
    let app = TestApp::start().await;
    let id = app.ticket("One", json!({})).await["id"].clone();
    for (method, path) in [
        ("GET", "/api/v2/tickets".to_owned()),
        ("GET", "/api/v1/nothing".to_owned()),
        ("POST", format!("{TICKETS}/{id}/nothing")),
    ] {
        assert_eq!(send(app.request(method, &path)).await.refusal(), (404, "not_found"), "{method} {path}");
    }
    app.stop().await;
}

/// S11: a body that is not JSON by its type is 415; compressed ones too.
#[actix_web::test]
async fn s11_only_json_is_taken() {
    let app = TestApp::start().await;
    let body = json!({"subject": "s", "body": "b", "requester": {"name": "n", "email": "n@example.org"}}).to_string();
    let post = |kind: &str| {
        let request = app.request("POST", TICKETS);
        let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
        send(request.body(body.clone()))
    };
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        assert_eq!(post(kind).await.refusal(), (415, "unsupported_media_type"), "{kind}");
    }
    for kind in ["application/json", "Application/JSON; charset=utf-8"] {
        assert_eq!(post(kind).await.status, 201, "{kind}");
    }
    let packed =
        app.request("POST", TICKETS).header("content-type", "application/json").header("content-encoding", "gzip");
    assert_eq!(send(packed.body(body.clone())).await.refusal(), (415, "unsupported_media_type"));
    app.stop().await;
}

/// S12: a body over the limit is 413, whether it says its length or not.
#[actix_web::test]
async fn s12_a_body_has_a_limit() {
    let app = TestApp::with(|config| config.limits.body_bytes = 1000).await;
    let big = format!("{{\"subject\":\"{}\"}}", "x".repeat(2000));
    let told = app.request("POST", TICKETS).header("content-type", "application/json").body(big.clone());
    assert_eq!(send(told).await.refusal(), (413, "too_big"));

    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "POST {TICKETS} HTTP/1.1\r\nhost: desk\r\nauthorization: Bearer {ADMIN}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n{:x}\r\n{big}\r\n",
        big.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let text = read_to_end(&mut socket).await;
    assert!(text.starts_with("HTTP/1.1 413") && text.contains("\"too_big\""), "{text}");

    // Nor does one that is refused for another reason go on for ever.
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let head = format!("POST {TICKETS} HTTP/1.1\r\nhost: desk\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    let text = read_to_end(&mut socket).await;
    assert!(text.starts_with("HTTP/1.1 401"), "{text}");
    app.stop().await;
}

/// S13: a body that never ends is 408 after the limit, counted over the whole body, and the connection is closed.
#[actix_web::test]
async fn s13_a_body_that_never_ends_is_given_up() {
    let app = TestApp::with(|config| config.limits.body_timeout_ms = 100).await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "POST {TICKETS} HTTP/1.1\r\nhost: desk\r\nauthorization: Bearer {ADMIN}\r\ncontent-type: application/json\r\n\
         content-length: 500\r\n\r\n{{"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let text = read_to_end(&mut socket).await;
    assert!(text.starts_with("HTTP/1.1 408") && text.contains("\"request_timeout\""), "{text}");
    assert!(text.to_lowercase().contains("connection: close"), "{text}");
    app.stop().await;
}

async fn read_to_end(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // The server may cut what it does not want to read any more: what came before that is the answer.
    let closed = tokio::time::timeout(std::time::Duration::from_secs(20), socket.read_to_end(&mut bytes)).await;
    assert!(closed.is_ok(), "the server keeps the connection after {}", String::from_utf8_lossy(&bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// S14: reads may be asked with HEAD.
#[actix_web::test]
async fn s14_head_is_get_without_a_body() {
    let app = TestApp::start().await;
    let id = app.ticket("One", json!({})).await["id"].clone();
    for path in [format!("{TICKETS}/{id}"), "/api/v1/me".to_owned(), "/healthz/live".to_owned(), "/".to_owned()] {
        let reply = send(app.request("HEAD", &path)).await;
        assert_eq!((reply.status, reply.text.as_str()), (200, ""), "{path}");
    }
    app.stop().await;
}

/// S30: browsers are told to guess nothing, frame nothing and load nothing from elsewhere.
#[actix_web::test]
async fn s30_every_answer_has_the_headers_that_browsers_obey() {
    let app = TestApp::start().await;
    for path in ["/", "/inbox/7", "/api/v1/me", "/api/v1/nothing", "/api/docs", "/metrics"] {
        let reply = send(app.request("GET", path)).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "same-origin", "{path}");
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("default-src ") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("script-src 'unsafe"), "{path}: {policy}");
    }
    app.stop().await;
}

/// S36: any address that is no call and no file is a place inside the app: it gets the page, which is never kept unasked.
#[actix_web::test]
async fn s36_the_app_is_served_at_every_place_of_it() {
    let app = TestApp::start().await;
    let page = send(app.anonymous("GET", "/")).await;
    assert!(page.status == 200 && page.header("content-type").starts_with("text/html"), "{}", page.text);
    assert!(["no-cache", "no-store"].contains(&page.header("cache-control")));
    for place in ["/inbox", "/tickets/7", "/setup?token=abc"] {
        assert_eq!(plain(&send(app.anonymous("GET", place)).await), plain(&page), "{place}");
    }
    app.stop().await;
}

/// A page without the number that each answer has of its own.
fn plain(page: &crate::support::Reply) -> String {
    let policy = page.header("content-security-policy");
    let nonce =
        policy.split_once("'nonce-").and_then(|(_, rest)| rest.split_once('\'')).map_or("none", |(nonce, _)| nonce);
    page.text.replace(nonce, "")
}

/// S31: the process says whether it lives and whether it takes work; details only for operations.
#[actix_web::test]
async fn s31_health_is_told() {
    let app = TestApp::start().await;
    assert_eq!(send(app.anonymous("GET", "/healthz/live")).await.text, "ok\n");
    let ready = send(app.anonymous("GET", "/healthz/ready")).await;
    assert_eq!((ready.status, &ready.body["ready"], &ready.body["phase"]), (200, &json!(true), &json!("ready")));
    assert!(ready.body["checks"].as_array().unwrap().iter().any(|check| check["name"] == "journal"));
    app.desk.shared.draining.store(true, std::sync::atomic::Ordering::SeqCst);
    let leaving = send(app.anonymous("GET", "/healthz/ready")).await;
    assert_eq!((leaving.status, &leaving.body["ready"]), (503, &json!(false)));
    app.stop().await;

    let app = TestApp::with(|config| config.server.operations_token = "ops-secret".into()).await;
    let ready = send(app.anonymous("GET", "/healthz/ready")).await;
    assert_eq!((ready.status, &ready.body["checks"]), (200, &Value::Null));
    let ready = send(app.anonymous("GET", "/healthz/ready").bearer_auth("ops-secret")).await;
    assert!(ready.body["checks"].is_array());
    app.stop().await;
}

/// S32: the figures are there for Prometheus, behind the operations token where one is configured.
#[actix_web::test]
async fn s32_figures_are_there_for_prometheus() {
    let app = TestApp::start().await;
    let id = app.ticket("One", json!({})).await["id"].clone();
    app.get(&format!("{TICKETS}/{id}")).await;
    let figures = send(app.anonymous("GET", "/metrics")).await;
    assert!(figures.header("content-type").starts_with("text/plain; version=0.0.4"));
    for line in [
        "hotdesk_http_requests_total{method=\"GET\",route=\"/api/v1/tickets/{id}\",status=\"200\"} 1",
        "hotdesk_http_request_seconds_count{method=\"POST\",route=\"/api/v1/tickets\"} 1",
        "hotdesk_journal_seq 1",
        "hotdesk_sessions 0",
    ] {
        assert!(figures.text.lines().any(|own| own == line), "{line} is missing in\n{}", figures.text);
    }
    app.stop().await;

    let app = TestApp::with(|config| config.server.operations_token = "ops-secret".into()).await;
    assert_eq!(send(app.anonymous("GET", "/metrics")).await.refusal(), (401, "not_signed_in"));
    assert_eq!(send(app.request("GET", "/metrics")).await.refusal(), (401, "not_signed_in"));
    assert_eq!(send(app.anonymous("GET", "/metrics").bearer_auth("ops-secret")).await.status, 200);
    app.stop().await;
}

/// S33: the API's description is served as a document and as a page.
#[actix_web::test]
async fn s33_the_api_describes_itself() {
    let app = TestApp::start().await;
    let document = send(app.anonymous("GET", "/api/v1/openapi.json")).await;
    assert_eq!(document.text, hotdesk::http::openapi::print());
    let page = send(app.anonymous("GET", "/api/docs")).await;
    assert!(page.header("content-type").starts_with("text/html") && page.text.contains("Take the next ticket"));
    app.stop().await;
}
