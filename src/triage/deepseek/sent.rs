//! What went out to the service and is not dealt with yet, as it is kept beside the records, so that after a crash an answer that came is
//! not asked for again, and one that was lost on the way is asked for once more and then no more.
//!
//! Pure: the triage actor writes before a request goes out, again when its answer is there, and takes away what has ended.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::answer::Verdict;
use crate::domain::ids::{TicketId, Version};

/// Where the notes stand.
pub const PREFIX: &str = "triage/sent/";
/// One question about a ticket goes out so often at the most, however often the desk dies meanwhile.
const MOST_TIMES: u32 = 2;
/// Why a ticket is left to the learner after that.
pub const ANSWER_LOST: &str = "answer_lost";

/// One ticket of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    pub ticket: TicketId,
    /// Tells this question from the one that a later message of the customer makes of it.
    pub question: u64,
    /// The ticket as it was read.
    pub version: Version,
    /// How often it went out with this question, this time included.
    pub times: u32,
    /// What the service answered, if it did.
    pub verdict: Option<Verdict>,
}

impl Sent {
    pub fn note(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("invariant: a note is JSON")
    }
}

/// Where a ticket's note stands.
pub fn key(ticket: TicketId) -> String {
    format!("{PREFIX}{ticket}")
}

/// What a crash left behind.
#[derive(Debug, Default)]
pub struct Left(HashMap<TicketId, Sent>);

/// What is known of a question that is about to be asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Before {
    /// It may go out, for so many times with this one.
    Open { times: u32 },
    /// Its answer is here, from the ticket as it was then.
    Answered(Box<Verdict>, Version),
    /// It went out often enough, and no answer came back.
    Lost,
}

impl Left {
    /// From the notes; one that cannot be read says nothing about its ticket, which is then asked about as any other.
    pub fn read<'a>(notes: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let notes = notes.into_iter().filter_map(|note| serde_json::from_slice::<Sent>(note).ok());
        Self(notes.map(|sent| (sent.ticket, sent)).collect())
    }

    pub fn tickets(&self) -> impl Iterator<Item = TicketId> {
        self.0.keys().copied()
    }

    pub fn before(&self, ticket: TicketId, question: u64) -> Before {
        match self.0.get(&ticket).filter(|sent| sent.question == question) {
            None => Before::Open { times: 1 },
            Some(Sent { verdict: Some(verdict), version, .. }) => Before::Answered(Box::new(verdict.clone()), *version),
            Some(sent) if sent.times >= MOST_TIMES => Before::Lost,
            Some(sent) => Before::Open { times: sent.times + 1 },
        }
    }

    pub fn remove(&mut self, ticket: TicketId) {
        self.0.remove(&ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ticket::{Guess, Priority, Sentiment};

    fn sent(times: u32, verdict: Option<Verdict>) -> Sent {
        Sent { ticket: TicketId(4), question: 9, version: Version(2), times, verdict }
    }

    fn left(sent: &Sent) -> Left {
        assert_eq!(key(sent.ticket), "triage/sent/4");
        Left::read([sent.note().as_slice(), b"torn"])
    }

    /// R66: a question goes out twice at the most; what was answered does not go out again; another question is another matter.
    #[test]
    fn r66_a_lost_question_goes_out_once_more() {
        let id = TicketId(4);
        assert_eq!(Left::default().before(id, 9), Before::Open { times: 1 });
        assert_eq!(left(&sent(1, None)).before(id, 9), Before::Open { times: 2 });
        assert_eq!(left(&sent(2, None)).before(id, 9), Before::Lost);
        assert_eq!(left(&sent(2, None)).before(id, 8), Before::Open { times: 1 });
        assert_eq!(left(&sent(2, None)).before(TicketId(5), 9), Before::Open { times: 1 });
        let verdict = Verdict {
            category: Guess { value: "billing".into(), confidence: 0.9 },
            priority: Guess { value: Priority::High, confidence: 0.8 },
            sentiment: Guess { value: Sentiment::Neutral, confidence: 0.7 },
            language: Guess { value: "en".into(), confidence: 0.6 },
            spam: Guess { value: false, confidence: 0.5 },
            summary: "Charged twice".into(),
            tags: vec!["refund".into()],
        };
        let mut answered = left(&sent(1, Some(verdict.clone())));
        assert_eq!(answered.before(id, 9), Before::Answered(Box::new(verdict), Version(2)));
        assert_eq!(answered.tickets().collect::<Vec<_>>(), [id]);
        answered.remove(id);
        assert_eq!(answered.before(id, 9), Before::Open { times: 1 });
    }
}
