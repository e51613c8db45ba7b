//! The public request form and its private links, as customers use them and as others try to misuse them.

use std::sync::Arc;

use hotdesk::clock::Clock;
use hotdesk::journal::Journal;
use hotdesk::journal::memory::MemoryJournal;
use serde_json::{Value, json};

use crate::attacks::{Attack, Cause};
use crate::permission_matrix::private_team;
use crate::support::{ADMIN, Reply, START, TestApp, send};

const FORM: &str = "/api/v1/request-form";
const REQUESTS: &str = "/api/v1/requests";
const REQUEST: &str = "/api/v1/request";
const SECRET: &str = "SECRET-among-colleagues";

fn request() -> Value {
    json!({"name": "Rosa", "email": "rosa@example.org", "subject": "Broken", "body": "It broke."})
}

async fn open(app: &TestApp, settings: Value) {
    let mut body = json!({"request_form": {"open": true}});
    body.as_object_mut().unwrap().extend(settings.as_object().cloned().unwrap_or_default());
    let (status, answer) = app.call("PUT", "/api/v1/settings", body).await;
    assert_eq!(status, 200, "{answer}");
}

async fn write(app: &TestApp, body: &Value) -> Reply {
    send(app.anonymous("POST", REQUESTS).json(body)).await
}

async fn by_link(app: &TestApp, token: &str, method: &str, path: &str, body: Value) -> Reply {
    let mut request = app.anonymous(method, path).bearer_auth(token);
    if !body.is_null() {
        request = request.json(&body);
    }
    send(request).await
}

/// A request of Rosa's: the link's secret and the ticket.
async fn written(app: &TestApp) -> (String, u64) {
    let reply = write(app, &request()).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    (reply.body["token"].as_str().unwrap().to_owned(), reply.body["request"]["id"].as_u64().unwrap())
}

/// X111: switched on, anybody writes a request, which becomes a ticket by web with the form's fields; switched off, nobody does,
/// and the links that are out go on working.
#[actix_web::test]
async fn x111_a_customer_writes_and_follows() {
    let app = TestApp::start().await;
    assert_eq!(send(app.anonymous("GET", FORM)).await.refusal(), (404, "not_found"));
    assert_eq!(write(&app, &request()).await.refusal(), (404, "not_found"), "closed until somebody opens it");
    let field = |id: &str, kind: &str, on_form: bool, required: bool| {
        let options = if kind == "choice" { json!(["small", "large"]) } else { json!([]) };
        json!({"id": id, "name": id, "kind": kind, "options": options, "on_form": on_form, "required": required})
    };
    let fields = json!([field("plan", "choice", true, true), field("account_manager", "text", false, false)]);
    open(&app, json!({"request_form": {"open": true, "title": "Help", "team": "billing"}, "custom_fields": fields}))
        .await;
    let form = send(app.anonymous("GET", FORM)).await;
    assert_eq!((form.body["title"].as_str(), form.body["fields"].as_array().unwrap().len()), (Some("Help"), 1));
    assert!(!form.text.contains("account_manager"), "a field of the desk alone is not told");

    let mut body = request();
    body["custom"] = json!({"plan": "huge", "account_manager": "me"});
    assert_eq!(write(&app, &body).await.pointers(), ["/custom/account_manager", "/custom/plan"]);
    body["custom"] = json!({"plan": "large"});
    let reply = write(&app, &body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let (token, id) = (reply.body["token"].as_str().unwrap(), &reply.body["request"]["id"]);
    let ticket = app.get(&format!("/api/v1/tickets/{id}")).await;
    assert_eq!(
        (&ticket["channel"], &ticket["team"], &ticket["custom"]),
        (&json!("web"), &json!("billing"), &body["custom"])
    );

    app.call(
        "POST",
        &format!("/api/v1/tickets/{id}/messages"),
        json!({"body": "Which one?", "visibility": "public", "status": "pending"}),
    )
    .await;
    let seen = by_link(&app, token, "GET", REQUEST, Value::Null).await;
    assert_eq!(seen.body["state"], "waiting");
    let said: Vec<_> = seen.body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["own"] == true, m["body"].as_str().unwrap()))
        .collect();
    assert_eq!(said, [(true, "It broke."), (false, "Which one?")]);
    open(&app, json!({"request_form": {"open": false}})).await;
    let answered = by_link(&app, token, "POST", "/api/v1/request/messages", json!({"body": "The red one."})).await;
    assert_eq!((answered.status, &answered.body["state"]), (200, &json!("open")), "{}", answered.text);
    assert_eq!(by_link(&app, token, "POST", "/api/v1/request/solve", Value::Null).await.body["state"], "solved");
    assert_eq!(app.get(&format!("/api/v1/tickets/{id}")).await["status"], "solved");
    app.stop().await;
}

/// X113: bad fields of a request are all named, by the names on the form; whatever fills in the field that people do not see is
/// refused, and says so.
#[actix_web::test]
async fn x113_bad_requests_are_named() {
    let app = TestApp::start().await;
    open(&app, json!({})).await;
    let mut body = request();
    body["website"] = json!("https://spam.example");
    assert_eq!(write(&app, &body).await.pointers(), ["/website"]);
    let bad = json!({"name": " ", "email": "rosa", "subject": "", "body": ""});
    assert_eq!(write(&app, &bad).await.pointers(), ["/subject", "/body", "/name", "/email"]);
    body = request();
    body["body"] = json!("x".repeat(20_001));
    assert_eq!(write(&app, &body).await.pointers(), ["/body"]);
    body = request();
    body["priority"] = json!("urgent");
    assert_eq!(write(&app, &body).await.refusal(), (400, "unknown_field"), "a customer sets nothing of the desk's");
    assert_eq!(app.get("/api/v1/tickets").await["data"], json!([]));
    app.stop().await;
}

/// X114: by a link one sees public messages of one ticket and nothing else of the desk, also when it is of a private team.
#[actix_web::test]
async fn x114_nothing_internal_goes_out() {
    let attack = Attack::by(Cause::Access);
    let app = TestApp::with(private_team).await;
    open(&app, json!({})).await;
    let (token, id) = written(&app).await;
    let other = app.ticket(&format!("{SECRET} of somebody else"), json!({})).await["id"].as_u64().unwrap();
    let path = format!("/api/v1/tickets/{id}");
    for (method, path, body) in [
        ("POST", format!("{path}/messages"), json!({"body": SECRET, "visibility": "internal"})),
        (
            "PATCH",
            path.clone(),
            json!({"tags": [SECRET], "category": SECRET, "custom": {"crm": SECRET}, "team": "legal"}),
        ),
        ("POST", format!("{path}/link"), json!({"to": other, "kind": "related"})),
    ] {
        let (status, answer) = app.call(method, &path, body).await;
        assert!(status < 300, "{answer}");
    }
    for (method, at, body) in [
        ("GET", REQUEST, Value::Null),
        ("POST", "/api/v1/request/messages", json!({"body": "Hello?"})),
        ("POST", "/api/v1/request/solve", Value::Null),
    ] {
        attack.tried();
        let reply = by_link(&app, &token, method, at, body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert!(!reply.text.contains(SECRET) && !reply.text.contains("legal"), "{}", reply.text);
        let mut fields: Vec<&str> = reply.body.as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(
            fields,
            ["created_at", "desk", "files", "follow_up_of", "id", "messages", "requester", "state", "subject"]
        );
    }
    // The secret opens nothing else, and nobody else's secret opens the request.
    for path in ["/api/v1/me", "/api/v1/tickets", "/api/v1/snapshot", "/api/v1/events", &path] {
        attack.tried();
        assert_eq!(send(app.anonymous("GET", path).bearer_auth(&token)).await.status, 401, "{path}");
    }
    assert_eq!(by_link(&app, ADMIN, "GET", REQUEST, Value::Null).await.refusal(), (404, "not_found"));
    app.stop().await;
}

/// X115: links cannot be found by trying: whatever is no good answers the very same, and trying has its limit.
#[actix_web::test]
async fn x115_links_are_not_to_be_guessed() {
    let attack = Attack::by(Cause::SignIn);
    let app = TestApp::with(|config| config.limits.anonymous_burst = 40).await;
    open(&app, json!({})).await;
    let (token, id) = written(&app).await;
    assert!(token.starts_with("hdr_") && token.len() == 68, "256 random bits");
    let mut answers = Vec::new();
    for tried in
        [format!("hdr_{}", "0".repeat(64)), token[..67].to_owned(), format!("{token}0"), id.to_string(), "../1".into()]
    {
        attack.tried();
        answers.push(by_link(&app, &tried, "GET", REQUEST, Value::Null).await);
    }
    answers.push(send(app.anonymous("GET", REQUEST)).await);
    for answer in &answers {
        assert_eq!((answer.refusal(), &answer.text), ((404, "not_found"), &answers[0].text));
    }
    let mut limited = 0;
    for tried in 0..60 {
        attack.tried();
        limited +=
            usize::from(by_link(&app, &format!("hdr_{tried:064}"), "GET", REQUEST, Value::Null).await.status == 429);
    }
    assert!(limited > 0, "somebody who tries is stopped");
    app.stop().await;
}

/// X116: an address writes so many requests and answers an hour; what the form refuses is not counted.
#[actix_web::test]
async fn x116_writing_has_its_limit() {
    let attack = Attack::by(Cause::Abuse);
    let app = TestApp::with(|config| config.limits.form_burst = 2).await;
    open(&app, json!({})).await;
    for _ in 0..5 {
        attack.tried();
        let mut body = request();
        body["website"] = json!("x");
        assert_eq!(write(&app, &body).await.status, 422);
    }
    let (token, _) = written(&app).await;
    written(&app).await;
    let refused = write(&app, &request()).await;
    assert_eq!(refused.refusal(), (429, "too_many"));
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    let answer = by_link(&app, &token, "POST", "/api/v1/request/messages", json!({"body": "More"})).await;
    assert_eq!(answer.refusal(), (429, "too_many"));
    assert_eq!(by_link(&app, &token, "GET", REQUEST, Value::Null).await.status, 200, "reading goes on");
    app.stop().await;
}

/// X117: no page of another site writes in somebody's name, with or without a cookie.
#[actix_web::test]
async fn x117_other_sites_cannot_write() {
    let attack = Attack::by(Cause::SignIn);
    let app = TestApp::start().await;
    open(&app, json!({})).await;
    let (token, _) = written(&app).await;
    let foreign = |builder: reqwest::RequestBuilder| builder.header("origin", "https://evil.example");
    let reply = send(foreign(app.anonymous("POST", REQUESTS)).json(&request())).await;
    assert_eq!(reply.refusal(), (403, "foreign_origin"));
    for path in ["/api/v1/request/messages", "/api/v1/request/solve"] {
        attack.tried();
        let reply = send(foreign(app.anonymous("POST", path)).bearer_auth(&token).json(&json!({"body": "x"}))).await;
        assert_eq!(reply.refusal(), (403, "foreign_origin"), "{path}");
    }
    let plain =
        send(app.anonymous("POST", REQUESTS).header("content-type", "text/plain").body(request().to_string())).await;
    assert_eq!(plain.status, 415, "what a form of another page could send is not read");
    app.stop().await;
}

/// X118: what a customer writes is kept as it is and answered as data: never as a page, never as another type.
#[actix_web::test]
async fn x118_scripts_stay_text() {
    let _attack = Attack::by(Cause::Injection);
    let app = TestApp::start().await;
    open(&app, json!({})).await;
    let script = "<script>alert(1)</script><img src=x onerror=alert(1)>[x](javascript:alert(1))";
    let mut body = request();
    (body["subject"], body["body"], body["name"]) = (json!(script), json!(script), json!("Ro\u{202e}sa\u{200b}"));
    let reply = write(&app, &body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert_eq!(reply.body["request"]["messages"][0]["body"], script);
    assert_eq!(reply.body["request"]["messages"][0]["body_format"], "text", "nothing of it is markup");
    assert_eq!(reply.body["request"]["requester"], "Rosa", "nothing hidden stands in a name");
    app.stop().await;
}

/// X119: links are revoked at once, made anew by those who may see the ticket, lie on disk only as digests, and last.
#[actix_web::test]
async fn x119_links_are_made_and_revoked() {
    let attack = Attack::by(Cause::SignIn);
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let app = TestApp::on(Arc::clone(&journal), Clock::manual(START), private_team).await;
    open(&app, json!({})).await;
    let (token, id) = written(&app).await;
    let links = format!("/api/v1/tickets/{id}/request-links");
    app.clock.advance(1);
    let (status, made) = app.call("POST", &links, Value::Null).await;
    assert_eq!(status, 201, "{made}");
    let second = made["token"].as_str().unwrap().to_owned();
    let listed = app.get(&links).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    assert_eq!((&listed["data"][0]["by"], listed["data"][1]["by"].is_string()), (&Value::Null, true));
    assert!(!listed.to_string().contains("hdr_"));
    for (key, value) in journal.asides("").unwrap() {
        let text = format!("{key}{}", String::from_utf8_lossy(&value));
        assert!(!text.contains(&token) && !text.contains(&second), "{key}");
    }
    app.stop().await;

    let app = TestApp::on(journal, Clock::manual(START), private_team).await;
    for token in [&token, &second] {
        assert_eq!(by_link(&app, token, "GET", REQUEST, Value::Null).await.status, 200);
    }
    assert_eq!(app.call("DELETE", &links, Value::Null).await.0, 204);
    for token in [&token, &second] {
        attack.tried();
        assert_eq!(by_link(&app, token, "GET", REQUEST, Value::Null).await.refusal(), (404, "not_found"));
        let answer = by_link(&app, token, "POST", "/api/v1/request/messages", json!({"body": "x"})).await;
        assert_eq!(answer.refusal(), (404, "not_found"));
    }
    app.stop().await;
}

/// X120: an answer to a closed request begins a new one, and the link leads there; a merged one never shows the other ticket.
#[actix_web::test]
async fn x120_a_closed_request_goes_on_in_a_new_one() {
    let app = TestApp::start().await;
    open(&app, json!({})).await;
    let (token, id) = written(&app).await;
    let other = app.ticket(SECRET, json!({"body": SECRET})).await["id"].clone();
    assert_eq!(app.call("POST", &format!("/api/v1/tickets/{id}/merge"), json!({"into": other})).await.0, 200);
    let seen = by_link(&app, &token, "GET", REQUEST, Value::Null).await;
    assert_eq!((&seen.body["state"], seen.text.contains(SECRET)), (&json!("closed"), false));
    assert_eq!(
        by_link(&app, &token, "POST", "/api/v1/request/solve", Value::Null).await.refusal(),
        (409, "ticket_closed")
    );
    let answered = by_link(&app, &token, "POST", "/api/v1/request/messages", json!({"body": "Again."})).await;
    assert_eq!((answered.status, &answered.body["follow_up_of"]), (200, &json!(id)), "{}", answered.text);
    let now = by_link(&app, &token, "GET", REQUEST, Value::Null).await;
    assert_eq!((&now.body["id"], now.text.contains(SECRET)), (&answered.body["id"], false));
    app.stop().await;
}
