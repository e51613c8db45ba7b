//! What went wrong, gathered: errors of the server's log, panics and what browsers report, each kind once, with how often and when.
//!
//! One for the process, as its log is. It keeps the newest few hundred kinds in memory and forgets them with the process: the log has
//! them all. It also holds back a place in the code that logs the same again and again. Written to by the log and by `http`, read by
//! `http`.

use std::collections::HashMap;
use std::hash::Hasher as _;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, Filter};
use ts_rs::TS;
use utoipa::ToSchema;
use xxhash_rust::xxh3::Xxh3;

use crate::clock::Clock;
use crate::domain::time::Timestamp;

/// Kinds that are remembered. Those of browsers are forgotten first, since whoever is signed in can make up as many as he likes, and
/// among them the one that was quiet for longest.
const KINDS: usize = 300;
const MESSAGE_CHARS: usize = 300;
const STACK_CHARS: usize = 4_000;

/// Where something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorSource {
    Server,
    Browser,
}

/// Everything that went wrong in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct ErrorGroup {
    /// What is alike has the same one; it stands in the log too.
    pub fingerprint: String,
    pub source: ErrorSource,
    pub message: String,
    /// A file and line, or the screen of a browser.
    pub place: String,
    /// Of a browser, the newest one: `node client/scripts/resolve-stack.mjs` says where in the source it was.
    pub stack: Option<String>,
    /// The build that it was last seen in.
    pub build: String,
    #[ts(as = "f64")]
    pub count: u64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

/// What is new of an error.
#[derive(Clone, Debug)]
pub struct Seen {
    pub source: ErrorSource,
    pub message: String,
    pub place: String,
    pub stack: Option<String>,
    pub build: String,
}

/// The process's errors.
pub static ERRORS: LazyLock<Errors> = LazyLock::new(Errors::default);

#[derive(Default)]
pub struct Errors {
    kinds: Mutex<HashMap<String, ErrorGroup>>,
}

impl Seen {
    /// Where it was, and what is left of the message without what differs from one time to the next.
    pub fn fingerprint(&self) -> String {
        let mut hash = Xxh3::new();
        let frame = self.stack.as_deref().and_then(|stack| stack.lines().find(|line| line.contains("/assets/")));
        hash.write(if self.source == ErrorSource::Server { self.place.as_bytes() } else { &b"browser"[..] });
        for part in [frame.unwrap_or_default(), if frame.is_none() { self.message.as_str() } else { "" }] {
            let alike: Vec<u8> = part.bytes().filter(|byte| !byte.is_ascii_digit()).collect();
            if self.source == ErrorSource::Browser {
                hash.write(&alike);
            }
        }
        format!("{:016x}", hash.finish())
    }
}

impl Errors {
    /// Counts it, and gives its fingerprint.
    pub fn note(&self, seen: Seen, now: Timestamp) -> String {
        let fingerprint = seen.fingerprint();
        let Seen { source, message, place, stack, build } = seen;
        let message: String = message.chars().take(MESSAGE_CHARS).collect();
        let stack = stack.map(|stack| stack.chars().take(STACK_CHARS).collect());
        let mut kinds = self.kinds.lock();
        if let Some(kind) = kinds.get_mut(&fingerprint) {
            kind.count += 1;
            (kind.message, kind.last_at, kind.build) = (message, now.max(kind.last_at), build);
            kind.stack = stack.or(kind.stack.take());
            return fingerprint;
        }
        if kinds.len() >= KINDS
            && let Some(oldest) = kinds
                .values()
                .min_by_key(|kind| (kind.source == ErrorSource::Server, kind.last_at))
                .map(|kind| kind.fingerprint.clone())
        {
            kinds.remove(&oldest);
        }
        let group = ErrorGroup {
            fingerprint: fingerprint.clone(),
            source,
            message,
            place,
            stack,
            build,
            count: 1,
            first_at: now,
            last_at: now,
        };
        kinds.insert(fingerprint.clone(), group);
        fingerprint
    }

    /// All that are remembered, the newest first.
    pub fn list(&self) -> Vec<ErrorGroup> {
        let mut list: Vec<ErrorGroup> = self.kinds.lock().values().cloned().collect();
        list.sort_by(|one, other| {
            other.last_at.cmp(&one.last_at).then_with(|| one.fingerprint.cmp(&other.fingerprint))
        });
        list
    }
}

/// Gathers what is logged as an error. What browsers report is noted by whoever logs it.
#[derive(Clone, Copy, Debug)]
pub struct Gather;

/// The target of lines about browsers' errors.
pub const BROWSER: &str = "hotdesk::browser";

impl<S: Subscriber> Layer<S> for Gather {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let about = event.metadata();
        if *about.level() != Level::ERROR || about.target() == BROWSER {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        let line = about.line().unwrap_or_default();
        let place = text.place.unwrap_or_else(|| format!("{}:{line}", about.file().unwrap_or(about.target())));
        let seen = Seen {
            source: ErrorSource::Server,
            message: text.message,
            place,
            stack: None,
            build: env!("CARGO_PKG_VERSION").to_owned(),
        };
        ERRORS.note(seen, Timestamp::from_millis(Clock::system().now_millis()));
    }
}

#[derive(Default)]
struct Text {
    message: String,
    /// Of a panic: where it panicked, not where that was logged.
    place: Option<String>,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "place" => self.place = Some(value.to_owned()),
            _ => {}
        }
    }
}

/// Lets so many lines a second of each place in the code through, and counts the rest.
pub struct Damper {
    per_s: u64,
    clock: Clock,
    places: DashMap<Identifier, Place>,
    held_back: AtomicU64,
}

struct Place {
    second: i64,
    lines: u64,
    held_back: u64,
    name: String,
}

impl Damper {
    /// 0 holds nothing back.
    pub fn new(per_s: u64, clock: Clock) -> Self {
        Self { per_s, clock, places: DashMap::new(), held_back: AtomicU64::new(0) }
    }

    fn lets(&self, about: &'static Metadata<'static>) -> bool {
        if self.per_s == 0 {
            return true;
        }
        let second = self.clock.now_millis().div_euclid(1000);
        let name = || format!("{}:{}", about.file().unwrap_or(about.target()), about.line().unwrap_or_default());
        let mut place = self.places.entry(about.callsite()).or_insert_with(|| Place {
            second,
            lines: 0,
            held_back: 0,
            name: name(),
        });
        if place.second != second {
            (place.second, place.lines) = (second, 0);
        }
        place.lines += 1;
        let lets = place.lines <= self.per_s;
        if !lets {
            place.held_back += 1;
            self.held_back.fetch_add(1, Ordering::Relaxed);
        }
        lets
    }

    /// What was held back since the last time, by place.
    pub fn take(&self) -> Vec<(String, u64)> {
        if self.held_back.swap(0, Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let mut taken = Vec::new();
        for mut place in self.places.iter_mut() {
            if place.held_back > 0 {
                taken.push((place.name.clone(), std::mem::take(&mut place.held_back)));
            }
        }
        taken
    }
}

/// The damper as a filter of the log.
#[derive(Clone)]
pub struct Damped(pub std::sync::Arc<Damper>);

impl<S> Filter<S> for Damped {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.0.lets(event.metadata())
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn seen(source: ErrorSource, message: &str, stack: Option<&str>) -> Seen {
        let (place, stack) = ("/inbox".to_owned(), stack.map(str::to_owned));
        Seen { source, message: message.to_owned(), place, stack, build: "1".to_owned() }
    }

    /// O33: what is alike is one kind with a count; the kinds that are remembered are bounded.
    #[test]
    fn o33_errors_are_gathered_by_kind() {
        let errors = Errors::default();
        let at = Timestamp::from_millis;
        let one = errors.note(seen(ErrorSource::Browser, "ticket 12 is gone", None), at(1));
        assert_eq!(errors.note(seen(ErrorSource::Browser, "ticket 977 is gone", None), at(5)), one);
        let stack = "Error: x\n at f (http://desk/assets/index-abc.js:1:2)\n at g";
        let other = errors.note(seen(ErrorSource::Browser, "x", Some(stack)), at(2));
        assert_ne!(other, one);
        let list = errors.list();
        assert_eq!((list.len(), list[0].count, &list[0].fingerprint), (2, 2, &one));
        assert_eq!((list[0].first_at, list[0].last_at), (at(1), at(5)));
        for index in 0..2 * KINDS {
            let message: String = format!("{index}").chars().map(|digit| char::from(digit as u8 + 50)).collect();
            errors.note(seen(ErrorSource::Browser, &message, None), at(10 + index as i64));
        }
        assert_eq!(errors.list().len(), KINDS);
    }

    /// O33: errors of the log are gathered by their place, a panic by its own.
    #[test]
    fn o33_the_log_is_gathered() {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Gather), || {
            for round in 0..3 {
                tracing::error!(round, "an error of the test o33");
            }
            tracing::error!(place = "src/there.rs:7:9", thread = "t", "panicked: for the test o33");
            tracing::warn!("no error of the test o33");
        });
        let own: Vec<ErrorGroup> =
            ERRORS.list().into_iter().filter(|group| group.message.contains("test o33")).collect();
        assert_eq!(own.len(), 2, "{own:?}");
        assert!(own.iter().any(|group| group.count == 3 && group.place.contains("errors.rs:")));
        assert!(own.iter().any(|group| group.count == 1 && group.place == "src/there.rs:7:9"));
    }

    /// O34: a place that logs without end is held back, and that it was is counted; others are not.
    #[test]
    fn o34_a_flood_of_lines_is_held_back() {
        let clock = Clock::manual(0);
        let damper = std::sync::Arc::new(Damper::new(3, clock.clone()));
        let count = std::sync::Arc::new(AtomicU64::new(0));
        struct Count(std::sync::Arc<AtomicU64>);
        impl<S: Subscriber> Layer<S> for Count {
            fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let layer = Count(count.clone()).with_filter(Damped(damper.clone()));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            for _ in 0..2 {
                for _ in 0..10 {
                    tracing::info!("again");
                }
                tracing::info!("once");
                clock.advance(1_000);
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), 8);
        let held: u64 = damper.take().iter().map(|(_, times)| times).sum();
        assert_eq!((held, damper.take().len()), (14, 0));
    }
}
