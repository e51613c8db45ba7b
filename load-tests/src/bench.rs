//! The measurements of `load-tests bench`, each in its own file, each bounded in time.
//!
//! A figure over its budget is shown as such; only a broken promise (a gap, a repeat, a ticket handed out twice) fails the run.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::bench::figures::Figures;
use crate::sample::Busy;
use crate::server::Launcher;

pub mod commands;
pub mod connections;
pub mod fan_out;
pub mod figures;

/// With more than this taken by other programs the machine was not quiet, and the figures are too bad.
const QUIET_PERCENT: f64 = 5.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Measurement {
    /// Durable commands a second over HTTP and WebSocket, against a plain file with fdatasync.
    Commands,
    /// Records delivered to 1,000 and 5,000 sessions, against a plain socket loop, and the time from command to screen.
    FanOut,
    /// Memory of the server for each idle connection.
    Connections,
}

#[derive(Debug, Args)]
pub struct Options {
    /// Only this measurement; may be given more than once
    #[arg(long, value_enum)]
    only: Vec<Measurement>,
    /// Also write the figures to this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// Sessions of the fan-out measurement; may be given more than once
    #[arg(long, default_values_t = [1000, 5000])]
    sessions: Vec<usize>,
}

/// Runs what was asked for and prints each measurement as it is done. `false` when a promise was broken.
pub async fn run(launcher: &Launcher, options: &Options) -> Result<bool> {
    let mut report = Figures::new();
    let mut failed = Vec::new();
    for measurement in Measurement::value_variants() {
        if !options.only.is_empty() && !options.only.contains(measurement) {
            continue;
        }
        let shown = report.all.len();
        let busy = Busy::now()?;
        let done = match measurement {
            Measurement::Commands => commands::run(launcher, &mut report).await,
            Measurement::FanOut => fan_out::run(launcher, &options.sessions, &mut report).await,
            Measurement::Connections => connections::run(launcher, &mut report).await,
        };
        let others = busy.others_since()?;
        if let Some(last) = report.all.last().map(|figure| figure.measurement.clone()) {
            report.judge(&last, "share of the machine that other programs took", others * 100.0, "%", QUIET_PERCENT);
        }
        print!("{}", report.table(shown));
        if let Err(error) = done {
            eprintln!("\n{measurement:?} could not be measured: {error:#}");
            failed.push(format!("{measurement:?}"));
        }
    }
    if let Some(file) = &options.json {
        report.write_json(file).context("the figures are shown above, but not saved")?;
    }
    for violation in &report.violations {
        eprintln!("broken: {violation}");
    }
    if !failed.is_empty() {
        bail!("not measured: {}", failed.join(", "));
    }
    Ok(report.violations.is_empty())
}
