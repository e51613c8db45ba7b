//! What holds for every sequence of commands by several people on several tickets.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::apply::apply;
use super::super::command::*;
use super::super::ids::{Seq, UserId};
use super::super::lifecycle;
use super::super::message::{Direction, Visibility};
use super::super::record::Record;
use super::super::sla::{BusinessCalendar, SlaPolicy};
use super::super::state::{SKIP_MEMORY_PEOPLE, UNDO_MEMORY_COMMANDS};
use super::super::ticket::*;
use super::tests::{MINUTE, START, new_ticket, policy, rules, with_context};
use super::*;

const PEOPLE: [&str; 5] = ["ann", "bob", "sue", "sam", "system"];
const TICKETS: u64 = 3;

/// What somebody does: who, on which ticket, what, and how long after the one before.
#[derive(Clone, Debug)]
struct Step {
    who: &'static str,
    on: u64,
    command: Command,
    after_ms: i64,
}

fn statuses() -> impl Strategy<Value = Status> {
    use Status::{Closed, New, OnHold, Open, Pending, Solved};
    prop_oneof![1 => Just(New), 4 => Just(Open), 4 => Just(Pending), 2 => Just(OnHold), 4 => Just(Solved), 1 => Just(Closed)]
}

fn priorities() -> impl Strategy<Value = Priority> {
    prop::sample::select(vec![Priority::Low, Priority::Normal, Priority::High, Priority::Urgent])
}

fn names() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop::sample::select(vec!["support".to_owned(), "billing".to_owned(), " ".to_owned()]))
}

fn updates() -> impl Strategy<Value = UpdateTicket> {
    (
        prop::option::weighted(0.3, statuses()),
        prop::option::weighted(0.3, priorities()),
        prop::option::weighted(
            0.3,
            prop::option::of(prop::sample::select(vec!["ann", "bob", "sue", "gone"]).prop_map(UserId::from)),
        ),
        prop::option::weighted(0.2, names()),
        prop::option::weighted(0.2, names()),
        prop::option::weighted(
            0.2,
            vec(prop::sample::select(vec!["a", "b ", " b", "c", "d"]).prop_map(str::to_owned), 0..4),
        ),
        prop::option::weighted(
            0.2,
            prop::option::of((0..200i64).prop_map(|m| Timestamp::from_millis(START + m * MINUTE))),
        ),
        prop::option::weighted(0.1, Just(BTreeMap::from([("k".to_owned(), serde_json::Value::from(1))]))),
    )
        .prop_map(|(status, priority, assignee, team, category, tags, snoozed_until, custom)| UpdateTicket {
            status,
            priority,
            assignee,
            team,
            category,
            tags,
            subject: None,
            snoozed_until,
            custom,
        })
}

fn messages() -> impl Strategy<Value = AddMessage> {
    (
        prop::sample::select(vec![
            (Visibility::Public, Direction::Inbound),
            (Visibility::Public, Direction::Outbound),
            (Visibility::Internal, Direction::Outbound),
        ]),
        prop::option::weighted(0.2, (1..12u64).prop_map(Version)),
        prop::option::weighted(0.2, statuses()),
    )
        .prop_map(|((visibility, direction), last_seen_version, status)| AddMessage {
            body: "Hello".to_owned(),
            visibility,
            direction: Some(direction),
            body_format: None,
            last_seen_version,
            status,
            attachments: Vec::new(),
            mentions: Vec::new(),
        })
}

fn triages() -> impl Strategy<Value = Triage> {
    let states = vec![TriageState::Waiting, TriageState::Proposed, TriageState::Proposed, TriageState::Untriaged];
    (prop::sample::select(states), 1..12u64, priorities(), any::<bool>()).prop_map(
        |(state, based_on, priority, tag)| Triage {
            source: Some(TriageSource::Learner),
            category: Some(Guess { value: "billing".to_owned(), confidence: 0.75 }),
            priority: Some(Guess { value: priority, confidence: 0.5 }),
            tags: if tag { vec!["b".to_owned()] } else { Vec::new() },
            ..Triage::new(state, Timestamp::from_millis(START), Version(based_on))
        },
    )
}

fn values() -> impl Strategy<Value = TriageValues> {
    (any::<bool>(), prop::option::of(priorities()), prop::option::of(Just(vec!["c".to_owned()]))).prop_map(
        |(category, priority, tags)| TriageValues { category: category.then(|| "billing".to_owned()), priority, tags },
    )
}

fn links() -> impl Strategy<Value = LinkTicket> {
    use LinkKind::{CausedBy, DuplicateOf, MergedFrom, Related};
    ((1..=TICKETS).prop_map(TicketId), prop::sample::select(vec![Related, CausedBy, DuplicateOf, MergedFrom]))
        .prop_map(|(to, kind)| LinkTicket { to, kind })
}

fn commands() -> impl Strategy<Value = Command> {
    let fields = || {
        prop::option::of(vec(prop::sample::select(vec!["category", "priority", "tags"]).prop_map(str::to_owned), 0..3))
    };
    let accepts = (fields(), prop::option::weighted(0.3, values()));
    prop_oneof![
        8 => updates().prop_map(Command::Update),
        6 => messages().prop_map(Command::Message),
        4 => Just(Command::Claim(Empty {})),
        3 => Just(Command::Release(Release::default())),
        2 => Just(Command::Skip(Skip { reason: "no".to_owned() })),
        1 => (1..=TICKETS).prop_map(|into| Command::Merge(Merge { into: TicketId(into) })),
        2 => links().prop_map(Command::Link),
        2 => links().prop_map(Command::Unlink),
        6 => (0..12u32).prop_map(|back| Command::Undo(Undo { command_id: back.to_string().into() })),
        2 => accepts.prop_map(|(fields, edits)| Command::TriageAccept(AcceptTriage { fields, edits })),
        1 => fields().prop_map(|fields| Command::TriageReject(RejectTriage { fields })),
        1 => Just(Command::Triage(Empty {})),
        2 => Just(Command::System(SystemCommand::CheckSla)),
        1 => Just(Command::System(SystemCommand::CloseSolved)),
        1 => Just(Command::System(SystemCommand::ReleaseVanished { holder: "ann".into() })),
        3 => (triages(), values()).prop_map(|(triage, apply)| {
            Command::System(SystemCommand::Triage { triage: Box::new(triage), apply })
        }),
        1 => (1..=TICKETS).prop_map(|lead| {
            let since = Timestamp::from_millis(START);
            Command::System(SystemCommand::Incident(Incident { lead: TicketId(lead), tickets: 12, since }))
        }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..PEOPLE.len(), 1..=TICKETS, commands(), prop_oneof![0..5_000i64, 0..(30 * MINUTE)]).prop_map(
        |(who, on, command, after_ms)| Step {
            who: if matches!(command, Command::System(_)) { "system" } else { PEOPLE[who] },
            on,
            command,
            after_ms,
        },
    );
    vec(step, 1..40)
}

/// A few tickets, and everything that was ever recorded of them.
struct Desk {
    rules: Rules,
    now: i64,
    tickets: BTreeMap<u64, TicketState>,
    history: BTreeMap<u64, Vec<Draft>>,
    commands: u32,
}

impl Desk {
    fn new() -> Self {
        let office = BusinessCalendar {
            time_zone: jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone of the database"),
            week: std::array::from_fn(|day| if day < 5 { vec![(480, 720), (780, 1_080)] } else { Vec::new() }),
            holidays: std::collections::BTreeSet::new(),
        };
        let rules = Rules {
            sla_policies: vec![
                SlaPolicy { priorities: vec![Priority::Urgent], ..policy("Urgent", 5, 5, 20) },
                SlaPolicy {
                    teams: vec!["billing".to_owned()],
                    calendar: Some(office),
                    next_response_min: None,
                    ..policy("Office", 15, 0, 60)
                },
                SlaPolicy { priorities: vec![Priority::Normal, Priority::High], ..policy("Rest", 20, 20, 90) },
            ],
            ..rules()
        };
        let mut desk = Self { rules, now: START, tickets: BTreeMap::new(), history: BTreeMap::new(), commands: 0 };
        for id in 1..=TICKETS {
            let open =
                |context: &Context<'_>| decide(None, TicketId(id), None, &Command::Create(new_ticket()), context);
            let opened = with_context("ann", "open", START, &desk.rules, open).expect("a valid ticket");
            desk.tickets.insert(id, opened.after);
            desk.history.insert(id, opened.drafts);
        }
        desk
    }

    /// What a step comes to, by ticket. An `undo` of `n` means the `n`th command before it.
    fn decide(&self, step: &Step, command_id: &str) -> Result<Vec<(u64, Decision)>, Rejection> {
        let command = match &step.command {
            Command::Undo(Undo { command_id }) => {
                let back: u32 = command_id.as_str().parse().expect("a number");
                Command::Undo(Undo { command_id: format!("c{}", self.commands.saturating_sub(back)).into() })
            }
            other => other.clone(),
        };
        let this = &self.tickets[&step.on];
        with_context(step.who, command_id, self.now, &self.rules, |context| {
            let Some(other) = needs_other(this, &command) else {
                return Ok(vec![(step.on, decide(Some(this), TicketId(step.on), None, &command, context)?)]);
            };
            let (here, there) = decide_pair(this, &self.tickets[&other.get()], None, &command, context)?;
            Ok(vec![(step.on, here), (other.get(), there)])
        })
    }

    /// Runs a step and gives back the tickets that it changed, as they were before.
    fn run(&mut self, step: &Step) -> Vec<(u64, TicketState)> {
        self.commands += 1;
        self.now += step.after_ms;
        let Ok(decisions) = self.decide(step, &format!("c{}", self.commands)) else { return Vec::new() };
        let mut changed = Vec::new();
        for (id, decision) in decisions {
            self.history.get_mut(&id).expect("a ticket of the desk").extend(decision.drafts.iter().cloned());
            let before = self.tickets.insert(id, decision.after).expect("a ticket of the desk");
            if !decision.drafts.is_empty() {
                changed.push((id, before));
            }
        }
        changed
    }
}

/// What must be true of a ticket at any time.
fn assert_sound(state: &TicketState) {
    let TicketState { ticket, background } = state;
    assert!(ticket.status != Status::New || ticket.assignee.is_none(), "nobody holds a new ticket");
    assert!(ticket.status != Status::New || ticket.first_responded_at.is_none(), "an answered ticket is not new");
    assert!(background.claim.is_none() || ticket.assignee.is_some(), "a claim has a holder");
    if ticket.status != Status::Closed {
        assert_eq!(ticket.solved_at.is_some(), ticket.status == Status::Solved, "solved_at goes with solved");
        assert_eq!(ticket.merged_into, None, "what was merged is closed");
    }
    assert!(ticket.tags.is_sorted_by(|a, b| a < b), "tags are sorted, without repeats");
    assert!(ticket.links.is_sorted_by(|a, b| a < b), "links are sorted, without repeats");
    let over = matches!(ticket.status, Status::Solved | Status::Closed);
    let waits = matches!(ticket.status, Status::Pending | Status::OnHold);
    assert_eq!(ticket.sla.paused, waits && ticket.sla.policy.is_some(), "pending and on hold stop the clocks");
    for metric in SlaMetric::ALL {
        if ticket.sla.due(metric).is_some() {
            assert!(background.clocks.get(metric).is_some(), "what is due is owed");
            assert!(!over && !ticket.sla.paused, "nothing is due while nothing runs");
        }
    }
    assert_eq!(ticket.sla.breached, !ticket.sla.breaches.is_empty());
    assert!(!over || background.waiting_since.is_none(), "nobody waits on what is solved");
    assert!(background.recent.len() <= UNDO_MEMORY_COMMANDS && background.skips.len() <= SKIP_MEMORY_PEOPLE);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// T60: whatever people do, versions have no gap, moves are those of the table, and what is closed stays as it is.
    #[test]
    fn t60_any_sequence_keeps_the_invariants(steps in steps()) {
        let mut desk = Desk::new();
        for step in &steps {
            for (id, before) in desk.run(step) {
                let after = &desk.tickets[&id];
                assert_sound(after);
                let drafts = &desk.history[&id];
                let new = &drafts[before.ticket.version.get() as usize..];
                let mut version = before.ticket.version;
                for draft in new {
                    version = version.next();
                    prop_assert_eq!(draft.version, version);
                    prop_assert_eq!(draft.patch.updated_at, Some(draft.at));
                }
                prop_assert_eq!(after.ticket.version, version);
                let (from, to) = (before.ticket.status, after.ticket.status);
                let undo = matches!(step.command, Command::Undo(_));
                prop_assert!(from == to || undo || lifecycle::may_become(from, to), "{from:?} became {to:?}");
                prop_assert!(from != Status::Closed || (undo && before.ticket.merged_into.is_some()));
            }
        }
        for state in desk.tickets.values() {
            for link in &state.ticket.links {
                let Some(kind) = link.kind.inverse() else { continue };
                let back = Link { to: state.ticket.id, kind };
                prop_assert!(desk.tickets[&link.to.get()].ticket.links.contains(&back), "links stand on both sides");
            }
        }
    }

    /// T61: a replay gives the live state. T62: the patches in order give the ticket, which is what other sides have of it.
    #[test]
    fn t61_t62_replay_and_patches_give_the_live_ticket(steps in steps()) {
        let mut desk = Desk::new();
        for step in &steps {
            desk.run(step);
        }
        for (id, live) in &desk.tickets {
            let history = &desk.history[id];
            let replayed = history.iter().fold(None, |state, draft| Some(apply(state, draft)));
            prop_assert_eq!(replayed.as_ref(), Some(live));
            let (first, rest) = history.split_first().expect("a ticket has records");
            let mut patched = first.patch.clone().into_ticket(first.ticket, first.version).expect("a whole first patch");
            for draft in rest {
                draft.patch.apply_to(&mut patched);
                patched.version = draft.version;
            }
            prop_assert_eq!(&patched, &live.ticket);
        }
    }

    /// T63: undo right after a command gives the same tickets but for their version and `updated_at`, the clocks included,
    /// unless a target was missed in between: that happened.
    #[test]
    fn t63_undo_gives_the_same_ticket(steps in steps()) {
        let mut desk = Desk::new();
        for step in &steps {
            let changed = desk.run(step);
            if changed.is_empty() || step.who == "system" {
                continue;
            }
            let undo = Step { command: Command::Undo(Undo { command_id: "0".into() }), after_ms: 0, ..step.clone() };
            let Ok(decisions) = desk.decide(&undo, "undo") else {
                let undoable = !matches!(
                    step.command,
                    Command::Message(_) | Command::Undo(_) | Command::Triage(_) | Command::TriageAccept(_) | Command::TriageReject(_)
                );
                let closed = desk.tickets[&step.on].ticket.status == Status::Closed
                    && !matches!(step.command, Command::Merge(_));
                prop_assert!(!undoable || closed, "{:?} could not be undone", step.command);
                continue;
            };
            prop_assert_eq!(decisions.len(), changed.len().max(decisions.len()));
            for (id, before) in &changed {
                let Decision { drafts, after } = &decisions.iter().find(|(of, _)| of == id).expect("both sides").1;
                let missed = drafts.iter().any(|draft| matches!(draft.event, Event::SlaBreached { .. }));
                let mut expected = before.ticket.clone();
                expected.version = after.ticket.version;
                expected.updated_at = after.ticket.updated_at;
                expected.sla.breached |= after.ticket.sla.breached;
                if expected.sla.breaches.len() < after.ticket.sla.breaches.len() {
                    expected.sla.breaches.clone_from(&after.ticket.sla.breaches);
                }
                let mut clocks = before.background.clocks;
                for metric in SlaMetric::ALL {
                    if let (Some(clock), Some(after)) = (clocks.get_mut(metric), after.background.clocks.get(metric)) {
                        clock.breached |= after.breached;
                    }
                }
                prop_assert!(missed || clocks == after.background.clocks);
                prop_assert_eq!(&expected, &after.ticket);
                prop_assert_eq!(&before.background.claim, &after.background.claim);
                prop_assert_eq!(before.background.waiting_since, after.background.waiting_since);
                let skips = |state: &TicketState| {
                    let skips = state.background.skips.iter().map(|skip| (skip.by.clone(), skip.at));
                    skips.collect::<std::collections::BTreeSet<_>>()
                };
                prop_assert_eq!(skips(before), skips(after));
            }
        }
    }

    /// T64: states and records are read back as they were written.
    #[test]
    fn t64_states_and_records_survive_being_written(steps in steps()) {
        let mut desk = Desk::new();
        for step in &steps {
            desk.run(step);
        }
        for state in desk.tickets.values() {
            let json = serde_json::to_string(state).expect("a state is JSON");
            prop_assert_eq!(&serde_json::from_str::<TicketState>(&json).expect("and is read back"), state);
        }
        for draft in desk.history.into_values().flatten() {
            let record = Record { seq: Seq(draft.version.get()), draft };
            let json = serde_json::to_string(&record).expect("a record is JSON");
            prop_assert_eq!(serde_json::from_str::<Record>(&json).expect("and is read back"), record);
        }
    }

    /// T49: the timer's question and the timer's command agree: when the time has come there is a breach, and never twice.
    #[test]
    fn t49_the_timer_never_loops(steps in steps()) {
        let mut desk = Desk::new();
        for step in &steps {
            desk.run(step);
            let Some(due) = desk.tickets[&step.on].next_breach_at() else { continue };
            let check = Step { who: "system", on: step.on, command: Command::System(SystemCommand::CheckSla), after_ms: 0 };
            let early = due.as_millis() > desk.now;
            prop_assert_eq!(desk.run(&check).is_empty(), early);
            let next = desk.tickets[&step.on].next_breach_at();
            prop_assert!(next.is_none_or(|next| next.as_millis() > desk.now));
        }
    }
}
