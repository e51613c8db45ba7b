//! Reading sockets by the thousand: each subscribes to the board, checks that seqs come once and in order, and counts.
//!
//! Costs a small task each and no parsing of records, because the reader shares its cores with the server under test. Sends
//! nothing after hello but pongs. Called by the fan-out, connection and slow-reader measurements and by their baselines.

use std::cell::RefCell;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt, TryStreamExt, stream};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::scan::{Said, Scanner, Seen, said};
use super::socket::{Position, hello, upgrade};
use super::{Target, connect};

const READ_BYTES: usize = 64 * 1024;
const CONNECTING_AT_ONCE: usize = 64;
/// Longer than this, and a delivery counts as lost.
const LATEST: Duration = Duration::from_secs(30);

thread_local! {
    /// One buffer for all sockets of a thread: a socket between two reads keeps nothing but half a line.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// What all sockets of a measurement count together.
#[derive(Debug)]
pub struct Meter {
    records: AtomicU64,
    messages: AtomicU64,
    bytes: AtomicU64,
    welcomes: AtomicU64,
    lags: AtomicU64,
    ended: AtomicU64,
    /// Whoever drives the load waits until this many records have arrived.
    awaited: AtomicU64,
    arrived: Notify,
    stamping: AtomicBool,
    stamps: Mutex<Vec<Stamp>>,
    faults: Mutex<Vec<String>>,
}

/// When a record reached one socket.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    pub seq: u64,
    pub at: Instant,
}

/// Totals at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub records: u64,
    /// WebSocket messages with records; how many each carries is the server's choice.
    pub messages: u64,
    pub bytes: u64,
    pub lags: u64,
    /// Sockets that the server, or an error, has ended.
    pub ended: u64,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            records: AtomicU64::new(0),
            messages: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            welcomes: AtomicU64::new(0),
            lags: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            awaited: AtomicU64::new(u64::MAX),
            arrived: Notify::new(),
            stamping: AtomicBool::new(false),
            stamps: Mutex::default(),
            faults: Mutex::default(),
        }
    }
}

impl Meter {
    pub fn counts(&self) -> Counts {
        Counts {
            records: self.records.load(Relaxed),
            messages: self.messages.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            lags: self.lags.load(Relaxed),
            ended: self.ended.load(Relaxed),
        }
    }

    /// Waits until all sockets together have received this many records. One waiter at a time.
    pub async fn until(&self, records: u64) -> Result<()> {
        self.awaited.store(records, Relaxed);
        let deadline = Instant::now() + LATEST;
        while self.records.load(Relaxed) < records {
            // A wake-up is remembered, so one between the look and the wait is not lost; the bound is for what never comes.
            if tokio::time::timeout(Duration::from_millis(200), self.arrived.notified()).await.is_err() {
                let (counts, fault) = (self.counts(), self.faults().into_iter().next());
                if counts.ended > 0 {
                    bail!("{} sessions have ended, with {fault:?}", counts.ended);
                }
                if Instant::now() > deadline {
                    bail!("{} of {records} deliveries arrived within {} s", counts.records, LATEST.as_secs());
                }
            }
        }
        self.awaited.store(u64::MAX, Relaxed);
        Ok(())
    }

    /// From now on every receipt is written down, until [`Meter::take_stamps`].
    pub fn stamp(&self) {
        self.stamping.store(true, Relaxed);
    }

    /// How many of them are written down so far that `wanted` knows.
    pub fn stamped(&self, wanted: impl Fn(u64) -> bool) -> u64 {
        let stamps = self.stamps.lock().expect("invariant: nobody panics with the stamps in hand");
        stamps.iter().filter(|stamp| wanted(stamp.seq)).count() as u64
    }

    pub fn take_stamps(&self) -> Vec<Stamp> {
        self.stamping.store(false, Relaxed);
        std::mem::take(&mut self.stamps.lock().expect("invariant: nobody panics with the stamps in hand"))
    }

    /// Gaps, repeats and broken frames so far.
    pub fn faults(&self) -> Vec<String> {
        self.faults.lock().expect("invariant: nobody panics with the faults in hand").clone()
    }

    fn fault(&self, what: String) {
        self.faults.lock().expect("invariant: nobody panics with the faults in hand").push(what);
    }
}

/// A crowd of reading sockets; dropped, they disconnect.
#[derive(Debug)]
pub struct Taps {
    pub meter: Arc<Meter>,
    pub sessions: u64,
    readers: JoinSet<()>,
}

impl Taps {
    /// Opens `sessions` sockets on the topic `board` and waits until each has its `welcome`.
    pub async fn open(target: &Target, sessions: usize) -> Result<Self> {
        let streams = connect_all(target, sessions, None).await?;
        let taps = Self::read(streams);
        taps.welcomed().await?;
        Ok(taps)
    }

    /// Reads sockets on which nobody says hello: the baselines'.
    pub async fn open_plain(target: &Target, sessions: usize) -> Result<Self> {
        let streams = stream::iter(0..sessions)
            .map(|source| connect(target.address, source + 1, None))
            .buffer_unordered(CONNECTING_AT_ONCE)
            .try_collect()
            .await?;
        Ok(Self::read(streams))
    }

    fn read(streams: Vec<TcpStream>) -> Self {
        let meter = Arc::new(Meter::default());
        let sessions = streams.len() as u64;
        let mut readers = JoinSet::new();
        for stream in streams {
            readers.spawn(read_on(stream, meter.clone()));
        }
        Self { meter, sessions, readers }
    }

    async fn welcomed(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.meter.welcomes.load(Relaxed) < self.sessions {
            if self.meter.counts().ended > 0 || Instant::now() > deadline {
                bail!(
                    "{} of {} sockets were welcomed, {} have ended: {:?}",
                    self.meter.welcomes.load(Relaxed),
                    self.sessions,
                    self.meter.counts().ended,
                    self.meter.faults().first()
                );
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Disconnects all and waits until their tasks are gone.
    pub async fn close(mut self) {
        self.readers.shutdown().await;
    }
}

/// Sockets that have said hello for the board, before anything was read from them.
pub async fn connect_all(target: &Target, sessions: usize, receive_buffer: Option<u32>) -> Result<Vec<TcpStream>> {
    stream::iter(0..sessions)
        .map(async |source| {
            listen(target, source, receive_buffer, None).await.with_context(|| format!("socket {source}"))
        })
        .buffer_unordered(CONNECTING_AT_ONCE)
        .try_collect()
        .await
}

/// A socket that has said hello for the board, before anything was read from it.
pub async fn listen(
    target: &Target,
    source: usize,
    receive_buffer: Option<u32>,
    position: Option<&Position>,
) -> Result<TcpStream> {
    let stream = connect(target.address, source + 1, receive_buffer).await?;
    let mut socket = upgrade(stream, target).await?;
    socket.send(Message::text(hello(&["board"], position))).await?;
    // The server has been silent so far, so no byte waits in the buffers that go away here.
    Ok(socket.into_inner())
}

async fn read_on(stream: TcpStream, meter: Arc<Meter>) {
    let mut lines = Lines::new(stream);
    let mut reader = Reader::default();
    loop {
        match lines.piece(|piece| reader.take(piece, &meter)).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                meter.fault(error.to_string());
                break;
            }
        }
    }
    meter.ended.fetch_add(1, Relaxed);
}

/// A socket that only listens, read piece by piece into a buffer that all sockets of a thread share.
#[derive(Debug)]
pub struct Lines {
    stream: TcpStream,
    scanner: Scanner,
    pongs: Vec<u8>,
    /// The server said that it closes.
    closed: bool,
}

/// What came together.
#[derive(Debug)]
pub struct Piece<'a> {
    scanner: &'a mut Scanner,
    bytes: &'a [u8],
    pongs: &'a mut Vec<u8>,
    closed: &'a mut bool,
}

impl Piece<'_> {
    /// Gives each line, and `None` where a message ended.
    pub fn read(self, mut see: impl FnMut(Option<&[u8]>)) -> Result<usize> {
        let Self { scanner, bytes, pongs, closed } = self;
        scanner.feed(bytes, |seen| match seen {
            Seen::Line(line) => see(Some(line)),
            Seen::Message => see(None),
            Seen::Ping(payload) => pongs.extend(pong(payload)),
            Seen::Close(_) => *closed = true,
        })?;
        Ok(bytes.len())
    }
}

impl Lines {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, scanner: Scanner::default(), pongs: Vec::new(), closed: false }
    }

    /// Waits for more and hands it on; `false` once the connection has ended. May be dropped while it waits.
    pub async fn piece(&mut self, take: impl FnOnce(Piece<'_>) -> Result<()>) -> Result<bool> {
        if self.closed || self.stream.readable().await.is_err() {
            return Ok(false);
        }
        let Self { stream, scanner, pongs, closed } = self;
        let going = BUFFER.with_borrow_mut(|buffer| match stream.try_read(buffer) {
            Ok(0) => Ok(false),
            Ok(length) => take(Piece { scanner, bytes: &buffer[..length], pongs, closed }).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
            Err(_) => Ok(false),
        })?;
        // A pong fits into an empty send buffer; where it does not, the server does not read and will say so itself.
        if !self.pongs.is_empty() {
            let _ = self.stream.try_write(&std::mem::take(&mut self.pongs));
        }
        Ok(going && !self.closed)
    }
}

/// One socket's state between two reads.
#[derive(Debug, Default)]
struct Reader {
    last: Option<u64>,
    /// The present message has a record.
    carries: bool,
}

impl Reader {
    fn take(&mut self, piece: Piece<'_>, meter: &Meter) -> Result<()> {
        let at = Instant::now();
        let stamping = meter.stamping.load(Relaxed);
        let (mut records, mut messages) = (0, 0);
        let mut stamps = Vec::new();
        let mut wrong = None;
        let Self { last, carries } = self;
        let length = piece.read(|line| match line {
            Some(line) => match said(line) {
                Ok(Said::Record { seq }) => {
                    if let Some(last) = *last
                        && seq != last + 1
                    {
                        wrong = Some(format!("after seq {last} came seq {seq}"));
                    }
                    *last = Some(seq);
                    *carries = true;
                    records += 1;
                    if stamping {
                        stamps.push(Stamp { seq, at });
                    }
                }
                Ok(Said::Welcome) => drop(meter.welcomes.fetch_add(1, Relaxed)),
                Ok(Said::Lag) => drop(meter.lags.fetch_add(1, Relaxed)),
                Ok(Said::Other) => {}
                Err(error) => wrong = Some(format!("{error}: {}", String::from_utf8_lossy(line))),
            },
            None => messages += u64::from(std::mem::take(carries)),
        })?;
        meter.bytes.fetch_add(length as u64, Relaxed);
        meter.messages.fetch_add(messages, Relaxed);
        if !stamps.is_empty() {
            meter.stamps.lock().expect("invariant: nobody panics with the stamps in hand").append(&mut stamps);
        }
        if records > 0 && meter.records.fetch_add(records, Relaxed) + records >= meter.awaited.load(Relaxed) {
            meter.arrived.notify_one();
        }
        wrong.map_or(Ok(()), |wrong| bail!(wrong))
    }
}

/// A masked pong. The mask is nought: it protects proxies from scripts, and there are neither here.
fn pong(payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len().min(125)).expect("invariant: at most 125");
    let mut frame = vec![0x8a, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(&payload[..usize::from(length)]);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &str) -> Vec<u8> {
        let mut frame = vec![0x81, u8::try_from(lines.len()).unwrap()];
        frame.extend_from_slice(lines.as_bytes());
        frame
    }

    /// Feeds bytes as if they had come over a socket; returns what goes back.
    fn take(reader: &mut Reader, meter: &Meter, bytes: &[u8]) -> Result<Vec<u8>> {
        let (mut scanner, mut pongs, mut closed) = (Scanner::default(), Vec::new(), false);
        reader.take(Piece { scanner: &mut scanner, bytes, pongs: &mut pongs, closed: &mut closed }, meter)?;
        Ok(pongs)
    }

    #[test]
    fn records_are_counted_and_a_gap_or_a_repeat_is_a_fault() {
        let (meter, mut reader) = (Meter::default(), Reader::default());
        take(&mut reader, &meter, &text("{\"t\":\"upto\",\"seq\":4}\n")).unwrap();
        take(&mut reader, &meter, &text("{\"t\":\"rec\",\"seq\":5}\n{\"t\":\"rec\",\"seq\":6}\n")).unwrap();
        assert_eq!((meter.counts().records, meter.counts().messages), (2, 1));
        let gap = take(&mut reader, &meter, &text("{\"t\":\"rec\",\"seq\":8}\n")).unwrap_err();
        assert!(gap.to_string().contains("seq 8"));
        assert!(take(&mut reader, &meter, &text("{\"t\":\"rec\",\"seq\":8}\n")).is_err());
    }

    #[test]
    fn a_ping_is_answered() {
        let (meter, mut reader) = (Meter::default(), Reader::default());
        let pongs = take(&mut reader, &meter, &[0x89, 2, b'h', b'i']).unwrap();
        assert_eq!(pongs, [0x8a, 0x82, 0, 0, 0, 0, b'h', b'i']);
    }
}
