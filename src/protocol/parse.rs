//! From bytes to typed requests: every mistake becomes a problem with a code and, where there is one, a pointer.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::code::Code;
use super::problem::Problem;
use super::untagged;
use crate::domain::command::Command;

/// Parses one JSON object into `T`. `at` is the JSON pointer of the object in the whole message.
pub fn object<T: DeserializeOwned>(json: &[u8], at: &str) -> Result<T, Problem> {
    // Keeping track of where one is costs as much as reading: only a mistake is looked for that way.
    match serde_json::from_slice(json) {
        Ok(value) => Ok(value),
        Err(_) => tracked(json, at),
    }
}

fn tracked<T: DeserializeOwned>(json: &[u8], at: &str) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let mut pointer = String::from(at);
        for segment in error.path() {
            use serde_path_to_error::Segment;
            match segment {
                Segment::Seq { index } => drop(write!(pointer, "/{index}")),
                Segment::Map { key } => drop(write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1"))),
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        refusal(json, &error.into_inner(), pointer)
    })?;
    reader.end().map_err(|error| Problem::new(Code::BadJson, error.to_string()))?;
    Ok(value)
}

fn refusal(json: &[u8], error: &serde_json::Error, pointer: String) -> Problem {
    let text = error.to_string();
    // serde_json appends the position, which means nothing inside a frame of many lines.
    let detail = text.rsplit_once(" at line ").map_or(text.as_str(), |(head, _)| head).to_owned();
    // serde_json calls a number or a null in the place of an enum a fault of syntax.
    if !error.is_data() {
        if serde_json::from_slice::<serde::de::IgnoredAny>(json).is_err() {
            return Problem::new(Code::BadJson, text);
        }
        return Problem::field(pointer, "invalid", "this is no value that the field can have");
    }
    if let Some(rest) = detail.strip_prefix("unknown field `") {
        let field = rest.split('`').next().unwrap_or_default();
        let pointer = if pointer.ends_with(&format!("/{field}")) { pointer } else { format!("{pointer}/{field}") };
        return Problem::new(Code::UnknownField, detail.clone())
            .with_errors(vec![crate::domain::rejection::FieldError::new(pointer, "unknown_field", detail)]);
    }
    if let Some(rest) = detail.strip_prefix("missing field `") {
        let field = rest.split('`').next().unwrap_or_default();
        return Problem::field(format!("{pointer}/{field}"), "required", detail.clone());
    }
    Problem::field(pointer, "invalid", detail)
}

/// Parses a `do` object. Its `type` is read first, so that the rest is checked against the one body that it names.
pub fn command(raw: &RawValue, at: &str) -> Result<Command, Problem> {
    #[derive(serde::Deserialize)]
    struct Tag<'a> {
        #[serde(borrow, rename = "type")]
        kind: std::borrow::Cow<'a, str>,
    }
    let tag: Tag<'_> = borrowed(raw.get(), at)?;
    Ok(match &*tag.kind {
        "create" => Command::Create(body(raw, at)?),
        "update" => Command::Update(body(raw, at)?),
        "message" => Command::Message(body(raw, at)?),
        "claim" => Command::Claim(body(raw, at)?),
        "claim_next" => Command::ClaimNext(body(raw, at)?),
        "skip" => Command::Skip(body(raw, at)?),
        "release" => Command::Release(body(raw, at)?),
        "merge" => Command::Merge(body(raw, at)?),
        "link" => Command::Link(body(raw, at)?),
        "unlink" => Command::Unlink(body(raw, at)?),
        "undo" => Command::Undo(body(raw, at)?),
        "triage" => Command::Triage(body(raw, at)?),
        "triage_accept" => Command::TriageAccept(body(raw, at)?),
        "triage_reject" => Command::TriageReject(body(raw, at)?),
        other => {
            return Err(Problem::field(
                format!("{at}/type"),
                "unknown_value",
                format!("there is no command `{other}`"),
            ));
        }
    })
}

/// The fields beside `type`.
fn body<T: DeserializeOwned>(raw: &RawValue, at: &str) -> Result<T, Problem> {
    if let Ok(body) = untagged::read(raw.get(), "type") {
        return Ok(body);
    }
    let mut fields: serde_json::Map<String, serde_json::Value> = object(raw.get().as_bytes(), at)?;
    fields.remove("type");
    let rest = serde_json::to_vec(&fields).map_err(|error| Problem::new(Code::BadJson, error.to_string()))?;
    tracked(&rest, at)
}

/// Like [`object`] for types that borrow from the text; pointers are as deep as serde_json tells.
pub fn borrowed<'a, T: serde::Deserialize<'a>>(json: &'a str, at: &str) -> Result<T, Problem> {
    serde_json::from_str(json).map_err(|error| refusal(json.as_bytes(), &error, at.to_owned()))
}
