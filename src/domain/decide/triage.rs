//! What triage proposes and what people make of it.

use super::super::command::{TriageChoice, UpdateTicket};
use super::super::event::Event;
use super::super::ids::Version;
use super::super::patch::Patch;
use super::super::rejection::Rejection;
use super::super::ticket::{Triage, TriageState};
use super::Decision;
use super::fields::{Errors, changes_of, patch_of};
use super::pair::refused;
use super::work::Work;

/// The parts of a proposal that are fields of a ticket.
const FIELDS: [&str; 3] = ["category", "priority", "tags"];

/// The desk's proposal. What a person changed since the version that it is based on stays as the person set it.
pub(super) fn propose(
    work: Work<'_>,
    based_on: Version,
    triage: &Triage,
    apply: &UpdateTicket,
) -> Result<Decision, Rejection> {
    let state = work.state();
    let stale = |field: &str| state.background.touched.get(field).is_some_and(|version| *version > based_on);
    if stale("triage") {
        return Ok(work.done());
    }
    let mut apply = apply.clone();
    if stale("subject") {
        apply.subject = None;
    }
    if stale("status") {
        apply.status = None;
    }
    if stale("priority") {
        apply.priority = None;
    }
    if stale("category") {
        apply.category = None;
    }
    if stale("tags") {
        apply.tags = None;
    }
    if stale("assignee") {
        apply.assignee = None;
    }
    if stale("team") {
        apply.team = None;
    }
    if stale("snoozed_until") {
        apply.snoozed_until = None;
    }
    if stale("custom") {
        apply.custom = None;
    }
    let patch = patch_of(&state.ticket, &apply, work.context)?;
    Ok(change(work, triage.clone(), patch))
}

pub(super) fn accept(work: Work<'_>, choice: &TriageChoice) -> Result<Decision, Rejection> {
    let ticket = &work.state().ticket;
    let mut triage = proposal(ticket.triage.as_ref())?;
    let chosen = chosen(choice)?;
    if triage.state == TriageState::Accepted && choice.fields.is_none() {
        return Ok(work.done());
    }
    let takes = |field: &str| chosen.contains(&field);
    let update = UpdateTicket {
        category: triage.category.as_ref().filter(|_| takes("category")).map(|guess| Some(guess.value.clone())),
        priority: triage.priority.as_ref().filter(|_| takes("priority")).map(|guess| guess.value),
        tags: takes("tags").then(|| ticket.tags.iter().chain(&triage.tags).cloned().collect()),
        ..UpdateTicket::default()
    };
    let patch = patch_of(ticket, &update, work.context)?;
    triage.state = TriageState::Accepted;
    Ok(change(work, triage, patch))
}

pub(super) fn reject(work: Work<'_>, choice: &TriageChoice) -> Result<Decision, Rejection> {
    let mut triage = proposal(work.state().ticket.triage.as_ref())?;
    let chosen = chosen(choice)?;
    if choice.fields.is_some() {
        // Rejecting a part takes that part out; what is left is still proposed.
        if chosen.contains(&"category") {
            triage.category = None;
        }
        if chosen.contains(&"priority") {
            triage.priority = None;
        }
        if chosen.contains(&"tags") {
            triage.tags.clear();
        }
    }
    let nothing_left = triage.category.is_none() && triage.priority.is_none() && triage.tags.is_empty();
    if choice.fields.is_none() || nothing_left {
        triage.state = TriageState::Rejected;
    }
    Ok(change(work, triage, Patch::default()))
}

fn proposal(triage: Option<&Triage>) -> Result<Triage, Rejection> {
    triage
        .filter(|triage| !matches!(triage.state, TriageState::Waiting | TriageState::Untriaged))
        .cloned()
        .ok_or_else(|| refused("", "there is no proposal for this ticket"))
}

fn chosen(choice: &TriageChoice) -> Result<Vec<&str>, Rejection> {
    let Some(fields) = &choice.fields else { return Ok(FIELDS.to_vec()) };
    let mut errors = Errors::default();
    for (index, field) in fields.iter().enumerate() {
        if !FIELDS.contains(&field.as_str()) {
            errors.add(format!("/fields/{index}"), "unknown_value", format!("one of {}", FIELDS.join(", ")));
        }
    }
    errors.into_result()?;
    Ok(fields.iter().map(String::as_str).collect())
}

fn change(mut work: Work<'_>, triage: Triage, mut patch: Patch) -> Decision {
    let applied = (!patch.is_empty()).then(|| changes_of(&patch));
    patch.triage = Some(Some(triage.clone()));
    patch.trim(&work.state().ticket);
    if !patch.is_empty() {
        work.act(Event::TriageChanged { triage: Box::new(triage), applied }, patch);
    }
    work.done()
}
