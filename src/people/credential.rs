//! What somebody showed to be let in, for as long as it is good. Held by each request and by each WebSocket session, which
//! asks [`Credential::state`] before it sends and whenever [`super::People::changes`] ticks. It never goes to disk or wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::account::Account;
use crate::clock::Clock;
use crate::domain::ids::UserId;
use crate::domain::permissions::{Principal, Role};
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
}

impl Grant {
    pub fn is_good(&self, now: Timestamp) -> bool {
        !self.revoked.load(Ordering::Acquire)
            && self.expires_at.is_none_or(|expires| now < expires)
            && self.account.is_active()
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
        if principal.role < self.role { State::RoleWithdrawn } else { State::Live(principal) }
    }

    pub fn kind(&self) -> Kind {
        self.grant.kind
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
