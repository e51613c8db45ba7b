//! Measures what the journal takes in, beside a plain file on the same disk in the same run.
//!
//! The plain file is the least that any journal could do: write a group, `fdatasync`, next group. Called by `hotdesk journal bench`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::sample::{answered, opened};
use super::sled_store::{Options, SledJournal};
use super::writer::{self, AppendError, WriterConfig};
use super::{Journal, JournalError};
use crate::domain::ids::{CommandId, Seq, TicketId, UserId};

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub run_for: Duration,
    /// Appends that wait for their answer at any time.
    pub in_flight: usize,
    pub body_bytes: usize,
    /// Every append opens a ticket of its own, in place of adding to one of `in_flight` tickets.
    pub new_tickets: bool,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Measured {
    pub journal_per_s: f64,
    pub plain_file_per_s: f64,
    /// Journal by plain file.
    pub ratio: f64,
    pub groups: u64,
    pub log_bytes: u64,
    /// Of log, for each append.
    pub log_bytes_each: f64,
    pub record_bytes: u64,
    /// Time that the writer's thread was on a processor, for each append.
    pub writer_us_each: f64,
    /// Asking for a command id that nobody has used.
    pub lookup_ns: f64,
    /// A start with as much to fold as a kill can leave.
    pub reopen_ms: f64,
    /// What was still to be written out at that start.
    pub late: usize,
}

/// Runs both in `data`, which must not hold a journal; leaves the journal there.
pub fn run(data: &Path, load: Load) -> Result<Measured, JournalError> {
    if SledJournal::exists(data) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{} holds a journal", data.display())).into());
    }
    std::fs::create_dir_all(data)?;
    let filled = fill(data, load)?;
    let plain_file_per_s = plain_file(data, load, filled.record_bytes as usize)?;
    let started = Instant::now();
    let journal = SledJournal::open(data, &Options::default())?;
    let reopen_ms = started.elapsed().as_secs_f64() * 1000.0;
    let lookup_ns = lookups(&journal)?;
    Ok(Measured {
        journal_per_s: filled.per_s,
        plain_file_per_s,
        ratio: filled.per_s / plain_file_per_s,
        groups: filled.groups,
        log_bytes: filled.log_bytes,
        log_bytes_each: filled.log_bytes as f64 / filled.appended as f64,
        record_bytes: filled.record_bytes,
        writer_us_each: filled.writer_time.as_secs_f64() * 1e6 / filled.appended as f64,
        lookup_ns,
        reopen_ms,
        late: journal.late(),
    })
}

/// Mean time of a lookup that finds nothing.
fn lookups(journal: &SledJournal) -> Result<f64, JournalError> {
    let user = UserId::from("agent-1");
    let keys: Vec<CommandId> = (0..50_000).map(|number| CommandId::from(format!("never-{number}"))).collect();
    let started = Instant::now();
    for key in &keys {
        if journal.memo(&user, key)?.is_some() {
            return Err(io::Error::other("a command that never was is remembered").into());
        }
    }
    Ok(started.elapsed().as_nanos() as f64 / keys.len() as f64)
}

struct Filled {
    per_s: f64,
    appended: u64,
    groups: u64,
    record_bytes: u64,
    log_bytes: u64,
    writer_time: Duration,
}

/// Time on a processor of this process's thread of that name; zero where the system does not say.
fn thread_time(name: &str) -> Duration {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    let named = threads
        .flatten()
        .map(|thread| thread.path())
        .find(|thread| std::fs::read_to_string(thread.join("comm")).is_ok_and(|comm| comm.trim_end() == name));
    let told = named.and_then(|thread| std::fs::read_to_string(thread.join("schedstat")).ok());
    let nanos = told.and_then(|told| told.split(' ').next()?.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

fn fill(data: &Path, load: Load) -> Result<Filled, JournalError> {
    let journal = Arc::new(SledJournal::open(data, &Options::default())?);
    let config = WriterConfig {
        waiting_appends: load.in_flight * 2,
        group_records: 4096,
        group_bytes: 8 << 20,
        remember_commands_ms: 86_400_000,
    };
    let groups = Arc::new(AtomicU64::new(0));
    let counted = groups.clone();
    let (writer, thread) = writer::spawn(
        journal.clone(),
        config,
        Box::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        }),
        Box::new(|error| tracing::error!(%error, "the journal failed")),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let body: Arc<str> = "x".repeat(load.body_bytes).into();
    let started = Instant::now();
    let end = started + load.run_for;
    let appended = runtime.block_on(async {
        let local = tokio::task::LocalSet::new();
        let tasks: Vec<_> = (0..load.in_flight as u64)
            .map(|lane| {
                let (writer, body) = (writer.clone(), body.clone());
                local.spawn_local(async move {
                    let mut id = lane + 1;
                    let mut append = opened(TicketId(id), &body);
                    let mut count = 0_u64;
                    while Instant::now() < end {
                        let committed = writer.append(append).await?;
                        count += 1;
                        id += load.in_flight as u64;
                        append = if load.new_tickets {
                            opened(TicketId(id), &body)
                        } else {
                            answered(&committed.parts[0].after, &body)
                        };
                    }
                    Ok::<_, AppendError>(count)
                })
            })
            .collect();
        local
            .run_until(async {
                let mut appended = 0;
                for task in tasks {
                    let count = task.await.map_err(io::Error::other)?;
                    appended += count.map_err(io::Error::other)?;
                }
                Ok::<_, io::Error>(appended)
            })
            .await
    })?;
    let per_s = appended as f64 / started.elapsed().as_secs_f64();
    let writer_time = thread_time("journal");
    writer.close();
    thread.join().map_err(|_| io::Error::other("the writer panicked"))?;
    let mean =
        journal.read(Seq(journal.head().seq.get().saturating_sub(1)), 1, 0)?.first().map_or(0, |last| last.json.len());
    Ok(Filled {
        per_s,
        appended,
        groups: groups.load(Ordering::Relaxed),
        record_bytes: mean as u64,
        log_bytes: journal.bytes_on_disk()?,
        writer_time,
    })
}

fn plain_file(data: &Path, load: Load, record_bytes: usize) -> io::Result<f64> {
    let path = data.join("plain-file");
    let mut file = OpenOptions::new().create_new(true).append(true).open(&path)?;
    let group = vec![b'x'; record_bytes.max(1) * load.in_flight];
    let started = Instant::now();
    let mut records = 0;
    while started.elapsed() < load.run_for {
        file.write_all(&group)?;
        file.sync_data()?;
        records += load.in_flight;
    }
    let per_s = records as f64 / started.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(per_s)
}
