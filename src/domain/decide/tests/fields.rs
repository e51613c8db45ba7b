//! What people set: validation, moves, assignment, and the order of refusals.

use super::*;

/// T3: a new ticket is refused with all its bad fields at once.
#[test]
fn t3_create_tells_every_bad_field() {
    let check = |change: &dyn Fn(&mut CreateTicket), expect: &str| {
        let mut ticket = new_ticket();
        change(&mut ticket);
        let outcome = decided(None, 1, "ann", &Command::Create(ticket), "c", START, &rules());
        assert_eq!(told(outcome.map(|_| Vec::new())), expect);
    };
    check(&|_| {}, "nothing");
    check(&|t| t.subject = " ".to_owned(), "refused: /subject required");
    check(&|t| t.subject = "ü".repeat(20), "nothing");
    check(&|t| t.subject = "ü".repeat(21), "refused: /subject too_long");
    check(&|t| t.body = "x".repeat(51), "refused: /body too_long");
    check(&|t| t.custom = Some([("k".to_owned(), "x".repeat(40).into())].into()), "refused: /custom too_long");
    check(&|t| t.tags = Some(vec!["a".into(), " a".into(), "b".into(), "c".into()]), "nothing");
    check(&|t| t.tags = Some(["a", "b", "c", "d"].map(String::from).to_vec()), "refused: /tags too_many");
    check(&|t| t.tags = Some(vec!["a".into(), " ".into()]), "refused: /tags/1 required");
    check(&|t| t.category = Some(String::new()), "refused: /category required");
    check(&|t| t.team = Some(String::new()), "refused: /team required");
    check(&|t| t.requester.name = String::new(), "refused: /requester/name required");
    for address in
        ["", "rita", "@example.com", "rita@", "ri ta@example.com", "a@b@c.de", "rita@example..com", "rita@-x.de"]
    {
        let code = if address.is_empty() { "required" } else { "invalid" };
        check(&|t| t.requester.email = address.to_owned(), &format!("refused: /requester/email {code}"));
    }
    for address in ["rita@example.com", "rita+desk@mail.example.co", "r.i'ta@localhost", "ünal@köln.example"] {
        check(&|t| t.requester.email = address.to_owned(), "nothing");
    }
    check(
        &|t| {
            t.subject = String::new();
            t.body = String::new();
            t.requester = Requester { name: String::new(), email: "x".to_owned() };
        },
        "refused: /subject required, /body required, /requester/name required, /requester/email invalid",
    );
}

/// T4: the body of a new ticket is its first message, public and from the requester; the first record has every field.
#[test]
fn t4_create_opens_a_ticket_with_its_first_message() {
    let create = CreateTicket {
        subject: "  Printer on fire ".to_owned(),
        tags: Some(vec!["b".into(), " a ".into(), "b".into()]),
        ..new_ticket()
    };
    let decision = decided(None, 7, "ann", &Command::Create(create), "c", START, &rules()).unwrap();
    let [draft] = decision.drafts.as_slice() else { panic!("one record") };
    let Event::Created { message } = &draft.event else { panic!("created") };
    assert_eq!((message.direction, message.visibility), (Direction::Inbound, Visibility::Public));
    assert_eq!((message.author.id.as_ref(), message.author.name.as_str()), (None, "Rita"));
    assert_eq!(message.author.email.as_deref(), Some("rita@example.com"));
    assert_eq!(draft.patch.clone().into_ticket(TicketId(7), Version(1)).as_ref(), Some(&decision.after.ticket));
    let ticket = &decision.after.ticket;
    assert_eq!((ticket.version, ticket.status, ticket.message_count), (Version(1), Status::New, 1));
    assert_eq!(
        (ticket.subject.as_str(), ticket.tags.as_slice()),
        ("Printer on fire", ["a".to_owned(), "b".to_owned()].as_slice())
    );
    assert_eq!(decision.after.background.waiting_since, Some(ticket.created_at));
}

/// T5: a command that changes nothing leaves no record.
#[test]
fn t5_no_change_is_no_record() {
    check(&[], ("ann", update(|_| {})), "nothing");
    check(&[], ("ann", status(Status::New)), "nothing");
    check(&[], ("ann", priority(Priority::Normal)), "nothing");
    check(
        &[("ann", update(|u| u.tags = Some(vec!["a".into(), "b".into()])))],
        ("bob", update(|u| u.tags = Some(vec!["b ".into(), "a".into(), "b".into()]))),
        "nothing",
    );
    check(&[("ann", claim())], ("ann", claim()), "nothing");
    check(&[("ann", status(Status::Pending))], ("bob", status(Status::Pending)), "nothing");
}

/// T6: an update changes all its fields or none, and its record names only what really changed.
#[test]
fn t6_update_is_all_or_nothing() {
    check(
        &[],
        (
            "ann",
            update(|u| {
                u.subject = Some("Fire out".to_owned());
                u.priority = Some(Priority::High);
                u.category = Some(Some("billing".to_owned()));
                u.team = Some(None);
            }),
        ),
        "updated category=billing priority=high subject=Fire out",
    );
    check(
        &[],
        (
            "ann",
            update(|u| {
                u.priority = Some(Priority::High);
                u.subject = Some(String::new());
                u.tags = Some(vec![String::new()]);
                u.assignee = Some(Some("gone".into()));
            }),
        ),
        "refused: /subject required, /tags/0 required, /assignee not_assignable",
    );
    check(
        &[("ann", status(Status::Open))],
        (
            "ann",
            update(|u| {
                u.priority = Some(Priority::High);
                u.status = Some(Status::New);
            }),
        ),
        "refused: a ticket that is open cannot become new",
    );
    check(
        &[("ann", update(|u| u.category = Some(Some("billing".to_owned()))))],
        ("ann", update(|u| u.category = Some(None))),
        "updated category=null",
    );
    let desk =
        check(&[], ("ann", update(|u| u.custom = Some([("k".to_owned(), 1.into())].into()))), "updated custom={k:1}");
    let Event::Updated { changes, .. } = &desk.history[1].event else { panic!("updated") };
    assert!(changes.custom.is_some() && changes.priority.is_none());
}

/// T1: each move of the table is done, every other one refused.
#[test]
fn t1_update_moves_along_the_table() {
    let all = [Status::New, Status::Open, Status::Pending, Status::OnHold, Status::Solved, Status::Closed];
    let moves = crate::domain::lifecycle::moves();
    for from in all {
        for to in all {
            let mut desk = Desk::new();
            if from != Status::New {
                desk.run("ann", &status(from)).unwrap();
            }
            let outcome = desk.run("ann", &status(to));
            match outcome {
                Ok(drafts) => assert!(if from == to { drafts.is_empty() } else { moves[&from].contains(&to) }),
                Err(Rejection::TicketClosed) => assert_eq!(from, Status::Closed),
                Err(rejection) => {
                    assert_eq!(rejection, Rejection::IllegalMove { from, to });
                    assert!(!moves[&from].contains(&to));
                }
            }
        }
    }
}

/// T7: a ticket is assigned only to somebody who may hold it. T8: holding a new ticket opens it.
#[test]
fn t7_t8_assignment() {
    check(&[], ("ann", assign(Some("bob"))), "updated assignee=bob status=open");
    check(&[("ann", status(Status::Pending))], ("ann", assign(Some("bob"))), "updated assignee=bob");
    check(
        &[],
        (
            "ann",
            update(|u| {
                u.assignee = Some(Some("bob".into()));
                u.status = Some(Status::New);
            }),
        ),
        "updated assignee=bob status=open",
    );
    check(
        &[],
        (
            "ann",
            update(|u| {
                u.assignee = Some(Some("bob".into()));
                u.status = Some(Status::Pending);
            }),
        ),
        "updated assignee=bob status=pending",
    );
    check(&[], ("ann", assign(Some("gone"))), "refused: /assignee not_assignable");
    check(&[("ann", team(Some("support")))], ("ann", assign(Some("sue"))), "refused: /assignee not_assignable");
    check(
        &[("ann", team(Some("support")))],
        (
            "ann",
            update(|u| {
                u.assignee = Some(Some("sue".into()));
                u.team = Some(Some("billing".to_owned()));
            }),
        ),
        "updated assignee=sue status=open team=billing",
    );
}

/// T13: whoever takes a ticket off its holder without naming another releases it, and needs the same right; the assigner takes
/// back by undoing.
#[test]
fn t13_unassigning_is_releasing() {
    let held = || ("ann", assign(Some("bob")));
    let refused = "refused: this needs the permission release_others";
    check(&[held()], ("ann", assign(None)), refused);
    check(&[held()], ("cleo", assign(None)), refused);
    check(&[held()], ("bob", assign(None)), "updated assignee=null");
    check(&[held()], ("sam", assign(None)), "updated assignee=null");
    check(&[held()], ("ann", undo("c1")), "undone assignee=null status=new");
    check(&[held()], ("ann", assign(Some("ann"))), "updated assignee=ann");
    check(&[], ("ann", assign(None)), "nothing");
}

/// T9: a ticket that goes to another team leaves a holder who is not of that team.
#[test]
fn t9_another_team_leaves_the_holder() {
    check(&[("ann", assign(Some("sue")))], ("ann", team(Some("support"))), "updated assignee=null team=support");
    check(&[("ann", assign(Some("sue")))], ("ann", team(Some("billing"))), "updated team=billing");
    check(
        &[("ann", assign(Some("sue")))],
        (
            "ann",
            update(|u| {
                u.assignee = Some(Some("sue".into()));
                u.team = Some(Some("support".to_owned()));
            }),
        ),
        "refused: /assignee not_assignable",
    );
}

/// T20: `solved_at` is there while a ticket is solved, and stays when it is then closed.
#[test]
fn t20_solved_at() {
    let solved = || ("ann", status(Status::Solved));
    let desk = check(&[], solved(), "updated solved_at=2026-11-23T09:00:01.000Z status=solved");
    assert_eq!(desk.state.background.waiting_since, None);
    check(&[solved()], ("ann", status(Status::Open)), "updated solved_at=null status=open");
    check(&[solved()], ("ann", status(Status::Closed)), "updated status=closed");
    check(&[], ("ann", status(Status::Closed)), "updated status=closed");
}

/// T23: nothing changes a closed ticket.
#[test]
fn t23_closed_is_never_changed() {
    let commands =
        [update(|_| {}), priority(Priority::High), reply(), note(), asks(), claim(), release(), skip(), assign(None)];
    for command in commands {
        check(&[("ann", status(Status::Closed))], ("sam", command), "refused: a closed ticket is never changed again");
    }
    check(&[("ann", status(Status::Closed))], ("sam", undo("c1")), "refused: a closed ticket is never changed again");
    check(&[("ann", status(Status::Closed))], ("system", check_sla()), "nothing");
    let vanished = system(SystemCommand::ReleaseVanished { holder: "ann".into() });
    check(&[("ann", claim()), ("ann", status(Status::Closed))], ("system", vanished), "nothing");
}

/// T24: refusals come in this order: existence, expected version, closed, the rest.
#[test]
fn t24_the_order_of_refusals() {
    let rules = rules();
    let ask = |state: Option<&TicketState>, expect: Option<u64>, command: &Command| {
        with_context("ann", "c", START, &rules, |context| {
            decide(state, TicketId(1), expect.map(Version), command, context).map(|_| ()).unwrap_err()
        })
    };
    let mut desk = Desk::new();
    assert_eq!(ask(None, Some(3), &claim()), Rejection::NotFound);
    assert_eq!(
        ask(Some(&desk.state), Some(3), &status(Status::New)),
        Rejection::VersionConflict { version: Version(1) }
    );
    desk.run("ann", &status(Status::Closed)).unwrap();
    assert_eq!(ask(Some(&desk.state), Some(1), &claim()), Rejection::VersionConflict { version: Version(2) });
    assert_eq!(
        ask(
            Some(&desk.state),
            Some(2),
            &Command::Message(AddMessage { body: String::new(), ..message(Visibility::Public, Direction::Outbound) })
        ),
        Rejection::TicketClosed
    );
    assert_eq!(ask(Some(&desk.state), None, &check_sla()), Rejection::Forbidden(Permission::SettingsWrite));
}
