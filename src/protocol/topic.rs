//! What a client may subscribe to or filter records by. Parses and prints the names; which records belong to a topic is
//! decided by the feed. Called by the WebSocket session and by `GET /api/v1/events`.

use std::fmt;
use std::str::FromStr;

use super::code::Code;
use super::problem::Problem;
use crate::domain::ids::TicketId;
use crate::domain::rejection::FieldError;

/// One stream of records or frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// All active tickets; the record that closes one still belongs to it.
    Board,
    /// One ticket, whatever its status.
    Ticket(TicketId),
    /// Records that bring a ticket into the queue, take it out or change its rank.
    Queue,
    /// The live figures: frames, no records.
    Analytics,
    /// Who looks at what: frames, no records.
    Presence,
    /// Tickets that are the reader's, or were until that record.
    Mine,
    /// That something beside the tickets changed: frames, no records.
    Desk,
}

impl Topic {
    /// Whether records belong to it, or only frames that are not part of the journal.
    pub fn has_records(self) -> bool {
        !matches!(self, Self::Analytics | Self::Presence | Self::Desk)
    }

    /// Parses the list of a `hello`, `sub` or `unsub`. `at` is the JSON pointer of the list.
    pub fn parse_all<S: AsRef<str>>(names: &[S], at: &str) -> Result<Vec<Self>, Problem> {
        let mut topics = Vec::with_capacity(names.len());
        let mut errors = Vec::new();
        for (index, name) in names.iter().enumerate() {
            match name.as_ref().parse() {
                Ok(topic) if topics.contains(&topic) => {}
                Ok(topic) => topics.push(topic),
                Err(UnknownTopic(name)) => {
                    let detail = format!("there is no topic `{name}`");
                    errors.push(FieldError::new(format!("{at}/{index}"), "unknown_topic", detail));
                }
            }
        }
        refuse_unknown(errors)?;
        Ok(topics)
    }

    /// Parses `board,queue,ticket:7` as it stands in a query string.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, Problem> {
        let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        Self::parse_all(&names, "/topics")
    }
}

fn refuse_unknown(errors: Vec<FieldError>) -> Result<(), Problem> {
    match errors.first() {
        None => Ok(()),
        Some(first) => Err(Problem::new(Code::UnknownTopic, first.detail.clone()).with_errors(errors)),
    }
}

/// A name that is not one of the topics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no topic `{0}`")]
pub struct UnknownTopic(pub String);

impl FromStr for Topic {
    type Err = UnknownTopic;

    fn from_str(name: &str) -> Result<Self, UnknownTopic> {
        Ok(match name {
            "board" => Self::Board,
            "queue" => Self::Queue,
            "analytics" => Self::Analytics,
            "presence" => Self::Presence,
            "mine" => Self::Mine,
            "desk" => Self::Desk,
            other => {
                // `+7` and `07` parse as numbers, but a topic has one name only.
                let id = other.strip_prefix("ticket:").filter(|id| !id.starts_with(['+', '0']));
                match id.and_then(|id| id.parse().ok()) {
                    Some(id) => Self::Ticket(id),
                    None => return Err(UnknownTopic(other.chars().take(64).collect())),
                }
            }
        })
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Board => f.write_str("board"),
            Self::Ticket(id) => write!(f, "ticket:{id}"),
            Self::Queue => f.write_str("queue"),
            Self::Analytics => f.write_str("analytics"),
            Self::Presence => f.write_str("presence"),
            Self::Mine => f.write_str("mine"),
            Self::Desk => f.write_str("desk"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_has_one_name() {
        for name in ["board", "ticket:7", "queue", "analytics", "presence", "mine", "desk"] {
            assert_eq!(name.parse::<Topic>().unwrap().to_string(), name);
        }
        for name in ["", "Board", "ticket", "ticket:", "ticket:x", "ticket:+7", "ticket:07", "ticket:0", "tickets"] {
            assert!(name.parse::<Topic>().is_err(), "{name}");
        }
    }

    /// S3: an unknown topic is refused by name and place.
    #[test]
    fn s3_a_list_names_each_topic_that_is_unknown() {
        assert_eq!(Topic::parse_list("board, board,mine").unwrap(), [Topic::Board, Topic::Mine]);
        let problem = Topic::parse_all(&["board", "boards", "ticket:x"], "/topics").unwrap_err();
        assert_eq!(problem.code, Code::UnknownTopic);
        let pointers: Vec<_> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/topics/1", "/topics/2"]);
    }
}
