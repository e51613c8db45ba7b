//! Where the time comes from. The desk asks a [`Clock`]; tests turn its hands.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Milliseconds since 1970. Cheap to clone and to ask.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until it is set.
    pub fn manual(millis: i64) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(millis))))
    }

    pub fn now_millis(&self) -> i64 {
        match &self.0 {
            Source::System => jiff::Timestamp::now().as_millisecond(),
            Source::Manual(hands) => hands.load(Ordering::SeqCst),
        }
    }

    /// Moves a manual clock. The system's clock cannot be moved: that is a bug of the caller.
    pub fn advance(&self, millis: i64) {
        match &self.0 {
            Source::System => panic!("invariant: only a manual clock is advanced"),
            Source::Manual(hands) => hands.fetch_add(millis, Ordering::SeqCst),
        };
    }
}
