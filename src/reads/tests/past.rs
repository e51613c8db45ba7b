use super::*;
use crate::projections::board::ticket_hash;
use crate::protocol::code::Code;
use crate::protocol::reading::{At, SnapshotBytes};

#[derive(serde::Deserialize)]
struct Body {
    epoch: crate::domain::ids::Epoch,
    seq: Seq,
    board: Vec<Ticket>,
    board_hash: String,
}

fn body(snapshot: &SnapshotBytes) -> Body {
    let body: Body = serde_json::from_slice(&snapshot.json).unwrap();
    assert_eq!(body.seq, snapshot.seq);
    body
}

fn check(desk: &TestDesk, snapshot: &SnapshotBytes, seq: Seq) {
    let body = body(snapshot);
    assert_eq!(body.seq, seq);
    assert_eq!(body.epoch, desk.journal.epoch());
    let expect: Vec<Ticket> = desk.replayed(seq).into_values().filter(Ticket::is_active).collect();
    assert_eq!(body.board, expect, "at {seq}");
    let hash = expect.iter().fold(0, |hash, ticket| hash ^ ticket_hash(ticket.id, ticket.version));
    assert_eq!(body.board_hash, format!("{hash:016x}"));
}

async fn busy_day(desk: &mut TestDesk) {
    let mut merged = None;
    for round in 0..12 {
        desk.clock.advance(1_000);
        let id = desk.create(&format!("Ticket {round}"), "Text").await;
        desk.clock.advance(1_000);
        desk.note(id, "Note").await;
        if round % 4 == 1 {
            desk.close(id).await;
        }
        if round == 6 {
            merged = Some(desk.merge(id, TicketId(1)).await);
        }
        if round == 9 {
            desk.undo_pair(TicketId(7), TicketId(1), merged.take().unwrap()).await;
        }
    }
}

/// F60: a snapshot holds everything acknowledged before it was asked for and is true exactly at its seq.
#[tokio::test]
async fn f60_snapshot_now() {
    let mut desk = TestDesk::new();
    let empty = desk.reads.snapshot(None, &desk.me).await.unwrap();
    check(&desk, &empty, Seq::ZERO);
    for _ in 0..5 {
        let id = desk.create("Ticket", "Text").await;
        check(&desk, &desk.reads.snapshot(None, &desk.me).await.unwrap(), desk.head());
        desk.close(id).await;
        check(&desk, &desk.reads.snapshot(None, &desk.me).await.unwrap(), desk.head());
    }
}

/// F61: everybody who asks at the same seq gets the very same bytes.
#[tokio::test]
async fn f61_a_snapshot_is_serialised_once() {
    let mut desk = TestDesk::new();
    desk.create("Ticket", "Text").await;
    let many = futures_util::future::join_all((0..200).map(|_| desk.reads.snapshot(None, &desk.me))).await;
    let first = many[0].as_ref().unwrap().json.as_ptr();
    assert!(many.iter().all(|snapshot| snapshot.as_ref().unwrap().json.as_ptr() == first));
}

/// F62: the desk at any past seq is the replay of the records up to it, with checkpoints, without, and with damaged ones.
#[tokio::test]
async fn f62_past_is_replay() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = TestDesk::open(Store::memory(), Some(folder.path().into()), Clock::manual(START));
    busy_day(&mut desk).await;
    desk.reads.core.keeper.settle();
    // A start makes up for checkpoints that are missing.
    let journal = desk.stop();
    std::fs::remove_dir_all(folder.path().join("checkpoints")).unwrap();
    let desk = TestDesk::open(journal, Some(folder.path().into()), Clock::manual(START));
    desk.reads.core.keeper.settle();
    let checkpoints = || {
        let mut paths: Vec<_> =
            std::fs::read_dir(folder.path().join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    assert!(!checkpoints().is_empty());
    let head = desk.head();
    for seq in (0..=head.get()).rev().chain(0..=head.get()).map(Seq) {
        check(&desk, &desk.reads.snapshot(Some(At::Seq(seq)), &desk.me).await.unwrap(), seq);
    }
    let journal = desk.stop();
    let paths = checkpoints();
    let mut bytes = std::fs::read(&paths[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&paths[0], bytes).unwrap();
    std::fs::write(&paths[1], b"").unwrap();
    let desk = TestDesk::open(journal, Some(folder.path().into()), Clock::manual(START));
    for seq in (0..=head.get()).rev().step_by(3).map(Seq) {
        check(&desk, &desk.reads.snapshot(Some(At::Seq(seq)), &desk.me).await.unwrap(), seq);
    }
}

/// F63: a time means the last record at or before it; before the first there is an empty desk at seq 0.
#[tokio::test]
async fn f63_past_by_time() {
    let mut desk = TestDesk::new();
    busy_day(&mut desk).await;
    let records: Vec<_> = desk
        .journal
        .read(Seq::ZERO, usize::MAX, usize::MAX)
        .unwrap()
        .iter()
        .map(|stored| stored.record().unwrap())
        .collect();
    let mut times: Vec<i64> =
        records.iter().flat_map(|record| [-1, 0, 1].map(|by| record.at.as_millis() + by)).collect();
    times.retain(|time| *time <= desk.clock.now_millis());
    for time in times {
        let seq = records.iter().rfind(|record| record.at.as_millis() <= time).map_or(Seq::ZERO, |record| record.seq);
        let at = At::Time(Timestamp::from_millis(time));
        check(&desk, &desk.reads.snapshot(Some(at), &desk.me).await.unwrap(), seq);
    }
    let before = At::Time(Timestamp::from_millis(START - 5));
    check(&desk, &desk.reads.snapshot(Some(before), &desk.me).await.unwrap(), Seq::ZERO);
}

/// F64: the future is refused, as a seq and as a time.
#[tokio::test]
async fn f64_the_future_is_refused() {
    let mut desk = TestDesk::new();
    desk.create("Ticket", "Text").await;
    for at in [At::Seq(desk.head().next()), At::Time(desk.now().plus_millis(1))] {
        let refused = desk.reads.snapshot(Some(at), &desk.me).await.unwrap_err();
        assert_eq!((refused.code, refused.errors[0].pointer.as_str()), (Code::InvalidField, "/at"));
    }
    check(&desk, &desk.reads.snapshot(Some(At::Time(desk.now())), &desk.me).await.unwrap(), desk.head());
}
