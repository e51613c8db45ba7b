//! One server process under test: start, wait until ready, sample, end.
//!
//! Ends only the process that it started, by its id. Knows nothing of tickets. Called by every scenario.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::client::Target;
use crate::client::http::Connection;
use crate::sample::{self, Usage};

const START_DEADLINE: Duration = Duration::from_secs(60);
const KEPT_LOG_LINES: usize = 40;

/// How servers are started in one run: which program, where their data may lie.
#[derive(Clone, Debug)]
pub struct Launcher {
    pub bin: PathBuf,
    /// Folder for data; on a real disk, or the durable figures say nothing.
    pub work: PathBuf,
    token: String,
    /// Further environment.
    settings: Vec<(String, String)>,
}

impl Launcher {
    /// Finds the program beside this one when none is named.
    pub fn new(bin: Option<PathBuf>, work: Option<PathBuf>) -> Result<Self> {
        let own = std::env::current_exe().context("this program has no path")?;
        let beside = own.parent().context("this program lies in no folder")?;
        let bin = bin.unwrap_or_else(|| beside.join("hotdesk"));
        if !bin.is_file() {
            bail!("there is no server at {}: build it, or name it with --bin", bin.display());
        }
        let work = work.unwrap_or_else(|| beside.parent().unwrap_or(beside).join("load-tests"));
        std::fs::create_dir_all(&work).with_context(|| format!("cannot make {}", work.display()))?;
        Ok(Self { bin, work, token: format!("load-{}", uuid::Uuid::new_v4().simple()), settings: Vec::new() })
    }

    /// The same with further settings, as environment variables.
    pub fn with(&self, settings: &BTreeMap<String, String>) -> Self {
        let settings = settings.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Self { settings, ..self.clone() }
    }

    /// An empty data folder that goes away with the handle.
    pub fn folder(&self) -> Result<tempfile::TempDir> {
        tempfile::Builder::new().prefix("data-").tempdir_in(&self.work).context("cannot make a data folder")
    }

    /// Starts a server on `data` and waits until it is ready.
    pub async fn start(&self, data: &Path) -> Result<Server> {
        let mut server = self.spawn(data, None)?;
        server.ready().await?;
        Ok(server)
    }

    /// Starts a server and does not wait; without an address it takes a free port.
    pub fn spawn(&self, data: &Path, listen: Option<SocketAddr>) -> Result<Server> {
        let mut command = Command::new(&self.bin);
        let listen = listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into()).to_string();
        command.args(["serve", "--listen", &listen, "--data"]).arg(data);
        command.env("HOTDESK_ADMIN_TOKEN", &self.token).env("HOTDESK__LOG__FILTER", "warn");
        command.env_remove("DEEPSEEK_API_KEY").envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let spawned_at = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.bin.display()))?;
        let log = Arc::new(Mutex::new(VecDeque::new()));
        let stderr = child.stderr.take().expect("invariant: stderr was piped");
        follow(stderr, log.clone(), |_| {});
        let stdout = child.stdout.take().expect("invariant: stdout was piped");
        let (found, address) = channel();
        follow(stdout, log.clone(), move |line| {
            if let Some(address) = listening(line) {
                // Nobody waits any more when the server was ended meanwhile.
                let _ = found.send(address);
            }
        });
        Ok(Server { child, log, address, target: None, token: self.token.clone(), spawned_at })
    }
}

/// A running server; dropped, it is killed.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: Arc<Mutex<VecDeque<String>>>,
    address: Receiver<SocketAddr>,
    target: Option<Target>,
    token: String,
    spawned_at: Instant,
}

impl Server {
    /// Waits until `/healthz/ready` says 200, and returns how long that took from the start of the process.
    pub async fn ready(&mut self) -> Result<Duration> {
        while self.target.is_none() {
            match self.address.recv_timeout(Duration::from_millis(1)) {
                Ok(address) => self.target = Some(Target { address, token: self.token.as_str().into() }),
                Err(RecvTimeoutError::Timeout) => {
                    self.still_starting()?;
                    tokio::task::yield_now().await;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait()?;
                    bail!("the server ended with {status} and did not say where it listens{}", self.last_words());
                }
            }
        }
        let target = self.target();
        loop {
            if let Ok(mut connection) = Connection::open(&target).await
                && let Ok(reply) = connection.get("/healthz/ready").await
                && reply.status == 200
            {
                return Ok(self.spawned_at.elapsed());
            }
            self.still_starting()?;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn still_starting(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server ended with {status} before it was ready{}", self.last_words());
        }
        if self.spawned_at.elapsed() > START_DEADLINE {
            bail!("the server was not ready after {} s{}", START_DEADLINE.as_secs(), self.last_words());
        }
        Ok(())
    }

    /// Where it listens. Must be ready.
    pub fn target(&self) -> Target {
        self.target.clone().expect("invariant: scenarios speak to servers that are ready")
    }

    pub fn usage(&self) -> Result<Usage> {
        sample::usage(self.child.id())
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `None` while it runs.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// `kill -9`, then waits for the end.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("cannot kill the server")?;
        self.child.wait().context("cannot wait for the server")?;
        Ok(())
    }

    /// Asks it to stop (SIGTERM) and waits for that; one that does not stop in time is killed and reported.
    pub async fn stop(&mut self, within: Duration) -> Result<ExitStatus> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("the process has no id")?;
        kill_process(pid, Signal::TERM).context("cannot signal the server")?;
        let asked_at = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if asked_at.elapsed() > within {
                self.kill()?;
                bail!("the server did not stop within {} s of SIGTERM{}", within.as_secs(), self.last_words());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The end of its log, to go behind an error message.
    pub fn last_words(&self) -> String {
        let log = self.log.lock().expect("invariant: nobody panics with the log in hand");
        if log.is_empty() {
            return "; it said nothing".to_owned();
        }
        format!("; its last words:\n  {}", log.iter().cloned().collect::<Vec<_>>().join("\n  "))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the pipe to its end, so that the server never blocks on it, and keeps the last lines.
fn follow(
    pipe: impl Read + Send + 'static,
    log: Arc<Mutex<VecDeque<String>>>,
    mut each: impl FnMut(&str) + Send + 'static,
) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            each(&line);
            let mut log = log.lock().expect("invariant: nobody panics with the log in hand");
            if log.len() == KEPT_LOG_LINES {
                log.pop_front();
            }
            log.push_back(line);
        }
    });
}

/// The address in `listening on http://…`.
fn listening(line: &str) -> Option<SocketAddr> {
    line.strip_prefix("listening on http://")?.trim().trim_end_matches('/').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_its_line_alone() {
        assert_eq!(listening("listening on http://127.0.0.1:4321"), Some("127.0.0.1:4321".parse().unwrap()));
        assert_eq!(listening("listening on http://[::1]:80/"), Some("[::1]:80".parse().unwrap()));
        assert_eq!(listening("2026-01-01T00:00:00Z INFO listening on http://127.0.0.1:1"), None);
    }
}
