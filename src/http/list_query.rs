//! From the query string of `GET /api/v1/tickets` to what is asked. Executing it is the read models'.

use serde::de::DeserializeOwned;

use super::operation::{Param, ParamKind};
use super::paging;
use super::params::Params;
use crate::domain::ids::UserId;
use crate::domain::rejection::{FieldError, Rejection};
use crate::protocol::problem::Problem;
use crate::protocol::reading::{AssigneeFilter, ListQuery, Sort, SortKey};

const SEARCH_CHARS: usize = 1000;

pub const STATUSES: &[&str] = &["new", "open", "pending", "on_hold", "solved", "closed"];
pub const PRIORITIES: &[&str] = &["low", "normal", "high", "urgent"];
const SORTS: &[&str] =
    &["id", "-id", "created_at", "-created_at", "updated_at", "-updated_at", "priority", "-priority", "due", "-due"];

pub const PARAMS: &[Param] = &[
    Param { name: "status", what: "Any of these.", kind: ParamKind::RepeatedOneOf(STATUSES) },
    Param { name: "priority", what: "Any of these.", kind: ParamKind::RepeatedOneOf(PRIORITIES) },
    Param { name: "assignee", what: "Ids of users, or `none` for nobody's tickets.", kind: ParamKind::Repeated },
    Param { name: "team", what: "Any of these.", kind: ParamKind::Repeated },
    Param { name: "category", what: "Any of these.", kind: ParamKind::Repeated },
    Param { name: "tag", what: "Tickets with any of these.", kind: ParamKind::Repeated },
    Param { name: "requester", what: "Addresses of requesters, in any case.", kind: ParamKind::Repeated },
    Param { name: "q", what: "Full-text search over subjects and messages.", kind: ParamKind::Text },
    Param {
        name: "sort",
        what: "`-id` if absent. Without a due time a ticket comes last.",
        kind: ParamKind::OneOf(SORTS),
    },
    paging::SIZE,
    paging::AFTER,
];

pub fn parse(params: &Params) -> Result<ListQuery, Problem> {
    let mut errors = Vec::new();
    let statuses = named(params, "status", STATUSES, &mut errors)?;
    let priorities = named(params, "priority", PRIORITIES, &mut errors)?;
    let sort = match params.one("sort")? {
        None => Sort::default(),
        Some(text) => parse_sort(text).unwrap_or_else(|| {
            errors.push(FieldError::new("/sort", "unknown_value", format!("expected one of {}", SORTS.join(", "))));
            Sort::default()
        }),
    };
    let q = params.one("q")?.map(str::trim).filter(|text| !text.is_empty());
    if q.is_some_and(|text| text.chars().count() > SEARCH_CHARS) {
        errors.push(FieldError::new("/q", "too_long", format!("at most {SEARCH_CHARS} characters")));
    }
    if !errors.is_empty() {
        return Err(Rejection::InvalidField(errors).into());
    }
    let assignees = params.all("assignee")?.into_iter().map(|value| match value {
        "none" => AssigneeFilter::Nobody,
        id => AssigneeFilter::User(UserId::from(id)),
    });
    Ok(ListQuery {
        statuses,
        priorities,
        assignees: assignees.collect(),
        teams: params.texts("team")?,
        categories: params.texts("category")?,
        tags: params.texts("tag")?,
        requesters: params.all("requester")?.into_iter().map(|value| value.trim().to_lowercase()).collect(),
        q: q.map(str::to_owned),
        sort,
        size: paging::size(params)?,
        after: paging::after(params)?,
    })
}

/// Values of an enumeration, by their names on the wire.
fn named<T: DeserializeOwned>(
    params: &Params,
    name: &str,
    known: &[&str],
    errors: &mut Vec<FieldError>,
) -> Result<Vec<T>, Problem> {
    let mut values = Vec::new();
    for text in params.all(name)? {
        if let Ok(value) = serde_json::from_value(serde_json::Value::String(text.to_owned())) {
            values.push(value);
        } else {
            let detail = format!("expected one of {}", known.join(", "));
            errors.push(FieldError::new(format!("/{name}"), "unknown_value", detail));
        }
    }
    Ok(values)
}

fn parse_sort(text: &str) -> Option<Sort> {
    let (name, descending) = match text.strip_prefix('-') {
        Some(name) => (name, true),
        None => (text, false),
    };
    SortKey::ALL.into_iter().find(|key| key.name() == name).map(|key| Sort { key, descending })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ticket::{Priority, Status};
    use crate::protocol::code::Code;

    fn query(text: &str) -> Result<ListQuery, Problem> {
        parse(&Params::parse(text, PARAMS)?)
    }

    /// S5: repeated parameters mean any of; `assignee=none` means nobody's; the default order is `-id`.
    #[test]
    fn s5_a_query_string_becomes_a_query() {
        let asked = query(
            "status=open&status=on_hold&priority=urgent&assignee=none&assignee=usr_1&team=support&category=billing\
             &tag=vip&tag=late&requester=Ann%40Example.org&q=lost%20parcel&sort=-due&page[size]=7&page[after]=xyz",
        )
        .unwrap();
        assert_eq!(
            asked,
            ListQuery {
                statuses: vec![Status::Open, Status::OnHold],
                priorities: vec![Priority::Urgent],
                assignees: vec![AssigneeFilter::Nobody, AssigneeFilter::User("usr_1".into())],
                teams: vec!["support".into()],
                categories: vec!["billing".into()],
                tags: vec!["vip".into(), "late".into()],
                requesters: vec!["ann@example.org".into()],
                q: Some("lost parcel".into()),
                sort: Sort { key: SortKey::Due, descending: true },
                size: 7,
                after: Some("xyz".into()),
            }
        );
        assert_eq!(query("q=+").unwrap(), ListQuery { size: 50, ..ListQuery::default() });
    }

    #[test]
    fn every_sort_is_known_by_its_name() {
        for name in SORTS {
            assert!(parse_sort(name).is_some(), "{name}");
        }
        assert_eq!(SORTS.len(), 2 * SortKey::ALL.len());
    }

    /// S6: every bad filter, sort or limit is 422 with the parameter's name.
    #[test]
    fn s6_bad_values_are_named() {
        let problem = query("status=opened&status=open&priority=3&sort=subject").unwrap_err();
        assert_eq!(problem.code, Code::InvalidField);
        let pointers: Vec<_> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/status", "/priority", "/sort"]);
        for (text, pointer) in
            [("page[size]=0", "/page[size]"), ("page[size]=201", "/page[size]"), ("team=", "/team"), ("q=a&q=b", "/q")]
        {
            let problem = query(text).unwrap_err();
            assert_eq!((problem.code, problem.errors[0].pointer.as_str()), (Code::InvalidField, pointer));
        }
    }
}
