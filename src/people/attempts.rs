//! How often signing in may fail: for one account from one address, for one address, and for one account from anywhere. Pure
//! but for its own memory: time comes from the caller, [`super::People`].

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;

use super::secret::Digest;
use crate::line::network;

/// So many failures of one account from one address within the window, then nothing more until the window ends.
const FAILURES: u32 = 10;
/// Of all accounts together from one address: many people may sit behind one.
const FAILURES_OF_ADDRESS: u32 = 100;
/// Of one account from everywhere. Addresses where it is signed in already are let through, so that nobody can shut a person
/// out by failing in the person's name.
const FAILURES_OF_ACCOUNT: u32 = 50;
const WINDOW_MS: i64 = 5 * 60 * 1000;

/// What is remembered: about 1 MB at the most.
const REMEMBERED: usize = 10_000;

/// Whose failures are counted: an account, an address, or both together.
type Key = (Option<Digest>, Option<IpAddr>);

#[derive(Default)]
pub struct Attempts(Mutex<HashMap<Key, Window>>);

#[derive(Clone, Copy)]
struct Window {
    ends: i64,
    failures: u32,
}

impl Attempts {
    /// `Err` has the milliseconds until the next try. An attempt counts as failed until [`Self::succeeded`], so that many
    /// at once cannot slip through while the first is still being checked. `at_home`: the account is signed in from there.
    pub fn begin(&self, email: &str, from: Option<IpAddr>, at_home: bool, now: i64) -> Result<(), i64> {
        let mut windows = self.0.lock();
        let limits = [FAILURES, FAILURES_OF_ADDRESS, if at_home { u32::MAX } else { FAILURES_OF_ACCOUNT }];
        let keys = keys(email, from);
        for (key, most) in keys.iter().zip(limits) {
            if let Some(window) = windows.get(key).filter(|window| window.ends > now && window.failures >= most) {
                return Err(window.ends - now);
            }
        }
        for key in keys {
            if !windows.contains_key(&key) && windows.len() >= REMEMBERED {
                make_room(&mut windows, now);
            }
            let window = windows.entry(key).or_insert(Window { ends: now + WINDOW_MS, failures: 0 });
            if window.ends <= now {
                *window = Window { ends: now + WINDOW_MS, failures: 0 };
            }
            window.failures += 1;
        }
        Ok(())
    }

    /// The failures of this account from this address are forgiven; those of others from there are not.
    pub fn succeeded(&self, email: &str, from: Option<IpAddr>) {
        self.undecided(email, from);
        self.0.lock().remove(&keys(email, from)[0]);
    }

    /// The attempt was never decided (the desk was overloaded): it does not count.
    pub fn undecided(&self, email: &str, from: Option<IpAddr>) {
        let mut windows = self.0.lock();
        for key in keys(email, from) {
            if let Some(window) = windows.get_mut(&key) {
                window.failures = window.failures.saturating_sub(1);
            }
        }
    }
}

/// The account's name may be long: its digest is not. Where the address is unknown, all unknown ones are one.
fn keys(email: &str, from: Option<IpAddr>) -> [Key; 3] {
    let account = Some(Digest::of(email));
    let address = Some(from.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), network));
    [(account, address), (None, address), (account, None)]
}

/// Drops what has ended; where that is nothing, the half that ends first.
fn make_room(windows: &mut HashMap<Key, Window>, now: i64) {
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
            attempts.begin("a@example.org", HERE, false, 1000).unwrap();
        }
        assert_eq!(attempts.begin("a@example.org", HERE, false, 1000), Err(WINDOW_MS));
        assert_eq!(attempts.begin("a@example.org", HERE, false, 2000), Err(WINDOW_MS - 1000));
        attempts.begin("a@example.org", None, false, 2000).unwrap();
        attempts.begin("b@example.org", HERE, false, 2000).unwrap();
        attempts.begin("a@example.org", HERE, false, 1000 + WINDOW_MS).unwrap();
    }

    #[test]
    fn success_forgets_the_failures() {
        let attempts = Attempts::default();
        for _ in 0..FAILURES {
            attempts.begin("a@example.org", HERE, false, 0).unwrap();
        }
        attempts.succeeded("a@example.org", HERE);
        attempts.begin("a@example.org", HERE, false, 0).unwrap();
    }

    #[test]
    fn an_undecided_attempt_does_not_count() {
        let attempts = Attempts::default();
        for _ in 0..3 * FAILURES {
            attempts.begin("a@example.org", HERE, false, 0).unwrap();
            attempts.undecided("a@example.org", HERE);
        }
    }

    /// X5: the memory of failures is bounded.
    #[test]
    fn x5_what_is_remembered_is_bounded() {
        let attempts = Attempts::default();
        for index in 0..3 * REMEMBERED {
            let now = i64::try_from(index).unwrap();
            let from = IpAddr::V4(std::net::Ipv4Addr::from(u32::try_from(index).unwrap()));
            attempts.begin(&format!("{index}@example.org"), Some(from), false, now).unwrap();
        }
        assert!(attempts.0.lock().len() <= REMEMBERED);
    }

    /// X40: many accounts from one address, and one account from many, are limited too; whoever is signed in from somewhere
    /// is not shut out there by failures elsewhere.
    #[test]
    fn x40_spraying_is_limited_too() {
        let attempts = Attempts::default();
        let name = |index: u32| format!("{index}@example.org");
        let limited = (0..1_000).position(|index| attempts.begin(&name(index), HERE, false, 0).is_err());
        assert_eq!(limited, Some(FAILURES_OF_ADDRESS as usize));
        let from = |index: u32| Some(IpAddr::V6(Ipv6Addr::from(u128::from(index) << 64 | 1)));
        let limited = (1..1_000).position(|index| attempts.begin("ann@example.org", from(index), false, 0).is_err());
        assert_eq!(limited, Some(FAILURES_OF_ACCOUNT as usize));
        attempts.begin("ann@example.org", from(2_000), true, 0).unwrap();
        // One network of the newer kind is one address.
        let near = |index: u32| Some(IpAddr::V6(Ipv6Addr::from(7_u128 << 64 | u128::from(index))));
        let limited = (1..100).position(|index| attempts.begin("bob@example.org", near(index), false, 0).is_err());
        assert_eq!(limited, Some(FAILURES as usize));
    }
}
