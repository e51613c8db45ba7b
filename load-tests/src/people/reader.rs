//! Readers by the thousand: each subscribes to the board, checks every record it is shown, and comes back when it is cut off.
//!
//! Cheap enough to share two cores with the server: one small task each, one buffer a thread, no JSON but in what is rare.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use memchr::memmem::Finder;
use tokio::sync::Semaphore;

use super::{Floor, Last, Person, Phase, Return};
use crate::client::desk::Snapshot;
use crate::client::scan::{Said, said};
use crate::client::socket::{Heard, Position};
use crate::client::tap::{Lines, Piece, listen};
use crate::ledger::Promise;

const CONNECT: Duration = Duration::from_secs(30);
const SILENT: u64 = u64::MAX;

#[derive(Debug)]
struct Reader {
    floor: Arc<Floor>,
    who: usize,
    name: String,
    epoch: String,
    seq: u64,
    lost_since: Option<Instant>,
    behind: Option<u64>,
    arrived: bool,
    away: Option<Duration>,
    random: fastrand::Rng,
    command_id: Finder<'static>,
}

pub async fn run(person: Person, snapshot: Arc<Snapshot>, doorway: Arc<Semaphore>) -> Last {
    let mut random = fastrand::Rng::with_seed(person.seed);
    let mut reader = Reader {
        floor: person.floor.clone(),
        who: person.who,
        name: person.name(),
        epoch: snapshot.epoch.clone(),
        seq: snapshot.seq,
        lost_since: None,
        behind: None,
        arrived: false,
        away: None,
        random: random.fork(),
        command_id: Finder::new(r#""command_id":""#),
    };
    let mut back = Return::new(person.floor.back_within);
    let mut phase = person.floor.phase.clone();
    'connected: loop {
        let mut wait = match reader.away.take() {
            Some(away) => away,
            None if reader.lost_since.is_some() => back.wait(&mut random),
            None => Duration::ZERO,
        };
        let mut lines = loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = phase.wait_for(|phase| *phase == Phase::Over) => break 'connected,
            }
            // The first crowd comes in one after the other; a storm does not ask.
            let _turn = if reader.arrived { None } else { doorway.acquire().await.ok() };
            let began = Instant::now();
            let position = Position { epoch: reader.epoch.clone(), after: reader.seq };
            let door = person.door();
            let connecting = listen(&door, person.who, None, Some(&position));
            if let Ok(Ok(stream)) = tokio::time::timeout(CONNECT, connecting).await {
                reader.floor.meters.record(person.who, "connect", began.elapsed());
                break Lines::new(stream);
            }
            wait = back.wait(&mut random);
        };
        back.succeeded();
        loop {
            let head = match *phase.borrow_and_update() {
                Phase::Reading { head } => head,
                Phase::Over => 0,
                _ => SILENT,
            };
            if reader.seq >= head {
                break 'connected;
            }
            let going = tokio::select! {
                going = lines.piece(|piece| reader.take(piece)) => going,
                changed = phase.changed() => {
                    if changed.is_err() {
                        break 'connected;
                    }
                    Ok(true)
                }
            };
            match going {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    reader.floor.ledger.fault(Promise::Answers, format!("{}: {error:#}", reader.name));
                    break;
                }
            }
        }
        reader.lost_since = reader.lost_since.or_else(|| Some(Instant::now()));
    }
    Last { name: reader.name, seq: reader.seq, board_hash: None }
}

impl Reader {
    fn take(&mut self, piece: Piece<'_>) -> Result<()> {
        let mut wrong = None;
        piece.read(|line| {
            if let Some(line) = line
                && let Err(error) = self.line(line)
            {
                wrong = Some(error);
            }
        })?;
        wrong.map_or(Ok(()), Err)
    }

    fn line(&mut self, line: &[u8]) -> Result<()> {
        let floor = self.floor.clone();
        if let Said::Record { seq } = said(line)? {
            if seq != self.seq + 1 {
                let what = format!("{}: after seq {} came seq {seq}", self.name, self.seq);
                floor.ledger.fault(Promise::Order, what);
            }
            self.seq = seq;
            floor.ledger.show(seq, line);
            if let Some(due) = self.command_id(line).and_then(|id| floor.ledger.due(id)) {
                floor.meters.record(self.who, "screen", due.elapsed());
            }
            self.caught_up();
            return Ok(());
        }
        match serde_json::from_slice(line)? {
            Heard::Welcome(welcome) => {
                if welcome.resume == "snapshot" || welcome.epoch != self.epoch {
                    let what = format!("{}: back after seq {} it was told `{}`", self.name, self.seq, welcome.resume);
                    floor.ledger.fault(Promise::Resume, what);
                }
                if welcome.seq < self.seq {
                    let what = format!("{}: shown seq {}, the journal ends at {}", self.name, self.seq, welcome.seq);
                    floor.ledger.fault(Promise::Resume, what);
                }
                if std::mem::replace(&mut self.arrived, true) {
                    self.behind = Some(welcome.seq);
                } else {
                    floor.arrived.fetch_add(1, Relaxed);
                    self.lost_since = None;
                }
                self.caught_up();
            }
            Heard::Upto { seq, board } => {
                if seq != self.seq {
                    let what = format!("{}: `upto` {seq} came after seq {}", self.name, self.seq);
                    floor.ledger.fault(Promise::Order, what);
                }
                if let Some(hash) = board {
                    floor.ledger.board(seq, &hash);
                }
            }
            Heard::Drain { after_ms, jitter_ms } => {
                self.away = Some(Duration::from_millis(after_ms + self.random.u64(0..=jitter_ms)));
            }
            Heard::Err { code, message, .. } => bail!("told `{code}`: {message}"),
            _ => {}
        }
        Ok(())
    }

    fn caught_up(&mut self) {
        if let (Some(behind), Some(lost_since)) = (self.behind, self.lost_since)
            && self.seq >= behind
        {
            self.floor.meters.record(self.who, "resume", lost_since.elapsed());
            (self.behind, self.lost_since) = (None, None);
        }
    }

    fn command_id<'a>(&self, line: &'a [u8]) -> Option<&'a str> {
        let begin = self.command_id.find(line)? + self.command_id.needle().len();
        let length = memchr::memchr(b'"', &line[begin..])?;
        std::str::from_utf8(&line[begin..begin + length]).ok()
    }
}
