//! The virtual people of a run: agents and supervisors at their screens, customers, readers by the thousand.
//!
//! Each acts at moments of its own choosing (`pace`), writes down what it said and was shown (`ledger`), and comes back after a
//! lost connection as the contract asks. None of them judges the run. Started by `run`.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::client::Target;
use crate::ledger::{Caller, Ledger};
use crate::meters::Meters;
use crate::scenario::Crowd;

pub mod caller;
pub mod deed;
pub mod fold;
pub mod pace;
pub mod reader;
pub mod screen;
pub mod stuck;

use pace::Pace;

/// What all people of a run share.
#[derive(Debug)]
pub struct Floor {
    pub ledger: Ledger,
    pub meters: Meters,
    pub phase: watch::Receiver<Phase>,
    /// Where everybody connects; it changes when a proxy or a restart moves the door.
    pub door: Target,
    /// Those who lost their connection come back within this time.
    pub back_within: Duration,
    /// How many have been welcomed.
    pub arrived: AtomicUsize,
}

/// How far the run is. It only ever goes on to a later phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub enum Phase {
    /// Everybody connects.
    Coming,
    /// People act between these moments.
    Load { from: Instant, until: Instant },
    /// Nobody begins anything; what is under way ends.
    Ending,
    /// Everybody reads up to this seq, and is done.
    Reading { head: u64 },
    /// It takes too long.
    Over,
}

/// One person.
#[derive(Clone, Debug)]
pub struct Person {
    /// Place among the callers of the run.
    pub who: usize,
    pub crowd: Arc<Crowd>,
    pub caller: Caller,
    pub floor: Arc<Floor>,
    pub seed: u64,
}

/// Where somebody's screen stood at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    pub name: String,
    pub seq: u64,
    /// Of a board that was folded from what was shown; readers by the thousand have none.
    pub board_hash: Option<String>,
}

impl Person {
    pub fn name(&self) -> String {
        format!("{} {}", self.crowd.name, self.who)
    }

    pub fn door(&self) -> Target {
        self.floor.door.with_token(&self.caller.token)
    }

    /// When this person acts, in a load between these moments.
    pub fn pace(&self, from: Instant, until: Instant, random: fastrand::Rng) -> Option<Pace> {
        let end = self.crowd.until_s.map_or(until, |s| until.min(from + Duration::from_secs_f64(s)));
        let begin = from + Duration::from_secs_f64(self.crowd.from_s);
        Some(Pace::new(begin, end, self.crowd.period_s()?, random))
    }
}

/// A person comes back at a moment of its own: full jitter, twice as wide with each try.
#[derive(Debug)]
pub struct Return {
    widest: Duration,
    tries: u32,
}

impl Return {
    pub fn new(within: Duration) -> Self {
        Self { widest: within.max(Duration::from_millis(20)), tries: 0 }
    }

    pub fn succeeded(&mut self) {
        self.tries = 0;
    }

    /// The first wait spreads the crowd over the whole time that the scenario gives; later ones are for a server that is
    /// not there yet.
    pub fn wait(&mut self, random: &mut fastrand::Rng) -> Duration {
        self.tries += 1;
        let width = if self.tries == 1 { self.widest } else { Duration::from_millis(100 << self.tries.min(5)) };
        width.mul_f64(random.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_that_was_cut_off_comes_back_spread_over_the_time_it_has() {
        let mut random = fastrand::Rng::with_seed(5);
        let waits: Vec<_> =
            (0..1000).map(|_| Return::new(Duration::from_secs(5)).wait(&mut random).as_secs_f64()).collect();
        let early = waits.iter().filter(|wait| **wait < 2.5).count();
        assert!((430..570).contains(&early), "{early}");
        assert!(waits.iter().all(|wait| *wait <= 5.0));
    }
}
