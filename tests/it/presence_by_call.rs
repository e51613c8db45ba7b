//! Presence for clients without a socket.

use hotdesk::actors::presence::Tick;
use serde_json::{Value, json};

use crate::permission_matrix::private_team;
use crate::support::{ADMIN, TestApp};

const PRESENCE: &str = "/api/v1/presence";

async fn tell(app: &TestApp, token: &str, body: Value) -> (u16, Value) {
    app.call_as(token, "POST", PRESENCE, body).await
}

/// S71: who calls is seen by those on sockets and the other way round, typing included, and is gone once the calls end.
#[actix_web::test]
async fn s71_whoever_calls_is_seen_and_sees() {
    let app = TestApp::start().await;
    let id = app.ticket("A", json!({})).await["id"].as_u64().unwrap();
    let (ann_id, ann) = app.user("ann", "agent").await;
    let mut admin = app.live_peer(ADMIN, &["presence"]).await;
    admin.send(json!({"t": "presence", "ticket": id, "state": "viewing"})).await;
    app.until("the socket is at the ticket", async || {
        let (_, now) = tell(&app, &ann, json!({"client": "tab"})).await;
        now["data"][0]["users"].as_array().is_some_and(|users| users.len() == 1)
    })
    .await;

    let (status, now) = tell(&app, &ann, json!({"client": "tab", "ticket": id, "state": "typing"})).await;
    assert_eq!((status, now["data"][0]["users"].as_array().unwrap().len()), (200, 2), "{now}");
    let hers = |line: &Value| {
        let users = line["users"].as_array().cloned().unwrap_or_default();
        users.into_iter().find(|user| user["user"] == ann_id.as_str())
    };
    let seen = admin.find(|line| line["t"] == "presence" && hers(line).is_some()).await;
    assert_eq!(hers(&seen).unwrap()["state"], "typing");

    let expires = i64::try_from(now["expires_ms"].as_u64().unwrap()).unwrap();
    app.clock.advance(expires - 1);
    app.desk.presence.send(Tick).await.unwrap();
    assert_eq!(tell(&app, &ann, json!({"client": "tab"})).await.1["data"][0]["users"].as_array().unwrap().len(), 2);
    app.clock.advance(expires);
    app.desk.presence.send(Tick).await.unwrap();
    app.clock.advance(app.desk.config.presence.grace_ms);
    app.desk.presence.send(Tick).await.unwrap();
    admin.find(|line| line["t"] == "presence" && line["ticket"] == id && hers(line).is_none()).await;
    app.stop().await;
}

/// S72: bad reports are named, one user has so many clients, and nobody hears of what is out of sight.
#[actix_web::test]
async fn s72_calls_are_bounded_and_see_no_further() {
    let app = TestApp::with(private_team).await;
    let id = app.ticket("A", json!({"team": "legal"})).await["id"].as_u64().unwrap();
    let (_, ann) = app.user("ann", "agent").await;
    assert_eq!(tell(&app, ADMIN, json!({"client": "x", "ticket": id, "state": "viewing"})).await.0, 200);
    assert_eq!(tell(&app, ADMIN, json!({"client": "x"})).await.1["data"].as_array().unwrap().len(), 1);
    assert_eq!(tell(&app, &ann, json!({"client": "x"})).await.1["data"], json!([]));
    assert_eq!(tell(&app, &ann, json!({"client": "x", "ticket": id, "state": "viewing"})).await.0, 404);
    for (body, pointer) in [
        (json!({"client": ""}), "/client"),
        (json!({"client": "x", "ticket": id}), "/state"),
        (json!({"client": "x", "state": "viewing"}), "/ticket"),
    ] {
        let (status, answer) = tell(&app, &ann, body).await;
        assert_eq!((status, &answer["errors"][0]["pointer"]), (422, &json!(pointer)));
    }
    let mut refused = 0;
    for tab in 0..25 {
        refused += usize::from(tell(&app, &ann, json!({"client": format!("tab-{tab}")})).await.0 == 429);
    }
    assert_eq!(refused, 6, "twenty, and one was there");
    app.stop().await;
}
