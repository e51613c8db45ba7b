//! When somebody acts: moments that are chosen beforehand and do not wait for answers.
//!
//! Open loop: a server that stalls finds everybody's next deed waiting, and the time from the chosen moment counts. A load that
//! waits for each answer would send less while the server is slow, and not see it ("coordinated omission").

use std::time::{Duration, Instant};

#[derive(Clone, Debug)]
pub struct Pace {
    next: Instant,
    until: Instant,
    mean_s: f64,
    random: fastrand::Rng,
}

impl Pace {
    /// Moments between `from` and `until`, with exponential times between them.
    pub fn new(from: Instant, until: Instant, mean_s: f64, random: fastrand::Rng) -> Self {
        let mut pace = Self { next: from, until, mean_s, random };
        pace.advance();
        pace
    }

    /// When the next deed is due; `None` when the time is over.
    pub fn due(&self) -> Option<Instant> {
        (self.next < self.until).then_some(self.next)
    }

    /// Goes on to the moment after it, whatever the time is now.
    pub fn advance(&mut self) {
        let share = 1.0 - self.random.f64();
        self.next += Duration::from_secs_f64(-share.ln() * self.mean_s);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_the_mean_that_was_asked_for_and_end_in_time() {
        let from = Instant::now();
        let until = from + Duration::from_secs(1000);
        let mut pace = Pace::new(from, until, 0.1, fastrand::Rng::with_seed(7));
        let (mut count, mut last) = (0, from);
        while let Some(due) = pace.due() {
            assert!(due >= last && due < until);
            (last, count) = (due, count + 1);
            pace.advance();
        }
        assert!((9_700..10_300).contains(&count), "{count}");
    }

    #[test]
    fn a_slow_answer_moves_nothing() {
        let from = Instant::now();
        let moments = |answer: Duration| {
            let mut pace = Pace::new(from, from + Duration::from_secs(60), 1.0, fastrand::Rng::with_seed(3));
            let mut now = from;
            let mut moments = Vec::new();
            while let Some(due) = pace.due() {
                // Whoever acts waits until then, or is late already.
                now = now.max(due) + answer;
                moments.push(due);
                pace.advance();
            }
            moments
        };
        assert_eq!(moments(Duration::ZERO), moments(Duration::from_secs(30)));
    }
}
