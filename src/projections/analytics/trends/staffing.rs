//! How many agents an hour needs: Erlang's delay formula (A. K. Erlang, 1917), with the arrivals and handling times that were measured.
//!
//! With the load `a = arrivals * handling`, the probability of waiting at all is `C = n B / (n - a (1 - B))`, where `B` is Erlang's loss
//! formula by its recursion `B(n) = a B(n-1) / (n + a B(n-1))`; a share `1 - C exp(-(n - a) target / handling)` is taken within the target.
//! It assumes that nobody goes away unanswered, which for tickets is so.

const MOST_AGENTS: u32 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Needed {
    pub agents: u32,
    pub share_in_time: f64,
    pub occupancy: f64,
}

/// The fewest agents that reach the target with so many tickets an hour.
pub fn needed(arrivals_per_h: f64, handling_ms: i64, target_ms: i64, target_share: f64) -> Needed {
    let handling = handling_ms.max(1) as f64;
    let load = arrivals_per_h.max(0.0) * handling / 3_600_000.0;
    if load <= 0.0 {
        return Needed { agents: 0, share_in_time: 1.0, occupancy: 0.0 };
    }
    let mut blocked = 1.0;
    let mut last = Needed { agents: 0, share_in_time: 0.0, occupancy: 1.0 };
    for agents in 1..=MOST_AGENTS {
        let n = f64::from(agents);
        blocked = load * blocked / (n + load * blocked);
        if n <= load {
            continue;
        }
        let waiting = n * blocked / (n - load * (1.0 - blocked));
        let share_in_time = 1.0 - waiting * (-(n - load) * target_ms as f64 / handling).exp();
        last = Needed { agents, share_in_time, occupancy: load / n };
        if share_in_time >= target_share {
            return last;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A33: Erlang's own examples, and the edges.
    #[test]
    fn a33_erlang_c_gives_the_known_values() {
        // Ten erlangs (20 calls an hour of half an hour) and a target of no wait: with 14 agents 17.4 % wait.
        let found = needed(20.0, 1_800_000, 0, 0.82);
        assert_eq!(found.agents, 14);
        assert!((found.share_in_time - (1.0 - 0.1741)).abs() < 0.0005, "{found:?}");
        assert!((found.occupancy - 10.0 / 14.0).abs() < 1e-9);
        assert_eq!(needed(0.0, 600_000, 60_000, 0.8).agents, 0);
        let more = needed(20.0, 1_800_000, 0, 0.95);
        assert!(more.agents > 14 && more.share_in_time >= 0.95);
        assert!(needed(1e12, 3_600_000, 0, 0.9).agents <= MOST_AGENTS);
    }
}
