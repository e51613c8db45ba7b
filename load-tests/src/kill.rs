//! `load-tests kill`: load, `kill -9` at a random moment, restart on the same folder, audit; again and again.
//!
//! What must hold after every round: what was acknowledged is there once, what anybody was shown is there, positions have no
//! gap and no repeat, snapshot and records agree, and readers go on where they stopped. One seed gives the same load again
//! (when the kill falls within it is up to the machine).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;

use crate::client::desk::Desk;
use crate::server::Launcher;

mod audit;
mod load;
mod reader;

use audit::Audit;
use load::Outcome;
use reader::Reader;

/// The load must have run this long before the kill may fall.
const SHORTEST_LOAD: Duration = Duration::from_millis(200);
const TICKETS: usize = 40;
/// How long a server may take to stop when it is asked to.
const GENTLE_END: Duration = Duration::from_secs(20);

#[derive(Debug, Args)]
pub struct Options {
    /// How many times the server is killed
    #[arg(long, default_value_t = 50)]
    rounds: u32,
    /// Clients, half of them over HTTP, half over WebSocket
    #[arg(long, default_value_t = 20)]
    clients: usize,
    /// Commands a second, over all clients
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// The kill falls within this time after the load began
    #[arg(long, default_value_t = 2500)]
    within_ms: u64,
    /// Repeats a run's choices; a new one for each run by default
    #[arg(long)]
    seed: Option<u64>,
    /// Keep the data folder for a look at it
    #[arg(long)]
    keep: bool,
    /// Also write the summary to this file
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What a run did, for the closing lines.
#[derive(Debug, Default, serde::Serialize)]
struct Summary {
    seed: u64,
    rounds: u32,
    kills_while_starting: u32,
    /// By outcome or code.
    commands: BTreeMap<String, u64>,
    /// In doubt when the server died: repeated with the same id afterwards.
    repeated: u64,
    of_those_already_done: u64,
    records: u64,
    shown_to_readers: u64,
    longest_start_ms: f64,
    violations: Vec<String>,
}

/// `false` when a promise was broken.
pub async fn run(launcher: &Launcher, options: &Options) -> Result<bool> {
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = launcher.folder()?;
    let mut summary = Summary { seed, ..Summary::default() };
    let mut server = launcher.start(folder.path()).await?;
    let tickets = Desk::open(&server.target()).await?.tickets(TICKETS).await?;
    let mut audit = Audit::default();
    audit.catch_up(&mut Desk::open(&server.target()).await?).await?;
    let mut readers = [Reader::default(), Reader::default()];

    while summary.rounds < options.rounds && audit.violations.is_empty() {
        summary.rounds += 1;
        let target = server.target();
        let running: Vec<_> = readers.iter_mut().map(|reader| reader.start(&target)).collect();
        let load = load::start(&target, &tickets, options.clients, options.rate, &mut random);
        let shortest = SHORTEST_LOAD.as_millis() as u64;
        let moment = Duration::from_millis(random.u64(shortest..=options.within_ms.max(shortest)));
        tokio::time::sleep(moment).await;
        if let Some(status) = server.ended()? {
            audit.violation(format!("the server ended by itself with {status}{}", server.last_words()));
        }
        server.kill()?;
        let commands = load.finish().await?;
        for (reader, running) in readers.iter_mut().zip(running) {
            reader.stopped(running.await?, &mut audit);
        }

        if random.u8(..) < 64 {
            // A crash of the start itself must be as harmless.
            let mut unlucky = launcher.spawn(folder.path(), &[])?;
            tokio::time::sleep(Duration::from_millis(random.u64(0..150))).await;
            unlucky.kill()?;
            summary.kills_while_starting += 1;
        }
        let began = Instant::now();
        server = match launcher.start(folder.path()).await {
            Ok(server) => server,
            Err(error) => {
                audit.violation(format!("the server did not start again: {error:#}"));
                break;
            }
        };
        summary.longest_start_ms = summary.longest_start_ms.max(began.elapsed().as_secs_f64() * 1000.0);

        let mut desk = Desk::open(&server.target()).await?;
        audit.catch_up(&mut desk).await.context("the records after a restart cannot be read")?;
        for reader in &mut readers {
            reader.check(&mut audit);
        }
        for command in &commands {
            *summary.commands.entry(command.outcome.title()).or_default() += 1;
            audit.check(command);
        }
        let doubtful: Vec<_> = commands.iter().filter(|command| matches!(command.outcome, Outcome::InDoubt)).collect();
        summary.repeated += doubtful.len() as u64;
        summary.of_those_already_done += audit.repeat(&mut desk, &doubtful).await?;
        let done: Vec<_> = commands.iter().filter(|command| matches!(command.outcome, Outcome::Done { .. })).collect();
        if !done.is_empty() {
            let sample: Vec<_> = (0..10).map(|_| done[random.usize(..done.len())]).collect();
            audit.repeat(&mut desk, &sample).await?;
        }
        audit.catch_up(&mut desk).await?;
        audit.compare_snapshot(&mut desk).await?;
        let violations = audit.violations.len();
        println!(
            "round {:>3}: killed after {:>4} ms, {} commands, {} in doubt, {} records{}",
            summary.rounds,
            moment.as_millis(),
            commands.len(),
            doubtful.len(),
            audit.head(),
            if violations == 0 { String::new() } else { format!(", {violations} BROKEN PROMISES") }
        );
    }
    if audit.violations.is_empty() {
        let target = server.target();
        for reader in &mut readers {
            reader.finish(&target, &mut audit).await?;
        }
        audit.read_everything_again(&mut Desk::open(&target).await?).await?;
        let status = server.stop(GENTLE_END)?;
        if !status.success() {
            audit.violation(format!("asked to stop, the server ended with {status}{}", server.last_words()));
        }
    }
    summary.records = audit.head();
    summary.shown_to_readers = readers.iter().map(Reader::shown).sum();
    summary.violations = std::mem::take(&mut audit.violations);
    if options.keep || !summary.violations.is_empty() {
        println!("the data folder is kept: {}", folder.keep().display());
    }
    conclude(&summary, options)
}

fn conclude(summary: &Summary, options: &Options) -> Result<bool> {
    println!(
        "\n{} rounds, {} further kills while starting, seed {}\n{} records, {} shown to readers; longest start {:.0} ms",
        summary.rounds,
        summary.kills_while_starting,
        summary.seed,
        summary.records,
        summary.shown_to_readers,
        summary.longest_start_ms
    );
    for (outcome, count) in &summary.commands {
        println!("  {outcome:<16} {count:>8}");
    }
    println!("{} commands in doubt repeated, {} had taken effect", summary.repeated, summary.of_those_already_done);
    for violation in &summary.violations {
        println!("broken: {violation}");
    }
    println!("{}", if summary.violations.is_empty() { "every promise was kept" } else { "promises were broken" });
    if let Some(file) = &options.json {
        std::fs::write(file, serde_json::to_string_pretty(summary)? + "\n")
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(summary.violations.is_empty())
}
