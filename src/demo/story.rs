//! The texts of the demo: what customers write about and what agents answer, with choices and blanks to be filled in.
//!
//! Read from `stories/*.toml`, which are in the binary. It never decides when anything happens: that is `history` and `live`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::ticket::Priority;

const FILES: [&str; 8] = [
    include_str!("stories/account_access.toml"),
    include_str!("stories/billing.toml"),
    include_str!("stories/bug_report.toml"),
    include_str!("stories/feature_request.toml"),
    include_str!("stories/how_to.toml"),
    include_str!("stories/returns.toml"),
    include_str!("stories/security_abuse.toml"),
    include_str!("stories/shipping.toml"),
];

const COMMON: &str = include_str!("stories/common.toml");

/// One thing that people write about.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    pub category: String,
    pub team: String,
    #[serde(default)]
    pub language: Language,
    /// One of them is picked: what is common stands there more often.
    pub priorities: Vec<Priority>,
    pub tags: Vec<String>,
    /// How common the story is.
    pub weight: u32,
    pub subjects: Vec<String>,
    pub openings: Vec<String>,
    /// What an agent asks back.
    pub asks: Vec<String>,
    /// What the customer says to that.
    pub answers: Vec<String>,
    /// What agents tell each other.
    pub notes: Vec<String>,
    pub resolves: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Language {
    #[default]
    #[serde(rename = "en")]
    English,
    #[serde(rename = "fr")]
    French,
}

/// What fits every story.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Common {
    pub hold_notes: Vec<String>,
    pub releases: Vec<String>,
    english: Phrases,
    french: Phrases,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phrases {
    pub nudges: Vec<String>,
    /// An agent who needs more time.
    pub patience: Vec<String>,
    pub thanks: Vec<String>,
    /// The customer: it is not solved after all.
    pub back: Vec<String>,
    pub back_replies: Vec<String>,
    pub holds: Vec<String>,
    pub follow_ups: Vec<String>,
    /// A second ticket about the same thing.
    pub duplicates: Vec<String>,
}

impl Common {
    pub fn read() -> Self {
        toml::from_str(COMMON).expect("invariant: the phrases are valid, a test reads them")
    }

    pub fn phrases(&self, language: Language) -> &Phrases {
        match language {
            Language::English => &self.english,
            Language::French => &self.french,
        }
    }
}

pub fn stories() -> Vec<Story> {
    #[derive(Deserialize)]
    struct File {
        story: Vec<Story>,
    }
    let read = |text| toml::from_str::<File>(text).expect("invariant: the stories are valid, a test reads them").story;
    FILES.into_iter().flat_map(read).collect()
}

/// What fills the blanks of one ticket's texts.
pub type Blanks = BTreeMap<&'static str, String>;

/// Picks one of `{a|b}` and fills in `{blank}`. A blank that is not known stays as it is, which a test rules out.
pub fn tell(text: &str, blanks: &Blanks, random: &mut fastrand::Rng) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        told.push_str(&rest[..open]);
        let inside = &rest[open + 1..];
        let Some(close) = closing(inside) else {
            told.push_str(&rest[open..]);
            return told;
        };
        let choices = choices(&inside[..close]);
        if let [name] = choices.as_slice() {
            match blanks.get(name) {
                Some(value) => told.push_str(value),
                None => told.push_str(&rest[open..open + close + 2]),
            }
        } else {
            told.push_str(&tell(choices[random.usize(..choices.len())], blanks, random));
        }
        rest = &inside[close + 1..];
    }
    told.push_str(rest);
    told
}

/// Where the brace that was open before `text` closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Splits at the bars that are in no inner brace.
fn choices(text: &str) -> Vec<&str> {
    let (mut found, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            '|' if depth == 0 => {
                found.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    found.push(&text[from..]);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_and_blanks_are_told() {
        let blanks = Blanks::from([("who", "Ada".to_owned())]);
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..20 {
            let told = tell("Hi {who}, {see you|on {who}'s day|}!", &blanks, &mut random);
            assert!(["Hi Ada, see you!", "Hi Ada, on Ada's day!", "Hi Ada, !"].contains(&told.as_str()), "{told}");
        }
        assert_eq!(tell("a } b { c", &blanks, &mut random), "a } b { c");
    }

    #[test]
    fn every_story_is_whole_and_of_this_desk() {
        let config = crate::config::Config::defaults();
        let stories = stories();
        assert!(stories.len() >= 30);
        for story in &stories {
            let name = &story.subjects[0];
            assert!(config.desk.categories.iter().any(|category| category.id == story.category), "{name}");
            assert!(config.desk.teams.iter().any(|team| team.id == story.team), "{name}");
            for texts in [&story.openings, &story.asks, &story.answers, &story.notes, &story.resolves] {
                assert!(!texts.is_empty() && texts.iter().all(|text| !text.trim().is_empty()), "{name}");
            }
            assert!(story.weight > 0 && !story.priorities.is_empty() && story.subjects.len() > 1, "{name}");
        }
        assert_eq!(stories.iter().filter(|story| story.language == Language::French).count(), 2);
    }
}
