//! What every command passes through, each step alone, so that a step that became slower shows.
//!
//! `yardstick` is work that hotdesk does not do: figures are compared between runs and machines as multiples of it, which
//! `make bench` does (`scripts/bench-table.mjs`).
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::FutureExt;
use hotdesk::app::rules::from_config;
use hotdesk::config::Config;
use hotdesk::domain::apply::apply;
use hotdesk::domain::command::{AddMessage, Command, Empty, UpdateTicket};
use hotdesk::domain::decide::{Context, decide};
use hotdesk::domain::ids::{CommandId, MessageId, Seq, TicketId, UserId};
use hotdesk::domain::message::{Direction, Visibility};
use hotdesk::domain::permissions::{Principal, Role, Sight};
use hotdesk::domain::rules::{FieldLimits, People, Rules};
use hotdesk::domain::state::TicketState;
use hotdesk::domain::ticket::Priority;
use hotdesk::domain::time::Timestamp;
use hotdesk::feed::Feed;
use hotdesk::journal::memory::MemoryJournal;
use hotdesk::journal::sled_store::{Options, SledJournal};
use hotdesk::journal::writer::{WriterConfig, by_hand};
use hotdesk::journal::{Append, Committed, Journal, sample};
use hotdesk::projections::board::Board;
use hotdesk::projections::queue::{Queue, Wanted};
use parking_lot::Mutex;

const GROUP: u64 = 64;
const WAITING: u64 = 10_000;
const NOW: i64 = 1_795_421_800_000;
const LIMITS: FieldLimits = FieldLimits { subject_chars: 200, message_chars: 65_536, tags: 50, custom_bytes: 16_384 };

struct Staff;

impl People for Staff {
    fn sees(&self, _: &UserId, _: Option<&str>) -> bool {
        true
    }

    fn is_assignable(&self, _: &UserId, _: Option<&str>) -> bool {
        true
    }
}

struct Desk {
    rules: Rules,
    principal: Principal,
    state: Arc<TicketState>,
}

impl Desk {
    fn new() -> Self {
        let rules = from_config(&Config::defaults()).unwrap();
        let principal = Principal {
            id: UserId::from("kim"),
            name: "Kim".into(),
            role: Role::Agent,
            teams: [].into(),
            scopes: None,
        };
        let mut desk = Self { rules, principal, state: opened(1) };
        // A ticket in the middle of its life: some messages, some commands that can be taken back.
        desk.state = Arc::new(desk.after(&Command::Claim(Empty {}), "claim"));
        for number in 0..8 {
            desk.state = Arc::new(desk.after(&reply(), &format!("reply-{number}")));
        }
        desk
    }

    fn context<'a>(&'a self, id: &'a CommandId) -> Context<'a> {
        Context {
            now: Timestamp::from_millis(NOW),
            principal: &self.principal,
            command_id: id,
            live: true,
            rules: &self.rules,
            people: &Staff,
            limits: &LIMITS,
            message_id: MessageId::from("0198c1a2-7d3e-7c4b-9f10-5b1f7f0c2a11"),
        }
    }

    fn after(&self, command: &Command, id: &str) -> TicketState {
        let id = CommandId::from(id);
        decide(Some(&self.state), self.state.ticket.id, None, command, &self.context(&id)).unwrap().after
    }
}

fn opened(id: u64) -> Arc<TicketState> {
    Arc::clone(
        &sample::opened(TicketId(id), "My parcel has not arrived, and the tracking page is empty.").parts[0].after,
    )
}

fn reply() -> Command {
    Command::Message(AddMessage {
        body: "Thank you for your patience. I have asked the carrier and will write again today.".to_owned(),
        visibility: Visibility::Public,
        direction: Some(Direction::Outbound),
        body_format: None,
        last_seen_version: None,
        status: None,
        attachments: Vec::new(),
        mentions: Vec::new(),
    })
}

fn yardstick(c: &mut Criterion) {
    // Sums, an ordered map and some JSON: the kinds of work that the rest consists of.
    let bytes = vec![0xa5_u8; 16 << 10];
    let json =
        br#"{"id":17,"subject":"Where is it?","tags":["parcel","late"],"custom":{"order":"A-1009","total":12.5}}"#;
    c.bench_function("yardstick", |bench| {
        bench.iter(|| {
            let mut sum = u64::from(crc32c::crc32c(black_box(&bytes)));
            let map: BTreeMap<u64, u64> = (0..256_u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n)).collect();
            sum += map.values().sum::<u64>();
            for _ in 0..16 {
                let value: serde_json::Value = serde_json::from_slice(black_box(json)).unwrap();
                sum += value["id"].as_u64().unwrap();
            }
            sum
        });
    });
}

fn rules(c: &mut Criterion) {
    let desk = Desk::new();
    let id = CommandId::from("0198c1a2-7d3e-7c4b-9f10-5b1f7f0c2a12");
    let ticket = desk.state.ticket.id;
    let update = Command::Update(UpdateTicket { priority: Some(Priority::High), ..UpdateTicket::default() });
    let mut group = c.benchmark_group("decide");
    for (name, command) in [("update", &update), ("reply", &reply())] {
        group.bench_function(name, |bench| {
            bench.iter(|| decide(Some(black_box(&desk.state)), ticket, None, command, &desk.context(&id)).unwrap());
        });
    }
    group.finish();
    let draft = decide(Some(&desk.state), ticket, None, &reply(), &desk.context(&id)).unwrap().drafts.remove(0);
    c.bench_function("apply/reply", |bench| {
        bench.iter_batched(
            || TicketState::clone(&desk.state),
            |state| apply(Some(state), &draft),
            BatchSize::SmallInput,
        );
    });
    c.bench_function("encode/record", |bench| bench.iter(|| serde_json::to_vec(black_box(&draft)).unwrap()));
    let state = &desk.state;
    c.bench_function("encode/state", |bench| bench.iter(|| serde_json::to_vec(black_box(&**state)).unwrap()));
    let raw = r#"{"type":"message","body":"Thank you for your patience.","visibility":"public","last_seen_version":9}"#;
    let raw: &serde_json::value::RawValue = serde_json::from_str(raw).unwrap();
    c.bench_function("parse/command", |bench| {
        bench.iter(|| hotdesk::protocol::parse::command(black_box(raw), "/do").unwrap());
    });
}

/// New tickets, as many as a group has.
fn appends(from: u64) -> Vec<Append> {
    (from..from + GROUP).map(|id| sample::opened(TicketId(id), "My parcel has not arrived.")).collect()
}

/// One turn of the writer over a group that waits for it.
fn commit(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let on_disk = SledJournal::open(folder.path(), &Options::default()).unwrap();
    let stores: [(&str, Arc<dyn Journal>); 2] =
        [("memory", Arc::new(MemoryJournal::new())), ("disk", Arc::new(on_disk))];
    let mut group = c.benchmark_group("commit");
    group.throughput(Throughput::Elements(GROUP));
    for (name, journal) in stores {
        let config = WriterConfig {
            waiting_appends: 1024,
            group_records: GROUP as usize,
            group_bytes: 1 << 20,
            remember_commands_ms: 86_400_000,
        };
        let (handle, mut writer) = by_hand(Arc::clone(&journal), config, Box::new(|_| {}));
        let mut next = 1;
        group.bench_function(format!("{GROUP} on {name}"), |bench| {
            bench.iter_batched(
                || {
                    next += GROUP;
                    let mut waits: Vec<_> =
                        appends(next - GROUP).into_iter().map(|append| Box::pin(handle.append(append))).collect();
                    for wait in &mut waits {
                        assert!(wait.as_mut().now_or_never().is_none());
                    }
                    waits
                },
                |waits| {
                    assert!(writer.turn().unwrap());
                    waits
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// A group as the writer publishes it.
fn committed() -> Vec<Arc<Committed>> {
    let published: Arc<Mutex<Vec<Arc<Committed>>>> = Arc::default();
    let config =
        WriterConfig { waiting_appends: 1024, group_records: 1024, group_bytes: 1 << 20, remember_commands_ms: 1 };
    let publish = {
        let published = Arc::clone(&published);
        Box::new(move |group: &[Arc<Committed>]| published.lock().extend(group.iter().cloned()))
    };
    let (handle, mut writer) = by_hand(Arc::new(MemoryJournal::new()), config, publish);
    let mut waits: Vec<_> = appends(1).into_iter().map(|append| Box::pin(handle.append(append))).collect();
    for wait in &mut waits {
        assert!(wait.as_mut().now_or_never().is_none());
    }
    writer.turn().unwrap();
    let group = published.lock().clone();
    assert_eq!(group.len() as u64, GROUP);
    group
}

fn feed(c: &mut Criterion) {
    let rules = Arc::new(from_config(&Config::defaults()).unwrap());
    let group = committed();
    let fresh = || Feed::new(Seq::ZERO, 0, 16 << 20, Arc::clone(&rules), tokio::sync::watch::channel(Seq::ZERO).0);
    let mut bench_group = c.benchmark_group("feed");
    bench_group.throughput(Throughput::Elements(GROUP));
    bench_group.bench_function(format!("publish {GROUP}"), |bench| {
        bench.iter_batched(
            fresh,
            |feed| {
                feed.publish(&group);
                feed
            },
            BatchSize::SmallInput,
        );
    });
    let full = fresh();
    full.publish(&group);
    bench_group.bench_function(format!("read {GROUP}"), |bench| {
        bench.iter(|| {
            let mut bytes = 0;
            full.read(Seq::ZERO, |entry| {
                bytes += entry.line.len();
                true
            });
            (bytes, full.board_hash_at(Seq(GROUP), Sight::ALL))
        });
    });
    bench_group.finish();
    c.bench_function("board/fold", |bench| {
        let mut board = Board::load(Seq::ZERO, (1..=WAITING).map(|id| TicketState::clone(&opened(id))));
        let states: Vec<_> = (1..=GROUP).map(|n| opened(n * 97)).collect();
        let mut turn = 0;
        bench.iter(|| {
            turn += 1;
            board.fold(&states[turn % states.len()], Seq(turn as u64));
            board.hash()
        });
    });
}

fn queue(c: &mut Criterion) {
    let now = Timestamp::from_millis(NOW);
    let mut queue = Queue::new(4 * 3_600_000);
    for id in 1..=WAITING {
        queue.put(&opened(id), now);
    }
    let user = UserId::from("kim");
    let wanted =
        Wanted { user: &user, teams: &[], hidden: &[], team: None, categories: None, skip_window_ms: 1_800_000 };
    c.bench_function("queue/first of 10,000", |bench| {
        bench.iter(|| queue.first(now, black_box(&wanted), &|_| false).unwrap());
    });
    let states: Vec<_> = (1..=GROUP).map(|n| opened(n * 97)).collect();
    let mut turn = 0;
    c.bench_function("queue/put into 10,000", |bench| {
        bench.iter(|| {
            turn += 1;
            queue.put(&states[turn % states.len()], now);
        });
    });
}

criterion_group! {
    name = hot_paths;
    config = Criterion::default().warm_up_time(std::time::Duration::from_millis(500)).measurement_time(std::time::Duration::from_secs(2)).sample_size(40);
    targets = yardstick, rules, commit, feed, queue
}
criterion_main!(hot_paths);
