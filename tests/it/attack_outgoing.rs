//! Attacks through the desk on what lies behind it: addresses that lead inside, by spelling, by name, by redirect, by what somebody
//! merely wrote; and answers that have no end.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hotdesk::actors::triage::ServiceKey;
use hotdesk::outgoing::{self, Refused};
use hotdesk::people::AdminSeed;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::attacks::{Attack, Cause};
use crate::support::{ADMIN, TestApp, send};

/// A server inside that counts who comes, and answers with these bytes.
struct Inside {
    address: SocketAddr,
    visits: Arc<AtomicUsize>,
    heard: Arc<parking_lot::Mutex<String>>,
}

impl Inside {
    async fn answering(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, visits) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let heard = Arc::new(parking_lot::Mutex::new(String::new()));
        let (count, hears) = (Arc::clone(&visits), Arc::clone(&heard));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let mut asked = vec![0; 16 * 1024];
                let read = socket.read(&mut asked).await.unwrap_or(0);
                hears.lock().push_str(&String::from_utf8_lossy(&asked[..read]));
                let _ = socket.write_all(&answer).await;
            }
        });
        Self { address, visits, heard }
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

fn moved(to: &str) -> Vec<u8> {
    let length = "content-length: 0\r\nconnection: close";
    format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}\r\n{length}\r\n\r\n").into_bytes()
}

/// X83: however the address of a server inside is spelled, it is never called.
#[actix_web::test]
async fn x83_no_spelling_leads_inside() {
    let attack = Attack::by(Cause::Outgoing);
    let inside = Inside::answering(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret".to_vec()).await;
    let port = inside.address.port();
    let out = outgoing::guarded(&[]).unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "017700000001",
        "127.000.000.001",
        "0",
        "0.0.0.0",
        "localhost",
        "LocalHost",
        "localhost.",
        "sub.localhost",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "１２７.0.0.1",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "127.0.0.1%2e",
        "%31%32%37.0.0.1",
        "example.org@127.0.0.1",
        "127.0.0.1\\@example.org",
    ] {
        attack.tried();
        let Ok(url) = Url::parse(&format!("http://{host}:{port}/")) else { continue };
        let refused = out.call(Method::GET, url, |request| request).await;
        assert!(refused.is_err(), "{host} was called");
    }
    assert_eq!(inside.visits(), 0);
}

/// X84: a name that leads to this machine is found out when it is resolved, whoever gave the name.
#[actix_web::test]
async fn x84_no_name_leads_inside() {
    let attack = Attack::by(Cause::Outgoing);
    let inside = Inside::answering(Vec::new()).await;
    let out = outgoing::guarded(&[]).unwrap();
    let own = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let names = own.lines().filter(|line| !line.starts_with('#')).flat_map(|line| line.split_whitespace().skip(1));
    let mut tried = 0;
    for name in names.chain(["localhost", "ip6-localhost", "nothing.invalid"]) {
        attack.tried();
        let Ok(url) = Url::parse(&format!("http://{name}:{}/", inside.address.port())) else { continue };
        assert!(out.call(Method::GET, url, |request| request).await.is_err(), "{name} was called");
        tried += 1;
    }
    assert!(tried >= 3);
    assert_eq!(inside.visits(), 0);
}

/// X84: a server that may be called sends the caller on to one that may not, once or over several steps, and to other schemes.
#[actix_web::test]
async fn x84_no_redirect_leads_inside() {
    let attack = Attack::by(Cause::Outgoing);
    let metadata = Inside::answering(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret".to_vec()).await;
    // 127.0.0.1 stands for the open Internet here; the rest of 127 is inside.
    let out = outgoing::guarded(&["127.0.0.1/32".parse().unwrap()]).unwrap();
    for to in [
        format!("http://127.0.0.2:{}/", metadata.address.port()),
        format!("http://localhost.:{}/", metadata.address.port()),
        format!("http://[::1]:{}/", metadata.address.port()),
        "http://169.254.169.254/computeMetadata/v1/".to_owned(),
        "http://metadata.google.internal/computeMetadata/v1/".to_owned(),
        "http://user:pass@example.org/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1:25/_HELO".to_owned(),
        "//169.254.169.254/".to_owned(),
    ] {
        attack.tried();
        let last = Inside::answering(moved(&to)).await;
        let first = Inside::answering(moved(&format!("http://{}/next", last.address))).await;
        let url = Url::parse(&format!("http://{}/", first.address)).unwrap();
        let answer = out.call(Method::GET, url, |request| request).await;
        assert!(answer.as_ref().map_or(true, |answer| answer.status() == 307), "{to}: {answer:?}");
        assert_eq!((first.visits(), last.visits()), (1, 1), "{to}");
    }
    // One that sends the caller round and round is left after a few steps.
    attack.tried();
    let round = Inside::answering(moved("/again")).await;
    let url = Url::parse(&format!("http://{}/", round.address)).unwrap();
    assert!(out.call(Method::GET, url, |request| request).await.is_err());
    assert!(round.visits() <= 5, "{} steps", round.visits());
    assert_eq!(metadata.visits(), 0);
}

/// X85: an answer that never ends, and one that is small only as long as it is packed, are given up at the limit.
#[actix_web::test]
async fn x85_no_answer_fills_the_memory() {
    let attack = Attack::by(Cause::Outgoing);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..64 {
        packed.write_all(&zeros).unwrap();
    }
    let packed = packed.finish().unwrap();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", packed.len());
    let bomb = [head.as_bytes(), &packed].concat();
    let mut long = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec();
    long.resize(200_000, b'x');
    let out = outgoing::guarded(&["127.0.0.1/32".parse().unwrap()]).unwrap();
    for answer in [bomb, long] {
        attack.tried();
        let server = Inside::answering(answer).await;
        let url = Url::parse(&format!("http://{}/", server.address)).unwrap();
        let answer = out.call(Method::GET, url, |request| request).await.unwrap();
        assert!(matches!(outgoing::body(answer, 100_000).await, Err(Refused::TooBig(100_000))));
    }
}

/// X83: nothing that people write is fetched by the desk: no picture, no link, no preview, wherever it stands.
#[actix_web::test]
async fn x83_nothing_that_is_written_is_fetched() {
    let attack = Attack::by(Cause::Outgoing);
    let inside = Inside::answering(Vec::new()).await;
    let app = TestApp::sorting(None, |_| {}).await;
    let url = format!("http://{}/secret", inside.address);
    let open = json!({"request_form": {"open": true, "title": url, "intro": format!("![x]({url})")}});
    assert_eq!(app.call("PUT", "/api/v1/settings", open).await.0, 200);
    let text = format!("![pixel]({url}) <img src={url}> [{url}]({url}) <link rel=import href={url}> {url}");
    let requester = json!({"name": "Ada", "email": "ada@example.org"});
    let ticket = json!({"subject": text, "body": text, "body_format": "markdown", "requester": requester, "custom": {"site": url}});
    let (status, made) = app.call("POST", "/api/v1/tickets", ticket).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_u64().unwrap();
    app.sorted(id).await;
    let messages = format!("/api/v1/tickets/{id}/messages");
    let report =
        json!({"name": url, "definition": {"measure": "created", "split": ["tag"], "last": "1d"}, "shared": true});
    for (method, path, body) in [
        ("POST", messages.as_str(), json!({"body": text, "visibility": "public"})),
        ("PUT", "/api/v1/shared/m1", json!({"kind": "macro", "name": "m", "body": text})),
        ("PUT", "/api/v1/me/preferences", json!({"macros": [{"id": "m", "name": "m", "body": text}]})),
        ("POST", "/api/v1/reports", report),
        ("POST", "/api/v1/triage/try", json!({"subject": text, "body": text})),
        ("POST", "/api/v1/client-errors", json!({"message": url, "place": url, "build": "1", "stack": url})),
    ] {
        attack.tried();
        let (status, answer) = app.call(method, path, body).await;
        assert!(status < 300, "{path}: {answer}");
    }
    attack.tried();
    let request = json!({"name": "Rosa", "email": "rosa@example.org", "subject": text, "body": text});
    assert_eq!(send(app.anonymous("POST", "/api/v1/requests").json(&request)).await.status, 201);
    let svg = format!("<svg xmlns='http://www.w3.org/2000/svg'><image href='{url}'/><!DOCTYPE x SYSTEM '{url}'></svg>");
    app.upload_as(ADMIN, "a.svg", svg.as_bytes()).await;
    // Headers that tell a careless server where to look.
    for header in ["x-forwarded-host", "referer", "origin", "x-original-url", "forwarded"] {
        attack.tried();
        send(app.request("GET", "/api/v1/me").header(header, &url)).await;
    }
    assert_eq!(inside.visits(), 0);
    app.stop().await;
}

/// X84: the service that sorts tickets sends the desk elsewhere: neither the key nor a ticket goes there.
#[actix_web::test]
async fn x84_the_services_key_goes_nowhere_else() {
    let _attack = Attack::by(Cause::Outgoing);
    let thief = Inside::answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec()).await;
    let service = Inside::answering(moved(&format!("http://{}/chat/completions", thief.address))).await;
    let admin = AdminSeed { token: Some(ADMIN.to_owned()), ..AdminSeed::default() };
    let app = TestApp::with_secrets(
        hotdesk::app::Secrets { admin, deepseek: Some(ServiceKey("sk-of-the-desk".to_owned())) },
        |config| {
            config.triage.enabled = true;
            config.triage.batch_max_age_ms = 0;
            config.triage.ask_below = 1.01;
            config.triage.base_url = format!("http://{}", service.address);
        },
    )
    .await;
    let id = app.ticket("Odd", json!({"body": "Something that nobody could sort by itself, with a SECRET."})).await;
    let ticket = app.sorted(id["id"].as_u64().unwrap()).await;
    assert_ne!(ticket["triage"]["state"], Value::Null);
    assert!(service.visits() >= 1 && service.heard.lock().contains("sk-of-the-desk"), "the service itself is asked");
    assert_eq!((thief.visits(), thief.heard.lock().as_str()), (0, ""));
    app.stop().await;
}
