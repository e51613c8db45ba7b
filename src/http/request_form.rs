//! The public request form, and the private link by which a customer follows a request. Nobody is signed in here: the form is
//! open to anybody while it is switched on, and a link's secret stands in the header `Authorization`, where no other site's
//! page and no log of addresses has it.
//!
//! What goes out is put together here from public messages alone; the ticket itself never leaves.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::auth;
use super::call::{self, Call};
use super::operation::{Access, Answer, Body, KeyUse, Operation, schema};
use super::reply::{self, Failure, Reply};
use super::request_files;
use crate::domain::command::{AddMessage, Command, CreateTicket, UpdateTicket};
use crate::domain::ids::{TicketId, UserId};
use crate::domain::message::{BodyFormat, Direction, Message, Visibility};
use crate::domain::permissions::{Permission, Principal, Role};
use crate::domain::rejection::{FieldError, Rejection};
use crate::domain::ticket::{Channel, Requester, Status};
use crate::people::no_link;
use crate::protocol::code::Code;
use crate::protocol::gateway::{Done, Order};
use crate::protocol::preferences::RequestFormSettings;
use crate::protocol::problem::Problem;
use crate::protocol::requests::{
    AnswerRequest, CreateRequest, NewRequest, RequestForm, RequestMessage, RequestState, RequestView,
};

/// More than anybody writes by hand.
const BODY_CHARS: usize = 20_000;

pub static FORM: Operation = Operation {
    id: "get_request_form",
    path: "/api/v1/request-form",
    tag: "requests",
    summary: "The request form",
    detail: "What it asks for; `not_found` while it is switched off.",
    access: Access::Open,
    answers: &[Answer::json(200, "The form.", schema::<RequestForm>)],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub static CREATE: Operation = Operation {
    id: "create_request",
    method: "POST",
    path: "/api/v1/requests",
    tag: "requests",
    summary: "Write a request",
    detail: "Opens a ticket. The answer's `token` is for the private link, `/request#<token>`, and is shown this once. An address \
             may write `limits.form_posts_per_h` an hour.",
    access: Access::Open,
    key: KeyUse::Refused,
    body: Body::Json(schema::<CreateRequest>),
    answers: &[Answer::json(201, "Taken.", schema::<NewRequest>)],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

/// By the link's secret in place of a sign-in.
const BY_LINK: Operation = Operation {
    tag: "requests",
    access: Access::Open,
    answers: &[Answer::json(200, "The request as its writer sees it.", schema::<RequestView>)],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub static SHOW: Operation = Operation {
    id: "get_request",
    path: "/api/v1/request",
    summary: "Follow a request",
    detail: "With the secret of a private link as the bearer token. Public messages alone. Any other secret is `not_found`.",
    ..BY_LINK
};

pub static ANSWER: Operation = Operation {
    id: "answer_request",
    method: "POST",
    path: "/api/v1/request/messages",
    summary: "Answer by the private link",
    detail: "Opens what was solved again; what is closed stays so, and the answer begins a new request that the link leads to.",
    key: KeyUse::Refused,
    body: Body::Json(schema::<AnswerRequest>),
    ..BY_LINK
};

pub static SOLVE: Operation = Operation {
    id: "solve_request",
    method: "POST",
    path: "/api/v1/request/solve",
    summary: "Say by the private link that it is solved",
    key: KeyUse::Refused,
    codes: &[Code::NotFound, Code::IllegalMove, Code::TicketClosed],
    ..BY_LINK
};

pub async fn form(call: Call) -> Reply {
    let settings = call.desk.people.desk_settings().settings;
    let form = open_form(settings.request_form)?;
    let files = request_files::offered(&call);
    let desk = call.desk.config.desk.name.clone();
    let fields = settings.custom_fields.into_iter().filter(|field| field.on_form).collect();
    let title = if form.title.is_empty() { desk.clone() } else { form.title };
    Ok(reply::json(&call.request, StatusCode::OK, &RequestForm { desk, title, intro: form.intro, fields, files }))
}

pub async fn create(call: Call, payload: Payload) -> Reply {
    let form = open_form(call.desk.people.desk_settings().settings.request_form)?;
    let body: CreateRequest = call.json(payload).await?;
    let mut errors = Vec::new();
    // Said and not swallowed: a browser may have filled it in for a person, who then knows.
    if !body.website.is_empty() {
        errors.push(FieldError::new("/website", "invalid", "this field stays empty"));
    }
    check_body(&body.body, &mut errors);
    request_files::check(&call, &body.attachments, &mut errors);
    let custom = call.desk.people.form_answers(&body.custom).unwrap_or_else(|mut wrong| {
        errors.append(&mut wrong);
        BTreeMap::new()
    });
    refuse(errors)?;
    take_post(&call)?;
    let requester = Requester { name: body.name, email: body.email };
    let by = customer(&requester.name);
    let command = Command::Create(CreateTicket {
        subject: body.subject,
        body: body.body,
        requester,
        priority: None,
        category: None,
        team: form.team,
        tags: None,
        channel: Some(Channel::Web),
        body_format: Some(BodyFormat::Text),
        custom: Some(custom),
        attachments: body.attachments,
    });
    let done = execute(&call, &by, None, command).await.map_err(at_form)?;
    let ticket = changed(&done)?;
    let token = call.desk.people.make_request_link(ticket, None).await?;
    let request = view(&call, ticket).await?;
    Ok(reply::json(&call.request, StatusCode::CREATED, &NewRequest { token, request }))
}

pub async fn show(call: Call) -> Reply {
    let (ticket, _) = linked(&call)?;
    Ok(reply::json(&call.request, StatusCode::OK, &view(&call, ticket).await?))
}

pub async fn answer(call: Call, payload: Payload) -> Reply {
    let (ticket, token) = linked(&call)?;
    let body: AnswerRequest = call.json(payload).await?;
    let mut errors = Vec::new();
    check_body(&body.body, &mut errors);
    request_files::check(&call, &body.attachments, &mut errors);
    refuse(errors)?;
    take_post(&call)?;
    let command = Command::Message(AddMessage {
        body: body.body,
        visibility: Visibility::Public,
        direction: Some(Direction::Inbound),
        body_format: Some(BodyFormat::Text),
        last_seen_version: None,
        status: None,
        mentions: Vec::new(),
        attachments: body.attachments,
    });
    let by = customer_of(&call, ticket).await?;
    let done = execute(&call, &by, Some(ticket), command).await?;
    let answered = changed(&done)?;
    if answered != ticket {
        call.desk.people.move_request_link(&token, answered).await?;
    }
    Ok(reply::json(&call.request, StatusCode::OK, &view(&call, answered).await?))
}

pub async fn solve(call: Call) -> Reply {
    let (ticket, _) = linked(&call)?;
    let by = customer_of(&call, ticket).await?;
    let update = UpdateTicket { status: Some(Status::Solved), ..UpdateTicket::default() };
    execute(&call, &by, Some(ticket), Command::Update(update)).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &view(&call, ticket).await?))
}

pub(super) fn open_form(form: RequestFormSettings) -> Result<RequestFormSettings, Problem> {
    if form.open { Ok(form) } else { Err(Problem::new(Code::NotFound, "this desk has no request form")) }
}

fn check_body(body: &str, errors: &mut Vec<FieldError>) {
    if body.chars().count() > BODY_CHARS {
        errors.push(FieldError::new("/body", "too_long", format!("at most {BODY_CHARS} characters")));
    }
}

fn refuse(errors: Vec<FieldError>) -> Result<(), Problem> {
    if errors.is_empty() { Ok(()) } else { Err(Rejection::InvalidField(errors).into()) }
}

/// The command's fields by the names that they have on the form.
fn at_form(mut problem: Problem) -> Problem {
    for error in &mut problem.errors {
        if let Some(field) = error.pointer.strip_prefix("/requester") {
            error.pointer = field.to_owned();
        }
    }
    problem
}

/// Counted once the form's own fields are in order, so that a mistyped one costs nothing.
fn take_post(call: &Call) -> Result<(), Failure> {
    let taken = call.desk.strangers.take_post(call.desk.proxies.peer(&call.request));
    taken.map_err(call::too_many)
}

/// The ticket of the link that the caller came with, and the link's secret.
pub(super) fn linked(call: &Call) -> Result<(TicketId, String), Problem> {
    let token = auth::bearer(&call.request).ok_or_else(no_link)?;
    let ticket = call.desk.people.ticket_of_link(token)?.ok_or_else(no_link)?;
    Ok((ticket, token.to_owned()))
}

async fn customer_of(call: &Call, ticket: TicketId) -> Result<Arc<Principal>, Problem> {
    let ticket = call.desk.reads.ticket(ticket, &customer("")).await?;
    Ok(customer(&ticket.requester.name))
}

/// The requester, as the rules see one: bound to the one ticket by the link and to these few commands by this file.
fn customer(name: &str) -> Arc<Principal> {
    Arc::new(Principal {
        id: UserId::requester(),
        name: name.into(),
        role: Role::Admin,
        teams: Arc::from([]),
        scopes: Some(Arc::from([Permission::TicketRead, Permission::TicketWrite])),
    })
}

async fn execute(
    call: &Call,
    by: &Arc<Principal>,
    ticket: Option<TicketId>,
    command: Command,
) -> Result<Done, Problem> {
    let order = Order {
        principal: Arc::clone(by),
        command_id: call::fresh_command_id(),
        keyed: false,
        live: false,
        ticket,
        expect: None,
        command,
    };
    call.desk.gateway.execute(order).await
}

fn changed(done: &Done) -> Result<TicketId, Problem> {
    let ticket = done.ticket.as_ref().map(|ticket| ticket.id);
    ticket.ok_or_else(|| Problem::new(Code::Internal, "the desk lost the ticket that it changed"))
}

async fn view(call: &Call, id: TicketId) -> Result<RequestView, Problem> {
    let ticket = call.desk.reads.ticket(id, &customer("")).await?;
    let public = public_messages(call, id).await?;
    Ok(RequestView {
        desk: call.desk.config.desk.name.clone(),
        id,
        subject: ticket.subject.clone(),
        state: state_of(ticket.status),
        requester: ticket.requester.name.clone(),
        created_at: ticket.created_at,
        follow_up_of: ticket.follow_up_of,
        files: request_files::offered(call),
        messages: public
            .into_iter()
            .map(|message| RequestMessage {
                id: message.id,
                own: message.direction == Direction::Inbound,
                author: message.author.name,
                body: message.body,
                body_format: message.body_format,
                attachments: message.attachments,
                at: message.at,
            })
            .collect(),
    })
}

/// What customers see of a thread; nothing else of it leaves by a link.
pub(super) async fn public_messages(call: &Call, id: TicketId) -> Result<Vec<Message>, Problem> {
    let mut messages = call.desk.reads.thread(id, &customer("")).await?;
    messages.retain(|message| message.visibility == Visibility::Public);
    Ok(messages)
}

/// How the desk sorts its work is its own business.
fn state_of(status: Status) -> RequestState {
    match status {
        Status::New | Status::Open | Status::OnHold => RequestState::Open,
        Status::Pending => RequestState::Waiting,
        Status::Solved => RequestState::Solved,
        Status::Closed => RequestState::Closed,
    }
}
