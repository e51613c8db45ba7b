//! Two weeks of the desk, made by its own rules: every step of every plot is a command that `domain::decide` accepted at that
//! time, in the order of time over all tickets. Pure: the outcome is what to append.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use crate::domain::command::{AddMessage, Command, Empty, LinkTicket, Merge, Release, SystemCommand, UpdateTicket};
use crate::domain::decide::{Context, Decision, decide, decide_follow_up, decide_pair};
use crate::domain::ids::{CommandId, MessageId, TicketId, Version};
use crate::domain::message::{Direction, Visibility};
use crate::domain::permissions::Principal;
use crate::domain::rejection::Rejection;
use crate::domain::rules::{FieldLimits, People, Rules};
use crate::domain::state::TicketState;
use crate::domain::ticket::{LinkKind, Status};
use crate::domain::time::Timestamp;
use crate::journal::{Append, Part};

use super::cast::Agent;
use super::plot::{Act, Author, Plot, Step};

/// What the history is made of beside its plots.
pub struct Stage<'a> {
    pub rules: &'a Rules,
    pub limits: &'a FieldLimits,
    pub people: &'a dyn People,
    pub agents: &'a [Agent],
    /// Where the two weeks end.
    pub now: Timestamp,
    pub seed: u64,
    pub tickets: usize,
}

/// What to append, in this order.
#[derive(Debug)]
pub struct History {
    pub appends: Vec<Append>,
    pub tickets: u64,
}

/// Plays everything up to now.
pub fn two_weeks(stage: &Stage<'_>) -> Result<History, String> {
    let mut author = Author::new(stage.seed, stage.now);
    let times = author.openings(stage.tickets);
    let mut plots: Vec<Plot> = Vec::with_capacity(times.len());
    for at in times {
        let mut plot = author.compose(at);
        author.plan(&mut plot, stage.agents);
        plots.push(plot);
    }
    relate(&mut author, &mut plots, stage.agents);
    let mut play = Play::new(stage, plots);
    play.run()?;
    Ok(History { appends: play.appends, tickets: play.last_ticket })
}

/// Some tickets come twice and are merged, some have to do with an earlier one.
fn relate(author: &mut Author, plots: &mut Vec<Plot>, agents: &[Agent]) {
    let mut duplicates = 0;
    let mut links = 0;
    for at in 0..plots.len() {
        if duplicates < plots.len().div_ceil(60)
            && author.chance(12)
            && let Some(duplicate) = author.duplicate(&plots[at], at, agents)
        {
            duplicates += 1;
            plots.push(duplicate);
        }
        let (story, begin) = (plots[at].story, plots[at].steps[0].at);
        let is_bug = author.stories[story].category == "bug_report";
        let claimed = plots[at].steps.iter().position(|step| matches!(step.act, Act::Claim));
        if let (true, true, Some(claimed)) = (is_bug, links < plots.len().div_ceil(30), claimed) {
            let earlier = (0..at).rev().find(|other| plots[*other].story == story && plots[*other].steps[0].at < begin);
            if let Some(earlier) = earlier {
                links += 1;
                let claim = &plots[at].steps[claimed];
                let linked = Step { at: claim.at + 90_000, agent: claim.agent, act: Act::Link(earlier) };
                plots[at].steps.push(linked);
                plots[at].steps.sort_by_key(|step| step.at);
            }
        }
    }
}

/// What is due next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: i64,
    /// Among several at the same time: in the order of planning.
    order: u64,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Step { plot: usize, step: usize },
    Clocks { ticket: TicketId },
}

struct Play<'a> {
    stage: &'a Stage<'a>,
    plots: Vec<Plot>,
    /// The ticket of each plot, once it is open.
    opened: Vec<Option<TicketId>>,
    states: HashMap<TicketId, Arc<TicketState>>,
    due: BinaryHeap<Reverse<Due>>,
    orders: u64,
    commands: u64,
    last_ticket: u64,
    appends: Vec<Append>,
}

impl<'a> Play<'a> {
    fn new(stage: &'a Stage<'a>, plots: Vec<Plot>) -> Self {
        let mut play = Self {
            stage,
            opened: vec![None; plots.len()],
            states: HashMap::new(),
            due: BinaryHeap::new(),
            orders: 0,
            commands: 0,
            last_ticket: 0,
            appends: Vec::new(),
            plots,
        };
        for plot in 0..play.plots.len() {
            play.schedule(play.plots[plot].steps[0].at, What::Step { plot, step: 0 });
        }
        play
    }

    fn schedule(&mut self, at: i64, what: What) {
        if at <= self.stage.now.as_millis() {
            self.orders += 1;
            self.due.push(Reverse(Due { at, order: self.orders, what }));
        }
    }

    fn run(&mut self) -> Result<(), String> {
        while let Some(Reverse(due)) = self.due.pop() {
            let at = Timestamp::from_millis(due.at);
            match due.what {
                What::Clocks { ticket } => self.check_clocks(ticket, at)?,
                What::Step { plot, step } => {
                    if self.step(plot, step, at)?
                        && let Some(next) = self.plots[plot].steps.get(step + 1)
                    {
                        // Steps of one ticket follow each other, whatever their plan says.
                        let next_at = next.at.max(due.at + 1_000);
                        self.schedule(next_at, What::Step { plot, step: step + 1 });
                    }
                }
            }
        }
        Ok(())
    }

    /// Carries a step out; false when the story is over.
    fn step(&mut self, plot: usize, step: usize, at: Timestamp) -> Result<bool, String> {
        let Step { agent, act, .. } = self.plots[plot].steps[step].clone();
        let principal =
            agent.map_or_else(|| Arc::new(Principal::system()), |agent| self.stage.agents[agent].principal.clone());
        let told = |rejection: Rejection| format!("the demo's step {act:?} was refused: {rejection}");
        if matches!(act, Act::Open) {
            self.last_ticket += 1;
            let id = TicketId(self.last_ticket);
            let command = Command::Create(self.plots[plot].create.clone());
            let decision = self.in_context(&principal, at, |context| decide(None, id, None, &command, context));
            self.opened[plot] = Some(id);
            self.append(vec![(id, None, decision.map_err(told)?)]);
            return Ok(true);
        }
        let Some(id) = self.opened[plot] else { return Ok(false) };
        let before = self.states[&id].clone();
        if let Act::FollowUp(text) = &act {
            if before.ticket.is_active() || before.ticket.merged_into.is_some() {
                return Ok(false);
            }
            self.last_ticket += 1;
            let new = TicketId(self.last_ticket);
            let message = inbound(text);
            let decision = self.in_context(&principal, at, |context| decide_follow_up(&before, new, &message, context));
            self.opened[plot] = Some(new);
            self.append(vec![(new, None, decision.map_err(told)?)]);
            return Ok(true);
        }
        // Merged into another one in the meantime.
        if !before.ticket.is_active() {
            return Ok(false);
        }
        match act {
            Act::Merge(other) | Act::Link(other) => {
                let Some(other) = self.opened[other].map(|id| self.states[&id].clone()) else { return Ok(true) };
                if !other.ticket.is_active() {
                    return Ok(true);
                }
                let to = other.ticket.id;
                let command = match act {
                    Act::Merge(_) => Command::Merge(Merge { into: to }),
                    _ => Command::Link(LinkTicket { to, kind: LinkKind::Related }),
                };
                let decisions =
                    self.in_context(&principal, at, |context| decide_pair(&before, &other, None, &command, context));
                let (this, that) = decisions.map_err(told)?;
                self.append(vec![(id, Some(before), this), (to, Some(other), that)]);
            }
            _ => {
                let command = command_of(&act);
                let decision =
                    self.in_context(&principal, at, |context| decide(Some(&before), id, None, &command, context));
                self.append(vec![(id, Some(before), decision.map_err(told)?)]);
            }
        }
        Ok(true)
    }

    /// What the desk's own timer does when a target is missed.
    fn check_clocks(&mut self, ticket: TicketId, at: Timestamp) -> Result<(), String> {
        let before = self.states[&ticket].clone();
        if before.next_breach_at().is_none_or(|due| due > at) {
            return Ok(());
        }
        let command = Command::System(SystemCommand::CheckSla);
        let system = Principal::system();
        let decision = self
            .in_context(&system, at, |context| decide(Some(&before), ticket, None, &command, context))
            .map_err(|rejection| format!("the demo's clock of ticket {ticket} was refused: {rejection}"))?;
        self.append(vec![(ticket, Some(before), decision)]);
        Ok(())
    }

    fn in_context<T>(&mut self, principal: &Principal, now: Timestamp, run: impl FnOnce(&Context<'_>) -> T) -> T {
        self.commands += 1;
        let command_id = CommandId::from(format!("demo-{}", self.commands));
        run(&Context {
            now,
            principal,
            command_id: &command_id,
            live: false,
            rules: self.stage.rules,
            people: self.stage.people,
            limits: self.stage.limits,
            message_id: MessageId::from(format!("demo-{}", self.commands)),
        })
    }

    fn append(&mut self, changes: Vec<(TicketId, Option<Arc<TicketState>>, Decision)>) {
        let mut parts = Vec::new();
        for (ticket, before, decision) in changes {
            if decision.drafts.is_empty() {
                continue;
            }
            let after = Arc::new(decision.after);
            self.states.insert(ticket, after.clone());
            if let Some(due) = after.next_breach_at() {
                // A target that was tightened may be missed already.
                let now = after.ticket.updated_at;
                self.schedule(due.max(now).as_millis() + 1, What::Clocks { ticket });
            }
            let expect = before.as_ref().map_or(Version::ZERO, |before| before.ticket.version);
            parts.push(Part { ticket, expect, drafts: decision.drafts, before, after });
        }
        if !parts.is_empty() {
            self.appends.push(Append { parts, memo: None });
        }
    }
}

fn command_of(act: &Act) -> Command {
    match act {
        Act::Claim => Command::Claim(Empty {}),
        Act::Release(reason) => Command::Release(Release { reason: Some(reason.clone()) }),
        Act::Reply(text, status) => Command::Message(outbound(text, Visibility::Public, *status)),
        Act::Note(text) => Command::Message(outbound(text, Visibility::Internal, None)),
        Act::Write(text) => Command::Message(inbound(text)),
        Act::Update(update) => Command::Update((**update).clone()),
        Act::Close => Command::Update(UpdateTicket { status: Some(Status::Closed), ..UpdateTicket::default() }),
        Act::Open | Act::FollowUp(_) | Act::Merge(_) | Act::Link(_) => {
            unreachable!("invariant: what opens a ticket or concerns two is decided by itself")
        }
    }
}

pub fn outbound(text: &str, visibility: Visibility, status: Option<Status>) -> AddMessage {
    AddMessage { status, ..message(text, visibility, Direction::Outbound) }
}

pub fn inbound(text: &str) -> AddMessage {
    message(text, Visibility::Public, Direction::Inbound)
}

fn message(text: &str, visibility: Visibility, direction: Direction) -> AddMessage {
    AddMessage {
        body: text.to_owned(),
        visibility,
        direction: Some(direction),
        body_format: None,
        last_seen_version: None,
        status: None,
        attachments: Vec::new(),
        mentions: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Event;
    use crate::domain::ids::UserId;
    use crate::domain::sla::SlaPolicy;
    use crate::domain::ticket::Priority;
    use std::collections::{BTreeMap, BTreeSet};

    const NOW: Timestamp = Timestamp::from_millis(1_795_421_700_000);

    struct Everybody;

    impl People for Everybody {
        fn is_assignable(&self, _: &UserId, _: Option<&str>) -> bool {
            true
        }

        fn sees(&self, _: &UserId, _: Option<&str>) -> bool {
            true
        }
    }

    fn history(seed: u64, tickets: usize) -> History {
        let config = crate::config::Config::defaults();
        let named = |options: &[crate::config::NamedOption]| {
            let own = options.iter().map(|option| crate::domain::rules::NamedOption {
                id: option.id.clone(),
                name: option.name.clone(),
                description: option.description.clone(),
            });
            own.collect::<Vec<_>>()
        };
        let policy = |priority, first, resolution| SlaPolicy {
            name: format!("{priority:?}"),
            priorities: vec![priority],
            teams: Vec::new(),
            categories: Vec::new(),
            first_response_min: Some(first),
            next_response_min: Some(first),
            resolution_min: Some(resolution),
            calendar: None,
        };
        let rules = Rules {
            undo_window_ms: config.desk.undo_window_ms,
            close_solved_after_ms: config.desk.close_solved_after_ms,
            skip_window_ms: config.queue.skip_window_ms,
            promote_after_ms: config.queue.promote_after_ms,
            categories: named(&config.desk.categories),
            teams: named(&config.desk.teams),
            private_teams: crate::domain::permissions::PrivateTeams::default(),
            sla_policies: vec![
                policy(Priority::Urgent, 60, 480),
                policy(Priority::High, 240, 1440),
                policy(Priority::Normal, 480, 4320),
                policy(Priority::Low, 1440, 10_080),
            ],
            triage: true,
        };
        let limits = FieldLimits { subject_chars: 300, message_chars: 500_000, tags: 50, custom_bytes: 32_768 };
        let agents: Vec<Agent> = super::super::cast::COLLEAGUES
            .iter()
            .map(|colleague| Agent {
                principal: Arc::new(Principal {
                    id: UserId::from(colleague.email),
                    name: colleague.name.into(),
                    role: colleague.role,
                    teams: colleague.teams.iter().map(|team| (*team).to_owned()).collect(),
                    scopes: None,
                }),
                yours: colleague.yours,
            })
            .collect();
        let stage =
            Stage { rules: &rules, limits: &limits, people: &Everybody, agents: &agents, now: NOW, seed, tickets };
        two_weeks(&stage).unwrap()
    }

    fn tickets(history: &History) -> Vec<Arc<TicketState>> {
        let parts = history.appends.iter().flat_map(|append| &append.parts);
        let last: BTreeMap<TicketId, Arc<TicketState>> = parts.map(|part| (part.ticket, part.after.clone())).collect();
        last.into_values().collect()
    }

    /// D20: the same seed makes the same two weeks, record for record.
    #[test]
    fn the_same_seed_makes_the_same_history() {
        let records = |seed| {
            let drafts = history(seed, 60).appends.into_iter().flat_map(|append| append.parts);
            drafts.flat_map(|part| part.drafts).map(|draft| serde_json::to_string(&draft).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(records(7), records(7));
        assert_ne!(records(7), records(8));
    }

    /// D21: the history is one that a desk could have had: times never go back or beyond now, versions have no gap.
    #[test]
    fn times_and_versions_are_in_order() {
        for seed in 1..6 {
            let history = history(seed, 120);
            let mut at = Timestamp::from_millis(0);
            let mut versions: BTreeMap<TicketId, Version> = BTreeMap::new();
            for part in history.appends.iter().flat_map(|append| &append.parts) {
                let version = versions.entry(part.ticket).or_default();
                assert_eq!(part.expect, *version);
                for draft in &part.drafts {
                    assert_eq!(draft.version, version.next());
                    assert!(draft.at >= at && draft.at <= NOW, "{} after {at}", draft.at);
                    (*version, at) = (draft.version, draft.at);
                }
            }
            assert_eq!(versions.len() as u64, history.tickets);
        }
    }

    /// D23: the desk is as full as a real one: every state, priority and category occurs, most is solved, a little is late.
    #[test]
    fn proportions_are_those_of_a_desk() {
        for seed in [7, 11, 12] {
            let states = tickets(&history(seed, 300));
            let share = |holds: &dyn Fn(&TicketState) -> bool| {
                states.iter().filter(|state| holds(state)).count() * 100 / states.len()
            };
            let status = |status: Status| share(&|state| state.ticket.status == status);
            let found: Vec<usize> =
                [Status::New, Status::Open, Status::Pending, Status::OnHold, Status::Solved, Status::Closed]
                    .map(status)
                    .into();
            let late = share(&|state| state.ticket.sla.breached);
            for (what, found, least, most) in [
                ("new", found[0], 3, 18),
                ("open", found[1], 3, 20),
                ("pending", found[2], 6, 25),
                ("on hold", found[3], 2, 12),
                ("solved", found[4], 12, 40),
                ("closed", found[5], 20, 60),
                ("late", late, 3, 20),
            ] {
                assert!((least..=most).contains(&found), "seed {seed}: {found} % are {what}");
            }
            for priority in [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent] {
                assert!(share(&|state| state.ticket.priority == priority) >= 3, "{priority:?}");
            }
            let categories: BTreeSet<_> = states.iter().filter_map(|state| state.ticket.category.clone()).collect();
            assert_eq!(categories.len(), 8);
            assert!(states.iter().any(|state| state.ticket.merged_into.is_some()));
            assert!(states.iter().any(|state| state.ticket.follow_up_of.is_some()));
            assert!(states.iter().any(|state| !state.ticket.links.is_empty()));
            assert!(states.iter().any(|state| state.ticket.is_snoozed(NOW)));
        }
    }

    /// D24: nobody notices repetition: no subject and no opening message stands there twice.
    #[test]
    fn no_words_come_twice() {
        let history = history(7, 300);
        let mut subjects = BTreeSet::new();
        let mut openings = BTreeSet::new();
        let drafts = history.appends.iter().flat_map(|append| &append.parts).flat_map(|part| &part.drafts);
        for draft in drafts {
            if let Event::Created { message } = &draft.event {
                let follow_up = draft.patch.follow_up_of.flatten().is_some();
                let subject = draft.patch.subject.clone().unwrap();
                assert!(follow_up || subjects.insert(subject.clone()), "{subject}");
                assert!(follow_up || openings.insert(message.body.clone()), "{}", message.body);
            }
        }
        assert!(openings.len() >= 300);
    }
}
