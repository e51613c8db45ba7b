//! The learner that is inside hotdesk: which category a text belongs to, how sure that is, and which tickets resemble it.
//!
//! It learns from every correction at once and is made anew from all of them in the background. It is a linear classifier over
//! hashed words, characters and a small lexicon: see decision 7. It asks nobody, needs no clock and writes no file; whoever
//! calls keeps [`Learner::to_bytes`] with the desk.

mod calibration;
mod examples;
mod features;
mod file;
mod lexicon;
mod matrix;
mod model;
mod refit;
mod solve;
pub(super) mod text;
mod vocabulary;
mod weights;
mod wide;

use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

pub(super) use features::word_hash;
pub use file::FileError;
pub use model::Prediction;
pub use refit::RefitSettings;

use examples::{Example, Examples, FOREIGN};
use features::Reader;
use model::{Model, Scratch};

/// What a text can belong to. Name and description are what the learner knows before the first example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    pub id: String,
    pub name: String,
    pub description: String,
}

/// How large the learner may grow and how it is refitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    pub refit: RefitSettings,
    /// The bound on remembered examples.
    pub example_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { refit: RefitSettings::default(), example_bytes: 12 << 20 }
    }
}

/// Earlier examples that are gone through again with each new one.
const REHEARSED: usize = 2;

/// Shared by all threads: predictions go on while somebody corrects, and never wait for a refit.
#[derive(Debug)]
pub struct Learner {
    categories: Vec<Category>,
    settings: Settings,
    seeds: Vec<Arc<Example>>,
    model: ArcSwap<RwLock<Model>>,
    memory: Mutex<Memory>,
}

#[derive(Debug)]
struct Memory {
    examples: Examples,
    /// What was learnt since a refit began; `None` when none is under way.
    since: Option<Vec<Arc<Example>>>,
    random: fastrand::Rng,
}

/// One caller's buffers; keep them and nothing is allocated for the next text.
#[derive(Clone, Debug, Default)]
pub struct Buffers {
    reader: Reader,
    scratch: Scratch,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no category `{0}`")]
pub struct UnknownCategory(pub String);

impl Learner {
    /// Knows the categories by their names and descriptions only.
    pub fn new(categories: Vec<Category>, settings: Settings) -> Self {
        let examples = Examples::new(settings.example_bytes);
        let mut reader = Reader::default();
        let mut seed = |category: usize, text: &str| {
            let features = reader.read(text).into();
            Arc::new(Example { ticket: 0, category: category as u32, features })
        };
        let mut seeds = Vec::new();
        for (at, category) in categories.iter().enumerate() {
            seeds.push(seed(at, &category.name));
            if !category.description.is_empty() {
                seeds.push(seed(at, &category.description));
            }
        }
        let count = categories.len();
        let mut model = Model::new(count, settings.refit.features, settings.refit.row_limit(count));
        let mut scratch = Scratch::default();
        for seed in &seeds {
            model.learn(&seed.features, Some(seed.category), &mut scratch);
        }
        let random = fastrand::Rng::with_seed(settings.refit.seed);
        Self {
            categories,
            settings,
            seeds,
            model: ArcSwap::from_pointee(RwLock::new(model)),
            memory: Mutex::new(Memory { examples, since: None, random }),
        }
    }

    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// Examples that are remembered.
    pub fn examples(&self) -> usize {
        self.memory.lock().examples.rows().len()
    }

    /// Weights, vocabulary and examples, in bytes.
    pub fn bytes(&self) -> usize {
        self.model.load().read().bytes() + self.memory.lock().examples.bytes()
    }

    /// The `top` most probable categories of a text; their places are those of [`Learner::categories`].
    pub fn predict(&self, text: &str, top: usize, buffers: &mut Buffers) -> Prediction {
        let features = buffers.reader.read(text);
        self.model.load().read().predict(features, top, &mut buffers.scratch)
    }

    /// What somebody confirmed or corrected: the text belongs to `category`, or, with `None`, to none of them. `ticket` is 0
    /// or the number of the ticket, which then has one example only, the newest.
    pub fn learn(
        &self,
        ticket: u64,
        text: &str,
        category: Option<&str>,
        buffers: &mut Buffers,
    ) -> Result<(), UnknownCategory> {
        let category = match category {
            Some(id) => {
                let place = self.categories.iter().position(|category| category.id == id);
                Some(place.ok_or_else(|| UnknownCategory(id.to_owned()))? as u32)
            }
            None => None,
        };
        let features = buffers.reader.read(text);
        let example = Arc::new(Example { ticket, category: category.unwrap_or(FOREIGN), features: features.into() });
        let mut memory = self.memory.lock();
        // Some from before beside the new one: what was learnt once is not forgotten over what comes later.
        let count = memory.examples.rows().len();
        let again: [usize; REHEARSED] = std::array::from_fn(|_| memory.random.usize(..count.max(1)));
        {
            let model = self.model.load();
            let mut model = model.write();
            model.learn(&example.features, category, &mut buffers.scratch);
            for again in again.iter().filter_map(|at| memory.examples.rows().get(*at)) {
                model.rehearse(&again.features, again.of(), &mut buffers.scratch);
            }
        }
        if let Some(since) = &mut memory.since {
            since.push(example.clone());
        }
        memory.examples.push(example);
        Ok(())
    }

    /// Makes the model anew out of all examples and puts it in the old one's place at once. Takes seconds: call it from a
    /// thread of its own. What is learnt meanwhile is learnt by both. False when another refit is under way.
    pub fn refit(&self) -> bool {
        let rows = {
            let mut memory = self.memory.lock();
            if memory.since.is_some() {
                return false;
            }
            memory.since = Some(Vec::new());
            memory.examples.rows().to_vec()
        };
        let mut model = refit::refit(&rows, &self.seeds, self.categories.len(), self.settings.refit);
        let mut scratch = Scratch::default();
        let mut memory = self.memory.lock();
        for example in memory.since.take().unwrap_or_default() {
            model.learn(&example.features, example.of(), &mut scratch);
        }
        self.model.store(Arc::new(RwLock::new(model)));
        true
    }

    /// Everything that it knows, to be kept with the desk.
    pub fn to_bytes(&self) -> Vec<u8> {
        // The memory is held, so that no example is in the weights and not in the list, or the other way round.
        let memory = self.memory.lock();
        file::write(&self.categories, &self.model.load().read(), memory.examples.rows())
    }

    /// What [`Learner::to_bytes`] gave. Where the desk's categories are others by now, the examples of those that are left are
    /// learnt anew.
    pub fn from_bytes(bytes: &[u8], categories: Vec<Category>, settings: Settings) -> Result<Self, FileError> {
        let contents = file::read(bytes)?;
        let learner = Self::new(categories, settings);
        let same = contents.categories == learner.categories;
        {
            let places: Vec<Option<u32>> = (contents.categories.iter())
                .map(|old| learner.categories.iter().position(|new| new.id == old.id).map(|place| place as u32))
                .collect();
            let mut memory = learner.memory.lock();
            for example in contents.examples {
                memory.examples.push(example);
            }
            memory.examples.renumber(|category| places[category as usize]);
            if same {
                *learner.model.load().write() = contents.model;
            } else {
                let model = learner.model.load();
                let (mut model, mut scratch) = (model.write(), Scratch::default());
                for example in memory.examples.rows() {
                    model.learn(&example.features, example.of(), &mut scratch);
                }
            }
        }
        Ok(learner)
    }
}

#[cfg(test)]
mod tests;
