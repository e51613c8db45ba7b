//! Identifiers and positions. Newtypes, so that a seq is never taken for a version.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, ToSchema)]
        #[serde(transparent)]
        #[ts(as = "f64")]
        pub struct $name(pub u64);

        impl $name {
            pub const ZERO: Self = Self(0);

            /// The position after this one.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }

            pub fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

number!(
    /// A ticket: 1, 2, 3 … in the order of opening.
    TicketId
);
number!(
    /// Position in the journal, over all tickets: 1, 2, 3 … without a gap. 0 stands for "before the first record".
    Seq
);
number!(
    /// Position in one ticket's own history: 1, 2, 3 … without a gap.
    Version
);

macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, ToSchema)]
        #[serde(transparent)]
        #[ts(as = "String")]
        #[schema(value_type = String)]
        pub struct $name(pub Arc<str>);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text!(
    /// A person or a program that acts on the desk. `system` and `triage` are the desk itself, `requester` is whoever wrote
    /// the ticket.
    UserId
);
text!(
    /// What a client calls its command: 1 to 200 characters, unique to the user for 24 hours.
    CommandId
);
text!(
    /// A message of a ticket's thread.
    MessageId
);
text!(
    /// The journal's generation. Another epoch means that positions of the old one say nothing.
    Epoch
);

impl UserId {
    /// The desk itself: timers, automatic releases.
    pub fn system() -> Self {
        Self::from("system")
    }

    /// Whoever wrote a ticket, by a private link.
    pub fn requester() -> Self {
        Self::from("requester")
    }

    /// The desk itself, not a person and not a program of somebody's.
    pub fn is_desk(&self) -> bool {
        matches!(self.as_str(), "system" | "triage")
    }
}
