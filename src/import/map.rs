//! From a row to a ticket: which column goes into which field, and what foreign priorities mean.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::rows::Row;
use super::{ImportArgs, Preset, Refusal};
use crate::domain::command::CreateTicket;
use crate::domain::ticket::{Channel, Priority, Requester};

/// What other systems call their priorities, in lower case.
const PRIORITIES: &[(Priority, &[&str])] = &[
    (Priority::Low, &["low", "lowest", "minor", "trivial", "p4", "p5"]),
    (Priority::Normal, &["normal", "medium", "moderate", "default", "p3"]),
    (Priority::High, &["high", "major", "p2"]),
    (Priority::Urgent, &["urgent", "highest", "critical", "blocker", "p1", "p0"]),
];

const FIELDS: [&str; 8] =
    ["subject", "body", "requester.name", "requester.email", "priority", "category", "team", "tags"];

/// Where the fields are when nobody says so: under their own names, or under these.
const SYNONYMS: &[(&str, &[&str])] =
    &[("requester.name", &["requester_name", "name"]), ("requester.email", &["requester_email", "email"])];

const BUGS: &[&str] = &[
    "subject=summary",
    "body=description|summary",
    "priority=priority",
    "tags=resolution",
    "tags=status",
    "custom.source_id=id",
    "custom.created=created",
    "custom.resolved=resolved",
];

#[derive(Debug, thiserror::Error)]
pub enum MapError {
    #[error("--map {0}: expected FIELD=COLUMN")]
    Form(String),
    #[error("--map {0}: there is no such field; there are {fields} and custom.NAME", fields = FIELDS.join(", "))]
    Field(String),
    #[error("--map {0}: the field is named twice")]
    Twice(String),
    #[error("--map-priority {0}: expected THEIRS=low, normal, high or urgent")]
    Priority(String),
    #[error("--requester {0}: expected \"Name <address>\"")]
    Requester(String),
}

/// Turns rows into tickets.
#[derive(Clone, Debug)]
pub struct Map {
    /// For each field the columns of which the first with a value counts; several entries for `tags` only.
    fields: Vec<(String, Vec<String>)>,
    /// The fields were not named by anybody: what is absent is no mistake of the caller.
    guessed: bool,
    priorities: BTreeMap<String, Priority>,
    requester: Nameless,
    subject_chars: usize,
}

/// Who asks in a row that does not say so.
#[derive(Clone, Debug)]
enum Nameless {
    Refused,
    Is(Requester),
    /// Somebody made up, the same for the same value of this column.
    MadeUp(String),
}

impl Map {
    pub fn new(args: &ImportArgs) -> Result<Self, MapError> {
        let mut entries: Vec<&str> = match args.preset {
            Some(Preset::Bugs) => BUGS.to_vec(),
            None => Vec::new(),
        };
        // What is said by hand goes over the preset, field by field.
        let named: BTreeSet<&str> = args.map.iter().filter_map(|entry| entry.split('=').next()).collect();
        entries.retain(|entry| !named.contains(entry.split('=').next().unwrap_or_default()));
        entries.extend(args.map.iter().map(String::as_str));
        let mut fields: Vec<(String, Vec<String>)> = Vec::new();
        for entry in &entries {
            let (field, columns) = entry.split_once('=').ok_or_else(|| MapError::Form((*entry).to_owned()))?;
            let field = field.trim();
            if !FIELDS.contains(&field) && field.strip_prefix("custom.").is_none_or(str::is_empty) {
                return Err(MapError::Field(field.to_owned()));
            }
            if field != "tags" && fields.iter().any(|(other, _)| other == field) {
                return Err(MapError::Twice(field.to_owned()));
            }
            let columns: Vec<String> = columns.split('|').map(|column| column.trim().to_owned()).collect();
            if columns.iter().any(String::is_empty) {
                return Err(MapError::Form((*entry).to_owned()));
            }
            fields.push((field.to_owned(), columns));
        }
        let guessed = fields.is_empty();
        if guessed {
            fields = FIELDS
                .iter()
                .map(|field| {
                    let synonyms = SYNONYMS.iter().find(|(of, _)| of == field).map_or(&[][..], |(_, names)| *names);
                    let columns = std::iter::once(field).chain(synonyms).map(|column| (*column).to_owned());
                    ((*field).to_owned(), columns.collect())
                })
                .collect();
        }
        Ok(Self {
            fields,
            guessed,
            priorities: priorities(&args.map_priority)?,
            requester: match (&args.requester, args.preset) {
                (Some(text), _) => Nameless::Is(requester(text).ok_or_else(|| MapError::Requester(text.clone()))?),
                (None, Some(Preset::Bugs)) => Nameless::MadeUp("id".into()),
                (None, None) => Nameless::Refused,
            },
            subject_chars: args.subject_chars.max(1),
        })
    }

    /// Columns that the map names and the file does not have.
    pub fn missing_columns(&self, columns: Option<&[String]>) -> Vec<String> {
        let Some(columns) = columns.filter(|_| !self.guessed) else { return Vec::new() };
        let named = self.fields.iter().flat_map(|(_, columns)| columns);
        let missing: BTreeSet<&String> = named.filter(|column| !columns.contains(column)).collect();
        missing.into_iter().map(|column| format!("`{column}`")).collect()
    }

    /// Columns that go nowhere.
    pub fn unused_columns(&self, columns: Option<&[String]>) -> BTreeSet<String> {
        let named: BTreeSet<&String> = self.fields.iter().flat_map(|(_, columns)| columns).collect();
        let unused = |column: &&String| {
            let custom = self.guessed && column.starts_with("custom.");
            !custom && !named.contains(column) && !column.starts_with("refused_")
        };
        columns.unwrap_or_default().iter().filter(unused).cloned().collect()
    }

    /// The ticket of a row, or everything that keeps it from being one.
    pub fn ticket(&self, row: &Row) -> Result<CreateTicket, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let mut ticket = CreateTicket {
            subject: String::new(),
            body: String::new(),
            requester: Requester { name: String::new(), email: String::new() },
            priority: None,
            category: None,
            team: None,
            tags: None,
            channel: Some(Channel::Import),
            body_format: None,
            custom: None,
            attachments: Vec::new(),
        };
        let mut tags = BTreeSet::new();
        let mut custom = BTreeMap::new();
        for (field, columns) in &self.fields {
            let Some((column, value)) = columns.iter().find_map(|column| Some((column, row.value(column)?))) else {
                continue;
            };
            let text = || text_of(value).trim().to_owned();
            match field.as_str() {
                "subject" => ticket.subject = text(),
                "body" => ticket.body = text(),
                "requester.name" => ticket.requester.name = text(),
                "requester.email" => ticket.requester.email = text(),
                "category" => ticket.category = Some(text()),
                "team" => ticket.team = Some(text()),
                "tags" => tags.extend(tags_of(value)),
                "priority" => match self.priorities.get(&text().to_lowercase()) {
                    Some(priority) => ticket.priority = Some(*priority),
                    None => refusals.push(Refusal {
                        column: Some(column.clone()),
                        reason: format!("`{0}` is no priority known here; say --map-priority '{0}=normal'", text()),
                    }),
                },
                field => {
                    let name = field.strip_prefix("custom.").unwrap_or(field);
                    custom.insert(name.to_owned(), value.clone());
                }
            }
        }
        if self.guessed {
            Self::take_custom(row, &mut custom);
        }
        self.name_requester(row, &mut ticket.requester, &mut refusals);
        for (field, value) in [("subject", &ticket.subject), ("body", &ticket.body)] {
            if value.is_empty() {
                refusals.push(Refusal { column: self.column(field), reason: format!("there is no {field}") });
            }
        }
        if ticket.subject.chars().count() > self.subject_chars {
            let whole = std::mem::take(&mut ticket.subject);
            ticket.subject = whole.chars().take(self.subject_chars - 1).chain(['…']).collect();
            custom.insert("subject".to_owned(), Value::String(whole));
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        ticket.tags = (!tags.is_empty()).then(|| tags.into_iter().collect());
        ticket.custom = (!custom.is_empty()).then_some(custom);
        Ok(ticket)
    }

    /// The column that a field of the ticket came from: the first that was named for it.
    pub fn column(&self, field: &str) -> Option<String> {
        let (_, columns) = self.fields.iter().find(|(known, _)| known == field)?;
        columns.first().cloned()
    }

    fn take_custom(row: &Row, custom: &mut BTreeMap<String, Value>) {
        if let Some(Value::Object(fields)) = row.value("custom") {
            custom.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        for (column, value) in &row.values {
            if let Some(name) = column.strip_prefix("custom.").filter(|name| !name.is_empty())
                && row.value(column).is_some()
            {
                custom.insert(name.to_owned(), value.clone());
            }
        }
    }

    fn name_requester(&self, row: &Row, requester: &mut Requester, refusals: &mut Vec<Refusal>) {
        if requester.email.is_empty() {
            match &self.requester {
                Nameless::Refused => refusals.push(Refusal {
                    column: self.column("requester.email"),
                    reason: "nobody is named as requester; say --requester for such rows".into(),
                }),
                Nameless::Is(known) => requester.clone_from(known),
                Nameless::MadeUp(column) => *requester = made_up(row.value(column).map(text_of).unwrap_or_default()),
            }
        } else if requester.name.is_empty() {
            let local = requester.email.split('@').next().unwrap_or_default();
            local.clone_into(&mut requester.name);
        }
    }
}

fn priorities(said: &[String]) -> Result<BTreeMap<String, Priority>, MapError> {
    let known =
        PRIORITIES.iter().flat_map(|(priority, names)| names.iter().map(|name| ((*name).to_owned(), *priority)));
    let mut table: BTreeMap<String, Priority> = known.collect();
    for entry in said {
        let wrong = || MapError::Priority(entry.clone());
        let (theirs, ours) = entry.split_once('=').ok_or_else(wrong)?;
        let ours = serde_json::from_value(Value::from(ours.trim())).map_err(|_| wrong())?;
        table.insert(theirs.trim().to_lowercase(), ours);
    }
    Ok(table)
}

fn requester(text: &str) -> Option<Requester> {
    let (name, rest) = text.split_once('<')?;
    let email = rest.trim().strip_suffix('>')?.trim();
    let name = name.trim();
    (!name.is_empty() && email.contains('@')).then(|| Requester { name: name.to_owned(), email: email.to_owned() })
}

/// One of 400 people, at a domain that is reserved for examples.
fn made_up(from: String) -> Requester {
    let sum = Sha256::digest(from.as_bytes());
    let number = u16::from_be_bytes([sum[0], sum[1]]) % 400 + 1;
    Requester { name: format!("Reporter {number}"), email: format!("reporter-{number}@example.org") }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Lower case with hyphens, as tags are written here: `Won't Fix` becomes `wont-fix`.
fn tags_of(value: &Value) -> Vec<String> {
    let texts = match value {
        Value::Array(values) => values.iter().map(text_of).collect(),
        other => vec![text_of(other)],
    };
    let tag = |text: &str| {
        let words = text.to_lowercase().replace(['\'', '’'], "");
        let words = words.split(|c: char| c.is_whitespace() || c == '/').filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("-")
    };
    texts.iter().flat_map(|text| text.split([',', ';', '|'])).map(tag).filter(|tag| !tag.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Just {
        #[command(flatten)]
        args: ImportArgs,
    }

    fn map(arguments: &[&str]) -> Result<Map, MapError> {
        let fixed = ["import", "file.csv"];
        Map::new(&Just::parse_from(fixed.iter().chain(arguments)).args)
    }

    fn row(cells: &[(&str, &str)]) -> Row {
        let values = cells.iter().map(|(column, cell)| ((*column).to_owned(), Value::from(*cell))).collect();
        Row { number: 1, line: 2, values, raw: Vec::new() }
    }

    /// D10: columns go where the map says; the first column with a value counts; tags of several columns are joined.
    #[test]
    fn columns_go_where_the_map_says() {
        let map = map(&["--map", "subject=summary,body=text|summary,requester.email=from,tags=a,tags=b,custom.key=id"]);
        let ticket = map
            .unwrap()
            .ticket(&row(&[
                ("summary", " Printer on fire "),
                ("text", " "),
                ("from", "ada@example.org"),
                ("a", "Won't Fix, Hardware"),
                ("b", "Third floor"),
                ("id", "HD-7"),
            ]))
            .unwrap();
        assert_eq!((ticket.subject.as_str(), ticket.body.as_str()), ("Printer on fire", "Printer on fire"));
        assert_eq!(ticket.requester, Requester { name: "ada".into(), email: "ada@example.org".into() });
        assert_eq!(ticket.tags.unwrap(), ["hardware", "third-floor", "wont-fix"]);
        assert_eq!(ticket.custom.unwrap()["key"], "HD-7");
        assert_eq!(ticket.channel, Some(Channel::Import));
    }

    /// D11: foreign priorities are translated by a table that can be added to; an unknown one refuses the row.
    #[test]
    fn priorities_are_translated() {
        let priority = |map: &Map, theirs: &str| {
            map.ticket(&row(&[("subject", "s"), ("body", "b"), ("email", "a@example.org"), ("priority", theirs)]))
                .map(|ticket| ticket.priority)
        };
        let map_plain = map(&[]).unwrap();
        for (theirs, ours) in [
            ("Blocker", Some(Priority::Urgent)),
            ("Critical", Some(Priority::Urgent)),
            ("MAJOR", Some(Priority::High)),
            ("medium", Some(Priority::Normal)),
            ("Minor", Some(Priority::Low)),
            ("Trivial", Some(Priority::Low)),
            ("", None),
        ] {
            assert_eq!(priority(&map_plain, theirs).unwrap(), ours, "{theirs}");
        }
        let refusals = priority(&map_plain, "Showstopper").unwrap_err();
        assert_eq!(refusals[0].column.as_deref(), Some("priority"));
        let added = map(&["--map-priority", "Showstopper=urgent,Major=normal"]).unwrap();
        assert_eq!(priority(&added, "showstopper").unwrap(), Some(Priority::Urgent));
        assert_eq!(priority(&added, "Major").unwrap(), Some(Priority::Normal));
    }

    #[test]
    fn everything_wrong_with_a_row_is_told_at_once() {
        let refusals = map(&[]).unwrap().ticket(&row(&[("subject", " "), ("priority", "odd")])).unwrap_err();
        let columns: Vec<_> = refusals.iter().filter_map(|refusal| refusal.column.as_deref()).collect();
        assert_eq!(columns, ["priority", "requester.email", "subject", "body"]);
    }

    /// D12: long subjects are cut, and the whole one stays.
    #[test]
    fn long_subjects_are_cut_and_kept_whole_beside() {
        let map = map(&["--subject-chars", "5", "--requester", "Ada <ada@example.org>"]).unwrap();
        let ticket = map.ticket(&row(&[("subject", "abcdéfg"), ("body", "b")])).unwrap();
        assert_eq!(ticket.subject, "abcd…");
        assert_eq!(ticket.custom.unwrap()["subject"], "abcdéfg");
        assert_eq!(ticket.requester.name, "Ada");
    }

    #[test]
    fn ndjson_of_our_own_shape_needs_no_map() {
        let values = serde_json::from_str(
            r#"{"subject":"s","body":"b","requester":{"name":"Ada","email":"ada@example.org"},"tags":["x","y"],"custom":{"n":1}}"#,
        );
        let row = Row { values: values.unwrap(), ..Row::default() };
        let ticket = map(&[]).unwrap().ticket(&row).unwrap();
        assert_eq!(ticket.requester.name, "Ada");
        assert_eq!(ticket.tags.unwrap(), ["x", "y"]);
        assert_eq!(ticket.custom.unwrap()["n"], 1);
    }

    #[test]
    fn wrong_maps_are_refused() {
        for (arguments, expected) in [
            (["--map", "subject"], "expected FIELD=COLUMN"),
            (["--map", "title=summary"], "no such field"),
            (["--map", "subject=a,subject=b"], "named twice"),
            (["--map", "custom.=a"], "no such field"),
            (["--map-priority", "Major=huge"], "expected THEIRS="),
            (["--requester", "ada"], "expected \"Name <address>\""),
        ] {
            let error = map(&arguments).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_map_is_held_against_the_header() {
        let map = map(&["--map", "subject=summary,body=text"]).unwrap();
        let columns = ["summary".to_owned(), "reporter".to_owned()];
        assert_eq!(map.missing_columns(Some(&columns)), ["`text`"]);
        assert_eq!(map.unused_columns(Some(&columns)).into_iter().collect::<Vec<_>>(), ["reporter"]);
    }

    #[test]
    fn made_up_people_are_stable() {
        assert_eq!(made_up("13404344".into()), made_up("13404344".into()));
        assert!(made_up("1".into()).email.ends_with("@example.org"));
    }
}
