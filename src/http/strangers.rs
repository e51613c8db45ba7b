//! How much may be asked without a sign-in, by address. Whoever is signed in is counted by the credential, elsewhere.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use governor::clock::{Clock as _, QuantaClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::config::Limits;
use crate::people::{Allowance, network};

type Limiter = RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, QuantaClock, StateInformationMiddleware>;

pub struct Strangers {
    limiter: Limiter,
    burst: u32,
    /// What is written into the request form, and by private links.
    posts: Limiter,
    /// Files announced there, by the unit.
    files: Limiter,
}

/// Bytes of files are counted by this many.
const UNIT_BYTES: u64 = 1024;
const HOUR_MS: u64 = 3_600_000;

/// Addresses that are remembered; whoever has been silent long enough to have everything back is forgotten first.
const REMEMBERED: usize = 100_000;

impl Strangers {
    pub fn new(limits: &Limits) -> Self {
        let least = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(least(limits.anonymous_calls_per_s)).allow_burst(least(limits.anonymous_burst));
        let posts = Quota::per_hour(least(limits.form_posts_per_h)).allow_burst(least(limits.form_burst));
        let files = least(units(limits.form_bytes_per_h));
        let limiter = |quota| {
            RateLimiter::dashmap_with_clock(quota, QuantaClock::default())
                .with_middleware::<StateInformationMiddleware>()
        };
        Self {
            limiter: limiter(quota),
            burst: limits.anonymous_burst,
            posts: limiter(posts),
            files: limiter(Quota::per_hour(files)),
        }
    }

    /// Takes one call; `Err` has the milliseconds to wait.
    pub fn take_call(&self, from: Option<IpAddr>) -> Result<Allowance, u64> {
        let left = take(&self.limiter, from)?;
        Ok(Allowance { per_s: self.burst, left })
    }

    /// Takes one request or answer of a customer; `Err` has the milliseconds to wait.
    pub fn take_post(&self, from: Option<IpAddr>) -> Result<(), u64> {
        take(&self.posts, from).map(drop)
    }

    /// Takes a file of so many bytes; `Err` has the milliseconds to wait.
    pub fn take_file(&self, from: Option<IpAddr>, bytes: u64) -> Result<(), u64> {
        take_many(&self.files, from, units(bytes)).map(drop)
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

/// How many are left.
fn take(limiter: &Limiter, from: Option<IpAddr>) -> Result<u32, u64> {
    take_many(limiter, from, 1)
}

fn take_many(limiter: &Limiter, from: Option<IpAddr>, many: u32) -> Result<u32, u64> {
    let many = NonZeroU32::new(many).unwrap_or(NonZeroU32::MIN);
    let from = from.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), network);
    if limiter.len() > REMEMBERED {
        limiter.retain_recent();
    }
    match limiter.check_key_n(&from, many) {
        Ok(Ok(snapshot)) => Ok(snapshot.remaining_burst_capacity()),
        // More than there ever is at once.
        Err(_) => Err(HOUR_MS),
        Ok(Err(until)) => {
            let wait = until.wait_time_from(limiter.clock().now());
            Err(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1))
        }
    }
}
