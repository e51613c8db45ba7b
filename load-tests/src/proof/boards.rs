//! What people were shown against the journal: records, the board's hashes, and where every screen ended.

use std::collections::{BTreeMap, HashMap};

use super::{Evidence, Proof, digest, number};

/// Shown means durable: each record that anybody saw is in the journal as it was shown.
pub fn shown(evidence: &Evidence) -> Proof {
    let mut proof = Proof::new("every record that anybody was shown is in the journal, as it was shown", "F90 S52");
    let journal: HashMap<u64, u64> =
        evidence.records.iter().map(|record| (number(record, "seq"), digest(record))).collect();
    for (seq, shown) in &evidence.shown {
        proof.checked();
        match journal.get(seq) {
            Some(digest) if digest == shown => {}
            Some(_) => proof.broken(format!("record {seq} is not what was shown")),
            None => proof.broken(format!("record {seq} was shown and is not in the journal")),
        }
    }
    proof.checked = evidence.shown_count;
    proof
}

/// The hashes that came with `upto`, against the fold of the records at that seq.
pub fn told(evidence: &Evidence, boards: &BTreeMap<u64, String>) -> Proof {
    let mut proof = Proof::new("each board hash that anybody was told is that of the records up to then", "S63 F51");
    for (seq, hashes) in &evidence.boards {
        let Some(computed) = boards.get(seq) else {
            if *seq >= evidence.base.seq {
                proof.broken(format!("a board hash was told for seq {seq}, which is not in the journal"));
            }
            continue;
        };
        for (hash, times) in hashes {
            proof.checked += times;
            if hash != computed {
                proof.broken(format!("{times} were told the board {hash} at seq {seq}, its records give {computed}"));
            }
        }
    }
    proof
}

/// At the end everybody has everything, and every folded board is that of the records. The desk may write by itself while one after
/// the other leaves: whoever stands beyond what all were asked to wait for is compared where he stands.
pub fn ends(evidence: &Evidence, boards: &BTreeMap<u64, String>) -> Proof {
    let mut proof = Proof::new("in the end every screen has every record, and the desk's own board", "S52 S67 F51");
    for screen in &evidence.screens {
        proof.checked();
        if screen.seq < evidence.awaited {
            proof.broken(format!("{} stands at seq {}, all waited for {}", screen.name, screen.seq, evidence.awaited));
            continue;
        }
        match (&screen.board_hash, boards.get(&screen.seq)) {
            (Some(hash), Some(computed)) if hash != computed => {
                proof.broken(format!("{} has the board {hash}, the records give {computed}", screen.name));
            }
            (_, None) => proof.broken(format!("{} stands at seq {}, which no record has", screen.name, screen.seq)),
            _ => {}
        }
    }
    proof
}

#[cfg(test)]
mod tests {
    use super::super::example::evidence;
    use super::super::history::contiguous;
    use super::*;

    /// F90: nobody may be shown what is not in the journal.
    #[test]
    fn a_record_that_is_not_in_the_journal_as_it_was_shown_is_found() {
        let mut evidence = evidence();
        *evidence.shown.get_mut(&2).unwrap() += 1;
        evidence.shown.insert(5, 1);
        let proof = shown(&evidence);
        assert_eq!(proof.broken, 2, "{proof:?}");
    }

    /// S63: the hash with which a client checks its replica.
    #[test]
    fn a_wrong_hash_and_a_screen_that_lacks_something_are_found() {
        let mut evidence = evidence();
        let (_, boards) = contiguous(&evidence);
        assert!(told(&evidence, &boards).holds() && ends(&evidence, &boards).holds());
        evidence.boards.get_mut(&3).unwrap().insert("0".repeat(16), 7);
        assert!(told(&evidence, &boards).examples[0].starts_with("7 were told"));
        evidence.screens[0].board_hash = Some("0".repeat(16));
        assert!(ends(&evidence, &boards).examples[0].contains("has the board"));
        // Whoever is further than all waited for is compared where he stands.
        evidence.awaited = 2;
        evidence.screens[0].seq = 3;
        evidence.screens[0].board_hash = Some(boards[&3].clone());
        assert!(ends(&evidence, &boards).holds());
        evidence.awaited = 4;
        assert!(ends(&evidence, &boards).examples[0].contains("stands at seq 3"));
    }
}
