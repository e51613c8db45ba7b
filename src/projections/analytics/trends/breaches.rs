//! Targets that will be missed in the hours to come: those that run now, each with its own chance, and those that are not set yet.
//!
//! Time is told by the desk's own pace: its clock runs as fast as targets are usually met in that hour of the week, so a night is short
//! (time rescaled by its intensity: Brown, Barbieri, Ventura, Kass and Frank, *The time-rescaling theorem*, Neural Computation 14, 2002).
//! By that clock, with `r` left until it is due:
//!
//! - A target that runs is missed with about `P(r) = M(r) / R(r)`: of the targets that once ran with `r` left, `R`, the share that was
//!   missed, `M`. Targets that were moved, or whose due time was set with less than `r` left, count for as long as they ran: they are
//!   truncated on the left, as in N. Keiding, *Independent delayed entry*, 1992. Each target and priority has its own share, drawn towards
//!   that of the target, and this one towards that of all, by `K` tickets; what is two weeks old counts half. The logarithm of these odds
//!   is then one feature of a [`logistic`] regression (D. R. Cox, *Two further applications of a model for binary regression*, 1958),
//!   beside how much is due before it against the work that is usually done until then, and the times left; it has learnt from the targets
//!   that ran at this hour of the last eight weeks' days.
//! - Those to come: the usual number of misses of that hour of the week times the share of misses whose due time was set with less than
//!   `r` left until then: earlier ones are among those that run.
//!
//! An hour's count has the mean `m = sum P + new` and the variance `phi (sum P (1 - P) + new)`; `phi` is the mean squared error of the
//! same forecast made at this hour of the last eight weeks' days, over that sum (McCullagh and Nelder, 4.5). The interval is that of the
//! binomial, Poisson or negative binomial with these two moments. Backtested in `tests`; called by [`super::look`].

use super::AHEAD;
use super::baseline::{Baseline, HOUR_MS, Hours, quantile};
use super::logistic::{Logistic, Seen};
use crate::domain::time::Timestamp;
use crate::projections::analytics::Promise;
use crate::protocol::figures::ForecastPoint;

const DAY_MS: i64 = 24 * HOUR_MS;
const HALF_LIFE_MS: f64 = 14.0 * DAY_MS as f64;
/// Of how many targets the own share must be to weigh as much as the wider one.
const K: f64 = 10.0;
/// One in ten is missed until a desk has ended targets of its own.
const PRIOR: (f64, f64) = (0.2, 2.0);
/// Days whose forecasts are held against what came of them.
const DAYS_BACK: usize = 56;
/// So much is `phi` drawn towards 1.
const PHI_PRIOR: f64 = 5.0;
/// The regression's ridge, and its features.
const LAMBDA: f64 = 2.0;
const FEATURES: usize = 6;
const USUAL: [f64; FEATURES] = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
/// Where a desk has more, so many of its targets are looked at, evenly over the weeks: for the shares and for the regression.
const SAMPLE: usize = 50_000;
const LESSONS: usize = 5_000;
/// Of the last days, so many targets are enough to measure `phi`.
const MEASURED: usize = 25_000;
const TARGETS: usize = 3;
const PRIORITIES: usize = 4;

/// How a target ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Met,
    Missed,
    /// It was paused, withdrawn, or given another due time.
    Moved,
}

/// A target that has ended. Times in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    pub end: End,
    pub at: i64,
    pub due: i64,
    /// When this due time was set.
    pub since: i64,
    pub target: u8,
    pub priority: u8,
    /// -1 takes one back.
    pub weight: i8,
}

/// What is known of how targets end.
#[derive(Debug)]
pub struct Outlook {
    pace: Pace,
    all: Fates,
    by_target: [Fates; TARGETS],
    by_priority: Vec<Fates>,
    /// Misses by the hour of the week.
    usual: Baseline,
    chances: Logistic<FEATURES>,
    /// How much was left when the due times of misses were set, in the desk's time.
    notices: Sums,
    phi: f64,
    /// Misses of the present hour.
    already: f64,
}

impl Outlook {
    /// From the targets that ended in the hours `first..` of the calendar until `now`.
    pub fn fit(ended: &[Ended], calendar: &Hours, first: usize, now: i64) -> Self {
        let begin = calendar.from + first as i64 * HOUR_MS;
        let past = usize::try_from((now - calendar.from).div_euclid(HOUR_MS)).unwrap_or(0);
        let hourly = |is: fn(End) -> bool| -> Vec<f64> {
            let mut counts = vec![0.0; past.saturating_sub(first) + 1];
            for one in ended.iter().filter(|one| is(one.end) && (begin..=now).contains(&one.at)) {
                counts[((one.at - begin) / HOUR_MS) as usize] += f64::from(one.weight);
            }
            counts
        };
        let slots = &calendar.slots[first.min(past)..past];
        let mut missed = hourly(|end| end == End::Missed);
        let already = missed.pop().unwrap_or(0.0);
        let mut work = hourly(|end| end != End::Missed);
        work.pop();
        let pace = Pace::new(&Baseline::fit(&work, slots), calendar);
        let mut outlook = Self {
            all: Fates::default(),
            by_target: std::array::from_fn(|_| Fates::default()),
            by_priority: (0..TARGETS * PRIORITIES).map(|_| Fates::default()).collect(),
            usual: Baseline::fit(&missed, slots),
            chances: Logistic::fit(&[], USUAL, LAMBDA),
            notices: Sums::default(),
            phi: 1.0,
            already,
            pace,
        };
        // One that is not due yet may be among those that ended only because it ended early.
        let mut known: Vec<Ended> = ended.iter().filter(|one| one.due <= now).copied().collect();
        known.sort_unstable_by_key(|one| one.due);
        let stride = known.len().div_ceil(SAMPLE).max(1);
        for one in known.iter().step_by(stride) {
            outlook.learn(one, now, stride as f64);
        }
        outlook.sort();
        let days = Days::new(&known, begin, now);
        outlook.study(&days, now);
        outlook.phi = outlook.dispersion(&days, calendar);
        outlook
    }

    fn learn(&mut self, one: &Ended, now: i64, times: f64) {
        let weight = times * f64::from(one.weight) * (-((now - one.due) as f64) / HALF_LIFE_MS).exp2();
        let left = if one.end == End::Missed { 0.0 } else { self.pace.between(one.at, one.due) };
        let notice = self.pace.between(one.since, one.due);
        if one.end == End::Missed {
            self.notices.add(notice, weight);
        }
        let (target, place) = places(one.target, one.priority);
        for fates in [&mut self.all, &mut self.by_target[target], &mut self.by_priority[place]] {
            fates.add(one.end, left, notice, weight);
        }
    }

    fn sort(&mut self) {
        self.notices.sort();
        self.all.sort();
        self.by_target.iter_mut().chain(&mut self.by_priority).for_each(Fates::sort);
    }

    /// What says how likely a target is missed that runs at this moment, where so many others are due before it.
    fn features(&self, at: i64, one: &Running, before: usize) -> [f64; FEATURES] {
        let left = self.pace.between(at, one.due);
        let (target, place) = places(one.target, one.priority);
        let wide = self.all.share(left, PRIOR.0, PRIOR.1);
        let own = self.by_target[target].share(left, K * wide, K);
        let share = self.by_priority[place].share(left, K * own, K).clamp(0.001, 0.999);
        let crowd = ((before as f64 + 1.0) / (left + 1.0)).ln();
        let hours = ((one.due - at) as f64 / HOUR_MS as f64).ln_1p();
        let working = (self.pace.speed(at) + 0.1).ln();
        [1.0, (share / (1.0 - share)).ln(), crowd, hours, working, (self.pace.speed(one.due) + 0.1).ln()]
    }

    /// How likely each of these, which run at this moment, is missed. They stand in the order in which they are due.
    fn missed(&self, at: i64, running: &[Running]) -> impl Iterator<Item = f64> {
        let chance = move |(before, one)| self.chances.chance(&self.features(at, one, before));
        running.iter().enumerate().map(chance)
    }

    fn study(&mut self, days: &Days, now: i64) {
        let count: usize = days.0.iter().map(|day| day.running.len()).sum();
        let stride = count.div_ceil(LESSONS).max(1);
        let places = days.0.iter().flat_map(|day| (0..day.running.len()).map(move |before| (day, before)));
        let lesson = |(day, before): (&Day, usize)| {
            let (came_true, sign) = day.ends[before];
            let weight = sign * (-((now - day.at) as f64) / HALF_LIFE_MS).exp2();
            Seen { features: self.features(day.at, &day.running[before], before), came_true, weight }
        };
        let seen: Vec<Seen<FEATURES>> = places.step_by(stride).map(lesson).collect();
        self.chances = Logistic::fit(&seen, USUAL, LAMBDA);
    }

    /// Misses of this hour whose due times are not set at `at`.
    fn fresh(&self, calendar: &Hours, at: i64, from: i64, to: i64) -> f64 {
        let usual = self.usual.at(calendar, from) * (to - from) as f64 / HOUR_MS as f64;
        usual * self.notices.share_below(self.pace.between(at, from.midpoint(to)))
    }

    /// What is expected of each of these hours.
    fn loads(&self, at: i64, first: i64, running: &[Running], calendar: &Hours) -> [Load; AHEAD] {
        let mut loads = std::array::from_fn(|index| {
            let from = first + index as i64 * HOUR_MS;
            let fresh = self.fresh(calendar, at, from.max(at), from + HOUR_MS);
            Load { mean: fresh, variance: fresh }
        });
        for (one, chance) in running.iter().zip(self.missed(at, running)) {
            if let Some(load) = loads.get_mut(((one.due - first) / HOUR_MS) as usize) {
                load.mean += chance;
                load.variance += chance * (1.0 - chance);
            }
        }
        loads
    }

    /// How much further than chance the counts of the last days lay from what this would have said at the same hour.
    fn dispersion(&self, days: &Days, calendar: &Hours) -> f64 {
        let (mut squares, mut variances) = (PHI_PRIOR, PHI_PRIOR);
        let mut measured = 0;
        for day in days.0.iter().take_while(|day| {
            measured += day.running.len();
            measured <= MEASURED || measured == day.running.len()
        }) {
            let loads = self.loads(day.at, day.at, &day.running, calendar);
            for (load, observed) in loads.iter().zip(&day.missed) {
                squares += (observed - load.mean).powi(2);
                variances += load.variance;
            }
        }
        (squares / variances).clamp(1.0, 50.0)
    }

    /// The present hour and those after it, each with the interval that holds nine of ten counts.
    pub fn forecast(&self, running: &[Promise], calendar: &Hours, now: i64) -> Vec<ForecastPoint> {
        let hour = now.div_euclid(HOUR_MS) * HOUR_MS;
        let mut running: Vec<Running> = running.iter().filter(|one| one.due > now).map(Running::from).collect();
        running.sort_unstable_by_key(|one| one.due);
        let loads = self.loads(now, hour, &running, calendar);
        let point = |(index, load): (usize, &Load)| {
            let already = if index == 0 { self.already } else { 0.0 };
            let phi = self.phi * load.variance / load.mean.max(1e-9);
            ForecastPoint {
                at: Timestamp::from_millis(hour + index as i64 * HOUR_MS),
                value: already + load.mean,
                low: already + quantile(load.mean, phi, 0.05),
                high: already + quantile(load.mean, phi, 0.95),
            }
        };
        loads.iter().enumerate().map(point).collect()
    }
}

/// The places of a target's and a priority's own shares.
fn places(target: u8, priority: u8) -> (usize, usize) {
    let target = usize::from(target).min(TARGETS - 1);
    (target, target * PRIORITIES + usize::from(priority).min(PRIORITIES - 1))
}

/// Misses that are expected of an hour.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    mean: f64,
    variance: f64,
}

/// A target while its time runs.
#[derive(Clone, Copy, Debug)]
struct Running {
    due: i64,
    target: u8,
    priority: u8,
}

impl From<&Promise> for Running {
    fn from(promise: &Promise) -> Self {
        Self { due: promise.due, target: promise.target, priority: promise.priority }
    }
}

/// The last days at this very hour, each with what was known then and what came in the 24 hours after.
struct Days(Vec<Day>);

#[derive(Clone, Debug, Default)]
struct Day {
    at: i64,
    /// Those that ran and fell due within a day, in this order.
    running: Vec<Running>,
    /// Whether each was missed, and its weight.
    ends: Vec<(bool, f64)>,
    /// Misses of each hour.
    missed: [f64; AHEAD],
}

impl Days {
    /// From targets in the order in which they were due.
    fn new(known: &[Ended], begin: i64, now: i64) -> Self {
        let count = usize::try_from((now - begin) / DAY_MS).unwrap_or(0).min(DAYS_BACK);
        let mut days: Vec<Day> =
            (1..=count as i64).map(|back| Day { at: now - back * DAY_MS, ..Day::default() }).collect();
        for one in known.iter().filter(|one| one.due < now) {
            let Some(day) = days.get_mut(((now - one.due - 1) / DAY_MS) as usize) else { continue };
            let missed = one.end == End::Missed;
            if missed {
                day.missed[(((one.due - day.at) / HOUR_MS) as usize).min(AHEAD - 1)] += f64::from(one.weight);
            }
            if one.since <= day.at && (missed || one.at > day.at) {
                day.running.push(Running { due: one.due, target: one.target, priority: one.priority });
                day.ends.push((missed, f64::from(one.weight)));
            }
        }
        Self(days)
    }
}

/// The desk's own clock.
#[derive(Debug)]
struct Pace {
    from: i64,
    /// What has passed at the beginning of each hour.
    sums: Vec<f64>,
    mean: f64,
}

impl Pace {
    fn new(work: &Baseline, calendar: &Hours) -> Self {
        let mut sums = vec![0.0];
        let mut sum = 0.0;
        for index in 0..calendar.slots.len() {
            // Never still, so that two moments are never the same.
            sum += work.at(calendar, calendar.from + index as i64 * HOUR_MS).max(1e-6);
            sums.push(sum);
        }
        Self { from: calendar.from, mean: sum / calendar.slots.len() as f64, sums }
    }

    /// Work in the hour of this moment, against that of a usual hour.
    fn speed(&self, at: i64) -> f64 {
        let index = usize::try_from((at - self.from).div_euclid(HOUR_MS)).unwrap_or(0).min(self.sums.len() - 2);
        (self.sums[index + 1] - self.sums[index]) / self.mean
    }

    fn at(&self, at: i64) -> f64 {
        let hours = ((at - self.from) as f64 / HOUR_MS as f64).clamp(0.0, (self.sums.len() - 1) as f64);
        let index = (hours as usize).min(self.sums.len() - 2);
        self.sums[index] + (self.sums[index + 1] - self.sums[index]) * (hours - index as f64)
    }

    fn between(&self, from: i64, to: i64) -> f64 {
        (self.at(to) - self.at(from)).max(0.0)
    }
}

/// How targets ended by how much was left.
#[derive(Debug, Default)]
struct Fates {
    left: Sums,
    notice: Sums,
    missed_notice: Sums,
}

impl Fates {
    fn add(&mut self, end: End, left: f64, notice: f64, weight: f64) {
        self.left.add(left.min(notice), weight);
        self.notice.add(notice, weight);
        if end == End::Missed {
            self.missed_notice.add(notice, weight);
        }
    }

    fn sort(&mut self) {
        [&mut self.left, &mut self.notice, &mut self.missed_notice].into_iter().for_each(Sums::sort);
    }

    /// Of those that ran with so much left, the share that was missed; with so many more, and missed ones among them.
    fn share(&self, left: f64, more_missed: f64, more: f64) -> f64 {
        // Who ended with less left, but for those that began with less left.
        let ran = (self.left.below(left) - self.notice.below(left)).max(0.0);
        let missed = (self.missed_notice.total() - self.missed_notice.below(left)).clamp(0.0, ran);
        (missed + more_missed) / (ran + more)
    }
}

/// Weights by place, summed.
#[derive(Debug, Default)]
struct Sums(Vec<(f64, f64)>);

impl Sums {
    fn add(&mut self, place: f64, weight: f64) {
        self.0.push((place, weight));
    }

    /// Before the first question.
    fn sort(&mut self) {
        self.0.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut sum = 0.0;
        for (_, weight) in &mut self.0 {
            sum += *weight;
            *weight = sum;
        }
    }

    fn below(&self, place: f64) -> f64 {
        let count = self.0.partition_point(|(own, _)| *own < place);
        count.checked_sub(1).map_or(0.0, |last| self.0[last].1)
    }

    fn total(&self) -> f64 {
        self.0.last().map_or(0.0, |(_, sum)| *sum)
    }

    fn share_below(&self, place: f64) -> f64 {
        if self.total() > 0.0 { (self.below(place) / self.total()).clamp(0.0, 1.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests;
