//! How many agents an hour needs, from the arrivals and handling times that were measured: Erlang C where everybody waits as long as it
//! takes, Erlang A where people give up.
//!
//! Both are one birth and death process with arrivals `lambda`, `n` agents who take `1 / mu` each, and people who wait `1 / theta` on
//! average before they give up (`theta = 0` for Erlang C): state `k` is left downwards at `min(k, n) mu + max(k - n, 0) theta`
//! (A. K. Erlang, 1917; C. Palm, *Research on telephone traffic carried by full availability groups*, 1957). What is taken within the
//! target comes from the wait that is offered, whose density is `lambda p(n-1) exp(lambda (1 - exp(-theta x)) / theta - n mu x)`
//! (Baccelli and Hebuterne, *On queues with impatient customers*, 1981; Mandelbaum and Zeltyn, *Service engineering in action: the
//! Palm/Erlang-A queue*, 2007).

const MOST_AGENTS: u32 = 10_000;
/// Steps of Simpson's rule, which is good for twelve digits here.
const STEPS: usize = 512;
const UNIT: f64 = 1e200;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Needed {
    pub agents: u32,
    pub share_in_time: f64,
    pub occupancy: f64,
    /// The share that gives up.
    pub lost: f64,
}

/// What the hours are staffed for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    pub wait_ms: i64,
    pub share: f64,
    /// How long people wait on average before they give up; `None` for as long as it takes.
    pub patience_ms: Option<i64>,
}

/// The fewest agents that reach the target with so many tickets an hour.
pub fn needed(arrivals_per_h: f64, handling_ms: i64, target: &Target) -> Needed {
    let load = arrivals_per_h.max(0.0) * handling_ms.max(1) as f64 / 3_600_000.0;
    if load <= 0.0 {
        return Needed { agents: 0, share_in_time: 1.0, occupancy: 0.0, lost: 0.0 };
    }
    let with = |agents: u32| reached(agents, arrivals_per_h, handling_ms, target);
    // More agents never make it worse, so the fewest are found by halves.
    let (mut low, mut high) = (1, MOST_AGENTS);
    while low < high {
        let middle = low.midpoint(high);
        if with(middle).share_in_time >= target.share { high = middle } else { low = middle + 1 }
    }
    with(low)
}

/// What so many agents reach.
pub fn reached(agents: u32, arrivals_per_h: f64, handling_ms: i64, target: &Target) -> Needed {
    let lambda = arrivals_per_h / 3_600_000.0;
    let mu = 1.0 / handling_ms.max(1) as f64;
    let theta = target.patience_ms.map_or(0.0, |patience| 1.0 / patience.max(1) as f64);
    let (n, load) = (f64::from(agents), lambda / mu);
    if theta <= 0.0 && n <= load {
        return Needed { agents, share_in_time: 0.0, occupancy: 1.0, lost: 0.0 };
    }
    // Erlang's loss formula by its recursion gives the state in which all are busy and nobody waits, relative to those below.
    let mut blocked = 1.0;
    for k in 1..=agents {
        blocked = load * blocked / (f64::from(k) + load * blocked);
    }
    // All states but the free ones, relative to the sum of those up to the first in which all are busy; what grows beyond any number
    // (a flood) is counted in units of `UNIT`.
    let (mut free, mut busy, mut lost, mut units) = (1.0 - blocked, blocked, 0.0, 0.0);
    if theta <= 0.0 {
        busy *= n / (n - load);
    } else {
        let mut state = blocked;
        for waiting in 1_u32.. {
            state *= lambda / (n * mu + f64::from(waiting) * theta);
            busy += state;
            lost += f64::from(waiting) * theta * state / lambda;
            if state <= 1e-15 * busy {
                break;
            }
            if state > UNIT {
                units += 1.0;
                for sum in [&mut free, &mut busy, &mut lost, &mut state] {
                    *sum /= UNIT;
                }
            }
        }
    }
    let total = free + busy;
    let (free, lost) = (free / total, lost / total);
    // The share of the time with one agent free, as its logarithm.
    let one_free = (blocked * n / load).ln() - total.ln() - units * UNIT.ln();
    let offered = |x: f64| {
        let stay = if theta > 0.0 { lambda * (-(-theta * x).exp_m1()) / theta } else { lambda * x };
        (lambda.ln() + one_free + stay - n * mu * x - theta * x).exp()
    };
    let share = free + simpson(offered, target.wait_ms.max(0) as f64, n * mu);
    let occupancy = (load * (1.0 - lost) / n).min(1.0);
    Needed { agents, share_in_time: share.clamp(0.0, 1.0), occupancy, lost }
}

/// The integral from 0 to `to`, in pieces that grow from the scale on which the function changes.
fn simpson(of: impl Fn(f64) -> f64, to: f64, rate: f64) -> f64 {
    let (mut from, mut length, mut sum) = (0.0, 8.0 / rate, 0.0);
    while from < to {
        let end = (from + length).min(to);
        let step = (end - from) / STEPS as f64;
        let inner: f64 =
            (1..STEPS).map(|index| of(from + step * index as f64) * if index % 2 == 1 { 4.0 } else { 2.0 }).sum();
        let piece = (of(from) + inner + of(end)) * step / 3.0;
        sum += piece;
        if piece < 1e-14 {
            break;
        }
        (from, length) = (end, length * 2.0);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(wait_ms: i64, share: f64, patience_ms: Option<i64>) -> Target {
        Target { wait_ms, share, patience_ms }
    }

    /// A33: Erlang's own examples, and the edges.
    #[test]
    fn a33_erlang_c_gives_the_known_values() {
        // Ten erlangs (20 calls an hour of half an hour) and a target of no wait: with 14 agents 17.4 % wait.
        let found = needed(20.0, 1_800_000, &target(0, 0.82, None));
        assert_eq!(found.agents, 14);
        assert!((found.share_in_time - (1.0 - 0.1741)).abs() < 0.0005, "{found:?}");
        assert!((found.occupancy - 10.0 / 14.0).abs() < 1e-9);
        // Within x it is 1 - C exp(-(n - a) mu x), in closed form.
        let later = reached(14, 20.0, 1_800_000, &target(600_000, 0.8, None));
        let closed = 1.0 - (1.0 - found.share_in_time) * (-4.0_f64 / 3.0).exp();
        assert!((later.share_in_time - closed).abs() < 1e-9, "{later:?} {closed}");
        assert_eq!(needed(0.0, 600_000, &target(60_000, 0.8, None)).agents, 0);
        let more = needed(20.0, 1_800_000, &target(0, 0.95, None));
        assert!(more.agents > 14 && more.share_in_time >= 0.95);
        assert!(needed(1e12, 3_600_000, &target(0, 0.9, None)).agents <= MOST_AGENTS);
    }

    /// A36: the example of Garnett, Mandelbaum and Reiman (*Designing a call center with impatient customers*, 2002, table 1): 48 calls a
    /// minute of one minute each and 50 agents; who waits two minutes on average before giving up is lost in 3.1 of 100 cases.
    #[test]
    fn a36_erlang_a_gives_the_known_values() {
        let patient = |wait_ms| reached(50, 48.0 * 60.0, 60_000, &target(wait_ms, 0.8, Some(120_000)));
        assert!((patient(0).lost - 0.031).abs() < 0.0005, "{:?}", patient(0));
        assert!((patient(0).occupancy - 0.93).abs() < 0.005);
        // Everybody is answered in the end or lost.
        assert!((patient(3_600_000).share_in_time - (1.0 - patient(0).lost)).abs() < 1e-9);
        // With endless patience it is Erlang C.
        let c = reached(50, 48.0 * 60.0, 60_000, &target(20_000, 0.8, None));
        let a = reached(50, 48.0 * 60.0, 60_000, &target(20_000, 0.8, Some(1 << 52)));
        assert!((a.share_in_time - c.share_in_time).abs() < 1e-4, "{a:?} {c:?}");
        assert!(patient(20_000).share_in_time > c.share_in_time, "who gives up makes room");
        // More work than agents: only the impatient keep the queue finite.
        let flooded = reached(10, 48.0 * 60.0, 60_000, &target(60_000, 0.8, Some(120_000)));
        assert!(flooded.lost > 0.78 && flooded.occupancy > 0.999, "{flooded:?}");
        let impatient = needed(2_880.0, 60_000, &target(20_000, 0.8, Some(120_000))).agents;
        let huge = reached(2, 100_000.0, 3_600_000, &target(0, 0.8, Some(86_400_000)));
        assert!((huge.lost - (1.0 - 2.0 / 100_000.0)).abs() < 1e-6 && huge.share_in_time < 1e-6, "{huge:?}");
        assert!(impatient < needed(2_880.0, 60_000, &target(20_000, 0.8, None)).agents);
    }
}
