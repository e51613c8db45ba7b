//! Targets that will be missed in the hours to come: those that run now, each with its own chance, and those that are not set yet.
//!
//! Time is told by the desk's own pace: its clock runs as fast as targets are usually met in that hour of the week, so a night is short
//! (time rescaled by its intensity: Brown, Barbieri, Ventura, Kass and Frank, *The time-rescaling theorem*, Neural Computation 14, 2002).
//! By that clock, with `r` left until it is due:
//!
//! - A target that runs is missed with `P(r) = M(r) / R(r)`: of the targets that once ran with `r` left, `R`, the share that was missed,
//!   `M`. Targets that were moved, or whose due time was set with less than `r` left, are counted for as long as they ran: truncated on
//!   the left, as in N. Keiding, *Independent delayed entry*, 1992. Each target and priority has its own share, drawn towards that of the
//!   target, and this one towards that of all, by `K` tickets; what is two weeks old counts half.
//! - Those to come: the usual number of misses of that hour of the week times the share of misses whose due time was set with less than
//!   `r` left until then: earlier ones are among those that run.
//!
//! An hour's count has the mean `m = sum P + new` and the variance `phi (sum P (1 - P) + new)`; `phi` is the mean squared error of the
//! same forecast made at this hour of the last four weeks' days, over that sum (McCullagh and Nelder, 4.5). The interval is that of the
//! binomial, Poisson or negative binomial with these two moments. Backtested in `tests`; called by [`super::look`].

use super::AHEAD;
use super::baseline::{Baseline, HOUR_MS, Hours, quantile};
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
const DAYS_BACK: usize = 28;
/// So much is `phi` drawn towards 1.
const PHI_PRIOR: f64 = 5.0;
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
            notices: Sums::default(),
            phi: 1.0,
            already,
            pace,
        };
        // One that is not due yet may be among those that ended only because it ended early.
        for one in ended.iter().filter(|one| one.due <= now) {
            outlook.learn(one, now);
        }
        outlook.sort();
        outlook.phi = outlook.dispersion(ended, calendar, first, now);
        outlook
    }

    fn learn(&mut self, one: &Ended, now: i64) {
        let weight = f64::from(one.weight) * (-((now - one.due) as f64) / HALF_LIFE_MS).exp2();
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

    /// How likely a target that still runs at this moment is missed.
    pub fn missed(&self, at: i64, due: i64, target: u8, priority: u8) -> f64 {
        let left = self.pace.between(at, due);
        let (target, place) = places(target, priority);
        let wide = self.all.share(left, PRIOR.0, PRIOR.1);
        let own = self.by_target[target].share(left, K * wide, K);
        self.by_priority[place].share(left, K * own, K)
    }

    /// Misses of this hour whose due times are not set at `at`.
    fn fresh(&self, calendar: &Hours, at: i64, from: i64, to: i64) -> f64 {
        let usual = self.usual.at(calendar, from) * (to - from) as f64 / HOUR_MS as f64;
        usual * self.notices.share_below(self.pace.between(at, from.midpoint(to)))
    }

    /// How much further than chance the counts of the last days lay from what this would have said at the same hour.
    fn dispersion(&self, ended: &[Ended], calendar: &Hours, first: usize, now: i64) -> f64 {
        let begin = calendar.from + first as i64 * HOUR_MS;
        let days = usize::try_from((now - begin) / DAY_MS).unwrap_or(0).min(DAYS_BACK);
        let origin = |day: usize| now - (day as i64 + 1) * DAY_MS;
        let mut hours: Vec<(f64, Load)> = Vec::with_capacity(days * AHEAD);
        for day in 0..days {
            for hour in 0..AHEAD as i64 {
                let from = origin(day) + hour * HOUR_MS;
                let fresh = self.fresh(calendar, origin(day), from, from + HOUR_MS);
                hours.push((0.0, Load { mean: fresh, variance: fresh }));
            }
        }
        for one in ended.iter().filter(|one| one.due < now) {
            let day = ((now - one.due - 1) / DAY_MS) as usize;
            if day >= days {
                continue;
            }
            let hour = ((one.due - origin(day)) / HOUR_MS) as usize;
            let (observed, load) = &mut hours[day * AHEAD + hour.min(AHEAD - 1)];
            let weight = f64::from(one.weight);
            if one.end == End::Missed {
                *observed += weight;
            }
            if one.since <= origin(day) && (one.end == End::Missed || one.at > origin(day)) {
                load.add(self.missed(origin(day), one.due, one.target, one.priority), weight);
            }
        }
        let (squares, variances) = hours.iter().fold((0.0, 0.0), |(squares, variances), (observed, load)| {
            (squares + (observed - load.mean).powi(2), variances + load.variance)
        });
        ((squares + PHI_PRIOR) / (variances + PHI_PRIOR)).clamp(1.0, 50.0)
    }

    /// The present hour and those after it, each with the interval that holds nine of ten counts.
    pub fn forecast(&self, running: &[Promise], calendar: &Hours, now: i64) -> Vec<ForecastPoint> {
        let hour = now.div_euclid(HOUR_MS) * HOUR_MS;
        let mut loads = [Load::default(); AHEAD];
        for (index, load) in loads.iter_mut().enumerate() {
            let from = hour + index as i64 * HOUR_MS;
            let fresh = self.fresh(calendar, now, from.max(now), from + HOUR_MS);
            *load = Load { mean: fresh, variance: fresh };
        }
        for one in running.iter().filter(|one| one.due > now) {
            if let Some(load) = loads.get_mut(((one.due - hour) / HOUR_MS) as usize) {
                load.add(self.missed(now, one.due, one.target, one.priority), 1.0);
            }
        }
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

impl Load {
    fn add(&mut self, chance: f64, weight: f64) {
        self.mean += chance * weight;
        self.variance += chance * (1.0 - chance) * weight;
    }
}

/// The desk's own clock.
#[derive(Debug)]
struct Pace {
    from: i64,
    /// What has passed at the beginning of each hour.
    sums: Vec<f64>,
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
        Self { from: calendar.from, sums }
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
