//! Tickets over HTTP: every call of the contract with what it answers, in good cases and in bad ones.

use serde_json::{Value, json};

use crate::support::{ADMIN, Reply, TestApp, send};

fn id(ticket: &Value) -> u64 {
    ticket["id"].as_u64().unwrap()
}

impl TestApp {
    async fn post(&self, path: &str, body: Value) -> Reply {
        send(self.request("POST", path).json(&body)).await
    }

    async fn patch(&self, id: u64, body: Value) -> Reply {
        send(self.request("PATCH", &format!("/api/v1/tickets/{id}")).json(&body)).await
    }

    async fn read(&self, path: &str) -> Reply {
        send(self.request("GET", path)).await
    }
}

/// S15: a new ticket is 201 with its address, version and seq; its body is the first message.
#[actix_web::test]
async fn s15_a_ticket_is_opened() {
    let app = TestApp::start().await;
    let body = json!({
        "subject": "Lost parcel", "body": "Where is it?", "requester": {"name": "Ada", "email": "ada@example.org"},
        "priority": "high", "category": "shipping", "tags": ["vip"], "channel": "web", "custom": {"order": 7},
    });
    let made = app.post("/api/v1/tickets", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let ticket = &made.body;
    assert_eq!(made.header("location"), format!("/api/v1/tickets/{}", id(ticket)));
    assert_eq!((made.header("etag"), ticket["version"].as_u64()), ("\"1\"", Some(1)));
    assert_eq!(made.header("x-hotdesk-seq"), "1");
    assert_eq!(made.header("cache-control"), "no-store");
    assert_eq!(
        (&ticket["status"], &ticket["message_count"], &ticket["channel"]),
        (&json!("new"), &json!(1), &json!("web"))
    );
    assert_eq!(ticket["created_at"], "2026-11-23T08:00:00.000Z");

    let whole = app.read(&format!("/api/v1/tickets/{}?include=messages,events", id(ticket))).await;
    let message = &whole.body["messages"][0];
    assert_eq!((&message["visibility"], &message["direction"]), (&json!("public"), &json!("inbound")));
    assert_eq!((&message["body"], &message["author"]["email"]), (&json!("Where is it?"), &json!("ada@example.org")));
    assert_eq!(whole.body["events"][0]["event"]["type"], "created");
    app.stop().await;
}

/// S2: bodies are read strictly: bad JSON, unknown fields and bad values are told apart and named.
#[actix_web::test]
async fn s2_bodies_are_read_strictly() {
    let app = TestApp::start().await;
    let post = |text: &str| {
        let request = app.request("POST", "/api/v1/tickets").header("content-type", "application/json");
        send(request.body(text.to_owned()))
    };
    for text in ["", "{", "nonsense", "{\"subject\": \"\u{0}\"}"] {
        assert_eq!(post(text).await.refusal(), (400, "bad_json"), "{text}");
    }
    for text in ["[]", "7", "null", "\"text\""] {
        assert_eq!(post(text).await.refusal(), (422, "invalid_field"), "{text}");
    }
    let good = r#""subject":"s","body":"b","requester":{"name":"n","email":"n@example.org"}"#;
    assert_eq!(post(&format!("{{{good}}} {{}}")).await.refusal(), (400, "bad_json"));
    let unknown = post(&format!("{{{good},\"colour\":\"red\"}}")).await;
    assert_eq!((unknown.refusal(), unknown.pointers()), ((400, "unknown_field"), vec!["/colour"]));
    let nested = post(r#"{"subject":"s","body":"b","requester":{"name":"n","email":"n@example.org","age":3}}"#).await;
    assert_eq!((nested.refusal(), nested.pointers()), ((400, "unknown_field"), vec!["/requester/age"]));
    let missing = post(r#"{"subject":"s","body":"b"}"#).await;
    assert_eq!((missing.refusal(), missing.pointers()), ((422, "invalid_field"), vec!["/requester"]));
    assert_eq!(missing.body["errors"][0]["code"], "required");
    let wrong = post(&format!("{{{good},\"priority\":\"highest\"}}")).await;
    assert_eq!((wrong.refusal(), wrong.pointers()), ((422, "invalid_field"), vec!["/priority"]));
    let blank = post(r#"{"subject":" ","body":"","requester":{"name":"n","email":"nobody"}}"#).await;
    assert_eq!(blank.refusal(), (422, "invalid_field"));
    assert_eq!(blank.pointers(), ["/subject", "/body", "/requester/email"]);
    app.stop().await;
}

/// S16: `ETag` is the version; `If-Match` with another one is 412 with the version that holds; an unchanged ticket is 304.
#[actix_web::test]
async fn s16_versions_are_entity_tags() {
    let app = TestApp::start().await;
    let ticket = id(&app.ticket("One", json!({})).await);
    let path = format!("/api/v1/tickets/{ticket}");
    let patch = |tag: &str, body: Value| send(app.request("PATCH", &path).header("if-match", tag).json(&body));

    assert_eq!(patch("\"1\"", json!({"priority": "high"})).await.header("etag"), "\"2\"");
    let conflict = patch("\"1\"", json!({"priority": "low"})).await;
    assert_eq!((conflict.refusal(), &conflict.body["version"]), ((412, "version_conflict"), &json!(2)));
    assert_eq!(patch("\"7\", \"2\"", json!({"priority": "low"})).await.header("etag"), "\"3\"");
    assert_eq!(patch("*", json!({"priority": "high"})).await.header("etag"), "\"4\"");
    assert_eq!(patch("W/\"4\"", json!({"priority": "low"})).await.refusal(), (412, "version_conflict"));
    assert_eq!(patch("\"other\"", json!({"priority": "low"})).await.refusal(), (412, "version_conflict"));
    assert_eq!(patch("4", json!({"priority": "low"})).await.refusal(), (422, "invalid_field"));

    let shown = app.read(&path).await;
    assert_eq!((shown.header("etag"), shown.body["priority"].as_str()), ("\"4\"", Some("high")));
    let same = send(app.request("GET", &path).header("if-none-match", "\"3\", \"4\"")).await;
    assert_eq!((same.status, same.text.as_str(), same.header("etag")), (304, "", "\"4\""));
    assert_eq!(send(app.request("GET", &path).header("if-none-match", "\"3\"")).await.status, 200);
    app.stop().await;
}

/// S17: a change is all or nothing, one that changes nothing has no record, and every refusal has its code.
#[actix_web::test]
async fn s17_a_ticket_is_changed() {
    let app = TestApp::start().await;
    let ticket = id(&app.ticket("One", json!({})).await);
    let me = app.get("/api/v1/me").await["id"].clone();
    let changed =
        app.patch(ticket, json!({"priority": "urgent", "assignee": me, "team": "support", "tags": ["b", "a"]})).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    assert_eq!((&changed.body["status"], &changed.body["tags"]), (&json!("open"), &json!(["a", "b"])));
    let seq = changed.header("x-hotdesk-seq").to_owned();
    let same = app.patch(ticket, json!({"priority": "urgent"})).await;
    assert_eq!((same.status, same.header("etag"), same.header("x-hotdesk-seq")), (200, "\"2\"", seq.as_str()));
    assert_eq!(app.patch(ticket, json!({"team": null})).await.body["team"], Value::Null);

    let refused = app.patch(ticket, json!({"priority": "low", "assignee": "usr_0", "team": "chess"})).await;
    assert_eq!(refused.refusal(), (422, "invalid_field"));
    assert_eq!(app.get(&format!("/api/v1/tickets/{ticket}")).await["priority"], "urgent");
    assert_eq!(app.patch(ticket, json!({"status": "new"})).await.refusal(), (409, "illegal_move"));
    assert_eq!(app.patch(ticket, json!({"status": "closed"})).await.status, 200);
    assert_eq!(app.patch(ticket, json!({"priority": "low"})).await.refusal(), (409, "ticket_closed"));
    for path in ["/api/v1/tickets/999", "/api/v1/tickets/0", "/api/v1/tickets/x", "/api/v1/tickets/-1"] {
        assert_eq!(app.read(path).await.refusal(), (404, "not_found"), "{path}");
        assert_eq!(send(app.request("PATCH", path).json(&json!({}))).await.refusal(), (404, "not_found"), "{path}");
    }
    app.stop().await;
}

/// S18: a message is 201 with the ticket after it; a reply past a colleague's is 409 with what is new; a closed ticket's
/// message opens a follow-up.
#[actix_web::test]
async fn s18_messages_are_added() {
    let app = TestApp::start().await;
    let ticket = id(&app.ticket("One", json!({})).await);
    let path = format!("/api/v1/tickets/{ticket}/messages");
    let reply = app.post(&path, json!({"body": "On its way.", "visibility": "public", "last_seen_version": 1})).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    assert_eq!(reply.body["message"]["direction"], "outbound");
    let version = reply.body["ticket"]["version"].as_u64().unwrap();
    assert_eq!(reply.header("etag"), format!("\"{version}\""));
    assert_eq!(reply.body["ticket"]["message_count"], 2);

    let stale = app.post(&path, json!({"body": "Me too.", "visibility": "public", "last_seen_version": 1})).await;
    assert_eq!(stale.refusal(), (409, "stale_reply"));
    assert_eq!(stale.body["messages"].as_array().unwrap().len(), 1);
    assert_eq!(stale.body["messages"][0]["body"], "On its way.");
    let note = app.post(&path, json!({"body": "Seen.", "visibility": "internal"})).await;
    assert_eq!(note.body["message"]["visibility"], "internal");
    let solved = app.post(&path, json!({"body": "Done.", "visibility": "public", "status": "solved"})).await;
    assert_eq!(solved.body["ticket"]["status"], "solved");
    let back = app.post(&path, json!({"body": "No!", "visibility": "public", "direction": "inbound"})).await;
    assert_eq!(
        (&back.body["ticket"]["status"], &back.body["message"]["author"]["name"]),
        (&json!("open"), &json!("Ada"))
    );

    app.patch(ticket, json!({"status": "closed"})).await;
    let late = app.post(&path, json!({"body": "Again.", "visibility": "public", "direction": "inbound"})).await;
    assert_eq!((late.status, &late.body["ticket"]["follow_up_of"]), (201, &json!(ticket)));
    assert_ne!(id(&late.body["ticket"]), ticket);
    assert_eq!(app.post(&path, json!({"body": "x"})).await.pointers(), ["/visibility"]);
    app.stop().await;
}

/// S19: taking, giving back, passing by, undoing, merging and linking, with the codes that refuse them.
#[actix_web::test]
async fn s19_actions_on_one_ticket() {
    let app = TestApp::start().await;
    let (ann, token) = app.user("ann", "agent").await;
    let (one, two) = (id(&app.ticket("One", json!({})).await), id(&app.ticket("Two", json!({})).await));
    let path = |id: u64, action: &str| format!("/api/v1/tickets/{id}/{action}");
    let as_ann = |path: String| send(app.anonymous("POST", &path).bearer_auth(&token));

    let claimed = as_ann(path(one, "claim")).await;
    assert_eq!(
        (claimed.status, &claimed.body["assignee"], &claimed.body["status"]),
        (200, &json!(ann), &json!("open"))
    );
    assert_eq!(claimed.header("etag"), "\"2\"");
    let held = send(app.request("POST", &path(one, "claim"))).await;
    assert_eq!((held.refusal(), &held.body["holder"]), ((409, "already_claimed"), &json!(ann)));
    let released = app.post(&path(one, "release"), json!({"reason": "lunch"})).await;
    assert_eq!(released.body["assignee"], Value::Null);
    assert_eq!(as_ann(path(one, "release")).await.refusal(), (409, "not_claimed"));
    assert_eq!(app.post(&path(one, "skip"), json!({"reason": "not mine"})).await.status, 200);
    assert_eq!(app.post(&path(one, "skip"), json!({})).await.pointers(), ["/reason"]);
    assert_eq!(app.post(&path(one, "claim"), json!({"now": true})).await.refusal(), (400, "unknown_field"));

    let linked = app.post(&path(one, "link"), json!({"to": two, "kind": "causes"})).await;
    assert_eq!(linked.body["links"], json!([{"to": two, "kind": "causes"}]));
    assert_eq!(app.get(&format!("/api/v1/tickets/{two}")).await["links"], json!([{"to": one, "kind": "caused_by"}]));
    assert_eq!(app.post(&path(one, "unlink"), json!({"to": two, "kind": "causes"})).await.body["links"], json!([]));
    let merged = app.post(&path(two, "merge"), json!({"into": one})).await;
    assert_eq!((&merged.body["status"], &merged.body["merged_into"]), (&json!("closed"), &json!(one)));
    // Both tickets' halves: whoever waits for this seq has seen them.
    assert_eq!(merged.header("x-hotdesk-seq"), app.desk.feed.head().to_string());
    for (field, value) in
        [("status", json!(null)), ("priority", json!(null)), ("tags", json!(null)), ("custom", json!(null))]
    {
        let refused = send(app.request("PATCH", &format!("/api/v1/tickets/{one}")).json(&json!({field: value}))).await;
        assert_eq!(refused.refusal(), (422, "invalid_field"), "{field} cannot be null");
        assert_eq!(refused.pointers(), [format!("/{field}")]);
    }
    let big: Value = serde_json::from_str("{\"custom\": {\"crm\": 123456789012345678901234567890}}").unwrap();
    let refused = send(app.request("PATCH", &format!("/api/v1/tickets/{one}")).json(&big)).await;
    assert_eq!((refused.refusal(), refused.pointers()), ((422, "invalid_field"), vec!["/custom/crm"]));

    let change = app.request("PATCH", &format!("/api/v1/tickets/{one}")).header("idempotency-key", "raise");
    send(change.json(&json!({"priority": "urgent"}))).await;
    let undone = app.post(&path(one, "undo"), json!({"command_id": "raise"})).await;
    assert_eq!((undone.status, &undone.body["priority"]), (200, &json!("normal")));
    let again = app.post(&path(one, "undo"), json!({"command_id": "raise"})).await;
    assert_eq!(again.refusal(), (409, "cannot_undo"));
    app.stop().await;
}

/// S20: the queue is shown with reasons and counts, and handed out one by one; with nothing to hand out it is 204.
#[actix_web::test]
async fn s20_the_queue_is_shown_and_handed_out() {
    let app = TestApp::start().await;
    let empty = send(app.request("POST", "/api/v1/queue/claim")).await;
    assert_eq!((empty.status, empty.text.as_str()), (204, ""));
    let low = id(&app.ticket("Low", json!({"priority": "low"})).await);
    let high = id(&app.ticket("High", json!({"priority": "high", "category": "billing"})).await);

    let queue = app.get("/api/v1/queue").await;
    let order: Vec<_> = queue["data"].as_array().unwrap().iter().map(|row| id(&row["ticket"])).collect();
    assert_eq!(order, [high, low]);
    assert_eq!((&queue["data"][0]["reason"]["rank"], &queue["counts"]["waiting"]), (&json!(1), &json!(2)));
    assert!(!queue["data"][0]["reason"]["text"].as_str().unwrap().is_empty());
    assert_eq!(app.get("/api/v1/queue?limit=1").await["data"].as_array().unwrap().len(), 1);
    for limit in ["0", "1001", "x"] {
        let refused = app.read(&format!("/api/v1/queue?limit={limit}")).await;
        assert_eq!((refused.refusal(), refused.pointers()), ((422, "invalid_field"), vec!["/limit"]));
    }

    let only = app.post("/api/v1/queue/claim", json!({"categories": ["shipping"]})).await;
    assert_eq!(only.status, 204);
    let first = app.post("/api/v1/queue/claim", json!({})).await;
    assert_eq!((first.status, id(&first.body), &first.body["status"]), (200, high, &json!("open")));
    assert_eq!(first.header("etag"), "\"2\"");
    assert_eq!(id(&send(app.request("POST", "/api/v1/queue/claim")).await.body), low);
    app.stop().await;
}

/// S21: a bulk call has an outcome for each id, in the order given, and refuses what is not one command for tickets.
#[actix_web::test]
async fn s21_bulk_has_an_outcome_for_each_id() {
    let app = TestApp::start().await;
    let (one, two) = (id(&app.ticket("One", json!({})).await), id(&app.ticket("Two", json!({})).await));
    app.patch(two, json!({"status": "closed"})).await;
    let command = json!({"type": "update", "priority": "high"});
    let bulk = app.post("/api/v1/tickets/bulk", json!({"ids": [two, 999, one], "command": command})).await;
    assert_eq!(bulk.status, 200, "{}", bulk.text);
    let outcomes = bulk.body["outcomes"].as_array().unwrap();
    let codes: Vec<_> = outcomes.iter().map(|outcome| outcome["error"]["code"].as_str()).collect();
    assert_eq!(codes, [Some("ticket_closed"), Some("not_found"), None]);
    assert_eq!(outcomes[2], json!({"id": one, "ok": true, "seq": outcomes[2]["seq"], "version": 2}));
    assert_eq!(bulk.header("x-hotdesk-seq"), outcomes[2]["seq"].to_string());

    let refused = |body: Value| app.post("/api/v1/tickets/bulk", body);
    for (body, code, pointer) in [
        (json!({"ids": [one], "command": {"type": "claim_next"}}), "invalid_field", "/command/type"),
        (json!({"ids": [one], "command": {"type": "close"}}), "invalid_field", "/command/type"),
        (json!({"ids": [one], "command": {"type": "update", "colour": 1}}), "unknown_field", "/command/colour"),
        (json!({"ids": (0..501).collect::<Vec<_>>(), "command": command}), "invalid_field", "/ids"),
        (json!({"ids": ["x"], "command": command}), "invalid_field", "/ids/0"),
    ] {
        let refused = refused(body).await;
        assert_eq!((refused.refusal().1, refused.pointers()), (code, vec![pointer]));
    }
    assert_eq!(refused(json!({"ids": [], "command": command})).await.body, json!({"outcomes": []}));
    app.stop().await;
}

/// S22: records come in order after a version or a seq; a waiting call is answered by the next record; positions that mean
/// nothing are 409 `resnapshot`.
#[actix_web::test]
async fn s22_records_are_read_and_waited_for() {
    let app = TestApp::start().await;
    let ticket = id(&app.ticket("One", json!({})).await);
    for priority in ["high", "low", "urgent"] {
        app.patch(ticket, json!({"priority": priority})).await;
    }
    let path = format!("/api/v1/tickets/{ticket}/events");
    let versions = |events: &Value| -> Vec<u64> {
        events["records"].as_array().unwrap().iter().map(|record| record["version"].as_u64().unwrap()).collect()
    };
    let first = app.get(&format!("{path}?limit=2")).await;
    assert_eq!(versions(&first), [1, 2]);
    let rest = app.get(&format!("{path}?after={}", first["next_after"])).await;
    assert_eq!((versions(&rest), &rest["next_after"]), (vec![3, 4], &Value::Null));
    assert_eq!(app.read("/api/v1/tickets/999/events").await.refusal(), (404, "not_found"));

    let all = app.get("/api/v1/events?topics=board").await;
    let seqs: Vec<u64> =
        all["records"].as_array().unwrap().iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [1, 2, 3, 4]);
    let (epoch, head) = (all["epoch"].as_str().unwrap(), all["next_after"].as_u64().unwrap());
    assert_eq!(
        app.get(&format!("/api/v1/events?after=1&limit=2&epoch={epoch}")).await["records"].as_array().unwrap().len(),
        2
    );
    for query in [format!("after={}", head + 1), format!("after=1&epoch={epoch}x")] {
        assert_eq!(app.read(&format!("/api/v1/events?{query}")).await.refusal(), (409, "resnapshot"), "{query}");
    }
    assert_eq!(app.read("/api/v1/events?topics=board,boards").await.refusal(), (422, "unknown_topic"));

    let waited = format!("/api/v1/events?after={head}&wait=20");
    let (waited, _) = tokio::join!(app.get(&waited), app.patch(ticket, json!({"priority": "low"})));
    assert_eq!(waited["records"][0]["seq"], head + 1);
    assert_eq!(app.get(&format!("/api/v1/events?after={}&wait=0.01", head + 1)).await["records"], json!([]));
    app.stop().await;
}

/// S23: the snapshot is the active desk at its seq, compressed for who takes that, and looks into the past.
#[actix_web::test]
async fn s23_the_snapshot_is_true_at_its_seq() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for number in 0..30 {
        ids.push(id(&app.ticket(&format!("Ticket {number}"), json!({})).await));
    }
    app.patch(ids[0], json!({"status": "closed"})).await;
    let now = app.read("/api/v1/snapshot?topics=board").await;
    let board: Vec<u64> = now.body["board"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(board, ids[1..]);
    assert_eq!((now.body["seq"].as_u64(), now.header("x-hotdesk-seq")), (Some(31), "31"));
    assert_eq!(now.body["board_hash"].as_str().unwrap().len(), 16);

    // A client that leaves the packing as it came.
    let plain = crate::support::http_client_with(reqwest::ClientBuilder::no_gzip);
    for _ in 0..2 {
        let small = plain.get(format!("http://{}/api/v1/snapshot", app.address)).bearer_auth(ADMIN);
        let small = small.header("accept-encoding", "gzip;q=0.5, br").send().await.unwrap();
        assert_eq!(small.headers()["content-encoding"], "gzip");
        let bytes = small.bytes().await.unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text).unwrap();
        assert_eq!(text, now.text);
        assert!(bytes.len() * 4 < text.len());
    }
    let past = app.get("/api/v1/snapshot?at=3").await;
    assert_eq!((past["seq"].as_u64(), past["board"].as_array().unwrap().len()), (Some(3), 3));
    assert_eq!(app.get("/api/v1/snapshot?at=2020-01-01T00:00:00Z").await["board"], json!([]));
    for at in ["32", "2030-01-01T00:00:00Z", "yesterday"] {
        let refused = app.read(&format!("/api/v1/snapshot?at={at}")).await;
        assert_eq!((refused.refusal(), refused.pointers()), ((422, "invalid_field"), vec!["/at"]), "{at}");
    }
    assert_eq!(app.read("/api/v1/snapshot?topics=boards").await.refusal(), (422, "unknown_topic"));
    app.stop().await;
}

/// S28: lists come in pages by a cursor; every ticket once, in the order asked for; what was just written is in them.
#[actix_web::test]
async fn s28_lists_come_in_pages() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for number in 0..7 {
        let fields = json!({"priority": if number % 2 == 0 { "high" } else { "low" }, "tags": [format!("t{number}")]});
        ids.push(id(&app.ticket(&format!("Parcel {number}"), fields).await));
    }
    let list = async |query: &str| app.get(&format!("/api/v1/tickets?{query}")).await;
    let of = |page: &Value| page["data"].as_array().unwrap().iter().map(id).collect::<Vec<_>>();

    let mut seen = Vec::new();
    let mut query = "page[size]=3".to_owned();
    loop {
        let page = list(&query).await;
        seen.extend(of(&page));
        let Some(cursor) = page["meta"]["after_cursor"].as_str() else { break };
        assert_eq!(page["meta"]["has_more"], true);
        query = format!("page[size]=3&page[after]={cursor}");
        app.patch(ids[0], json!({"subject": format!("Changed after {}", seen.len())})).await;
    }
    let newest_first: Vec<u64> = ids.iter().rev().copied().collect();
    assert_eq!(seen, newest_first);
    assert_eq!(of(&list("sort=id&page[size]=2").await), ids[..2]);
    assert_eq!(of(&list("priority=low&sort=id").await), [ids[1], ids[3], ids[5]]);
    assert_eq!(of(&list("tag=t1&tag=t2&sort=id").await), ids[1..3]);
    assert_eq!(of(&list("requester=ADA@example.org&assignee=none&status=new&page[size]=1").await), [ids[6]]);
    assert_eq!(of(&list("q=parcel+4").await), [ids[4]]);
    for (query, pointer) in [
        ("page[size]=0", "/page[size]"),
        ("page[after]=nonsense", "/page[after]"),
        ("sort=subject", "/sort"),
        ("status=opened", "/status"),
    ] {
        let refused = app.read(&format!("/api/v1/tickets?{query}")).await;
        assert_eq!((refused.refusal(), refused.pointers()), ((422, "invalid_field"), vec![pointer]), "{query}");
    }
    assert_eq!(app.read("/api/v1/tickets?state=open").await.refusal(), (400, "unknown_field"));
    app.stop().await;
}

/// S34: a client learns the desk's statuses, moves, categories and teams from the server.
#[actix_web::test]
async fn s34_the_desk_describes_itself() {
    let app = TestApp::start().await;
    let desk = app.get("/api/v1/desk").await;
    assert_eq!(desk["statuses"], json!(["new", "open", "pending", "on_hold", "solved", "closed"]));
    assert_eq!(desk["moves"]["closed"], json!([]));
    assert!(desk["moves"]["open"].as_array().unwrap().contains(&json!("pending")));
    assert_eq!(desk["priorities"], json!(["low", "normal", "high", "urgent"]));
    assert_eq!(desk["categories"].as_array().unwrap().len(), 8);
    assert_eq!(desk["undo_window_ms"], 600_000);
    app.stop().await;
}
