//! The same figures, counted the slow and obvious way: over whole tickets, from the first record on, with everything kept.
//!
//! It shares the definitions with the fold and nothing else: tickets come from `domain::apply`, quantiles from sorted lists.

use std::collections::{BTreeMap, HashMap};

use crate::domain::apply::apply;
use crate::domain::event::Event;
use crate::domain::ids::{CommandId, UserId, Version};
use crate::domain::message::{Direction, Visibility};
use crate::domain::record::Record;
use crate::domain::sla::BusinessCalendar;
use crate::domain::state::TicketState;
use crate::domain::ticket::{SlaMetric, Status, Ticket, TriageDecision, TriageField, TriageState};
use crate::domain::time::Timestamp;
use crate::projections::analytics::fact::Kind;
use crate::protocol::figures::*;

/// Something that happened, with the names of everything that it may be split by.
#[derive(Clone, Debug)]
pub struct Happening {
    pub kind: Kind,
    pub at: i64,
    pub ticket: u64,
    pub team: String,
    pub agent: String,
    pub category: String,
    pub priority: String,
    pub channel: String,
    pub tags: Vec<String>,
    pub value: i64,
    pub business: i64,
    command: (CommandId, UserId),
}

impl Happening {
    pub fn in_group(&self, split: &str, name: &str) -> bool {
        match split {
            "team" => self.team == name,
            "agent" => self.agent == name,
            "category" => self.category == name,
            "priority" => self.priority == name,
            "channel" => self.channel == name,
            "tag" => self.tags.iter().any(|tag| tag == name),
            other => panic!("{other} is not one of them"),
        }
    }
}

#[derive(Default)]
struct Memory {
    state: Option<TicketState>,
    /// Every state so far.
    states: Vec<TicketState>,
    replies: u32,
    /// Commands that opened a solved ticket again.
    reopened_by: Vec<(CommandId, UserId)>,
    queued_since: Option<i64>,
    held_since: Option<i64>,
    /// After each record.
    course: Vec<Course>,
}

/// Whose record it was, and since when the ticket was queued and held after it.
struct Course {
    command: (CommandId, UserId),
    queued_since: Option<i64>,
    held_since: Option<i64>,
}

fn none(name: Option<&str>) -> String {
    name.unwrap_or("none").to_owned()
}

fn unsolved(ticket: &Ticket) -> bool {
    !matches!(ticket.status, Status::Solved | Status::Closed)
}

fn queued(ticket: &Ticket) -> bool {
    ticket.assignee.is_none() && matches!(ticket.status, Status::New | Status::Open)
}

pub fn happenings(journal: &[Record], calendar: &BusinessCalendar) -> Vec<Happening> {
    let mut all: Vec<Happening> = Vec::new();
    let mut tickets: HashMap<u64, Memory> = HashMap::new();
    for record in journal {
        let memory = tickets.entry(record.ticket.get()).or_default();
        let before = memory.state.take();
        let after = apply(before.clone(), &record.draft);
        let at = record.at.as_millis();
        let mut found: Vec<(Kind, Option<UserId>, i64, Option<i64>)> = Vec::new();
        let by = Some(record.by.clone());
        let new = &after.ticket;
        let mut undone = None;
        let mut undone_at = Version::ZERO;
        match &before {
            None => {
                let created = new.created_at.as_millis();
                found.push((Kind::Created, new.assignee.clone(), created, None));
                memory.queued_since = queued(new).then_some(created);
            }
            Some(state) => {
                let old = &state.ticket;
                let holder = new.assignee.clone().or(by.clone());
                let mut reply = false;
                match &record.event {
                    Event::MessageAdded { message } => {
                        let public = message.visibility == Visibility::Public;
                        let outbound = message.direction == Direction::Outbound;
                        reply = public && outbound && !record.by.is_desk();
                        if !public {
                            found.push((Kind::Note, by.clone(), at, None));
                        } else if reply {
                            found.push((Kind::Reply, by.clone(), at, None));
                        } else if !outbound {
                            found.push((Kind::CustomerMessage, holder.clone(), at, None));
                        }
                    }
                    Event::Claimed { .. } => found.push((Kind::Claim, by.clone(), at, None)),
                    Event::Released { .. } => found.push((Kind::Release, old.assignee.clone(), at, None)),
                    Event::Skipped { .. } => found.push((Kind::Skip, by.clone(), at, None)),
                    Event::Merged { .. } => found.push((Kind::Merged, by.clone(), at, None)),
                    Event::SlaBreached { .. } => found.push((Kind::SlaBreached, holder.clone(), at, None)),
                    Event::SlaFulfilled { metric } => {
                        // The clock that this target had when it last ran.
                        let ran = memory.states.iter().rev().find_map(|state| state.background.clocks.get(*metric));
                        if !ran.is_some_and(|clock| clock.breached) {
                            found.push((Kind::SlaMet, holder.clone(), at, None));
                        }
                    }
                    Event::Undone { command_id } => {
                        let index = state.background.find_recent(command_id, &record.by).expect("it was undone");
                        let recent = &state.background.recent[index];
                        undone = Some((recent.command_id.clone(), recent.by.clone()));
                        undone_at = recent.version;
                        found.push((Kind::Undo, by.clone(), at, None));
                    }
                    _ => {}
                }
                memory.replies += u32::from(reply);
                if undone.is_none() {
                    let moved = |old: Option<&str>, new: Option<&str>| old.is_some() && new.is_some() && old != new;
                    let name = |user: &Option<UserId>| user.as_ref().map(|user| user.as_str().to_owned());
                    if moved(old.team.as_deref(), new.team.as_deref())
                        || moved(name(&old.assignee).as_deref(), name(&new.assignee).as_deref())
                    {
                        found.push((Kind::Transfer, by.clone(), at, None));
                    }
                    if old.status != Status::Solved && new.status == Status::Solved {
                        let solved = new.solved_at.expect("a solved ticket has its time").as_millis();
                        found.push((Kind::Solved, holder.clone(), solved, Some(old.created_at.as_millis())));
                        if memory.replies <= 1 && memory.reopened_by.is_empty() {
                            found.push((Kind::OneTouch, holder.clone(), solved, None));
                        }
                    }
                    if old.status == Status::Solved && unsolved(new) {
                        memory.reopened_by.push((record.command_id.clone(), record.by.clone()));
                        found.push((Kind::Reopened, holder.clone(), at, None));
                    }
                    if old.status != Status::Closed && new.status == Status::Closed {
                        found.push((Kind::Closed, holder.clone(), at, None));
                    }
                    let state_of = |ticket: &Ticket| ticket.triage.as_ref().map(|triage| triage.state);
                    if state_of(old) != state_of(new) {
                        match state_of(new) {
                            Some(TriageState::Proposed) => found.push((Kind::AiProposed, by.clone(), at, None)),
                            Some(TriageState::Untriaged) => found.push((Kind::AiFailed, by.clone(), at, None)),
                            _ => {}
                        }
                    }
                    if let Event::Updated { decided, .. } | Event::TriageChanged { decided, .. } = &record.event {
                        for decision in TriageField::ALL.into_iter().filter_map(|field| decided.get(field)) {
                            let kind = match decision {
                                TriageDecision::Accepted => Kind::AiAccepted,
                                TriageDecision::Edited => Kind::AiEdited,
                                TriageDecision::Rejected => Kind::AiRejected,
                            };
                            found.push((kind, by.clone(), at, None));
                        }
                    }
                    match (old.first_responded_at, new.first_responded_at) {
                        (None, Some(responded)) => found.push((
                            Kind::FirstResponse,
                            by.clone(),
                            responded.as_millis(),
                            Some(old.created_at.as_millis()),
                        )),
                        _ if reply => {
                            if let Some(since) = state.background.waiting_since {
                                found.push((Kind::NextResponse, by.clone(), at, Some(since.as_millis())));
                            }
                        }
                        _ => {}
                    }
                    if let (None, Some(_), Some(since)) = (&old.assignee, &new.assignee, memory.queued_since) {
                        let snoozed = old.snoozed_until.map_or(i64::MIN, Timestamp::as_millis);
                        let since = if snoozed <= at { since.max(snoozed) } else { since };
                        found.push((Kind::Wait, new.assignee.clone(), at, Some(since)));
                    }
                    if let Some(since) = memory.held_since
                        && (reply || old.assignee != new.assignee || !unsolved(new))
                    {
                        found.push((Kind::Handled, old.assignee.clone(), at, Some(since)));
                    }
                }
                memory.queued_since = if queued(new) { memory.queued_since.or(Some(at)) } else { None };
                if old.assignee != new.assignee {
                    memory.held_since = (new.assignee.is_some() && !reply && unsolved(new)).then_some(at);
                } else if reply || !unsolved(new) {
                    memory.held_since = None;
                }
                if let Some(undone) = &undone {
                    // As it went on before the command, as if that had never been.
                    let last = usize::try_from(undone_at.get()).unwrap();
                    let first = memory.course[..last].iter().rposition(|one| one.command != *undone);
                    let Course { queued_since, held_since, .. } =
                        memory.course[first.expect("a ticket is opened first")];
                    if queued(new) && !queued(old) {
                        memory.queued_since = queued_since.or(Some(at));
                    }
                    let let_go = old.assignee != new.assignee || !unsolved(old);
                    let spoken = state.background.last_public > undone_at;
                    if let_go && !spoken && unsolved(new) && new.assignee.is_some() {
                        memory.held_since = held_since;
                    }
                }
            }
        }
        memory.course.push(Course {
            command: (record.command_id.clone(), record.by.clone()),
            queued_since: memory.queued_since,
            held_since: memory.held_since,
        });
        if let Some(undone) = undone {
            let ticket = record.ticket.get();
            all.retain(|one| one.ticket != ticket || one.command != undone || !may_be_undone(one.kind));
            memory.reopened_by.retain(|command| *command != undone);
        }
        for (kind, agent, at, since) in found {
            all.push(Happening {
                kind,
                at,
                ticket: record.ticket.get(),
                team: none(new.team.as_deref()),
                agent: none(agent.as_ref().map(UserId::as_str)),
                category: none(new.category.as_deref()),
                priority: new.priority.name().to_owned(),
                channel: serde_json::to_value(new.channel).unwrap().as_str().unwrap().to_owned(),
                tags: new.tags.clone(),
                value: since.map_or(0, |since| (at - since).max(0)),
                business: since
                    .map_or(0, |since| calendar.between(Timestamp::from_millis(since), Timestamp::from_millis(at))),
                command: (record.command_id.clone(), record.by.clone()),
            });
        }
        memory.states.push(after.clone());
        memory.state = Some(after);
    }
    all
}

/// An undo of an undo does not exist, and what was missed by the time of a command was missed without it.
fn may_be_undone(kind: Kind) -> bool {
    !matches!(kind, Kind::Undo | Kind::SlaBreached)
}

/// What became of a target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Promised {
    pub kind: Kind,
    pub ticket: u64,
    pub target: SlaMetric,
    pub at: i64,
    /// How long it was until its due time, and how long before that it was set.
    pub left: i64,
    pub notice: i64,
}

/// How targets were met, missed, or taken back and given other due times; without what undone commands did.
pub fn promises(journal: &[Record]) -> Vec<Promised> {
    let mut all: Vec<(Promised, CommandId, UserId)> = Vec::new();
    let mut tickets: HashMap<u64, Vec<(i64, TicketState)>> = HashMap::new();
    for record in journal {
        let ticket = record.ticket.get();
        let states = tickets.entry(ticket).or_default();
        let before = states.last().map(|(_, state)| state.clone());
        let after = apply(before.clone(), &record.draft);
        let at = record.at.as_millis();
        if let (Event::Undone { command_id }, Some(state)) = (&record.event, &before) {
            let index = state.background.find_recent(command_id, &record.by).expect("it was undone");
            let recent = &state.background.recent[index];
            all.retain(|(one, command, by)| {
                one.ticket != ticket
                    || (command, by) != (&recent.command_id, &recent.by)
                    || one.kind == Kind::SlaBreached
            });
        }
        for target in SlaMetric::ALL {
            let Some(before) = &before else { continue };
            let due = before.ticket.sla.due(target).map(Timestamp::as_millis);
            let ran = states.iter().rev().find_map(|(_, state)| state.background.clocks.get(target));
            let missed = ran.is_some_and(|clock| clock.breached);
            let moved =
                due.is_some_and(|due| due > at) && after.ticket.sla.due(target).map(Timestamp::as_millis) != due;
            let kind = match &record.event {
                Event::SlaFulfilled { metric } if *metric == target => (!missed).then_some(Kind::SlaMet),
                Event::SlaBreached { metric } if *metric == target => Some(Kind::SlaBreached),
                _ => moved.then_some(Kind::SlaMoved),
            };
            let Some(kind) = kind else { continue };
            let same = |state: &TicketState| state.ticket.sla.due(target).map(Timestamp::as_millis) == due;
            let set = states.iter().rev().take_while(|(_, state)| same(state)).last().map_or(at, |(at, _)| *at);
            let (left, notice) = due.map_or((0, 0), |due| (due - at, (due - set).max(0)));
            all.push((
                Promised { kind, ticket, target, at, left, notice },
                record.command_id.clone(),
                record.by.clone(),
            ));
        }
        states.push((at, after));
    }
    let mut all: Vec<Promised> = all.into_iter().map(|(one, ..)| one).collect();
    all.sort_unstable();
    all
}

fn spread(mut values: Vec<i64>) -> Spread {
    values.sort_unstable();
    let at = |q: f64| values.get((q * (values.len().max(1) - 1) as f64).floor() as usize).copied();
    Spread {
        count: values.len() as i64,
        mean_ms: (!values.is_empty()).then(|| values.iter().sum::<i64>() / values.len() as i64),
        median_ms: at(0.5),
        p90_ms: at(0.9),
        p95_ms: at(0.95),
    }
}

/// Everything that is shown live, at a moment.
pub fn live(
    tickets: &BTreeMap<u64, TicketState>,
    happenings: &[Happening],
    midnight: i64,
    now: i64,
    at_risk_ms: i64,
) -> LiveFigures {
    const MINUTE: i64 = 60_000;
    let quarter_end = (now.div_euclid(15 * MINUTE) + 1) * 15 * MINUTE;
    let today: Vec<&Happening> = happenings.iter().filter(|one| (midnight..quarter_end).contains(&one.at)).collect();
    let minute = now.div_euclid(MINUTE);
    let within = |from: i64, to: i64| happenings.iter().filter(move |one| (from..to).contains(&one.at));
    let count = |list: &[&Happening], kind: Kind| list.iter().filter(|one| one.kind == kind).count() as i64;
    let counts = |list: &[&Happening]| Counts {
        created: count(list, Kind::Created),
        solved: count(list, Kind::Solved),
        one_touch: count(list, Kind::OneTouch),
        reopened: count(list, Kind::Reopened),
        closed: count(list, Kind::Closed),
        merged: count(list, Kind::Merged),
        replies: count(list, Kind::Reply),
        notes: count(list, Kind::Note),
        customer_messages: count(list, Kind::CustomerMessage),
        claims: count(list, Kind::Claim),
        releases: count(list, Kind::Release),
        skips: count(list, Kind::Skip),
        transfers: count(list, Kind::Transfer),
        undone: count(list, Kind::Undo),
        sla_met: count(list, Kind::SlaMet),
        sla_breached: count(list, Kind::SlaBreached),
        ai_proposed: count(list, Kind::AiProposed),
        ai_accepted: count(list, Kind::AiAccepted),
        ai_edited: count(list, Kind::AiEdited),
        ai_rejected: count(list, Kind::AiRejected),
        ai_failed: count(list, Kind::AiFailed),
    };
    let of = |list: &[&Happening], kind: Kind| {
        spread(list.iter().filter(|one| one.kind == kind).map(|one| one.value).collect())
    };
    let both = |kind: Kind| Durations {
        calendar: of(&today, kind),
        business: spread(today.iter().filter(|one| one.kind == kind).map(|one| one.business).collect()),
    };
    let open: Vec<&Ticket> = tickets.values().map(|state| &state.ticket).filter(|ticket| unsolved(ticket)).collect();
    let at = Timestamp::from_millis(now);
    let waits = |ticket: &Ticket| queued(ticket) && !ticket.is_snoozed(at);
    let risk = |ticket: &Ticket| ticket.next_due().is_some_and(|due| due > at && due.millis_since(at) <= at_risk_ms);
    let number = |is: &dyn Fn(&Ticket) -> bool| open.iter().filter(|ticket| is(ticket)).count() as u32;
    let of_minutes = |kind: Kind| {
        (minute - 59..=minute)
            .map(|number| within(number * MINUTE, (number + 1) * MINUTE).filter(|one| one.kind == kind).count() as i32)
            .collect()
    };
    let ages = [3_600_000, 14_400_000, 86_400_000, 259_200_000, 604_800_000, 2_592_000_000_i64];
    let age = |index: usize| {
        let least = index.checked_sub(1).map_or(i64::MIN, |index| ages[index]);
        let most = ages.get(index).copied().unwrap_or(i64::MAX);
        number(&|ticket| (least..most).contains(&at.millis_since(ticket.created_at)))
    };
    let group = |split: &str, names: Vec<String>, has: &dyn Fn(&Ticket, &str) -> bool| {
        let mut groups = BTreeMap::new();
        for name in names {
            let list: Vec<&Happening> = today.iter().copied().filter(|one| one.in_group(split, &name)).collect();
            let count_open = |is: &dyn Fn(&Ticket) -> bool| number(&|ticket| has(ticket, &name) && is(ticket));
            let figures = GroupFigures {
                waiting: count_open(&waits),
                oldest_waiting_since: None,
                unsolved: count_open(&|_| true),
                at_risk: count_open(&risk),
                breached: count_open(&|ticket| ticket.sla.breached),
                created: count(&list, Kind::Created),
                solved: count(&list, Kind::Solved),
                reopened: count(&list, Kind::Reopened),
                replies: count(&list, Kind::Reply),
                first_response: of(&list, Kind::FirstResponse),
                resolution: of(&list, Kind::Solved),
            };
            if split == "priority" || figures.unsolved > 0 || !list.is_empty() {
                groups.insert(name, figures);
            }
        }
        groups
    };
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let hour: Vec<&Happening> = within((minute - 59) * MINUTE, (minute + 1) * MINUTE).collect();
    LiveFigures {
        at,
        now: NowFigures {
            waiting: number(&waits),
            snoozed: number(&|ticket| queued(ticket) && ticket.is_snoozed(at)),
            unsolved: open.len() as u32,
            unassigned: number(&|ticket| ticket.assignee.is_none()),
            at_risk: number(&risk),
            breached: number(&|ticket| ticket.sla.breached),
            ..NowFigures::default()
        },
        today: DayFigures {
            since: Timestamp::from_millis(midnight),
            counts: counts(&today),
            first_response: both(Kind::FirstResponse),
            next_response: both(Kind::NextResponse),
            resolution: both(Kind::Solved),
            wait: both(Kind::Wait),
            handling: both(Kind::Handled),
        },
        hour: counts(&hour),
        minutes: MinuteFigures {
            since: Timestamp::from_millis((minute - 59) * MINUTE),
            created: of_minutes(Kind::Created),
            solved: of_minutes(Kind::Solved),
            replies: of_minutes(Kind::Reply),
            customer_messages: of_minutes(Kind::CustomerMessage),
        },
        backlog: BacklogFigures {
            by_status: [Status::New, Status::Open, Status::Pending, Status::OnHold]
                .into_iter()
                .map(|status| (status.name().to_owned(), number(&|ticket| ticket.status == status)))
                .collect(),
            by_age: (0..=ages.len())
                .map(|index| AgeFigures { below_ms: ages.get(index).copied(), count: age(index) })
                .collect(),
        },
        teams: group("team", owned(&["support", "billing", "none"]), &|ticket, name| {
            ticket.team.as_deref().unwrap_or("none") == name
        }),
        categories: group("category", owned(&["support", "billing", "none"]), &|ticket, name| {
            ticket.category.as_deref().unwrap_or("none") == name
        }),
        priorities: group("priority", owned(&["low", "normal", "high", "urgent"]), &|ticket, name| {
            ticket.priority.name() == name
        }),
        channels: group("channel", owned(&["web", "api", "email", "import"]), &|ticket, name| {
            serde_json::to_value(ticket.channel).unwrap() == name
        }),
        tags: group("tag", owned(&["a", "b", "c"]), &|ticket, name| ticket.tags.iter().any(|tag| tag == name)),
        agents: ["ann", "bob", "sam"]
            .into_iter()
            .filter_map(|name| {
                let list: Vec<&Happening> = today.iter().copied().filter(|one| one.agent == name).collect();
                let holding = number(&|ticket| ticket.assignee.as_ref().is_some_and(|user| user.as_str() == name));
                (holding > 0 || !list.is_empty()).then(|| {
                    let figures = AgentFigures {
                        holding,
                        claims: count(&list, Kind::Claim),
                        replies: count(&list, Kind::Reply),
                        solved: count(&list, Kind::Solved),
                        first_response: of(&list, Kind::FirstResponse),
                        handling: of(&list, Kind::Handled),
                        ..AgentFigures::default()
                    };
                    (name.to_owned(), figures)
                })
            })
            .collect(),
        ..LiveFigures::default()
    }
}
