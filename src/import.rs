//! `hotdesk import`: tickets from a CSV or NDJSON file into a running desk or into a data folder.
//!
//! It owns the way from a row to a `create` command and the report on what was refused. It never loses a row silently: each is
//! on the desk, or in the file of refused rows with a reason, or the run says that it stopped before it. Called by `cli`.

mod folder;
mod map;
mod refused;
mod remote;
pub mod rows;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use futures_util::{StreamExt, stream};
use serde::Deserialize;

use crate::app::ServeError;
use crate::domain::command::CreateTicket;
use crate::protocol::code::Code;
use map::{Map, MapError};
use refused::RefusedRows;
use rows::{Progress, Row, Rows};

/// Brings tickets in from a CSV or NDJSON file.
///
/// CSV needs a header line; both may be compressed (.gz). Repeating an import is safe: each row carries an idempotency key made
/// of the file's content and the row's number, so a row that is on the desk already is not created again (for 24 hours).
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ImportArgs {
    /// The file: .csv, .ndjson or .jsonl, each also with .gz
    pub file: PathBuf,
    /// The running desk to import into
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    pub to: Option<String>,
    /// The data folder of a desk that does not run [default: the folder that `serve` would use]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// An API token of that desk
    #[arg(long, env = "HOTDESK_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Which column goes where: FIELD=COLUMN, with `|` between columns of which the first with a value counts
    #[arg(long, value_delimiter = ',', value_name = "FIELD=COLUMN")]
    pub map: Vec<String>,
    /// What the file's priorities mean here, over the built-in table
    #[arg(long, value_delimiter = ',', value_name = "THEIRS=OURS")]
    pub map_priority: Vec<String>,
    /// A ready map for a known kind of file
    #[arg(long, value_enum, value_name = "NAME")]
    pub preset: Option<Preset>,
    /// The requester of rows that name none
    #[arg(long, value_name = "\"NAME <ADDRESS>\"")]
    pub requester: Option<String>,
    /// The file's format, where its name does not tell
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// What separates the columns of a CSV file
    #[arg(long, default_value = ",", value_name = "CHARACTER")]
    pub delimiter: char,
    /// Subjects are cut at this many characters; the whole one is kept in the custom field `subject`
    #[arg(long, default_value_t = 300, value_name = "CHARACTERS")]
    pub subject_chars: usize,
    /// Rows on their way to the desk at the same time
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub concurrency: u16,
    /// How long a row is tried again while the desk is busy, leaving or away
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub patience_s: u64,
    /// Where refused rows go [default: FILE.rejected.csv]
    #[arg(long, value_name = "FILE")]
    pub rejected: Option<PathBuf>,
    /// Checks every row and imports none
    #[arg(long)]
    pub dry_run: bool,
}

const EXAMPLES: &str = "\
Fields: subject, body, requester.name, requester.email, priority, category, team, tags, custom.NAME
Several columns for `tags` are joined; columns that no field names are left out, and the closing line says which.

Examples:
  HOTDESK_TOKEN=hd_… hotdesk import tickets.csv --to http://127.0.0.1:8080 \\
      --map subject=summary,body='description|summary',requester.email=reporter,tags=labels,custom.key=id
  hotdesk import bugs.csv.gz --to http://127.0.0.1:8080 --preset bugs --map-priority Showstopper=urgent
  hotdesk import tickets.ndjson --data hotdesk-data --dry-run";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Csv,
    Ndjson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// Bug reports with id, summary, description, priority, resolution, status, created, resolved
    Bugs,
}

/// Why an import could not begin or had to stop. Rows are another matter: see [`Refusal`].
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Map(#[from] MapError),
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Desk(String),
    #[error("{}: {source}", .folder.display())]
    Folder { folder: PathBuf, source: ServeError },
}

/// Why one row is not imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The column that is at fault, where there is one.
    pub column: Option<String>,
    pub reason: String,
}

/// What became of the rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub imported: u64,
    pub refused: u64,
    /// Why the run ended before the file did.
    pub stopped: Option<String>,
}

/// A row that became a ticket to be created.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub row: Row,
    /// The same for the same row of the same file.
    pub key: String,
    pub ticket: CreateTicket,
}

/// What became of one row at the desk.
enum Fate {
    Created,
    Refused(Trouble),
    /// No use going on: the sign-in is not good, or the desk is not there.
    Stop(String),
}

/// A refusal in the desk's words.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Trouble {
    code: String,
    detail: String,
    retryable: bool,
    errors: Vec<BadField>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BadField {
    /// JSON pointer into the request.
    pointer: String,
    detail: String,
}

/// Where the rows go.
enum Desk {
    Running(remote::Desk),
    Folder(folder::Desk),
}

impl Desk {
    async fn open(args: &ImportArgs) -> Result<Self, ImportError> {
        match &args.to {
            Some(to) => remote::Desk::open(args, to).await.map(Self::Running),
            None => folder::Desk::open(args).await.map(Self::Folder),
        }
    }

    async fn create(&self, incoming: &Incoming) -> Fate {
        match self {
            Self::Running(desk) => desk.create(incoming).await,
            Self::Folder(desk) => desk.create(incoming).await,
        }
    }

    async fn close(self) {
        match self {
            Self::Running(_) => {}
            Self::Folder(desk) => desk.close().await,
        }
    }
}

/// Imports, and says on stdout and stderr what became of the rows.
pub fn run(args: &ImportArgs) -> Result<Outcome, ImportError> {
    let map = Map::new(args)?;
    let in_file = |source| ImportError::File { path: args.file.clone(), source };
    let digest = rows::digest(&args.file).map_err(in_file)?;
    let progress = Progress::over(&args.file).map_err(in_file)?;
    let mut rows = Rows::open(&args.file, format_of(args)?, args.delimiter, &progress).map_err(in_file)?;
    let unknown = map.missing_columns(rows.columns());
    if !unknown.is_empty() {
        return Err(ImportError::Usage(format!("the file has no column {}", unknown.join(", "))));
    }
    let rejected = args.rejected.clone().unwrap_or_else(|| with_suffix(&args.file, ".rejected.csv"));
    let mut refused = RefusedRows::new(rejected, rows.columns(), progress.clone());
    let unused = map.unused_columns(rows.columns());

    let mapped = std::iter::from_fn(|| {
        Some(match rows.next()? {
            Ok(row) => match map.ticket(&row) {
                Ok(ticket) => Ok(Incoming { key: format!("import-{digest}-{}", row.number), row, ticket }),
                Err(refusals) => Err((row, refusals)),
            },
            Err((row, refusal)) => Err((row, vec![refusal])),
        })
    });
    let outcome = if args.dry_run {
        dry_run(mapped, &mut refused)
    } else {
        actix_rt::System::new().block_on(async {
            let desk = Desk::open(args).await?;
            let outcome = deliver(&desk, usize::from(args.concurrency), &map, mapped, &mut refused).await;
            desk.close().await;
            Ok::<_, ImportError>(outcome)
        })?
    };
    let written = refused.finish();
    progress.finish();
    say(&summary(args, &outcome, written.as_deref(), &unused));
    Ok(outcome)
}

type Mapped = Result<Incoming, (Row, Vec<Refusal>)>;

/// Sends the rows in the file's order, several at a time, and reports in that order.
async fn deliver(
    desk: &Desk,
    at_once: usize,
    map: &Map,
    mapped: impl Iterator<Item = Mapped>,
    refused: &mut RefusedRows,
) -> Outcome {
    let mut outcome = Outcome::default();
    let fates = stream::iter(mapped).map(|mapped| async {
        match mapped {
            Ok(incoming) => {
                let fate = desk.create(&incoming).await;
                (incoming.row, Ok(fate))
            }
            Err((row, refusals)) => (row, Err(refusals)),
        }
    });
    let mut fates = std::pin::pin!(fates.buffered(at_once));
    while let Some((row, fate)) = fates.next().await {
        let refusals = match fate {
            Ok(Fate::Created) => {
                outcome.imported += 1;
                refused.progress().rows(outcome.imported);
                continue;
            }
            Ok(Fate::Stop(reason)) => {
                outcome.stopped = Some(format!("line {}: {reason}", row.line));
                break;
            }
            Ok(Fate::Refused(trouble)) => refusals(map, trouble),
            Err(refusals) => refusals,
        };
        outcome.refused += 1;
        refused.add(&row, &refusals);
    }
    outcome
}

/// The desk's words in the file's terms: a pointer into the request becomes the column that it came from.
fn refusals(map: &Map, trouble: Trouble) -> Vec<Refusal> {
    if trouble.code == Code::IdempotencyKeyReused.wire() {
        let reason = "was imported before, with another map: it is on the desk as it was then".to_owned();
        return vec![Refusal { column: None, reason }];
    }
    if trouble.errors.is_empty() {
        return vec![Refusal { column: None, reason: format!("{} ({})", trouble.detail, trouble.code) }];
    }
    let errors = trouble.errors.into_iter();
    errors
        .map(|error| {
            let path = error.pointer.trim_start_matches('/').replace('/', ".");
            // `/tags/3` is about the column of `tags`.
            let column = map.column(&path).or_else(|| map.column(path.split('.').next().unwrap_or_default()));
            Refusal { column, reason: format!("{} ({})", error.detail, trouble.code) }
        })
        .collect()
}

fn dry_run(incoming: impl Iterator<Item = Mapped>, refused: &mut RefusedRows) -> Outcome {
    let mut outcome = Outcome::default();
    for mapped in incoming {
        match mapped {
            Ok(_) => outcome.imported += 1,
            Err((row, refusals)) => {
                outcome.refused += 1;
                refused.add(&row, &refusals);
            }
        }
    }
    outcome
}

fn summary(args: &ImportArgs, outcome: &Outcome, rejected: Option<&Path>, unused: &BTreeSet<String>) -> String {
    let done = if args.dry_run { "would be imported" } else { "imported" };
    let mut text = format!("{} rows {done}, {} refused", outcome.imported, outcome.refused);
    if let Some(rejected) = rejected {
        text.push_str(&format!(" (kept in {})", rejected.display()));
    }
    if !unused.is_empty() {
        let unused = unused.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        text.push_str(&format!("; columns left out: {unused}"));
    }
    if let Some(stopped) = &outcome.stopped {
        text.push_str(&format!("\nStopped: {stopped}\nThe same command goes on where this one stopped."));
    }
    text
}

fn format_of(args: &ImportArgs) -> Result<Format, ImportError> {
    if let Some(format) = args.format {
        return Ok(format);
    }
    let name = args.file.to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("csv") => Ok(Format::Csv),
        Some("ndjson" | "jsonl") => Ok(Format::Ndjson),
        _ => {
            Err(ImportError::Usage("the name of the file does not tell its format: say --format csv or ndjson".into()))
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn say(text: &str) {
    use std::io::Write;
    // Whoever closed the pipe does not want the summary; the exit status tells the outcome.
    let _ = writeln!(std::io::stdout(), "{text}");
}
