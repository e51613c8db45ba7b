//! A reader of the board that loses its connection with every kill and goes on with `epoch` and `after`.
//!
//! Remembers what it was shown, so that the journal can be held against it: shown means durable. On this desk every record
//! belongs to the board, so seqs must follow each other without a gap. Called by the kill test.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::JoinHandle;

use super::audit::{Audit, digest};
use crate::client::Target;
use crate::client::socket::{Heard, Position, Socket};

const LATEST: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub struct Reader {
    position: Option<Position>,
    /// Not yet held against the journal.
    shown: Vec<Shown>,
    count: u64,
}

#[derive(Debug)]
enum Shown {
    Record { seq: u64, digest: u64 },
    Board { seq: u64, hash: String },
}

/// One connection, from hello to its end.
#[derive(Debug)]
pub struct Session {
    position: Option<Position>,
    shown: Vec<Shown>,
    faults: Vec<String>,
}

impl Reader {
    /// Connects and reads until the connection ends.
    pub fn start(&mut self, target: &Target) -> JoinHandle<Session> {
        let (target, position) = (target.clone(), self.position.clone());
        tokio::spawn(async move {
            let mut session = Session { position, shown: Vec::new(), faults: Vec::new() };
            // A server that dies during the handshake has shown nothing.
            if let Ok(mut socket) = session.connect(&target).await {
                session.read(&mut socket, u64::MAX).await;
            }
            session
        })
    }

    pub fn stopped(&mut self, session: Session, audit: &mut Audit) {
        for fault in session.faults {
            audit.violation(format!("a reader of the board: {fault}"));
        }
        self.position = session.position;
        self.shown.extend(session.shown);
    }

    /// Holds what was shown against the journal, which must have been read to its end.
    pub fn check(&mut self, audit: &mut Audit) {
        for shown in self.shown.drain(..) {
            match shown {
                Shown::Record { seq, digest } => {
                    self.count += 1;
                    audit.check_shown(seq, digest);
                }
                Shown::Board { seq, hash } => audit.check_board(seq, &hash),
            }
        }
    }

    /// Connects a last time and reads up to the end of the journal.
    pub async fn finish(&mut self, target: &Target, audit: &mut Audit) -> Result<()> {
        let mut session = Session { position: self.position.clone(), shown: Vec::new(), faults: Vec::new() };
        let mut socket = session.connect(target).await.context("a reader cannot come back")?;
        let head = audit.head();
        if tokio::time::timeout(LATEST, session.read(&mut socket, head)).await.is_err() {
            let at = session.position.as_ref().map(|position| position.after);
            session
                .faults
                .push(format!("it stands at seq {at:?} after {} s, the journal ends at {head}", LATEST.as_secs()));
        }
        self.stopped(session, audit);
        self.check(audit);
        Ok(())
    }

    /// How many records it was shown.
    pub fn shown(&self) -> u64 {
        self.count
    }
}

impl Session {
    async fn connect(&mut self, target: &Target) -> Result<Socket> {
        let (socket, welcome) = Socket::open(target, &["board"], self.position.as_ref()).await?;
        match &self.position {
            None => self.position = Some(Position { epoch: welcome.epoch, after: welcome.seq }),
            Some(position) => {
                if welcome.resume == "snapshot" || welcome.epoch != position.epoch {
                    let after = position.after;
                    self.faults.push(format!("coming back after seq {after} it was told `{}`", welcome.resume));
                }
                if welcome.seq < position.after {
                    let (head, after) = (welcome.seq, position.after);
                    self.faults.push(format!("it was shown seq {after}, the journal ends at {head}"));
                }
            }
        }
        Ok(socket)
    }

    /// Reads until the end of the connection, or until it has got the record `until`.
    async fn read(&mut self, socket: &mut Socket, until: u64) {
        let Some(position) = &mut self.position else { return };
        while position.after < until {
            match socket.hear().await {
                Ok(Some(Heard::Rec(record))) => {
                    let seq = record["seq"].as_u64().unwrap_or_default();
                    if seq != position.after + 1 {
                        self.faults.push(format!("after seq {} came seq {seq}", position.after));
                    }
                    position.after = seq;
                    self.shown.push(Shown::Record { seq, digest: digest(&record) });
                }
                Ok(Some(Heard::Upto { seq, board })) => {
                    if seq != position.after {
                        self.faults.push(format!("`upto` {seq} came after the record {}", position.after));
                    }
                    if let Some(hash) = board {
                        self.shown.push(Shown::Board { seq, hash });
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => {
                    self.faults.push(format!("{error:#}"));
                    return;
                }
            }
        }
    }
}
