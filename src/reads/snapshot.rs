//! The whole board as one reply, serialised once for everybody who asks at the same time.
//!
//! A reply contains every write acknowledged before it was asked for; whoever comes while one is being made shares the next one.
//! Called by [`super::Reads`].

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Core, past_fault};
use crate::domain::ids::{Epoch, Seq};
use crate::domain::permissions::Sight;
use crate::domain::state::TicketState;
use crate::domain::time::Timestamp;
use crate::projections::board::{Board, ticket_hash};
use crate::protocol::problem::Problem;
use crate::protocol::reading::{At, SnapshotBytes};

#[derive(Default)]
pub struct Snapshots {
    /// For each sight that was asked for lately, newest last. Nobody gets one that was made for another sight.
    newest: Mutex<Vec<(Sight, SnapshotBytes)>>,
    /// Held while a reply is made.
    making: tokio::sync::Mutex<()>,
    /// The moment in the past that was asked for last.
    past: Mutex<Option<(Sight, u64, SnapshotBytes)>>,
    /// Counts what becomes visible or invisible: what was made of the past before that is not given out again.
    moves: AtomicU64,
    /// Counts the questions about the past.
    past_questions: AtomicU64,
}

/// Snapshots of the present that are kept, one a sight.
const SIGHTS_KEPT: usize = 4;

/// What a look into the past leaves in memory makes the next one quick; nobody needs it when none comes for so long.
const PAST_KEPT: Duration = Duration::from_secs(60);

impl Snapshots {
    fn newest(&self, least: Seq, sight: Sight) -> Option<SnapshotBytes> {
        let newest = self.newest.lock();
        newest.iter().find(|(own, made)| *own == sight && made.seq >= least).map(|(_, made)| made.clone())
    }

    fn put(&self, sight: Sight, made: SnapshotBytes) {
        let mut newest = self.newest.lock();
        newest.retain(|(own, _)| *own != sight);
        if newest.len() >= SIGHTS_KEPT {
            newest.remove(0);
        }
        newest.push((sight, made));
    }

    /// A ticket came into a private team, or left one.
    pub fn moved(&self) {
        self.moves.fetch_add(1, Ordering::AcqRel);
    }
}

/// The desk as it stands.
pub async fn now(core: &Arc<Core>, sight: Sight) -> Result<SnapshotBytes, Problem> {
    let asked_at = core.desk.read().board.seq();
    if let Some(made) = core.snapshots.newest(asked_at, sight) {
        return Ok(made);
    }
    let _making = core.snapshots.making.lock().await;
    if let Some(made) = core.snapshots.newest(asked_at, sight) {
        return Ok(made);
    }
    core.blocking(move |core| {
        let board = core.desk.read().board.clone();
        let seen = |state: &TicketState| core.sees(sight, &state.ticket);
        let made = serialise(&core.epoch, &board, sight, seen);
        core.snapshots.put(sight, made.clone());
        Ok(made)
    })
    .await
}

/// The desk as it stood.
pub async fn at(core: &Arc<Core>, at: At, sight: Sight) -> Result<SnapshotBytes, Problem> {
    let head = core.desk.read().board.seq();
    let future = |detail: String| Err(Problem::field("/at", "invalid", detail));
    match at {
        At::Seq(seq) if seq > head => {
            return future(format!("the desk has not come to seq {seq} yet: it is at {head}"));
        }
        At::Time(time) if time > Timestamp::from_millis(core.clock.now_millis()) => {
            return future(format!("{time} is in the future"));
        }
        At::Seq(seq) if seq == head => return now(core, sight).await,
        _ => {}
    }
    forget_later(core);
    core.blocking_long(move |core| {
        let seq = match at {
            At::Seq(seq) => seq,
            At::Time(time) => core.past.seq_at(time).map_err(|error| past_fault(&error))?,
        };
        let moves = core.snapshots.moves.load(Ordering::Acquire);
        let kept = core.snapshots.past.lock().clone();
        if let Some((_, _, made)) = kept.filter(|(own, at, made)| (*own, *at, made.seq) == (sight, moves, seq)) {
            return Ok(made);
        }
        let board = core.past.board_at(seq).map_err(|error| past_fault(&error))?;
        // A ticket is as visible as it is now: what went to a private team since is not shown as it was before.
        let mut hidden = HashSet::new();
        if !sight.is_whole() {
            for state in board.tickets() {
                let id = state.ticket.id;
                if !core.is_seen(id, sight)? {
                    hidden.insert(id);
                }
            }
        }
        let made = serialise(&core.epoch, &board, sight, |state| !hidden.contains(&state.ticket.id));
        *core.snapshots.past.lock() = Some((sight, moves, made.clone()));
        Ok(made)
    })
    .await
}

fn forget_later(core: &Arc<Core>) {
    let question = core.snapshots.past_questions.fetch_add(1, Ordering::Relaxed) + 1;
    let core = Arc::downgrade(core);
    tokio::spawn(async move {
        tokio::time::sleep(PAST_KEPT).await;
        if let Some(core) = core.upgrade()
            && core.snapshots.past_questions.load(Ordering::Relaxed) == question
        {
            core.past.forget();
            core.snapshots.past.lock().take();
        }
    });
}

/// The reply's body, byte for byte what serialising [`crate::protocol::views::Snapshot`] gives, without a copy of each ticket.
fn serialise(epoch: &Epoch, board: &Board, sight: Sight, seen: impl Fn(&TicketState) -> bool) -> SnapshotBytes {
    const WHY: &str = "invariant: wire types have string keys and finite numbers";
    let mut json = Vec::with_capacity(256 + board.len() * 768);
    json.extend_from_slice(b"{\"epoch\":");
    serde_json::to_writer(&mut json, epoch).expect(WHY);
    json.extend_from_slice(format!(",\"seq\":{},\"board\":[", board.seq()).as_bytes());
    let mut hash = 0;
    let tickets = board.tickets().filter(|state| sight.is_whole() || seen(state));
    for (index, state) in tickets.enumerate() {
        hash ^= ticket_hash(state.ticket.id, state.ticket.version);
        if index > 0 {
            json.push(b',');
        }
        serde_json::to_writer(&mut json, &state.ticket).expect(WHY);
    }
    json.extend_from_slice(format!("],\"board_hash\":\"{hash:016x}\"}}").as_bytes());
    json.shrink_to_fit();
    SnapshotBytes { seq: board.seq(), json: Bytes::from(json) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::views::Snapshot;

    #[test]
    fn the_body_is_that_of_the_wire_type() {
        let epoch = Epoch::from("e\"1");
        let board = Board::new();
        let typed = Snapshot { epoch: epoch.clone(), seq: Seq::ZERO, board: Vec::new(), board_hash: board.hash_hex() };
        assert_eq!(serialise(&epoch, &board, Sight::ALL, |_| true).json, serde_json::to_vec(&typed).unwrap());
    }
}
