//! `hotdesk triage eval`.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use super::table::{Table, TableError};
use super::{EvalArgs, Report, shown_time};
use crate::triage::learner::{Buffers, Category, Learner, Settings};
use crate::triage::measure::{auroc, calibration_error, mean_and_spread, quantile};

/// The label of a text that belongs to no category.
const FOREIGN: &str = "oos";

struct Labelled {
    line: u64,
    text: String,
    label: String,
}

pub fn run(args: &EvalArgs, err: &mut dyn Write) -> Result<Report, TableError> {
    let (train, test) = (labelled(&args.train)?, labelled(&args.test)?);
    let mut labels: Vec<&str> = train.iter().map(|row| row.label.as_str()).filter(|label| *label != FOREIGN).collect();
    labels.sort_unstable();
    labels.dedup();
    if labels.is_empty() {
        let reason = format!("every label is `{FOREIGN}`");
        return Err(TableError::Line { file: args.train.display().to_string(), line: train[0].line, reason });
    }
    for row in test.iter().filter(|row| row.label != FOREIGN && labels.binary_search(&row.label.as_str()).is_err()) {
        let (file, line, label) = (args.test.display(), row.line, &row.label);
        let _ = writeln!(err, "{file}: line {line}: no training row has the label `{label}`; it counts as wrong");
    }
    let rounds: Vec<Round> =
        (1..=u64::from(args.shuffles)).map(|seed| round(args, &train, &test, &labels, seed)).collect();
    Ok(report(args, train.len(), test.len(), labels.len(), rounds))
}

fn labelled(path: &Path) -> Result<Vec<Labelled>, TableError> {
    let table = Table::read(path)?;
    let (text, label) = (table.needs(&["text"])?, table.needs(&["label"])?);
    let row = |row: super::table::Row<'_>| {
        let label = row.filled(label)?.trim().to_owned();
        Ok(Labelled { line: row.line, text: row.filled(text)?.to_owned(), label })
    };
    table.rows().map(row).collect()
}

/// What one order of the training rows came to.
#[derive(Default)]
struct Round {
    right: usize,
    top_3: usize,
    top_5: usize,
    guesses: Vec<(f32, bool)>,
    foreign: Vec<f32>,
    own: Vec<f32>,
    predict_us: Vec<f64>,
    update_us: Vec<f64>,
    refit_us: Option<f64>,
    bytes: usize,
}

fn round(args: &EvalArgs, train: &[Labelled], test: &[Labelled], labels: &[&str], seed: u64) -> Round {
    let mut settings = Settings::default();
    settings.refit.passes = args.passes;
    settings.refit.seed = seed;
    let category = |label: &&str| Category {
        id: (*label).to_owned(),
        name: label.replace(['_', '-'], " "),
        description: String::new(),
    };
    let learner = Learner::new(labels.iter().map(category).collect(), settings);
    let places: HashMap<&str, u32> = labels.iter().copied().zip(0..).collect();
    let mut buffers = Buffers::default();
    let mut round = Round::default();
    let mut order: Vec<&Labelled> = train.iter().collect();
    fastrand::Rng::with_seed(seed).shuffle(&mut order);
    for row in order {
        let category = (row.label != FOREIGN).then_some(row.label.as_str());
        let start = Instant::now();
        let learnt = learner.learn(0, &row.text, category, &mut buffers);
        round.update_us.push(micros(start));
        learnt.expect("invariant: every training label is a category");
    }
    if args.passes > 1 {
        let start = Instant::now();
        learner.refit();
        round.refit_us = Some(micros(start));
    }
    for row in test {
        let start = Instant::now();
        let prediction = learner.predict(&row.text, 5, &mut buffers);
        round.predict_us.push(micros(start));
        if row.label == FOREIGN {
            round.foreign.push(prediction.out_of_scope);
            continue;
        }
        let truth = places.get(row.label.as_str());
        let rank = prediction.ranking.iter().position(|(place, _)| Some(place) == truth).unwrap_or(usize::MAX);
        round.right += usize::from(rank == 0);
        round.top_3 += usize::from(rank < 3);
        round.top_5 += usize::from(rank < 5);
        round.guesses.push((prediction.confidence, rank == 0));
        round.own.push(prediction.out_of_scope);
    }
    round.bytes = learner.bytes();
    round
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

fn report(args: &EvalArgs, train: usize, test: usize, categories: usize, mut rounds: Vec<Round>) -> Report {
    let over = |figure: &dyn Fn(&Round) -> f64| mean_and_spread(&rounds.iter().map(figure).collect::<Vec<_>>());
    let share = |count: usize, round: &Round| count as f64 / round.guesses.len().max(1) as f64;
    let mut report = Report::default();
    report.count("train_rows", train);
    report.count("test_rows", test);
    report.count("categories", categories);
    report.count("passes", args.passes as usize);
    report.count("shuffles", rounds.len());
    if rounds.iter().any(|round| !round.guesses.is_empty()) {
        let (accuracy, spread) = over(&|round| share(round.right, round));
        report.share("accuracy", accuracy);
        report.share("accuracy_spread", spread);
        report.share("top_3", over(&|round| share(round.top_3, round)).0);
        report.share("top_5", over(&|round| share(round.top_5, round)).0);
        report.share("ece", over(&|round| calibration_error(&round.guesses)).0);
    }
    if rounds.iter().any(|round| !round.foreign.is_empty() && !round.own.is_empty()) {
        report.share("oos_auroc", over(&|round| auroc(&round.foreign, &round.own).unwrap_or(0.0)).0);
    }
    let refit = rounds.iter().filter_map(|round| round.refit_us).collect::<Vec<_>>();
    let bytes = rounds.iter().map(|round| round.bytes).max().unwrap_or(0);
    let mut times = |names: [&'static str; 2], of: &dyn Fn(&mut Round) -> Vec<f64>| {
        let mut all: Vec<f64> = rounds.iter_mut().flat_map(of).collect();
        for (name, share) in names.into_iter().zip([0.5, 0.99]) {
            let us = quantile(&mut all, share);
            report.add(name, us, shown_time(us));
        }
    };
    times(["predict_us_p50", "predict_us_p99"], &|round| std::mem::take(&mut round.predict_us));
    times(["update_us_p50", "update_us_p99"], &|round| std::mem::take(&mut round.update_us));
    if !refit.is_empty() {
        let us = mean_and_spread(&refit).0;
        report.add("refit_ms", us / 1e3, shown_time(us));
    }
    report.add("memory_bytes", bytes, format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)));
    report
}
