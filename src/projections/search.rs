//! The search index: words of all tickets, filters and sort values of the closed ones.
//!
//! Derived from the journal and nothing else: it reads what it has not read yet on a thread of its own, so it never holds up a
//! commit, and a commit of the index says how far it came. An index that is damaged, or of another journal or build, is
//! thrown away and read anew. It never answers for active tickets' fields: the board does. Opened and asked by `reads`.

mod clause;
mod indexer;
mod order;
mod schema;
mod tail;
mod view;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

pub use order::{By, Order, Place};
pub use schema::facet;
pub use tail::Tail;
pub use view::{Selection, TicketSet, View};

use crate::background;
use crate::domain::ids::Seq;
use crate::journal::Journal;

/// Reaches the index's thread from anywhere.
pub struct Search {
    bell: Arc<Bell>,
    /// `None` until the index is open.
    applied: watch::Receiver<Option<Seq>>,
}

#[derive(Clone, Debug)]
pub struct SearchConfig {
    /// `None` keeps the index in memory.
    pub folder: Option<PathBuf>,
    pub writer_bytes: usize,
    /// What was read is committed at least this often.
    pub commit: Duration,
}

/// The index did not come as far as asked in time: it is being built, or its disk fails.
#[derive(Debug, thiserror::Error)]
#[error("the search index has read up to {at} and not yet up to {wanted}")]
pub struct NotYet {
    pub at: Seq,
    pub wanted: Seq,
}

/// What the index's thread waits for.
#[derive(Default)]
struct Bell {
    orders: Mutex<Orders>,
    rung: Condvar,
}

#[derive(Default)]
struct Orders {
    /// The journal's head as far as the thread was told.
    head: Seq,
    /// Somebody waits until this is committed.
    wanted: Seq,
    /// The thread sleeps until it is rung.
    idle: bool,
    rebuild: bool,
    stop: bool,
}

impl Search {
    /// Starts the thread. `install` is called on it with each new view, in order, before anybody who waits for it goes on.
    pub fn start(
        journal: Arc<dyn Journal>,
        config: SearchConfig,
        install: impl FnMut(View) + Send + 'static,
    ) -> (Self, JoinHandle<()>) {
        let bell = Arc::new(Bell::default());
        bell.orders.lock().head = journal.head().seq;
        let (sender, applied) = watch::channel(None);
        let indexer = indexer::Indexer::new(journal, config, Arc::clone(&bell), sender, Box::new(install));
        let thread = std::thread::Builder::new()
            .name("search".into())
            .spawn(move || {
                background::stand_back();
                indexer.run();
            })
            .expect("invariant: a process that starts can start a thread");
        (Self { bell, applied }, thread)
    }

    /// There are records up to `head`. Takes well under a microsecond: the thread looks by itself while it is busy.
    pub fn tell(&self, head: Seq) {
        let mut orders = self.bell.orders.lock();
        orders.head = orders.head.max(head);
        if orders.idle {
            orders.idle = false;
            self.bell.rung.notify_one();
        }
    }

    /// Whether a view that contains `seq` is installed.
    pub fn has_reached(&self, seq: Seq) -> bool {
        *self.applied.borrow() >= Some(seq)
    }

    /// Waits until a view that contains `seq` is installed. However many wait, one commit serves them.
    pub async fn reach(&self, seq: Seq, patience: Duration) -> Result<(), NotYet> {
        let mut applied = self.applied.clone();
        if self.has_reached(seq) {
            return Ok(());
        }
        {
            let mut orders = self.bell.orders.lock();
            orders.head = orders.head.max(seq);
            orders.wanted = orders.wanted.max(seq);
            orders.idle = false;
            self.bell.rung.notify_one();
        }
        let reached = tokio::time::timeout(patience, applied.wait_for(|applied| *applied >= Some(seq))).await;
        match reached {
            Ok(Ok(_)) => Ok(()),
            _ => Err(NotYet { at: self.applied.borrow().unwrap_or_default(), wanted: seq }),
        }
    }

    /// The index could not be read: throw it away and read the journal anew.
    pub fn rebuild(&self) {
        let mut orders = self.bell.orders.lock();
        orders.rebuild = true;
        orders.idle = false;
        self.bell.rung.notify_one();
    }

    /// Commits what was read and ends the thread; the caller joins it.
    pub fn stop(&self) {
        self.bell.orders.lock().stop = true;
        self.bell.rung.notify_all();
    }
}
