use std::time::Duration;

use super::*;
use crate::domain::ids::{Epoch, Version};
use crate::protocol::code::Code;
use crate::protocol::reading::EventsQuery;
use crate::protocol::topic::Topic;

#[derive(serde::Deserialize)]
struct Body {
    epoch: Epoch,
    records: Vec<crate::domain::record::Record>,
    next_after: Seq,
}

fn after(seq: u64) -> EventsQuery {
    EventsQuery { after: Seq(seq), epoch: None, topics: None, limit: 100, wait: None }
}

async fn events(desk: &TestDesk, query: EventsQuery) -> Body {
    let bytes = desk.reads.events(query, &desk.me).await.unwrap();
    let body: Body = serde_json::from_slice(&bytes.json).unwrap();
    assert_eq!(body.next_after, bytes.next_after);
    assert_eq!(body.epoch, desk.journal.epoch());
    body
}

fn seqs(body: &Body) -> Vec<u64> {
    body.records.iter().map(|record| record.seq.get()).collect()
}

/// F65: records come in order, each once, from where the last answer ended.
#[tokio::test]
async fn f65_events_go_on_where_they_ended() {
    let mut desk = TestDesk::new();
    for _ in 0..7 {
        desk.create("Ticket", "Text").await;
    }
    let mut found = Vec::new();
    let mut next = 0;
    loop {
        let body = events(&desk, EventsQuery { limit: 3, ..after(next) }).await;
        if body.records.is_empty() {
            assert_eq!(body.next_after.get(), next);
            break;
        }
        found.extend(seqs(&body));
        next = body.next_after.get();
    }
    assert_eq!(found, (1..=desk.head().get()).collect::<Vec<_>>());
}

/// F66: another epoch or a seq beyond the head needs a new snapshot.
#[tokio::test]
async fn f66_a_position_that_means_nothing_is_refused() {
    let mut desk = TestDesk::new();
    desk.create("Ticket", "Text").await;
    let beyond = after(desk.head().get() + 1);
    let foreign = EventsQuery { epoch: Some("another".into()), ..after(0) };
    for query in [beyond, foreign] {
        assert_eq!(desk.reads.events(query, &desk.me).await.unwrap_err().code, Code::Resnapshot);
    }
    let own = EventsQuery { epoch: Some(desk.journal.epoch()), ..after(0) };
    assert_eq!(seqs(&events(&desk, own).await), [1]);
}

/// F67: a topic lets through its records only, and the position goes on over the others.
#[tokio::test]
async fn f67_events_by_topic() {
    let mut desk = TestDesk::new();
    let (one, two) = (desk.create("One", "Text").await, desk.create("Two", "Text").await);
    desk.note(one, "Nothing for the queue").await;
    desk.act(two, claim()).await;
    desk.note(two, "Mine").await;
    desk.act(two, Command::Release(crate::domain::command::Release::default())).await;
    desk.update(one, priority(Priority::High)).await;
    let of = |topics: &[Topic]| EventsQuery { topics: Some(topics.to_vec()), ..after(0) };
    assert_eq!(seqs(&events(&desk, of(&[Topic::Board])).await), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(seqs(&events(&desk, of(&[Topic::Ticket(one)])).await), [1, 3, 7]);
    let first = events(&desk, EventsQuery { limit: 2, ..of(&[Topic::Ticket(one)]) }).await;
    assert_eq!((seqs(&first), first.next_after), (vec![1, 3], Seq(3)));
    let rest = events(&desk, EventsQuery { after: Seq(3), limit: 2, ..of(&[Topic::Ticket(one)]) }).await;
    assert_eq!((seqs(&rest), rest.next_after), (vec![7], desk.head()));
    assert_eq!(seqs(&events(&desk, of(&[Topic::Queue])).await), [1, 2, 4, 6, 7]);
    assert_eq!(seqs(&events(&desk, of(&[Topic::Mine])).await), [4, 5, 6]);
    assert_eq!(seqs(&events(&desk, of(&[Topic::Ticket(one), Topic::Mine])).await), [1, 3, 4, 5, 6, 7]);
    let none = events(&desk, of(&[Topic::Presence, Topic::Analytics])).await;
    assert_eq!((seqs(&none), none.next_after), (vec![], desk.head()));
}

/// F68: a question that may wait is answered by the next record that suits it, and empty when the time is over or the
/// server leaves.
#[tokio::test]
async fn f68_events_wait() {
    let mut desk = TestDesk::new();
    let one = desk.create("One", "Text").await;
    let reads = Arc::clone(&desk.reads);
    let me = desk.me.clone();
    let waiting = tokio::spawn(async move {
        let query =
            EventsQuery { topics: Some(vec![Topic::Ticket(one)]), wait: Some(Duration::from_secs(30)), ..after(1) };
        reads.events(query, &me).await.unwrap()
    });
    desk.create("Two", "Text").await;
    desk.note(one, "Here").await;
    let body: Body = serde_json::from_slice(&waiting.await.unwrap().json).unwrap();
    assert_eq!(seqs(&body), [3]);

    let at_once = EventsQuery { wait: Some(Duration::ZERO), ..after(3) };
    assert_eq!(seqs(&events(&desk, at_once).await), [] as [u64; 0]);

    let reads = Arc::clone(&desk.reads);
    let me = desk.me.clone();
    let (begins, began) = tokio::sync::oneshot::channel();
    let waiting = tokio::spawn(async move {
        begins.send(()).unwrap();
        reads.events(EventsQuery { wait: Some(Duration::from_secs(30)), ..after(3) }, &me).await.unwrap()
    });
    began.await.unwrap();
    let (reads, me) = (Arc::clone(&desk.reads), desk.me.clone());
    desk.stop();
    let body: Body = serde_json::from_slice(&waiting.await.unwrap().json).unwrap();
    assert_eq!((seqs(&body), body.next_after), (vec![], Seq(3)));

    // Nobody asks and asks a server that leaves; what there is it still tells.
    let wait = Some(Duration::from_secs(30));
    let again = reads.events(EventsQuery { wait, ..after(3) }, &me).await;
    assert_eq!(again.unwrap_err().code, Code::Unavailable);
    for (query, expected) in [(EventsQuery { wait, ..after(2) }, &[3][..]), (after(3), &[])] {
        let body: Body = serde_json::from_slice(&reads.events(query, &me).await.unwrap().json).unwrap();
        assert_eq!(seqs(&body), expected);
    }
}

/// F69: a ticket's thread and records are whole and in order, in pages as asked.
#[tokio::test]
async fn f69_thread_and_records_of_a_ticket() {
    let mut desk = TestDesk::new();
    let id = desk.create("One", "First").await;
    for number in 0..4 {
        desk.note(id, &format!("Note {number}")).await;
        desk.update(id, priority([Priority::High, Priority::Low][number % 2])).await;
    }
    let bodies: Vec<String> =
        desk.reads.thread(id, &desk.me).await.unwrap().into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["First", "Note 0", "Note 1", "Note 2", "Note 3"]);
    let mut versions = Vec::new();
    let mut next = Version::ZERO;
    loop {
        let page = desk.reads.ticket_events(id, next, 4, &desk.me).await.unwrap();
        versions.extend(page.records.iter().map(|record| record.version.get()));
        match page.next_after {
            Some(after) => next = after,
            None => break,
        }
    }
    assert_eq!(versions, (1..=desk.state(id).ticket.version.get()).collect::<Vec<_>>());
    assert_eq!(desk.reads.thread(TicketId(5), &desk.me).await.unwrap_err().code, Code::NotFound);
    let unknown = desk.reads.ticket_events(TicketId(5), Version::ZERO, 4, &desk.me).await;
    assert_eq!(unknown.unwrap_err().code, Code::NotFound);
}

/// F70: the board after a restart is the one before it.
#[tokio::test]
async fn f70_the_board_survives_a_restart() {
    let mut desk = TestDesk::new();
    for number in 0..6 {
        let id = desk.create("Ticket", "Text").await;
        if number % 2 == 0 {
            desk.update(id, status(Status::Pending)).await;
        } else {
            desk.close(id).await;
        }
    }
    let before = desk.reads.board().clone();
    assert_eq!(before.seq(), desk.head());
    let desk = desk.restart();
    let after = desk.reads.board();
    assert_eq!((after.seq(), after.hash(), after.len()), (before.seq(), before.hash(), before.len()));
    assert!(after.tickets().eq(before.tickets()));
}

/// F71: on a disk the read side is the same: after a restart lists, searches, the past and the board are what they were.
#[tokio::test]
async fn f71_restart_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = TestDesk::open(Store::Sled(folder.path().into()), Some(folder.path().into()), Clock::manual(START));
    for number in 0..25 {
        let id = desk.create(&format!("Ticket{number}"), "needle").await;
        desk.note(id, "note").await;
        if number % 2 == 0 {
            desk.close(id).await;
        }
    }
    let body = |at| {
        let (reads, me) = (Arc::clone(&desk.reads), desk.me.clone());
        async move { reads.snapshot(at, &me).await.unwrap().json }
    };
    let middle = Some(crate::protocol::reading::At::Seq(Seq(37)));
    let (now, then) = (body(None).await, body(middle).await);
    let lists = (desk.list(query(|_| {})).await, desk.find("needle").await, desk.find("ticket12 note").await);
    assert_eq!((lists.0.len(), lists.1.len(), lists.2.as_slice()), (25, 25, &[13][..]));

    let desk = desk.restart();
    assert_eq!(desk.reads.snapshot(None, &desk.me).await.unwrap().json, now);
    assert_eq!(desk.reads.snapshot(middle, &desk.me).await.unwrap().json, then);
    assert_eq!((desk.list(query(|_| {})).await, desk.find("needle").await, desk.find("ticket12 note").await), lists);
}
