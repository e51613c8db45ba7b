//! Files with messages, as their sender and their readers see them.

use std::sync::Arc;

use hotdesk::clock::Clock;
use hotdesk::journal::memory::MemoryJournal;
use serde_json::{Value, json};

use crate::bucket::Bucket;
use crate::support::{ADMIN, START, TestApp, send};

const UPLOADS: &str = "/api/v1/attachments";

async fn begin(app: &TestApp, name: &str, bytes: usize) -> String {
    let (status, upload) = app.call("POST", UPLOADS, json!({"name": name, "bytes": bytes})).await;
    assert_eq!(status, 201, "{upload}");
    upload["id"].as_str().unwrap().to_owned()
}

async fn reply_with(app: &TestApp, ticket: u64, ids: &[&Value]) -> (u16, Value) {
    let body = json!({"body": "See the file.", "visibility": "public", "attachments": ids});
    app.call("POST", &format!("/api/v1/tickets/{ticket}/messages"), body).await
}

fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    (0..length).map(|_| random.u8(..)).collect()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(width, height).write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

/// U1: a file goes in pieces, tells how far it is, and goes on where it stopped.
#[actix_web::test]
async fn u1_a_file_is_sent_in_pieces() {
    let app = TestApp::start().await;
    let bytes = noise(700_000);
    let id = begin(&app, "dump.bin", bytes.len()).await;
    let (_, first) = app.send_bytes(ADMIN, &id, 0, &bytes[..300_000]).await;
    assert_eq!((&first["received"], &first["attachment"]), (&json!(300_000), &Value::Null), "{first}");
    let (status, wrong) = app.send_bytes(ADMIN, &id, 0, &bytes).await;
    assert_eq!((status, &wrong["code"]), (409, &json!("wrong_offset")), "{wrong}");
    assert_eq!(app.get(&format!("{UPLOADS}/{id}")).await["received"], 300_000);
    let (status, second) = app.send_bytes(ADMIN, &id, 300_000, &bytes[300_000..]).await;
    assert_eq!(status, 200, "{second}");
    let file = &second["attachment"];
    assert_eq!((&file["name"], &file["bytes"]), (&json!("dump.bin"), &json!(700_000)));
    assert_eq!(file["media_type"], "application/octet-stream");
    // Once more, as after an answer that was lost.
    assert_eq!(app.send_bytes(ADMIN, &id, 700_000, b"").await.1["attachment"], *file);
    app.stop().await;
}

/// U2: another size or another sum than announced is refused, and the file can be sent again.
#[actix_web::test]
async fn u2_what_arrives_is_what_was_announced() {
    let app = TestApp::start().await;
    let sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let body = json!({"name": "a.txt", "bytes": 5, "sha256": sum.to_uppercase()});
    let id = app.call("POST", UPLOADS, body).await.1["id"].as_str().unwrap().to_owned();
    let (status, refused) = app.send_bytes(ADMIN, &id, 0, b"hellO").await;
    assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!("/sha256")), "{refused}");
    assert_eq!(app.get(&format!("{UPLOADS}/{id}")).await["received"], 0);
    let (status, much) = app.send_bytes(ADMIN, &id, 0, b"hello and more").await;
    assert_eq!((status, &much["code"]), (413, &json!("too_big")), "{much}");
    let (status, whole) = app.send_bytes(ADMIN, &id, 0, b"hello").await;
    assert_eq!((status, &whole["attachment"]["sha256"]), (200, &json!(sum)), "{whole}");
    for bad in [json!({"name": "a", "bytes": 0}), json!({"name": "a", "bytes": 5, "sha256": "abc"})] {
        assert_eq!(app.call("POST", UPLOADS, bad).await.0, 422);
    }
    app.stop().await;
}

/// U3: the message has its files, everywhere where messages are told, and the same command again takes nothing more.
#[actix_web::test]
async fn u3_a_message_takes_its_files() {
    let app = TestApp::start().await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let (one, other) =
        (app.upload_as(ADMIN, "one.txt", b"one").await, app.upload_as(ADMIN, "other.pdf", b"%PDF-1.7").await);
    let body = json!({"body": "", "visibility": "public", "attachments": [other["id"], one["id"]]});
    let path = format!("/api/v1/tickets/{ticket}/messages");
    let ask = || send(app.request("POST", &path).header("idempotency-key", "k1").json(&body));
    let first = ask().await;
    assert_eq!(first.status, 201, "{}", first.text);
    let files = &first.body["message"]["attachments"];
    assert_eq!(*files, json!([other["attachment"], one["attachment"]]));
    let again = ask().await;
    assert_eq!((again.status, &again.body["message"]), (201, &first.body["message"]), "{}", again.text);
    let thread = app.get(&format!("/api/v1/tickets/{ticket}?include=messages")).await;
    assert_eq!(thread["messages"][1]["attachments"], *files);
    // It is no upload any more, and goes with no other message.
    assert_eq!(app.call("GET", &format!("{UPLOADS}/{}", one["id"].as_str().unwrap()), Value::Null).await.0, 404);
    let (status, refused) = reply_with(&app, ticket, &[&one["id"]]).await;
    assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!("/attachments/0")), "{refused}");

    // Over the WebSocket, with a new ticket, and with the follow-up of a closed one.
    let mut peer = app.live_peer(ADMIN, &["board"]).await;
    let by_socket = app.upload_as(ADMIN, "socket.txt", b"socket").await;
    let message = json!({"type": "message", "body": "b", "visibility": "internal", "attachments": [by_socket["id"]]});
    let ok = peer.command("c1", Some(ticket), message.clone()).await;
    assert_eq!(ok["t"], "ok", "{ok}");
    assert_eq!(peer.command("c1", Some(ticket), message).await["version"], ok["version"]);
    peer.read_to(ok["seq"].as_u64().unwrap()).await;
    let record = peer.records.iter().find(|record| record["event"]["type"] == "message_added").unwrap();
    assert_eq!(record["event"]["message"]["attachments"], json!([by_socket["attachment"]]));
    let with_ticket = app.upload_as(ADMIN, "new.txt", b"new").await;
    let opened = app.ticket("Two", json!({"attachments": [with_ticket["id"]]})).await["id"].as_u64().unwrap();
    let thread = app.get(&format!("/api/v1/tickets/{opened}?include=messages")).await;
    assert_eq!(thread["messages"][0]["attachments"], json!([with_ticket["attachment"]]));
    assert_eq!(app.call("PATCH", &format!("/api/v1/tickets/{opened}"), json!({"status": "closed"})).await.0, 200);
    let late = app.upload_as(ADMIN, "late.txt", b"late").await;
    let (_, follow_up) = reply_with(&app, opened, &[&late["id"]]).await;
    assert_eq!(follow_up["ticket"]["follow_up_of"], opened, "{follow_up}");
    assert_eq!(follow_up["message"]["attachments"], json!([late["attachment"]]));

    // A refused message takes nothing: the file is still there for the next one.
    let kept = app.upload_as(ADMIN, "kept.txt", b"kept").await;
    assert_eq!(reply_with(&app, 999_999, &[&kept["id"]]).await.0, 404);
    let half = begin(&app, "half.txt", 10).await;
    assert_eq!(reply_with(&app, ticket, &[&kept["id"], &json!(half)]).await.0, 422);
    assert_eq!(reply_with(&app, ticket, &[&kept["id"], &kept["id"]]).await.0, 422);
    assert_eq!(reply_with(&app, ticket, &[&kept["id"]]).await.0, 201);
    app.stop().await;
}

/// U5, U4: the bytes come back as they went, whole and in part, and a picture has a small one.
#[actix_web::test]
async fn u5_files_come_back_as_they_went() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::in_folder(folder.path()).await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let (bytes, picture) = (noise(1_300_000), png(1_000, 500));
    let file = app.upload_as(ADMIN, "Zoë \"x\".bin", &bytes).await;
    let image = app.upload_as(ADMIN, "picture.png", &picture).await;
    assert_eq!(image["attachment"]["thumbnail"], true, "{image}");
    assert_eq!(reply_with(&app, ticket, &[&file["id"], &image["id"]]).await.0, 201);
    let content = format!("{UPLOADS}/{}/content", file["id"].as_str().unwrap());
    let whole = app.request("GET", &content).send().await.unwrap();
    assert_eq!(whole.headers()["content-length"], "1300000");
    assert_eq!(whole.headers()["accept-ranges"], "bytes");
    assert_eq!(whole.bytes().await.unwrap(), bytes);
    for (range, expect) in
        [("bytes=5-9", 5..10), ("bytes=1299990-", 1_299_990..1_300_000), ("bytes=-3", 1_299_997..1_300_000)]
    {
        let part = app.request("GET", &content).header("range", range).send().await.unwrap();
        assert_eq!(part.status(), 206);
        let told = format!("bytes {}-{}/1300000", expect.start, expect.end - 1);
        assert_eq!(part.headers()["content-range"], told.as_str());
        assert_eq!(part.bytes().await.unwrap(), bytes[expect]);
    }
    let small = app.request("GET", &content.replace("content", "thumbnail")).send().await.unwrap();
    assert_eq!(small.status(), 404, "what is no picture has none");
    let small = format!("{UPLOADS}/{}/thumbnail", image["id"].as_str().unwrap());
    let small = app.request("GET", &small).send().await.unwrap();
    assert_eq!((small.status().as_u16(), &small.headers()["content-type"]), (200, &"image/jpeg".parse().unwrap()));
    let small = image::load_from_memory(&small.bytes().await.unwrap()).unwrap();
    assert_eq!((small.width(), small.height()), (480, 240));
    app.stop().await;
}

/// U6: every limit is an answer that names it, and what is there already stays.
#[actix_web::test]
async fn u6_files_are_limited() {
    let app = TestApp::with(|config| {
        let files = &mut config.attachments;
        (files.file_bytes, files.message_files, files.ticket_files, files.ticket_bytes) = (100, 2, 3, 250);
        (files.uploads, files.user_bytes_per_h) = (4, 1_000);
    })
    .await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let (status, refused) = app.call("POST", UPLOADS, json!({"name": "a", "bytes": 101})).await;
    assert_eq!((status, &refused["errors"][0]["code"]), (422, &json!("too_big")), "{refused}");
    let file = async || app.upload_as(ADMIN, "a", &[b'a'; 100]).await["id"].clone();
    let (a, b, c) = (file().await, file().await, file().await);
    let (status, refused) = reply_with(&app, ticket, &[&a, &b, &c]).await;
    assert_eq!((status, &refused["errors"][0]["code"]), (422, &json!("too_many")), "{refused}");
    assert_eq!(reply_with(&app, ticket, &[&a, &b]).await.0, 201);
    let (status, refused) = reply_with(&app, ticket, &[&c]).await;
    assert_eq!((status, &refused["errors"][0]["code"]), (422, &json!("too_big")), "300 bytes of 250: {refused}");
    let tiny = app.upload_as(ADMIN, "t", b"t").await["id"].clone();
    assert_eq!(reply_with(&app, ticket, &[&tiny]).await.0, 201);
    let (tiny, least) = (app.upload_as(ADMIN, "t", b"t").await["id"].clone(), begin(&app, "u", 1).await);
    let (status, refused) = reply_with(&app, ticket, &[&tiny]).await;
    assert_eq!((status, &refused["errors"][0]["code"]), (422, &json!("too_many")), "a fourth of three: {refused}");
    // Three wait by now; a fourth may, a fifth may not.
    begin(&app, "v", 1).await;
    let full = send(app.request("POST", UPLOADS).json(&json!({"name": "w", "bytes": 1}))).await;
    assert_eq!(full.refusal(), (429, "too_many"));
    assert_eq!(app.call("DELETE", &format!("{UPLOADS}/{least}"), Value::Null).await.0, 204);
    let (_, token) = app.user("ann", "agent").await;
    for _ in 0..10 {
        let upload = app.upload_as(&token, "h", &[b'a'; 100]).await;
        let path = format!("{UPLOADS}/{}", upload["id"].as_str().unwrap());
        assert_eq!(app.call_as(&token, "DELETE", &path, Value::Null).await.0, 204);
    }
    let request = || app.anonymous("POST", UPLOADS).bearer_auth(&token).json(&json!({"name": "h", "bytes": 1}));
    let over = send(request()).await;
    assert_eq!((over.refusal(), over.header("retry-after")), ((429, "too_many"), "3600"));
    app.clock.advance(3_600_000);
    assert_eq!(send(request()).await.status, 201);
    app.stop().await;
}

/// U7: what nobody sent goes after its time, with its bytes; what a message took stays.
#[actix_web::test]
async fn u7_what_nobody_sent_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::in_folder(folder.path()).await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let sent = app.upload_as(ADMIN, "sent.png", &png(600, 600)).await;
    assert_eq!(reply_with(&app, ticket, &[&sent["id"]]).await.0, 201);
    let left = app.upload_as(ADMIN, "left.png", &png(600, 600)).await;
    begin(&app, "half", 10).await;
    let files = || crate::support_files::count(&folder.path().join("attachments"));
    assert_eq!((files(), app.desk.attachments.collect().await), (4, 0));
    app.clock.advance(86_400_001);
    let young = begin(&app, "young", 10).await;
    assert_eq!((app.desk.attachments.collect().await, files()), (2, 2));
    assert_eq!(app.call("GET", &format!("{UPLOADS}/{}", left["id"].as_str().unwrap()), Value::Null).await.0, 404);
    assert_eq!(app.call("GET", &format!("{UPLOADS}/{young}"), Value::Null).await.0, 200);
    let path = format!("{UPLOADS}/{}/content", sent["id"].as_str().unwrap());
    assert_eq!(app.request("GET", &path).send().await.unwrap().status(), 200);
    assert!(app.journal.asides("uploads/").unwrap().iter().all(|(key, _)| key.ends_with(&young)));
    app.stop().await;
}

/// U7: where the place does not let go of one, the others wait for the next time, and nobody for them.
#[actix_web::test]
async fn u7_removing_stops_where_the_place_fails() {
    let bucket = Bucket::start().await;
    let address = bucket.address.clone();
    let app = TestApp::with(|config| {
        config.storage.google_endpoint = address;
        config.attachments.place = "gs://desk/files".to_owned();
    })
    .await;
    for name in ["one.txt", "two.txt", "three.txt"] {
        app.upload_as(ADMIN, name, b"text").await;
    }
    app.clock.advance(86_400_001);
    bucket.break_down(true);
    let before = bucket.calls();
    assert_eq!((app.desk.attachments.collect().await, bucket.calls() - before), (0, 1));
    bucket.break_down(false);
    assert_eq!((app.desk.attachments.collect().await, bucket.names().len()), (3, 0));
    app.stop().await;
    bucket.stop().await;
}

/// U7: an upload of which a part was removed cannot be sent any more, neither at once nor after a restart; it is sent anew or goes.
#[actix_web::test]
async fn u7_what_is_half_removed_cannot_be_sent() {
    let bucket = Bucket::start().await;
    let journal = Arc::new(MemoryJournal::new());
    let start = async || {
        let address = bucket.address.clone();
        TestApp::on(journal.clone(), Clock::manual(START), |config| {
            config.storage.google_endpoint = address;
            config.attachments.place = "gs://desk/files".to_owned();
        })
        .await
    };
    let app = start().await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let id = app.upload_as(ADMIN, "one.txt", b"text").await["id"].clone();
    bucket.break_down(true);
    let path = format!("{UPLOADS}/{}", id.as_str().unwrap());
    assert_eq!(app.call("DELETE", &path, Value::Null).await.0, 503);
    bucket.break_down(false);
    assert_eq!(reply_with(&app, ticket, &[&id]).await.0, 422);
    app.stop().await;
    let app = start().await;
    assert_eq!(reply_with(&app, ticket, &[&id]).await.0, 422);
    assert_eq!(app.send_bytes(ADMIN, id.as_str().unwrap(), 0, b"text").await.0, 200);
    assert_eq!(reply_with(&app, ticket, &[&id]).await.0, 201);
    app.stop().await;
    bucket.stop().await;
}

/// U8: in a bucket it is the same; while the bucket fails the sender is told, and goes on later.
#[actix_web::test]
async fn u8_a_bucket_holds_files_like_a_folder() {
    let bucket = Bucket::start().await;
    let address = bucket.address.clone();
    let app = TestApp::with(|config| {
        config.storage.google_endpoint = address;
        config.attachments.place = "gs://desk/files".to_owned();
        config.attachments.file_bytes = 32 << 20;
    })
    .await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let storage = app.desk.attachments.storage();
    storage.put("probe", bytes::Bytes::from_static(b"probe")).await.unwrap();
    assert_eq!((storage.list("").await.unwrap().len(), &bucket.names()[0]), (1, &"files/probe".to_owned()));
    storage.delete("probe").await.unwrap();
    // Large enough to go in parts.
    let bytes = noise(11 << 20);
    let large = app.upload_as(ADMIN, "large.bin", &bytes).await;
    let picture = app.upload_as(ADMIN, "picture.png", &png(900, 300)).await;
    let id = large["id"].as_str().unwrap();
    assert_eq!(bucket.object(&format!("files/{}/{id}", &id[..2])).unwrap(), bytes);
    assert_eq!(bucket.names().len(), 3, "{:?}", bucket.names());
    assert_eq!(reply_with(&app, ticket, &[&large["id"], &picture["id"]]).await.0, 201);
    let content = format!("{UPLOADS}/{id}/content");
    let whole = app.request("GET", &content).send().await.unwrap();
    assert_eq!(whole.bytes().await.unwrap(), bytes);
    let part = app.request("GET", &content).header("range", "bytes=1048576-1048579").send().await.unwrap();
    assert_eq!(part.bytes().await.unwrap(), bytes[1_048_576..1_048_580]);

    let (later, before) = (begin(&app, "later.txt", 5).await, bucket.calls());
    bucket.break_down(true);
    let (status, refused) = app.send_bytes(ADMIN, &later, 0, b"hello").await;
    assert_eq!((status, &refused["code"], &refused["retryable"]), (503, &json!("unavailable"), &json!(true)));
    assert_eq!(app.request("GET", &content).send().await.unwrap().status(), 503);
    assert!(bucket.calls() > before);
    bucket.break_down(false);
    let (status, whole) = app.send_bytes(ADMIN, &later, 5, b"").await;
    assert_eq!((status, whole["attachment"].is_object()), (200, true), "{whole}");
    app.clock.advance(86_400_001);
    assert_eq!(app.desk.attachments.collect().await, 1);
    assert_eq!(bucket.names().len(), 3, "{:?}", bucket.names());
    app.stop().await;
    bucket.stop().await;
}

/// U9: a restart keeps what was whole; what was half begins anew.
#[actix_web::test]
async fn u9_a_restart_keeps_what_was_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, clock) = (Arc::new(MemoryJournal::new()), Clock::manual(START));
    let app = TestApp::on_in(journal.clone(), clock.clone(), folder.path()).await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let whole = app.upload_as(ADMIN, "whole.txt", b"whole").await;
    let sent = app.upload_as(ADMIN, "sent.txt", b"sent").await;
    assert_eq!(reply_with(&app, ticket, &[&sent["id"]]).await.0, 201);
    let half = begin(&app, "half.txt", 10).await;
    app.send_bytes(ADMIN, &half, 0, b"hello").await;
    app.stop().await;

    let app = TestApp::on_in(journal, clock, folder.path()).await;
    assert_eq!(app.get(&format!("{UPLOADS}/{half}")).await["received"], 0);
    assert_eq!(app.send_bytes(ADMIN, &half, 0, b"hello you!").await.0, 200);
    assert_eq!(reply_with(&app, ticket, &[&whole["id"], &json!(half)]).await.0, 201);
    for (id, bytes) in [(&whole["id"], "whole"), (&sent["id"], "sent"), (&json!(half), "hello you!")] {
        let path = format!("{UPLOADS}/{}/content", id.as_str().unwrap());
        assert_eq!(send(app.request("GET", &path)).await.text, bytes);
    }
    app.stop().await;
}
