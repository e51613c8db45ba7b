//! A desk in memory: the real journal writer, the real rules, the read side under test.

mod lists;
mod past;
mod records;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Reads, ReadsThreads};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::command::{AddMessage, Command, CreateTicket, Empty, Merge, Undo, UpdateTicket};
use crate::domain::decide::{Context, Decision, decide, decide_pair};
use crate::domain::ids::{CommandId, MessageId, Seq, TicketId, UserId};
use crate::domain::message::Visibility;
use crate::domain::permissions::{Principal, PrivateTeams, Role};
use crate::domain::rules::{FieldLimits, People, Rules};
use crate::domain::state::TicketState;
use crate::domain::ticket::{Priority, Requester, Status, Ticket};
use crate::domain::time::Timestamp;
use crate::journal::memory::MemoryJournal;
use crate::journal::sled_store::{Options, SledJournal};
use crate::journal::writer::{self, WriterConfig, WriterHandle};
use crate::journal::{Append, Journal, Part};
use crate::protocol::reading::{ListQuery, Reading, Sort, SortKey};

const START: i64 = 1_795_421_700_000;

struct Everybody;

impl People for Everybody {
    fn is_assignable(&self, _: &UserId, _: Option<&str>) -> bool {
        true
    }

    fn sees(&self, _: &UserId, _: Option<&str>) -> bool {
        true
    }
}

/// Where a journal lies while no desk is open on it.
enum Store {
    Memory(MemoryJournal),
    Sled(PathBuf),
}

impl Store {
    fn memory() -> Self {
        Self::Memory(MemoryJournal::new())
    }

    fn open(&self) -> Arc<dyn Journal> {
        match self {
            Self::Memory(journal) => Arc::new(journal.clone()),
            Self::Sled(folder) => Arc::new(SledJournal::open(folder, &Options::default()).unwrap()),
        }
    }
}

struct TestDesk {
    journal: Arc<dyn Journal>,
    store: Store,
    writer: WriterHandle,
    writing: std::thread::JoinHandle<()>,
    reads: Arc<Reads>,
    threads: ReadsThreads,
    clock: Clock,
    commands: u64,
    me: Principal,
    rules: Rules,
    folder: Option<PathBuf>,
}

impl TestDesk {
    fn new() -> Self {
        Self::open(Store::memory(), None, Clock::manual(START))
    }

    fn open(store: Store, folder: Option<PathBuf>, clock: Clock) -> Self {
        // Nothing but a test makes the index commit.
        Self::open_with(store, folder, clock, 3_600_000)
    }

    fn open_with(store: Store, folder: Option<PathBuf>, clock: Clock, commit_ms: u64) -> Self {
        let mut config = Config::defaults();
        config.journal.checkpoint_records = 10;
        config.search.commit_ms = commit_ms;
        let journal = store.open();
        let (head, watching) = watch::channel(journal.head().seq);
        let (reads, threads) =
            Reads::open(Arc::clone(&journal), folder.as_deref(), &config, clock.clone(), watching).unwrap();
        let publishing = Arc::clone(&reads);
        let (writer, writing) = writer::spawn(
            Arc::clone(&journal),
            WriterConfig { waiting_appends: 64, group_records: 64, group_bytes: 1 << 20, remember_commands_ms: 1_000 },
            Box::new(move |group| {
                publishing.publish(group);
                head.send_replace(group.last().unwrap().last);
            }),
            Box::new(|error| panic!("{error}")),
        );
        Self {
            journal,
            store,
            writer,
            writing,
            reads,
            threads,
            clock,
            commands: 0,
            me: Principal {
                id: "me".into(),
                name: "Me".into(),
                role: Role::Supervisor,
                teams: Arc::from([]),
                scopes: None,
            },
            rules: Rules {
                undo_window_ms: 600_000,
                close_solved_after_ms: 0,
                skip_window_ms: 600_000,
                promote_after_ms: 0,
                categories: Vec::new(),
                teams: Vec::new(),
                private_teams: PrivateTeams::default(),
                sla_policies: Vec::new(),
                triage: false,
            },
            folder,
        }
    }

    /// Stops everything in order; gives the journal as it is found afterwards.
    fn stop(self) -> Store {
        self.writer.close();
        self.writing.join().unwrap();
        self.threads.stop();
        self.store
    }

    /// Stops everything and opens it again.
    fn restart(self) -> Self {
        let (folder, clock) = (self.folder.clone(), self.clock.clone());
        Self::open(self.stop(), folder, clock)
    }

    async fn create(&mut self, subject: &str, body: &str) -> TicketId {
        self.create_with(CreateTicket {
            subject: subject.into(),
            body: body.into(),
            requester: Requester { name: "Ada".into(), email: "Ada@example.org".into() },
            priority: None,
            category: None,
            team: None,
            tags: None,
            channel: None,
            body_format: None,
            custom: None,
        })
        .await
    }

    async fn create_with(&mut self, create: CreateTicket) -> TicketId {
        let id = self.journal.last_ticket().next();
        let decision = self.decide(None, id, &Command::Create(create));
        self.append(vec![(None, decision)]).await;
        id
    }

    async fn act(&mut self, id: TicketId, command: Command) -> CommandId {
        let before = self.state(id);
        let decision = self.decide(Some(&before), id, &command);
        self.append(vec![(Some(before), decision)]).await;
        self.command_id()
    }

    async fn update(&mut self, id: TicketId, update: UpdateTicket) -> CommandId {
        self.act(id, Command::Update(update)).await
    }

    async fn close(&mut self, id: TicketId) {
        for status in [Status::Solved, Status::Closed] {
            if self.state(id).ticket.status != status {
                self.update(id, UpdateTicket { status: Some(status), ..UpdateTicket::default() }).await;
            }
        }
    }

    async fn note(&mut self, id: TicketId, body: &str) {
        let message = AddMessage {
            body: body.into(),
            visibility: Visibility::Internal,
            direction: None,
            body_format: None,
            last_seen_version: None,
            status: None,
            attachments: Vec::new(),
            mentions: Vec::new(),
        };
        self.act(id, Command::Message(message)).await;
    }

    async fn merge(&mut self, id: TicketId, into: TicketId) -> CommandId {
        self.pair(id, into, Command::Merge(Merge { into })).await
    }

    async fn undo_pair(&mut self, id: TicketId, other: TicketId, command_id: CommandId) {
        self.pair(id, other, Command::Undo(Undo { command_id })).await;
    }

    async fn pair(&mut self, id: TicketId, other: TicketId, command: Command) -> CommandId {
        let (this, that) = (self.state(id), self.state(other));
        self.commands += 1;
        let command_id = self.command_id();
        let (one, another) = decide_pair(&this, &that, None, &command, &self.context(&command_id)).unwrap();
        self.append(vec![(Some(this), one), (Some(that), another)]).await;
        command_id
    }

    fn decide(&mut self, before: Option<&TicketState>, id: TicketId, command: &Command) -> Decision {
        self.commands += 1;
        let command_id = self.command_id();
        decide(before, id, None, command, &self.context(&command_id)).unwrap()
    }

    fn command_id(&self) -> CommandId {
        CommandId::from(format!("c{}", self.commands))
    }

    fn context<'a>(&'a self, command_id: &'a CommandId) -> Context<'a> {
        Context {
            now: self.now(),
            principal: &self.me,
            command_id,
            live: false,
            rules: &self.rules,
            people: &Everybody,
            limits: &FieldLimits { subject_chars: 300, message_chars: 10_000, tags: 50, custom_bytes: 1_000 },
            message_id: MessageId::from(format!("m{}", self.commands)),
        }
    }

    async fn append(&self, parts: Vec<(Option<TicketState>, Decision)>) {
        let parts: Vec<Part> = parts
            .into_iter()
            .filter(|(_, decision)| !decision.drafts.is_empty())
            .map(|(before, decision)| Part {
                ticket: decision.after.ticket.id,
                expect: before.as_ref().map_or_else(Default::default, |before| before.ticket.version),
                drafts: decision.drafts,
                before: before.map(Arc::new),
                after: Arc::new(decision.after),
            })
            .collect();
        if !parts.is_empty() {
            self.writer.append(Append { parts, memo: None }).await.unwrap();
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.now_millis())
    }

    fn state(&self, id: TicketId) -> TicketState {
        self.journal.state(id).unwrap().unwrap()
    }

    fn head(&self) -> Seq {
        self.journal.head().seq
    }

    async fn list(&self, query: ListQuery) -> Vec<u64> {
        let page = self.reads.list(query, &self.me).await.unwrap();
        page.data.into_iter().map(|ticket| ticket.id.get()).collect()
    }

    async fn find(&self, q: &str) -> Vec<u64> {
        self.list(query(|query| query.q = Some(q.into()))).await
    }

    /// Has the index commit everything.
    async fn index(&self) {
        self.reads.core.index_up_to(self.head()).await.unwrap();
    }

    /// Every ticket as the journal has it.
    fn all(&self) -> BTreeMap<u64, Ticket> {
        (1..=self.journal.last_ticket().get()).map(|id| (id, self.state(TicketId(id)).ticket)).collect()
    }

    /// The records' patches up to a seq, folded by hand.
    fn replayed(&self, upto: Seq) -> BTreeMap<u64, Ticket> {
        let mut tickets: BTreeMap<u64, Ticket> = BTreeMap::new();
        for stored in self.journal.read(Seq::ZERO, upto.get() as usize, usize::MAX).unwrap() {
            let record = stored.record().unwrap();
            if let Some(ticket) = tickets.get_mut(&record.ticket.get()) {
                record.patch.apply_to(ticket);
                ticket.version = record.version;
            } else {
                let opened = record.patch.clone().into_ticket(record.ticket, record.version).unwrap();
                tickets.insert(record.ticket.get(), opened);
            }
        }
        tickets
    }
}

fn query(change: impl FnOnce(&mut ListQuery)) -> ListQuery {
    let mut query = ListQuery { size: 200, ..ListQuery::default() };
    change(&mut query);
    query
}

fn sorted(key: SortKey, descending: bool) -> Sort {
    Sort { key, descending }
}

fn status(status: Status) -> UpdateTicket {
    UpdateTicket { status: Some(status), ..UpdateTicket::default() }
}

fn priority(priority: Priority) -> UpdateTicket {
    UpdateTicket { priority: Some(priority), ..UpdateTicket::default() }
}

fn claim() -> Command {
    Command::Claim(Empty {})
}
