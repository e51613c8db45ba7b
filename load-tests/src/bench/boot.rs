//! How long a desk with a long history takes to start, and what it weighs then.
//!
//! The history is made once and kept in the work folder. The first start after that is shown apart: it may have to build what
//! later ones find on disk.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::client::desk::Desk;
use crate::history;
use crate::report::Report;
use crate::sample::mib;
use crate::server::Launcher;

const ACTIVE: u64 = 20_000;
const STARTS: usize = 5;
const SETTLE: Duration = Duration::from_secs(3);
const STOP: Duration = Duration::from_secs(60);
const NAME: &str = "start";

pub async fn run(launcher: &Launcher, tickets: u64, report: &mut Report) -> Result<()> {
    let active = ACTIVE.min(tickets);
    let folder = prepared(launcher, tickets, active, report)?;
    let mut first = launcher.spawn(&folder, &[])?;
    report.add(
        NAME,
        "first start on this folder, or with what an earlier run left",
        first.ready().await?.as_secs_f64() * 1000.0,
        "ms",
    );
    tokio::time::sleep(SETTLE).await;
    first.stop(STOP)?;
    let mut times = Vec::new();
    let mut resident = Vec::new();
    for _ in 0..STARTS {
        let mut server = launcher.spawn(&folder, &[])?;
        times.push(server.ready().await?.as_secs_f64() * 1000.0);
        resident.push(server.usage()?.rss_bytes);
        if times.len() == STARTS {
            tokio::time::sleep(SETTLE).await;
            let quiet = server.usage()?;
            report.add(NAME, "resident at rest", mib(quiet.rss_bytes), "MiB");
            report.add(NAME, "  of it the process's own", mib(quiet.anonymous_bytes), "MiB");
            let mut desk = Desk::open(&server.target()).await?;
            let asked = Instant::now();
            let snapshot = desk.snapshot().await?;
            let took = asked.elapsed().as_secs_f64() * 1000.0;
            report.add(NAME, &format!("snapshot of {} tickets, not compressed", snapshot.board.len()), took, "ms");
            if snapshot.board.len() as u64 != active {
                report.violation(format!("{} of {active} active tickets are in the snapshot", snapshot.board.len()));
            }
            report.add(NAME, "resident after that", mib(server.usage()?.rss_bytes), "MiB");
        }
        server.stop(STOP)?;
    }
    times.sort_by(f64::total_cmp);
    let title = format!("{tickets} tickets, {active} active: ready after, median of {STARTS}");
    report.judge(NAME, &title, times[STARTS / 2], "ms", 2000.0);
    report.add(NAME, "  longest", times[STARTS - 1], "ms");
    report.add(NAME, "resident when ready", resident.iter().max().copied().map_or(0.0, mib), "MiB");
    Ok(())
}

/// The folder with the history, from an earlier run or made now.
fn prepared(launcher: &Launcher, tickets: u64, active: u64, report: &mut Report) -> Result<PathBuf> {
    let folder = launcher.work.join(format!("history-{tickets}-{active}"));
    let complete = folder.join("complete");
    if complete.exists() {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove the unfinished {}", folder.display()))?;
    }
    let began = Instant::now();
    import(&launcher.bin, &folder, tickets, active)?;
    report.add(NAME, "the history was imported in", began.elapsed().as_secs_f64(), "s");
    fs::write(complete, "")?;
    Ok(folder)
}

fn import(bin: &Path, folder: &Path, tickets: u64, active: u64) -> Result<()> {
    let mut child = Command::new(bin)
        .args(["journal", "import", "-", "--data"])
        .arg(folder)
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", bin.display()))?;
    let mut archive = BufWriter::with_capacity(1 << 20, child.stdin.take().context("stdin was piped")?);
    let written = history::write(&mut archive, tickets, active).and_then(|()| Ok(archive.flush()?));
    drop(archive);
    let status = child.wait()?;
    ensure!(status.success(), "`hotdesk journal import` ended with {status}");
    written
}
