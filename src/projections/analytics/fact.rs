//! Facts: what figures are counted from. One thing that happened at one moment to one ticket, with everything that it may be split by.
//!
//! A fact that turns out not to have been (its command was undone) is followed by the same one with the weight -1, so a sum over
//! weights is right for any window, whenever it is taken. Facts of one kind lie together in the store.

use serde::{Deserialize, Serialize};

use super::names::Id;
use crate::domain::ticket::{Channel, Priority, SlaMetric, Status};

macro_rules! kinds {
    ($($kind:ident = $number:literal, $name:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum Kind { $($kind = $number),* }

        impl Kind {
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The name of the kind's file.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }
        }
    };
}

kinds! {
    Created = 0, "created";
    Solved = 1, "solved";
    OneTouch = 2, "one_touch";
    Reopened = 3, "reopened";
    Closed = 4, "closed";
    Merged = 5, "merged";
    Reply = 6, "reply";
    Note = 7, "note";
    CustomerMessage = 8, "customer_message";
    Claim = 9, "claim";
    Release = 10, "release";
    Skip = 11, "skip";
    Transfer = 12, "transfer";
    Undo = 13, "undo";
    FirstResponse = 14, "first_response";
    NextResponse = 15, "next_response";
    Wait = 16, "wait";
    Handled = 17, "handled";
    SlaMet = 18, "sla_met";
    SlaBreached = 19, "sla_breached";
    AiProposed = 20, "ai_proposed";
    AiAccepted = 21, "ai_accepted";
    AiRejected = 22, "ai_rejected";
    AiFailed = 23, "ai_failed";
    Backlog = 24, "backlog";
    AiEdited = 25, "ai_edited";
    SlaMoved = 26, "sla_moved";
}

impl Kind {
    pub const COUNT: usize = Self::ALL.len();

    pub fn index(self) -> usize {
        self as usize
    }

    /// Whether it is shown live, from the windows in memory. Levels are counted over the tickets; of `SlaMoved` only forecasts know.
    pub fn has_windows(self) -> bool {
        !matches!(self, Self::Backlog | Self::SlaMoved)
    }

    /// Whether its facts carry a time that something took.
    pub fn is_timed(self) -> bool {
        matches!(self, Self::Solved | Self::FirstResponse | Self::NextResponse | Self::Wait | Self::Handled)
    }
}

/// What a fact can be split by. As the ticket stood right after what happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dims {
    pub team: Id,
    /// Whose doing or whose ticket it was.
    pub agent: Id,
    pub category: Id,
    /// A set of tags.
    pub tags: Id,
    pub priority: u8,
    pub channel: u8,
    /// Status for backlog, target for service levels, 0 otherwise.
    pub detail: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Milliseconds since 1970.
    pub at: i64,
    pub ticket: u64,
    /// What it took, in milliseconds, around the clock and in opening hours; 0 for kinds that take no time. Where a target of service
    /// was met, missed or moved: how long it was then until its due time, and how long before that this due time was set.
    pub value: i64,
    pub business: i64,
    pub dims: Dims,
    /// 1 or -1.
    pub weight: i8,
}

impl Fact {
    /// Bytes of a fact in the store.
    pub const BYTES: usize = 52;

    pub fn write(&self, out: &mut Vec<u8>) {
        let Dims { team, agent, category, tags, priority, channel, detail } = self.dims;
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.at.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.ticket.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.value.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.business.to_le_bytes());
        for (place, id) in bytes[32..48].as_chunks_mut::<4>().0.iter_mut().zip([team, agent, category, tags]) {
            *place = id.to_le_bytes();
        }
        bytes[48..].copy_from_slice(&[priority, channel, detail, self.weight.to_le_bytes()[0]]);
        out.extend_from_slice(&bytes);
    }

    pub fn read(bytes: &[u8; Self::BYTES]) -> Self {
        let long = |at: usize| i64::from_le_bytes(bytes[at..at + 8].try_into().expect("invariant: eight bytes"));
        let id = |at: usize| Id::from_le_bytes(bytes[at..at + 4].try_into().expect("invariant: four bytes"));
        Self {
            at: long(0),
            ticket: long(8) as u64,
            value: long(16),
            business: long(24),
            dims: Dims {
                team: id(32),
                agent: id(36),
                category: id(40),
                tags: id(44),
                priority: bytes[48],
                channel: bytes[49],
                detail: bytes[50],
            },
            weight: i8::from_le_bytes([bytes[51]]),
        }
    }

    /// The same fact, taken back.
    #[must_use]
    pub fn taken_back(self) -> Self {
        Self { weight: -self.weight, ..self }
    }
}

/// A dimension that figures are split or filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Split {
    Team,
    Agent,
    Category,
    Priority,
    Channel,
    Tag,
    Status,
    Target,
}

impl Split {
    pub const ALL: [Self; 8] =
        [Self::Team, Self::Agent, Self::Category, Self::Priority, Self::Channel, Self::Tag, Self::Status, Self::Target];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Agent => "agent",
            Self::Category => "category",
            Self::Priority => "priority",
            Self::Channel => "channel",
            Self::Tag => "tag",
            Self::Status => "status",
            Self::Target => "target",
        }
    }

    /// The fact's own number in this dimension; for tags the number of the set.
    pub fn of(self, dims: &Dims) -> Id {
        match self {
            Self::Team => dims.team,
            Self::Agent => dims.agent,
            Self::Category => dims.category,
            Self::Priority => Id::from(dims.priority),
            Self::Channel => Id::from(dims.channel),
            Self::Tag => dims.tags,
            Self::Status | Self::Target => Id::from(dims.detail),
        }
    }
}

pub const PRIORITIES: [Priority; 4] = [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent];
pub const CHANNELS: [Channel; 4] = [Channel::Web, Channel::Api, Channel::Email, Channel::Import];
pub const STATUSES: [Status; 6] =
    [Status::New, Status::Open, Status::Pending, Status::OnHold, Status::Solved, Status::Closed];

/// The name on the wire of a number in a dimension of fixed values.
pub fn fixed_name(split: Split, id: Id) -> Option<&'static str> {
    let index = id as usize;
    match split {
        Split::Priority => PRIORITIES.get(index).map(|priority| priority.name()),
        Split::Channel => ["web", "api", "email", "import"].get(index).copied(),
        Split::Status => STATUSES.get(index).map(|status| status.name()),
        Split::Target => ["first_response", "next_response", "resolution"].get(index).copied(),
        Split::Team | Split::Agent | Split::Category | Split::Tag => None,
    }
}

/// The number of a fixed value's name.
pub fn fixed_id(split: Split, name: &str) -> Option<Id> {
    (0..8).find(|id| fixed_name(split, *id) == Some(name))
}

pub fn target_number(metric: SlaMetric) -> u8 {
    match metric {
        SlaMetric::FirstResponse => 0,
        SlaMetric::NextResponse => 1,
        SlaMetric::Resolution => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_read_back_as_it_was_written() {
        let fact = Fact {
            at: -5,
            ticket: u64::MAX,
            value: 7,
            business: i64::MAX,
            dims: Dims { team: 1, agent: 2, category: 3, tags: u32::MAX, priority: 4, channel: 5, detail: 6 },
            weight: -1,
        };
        let mut bytes = Vec::new();
        fact.write(&mut bytes);
        assert_eq!(Fact::read(&bytes.try_into().unwrap()), fact);
    }

    #[test]
    fn kinds_are_numbered_as_they_are_listed() {
        assert!(Kind::ALL.iter().enumerate().all(|(index, kind)| kind.index() == index));
    }
}
