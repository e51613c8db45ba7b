//! Appends as the desk makes them, for measuring the journal and for its tests.
//!
//! Never part of a running desk. Called by `hotdesk journal bench` and by tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Append, Memo, Part};
use crate::domain::apply::apply;
use crate::domain::command::UpdateTicket;
use crate::domain::event::Event;
use crate::domain::ids::{CommandId, MessageId, Seq, TicketId, UserId, Version};
use crate::domain::message::{Author, BodyFormat, Direction, Message, Visibility};
use crate::domain::patch::Patch;
use crate::domain::record::Draft;
use crate::domain::state::TicketState;
use crate::domain::ticket::{Channel, Priority, Requester, Sla, Status, Ticket, TriageDecided};
use crate::domain::time::Timestamp;

/// 2026-11-23T08:00:00Z, where the samples' time begins.
const START_MILLIS: i64 = 1_795_420_800_000;

/// The time of the samples with this version of their ticket.
pub fn at(version: Version) -> Timestamp {
    Timestamp::from_millis(START_MILLIS + i64::try_from(version.get()).unwrap_or(0) * 1000)
}

/// Opens a ticket with this body.
pub fn opened(id: TicketId, body: &str) -> Append {
    let version = Version(1);
    let at = at(version);
    let ticket = Ticket {
        id,
        version,
        subject: format!("Parcel {id} has not arrived"),
        status: Status::New,
        priority: Priority::Normal,
        category: Some("shipping".into()),
        tags: vec!["parcel".into()],
        requester: Requester { name: "Ada Lovelace".into(), email: format!("ada+{id}@example.org") },
        assignee: None,
        team: Some("support".into()),
        channel: Channel::Web,
        created_at: at,
        updated_at: at,
        first_responded_at: None,
        solved_at: None,
        snoozed_until: None,
        merged_into: None,
        follow_up_of: None,
        links: Vec::new(),
        sla: Sla::default(),
        triage: None,
        message_count: 1,
        last_message_at: Some(at),
        mentions: Vec::new(),
        custom: BTreeMap::new(),
    };
    let event = Event::Created { message: message(id, version, Direction::Inbound, body) };
    append(None, &ticket, event, Patch::whole(&ticket))
}

/// Adds an answer with this body.
pub fn answered(before: &Arc<TicketState>, body: &str) -> Append {
    let mut ticket = before.ticket.clone();
    ticket.version = ticket.version.next();
    ticket.message_count += 1;
    ticket.updated_at = at(ticket.version);
    ticket.last_message_at = Some(ticket.updated_at);
    let event = Event::MessageAdded { message: message(ticket.id, ticket.version, Direction::Outbound, body) };
    changed(before, ticket, event)
}

/// Gives it another status.
pub fn moved(before: &Arc<TicketState>, status: Status) -> Append {
    let mut ticket = before.ticket.clone();
    ticket.version = ticket.version.next();
    ticket.status = status;
    ticket.updated_at = at(ticket.version);
    let changes = UpdateTicket { status: Some(status), ..UpdateTicket::default() };
    changed(before, ticket, Event::Updated { changes, decided: TriageDecided::default() })
}

fn changed(before: &Arc<TicketState>, ticket: Ticket, event: Event) -> Append {
    append(Some(before), &ticket, event, Patch::between(&before.ticket, &ticket))
}

fn append(before: Option<&Arc<TicketState>>, after: &Ticket, event: Event, patch: Patch) -> Append {
    let (ticket, version) = (after.id, after.version);
    let by = UserId::from("agent-1");
    let command_id = CommandId::from(format!("{ticket}-{version}"));
    let at = at(version);
    let draft = Draft { ticket, version, at, by: by.clone(), command_id: command_id.clone(), event, patch };
    let after = Arc::new(apply(before.map(|before| TicketState::clone(before)), &draft));
    let before = before.cloned();
    let memo = Memo { user: by, key: command_id, fingerprint: ticket.get(), at, ticket, version, seq: Seq::ZERO };
    Append {
        parts: vec![Part { ticket, expect: Version(version.get() - 1), drafts: vec![draft], before, after }],
        memo: Some(memo),
    }
}

fn message(ticket: TicketId, version: Version, direction: Direction, body: &str) -> Message {
    Message {
        id: MessageId::from(format!("m{ticket}-{version}")),
        visibility: Visibility::Public,
        direction,
        author: Author { id: None, name: "Ada Lovelace".into(), email: Some("ada@example.org".into()) },
        body: body.into(),
        body_format: BodyFormat::Text,
        attachments: Vec::new(),
        mentions: Vec::new(),
        at: at(version),
    }
}
