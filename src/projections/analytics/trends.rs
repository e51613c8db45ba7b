//! What is unusual, what has changed, and what is to come: counted from the last eight weeks whenever somebody asks.
//!
//! Desks count few tickets an hour, so everything here goes by counts and their distributions, not by smoothed curves; each formula stands
//! with its source where it is used. Backtested on made-up weeks whose truth is known and on the dates of real tickets.

pub mod baseline;
pub mod breaches;
pub mod change;
mod logistic;
pub mod staffing;
#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;
use rustc_hash::FxHashMap;

use super::fact::{Fact, Kind, Split};
use super::names::{Id, NONE};
use super::spans::zoned;
use super::store::StoreError;
use super::{Moment, Promise};
use crate::domain::time::Timestamp;
use crate::protocol::figures::{Anomaly, ChangePoint, ForecastPoint, Staffing, StaffingHour, TrendNote, Trends};
use baseline::{Baseline, HOUR_MS, Hours};
use breaches::{End, Ended, Outlook};

/// The facts that trends are counted from.
pub const KINDS: [Kind; 6] =
    [Kind::Created, Kind::Backlog, Kind::SlaMet, Kind::SlaBreached, Kind::SlaMoved, Kind::Handled];

const MINUTE_MS: i64 = 60_000;
const WEEKS: i64 = 8;
/// Hours that are looked ahead.
pub const AHEAD: usize = 24;
/// So much history is needed before anything is called unusual.
const LEAST_WEEKS: f64 = 2.0;
/// A burst is told when chance would bring it in fewer than one of so many looks, by the look and by the value.
pub const ALARM_P: f64 = 2e-5;
const ALARM_COUNT: i64 = 5;
const ALARM_TIMES: f64 = 1.5;
/// The minutes that looks cover, and those in which a beginning is sought.
const LOOKS_MIN: [usize; 3] = [15, 30, 60];
const ONSET_MIN: usize = 180;
/// Values of a dimension that are looked at: those with the most new tickets.
const MOST_VALUES: usize = 50;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub now: i64,
    pub zone: TimeZone,
    pub zone_name: String,
    pub target: staffing::Target,
    /// Teams of which the asker is told nothing.
    pub hidden: Vec<String>,
}

/// New tickets of one value: by the hour over the weeks, by the minute of late.
struct Arrivals {
    hours: Vec<i64>,
    minutes: Vec<i64>,
}

type Key = (Option<Split>, Id);

struct Gathered {
    arrivals: FxHashMap<Key, Arrivals>,
    first: i64,
}

/// Looks at everything.
pub fn look(moment: &Moment, wanted: &Wanted) -> Result<Trends, StoreError> {
    let hour = wanted.now.div_euclid(HOUR_MS) * HOUR_MS;
    let from = hour - WEEKS * 7 * 24 * HOUR_MS;
    let calendar = Hours::new(from, (WEEKS * 7 * 24) as usize + AHEAD + 1, &wanted.zone);
    let hidden = moment.book.known_teams(&wanted.hidden);
    let gathered = gather(moment, &hidden, from, wanted.now)?;
    let seen = usize::try_from((gathered.first.max(from) - from).div_euclid(HOUR_MS)).unwrap_or(0);
    let past = (WEEKS * 7 * 24) as usize;
    let known = past.saturating_sub(seen);
    let weeks = known as f64 / 168.0;
    let mut notes = Vec::new();
    let mut anomalies = Vec::new();
    let mut changes = Vec::new();
    let mut arrivals = Vec::new();
    for (key, counted) in &gathered.arrivals {
        let values: Vec<f64> = counted.hours[seen.min(past)..past].iter().map(|count| *count as f64).collect();
        let base = Baseline::fit(&values, &calendar.slots[seen.min(past)..past]);
        let (dimension, value) = (name(*key), value(moment, *key));
        if weeks >= LEAST_WEEKS
            && let Some(burst) = burst(&base, &calendar, &counted.minutes, wanted.now)
        {
            anomalies.push(anomaly(dimension, value.clone(), &burst, wanted));
        }
        let days = calendar.days(&values, seen.min(past), past);
        changes.extend(change::find(&days).map(|found| ChangePoint {
            dimension,
            value: value.clone(),
            at: Timestamp::from_millis(found.at),
            before: found.before,
            after: found.after,
            p: found.p,
        }));
        if *key == (None, NONE) {
            arrivals = base.forecast(&calendar, past);
        }
    }
    if weeks < LEAST_WEEKS {
        notes.push(TrendNote::LittleHistory);
    }
    anomalies.sort_by(|a, b| a.p.total_cmp(&b.p).then_with(|| a.text.cmp(&b.text)));
    changes.sort_by(|a, b| b.at.cmp(&a.at).then(a.p.total_cmp(&b.p)));
    if arrivals.is_empty() {
        notes.push(TrendNote::NoArrivals);
        arrivals = Baseline::fit(&[], &[]).forecast(&calendar, past);
    }
    let net = hourly(moment, &hidden, Kind::Backlog, from, wanted.now)?;
    let level = total_before(moment, &hidden, wanted.now)?;
    let backlog = baseline::backlog(&net[seen.min(past)..past], &calendar, seen.min(past), past, level);
    let ended = ended(moment, &hidden, from, wanted.now)?;
    let running: Vec<Promise> =
        moment.promises.iter().filter(|promise| !hidden.contains(&promise.team)).copied().collect();
    let breaches =
        Outlook::fit(&ended, &calendar, seen.min(past), wanted.now).forecast(&running, &calendar, wanted.now);
    let handling_ms = handling(moment, &hidden, wanted.now)?;
    if handling_ms.is_none() {
        notes.push(TrendNote::NoHandling);
    }
    Ok(Trends {
        at: Timestamp::from_millis(wanted.now),
        seq: moment.seq,
        time_zone: wanted.zone_name.clone(),
        anomalies,
        changes,
        staffing: staff(&arrivals, handling_ms, wanted),
        arrivals,
        backlog,
        breaches,
        notes,
    })
}

fn gather(moment: &Moment, hidden: &[Id], from: i64, now: i64) -> Result<Gathered, StoreError> {
    let view = moment.view(Kind::Created);
    let hours = ((now - from).div_euclid(HOUR_MS) + 1) as usize;
    let first_minute = now.div_euclid(MINUTE_MS) - ONSET_MIN as i64 + 1;
    let empty = || Gathered { arrivals: FxHashMap::default(), first: i64::MAX };
    let step = |gathered: &mut Gathered, fact: &Fact| {
        if hidden.contains(&fact.dims.team) {
            return true;
        }
        gathered.first = gathered.first.min(fact.at);
        if fact.at < from {
            return true;
        }
        let keys = [(None, NONE), (Some(Split::Team), fact.dims.team), (Some(Split::Category), fact.dims.category)];
        for key in keys.into_iter().filter(|(split, id)| split.is_none() || *id != NONE) {
            let arrivals = gathered
                .arrivals
                .entry(key)
                .or_insert_with(|| Arrivals { hours: vec![0; hours], minutes: vec![0; ONSET_MIN] });
            let weight = i64::from(fact.weight);
            arrivals.hours[(fact.at - from).div_euclid(HOUR_MS) as usize] += weight;
            if let Ok(minute) = usize::try_from(fact.at.div_euclid(MINUTE_MS) - first_minute) {
                arrivals.minutes[minute.min(ONSET_MIN - 1)] += weight;
            }
        }
        true
    };
    let mut gathered = view.scan(i64::MIN, now, empty, step, |all, more| {
        all.first = all.first.min(more.first);
        for (key, more) in more.arrivals {
            match all.arrivals.entry(key) {
                std::collections::hash_map::Entry::Vacant(place) => drop(place.insert(more)),
                std::collections::hash_map::Entry::Occupied(mut place) => {
                    let own = place.get_mut();
                    own.hours.iter_mut().zip(more.hours).for_each(|(own, more)| *own += more);
                    own.minutes.iter_mut().zip(more.minutes).for_each(|(own, more)| *own += more);
                }
            }
        }
    })?;
    for split in [Split::Team, Split::Category] {
        let mut sizes: Vec<(i64, Id)> = gathered
            .arrivals
            .iter()
            .filter(|((own, _), _)| *own == Some(split))
            .map(|((_, id), arrivals)| (arrivals.hours.iter().sum(), *id))
            .collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        for (_, id) in sizes.into_iter().skip(MOST_VALUES) {
            gathered.arrivals.remove(&(Some(split), id));
        }
    }
    Ok(gathered)
}

fn hourly(moment: &Moment, hidden: &[Id], kind: Kind, from: i64, now: i64) -> Result<Vec<i64>, StoreError> {
    let view = moment.view(kind);
    let hours = ((now - from).div_euclid(HOUR_MS) + 1) as usize;
    view.scan(
        from,
        now,
        || vec![0; hours],
        |counts, fact| {
            let weight = if hidden.contains(&fact.dims.team) { 0 } else { i64::from(fact.weight) };
            counts[(fact.at - from).div_euclid(HOUR_MS) as usize] += weight;
            true
        },
        |all, more| all.iter_mut().zip(more).for_each(|(own, more)| *own += more),
    )
}

fn total_before(moment: &Moment, hidden: &[Id], now: i64) -> Result<i64, StoreError> {
    let view = moment.view(Kind::Backlog);
    let add = |sum: &mut i64, fact: &Fact| {
        *sum += if hidden.contains(&fact.dims.team) { 0 } else { i64::from(fact.weight) };
        true
    };
    view.scan(i64::MIN, now, || 0, add, |all, more| *all += more)
}

/// The targets that ended since then, and how.
fn ended(moment: &Moment, hidden: &[Id], from: i64, now: i64) -> Result<Vec<Ended>, StoreError> {
    let mut all = Vec::new();
    for (kind, end) in [(Kind::SlaMet, End::Met), (Kind::SlaBreached, End::Missed), (Kind::SlaMoved, End::Moved)] {
        let add = |ended: &mut Vec<Ended>, fact: &Fact| {
            if !hidden.contains(&fact.dims.team) {
                let due = fact.at.saturating_add(fact.value);
                ended.push(Ended {
                    end,
                    at: fact.at,
                    due,
                    since: due.saturating_sub(fact.business),
                    target: fact.dims.detail,
                    priority: fact.dims.priority,
                    weight: fact.weight,
                });
            }
            true
        };
        all.append(&mut moment.view(kind).scan(from, now, Vec::new, add, |all, mut more| all.append(&mut more))?);
    }
    Ok(all)
}

/// From taking a ticket to the answer, on average over four weeks.
fn handling(moment: &Moment, hidden: &[Id], now: i64) -> Result<Option<i64>, StoreError> {
    let view = moment.view(Kind::Handled);
    let add = |sum: &mut (i128, i64), fact: &Fact| {
        if !hidden.contains(&fact.dims.team) {
            sum.0 += i128::from(fact.value) * i128::from(fact.weight);
            sum.1 += i64::from(fact.weight);
        }
        true
    };
    let (sum, count) = view.scan(
        now - 28 * 24 * HOUR_MS,
        now,
        || (0, 0),
        add,
        |all, more| {
            all.0 += more.0;
            all.1 += more.1;
        },
    )?;
    Ok((count > 0).then(|| (sum / i128::from(count)) as i64))
}

/// More than there should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    pub since: i64,
    pub count: i64,
    pub expected: f64,
    pub p: f64,
}

/// Whether the last minutes have more than chance explains, and since when.
///
/// The looks, at the last quarter, half and whole of an hour: `P(X >= x)` of the negative binomial with the baseline's mean and dispersion,
/// the least of them times their number (Bonferroni). The beginning: a Poisson CUSUM by the minute, `S = max(0, S + x - k)` with
/// `k = mu (rho - 1) / ln(rho)` for `rho` times the usual (Lucas, *Counted data CUSUM's*, Technometrics 27, 1985); it began where S rose
/// from 0 to its highest. `rho` is 2 at first, and then what was found with that: so it is the likeliest beginning of a burst of this size.
pub fn burst(base: &Baseline, calendar: &Hours, minutes: &[i64], now: i64) -> Option<Burst> {
    let last = now.div_euclid(MINUTE_MS);
    let mu = |back: usize| base.at(calendar, (last - back as i64) * MINUTE_MS) / 60.0;
    let within =
        |look: usize| -> (i64, f64) { (minutes[minutes.len() - look..].iter().sum(), (0..look).map(mu).sum()) };
    let looks = LOOKS_MIN.map(|look| {
        let look = look.min(minutes.len());
        let (count, expected) = within(look);
        let enough = count >= ALARM_COUNT && (count as f64) >= ALARM_TIMES * expected;
        (if enough { base.tail(expected, count) } else { 1.0 }, look)
    });
    let (p, look) = looks.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).expect("invariant: there are looks");
    let p = (p * LOOKS_MIN.len() as f64).min(1.0);
    if p >= ALARM_P {
        return None;
    }
    let beginning = |rho: f64| {
        let (mut sum, mut highest) = (0.0_f64, 0.0_f64);
        let (mut rise, mut begin) = (0, minutes.len() - look);
        for (index, arrived) in minutes.iter().enumerate() {
            let rate = mu(minutes.len() - 1 - index).max(1e-3);
            sum = (sum + *arrived as f64 - rate * (rho - 1.0) / rho.ln()).max(0.0);
            if sum <= 0.0 {
                rise = index + 1;
            } else if sum > highest {
                (highest, begin) = (sum, rise);
            }
        }
        begin
    };
    let (count, expected) = within(minutes.len() - beginning(2.0));
    let begin = beginning((count as f64 / expected.max(1e-3)).clamp(ALARM_TIMES, 20.0));
    let (count, expected) = within(minutes.len() - begin);
    let since = (last - (minutes.len() - 1 - begin) as i64) * MINUTE_MS;
    Some(Burst { since, count, expected, p })
}

fn anomaly(dimension: &'static str, value: Option<String>, burst: &Burst, wanted: &Wanted) -> Anomaly {
    let times = burst.count as f64 / burst.expected.max(0.1);
    let hour = zoned(wanted.now, &wanted.zone).strftime("%A %H:00").to_string();
    let since = zoned(burst.since, &wanted.zone).strftime("%H:%M").to_string();
    let who = value.as_deref().unwrap_or("all tickets");
    Anomaly {
        dimension,
        since: Timestamp::from_millis(burst.since),
        count: burst.count,
        expected: burst.expected,
        times_usual: times,
        p: burst.p,
        text: format!("{who}: {times:.1}x the usual for a {hour}, since {since}"),
        value,
    }
}

fn name(key: Key) -> &'static str {
    key.0.map_or("all", Split::name)
}

fn value(moment: &Moment, key: Key) -> Option<String> {
    key.0.map(|split| moment.book.name(split, key.1))
}

fn staff(arrivals: &[ForecastPoint], handling_ms: Option<i64>, wanted: &Wanted) -> Staffing {
    let hours = handling_ms.map_or_else(Vec::new, |handling_ms| {
        arrivals
            .iter()
            .map(|point| {
                let needed = staffing::needed(point.value, handling_ms, &wanted.target);
                StaffingHour {
                    at: point.at,
                    arrivals: point.value,
                    agents: needed.agents,
                    share_in_time: needed.share_in_time,
                    occupancy: needed.occupancy,
                    lost: needed.lost,
                }
            })
            .collect()
    });
    let staffing::Target { wait_ms, share, patience_ms } = wanted.target;
    Staffing { target_ms: wait_ms, target_share: share, handling_ms, patience_ms, hours }
}
