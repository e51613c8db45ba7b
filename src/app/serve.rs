//! The desk with its doors: opens the journal, listens, waits for the end, and leaves in good order.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use actix_rt::net::TcpStream;
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer};
use rustix::process::{Resource, getrlimit, setrlimit};
use socket2::SockRef;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;

use super::tls::Certificate;
use super::{Death, Desk, Secrets, ServeError, doors};
use crate::clock::Clock;
use crate::config::Config;
use crate::demo::{self, Demo};
use crate::errors::Damper;
use crate::http;
use crate::http::health::Phase;
use crate::journal::sled_store::{Options, SledJournal};
use crate::journal::{Journal, JournalError};

/// What is said beside the configuration.
pub struct ServeOptions {
    /// Fill an empty desk with a believable one, and keep life coming if the configuration says so.
    pub demo: bool,
    pub secrets: Secrets,
    /// What keeps one place in the code from filling the log.
    pub damper: Arc<Damper>,
}

/// How long the parts may take to let go of the journal when the desk has stopped.
const LET_GO: Duration = Duration::from_secs(5);

/// Runs until a signal or a death. Blocks the thread that calls it.
pub fn serve(config: Config, options: ServeOptions) -> Result<(), ServeError> {
    let data = config.server.data.clone();
    let sled = Options { cache_bytes: config.journal.cache_bytes, ..Options::default() };
    let system = actix_rt::System::new();
    let journal = system.block_on(run(config, options))?;
    drop(system);
    settle(&journal, &data, &sled)
}

/// Leaves the journal such that the next start is quick. Nothing depends on it: what is on disk is safe already.
fn settle(journal: &Weak<dyn Journal>, data: &Path, options: &Options) -> Result<(), ServeError> {
    let deadline = Instant::now() + LET_GO;
    loop {
        // The last owner is gone a moment before the journal is closed.
        let outcome = if journal.strong_count() == 0 { Some(SledJournal::settle(data, options)) } else { None };
        match outcome {
            Some(Ok(())) => return Ok(()),
            Some(Err(JournalError::Full)) => {
                tracing::warn!("there is no room to settle the journal: the next start reads more of it");
                return Ok(());
            }
            None | Some(Err(JournalError::InUse { .. })) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            None | Some(Err(JournalError::InUse { .. })) => {
                tracing::warn!("something still holds the journal: the next start reads more of it");
                return Ok(());
            }
            Some(Err(error)) => return Err(error.into()),
        }
    }
}

async fn run(config: Config, options: ServeOptions) -> Result<Weak<dyn Journal>, ServeError> {
    let damper = Arc::clone(&options.damper);
    let listener = TcpListener::bind(&config.server.listen)
        .map_err(|error| ServeError::Failed(format!("cannot listen on {}: {error}", config.server.listen)))?;
    let address = listener.local_addr().map_err(|error| ServeError::Failed(error.to_string()))?;
    let data = config.server.data.clone();
    std::fs::create_dir_all(&data)
        .map_err(|error| ServeError::Storage(format!("cannot make the data folder {}: {error}", data.display())))?;
    let journal = open_journal(&data, config.journal.cache_bytes)?;
    let let_go = Arc::downgrade(&journal);
    raise_open_files(config.limits.connections);
    let clock = Clock::system();
    let mut demo =
        if options.demo { Some(demo::prepare(&journal, &config, &clock, &options.secrets.admin).await?) } else { None };
    let (desk, mut died) = Desk::start(config, journal, Some(&data), clock, options.secrets).await?;

    let server = listen(&desk, listener)?;
    let handle = server.handle();
    let running = actix_rt::spawn(server);
    desk.health.set_phase(Phase::Ready);
    // Before anybody is told that the desk is there: from then on a signal may come.
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| ServeError::Failed(error.to_string()))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| ServeError::Failed(error.to_string()))?;
    announce(&desk, address, demo.as_ref());
    if let Some(demo) = &mut demo {
        demo.begin(&desk);
    }

    let mut sweep = tokio::time::interval(Duration::from_secs(10));
    // Opening the people has just swept them.
    const HOUR: Duration = Duration::from_secs(3600);
    let mut hour = tokio::time::interval_at(tokio::time::Instant::now() + HOUR, HOUR);
    let mut minute = tokio::time::interval(Duration::from_secs(60));
    let (mut counting, mut sweeping) = (Apart::default(), Apart::default());
    let end = loop {
        tokio::select! {
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            death = died.recv() => break Err(death),
            _ = sweep.tick() => desk.directory.retire_idle(),
            _ = minute.tick() => {
                desk.backups.tick();
                let usage = Arc::clone(&desk.usage);
                counting.begin(async move { usage.save().await });
                for (place, times) in damper.take() {
                    tracing::warn!(place, times, "a place in the code logged more lines than it may: they were held back");
                }
            }
            _ = hour.tick() => {
                let (people, attachments) = (Arc::clone(&desk.people), Arc::clone(&desk.attachments));
                sweeping.begin(async move {
                    if let Err(problem) = people.sweep().await {
                        tracing::warn!(%problem, "what has expired could not be dropped");
                    }
                    let collected = attachments.collect().await;
                    if collected > 0 {
                        tracing::info!(collected, "uploads that no message took were removed");
                    }
                });
            }
        }
    };
    desk.backups.leave();
    drop((counting, sweeping));
    match end {
        Ok(()) => {
            desk.usage.save().await;
            drop(demo);
            depart(&desk, &handle, &mut died).await?;
            drop(running);
            tracing::info!("stopped; everything acknowledged is on disk");
            Ok(let_go)
        }
        Err(Some(Death::Storage(error))) => Err(storage_failed(&error)),
        Err(Some(Death::Part(name))) => {
            Err(ServeError::Failed(format!("the {name} died, and the desk does not run without it; start it again")))
        }
        Err(None) => Err(ServeError::Failed("the desk's parts are gone".to_owned())),
    }
}

/// Work that comes around and may take long, beside the loop that hears of signals and of a failed disk. While it goes on it is not
/// begun again; it ends where its owner does.
#[derive(Default)]
struct Apart(Option<actix_rt::task::JoinHandle<()>>);

impl Apart {
    fn begin(&mut self, work: impl Future<Output = ()> + 'static) {
        if self.0.as_ref().is_none_or(actix_rt::task::JoinHandle::is_finished) {
            self.0 = Some(actix_rt::spawn(work));
        }
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            work.abort();
        }
    }
}

/// Leaves in good order, unless the disk fails on the way.
pub async fn depart(desk: &Desk, server: &ServerHandle, died: &mut UnboundedReceiver<Death>) -> Result<(), ServeError> {
    let farewell = async {
        leave(desk, server).await;
        desk.stop().await;
    };
    let failure = async {
        loop {
            match died.recv().await {
                Some(Death::Storage(error)) => break error,
                // Parts end when the desk stops.
                Some(Death::Part(_)) => {}
                None => std::future::pending().await,
            }
        }
    };
    tokio::select! {
        biased;
        error = failure => return Err(storage_failed(&error)),
        () = farewell => {}
    }
    while let Ok(death) = died.try_recv() {
        if let Death::Storage(error) = death {
            return Err(storage_failed(&error));
        }
    }
    Ok(())
}

/// Nothing more may be promised: no farewell, no waiting.
fn storage_failed(error: &str) -> ServeError {
    ServeError::Storage(format!(
        "storage failed, so the desk stopped at once; what was acknowledged before is safe: {error}"
    ))
}

/// Serves the desk on a listener. Also what tests start.
pub fn listen(desk: &Arc<Desk>, listener: TcpListener) -> Result<actix_web::dev::Server, ServeError> {
    let config = Arc::clone(&desk.config);
    let workers = match config.server.workers {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        workers => workers,
    };
    let limits = config.limits.clone();
    let lines = Arc::clone(&desk.lines);
    look_after(desk);
    let tls = &config.server;
    let certificate = if tls.tls_certificate.as_os_str().is_empty() {
        None
    } else {
        let certificate = Certificate::read(&tls.tls_certificate, &tls.tls_key).map_err(ServeError::Config)?;
        keep_fresh(&certificate);
        Some(certificate)
    };
    let (services, door) = (desk.services(), desk.door());
    let desk = Arc::clone(desk);
    let server = HttpServer::new(move || {
        App::new().service(http::scope(services.clone(), doors::socket(Arc::clone(&door), desk.local())))
    })
    .workers(workers)
    .max_connections((config.limits.connections / workers).max(1))
    .client_request_timeout(Duration::from_millis(config.limits.head_timeout_ms))
    // How long a connection stays after its last answer: after a WebSocket's farewell the client waits for its end. The server's
    // own clock ticks twice a second, and a deadline that is over by that clock when it is set never comes.
    .client_disconnect_timeout(Duration::from_millis(750))
    .keep_alive(Duration::from_secs(75))
    .tcp_nodelay(true)
    .disable_signals()
    .shutdown_timeout(config.server.drain_ms.div_ceil(1000))
    .on_connect(move |connection, data| {
        let plain = connection.downcast_ref::<TcpStream>();
        let secure = || connection.downcast_ref::<TlsStream<TcpStream>>().map(|stream| stream.get_ref().0);
        if let Some(stream) = plain.or_else(secure) {
            bound(SockRef::from(stream), limits.send_buffer_bytes, limits.stuck_reader_ms);
            if let Some(line) = lines.open(SockRef::from(stream)) {
                data.insert(line);
            }
        }
    });
    let server = match certificate {
        None => server.listen(listener),
        Some(certificate) => {
            server.listen_rustls_0_23(listener, certificate.server_config().map_err(ServeError::Config)?)
        }
    };
    Ok(server.map_err(|error| ServeError::Failed(error.to_string()))?.run())
}

/// What has to be done now and then as long as the desk is open.
fn look_after(desk: &Arc<Desk>) {
    let (lines, audit) = (Arc::clone(&desk.lines), Arc::clone(&desk.audit));
    let gone = Arc::downgrade(desk);
    actix_rt::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        while gone.strong_count() > 0 {
            tick.tick().await;
            let (lines, audit) = (Arc::clone(&lines), Arc::clone(&audit));
            let looked = actix_rt::task::spawn_blocking(move || {
                lines.look();
                audit.settle();
            });
            if looked.await.is_err() {
                tracing::error!("looking after connections and the audit log failed");
            }
        }
    });
}

fn keep_fresh(certificate: &Arc<Certificate>) {
    let certificate = Arc::downgrade(certificate);
    actix_rt::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        while let Some(certificate) = certificate.upgrade() {
            let looked = actix_rt::task::spawn_blocking(move || certificate.refresh());
            if looked.await.is_err() {
                tracing::error!("looking for a renewed certificate failed");
            }
            tick.tick().await;
        }
    });
}

/// Lets the process have as many open files as the system gives it: each connection takes two.
pub fn raise_open_files(connections: usize) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let wanted = 2 * connections as u64 + 1_000;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    if let Some(most) = getrlimit(Resource::Nofile).current.filter(|most| *most < wanted) {
        tracing::warn!(most, wanted, "fewer files may be open than limits.connections may need");
    }
}

/// Bounds what the kernel holds for a reader that does not read, and how long it waits for one that takes nothing.
fn bound(socket: SockRef<'_>, send_buffer_bytes: usize, stuck_reader_ms: u64) {
    let outcome = socket
        .set_send_buffer_size(send_buffer_bytes)
        .and_then(|()| socket.set_tcp_user_timeout(Some(Duration::from_millis(stuck_reader_ms))));
    if let Err(error) = outcome {
        tracing::warn!(%error, "a connection's buffers could not be bounded");
    }
}

/// Says goodbye: readiness fails, new sockets are refused, clients are told to come back later, and what is under way ends.
async fn leave(desk: &Desk, server: &ServerHandle) {
    desk.health.set_phase(Phase::Draining);
    desk.shared.draining.store(true, Ordering::SeqCst);
    desk.feed.leave();
    let drain_ms = desk.config.server.drain_ms;
    let sessions = desk.shared.sessions.load(Ordering::Relaxed);
    tracing::info!(sessions, "leaving");
    let hubs = desk.hubs.read().clone();
    for hub in &hubs {
        hub.drain(drain_ms / 4, drain_ms / 4);
    }
    let patience = Duration::from_millis(if sessions == 0 { 0 } else { drain_ms });
    let deadline = tokio::time::Instant::now() + patience;
    while desk.shared.sessions.load(Ordering::Relaxed) > 0 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for hub in &hubs {
        hub.close_all();
    }
    server.stop(true).await;
}

fn announce(desk: &Desk, address: SocketAddr, demo: Option<&Demo>) {
    let shown =
        if address.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address };
    let scheme = if desk.config.server.tls_certificate.as_os_str().is_empty() { "http" } else { "https" };
    let mut text = format!("listening on {scheme}://{shown}\n");
    if let Some(secret) = desk.people.setup_secret() {
        text.push_str(&format!("make the first administrator: {scheme}://{shown}/setup?token={secret}\n"));
    }
    if let Some(demo) = demo {
        text.push_str(&demo.sign_in_help());
    }
    let mut out = std::io::stdout().lock();
    // Nobody reads stdout: the log still says where the desk listens.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    tracing::info!(%address, "listening");
}

/// Opens the journal of a data folder, for commands that work on it directly.
pub fn open_journal(data: &Path, cache_bytes: u64) -> Result<Arc<dyn Journal>, ServeError> {
    if !SledJournal::exists(data) {
        refuse_orphans(data)?;
    }
    Ok(Arc::new(SledJournal::open(data, &Options { cache_bytes, ..Options::default() })?))
}

/// What is made of a journal is there and the journal is not: it was lost, and an empty desk in its place would hide that.
fn refuse_orphans(data: &Path) -> Result<(), ServeError> {
    let is_filled = |name: &&&str| std::fs::read_dir(data.join(name)).is_ok_and(|mut files| files.next().is_some());
    let Some(name) = ["search", "checkpoints"].iter().find(is_filled) else { return Ok(()) };
    let what = format!(
        "{folder} has a folder `{name}` that was made of a journal, but no journal: put the journal back or restore a backup; to \
         begin with an empty desk, remove `search` and `checkpoints`",
        folder = data.display()
    );
    Err(ServeError::Damaged(JournalError::Damaged { what }))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    /// J97: what takes long is begun beside the loop, once at a time, and ends with it.
    #[actix_web::test]
    async fn j97_what_takes_long_holds_nothing_up() {
        let begun = Rc::new(Cell::new(0));
        let (gate, gone) = (Rc::new(tokio::sync::Semaphore::new(0)), Rc::new(()));
        let work = || {
            let (begun, gate, gone) = (Rc::clone(&begun), Rc::clone(&gate), Rc::clone(&gone));
            async move {
                begun.set(begun.get() + 1);
                gate.acquire().await.unwrap().forget();
                drop(gone);
            }
        };
        let mut apart = Apart::default();
        apart.begin(work());
        tokio::task::yield_now().await;
        apart.begin(work());
        tokio::task::yield_now().await;
        assert_eq!((begun.get(), Rc::strong_count(&gone)), (1, 2), "one at a time, and it waits alone");
        gate.add_permits(1);
        while Rc::strong_count(&gone) > 1 {
            tokio::task::yield_now().await;
        }
        apart.begin(work());
        while begun.get() < 2 {
            tokio::task::yield_now().await;
        }
        drop(apart);
        while Rc::strong_count(&gone) > 1 {
            tokio::task::yield_now().await;
        }
    }
}
