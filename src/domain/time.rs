//! The one notion of time in the domain and on the wire: milliseconds since 1970, written as RFC 3339 in UTC.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ts_rs::TS;
use utoipa::ToSchema;

/// Milliseconds since the Unix epoch. On the wire `2026-11-23T08:15:00.000Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, TS, ToSchema)]
#[ts(as = "String")]
#[schema(value_type = String, format = DateTime)]
pub struct Timestamp(i64);

/// The first instant that RFC 3339 can write. The last one here is 9999-12-30T22:00:00.999Z, jiff's.
const YEAR_0: i64 = -62_167_219_200_000;

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this; negative when `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The instant as jiff knows it, for calendars. Values beyond jiff's range are held at its ends.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(at: jiff::Timestamp) -> Self {
        Self(at.as_millisecond())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.to_jiff())
    }
}

impl std::str::FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let at = text.parse::<jiff::Timestamp>().map(Self::from)?;
        if at.0 < YEAR_0 {
            return Err(jiff::Error::from_args(format_args!("RFC 3339 begins with the year 0000")));
        }
        Ok(at)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom("expected a time like 2026-11-23T08:15:00.000Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_in_utc_with_milliseconds() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_421_700_000, "2026-11-23T08:15:00.000Z"),
            (1_795_421_700_007, "2026-11-23T08:15:00.007Z"),
        ] {
            let at = Timestamp::from_millis(millis);
            assert_eq!(at.to_string(), text);
            assert_eq!(text.parse::<Timestamp>().unwrap(), at);
        }
        assert!("0000-01-01T00:00:00Z".parse::<Timestamp>().is_ok());
        assert!("-000001-12-31T23:59:59Z".parse::<Timestamp>().is_err(), "RFC 3339 has no such year");
        assert_eq!("2026-11-23T03:15:00-05:00".parse::<Timestamp>().unwrap().to_string(), "2026-11-23T08:15:00.000Z");
    }
}
