//! How long a change takes from being decided to being handed to a socket. Each thread counts for itself and adds up now and then,
//! so that delivering costs no more for being measured.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::protocol::figures::LatencyFigures;
use crate::telemetry::{Histogram, SECONDS, Telemetry};

/// Upper ends of the bins, in milliseconds; what took longer is in one more. Figures tell the end of the bin.
const ENDS_MS: [u64; 25] = [
    1, 2, 3, 4, 5, 7, 10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 450, 640, 900, 1_280, 2_560, 5_120, 10_240,
    60_000,
];
const WINDOW_MS: i64 = 60_000;

type Bins = [u32; ENDS_MS.len() + 1];

/// One thread's count since it last added up.
#[derive(Default)]
pub struct LatencyCount {
    bins: Bins,
    any: bool,
}

impl LatencyCount {
    pub fn add(&mut self, took_ms: i64) {
        let took = u64::try_from(took_ms).unwrap_or(0);
        self.bins[ENDS_MS.partition_point(|end| *end < took)] += 1;
        self.any = true;
    }
}

/// The last minute of all threads.
pub struct LatencyWindow {
    parts: Mutex<VecDeque<(i64, Bins)>>,
    histogram: Arc<Histogram>,
}

impl LatencyWindow {
    pub fn new(telemetry: &Telemetry) -> Self {
        let help = "From deciding a change to handing it to a socket.";
        Self { parts: Mutex::default(), histogram: telemetry.histogram("hotdesk_delivery_seconds", help, &[], SECONDS) }
    }

    /// Takes a thread's count over and empties it.
    pub fn take(&self, now: i64, count: &mut LatencyCount) {
        if !count.any {
            return;
        }
        for (index, many) in count.bins.iter().enumerate().filter(|(_, many)| **many > 0) {
            let end = ENDS_MS.get(index).copied().unwrap_or(2 * ENDS_MS[ENDS_MS.len() - 1]);
            self.histogram.observe_many(end as f64 / 1_000.0, u64::from(*many));
        }
        let mut parts = self.parts.lock();
        parts.push_back((now, std::mem::take(count).bins));
        while parts.front().is_some_and(|(at, _)| *at < now - WINDOW_MS) {
            parts.pop_front();
        }
    }

    pub fn figures(&self, now: i64) -> LatencyFigures {
        let mut bins: [u64; ENDS_MS.len() + 1] = [0; ENDS_MS.len() + 1];
        for (at, part) in self.parts.lock().iter() {
            if (now - WINDOW_MS..=now).contains(at) {
                bins.iter_mut().zip(part).for_each(|(all, more)| *all += u64::from(*more));
            }
        }
        let count: u64 = bins.iter().sum();
        let quantile = |q: f64| {
            let rank = (q * count as f64).ceil().max(1.0) as u64;
            let mut seen = 0;
            let index = bins.iter().position(|many| {
                seen += many;
                seen >= rank
            });
            index.map(|index| ENDS_MS.get(index).copied().unwrap_or(2 * ENDS_MS[ENDS_MS.len() - 1]))
        };
        let told = |q: f64| if count == 0 { None } else { quantile(q) };
        LatencyFigures { count, median_ms: told(0.5), p95_ms: told(0.95), p99_ms: told(0.99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A5: the time from deciding to a socket is told for the last minute.
    #[test]
    fn a5_latency_is_that_of_the_last_minute() {
        let window = LatencyWindow::new(&Telemetry::default());
        assert_eq!(window.figures(0), LatencyFigures::default());
        let mut count = LatencyCount::default();
        for took in [0, 1, 6, 6, 90_000] {
            count.add(took);
        }
        window.take(1_000, &mut count);
        let figures = window.figures(2_000);
        assert_eq!((figures.count, figures.median_ms, figures.p99_ms), (5, Some(7), Some(120_000)));
        count.add(3);
        window.take(62_000, &mut count);
        assert_eq!(window.figures(62_000).count, 1);
    }
}
