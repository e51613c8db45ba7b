//! The queue, the timers and everybody's claims, over the public contract.

use std::collections::BTreeSet;
use std::sync::Arc;

use hotdesk::actors::presence::Tick;
use hotdesk::clock::Clock;
use hotdesk::journal::memory::MemoryJournal;
use serde_json::{Value, json};

use crate::support::{ADMIN, START, TestApp};

async fn claim(app: &TestApp, token: &str) -> Option<u64> {
    let (status, ticket) = app.call_as(token, "POST", "/api/v1/queue/claim", json!({})).await;
    match status {
        204 => None,
        200 => Some(ticket["id"].as_u64().unwrap()),
        _ => panic!("{status}: {ticket}"),
    }
}

/// Q40: many claimers at once get every ticket, each to one of them, the more urgent ones first.
#[actix_web::test]
async fn q40_no_ticket_goes_to_two_claimers() {
    let app = TestApp::start().await;
    let mut agents = Vec::new();
    for number in 0..8 {
        agents.push(app.user(&format!("agent{number}"), "agent").await);
    }
    for number in 0..120 {
        let priority = ["low", "normal", "high", "urgent"][number % 4];
        app.ticket(&format!("Ticket {number}"), json!({"priority": priority})).await;
    }
    let hunts = agents.iter().map(|(id, token)| {
        let app = &app;
        async move {
            let mut got = Vec::new();
            while let Some(ticket) = claim(app, token).await {
                got.push((id.clone(), ticket));
            }
            got
        }
    });
    let got: Vec<(String, u64)> = futures_util::future::join_all(hunts).await.into_iter().flatten().collect();
    assert_eq!(got.len(), 120, "every ticket was handed out");
    assert_eq!(got.iter().map(|(_, ticket)| *ticket).collect::<BTreeSet<_>>().len(), 120, "none twice");
    for (agent, ticket) in got {
        let ticket = app.get(&format!("/api/v1/tickets/{ticket}")).await;
        assert_eq!((&ticket["assignee"], &ticket["status"]), (&json!(agent), &json!("open")));
    }
    app.stop().await;
}

/// Q41: the queue tells its order with a reason for each rank, and hands out in that order; team and category narrow it.
#[actix_web::test]
async fn q41_what_the_queue_shows_is_what_it_hands_out() {
    let app = TestApp::start().await;
    for (priority, team) in [("low", "support"), ("urgent", "billing"), ("normal", "support"), ("urgent", "support")] {
        app.ticket(priority, json!({"priority": priority, "team": team})).await;
    }
    let queue = app.get("/api/v1/queue?limit=10").await;
    let order: Vec<u64> =
        queue["data"].as_array().unwrap().iter().map(|row| row["ticket"]["id"].as_u64().unwrap()).collect();
    assert_eq!(order, [2, 4, 3, 1]);
    assert_eq!(queue["counts"]["waiting"], 4);
    assert!(queue["data"][0]["reason"]["text"].as_str().unwrap().len() > 10);
    let (_, ticket) = app.call("POST", "/api/v1/queue/claim", json!({"team": "support"})).await;
    assert_eq!(ticket["id"], 4);
    for expected in [Some(2), Some(3), Some(1), None] {
        assert_eq!(claim(&app, ADMIN).await, expected);
    }
    app.stop().await;
}

/// Q42: taking a ticket that somebody holds names the holder; releasing gives it back; skipping offers the next one.
#[actix_web::test]
async fn q42_take_release_and_skip() {
    let app = TestApp::start().await;
    let (kim, token) = app.user("kim", "agent").await;
    let (_, other) = app.user("lee", "agent").await;
    app.ticket("One", json!({"priority": "urgent"})).await;
    app.ticket("Two", json!({})).await;
    assert_eq!(app.call_as(&token, "POST", "/api/v1/tickets/1/claim", json!({})).await.0, 200);
    let (status, problem) = app.call_as(&other, "POST", "/api/v1/tickets/1/claim", json!({})).await;
    assert_eq!((status, &problem["code"], &problem["holder"]), (409, &json!("already_claimed"), &json!(kim)));
    let (status, problem) = app.call_as(&other, "POST", "/api/v1/tickets/1/release", json!({})).await;
    assert_eq!((status, &problem["code"]), (403, &json!("forbidden")));
    let (status, ticket) = app.call_as(&token, "POST", "/api/v1/tickets/1/release", json!({"reason": "lunch"})).await;
    assert_eq!((status, &ticket["assignee"]), (200, &Value::Null));
    let mut peer = app.live_peer(&token, &[]).await;
    let skipped = peer.command("skip-1", Some(1), json!({"type": "skip", "reason": "not my language"})).await;
    assert_eq!(skipped["t"], "ok", "{skipped}");
    let next = peer.command("next-1", None, json!({"type": "claim_next"})).await;
    assert_eq!(next["ticket"], 2, "a skipped ticket is not offered to the skipper");
    assert_eq!(claim(&app, &other).await, Some(1), "but to others");
    let none = peer.command("next-2", None, json!({"type": "claim_next"})).await;
    assert_eq!((&none["t"], &none["ticket"]), (&json!("ok"), &Value::Null));
    app.stop().await;
}

/// Q43: waiting lifts a ticket by one priority each time the configured time has passed.
#[actix_web::test]
async fn q43_waiting_lifts_a_ticket() {
    let app = TestApp::with(|config| config.sla.policies.clear()).await;
    app.ticket("Old and low", json!({"priority": "low"})).await;
    app.clock.advance(3 * 4 * 3_600_000 + 1);
    app.ticket("New and high", json!({"priority": "high"})).await;
    let queue = app.get("/api/v1/queue").await;
    assert_eq!(queue["data"][0]["ticket"]["id"], 1);
    assert_eq!(queue["data"][0]["reason"]["effective_priority"], "urgent");
    assert_eq!(queue["data"][0]["reason"]["lifted"], 3);
    app.stop().await;
}

/// Q44: an agent who vanishes without having answered gives the ticket back after the grace; one who answered keeps it.
#[actix_web::test]
async fn q44_who_vanishes_gives_back_what_was_not_answered() {
    let app = TestApp::start().await;
    let (kim, token) = app.user("kim", "agent").await;
    app.ticket("Answered", json!({})).await;
    app.ticket("Not answered", json!({})).await;
    let mut peer = app.live_peer(&token, &[]).await;
    // One by the socket and one by HTTP: he has a session, so he can be seen to vanish either way.
    assert_eq!(peer.command("a", None, json!({"type": "claim_next"})).await["t"], "ok");
    assert_eq!(app.call_as(&token, "POST", "/api/v1/queue/claim", json!({})).await.0, 200);
    let reply = json!({"type": "message", "body": "On it.", "visibility": "public"});
    assert_eq!(peer.command("c", Some(1), reply).await["t"], "ok");
    drop(peer);
    app.until("the agent is seen to be gone", async || {
        app.desk.presence.send(hotdesk::actors::presence::GetOnline).await.unwrap() == 0
    })
    .await;
    app.desk.presence.send(hotdesk::actors::presence::Tick).await.unwrap();
    assert_eq!(app.get("/api/v1/tickets/2").await["assignee"], kim, "within the grace it stays");
    app.clock.advance(120_000);
    app.desk.presence.send(hotdesk::actors::presence::Tick).await.unwrap();
    app.until("the ticket is given back", async || app.get("/api/v1/tickets/2").await["assignee"].is_null()).await;
    assert_eq!(app.get("/api/v1/tickets/1").await["assignee"], kim);
    app.stop().await;
}

/// Q45: a missed SLA target is a record by the desk itself, also when the time passed while the desk was down.
#[actix_web::test]
async fn q45_breaches_are_written_by_a_timer_that_survives_restarts() {
    let app = TestApp::start().await;
    app.ticket("Burning", json!({"priority": "urgent"})).await;
    let due = app.get("/api/v1/tickets/1").await["sla"]["first_response_due"].clone();
    assert!(due.is_string());
    let (journal, clock) = (app.journal.clone(), app.clock.clone());
    app.stop().await;
    clock.advance(61 * 60_000);
    let app = TestApp::on(journal, clock, |_| {}).await;
    app.desk.deadlines.send(hotdesk::actors::deadlines::Tick).await.unwrap();
    app.until("the breach is written", async || app.get("/api/v1/tickets/1").await["sla"]["breached"] == true).await;
    let ticket = app.get("/api/v1/tickets/1?include=events").await;
    let breach = ticket["events"].as_array().unwrap().last().unwrap();
    assert_eq!((&breach["by"], &breach["event"]["type"]), (&json!("system"), &json!("sla_breached")));
    app.desk.deadlines.send(hotdesk::actors::deadlines::Tick).await.unwrap();
    assert_eq!(app.get("/api/v1/tickets/1").await["version"], ticket["version"], "once is enough");
    app.stop().await;
}

/// Q49: a ticket that has been solved for long enough is closed by the desk, also when the time passed while it was down; one that was
/// opened again is not.
#[actix_web::test]
async fn q49_what_was_solved_for_long_enough_is_closed() {
    let rest = 3_600_000;
    let app = TestApp::with(|config| config.desk.close_solved_after_ms = rest).await;
    for number in 1..=3 {
        app.ticket(&format!("Ticket {number}"), json!({})).await;
        let solved = app.call("PATCH", &format!("/api/v1/tickets/{number}"), json!({"status": "solved"})).await;
        assert_eq!(solved.0, 200, "{}", solved.1);
    }
    let again = app.call("PATCH", "/api/v1/tickets/2", json!({"status": "open"})).await;
    assert_eq!(again.0, 200, "{}", again.1);
    app.clock.advance(rest - 1);
    app.desk.deadlines.send(hotdesk::actors::deadlines::Tick).await.unwrap();
    app.call("PATCH", "/api/v1/tickets/3", json!({"priority": "high"})).await;
    assert_eq!(app.get("/api/v1/tickets/1").await["status"], "solved", "not yet");
    let (journal, clock) = (app.journal.clone(), app.clock.clone());
    app.stop().await;
    clock.advance(1);
    let app = TestApp::on(journal, clock, |config| config.desk.close_solved_after_ms = rest).await;
    app.desk.deadlines.send(hotdesk::actors::deadlines::Tick).await.unwrap();
    for number in [1, 3] {
        let path = format!("/api/v1/tickets/{number}?include=events");
        app.until("it is closed", async || app.get(&path).await["status"] == "closed").await;
        let ticket = app.get(&path).await;
        let event = ticket["events"].as_array().unwrap().last().unwrap();
        assert_eq!((&event["by"], &event["event"]["changes"]["status"]), (&json!("system"), &json!("closed")));
        assert!(ticket["solved_at"].is_string(), "when it was solved is kept");
    }
    assert_eq!(app.get("/api/v1/tickets/2").await["status"], "open");
    let board = app.get("/api/v1/snapshot").await;
    let tickets = board["board"].as_array().unwrap();
    assert_eq!(tickets.len(), 1, "what is closed left the board: {board}");
    app.stop().await;
}

/// Q46: a claim reads its own writes: a ticket that was acknowledged just now can be claimed at once.
#[actix_web::test]
async fn q46_what_was_just_opened_can_be_claimed() {
    let app = TestApp::start().await;
    for number in 1..=20 {
        app.ticket("Fresh", json!({})).await;
        assert_eq!(claim(&app, ADMIN).await, Some(number));
    }
    app.stop().await;
}

/// Q48: a ticket that leaves the queue while it is on its way to a claimer goes to nobody; the claimer gets the next one.
#[actix_web::test]
async fn q48_what_leaves_the_queue_is_not_handed_out() {
    for change in [
        json!({"status": "pending"}),
        json!({"snoozed_until": "2099-01-01T00:00:00Z"}),
        json!({"category": "billing"}),
        json!({"team": "support"}),
    ] {
        let journal = MemoryJournal::new();
        let app = TestApp::on(Arc::new(journal.clone()), Clock::manual(START), |_| {}).await;
        for priority in ["urgent", "normal"] {
            app.ticket(priority, json!({"priority": priority, "category": "returns"})).await;
        }
        let (gate, before) = (journal.hold(), journal.commits());
        let changing = app.call("PATCH", "/api/v1/tickets/1", change.clone());
        let wanted = json!({"categories": ["returns"]});
        let claiming = async {
            app.until("the change is being written", async || journal.commits() > before).await;
            let claim = app.call("POST", "/api/v1/queue/claim", wanted);
            let opening = async {
                app.until("the ticket is on its way", async || app.get("/api/v1/queue").await["counts"]["lent"] == 1)
                    .await;
                drop(gate);
            };
            futures_util::join!(claim, opening).0
        };
        let ((changed, _), (claimed, ticket)) = futures_util::join!(changing, claiming);
        assert_eq!((changed, claimed), (200, 200), "{change}");
        let may_be_first = change.get("team").is_some();
        assert_eq!(ticket["id"], if may_be_first { 1 } else { 2 }, "{change}");
        assert_eq!(app.get("/api/v1/tickets/1").await["assignee"].is_null(), !may_be_first, "{change}");
        app.stop().await;
    }
}

/// Leaves, and is seen to be gone.
async fn vanish(app: &TestApp, peer: crate::support::Peer) {
    drop(peer);
    app.until("the agent is seen to be gone", async || {
        app.desk.presence.send(hotdesk::actors::presence::GetOnline).await.unwrap() == 0
    })
    .await;
}

/// Q47: a release that the disk refuses is tried again until it is decided.
#[actix_web::test]
async fn q47_a_refused_release_is_tried_again() {
    let journal = MemoryJournal::new();
    let app = TestApp::on(Arc::new(journal.clone()), Clock::manual(START), |_| {}).await;
    let (kim, token) = app.user("kim", "agent").await;
    app.ticket("Not answered", json!({})).await;
    let mut peer = app.live_peer(&token, &[]).await;
    assert_eq!(peer.command("a", None, json!({"type": "claim_next"})).await["t"], "ok");
    vanish(&app, peer).await;
    journal.set_full(true);
    app.clock.advance(120_000);
    let refused = journal.commits();
    app.until("the release is refused", async || {
        app.desk.presence.send(Tick).await.unwrap();
        journal.commits() > refused
    })
    .await;
    assert_eq!(app.get("/api/v1/tickets/1").await["assignee"], kim);
    journal.set_full(false);
    app.until("the ticket is given back", async || {
        app.clock.advance(1_000);
        app.desk.presence.send(Tick).await.unwrap();
        app.get("/api/v1/tickets/1").await["assignee"].is_null()
    })
    .await;
    app.stop().await;
}

/// Q47: a claim that becomes durable after its holder vanished is given back as well.
#[actix_web::test]
async fn q47_a_late_claim_is_given_back() {
    let journal = MemoryJournal::new();
    let app = TestApp::on(Arc::new(journal.clone()), Clock::manual(START), |_| {}).await;
    let (kim, token) = app.user("kim", "agent").await;
    app.ticket("Not answered", json!({})).await;
    let mut peer = app.live_peer(&token, &[]).await;
    let (gate, before) = (journal.hold(), journal.commits());
    peer.send(json!({"t": "cmd", "id": "a", "do": {"type": "claim_next"}})).await;
    app.until("the claim is being written", async || journal.commits() > before).await;
    vanish(&app, peer).await;
    app.clock.advance(120_000);
    app.desk.presence.send(Tick).await.unwrap();
    drop(gate);
    app.until("the claim is there", async || app.get("/api/v1/tickets/1").await["assignee"] == kim).await;
    // The claim is on the board before it is known to presence, which counts from then.
    app.until("the ticket is given back", async || {
        app.clock.advance(10_000);
        app.desk.presence.send(Tick).await.unwrap();
        app.get("/api/v1/tickets/1").await["assignee"].is_null()
    })
    .await;
    app.stop().await;
}
