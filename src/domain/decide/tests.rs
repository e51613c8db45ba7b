//! Each rule and each refusal of a ticket, told as: given these commands, when this one comes, expect that.

use super::super::apply::apply;
use super::super::command::*;
use super::super::ids::UserId;
use super::super::message::{Direction, Visibility};
use super::super::permissions::{PrivateTeams, Role};
use super::super::rules::NamedOption;
use super::super::sla::SlaPolicy;
use super::super::ticket::*;
use super::*;

mod fields;
mod hold;
mod messages;
mod pairs;
mod service_levels;
mod triage;
mod undo;

/// A desk with one ticket, of which the tests ask and tell.
pub(super) struct Desk {
    pub rules: Rules,
    pub now: i64,
    pub state: TicketState,
    /// Every record so far.
    pub history: Vec<Draft>,
    pub commands: u32,
}

/// A Monday, 09:00 UTC.
pub(super) const START: i64 = 1_795_424_400_000;
pub(super) const MINUTE: i64 = 60_000;
pub(super) const LIMITS: FieldLimits = FieldLimits { subject_chars: 20, message_chars: 50, tags: 3, custom_bytes: 40 };

/// ann and bob are agents of every team, sue of billing alone; sam is a supervisor; gone has left.
struct Staff;

impl People for Staff {
    fn is_assignable(&self, user: &UserId, team: Option<&str>) -> bool {
        match user.as_str() {
            "ann" | "bob" | "sam" => true,
            "sue" => team.is_none_or(|team| team == "billing"),
            _ => false,
        }
    }

    fn sees(&self, user: &UserId, team: Option<&str>) -> bool {
        self.is_assignable(user, team)
    }
}

pub(super) fn principal(name: &str) -> Principal {
    if name == "system" {
        return Principal::system();
    }
    Principal {
        id: UserId::from(name),
        name: name.to_uppercase().into(),
        role: if name == "sam" { Role::Supervisor } else { Role::Agent },
        teams: if name == "sue" { ["billing".to_owned()].into() } else { [].into() },
        scopes: None,
    }
}

pub(super) fn rules() -> Rules {
    let option = |id: &str| NamedOption { id: id.to_owned(), name: id.to_owned(), description: String::new() };
    Rules {
        undo_window_ms: 10 * MINUTE,
        close_solved_after_ms: 600 * MINUTE,
        skip_window_ms: 30 * MINUTE,
        promote_after_ms: 240 * MINUTE,
        categories: vec![option("billing")],
        teams: vec![option("support"), option("billing"), option("legal")],
        private_teams: PrivateTeams::new(["legal".to_owned()]),
        sla_policies: Vec::new(),
        triage: true,
    }
}

pub(super) fn policy(name: &str, first: u32, next: u32, resolution: u32) -> SlaPolicy {
    SlaPolicy {
        name: name.to_owned(),
        priorities: Vec::new(),
        teams: Vec::new(),
        categories: Vec::new(),
        first_response_min: Some(first),
        next_response_min: Some(next),
        resolution_min: Some(resolution),
        calendar: None,
    }
}

pub(super) fn new_ticket() -> CreateTicket {
    CreateTicket {
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
    }
}

/// Calls `decide` as `who` at `now`, with everything else as tests have it.
pub(super) fn decided(
    before: Option<&TicketState>,
    id: u64,
    who: &str,
    command: &Command,
    command_id: &str,
    now: i64,
    rules: &Rules,
) -> Result<Decision, Rejection> {
    with_context(who, command_id, now, rules, |context| decide(before, TicketId(id), None, command, context))
}

pub(super) fn with_context<T>(
    who: &str,
    command_id: &str,
    now: i64,
    rules: &Rules,
    run: impl FnOnce(&Context<'_>) -> T,
) -> T {
    run(&Context {
        now: Timestamp::from_millis(now),
        principal: &principal(who),
        command_id: &CommandId::from(command_id),
        live: true,
        rules,
        people: &Staff,
        limits: &LIMITS,
        message_id: MessageId::from(format!("m-{command_id}")),
    })
}

impl Desk {
    pub fn with(rules: Rules) -> Self {
        let opened =
            decided(None, 1, "ann", &Command::Create(new_ticket()), "open", START, &rules).expect("a valid ticket");
        Self { rules, now: START, state: opened.after, history: opened.drafts, commands: 0 }
    }

    pub fn new() -> Self {
        Self::with(rules())
    }

    /// Runs a command one second later. Its id is `c1`, `c2` …
    pub fn run(&mut self, who: &str, command: &Command) -> Result<Vec<Draft>, Rejection> {
        self.commands += 1;
        self.now += 1_000;
        let id = format!("c{}", self.commands);
        let decision = decided(Some(&self.state), 1, who, command, &id, self.now, &self.rules)?;
        self.history.extend(decision.drafts.iter().cloned());
        self.state = decision.after;
        Ok(decision.drafts)
    }

    pub fn ticket(&self) -> &Ticket {
        &self.state.ticket
    }
}

/// What a command came to, in a line: each record with the fields that it changed, or the refusal.
fn told(outcome: Result<Vec<Draft>, Rejection>) -> String {
    match outcome {
        Err(Rejection::InvalidField(errors)) => {
            let errors: Vec<_> = errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect();
            format!("refused: {}", errors.join(", "))
        }
        Err(rejection) => format!("refused: {rejection}"),
        Ok(drafts) if drafts.is_empty() => "nothing".to_owned(),
        Ok(drafts) => drafts.iter().map(line).collect::<Vec<_>>().join("; "),
    }
}

fn line(draft: &Draft) -> String {
    let event = serde_json::to_value(&draft.event).unwrap();
    let serde_json::Value::Object(mut patch) = serde_json::to_value(&draft.patch).unwrap() else { panic!() };
    assert!(patch.remove("updated_at").is_some(), "every patch has updated_at");
    patch.remove("last_message_at");
    if patch.remove("sla").is_some() && draft.patch.sla.as_ref().is_some_and(|sla| sla.paused) {
        patch.insert("paused".to_owned(), true.into());
    }
    let mut text = event["type"].as_str().unwrap().to_owned();
    if let Some(metric) = event["metric"].as_str() {
        text = format!("{text} {metric}");
    }
    for (field, value) in patch {
        text = format!("{text} {field}={}", value.to_string().replace('"', ""));
    }
    text
}

#[track_caller]
fn check(given: &[(&str, Command)], when: (&str, Command), expect: &str) -> Desk {
    check_on(Desk::new(), given, when, expect)
}

#[track_caller]
fn check_on(mut desk: Desk, given: &[(&str, Command)], when: (&str, Command), expect: &str) -> Desk {
    for (who, command) in given {
        if let Err(rejection) = desk.run(who, command) {
            panic!("given {command:?}: {rejection:?}");
        }
    }
    let before = desk.state.clone();
    let outcome = desk.run(when.0, &when.1);
    if outcome.as_ref().map_or(true, Vec::is_empty) {
        assert_eq!(desk.state, before, "what is refused or changes nothing leaves no trace");
    }
    assert_eq!(told(outcome), expect);
    desk
}

fn update(change: impl FnOnce(&mut UpdateTicket)) -> Command {
    let mut update = UpdateTicket::default();
    change(&mut update);
    Command::Update(update)
}

pub(super) fn status(status: Status) -> Command {
    update(|update| update.status = Some(status))
}

pub(super) fn priority(priority: Priority) -> Command {
    update(|update| update.priority = Some(priority))
}

pub(super) fn assign(user: Option<&str>) -> Command {
    update(|update| update.assignee = Some(user.map(UserId::from)))
}

fn team(team: Option<&str>) -> Command {
    update(|update| update.team = Some(team.map(str::to_owned)))
}

fn message(visibility: Visibility, direction: Direction) -> AddMessage {
    AddMessage {
        body: "Hello".to_owned(),
        visibility,
        direction: Some(direction),
        body_format: None,
        last_seen_version: None,
        status: None,
        attachments: Vec::new(),
        mentions: Vec::new(),
    }
}

pub(super) fn reply() -> Command {
    Command::Message(message(Visibility::Public, Direction::Outbound))
}

pub(super) fn note() -> Command {
    Command::Message(message(Visibility::Internal, Direction::Outbound))
}

pub(super) fn asks() -> Command {
    Command::Message(message(Visibility::Public, Direction::Inbound))
}

pub(super) fn reply_and(status: Status) -> Command {
    Command::Message(AddMessage { status: Some(status), ..message(Visibility::Public, Direction::Outbound) })
}

pub(super) fn claim() -> Command {
    Command::Claim(Empty {})
}

pub(super) fn release() -> Command {
    Command::Release(Release::default())
}

pub(super) fn skip() -> Command {
    Command::Skip(Skip { reason: "not mine".to_owned() })
}

pub(super) fn undo(command_id: &str) -> Command {
    Command::Undo(Undo { command_id: CommandId::from(command_id) })
}

fn system(command: SystemCommand) -> Command {
    Command::System(command)
}

pub(super) fn check_sla() -> Command {
    system(SystemCommand::CheckSla)
}
