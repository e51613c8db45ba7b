//! The writer: groups, order, refusals, and what it does when the disk fails.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use hotdesk::domain::ids::{CommandId, Seq, TicketId, UserId, Version};
use hotdesk::domain::state::TicketState;
use hotdesk::domain::ticket::Status;
use hotdesk::journal::memory::{Fault, MemoryJournal};
use hotdesk::journal::sample::{answered, moved, opened};
use hotdesk::journal::writer::{self, AppendError, WriterConfig, WriterHandle};
use hotdesk::journal::{Append, Aside, Committed, Journal, JournalError, Memo};
use parking_lot::Mutex;

const CONFIG: WriterConfig =
    WriterConfig { waiting_appends: 64, group_records: 4096, group_bytes: 1 << 20, remember_commands_ms: 86_400_000 };

/// A writer over a journal in memory, with what it published and whether it called for the end.
struct Desk {
    journal: MemoryJournal,
    writer: WriterHandle,
    thread: JoinHandle<()>,
    published: Arc<Mutex<Vec<Arc<Committed>>>>,
    fatal: mpsc::Receiver<JournalError>,
}

fn desk(config: WriterConfig) -> Desk {
    let journal = MemoryJournal::new();
    let published = Arc::<Mutex<Vec<Arc<Committed>>>>::default();
    let (on_fatal, fatal) = mpsc::channel();
    let sink = published.clone();
    let (writer, thread) = writer::spawn(
        Arc::new(journal.clone()),
        config,
        Box::new(move |group| sink.lock().extend_from_slice(group)),
        Box::new(move |error| on_fatal.send(error).unwrap()),
    );
    Desk { journal, writer, thread, published, fatal }
}

type Sent = BoxFuture<'static, Result<Arc<Committed>, AppendError>>;

impl Desk {
    /// Sends the append now; the answer comes when the future is awaited.
    fn send(&self, append: Append) -> Sent {
        let writer = self.writer.clone();
        let mut sent = async move { writer.append(append).await }.boxed();
        match (&mut sent).now_or_never() {
            None => sent,
            Some(answer) => std::future::ready(answer).boxed(),
        }
    }

    fn published(&self) -> Vec<u64> {
        self.published.lock().iter().map(|committed| committed.last.get()).collect()
    }
}

fn after(committed: &Committed) -> Arc<TicketState> {
    committed.parts[0].after.clone()
}

fn conflict(ticket: u64, version: u64) -> AppendError {
    AppendError::Conflict { ticket: TicketId(ticket), version: Version(version) }
}

/// J20
#[tokio::test]
async fn j20_a_record_is_encoded_once_as_its_json() {
    let desk = desk(CONFIG);
    let opened = desk.writer.append(opened(TicketId(7), "Grüße \"aus\" \u{1F4E6}")).await.unwrap();
    let answered = desk.writer.append(answered(&after(&opened), "Hello")).await.unwrap();
    for (committed, seq) in [(&opened, 1), (&answered, 2)] {
        let part = &committed.parts[0];
        assert_eq!((part.ticket, part.records[0].seq, part.stored[0].seq), (TicketId(7), Seq(seq), Seq(seq)));
        assert_eq!(part.stored[0].json, serde_json::to_vec(&*part.records[0]).unwrap());
        assert_eq!(part.stored[0].record().unwrap(), *part.records[0]);
        assert_eq!(desk.journal.read(Seq(seq - 1), 1, 0).unwrap()[0].json, part.stored[0].json);
    }
}

/// J21
#[tokio::test]
async fn j21_an_append_based_on_an_old_version_is_refused_with_the_present_one() {
    let desk = desk(CONFIG);
    let first = desk.writer.append(opened(TicketId(1), "One")).await.unwrap();
    let answer = answered(&after(&first), "Two");
    desk.writer.append(answer.clone()).await.unwrap();
    assert_eq!(desk.writer.append(answer).await.unwrap_err(), conflict(1, 2));
    assert_eq!(desk.writer.append(opened(TicketId(1), "One")).await.unwrap_err(), conflict(1, 2));
    assert_eq!(desk.journal.head().seq, Seq(2));

    // A writer that was just started asks the journal.
    let (writer, _) = writer::spawn(Arc::new(desk.journal.clone()), CONFIG, Box::new(|_| {}), Box::new(|_| {}));
    assert_eq!(writer.append(opened(TicketId(1), "One")).await.unwrap_err(), conflict(1, 2));
}

/// J22: what waits while a group is written goes into the next one; versions are judged within a group as well.
#[tokio::test]
async fn j22_what_waits_becomes_one_group() {
    let desk = desk(CONFIG);
    let gate = desk.journal.hold();
    let first = desk.send(opened(TicketId(1), "One"));
    gate.wait_for_commit();
    let base = Arc::new(opened(TicketId(1), "One").parts.remove(0).after.as_ref().clone());
    let mut waiting: Vec<Sent> = (2..=40).map(|id| desk.send(opened(TicketId(id), "More"))).collect();
    waiting.push(desk.send(answered(&base, "Mine")));
    waiting.push(desk.send(answered(&base, "Mine too")));
    assert_eq!(desk.writer.waiting(), 41);
    gate.open();
    assert_eq!(first.await.unwrap().last, Seq(1));
    let answers = join_all(waiting).await;
    let seqs: Vec<_> = answers[..40].iter().map(|answer| answer.as_ref().unwrap().last.get()).collect();
    assert_eq!(seqs, (2..=41).collect::<Vec<_>>());
    assert_eq!(answers[40].as_ref().unwrap_err(), &conflict(1, 2));
    assert_eq!(desk.journal.commits(), 2);
    assert_eq!(desk.published(), (1..=41).collect::<Vec<_>>());
    assert_eq!(desk.writer.waiting(), 0);
}

/// J23
#[tokio::test]
async fn j23_too_many_waiting_appends_are_refused_at_once() {
    let desk = desk(WriterConfig { waiting_appends: 3, ..CONFIG });
    let gate = desk.journal.hold();
    let first = desk.send(opened(TicketId(1), "One"));
    gate.wait_for_commit();
    let waiting: Vec<Sent> = (2..=4).map(|id| desk.send(opened(TicketId(id), "More"))).collect();
    assert_eq!(desk.writer.append(opened(TicketId(5), "One")).await.unwrap_err(), AppendError::Overloaded);
    let aside = Aside { key: "users/x".into(), value: None };
    assert_eq!(desk.writer.put_asides(vec![aside]).await.unwrap_err(), AppendError::Overloaded);
    gate.open();
    first.await.unwrap();
    assert!(join_all(waiting).await.iter().all(Result::is_ok));
    desk.writer.append(opened(TicketId(5), "One")).await.unwrap();
}

/// J24
#[tokio::test]
async fn j24_a_full_disk_refuses_and_takes_no_seq() {
    let desk = desk(CONFIG);
    desk.writer.append(opened(TicketId(1), "One")).await.unwrap();
    desk.journal.set_full(true);
    let refused = join_all([desk.send(opened(TicketId(2), "Two")), desk.send(opened(TicketId(2), "Two"))]).await;
    assert!(refused.iter().all(|answer| matches!(answer, Err(AppendError::Full))), "{refused:?}");
    let aside = Aside { key: "users/x".into(), value: Some(Bytes::new()) };
    assert_eq!(desk.writer.put_asides(vec![aside]).await.unwrap_err(), AppendError::Full);
    assert!(desk.writer.is_full());
    assert_eq!(desk.published(), [1]);
    desk.journal.set_full(false);
    assert_eq!(desk.writer.append(opened(TicketId(2), "Two")).await.unwrap().last, Seq(2));
    assert!(!desk.writer.is_full());
    assert!(desk.fatal.try_recv().is_err());
}

/// J25
#[tokio::test]
async fn j25_after_a_failed_disk_nothing_is_acknowledged() {
    let desk = desk(CONFIG);
    desk.writer.append(opened(TicketId(1), "One")).await.unwrap();
    let gate = desk.journal.hold();
    let first = desk.send(opened(TicketId(2), "Two"));
    gate.wait_for_commit();
    let waiting = desk.send(opened(TicketId(3), "Three"));
    desk.journal.fail_next(Fault::Torn);
    gate.open();
    assert_eq!(first.await.unwrap_err(), AppendError::Stopped);
    assert_eq!(waiting.await.unwrap_err(), AppendError::Stopped);
    assert!(matches!(desk.fatal.recv().unwrap(), JournalError::Storage(_)));
    assert_eq!(desk.writer.append(opened(TicketId(4), "Four")).await.unwrap_err(), AppendError::Stopped);
    desk.thread.join().unwrap();
    assert!(desk.fatal.try_recv().is_err(), "it is told once");
    assert_eq!(desk.published.lock().len(), 1);
    assert_eq!(desk.journal.reopen().unwrap().head().seq, Seq(1));
}

/// J26
#[tokio::test]
async fn j26_closing_writes_what_was_sent_and_takes_nothing_more() {
    let desk = desk(CONFIG);
    let gate = desk.journal.hold();
    let sent: Vec<Sent> = (1..=20).map(|id| desk.send(opened(TicketId(id), "One"))).collect();
    desk.writer.close();
    assert_eq!(desk.writer.append(opened(TicketId(21), "Late")).await.unwrap_err(), AppendError::Stopped);
    gate.open();
    assert!(join_all(sent).await.iter().all(Result::is_ok));
    desk.thread.join().unwrap();
    assert_eq!(desk.journal.head().seq, Seq(20));
    assert!(desk.fatal.try_recv().is_err());
}

/// J27: published before it is answered.
#[tokio::test]
async fn j27_who_is_answered_finds_it_published() {
    let desk = desk(CONFIG);
    for id in 1..=50 {
        let committed = desk.writer.append(opened(TicketId(id), "One")).await.unwrap();
        assert!(desk.published().contains(&committed.last.get()));
    }
}

/// J28: a command on two tickets is one append.
#[tokio::test]
async fn j28_an_append_of_two_tickets_is_all_or_nothing() {
    let desk = desk(CONFIG);
    let one = after(&desk.writer.append(opened(TicketId(1), "One")).await.unwrap());
    let two = after(&desk.writer.append(opened(TicketId(2), "Two")).await.unwrap());
    let mut both = moved(&one, Status::Closed);
    both.parts.extend(moved(&two, Status::Open).parts);
    let mut stale = moved(&one, Status::Closed);
    stale.parts.extend(opened(TicketId(2), "Again").parts);

    assert_eq!(desk.writer.append(stale).await.unwrap_err(), conflict(2, 1));
    assert_eq!(desk.journal.version(TicketId(1)).unwrap(), Version(1));
    let committed = desk.writer.append(both).await.unwrap();
    assert_eq!((committed.last, committed.parts.len()), (Seq(4), 2));
    assert_eq!(desk.journal.state(TicketId(2)).unwrap().unwrap().ticket.status, Status::Open);
    let memo = desk.journal.memo(&UserId::from("agent-1"), &CommandId::from("1-2")).unwrap().unwrap();
    assert_eq!(memo.seq, Seq(4));
}

/// J29: by the desk's own time, which the newest command tells.
#[tokio::test]
async fn j29_old_commands_are_forgotten() {
    let desk = desk(CONFIG);
    let hours = |id: u64, hours: i64| {
        let mut append = opened(TicketId(id), "One");
        let memo = append.memo.take().unwrap();
        append.memo = Some(Memo { at: memo.at.plus_millis(hours * 3_600_000), ..memo });
        append
    };
    let known = |id: u64| {
        let key = CommandId::from(format!("{id}-1"));
        desk.journal.memo(&UserId::from("agent-1"), &key).unwrap().is_some()
    };
    desk.writer.append(hours(1, 0)).await.unwrap();
    desk.writer.append(hours(2, 23)).await.unwrap();
    desk.writer.put_asides(vec![Aside { key: "x/y".into(), value: None }]).await.unwrap();
    assert!(known(1) && known(2));
    desk.writer.append(hours(3, 26)).await.unwrap();
    desk.writer.put_asides(vec![Aside { key: "x/y".into(), value: None }]).await.unwrap();
    assert!(!known(1) && known(2) && known(3));
}

/// J30
#[tokio::test]
async fn j30_a_writer_that_panics_calls_for_the_end() {
    let (on_fatal, fatal) = mpsc::channel();
    let (writer, thread) = writer::spawn(
        Arc::new(MemoryJournal::new()),
        CONFIG,
        Box::new(|_| panic!("a test's own panic")),
        Box::new(move |error| on_fatal.send(error).unwrap()),
    );
    assert_eq!(writer.append(opened(TicketId(1), "One")).await.unwrap_err(), AppendError::Stopped);
    assert!(matches!(fatal.recv().unwrap(), JournalError::Storage(_)));
    thread.join().unwrap();
}

/// J31
#[tokio::test]
async fn j31_a_group_ends_at_its_limits() {
    for config in [WriterConfig { group_records: 4, ..CONFIG }, WriterConfig { group_bytes: 2_000, ..CONFIG }] {
        let desk = desk(config);
        let gate = desk.journal.hold();
        let first = desk.send(opened(TicketId(1), "One"));
        gate.wait_for_commit();
        let sent: Vec<Sent> = (2..=9).map(|id| desk.send(opened(TicketId(id), "One"))).collect();
        gate.open();
        first.await.unwrap();
        assert!(join_all(sent).await.iter().all(Result::is_ok));
        assert!((3..=5).contains(&desk.journal.commits()), "{} commits", desk.journal.commits());
    }
}
