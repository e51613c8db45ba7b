//! What triage has in common for its actor, its door and its lessons: the desk's parts, what was learnt, the service, the figures; and
//! the keeper, which starts the actor, starts it again when it dies, and has everything kept when the desk stops.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use actix::{Actor, Addr};
use actix_rt::{Arbiter, ArbiterHandle};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::learning::{self, Counted};
use super::{Crash, Read, Triage};
use crate::actors::directory::{Core, Directory};
use crate::actors::vital::Vital;
use crate::background;
use crate::config::Triage as Settings;
use crate::domain::command::{AddMessage, Command, SystemCommand};
use crate::domain::ids::{CommandId, Seq, TicketId};
use crate::domain::message::{Direction, Message, Visibility};
use crate::domain::permissions::Principal;
use crate::domain::ticket::{Incident, Ticket, TriageSource, TriageState};
use crate::domain::time::Timestamp;
use crate::feed::Feed;
use crate::journal::Aside;
use crate::protocol::code::Code;
use crate::protocol::gateway::{Done, Gateway, Order, Pending};
use crate::protocol::problem::Problem;
use crate::protocol::reading::Reading;
use crate::telemetry::{Counter, Telemetry};
use crate::triage::deepseek::asking::{Outcome, Service};
use crate::triage::deepseek::breaker::Breaker;
use crate::triage::deepseek::client::{Client, ClientError};
use crate::triage::deepseek::ledger::Ledger;
use crate::triage::deepseek::prompt::{Choice, Prompt};
use crate::triage::deepseek::retry::RetryPolicy;
use crate::triage::deepseek::sent::{self, Left, Sent};
use crate::triage::groups::Groups;
use crate::triage::learner::Category;
use crate::triage::mind::{Mind, Text};
use crate::triage::opinion::{self, Proposal};

const LEDGER: &str = "triage/ledger";
/// Why the service was not asked when that could not be written down first.
const NOT_NOTED: &str = "not_noted";
/// Between an end of the actor and its next start.
const BREATH: Duration = Duration::from_secs(1);
/// How long a stop waits for what is under way, at the most.
const PATIENCE: Duration = Duration::from_secs(3);

/// The service's key, as the environment gave it. Printed nowhere.
#[derive(Clone)]
pub struct ServiceKey(pub String);

impl std::fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServiceKey(…)")
    }
}

pub struct Shared {
    pub core: Arc<Core>,
    pub directory: Directory,
    pub feed: Arc<Feed>,
    pub mind: Mind,
    /// `None` without a key.
    pub service: Option<Arc<Service>>,
    pub counted: Mutex<Counted>,
    /// Records up to this one are in no file: of them the past is read as the tickets stand.
    pub past: Seq,
    pub groups: Mutex<Groups>,
    pub gauges: Gauges,
    pub system: Arc<Principal>,
    /// Where what was learnt is kept; `None` in memory alone.
    pub folder: Option<PathBuf>,
    proposals: [Arc<Counter>; 2],
}

/// What others may know of the actor.
#[derive(Default)]
pub struct Gauges {
    pub waiting: AtomicUsize,
    pub under_way: AtomicUsize,
    /// Milliseconds; `i64::MAX` when nothing waits.
    pub oldest: AtomicI64,
    pub overflowed: AtomicBool,
    /// Records up to this seq were seen.
    pub applied: AtomicU64,
    /// What records up to this seq teach was learnt.
    pub learnt: AtomicU64,
    /// All of the past is in what was learnt.
    pub taught: AtomicBool,
    /// The past was read after the start.
    pub ready: AtomicBool,
    pub refitted_at: AtomicI64,
    pub refitting: AtomicBool,
    pub stopping: AtomicBool,
}

impl Shared {
    pub fn settings(&self) -> &Settings {
        &self.core.config.triage
    }

    /// The ticket and its text; `None` for one that is closed.
    pub async fn read(&self, id: TicketId) -> Result<Option<Read>, Problem> {
        let Some(state) = self.core.on_board(id) else { return Ok(None) };
        let text = self.text(&state.ticket).await?;
        Ok(Some(Read { state, text }))
    }

    /// What a ticket is judged by.
    pub async fn text(&self, ticket: &Ticket) -> Result<Text, Problem> {
        let messages = self.core.reads.thread(ticket.id, &self.system).await?;
        let inbound = |message: &&Message| message.direction == Direction::Inbound;
        let first = messages.first().map_or("", |message| message.body.as_str());
        let newest = messages.iter().skip(1).rfind(inbound).map(|message| message.body.as_str());
        Ok(Text::new(&ticket.subject, first, newest))
    }

    pub async fn propose(&self, ticket: TicketId, proposal: Proposal) -> Result<(), Problem> {
        let Proposal { triage, apply } = proposal;
        if self.core.on_board(ticket).is_none() {
            return Err(Problem::new(Code::TicketClosed, "the ticket was closed meanwhile"));
        }
        let command = SystemCommand::Triage { triage: Box::new(triage.clone()), apply };
        let done = self.order(ticket, Command::System(command)).await?;
        // One that came too late left no record, and is no reason to write to anybody.
        let after = done.ticket.filter(|after| opinion::was_taken(&triage, after));
        if let Some(after) = after.filter(|_| triage.state == TriageState::Proposed) {
            match triage.source {
                Some(TriageSource::Learner) => self.proposals[0].add(1),
                Some(TriageSource::Deepseek) => self.proposals[1].add(1),
                None => {}
            }
            if let Some(body) = opinion::auto_reply(&triage, &after, self.settings()).map(str::to_owned) {
                let message = AddMessage {
                    body,
                    visibility: Visibility::Public,
                    direction: Some(Direction::Outbound),
                    body_format: None,
                    // Somebody who was quicker is not talked over.
                    last_seen_version: Some(triage.based_on),
                    status: None,
                    mentions: Vec::new(),
                    attachments: Vec::new(),
                };
                self.answer(ticket, message).await;
            }
        }
        Ok(())
    }

    /// The desk's own answer, once for a ticket, whatever happens in between.
    async fn answer(&self, ticket: TicketId, message: AddMessage) {
        let order = Order {
            command_id: CommandId::from(format!("auto-reply:{ticket}")),
            keyed: true,
            ..self.order_of(ticket, Command::Message(message))
        };
        if let Err(problem) = self.directory.execute(order).await {
            tracing::info!(%ticket, code = problem.code.wire(), "no automatic answer was sent");
        }
    }

    /// Has a ticket say that it belongs to an incident. One that cannot is told with the next growth.
    pub fn tell_incident(&self, ticket: TicketId, incident: Incident) {
        let work = self.order(ticket, Command::System(SystemCommand::Incident(incident)));
        actix_rt::spawn(async move {
            if let Err(problem) = work.await {
                tracing::debug!(%ticket, code = problem.code.wire(), "an incident was not told to a ticket");
            }
        });
    }

    fn order(&self, ticket: TicketId, command: Command) -> Pending<Done> {
        self.directory.execute(self.order_of(ticket, command))
    }

    fn order_of(&self, ticket: TicketId, command: Command) -> Order {
        Order {
            principal: Arc::clone(&self.system),
            command_id: CommandId::from(uuid::Uuid::now_v7().to_string()),
            keyed: false,
            live: false,
            ticket: Some(ticket),
            expect: None,
            command,
        }
    }

    /// Writes what was spent beside the records, so that a restart gives no second budget.
    pub async fn keep_ledger(&self) {
        self.put_asides(self.ledger().into_iter().collect()).await;
    }

    /// Writes down that these go out, with the money that is set aside for it; what cannot be written does not go out.
    pub async fn keep_sent(&self, sent: &[Sent]) -> Result<(), &'static str> {
        let notes = sent.iter().map(note).chain(self.ledger()).collect();
        if self.put_asides(notes).await { Ok(()) } else { Err(NOT_NOTED) }
    }

    /// Writes down what came back and what it cost.
    pub async fn keep_answers(&self, sent: &[Sent], outcomes: &[Outcome<TicketId>]) {
        let answered = outcomes.iter().filter_map(|(ticket, outcome)| {
            let sent = sent.iter().find(|sent| sent.ticket == *ticket)?;
            Some(note(&Sent { verdict: Some(outcome.as_ref().ok()?.clone()), ..sent.clone() }))
        });
        self.put_asides(answered.chain(self.ledger()).collect()).await;
    }

    /// What was out when the desk died.
    pub fn left(&self) -> Left {
        match self.core.journal.asides(sent::PREFIX) {
            Ok(notes) => Left::read(notes.iter().map(|(_, note)| &**note)),
            Err(error) => {
                self.core.fail(&error);
                Left::default()
            }
        }
    }

    fn ledger(&self) -> Option<Aside> {
        let service = self.service.as_ref()?;
        let value = serde_json::to_vec(&*service.ledger.lock()).expect("invariant: a ledger is JSON");
        Some(Aside { key: LEDGER.to_owned(), value: Some(value.into()) })
    }

    /// All or none of them; says whether they are on disk.
    pub async fn put_asides(&self, asides: Vec<Aside>) -> bool {
        let written = self.core.writer.put_asides(asides).await;
        if let Err(error) = &written {
            tracing::warn!(%error, "triage could not write something down");
        }
        written.is_ok()
    }
}

/// Starts triage and keeps it going. Dropped or stopped, it is over.
pub struct Keeper {
    shared: Arc<Shared>,
    addr: Arc<Mutex<Option<Addr<Triage>>>>,
    arbiter: Arbiter,
}

/// What triage is started with.
pub struct Start<'a> {
    pub directory: Directory,
    pub feed: Arc<Feed>,
    pub key: Option<ServiceKey>,
    pub folder: Option<PathBuf>,
    pub telemetry: &'a Telemetry,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Key(#[from] ClientError),
    #[error(transparent)]
    Journal(#[from] crate::journal::JournalError),
}

impl Keeper {
    pub fn start(start: Start<'_>) -> Result<Self, StartError> {
        let Start { directory, feed, key, folder, telemetry } = start;
        let core = Arc::clone(directory.core());
        let settings = &core.config.triage;
        let service = match key {
            Some(key) => Some(Arc::new(service(&core, &key, core.journal.aside(LEDGER)?.as_deref())?)),
            None => None,
        };
        let kept = learning::Kept::read(&core, folder.as_deref())?;
        let head = core.journal.head().seq;
        let learnt = kept.upto.unwrap_or(Seq::ZERO).max(learning::back(head));
        let counter = |source| {
            telemetry.counter("hotdesk_triage_proposals_total", "Proposals, by who made them.", &[("source", source)])
        };
        let shared = Arc::new(Shared {
            mind: kept.mind,
            service,
            counted: Mutex::new(kept.counted),
            past: if kept.upto.is_none() { head } else { Seq::ZERO },
            groups: Mutex::new(Groups::new(settings.incident_tickets, settings.incident_window_ms)),
            gauges: Gauges {
                oldest: AtomicI64::new(i64::MAX),
                learnt: AtomicU64::new(learnt.get()),
                taught: AtomicBool::new(kept.upto.is_some()),
                ..Gauges::default()
            },
            system: Arc::new(Principal::system()),
            folder,
            proposals: ["learner", "deepseek"].map(counter),
            core,
            directory,
            feed,
        });
        measure(&shared, telemetry);
        let arbiter = Arbiter::new();
        let addr = Arc::default();
        arbiter.spawn_fn(background::stand_back);
        arbiter.spawn(keep_going(Arc::clone(&shared), arbiter.handle(), Arc::clone(&addr)));
        arbiter.spawn(learning::read_the_past(Arc::clone(&shared), kept.upto.is_none()));
        Ok(Self { shared, addr, arbiter })
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Records up to this one were seen.
    pub fn applied(&self) -> Seq {
        self.shared.applied()
    }

    /// Whether it lives, with how far it is.
    pub fn health(&self) -> Result<String, String> {
        let alive = self.addr.lock().as_ref().is_some_and(Addr::connected);
        let waiting = self.shared.gauges.waiting.load(Ordering::Relaxed);
        if alive {
            Ok(format!("{waiting} tickets waiting"))
        } else {
            Err("it ended and is being started again".to_owned())
        }
    }

    /// Makes it die as a bug would: a drill.
    pub fn crash(&self) {
        if let Some(addr) = &*self.addr.lock() {
            // A full mailbox would only mean that it dies later.
            let _ = addr.try_send(Crash);
        }
    }

    /// Begins nothing more, waits a moment for what is under way, and keeps what was learnt.
    pub async fn stop(&self) {
        self.shared.gauges.stopping.store(true, Ordering::Relaxed);
        let drain = Duration::from_millis(self.shared.core.config.server.drain_ms);
        let deadline = tokio::time::Instant::now() + drain.min(PATIENCE);
        while self.shared.gauges.under_way.load(Ordering::Relaxed) > 0 && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        learning::keep(&self.shared).await;
        self.shared.keep_ledger().await;
        self.arbiter.stop();
    }
}

fn note(sent: &Sent) -> Aside {
    Aside { key: sent::key(sent.ticket), value: Some(sent.note().into()) }
}

async fn keep_going(shared: Arc<Shared>, arbiter: ArbiterHandle, addr: Arc<Mutex<Option<Addr<Triage>>>>) {
    loop {
        let (ended, end) = oneshot::channel();
        let ended = Mutex::new(Some(ended));
        let life = Vital::new(
            "triage",
            Arc::new(move |_| {
                if let Some(ended) = ended.lock().take() {
                    // Nobody waits any more only while the desk stops.
                    let _ = ended.send(());
                }
            }),
        );
        let triage = Triage::new(Arc::clone(&shared), life);
        *addr.lock() = Some(Triage::start_in_arbiter(&arbiter, move |_| triage));
        if end.await.is_err() || shared.gauges.stopping.load(Ordering::Relaxed) {
            return;
        }
        tracing::error!("triage died; it is started again and takes up what waits");
        tokio::time::sleep(BREATH).await;
    }
}

fn service(core: &Core, key: &ServiceKey, ledger: Option<&[u8]>) -> Result<Service, ClientError> {
    let config = &core.config;
    let settings = &config.triage;
    let deadline = Duration::from_millis(settings.call_deadline_ms);
    let client = Client::new(&settings.base_url, &key.0, deadline, RetryPolicy::default())?;
    let choices: Vec<Choice<'_>> = config
        .desk
        .categories
        .iter()
        .map(|category| Choice { id: &category.id, description: &category.description })
        .collect();
    let mut fresh = Ledger::new(settings.daily_budget_usd);
    // One that cannot be read is no reason to stand still: the day's budget begins anew.
    if let Some(kept) = ledger.and_then(|bytes| serde_json::from_slice::<Ledger>(bytes).ok()) {
        fresh = fresh.resumed(&kept);
    }
    let categories = config.desk.categories.iter().map(|category| category.id.clone()).collect();
    let breaker = Breaker::new(settings.breaker_open_ms);
    Ok(Service::new(client, Prompt::new(&choices), settings.model.clone(), categories, breaker, fresh, settings.calls))
}

/// The desk's categories as the learner knows them.
pub fn categories(core: &Core) -> Vec<Category> {
    let own = core.config.desk.categories.iter();
    own.map(|category| Category {
        id: category.id.clone(),
        name: category.name.clone(),
        description: category.description.clone(),
    })
    .collect()
}

fn measure(shared: &Arc<Shared>, telemetry: &Telemetry) {
    let of = |read: fn(&Shared) -> f64| {
        let shared = Arc::clone(shared);
        move || read(&shared)
    };
    telemetry.ask(
        "hotdesk_triage_waiting",
        "Tickets that wait to be sorted.",
        &[],
        of(|shared| shared.gauges.waiting.load(Ordering::Relaxed) as f64),
    );
    telemetry.ask(
        "hotdesk_triage_behind_seconds",
        "Since when the oldest of them waits.",
        &[],
        of(|shared| shared.behind_ms(shared.core.now()) as f64 / 1000.0),
    );
    for (kind, read) in [
        ("hit", (|ledger: &Ledger| ledger.total.hit as f64) as fn(&Ledger) -> f64),
        ("miss", |ledger| ledger.total.miss as f64),
        ("output", |ledger| ledger.total.output as f64),
    ] {
        let shared = Arc::clone(shared);
        telemetry.ask(
            "hotdesk_triage_tokens_total",
            "Tokens that the service counted.",
            &[("kind", kind)],
            move || shared.service.as_ref().map_or(0.0, |service| read(&service.ledger.lock())),
        );
    }
    telemetry.ask(
        "hotdesk_triage_cost_usd_today",
        "What the service has cost today (UTC).",
        &[],
        of(|shared| {
            let now = shared.core.now();
            shared.service.as_ref().map_or(0.0, |service| service.ledger.lock().spent_today_usd(now))
        }),
    );
    telemetry.ask(
        "hotdesk_triage_asked_again_total",
        "Tickets that were asked about a second time, because the first answer was lost in a crash.",
        &[],
        of(|shared| shared.service.as_ref().map_or(0.0, |service| service.ledger.lock().asked_again as f64)),
    );
    telemetry.ask(
        "hotdesk_triage_cache_hit_ratio",
        "Of the prompts' tokens, those that the service had in its cache.",
        &[],
        of(|shared| {
            let service = shared.service.as_ref();
            service.and_then(|service| service.ledger.lock().cache_hit_ratio()).unwrap_or(0.0)
        }),
    );
    telemetry.ask(
        "hotdesk_triage_learner_bytes",
        "What the learner and the solved tickets take in memory.",
        &[],
        of(|shared| (shared.mind.learner().bytes() + shared.mind.remembered().1) as f64),
    );
}

impl Shared {
    /// Since when the oldest one waits, in milliseconds.
    pub fn behind_ms(&self, now: Timestamp) -> i64 {
        match self.gauges.oldest.load(Ordering::Relaxed) {
            i64::MAX => 0,
            oldest => now.millis_since(Timestamp::from_millis(oldest)).max(0),
        }
    }

    pub fn applied(&self) -> Seq {
        Seq(self.gauges.applied.load(Ordering::Acquire))
    }

    pub fn learnt(&self) -> Seq {
        Seq(self.gauges.learnt.load(Ordering::Acquire))
    }
}
