//! The journal by itself: seqs and versions follow each other, and its fold is the snapshot.

use std::collections::BTreeMap;

use super::{Evidence, Proof, number};
use crate::replica::Replica;

/// Also returns the board's hash after each record.
pub fn contiguous(evidence: &Evidence) -> (Proof, BTreeMap<u64, String>) {
    let mut proof = Proof::new(
        "seqs and versions have no gap, and the records' fold is the snapshot, field by field",
        "F60 F65 F51",
    );
    let mut replica = Replica::of(&evidence.base);
    let mut boards = BTreeMap::from([(replica.seq, replica.board_hash())]);
    for record in &evidence.records {
        proof.checked();
        if let Err(what) = replica.apply(record) {
            proof.broken(what);
            replica.seq = number(record, "seq");
        }
        boards.insert(replica.seq, replica.board_hash());
    }
    let last = &evidence.last;
    if last.epoch != evidence.base.epoch {
        proof.broken(format!("the epoch was {} and is {}", evidence.base.epoch, last.epoch));
    }
    if last.seq != replica.seq {
        proof.broken(format!("the snapshot stands at seq {}, the records end at {}", last.seq, replica.seq));
        return (proof, boards);
    }
    if last.board_hash != replica.board_hash() {
        let computed = replica.board_hash();
        proof.broken(format!("board_hash is {}, computed from the records {computed}", last.board_hash));
    }
    let mut board = replica.board();
    for ticket in &last.board {
        proof.checked();
        let id = number(ticket, "id");
        let Some(mine) = board.remove(&id) else {
            proof.broken(format!("ticket {id} of the snapshot is not active by its records"));
            continue;
        };
        let mut fields = mine.as_object().into_iter().flatten();
        if let Some((field, value)) = fields.find(|(field, value)| ticket.get(*field) != Some(*value)) {
            let theirs = &ticket[field.as_str()];
            proof.broken(format!("ticket {id}: {field} is {theirs} in the snapshot, {value} by its records"));
        }
    }
    for id in board.keys() {
        proof.broken(format!("ticket {id} is active by its records and not in the snapshot"));
    }
    (proof, boards)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::example::evidence;
    use super::*;

    fn check(spoil: impl FnOnce(&mut Evidence), part: &str) {
        let mut evidence = evidence();
        spoil(&mut evidence);
        let (proof, _) = contiguous(&evidence);
        assert!(proof.examples.iter().any(|example| example.contains(part)), "{part}: {proof:?}");
    }

    /// F65, F60: gaps, repeats, and a snapshot that is not the fold of the records.
    #[test]
    fn a_history_with_a_hole_or_another_snapshot_is_found() {
        check(|e| drop(e.records.remove(1)), "after seq 1 came seq 3");
        check(|e| e.records[3]["version"] = 4.into(), "came version 4");
        check(|e| e.last.board[0]["priority"] = "high".into(), "priority");
        check(|e| e.last.board_hash = "0".repeat(16), "board_hash");
        check(|e| drop(e.last.board.pop()), "not in the snapshot");
        check(|e| e.last.board.push(json!({ "id": 9, "version": 1 })), "ticket 9");
        check(|e| e.last.epoch = "f".to_owned(), "epoch");
        check(|e| e.last.seq = 9, "stands at seq 9");
    }
}
