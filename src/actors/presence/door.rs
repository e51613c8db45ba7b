//! Presence by call: whose session it is, whether the ticket may be seen, and nothing of what may not.

use std::sync::Arc;
use std::time::Duration;

use actix::Addr;

use super::{Called, Presence};
use crate::config::Config;
use crate::domain::permissions::Principal;
use crate::feed::Feed;
use crate::protocol::code::Code;
use crate::protocol::frame::PresenceState;
use crate::protocol::gateway::Pending;
use crate::protocol::presence::{PresenceNow, Presences, TellPresence};
use crate::protocol::problem::Problem;
use crate::protocol::reading::Reading;

const CLIENT_CHARS: usize = 200;

/// A mailbox that does not get to it within this time is too full.
const PATIENCE: Duration = Duration::from_secs(2);

pub struct PresenceDoor {
    presence: Addr<Presence>,
    feed: Arc<Feed>,
    reads: Arc<dyn Reading>,
    expires_ms: u64,
}

impl PresenceDoor {
    pub fn new(presence: Addr<Presence>, feed: Arc<Feed>, reads: Arc<dyn Reading>, config: &Config) -> Self {
        let expires_ms = config.presence.poll_ms.unsigned_abs();
        Self { presence, feed, reads, expires_ms }
    }
}

impl Presences for PresenceDoor {
    fn tell(&self, principal: &Arc<Principal>, report: TellPresence) -> Pending<PresenceNow> {
        let (presence, feed, reads) = (self.presence.clone(), Arc::clone(&self.feed), Arc::clone(&self.reads));
        let (principal, expires_ms) = (Arc::clone(principal), self.expires_ms);
        Box::pin(async move {
            if report.client.is_empty() || report.client.chars().count() > CLIENT_CHARS {
                let detail = format!("a client's name has 1 to {CLIENT_CHARS} characters");
                return Err(Problem::field("/client", "invalid", detail));
            }
            let at = match (report.ticket, report.state) {
                (Some(ticket), Some(state)) => Some((ticket, state)),
                (None, None) => None,
                (Some(_), None) => return Err(Problem::field("/state", "required", "say what is done there")),
                (None, Some(_)) => return Err(Problem::field("/ticket", "required", "say where that is")),
            };
            if let Some((ticket, state)) = at
                && state != PresenceState::Away
            {
                let found = reads.ticket(ticket, &principal).await?;
                // Of active tickets the feed knows by itself.
                if !found.is_active() {
                    feed.note(ticket, found.team.as_deref());
                }
            }
            let called = Called {
                session: format!("calls/{}/{}", principal.id, report.client),
                user: principal.id.clone(),
                visible: report.visible,
                at,
            };
            let busy = || Problem::new(Code::Overloaded, "presence is busy: tell it again");
            let here = presence.send(called).timeout(PATIENCE).await.map_err(|_| busy())?;
            let mut data = here.ok_or_else(|| Problem::new(Code::TooMany, "too many clients of one user call"))?;
            let sight = feed.sight(&principal);
            data.retain(|update| feed.sees(sight, update.ticket));
            Ok(PresenceNow { data, expires_ms })
        })
    }
}
