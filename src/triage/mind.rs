//! Everything that the desk has learnt, in one place: the learner of categories, a small one of priorities, and the solved tickets that
//! can be found again, with their tags. Shared by all threads, bounded, saved as one file. It never reads a journal and has no clock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};

use super::learner::{Buffers, Category, FileError, Learner, Prediction, RefitSettings, Settings};
use super::signs::{self, Signs};
use super::similar::{Index, Search, Terms};
use crate::domain::ids::TicketId;
use crate::domain::permissions::Audience;
use crate::domain::ticket::{Guess, Priority};

/// Of a message's beginning, so much is looked at.
const TEXT_CHARS: usize = 8_000;
/// The learner of priorities is asked from so many examples on; before, the signs of the text speak.
const ENOUGH_PRIORITIES: usize = 40;
/// … and where it is at least this sure: otherwise the signs speak.
const SURE: f32 = 0.5;
const CANDIDATES: usize = 5;
/// What is less alike than this shares a common word and nothing more.
const LEAST_LIKENESS: f32 = 0.05;
/// A tag is proposed when so many of the first five similar tickets have it …
const TAG_VOTES: usize = 2;
/// … that are at least this alike.
const TAG_LIKENESS: f32 = 0.2;
const MOST_TAGS: usize = 5;
/// Above this a text is about nothing of the desk's.
const FOREIGN: f32 = 0.8;

/// What a ticket is judged by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    pub subject: String,
    pub body: String,
}

impl Text {
    /// The first message, and the customer's newest one where there is another.
    pub fn new(subject: &str, first: &str, newest: Option<&str>) -> Self {
        let cut = |text: &str| text.chars().take(TEXT_CHARS).collect::<String>();
        let body = match newest {
            Some(newest) => format!("{}\n{}", cut(newest), cut(first)),
            None => cut(first),
        };
        Self { subject: cut(subject), body }
    }

    fn whole(&self) -> String {
        format!("{}\n{}", self.subject, self.body)
    }
}

/// What the desk makes of a text by itself.
#[derive(Clone, Debug)]
pub struct Opinion {
    pub prediction: Prediction,
    /// The most probable category; none for a text that is about nothing of the desk's.
    pub category: Option<Guess<String>>,
    pub priority: Guess<Priority>,
    pub tags: Vec<String>,
    pub signs: Signs,
}

pub struct Mind {
    learner: Learner,
    urgency: Learner,
    solved: RwLock<Solved>,
    /// Lessons since the learner was made anew.
    since_refit: AtomicUsize,
    buffers: Mutex<Vec<Work>>,
}

struct Solved {
    index: Index,
    /// With who sees the ticket: what a private team calls its tickets is not proposed to others.
    tags: HashMap<u64, (Audience, Vec<String>)>,
}

/// One caller's buffers.
#[derive(Default)]
struct Work {
    buffers: Buffers,
    terms: Terms,
    search: Search,
}

/// A solved ticket that resembles, and how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alike {
    pub ticket: TicketId,
    /// 0 to 1.
    pub likeness: f32,
}

/// The form of [`Mind::to_bytes`].
const MAGIC: &[u8; 8] = b"hotmind1";

fn settings() -> Settings {
    Settings::default()
}

fn small() -> Settings {
    let refit = RefitSettings { weight_bytes: 1 << 20, features: 32_768, ..RefitSettings::default() };
    Settings { refit, example_bytes: 2 << 20 }
}

fn priorities() -> Vec<Category> {
    [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent]
        .map(|priority| Category { id: priority.name().to_owned(), name: String::new(), description: String::new() })
        .into()
}

impl Mind {
    /// Knows the categories by their names and descriptions, and nothing else.
    pub fn new(categories: Vec<Category>, similar_tickets: usize) -> Self {
        Self::with(Learner::new(categories, settings()), Learner::new(priorities(), small()), similar_tickets)
    }

    fn with(learner: Learner, urgency: Learner, similar_tickets: usize) -> Self {
        let solved = Solved { index: Index::new(similar_tickets), tags: HashMap::new() };
        Self {
            learner,
            urgency,
            solved: RwLock::new(solved),
            since_refit: AtomicUsize::new(0),
            buffers: Mutex::default(),
        }
    }

    pub fn learner(&self) -> &Learner {
        &self.learner
    }

    pub fn since_refit(&self) -> usize {
        self.since_refit.load(Ordering::Relaxed)
    }

    /// Solved tickets that can be found, and what they take in bytes.
    pub fn remembered(&self) -> (usize, usize) {
        let solved = self.solved.read();
        let tags: usize =
            solved.tags.values().map(|(_, tags)| 56 + tags.iter().map(|tag| tag.len() + 24).sum::<usize>()).sum();
        (solved.index.len(), solved.index.bytes() + tags)
    }

    pub fn opinion(&self, ticket: Option<TicketId>, text: &Text, audience: Audience) -> Opinion {
        let whole = text.whole();
        let signs = signs::read(&text.subject, &text.body);
        let (prediction, urgency) = self.lend(|work| {
            let prediction = self.learner.predict(&whole, CANDIDATES, &mut work.buffers);
            let urgency = (self.urgency.examples() >= ENOUGH_PRIORITIES)
                .then(|| self.urgency.predict(&whole, 1, &mut work.buffers));
            (prediction, urgency)
        });
        let named = |place: u32| self.learner.categories().get(place as usize).map(|category| category.id.clone());
        let category = prediction
            .ranking
            .first()
            .filter(|_| prediction.out_of_scope < FOREIGN)
            .and_then(|(place, confidence)| Some(Guess { value: named(*place)?, confidence: *confidence }));
        let learnt = urgency.and_then(|urgency| {
            let (place, confidence) = urgency.ranking.first().copied()?;
            let value = [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent];
            Some(Guess { value: *value.get(place as usize)?, confidence })
        });
        // The signs of an emergency are not outvoted by habit.
        let priority = match learnt {
            Some(learnt) if signs.priority.value != Priority::Urgent && learnt.confidence >= SURE => learnt,
            _ => signs.priority.clone(),
        };
        let alike = self.similar(text, Some(&prediction), ticket, CANDIDATES);
        let tags = self.tags_of(&alike, audience);
        Opinion { prediction, category, priority, tags, signs }
    }

    /// All the ranked categories of a prediction, by id.
    pub fn named(&self, prediction: &Prediction) -> Vec<Guess<String>> {
        let categories = self.learner.categories();
        let named = prediction.ranking.iter().filter_map(|(place, confidence)| {
            Some(Guess { value: categories.get(*place as usize)?.id.clone(), confidence: *confidence })
        });
        named.collect()
    }

    /// Solved tickets that resemble a text.
    pub fn similar(
        &self,
        text: &Text,
        prediction: Option<&Prediction>,
        except: Option<TicketId>,
        count: usize,
    ) -> Vec<Alike> {
        self.lend(|work| {
            work.terms.read(&text.subject, &text.body);
            let solved = self.solved.read();
            let full = solved.index.full_score(&work.terms).max(f32::MIN_POSITIVE);
            let except = except.map(TicketId::get);
            let hits = solved.index.search(&work.terms, prediction, except, count, &mut work.search);
            let alike = |hit: super::similar::Hit| Alike {
                ticket: TicketId(hit.id),
                likeness: (hit.score / full).clamp(0.0, 1.0),
            };
            hits.into_iter().map(alike).filter(|hit| hit.likeness >= LEAST_LIKENESS).collect()
        })
    }

    /// What the learner says, before it learns what was right.
    pub fn predict(&self, text: &Text) -> Option<Guess<String>> {
        let prediction = self.lend(|work| self.learner.predict(&text.whole(), 1, &mut work.buffers));
        self.named(&prediction).into_iter().next()
    }

    /// Somebody set the category. One that the desk does not have teaches nothing.
    pub fn learn_category(&self, ticket: TicketId, text: &Text, category: &str) {
        let learnt =
            self.lend(|work| self.learner.learn(ticket.get(), &text.whole(), Some(category), &mut work.buffers));
        if learnt.is_ok() {
            self.since_refit.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn learn_priority(&self, ticket: TicketId, text: &Text, priority: Priority) {
        let name = Some(priority.name());
        let learnt = self.lend(|work| self.urgency.learn(ticket.get(), &text.whole(), name, &mut work.buffers));
        learnt.expect("invariant: all priorities are categories of this learner");
    }

    /// A ticket was solved: it can be found from now on.
    pub fn remember(&self, ticket: TicketId, text: &Text, category: Option<&str>, tags: &[String], audience: Audience) {
        let place = |id: &str| self.learner.categories().iter().position(|category| category.id == id);
        let category = category.and_then(place).map(|place| place as u32);
        self.lend(|work| {
            work.terms.read(&text.subject, &text.body);
            let mut solved = self.solved.write();
            solved.index.insert(ticket.get(), &work.terms, category);
            if tags.is_empty() {
                solved.tags.remove(&ticket.get());
            } else {
                let tags = tags.iter().take(MOST_TAGS).cloned().collect();
                solved.tags.insert(ticket.get(), (audience, tags));
            }
            // The oldest left the index by themselves.
            if solved.tags.len() > solved.index.len() + 1_000 {
                let Solved { index, tags } = &mut *solved;
                tags.retain(|id, _| index.contains(*id));
            }
        });
    }

    /// It was opened again, or merged.
    pub fn forget(&self, ticket: TicketId) {
        let mut solved = self.solved.write();
        solved.index.remove(ticket.get());
        solved.tags.remove(&ticket.get());
    }

    /// Makes the learners anew. Takes seconds: for a thread of its own.
    pub fn refit(&self) {
        self.since_refit.store(0, Ordering::Relaxed);
        self.learner.refit();
        self.urgency.refit();
    }

    /// What was learnt; the solved tickets are found again in the journal.
    pub fn to_bytes(&self) -> Vec<u8> {
        let learner = self.learner.to_bytes();
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&(learner.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&learner);
        bytes.extend_from_slice(&self.urgency.to_bytes());
        bytes
    }

    pub fn from_bytes(bytes: &[u8], categories: Vec<Category>, similar_tickets: usize) -> Result<Self, FileError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(FileError::Foreign)?;
        let (length, rest) = rest.split_first_chunk::<8>().ok_or(FileError::Foreign)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| FileError::Foreign)?;
        let (learner, urgency) = rest.split_at_checked(length).ok_or(FileError::Foreign)?;
        let learner = Learner::from_bytes(learner, categories, settings())?;
        let urgency = Learner::from_bytes(urgency, priorities(), small())?;
        Ok(Self::with(learner, urgency, similar_tickets))
    }

    fn tags_of(&self, alike: &[Alike], audience: Audience) -> Vec<String> {
        let solved = self.solved.read();
        let mut votes: HashMap<&str, usize> = HashMap::new();
        for hit in alike.iter().filter(|hit| hit.likeness >= TAG_LIKENESS) {
            let own = solved.tags.get(&hit.ticket.get()).filter(|(theirs, _)| *theirs == audience);
            for tag in own.into_iter().flat_map(|(_, tags)| tags) {
                *votes.entry(tag).or_default() += 1;
            }
        }
        let mut tags: Vec<String> =
            votes.into_iter().filter(|(_, votes)| *votes >= TAG_VOTES).map(|(tag, _)| tag.to_owned()).collect();
        tags.sort_unstable();
        tags.truncate(MOST_TAGS);
        tags
    }

    fn lend<T>(&self, use_it: impl FnOnce(&mut Work) -> T) -> T {
        let mut work = self.buffers.lock().pop().unwrap_or_default();
        let outcome = use_it(&mut work);
        self.buffers.lock().push(work);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn categories() -> Vec<Category> {
        let category = |id: &str, description: &str| Category {
            id: id.to_owned(),
            name: id.to_owned(),
            description: description.to_owned(),
        };
        vec![category("billing", "Invoices, charges, refunds"), category("shipping", "Delivery, tracking, parcels")]
    }

    fn text(subject: &str, body: &str) -> Text {
        Text::new(subject, body, None)
    }

    /// R46: a correction counts at once, solved tickets are found with how alike they are, and what they share in tags is proposed.
    #[test]
    fn r46_it_learns_and_finds() {
        let mind = Mind::new(categories(), 100);
        let lost = text("Where is it", "The zorblax that I ordered is nowhere to be seen");
        for ticket in 1..4 {
            mind.learn_category(TicketId(ticket), &lost, "shipping");
        }
        assert_eq!(mind.opinion(None, &lost, Audience::default()).category.unwrap().value, "shipping");
        assert_eq!(mind.since_refit(), 3);
        mind.learn_category(TicketId(9), &lost, "unknown");
        assert_eq!(mind.since_refit(), 3);
        let tags = ["zorblax".to_owned()];
        mind.remember(TicketId(1), &lost, Some("shipping"), &tags, Audience::default());
        mind.remember(
            TicketId(2),
            &text("The zorblax", "My zorblax is lost in delivery, ordered last week"),
            None,
            &tags,
            Audience::default(),
        );
        mind.remember(
            TicketId(3),
            &text("Invoice", "I need a copy of my invoice"),
            Some("billing"),
            &[],
            Audience::default(),
        );
        let alike = mind.similar(&lost, None, None, 5);
        assert_eq!(alike.first().map(|hit| (hit.ticket, hit.likeness > 0.95)), Some((TicketId(1), true)), "{alike:?}");
        assert!(alike.iter().all(|hit| hit.ticket != TicketId(3)), "{alike:?}");
        assert_eq!(mind.similar(&lost, None, Some(TicketId(1)), 5)[0].ticket, TicketId(2));
        assert_eq!(mind.opinion(None, &lost, Audience::default()).tags, tags);
        mind.forget(TicketId(1));
        assert!(mind.opinion(None, &lost, Audience::default()).tags.is_empty());
        assert_eq!(mind.remembered().0, 2);
    }

    /// R45: the tags of a private team's tickets are proposed inside it alone, and those of others outside.
    #[test]
    fn r45_tags_stay_in_their_team() {
        let (mind, tags) = (Mind::new(categories(), 100), ["hush".to_owned()]);
        let legal = crate::domain::permissions::PrivateTeams::new(["legal".to_owned()]).audience(Some("legal"));
        let secret = text("The zorblax", "The zorblax that nobody may hear of");
        for ticket in 1..4 {
            mind.remember(TicketId(ticket), &secret, None, &tags, legal);
        }
        assert_eq!(mind.opinion(None, &secret, legal).tags, tags);
        assert!(mind.opinion(None, &secret, Audience::default()).tags.is_empty());
    }

    /// R47: what was learnt is there after a restart; a file that is not one is refused.
    #[test]
    fn r47_it_is_saved_and_read_back() {
        let mind = Mind::new(categories(), 100);
        for ticket in 1..60u64 {
            let urgent = ticket % 2 == 0;
            let body = if urgent { "quexit quexit now" } else { "a calm question about blimf" };
            mind.learn_category(TicketId(ticket), &text("x", body), if urgent { "billing" } else { "shipping" });
            mind.learn_priority(
                TicketId(ticket),
                &text("x", body),
                if urgent { Priority::High } else { Priority::Low },
            );
        }
        mind.refit();
        let bytes = mind.to_bytes();
        let read = Mind::from_bytes(&bytes, categories(), 100).unwrap();
        for body in ["quexit quexit now", "a calm question about blimf"] {
            let said = |mind: &Mind| mind.opinion(None, &text("x", body), Audience::default());
            let (one, other) = (said(&mind), said(&read));
            assert_eq!((one.category, one.priority.value), (other.category, other.priority.value));
        }
        assert_eq!(
            read.opinion(None, &text("x", "quexit quexit now"), Audience::default()).priority.value,
            Priority::High
        );
        for cut in [0, 4, 12, bytes.len() / 2, bytes.len() - 1] {
            assert!(Mind::from_bytes(&bytes[..cut], categories(), 100).is_err(), "{cut}");
        }
    }
}
