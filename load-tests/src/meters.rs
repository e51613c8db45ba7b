//! Latencies and counts of a run, second by second and over all.
//!
//! People write into shards, a clock drains them once a second: the live view, the plots and the totals come from the same
//! numbers. Knows nothing of what is measured. Called by `people` and `run`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::histogram::Latencies;

const SHARDS: usize = 8;

#[derive(Debug, Default)]
pub struct Meters {
    shards: [Mutex<HashMap<&'static str, Latencies>>; SHARDS],
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    totals: BTreeMap<&'static str, Latencies>,
    seconds: BTreeMap<&'static str, Vec<Point>>,
}

/// One second of one series.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Point {
    pub at_s: f64,
    pub count: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Meters {
    /// `lane` spreads the writers.
    pub fn record(&self, lane: usize, series: &'static str, took: Duration) {
        let mut shard = self.shards[lane % SHARDS].lock().expect("invariant: nobody panics with a shard in hand");
        shard.entry(series).or_default().record(took);
    }

    /// Closes a second; `counts` says whether it belongs to the figures. Returns what happened in it.
    pub fn second(&self, at_s: f64, counts: bool) -> BTreeMap<&'static str, Point> {
        let mut now: BTreeMap<&'static str, Latencies> = BTreeMap::new();
        for shard in &self.shards {
            let mut shard = shard.lock().expect("invariant: nobody panics with a shard in hand");
            for (series, latencies) in shard.iter_mut().filter(|(_, latencies)| latencies.count() > 0) {
                now.entry(*series).or_default().merge(latencies);
                latencies.clear();
            }
        }
        let mut kept = self.kept.lock().expect("invariant: nobody panics with the totals in hand");
        let mut points = BTreeMap::new();
        for (series, latencies) in now {
            let point = Point {
                at_s,
                count: latencies.count(),
                p50_ms: latencies.quantile_ms(0.5),
                p99_ms: latencies.quantile_ms(0.99),
                max_ms: latencies.max_ms(),
            };
            kept.seconds.entry(series).or_default().push(point);
            points.insert(series, point);
            if counts {
                kept.totals.entry(series).or_default().merge(&latencies);
            }
        }
        points
    }

    pub fn totals(&self) -> BTreeMap<&'static str, Latencies> {
        self.kept.lock().expect("invariant: nobody panics with the totals in hand").totals.clone()
    }

    pub fn seconds(&self) -> BTreeMap<&'static str, Vec<Point>> {
        self.kept.lock().expect("invariant: nobody panics with the totals in hand").seconds.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warm_up_is_in_the_plots_and_not_in_the_figures() {
        let meters = Meters::default();
        meters.record(1, "claim", Duration::from_millis(900));
        assert_eq!(meters.second(1.0, false)["claim"].count, 1);
        for lane in 0..20 {
            meters.record(lane, "claim", Duration::from_millis(10));
        }
        let point = meters.second(2.0, true)["claim"];
        assert_eq!(point.count, 20);
        assert!((point.p99_ms - 10.0).abs() < 0.1);
        assert!(meters.second(3.0, true).is_empty());
        assert_eq!(meters.totals()["claim"].count(), 20);
        assert_eq!(meters.seconds()["claim"].len(), 2);
    }
}
