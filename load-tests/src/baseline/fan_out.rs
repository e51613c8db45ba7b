//! A plain socket loop: the same bytes to the same number of sockets, from a process of its own so that its CPU time can be
//! told from the readers'.
//!
//! The child ([`serve`]) writes ready-made frames round and round, each socket blocking when its reader is slow; the parent
//! ([`run`]) reads with the very sockets that read from the desk.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::client::Target;
use crate::client::tap::Taps;
use crate::sample;

/// What the child needs to know.
#[derive(Clone, Copy, Debug, Args)]
pub struct Shape {
    #[arg(long)]
    pub sessions: usize,
    /// Size of one record on the wire.
    #[arg(long)]
    pub record_bytes: usize,
    /// Records that go into one frame and one write.
    #[arg(long)]
    pub group: usize,
    #[arg(long)]
    pub threads: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct FanOut {
    pub per_second: f64,
    pub cpu_us_per_record: f64,
}

/// Measures the loop for `duration` after a second of warming up.
pub async fn run(shape: Shape, duration: Duration) -> Result<FanOut> {
    let own = std::env::current_exe().context("this program has no path")?;
    let mut child = Command::new(own)
        .arg("plain-fan-out")
        .args(["--sessions", &shape.sessions.to_string(), "--record-bytes", &shape.record_bytes.to_string()])
        .args(["--group", &shape.group.to_string(), "--threads", &shape.threads.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the plain socket loop")?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("stdout was piped")?).read_line(&mut line)?;
    let measured = measure(child.id(), line.trim(), shape.sessions, duration).await;
    child.kill()?;
    child.wait()?;
    measured
}

async fn measure(pid: u32, address: &str, sessions: usize, duration: Duration) -> Result<FanOut> {
    let address: SocketAddr = address.parse().context("the plain socket loop did not say where it listens")?;
    let taps = Taps::open_plain(&Target { address, token: "".into() }, sessions).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (counts, usage, began) = (taps.meter.counts(), sample::usage(pid)?, Instant::now());
    tokio::time::sleep(duration).await;
    let (after, cost, took) = (taps.meter.counts(), sample::usage(pid)?, began.elapsed());
    let faults = taps.meter.faults();
    ensure!(faults.is_empty() && after.ended == 0, "the plain socket loop broke off: {:?}", faults.first());
    taps.close().await;
    let records = (after.records - counts.records) as f64;
    Ok(FanOut {
        per_second: records / took.as_secs_f64(),
        cpu_us_per_record: cost.cpu.saturating_sub(usage.cpu).as_micros() as f64 / records,
    })
}

/// The child: prints where it listens, takes the sockets, writes until it is killed.
pub fn serve(shape: Shape) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    // It goes on until its readers leave or it is killed, whichever comes first.
    let gone = |error: &io::Error| matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
    match write_round_and_round(&listener, shape) {
        Err(error) if error.downcast_ref().is_some_and(gone) => Ok(()),
        other => other,
    }
}

/// Ends only with an error, when a reader leaves.
fn write_round_and_round(listener: &TcpListener, shape: Shape) -> Result<()> {
    let mut shares: Vec<Vec<TcpStream>> = (0..shape.threads.max(1)).map(|_| Vec::new()).collect();
    for number in 0..shape.sessions {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let share = number % shares.len();
        shares[share].push(stream);
    }
    let threads: Vec<_> = shares
        .into_iter()
        .map(|mut sockets| {
            std::thread::spawn(move || -> std::io::Result<()> {
                for first in (1_u64..).step_by(shape.group.max(1)) {
                    let frame = frame(first, shape);
                    for socket in &mut sockets {
                        socket.write_all(&frame)?;
                    }
                }
                Ok(())
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("invariant: a writing thread does not panic")?;
    }
    Ok(())
}

/// One WebSocket message with `group` records, beginning with seq `first`.
fn frame(first: u64, shape: Shape) -> Vec<u8> {
    let mut payload = Vec::with_capacity(shape.group * shape.record_bytes);
    for seq in first..first + shape.group as u64 {
        let begin = payload.len();
        payload.extend_from_slice(format!("{{\"t\":\"rec\",\"seq\":{seq},\"patch\":\"").as_bytes());
        let room = shape.record_bytes.saturating_sub(payload.len() - begin + 3);
        payload.resize(payload.len() + room, b'x');
        payload.extend_from_slice(b"\"}\n");
    }
    let mut frame = vec![0x81, 127];
    frame.extend((payload.len() as u64).to_be_bytes());
    frame.extend(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scan::{Said, Scanner, Seen, said};

    #[tokio::test]
    async fn thousands_of_records_arrive_in_order() {
        let shape = Shape { sessions: 3, record_bytes: 400, group: 7, threads: 2 };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let writer = std::thread::spawn(move || write_round_and_round(&listener, shape));
        let taps = Taps::open_plain(&Target { address, token: "".into() }, shape.sessions).await.unwrap();
        taps.meter.until(20_000).await.unwrap();
        let counts = taps.meter.counts();
        assert_eq!(taps.meter.faults(), [""; 0]);
        assert!(counts.messages * 7 <= counts.records && counts.records <= (counts.messages + 3) * 7, "{counts:?}");
        taps.close().await;
        assert!(writer.join().unwrap().is_err(), "it ends when its readers leave");
    }

    #[test]
    fn the_frames_read_like_the_desks() {
        let shape = Shape { sessions: 1, record_bytes: 400, group: 3, threads: 1 };
        let mut seqs = Vec::new();
        let frame = frame(7, shape);
        assert_eq!(frame.len(), 10 + 3 * 400);
        Scanner::default()
            .feed(&frame, |seen| {
                if let Seen::Line(line) = seen {
                    serde_json::from_slice::<serde_json::Value>(line).unwrap();
                    seqs.push(said(line).unwrap());
                }
            })
            .unwrap();
        assert_eq!(seqs, [7, 8, 9].map(|seq| Said::Record { seq }));
    }
}
