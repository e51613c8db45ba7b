//! A command in the making: each step becomes a draft and moves the working ticket on. Used by every part of `decide`.

use super::super::apply::apply;
use super::super::event::Event;
use super::super::ids::{TicketId, UserId, Version};
use super::super::patch::Patch;
use super::super::record::Draft;
use super::super::state::TicketState;
use super::super::ticket::{SlaMetric, Status, Ticket};
use super::{Context, Decision};

pub(super) struct Work<'a> {
    pub(super) context: &'a Context<'a>,
    /// Empty only while a step is being applied.
    state: Option<TicketState>,
    drafts: Vec<Draft>,
}

impl<'a> Work<'a> {
    /// Goes on from a ticket that is there.
    pub(super) fn on(state: &TicketState, context: &'a Context<'a>) -> Self {
        Self { context, state: Some(state.clone()), drafts: Vec::new() }
    }

    /// Opens a ticket. Its first record has every field, the targets of the SLA included.
    pub(super) fn open(mut ticket: Ticket, event: Event, context: &'a Context<'a>) -> Self {
        ticket.version = Version(1);
        let worked_on = !matches!(ticket.status, Status::Solved | Status::Closed);
        if let Some(policy) = super::clocks::policy_for(&ticket, context.rules).filter(|_| worked_on) {
            ticket.sla.policy = Some(policy.name.clone());
            let due = |metric| policy.budget_ms(metric).map(|budget| policy.due(context.now, budget));
            ticket.sla.resolution_due = due(SlaMetric::Resolution);
            if ticket.first_responded_at.is_none() {
                ticket.sla.first_response_due = due(SlaMetric::FirstResponse);
            }
        }
        let draft =
            draft(ticket.id, ticket.version, context.principal.id.clone(), context, event, Patch::whole(&ticket));
        let state = apply(None, &draft);
        let clocks = state.background.clocks;
        let mut work = Self { context, state: Some(state), drafts: vec![draft] };
        work.follow(&clocks, false);
        work
    }

    /// One record in the caller's name.
    pub(super) fn step(&mut self, event: Event, patch: Patch) {
        self.step_by(self.context.principal.id.clone(), event, patch);
    }

    pub(super) fn step_by(&mut self, by: UserId, event: Event, mut patch: Patch) {
        let state = self.state.take().expect(HELD);
        patch.trim(&state.ticket);
        patch.updated_at = Some(self.context.now);
        let draft = draft(state.ticket.id, state.ticket.version.next(), by, self.context, event, patch);
        self.state = Some(apply(Some(state), &draft));
        self.drafts.push(draft);
    }

    pub(super) fn state(&self) -> &TicketState {
        self.state.as_ref().expect(HELD)
    }

    pub(super) fn done(self) -> Decision {
        Decision { drafts: self.drafts, after: self.state.expect(HELD) }
    }
}

const HELD: &str = "invariant: a work holds its ticket between steps";

fn draft(ticket: TicketId, version: Version, by: UserId, context: &Context<'_>, event: Event, patch: Patch) -> Draft {
    Draft { ticket, version, at: context.now, by, command_id: context.command_id.clone(), event, patch }
}
