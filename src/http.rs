//! The HTTP side of the desk: every route on this page, one file for each noun.
//!
//! Handlers parse, ask one of the desk's services, and answer; no rule lives here. What is the same for all calls (sign-in,
//! permissions, keys, known parameters) is checked in [`call`] from the operations' own descriptions, which are also what the
//! OpenAPI document is made of. `app` mounts [`scope`].

pub mod actions;
pub mod analytics;
pub mod answered;
pub mod assets;
pub mod attachments;
pub mod audit_log;
pub mod auth;
pub mod backups;
pub mod body;
pub mod bulk;
pub mod call;
pub mod desk;
pub mod desk_state;
pub mod docs;
mod edge;
pub mod errors;
pub mod events;
mod finished;
pub mod health;
pub mod invitations;
pub mod list_query;
pub mod me;
pub mod messages;
mod metered;
pub mod metrics;
pub mod openapi;
pub mod operation;
pub mod operations;
pub mod paging;
pub mod params;
pub mod people_list;
pub mod preferences;
pub mod presence;
pub mod proxies;
pub mod queue;
pub mod reply;
pub mod reports;
pub mod request_files;
pub mod request_form;
pub mod request_links;
pub mod session_;
pub mod sessions;
pub mod settings;
pub mod setup;
pub mod shared;
pub mod snapshot;
pub mod strangers;
pub mod tickets;
pub mod tokens;
pub mod triage;
mod unread;
pub mod usage;
pub mod users;

use std::collections::BTreeMap;

use actix_web::dev::HttpServiceFactory;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, Resource, Responder, Route};

pub use desk_state::{Desk, Services};
use finished::Finished;
use operation::Operation;
use reply::Failure;

use crate::protocol::code::Code;
use crate::protocol::problem::Problem;

/// Every call of the API. What is not here does not exist.
fn routes() -> Vec<Routed> {
    vec![
        to(&session_::SIGN_IN, session_::sign_in),
        to(&session_::SIGN_OUT, session_::sign_out),
        to(&setup::SET_UP, setup::set_up),
        to(&sessions::LIST, sessions::list),
        to(&sessions::END, sessions::end),
        to(&me::SHOW, me::show),
        to(&sessions::CHANGE_PASSWORD, sessions::change_password),
        to(&preferences::SHOW, preferences::show),
        to(&preferences::PUT, preferences::put),
        to(&shared::LIST, shared::list),
        to(&shared::PUT, shared::put),
        to(&shared::REMOVE, shared::remove),
        to(&settings::SHOW, settings::show),
        to(&settings::PUT, settings::put),
        to(&desk::SHOW, desk::show),
        to(&people_list::LIST, people_list::list),
        to(&users::LIST, users::list),
        to(&users::CREATE, users::create),
        to(&users::UPDATE, users::update),
        to(&tokens::LIST, tokens::list),
        to(&tokens::CREATE, tokens::create),
        to(&tokens::REVOKE, tokens::revoke),
        to(&invitations::LIST, invitations::list),
        to(&invitations::CREATE, invitations::create),
        to(&invitations::ACCEPT, invitations::accept),
        to(&invitations::WITHDRAW, invitations::withdraw),
        to(&tickets::LIST, tickets::list),
        to(&tickets::CREATE, tickets::create),
        to(&bulk::RUN, bulk::run),
        to(&tickets::SHOW, tickets::show),
        to(&tickets::UPDATE, tickets::update),
        to(&messages::ADD, messages::add),
        to(&attachments::BEGIN, attachments::begin),
        to(&attachments::SHOW, attachments::show),
        to(&attachments::CANCEL, attachments::cancel),
        to(&attachments::SEND, attachments::send),
        to(&attachments::DOWNLOAD, attachments::download),
        to(&attachments::THUMBNAIL, attachments::thumbnail),
        to(&events::OF_TICKET, events::of_ticket),
        to(&actions::CLAIM, actions::claim),
        to(&actions::RELEASE, actions::release),
        to(&actions::SKIP, actions::skip),
        to(&actions::UNDO, actions::undo),
        to(&actions::MERGE, actions::merge),
        to(&actions::LINK, actions::link),
        to(&actions::UNLINK, actions::unlink),
        to(&actions::TRIAGE, actions::triage),
        to(&actions::ACCEPT_TRIAGE, actions::accept_triage),
        to(&actions::REJECT_TRIAGE, actions::reject_triage),
        to(&triage::SIMILAR, triage::similar),
        to(&triage::DRAFT, triage::draft),
        to(&triage::STATS, triage::stats),
        to(&triage::TRY, triage::try_text),
        to(&request_links::LIST, request_links::list),
        to(&request_links::CREATE, request_links::create),
        to(&request_links::REVOKE, request_links::revoke),
        to(&request_form::FORM, request_form::form),
        to(&request_form::CREATE, request_form::create),
        to(&request_form::SHOW, request_form::show),
        to(&request_form::ANSWER, request_form::answer),
        to(&request_form::SOLVE, request_form::solve),
        to(&request_files::BEGIN, request_files::begin),
        to(&request_files::SHOW, request_files::show),
        to(&request_files::CANCEL, request_files::cancel),
        to(&request_files::SEND, request_files::send),
        to(&request_files::DOWNLOAD, request_files::download),
        to(&request_files::THUMBNAIL, request_files::thumbnail),
        to(&presence::TELL, presence::tell),
        to(&queue::SHOW, queue::show),
        to(&queue::CLAIM, queue::claim),
        to(&snapshot::SHOW, snapshot::show),
        to(&events::AFTER, events::after),
        to(&audit_log::LIST, audit_log::list),
        to(&audit_log::EXPORT, audit_log::export),
        to(&errors::REPORT, errors::report),
        to(&errors::LIST, errors::list),
        to(&usage::COUNT, usage::count),
        to(&usage::SHOW, usage::show),
        to(&backups::SHOW, backups::show),
        to(&backups::BEGIN, backups::begin),
        to(&backups::DOWNLOAD, backups::download),
        to(&analytics::LIVE, analytics::live),
        to(&analytics::METRICS, analytics::metrics),
        to(&analytics::SERIES, analytics::series),
        to(&analytics::TRENDS, analytics::trends),
        to(&reports::LIST, reports::list),
        to(&reports::SAVE, reports::save),
        to(&reports::PREVIEW, reports::preview),
        to(&reports::PREVIEW_TICKETS, reports::preview_tickets),
        to(&reports::SHOW, reports::show),
        to(&reports::UPDATE, reports::update),
        to(&reports::REMOVE, reports::remove),
        to(&reports::FILES, reports::files),
        to(&reports::FILE, reports::file),
        to(&reports::RUN, reports::run),
        to(&reports::TICKETS, reports::tickets),
        to(&openapi::SHOW, openapi::show),
        to(&docs::SHOW, docs::show),
        to(&health::LIVE, health::live),
        to(&health::READY, health::ready),
        to(&metrics::SHOW, metrics::show),
        to(&operations::SHOW, operations::show),
    ]
}

struct Routed {
    operation: &'static Operation,
    routes: Vec<Route>,
}

fn to<F, Args>(operation: &'static Operation, handler: F) -> Routed
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let method: Method = operation.method.parse().expect("invariant: an operation's method is one of HTTP's");
    let mut routes = Vec::with_capacity(2);
    if method == Method::GET {
        routes.push(web::head().to(handler.clone()));
    }
    let route = web::method(method);
    routes.push(if operation.is_unsafe() { route.to(Finished(handler)) } else { route.to(handler) });
    Routed { operation, routes }
}

/// The operations, in the order of the page.
pub fn operations() -> Vec<&'static Operation> {
    routes().into_iter().map(|routed| routed.operation).collect()
}

/// The whole HTTP side as one service: the API, the app's files, and `also` (the WebSocket's route), all behind the same edge.
/// Mount it as the only service of the server.
pub fn scope(desk: Desk, also: impl FnOnce(&mut ServiceConfig)) -> impl HttpServiceFactory {
    let mut scope = web::scope("").app_data(Data::new(desk)).configure(also);
    for resource in resources() {
        scope = scope.service(resource);
    }
    scope.default_service(web::to(assets::serve)).wrap(from_fn(edge::guard))
}

/// One for each path, in the page's order: a fixed path stands before the pattern that would take it. The router tries one after
/// the other, so what most calls are about comes first.
fn resources() -> Vec<Resource> {
    let mut order: Vec<&'static str> = Vec::new();
    let mut by_path: BTreeMap<&'static str, (Vec<&'static str>, Vec<Route>)> = BTreeMap::new();
    for routed in routes() {
        let path = routed.operation.path;
        if !by_path.contains_key(path) {
            order.push(path);
        }
        let (methods, routes) = by_path.entry(path).or_default();
        methods.push(routed.operation.method);
        if routed.operation.method == "GET" {
            methods.push("HEAD");
        }
        routes.extend(routed.routes);
    }
    order.sort_by_key(|path| !path.starts_with("/api/v1/tickets"));
    order
        .into_iter()
        .map(|path| {
            let (methods, routes) = by_path.remove(path).expect("invariant: every path in the order has its routes");
            let resource = routes.into_iter().fold(web::resource(path), Resource::route);
            let allow = methods.join(", ");
            resource.default_service(web::to(move |request| refuse_method(request, allow.clone())))
        })
        .collect()
}

/// For addresses that are there only to be read.
pub async fn method_not_allowed(request: HttpRequest) -> Result<&'static str, Failure> {
    refuse_method(request, "GET".to_owned()).await
}

async fn refuse_method(request: HttpRequest, allow: String) -> Result<&'static str, Failure> {
    let detail = format!("{} is not known at this address", request.method());
    Err(Failure { allow: Some(allow), ..Problem::new(Code::MethodNotAllowed, detail).into() })
}
