//! The thread that has checkpoints of the board written, so that looks into the past are quick.
//!
//! It follows the present board, and after a start it makes up for what is missing. Its failures cost time, never an answer:
//! they are logged and the next checkpoint is tried as usual. Started by [`super::Reads::open`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex, RwLock};

use super::Desk;
use crate::background;
use crate::domain::ids::Seq;
use crate::projections::past::{Past, PastError};

pub struct Keeper {
    /// Below this seq there is nothing to do.
    due: AtomicU64,
    /// Records between two checkpoints, or twice the active tickets if that is more.
    records: u64,
    orders: Mutex<Orders>,
    rung: Condvar,
}

#[derive(Default)]
struct Orders {
    rung: bool,
    stop: bool,
    /// The thread waits for the next mark.
    idle: bool,
}

impl Keeper {
    pub fn start(records: u64, desk: Arc<RwLock<Desk>>, past: Arc<Past>) -> (Arc<Self>, Option<JoinHandle<()>>) {
        let keeper = Arc::new(Self {
            due: AtomicU64::new(u64::MAX),
            records: records.max(1),
            orders: Mutex::default(),
            rung: Condvar::new(),
        });
        if !past.keeps_checkpoints() {
            return (keeper, None);
        }
        let run = Arc::clone(&keeper);
        let thread = std::thread::Builder::new()
            .name("checkpoints".into())
            .spawn(move || {
                background::stand_back();
                run.run(&desk, &past);
            })
            .expect("invariant: a process that starts can start a thread");
        (keeper, Some(thread))
    }

    /// The board has come to `seq`. An atomic read unless a checkpoint is due.
    pub fn tell(&self, seq: Seq) {
        if seq.get() >= self.due.load(Ordering::Relaxed) {
            self.due.store(u64::MAX, Ordering::Relaxed);
            self.orders.lock().rung = true;
            self.rung.notify_all();
        }
    }

    pub fn stop(&self) {
        self.orders.lock().stop = true;
        self.rung.notify_all();
    }

    /// Returns once every checkpoint that is due was written.
    #[cfg(test)]
    pub fn settle(&self) {
        let mut orders = self.orders.lock();
        while orders.rung || !orders.idle {
            self.rung.wait(&mut orders);
        }
    }

    fn run(&self, desk: &RwLock<Desk>, past: &Past) {
        if let Err(error) = self.make_up(desk, past) {
            tracing::error!(%error, "checkpoints of the past cannot be made");
        }
        let mut newest = past.newest_checkpoint();
        loop {
            let (seq, active) = {
                let desk = desk.read();
                (desk.board.seq(), desk.board.len())
            };
            if seq.get() >= newest.get() + self.interval(active) {
                let board = desk.read().board.clone();
                newest = board.seq();
                if let Err(error) = past.save(&board) {
                    tracing::warn!(%error, "a checkpoint of the board cannot be written");
                }
                continue;
            }
            self.due.store(newest.get() + self.interval(active), Ordering::Relaxed);
            // A record may have come between the look at the board and the new mark.
            self.tell(desk.read().board.seq());
            let mut orders = self.orders.lock();
            while !orders.rung && !orders.stop {
                orders.idle = true;
                self.rung.notify_all();
                self.rung.wait(&mut orders);
            }
            (orders.idle, orders.rung) = (false, false);
            if orders.stop {
                return;
            }
        }
    }

    /// Writes the checkpoints that a desk which ran all the time would have.
    fn make_up(&self, desk: &RwLock<Desk>, past: &Past) -> Result<(), PastError> {
        let head = desk.read().board.seq();
        past.discard_after(head);
        let mut board = past.checkpoint_before(head, Seq::ZERO).unwrap_or_default();
        loop {
            let next = board.seq().get() + self.interval(board.len());
            // The present board is the last one; it needs no replay.
            if next + self.interval(board.len()) > head.get() || self.orders.lock().stop {
                return Ok(());
            }
            past.replay(&mut board, Seq(next))?;
            if let Err(error) = past.save(&board) {
                tracing::warn!(%error, "a checkpoint of the board cannot be written");
                return Ok(());
            }
        }
    }

    fn interval(&self, active: usize) -> u64 {
        self.records.max(2 * active as u64)
    }
}
