//! Latencies, in microseconds, with three significant digits up to one minute.
//!
//! One for each task, merged at the end, so that recording costs no lock. Called by every measurement.

use std::time::Duration;

use hdrhistogram::Histogram;

const LONGEST_US: u64 = 60_000_000;

#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_US, 3).expect("invariant: the bounds are valid"))
    }
}

impl Latencies {
    /// What is longer than a minute counts as a minute.
    pub fn record(&mut self, took: Duration) {
        self.record_us(u64::try_from(took.as_micros()).unwrap_or(LONGEST_US));
    }

    pub fn record_us(&mut self, us: u64) {
        self.0.saturating_record(us.clamp(1, LONGEST_US));
    }

    pub fn merge(&mut self, other: &Self) {
        self.0 += &other.0;
    }

    pub fn clear(&mut self) {
        self.0.reset();
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that this share (0 to 1) of all stayed within, in milliseconds.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1000.0
    }

    pub fn max_ms(&self) -> f64 {
        self.0.max() as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_merged_histograms_are_those_of_all() {
        let (mut low, mut high) = (Latencies::default(), Latencies::default());
        for ms in 1..=50 {
            low.record(Duration::from_millis(ms));
            high.record(Duration::from_millis(ms + 50));
        }
        low.merge(&high);
        assert_eq!(low.count(), 100);
        assert!((low.quantile_ms(0.5) - 50.0).abs() < 0.1, "{}", low.quantile_ms(0.5));
        assert!((low.quantile_ms(0.99) - 99.0).abs() < 0.2);
        assert!((low.max_ms() - 100.0).abs() < 0.2);
    }

    #[test]
    fn what_is_too_long_counts_as_a_minute() {
        let mut all = Latencies::default();
        all.record(Duration::from_secs(3600));
        assert_eq!(all.count(), 1);
        assert!(all.max_ms() >= 59_000.0);
    }
}
