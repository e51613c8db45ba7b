//! Backtests: on made-up weeks whose truth is known, and on the dates of real tickets.

use std::io::Read as _;

use fastrand::Rng;
use jiff::tz::TimeZone;

use super::baseline::{Baseline, HOUR_MS, Hours, backlog};
use super::*;
use crate::domain::permissions::PrivateTeams;

/// A Monday, 00:00 UTC.
pub(super) const START: i64 = 1_790_553_600_000;

/// A desk's week: little at night and on weekends, a peak in the morning.
pub(super) fn usual(slot: usize, scale: f64) -> f64 {
    let day = [1.2, 1.1, 1.0, 1.0, 0.9, 0.3, 0.2][slot / 24];
    let hour = slot % 24;
    let shape = if (8..18).contains(&hour) { 6.0 - (hour as f64 - 10.0).abs() * 0.5 } else { 0.5 };
    day * shape * scale
}

pub(super) fn poisson(mean: f64, rng: &mut Rng) -> i64 {
    let (limit, mut product, mut count) = ((-mean).exp(), rng.f64(), 0);
    while product > limit {
        product *= rng.f64();
        count += 1;
    }
    count
}

/// Counts that stray more than a Poisson's: each hour's mean is itself drawn.
fn noisy(mean: f64, rng: &mut Rng) -> i64 {
    let factor = 0.6 + 0.8 * rng.f64();
    poisson(mean * factor, rng)
}

pub(super) fn rmse(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (sum, count) = pairs.fold((0.0, 0.0), |(sum, count), (a, b)| (sum + (a - b).powi(2), count + 1.0));
    f64::sqrt(sum / count)
}

/// Walks through a history day by day: the error of the forecast, that of "as in the same hour last week", and the share of counts
/// within the interval.
fn walk(counts: &[i64], calendar: &Hours, from: usize) -> (f64, f64, f64) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut within, mut all) = (0_u32, 0_u32);
    for now in (from..counts.len() - AHEAD).step_by(24) {
        let first = now.saturating_sub(8 * 168);
        let past: Vec<f64> = counts[first..now].iter().map(|count| *count as f64).collect();
        let base = Baseline::fit(&past, &calendar.slots[first..now]);
        for (index, point) in base.forecast(calendar, now).into_iter().enumerate() {
            let truth = counts[now + index] as f64;
            ours.push((point.value, truth));
            theirs.push((counts[now + index - 168] as f64, truth));
            within += u32::from((point.low..=point.high).contains(&truth));
            all += 1;
        }
    }
    (rmse(ours.into_iter()), rmse(theirs.into_iter()), f64::from(within) / f64::from(all))
}

/// A30: on made-up weeks the forecast is better than "as in the same hour last week", and its interval holds what it promises.
#[test]
fn a30_the_forecast_beats_last_week_on_known_truth() {
    let calendar = Hours::new(START, 14 * 168, &TimeZone::UTC);
    for (seed, scale) in [(1, 0.5), (2, 2.0), (3, 10.0)] {
        let mut rng = Rng::with_seed(seed);
        let counts: Vec<i64> = calendar.slots.iter().map(|slot| noisy(usual(*slot, scale), &mut rng)).collect();
        let (ours, theirs, within) = walk(&counts, &calendar, 8 * 168);
        println!("scale {scale}: error {ours:.3}, of last week {theirs:.3}; within {within:.3}");
        assert!(ours < 0.85 * theirs, "scale {scale}: {ours} against {theirs}");
        assert!((0.86..=0.99).contains(&within), "scale {scale}: {within}");
    }
}

/// When real tickets were opened and, of those that were, resolved; in the order in which they were opened.
pub(super) fn real_tickets() -> Vec<(i64, Option<i64>)> {
    let packed = include_bytes!("../../../../tests/data/bugs_hadoop_index.csv.gz");
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut text).unwrap();
    let mut rows = csv::Reader::from_reader(text.as_slice());
    let headers = rows.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let (created, resolved) = (column("created"), column("resolved"));
    let moment = |text: &str| {
        let at = jiff::civil::DateTime::strptime("%d/%b/%y %H:%M", text).unwrap();
        at.to_zoned(TimeZone::UTC).unwrap().timestamp().as_millisecond()
    };
    let of = |row: &csv::StringRecord, index: usize| {
        Some(row.get(index).unwrap()).filter(|text| !text.is_empty()).map(moment)
    };
    let mut tickets: Vec<(i64, Option<i64>)> = rows
        .records()
        .map(|row| {
            let row = row.unwrap();
            (of(&row, created).unwrap(), of(&row, resolved))
        })
        .collect();
    assert!(tickets.len() > 2_000, "{} tickets", tickets.len());
    tickets.sort_unstable();
    tickets
}

/// A31: so it is on the dates of real tickets.
#[test]
fn a31_the_forecast_beats_last_week_on_real_tickets() {
    let dates: Vec<i64> = real_tickets().into_iter().map(|(created, _)| created).collect();
    let (from, counts) = by_hour(&dates);
    let calendar = Hours::new(from, counts.len() + AHEAD, &TimeZone::UTC);
    let (ours, theirs, within) = walk(&counts, &calendar, 8 * 168);
    println!("error {ours:.3}, of last week {theirs:.3}; within {within:.3}");
    assert!(ours < 0.9 * theirs, "{ours} against {theirs}");
    assert!(within >= 0.9, "{within}");
}

/// How many there are in each hour, from the first one's on.
fn by_hour(dates: &[i64]) -> (i64, Vec<i64>) {
    let from = dates[0].div_euclid(HOUR_MS) * HOUR_MS;
    let mut counts = vec![0; ((dates[dates.len() - 1] - from) / HOUR_MS) as usize + 1];
    for at in dates {
        counts[((at - from) / HOUR_MS) as usize] += 1;
    }
    (from, counts)
}

/// A30: the backlog's forecast too.
#[test]
fn a30_the_backlog_forecast_beats_last_week() {
    let calendar = Hours::new(START, 14 * 168, &TimeZone::UTC);
    let mut rng = Rng::with_seed(7);
    let mut level = 400;
    let mut net = Vec::new();
    let mut levels = Vec::new();
    for slot in &calendar.slots {
        // People solve by day what came by night and day; what is open grows and shrinks for weeks.
        let solving = if (9..17).contains(&(slot % 24)) && slot / 24 < 5 { 11.0 } else { 0.3 };
        let change = noisy(usual(*slot, 1.0), &mut rng) - noisy(solving, &mut rng).min(level);
        level += change;
        net.push(change);
        levels.push(level);
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut within, mut all) = (0_u32, 0_u32);
    for now in (8 * 168..net.len() - AHEAD).step_by(24) {
        let first = now - 8 * 168;
        let points = backlog(&net[first..now], &calendar, first, now, levels[now - 1]);
        for (index, point) in points.into_iter().enumerate() {
            let truth = levels[now + index] as f64;
            ours.push((point.value, truth));
            theirs.push((levels[now + index - 168] as f64, truth));
            within += u32::from((point.low..=point.high).contains(&truth));
            all += 1;
        }
    }
    let (ours, theirs) = (rmse(ours.into_iter()), rmse(theirs.into_iter()));
    println!("error {ours:.3}, of last week {theirs:.3}; within {:.3}", f64::from(within) / f64::from(all));
    assert!((0.86..=0.985).contains(&(f64::from(within) / f64::from(all))), "{within} of {all}");
    assert!(ours < 0.7 * theirs, "{ours} against {theirs}");
}

fn minutes_of(mean_per_h: impl Fn(i64) -> f64, now: i64, rng: &mut Rng) -> Vec<i64> {
    (0..180).map(|back| poisson(mean_per_h(now - (179 - back) * 60_000) / 60.0, rng)).collect()
}

/// A32: on usual days at most one look in five thousand raises a false alarm; a burst of four times the usual is seen within half an hour,
/// with its beginning.
#[test]
fn a32_false_alarms_are_rare_and_bursts_are_found() {
    let calendar = Hours::new(START, 11 * 168, &TimeZone::UTC);
    let mut rng = Rng::with_seed(11);
    let mut looks = 0;
    let mut false_alarms = 0;
    let (mut bursts, mut found, mut near) = (0, 0, 0);
    for scale in [0.3, 1.0, 4.0, 12.0] {
        let past: Vec<f64> =
            calendar.slots[..8 * 168].iter().map(|slot| poisson(usual(*slot, scale), &mut rng) as f64).collect();
        let base = Baseline::fit(&past, &calendar.slots[..8 * 168]);
        let slot = |at: i64| calendar.slots[((at - START) / HOUR_MS) as usize];
        for look in 0..12_000 {
            let now = START + 8 * 168 * HOUR_MS + 4 * HOUR_MS + look % 5_000 * 5 * 60_000;
            let minutes = minutes_of(|at| usual(slot(at), scale), now, &mut rng);
            looks += 1;
            false_alarms += usize::from(burst(&base, &calendar, &minutes, now).is_some());
        }
        if scale >= 4.0 {
            for day in (0..21).filter(|day| day % 7 < 5) {
                let begin = START + (8 * 168 + day * 24 + 10) * HOUR_MS - 18 * 60_000;
                let now = begin + 30 * 60_000;
                let rate = |at: i64| usual(slot(at), scale) * if at >= begin { 4.0 } else { 1.0 };
                let minutes = minutes_of(rate, now, &mut rng);
                bursts += 1;
                if let Some(burst) = burst(&base, &calendar, &minutes, now) {
                    found += 1;
                    near += usize::from((burst.since - begin).abs() <= 15 * 60_000);
                }
            }
        }
    }
    println!(
        "{false_alarms} false alarms in {looks} looks; {found} of {bursts} bursts found, {near} with their beginning"
    );
    assert!(false_alarms * 5_000 <= looks, "{false_alarms} false alarms in {looks} looks");
    assert!(found + 1 >= bursts && near * 10 >= bursts * 9, "{found}, {near} of {bursts}");
}

/// A32: so it is on the dates of real tickets, whose bursts are real ones: people there report several things at once now and then.
#[test]
fn a32_alarms_on_real_tickets_are_rare() {
    let dates: Vec<i64> = real_tickets().into_iter().map(|(created, _)| created).collect();
    let (from, counts) = by_hour(&dates);
    let calendar = Hours::new(from, counts.len() + AHEAD, &TimeZone::UTC);
    let (mut looks, mut alarms) = (0, 0);
    for day in (8 * 168..counts.len() - 24).step_by(24) {
        let past: Vec<f64> = counts[day - 8 * 168..day].iter().map(|count| *count as f64).collect();
        let base = Baseline::fit(&past, &calendar.slots[day - 8 * 168..day]);
        for hour in day..day + 24 {
            let now = from + (hour as i64 + 1) * HOUR_MS - 1;
            let first = now - ONSET_MIN as i64 * 60_000 + 1;
            let mut minutes = vec![0; ONSET_MIN];
            let begin = dates.partition_point(|at| *at < first);
            for at in dates[begin..].iter().take_while(|at| **at <= now) {
                minutes[((at - first) / 60_000) as usize] += 1;
            }
            looks += 1;
            alarms += usize::from(burst(&base, &calendar, &minutes, now).is_some());
        }
    }
    println!("{alarms} alarms in {looks} looks, one an hour");
    assert!(looks > 30_000 && alarms * 1_000 <= looks, "{alarms} alarms in {looks} looks");
}

/// A34: a new level is found within two days of where it began in nine of ten cases, and a steady desk has none.
#[test]
fn a34_changes_of_level_are_found() {
    let mut rng = Rng::with_seed(5);
    let mut false_alarms = 0;
    let mut near = 0;
    for round in 0..60 {
        let day = |index: usize, times: f64, rng: &mut Rng| {
            let mean = 40.0 * [1.2, 1.1, 1.0, 1.0, 0.9, 0.3, 0.2][index % 7] * times;
            (index as i64 * 24 * HOUR_MS, index % 7, poisson(mean, rng) as f64)
        };
        let steady: Vec<_> = (0..56).map(|index| day(index, 1.0, &mut rng)).collect();
        false_alarms += usize::from(change::find(&steady).is_some());
        let at = 14 + round % 28;
        let moved: Vec<_> = (0..56).map(|index| day(index, if index >= at { 1.8 } else { 1.0 }, &mut rng)).collect();
        let found = change::find(&moved).expect("a change by 80 %");
        near += usize::from((found.at / (24 * HOUR_MS) - at as i64).abs() <= 2);
        assert!(found.after > 1.4 * found.before);
    }
    assert!(near >= 54, "{near} of 60");
    assert!(false_alarms <= 2, "{false_alarms} of 60");
    assert_eq!(change::find(&[]), None);
    assert_eq!(change::find(&vec![(0, 0, 0.0); 30]), None);
}

/// A13: on a day of a clock change an hour of the week is that of the wall clock, and the day's count is that of its 23 or 25 hours.
#[test]
fn a13_trends_go_by_the_wall_clock() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    for (monday, sunday_hours) in [("2026-03-23T00:00:00+01:00", 23), ("2026-10-19T00:00:00+02:00", 25)] {
        let from = monday.parse::<Timestamp>().unwrap().as_millis();
        let calendar = Hours::new(from, 15 * 24, &zone);
        let days = calendar.days(&vec![1.0; 15 * 24], 0, 15 * 24);
        let counts: Vec<f64> = days.iter().map(|day| day.2).collect();
        assert_eq!(counts[..6], [24.0; 6]);
        assert!((counts[6] - f64::from(sunday_hours)).abs() < 1e-9, "{counts:?}");
        assert!(days.iter().all(|(at, ..)| zoned(*at, &zone).hour() == 0), "days begin at midnight");
        // The hours of the day after the change are again those of a Monday from midnight on.
        let tuesday = 7 * 24 + usize::try_from(sunday_hours).unwrap();
        assert_eq!((calendar.slots[tuesday - 24], calendar.slots[tuesday]), (0, 24));
    }
}

/// A20: a desk without history has no trends, and says so.
#[test]
fn a20_an_empty_desk_has_no_trends() {
    let folder = None;
    let settings = crate::projections::analytics::Settings {
        time_zone: TimeZone::UTC,
        calendar: None,
        at_risk_ms: 1,
        private_teams: PrivateTeams::default(),
    };
    let (analytics, _) = crate::projections::analytics::Analytics::open(
        folder,
        &crate::domain::ids::Epoch::from("e"),
        crate::domain::ids::Seq::ZERO,
        settings,
        START,
    )
    .unwrap();
    let wanted = Wanted {
        now: START,
        zone: TimeZone::UTC,
        zone_name: "UTC".into(),
        target: staffing::Target { wait_ms: 60_000, share: 0.8, patience_ms: None },
        hidden: Vec::new(),
    };
    let trends = look(&analytics.moment(&KINDS), &wanted).unwrap();
    assert_eq!((trends.anomalies.len(), trends.changes.len(), trends.notes.len()), (0, 0, 3));
    assert_eq!((trends.arrivals.len(), trends.staffing.handling_ms), (AHEAD, None));
    assert!(trends.backlog.iter().all(|point| point.value.abs() < 1e-9));
}
