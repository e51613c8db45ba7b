//! Proposals, what the machine sets by itself, and what people make of both.

use super::*;

fn proposal(based_on: u64) -> Triage {
    Triage {
        source: Some(TriageSource::Learner),
        category: Some(Guess { value: "billing".to_owned(), confidence: 0.9 }),
        priority: Some(Guess { value: Priority::Urgent, confidence: 0.8 }),
        summary: Some("Fire".to_owned()),
        tags: vec!["fire".to_owned()],
        ..Triage::new(TriageState::Proposed, Timestamp::from_millis(START), Version(based_on))
    }
}

fn propose(based_on: u64, apply: TriageValues) -> Command {
    system(SystemCommand::Triage { triage: Box::new(proposal(based_on)), apply })
}

fn all() -> TriageValues {
    TriageValues {
        category: Some("billing".to_owned()),
        priority: Some(Priority::Urgent),
        tags: Some(vec!["fire".to_owned()]),
    }
}

fn accept(fields: Option<&[&str]>) -> Command {
    let fields = fields.map(|fields| fields.iter().map(ToString::to_string).collect());
    Command::TriageAccept(AcceptTriage { fields, edits: None })
}

fn reject(fields: Option<&[&str]>) -> Command {
    let fields = fields.map(|fields| fields.iter().map(ToString::to_string).collect());
    Command::TriageReject(RejectTriage { fields })
}

fn category(id: &str) -> Command {
    update(|update| update.category = Some(Some(id.to_owned())))
}

/// The records with the fields that they changed, but for `triage`, which is long.
#[track_caller]
fn check_triage(given: &[(&str, Command)], when: (&str, Command), expect: &str) -> Desk {
    let mut desk = Desk::new();
    for (who, command) in given {
        desk.run(who, command).unwrap();
    }
    let mut drafts = desk.run(when.0, &when.1);
    if let Ok(drafts) = &mut drafts {
        for draft in drafts {
            draft.patch.triage = None;
        }
    }
    assert_eq!(told(drafts), expect);
    desk
}

fn triage(desk: &Desk) -> &Triage {
    desk.ticket().triage.as_ref().unwrap()
}

/// State, and what was decided of category, priority and tags.
fn judged(desk: &Desk) -> String {
    let letter = |decision: Option<TriageDecision>| match decision {
        None => '-',
        Some(TriageDecision::Accepted) => 'a',
        Some(TriageDecision::Edited) => 'e',
        Some(TriageDecision::Rejected) => 'r',
    };
    let triage = triage(desk);
    let letters: String = TriageField::ALL.into_iter().map(|field| letter(triage.decided.get(field))).collect();
    format!("{:?} {letters}", triage.state).to_lowercase()
}

/// T26: what triage proposes is dropped, field by field, where a person changed the field since the version it read.
#[test]
fn t26_people_go_before_proposals() {
    let everything = "triage_changed category=billing priority=urgent tags=[fire]";
    check_triage(&[], ("system", propose(1, all())), everything);
    let low = || ("ann", priority(Priority::Low));
    check_triage(&[low()], ("system", propose(1, all())), "triage_changed category=billing tags=[fire]");
    check_triage(&[low()], ("system", propose(2, all())), everything);
    check_triage(
        &[low(), ("ann", undo("c1"))],
        ("system", propose(1, all())),
        "triage_changed category=billing tags=[fire]",
    );
    check_triage(&[("system", priority(Priority::Low))], ("system", propose(1, all())), everything);
    check_triage(
        &[("ann", category("other"))],
        ("system", propose(1, all())),
        "triage_changed priority=urgent tags=[fire]",
    );
    check_triage(
        &[("ann", update(|u| u.tags = Some(vec!["mine".to_owned()])))],
        ("system", propose(1, all())),
        "triage_changed category=billing priority=urgent",
    );
    check_triage(&[("system", propose(1, all())), ("ann", reject(None))], ("system", propose(1, all())), "nothing");
    check_triage(
        &[("ann", status(Status::Closed))],
        ("system", propose(1, all())),
        "refused: a closed ticket is never changed again",
    );
}

/// T29: the machine reaches category, priority and tags alone, and only categories of the desk; what it set is marked, with
/// the value before it.
#[test]
fn t29_what_the_machine_sets_is_marked() {
    let desk = check_triage(
        &[("ann", update(|u| u.tags = Some(vec!["mine".to_owned()])))],
        ("system", propose(2, all())),
        "triage_changed category=billing priority=urgent tags=[fire,mine]",
    );
    let marks =
        TriageApplied { category: Some(None), priority: Some(Priority::Normal), tags: Some(vec!["mine".to_owned()]) };
    assert_eq!(triage(&desk).applied, marks);
    assert_eq!(judged(&desk), "proposed ---");
    // The same again leaves the marks, and the values of before, as they are.
    let mut desk = desk;
    desk.run("system", &propose(3, all())).unwrap();
    assert_eq!(triage(&desk).applied, marks);

    let mut foreign = proposal(1);
    foreign.category = Some(Guess { value: "made_up".to_owned(), confidence: 1.0 });
    let apply = TriageValues { category: Some("made_up".to_owned()), ..TriageValues::default() };
    let desk = check_triage(
        &[],
        ("system", system(SystemCommand::Triage { triage: Box::new(foreign), apply })),
        "triage_changed",
    );
    assert_eq!((triage(&desk).category.as_ref(), triage(&desk).applied.is_empty()), (None, true));
}

/// T27: people take a proposal, or parts of it, or refuse it.
#[test]
fn t27_accept_and_reject() {
    let proposed = || ("system", propose(1, TriageValues::default()));
    let everything = "triage_changed category=billing priority=urgent tags=[fire]";
    let judges = |given: &[(&str, Command)], when, expect, then| {
        let desk = check_triage(given, when, expect);
        assert_eq!(judged(&desk), then);
        desk
    };
    judges(&[proposed()], ("ann", accept(None)), everything, "accepted aaa");
    judges(&[proposed(), ("ann", accept(None))], ("bob", accept(None)), "nothing", "accepted aaa");
    judges(&[proposed()], ("ann", accept(Some(&["priority"]))), "triage_changed priority=urgent", "proposed -a-");
    check_triage(&[proposed()], ("ann", accept(Some(&["mood"]))), "refused: /fields/0 unknown_value");
    judges(&[proposed()], ("ann", reject(None)), "triage_changed", "rejected rrr");
    judges(&[proposed(), ("ann", reject(None))], ("ann", accept(None)), everything, "accepted aaa");
    judges(&[proposed()], ("ann", reject(Some(&["category", "tags"]))), "triage_changed", "proposed r-r");
    let part = ("ann", reject(Some(&["category", "tags"])));
    judges(&[proposed(), part], ("ann", accept(None)), "triage_changed priority=urgent", "accepted rar");
    check_triage(&[], ("ann", accept(None)), "refused:  invalid");
    let back = "undone category=null priority=normal tags=[]";
    judges(&[proposed(), ("ann", accept(None))], ("ann", undo("c2")), back, "proposed ---");
    judges(&[proposed(), ("ann", reject(None))], ("ann", undo("c2")), "undone", "proposed ---");
}

/// T27: other values than the proposed ones are taken in their place.
#[test]
fn t27_accept_with_edits() {
    let edits = TriageValues { category: Some("other".to_owned()), ..TriageValues::default() };
    let edit = |fields: Option<Vec<String>>| {
        ("ann", Command::TriageAccept(AcceptTriage { fields, edits: Some(edits.clone()) }))
    };
    let proposed = || ("system", propose(1, TriageValues::default()));
    let desk = check_triage(&[proposed()], edit(None), "triage_changed category=other priority=urgent tags=[fire]");
    assert_eq!(judged(&desk), "accepted eaa");
    let desk = check_triage(&[proposed()], edit(Some(Vec::new())), "triage_changed category=other");
    assert_eq!(judged(&desk), "proposed e--");
    let Event::TriageChanged { decided, .. } = &desk.history.last().unwrap().event else { panic!("a judgement") };
    assert_eq!(decided.category, Some(TriageDecision::Edited));
}

/// T36: what a person sets by hand says something to what is proposed for it, and taking the rest leaves it alone.
#[test]
fn t36_by_hand_is_a_judgement_too() {
    let proposed = || ("system", propose(1, TriageValues::default()));
    let desk = check_triage(&[proposed()], ("ann", category("other")), "updated category=other");
    assert_eq!(judged(&desk), "proposed e--");
    let desk = check_triage(&[proposed()], ("ann", category("billing")), "updated category=billing");
    assert_eq!(judged(&desk), "proposed a--");
    let desk = check_triage(
        &[proposed(), ("ann", category("other"))],
        ("bob", accept(None)),
        "triage_changed priority=urgent tags=[fire]",
    );
    assert_eq!(judged(&desk), "accepted eaa");
    // One's own undo opens one's own field again, and no other.
    let given = [proposed(), ("ann", category("other")), ("bob", priority(Priority::Low))];
    let desk = check_triage(&given, ("ann", undo("c2")), "undone category=null");
    assert_eq!(judged(&desk), "proposed -e-");
    // Before there is a proposal nothing is judged, and what was read before is not taken for granted.
    let desk =
        check_triage(&[("ann", category("other"))], ("system", propose(1, TriageValues::default())), "triage_changed");
    assert_eq!(judged(&desk), "proposed ---");
    let mut desk = desk;
    assert_eq!(
        told(desk.run("bob", &accept(None)).map(|drafts| {
            drafts
                .into_iter()
                .map(|mut d| {
                    d.patch.triage = None;
                    d
                })
                .collect()
        })),
        "triage_changed priority=urgent tags=[fire]"
    );
}

/// T37: what the machine set by itself is everybody's to take back, by undo and by rejecting, also after the window of undo.
#[test]
fn t37_what_the_machine_set_is_taken_back() {
    let applied = || ("system", propose(1, all()));
    let back = "category=null priority=normal tags=[]";
    let desk = check_triage(&[applied()], ("ann", undo("c1")), &format!("undone {back}"));
    assert_eq!((judged(&desk).as_str(), triage(&desk).applied.is_empty()), ("rejected rrr", true));
    let desk = check_triage(&[applied()], ("ann", reject(None)), &format!("triage_changed {back}"));
    assert_eq!((judged(&desk).as_str(), triage(&desk).applied.is_empty()), ("rejected rrr", true));
    let desk = check_triage(&[applied()], ("ann", accept(None)), "triage_changed");
    assert_eq!((judged(&desk).as_str(), triage(&desk).applied.is_empty()), ("accepted aaa", true));
    // What somebody set since stays.
    let given = [applied(), ("bob", priority(Priority::High))];
    let desk = check_triage(&given, ("ann", reject(None)), "triage_changed category=null tags=[]");
    assert_eq!(judged(&desk), "accepted rer");
    let desk = check_triage(
        &given,
        ("ann", undo("c1")),
        "refused: this cannot be undone: somebody acted on the same field since",
    );
    assert_eq!(desk.ticket().priority, Priority::High);
    // And the machine does not do the same again by what it read before.
    check_triage(&[applied(), ("ann", reject(None))], applied(), "nothing");
}

/// T38: a proposal can be asked for anew; what was decided is open again then, and what the machine set stays marked.
#[test]
fn t38_ask_anew() {
    let ask = || ("ann", Command::Triage(Empty {}));
    let desk = check_triage(&[], ask(), "triage_changed");
    assert_eq!(judged(&desk), "waiting ---");
    check_triage(&[ask()], ("bob", Command::Triage(Empty {})), "nothing");
    let desk = check_triage(&[("system", propose(1, all())), ("ann", accept(None))], ask(), "triage_changed");
    assert_eq!((judged(&desk).as_str(), triage(&desk).based_on), ("waiting ---", Version(3)));
    check_triage(
        &[("system", propose(1, all())), ("ann", accept(None)), ask()],
        ("system", propose(1, all())),
        "nothing",
    );
    let mut desk = Desk::new();
    desk.rules.triage = false;
    assert_eq!(
        told(desk.run("ann", &Command::Triage(Empty {}))),
        "refused: nobody sorts tickets on this desk: triage is switched off"
    );
}

/// T36: what a person sets while the ticket waits for its proposal is the person's: the machine neither replaces it, nor takes it for
/// its own later.
#[test]
fn t36_a_hand_is_a_hand_while_the_ticket_waits() {
    let ask = || ("ann", Command::Triage(Empty {}));
    let by_hand =
        || ("ann", update(|u| (u.category, u.priority) = (Some(Some("other".to_owned())), Some(Priority::Low))));
    let given = || vec![("system", propose(1, all())), ask(), by_hand()];
    let desk = check_triage(&given(), ("system", propose(4, all())), "triage_changed");
    let tags = TriageApplied { tags: Some(Vec::new()), ..TriageApplied::default() };
    assert_eq!(triage(&desk).applied, tags, "of what the machine set only the tags stand");
    assert_eq!((desk.ticket().category.as_deref(), desk.ticket().priority), (Some("other"), Priority::Low));
    // Decided in between and asked for anew, it is the same.
    let mut given = given();
    given.push(("system", propose(4, TriageValues::default())));
    let desk = check_triage(&given, ask(), "triage_changed");
    assert_eq!(triage(&desk).applied, tags);
}

/// T39: a ticket of an incident says so, whatever is decided of its proposal.
#[test]
fn t39_an_incident_stands_beside_the_proposal() {
    let incident = Incident { lead: TicketId(7), tickets: 12, since: Timestamp::from_millis(START) };
    let join = || ("system", system(SystemCommand::Incident(incident)));
    check_triage(&[], join(), "nothing");
    let desk = check_triage(&[("system", propose(1, all())), ("ann", accept(None))], join(), "triage_changed");
    assert_eq!((judged(&desk).as_str(), triage(&desk).incident), ("accepted aaa", Some(incident)));
    let mut desk = desk;
    desk.run("system", &propose(9, all())).unwrap();
    assert_eq!(triage(&desk).incident, Some(incident));
}
