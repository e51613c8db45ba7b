//! Whether the number of new tickets a day has come to another level.
//!
//! Pettitt's test (*A non-parametric approach to the change-point problem*, Applied Statistics 28, 1979): for each day t the sum of the
//! signs of all differences across it, `K = max |U|`, `p = 2 exp(-6 K^2 / (n^3 + n^2))`. Days are first divided by their weekday's usual
//! share of the week around them. It needs no distribution and is not moved by single days.

/// So sure, and so much of a difference, before it is told.
const P: f64 = 0.01;
const TIMES: f64 = 1.25;
const LEAST_DAYS: usize = 14;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    pub at: i64,
    pub before: f64,
    pub after: f64,
    pub p: f64,
}

/// Of days with their beginning, weekday and count, in order.
pub fn find(days: &[(i64, usize, f64)]) -> Option<Change> {
    let n = days.len();
    if n < LEAST_DAYS {
        return None;
    }
    let mean = days.iter().map(|day| day.2).sum::<f64>() / n as f64;
    if mean <= 0.0 {
        return None;
    }
    let mut by_weekday = [(0.0, 0.0); 7];
    for (index, (_, weekday, count)) in days.iter().enumerate() {
        // Against its own week, so that a change of level is not taken for the weekday's.
        let week = &days[index.saturating_sub(3)..(index + 4).min(n)];
        let usual = week.iter().map(|day| day.2).sum::<f64>() / week.len() as f64;
        if week.len() == 7 && usual > 0.0 {
            by_weekday[*weekday].0 += count / usual;
            by_weekday[*weekday].1 += 1.0;
        }
    }
    let share = by_weekday.map(|(sum, days)| if sum > 0.0 { sum / days } else { 1.0 });
    let level: Vec<f64> = days.iter().map(|(_, weekday, count)| count / share[*weekday]).collect();
    let mut running = 0.0_f64;
    let (mut most, mut at) = (0.0_f64, 0);
    for t in 0..n - 1 {
        running += level.iter().map(|other| sign(level[t] - other)).sum::<f64>();
        if running.abs() > most {
            (most, at) = (running.abs(), t + 1);
        }
    }
    let size = n as f64;
    let p = (2.0 * (-6.0 * most.powi(2) / (size.powi(3) + size.powi(2))).exp()).min(1.0);
    let average = |days: &[(i64, usize, f64)]| days.iter().map(|day| day.2).sum::<f64>() / days.len() as f64;
    if p >= P || at == 0 {
        return None;
    }
    let (before, after) = (average(&days[..at]), average(&days[at..]));
    let times = after.max(before) / after.min(before).max(0.1);
    (times >= TIMES).then_some(Change { at: days[at].0, before, after, p })
}

fn sign(difference: f64) -> f64 {
    if difference > 0.0 {
        1.0
    } else if difference < 0.0 {
        -1.0
    } else {
        0.0
    }
}
