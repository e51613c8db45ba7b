//! Who did what about people, rights and data, and who was refused: an append-only log of its own beside the journal.
//!
//! Each entry is one line of JSON that holds the sum of the line before it, so that a line that was changed, taken out or put in
//! shows. Nothing is ever rewritten. It names users, tokens and calls, never a secret, a title or a text of a ticket. What
//! repeats within a minute is counted instead of written again, so that a flood cannot bury anything or fill the disk: strangers'
//! by their network, and each user's apart, so that nobody's flood hides anybody else. Called by `http`, `session` and `app`; it decides nothing.

mod entry;
mod store;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

pub use entry::{Action, Entry, Outcome, Verdict};
use store::Store;

use crate::clock::Clock;
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;
use crate::line::network;

/// What repeats is gathered for this long.
const GATHER_MS: i64 = 60_000;
/// Different things of strangers that repeat at the same time; beyond that they are counted together, by what was done alone.
const GATHERED: usize = 4_096;
/// Those of one user; beyond that they are counted together, by who and what was done.
const GATHERED_EACH: usize = 128;

/// Who is behind an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Actor {
    pub who: Option<UserId>,
    /// The session or the token, by its public id.
    pub via: Option<String>,
    pub from: Option<IpAddr>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Deed {
    pub action: Action,
    pub outcome: Outcome,
    /// A user, a token, a session, or a call as it stands in the API's description.
    pub target: Option<String>,
    /// The code of a refusal, or which fields changed.
    pub detail: Option<String>,
}

impl Deed {
    pub fn done(action: Action) -> Self {
        Self { action, outcome: Outcome::Done, target: None, detail: None }
    }

    pub fn refused(action: Action) -> Self {
        Self { action, outcome: Outcome::Refused, target: None, detail: None }
    }

    pub fn on(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    pub fn with(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// The log. One for the process, behind an `Arc`.
pub struct Audit {
    clock: Clock,
    inner: Mutex<Inner>,
}

struct Inner {
    store: Store,
    /// By who it was; `None` are all strangers.
    repeats: HashMap<Option<UserId>, HashMap<(Actor, Deed), Repeat>>,
    /// Entries that could not be written, told by the next one that can.
    lost: u64,
}

struct Repeat {
    until: i64,
    times: u64,
}

impl Audit {
    /// Opens the log in `data/audit`, or in memory without a folder. A last line that a crash cut short is taken off.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(data: Option<&Path>, clock: Clock) -> std::io::Result<Arc<Self>> {
        let store = Store::open(data.map(|data| data.join("audit")).as_deref())?;
        let inner = Inner { store, repeats: HashMap::new(), lost: 0 };
        Ok(Arc::new(Self { clock, inner: Mutex::new(inner) }))
    }

    /// Writes an entry.
    pub fn note(&self, actor: Actor, deed: Deed) {
        let now = self.clock.now_millis();
        self.inner.lock().write(now, actor, deed, 1);
    }

    /// Writes an entry the first time; what is the very same within a minute is counted and told when the minute is over. What
    /// strangers of one network do is the same, whichever of its addresses they use.
    pub fn note_often(&self, actor: Actor, deed: Deed) {
        let now = self.clock.now_millis();
        let mut inner = self.inner.lock();
        let key = inner.key(&actor, &deed);
        let own = inner.repeats.entry(actor.who.clone()).or_default();
        if let Some(repeat) = own.get_mut(&key) {
            repeat.times += 1;
            if repeat.until <= now {
                inner.flush(now);
            }
            return;
        }
        own.insert(key.clone(), Repeat { until: now + GATHER_MS, times: 0 });
        // The first one is told with its own address, unless it stands for many.
        let actor = if key.1 == deed { actor } else { key.0 };
        inner.write(now, actor, key.1, 1);
    }

    /// Tells what was gathered, and has everything on disk. Called every few seconds and at the end.
    pub fn settle(&self) {
        let now = self.clock.now_millis();
        let file = {
            let mut inner = self.inner.lock();
            inner.flush(now);
            inner.store.unsynced()
        };
        if let Some(file) = file
            && let Err(error) = file.sync_data()
        {
            tracing::error!(%error, "the audit log could not be synced");
        }
    }

    /// Entries before `before` (or the newest), newest first, at most `limit`, that `wanted` lets through. Reads files: call it
    /// on a thread that may block.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn page(
        &self,
        before: Option<u64>,
        limit: usize,
        wanted: impl Fn(&Entry) -> bool,
    ) -> std::io::Result<Vec<Entry>> {
        let (segments, last) = {
            let inner = self.inner.lock();
            (inner.store.segments(), inner.store.last())
        };
        let mut before = before.unwrap_or(u64::MAX).min(last + 1);
        let mut found = Vec::new();
        for segment in segments.iter().rev() {
            if segment.first() >= before {
                continue;
            }
            let entries = segment.read()?;
            for entry in entries.into_iter().rev().filter(|entry| entry.n < before) {
                if found.len() == limit {
                    return Ok(found);
                }
                if wanted(&entry) {
                    found.push(entry);
                }
            }
            before = before.min(segment.first());
        }
        Ok(found)
    }

    /// The parts of the log, oldest first, as text: one entry a line, exactly as they lie on disk.
    pub fn parts(&self) -> Vec<impl FnOnce() -> std::io::Result<String> + Send + use<>> {
        let segments = self.inner.lock().store.segments();
        segments.into_iter().map(|segment| move || segment.text()).collect()
    }

    /// The same with the name of each part's file, for copies of the log.
    pub fn files(&self) -> Vec<(String, impl FnOnce() -> std::io::Result<String> + Send + use<>)> {
        let segments = self.inner.lock().store.segments();
        segments
            .into_iter()
            .map(|segment| (format!("{:012}.ndjson", segment.first()), move || segment.text()))
            .collect()
    }

    /// Reads everything and checks the chain.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn verify(&self) -> std::io::Result<Verdict> {
        let segments = self.inner.lock().store.segments();
        let mut chain = entry::Chain::default();
        for segment in &segments {
            if let Some(verdict) = chain.take(&segment.text()?) {
                return Ok(verdict);
            }
        }
        Ok(chain.whole())
    }
}

impl Inner {
    /// What counts as the same. So many different things at once are a flood: they are told apart by who and what was done.
    fn key(&self, actor: &Actor, deed: &Deed) -> (Actor, Deed) {
        let mut key = (actor.clone(), deed.clone());
        let most = if actor.who.is_some() {
            GATHERED_EACH
        } else {
            key.0.from = actor.from.map(network);
            GATHERED
        };
        if self.repeats.get(&actor.who).is_none_or(|own| own.len() < most || own.contains_key(&key)) {
            return key;
        }
        let who = Actor { who: actor.who.clone(), ..Actor::default() };
        (who, Deed { target: None, detail: Some("several".to_owned()), ..key.1 })
    }

    fn flush(&mut self, now: i64) {
        let mut over = Vec::new();
        self.repeats.retain(|_, own| {
            over.extend(own.extract_if(|_, repeat| repeat.until <= now));
            !own.is_empty()
        });
        for ((actor, deed), repeat) in over.into_iter().filter(|(_, repeat)| repeat.times > 0) {
            self.write(now, actor, deed, repeat.times);
        }
    }

    fn write(&mut self, now: i64, actor: Actor, deed: Deed, times: u64) {
        let lost = std::mem::take(&mut self.lost);
        let entry = entry::Draft { at: Timestamp::from_millis(now), actor, deed, times, lost };
        if let Err(error) = self.store.append(entry) {
            self.lost = lost + times;
            tracing::error!(%error, lost = self.lost, "an entry of the audit log could not be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(target: &str) -> Deed {
        Deed::refused(Action::Denied).on(target)
    }

    /// X60: entries are numbered, chained and read back newest first, across a restart.
    #[test]
    fn x60_entries_are_chained_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(0);
        for round in 0..3 {
            let audit = Audit::open(Some(folder.path()), clock.clone()).unwrap();
            for _ in 0..10 {
                audit.note(Actor::default(), Deed::done(Action::SignedIn).on(format!("usr_{round}")));
            }
            audit.settle();
        }
        let audit = Audit::open(Some(folder.path()), clock).unwrap();
        assert_eq!(audit.verify().unwrap(), Verdict::Whole { entries: 30 });
        let page = audit.page(Some(21), 15, |_| true).unwrap();
        assert_eq!(page.iter().map(|entry| entry.n).collect::<Vec<_>>(), (6..=20).rev().collect::<Vec<_>>());
        assert_eq!(audit.page(None, 100, |entry| entry.target.as_deref() == Some("usr_0")).unwrap().len(), 10);
    }

    /// X61: whatever is changed, taken out, put in or cut off in the middle shows.
    #[test]
    fn x61_tampering_shows() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::open(Some(folder.path()), Clock::manual(0)).unwrap();
        for index in 0..5 {
            audit.note(Actor::default(), Deed::done(Action::TokenCreated).on(format!("tok_{index}")));
        }
        audit.settle();
        drop(audit);
        let file = std::fs::read_dir(folder.path().join("audit")).unwrap().next().unwrap().unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let join = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        for (bad, at) in [
            (text.replace("tok_2", "tok_9"), 3),
            (join(&[lines[0], lines[1], lines[3], lines[4]]), 4),
            (join(&[lines[0], lines[2], lines[1], lines[3], lines[4]]), 3),
            (join(&lines[1..]), 2),
            (text.replace("\"times\":1", "\"times\":2"), 1),
        ] {
            let mut chain = entry::Chain::default();
            let verdict = chain.take(&bad);
            assert!(matches!(verdict, Some(Verdict::Broken { n, .. }) if n == at), "{verdict:?} at {at}");
        }
        // A line that a crash cut short is no tampering.
        std::fs::write(&file, &text[..text.len() - 9]).unwrap();
        let audit = Audit::open(Some(folder.path()), Clock::manual(0)).unwrap();
        audit.note(Actor::default(), Deed::done(Action::SignedOut));
        assert_eq!(audit.verify().unwrap(), Verdict::Whole { entries: 5 });
    }

    /// X62: a flood is counted, not written, and nothing that differs is buried by it.
    #[test]
    fn x62_a_flood_is_counted() {
        let clock = Clock::manual(0);
        let audit = Audit::open(None, clock.clone()).unwrap();
        for _ in 0..100_000 {
            audit.note_often(Actor::default(), deed("GET /api/v1/users"));
        }
        audit.note_often(Actor::default(), deed("GET /api/v1/audit"));
        assert_eq!(audit.page(None, 100, |_| true).unwrap().len(), 2);
        clock.advance(GATHER_MS);
        audit.settle();
        let times: Vec<u64> = audit.page(None, 100, |_| true).unwrap().iter().map(|entry| entry.times).collect();
        assert_eq!(times, [99_999, 1, 1]);
        for index in 0..3 * GATHERED {
            audit.note_often(Actor::default(), deed(&index.to_string()));
        }
        assert!(audit.inner.lock().repeats[&None].len() <= GATHERED + 1);
    }

    /// X62: whoever has a network has one stranger's place in the log; no flood of strangers, and none of a colleague's, takes
    /// from anybody else who it was.
    #[test]
    fn x62_nobodys_flood_hides_anybody_else() {
        let clock = Clock::manual(0);
        let audit = Audit::open(None, clock.clone()).unwrap();
        let stranger = |network: u64, host: u64| Actor {
            from: Some(std::net::Ipv6Addr::from(u128::from(network) << 64 | u128::from(host)).into()),
            ..Actor::default()
        };
        let user = |name: &str, via: u32| Actor {
            who: Some(UserId::from(name)),
            via: Some(format!("tok_{via}")),
            from: Some([192, 0, 2, 1].into()),
        };
        let newest = |count: usize| audit.page(None, count, |_| true).unwrap();
        for host in 1..=10_000 {
            audit.note_often(stranger(1, host), deed("GET /api/v1/users"));
        }
        assert_eq!(newest(9).iter().map(|entry| entry.from.as_deref()).collect::<Vec<_>>(), [Some("::1:0:0:0:1")]);
        clock.advance(GATHER_MS);
        audit.settle();
        let counted = &newest(1)[0];
        assert_eq!((counted.from.as_deref(), counted.times), (Some("0:0:0:1::"), 9_999));
        for network in 0..2 * GATHERED as u64 {
            audit.note_often(stranger(network, 1), deed("GET /api/v1/users"));
        }
        assert_eq!(newest(1)[0].detail.as_deref(), Some("several"));
        for token in 0..10_000 {
            audit.note_often(user("usr_mallory", token), deed("GET /api/v1/audit"));
        }
        let several = newest(1).remove(0);
        assert_eq!((several.who, several.detail.as_deref()), (Some(UserId::from("usr_mallory")), Some("several")));
        audit.note_often(user("usr_ann", 1), deed("GET /api/v1/audit"));
        let ann = newest(1).remove(0);
        assert_eq!(
            (ann.who, ann.via.as_deref(), ann.from.as_deref()),
            (Some(UserId::from("usr_ann")), Some("tok_1"), Some("192.0.2.1"))
        );
        assert_eq!(ann.target.as_deref(), Some("GET /api/v1/audit"));
        let inner = audit.inner.lock();
        assert!(inner.repeats.values().all(|own| own.len() <= GATHERED + 1) && inner.repeats.len() == 3);
        assert_eq!(inner.repeats[&Some(UserId::from("usr_mallory"))].len(), GATHERED_EACH + 1);
    }

    /// X60: the log goes on in a new file when one is full; pages go over the border.
    #[test]
    fn x60_pages_go_over_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::open(Some(folder.path()), Clock::manual(0)).unwrap();
        let long = "x".repeat(900);
        for _ in 0..3_000 {
            audit.note(Actor::default(), Deed::done(Action::UserUpdated).with(long.clone()));
        }
        audit.settle();
        assert!(std::fs::read_dir(folder.path().join("audit")).unwrap().count() > 2);
        assert_eq!(audit.verify().unwrap(), Verdict::Whole { entries: 3_000 });
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = audit.page(before, 200, |_| true).unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.n);
            seen.extend(page.iter().map(|entry| entry.n));
        }
        assert_eq!(seen, (1..=3_000).rev().collect::<Vec<_>>());
    }
}
