//! What must be true after a restart, checked from outside: records against acknowledgements, against what readers were
//! shown, against the snapshot, and against what the same calls said before.
//!
//! Collects violations and never stops at the first one of a round.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::load::{Outcome, Over, Sent, send_http, send_socket};
use crate::client::desk::Desk;
use crate::client::socket::Socket;
use crate::replica::{Replica, fnv1a};

const SHOWN_VIOLATIONS: usize = 20;

/// All that is known about the desk from its records alone.
#[derive(Debug, Default)]
pub struct Audit {
    epoch: Option<String>,
    replica: Replica,
    /// Digest of each record, by seq - 1: history must never change.
    digests: Vec<u64>,
    /// Hash of the board after each record.
    boards: Vec<String>,
    /// Where each command's records lie.
    effects: HashMap<String, Effect>,
    pub violations: Vec<String>,
}

/// The records of one command.
#[derive(Clone, Debug, Default)]
struct Effect {
    seqs: Vec<u64>,
    /// (ticket, version) of each.
    places: Vec<(u64, u64)>,
    kinds: Vec<String>,
}

impl Audit {
    pub fn violation(&mut self, what: String) {
        if self.violations.len() < SHOWN_VIOLATIONS {
            self.violations.push(what);
        }
    }

    /// Seq of the last record that was read.
    pub fn head(&self) -> u64 {
        self.replica.seq
    }

    /// Reads the records that are new, folds them, and checks their order.
    pub async fn catch_up(&mut self, desk: &mut Desk) -> Result<()> {
        loop {
            let page = desk.events(self.replica.seq).await?;
            match &self.epoch {
                None => self.epoch = Some(page.epoch),
                Some(epoch) if *epoch == page.epoch => {}
                Some(epoch) => {
                    let was = format!("the epoch was {epoch} and is {}", page.epoch);
                    self.violation(was);
                    self.epoch = Some(page.epoch);
                }
            }
            if page.records.is_empty() {
                return Ok(());
            }
            for record in page.records {
                self.take(&record);
            }
        }
    }

    fn take(&mut self, record: &Value) {
        if let Err(what) = self.replica.apply(record) {
            self.violation(what);
            // Go on behind it, or the same record would be asked for again.
            self.replica.seq = record["seq"].as_u64().unwrap_or(self.replica.seq + 1);
        }
        self.digests.push(digest(record));
        self.boards.push(self.replica.board_hash());
        if let Some(id) = record["command_id"].as_str() {
            let effect = self.effects.entry(id.to_owned()).or_default();
            effect.seqs.push(record["seq"].as_u64().unwrap_or_default());
            let number = |name: &str| record[name].as_u64().unwrap_or_default();
            effect.places.push((number("ticket"), number("version")));
            effect.kinds.push(record["event"]["type"].as_str().unwrap_or_default().to_owned());
        }
    }

    /// What a client was told about a command must be what the journal has.
    pub fn check(&mut self, sent: &Sent) {
        let effect = self.effects.get(&sent.id).cloned().unwrap_or_default();
        let kind = sent.body["type"].as_str().unwrap_or_default();
        let name = format!("{kind} {} ({:?})", sent.id, sent.over);
        if effect.seqs.windows(2).any(|pair| pair[0] + 1 != pair[1]) {
            self.violation(format!("{name} took effect at several moments: seqs {:?}", effect.seqs));
        }
        for kind in ["created", "message_added", "updated", "claimed", "released"] {
            let times = effect.kinds.iter().filter(|found| *found == kind).count();
            if times > 1 {
                self.violation(format!("{name} has {times} records `{kind}`: seqs {:?}", effect.seqs));
            }
        }
        match &sent.outcome {
            Outcome::Done { ticket, version, seq } if effect.seqs.is_empty() => {
                // Either nothing had to change, and the answer names an older record, or the record is lost.
                if *seq > self.head() || self.replica.version(*ticket).is_none_or(|last| last < *version) {
                    self.violation(format!("{name} was acknowledged at seq {seq} and is not in the journal"));
                } else if matches!(kind, "create" | "message" | "claim_next") {
                    self.violation(format!("{name} was acknowledged and has no record"));
                } else if sent.body.get("tags").is_some() {
                    self.violation(format!(
                        "{name} set tags of its own, was acknowledged at seq {seq} and has no record"
                    ));
                }
            }
            Outcome::Done { ticket, version, seq } => {
                if effect.seqs.last() != Some(seq) || effect.places.last() != Some(&(*ticket, *version)) {
                    self.violation(format!(
                        "{name} was acknowledged as ticket {ticket} version {version} seq {seq}, its records are {:?} at {:?}",
                        effect.places, effect.seqs
                    ));
                }
            }
            Outcome::Nothing | Outcome::Refused { .. } if !effect.seqs.is_empty() => {
                self.violation(format!(
                    "{name} was answered `{}` and has records {:?}",
                    sent.outcome.title(),
                    effect.seqs
                ));
            }
            Outcome::Nothing | Outcome::Refused { .. } | Outcome::InDoubt => {}
        }
    }

    /// Sends commands again with their ids: what had taken effect must be answered as it was and not be done again. Returns
    /// how many had taken effect.
    pub async fn repeat(&mut self, desk: &mut Desk, commands: &[&Sent]) -> Result<u64> {
        if commands.is_empty() {
            return Ok(0);
        }
        let (mut socket, _) = Socket::open(&desk.target, &[], None).await?;
        let mut already_done = 0;
        let mut answered = Vec::new();
        for sent in commands {
            let effect = self.effects.get(&sent.id).cloned();
            already_done += u64::from(effect.is_some());
            let again = match sent.over {
                Over::Http => send_http(&mut desk.http, sent).await,
                Over::Socket => send_socket(&mut socket, sent).await,
            };
            let again = again.with_context(|| format!("cannot repeat {} {}", sent.body["type"], sent.id))?;
            answered.push(Sent { outcome: again.clone(), ..(*sent).clone() });
            let Some(effect) = effect else { continue };
            let (ticket, version) = effect.places.last().copied().unwrap_or_default();
            let first = Outcome::Done { ticket, version, seq: effect.seqs.last().copied().unwrap_or_default() };
            if again != first {
                self.violation(format!("{} {}: first {first:?}, repeated {again:?}", sent.body["type"], sent.id));
            }
        }
        let before: HashMap<_, _> =
            commands.iter().filter_map(|sent| Some((&sent.id, self.effects.get(&sent.id)?.clone()))).collect();
        self.catch_up(desk).await?;
        for sent in &answered {
            self.check(sent);
        }
        for sent in commands {
            if let (Some(before), Some(after)) = (before.get(&sent.id), self.effects.get(&sent.id))
                && before.seqs != after.seqs
            {
                let what = format!("repeating {} wrote again: {:?}, then {:?}", sent.id, before.seqs, after.seqs);
                self.violation(what);
            }
        }
        Ok(already_done)
    }

    /// A record that a reader was shown must be in the journal as it was shown.
    pub fn check_shown(&mut self, seq: u64, digest: u64) {
        let known = seq.checked_sub(1).and_then(|place| self.digests.get(place as usize));
        if known != Some(&digest) {
            self.violation(format!("record {seq} is not what a reader was shown"));
        }
    }

    /// The board's hash that a reader was told at a seq.
    pub fn check_board(&mut self, seq: u64, hash: &str) {
        let computed = seq.checked_sub(1).and_then(|place| self.boards.get(place as usize)).cloned();
        if let Some(computed) = computed
            && computed != hash
        {
            self.violation(format!(
                "a reader was told the board {hash} at seq {seq}, computed from the records {computed}"
            ));
        }
    }

    /// Snapshot = fold of the records, ticket by ticket and by hash.
    pub async fn compare_snapshot(&mut self, desk: &mut Desk) -> Result<()> {
        let mut snapshot = desk.snapshot().await?;
        self.catch_up(desk).await?;
        // The desk may write by itself, between the two questions too; it does not do so all the time.
        for _ in 0..5 {
            if snapshot.seq >= self.head() {
                break;
            }
            snapshot = desk.snapshot().await?;
            self.catch_up(desk).await?;
        }
        if snapshot.seq != self.head() {
            self.violation(format!("the snapshot stands at seq {}, the records end at {}", snapshot.seq, self.head()));
            return Ok(());
        }
        if Some(&snapshot.epoch) != self.epoch.as_ref() {
            self.violation(format!("the snapshot is of epoch {}", snapshot.epoch));
        }
        if snapshot.board_hash != self.replica.board_hash() {
            let computed = self.replica.board_hash();
            self.violation(format!("board_hash is {}, computed from the records {computed}", snapshot.board_hash));
        }
        let mut board = self.replica.board();
        for ticket in &snapshot.board {
            let id = ticket["id"].as_u64().unwrap_or_default();
            match board.remove(&id) {
                None => self.violation(format!("ticket {id} of the snapshot is not active by its records")),
                Some(mine) => {
                    let differs = mine
                        .as_object()
                        .into_iter()
                        .flatten()
                        .find(|(field, value)| ticket.get(*field) != Some(*value));
                    if let Some((field, value)) = differs {
                        let theirs = &ticket[field.as_str()];
                        self.violation(format!(
                            "ticket {id}: {field} is {theirs} in the snapshot, {value} by its records"
                        ));
                    }
                }
            }
        }
        for id in board.keys() {
            self.violation(format!("ticket {id} is active by its records and not in the snapshot"));
        }
        Ok(())
    }

    /// Reads the journal once more from its beginning: history must be what it was when it was read piece by piece.
    pub async fn read_everything_again(&mut self, desk: &mut Desk) -> Result<()> {
        let records = desk.all_events(0).await?;
        let digests: Vec<_> = records.iter().map(digest).collect();
        if digests.len() != self.digests.len() {
            self.violation(format!(
                "{} records were read one after the other, {} at once",
                self.digests.len(),
                digests.len()
            ));
        }
        if let Some(at) = digests.iter().zip(&self.digests).position(|(now, then)| now != then) {
            self.violation(format!("record {} has changed since it was first read", at + 1));
        }
        Ok(())
    }
}

/// Over the fields that both transports send, in one order.
pub fn digest(record: &Value) -> u64 {
    let fields = ["seq", "ticket", "version", "at", "by", "command_id", "event", "patch"];
    fields.iter().fold(0, |sum: u64, field| sum.rotate_left(7) ^ fnv1a(record[*field].to_string().as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn audit(records: &[(u64, u64, u64, &str, &str)]) -> Audit {
        let mut audit = Audit::default();
        for (seq, ticket, version, id, kind) in records {
            audit.take(&json!({
                "seq": seq, "ticket": ticket, "version": version, "command_id": id,
                "event": { "type": kind }, "patch": { "status": "open" },
            }));
        }
        audit
    }

    fn check(records: &[(u64, u64, u64, &str, &str)], kind: &str, outcome: Outcome, expect: Option<&str>) {
        let mut audit = audit(records);
        audit.check(&Sent {
            id: "a".to_owned(),
            over: Over::Http,
            ticket: Some(1),
            body: json!({ "type": kind }),
            outcome,
        });
        match (expect, audit.violations.first()) {
            (None, None) => {}
            (Some(part), Some(found)) if found.contains(part) => {}
            (expect, found) => panic!("expected {expect:?}, found {found:?}"),
        }
    }

    #[test]
    fn an_acknowledged_command_must_be_there_once() {
        let done = Outcome::Done { ticket: 1, version: 2, seq: 2 };
        let created = (1, 1, 1, "x", "created");
        check(&[created, (2, 1, 2, "a", "message_added")], "message", done.clone(), None);
        check(&[created], "message", done.clone(), Some("not in the journal"));
        check(&[created, (2, 1, 2, "b", "updated")], "message", done.clone(), Some("has no record"));
        let twice = [created, (2, 1, 2, "a", "message_added"), (3, 1, 3, "a", "message_added")];
        check(&twice, "message", Outcome::Done { ticket: 1, version: 3, seq: 3 }, Some("2 records"));
        let apart = [created, (2, 1, 2, "a", "message_added"), (3, 1, 3, "b", "updated"), (4, 1, 4, "a", "sla_paused")];
        check(&apart, "message", Outcome::Done { ticket: 1, version: 4, seq: 4 }, Some("several moments"));
        check(
            &[created, (2, 1, 2, "a", "message_added")],
            "message",
            Outcome::Done { ticket: 1, version: 3, seq: 3 },
            Some("acknowledged as"),
        );
    }

    #[test]
    fn several_records_of_one_command_are_one_effect() {
        let records = [(1, 1, 1, "x", "created"), (2, 1, 2, "a", "message_added"), (3, 1, 3, "a", "sla_fulfilled")];
        check(&records, "message", Outcome::Done { ticket: 1, version: 3, seq: 3 }, None);
    }

    #[test]
    fn a_change_of_nothing_names_an_older_record() {
        check(&[(1, 1, 1, "x", "created")], "update", Outcome::Done { ticket: 1, version: 1, seq: 1 }, None);
    }

    #[test]
    fn a_refused_command_must_leave_no_trace() {
        let refused = Outcome::Refused { code: "illegal_move".to_owned() };
        check(&[(1, 1, 1, "a", "created")], "update", refused, Some("illegal_move"));
    }

    #[test]
    fn gaps_are_violations() {
        assert_eq!(audit(&[(1, 1, 1, "x", "created"), (3, 1, 2, "y", "updated")]).violations.len(), 1);
        assert_eq!(audit(&[(1, 1, 1, "x", "created"), (2, 1, 3, "y", "updated")]).violations.len(), 1);
    }
}
