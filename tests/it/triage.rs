//! Triage as people meet it: a desk that sorts what comes in, with a stand-in for the service and without.

use std::collections::BTreeSet;
use std::sync::Arc;

use hotdesk::clock::Clock;
use hotdesk::config::TriagePolicy;
use hotdesk::journal::Journal;
use hotdesk::journal::memory::MemoryJournal;
use load_tests::deepseek::{Fake, Quirk};
use serde_json::{Value, json};

use crate::support::{START, TestApp, send};

async fn fake() -> Fake {
    Fake::start("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

impl TestApp {
    async fn write_in(&self, subject: &str, body: &str) -> u64 {
        self.ticket(subject, json!({"body": body})).await["id"].as_u64().unwrap()
    }

    async fn of_ticket(&self, method: &str, id: u64, what: &str, body: Value) -> Value {
        let (status, answer) = self.call(method, &format!("/api/v1/tickets/{id}{what}"), body).await;
        assert!(status < 300, "{method} {what}: {answer}");
        answer
    }

    async fn stats(&self) -> Value {
        self.get("/api/v1/triage/stats").await
    }

    /// Until triage has seen every record, and nothing is under way.
    async fn settled(&self) {
        self.until("triage is at rest", async || {
            let keeper = self.desk.triage.as_ref().unwrap();
            let seen = || keeper.applied() == self.desk.feed.head();
            // What is told afterwards is not older than what was seen before.
            let before = seen();
            let stats = self.stats().await;
            before
                && seen()
                && stats["ready"] == true
                && stats["queue"]["waiting"] == 0
                && stats["queue"]["under_way"] == 0
        })
        .await;
    }
}

const REFUND: &str = "I was charged twice on my invoice and want a refund of the second payment.";
const PARCEL: &str = "The parcel has not arrived, the tracking says nothing about the delivery.";

/// R50: without a key the learner proposes for each new ticket, and nothing else about the ticket changes.
#[actix_web::test]
async fn r50_the_learner_sorts_alone() {
    let app = TestApp::sorting(None, |_| {}).await;
    let id = app.write_in("Charged twice", REFUND).await;
    let ticket = app.sorted(id).await;
    let triage = &ticket["triage"];
    assert_eq!((&triage["source"], &triage["based_on"]), (&json!("learner"), &json!(1)), "{triage}");
    assert_eq!(
        (&triage["category"]["value"], &triage["language"]["value"]),
        (&json!("billing"), &json!("en")),
        "{triage}"
    );
    assert!(triage["category"]["confidence"].as_f64().unwrap() <= 1.0 && triage["summary"].is_string(), "{triage}");
    assert_eq!(
        (&ticket["category"], &ticket["priority"], &ticket["status"], &ticket["assignee"]),
        (&Value::Null, &json!("normal"), &json!("new"), &Value::Null),
        "suggested, not set"
    );
    let events = app.of_ticket("GET", id, "/events", Value::Null).await;
    let kinds: Vec<(&str, &str)> = events["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| (record["by"].as_str().unwrap(), record["event"]["type"].as_str().unwrap()))
        .collect();
    assert_eq!(kinds[1..], [("system", "triage_changed")], "{kinds:?}");
    // A draft needs a service, and says so.
    let (status, problem) = app.call("POST", &format!("/api/v1/tickets/{id}/reply-draft"), Value::Null).await;
    assert_eq!((status, &problem["code"]), (409, &json!("drafts_off")));
    assert_eq!(app.stats().await["service"]["state"], "no_key");
    app.stop().await;
}

/// R51: with a key what the learner is unsure of goes to the service, several tickets in a request, under ids that say nothing;
/// until the answer comes the ticket waits, with what the learner thinks.
#[actix_web::test]
async fn r51_the_service_is_asked_in_batches() {
    let fake = fake().await;
    let app = TestApp::sorting(Some(&fake), |config| {
        config.triage.ask_below = 1.01;
        config.triage.batch_max_age_ms = 60_000;
        config.triage.batch_max_tickets = 4;
    })
    .await;
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(app.write_in(&format!("Parcel {n}"), PARCEL).await);
        if n == 2 {
            app.until("three wait", async || app.stats().await["queue"]["waiting"] == 3).await;
            let waiting = app.get(&format!("/api/v1/tickets/{}", ids[0])).await;
            assert_eq!(
                (&waiting["triage"]["state"], &waiting["triage"]["source"]),
                (&json!("waiting"), &json!("learner"))
            );
            assert!(fake.asked().is_empty(), "a batch that is not full waits for its age");
        }
    }
    for id in &ids {
        let ticket = app.sorted(*id).await;
        let triage = &ticket["triage"];
        assert_eq!(
            (&triage["source"], &triage["category"]["value"]),
            (&json!("deepseek"), &json!("shipping")),
            "{triage}"
        );
        assert_eq!((&triage["based_on"], &triage["reason"]), (&json!(1), &Value::Null));
    }
    let asked = fake.asked();
    assert_eq!((asked.len(), asked[0].tickets.len()), (1, 4));
    let opaque: BTreeSet<&str> = asked[0].tickets.iter().map(|ticket| ticket["id"].as_str().unwrap()).collect();
    assert!(opaque.len() == 4 && opaque.iter().all(|id| id.len() == 16), "{opaque:?}");
    assert_eq!(asked[0].authorization, "Bearer sk-test-secret");
    assert!(!asked[0].body.to_string().contains("ada@example.org"), "the requester's address stays here");
    let service = app.stats().await["service"].clone();
    assert_eq!((&service["requests"], &service["tickets"], &service["state"]), (&json!(1), &json!(4), &json!("on")));
    assert!(service["spent_today_usd"].as_f64().unwrap() > 0.0);
    // The age alone sends a batch too.
    let late = app.write_in("Parcel 5", PARCEL).await;
    app.until("it waits", async || app.stats().await["queue"]["waiting"] == 1).await;
    app.clock.advance(60_000);
    assert_eq!(app.sorted(late).await["triage"]["source"], "deepseek");
    app.settled().await;
    let metrics = app.request("GET", "/metrics").send().await.unwrap().text().await.unwrap();
    for name in [
        "hotdesk_triage_tokens_total{kind=\"hit\"}",
        "hotdesk_triage_tokens_total{kind=\"miss\"}",
        "hotdesk_triage_cost_usd_today",
        "hotdesk_triage_waiting",
        "hotdesk_triage_asked_again_total 0",
        "hotdesk_triage_cache_hit_ratio",
        "hotdesk_triage_proposals_total{source=\"deepseek\"} 5",
    ] {
        assert!(metrics.contains(name), "{name} is missing in {metrics}");
    }
    app.stop().await;
}

/// R52: what was waiting is taken up after a restart; what has its answer is not asked about again.
#[actix_web::test]
async fn r52_nothing_is_asked_twice() {
    let fake = fake().await;
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let clock = Clock::manual(START);
    let unsure = |config: &mut hotdesk::config::Config| {
        config.triage.ask_below = 1.01;
        config.triage.batch_max_age_ms = 60_000;
    };
    let app = TestApp::sorting_on(journal.clone(), clock.clone(), Some(&fake), None, unsure).await;
    let done = app.write_in("Parcel", PARCEL).await;
    app.until("it waits", async || app.stats().await["queue"]["waiting"] == 1).await;
    clock.advance(60_000);
    app.sorted(done).await;
    let left = app.write_in("Refund", REFUND).await;
    app.until("it waits", async || app.get(&format!("/api/v1/tickets/{left}")).await["triage"]["state"] == "waiting")
        .await;
    let spent = app.stats().await["service"]["spent_today_usd"].as_f64().unwrap();
    app.stop().await;

    let app = TestApp::sorting_on(journal, clock.clone(), Some(&fake), None, unsure).await;
    app.until("it waits again", async || app.stats().await["queue"]["waiting"] == 1).await;
    assert!(
        (app.stats().await["service"]["spent_today_usd"].as_f64().unwrap() - spent).abs() < 1e-12,
        "no second budget"
    );
    clock.advance(60_000);
    assert_eq!(app.sorted(left).await["triage"]["source"], "deepseek");
    app.settled().await;
    let subjects: Vec<Value> =
        fake.asked().iter().flat_map(|asked| &asked.tickets).map(|ticket| ticket["subject"].clone()).collect();
    assert_eq!(subjects, ["Parcel", "Refund"]);
    app.stop().await;
}

/// R66: what was out when the desk was killed is spent and asked for once more; what had been answered is proposed and not asked for
/// again; after a second loss the learner speaks.
#[actix_web::test]
async fn r66_a_kill_in_the_middle_of_a_call() {
    let fake = fake().await;
    fake.always([Quirk::Silent]);
    let clock = Clock::manual(START);
    let unsure = |config: &mut hotdesk::config::Config| config.triage.ask_below = 1.01;
    let spent = async |app: &TestApp| app.stats().await["service"]["spent_today_usd"].as_f64().unwrap();
    // Killed while a call is out: what is on the disk then is all that the next start has.
    let journal = Arc::new(MemoryJournal::new());
    let app = TestApp::sorting_on(journal.clone(), clock.clone(), Some(&fake), None, unsure).await;
    let id = app.write_in("Charged twice", REFUND).await;
    app.until("it is out", async || fake.asked().len() == 1).await;
    let journal = Arc::new(journal.reopen().unwrap());
    app.stop().await;

    let app = TestApp::sorting_on(journal.clone(), clock.clone(), Some(&fake), None, unsure).await;
    let estimate = spent(&app).await;
    assert!(estimate > 0.0, "what was out may have been billed");
    app.until("it is out again", async || fake.asked().len() == 2).await;
    assert_eq!(app.stats().await["service"]["asked_again"], 1);
    let journal = Arc::new(journal.reopen().unwrap());
    app.stop().await;

    // Lost twice: not a third time, and its note goes.
    let app = TestApp::sorting_on(journal.clone(), clock.clone(), Some(&fake), None, unsure).await;
    let triage = app.sorted(id).await["triage"].clone();
    assert_eq!((&triage["source"], &triage["reason"]), (&json!("learner"), &json!("answer_lost")), "{triage}");
    assert!((spent(&app).await - 2.0 * estimate).abs() < 1e-12);
    app.until("the note is gone", async || journal.asides("triage/sent/").unwrap().is_empty()).await;

    // Killed between an answer and its proposal: the answer stands on the disk, and nothing of it is asked again.
    fake.hold(true);
    fake.always([]);
    let id = app.write_in("Parcel", PARCEL).await;
    app.until("it is out", async || fake.asked().len() == 3).await;
    let (gate, commits) = (journal.hold(), journal.commits());
    fake.hold(false);
    app.until("the answer is being kept", async || journal.commits() == commits + 1).await;
    gate.pass_one();
    app.until("the proposal is being written", async || journal.commits() == commits + 2).await;
    let killed = Arc::new(journal.reopen().unwrap());
    gate.open();
    let paid = app.sorted(id).await["triage"].clone();
    app.stop().await;

    let app = TestApp::sorting_on(killed, clock, Some(&fake), None, unsure).await;
    let triage = app.sorted(id).await["triage"].clone();
    assert_eq!((&triage["source"], &triage["category"]), (&json!("deepseek"), &paid["category"]), "{triage}");
    app.settled().await;
    assert_eq!((fake.asked().len(), &app.stats().await["service"]["asked_again"]), (3, &json!(1)));
    app.stop().await;
}

/// R53: whatever the service answers, each ticket ends with a proposal: the service's, or the learner's with the reason.
#[actix_web::test]
async fn r53_every_fault_ends_with_the_learner_and_a_reason() {
    for (quirk, reason) in [
        (Quirk::Spaces, "answer_empty"),
        (Quirk::Null, "answer_empty"),
        (Quirk::Cut, "answer_malformed"),
        (Quirk::CutSilently, "answer_malformed"),
        (Quirk::Missing, "answer_incomplete"),
        (Quirk::Repeated, "answer_incomplete"),
        (Quirk::Invented, "answer_incomplete"),
        (Quirk::ContentFilter, "content_filter"),
        (Quirk::Insufficient, "answer_empty"),
        (Quirk::OctetStream, "service_refused"),
        (Quirk::BadKey, "service_key_refused"),
        (Quirk::NoBalance, "service_no_balance"),
        (Quirk::TooManyFor(61), "service_busy"),
        (Quirk::Busy, "service_failed"),
        (Quirk::Silent, "service_too_slow"),
        (Quirk::Hang, "service_too_slow"),
    ] {
        let fake = fake().await;
        fake.always([quirk]);
        let app = TestApp::sorting(Some(&fake), |config| {
            config.triage.ask_below = 1.01;
            config.triage.call_deadline_ms = 1_500;
        })
        .await;
        let id = app.write_in("Charged twice", REFUND).await;
        let triage = app.sorted(id).await["triage"].clone();
        assert_eq!((&triage["source"], &triage["reason"]), (&json!("learner"), &json!(reason)), "{quirk:?}");
        assert_eq!(triage["category"]["value"], "billing", "{quirk:?}");
        if quirk == Quirk::BadKey {
            let stats = app.stats().await;
            assert_eq!(stats["service"]["state"], "stopped");
            let next = app.write_in("Again", REFUND).await;
            assert_eq!(app.sorted(next).await["triage"]["reason"], "service_key_refused");
            assert_eq!(fake.asked().len(), 1, "a refused key is not tried again");
        }
        app.stop().await;
    }
}

/// R54: valid rows are kept and only what is missing is asked again.
#[actix_web::test]
async fn r54_what_is_missing_is_asked_again() {
    for (quirk, requests) in [
        (Quirk::None, 1),
        (Quirk::KeepAlive, 1),
        (Quirk::Missing, 2),
        (Quirk::Swapped, 2),
        (Quirk::Repeated, 2),
        (Quirk::Invented, 2),
        (Quirk::Spaces, 3),
        (Quirk::Cut, 3),
    ] {
        let fake = fake().await;
        fake.next([quirk]);
        let app = TestApp::sorting(Some(&fake), |config| {
            config.triage.ask_below = 1.01;
            config.triage.batch_max_age_ms = 60_000;
            config.triage.batch_max_tickets = 3;
        })
        .await;
        let mut ids = Vec::new();
        for n in 0..3 {
            ids.push(app.write_in(&format!("Parcel {n}"), PARCEL).await);
        }
        for (n, id) in ids.iter().enumerate() {
            let triage = app.sorted(*id).await["triage"].clone();
            assert_eq!((&triage["source"], &triage["reason"]), (&json!("deepseek"), &Value::Null), "{quirk:?}");
            assert_eq!(triage["summary"], format!("About: Parcel {n}"), "{quirk:?}");
        }
        assert_eq!(fake.asked().len(), requests, "{quirk:?}");
        app.stop().await;
    }
}

/// R55: a spent budget stops spending and says so; the learner goes on.
#[actix_web::test]
async fn r55_the_budget_stops_spending() {
    let fake = fake().await;
    let app = TestApp::sorting(Some(&fake), |config| {
        config.triage.ask_below = 1.01;
        config.triage.daily_budget_usd = 0.000_01;
    })
    .await;
    let id = app.write_in("Charged twice", REFUND).await;
    let triage = app.sorted(id).await["triage"].clone();
    assert_eq!((&triage["source"], &triage["reason"]), (&json!("learner"), &json!("budget_spent")));
    assert_eq!(app.stats().await["service"]["state"], "budget_spent");
    assert!(fake.asked().is_empty());
    let (status, problem) = app.call("POST", &format!("/api/v1/tickets/{id}/reply-draft"), Value::Null).await;
    assert_eq!((status, &problem["code"], &problem["retryable"]), (503, &json!("draft_unavailable"), &json!(true)));
    app.stop().await;
}

/// R68: an answer that was lost on the way may have been billed: it counts as spent beside the one that came, and where the budget has
/// no room for another try there is none.
#[actix_web::test]
async fn r68_each_try_is_paid_for() {
    let sort = async |lost: bool, budget: f64| {
        let fake = fake().await;
        if lost {
            fake.next([Quirk::EmptyBody]);
        }
        let app = TestApp::sorting(Some(&fake), |config| {
            config.triage.ask_below = 1.01;
            config.triage.daily_budget_usd = budget;
        })
        .await;
        let id = app.write_in("Charged twice", REFUND).await;
        let triage = app.sorted(id).await["triage"].clone();
        app.settled().await;
        let spent = app.stats().await["service"]["spent_today_usd"].as_f64().unwrap();
        app.stop().await;
        (fake.asked().len(), triage["source"].as_str().unwrap().to_owned(), spent)
    };
    let (requests, source, plain) = sort(false, 1.0).await;
    assert_eq!((requests, source.as_str()), (1, "deepseek"));
    let (requests, source, twice) = sort(true, 1.0).await;
    assert_eq!((requests, source.as_str()), (2, "deepseek"));
    let estimate = twice - plain;
    assert!(estimate >= plain, "the lost one costs its whole estimate: {twice} for {plain}");
    let (requests, source, once) = sort(true, estimate * 1.9).await;
    assert_eq!((requests, source.as_str()), (1, "learner"), "there is no room for a second try");
    assert!((once - estimate).abs() < 1e-9, "{once} for {estimate}");
}

/// R56: a correction is learned at once, counted in the figures, and known after a restart.
#[actix_web::test]
async fn r56_corrections_are_learned_counted_and_kept() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let folder = tempfile::tempdir().unwrap();
    let start =
        async || TestApp::sorting_on(journal.clone(), Clock::manual(START), None, Some(folder.path()), |_| {}).await;
    let app = start().await;
    app.settled().await;
    let text = |n: usize| format!("The grommet of my flanger is wobbly again, number {n}");
    let mut proposed = Vec::new();
    for n in 0..6 {
        let id = app.write_in("Flanger", &text(n)).await;
        proposed.push(app.sorted(id).await["triage"]["category"]["value"].clone());
        app.of_ticket("PATCH", id, "", json!({"category": "security_abuse", "priority": "high"})).await;
        app.settled().await;
    }
    assert_ne!(proposed[0], "security_abuse");
    assert_eq!(proposed.last().unwrap(), "security_abuse", "{proposed:?}");
    let one = app.write_in("Flanger", &text(7)).await;
    assert_eq!(app.sorted(one).await["triage"]["category"]["value"], "security_abuse");
    let ticket = app.of_ticket("POST", one, "/triage/accept", json!({"fields": ["category"]})).await;
    assert_eq!(ticket["category"], "security_abuse");
    app.settled().await;
    let stats = app.stats().await;
    let category = stats["acceptance"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["field"] == "category" && row["source"] == "learner");
    let category = category.unwrap();
    let (accepted, edited) = (category["accepted"].as_u64().unwrap(), category["edited"].as_u64().unwrap());
    assert!(accepted >= 2 && accepted + edited >= 3, "{category}");
    let counted: u64 = stats["reliability"].as_array().unwrap().iter().map(|bin| bin["count"].as_u64().unwrap()).sum();
    assert!(counted >= accepted + edited, "{stats}");
    assert!(stats["confusion"].as_array().unwrap().iter().any(|pair| pair["kept"] == "security_abuse"), "{stats}");
    app.stop().await;

    let app = start().await;
    app.settled().await;
    assert_eq!(app.stats().await["acceptance"], stats["acceptance"]);
    let examples = app.stats().await["learner"]["examples"].clone();
    assert_eq!(examples, stats["learner"]["examples"]);
    let after = app.write_in("Flanger", &text(9)).await;
    assert_eq!(app.sorted(after).await["triage"]["category"]["value"], "security_abuse");
    // Without its file it learns the same from the journal.
    app.of_ticket("PATCH", one, "", json!({"status": "solved"})).await;
    app.settled().await;
    app.stop().await;
    let app = TestApp::sorting_on(journal.clone(), Clock::manual(START), None, None, |_| {}).await;
    app.settled().await;
    assert_eq!(app.stats().await["learner"]["examples"], examples);
    app.stop().await;
}

/// R67: what people taught and decided is there once after a kill, and once after a file that could not be written.
#[actix_web::test]
async fn r67_lessons_outlive_a_kill() {
    let journal = Arc::new(MemoryJournal::new());
    let folder = tempfile::tempdir().unwrap();
    let start = async |journal: &Arc<MemoryJournal>| {
        TestApp::sorting_on(journal.clone(), Clock::manual(START), None, Some(folder.path()), |_| {}).await
    };
    let app = TestApp::sorting_on(journal.clone(), Clock::manual(START), None, None, |_| {}).await;
    let correct = async |app: &TestApp, subject: &str, text: &str| {
        let id = app.write_in(subject, text).await;
        app.sorted(id).await;
        app.of_ticket("PATCH", id, "", json!({"category": "security_abuse"})).await;
        app.settled().await;
        let stats = app.stats().await;
        (stats["acceptance"].clone(), stats["confusion"].clone(), stats["learner"]["examples"].clone())
    };
    let known = async |app: &TestApp| {
        app.settled().await;
        let stats = app.stats().await;
        (stats["acceptance"].clone(), stats["confusion"].clone(), stats["learner"]["examples"].clone())
    };
    let taught = correct(&app, "Charged twice", REFUND).await;
    assert_eq!(taught.2, 1);
    let journal = Arc::new(journal.reopen().unwrap());
    app.stop().await;

    let app = start(&journal).await;
    assert_eq!(known(&app).await, taught, "nothing had been kept");
    app.stop().await;
    let file = folder.path().join("triage/learned");
    let old = std::fs::read(&file).unwrap();

    let app = start(&journal).await;
    assert_eq!(known(&app).await, taught);
    let taught = correct(&app, "Parcel", PARCEL).await;
    assert_eq!(taught.2, 2);
    app.stop().await;
    for _ in 0..2 {
        // As if the new one could not be written.
        std::fs::write(&file, &old).unwrap();
        let app = start(&journal).await;
        assert_eq!(known(&app).await, taught);
        app.stop().await;
    }
}

/// R67: a desk that stops while there is much to learn has learnt it, now or at its next start.
#[actix_web::test]
async fn r67_a_stop_loses_no_lesson() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let folder = tempfile::tempdir().unwrap();
    let start =
        async || TestApp::sorting_on(journal.clone(), Clock::manual(START), None, Some(folder.path()), |_| {}).await;
    const TICKETS: u64 = 60;
    let app = start().await;
    for n in 0..TICKETS {
        app.write_in(&format!("Flanger {n}"), &format!("The grommet of my flanger is wobbly again, number {n}")).await;
    }
    app.settled().await;
    for id in 1..=TICKETS {
        app.of_ticket("PATCH", id, "", json!({"category": "security_abuse"})).await;
    }
    app.until("all is seen", async || app.desk.triage.as_ref().unwrap().applied() == app.desk.feed.head()).await;
    app.stop().await;
    let app = start().await;
    app.settled().await;
    assert_eq!(app.stats().await["learner"]["examples"], TICKETS);
    app.stop().await;
}

/// R57: solved tickets that resemble are found, with how they were answered; out of sight they are not there.
#[actix_web::test]
async fn r57_similar_tickets_are_found() {
    let app = TestApp::sorting(None, |config| {
        let legal = |id: &str| hotdesk::config::NamedOption {
            id: id.into(),
            name: id.into(),
            description: String::new(),
            private: true,
        };
        config.desk.teams.push(legal("legal"));
    })
    .await;
    let (_, agent) = app.user("ann", "agent").await;
    let solve = async |subject: &str, team: Value| {
        let body = "The wobbly printer of the second floor eats every page that I print.";
        let id =
            app.ticket(subject, json!({"body": body, "team": team, "tags": ["printer"]})).await["id"].as_u64().unwrap();
        let answer =
            json!({"body": format!("Clean the rollers ({subject})."), "visibility": "public", "status": "solved"});
        app.of_ticket("POST", id, "/messages", answer).await;
        id
    };
    let open = solve("Printer eats pages", Value::Null).await;
    let hidden = solve("Printer eats paper", json!("legal")).await;
    app.settled().await;
    let new = app.write_in("Help with the printer", "Our printer on the second floor eats pages again.").await;
    app.sorted(new).await;
    let found = app.of_ticket("GET", new, "/similar", Value::Null).await;
    let ids: Vec<u64> = found["data"].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>(), [&open, &hidden].into_iter().collect(), "{found}");
    let first = found["data"].as_array().unwrap().iter().find(|row| row["id"] == open).unwrap();
    assert!(first["answer"].as_str().unwrap().contains("Clean the rollers") && first["status"] == "solved", "{first}");
    assert!(first["likeness"].as_f64().unwrap() > 0.2, "{first}");
    let (_, seen) = app.call_as(&agent, "GET", &format!("/api/v1/tickets/{new}/similar"), Value::Null).await;
    assert_eq!(seen["data"].as_array().unwrap().len(), 1, "{seen}");
    // One that is opened again is no example any more.
    app.of_ticket("PATCH", open, "", json!({"status": "open"})).await;
    app.settled().await;
    let (_, seen) = app.call_as(&agent, "GET", &format!("/api/v1/tickets/{new}/similar"), Value::Null).await;
    assert_eq!(seen["data"], json!([]));
    app.stop().await;
}

/// R46, R45: the tags that solved tickets share are proposed; once these tickets move to a private team, to that team alone.
#[actix_web::test]
async fn r46_tags_follow_a_solved_ticket_to_a_private_team() {
    let app = TestApp::sorting(None, |config| {
        config.desk.teams.push(hotdesk::config::NamedOption {
            id: "legal".into(),
            name: "Legal".into(),
            description: String::new(),
            private: true,
        });
    })
    .await;
    let body = "The wobbly printer of the second floor eats every page that I print.";
    let mut solved = Vec::new();
    for n in 0..2 {
        let fields = json!({"body": body, "tags": ["takeover"]});
        let id = app.ticket(&format!("Printer eats pages {n}"), fields).await["id"].as_u64().unwrap();
        app.of_ticket("PATCH", id, "", json!({"status": "solved"})).await;
        solved.push(id);
    }
    app.settled().await;
    let proposed = async |team: Value| {
        let fields = json!({"body": "Our printer on the second floor eats pages again.", "team": team});
        let id = app.ticket("Help with the printer", fields).await["id"].as_u64().unwrap();
        app.sorted(id).await["triage"]["tags"].clone()
    };
    assert_eq!(proposed(Value::Null).await, json!(["takeover"]));
    assert_eq!(proposed(json!("legal")).await, json!([]));
    for id in solved {
        app.of_ticket("PATCH", id, "", json!({"team": "legal"})).await;
    }
    app.settled().await;
    assert_eq!(proposed(Value::Null).await, json!([]), "they are the private team's now");
    assert_eq!(proposed(json!("legal")).await, json!(["takeover"]));
    app.stop().await;
}

/// R58: many tickets that tell the same within minutes are an incident, on each of them, and duplicates name the first.
#[actix_web::test]
async fn r58_incidents_are_raised() {
    let app = TestApp::sorting(None, |config| config.triage.incident_tickets = 4).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let body = format!("Since this morning the checkout shows error 502 when I pay by card. Order {n}.");
        let fields = json!({"body": body, "requester": {"name": "X", "email": format!("x{n}@example.org")}});
        ids.push(app.ticket("Checkout shows error 502", fields).await["id"].as_u64().unwrap());
        app.settled().await;
    }
    for (n, id) in ids.iter().enumerate() {
        let path = format!("/api/v1/tickets/{id}");
        app.until("the incident is told", async || app.get(&path).await["triage"]["incident"]["lead"] == ids[0]).await;
        let triage = app.get(&path).await["triage"].clone();
        assert_eq!(triage["duplicate_of"], if n == 0 { Value::Null } else { json!(ids[0]) }, "{n}: {triage}");
    }
    let stats = app.stats().await;
    assert_eq!(
        (&stats["incidents"][0]["lead"], &stats["incidents"][0]["tickets"]),
        (&json!(ids[0]), &json!(5)),
        "{stats}"
    );
    app.stop().await;
}

/// What stands in a stream of server-sent events: names and data.
fn events(text: &str) -> Vec<(String, Value)> {
    let blocks = text.split("\n\n").filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let (name, data) = block.split_once('\n').unwrap();
            let data = data.strip_prefix("data: ").unwrap();
            (name.strip_prefix("event: ").unwrap().to_owned(), serde_json::from_str(data).unwrap())
        })
        .collect()
}

/// R59: a draft is streamed with its sources, of which nothing that belongs to another customer leaves the desk; it changes nothing.
#[actix_web::test]
async fn r59_drafts_are_streamed_and_grounded() {
    let fake = fake().await;
    let app = TestApp::sorting(Some(&fake), |config| config.triage.ask_below = 0.0).await;
    let body = "The wobbly printer of the second floor eats every page that I print.";
    let solved = app
        .ticket(
            "Printer eats pages",
            json!({"body": body, "requester": {"name": "Grace Hopper", "email": "grace@example.org"}}),
        )
        .await["id"]
        .as_u64()
        .unwrap();
    let note = json!({"body": "internal: the customer is difficult", "visibility": "internal"});
    app.of_ticket("POST", solved, "/messages", note).await;
    let answer = "Dear Grace, clean the rollers; your case 1234567 is closed.";
    app.of_ticket("POST", solved, "/messages", json!({"body": answer, "visibility": "public", "status": "solved"}))
        .await;
    app.settled().await;
    let new = app.write_in("Printer", "My printer on the second floor eats pages.").await;
    app.sorted(new).await;
    app.of_ticket("POST", new, "/messages", json!({"body": "secret note", "visibility": "internal"})).await;
    app.settled().await;
    let before = app.get(&format!("/api/v1/tickets/{new}?include=messages")).await;
    for quirk in [Quirk::None, Quirk::NoDone, Quirk::KeepAlive] {
        fake.next([quirk]);
        let reply = send(app.request("POST", &format!("/api/v1/tickets/{new}/reply-draft"))).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "text/event-stream"), "{}", reply.text);
        let events = events(&reply.text);
        assert_eq!((events[0].0.as_str(), &events[0].1["sources"][0]["id"]), ("sources", &json!(solved)), "{events:?}");
        let text: String =
            events.iter().filter(|(name, _)| name == "delta").map(|(_, data)| data["text"].as_str().unwrap()).collect();
        let (last, done) = events.last().unwrap();
        assert_eq!(
            (last.as_str(), done["text"].as_str(), &done["cut"]),
            ("done", Some(text.as_str()), &json!(false)),
            "{quirk:?}"
        );
        assert!(text.contains("clean the rollers") && events.len() >= 3, "{text}");
    }
    let asked = fake.asked().last().unwrap().body.to_string();
    for secret in ["Grace", "1234567", "grace@example.org", "difficult", "secret note"] {
        assert!(!asked.contains(secret), "{secret} left the desk: {asked}");
    }
    fake.next([Quirk::Broken]);
    let reply = send(app.request("POST", &format!("/api/v1/tickets/{new}/reply-draft"))).await;
    let (last, done) = events(&reply.text).pop().unwrap();
    assert_eq!((last.as_str(), &done["cut"]), ("done", &json!(true)), "{done}");
    fake.next([Quirk::ContentFilter]);
    let reply = send(app.request("POST", &format!("/api/v1/tickets/{new}/reply-draft"))).await;
    assert_eq!(events(&reply.text).pop().unwrap().0, "error");
    fake.next([Quirk::NoBalance]);
    let reply = send(app.request("POST", &format!("/api/v1/tickets/{new}/reply-draft"))).await;
    let (last, error) = events(&reply.text).pop().unwrap();
    assert_eq!((last.as_str(), &error["problem"]["code"]), ("error", &json!("draft_unavailable")));
    let (status, problem) = app.call("POST", &format!("/api/v1/tickets/{new}/reply-draft"), Value::Null).await;
    assert_eq!((status, &problem["code"]), (503, &json!("draft_unavailable")), "the breaker is open");
    assert_eq!(app.get(&format!("/api/v1/tickets/{new}?include=messages")).await, before);
    app.stop().await;
}

/// R69: drafts go out under the same limit as tickets, wait in a bounded number, and are no second probe.
#[actix_web::test]
async fn r69_drafts_wait_their_turn() {
    let fake = fake().await;
    let app = TestApp::sorting(Some(&fake), |config| {
        config.triage.ask_below = 1.01;
        config.triage.calls = 1;
    })
    .await;
    let first = app.write_in("Charged twice", REFUND).await;
    app.sorted(first).await;
    app.settled().await;
    fake.hold(true);
    let second = app.write_in("Parcel", PARCEL).await;
    app.until("it is out", async || fake.asked().len() == 2).await;
    let draft = || app.request("POST", &format!("/api/v1/tickets/{first}/reply-draft"));
    let mut waiting = Vec::new();
    for _ in 0..32 {
        let reply = draft().send().await.unwrap();
        assert_eq!(reply.status(), 200);
        waiting.push(reply);
    }
    assert_eq!(send(draft()).await.refusal(), (503, "draft_unavailable"));
    assert_eq!(fake.asked().len(), 2, "the one call is taken");
    let one = waiting.pop().unwrap();
    drop(waiting);
    fake.hold(false);
    assert_eq!(app.sorted(second).await["triage"]["source"], "deepseek");
    assert_eq!(events(&one.text().await.unwrap()).last().unwrap().0, "done", "its turn came");
    app.settled().await;

    app.stop().await;
}

/// R69: while one call tries whether the service is back, no draft goes out beside it.
#[actix_web::test]
async fn r69_a_draft_is_no_second_probe() {
    let fake = fake().await;
    let app = TestApp::sorting(Some(&fake), |config| {
        config.triage.ask_below = 1.01;
        config.triage.breaker_open_ms = 1_000;
    })
    .await;
    fake.next([Quirk::NoBalance]);
    let first = app.write_in("Charged twice", REFUND).await;
    assert_eq!(app.sorted(first).await["triage"]["reason"], "service_no_balance");
    app.settled().await;
    app.clock.advance(1_000);
    fake.hold(true);
    let second = app.write_in("Parcel", PARCEL).await;
    app.until("the probe is out", async || fake.asked().len() == 2).await;
    let reply = send(app.request("POST", &format!("/api/v1/tickets/{first}/reply-draft"))).await;
    let events = events(&reply.text);
    assert_eq!((events.len(), events[1].0.as_str(), fake.asked().len()), (2, "error", 2), "{events:?}");
    fake.hold(false);
    assert_eq!(app.sorted(second).await["triage"]["source"], "deepseek");
    app.stop().await;
}

/// R60: above the policy's threshold a field is set, marked and can be taken back; an automatic answer is the desk's own text, and
/// goes out once, and only where it was switched on.
#[actix_web::test]
async fn r60_policy_and_automatic_answers() {
    let app = TestApp::sorting(None, |config| {
        config.triage.policy.category = TriagePolicy::Above(0.0);
        config.triage.auto_reply.texts = [("billing".to_owned(), "We look into it.".to_owned())].into();
        config.triage.auto_reply.confidence = 0.0;
    })
    .await;
    let id = app.write_in("Charged twice", REFUND).await;
    let ticket = app.sorted(id).await;
    assert_eq!((&ticket["category"], &ticket["triage"]["applied"]), (&json!("billing"), &json!({"category": null})));
    assert_eq!(ticket["message_count"], 1, "automatic answers are off");
    let events = app.of_ticket("GET", id, "/events", Value::Null).await;
    let command = events["records"].as_array().unwrap().last().unwrap()["command_id"].clone();
    let (_, agent) = app.user("ann", "agent").await;
    let (status, back) =
        app.call_as(&agent, "POST", &format!("/api/v1/tickets/{id}/undo"), json!({"command_id": command})).await;
    assert_eq!(
        (status, &back["category"], &back["triage"]["decided"]["category"]),
        (200, &Value::Null, &json!("rejected")),
        "{back}"
    );
    // What the requester chose is never replaced.
    let chosen =
        app.ticket("Charged twice", json!({"body": REFUND, "category": "returns"})).await["id"].as_u64().unwrap();
    assert_eq!(app.sorted(chosen).await["category"], "returns");
    app.stop().await;

    let app = TestApp::sorting(None, |config| {
        config.triage.auto_reply.enabled = true;
        config.triage.auto_reply.confidence = 0.0;
        config.triage.auto_reply.texts = [("billing".to_owned(), "We look into it.".to_owned())].into();
    })
    .await;
    let id = app.write_in("Charged twice", REFUND).await;
    app.until("the answer is there", async || app.get(&format!("/api/v1/tickets/{id}")).await["message_count"] == 2)
        .await;
    app.of_ticket("POST", id, "/triage", json!({})).await;
    app.settled().await;
    let ticket = app.get(&format!("/api/v1/tickets/{id}?include=messages")).await;
    assert_eq!(
        (ticket["messages"][1]["body"].as_str(), &ticket["message_count"]),
        (Some("We look into it."), &json!(2))
    );
    assert_eq!(
        (&ticket["first_responded_at"], &ticket["status"]),
        (&Value::Null, &json!("new")),
        "it is no answer of a person"
    );
    app.stop().await;
}

/// R61: a customer's message that changes the matter brings a new proposal; one that does not leaves no record.
#[actix_web::test]
async fn r61_messages_that_change_the_matter() {
    let app = TestApp::sorting(None, |_| {}).await;
    let id = app.write_in("Question", REFUND).await;
    let first = app.sorted(id).await;
    let write = async |body: &str| {
        let message = json!({"body": body, "visibility": "public", "direction": "inbound"});
        app.of_ticket("POST", id, "/messages", message).await;
        app.settled().await;
        app.get(&format!("/api/v1/tickets/{id}")).await
    };
    let same = write("Did you see my message about the invoice and the refund of the payment?").await;
    assert_eq!(same["triage"], first["triage"]);
    let other = write("Urgent, emergency: now our site is down, everybody is locked out and nobody can work!").await;
    assert_eq!(other["triage"]["priority"]["value"], "urgent", "{other}");
    assert_ne!(other["triage"]["at"], Value::Null);
    // What somebody has judged is left alone.
    app.of_ticket("POST", id, "/triage/accept", json!({})).await;
    let judged = write("Where is my parcel? The delivery and the tracking are silent about the parcel.").await;
    assert_eq!(judged["triage"]["state"], "accepted");
    // Asked for, it begins anew.
    app.of_ticket("POST", id, "/triage", json!({})).await;
    let anew = app.sorted(id).await["triage"].clone();
    assert!(anew["decided"].is_null() && anew["state"] != "accepted", "{anew}");
    app.stop().await;
}

/// R62: more tickets than may wait are all sorted in the end, and it is said how far behind triage is.
#[actix_web::test]
async fn r62_an_overflow_is_caught_up_with() {
    let fake = fake().await;
    let app = TestApp::sorting(Some(&fake), |config| {
        config.triage.waiting = 5;
        config.triage.proposals_per_s = 100_000;
        config.triage.ask_below = 0.0;
        config.triage.summary_from_chars = 1_000_000;
    })
    .await;
    app.settled().await;
    let bodies: Vec<Value> = (0..60)
        .map(|n| json!({"subject": format!("Number {n}"), "body": REFUND, "requester": {"name": "A", "email": "a@example.org"}}))
        .collect();
    futures_util::future::join_all(bodies.into_iter().map(|body| app.call("POST", "/api/v1/tickets", body))).await;
    for id in 1..=60 {
        assert_eq!(app.sorted(id).await["triage"]["source"], "learner");
    }
    app.settled().await;
    assert_eq!(app.stats().await["queue"]["behind_ms"], 0);
    app.stop().await;
}

/// R63: triage that dies takes nothing with it: it is started again and takes up what waits.
#[actix_web::test]
async fn r63_triage_comes_back_after_its_death() {
    let mut app = TestApp::sorting(None, |_| {}).await;
    app.settled().await;
    app.desk.triage.as_ref().unwrap().crash();
    let id = app.write_in("Charged twice", REFUND).await;
    assert_eq!(app.sorted(id).await["triage"]["source"], "learner");
    assert!(app.deaths.try_recv().is_err(), "the desk lives on");
    app.stop().await;
}

/// R67: what is taught while triage is dead is learnt and counted once it lives again.
#[actix_web::test]
async fn r67_a_death_loses_no_lesson() {
    let app = TestApp::sorting(None, |_| {}).await;
    let id = app.write_in("Charged twice", REFUND).await;
    app.sorted(id).await;
    app.settled().await;
    let keeper = app.desk.triage.as_ref().unwrap();
    keeper.crash();
    app.until("it is dead", async || keeper.health().is_err()).await;
    app.of_ticket("PATCH", id, "", json!({"category": "security_abuse"})).await;
    app.settled().await;
    let stats = app.stats().await;
    let category = stats["acceptance"].as_array().unwrap().iter().find(|row| row["field"] == "category").unwrap();
    assert_eq!((&category["edited"], &stats["learner"]["examples"]), (&json!(1), &json!(1)), "{stats}");
    app.stop().await;
}

/// R64: supervisors see the figures and try texts; agents may not; a try leaves nothing behind.
#[actix_web::test]
async fn r64_a_supervisor_tries_a_text() {
    let app = TestApp::sorting(None, |_| {}).await;
    let (_, agent) = app.user("ann", "agent").await;
    let (_, supervisor) = app.user("sam", "supervisor").await;
    app.settled().await;
    let head = app.desk.feed.head();
    let text = json!({"subject": "Charged twice", "body": REFUND});
    let (status, tried) = app.call_as(&supervisor, "POST", "/api/v1/triage/try", text.clone()).await;
    assert_eq!((status, &tried["categories"][0]["value"]), (200, &json!("billing")), "{tried}");
    assert!(tried["would_ask"].is_boolean() && tried["language"]["value"] == "en", "{tried}");
    let (status, problem) = app.call_as(&agent, "POST", "/api/v1/triage/try", text).await;
    assert_eq!((status, &problem["code"]), (403, &json!("forbidden")));
    let (status, _) = app.call_as(&agent, "GET", "/api/v1/triage/stats", Value::Null).await;
    assert_eq!(status, 403);
    assert_eq!((app.desk.feed.head(), app.stats().await["learner"]["examples"].as_u64()), (head, Some(0)));
    app.stop().await;
}

/// R65: switched off, triage does nothing and says so.
#[actix_web::test]
async fn r65_off_is_off() {
    let app = TestApp::start().await;
    let id = app.write_in("Charged twice", REFUND).await;
    for (method, what) in [("POST", "/triage"), ("GET", "/similar"), ("POST", "/reply-draft")] {
        let (status, problem) = app.call(method, &format!("/api/v1/tickets/{id}{what}"), Value::Null).await;
        assert_eq!((status, &problem["code"]), (409, &json!("triage_off")), "{what}: {problem}");
    }
    assert_eq!(app.stats().await["enabled"], false);
    assert_eq!(app.get(&format!("/api/v1/tickets/{id}")).await["triage"], Value::Null);
    app.stop().await;
}
