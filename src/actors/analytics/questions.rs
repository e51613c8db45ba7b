//! What the edges ask: checks a question, has it counted, and puts the answer into the wire's shapes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix::Addr;
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::Semaphore;

use super::reports::Reports;
use super::schedule::{self, Shelf};
use super::{Analytics, GetLive, GetMoment, Parts, Save, Seat, dead};
use crate::domain::ids::{CommandId, TicketId};
use crate::domain::permissions::{Permission, Principal, PrivateTeams, Sight};
use crate::domain::rejection::{FieldError, Rejection};
use crate::domain::time::Timestamp;
use crate::projections::analytics::Moment;
use crate::projections::analytics::fact::{Kind, Split};
use crate::projections::analytics::metrics::{self, METRICS, Metric};
use crate::projections::analytics::query::{Question, Unanswered};
use crate::projections::analytics::spans::{GRAINS, Grain};
use crate::projections::analytics::trends;
use crate::protocol::code::Code;
use crate::protocol::figures::{
    Cell, DrillDown, Figures, LiveFigures, MetricList, MetricUnit, NewReport, Point, Report, ReportDefinition,
    ReportFile, ReportFormat, ReportResult, ReportRow, ReportSchedule, ReportTickets, Series, SeriesQuery, Trends,
    UpdateReport,
};
use crate::protocol::problem::Problem;
use crate::protocol::reading::Answer;
use crate::protocol::spreadsheet;

/// Nothing that a desk has is older than this; a range beyond it is a mistake.
const MOST_RANGE_MS: i64 = 200 * 366 * 86_400_000;
/// Values that one filter may name.
const MOST_VALUES: usize = 200;
/// What trends were counted is told again for this long.
const TRENDS_MS: i64 = 30_000;

/// How the edges reach the figures.
#[derive(Clone)]
pub struct FiguresDoor {
    pub(super) addr: Addr<Analytics>,
    pub(super) waiting: Arc<AtomicUsize>,
    pub(super) turns: Arc<Semaphore>,
    pub(super) reports: Arc<Reports>,
    /// What was told last, by sight.
    pub(super) trends: Arc<Mutex<FxHashMap<Sight, Trends>>>,
    pub(super) shelf: Arc<Shelf>,
    pub(super) parts: Arc<Parts>,
}

/// A checked question and what its answer says beside the figures.
struct Checked {
    question: Question,
    grain: Option<(Grain, TimeZone)>,
    zone_name: String,
}

impl FiguresDoor {
    /// Before the process ends.
    pub async fn save(&self) {
        if self.addr.send(Save).await.is_err() {
            tracing::warn!("the figures had stopped before the desk did");
        }
    }

    /// How many questions wait for the figures, without a hold on anything else: whoever counts may outlive the desk.
    pub fn waiting(&self) -> impl Fn() -> usize + Send + Sync + use<> {
        let waiting = Arc::clone(&self.waiting);
        move || waiting.load(Ordering::Relaxed)
    }

    /// Counts on a thread of its own, when it is its turn, from what these kinds of facts are then. Until it is answered a question
    /// has a place among those that wait; while it waits it holds nothing else.
    async fn counting<T: Send + 'static>(
        &self,
        kinds: Vec<Kind>,
        work: impl FnOnce(Moment) -> Result<T, Unanswered> + Send + 'static,
    ) -> Result<T, Problem> {
        let _seat = Seat::take(&self.waiting)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.expect("invariant: the semaphore is never closed");
        let moment = self.addr.send(GetMoment(kinds)).await.map_err(|error| dead(&error))??;
        let work = move || {
            let _turn = turn;
            work(moment)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(counted)) => Ok(counted),
            Ok(Err(Unanswered::TooMany { most })) => {
                let detail = Unanswered::TooMany { most }.to_string();
                Err(Problem::field("/grain", "too_many", detail))
            }
            Ok(Err(error @ (Unanswered::Store(_) | Unanswered::Journal(_)))) => {
                tracing::error!(%error, "figures could not be read");
                Err(Problem::new(Code::Internal, "the desk could not read its figures"))
            }
            Err(error) => {
                tracing::error!(%error, "a question about figures could not be answered");
                Err(Problem::new(Code::Internal, "the desk could not answer this question"))
            }
        }
    }

    fn private(&self) -> &PrivateTeams {
        &self.parts.settings.private_teams
    }

    /// What the asker may see, if anything at all.
    fn sight(&self, principal: &Principal) -> Result<Sight, Problem> {
        if !principal.may(Permission::TicketRead) {
            return Err(Rejection::Forbidden(Permission::TicketRead).into());
        }
        Ok(self.private().sight(principal))
    }

    fn now(&self) -> i64 {
        self.parts.clock.now_millis()
    }

    /// Names every mistake of a definition at once.
    fn check(&self, definition: &ReportDefinition, sight: Sight, now: i64) -> Result<Checked, Problem> {
        let mut errors = Vec::new();
        let mut wrong = |pointer: &str, code: &'static str, detail: String| {
            errors.push(FieldError::new(pointer.to_owned(), code, detail));
        };
        let metric = metrics::find(&definition.measure);
        if metric.is_none() {
            wrong("/measure", "unknown_value", "there is no such figure: see /api/v1/analytics/metrics".to_owned());
        }
        let desk_zone = self.parts.config.analytics.time_zone.clone();
        let zone_name = definition.time_zone.clone().unwrap_or(desk_zone);
        let zone = TimeZone::get(&zone_name).unwrap_or_else(|_| {
            wrong("/time_zone", "unknown_value", "name a zone of the IANA database, like America/Montreal".to_owned());
            TimeZone::UTC
        });
        let mut split = Vec::new();
        for (index, name) in definition.split.iter().enumerate() {
            let pointer = format!("/split/{index}");
            match dimension(name, metric) {
                Err(detail) => wrong(&pointer, "unknown_value", detail),
                Ok(found) if split.contains(&found) => wrong(&pointer, "duplicate", format!("`{name}` stands twice")),
                Ok(found) => split.push(found),
            }
        }
        if definition.split.len() > 2 {
            wrong("/split", "too_many", "at most two dimensions".to_owned());
        }
        let mut filter = Vec::new();
        for (name, values) in &definition.filter {
            let pointer = format!("/filter/{name}");
            match dimension(name, metric) {
                Err(detail) => wrong(&pointer, "unknown_value", detail),
                Ok(_) if values.is_empty() => wrong(&pointer, "required", "name at least one value".to_owned()),
                Ok(_) if values.len() > MOST_VALUES => {
                    wrong(&pointer, "too_many", format!("at most {MOST_VALUES} values"));
                }
                Ok(found) => filter.push((found, values.clone())),
            }
        }
        let (from, to) = range(definition, &zone, now, &mut wrong);
        let mut grain = None;
        let mut cuts = vec![from];
        if let Some(name) = &definition.grain {
            match Grain::parse(name).and_then(|found| Ok((found, found.cut(from, to, &zone)?))) {
                Ok((found, all)) => (grain, cuts) = (Some((found, zone.clone())), all),
                Err(error) => wrong("/grain", "invalid", error.to_string()),
            }
        }
        match metric {
            Some(metric) if errors.is_empty() => Ok(Checked {
                question: Question {
                    metric,
                    from,
                    to,
                    cuts,
                    split,
                    filter,
                    clock: definition.clock,
                    hidden: self.private().hidden_from(sight),
                    most_cells: self.parts.config.analytics.report_cells,
                },
                grain,
                zone_name,
            }),
            _ => Err(Rejection::InvalidField(errors).into()),
        }
    }

    async fn run_checked(&self, checked: Checked, definition: ReportDefinition) -> Result<ReportResult, Problem> {
        self.counting(checked.question.metric.measure.kinds(), move |moment| {
            let question = checked.question;
            let counted = question.count(&moment)?;
            let with_grain = definition.grain.is_some();
            let mut rows: Vec<ReportRow> = counted
                .cells
                .into_iter()
                .filter(|_| with_grain || !question.split.is_empty())
                .map(|((span, ids), cell)| ReportRow {
                    at: with_grain.then(|| Timestamp::from_millis(question.cuts[span])),
                    keys: question.split.iter().zip(ids).map(|(split, id)| moment.book.name(*split, id)).collect(),
                    cell,
                })
                .collect();
            rows.sort_by(|a, b| (a.at, &a.keys).cmp(&(b.at, &b.keys)));
            Ok(ReportResult {
                metric: question.metric.info,
                seq: moment.seq,
                from: Timestamp::from_millis(question.from),
                to: Timestamp::from_millis(question.to),
                time_zone: checked.zone_name,
                clock: definition.clock,
                grain: definition.grain,
                split: definition.split,
                rows,
                total: counted.total,
            })
        })
        .await
    }
}

/// Whether a row that begins at `at` is of the same span as this question's first one: nothing begins between the two.
fn begins_first(question: &Question, grain: Option<&(Grain, TimeZone)>, at: i64) -> bool {
    let Some((grain, zone)) = grain else { return false };
    let first = question.cuts[0];
    grain.cut(at.min(first), at.max(first) + 1, zone).is_ok_and(|cuts| cuts.len() == 1)
}

/// From when until when; without `to` it is `now`.
fn range(
    definition: &ReportDefinition,
    zone: &TimeZone,
    now: i64,
    wrong: &mut impl FnMut(&str, &'static str, String),
) -> (i64, i64) {
    // What happened in this very millisecond is in.
    let now = now + 1;
    match (&definition.last, definition.from, definition.to) {
        (Some(last), None, None) => match Grain::parse(last).and_then(|last| last.before(now, zone)) {
            Ok(from) => (from, now),
            Err(error) => {
                wrong("/last", "invalid", error.to_string());
                (now, now + 1)
            }
        },
        (None, Some(from), to) => {
            let (from, to) = (from.as_millis(), to.map_or(now, Timestamp::as_millis));
            if from >= to {
                wrong("/to", "invalid", "the range ends before it begins".to_owned());
                return (now, now + 1);
            }
            if to.saturating_sub(from) > MOST_RANGE_MS {
                wrong("/from", "invalid", "a range of more than 200 years".to_owned());
                return (now, now + 1);
            }
            (from, to)
        }
        (Some(_), ..) => {
            wrong("/last", "invalid", "either `last`, or `from` and `to`".to_owned());
            (now, now + 1)
        }
        (None, None, _) => {
            wrong("/from", "required", "name `from`, or `last`".to_owned());
            (now, now + 1)
        }
    }
}

/// A dimension that the figure's facts have.
fn dimension(name: &str, metric: Option<&'static Metric>) -> Result<Split, String> {
    let known = || Split::ALL.map(Split::name).join(", ");
    let split = Split::ALL.into_iter().find(|split| split.name() == name);
    let split = split.ok_or_else(|| format!("there is no such dimension; there are {}", known()))?;
    if metric.is_some_and(|metric| !metrics::has_split(metric.measure, split)) {
        return Err(format!("this figure is not split by {name}"));
    }
    Ok(split)
}

impl Figures for FiguresDoor {
    fn live<'a>(&'a self, principal: &'a Principal) -> Answer<'a, LiveFigures> {
        Box::pin(async move {
            let sight = self.sight(principal)?;
            let _seat = Seat::take(&self.waiting)?;
            self.addr.send(GetLive(sight)).await.map_err(|error| dead(&error))?
        })
    }

    fn metrics(&self) -> MetricList {
        MetricList {
            data: METRICS.iter().map(|metric| metric.info).collect(),
            splits: Split::ALL.iter().map(|split| split.name()).collect(),
            grains: GRAINS.to_vec(),
        }
    }

    fn series<'a>(&'a self, query: SeriesQuery, principal: &'a Principal) -> Answer<'a, Series> {
        Box::pin(async move {
            let sight = self.sight(principal)?;
            let step = query.step.unwrap_or_else(|| "1h".to_owned());
            let day_ago = Timestamp::from_millis(self.now() - 86_400_000);
            let definition = ReportDefinition {
                measure: query.metric,
                split: Vec::new(),
                filter: query.filter,
                from: Some(query.from.unwrap_or(day_ago)),
                to: query.to,
                last: None,
                grain: Some(step.clone()),
                clock: query.clock,
                time_zone: query.time_zone,
            };
            let checked = self.check(&definition, sight, self.now()).map_err(as_parameters)?;
            let cuts = checked.question.cuts.clone();
            let result = self.run_checked(checked, definition).await.map_err(as_parameters)?;
            // A span without anything is a figure too.
            let nothing = Cell {
                value: matches!(result.metric.unit, MetricUnit::Count | MetricUnit::Level).then_some(0.0),
                ..Cell::default()
            };
            let found: BTreeMap<Timestamp, Cell> =
                result.rows.iter().filter_map(|row| Some((row.at?, row.cell))).collect();
            let points = cuts.into_iter().map(Timestamp::from_millis);
            Ok(Series {
                metric: result.metric,
                seq: result.seq,
                from: result.from,
                to: result.to,
                step,
                time_zone: result.time_zone,
                points: points.map(|at| Point { at, cell: found.get(&at).copied().unwrap_or(nothing) }).collect(),
            })
        })
    }

    fn trends<'a>(&'a self, principal: &'a Principal) -> Answer<'a, Trends> {
        Box::pin(async move {
            let sight = self.sight(principal)?;
            let now = self.now();
            let fresh = |trends: &Trends| (0..TRENDS_MS).contains(&(now - trends.at.as_millis()));
            if let Some(told) = self.trends.lock().get(&sight).cloned().filter(fresh) {
                return Ok(told);
            }
            let config = &self.parts.config.analytics;
            let wanted = trends::Wanted {
                now,
                zone: self.parts.settings.time_zone.clone(),
                zone_name: config.time_zone.clone(),
                target: trends::staffing::Target {
                    wait_ms: config.staffing_target_ms,
                    share: config.staffing_target_share,
                    patience_ms: (config.staffing_patience_ms > 0).then_some(config.staffing_patience_ms),
                },
                hidden: self.private().hidden_from(sight),
            };
            let look = move |moment| trends::look(&moment, &wanted).map_err(Unanswered::Store);
            let trends = self.counting(trends::KINDS.to_vec(), look).await?;
            let mut kept = self.trends.lock();
            kept.retain(|_, trends| fresh(trends));
            kept.insert(sight, trends.clone());
            Ok(trends)
        })
    }

    fn run<'a>(&'a self, definition: ReportDefinition, principal: &'a Principal) -> Answer<'a, ReportResult> {
        Box::pin(async move {
            let sight = self.sight(principal)?;
            let checked = self.check(&definition, sight, self.now())?;
            self.run_checked(checked, definition).await
        })
    }

    fn tickets<'a>(&'a self, drill: DrillDown, principal: &'a Principal) -> Answer<'a, ReportTickets> {
        Box::pin(async move {
            let sight = self.sight(principal)?;
            let checked = self.check(&drill.definition, sight, self.now())?;
            let mut question = checked.question;
            let no_row = || Problem::field("/cell/at", "invalid", "name the `at` of a row of this report");
            let span = match drill.cell.at.map(Timestamp::as_millis) {
                None => None,
                Some(at) => Some(match question.cuts.iter().position(|cut| *cut == at) {
                    Some(span) => span,
                    // The range of `last` has moved on since the report ran: its first row is looked into as it was.
                    None if drill.definition.last.is_some() && begins_first(&question, checked.grain.as_ref(), at) => {
                        question.from = at;
                        question.cuts[0] = at;
                        0
                    }
                    None => return Err(no_row()),
                }),
            };
            let keys = drill.cell.keys;
            if !keys.is_empty() && keys.len() != question.split.len() {
                return Err(Problem::field("/cell/keys", "invalid", "name a key for each dimension of the split"));
            }
            let parts = Arc::clone(&self.parts);
            self.counting(question.metric.measure.kinds(), move |moment| {
                let (found, total) = question.tickets(&moment, span, (!keys.is_empty()).then_some(keys.as_slice()))?;
                let listed = found.len();
                let mut tickets = Vec::with_capacity(listed);
                for id in found.into_iter().map(TicketId) {
                    // A ticket is as visible as it is now, its past included.
                    if sight.is_whole() || is_seen(&parts, id, sight)? {
                        tickets.push(id);
                    }
                }
                let total = total - (listed - tickets.len());
                Ok(ReportTickets { tickets, total })
            })
            .await
        })
    }

    fn reports(&self, principal: &Principal) -> Vec<Report> {
        self.reports.list(principal)
    }

    fn report(&self, id: &str, principal: &Principal) -> Result<Report, Problem> {
        self.reports.get(id, principal)
    }

    fn save_report<'a>(
        &'a self,
        report: NewReport,
        key: Option<CommandId>,
        principal: &'a Principal,
    ) -> Answer<'a, Report> {
        Box::pin(async move {
            self.check_report(Some(&report.definition), report.schedule.as_ref(), principal)?;
            self.reports.save(report, key, principal).await
        })
    }

    fn update_report<'a>(&'a self, id: &'a str, change: UpdateReport, principal: &'a Principal) -> Answer<'a, Report> {
        Box::pin(async move {
            let schedule = change.schedule.as_ref().and_then(Option::as_ref);
            self.check_report(change.definition.as_ref(), schedule, principal)?;
            self.reports.update(id, change, principal).await
        })
    }

    fn report_files<'a>(&'a self, id: &'a str, principal: &'a Principal) -> Answer<'a, Vec<ReportFile>> {
        Box::pin(async move {
            let report = self.reports.get(id, principal)?;
            self.on_shelf(move |shelf| shelf.list(&report.id)).await
        })
    }

    fn report_file<'a>(
        &'a self,
        id: &'a str,
        at: Timestamp,
        principal: &'a Principal,
    ) -> Answer<'a, (ReportFormat, Vec<u8>)> {
        Box::pin(async move {
            let report = self.reports.get(id, principal)?;
            let found = self.on_shelf(move |shelf| shelf.read(&report.id, at)).await?;
            found.ok_or_else(|| Problem::new(Code::NotFound, "there is no such file"))
        })
    }

    fn remove_report<'a>(&'a self, id: &'a str, principal: &'a Principal) -> Answer<'a, ()> {
        Box::pin(async move {
            self.reports.remove(id, principal).await?;
            let id = id.to_owned();
            self.on_shelf(move |shelf| shelf.remove(&id)).await
        })
    }
}

impl FiguresDoor {
    /// The mistakes of a report that is to be saved, where they stand in it.
    fn check_report(
        &self,
        definition: Option<&ReportDefinition>,
        schedule: Option<&ReportSchedule>,
        principal: &Principal,
    ) -> Result<(), Problem> {
        let sight = self.sight(principal)?;
        if let Some(definition) = definition {
            self.check(definition, sight, self.now()).map_err(|problem| within(problem, "/definition"))?;
        }
        let Some(schedule) = schedule else { return Ok(()) };
        if schedule::time_of_day(&schedule.at).is_none() {
            return Err(Problem::field("/schedule/at", "invalid", "write a time of day like 07:30"));
        }
        if !self.shelf.keeps() {
            return Err(Problem::field("/schedule", "invalid", "this desk has no folder to keep files in"));
        }
        Ok(())
    }

    async fn on_shelf<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shelf) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let shelf = Arc::clone(&self.shelf);
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "the files of reports cannot be read or written");
            Problem::new(Code::Internal, "the desk could not reach the files of its reports")
        };
        let done = tokio::task::spawn_blocking(move || work(&shelf)).await;
        done.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
    }

    /// Runs the reports that are due and were not run yet, and keeps what they give. One that fails is tried again the next time.
    pub async fn run_due(&self) {
        for report in self.reports.scheduled() {
            if let Err(problem) = self.run_one_due(&report).await {
                tracing::warn!(report = %report.id, code = problem.code.wire(), "a scheduled report could not be run");
            }
        }
    }

    async fn run_one_due(&self, report: &Report) -> Result<(), Problem> {
        let (Some(schedule), Some(since)) = (&report.schedule, report.scheduled_at) else { return Ok(()) };
        let zone = report.definition.time_zone.as_ref().and_then(|name| TimeZone::get(name).ok());
        let zone = zone.unwrap_or_else(|| self.parts.settings.time_zone.clone());
        let Some(due) = schedule::last_due(schedule, self.now(), &zone) else { return Ok(()) };
        let at = Timestamp::from_millis(due);
        let id = report.id.clone();
        if due <= since.as_millis() || self.on_shelf(move |shelf| shelf.read(&id, at)).await?.is_some() {
            return Ok(());
        }
        let sight = self.private().nobodys_sight();
        let checked = self.check(&report.definition, sight, due)?;
        let result = self.run_checked(checked, report.definition.clone()).await?;
        let bytes = match schedule.format {
            ReportFormat::Csv => spreadsheet::csv(&result),
            ReportFormat::Json => serde_json::to_vec(&result).expect("invariant: a result is JSON"),
        };
        let (id, format) = (report.id.clone(), schedule.format);
        self.on_shelf(move |shelf| shelf.put(&id, at, format, &bytes)).await
    }
}

fn is_seen(parts: &Parts, id: TicketId, sight: Sight) -> Result<bool, Unanswered> {
    let state = parts.journal.state(id).map_err(Unanswered::Journal)?;
    let private = &parts.settings.private_teams;
    Ok(state.is_some_and(|state| sight.sees(private.audience(state.ticket.team.as_deref()))))
}

/// The same mistakes, where the definition stands within another object.
fn within(mut problem: Problem, at: &str) -> Problem {
    for error in &mut problem.errors {
        error.pointer = format!("{at}{}", error.pointer);
    }
    problem
}

/// The names of a series' parameters for those of a report's fields.
fn as_parameters(mut problem: Problem) -> Problem {
    for error in &mut problem.errors {
        error.pointer = match error.pointer.as_str() {
            "/measure" => "/metric".to_owned(),
            "/grain" => "/step".to_owned(),
            other => other.replace("/filter/", "/"),
        };
    }
    problem
}
