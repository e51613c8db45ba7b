//! The demo desk: made-up people, two weeks of tickets, and life that goes on while somebody looks at it.
//!
//! It fills an empty desk and no other, by the desk's own rules, before the desk starts; after that it acts through the same
//! door as everybody. Called by `app` when `serve --demo` is said.

mod cast;
mod history;
mod live;
mod plot;
mod story;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use crate::app::{ServeError, rules};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ids::{Seq, UserId};
use crate::domain::permissions::Principal;
use crate::domain::rules::{FieldLimits, FileLimits};
use crate::domain::time::Timestamp;
use crate::journal::writer::{self, WriterConfig, WriterHandle};
use crate::journal::{Append, Aside, Journal, JournalError};
use crate::people::{AdminSeed, OpenError, People};
use crate::protocol::problem::Problem;
use crate::protocol::views::CreateUser;

use cast::{Agent, COLLEAGUES, PASSWORD};
use history::Stage;

/// Says that the desk is a demo; its value is unused.
const MARK: &str = "demo/desk";

/// Appends that may be on their way to the disk at once.
const AT_ONCE: usize = 256;

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(
        "this data folder has real tickets in it; the demo only fills an empty one: give another folder with --data"
    )]
    RealData,
    #[error("the demo is about the desk's default teams and categories, and the configuration has no `{0}`")]
    Unknown(String),
    #[error(transparent)]
    People(#[from] OpenError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the demo's history could not be written: {0}")]
    Append(#[from] writer::AppendError),
    #[error("a colleague could not be made: {0}")]
    Colleague(#[from] Problem),
    #[error("{0}")]
    Refused(String),
}

/// A desk that was filled, now or before. Dropping it ends the made-up life.
pub struct Demo {
    agents: Vec<Agent>,
    life: Option<actix_rt::task::JoinHandle<()>>,
}

/// Fills the journal if it is empty. To be called before the desk starts on it: until then nobody else writes.
pub async fn prepare(
    journal: &Arc<dyn Journal>,
    config: &Config,
    clock: &Clock,
    admin: &AdminSeed,
) -> Result<Demo, DemoError> {
    let is_new = journal.head().seq == Seq::ZERO;
    if !is_new && journal.aside(MARK)?.is_none() {
        return Err(DemoError::RealData);
    }
    check_settings(config)?;
    let settings = WriterConfig {
        waiting_appends: AT_ONCE * 2,
        group_records: config.journal.group_records,
        group_bytes: config.journal.group_bytes,
        remember_commands_ms: config.journal.remember_commands_ms,
    };
    // A failure of the disk is told to whoever waits for the append.
    let (writer, thread) = writer::spawn(journal.clone(), settings, Box::new(|_| {}), Box::new(|_| {}));
    let outcome = fill(journal, &writer, config, clock, admin, is_new).await;
    writer.close();
    let joined = actix_rt::task::spawn_blocking(move || thread.join()).await;
    let agents = outcome?;
    if !matches!(joined, Ok(Ok(()))) {
        return Err(DemoError::Refused("the journal's writer ended badly".into()));
    }
    Ok(Demo { agents, life: None })
}

async fn fill(
    journal: &Arc<dyn Journal>,
    writer: &WriterHandle,
    config: &Config,
    clock: &Clock,
    admin: &AdminSeed,
    is_new: bool,
) -> Result<Vec<Agent>, DemoError> {
    let people = People::open(journal.clone(), writer.clone(), config, clock.clone(), admin).await?;
    if is_new {
        let mark = Aside { key: MARK.to_owned(), value: Some("1".into()) };
        writer.put_asides(vec![mark]).await?;
    }
    let agents = colleagues(&people).await?;
    if is_new {
        let rules = rules::from_config(config).map_err(DemoError::Refused)?;
        let limits = FieldLimits {
            subject_chars: config.limits.subject_chars,
            message_chars: config.limits.message_chars,
            tags: config.limits.tags,
            custom_bytes: config.limits.custom_bytes,
            files: FileLimits::USUAL,
        };
        let history = history::two_weeks(&Stage {
            rules: &rules,
            limits: &limits,
            people: people.as_ref(),
            agents: &agents,
            now: Timestamp::from_millis(clock.now_millis()),
            seed: config.demo.seed,
            tickets: config.demo.tickets,
        })
        .map_err(DemoError::Refused)?;
        tracing::info!(tickets = history.tickets, "a demo desk was made");
        append(writer, history.appends).await?;
    }
    Ok(agents)
}

/// Those of the cast who are not there yet are made; a start that was interrupted goes on here.
async fn colleagues(people: &Arc<People>) -> Result<Vec<Agent>, DemoError> {
    let system = Arc::new(Principal::system());
    let mut agents = Vec::new();
    for colleague in &COLLEAGUES {
        let known = people.users().into_iter().find(|user| user.email.eq_ignore_ascii_case(colleague.email));
        let user = if let Some(user) = known {
            user
        } else {
            let body = CreateUser {
                email: colleague.email.to_owned(),
                name: colleague.name.to_owned(),
                role: colleague.role,
                password: Some(PASSWORD.to_owned()),
                teams: Some(colleague.teams.iter().map(|team| (*team).to_owned()).collect()),
                service: None,
            };
            people.create(&system, body, None).await?
        };
        let principal = Principal {
            id: user.id,
            name: user.name.as_str().into(),
            role: user.role,
            teams: user.teams.into(),
            scopes: None,
        };
        agents.push(Agent { principal: Arc::new(principal), yours: colleague.yours });
    }
    Ok(agents)
}

/// Appends in order, many to a group. Each is sent before the next one, whatever becomes ready first.
async fn append(writer: &WriterHandle, appends: Vec<Append>) -> Result<(), DemoError> {
    let mut appends = appends.into_iter().peekable();
    while appends.peek().is_some() {
        let mut sent = Vec::with_capacity(AT_ONCE);
        for append in appends.by_ref().take(AT_ONCE) {
            let mut answer: Pin<Box<dyn Future<Output = _> + '_>> = Box::pin(writer.append(append));
            match poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await {
                Poll::Ready(done) => drop(done?),
                Poll::Pending => sent.push(answer),
            }
        }
        for answer in sent {
            answer.await?;
        }
    }
    Ok(())
}

/// The stories name categories and teams, the colleagues teams.
fn check_settings(config: &Config) -> Result<(), DemoError> {
    let teams = COLLEAGUES.iter().flat_map(|colleague| colleague.teams.iter().map(|team| (*team).to_owned()));
    let stories = story::stories();
    let known = |options: &[crate::config::NamedOption], id: &str| options.iter().any(|option| option.id == id);
    let mut named = teams.chain(stories.iter().map(|story| story.team.clone()));
    if let Some(unknown) = named.find(|team| !known(&config.desk.teams, team)) {
        return Err(DemoError::Unknown(unknown));
    }
    match stories.into_iter().find(|story| !known(&config.desk.categories, &story.category)) {
        Some(story) => Err(DemoError::Unknown(story.category)),
        None => Ok(()),
    }
}

impl Demo {
    /// Lets the made-up customers and colleagues go on, if the configuration says so. To be called in an actix system.
    pub fn begin(&mut self, desk: &Arc<crate::app::Desk>) {
        if desk.config.demo.live {
            let life = live::Life::new(desk, self.agents.clone());
            self.life = Some(actix_rt::spawn(life.run()));
        }
    }

    /// For whoever starts the demo: who may sign in.
    pub fn sign_in_help(&self) -> String {
        let mut text = format!("sign in with the password \"{PASSWORD}\" as one of\n");
        for colleague in COLLEAGUES.iter().filter(|colleague| colleague.yours) {
            let role = format!("{:?}", colleague.role).to_lowercase();
            text.push_str(&format!("  {:22} {role}, {}\n", colleague.email, colleague.name));
        }
        text
    }

    /// Everybody of the cast who may be made to act.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        self.agents.iter().map(Agent::id)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(life) = self.life.take() {
            life.abort();
        }
    }
}

impl From<DemoError> for ServeError {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::RealData | DemoError::Unknown(_) | DemoError::People(OpenError::Seed(_)) => {
                Self::Config(error.to_string())
            }
            DemoError::Journal(error) | DemoError::People(OpenError::Journal(error)) => error.into(),
            DemoError::People(_) | DemoError::Append(_) | DemoError::Colleague(_) | DemoError::Refused(_) => {
                Self::Failed(error.to_string())
            }
        }
    }
}
