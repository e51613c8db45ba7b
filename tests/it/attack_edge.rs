//! Attacks on the edge itself: floods, trickles, other sites' pages, caches between, headers that lie.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::attacks::{Attack, Cause};
use crate::support::{ADMIN, TestApp, send};

/// X50: strangers are limited by address, with words for it; a good token from the same address is not held up by them.
#[actix_web::test]
async fn x50_strangers_are_limited_and_tokens_are_not() {
    let attack = Attack::by(Cause::Abuse);
    let app = TestApp::with(|config| {
        config.limits.anonymous_calls_per_s = 1;
        config.limits.anonymous_burst = 5;
    })
    .await;
    let paths = ["/api/v1/me", "/api/v1/openapi.json", "/api/v1/nothing-of-the-sort?x=1", "/api/v1/tickets"];
    let mut limited = 0;
    for round in 0..20 {
        attack.tried();
        let reply = send(app.anonymous("GET", paths[round % paths.len()]).bearer_auth(format!("guess-{round}"))).await;
        if reply.status == 429 {
            limited += 1;
            assert_eq!(reply.refusal(), (429, "too_many"));
            assert!((1..=5).contains(&reply.header("retry-after").parse::<u64>().unwrap()));
            assert!(reply.header("ratelimit").contains("r=0"), "{}", reply.header("ratelimit"));
        } else if reply.status == 401 {
            assert!(reply.header("ratelimit").starts_with("\"anonymous\";r="));
            assert_eq!(reply.header("ratelimit-policy"), "\"anonymous\";q=5;w=1");
        }
    }
    assert!(limited >= 8, "{limited}");
    for _ in 0..50 {
        assert_eq!(app.call("GET", "/api/v1/me", Value::Null).await.0, 200);
    }
    // Machines that look after the desk are never told to wait.
    for _ in 0..20 {
        assert_eq!(send(app.anonymous("GET", "/healthz/live")).await.status, 200);
        assert_eq!(send(app.anonymous("GET", "/")).await.status, 200);
    }
    app.stop().await;

    let app = TestApp::with(|config| config.limits.calls_per_s = 5).await;
    let (_, other) = app.user("other", "agent").await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        attack.tried();
        statuses.push(send(app.request("GET", "/api/v1/me")).await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(app.call_as(&other, "GET", "/api/v1/me", Value::Null).await.0, 200, "each credential has its own");
    app.stop().await;
}

/// X8, X23: no page of another site changes anything with somebody's cookie, by HTTP or by socket, however it is said.
#[actix_web::test]
async fn x23_no_other_site_uses_the_cookie() {
    let attack = Attack::by(Cause::SignIn);
    let app = TestApp::start().await;
    let body = json!({"email": "ann@example.org", "name": "Ann", "role": "agent", "password": "correct horse"});
    app.call("POST", "/api/v1/users", body).await;
    let signing = json!({"email": "ann@example.org", "password": "correct horse"});
    let cookie = send(app.anonymous("POST", "/api/v1/session").json(&signing)).await.cookie();
    let ticket = json!({"subject": "s", "body": "b", "requester": {"name": "n", "email": "n@example.org"}});
    let host = app.address.to_string();
    for (name, value) in [
        ("origin", "https://evil.example".to_owned()),
        ("origin", "null".to_owned()),
        ("origin", format!("http://{host}.evil.example")),
        ("origin", format!("http://evil.example/{host}")),
        ("origin", format!("http://user@{host}")),
        ("origin", "http://127.0.0.1:1".to_owned()),
        ("origin", "file://".to_owned()),
        ("origin", String::new()),
        ("sec-fetch-site", "cross-site".to_owned()),
        ("sec-fetch-site", "same-site".to_owned()),
    ] {
        for (method, path) in
            [("POST", "/api/v1/tickets"), ("DELETE", "/api/v1/session"), ("POST", "/api/v1/queue/claim")]
        {
            attack.tried();
            let request = app.anonymous(method, path).header("cookie", &cookie).header(name, &value);
            assert_eq!(send(request.json(&ticket)).await.refusal(), (403, "foreign_origin"), "{path} {name}: {value}");
        }
        let socket = app.anonymous("GET", "/api/v1/ws").header("cookie", &cookie).header(name, &value);
        let socket = socket
            .header("upgrade", "websocket")
            .header("connection", "upgrade")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(send(socket).await.refusal(), (403, "foreign_origin"), "{name}: {value}");
        // Nor does it sign somebody in as somebody else.
        let signing = app.anonymous("POST", "/api/v1/session").header(name, &value).json(&signing);
        assert_eq!(send(signing).await.refusal(), (403, "foreign_origin"), "{name}: {value}");
    }
    // A form cannot send what the desk takes.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        attack.tried();
        let request = app.anonymous("POST", "/api/v1/tickets").header("cookie", &cookie).header("content-type", kind);
        assert_eq!(send(request.body(ticket.to_string())).await.status, 415, "{kind}");
    }
    let own =
        app.anonymous("POST", "/api/v1/tickets").header("cookie", &cookie).header("origin", format!("http://{host}"));
    assert_eq!(send(own.json(&ticket)).await.status, 201);
    // No answer ever allows another site to read it.
    for method in ["GET", "OPTIONS"] {
        attack.tried();
        let reply = send(app.anonymous(method, "/api/v1/me").header("origin", "https://evil.example")).await;
        assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{:?}", reply.headers);
    }
    app.stop().await;
}

/// X55, X72: what is data is kept by nobody, what is a page runs nothing but its own, and no answer is taken for another's.
#[actix_web::test]
async fn x55_nobody_keeps_data_and_pages_run_their_own() {
    let attack = Attack::by(Cause::Caches);
    let app = TestApp::start().await;
    let id = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let (_, agent) = app.user("agent", "agent").await;
    for path in [
        "/api/v1/me".to_owned(),
        "/api/v1/tickets".to_owned(),
        format!("/api/v1/tickets/{id}"),
        format!("/api/v1/tickets/{id}/events"),
        "/api/v1/snapshot".to_owned(),
        "/api/v1/events".to_owned(),
        "/api/v1/queue".to_owned(),
        "/api/v1/users".to_owned(),
        "/api/v1/audit/export".to_owned(),
        "/api/v1/nothing".to_owned(),
        "/metrics".to_owned(),
        "/healthz/ready".to_owned(),
        "/".to_owned(),
        "/tickets/1".to_owned(),
    ] {
        attack.tried();
        let reply = send(app.request("GET", &path)).await;
        assert_eq!(reply.header("cache-control"), "no-store", "{path}");
        assert_eq!(reply.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert!(reply.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(reply.header("permissions-policy").contains("camera=()"), "{path}");
        assert!(reply.header("server").is_empty() && reply.header("x-powered-by").is_empty(), "{path}");
    }
    // A cache that leaves out the sign-in, or that is fooled about the address, gets nothing that is worth keeping.
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("x-original-url", "/api/v1/users"),
        ("x-rewrite-url", "/api/v1/users"),
        ("x-http-method-override", "DELETE"),
        ("x-forwarded-prefix", "/evil"),
        ("range", "bytes=0-10"),
    ] {
        attack.tried();
        let reply = send(app.request("GET", "/api/v1/me").header(name, value)).await;
        assert_eq!((reply.status, &reply.body["role"]), (200, &json!("admin")), "{name}");
        assert!(!reply.text.contains("evil"), "{name}");
    }
    for path in
        ["/api/v1/me/x.css", "/api/v1/me;.js", "/api/v1/me%2f..%2f.css", "/api/v1/me/..%2f..", "/api/v1/users/.js"]
    {
        attack.tried();
        let reply = send(app.request("GET", path)).await;
        assert!([404, 405].contains(&reply.status), "{path}: {}", reply.status);
        assert_eq!(reply.header("cache-control"), "no-store", "{path}");
    }
    let tag = send(app.request("GET", &format!("/api/v1/tickets/{id}"))).await.header("etag").to_owned();
    let unchanged = app.anonymous("GET", &format!("/api/v1/tickets/{id}")).header("if-none-match", &tag);
    assert_eq!(send(unchanged).await.status, 401, "a tag is no sign-in");
    let known = app.anonymous("GET", "/api/v1/me").bearer_auth(&agent).header("if-none-match", "*");
    assert_eq!(send(known).await.body["name"], "agent");
    // The page's number is another one each time, and what stands in the address never stands in the page.
    let (one, two) = (send(app.anonymous("GET", "/")).await, send(app.anonymous("GET", "/")).await);
    if one.text.contains("<script") {
        assert_ne!(one.header("content-security-policy"), two.header("content-security-policy"));
        assert!(one.header("content-security-policy").contains("script-src 'nonce-"));
        assert_eq!(one.text.matches("<script").count(), one.text.matches("<script nonce=\"").count());
    }
    for path in ["/%3Cscript%3Ealert(1)%3C/script%3E", "/tickets/%22onload=alert(1)", "/?q=%3Cimg%20src=x%3E"] {
        attack.tried();
        let page = send(app.anonymous("GET", path)).await;
        assert!(!page.text.contains("alert(1)") && !page.text.contains("<img src=x>"), "{path}");
    }
    app.stop().await;
}

/// X53: only a trusted proxy says that a request came by plain HTTP; it is sent on to the same address, and nowhere else.
#[actix_web::test]
async fn x53_plain_http_is_sent_on() {
    let attack = Attack::by(Cause::Injection);
    let app = TestApp::with(|config| {
        config.server.trusted_proxies = vec!["127.0.0.1".to_owned()];
        config.server.redirect_to_https = true;
    })
    .await;
    let raw = async |host: &str, path: &str, proto: &str| {
        let ask =
            format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nx-forwarded-proto: {proto}\r\nconnection: close\r\n\r\n");
        exchange(&app, ask.as_bytes()).await
    };
    let moved = raw("desk.example.org:80", "/tickets/7?x=1", "http").await;
    assert!(
        moved.starts_with("HTTP/1.1 308") && moved.contains("location: https://desk.example.org/tickets/7?x=1\r\n"),
        "{moved}"
    );
    let secure = raw("desk.example.org", "/", "https").await;
    assert!(secure.starts_with("HTTP/1.1 200") && secure.contains("strict-transport-security: max-age="), "{secure}");
    assert!(raw("desk.example.org", "/healthz/live", "http").await.starts_with("HTTP/1.1 200"));
    for host in ["evil.example\\@good", "a b", "x/../y", "<script>"] {
        attack.tried();
        let reply = raw(host, "/", "http").await;
        assert!(!reply.contains(&format!("location: https://{host}")), "{reply}");
    }
    app.stop().await;

    let app = TestApp::with(|config| config.server.redirect_to_https = true).await;
    let ask = b"GET / HTTP/1.1\r\nhost: desk\r\nx-forwarded-proto: http\r\nconnection: close\r\n\r\n";
    assert!(exchange(&app, ask).await.starts_with("HTTP/1.1 200"), "a stranger's header moves nothing");
    let ask = b"GET / HTTP/1.1\r\nhost: desk\r\nx-forwarded-proto: https\r\nconnection: close\r\n\r\n";
    assert!(!exchange(&app, ask).await.contains("strict-transport-security"));
    app.stop().await;
}

/// Sends bytes and reads whatever comes until the end, at most 20 seconds.
pub async fn exchange(app: &TestApp, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    // The server may hang up before everything was said.
    let _ = socket.write_all(bytes).await;
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), socket.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "the connection stays open after {}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

/// What a slow client sends at once, what it sends again and again, and whether it reads.
struct Trickle {
    name: &'static str,
    first: String,
    then: &'static [u8],
    reads: bool,
}

fn trickles() -> Vec<Trickle> {
    let token = format!("authorization: Bearer {ADMIN}\r\ncontent-type: application/json\r\n");
    let trickle = |name, first: String, then, reads| Trickle { name, first, then, reads };
    vec![
        trickle("a slow head", "GET / HTTP/1.1\r\nhost: desk\r\n".into(), b"x: y\r\n", true),
        trickle("a head that never begins", String::new(), b"", true),
        trickle(
            "a slow second head",
            "GET /healthz/live HTTP/1.1\r\nhost: desk\r\n\r\nGET / HTTP/1.1\r\nhost: desk\r\n".into(),
            b"x: y\r\n",
            true,
        ),
        trickle(
            "a slow body",
            format!("POST /api/v1/tickets HTTP/1.1\r\nhost: desk\r\n{token}content-length: 90000\r\n\r\n{{"),
            b" ",
            true,
        ),
        trickle(
            "a slow body in chunks",
            format!("POST /api/v1/tickets HTTP/1.1\r\nhost: desk\r\n{token}transfer-encoding: chunked\r\n\r\n"),
            b"1\r\n \r\n",
            true,
        ),
        trickle(
            "a stranger's slow body",
            "POST /api/v1/tickets HTTP/1.1\r\nhost: desk\r\ncontent-length: 90000\r\n\r\n{".into(),
            b" ",
            true,
        ),
        trickle("a slow reader", "GET /api/v1/openapi.json HTTP/1.1\r\nhost: desk\r\n\r\n".into(), b"", false),
    ]
}

/// Goes on until the server hangs up; gives how long that took.
async fn until_cut(address: std::net::SocketAddr, trickle: &Trickle, patience: Duration) -> Option<Duration> {
    let socket = TcpSocket::new_v4().unwrap();
    if !trickle.reads {
        socket.set_recv_buffer_size(2048).unwrap();
    }
    let mut socket = socket.connect(address).await.unwrap();
    let began = Instant::now();
    if socket.write_all(trickle.first.as_bytes()).await.is_err() {
        return Some(began.elapsed());
    }
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    let mut some = vec![0; if trickle.reads { 4096 } else { 1 }];
    while began.elapsed() < patience {
        beat.tick().await;
        // What lies in its own buffer a reader may go on reading; that the line is dead it hears at once.
        if socket.take_error().unwrap().is_some() {
            return Some(began.elapsed());
        }
        if !trickle.then.is_empty() && socket.write_all(trickle.then).await.is_err() {
            return Some(began.elapsed());
        }
        let read = tokio::time::timeout(Duration::from_millis(1), socket.read(&mut some)).await;
        if matches!(read, Ok(Ok(0) | Err(_))) {
            return Some(began.elapsed());
        }
    }
    None
}

/// X54: whatever trickles is cut soon, and the desk serves meanwhile.
#[actix_web::test]
async fn x54_what_trickles_is_cut() {
    let attack = Attack::by(Cause::Abuse);
    let app = TestApp::with(|config| {
        config.limits.head_timeout_ms = 400;
        config.limits.body_timeout_ms = 400;
        config.limits.slow_reader_ms = 400;
        config.limits.keep_alive_ms = 400;
        config.limits.send_buffer_bytes = 4096;
    })
    .await;
    let address = app.address;
    let attacks: Vec<_> = trickles()
        .into_iter()
        .flat_map(|trickle| {
            let trickle = Arc::new(trickle);
            (0..4).map(move |_| Arc::clone(&trickle))
        })
        .map(|trickle| async move {
            let cut = until_cut(address, &trickle, Duration::from_secs(8)).await;
            (trickle.name, cut)
        })
        .collect();
    let serving = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..60 {
            let began = Instant::now();
            assert_eq!(app.call("GET", "/api/v1/me", Value::Null).await.0, 200);
            slowest = slowest.max(began.elapsed());
        }
        slowest
    };
    let (cuts, slowest) = tokio::join!(futures_util::future::join_all(attacks), serving);
    for (name, cut) in &cuts {
        attack.tried();
        assert!(cut.is_some(), "{name} was not cut within 8 seconds, though every limit is 0.4: {cuts:?}");
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    app.stop().await;
}

/// The same with the limits as they are, 400 connections: `HOTDESK_MEASURE=1 cargo test --test it measure_`.
#[actix_web::test]
async fn measure_slow_connections_with_the_default_limits() {
    if std::env::var_os("HOTDESK_MEASURE").is_none() {
        return;
    }
    hotdesk::app::serve::raise_open_files(2_000);
    // The limit of calls would spare the slow readers their answer.
    let app = TestApp::with(|config| config.limits.anonymous_burst = 100_000).await;
    let address = app.address;
    let all: Vec<Arc<Trickle>> = trickles().into_iter().map(Arc::new).collect();
    let attacks = (0..400).map(|index| {
        let trickle = Arc::clone(&all[index % all.len()]);
        // Each a task of its own: together in one they would starve each other.
        let attack = async move { (trickle.name, until_cut(address, &trickle, Duration::from_secs(30)).await) };
        let attack = actix_rt::spawn(attack);
        async move { attack.await.unwrap() }
    });
    let serving = async {
        let mut times = Vec::new();
        for _ in 0..1_500 {
            let began = Instant::now();
            assert_eq!(app.call("GET", "/api/v1/me", Value::Null).await.0, 200);
            times.push(began.elapsed());
        }
        times.sort();
        times[times.len() * 99 / 100]
    };
    // A reader whose window is shut hears of the end only when it has read on: what counts is that the desk holds it no more.
    let emptied = async {
        let began = Instant::now();
        let mut beat = tokio::time::interval(Duration::from_millis(100));
        beat.tick().await;
        while began.elapsed() < Duration::from_secs(2) || app.desk.lines.count() > 1 {
            assert!(began.elapsed() < Duration::from_secs(30), "{} are left", app.desk.lines.count());
            beat.tick().await;
        }
        began.elapsed()
    };
    let (cuts, p99, emptied) = tokio::join!(futures_util::future::join_all(attacks), serving, emptied);
    println!("400 slow connections: the desk held none of them after {emptied:?}");
    assert!(emptied < Duration::from_secs(15), "{emptied:?}");
    for trickle in all.iter().filter(|trickle| trickle.reads) {
        let times = cuts.iter().filter(|(name, _)| *name == trickle.name).map(|(_, cut)| *cut);
        println!("{}: the last one was cut after {:?}", trickle.name, times.clone().max().flatten());
        assert!(times.clone().all(|cut| cut.is_some_and(|cut| cut < Duration::from_secs(15))), "{}", trickle.name);
    }
    println!("others' p99 meanwhile: {p99:?}");
    app.stop().await;
}

/// X52: with a certificate the desk speaks HTTPS, takes a renewed one, and keeps the old one where the new one is no good.
#[actix_web::test]
async fn x52_https_with_a_certificate_that_is_renewed() {
    let _attack = Attack::by(Cause::SignIn);
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    let issue = |name: &str| {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        std::fs::write(&chain, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    };
    let first = issue("desk.example.org");
    let app = TestApp::with(|config| {
        config.server.tls_certificate.clone_from(&chain);
        config.server.tls_key.clone_from(&key);
        config.server.secure_cookies = true;
    })
    .await;
    let ask = async |trusted: &rustls::pki_types::CertificateDer<'static>| -> std::io::Result<String> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpStream::connect(app.address).await?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect("desk.example.org".try_into().unwrap(), socket).await?;
        let ask = "GET /api/v1/openapi.json HTTP/1.1\r\nhost: desk.example.org\r\nconnection: close\r\n\r\n";
        stream.write_all(ask.as_bytes()).await?;
        let mut answer = Vec::new();
        // A server that closes without a farewell has said everything by its length.
        let _ = stream.read_to_end(&mut answer).await;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = ask(&first).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("strict-transport-security: max-age=31536000"));
    assert!(answer.trim_end().ends_with('}'), "the whole document comes over HTTPS too");
    assert!(!exchange(&app, b"GET / HTTP/1.1\r\nhost: desk\r\nconnection: close\r\n\r\n").await.contains("200 OK"));
    app.stop().await;

    let certificate = hotdesk::app::tls::Certificate::read(&chain, &key).unwrap();
    assert!(!certificate.refresh(), "nothing has changed");
    issue("desk.example.org");
    let later = std::time::SystemTime::now() + Duration::from_secs(5);
    std::fs::File::open(&chain).unwrap().set_modified(later).unwrap();
    assert!(certificate.refresh(), "a renewed one is shown");
    std::fs::write(&key, "no key").unwrap();
    assert!(!certificate.refresh(), "one that cannot be used is not");
    assert!(hotdesk::app::tls::Certificate::read(&chain, &key).is_err());
}

/// X57: over HTTPS the desk speaks HTTP/2: many calls on one connection at once, a page's own writes by cookie, and a peer that takes
/// nothing is cut, while one that waits long for an answer is not.
#[actix_web::test]
async fn x57_http_2_carries_many_calls_and_is_watched() {
    let _attack = Attack::by(Cause::Abuse);
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(["desk.example.org".to_owned()]).unwrap();
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let app = TestApp::with(|config| {
        (config.server.tls_certificate, config.server.tls_key) = (chain, key);
        config.server.secure_cookies = true;
        config.limits.slow_reader_ms = 1_000;
        config.limits.keep_alive_ms = 1_000;
    })
    .await;
    let client = || {
        crate::support::http_client_with(|builder| {
            let own = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
            builder.tls_certs_only([own]).resolve("desk.example.org", app.address).no_proxy()
        })
    };
    let url = format!("https://desk.example.org:{}", app.address.port());
    let http = client();
    let ask = |method: &str, path: &str| {
        http.request(method.parse().unwrap(), format!("{url}{path}")).bearer_auth(crate::support::ADMIN)
    };
    // One call waits for three seconds, longer than either limit, while others come and go on the same connection.
    let waiting = ask("GET", "/api/v1/events?after=0&wait=3").send();
    let others = async {
        for _ in 0..20 {
            let calls = (0..8).map(|_| ask("GET", "/api/v1/me").send());
            for answer in futures_util::future::join_all(calls).await {
                let answer = answer.unwrap();
                assert_eq!((answer.status().as_u16(), answer.version()), (200, reqwest::Version::HTTP_2));
            }
        }
    };
    let (waited, ()) = futures_util::future::join(waiting, others).await;
    assert_eq!(waited.unwrap().status(), 200);
    // The page's own write is known by its origin, another page's is not.
    let body = json!({"email": "ann@example.org", "name": "Ann", "role": "agent", "password": "a long password"});
    assert_eq!(ask("POST", "/api/v1/users").json(&body).send().await.unwrap().status(), 201);
    let sign_in = json!({"email": "ann@example.org", "password": "a long password"});
    let sign_in =
        |origin: &str| http.post(format!("{url}/api/v1/session")).header("origin", origin).json(&sign_in).send();
    assert_eq!(sign_in(&url).await.unwrap().status(), 200);
    assert_eq!(sign_in("https://evil.example").await.unwrap().status(), 403);
    // A large answer of which nothing is taken.
    let file = vec![7; 4 << 20];
    let upload =
        ask("POST", "/api/v1/attachments").json(&json!({"name": "f", "bytes": file.len()})).send().await.unwrap();
    let id = upload.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    let sent = ask("PUT", &format!("/api/v1/attachments/{id}/content")).body(file).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    let lazy = client();
    let mut answer = lazy
        .get(format!("{url}/api/v1/attachments/{id}/content"))
        .bearer_auth(crate::support::ADMIN)
        .send()
        .await
        .unwrap();
    let before = app.desk.lines.cut_count();
    app.until("the stuck connection is cut", async || app.desk.lines.cut_count() > before).await;
    let mut broken = false;
    while let Ok(piece) = answer.chunk().await.map_err(|_| broken = true) {
        if piece.is_none() {
            break;
        }
    }
    assert!(broken, "the rest never came");
    app.stop().await;
}
