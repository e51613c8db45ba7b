//! The fold: a ticket and its next record give the ticket after it. Cannot fail, knows no rules and no clock, and serves live
//! traffic and every replay alike.
//!
//! The fields come from the record's patch, so a record keeps its meaning when the desk's settings change; the background
//! comes from the event.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::event::Event;
use super::ids::TicketId;
use super::message::{Attachment, Direction, Visibility};
use super::patch::Patch;
use super::record::Draft;
use super::state::{
    Background, ClaimNote, ClockNote, Clocks, Recent, RecentKind, SKIP_MEMORY_MS, SKIP_MEMORY_PEOPLE, SkipNote,
    TicketState, UNDO_MEMORY_BYTES, UNDO_MEMORY_COMMANDS, UNDO_MEMORY_MS,
};
use super::ticket::{Link, LinkKind, SlaMetric, Status, Ticket};

/// Fields that a person and a proposal may both want to set.
const CONTESTED: [&str; 10] =
    ["subject", "status", "priority", "category", "tags", "assignee", "team", "snoozed_until", "custom", "triage"];

/// The ticket after `draft`. `None` only before a ticket's first record.
pub fn apply(state: Option<TicketState>, draft: &Draft) -> TicketState {
    let Some(TicketState { mut ticket, mut background }) = state else { return first(draft) };
    let status = ticket.status;
    let responded = ticket.first_responded_at.is_some();
    let clocks = background.clocks;
    remember(&mut background, &ticket, draft);

    draft.patch.apply_to(&mut ticket);
    ticket.version = draft.version;

    let undone = undone(&mut background, draft);
    fold_thread(&mut background, &ticket, draft);
    fold_holder(&mut background, &ticket, draft);
    fold_clocks(&mut background.clocks, &ticket, draft, status, responded);
    if let Event::Skipped { by, .. } = &draft.event {
        background.skips.retain(|skip| skip.by != *by && draft.at.millis_since(skip.at) < SKIP_MEMORY_MS);
        background.skips.push(SkipNote { by: by.clone(), at: draft.at });
        let surplus = background.skips.len().saturating_sub(SKIP_MEMORY_PEOPLE);
        background.skips.drain(..surplus);
    }
    if let Some(undone) = undone {
        go_back(&mut background, &ticket, draft, &undone);
    }
    if draft.patch.sla.is_some() || background.clocks != clocks {
        background.clocks_version = draft.version;
    }
    if !draft.by.is_desk() {
        for field in draft.patch.fields() {
            if CONTESTED.contains(&field) {
                background.touched.insert(field.to_owned(), draft.version);
            }
        }
    }
    TicketState { ticket, background }
}

fn first(draft: &Draft) -> TicketState {
    let ticket = draft
        .patch
        .clone()
        .into_ticket(draft.ticket, draft.version)
        .expect("invariant: the patch of a ticket's first record has every field");
    let mut background = Background { clocks_version: draft.version, ..Background::default() };
    if let Event::Created { message } = &draft.event {
        background.waiting_since = (message.direction == Direction::Inbound).then_some(draft.at);
        if message.visibility == Visibility::Public {
            background.last_public = draft.version;
        }
        fold_files(&mut background, &message.attachments);
    }
    if is_worked_on(ticket.status) {
        background.clocks.resolution = Some(ClockNote::start(draft.at));
        background.clocks.first_response = ticket.first_responded_at.is_none().then(|| ClockNote::start(draft.at));
    }
    background.holders.extend(ticket.assignee.clone());
    TicketState { ticket, background }
}

fn is_worked_on(status: Status) -> bool {
    !matches!(status, Status::Solved | Status::Closed)
}

fn fold_files(background: &mut Background, files: &[Attachment]) {
    background.files += files.len() as u64;
    background.file_bytes += files.iter().map(|file| file.bytes).sum::<u64>();
}

/// Who waits for whom.
fn fold_thread(background: &mut Background, ticket: &Ticket, draft: &Draft) {
    if let Event::MessageAdded { message } = &draft.event {
        fold_files(background, &message.attachments);
        if message.visibility == Visibility::Public {
            background.last_public = draft.version;
            if message.direction == Direction::Inbound {
                background.waiting_since.get_or_insert(draft.at);
            } else if !draft.by.is_desk() {
                background.waiting_since = None;
            }
        }
        if message.direction == Direction::Outbound
            && ticket.assignee.as_ref() == Some(&draft.by)
            && let Some(claim) = &mut background.claim
        {
            claim.answered = true;
        }
    }
    if !is_worked_on(ticket.status) {
        background.waiting_since = None;
    }
}

/// Who holds it, and how he came to it.
fn fold_holder(background: &mut Background, ticket: &Ticket, draft: &Draft) {
    match &draft.event {
        Event::Claimed { live, .. } => {
            background.claim = Some(ClaimNote { at: draft.at, live: *live, answered: false });
        }
        _ if draft.patch.assignee.is_some() => background.claim = None,
        _ => {}
    }
    if let Some(holder) = &ticket.assignee
        && !background.holders.contains(holder)
    {
        background.holders.push(holder.clone());
    }
}

/// What the desk owes the requester.
fn fold_clocks(clocks: &mut Clocks, ticket: &Ticket, draft: &Draft, before: Status, was_responded: bool) {
    if !is_worked_on(ticket.status) {
        *clocks = Clocks::default();
        return;
    }
    if !is_worked_on(before) {
        clocks.resolution = Some(ClockNote::start(draft.at));
        clocks.first_response = ticket.first_responded_at.is_none().then(|| ClockNote::start(draft.at));
    }
    match &draft.event {
        Event::MessageAdded { message } if message.visibility == Visibility::Public => {
            if message.direction == Direction::Inbound {
                if was_responded {
                    clocks.next_response.get_or_insert(ClockNote::start(draft.at));
                }
            } else if !draft.by.is_desk() {
                clocks.first_response = None;
                clocks.next_response = None;
            }
        }
        Event::SlaPaused { spent_ms } => {
            for (metric, spent) in spent_ms {
                if let Some(clock) = clocks.get_mut(*metric) {
                    clock.spent_ms = *spent;
                }
            }
        }
        Event::SlaResumed {} => {
            for metric in SlaMetric::ALL {
                if let Some(clock) = clocks.get_mut(metric) {
                    clock.since = draft.at;
                }
            }
        }
        Event::SlaBreached { metric } => {
            if let Some(clock) = clocks.get_mut(*metric) {
                clock.breached = true;
            }
        }
        _ => {}
    }
}

/// Keeps what undo needs: for each command that changed fields, what they were before.
fn remember(background: &mut Background, before: &Ticket, draft: &Draft) {
    let mut restore = draft.patch.inverse(before);
    restore.updated_at = None;
    restore.first_responded_at = None;
    restore.message_count = None;
    restore.last_message_at = None;
    restore.links = None;
    if let Some(last) = background.recent.last_mut()
        && last.command_id == draft.command_id
        && last.by == draft.by
        && last.version.next() == draft.version
    {
        let last = Arc::make_mut(last);
        last.version = draft.version;
        if last.kind != RecentKind::Fixed {
            let before = size_of_values(&last.restore);
            last.restore.fill_from(restore);
            background.recent_bytes += size_of_values(&last.restore).saturating_sub(before);
            forget_surplus(background);
        }
        return;
    }
    let kind = match RecentKind::of(&draft.event) {
        None => return,
        // What the desk does has no inverse, but for the fields that triage set by itself.
        Some(_) if draft.by.is_desk() && !matches!(draft.event, Event::TriageChanged { applied: Some(_), .. }) => {
            RecentKind::Fixed
        }
        Some(kind) => kind,
    };
    let (link, other) = sides(&draft.event);
    let mut recent = Recent {
        command_id: draft.command_id.clone(),
        by: draft.by.clone(),
        at: draft.at,
        version: draft.version,
        kind,
        undone: false,
        restore,
        claim: None,
        waiting_since: None,
        clocks: None,
        skip: None,
        link,
        other,
    };
    if kind == RecentKind::Fixed {
        keep_names(&mut recent.restore);
        if recent.restore.is_empty() {
            return;
        }
    } else {
        recent.claim.clone_from(&background.claim);
        // Clocks move with the status and with the policy, and with nothing else that can be undone.
        if recent.restore.status.is_some() || recent.restore.sla.is_some() {
            recent.waiting_since = background.waiting_since;
            recent.clocks = Some(background.clocks);
        }
    }
    if kind == RecentKind::Skip {
        recent.skip = background.skips.iter().find(|skip| skip.by == draft.by).cloned();
    }
    let is_old = |recent: &&Arc<Recent>| draft.at.millis_since(recent.at) > UNDO_MEMORY_MS;
    let old = background.recent.iter().take_while(is_old).count();
    let surplus = (background.recent.len() + 1).saturating_sub(UNDO_MEMORY_COMMANDS);
    forget_oldest(background, old.max(surplus));
    background.recent_bytes += size_of_values(&recent.restore);
    background.recent.push(Arc::new(recent));
    forget_surplus(background);
}

/// Lets the oldest go until what is left is small enough to be written with every record of the ticket.
fn forget_surplus(background: &mut Background) {
    while background.recent_bytes > UNDO_MEMORY_BYTES as u64 && background.recent.len() > 1 {
        forget_oldest(background, 1);
    }
}

fn forget_oldest(background: &mut Background, count: usize) {
    for recent in background.recent.drain(..count) {
        background.recent_bytes = background.recent_bytes.saturating_sub(size_of_values(&recent.restore));
    }
}

/// Bytes of those values that may be large.
fn size_of_values(patch: &Patch) -> u64 {
    let subject = patch.subject.as_ref().map_or(0, String::len);
    let tags: usize = patch.tags.iter().flatten().map(String::len).sum();
    let custom = patch.custom.as_ref().filter(|custom| !custom.is_empty()).map_or(0, size_as_json);
    let triage = patch.triage.as_ref().filter(|triage| triage.is_some()).map_or(0, size_as_json);
    (subject + tags + custom + triage) as u64
}

fn size_as_json(value: &impl serde::Serialize) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).expect("invariant: a field is JSON");
    count.0
}

/// Of what has no inverse only the names of its fields matter: values that may be large are let go.
fn keep_names(restore: &mut Patch) {
    restore.sla = None;
    restore.solved_at = None;
    restore.subject = restore.subject.as_ref().map(|_| String::new());
    restore.tags = restore.tags.as_ref().map(|_| Vec::new());
    restore.custom = restore.custom.as_ref().map(|_| BTreeMap::new());
    restore.triage = restore.triage.as_ref().map(|_| None);
}

/// The link that an event puts on or takes off this side, and the ticket on the other side.
fn sides(event: &Event) -> (Option<Link>, Option<TicketId>) {
    match event {
        Event::Merged { into } => (None, Some(*into)),
        Event::MergedIn { from } => (Some(Link { to: *from, kind: LinkKind::MergedFrom }), Some(*from)),
        Event::Linked { to, kind } | Event::Unlinked { to, kind } => (Some(Link { to: *to, kind: *kind }), Some(*to)),
        _ => (None, None),
    }
}

/// Marks the command that this record undoes and hands out what was kept for it.
fn undone(background: &mut Background, draft: &Draft) -> Option<Arc<Recent>> {
    let Event::Undone { command_id } = &draft.event else { return None };
    let index = background.find_recent(command_id, &draft.by)?;
    let recent = &mut background.recent[index];
    background.recent_bytes = background.recent_bytes.saturating_sub(size_of_values(&recent.restore));
    let kept = Recent { restore: Patch::default(), undone: true, ..Recent::clone(recent) };
    Some(std::mem::replace(recent, Arc::new(kept)))
}

/// Brings the background back to where it was before the command, as far as nothing else has moved it since.
fn go_back(background: &mut Background, ticket: &Ticket, draft: &Draft, undone: &Recent) {
    if draft.patch.assignee.is_some() && ticket.assignee.is_some() {
        background.claim.clone_from(&undone.claim);
    }
    if undone.restore.status.is_some() && background.last_public <= undone.version {
        background.waiting_since = undone.waiting_since;
    }
    if let Some(clocks) = undone.clocks
        && background.clocks_version <= undone.version
    {
        background.clocks = clocks;
    }
    if undone.kind == RecentKind::Skip {
        background.skips.retain(|skip| skip.by != undone.by);
        background.skips.extend(undone.skip.clone());
        // Oldest first, since the oldest is forgotten first.
        background.skips.sort_by_key(|skip| skip.at);
    }
}
