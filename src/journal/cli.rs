//! `hotdesk journal …`: what an administrator does with a journal while the desk stands still.
//!
//! Results go to `out`, troubles to `err`; the exit status says which it was. `main` dispatches here and does nothing else.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::archive::{self, ArchiveError, Counts};
use super::bench::{self, Load};
use super::repair::{Repaired, repair};
use super::sled_store::{FOLDER, Options, SledJournal};
use super::verify::{Report, verify};
use super::whole_file::whole_or_not;
use super::{Journal, JournalError};
use crate::domain::ids::Seq;

/// The exit status of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Damaged = 3,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// Check every record and every state
    #[command(after_help = "Example:\n  hotdesk journal verify --data hotdesk-data")]
    Verify {
        #[command(flatten)]
        data: DataFolder,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Say what the journal holds and how much room it takes
    #[command(after_help = "Example:\n  hotdesk journal stats --data hotdesk-data --json")]
    Stats {
        #[command(flatten)]
        data: DataFolder,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Write the whole journal as lines of JSON
    #[command(after_help = "Example:\n  hotdesk journal export --data hotdesk-data desk.ndjson")]
    Export {
        #[command(flatten)]
        data: DataFolder,
        /// The archive; compressed when it ends in .zst; - is standard output
        file: PathBuf,
    },
    /// Make a journal out of an archive, in a folder that has none
    #[command(after_help = "Example:\n  hotdesk journal import --data new-data desk.ndjson")]
    Import {
        #[command(flatten)]
        data: DataFolder,
        /// The archive; - is standard input
        file: PathBuf,
    },
    /// Save what can be read of a damaged journal into a new folder
    #[command(after_help = "Example:\n  hotdesk journal repair --data hotdesk-data --to saved-data")]
    Repair {
        #[command(flatten)]
        data: DataFolder,
        /// The new data folder; the damaged one is not touched
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// Measure appends, beside a plain file
    #[command(hide = true, after_help = "Example:\n  hotdesk journal bench --data bench-data --seconds 5")]
    Bench {
        #[command(flatten)]
        data: DataFolder,
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
        #[arg(long, default_value_t = 512)]
        in_flight: usize,
        #[arg(long, default_value_t = 100)]
        body_bytes: usize,
        /// Open a ticket with every append
        #[arg(long)]
        new_tickets: bool,
    },
}

#[derive(Debug, Args)]
pub struct DataFolder {
    /// The desk's data folder
    #[arg(long = "data", value_name = "DIR", env = "HOTDESK__SERVER__DATA", default_value = "hotdesk-data")]
    pub folder: PathBuf,
}

/// Runs a command.
pub fn run(command: JournalCommand, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let outcome = match &command {
        JournalCommand::Verify { data, json } => run_verify(&data.folder, *json, out),
        JournalCommand::Stats { data, json } => run_stats(&data.folder, *json, out),
        JournalCommand::Export { data, file } => run_export(&data.folder, file, out, err),
        JournalCommand::Import { data, file } => run_import(&data.folder, file, err),
        JournalCommand::Repair { data, to } => run_repair(&data.folder, to, out),
        JournalCommand::Bench { data, seconds, in_flight, body_bytes, new_tickets } => {
            let load = Load {
                run_for: Duration::from_secs_f64(*seconds),
                in_flight: (*in_flight).max(1),
                body_bytes: *body_bytes,
                new_tickets: *new_tickets,
            };
            run_bench(&data.folder, load, out)
        }
    };
    finish(outcome, err)
}

/// What to do about an error, for whoever prints it; `serve` says the same when it cannot start.
pub fn advice(error: &JournalError) -> Option<&'static str> {
    match error {
        JournalError::Damaged { .. } => Some(
            "Nothing was changed. `hotdesk journal verify` says more; restore the last backup with `hotdesk restore`, or save what \
             can be read into a new folder with `hotdesk journal repair`.",
        ),
        JournalError::InUse { .. } => Some("Stop the desk that runs on it, or give another folder with --data."),
        _ => None,
    }
}

/// The exit status that an error of the journal stands for before the desk runs.
pub fn exit_of(error: &JournalError) -> Exit {
    if matches!(error, JournalError::Damaged { .. }) { Exit::Damaged } else { Exit::Failed }
}

fn finish(outcome: Result<Exit, ArchiveError>, err: &mut dyn Write) -> Exit {
    let error = match outcome {
        Ok(exit) => return exit,
        Err(error) => error,
    };
    // Where even this cannot be written, the exit status still says it.
    let _ = writeln!(err, "{error}");
    match &error {
        ArchiveError::Journal(error) => {
            if let Some(advice) = advice(error) {
                let _ = writeln!(err, "{advice}");
            }
            exit_of(error)
        }
        ArchiveError::Refused { .. } | ArchiveError::Io(_) => Exit::Failed,
    }
}

/// Opens a journal that must be there: a command that looks at one does not make one.
fn open(data: &Path) -> Result<SledJournal, JournalError> {
    if !SledJournal::exists(data) {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{} holds no journal", data.display())).into());
    }
    SledJournal::open(data, &Options::default())
}

fn run_verify(data: &Path, json: bool, out: &mut dyn Write) -> Result<Exit, ArchiveError> {
    let report = match open(data).and_then(|journal| verify(&journal)) {
        Err(JournalError::Damaged { what }) if json => Report { problems: vec![what], ..Report::default() },
        other => other?,
    };
    if json {
        writeln!(out, "{}", serde_json::to_string(&report).map_err(io::Error::from)?)?;
    } else {
        let Report { records, tickets, active, asides, memos, head, epoch, .. } = &report;
        writeln!(
            out,
            "{records} records up to {head}, {tickets} tickets ({active} active), {asides} asides, {memos} remembered commands"
        )?;
        writeln!(out, "epoch {epoch}")?;
        if report.older_backgrounds > 0 {
            writeln!(out, "{} states were folded by an older program; that is harmless", report.older_backgrounds)?;
        }
        for problem in &report.problems {
            writeln!(out, "damaged: {problem}")?;
        }
        if report.more_problems > 0 {
            writeln!(out, "and {} more", report.more_problems)?;
        }
        if report.is_sound() {
            writeln!(out, "everything is as it was written")?;
        }
    }
    Ok(if report.is_sound() { Exit::Done } else { Exit::Damaged })
}

#[derive(Serialize)]
struct Stats {
    epoch: String,
    head: Seq,
    last_ticket: u64,
    tickets: u64,
    active: u64,
    asides: u64,
    memos: u64,
    bytes_on_disk: u64,
    first_at: Option<String>,
    last_at: Option<String>,
}

fn run_stats(data: &Path, json: bool, out: &mut dyn Write) -> Result<Exit, ArchiveError> {
    let journal = open(data)?;
    let head = journal.head().seq;
    let at = |after: Seq| -> Result<Option<String>, JournalError> {
        let found = journal.read(after, 1, 0)?;
        found.first().map(|stored| Ok(stored.record()?.at.to_string())).transpose()
    };
    let keys = journal.count_keys()?;
    let mut memos = 0;
    journal.memos(&mut |_| memos += 1)?;
    let stats = Stats {
        epoch: journal.epoch().to_string(),
        head,
        last_ticket: journal.last_ticket().get(),
        tickets: keys.states,
        active: keys.active,
        asides: journal.asides("")?.len() as u64,
        memos,
        bytes_on_disk: journal.bytes_on_disk()?,
        first_at: at(Seq::ZERO)?,
        last_at: at(Seq(head.get().saturating_sub(1)))?,
    };
    if json {
        writeln!(out, "{}", serde_json::to_string(&stats).map_err(io::Error::from)?)?;
        return Ok(Exit::Done);
    }
    writeln!(out, "epoch                 {}", stats.epoch)?;
    writeln!(out, "records               {}", stats.head)?;
    writeln!(out, "tickets               {} ({} active, last {})", stats.tickets, stats.active, stats.last_ticket)?;
    writeln!(out, "asides                {}", stats.asides)?;
    writeln!(out, "remembered commands   {}", stats.memos)?;
    writeln!(out, "on disk               {:.1} MiB", stats.bytes_on_disk as f64 / f64::from(1 << 20))?;
    if let (Some(first), Some(last)) = (stats.first_at, stats.last_at) {
        writeln!(out, "from                  {first}")?;
        writeln!(out, "to                    {last}")?;
    }
    Ok(Exit::Done)
}

fn run_export(data: &Path, file: &Path, out: &mut dyn Write, err: &mut dyn Write) -> Result<Exit, ArchiveError> {
    let journal = open(data)?;
    let counts = if file == Path::new("-") {
        let counts = archive::export(&journal, out)?;
        out.flush()?;
        counts
    } else {
        export_to_file(&journal, file)?
    };
    say(err, "written", counts)?;
    Ok(Exit::Done)
}

fn export_to_file(journal: &SledJournal, file: &Path) -> Result<Counts, ArchiveError> {
    let compressed = file.extension().is_some_and(|extension| extension == "zst");
    whole_or_not(file, |unfinished| write_archive(journal, unfinished, compressed))
}

fn write_archive(journal: &SledJournal, path: &Path, compressed: bool) -> Result<Counts, ArchiveError> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let counts = if compressed {
        let mut encoder = zstd::Encoder::new(&mut file, 3)?;
        let counts = archive::export(journal, &mut encoder)?;
        encoder.finish()?;
        counts
    } else {
        archive::export(journal, &mut file)?
    };
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(counts)
}

fn run_import(data: &Path, file: &Path, err: &mut dyn Write) -> Result<Exit, ArchiveError> {
    if SledJournal::exists(data) {
        let what = format!("{} holds a journal already; give an empty folder", data.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, what).into());
    }
    let reader: Box<dyn Read> =
        if file == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(file)?) };
    let mut reader = BufReader::with_capacity(1 << 20, reader);
    fs::create_dir_all(data)?;
    // Built beside its place and moved there whole: an archive that turns out to be cut leaves no journal behind.
    let unfinished = data.join("journal.unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    let counts = match import_into(&mut reader, &unfinished) {
        Ok(counts) => counts,
        Err(error) => {
            // The first error is the one to tell.
            let _ = fs::remove_dir_all(&unfinished);
            return Err(error);
        }
    };
    // An empty folder may stand there; rename takes its place.
    fs::rename(unfinished.join(FOLDER), data.join(FOLDER))?;
    fs::remove_dir_all(&unfinished)?;
    File::open(data)?.sync_all()?;
    say(err, "restored", counts)?;
    Ok(Exit::Done)
}

fn import_into(reader: &mut BufReader<Box<dyn Read>>, folder: &Path) -> Result<Counts, ArchiveError> {
    const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let journal = SledJournal::open(folder, &Options::default())?;
    if io::BufRead::fill_buf(reader)?.starts_with(&ZSTD_MAGIC) {
        let mut lines = BufReader::with_capacity(1 << 20, zstd::Decoder::with_buffer(reader)?);
        archive::import(&mut lines, &journal)
    } else {
        archive::import(reader, &journal)
    }
}

fn say(err: &mut dyn Write, what: &str, counts: Counts) -> io::Result<()> {
    let Counts { records, asides, memos, .. } = counts;
    writeln!(err, "{what}: {records} records, {asides} asides, {memos} remembered commands")
}

fn run_repair(data: &Path, to: &Path, out: &mut dyn Write) -> Result<Exit, ArchiveError> {
    let repaired = repair(data, to, &Options::default())?;
    let Repaired { saved_to, damage, asides, memos, epoch, .. } = &repaired;
    writeln!(out, "saved: {saved_to} records, {asides} asides, {memos} remembered commands, epoch {epoch}")?;
    if let Some(damage) = damage {
        writeln!(out, "the history was cut: {damage}")?;
    }
    match (repaired.confirmed_to, repaired.lost_records()) {
        (_, Some(0)) => writeln!(out, "no confirmed record is lost")?,
        (Some(confirmed), Some(lost)) => {
            writeln!(out, "lost: {lost} confirmed records, {} to {confirmed}", repaired.saved_to.next())?;
        }
        _ => writeln!(out, "lost: nobody knows how many records, the head file cannot be read")?,
    }
    if repaired.lost_asides > 0 {
        writeln!(
            out,
            "lost: at least {} asides (users, tokens, settings, links and files of lost tickets)",
            repaired.lost_asides
        )?;
    }
    writeln!(out, "start the desk with --data {}", to.display())?;
    Ok(Exit::Done)
}

fn run_bench(data: &Path, load: Load, out: &mut dyn Write) -> Result<Exit, ArchiveError> {
    let measured = bench::run(data, load)?;
    writeln!(out, "journal      {:>10.0} appends/s in {} groups", measured.journal_per_s, measured.groups)?;
    writeln!(out, "plain file   {:>10.0} records/s, {} bytes each", measured.plain_file_per_s, measured.record_bytes)?;
    writeln!(out, "ratio        {:>10.2}", measured.ratio)?;
    writeln!(out, "on disk      {:>10} bytes, {:.0} an append", measured.log_bytes, measured.log_bytes_each)?;
    writeln!(out, "writer       {:>10.1} us of processor an append", measured.writer_us_each)?;
    writeln!(out, "lookup       {:>10.0} ns for a command id that is new", measured.lookup_ns)?;
    writeln!(out, "reopened in  {:>10.0} ms with {} states and commands to fold", measured.reopen_ms, measured.late)?;
    Ok(Exit::Done)
}
