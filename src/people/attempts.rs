//! How often signing in may fail, for one account from one address. Pure but for its own memory: time comes from the caller,
//! [`super::People`].

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;

use super::secret::Digest;

/// So many failures within the window, then nothing more until the window ends.
const FAILURES: u32 = 10;
const WINDOW_MS: i64 = 5 * 60 * 1000;

/// Pairs of account and address that are remembered: about 1 MB at the most.
const REMEMBERED: usize = 10_000;

#[derive(Default)]
pub struct Attempts(Mutex<HashMap<(Digest, Option<IpAddr>), Window>>);

#[derive(Clone, Copy)]
struct Window {
    ends: i64,
    failures: u32,
}

impl Attempts {
    /// `Err` has the milliseconds until the next try. An attempt counts as failed until [`Self::succeeded`], so that many
    /// at once cannot slip through while the first is still being checked.
    pub fn begin(&self, email: &str, from: Option<IpAddr>, now: i64) -> Result<(), i64> {
        let mut windows = self.0.lock();
        // The address of the account may be long: its digest is not.
        let key = (Digest::of(email), from);
        if !windows.contains_key(&key) && windows.len() >= REMEMBERED {
            make_room(&mut windows, now);
        }
        let window = windows.entry(key).or_insert(Window { ends: now + WINDOW_MS, failures: 0 });
        if window.ends <= now {
            *window = Window { ends: now + WINDOW_MS, failures: 0 };
        }
        if window.failures >= FAILURES {
            return Err(window.ends - now);
        }
        window.failures += 1;
        Ok(())
    }

    pub fn succeeded(&self, email: &str, from: Option<IpAddr>) {
        self.0.lock().remove(&(Digest::of(email), from));
    }

    /// The attempt was never decided (the desk was overloaded): it does not count.
    pub fn undecided(&self, email: &str, from: Option<IpAddr>) {
        if let Some(window) = self.0.lock().get_mut(&(Digest::of(email), from)) {
            window.failures = window.failures.saturating_sub(1);
        }
    }
}

/// Drops what has ended; where that is nothing, the half that ends first.
fn make_room(windows: &mut HashMap<(Digest, Option<IpAddr>), Window>, now: i64) {
    windows.retain(|_, window| window.ends > now);
    if windows.len() >= REMEMBERED {
        let mut ends: Vec<i64> = windows.values().map(|window| window.ends).collect();
        let (_, middle, _) = ends.select_nth_unstable(REMEMBERED / 2);
        let middle = *middle;
        windows.retain(|_, window| window.ends > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    /// X4: after ten failures an account is closed to that address until the window ends; others are not.
    #[test]
    fn x4_failures_close_the_account_to_that_address() {
        let attempts = Attempts::default();
        for _ in 0..FAILURES {
            attempts.begin("a@example.org", HERE, 1000).unwrap();
        }
        assert_eq!(attempts.begin("a@example.org", HERE, 1000), Err(WINDOW_MS));
        assert_eq!(attempts.begin("a@example.org", HERE, 2000), Err(WINDOW_MS - 1000));
        attempts.begin("a@example.org", None, 2000).unwrap();
        attempts.begin("b@example.org", HERE, 2000).unwrap();
        attempts.begin("a@example.org", HERE, 1000 + WINDOW_MS).unwrap();
    }

    #[test]
    fn success_forgets_the_failures() {
        let attempts = Attempts::default();
        for _ in 0..FAILURES {
            attempts.begin("a@example.org", HERE, 0).unwrap();
        }
        attempts.succeeded("a@example.org", HERE);
        attempts.begin("a@example.org", HERE, 0).unwrap();
    }

    #[test]
    fn an_undecided_attempt_does_not_count() {
        let attempts = Attempts::default();
        for _ in 0..3 * FAILURES {
            attempts.begin("a@example.org", HERE, 0).unwrap();
            attempts.undecided("a@example.org", HERE);
        }
    }

    /// X5: the memory of failures is bounded.
    #[test]
    fn x5_what_is_remembered_is_bounded() {
        let attempts = Attempts::default();
        for index in 0..3 * REMEMBERED {
            let now = i64::try_from(index).unwrap();
            attempts.begin(&format!("{index}@example.org"), HERE, now).unwrap();
        }
        assert!(attempts.0.lock().len() <= REMEMBERED);
    }
}
