//! What came of a run: figures, thresholds, proofs, and the seconds they are made of; as JSON, as a page, and as lines.
//!
//! Every figure has one name, used by thresholds, by the page and to compare with an earlier run. Called by `run`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::bench::figures::{Machine, number};
use crate::histogram::Latencies;
use crate::ledger::Outcome;
use crate::meters::{Meters, Point};
use crate::proof::{Evidence, Proof};
use crate::scenario::{Bound, Scenario};

mod compare;
mod page;
mod plot;

pub use compare::Change;

/// Quantiles that are shown and compared.
const QUANTILES: [(&str, f64); 5] =
    [("p50_ms", 0.5), ("p90_ms", 0.9), ("p99_ms", 0.99), ("p999_ms", 0.999), ("max_ms", 1.0)];
/// Shares at which a curve is drawn: closer and closer to all.
const CURVE: [f64; 14] =
    [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.999_99, 0.999_999];

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    pub scenario: String,
    pub about: String,
    pub began_at: String,
    pub seconds: f64,
    pub warm_up_s: f64,
    pub seed: u64,
    pub machine: Machine,
    pub passed: bool,
    pub figures: BTreeMap<String, f64>,
    pub thresholds: Vec<Threshold>,
    pub proofs: Vec<Proof>,
    /// Commands by their last answer.
    pub outcomes: BTreeMap<String, u64>,
    /// (share, milliseconds) of each series.
    pub curves: BTreeMap<String, Vec<(f64, f64)>>,
    pub series: BTreeMap<String, Vec<Point>>,
    pub load: Vec<Load>,
    pub events: Vec<Event>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Threshold {
    pub figure: String,
    pub at_most: Option<f64>,
    pub at_least: Option<f64>,
    /// None where it was not measured, which fails as well.
    pub value: Option<f64>,
    pub holds: bool,
}

/// The machine in one second.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Load {
    pub at_s: f64,
    pub rss_mib: f64,
    pub server_cores: f64,
    pub own_cores: f64,
    /// Records shown to anybody up to now.
    pub shown: u64,
}

/// Something that was done to the server.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Event {
    pub at_s: f64,
    pub what: String,
}

impl Report {
    pub fn new(title: &str, scenario: &Scenario, seed: u64) -> Self {
        Self {
            scenario: title.to_owned(),
            about: scenario.about.clone(),
            began_at: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            seconds: scenario.seconds,
            warm_up_s: scenario.warm_up_s,
            seed,
            machine: Machine::here(),
            passed: false,
            figures: BTreeMap::new(),
            thresholds: Vec::new(),
            proofs: Vec::new(),
            outcomes: BTreeMap::new(),
            curves: BTreeMap::new(),
            series: BTreeMap::new(),
            load: Vec::new(),
            events: Vec::new(),
        }
    }

    pub fn figure(&mut self, name: &str, value: f64) {
        self.figures.insert(name.to_owned(), value);
    }

    pub fn measured(&mut self, meters: &Meters, seconds: f64) {
        for (series, latencies) in meters.totals() {
            self.figure(&format!("{series}.count"), latencies.count() as f64);
            self.figure(&format!("{series}.per_s"), latencies.count() as f64 / seconds.max(0.001));
            for (name, share) in QUANTILES {
                self.figure(&format!("{series}.{name}"), latencies.quantile_ms(share));
            }
            self.curves.insert(series.to_owned(), curve(&latencies));
        }
        self.series = meters.seconds().into_iter().map(|(series, points)| (series.to_owned(), points)).collect();
    }

    pub fn load(&mut self, load: Vec<Load>, warm_up_s: f64) {
        let seen: Vec<&Load> = load.iter().filter(|load| load.rss_mib > 0.0).collect();
        let counted: Vec<&&Load> = seen.iter().filter(|load| load.at_s > warm_up_s).collect();
        if !counted.is_empty() {
            let mean = |of: fn(&Load) -> f64| counted.iter().map(|load| of(load)).sum::<f64>() / counted.len() as f64;
            let (server, own) = (mean(|load| load.server_cores), mean(|load| load.own_cores));
            self.figure("server.cores", server);
            self.figure("load_tests.cores", own);
            self.figure("server.rss_max_mib", seen.iter().map(|load| load.rss_mib).fold(0.0, f64::max));
            // Caches fill at first: growth is from the second quarter of the run to the last.
            let quarter = counted.len() / 4;
            if quarter > 0 {
                let mean = |part: &[&&Load]| part.iter().map(|load| load.rss_mib).sum::<f64>() / part.len() as f64;
                let (early, late) = (&counted[quarter..2 * quarter], &counted[counted.len() - quarter..]);
                self.figure("server.rss_growth_mib", mean(late) - mean(early));
            }
        }
        self.load = load;
    }

    pub fn counted(&mut self, evidence: &Evidence, seconds: f64) {
        for sent in &evidence.sent {
            *self.outcomes.entry(sent.outcome.title()).or_default() += 1;
        }
        let count = |wanted: &dyn Fn(&crate::ledger::Sent) -> bool| {
            evidence.sent.iter().filter(|sent| wanted(sent)).count() as f64
        };
        let in_doubt = count(&|sent| sent.outcome == Outcome::InDoubt);
        let repeated = count(&|sent| sent.repeated);
        let refused = count(&|sent| matches!(sent.outcome, Outcome::Refused { .. }) && !sent.outcome.is_rule());
        self.figure("commands.in_doubt", in_doubt);
        self.figure("commands.repeated", repeated);
        self.figure("commands.refused", refused);
        self.figure("records", evidence.records.len() as f64);
        self.figure("records.per_s", evidence.records.len() as f64 / seconds);
        self.figure("shown", evidence.shown_count as f64);
        self.figure("shown.per_s", evidence.shown_count as f64 / seconds);
        let waiting =
            evidence.last.board.iter().filter(|ticket| {
                ticket["assignee"].is_null() && matches!(ticket["status"].as_str(), Some("new" | "open"))
            });
        let waiting = waiting.count() as f64;
        self.figure("queue.left", waiting);
    }

    pub fn events(&mut self, events: Vec<Event>) {
        self.events = events;
    }

    /// The commands' p99 over that of a run without triage, judged like every other figure.
    pub fn compare_p99(&mut self, without: f64, thresholds: &BTreeMap<String, Bound>) {
        let with = self.figures.get("commands.p99_ms").copied().unwrap_or(f64::INFINITY);
        self.figure("triage.p99_without_ms", without);
        self.figure("triage.p99_ratio", with / without.max(0.001));
        let proofs = std::mem::take(&mut self.proofs);
        self.judge(proofs, thresholds);
    }

    /// Passes when every proof holds and every threshold does.
    pub fn judge(&mut self, proofs: Vec<Proof>, thresholds: &BTreeMap<String, Bound>) {
        self.proofs = proofs;
        self.thresholds = thresholds
            .iter()
            .map(|(figure, bound)| {
                let value = self.figures.get(figure).copied();
                Threshold {
                    figure: figure.clone(),
                    at_most: bound.at_most,
                    at_least: bound.at_least,
                    value,
                    holds: value.is_some_and(|value| bound.holds(value)),
                }
            })
            .collect();
        self.passed = !self.has_broken() && self.thresholds.iter().all(|threshold| threshold.holds);
    }

    /// A promise was broken, which somebody will want to look into.
    pub fn has_broken(&self) -> bool {
        !self.proofs.iter().all(Proof::holds)
    }

    pub fn read(file: &Path) -> Result<Self> {
        let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is no report of a run", file.display()))
    }

    pub fn write(&self, html: &Path, json: &Path, earlier: Option<&Self>) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("figures are finite")? + "\n";
        fs::write(json, text).with_context(|| format!("cannot write {}", json.display()))?;
        fs::write(html, page::page(self, earlier)).with_context(|| format!("cannot write {}", html.display()))
    }

    /// For a terminal.
    pub fn summary(&self, earlier: Option<&Self>) -> String {
        let mut text = format!("\n{}: {}\n", self.scenario, self.about);
        let _ = writeln!(text, "{} s, seed {}, {} cores", self.seconds, self.seed, self.machine.cores);
        let _ = writeln!(
            text,
            "\n{:<14}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "ms", "count", "p50", "p90", "p99", "p99.9", "max"
        );
        for series in self.curves.keys() {
            let of = |name: &str| self.figures.get(&format!("{series}.{name}")).copied().map_or(String::new(), number);
            let _ = writeln!(
                text,
                "{series:<14}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
                of("count"),
                of("p50_ms"),
                of("p90_ms"),
                of("p99_ms"),
                of("p999_ms"),
                of("max_ms")
            );
        }
        text.push('\n');
        for (name, value) in self.figures.iter().filter(|(name, _)| !self.is_of_a_series(name)) {
            let _ = writeln!(text, "{name:<32}{:>12}", number(*value));
        }
        let outcomes: Vec<String> = self.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
        let _ = writeln!(text, "commands: {}", outcomes.join(", "));
        if let Some(earlier) = earlier {
            let _ = writeln!(text, "\ncompared with {} (seed {})", earlier.began_at, earlier.seed);
            for Change { figure, before, now, percent } in compare::changes(earlier, self) {
                let _ = writeln!(text, "  {figure:<32}{:>12} → {:>12}  {percent:+.0} %", number(before), number(now));
            }
        }
        text.push('\n');
        for proof in &self.proofs {
            let mark = if proof.holds() { "kept  " } else { "BROKEN" };
            let _ = writeln!(text, "{mark} {} ({}; {} checked)", proof.promise, proof.ids, proof.checked);
            for example in &proof.examples {
                let _ = writeln!(text, "         {example}");
            }
        }
        for threshold in &self.thresholds {
            let mark = if threshold.holds { "within" } else { "OVER  " };
            let value = threshold.value.map_or("not measured".to_owned(), number);
            let _ = writeln!(text, "{mark} {} = {value} ({})", threshold.figure, threshold.bounds());
        }
        let _ = writeln!(text, "\n{}", if self.passed { "passed" } else { "FAILED" });
        text
    }

    fn is_of_a_series(&self, figure: &str) -> bool {
        figure.rsplit_once('.').is_some_and(|(series, name)| {
            self.curves.contains_key(series)
                && (matches!(name, "count" | "per_s") || QUANTILES.iter().any(|(known, _)| *known == name))
        })
    }
}

impl Threshold {
    pub fn bounds(&self) -> String {
        let bounds = [
            self.at_least.map(|bound| format!("≥ {}", number(bound))),
            self.at_most.map(|bound| format!("≤ {}", number(bound))),
        ];
        bounds.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// As far as there are enough of them: one in a thousand means nothing among a hundred.
fn curve(latencies: &Latencies) -> Vec<(f64, f64)> {
    let enough = |share: f64| (1.0 - share) * latencies.count() as f64 >= 1.0;
    CURVE.into_iter().filter(|share| enough(*share)).map(|share| (share, latencies.quantile_ms(share))).collect()
}
