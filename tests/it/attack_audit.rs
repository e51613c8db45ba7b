//! Attacks on the memory of what was done: what is in the audit log, what never is, and who gets at it.

use std::sync::Arc;

use hotdesk::audit::Action::Limited;
use hotdesk::clock::Clock;
use hotdesk::journal::memory::MemoryJournal;
use hotdesk::people::AdminSeed;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::attacks::{Attack, Cause};
use crate::support::{ADMIN, START, TestApp, http_client, send};

const PASSWORD: &str = "CANARY-password-5f2a";
const TEXT: &str = "CANARY-ticket-text-91c4";

/// X63, X64, X65: what matters is in the log, with who and by what; no secret and no text is; administrators alone read it.
#[actix_web::test]
async fn x63_the_log_has_the_deeds_and_no_secret() {
    let attack = Attack::by(Cause::Audit);
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::in_folder(folder.path()).await;
    let body = json!({"email": "ann@example.org", "name": "Ann", "role": "agent", "password": PASSWORD});
    let (_, ann) = app.call("POST", "/api/v1/users", body).await;
    let id = ann["id"].as_str().unwrap();
    let session = |password: &str| json!({"email": "ann@example.org", "password": password});
    let cookie = send(app.anonymous("POST", "/api/v1/session").json(&session(PASSWORD))).await.cookie();
    // A password typed into the field of the address is a secret too.
    for (email, password) in [("ann@example.org", "CANARY-wrong"), (PASSWORD, "x"), ("nobody@example.org", "CANARY-no")]
    {
        attack.tried();
        let body = json!({"email": email, "password": password});
        assert_eq!(send(app.anonymous("POST", "/api/v1/session").json(&body)).await.status, 401);
    }
    let (_, token) = app.call("POST", "/api/v1/tokens", json!({"user": id, "name": "CANARY-token-name"})).await;
    let (secret, token_id) = (token["token"].as_str().unwrap(), token["id"].as_str().unwrap());
    app.ticket(TEXT, json!({"body": TEXT, "tags": [TEXT.to_lowercase()]})).await;
    app.call_as(secret, "GET", &format!("/api/v1/tickets?q={TEXT}"), Value::Null).await;
    assert_eq!(app.call_as(secret, "GET", &format!("/api/v1/users?CANARY={TEXT}"), Value::Null).await.0, 403);
    assert_eq!(app.call_as("CANARY-not-a-token", "GET", "/api/v1/me", Value::Null).await.0, 401);
    let invited = json!({"email": "new@example.org", "name": "New", "role": "supervisor"});
    let (_, invitation) = app.call("POST", "/api/v1/invitations", invited).await;
    let change = json!({"current": PASSWORD, "password": "CANARY-second-password"});
    send(app.anonymous("POST", "/api/v1/me/password").header("cookie", &cookie).json(&change)).await;
    app.call("PATCH", &format!("/api/v1/users/{id}"), json!({"role": "supervisor"})).await;
    send(app.anonymous("DELETE", "/api/v1/session").header("cookie", &cookie)).await;
    app.call("DELETE", &format!("/api/v1/tokens/{token_id}"), Value::Null).await;
    let export = send(app.request("GET", "/api/v1/audit/export")).await;
    let csv = send(app.request("GET", "/api/v1/audit/export?format=csv")).await;
    assert!(csv.header("content-disposition").contains("audit.csv") && csv.text.starts_with("n,at,action"));

    let log = app.get("/api/v1/audit?page[size]=200").await;
    let entries = log["data"].as_array().unwrap();
    let has = |action: &str, field: &str, value: &Value| {
        assert!(
            entries.iter().any(|entry| entry["action"] == action && entry[field] == *value),
            "{action} with {field} {value} is missing in {log:#}"
        );
    };
    has("user_created", "target", &json!(id));
    has("signed_in", "who", &json!(id));
    has("signed_in", "outcome", &json!("refused"));
    has("token_created", "target", &json!(token_id));
    has("token_used", "via", &json!(token_id));
    has("denied", "target", &json!("GET /api/v1/users"));
    has("denied", "detail", &json!("forbidden"));
    has("denied", "detail", &json!("not_signed_in"));
    has("invitation_created", "target", &invitation["id"]);
    has("password_changed", "who", &json!(id));
    has("user_updated", "target", &json!(id));
    has("signed_out", "who", &json!(id));
    has("token_revoked", "target", &json!(token_id));
    has("exported", "target", &json!("audit"));
    assert!(entries.iter().all(|entry| entry["from"] == "127.0.0.1" || entry["action"] == "desk_started"), "{log:#}");

    app.desk.audit.settle();
    let mut everything = vec![export.text, csv.text, log.to_string()];
    for file in std::fs::read_dir(folder.path().join("audit")).unwrap() {
        everything.push(std::fs::read_to_string(file.unwrap().path()).unwrap());
    }
    for secret in ["CANARY", secret, invitation["token"].as_str().unwrap(), ADMIN, &cookie[16..], "argon2"] {
        for text in &everything {
            assert!(!text.contains(secret), "{secret} is in the audit log");
        }
    }
    app.stop().await;
}

/// X66: no way of guessing one's way in goes without a trace.
#[actix_web::test]
async fn x66_every_refused_try_leaves_a_trace() {
    let attack = Attack::by(Cause::Audit);
    let app = TestApp::seeded(Arc::new(MemoryJournal::new()), Clock::manual(START), AdminSeed::default(), |config| {
        config.limits.anonymous_calls_per_s = 1;
        config.limits.anonymous_burst = 50;
    })
    .await;
    let setup = json!({"token": "CANARY", "email": "x@example.org", "name": "x", "password": PASSWORD});
    let signing = json!({"email": "x@example.org", "password": PASSWORD});
    let good =
        json!({"token": app.desk.people.setup_secret(), "email": "a@example.org", "name": "a", "password": PASSWORD});
    for (method, path, body, origin, expect) in [
        ("POST", "/api/v1/setup", &setup, "", ("set_up", None, "wrong_credentials")),
        ("POST", "/api/v1/setup", &good, "", ("set_up", None, "")),
        ("POST", "/api/v1/setup", &setup, "", ("set_up", None, "setup_done")),
        (
            "POST",
            "/api/v1/invitations/accept",
            &json!({"token": "CANARY", "password": PASSWORD}),
            "",
            ("invitation_accepted", None, "wrong_credentials"),
        ),
        ("POST", "/api/v1/session", &signing, "", ("signed_in", None, "wrong_credentials")),
        (
            "POST",
            "/api/v1/session",
            &signing,
            "https://evil.example",
            ("denied", Some("POST /api/v1/session"), "foreign_origin"),
        ),
        ("DELETE", "/api/v1/session", &Value::Null, "", ("denied", Some("DELETE /api/v1/session"), "not_signed_in")),
    ] {
        attack.tried();
        let mut request = app.anonymous(method, path).json(body);
        if !origin.is_empty() {
            request = request.header("origin", origin);
        }
        let reply = send(request).await;
        let (action, target, code) = expect;
        let entry = app.desk.audit.page(None, 1, |entry| entry.from.is_some()).unwrap().remove(0);
        let entry = serde_json::to_value(entry).unwrap();
        if code.is_empty() {
            assert_eq!((reply.status, &entry["outcome"]), (201, &json!("done")), "{entry}");
            continue;
        }
        assert_eq!(reply.refusal().1, code, "{method} {path}");
        assert_eq!(
            [&entry["action"], &entry["outcome"], &entry["target"], &entry["detail"], &entry["from"]],
            [&json!(action), &json!("refused"), &json!(target), &json!(code), &json!("127.0.0.1")],
        );
        assert!(!entry.to_string().contains("CANARY"), "{entry}");
    }
    let foreign = || app.anonymous("POST", "/api/v1/session").header("origin", "https://evil.example").json(&signing);
    while send(foreign()).await.status != 429 {
        attack.tried();
    }
    let limited = app.desk.audit.page(None, 1, |_| true).unwrap().remove(0);
    assert_eq!((limited.action, limited.target.as_deref()), (Limited, Some("POST /api/v1/session")));
    app.stop().await;
}

/// X65: nobody but administrators reads the log, it cannot be written from outside, and its pages cannot be abused.
#[actix_web::test]
async fn x65_the_log_is_for_administrators() {
    let attack = Attack::by(Cause::Audit);
    let app = TestApp::with(|config| config.limits.anonymous_burst = 10_000).await;
    for role in ["agent", "supervisor"] {
        let (_, token) = app.user(role, role).await;
        for path in ["/api/v1/audit", "/api/v1/audit/export"] {
            attack.tried();
            assert_eq!(send(app.anonymous("GET", path).bearer_auth(&token)).await.refusal(), (403, "forbidden"));
        }
    }
    for method in ["POST", "PATCH", "PUT", "DELETE"] {
        attack.tried();
        assert_eq!(send(app.request(method, "/api/v1/audit")).await.status, 405, "{method}");
    }
    for bad in ["page[size]=0", "page[size]=201", "page[after]=x", "page[after]=-1", "action=nothing", "who=a&who=b"] {
        attack.tried();
        assert_eq!(send(app.request("GET", &format!("/api/v1/audit?{bad}"))).await.status, 422, "{bad}");
    }
    let mut cursor = String::new();
    let mut numbers = Vec::new();
    loop {
        let page = app.get(&format!("/api/v1/audit?page[size]=1{cursor}")).await;
        numbers.extend(page["data"].as_array().unwrap().iter().map(|entry| entry["n"].as_u64().unwrap()));
        match page["meta"]["after_cursor"].as_str() {
            Some(after) => cursor = format!("&page[after]={after}"),
            None => break,
        }
    }
    assert!(numbers.is_sorted_by(|one, other| one == &(other + 1)), "{numbers:?}");
    assert_eq!(numbers.last(), Some(&1));
    app.stop().await;
}

/// X62: a flood of refusals is counted and does not push out what somebody wants to hide.
#[actix_web::test]
async fn x62_a_flood_hides_nothing() {
    let attack = Attack::by(Cause::Audit);
    let app = TestApp::with(|config| config.limits.anonymous_burst = 100_000).await;
    let (id, agent) = app.user("agent", "agent").await;
    for _ in 0..300 {
        attack.tried();
        assert_eq!(app.call_as(&agent, "GET", "/api/v1/users", Value::Null).await.0, 403);
    }
    app.call("PATCH", &format!("/api/v1/users/{id}"), json!({"role": "supervisor"})).await;
    app.clock.advance(60_000);
    app.desk.audit.settle();
    let log = app.get("/api/v1/audit?page[size]=200").await;
    let denied: Vec<&Value> =
        log["data"].as_array().unwrap().iter().filter(|entry| entry["action"] == "denied").collect();
    assert_eq!(denied.len(), 2, "{log:#}");
    assert_eq!(denied.iter().map(|entry| entry["times"].as_u64().unwrap()).sum::<u64>(), 300);
    // The socket is no way round the log.
    let (_, made) =
        app.call("POST", "/api/v1/tokens", json!({"user": id, "name": "n", "scopes": ["ticket_read"]})).await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let mut peer = app.live_peer(made["token"].as_str().unwrap(), &["board"]).await;
    for number in 0..20 {
        attack.tried();
        assert_eq!(
            peer.command(&number.to_string(), Some(ticket), json!({"type": "claim"})).await["code"],
            "forbidden"
        );
    }
    let refused = app.get("/api/v1/audit?action=denied&page[size]=1").await;
    assert_eq!((&refused["data"][0]["target"], &refused["data"][0]["via"]), (&json!("cmd claim"), &made["id"]));
    assert_eq!(app.get("/api/v1/audit?action=token_used&page[size]=1").await["data"][0]["via"], made["id"]);
    let changed = app.get("/api/v1/audit?action=user_updated").await;
    assert_eq!(changed["data"][0]["target"], id);
    app.stop().await;
}

/// X64: at its most talkative the process writes no secret and no text of a ticket, neither to its log nor to the audit log.
#[actix_web::test]
async fn x64_no_log_has_a_secret_or_a_text() {
    let _attack = Attack::by(Cause::Audit);
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let token = "CANARY-administrator-token";
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_hotdesk"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
        .env("HOTDESK_ADMIN_TOKEN", token)
        .env("HOTDESK__LOG__FILTER", "debug,hotdesk=trace")
        .stdout(std::process::Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
    let url = line.trim_end().strip_prefix("listening on ").unwrap().to_owned();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |method: &str, path: &str, body: Value| {
        let request = http.request(method.parse().unwrap(), format!("{url}{path}")).bearer_auth(token);
        send(if body.is_null() { request } else { request.json(&body) }).await
    };
    let requester = json!({"name": "CANARY-requester", "email": "canary-requester@example.org"});
    let body = json!({"subject": TEXT, "body": TEXT, "requester": requester, "custom": {"k": TEXT}});
    assert_eq!(ask("POST", "/api/v1/tickets", body).await.status, 201);
    let user = json!({"email": "ann@example.org", "name": "Ann", "role": "agent", "password": PASSWORD});
    assert_eq!(ask("POST", "/api/v1/users", user).await.status, 201);
    for password in [PASSWORD, "CANARY-wrong"] {
        let body = json!({"email": "ann@example.org", "password": password});
        send(http.post(format!("{url}/api/v1/session")).json(&body)).await;
    }
    ask("GET", &format!("/api/v1/tickets?q={TEXT}"), Value::Null).await;
    ask("GET", &format!("/api/v1/{TEXT}?{TEXT}={TEXT}"), Value::Null).await;
    ask("POST", "/api/v1/tickets/1/messages", json!({"body": TEXT, "visibility": TEXT})).await;
    ask("PATCH", "/api/v1/tickets/1", json!({TEXT: TEXT})).await;
    send(http.get(format!("{url}/api/v1/me")).bearer_auth("CANARY-no-token")).await;
    assert!(std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap();
    let mut written = std::fs::read_to_string(&log).unwrap();
    assert!(written.contains("listening"), "the log is there: {written}");
    for file in std::fs::read_dir(data.join("audit")).unwrap() {
        written.push_str(&std::fs::read_to_string(file.unwrap().path()).unwrap());
    }
    assert!(written.contains("\"denied\"") && written.contains("\"user_created\""));
    let found: Vec<&str> = written.lines().filter(|line| line.to_lowercase().contains("canary")).collect();
    assert!(found.is_empty(), "{found:?}");
}

/// X137: whoever hangs up at once has done it all the same, and it is in the log: nothing is done without its line.
#[actix_web::test]
async fn x137_hanging_up_hides_nothing() {
    let attack = Attack::by(Cause::Audit);
    let journal = Arc::new(MemoryJournal::new());
    let app = TestApp::on(journal.clone(), Clock::manual(START), |_| {}).await;
    let (id, _) = app.user("ann", "agent").await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let bob = json!({"email": "bob@example.org", "name": "Bob", "role": "admin"}).to_string();
    for (method, path, body, action) in [
        ("PATCH", format!("/api/v1/users/{id}"), json!({"role": "admin"}).to_string(), "user_updated"),
        ("POST", "/api/v1/users".to_owned(), bob, "user_created"),
        ("POST", "/api/v1/tokens".to_owned(), json!({"name": "back door"}).to_string(), "token_created"),
        ("PUT", "/api/v1/settings".to_owned(), json!({"request_form": {"open": true}}).to_string(), "settings_changed"),
        (
            "PUT",
            "/api/v1/shared/m".to_owned(),
            json!({"kind": "macro", "name": "m", "body": "b"}).to_string(),
            "shared_changed",
        ),
        ("POST", format!("/api/v1/tickets/{ticket}/request-links"), String::new(), "request_link_created"),
    ] {
        attack.tried();
        let before = app.get(&format!("/api/v1/audit?action={action}")).await["data"].as_array().unwrap().len();
        let gate = journal.hold();
        let mut socket = tokio::net::TcpStream::connect(app.address).await.unwrap();
        let ask = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {ADMIN}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            app.address,
            body.len()
        );
        socket.write_all(ask.as_bytes()).await.unwrap();
        let gate = tokio::task::spawn_blocking(move || {
            gate.wait_for_commit();
            gate
        });
        let gate = gate.await.unwrap();
        // Not a word of farewell: the connection is reset while the change is on its way to the disk.
        socket2::SockRef::from(&socket).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(socket);
        // Once each worker has answered somebody who came later, it has heard of the reset.
        for _ in 0..8 {
            assert_eq!(send(http_client().get(format!("http://{}/healthz/live", app.address))).await.status, 200);
        }
        gate.open();
        app.until(&format!("{action} is in the log"), async || {
            app.get(&format!("/api/v1/audit?action={action}")).await["data"].as_array().unwrap().len() > before
        })
        .await;
    }
    app.stop().await;
}

/// X63: the newer ways to change rights or to take something out are in the log as well: shared things, settings, links, backups,
/// the files of reports; read by `HEAD` or in part, too.
#[actix_web::test]
async fn x63_no_newer_way_goes_round_the_log() {
    let attack = Attack::by(Cause::Audit);
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::in_folder(folder.path()).await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let definition = json!({"measure": "created", "split": ["team"], "last": "7d"});
    let schedule = json!({"every": "day", "at": "07:00", "format": "csv"});
    let report = json!({"name": "r", "definition": definition, "shared": true, "schedule": schedule});
    let (status, report) = app.call("POST", "/api/v1/reports", report).await;
    assert_eq!(status, 201, "{report}");
    let report = format!("/api/v1/reports/{}", report["id"].as_str().unwrap());
    app.clock.advance(2 * 86_400_000);
    app.desk.figures.run_due().await;
    let files = app.get(&format!("{report}/files")).await;
    let at = files["data"][0]["at"].as_str().unwrap();
    let links = format!("/api/v1/tickets/{ticket}/request-links");
    let invitation = json!({"email": "new@example.org", "name": "New", "role": "admin"});
    for (method, path, body, action) in [
        ("PUT", "/api/v1/settings".to_owned(), json!({"request_form": {"open": true}}), "settings_changed"),
        ("PUT", "/api/v1/shared/m".to_owned(), json!({"kind": "macro", "name": "m", "body": "b"}), "shared_changed"),
        ("DELETE", "/api/v1/shared/m".to_owned(), Value::Null, "shared_changed"),
        ("POST", links.clone(), Value::Null, "request_link_created"),
        ("DELETE", links, Value::Null, "request_links_revoked"),
        ("POST", "/api/v1/invitations".to_owned(), invitation, "invitation_created"),
        ("GET", format!("{report}/run?format=csv"), Value::Null, "exported"),
        ("GET", format!("{report}/file?at={at}"), Value::Null, "exported"),
        ("GET", "/api/v1/audit/export?format=csv".to_owned(), Value::Null, "exported"),
        ("GET", "/api/v1/backups/archive".to_owned(), Value::Null, "backed_up"),
    ] {
        attack.tried();
        let last = app.get("/api/v1/audit?page[size]=1").await["data"][0]["n"].as_u64().unwrap();
        let mut request = app.request(method, &path).header("range", "bytes=0-0");
        if !body.is_null() {
            request = request.json(&body);
        }
        assert!(request.send().await.unwrap().status().is_success(), "{method} {path}");
        let entry = app.get(&format!("/api/v1/audit?action={action}&page[size]=1")).await["data"][0].clone();
        assert!(entry["n"].as_u64().is_some_and(|n| n > last), "{method} {path}: {entry}");
        assert!(entry["who"].is_string() && entry["from"] == "127.0.0.1", "{entry}");
    }
    app.stop().await;
}
