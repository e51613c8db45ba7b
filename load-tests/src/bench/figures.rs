//! What was measured, as a table for people and as JSON for programs.
//!
//! Judges figures against the budgets that users feel; decides nothing about exit statuses. Called by `main` and the scenarios.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// One measured value.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    pub measurement: String,
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    /// The budget: more than this is too much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
}

impl Figure {
    pub fn is_over(&self) -> bool {
        self.at_most.is_some_and(|bound| self.value > bound)
    }
}

/// All figures of a run, and everything that went wrong in it.
#[derive(Debug, Default, Serialize)]
pub struct Figures {
    pub machine: Machine,
    pub all: Vec<Figure>,
    /// Broken promises: gaps, repeats, a ticket handed out twice. A run with one has failed.
    pub violations: Vec<String>,
}

/// Figures mean nothing without the machine that they come from.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub memory_bytes: u64,
    pub kernel: String,
}

impl Machine {
    pub fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let after = |text: &str, name: &str| {
            text.lines()
                .find(|line| line.starts_with(name))
                .and_then(|line| line.split_once(':'))
                .map(|(_, value)| value.trim().to_owned())
                .unwrap_or_default()
        };
        let memory_kib = after(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse::<u64>().unwrap_or(0);
        Self {
            processor: after(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_bytes: memory_kib * 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

impl Figures {
    pub fn new() -> Self {
        Self { machine: Machine::here(), ..Self::default() }
    }

    pub fn add(&mut self, measurement: &str, name: &str, value: f64, unit: &'static str) {
        self.push(measurement, name, value, unit, None);
    }

    /// Like [`Figures::add`], for a figure with a budget.
    pub fn judge(&mut self, measurement: &str, name: &str, value: f64, unit: &'static str, at_most: f64) {
        self.push(measurement, name, value, unit, Some(at_most));
    }

    fn push(&mut self, measurement: &str, name: &str, value: f64, unit: &'static str, at_most: Option<f64>) {
        let (measurement, name) = (measurement.to_owned(), name.to_owned());
        self.all.push(Figure { measurement, name, value, unit, at_most });
    }

    pub fn violation(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// The figures from `from` on as aligned lines, one group for each measurement.
    pub fn table(&self, from: usize) -> String {
        let figures = self.all.get(from..).unwrap_or_default();
        let names = figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or(0);
        let values = figures.iter().map(|figure| number(figure.value).chars().count()).max().unwrap_or(0);
        let mut table = String::new();
        let mut group = "";
        for figure in figures {
            if figure.measurement != group {
                group = &figure.measurement;
                let _ = writeln!(table, "\n{group}");
            }
            let _ = write!(table, "  {:<names$}  {:>values$} {}", figure.name, number(figure.value), figure.unit);
            if let Some(bound) = figure.at_most {
                let _ = write!(table, "   (≤ {}: {})", number(bound), if figure.is_over() { "OVER" } else { "within" });
            }
            table.push('\n');
        }
        table
    }

    pub fn write_json(&self, file: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(self).context("figures are finite")?;
        fs::write(file, json + "\n").with_context(|| format!("cannot write {}", file.display()))
    }
}

/// Three significant digits for small numbers, whole ones as they are, grouped thousands for large ones.
pub fn number(value: f64) -> String {
    if value.abs() >= 1000.0 {
        let digits = format!("{:.0}", value.abs());
        let mut grouped = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        return if value < 0.0 { format!("-{grouped}") } else { grouped };
    }
    if value.fract() == 0.0 || value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        for (value, text) in [
            (1_234_567.0, "1,234,567"),
            (1000.0, "1,000"),
            (999.4, "999"),
            (42.25, "42.2"),
            (0.123, "0.12"),
            (0.0, "0"),
            (13.0, "13"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_budget_is_judged_and_shown() {
        let mut report = Figures::new();
        report.judge("claim", "p99", 60.0, "ms", 50.0);
        report.judge("connections", "bytes each", 9_000.0, "B", 16_384.0);
        let table = report.table(0);
        assert!(table.contains("≤ 50: OVER"), "{table}");
        assert!(table.contains("≤ 16,384: within"), "{table}");
    }
}
