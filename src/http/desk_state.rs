//! Everything that a handler may call. Cheap to clone; put together by `app` (and by tests), handed to the router.

use std::ops::Deref;
use std::sync::Arc;

use dashmap::DashMap;

use super::answered::Answered;
use super::health::Health;
use super::proxies::Proxies;
use super::snapshot::Compressed;
use super::strangers::Strangers;
use crate::attachments::Attachments;
use crate::audit::Audit;
use crate::backup::keeper::Keeper;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ids::UserId;
use crate::people::People;
use crate::protocol::figures::Figures;
use crate::protocol::gateway::Gateway;
use crate::protocol::presence::Presences;
use crate::protocol::reading::Reading;
use crate::protocol::triaging::Triaging;
use crate::telemetry::Telemetry;
use crate::usage::Usage;

#[derive(Clone)]
pub struct Desk(Arc<Services>);

pub struct Services {
    /// Commands.
    pub gateway: Arc<dyn Gateway>,
    /// Questions.
    pub reads: Arc<dyn Reading>,
    /// What the desk makes of texts.
    pub triage: Arc<dyn Triaging>,
    pub figures: Arc<dyn Figures>,
    /// Who is where, for callers without a socket.
    pub presences: Arc<dyn Presences>,
    pub people: Arc<People>,
    pub attachments: Arc<Attachments>,
    pub backups: Arc<Keeper>,
    pub usage: Arc<Usage>,
    /// Errors that each user's browsers reported within the minute that began then.
    pub reports: DashMap<UserId, (i64, u32)>,
    pub audit: Arc<Audit>,
    pub proxies: Proxies,
    pub strangers: Strangers,
    pub config: Arc<Config>,
    pub clock: Clock,
    pub telemetry: Arc<Telemetry>,
    pub answered: Answered,
    pub health: Arc<Health>,
    /// The last snapshot in its compressed form.
    pub compressed: Compressed,
}

impl Desk {
    pub fn new(services: Services) -> Self {
        Self(Arc::new(services))
    }
}

impl Deref for Desk {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}
