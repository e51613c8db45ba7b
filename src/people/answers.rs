//! Answers to keyed requests that leave no record in the journal (users, bulk calls), remembered for 24 hours across restarts.
//! Commands on tickets are remembered by the journal's memos; both share one name space of keys for each user.

use std::sync::Arc;

use dashmap::DashMap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::password::Phc;
use super::secret::Digest;
use crate::domain::ids::{CommandId, UserId};
use crate::domain::time::Timestamp;
use crate::journal::{Aside, Journal, JournalError};

pub(super) const PREFIX: &str = "answers/";

/// What a client called its request, and the address that the request went to.
#[derive(Clone, Debug)]
pub struct Keyed {
    pub key: CommandId,
    pub path: String,
}

/// One remembered answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Remembered {
    pub user: UserId,
    pub key: CommandId,
    pub at: Timestamp,
    /// Over path and parsed body, without its password.
    pub fingerprint: u64,
    /// The body's password, as its slow hash: a quick fingerprint over it could be guessed back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Phc>,
    /// Null where the parts of the request remember their own answers.
    #[serde(default)]
    pub answer: serde_json::Value,
}

pub fn fingerprint<T: Serialize>(path: &str, body: &T) -> u64 {
    let text = serde_json::to_vec(&(path, body)).expect("invariant: bodies are JSON");
    xxh3_64(&text)
}

pub struct Answers {
    journal: Arc<dyn Journal>,
    remember_ms: i64,
    /// Which keys may be remembered, as hashes: keeps reads of the journal away from keys that are new.
    known: DashMap<u64, i64>,
}

impl Answers {
    pub fn open(journal: Arc<dyn Journal>, remember_ms: i64) -> Result<Self, JournalError> {
        let known = DashMap::new();
        for (place, value) in journal.asides(PREFIX)? {
            let remembered = parse(&place, &value)?;
            known.insert(hash(&remembered.user, &remembered.key), remembered.at.as_millis());
        }
        Ok(Self { journal, remember_ms, known })
    }

    pub fn find(&self, user: &UserId, key: &CommandId, now: Timestamp) -> Result<Option<Remembered>, JournalError> {
        if !self.known.contains_key(&hash(user, key)) {
            return Ok(None);
        }
        let place = place(user, key);
        let Some(value) = self.journal.aside(&place)? else { return Ok(None) };
        let remembered = parse(&place, &value)?;
        let is_it = remembered.user == *user && remembered.key == *key;
        Ok((is_it && now.millis_since(remembered.at) <= self.remember_ms).then_some(remembered))
    }

    /// A command on a ticket was given this key within the time.
    pub fn is_memo(&self, user: &UserId, key: &CommandId, now: Timestamp) -> Result<bool, JournalError> {
        Ok(self.journal.memo(user, key)?.is_some_and(|memo| now.millis_since(memo.at) <= self.remember_ms))
    }

    /// To be written together with what the request changed, then [`Self::note`]d.
    pub fn aside(remembered: &Remembered) -> Aside {
        let value = serde_json::to_vec(remembered).expect("invariant: an answer is JSON");
        Aside { key: place(&remembered.user, &remembered.key), value: Some(value.into()) }
    }

    /// The removal of an answer, to be written, then [`Self::unnote`]d.
    pub fn removal(user: &UserId, key: &CommandId) -> Aside {
        Aside { key: place(user, key), value: None }
    }

    pub fn unnote(&self, user: &UserId, key: &CommandId) {
        self.known.remove(&hash(user, key));
    }

    pub fn note(&self, remembered: &Remembered) {
        self.known.insert(hash(&remembered.user, &remembered.key), remembered.at.as_millis());
    }

    /// What is too old to matter, as removals to be written; call [`Self::forget`] after.
    pub fn outdated(&self, now: Timestamp) -> Result<Vec<Aside>, JournalError> {
        let mut outdated = Vec::new();
        for (place, value) in self.journal.asides(PREFIX)? {
            if now.millis_since(parse(&place, &value)?.at) > self.remember_ms {
                outdated.push(Aside { key: place, value: None });
            }
        }
        Ok(outdated)
    }

    pub fn forget(&self, now: Timestamp) {
        self.known.retain(|_, at| now.as_millis() - *at <= self.remember_ms);
    }
}

fn parse(place: &str, value: &[u8]) -> Result<Remembered, JournalError> {
    serde_json::from_slice(value)
        .map_err(|error| JournalError::Damaged { what: format!("{place} cannot be read: {error}") })
}

/// A key may be anything, so its digest names the place.
fn place(user: &UserId, key: &CommandId) -> String {
    format!("{PREFIX}{user}/{}", Digest::of(key.as_str()))
}

fn hash(user: &UserId, key: &CommandId) -> u64 {
    let mut text = String::with_capacity(user.as_str().len() + key.as_str().len() + 1);
    text.push_str(user.as_str());
    text.push('\0');
    text.push_str(key.as_str());
    xxh3_64(text.as_bytes())
}
