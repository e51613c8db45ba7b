//! docs/SPEC.md against the tests: every promise has one.

use std::collections::BTreeSet;

use crate::support_files::{files, read};

/// D62: every id in the document is cited by a test, and stands there once.
#[test]
fn d62_every_promise_is_cited_by_a_test() {
    let ids = promises(&read("docs/SPEC.md"));
    let unique: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "an id stands in docs/SPEC.md twice");
    assert!(ids.len() > 40, "the promises are gone");
    let mut cited: BTreeSet<String> = BTreeSet::new();
    for file in ["src", "tests", "load-tests", "client/src", "client/tests", "client/e2e"]
        .iter()
        .flat_map(|folder| files(folder, &["rs", "ts", "tsx", "mjs"]))
    {
        let text = read(file);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        cited.extend(words.filter(|word| is_id(word)).map(str::to_owned));
    }
    let missing: Vec<&String> = ids.iter().filter(|id| !cited.contains(*id)).collect();
    assert!(missing.is_empty(), "promised in docs/SPEC.md and cited by no test: {missing:?}");
}

/// `- **T1** sentence.`
fn promises(document: &str) -> Vec<String> {
    let ids = document.lines().filter_map(|line| line.strip_prefix("- **")?.split_once("**").map(|(id, _)| id));
    ids.map(|id| {
        assert!(is_id(id), "`{id}` is not a letter and a number");
        id.to_owned()
    })
    .collect()
}

fn is_id(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|letter| letter.is_ascii_uppercase())
        && !chars.as_str().is_empty()
        && chars.all(|digit| digit.is_ascii_digit())
}
