//! Service levels: policies, targets, pauses, breaches.

use super::*;

fn with_sla() -> Desk {
    Desk::with(Rules {
        sla_policies: vec![
            SlaPolicy { priorities: vec![Priority::Urgent], ..policy("Urgent", 10, 10, 60) },
            SlaPolicy { teams: vec!["billing".to_owned()], ..policy("Billing", 20, 20, 90) },
            policy("All", 30, 20, 120),
        ],
        ..rules()
    })
}

/// The due times in minutes after the start, `-` where there is none; `!` before a missed one.
fn dues(desk: &Desk) -> String {
    let sla = &desk.ticket().sla;
    SlaMetric::ALL
        .map(|metric| match sla.due(metric) {
            Some(due) => {
                let missed = desk.state.background.clocks.get(metric).is_some_and(|clock| clock.breached);
                format!("{}{}", if missed { "!" } else { "" }, (due.as_millis() - START) as f64 / MINUTE as f64)
            }
            None => "-".to_owned(),
        })
        .join(" ")
}

impl Desk {
    /// Runs a command at this many minutes after the start.
    fn at(&mut self, minutes: i64, who: &str, command: &Command) -> String {
        self.now = START + minutes * MINUTE - 1_000;
        told(self.run(who, command))
    }
}

/// T40: the first policy that matches applies, and is chosen anew when what it looks at changes. T50: the targets that
/// start with a ticket stand in its first record.
#[test]
fn t40_t50_policies() {
    let mut desk = with_sla();
    assert_eq!(desk.history.len(), 1);
    assert_eq!((desk.ticket().sla.policy.as_deref(), dues(&desk).as_str()), (Some("All"), "30 - 120"));
    assert_eq!(desk.at(5, "ann", &priority(Priority::Urgent)), "updated priority=urgent");
    assert_eq!((desk.ticket().sla.policy.as_deref(), dues(&desk).as_str()), (Some("Urgent"), "10 - 60"));
    desk.at(6, "ann", &team(Some("billing")));
    assert_eq!(desk.ticket().sla.policy.as_deref(), Some("Urgent"));
    desk.at(7, "ann", &priority(Priority::Low));
    assert_eq!((desk.ticket().sla.policy.as_deref(), dues(&desk).as_str()), (Some("Billing"), "20 - 90"));
    desk.at(8, "ann", &status(Status::Pending));
    desk.at(28, "ann", &priority(Priority::Urgent));
    assert_eq!((desk.ticket().sla.policy.as_deref(), dues(&desk).as_str()), (Some("Urgent"), "- - -"));
    desk.at(38, "ann", &status(Status::Open));
    assert_eq!(dues(&desk), "40 - 90");
}

/// T40: a policy that left the settings gives way to the one that matches now, at the next command.
#[test]
fn t40_a_policy_that_left_the_settings() {
    let mut desk = with_sla();
    desk.rules.sla_policies = vec![policy("Other", 40, 40, 200)];
    desk.at(10, "ann", &status(Status::Pending));
    assert_eq!(desk.ticket().sla.policy.as_deref(), Some("Other"));
    desk.at(20, "ann", &status(Status::Open));
    assert_eq!(dues(&desk), "50 - 210");
    desk.rules.sla_policies.clear();
    assert_eq!(desk.at(30, "ann", &status(Status::Pending)), "updated status=pending");
    assert_eq!((&desk.ticket().sla.policy, dues(&desk).as_str()), (&None, "- - -"));
}

/// T41: the first public answer meets the first target. T42: each further message of the requester starts the next one, until
/// the next public answer.
#[test]
fn t41_t42_responses() {
    let mut desk = with_sla();
    assert_eq!(desk.at(1, "ann", &asks()), "message_added message_count=2");
    assert_eq!(desk.at(2, "ann", &note()), "message_added message_count=3");
    assert_eq!(dues(&desk), "30 - 120");
    assert!(desk.at(5, "ann", &reply()).ends_with("; sla_fulfilled first_response"));
    assert_eq!(dues(&desk), "- - 120");
    assert_eq!(desk.at(10, "ann", &asks()), "message_added message_count=5; sla_activated next_response");
    assert_eq!(dues(&desk), "- 30 120");
    assert_eq!(desk.at(11, "ann", &asks()), "message_added message_count=6");
    assert_eq!(dues(&desk), "- 30 120");
    assert_eq!(desk.at(12, "ann", &reply()), "message_added message_count=7; sla_fulfilled next_response");
    assert_eq!(desk.at(13, "ann", &reply()), "message_added message_count=8");
    assert_eq!(dues(&desk), "- - 120");
    assert!(!desk.ticket().sla.breached);
}

/// T43: solving meets the resolution target and ends the others; opening again starts it anew.
#[test]
fn t43_resolution() {
    let mut desk = with_sla();
    desk.at(1, "ann", &reply());
    assert!(desk.at(5, "ann", &status(Status::Solved)).ends_with("; sla_fulfilled resolution"));
    assert_eq!(dues(&desk), "- - -");
    assert!(
        desk.at(50, "ann", &asks()).ends_with("status=open; sla_activated next_response; sla_activated resolution")
    );
    assert_eq!(dues(&desk), "- 70 170");
    assert!(
        desk.at(60, "ann", &reply_and(Status::Solved))
            .ends_with("; sla_fulfilled next_response; sla_fulfilled resolution")
    );
    assert_eq!(dues(&desk), "- - -");
    let mut desk = with_sla();
    assert_eq!(desk.at(5, "ann", &status(Status::Closed)), "updated status=closed");
    assert_eq!((dues(&desk).as_str(), desk.state.next_breach_at()), ("- - -", None));
    let mut desk = with_sla();
    desk.at(5, "ann", &status(Status::Pending));
    assert!(desk.at(9, "ann", &status(Status::Solved)).ends_with("; sla_fulfilled resolution"));
    assert!(!desk.ticket().sla.paused);
}

/// T44: the clocks stand still while a ticket is pending or on hold.
#[test]
fn t44_pauses() {
    let mut desk = with_sla();
    assert_eq!(desk.at(10, "ann", &status(Status::Pending)), "updated status=pending; sla_paused paused=true");
    let Event::SlaPaused { spent_ms } = &desk.history.last().unwrap().event else { panic!("paused") };
    assert_eq!(spent_ms.values().copied().collect::<Vec<_>>(), [10 * MINUTE, 10 * MINUTE]);
    assert_eq!((dues(&desk).as_str(), desk.state.next_breach_at()), ("- - -", None));
    assert_eq!(desk.at(15, "ann", &status(Status::OnHold)), "updated status=on_hold");
    assert_eq!(desk.at(200, "system", &check_sla()), "nothing");
    assert_eq!(desk.at(200, "ann", &asks()), "message_added message_count=2 status=open; sla_resumed");
    assert_eq!(dues(&desk), "220 - 310");
    let told = desk.at(201, "ann", &reply_and(Status::Pending));
    assert!(told.ends_with("sla_fulfilled first_response; sla_paused paused=true"), "{told}");
    let told = desk.at(210, "ann", &asks());
    assert!(told.ends_with("sla_resumed; sla_activated next_response"), "{told}");
    assert_eq!(dues(&desk), "- 230 319");
    desk.at(220, "ann", &status(Status::Closed));
    let Command::Message(add) = reply_and(Status::Pending) else { panic!("a message") };
    let follow_up = |context: &Context<'_>| decide_follow_up(&desk.state, TicketId(9), &add, context);
    let decision = with_context("ann", "f", desk.now, &desk.rules, follow_up).unwrap();
    assert!(super::told(Ok(decision.drafts)).ends_with("; sla_paused paused=true"), "a follow-up that waits begins so");
}

/// T45: a missed target is a record by the desk, once; its due time stays until it is met. T49: the timer is told of
/// the next target that runs and is not missed yet.
#[test]
fn t45_t49_breaches() {
    let at = |minutes: i64| Some(Timestamp::from_millis(START + minutes * MINUTE));
    let mut desk = with_sla();
    assert_eq!(desk.state.next_breach_at(), at(30));
    assert_eq!(desk.at(29, "system", &check_sla()), "nothing");
    assert_eq!(desk.at(30, "system", &check_sla()), "sla_breached first_response");
    assert_eq!((dues(&desk).as_str(), desk.state.next_breach_at()), ("!30 - 120", at(120)));
    assert_eq!(desk.at(31, "system", &check_sla()), "nothing");
    assert!(desk.at(40, "ann", &reply()).ends_with("sla_fulfilled first_response"));
    assert_eq!(dues(&desk), "- - 120");
    assert_eq!(desk.at(41, "ann", &asks()), "message_added message_count=3; sla_activated next_response");
    assert_eq!(desk.at(500, "system", &check_sla()), "sla_breached next_response; sla_breached resolution");
    assert_eq!(desk.state.next_breach_at(), None);
    let sla = &desk.ticket().sla;
    assert!(sla.breached);
    assert_eq!(sla.breaches, [SlaMetric::FirstResponse, SlaMetric::NextResponse, SlaMetric::Resolution]);
    let mut desk = with_sla();
    let told = desk.at(35, "ann", &reply());
    assert!(told.starts_with("sla_breached first_response; message_added"), "what the timer was late for: {told}");
    assert_eq!(desk.history[1].by, UserId::system());
    let mut desk = with_sla();
    desk.at(35, "ann", &status(Status::Pending));
    desk.at(40, "ann", &status(Status::Open));
    assert_eq!((dues(&desk).as_str(), desk.state.next_breach_at()), ("!35 - 125", at(125)));
}

/// T48: undo leaves the clocks as if nothing had been, where nothing else moved them; else they go on from where they are.
#[test]
fn t48_undo_and_the_clocks() {
    let mut desk = with_sla();
    let before = desk.ticket().sla.clone();
    desk.at(5, "ann", &status(Status::Pending));
    assert_eq!(desk.at(9, "ann", &undo("c1")), "undone status=new");
    assert_eq!((&desk.ticket().sla, dues(&desk).as_str()), (&before, "30 - 120"));
    desk.at(10, "ann", &status(Status::Solved));
    desk.at(11, "ann", &undo("c3"));
    assert_eq!(dues(&desk), "30 - 120");
    desk.at(12, "ann", &priority(Priority::Urgent));
    desk.at(13, "ann", &undo("c5"));
    assert_eq!(desk.ticket().sla.breaches, [SlaMetric::FirstResponse], "missed under the other policy: that happened");
    let mut desk = with_sla();
    desk.at(5, "ann", &status(Status::Pending));
    desk.at(7, "bob", &reply());
    assert!(desk.at(9, "ann", &priority(Priority::Urgent)).starts_with("updated"));
    let told = desk.at(10, "sam", &undo("c1"));
    assert_eq!(told, "refused: this cannot be undone: the ticket is in hand by now");
    let mut desk = with_sla();
    desk.at(1, "ann", &status(Status::Open));
    desk.at(5, "ann", &status(Status::Pending));
    desk.at(7, "bob", &reply());
    let told = desk.at(10, "ann", &undo("c2"));
    assert_eq!(told, "undone status=open; sla_resumed");
    assert_eq!(dues(&desk), "- - 125");
}

/// T61: a replay of the records gives the very state that deciding gave, without the desk's settings.
#[test]
fn t61_replay_needs_no_rules() {
    let mut desk = with_sla();
    desk.at(5, "ann", &claim());
    desk.at(6, "ann", &reply_and(Status::Pending));
    desk.at(9, "ann", &asks());
    desk.at(300, "ann", &reply_and(Status::Solved));
    let replayed = desk.history.iter().fold(None, |state, draft| Some(apply(state, draft)));
    assert_eq!(replayed, Some(desk.state));
}
