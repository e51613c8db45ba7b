//! The report as one HTML file: no script, nothing loaded from anywhere, light and dark by the reader's choice.
//!
//! Pure. Says first whether the run passed and why not, then the figures, then how they came about.

use std::fmt::Write as _;

use super::compare::changes;
use super::plot::{Across, Plot, escape};
use super::{QUANTILES, Report};
use crate::bench::figures::number;

const STYLE: &str = include_str!("page.css");
/// Lines in one plot.
const MOST: usize = 4;

pub fn page(report: &Report, earlier: Option<&Report>) -> String {
    let verdict = if report.passed { "passed" } else { "failed" };
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>hotdesk load test: {0}, {verdict}</title>\n\
         <style>{STYLE}</style>\n<main>\n<header><h1>{0}</h1><span class=\"verdict {verdict}\">{verdict}</span>\
         <p>{1}</p><p class=\"quiet\">{2}, {3} s of load, {4} s of them warm-up, seed {5}</p></header>\n",
        escape(&report.scenario),
        escape(&report.about),
        escape(&report.began_at),
        report.seconds,
        report.warm_up_s,
        report.seed
    );
    html.push_str(&broken(report));
    html.push_str(&tiles(report));
    html.push_str(&plots(report));
    html.push_str(&thresholds(report));
    html.push_str(&promises(report));
    html.push_str(&latencies(report));
    if let Some(earlier) = earlier {
        html.push_str(&compared(earlier, report));
    }
    html.push_str(&rest(report));
    html.push_str("</main>\n</html>\n");
    html
}

/// What went wrong, before anything else.
fn broken(report: &Report) -> String {
    let examples: Vec<String> = report
        .proofs
        .iter()
        .filter(|proof| !proof.holds())
        .map(|proof| {
            let examples: String =
                proof.examples.iter().map(|example| format!("<li>{}</li>", escape(example))).collect();
            format!("<h3>{} <small>{} times</small></h3><ul>{examples}</ul>", escape(&proof.promise), proof.broken)
        })
        .collect();
    if examples.is_empty() {
        return String::new();
    }
    format!("<section class=\"broken\"><h2>Broken promises</h2>{}</section>\n", examples.concat())
}

fn tiles(report: &Report) -> String {
    let kept = report.proofs.iter().filter(|proof| proof.holds()).count();
    let mut tiles = vec![("promises kept", format!("{kept} of {}", report.proofs.len()), "")];
    for (title, figure, unit) in [
        ("command to its answer, p99", "commands.p99_ms", "ms"),
        ("command to every screen, p99", "screen.p99_ms", "ms"),
        ("reads, p99", "reads.p99_ms", "ms"),
        ("commands", "commands.per_s", "/s"),
        ("records on screens", "shown.per_s", "/s"),
        ("server, at most", "server.rss_max_mib", "MiB"),
        ("server", "server.cores", "cores"),
        ("back on the line, p99", "resume.p99_ms", "ms"),
        ("longest start", "restart.longest_start_ms", "ms"),
        ("start with a long history", "start.ready_ms", "ms"),
    ] {
        if let Some(value) = report.figures.get(figure) {
            tiles.push((title, number(*value), unit));
        }
    }
    let tiles: String = tiles
        .into_iter()
        .map(|(title, value, unit)| {
            format!("<div class=\"tile\"><span>{title}</span><b>{value}<small> {unit}</small></b></div>")
        })
        .collect();
    format!("<section class=\"tiles\">{tiles}</section>\n")
}

fn plots(report: &Report) -> String {
    // What comes after the load is less than a second each, and would look like a fall.
    let during = |at_s: f64| at_s <= report.seconds + 0.5;
    let series = |name: &str, of: fn(&crate::meters::Point) -> f64| -> Vec<(f64, f64)> {
        let points = report.series.get(name).into_iter().flatten();
        points.filter(|point| during(point.at_s)).map(|point| (point.at_s, of(point))).collect()
    };
    let load = |of: fn(&super::Load) -> f64| -> Vec<(f64, f64)> {
        report.load.iter().filter(|load| during(load.at_s)).map(|load| (load.at_s, of(load))).collect()
    };
    let shown: Vec<(f64, f64)> = report
        .load
        .windows(2)
        .filter(|pair| during(pair[1].at_s))
        .map(|pair| {
            let records = pair[1].shown.saturating_sub(pair[0].shown) as f64;
            (pair[1].at_s, records / (pair[1].at_s - pair[0].at_s).max(0.001))
        })
        .collect();
    let plot = |title, unit, log, lines: Vec<(&str, Vec<(f64, f64)>)>| {
        let lines = lines.into_iter().map(|(name, points)| (name.to_owned(), points)).collect();
        let plot =
            Plot { title, unit, across: Across::Time, log, lines, events: &report.events, warm_up_s: report.warm_up_s };
        plot.figure()
    };
    let count = |point: &crate::meters::Point| point.count as f64;
    let (p50, p99) = (|point: &crate::meters::Point| point.p50_ms, |point: &crate::meters::Point| point.p99_ms);
    let mut figures = [
        plot(
            "Command to its answer",
            "ms, logarithmic",
            true,
            vec![("p50", series("commands", p50)), ("p99", series("commands", p99))],
        ),
        plot(
            "Command to every screen",
            "ms, logarithmic",
            true,
            vec![("p50", series("screen", p50)), ("p99", series("screen", p99))],
        ),
        plot(
            "Load",
            "a second",
            false,
            vec![("commands", series("commands", count)), ("reads", series("reads", count))],
        ),
        plot("Records on screens", "a second", false, vec![("records", shown)]),
        plot("Server's memory", "MiB", false, vec![("resident", load(|load| load.rss_mib))]),
        plot(
            "Processor",
            "cores",
            false,
            vec![("server", load(|load| load.server_cores)), ("this program", load(|load| load.own_cores))],
        ),
    ]
    .concat();
    let most = |wanted: &dyn Fn(&str) -> bool| {
        let mut names: Vec<&String> = report.curves.keys().filter(|name| wanted(name)).collect();
        names.sort_by(|one, two| {
            let of = |name: &str| report.figures.get(&format!("{name}.count")).copied().unwrap_or_default();
            of(two).total_cmp(&of(one))
        });
        names.into_iter().take(MOST).map(|name| (name.clone(), report.curves[name].clone())).collect::<Vec<_>>()
    };
    let whole = ["commands", "reads", "screen", "resume"];
    let apart = ["late", "connect", "pushed_back"];
    for (title, lines) in [
        ("How many stayed within", most(&|name| whole.contains(&name))),
        ("The most frequent calls", most(&|name| !whole.contains(&name) && !apart.contains(&name))),
    ] {
        let plot = Plot {
            title,
            unit: "ms, logarithmic",
            across: Across::Share,
            log: true,
            lines,
            events: &[],
            warm_up_s: 0.0,
        };
        figures.push_str(&plot.figure());
    }
    format!("<section class=\"plots\">{figures}</section>\n")
}

fn thresholds(report: &Report) -> String {
    let rows = report.thresholds.iter().map(|threshold| {
        vec![
            mark(threshold.holds),
            escape(&threshold.figure),
            threshold.value.map_or("not measured".to_owned(), number),
            threshold.bounds(),
        ]
    });
    table("Thresholds", &["", "figure", "value", "bound"], rows.collect())
}

fn promises(report: &Report) -> String {
    let rows = report.proofs.iter().map(|proof| {
        vec![
            mark(proof.holds()),
            escape(&proof.promise),
            escape(&proof.ids),
            number(proof.checked as f64),
            number(proof.broken as f64),
        ]
    });
    table("Promises", &["", "promise", "in SPEC.md", "checked", "broken"], rows.collect())
}

fn latencies(report: &Report) -> String {
    let mut columns = vec!["ms", "count"];
    columns.extend(QUANTILES.iter().map(|(name, _)| name.trim_end_matches("_ms")));
    let rows = report.curves.keys().map(|series| {
        let of = |name: &str| report.figures.get(&format!("{series}.{name}")).copied().map_or(String::new(), number);
        let mut row = vec![escape(series), of("count")];
        row.extend(QUANTILES.iter().map(|(name, _)| of(name)));
        row
    });
    let note = "<p class=\"quiet\">Counted from the moment at which a call was due, not from when it could be sent: a server that \
                stalls pays for everybody who waits. <i>late</i> is how much later than due this program acted; <i>screen</i> is \
                from a command's moment to its record at each client.</p>";
    table("Latencies", &columns, rows.collect()) + note
}

fn compared(earlier: &Report, report: &Report) -> String {
    let rows = changes(earlier, report).into_iter().map(|change| {
        let class = if change.percent.abs() < 10.0 {
            "quiet"
        } else if change.is_worse() {
            "worse"
        } else {
            "better"
        };
        vec![
            escape(&change.figure),
            number(change.before),
            number(change.now),
            format!("<span class=\"{class}\">{:+.0} %</span>", change.percent),
        ]
    });
    let title = format!("Compared with {} (seed {})", escape(&earlier.began_at), earlier.seed);
    table(&title, &["figure", "before", "now", "change"], rows.collect())
}

fn rest(report: &Report) -> String {
    let outcomes = report.outcomes.iter().map(|(outcome, count)| vec![escape(outcome), number(*count as f64)]);
    let figures = report.figures.iter().filter(|(name, _)| !report.is_of_a_series(name));
    let figures = figures.map(|(name, value)| vec![escape(name), number(*value)]);
    let machine = &report.machine;
    let machine = [
        ("processor", machine.processor.clone()),
        ("cores", machine.cores.to_string()),
        ("memory", format!("{} MiB", number(machine.memory_bytes as f64 / 1_048_576.0))),
        ("kernel", machine.kernel.clone()),
    ];
    let machine = machine.into_iter().map(|(name, value)| vec![name.to_owned(), escape(&value)]);
    table("Commands by their last answer", &["answer", "commands"], outcomes.collect())
        + &table("Further figures", &["figure", "value"], figures.collect())
        + &table("Machine", &["", ""], machine.collect())
}

fn mark(holds: bool) -> String {
    if holds { "<span class=\"yes\">✓ kept</span>" } else { "<span class=\"no\">✗ broken</span>" }.to_owned()
}

/// Cells are HTML already.
fn table(title: &str, columns: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut html = format!("<section><h2>{title}</h2><div class=\"scroll\"><table><thead><tr>");
    for column in columns {
        let _ = write!(html, "<th>{column}</th>");
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        for cell in row {
            let figure = cell.starts_with(|first: char| first.is_ascii_digit() || first == '-');
            let class = if figure { " class=\"figure\"" } else { "" };
            let _ = write!(html, "<td{class}>{cell}</td>");
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div></section>\n");
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::Proof;
    use crate::scenario::Scenario;

    fn report() -> Report {
        let (title, scenario) = Scenario::load("smoke").unwrap();
        let mut report = Report::new(&title, &scenario, 7);
        report.figure("commands.p99_ms", 7.5);
        report.curves.insert("commands".to_owned(), vec![(0.5, 2.0), (0.9, 3.0), (0.99, 7.5)]);
        let mut proof = Proof::new("nothing is lost", "J48");
        proof.checked();
        report.judge(vec![proof], &scenario.thresholds);
        report
    }

    #[test]
    fn the_page_stands_alone() {
        let html = page(&report(), Some(&report()));
        for foreign in ["<script", "http://", "https://", "@import", "url(", "src="] {
            assert!(!html.contains(foreign), "the page refers to something outside: {foreign}");
        }
        assert!(html.contains("prefers-color-scheme: dark"));
        assert!(html.contains("<svg") && html.contains("Compared with"));
    }

    /// A threshold that nothing measured fails: silence is no proof.
    #[test]
    fn what_was_not_measured_fails_and_is_shown() {
        let report = report();
        assert!(!report.passed);
        assert!(page(&report, None).contains("not measured"));
        assert!(report.summary(None).contains("FAILED"));
    }

    #[test]
    fn a_broken_promise_comes_first_and_as_text() {
        let mut report = report();
        report.proofs[0].broken("ticket <7> is gone");
        let html = page(&report, None);
        let (place, plots) = (html.find("ticket &lt;7&gt; is gone").unwrap(), html.find("class=\"tiles\"").unwrap());
        assert!(place < plots);
    }

    #[test]
    fn a_report_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (html, json) = (folder.path().join("a.html"), folder.path().join("a.json"));
        report().write(&html, &json, None).unwrap();
        let again = Report::read(&json).unwrap();
        assert_eq!((again.seed, again.figures), (7, report().figures));
    }
}
