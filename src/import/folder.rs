//! Rows into the data folder of a desk that does not run: the desk is started without its doors, and the rows come through
//! its gateway like anybody's commands, so that rules, keys and the search index are the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{BadField, Fate, ImportArgs, ImportError, Incoming, Trouble};
use crate::app::serve::open_journal;
use crate::app::{Desk as Core, ServeError};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::command::Command;
use crate::domain::ids::CommandId;
use crate::domain::permissions::Principal;
use crate::people::AdminSeed;
use crate::protocol::gateway::{Gateway, Order};
use crate::protocol::problem::Problem;

const WAIT: Duration = Duration::from_millis(20);

pub struct Desk {
    core: Arc<Core>,
    principal: Arc<Principal>,
    patience: Duration,
}

impl Desk {
    /// Must be called in an actix system.
    pub async fn open(args: &ImportArgs) -> Result<Self, ImportError> {
        let mut config = Config::load(None).map_err(|error| ImportError::Usage(error.to_string()))?;
        let folder = args.data.clone().unwrap_or_else(|| config.server.data.clone());
        let broken = |source| ImportError::Folder { folder: folder.clone(), source };
        std::fs::create_dir_all(&folder)
            .map_err(|error| broken(ServeError::Storage(format!("cannot make the data folder: {error}"))))?;
        let journal = open_journal(&folder, config.journal.cache_bytes).map_err(broken)?;
        // What comes in is sorted once the desk is open.
        config.triage.enabled = false;
        let (core, _) =
            Core::start(config, journal, Some(&folder), Clock::system(), AdminSeed::default()).await.map_err(broken)?;
        let patience = Duration::from_secs(args.patience_s);
        Ok(Self { core, principal: Arc::new(Principal::system()), patience })
    }

    pub async fn create(&self, incoming: &Incoming) -> Fate {
        let began = Instant::now();
        loop {
            let order = Order {
                principal: self.principal.clone(),
                command_id: CommandId::from(incoming.key.as_str()),
                keyed: true,
                live: false,
                ticket: None,
                expect: None,
                command: Command::Create(incoming.ticket.clone()),
            };
            match self.core.directory.execute(order).await {
                Ok(_) => return Fate::Created,
                Err(problem) if !problem.retryable => return Fate::Refused(Trouble::from(problem)),
                Err(problem) if began.elapsed() >= self.patience => return Fate::Stop(problem.to_string()),
                Err(_) => tokio::time::sleep(WAIT).await,
            }
        }
    }

    pub async fn close(self) {
        self.core.stop().await;
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        let errors = problem.errors.into_iter();
        Self {
            code: problem.code.wire().to_owned(),
            detail: problem.detail,
            retryable: problem.retryable,
            errors: errors.map(|error| BadField { pointer: error.pointer, detail: error.detail }).collect(),
        }
    }
}
