//! What is usual for an hour of the week, how far counts stray from it, and what follows for the hours to come.

use jiff::tz::TimeZone;
use statrs::distribution::{Binomial, DiscreteCDF, NegativeBinomial, Poisson};

use super::AHEAD;
use crate::domain::time::Timestamp;
use crate::projections::analytics::spans::zoned;
use crate::protocol::figures::ForecastPoint;

pub const HOUR_MS: i64 = 3_600_000;
const SLOTS: usize = 168;
/// How many weeks an hour's own history must have to weigh as much as the day's and the weekday's together.
const PRIOR_WEEKS: f64 = 4.0;
/// The present level is measured over so many hours, and pulled towards the usual by so many tickets.
const LEVEL_HOURS: usize = 14 * 24;
const LEVEL_PRIOR: f64 = 20.0;
/// Half of 90 %: the quantile of the normal distribution.
const Z90: f64 = 1.645;

/// Which hour of the local week each hour of a span is.
#[derive(Debug)]
pub struct Hours {
    pub from: i64,
    pub slots: Vec<usize>,
    days: Vec<i32>,
    zone: TimeZone,
}

impl Hours {
    /// `from` is the beginning of an hour.
    pub fn new(from: i64, count: usize, zone: &TimeZone) -> Self {
        let local = (0..count).map(|index| zoned(from + index as i64 * HOUR_MS, zone));
        let (slots, days) = local
            .map(|at| {
                let day = usize::from(at.weekday().to_monday_zero_offset().unsigned_abs());
                let date = at.date();
                (
                    day * 24 + usize::from(at.hour().unsigned_abs()),
                    i32::from(date.year()) * 1_000 + i32::from(date.day_of_year()),
                )
            })
            .unzip();
        Self { from, slots, days, zone: zone.clone() }
    }

    fn slot(&self, at: i64) -> usize {
        let index = usize::try_from((at - self.from).div_euclid(HOUR_MS)).unwrap_or(0);
        self.slots[index.min(self.slots.len() - 1)]
    }

    /// Sums of whole local days, with their beginnings.
    pub fn days(&self, hours: &[f64], from: usize, to: usize) -> Vec<(i64, usize, f64)> {
        let mut days: Vec<(i64, usize, f64, usize)> = Vec::new();
        for (index, count) in (from..to).zip(hours) {
            let begin = self.from + index as i64 * HOUR_MS;
            if index == from || self.days[index] != self.days[index - 1] {
                days.push((begin, self.slots[index] / 24, 0.0, 0));
            }
            if let Some(day) = days.last_mut() {
                day.2 += count;
                day.3 += 1;
            }
        }
        // The first and the last day are rarely whole.
        days.retain(|(.., hours)| *hours >= 23);
        let begin = |at: i64| zoned(at, &self.zone).start_of_day().map_or(at, |day| day.timestamp().as_millisecond());
        days.into_iter().map(|(at, weekday, count, _)| (begin(at), weekday, count)).collect()
    }
}

/// The usual counts of an hour of the week.
///
/// Each hour's rate is the posterior mean of a gamma-Poisson model, `(sum + k prior) / (weeks + k)`, whose prior is the product of the
/// day's and the weekday's profile; counts of past bursts are cut at `prior + 4 sqrt(prior + 1)`. Rates are scaled by the level of the
/// last two weeks. Counts stray with the variance `phi * mean` (a negative binomial of the form NB1), `phi` being the mean squared
/// Pearson residual, at least 1 (McCullagh and Nelder, *Generalized Linear Models*, 2nd ed., 4.5).
#[derive(Clone, Debug)]
pub struct Baseline {
    rates: [f64; SLOTS],
    level: f64,
    phi: f64,
}

impl Baseline {
    /// `slots` says which hour of the week each count belongs to.
    pub fn fit(counts: &[f64], slots: &[usize]) -> Self {
        let mut sums = [0.0; SLOTS];
        let mut weeks = [0.0; SLOTS];
        let mean = if counts.is_empty() { 0.0 } else { counts.iter().sum::<f64>() / counts.len() as f64 };
        let profile = |of: &dyn Fn(usize) -> usize, size: usize| -> Vec<f64> {
            let mut sums = vec![0.0; size];
            let mut hours = vec![0.0; size];
            for (count, slot) in counts.iter().zip(slots) {
                sums[of(*slot)] += count;
                hours[of(*slot)] += 1.0;
            }
            let share = |(sum, hours): (&f64, &f64)| {
                // A little of the mean, so that a short history has no hour of nothing.
                if mean > 0.0 { (sum + mean) / ((hours + 1.0) * mean) } else { 1.0 }
            };
            sums.iter().zip(&hours).map(share).collect()
        };
        let of_day = profile(&|slot| slot % 24, 24);
        let of_week = profile(&|slot| slot / 24, 7);
        let prior = |slot: usize| mean * of_day[slot % 24] * of_week[slot / 24];
        for (count, slot) in counts.iter().zip(slots) {
            let usual = prior(*slot);
            sums[*slot] += count.min(usual + 4.0 * (usual + 1.0).sqrt());
            weeks[*slot] += 1.0;
        }
        let rates = std::array::from_fn(|slot| (sums[slot] + PRIOR_WEEKS * prior(slot)) / (weeks[slot] + PRIOR_WEEKS));
        let late = counts.len().saturating_sub(LEVEL_HOURS);
        let cut = |count: f64, rate: f64| count.min(rate + 4.0 * (rate + 1.0).sqrt());
        let found: f64 = counts[late..].iter().zip(&slots[late..]).map(|(count, slot)| cut(*count, rates[*slot])).sum();
        let usual: f64 = slots[late..].iter().map(|slot| rates[*slot]).sum();
        let level = ((found + LEVEL_PRIOR) / (usual + LEVEL_PRIOR)).clamp(0.25, 4.0);
        let mut squares = 0.0;
        let mut expected = 0.0;
        for (count, slot) in counts.iter().zip(slots) {
            let rate = rates[*slot].max(1e-6);
            let count = cut(*count, rate);
            squares += (count - rate).powi(2);
            expected += rate;
        }
        let phi = if expected > 0.0 { (squares / expected).clamp(1.0, 50.0) } else { 1.0 };
        Self { rates, level, phi }
    }

    /// Expected in the hour of this moment, by the hour.
    pub fn at(&self, calendar: &Hours, at: i64) -> f64 {
        self.rates[calendar.slot(at)] * self.level
    }

    /// How likely it is to see so many or more where so many are expected.
    pub fn tail(&self, expected: f64, count: i64) -> f64 {
        let Ok(least) = u64::try_from(count) else { return 1.0 };
        if least == 0 {
            return 1.0;
        }
        above(expected, self.phi, least - 1)
    }

    /// The hours from `index` on, with the interval that holds nine of ten counts.
    pub fn forecast(&self, calendar: &Hours, index: usize) -> Vec<ForecastPoint> {
        (index..index + AHEAD)
            .map(|index| {
                let at = calendar.from + index as i64 * HOUR_MS;
                let value = self.at(calendar, at);
                ForecastPoint {
                    at: Timestamp::from_millis(at),
                    value,
                    low: quantile(value, self.phi, 0.05),
                    high: quantile(value, self.phi, 0.95),
                }
            })
            .collect()
    }
}

/// `P(X > k)` of a count with this mean and `phi` times as much variance: of the negative binomial, Poisson or binomial distribution that
/// has them (the class of H. Panjer, *Recursive evaluation of a family of compound distributions*, ASTIN Bulletin 12, 1981).
fn above(mean: f64, phi: f64, k: u64) -> f64 {
    let mean = mean.max(1e-3);
    if phi > 1.01 {
        // Mean r (1 - p) / p and variance mean / p: so p = 1 / phi and r = mean / (phi - 1).
        let distribution =
            NegativeBinomial::new(mean / (phi - 1.0), 1.0 / phi).expect("invariant: r is positive and p a share");
        distribution.sf(k)
    } else if phi < 0.99 {
        // Mean n p and variance mean (1 - p): so n = mean / (1 - phi), whole.
        let n = (mean / (1.0 - phi.max(0.0))).round().max(mean.ceil());
        Binomial::new(mean / n, n as u64).expect("invariant: a mean is a share of no less").sf(k)
    } else {
        Poisson::new(mean).expect("invariant: the mean is positive").sf(k)
    }
}

/// The least count that is not exceeded with this probability.
pub fn quantile(mean: f64, phi: f64, q: f64) -> f64 {
    let most = (mean + 12.0 * (phi.max(1.0) * mean + 1.0).sqrt()) as u64 + 10;
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low.midpoint(high);
        if above(mean, phi, middle) <= 1.0 - q { high = middle } else { low = middle + 1 }
    }
    low as f64
}

/// Unsolved tickets at the end of each hour to come: the level now and the usual net change of each hour of the week, whose errors add
/// up: `level + sum m(h) +- 1.645 sqrt(sum s2)`, never below nothing.
pub fn backlog(net: &[i64], calendar: &Hours, from: usize, now: usize, level: i64) -> Vec<ForecastPoint> {
    let slots = &calendar.slots[from..now];
    let mut sums = [0.0; SLOTS];
    let mut weeks = [0.0; SLOTS];
    let mut of_day = [(0.0, 0.0); 24];
    for (change, slot) in net.iter().zip(slots) {
        sums[*slot] += *change as f64;
        weeks[*slot] += 1.0;
        of_day[slot % 24].0 += *change as f64;
        of_day[slot % 24].1 += 1.0;
    }
    let prior = |slot: usize| {
        let (sum, hours) = of_day[slot % 24];
        if hours > 0.0 { sum / hours } else { 0.0 }
    };
    let rate = |slot: usize| (sums[slot] + PRIOR_WEEKS * prior(slot)) / (weeks[slot] + PRIOR_WEEKS);
    let squares: f64 = net.iter().zip(slots).map(|(change, slot)| (*change as f64 - rate(*slot)).powi(2)).sum();
    let variance = if net.is_empty() { 0.0 } else { squares / net.len() as f64 };
    let (mut value, mut spread) = (level as f64, 0.0);
    (now..now + AHEAD)
        .map(|index| {
            value = (value + rate(calendar.slots[index])).max(0.0);
            spread += variance;
            let half = Z90 * f64::sqrt(spread);
            ForecastPoint {
                at: Timestamp::from_millis(calendar.from + index as i64 * HOUR_MS),
                value,
                low: (value - half).max(0.0),
                high: value + half,
            }
        })
        .collect()
}
