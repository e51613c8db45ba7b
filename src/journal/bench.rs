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
use crate::domain::ids::{Seq, TicketId};

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
    pub record_bytes: u64,
    pub reopen_ms: f64,
}

/// Runs both in `data`, which must not hold a journal; leaves the journal there.
pub fn run(data: &Path, load: Load) -> Result<Measured, JournalError> {
    if SledJournal::exists(data) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{} holds a journal", data.display())).into());
    }
    std::fs::create_dir_all(data)?;
    let (journal_per_s, groups, record_bytes, log_bytes) = journal(data, load)?;
    let plain_file_per_s = plain_file(data, load, record_bytes as usize)?;
    let started = Instant::now();
    drop(SledJournal::open(data, &Options::default())?);
    let reopen_ms = started.elapsed().as_secs_f64() * 1000.0;
    let ratio = journal_per_s / plain_file_per_s;
    Ok(Measured { journal_per_s, plain_file_per_s, ratio, groups, log_bytes, record_bytes, reopen_ms })
}

fn journal(data: &Path, load: Load) -> Result<(f64, u64, u64, u64), JournalError> {
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
    writer.close();
    thread.join().map_err(|_| io::Error::other("the writer panicked"))?;
    let mean =
        journal.read(Seq(journal.head().seq.get().saturating_sub(1)), 1, 0)?.first().map_or(0, |last| last.json.len());
    Ok((per_s, groups.load(Ordering::Relaxed), mean as u64, journal.bytes_on_disk()?))
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
