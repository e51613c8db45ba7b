//! The count of all attacks: each test that attacks says by which cause, how often it tried, and by passing that it was refused every
//! time. When the last one has ended, what came of them is printed, whether tests' output is shown or not.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use parking_lot::Mutex;

use crate::support_files::{files, read};

/// What lies behind an attack: the causes that the security advisories of Zammad, Chatwoot, FreeScout, osTicket, Zulip and Mattermost
/// name again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A ticket, file, view, figure or session of somebody else's is reached by its id.
    Access,
    /// What REST refuses comes by socket, by waiting calls or by replay.
    Realtime,
    /// Passwords, sessions, tokens, invitations, links, other sites' pages.
    SignIn,
    /// What a stranger wrote runs in somebody's browser. These tests are in `client/e2e/attacks.test.mjs`.
    Scripts,
    /// Text becomes a query, a formula, a header, a line of the log, a path.
    Injection,
    /// The desk is made to call addresses inside.
    Outgoing,
    Uploads,
    /// Counting through, floods, slow connections, running up costs.
    Abuse,
    /// Odd bytes, numbers and documents end the process or a neighbour's stream.
    Crash,
    /// Something is done without its line in the audit log, or a secret gets into one.
    Audit,
    /// What was made for one is given to another.
    Caches,
    /// Texts speak to the model.
    Prompts,
}

impl Cause {
    const ALL: [Self; 12] = [
        Self::Access,
        Self::Realtime,
        Self::SignIn,
        Self::Scripts,
        Self::Injection,
        Self::Outgoing,
        Self::Uploads,
        Self::Abuse,
        Self::Crash,
        Self::Audit,
        Self::Caches,
        Self::Prompts,
    ];

    fn words(self) -> &'static str {
        match self {
            Self::Access => "object access across teams",
            Self::Realtime => "realtime weaker than REST",
            Self::SignIn => "login and tokens",
            Self::Scripts => "stored XSS",
            Self::Injection => "injection",
            Self::Outgoing => "SSRF",
            Self::Uploads => "uploads",
            Self::Abuse => "enumeration and abuse",
            Self::Crash => "crash by odd input",
            Self::Audit => "audit evasion",
            Self::Caches => "cache mix-ups",
            Self::Prompts => "prompt injection",
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Tally {
    tests: usize,
    held: usize,
    tries: usize,
    refused: usize,
}

static TALLIES: Mutex<BTreeMap<Cause, Tally>> = Mutex::new(BTreeMap::new());

/// One attack, from its beginning to the end of its test. It was refused if the test got there without a failure.
pub struct Attack {
    cause: Cause,
    tries: Cell<usize>,
}

impl Attack {
    pub fn by(cause: Cause) -> Self {
        Self { cause, tries: Cell::new(0) }
    }

    /// One of several tries begins. A test that never says so tries once.
    pub fn tried(&self) {
        self.tries.set(self.tries.get() + 1);
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        let held = usize::from(!std::thread::panicking());
        let tries = self.tries.get().max(1);
        let mut tallies = TALLIES.lock();
        let tally = tallies.entry(self.cause).or_default();
        tally.tests += 1;
        tally.held += held;
        tally.tries += tries;
        // The try that failed is the last one that was begun.
        tally.refused += tries - (1 - held);
        if tallies.values().map(|tally| tally.tests).sum::<usize>() == IN_RUST.values().sum::<usize>() {
            say(&table(&tallies));
        }
    }
}

/// Past the harness, which hides what passing tests print.
pub fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn table(tallies: &BTreeMap<Cause, Tally>) -> String {
    let mut text = "\nattacks refused/tried by cause (tests, and the tries in them)\n".to_owned();
    let mut all = Tally::default();
    for cause in Cause::ALL {
        let Some(tally) = tallies.get(&cause) else { continue };
        let Tally { tests, held, tries, refused } = *tally;
        let _ = writeln!(text, "  {:<28}{held:>4}/{tests:<4}{refused:>6}/{tries}", cause.words());
        all = Tally {
            tests: all.tests + tests,
            held: all.held + held,
            tries: all.tries + tries,
            refused: all.refused + refused,
        };
    }
    let _ = writeln!(text, "  {:<28}{:>4}/{:<4}{:>6}/{}", "all of them", all.held, all.tests, all.refused, all.tries);
    let _ = writeln!(text, "  and {} in client/e2e, which print their own", in_browsers());
    text
}

/// How many tests attack by each cause, as their source says.
static IN_RUST: LazyLock<BTreeMap<Cause, usize>> = LazyLock::new(|| {
    let mut found = BTreeMap::new();
    for file in files("tests/it", &["rs"]) {
        let text = if file == Path::new("tests/it/attacks.rs") { String::new() } else { read(&file) };
        for cause in Cause::ALL {
            *found.entry(cause).or_default() += text.matches(&format!("Attack::by(Cause::{cause:?})")).count();
        }
    }
    found
});

fn in_browsers() -> usize {
    read("client/e2e/attacks.test.mjs").matches("\nattack(").count()
}

/// X130: at least eighty tests attack, three or more by each cause, and every test in a file of attacks is counted.
#[test]
fn x130_every_cause_is_attacked() {
    let mut found = IN_RUST.clone();
    *found.entry(Cause::Scripts).or_default() += in_browsers();
    for cause in Cause::ALL {
        assert!(found[&cause] >= 3, "{}: {} tests", cause.words(), found[&cause]);
    }
    let all: usize = found.values().sum();
    assert!(all >= 80, "{all} attacks: {found:?}");
    for file in files("tests/it", &["rs"]) {
        if !file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("attack_")) {
            continue;
        }
        for test in read(&file).split("\n#[").skip(1).filter(|test| test.starts_with("actix_web::test]")) {
            let name = test.split("fn ").nth(1).and_then(|rest| rest.split('(').next()).unwrap_or_default();
            let counted = test.matches("Attack::by(").count();
            assert_eq!(counted, usize::from(!name.starts_with("measure_")), "{}: {name}", file.display());
        }
    }
}
