//! A request that passed everything that is the same for all calls: it is one of the table's, its query parameters are known,
//! its caller is signed in, allowed and not a foreign page, its key is well-formed. Handlers take it first. Who the caller is and
//! what it may do is looked at again behind every body, which may take its time.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::future::{Ready, ready};
use std::sync::{Arc, OnceLock};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{Data, Payload as BodyStream};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::auth;
use super::body;
use super::desk_state::Desk;
use super::operation::{Access, KeyUse, Operation};
use super::params::{Params, digits};
use super::reply::Failure;
use crate::audit::{Action, Actor, Deed};
use crate::domain::command::Command;
use crate::domain::ids::{CommandId, TicketId, UserId, Version};
use crate::domain::permissions::{Permission, Principal};
use crate::domain::rejection::Rejection;
use crate::people::{Allowance, Credential, Keyed, Kind, State};
use crate::protocol::code::Code;
use crate::protocol::gateway::{Done, Order};
use crate::protocol::problem::Problem;

/// A key has at most so many characters.
const KEY_CHARS: usize = 200;

pub struct Call {
    pub desk: Desk,
    pub request: HttpRequest,
    pub params: Params,
    operation: &'static Operation,
    caller: Option<Caller>,
    /// The caller as it stood once the body had arrived.
    renewed: OnceCell<Arc<Principal>>,
    pub(super) key: Option<CommandId>,
}

struct Caller {
    credential: Arc<Credential>,
    principal: Arc<Principal>,
}

impl FromRequest for Call {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::admit(request))
    }
}

impl Call {
    fn admit(request: &HttpRequest) -> Result<Self, Failure> {
        let desk = request.app_data::<Data<Desk>>().expect("invariant: the router carries the desk").get_ref().clone();
        let asked = request.extensions().get::<Asked>().copied();
        let Asked(operation) =
            asked.expect("invariant: a handler is reached by its operation's route, through the edge");
        let caller = match operation.access {
            Access::Open => {
                // Probes and pages are asked by machines that cannot wait.
                if operation.path.starts_with("/api/") {
                    take_as_stranger(request, &desk)?;
                }
                None
            }
            Access::SignedIn | Access::OwnAccount | Access::Needs(_) => Some(Caller::of(request, &desk)?),
            Access::Operations => {
                super::health::check_operations(request, &desk)?;
                None
            }
        };
        if operation.is_unsafe() {
            let by_cookie = caller.as_ref().is_none_or(|caller| caller.credential.kind() == Kind::Cookie);
            if by_cookie {
                auth::refuse_foreign(request, &desk.config)?;
            }
        }
        if let Some(caller) = &caller {
            allow(operation, &caller.principal)?;
        }
        let key = match operation.key {
            KeyUse::Ignored => None,
            KeyUse::Taken => key(request)?,
            KeyUse::Refused if request.headers().contains_key("idempotency-key") => {
                let detail = "this call takes no Idempotency-Key";
                return Err(Problem::new(Code::IdempotencyNotSupported, detail).into());
            }
            KeyUse::Refused => None,
        };
        let params = Params::parse(request.query_string(), operation.query)?;
        Ok(Self { desk, request: request.clone(), params, operation, caller, renewed: OnceCell::new(), key })
    }

    /// Who is asking. Only calls that need a sign-in have somebody.
    pub fn principal(&self) -> &Arc<Principal> {
        self.renewed.get().unwrap_or_else(|| &self.caller().principal)
    }

    pub fn credential(&self) -> &Arc<Credential> {
        &self.caller().credential
    }

    /// Writes what the caller did into the audit log.
    pub fn note(&self, deed: Deed) {
        self.desk.audit.note(self.actor(), deed);
    }

    /// The same for who has just come in by this call.
    pub fn note_by(&self, who: &UserId, deed: Deed) {
        self.desk.audit.note(Actor { who: Some(who.clone()), ..self.actor() }, deed);
    }

    pub fn note_often(&self, deed: Deed) {
        self.desk.audit.note_often(self.actor(), deed);
    }

    /// Writes into the audit log what was tried in vain.
    pub fn or_refused<T>(&self, action: Action, tried: Result<T, Problem>) -> Result<T, Problem> {
        tried.inspect_err(|problem| self.note_often(Deed::refused(action).with(problem.code.wire())))
    }

    fn actor(&self) -> Actor {
        let mut actor = Actor { from: self.desk.proxies.peer(&self.request), ..Actor::default() };
        if let Some(caller) = &self.caller {
            actor.who = Some(caller.principal.id.clone());
            actor.via = Some(caller.credential.id());
        }
        actor
    }

    /// The caller as it stands now, for answers that take a while.
    pub fn still(&self) -> Result<Arc<Principal>, Problem> {
        let caller = Caller::live(self.credential().clone())?;
        Ok(caller.principal)
    }

    /// Refuses who was sent away meanwhile. Strangers come by what is theirs to do, which is looked at where it is done.
    pub fn is_let_in_still(&self) -> Result<(), Problem> {
        if self.caller.is_some() { self.still().map(drop) } else { Ok(()) }
    }

    fn caller(&self) -> &Caller {
        self.caller.as_ref().expect("invariant: the operation needs a sign-in")
    }

    /// The ticket of the path. What is no number is no ticket.
    pub fn ticket(&self) -> Result<TicketId, Problem> {
        let id = self.request.match_info().get("id").and_then(digits).filter(|id| *id > 0);
        id.map(TicketId).ok_or_else(|| Problem::new(Code::NotFound, "there is no such ticket"))
    }

    /// The `Idempotency-Key`, where one was given and the call takes it.
    pub fn key(&self) -> Option<&CommandId> {
        self.key.as_ref()
    }

    pub fn path_id(&self) -> &str {
        self.request.match_info().get("id").unwrap_or_default()
    }

    /// The key and what it is compared with, for requests that are no command on a ticket.
    pub fn keyed(&self) -> Option<Keyed> {
        let path = format!("{} {}", self.request.method(), self.request.path());
        self.key.clone().map(|key| Keyed { key, path })
    }

    pub async fn json<T: DeserializeOwned>(&self, payload: BodyStream) -> Result<T, Problem> {
        let body = body::json(&self.request, payload, &self.desk.config.limits).await?;
        self.renew()?;
        Ok(body)
    }

    pub async fn optional_json<T: DeserializeOwned>(&self, payload: BodyStream) -> Result<T, Problem> {
        let body = body::optional_json(&self.request, payload, &self.desk.config.limits).await?;
        self.renew()?;
        Ok(body)
    }

    /// Refuses who has lost the right while the body was on its way, and goes on with what the caller is now. No look-up, no
    /// allocation: this runs for every call with a body.
    fn renew(&self) -> Result<(), Problem> {
        if self.caller.is_none() {
            return Ok(());
        }
        let now = self.still()?;
        allow(self.operation, &now)?;
        // A body is read once.
        let _ = self.renewed.set(now);
        Ok(())
    }

    /// Sends a command through the desk's door.
    pub async fn execute(&self, ticket: Option<TicketId>, command: Command) -> Result<Done, Problem> {
        let principal = self.principal().clone();
        let expect = match ticket {
            Some(id) => self.expect(id).await?,
            None => None,
        };
        let order = Order {
            principal,
            command_id: self.key.clone().unwrap_or_else(fresh_command_id),
            keyed: self.key.is_some(),
            live: false,
            ticket,
            expect,
            command,
        };
        self.desk.gateway.execute(order).await
    }

    /// The versions that `If-Match` asks for, for what is no ticket. `None` asks for none.
    pub fn expected_versions(&self) -> Result<Option<Vec<Version>>, Problem> {
        Ok(match if_match(&self.request)? {
            None | Some(IfMatch::Any) => None,
            Some(IfMatch::Versions(versions)) => Some(versions),
        })
    }

    /// The version that `If-Match` asks for. Of a list it is the one where the ticket stands, if that is in it.
    async fn expect(&self, id: TicketId) -> Result<Option<Version>, Problem> {
        let versions = match if_match(&self.request)? {
            None | Some(IfMatch::Any) => return Ok(None),
            Some(IfMatch::Versions(versions)) => versions,
        };
        if let [version] = versions.as_slice() {
            return Ok(Some(*version));
        }
        let now = self.desk.reads.ticket(id, self.principal()).await?.version;
        // No version at all is 0, which no ticket ever has: a conflict.
        Ok(Some(if versions.contains(&now) { now } else { Version::ZERO }))
    }
}

impl Caller {
    fn of(request: &HttpRequest, desk: &Desk) -> Result<Self, Failure> {
        Ok(Self::live(identify(request, desk)?)?)
    }

    fn live(credential: Arc<Credential>) -> Result<Self, Problem> {
        match credential.state() {
            State::Live(principal) => Ok(Self { credential, principal }),
            State::Revoked => Err(Problem::new(Code::NotSignedIn, "the session has ended: sign in again")),
            State::RoleWithdrawn => Err(Problem::new(Code::Forbidden, "your role was changed a moment ago")),
        }
    }
}

/// What the edge tells of a request once it is answered: who asked, and how much is left.
pub struct Seen {
    pub credential: Option<Arc<Credential>>,
    pub allowance: Option<Allowance>,
}

/// Whose credential comes with a request, within the limits of callers and of those who guess.
pub fn identify(request: &HttpRequest, desk: &Desk) -> Result<Arc<Credential>, Failure> {
    let credential = match auth::credential(request, desk) {
        Ok(credential) => credential,
        Err(problem) => {
            // Guessing has its limit too.
            take_as_stranger(request, desk)?;
            return Err(problem.into());
        }
    };
    let taken = credential.take_call();
    request.extensions_mut().insert(Seen { credential: Some(credential.clone()), allowance: taken.ok() });
    taken.map_err(too_many)?;
    Ok(credential)
}

fn take_as_stranger(request: &HttpRequest, desk: &Desk) -> Result<(), Failure> {
    let taken = desk.strangers.take_call(desk.proxies.peer(request));
    request.extensions_mut().insert(Seen { credential: None, allowance: taken.ok() });
    taken.map(drop).map_err(too_many)
}

pub(super) fn too_many(wait_ms: u64) -> Failure {
    let seconds = wait_ms.div_ceil(1000);
    let problem = Problem::new(Code::TooMany, format!("more calls than allowed: try again in {seconds} s"));
    Failure { retry_after_s: Some(seconds), ..problem.into() }
}

fn allow(operation: &Operation, principal: &Principal) -> Result<(), Problem> {
    let needed = match operation.access {
        Access::Needs(permission) => permission,
        Access::OwnAccount if principal.scopes.is_some() => Permission::TokensOwn,
        _ => return Ok(()),
    };
    if principal.may(needed) { Ok(()) } else { Err(Rejection::Forbidden(needed).into()) }
}

/// A command id for those who gave none.
pub fn fresh_command_id() -> CommandId {
    CommandId::from(Uuid::now_v7().to_string())
}

/// The operation that a request is routed to, as the edge found it.
#[derive(Clone, Copy)]
pub struct Asked(pub &'static Operation);

impl Asked {
    pub fn of(method: &str, pattern: &str) -> Option<Self> {
        static INDEX: OnceLock<HashMap<(&'static str, &'static str), &'static Operation>> = OnceLock::new();
        let index = INDEX.get_or_init(|| {
            super::operations().into_iter().map(|operation| ((operation.method, operation.path), operation)).collect()
        });
        let method = if method == "HEAD" { "GET" } else { method };
        index.get(&(method, pattern)).copied().map(Self)
    }
}

fn key(request: &HttpRequest) -> Result<Option<CommandId>, Problem> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
    let chars = text.chars().count();
    if chars == 0 || chars > KEY_CHARS {
        let detail = format!("an Idempotency-Key has 1 to {KEY_CHARS} characters");
        return Err(Problem::field("/Idempotency-Key", "invalid", detail));
    }
    Ok(Some(CommandId::from(text)))
}

enum IfMatch {
    /// `*`
    Any,
    Versions(Vec<Version>),
}

fn if_match(request: &HttpRequest) -> Result<Option<IfMatch>, Problem> {
    let mut versions = Vec::new();
    let mut any = false;
    for value in request.headers().get_all(header::IF_MATCH) {
        for tag in value.to_str().unwrap_or("?").split(',').map(str::trim) {
            match tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) {
                // A tag that was never given out matches nothing.
                Some(inner) => versions.push(Version(digits(inner).unwrap_or(0))),
                None if tag == "*" => any = true,
                // If-Match compares strongly, and a weak tag never does.
                None if tag.starts_with("W/\"") => versions.push(Version::ZERO),
                None => return Err(Problem::field("/If-Match", "invalid", "expected an ETag like \"7\"")),
            }
        }
    }
    Ok(match (any, versions.is_empty()) {
        (true, _) => Some(IfMatch::Any),
        (false, true) => None,
        (false, false) => Some(IfMatch::Versions(versions)),
    })
}
