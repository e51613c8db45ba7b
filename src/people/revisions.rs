//! That something beside the tickets changed: numbers for the sessions, which look at them now and then. What it is now, whoever
//! cares asks for.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::protocol::frame::DeskChanged;

/// One number for each kind of thing, another one after each change. They begin at the time of the start, so that none comes
/// twice over restarts.
pub struct Revisions {
    shared: AtomicU64,
    people: AtomicU64,
    settings: AtomicU64,
}

impl Revisions {
    pub(super) fn new(started_ms: i64) -> Self {
        let first = || AtomicU64::new(started_ms.unsigned_abs());
        Self { shared: first(), people: first(), settings: first() }
    }

    /// Shared views and macros.
    pub(super) fn shared_changed(&self) {
        self.shared.fetch_add(1, Ordering::Release);
    }

    pub(super) fn people_changed(&self) {
        self.people.fetch_add(1, Ordering::Release);
    }

    /// The desk's settings.
    pub(super) fn settings_changed(&self) {
        self.settings.fetch_add(1, Ordering::Release);
    }

    pub fn now(&self) -> DeskChanged {
        DeskChanged {
            shared: self.shared.load(Ordering::Acquire),
            people: self.people.load(Ordering::Acquire),
            settings: self.settings.load(Ordering::Acquire),
        }
    }
}
