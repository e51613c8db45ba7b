//! Proposals and what people make of them.

use super::*;

fn proposal() -> Triage {
    Triage {
        state: TriageState::Proposed,
        source: Some(TriageSource::Learner),
        reason: None,
        at: Timestamp::from_millis(START),
        category: Some(Guess { value: "billing".to_owned(), confidence: 0.9 }),
        priority: Some(Guess { value: Priority::Urgent, confidence: 0.8 }),
        sentiment: None,
        language: None,
        summary: Some("Fire".to_owned()),
        tags: vec!["fire".to_owned()],
        spam: None,
        duplicate_of: None,
        reply_draft: None,
    }
}

fn propose(based_on: u64, apply: UpdateTicket) -> Command {
    system(SystemCommand::Triage { based_on: Version(based_on), triage: Box::new(proposal()), apply })
}

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

/// T26: what triage proposes is dropped, field by field, where a person changed the field since the version it read.
#[test]
fn t26_people_go_before_proposals() {
    let apply = || UpdateTicket {
        priority: Some(Priority::Urgent),
        category: Some(Some("billing".to_owned())),
        tags: Some(vec!["fire".to_owned()]),
        ..UpdateTicket::default()
    };
    let desk = check_triage(
        &[],
        ("system", propose(1, apply())),
        "triage_changed category=billing priority=urgent tags=[fire]",
    );
    assert_eq!(desk.ticket().triage, Some(proposal()));
    check_triage(
        &[("ann", priority(Priority::Low))],
        ("system", propose(1, apply())),
        "triage_changed category=billing tags=[fire]",
    );
    check_triage(
        &[("ann", priority(Priority::Low))],
        ("system", propose(2, apply())),
        "triage_changed category=billing priority=urgent tags=[fire]",
    );
    check_triage(
        &[("ann", priority(Priority::Low)), ("ann", undo("c1"))],
        ("system", propose(1, apply())),
        "triage_changed category=billing tags=[fire]",
    );
    check_triage(
        &[("system", priority(Priority::Low))],
        ("system", propose(1, apply())),
        "triage_changed category=billing priority=urgent tags=[fire]",
    );
    let reject = Command::TriageReject(TriageChoice::default());
    check_triage(&[("system", propose(1, apply())), ("ann", reject)], ("system", propose(1, apply())), "nothing");
    check_triage(
        &[("ann", status(Status::Closed))],
        ("system", propose(1, apply())),
        "refused: a closed ticket is never changed again",
    );
}

/// T26: it is so with every field.
#[test]
fn t26_every_field_is_guarded() {
    let by_person: [fn(&mut UpdateTicket); 9] = [
        |u| u.subject = Some("Mine".to_owned()),
        |u| u.status = Some(Status::OnHold),
        |u| u.priority = Some(Priority::Low),
        |u| u.category = Some(Some("billing".to_owned())),
        |u| u.tags = Some(vec!["mine".to_owned()]),
        |u| u.assignee = Some(Some("bob".into())),
        |u| u.team = Some(Some("support".to_owned())),
        |u| u.snoozed_until = Some(Some(Timestamp::from_millis(START))),
        |u| u.custom = Some([("mine".to_owned(), 1.into())].into()),
    ];
    let by_triage: [fn(&mut UpdateTicket); 9] = [
        |u| u.subject = Some("Theirs".to_owned()),
        |u| u.status = Some(Status::Pending),
        |u| u.priority = Some(Priority::High),
        |u| u.category = Some(None),
        |u| u.tags = Some(Vec::new()),
        |u| u.assignee = Some(Some("ann".into())),
        |u| u.team = Some(None),
        |u| u.snoozed_until = Some(None),
        |u| u.custom = Some([].into()),
    ];
    for (person, triage) in by_person.into_iter().zip(by_triage) {
        let mut theirs = UpdateTicket::default();
        triage(&mut theirs);
        check_triage(&[("ann", update(person))], ("system", propose(1, theirs.clone())), "triage_changed");
        let mut desk = Desk::new();
        desk.run("ann", &update(person)).unwrap();
        let version = desk.ticket().version.get();
        let drafts = desk.run("system", &propose(version, theirs)).unwrap();
        assert!(matches!(&drafts[0].event, Event::TriageChanged { applied: Some(_), .. }));
    }
}

/// T27: people take a proposal, or parts of it, or refuse it.
#[test]
fn t27_accept_and_reject() {
    let proposed = || ("system", propose(1, UpdateTicket::default()));
    let accept = |fields: Option<&[&str]>| {
        Command::TriageAccept(TriageChoice {
            fields: fields.map(|fields| fields.iter().map(ToString::to_string).collect()),
        })
    };
    let reject = |fields: Option<&[&str]>| {
        Command::TriageReject(TriageChoice {
            fields: fields.map(|fields| fields.iter().map(ToString::to_string).collect()),
        })
    };
    let state = |desk: &Desk| desk.ticket().triage.as_ref().unwrap().state;
    let desk = check_triage(
        &[proposed()],
        ("ann", accept(None)),
        "triage_changed category=billing priority=urgent tags=[fire]",
    );
    assert_eq!(state(&desk), TriageState::Accepted);
    check_triage(&[proposed(), ("ann", accept(None))], ("bob", accept(None)), "nothing");
    check_triage(&[proposed()], ("ann", accept(Some(&["priority"]))), "triage_changed priority=urgent");
    check_triage(&[proposed()], ("ann", accept(Some(&["mood"]))), "refused: /fields/0 unknown_value");
    let desk = check_triage(&[proposed()], ("ann", reject(None)), "triage_changed");
    assert_eq!(state(&desk), TriageState::Rejected);
    let desk = check_triage(&[proposed()], ("ann", reject(Some(&["category", "tags"]))), "triage_changed");
    assert_eq!(state(&desk), TriageState::Proposed);
    let desk = check_triage(
        &[proposed(), ("ann", reject(Some(&["category", "tags"])))],
        ("ann", accept(None)),
        "triage_changed priority=urgent",
    );
    assert_eq!(state(&desk), TriageState::Accepted);
    check_triage(&[], ("ann", accept(None)), "refused:  invalid");
    let desk = check_triage(
        &[proposed(), ("ann", accept(None))],
        ("ann", undo("c2")),
        "undone category=null priority=normal tags=[]",
    );
    assert_eq!(state(&desk), TriageState::Proposed);
}
