//! Attacks on what comes live: sockets, waiting calls and presence that might say what a plain call refuses.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::attacks::{Attack, Cause};
use crate::permission_matrix::private_team;
use crate::support::{ADMIN, TestApp, send};

const SECRET: &str = "SECRET-lawsuit";

struct World {
    app: TestApp,
    insider: String,
    insider_id: String,
    outsider: String,
}

async fn world() -> World {
    let app = TestApp::with(private_team).await;
    let (insider_id, insider) = app.user("ina", "agent").await;
    let (outsider_id, outsider) = app.user("otto", "supervisor").await;
    for (id, team) in [(&insider_id, "legal"), (&outsider_id, "support")] {
        assert_eq!(app.call("PATCH", &format!("/api/v1/users/{id}"), json!({"teams": [team]})).await.0, 200);
    }
    World { app, insider, insider_id, outsider }
}

async fn scoped(app: &TestApp, scopes: Value) -> String {
    let (status, made) = app.call("POST", "/api/v1/tokens", json!({"name": "narrow", "scopes": scopes})).await;
    assert_eq!(status, 201, "{made}");
    made["token"].as_str().unwrap().to_owned()
}

/// X34: a call that waits for news is not woken by what happens out of sight, and has nothing of it when it is answered.
#[actix_web::test]
async fn x34_waiting_calls_hear_nothing_of_hidden_tickets() {
    let attack = Attack::by(Cause::Realtime);
    let w = world().await;
    let hidden = w.app.ticket(SECRET, json!({"team": "legal"})).await["id"].clone();
    for topics in ["board", "queue", "mine,board", &format!("ticket:{hidden},board"), ""] {
        attack.tried();
        let head = w.app.desk.feed.head();
        let asked = if topics.is_empty() { String::new() } else { format!("&topics={topics}") };
        let path = format!("/api/v1/events?after={head}&wait=20{asked}");
        let waiting = send(w.app.anonymous("GET", &path).bearer_auth(&w.outsider));
        let happening = async {
            let path = format!("/api/v1/tickets/{hidden}");
            for priority in ["low", "high"] {
                assert_eq!(w.app.call_as(&w.insider, "PATCH", &path, json!({"priority": priority})).await.0, 200);
            }
            w.app.ticket("Public", json!({})).await["id"].clone()
        };
        let (waited, public) = tokio::join!(waiting, happening);
        assert!(!waited.text.contains(SECRET), "{topics}: {}", waited.text);
        let records = waited.body["records"].as_array().unwrap();
        assert!(
            !records.is_empty() && records.iter().all(|record| record["ticket"] == public),
            "{topics}: {}",
            waited.text
        );
    }
    w.app.stop().await;
}

/// X31: a socket does no more than its token: without the right to read tickets no topic brings one, as no call does.
#[actix_web::test]
async fn x31_a_socket_is_no_wider_than_its_token() {
    let attack = Attack::by(Cause::Realtime);
    let app = TestApp::start().await;
    let id = app.ticket(SECRET, json!({})).await["id"].as_u64().unwrap();
    for scopes in [json!(["tokens_own"]), json!(["audit_read"]), json!(["users_manage", "tokens_own"])] {
        let token = scoped(&app, scopes).await;
        assert_eq!(app.call_as(&token, "GET", "/api/v1/tickets", Value::Null).await.0, 403);
        for topics in [
            json!(["board"]),
            json!(["queue"]),
            json!([format!("ticket:{id}")]),
            json!(["mine"]),
            json!(["analytics"]),
            json!(["presence"]),
        ] {
            attack.tried();
            let mut request = format!("ws://{}/api/v1/ws", app.address).into_client_request().unwrap();
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
            request.headers_mut().insert("sec-websocket-protocol", "hotdesk.v1".parse().unwrap());
            if tokio_tungstenite::connect_async(request).await.is_err() {
                continue;
            }
            let mut peer = app.peer(&token).await;
            peer.send(json!({"t": "hello", "v": 1, "client": "c", "after": 0, "topics": topics})).await;
            peer.send(json!({"t": "cmd", "id": "probe", "ticket": id, "do": {"type": "claim"}})).await;
            let mut said = String::new();
            loop {
                let line = peer.next().await;
                said.push_str(&line.to_string());
                if line["t"] == "close" || line["id"] == "probe" {
                    assert!(line["t"] == "close" || line["code"] == "forbidden", "{line}");
                    break;
                }
            }
            assert!(!said.contains(SECRET) && !said.contains("\"t\":\"rec\""), "{topics}: {said}");
            assert!(!said.contains("\"backlog\""), "{topics}: {said}");
        }
    }
    app.stop().await;
}

/// X133: where a colleague is who works at a hidden ticket is told to nobody outside: not by presence, not by a call, not by figures.
#[actix_web::test]
async fn x133_nobody_outside_hears_who_is_at_a_hidden_ticket() {
    let attack = Attack::by(Cause::Realtime);
    let w = world().await;
    let hidden = w.app.ticket(SECRET, json!({"team": "legal"})).await["id"].as_u64().unwrap();
    let public = w.app.ticket("Public", json!({})).await["id"].as_u64().unwrap();
    let mut outside =
        w.app.live_peer(&w.outsider, &["presence", "analytics", "board", &format!("ticket:{hidden}")]).await;
    let mut ina = w.app.live_peer(&w.insider, &["presence"]).await;
    ina.send(json!({"t": "presence", "ticket": hidden, "state": "typing"})).await;
    let told = |line: &Value, ticket: u64| line["t"] == "presence" && line["ticket"] == ticket;
    ina.find(|line| told(line, hidden)).await;
    let at_work = async |token: &str| {
        let figures = w.app.call_as(token, "GET", "/api/v1/analytics/live", Value::Null).await.1;
        figures["agents"][&w.insider_id].clone()
    };
    w.app.until("the members' figures say where she is", async || at_work(ADMIN).await["ticket"] == hidden).await;
    attack.tried();
    let seen = at_work(&w.outsider).await;
    assert!(seen["ticket"].is_null(), "{seen}");
    attack.tried();
    let by_call = w.app.call_as(&w.outsider, "POST", "/api/v1/presence", json!({"client": "x"})).await.1;
    assert!(!by_call.to_string().contains(&w.insider_id), "{by_call}");
    attack.tried();
    outside.send(json!({"t": "presence", "ticket": hidden, "state": "viewing"})).await;
    let refused = outside.find(|line| line["t"] == "err").await;
    assert_eq!(refused["code"], "not_found");
    // She goes on to a public one: that, and nothing before, is told.
    attack.tried();
    ina.send(json!({"t": "presence", "ticket": public, "state": "viewing"})).await;
    let mut said = Vec::new();
    outside
        .find(|line| {
            said.push(line.clone());
            told(line, public)
        })
        .await;
    for line in &said {
        assert!(!told(line, hidden), "{line}");
        let ticket = &line["agents"][&w.insider_id]["ticket"];
        assert!(ticket.is_null() || ticket == public, "{line}");
    }
    w.app.stop().await;
}

/// X18, X39: a token whose time is over ends its socket and its waiting calls as it ends plain ones.
#[actix_web::test]
async fn x39_an_expired_token_ends_its_socket() {
    let attack = Attack::by(Cause::Realtime);
    let app = TestApp::start().await;
    let body = json!({"name": "short", "expires_at": "2026-11-23T09:00:00Z"});
    let (status, made) = app.call("POST", "/api/v1/tokens", body).await;
    assert_eq!(status, 201, "{made}");
    let token = made["token"].as_str().unwrap();
    let mut peer = app.live_peer(token, &["board"]).await;
    let waiting = send(app.anonymous("GET", "/api/v1/events?after=0&wait=30").bearer_auth(token));
    let ending = async {
        app.clock.advance(3_600_001);
        attack.tried();
        assert_eq!(app.call_as(token, "GET", "/api/v1/me", Value::Null).await.0, 401);
        app.ticket("Afterwards", json!({})).await;
        attack.tried();
        assert_eq!(peer.find_or_close().await, json!({"t": "close", "code": 4001}));
        assert!(peer.records.is_empty(), "{:?}", peer.records);
    };
    let (waited, ()) = tokio::join!(waiting, ending);
    attack.tried();
    assert!(!waited.text.contains("Afterwards"), "{}", waited.text);
    app.stop().await;
}

/// X33: a command that REST refuses is refused by the socket in the same code, by every way of writing it, and changes nothing.
#[actix_web::test]
async fn x33_the_socket_refuses_what_rest_refuses() {
    let attack = Attack::by(Cause::Realtime);
    let w = world().await;
    let hidden = w.app.ticket(SECRET, json!({"team": "legal"})).await["id"].as_u64().unwrap();
    let held = w.app.ticket("Held", json!({})).await["id"].as_u64().unwrap();
    let (_, boss) = w.app.user("boss", "admin").await;
    assert_eq!(w.app.call_as(&boss, "POST", &format!("/api/v1/tickets/{held}/claim"), json!({})).await.0, 200);
    let (_, agent) = w.app.user("agent", "agent").await;
    let head = w.app.desk.feed.head();
    let mut peer = w.app.live_peer(&agent, &[]).await;
    for (at, (ticket, path, command)) in [
        (hidden, "claim", json!({"type": "claim"})),
        (held, "claim", json!({"type": "claim"})),
        (held, "release", json!({"type": "release"})),
        (held, "merge", json!({"type": "merge", "into": hidden})),
        (held, "link", json!({"type": "link", "to": hidden, "kind": "related"})),
        (held, "undo", json!({"type": "undo", "command_id": "none"})),
        (hidden, "messages", json!({"type": "message", "body": "x", "visibility": "public"})),
        (hidden, "triage/accept", json!({"type": "triage_accept"})),
        (999_999, "claim", json!({"type": "claim"})),
    ]
    .into_iter()
    .enumerate()
    {
        attack.tried();
        let mut body = command.clone();
        body.as_object_mut().unwrap().remove("type");
        let rest = w.app.call_as(&agent, "POST", &format!("/api/v1/tickets/{ticket}/{path}"), body).await;
        let live = peer.command(&format!("c{at}"), Some(ticket), command.clone()).await;
        assert_eq!(
            (live["t"].as_str(), &live["code"]),
            (Some("err"), &rest.1["code"]),
            "{command} for {ticket}: {live} {rest:?}"
        );
    }
    assert_eq!(w.app.desk.feed.head(), head, "nothing was written");
    let quiet = tokio::time::timeout(Duration::from_millis(1), peer.next()).await;
    assert!(quiet.is_err() || !quiet.unwrap().to_string().contains(SECRET));
    w.app.stop().await;
}
