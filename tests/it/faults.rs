//! What goes wrong, and what is still true then.

use std::sync::Arc;

use hotdesk::app::{Death, ServeError};
use hotdesk::clock::Clock;
use hotdesk::domain::ids::TicketId;
use hotdesk::domain::ticket::Status;
use hotdesk::journal::memory::{Fault, MemoryJournal};
use hotdesk::journal::{Journal, sample};
use serde_json::{Value, json};

use crate::support::{ADMIN, START, TestApp};

/// J90: on a full disk writes are refused, reads go on, and writing goes on when there is room.
#[actix_web::test]
async fn j90_a_full_disk_refuses_writes_and_loses_nothing() {
    let journal = Arc::new(MemoryJournal::new());
    let app = TestApp::on(journal.clone(), Clock::manual(START), |_| {}).await;
    app.ticket("Before", json!({})).await;
    journal.set_full(true);
    let (status, problem) = app.call("PATCH", "/api/v1/tickets/1", json!({"priority": "high"})).await;
    assert_eq!((status, &problem["code"], &problem["retryable"]), (507, &json!("storage_full"), &json!(true)));
    assert_eq!(app.get("/api/v1/tickets/1").await["priority"], "normal");
    let head = app.desk.feed.head();
    journal.set_full(false);
    app.until("there is room again", async || {
        app.call("PATCH", "/api/v1/tickets/1", json!({"priority": "high"})).await.0 == 200
    })
    .await;
    assert_eq!(app.desk.feed.head(), head.next(), "no seq was spent on what was refused");
    app.stop().await;
}

/// J91: after an I/O error nothing is acknowledged any more, and the desk ends.
#[actix_web::test]
async fn j91_a_failed_disk_ends_the_desk() {
    let journal = Arc::new(MemoryJournal::new());
    let mut app = TestApp::on(journal.clone(), Clock::manual(START), |_| {}).await;
    app.ticket("Before", json!({})).await;
    journal.fail_next(Fault::Storage);
    let (status, _) = app.call("PATCH", "/api/v1/tickets/1", json!({"priority": "high"})).await;
    assert_eq!(status, 503);
    assert!(matches!(app.deaths.recv().await, Some(Death::Storage(_))));
    let (status, _) = app.call("PATCH", "/api/v1/tickets/1", json!({"priority": "low"})).await;
    assert_eq!(status, 503);
    let reopened = journal.reopen().unwrap();
    assert_eq!(reopened.state(TicketId(1)).unwrap().unwrap().ticket.version.get(), 1);
    app.stop().await;
}

/// T90: a ticket whose actor dies is woken again from the journal; the others do not notice.
#[actix_web::test]
async fn t90_a_dead_ticket_wakes_again() {
    let app = TestApp::start().await;
    app.ticket("One", json!({})).await;
    app.ticket("Two", json!({})).await;
    app.desk.directory.crash(TicketId(1));
    let (status, ticket) = app.call("PATCH", "/api/v1/tickets/1", json!({"priority": "high"})).await;
    assert_eq!((status, &ticket["version"]), (200, &json!(2)), "{ticket}");
    assert_eq!(app.call("PATCH", "/api/v1/tickets/2", json!({"priority": "high"})).await.0, 200);
    app.stop().await;
}

/// Q90: the desk does not run without its queue: its death ends the desk.
#[actix_web::test]
async fn q90_the_queues_death_ends_the_desk() {
    let mut app = TestApp::start().await;
    app.desk.queue.crash();
    assert!(matches!(app.deaths.recv().await, Some(Death::Part("queue"))));
    let (status, problem) = app.call("POST", "/api/v1/queue/claim", json!({})).await;
    assert_eq!((status, &problem["code"]), (503, &json!("unavailable")));
    app.stop().await;
}

/// T91: more commands for one ticket than may wait are told so at once; those that were taken are done.
#[actix_web::test]
async fn t91_a_crowded_ticket_answers_overloaded() {
    let journal = Arc::new(MemoryJournal::new());
    let app = TestApp::on(journal.clone(), Clock::manual(START), |config| config.tickets.mailbox = 4).await;
    app.ticket("One", json!({})).await;
    let mut peer = app.live_peer(ADMIN, &[]).await;
    let gate = journal.hold();
    for number in 0..12 {
        let update = json!({"type": "update", "subject": format!("Subject {number}")});
        peer.send(json!({"t": "cmd", "id": format!("c-{number}"), "ticket": 1, "do": update})).await;
    }
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(peer.expect("err").await);
    }
    assert!(answers.iter().all(|answer| answer["code"] == "overloaded" && answer["retryable"] == true), "{answers:?}");
    gate.open();
    for _ in 0..4 {
        peer.expect("ok").await;
    }
    assert_eq!(app.get("/api/v1/tickets/1").await["version"], 5);
    app.stop().await;
}

/// F90: nothing is shown before it is on disk: while a commit is under way nobody sees its record.
#[actix_web::test]
async fn f90_nothing_is_shown_before_it_is_on_disk() {
    let journal = Arc::new(MemoryJournal::new());
    let app = TestApp::on(journal.clone(), Clock::manual(START), |_| {}).await;
    app.ticket("One", json!({})).await;
    let mut watcher = app.live_peer(ADMIN, &["board"]).await;
    watcher.expect("upto").await;
    let mut writer = app.live_peer(ADMIN, &[]).await;
    let gate = journal.hold();
    writer.send(json!({"t": "cmd", "id": "x", "ticket": 1, "do": {"type": "update", "priority": "high"}})).await;
    let gate = actix_rt::task::spawn_blocking(move || {
        gate.wait_for_commit();
        gate
    })
    .await
    .unwrap();
    assert_eq!(app.get("/api/v1/tickets/1").await["priority"], "normal");
    watcher.send(json!({"t": "sub", "topics": ["queue"]})).await;
    assert_eq!(watcher.next().await["t"], "upto", "no record yet");
    gate.open();
    assert_eq!(watcher.expect("rec").await["patch"]["priority"], "high");
    assert_eq!(writer.expect("ok").await["version"], 2);
    app.stop().await;
}

/// T92: a ticket that nobody needs is let go and comes back as it was.
#[actix_web::test]
async fn t92_idle_tickets_retire_and_wake() {
    let app = TestApp::start().await;
    app.ticket("One", json!({})).await;
    assert_eq!(app.desk.directory.awake(), 1);
    app.clock.advance(app.desk.config.tickets.idle_ms + 1);
    app.desk.directory.retire_idle();
    assert_eq!(app.desk.directory.awake(), 0);
    let (status, ticket) = app.call("PATCH", "/api/v1/tickets/1", json!({"priority": "high"})).await;
    assert_eq!((status, &ticket["version"]), (200, &json!(2)));
    let (status, _) = app.call("PATCH", "/api/v1/tickets/99", Value::Null).await;
    assert!(status == 404 || status == 400 || status == 415, "{status}");
    app.stop().await;
}

/// J93: a disk that fails while the desk leaves is told.
#[actix_web::test]
async fn j93_a_disk_that_fails_at_the_end_is_told() {
    let journal = Arc::new(MemoryJournal::new());
    let mut app = TestApp::on(journal.clone(), Clock::manual(START), |_| {}).await;
    app.ticket("Before", json!({})).await;
    journal.fail_next(Fault::Storage);
    let (status, _) = app.call("PATCH", "/api/v1/tickets/1", json!({"priority": "high"})).await;
    assert_eq!(status, 503);
    assert!(matches!(app.depart().await, Err(ServeError::Storage(_))));

    let mut app = TestApp::on(Arc::new(MemoryJournal::new()), Clock::manual(START), |_| {}).await;
    app.ticket("Before", json!({})).await;
    assert!(app.depart().await.is_ok());
}

/// T95: records' times never run backwards, also when the machine's clock does.
#[actix_web::test]
async fn t95_times_never_run_backwards() {
    let journal = Arc::new(MemoryJournal::new());
    let app = TestApp::on(journal.clone(), Clock::manual(START), |_| {}).await;
    app.ticket("One", json!({})).await;
    app.stop().await;
    let app = TestApp::on(journal.clone(), Clock::manual(START - 3_600_000), |_| {}).await;
    app.call("PATCH", "/api/v1/tickets/1", json!({"priority": "high"})).await;
    app.clock.advance(3_600_000 + 5_000);
    app.call("PATCH", "/api/v1/tickets/1", json!({"priority": "low"})).await;
    let records = journal.read(hotdesk::domain::ids::Seq::ZERO, 10, usize::MAX).unwrap();
    let times: Vec<i64> = records.iter().map(|stored| stored.record().unwrap().at.as_millis() - START).collect();
    assert_eq!(times, [0, 0, 5_000]);
    app.stop().await;
}

/// T96: a command for two tickets is decided again where the journal knows a newer version of one of them.
#[actix_web::test]
async fn t96_two_tickets_are_read_again_when_they_are_behind() {
    let journal = Arc::new(MemoryJournal::new());
    let app = TestApp::on(journal.clone(), Clock::manual(START), |_| {}).await;
    for subject in ["One", "Two"] {
        app.ticket(subject, json!({})).await;
    }
    for (id, kind) in [(1, "causes"), (2, "duplicate_of")] {
        // Behind the backs of the tickets in memory, as one that died left it.
        let before = Arc::new(journal.state(TicketId(id)).unwrap().unwrap());
        let version = before.ticket.version.get();
        app.desk.writer.append(sample::moved(&before, Status::Pending)).await.unwrap();
        let (status, ticket) = app.call("POST", "/api/v1/tickets/1/link", json!({"to": 2, "kind": kind})).await;
        assert_eq!(status, 200, "{ticket}");
        let other = journal.state(TicketId(id)).unwrap().unwrap();
        assert!(other.ticket.version.get() > version + 1, "the link came after what was not known");
    }
    // And whatever refuses a command, the tickets know by then what the journal knows.
    let before = Arc::new(journal.state(TicketId(2)).unwrap().unwrap());
    app.desk.writer.append(sample::moved(&before, Status::Closed)).await.unwrap();
    let refused = app.call("POST", "/api/v1/tickets/1/link", json!({"to": 2, "kind": "related"})).await;
    assert_eq!((refused.0, &refused.1["errors"][0]["pointer"]), (422, &json!("/to")), "{}", refused.1);
    app.stop().await;
}
