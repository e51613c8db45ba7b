//! SLA policies: which targets apply to a ticket and when they fall due, counted in business hours.

use jiff::civil::{Date, DateTime};

use super::ticket::{Priority, SlaMetric};
use super::time::Timestamp;

const MINUTE_MS: i64 = 60_000;
/// A calendar that is shut for ten years on end has no hours at all.
const HORIZON_DAYS: usize = 3_660;

/// Targets for the tickets that match. Empty filters match everything.
#[derive(Clone, Debug)]
pub struct SlaPolicy {
    pub name: String,
    pub priorities: Vec<Priority>,
    pub teams: Vec<String>,
    pub categories: Vec<String>,
    /// Minutes of business time; `None` sets no target.
    pub first_response_min: Option<u32>,
    pub next_response_min: Option<u32>,
    pub resolution_min: Option<u32>,
    /// `None` counts around the clock.
    pub calendar: Option<BusinessCalendar>,
}

/// When the desk works, in a time zone of the IANA database.
#[derive(Clone, Debug)]
pub struct BusinessCalendar {
    pub time_zone: jiff::tz::TimeZone,
    /// Opening intervals for each weekday, Monday first, as minutes from midnight: `[(540, 1020)]` is 09:00 to 17:00. In order,
    /// without overlap; 1440 is the end of the day.
    pub week: [Vec<(u16, u16)>; 7],
    pub holidays: std::collections::BTreeSet<jiff::civil::Date>,
}

impl SlaPolicy {
    pub fn matches(&self, priority: Priority, team: Option<&str>, category: Option<&str>) -> bool {
        let within = |list: &[String], value: Option<&str>| {
            list.is_empty() || value.is_some_and(|value| list.iter().any(|listed| listed == value))
        };
        (self.priorities.is_empty() || self.priorities.contains(&priority))
            && within(&self.teams, team)
            && within(&self.categories, category)
    }

    /// Business time that the target gives, in milliseconds.
    pub fn budget_ms(&self, metric: SlaMetric) -> Option<i64> {
        let minutes = match metric {
            SlaMetric::FirstResponse => self.first_response_min,
            SlaMetric::NextResponse => self.next_response_min,
            SlaMetric::Resolution => self.resolution_min,
        };
        minutes.map(|minutes| i64::from(minutes) * MINUTE_MS)
    }

    /// When `left_ms` of business time after `from` are used up. What is overdrawn already lies before `from`.
    pub fn due(&self, from: Timestamp, left_ms: i64) -> Timestamp {
        match &self.calendar {
            Some(calendar) if left_ms > 0 => calendar.after(from, left_ms),
            _ => from.plus_millis(left_ms),
        }
    }

    /// Business time between two moments, in milliseconds.
    pub fn spent_ms(&self, from: Timestamp, to: Timestamp) -> i64 {
        match &self.calendar {
            Some(calendar) => calendar.between(from, to),
            None => to.millis_since(from).max(0),
        }
    }
}

impl BusinessCalendar {
    /// The moment at which `work_ms` of opening time after `from` have passed. A calendar without any hours gives a moment
    /// ten years away.
    pub fn after(&self, from: Timestamp, work_ms: i64) -> Timestamp {
        let mut left = work_ms;
        let mut last = from;
        for (open, close) in self.intervals(from) {
            let open = open.max(from);
            let length = close.millis_since(open);
            if length <= 0 {
                continue;
            }
            if length >= left {
                return open.plus_millis(left);
            }
            left -= length;
            last = close;
        }
        last.plus_millis(HORIZON_DAYS as i64 * 24 * 60 * MINUTE_MS)
    }

    /// Opening time between two moments, in milliseconds; 0 when `to` is not later.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> i64 {
        self.intervals(from)
            .take_while(|(open, _)| *open < to)
            .map(|(open, close)| close.min(to).millis_since(open.max(from)).max(0))
            .sum()
    }

    /// Opening intervals as moments, from the local day of `from` on. On a day of a clock change an interval is as long as it
    /// really is.
    pub fn intervals(&self, from: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let first = self.time_zone.to_datetime(from.to_jiff()).date();
        std::iter::successors(Some(first), |day| day.tomorrow().ok())
            .take(HORIZON_DAYS)
            .filter(|day| !self.holidays.contains(day))
            .flat_map(|day| {
                let weekday = usize::from(day.weekday().to_monday_zero_offset().unsigned_abs());
                self.week[weekday].iter().map(move |(open, close)| (day, *open, *close))
            })
            .filter_map(|(day, open, close)| Some((self.moment(day, open)?, self.moment(day, close)?)))
    }

    /// A local time of day as a moment. One that a clock change skips is the moment after the gap; one that comes twice is the
    /// first of them. `None` beyond the calendar's range.
    fn moment(&self, day: Date, minutes: u16) -> Option<Timestamp> {
        let local: DateTime = if minutes >= 1_440 {
            day.tomorrow().ok()?.at(0, 0, 0, 0)
        } else {
            day.at((minutes / 60) as i8, (minutes % 60) as i8, 0, 0)
        };
        self.time_zone.to_timestamp(local).ok().map(Timestamp::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 60 * MINUTE_MS;

    fn calendar(zone: &str, hours: &[(u16, u16)], days: usize) -> BusinessCalendar {
        BusinessCalendar {
            time_zone: jiff::tz::TimeZone::get(zone).expect("a zone of the database"),
            week: std::array::from_fn(|day| if day < days { hours.to_vec() } else { Vec::new() }),
            holidays: std::collections::BTreeSet::new(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[track_caller]
    fn check(calendar: &BusinessCalendar, from: &str, work_ms: i64, due: &str) {
        assert_eq!(calendar.after(at(from), work_ms).to_string(), at(due).to_string(), "due");
        assert_eq!(calendar.between(at(from), at(due)), work_ms, "between");
    }

    /// T46: business time passes only while the desk is open: not at night, not at noon, not on weekends and holidays.
    #[test]
    fn t46_business_hours() {
        let mut office = calendar("America/Montreal", &[(9 * 60, 12 * 60), (13 * 60, 17 * 60)], 5);
        // A Monday in winter: five hours behind UTC.
        check(&office, "2026-11-23T09:00:00-05:00", HOUR_MS, "2026-11-23T10:00:00-05:00");
        check(&office, "2026-11-23T11:30:00-05:00", HOUR_MS, "2026-11-23T13:30:00-05:00");
        check(&office, "2026-11-23T03:00:00-05:00", 3 * HOUR_MS, "2026-11-23T12:00:00-05:00");
        check(&office, "2026-11-23T16:30:00-05:00", HOUR_MS, "2026-11-24T09:30:00-05:00");
        check(&office, "2026-11-27T16:30:00-05:00", HOUR_MS, "2026-11-30T09:30:00-05:00");
        check(&office, "2026-11-28T10:00:00-05:00", HOUR_MS, "2026-11-30T10:00:00-05:00");
        check(&office, "2026-11-23T09:00:00-05:00", 35 * HOUR_MS, "2026-11-27T17:00:00-05:00");
        office.holidays.insert(jiff::civil::date(2026, 11, 24));
        check(&office, "2026-11-23T16:30:00-05:00", HOUR_MS, "2026-11-25T09:30:00-05:00");
        assert_eq!(office.between(at("2026-11-24T09:00:00-05:00"), at("2026-11-24T17:00:00-05:00")), 0);
        assert_eq!(office.between(at("2026-11-23T17:00:00-05:00"), at("2026-11-23T09:00:00-05:00")), 0);
    }

    /// T47: a day on which the clocks change is as long as it really is.
    #[test]
    fn t47_days_of_a_clock_change() {
        let always = calendar("Europe/Berlin", &[(0, 1_440)], 7);
        // 29 March 2026 has 23 hours, 25 October 25.
        check(&always, "2026-03-29T00:00:00+01:00", 23 * HOUR_MS, "2026-03-30T00:00:00+02:00");
        check(&always, "2026-10-25T00:00:00+02:00", 25 * HOUR_MS, "2026-10-26T00:00:00+01:00");
        // 02:30 does not exist in spring: the shift begins after the gap. In autumn it comes twice: it begins with the first.
        let night = calendar("Europe/Berlin", &[(2 * 60 + 30, 4 * 60)], 7);
        check(&night, "2026-03-29T00:00:00+01:00", 30 * MINUTE_MS, "2026-03-29T04:00:00+02:00");
        check(&night, "2026-10-25T00:00:00+02:00", 150 * MINUTE_MS, "2026-10-25T04:00:00+01:00");
        let office = calendar("America/New_York", &[(9 * 60, 17 * 60)], 7);
        check(&office, "2026-03-07T16:00:00-05:00", 2 * HOUR_MS, "2026-03-08T10:00:00-04:00");
    }

    /// T46: a calendar without hours has no due time that anybody will live to see, and does not hang.
    #[test]
    fn t46_a_calendar_without_hours() {
        let shut = calendar("UTC", &[], 7);
        let from = at("2026-11-23T09:00:00Z");
        assert!(shut.after(from, 1).millis_since(from) > 3_000 * 24 * HOUR_MS);
        assert_eq!(shut.between(from, from.plus_millis(7 * 24 * HOUR_MS)), 0);
    }

    /// T46: without a calendar the clock never stops.
    #[test]
    fn t46_around_the_clock() {
        let policy = SlaPolicy {
            name: String::new(),
            priorities: Vec::new(),
            teams: Vec::new(),
            categories: Vec::new(),
            first_response_min: None,
            next_response_min: None,
            resolution_min: Some(2),
            calendar: None,
        };
        let from = at("2026-11-28T23:59:00Z");
        assert_eq!(policy.budget_ms(SlaMetric::Resolution), Some(2 * MINUTE_MS));
        assert_eq!(policy.due(from, 2 * MINUTE_MS), at("2026-11-29T00:01:00Z"));
        assert_eq!(policy.spent_ms(from, at("2026-11-29T00:01:00Z")), 2 * MINUTE_MS);
        assert_eq!(policy.spent_ms(from, at("2026-11-28T00:00:00Z")), 0);
    }
}
