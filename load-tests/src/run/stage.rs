//! The desk as the people find it: a server on a folder, its past, and who may come in.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::client::desk::Desk;
use crate::client::http::Connection;
use crate::history;
use crate::ledger::Caller;
use crate::sample::mib;
use crate::scenario::{Past, Role, Scenario};
use crate::server::{Launcher, Server};

const SETTLE: Duration = Duration::from_secs(3);
const STOP: Duration = Duration::from_secs(60);
const INDEX: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub struct Stage {
    pub folder: TempDir,
    pub server: Server,
    /// What was measured on the way here.
    pub figures: Vec<(String, f64)>,
}

/// Starts the scenario's server, as often as it wants to be started.
pub async fn set(launcher: &Launcher, scenario: &Scenario) -> Result<Stage> {
    let folder = launcher.folder()?;
    let mut figures = Vec::new();
    let data = folder.path().join("desk");
    if let Some(past) = scenario.desk.history {
        let kept = prepared(launcher, past, &mut figures).await?;
        copy(&kept, &data)?;
    }
    let launcher = launcher.with(&scenario.desk.settings);
    let mut ready = Vec::new();
    let mut resident = Vec::new();
    for _ in 0..scenario.desk.starts {
        let mut server = launcher.spawn(&data, None)?;
        ready.push(server.ready().await?.as_secs_f64() * 1000.0);
        resident.push(mib(server.usage()?.rss_bytes));
        if ready.len() == scenario.desk.starts {
            tokio::time::sleep(SETTLE).await;
            figures.push(("start.settled_mib".to_owned(), mib(server.usage()?.rss_bytes)));
        }
        server.stop(STOP).await?;
    }
    if !ready.is_empty() {
        ready.sort_by(f64::total_cmp);
        figures.push(("start.ready_ms".to_owned(), ready[ready.len() / 2]));
        figures.push(("start.longest_ms".to_owned(), ready[ready.len() - 1]));
        figures.push(("start.rss_mib".to_owned(), resident.iter().copied().fold(0.0, f64::max)));
    }
    let server = launcher.start(&data).await?;
    Ok(Stage { folder, server, figures })
}

/// Those who will come, in the order of the crowds: agents and supervisors are users of their own.
pub async fn callers(desk: &mut Desk, scenario: &Scenario) -> Result<Vec<Caller>> {
    let everybody = Caller { token: desk.target.token.clone() };
    let mut callers = Vec::new();
    for crowd in scenario.crowds.iter().filter(|crowd| crowd.role != Role::Stuck) {
        let role = match crowd.role {
            Role::Agent => "agent",
            Role::Supervisor => "supervisor",
            Role::Customer | Role::Reader | Role::Stuck => {
                callers.extend(std::iter::repeat_n(everybody.clone(), crowd.count));
                continue;
            }
        };
        let tokens = desk.people(role, crowd.count).await?;
        callers.extend(tokens.into_iter().map(|token| Caller { token: token.into() }));
    }
    Ok(callers)
}

/// The folder with the history, from an earlier run or made now.
async fn prepared(launcher: &Launcher, past: Past, figures: &mut Vec<(String, f64)>) -> Result<PathBuf> {
    let folder = launcher.work.join(format!("history-{}-{}", past.tickets, past.active));
    let complete = folder.join("complete");
    if complete.exists() {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove the unfinished {}", folder.display()))?;
    }
    let began = Instant::now();
    import(&launcher.bin, &folder, past)?;
    figures.push(("start.import_s".to_owned(), began.elapsed().as_secs_f64()));
    // The first start builds what later ones find on disk.
    let mut first = launcher.spawn(&folder, None)?;
    figures.push(("start.first_ms".to_owned(), first.ready().await?.as_secs_f64() * 1000.0));
    figures.push(("start.indexed_s".to_owned(), indexed(&first).await?.as_secs_f64()));
    first.stop(STOP).await?;
    fs::write(complete, "")?;
    Ok(folder)
}

/// Waits until the past can be searched, which a desk without its index refuses with `unavailable`.
async fn indexed(server: &Server) -> Result<Duration> {
    let began = Instant::now();
    let mut http = Connection::open(&server.target()).await?;
    loop {
        let reply = http.get("/api/v1/tickets?q=parcel").await?;
        if reply.status == 200 {
            return Ok(began.elapsed());
        }
        ensure!(reply.code().as_deref() == Some("unavailable"), "a search was answered with {}", reply.status);
        ensure!(began.elapsed() < INDEX, "the past cannot be searched after {} s", INDEX.as_secs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn import(bin: &Path, folder: &Path, past: Past) -> Result<()> {
    let mut child = Command::new(bin)
        .args(["journal", "import", "-", "--data"])
        .arg(folder)
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", bin.display()))?;
    let mut archive = BufWriter::with_capacity(1 << 20, child.stdin.take().context("stdin was piped")?);
    let written = history::write(&mut archive, past.tickets, past.active).and_then(|()| Ok(archive.flush()?));
    drop(archive);
    let status = child.wait()?;
    ensure!(status.success(), "`hotdesk journal import` ended with {status}");
    written
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else if entry.file_name() != "complete" {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot copy to {}", target.display()))?;
        }
    }
    Ok(())
}
