//! The composition root: the only place that starts the parts, joins them, and stops them in reverse.
//!
//! Order of birth: journal, read models and feed, writer, people, tickets' directory, queue, presence, deadlines, triage, HTTP. What
//! dies of the vital parts takes the process with it: a desk without its queue or its journal is not a desk.

pub mod doors;
pub mod rules;
pub mod serve;
pub mod tls;

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize};
use std::thread::JoinHandle;
use std::time::Duration;

use actix::{Actor, Addr};
use actix_rt::Arbiter;
use dashmap::DashMap;
use parking_lot::{Mutex, RwLock};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::actors::analytics::{self, Analytics, FiguresDoor};
use crate::actors::deadlines::Deadlines;
use crate::actors::directory::{Core, Directory};
use crate::actors::hub::figures_table::Watched;
use crate::actors::hub::latency::LatencyWindow;
use crate::actors::hub::{Hub, HubHandle, Local, Shared};
use crate::actors::presence::Presence;
use crate::actors::queue::{Queue, QueueDoor};
use crate::actors::triage::{self, ServiceKey, TriageDoor};
use crate::actors::vital::Vital;
use crate::attachments::{self, Attachments};
use crate::audit::{self, Action, Audit, Deed};
use crate::backup::keeper::Keeper;
use crate::backup::{Source, Waits};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ids::Seq;
use crate::domain::rules::{FieldLimits, FileLimits};
use crate::feed::Feed;
use crate::http::health::Health;
use crate::http::proxies::Proxies;
use crate::journal::writer::{self, WriterConfig, WriterHandle};
use crate::journal::{Journal, JournalError};
use crate::line::{LineLimits, Lines};
use crate::people::{AdminSeed, OpenError, People};
use crate::reads::{Reads, ReadsThreads};
use crate::session::Door;
use crate::telemetry::Telemetry;
use crate::usage::Usage;

/// Reads of old records for sessions that are far behind, at the same time.
const READS_BACK_AT_ONCE: usize = 8;

/// Why the desk did not start, or stopped. Each has an exit status of its own.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Exit status 2.
    #[error("{0}")]
    Config(String),
    /// Exit status 3.
    #[error("{0}")]
    Damaged(JournalError),
    /// Exit status 4.
    #[error("{0}")]
    Storage(String),
    /// Exit status 1.
    #[error("{0}")]
    Failed(String),
}

impl From<JournalError> for ServeError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Damaged { .. } => Self::Damaged(error),
            JournalError::Newer { .. } | JournalError::InUse { .. } => Self::Failed(error.to_string()),
            JournalError::Full | JournalError::Storage(_) => Self::Storage(error.to_string()),
        }
    }
}

/// What ends the desk from inside.
#[derive(Debug)]
pub enum Death {
    Storage(String),
    Part(&'static str),
}

/// The desk without its doors: everything below HTTP. Tests talk to this.
pub struct Desk {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub journal: Arc<dyn Journal>,
    pub writer: WriterHandle,
    pub reads: Arc<Reads>,
    pub feed: Arc<Feed>,
    pub people: Arc<People>,
    pub attachments: Arc<Attachments>,
    pub backups: Arc<Keeper>,
    pub usage: Arc<Usage>,
    pub audit: Arc<Audit>,
    pub lines: Arc<Lines>,
    pub directory: Directory,
    pub queue: QueueDoor,
    pub presence: Addr<Presence>,
    pub deadlines: Addr<Deadlines>,
    /// `None` where it is switched off.
    pub triage: Option<Arc<triage::Keeper>>,
    pub figures: FiguresDoor,
    pub hubs: Arc<RwLock<Vec<HubHandle>>>,
    pub shared: Arc<Shared>,
    pub health: Arc<Health>,
    pub telemetry: Arc<Telemetry>,
    writer_thread: Mutex<Option<JoinHandle<()>>>,
    reads_threads: Mutex<Option<ReadsThreads>>,
    arbiter: Arbiter,
    /// The figures' own thread: counting never holds anybody up.
    figures_arbiter: Arbiter,
    deaths: mpsc::UnboundedSender<Death>,
}

/// What the environment gives and no configuration holds.
#[derive(Clone, Default)]
pub struct Secrets {
    pub admin: AdminSeed,
    /// `DEEPSEEK_API_KEY`
    pub deepseek: Option<ServiceKey>,
}

impl Secrets {
    pub fn from_env() -> Self {
        let key = std::env::var("DEEPSEEK_API_KEY").ok().filter(|key| !key.trim().is_empty());
        Self { admin: AdminSeed::from_env(), deepseek: key.map(|key| ServiceKey(key.trim().to_owned())) }
    }
}

impl From<AdminSeed> for Secrets {
    fn from(admin: AdminSeed) -> Self {
        Self { admin, ..Self::default() }
    }
}

impl Desk {
    /// Starts everything below HTTP on a journal. `deaths` hears of what the desk cannot go on without. Must be called in
    /// an actix system.
    pub async fn start(
        config: Config,
        journal: Arc<dyn Journal>,
        data: Option<&Path>,
        clock: Clock,
        secrets: impl Into<Secrets>,
    ) -> Result<(Arc<Self>, mpsc::UnboundedReceiver<Death>), ServeError> {
        let Secrets { admin: seed, deepseek } = secrets.into();
        let telemetry: Arc<Telemetry> = Arc::default();
        let config = Arc::new(config);
        let rules = Arc::new(rules::from_config(&config).map_err(ServeError::Config)?);
        let (deaths, died) = mpsc::unbounded_channel();

        let (head, watched) = watch::channel(journal.head().seq);
        let (reads, reads_threads) = Reads::open(Arc::clone(&journal), data, &config, clock.clone(), watched)?;
        let (at, hash) = {
            let board = reads.board();
            (board.seq(), board.hash())
        };
        let feed = Arc::new(Feed::new(at, hash, config.feed.bytes, Arc::clone(&rules), head));
        feed.veil(reads.board().tickets().map(Arc::clone));

        let publish = {
            let (reads, feed) = (Arc::clone(&reads), Arc::clone(&feed));
            Box::new(move |group: &[Arc<crate::journal::Committed>]| {
                // The board first: whoever hears of a record finds it there.
                reads.publish(group);
                feed.publish(group);
            })
        };
        let storage_died = deaths.clone();
        let (writer, writer_thread) = writer::spawn(
            Arc::clone(&journal),
            WriterConfig {
                waiting_appends: config.journal.waiting_appends,
                group_records: config.journal.group_records,
                group_bytes: config.journal.group_bytes,
                remember_commands_ms: config.journal.remember_commands_ms,
            },
            publish,
            Box::new(move |error| tell(&storage_died, Death::Storage(error.to_string()))),
        );

        let people = People::open(Arc::clone(&journal), writer.clone(), &config, clock.clone(), &seed).await.map_err(
            |error| match error {
                OpenError::Journal(error) => error.into(),
                OpenError::Seed(error) => ServeError::Config(error.to_string()),
                OpenError::Refused(problem) => ServeError::Failed(problem.to_string()),
            },
        )?;

        let attachments = Attachments::open(Arc::clone(&journal), writer.clone(), data, &config, clock.clone())
            .map_err(|error| match error {
                attachments::OpenError::Journal(error) => error.into(),
                other => ServeError::Failed(other.to_string()),
            })?;
        let log = Audit::open(data, clock.clone())
            .map_err(|error| ServeError::Failed(format!("the audit log cannot be opened: {error}")))?;
        let source = Source {
            journal: Arc::clone(&journal),
            audit: Arc::clone(&log),
            attachments: attachments.storage().clone(),
            runtime: Waits::new(tokio::runtime::Handle::current()),
        };
        let work = data.map_or_else(std::env::temp_dir, Path::to_owned).join("backup.unfinished");
        let backups = Keeper::open(source, work, &config, clock.clone())
            .map_err(|error| ServeError::Failed(format!("the place for backups cannot be used: {error}")))?;
        let usage = Usage::open(journal.as_ref(), writer.clone(), config.usage.enabled, clock.clone())?;
        let sum: String = Sha256::digest(config.print()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let build = format!("{}, configuration {sum}", env!("CARGO_PKG_VERSION"));
        log.note(audit::Actor::default(), Deed::done(Action::DeskStarted).with(build));
        let proxies = Proxies::new(&config.server.trusted_proxies);
        let lines = Lines::new(
            LineLimits {
                per_address: config.limits.connections_per_address,
                strangers_per_address: config.limits.strangers_per_address,
                slow_reader: Duration::from_millis(config.limits.slow_reader_ms),
                keep_alive: Duration::from_millis(config.limits.keep_alive_ms),
            },
            move |address| proxies.trusts(address),
        );

        let storage_died = deaths.clone();
        let fatal: Arc<dyn Fn(&JournalError) + Send + Sync> =
            Arc::new(move |error: &JournalError| tell(&storage_died, Death::Storage(error.to_string())));
        let core = Arc::new(Core {
            connected: DashMap::new(),
            config: Arc::clone(&config),
            rules: Arc::clone(&rules),
            limits: FieldLimits {
                subject_chars: config.limits.subject_chars,
                message_chars: config.limits.message_chars,
                tags: config.limits.tags,
                custom_bytes: config.limits.custom_bytes,
                files: FileLimits {
                    of_message: config.attachments.message_files,
                    of_ticket: config.attachments.ticket_files,
                    ticket_bytes: config.attachments.ticket_bytes,
                },
            },
            people: Arc::clone(&people) as _,
            accounts: Arc::clone(&people),
            clock: clock.clone(),
            journal: Arc::clone(&journal),
            writer: writer.clone(),
            reads: Arc::clone(&reads),
            attachments: Arc::clone(&attachments),
            latest: AtomicI64::new(last_time(journal.as_ref())?),
            fatal: Arc::clone(&fatal),
        });
        let arbiter = Arbiter::new();
        let directory = Directory::new(core, arbiter.handle());

        let part_died = deaths.clone();
        let on_death: crate::actors::vital::OnDeath = Arc::new(move |name| tell(&part_died, Death::Part(name)));
        let queue =
            Queue::open(directory.clone(), Arc::clone(&feed), Vital::new("queue", on_death.clone()), &arbiter.handle());
        directory.set_queue(queue.clone());

        let hubs: Arc<RwLock<Vec<HubHandle>>> = Arc::default();
        let presence = {
            let presence = Presence::new(
                directory.clone(),
                Arc::clone(&feed),
                Arc::clone(&hubs),
                Vital::new("presence", on_death.clone()),
            );
            Presence::start_in_arbiter(&arbiter.handle(), move |_| presence)
        };
        let deadlines = {
            let deadlines = Deadlines::new(directory.clone(), Arc::clone(&feed), Vital::new("deadlines", on_death));
            Deadlines::start_in_arbiter(&arbiter.handle(), move |_| deadlines)
        };
        let triage = if config.triage.enabled {
            let start = triage::Start {
                directory: directory.clone(),
                feed: Arc::clone(&feed),
                key: deepseek,
                folder: data.map(|data| data.join("triage")),
                telemetry: &telemetry,
            };
            let keeper = triage::Keeper::start(start).map_err(|error| match error {
                triage::StartError::Journal(error) => error.into(),
                triage::StartError::Key(error) => ServeError::Config(format!("DEEPSEEK_API_KEY: {error}")),
            })?;
            Some(Arc::new(keeper))
        } else {
            None
        };
        feed.on_more({
            let hubs = Arc::clone(&hubs);
            move || {
                for hub in hubs.read().iter() {
                    hub.more();
                }
            }
        });
        let latency = Arc::new(LatencyWindow::new(&telemetry));
        let watched: Arc<Watched> = Arc::default();
        let figures_arbiter = Arbiter::new();
        let figures = Analytics::open(
            analytics::Parts {
                config: Arc::clone(&config),
                settings: rules::analytics(&config).map_err(ServeError::Config)?,
                folder: data.map(|data| data.join("analytics")),
                reports_folder: data.map(|data| data.join("reports")),
                clock: clock.clone(),
                journal: Arc::clone(&journal),
                writer: writer.clone(),
                feed: Arc::clone(&feed),
                hubs: Arc::clone(&hubs),
                presence: presence.clone(),
                accounts: Arc::clone(&people),
                latency: Arc::clone(&latency),
                watched: Arc::clone(&watched),
                telemetry: Arc::clone(&telemetry),
            },
            &figures_arbiter.handle(),
        )?;
        let shared = Arc::new(Shared {
            config: Arc::clone(&config),
            revisions: people.revisions(),
            rules,
            clock: clock.clone(),
            feed: Arc::clone(&feed),
            journal: Arc::clone(&journal),
            reading: Arc::new(Semaphore::new(READS_BACK_AT_ONCE)),
            fatal,
            sessions: AtomicUsize::new(0),
            lags: Mutex::default(),
            latency,
            watched,
            draining: AtomicBool::new(false),
        });
        let desk = Arc::new(Self {
            config,
            clock,
            journal,
            writer,
            reads,
            feed,
            people,
            attachments,
            backups,
            usage,
            audit: log,
            lines,
            directory,
            queue,
            presence,
            deadlines,
            triage,
            figures,
            hubs,
            shared,
            health: Arc::default(),
            telemetry,
            writer_thread: Mutex::new(Some(writer_thread)),
            reads_threads: Mutex::new(Some(reads_threads)),
            arbiter,
            figures_arbiter,
            deaths,
        });
        Ok((desk, died))
    }

    /// A hub for the thread that calls this.
    pub fn local(&self) -> Rc<Local> {
        let local = Local::new(Arc::clone(&self.shared));
        let mut hubs = self.hubs.write();
        // A worker that was replaced took its hub with it.
        hubs.retain(HubHandle::is_connected);
        hubs.push(Hub::start_here(Rc::clone(&local)));
        drop(hubs);
        local
    }

    /// What sessions need.
    pub fn door(&self) -> Arc<Door> {
        Arc::new(Door {
            config: Arc::clone(&self.config),
            clock: self.clock.clone(),
            gateway: Arc::new(self.directory.clone()),
            people: Arc::clone(&self.people),
            audit: Arc::clone(&self.audit),
            presence: self.presence.clone(),
            epoch: self.journal.epoch(),
        })
    }

    /// How the edges reach triage.
    pub fn triage_door(&self) -> TriageDoor {
        let shared = self.triage.as_ref().map(|keeper| Arc::clone(keeper.shared()));
        TriageDoor::new(shared, Arc::clone(&self.reads), Arc::clone(&self.config))
    }

    /// Told when something the desk cannot do without has died.
    pub fn deaths(&self) -> mpsc::UnboundedSender<Death> {
        self.deaths.clone()
    }

    /// Ends the parts in reverse: nothing is acknowledged after this, and everything that was is on disk.
    pub async fn stop(&self) {
        self.hubs.write().clear();
        if let Some(triage) = &self.triage {
            triage.stop().await;
        }
        self.writer.close();
        let thread = self.writer_thread.lock().take();
        if let Some(thread) = thread {
            // The writer ends once what was sent before is answered; joined apart from this thread's own work.
            let _ = actix_rt::task::spawn_blocking(move || thread.join()).await;
        }
        let threads = self.reads_threads.lock().take();
        if let Some(threads) = threads {
            let _ = actix_rt::task::spawn_blocking(move || threads.stop()).await;
        }
        let audit = Arc::clone(&self.audit);
        let _ = actix_rt::task::spawn_blocking(move || audit.settle()).await;
        // After the writer, so that the last record is in the figures that are kept.
        self.figures.save().await;
        self.figures_arbiter.stop();
        self.arbiter.stop();
    }
}

/// The time of the newest record, in milliseconds.
fn last_time(journal: &dyn Journal) -> Result<i64, JournalError> {
    let Some(before) = journal.head().seq.get().checked_sub(1) else { return Ok(i64::MIN) };
    let newest = journal.read(Seq(before), 1, usize::MAX)?;
    newest.first().map_or(Ok(i64::MIN), |stored| Ok(stored.record()?.at.as_millis()))
}

fn tell(deaths: &mpsc::UnboundedSender<Death>, death: Death) {
    // Nobody listens any more only while the desk stops.
    let _ = deaths.send(death);
}
