//! A small desk that does random things by the real rules, and keeps its journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::domain::command::*;
use crate::domain::decide::{Context, Decision, decide, decide_pair, needs_other};
use crate::domain::ids::{CommandId, MessageId, Seq, TicketId, UserId, Version};
use crate::domain::message::{Direction, Visibility};
use crate::domain::permissions::{Principal, Role};
use crate::domain::record::Record;
use crate::domain::rejection::Rejection;
use crate::domain::rules::{FieldLimits, People, Rules};
use crate::domain::sla::{BusinessCalendar, SlaPolicy};
use crate::domain::state::TicketState;
use crate::domain::ticket::*;
use crate::domain::time::Timestamp;

pub const MINUTE: i64 = 60_000;
/// The night before Berlin's clocks go forward: 2026-03-28T20:00:00Z.
pub const START: i64 = 1_774_728_000_000;

const LIMITS: FieldLimits = FieldLimits {
    subject_chars: 200,
    message_chars: 500,
    tags: 5,
    custom_bytes: 400,
    files: crate::domain::rules::FileLimits::USUAL,
};

struct Staff;

impl People for Staff {
    fn is_assignable(&self, user: &UserId, _: Option<&str>) -> bool {
        matches!(user.as_str(), "ann" | "bob" | "sam")
    }

    fn sees(&self, user: &UserId, team: Option<&str>) -> bool {
        self.is_assignable(user, team)
    }
}

#[derive(Clone, Debug)]
pub enum Act {
    Open(CreateTicket),
    Do(Command),
}

#[derive(Clone, Debug)]
pub struct Step {
    who: &'static str,
    on: usize,
    act: Act,
    after_ms: i64,
}

pub fn office() -> BusinessCalendar {
    BusinessCalendar {
        time_zone: jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone of the database"),
        week: std::array::from_fn(|_| vec![(60, 720), (780, 1_320)]),
        holidays: std::collections::BTreeSet::new(),
    }
}

fn names() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop::sample::select(vec!["support".to_owned(), "billing".to_owned()]))
}

fn tags() -> impl Strategy<Value = Vec<String>> {
    vec(prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned), 0..3)
}

fn priorities() -> impl Strategy<Value = Priority> {
    prop::sample::select(vec![Priority::Low, Priority::Normal, Priority::High, Priority::Urgent])
}

fn statuses() -> impl Strategy<Value = Status> {
    use Status::{Closed, OnHold, Open, Pending, Solved};
    prop_oneof![4 => Just(Open), 3 => Just(Pending), 1 => Just(OnHold), 5 => Just(Solved), 1 => Just(Closed)]
}

fn opened() -> impl Strategy<Value = Act> {
    let channels = prop::sample::select(vec![Channel::Web, Channel::Email, Channel::Import]);
    (priorities(), names(), names(), tags(), channels).prop_map(|(priority, category, team, tags, channel)| {
        Act::Open(CreateTicket {
            subject: "Printer on fire".to_owned(),
            body: "It burns.".to_owned(),
            requester: Requester { name: "Rita".to_owned(), email: "rita@example.com".to_owned() },
            priority: Some(priority),
            category,
            team,
            tags: Some(tags),
            channel: Some(channel),
            body_format: None,
            custom: None,
            attachments: Vec::new(),
        })
    })
}

fn updates() -> impl Strategy<Value = UpdateTicket> {
    (
        prop::option::weighted(0.5, statuses()),
        prop::option::weighted(0.2, priorities()),
        prop::option::weighted(
            0.2,
            prop::option::of(prop::sample::select(vec!["ann", "bob", "sam"]).prop_map(UserId::from)),
        ),
        prop::option::weighted(0.2, names()),
        prop::option::weighted(0.2, tags()),
        prop::option::weighted(
            0.1,
            prop::option::of((0..2_000_i64).prop_map(|m| Timestamp::from_millis(START + m * MINUTE))),
        ),
    )
        .prop_map(|(status, priority, assignee, team, tags, snoozed_until)| UpdateTicket {
            status,
            priority,
            assignee,
            team,
            tags,
            snoozed_until,
            ..UpdateTicket::default()
        })
}

fn commands() -> impl Strategy<Value = Command> {
    let kinds = prop::sample::select(vec![
        (Visibility::Public, Direction::Inbound),
        (Visibility::Public, Direction::Outbound),
        (Visibility::Internal, Direction::Outbound),
    ]);
    let messages = (kinds, prop::option::weighted(0.3, statuses())).prop_map(|((visibility, direction), status)| {
        Command::Message(AddMessage {
            body: "Hello".to_owned(),
            visibility,
            direction: Some(direction),
            body_format: None,
            last_seen_version: None,
            status,
            mentions: Vec::new(),
            attachments: Vec::new(),
        })
    });
    let states = prop::sample::select(vec![TriageState::Proposed, TriageState::Proposed, TriageState::Untriaged]);
    let proposals = (1..9_u64, states, prop::option::weighted(0.3, priorities()), any::<bool>()).prop_map(
        |(based_on, state, priority, tag)| {
            let guess = |value: Priority| Guess { value, confidence: 0.5 };
            Command::System(SystemCommand::Triage {
                triage: Box::new(Triage {
                    source: Some(TriageSource::Learner),
                    category: Some(Guess { value: "billing".to_owned(), confidence: 0.75 }),
                    priority: Some(guess(priority.unwrap_or(Priority::High))),
                    tags: if tag { vec!["b".to_owned()] } else { Vec::new() },
                    ..Triage::new(state, Timestamp::from_millis(START), Version(based_on))
                }),
                apply: TriageValues { priority, ..TriageValues::default() },
            })
        },
    );
    let fields = || {
        prop::option::of(vec(prop::sample::select(vec!["category", "priority", "tags"]).prop_map(str::to_owned), 1..3))
    };
    let edits = prop::option::weighted(
        0.3,
        priorities().prop_map(|priority| TriageValues { priority: Some(priority), ..TriageValues::default() }),
    );
    let accepts = (fields(), edits).prop_map(|(fields, edits)| Command::TriageAccept(AcceptTriage { fields, edits }));
    let rejects = fields().prop_map(|fields| Command::TriageReject(RejectTriage { fields }));
    prop_oneof![
        8 => updates().prop_map(Command::Update),
        8 => messages,
        5 => Just(Command::Claim(Empty {})),
        2 => Just(Command::Release(Release::default())),
        1 => Just(Command::Skip(Skip { reason: "no".to_owned() })),
        1 => (1..5_u64).prop_map(|into| Command::Merge(Merge { into: TicketId(into) })),
        7 => (0..6_u32).prop_map(|back| Command::Undo(Undo { command_id: back.to_string().into() })),
        3 => accepts,
        2 => rejects,
        4 => proposals,
        2 => Just(Command::System(SystemCommand::CheckSla)),
    ]
}

/// Mostly seconds to minutes apart, sometimes hours, sometimes back.
fn pauses() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 0..5_000_i64, 6 => 0..(40 * MINUTE), 1 => 0..(400 * MINUTE), 1 => -(20 * MINUTE)..0]
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let act = prop_oneof![2 => opened(), 9 => commands().prop_map(Act::Do)];
    let step = (0..3_usize, 0..8_usize, act, pauses()).prop_map(|(who, on, act, after_ms)| Step {
        who: if matches!(act, Act::Do(Command::System(_))) { "system" } else { ["ann", "bob", "sam"][who] },
        on,
        act,
        after_ms,
    });
    vec(step, 1..90)
}

#[derive(Debug)]
pub struct Desk {
    rules: Rules,
    pub now: i64,
    pub tickets: BTreeMap<u64, TicketState>,
    pub journal: Vec<Record>,
    commands: u32,
}

impl Desk {
    pub fn new() -> Self {
        let policy = |name: &str, calendar, first: u32| SlaPolicy {
            name: name.to_owned(),
            priorities: Vec::new(),
            teams: Vec::new(),
            categories: Vec::new(),
            first_response_min: Some(first),
            next_response_min: Some(first),
            resolution_min: Some(4 * first),
            calendar,
        };
        let rules = Rules {
            undo_window_ms: 10 * MINUTE,
            close_solved_after_ms: 0,
            skip_window_ms: 30 * MINUTE,
            triage: true,
            promote_after_ms: 240 * MINUTE,
            categories: Vec::new(),
            teams: Vec::new(),
            private_teams: crate::domain::permissions::PrivateTeams::default(),
            sla_policies: vec![
                SlaPolicy { priorities: vec![Priority::Urgent], ..policy("Urgent", None, 10) },
                SlaPolicy { teams: vec!["billing".to_owned()], ..policy("Office", Some(office()), 20) },
                SlaPolicy { priorities: vec![Priority::Normal], ..policy("Rest", None, 40) },
            ],
        };
        Self { rules, now: START, tickets: BTreeMap::new(), journal: Vec::new(), commands: 0 }
    }

    pub fn run(steps: &[Step]) -> Self {
        let mut desk = Self::new();
        for step in steps {
            desk.step(step);
        }
        desk
    }

    /// The same with every ticket in one team from its first record to its last.
    pub fn run_in(team: &str, mut steps: Vec<Step>) -> Self {
        for step in &mut steps {
            match &mut step.act {
                Act::Open(create) => create.team = Some(team.to_owned()),
                Act::Do(Command::Update(update)) => update.team = None,
                Act::Do(_) => {}
            }
        }
        Self::run(&steps)
    }

    /// Ann does something so many minutes later, on the desk's first ticket.
    pub fn ann(&mut self, after_min: i64, command: Command) {
        self.step(&Step { who: "ann", on: 0, act: Act::Do(command), after_ms: after_min * MINUTE });
    }

    /// Opens so many tickets, a minute apart.
    pub fn open_many(&mut self, count: usize) {
        let create = CreateTicket {
            subject: "Printer on fire".to_owned(),
            body: "It burns.".to_owned(),
            requester: Requester { name: "Rita".to_owned(), email: "rita@example.com".to_owned() },
            priority: None,
            category: None,
            team: None,
            tags: None,
            channel: None,
            body_format: None,
            custom: None,
            attachments: Vec::new(),
        };
        for _ in 0..count {
            self.step(&Step { who: "ann", on: 0, act: Act::Open(create.clone()), after_ms: MINUTE });
        }
    }

    fn step(&mut self, step: &Step) {
        self.commands += 1;
        self.now += step.after_ms;
        let name = format!("c{}", self.commands);
        // A refused step leaves no trace, which is what a desk does too.
        for decision in self.decide(step, &name).unwrap_or_default() {
            for draft in decision.drafts {
                let seq = Seq(self.journal.len() as u64 + 1);
                self.journal.push(Record { seq, draft });
            }
            self.tickets.insert(decision.after.ticket.id.get(), decision.after);
        }
    }

    fn decide(&self, step: &Step, name: &str) -> Result<Vec<Decision>, Rejection> {
        let command_id = CommandId::from(name);
        let principal = if step.who == "system" {
            Principal::system()
        } else {
            let role = if step.who == "sam" { Role::Supervisor } else { Role::Agent };
            Principal { id: step.who.into(), name: Arc::from(step.who), role, teams: Arc::from([]), scopes: None }
        };
        let context = Context {
            now: Timestamp::from_millis(self.now),
            principal: &principal,
            command_id: &command_id,
            live: true,
            rules: &self.rules,
            people: &Staff,
            limits: &LIMITS,
            message_id: MessageId::from(name),
            files: &[],
        };
        let command = match &step.act {
            Act::Open(create) => {
                let id = TicketId(self.tickets.len() as u64 + 1);
                return Ok(vec![decide(None, id, None, &Command::Create(create.clone()), &context)?]);
            }
            Act::Do(Command::Undo(Undo { command_id })) => {
                let back: u32 = command_id.as_str().parse().expect("a number");
                Command::Undo(Undo { command_id: format!("c{}", self.commands.saturating_sub(back + 1)).into() })
            }
            Act::Do(command) => command.clone(),
        };
        let touched = self
            .journal
            .iter()
            .rev()
            .find(|record| matches!(&command, Command::Undo(undo) if undo.command_id == record.command_id));
        let Some(this) = touched
            .map(|record| record.ticket.get())
            .or_else(|| self.tickets.keys().nth(step.on % self.tickets.len().max(1)).copied())
            .and_then(|id| self.tickets.get(&id))
        else {
            return Err(Rejection::NotFound);
        };
        match needs_other(this, &command) {
            None => Ok(vec![decide(Some(this), this.ticket.id, None, &command, &context)?]),
            Some(other) => {
                let other = self.tickets.get(&other.get()).ok_or(Rejection::NotFound)?;
                let (here, there) = decide_pair(this, other, None, &command, &context)?;
                Ok(vec![here, there])
            }
        }
    }
}
