//! What triage proposes and sets by itself, and what people make of it.

use std::sync::Arc;

use super::super::command::{AcceptTriage, RejectTriage, TriageValues, UpdateTicket};
use super::super::event::Event;
use super::super::patch::Patch;
use super::super::rejection::Rejection;
use super::super::state::{Recent, TicketState};
use super::super::ticket::{
    Guess, Incident, Ticket, Triage, TriageApplied, TriageDecided, TriageDecision, TriageField, TriageState,
};
use super::fields::{Errors, changes_of, patch_of};
use super::pair::refused;
use super::work::Work;
use super::{Context, Decision};

/// The desk's proposal. What a person changed since the version that it is based on stays as the person set it.
pub(super) fn propose(work: Work<'_>, triage: &Triage, apply: &TriageValues) -> Result<Decision, Rejection> {
    let state = work.state();
    let ticket = &state.ticket;
    let based_on = triage.based_on;
    let stale = |field: &str| state.background.touched.get(field).is_some_and(|version| *version > based_on);
    if stale("triage") {
        return Ok(work.done());
    }
    let mut triage = triage.clone();
    let is_known = |id: &str| work.context.rules.categories.iter().any(|category| category.id == id);
    triage.category = triage.category.filter(|guess| is_known(&guess.value));
    let marked = standing_marks(state);
    // Whoever proposes may have taken a person's value for one of the machine's own.
    let lost = |field| ticket.triage.as_ref().is_some_and(|before| before.applied.has(field)) && !marked.has(field);
    let takes = |field: TriageField| !stale(field.name());
    let free = |field: TriageField| takes(field) && !lost(field);
    let update = UpdateTicket {
        category: apply.category.clone().filter(|id| free(TriageField::Category) && is_known(id)).map(Some),
        priority: apply.priority.filter(|_| free(TriageField::Priority)),
        tags: apply.tags.as_ref().filter(|_| takes(TriageField::Tags)).map(|tags| with_tags(ticket, tags)),
        ..UpdateTicket::default()
    };
    let patch = patch_of(ticket, &update, work.context)?;
    if let Some(before) = &ticket.triage {
        triage.incident = triage.incident.or(before.incident);
        triage.duplicate_of = triage.duplicate_of.or(before.duplicate_of);
        // What was decided holds as long as the same is proposed.
        for field in TriageField::ALL {
            if is_same(&triage, before, field) {
                triage.decided.set(field, before.decided.get(field));
            }
        }
    }
    triage.applied = marks(ticket, marked, &triage, &patch);
    if triage.state == TriageState::Proposed {
        triage.settle();
    }
    Ok(change(work, triage, patch, TriageDecided::default()))
}

/// Somebody wants a proposal anew.
pub(super) fn ask(work: Work<'_>) -> Result<Decision, Rejection> {
    if !work.context.rules.triage {
        return Err(Rejection::TriageOff);
    }
    let ticket = &work.state().ticket;
    let (now, version) = (work.context.now, ticket.version);
    let triage = match &ticket.triage {
        Some(triage) if triage.state == TriageState::Waiting => return Ok(work.done()),
        Some(triage) => Triage {
            state: TriageState::Waiting,
            reason: None,
            at: now,
            based_on: version,
            decided: TriageDecided::default(),
            applied: standing_marks(work.state()),
            ..Triage::clone(triage)
        },
        None => Triage::new(TriageState::Waiting, now, version),
    };
    Ok(change(work, triage, Patch::default(), TriageDecided::default()))
}

/// The ticket is one of a group; it says so where triage has begun.
pub(super) fn join(work: Work<'_>, incident: Incident) -> Decision {
    let Some(triage) = &work.state().ticket.triage else { return work.done() };
    let triage = Triage { incident: Some(incident), ..Triage::clone(triage) };
    change(work, triage, Patch::default(), TriageDecided::default())
}

pub(super) fn accept(work: Work<'_>, accept: &AcceptTriage) -> Result<Decision, Rejection> {
    let state = work.state();
    let ticket = &state.ticket;
    let mut triage = proposal(ticket.triage.as_deref())?;
    let named = named(accept.fields.as_deref())?;
    let edits = accept.edits.clone().unwrap_or_default();
    let by_hand = |field: TriageField| {
        state.background.touched.get(field.name()).is_some_and(|version| *version > triage.based_on)
    };
    let takes = |field: TriageField| match &named {
        Some(named) => named.contains(&field),
        // Once refused, all of it can still be taken; what was taken is taken.
        None if triage.state == TriageState::Rejected => triage.proposes(field),
        None => triage.is_open(field) && !by_hand(field),
    };
    let category = edits
        .category
        .or_else(|| triage.category.as_ref().filter(|_| takes(TriageField::Category)).map(|guess| guess.value.clone()));
    let priority = edits
        .priority
        .or_else(|| triage.priority.as_ref().filter(|_| takes(TriageField::Priority)).map(|guess| guess.value));
    let tags = edits.tags.or_else(|| {
        Some(triage.tags.clone()).filter(|_| triage.proposes(TriageField::Tags) && takes(TriageField::Tags))
    });
    let mut decided = TriageDecided::default();
    let judge = |same: bool| Some(if same { TriageDecision::Accepted } else { TriageDecision::Edited });
    if let Some(category) = &category {
        decided.category = judge(triage.category.as_ref().is_some_and(|guess| guess.value == *category));
    }
    if let Some(priority) = priority {
        decided.priority = judge(triage.priority.as_ref().is_some_and(|guess| guess.value == priority));
    }
    if let Some(tags) = &tags {
        decided.tags = judge(*tags == triage.tags);
    }
    let update = UpdateTicket {
        category: category.map(Some),
        priority,
        tags: tags.map(|tags| with_tags(ticket, &tags)),
        ..UpdateTicket::default()
    };
    let patch = patch_of(ticket, &update, work.context)?;
    for field in TriageField::ALL {
        if let Some(decision) = decided.get(field) {
            triage.decided.set(field, Some(decision));
            triage.applied.forget(field);
        }
    }
    // With nothing but a summary, or with the rest set by hand, there is nothing left to decide.
    if named.is_none() {
        triage.state = TriageState::Accepted;
    } else {
        triage.settle();
    }
    Ok(change(work, triage, patch, decided))
}

pub(super) fn reject(work: Work<'_>, reject: &RejectTriage) -> Result<Decision, Rejection> {
    let ticket = &work.state().ticket;
    let mut triage = proposal(ticket.triage.as_deref())?;
    let named = named(reject.fields.as_deref())?;
    let mut decided = TriageDecided::default();
    let mut update = UpdateTicket::default();
    for field in TriageField::ALL {
        let refuses = named.as_ref().map_or_else(|| triage.is_open(field), |named| named.contains(&field));
        if !refuses || !triage.proposes(field) {
            continue;
        }
        decided.set(field, Some(TriageDecision::Rejected));
        take_back(ticket, &triage, field, &mut update);
    }
    let patch = patch_of(ticket, &update, work.context)?;
    for field in TriageField::ALL.into_iter().filter(|field| decided.get(*field).is_some()) {
        triage.decided.set(field, decided.get(field));
        triage.applied.forget(field);
    }
    triage.settle();
    if named.is_none() && triage.state == TriageState::Proposed {
        triage.state = TriageState::Rejected;
    }
    Ok(change(work, triage, patch, decided))
}

/// What a person sets by hand says something about what is proposed for it.
pub(super) fn decide_by_hand(ticket: &Ticket, patch: &mut Patch, context: &Context<'_>) -> TriageDecided {
    let mut decided = TriageDecided::default();
    let Some(triage) = ticket.triage.as_ref().filter(|triage| triage.state == TriageState::Proposed) else {
        return decided;
    };
    if context.principal.is_system() {
        return decided;
    }
    let mut triage = Triage::clone(triage);
    for field in TriageField::ALL.into_iter().filter(|field| triage.is_open(*field)) {
        let same = match field {
            TriageField::Category => patch.category.as_ref().map(|now| *now == triage.category.as_ref().map(value)),
            TriageField::Priority => patch.priority.map(|now| Some(now) == triage.priority.as_ref().map(value)),
            TriageField::Tags => patch.tags.as_ref().map(|now| triage.tags.iter().all(|tag| now.contains(tag))),
        };
        if let Some(same) = same {
            decided.set(field, Some(if same { TriageDecision::Accepted } else { TriageDecision::Edited }));
        }
    }
    if !decided.is_empty() {
        for field in TriageField::ALL.into_iter().filter(|field| decided.get(*field).is_some()) {
            triage.decided.set(field, decided.get(field));
            triage.applied.forget(field);
        }
        triage.settle();
        patch.triage = Some(Some(Arc::new(triage)));
    }
    decided
}

/// Puts the proposal where it belongs once a command is undone that changed it: as it was before where nobody changed it since;
/// otherwise only what goes back is as open as it was. What the machine had set by itself counts as refused.
pub(super) fn go_back(state: &TicketState, recent: &Recent, patch: &mut Patch) {
    let Some(before) = &recent.restore.triage else { return };
    let by_machine = recent.by.is_desk();
    let moved = state
        .background
        .recent
        .iter()
        .any(|later| later.version > recent.version && !later.undone && later.restore.triage.is_some());
    if !by_machine && !moved {
        return;
    }
    patch.triage = None;
    let Some(mut triage) = state.ticket.triage.as_deref().cloned() else { return };
    for field in TriageField::ALL.into_iter().filter(|field| has(patch, *field)) {
        let open = before.as_ref().and_then(|before| before.decided.get(field));
        triage.decided.set(field, if by_machine { Some(TriageDecision::Rejected) } else { open });
        triage.applied.forget(field);
    }
    triage.settle();
    patch.triage = Some(Some(Arc::new(triage)));
}

/// Whether the undo of a command with these former values puts fields back that triage may propose.
pub(super) fn is_about_fields(restore: &Patch) -> bool {
    TriageField::ALL.into_iter().any(|field| has(restore, field))
}

fn has(patch: &Patch, field: TriageField) -> bool {
    match field {
        TriageField::Category => patch.category.is_some(),
        TriageField::Priority => patch.priority.is_some(),
        TriageField::Tags => patch.tags.is_some(),
    }
}

fn value<T: Clone>(guess: &Guess<T>) -> T {
    guess.value.clone()
}

fn with_tags(ticket: &Ticket, tags: &[String]) -> Vec<String> {
    ticket.tags.iter().chain(tags).cloned().collect()
}

fn is_same(one: &Triage, other: &Triage, field: TriageField) -> bool {
    match field {
        TriageField::Category => one.category.as_ref().map(value) == other.category.as_ref().map(value),
        TriageField::Priority => one.priority.as_ref().map(value) == other.priority.as_ref().map(value),
        TriageField::Tags => one.tags == other.tags,
    }
}

/// The marks of what the machine set, without what a person touched since: that is the person's, in whatever state the proposal was.
fn standing_marks(state: &TicketState) -> TriageApplied {
    let Some(before) = &state.ticket.triage else { return TriageApplied::default() };
    let mut marks = before.applied.clone();
    for field in TriageField::ALL {
        if state.background.touched.get(field.name()).is_some_and(|version| *version > before.based_on) {
            marks.forget(field);
        }
    }
    marks
}

/// The marks of what the machine set: what `patch` sets now, and what it set earlier and stands still.
fn marks(ticket: &Ticket, earlier: TriageApplied, triage: &Triage, patch: &Patch) -> TriageApplied {
    let mut marks = TriageApplied::default();
    if patch.category.is_some() || triage.category.as_ref().map(value) == ticket.category {
        marks.category = earlier.category;
    }
    if patch.category.is_some() {
        marks.category.get_or_insert_with(|| ticket.category.clone());
    }
    if patch.priority.is_some() || triage.priority.as_ref().map(value) == Some(ticket.priority) {
        marks.priority = earlier.priority;
    }
    if patch.priority.is_some() {
        marks.priority.get_or_insert(ticket.priority);
    }
    if patch.tags.is_some() || triage.tags.iter().all(|tag| ticket.tags.contains(tag)) {
        marks.tags = earlier.tags;
    }
    if patch.tags.is_some() {
        marks.tags.get_or_insert_with(|| ticket.tags.clone());
    }
    marks
}

/// Puts a field back that the machine set by itself, where it still stands as the machine set it.
fn take_back(ticket: &Ticket, triage: &Triage, field: TriageField, update: &mut UpdateTicket) {
    let applied = &triage.applied;
    match field {
        TriageField::Category => {
            if ticket.category == triage.category.as_ref().map(value) {
                update.category.clone_from(&applied.category);
            }
        }
        TriageField::Priority => {
            if Some(ticket.priority) == triage.priority.as_ref().map(value) {
                update.priority = applied.priority;
            }
        }
        TriageField::Tags => {
            update.tags = applied.tags.as_ref().map(|before| {
                let theirs = |tag: &&String| !triage.tags.contains(*tag) || before.contains(*tag);
                ticket.tags.iter().filter(theirs).cloned().collect()
            });
        }
    }
}

fn proposal(triage: Option<&Triage>) -> Result<Triage, Rejection> {
    triage
        .filter(|triage| !matches!(triage.state, TriageState::Waiting | TriageState::Untriaged))
        .cloned()
        .ok_or_else(|| refused("", "there is no proposal for this ticket"))
}

fn named(fields: Option<&[String]>) -> Result<Option<Vec<TriageField>>, Rejection> {
    let Some(fields) = fields else { return Ok(None) };
    let mut errors = Errors::default();
    let mut named = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        if let Some(field) = TriageField::of_name(field) {
            named.push(field);
        } else {
            let names = TriageField::ALL.map(TriageField::name).join(", ");
            errors.add(format!("/fields/{index}"), "unknown_value", format!("one of {names}"));
        }
    }
    errors.into_result()?;
    Ok(Some(named))
}

fn change(mut work: Work<'_>, triage: Triage, mut patch: Patch, decided: TriageDecided) -> Decision {
    let applied = (!patch.is_empty()).then(|| changes_of(&patch));
    patch.triage = Some(Some(Arc::new(triage.clone())));
    patch.trim(&work.state().ticket);
    if !patch.is_empty() {
        work.act(Event::TriageChanged { triage: Box::new(triage), applied, decided }, patch);
    }
    work.done()
}
