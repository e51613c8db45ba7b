//! Copies of the whole desk, and desks made of them.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hotdesk::clock::Clock;
use hotdesk::journal::sled_store::{Options, SledJournal};
use hotdesk::journal::{Head, Journal, JournalError};
use serde_json::{Value, json};

use crate::bucket::Bucket;
use crate::support::{ADMIN, START, TestApp, send};

fn hotdesk(line: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_hotdesk")).args(line).env_remove("HOTDESK_TOKEN").output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code().unwrap(), text)
}

/// The last owner lets go a moment before the lock is free.
fn open(data: &Path) -> Arc<SledJournal> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match SledJournal::open(data, &Options::default()) {
            Err(JournalError::InUse { .. }) if Instant::now() < deadline => std::thread::yield_now(),
            other => return Arc::new(other.unwrap()),
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A desk on disk with a ticket that has a file, and a note of what it was.
async fn filled(data: &Path) -> TestApp {
    let app = TestApp::on_in(open(data), Clock::manual(START), data).await;
    add(&app, "first").await;
    app
}

async fn add(app: &TestApp, word: &str) -> u64 {
    let file = app.upload_as(ADMIN, &format!("{word}.txt"), word.as_bytes()).await;
    let requester = json!({"name": "Ada", "email": format!("{word}@example.org")});
    let fields = json!({"requester": requester, "attachments": [file["id"]], "custom": {"secret": word}});
    app.ticket(&format!("About {word}"), fields).await["id"].as_u64().unwrap()
}

/// What a desk is, as its users see it.
async fn seen(data: &Path) -> (Head, Value, Vec<String>) {
    let journal = open(data);
    let head = journal.head();
    let app = TestApp::on_in(journal, Clock::manual(START), data).await;
    let snapshot = app.get("/api/v1/snapshot").await;
    let mut files = Vec::new();
    for ticket in snapshot["board"].as_array().unwrap() {
        let thread = app.get(&format!("/api/v1/tickets/{}?include=messages", ticket["id"])).await;
        for file in thread["messages"][0]["attachments"].as_array().unwrap() {
            let path = format!("/api/v1/attachments/{}/content", file["id"].as_str().unwrap());
            files.push(send(app.request("GET", &path)).await.text);
        }
    }
    let audit = app.get("/api/v1/audit?action=user_created").await["data"].as_array().unwrap().len();
    assert!(audit > 0, "the audit log came along");
    stop(app).await;
    (head, snapshot["board_hash"].clone(), files)
}

/// O20: a desk that stands still goes into one file, with people, audit log and files, and comes back as it was.
#[actix_web::test]
async fn o20_a_whole_desk_goes_into_one_file() {
    let (data, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let app = filled(data.path()).await;
    app.user("ann", "agent").await;
    let file = data.path().join("desk.ndjson.zst");
    let (status, told) = hotdesk(&["backup", "--data", text(data.path()), text(&file)]);
    assert_eq!(status, 1, "{told}");
    assert!(told.contains("in use") && told.contains("--from"), "{told}");
    stop(app).await;
    let (status, told) = hotdesk(&["backup", "--data", text(data.path()), text(&file), "--check"]);
    assert_eq!(status, 0, "{told}");
    assert!(told.contains("1 records") && told.contains("files") && told.contains("checked:"), "{told}");
    let (status, told) = hotdesk(&["restore", text(&file), "--data", text(new.path())]);
    assert_eq!(status, 0, "{told}");
    let (status, told) = hotdesk(&["audit", "verify", "--data", text(new.path())]);
    assert_eq!((status, told.contains("each follows")), (0, true), "{told}");
    assert_eq!(seen(new.path()).await, seen(data.path()).await);
    let (status, told) = hotdesk(&["restore", text(&file), "--data", text(new.path())]);
    assert_eq!((status, told.contains("holds a journal already")), (1, true), "{told}");
    // Half of it is nothing.
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() * 2 / 3]).unwrap();
    let third = tempfile::tempdir().unwrap();
    assert_eq!(hotdesk(&["restore", text(&file), "--data", text(third.path())]).0, 1);
    assert!(!SledJournal::exists(third.path()));
}

/// Stops a desk until its journal is free.
async fn stop(app: TestApp) {
    let journal = Arc::downgrade(&app.journal);
    app.stop().await;
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while journal.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    });
    waited.await.unwrap();
}

/// O21: a running desk is copied by whoever may, while it goes on; the copy holds everything up to where it began.
#[actix_web::test]
async fn o21_a_running_desk_is_copied() {
    let (data, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let app = filled(data.path()).await;
    let (_, agent) = app.user("ann", "agent").await;
    let refused = send(app.anonymous("GET", "/api/v1/backups/archive").bearer_auth(&agent)).await;
    assert_eq!(refused.refusal(), (403, "forbidden"));
    let file = data.path().join("desk.ndjson.zst");
    let (url, at) = (format!("http://{}", app.address), text(&file).to_owned());
    let taken =
        tokio::task::spawn_blocking(move || hotdesk(&["backup", "--from", &url, "--token", ADMIN, &at, "--check"]));
    let (status, told) = taken.await.unwrap();
    assert_eq!(status, 0, "{told}");
    assert!(told.contains("checked:"), "{told}");
    add(&app, "later").await;
    let audit = app.get("/api/v1/audit?action=backed_up").await;
    assert_eq!(audit["data"][0]["target"], "archive", "{audit}");
    stop(app).await;
    assert_eq!(hotdesk(&["restore", text(&file), "--data", text(new.path())]).0, 0);
    let (head, _, files) = seen(new.path()).await;
    assert_eq!((head.seq.get(), files), (1, vec!["first".to_owned()]));
}

/// A desk whose buckets are these.
async fn desk_with_place(
    bucket: &Bucket,
    data: &Path,
    clock: &Clock,
    change: impl FnOnce(&mut hotdesk::config::Backup),
) -> TestApp {
    TestApp::on_in_with(open(data), clock.clone(), data, |config| {
        config.storage.google_endpoint.clone_from(&bucket.address);
        change(&mut config.backup);
    })
    .await
}

/// O22: copies in a place add only what is new, by the clock and on demand, each read back; the newest comes back whole, an older
/// one too, and what no copy needs any more is removed.
#[actix_web::test]
async fn o22_copies_in_a_place_add_what_is_new() {
    let bucket = Bucket::start().await;
    let data = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let app = desk_with_place(&bucket, data.path(), &clock, |backup| {
        backup.place = "gs://desk/copies".to_owned();
        backup.keep = 2;
    })
    .await;
    app.user("ann", "agent").await;
    add(&app, "first").await;
    let made = async |app: &TestApp| {
        let mut state = Value::Null;
        app.until("the backup is made", async || {
            state = app.get("/api/v1/backups").await;
            state["running"] == false
        })
        .await;
        assert_eq!(state["failed"], Value::Null, "{state}");
        state["last"].clone()
    };
    app.desk.backups.tick();
    app.until("the clock began one", async || app.get("/api/v1/backups").await["last"].is_object()).await;
    let first = made(&app).await;
    assert_eq!(
        (&first["seq"], &first["new_records"], &first["new_files"]),
        (&json!(1), &json!(1), &json!(1)),
        "{first}"
    );
    assert_eq!(first["checked"], true);
    let copies = bucket.names().len();
    app.desk.backups.tick();
    add(&app, "second").await;
    clock.advance(1_000);
    assert_eq!(app.call("POST", "/api/v1/backups", Value::Null).await.0, 202);
    let second = made(&app).await;
    assert_eq!(
        (&second["seq"], &second["new_records"], &second["new_files"]),
        (&json!(2), &json!(1), &json!(1)),
        "{second}"
    );
    assert!(bucket.names().len() > copies);
    clock.advance(1_000);
    add(&app, "third").await;
    assert_eq!(app.call("POST", "/api/v1/backups", Value::Null).await.0, 202);
    made(&app).await;
    let sheets =
        |bucket: &Bucket| bucket.names().into_iter().filter(|name| name.contains("/sheets/")).collect::<Vec<_>>();
    assert_eq!(sheets(&bucket).len(), 2, "of three the newest two are kept");
    let parts = bucket.names().into_iter().filter(|name| name.contains("/parts/")).count();
    assert_eq!(parts, 3, "the first part belongs to both");
    stop(app).await;

    let here = seen(data.path()).await;
    let restore = |data: &Path, more: &[&str]| {
        let line = [&["restore", "--from", "gs://desk/copies", "--data", text(data)], more].concat();
        let line: Vec<String> = line.into_iter().map(str::to_owned).collect();
        let address = bucket.address.clone();
        tokio::task::spawn_blocking(move || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_hotdesk"));
            let output = command.args(line).env("HOTDESK__STORAGE__GOOGLE_ENDPOINT", address).output().unwrap();
            (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
        })
    };
    let new = tempfile::tempdir().unwrap();
    let (status, told) = restore(new.path(), &[]).await.unwrap();
    assert_eq!(status, 0, "{told}");
    assert_eq!(seen(new.path()).await, here);
    let older = tempfile::tempdir().unwrap();
    let name = sheets(&bucket)[0].trim_start_matches("copies/").to_owned();
    assert_eq!(restore(older.path(), &["--sheet", &name]).await.unwrap().0, 0);
    assert_eq!(seen(older.path()).await.0.seq.get(), 2);
    // A part that was changed is not taken.
    let part = bucket.names().into_iter().find(|name| name.contains("/parts/")).unwrap();
    bucket.spoil(&part);
    let spoiled = tempfile::tempdir().unwrap();
    let (status, told) = restore(spoiled.path(), &[]).await.unwrap();
    assert_eq!(status, 1, "{told}");
    assert!(!SledJournal::exists(spoiled.path()));
    bucket.stop().await;
}

/// O24: what a person wrote is erased: no byte of it is left in the folder, and everything else is as it was.
#[actix_web::test]
async fn o24_what_somebody_wrote_is_erased() {
    let data = tempfile::tempdir().unwrap();
    let app = filled(data.path()).await;
    app.user("ann", "agent").await;
    let erased = add(&app, "canary").await;
    let body = json!({"body": "A reply about the canary-reply", "visibility": "public"});
    assert_eq!(app.call("POST", &format!("/api/v1/tickets/{erased}/messages"), body).await.0, 201);
    let change = json!({"subject": "canary-subject", "priority": "high"});
    assert_eq!(app.call("PATCH", &format!("/api/v1/tickets/{erased}"), change).await.0, 200);
    let before = app.get("/api/v1/tickets/1?include=messages,events").await;
    let versions = app.get(&format!("/api/v1/tickets/{erased}")).await["version"].clone();
    stop(app).await;
    let line = ["erase", "--requester", "CANARY@example.org", "--data", text(data.path())];
    let (status, told) = hotdesk(&line);
    assert_eq!(status, 0, "{told}");
    assert!(told.contains("1 tickets") && told.contains("1 files"), "{told}");
    assert!(!contains(data.path(), b"canary"), "something is left of it");
    assert_eq!(hotdesk(&["journal", "verify", "--data", text(data.path())]).0, 0);
    let journal = open(data.path());
    let app = TestApp::on_in(journal, Clock::manual(START), data.path()).await;
    let ticket = app.get(&format!("/api/v1/tickets/{erased}?include=messages,events")).await;
    assert_eq!((&ticket["subject"], &ticket["priority"]), (&json!("[erased]"), &json!("high")));
    assert_eq!((&ticket["version"], &ticket["custom"]), (&versions, &json!({})));
    assert_eq!(ticket["messages"][0]["attachments"], json!([]));
    assert_eq!(app.get("/api/v1/tickets/1?include=messages,events").await, before);
    assert!(app.get("/api/v1/tickets?q=canary").await["data"].as_array().unwrap().is_empty());
    stop(app).await;
    assert!(hotdesk(&line).1.contains("nothing to erase"));
}

/// Whether the bytes stand in some file below the folder, plain or in what is packed there.
fn contains(folder: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            contains(&path, needle)
        } else {
            let bytes = std::fs::read(&path).unwrap();
            bytes.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
        }
    })
}

/// O25: tickets that have been closed for long are found by the day; those that came back to life are not.
#[test]
fn o25_long_closed_tickets_are_found() {
    use hotdesk::domain::ids::TicketId;
    use hotdesk::domain::ticket::Status;
    use hotdesk::journal::erase::{Wanted, find};
    use hotdesk::journal::{memory::MemoryJournal, sample};
    let journal = MemoryJournal::new();
    let mut appends = Vec::new();
    for id in 1..=3 {
        let opened = sample::opened(TicketId(id), "body");
        let state = opened.parts[0].after.clone();
        appends.push(opened);
        if id > 1 {
            let closed = sample::moved(&state, Status::Closed);
            let state = closed.parts[0].after.clone();
            appends.push(closed);
            if id == 3 {
                appends.push(sample::moved(&state, Status::Open));
            }
        }
    }
    let at = appends.iter().flat_map(|append| &append.parts).flat_map(|part| &part.drafts).map(|draft| draft.at).max();
    crate::journal_store::commit(&journal, &appends).unwrap();
    let closed = |then| find(&journal, &Wanted::ClosedBefore(then)).unwrap();
    assert_eq!(closed(at.unwrap().plus_millis(1)), [TicketId(2)].into());
    assert!(closed(at.unwrap().plus_millis(-86_400_000)).is_empty());
}

/// O26: a ticket that has been closed for long lies in the backup place as a file of its own, and no other does.
#[actix_web::test]
async fn o26_long_closed_tickets_are_put_aside() {
    let bucket = Bucket::start().await;
    let data = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let app = desk_with_place(&bucket, data.path(), &clock, |backup| {
        backup.place = "gs://desk".to_owned();
        backup.check = false;
        backup.closed_days = 30;
    })
    .await;
    let (old, revived, open) = (add(&app, "old").await, add(&app, "revived").await, add(&app, "open").await);
    let (_, merged) = app.call("POST", &format!("/api/v1/tickets/{revived}/merge"), json!({"into": open})).await;
    assert_eq!(merged["status"], "closed", "{merged}");
    let undo = app.get(&format!("/api/v1/tickets/{revived}/events?limit=100")).await;
    let command = undo["records"].as_array().unwrap().last().unwrap()["command_id"].clone();
    let undone = app.call("POST", &format!("/api/v1/tickets/{revived}/undo"), json!({"command_id": command})).await;
    assert_eq!(undone.0, 200, "{}", undone.1);
    let close = async |id: u64| {
        assert_eq!(app.call("PATCH", &format!("/api/v1/tickets/{id}"), json!({"status": "closed"})).await.0, 200);
    };
    close(old).await;
    clock.advance(29 * 86_400_000);
    let closed = || {
        bucket
            .names()
            .into_iter()
            .filter(|name| name.ends_with(".ndjson") && name.starts_with("closed/"))
            .collect::<Vec<_>>()
    };
    let back_up = async || {
        assert_eq!(app.call("POST", "/api/v1/backups", Value::Null).await.0, 202);
        app.until("the backup is made", async || app.get("/api/v1/backups").await["running"] == false).await;
        assert_eq!(app.get("/api/v1/backups").await["failed"], Value::Null);
    };
    back_up().await;
    assert!(closed().is_empty());
    close(open).await;
    clock.advance(2 * 86_400_000);
    back_up().await;
    assert_eq!(closed(), [format!("closed/2026-11/{old:012}.ndjson")]);
    let text = String::from_utf8(bucket.object(&closed()[0]).unwrap().to_vec()).unwrap();
    assert!(text.contains("About old") && text.lines().count() >= 2, "{text}");
    clock.advance(40 * 86_400_000);
    back_up().await;
    assert_eq!(closed().len(), 2, "and later what was closed later");
    stop(app).await;
    bucket.stop().await;
}

/// O27: what was put aside keeps its texts, whatever is erased from the desk afterwards, until somebody's own data is erased by name: then
/// it goes, with the files in the backup place, also where the desk itself does not know them any more.
#[actix_web::test]
async fn o27_what_was_put_aside_outlives_what_is_erased_from_the_desk() {
    let (data, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let clock = Clock::manual(START);
    let start = async || {
        TestApp::on_in_with(open(data.path()), clock.clone(), data.path(), |config| {
            config.backup.place = text(place.path()).to_owned();
            config.backup.closed_days = 30;
        })
        .await
    };
    let back_up = async |app: &TestApp| {
        clock.advance(1_000);
        assert_eq!(app.call("POST", "/api/v1/backups", Value::Null).await.0, 202);
        app.until("the backup is made", async || app.get("/api/v1/backups").await["running"] == false).await;
        assert_eq!(app.get("/api/v1/backups").await["failed"], Value::Null);
    };
    let app = start().await;
    let (kept, gone) = (add(&app, "keepsake").await, add(&app, "canary").await);
    for id in [kept, gone] {
        assert_eq!(app.call("PATCH", &format!("/api/v1/tickets/{id}"), json!({"status": "closed"})).await.0, 200);
    }
    clock.advance(31 * 86_400_000);
    back_up(&app).await;
    stop(app).await;
    let aside = |id: u64| std::fs::read(place.path().join(format!("closed/2026-11/{id:012}.ndjson")));
    let before = aside(kept).unwrap();
    assert!(String::from_utf8_lossy(&before).contains("About keepsake"));

    let erase = |line: &[&str]| hotdesk(&[&["erase", "--data", text(data.path())], line].concat());
    let (status, told) = erase(&["--closed-before", "2027-01-01", "--backups", text(place.path())]);
    assert_eq!((status, told.contains("2 tickets")), (0, true), "{told}");
    let app = start().await;
    assert_eq!(app.get(&format!("/api/v1/tickets/{kept}")).await["subject"], "[erased]");
    back_up(&app).await;
    stop(app).await;
    assert_eq!(aside(kept).unwrap(), before, "a later look at the erased desk leaves it alone");

    let files = || {
        std::fs::read_dir(place.path().join("files")).unwrap().flat_map(|folder| {
            std::fs::read_dir(folder.unwrap().path())
                .unwrap()
                .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        })
    };
    assert!(files().any(|file| file == "canary"));
    let line = ["--requester", "Canary@example.org", "--backups", text(place.path())];
    let (status, told) = erase(&line);
    assert_eq!((status, told.contains("1 tickets that were put aside")), (0, true), "{told}");
    assert_eq!(aside(gone).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    assert_eq!(files().collect::<Vec<_>>(), ["keepsake"]);
    assert_eq!(aside(kept).unwrap(), before);
    assert!(erase(&line).1.contains("nothing to erase"));
}

/// O28: an erasure that was cut short goes on when the same command is given again, and nothing of it stays behind.
#[actix_web::test]
async fn o28_an_erasure_that_was_cut_short_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let app = filled(data.path()).await;
    add(&app, "canary").await;
    stop(app).await;
    let line = ["erase", "--requester", "canary@example.org", "--data", text(data.path())];
    // The place for files cannot be written: a folder stands where each of them lay, as a mount that is away leaves one.
    let folders: Vec<_> =
        std::fs::read_dir(data.path().join("attachments")).unwrap().map(|folder| folder.unwrap().path()).collect();
    let mut moved = Vec::new();
    for file in folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()) {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir_all(path.join("in the way")).unwrap();
        moved.push((path, bytes));
    }
    let (status, told) = hotdesk(&line);
    assert_eq!(status, 1, "{told}");
    for (path, bytes) in moved {
        std::fs::remove_dir_all(&path).unwrap();
        std::fs::write(&path, bytes).unwrap();
    }
    let (status, told) = hotdesk(&line);
    assert_eq!((status, told.contains("1 tickets") && told.contains("1 files")), (0, true), "{told}");
    assert!(!contains(data.path(), b"canary"), "something is left of it");
    assert!(contains(data.path(), b"first"));
    assert!(hotdesk(&line).1.contains("nothing to erase"));
}

/// O29: a copy that cannot be read back never counts: the one before stays the newest, and the next begins anew and mends what lay there.
#[actix_web::test]
async fn o29_a_copy_that_cannot_be_read_back_never_counts() {
    let bucket = Bucket::start().await;
    let data = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let app = desk_with_place(&bucket, data.path(), &clock, |backup| backup.place = "gs://desk".to_owned()).await;
    let named = |folder: &str| bucket.names().into_iter().filter(|name| name.starts_with(folder)).collect::<Vec<_>>();
    let back_up = async || {
        clock.advance(1_000);
        assert_eq!(app.call("POST", "/api/v1/backups", Value::Null).await.0, 202);
        let mut state = Value::Null;
        app.until("the backup has ended", async || {
            state = app.get("/api/v1/backups").await;
            state["running"] == false
        })
        .await;
        state
    };
    add(&app, "first").await;
    assert_eq!(back_up().await["last"]["checked"], true);
    let good = named("sheets/");
    // What the first copy wrote has rotted; the second one builds on it.
    for name in named("parts/").iter().chain(&named("files/")) {
        bucket.spoil(name);
    }
    add(&app, "second").await;
    let state = back_up().await;
    assert!(state["failed"]["why"].is_string(), "{state}");
    assert_eq!((named("sheets/"), named("parts/").len(), named("failed/").len()), (good.clone(), 1, 1));
    let state = back_up().await;
    assert_eq!((&state["failed"], &state["last"]["checked"]), (&Value::Null, &json!(true)), "{state}");
    assert_eq!((&state["last"]["new_records"], &state["last"]["new_files"]), (&json!(2), &json!(2)), "everything anew");
    assert!(named("sheets/").len() == 2 && named("failed/").is_empty());

    // A file that the desk itself has lost does not keep it from being copied.
    std::fs::remove_dir_all(data.path().join("attachments")).unwrap();
    add(&app, "third").await;
    bucket.spoil(&named("parts/")[1]);
    assert!(back_up().await["failed"].is_object());
    let state = back_up().await;
    assert_eq!((&state["failed"], &state["last"]["new_files"]), (&Value::Null, &json!(1)), "{state}");
    stop(app).await;
    bucket.stop().await;
}

/// J96: a signal ends the process at once, although a backup waits for a place that does not answer.
#[test]
fn j96_a_backup_that_hangs_does_not_hold_the_process_up() {
    let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut desk = Command::new(env!("CARGO_BIN_EXE_hotdesk"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data", text(data.path())])
        .env("HOTDESK__BACKUP__PLACE", "gs://desk")
        .env("HOTDESK__STORAGE__GOOGLE_ENDPOINT", format!("http://{}", place.local_addr().unwrap()))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The backup asks, and gets no answer.
    let asked = place.accept().unwrap();
    let signalled = Instant::now();
    let pid = rustix::process::Pid::from_child(&desk);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = desk.wait().unwrap();
    assert!(status.success(), "{status}");
    // It would have asked for half a minute and more.
    assert!(signalled.elapsed() < Duration::from_secs(20), "{:?}", signalled.elapsed());
    drop(asked);
}
