//! One hub on each worker thread: told "there is more", it lets that thread's sessions read on.
//!
//! Crossing threads costs a message a worker, not a message a session. The hub owns what its sessions share (frames, the
//! presence table); each session's position is its own [`outlet::Outlet`]. It never holds records for anybody.

pub mod figures_table;
pub mod frames;
pub mod latency;
pub mod outlet;
pub mod presence_table;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message};
use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ids::TicketId;
use crate::domain::permissions::Sight;
use crate::domain::rules::Rules;
use crate::feed::Feed;
use crate::journal::{Journal, JournalError};
use crate::people::Revisions;
use crate::protocol::frame::CloseReason;
use figures_table::{FiguresTable, Told, Watched};
use frames::Frames;
use latency::{LatencyCount, LatencyWindow};
use outlet::Outlet;
use presence_table::PresenceTable;

/// How often a hub looks after its sessions' heartbeats and withdrawn sign-ins.
const TICK: Duration = Duration::from_millis(250);

/// What the hubs of all threads share.
pub struct Shared {
    pub config: Arc<Config>,
    pub rules: Arc<Rules>,
    pub clock: Clock,
    pub feed: Arc<Feed>,
    pub journal: Arc<dyn Journal>,
    /// Reads of the journal for sessions that are far behind, at the same time.
    pub reading: Arc<Semaphore>,
    pub fatal: Arc<dyn Fn(&JournalError) + Send + Sync>,
    pub sessions: AtomicUsize,
    /// By thread: how many records the session that is furthest behind has not taken yet.
    pub lags: Mutex<Vec<Arc<AtomicU64>>>,
    /// How long changes take to the sockets.
    pub latency: Arc<LatencyWindow>,
    /// What changed beside the tickets.
    pub revisions: Arc<Revisions>,
    /// Which sights live figures are made for.
    pub watched: Arc<Watched>,
    /// New sockets are refused and the open ones told to go.
    pub draining: AtomicBool,
}

/// One thread's part. Sessions of the same thread hold it by `Rc`.
pub struct Local {
    pub shared: Arc<Shared>,
    pub frames: RefCell<Frames>,
    pub presence: RefCell<PresenceTable>,
    /// One for each sight that somebody on this thread has.
    pub figures: RefCell<FxHashMap<Sight, FiguresTable>>,
    pub latency: RefCell<LatencyCount>,
    lag: Arc<AtomicU64>,
    outlets: RefCell<Vec<Weak<Outlet>>>,
    /// Sessions of this thread, with the dead ones not yet swept.
    open: Cell<usize>,
}

impl Local {
    pub fn new(shared: Arc<Shared>) -> Rc<Self> {
        let lag: Arc<AtomicU64> = Arc::default();
        shared.lags.lock().push(Arc::clone(&lag));
        Rc::new(Self {
            shared,
            lag,
            frames: RefCell::new(Frames::default()),
            presence: RefCell::new(PresenceTable::default()),
            figures: RefCell::default(),
            latency: RefCell::default(),
            outlets: RefCell::default(),
            open: Cell::new(0),
        })
    }

    pub fn now_millis(&self) -> i64 {
        self.shared.clock.now_millis()
    }

    /// From now on the outlet is told when there is more.
    pub fn join(&self, outlet: &Rc<Outlet>) {
        self.outlets.borrow_mut().push(Rc::downgrade(outlet));
        self.open.set(self.open.get() + 1);
        self.shared.sessions.fetch_add(1, Ordering::Relaxed);
    }

    /// Called when a session ends; its place is swept at the next tick.
    pub fn leave(&self) {
        self.open.set(self.open.get() - 1);
        self.shared.sessions.fetch_sub(1, Ordering::Relaxed);
    }

    fn each(&self, mut look: impl FnMut(&Rc<Outlet>)) {
        for outlet in self.outlets.borrow().iter().filter_map(Weak::upgrade) {
            look(&outlet);
        }
    }

    fn sweep(&self) {
        let mut outlets = self.outlets.borrow_mut();
        if outlets.len() > self.open.get() {
            outlets.retain(|outlet| outlet.strong_count() > 0);
        }
    }
}

pub struct Hub {
    local: Rc<Local>,
    /// Word of more records is on its way already: one message serves many groups.
    told: Arc<AtomicBool>,
}

/// How other threads reach a hub.
#[derive(Clone)]
pub struct HubHandle {
    addr: Addr<Hub>,
    told: Arc<AtomicBool>,
}

impl Hub {
    /// Starts a hub on this thread.
    pub fn start_here(local: Rc<Local>) -> HubHandle {
        let told = Arc::new(AtomicBool::new(false));
        let addr = Self { local, told: Arc::clone(&told) }.start();
        HubHandle { addr, told }
    }
}

impl HubHandle {
    /// Leaves word that there is more. Never waits: while one message is on its way, a second is not needed.
    pub fn more(&self) {
        if !self.told.swap(true, Ordering::AcqRel) && self.addr.try_send(More).is_err() {
            self.told.store(false, Ordering::Release);
        }
    }

    /// Hands over who is where; false when the hub is too busy, so that the sender keeps it for the next time.
    pub fn presence(&self, changed: Arc<Vec<(TicketId, Option<String>)>>) -> bool {
        self.addr.try_send(PresenceChanged(changed)).is_ok()
    }

    /// Hands over the newest live figures. A hub that is too busy gets the next ones.
    pub fn figures(&self, told: Arc<Vec<(Sight, Told)>>) {
        if self.addr.try_send(FiguresTold(told)).is_err() {
            tracing::debug!("a hub is too busy for figures");
        }
    }

    /// Tells every session to go away and come back later, spread over `jitter`.
    pub fn drain(&self, after_ms: u64, jitter_ms: u64) {
        // A hub that cannot be told is about to be stopped with its thread anyway.
        let _ = self.addr.try_send(StartDrain { after_ms, jitter_ms });
    }

    /// Closes what is left.
    pub fn close_all(&self) {
        let _ = self.addr.try_send(CloseAll);
    }

    pub fn is_connected(&self) -> bool {
        self.addr.connected()
    }
}

impl Actor for Hub {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(1024);
        ctx.run_interval(TICK, |this, _| {
            this.local.sweep();
            let now = this.local.now_millis();
            this.local.shared.latency.take(now, &mut this.local.latency.borrow_mut());
            let mut lag = 0;
            this.local.each(|outlet| {
                outlet.tick(&this.local, now);
                lag = lag.max(outlet.behind());
            });
            this.local.lag.store(lag, Ordering::Relaxed);
        });
    }
}

/// There are records that the sessions may not have yet.
#[derive(Message)]
#[rtype(result = "()")]
struct More;

impl Handler<More> for Hub {
    type Result = ();

    fn handle(&mut self, _: More, _: &mut Self::Context) {
        // Before looking, so that a group that comes meanwhile is told again.
        self.told.store(false, Ordering::Release);
        self.local.each(|outlet| outlet.wake());
    }
}

/// Who looks at which ticket: one line each, ready for the wire; `None` where nobody is left and nobody needs to know.
#[derive(Message)]
#[rtype(result = "()")]
struct PresenceChanged(Arc<Vec<(TicketId, Option<String>)>>);

impl Handler<PresenceChanged> for Hub {
    type Result = ();

    fn handle(&mut self, changed: PresenceChanged, _: &mut Self::Context) {
        {
            let mut table = self.local.presence.borrow_mut();
            for (ticket, line) in changed.0.iter() {
                table.put(*ticket, line.clone());
            }
        }
        self.local.each(|outlet| {
            if outlet.wants_presence() {
                outlet.wake();
            }
        });
    }
}

/// The live figures, all of them: the hub finds out what is new to it.
#[derive(Message)]
#[rtype(result = "()")]
struct FiguresTold(Arc<Vec<(Sight, Told)>>);

impl Handler<FiguresTold> for Hub {
    type Result = ();

    fn handle(&mut self, told: FiguresTold, _: &mut Self::Context) {
        let now = self.local.now_millis();
        let mut wanted: FxHashSet<Sight> = FxHashSet::default();
        self.local.each(|outlet| {
            if outlet.wants_figures() {
                wanted.insert(outlet.sight());
            }
        });
        for sight in &wanted {
            self.local.shared.watched.look(*sight, now);
        }
        let new: Vec<Sight> = {
            let mut tables = self.local.figures.borrow_mut();
            // A table that a session has read from is kept: where it stood means nothing in another one.
            tables.retain(|sight, _| wanted.contains(sight));
            let told = told.0.iter().filter(|(sight, _)| wanted.contains(sight));
            let put = told.filter(|(sight, told)| tables.entry(*sight).or_default().put(told));
            put.map(|(sight, _)| *sight).collect()
        };
        self.local.each(|outlet| {
            if outlet.wants_figures() && new.contains(&outlet.sight()) {
                outlet.wake();
            }
        });
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct StartDrain {
    after_ms: u64,
    jitter_ms: u64,
}

impl Handler<StartDrain> for Hub {
    type Result = ();

    fn handle(&mut self, drain: StartDrain, _: &mut Self::Context) {
        self.local.each(|outlet| outlet.say_drain(drain.after_ms, drain.jitter_ms));
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct CloseAll;

impl Handler<CloseAll> for Hub {
    type Result = ();

    fn handle(&mut self, _: CloseAll, _: &mut Self::Context) {
        self.local.each(|outlet| outlet.close(CloseReason::GoingAway));
    }
}
