//! Stops asking a service that does not answer. Closed: everything goes out. Open: nothing does, the learner works. Half open:
//! one call goes out, and its end decides. Times are handed in.

use crate::domain::time::Timestamp;

/// Faults in a row that open it.
const FAULTS: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    open_ms: i64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed {
        faults: u32,
    },
    Open {
        until: Timestamp,
    },
    /// Since when one call is out.
    HalfOpen {
        since: Timestamp,
    },
    /// Until a person acts.
    Stopped,
}

/// What an operator sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Closed,
    Open,
    HalfOpen,
    Stopped,
}

impl Breaker {
    pub fn new(open_ms: i64) -> Self {
        Self { open_ms, state: State::Closed { faults: 0 } }
    }

    pub fn shown(&self) -> Shown {
        match self.state {
            State::Closed { .. } => Shown::Closed,
            State::Open { .. } => Shown::Open,
            State::HalfOpen { .. } => Shown::HalfOpen,
            State::Stopped => Shown::Stopped,
        }
    }

    /// The same, but one that is open and may try again counts as half open.
    pub fn shown_at(&self, now: Timestamp) -> Shown {
        match self.state {
            State::Open { until } if now >= until => Shown::HalfOpen,
            _ => self.shown(),
        }
    }

    /// A call that was let out did not go out after all: the next one may be the probe.
    pub fn withdrawn(&mut self, now: Timestamp) {
        if let State::HalfOpen { .. } = self.state {
            self.state = State::Open { until: now };
        }
    }

    /// Whether a call may go out now. Who is told yes tells how it ended.
    pub fn admits(&mut self, now: Timestamp) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until } if now >= until => {
                self.state = State::HalfOpen { since: now };
                true
            }
            // A probe whose end nobody told must not keep it shut for ever.
            State::HalfOpen { since } if now.millis_since(since) >= self.open_ms => {
                self.state = State::HalfOpen { since: now };
                true
            }
            State::Open { .. } | State::HalfOpen { .. } | State::Stopped => false,
        }
    }

    pub fn succeeded(&mut self) {
        if self.state != State::Stopped {
            self.state = State::Closed { faults: 0 };
        }
    }

    /// The service failed.
    pub fn failed(&mut self, now: Timestamp) {
        match &mut self.state {
            State::Closed { faults } if *faults + 1 < FAULTS => *faults += 1,
            State::Closed { .. } | State::HalfOpen { .. } => self.pause(now),
            // A call that went out before it opened.
            State::Open { .. } | State::Stopped => {}
        }
    }

    /// Opens at once.
    pub fn pause(&mut self, now: Timestamp) {
        if self.state != State::Stopped {
            self.state = State::Open { until: now.plus_millis(self.open_ms) };
        }
    }

    /// Nothing goes out any more until [`Breaker::reset`].
    pub fn stop(&mut self) {
        self.state = State::Stopped;
    }

    pub fn reset(&mut self) {
        self.state = State::Closed { faults: 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// R28: five faults in a row open it, then one call at a time tries, and a success closes it.
    #[test]
    fn r28_a_service_that_fails_is_left_alone_for_a_while() {
        let mut breaker = Breaker::new(1000);
        for _ in 0..4 {
            breaker.failed(at(0));
        }
        breaker.succeeded();
        for _ in 0..4 {
            breaker.failed(at(0));
            assert!(breaker.admits(at(0)));
        }
        breaker.failed(at(10));
        assert!(!breaker.admits(at(1009)) && breaker.shown() == Shown::Open);
        assert!(breaker.admits(at(1010)) && !breaker.admits(at(1011)), "one probe");
        breaker.failed(at(1100));
        assert!(!breaker.admits(at(2099)) && breaker.admits(at(2100)));
        breaker.succeeded();
        assert!(breaker.admits(at(2101)) && breaker.shown() == Shown::Closed);
    }

    #[test]
    fn a_probe_that_never_ends_does_not_keep_it_shut() {
        let mut breaker = Breaker::new(1000);
        breaker.pause(at(0));
        assert!(breaker.admits(at(1000)) && !breaker.admits(at(1999)) && breaker.admits(at(2000)));
    }

    #[test]
    fn a_stopped_breaker_waits_for_a_person() {
        let mut breaker = Breaker::new(1000);
        breaker.stop();
        breaker.succeeded();
        breaker.pause(at(0));
        assert!(!breaker.admits(at(1_000_000)) && breaker.shown() == Shown::Stopped);
        breaker.reset();
        assert!(breaker.admits(at(0)));
    }
}
