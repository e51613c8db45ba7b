//! Saved reports: kept beside the records in the journal, all in memory. A report belongs to who saved it, and to everybody once it
//! is shared; whoever looks after the desk's settings sees all of them, so that none outlives its owner unseen.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;

use super::Parts;
use crate::domain::ids::CommandId;
use crate::domain::permissions::{Permission, Principal};
use crate::domain::rejection::{FieldError, Rejection};
use crate::domain::time::Timestamp;
use crate::journal::writer::AppendError;
use crate::journal::{Aside, JournalError};
use crate::protocol::code::Code;
use crate::protocol::figures::{NewReport, Report, UpdateReport};
use crate::protocol::problem::Problem;

const PREFIX: &str = "reports/";
/// Reports of the whole desk.
const MOST: usize = 2_000;
const NAME_CHARS: usize = 200;

pub(super) struct Reports {
    parts: Arc<Parts>,
    by_id: RwLock<BTreeMap<String, Report>>,
    /// Held by whoever changes something, from reading it until it is written: changes come one after the other.
    changing: tokio::sync::Mutex<()>,
}

impl Reports {
    pub fn open(parts: &Arc<Parts>) -> Result<Self, JournalError> {
        let mut by_id = BTreeMap::new();
        for (key, value) in parts.journal.asides(PREFIX)? {
            let report: Report = serde_json::from_slice(&value)
                .map_err(|error| JournalError::Damaged { what: format!("{key} cannot be read: {error}") })?;
            by_id.insert(report.id.clone(), report);
        }
        Ok(Self { parts: Arc::clone(parts), by_id: RwLock::new(by_id), changing: tokio::sync::Mutex::default() })
    }

    /// The caller's own and the shared ones, or all of them, by name.
    pub fn list(&self, principal: &Principal) -> Vec<Report> {
        let mut reports: Vec<Report> =
            self.by_id.read().values().filter(|report| sees(principal, report)).cloned().collect();
        reports.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        reports
    }

    pub fn get(&self, id: &str, principal: &Principal) -> Result<Report, Problem> {
        let found = self.by_id.read().get(id).filter(|report| sees(principal, report)).cloned();
        found.ok_or_else(|| Problem::new(Code::NotFound, "there is no such report"))
    }

    /// A report whose definition was found good. The same key gives the same report again.
    pub async fn save(&self, new: NewReport, key: Option<CommandId>, principal: &Principal) -> Result<Report, Problem> {
        let name = check_name(&new.name)?;
        let id = match &key {
            // The id is made of user and key, so a repeat finds the first one, across restarts.
            Some(key) => {
                let seed = format!("{}\n{}", principal.id, key);
                uuid::Uuid::from_u128(xxhash_rust::xxh3::xxh3_128(seed.as_bytes())).to_string()
            }
            None => uuid::Uuid::now_v7().to_string(),
        };
        let report = Report {
            id: id.clone(),
            name,
            definition: new.definition,
            shared: new.shared,
            scheduled_at: new.schedule.is_some().then(|| Timestamp::from_millis(self.parts.clock.now_millis())),
            schedule: new.schedule,
            owner: principal.id.clone(),
            created_at: Timestamp::from_millis(self.parts.clock.now_millis()),
        };
        let _change = self.changing.lock().await;
        {
            let known = self.by_id.read();
            if let Some(first) = known.get(&id) {
                let same = (&first.name, &first.definition, first.shared, &first.schedule)
                    == (&report.name, &report.definition, report.shared, &report.schedule);
                return if same {
                    Ok(first.clone())
                } else {
                    Err(Problem::new(Code::IdempotencyKeyReused, "this key was used for another report"))
                };
            }
            if known.len() >= MOST {
                let detail = format!("the desk keeps at most {MOST} reports: delete one first");
                return Err(Problem::field("", "too_many", detail));
            }
        }
        let value = serde_json::to_vec(&report).expect("invariant: a report is JSON");
        self.keep(Aside { key: format!("{PREFIX}{id}"), value: Some(Bytes::from(value)) }).await?;
        self.by_id.write().insert(id, report.clone());
        Ok(report)
    }

    /// By its owner, or by whoever looks after the desk's settings. What it shall be has been checked, but for its name.
    pub async fn update(&self, id: &str, change: UpdateReport, principal: &Principal) -> Result<Report, Problem> {
        let _change = self.changing.lock().await;
        let mut report = self.own(id, principal)?;
        if let Some(name) = change.name {
            report.name = check_name(&name)?;
        }
        report.definition = change.definition.unwrap_or(report.definition);
        report.shared = change.shared.unwrap_or(report.shared);
        if let Some(schedule) = change.schedule {
            // What was due before somebody asked for it is not made up for.
            report.scheduled_at = schedule.is_some().then(|| Timestamp::from_millis(self.parts.clock.now_millis()));
            report.schedule = schedule;
        }
        let value = serde_json::to_vec(&report).expect("invariant: a report is JSON");
        self.keep(Aside { key: format!("{PREFIX}{id}"), value: Some(Bytes::from(value)) }).await?;
        self.by_id.write().insert(id.to_owned(), report.clone());
        Ok(report)
    }

    /// Every report that runs by itself. One whose owner has left rests until somebody takes care of it.
    pub fn scheduled(&self) -> Vec<Report> {
        let is_here =
            |report: &&Report| self.parts.accounts.account(&report.owner).is_some_and(|owner| owner.is_active());
        self.by_id.read().values().filter(|report| report.schedule.is_some()).filter(is_here).cloned().collect()
    }

    fn own(&self, id: &str, principal: &Principal) -> Result<Report, Problem> {
        let report = self.get(id, principal)?;
        if report.owner != principal.id && !principal.may(Permission::SettingsWrite) {
            return Err(Rejection::Forbidden(Permission::SettingsWrite).into());
        }
        Ok(report)
    }

    /// By its owner, or by whoever looks after the desk's settings.
    pub async fn remove(&self, id: &str, principal: &Principal) -> Result<(), Problem> {
        let _change = self.changing.lock().await;
        self.own(id, principal)?;
        self.keep(Aside { key: format!("{PREFIX}{id}"), value: None }).await?;
        self.by_id.write().remove(id);
        Ok(())
    }

    async fn keep(&self, aside: Aside) -> Result<(), Problem> {
        self.parts.writer.put_asides(vec![aside]).await.map_err(|error| match error {
            AppendError::Full => Problem::new(Code::StorageFull, error.to_string()),
            AppendError::Overloaded => Problem::new(Code::Overloaded, error.to_string()),
            AppendError::Stopped => Problem::new(Code::Unavailable, error.to_string()),
            AppendError::Conflict { .. } => Problem::new(Code::Internal, error.to_string()),
        })
    }
}

/// A name without the blanks around it.
fn check_name(name: &str) -> Result<String, Problem> {
    let name = name.trim();
    let chars = name.chars().count();
    if chars == 0 || chars > NAME_CHARS || name.chars().any(char::is_control) {
        let detail = format!("a name has 1 to {NAME_CHARS} characters on one line");
        return Err(Rejection::InvalidField(vec![FieldError::new("/name", "invalid", detail)]).into());
    }
    Ok(name.to_owned())
}

fn sees(principal: &Principal, report: &Report) -> bool {
    report.shared || report.owner == principal.id || principal.may(Permission::SettingsWrite)
}
