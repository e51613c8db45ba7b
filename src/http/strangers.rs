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
}

/// Addresses that are remembered; whoever has been silent long enough to have everything back is forgotten first.
const REMEMBERED: usize = 100_000;

impl Strangers {
    pub fn new(limits: &Limits) -> Self {
        let least = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(least(limits.anonymous_calls_per_s)).allow_burst(least(limits.anonymous_burst));
        Self {
            limiter: RateLimiter::dashmap_with_clock(quota, QuantaClock::default())
                .with_middleware::<StateInformationMiddleware>(),
            burst: limits.anonymous_burst,
        }
    }

    /// Takes one call; `Err` has the milliseconds to wait.
    pub fn take_call(&self, from: Option<IpAddr>) -> Result<Allowance, u64> {
        let from = from.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), network);
        if self.limiter.len() > REMEMBERED {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(&from) {
            Ok(snapshot) => Ok(Allowance { per_s: self.burst, left: snapshot.remaining_burst_capacity() }),
            Err(until) => {
                let wait = until.wait_time_from(self.limiter.clock().now());
                Err(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1))
            }
        }
    }
}
