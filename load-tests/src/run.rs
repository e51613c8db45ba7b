//! `load-tests run`: sets the stage, lets people in, breaks what the scenario wants broken, and judges what came of it.
//!
//! The stage is a server of its own in an empty folder, or one that runs elsewhere (`--at`). Exit status by thresholds and proofs
//! alone. Called by `main`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use load_tests::deepseek::{Fake, Quirk};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::client::Target;
use crate::client::desk::Desk;
use crate::ledger::{Caller, Ledger};
use crate::meters::Meters;
use crate::people::deed::{Known, word};
use crate::people::{Floor, Last, Person, Phase, caller, reader, screen, stuck};
use crate::proof::{Evidence, prove, windows};
use crate::proxy::Proxy;
use crate::report::{Load, Report};
use crate::sample::Busy;
use crate::scenario::{Crowd, Over, Role, Scenario};
use crate::server::{Launcher, Server};

mod live;
#[cfg(test)]
mod mutation;
mod repeats;
mod sorting;
mod stage;
mod trouble;

use trouble::{Came, Trouble};

/// Everybody must be connected by then.
const COMING: Duration = Duration::from_secs(120);
/// What was under way when the load ended must have its answer by then.
const ENDING: Duration = Duration::from_secs(40);
/// And everybody every record.
const READING: Duration = Duration::from_secs(40);
const STOPPING: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);
const CONNECTING_AT_ONCE: usize = 64;

#[derive(Debug, Args)]
pub struct Options {
    /// The scenario's name, or a file
    #[arg(required_unless_present = "list")]
    scenario: Option<String>,
    /// Lists the scenarios that come with the program
    #[arg(long)]
    list: bool,
    /// Instead of the scenario's length
    #[arg(long)]
    seconds: Option<f64>,
    /// Repeats a run's choices; a new one for each run by default
    #[arg(long)]
    seed: Option<u64>,
    /// Folder for the report, `<scenario>.html` and `<scenario>.json`; by default `reports` in the work folder
    #[arg(long)]
    out: Option<PathBuf>,
    /// The JSON report of an earlier run, to compare with
    #[arg(long)]
    compare: Option<PathBuf>,
    /// A server that runs already, instead of one of our own; its data get dirty
    #[arg(long, requires = "token")]
    at: Option<SocketAddr>,
    /// An administrator's token for it
    #[arg(long, env = "HOTDESK_ADMIN_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Keeps the data folder for a look at it
    #[arg(long)]
    keep: bool,
}

/// `false` when a promise was broken or a threshold missed.
pub async fn run(launcher: impl FnOnce() -> Result<Launcher>, options: &Options) -> Result<bool> {
    let Some(name) = options.scenario.as_deref().filter(|_| !options.list) else {
        for name in Scenario::names() {
            println!("{name:<16} {}", Scenario::load(name)?.1.about);
        }
        return Ok(true);
    };
    let (title, mut scenario) = Scenario::load(name)?;
    if let Some(seconds) = options.seconds {
        scenario.seconds = seconds;
        scenario.warm_up_s = scenario.warm_up_s.min(seconds / 4.0);
    }
    let earlier = options.compare.as_deref().map(Report::read).transpose()?;
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    let out = options.out.clone();
    let (played, out) = if let Some(address) = options.at {
        let token = options.token.as_deref().context("a running server needs --token")?;
        let faulty = scenario.faults.kill_every_s.or(scenario.faults.drain_every_s).is_some();
        ensure!(!faulty, "this scenario restarts the server, which must be one of our own");
        ensure!(scenario.desk.history.is_none(), "this scenario brings its own history, so it needs its own server");
        let target = Target { address, token: token.into() };
        (play(&title, &scenario, target, None, seed).await?, out.unwrap_or_else(|| PathBuf::from(".")))
    } else {
        let launcher = launcher()?;
        let out = out.unwrap_or_else(|| launcher.work.join("reports"));
        let service = Service::start(&mut scenario).await?;
        let without = match &service {
            Some(service) if service.compares => Some(without_triage(&title, &scenario, &launcher, seed).await?),
            _ => None,
        };
        let stage::Stage { folder, server, figures } = stage::set(&launcher, &scenario).await?;
        let target = server.target();
        let own = Own { launcher: &launcher, data: folder.path().join("desk"), server, figures };
        let mut played = play(&title, &scenario, target, Some(own), seed).await;
        if let (Ok(played), Some(without)) = (&mut played, without) {
            played.compare_p99(without, &scenario.thresholds);
        }
        if options.keep || played.as_ref().map_or(true, Report::has_broken) {
            eprintln!("the data folder is kept: {}", folder.keep().display());
        }
        (played?, out)
    };
    std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let (html, json) = (out.join(format!("{title}.html")), out.join(format!("{title}.json")));
    played.write(&html, &json, earlier.as_ref())?;
    print!("{}", played.summary(earlier.as_ref()));
    println!("\nreport: {}", html.display());
    Ok(played.passed)
}

/// The stand-in that a scenario wants, with the server told where it is.
struct Service {
    _running: Fake,
    compares: bool,
}

impl Service {
    async fn start(scenario: &mut Scenario) -> Result<Option<Self>> {
        let Some(wanted) = scenario.service.clone() else { return Ok(None) };
        let fake = Fake::start("127.0.0.1:0".parse()?).await?;
        fake.set_latency(Duration::from_millis(wanted.latency_ms));
        let quirks: Result<Vec<Quirk>, String> = wanted.quirks.iter().map(|quirk| quirk.parse()).collect();
        fake.always(quirks.map_err(anyhow::Error::msg)?);
        let settings = &mut scenario.desk.settings;
        settings.insert("DEEPSEEK_BASE_URL".to_owned(), fake.base_url());
        settings.insert("DEEPSEEK_API_KEY".to_owned(), "sk-stand-in".to_owned());
        Ok(Some(Self { _running: fake, compares: wanted.compare }))
    }
}

/// The commands' p99 where nobody sorts.
async fn without_triage(title: &str, scenario: &Scenario, launcher: &Launcher, seed: u64) -> Result<f64> {
    let mut scenario = scenario.clone();
    scenario.service = None;
    scenario.thresholds.clear();
    scenario.desk.settings.insert("HOTDESK__TRIAGE__ENABLED".to_owned(), "false".to_owned());
    let stage::Stage { folder, server, figures } = stage::set(launcher, &scenario).await?;
    let target = server.target();
    let own = Own { launcher, data: folder.path().join("desk"), server, figures };
    let played = play(&format!("{title}, without triage"), &scenario, target, Some(own), seed).await?;
    played.figures.get("commands.p99_ms").copied().context("the run without triage has no commands")
}

/// A server of our own, that may be killed.
pub struct Own<'a> {
    launcher: &'a Launcher,
    data: PathBuf,
    server: Server,
    figures: Vec<(String, f64)>,
}

/// Plays a scenario on a desk that is ready, and judges it.
async fn play(title: &str, scenario: &Scenario, target: Target, own: Option<Own<'_>>, seed: u64) -> Result<Report> {
    let proxy = match scenario.weather {
        Some(weather) => Some(Proxy::start("127.0.0.1:0".parse()?, target.address, weather, seed).await?),
        None => None,
    };
    let door = proxy.as_ref().map_or(target.address, Proxy::address);
    play_through(title, scenario, target, door, own, seed).await
}

/// The same, with everybody's connections through another door than that of the judge.
async fn play_through(
    title: &str,
    scenario: &Scenario,
    target: Target,
    door: SocketAddr,
    own: Option<Own<'_>>,
    seed: u64,
) -> Result<Report> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut desk = Desk::open(&target).await?;
    let callers = stage::callers(&mut desk, scenario).await?;
    let linear = match scenario.windows {
        Some(shape) => Some(windows::watch(&mut desk, shape, random.fork()).await?),
        None => None,
    };
    let ledger = Ledger::default();
    let words: Vec<String> = (0..scenario.desk.tickets).map(|_| word(random.u64(..))).collect();
    for (ticket, word) in desk.tickets(&words).await?.into_iter().zip(words) {
        ledger.know(Known { ticket, word });
    }
    let base = Arc::new(desk.snapshot().await?);
    for ticket in &base.board {
        if let (Some(ticket), Some(version)) = (ticket["id"].as_u64(), ticket["version"].as_u64()) {
            ledger.told(ticket, version, base.seq);
            if scenario.desk.history.is_some() {
                ledger.know(Known { ticket, word: String::new() });
            }
        }
    }

    let (phase, phases) = watch::channel(Phase::Coming);
    let floor = Arc::new(Floor {
        ledger,
        meters: Meters::default(),
        phase: phases,
        door: Target { address: door, token: target.token.clone() },
        back_within: Duration::from_secs_f64(scenario.faults.back_within_s),
        arrived: AtomicUsize::new(0),
    });
    let busy = Busy::now()?;
    let mut crowd = Company::default();
    crowd.invite(scenario, &callers, &floor, &base, &mut random);
    let expected = crowd.screens.len();
    let waiting = Instant::now();
    while floor.arrived.load(Relaxed) < expected {
        ensure!(
            waiting.elapsed() < COMING,
            "{} of {expected} were let in within {} s",
            floor.arrived.load(Relaxed),
            COMING.as_secs()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let from = Instant::now();
    let until = from + Duration::from_secs_f64(scenario.seconds);
    let (server, figures, trouble) = match own {
        Some(Own { launcher, data, server, figures }) => {
            let trouble = Trouble::new(launcher.clone(), data, scenario.clone(), server, random.fork());
            (Some(trouble.pid()), figures, Some(trouble))
        }
        None => (None, Vec::new(), None),
    };
    let trouble = trouble.map(|trouble| tokio::spawn(trouble.make(from, until)));
    phase.send_replace(Phase::Load { from, until });
    let mut hung = None;
    let mut clock = Clock {
        view: live::View::new(title, scenario.seconds),
        floor: floor.clone(),
        pid: server.clone(),
        from,
        warm_up_s: scenario.warm_up_s,
        load: Vec::new(),
        last: None,
    };
    let stuck_crowd = scenario.crowds.iter().find(|crowd| crowd.role == Role::Stuck);
    let mut tick = tokio::time::interval_at((from + SECOND).into(), SECOND);
    while Instant::now() < until {
        tick.tick().await;
        clock.second();
        if let (Some(crowd), Some(pid)) = (stuck_crowd, &server) {
            match &mut hung {
                None if from.elapsed().as_secs_f64() >= crowd.from_s => {
                    hung = Some(stuck::Stuck::come(crowd.count, &floor.door, pid.load(Relaxed)).await?);
                }
                None => {}
                Some(hung) => hung.look(pid.load(Relaxed))?,
            }
        }
    }
    let took = from.elapsed();

    let came = match trouble {
        Some(task) => Some(task.await?.context("the server could not be brought back")?),
        None => None,
    };
    phase.send_replace(Phase::Ending);
    let ending = Instant::now();
    while floor.ledger.open.load(Relaxed) > 0 && ending.elapsed() < ENDING {
        tick.tick().await;
        clock.second();
    }
    let mut desk = Desk::open(&target).await?;
    let awaited = desk.snapshot().await?.seq;
    phase.send_replace(Phase::Reading { head: awaited });
    let reading = Instant::now();
    while !crowd.is_gone() && reading.elapsed() < READING {
        crowd.join(Duration::from_millis(200)).await?;
    }
    phase.send_replace(Phase::Over);
    while !crowd.is_gone() {
        crowd.join(SECOND).await?;
    }
    clock.second();
    clock.view.end();

    let mut sent = floor.ledger.take_commands();
    let repeated = repeats::ask(&desk.target, &callers, &sent, &mut random).await?;
    let last = desk.snapshot().await?;
    let mut records = desk.all_events(base.seq).await?;
    // The desk may go on writing by itself, sorting what came in; here it ends with the snapshot.
    records.retain(|record| record["seq"].as_u64().is_some_and(|seq| seq <= last.seq));
    sent.sort_by_key(|sent| sent.asked);
    let evidence = Evidence {
        base: Arc::unwrap_or_clone(base),
        last,
        awaited,
        records,
        sent,
        shown: floor.ledger.digests(),
        shown_count: floor.ledger.shown(),
        boards: floor.ledger.boards(),
        screens: std::mem::take(&mut crowd.ended),
    };
    let mut proofs = prove(&evidence, &floor.ledger);
    proofs.push(repeated);
    proofs.extend(linear);

    let mut report = Report::new(title, scenario, seed);
    report.measured(&floor.meters, took.as_secs_f64() - scenario.warm_up_s);
    report.load(clock.load, scenario.warm_up_s);
    report.counted(&evidence, took.as_secs_f64());
    for (name, value) in figures {
        report.figure(&name, value);
    }
    if scenario.service.is_some() {
        for (name, value) in sorting::figures(&evidence.records).into_iter().chain(sorting::costs(&target).await?) {
            report.figure(&name, value);
        }
    }
    if let Some(hung) = hung {
        let outcome = hung.end().await;
        report.figure("stuck.still_open", outcome.still_open as f64);
        report.figure("stuck.kib_each", outcome.kib_each);
        report.figure("stuck.told", outcome.told as f64);
        if let Some(cut) = outcome.cut_after_s {
            report.figure("stuck.cut_after_s", cut);
        }
    }
    if let Some(mut came) = came {
        let status = came.server.stop(STOPPING).await?;
        if !status.success() {
            let words = came.server.last_words();
            came.proof.broken(format!("asked to stop, the server ended with {status}{words}"));
        }
        came.proof.checked();
        came.tell(&mut report);
        proofs.push(came.proof);
    }
    // A server that has ended is counted as this program's.
    report.figure("others.share_percent", busy.others_since()? * 100.0);
    report.judge(proofs, &scenario.thresholds);
    Ok(report)
}

/// Everybody who came.
#[derive(Debug, Default)]
struct Company {
    screens: JoinSet<Last>,
    callers: JoinSet<()>,
    ended: Vec<Last>,
}

impl Company {
    fn invite(
        &mut self,
        scenario: &Scenario,
        callers: &[Caller],
        floor: &Arc<Floor>,
        base: &Arc<crate::client::desk::Snapshot>,
        random: &mut fastrand::Rng,
    ) {
        let doorway = Arc::new(Semaphore::new(CONNECTING_AT_ONCE));
        let mut who = 0;
        for crowd in &scenario.crowds {
            if crowd.role == Role::Stuck {
                continue;
            }
            let crowd: Arc<Crowd> = Arc::new(crowd.clone());
            for _ in 0..crowd.count {
                let person = Person {
                    who,
                    crowd: crowd.clone(),
                    caller: callers[who].clone(),
                    floor: floor.clone(),
                    seed: random.u64(..),
                };
                who += 1;
                match (crowd.role, crowd.over) {
                    (Role::Reader, _) => drop(self.screens.spawn(reader::run(person, base.clone(), doorway.clone()))),
                    (_, Over::Socket) => drop(self.screens.spawn(screen::run(person, base.clone()))),
                    (_, Over::Http) => drop(self.callers.spawn(caller::run(person))),
                }
            }
        }
    }

    fn is_gone(&self) -> bool {
        self.screens.is_empty() && self.callers.is_empty()
    }

    async fn join(&mut self, within: Duration) -> Result<()> {
        let Self { screens, callers, ended } = self;
        let all = async {
            while let Some(last) = screens.join_next().await {
                ended.push(last?);
            }
            while let Some(done) = callers.join_next().await {
                done?;
            }
            anyhow::Ok(())
        };
        // Those who are not done yet are looked for again.
        tokio::time::timeout(within, all).await.unwrap_or(Ok(()))
    }
}

/// What happens once a second.
struct Clock {
    view: live::View,
    floor: Arc<Floor>,
    pid: Option<trouble::ServerId>,
    from: Instant,
    warm_up_s: f64,
    load: Vec<Load>,
    last: Option<(Instant, Duration, Duration)>,
}

impl Clock {
    fn second(&mut self) {
        let at_s = self.from.elapsed().as_secs_f64();
        let points = self.floor.meters.second(at_s, at_s > self.warm_up_s);
        let now = Instant::now();
        // Between two lives of the server there is nothing to see.
        let usage = self.pid.as_ref().and_then(|pid| crate::sample::usage(pid.load(Relaxed)).ok());
        let own = crate::sample::usage(std::process::id()).map(|usage| usage.cpu).unwrap_or_default();
        let mut load = Load { at_s, shown: self.floor.ledger.shown(), ..Load::default() };
        if let Some(usage) = usage {
            load.rss_mib = crate::sample::mib(usage.rss_bytes);
            if let Some((then, server, before)) = self.last {
                let wall = now.duration_since(then).as_secs_f64().max(0.001);
                load.server_cores = usage.cpu.saturating_sub(server).as_secs_f64() / wall;
                load.own_cores = own.saturating_sub(before).as_secs_f64() / wall;
            }
        }
        self.last = Some((now, usage.map(|usage| usage.cpu).unwrap_or_default(), own));
        self.load.push(load);
        self.view.show(at_s, &points, &load, &self.floor.ledger);
    }
}

impl Came {
    fn tell(&mut self, report: &mut Report) {
        for (name, value) in self.figures() {
            report.figure(name, value);
        }
        report.events(std::mem::take(&mut self.events));
    }
}
