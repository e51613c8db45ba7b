//! A plain file with group commit: writers wait until an `fdatasync` has covered their record.
//!
//! Whatever arrives while one sync runs goes into the next one, as in any journal that is worth its name.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::{mpsc, oneshot};

use crate::histogram::Latencies;

/// About what one changed ticket weighs.
const RECORD_BYTES: usize = 400;

#[derive(Debug)]
pub struct Commits {
    pub per_second: f64,
    pub latencies: Latencies,
}

/// Lets `writers` write for a while, each with one record in flight.
pub async fn run(folder: &Path, writers: usize, duration: Duration) -> Result<Commits> {
    let path = folder.join(format!("baseline-{}", uuid::Uuid::new_v4().simple()));
    let mut file = OpenOptions::new().create_new(true).append(true).open(&path).context("cannot make a file")?;
    let (sender, mut receiver) = mpsc::channel::<oneshot::Sender<()>>(writers);
    let disk = std::thread::spawn(move || -> std::io::Result<()> {
        let record = [b'x'; RECORD_BYTES];
        let mut group = Vec::new();
        let mut bytes = Vec::new();
        while let Some(first) = receiver.blocking_recv() {
            group.push(first);
            while let Ok(next) = receiver.try_recv() {
                group.push(next);
            }
            bytes.clear();
            for _ in &group {
                bytes.extend_from_slice(&record);
            }
            file.write_all(&bytes)?;
            file.sync_data()?;
            for waiting in group.drain(..) {
                // A writer that has stopped waiting needs no answer.
                let _ = waiting.send(());
            }
        }
        Ok(())
    });
    let started = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let sender = sender.clone();
            tokio::spawn(async move {
                let mut latencies = Latencies::default();
                while started.elapsed() < duration {
                    let asked = Instant::now();
                    let (answer, durable) = oneshot::channel();
                    if sender.send(answer).await.is_err() || durable.await.is_err() {
                        break;
                    }
                    latencies.record(asked.elapsed());
                }
                latencies
            })
        })
        .collect();
    drop(sender);
    let mut latencies = Latencies::default();
    for task in tasks {
        latencies.merge(&task.await?);
    }
    let took = started.elapsed();
    tokio::task::spawn_blocking(move || disk.join().expect("invariant: the disk thread does not panic")).await??;
    std::fs::remove_file(path)?;
    Ok(Commits { per_second: latencies.count() as f64 / took.as_secs_f64(), latencies })
}
