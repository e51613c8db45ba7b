//! What a command makes of the SLA clocks: choosing the policy, starting, pausing, resuming, meeting and missing targets.

use super::super::event::Event;
use super::super::ids::UserId;
use super::super::message::{Direction, Visibility};
use super::super::patch::Patch;
use super::super::rules::Rules;
use super::super::sla::SlaPolicy;
use super::super::state::{ClockNote, Clocks};
use super::super::ticket::{Priority, Sla, SlaMetric, Status, Ticket};
use super::super::time::Timestamp;
use super::work::Work;

/// The first policy that matches.
pub(super) fn policy_for<'a>(ticket: &Ticket, rules: &'a Rules) -> Option<&'a SlaPolicy> {
    policy_of(ticket.priority, ticket.team.as_deref(), ticket.category.as_deref(), rules)
}

fn policy_of<'a>(
    priority: Priority,
    team: Option<&str>,
    category: Option<&str>,
    rules: &'a Rules,
) -> Option<&'a SlaPolicy> {
    rules.sla_policies.iter().find(|policy| policy.matches(priority, team, category))
}

fn is_over(status: Status) -> bool {
    matches!(status, Status::Solved | Status::Closed)
}

fn is_waiting(status: Status) -> bool {
    matches!(status, Status::Pending | Status::OnHold)
}

fn due(policy: &SlaPolicy, metric: SlaMetric, clock: &ClockNote) -> Option<Timestamp> {
    policy.budget_ms(metric).map(|budget| policy.due(clock.since, budget - clock.spent_ms))
}

impl<'a> Work<'a> {
    /// Does what the command is about, with everything that the clocks make of it. What was missed by now is on record first.
    pub(super) fn act(&mut self, event: Event, mut patch: Patch) {
        self.breach_overdue();
        let answered = matches!(&event, Event::MessageAdded { message }
            if message.visibility == Visibility::Public
                && message.direction == Direction::Outbound
                && !self.context.principal.is_system());
        self.settle(&mut patch, answered);
        let before = self.state().background.clocks;
        self.step(event, patch);
        self.follow(&before, answered);
    }

    /// A breach for every target that is missed by now and not on record yet.
    pub(super) fn breach_overdue(&mut self) {
        for metric in SlaMetric::ALL {
            let state = self.state();
            let running = state.background.clocks.get(metric).is_some_and(|clock| !clock.breached);
            let missed = state.ticket.sla.due(metric).is_some_and(|due| due <= self.context.now);
            if running && missed {
                let mut sla = state.ticket.sla.clone();
                sla.breached = true;
                if !sla.breaches.contains(&metric) {
                    sla.breaches.push(metric);
                }
                self.step_by(
                    UserId::system(),
                    Event::SlaBreached { metric },
                    Patch { sla: Some(sla), ..Patch::default() },
                );
            }
        }
    }

    /// What changes in `sla` by the record itself: another policy applies, or nothing is owed any more.
    fn settle(&self, patch: &mut Patch, answered: bool) {
        let state = self.state();
        let before = &state.ticket;
        let status = patch.status.unwrap_or(before.status);
        let priority = patch.priority.unwrap_or(before.priority);
        let team = patch.team.as_ref().unwrap_or(&before.team);
        let category = patch.category.as_ref().unwrap_or(&before.category);
        let mut sla = before.sla.clone();
        let moved = (priority, team, category) != (before.priority, &before.team, &before.category);
        if moved || (sla.policy.is_some() && self.policy().is_none()) {
            let policy = policy_of(priority, team.as_deref(), category.as_deref(), self.context.rules);
            sla.policy = policy.map(|policy| policy.name.clone());
            sla.paused &= policy.is_some();
            for metric in SlaMetric::ALL {
                let clock = state.background.clocks.get(metric).filter(|_| !sla.paused);
                sla.set_due(metric, policy.zip(clock).and_then(|(policy, clock)| due(policy, metric, clock)));
            }
        }
        if is_over(status) && !is_over(before.status) {
            sla.paused = false;
            if !answered {
                sla.first_response_due = None;
                sla.next_response_due = None;
            }
            if status == Status::Closed {
                sla.resolution_due = None;
            }
        }
        patch.sla = Some(sla);
    }

    /// What happens to the clocks as a consequence, each a record of its own.
    pub(super) fn follow(&mut self, before: &Clocks, answered: bool) {
        let Some(policy) = self.policy() else { return };
        let now = self.context.now;
        let status = self.state().ticket.status;
        for metric in SlaMetric::ALL {
            let met = if metric == SlaMetric::Resolution { status == Status::Solved } else { answered };
            let ended = before.get(metric).is_some() && self.state().background.clocks.get(metric).is_none();
            if met && ended && policy.budget_ms(metric).is_some() {
                self.clock_step(Event::SlaFulfilled { metric }, |sla| sla.set_due(metric, None));
            }
        }
        let clocks = self.state().background.clocks;
        let paused = self.state().ticket.sla.paused;
        if is_waiting(status) && !paused {
            let spent_ms = SlaMetric::ALL
                .into_iter()
                .filter_map(|metric| Some((metric, clocks.get(metric)?)))
                .map(|(metric, clock)| (metric, clock.spent_ms + policy.spent_ms(clock.since, now)))
                .collect();
            self.clock_step(Event::SlaPaused { spent_ms }, |sla| {
                sla.paused = true;
                for metric in SlaMetric::ALL {
                    sla.set_due(metric, None);
                }
            });
        } else if !is_waiting(status) && paused {
            self.clock_step(Event::SlaResumed {}, |sla| {
                sla.paused = false;
                for metric in SlaMetric::ALL {
                    let clock =
                        before.get(metric).and(clocks.get(metric)).map(|clock| ClockNote { since: now, ..*clock });
                    sla.set_due(metric, clock.and_then(|clock| due(policy, metric, &clock)));
                }
            });
        }
        for metric in SlaMetric::ALL {
            let state = self.state();
            let started = state.background.clocks.get(metric).filter(|_| before.get(metric).is_none());
            if let Some(due) = started.and_then(|clock| due(policy, metric, clock))
                && !state.ticket.sla.paused
            {
                self.clock_step(Event::SlaActivated { metric }, |sla| sla.set_due(metric, Some(due)));
            }
        }
    }

    /// The policy that the ticket goes by; `None` too when it left the settings, and then `settle` chooses anew.
    fn policy(&self) -> Option<&'a SlaPolicy> {
        let named = self.state().ticket.sla.policy.as_ref()?;
        self.context.rules.sla_policies.iter().find(|policy| policy.name == *named)
    }

    fn clock_step(&mut self, event: Event, change: impl FnOnce(&mut Sla)) {
        let mut sla = self.state().ticket.sla.clone();
        change(&mut sla);
        self.step(event, Patch { sla: Some(sla), ..Patch::default() });
    }
}
