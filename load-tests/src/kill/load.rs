//! Clients that send commands at a steady rate until the server dies under them, and remember what became of each.
//!
//! Half speak HTTP with `Idempotency-Key`, half WebSocket. Judges nothing: that is `audit`'s.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use hyper::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::client::Target;
use crate::client::desk::{PRIORITIES, new_ticket};
use crate::client::http::{Connection, Reply};
use crate::client::socket::{Heard, Socket, command};

/// A command with everything that is needed to send it again.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Command id and `Idempotency-Key`.
    pub id: String,
    pub over: Over,
    pub ticket: Option<u64>,
    /// As in `do`; over HTTP its `type` chooses the call.
    pub body: Value,
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Http,
    Socket,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Acknowledged: its last record has this place.
    Done {
        ticket: u64,
        version: u64,
        seq: u64,
    },
    /// Acknowledged without a record, as `claim_next` of an empty queue is.
    Nothing,
    Refused {
        code: String,
    },
    /// The connection ended before the answer came.
    InDoubt,
}

impl Outcome {
    pub fn title(&self) -> String {
        match self {
            Self::Done { .. } => "acknowledged".to_owned(),
            Self::Nothing => "nothing to do".to_owned(),
            Self::Refused { code } => code.clone(),
            Self::InDoubt => "in doubt".to_owned(),
        }
    }
}

#[derive(Debug)]
pub struct Load {
    stop: watch::Sender<bool>,
    clients: Vec<JoinHandle<Result<Vec<Sent>>>>,
}

impl Load {
    /// The server is dead: collects what each client has to tell.
    pub async fn finish(self) -> Result<Vec<Sent>> {
        self.stop.send_replace(true);
        let mut commands = Vec::new();
        for client in self.clients {
            commands.extend(client.await??);
        }
        Ok(commands)
    }
}

pub fn start(target: &Target, tickets: &[u64], clients: usize, rate: u32, random: &mut fastrand::Rng) -> Load {
    let (stop, stopped) = watch::channel(false);
    let period = Duration::from_secs_f64(clients as f64 / f64::from(rate.max(1)));
    let clients = (0..clients)
        .map(|client| {
            let choices = Choices { tickets: tickets.to_vec(), random: random.fork(), count: 0 };
            let (target, stopped) = (target.clone(), stopped.clone());
            if client.is_multiple_of(2) {
                tokio::spawn(http_client(target, choices, period, stopped))
            } else {
                tokio::spawn(socket_client(target, choices, period, stopped))
            }
        })
        .collect();
    Load { stop, clients }
}

/// What a client does next. Tickets are shared by all clients, so that commands meet.
struct Choices {
    tickets: Vec<u64>,
    random: fastrand::Rng,
    count: usize,
}

impl Choices {
    fn next(&mut self, over: Over) -> Sent {
        self.count += 1;
        let unique = self.random.u64(..);
        let (ticket, body) = match self.random.u8(0..100) {
            0..12 => {
                let mut body = new_ticket(self.count);
                body["type"] = "create".into();
                (None, body)
            }
            12..45 => (Some(()), json!({ "type": "update", "tags": [format!("n{unique:x}")] })),
            45..60 => (Some(()), json!({ "type": "update", "priority": PRIORITIES[self.random.usize(..4)] })),
            60..66 => {
                let status = ["open", "pending", "solved"][self.random.usize(..3)];
                (Some(()), json!({ "type": "update", "status": status }))
            }
            66..76 => {
                (Some(()), json!({ "type": "message", "visibility": "internal", "body": format!("note {unique:x}") }))
            }
            76..84 => {
                (Some(()), json!({ "type": "message", "visibility": "public", "body": format!("answer {unique:x}") }))
            }
            84..90 => {
                let body = format!("and another thing {unique:x}");
                (Some(()), json!({ "type": "message", "visibility": "public", "direction": "inbound", "body": body }))
            }
            90..95 => (None, json!({ "type": "claim_next" })),
            _ => (Some(()), json!({ "type": "release" })),
        };
        let ticket = ticket.map(|()| self.tickets[self.random.usize(..self.tickets.len())]);
        Sent { id: uuid::Uuid::new_v4().to_string(), over, ticket, body, outcome: Outcome::InDoubt }
    }
}

/// Ticks until the server is dead; a client whose server is dead has nothing left to do.
async fn tick(period: &mut tokio::time::Interval, stopped: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        _ = period.tick() => true,
        () = ended(stopped) => false,
    }
}

async fn ended(stopped: &mut watch::Receiver<bool>) {
    // An error means that the load was dropped, which ends it as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn http_client(
    target: Target,
    mut choices: Choices,
    period: Duration,
    mut stopped: watch::Receiver<bool>,
) -> Result<Vec<Sent>> {
    let mut commands = Vec::new();
    let Ok(mut http) = Connection::open(&target).await else { return Ok(commands) };
    let mut period = interval(period, &mut choices);
    while tick(&mut period, &mut stopped).await {
        let mut sent = choices.next(Over::Http);
        let answer = send_http(&mut http, &sent).await;
        let alive = answer.is_ok();
        sent.outcome = answer.unwrap_or(Outcome::InDoubt);
        commands.push(sent);
        if !alive {
            break;
        }
    }
    Ok(commands)
}

/// Sends one command and reads its answer. An error means that no whole answer came.
pub async fn send_http(http: &mut Connection, sent: &Sent) -> Result<Outcome> {
    let (method, path) = call(sent);
    let mut body = sent.body.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("type");
    }
    let reply = http.call(method, &path, Some(body.to_string().into()), Some(&sent.id)).await?;
    match reply.status {
        204 => Ok(Outcome::Nothing),
        200..300 => done(&reply),
        _ => Ok(Outcome::Refused { code: reply.code().unwrap_or_else(|| format!("status {}", reply.status)) }),
    }
}

fn done(reply: &Reply) -> Result<Outcome> {
    let body: Value = reply.json()?;
    let ticket = body.get("ticket").filter(|ticket| ticket.is_object()).unwrap_or(&body);
    Ok(Outcome::Done {
        ticket: ticket["id"].as_u64().unwrap_or_default(),
        version: reply.version()?,
        seq: reply.seq()?,
    })
}

fn call(sent: &Sent) -> (Method, String) {
    let ticket = sent.ticket.unwrap_or_default();
    match sent.body["type"].as_str() {
        Some("create") => (Method::POST, "/api/v1/tickets".to_owned()),
        Some("update") => (Method::PATCH, format!("/api/v1/tickets/{ticket}")),
        Some("message") => (Method::POST, format!("/api/v1/tickets/{ticket}/messages")),
        Some("claim_next") => (Method::POST, "/api/v1/queue/claim".to_owned()),
        other => (Method::POST, format!("/api/v1/tickets/{ticket}/{}", other.unwrap_or_default())),
    }
}

async fn socket_client(
    target: Target,
    mut choices: Choices,
    period: Duration,
    mut stopped: watch::Receiver<bool>,
) -> Result<Vec<Sent>> {
    let mut commands: Vec<Sent> = Vec::new();
    let Ok((mut socket, _)) = Socket::open(&target, &[], None).await else { return Ok(commands) };
    let mut waiting = HashMap::new();
    let mut period = interval(period, &mut choices);
    loop {
        tokio::select! {
            _ = period.tick() => {
                let sent = choices.next(Over::Socket);
                let line = command(&sent.id, sent.ticket, &sent.body);
                waiting.insert(sent.id.clone(), commands.len());
                commands.push(sent);
                if socket.say(line).await.is_err() {
                    break;
                }
            }
            heard = socket.hear() => match heard? {
                Some(heard) => {
                    if let Some((id, outcome)) = outcome(heard)
                        && let Some(place) = waiting.remove(&id)
                    {
                        commands[place].outcome = outcome;
                    }
                }
                None => break,
            },
            () = ended(&mut stopped) => {
                // What was acknowledged before the end may still lie in the buffers here.
                while let Ok(Some(heard)) = socket.hear().await {
                    if let Some((id, outcome)) = outcome(heard)
                        && let Some(place) = waiting.remove(&id)
                    {
                        commands[place].outcome = outcome;
                    }
                }
                break;
            }
        }
    }
    Ok(commands)
}

/// Sends one command over a socket of its own and waits for the answer.
pub async fn send_socket(socket: &mut Socket, sent: &Sent) -> Result<Outcome> {
    socket.say(command(&sent.id, sent.ticket, &sent.body)).await?;
    while let Some(heard) = socket.hear().await? {
        if let Some((id, outcome)) = outcome(heard)
            && id == sent.id
        {
            return Ok(outcome);
        }
    }
    anyhow::bail!("the connection ended before the answer came")
}

fn outcome(heard: Heard) -> Option<(String, Outcome)> {
    match heard {
        Heard::Ok { id, ticket: None, .. } => Some((id, Outcome::Nothing)),
        Heard::Ok { id, seq, version, ticket: Some(ticket) } => Some((id, Outcome::Done { ticket, version, seq })),
        Heard::Err { id: Some(id), code, .. } => Some((id, Outcome::Refused { code })),
        _ => None,
    }
}

/// Clients begin at different moments of the period, or all commands would come at once.
fn interval(period: Duration, choices: &mut Choices) -> tokio::time::Interval {
    let begin = Instant::now() + period.mul_f64(choices.random.f64());
    tokio::time::interval_at(begin.into(), period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_the_same_commands() {
        let run = || {
            let mut choices = Choices { tickets: vec![1, 2, 3], random: fastrand::Rng::with_seed(7), count: 0 };
            (0..50)
                .map(|_| choices.next(Over::Http))
                .map(|sent| (sent.ticket, sent.body.to_string()))
                .collect::<Vec<_>>()
        };
        assert_eq!(run(), run());
    }

    #[test]
    fn each_kind_of_command_has_its_call() {
        let sent = |kind: &str| Sent {
            id: String::new(),
            over: Over::Http,
            ticket: Some(7),
            body: json!({ "type": kind }),
            outcome: Outcome::InDoubt,
        };
        assert_eq!(call(&sent("update")), (Method::PATCH, "/api/v1/tickets/7".to_owned()));
        assert_eq!(call(&sent("release")), (Method::POST, "/api/v1/tickets/7/release".to_owned()));
        assert_eq!(call(&sent("claim_next")), (Method::POST, "/api/v1/queue/claim".to_owned()));
    }
}
