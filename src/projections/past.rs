//! The board as it stood at any seq: the nearest checkpoint before it, and the records since.
//!
//! Checkpoints are files that can be made again from the journal at any time; damaged ones are passed over and removed.
//! Nothing here knows the present board. Called by `reads` on threads that may block, and by its keeper, which has
//! checkpoints written.

mod checkpoint;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Deserialize;

use crate::domain::ids::{Epoch, Seq, TicketId, Version};
use crate::domain::patch::Patch;
use crate::domain::ticket::Ticket;
use crate::domain::time::Timestamp;
use crate::journal::{Journal, JournalError, Stored};
use crate::projections::board::{Board, Misfit};

/// Records that are read at once.
const BATCH_RECORDS: usize = 2_000;
const BATCH_BYTES: usize = 4 << 20;

pub struct Past {
    journal: Arc<dyn Journal>,
    epoch: Epoch,
    /// `None` keeps no checkpoints.
    folder: Option<PathBuf>,
    /// The board that was asked for last: playing forward from it needs only the records between.
    recent: Mutex<Option<Board>>,
}

#[derive(Debug, thiserror::Error)]
pub enum PastError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the journal's records do not fit together: {0}")]
    Misfit(#[from] Misfit),
}

/// The part of a record that the board needs.
#[derive(Deserialize)]
struct Slim {
    seq: Seq,
    ticket: TicketId,
    version: Version,
    patch: Patch,
}

#[derive(Deserialize)]
struct Moment {
    at: Timestamp,
}

impl Past {
    pub fn new(journal: Arc<dyn Journal>, folder: Option<PathBuf>) -> Self {
        Self { epoch: journal.epoch(), journal, folder, recent: Mutex::new(None) }
    }

    /// The board after the record `seq` and before the next one.
    pub fn board_at(&self, seq: Seq) -> Result<Board, PastError> {
        let recent = self.recent.lock().clone().filter(|board| board.seq() <= seq);
        let board = self.checkpoint_before(seq, recent.as_ref().map_or(Seq::ZERO, Board::seq));
        let mut board = board.or(recent).unwrap_or_default();
        self.replay(&mut board, seq)?;
        *self.recent.lock() = Some(board.clone());
        Ok(board)
    }

    /// Lets go of the board that was asked for last.
    pub fn forget(&self) {
        self.recent.lock().take();
    }

    /// The seq of the last record that was written at `time` or before; 0 where there is none. Records' times grow with their
    /// seqs but for the milliseconds that it takes to write them.
    pub fn seq_at(&self, time: Timestamp) -> Result<Seq, PastError> {
        let (mut low, mut high) = (0, self.journal.head().seq.get());
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if self.moment(Seq(middle))? <= time { low = middle } else { high = middle - 1 }
        }
        Ok(Seq(low))
    }

    /// Takes in the records up to `seq`.
    pub fn replay(&self, board: &mut Board, seq: Seq) -> Result<(), PastError> {
        while board.seq() < seq {
            let missing = usize::try_from(seq.get() - board.seq().get()).unwrap_or(usize::MAX);
            let batch = self.journal.read(board.seq(), missing.min(BATCH_RECORDS), BATCH_BYTES)?;
            if batch.is_empty() {
                let what = format!("record {} cannot be found", board.seq().next());
                return Err(JournalError::Damaged { what }.into());
            }
            for stored in &batch {
                let slim: Slim = parse(stored)?;
                let mut fault = None;
                let outcome = board.apply_patch(slim.seq, slim.ticket, slim.version, slim.patch, |id| {
                    self.ticket_before(id, slim.version).unwrap_or_else(|error| {
                        fault = Some(error);
                        None
                    })
                });
                if let Some(fault) = fault {
                    return Err(fault);
                }
                outcome?;
            }
        }
        Ok(())
    }

    /// Writes a checkpoint. Without a folder there is nothing to do.
    pub fn save(&self, board: &Board) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        std::fs::create_dir_all(folder)?;
        checkpoint::save(&folder.join(name(board.seq())), &self.epoch, board)
    }

    pub fn keeps_checkpoints(&self) -> bool {
        self.folder.is_some()
    }

    /// The seq of the newest checkpoint; 0 without one.
    pub fn newest_checkpoint(&self) -> Seq {
        self.seqs().last().copied().unwrap_or_default()
    }

    /// The nearest whole checkpoint at or before `seq`, but after `better_than`.
    pub fn checkpoint_before(&self, seq: Seq, better_than: Seq) -> Option<Board> {
        let folder = self.folder.as_ref()?;
        let wanted = self.seqs().into_iter().rev().filter(|at| *at <= seq && *at > better_than);
        for at in wanted {
            let path = folder.join(name(at));
            match checkpoint::load(&path, &self.epoch, at) {
                Ok(board) => return Some(board),
                Err(error) => {
                    tracing::warn!(%error, seq = at.get(), "a checkpoint is not usable: it is removed");
                    if let Err(error) = std::fs::remove_file(&path) {
                        tracing::warn!(%error, "the checkpoint cannot be removed");
                    }
                }
            }
        }
        None
    }

    /// Removes checkpoints that the journal does not reach: they are another journal's.
    pub fn discard_after(&self, head: Seq) {
        let Some(folder) = &self.folder else { return };
        for seq in self.seqs().into_iter().filter(|seq| *seq > head) {
            tracing::warn!(seq = seq.get(), "a checkpoint lies beyond the journal: it is removed");
            if let Err(error) = std::fs::remove_file(folder.join(name(seq))) {
                tracing::warn!(%error, "the checkpoint cannot be removed");
            }
        }
    }

    /// Seqs of the checkpoints that lie on disk, ascending.
    fn seqs(&self) -> Vec<Seq> {
        let Some(entries) = self.folder.as_ref().and_then(|folder| std::fs::read_dir(folder).ok()) else {
            return Vec::new();
        };
        let mut seqs: Vec<Seq> = entries
            .filter_map(|entry| {
                let name = entry.ok()?.file_name();
                name.to_str()?.strip_prefix("board-")?.strip_suffix(".json.zst")?.parse().ok()
            })
            .collect();
        seqs.sort_unstable();
        seqs
    }

    /// A ticket as it stood before its record `version`, from its own records. Needed only for one that was closed then.
    fn ticket_before(&self, id: TicketId, version: Version) -> Result<Option<Ticket>, PastError> {
        let mut ticket: Option<Ticket> = None;
        loop {
            let after = ticket.as_ref().map_or(Version::ZERO, |ticket| ticket.version);
            let missing = usize::try_from(version.get().saturating_sub(after.get() + 1)).unwrap_or(usize::MAX);
            let batch = self.journal.read_ticket(id, after, missing.min(BATCH_RECORDS))?;
            if batch.is_empty() {
                return Ok(ticket);
            }
            for stored in &batch {
                let slim: Slim = parse(stored)?;
                ticket = match ticket {
                    None => slim.patch.into_ticket(id, slim.version),
                    Some(mut ticket) => {
                        slim.patch.apply_to(&mut ticket);
                        ticket.version = slim.version;
                        Some(ticket)
                    }
                };
            }
        }
    }

    fn moment(&self, seq: Seq) -> Result<Timestamp, PastError> {
        let stored = self.journal.read(Seq(seq.get() - 1), 1, usize::MAX)?;
        let stored =
            stored.first().ok_or_else(|| JournalError::Damaged { what: format!("record {seq} cannot be found") })?;
        Ok(parse::<Moment>(stored)?.at)
    }
}

fn name(seq: Seq) -> String {
    format!("board-{seq}.json.zst")
}

fn parse<T: serde::de::DeserializeOwned>(stored: &Stored) -> Result<T, JournalError> {
    serde_json::from_slice(&stored.json)
        .map_err(|error| JournalError::Damaged { what: format!("record {} cannot be read: {error}", stored.seq) })
}
