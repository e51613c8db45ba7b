//! From one command to every screen: how many records a second reach all sessions, what each delivery costs, how long it
//! takes.
//!
//! *Single*: the next command goes out when every session has the last one's record, so nothing can be merged. *Grouped*: as
//! many commands are under way as the window says, counted to their arrival at the sessions, so that the server may merge
//! and a backlog cannot grow without bound. *Calm*: 50 records a second, each receipt stamped.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::baseline::fan_out::{self as plain, Shape};
use crate::bench::figures::Figures;
use crate::client::desk::{Desk, numbered};
use crate::client::socket::{Heard, Socket, command};
use crate::client::tap::{Counts, Taps};
use crate::histogram::Latencies;
use crate::server::{Launcher, Server};

const WARM_UP: Duration = Duration::from_secs(1);
const DURATION: Duration = Duration::from_secs(3);
const CALM: Duration = Duration::from_secs(5);
const CALM_PERIOD: Duration = Duration::from_millis(20);
const TICKETS: usize = 256;
const GROUPED_WINDOW: u64 = 64;
/// The size of a team for which the time to the screen is promised.
const TEAM: usize = 200;

pub async fn run(launcher: &Launcher, sessions: &[usize], report: &mut Figures) -> Result<()> {
    let folder = launcher.folder()?;
    let server = launcher.start(folder.path()).await?;
    let tickets = Desk::open(&server.target()).await?.tickets(&numbered(TICKETS)).await?;
    let mut driver = Driver::open(&server, tickets).await?;

    let taps = Taps::open(&server.target(), TEAM).await?;
    driver.calm(&taps, &format!("fan-out to {TEAM} sessions"), report).await?;
    finish(taps, report).await;

    for &sessions in sessions {
        let name = format!("fan-out to {sessions} sessions");
        let taps = Taps::open(&server.target(), sessions).await?;
        driver.calm(&taps, &name, report).await?;
        for (title, window) in [("single", 1), ("grouped", GROUPED_WINDOW)] {
            let load = driver.saturate(&server, &taps, window).await?;
            report.add(&name, &format!("{title}: deliveries"), load.per_second, "/s");
            report.add(&name, "  records a message", load.group, "");
            report.add(&name, "  bytes a record", load.record_bytes, "B");
            report.add(&name, "  times that a session was told it lags", load.lags, "");
            report.add(&name, "  server's CPU a delivery", load.cpu_us, "µs");
            report.add(&name, "  server's CPU", load.cores, "cores");
            let shape = Shape {
                sessions,
                record_bytes: load.record_bytes.round() as usize,
                group: load.group.round().max(1.0) as usize,
                threads: std::thread::available_parallelism()?.get(),
            };
            let bare = plain::run(shape, DURATION).await?;
            report.add(&name, "  plain socket loop", bare.per_second, "/s");
            report.add(&name, "  plain socket loop's CPU a delivery", bare.cpu_us_per_record, "µs");
            report.add(&name, "  share of the plain loop", load.per_second / bare.per_second * 100.0, "%");
        }
        finish(taps, report).await;
    }
    Ok(())
}

async fn finish(taps: Taps, report: &mut Figures) {
    let (counts, faults) = (taps.meter.counts(), taps.meter.faults());
    for fault in faults.iter().take(3) {
        report.violation(format!("fan-out to {} sessions: {fault}", taps.sessions));
    }
    if counts.ended > 0 {
        report.violation(format!("fan-out to {} sessions: {} were ended", taps.sessions, counts.ended));
    }
    taps.close().await;
}

struct Saturated {
    per_second: f64,
    group: f64,
    record_bytes: f64,
    lags: f64,
    cpu_us: f64,
    cores: f64,
}

/// Sends changes over one socket and knows which of them are acknowledged.
struct Driver {
    socket: Socket,
    tickets: Vec<u64>,
    sent: u64,
    waiting: usize,
}

impl Driver {
    async fn open(server: &Server, tickets: Vec<u64>) -> Result<Self> {
        let (socket, _) = Socket::open(&server.target(), &[], None).await?;
        Ok(Self { socket, tickets, sent: 0, waiting: 0 })
    }

    /// Sends this many changes in one frame; each is one record.
    async fn send(&mut self, count: u64) -> Result<Vec<String>> {
        let mut lines = String::new();
        let mut ids = Vec::new();
        for _ in 0..count {
            let id = uuid::Uuid::new_v4().to_string();
            let ticket = self.tickets[self.sent as usize % self.tickets.len()];
            let body = json!({ "type": "update", "tags": ["payment", format!("n{}", self.sent)] });
            lines.push_str(&command(&id, Some(ticket), &body));
            lines.push('\n');
            self.sent += 1;
            ids.push(id);
        }
        self.waiting += ids.len();
        self.socket.say(lines).await?;
        Ok(ids)
    }

    /// The next acknowledgement: (command id, seq).
    async fn acknowledged(&mut self) -> Result<(String, u64)> {
        loop {
            match self.socket.hear().await?.context("the server ended the driver's connection")? {
                Heard::Ok { id, seq, .. } => {
                    self.waiting -= 1;
                    return Ok((id, seq));
                }
                Heard::Err { code, message, .. } => bail!("a command was refused: {code}: {message}"),
                _ => {}
            }
        }
    }

    async fn saturate(&mut self, server: &Server, taps: &Taps, window: u64) -> Result<Saturated> {
        let already = taps.meter.counts().records;
        let began = Instant::now();
        let mut sent = 0;
        let mut from = None;
        loop {
            // Arrivals, averaged over the sessions: what is under way is what was sent and has not arrived.
            let arrived = (taps.meter.counts().records - already) / taps.sessions;
            let room = window.saturating_sub(sent - arrived.min(sent));
            if room > 0 {
                self.send(room).await?;
                sent += room;
            }
            while self.waiting > 0 {
                self.acknowledged().await?;
            }
            // A quarter of the window must have room, or every frame would carry one command.
            let enough = sent - window + (window / 4).max(1);
            taps.meter.until(already + enough * taps.sessions).await?;
            let now = began.elapsed();
            if from.is_none() && now >= WARM_UP {
                from = Some((taps.meter.counts(), server.usage()?, Instant::now()));
            }
            if let Some((counts, usage, since)) = from
                && since.elapsed() >= DURATION
            {
                let (after, took) = (taps.meter.counts(), since.elapsed());
                let cost = server.usage()?.cpu.saturating_sub(usage.cpu);
                taps.meter.until(already + sent * taps.sessions).await?;
                return Ok(Self::saturated(counts, after, cost, took));
            }
        }
    }

    fn saturated(before: Counts, after: Counts, cost: Duration, took: Duration) -> Saturated {
        let records = (after.records - before.records) as f64;
        Saturated {
            per_second: records / took.as_secs_f64(),
            group: records / (after.messages - before.messages).max(1) as f64,
            record_bytes: (after.bytes - before.bytes) as f64 / records,
            lags: (after.lags - before.lags) as f64,
            cpu_us: cost.as_micros() as f64 / records,
            cores: cost.as_secs_f64() / took.as_secs_f64(),
        }
    }

    /// 50 commands a second; the time from sending each to its arrival at every session.
    async fn calm(&mut self, taps: &Taps, name: &str, report: &mut Figures) -> Result<()> {
        let already = taps.meter.counts().records;
        taps.meter.stamp();
        let mut sent_at = HashMap::new();
        let mut acknowledging = Latencies::default();
        let mut period = tokio::time::interval(CALM_PERIOD);
        let count = (CALM.as_millis() / CALM_PERIOD.as_millis()) as u64;
        for _ in 0..count {
            period.tick().await;
            let at = Instant::now();
            let ids = self.send(1).await?;
            let (id, seq) = self.acknowledged().await?;
            ensure!(ids == [id], "the answer to another command");
            acknowledging.record(at.elapsed());
            sent_at.insert(seq, at);
        }
        let expected = count * taps.sessions;
        let mut awaited = already + expected;
        // The desk has records of its own in between: it sorts the tickets that were opened for this.
        loop {
            taps.meter.until(awaited).await?;
            let received = taps.meter.counts().records;
            let missing = expected.saturating_sub(taps.meter.stamped(|seq| sent_at.contains_key(&seq)));
            if missing == 0 {
                break;
            }
            awaited = received + missing;
        }
        let mut latencies = Latencies::default();
        for stamp in taps.meter.take_stamps() {
            if let Some(at) = sent_at.get(&stamp.seq) {
                latencies.record(stamp.at.saturating_duration_since(*at));
            }
        }
        if latencies.count() != expected {
            report.violation(format!("{name}: {} of {expected} deliveries arrived", latencies.count()));
        }
        report.add(name, "calm: command to acknowledgement, p99", acknowledging.quantile_ms(0.99), "ms");
        report.add(name, "  command to every screen, p50", latencies.quantile_ms(0.5), "ms");
        let p99 = latencies.quantile_ms(0.99);
        if taps.sessions == TEAM as u64 {
            report.judge(name, "  command to every screen, p99", p99, "ms", 50.0);
        } else {
            report.add(name, "  command to every screen, p99", p99, "ms");
        }
        Ok(())
    }
}
