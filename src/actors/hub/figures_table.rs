//! The newest live figures, each numbered by its last change, so that a session only remembers how far it has read.
//!
//! Conflated like presence: however slow a reader is, what waits for it is one frame.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::domain::permissions::Sight;
use crate::protocol::figures::LiveFigures;

/// The figures whose entries change one by one.
const MAPS: [&str; 6] = ["agents", "categories", "channels", "priorities", "tags", "teams"];
/// Entries that are gone are kept until this many have gathered, so that slow sessions still hear of it.
const GONE_KEPT: usize = 1024;
/// A sight that nobody has shown for this long is not counted for any more.
const WATCHED_MS: i64 = 10_000;

/// A figure, and for those in [`MAPS`] the entry.
type Key = (String, Option<String>);

/// All figures of one moment, ready to be compared and sent.
#[derive(Debug)]
pub struct Told {
    /// The fields that every frame has.
    head: String,
    parts: BTreeMap<Key, Arc<str>>,
}

impl Told {
    pub fn of(figures: &LiveFigures) -> Self {
        let mut parts = BTreeMap::new();
        let whole = serde_json::to_value(figures).expect("invariant: figures are JSON");
        let Value::Object(fields) = whole else { unreachable!("invariant: a struct is an object") };
        let mut head = String::new();
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("at" | "seq", value) => drop(write!(head, ",\"{name}\":{value}")),
                (map, Value::Object(entries)) if MAPS.contains(&map) => {
                    for (entry, value) in entries {
                        parts.insert((name.clone(), Some(entry)), value.to_string().into());
                    }
                }
                (_, value) => drop(parts.insert((name, None), value.to_string().into())),
            }
        }
        Self { head, parts }
    }
}

#[derive(Default)]
pub struct FiguresTable {
    change: u64,
    head: String,
    parts: BTreeMap<Key, (u64, Option<Arc<str>>)>,
}

impl FiguresTable {
    /// The number of the newest change.
    pub fn change(&self) -> u64 {
        self.change
    }

    /// Takes the newest figures over; false when nothing is new.
    pub fn put(&mut self, told: &Told) -> bool {
        let before = self.change;
        for (key, (change, value)) in &mut self.parts {
            if value.is_some() && !told.parts.contains_key(key) {
                self.change += 1;
                (*change, *value) = (self.change, None);
            }
        }
        for (key, value) in &told.parts {
            let same = self.parts.get(key).is_some_and(|(_, own)| own.as_ref() == Some(value));
            if !same {
                self.change += 1;
                self.parts.insert(key.clone(), (self.change, Some(Arc::clone(value))));
            }
        }
        if self.parts.values().filter(|(_, value)| value.is_none()).count() > GONE_KEPT {
            self.parts.retain(|_, (_, value)| value.is_some());
        }
        if self.change > before {
            self.head.clone_from(&told.head);
        }
        self.change > before
    }

    /// What changed after `seen`, as one line. A reader that starts at 0 gets all there is, and is told that it takes the place of
    /// everything before.
    pub fn since(&self, seen: u64) -> String {
        let mut line = format!("{{\"t\":\"analytics\"{}", self.head);
        if seen == 0 {
            line.push_str(",\"whole\":true");
        }
        let mut open: Option<&str> = None;
        let new = self.parts.iter().filter(|(_, (change, value))| *change > seen && (seen > 0 || value.is_some()));
        for ((name, entry), (_, value)) in new {
            let value = value.as_deref().unwrap_or("null");
            match entry {
                None => {
                    if open.take().is_some() {
                        line.push('}');
                    }
                    let _ = write!(line, ",\"{name}\":{value}");
                }
                Some(entry) => {
                    if open == Some(name) {
                        line.push(',');
                    } else {
                        if open.is_some() {
                            line.push('}');
                        }
                        let _ = write!(line, ",\"{name}\":{{");
                        open = Some(name);
                    }
                    let _ = write!(line, "{}:{value}", Value::from(entry.as_str()));
                }
            }
        }
        line.push_str(if open.is_some() { "}}" } else { "}" });
        line
    }
}

/// Which sights somebody with the topic `analytics` has, so that figures are made for those and no others.
#[derive(Default)]
pub struct Watched {
    seen: Mutex<FxHashMap<Sight, i64>>,
}

impl Watched {
    /// Somebody with this sight wants figures now.
    pub fn look(&self, sight: Sight, now: i64) {
        self.seen.lock().insert(sight, now);
    }

    /// Those that were wanted of late.
    pub fn sights(&self, now: i64) -> Vec<Sight> {
        let mut seen = self.seen.lock();
        seen.retain(|_, at| (now - *at).abs() <= WATCHED_MS);
        seen.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::figures::GroupFigures;

    fn figures(teams: &[(&str, u32)], waiting: u32) -> LiveFigures {
        let group = |waiting: u32| GroupFigures { waiting, ..GroupFigures::default() };
        let mut figures = LiveFigures {
            teams: teams.iter().map(|(name, waiting)| ((*name).to_owned(), group(*waiting))).collect(),
            ..LiveFigures::default()
        };
        figures.now.waiting = waiting;
        figures
    }

    fn read(table: &FiguresTable, seen: u64) -> Value {
        serde_json::from_str(&table.since(seen)).unwrap()
    }

    /// A4: a frame has only what changed since the session's last one, whatever it missed; what is gone is null.
    #[test]
    fn a4_a_frame_has_only_what_changed() {
        let mut table = FiguresTable::default();
        assert!(table.put(&Told::of(&figures(&[("a\"b", 1), ("c", 2)], 3))));
        let first = read(&table, 0);
        assert_eq!(
            (&first["t"], &first["teams"]["a\"b"]["waiting"], &first["now"]["waiting"]),
            (&"analytics".into(), &1.into(), &3.into())
        );
        assert_eq!(first["whole"], true);
        for name in ["today", "hour", "minutes", "backlog", "latency"] {
            assert!(first[name].is_object(), "{name}");
        }
        let seen = table.change();
        let later =
            LiveFigures { at: crate::domain::time::Timestamp::from_millis(5), ..figures(&[("a\"b", 1), ("c", 2)], 3) };
        assert!(!table.put(&Told::of(&later)), "only time has passed");
        assert!(table.put(&Told::of(&figures(&[("c", 5)], 3))));
        assert!(table.put(&Told::of(&figures(&[("c", 6)], 3))));
        let change = read(&table, seen);
        assert_eq!(change["teams"]["c"]["waiting"], 6);
        assert!(change["teams"].as_object().unwrap()["a\"b"].is_null());
        assert!(
            change.get("whole").is_none() && change.get("now").is_none() && change.get("today").is_none(),
            "{change}"
        );
        assert!(read(&table, 0)["teams"].get("a\"b").is_none(), "a newcomer is spared what is gone");
    }
}
