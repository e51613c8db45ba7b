//! The figures: follows the feed on a thread of its own, tells the hubs once a second what is new, and answers questions.
//!
//! It never stands in a commit's way: records are read from the feed, or from the journal where the feed no longer reaches back,
//! whenever this thread comes to it. Questions over long spans take a [`Moment`] here and are counted elsewhere. A fold that fails is
//! opened again from its checkpoint; until then questions are `unavailable`.

mod questions;
mod reports;
mod schedule;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix::fut::wrap_future;
use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, MailboxError, Message, MessageResult};
use actix_rt::ArbiterHandle;
use bytes::Bytes;
use parking_lot::RwLock;
use tokio::sync::Semaphore;

pub use questions::FiguresDoor;

use crate::actors::hub::HubHandle;
use crate::actors::hub::figures_table::{Told, Watched};
use crate::actors::hub::latency::LatencyWindow;
use crate::actors::presence::{GetAgents, Presence};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ids::{Seq, TicketId, Version};
use crate::domain::permissions::Sight;
use crate::feed::{Feed, Reach};
use crate::journal::writer::WriterHandle;
use crate::journal::{Journal, JournalError};
use crate::people::People;
use crate::projections::analytics::fact::Kind;
use crate::projections::analytics::lean::Lean;
use crate::projections::analytics::store::StoreError;
use crate::projections::analytics::{Analytics as Fold, Moment, Present, Settings};
use crate::protocol::code::Code;
use crate::protocol::figures::LiveFigures;
use crate::protocol::problem::Problem;
use crate::telemetry::Telemetry;

/// How often the fold catches up while nobody asks.
const CATCH_UP: Duration = Duration::from_millis(200);
const TELL: Duration = Duration::from_secs(1);
/// How often it is asked whether a report is due.
const SCHEDULE: Duration = Duration::from_secs(20);
/// Records read at once, and how long one turn may last before questions get theirs.
const BATCH: usize = 4_096;
const BATCH_BYTES: usize = 8 << 20;
const TURN: Duration = Duration::from_millis(50);
/// A question waits for this much catching up.
const ANSWER_TURN: Duration = Duration::from_millis(500);
/// After a failure the fold is opened again this much later.
const REOPEN: Duration = Duration::from_secs(5);
/// Questions that may wait for this actor.
const MAILBOX: usize = 256;

/// What the actor is made of.
pub struct Parts {
    pub config: Arc<Config>,
    pub settings: Settings,
    pub folder: Option<PathBuf>,
    /// Where scheduled reports leave their files; without it none can be scheduled.
    pub reports_folder: Option<PathBuf>,
    pub clock: Clock,
    pub journal: Arc<dyn Journal>,
    pub writer: WriterHandle,
    pub feed: Arc<Feed>,
    pub hubs: Arc<RwLock<Vec<HubHandle>>>,
    pub presence: Addr<Presence>,
    pub accounts: Arc<People>,
    pub latency: Arc<LatencyWindow>,
    pub watched: Arc<Watched>,
    pub telemetry: Arc<Telemetry>,
}

pub struct Analytics {
    parts: Arc<Parts>,
    /// `None` until it could be opened.
    fold: Option<Fold>,
    failed_at: Option<Instant>,
    saved: Seq,
    present: Vec<Present>,
    gauges: Gauges,
    told: u64,
}

/// What operators see of the fold.
struct Gauges {
    seq: Arc<crate::telemetry::Gauge>,
    lag: Arc<crate::telemetry::Gauge>,
    folded: Arc<crate::telemetry::Counter>,
    misfits: Arc<crate::telemetry::Counter>,
    failures: Arc<crate::telemetry::Counter>,
}

impl Gauges {
    fn new(telemetry: &Telemetry) -> Self {
        Self {
            seq: telemetry.gauge("hotdesk_analytics_seq", "The last record that the figures hold.", &[]),
            lag: telemetry.gauge("hotdesk_analytics_lag_records", "Records that the figures do not hold yet.", &[]),
            folded: telemetry.counter("hotdesk_analytics_records_total", "Records counted into the figures.", &[]),
            misfits: telemetry.counter(
                "hotdesk_analytics_relearned_total",
                "Tickets whose history was read again because a record did not follow.",
                &[],
            ),
            failures: telemetry.counter(
                "hotdesk_analytics_failures_total",
                "Times that the fold had to be opened again.",
                &[],
            ),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Journal(#[from] JournalError),
}

impl Analytics {
    /// Starts the actor on its arbiter and gives the door to it.
    pub fn open(parts: Parts, arbiter: &ArbiterHandle) -> Result<FiguresDoor, JournalError> {
        let parts = Arc::new(parts);
        let reports = reports::Reports::open(&parts)?;
        let clock_work = arbiter.clone();
        let own = Arc::clone(&parts);
        let addr = Self::start_in_arbiter(arbiter, move |_| {
            let gauges = Gauges::new(&own.telemetry);
            let mut this = Self {
                parts: own,
                fold: None,
                failed_at: None,
                saved: Seq::ZERO,
                present: Vec::new(),
                gauges,
                told: 0,
            };
            this.reopen();
            this
        });
        let door = FiguresDoor {
            addr,
            waiting: Arc::default(),
            turns: Arc::new(Semaphore::new(parts.config.analytics.questions_at_once)),
            reports: Arc::new(reports),
            trends: Arc::default(),
            shelf: Arc::new(schedule::Shelf::new(parts.reports_folder.clone())),
            parts,
        };
        let own = door.clone();
        clock_work.spawn(async move {
            let mut beat = tokio::time::interval(SCHEDULE);
            loop {
                beat.tick().await;
                own.run_due().await;
            }
        });
        Ok(door)
    }

    fn now(&self) -> i64 {
        self.parts.clock.now_millis()
    }

    fn reopen(&mut self) {
        let parts = &self.parts;
        let head = parts.journal.head().seq;
        let opened =
            Fold::open(parts.folder.as_deref(), &parts.journal.epoch(), head, parts.settings.clone(), self.now());
        match opened {
            Ok((fold, refused)) => {
                if let Some(refused) = refused {
                    tracing::warn!(%refused, "the figures are counted anew");
                }
                self.saved = fold.seq();
                self.fold = Some(fold);
                self.failed_at = None;
            }
            Err(error) => self.fail(&error.into()),
        }
    }

    fn fail(&mut self, fault: &Fault) {
        tracing::error!(%fault, "the figures stand still; they are opened again in a moment");
        self.gauges.failures.add(1);
        self.fold = None;
        self.failed_at = Some(Instant::now());
    }

    /// Folds what came since, for at most this long. True when nothing is left.
    fn catch_up(&mut self, budget: Duration) -> bool {
        let Some(mut fold) = self.fold.take() else {
            if self.failed_at.is_none_or(|at| at.elapsed() >= REOPEN) {
                self.reopen();
            }
            return false;
        };
        let outcome = self.follow(&mut fold, budget);
        let head = self.parts.feed.head();
        self.gauges.seq.set(fold.seq().get() as i64);
        self.gauges.lag.set(head.get().saturating_sub(fold.seq().get()) as i64);
        match outcome {
            Ok(done) => {
                self.fold = Some(fold);
                done
            }
            Err(fault) => {
                self.fail(&fault);
                false
            }
        }
    }

    fn follow(&mut self, fold: &mut Fold, budget: Duration) -> Result<bool, Fault> {
        let begun = Instant::now();
        fold.advance(self.now())?;
        while fold.seq() < self.parts.feed.head() {
            let batch = self.read(fold.seq())?;
            for json in &batch {
                self.take(fold, json)?;
            }
            self.gauges.folded.add(batch.len() as u64);
            if fold.seq().get() - self.saved.get() >= self.parts.config.analytics.checkpoint_records {
                fold.save()?;
                self.saved = fold.seq();
            }
            if begun.elapsed() >= budget {
                return Ok(fold.seq() >= self.parts.feed.head());
            }
        }
        Ok(true)
    }

    /// The next records, as JSON.
    fn read(&self, after: Seq) -> Result<Vec<Bytes>, Fault> {
        let mut batch = Vec::new();
        let reach = self.parts.feed.read(after, |entry| {
            batch.push(entry.line.clone());
            batch.len() < BATCH
        });
        if reach == Reach::TooOld {
            let stored = self.parts.journal.read(after, BATCH, BATCH_BYTES)?;
            batch = stored.into_iter().map(|stored| stored.json).collect();
        }
        Ok(batch)
    }

    fn take(&self, fold: &mut Fold, json: &Bytes) -> Result<(), Fault> {
        let unreadable = |error: serde_json::Error| JournalError::Damaged {
            what: format!("the record after {} cannot be read: {error}", fold.seq()),
        };
        let record = Lean::read(json).map_err(unreadable)?;
        if let Err(misfit) = fold.apply(&record)? {
            self.gauges.misfits.add(1);
            self.learn(fold, misfit.ticket, record.version)?;
            if fold.apply(&record)?.is_err() {
                tracing::error!(seq = %record.seq, "a record fits no history of its ticket: it is in no figure");
                fold.skip(record.seq);
            }
        }
        Ok(())
    }

    fn learn(&self, fold: &mut Fold, ticket: TicketId, until: Version) -> Result<(), Fault> {
        let mut history = Vec::new();
        let mut after = Version::ZERO;
        while after.next() < until {
            let missing = usize::try_from(until.get() - after.get() - 1).unwrap_or(BATCH).min(BATCH);
            let read = self.parts.journal.read_ticket(ticket, after, missing)?;
            if read.is_empty() {
                break;
            }
            after = Version(after.get() + read.len() as u64);
            history.extend(read);
        }
        fold.learn(ticket, history.iter().filter_map(|stored| Lean::read(&stored.json).ok()));
        Ok(())
    }

    fn live(&self, sight: Sight) -> Option<LiveFigures> {
        let fold = self.fold.as_ref()?;
        Some(fold.live(&self.present, self.parts.latency.figures(self.now()), sight))
    }

    /// Once a second: who is here, what is new, and telling everybody who wants to know.
    fn tell(&mut self, ctx: &mut Context<Self>) {
        let presence = self.parts.presence.send(GetAgents);
        ctx.spawn(wrap_future::<_, Self>(presence).map(|present, this, _| {
            // Presence that has ended ends the desk; until then the last word stands.
            if let Ok(present) = present {
                this.present = present;
            }
        }));
        let caught_up = self.catch_up(TURN);
        self.told += 1;
        if self.told.is_multiple_of(600)
            && let Some(fold) = &mut self.fold
        {
            fold.sweep();
        }
        if caught_up {
            let sights = self.parts.watched.sights(self.now());
            let told = sights.into_iter().filter_map(|sight| Some((sight, Told::of(&self.live(sight)?)))).collect();
            let told: Arc<Vec<(Sight, Told)>> = Arc::new(told);
            for hub in self.parts.hubs.read().iter() {
                // A hub that is too busy hears what is true then, a second later.
                hub.figures(Arc::clone(&told));
            }
        }
    }
}

impl Actor for Analytics {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX + 1);
        ctx.run_interval(CATCH_UP, |this, ctx| {
            if !this.catch_up(TURN) && this.fold.is_some() {
                ctx.notify(GoOn);
            }
        });
        ctx.run_interval(TELL, Self::tell);
        ctx.notify(GoOn);
    }
}

/// There was more than one turn's work.
#[derive(Message)]
#[rtype(result = "()")]
struct GoOn;

impl Handler<GoOn> for Analytics {
    type Result = ();

    fn handle(&mut self, _: GoOn, ctx: &mut Self::Context) {
        if !self.catch_up(TURN) && self.fold.is_some() {
            // Through the timer, so that questions and the arbiter's stop come in between.
            ctx.run_later(Duration::from_millis(1), |_, ctx| ctx.notify(GoOn));
        }
    }
}

/// The live figures now.
#[derive(Message)]
#[rtype(result = "Result<LiveFigures, Problem>")]
pub struct GetLive(pub Sight);

impl Handler<GetLive> for Analytics {
    type Result = MessageResult<GetLive>;

    fn handle(&mut self, question: GetLive, _: &mut Self::Context) -> Self::Result {
        let caught_up = self.catch_up(ANSWER_TURN);
        MessageResult(self.live(question.0).filter(|_| caught_up).ok_or_else(not_yet))
    }
}

/// Everything that a question about these kinds of facts needs.
#[derive(Message)]
#[rtype(result = "Result<Moment, Problem>")]
pub struct GetMoment(pub Vec<Kind>);

impl Handler<GetMoment> for Analytics {
    type Result = MessageResult<GetMoment>;

    fn handle(&mut self, question: GetMoment, _: &mut Self::Context) -> Self::Result {
        let caught_up = self.catch_up(ANSWER_TURN);
        let moment = self.fold.as_ref().filter(|_| caught_up).map(|fold| fold.moment(&question.0));
        MessageResult(moment.ok_or_else(not_yet))
    }
}

/// The desk stops: what was folded need not be folded again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Save;

impl Handler<Save> for Analytics {
    type Result = ();

    fn handle(&mut self, _: Save, _: &mut Self::Context) {
        if let Some(fold) = &self.fold
            && fold.seq() > self.saved
            && let Err(error) = fold.save()
        {
            tracing::warn!(%error, "the figures could not be saved; they are counted again at the next start");
        }
    }
}

fn not_yet() -> Problem {
    Problem::new(Code::Unavailable, "the figures are still being counted: try again in a moment")
}

/// Who asks, with a place in the line.
struct Seat<'a>(&'a AtomicUsize);

impl<'a> Seat<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self, Problem> {
        if waiting.fetch_add(1, Ordering::Relaxed) >= MAILBOX {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Problem::new(Code::Overloaded, "too many are waiting for figures"));
        }
        Ok(Self(waiting))
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn dead(error: &MailboxError) -> Problem {
    match error {
        MailboxError::Closed => Problem::new(Code::Unavailable, "the figures have stopped"),
        MailboxError::Timeout => Problem::new(Code::Overloaded, "the figures are busy"),
    }
}
