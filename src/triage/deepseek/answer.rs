//! From the model's answer to verdicts, or to nothing: a row counts when its id was asked, stands there once, repeats its check
//! value and has only values that are allowed. Nothing is repaired and no default stands in for what is missing.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::clean::line;
use super::prompt::Asked;
use crate::domain::ticket::{Guess, Priority, Sentiment};

const SUMMARY_CHARS: usize = 300;
const TAGS: usize = 5;
const TAG_CHARS: usize = 32;

/// What the model says of one ticket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub category: Guess<String>,
    pub priority: Guess<Priority>,
    pub sentiment: Guess<Sentiment>,
    pub language: Guess<String>,
    pub spam: Guess<bool>,
    pub summary: String,
    pub tags: Vec<String>,
}

/// Why the model stopped writing; the list is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    Stop,
    Length,
    ContentFilter,
    /// The service ran out of resources.
    Insufficient,
    Other,
}

impl Finish {
    pub fn of(reason: Option<&str>) -> Self {
        match reason {
            Some("stop") => Self::Stop,
            Some("length") => Self::Length,
            Some("content_filter") => Self::ContentFilter,
            Some("insufficient_system_resource") => Self::Insufficient,
            _ => Self::Other,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Verdicts by the ticket's place in the batch, in order; the places without one; and how many rows were thrown away.
    Rows {
        verdicts: Vec<(usize, Verdict)>,
        missing: Vec<usize>,
        discarded: usize,
    },
    /// Nothing was written, which happens with `finish_reason: "stop"`.
    Empty,
    /// It ends in the middle.
    Cut,
    /// It is not the JSON that was asked for.
    Malformed,
    Filtered,
    Overloaded,
}

#[derive(Deserialize)]
struct Sheet {
    rows: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    check: String,
    category: String,
    category_sure: f32,
    priority: Priority,
    priority_sure: f32,
    sentiment: Sentiment,
    sentiment_sure: f32,
    language: String,
    language_sure: f32,
    spam: bool,
    spam_sure: f32,
    summary: String,
    tags: Vec<String>,
}

/// `categories` is the closed list of the desk.
pub fn read(content: Option<&str>, finish: Finish, asked: &[Asked], categories: &[&str]) -> Answer {
    match finish {
        Finish::Length => return Answer::Cut,
        Finish::ContentFilter => return Answer::Filtered,
        Finish::Insufficient => return Answer::Overloaded,
        Finish::Stop | Finish::Other => {}
    }
    let content = content.unwrap_or("").trim();
    if content.is_empty() {
        return Answer::Empty;
    }
    let sheet: Sheet = match serde_json::from_str(content) {
        Ok(sheet) => sheet,
        Err(error) if error.is_eof() => return Answer::Cut,
        Err(_) => return Answer::Malformed,
    };
    let places: HashMap<&str, usize> = asked.iter().enumerate().map(|(at, asked)| (asked.id.as_str(), at)).collect();
    // How often each was answered, also by rows that are no use: a repeated id says that none of its rows can be trusted.
    let mut answered: HashMap<usize, usize> = HashMap::new();
    let mut found: Vec<(usize, Verdict)> = Vec::new();
    for row in &sheet.rows {
        let Some(place) = row["id"].as_str().and_then(|id| places.get(id)) else { continue };
        *answered.entry(*place).or_default() += 1;
        let row =
            Row::deserialize(row).ok().filter(|row| row.check == asked[*place].check && row.id == asked[*place].id);
        found.extend(row.and_then(|row| verdict(row, categories)).map(|verdict| (*place, verdict)));
    }
    found.retain(|(place, _)| answered[place] == 1);
    found.sort_by_key(|(place, _)| *place);
    let has = |place: &usize| found.binary_search_by_key(place, |(place, _)| *place).is_ok();
    let missing = (0..asked.len()).filter(|place| !has(place)).collect();
    let discarded = sheet.rows.len() - found.len();
    Answer::Rows { verdicts: found, missing, discarded }
}

fn verdict(row: Row, categories: &[&str]) -> Option<Verdict> {
    let sure = [row.category_sure, row.priority_sure, row.sentiment_sure, row.language_sure, row.spam_sure];
    let honest = sure.iter().all(|sure| (0.0..=1.0).contains(sure));
    let language = (2..=3).contains(&row.language.len()) && row.language.bytes().all(|byte| byte.is_ascii_lowercase());
    if !honest || !language || !categories.contains(&row.category.as_str()) {
        return None;
    }
    let tag = |tag: &String| {
        let tag = line(tag, TAG_CHARS).to_lowercase();
        (!tag.is_empty()).then_some(tag)
    };
    let mut tags: Vec<String> = row.tags.iter().filter_map(tag).take(TAGS).collect();
    tags.sort();
    tags.dedup();
    Some(Verdict {
        category: Guess { value: row.category, confidence: row.category_sure },
        priority: Guess { value: row.priority, confidence: row.priority_sure },
        sentiment: Guess { value: row.sentiment, confidence: row.sentiment_sure },
        language: Guess { value: row.language, confidence: row.language_sure },
        spam: Guess { value: row.spam, confidence: row.spam_sure },
        summary: line(&row.summary, SUMMARY_CHARS),
        tags,
    })
}

#[cfg(test)]
mod tests;
