//! What commands read of a ticket's past: apart from other tickets' commands, and no more than the answer needs.

use std::sync::Arc;
use std::time::Duration;

use hotdesk::clock::Clock;
use hotdesk::journal::memory::MemoryJournal;
use serde_json::{Value, json};

use crate::support::{Reply, START, TestApp, send};

const TICKETS: &str = "/api/v1/tickets";

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(20);

impl TestApp {
    async fn keyed_call(&self, key: &str, method: &str, path: &str, body: &Value) -> Reply {
        send(self.request(method, path).header("idempotency-key", key).json(body)).await
    }
}

async fn desk() -> (MemoryJournal, TestApp) {
    let journal = MemoryJournal::new();
    let app = TestApp::on(Arc::new(journal.clone()), Clock::manual(START), |_| {}).await;
    (journal, app)
}

/// T93
#[actix_web::test]
async fn t93_a_refused_reply_comes_with_some_of_what_it_missed_and_holds_nobody_up() {
    let (journal, app) = desk().await;
    let (busy, other) = (app.ticket("Busy", json!({})).await["id"].clone(), app.ticket("Other", json!({})).await);
    let path = format!("{TICKETS}/{busy}/messages");
    for number in 0..130 {
        let visibility = if number % 2 == 0 { "public" } else { "internal" };
        app.call("POST", &path, json!({"body": format!("{number}"), "visibility": visibility})).await;
    }
    let stale = async |last_seen: u64| {
        let body = json!({"body": "Me too.", "visibility": "public", "last_seen_version": last_seen});
        app.call("POST", &path, body).await
    };

    let gate = journal.hold_histories();
    let meanwhile = async {
        app.until("the refusal is being read", async || gate.reads_waiting() == 1).await;
        let path = format!("{TICKETS}/{}", other["id"]);
        let change = app.call("PATCH", &path, json!({"priority": "high"}));
        let (status, _) = tokio::time::timeout(PATIENCE, change).await.expect("the other ticket does not wait");
        drop(gate);
        status
    };
    let ((status, refused), changed) = tokio::join!(stale(1), meanwhile);
    assert_eq!((status, &refused["code"], changed), (409, &json!("stale_reply"), 200));
    let bodies = |refused: &Value| -> Vec<String> {
        let messages = refused["messages"].as_array().unwrap().iter();
        messages.map(|message| message["body"].as_str().unwrap().to_owned()).collect()
    };
    let expected: Vec<_> = (0..130).step_by(2).take(50).map(|number| number.to_string()).collect();
    assert_eq!((bodies(&refused), &refused["has_more"]), (expected, &json!(true)));

    let version = app.get(&format!("{TICKETS}/{busy}")).await["version"].as_u64().unwrap();
    let (_, refused) = stale(version - 4).await;
    assert_eq!((bodies(&refused), &refused["has_more"]), (vec!["126".to_owned(), "128".to_owned()], &Value::Null));

    for _ in 0..3 {
        app.call("POST", &path, json!({"body": "x".repeat(200_000), "visibility": "public"})).await;
    }
    let (_, refused) = stale(version).await;
    assert_eq!((bodies(&refused).len(), &refused["has_more"]), (2, &json!(true)), "not more than half a megabyte");
    app.stop().await;
}

/// T94
#[actix_web::test]
async fn t94_a_repeat_reads_about_what_came_since() {
    let (journal, app) = desk().await;
    let id = app.ticket("One", json!({})).await["id"].clone();
    let path = format!("{TICKETS}/{id}");
    let calls = |number: u64| match number % 5 {
        0 => ("PATCH", path.clone(), json!({"subject": format!("Subject {number}"), "tags": [format!("t{number}")]})),
        1 => ("POST", format!("{path}/messages"), json!({"body": format!("Message {number}"), "visibility": "public"})),
        2 => ("POST", format!("{path}/claim"), json!({})),
        3 => ("POST", format!("{path}/release"), json!({"reason": format!("{number}")})),
        _ => ("PATCH", path.clone(), json!({"custom": {"n": number}, "status": "open"})),
    };
    let mut first = Vec::new();
    for number in 0..100 {
        let (method, path, body) = calls(number);
        first.push(app.keyed_call(&format!("k{number}"), method, &path, &body).await);
        app.clock.advance(1_000);
    }
    let mut read = Vec::new();
    for (number, first) in (0..).zip(&first) {
        let before = journal.histories_read();
        let (method, path, body) = calls(number);
        let again = app.keyed_call(&format!("k{number}"), method, &path, &body).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body), "{number}");
        assert_eq!(again.header("idempotent-replayed"), "true");
        read.push(journal.histories_read() - before);
    }
    let newest = &read[90..];
    assert!(newest.iter().all(|records| *records <= 64), "the newest commands' answers took {newest:?} records");
    app.stop().await;
}
