//! Attacks on what is somebody else's: tickets of a private team by every way in, and realtime that might be weaker than REST.

use serde_json::{Value, json};

use crate::attacks::{Attack, Cause};
use crate::permission_matrix::private_team;
use crate::support::{ADMIN, TestApp, send};

const SECRET: &str = "SECRET-settlement";

struct World {
    app: TestApp,
    /// A member of the private team.
    insider: String,
    insider_id: String,
    outsider: String,
    outsider_id: String,
}

async fn world() -> World {
    let app = TestApp::with(private_team).await;
    let (insider_id, insider) = app.user("ina", "agent").await;
    let (outsider_id, outsider) = app.user("otto", "agent").await;
    for (id, team) in [(&insider_id, "legal"), (&outsider_id, "support")] {
        assert_eq!(app.call("PATCH", &format!("/api/v1/users/{id}"), json!({"teams": [team]})).await.0, 200);
    }
    World { app, insider, insider_id, outsider, outsider_id }
}

impl World {
    async fn legal(&self, subject: &str) -> u64 {
        self.app.ticket(subject, json!({"team": "legal"})).await["id"].as_u64().unwrap()
    }

    async fn reads(&self, token: &str, path: &str) -> String {
        send(self.app.anonymous("GET", path).bearer_auth(token)).await.text
    }
}

/// X34: nothing that lists, searches, sorts, pages or looks back shows a ticket of a private team to somebody outside.
#[actix_web::test]
async fn x34_no_list_and_no_look_back_shows_what_is_hidden() {
    let attack = Attack::by(Cause::Access);
    let w = world().await;
    let hidden = w.legal(SECRET).await;
    let closed = w.legal(&format!("{SECRET} closed")).await;
    let moved = w.app.ticket(&format!("{SECRET} moved"), json!({})).await["id"].as_u64().unwrap();
    let before_move = w.app.desk.feed.head().get();
    for (id, change) in [(closed, json!({"status": "closed"})), (moved, json!({"team": "legal"}))] {
        let (status, body) = w.app.call("PATCH", &format!("/api/v1/tickets/{id}"), change).await;
        assert_eq!(status, 200, "{body}");
    }
    for path in [
        "/api/v1/tickets".to_owned(),
        "/api/v1/tickets?status=closed".to_owned(),
        "/api/v1/tickets?q=secret".to_owned(),
        "/api/v1/tickets?q=settlement&status=closed".to_owned(),
        "/api/v1/tickets?team=legal".to_owned(),
        "/api/v1/tickets?team=legal&team=support&sort=due".to_owned(),
        "/api/v1/tickets?requester=ada@example.org&sort=-updated_at&page[size]=1".to_owned(),
        "/api/v1/tickets?sort=priority".to_owned(),
        "/api/v1/snapshot".to_owned(),
        "/api/v1/snapshot?topics=board,queue".to_owned(),
        format!("/api/v1/snapshot?at={before_move}"),
        "/api/v1/snapshot?at=1".to_owned(),
        "/api/v1/events?after=0".to_owned(),
        format!("/api/v1/events?topics=ticket:{hidden},ticket:{moved}"),
        "/api/v1/events?topics=queue".to_owned(),
        "/api/v1/events?topics=board&limit=1".to_owned(),
        "/api/v1/queue".to_owned(),
    ] {
        attack.tried();
        let own = w.reads(&w.insider, &path).await;
        let foreign = w.reads(&w.outsider, &path).await;
        assert!(!foreign.contains(SECRET), "{path} shows it to somebody outside: {foreign}");
        let told = path.contains("topics=queue") || path.contains("limit=1") || path.contains("size]=1");
        assert!(told || own.contains(SECRET), "{path} hides it from a member: {own}");
        assert!(send(w.app.request("GET", &path)).await.status == 200, "{path}");
    }
    // Whatever was made for one is not given to the other: twice, in both orders, compressed as well.
    for token in [&w.insider, &w.outsider, &w.insider, &w.outsider] {
        attack.tried();
        let snapshot = w.reads(token, "/api/v1/snapshot").await;
        assert_eq!(snapshot.contains(SECRET), *token == w.insider);
        let past = w.reads(token, "/api/v1/snapshot?at=1").await;
        assert_eq!(past.contains(SECRET), *token == w.insider);
    }
    w.app.stop().await;
}

/// X35: a ticket out of sight cannot be reached through another one, by a bulk call, a key, or a claim.
#[actix_web::test]
async fn x35_no_way_round_leads_to_a_hidden_ticket() {
    let attack = Attack::by(Cause::Access);
    let w = world().await;
    let hidden = w.legal(SECRET).await;
    let own = w.app.ticket("Public", json!({})).await["id"].as_u64().unwrap();
    let absent = 999_999;
    let outsider = async |path: String, body: Value| w.app.call_as(&w.outsider, "POST", &path, body).await;
    // Merge, link and unlink answer the same for what is hidden and for what is not there.
    for (action, body) in [
        ("merge", json!({"into": hidden})),
        ("link", json!({"to": hidden, "kind": "related"})),
        ("unlink", json!({"to": hidden, "kind": "related"})),
    ] {
        attack.tried();
        let path = format!("/api/v1/tickets/{own}/{action}");
        let text = |body: &Value| body.to_string();
        let mine = outsider(path.clone(), body.clone()).await;
        let theirs: Value =
            serde_json::from_str(&text(&body).replace(&hidden.to_string(), &absent.to_string())).unwrap();
        let nothing = outsider(path, theirs).await;
        assert_eq!(mine, nothing, "{action}");
        assert_eq!(mine.0, 422, "{action}");
    }
    for body in [json!({"into": hidden}), json!({"into": own})] {
        attack.tried();
        let (status, body) = outsider(format!("/api/v1/tickets/{hidden}/merge"), body).await;
        assert_eq!((status, &body["code"]), (404, &json!("not_found")));
    }
    let (_, claimed) = outsider("/api/v1/queue/claim".to_owned(), json!({"team": "legal"})).await;
    assert!(claimed.is_null(), "{claimed}");
    let (_, all) = outsider(
        "/api/v1/tickets/bulk".to_owned(),
        json!({"ids": [own, hidden, absent], "command": {"type": "update", "priority": "low"}}),
    )
    .await;
    assert_eq!(all["outcomes"][0]["ok"], true);
    let error = |index: usize| {
        let mut outcome = all["outcomes"][index].clone();
        outcome["id"] = 0.into();
        outcome
    };
    assert_eq!(error(1), error(2));
    // A version says nothing either.
    for version in ["\"1\"", "\"77\"", "*", "\"1\", \"2\""] {
        attack.tried();
        let request = w.app.anonymous("PATCH", &format!("/api/v1/tickets/{hidden}")).bearer_auth(&w.outsider);
        let reply = send(request.header("if-match", version).json(&json!({"priority": "low"}))).await;
        assert_eq!(reply.refusal(), (404, "not_found"), "{version}");
    }
    let request = w.app.anonymous("GET", &format!("/api/v1/tickets/{hidden}")).bearer_auth(&w.outsider);
    assert_eq!(send(request.header("if-none-match", "\"1\"")).await.refusal(), (404, "not_found"));
    // The administrator cannot be made to hand one over: somebody outside is no holder for it.
    let (status, _) =
        w.app.call("PATCH", &format!("/api/v1/tickets/{hidden}"), json!({"assignee": w.outsider_id})).await;
    assert_eq!(status, 422);
    w.app.stop().await;
}

/// X36: what moves into a private team is gone for those outside at once, its past included; what comes out of it is there.
#[actix_web::test]
async fn x36_a_move_takes_the_past_along() {
    let attack = Attack::by(Cause::Access);
    let w = world().await;
    let id = w.app.ticket(SECRET, json!({})).await["id"].as_u64().unwrap();
    let mut peer = w.app.live_peer(&w.outsider, &["board", &format!("ticket:{id}")]).await;
    let mut member = w.app.live_peer(&w.insider, &["board"]).await;
    let path = format!("/api/v1/tickets/{id}");
    let (status, body) = w.app.call_as(&w.outsider, "PATCH", &path, json!({"priority": "high"})).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(peer.expect("rec").await["version"], 2);
    // The move itself is not sent to those outside; the hash that follows at once is without the ticket.
    let (status, _) = w.app.call("PATCH", &path, json!({"team": "legal", "subject": "SECRET-renamed"})).await;
    assert_eq!(status, 200);
    let seq = w.app.desk.feed.head().get();
    let upto = peer.find(|line| line["t"] == "upto" && line["seq"] == seq).await;
    assert_eq!(upto["board"], "0000000000000000");
    assert_eq!(peer.records.len(), 1, "{:?}", peer.records);
    member.read_to(seq).await;
    for suffix in ["", "/events", "?include=messages"] {
        attack.tried();
        assert_eq!(w.app.call_as(&w.outsider, "GET", &format!("{path}{suffix}"), Value::Null).await.0, 404);
    }
    assert_eq!(w.app.call_as(&w.outsider, "GET", "/api/v1/events?after=0", Value::Null).await.1["records"], json!([]));
    // A replay from before the move brings nothing of it, from memory or from the journal.
    let mut late = w.app.peer(&w.outsider).await;
    late.send(json!({"t": "hello", "v": 1, "client": "late", "after": 0, "topics": ["board"]})).await;
    late.find(|line| line["t"] == "upto" && line["seq"] == seq).await;
    assert!(late.records.is_empty(), "{:?}", late.records);
    // And back again.
    let (status, _) = w.app.call("PATCH", &path, json!({"team": "support"})).await;
    assert_eq!(status, 200);
    assert_eq!(peer.expect("rec").await["version"], 4);
    assert_eq!(w.app.call_as(&w.outsider, "GET", &path, Value::Null).await.0, 200);
    w.app.stop().await;
}

/// X37: a replay out of the journal, behind the ring, hides as much as the ring does, on every topic.
#[actix_web::test]
async fn x37_a_replay_from_the_journal_hides_the_same() {
    let attack = Attack::by(Cause::Realtime);
    let app = TestApp::with(|config| {
        private_team(config);
        config.feed.bytes = 3_000;
    })
    .await;
    let (id, outsider) = app.user("otto", "supervisor").await;
    app.call("PATCH", &format!("/api/v1/users/{id}"), json!({"teams": ["support"]})).await;
    for number in 0..30 {
        let team = if number % 3 == 0 { json!({"team": "legal"}) } else { json!({}) };
        app.ticket(&format!("{} {number}", if number % 3 == 0 { SECRET } else { "Public" }), team).await;
    }
    let head = app.desk.feed.head().get();
    for topics in [json!(["board"]), json!(["queue"]), json!(["ticket:1", "ticket:2"]), json!(["mine", "queue"])] {
        attack.tried();
        let mut peer = app.peer(&outsider).await;
        peer.send(json!({"t": "hello", "v": 1, "client": "c", "after": 0, "topics": topics})).await;
        peer.find(|line| line["t"] == "upto" && line["seq"] == head).await;
        let text = format!("{:?}", peer.records);
        assert!(!text.contains(SECRET) && text.contains("Public"), "{topics}: {text}");
    }
    app.stop().await;
}

/// X38: whoever is taken out of a team sees nothing of it any more, inside the open socket, within a second and without a
/// record in between; whoever is let in sees it.
#[actix_web::test]
async fn x38_leaving_a_team_takes_effect_inside_the_stream() {
    let _attack = Attack::by(Cause::Realtime);
    let w = world().await;
    let id = w.legal(SECRET).await;
    let mut peer = w.app.live_peer(&w.insider, &["board"]).await;
    w.app.call("PATCH", &format!("/api/v1/tickets/{id}"), json!({"priority": "high"})).await;
    assert_eq!(peer.expect("rec").await["ticket"], id);
    let began = std::time::Instant::now();
    let user = format!("/api/v1/users/{}", w.insider_id);
    assert_eq!(w.app.call("PATCH", &user, json!({"teams": ["support"]})).await.0, 200);
    let hash = w.app.call_as(&w.insider, "GET", "/api/v1/snapshot", Value::Null).await.1["board_hash"].clone();
    assert_eq!(hash, "0000000000000000");
    peer.find(|line| line["t"] == "upto" && line["board"] == hash).await;
    assert!(began.elapsed() < std::time::Duration::from_secs(1), "{:?}", began.elapsed());
    w.app.call("PATCH", &format!("/api/v1/tickets/{id}"), json!({"priority": "low"})).await;
    let public = w.app.ticket("Public", json!({})).await["id"].clone();
    let record = peer.expect("rec").await;
    assert_eq!(record["ticket"], public, "nothing of the ticket after the withdrawal: {record}");
    let refused = peer.command("1", Some(id), json!({"type": "update", "priority": "urgent"})).await;
    assert_eq!(refused["code"], "not_found");
    // Nobody says a word: the hash tells the client within a second all the same.
    assert_eq!(w.app.call("PATCH", &user, json!({"teams": ["legal"]})).await.0, 200);
    let whole = w.app.get("/api/v1/snapshot").await["board_hash"].clone();
    peer.find(|line| line["t"] == "upto" && line["board"] == whole).await;
    w.app.stop().await;
}

/// X39: a token, a role or a user that is withdrawn ends the stream before the next record, and waiting calls with it.
#[actix_web::test]
async fn x39_what_is_withdrawn_ends_the_stream() {
    let attack = Attack::by(Cause::Realtime);
    let w = world().await;
    let (boss_id, boss) = w.app.user("boss", "supervisor").await;
    for (token, path, body, code) in [
        (&boss, format!("/api/v1/users/{boss_id}"), json!({"role": "agent"}), 4003),
        (&w.outsider, format!("/api/v1/users/{}", w.outsider_id), json!({"active": false}), 4001),
    ] {
        attack.tried();
        let mut peer = w.app.live_peer(token, &["board"]).await;
        let waiting = send(w.app.anonymous("GET", "/api/v1/events?after=0&wait=30&topics=mine").bearer_auth(token));
        let withdrawal = async {
            assert_eq!(w.app.call("PATCH", &path, body).await.0, 200);
            w.app.ticket("Afterwards", json!({})).await;
            let line = peer.find_or_close().await;
            assert_eq!(line, json!({"t": "close", "code": code}));
        };
        let (waited, ()) = tokio::join!(waiting, withdrawal);
        assert!([200, 401, 403].contains(&waited.status), "{}", waited.text);
        assert!(!waited.text.contains("Afterwards"), "{}", waited.text);
    }
    let mut peer = w.app.live_peer(ADMIN, &["board"]).await;
    peer.send(json!({"t": "hello", "v": 1, "client": "again", "topics": []})).await;
    assert_eq!(peer.expect("err").await["code"], "unknown_message");
    w.app.stop().await;
}
