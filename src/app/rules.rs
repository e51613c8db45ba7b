//! From the configuration's plain values to the domain's rules, with every mistake named at once.

use std::collections::BTreeMap;

use crate::config::{Calendar, Config};
use crate::domain::permissions::PrivateTeams;
use crate::domain::rules::{NamedOption, Rules};
use crate::domain::sla::{BusinessCalendar, SlaPolicy};
use crate::domain::state::{SKIP_MEMORY_MS, UNDO_MEMORY_MS};
use crate::domain::ticket::Priority;
use crate::projections::analytics::Settings;

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// All mistakes, one a line, if there are any.
pub fn from_config(config: &Config) -> Result<Rules, String> {
    let mut mistakes = Vec::new();
    let mut within = |key: &str, value: i64, most: i64| {
        if !(0..=most).contains(&value) {
            mistakes.push(format!("{key}: {value} is not between 0 and {most}"));
        }
    };
    within("desk.undo_window_ms", config.desk.undo_window_ms, UNDO_MEMORY_MS);
    within("queue.skip_window_ms", config.queue.skip_window_ms, SKIP_MEMORY_MS);
    if config.queue.promote_after_ms <= 0 {
        mistakes.push("queue.promote_after_ms: must be positive".to_owned());
    }
    let mut calendars = BTreeMap::new();
    for calendar in &config.sla.calendars {
        match business_calendar(calendar) {
            Ok(built) => drop(calendars.insert(calendar.name.clone(), built)),
            Err(mistake) => mistakes.push(format!("sla.calendars, {}: {mistake}", calendar.name)),
        }
    }
    let mut sla_policies = Vec::new();
    for policy in &config.sla.policies {
        let calendar = match &policy.calendar {
            None => None,
            Some(name) => {
                let found = calendars.get(name).cloned();
                if found.is_none() {
                    mistakes.push(format!("sla.policies, {}: there is no calendar {name}", policy.name));
                }
                found
            }
        };
        let mut priorities = Vec::new();
        for name in &policy.priorities {
            match serde_json::from_value::<Priority>(name.as_str().into()) {
                Ok(priority) => priorities.push(priority),
                Err(_) => mistakes.push(format!("sla.policies, {}: there is no priority {name}", policy.name)),
            }
        }
        sla_policies.push(SlaPolicy {
            name: policy.name.clone(),
            priorities,
            teams: policy.teams.clone(),
            categories: policy.categories.clone(),
            first_response_min: policy.first_response_min,
            next_response_min: policy.next_response_min,
            resolution_min: policy.resolution_min,
            calendar,
        });
    }
    if !mistakes.is_empty() {
        return Err(mistakes.join("\n"));
    }
    let named = |options: &[crate::config::NamedOption]| {
        options
            .iter()
            .map(|option| NamedOption {
                id: option.id.clone(),
                name: option.name.clone(),
                description: option.description.clone(),
            })
            .collect()
    };
    Ok(Rules {
        undo_window_ms: config.desk.undo_window_ms,
        close_solved_after_ms: config.desk.close_solved_after_ms,
        skip_window_ms: config.queue.skip_window_ms,
        promote_after_ms: config.queue.promote_after_ms,
        categories: named(&config.desk.categories),
        teams: named(&config.desk.teams),
        private_teams: private_teams(config),
        sla_policies,
        triage: config.triage.enabled,
    })
}

/// The teams whose tickets are their own, in the configuration's order.
pub fn private_teams(config: &Config) -> PrivateTeams {
    PrivateTeams::new(config.desk.teams.iter().filter(|team| team.private).map(|team| team.id.clone()))
}

/// What figures go by. The configuration was checked, so zone and calendar exist.
pub fn analytics(config: &Config) -> Result<Settings, String> {
    let wanted = &config.analytics;
    let time_zone =
        jiff::tz::TimeZone::get(&wanted.time_zone).map_err(|error| format!("analytics.time_zone: {error}"))?;
    let named = config.sla.calendars.iter().find(|own| wanted.calendar.is_empty() || own.name == wanted.calendar);
    let calendar = named.map(business_calendar).transpose()?;
    let private_teams = private_teams(config);
    Ok(Settings { time_zone, calendar, at_risk_ms: wanted.at_risk_ms, private_teams })
}

fn business_calendar(calendar: &Calendar) -> Result<BusinessCalendar, String> {
    let time_zone = jiff::tz::TimeZone::get(&calendar.time_zone).map_err(|error| error.to_string())?;
    let mut week: [Vec<(u16, u16)>; 7] = Default::default();
    for (day, spans) in &calendar.hours {
        let index = DAYS.iter().position(|known| known == day).ok_or_else(|| format!("there is no weekday {day}"))?;
        for span in spans {
            let (from, to) = span.split_once('-').ok_or_else(|| format!("{span}: write 09:00-17:00"))?;
            let (from, to) = (minute(from)?, minute(to)?);
            if from >= to || week[index].last().is_some_and(|(_, before)| *before > from) {
                return Err(format!("{day}: {span} is empty, overlaps or is out of order"));
            }
            week[index].push((from, to));
        }
    }
    let holidays = calendar
        .holidays
        .iter()
        .map(|day| day.parse().map_err(|_| format!("{day} is not a date like 2026-12-25")))
        .collect::<Result<_, String>>()?;
    Ok(BusinessCalendar { time_zone, week, holidays })
}

/// Minutes from midnight; `24:00` is the end of the day.
fn minute(text: &str) -> Result<u16, String> {
    let wrong = || format!("{text} is not a time like 09:00");
    let (hour, minute) = text.trim().split_once(':').ok_or_else(wrong)?;
    let (hour, minute): (u16, u16) = (hour.parse().map_err(|_| wrong())?, minute.parse().map_err(|_| wrong())?);
    if minute > 59 || hour > 24 || (hour == 24 && minute > 0) {
        return Err(wrong());
    }
    Ok(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_rules() {
        let rules = from_config(&Config::defaults()).unwrap();
        assert_eq!(rules.sla_policies.len(), 4);
    }

    #[test]
    fn every_mistake_is_named() {
        let mut config = Config::defaults();
        config.sla.policies[0].calendar = Some("moon".into());
        config.sla.policies[1].priorities = vec!["huge".into()];
        config.queue.promote_after_ms = 0;
        config.sla.calendars.push(Calendar {
            name: "office".into(),
            time_zone: "America/Montreal".into(),
            hours: [("monday".to_owned(), vec!["17:00-09:00".to_owned()])].into(),
            holidays: vec![],
        });
        let mistakes = from_config(&config).unwrap_err();
        assert_eq!(mistakes.lines().count(), 4, "{mistakes}");
    }
}
