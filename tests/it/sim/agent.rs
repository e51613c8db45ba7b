//! Somebody at a screen: asks under ids that are used again until an answer comes, and folds records into a board.

use std::collections::VecDeque;

use hotdesk::domain::ids::{CommandId, Seq, TicketId};
use hotdesk::domain::permissions::Sight;
use hotdesk::domain::record::Record;
use hotdesk::feed::{Entry, Reach, read_back, replay};
use hotdesk::projections::board::Board;

use super::desk::{Answer, Ask, Desk};
use super::world::Sabotage;

/// Commands of its own that an agent remembers, to take them back.
const REMEMBERED: usize = 8;

#[derive(Default)]
pub struct Agent {
    /// Asked and not answered yet.
    pub open: Option<Ask>,
    pub done: VecDeque<(CommandId, TicketId)>,
    /// What was acknowledged, with the seq that the desk named.
    pub acknowledged: Vec<(CommandId, Seq)>,
    board: Board,
    /// `None`: not connected.
    cursor: Option<Seq>,
    left_out: bool,
}

impl Agent {
    /// What came back for what was asked. An answer to something else is an old one.
    pub fn hear(&mut self, ask: &Ask, answer: &Answer) {
        if let Answer::Done(Some((seq, ticket))) = answer {
            self.acknowledged.push((ask.id.clone(), *seq));
            self.done.push_back((ask.id.clone(), *ticket));
            if self.done.len() > REMEMBERED {
                self.done.pop_front();
            }
        }
        if *answer != Answer::Later && self.open.as_ref().is_some_and(|open| open.id == ask.id) {
            self.open = None;
        }
    }

    pub fn is_connected(&self) -> bool {
        self.cursor.is_some()
    }

    pub fn disconnect(&mut self) {
        self.cursor = None;
    }

    /// Goes on where it stood, or from a picture of the whole.
    pub fn connect(&mut self, desk: &Desk, anew: bool) {
        if anew || self.board.seq() == Seq::ZERO {
            self.board = desk.board.lock().clone();
        }
        self.cursor = Some(self.board.seq());
    }

    /// Reads at most so many records. Returns how many came.
    pub fn read(&mut self, desk: &Desk, most: usize, sabotage: Option<Sabotage>) -> Result<usize, String> {
        let Some(after) = self.cursor else { return Ok(0) };
        let mut entries: Vec<Entry> = Vec::new();
        let reach = desk.feed.read(after, |entry| {
            entries.push(entry.clone());
            entries.len() < most
        });
        if reach == Reach::TooOld {
            entries =
                read_back(desk.journal.as_ref(), after, most, 1 << 16, None).map_err(|error| error.to_string())?;
        }
        let mut upto = after;
        for entry in &entries {
            if entry.seq != upto.next() {
                return Err(format!("after {upto} came {}", entry.seq));
            }
            upto = entry.seq;
            if sabotage == Some(Sabotage::LeaveOut) && !self.left_out && entry.seq.get() % 7 == 0 {
                self.left_out = true;
                continue;
            }
            let record: Record =
                serde_json::from_slice(&entry.line).map_err(|error| format!("record {}: {error}", entry.seq))?;
            if record.seq != entry.seq || record.ticket != entry.ticket {
                return Err(format!("the line of record {} says {} of {}", entry.seq, record.seq, record.ticket));
            }
            let closed =
                |id| replay(desk.journal.as_ref(), id, record.version).ok().flatten().map(|state| state.ticket);
            self.board.apply_record(&record, closed).map_err(|misfit| misfit.to_string())?;
        }
        self.cursor = Some(upto);
        if let Some(hash) = desk.feed.board_hash_at(upto, Sight::ALL)
            && hash != self.board.hash()
        {
            return Err(format!("at {upto} the board's hash is {hash:x}, the reader's {:x}", self.board.hash()));
        }
        Ok(entries.len())
    }

    /// Reads to the end; then the two boards are the same, ticket by ticket.
    pub fn compare(&mut self, desk: &Desk, sabotage: Option<Sabotage>) -> Result<(), String> {
        if !self.is_connected() {
            self.connect(desk, false);
        }
        while self.read(desk, 64, sabotage)? > 0 {}
        let board = desk.board.lock();
        let same = board.len() == self.board.len()
            && board.tickets().zip(self.board.tickets()).all(|(one, other)| one.ticket == other.ticket);
        if same && board.hash() == self.board.hash() {
            Ok(())
        } else {
            Err(format!("a reader at {} does not have the desk's board at {}", self.board.seq(), board.seq()))
        }
    }

    /// A ticket that this agent has on the screen.
    pub fn some_ticket(&self, dice: &mut fastrand::Rng) -> Option<TicketId> {
        (!self.board.is_empty())
            .then(|| self.board.tickets().nth(dice.usize(..self.board.len())))?
            .map(|state| state.ticket.id)
    }
}
