//! SLA policies: which targets apply to a ticket and when they fall due, counted in business hours.

use super::ticket::Priority;

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
    /// Opening intervals for each weekday, Monday first, as minutes from midnight: `[(540, 1020)]` is 09:00 to 17:00.
    pub week: [Vec<(u16, u16)>; 7],
    pub holidays: std::collections::BTreeSet<jiff::civil::Date>,
}
