//! Attacks on whatever is kept: answers that were made for one and might be given to another, by the desk or by something between.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use hotdesk::http::operation::Content;
use serde_json::{Value, json};

use crate::attacks::{Attack, Cause};
use crate::permission_matrix::private_team;
use crate::support::{ADMIN, TestApp, send};

const SECRET: &str = "SECRET-merger";

/// Somebody of the private team, and somebody of another one.
async fn two(app: &TestApp) -> [(String, String); 2] {
    let (ina_id, ina) = app.user("ina", "supervisor").await;
    let (otto_id, otto) = app.user("otto", "supervisor").await;
    for (id, team) in [(&ina_id, "legal"), (&otto_id, "support")] {
        assert_eq!(app.call("PATCH", &format!("/api/v1/users/{id}"), json!({"teams": [team]})).await.0, 200);
    }
    [(ina_id, ina), (otto_id, otto)]
}

/// X131: every call there is, by a stranger, an agent and an administrator: no answer may be kept by anybody, and none but signing in
/// and out touches the cookie.
#[actix_web::test]
async fn x131_no_answer_of_any_call_may_be_kept() {
    let attack = Attack::by(Cause::Caches);
    let app = TestApp::with(|config| config.limits.anonymous_burst = 10_000).await;
    let ticket = app.ticket("One", json!({})).await["id"].clone();
    let (_, agent) = app.user("agent", "agent").await;
    for operation in hotdesk::http::operations() {
        // A stream or an archive has no end that is worth waiting for.
        let endless = operation.answers.iter().any(|answer| matches!(answer.content, Content::Events(_)));
        for token in ["", agent.as_str(), ADMIN] {
            attack.tried();
            let path = operation.path.replace("{id}", &ticket.to_string());
            let mut request = app.anonymous(operation.method, &path);
            if !token.is_empty() {
                request = request.bearer_auth(token);
            }
            if endless && !token.is_empty() {
                continue;
            }
            let reply = request.send().await.unwrap();
            let what = format!("{} {path} by {token:.5}: {}", operation.method, reply.status());
            let header = |name: &str| reply.headers().get(name).map_or("", |value| value.to_str().unwrap());
            // What is the same for everybody may be kept and asked for again.
            let public = ["get_openapi", "get_docs"].contains(&operation.id) && header("cache-control") == "no-cache";
            assert!(public || header("cache-control") == "no-store", "{what}");
            assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
            assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{what}");
            assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{what}");
            assert!(header("set-cookie").is_empty() || operation.path == "/api/v1/session", "{what}");
        }
    }
    app.stop().await;
}

/// X34: many ask for the same at the same time, some from inside and some from outside, packed and not: each gets an own answer.
#[actix_web::test]
async fn x34_answers_made_at_the_same_time_are_not_mixed_up() {
    let attack = Attack::by(Cause::Caches);
    let app = TestApp::with(private_team).await;
    let [(_, ina), (_, otto)] = two(&app).await;
    for round in 0..4 {
        app.ticket(&format!("{SECRET} {round}"), json!({"team": "legal"})).await;
        app.ticket(&format!("Public {round}"), json!({})).await;
        let paths = [
            "/api/v1/snapshot",
            "/api/v1/snapshot?at=1",
            "/api/v1/tickets?sort=-updated_at",
            "/api/v1/queue",
            "/api/v1/events?after=0",
            "/api/v1/analytics/live",
        ];
        let asked = paths.iter().flat_map(|path| {
            let app = &app;
            [&ina, &otto, &ina, &otto].into_iter().enumerate().map(move |(at, token)| async move {
                let mut request = app.anonymous("GET", path).bearer_auth(token);
                if at < 2 {
                    request = request.header("accept-encoding", "identity");
                }
                (token, path, send(request).await.text)
            })
        });
        let asked: Vec<_> = asked.collect();
        for (token, path, text) in join_all(asked).await {
            attack.tried();
            let shows = text.contains(SECRET) || text.contains("\"legal\":{");
            assert_eq!(shows, *token == ina, "{path}: {text:.300}");
        }
    }
    app.stop().await;
}

/// X132: the first answer to a key is not given again to whom it is no longer for: who left the team, and who never was of it.
#[actix_web::test]
async fn x132_a_repeat_shows_no_more_than_may_be_seen_now() {
    let attack = Attack::by(Cause::Caches);
    let app = TestApp::with(private_team).await;
    let [(ina_id, ina), (_, otto)] = two(&app).await;
    let id = app.ticket(SECRET, json!({"team": "legal"})).await["id"].as_u64().unwrap();
    let ask = async |token: &str, key: &str, path: &str, body: &Value| {
        send(app.anonymous("POST", path).bearer_auth(token).header("idempotency-key", key).json(body)).await
    };
    let one = format!("/api/v1/tickets/{id}");
    let calls = [
        (format!("{one}/messages"), json!({"body": SECRET, "visibility": "internal"})),
        (format!("{one}/claim"), json!({})),
        (format!("{one}/release"), json!({})),
        (
            "/api/v1/tickets/bulk".to_owned(),
            json!({"ids": [id], "command": {"type": "update", "tags": ["secret-tag"]}}),
        ),
    ];
    for (at, (path, body)) in calls.iter().enumerate() {
        let first = ask(&ina, &format!("k{at}"), path, body).await;
        assert!(first.status < 300, "{path}: {}", first.text);
        assert_eq!(ask(&ina, &format!("k{at}"), path, body).await.text, first.text, "a repeat is the first answer");
    }
    assert_eq!(app.call("PATCH", &format!("/api/v1/users/{ina_id}"), json!({"teams": ["support"]})).await.0, 200);
    for (at, (path, body)) in calls.iter().enumerate() {
        for token in [&ina, &otto] {
            attack.tried();
            let again = ask(token, &format!("k{at}"), path, body).await;
            assert!(!again.text.contains(SECRET) && !again.text.contains("secret-tag"), "{path}: {}", again.text);
            let told =
                if path.ends_with("bulk") { &again.body["outcomes"][0]["error"]["code"] } else { &again.body["code"] };
            assert_eq!(told, "not_found", "{path}: {}", again.text);
        }
    }
    // Whoever puts a ticket out of the own sight is told so again.
    let public = app.ticket("Public", json!({})).await["id"].as_u64().unwrap();
    let create =
        json!({"subject": "s", "body": "b", "team": "legal", "requester": {"name": "n", "email": "n@example.org"}});
    for (method, path, body) in [
        ("POST", "/api/v1/tickets".to_owned(), create),
        ("PATCH", format!("/api/v1/tickets/{public}"), json!({"team": "legal"})),
    ] {
        let put = || app.anonymous(method, &path).bearer_auth(&otto).header("idempotency-key", method).json(&body);
        let first = send(put()).await;
        assert!(first.status < 300, "{}", first.text);
        assert_eq!(send(put()).await.text, first.text);
    }
    app.stop().await;
}

/// X72: of many pages no two have the same number, not at the same time and not for the same address; a kept page is worth nothing.
#[actix_web::test]
async fn x72_no_two_pages_share_a_number() {
    let attack = Attack::by(Cause::Caches);
    let app = TestApp::start().await;
    let pages = (0..40).map(|page| send(app.anonymous("GET", ["/", "/tickets/1", "/request", "/sign-in"][page % 4])));
    let mut numbers = BTreeSet::new();
    for page in join_all(pages).await {
        attack.tried();
        let policy = page.header("content-security-policy");
        assert!(!policy.contains("unsafe-eval") && policy.contains("base-uri 'none'"), "{policy}");
        let scripts = policy.split(';').find(|part| part.trim().starts_with("script-src")).unwrap_or_default();
        assert!(!scripts.contains("'unsafe-inline'") && !scripts.contains('*'), "{policy}");
        if let Some(number) = scripts.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()) {
            assert!(number.len() >= 20, "{number}");
            assert!(numbers.insert(number.to_owned()), "{number} came twice");
        }
        // Whoever knows the tag of a page gets it anew all the same.
        let again = app
            .anonymous("GET", "/")
            .header("if-none-match", "*")
            .header("if-modified-since", "Mon, 01 Jan 2029 00:00:00 GMT");
        assert_eq!(send(again).await.status, 200);
    }
    app.stop().await;
}
