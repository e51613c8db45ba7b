//! Spans of time in a time zone: where hours, days and months begin, on days of 23 and of 25 hours too.

use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};

use crate::domain::time::Timestamp;

/// Spans that one answer may have.
pub const MOST_SPANS: usize = 10_000;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// Counted from each local midnight; divides neither a short nor a long day evenly, so the day's last one may be cut.
    Minutes(i64),
    Days(i64),
    Weeks(i64),
    Months(i64),
}

/// Names beside steps like `15m`.
pub const GRAINS: [&str; 6] = ["hour", "day", "week", "month", "quarter", "year"];

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSpan {
    #[error("write a step like 15m, 1h, 1d, 1w or 1mo, or one of hour, day, week, month, quarter, year")]
    Grain,
    #[error("that are about {count} spans; at most {MOST_SPANS}: choose a longer step or a shorter range")]
    TooMany { count: i64 },
    #[error("that is beyond the calendar")]
    Beyond,
}

impl Grain {
    pub fn parse(text: &str) -> Result<Self, BadSpan> {
        match text {
            "hour" => return Ok(Self::Minutes(60)),
            "day" => return Ok(Self::Days(1)),
            "week" => return Ok(Self::Weeks(1)),
            "month" => return Ok(Self::Months(1)),
            "quarter" => return Ok(Self::Months(3)),
            "year" => return Ok(Self::Months(12)),
            _ => {}
        }
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: i64 = text[..digits].parse().map_err(|_| BadSpan::Grain)?;
        if !(1..=1_000).contains(&number) {
            return Err(BadSpan::Grain);
        }
        match &text[digits..] {
            "m" if number <= 1_440 => Ok(Self::Minutes(number)),
            "h" if number <= 24 => Ok(Self::Minutes(number * 60)),
            "d" => Ok(Self::Days(number)),
            "w" => Ok(Self::Weeks(number)),
            "mo" => Ok(Self::Months(number)),
            _ => Err(BadSpan::Grain),
        }
    }

    /// About how long a span is.
    fn length_ms(self) -> i64 {
        match self {
            Self::Minutes(minutes) => minutes * MINUTE_MS,
            Self::Days(days) => days * DAY_MS,
            Self::Weeks(weeks) => weeks * 7 * DAY_MS,
            Self::Months(months) => months * 28 * DAY_MS,
        }
    }

    /// Where this far before `to` is, as `last` means it: by the clock for minutes and hours, by the calendar for the others.
    pub fn before(self, to: i64, zone: &TimeZone) -> Result<i64, BadSpan> {
        let at = zoned(to, zone);
        let span = match self {
            Self::Minutes(minutes) => minutes.minutes(),
            Self::Days(days) => days.days(),
            Self::Weeks(weeks) => weeks.weeks(),
            Self::Months(months) => months.months(),
        };
        let before = at.checked_sub(span).map_err(|_| BadSpan::Beyond)?;
        Ok(before.timestamp().as_millisecond())
    }

    /// Beginnings of the spans of `from..to`: `from` itself, and each beginning after it.
    pub fn cut(self, from: i64, to: i64, zone: &TimeZone) -> Result<Vec<i64>, BadSpan> {
        let count = to.saturating_sub(from) / self.length_ms();
        if count > MOST_SPANS as i64 {
            return Err(BadSpan::TooMany { count });
        }
        let mut cuts = vec![from];
        let mut add = |at: i64| {
            if at > from && at < to && cuts.last().is_none_or(|last| at > *last) {
                cuts.push(at);
            }
            at < to
        };
        let beyond = |_: jiff::Error| BadSpan::Beyond;
        let mut day = zoned(from, zone).start_of_day().map_err(beyond)?;
        match self {
            Self::Minutes(minutes) => loop {
                let next = day.tomorrow().and_then(|day| day.start_of_day()).map_err(beyond)?;
                let (begin, end) = (day.timestamp().as_millisecond(), next.timestamp().as_millisecond());
                let mut at = begin;
                while at < end && at < to {
                    add(at);
                    at += minutes * MINUTE_MS;
                }
                if end >= to {
                    break;
                }
                day = next;
            },
            Self::Days(days) => {
                while add(day.timestamp().as_millisecond()) {
                    day = day.checked_add(days.days()).and_then(|day| day.start_of_day()).map_err(beyond)?;
                }
            }
            Self::Weeks(weeks) => {
                let back = i64::from(day.weekday().to_monday_zero_offset());
                day = day.checked_sub(back.days()).and_then(|day| day.start_of_day()).map_err(beyond)?;
                while add(day.timestamp().as_millisecond()) {
                    day = day.checked_add(weeks.weeks()).and_then(|day| day.start_of_day()).map_err(beyond)?;
                }
            }
            Self::Months(months) => {
                // Months are counted from January on, so that quarters are those of the year.
                let past = (i64::from(day.month()) - 1) % months;
                let first = day.first_of_month().and_then(|day| day.checked_sub(past.months())).map_err(beyond)?;
                day = first.start_of_day().map_err(beyond)?;
                while add(day.timestamp().as_millisecond()) {
                    day = day.checked_add(months.months()).and_then(|day| day.start_of_day()).map_err(beyond)?;
                }
            }
        }
        Ok(cuts)
    }
}

pub fn zoned(at: i64, zone: &TimeZone) -> Zoned {
    Timestamp::from_millis(at).to_jiff().to_zoned(zone.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millis()
    }

    fn cut(grain: &str, from: &str, to: &str) -> Vec<i64> {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        Grain::parse(grain).unwrap().cut(at(from), at(to), &zone).unwrap()
    }

    /// A13: a day of a clock change has 23 or 25 hours, and days, weeks and months begin at local midnight.
    #[test]
    fn a13_days_of_a_clock_change() {
        let spring = ("2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00");
        let autumn = ("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00");
        assert_eq!(cut("hour", spring.0, spring.1).len(), 23);
        assert_eq!(cut("hour", autumn.0, autumn.1).len(), 25);
        assert_eq!(cut("day", spring.0, "2026-03-31T00:00:00+02:00"), [at(spring.0), at(spring.1)]);
        assert_eq!(cut("6h", autumn.0, autumn.1).len(), 5, "the last one is an hour long");
        assert_eq!(
            cut("week", "2026-10-21T12:00:00+02:00", "2026-11-03T00:00:00+01:00"),
            [at("2026-10-21T12:00:00+02:00"), at("2026-10-26T00:00:00+01:00"), at("2026-11-02T00:00:00+01:00")]
        );
        assert_eq!(
            cut("quarter", "2026-02-10T00:00:00+01:00", "2026-08-01T00:00:00+02:00")[1..],
            [at("2026-04-01T00:00:00+02:00"), at("2026-07-01T00:00:00+02:00")]
        );
    }

    /// A20: absurd steps and ranges are refused with a reason.
    #[test]
    fn a20_absurd_steps_and_ranges() {
        for bad in ["", "0m", "5", "h", "-1h", "1y", "25h", "99999d", "1.5h", "١h", "year2"] {
            assert_eq!(Grain::parse(bad), Err(BadSpan::Grain), "{bad}");
        }
        let zone = TimeZone::UTC;
        assert!(matches!(Grain::Minutes(1).cut(0, i64::MAX, &zone), Err(BadSpan::TooMany { .. })));
        assert!(matches!(Grain::Months(12).cut(i64::MIN, i64::MAX, &zone), Err(BadSpan::TooMany { .. })));
        assert_eq!(Grain::Days(1).cut(5, 6, &zone), Ok(vec![5]));
        assert_eq!(Grain::Months(1).before(i64::MIN, &zone), Err(BadSpan::Beyond));
    }
}
