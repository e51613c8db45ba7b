//! Durable commands a second, closed loop: each command waits for its answer before the next one goes out in its place.
//!
//! Client and server share the machine, so the ratio to the plain file in the same run says more than the figure alone.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::baseline;
use crate::bench::figures::Figures;
use crate::client::Target;
use crate::client::desk::{Desk, PRIORITIES, new_ticket, numbered};
use crate::client::http::Connection;
use crate::client::socket::{Heard, Socket, command};
use crate::histogram::Latencies;
use crate::server::{Launcher, Server};

const WARM_UP: Duration = Duration::from_millis(700);
const DURATION: Duration = Duration::from_millis(2500);
const IN_FLIGHT: [usize; 2] = [64, 512];
const SOCKETS: usize = 16;
const STOPPING: Duration = Duration::from_secs(30);
const NAME: &str = "durable commands";

/// What the load consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mix {
    /// Changes of priority and tags.
    Changes,
    /// The same with one new ticket in five.
    WithNewTickets,
}

pub async fn run(launcher: &Launcher, report: &mut Figures) -> Result<()> {
    let folder = launcher.folder()?;
    let mut server = launcher.start(folder.path()).await?;
    let target = server.target();
    let mut desk = Desk::open(&target).await?;
    // Each lane changes tickets of its own, so that no command waits for another lane's.
    let tickets = desk.tickets(&numbered(2 * IN_FLIGHT[1])).await?;
    for in_flight in IN_FLIGHT {
        let plain = baseline::commit::run(&launcher.work, in_flight, DURATION).await?;
        report.add(NAME, &format!("plain file + fdatasync, {in_flight} writers"), plain.per_second, "/s");
        report.add(NAME, "  p99", plain.latencies.quantile_ms(0.99), "ms");
        for (title, mix) in [("changes", Mix::Changes), ("changes + 20 % new tickets", Mix::WithNewTickets)] {
            let load = http_load(&target, &tickets, in_flight, mix);
            let title = format!("HTTP, {title}, {in_flight} in flight");
            measure(&server, &mut desk, &title, plain.per_second, load, report).await?;
        }
        let load = socket_load(&target, &tickets, in_flight);
        let title = format!("WebSocket, changes, {in_flight} in flight over {SOCKETS} sockets");
        measure(&server, &mut desk, &title, plain.per_second, load, report).await?;
    }
    // What was written in a hurry is settled in peace.
    let status = server.stop(STOPPING).await?;
    ensure!(status.success(), "the server ended with {status}{}", server.last_words());
    Ok(())
}

async fn measure(
    server: &Server,
    desk: &mut Desk,
    title: &str,
    plain: f64,
    load: impl Future<Output = Result<Latencies>>,
    report: &mut Figures,
) -> Result<()> {
    let (head, usage, began) = (desk.head().await?, server.usage()?, Instant::now());
    let latencies = load.await.with_context(|| title.to_owned())?;
    let (cost, took) = (server.usage()?.cpu.saturating_sub(usage.cpu), began.elapsed());
    let records = desk.head().await? - head;
    let per_second = latencies.count() as f64 / DURATION.as_secs_f64();
    report.add(NAME, title, per_second, "/s");
    report.add(NAME, "  p50", latencies.quantile_ms(0.5), "ms");
    report.add(NAME, "  p99", latencies.quantile_ms(0.99), "ms");
    report.add(NAME, "  share of the plain file", per_second / plain * 100.0, "%");
    report.add(NAME, "  server's CPU a record", cost.as_micros() as f64 / records as f64, "µs");
    report.add(NAME, "  server's CPU", cost.as_secs_f64() / took.as_secs_f64(), "cores");
    Ok(())
}

/// The next change of a lane: never the same twice in a row, since what changes nothing writes nothing.
fn change(count: usize) -> Value {
    if count.is_multiple_of(2) {
        json!({ "priority": PRIORITIES[count / 2 % PRIORITIES.len()], "tags": ["payment", format!("n{count}")] })
    } else {
        json!({ "tags": ["payment", "web", format!("n{count}")] })
    }
}

async fn http_load(target: &Target, tickets: &[u64], in_flight: usize, mix: Mix) -> Result<Latencies> {
    let mut lanes = Vec::new();
    for lane in 0..in_flight {
        let tickets = tickets.iter().skip(lane).step_by(in_flight);
        let paths: Vec<_> = tickets.map(|ticket| format!("/api/v1/tickets/{ticket}")).collect();
        lanes.push((Connection::open(target).await?, paths));
    }
    let began = Instant::now();
    let lanes = lanes.into_iter().map(|(http, paths)| tokio::spawn(http_lane(http, paths, mix, began)));
    merge(lanes.collect()).await
}

async fn http_lane(mut http: Connection, paths: Vec<String>, mix: Mix, began: Instant) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    for count in 0.. {
        let asked = Instant::now();
        let reply = if mix == Mix::WithNewTickets && count % 5 == 4 {
            http.post("/api/v1/tickets", new_ticket(count).to_string()).await?
        } else {
            http.patch(&paths[count % paths.len()], change(count).to_string()).await?
        };
        reply.success()?;
        if !keep(&mut latencies, began, asked) {
            break;
        }
    }
    Ok(latencies)
}

/// Changes over 16 sockets for a few seconds; each command's ticket has no other one in flight.
async fn socket_load(target: &Target, tickets: &[u64], in_flight: usize) -> Result<Latencies> {
    let mut lanes = Vec::new();
    for lane in 0..SOCKETS {
        let (socket, _) = Socket::open(target, &[], None).await?;
        let tickets: Vec<_> = tickets.iter().copied().skip(lane).step_by(SOCKETS).collect();
        lanes.push((socket, tickets));
    }
    let began = Instant::now();
    let window = in_flight / SOCKETS;
    let lanes = lanes.into_iter().map(|(socket, tickets)| tokio::spawn(socket_lane(socket, tickets, window, began)));
    merge(lanes.collect()).await
}

async fn socket_lane(mut socket: Socket, tickets: Vec<u64>, window: usize, began: Instant) -> Result<Latencies> {
    ensure!(tickets.len() >= window, "fewer tickets than commands in flight");
    let mut latencies = Latencies::default();
    let mut asked = HashMap::with_capacity(window);
    let mut count = 0;
    let mut free = window;
    loop {
        // All answers of a frame make room for commands that go out as one frame.
        let mut lines = String::new();
        for _ in 0..std::mem::take(&mut free) {
            let id = uuid::Uuid::new_v4().to_string();
            let mut body = change(count / tickets.len());
            body["type"] = "update".into();
            lines.push_str(&command(&id, Some(tickets[count % tickets.len()]), &body));
            lines.push('\n');
            asked.insert(id, Instant::now());
            count += 1;
        }
        if !lines.is_empty() {
            socket.say(lines).await?;
        }
        let mut next = socket.hear().await?;
        ensure!(next.is_some(), "the server ended the connection");
        while let Some(heard) = next {
            match heard {
                Heard::Ok { id, .. } => {
                    let asked = asked.remove(&id).context("an answer to a command that was not sent")?;
                    if !keep(&mut latencies, began, asked) {
                        return Ok(latencies);
                    }
                    free += 1;
                }
                Heard::Err { code, message, .. } => bail!("a command was refused: {code}: {message}"),
                _ => {}
            }
            next = socket.heard_already();
        }
    }
}

async fn merge(lanes: Vec<JoinHandle<Result<Latencies>>>) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    for lane in lanes {
        latencies.merge(&lane.await??);
    }
    Ok(latencies)
}

/// Records what ended within the measured time; `false` once that is over.
fn keep(latencies: &mut Latencies, began: Instant, asked: Instant) -> bool {
    let now = began.elapsed();
    if now >= WARM_UP + DURATION {
        return false;
    }
    if now >= WARM_UP {
        latencies.record(asked.elapsed());
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_changes_in_a_row_differ() {
        for count in 0..20 {
            assert_ne!(change(count), change(count + 1));
        }
    }
}
