//! The query string, read strictly: what a call does not know is refused, and so is what it cannot use. Knows nothing of what
//! the values mean. Called by [`super::call::Call`] and, for values, by the handlers.

use std::ops::RangeInclusive;

use actix_web::web::Query;

use super::operation::Param;
use crate::domain::rejection::FieldError;
use crate::domain::time::Timestamp;
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;

/// Values that one request may have in its query string.
const MOST: usize = 200;

/// Decoded, in the order in which they came.
#[derive(Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    pub fn parse(query: &str, known: &[Param]) -> Result<Self, Problem> {
        let pairs = Query::<Vec<(String, String)>>::from_query(query)
            .map_err(|error| Problem::field("", "invalid", format!("the query string cannot be read: {error}")))?
            .into_inner();
        let mut errors: Vec<FieldError> = Vec::new();
        for (name, _) in &pairs {
            if !known.iter().any(|param| param.name == name) {
                let shown: String = name.chars().take(64).collect();
                let detail = format!("there is no query parameter `{shown}` here");
                errors.push(FieldError::new(format!("/{shown}"), "unknown_field", detail));
            }
        }
        if let Some(first) = errors.first() {
            return Err(Problem::new(Code::UnknownField, first.detail.clone()).with_errors(errors));
        }
        if pairs.len() > MOST {
            return Err(Problem::field("", "too_many", format!("at most {MOST} query parameters")));
        }
        Ok(Self(pairs))
    }

    /// Every value of a parameter that may be repeated. None may be empty.
    pub fn all(&self, name: &str) -> Result<Vec<&str>, Problem> {
        let values: Vec<&str> = self.values(name).collect();
        if values.iter().any(|value| value.trim().is_empty()) {
            return Err(Problem::field(format!("/{name}"), "required", format!("`{name}` has no value")));
        }
        Ok(values)
    }

    /// The same, to be kept.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Problem> {
        Ok(self.all(name)?.into_iter().map(str::to_owned).collect())
    }

    /// The value of a parameter that stands once.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.values(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(Problem::field(format!("/{name}"), "too_many", format!("`{name}` stands more than once")));
        }
        Ok(first)
    }

    /// A time.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let parse = |text: &str| {
            let detail = "expected a time like 2026-11-23T08:15:00Z";
            text.parse().map_err(|_| Problem::field(format!("/{name}"), "invalid", detail))
        };
        self.one(name)?.map(parse).transpose()
    }

    /// A whole number within a range.
    pub fn integer(&self, name: &str, range: RangeInclusive<u64>, default: u64) -> Result<u64, Problem> {
        let Some(text) = self.one(name)? else { return Ok(default) };
        match digits(text) {
            Some(number) if range.contains(&number) => Ok(number),
            _ => {
                let detail = format!("expected a whole number from {} to {}", range.start(), range.end());
                Err(Problem::field(format!("/{name}"), "invalid", detail))
            }
        }
    }

    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// A number as it is written on the wire: digits alone, no sign.
pub fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::operation::ParamKind;
    use super::*;

    const KNOWN: &[Param] = &[
        Param { name: "status", what: "", kind: ParamKind::Repeated },
        Param { name: "page[size]", what: "", kind: ParamKind::Integer },
    ];

    fn parse(query: &str) -> Result<Params, Problem> {
        Params::parse(query, KNOWN)
    }

    #[test]
    fn values_are_decoded_and_kept_in_order() {
        let params = parse("status=a%20b&page%5Bsize%5D=7&status=c+d").unwrap();
        assert_eq!(params.all("status").unwrap(), ["a b", "c d"]);
        assert_eq!(params.integer("page[size]", 1..=200, 50).unwrap(), 7);
    }

    /// S4: an unknown query parameter is refused by its name.
    #[test]
    fn s4_an_unknown_parameter_is_refused() {
        let problem = parse("status=a&stauts=b").unwrap_err();
        assert_eq!((problem.code, problem.errors[0].pointer.as_str()), (Code::UnknownField, "/stauts"));
    }

    #[test]
    fn numbers_are_digits_within_the_range() {
        for bad in ["0", "201", "-1", "+1", "1.0", "", "x", "99999999999999999999"] {
            let params = parse(&format!("page[size]={}", bad.replace('+', "%2B"))).unwrap();
            let problem = params.integer("page[size]", 1..=200, 50).unwrap_err();
            assert_eq!(
                (problem.code, problem.errors[0].pointer.as_str()),
                (Code::InvalidField, "/page[size]"),
                "{bad}"
            );
        }
        assert_eq!(parse("").unwrap().integer("page[size]", 1..=200, 50).unwrap(), 50);
        assert!(parse("page[size]=1&page[size]=2").unwrap().integer("page[size]", 1..=200, 50).is_err());
    }

    #[test]
    fn an_empty_value_is_no_value() {
        assert!(parse("status=").unwrap().all("status").is_err());
    }
}
