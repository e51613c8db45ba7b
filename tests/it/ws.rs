//! The WebSocket's page of the contract, by clients that know nothing else.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::support::{ADMIN, TestApp};

fn close(code: u16) -> Value {
    json!({"t": "close", "code": code})
}

/// S50: the first message is `hello`, within 5 seconds.
#[actix_web::test]
async fn s50_hello_comes_first_and_in_time() {
    let app = TestApp::start().await;
    let mut rude = app.peer(ADMIN).await;
    rude.send(json!({"t": "sub", "topics": ["board"]})).await;
    assert_eq!(rude.find(|line| line["t"] == "close").await, close(4008));
    for first in [Message::text("nonsense"), Message::text("{\"t\":\"shout\"}"), Message::binary(vec![1, 2])] {
        let mut rude = app.peer(ADMIN).await;
        rude.send_raw(first.clone()).await;
        assert_eq!(rude.find(|line| line["t"] == "close").await, close(4008), "{first}");
    }
    let mut hasty = app.peer(ADMIN).await;
    hasty.send(json!({"t": "cmd", "id": "too-early", "do": {"type": "claim_next"}})).await;
    assert_eq!(hasty.expect("err").await["id"], "too-early", "every command gets its answer");
    assert_eq!(hasty.find(|line| line["t"] == "close").await, close(4008));
    let mut silent = app.peer(ADMIN).await;
    let mut early = app.live_peer(ADMIN, &[]).await;
    app.clock.advance(5_000);
    assert_eq!(silent.next().await, close(4108));
    early.send(json!({"t": "sub", "topics": ["board"]})).await;
    early.expect("upto").await;
    app.stop().await;
}

/// S51: `welcome` tells the session, the user, where the journal is and what the limits are.
#[actix_web::test]
async fn s51_welcome_says_where_things_stand() {
    let app = TestApp::start().await;
    app.ticket("One", json!({})).await;
    let mut peer = app.peer(ADMIN).await;
    peer.send(json!({"t": "hello", "v": 1, "client": "tab-1", "topics": ["board"], "visible": true})).await;
    let welcome = peer.next().await;
    assert_eq!(welcome["t"], "welcome");
    assert_eq!(welcome["resume"], "live");
    assert_eq!(welcome["seq"], app.desk.feed.head().get());
    assert_eq!(welcome["epoch"], app.journal.epoch().as_str());
    assert_eq!(welcome["user"]["role"], "admin");
    assert_eq!(welcome["heartbeat_ms"], 15_000);
    assert!(welcome["limits"]["max_message_bytes"].as_u64().unwrap() >= 1 << 20);
    app.stop().await;
}

/// S52: a change made over HTTP by one is a record on the screens of all others, and it is in the journal by then.
#[actix_web::test]
async fn s52_a_change_reaches_everybody() {
    let app = TestApp::start().await;
    let mut peers = vec![app.live_peer(ADMIN, &["board"]).await, app.live_peer(ADMIN, &["board"]).await];
    let ticket = app.ticket("Printer on fire", json!({"priority": "urgent"})).await;
    for peer in &mut peers {
        let record = peer.expect("rec").await;
        assert_eq!(record["seq"], 1);
        assert_eq!(record["ticket"], ticket["id"]);
        assert_eq!(record["version"], 1);
        assert_eq!(record["event"]["type"], "created");
        assert_eq!(record["patch"]["subject"], "Printer on fire");
        assert!(app.journal.head().seq.get() >= 1);
    }
    app.stop().await;
}

/// S53: after a lost connection `hello` with `epoch` and `after` continues without a gap and without a repeat, also across
/// a restart, and however far back it lies.
#[actix_web::test]
async fn s53_a_resume_has_neither_gap_nor_repeat() {
    // A ring of a few records: most of this is read back from the journal.
    let small = |config: &mut hotdesk::config::Config| config.feed.bytes = 4_000;
    let app = TestApp::with(small).await;
    for number in 0..40 {
        app.ticket(&format!("Ticket {number}"), json!({})).await;
    }
    let head = app.desk.feed.head().get();
    let epoch = app.journal.epoch();
    let mut app = app;
    for restarted in [false, true] {
        if restarted {
            let (journal, clock) = (app.journal.clone(), app.clock.clone());
            app.stop().await;
            app = TestApp::on(journal, clock, small).await;
        }
        for after in [0, 1, head / 2, head - 1] {
            let mut peer = app.peer(ADMIN).await;
            peer.send(
                json!({"t": "hello", "v": 1, "client": "c", "epoch": epoch, "after": after, "topics": ["board"]}),
            )
            .await;
            assert_eq!(peer.expect("welcome").await["resume"], "replay");
            peer.read_to(head).await;
            assert_eq!(peer.seqs(), (after + 1..=head).collect::<Vec<_>>(), "after {after}");
            let upto = peer.expect("upto").await;
            assert_eq!(upto["seq"], head);
            assert_eq!(upto["board"], app.get("/api/v1/snapshot?topics=board").await["board_hash"]);
        }
    }
    app.stop().await;
}

/// S54: another epoch, or a position beyond the head, means a snapshot first; no record is sent until `sub` says from where.
#[actix_web::test]
async fn s54_positions_that_mean_nothing_need_a_snapshot() {
    let app = TestApp::start().await;
    app.ticket("One", json!({})).await;
    for (epoch, after) in [("another".to_owned(), 1), (app.journal.epoch().to_string(), 1_000_000)] {
        let mut peer = app.peer(ADMIN).await;
        peer.send(json!({"t": "hello", "v": 1, "client": "c", "epoch": epoch, "after": after, "topics": ["board"]}))
            .await;
        assert_eq!(peer.expect("welcome").await["resume"], "snapshot");
        peer.send(json!({"t": "sub", "topics": ["board"]})).await;
        assert_eq!(peer.next().await["code"], "invalid_field");
        let snapshot = app.get("/api/v1/snapshot?topics=board").await;
        let ticket = app.ticket("Meanwhile", json!({})).await;
        peer.send(json!({"t": "sub", "topics": ["board"], "after": snapshot["seq"]})).await;
        let record = peer.expect("rec").await;
        assert_eq!(record["ticket"], ticket["id"]);
        assert_eq!(record["seq"], snapshot["seq"].as_u64().unwrap() + 1);
    }
    app.stop().await;
}

/// S55: bad messages get an answer with a code; what is no message at all ends the connection.
#[actix_web::test]
async fn s55_bad_messages_are_answered() {
    let app = TestApp::start().await;
    let mut peer = app.live_peer(ADMIN, &["board"]).await;
    for (message, code) in [
        (json!({"t": "sub", "topics": ["boards"]}), "unknown_topic"),
        (json!({"t": "sub", "topics": ["board"], "extra": 1}), "unknown_field"),
        (json!({"t": "sub", "topics": ["board"], "after": 1}), "invalid_field"),
        (json!({"t": "presence", "ticket": "x", "state": "viewing"}), "invalid_field"),
        (json!({"t": "hello", "v": 1, "client": "again", "topics": []}), "unknown_message"),
    ] {
        peer.send(message.clone()).await;
        assert_eq!(peer.expect("err").await["code"], code, "{message}");
    }
    for hopeless in ["nonsense", "[]", "{\"x\":1}", "{\"t\":\"shout\"}"] {
        let mut peer = app.live_peer(ADMIN, &[]).await;
        peer.send_raw(Message::text(hopeless)).await;
        let answer = peer.expect("err").await;
        assert!(["bad_json", "unknown_message"].contains(&answer["code"].as_str().unwrap()), "{answer}");
        assert_eq!(peer.find(|line| line["t"] == "close").await, close(4009));
    }
    app.stop().await;
}

/// S56: every refused command gets an answer that carries its id and the codes of HTTP.
#[actix_web::test]
async fn s56_refused_commands_carry_their_id() {
    let app = TestApp::start().await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let mut peer = app.live_peer(ADMIN, &[]).await;
    for (number, (at, command, code)) in [
        (Some(ticket), json!({"type": "dance"}), "invalid_field"),
        (Some(ticket), json!({"type": "update", "colour": "red"}), "unknown_field"),
        (Some(ticket), json!({"type": "update", "status": "new", "priority": "enormous"}), "invalid_field"),
        (Some(999), json!({"type": "claim"}), "not_found"),
        (None, json!({"type": "claim"}), "invalid_field"),
        (Some(ticket), json!({"type": "release"}), "not_claimed"),
        (Some(ticket), json!({"type": "merge", "into": ticket}), "invalid_field"),
        (Some(ticket), json!({"type": "undo", "command_id": "never"}), "cannot_undo"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = peer.command(&format!("c-{number}"), at, command.clone()).await;
        assert_eq!((&answer["t"], &answer["code"]), (&json!("err"), &json!(code)), "{command}: {answer}");
        assert!(answer["message"].is_string() && answer["retryable"].is_boolean());
    }
    peer.send(json!({"t": "cmd", "id": "c-x", "ticket": ticket, "wish": 1, "do": {"type": "claim"}})).await;
    let answer = peer.expect("err").await;
    assert_eq!((&answer["id"], &answer["code"]), (&json!("c-x"), &json!("unknown_field")));
    let stale = json!({"t": "cmd", "id": "c-y", "ticket": ticket, "expect": 9, "do": {"type": "claim"}});
    peer.send(stale).await;
    let answer = peer.expect("err").await;
    assert_eq!((&answer["code"], &answer["version"]), (&json!("version_conflict"), &json!(1)));
    app.stop().await;
}

/// S57: a command id takes effect once: a repeat gets the first answer, over HTTP and WebSocket and after a restart; with
/// another body it is refused.
#[actix_web::test]
async fn s57_a_command_takes_effect_once() {
    let app = TestApp::start().await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let mut peer = app.live_peer(ADMIN, &[]).await;
    let update = json!({"type": "update", "priority": "high"});
    let first = peer.command("once", Some(ticket), update.clone()).await;
    assert_eq!(first["t"], "ok", "{first}");
    assert_eq!(peer.command("once", Some(ticket), update.clone()).await, first);
    let other = json!({"type": "update", "priority": "low"});
    assert_eq!(peer.command("once", Some(ticket), other).await["code"], "idempotency_key_reused");
    let request = app
        .request("PATCH", &format!("/api/v1/tickets/{ticket}"))
        .header("idempotency-key", "once")
        .json(&json!({"priority": "high"}));
    let (status, body) = crate::support::answer(request).await;
    assert_eq!((status, &body["version"]), (200, &first["version"]), "{body}");
    let (journal, clock) = (app.journal.clone(), app.clock.clone());
    app.stop().await;
    let app = TestApp::on(journal, clock, |_| {}).await;
    let mut peer = app.live_peer(ADMIN, &[]).await;
    assert_eq!(peer.command("once", Some(ticket), update.clone()).await, first);
    app.clock.advance(25 * 3_600_000);
    let again = peer.command("once", Some(ticket), json!({"type": "update", "priority": "low"})).await;
    assert_eq!(again["t"], "ok", "after a day the id is free: {again}");
    app.stop().await;
}

/// S58: messages beyond 64 KiB are taken; beyond the told limit they end the connection with 1009.
#[actix_web::test]
async fn s58_large_messages_have_a_limit() {
    let app = TestApp::start().await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let mut peer = app.live_peer(ADMIN, &["board"]).await;
    let long = "x".repeat(300_000);
    let answer =
        peer.command("long", Some(ticket), json!({"type": "message", "body": long, "visibility": "internal"})).await;
    assert_eq!(answer["t"], "ok", "{answer}");
    let too_long = "x".repeat((1 << 20) + 1);
    peer.send(json!({"t": "cmd", "id": "longer", "ticket": ticket, "do": {"type": "skip", "reason": too_long}})).await;
    assert_eq!(peer.find(|line| line["t"] == "close").await, close(1009));
    app.stop().await;
}

/// S59: a message in several frames is one message; pieces out of order end the connection.
#[actix_web::test]
async fn s59_continuation_frames_are_put_together() {
    let app = TestApp::start().await;
    let mut peer = app.live_peer(ADMIN, &[]).await;
    let text = json!({"t": "sub", "topics": ["board"]}).to_string();
    let (head, tail) = text.split_at(9);
    let piece = |text: &str, code, last| Message::Frame(Frame::message(text.to_owned(), OpCode::Data(code), last));
    peer.send_raw(piece(head, Data::Text, false)).await;
    peer.send_raw(Message::Ping("between".into())).await;
    peer.send_raw(piece(tail, Data::Continue, true)).await;
    peer.expect("upto").await;
    peer.send_raw(piece("stray", Data::Continue, true)).await;
    assert_eq!(peer.find(|line| line["t"] == "close").await, close(1002));
    app.stop().await;
}

/// S62: a withdrawn token ends the stream at once; nothing that happens after it is sent.
#[actix_web::test]
async fn s62_a_withdrawn_token_ends_the_stream() {
    let app = TestApp::start().await;
    let (_, token) = app.user("kim", "agent").await;
    let mut peer = app.live_peer(&token, &["board"]).await;
    app.ticket("Before", json!({})).await;
    peer.expect("rec").await;
    let tokens = app.get("/api/v1/tokens").await;
    let id = tokens["data"].as_array().unwrap().iter().find(|entry| entry["name"] == "test").unwrap()["id"].clone();
    let (status, _) = app.call("DELETE", &format!("/api/v1/tokens/{}", id.as_str().unwrap()), Value::Null).await;
    assert_eq!(status, 204);
    app.ticket("After", json!({})).await;
    let mut last = peer.next().await;
    while last["t"] == "upto" {
        last = peer.next().await;
    }
    assert_eq!(last, close(4001));
    app.stop().await;
}

/// S63: `sub` is answered by `upto`, which carries the board's hash; the hash is that of the snapshot at the same seq.
#[actix_web::test]
async fn s63_upto_carries_the_boards_hash() {
    let app = TestApp::start().await;
    for number in 0..5 {
        app.ticket(&format!("Ticket {number}"), json!({})).await;
    }
    app.call("PATCH", "/api/v1/tickets/3", json!({"status": "open"})).await;
    app.call("PATCH", "/api/v1/tickets/3", json!({"status": "solved"})).await;
    app.call("PATCH", "/api/v1/tickets/3", json!({"status": "closed"})).await;
    let mut peer = app.live_peer(ADMIN, &[]).await;
    peer.send(json!({"t": "sub", "topics": ["board"]})).await;
    let upto = peer.find(|line| line["t"] == "upto" && line["board"].is_string()).await;
    let snapshot = app.get("/api/v1/snapshot?topics=board").await;
    assert_eq!(upto["seq"], snapshot["seq"]);
    assert_eq!(upto["board"], snapshot["board_hash"]);
    assert_eq!(snapshot["board"].as_array().unwrap().len(), 4, "closed tickets are not active");
    // A heartbeat comes by itself, at least every 15 seconds.
    app.clock.advance(15_000);
    assert_eq!(peer.expect("upto").await["board"], snapshot["board_hash"]);
    app.stop().await;
}

/// S64: narrow topics bring their records and no others, live as in a replay.
#[actix_web::test]
async fn s64_narrow_topics_are_narrow_live_and_in_a_replay() {
    let app = TestApp::with(|config| config.feed.bytes = 1).await;
    let (kim, token) = app.user("kim", "agent").await;
    let names = ["queue", "mine", "ticket:2"];
    let mut live = Vec::new();
    for name in names {
        live.push(app.live_peer(&token, &[name]).await);
    }
    for number in 0..3 {
        app.ticket(&format!("Ticket {number}"), json!({})).await;
    }
    app.call("PATCH", "/api/v1/tickets/1", json!({"assignee": kim})).await;
    app.call("PATCH", "/api/v1/tickets/2", json!({"tags": ["x"]})).await;
    app.call("PATCH", "/api/v1/tickets/3", json!({"priority": "high"})).await;
    app.call("PATCH", "/api/v1/tickets/1", json!({"tags": ["y"]})).await;
    app.call("PATCH", "/api/v1/tickets/1", json!({"assignee": null})).await;
    app.call("PATCH", "/api/v1/tickets/1", json!({"subject": "was mine"})).await;
    let head = app.desk.feed.head().get();
    let mut heard = Vec::new();
    for peer in &mut live {
        peer.send(json!({"t": "sub", "topics": ["analytics"]})).await;
        peer.find(|line| line["t"] == "upto" && line["seq"] == head).await;
        heard.push(peer.records.clone());
    }
    let tickets =
        |records: &[Value]| records.iter().map(|record| record["ticket"].as_u64().unwrap()).collect::<Vec<_>>();
    assert!(tickets(&heard[1]).iter().all(|ticket| *ticket == 1));
    assert_eq!(heard[1].last().unwrap()["patch"]["subject"], "was mine", "what was mine still is heard of");
    assert!(tickets(&heard[2]).iter().all(|ticket| *ticket == 2));
    assert!(heard[0].iter().all(|record| record["patch"].get("tags").is_none() || record["version"] == 1));
    for (name, heard) in names.iter().zip(&heard) {
        let mut peer = app.peer(&token).await;
        let epoch = app.journal.epoch();
        peer.send(json!({"t": "hello", "v": 1, "client": "c", "epoch": epoch, "after": 0, "topics": [name]})).await;
        peer.find(|line| line["t"] == "upto" && line["seq"] == head).await;
        assert_eq!(&peer.records, heard, "{name}");
    }
    app.stop().await;
}

/// S65: presence tells who looks at a ticket; a lost session is away within 10 seconds.
#[actix_web::test]
async fn s65_presence_comes_and_goes() {
    let app = TestApp::start().await;
    app.ticket("One", json!({})).await;
    let (kim, token) = app.user("kim", "agent").await;
    let mut watcher = app.live_peer(ADMIN, &["presence"]).await;
    let mut looker = app.live_peer(&token, &[]).await;
    let users = |state: &str| json!([{"user": kim, "state": state}]);
    looker.send(json!({"t": "presence", "ticket": 1, "state": "viewing"})).await;
    let seen = watcher.expect("presence").await;
    assert_eq!((&seen["ticket"], &seen["users"]), (&json!(1), &users("viewing")));
    looker.send(json!({"t": "presence", "ticket": 1, "state": "typing"})).await;
    assert_eq!(watcher.expect("presence").await["users"], users("typing"));
    app.clock.advance(15_000);
    assert_eq!(watcher.expect("presence").await["users"], users("viewing"), "typing ends by itself");
    let mut late = app.live_peer(ADMIN, &["ticket:1"]).await;
    assert_eq!(late.expect("presence").await["users"], users("viewing"), "a newcomer is told");
    drop(looker);
    app.until("the session is gone", async || app.desk.shared.sessions.load(std::sync::atomic::Ordering::Relaxed) == 2)
        .await;
    // Its presence hears of the end a moment after the socket; the clock is turned until it has.
    app.until("the looker is away", async || {
        app.clock.advance(1_000);
        let turned = app.clock.now_millis();
        app.desk.presence.send(hotdesk::actors::presence::Tick).await.unwrap();
        app.desk.presence.send(hotdesk::actors::presence::GetOnline).await.unwrap() == 1 && turned > 0
    })
    .await;
    app.clock.advance(8_000);
    app.desk.presence.send(hotdesk::actors::presence::Tick).await.unwrap();
    assert_eq!(watcher.expect("presence").await["users"], json!([]));
    app.stop().await;
}

/// S73: whoever has the topic `desk` hears that something beside the tickets changed, and which.
#[actix_web::test]
async fn s73_changes_beside_the_tickets_are_told() {
    let app = TestApp::start().await;
    let mut peer = app.live_peer(ADMIN, &["desk"]).await;
    let first = peer.expect("desk").await;
    let mut last = first.clone();
    let body = json!({"kind": "macro", "name": "Thanks", "team": null, "body": "Thank you."});
    assert_eq!(app.call("PUT", "/api/v1/shared/thanks", body).await.0, 201);
    let mut changed = async || {
        let now = peer.expect("desk").await;
        let before = std::mem::replace(&mut last, now.clone());
        let kinds = ["shared", "people", "settings"];
        kinds.into_iter().filter(|kind| now[kind] != before[kind]).collect::<Vec<_>>()
    };
    assert_eq!(changed().await, ["shared"]);
    app.user("kim", "agent").await;
    assert_eq!(changed().await, ["people"]);
    let form = json!({"request_form": {"open": true, "title": "", "intro": ""}});
    assert_eq!(app.call("PUT", "/api/v1/settings", form).await.0, 200);
    assert_eq!(changed().await, ["settings"]);
    assert_eq!(app.request("DELETE", "/api/v1/shared/thanks").send().await.unwrap().status(), 204);
    assert_eq!(changed().await, ["shared"]);
    let mut late = app.live_peer(ADMIN, &["desk"]).await;
    assert_eq!(late.expect("desk").await, last, "a newcomer is told where things stand");
    app.stop().await;
}

/// S66: a server that leaves says when to come back, refuses new sockets, and closes with 1001.
#[actix_web::test]
async fn s66_a_leaving_server_says_so() {
    let app = TestApp::start().await;
    let mut peer = app.live_peer(ADMIN, &["board"]).await;
    app.desk.shared.draining.store(true, std::sync::atomic::Ordering::SeqCst);
    for hub in app.desk.hubs.read().iter() {
        hub.drain(1_000, 500);
    }
    let drain = peer.expect("drain").await;
    assert_eq!((&drain["after_ms"], &drain["jitter_ms"]), (&json!(1_000), &json!(500)));
    let (status, problem) = crate::support::answer(
        app.request("GET", "/api/v1/ws")
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    )
    .await;
    assert_eq!((status, &problem["code"]), (503, &json!("unavailable")));
    for hub in app.desk.hubs.read().iter() {
        hub.close_all();
    }
    assert_eq!(peer.find(|line| line["t"] == "close").await, close(1001));
    app.stop().await;
}

/// S67: a reader that does not read costs a bounded amount: nothing is queued for it, the others are not held up, and when it
/// reads again it gets every record once.
#[actix_web::test]
async fn s67_a_reader_that_does_not_read_misses_nothing() {
    let app = TestApp::with(|config| config.feed.bytes = 200_000).await;
    let mut slow = app.live_peer(ADMIN, &["board"]).await;
    let mut quick = app.live_peer(ADMIN, &["board"]).await;
    let mut writer = app.live_peer(ADMIN, &[]).await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let body = "y".repeat(20_000);
    for number in 0..100 {
        let message = json!({"type": "message", "body": body, "visibility": "internal"});
        let answer = writer.command(&format!("m-{number}"), Some(ticket), message).await;
        assert_eq!(answer["t"], "ok", "{answer}");
    }
    let head = app.desk.feed.head().get();
    quick.read_to(head).await;
    assert_eq!(quick.seqs(), (1..=head).collect::<Vec<_>>());
    assert!(app.desk.feed.bytes() <= 200_000 + 25_000, "the ring is bounded");
    slow.read_to(head).await;
    assert_eq!(slow.seqs(), (1..=head).collect::<Vec<_>>());
    app.stop().await;
}

/// S68: without or with wrong credentials there is no handshake; a cookie from a foreign page is refused too.
#[actix_web::test]
async fn s68_the_handshake_needs_a_sign_in() {
    let app = TestApp::start().await;
    let upgrade = |request: reqwest::RequestBuilder| {
        request
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    let client = crate::support::http_client();
    let url = format!("http://{}/api/v1/ws", app.address);
    assert_eq!(crate::support::answer(upgrade(client.get(&url))).await.0, 401);
    assert_eq!(crate::support::answer(upgrade(client.get(&url).bearer_auth("wrong"))).await.0, 401);
    app.stop().await;
}

/// S56: a ticket or a version beside a command that has none is refused.
#[actix_web::test]
async fn s56_what_means_nothing_is_refused() {
    let app = TestApp::start().await;
    app.ticket("One", json!({})).await;
    let mut peer = app.live_peer(ADMIN, &[]).await;
    let create =
        json!({"type": "create", "subject": "s", "body": "b", "requester": {"name": "n", "email": "n@example.org"}});
    for (field, value) in [("ticket", json!(1)), ("expect", json!(99))] {
        for command in [&create, &json!({"type": "claim_next"})] {
            let mut message = json!({"t": "cmd", "id": "c", "do": command});
            message[field] = value.clone();
            peer.send(message).await;
            let refused = peer.expect("err").await;
            assert_eq!((&refused["id"], &refused["code"]), (&json!("c"), &json!("invalid_field")), "{refused}");
            assert_eq!(refused["errors"][0]["pointer"], format!("/{field}"));
        }
    }
    assert_eq!(app.desk.feed.head().get(), 1);
    app.stop().await;
}

/// S63: each `sub` and `unsub` is answered by an `upto` of its own, however quickly they follow each other.
#[actix_web::test]
async fn s63_each_sub_has_its_own_upto() {
    let app = TestApp::start().await;
    let mut peer = app.peer(ADMIN).await;
    let lines = [
        json!({"t": "hello", "v": 1, "client": "test", "topics": ["board"]}),
        json!({"t": "sub", "topics": ["queue"]}),
        json!({"t": "sub", "topics": ["mine"]}),
        json!({"t": "unsub", "topics": ["queue"]}),
        json!({"t": "cmd", "id": "last", "do": {"type": "claim_next"}}),
    ];
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    peer.send_raw(Message::text(text)).await;
    let mut uptos = 0;
    while uptos < 4 {
        uptos += usize::from(peer.next().await["t"] == "upto");
    }
    app.stop().await;
}

/// S60: pings and blank lines count as messages.
#[actix_web::test]
async fn s60_empty_messages_count() {
    for flood in [Message::Ping(Vec::new().into()), Message::text("\n"), Message::text("")] {
        let app = TestApp::with(|config| config.session.messages_per_s = 20).await;
        let mut peer = app.live_peer(ADMIN, &[]).await;
        for _ in 0..25 {
            peer.send_raw(flood.clone()).await;
        }
        assert_eq!(peer.expect("err").await["code"], "too_many", "{flood:?}");
        assert_eq!(peer.find(|line| line["t"] == "close").await, close(4129));
        app.stop().await;
    }
}
