//! Files of customers by the request form and by private links, as they use them and as others try to misuse them.

use std::sync::Arc;

use hotdesk::clock::Clock;
use hotdesk::journal::Journal;
use hotdesk::journal::memory::MemoryJournal;
use serde_json::{Value, json};

use crate::attacks::{Attack, Cause};
use crate::support::{ADMIN, Reply, START, TestApp, send};

const FILES: &str = "/api/v1/request-files";
const FILE: &str = "/api/v1/request-file";
const REQUEST: &str = "/api/v1/request";

async fn open(app: &TestApp, is_open: bool) {
    let (status, answer) = app.call("PUT", "/api/v1/settings", json!({"request_form": {"open": is_open}})).await;
    assert_eq!(status, 200, "{answer}");
}

async fn begin(app: &TestApp, name: &str, bytes: usize) -> Reply {
    send(app.anonymous("POST", FILES).json(&json!({"name": name, "bytes": bytes}))).await
}

async fn by(app: &TestApp, secret: &str, method: &str, path: &str) -> Reply {
    send(app.anonymous(method, path).bearer_auth(secret)).await
}

async fn put(app: &TestApp, secret: &str, from: usize, bytes: &[u8]) -> Reply {
    let path = format!("{FILE}/content?from={from}");
    send(app.anonymous("PUT", &path).bearer_auth(secret).body(bytes.to_vec())).await
}

/// A stranger's whole file: its id.
async fn sent(app: &TestApp, name: &str, bytes: &[u8]) -> String {
    let begun = begin(app, name, bytes.len()).await;
    assert_eq!(begun.status, 201, "{}", begun.text);
    let id = begun.body["id"].as_str().unwrap().to_owned();
    let whole = put(app, &id, 0, bytes).await;
    assert!(whole.body["attachment"].is_object(), "{}", whole.text);
    id
}

async fn write(app: &TestApp, files: &[&str]) -> Reply {
    let body = json!({
        "name": "Rosa", "email": "rosa@example.org", "subject": "Broken", "body": "It broke.", "attachments": files
    });
    send(app.anonymous("POST", "/api/v1/requests").json(&body)).await
}

async fn answer(app: &TestApp, link: &str, body: &str, files: &[&str]) -> Reply {
    let body = json!({"body": body, "attachments": files});
    send(app.anonymous("POST", "/api/v1/request/messages").bearer_auth(link).json(&body)).await
}

async fn content(app: &TestApp, link: &str, id: &str) -> reqwest::Response {
    app.anonymous("GET", &at(id, "content")).bearer_auth(link).send().await.unwrap()
}

fn at(id: &str, what: &str) -> String {
    format!("{REQUEST}/attachments/{id}/{what}")
}

fn png() -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(600, 300).write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

/// U10: a customer's files go with the request and with answers, in pieces where the line is bad; agents have them like any other,
/// and the customer has back what either side sent.
#[actix_web::test]
async fn u10_files_go_with_requests_and_answers() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let app = TestApp::on(Arc::clone(&journal), Clock::manual(START), |_| ()).await;
    open(&app, true).await;
    let form = send(app.anonymous("GET", "/api/v1/request-form")).await;
    assert_eq!(form.body["files"], json!({"message_files": 5, "file_bytes": 10_000_000, "message_bytes": 20_000_000}));
    let begun = begin(&app, "../notes\u{202e}.txt", 10).await;
    assert_eq!((begun.status, &begun.body["name"]), (201, &json!("notes.txt")), "{}", begun.text);
    let notes = begun.body["id"].as_str().unwrap();
    assert_eq!(put(&app, notes, 0, b"01234").await.body["received"], 5);
    assert_eq!(put(&app, notes, 0, b"01234").await.refusal(), (409, "wrong_offset"));
    assert_eq!(by(&app, notes, "GET", FILE).await.body["received"], 5);
    assert!(put(&app, notes, 5, b"56789").await.body["attachment"].is_object());
    let photo = sent(&app, "photo.png", &png()).await;

    let written = write(&app, &[notes, &photo]).await;
    assert_eq!(written.status, 201, "{}", written.text);
    let (link, ticket) = (written.body["token"].as_str().unwrap(), written.body["request"]["id"].as_u64().unwrap());
    let files = &written.body["request"]["messages"][0]["attachments"];
    assert_eq!((&files[0]["name"], &files[1]["thumbnail"]), (&json!("notes.txt"), &json!(true)));
    let thread = app.get(&format!("/api/v1/tickets/{ticket}?include=messages")).await;
    assert_eq!(thread["messages"][0]["attachments"], *files);
    let agents = app.request("GET", &format!("/api/v1/attachments/{notes}/content")).send().await.unwrap();
    assert_eq!(agents.bytes().await.unwrap(), "0123456789");

    let report = app.upload_as(ADMIN, "report.pdf", b"%PDF-1.7 report").await;
    let body = json!({"body": "Here.", "visibility": "public", "attachments": [report["id"]]});
    assert_eq!(app.call("POST", &format!("/api/v1/tickets/{ticket}/messages"), body).await.0, 201);
    let shown = by(&app, link, "GET", REQUEST).await;
    assert_eq!(shown.body["messages"][1]["attachments"], json!([report["attachment"]]));
    let got = content(&app, link, report["id"].as_str().unwrap()).await;
    assert_eq!((got.status().as_u16(), got.bytes().await.unwrap()), (200, "%PDF-1.7 report".into()));
    let part = app.anonymous("GET", &at(notes, "content")).bearer_auth(link).header("range", "bytes=2-3");
    assert_eq!(part.send().await.unwrap().text().await.unwrap(), "23");
    let small = app.anonymous("GET", &at(&photo, "thumbnail")).bearer_auth(link).send().await.unwrap();
    let small = image::load_from_memory(&small.bytes().await.unwrap()).unwrap();
    assert_eq!((small.width(), small.height()), (480, 240));

    // Files may say it all; one that waits lasts over a restart; the answer to a closed request takes its files along.
    let late = sent(&app, "late.txt", b"late").await;
    let link = link.to_owned();
    app.stop().await;
    let app = TestApp::on(journal, Clock::manual(START), |_| ()).await;
    let answered = answer(&app, &link, "", &[&late]).await;
    assert_eq!(answered.body["messages"][2]["attachments"][0]["name"], "late.txt", "{}", answered.text);
    assert_eq!(app.call("PATCH", &format!("/api/v1/tickets/{ticket}"), json!({"status": "closed"})).await.0, 200);
    let more = sent(&app, "more.txt", b"more").await;
    let followed = answer(&app, &link, "More.", &[&more]).await;
    assert_eq!(followed.body["follow_up_of"], ticket, "{}", followed.text);
    assert_eq!(content(&app, &link, &more).await.text().await.unwrap(), "more");
    assert_eq!(content(&app, &link, &late).await.status(), 404, "it is the former request's");
    app.stop().await;
}

/// U11: files with a message, bytes of one and of all with a message are limited, and what waits has an end; nothing that is
/// refused costs the address anything.
#[actix_web::test]
async fn u11_customers_files_have_limits_of_their_own() {
    let app = TestApp::with(|config| {
        let form = &mut config.attachments.form;
        (form.message_files, form.file_bytes, form.message_bytes) = (2, 100, 150);
        config.limits.form_bytes_per_h = 4 * 65_536;
    })
    .await;
    open(&app, true).await;
    for _ in 0..10 {
        assert_eq!(begin(&app, "big", 101).await.refusal(), (422, "invalid_field"));
    }
    let (one, two, tiny) = (sent(&app, "1", &[b'x'; 100]).await, sent(&app, "2", &[b'x'; 100]).await, "3");
    let tiny = sent(&app, tiny, b"x").await;
    for (files, code) in [(&[&*one, &two, &tiny][..], "too_many"), (&[&*one, &two][..], "too_big")] {
        let refused = write(&app, files).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["code"]), (422, &json!(code)), "{}", refused.text);
        assert_eq!(refused.pointers(), ["/attachments"]);
    }
    assert_eq!(write(&app, &[&one, &tiny]).await.status, 201);
    // What waits is given up by its sender, or removed in time: sooner than an agent's.
    let agents = app.upload_as(ADMIN, "a", b"a").await;
    let path = format!("/api/v1/attachments/{}", agents["id"].as_str().unwrap());
    assert_eq!(by(&app, &two, "GET", FILE).await.status, 200);
    app.clock.advance(7_200_001);
    assert_eq!(app.desk.attachments.collect().await, 1);
    assert_eq!(by(&app, &two, "GET", FILE).await.refusal(), (404, "not_found"));
    assert_eq!(app.call("GET", &path, Value::Null).await.0, 200);
    let given_up = sent(&app, "4", b"x").await;
    assert_eq!(by(&app, &given_up, "DELETE", FILE).await.status, 204);
    assert_eq!(write(&app, &[&given_up]).await.pointers(), ["/attachments/0"]);
    app.stop().await;
}

/// X121: strangers fill no disk: an address announces so much an hour, small files count too, all together wait for so much, and
/// agents and requests go on meanwhile.
#[actix_web::test]
async fn x121_strangers_fill_no_disk() {
    let attack = Attack::by(Cause::Abuse);
    let app = TestApp::with(|config| config.limits.form_bytes_per_h = 3 * 65_536).await;
    open(&app, true).await;
    for _ in 0..3 {
        attack.tried();
        assert_eq!(begin(&app, "a", 1).await.status, 201);
    }
    let refused = begin(&app, "a", 1).await;
    assert_eq!(refused.refusal(), (429, "too_many"));
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    let never = begin(&app, "a", 10_000_000).await;
    assert_eq!(never.refusal(), (429, "too_many"), "more than an address has at all");
    app.stop().await;

    let app = TestApp::with(|config| config.attachments.form.waiting_bytes = 3 * 65_536).await;
    open(&app, true).await;
    let kept = sent(&app, "kept", b"kept").await;
    let announced: Vec<_> = futures_util::future::join_all((0..20).map(|_| begin(&app, "a", 65_536))).await;
    attack.tried();
    let taken: Vec<&Reply> = announced.iter().filter(|reply| reply.status == 201).collect();
    assert!(taken.len() <= 2, "{} of 2", taken.len());
    for reply in &announced {
        assert!(reply.status == 201 || reply.refusal() == (429, "too_many"), "{}", reply.text);
    }
    for reply in &taken {
        by(&app, reply.body["id"].as_str().unwrap(), "DELETE", FILE).await;
    }
    assert_eq!(begin(&app, "a", 131_072).await.status, 201, "what was given up has made room");
    assert_eq!(begin(&app, "a", 1).await.refusal(), (429, "too_many"));
    app.upload_as(ADMIN, "agents.txt", b"agents").await;
    assert_eq!(write(&app, &[&kept]).await.status, 201);
    assert_eq!(begin(&app, "a", 1).await.status, 201, "what a message took waits no more");
    app.stop().await;
}

/// X122: a file that waits is its maker's: without its id nobody sees it, sends it, gives it up or attaches it, an agent neither; and
/// nobody's file goes with a customer's message.
#[actix_web::test]
async fn x122_what_waits_is_its_makers() {
    let attack = Attack::by(Cause::Uploads);
    let app = TestApp::start().await;
    open(&app, true).await;
    let file = sent(&app, "mine.txt", b"mine").await;
    assert!(file.len() == 64, "256 random bits");
    let agents = app.upload_as(ADMIN, "agents.txt", b"agents").await["id"].as_str().unwrap().to_owned();
    let (_, token) = app.user("ann", "agent").await;
    let absent = by(&app, &"0".repeat(64), "GET", FILE).await;
    for secret in [&*agents, &token, ADMIN, &file[..63], &file.to_uppercase(), "requester"] {
        for method in ["GET", "DELETE"] {
            attack.tried();
            let reply = by(&app, secret, method, FILE).await;
            assert_eq!((reply.refusal(), &reply.text), ((404, "not_found"), &absent.text), "{method} {secret}");
        }
        assert_eq!(put(&app, secret, 0, b"x").await.refusal(), (404, "not_found"));
    }
    assert_eq!(send(app.anonymous("GET", FILE)).await.text, absent.text);
    // By the agents' calls it is not there, and none of their messages takes it.
    for path in ["", "/content", "/thumbnail"] {
        attack.tried();
        assert_eq!(app.call("GET", &format!("/api/v1/attachments/{file}{path}"), Value::Null).await.0, 404);
    }
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let body = json!({"body": "b", "visibility": "public", "attachments": [file]});
    assert_eq!(app.call("POST", &format!("/api/v1/tickets/{ticket}/messages"), body).await.0, 422);
    // A customer's message takes no agent's file, none that does not exist, none twice, and none that a message has.
    for files in [&[&*agents][..], &["0"][..], &[&*file, &file][..]] {
        attack.tried();
        assert_eq!(write(&app, files).await.status, 422);
    }
    assert_eq!(write(&app, &[&file]).await.status, 201);
    assert_eq!(write(&app, &[&file]).await.pointers(), ["/attachments/0"]);
    assert_eq!(by(&app, &file, "DELETE", FILE).await.refusal(), (404, "not_found"));
    app.stop().await;
}

/// X123: closed, the form takes no file, nor where it takes none by configuration; and no page of another site sends one.
#[actix_web::test]
async fn x123_files_come_by_the_open_form_alone() {
    let attack = Attack::by(Cause::Abuse);
    let app = TestApp::start().await;
    attack.tried();
    assert_eq!(begin(&app, "a", 1).await.refusal(), (404, "not_found"));
    open(&app, true).await;
    let foreign = app.anonymous("POST", FILES).header("origin", "https://evil.example");
    assert_eq!(send(foreign.json(&json!({"name": "a", "bytes": 1}))).await.refusal(), (403, "foreign_origin"));
    let link = write(&app, &[]).await.body["token"].as_str().unwrap().to_owned();
    open(&app, false).await;
    assert_eq!(by(&app, &link, "GET", REQUEST).await.body["files"], Value::Null);
    assert_eq!(begin(&app, "a", 1).await.refusal(), (404, "not_found"));
    app.stop().await;

    let app = TestApp::with(|config| config.attachments.form.message_files = 0).await;
    open(&app, true).await;
    attack.tried();
    assert_eq!(begin(&app, "a", 1).await.refusal(), (404, "not_found"));
    assert_eq!(send(app.anonymous("GET", "/api/v1/request-form")).await.body["files"], Value::Null);
    app.stop().await;
}

/// X124: by a link one has the files of its ticket's public messages, to be saved, and no other: not a note's, not another
/// ticket's, not what waits, not with a link that was taken back; all in the same words.
#[actix_web::test]
async fn x124_a_link_opens_its_public_files_alone() {
    let attack = Attack::by(Cause::Access);
    let app = TestApp::start().await;
    open(&app, true).await;
    let script = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
    let own = sent(&app, "logo.svg", script).await;
    let written = write(&app, &[&own]).await;
    let (link, ticket) = (written.body["token"].as_str().unwrap(), written.body["request"]["id"].as_u64().unwrap());
    let attach = async |ticket: u64, visibility: &str| {
        let file = app.upload_as(ADMIN, "secret.png", &png()).await["id"].as_str().unwrap().to_owned();
        let body = json!({"body": "SECRET", "visibility": visibility, "attachments": [file]});
        assert_eq!(app.call("POST", &format!("/api/v1/tickets/{ticket}/messages"), body).await.0, 201);
        file
    };
    let other = app.ticket("Other", json!({})).await["id"].as_u64().unwrap();
    let waiting = sent(&app, "waiting.png", &png()).await;
    let hidden =
        [attach(ticket, "internal").await, attach(other, "public").await, waiting, "0".repeat(64), "..".into()];
    assert!(!by(&app, link, "GET", REQUEST).await.text.contains("secret.png"));
    for what in ["content", "thumbnail"] {
        let absent = by(&app, link, "GET", &at(&"f".repeat(64), what)).await;
        for id in &hidden {
            attack.tried();
            let reply = by(&app, link, "GET", &at(id, what)).await;
            assert_eq!(reply.status, 404, "{id} {what}");
            assert!(id == ".." || reply.text == absent.text, "{}", reply.text);
        }
        for secret in [ADMIN, "", &own] {
            attack.tried();
            assert_eq!(by(&app, secret, "GET", &at(&own, what)).await.refusal(), (404, "not_found"), "{what}");
        }
    }
    let reply = by(&app, link, "GET", &at(&own, "content")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/octet-stream"));
    assert!(reply.header("content-disposition").starts_with("attachment; filename=\"logo.svg\""));
    for (header, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(reply.header(header), value);
    }
    assert!(reply.header("content-security-policy").contains("sandbox"));
    assert_eq!(by(&app, link, "GET", &at(&own, "thumbnail")).await.refusal(), (404, "not_found"));
    assert_eq!(app.call("DELETE", &format!("/api/v1/tickets/{ticket}/request-links"), Value::Null).await.0, 204);
    attack.tried();
    assert_eq!(by(&app, link, "GET", &at(&own, "content")).await.refusal(), (404, "not_found"));
    app.stop().await;
}
