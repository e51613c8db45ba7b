//! Small numbers for the names that figures are split by, so that a fact has a fixed size. 0 is "none"; a number is never used again.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// The number of a name, of a set of tags, or 0 for none.
pub type Id = u32;
pub const NONE: Id = 0;

/// Names of one kind.
#[derive(Clone, Debug, Default)]
pub struct Names {
    by_name: FxHashMap<Arc<str>, Id>,
    names: Vec<Arc<str>>,
}

impl Names {
    pub fn id(&mut self, name: &str) -> Id {
        if let Some(id) = self.by_name.get(name) {
            return *id;
        }
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        let id = Id::try_from(self.names.len()).expect("invariant: fewer than four billion names");
        self.by_name.insert(name, id);
        id
    }

    /// Without making a new number.
    pub fn find(&self, name: &str) -> Option<Id> {
        self.by_name.get(name).copied()
    }

    /// `None` for 0.
    pub fn name(&self, id: Id) -> Option<&Arc<str>> {
        self.names.get(id.checked_sub(1)? as usize)
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// Sets of tags, each stored once.
#[derive(Clone, Debug, Default)]
pub struct TagSets {
    by_set: FxHashMap<Arc<[Id]>, Id>,
    sets: Vec<Arc<[Id]>>,
}

impl TagSets {
    /// The tags must be sorted and without repeats, as they are in a ticket.
    pub fn id(&mut self, tags: &[Id]) -> Id {
        if tags.is_empty() {
            return NONE;
        }
        if let Some(id) = self.by_set.get(tags) {
            return *id;
        }
        let set: Arc<[Id]> = tags.into();
        self.sets.push(Arc::clone(&set));
        let id = Id::try_from(self.sets.len()).expect("invariant: fewer than four billion sets");
        self.by_set.insert(set, id);
        id
    }

    /// Empty for 0.
    pub fn tags(&self, id: Id) -> &[Id] {
        id.checked_sub(1).and_then(|index| self.sets.get(index as usize)).map_or(&[], |set| set)
    }
}

/// All names together; cloned only when a question still holds the former ones.
#[derive(Clone, Debug, Default)]
pub struct Book {
    pub teams: Names,
    pub agents: Names,
    pub categories: Names,
    pub tags: Names,
    pub tag_sets: TagSets,
}

/// A [`Book`] as it lies in a checkpoint.
#[derive(Serialize, Deserialize)]
pub struct WrittenBook {
    teams: Vec<String>,
    agents: Vec<String>,
    categories: Vec<String>,
    tags: Vec<String>,
    tag_sets: Vec<Vec<Id>>,
}

impl Book {
    pub fn write(&self) -> WrittenBook {
        let names = |names: &Names| names.names.iter().map(ToString::to_string).collect();
        WrittenBook {
            teams: names(&self.teams),
            agents: names(&self.agents),
            categories: names(&self.categories),
            tags: names(&self.tags),
            tag_sets: self.tag_sets.sets.iter().map(|set| set.to_vec()).collect(),
        }
    }

    pub fn read(written: &WrittenBook) -> Self {
        let names = |written: &[String]| {
            let mut names = Names::default();
            for name in written {
                names.id(name);
            }
            names
        };
        let mut tag_sets = TagSets::default();
        for set in &written.tag_sets {
            tag_sets.id(set);
        }
        Self {
            teams: names(&written.teams),
            agents: names(&written.agents),
            categories: names(&written.categories),
            tags: names(&written.tags),
            tag_sets,
        }
    }
}
