//! What those who run the desk see of it: traces, errors, usage, the app's files, and builds that are one apart.

use std::io::BufRead as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{ADMIN, TestApp, http_client, send};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// O31: the trace that came with a request stands in its answer and in every line from the edge to the journal and the feed; a
/// command over the socket has one too.
#[actix_web::test]
async fn o31_a_trace_leads_from_the_edge_to_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut child = Command::new(env!("CARGO_BIN_EXE_hotdesk"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data", folder.path().join("data").to_str().unwrap()])
        .env("HOTDESK_ADMIN_TOKEN", ADMIN)
        .env("HOTDESK__LOG__FORMAT", "json")
        .env("HOTDESK__LOG__PROJECT", "desk-1")
        .env("HOTDESK__LOG__FILTER", "info,hotdesk=debug")
        .env("HOTDESK__LOG__REQUESTS", "1.0")
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim_end().strip_prefix("listening on ").unwrap().to_owned();
    let http = http_client();
    let ask =
        |method: &str, path: &str| http.request(method.parse().unwrap(), format!("{url}{path}")).bearer_auth(ADMIN);
    let ticket = json!({"subject": "s", "body": "b", "requester": {"name": "n", "email": "n@example.org"}});
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let made = send(ask("POST", "/api/v1/tickets").header("traceparent", parent).json(&ticket)).await;
    assert_eq!((made.status, made.header("x-trace-id")), (201, TRACE));
    let cloud = "105445aa7843bc8bf206b12000100000";
    let refused =
        send(ask("GET", "/api/v1/tickets/99").header("x-cloud-trace-context", format!("{cloud}/1;o=1"))).await;
    assert_eq!((refused.refusal(), &refused.body["trace"]), ((404, "not_found"), &json!(cloud)));
    let fresh = send(ask("GET", "/api/v1/me").header("traceparent", "nonsense")).await;
    assert_eq!((fresh.status, fresh.header("x-trace-id").len()), (200, 32));
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait().unwrap().success());

    let written = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |trace: &str| {
        let name = format!("projects/desk-1/traces/{trace}");
        lines.iter().filter(|line| line["logging.googleapis.com/trace"] == name.as_str()).collect::<Vec<_>>()
    };
    let own = of(TRACE);
    assert!(own.iter().any(|line| line["message"] == "on disk and shown" && line["seq"] == 1), "{written}");
    let request = own.iter().find(|line| line["httpRequest"].is_object()).unwrap();
    assert_eq!(request["httpRequest"]["requestUrl"], "/api/v1/tickets");
    assert_eq!(request["httpRequest"]["status"], 201);
    assert!(of(cloud).iter().any(|line| line["httpRequest"]["status"] == 404));
    assert!(own.iter().all(|line| line["logging.googleapis.com/spanId"].as_str().unwrap().len() == 16));
}

/// O31: a refusal over the socket names its trace.
#[actix_web::test]
async fn o31_a_refused_command_has_a_trace() {
    let app = TestApp::start().await;
    let mut peer = app.live_peer(ADMIN, &["board"]).await;
    let refused = peer.command("c1", Some(99), json!({"type": "claim"})).await;
    assert_eq!((&refused["code"], refused["trace"].as_str().unwrap().len()), (&json!("not_found"), 32), "{refused}");
    app.stop().await;
}

/// O33: what a browser reports is gathered and shown to administrators, never to others; one browser cannot fill it.
#[actix_web::test]
async fn o33_browsers_report_their_errors() {
    let app = TestApp::start().await;
    let (_, ann) = app.user("ann", "agent").await;
    let report = |message: String| {
        json!({"message": message, "place": "/tickets/7?q=what-somebody-searched", "build": "abc",
               "stack": format!("Error: {message}\n at f (http://desk/assets/index-o33.js:1:2)")})
    };
    for round in 0..3 {
        let (status, body) = app.call_as(&ann, "POST", "/api/v1/client-errors", report(format!("round {round}"))).await;
        assert_eq!(status, 204, "{body}");
    }
    assert_eq!(app.call_as(&ann, "GET", "/api/v1/operations/errors", Value::Null).await.0, 403);
    let list = app.get("/api/v1/operations/errors").await;
    let own = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|group| group["stack"].as_str().is_some_and(|stack| stack.contains("index-o33")));
    let own = own.unwrap_or_else(|| panic!("{list}"));
    assert_eq!((&own["count"], &own["source"], &own["place"]), (&json!(3), &json!("browser"), &json!("/tickets/7")));
    assert!(!list.to_string().contains("what-somebody-searched"));
    let mut last = 0;
    for round in 0..30 {
        last = app.call_as(&ann, "POST", "/api/v1/client-errors", report(format!("flood {round}"))).await.0;
    }
    assert_eq!(last, 429);
    app.clock.advance(60_000);
    assert_eq!(app.call_as(&ann, "POST", "/api/v1/client-errors", report("later".into())).await.0, 204);
    assert_eq!(send(app.anonymous("POST", "/api/v1/client-errors").json(&report("x".into()))).await.status, 401);
    app.stop().await;
}

/// O37: screens, commands and keys are summed by day, over restarts; where it is switched off nothing is kept.
#[actix_web::test]
async fn o37_usage_is_counted_without_names() {
    let app = TestApp::start().await;
    let (_, ann) = app.user("ann", "agent").await;
    let count = json!({"counts": {"screen:board": 2, "key:claim-next": 1}});
    for token in [ann.as_str(), ADMIN] {
        assert_eq!(app.call_as(token, "POST", "/api/v1/usage", count.clone()).await.0, 204);
    }
    for bad in [
        "board",
        "screen:",
        "screen:Ada Lovelace",
        "ticket:12",
        "key:a@example.org",
        &format!("key:{}", "a".repeat(41)),
    ] {
        assert_eq!(app.call("POST", "/api/v1/usage", json!({"counts": {bad: 1}})).await.0, 422, "{bad}");
    }
    assert_eq!(app.call_as(&ann, "GET", "/api/v1/operations/usage", Value::Null).await.0, 403);
    let expect =
        json!({"enabled": true, "data": [{"day": "2026-11-23", "counts": {"key:claim-next": 2, "screen:board": 4}}]});
    assert_eq!(app.get("/api/v1/operations/usage").await, expect);
    app.desk.usage.save().await;
    let (journal, clock) = (app.journal.clone(), app.clock.clone());
    app.stop().await;
    let app = TestApp::on(journal, clock, |_| {}).await;
    assert_eq!(app.get("/api/v1/operations/usage").await, expect);
    assert_eq!(app.get("/api/v1/desk").await["usage"], true);
    app.stop().await;

    let app = TestApp::with(|config| config.usage.enabled = false).await;
    assert_eq!(app.call("POST", "/api/v1/usage", count).await.0, 204);
    assert_eq!(app.get("/api/v1/operations/usage").await, json!({"enabled": false, "data": []}));
    assert!(app.get("/api/v1/desk").await.get("usage").is_none());
    app.stop().await;
}

/// O38: what a client of the build before says is understood, word for word as it was recorded.
#[actix_web::test]
async fn o38_recorded_frames_of_the_build_before_are_understood() {
    let app = TestApp::start().await;
    app.ticket("One", json!({})).await;
    let mut peer = app.peer(ADMIN).await;
    let recorded = crate::support_files::read("tests/golden/client-frames-0.1.ndjson");
    for line in recorded.lines() {
        let said: Value = serde_json::from_str(line).unwrap();
        peer.send_raw(tokio_tungstenite::tungstenite::Message::text(line)).await;
        match said["t"].as_str().unwrap() {
            "hello" => assert_eq!(peer.expect("welcome").await["resume"], "live"),
            "cmd" => {
                let answer = peer.find(|answer| answer["id"] == said["id"]).await;
                assert_eq!(answer["t"], "ok", "{line}: {answer}");
            }
            "sub" | "unsub" => drop(peer.expect("upto").await),
            _ => {}
        }
    }
    // Whatever was not understood would have been answered by now.
    peer.send(json!({"t": "cmd", "id": "last", "ticket": 1, "do": {"type": "update", "tags": ["last"]}})).await;
    let mut refused = Vec::new();
    peer.find(|line| {
        if line["t"] == "err" {
            refused.push(line.clone());
        }
        line["id"] == "last"
    })
    .await;
    assert!(refused.is_empty(), "{refused:?}");
    app.stop().await;
}

/// S130: the page is never kept; hashed files for ever, as they were packed when they were built; others are asked for by their tag.
#[actix_web::test]
async fn s130_the_apps_files_are_packed_and_kept_as_their_names_allow() {
    let app = TestApp::start().await;
    let get = async |path: &str, coding: &str| send(app.anonymous("GET", path).header("accept-encoding", coding)).await;
    for path in ["/", "/inbox/all", "/index.html"] {
        let page = get(path, "gzip, br").await;
        assert_eq!((page.status, page.header("cache-control")), (200, "no-store"), "{path}");
        assert!(page.header("etag").is_empty() && page.header("content-encoding").is_empty());
    }
    // Without the app in the binary there is nothing to look at; the release has it, and the browser tests run on it.
    let page = get("/", "identity").await;
    let Some(name) = page.text.split("src=\"/assets/").nth(1).and_then(|rest| rest.split('"').next()) else {
        assert!(hotdesk::http::assets::build().is_none(), "a page without a script");
        app.stop().await;
        return;
    };
    assert!(hotdesk::http::assets::build().is_some());
    let path = format!("/assets/{name}");
    // One that unpacks nothing by itself.
    let plain = crate::support::http_client_with(reqwest::ClientBuilder::no_gzip);
    let address = format!("http://{}{path}", app.address);
    let mut sizes = Vec::new();
    for (accepted, coding) in [("br", "br"), ("gzip", "gzip"), ("gzip, br;q=0", "gzip"), ("identity", "")] {
        let answer = plain.get(&address).header("accept-encoding", accepted).send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        assert_eq!(
            (header("content-encoding").as_str(), header("vary").as_str()),
            (coding, "accept-encoding"),
            "{accepted}"
        );
        assert_eq!(header("cache-control"), "public, max-age=31536000, immutable");
        let tag = header("etag");
        assert!(tag.starts_with('"') && tag.len() > 10);
        sizes.push(answer.bytes().await.unwrap().len());
        let again = plain.get(&address).header("if-none-match", tag).send().await.unwrap();
        assert_eq!((again.status().as_u16(), again.bytes().await.unwrap().len()), (304, 0));
    }
    assert!(sizes[0] < sizes[3] / 2 && sizes[1] < sizes[3] / 2, "{sizes:?}");
    assert_eq!(get(&format!("{path}.map"), "").await.status, 404, "source maps are nobody's");
    app.stop().await;
}
