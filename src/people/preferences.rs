//! How each person likes the desk: one document a user, read from the journal when it is asked for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Check, People, check_version, put, read, unreadable, whole};
use crate::domain::ids::{UserId, Version};
use crate::domain::permissions::Principal;
use crate::domain::text::is_hidden;
use crate::protocol::preferences::{Macro, Preferences, PreferencesView, SavedView};
use crate::protocol::problem::Problem;

const PREFIX: &str = "preferences/";

/// Of the whole document as JSON.
const BYTES: usize = 256 << 10;
const VIEWS: usize = 200;
const MACROS: usize = 500;
const SHORTCUTS: usize = 200;
pub(super) const NAME_CHARS: usize = 100;
pub(super) const MACRO_CHARS: usize = 20_000;
pub(super) const SEARCH_CHARS: usize = 2_000;
const KEYS_CHARS: usize = 40;
const LANGUAGE_CHARS: usize = 35;

#[derive(Default, Serialize, Deserialize)]
struct Stored {
    version: Version,
    preferences: Preferences,
}

impl People {
    pub fn preferences(&self, user: &UserId) -> Result<PreferencesView, Problem> {
        let Stored { version, preferences } = self.stored_preferences(user)?;
        Ok(PreferencesView { version, preferences })
    }

    /// Replaces the whole document; the same once more changes nothing. `expect` names the versions that it may replace.
    pub async fn put_preferences(
        self: &Arc<Self>,
        by: &Arc<Principal>,
        preferences: Preferences,
        expect: Option<Vec<Version>>,
    ) -> Result<PreferencesView, Problem> {
        let (people, user) = (self.clone(), by.id.clone());
        whole(async move {
            let _changing = people.changing.lock().await;
            let mut check = people.check();
            check.preferences(&preferences);
            check.done()?;
            let before = people.stored_preferences(&user)?;
            check_version(expect.as_deref(), before.version)?;
            if before.version != Version::ZERO && before.preferences == preferences {
                return Ok(PreferencesView { version: before.version, preferences });
            }
            let stored = Stored { version: before.version.next(), preferences };
            people.keep(vec![put(key(&user), &stored)]).await?;
            Ok(PreferencesView { version: stored.version, preferences: stored.preferences })
        })
        .await
    }

    fn stored_preferences(&self, user: &UserId) -> Result<Stored, Problem> {
        let key = key(user);
        let found = self.journal.aside(&key).map_err(unreadable)?;
        found.map_or_else(|| Ok(Stored::default()), |value| read(&key, &value).map_err(unreadable))
    }
}

fn key(user: &UserId) -> String {
    format!("{PREFIX}{user}")
}

impl Check<'_> {
    fn preferences(&mut self, preferences: &Preferences) {
        if let Some(language) = &preferences.language {
            let shaped =
                language.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()));
            if !shaped || language.len() > LANGUAGE_CHARS {
                self.refuse("/language", "invalid", "expected a language tag like fr or fr-CA");
            }
        }
        self.at_most("/shortcuts", preferences.shortcuts.len(), SHORTCUTS);
        for (action, keys) in &preferences.shortcuts {
            if action.is_empty() || action.len() > NAME_CHARS || keys.chars().count() > KEYS_CHARS {
                self.refuse("/shortcuts", "invalid", "an action's name and its keys are short");
            }
        }
        self.at_most("/views", preferences.views.len(), VIEWS);
        for (index, SavedView { id, name, base, search }) in preferences.views.iter().enumerate() {
            let at = format!("/views/{index}");
            self.id(&at, id);
            self.title(&format!("{at}/name"), name);
            self.view(&at, base, search);
        }
        self.at_most("/macros", preferences.macros.len(), MACROS);
        for (index, Macro { id, name, body }) in preferences.macros.iter().enumerate() {
            let at = format!("/macros/{index}");
            self.id(&at, id);
            self.title(&format!("{at}/name"), name);
            self.macro_body(&at, body);
        }
        let bytes = serde_json::to_vec(preferences).map_or(usize::MAX, |json| json.len());
        if bytes > BYTES {
            self.refuse("", "too_long", format!("preferences have at most {BYTES} bytes as JSON"));
        }
    }

    fn at_most(&mut self, pointer: &str, found: usize, most: usize) {
        if found > most {
            self.refuse(pointer, "too_many", format!("at most {most}"));
        }
    }

    pub(super) fn id(&mut self, at: &str, id: &str) {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if id.is_empty() || id.len() > 64 || !id.bytes().all(plain) {
            self.refuse(format!("{at}/id"), "invalid", "an id has 1 to 64 letters, digits, - and _");
        }
    }

    /// A name that is shown: one line, nothing hidden in it.
    pub(super) fn title(&mut self, pointer: &str, name: &str) {
        if name.trim().is_empty() {
            self.refuse(pointer, "required", "a name is needed");
        } else if name.chars().count() > NAME_CHARS {
            self.refuse(pointer, "too_long", format!("at most {NAME_CHARS} characters"));
        } else if name.chars().any(is_hidden) {
            self.refuse(pointer, "invalid", "a name is one line of characters that can be seen");
        }
    }

    pub(super) fn view(&mut self, at: &str, base: &str, search: &str) {
        if base.is_empty() || base.chars().count() > NAME_CHARS {
            self.refuse(format!("{at}/base"), "invalid", "this is no view that can be narrowed");
        }
        if search.chars().count() > SEARCH_CHARS {
            self.refuse(format!("{at}/search"), "too_long", format!("at most {SEARCH_CHARS} characters"));
        }
    }

    pub(super) fn macro_body(&mut self, at: &str, body: &str) {
        if body.trim().is_empty() {
            self.refuse(format!("{at}/body"), "required", "a macro has a text");
        } else if body.chars().count() > MACRO_CHARS {
            self.refuse(format!("{at}/body"), "too_long", format!("at most {MACRO_CHARS} characters"));
        }
    }
}
