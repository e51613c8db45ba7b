//! Copies made while the desk runs: by the clock and on demand, one at a time, each read back where the configuration says so.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::{BackupError, Made, Source};
use crate::clock::Clock;
use crate::config;
use crate::domain::time::Timestamp;
use crate::storage::{Storage, StorageError};

/// After a look at the place that ended in a copy or in nothing.
const LOOK_AGAIN_MS: i64 = 600_000;
const DAY_MS: i64 = 86_400_000;

/// Makes the desk's copies. One for the process, behind an `Arc`.
pub struct Keeper {
    source: Source,
    place: Option<Storage>,
    work: PathBuf,
    config: config::Backup,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: bool,
    last: Option<Made>,
    failed: Option<Failed>,
    /// Before then nobody needs to look.
    due: Option<i64>,
}

/// How the desk's copies stand.
#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
pub struct BackupState {
    /// Where they go; null where none are made.
    pub place: Option<String>,
    #[ts(as = "f64")]
    pub every_h: u64,
    pub running: bool,
    /// The last one since the desk was started.
    pub last: Option<Made>,
    /// The last one that failed, if it failed after that.
    pub failed: Option<Failed>,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, ToSchema)]
#[ts(rename = "BackupFailed")]
#[schema(as = BackupFailed)]
pub struct Failed {
    pub at: Timestamp,
    pub why: String,
}

impl Keeper {
    /// `work` is a folder of the desk's own for files that are gone afterwards.
    ///
    /// # Errors
    /// When the place that the configuration names cannot be used.
    pub fn open(
        source: Source,
        work: PathBuf,
        config: &config::Config,
        clock: Clock,
    ) -> Result<Arc<Self>, StorageError> {
        let place = match config.backup.place.as_str() {
            "" => None,
            place => Some(Storage::open(place, &config.storage)?),
        };
        let config = config.backup.clone();
        Ok(Arc::new(Self { source, place, work, config, clock, state: Mutex::default() }))
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    pub fn state(&self) -> BackupState {
        let state = self.state.lock();
        BackupState {
            place: self.place.as_ref().map(|place| place.shown().to_owned()),
            every_h: self.config.every_h,
            running: state.running,
            last: state.last.clone(),
            failed: state.failed.clone(),
        }
    }

    pub fn has_place(&self) -> bool {
        self.place.is_some()
    }

    /// Begins a copy; false where one is under way or there is no place for it. It goes on by itself.
    pub fn begin(self: &Arc<Self>) -> bool {
        let Some(place) = self.place.clone() else { return false };
        if std::mem::replace(&mut self.state.lock().running, true) {
            return false;
        }
        let keeper = Arc::clone(self);
        self.source.runtime.spawn_blocking(move || {
            let began = Instant::now();
            let outcome = keeper.make(&place);
            let mut state = keeper.state.lock();
            state.running = false;
            match outcome {
                Ok(made) => {
                    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                    let Made { seq, new_records, new_files, new_bytes, .. } = made;
                    tracing::info!(%seq, new_records, new_files, new_bytes, took_ms, "a backup was made");
                    state.last = Some(Made { took_ms, ..made });
                    state.failed = None;
                }
                Err(error) => {
                    tracing::error!(%error, "a backup failed");
                    let at = Timestamp::from_millis(keeper.clock.now_millis());
                    state.failed = Some(Failed { at, why: error.to_string() });
                }
            }
        });
        true
    }

    fn make(&self, place: &Storage) -> Result<Made, BackupError> {
        let now = Timestamp::from_millis(self.clock.now_millis());
        let made = self.source.copy_to(place, &self.work, now, self.config.check)?;
        self.source.forget(place, self.config.keep)?;
        if self.config.closed_days > 0 {
            let before = now.plus_millis(-i64::from(self.config.closed_days) * DAY_MS);
            let archived = self.source.archive_closed(place, before)?;
            tracing::info!(archived, "tickets that were closed for long are archived");
        }
        Ok(made)
    }

    /// Begins a copy if the newest one in the place is older than the configuration wants. Called now and then by `app`.
    pub fn tick(self: &Arc<Self>) {
        let Some(place) = self.place.clone().filter(|_| self.config.every_h > 0) else { return };
        let now = self.clock.now_millis();
        {
            let mut state = self.state.lock();
            if state.running || state.due.is_some_and(|due| now < due) {
                return;
            }
            // Whatever comes of it, it is looked at again only after a while.
            state.due = Some(now + LOOK_AGAIN_MS);
        }
        let keeper = Arc::clone(self);
        self.source.runtime.spawn_blocking(move || match keeper.source.times(&place) {
            Ok((newest, failed)) => match next(keeper.config.every_h, newest, &failed) {
                Some(due) if due > now => keeper.state.lock().due = Some(due),
                _ => drop(keeper.begin()),
            },
            Err(error) => tracing::error!(%error, "the place for backups cannot be read"),
        });
    }
}

/// When the next copy is due, in milliseconds; `None` is at once. After one that could not be read back another is tried soon, and later
/// and later if that fails as well: each of them copies everything.
fn next(every_h: u64, newest: Option<Timestamp>, failed: &[Timestamp]) -> Option<i64> {
    let every_ms = i64::try_from(every_h).unwrap_or(i64::MAX).saturating_mul(3_600_000);
    let (last, wait) = match failed {
        [] => (newest?, every_ms),
        [.., last] => {
            let times = u32::try_from(failed.len() - 1).unwrap_or(u32::MAX);
            (*last, LOOK_AGAIN_MS.saturating_mul(6_i64.saturating_pow(times)).min(every_ms))
        }
    };
    Some(last.as_millis().saturating_add(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// O29: a copy that could not be read back is tried again soon, and then less and less often, but never less than usual.
    #[test]
    fn o29_what_failed_is_tried_again_soon() {
        let at = |hours: i64| Timestamp::from_millis(hours * 3_600_000);
        assert_eq!(next(24, None, &[]), None);
        assert_eq!(next(24, Some(at(1)), &[]), Some(25 * 3_600_000));
        let minutes = |failed: &[Timestamp]| next(24, Some(at(1)), failed).map(|due| due / 60_000 - 120);
        assert_eq!(minutes(&[at(2)]), Some(10));
        assert_eq!(minutes(&[at(1), at(2)]), Some(60));
        assert_eq!(minutes(&[at(1); 30].map(|_| at(2))), Some(24 * 60));
    }
}
