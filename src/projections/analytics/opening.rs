//! Opening hours as a running total, so that the business time between two moments is two look-ups, however far apart they are.
//!
//! The figures are those of [`BusinessCalendar::between`], which is the definition; a test compares them.

use crate::domain::sla::BusinessCalendar;
use crate::domain::time::Timestamp;

const DAY_MS: i64 = 86_400_000;
/// A table of more than this is not worth its memory: such spans are asked of the calendar itself.
const MOST_DAYS: i64 = 60 * 366;

#[derive(Debug)]
pub struct Opening {
    calendar: Option<BusinessCalendar>,
    /// Covered span in milliseconds.
    from: i64,
    to: i64,
    /// Beginning and end of each interval, with the opening time before it.
    intervals: Vec<(i64, i64, i64)>,
}

impl Opening {
    /// `None` is open around the clock.
    pub fn new(calendar: Option<BusinessCalendar>) -> Self {
        Self { calendar, from: 0, to: 0, intervals: Vec::new() }
    }

    /// Opening time from one moment to another, in milliseconds; 0 when `to` is not later.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        if to <= from {
            return 0;
        }
        let Some(calendar) = &self.calendar else { return to.saturating_sub(from) };
        if from < self.from || to > self.to {
            let wide = |at: i64, days: i64| at.saturating_add(days * DAY_MS);
            let empty = self.intervals.is_empty() && self.from == self.to;
            let lower = if empty { wide(from, -30) } else { self.from.min(wide(from, -30)) };
            let upper = if empty { wide(to, 400) } else { self.to.max(wide(to, 400)) };
            if upper.saturating_sub(lower) / DAY_MS > MOST_DAYS {
                return calendar.between(Timestamp::from_millis(from), Timestamp::from_millis(to));
            }
            self.cover(lower, upper);
        }
        self.total(to) - self.total(from)
    }

    fn cover(&mut self, from: i64, to: i64) {
        let Some(calendar) = &self.calendar else { return };
        self.intervals.clear();
        let mut total = 0;
        let mut last = i64::MIN;
        let mut begin = from - DAY_MS;
        // The calendar hands out ten years at a time.
        while begin < to {
            for (open, close) in calendar.intervals(Timestamp::from_millis(begin)) {
                let (open, close) = (open.as_millis(), close.as_millis());
                if open >= to {
                    break;
                }
                if open > last && close > open {
                    self.intervals.push((open, close, total));
                    total += close - open;
                    last = open;
                }
            }
            begin += 3_600 * DAY_MS;
        }
        (self.from, self.to) = (from, to);
    }

    fn total(&self, at: i64) -> i64 {
        let index = self.intervals.partition_point(|(open, ..)| *open <= at);
        let Some((open, close, before)) = index.checked_sub(1).map(|index| self.intervals[index]) else { return 0 };
        before + at.min(close) - open
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn office() -> BusinessCalendar {
        BusinessCalendar {
            time_zone: jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone of the database"),
            week: std::array::from_fn(|day| if day < 5 { vec![(480, 720), (780, 1_080)] } else { Vec::new() }),
            holidays: [jiff::civil::date(2026, 12, 25)].into(),
        }
    }

    proptest! {
        /// A12: business time is the calendar's, days of a clock change included.
        #[test]
        fn a12_the_running_total_is_the_calendars_answer(
            pairs in proptest::collection::vec((0..1_200_i64, 0..86_400_000_i64, 0..900_i64 * DAY_MS), 1..12),
        ) {
            let mut opening = Opening::new(Some(office()));
            for (day, ms, length) in pairs {
                let from = 1_735_689_600_000 + day * DAY_MS + ms;
                let expected = office().between(Timestamp::from_millis(from), Timestamp::from_millis(from + length));
                prop_assert_eq!(opening.between(from, from + length), expected);
            }
        }
    }

    #[test]
    fn around_the_clock_and_absurd_spans() {
        assert_eq!(Opening::new(None).between(5, 9), 4);
        assert_eq!(Opening::new(None).between(9, 5), 0);
        let mut opening = Opening::new(Some(office()));
        assert!(opening.between(0, 200 * 366 * DAY_MS) > 0);
        assert!(opening.intervals.is_empty(), "no table was made for it");
    }
}
