//! Figures as a dashboard sees them: live over the socket, as series, reports and trends over HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::{Context, Waker};

use hotdesk::clock::Clock;
use hotdesk::journal::memory::MemoryJournal;
use hotdesk::protocol::code::Code;
use hotdesk::protocol::figures::{Figures, ReportDefinition};
use serde_json::{Value, json};

use crate::support::{ADMIN, START, TestApp, send};

const DAY: i64 = 86_400_000;

async fn live(app: &TestApp) -> Value {
    app.get("/api/v1/analytics/live").await
}

/// A ticket's whole life: opened, taken, answered, solved; in minutes.
async fn solve(app: &TestApp, subject: &str, fields: Value) -> u64 {
    let ticket = app.ticket(subject, fields).await;
    let id = ticket["id"].as_u64().unwrap();
    app.clock.advance(5 * 60_000);
    let (status, _) = app.call("POST", &format!("/api/v1/tickets/{id}/claim"), json!({})).await;
    assert_eq!(status, 200);
    app.clock.advance(10 * 60_000);
    let answer = json!({"body": "Try again.", "visibility": "public", "status": "solved"});
    let (status, _) = app.call("POST", &format!("/api/v1/tickets/{id}/messages"), answer).await;
    assert_eq!(status, 201);
    id
}

/// A3: live figures hold every write that was acknowledged before they were asked for, and an empty desk has figures too.
#[actix_web::test]
async fn a3_live_figures_hold_what_was_acknowledged() {
    let app = TestApp::start().await;
    let empty = live(&app).await;
    assert_eq!((&empty["now"]["waiting"], &empty["today"]["counts"]["created"]), (&json!(0), &json!(0)));
    assert_eq!(empty["now"]["oldest_waiting_since"], Value::Null);
    assert_eq!(empty["today"]["first_response"]["calendar"]["median_ms"], Value::Null);

    let id = solve(&app, "Printer", json!({"team": "billing", "priority": "high", "tags": ["fire"]})).await;
    app.ticket("Scanner", json!({})).await;
    let figures = live(&app).await;
    assert_eq!(figures["now"]["waiting"], 1);
    assert_eq!(figures["today"]["counts"]["created"], 2);
    assert_eq!(figures["today"]["counts"]["one_touch"], 1);
    let median = figures["teams"]["billing"]["first_response"]["median_ms"].as_f64().unwrap();
    assert!((median - 900_000.0).abs() < 9_100.0, "{median}");
    assert_eq!(figures["tags"]["fire"]["solved"], 1);
    let minutes: i64 = figures["minutes"]["created"].as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).sum();
    assert_eq!(minutes, 2);

    let body = json!({"status": "open"});
    let (status, _) = app.call("PATCH", &format!("/api/v1/tickets/{id}"), body).await;
    assert_eq!(status, 200);
    let figures = live(&app).await;
    assert_eq!((&figures["now"]["unsolved"], &figures["today"]["counts"]["reopened"]), (&json!(2), &json!(1)));
    app.stop().await;
}

/// A4: the topic `analytics` sends all figures first and then only what changed, and says nothing while nothing does.
#[actix_web::test]
async fn a4_the_topic_sends_what_changes() {
    let app = TestApp::start().await;
    let mut peer = app.live_peer(ADMIN, &["analytics"]).await;
    let first = peer.expect("analytics").await;
    for name in ["at", "seq", "now", "today", "hour", "minutes", "backlog", "latency", "priorities"] {
        assert!(!first[name].is_null(), "{name}: {first}");
    }
    app.ticket("Printer", json!({"team": "billing"})).await;
    let change = peer.find(|line| line["t"] == "analytics" && line["teams"]["billing"]["waiting"] == 1).await;
    assert_eq!(change["now"]["waiting"], 1);
    assert!(change["priorities"].get("low").is_none(), "nothing of low priority changed: {change}");
    // However long nothing happened and nobody asked, the next change is told, and once.
    app.clock.advance(3_600_000);
    app.ticket("Scanner", json!({"team": "billing"})).await;
    let change = peer.find(|line| line["t"] == "analytics" && line["teams"]["billing"]["waiting"] == 2).await;
    assert!(change.get("whole").is_none(), "{change}");
    assert_eq!(change["now"]["waiting"], 2);
    app.stop().await;
}

/// A6: agents are online, away or at a ticket as their tabs are.
#[actix_web::test]
async fn a6_agents_have_states() {
    let app = TestApp::start().await;
    let (ann, token) = app.user("ann", "agent").await;
    let id = app.ticket("Printer", json!({})).await["id"].as_u64().unwrap();
    let mut peer = app.live_peer(&token, &["analytics"]).await;
    let state = |line: &Value, state: &str| line["t"] == "analytics" && line["agents"][&ann]["state"] == state;
    peer.find(|line| state(line, "online")).await;
    peer.send(json!({"t": "presence", "ticket": id, "state": "viewing"})).await;
    let line = peer.find(|line| state(line, "on_ticket")).await;
    assert_eq!(line["agents"][&ann]["ticket"], id);
    peer.send(json!({"t": "visible", "visible": false})).await;
    peer.find(|line| state(line, "away")).await;
    app.stop().await;
}

/// A10: figures over time, in any zone, on short days too; every mistake is named by its parameter.
#[actix_web::test]
async fn a10_series() {
    let app = TestApp::start().await;
    solve(&app, "Printer", json!({"team": "billing"})).await;
    app.clock.advance(DAY);
    app.ticket("Scanner", json!({})).await;
    let path = "/api/v1/analytics/series?metric=created&from=2026-11-23T00:00:00Z&to=2026-11-26T00:00:00Z&step=1d";
    let series = app.get(path).await;
    let values = |series: &Value| -> Vec<Option<f64>> {
        series["points"].as_array().unwrap().iter().map(|point| point["value"].as_f64()).collect()
    };
    assert_eq!(values(&series), [Some(1.0), Some(1.0), Some(0.0)]);
    assert_eq!(series["metric"]["unit"], "count");
    let series = app.get(&format!("{path}&team=billing&team=nowhere")).await;
    assert_eq!(values(&series), [Some(1.0), Some(0.0), Some(0.0)]);
    let series = app.get(&path.replace("created", "backlog")).await;
    assert_eq!(values(&series), [Some(0.0), Some(1.0), Some(1.0)]);
    let series = app.get(&path.replace("created", "resolution_time")).await;
    let days = values(&series);
    assert!((days[0].unwrap() - 900_000.0).abs() < 9_100.0 && days[1].is_none(), "{days:?}");
    let short = "/api/v1/analytics/series?metric=created&from=2026-03-28T23:00:00Z&to=2026-03-29T22:00:00Z&step=1h&time_zone=Europe/Berlin";
    assert_eq!(app.get(short).await["points"].as_array().unwrap().len(), 23);

    for (query, pointer) in [
        ("metric=moods", "/metric"),
        ("", "/metric"),
        ("metric=created&step=1s", "/step"),
        ("metric=created&time_zone=Mars/Olympus", "/time_zone"),
        ("metric=created&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "/to"),
        ("metric=created&from=0001-01-01T00:00:00Z&step=1d", "/from"),
        ("metric=created&from=2020-01-01T00:00:00Z&step=1m", "/step"),
        ("metric=created&status=open", "/status"),
        ("metric=created&from=yesterday", "/from"),
        ("metric=created&clock=sun", "/clock"),
    ] {
        let reply = send(app.request("GET", &format!("/api/v1/analytics/series?{query}"))).await;
        assert_eq!((reply.refusal(), reply.pointers()), ((422, "invalid_field"), vec![pointer]), "{query}");
    }
    app.stop().await;
}

/// A44: reports are saved, shared, run over any range as JSON and CSV, and looked into; over restarts too.
#[actix_web::test]
async fn a44_reports() {
    let app = TestApp::start().await;
    let (_, agent) = app.user("ann", "agent").await;
    let id = solve(&app, "Printer", json!({"team": "billing"})).await;
    solve(&app, "Scanner", json!({})).await;
    let definition = json!({"measure": "solved", "split": ["team"], "last": "7d", "grain": "day"});
    let body = json!({"name": "=Solved", "definition": definition, "shared": false});
    let (status, _) = app.call_as(&agent, "POST", "/api/v1/reports", body.clone()).await;
    assert_eq!(status, 403, "agents run reports, supervisors write them");
    let make = || app.request("POST", "/api/v1/reports").header("idempotency-key", "r1").json(&body);
    let report = send(make()).await;
    assert_eq!(report.status, 201, "{}", report.text);
    assert_eq!(send(make()).await.body["id"], report.body["id"], "a repeat makes nothing new");
    let other = app.request("POST", "/api/v1/reports").header("idempotency-key", "r1");
    let mut changed = body.clone();
    changed["shared"] = true.into();
    assert_eq!(send(other.json(&changed)).await.refusal(), (422, "idempotency_key_reused"));
    let path = format!("/api/v1/reports/{}", report.body["id"].as_str().unwrap());
    assert_eq!(app.call_as(&agent, "GET", &path, Value::Null).await.0, 404, "it is not shared");

    let result = app.get(&format!("{path}/run")).await;
    let rows = result["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &result["total"]["value"]), (2, &json!(2.0)));
    assert_eq!((&rows[0]["keys"], &rows[0]["value"]), (&json!(["billing"]), &json!(1.0)));
    let csv = send(app.request("GET", &format!("{path}/run?format=csv&last=30d"))).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert!(csv.text.starts_with("at,team,solved,count\r\n"), "{}", csv.text);
    let at = rows[0]["at"].as_str().unwrap();
    let tickets = app.get(&format!("{path}/tickets?at={at}&key=billing")).await;
    assert_eq!(tickets, json!({"tickets": [id], "total": 1}));
    let reply = send(app.request("GET", &format!("{path}/tickets?key=a&key=b"))).await;
    assert_eq!(reply.pointers(), ["/cell/keys"]);

    let (journal, clock) = (app.journal.clone(), app.clock.clone());
    app.stop().await;
    let app = TestApp::on(journal, clock, |_| {}).await;
    assert_eq!(app.get("/api/v1/reports").await["data"][0]["name"], "=Solved");
    assert_eq!(app.get(&format!("{path}/run")).await["total"]["value"], 2.0, "counted again from the journal");
    assert_eq!(app.call("DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(app.call("GET", &path, Value::Null).await.0, 404);
    app.stop().await;
}

/// A48: the range of `last` moves on while somebody reads the report; each of its rows is looked into as it was counted.
#[actix_web::test]
async fn a48_a_report_is_looked_into_later() {
    let app = TestApp::start().await;
    let first = solve(&app, "Printer", json!({})).await;
    app.clock.advance(2 * DAY);
    let last = solve(&app, "Scanner", json!({})).await;
    // The first ticket was solved so shortly after the range began that it soon lies before it.
    app.clock.advance(5 * DAY - 20 * 60_000);
    let definition = json!({"measure": "solved", "last": "7d", "grain": "day"});
    let (status, result) = app.call("POST", "/api/v1/reports/preview", definition.clone()).await;
    assert_eq!((status, result["rows"].as_array().unwrap().len()), (200, 2), "{result}");
    assert_eq!(result["rows"][0]["at"], result["from"], "it begins in the middle of its day");
    app.clock.advance(30 * 60_000);
    let look = async |definition: &Value, at: &Value| {
        let drill = json!({"definition": definition, "cell": {"at": at}});
        app.call("POST", "/api/v1/reports/preview/tickets", drill).await
    };
    for (row, id) in [(0, first), (1, last)] {
        let found = look(&definition, &result["rows"][row]["at"]).await;
        assert_eq!(found, (200, json!({"tickets": [id], "total": 1})), "row {row}");
    }
    // What never was a row is none.
    for at in ["2026-11-22T23:59:59.999Z", "2026-11-24T09:00:00.000Z"] {
        assert_eq!(look(&definition, &json!(at)).await.0, 422, "{at}");
    }
    let fixed = json!({"measure": "solved", "from": result["from"], "to": result["to"], "grain": "day"});
    assert_eq!(
        look(&fixed, &json!("2026-11-23T08:00:00.001Z")).await.0,
        422,
        "a range that stands still has its own rows"
    );
    app.stop().await;
}

/// A46, A47: a report is changed by its owner, runs by itself when it is due, and what it left is there after a restart.
#[actix_web::test]
async fn a46_scheduled_reports() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::in_folder(folder.path()).await;
    solve(&app, "Printer", json!({"team": "billing"})).await;
    let definition = json!({"measure": "solved", "split": ["team"], "last": "7d"});
    let (status, report) =
        app.call("POST", "/api/v1/reports", json!({"name": "Solved", "definition": definition, "shared": true})).await;
    assert_eq!(status, 201);
    let path = format!("/api/v1/reports/{}", report["id"].as_str().unwrap());
    let (_, other) = app.user("sue", "supervisor").await;
    let schedule = |at: &str| json!({"schedule": {"every": "day", "at": at, "format": "csv"}});
    assert_eq!(app.call_as(&other, "PATCH", &path, schedule("07:00")).await.0, 403, "it is not hers");
    let reply = send(app.request("PATCH", &path).json(&schedule("7 o'clock"))).await;
    assert_eq!(reply.pointers(), ["/schedule/at"]);
    let (status, report) = app.call("PATCH", &path, schedule("07:00")).await;
    assert_eq!((status, &report["name"], &report["shared"]), (200, &json!("Solved"), &json!(true)));
    app.desk.figures.run_due().await;
    assert_eq!(app.get(&format!("{path}/files")).await["data"], json!([]), "what was due before is not made up for");

    app.clock.advance(2 * DAY);
    app.desk.figures.run_due().await;
    app.desk.figures.run_due().await;
    let files = app.get(&format!("{path}/files")).await;
    assert_eq!(files["data"].as_array().unwrap().len(), 1, "{files}");
    let at = files["data"][0]["at"].as_str().unwrap().to_owned();
    assert!(at.ends_with("T07:00:00.000Z"), "{at}");
    let file = send(app.request("GET", &format!("{path}/file?at={at}"))).await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(file.text, "team,solved,count\r\nbilling,1,1\r\ntotal,1,1\r\n");
    assert_eq!(send(app.request("GET", &format!("{path}/file?at=2026-01-01T00:00:00Z"))).await.status, 404);
    let (_, report) = app.call("PATCH", &path, json!({"schedule": null})).await;
    assert!(report.get("schedule").is_none());
    assert_eq!(app.call("DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(std::fs::read_dir(folder.path().join("reports")).unwrap().count(), 0, "its files went with it");
    app.stop().await;
}

/// A49: the private scheduled report of somebody who left rests, and an administrator sees it, stops it and deletes it.
#[actix_web::test]
async fn a49_a_report_does_not_outlive_its_owner_unseen() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::in_folder(folder.path()).await;
    let (sue, token) = app.user("sue", "supervisor").await;
    let (_, other) = app.user("sam", "supervisor").await;
    let body = json!({
        "name": "Hers", "definition": {"measure": "solved", "last": "7d"}, "shared": false,
        "schedule": {"every": "day", "at": "07:00", "format": "csv"},
    });
    let (status, report) = app.call_as(&token, "POST", "/api/v1/reports", body).await;
    assert_eq!(status, 201, "{report}");
    let path = format!("/api/v1/reports/{}", report["id"].as_str().unwrap());
    let files = async || app.get(&format!("{path}/files")).await["data"].as_array().unwrap().len();
    app.clock.advance(DAY);
    app.desk.figures.run_due().await;
    assert_eq!(files().await, 1);
    let (status, _) = app.call("PATCH", &format!("/api/v1/users/{sue}"), json!({"active": false})).await;
    assert_eq!(status, 200);
    app.clock.advance(DAY);
    app.desk.figures.run_due().await;
    assert_eq!(files().await, 1, "it rests");
    assert_eq!(app.call_as(&other, "GET", &path, Value::Null).await.0, 404, "to other supervisors it is not there");
    assert_eq!(app.get("/api/v1/reports").await["data"][0]["name"], "Hers");
    let (status, stopped) = app.call("PATCH", &path, json!({"schedule": null})).await;
    assert_eq!((status, &stopped["schedule"]), (200, &Value::Null), "{stopped}");
    assert_eq!(app.call("DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(app.call("GET", &path, Value::Null).await.0, 404);
    app.stop().await;
}

/// A51: questions wait in a line of bounded length, and whoever comes beyond its end is told at once.
#[actix_web::test]
async fn a51_questions_that_wait_are_bounded() {
    // Nobody's turn ever comes.
    let app = TestApp::with(|config| config.analytics.questions_at_once = 0).await;
    let everybody = hotdesk::domain::permissions::Principal::system();
    let figures = &app.desk.figures;
    let definition: ReportDefinition = serde_json::from_value(json!({"measure": "solved", "last": "7d"})).unwrap();
    let ask = || figures.run(definition.clone(), &everybody);
    let mut waiting: Vec<_> = (0..256).map(|_| ask()).collect();
    for question in &mut waiting {
        assert!(question.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!(figures.waiting()(), 256);
    assert_eq!(ask().await.unwrap_err().code, Code::Overloaded);
    assert_eq!(figures.trends(&everybody).await.unwrap_err().code, Code::Overloaded);
    // Who goes away leaves the place to another one.
    drop(waiting.pop());
    assert!(ask().as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(waiting);
    assert_eq!(figures.waiting()(), 0);
    app.stop().await;
}

/// A52: two changes at once are both in the report afterwards, and one that comes with the deletion does not bring it back.
#[actix_web::test]
async fn a52_changes_come_one_after_the_other() {
    let journal = Arc::new(MemoryJournal::new());
    let app = TestApp::on(journal.clone(), Clock::manual(START), |_| {}).await;
    let body = json!({"name": "One", "definition": {"measure": "solved", "last": "7d"}, "shared": false});
    let (status, report) = app.call("POST", "/api/v1/reports", body).await;
    assert_eq!(status, 201);
    let id = report["id"].as_str().unwrap();
    let admin = hotdesk::domain::permissions::Principal::system();
    let figures = &app.desk.figures;
    let change = |body: Value| figures.update_report(id, serde_json::from_value(body).unwrap(), &admin);
    // Both are on their way while the disk is slow.
    let gate = journal.hold();
    let both = async { tokio::join!(change(json!({"name": "Two"})), change(json!({"shared": true}))) };
    let ((one, two), ()) = tokio::join!(both, async { gate.open() });
    assert!(one.is_ok() && two.is_ok());
    let kept = app.get(&format!("/api/v1/reports/{id}")).await;
    assert_eq!((&kept["name"], &kept["shared"]), (&json!("Two"), &json!(true)));
    let gate = journal.hold();
    let both = async { tokio::join!(figures.remove_report(id, &admin), change(json!({"name": "Three"}))) };
    let ((gone, late), ()) = tokio::join!(both, async { gate.open() });
    gone.unwrap();
    assert_eq!(late.unwrap_err().code, Code::NotFound);
    assert_eq!(app.get("/api/v1/reports").await["data"], json!([]));
    app.stop().await;
}

/// A45: every mistake of a report's definition is named at once.
#[actix_web::test]
async fn a45_mistakes_of_a_report_are_named() {
    let app = TestApp::with(|config| config.analytics.report_cells = 100).await;
    let preview = |body: Value| app.request("POST", "/api/v1/reports/preview").json(&body);
    let wrong = json!({
        "measure": "moods", "split": ["team", "team", "shoe_size"], "filter": {"hat": ["x"], "team": []},
        "from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z", "last": "7d", "grain": "blink", "time_zone": "Mars",
    });
    let reply = send(preview(wrong)).await;
    assert_eq!(reply.refusal(), (422, "invalid_field"));
    assert_eq!(
        reply.pointers(),
        ["/measure", "/time_zone", "/split/1", "/split/2", "/split", "/filter/hat", "/filter/team", "/last", "/grain"]
    );
    let range = json!({"measure": "backlog", "split": ["status"], "grain": "hour", "last": "30d"});
    app.ticket("Printer", json!({})).await;
    let reply = send(preview(range)).await;
    assert_eq!((reply.refusal(), reply.pointers()), ((422, "invalid_field"), vec!["/grain"]));
    assert!(reply.body["errors"][0]["detail"].as_str().unwrap().contains("coarser grain"), "{}", reply.text);
    let reply = send(preview(json!({"measure": "created"}))).await;
    assert_eq!(reply.pointers(), ["/from"]);
    app.stop().await;
}

/// A35: trends are told for an empty desk too, with what cannot be said.
#[actix_web::test]
async fn a35_trends() {
    let app = TestApp::start().await;
    let trends = app.get("/api/v1/analytics/trends").await;
    assert_eq!(trends["anomalies"], json!([]));
    assert!(!trends["notes"].as_array().unwrap().is_empty());
    assert_eq!(trends["arrivals"].as_array().unwrap().len(), 24);
    app.stop().await;
}

/// A8: a clock that is set back and forth, deleted agents and merged tickets leave figures that are right by the records' own times.
#[actix_web::test]
async fn a8_strange_days() {
    let clock = Clock::manual(START);
    let app = TestApp::on(std::sync::Arc::new(hotdesk::journal::memory::MemoryJournal::new()), clock, |_| {}).await;
    let (ann, token) = app.user("ann", "agent").await;
    let one = app.ticket("Printer", json!({})).await["id"].as_u64().unwrap();
    let two = app.ticket("Printer again", json!({})).await["id"].as_u64().unwrap();
    app.call_as(&token, "POST", &format!("/api/v1/tickets/{one}/claim"), json!({})).await;
    app.clock.advance(40 * DAY);
    assert_eq!(live(&app).await["today"]["counts"]["created"], 0);
    app.clock.advance(-40 * DAY);
    assert_eq!(live(&app).await["today"]["counts"]["created"], 2, "it is that day again");
    let (status, _) = app.call("POST", &format!("/api/v1/tickets/{two}/merge"), json!({"into": one})).await;
    assert_eq!(status, 200);
    let (status, _) = app.call("PATCH", &format!("/api/v1/users/{ann}"), json!({"active": false})).await;
    assert_eq!(status, 200);
    let figures = live(&app).await;
    assert_eq!((&figures["now"]["unsolved"], &figures["today"]["counts"]["merged"]), (&json!(1), &json!(1)));
    assert_eq!(figures["agents"][&ann]["holding"], 1, "whoever left still holds it");
    app.stop().await;
}

/// A60: `/metrics` has the commits, mailboxes, sessions, deliveries, requests and triage; the dashboard for Grafana shows all of it and
/// asks for nothing else.
#[actix_web::test]
async fn a60_operators_see_how_the_desk_is_doing() {
    let app = TestApp::with(|config| config.triage.enabled = true).await;
    let mut peer = app.live_peer(ADMIN, &["board"]).await;
    let ticket = app.ticket("Printer", json!({})).await;
    peer.find(|line| line["t"] == "rec" && line["ticket"] == ticket["id"]).await;
    live(&app).await;
    app.until("deliveries are counted", async || {
        let text = send(app.anonymous("GET", "/metrics")).await.text;
        text.lines().any(|line| line.starts_with("hotdesk_delivery_seconds_count") && !line.ends_with(" 0"))
    })
    .await;
    let text = send(app.anonymous("GET", "/metrics")).await.text;
    let names: BTreeSet<&str> =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(['{', ' ']).next()).collect();
    let dashboard: Value = serde_json::from_str(&crate::support_files::read("deploy/grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let asked: BTreeSet<&str> = targets
        .flat_map(|target| {
            let expr = target["expr"].as_str().unwrap();
            expr.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.starts_with("hotdesk_"))
        })
        .collect();
    let unknown: Vec<_> = asked.difference(&names).collect();
    assert!(unknown.is_empty(), "the dashboard asks for {unknown:?}");
    let whole = |name: &&str| !["_sum", "_count"].iter().any(|end| name.ends_with(end));
    let unseen: Vec<_> = names
        .iter()
        .filter(|name| name.starts_with("hotdesk_") && !asked.contains(**name))
        .filter(|name| whole(name))
        .collect();
    assert!(unseen.is_empty(), "no panel of the dashboard shows {unseen:?}");
    let places: BTreeSet<String> = panels.iter().map(|panel| panel["gridPos"].to_string()).collect();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!((places.len(), ids.len()), (panels.len(), panels.len()), "each panel has a place of its own");
    let operations = app.get("/api/v1/operations").await;
    let figure = |name: &str| {
        let figures = operations["figures"].as_array().unwrap();
        figures.iter().find(|figure| figure["name"] == name).unwrap_or_else(|| panic!("{name}")).clone()
    };
    assert_eq!(operations["readiness"]["ready"], true);
    assert_eq!(figure("hotdesk_sessions")["value"], 1.0);
    assert!(figure("hotdesk_commit_seconds")["count"].as_u64().unwrap() > 0);
    let (_, agent) = app.user("ann", "agent").await;
    assert_eq!(app.call_as(&agent, "GET", "/api/v1/operations", Value::Null).await.0, 403);
    app.stop().await;
}
