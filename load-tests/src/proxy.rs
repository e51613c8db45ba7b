//! A TCP proxy for bad lines: it delays, stalls, throttles and cuts what passes through it.
//!
//! Knows nothing of what the bytes mean. Its choices come from a seed. A part of scenarios (`weather`), and a command by itself.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

const PIECE_BYTES: usize = 16 * 1024;
/// Pieces that may be on their way in one direction; then the sender has to wait, as on a real line.
const ON_THE_WAY: usize = 64;

#[derive(Debug, Args)]
pub struct Options {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where the server is
    #[arg(long)]
    to: SocketAddr,
    #[command(flatten)]
    weather: Weather,
    /// Repeats the choices
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What the line does to what passes. Each direction by itself; nought means never.
#[derive(Args, Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weather {
    /// Each piece arrives this much later
    #[arg(long, default_value_t = 0)]
    pub delay_ms: u64,
    /// And by up to this much more, in order all the same
    #[arg(long, default_value_t = 0)]
    pub jitter_ms: u64,
    /// A connection hangs about this often
    #[arg(long, default_value_t = 0.0)]
    pub stall_every_s: f64,
    /// For this long
    #[arg(long, default_value_t = 0)]
    pub stall_ms: u64,
    /// A connection is cut about this often
    #[arg(long, default_value_t = 0.0)]
    pub cut_every_s: f64,
    /// No more than this passes in a second
    #[arg(long, default_value_t = 0)]
    pub bytes_per_s: u64,
}

/// A proxy that listens; dropped, it cuts everything.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

pub async fn run(options: &Options) -> Result<()> {
    let proxy = Proxy::start(options.listen, options.to, options.weather, options.seed).await?;
    println!("listening on http://{}, which leads to {}", proxy.address(), options.to);
    tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")
}

impl Proxy {
    pub async fn start(listen: SocketAddr, to: SocketAddr, weather: Weather, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let mut random = fastrand::Rng::with_seed(seed);
        let accepting = tokio::spawn(async move {
            let mut lines = tokio::task::JoinSet::new();
            // Without a listener there is no proxy any more; whoever connects will notice.
            while let Ok((client, _)) = listener.accept().await {
                while lines.try_join_next().is_some() {}
                lines.spawn(carry(client, to, weather, random.fork()));
            }
        });
        Ok(Self { address, accepting })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(client: TcpStream, to: SocketAddr, weather: Weather, mut random: fastrand::Rng) {
    // A server that is away is a connection that ends at once.
    let Ok(server) = TcpStream::connect(to).await else { return };
    if client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).is_err() {
        return;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let cut = sometime(weather.cut_every_s, &mut random);
    tokio::select! {
        // Either end takes the other with it.
        () = pump(from_client, to_server, weather, random.fork()) => {}
        () = pump(from_server, to_client, weather, random.fork()) => {}
        () = sleep_until(cut.unwrap_or_else(Instant::now)), if cut.is_some() => {}
    }
}

/// One direction, until either side ends it.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    weather: Weather,
    mut random: fastrand::Rng,
) {
    let (pieces, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(ON_THE_WAY);
    let reading = async move {
        let mut latest = Instant::now();
        let mut stall = sometime(weather.stall_every_s, &mut random);
        let mut buffer = vec![0; PIECE_BYTES];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let now = Instant::now();
            let mut at = now + Duration::from_millis(weather.delay_ms + random.u64(0..=weather.jitter_ms));
            if stall.is_some_and(|stall| stall <= now) {
                at += Duration::from_millis(weather.stall_ms);
                stall = sometime(weather.stall_every_s, &mut random);
            }
            // What was sent first arrives first.
            latest = at.max(latest);
            if pieces.send((latest, buffer[..length].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let writing = async move {
        let mut free = Instant::now();
        while let Some((at, piece)) = arriving.recv().await {
            sleep_until(at.max(free)).await;
            if weather.bytes_per_s > 0 {
                let takes = Duration::from_secs_f64(piece.len() as f64 / weather.bytes_per_s as f64);
                free = Instant::now() + takes;
            }
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    // What was read before an end still arrives.
    tokio::join!(reading, writing);
}

/// A moment at about that distance, or never.
fn sometime(mean_s: f64, random: &mut fastrand::Rng) -> Option<Instant> {
    (mean_s > 0.0).then(|| Instant::now() + Duration::from_secs_f64(-(1.0 - random.f64()).ln() * mean_s))
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// Sends pieces through a line and returns when each arrived, and all bytes.
    async fn through(weather: Weather, pieces: &[&[u8]]) -> (Vec<Duration>, Vec<u8>) {
        let (mut near, line_in) = duplex(1 << 16);
        let (line_out, mut far) = duplex(1 << 16);
        let began = Instant::now();
        let line = tokio::spawn(pump(line_in, line_out, weather, fastrand::Rng::with_seed(1)));
        let (mut arrived, mut bytes) = (Vec::new(), Vec::new());
        for piece in pieces {
            near.write_all(piece).await.unwrap();
            let mut buffer = vec![0; piece.len()];
            far.read_exact(&mut buffer).await.unwrap();
            arrived.push(began.elapsed());
            bytes.extend(buffer);
        }
        drop(near);
        line.await.unwrap();
        (arrived, bytes)
    }

    #[tokio::test(start_paused = true)]
    async fn pieces_come_later_and_whole() {
        let weather = Weather { delay_ms: 80, jitter_ms: 20, ..Weather::default() };
        let (arrived, bytes) = through(weather, &[b"one", b"two"]).await;
        assert_eq!(bytes, b"onetwo");
        assert!(arrived[0] >= Duration::from_millis(80) && arrived[0] <= Duration::from_millis(102), "{arrived:?}");
        assert!(arrived[1] >= Duration::from_millis(160), "{arrived:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_narrow_line_takes_its_time() {
        let weather = Weather { bytes_per_s: 1000, ..Weather::default() };
        let piece = vec![7; 500];
        let (arrived, _) = through(weather, &[&piece, &piece, &piece]).await;
        assert!(arrived[2] >= Duration::from_secs(1) && arrived[2] < Duration::from_millis(1100), "{arrived:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_stalls_goes_on_afterwards() {
        let weather = Weather { stall_every_s: 0.000_001, stall_ms: 5000, ..Weather::default() };
        let (arrived, bytes) = through(weather, &[b"a"]).await;
        assert!(arrived[0] <= Duration::from_secs(6));
        assert_eq!(bytes, b"a");
    }

    /// A cut ends both directions, whatever is under way.
    #[tokio::test]
    async fn a_connection_that_is_cut_ends_on_both_sides() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let weather = Weather { cut_every_s: 0.000_001, ..Weather::default() };
        let proxy =
            Proxy::start("127.0.0.1:0".parse().unwrap(), server.local_addr().unwrap(), weather, 1).await.unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut accepted, _) = server.accept().await.unwrap();
        let mut byte = [0];
        assert_eq!(client.read(&mut byte).await.unwrap(), 0);
        assert_eq!(accepted.read(&mut byte).await.unwrap(), 0);
    }
}
