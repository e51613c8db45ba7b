//! `load-tests slow`: many readers subscribe to the board and never read while records flow.
//!
//! What must hold: they are cut, the server's memory stays bounded, and nobody else notices. Reads what the hung sockets were
//! told only after the server has let go of them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::bench::commands;
use crate::client::desk::Desk;
use crate::client::scan::{Said, Scanner, Seen, said};
use crate::client::socket::{Heard, Socket, command};
use crate::client::tap::{Taps, connect_all};
use crate::histogram::Latencies;
use crate::report::Report;
use crate::server::Launcher;

/// A small receive buffer, so that a reader that does not read is stuck soon.
const RECEIVE_BUFFER_BYTES: u32 = 4096;
const TICKETS: usize = 1024;
const FILLING_IN_FLIGHT: usize = 512;
const CALM: Duration = Duration::from_secs(4);
const PERIOD: Duration = Duration::from_millis(10);
const LOOK: Duration = Duration::from_millis(200);
/// More than long enough to fill the buffers of a reader that does not read.
const FILLING: Duration = Duration::from_secs(25);
const TOO_SLOW: u16 = 4201;
const NAME: &str = "slow readers";

#[derive(Debug, Args)]
pub struct Options {
    /// Sockets that subscribe to the board and never read
    #[arg(long, default_value_t = 500)]
    readers: usize,
    /// Sockets that read as they should
    #[arg(long, default_value_t = 50)]
    others: usize,
    /// Records a second
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Seconds after the readers were stuck by which all of them must be cut
    #[arg(long, default_value_t = 15)]
    cut_within_s: u64,
    /// Also write the figures to this file
    #[arg(long)]
    json: Option<PathBuf>,
}

/// `false` when a promise was broken.
pub async fn run(launcher: &Launcher, options: &Options) -> Result<bool> {
    let mut report = Report::new();
    let folder = launcher.folder()?;
    let server = launcher.start(folder.path()).await?;
    let tickets = Desk::open(&server.target()).await?.tickets(TICKETS).await?;
    // What fills up by itself, as the feed does, must not be charged to the readers.
    commands::socket_load(&server.target(), &tickets, FILLING_IN_FLIGHT).await?;
    let others = Taps::open(&server.target(), options.others).await?;
    let (socket, _) = Socket::open(&server.target(), &[], None).await?;
    let mut flow = Flow { socket, tickets, rate: options.rate, sent: 0 };

    let alone = flow.run_while(&others, |elapsed| Ok(elapsed < CALM)).await?;
    let (before, sockets_before) = (server.usage()?, server.sockets()?);
    let hung = connect_all(&server.target(), options.readers, Some(RECEIVE_BUFFER_BYTES)).await?;
    let limit = Duration::from_secs(options.cut_within_s) + FILLING;
    let (mut peak, mut cut) = (before.rss_bytes, None);
    let beside = flow
        .run_while(&others, |elapsed| {
            peak = peak.max(server.usage()?.rss_bytes);
            if server.sockets()? <= sockets_before {
                cut = Some(elapsed);
            }
            Ok(cut.is_none() && elapsed < limit)
        })
        .await?;
    let still_open = server.sockets()?.saturating_sub(sockets_before);
    let told = last_words(hung).await?;

    report.add(NAME, "records a second", f64::from(options.rate), "");
    report.add(NAME, "others' p99 while nobody hangs", alone.quantile_ms(0.99), "ms");
    let title = format!("others' p99 while {} hang", options.readers);
    report.judge(NAME, &title, beside.quantile_ms(0.99), "ms", 50.0);
    let growth = peak.saturating_sub(before.rss_bytes) as f64 / options.readers.max(1) as f64 / 1024.0;
    report.judge(NAME, "server's memory for each that hangs, at most", growth, "KiB", 256.0);
    // A reader took its last byte when its receive buffer was full.
    let stuck_s = told.records_at_most as f64 / f64::from(options.rate.max(1));
    report.add(NAME, "the last one took its last byte after", stuck_s, "s");
    if let Some(cut) = cut {
        let bound = stuck_s + options.cut_within_s as f64;
        report.judge(NAME, "all were cut after", cut.as_secs_f64(), "s", bound);
    }
    if still_open > 0 {
        let (readers, limit) = (options.readers, limit.as_secs());
        report.violation(format!("{still_open} of {readers} readers that hang are still connected after {limit} s"));
    }
    report.add(NAME, "could be told 4201", told.too_slow as f64, "");
    for fault in others.meter.faults() {
        report.violation(format!("another reader: {fault}"));
    }
    if others.meter.counts().ended > 0 {
        report.violation(format!("{} other readers were cut as well", others.meter.counts().ended));
    }
    others.close().await;

    print!("{}", report.table(0));
    for violation in &report.violations {
        eprintln!("broken: {violation}");
    }
    if let Some(file) = &options.json {
        report.write_json(file)?;
    }
    Ok(report.violations.is_empty() && report.within_budgets())
}

/// Records at a steady rate, whatever the server does.
struct Flow {
    socket: Socket,
    tickets: Vec<u64>,
    rate: u32,
    sent: usize,
}

impl Flow {
    /// Sends while the look at the server, taken five times a second, says so; returns the time from each command to its
    /// arrival at the sockets that read.
    async fn run_while(&mut self, others: &Taps, mut look: impl FnMut(Duration) -> Result<bool>) -> Result<Latencies> {
        others.meter.stamp();
        let already = others.meter.counts().records;
        let began = Instant::now();
        let mut period = tokio::time::interval(PERIOD);
        let mut sent_at = HashMap::new();
        let mut seqs = HashMap::new();
        let mut due = 0.0;
        let (mut looked, mut going) = (Duration::ZERO, true);
        while going || !sent_at.is_empty() {
            tokio::select! {
                _ = period.tick(), if going => {
                    due += f64::from(self.rate) * PERIOD.as_secs_f64();
                    let mut lines = String::new();
                    while due >= 1.0 {
                        due -= 1.0;
                        let id = uuid::Uuid::new_v4().to_string();
                        let body = json!({ "type": "update", "tags": ["flow", format!("f{}", self.sent)] });
                        lines.push_str(&command(&id, Some(self.tickets[self.sent % self.tickets.len()]), &body));
                        lines.push('\n');
                        self.sent += 1;
                        sent_at.insert(id, Instant::now());
                    }
                    if !lines.is_empty() {
                        self.socket.say(lines).await?;
                    }
                    if looked + LOOK <= began.elapsed() {
                        looked = began.elapsed();
                        going = look(looked)?;
                    }
                }
                heard = self.socket.hear() => match heard?.context("the server ended the driver's connection")? {
                    Heard::Ok { id, seq, .. } => {
                        let at = sent_at.remove(&id).context("an answer to a command that was not sent")?;
                        seqs.insert(seq, at);
                    }
                    Heard::Err { code, message, .. } => bail!("a command was refused: {code}: {message}"),
                    _ => {}
                },
            }
        }
        others.meter.until(already + seqs.len() as u64 * others.sessions).await?;
        let mut latencies = Latencies::default();
        for stamp in others.meter.take_stamps() {
            if let Some(at) = seqs.get(&stamp.seq) {
                latencies.record(stamp.at.saturating_duration_since(*at));
            }
        }
        Ok(latencies)
    }
}

/// What readers that hung find in their buffers when they look at last.
#[derive(Debug, Default)]
struct LastWords {
    too_slow: usize,
    records_at_most: u64,
}

async fn last_words(hung: Vec<TcpStream>) -> Result<LastWords> {
    let mut all = LastWords::default();
    let mut buffer = vec![0; 64 * 1024];
    for mut stream in hung {
        let (mut scanner, mut records) = (Scanner::default(), 0);
        // The end, a reset, or silence: nothing more will come.
        while let Ok(Ok(length @ 1..)) = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut buffer)).await {
            scanner.feed(&buffer[..length], |seen| match seen {
                Seen::Line(line) => records += u64::from(matches!(said(line), Ok(Said::Record { .. }))),
                Seen::Close(Some(TOO_SLOW)) => all.too_slow += 1,
                _ => {}
            })?;
        }
        all.records_at_most = all.records_at_most.max(records);
    }
    Ok(all)
}
