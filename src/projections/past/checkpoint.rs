//! A board on disk: one line that says what it is, then one line a ticket, compressed.
//!
//! Derived data: a file that is not whole is refused here and made again from the journal. Called by [`super::Past`].

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::domain::ids::{Epoch, Seq};
use crate::domain::state::{Background, TicketState};
use crate::domain::ticket::Ticket;
use crate::journal::whole_file::whole_or_not;
use crate::projections::board::Board;

const FORMAT: u32 = 1;
const COMPRESSION: i32 = 3;

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    epoch: Epoch,
    seq: Seq,
    tickets: usize,
    hash: String,
}

#[derive(Debug, thiserror::Error)]
pub enum BadCheckpoint {
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("a line is not what was written: {0}")]
    Line(#[from] serde_json::Error),
    #[error("{0}")]
    Other(&'static str),
}

/// A file with that name is always whole.
pub fn save(path: &Path, epoch: &Epoch, board: &Board) -> io::Result<()> {
    let header =
        Header { format: FORMAT, epoch: epoch.clone(), seq: board.seq(), tickets: board.len(), hash: board.hash_hex() };
    whole_or_not(path, |unfinished| {
        let mut encoder = zstd::Encoder::new(BufWriter::new(File::create(unfinished)?), COMPRESSION)?;
        encoder.include_checksum(true)?;
        serde_json::to_writer(&mut encoder, &header)?;
        // The encoder takes a line more gladly than its hundred pieces.
        let mut line = Vec::with_capacity(1 << 10);
        for state in board.tickets() {
            line.clear();
            line.push(b'\n');
            serde_json::to_writer(&mut line, &state.ticket)?;
            encoder.write_all(&line)?;
        }
        encoder.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()
    })
}

/// Reads a board back, and checks that it is the one that was written for this journal.
pub fn load(path: &Path, epoch: &Epoch, seq: Seq) -> Result<Board, BadCheckpoint> {
    let mut lines = BufReader::new(zstd::Decoder::new(File::open(path)?)?);
    let mut line = Vec::new();
    lines.read_until(b'\n', &mut line)?;
    let header: Header = serde_json::from_slice(&line)?;
    if header.format != FORMAT || header.epoch != *epoch || header.seq != seq {
        return Err(BadCheckpoint::Other("it belongs to another journal or another build"));
    }
    let mut tickets = Vec::with_capacity(header.tickets.min(1 << 20));
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let ticket: Ticket = serde_json::from_slice(&line)?;
        tickets.push(TicketState { ticket, background: Background::default() });
    }
    let board = Board::load(seq, tickets);
    if board.len() != header.tickets || board.hash_hex() != header.hash {
        return Err(BadCheckpoint::Other("tickets are missing in it or were altered"));
    }
    Ok(board)
}
