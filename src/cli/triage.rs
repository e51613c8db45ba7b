//! `hotdesk triage eval|similar`: measures the learner on labelled files. It needs no desk and changes nothing.

mod eval;
mod similar;
mod table;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Exit;

#[derive(Debug, Subcommand)]
pub enum TriageCommand {
    /// Trains on one file, tests on another, and prints how good and how fast the learner is
    #[command(after_help = EVAL_HELP)]
    Eval(EvalArgs),
    /// Searches an index for tickets that resemble others, and prints how often the right one is found
    #[command(after_help = SIMILAR_HELP)]
    Similar(SimilarArgs),
}

const EVAL_HELP: &str = "\
Files are CSV with the columns `text` and `label`, plain or gzip. The label `oos` marks a text of no category: in training it is
an example of that, in testing it counts for `oos_auroc` and for nothing else.

Example:
  hotdesk triage eval --train train.csv --test test.csv --shuffles 3 --json";

const SIMILAR_HELP: &str = "\
Files are CSV, plain or gzip. The index and the queries have `id` and `text`, or `summary` (or `subject`) and `description` (or
`body`), and perhaps `label`; the pairs have `id`, of a query, and `duplicate_id`, of a row of the index. A query is never its own
answer. Without --pairs, what has the query's label is right.

Example:
  hotdesk triage similar --index reports.csv --queries new.csv --pairs duplicates.csv --json";

#[derive(Args, Debug)]
pub struct EvalArgs {
    /// What to learn from
    #[arg(long, value_name = "CSV")]
    pub train: PathBuf,
    /// What to be measured on; never learnt from
    #[arg(long, value_name = "CSV")]
    pub test: PathBuf,
    /// How often each training row is gone through: with 1 each is learnt once as it comes, with more a refit follows
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub passes: u32,
    /// In how many random orders the rows come; the figures are means over them
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub shuffles: u32,
    /// Prints JSON and nothing else
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct SimilarArgs {
    /// The tickets to search in
    #[arg(long, value_name = "CSV")]
    pub index: PathBuf,
    /// The tickets to search for
    #[arg(long, value_name = "CSV")]
    pub queries: PathBuf,
    /// Which query has which duplicate
    #[arg(long, value_name = "CSV")]
    pub pairs: Option<PathBuf>,
    /// Prints JSON and nothing else
    #[arg(long)]
    pub json: bool,
}

pub fn run(command: &TriageCommand, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let (json, report) = match command {
        TriageCommand::Eval(args) => (args.json, eval::run(args, err)),
        TriageCommand::Similar(args) => (args.json, similar::run(args)),
    };
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            let _ = writeln!(err, "hotdesk triage: {error}");
            return Exit::Usage;
        }
    };
    let written = if json { writeln!(out, "{:#}", report.json()) } else { write!(out, "{}", report.table()) };
    if written.is_ok() { Exit::Done } else { Exit::Failed }
}

/// Figures in the order in which they are shown.
#[derive(Debug, Default)]
pub struct Report(Vec<(&'static str, serde_json::Value, String)>);

impl Report {
    /// A figure as it is shown to people beside its value in JSON.
    fn add(&mut self, name: &'static str, value: impl Into<serde_json::Value>, shown: impl Into<String>) {
        self.0.push((name, value.into(), shown.into()));
    }

    fn count(&mut self, name: &'static str, count: usize) {
        self.add(name, count, count.to_string());
    }

    fn share(&mut self, name: &'static str, share: f64) {
        self.add(name, share, format!("{:.2} %", share * 100.0));
    }

    fn json(&self) -> serde_json::Value {
        self.0.iter().map(|(name, value, _)| ((*name).to_owned(), value.clone())).collect()
    }

    fn table(&self) -> String {
        let width = self.0.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
        self.0.iter().map(|(name, _, shown)| format!("{name:width$}  {shown}\n")).collect()
    }
}

/// From the small to the large: `12.3 µs`, `1.4 s`.
fn shown_time(us: f64) -> String {
    match us {
        us if us < 1e3 => format!("{us:.1} µs"),
        us if us < 1e6 => format!("{:.1} ms", us / 1e3),
        us => format!("{:.2} s", us / 1e6),
    }
}
