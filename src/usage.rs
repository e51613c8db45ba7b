//! How the app itself is used: which screens, commands and shortcuts, by day, summed over everybody. It stays inside the desk, names
//! nobody, and can be switched off. Called by `http`; `app` has it written now and then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::clock::Clock;
use crate::journal::writer::WriterHandle;
use crate::journal::{Aside, Journal, JournalError};

const ASIDES: &str = "usage/";
/// Days that are kept.
const DAYS: usize = 90;
/// Different things of one day; more are not counted.
const NAMES: usize = 500;
const MOST_AT_ONCE: u32 = 100_000;

/// One day's counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct UsageDay {
    /// `2026-11-23`, in UTC.
    pub day: String,
    /// `screen:board`, `command:claim`, `key:help`, …
    #[ts(type = "Record<string, number>")]
    pub counts: BTreeMap<String, u64>,
}

/// What the app is used for.
#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
pub struct UsageView {
    pub enabled: bool,
    pub data: Vec<UsageDay>,
}

/// The counts. One for the process, behind an `Arc`.
pub struct Usage {
    pub enabled: bool,
    writer: WriterHandle,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    days: BTreeMap<String, BTreeMap<String, u64>>,
    changed: BTreeSet<String>,
}

impl Usage {
    /// # Errors
    /// When the journal cannot be read.
    pub fn open(
        journal: &dyn Journal,
        writer: WriterHandle,
        enabled: bool,
        clock: Clock,
    ) -> Result<Arc<Self>, JournalError> {
        let mut state = State::default();
        for (key, value) in journal.asides(ASIDES)? {
            let counts = serde_json::from_slice(&value)
                .map_err(|error| JournalError::Damaged { what: format!("{key} cannot be read: {error}") })?;
            state.days.insert(key[ASIDES.len()..].to_owned(), counts);
        }
        Ok(Arc::new(Self { enabled, writer, clock, state: Mutex::new(state) }))
    }

    /// A name that is counted: what it is, a colon, and a few plain characters.
    pub fn is_name(name: &str) -> bool {
        let Some((kind, rest)) = name.split_once(':') else { return false };
        ["screen", "command", "key"].contains(&kind)
            && (1..=40).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
    }

    pub fn count(&self, counts: &BTreeMap<String, u32>) {
        if !self.enabled {
            return;
        }
        let now = Timestamp::from_millisecond(self.clock.now_millis()).unwrap_or_default();
        let day = now.strftime("%Y-%m-%d").to_string();
        let mut state = self.state.lock();
        let today = state.days.entry(day.clone()).or_default();
        for (name, times) in counts {
            if today.len() < NAMES || today.contains_key(name) {
                *today.entry(name.clone()).or_default() += u64::from((*times).min(MOST_AT_ONCE));
            }
        }
        state.changed.insert(day);
    }

    /// The newest day first.
    pub fn days(&self) -> Vec<UsageDay> {
        let state = self.state.lock();
        state.days.iter().rev().map(|(day, counts)| UsageDay { day: day.clone(), counts: counts.clone() }).collect()
    }

    /// Writes what changed, and forgets days that are too old. A minute's counts are lost with a process that is killed.
    pub async fn save(&self) {
        let asides: Vec<Aside> = {
            let mut state = self.state.lock();
            let mut asides = Vec::new();
            while state.days.len() > DAYS {
                if let Some((day, _)) = state.days.pop_first() {
                    asides.push(Aside { key: format!("{ASIDES}{day}"), value: None });
                }
            }
            for day in std::mem::take(&mut state.changed) {
                let counts = state.days.get(&day).map(serde_json::to_vec);
                if let Some(Ok(text)) = counts {
                    asides.push(Aside { key: format!("{ASIDES}{day}"), value: Some(text.into()) });
                }
            }
            asides
        };
        if let Err(error) = self.writer.put_asides(asides).await {
            tracing::debug!(%error, "what the app was used for could not be written");
        }
    }
}
