use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::ids::Version;
use crate::domain::state::Background;
use crate::domain::ticket::{Channel, Requester, Sla, Status, Ticket};

const HOUR: i64 = 3_600_000;
const PROMOTE: i64 = 4 * HOUR;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn state(id: u64, priority: Priority, waiting_since: i64) -> TicketState {
    TicketState {
        ticket: Ticket {
            id: TicketId(id),
            version: Version(1),
            subject: "Parcel".into(),
            status: Status::New,
            priority,
            category: None,
            tags: Vec::new(),
            requester: Requester { name: "Ada".into(), email: "ada@example.org".into() },
            assignee: None,
            team: None,
            channel: Channel::Api,
            created_at: at(waiting_since),
            updated_at: at(waiting_since),
            first_responded_at: None,
            solved_at: None,
            snoozed_until: None,
            merged_into: None,
            follow_up_of: None,
            links: Vec::new(),
            sla: Sla::default(),
            triage: None,
            message_count: 1,
            last_message_at: None,
            mentions: Vec::new(),
            custom: BTreeMap::new(),
        },
        background: Background::default(),
    }
}

fn with(mut state: TicketState, change: impl FnOnce(&mut TicketState)) -> TicketState {
    change(&mut state);
    state
}

fn queue(states: &[TicketState], now: i64) -> Queue {
    let mut queue = Queue::new(PROMOTE);
    for state in states {
        queue.put(state, at(now));
    }
    queue
}

fn anybody(user: &UserId) -> Wanted<'_> {
    Wanted { user, teams: &[], hidden: &[], team: None, categories: None, skip_window_ms: HOUR }
}

fn first(queue: &mut Queue, now: i64, wanted: &Wanted<'_>) -> Option<u64> {
    queue.first(at(now), wanted, &|_| false).map(TicketId::get)
}

fn order(queue: &mut Queue, now: i64) -> Vec<u64> {
    queue.list(usize::MAX, at(now)).into_iter().map(|(id, _)| id.get()).collect()
}

fn check_order(states: &[TicketState], now: i64, expect: &[u64]) {
    assert_eq!(order(&mut queue(states, now), now), expect);
}

/// Q1: the higher effective priority comes first.
#[test]
fn q1_priority_comes_first() {
    check_order(
        &[
            state(1, Priority::Low, 0),
            state(2, Priority::Urgent, 0),
            state(3, Priority::Normal, 0),
            state(4, Priority::High, 0),
        ],
        0,
        &[2, 4, 3, 1],
    );
}

/// Q2: among equals the next due time comes first, none last; then the longer wait; then the smaller id.
#[test]
fn q2_then_due_then_wait_then_id() {
    let due = |id, since, millis| {
        with(state(id, Priority::Normal, since), |s| s.ticket.sla.resolution_due = Some(at(millis)))
    };
    check_order(
        &[
            state(7, Priority::Normal, 5),
            state(6, Priority::Normal, 5),
            state(5, Priority::Normal, 1),
            due(4, 9, 500),
            due(3, 9, 100),
        ],
        10,
        &[3, 4, 5, 6, 7],
    );
}

/// Q2: the wait counts from the requester's unanswered message, not from the opening.
#[test]
fn q2_waits_since_the_last_unanswered_message() {
    let later = with(state(1, Priority::Normal, 0), |s| s.background.waiting_since = Some(at(50)));
    check_order(&[later, state(2, Priority::Normal, 20)], 60, &[2, 1]);
}

/// Q3: each full period of waiting lifts by one priority, up to urgent.
#[test]
fn q3_waiting_lifts() {
    let mut queue = queue(&[state(1, Priority::Low, 0), state(2, Priority::Normal, PROMOTE - 1)], PROMOTE - 1);
    assert_eq!(order(&mut queue, PROMOTE - 1), [2, 1]);
    assert_eq!(order(&mut queue, PROMOTE), [1, 2]);
    let (_, rank) = queue.list(1, at(50 * PROMOTE)).remove(0);
    assert_eq!((rank.effective_priority, rank.lifted, rank.priority), (Priority::Urgent, 3, Priority::Low));
    assert_eq!(queue.next_change(), None);
}

/// Q4: only new or open tickets that nobody holds and that are not snoozed are handed out.
#[test]
fn q4_only_the_eligible() {
    let held = with(state(1, Priority::Urgent, 0), |s| s.ticket.assignee = Some("u1".into()));
    let pending = with(state(2, Priority::Urgent, 0), |s| s.ticket.status = Status::Pending);
    let solved = with(state(3, Priority::Urgent, 0), |s| s.ticket.status = Status::Solved);
    let open = with(state(4, Priority::Low, 0), |s| s.ticket.status = Status::Open);
    check_order(&[held.clone(), pending, solved, open.clone()], 0, &[4]);

    let mut queue = queue(std::slice::from_ref(&open), 0);
    queue.put(&with(open, |s| s.ticket.assignee = Some("u1".into())), at(1));
    assert!(queue.is_empty() && !queue.contains(TicketId(4)));
    assert_eq!(queue.rank_key(&held, at(0)), None);
}

/// Q5: a snoozed ticket enters the moment its snooze ends; a snooze in the past counts as none.
#[test]
fn q5_snooze_ends_by_itself() {
    let snoozed = with(state(1, Priority::High, 0), |s| s.ticket.snoozed_until = Some(at(100)));
    let woken = with(state(2, Priority::Low, 0), |s| s.ticket.snoozed_until = Some(at(5)));
    let mut queue = queue(&[snoozed, woken], 10);
    assert_eq!(order(&mut queue, 99), [2]);
    assert_eq!(queue.counts(at(99)).snoozed, 1);
    assert_eq!(queue.next_change(), Some(at(100)));
    assert_eq!(order(&mut queue, 100), [1, 2]);
    assert_eq!(queue.counts(at(100)).snoozed, 0);
}

/// Q6: a skipped ticket is not offered to the skipper until the window ends, and to everybody else it is.
#[test]
fn q6_a_skip_hides_from_the_skipper_for_a_while() {
    let (me, other) = (UserId::from("me"), UserId::from("other"));
    let skipped =
        with(state(1, Priority::High, 0), |s| s.background.skips = vec![SkipNote { by: me.clone(), at: at(10) }]);
    let mut queue = queue(&[skipped, state(2, Priority::Low, 0)], 10);
    assert_eq!(first(&mut queue, 10, &anybody(&me)), Some(2));
    assert_eq!(first(&mut queue, 10, &anybody(&other)), Some(1));
    assert_eq!(first(&mut queue, 9 + HOUR, &anybody(&me)), Some(2));
    assert_eq!(first(&mut queue, 10 + HOUR, &anybody(&me)), Some(1));
}

/// Q7: a claimer gets the first ticket of the team and categories that he asked for, and none of a team that is not his.
#[test]
fn q7_team_and_categories() {
    let me = UserId::from("me");
    let of = |id, priority, team: Option<&str>, category: Option<&str>| {
        with(state(id, priority, 0), |s| {
            s.ticket.team = team.map(str::to_owned);
            s.ticket.category = category.map(str::to_owned);
        })
    };
    let mut queue = queue(
        &[
            of(1, Priority::Urgent, Some("support"), Some("billing")),
            of(2, Priority::High, Some("support"), Some("how_to")),
            of(3, Priority::Normal, Some("billing"), Some("billing")),
            of(4, Priority::Low, None, None),
        ],
        0,
    );
    let categories = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let all = anybody(&me);
    assert_eq!(first(&mut queue, 0, &Wanted { team: Some("billing"), ..all }), Some(3));
    assert_eq!(first(&mut queue, 0, &Wanted { team: Some("nobody"), ..all }), None);
    assert_eq!(first(&mut queue, 0, &Wanted { categories: Some(&categories(&["how_to"])), ..all }), Some(2));
    assert_eq!(first(&mut queue, 0, &Wanted { categories: Some(&categories(&["how_to", "billing"])), ..all }), Some(1));
    assert_eq!(first(&mut queue, 0, &Wanted { categories: Some(&[]), ..all }), None);
    let both = categories(&["billing"]);
    assert_eq!(first(&mut queue, 0, &Wanted { team: Some("billing"), categories: Some(&both), ..all }), Some(3));
    let own = categories(&["billing"]);
    assert_eq!(first(&mut queue, 0, &Wanted { teams: &own, ..all }), Some(3));
    queue.remove(TicketId(3));
    assert_eq!(first(&mut queue, 0, &Wanted { teams: &own, ..all }), Some(4));
}

/// Q8: a ticket that is being handed to somebody is passed over.
#[test]
fn q8_lent_tickets_are_passed_over() {
    let me = UserId::from("me");
    let mut queue = queue(&[state(1, Priority::High, 0), state(2, Priority::Low, 0)], 0);
    assert_eq!(queue.first(at(0), &anybody(&me), &|id| id == TicketId(1)), Some(TicketId(2)));
    assert_eq!(queue.first(at(0), &anybody(&me), &|_| true), None);
}

/// Q9: the reason for a rank is one sentence that names priority, lift, due time and wait.
#[test]
fn q9_the_reason_is_a_sentence() {
    let check = |state: TicketState, now: i64, expect: &str| {
        assert_eq!(queue(&[state], now).list(1, at(now))[0].1.text, expect);
    };
    check(
        state(1, Priority::Normal, 0),
        5 * 60_000,
        "This normal-priority ticket has no due time and has waited 5 minutes.",
    );
    check(
        with(state(1, Priority::Urgent, 0), |s| s.ticket.sla.first_response_due = Some(at(20 * 60_000))),
        0,
        "This urgent ticket is due in 20 minutes and has waited less than a minute.",
    );
    check(
        with(state(1, Priority::Normal, 0), |s| s.ticket.sla.first_response_due = Some(at(PROMOTE))),
        PROMOTE + HOUR,
        "This high-priority ticket, raised from normal by its wait, is overdue by 1 hour and has waited 5 hours.",
    );
    check(
        state(1, Priority::Low, 0),
        72 * HOUR,
        "This urgent ticket, raised from low by its wait, has no due time and has waited 3 days.",
    );
}

/// Q10: the counts are those of the tickets that wait.
#[test]
fn q10_counts() {
    let team = |id, priority, name: &str| with(state(id, priority, 0), |s| s.ticket.team = Some(name.into()));
    let mut queue =
        queue(&[team(1, Priority::High, "support"), team(2, Priority::High, "billing"), state(3, Priority::Low, 0)], 0);
    queue.remove(TicketId(2));
    let counts = queue.counts(at(0));
    assert_eq!(counts.waiting, 2);
    assert_eq!(counts.by_priority[&Priority::High], 1);
    assert_eq!(counts.by_team, BTreeMap::from([(None, 1), (Some(Arc::from("support")), 1)]));
}

#[derive(Clone, Debug)]
enum Step {
    Put(TicketState),
    Remove(u64),
    Wait(i64),
}

fn any_state() -> impl Strategy<Value = TicketState> {
    let due = proptest::option::of(0..30 * HOUR);
    let snooze = proptest::option::weighted(0.3, 0..30 * HOUR);
    (1..24_u64, 0..4_u8, 0..20 * HOUR, due, snooze, 0..3_u8, 0..5_u8, 0..3_u8).prop_map(
        |(id, priority, since, due, snooze, team, shape, category)| {
            let priority = [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent][usize::from(priority)];
            with(state(id, priority, since / HOUR * HOUR), |s| {
                s.ticket.sla.next_response_due = due.map(|due| at(due / HOUR * HOUR));
                s.ticket.snoozed_until = snooze.map(at);
                s.ticket.team = (team > 0).then(|| format!("team{team}"));
                s.ticket.category = (category > 0).then(|| format!("category{category}"));
                match shape {
                    0 => s.ticket.assignee = Some("holder".into()),
                    1 => s.ticket.status = Status::Open,
                    2 => s.ticket.status = Status::OnHold,
                    _ => {}
                }
            })
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => any_state().prop_map(Step::Put),
        1 => (1..24_u64).prop_map(Step::Remove),
        3 => (0..3 * HOUR).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Q11: whatever happened and however much time passed, the order is total, never inverted, and what recomputing
    /// everything at this moment gives; every filter sees the same order.
    #[test]
    fn q11_the_order_is_what_recomputation_gives(steps in proptest::collection::vec(any_step(), 1..80)) {
        let mut queue = Queue::new(PROMOTE);
        let mut model: BTreeMap<u64, TicketState> = BTreeMap::new();
        let mut now = 0;
        let me = UserId::from("me");
        for step in steps {
            match step {
                Step::Put(state) => {
                    queue.put(&state, at(now));
                    model.insert(state.ticket.id.get(), state);
                }
                Step::Remove(id) => {
                    queue.remove(TicketId(id));
                    model.remove(&id);
                }
                Step::Wait(millis) => now += millis,
            }
            let mut keys: Vec<(RankKey, &TicketState)> =
                model.values().filter_map(|s| RankKey::of(s, PROMOTE, at(now)).map(|key| (key, s))).collect();
            keys.sort_by_key(|(key, _)| *key);
            let expect: Vec<u64> = keys.iter().map(|(key, _)| key.id().get()).collect();
            prop_assert_eq!(order(&mut queue, now), expect.clone());
            let ranks = queue.list(usize::MAX, at(now));
            for pair in ranks.windows(2) {
                prop_assert!(pair[0].1.effective_priority >= pair[1].1.effective_priority);
            }
            prop_assert_eq!(first(&mut queue, now, &anybody(&me)), expect.first().copied());
            let team = keys.iter().find(|(_, s)| s.ticket.team.as_deref() == Some("team1")).map(|(key, _)| key.id().get());
            prop_assert_eq!(first(&mut queue, now, &Wanted { team: Some("team1"), ..anybody(&me) }), team);
            let categories = ["category1".to_owned()];
            let category =
                keys.iter().find(|(_, s)| s.ticket.category.as_deref() == Some("category1")).map(|(key, _)| key.id().get());
            prop_assert_eq!(
                first(&mut queue, now, &Wanted { categories: Some(&categories), ..anybody(&me) }),
                category
            );
            let counts = queue.counts(at(now));
            prop_assert_eq!(counts.waiting as usize, expect.len());
            prop_assert_eq!(counts.by_priority.values().sum::<u32>(), counts.waiting);
            prop_assert_eq!(counts.by_team.values().sum::<u32>(), counts.waiting);
        }
    }
}
