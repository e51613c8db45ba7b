//! The desk's own figures, in the text format of Prometheus: a small registry that everybody may bump and `/metrics` prints.
//!
//! One [`Telemetry`] for the process, handed down from `app`; there is no global. Names begin with `hotdesk_`, carry their unit
//! last, and labels have few values: never a ticket's, a user's or a session's id.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

/// Bounds for durations, in seconds.
pub const SECONDS: &[f64] =
    &[0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Bounds for sizes and counts.
pub const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0];

/// Only grows.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Goes up and down.
#[derive(Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub fn add(&self, more: i64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How values are spread over fixed bounds.
pub struct Histogram {
    bounds: &'static [f64],
    /// One for each bound and one beyond; not cumulative.
    buckets: Vec<AtomicU64>,
    /// The bits of an `f64`.
    sum: AtomicU64,
}

impl Histogram {
    fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, buckets: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    pub fn observe(&self, value: f64) {
        self.observe_many(value, 1);
    }

    /// The same value so many times.
    pub fn observe_many(&self, value: f64, times: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.buckets[bucket].fetch_add(times, Ordering::Relaxed);
        let add = |bits| Some((f64::from_bits(bits) + value * times as f64).to_bits());
        self.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).expect("invariant: the update never gives up");
    }

    pub fn observe_duration(&self, took: Duration) {
        self.observe(took.as_secs_f64());
    }

    fn tell(&self, figure: &mut Figure) {
        let count = self.count();
        figure.count = Some(count);
        if count == 0 {
            return;
        }
        let quantile = |q: f64| {
            let rank = (q * count as f64).ceil() as u64;
            let mut seen = 0;
            let bucket = self.buckets.iter().position(|bucket| {
                seen += bucket.load(Ordering::Relaxed);
                seen >= rank
            });
            bucket.and_then(|bucket| self.bounds.get(bucket)).or(self.bounds.last()).copied()
        };
        figure.mean = Some(f64::from_bits(self.sum.load(Ordering::Relaxed)) / count as f64);
        (figure.median, figure.p99) = (quantile(0.5), quantile(0.99));
    }

    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }
}

/// One figure as a number, or how its values spread.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    pub name: &'static str,
    pub help: &'static str,
    /// As they are printed: `{route="/api/v1/me"}`.
    pub labels: String,
    pub value: Option<f64>,
    pub count: Option<u64>,
    pub mean: Option<f64>,
    /// Upper ends of the buckets that hold the quantiles; beyond the last one it is the last one.
    pub median: Option<f64>,
    pub p99: Option<f64>,
}

enum Metric {
    Counter(Arc<Counter>),
    Gauge(Arc<Gauge>),
    Histogram(Arc<Histogram>),
    /// Asked when it is printed.
    Asked(Box<dyn Fn() -> f64 + Send + Sync>),
}

struct Family {
    help: &'static str,
    kind: &'static str,
    /// By the printed labels, `{route="/api/v1/me"}` or nothing.
    metrics: BTreeMap<String, Metric>,
}

/// All figures of the process.
#[derive(Default)]
pub struct Telemetry {
    families: RwLock<BTreeMap<&'static str, Family>>,
}

type Labels<'a> = &'a [(&'a str, &'a str)];

impl Telemetry {
    /// The counter of that name and those labels, made where there is none. Keep it: finding it takes a lock.
    pub fn counter(&self, name: &'static str, help: &'static str, labels: Labels<'_>) -> Arc<Counter> {
        let make = || Metric::Counter(Arc::default());
        self.find(name, help, "counter", labels, make, |metric| match metric {
            Metric::Counter(counter) => Some(counter.clone()),
            _ => None,
        })
    }

    pub fn gauge(&self, name: &'static str, help: &'static str, labels: Labels<'_>) -> Arc<Gauge> {
        let make = || Metric::Gauge(Arc::default());
        self.find(name, help, "gauge", labels, make, |metric| match metric {
            Metric::Gauge(gauge) => Some(gauge.clone()),
            _ => None,
        })
    }

    pub fn histogram(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
        bounds: &'static [f64],
    ) -> Arc<Histogram> {
        let make = || Metric::Histogram(Arc::new(Histogram::new(bounds)));
        self.find(name, help, "histogram", labels, make, |metric| match metric {
            Metric::Histogram(histogram) => Some(histogram.clone()),
            _ => None,
        })
    }

    /// A gauge whose value somebody else knows: asked at each print, so it must be quick.
    pub fn ask(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let mut families = self.families.write();
        let family = families.entry(name).or_insert(Family { help, kind: "gauge", metrics: BTreeMap::new() });
        family.metrics.insert(print_labels(labels), Metric::Asked(Box::new(value)));
    }

    fn find<T>(
        &self,
        name: &'static str,
        help: &'static str,
        kind: &'static str,
        labels: Labels<'_>,
        make: impl FnOnce() -> Metric,
        pick: impl Fn(&Metric) -> Option<T>,
    ) -> T {
        let labels = print_labels(labels);
        let found = self.families.read().get(name).and_then(|family| family.metrics.get(&labels).and_then(&pick));
        if let Some(found) = found {
            return found;
        }
        let mut families = self.families.write();
        let family = families.entry(name).or_insert(Family { help, kind, metrics: BTreeMap::new() });
        pick(family.metrics.entry(labels).or_insert_with(make)).expect("invariant: one name is one kind of metric")
    }

    /// All figures as numbers, in order of name and labels.
    pub fn read(&self) -> Vec<Figure> {
        let mut figures = Vec::new();
        for (name, family) in self.families.read().iter() {
            for (labels, metric) in &family.metrics {
                let mut figure = Figure { name, help: family.help, labels: labels.clone(), ..Figure::default() };
                match metric {
                    Metric::Counter(counter) => figure.value = Some(counter.get() as f64),
                    Metric::Gauge(gauge) => figure.value = Some(gauge.get() as f64),
                    Metric::Asked(ask) => figure.value = Some(ask()),
                    Metric::Histogram(histogram) => histogram.tell(&mut figure),
                }
                figures.push(figure);
            }
        }
        figures
    }

    /// Prometheus' text format, version 0.0.4.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for (name, family) in self.families.read().iter() {
            let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {}", family.help, family.kind);
            for (labels, metric) in &family.metrics {
                match metric {
                    Metric::Counter(counter) => drop(writeln!(text, "{name}{labels} {}", counter.get())),
                    Metric::Gauge(gauge) => drop(writeln!(text, "{name}{labels} {}", gauge.get())),
                    Metric::Asked(ask) => drop(writeln!(text, "{name}{labels} {}", ask())),
                    Metric::Histogram(histogram) => render_histogram(&mut text, name, labels, histogram),
                }
            }
        }
        text
    }
}

fn render_histogram(text: &mut String, name: &str, labels: &str, histogram: &Histogram) {
    let inner = labels.trim_start_matches('{').trim_end_matches('}');
    let comma = if inner.is_empty() { "" } else { "," };
    let mut count = 0;
    for (index, bucket) in histogram.buckets.iter().enumerate() {
        count += bucket.load(Ordering::Relaxed);
        let bound = histogram.bounds.get(index).map_or_else(|| "+Inf".to_owned(), f64::to_string);
        let _ = writeln!(text, "{name}_bucket{{{inner}{comma}le=\"{bound}\"}} {count}");
    }
    let sum = f64::from_bits(histogram.sum.load(Ordering::Relaxed));
    let _ = writeln!(text, "{name}_sum{labels} {sum}\n{name}_count{labels} {count}");
}

fn print_labels(labels: Labels<'_>) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let escape = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_printed() {
        let telemetry = Telemetry::default();
        let labels: Labels<'_> = &[("route", "/a\"b")];
        telemetry.counter("hotdesk_requests_total", "Requests.", labels).add(2);
        telemetry.counter("hotdesk_requests_total", "Requests.", labels).add(1);
        telemetry.gauge("hotdesk_sessions", "Open sockets.", &[]).set(-4);
        telemetry.ask("hotdesk_seq", "The journal's head.", &[], || 7.0);
        let histogram = telemetry.histogram("hotdesk_group_records", "Records in a group.", &[], &[1.0, 10.0]);
        for value in [1.0, 2.0, 30.0] {
            histogram.observe(value);
        }
        assert_eq!(
            telemetry.render(),
            "# HELP hotdesk_group_records Records in a group.\n\
             # TYPE hotdesk_group_records histogram\n\
             hotdesk_group_records_bucket{le=\"1\"} 1\n\
             hotdesk_group_records_bucket{le=\"10\"} 2\n\
             hotdesk_group_records_bucket{le=\"+Inf\"} 3\n\
             hotdesk_group_records_sum 33\n\
             hotdesk_group_records_count 3\n\
             # HELP hotdesk_requests_total Requests.\n\
             # TYPE hotdesk_requests_total counter\n\
             hotdesk_requests_total{route=\"/a\\\"b\"} 3\n\
             # HELP hotdesk_seq The journal's head.\n\
             # TYPE hotdesk_seq gauge\n\
             hotdesk_seq 7\n\
             # HELP hotdesk_sessions Open sockets.\n\
             # TYPE hotdesk_sessions gauge\n\
             hotdesk_sessions -4\n"
        );
    }
}
