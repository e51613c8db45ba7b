//! The WebSocket: `GET /api/v1/ws`, subprotocol `hotdesk.v1`.
//!
//! This file lets a socket in (who, from where, how many) and joins the two halves of a session: the actor that hears the
//! client, and the outlet that the socket pulls records from. It never decides about tickets and never queues records.

mod frames;
mod inbox;
mod socket;
mod talk;

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix::Addr;
use actix_http::ws::Codec;
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws;

use crate::actors::hub::Local;
use crate::actors::hub::outlet::Outlet;
use crate::actors::presence::Presence;
use crate::audit::Audit;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ids::Epoch;
use crate::domain::permissions::Permission;
use crate::domain::rejection::Rejection;
use crate::line::Line;
use crate::people::{Credential, People, State as CredentialState};
use crate::protocol::code::Code;
use crate::protocol::frame::SUBPROTOCOL;
use crate::protocol::gateway::Gateway;
use crate::protocol::problem::Problem;
use frames::Guarded;
use socket::Outgoing;
use talk::Session;

/// Where the socket is.
pub const PATH: &str = "/api/v1/ws";

/// What every session needs of the desk.
pub struct Door {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub gateway: Arc<dyn Gateway>,
    pub people: Arc<People>,
    pub audit: Arc<Audit>,
    pub presence: Addr<Presence>,
    pub epoch: Epoch,
}

/// Opens a session for a request whose sign-in is known. The caller has checked the `Origin` of cookies.
pub fn open(
    request: &HttpRequest,
    payload: web::Payload,
    door: &Arc<Door>,
    local: &Rc<Local>,
    credential: Arc<Credential>,
    line: Option<Arc<Line>>,
    from: Option<IpAddr>,
) -> Result<HttpResponse, Problem> {
    if local.shared.draining.load(Ordering::Relaxed) {
        return Err(Problem::new(Code::Unavailable, "the server is going away: come back in a moment"));
    }
    let CredentialState::Live(principal) = credential.state() else {
        return Err(Problem::new(Code::NotSignedIn, "the sign-in is no longer valid"));
    };
    // A socket is for those who read tickets, as every call that shows one.
    if !principal.may(Permission::TicketRead) {
        return Err(Rejection::Forbidden(Permission::TicketRead).into());
    }
    let mut response = ws::handshake_with_protocols(request, &[SUBPROTOCOL])
        .map_err(|error| Problem::new(Code::BadHandshake, error.to_string()))?;
    let outlet = Outlet::open(Rc::clone(local), Arc::clone(&credential), principal, line);
    let session = Session::new(Arc::clone(door), Rc::clone(local), Rc::clone(&outlet), credential, from);
    let most = door.config.session.max_message_bytes;
    let codec = Codec::new().max_size(most as usize);
    let inner = ws::WebsocketContext::with_codec(session, Guarded::new(payload, u64::from(most)), codec);
    Ok(response.streaming(Outgoing::new(inner, outlet)))
}
