//! What undo brings back, and when it is refused.

use serde_json::json;

use super::*;
use crate::domain::event::Event;
use crate::domain::patch::Patch;
use crate::domain::record::Draft;
use crate::domain::time::Timestamp;

/// T30: undo brings back what the command changed. T34: and the one before it, and so on.
#[test]
fn t30_t34_undo() {
    check(&[("ann", priority(Priority::High))], ("ann", undo("c1")), "undone priority=normal");
    check(&[("ann", claim())], ("ann", undo("c1")), "undone assignee=null status=new");
    check(&[("ann", status(Status::Solved))], ("ann", undo("c1")), "undone solved_at=null status=new");
    let desk = check(&[("ann", claim()), ("ann", release())], ("ann", undo("c2")), "undone assignee=ann");
    assert!(desk.state.background.claim.is_some(), "the claim stands again");
    let desk = check(&[("ann", claim()), ("ann", skip())], ("ann", undo("c2")), "undone assignee=ann");
    assert!(desk.state.background.skips.is_empty());
    let desk = check(&[("ann", skip()), ("ann", skip())], ("ann", undo("c2")), "undone");
    assert_eq!(desk.state.background.skips.len(), 1);
    let given = [("ann", priority(Priority::High)), ("ann", priority(Priority::Low)), ("ann", undo("c2"))];
    check(&given, ("ann", undo("c1")), "undone priority=normal");
    check(&[("ann", priority(Priority::High)), ("bob", claim())], ("ann", undo("c1")), "undone priority=normal");
    check(
        &[("ann", claim()), ("ann", reply())],
        ("ann", undo("c1")),
        "refused: this cannot be undone: the ticket is in hand by now",
    );
}

/// T31: where somebody acted on the same field since, undo is refused and names him.
#[test]
fn t31_undo_is_refused_when_the_field_moved_on() {
    let cannot = |given: &[(&str, Command)], when: (&str, Command)| {
        let mut desk = Desk::new();
        for (who, command) in given {
            desk.run(who, command).unwrap();
        }
        match desk.run(when.0, &when.1) {
            Err(Rejection::CannotUndo { by, .. }) => by.map(|by| by.to_string()),
            other => panic!("{other:?}"),
        }
    };
    let by_bob = Some("bob".to_owned());
    assert_eq!(
        cannot(&[("ann", priority(Priority::High)), ("bob", priority(Priority::Low))], ("ann", undo("c1"))),
        by_bob
    );
    assert_eq!(cannot(&[("ann", status(Status::Pending)), ("bob", asks())], ("ann", undo("c1"))), by_bob);
    assert_eq!(cannot(&[("ann", claim()), ("ann", release()), ("bob", claim())], ("ann", undo("c2"))), by_bob);
    assert_eq!(cannot(&[("ann", status(Status::Open)), ("bob", claim())], ("ann", undo("c1"))), by_bob);
    assert_eq!(cannot(&[("ann", priority(Priority::High)), ("ann", undo("c1"))], ("ann", undo("c1"))), None);
    assert_eq!(cannot(&[("ann", reply())], ("ann", undo("c1"))), None);
    // The former holder is not of the team that the ticket has now.
    let given = [("ann", assign(Some("sue"))), ("sam", release()), ("ann", team(Some("support")))];
    assert_eq!(cannot(&given, ("sam", undo("c2"))), None);
    assert_eq!(cannot(&[], ("ann", undo("open"))), None);
    assert_eq!(cannot(&[], ("ann", undo("nothing"))), None);
}

/// T32: undo is for the author and for supervisors, within the window.
#[test]
fn t32_who_may_undo_and_for_how_long() {
    let given = [("ann", priority(Priority::High))];
    check(&given, ("bob", undo("c1")), "refused: this needs the permission undo_others");
    check(&given, ("sam", undo("c1")), "undone priority=normal");
    for (later_ms, expect) in [
        (10 * MINUTE, "undone priority=normal"),
        (
            10 * MINUTE + 1,
            "refused: this cannot be undone: there is no such command within the time that undo reaches back",
        ),
    ] {
        let mut desk = Desk::new();
        desk.run("ann", &given[0].1).unwrap();
        desk.now += later_ms - 1_000;
        assert_eq!(told(desk.run("ann", &undo("c1"))), expect);
    }
}

/// T35: two people's commands of one name are told apart, and what undo keeps is bounded.
#[test]
fn t35_what_undo_remembers() {
    let mut desk = Desk::new();
    let ask = |desk: &Desk, who: &str, command: &Command| {
        decided(Some(&desk.state), 1, who, command, "same", desk.now, &desk.rules)
    };
    desk.state = ask(&desk, "ann", &priority(Priority::High)).unwrap().after;
    desk.state = ask(&desk, "bob", &update(|u| u.subject = Some("Other".to_owned()))).unwrap().after;
    let undone = decided(Some(&desk.state), 1, "ann", &undo("same"), "u", desk.now, &desk.rules).unwrap().after;
    assert_eq!((undone.ticket.priority, undone.ticket.subject.as_str()), (Priority::Normal, "Other"));
    for round in 0..200 {
        let level = if round % 2 == 0 { Priority::High } else { Priority::Low };
        desk.run("ann", &priority(level)).unwrap();
        desk.run(&format!("user{round}"), &skip()).unwrap();
    }
    assert_eq!(desk.state.background.recent.len(), crate::domain::state::UNDO_MEMORY_COMMANDS);
    assert_eq!(desk.state.background.skips.len(), crate::domain::state::SKIP_MEMORY_PEOPLE);
    // Large values go sooner, the oldest first; the newest one can always be undone.
    let change = |state: &TicketState, number: u64, bytes: usize| Draft {
        ticket: state.ticket.id,
        version: state.ticket.version.next(),
        at: Timestamp::from_millis(desk.now),
        by: UserId::from("ann"),
        command_id: CommandId::from(format!("large-{number}")),
        event: Event::Updated { changes: UpdateTicket::default(), decided: TriageDecided::default() },
        patch: Patch {
            custom: Some([("text".to_owned(), json!("x".repeat(bytes) + &number.to_string()))].into()),
            ..Patch::default()
        },
    };
    let mut state = desk.state.clone();
    for number in 0..10 {
        let draft = change(&state, number, 20_000);
        state = apply(Some(state), &draft);
        let kept = serde_json::to_vec(&state.background).unwrap().len();
        assert!(kept < crate::domain::state::UNDO_MEMORY_BYTES + 40_000, "{kept} bytes after {number}");
    }
    let undo_of = |state: &TicketState, number: u64| {
        decided(Some(state), 1, "ann", &undo(&format!("large-{number}")), "v", desk.now, &desk.rules).map(drop)
    };
    assert_eq!(undo_of(&state, 9), Ok(()));
    assert!(matches!(undo_of(&state, 5), Err(Rejection::CannotUndo { .. })));
    for number in 10..12 {
        let draft = change(&state, number, 200_000);
        state = apply(Some(state), &draft);
    }
    assert_eq!((state.background.recent.len(), undo_of(&state, 11)), (1, Ok(())));

    desk.now += crate::domain::state::SKIP_MEMORY_MS;
    desk.run("ann", &skip()).unwrap();
    assert_eq!(desk.state.background.skips.len(), 1, "old skips are forgotten");
}
