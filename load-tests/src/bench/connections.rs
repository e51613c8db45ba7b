//! What an idle connection costs the server: sockets that have said hello for the board and wait.
//!
//! A first hundred is connected and gone before anything is measured, so that one-time costs are not charged to the rest.

use std::time::Duration;

use anyhow::Result;

use crate::bench::figures::Figures;
use crate::client::desk::{Desk, numbered};
use crate::client::tap::Taps;
use crate::sample::{Usage, mib};
use crate::server::{Launcher, Server};

const SESSIONS: usize = 5000;
const FIRST: usize = 100;
const SETTLE: Duration = Duration::from_secs(2);
const NAME: &str = "idle connections";

pub async fn run(launcher: &Launcher, report: &mut Figures) -> Result<()> {
    let folder = launcher.folder()?;
    let server = launcher.start(folder.path()).await?;
    let idle = settled(&server).await?;
    report.judge(NAME, "server at rest, resident", mib(idle.rss_bytes), "MiB", 60.0);
    Desk::open(&server.target()).await?.tickets(&numbered(200)).await?;
    Taps::open(&server.target(), FIRST).await?.close().await;
    let before = settled(&server).await?;
    let taps = Taps::open(&server.target(), SESSIONS).await?;
    let after = settled(&server).await?;
    let each = |after: u64, before: u64| after.saturating_sub(before) as f64 / SESSIONS as f64;
    let resident = each(after.rss_bytes, before.rss_bytes);
    report.judge(NAME, &format!("resident bytes each, {SESSIONS} on the board"), resident, "B", 16_384.0);
    report.add(NAME, "anonymous bytes each", each(after.anonymous_bytes, before.anonymous_bytes), "B");
    let (quiet, busy) = (after.cpu, settled(&server).await?.cpu);
    report.add(
        NAME,
        "server's CPU while they wait",
        busy.saturating_sub(quiet).as_secs_f64() / SETTLE.as_secs_f64() * 100.0,
        "% of a core",
    );
    let faults = taps.meter.faults();
    if taps.meter.counts().ended > 0 || !faults.is_empty() {
        report.violation(format!("{} idle connections were ended: {:?}", taps.meter.counts().ended, faults.first()));
    }
    taps.close().await;
    Ok(())
}

async fn settled(server: &Server) -> Result<Usage> {
    tokio::time::sleep(SETTLE).await;
    server.usage()
}
