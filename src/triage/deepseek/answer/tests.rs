//! Answers as the service gives them, and as nobody should.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const CATEGORIES: [&str; 2] = ["billing", "shipping"];

fn asked(count: usize) -> Vec<Asked> {
    let ticket =
        |at: usize| Asked { id: format!("id{at}"), check: format!("check{at}"), subject: "s".into(), text: "t".into() };
    (0..count).map(ticket).collect()
}

fn row(at: usize) -> Value {
    json!({
        "id": format!("id{at}"), "check": format!("check{at}"),
        "category": "billing", "category_sure": 0.9, "priority": "high", "priority_sure": 0.8,
        "sentiment": "negative", "sentiment_sure": 0.7, "language": "en", "language_sure": 1.0,
        "spam": false, "spam_sure": 0.9, "summary": " Charged\n twice ", "tags": ["Invoice", "invoice", " "],
    })
}

fn places(rows: Vec<Value>, count: usize) -> (Vec<usize>, Vec<usize>, usize) {
    let text = json!({"rows": rows}).to_string();
    match read(Some(&text), Finish::Stop, &asked(count), &CATEGORIES) {
        Answer::Rows { verdicts, missing, discarded } => {
            (verdicts.iter().map(|(place, _)| *place).collect(), missing, discarded)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_row_becomes_a_verdict() {
    let text = json!({"rows": [row(0)]}).to_string();
    let Answer::Rows { verdicts, .. } = read(Some(&text), Finish::Stop, &asked(1), &CATEGORIES) else {
        panic!("{text}")
    };
    let verdict = &verdicts[0].1;
    assert_eq!((verdict.category.value.as_str(), verdict.priority.value), ("billing", Priority::High));
    assert_eq!((verdict.summary.as_str(), &verdict.tags), ("Charged twice", &vec!["invoice".to_owned()]));
}

/// R22: rows with a foreign id, another's check value, a repeated id or a value outside its list are thrown away; the good
/// ones stay, and what has none is named.
#[test]
fn r22_only_rows_beyond_doubt_count() {
    let with = |at: usize, key: &str, value: Value| {
        let mut row = row(at);
        row[key] = value;
        row
    };
    assert_eq!(places(vec![row(1), row(0)], 2), (vec![0, 1], vec![], 0));
    assert_eq!(places(vec![row(0)], 3), (vec![0], vec![1, 2], 0));
    assert_eq!(places(vec![row(0), row(7)], 1), (vec![0], vec![], 1), "an id that nobody asked");
    assert_eq!(places(vec![row(0), row(0), row(1)], 2), (vec![1], vec![0], 2), "a repeated id");
    let swapped = vec![with(0, "check", json!("check1")), with(1, "check", json!("check0"))];
    assert_eq!(places(swapped, 2), (vec![], vec![0, 1], 2), "swapped rows");
    for (key, value) in [
        ("category", json!("sales")),
        ("priority", json!("asap")),
        ("category_sure", json!(1.2)),
        ("spam", json!("no")),
        ("language", json!("English")),
        ("summary", Value::Null),
        ("tags", json!("invoice")),
    ] {
        assert_eq!(places(vec![with(0, key, value), row(1)], 2), (vec![1], vec![0], 1), "{key}");
    }
}

/// R23: empty, cut, filtered and malformed answers are told apart, and none gives a row.
#[test]
fn r23_what_is_no_answer_gives_no_row() {
    let one = asked(1);
    let whole = json!({"rows": [row(0)]}).to_string();
    let read = |content, finish| read(content, finish, &one, &CATEGORIES);
    for blank in [None, Some(""), Some(" \n\t ")] {
        assert_eq!(read(blank, Finish::Stop), Answer::Empty);
    }
    assert_eq!(read(Some(&whole), Finish::Length), Answer::Cut, "whole by chance is still cut");
    assert_eq!(read(Some(&whole[..whole.len() - 3]), Finish::Stop), Answer::Cut);
    assert_eq!(read(Some(&whole), Finish::ContentFilter), Answer::Filtered);
    assert_eq!(read(Some(&whole), Finish::of(Some("insufficient_system_resource"))), Answer::Overloaded);
    for malformed in ["[]", "{\"rows\": 3}", "sure, here it is: {}", "{\"row\": []}"] {
        assert_eq!(read(Some(malformed), Finish::Stop), Answer::Malformed, "{malformed}");
    }
    assert_eq!(Finish::of(Some("brand_new_reason")), Finish::Other);
}

proptest! {
    /// R22: whatever rows come in whatever order, each ticket has exactly one place: answered or missing.
    #[test]
    fn every_ticket_is_answered_or_missing(rows in prop::collection::vec((0usize..6, any::<bool>()), 0..12)) {
        let rows: Vec<Value> = rows.into_iter().map(|(at, good)| {
            let mut row = row(at);
            if !good { row["check"] = json!("no") }
            row
        }).collect();
        let count = rows.len();
        let (answered, missing, discarded) = places(rows, 4);
        let mut all: Vec<usize> = answered.iter().chain(&missing).copied().collect();
        all.sort_unstable();
        prop_assert_eq!(all, vec![0, 1, 2, 3]);
        prop_assert_eq!(answered.len() + discarded, count);
    }

    #[test]
    fn no_text_is_a_panic(text in ".{0,200}") {
        read(Some(&text), Finish::Stop, &asked(2), &CATEGORIES);
    }
}
