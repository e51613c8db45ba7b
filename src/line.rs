//! Connections as the kernel has them: how many come from where, and cutting those that take nothing.
//!
//! The HTTP server polls an answer's body only while its buffers have room, so nothing inside it notices a reader who does not
//! read. This holds a second handle on each socket and looks at the clock from outside. It knows nothing of HTTP but when an
//! answer is under way. Made by `app` when a connection comes, told by the edges, looked at once a second by [`Lines::look`].

use std::net::{IpAddr, Ipv6Addr, Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use parking_lot::Mutex;
use socket2::SockRef;

/// How many there may be.
#[derive(Clone, Copy, Debug)]
pub struct LineLimits {
    pub per_address: usize,
    /// Without a good sign-in yet.
    pub strangers_per_address: usize,
    pub slow_reader: Duration,
    /// Between an answer and the whole head of the next request.
    pub keep_alive: Duration,
}

/// All connections of the server.
pub struct Lines {
    limits: LineLimits,
    began: Instant,
    open: Mutex<Vec<Weak<Line>>>,
    /// By [`network`].
    from: DashMap<IpAddr, Counts>,
    /// Proxies speak for many: they are not counted.
    trusted: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    cut: AtomicU64,
}

/// Connections of one sort from one place.
struct TooMany;

#[derive(Default)]
struct Counts {
    all: usize,
    strangers: usize,
}

/// One connection. Dropped with it.
pub struct Line {
    lines: Arc<Lines>,
    socket: TcpStream,
    /// Where it is counted; `None` for what is not.
    from: Option<IpAddr>,
    stranger: AtomicBool,
    /// When the peer last took something of what waits for it, in milliseconds; [`IDLE`] while nothing does.
    waits_since: AtomicI64,
    /// What waits may be more than the kernel takes at once.
    large: AtomicBool,
    /// Of a connection that carries several requests at once: those that are under way, and those of whose answers a piece waits.
    carried: AtomicUsize,
    waiting: AtomicUsize,
}

/// One of several requests that a connection carries at once, until its answer is through.
pub struct Carried {
    line: Arc<Line>,
    waits: bool,
}

const IDLE: i64 = i64::MAX;

impl Lines {
    pub fn new(limits: LineLimits, trusted: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            limits,
            began: Instant::now(),
            open: Mutex::default(),
            from: DashMap::new(),
            trusted: Box::new(trusted),
            cut: AtomicU64::new(0),
        })
    }

    /// Takes a connection in. `None`: there are too many of its sort, and it was cut.
    pub fn open(self: &Arc<Self>, socket: SockRef<'_>) -> Option<Arc<Line>> {
        let socket: TcpStream = match socket.try_clone() {
            Ok(second) => second.into(),
            Err(error) => {
                // No more files may be open: a connection that cannot be watched is not taken.
                tracing::warn!(%error, "a connection was refused");
                self.cut.fetch_add(1, Ordering::Relaxed);
                let _ = socket.shutdown(Shutdown::Both);
                return None;
            }
        };
        let peer = socket.peer_addr().ok()?.ip().to_canonical();
        let Ok(from) = self.count_in(peer) else {
            self.cut.fetch_add(1, Ordering::Relaxed);
            hang_up(&socket);
            return None;
        };
        let line = Arc::new(Line {
            lines: Arc::clone(self),
            socket,
            from,
            stranger: AtomicBool::new(from.is_some()),
            waits_since: AtomicI64::new(IDLE),
            large: AtomicBool::new(false),
            carried: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
        });
        let mut open = self.open.lock();
        // The dead are swept when they may be half of all, so that taking in costs the same however many there are.
        if open.len() == open.capacity() {
            open.retain(|line| line.strong_count() > 0);
        }
        open.push(Arc::downgrade(&line));
        Some(line)
    }

    /// Where a connection from this address is counted; `None` for a proxy's.
    fn count_in(&self, peer: IpAddr) -> Result<Option<IpAddr>, TooMany> {
        if (self.trusted)(peer) {
            return Ok(None);
        }
        let from = network(peer);
        let mut counts = self.from.entry(from).or_default();
        if counts.all >= self.limits.per_address || counts.strangers >= self.limits.strangers_per_address {
            return Err(TooMany);
        }
        counts.all += 1;
        counts.strangers += 1;
        Ok(Some(from))
    }

    /// Cuts whoever takes nothing, and ends what is not used any more. Called once a second or oftener.
    pub fn look(&self) {
        let now = self.now();
        let millis = |limit: Duration| i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        let (slow, keep_alive) = (millis(self.limits.slow_reader), millis(self.limits.keep_alive));
        let mut stuck = Vec::new();
        self.open.lock().retain(|line| {
            let Some(line) = line.upgrade() else { return false };
            let since = line.waits_since.load(Ordering::Relaxed);
            let limit = match (line.large.load(Ordering::Relaxed), line.stranger.load(Ordering::Relaxed)) {
                (true, _) => slow,
                (false, true) => keep_alive,
                // Who is signed in, and a proxy, may take its time before the next request.
                (false, false) => keep_alive.saturating_mul(5),
            };
            if since != IDLE && now - since >= limit {
                stuck.push(line);
            }
            true
        });
        for line in stuck {
            if line.large.load(Ordering::Relaxed) {
                line.cut();
            } else {
                // The answer was small enough to lie with the peer by now: what it holds stays its own.
                line.idle();
                let _ = line.socket.shutdown(Shutdown::Both);
            }
        }
    }

    /// Connections that were cut, since the start.
    pub fn cut_count(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }

    pub fn count(&self) -> usize {
        self.open.lock().iter().filter(|line| line.strong_count() > 0).count()
    }

    fn now(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX - 1)
    }
}

impl Line {
    /// Somebody signed in over it.
    pub fn is_known(&self) {
        if self.stranger.load(Ordering::Relaxed)
            && self.stranger.swap(false, Ordering::AcqRel)
            && let Some(mut counts) = self.from.and_then(|from| self.lines.from.get_mut(&from))
        {
            counts.strangers -= 1;
        }
    }

    /// An answer that the kernel takes whole was given; now it is the peer's turn.
    pub fn answered(&self) {
        self.large.store(false, Ordering::Relaxed);
        self.waits_since.store(self.lines.now(), Ordering::Relaxed);
    }

    /// A piece of something larger was handed to the server for the peer, who has to take it.
    pub fn handed(&self) {
        self.large.store(true, Ordering::Relaxed);
        self.waits_since.store(self.lines.now(), Ordering::Relaxed);
    }

    /// Nothing waits for the peer.
    pub fn idle(&self) {
        self.waits_since.store(IDLE, Ordering::Relaxed);
    }

    /// A request on a connection that carries several at once.
    pub fn carry(self: &Arc<Self>) -> Carried {
        self.carried.fetch_add(1, Ordering::AcqRel);
        if self.waiting.load(Ordering::Acquire) == 0 {
            self.idle();
        }
        Carried { line: Arc::clone(self), waits: false }
    }

    /// Ends the connection at once: what the kernel still holds for the peer is thrown away.
    pub fn cut(&self) {
        if self.waits_since.swap(IDLE, Ordering::AcqRel) != IDLE {
            self.lines.cut.fetch_add(1, Ordering::Relaxed);
        }
        hang_up(&self.socket);
    }
}

impl Carried {
    /// A piece of the answer waits for the peer.
    pub fn handed(&mut self) {
        if !std::mem::replace(&mut self.waits, true) {
            self.line.waiting.fetch_add(1, Ordering::AcqRel);
        }
        self.line.handed();
    }

    /// The peer took what there was.
    pub fn taken(&mut self) {
        if std::mem::replace(&mut self.waits, false) && self.line.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.line.idle();
        }
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.taken();
        // The last one is through: now it is the peer's turn.
        if self.line.carried.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.line.answered();
        }
    }
}

/// What is one address to every limit and count: whoever has one of the newer kind has 2^64 of them.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address @ IpAddr::V4(_) => address,
    }
}

fn hang_up(socket: &TcpStream) {
    // Without this the kernel would go on offering what was sent to somebody who does not take it. Where it fails, the
    // connection is gone already.
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
    let _ = socket.shutdown(Shutdown::Both);
}

impl Drop for Line {
    fn drop(&mut self) {
        let Some(from) = self.from else { return };
        let left = self.lines.from.get_mut(&from).map(|mut counts| {
            counts.all -= 1;
            if *self.stranger.get_mut() {
                counts.strangers -= 1;
            }
            counts.all
        });
        if left == Some(0) {
            self.lines.from.remove_if(&from, |_, counts| counts.all == 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpListener;

    use super::*;

    fn limits(slow_ms: u64) -> LineLimits {
        LineLimits {
            per_address: 4,
            strangers_per_address: 2,
            slow_reader: Duration::from_millis(slow_ms),
            keep_alive: Duration::from_secs(60),
        }
    }

    fn pair(listener: &TcpListener) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    /// X70: one address has so many connections, fewer while nobody signed in over them; proxies are not counted.
    #[test]
    fn x70_connections_of_an_address_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let lines = Lines::new(limits(1000), |_| false);
        let open = || {
            let (client, server) = pair(&listener);
            (client, lines.open(SockRef::from(&server)), server)
        };
        let known: Vec<_> =
            (0..3).map(|_| open()).inspect(|line| line.1.iter().for_each(|line| line.is_known())).collect();
        assert!(known.iter().all(|(_, line, _)| line.is_some()));
        let last = open();
        assert!(last.1.is_some() && open().1.is_none(), "the fifth is one too many");
        drop((known, last));
        assert!(lines.from.is_empty());
        let strangers: Vec<_> = (0..3).map(|_| open()).collect();
        assert_eq!(strangers.iter().filter(|(_, line, _)| line.is_some()).count(), 2);
        let trusting = Lines::new(limits(1000), |_| true);
        let many: Vec<_> = (0..8).map(|_| pair(&listener)).collect();
        assert!(many.iter().all(|(_, server)| trusting.open(SockRef::from(server)).is_some()));
    }

    /// X70: a network of the newer kind is one address, and a proxy in it is still not counted.
    #[test]
    fn x70_a_network_is_one_address() {
        let proxy: IpAddr = "2001:db8:0:1::99".parse().unwrap();
        let lines = Lines::new(limits(1000), move |peer| peer == proxy);
        let from = |text: &str| lines.count_in(text.parse().unwrap()).is_ok();
        assert!(from("2001:db8:0:1::1") && from("2001:db8:0:1:ffff::2"));
        assert!(!from("2001:db8:0:1::3"), "another address of the same network is one too many");
        assert!(from("2001:db8:0:2::1"), "another network has its own");
        assert!((0..9).all(|_| lines.count_in(proxy).is_ok_and(|counted| counted.is_none())));
        assert!(from("192.0.2.1") && from("192.0.2.2"), "of the older kind each address has its own");
        assert_eq!(lines.from.len(), 4);
    }

    /// X71: who takes nothing for the limit is cut, with what the kernel holds; who has nothing waiting is not.
    #[test]
    fn x71_who_takes_nothing_is_cut() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let lines = Lines::new(limits(0), |_| false);
        let (mut slow, server) = pair(&listener);
        let line = lines.open(SockRef::from(&server)).unwrap();
        lines.look();
        assert_eq!(lines.cut_count(), 0, "nothing waits");
        line.handed();
        lines.look();
        assert_eq!(lines.cut_count(), 1);
        drop(server);
        drop(line);
        assert!(matches!(slow.read(&mut [0; 1]), Ok(0) | Err(_)));
    }
}
