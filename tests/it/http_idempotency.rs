//! Idempotency keys: one answer for one command, however often it is sent, and no two commands under one key.

use std::sync::Arc;

use hotdesk::clock::Clock;
use hotdesk::journal::memory::{Fault, MemoryJournal};
use serde_json::{Value, json};

use crate::support::{Reply, START, TestApp, send};

impl TestApp {
    async fn keyed(&self, key: &str, method: &str, path: &str, body: &Value) -> Reply {
        send(self.request(method, path).header("idempotency-key", key).json(body)).await
    }
}

fn ticket(subject: &str) -> Value {
    json!({"subject": subject, "body": "b", "requester": {"name": "n", "email": "n@example.org"}})
}

const TICKETS: &str = "/api/v1/tickets";
const USERS: &str = "/api/v1/users";

/// S24: a repeat gets the first answer again, across restarts, for 24 hours; the same key with another body or at another
/// address is 422.
#[actix_web::test]
async fn s24_a_repeated_command_takes_effect_once() {
    let app = TestApp::start().await;
    let first = app.keyed("k1", "POST", TICKETS, &ticket("One")).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
    let again = app.keyed("k1", "POST", TICKETS, &ticket("One")).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!((&again.body, again.header("x-hotdesk-seq")), (&first.body, first.header("x-hotdesk-seq")));
    let reordered = r#"{"requester":{"email":"n@example.org","name":"n"},"body":"b","subject":"One"}"#;
    let request =
        app.request("POST", TICKETS).header("idempotency-key", "k1").header("content-type", "application/json");
    assert_eq!(send(request.body(reordered)).await.body, first.body);
    assert_eq!(app.keyed("k1", "POST", TICKETS, &ticket("Two")).await.refusal(), (422, "idempotency_key_reused"));
    let path = format!("{TICKETS}/{}", first.body["id"]);
    let other = app.keyed("k1", "PATCH", &path, &json!({"priority": "high"})).await;
    assert_eq!(other.refusal(), (422, "idempotency_key_reused"));

    let (journal, clock) = (app.journal.clone(), app.clock.clone());
    app.stop().await;
    let app = TestApp::on(journal, clock, |_| {}).await;
    assert_eq!(app.keyed("k1", "POST", TICKETS, &ticket("One")).await.body, first.body);
    app.clock.advance(24 * 60 * 60 * 1000 + 1);
    let fresh = app.keyed("k1", "POST", TICKETS, &ticket("One")).await;
    assert_eq!(fresh.status, 201);
    assert_ne!(fresh.body["id"], first.body["id"]);
    app.stop().await;
}

/// S24: a message's repeat gives the same message, and a claim's the same ticket.
#[actix_web::test]
async fn s24_every_kind_of_write_can_be_repeated() {
    let app = TestApp::start().await;
    let id = app.ticket("One", json!({})).await["id"].clone();
    app.ticket("Two", json!({})).await;
    for (key, method, path, body) in [
        ("m", "POST", format!("{TICKETS}/{id}/messages"), json!({"body": "Hi", "visibility": "public"})),
        ("p", "PATCH", format!("{TICKETS}/{id}"), json!({"priority": "high"})),
        ("c", "POST", "/api/v1/queue/claim".to_owned(), json!({})),
        ("r", "POST", format!("{TICKETS}/{id}/skip"), json!({"reason": "no"})),
    ] {
        let first = app.keyed(key, method, &path, &body).await;
        let again = app.keyed(key, method, &path, &body).await;
        assert!(first.status < 300, "{key}: {}", first.text);
        assert_eq!(
            (again.status, again.header("x-hotdesk-seq")),
            (first.status, first.header("x-hotdesk-seq")),
            "{key}"
        );
        assert_eq!(again.header("etag"), first.header("etag"), "{key}");
        assert_eq!(again.body, first.body, "{key}");
        assert_eq!(again.header("idempotent-replayed"), "true", "{key}");
    }
    app.stop().await;
}

/// S25: users are made and changed once for each key, across restarts, the password being part of what is compared.
#[actix_web::test]
async fn s25_a_user_is_made_once_for_each_key() {
    let app = TestApp::start().await;
    let body = json!({"email": "ann@example.org", "name": "Ann", "role": "agent", "password": "correct horse battery"});
    let first = app.keyed("u1", "POST", USERS, &body).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let (journal, clock) = (app.journal.clone(), app.clock.clone());
    app.stop().await;

    let app = TestApp::on(journal, clock, |_| {}).await;
    let again = app.keyed("u1", "POST", USERS, &body).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    for (field, value) in
        [("name", json!("Anna")), ("password", json!("another one entirely")), ("password", Value::Null)]
    {
        let mut other = body.clone();
        other[field] = value;
        assert_eq!(app.keyed("u1", "POST", USERS, &other).await.refusal(), (422, "idempotency_key_reused"), "{field}");
    }
    let path = format!("{USERS}/{}", first.body["id"].as_str().unwrap());
    let raised = app.keyed("u2", "PATCH", &path, &json!({"role": "supervisor"})).await;
    app.call("PATCH", &path, json!({"role": "agent"})).await;
    assert_eq!(app.keyed("u2", "PATCH", &path, &json!({"role": "supervisor"})).await.body, raised.body);
    let users = app.get(USERS).await;
    let ann = users["data"].as_array().unwrap().iter().find(|user| user["id"] == first.body["id"]).unwrap();
    assert_eq!(ann["role"], "agent");

    let refused = app.keyed("u3", "POST", USERS, &body).await;
    assert_eq!(refused.refusal(), (409, "email_taken"));
    let mut fixed = body.clone();
    fixed["email"] = json!("bob@example.org");
    assert_eq!(app.keyed("u3", "POST", USERS, &fixed).await.status, 201);
    app.clock.advance(24 * 60 * 60 * 1000 + 1);
    assert_eq!(app.keyed("u1", "POST", USERS, &body).await.refusal(), (409, "email_taken"));
    app.stop().await;
}

/// S26: the keys of a user are one name space over all calls; another user's are another's.
#[actix_web::test]
async fn s26_keys_are_one_name_space_for_each_user() {
    let app = TestApp::start().await;
    let user = json!({"email": "ann@example.org", "name": "Ann", "role": "agent"});
    app.keyed("a", "POST", USERS, &user).await;
    assert_eq!(app.keyed("a", "POST", TICKETS, &ticket("One")).await.refusal(), (422, "idempotency_key_reused"));
    let made = app.keyed("b", "POST", TICKETS, &ticket("One")).await;
    let other = json!({"email": "bob@example.org", "name": "Bob", "role": "agent"});
    assert_eq!(app.keyed("b", "POST", USERS, &other).await.refusal(), (422, "idempotency_key_reused"));
    let bulk = json!({"ids": [made.body["id"]], "command": {"type": "update", "priority": "high"}});
    assert_eq!(app.keyed("b", "POST", "/api/v1/tickets/bulk", &bulk).await.refusal(), (422, "idempotency_key_reused"));

    let (_, token) = app.user("cleo", "agent").await;
    let theirs = app.anonymous("POST", TICKETS).bearer_auth(&token).header("idempotency-key", "a").json(&ticket("One"));
    assert_eq!(send(theirs).await.status, 201);
    app.stop().await;
}

/// S27: a key has 1 to 200 characters; calls whose answer has a secret take none.
#[actix_web::test]
async fn s27_keys_have_a_form_and_a_place() {
    let app = TestApp::start().await;
    for key in [String::new(), "k".repeat(201)] {
        let refused = app.keyed(&key, "POST", TICKETS, &ticket("One")).await;
        assert_eq!((refused.refusal(), refused.pointers()), ((422, "invalid_field"), vec!["/Idempotency-Key"]));
    }
    assert_eq!(app.keyed(&"k".repeat(200), "POST", TICKETS, &ticket("One")).await.status, 201);
    for (method, path) in [
        ("POST", "/api/v1/session"),
        ("DELETE", "/api/v1/session"),
        ("POST", "/api/v1/tokens"),
        ("DELETE", "/api/v1/tokens/t"),
    ] {
        let refused = app.keyed("k", method, path, &json!({"name": "x"})).await;
        assert_eq!(refused.refusal(), (400, "idempotency_not_supported"), "{method} {path}");
    }
    app.stop().await;
}

/// S29: a bulk call's repeat gives each part's first outcome; the same key with other ids is refused as a whole.
#[actix_web::test]
async fn s29_bulk_calls_can_be_repeated() {
    let app = TestApp::start().await;
    let (one, two) =
        (app.ticket("One", json!({})).await["id"].clone(), app.ticket("Two", json!({})).await["id"].clone());
    let path = "/api/v1/tickets/bulk";
    let body = json!({"ids": [one, two], "command": {"type": "update", "priority": "high"}});
    let first = app.keyed("b1", "POST", path, &body).await;
    assert_eq!(first.status, 200, "{}", first.text);
    app.call("PATCH", &format!("{TICKETS}/{one}"), json!({"priority": "low"})).await;
    let again = app.keyed("b1", "POST", path, &body).await;
    assert_eq!(again.body, first.body);
    assert_eq!(app.get(&format!("{TICKETS}/{one}")).await["priority"], "low");
    for other in [
        json!({"ids": [two, one], "command": {"type": "update", "priority": "high"}}),
        json!({"ids": [one, two], "command": {"type": "update", "priority": "low"}}),
    ] {
        assert_eq!(app.keyed("b1", "POST", path, &other).await.refusal(), (422, "idempotency_key_reused"));
    }
    let undone = app.call("POST", &format!("{TICKETS}/{two}/undo"), json!({"command_id": format!("b1:{two}")})).await;
    assert_eq!((undone.0, &undone.1["priority"]), (200, &json!("normal")));
    app.stop().await;
}

/// S29: a repeat while the first still runs waits for its answer.
#[actix_web::test]
async fn s29_repeats_at_the_same_time_take_effect_once() {
    let app = TestApp::start().await;
    let body = ticket("One");
    let (a, b, c) = tokio::join!(
        app.keyed("k", "POST", TICKETS, &body),
        app.keyed("k", "POST", TICKETS, &body),
        app.keyed("k", "POST", TICKETS, &body)
    );
    assert!([&a, &b, &c].iter().all(|reply| reply.status == 201 && reply.body == a.body));
    let user = json!({"email": "ann@example.org", "name": "Ann", "role": "agent"});
    let (a, b) = tokio::join!(app.keyed("u", "POST", USERS, &user), app.keyed("u", "POST", USERS, &user));
    assert_eq!((a.status, &a.body), (201, &b.body));
    app.stop().await;
}

const BULK: &str = "/api/v1/tickets/bulk";

/// S29: of different requests under one key at the same time one takes effect, whichever calls they are.
#[actix_web::test]
async fn s29_different_requests_at_the_same_time_are_one() {
    let journal = MemoryJournal::new();
    let app = TestApp::on(Arc::new(journal.clone()), Clock::manual(START), |_| {}).await;
    let mut ids = Vec::new();
    for number in 0..8 {
        ids.push(app.ticket(&format!("{number}"), json!({})).await["id"].clone());
    }
    let raise = |ids: &[Value]| json!({"ids": ids, "command": {"type": "update", "priority": "high"}});
    let ticket_path = format!("{TICKETS}/{}", ids[7]);
    let user = json!({"email": "ann@example.org", "name": "Ann", "role": "agent"});
    let (one, two, urgent) = (raise(&ids[..3]), raise(&ids[3..6]), json!({"priority": "urgent"}));
    let requests =
        [("POST", BULK, &one), ("POST", BULK, &two), ("PATCH", &ticket_path, &urgent), ("POST", USERS, &user)];
    for (round, first) in requests.iter().enumerate() {
        let key = format!("same {round}");
        let before = journal.commits();
        let gate = journal.hold();
        let winner = app.keyed(&key, first.0, first.1, first.2);
        let others = async {
            // Writing by now, so the key is its own.
            app.until("the first is being written", async || journal.commits() > before).await;
            for (method, path, body) in requests.iter().filter(|other| *other != first) {
                let refused = app.keyed(&key, method, path, body).await;
                assert_eq!(refused.refusal(), (422, "idempotency_key_reused"), "{method} {path} beside {first:?}");
            }
            drop(gate);
        };
        let (winner, ()) = tokio::join!(winner, others);
        assert!(winner.status < 300, "{first:?}: {}", winner.text);
        for (method, path, body) in requests.iter().filter(|other| *other != first) {
            let refused = app.keyed(&key, method, path, body).await;
            assert_eq!(refused.refusal(), (422, "idempotency_key_reused"), "{method} {path} after {first:?}");
        }
        if round < 3 {
            // Back, so that the next round has something to change.
            app.call("POST", BULK, json!({"ids": ids, "command": {"type": "update", "priority": "normal"}})).await;
        }
    }
    assert_eq!(app.get(USERS).await["data"].as_array().unwrap().len(), 2);
    app.stop().await;
}

/// S29: a bulk call whose key cannot be remembered does nothing, and one that did nothing leaves its key free.
#[actix_web::test]
async fn s29_a_bulk_call_is_bound_to_its_key_before_its_parts() {
    let journal = MemoryJournal::new();
    let app = TestApp::on(Arc::new(journal.clone()), Clock::manual(START), |_| {}).await;
    let id = app.ticket("One", json!({})).await["id"].clone();
    let body = json!({"ids": [id], "command": {"type": "update", "priority": "high"}});
    journal.fail_next(Fault::Full);
    assert_eq!(app.keyed("b", "POST", BULK, &body).await.refusal(), (507, "storage_full"));
    assert_eq!(app.get(&format!("{TICKETS}/{id}")).await["version"], 1);
    let done = app.keyed("b", "POST", BULK, &body).await;
    assert_eq!((done.status, &done.body["outcomes"][0]["ok"]), (200, &json!(true)));

    let nobody = json!({"ids": [999], "command": {"type": "update", "priority": "high"}});
    assert_eq!(app.keyed("n", "POST", BULK, &nobody).await.body["outcomes"][0]["error"]["code"], "not_found");
    assert_eq!(app.keyed("n", "POST", TICKETS, &ticket("Two")).await.status, 201);
    app.stop().await;
}

/// S29: a key that looks like that of a bulk call's part is another one.
#[actix_web::test]
async fn s29_parts_have_keys_of_their_own() {
    let app = TestApp::start().await;
    let id = app.ticket("One", json!({})).await["id"].clone();
    let (path, key) = (format!("{TICKETS}/{id}"), format!("b:{id}"));
    let body = json!({"ids": [id, id], "command": {"type": "update", "priority": "high"}});
    assert_eq!(app.keyed(&key, "PATCH", &path, &json!({"subject": "Other"})).await.status, 200);
    let bulk = app.keyed("b", "POST", BULK, &body).await;
    let outcomes = bulk.body["outcomes"].as_array().unwrap();
    assert!(outcomes.iter().all(|outcome| outcome["ok"] == true && outcome["version"] == 3), "{}", bulk.text);
    assert_eq!(app.keyed(&key, "PATCH", &path, &json!({"subject": "Other"})).await.body["version"], 2);
    let mut late = app.peer(crate::support::ADMIN).await;
    late.send(json!({"t": "hello", "v": 1, "client": "test", "topics": []})).await;
    let command = json!({"type": "update", "priority": "low"});
    let refused = late.command("b", id.as_u64(), command).await;
    assert_eq!(refused["code"], "idempotency_key_reused", "keys of both edges are one name space");
    app.stop().await;
}
