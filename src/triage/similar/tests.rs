//! The index as a whole.

use proptest::prelude::*;

use super::*;

fn terms(subject: &str, body: &str) -> Terms {
    let mut terms = Terms::default();
    terms.read(subject, body);
    terms
}

fn index(texts: &[&str]) -> Index {
    let mut index = Index::new(100);
    for (id, text) in (1..).zip(texts) {
        index.insert(id, &terms(text, ""), None);
    }
    index
}

fn ids(index: &Index, text: &str, count: usize) -> Vec<u64> {
    let hits = index.search(&terms(text, ""), None, None, count, &mut Search::default());
    hits.iter().map(|hit| hit.id).collect()
}

const TEXTS: [&str; 5] = [
    "the printer is on fire",
    "printer prints blank pages",
    "cannot sign in to the portal",
    "invoice shows the wrong amount",
    "the portal is slow",
];

/// R9: what shares rare words comes first, and what shares nothing does not come.
#[test]
fn r9_rare_words_in_common_come_first() {
    let index = index(&TEXTS);
    assert_eq!(ids(&index, "my printer caught fire", 5), [1, 2]);
    assert_eq!(ids(&index, "the signing in to portal fails", 1), [3]);
    assert!(ids(&index, "zebra", 5).is_empty());
}

#[test]
fn the_ticket_that_asks_and_those_that_left_are_not_found() {
    let mut index = index(&TEXTS);
    let hits = index.search(&terms("printer on fire", ""), None, Some(1), 5, &mut Search::default());
    assert!(hits.iter().all(|hit| hit.id != 1) && hits[0].id == 2);
    index.remove(2);
    assert_eq!(ids(&index, "printer", 5), [1]);
    index.insert(1, &terms("a scanner", ""), None);
    assert!(ids(&index, "printer", 5).is_empty());
    assert_eq!((ids(&index, "scanner", 5), index.len()), (vec![1], 4));
}

/// R10: the classifier's category comes first, but not alone, and the same text comes once.
#[test]
fn r10_the_answer_is_of_the_category_and_diverse() {
    let mut index = Index::new(100);
    for (id, (text, category)) in (1..).zip([
        ("card payment declined in a shop", 0),
        ("card payment declined in a shop", 0),
        ("card payment declined online", 0),
        ("card payment declined again", 0),
        ("card payment declined abroad", 0),
        ("card payment fee", 1),
        ("card payment wrong amount", 2),
    ]) {
        index.insert(id, &terms(text, ""), Some(category));
    }
    let ranking = vec![(1, 0.7), (0, 0.2), (2, 0.1)];
    let prediction = Prediction { ranking, confidence: 0.7, out_of_scope: 0.1 };
    let hits =
        index.search(&terms("card payment declined in a shop", ""), Some(&prediction), None, 5, &mut Search::default());
    let found: Vec<_> = hits.iter().map(|hit| (hit.id, hit.category)).collect();
    assert_eq!(found[0], (6, Some(1)), "{found:?}");
    assert!(!(found.contains(&(1, Some(0))) && found.contains(&(2, Some(0)))), "{found:?}");
    assert_eq!(found.iter().filter(|(_, category)| *category == Some(0)).count(), 3, "{found:?}");
    assert!(found.contains(&(7, Some(2))), "{found:?}");
}

/// R11: the index is bounded, and the oldest leave first.
#[test]
fn r11_the_oldest_tickets_leave_a_full_index() {
    let mut index = Index::new(50);
    for id in 1..=500 {
        index.insert(id, &terms(&format!("ticket number {id}"), "with a common body"), None);
    }
    assert_eq!(index.len(), 50);
    assert!(ids(&index, "number 450", 50).iter().all(|id| *id > 450));
    assert_eq!(ids(&index, "number 499", 1), [499]);
    assert!(index.bytes() < 100_000, "{}", index.bytes());
}

proptest! {
    /// R9, R11: after any inserts and removals the answer is that of an index made of what is left.
    #[test]
    fn changes_and_a_fresh_index_come_to_the_same(
        changes in prop::collection::vec((1u64..12, prop::option::weighted(0.7, "[ab]{1,2}( [a-d]{1,2}){3}")), 1..60),
    ) {
        let mut changed = Index::new(100);
        let mut left: Vec<(u64, String)> = Vec::new();
        for (id, text) in changes {
            left.retain(|(other, _)| *other != id);
            match text {
                Some(text) => {
                    changed.insert(id, &terms(&text, ""), None);
                    left.push((id, text));
                }
                None => changed.remove(id),
            }
        }
        prop_assert_eq!(changed.len(), left.len());
        let mut fresh = Index::new(100);
        for (id, text) in &left {
            fresh.insert(*id, &terms(text, ""), None);
        }
        for (_, text) in &left {
            let mut one = ids(&changed, text, 50);
            let mut other = ids(&fresh, text, 50);
            one.sort_unstable();
            other.sort_unstable();
            prop_assert_eq!(one, other);
        }
    }
}
