//! What somebody showed to be let in, for as long as it is good. Held by each request and by each WebSocket session, which
//! asks [`Credential::state`] before it sends and whenever [`super::People::changes`] ticks. It never goes to disk or wire.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use governor::clock::{Clock as _, QuantaClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::account::Account;
use crate::clock::Clock;
use crate::domain::ids::UserId;
use crate::domain::permissions::{Permission, Principal, Role};
use crate::domain::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A browser's session. Unsafe requests with it are checked for where they come from.
    Cookie,
    /// An API token in `Authorization: Bearer`.
    Token,
}

/// A session or a token: one grant for all the credentials that came of it.
pub(super) struct Grant {
    /// A token's id; a session's digest.
    pub id: String,
    pub kind: Kind,
    pub name: String,
    pub account: Arc<Account>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// It came from the environment: neither stored nor listed.
    pub given: bool,
    pub revoked: AtomicBool,
    pub scopes: Scopes,
    /// A browser's.
    pub place: Place,
    pub use_: Use,
}

/// Where a browser signed in from, and what it called itself.
#[derive(Clone, Debug, Default)]
pub struct Place {
    pub address: Option<IpAddr>,
    pub client: Option<String>,
}

/// What a token is for, and its user as seen through that.
#[derive(Default)]
pub(super) struct Scopes {
    allowed: Option<Arc<[Permission]>>,
    /// The user that it was made of, and what came of it: made again when the user changes.
    narrowed: ArcSwapOption<(Arc<Principal>, Arc<Principal>)>,
}

impl Scopes {
    pub fn new(allowed: Option<Vec<Permission>>) -> Self {
        Self { allowed: allowed.map(Arc::from), narrowed: ArcSwapOption::empty() }
    }

    pub fn listed(&self) -> Option<Vec<Permission>> {
        self.allowed.as_ref().map(|allowed| allowed.to_vec())
    }

    fn narrow(&self, whole: Arc<Principal>) -> Arc<Principal> {
        let Some(allowed) = &self.allowed else { return whole };
        if let Some(made) = &*self.narrowed.load()
            && Arc::ptr_eq(&made.0, &whole)
        {
            return Arc::clone(&made.1);
        }
        let narrow = Arc::new(Principal { scopes: Some(Arc::clone(allowed)), ..(*whole).clone() });
        self.narrowed.store(Some(Arc::new((whole, Arc::clone(&narrow)))));
        narrow
    }
}

/// How a grant is used: how often, and whether its use was told lately.
pub(super) struct Use {
    /// One atomic for each credential: no map, no lock.
    pace: DirectRateLimiter<QuantaClock>,
    calls_per_s: u32,
    /// The hour and the address of the last use that was told, as one hash.
    told: AtomicU64,
}

type DirectRateLimiter<C> = RateLimiter<NotKeyed, InMemoryState, C, StateInformationMiddleware>;

impl Use {
    pub fn new(calls_per_s: u32) -> Self {
        let calls = NonZeroU32::new(calls_per_s).unwrap_or(NonZeroU32::MIN);
        Self {
            pace: RateLimiter::direct_with_clock(Quota::per_second(calls), QuantaClock::default())
                .with_middleware::<StateInformationMiddleware>(),
            calls_per_s,
            told: AtomicU64::new(0),
        }
    }
}

/// How much a caller has left of what it may ask.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Calls a second, and at once.
    pub per_s: u32,
    pub left: u32,
}

impl Grant {
    pub fn is_good(&self, now: Timestamp) -> bool {
        !self.revoked.load(Ordering::Acquire)
            && self.expires_at.is_none_or(|expires| now < expires)
            && self.account.is_active()
    }

    /// A session is stored under its digest, which stays inside: half of it is enough to name it.
    pub fn public_id(&self) -> String {
        match self.kind {
            Kind::Cookie => format!("ses_{}", &self.id[..16]),
            Kind::Token => self.id.clone(),
        }
    }

    pub fn revoke(&self) {
        self.revoked.store(true, Ordering::Release);
    }
}

pub struct Credential {
    pub(super) grant: Arc<Grant>,
    /// What the user was when this was shown. Less than that withdraws it.
    role: Role,
    clock: Clock,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Good, and this is who it stands for now.
    Live(Arc<Principal>),
    /// Revoked, expired, signed out, or the user was deactivated: close 4001.
    Revoked,
    /// The user's role is less than it was: close 4003.
    RoleWithdrawn,
}

impl Credential {
    pub(super) fn new(grant: Arc<Grant>, clock: Clock) -> Self {
        let role = grant.account.principal().role;
        Self { grant, role, clock }
    }

    pub fn state(&self) -> State {
        if !self.grant.is_good(Timestamp::from_millis(self.clock.now_millis())) {
            return State::Revoked;
        }
        let principal = self.grant.account.principal();
        if principal.role < self.role { State::RoleWithdrawn } else { State::Live(self.grant.scopes.narrow(principal)) }
    }

    pub fn kind(&self) -> Kind {
        self.grant.kind
    }

    /// The public name of the session or the token: no secret, and not what it is recognised by.
    pub fn id(&self) -> String {
        self.grant.public_id()
    }

    /// Takes one call of what this credential may ask a second; `Err` has the milliseconds to wait.
    pub fn take_call(&self) -> Result<Allowance, u64> {
        let use_ = &self.grant.use_;
        match use_.pace.check() {
            Ok(snapshot) => Ok(Allowance { per_s: use_.calls_per_s, left: snapshot.remaining_burst_capacity() }),
            Err(until) => {
                let wait = until.wait_time_from(use_.pace.clock().now());
                Err(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1))
            }
        }
    }

    /// Whether this is the first use of the hour, or the first from this address: worth an entry in the audit log.
    pub fn is_news(&self, from: Option<IpAddr>) -> bool {
        let hour = self.clock.now_millis() / 3_600_000;
        let text = mark_of(hour, from);
        let told = &self.grant.use_.told;
        told.load(Ordering::Relaxed) != text && told.swap(text, Ordering::Relaxed) != text
    }

    pub fn user(&self) -> UserId {
        self.grant.account.user().id.clone()
    }

    pub fn account(&self) -> &Arc<Account> {
        &self.grant.account
    }

    /// When it ends by itself, so that a session can set a timer.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.grant.expires_at
    }
}

/// One number for an hour and an address, without an allocation: this runs for every call.
fn mark_of(hour: i64, from: Option<IpAddr>) -> u64 {
    let mut bytes = [0; 25];
    bytes[..8].copy_from_slice(&hour.to_le_bytes());
    match from {
        Some(IpAddr::V4(address)) => bytes[8..12].copy_from_slice(&address.octets()),
        Some(IpAddr::V6(address)) => bytes[8..24].copy_from_slice(&address.octets()),
        None => bytes[24] = 1,
    }
    xxhash_rust::xxh3::xxh3_64(&bytes)
}
