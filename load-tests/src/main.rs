//! `load-tests`: holds a hotdesk server to its word and measures it, from outside.
//!
//! Speaks only the public contract, HTTP and WebSocket, and never imports the server. Exit status: 0 all promises kept, 1 one
//! was broken, a threshold missed or nothing could be measured, 2 wrong usage.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the terminal is where this program's results go")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::baseline::fan_out::Shape;
use crate::server::Launcher;

mod baseline;
mod bench;
mod client;
mod histogram;
mod history;
mod ledger;
mod meters;
mod people;
mod proof;
mod proxy;
mod replica;
mod report;
mod run;
mod sample;
mod scenario;
mod server;
mod standin;

/// Holds a hotdesk server to its word and measures it.
///
/// Example: load-tests run smoke
#[derive(Debug, Parser)]
#[command(name = "load-tests", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The server program; by default the `hotdesk` beside this one
    #[arg(long, global = true)]
    bin: Option<PathBuf>,
    /// Folder for data, on a real disk; by default `load-tests` in the target folder
    #[arg(long, global = true)]
    work: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays a scenario with virtual people, checks every promise, and judges figures by its thresholds
    Run(run::Options),
    /// Measures the server beside plain files and plain sockets
    Bench(bench::Options),
    /// A stand-in for DeepSeek, with its quirks on demand
    Deepseek(standin::Options),
    /// A TCP proxy that delays, stalls, throttles and cuts
    Proxy(proxy::Options),
    /// Writes a journal archive with a long history
    History(history::Options),
    /// The plain socket loop that fan-out is compared with
    #[command(hide = true)]
    PlainFanOut(Shape),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    raise_open_files();
    match run(cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load-tests: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `false` when a promise was broken.
fn run(cli: Cli) -> Result<bool> {
    match &cli.command {
        Command::PlainFanOut(shape) => return baseline::fan_out::serve(*shape).map(|()| true),
        Command::History(options) => return history::run(options).map(|()| true),
        Command::Run(_) | Command::Bench(_) | Command::Proxy(_) | Command::Deepseek(_) => {}
    }
    let launcher = || Launcher::new(cli.bin, cli.work);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Run(options) => run::run(launcher, &options).await,
            Command::Bench(options) => bench::run(&launcher()?, &options).await,
            Command::Proxy(options) => proxy::run(&options).await.map(|()| true),
            Command::Deepseek(options) => standin::run(&options).await.map(|()| true),
            Command::History(_) | Command::PlainFanOut(_) => unreachable!("invariant: returned above"),
        }
    })
}

/// Thousands of sockets need as many open files, here and in the server, which inherits the limit.
fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        eprintln!("load-tests: the limit on open files stays as it is: {error}");
    }
}
