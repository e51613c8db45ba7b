//! `hotdesk backup`, `hotdesk restore`, `hotdesk erase`, `hotdesk audit verify`: what concerns the whole data folder.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tokio::runtime::Runtime;

use super::Exit;
use crate::attachments::{Attachments, object, small_object};
use crate::audit::{Action, Actor, Audit, Deed, Verdict};
use crate::backup::{self, BackupError, Restored, Source, restore_archive, restore_place};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ids::TicketId;
use crate::domain::time::Timestamp;
use crate::journal::JournalError;
use crate::journal::archive::{ArchiveError, Counts};
use crate::journal::cli::{self as journal, DataFolder};
use crate::journal::erase::{self, Erased, Wanted};
use crate::journal::sled_store::{FOLDER, Options, SledJournal};
use crate::journal::whole_file::whole_or_not;
use crate::storage::Storage;

/// Made of the journal: without them the desk starts a little slower, with old ones it would show what was erased.
const DERIVED: [&str; 5] = ["search", "checkpoints", "analytics", "reports", "triage"];

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hotdesk backup --data hotdesk-data desk.ndjson.zst          the desk stands still meanwhile
  hotdesk backup --from http://127.0.0.1:8080 --token hd_… desk.ndjson.zst     it goes on
  hotdesk backup --data hotdesk-data --to gs://bucket/desk    adds what is new")]
pub struct BackupArgs {
    #[command(flatten)]
    data: DataFolder,
    /// The archive; compressed when it ends in .zst; - is standard output
    #[arg(required_unless_present = "to")]
    file: Option<PathBuf>,
    /// A folder or gs://BUCKET/PREFIX where each backup adds what is new
    #[arg(long, value_name = "PLACE", conflicts_with_all = ["file", "from"])]
    to: Option<String>,
    /// The address of a running desk
    #[arg(long, value_name = "URL", requires = "token")]
    from: Option<String>,
    /// An administrator's API token of that desk
    #[arg(long, env = "HOTDESK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Reads the backup back into an empty desk to see that it works
    #[arg(long)]
    check: bool,
    /// The desk's configuration: it says where files of messages lie
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hotdesk restore desk.ndjson.zst --data new-data
  hotdesk restore --from gs://bucket/desk --data new-data")]
pub struct RestoreArgs {
    /// The archive; - is standard input
    #[arg(required_unless_present = "from")]
    file: Option<PathBuf>,
    /// A folder or gs://BUCKET/PREFIX with backups: the newest one is taken
    #[arg(long, value_name = "PLACE", conflicts_with = "file")]
    from: Option<String>,
    /// An older one of that place, by its name under sheets/
    #[arg(long, value_name = "NAME", requires = "from")]
    sheet: Option<String>,
    #[command(flatten)]
    data: DataFolder,
    /// The new desk's configuration: it says where files of messages go
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The desk must stand still. Old backups keep what is erased here: make a new one, and remove those. From the place of the backups go
the files of a requester's or a ticket's messages, and what was put aside of them when they had been closed for long.
Examples:
  hotdesk erase --requester ada@example.org --data hotdesk-data
  hotdesk erase --requester ada@example.org --data hotdesk-data --backups gs://bucket/desk
  hotdesk erase --closed-before 2024-01-01 --data hotdesk-data")]
#[group(id = "what", required = true, multiple = false, args = ["requester", "ticket", "closed_before"])]
pub struct EraseArgs {
    /// Every ticket of this address
    #[arg(long, value_name = "EMAIL")]
    requester: Option<String>,
    /// One ticket
    #[arg(long, value_name = "ID")]
    ticket: Option<u64>,
    /// Every ticket that was closed before this day
    #[arg(long, value_name = "YYYY-MM-DD")]
    closed_before: Option<Date>,
    #[command(flatten)]
    data: DataFolder,
    /// A folder or gs://BUCKET/PREFIX with backups, where the configuration names none
    #[arg(long, value_name = "PLACE")]
    backups: Option<String>,
    /// The desk's configuration: it says where files of messages lie
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Checks that each entry of the audit log follows the one before
    #[command(after_help = "Example:\n  hotdesk audit verify --data hotdesk-data")]
    Verify {
        #[command(flatten)]
        data: DataFolder,
    },
}

pub fn backup(args: &BackupArgs, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    finish(run_backup(args, out, err), err)
}

pub fn restore(args: &RestoreArgs, err: &mut dyn Write) -> Exit {
    finish(run_restore(args, err), err)
}

pub fn erase(args: &EraseArgs, err: &mut dyn Write) -> Exit {
    finish(run_erase(args, err), err)
}

pub fn audit(command: &AuditCommand, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let AuditCommand::Verify { data } = command;
    let verified = (|| {
        if !data.folder.join("audit").exists() {
            let what = format!("{} holds no audit log", data.folder.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, what));
        }
        let verdict = Audit::open(Some(&data.folder), Clock::system())?.verify()?;
        match &verdict {
            Verdict::Whole { entries } => writeln!(out, "{entries} entries, each follows the one before")?,
            Verdict::Broken { n, what } => writeln!(out, "damaged: entry {n}: {what}")?,
        }
        Ok(verdict)
    })();
    match verified {
        Ok(Verdict::Whole { .. }) => Exit::Done,
        Ok(Verdict::Broken { .. }) => Exit::Damaged,
        Err(error) => finish(Err(error.into()), err),
    }
}

fn finish(outcome: Result<(), BackupError>, err: &mut dyn Write) -> Exit {
    let Err(error) = outcome else { return Exit::Done };
    // Where even this cannot be written, the exit status still says it.
    let _ = writeln!(err, "{error}");
    let BackupError::Archive(ArchiveError::Journal(error)) = &error else { return Exit::Failed };
    if let Some(advice) = journal::advice(error) {
        let _ = writeln!(err, "{advice}");
    }
    if matches!(error, JournalError::InUse { .. }) {
        let _ = writeln!(err, "A running desk is backed up with --from and --token.");
    }
    journal::exit_of(error).into()
}

fn run_backup(args: &BackupArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), BackupError> {
    let runtime = runtime()?;
    if let (Some(url), Some(token), Some(file)) = (&args.from, &args.token, &args.file) {
        let written = to_file(file, out, |out| download(&runtime, url, token, out))?;
        writeln!(err, "written: {written} bytes")?;
        return check_file(args, file, &runtime, err);
    }
    let source = open(&args.data.folder, args.config.as_deref(), &runtime)?;
    match (&args.to, &args.file) {
        (Some(to), _) => {
            let config = configuration(args.config.as_deref())?;
            let place = place(to, &config)?;
            let work = args.data.folder.join("backup.unfinished");
            let made = source.copy_to(&place, &work, now(), args.check);
            let _ = fs::remove_dir_all(&work);
            let made = made?;
            writeln!(
                err,
                "written: {} up to {}: {} new records, {} new files, {} bytes",
                made.sheet, made.seq, made.new_records, made.new_files, made.new_bytes
            )?;
            if made.checked {
                writeln!(err, "checked: it comes to record {} with the same sum", made.seq)?;
            }
            Ok(())
        }
        (None, Some(file)) => {
            let compressed = file.extension().is_some_and(|extension| extension == "zst");
            let counts = to_file(file, out, |out| {
                if !compressed {
                    return source.write(out).map(|(_, counts)| counts);
                }
                let mut encoder = zstd::Encoder::new(out, 3)?;
                let (_, counts) = source.write(&mut encoder)?;
                encoder.finish()?;
                Ok(counts)
            })?;
            say(err, "written", counts)?;
            drop(source);
            check_file(args, file, &runtime, err)
        }
        (None, None) => Err(BackupError::Refused("name a file or a place".into())),
    }
}

fn check_file(args: &BackupArgs, file: &Path, runtime: &Runtime, err: &mut dyn Write) -> Result<(), BackupError> {
    if !args.check || file == Path::new("-") {
        return Ok(());
    }
    let mut work = file.as_os_str().to_owned();
    work.push(".check");
    let trial =
        |folder: &Path, files: &Storage| restore_archive(Box::new(File::open(file)?), folder, files, runtime.handle());
    let restored = backup::check(trial, Path::new(&work), &BTreeSet::new(), runtime.handle())?;
    writeln!(err, "checked: it comes to record {} with the same sum", restored.head.seq)?;
    Ok(())
}

fn run_restore(args: &RestoreArgs, err: &mut dyn Write) -> Result<(), BackupError> {
    let runtime = runtime()?;
    let config = configuration(args.config.as_deref())?;
    let data = &args.data.folder;
    if SledJournal::exists(data) {
        let what = format!("{} holds a journal already; give an empty folder", data.display());
        return Err(BackupError::Refused(what));
    }
    let files = files(data, &config)?;
    let Restored { counts, .. } = match (&args.from, &args.file) {
        (Some(from), _) => {
            let (sheet, restored) =
                restore_place(&place(from, &config)?, args.sheet.as_deref(), data, &files, runtime.handle())?;
            writeln!(err, "from {}, up to {}", sheet.at, sheet.head)?;
            restored
        }
        (None, Some(file)) => {
            let reader: Box<dyn Read> =
                if file == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(file)?) };
            restore_archive(reader, data, &files, runtime.handle())?
        }
        (None, None) => return Err(BackupError::Refused("name a file or a place".into())),
    };
    say(err, "restored", counts)?;
    Ok(())
}

fn run_erase(args: &EraseArgs, err: &mut dyn Write) -> Result<(), BackupError> {
    let wanted = match args {
        EraseArgs { requester: Some(address), .. } => Wanted::Requester(address.clone()),
        EraseArgs { ticket: Some(id), .. } => Wanted::Ticket(TicketId(*id)),
        EraseArgs { closed_before: Some(day), .. } => {
            let then = day.in_tz("UTC").map_err(|error| BackupError::Refused(error.to_string()))?;
            Wanted::ClosedBefore(Timestamp::from_millis(then.timestamp().as_millisecond()))
        }
        _ => return Err(BackupError::Refused("say what is to be erased".into())),
    };
    let (data, runtime) = (&args.data.folder, runtime()?);
    let config = configuration(args.config.as_deref())?;
    let files = files(data, &config)?;
    let backups = args.backups.as_deref().or(Some(config.backup.place.as_str())).filter(|place| !place.is_empty());
    let backups = backups.map(|named| place(named, &config)).transpose()?;
    let unfinished = data.join("journal.unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    let from = open_journal(data)?;
    let tickets = erase::find(&from, &wanted)?;
    let aside = match &backups {
        Some(place) => backup::erase::find(place, &wanted, &tickets, runtime.handle())?,
        None => backup::erase::Found::default(),
    };
    if tickets.is_empty() && aside.closed.is_empty() {
        writeln!(err, "nothing to erase")?;
        return Ok(());
    }
    let mut erased = Erased::default();
    if !tickets.is_empty() {
        let outcome =
            SledJournal::open(&unfinished, &Options::default()).and_then(|to| erase::erase(&from, &to, &tickets));
        erased = match outcome {
            Ok(erased) => erased,
            Err(error) => {
                // The first error is the one to tell; nothing was changed.
                let _ = fs::remove_dir_all(&unfinished);
                return Err(error.into());
            }
        };
    }
    drop(from);
    // The journals change places last of all: as long as the old one stands there, the same command finds everything again.
    //
    // Whoever is meant by name is to be forgotten everywhere; what was closed for long is kept on purpose.
    if let Some(place) = backups.filter(|_| !matches!(wanted, Wanted::ClosedBefore(_))) {
        backup::erase::remove(&place, &aside, &erased.files, runtime.handle())?;
    }
    for id in &erased.files {
        for name in [object(id), small_object(id)] {
            let deleted = runtime.block_on(files.delete(&name));
            deleted.map_err(|error| BackupError::Place { place: files.shown().to_owned(), error })?;
        }
    }
    let audit = Audit::open(Some(data), Clock::system())?;
    let mut detail = format!("{} tickets, {} records, {} files", tickets.len(), erased.records, erased.files.len());
    if !aside.closed.is_empty() {
        detail.push_str(&format!(", {} tickets that were put aside", aside.closed.len()));
    }
    audit.note(Actor::default(), Deed::done(Action::Erased).with(detail.clone()));
    audit.settle();
    if !tickets.is_empty() {
        exchange(data, &unfinished)?;
    }
    writeln!(err, "erased: {detail}. Backups that were made before still hold them.")?;
    Ok(())
}

/// Removes what was made of the old journal, puts the new one in its place, and removes the old one.
fn exchange(data: &Path, unfinished: &Path) -> io::Result<()> {
    for name in DERIVED {
        match fs::remove_dir_all(data.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    // The two change places at once: whenever this is cut off, one whole journal stands there.
    renameat_with(CWD, data.join(FOLDER), CWD, unfinished.join(FOLDER), RenameFlags::EXCHANGE)?;
    File::open(data)?.sync_all()?;
    fs::remove_dir_all(unfinished)
}

fn open(data: &Path, config: Option<&Path>, runtime: &Runtime) -> Result<Source, BackupError> {
    Ok(Source {
        journal: Arc::new(open_journal(data)?),
        audit: Audit::open(Some(data), Clock::system())?,
        attachments: files(data, &configuration(config)?)?,
        runtime: runtime.handle().clone(),
    })
}

/// A journal that must be there: a copy of nothing is a mistake.
fn open_journal(data: &Path) -> Result<SledJournal, JournalError> {
    if !SledJournal::exists(data) {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{} holds no journal", data.display())).into());
    }
    SledJournal::open(data, &Options::default())
}

fn configuration(file: Option<&Path>) -> Result<Config, BackupError> {
    Config::load(file).map_err(|error| BackupError::Refused(error.to_string()))
}

fn files(data: &Path, config: &Config) -> Result<Storage, BackupError> {
    let place = config.attachments.place.clone();
    Attachments::place(Some(data), config).map_err(|error| BackupError::Place { place, error })
}

fn place(place: &str, config: &Config) -> Result<Storage, BackupError> {
    Storage::open(place, &config.storage).map_err(|error| BackupError::Place { place: place.to_owned(), error })
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

fn now() -> Timestamp {
    Timestamp::from_millis(Clock::system().now_millis())
}

/// Takes the archive of a running desk.
fn download(runtime: &Runtime, url: &str, token: &str, out: &mut dyn Write) -> Result<u64, BackupError> {
    crate::outgoing::choose_cryptography();
    let failed = |error: reqwest::Error| BackupError::Refused(format!("the desk at {url}: {error}"));
    let address = format!("{}/api/v1/backups/archive", url.trim_end_matches('/'));
    let client = reqwest::Client::builder().no_proxy().build().map_err(failed)?;
    let mut answer = runtime.block_on(client.get(address).bearer_auth(token).send()).map_err(failed)?;
    if !answer.status().is_success() {
        let (status, text) = (answer.status(), runtime.block_on(answer.text()).unwrap_or_default());
        return Err(BackupError::Refused(format!("the desk at {url} answers {status}: {text}")));
    }
    let mut written = 0;
    while let Some(piece) = runtime.block_on(answer.chunk()).map_err(failed)? {
        out.write_all(&piece)?;
        written += piece.len() as u64;
    }
    Ok(written)
}

/// Writes beside the file and renames: a backup that was cut short never takes the place of a whole one.
fn to_file<T>(
    file: &Path,
    out: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> Result<T, BackupError>,
) -> Result<T, BackupError> {
    if file == Path::new("-") {
        let written = write(out)?;
        out.flush()?;
        return Ok(written);
    }
    whole_or_not(file, |unfinished| {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(unfinished)?);
        let written = write(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(written)
    })
}

fn say(err: &mut dyn Write, what: &str, counts: Counts) -> io::Result<()> {
    let Counts { records, asides, memos, files } = counts;
    writeln!(err, "{what}: {records} records, {asides} asides, {memos} remembered commands, {files} files")
}
