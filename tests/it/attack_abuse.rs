//! Attacks by too much: costs, memory and room that one caller takes from all others, and what can be learnt by asking again and again.

use serde_json::{Value, json};

use crate::attacks::{Attack, Cause};
use crate::permission_matrix::private_team;
use crate::support::{ADMIN, TestApp, send};

/// X134: whatever somebody keeps at the desk has an end that is told: tokens, links, uploads, preferences, counts. Others go on.
#[actix_web::test]
async fn x134_nobody_fills_the_desk() {
    let attack = Attack::by(Cause::Abuse);
    let app = TestApp::with(|config| config.limits.calls_per_s = 100_000).await;
    let (_, mallory) = app.user("mallory", "agent").await;
    let (_, ann) = app.user("ann", "agent").await;
    let ticket = app.ticket("One", json!({})).await["id"].as_u64().unwrap();
    let links = format!("/api/v1/tickets/{ticket}/request-links");
    for (path, body, most) in [
        ("/api/v1/tokens", json!({"name": "n"}), 250),
        (links.as_str(), Value::Null, 30),
        ("/api/v1/attachments", json!({"name": "a", "bytes": 1_000_000}), 200),
        ("/api/v1/client-errors", json!({"message": "m", "place": "/", "build": "1"}), 30),
        ("/api/v1/presence", json!({"client": "?"}), 30),
    ] {
        let mut refused = None;
        for round in 0..most {
            attack.tried();
            let body = match path {
                "/api/v1/presence" => json!({"client": format!("tab-{round}")}),
                _ => body.clone(),
            };
            let (status, answer) = app.call_as(&mallory, "POST", path, body).await;
            if status >= 400 {
                refused = Some((status, answer));
                break;
            }
        }
        let (status, answer) = refused.unwrap_or_else(|| panic!("{path} takes without end"));
        assert!([413, 422, 429].contains(&status), "{path}: {status} {answer}");
        assert!(answer["detail"].is_string());
        if path != links {
            let body = if path.ends_with("presence") { json!({"client": "x"}) } else { body };
            assert!(app.call_as(&ann, "POST", path, body).await.0 < 300, "{path}: somebody else goes on");
        }
    }
    for (path, body) in [
        ("/api/v1/me/preferences", json!({"macros": [{"id": "m", "name": "m", "body": "x".repeat(300_000)}]})),
        (
            "/api/v1/me/preferences",
            json!({"shortcuts": (0..300).map(|n| (format!("k{n}"), json!("x"))).collect::<serde_json::Map<_, _>>()}),
        ),
        (
            "/api/v1/me/preferences",
            json!({"views": (0..300).map(|n| json!({"id": n.to_string(), "name": "v", "base": "open", "search": ""})).collect::<Vec<_>>()}),
        ),
    ] {
        attack.tried();
        assert!([413, 422].contains(&app.call_as(&mallory, "PUT", path, body).await.0));
    }
    app.stop().await;
}

/// X135: counts of use and reports of errors are bounded however inventive they are; browsers' errors push none of the server's out.
#[actix_web::test]
async fn x135_what_is_gathered_is_bounded() {
    let attack = Attack::by(Cause::Abuse);
    let app = TestApp::with(|config| config.limits.calls_per_s = 100_000).await;
    let (_, mallory) = app.user("mallory", "agent").await;
    for round in 0..20 {
        attack.tried();
        let counts: serde_json::Map<String, Value> =
            (0..200).map(|n| (format!("key:k{}", round * 200 + n), json!(u32::MAX))).collect();
        assert_eq!(app.call_as(&mallory, "POST", "/api/v1/usage", json!({"counts": counts})).await.0, 204);
    }
    let usage = app.get("/api/v1/operations/usage").await;
    let today = usage["data"][0]["counts"].as_object().unwrap();
    assert!(today.len() <= 500, "{}", today.len());
    assert!(today.values().all(|count| count.as_u64().unwrap() <= 100_000), "one report counts only so much");
    for bad in [
        json!({"key:x": -1}),
        json!({"key:x": 1e99}),
        json!({"key:x": "1"}),
        json!({"__proto__": 1}),
        json!({"key:../x": 1}),
        json!([]),
    ] {
        attack.tried();
        assert!([400, 422].contains(&app.call_as(&mallory, "POST", "/api/v1/usage", json!({"counts": bad})).await.0));
    }

    tracing::subscriber::with_default(
        tracing_subscriber::layer::SubscriberExt::with(tracing_subscriber::registry(), hotdesk::errors::Gather),
        || tracing::error!("an error of the server's in the test x135"),
    );
    let mut users = Vec::new();
    for number in 0..20 {
        users.push(app.user(&format!("bot{number}"), "agent").await.1);
    }
    for (at, token) in users.iter().enumerate() {
        for round in 0..20 {
            attack.tried();
            let word: String = format!("{at:02}{round:02}").bytes().map(|digit| char::from(digit + 50)).collect();
            let body = json!({"message": format!("x135 {word}").repeat(200), "place": "/".repeat(10_000), "build": "b".repeat(1_000),
                              "stack": format!("at {word}").repeat(2_000)});
            let (status, answer) = app.call_as(token, "POST", "/api/v1/client-errors", body).await;
            assert!([204, 413, 422].contains(&status), "{answer}");
        }
    }
    let list = app.get("/api/v1/operations/errors").await;
    let kinds = list["data"].as_array().unwrap();
    assert!(kinds.len() <= 300);
    assert!(list.to_string().len() < 300 * 6_000, "{} bytes", list.to_string().len());
    let own = kinds.iter().any(|kind| kind["message"].as_str().unwrap().contains("in the test x135"));
    assert!(own, "the server's own error is still there");
    app.stop().await;
}

/// X136: with hidden tickets or without, a colleague outside is told the very same: no figure, rank, guess or list is another one.
#[actix_web::test]
async fn x136_what_is_hidden_changes_nothing_for_others() {
    let attack = Attack::by(Cause::Access);
    let mut worlds = Vec::new();
    for with_hidden in [false, true] {
        let app = TestApp::sorting(None, |config| {
            private_team(config);
            config.limits.calls_per_s = 100_000;
        })
        .await;
        let (id, otto) = app.user("otto", "supervisor").await;
        assert_eq!(app.call("PATCH", &format!("/api/v1/users/{id}"), json!({"teams": ["support"]})).await.0, 200);
        for number in 0..6 {
            let body = format!("My parcel number {number} is late and the invoice is wrong.");
            let made = app.ticket(&format!("Parcel {number}"), json!({"team": "support", "body": body})).await;
            app.sorted(made["id"].as_u64().unwrap()).await;
            app.clock.advance(60_000);
        }
        if with_hidden {
            for number in 0..8 {
                let fields = json!({"team": "legal", "priority": "urgent", "tags": ["hush"], "category": "billing",
                                    "body": "A lawsuit about a merger that nobody may hear of."});
                let hidden = app.ticket(&format!("SECRET {number}"), fields).await["id"].as_u64().unwrap();
                app.sorted(hidden).await;
                let answer = json!({"body": "SECRET settled.", "visibility": "public", "status": "solved"});
                assert_eq!(app.call("POST", &format!("/api/v1/tickets/{hidden}/messages"), answer).await.0, 201);
            }
        }
        worlds.push((app, otto, id));
    }
    let definition =
        |split: &str, measure: &str| json!({"measure": measure, "split": [split], "last": "1d", "grain": "hour"});
    let mut asked: Vec<(&str, String, Value)> = Vec::new();
    for path in [
        "/api/v1/tickets",
        "/api/v1/tickets?sort=priority&page[size]=3",
        "/api/v1/tickets?q=merger",
        "/api/v1/tickets?tag=hush",
        "/api/v1/tickets?requester=ada@example.org",
        "/api/v1/queue",
        "/api/v1/analytics/live",
        "/api/v1/analytics/trends",
        "/api/v1/analytics/series?metric=created",
        "/api/v1/analytics/series?metric=created&team=legal",
        "/api/v1/analytics/series?metric=backlog&priority=urgent",
        "/api/v1/tickets/1/similar",
        "/api/v1/reports",
        "/api/v1/shared",
    ] {
        asked.push(("GET", path.to_owned(), Value::Null));
    }
    for measure in ["created", "solved", "backlog", "messages_out", "first_response_time"] {
        for split in ["team", "tag", "category", "priority"] {
            asked.push(("POST", "/api/v1/reports/preview".to_owned(), definition(split, measure)));
        }
        let drill = json!({"definition": {"measure": measure, "last": "1d"}, "cell": {}});
        asked.push(("POST", "/api/v1/reports/preview/tickets".to_owned(), drill));
    }
    let text = json!({"subject": "A lawsuit about a merger", "body": "Nobody may hear of the merger."});
    asked.push(("POST", "/api/v1/triage/try".to_owned(), text));
    for (method, path, body) in &asked {
        attack.tried();
        let mut told = Vec::new();
        for (app, otto, id) in &worlds {
            let (status, mut answer) = app.call_as(otto, method, path, body.clone()).await;
            forget(&mut answer, id);
            told.push((status, answer));
        }
        assert_eq!(told[0], told[1], "{method} {path} {body}");
        assert!(!told[1].1.to_string().contains("SECRET"), "{path}");
    }
    for (app, ..) in worlds {
        app.stop().await;
    }
}

/// Takes out what differs between two desks anyway: positions, times that were measured, and the ids of people.
fn forget(answer: &mut Value, own: &str) {
    match answer {
        Value::Object(fields) => {
            for name in ["seq", "at", "latency", "epoch", "etag", "after_cursor", "created_at", "updated_at"] {
                fields.remove(name);
            }
            let entries: Vec<(String, Value)> = std::mem::take(fields).into_iter().collect();
            for (name, mut value) in entries {
                forget(&mut value, own);
                fields.insert(if name == own { "own".to_owned() } else { name }, value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| forget(item, own)),
        Value::String(text) if text.starts_with("usr_") => "somebody".clone_into(text),
        _ => {}
    }
}

/// X115, X120: whoever has one private link counts through nothing with it: not to the next ticket, not to files, not to people.
#[actix_web::test]
async fn x115_a_link_leads_to_one_ticket_alone() {
    let attack = Attack::by(Cause::Access);
    let app = TestApp::with(|config| config.limits.anonymous_burst = 100_000).await;
    assert_eq!(app.call("PUT", "/api/v1/settings", json!({"request_form": {"open": true}})).await.0, 200);
    let other = app.ticket("SECRET of somebody else", json!({})).await["id"].as_u64().unwrap();
    let request = json!({"name": "Rosa", "email": "rosa@example.org", "subject": "s", "body": "b"});
    let written = send(app.anonymous("POST", "/api/v1/requests").json(&request)).await;
    let token = written.body["token"].as_str().unwrap().to_owned();
    let file = app.upload_as(ADMIN, "secret.txt", b"SECRET").await;
    let note = json!({"body": "SECRET", "visibility": "internal", "attachments": [file["id"]]});
    assert_eq!(app.call("POST", &format!("/api/v1/tickets/{other}/messages"), note).await.0, 201);
    for operation in hotdesk::http::operations() {
        let by_link = operation.path.starts_with("/api/v1/request");
        for id in [other.to_string(), file["id"].as_str().unwrap().to_owned()] {
            attack.tried();
            let mut path = operation.path.replace("{id}", &id);
            path.push_str(if by_link { "?ticket=1" } else { "" });
            let request = app.anonymous(operation.method, &path).bearer_auth(&token);
            let reply =
                send(request.header("x-ticket", &id).header("cookie", format!("hotdesk_session={token}"))).await;
            let open = operation.access == hotdesk::http::operation::Access::Open
                || operation.access == hotdesk::http::operation::Access::Operations;
            assert!(open || reply.status == 401, "{} {path}: {}", operation.method, reply.status);
            assert!(!reply.text.contains("SECRET"), "{} {path}: {}", operation.method, reply.text);
        }
    }
    app.stop().await;
}
