//! What is done to the server while people work: `kill -9` and a new start, or SIGTERM and a new process on the same data.
//!
//! Owns the server during the load. Ends only processes that it started.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::proof::Proof;
use crate::report::Event;
use crate::scenario::{Faults, Scenario};
use crate::server::{Launcher, Server};

const STOP: Duration = Duration::from_secs(40);
/// A fault in the very last moment would fall into the end of the run.
const QUIET_END: Duration = Duration::from_secs(3);

/// The process of the moment.
pub type ServerId = Arc<AtomicU32>;

#[derive(Debug)]
pub struct Trouble {
    launcher: Launcher,
    data: PathBuf,
    faults: Faults,
    server: Server,
    pid: ServerId,
    random: fastrand::Rng,
}

/// What came of it.
#[derive(Debug)]
pub struct Came {
    pub server: Server,
    pub proof: Proof,
    pub events: Vec<Event>,
    kills: u32,
    kills_while_starting: u32,
    drains: u32,
    starts_ms: Vec<f64>,
    away_ms: Vec<f64>,
}

impl Trouble {
    pub fn new(launcher: Launcher, data: PathBuf, scenario: Scenario, server: Server, random: fastrand::Rng) -> Self {
        let launcher = launcher.with(&scenario.desk.settings);
        let pid = Arc::new(AtomicU32::new(server.id()));
        Self { launcher, data, faults: scenario.faults, server, pid, random }
    }

    pub fn pid(&self) -> ServerId {
        self.pid.clone()
    }

    pub async fn make(mut self, from: Instant, until: Instant) -> Result<Came> {
        let mut came = Came {
            proof: Proof::new("the server started and stopped as it was asked to, and never by itself", "J48 S66"),
            events: Vec::new(),
            kills: 0,
            kills_while_starting: 0,
            drains: 0,
            starts_ms: Vec::new(),
            away_ms: Vec::new(),
            server: self.server,
        };
        let period = self.faults.kill_every_s.or(self.faults.drain_every_s).map(Duration::from_secs_f64);
        let mut next = period.map(|period| from + period);
        while let (Some(at), Some(period)) = (next, period)
            && at + QUIET_END < until
        {
            tokio::time::sleep_until(at.into()).await;
            next = Some(at + period);
            came.proof.checked();
            if let Some(status) = came.server.ended()? {
                let words = came.server.last_words();
                came.proof.broken(format!("the server ended by itself with {status}{words}"));
            }
            let address = came.server.target().address;
            let gone = Instant::now();
            let at_s = from.elapsed().as_secs_f64();
            if self.faults.kill_every_s.is_some() {
                came.events.push(Event { at_s, what: "kill -9".to_owned() });
                came.server.kill()?;
                came.kills += 1;
                if self.random.f64() < self.faults.kill_while_starting {
                    // A crash of the start itself must be as harmless.
                    let mut unlucky = self.launcher.spawn(&self.data, Some(address))?;
                    tokio::time::sleep(Duration::from_millis(self.random.u64(0..150))).await;
                    unlucky.kill()?;
                    came.kills_while_starting += 1;
                }
            } else {
                came.events.push(Event { at_s, what: "SIGTERM".to_owned() });
                let status = came.server.stop(STOP).await?;
                came.drains += 1;
                if !status.success() {
                    let words = came.server.last_words();
                    came.proof.broken(format!("after SIGTERM the server ended with {status}{words}"));
                }
            }
            came.server = self.launcher.spawn(&self.data, Some(address))?;
            came.starts_ms.push(came.server.ready().await?.as_secs_f64() * 1000.0);
            came.away_ms.push(gone.elapsed().as_secs_f64() * 1000.0);
            self.pid.store(came.server.id(), Relaxed);
        }
        tokio::time::sleep_until(until.into()).await;
        came.proof.checked();
        if let Some(status) = came.server.ended()? {
            let words = came.server.last_words();
            came.proof.broken(format!("the server ended by itself with {status}{words}"));
        }
        Ok(came)
    }
}

impl Came {
    pub fn figures(&self) -> Vec<(&'static str, f64)> {
        let longest = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
        if self.starts_ms.is_empty() {
            return Vec::new();
        }
        vec![
            ("restart.kills", f64::from(self.kills)),
            ("restart.kills_while_starting", f64::from(self.kills_while_starting)),
            ("restart.drains", f64::from(self.drains)),
            ("restart.longest_start_ms", longest(&self.starts_ms)),
            ("restart.longest_away_ms", longest(&self.away_ms)),
        ]
    }
}
