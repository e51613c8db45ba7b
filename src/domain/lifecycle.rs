//! The lifecycle: which status may become which. One table, read by `decide` and shown to people by [`moves`].

use std::collections::BTreeMap;

use super::ticket::Status;

use Status::{Closed, New, OnHold, Open, Pending, Solved};

/// From each status to those that it may become. `new` is where a ticket begins and only undo leads back there; nothing leads
/// out of `closed` but the undo of the merge that closed the ticket.
const TABLE: [(Status, &[Status]); 6] = [
    (New, &[Open, Pending, OnHold, Solved, Closed]),
    (Open, &[Pending, OnHold, Solved, Closed]),
    (Pending, &[Open, OnHold, Solved, Closed]),
    (OnHold, &[Open, Pending, Solved, Closed]),
    (Solved, &[Open, Pending, OnHold, Closed]),
    (Closed, &[]),
];

/// Whether a command may make `to` out of `from`. Staying is no move.
pub fn may_become(from: Status, to: Status) -> bool {
    TABLE.iter().any(|(status, next)| *status == from && next.contains(&to))
}

/// The table, for clients and documents.
pub fn moves() -> BTreeMap<Status, Vec<Status>> {
    TABLE.iter().map(|(from, to)| (*from, to.to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T1: the table has a row for each status and prints as the documents show it.
    #[test]
    fn the_table_is_the_documented_one() {
        let all = [New, Open, Pending, OnHold, Solved, Closed];
        let row = |head: &str, cells: [&str; 6]| format!("| {head} | {} |\n", cells.join(" | "));
        let mut text = row("from \\ to", all.map(Status::name)) + &row("---", ["---"; 6]);
        for (from, next) in moves() {
            text += &row(from.name(), all.map(|to| if next.contains(&to) { "yes" } else { "" }));
        }
        insta::assert_snapshot!(text, @r"
        | from \ to | new | open | pending | on_hold | solved | closed |
        | --- | --- | --- | --- | --- | --- | --- |
        | new |  | yes | yes | yes | yes | yes |
        | open |  |  | yes | yes | yes | yes |
        | pending |  | yes |  | yes | yes | yes |
        | on_hold |  | yes | yes |  | yes | yes |
        | solved |  | yes | yes | yes |  | yes |
        | closed |  |  |  |  |  |  |
        ");
    }

    /// T2: nothing becomes new again, nothing leaves closed.
    #[test]
    fn new_is_never_come_back_to_and_closed_is_final() {
        for (from, next) in moves() {
            assert!(!next.contains(&New), "{from:?}");
            assert!(!next.contains(&from), "{from:?}");
            assert_eq!(next.is_empty(), from == Closed, "{from:?}");
        }
    }
}
