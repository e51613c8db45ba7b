//! Merges and links.

use super::*;
use crate::domain::state::LINKS;

/// Two tickets on one desk, 1 and 2.
struct Pair {
    rules: Rules,
    one: TicketState,
    two: TicketState,
}

impl Pair {
    fn new() -> Self {
        let rules = rules();
        let open = |id| decided(None, id, "ann", &Command::Create(new_ticket()), "open", START, &rules).unwrap().after;
        Self { one: open(1), two: open(2), rules }
    }

    /// Runs a command on ticket 1.
    fn run(&mut self, who: &str, id: &str, command: &Command) -> String {
        self.run_on(1, who, id, command)
    }

    fn run_on(&mut self, on: u64, who: &str, id: &str, command: &Command) -> String {
        let (this, other) = if on == 1 { (&self.one, &self.two) } else { (&self.two, &self.one) };
        let outcome = if needs_other(this, command).is_some() {
            assert_eq!(needs_other(this, command), Some(other.ticket.id));
            with_context(who, id, START + 1_000, &self.rules, |context| {
                decide_pair(this, other, None, command, context)
            })
        } else {
            decided(Some(this), on, who, command, id, START + 1_000, &self.rules)
                .map(|this| (this, Decision { drafts: Vec::new(), after: other.clone() }))
        };
        match outcome {
            Err(rejection) => told(Err(rejection)),
            Ok((this, other)) => {
                let text = format!("{} | {}", told(Ok(this.drafts)), told(Ok(other.drafts)));
                let (one, two) = if on == 1 { (this.after, other.after) } else { (other.after, this.after) };
                (self.one, self.two) = (one, two);
                text
            }
        }
    }
}

fn merge(into: u64) -> Command {
    Command::Merge(Merge { into: TicketId(into) })
}

fn link(to: u64, kind: LinkKind) -> Command {
    Command::Link(LinkTicket { to: TicketId(to), kind })
}

fn unlink(to: u64, kind: LinkKind) -> Command {
    Command::Unlink(LinkTicket { to: TicketId(to), kind })
}

/// T21: a merge closes the one ticket and links it to the other; both or none.
#[test]
fn t21_merge() {
    let mut pair = Pair::new();
    assert_eq!(
        pair.run("ann", "m", &merge(2)),
        "merged merged_into=2 status=closed | merged_in links=[{kind:merged_from,to:1}]"
    );
    assert_eq!(pair.run("ann", "m2", &merge(2)), "refused: a closed ticket is never changed again");
    assert_eq!(pair.run_on(2, "ann", "m3", &merge(1)), "refused: /into invalid");
    let mut pair = Pair::new();
    assert_eq!(pair.run("ann", "m", &merge(1)), "refused: /into invalid");
    let alone = decided(Some(&pair.one), 1, "ann", &merge(9), "m", START, &pair.rules);
    assert_eq!(told(alone.map(|_| Vec::new())), "refused: /into invalid");
}

/// T22: a link stands on both sides, each in its own words, and only once.
#[test]
fn t22_links() {
    let mut pair = Pair::new();
    assert_eq!(
        pair.run("ann", "1", &link(2, LinkKind::CausedBy)),
        "linked links=[{kind:caused_by,to:2}] | linked links=[{kind:causes,to:1}]"
    );
    assert_eq!(pair.run("ann", "2", &link(2, LinkKind::CausedBy)), "nothing | nothing");
    assert_eq!(pair.run_on(2, "ann", "3", &link(1, LinkKind::Causes)), "nothing | nothing");
    assert_eq!(pair.run("ann", "4", &link(2, LinkKind::MergedFrom)), "refused: /kind invalid");
    assert_eq!(pair.run("ann", "5", &link(1, LinkKind::Related)), "refused: /to invalid");
    assert_eq!(pair.run("ann", "6", &unlink(2, LinkKind::Related)), "nothing | nothing");
    assert_eq!(pair.run_on(2, "ann", "7", &unlink(1, LinkKind::Causes)), "unlinked links=[] | unlinked links=[]");
    assert_eq!(
        pair.run_on(2, "ann", "8", &undo("7")),
        "undone links=[{kind:causes,to:1}] | undone links=[{kind:caused_by,to:2}]"
    );
    assert_eq!(pair.run("ann", "9", &undo("1")), "undone links=[] | undone links=[]");
    assert_eq!(pair.run_on(2, "ann", "10", &status(Status::Closed)), "updated status=closed | nothing");
    assert_eq!(pair.run("ann", "11", &link(2, LinkKind::Related)), "refused: /to invalid");
    let mut pair = Pair::new();
    pair.run("ann", "1", &link(2, LinkKind::Related));
    pair.run("bob", "2", &unlink(2, LinkKind::Related));
    assert_eq!(pair.run("ann", "u", &undo("1")), "refused: this cannot be undone: the link was changed since");
    for kind in [LinkKind::Related, LinkKind::CausedBy, LinkKind::Causes, LinkKind::DuplicateOf, LinkKind::DuplicatedBy]
    {
        assert_eq!(kind.inverse().and_then(LinkKind::inverse), Some(kind));
    }
}

/// T33: the undo of a merge opens the closed ticket again, from either side, both or none.
#[test]
fn t33_undo_of_a_merge() {
    for side in [1, 2] {
        let mut pair = Pair::new();
        pair.run("bob", "c", &claim());
        let before = pair.one.ticket.clone();
        pair.run("ann", "m", &merge(2));
        pair.run_on(2, "bob", "n", &note());
        let told = pair.run_on(side, "ann", "u", &undo("m"));
        assert!(told.contains("merged_into=null status=open") && told.contains("links=[]"), "{told}");
        assert_eq!(Ticket { version: before.version, ..pair.one.ticket.clone() }, Ticket { ..before });
    }
    let mut pair = Pair::new();
    pair.run("ann", "m", &merge(2));
    assert_eq!(pair.run("bob", "u", &undo("m")), "refused: this needs the permission undo_others");
    pair.run_on(2, "bob", "c", &status(Status::Closed));
    assert_eq!(pair.run("ann", "u", &undo("m")), "refused: this cannot be undone: the other ticket is closed");
    assert_eq!(pair.run_on(2, "ann", "u", &undo("m")), "refused: a closed ticket is never changed again");
}

/// T22: a ticket has at most so many links; one more is refused, however it would come about.
#[test]
fn t22_links_are_bounded() {
    let mut pair = Pair::new();
    let full: Vec<_> =
        (1..=LINKS as u64).map(|id| Link { to: TicketId(1_000 + id), kind: LinkKind::Related }).collect();
    pair.run("ann", "first", &link(2, LinkKind::Related));
    pair.run("ann", "off", &unlink(2, LinkKind::Related));
    pair.two.ticket.links.clone_from(&full);
    assert_eq!(pair.run("ann", "c", &link(2, LinkKind::Causes)), "refused: /to too_many");
    assert_eq!(pair.run("ann", "c", &merge(2)), "refused: /into too_many");
    assert!(pair.run("ann", "c", &Command::Undo(Undo { command_id: "off".into() })).starts_with("refused: "));
    assert_eq!(pair.run_on(2, "ann", "c", &link(1, LinkKind::Causes)), "refused: /to too_many");
    pair.two.ticket.links.pop();
    assert!(!pair.run("ann", "c", &link(2, LinkKind::Causes)).starts_with("refused"));
}
