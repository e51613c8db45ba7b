//! Two runs side by side: what a person looks for first, and what changed most.

use super::Report;

/// Figures that are compared, by their endings.
const COMPARED: [&str; 7] =
    [".per_s", ".p50_ms", ".p99_ms", ".rss_max_mib", ".cores", ".ready_ms", ".longest_start_ms"];

#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub figure: String,
    pub before: f64,
    pub now: f64,
    pub percent: f64,
}

impl Change {
    /// More is worse, but for rates.
    pub fn is_worse(&self) -> bool {
        if self.figure.ends_with(".per_s") { self.percent < 0.0 } else { self.percent > 0.0 }
    }
}

pub fn changes(before: &Report, now: &Report) -> Vec<Change> {
    let pairs = now.figures.iter().filter_map(|(figure, now)| {
        let before = *before.figures.get(figure)?;
        let compared = COMPARED.iter().any(|ending| figure.ends_with(ending));
        (compared && before > 0.0).then(|| Change {
            figure: figure.clone(),
            before,
            now: *now,
            percent: (now / before - 1.0) * 100.0,
        })
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    fn report(figures: &[(&str, f64)]) -> Report {
        let (title, scenario) = Scenario::load("smoke").unwrap();
        let mut report = Report::new(&title, &scenario, 1);
        for (name, value) in figures {
            report.figure(name, *value);
        }
        report
    }

    #[test]
    fn what_both_runs_measured_is_compared_and_more_is_not_always_worse() {
        let before = report(&[("commands.p99_ms", 10.0), ("commands.per_s", 100.0), ("screen.p99_ms", 0.0)]);
        let now = report(&[
            ("commands.p99_ms", 15.0),
            ("commands.per_s", 150.0),
            ("screen.p99_ms", 4.0),
            ("new.p50_ms", 1.0),
        ]);
        let changes = changes(&before, &now);
        let found: Vec<_> =
            changes.iter().map(|change| (change.figure.as_str(), change.percent.round(), change.is_worse())).collect();
        assert_eq!(found, [("commands.p99_ms", 50.0, true), ("commands.per_s", 50.0, false)]);
    }
}
