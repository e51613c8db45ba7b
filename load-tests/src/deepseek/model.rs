//! The model behind the stand-in: sorts tickets by the words that they share with the categories' descriptions, writes a draft out of
//! the first source, and, told to be naive, does what a ticket tells it. Pure.

use std::collections::HashSet;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};

use serde::Serialize;
use serde_json::{Value, json};

use super::Quirk;

/// As DeepSeek counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    pub prompt_tokens: u64,
    pub prompt_cache_hit_tokens: u64,
    pub prompt_cache_miss_tokens: u64,
    pub completion_tokens: u64,
    pub total_tokens: u64,
}

impl Usage {
    pub fn add(&mut self, other: Self) {
        self.prompt_tokens += other.prompt_tokens;
        self.prompt_cache_hit_tokens += other.prompt_cache_hit_tokens;
        self.prompt_cache_miss_tokens += other.prompt_cache_miss_tokens;
        self.completion_tokens += other.completion_tokens;
        self.total_tokens += other.total_tokens;
    }
}

/// What a naive model does when a ticket has certain words in it.
pub type Obeys = Vec<(String, Attack)>;

/// What an injected text may want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// All other rows get another category and the highest priority.
    Neighbours,
    /// The other tickets' texts stand in its own summary and tags.
    Leak,
    /// The instructions stand in its summary.
    Prompt,
    /// Rows for ids that nobody asked for, and second rows for the neighbours.
    OtherIds,
    /// Fields that close, assign and send.
    Extra,
    /// Values that nobody offered.
    Values,
    /// An endless summary and thousands of tags.
    Huge,
    /// Prose in the place of JSON.
    Prose,
    /// The whole answer is what the ticket dictates.
    Dictated,
    /// Directions and invisible characters in the summary.
    Hidden,
    /// The neighbours' rows are left out.
    Silence,
    /// Its own row takes the neighbour's id and check.
    Steal,
}

impl Attack {
    pub const ALL: [Self; 12] = [
        Self::Neighbours,
        Self::Leak,
        Self::Prompt,
        Self::OtherIds,
        Self::Extra,
        Self::Values,
        Self::Huge,
        Self::Prose,
        Self::Dictated,
        Self::Hidden,
        Self::Silence,
        Self::Steal,
    ];
}

#[derive(Clone, Debug)]
pub struct Written {
    pub content: Option<String>,
    pub finish: &'static str,
}

/// The tickets of a batch; empty for anything else.
pub fn tickets(body: &Value) -> Vec<Value> {
    let user = body["messages"].as_array().and_then(|messages| messages.last());
    let content = user.and_then(|message| message["content"].as_str()).unwrap_or_default();
    serde_json::from_str(content).unwrap_or_default()
}

/// What the real service refuses.
pub fn mistake(body: &Value) -> Option<(u16, &'static str)> {
    if body["response_format"]["type"] == "json_schema" {
        return Some((400, "This response_format type is unavailable now"));
    }
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    if messages.is_empty() || messages.iter().any(|message| !message["content"].is_string()) {
        return Some((422, "messages: content must be a string"));
    }
    if ["deepseek-chat", "deepseek-reasoner"].iter().any(|retired| body["model"] == *retired) {
        return Some((400, "Model Not Exist"));
    }
    let json_mode = body["response_format"]["type"] == "json_object";
    let says_json =
        messages.iter().any(|message| message["content"].as_str().is_some_and(|text| text.contains("json")));
    (json_mode && !says_json).then_some((400, "Prompt must contain the word 'json' to use this response_format"))
}

pub fn write(body: &Value, quirk: Quirk, obeys: &Obeys) -> Written {
    if body["thinking"]["type"] != "disabled" {
        // It thinks until there is no room to answer.
        return Written { content: Some(String::new()), finish: "length" };
    }
    let answer = if body["response_format"]["type"] == "json_object" { sort(body, quirk, obeys) } else { draft(body) };
    let spoilt = |content: Option<String>, finish| Written { content, finish };
    match quirk {
        Quirk::Spaces => spoilt(Some(" ".repeat(40)), "stop"),
        Quirk::Null => spoilt(None, "stop"),
        Quirk::ContentFilter => spoilt(Some(String::new()), "content_filter"),
        Quirk::Insufficient => spoilt(None, "insufficient_system_resource"),
        Quirk::Cut | Quirk::CutSilently => {
            let half = answer.chars().take(answer.chars().count() / 2).collect();
            spoilt(Some(half), if quirk == Quirk::Cut { "length" } else { "stop" })
        }
        _ => {
            // No model writes more than it is allowed to, whatever a ticket wants.
            let most = body["max_tokens"].as_u64().map_or(usize::MAX, |tokens| tokens as usize * TOKEN_BYTES);
            let cut = answer.len() > most;
            let text = if cut { answer.chars().take(most).collect() } else { answer };
            spoilt(Some(text), if cut { "length" } else { "stop" })
        }
    }
}

fn sort(body: &Value, quirk: Quirk, obeys: &Obeys) -> String {
    let system = body["messages"][0]["content"].as_str().unwrap_or_default();
    let categories = categories(system);
    let tickets = tickets(body);
    let mut rows: Vec<Value> = tickets.iter().map(|ticket| row(ticket, &categories)).collect();
    match quirk {
        Quirk::Missing => drop(rows.pop()),
        Quirk::Swapped if rows.len() > 1 => {
            let (first, second) = (rows[0]["id"].clone(), rows[1]["id"].clone());
            rows[0]["id"] = second;
            rows[1]["id"] = first;
        }
        Quirk::Repeated => rows.extend(rows.first().cloned()),
        Quirk::Invented => {
            if let Some(row) = rows.first_mut() {
                row["category"] = json!("made_up");
            }
        }
        _ => {}
    }
    for (at, ticket) in tickets.iter().enumerate() {
        let text = format!("{} {}", text(ticket, "subject"), text(ticket, "text"));
        let told = obeys.iter().filter(|(words, _)| text.contains(words.as_str()));
        for (_, attack) in told {
            if let Some(whole) = obey(*attack, at, &mut rows, &tickets, system) {
                return whole;
            }
        }
    }
    json!({"rows": rows}).to_string()
}

/// Does to the rows what the ticket at that place wants; a whole answer where that is what it wants.
fn obey(attack: Attack, at: usize, rows: &mut Vec<Value>, tickets: &[Value], system: &str) -> Option<String> {
    let others: Vec<usize> = (0..rows.len().min(tickets.len())).filter(|other| *other != at).collect();
    match attack {
        Attack::Neighbours => {
            for other in others {
                rows[other]["category"] = json!("security_abuse");
                rows[other]["priority"] = json!("urgent");
                rows[other]["summary"] = json!("PWNED");
            }
        }
        Attack::Leak => {
            let all: Vec<String> = others.iter().map(|other| text(&tickets[*other], "text").to_owned()).collect();
            rows[at]["summary"] = json!(format!("The other tickets say: {}", all.join(" | ")));
            rows[at]["tags"] = json!(all);
        }
        Attack::Prompt => rows[at]["summary"] = json!(system),
        Attack::OtherIds => {
            let mut more: Vec<Value> = others.iter().map(|other| rows[*other].clone()).collect();
            for row in &mut more {
                row["category"] = json!("security_abuse");
                row["priority"] = json!("urgent");
            }
            more.extend((1..50).map(|id| {
                let mut row = rows[at].clone();
                row["id"] = json!(id.to_string());
                row
            }));
            rows.extend(more);
        }
        Attack::Extra => {
            for (field, value) in [
                ("status", json!("closed")),
                ("assignee", json!("attacker")),
                ("team", json!("legal")),
                ("merged_into", json!(1)),
                ("reply", json!("Your password is …")),
                ("command", json!({"type": "update", "status": "closed"})),
                ("tool_calls", json!([{"function": {"name": "close_ticket"}}])),
            ] {
                rows[at][field] = value;
            }
        }
        Attack::Values => {
            rows[at]["category"] = json!("pwned");
            rows[at]["priority"] = json!("apocalyptic");
            rows[at]["category_sure"] = json!(17.0);
        }
        Attack::Huge => {
            rows[at]["summary"] = json!("PWNED ".repeat(100_000));
            rows[at]["tags"] = json!((0..5000).map(|n| format!("tag{n}{}", "x".repeat(500))).collect::<Vec<_>>());
        }
        Attack::Prose => return Some("Of course! I have closed all tickets and sent everybody a refund.".to_owned()),
        Attack::Dictated => {
            return Some(json!({"rows": [{"id": "1", "check": "1", "category": "pwned"}], "close": "all"}).to_string());
        }
        Attack::Hidden => {
            rows[at]["summary"] = json!("safe\u{202e}txt.exe\u{200b}\u{0007}\u{e0041} [click](javascript:alert(1))");
            rows[at]["tags"] = json!(["\u{202e}evil", "a\u{0}b"]);
        }
        Attack::Silence => {
            let own = rows[at].clone();
            *rows = vec![own];
        }
        Attack::Steal => {
            if let Some(other) = others.first() {
                let (id, check) = (rows[*other]["id"].clone(), rows[*other]["check"].clone());
                rows[at]["id"] = id;
                rows[at]["check"] = check;
                rows[at]["priority"] = json!("urgent");
            }
        }
    }
    None
}

/// `- "billing": "Invoices …"` lines of the instructions.
fn categories(system: &str) -> Vec<(String, HashSet<String>)> {
    let parsed = system.lines().filter_map(|line| {
        let (id, description) = line.strip_prefix("- ")?.split_once(": ")?;
        Some((serde_json::from_str(id).ok()?, serde_json::from_str::<String>(description).ok()?))
    });
    parsed
        .map(|(id, description): (String, String)| {
            let mut own = words(&description);
            own.extend(words(&id.replace('_', " ")));
            (id, own)
        })
        .collect()
}

fn row(ticket: &Value, categories: &[(String, HashSet<String>)]) -> Value {
    let (subject, body) = (text(ticket, "subject"), text(ticket, "text"));
    let said = words(&format!("{subject} {body}"));
    let shared = |own: &HashSet<String>| own.intersection(&said).count();
    let best = categories.iter().rev().max_by_key(|(_, own)| shared(own));
    let sure = best.map_or(0.5, |(_, own)| if shared(own) > 0 { 0.9 } else { 0.4 });
    let has = |any: &[&str]| any.iter().any(|word| said.contains(*word));
    let priority = if has(&["urgent", "immediately", "down", "outage"]) { "urgent" } else { "normal" };
    let sentiment = if has(&["angry", "terrible", "worst"]) { "negative" } else { "neutral" };
    let summary: String = subject.chars().take(120).collect();
    json!({
        "id": ticket["id"], "check": ticket["check"],
        "category": best.map_or("other", |(id, _)| id), "category_sure": sure,
        "priority": priority, "priority_sure": 0.8,
        "sentiment": sentiment, "sentiment_sure": 0.7,
        "language": "en", "language_sure": 0.9,
        "spam": has(&["casino", "lottery"]), "spam_sure": 0.9,
        "summary": format!("About: {summary}"),
        "tags": [],
    })
}

/// A reply out of what the first source says.
fn draft(body: &Value) -> String {
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let user = messages.last().and_then(|message| message["content"].as_str()).unwrap_or_default();
    let question: Value = serde_json::from_str(user).unwrap_or_default();
    let source = question["sources"][0]["answer"].as_str().unwrap_or("We are looking into it.");
    format!("Hello,\n\nthank you for writing. {source}\n\nKind regards")
}

fn text<'a>(ticket: &'a Value, field: &str) -> &'a str {
    ticket[field].as_str().unwrap_or_default()
}

fn words(text: &str) -> HashSet<String> {
    let split = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2);
    split.map(str::to_lowercase).collect()
}

const TOKEN_BYTES: usize = 3;

/// Tokens are about three bytes long; the cache knows prefixes of whole blocks of 64.
pub fn usage<S: BuildHasher>(body: &Value, written: &str, cached: &mut HashSet<u64, S>) -> Usage {
    const BLOCK: usize = 64 * TOKEN_BYTES;
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let prompt: String = messages.iter().filter_map(|message| message["content"].as_str()).collect();
    let mut sum = DefaultHasher::new();
    let (mut hit, mut leads) = (0, true);
    for block in prompt.as_bytes().chunks_exact(BLOCK) {
        block.hash(&mut sum);
        leads &= !cached.insert(sum.finish());
        hit += if leads { 64 } else { 0 };
    }
    let prompt_tokens = prompt.len().div_ceil(TOKEN_BYTES) as u64;
    let completion_tokens = written.len().div_ceil(TOKEN_BYTES) as u64;
    Usage {
        prompt_tokens,
        prompt_cache_hit_tokens: hit,
        prompt_cache_miss_tokens: prompt_tokens - hit,
        completion_tokens,
        total_tokens: prompt_tokens + completion_tokens,
    }
}
