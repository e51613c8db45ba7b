//! Each rule and each refusal of a ticket, told as: given these commands, when this one comes, expect that.

use super::super::apply::apply;
use super::super::command::*;
use super::super::ids::UserId;
use super::super::message::{Direction, Visibility};
use super::super::permissions::Role;
use super::super::rules::NamedOption;
use super::super::sla::SlaPolicy;
use super::super::ticket::*;
use super::*;

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
    }
}

pub(super) fn rules() -> Rules {
    let option = |id: &str| NamedOption { id: id.to_owned(), name: id.to_owned(), description: String::new() };
    Rules {
        undo_window_ms: 10 * MINUTE,
        skip_window_ms: 30 * MINUTE,
        promote_after_ms: 240 * MINUTE,
        categories: vec![option("billing")],
        teams: vec![option("support"), option("billing")],
        sla_policies: Vec::new(),
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
        text.push_str(&format!(" {metric}"));
    }
    for (field, value) in patch {
        text.push_str(&format!(" {field}={}", value.to_string().replace('"', "")));
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

/// T3: a new ticket is refused with all its bad fields at once.
#[test]
fn t3_create_tells_every_bad_field() {
    let check = |change: &dyn Fn(&mut CreateTicket), expect: &str| {
        let mut ticket = new_ticket();
        change(&mut ticket);
        let outcome = decided(None, 1, "ann", &Command::Create(ticket), "c", START, &rules());
        assert_eq!(told(outcome.map(|_| Vec::new())), expect);
    };
    check(&|_| {}, "nothing");
    check(&|t| t.subject = " ".to_owned(), "refused: /subject required");
    check(&|t| t.subject = "ü".repeat(20), "nothing");
    check(&|t| t.subject = "ü".repeat(21), "refused: /subject too_long");
    check(&|t| t.body = "x".repeat(51), "refused: /body too_long");
    check(&|t| t.custom = Some([("k".to_owned(), "x".repeat(40).into())].into()), "refused: /custom too_long");
    check(&|t| t.tags = Some(vec!["a".into(), " a".into(), "b".into(), "c".into()]), "nothing");
    check(&|t| t.tags = Some(["a", "b", "c", "d"].map(String::from).to_vec()), "refused: /tags too_many");
    check(&|t| t.tags = Some(vec!["a".into(), " ".into()]), "refused: /tags/1 required");
    check(&|t| t.category = Some(String::new()), "refused: /category required");
    check(&|t| t.team = Some(String::new()), "refused: /team required");
    check(&|t| t.requester.name = String::new(), "refused: /requester/name required");
    for address in
        ["", "rita", "@example.com", "rita@", "ri ta@example.com", "a@b@c.de", "rita@example..com", "rita@-x.de"]
    {
        let code = if address.is_empty() { "required" } else { "invalid" };
        check(&|t| t.requester.email = address.to_owned(), &format!("refused: /requester/email {code}"));
    }
    for address in ["rita@example.com", "rita+desk@mail.example.co", "r.i'ta@localhost", "ünal@köln.example"] {
        check(&|t| t.requester.email = address.to_owned(), "nothing");
    }
    check(
        &|t| {
            t.subject = String::new();
            t.body = String::new();
            t.requester = Requester { name: String::new(), email: "x".to_owned() };
        },
        "refused: /subject required, /body required, /requester/name required, /requester/email invalid",
    );
}

/// T4: the body of a new ticket is its first message, public and from the requester; the first record has every field.
#[test]
fn t4_create_opens_a_ticket_with_its_first_message() {
    let create = CreateTicket {
        subject: "  Printer on fire ".to_owned(),
        tags: Some(vec!["b".into(), " a ".into(), "b".into()]),
        ..new_ticket()
    };
    let decision = decided(None, 7, "ann", &Command::Create(create), "c", START, &rules()).unwrap();
    let [draft] = decision.drafts.as_slice() else { panic!("one record") };
    let Event::Created { message } = &draft.event else { panic!("created") };
    assert_eq!((message.direction, message.visibility), (Direction::Inbound, Visibility::Public));
    assert_eq!((message.author.id.as_ref(), message.author.name.as_str()), (None, "Rita"));
    assert_eq!(message.author.email.as_deref(), Some("rita@example.com"));
    assert_eq!(draft.patch.clone().into_ticket(TicketId(7), Version(1)).as_ref(), Some(&decision.after.ticket));
    let ticket = &decision.after.ticket;
    assert_eq!((ticket.version, ticket.status, ticket.message_count), (Version(1), Status::New, 1));
    assert_eq!(
        (ticket.subject.as_str(), ticket.tags.as_slice()),
        ("Printer on fire", ["a".to_owned(), "b".to_owned()].as_slice())
    );
    assert_eq!(decision.after.background.waiting_since, Some(ticket.created_at));
}

/// T5: a command that changes nothing leaves no record.
#[test]
fn t5_no_change_is_no_record() {
    check(&[], ("ann", update(|_| {})), "nothing");
    check(&[], ("ann", status(Status::New)), "nothing");
    check(&[], ("ann", priority(Priority::Normal)), "nothing");
    check(
        &[("ann", update(|u| u.tags = Some(vec!["a".into(), "b".into()])))],
        ("bob", update(|u| u.tags = Some(vec!["b ".into(), "a".into(), "b".into()]))),
        "nothing",
    );
    check(&[("ann", claim())], ("ann", claim()), "nothing");
    check(&[("ann", status(Status::Pending))], ("bob", status(Status::Pending)), "nothing");
}

/// T6: an update changes all its fields or none, and its record names only what really changed.
#[test]
fn t6_update_is_all_or_nothing() {
    check(
        &[],
        (
            "ann",
            update(|u| {
                u.subject = Some("Fire out".to_owned());
                u.priority = Some(Priority::High);
                u.category = Some(Some("billing".to_owned()));
                u.team = Some(None);
            }),
        ),
        "updated category=billing priority=high subject=Fire out",
    );
    check(
        &[],
        (
            "ann",
            update(|u| {
                u.priority = Some(Priority::High);
                u.subject = Some(String::new());
                u.tags = Some(vec![String::new()]);
                u.assignee = Some(Some("gone".into()));
            }),
        ),
        "refused: /subject required, /tags/0 required, /assignee not_assignable",
    );
    check(
        &[("ann", status(Status::Open))],
        (
            "ann",
            update(|u| {
                u.priority = Some(Priority::High);
                u.status = Some(Status::New);
            }),
        ),
        "refused: a ticket that is open cannot become new",
    );
    check(
        &[("ann", update(|u| u.category = Some(Some("billing".to_owned()))))],
        ("ann", update(|u| u.category = Some(None))),
        "updated category=null",
    );
    let desk =
        check(&[], ("ann", update(|u| u.custom = Some([("k".to_owned(), 1.into())].into()))), "updated custom={k:1}");
    let Event::Updated { changes } = &desk.history[1].event else { panic!("updated") };
    assert!(changes.custom.is_some() && changes.priority.is_none());
}

/// T1: each move of the table is done, every other one refused.
#[test]
fn t1_update_moves_along_the_table() {
    let all = [Status::New, Status::Open, Status::Pending, Status::OnHold, Status::Solved, Status::Closed];
    let moves = super::super::lifecycle::moves();
    for from in all {
        for to in all {
            let mut desk = Desk::new();
            if from != Status::New {
                desk.run("ann", &status(from)).unwrap();
            }
            let outcome = desk.run("ann", &status(to));
            match outcome {
                Ok(drafts) => assert!(if from == to { drafts.is_empty() } else { moves[&from].contains(&to) }),
                Err(Rejection::TicketClosed) => assert_eq!(from, Status::Closed),
                Err(rejection) => {
                    assert_eq!(rejection, Rejection::IllegalMove { from, to });
                    assert!(!moves[&from].contains(&to));
                }
            }
        }
    }
}

/// T7: a ticket is assigned only to somebody who may hold it. T8: holding a new ticket opens it.
#[test]
fn t7_t8_assignment() {
    check(&[], ("ann", assign(Some("bob"))), "updated assignee=bob status=open");
    check(&[("ann", status(Status::Pending))], ("ann", assign(Some("bob"))), "updated assignee=bob");
    check(
        &[],
        (
            "ann",
            update(|u| {
                u.assignee = Some(Some("bob".into()));
                u.status = Some(Status::New);
            }),
        ),
        "updated assignee=bob status=open",
    );
    check(
        &[],
        (
            "ann",
            update(|u| {
                u.assignee = Some(Some("bob".into()));
                u.status = Some(Status::Pending);
            }),
        ),
        "updated assignee=bob status=pending",
    );
    check(&[], ("ann", assign(Some("gone"))), "refused: /assignee not_assignable");
    check(&[("ann", team(Some("support")))], ("ann", assign(Some("sue"))), "refused: /assignee not_assignable");
    check(
        &[("ann", team(Some("support")))],
        (
            "ann",
            update(|u| {
                u.assignee = Some(Some("sue".into()));
                u.team = Some(Some("billing".to_owned()));
            }),
        ),
        "updated assignee=sue status=open team=billing",
    );
    check(&[("ann", assign(Some("bob")))], ("ann", assign(None)), "updated assignee=null");
}

/// T9: a ticket that goes to another team leaves a holder who is not of that team.
#[test]
fn t9_another_team_leaves_the_holder() {
    check(&[("ann", assign(Some("sue")))], ("ann", team(Some("support"))), "updated assignee=null team=support");
    check(&[("ann", assign(Some("sue")))], ("ann", team(Some("billing"))), "updated team=billing");
    check(
        &[("ann", assign(Some("sue")))],
        (
            "ann",
            update(|u| {
                u.assignee = Some(Some("sue".into()));
                u.team = Some(Some("support".to_owned()));
            }),
        ),
        "refused: /assignee not_assignable",
    );
}

/// T10: a claim assigns the ticket to the caller and opens it. T11: what somebody holds is not claimed from him.
/// T12: what is solved or closed is not claimed.
#[test]
fn t10_t11_t12_claim() {
    let desk = check(&[], ("ann", claim()), "claimed assignee=ann status=open");
    let note = desk.state.background.claim.as_ref().unwrap();
    assert!(note.live && !note.answered);
    assert_eq!(desk.state.background.holders, [UserId::from("ann")]);
    check(&[("bob", status(Status::Pending))], ("ann", claim()), "claimed assignee=ann status=open");
    check(&[("ann", claim())], ("bob", claim()), "refused: ann holds this ticket");
    check(&[("ann", claim())], ("sam", claim()), "refused: ann holds this ticket");
    check(&[("ann", status(Status::Solved))], ("ann", claim()), "refused: a ticket that is solved cannot become open");
    check(&[("ann", status(Status::Closed))], ("ann", claim()), "refused: a closed ticket is never changed again");
    check(&[("ann", team(Some("support")))], ("sue", claim()), "refused: this needs the permission ticket_write");
    check(&[("ann", team(Some("billing")))], ("sue", claim()), "claimed assignee=sue status=open");
}

/// T13: the holder or a supervisor gives a ticket back; its status stays.
#[test]
fn t13_release() {
    check(&[("ann", claim())], ("ann", release()), "released assignee=null");
    check(&[("ann", claim())], ("sam", release()), "released assignee=null");
    check(&[("ann", claim())], ("bob", release()), "refused: this needs the permission release_others");
    check(&[], ("ann", release()), "refused: nobody holds this ticket");
    check(&[("ann", claim()), ("ann", status(Status::Pending))], ("ann", release()), "released assignee=null");
    let desk = check(&[("ann", claim()), ("ann", release())], ("bob", claim()), "claimed assignee=bob");
    assert_eq!(desk.state.background.holders, [UserId::from("ann"), UserId::from("bob")]);
}

/// T14: a skip is remembered against the skipper for the window, and gives back what the skipper holds.
#[test]
fn t14_skip() {
    let desk = check(&[], ("ann", skip()), "skipped");
    let (background, window) = (&desk.state.background, desk.rules.skip_window_ms);
    let at = |after_ms| Timestamp::from_millis(desk.now + after_ms);
    assert!(background.is_skipped_by(&"ann".into(), at(window - 1), window));
    assert!(!background.is_skipped_by(&"ann".into(), at(window), window));
    assert!(!background.is_skipped_by(&"bob".into(), at(0), window));
    check(&[("ann", claim())], ("ann", skip()), "skipped assignee=null");
    check(&[("ann", claim())], ("bob", skip()), "skipped");
    let desk = check(&[("ann", skip()), ("bob", skip())], ("ann", skip()), "skipped");
    assert_eq!(desk.state.background.skips.len(), 2);
    check(&[], ("ann", Command::Skip(Skip { reason: " ".to_owned() })), "refused: /reason required");
}

/// T15: a requester's message opens again what waits or is solved, and ends a snooze.
#[test]
fn t15_the_requester_opens_again() {
    for (given, expect) in [
        (Status::Pending, "message_added message_count=2 status=open"),
        (Status::OnHold, "message_added message_count=2 status=open"),
        (Status::Solved, "message_added message_count=2 solved_at=null status=open"),
        (Status::Open, "message_added message_count=2"),
    ] {
        check(&[("ann", status(given))], ("ann", asks()), expect);
    }
    check(&[], ("ann", asks()), "message_added message_count=2");
    let snooze = update(|u| u.snoozed_until = Some(Some(Timestamp::from_millis(START + 60 * MINUTE))));
    check(&[("ann", snooze.clone())], ("ann", asks()), "message_added message_count=2 snoozed_until=null");
    check(&[("ann", snooze.clone())], ("ann", note()), "message_added message_count=2");
    check(&[("ann", snooze)], ("ann", update(|u| u.snoozed_until = Some(None))), "updated snoozed_until=null");
    let inbound_note = Command::Message(message(Visibility::Internal, Direction::Inbound));
    check(&[], ("ann", inbound_note), "refused: /visibility invalid");
}

/// T16: a message to a closed ticket opens a follow-up with its requester, team, category and tags.
#[test]
fn t16_a_closed_ticket_is_followed_up() {
    let given = [("ann", team(Some("billing"))), ("ann", claim()), ("ann", reply()), ("ann", status(Status::Closed))];
    let desk = check(&given, ("ann", asks()), "refused: a closed ticket is never changed again");
    let follow_up = |who: &str, command: &Command| {
        let Command::Message(add) = command else { panic!("a message") };
        with_context(who, "f", desk.now, &desk.rules, |context| {
            decide_follow_up(&desk.state, TicketId(9), add, context)
        })
    };
    let decision = follow_up("ann", &asks()).unwrap();
    let ticket = &decision.after.ticket;
    assert_eq!((ticket.id, ticket.version, ticket.follow_up_of), (TicketId(9), Version(1), Some(TicketId(1))));
    assert_eq!((ticket.status, ticket.assignee.as_ref(), ticket.message_count), (Status::New, None, 1));
    assert_eq!((&ticket.requester, &ticket.team), (&desk.ticket().requester, &desk.ticket().team));
    assert_eq!(ticket.first_responded_at, None);
    let answered = follow_up("ann", &reply()).unwrap().after.ticket;
    assert_eq!((answered.status, answered.first_responded_at), (Status::Open, Some(answered.created_at)));
    let Command::Message(mut add) = reply() else { panic!("a message") };
    add.last_seen_version = Some(Version(1));
    assert!(matches!(follow_up("ann", &Command::Message(add)), Err(Rejection::StaleReply { .. })));
}

/// T17: the first public answer of a person sets `first_responded_at`, once. T19: an answer opens a new ticket; a status
/// goes with its message or the message is refused.
#[test]
fn t17_t19_answers() {
    let desk = check(
        &[],
        ("ann", reply()),
        "message_added first_responded_at=2026-11-23T09:00:01.000Z message_count=2 status=open",
    );
    assert_eq!(desk.state.background.waiting_since, None);
    check(&[("ann", reply())], ("ann", reply()), "message_added message_count=3");
    check(&[], ("ann", note()), "message_added message_count=2");
    let desk = check(&[], ("system", reply()), "message_added message_count=2");
    assert!(desk.state.background.waiting_since.is_some(), "an automatic message is no answer");
    check(
        &[("ann", reply())],
        ("ann", reply_and(Status::Solved)),
        "message_added message_count=3 solved_at=2026-11-23T09:00:02.000Z status=solved",
    );
    check(&[("ann", reply())], ("ann", reply_and(Status::New)), "refused: a ticket that is open cannot become new");
    check(
        &[("ann", status(Status::Pending))],
        (
            "ann",
            Command::Message(AddMessage {
                status: Some(Status::Solved),
                ..message(Visibility::Public, Direction::Inbound)
            }),
        ),
        "message_added message_count=2 solved_at=2026-11-23T09:00:02.000Z status=solved",
    );
    let blank = AddMessage { body: " \n".to_owned(), ..message(Visibility::Public, Direction::Outbound) };
    check(&[], ("ann", Command::Message(blank)), "refused: /body required");
    let long = AddMessage { body: "x".repeat(51), ..message(Visibility::Public, Direction::Outbound) };
    check(&[], ("ann", Command::Message(long)), "refused: /body too_long");
}

/// T18: an answer that was written before a public message came is refused.
#[test]
fn t18_stale_replies() {
    let seen = |version| {
        Command::Message(AddMessage {
            last_seen_version: Some(Version(version)),
            ..message(Visibility::Public, Direction::Outbound)
        })
    };
    check(&[("bob", reply())], ("ann", seen(1)), "refused: a public message came after version 1");
    check(&[("bob", asks())], ("ann", seen(1)), "refused: a public message came after version 1");
    check(&[("bob", reply())], ("ann", seen(2)), "message_added message_count=3");
    check(&[("bob", reply()), ("bob", note())], ("ann", seen(2)), "message_added message_count=4");
    check(
        &[("bob", claim())],
        ("bob", seen(1)),
        "message_added first_responded_at=2026-11-23T09:00:02.000Z message_count=2",
    );
}

/// T20: `solved_at` is there while a ticket is solved, and stays when it is then closed.
#[test]
fn t20_solved_at() {
    let solved = || ("ann", status(Status::Solved));
    let desk = check(&[], solved(), "updated solved_at=2026-11-23T09:00:01.000Z status=solved");
    assert_eq!(desk.state.background.waiting_since, None);
    check(&[solved()], ("ann", status(Status::Open)), "updated solved_at=null status=open");
    check(&[solved()], ("ann", status(Status::Closed)), "updated status=closed");
    check(&[], ("ann", status(Status::Closed)), "updated status=closed");
}

/// T23: nothing changes a closed ticket.
#[test]
fn t23_closed_is_never_changed() {
    let commands =
        [update(|_| {}), priority(Priority::High), reply(), note(), asks(), claim(), release(), skip(), assign(None)];
    for command in commands {
        check(&[("ann", status(Status::Closed))], ("sam", command), "refused: a closed ticket is never changed again");
    }
    check(&[("ann", status(Status::Closed))], ("sam", undo("c1")), "refused: a closed ticket is never changed again");
    check(&[("ann", status(Status::Closed))], ("system", check_sla()), "nothing");
    let vanished = system(SystemCommand::ReleaseVanished { holder: "ann".into() });
    check(&[("ann", claim()), ("ann", status(Status::Closed))], ("system", vanished), "nothing");
}

/// T24: refusals come in this order: existence, expected version, closed, the rest.
#[test]
fn t24_the_order_of_refusals() {
    let rules = rules();
    let ask = |state: Option<&TicketState>, expect: Option<u64>, command: &Command| {
        with_context("ann", "c", START, &rules, |context| {
            decide(state, TicketId(1), expect.map(Version), command, context).map(|_| ()).unwrap_err()
        })
    };
    let mut desk = Desk::new();
    assert_eq!(ask(None, Some(3), &claim()), Rejection::NotFound);
    assert_eq!(
        ask(Some(&desk.state), Some(3), &status(Status::New)),
        Rejection::VersionConflict { version: Version(1) }
    );
    desk.run("ann", &status(Status::Closed)).unwrap();
    assert_eq!(ask(Some(&desk.state), Some(1), &claim()), Rejection::VersionConflict { version: Version(2) });
    assert_eq!(
        ask(
            Some(&desk.state),
            Some(2),
            &Command::Message(AddMessage { body: String::new(), ..message(Visibility::Public, Direction::Outbound) })
        ),
        Rejection::TicketClosed
    );
    assert_eq!(ask(Some(&desk.state), None, &check_sla()), Rejection::Forbidden(Permission::SettingsWrite));
}

/// T25: the desk gives back what a vanished holder claimed live and did not answer, and nothing else.
#[test]
fn t25_a_vanished_holder() {
    let vanished = || system(SystemCommand::ReleaseVanished { holder: "ann".into() });
    check(&[("ann", claim())], ("system", vanished()), "released assignee=null");
    check(&[("ann", claim()), ("ann", note())], ("system", vanished()), "nothing");
    check(&[("ann", claim()), ("bob", note())], ("system", vanished()), "released assignee=null");
    check(&[("bob", claim())], ("system", vanished()), "nothing");
    check(&[("bob", assign(Some("ann")))], ("system", vanished()), "nothing");
    check(&[], ("system", vanished()), "nothing");
    let desk = check(&[("ann", claim())], ("system", vanished()), "released assignee=null");
    let Event::Released { vanished, .. } = &desk.history[2].event else { panic!("released") };
    assert_eq!(vanished.as_ref().map(UserId::as_str), Some("ann"));
}

fn proposal() -> Triage {
    Triage {
        state: TriageState::Proposed,
        source: Some(TriageSource::Learner),
        reason: None,
        at: Timestamp::from_millis(START),
        category: Some(Guess { value: "billing".to_owned(), confidence: 0.9 }),
        priority: Some(Guess { value: Priority::Urgent, confidence: 0.8 }),
        sentiment: None,
        language: None,
        summary: Some("Fire".to_owned()),
        tags: vec!["fire".to_owned()],
        spam: None,
        duplicate_of: None,
        reply_draft: None,
    }
}

fn propose(based_on: u64, apply: UpdateTicket) -> Command {
    system(SystemCommand::Triage { based_on: Version(based_on), triage: Box::new(proposal()), apply })
}

#[track_caller]
fn check_triage(given: &[(&str, Command)], when: (&str, Command), expect: &str) -> Desk {
    let mut desk = Desk::new();
    for (who, command) in given {
        desk.run(who, command).unwrap();
    }
    let mut drafts = desk.run(when.0, &when.1);
    if let Ok(drafts) = &mut drafts {
        for draft in drafts {
            draft.patch.triage = None;
        }
    }
    assert_eq!(told(drafts), expect);
    desk
}

/// T26: what triage proposes is dropped, field by field, where a person changed the field since the version it read.
#[test]
fn t26_people_go_before_proposals() {
    let apply = || UpdateTicket {
        priority: Some(Priority::Urgent),
        category: Some(Some("billing".to_owned())),
        tags: Some(vec!["fire".to_owned()]),
        ..UpdateTicket::default()
    };
    let desk = check_triage(
        &[],
        ("system", propose(1, apply())),
        "triage_changed category=billing priority=urgent tags=[fire]",
    );
    assert_eq!(desk.ticket().triage, Some(proposal()));
    check_triage(
        &[("ann", priority(Priority::Low))],
        ("system", propose(1, apply())),
        "triage_changed category=billing tags=[fire]",
    );
    check_triage(
        &[("ann", priority(Priority::Low))],
        ("system", propose(2, apply())),
        "triage_changed category=billing priority=urgent tags=[fire]",
    );
    check_triage(
        &[("ann", priority(Priority::Low)), ("ann", undo("c1"))],
        ("system", propose(1, apply())),
        "triage_changed category=billing tags=[fire]",
    );
    check_triage(
        &[("system", priority(Priority::Low))],
        ("system", propose(1, apply())),
        "triage_changed category=billing priority=urgent tags=[fire]",
    );
    let reject = Command::TriageReject(TriageChoice::default());
    check_triage(&[("system", propose(1, apply())), ("ann", reject)], ("system", propose(1, apply())), "nothing");
    check_triage(
        &[("ann", status(Status::Closed))],
        ("system", propose(1, apply())),
        "refused: a closed ticket is never changed again",
    );
}

/// T27: people take a proposal, or parts of it, or refuse it.
#[test]
fn t27_accept_and_reject() {
    let proposed = || ("system", propose(1, UpdateTicket::default()));
    let accept = |fields: Option<&[&str]>| {
        Command::TriageAccept(TriageChoice {
            fields: fields.map(|fields| fields.iter().map(ToString::to_string).collect()),
        })
    };
    let reject = |fields: Option<&[&str]>| {
        Command::TriageReject(TriageChoice {
            fields: fields.map(|fields| fields.iter().map(ToString::to_string).collect()),
        })
    };
    let state = |desk: &Desk| desk.ticket().triage.as_ref().unwrap().state;
    let desk = check_triage(
        &[proposed()],
        ("ann", accept(None)),
        "triage_changed category=billing priority=urgent tags=[fire]",
    );
    assert_eq!(state(&desk), TriageState::Accepted);
    check_triage(&[proposed(), ("ann", accept(None))], ("bob", accept(None)), "nothing");
    check_triage(&[proposed()], ("ann", accept(Some(&["priority"]))), "triage_changed priority=urgent");
    check_triage(&[proposed()], ("ann", accept(Some(&["mood"]))), "refused: /fields/0 unknown_value");
    let desk = check_triage(&[proposed()], ("ann", reject(None)), "triage_changed");
    assert_eq!(state(&desk), TriageState::Rejected);
    let desk = check_triage(&[proposed()], ("ann", reject(Some(&["category", "tags"]))), "triage_changed");
    assert_eq!(state(&desk), TriageState::Proposed);
    let desk = check_triage(
        &[proposed(), ("ann", reject(Some(&["category", "tags"])))],
        ("ann", accept(None)),
        "triage_changed priority=urgent",
    );
    assert_eq!(state(&desk), TriageState::Accepted);
    check_triage(&[], ("ann", accept(None)), "refused:  invalid");
    let desk = check_triage(
        &[proposed(), ("ann", accept(None))],
        ("ann", undo("c2")),
        "undone category=null priority=normal tags=[]",
    );
    assert_eq!(state(&desk), TriageState::Proposed);
}

/// T28: what the requester writes is his, what the desk writes is its author's.
#[test]
fn t28_authors() {
    let mut desk = Desk::new();
    let mut author = |command: &Command| match &desk.run("ann", command).unwrap()[0].event {
        Event::MessageAdded { message } => serde_json::to_string(&message.author).unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(author(&asks()), r#"{"name":"Rita","email":"rita@example.com"}"#);
    assert_eq!(author(&reply()), r#"{"id":"ann","name":"ANN"}"#);
    assert_eq!(author(&note()), r#"{"id":"ann","name":"ANN"}"#);
}

/// T30: undo brings back what the command changed. T34: and the one before it, and so on.
#[test]
fn t30_t34_undo() {
    check(&[("ann", priority(Priority::High))], ("ann", undo("c1")), "undone priority=normal");
    check(&[("ann", claim())], ("ann", undo("c1")), "undone assignee=null status=new");
    check(&[("ann", status(Status::Solved))], ("ann", undo("c1")), "undone solved_at=null status=new");
    let desk = check(&[("ann", claim()), ("ann", release())], ("ann", undo("c2")), "undone assignee=ann");
    assert!(desk.state.background.claim.is_some(), "the claim stands again");
    let desk = check(&[("ann", claim()), ("ann", skip())], ("ann", undo("c2")), "undone assignee=ann");
    assert!(desk.state.background.skips.is_empty());
    let desk = check(&[("ann", skip()), ("ann", skip())], ("ann", undo("c2")), "undone");
    assert_eq!(desk.state.background.skips.len(), 1);
    let given = [("ann", priority(Priority::High)), ("ann", priority(Priority::Low)), ("ann", undo("c2"))];
    check(&given, ("ann", undo("c1")), "undone priority=normal");
    check(&[("ann", priority(Priority::High)), ("bob", claim())], ("ann", undo("c1")), "undone priority=normal");
    check(
        &[("ann", claim()), ("ann", reply())],
        ("ann", undo("c1")),
        "refused: this cannot be undone: the ticket is in hand by now",
    );
}

/// T31: where somebody acted on the same field since, undo is refused and names him.
#[test]
fn t31_undo_is_refused_when_the_field_moved_on() {
    let cannot = |given: &[(&str, Command)], when: (&str, Command)| {
        let mut desk = Desk::new();
        given.iter().for_each(|(who, command)| drop(desk.run(who, command).unwrap()));
        match desk.run(when.0, &when.1) {
            Err(Rejection::CannotUndo { by, .. }) => by.map(|by| by.to_string()),
            other => panic!("{other:?}"),
        }
    };
    let by_bob = Some("bob".to_owned());
    assert_eq!(
        cannot(&[("ann", priority(Priority::High)), ("bob", priority(Priority::Low))], ("ann", undo("c1"))),
        by_bob
    );
    assert_eq!(cannot(&[("ann", status(Status::Pending)), ("bob", asks())], ("ann", undo("c1"))), by_bob);
    assert_eq!(cannot(&[("ann", claim()), ("ann", release()), ("bob", claim())], ("ann", undo("c2"))), by_bob);
    assert_eq!(cannot(&[("ann", status(Status::Open)), ("bob", claim())], ("ann", undo("c1"))), by_bob);
    assert_eq!(cannot(&[("ann", priority(Priority::High)), ("ann", undo("c1"))], ("ann", undo("c1"))), None);
    assert_eq!(cannot(&[("ann", reply())], ("ann", undo("c1"))), None);
    assert_eq!(cannot(&[], ("ann", undo("open"))), None);
    assert_eq!(cannot(&[], ("ann", undo("nothing"))), None);
}

/// T32: undo is for the author and for supervisors, within the window.
#[test]
fn t32_who_may_undo_and_for_how_long() {
    let given = [("ann", priority(Priority::High))];
    check(&given, ("bob", undo("c1")), "refused: this needs the permission undo_others");
    check(&given, ("sam", undo("c1")), "undone priority=normal");
    for (later_ms, expect) in [
        (10 * MINUTE, "undone priority=normal"),
        (
            10 * MINUTE + 1,
            "refused: this cannot be undone: there is no such command within the time that undo reaches back",
        ),
    ] {
        let mut desk = Desk::new();
        desk.run("ann", &given[0].1).unwrap();
        desk.now += later_ms - 1_000;
        assert_eq!(told(desk.run("ann", &undo("c1"))), expect);
    }
}

/// T35: two people's commands of one name are told apart, and what undo keeps is bounded.
#[test]
fn t35_what_undo_remembers() {
    let mut desk = Desk::new();
    let ask = |desk: &Desk, who: &str, command: &Command| {
        decided(Some(&desk.state), 1, who, command, "same", desk.now, &desk.rules)
    };
    desk.state = ask(&desk, "ann", &priority(Priority::High)).unwrap().after;
    desk.state = ask(&desk, "bob", &update(|u| u.subject = Some("Other".to_owned()))).unwrap().after;
    let undone = decided(Some(&desk.state), 1, "ann", &undo("same"), "u", desk.now, &desk.rules).unwrap().after;
    assert_eq!((undone.ticket.priority, undone.ticket.subject.as_str()), (Priority::Normal, "Other"));
    for round in 0..200 {
        let level = if round % 2 == 0 { Priority::High } else { Priority::Low };
        desk.run("ann", &priority(level)).unwrap();
        desk.run(&format!("user{round}"), &skip()).unwrap();
    }
    assert_eq!(desk.state.background.recent.len(), super::super::state::UNDO_MEMORY_COMMANDS);
    assert_eq!(desk.state.background.skips.len(), super::super::state::SKIP_MEMORY_PEOPLE);
}

/// Two tickets on one desk, 1 and 2.
struct Pair {
    rules: Rules,
    one: TicketState,
    two: TicketState,
}

impl Pair {
    fn new() -> Self {
        let rules = rules();
        let open = |id| decided(None, id, "ann", &Command::Create(new_ticket()), "open", START, &rules).unwrap().after;
        Self { one: open(1), two: open(2), rules }
    }

    /// Runs a command on ticket 1.
    fn run(&mut self, who: &str, id: &str, command: &Command) -> String {
        self.run_on(1, who, id, command)
    }

    fn run_on(&mut self, on: u64, who: &str, id: &str, command: &Command) -> String {
        let (this, other) = if on == 1 { (&self.one, &self.two) } else { (&self.two, &self.one) };
        let outcome = if needs_other(this, command).is_some() {
            assert_eq!(needs_other(this, command), Some(other.ticket.id));
            with_context(who, id, START + 1_000, &self.rules, |context| {
                decide_pair(this, other, None, command, context)
            })
        } else {
            decided(Some(this), on, who, command, id, START + 1_000, &self.rules)
                .map(|this| (this, Decision { drafts: Vec::new(), after: other.clone() }))
        };
        match outcome {
            Err(rejection) => told(Err(rejection)),
            Ok((this, other)) => {
                let text = format!("{} | {}", told(Ok(this.drafts)), told(Ok(other.drafts)));
                let (one, two) = if on == 1 { (this.after, other.after) } else { (other.after, this.after) };
                (self.one, self.two) = (one, two);
                text
            }
        }
    }
}

fn merge(into: u64) -> Command {
    Command::Merge(Merge { into: TicketId(into) })
}

fn link(to: u64, kind: LinkKind) -> Command {
    Command::Link(LinkTicket { to: TicketId(to), kind })
}

fn unlink(to: u64, kind: LinkKind) -> Command {
    Command::Unlink(LinkTicket { to: TicketId(to), kind })
}

/// T21: a merge closes the one ticket and links it to the other; both or none.
#[test]
fn t21_merge() {
    let mut pair = Pair::new();
    assert_eq!(
        pair.run("ann", "m", &merge(2)),
        "merged merged_into=2 status=closed | merged_in links=[{kind:merged_from,to:1}]"
    );
    assert_eq!(pair.run("ann", "m2", &merge(2)), "refused: a closed ticket is never changed again");
    assert_eq!(pair.run_on(2, "ann", "m3", &merge(1)), "refused: /into invalid");
    let mut pair = Pair::new();
    assert_eq!(pair.run("ann", "m", &merge(1)), "refused: /into invalid");
    let alone = decided(Some(&pair.one), 1, "ann", &merge(9), "m", START, &pair.rules);
    assert_eq!(told(alone.map(|_| Vec::new())), "refused: /into invalid");
}

/// T22: a link stands on both sides, each in its own words, and only once.
#[test]
fn t22_links() {
    let mut pair = Pair::new();
    assert_eq!(
        pair.run("ann", "1", &link(2, LinkKind::CausedBy)),
        "linked links=[{kind:caused_by,to:2}] | linked links=[{kind:causes,to:1}]"
    );
    assert_eq!(pair.run("ann", "2", &link(2, LinkKind::CausedBy)), "nothing | nothing");
    assert_eq!(pair.run_on(2, "ann", "3", &link(1, LinkKind::Causes)), "nothing | nothing");
    assert_eq!(pair.run("ann", "4", &link(2, LinkKind::MergedFrom)), "refused: /kind invalid");
    assert_eq!(pair.run("ann", "5", &link(1, LinkKind::Related)), "refused: /to invalid");
    assert_eq!(pair.run("ann", "6", &unlink(2, LinkKind::Related)), "nothing | nothing");
    assert_eq!(pair.run_on(2, "ann", "7", &unlink(1, LinkKind::Causes)), "unlinked links=[] | unlinked links=[]");
    assert_eq!(
        pair.run_on(2, "ann", "8", &undo("7")),
        "undone links=[{kind:causes,to:1}] | undone links=[{kind:caused_by,to:2}]"
    );
    assert_eq!(pair.run("ann", "9", &undo("1")), "undone links=[] | undone links=[]");
    assert_eq!(pair.run_on(2, "ann", "10", &status(Status::Closed)), "updated status=closed | nothing");
    assert_eq!(pair.run("ann", "11", &link(2, LinkKind::Related)), "refused: /to invalid");
    for kind in [LinkKind::Related, LinkKind::CausedBy, LinkKind::Causes, LinkKind::DuplicateOf, LinkKind::DuplicatedBy]
    {
        assert_eq!(kind.inverse().and_then(LinkKind::inverse), Some(kind));
    }
}

/// T33: the undo of a merge opens the closed ticket again, from either side, both or none.
#[test]
fn t33_undo_of_a_merge() {
    for side in [1, 2] {
        let mut pair = Pair::new();
        pair.run("bob", "c", &claim());
        let before = pair.one.ticket.clone();
        pair.run("ann", "m", &merge(2));
        pair.run_on(2, "bob", "n", &note());
        let told = pair.run_on(side, "ann", "u", &undo("m"));
        assert!(told.contains("merged_into=null status=open") && told.contains("links=[]"), "{told}");
        assert_eq!(Ticket { version: before.version, ..pair.one.ticket.clone() }, Ticket { ..before });
    }
    let mut pair = Pair::new();
    pair.run("ann", "m", &merge(2));
    assert_eq!(pair.run("bob", "u", &undo("m")), "refused: this needs the permission undo_others");
    pair.run_on(2, "bob", "c", &status(Status::Closed));
    assert_eq!(pair.run("ann", "u", &undo("m")), "refused: this cannot be undone: the other ticket is closed");
    assert_eq!(pair.run_on(2, "ann", "u", &undo("m")), "refused: a closed ticket is never changed again");
}

fn with_sla() -> Desk {
    Desk::with(Rules {
        sla_policies: vec![
            SlaPolicy { priorities: vec![Priority::Urgent], ..policy("Urgent", 10, 10, 60) },
            SlaPolicy { teams: vec!["billing".to_owned()], ..policy("Billing", 20, 20, 90) },
            policy("All", 30, 20, 120),
        ],
        ..rules()
    })
}

/// The due times in minutes after the start, `-` where there is none; `!` before a missed one.
fn dues(desk: &Desk) -> String {
    let sla = &desk.ticket().sla;
    SlaMetric::ALL
        .map(|metric| match sla.due(metric) {
            Some(due) => {
                let missed = desk.state.background.clocks.get(metric).is_some_and(|clock| clock.breached);
                format!("{}{}", if missed { "!" } else { "" }, (due.as_millis() - START) as f64 / MINUTE as f64)
            }
            None => "-".to_owned(),
        })
        .join(" ")
}

impl Desk {
    /// Runs a command at this many minutes after the start.
    fn at(&mut self, minutes: i64, who: &str, command: &Command) -> String {
        self.now = START + minutes * MINUTE - 1_000;
        told(self.run(who, command))
    }
}

/// T40: the first policy that matches applies, and is chosen anew when what it looks at changes.
#[test]
fn t40_policies() {
    let mut desk = with_sla();
    assert_eq!((desk.ticket().sla.policy.as_deref(), dues(&desk).as_str()), (Some("All"), "30 - 120"));
    assert_eq!(desk.at(5, "ann", &priority(Priority::Urgent)), "updated priority=urgent");
    assert_eq!((desk.ticket().sla.policy.as_deref(), dues(&desk).as_str()), (Some("Urgent"), "10 - 60"));
    desk.at(6, "ann", &team(Some("billing")));
    assert_eq!(desk.ticket().sla.policy.as_deref(), Some("Urgent"));
    desk.at(7, "ann", &priority(Priority::Low));
    assert_eq!((desk.ticket().sla.policy.as_deref(), dues(&desk).as_str()), (Some("Billing"), "20 - 90"));
    desk.at(8, "ann", &status(Status::Pending));
    desk.at(28, "ann", &priority(Priority::Urgent));
    assert_eq!((desk.ticket().sla.policy.as_deref(), dues(&desk).as_str()), (Some("Urgent"), "- - -"));
    desk.at(38, "ann", &status(Status::Open));
    assert_eq!(dues(&desk), "40 - 90");
}

/// T41: the first public answer meets the first target. T42: each further message of the requester starts the next one, until
/// the next public answer.
#[test]
fn t41_t42_responses() {
    let mut desk = with_sla();
    assert_eq!(desk.at(1, "ann", &asks()), "message_added message_count=2");
    assert_eq!(desk.at(2, "ann", &note()), "message_added message_count=3");
    assert_eq!(dues(&desk), "30 - 120");
    assert!(desk.at(5, "ann", &reply()).ends_with("; sla_fulfilled first_response"));
    assert_eq!(dues(&desk), "- - 120");
    assert_eq!(desk.at(10, "ann", &asks()), "message_added message_count=5; sla_activated next_response");
    assert_eq!(dues(&desk), "- 30 120");
    assert_eq!(desk.at(11, "ann", &asks()), "message_added message_count=6");
    assert_eq!(dues(&desk), "- 30 120");
    assert_eq!(desk.at(12, "ann", &reply()), "message_added message_count=7; sla_fulfilled next_response");
    assert_eq!(desk.at(13, "ann", &reply()), "message_added message_count=8");
    assert_eq!(dues(&desk), "- - 120");
    assert!(!desk.ticket().sla.breached);
}

/// T43: solving meets the resolution target and ends the others; opening again starts it anew.
#[test]
fn t43_resolution() {
    let mut desk = with_sla();
    desk.at(1, "ann", &reply());
    assert!(desk.at(5, "ann", &status(Status::Solved)).ends_with("; sla_fulfilled resolution"));
    assert_eq!(dues(&desk), "- - -");
    assert!(
        desk.at(50, "ann", &asks()).ends_with("status=open; sla_activated next_response; sla_activated resolution")
    );
    assert_eq!(dues(&desk), "- 70 170");
    assert!(
        desk.at(60, "ann", &reply_and(Status::Solved))
            .ends_with("; sla_fulfilled next_response; sla_fulfilled resolution")
    );
    assert_eq!(dues(&desk), "- - -");
    let mut desk = with_sla();
    assert_eq!(desk.at(5, "ann", &status(Status::Closed)), "updated status=closed");
    assert_eq!((dues(&desk).as_str(), desk.state.next_breach_at()), ("- - -", None));
    let mut desk = with_sla();
    desk.at(5, "ann", &status(Status::Pending));
    assert!(desk.at(9, "ann", &status(Status::Solved)).ends_with("; sla_fulfilled resolution"));
    assert!(!desk.ticket().sla.paused);
}

/// T44: the clocks stand still while a ticket is pending or on hold.
#[test]
fn t44_pauses() {
    let mut desk = with_sla();
    assert_eq!(desk.at(10, "ann", &status(Status::Pending)), "updated status=pending; sla_paused paused=true");
    let Event::SlaPaused { spent_ms } = &desk.history.last().unwrap().event else { panic!("paused") };
    assert_eq!(spent_ms.values().copied().collect::<Vec<_>>(), [10 * MINUTE, 10 * MINUTE]);
    assert_eq!((dues(&desk).as_str(), desk.state.next_breach_at()), ("- - -", None));
    assert_eq!(desk.at(15, "ann", &status(Status::OnHold)), "updated status=on_hold");
    assert_eq!(desk.at(200, "system", &check_sla()), "nothing");
    assert_eq!(desk.at(200, "ann", &asks()), "message_added message_count=2 status=open; sla_resumed");
    assert_eq!(dues(&desk), "220 - 310");
    let told = desk.at(201, "ann", &reply_and(Status::Pending));
    assert!(told.ends_with("sla_fulfilled first_response; sla_paused paused=true"), "{told}");
    let told = desk.at(210, "ann", &asks());
    assert!(told.ends_with("sla_resumed; sla_activated next_response"), "{told}");
    assert_eq!(dues(&desk), "- 230 319");
}

/// T45: a missed target is a record by the desk, once; its due time stays until it is met. T49: the timer is told of
/// the next target that runs and is not missed yet.
#[test]
fn t45_t49_breaches() {
    let at = |minutes: i64| Some(Timestamp::from_millis(START + minutes * MINUTE));
    let mut desk = with_sla();
    assert_eq!(desk.state.next_breach_at(), at(30));
    assert_eq!(desk.at(29, "system", &check_sla()), "nothing");
    assert_eq!(desk.at(30, "system", &check_sla()), "sla_breached first_response");
    assert_eq!((dues(&desk).as_str(), desk.state.next_breach_at()), ("!30 - 120", at(120)));
    assert_eq!(desk.at(31, "system", &check_sla()), "nothing");
    assert!(desk.at(40, "ann", &reply()).ends_with("sla_fulfilled first_response"));
    assert_eq!(dues(&desk), "- - 120");
    assert_eq!(desk.at(41, "ann", &asks()), "message_added message_count=3; sla_activated next_response");
    assert_eq!(desk.at(500, "system", &check_sla()), "sla_breached next_response; sla_breached resolution");
    assert_eq!(desk.state.next_breach_at(), None);
    let sla = &desk.ticket().sla;
    assert!(sla.breached);
    assert_eq!(sla.breaches, [SlaMetric::FirstResponse, SlaMetric::NextResponse, SlaMetric::Resolution]);
    let mut desk = with_sla();
    let told = desk.at(35, "ann", &reply());
    assert!(told.starts_with("sla_breached first_response; message_added"), "what the timer was late for: {told}");
    assert_eq!(desk.history[1].by, UserId::system());
    let mut desk = with_sla();
    desk.at(35, "ann", &status(Status::Pending));
    desk.at(40, "ann", &status(Status::Open));
    assert_eq!((dues(&desk).as_str(), desk.state.next_breach_at()), ("!35 - 125", at(125)));
}

/// T48: undo leaves the clocks as if nothing had been, where nothing else moved them; else they go on from where they are.
#[test]
fn t48_undo_and_the_clocks() {
    let mut desk = with_sla();
    let before = desk.ticket().sla.clone();
    desk.at(5, "ann", &status(Status::Pending));
    assert_eq!(desk.at(9, "ann", &undo("c1")), "undone status=new");
    assert_eq!((&desk.ticket().sla, dues(&desk).as_str()), (&before, "30 - 120"));
    desk.at(10, "ann", &status(Status::Solved));
    desk.at(11, "ann", &undo("c3"));
    assert_eq!(dues(&desk), "30 - 120");
    desk.at(12, "ann", &priority(Priority::Urgent));
    desk.at(13, "ann", &undo("c5"));
    assert_eq!(desk.ticket().sla.breaches, [SlaMetric::FirstResponse], "missed under the other policy: that happened");
    let mut desk = with_sla();
    desk.at(5, "ann", &status(Status::Pending));
    desk.at(7, "bob", &reply());
    assert!(desk.at(9, "ann", &priority(Priority::Urgent)).starts_with("updated"));
    let told = desk.at(10, "sam", &undo("c1"));
    assert_eq!(told, "refused: this cannot be undone: the ticket is in hand by now");
    let mut desk = with_sla();
    desk.at(1, "ann", &status(Status::Open));
    desk.at(5, "ann", &status(Status::Pending));
    desk.at(7, "bob", &reply());
    let told = desk.at(10, "ann", &undo("c2"));
    assert_eq!(told, "undone status=open; sla_resumed");
    assert_eq!(dues(&desk), "- - 125");
}

/// T61: a replay of the records gives the very state that deciding gave, without the desk's settings.
#[test]
fn t61_replay_needs_no_rules() {
    let mut desk = with_sla();
    desk.at(5, "ann", &claim());
    desk.at(6, "ann", &reply_and(Status::Pending));
    desk.at(9, "ann", &asks());
    desk.at(300, "ann", &reply_and(Status::Solved));
    let replayed = desk.history.iter().fold(None, |state, draft| Some(apply(state, draft)));
    assert_eq!(replayed, Some(desk.state));
}
