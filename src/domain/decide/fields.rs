//! The fields that people set: what is a valid value, and the patch that an update comes to.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::command::{CreateTicket, UpdateTicket};
use super::super::ids::{AttachmentId, TicketId, Version};
use super::super::lifecycle;
use super::super::patch::Patch;
use super::super::permissions::Permission;
use super::super::rejection::{FieldError, Rejection};
use super::super::rules::FieldLimits;
use super::super::state::Background;
use super::super::text::clean_name;
use super::super::ticket::{Requester, Sla, Status, Ticket};
use super::super::time::Timestamp;
use super::{Context, permit};

/// A category, a team, a tag, a person's name.
const NAME_CHARS: usize = 200;
/// RFC 5321, 4.5.3.1.3, without the angle brackets.
const ADDRESS_CHARS: usize = 254;

/// Below this every whole number has a float of its own.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

/// Collects every bad field of a request, so that they are all told at once.
#[derive(Default)]
pub(super) struct Errors(Vec<FieldError>);

impl Errors {
    pub(super) fn add(&mut self, pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.0.push(FieldError::new(pointer, code, detail));
    }

    pub(super) fn into_result(self) -> Result<(), Rejection> {
        if self.0.is_empty() { Ok(()) } else { Err(Rejection::InvalidField(self.0)) }
    }

    /// Text that must say something, without the blanks around it.
    pub(super) fn line(&mut self, pointer: &str, text: &str, max_chars: usize) -> String {
        self.text(pointer, text, max_chars);
        text.trim().to_owned()
    }

    /// Text that must say something.
    pub(super) fn text(&mut self, pointer: &str, text: &str, max_chars: usize) {
        if text.trim().is_empty() {
            self.add(pointer, "required", "this must not be blank");
        } else if text.len() > max_chars && text.chars().count() > max_chars {
            self.add(pointer, "too_long", format!("at most {max_chars} characters"));
        }
    }

    /// What a message says. Where files come with it, they may say it all.
    pub(super) fn body(&mut self, body: &str, files: &[AttachmentId], limits: &FieldLimits) {
        if files.is_empty() || !body.trim().is_empty() {
            self.text("/body", body, limits.message_chars);
        }
    }

    /// Files that a message names: each must be there for it, once, and the ticket must have room for them.
    pub(super) fn files(&mut self, named: &[AttachmentId], background: &Background, context: &Context<'_>) {
        let limits = &context.limits.files;
        if named.len() > limits.of_message {
            self.add("/attachments", "too_many", format!("at most {} files with one message", limits.of_message));
            return;
        }
        for (index, id) in named.iter().enumerate() {
            let pointer = || format!("/attachments/{index}");
            if named[..index].contains(id) {
                self.add(pointer(), "invalid", "this file is named twice");
            } else if !context.files.iter().any(|file| file.id == *id) {
                self.add(pointer(), "unknown_value", "there is no such file of yours that is whole and not sent yet");
            }
        }
        let bytes: u64 = context.files.iter().map(|file| file.bytes).sum();
        if background.files + named.len() as u64 > limits.of_ticket {
            self.add("/attachments", "too_many", format!("at most {} files with one ticket", limits.of_ticket));
        }
        if background.file_bytes + bytes > limits.ticket_bytes {
            let detail = format!("the files of one ticket have at most {} bytes together", limits.ticket_bytes);
            self.add("/attachments", "too_big", detail);
        }
    }

    fn name(&mut self, pointer: &str, name: Option<&str>) -> Option<String> {
        name.map(|name| self.line(pointer, name, NAME_CHARS))
    }

    fn tags(&mut self, tags: &[String], limits: &FieldLimits) -> Vec<String> {
        let mut clean: Vec<String> =
            tags.iter().enumerate().map(|(index, tag)| self.line(&format!("/tags/{index}"), tag, NAME_CHARS)).collect();
        clean.sort_unstable();
        clean.dedup();
        if clean.len() > limits.tags {
            self.add("/tags", "too_many", format!("at most {} tags", limits.tags));
        }
        clean
    }

    fn custom(&mut self, custom: &BTreeMap<String, Value>, limits: &FieldLimits) {
        let bytes = serde_json::to_vec(custom).map_or(usize::MAX, |json| json.len());
        if bytes > limits.custom_bytes {
            self.add("/custom", "too_long", format!("at most {} bytes as JSON", limits.custom_bytes));
        }
        for (name, value) in custom {
            if has_rounded_number(value) {
                let pointer = format!("/custom/{}", name.replace('~', "~0").replace('/', "~1"));
                self.add(&pointer, "out_of_range", "a whole number of this size would be rounded: send it as a string");
            }
        }
    }

    fn requester(&mut self, requester: &Requester) -> Requester {
        let name = clean_name(&self.line("/requester/name", &requester.name, NAME_CHARS));
        let email = requester.email.trim();
        if email.is_empty() {
            self.add("/requester/email", "required", "this must not be blank");
        } else if !is_address(email) {
            self.add("/requester/email", "invalid", "this is not an e-mail address");
        }
        Requester { name, email: email.to_owned() }
    }
}

/// The shape that HTML's e-mail input accepts, with any script in the local part: something, one `@`, labels between dots.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"@<>(),;:\"[]\\".contains(c);
    text.chars().count() <= ADDRESS_CHARS
        && !local.is_empty()
        && local.chars().all(plain)
        && domain.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        })
}

/// The ticket that a `create` describes, before its first record.
pub(super) fn ticket_of(create: &CreateTicket, id: TicketId, context: &Context<'_>) -> Result<Ticket, Rejection> {
    let limits = context.limits;
    let mut errors = Errors::default();
    let subject = errors.line("/subject", &create.subject, limits.subject_chars);
    errors.body(&create.body, &create.attachments, limits);
    let requester = errors.requester(&create.requester);
    let category = errors.name("/category", create.category.as_deref());
    let team = errors.name("/team", create.team.as_deref());
    let tags = create.tags.as_deref().map(|tags| errors.tags(tags, limits)).unwrap_or_default();
    if let Some(custom) = &create.custom {
        errors.custom(custom, limits);
    }
    errors.files(&create.attachments, &Background::default(), context);
    errors.into_result()?;
    Ok(Ticket {
        id,
        version: Version(1),
        subject,
        status: Status::New,
        priority: create.priority.unwrap_or_default(),
        category,
        tags,
        requester,
        assignee: None,
        team,
        channel: create.channel.unwrap_or_default(),
        created_at: context.now,
        updated_at: context.now,
        first_responded_at: None,
        solved_at: None,
        snoozed_until: None,
        merged_into: None,
        follow_up_of: None,
        links: Vec::new(),
        sla: Sla::default(),
        triage: None,
        message_count: 1,
        last_message_at: Some(context.now),
        mentions: Vec::new(),
        custom: create.custom.clone().unwrap_or_default(),
    })
}

/// What an update comes to on this ticket: the fields that really change, with what follows from them. All or nothing.
pub(super) fn patch_of(ticket: &Ticket, update: &UpdateTicket, context: &Context<'_>) -> Result<Patch, Rejection> {
    let limits = context.limits;
    let mut errors = Errors::default();
    let mut patch = Patch {
        priority: update.priority,
        snoozed_until: update.snoozed_until,
        subject: update.subject.as_deref().map(|subject| errors.line("/subject", subject, limits.subject_chars)),
        category: update.category.as_ref().map(|category| errors.name("/category", category.as_deref())),
        team: update.team.as_ref().map(|team| errors.name("/team", team.as_deref())),
        tags: update.tags.as_deref().map(|tags| errors.tags(tags, limits)),
        assignee: update.assignee.clone(),
        custom: update.custom.clone(),
        ..Patch::default()
    };
    if let Some(custom) = &update.custom {
        errors.custom(custom, limits);
    }
    patch.trim(ticket);
    let team = patch.team.as_ref().unwrap_or(&ticket.team).as_deref();
    match &patch.assignee {
        Some(Some(user)) => {
            if !context.people.is_assignable(user, team) {
                errors.add("/assignee", "not_assignable", format!("{user} cannot hold this ticket"));
            }
        }
        // To take a ticket off somebody is to release it, whatever it is called.
        Some(None) if ticket.assignee.as_ref() != Some(&context.principal.id) => {
            permit(context, Permission::ReleaseOthers)?;
        }
        Some(None) => {}
        // A ticket that goes to another team leaves a holder who is not of that team.
        None => {
            if let Some(holder) = &ticket.assignee
                && patch.team.is_some()
                && !context.people.is_assignable(holder, team)
            {
                if update.assignee.is_some() {
                    errors.add("/assignee", "not_assignable", format!("{holder} cannot hold this ticket"));
                }
                patch.assignee = Some(None);
            }
        }
    }
    errors.into_result()?;
    if let Some(status) = update.status {
        move_to(ticket, &mut patch, status, context.now)?;
    }
    // Nobody holds a new ticket: to hold it is to open it.
    let status = patch.status.unwrap_or(ticket.status);
    if status == Status::New && patch.assignee.as_ref().unwrap_or(&ticket.assignee).is_some() {
        move_to(ticket, &mut patch, Status::Open, context.now)?;
    }
    Ok(patch)
}

/// Moves the ticket to a status, with the fields that follow the status. Staying is no move.
pub(super) fn move_to(ticket: &Ticket, patch: &mut Patch, to: Status, now: Timestamp) -> Result<(), Rejection> {
    let from = ticket.status;
    if from == to {
        return Ok(());
    }
    if !lifecycle::may_become(from, to) {
        return Err(Rejection::IllegalMove { from, to });
    }
    patch.status = Some(to);
    if to == Status::Solved {
        patch.solved_at = Some(Some(now));
    } else if to != Status::Closed && ticket.solved_at.is_some() {
        patch.solved_at = Some(None);
    }
    Ok(())
}

/// The changes that a patch tells, as a person would ask for them.
pub(super) fn changes_of(patch: &Patch) -> UpdateTicket {
    UpdateTicket {
        status: patch.status,
        priority: patch.priority,
        assignee: patch.assignee.clone(),
        team: patch.team.clone(),
        category: patch.category.clone(),
        tags: patch.tags.clone(),
        subject: patch.subject.clone(),
        snoozed_until: patch.snoozed_until,
        custom: patch.custom.clone(),
    }
}

/// Whether a whole number in it lost digits: one that is no i64 and no u64 was read as a float.
fn has_rounded_number(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.is_f64() && number.as_f64().is_some_and(|float| float.fract() == 0.0 && float.abs() >= EXACT_BELOW)
        }
        Value::Array(values) => values.iter().any(has_rounded_number),
        Value::Object(fields) => fields.values().any(has_rounded_number),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A whole number beyond 64 bits would be rounded without a word.
    #[test]
    fn large_whole_numbers_are_told_apart() {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert!(has_rounded_number(&parse("{\"crm\": [123456789012345678901234567890]}")));
        assert!(!has_rounded_number(&parse("18446744073709551615")));
        assert!(!has_rounded_number(&json!({"share": 0.25, "count": 3, "name": "x"})));
    }
}
