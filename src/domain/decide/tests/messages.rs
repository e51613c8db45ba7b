//! Answers, notes, requesters' messages and follow-ups.

use super::*;

/// T15: a requester's message opens again what waits or is solved, and ends a snooze.
#[test]
fn t15_the_requester_opens_again() {
    for (given, expect) in [
        (Status::Pending, "message_added message_count=2 status=open"),
        (Status::OnHold, "message_added message_count=2 status=open"),
        (Status::Solved, "message_added message_count=2 solved_at=null status=open"),
        (Status::Open, "message_added message_count=2"),
    ] {
        check(&[("ann", status(given))], ("ann", asks()), expect);
    }
    check(&[], ("ann", asks()), "message_added message_count=2");
    let snooze = update(|u| u.snoozed_until = Some(Some(Timestamp::from_millis(START + 60 * MINUTE))));
    check(&[("ann", snooze.clone())], ("ann", asks()), "message_added message_count=2 snoozed_until=null");
    check(&[("ann", snooze.clone())], ("ann", note()), "message_added message_count=2");
    check(&[("ann", snooze)], ("ann", update(|u| u.snoozed_until = Some(None))), "updated snoozed_until=null");
    let inbound_note = Command::Message(message(Visibility::Internal, Direction::Inbound));
    check(&[], ("ann", inbound_note), "refused: /visibility invalid");
}

/// T16: a message to a closed ticket opens a follow-up with its requester, team, category and tags.
#[test]
fn t16_a_closed_ticket_is_followed_up() {
    let given = [("ann", team(Some("billing"))), ("ann", claim()), ("ann", reply()), ("ann", status(Status::Closed))];
    let desk = check(&given, ("ann", asks()), "refused: a closed ticket is never changed again");
    let follow_up = |who: &str, command: &Command| {
        let Command::Message(add) = command else { panic!("a message") };
        with_context(who, "f", desk.now, &desk.rules, |context| {
            decide_follow_up(&desk.state, TicketId(9), add, context)
        })
    };
    let decision = follow_up("ann", &asks()).unwrap();
    let ticket = &decision.after.ticket;
    assert_eq!((ticket.id, ticket.version, ticket.follow_up_of), (TicketId(9), Version(1), Some(TicketId(1))));
    assert_eq!((ticket.status, ticket.assignee.as_ref(), ticket.message_count), (Status::New, None, 1));
    assert_eq!((&ticket.requester, &ticket.team), (&desk.ticket().requester, &desk.ticket().team));
    assert_eq!(ticket.first_responded_at, None);
    let answered = follow_up("ann", &reply()).unwrap().after.ticket;
    assert_eq!((answered.status, answered.first_responded_at), (Status::Open, Some(answered.created_at)));
    let Command::Message(mut add) = reply() else { panic!("a message") };
    add.last_seen_version = Some(Version(1));
    let buried = AddMessage { status: Some(Status::Closed), last_seen_version: None, ..add.clone() };
    assert!(matches!(follow_up("ann", &Command::Message(buried)), Err(Rejection::IllegalMove { .. })));
    assert!(matches!(follow_up("ann", &Command::Message(add)), Err(Rejection::StaleReply { .. })));
}

/// T17: the first public answer of a person sets `first_responded_at`, once. T19: an answer opens a new ticket; a status
/// goes with its message or the message is refused.
#[test]
fn t17_t19_answers() {
    let desk = check(
        &[],
        ("ann", reply()),
        "message_added first_responded_at=2026-11-23T09:00:01.000Z message_count=2 status=open",
    );
    assert_eq!(desk.state.background.waiting_since, None);
    check(&[("ann", reply())], ("ann", reply()), "message_added message_count=3");
    check(&[], ("ann", note()), "message_added message_count=2");
    let desk = check(&[], ("system", reply()), "message_added message_count=2");
    assert!(desk.state.background.waiting_since.is_some(), "an automatic message is no answer");
    check(
        &[("ann", reply())],
        ("ann", reply_and(Status::Solved)),
        "message_added message_count=3 solved_at=2026-11-23T09:00:02.000Z status=solved",
    );
    check(&[("ann", reply())], ("ann", reply_and(Status::New)), "refused: a ticket that is open cannot become new");
    check(
        &[("ann", status(Status::Pending))],
        (
            "ann",
            Command::Message(AddMessage {
                status: Some(Status::Solved),
                ..message(Visibility::Public, Direction::Inbound)
            }),
        ),
        "message_added message_count=2 solved_at=2026-11-23T09:00:02.000Z status=solved",
    );
    let blank = AddMessage { body: " \n".to_owned(), ..message(Visibility::Public, Direction::Outbound) };
    check(&[], ("ann", Command::Message(blank)), "refused: /body required");
    let long = AddMessage { body: "x".repeat(51), ..message(Visibility::Public, Direction::Outbound) };
    check(&[], ("ann", Command::Message(long)), "refused: /body too_long");
}

/// T18: an answer that was written before a public message came is refused.
#[test]
fn t18_stale_replies() {
    let seen = |version| {
        Command::Message(AddMessage {
            last_seen_version: Some(Version(version)),
            ..message(Visibility::Public, Direction::Outbound)
        })
    };
    check(&[("bob", reply())], ("ann", seen(1)), "refused: a public message came after version 1");
    check(&[("bob", asks())], ("ann", seen(1)), "refused: a public message came after version 1");
    check(&[("bob", reply())], ("ann", seen(2)), "message_added message_count=3");
    check(&[("bob", reply()), ("bob", note())], ("ann", seen(2)), "message_added message_count=4");
    check(
        &[("bob", claim())],
        ("bob", seen(1)),
        "message_added first_responded_at=2026-11-23T09:00:02.000Z message_count=2",
    );
}

/// T28: what the requester writes is his, what the desk writes is its author's.
#[test]
fn t28_authors() {
    let mut desk = Desk::new();
    let mut author = |command: &Command| match &desk.run("ann", command).unwrap()[0].event {
        Event::MessageAdded { message } => serde_json::to_string(&message.author).unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(author(&asks()), r#"{"name":"Rita","email":"rita@example.com"}"#);
    assert_eq!(author(&reply()), r#"{"id":"ann","name":"ANN"}"#);
    assert_eq!(author(&note()), r#"{"id":"ann","name":"ANN"}"#);
}

fn mentioning(users: &[&str], visibility: Visibility) -> Command {
    let mentions = users.iter().map(|user| UserId::from(*user)).collect();
    Command::Message(AddMessage { mentions, ..message(visibility, Direction::Outbound) })
}

/// T80: a note asks colleagues who see the ticket; whoever is asked stays named until writing there.
#[test]
fn t80_a_mention_stands_until_it_is_answered() {
    let asked = mentioning(&["sam", "bob", "bob"], Visibility::Internal);
    check(&[], ("ann", asked.clone()), "message_added mentions=[bob,sam] message_count=2");
    let answered = "message_added mentions=[sam] message_count=3";
    check(&[("ann", asked.clone())], ("bob", note()), answered);
    let desk = check(&[("ann", asked.clone())], ("ann", asks()), "message_added message_count=3");
    assert_eq!(desk.ticket().mentions.len(), 2, "what the requester writes answers nobody's question");
    let own = mentioning(&["ann"], Visibility::Internal);
    check(&[], ("ann", own), "message_added message_count=2");
}

/// T81: nobody is mentioned to the requester, and nobody who is not there or does not see the ticket.
#[test]
fn t81_only_notes_mention_and_only_those_who_see() {
    let public = mentioning(&["bob"], Visibility::Public);
    check(&[], ("ann", public), "refused: /mentions invalid");
    let strangers = mentioning(&["bob", "gone", "sue"], Visibility::Internal);
    check(
        &[("ann", team(Some("support")))],
        ("ann", strangers),
        "refused: /mentions/1 unknown_value, /mentions/2 unknown_value",
    );
    let crowd = mentioning(&["bob"; 21], Visibility::Internal);
    check(&[], ("ann", crowd), "refused: /mentions too_many");
}
