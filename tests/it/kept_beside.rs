//! What is kept beside the tickets: preferences, what teams share, the desk's settings.

use hotdesk::clock::Clock;
use hotdesk::journal::Journal;
use hotdesk::journal::memory::MemoryJournal;
use serde_json::{Value, json};
use std::sync::Arc;

use crate::attacks::{Attack, Cause};
use crate::permission_matrix::private_team;
use crate::support::{Reply, START, TestApp, send};

const MINE: &str = "/api/v1/me/preferences";
const SETTINGS: &str = "/api/v1/settings";

async fn put(app: &TestApp, token: &str, path: &str, if_match: Option<&str>, body: &Value) -> Reply {
    let mut request = app.anonymous("PUT", path).bearer_auth(token).json(body);
    if let Some(version) = if_match {
        request = request.header("if-match", version);
    }
    send(request).await
}

/// S110: preferences are one's own, the same after a restart, and never overwritten by a browser that saw an older version.
#[actix_web::test]
async fn s110_preferences_are_kept_and_guarded_by_their_version() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let app = TestApp::on(Arc::clone(&journal), Clock::manual(START), |_| {}).await;
    let (_, ann) = app.user("ann", "agent").await;
    let (_, bob) = app.user("bob", "agent").await;
    let none = send(app.anonymous("GET", MINE).bearer_auth(&ann)).await;
    assert_eq!((none.status, none.header("etag")), (200, "\"0\""));
    assert_eq!(none.body["preferences"]["views"], json!([]));

    let wanted = json!({
        "appearance": "dark", "density": "compact", "language": "fr-CA", "shortcuts": {"reply": "w"},
        "views": [{"id": "v1", "name": "Late", "base": "open", "search": "?priority=urgent"}],
        "macros": [{"id": "m1", "name": "Hello", "body": "Hello {{requester.name}}"}],
    });
    let kept = put(&app, &ann, MINE, Some("\"0\""), &wanted).await;
    assert_eq!((kept.status, kept.header("etag")), (200, "\"1\""), "{}", kept.text);
    assert_eq!(kept.body["preferences"], wanted);
    assert_eq!(put(&app, &ann, MINE, None, &wanted).await.body["version"], 1, "the same once more changes nothing");
    let other = put(&app, &ann, MINE, Some("\"0\""), &json!({"appearance": "light"})).await;
    assert_eq!((other.refusal(), &other.body["version"]), ((412, "version_conflict"), &json!(1)));
    assert_eq!(send(app.anonymous("GET", MINE).bearer_auth(&bob)).await.body["version"], 0, "nobody else's");
    app.stop().await;

    let app = TestApp::on(journal, Clock::manual(START), |_| {}).await;
    assert_eq!(send(app.anonymous("GET", MINE).bearer_auth(&ann)).await.body["preferences"], wanted);
    app.stop().await;
}

/// S111: every bad preference is named in one answer, and nothing of it is kept.
#[actix_web::test]
async fn s111_bad_preferences_are_named() {
    let app = TestApp::start().await;
    let view = |id: &str, name: &str| json!({"id": id, "name": name, "base": "open", "search": ""});
    let body = json!({
        "language": "fr/../x",
        "views": [view("a b", "x"), view("v", "hidden\u{202e}name")],
        "macros": [{"id": "m", "name": "", "body": " "}],
    });
    let (status, answer) = app.call("PUT", MINE, body).await;
    let pointers: Vec<&str> =
        answer["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    assert_eq!(status, 422);
    assert_eq!(pointers, ["/language", "/views/0/id", "/views/1/name", "/macros/0/name", "/macros/0/body"]);
    let large: Vec<Value> =
        (0..20).map(|n| json!({"id": format!("m{n}"), "name": "x", "body": "y".repeat(20_000)})).collect();
    assert_eq!(app.call("PUT", MINE, json!({"macros": large})).await.0, 422);
    assert_eq!(app.call("PUT", MINE, json!({"theme": "dark"})).await.1["code"], "unknown_field");
    assert_eq!(app.get(MINE).await["version"], 0);
    app.stop().await;
}

/// S112: what is shared is made under an id, changed by version and taken away by those who lead; agents use it.
#[actix_web::test]
async fn s112_views_and_macros_are_shared() {
    let app = TestApp::start().await;
    let (_, sue) = app.user("sue", "supervisor").await;
    let (_, ann) = app.user("ann", "agent").await;
    let path = "/api/v1/shared/greeting";
    let greeting = json!({"kind": "macro", "name": "Greeting", "body": "Hello"});
    assert_eq!(put(&app, &ann, path, None, &greeting).await.refusal(), (403, "forbidden"));
    let made = put(&app, &sue, path, None, &greeting).await;
    assert_eq!((made.status, made.header("etag")), (201, "\"1\""), "{}", made.text);
    assert_eq!(put(&app, &sue, path, None, &greeting).await.status, 200, "the same once more changes nothing");
    let better = json!({"kind": "macro", "name": "Greeting", "body": "Good day"});
    assert_eq!(put(&app, &sue, path, Some("\"1\""), &better).await.body["version"], 2);
    let late = put(&app, &sue, path, Some("\"1\""), &greeting).await;
    assert_eq!((late.refusal(), &late.body["version"]), ((412, "version_conflict"), &json!(2)));
    let seen = send(app.anonymous("GET", "/api/v1/shared").bearer_auth(&ann)).await;
    assert_eq!(
        (seen.body["data"][0]["body"].as_str(), seen.body["data"].as_array().unwrap().len()),
        (Some("Good day"), 1)
    );

    let view = json!({"kind": "view", "name": "Late", "base": "open", "search": "", "body": "x"});
    assert_eq!(put(&app, &sue, "/api/v1/shared/v", None, &view).await.pointers(), ["/body"]);
    let turned = json!({"kind": "view", "name": "Greeting", "base": "open"});
    assert_eq!(put(&app, &sue, path, None, &turned).await.pointers(), ["/kind"]);
    let stale = send(app.anonymous("DELETE", path).bearer_auth(&sue).header("if-match", "\"1\"")).await;
    assert_eq!(stale.refusal(), (412, "version_conflict"));
    assert_eq!(send(app.anonymous("DELETE", path).bearer_auth(&sue)).await.status, 204);
    assert_eq!(send(app.anonymous("DELETE", path).bearer_auth(&sue)).await.refusal(), (404, "not_found"));
    app.stop().await;
}

/// X110: what a private team shares is not there for anybody outside, and its id is not to be found out.
#[actix_web::test]
async fn x110_a_private_teams_things_are_its_own() {
    let _attack = Attack::by(Cause::Access);
    let app = TestApp::with(private_team).await;
    let mut tokens = Vec::new();
    for (name, team) in [("ina", "legal"), ("otto", "support")] {
        let (id, token) = app.user(name, "supervisor").await;
        assert_eq!(app.call("PATCH", &format!("/api/v1/users/{id}"), json!({"teams": [team]})).await.0, 200);
        tokens.push(token);
    }
    let (ina, otto) = (&tokens[0], &tokens[1]);
    let path = "/api/v1/shared/secret";
    let body = json!({"kind": "macro", "name": "SECRET", "team": "legal", "body": "SECRET"});
    assert_eq!(put(&app, otto, path, None, &body).await.pointers(), ["/team"]);
    assert_eq!(put(&app, ina, path, None, &body).await.status, 201);
    assert!(send(app.anonymous("GET", "/api/v1/shared").bearer_auth(ina)).await.text.contains("SECRET"));
    assert!(!send(app.anonymous("GET", "/api/v1/shared").bearer_auth(otto)).await.text.contains("SECRET"));
    let theirs = send(app.anonymous("DELETE", path).bearer_auth(otto)).await;
    let absent = send(app.anonymous("DELETE", "/api/v1/shared/nothing").bearer_auth(otto)).await;
    assert_eq!((theirs.status, &theirs.text), (404, &absent.text));
    let own = json!({"kind": "macro", "name": "x", "body": "x"});
    assert_eq!(put(&app, otto, path, None, &own).await.refusal(), (404, "not_found"));
    app.stop().await;
}

/// S113: the desk's settings are read by everybody, changed by administrators, guarded by their version, and last.
#[actix_web::test]
async fn s113_settings_are_changed_while_the_desk_runs() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let app = TestApp::on(Arc::clone(&journal), Clock::manual(START), |_| {}).await;
    let (_, ann) = app.user("ann", "agent").await;
    let field = json!({"id": "plan", "name": "Plan", "kind": "choice", "options": ["small", "large"], "on_form": true, "required": false});
    let wanted = json!({
        "request_form": {"open": true, "title": "Help", "intro": "Write to us.", "team": "support"},
        "custom_fields": [field],
    });
    assert_eq!(put(&app, &ann, SETTINGS, None, &wanted).await.refusal(), (403, "forbidden"));
    let (status, kept) = app.call("PUT", SETTINGS, wanted.clone()).await;
    assert_eq!((status, &kept["settings"], &kept["version"]), (200, &wanted, &json!(1)));
    let stale = send(app.request("PUT", SETTINGS).header("if-match", "\"0\"").json(&json!({}))).await;
    assert_eq!(stale.refusal(), (412, "version_conflict"));
    let bad = json!({
        "request_form": {"team": "chess"},
        "custom_fields": [field, field, {"id": "x", "name": "X", "kind": "text", "options": ["y"]}],
    });
    let (status, answer) = app.call("PUT", SETTINGS, bad).await;
    let pointers: Vec<&str> =
        answer["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    assert_eq!(
        (status, pointers),
        (422, vec!["/request_form/team", "/custom_fields/1/id", "/custom_fields/2/options"])
    );
    app.stop().await;

    let app = TestApp::on(journal, Clock::manual(START), |_| {}).await;
    let found = send(app.anonymous("GET", SETTINGS).bearer_auth(&ann)).await;
    assert_eq!((&found.body["settings"], found.header("etag")), (&wanted, "\"1\""));
    app.stop().await;
}
