//! What must be true at the end of a run, checked from outside: commands against the journal, the journal against what everybody
//! was shown, boards against records, claims against the queue's order.
//!
//! Pure: evidence in, proofs out. Each proof says how much it looked at, so that one that looked at nothing is seen. Called by
//! `run`; the same evidence, spoilt on purpose, must fail (`run::mutation`).

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::desk::Snapshot;
use crate::ledger::{Ledger, Promise, Sent};
use crate::people::Last;
use crate::replica::fnv1a;

mod boards;
mod claims;
mod commands;
mod history;
pub mod windows;

const KEPT: usize = 20;

/// One promise, how often it was looked at, and where it was broken.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Proof {
    pub promise: String,
    /// Ids in docs/SPEC.md.
    pub ids: String,
    pub checked: u64,
    pub broken: u64,
    /// The first few, in words.
    pub examples: Vec<String>,
}

impl Proof {
    pub fn new(promise: &str, ids: &str) -> Self {
        Self { promise: promise.to_owned(), ids: ids.to_owned(), checked: 0, broken: 0, examples: Vec::new() }
    }

    pub fn checked(&mut self) {
        self.checked += 1;
    }

    pub fn broken(&mut self, what: impl Into<String>) {
        self.broken += 1;
        if self.examples.len() < KEPT {
            self.examples.push(what.into());
        }
    }

    pub fn holds(&self) -> bool {
        self.broken == 0
    }
}

/// Everything that is known about a run.
#[derive(Debug)]
pub struct Evidence {
    /// The desk before the load began, and when it was over.
    pub base: Snapshot,
    pub last: Snapshot,
    /// The seq that all screens were to reach before they left.
    pub awaited: u64,
    /// All records between them.
    pub records: Vec<Value>,
    pub sent: Vec<Sent>,
    /// Sum of each record that anybody was shown, by seq, and how many were shown in all.
    pub shown: BTreeMap<u64, u64>,
    pub shown_count: u64,
    /// The board's hashes that anybody was told, by seq.
    pub boards: BTreeMap<u64, HashMap<String, u64>>,
    pub screens: Vec<Last>,
}

/// Holds the evidence against every promise.
pub fn prove(evidence: &Evidence, ledger: &Ledger) -> Vec<Proof> {
    let mut proofs = vec![commands::acknowledged(evidence), commands::refused(evidence)];
    let (history, boards) = history::contiguous(evidence);
    proofs.push(history);
    proofs.push(boards::shown(evidence));
    proofs.push(noted(
        ledger,
        Promise::Order,
        "each client saw every record once, in order, and the same as all others",
        "S52 F65",
        ledger.shown(),
    ));
    proofs.push(noted(ledger, Promise::Resume, "who came back went on where they stopped", "S53", ledger.shown()));
    let mut told = boards::told(evidence, &boards);
    let own = ledger.faults(Promise::Boards);
    told.broken += own.count;
    told.examples.extend(own.first);
    proofs.push(told);
    proofs.push(boards::ends(evidence, &boards));
    proofs.push(claims::once(evidence));
    proofs.push(claims::order(evidence));
    let reads = ledger.reads.load(std::sync::atomic::Ordering::Relaxed);
    proofs.push(noted(
        ledger,
        Promise::Reads,
        "reads hold what was acknowledged before they were asked",
        "F52 F60",
        reads,
    ));
    let sent = evidence.sent.len() as u64;
    proofs.push(noted(ledger, Promise::Answers, "every answer is one that the contract knows", "S56", sent));
    proofs
}

fn noted(ledger: &Ledger, promise: Promise, name: &str, ids: &str, checked: u64) -> Proof {
    let faults = ledger.faults(promise);
    Proof { checked, broken: faults.count, examples: faults.first, ..Proof::new(name, ids) }
}

/// Over the fields that both transports send, in one order.
pub fn digest(record: &Value) -> u64 {
    let fields = ["seq", "ticket", "version", "at", "by", "command_id", "event", "patch"];
    fields.iter().fold(0, |sum: u64, field| sum.rotate_left(7) ^ fnv1a(record[*field].to_string().as_bytes()))
}

fn number(record: &Value, name: &str) -> u64 {
    record[name].as_u64().unwrap_or_default()
}

#[cfg(test)]
pub mod example {
    //! A small true history that each proof's tests spoil in their own way.

    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::ledger::{Outcome, Over};
    use crate::people::deed::Deed;
    use crate::replica::Replica;

    pub fn record(seq: u64, ticket: u64, version: u64, id: &str, kind: &str, patch: Value) -> Value {
        json!({
            "seq": seq, "ticket": ticket, "version": version, "at": "x", "by": "u", "command_id": id,
            "event": { "type": kind }, "patch": patch,
        })
    }

    pub fn sent(id: &str, deed: Deed, ms: (u64, u64), outcome: Outcome) -> Sent {
        let kind = match deed {
            Deed::ClaimNext => "claim_next",
            Deed::Create => "create",
            Deed::Note | Deed::Reply | Deed::Inbound | Deed::Solve => "message",
            _ => "update",
        };
        Sent {
            id: id.to_owned(),
            deed,
            who: 0,
            over: Over::Socket,
            ticket: None,
            body: json!({ "type": kind }),
            asked: Duration::from_millis(ms.0),
            answered: Duration::from_millis(ms.1),
            repeated: false,
            outcome,
        }
    }

    pub fn done(ticket: u64, version: u64, seq: u64) -> Outcome {
        Outcome::Done { ticket, version, seq }
    }

    pub fn snapshot(replica: &Replica) -> Snapshot {
        Snapshot {
            epoch: "e".to_owned(),
            seq: replica.seq,
            board: replica.board().into_values().collect(),
            board_hash: replica.board_hash(),
        }
    }

    /// Two tickets are opened, the urgent one is claimed, then the other one.
    pub fn evidence() -> Evidence {
        let new = |priority: &str, at: &str| json!({ "status": "new", "priority": priority, "assignee": null, "team": null, "created_at": at });
        let mine = json!({ "status": "open", "assignee": "u" });
        let records = vec![
            record(1, 1, 1, "a", "created", new("low", "1")),
            record(2, 2, 1, "b", "created", new("urgent", "2")),
            record(3, 2, 2, "c", "claimed", mine.clone()),
            record(4, 1, 2, "d", "claimed", mine),
        ];
        let base = snapshot(&Replica::default());
        let mut replica = Replica::default();
        let mut boards = BTreeMap::new();
        for record in &records {
            replica.apply(record).unwrap();
            boards.insert(replica.seq, [(replica.board_hash(), 1)].into());
        }
        let last = snapshot(&replica);
        Evidence {
            screens: vec![Last { name: "agent 1".to_owned(), seq: 4, board_hash: Some(last.board_hash.clone()) }],
            base,
            last,
            awaited: 4,
            shown: records.iter().map(|record| (number(record, "seq"), digest(record))).collect(),
            shown_count: 4,
            records,
            sent: vec![
                sent("a", Deed::Create, (0, 10), done(1, 1, 1)),
                sent("b", Deed::Create, (10, 20), done(2, 1, 2)),
                sent("c", Deed::ClaimNext, (30, 40), done(2, 2, 3)),
                sent("d", Deed::ClaimNext, (50, 60), done(1, 2, 4)),
            ],
            boards,
        }
    }

    #[test]
    fn a_true_history_holds() {
        for proof in prove(&evidence(), &Ledger::default()) {
            assert!(proof.holds(), "{proof:?}");
        }
    }
}
