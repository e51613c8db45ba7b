//! Attacks by files: what a browser might run, names that lie, bombs, and files that are somebody else's.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::attacks::{Attack, Cause};
use crate::permission_matrix::private_team;
use crate::support::{ADMIN, Reply, TestApp, send};

const UPLOADS: &str = "/api/v1/attachments";

async fn attach(app: &TestApp, token: &str, ticket: u64, upload: &Value) -> (u16, Value) {
    let body = json!({"body": "b", "visibility": "internal", "attachments": [upload["id"]]});
    app.call_as(token, "POST", &format!("/api/v1/tickets/{ticket}/messages"), body).await
}

fn path(upload: &Value, what: &str) -> String {
    format!("{UPLOADS}/{}{what}", upload["id"].as_str().unwrap())
}

async fn get(app: &TestApp, token: &str, path: &str) -> Reply {
    send(app.anonymous("GET", path).bearer_auth(token)).await
}

/// X88: a file of a private team's ticket is not there for anybody outside, however it is asked for; when the ticket goes out of
/// sight, so does its file, at once.
#[actix_web::test]
async fn x88_files_are_seen_with_their_ticket() {
    let _attack = Attack::by(Cause::Access);
    let app = TestApp::with(private_team).await;
    let (ina_id, ina) = app.user("ina", "agent").await;
    let (otto_id, otto) = app.user("otto", "supervisor").await;
    for (id, team) in [(&ina_id, "legal"), (&otto_id, "support")] {
        assert_eq!(app.call("PATCH", &format!("/api/v1/users/{id}"), json!({"teams": [team]})).await.0, 200);
    }
    let hidden = app.ticket("Hidden", json!({"team": "legal"})).await["id"].as_u64().unwrap();
    let mut out = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(600, 600).write_to(&mut out, image::ImageFormat::Png).unwrap();
    let file = app.upload_as(&ina, "secret.png", &out.into_inner()).await;
    let absent = format!("{UPLOADS}/{}", "0".repeat(64));
    let nobody = |reply: &Reply, other: &Reply| {
        assert_eq!(reply.refusal(), (404, "not_found"));
        assert_eq!(reply.text, other.text, "it must not tell that there is something");
    };
    // Before it is sent it is its sender's alone: not even an administrator's.
    for what in ["", "/content", "/thumbnail"] {
        for token in [&otto, ADMIN] {
            nobody(&get(&app, token, &path(&file, what)).await, &get(&app, token, &format!("{absent}{what}")).await);
        }
        assert_eq!(get_status(&app, &ina, &path(&file, what)).await, 200, "{what}");
    }
    assert_eq!(attach(&app, &ina, hidden, &file).await.0, 201);
    for what in ["/content", "/thumbnail"] {
        nobody(&get(&app, &otto, &path(&file, what)).await, &get(&app, &otto, &format!("{absent}{what}")).await);
        for token in [&ina, ADMIN] {
            assert_eq!(get_status(&app, token, &path(&file, what)).await, 200);
        }
        assert_eq!(send(app.anonymous("GET", &path(&file, what))).await.refusal(), (401, "not_signed_in"));
    }
    // A ticket that moves takes its files along; so does a member who leaves.
    assert_eq!(app.call("PATCH", &format!("/api/v1/tickets/{hidden}"), json!({"team": "support"})).await.0, 200);
    assert_eq!(get_status(&app, &otto, &path(&file, "/content")).await, 200);
    assert_eq!(app.call("PATCH", &format!("/api/v1/tickets/{hidden}"), json!({"team": "legal"})).await.0, 200);
    assert_eq!(get_status(&app, &otto, &path(&file, "/content")).await, 404);
    assert_eq!(app.call("PATCH", &format!("/api/v1/users/{ina_id}"), json!({"teams": ["support"]})).await.0, 200);
    let body = json!({"user": ina_id, "name": "again"});
    let ina = app.call("POST", "/api/v1/tokens", body).await.1["token"].as_str().unwrap().to_owned();
    assert_eq!(get_status(&app, &ina, &path(&file, "/content")).await, 404, "even the sender's own");
    app.stop().await;
}

async fn get_status(app: &TestApp, token: &str, path: &str) -> u16 {
    app.anonymous("GET", path).bearer_auth(token).send().await.unwrap().status().as_u16()
}

/// X88: a token that may only read, or only something else, gets no further than its scopes.
#[actix_web::test]
async fn x88_scopes_bound_files_too() {
    let attack = Attack::by(Cause::Uploads);
    let app = TestApp::start().await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let file = app.upload_as(ADMIN, "a.txt", b"text").await;
    assert_eq!(attach(&app, ADMIN, ticket, &file).await.0, 201);
    let (id, _) = app.user("ann", "agent").await;
    for (scope, download, begin) in [("ticket_read", 200, 403), ("ticket_write", 403, 201)] {
        attack.tried();
        let body = json!({"user": id, "name": scope, "scopes": [scope]});
        let token = app.call("POST", "/api/v1/tokens", body).await.1["token"].as_str().unwrap().to_owned();
        assert_eq!(get_status(&app, &token, &path(&file, "/content")).await, download, "{scope}");
        let body = json!({"name": "a", "bytes": 1});
        assert_eq!(app.call_as(&token, "POST", UPLOADS, body).await.0, begin, "{scope}");
    }
    app.stop().await;
}

/// X89, X86: whatever a file says that it is, a browser saves it, guesses nothing, and could do nothing with it.
#[actix_web::test]
async fn x89_nothing_is_shown_inline() {
    let attack = Attack::by(Cause::Uploads);
    let app = TestApp::start().await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    for (name, bytes, kind) in [
        ("logo.svg", &b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"[..], "application/octet-stream"),
        ("page.html", b"<!doctype html><script>alert(1)</script>", "application/octet-stream"),
        ("picture.png", b"<html><script>alert(1)</script>", "application/octet-stream"),
        (
            "doc.xml",
            b"<?xml version='1.0'?><x xmlns:h='http://www.w3.org/1999/xhtml'><h:script/></x>",
            "application/octet-stream",
        ),
        ("polyglot.gif", b"GIF89a/*<svg/onload=alert(1)>*/", "image/gif"),
        ("notes.txt", b"plain", "text/plain"),
        ("script.js", b"\x00\x01alert(1)", "application/octet-stream"),
        ("setup.pdf", b"MZ\x90\x00\x03\x00\x00\x00", "application/octet-stream"),
    ] {
        attack.tried();
        let file = app.upload_as(ADMIN, name, bytes).await;
        assert!(file["attachment"]["thumbnail"].is_null(), "{name}");
        assert_eq!(attach(&app, ADMIN, ticket, &file).await.0, 201);
        let reply = get(&app, ADMIN, &path(&file, "/content")).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, kind), "{name}");
        assert!(reply.header("content-disposition").starts_with("attachment; filename="), "{name}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.header("cross-origin-resource-policy"), "same-origin");
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"), "{policy}");
    }
    app.stop().await;
}

/// X90: no name leads elsewhere, hides its ending, or gets out of its header.
#[actix_web::test]
async fn x90_names_are_cleaned() {
    let attack = Attack::by(Cause::Uploads);
    let app = TestApp::start().await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    for (given, clean, header) in [
        ("../../etc/passwd", "passwd", "filename=\"passwd\""),
        ("C:\\evil\\a.exe", "a.exe", "filename=\"a.exe\""),
        ("invoice\u{202e}fdp.exe", "invoicefdp.exe", "filename=\"invoicefdp.exe\""),
        ("a\u{200b}b\u{feff}.txt", "ab.txt", "filename=\"ab.txt\""),
        ("a\r\nSet-Cookie: x=1.txt", " x=1.txt", ""),
        ("a\";filename=evil.exe", "a;filename=evil.exe", "filename=\"a_filename=evil.exe\""),
        ("Zoë 李.txt", "Zoë 李.txt", "filename*=UTF-8''Zo%C3%AB%20%E6%9D%8E.txt"),
        ("..", "file", "filename=\"file\""),
        (&"long".repeat(100), "", ""),
    ] {
        attack.tried();
        let file = app.upload_as(ADMIN, given, b"x").await;
        let name = file["name"].as_str().unwrap();
        assert!(clean.is_empty() || name == clean.trim(), "{given:?} became {name:?}");
        assert!(name.chars().count() <= 150);
        assert_eq!(attach(&app, ADMIN, ticket, &file).await.0, 201);
        let reply = get(&app, ADMIN, &path(&file, "/content")).await;
        assert!(reply.header("content-disposition").contains(header), "{}", reply.header("content-disposition"));
        assert_eq!(reply.headers.get_all("set-cookie").iter().count(), 0);
    }
    app.stop().await;
}

/// X91: another's upload cannot be looked at, filled, given up or sent; nor one's own twice, even at the same time.
#[actix_web::test]
async fn x91_uploads_are_their_senders() {
    let attack = Attack::by(Cause::Uploads);
    let app = TestApp::start().await;
    let (one, other) = (app.ticket("One", json!({})).await, app.ticket("Two", json!({})).await);
    let (one, other) = (one["id"].as_u64().unwrap(), other["id"].as_u64().unwrap());
    let (_, ann) = app.user("ann", "agent").await;
    let (_, bob) = app.user("bob", "agent").await;
    let open = app.call_as(&ann, "POST", UPLOADS, json!({"name": "a", "bytes": 5})).await.1;
    let (status, _) = app.send_bytes(&bob, open["id"].as_str().unwrap(), 0, b"evil!").await;
    assert_eq!(status, 404);
    for method in ["GET", "DELETE"] {
        attack.tried();
        assert_eq!(app.call_as(&bob, method, &path(&open, ""), Value::Null).await.0, 404);
    }
    let file = app.upload_as(&ann, "a.txt", b"hello").await;
    let (status, refused) = attach(&app, &bob, one, &file).await;
    assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!("/attachments/0")));
    let nothing = json!({"id": "0".repeat(64)});
    assert_eq!(attach(&app, &bob, one, &nothing).await.1, refused, "another's and nobody's are one");
    // Ten messages at once: one has it.
    let tries: Vec<_> =
        (0..10).map(|round| attach(&app, &ann, if round % 2 == 0 { one } else { other }, &file)).collect();
    let done = futures_util::future::join_all(tries).await;
    let won: Vec<&(u16, Value)> = done.iter().filter(|(status, _)| *status == 201).collect();
    assert_eq!(won.len(), 1, "{done:?}");
    assert!(done.iter().all(|(status, _)| [201, 422].contains(status)));
    assert_eq!(app.call_as(&ann, "DELETE", &path(&file, ""), Value::Null).await.0, 404, "what is sent stays");
    app.stop().await;
}

/// X92: bytes that trickle are cut off, what came before stays; a lying length is no way round the limit.
#[actix_web::test]
async fn x92_a_trickle_is_cut_and_too_much_refused() {
    let _attack = Attack::by(Cause::Uploads);
    let app = TestApp::with(|config| config.limits.body_timeout_ms = 300).await;
    let upload = app.call("POST", UPLOADS, json!({"name": "a", "bytes": 200_000})).await.1;
    let mut socket = tokio::net::TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "PUT {} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {ADMIN}\r\ncontent-type: application/octet-stream\r\n\
         content-length: 200000\r\n\r\n",
        path(&upload, "/content"),
        app.address
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&[b'a'; 1_000]).await.unwrap();
    let mut answer = String::new();
    let read = tokio::time::timeout(Duration::from_secs(15), socket.read_to_string(&mut answer)).await;
    assert!(read.is_ok(), "it was not cut");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(app.get(&path(&upload, "")).await["received"], 1_000);
    // Chunked, without any length, and more than announced.
    let mut socket = tokio::net::TcpStream::connect(app.address).await.unwrap();
    let head =
        head.replace("content-length: 200000", "transfer-encoding: chunked").replace("/content", "/content?from=1000");
    socket.write_all(head.as_bytes()).await.unwrap();
    let chunk = [b"8000\r\n".as_slice(), &vec![b'b'; 0x8000], b"\r\n"].concat();
    let mut refused = false;
    for _ in 0..8 {
        refused |= socket.write_all(&chunk).await.is_err();
    }
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(15), socket.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "it was not cut");
    assert!(
        refused || answer.is_empty() || answer.starts_with(b"HTTP/1.1 413"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    let received = app.get(&path(&upload, "")).await["received"].as_u64().unwrap();
    assert!(received <= 200_000, "{received}");
    app.stop().await;
}

/// X56: no odd value of an upload ends in a 5xx.
#[actix_web::test]
async fn x56_odd_uploads_are_answered() {
    let attack = Attack::by(Cause::Crash);
    let app = TestApp::start().await;
    for body in [
        json!({}),
        json!([]),
        json!({"name": "a", "bytes": -1}),
        json!({"name": "a", "bytes": 1.5}),
        json!({"name": "a", "bytes": 1e300}),
        json!({"name": "a", "bytes": u64::MAX}),
        json!({"name": null, "bytes": 1}),
        json!({"name": "a", "bytes": 1, "ticket": 1}),
        json!({"name": "a", "bytes": 1, "sha256": "\u{0}".repeat(64)}),
    ] {
        attack.tried();
        let reply = send(app.request("POST", UPLOADS).json(&body)).await;
        assert!((400..500).contains(&reply.status), "{body}: {}", reply.text);
    }
    let file = app.upload_as(ADMIN, "a", b"x").await;
    for from in ["-1", "x", "18446744073709551616", "", "0&from=0", "9223372036854775808"] {
        attack.tried();
        let reply = send(app.request("PUT", &format!("{}?from={from}", path(&file, "/content"))).body("x")).await;
        assert!(reply.status < 500, "{from}: {}", reply.text);
    }
    for id in ["", "..", "%2e%2e%2f", "uploads", &"a".repeat(5_000), &"é".repeat(64), &"A".repeat(64)] {
        for what in ["", "/content", "/thumbnail"] {
            attack.tried();
            let reply = send(app.request("GET", &format!("{UPLOADS}/{id}{what}"))).await;
            assert!((400..500).contains(&reply.status), "{id}{what}: {}", reply.text);
        }
    }
    app.stop().await;
}

/// X87, X134: pictures that are small on the line and huge when unpacked are kept as files and never unpacked; nobody's uploads fill the
/// place for others.
#[actix_web::test]
async fn x87_bombs_are_not_unpacked() {
    let attack = Attack::by(Cause::Uploads);
    let app = TestApp::start().await;
    // A picture's head as its format has it, and next to nothing behind it.
    let png = |width: u32, height: u32| {
        let mut head = b"IHDR".to_vec();
        head.extend(width.to_be_bytes());
        head.extend(height.to_be_bytes());
        head.extend([8, 6, 0, 0, 0]);
        let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
        let mut crc = flate2::Crc::new();
        crc.update(&head);
        file.extend(&head);
        file.extend(crc.sum().to_be_bytes());
        file.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82");
        file
    };
    let gif = |width: u16, height: u16| {
        let mut file = b"GIF89a".to_vec();
        file.extend(width.to_le_bytes());
        file.extend(height.to_le_bytes());
        file.extend(b"\x80\0\0\0\0\0\xff\xff\xff\x2c\0\0\0\0");
        file.extend(width.to_le_bytes());
        file.extend(height.to_le_bytes());
        file.extend(b"\0\x02\x02\x44\x01\0\x3b");
        file
    };
    let mut lies = png(100, 100);
    lies.truncate(40);
    let jpeg = b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03\x01\x22\0\x02\x11\x01\x03\x11\x01\xff\xd9".to_vec();
    let webp = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0".to_vec();
    let began = std::time::Instant::now();
    for (name, bytes) in [
        ("a.png", png(60_000, 60_000)),
        ("b.png", png(u32::MAX, u32::MAX)),
        ("c.png", png(0, 0)),
        ("d.png", png(4_000_000_000, 1)),
        ("e.png", lies),
        ("f.gif", gif(u16::MAX, u16::MAX)),
        ("g.gif", gif(0, 0)),
        ("h.jpg", jpeg),
        ("i.webp", webp),
    ] {
        attack.tried();
        let file = app.upload_as(ADMIN, name, &bytes).await;
        assert!(file["attachment"]["thumbnail"].is_null(), "{name}: {file}");
        assert_eq!(get_status(&app, ADMIN, &path(&file, "/thumbnail")).await, 404, "{name}");
        assert_eq!(get(&app, ADMIN, &path(&file, "/content")).await.status, 200, "{name}");
    }
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    app.stop().await;
}

/// X88, X91: a file's parts, its small picture and its ranges are no way round: not by a guess at its id, not for a scope that may not.
#[actix_web::test]
async fn x88_parts_of_files_are_no_way_round() {
    let attack = Attack::by(Cause::Uploads);
    let app = TestApp::with(private_team).await;
    let (otto_id, otto) = app.user("otto", "agent").await;
    assert_eq!(app.call("PATCH", &format!("/api/v1/users/{otto_id}"), json!({"teams": ["support"]})).await.0, 200);
    let hidden = app.ticket("Hidden", json!({"team": "legal"})).await["id"].as_u64().unwrap();
    let file = app.upload_as(ADMIN, "secret.txt", b"SECRET of the legal team").await;
    assert_eq!(attach(&app, ADMIN, hidden, &file).await.0, 201);
    let id = file["id"].as_str().unwrap();
    let absent = get(&app, &otto, &format!("{UPLOADS}/{}/content", "0".repeat(64))).await;
    for (method, tried) in [
        ("GET", format!("{UPLOADS}/{id}/content")),
        ("HEAD", format!("{UPLOADS}/{id}/content")),
        ("GET", format!("{UPLOADS}/{}/content", id.to_uppercase())),
        ("GET", format!("{UPLOADS}/{id}%20/content")),
        ("GET", format!("{UPLOADS}/./{id}/content")),
        ("GET", format!("{UPLOADS}//{id}/content")),
        ("GET", format!("{UPLOADS}/{id}/content/")),
        ("GET", format!("{UPLOADS}/{}/content", &id[..63])),
        ("GET", format!("{UPLOADS}/{id}")),
        ("PUT", format!("{UPLOADS}/{id}/content?from=0")),
        ("DELETE", format!("{UPLOADS}/{id}")),
    ] {
        for range in ["bytes=0-", "bytes=0-5", "bytes=-5", "bytes=999-", "bytes=0-0,2-3"] {
            attack.tried();
            let request = app.anonymous(method, &tried).bearer_auth(&otto).header("range", range);
            let reply = send(request.header("if-none-match", "*").header("if-range", "\"x\"")).await;
            assert_eq!(reply.status, 404, "{method} {tried} {range}");
            assert!(!reply.text.contains("SECRET") && reply.header("content-range").is_empty(), "{}", reply.text);
            let plain = method == "GET" && tried == format!("{UPLOADS}/{id}/content");
            assert!(!plain || reply.text == absent.text, "it must not tell that there is something");
        }
    }
    // A message cannot take the file along to where it can be seen.
    let own = app.ticket("Public", json!({})).await["id"].as_u64().unwrap();
    attack.tried();
    assert_eq!(attach(&app, &otto, own, &file).await.0, 422);
    attack.tried();
    assert_eq!(attach(&app, ADMIN, own, &file).await.0, 422, "nor is it sent twice by its sender");
    app.stop().await;
}
