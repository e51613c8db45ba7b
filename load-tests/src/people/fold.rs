//! One client's board, folded from the records that it was shown.
//!
//! Pure. Keeps versions only: what is in the records is the same for everybody (see `ledger`), so order, versions and the hash
//! are what can differ between clients. Called by `screen`.

use std::collections::HashMap;

use crate::client::desk::Snapshot;
use crate::client::listen::Head;
use crate::replica::fnv1a;

#[derive(Clone, Debug, Default)]
pub struct Fold {
    pub seq: u64,
    active: HashMap<u64, u64>,
    hash: u64,
}

impl Fold {
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut fold = Self { seq: snapshot.seq, ..Self::default() };
        for ticket in &snapshot.board {
            if let (Some(id), Some(version)) = (ticket["id"].as_u64(), ticket["version"].as_u64()) {
                fold.hash ^= share(id, version);
                fold.active.insert(id, version);
            }
        }
        fold
    }

    /// Applies a record, or says why it cannot be the next one; then it stands behind it all the same.
    pub fn apply(&mut self, record: &Head<'_>) -> Result<(), String> {
        let Head { seq, ticket, version, .. } = *record;
        let mut wrong = Ok(());
        if seq != self.seq + 1 {
            wrong = Err(format!("after seq {} came seq {seq}", self.seq));
        }
        self.seq = seq;
        let before = self.active.remove(&ticket);
        if let Some(before) = before {
            self.hash ^= share(ticket, before);
            if version != before + 1 && wrong.is_ok() {
                wrong = Err(format!("ticket {ticket}: after version {before} came version {version} (seq {seq})"));
            }
        }
        // A ticket that is not on the board was closed, unless its status says otherwise.
        let active = match record.closes() {
            Some(closes) => !closes,
            None => before.is_some(),
        };
        if active {
            self.hash ^= share(ticket, version);
            self.active.insert(ticket, version);
        }
        wrong
    }

    pub fn board_hash(&self) -> String {
        format!("{:016x}", self.hash)
    }
}

fn share(id: u64, version: u64) -> u64 {
    fnv1a(format!("{id}:{version}").as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::listen::{Line, line};

    fn apply(fold: &mut Fold, seq: u64, ticket: u64, version: u64, patch: &str) -> Result<(), String> {
        let text = format!(
            r#"{{"t":"rec","seq":{seq},"ticket":{ticket},"version":{version},"command_id":null,"patch":{patch}}}"#
        );
        match line(&text).unwrap() {
            Line::Record(head) => fold.apply(&head),
            Line::Other(other) => panic!("{other:?}"),
        }
    }

    /// F51, C6: the hash of a folded board is that of its tickets.
    #[test]
    fn a_board_is_folded_from_a_snapshot_and_what_follows() {
        let board = vec![json!({ "id": 1, "version": 3 }), json!({ "id": 2, "version": 1 })];
        let snapshot = Snapshot { epoch: "e".to_owned(), seq: 4, board, board_hash: String::new() };
        let mut fold = Fold::of(&snapshot);
        apply(&mut fold, 5, 2, 2, r#"{"status":"closed"}"#).unwrap();
        apply(&mut fold, 6, 3, 1, r#"{"status":"new"}"#).unwrap();
        apply(&mut fold, 7, 1, 4, r#"{"tags":[]}"#).unwrap();
        apply(&mut fold, 8, 2, 3, r#"{"links":[]}"#).unwrap();
        assert_eq!(fold.board_hash(), format!("{:016x}", share(1, 4) ^ share(3, 1)));
    }

    /// S52, S53: each record once, in order.
    #[test]
    fn gaps_repeats_and_swaps_are_found() {
        let mut fold = Fold::default();
        apply(&mut fold, 1, 1, 1, r#"{"status":"new"}"#).unwrap();
        assert!(apply(&mut fold.clone(), 3, 2, 1, r#"{"status":"new"}"#).is_err());
        assert!(apply(&mut fold.clone(), 1, 1, 1, "{}").is_err());
        assert!(apply(&mut fold, 2, 1, 3, "{}").unwrap_err().contains("version"));
    }
}
