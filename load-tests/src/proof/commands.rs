//! Commands against the journal: what was acknowledged is there once, in the place that was named; what was refused is not.

use std::collections::{HashMap, HashSet};

use super::{Evidence, Proof, number};
use crate::ledger::{Outcome, Sent};

/// The records of one command.
#[derive(Debug, Default)]
struct Effect<'a> {
    seqs: Vec<u64>,
    /// (ticket, version) of each.
    places: Vec<(u64, u64)>,
    kinds: Vec<&'a str>,
}

const ONCE: [&str; 5] = ["created", "message_added", "updated", "claimed", "released"];

pub fn acknowledged(evidence: &Evidence) -> Proof {
    let mut proof =
        Proof::new("every acknowledged command is in the journal, once, where it was said to be", "J48 S57");
    let effects = effects(evidence);
    let head = evidence.last.seq;
    let mut versions: HashMap<u64, u64> =
        evidence.base.board.iter().map(|ticket| (number(ticket, "id"), number(ticket, "version"))).collect();
    for record in &evidence.records {
        versions.insert(number(record, "ticket"), number(record, "version"));
    }
    let nothing = Effect::default();
    let mut ids = HashSet::new();
    for sent in &evidence.sent {
        let name = name(sent);
        if !ids.insert(sent.id.as_str()) {
            proof.broken(format!("{name} was answered twice"));
        }
        let effect = effects.get(sent.id.as_str()).unwrap_or(&nothing);
        proof.checked();
        if effect.seqs.windows(2).any(|pair| pair[0] + 1 != pair[1]) {
            proof.broken(format!("{name} took effect at several moments: seqs {:?}", effect.seqs));
        }
        for kind in ONCE {
            let times = effect.kinds.iter().filter(|found| **found == kind).count();
            if times > 1 {
                proof.broken(format!("{name} has {times} records `{kind}`: seqs {:?}", effect.seqs));
            }
        }
        let Outcome::Done { ticket, version, seq } = &sent.outcome else { continue };
        if effect.seqs.is_empty() {
            // Either nothing had to change, and the answer names an older record, or the record is lost.
            let kind = sent.body["type"].as_str().unwrap_or_default();
            if *seq > head || versions.get(ticket).is_none_or(|last| last < version) {
                proof.broken(format!("{name} was acknowledged at seq {seq} and is not in the journal"));
            } else if matches!(kind, "create" | "message" | "claim_next") || sent.body.get("tags").is_some() {
                proof.broken(format!("{name} was acknowledged at seq {seq} and has no record"));
            }
        } else if effect.seqs.last() != Some(seq) || effect.places.last() != Some(&(*ticket, *version)) {
            proof.broken(format!(
                "{name} was acknowledged as ticket {ticket} version {version} seq {seq}, its records are {:?} at {:?}",
                effect.places, effect.seqs
            ));
        }
    }
    proof
}

pub fn refused(evidence: &Evidence) -> Proof {
    let mut proof = Proof::new("what was refused left no trace", "S56 J24");
    let effects = effects(evidence);
    for sent in &evidence.sent {
        if matches!(sent.outcome, Outcome::Nothing | Outcome::Refused { .. }) {
            proof.checked();
            if let Some(effect) = effects.get(sent.id.as_str()) {
                let answer = sent.outcome.title();
                proof.broken(format!("{} was answered `{answer}` and has records {:?}", name(sent), effect.seqs));
            }
        }
    }
    proof
}

fn name(sent: &Sent) -> String {
    format!("{} {} ({:?})", sent.deed.name(), sent.id, sent.over)
}

fn effects(evidence: &Evidence) -> HashMap<&str, Effect<'_>> {
    let mut effects: HashMap<&str, Effect> = HashMap::new();
    for record in &evidence.records {
        if let Some(id) = record["command_id"].as_str() {
            let effect = effects.entry(id).or_default();
            effect.seqs.push(number(record, "seq"));
            effect.places.push((number(record, "ticket"), number(record, "version")));
            effect.kinds.push(record["event"]["type"].as_str().unwrap_or_default());
        }
    }
    effects
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::example::{done, evidence, record, sent};
    use super::*;
    use crate::people::deed::Deed;

    fn check(spoil: impl FnOnce(&mut Evidence), part: &str) {
        let mut evidence = evidence();
        spoil(&mut evidence);
        let proof = acknowledged(&evidence);
        assert!(proof.examples.iter().any(|example| example.contains(part)), "{part}: {proof:?}");
    }

    /// J48: an acknowledged command must be there once.
    #[test]
    fn lost_repeated_and_misplaced_commands_are_found() {
        check(|e| e.sent.push(sent("x", Deed::Note, (0, 1), done(1, 9, 9))), "not in the journal");
        check(|e| e.sent.push(sent("x", Deed::Note, (0, 1), done(1, 2, 4))), "has no record");
        check(|e| e.sent[2].outcome = done(1, 1, 1), "acknowledged as");
        check(|e| e.records.push(record(5, 1, 3, "d", "claimed", json!({}))), "2 records");
        check(|e| e.records.push(record(6, 1, 3, "d", "sla_paused", json!({}))), "several moments");
        check(|e| e.sent.push(e.sent[0].clone()), "answered twice");
    }

    #[test]
    fn several_records_of_one_command_are_one_effect_and_a_change_of_nothing_names_an_older_record() {
        let mut evidence = evidence();
        evidence.records.push(record(5, 1, 3, "x", "message_added", json!({})));
        evidence.records.push(record(6, 1, 4, "x", "sla_fulfilled", json!({})));
        evidence.last.seq = 6;
        evidence.sent.push(sent("x", Deed::Note, (70, 80), done(1, 4, 6)));
        evidence.sent.push(sent("y", Deed::Priority, (70, 80), done(1, 4, 6)));
        assert!(acknowledged(&evidence).holds(), "{:?}", acknowledged(&evidence));
    }

    /// S56: a refusal is no half-done command.
    #[test]
    fn a_refused_command_with_a_trace_is_found() {
        let mut evidence = evidence();
        evidence.sent[2].outcome = Outcome::Refused { code: "illegal_move".to_owned() };
        assert!(refused(&evidence).examples[0].contains("illegal_move"));
    }
}
