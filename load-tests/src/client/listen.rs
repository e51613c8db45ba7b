//! Reads one line that the server said, as cheaply as folding it allows.
//!
//! Pure. A record is read without its bodies; everything else through [`Heard`]. Called by the virtual people's sessions.

use std::borrow::Cow;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::socket::Heard;

/// What a line says.
#[derive(Debug)]
pub enum Line<'a> {
    Record(Head<'a>),
    Other(Heard),
}

/// As much of a record as a board's hash, its order and its way to the screen need.
#[derive(Debug, Deserialize)]
pub struct Head<'a> {
    pub seq: u64,
    pub ticket: u64,
    pub version: u64,
    #[serde(borrow)]
    pub command_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    patch: Patch<'a>,
}

#[derive(Debug, Deserialize)]
struct Patch<'a> {
    #[serde(borrow, default)]
    status: Option<Cow<'a, str>>,
}

impl Head<'_> {
    /// Whether the ticket leaves the board with this record, comes (back) to it, or stays as it was.
    pub fn closes(&self) -> Option<bool> {
        self.patch.status.as_ref().map(|status| status == "closed")
    }
}

pub fn line(text: &str) -> Result<Line<'_>> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow)]
        t: Cow<'a, str>,
    }
    let is_record = text.starts_with(r#"{"t":"rec""#)
        || serde_json::from_str::<Kind>(text).with_context(|| not_a_message(text))?.t == "rec";
    if is_record {
        return Ok(Line::Record(serde_json::from_str(text).with_context(|| not_a_message(text))?));
    }
    Ok(Line::Other(serde_json::from_str(text).with_context(|| not_a_message(text))?))
}

fn not_a_message(text: &str) -> String {
    format!("not a message of the protocol: {}", text.chars().take(300).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_in_any_order_of_its_fields() {
        for text in [
            r#"{"t":"rec","seq":7,"ticket":3,"version":2,"at":"x","by":"u","command_id":"c","event":{"type":"updated"},"patch":{"tags":["a"],"status":"closed"}}"#,
            r#"{"seq":7,"patch":{"status":"closed"},"version":2,"ticket":3,"command_id":"c","t":"rec"}"#,
        ] {
            let Ok(Line::Record(head)) = line(text) else { panic!("{text}") };
            assert_eq!((head.seq, head.ticket, head.version, head.closes()), (7, 3, 2, Some(true)));
            assert_eq!(head.command_id.as_deref(), Some("c"));
        }
    }

    #[test]
    fn a_status_that_did_not_change_is_told_from_one_that_did() {
        let text = r#"{"t":"rec","seq":1,"ticket":1,"version":1,"command_id":null,"patch":{"priority":"low"}}"#;
        let Ok(Line::Record(head)) = line(text) else { panic!() };
        assert_eq!((head.closes(), head.command_id), (None, None));
    }

    #[test]
    fn what_is_no_message_is_an_error_that_shows_it() {
        assert!(line("{}").is_err());
        assert!(format!("{:#}", line("gibberish").unwrap_err()).contains("gibberish"));
    }
}
