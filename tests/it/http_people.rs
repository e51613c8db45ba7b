//! People over HTTP: signing in and out, the first administrator, users, tokens, and what is taken away at once.

use std::sync::Arc;

use hotdesk::clock::Clock;
use hotdesk::journal::Journal;
use hotdesk::journal::memory::MemoryJournal;
use hotdesk::people::{AdminSeed, Place};
use hotdesk::protocol::code::Code;
use serde_json::{Value, json};

use crate::support::{ADMIN, Reply, START, TestApp, send};

const PASSWORD: &str = "correct horse battery";

impl TestApp {
    async fn sign_in(&self, email: &str, password: &str) -> Reply {
        send(self.anonymous("POST", "/api/v1/session").json(&json!({"email": email, "password": password}))).await
    }

    /// A user with a password; gives the id.
    async fn with_password(&self, name: &str, role: &str) -> String {
        let body = json!({"email": format!("{name}@example.org"), "name": name, "role": role, "password": PASSWORD});
        let (status, user) = self.call("POST", "/api/v1/users", body).await;
        assert_eq!(status, 201, "{user}");
        user["id"].as_str().unwrap().to_owned()
    }

    async fn by_cookie(&self, cookie: &str, method: &str, path: &str) -> Reply {
        send(self.anonymous(method, path).header("cookie", cookie)).await
    }
}

/// X10: signing in sets a cookie that scripts cannot read and other sites do not get, and answers who signed in.
#[actix_web::test]
async fn x10_signing_in_sets_a_guarded_cookie() {
    let app = TestApp::start().await;
    let id = app.with_password("ann", "supervisor").await;
    let reply = app.sign_in("Ann@Example.org ", PASSWORD).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!((&reply.body["id"], &reply.body["role"]), (&json!(id), &json!("supervisor")));
    assert!(reply.body["permissions"].as_array().unwrap().contains(&json!("release_others")));
    assert_eq!(reply.header("cache-control"), "no-store");
    let cookie = reply.header("set-cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=1209600"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");

    let me = app.by_cookie(&reply.cookie(), "GET", "/api/v1/me").await;
    assert_eq!(me.body, reply.body);
    app.stop().await;

    let app = TestApp::with(|config| config.server.secure_cookies = true).await;
    app.with_password("ann", "agent").await;
    assert!(app.sign_in("ann@example.org", PASSWORD).await.header("set-cookie").contains("Secure"));
    app.stop().await;
}

/// X11: a wrong password, an unknown address, and an account that was deactivated all get the same answer.
#[actix_web::test]
async fn x11_a_refused_sign_in_says_nothing_about_the_account() {
    let app = TestApp::start().await;
    app.with_password("ann", "agent").await;
    let gone = app.with_password("bob", "agent").await;
    app.call("PATCH", &format!("/api/v1/users/{gone}"), json!({"active": false})).await;
    app.user("cleo", "agent").await;
    let wrong = app.sign_in("ann@example.org", "not the password").await;
    assert_eq!(wrong.refusal(), (401, "wrong_credentials"));
    assert_eq!(wrong.header("set-cookie"), "");
    let long = "x".repeat(2000);
    for (email, password) in [
        ("nobody@example.org", PASSWORD),
        ("bob@example.org", PASSWORD),
        ("cleo@example.org", ""),
        ("ann@example.org", long.as_str()),
    ] {
        let reply = app.sign_in(email, password).await;
        assert_eq!(reply.body, wrong.body, "{email}");
    }
    app.stop().await;
}

/// X22: after ten failures the account is closed to that address, even for the right password; the answer says how long.
#[actix_web::test]
async fn x22_too_many_failures_close_the_account_for_a_while() {
    let app = TestApp::start().await;
    app.with_password("ann", "agent").await;
    for _ in 0..10 {
        assert_eq!(app.sign_in("ann@example.org", "wrong wrong wrong").await.status, 401);
    }
    let closed = app.sign_in("ANN@example.org", PASSWORD).await;
    assert_eq!(closed.refusal(), (429, "too_many"));
    assert_eq!(closed.header("retry-after"), "300");
    assert_eq!(closed.body["retryable"], true);
    app.clock.advance(5 * 60 * 1000);
    assert_eq!(app.sign_in("ann@example.org", PASSWORD).await.status, 200);
    app.stop().await;
}

/// X12: signing out ends the browser's session and takes the cookie away.
#[actix_web::test]
async fn x12_signing_out_ends_the_session() {
    let app = TestApp::start().await;
    app.with_password("ann", "agent").await;
    let cookie = app.sign_in("ann@example.org", PASSWORD).await.cookie();
    let other = app.sign_in("ann@example.org", PASSWORD).await.cookie();
    let out = app.by_cookie(&cookie, "DELETE", "/api/v1/session").await;
    assert_eq!(out.status, 204);
    assert!(
        out.header("set-cookie").starts_with("hotdesk_session=;") && out.header("set-cookie").contains("Max-Age=0")
    );
    assert_eq!(app.by_cookie(&cookie, "GET", "/api/v1/me").await.refusal(), (401, "not_signed_in"));
    assert_eq!(app.by_cookie(&other, "GET", "/api/v1/me").await.status, 200);
    app.stop().await;
}

/// X13: without any administrator the desk has a secret for making the first one, which works once.
#[actix_web::test]
async fn x13_the_first_administrator_is_made_once() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let app = TestApp::seeded(journal.clone(), Clock::manual(START), AdminSeed::default(), |_| {}).await;
    let secret = app.desk.people.setup_secret().unwrap();
    let body = |token: &str, password: &str| json!({"token": token, "email": "root@example.org", "name": "Root", "password": password});
    let set_up = |body: Value| send(app.anonymous("POST", "/api/v1/setup").json(&body));

    assert_eq!(set_up(body("guess", PASSWORD)).await.refusal(), (401, "wrong_credentials"));
    let weak = set_up(body(&secret, "short")).await;
    assert_eq!((weak.refusal(), weak.pointers()), ((422, "invalid_field"), vec!["/password"]));
    let made = set_up(body(&secret, PASSWORD)).await;
    assert_eq!((made.status, &made.body["role"]), (201, &json!("admin")));
    assert_eq!(app.by_cookie(&made.cookie(), "GET", "/api/v1/users").await.status, 200);
    assert_eq!(set_up(body(&secret, PASSWORD)).await.refusal(), (409, "setup_done"));
    app.stop().await;

    let again = TestApp::seeded(journal, Clock::manual(START), AdminSeed::default(), |_| {}).await;
    assert_eq!(again.desk.people.setup_secret(), None);
    again.stop().await;
}

/// X9: the environment's administrator is made once, can sign in, and its token acts as that administrator without being stored.
#[actix_web::test]
async fn x9_the_environment_names_the_first_administrator() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let seed = AdminSeed {
        email: Some("boss@example.org".into()),
        password: Some(PASSWORD.into()),
        token: Some("environment-token-1".into()),
    };
    for _ in 0..2 {
        let app = TestApp::seeded(journal.clone(), Clock::manual(START), seed.clone(), |_| {}).await;
        assert_eq!(app.desk.people.setup_secret(), None);
        let signed_in = app.sign_in("boss@example.org", PASSWORD).await;
        assert_eq!((signed_in.status, &signed_in.body["role"]), (200, &json!("admin")));
        let (status, me) = app.call_as("environment-token-1", "GET", "/api/v1/me", Value::Null).await;
        assert_eq!((status, &me["id"]), (200, &signed_in.body["id"]));
        let (_, users) = app.call_as("environment-token-1", "GET", "/api/v1/users", Value::Null).await;
        assert_eq!(users["data"].as_array().unwrap().len(), 1);
        let (_, tokens) = app.call_as("environment-token-1", "GET", "/api/v1/tokens", Value::Null).await;
        assert_eq!(tokens["data"], json!([]));
        app.stop().await;
    }
    let without = TestApp::seeded(journal, Clock::manual(START), AdminSeed::default(), |_| {}).await;
    assert_eq!(without.call_as("environment-token-1", "GET", "/api/v1/me", Value::Null).await.0, 401);
    without.stop().await;
}

/// X14: what a role does not allow is 403 and says which permission it needs; without a sign-in it is 401.
#[actix_web::test]
async fn x14_roles_limit_what_can_be_done() {
    let app = TestApp::start().await;
    let (_, agent) = app.user("ann", "agent").await;
    for (method, path, body) in [
        ("GET", "/api/v1/users", Value::Null),
        ("POST", "/api/v1/users", json!({"email": "x@example.org", "name": "x", "role": "admin"})),
        ("PATCH", "/api/v1/users/usr_1", json!({"role": "admin"})),
    ] {
        let refused = send(app.anonymous(method, path).bearer_auth(&agent).json(&body)).await;
        assert_eq!(refused.refusal(), (403, "forbidden"), "{method} {path}");
        assert!(refused.body["detail"].as_str().unwrap().contains("users_manage"));
        let nobody = send(app.anonymous(method, path).json(&body)).await;
        assert_eq!(nobody.refusal(), (401, "not_signed_in"));
        assert!(nobody.header("www-authenticate").starts_with("Bearer"));
    }
    for token in ["", "hd_unknown", "a b"] {
        assert_eq!(send(app.anonymous("GET", "/api/v1/me").bearer_auth(token)).await.refusal(), (401, "not_signed_in"));
    }
    app.stop().await;
}

/// X24: users are listed in pages, changed in place, and no two have one address.
#[actix_web::test]
async fn x24_users_are_administered() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for name in ["ann", "bob", "cleo"] {
        app.clock.advance(1000);
        ids.push(app.with_password(name, "agent").await);
    }
    let first = app.get("/api/v1/users?page[size]=2").await;
    assert_eq!(first["meta"]["has_more"], true);
    let cursor = first["meta"]["after_cursor"].as_str().unwrap();
    let second = app.get(&format!("/api/v1/users?page[size]=2&page[after]={cursor}")).await;
    assert_eq!(second["meta"], json!({"has_more": false, "after_cursor": null}));
    let pages = [first["data"].as_array().unwrap().as_slice(), second["data"].as_array().unwrap().as_slice()].concat();
    assert_eq!(pages[1..].iter().map(|user| user["id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
    assert!(pages.iter().all(|user| user.get("password").is_none()));
    assert_eq!(send(app.request("GET", "/api/v1/users?page[after]=nonsense")).await.refusal(), (422, "invalid_field"));

    let taken = json!({"email": "ANN@example.org", "name": "Other", "role": "agent"});
    assert_eq!(send(app.request("POST", "/api/v1/users").json(&taken)).await.refusal(), (409, "email_taken"));
    let bad = json!({"email": "nobody", "name": " ", "role": "agent", "password": "short", "teams": ["chess"]});
    let refused = send(app.request("POST", "/api/v1/users").json(&bad)).await;
    assert_eq!(refused.pointers(), ["/email", "/name", "/teams/0", "/password"]);
    let role = json!({"email": "d@example.org", "name": "d", "role": "king"});
    assert_eq!(send(app.request("POST", "/api/v1/users").json(&role)).await.pointers(), ["/role"]);

    let path = format!("/api/v1/users/{}", ids[0]);
    let change = json!({"email": "ann.lee@example.org", "name": "Ann Lee", "role": "supervisor", "teams": ["support"]});
    let (status, user) = app.call("PATCH", &path, change).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&user["name"], &user["teams"], &user["role"]),
        (&json!("Ann Lee"), &json!(["support"]), &json!("supervisor"))
    );
    assert_eq!(app.sign_in("ann.lee@example.org", PASSWORD).await.status, 200);
    assert_eq!(app.sign_in("ann@example.org", PASSWORD).await.status, 401);
    assert_eq!(app.call("PATCH", "/api/v1/users/usr_0", json!({})).await.0, 404);

    let people = app.get("/api/v1/people").await;
    assert_eq!(people["data"].as_array().unwrap().len(), 4);
    assert!(people["data"].as_array().unwrap().iter().all(|person| person.get("email").is_none()));
    app.stop().await;
}

/// X15: the last active administrator can be neither demoted nor deactivated.
#[actix_web::test]
async fn x15_the_last_administrator_stays() {
    let app = TestApp::start().await;
    let id = app.get("/api/v1/me").await["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/users/{id}");
    for (change, pointer) in [(json!({"role": "agent"}), "/role"), (json!({"active": false}), "/active")] {
        let refused = send(app.request("PATCH", &path).json(&change)).await;
        assert_eq!((refused.refusal(), refused.pointers()), ((422, "invalid_field"), vec![pointer]));
        assert_eq!(refused.body["errors"][0]["code"], "last_admin");
    }
    app.user("zoe", "admin").await;
    assert_eq!(app.call("PATCH", &path, json!({"role": "agent"})).await.0, 200);
    app.stop().await;
}

/// X16: a token is shown once, belongs to its user, and only its user or who may have others' sees and revokes it.
#[actix_web::test]
async fn x16_tokens_are_shown_once_and_belong_to_their_user() {
    let app = TestApp::start().await;
    let (ann, token) = app.user("ann", "agent").await;
    app.clock.advance(1000);
    let (bob, _) = app.user("bob", "agent").await;
    app.clock.advance(1000);
    let (status, made) = app.call_as(&token, "POST", "/api/v1/tokens", json!({"name": "script"})).await;
    assert_eq!(status, 201);
    assert_eq!((&made["user"], &made["name"], &made["expires_at"]), (&json!(ann), &json!("script"), &Value::Null));
    let secret = made["token"].as_str().unwrap();
    assert!(secret.starts_with("hd_") && secret.len() == 67);

    let (_, own) = app.call_as(secret, "GET", "/api/v1/tokens", Value::Null).await;
    let names: Vec<_> = own["data"].as_array().unwrap().iter().map(|token| token["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["test", "script"]);
    assert!(own["data"].as_array().unwrap().iter().all(|token| token.get("token").is_none()));
    assert_eq!(app.get("/api/v1/tokens").await["data"].as_array().unwrap().len(), 3);

    let for_bob = json!({"name": "x", "user": bob});
    assert_eq!(app.call_as(secret, "POST", "/api/v1/tokens", for_bob).await.1["code"], "forbidden");
    let bobs = app.get("/api/v1/tokens").await["data"][1]["id"].as_str().unwrap().to_owned();
    assert_eq!(app.call_as(secret, "DELETE", &format!("/api/v1/tokens/{bobs}"), Value::Null).await.0, 404);

    let past = json!({"name": " ", "expires_at": "2020-01-01T00:00:00Z", "user": "usr_0"});
    let refused = send(app.request("POST", "/api/v1/tokens").json(&past)).await;
    assert_eq!(refused.pointers(), ["/name", "/expires_at", "/user"]);
    app.stop().await;
}

/// X17: a revoked token ends at once, for requests and for open sockets (close 4001).
#[actix_web::test]
async fn x17_a_revoked_token_ends_at_once() {
    let app = TestApp::start().await;
    let (_, token) = app.user("ann", "agent").await;
    let mut peer = app.live_peer(&token, &["board"]).await;
    let id = app.get("/api/v1/tokens").await["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(app.call("DELETE", &format!("/api/v1/tokens/{id}"), Value::Null).await.0, 204);
    assert_eq!(app.call_as(&token, "GET", "/api/v1/me", Value::Null).await.0, 401);
    let closed = loop {
        let line = peer.next().await;
        if line["t"] == "close" {
            break line;
        }
    };
    assert_eq!(closed["code"], 4001);
    assert_eq!(app.call("DELETE", &format!("/api/v1/tokens/{id}"), Value::Null).await.0, 404);
    app.stop().await;
}

/// X18: tokens and browser sessions end by themselves when their time has come.
#[actix_web::test]
async fn x18_tokens_and_sessions_expire() {
    let app = TestApp::start().await;
    app.with_password("ann", "agent").await;
    let cookie = app.sign_in("ann@example.org", PASSWORD).await.cookie();
    let body = json!({"name": "short", "expires_at": "2026-11-23T09:00:00Z"});
    let (_, token) = app.call("POST", "/api/v1/tokens", body).await;
    let token = token["token"].as_str().unwrap();
    app.clock.advance(60 * 60 * 1000 - 1);
    assert_eq!(app.call_as(token, "GET", "/api/v1/me", Value::Null).await.0, 200);
    app.clock.advance(1);
    assert_eq!(app.call_as(token, "GET", "/api/v1/me", Value::Null).await.0, 401);
    assert_eq!(app.get("/api/v1/tokens").await["data"], json!([]));
    assert_eq!(app.by_cookie(&cookie, "GET", "/api/v1/me").await.status, 200);
    app.clock.advance(14 * 24 * 60 * 60 * 1000);
    assert_eq!(app.by_cookie(&cookie, "GET", "/api/v1/me").await.status, 401);
    app.desk.people.sweep().await.unwrap();
    assert_eq!(app.journal.asides("sessions/").unwrap().len() + app.journal.asides("tokens/").unwrap().len(), 0);
    app.stop().await;
}

/// X19: deactivating a user ends every session and token of theirs; with a lesser role an open socket is closed 4003.
#[actix_web::test]
async fn x19_who_is_sent_away_is_out_at_once() {
    let app = TestApp::start().await;
    let ann = app.with_password("ann", "supervisor").await;
    let cookie = app.sign_in("ann@example.org", PASSWORD).await.cookie();
    let (_, token) = app.call("POST", "/api/v1/tokens", json!({"name": "t", "user": ann})).await;
    let token = token["token"].as_str().unwrap();
    let path = format!("/api/v1/users/{ann}");

    let mut peer = app.live_peer(token, &["board"]).await;
    app.call("PATCH", &path, json!({"role": "agent"})).await;
    let closed = loop {
        let line = peer.next().await;
        if line["t"] == "close" {
            break line;
        }
    };
    assert_eq!(closed["code"], 4003);
    assert_eq!(app.call_as(token, "GET", "/api/v1/me", Value::Null).await.1["role"], "agent");

    app.call("PATCH", &path, json!({"active": false})).await;
    assert_eq!(app.call_as(token, "GET", "/api/v1/me", Value::Null).await.0, 401);
    assert_eq!(app.by_cookie(&cookie, "GET", "/api/v1/me").await.status, 401);
    app.call("PATCH", &path, json!({"active": true})).await;
    assert_eq!(app.by_cookie(&cookie, "GET", "/api/v1/me").await.status, 401);
    assert_eq!(app.call_as(token, "GET", "/api/v1/me", Value::Null).await.0, 401);
    assert_eq!(app.get("/api/v1/tokens").await["data"], json!([]));
    assert_eq!(app.journal.asides("sessions/").unwrap().len() + app.journal.asides("tokens/").unwrap().len(), 0);
    app.stop().await;
}

/// X19: the environment's token stays the operator's.
#[actix_web::test]
async fn x19_the_environments_token_comes_back_with_its_user() {
    let app = TestApp::start().await;
    let (_, other) = app.user("zoe", "admin").await;
    let path = format!("/api/v1/users/{}", app.get("/api/v1/me").await["id"].as_str().unwrap());
    assert_eq!(app.call_as(&other, "PATCH", &path, json!({"active": false})).await.0, 200);
    assert_eq!(app.call("GET", "/api/v1/me", Value::Null).await.0, 401);
    assert_eq!(app.call_as(&other, "PATCH", &path, json!({"active": true})).await.0, 200);
    assert_eq!(app.call("GET", "/api/v1/me", Value::Null).await.0, 200);
    app.stop().await;
}

/// X25: a new password signs every browser of that user out; the old one is worth nothing.
#[actix_web::test]
async fn x25_a_new_password_signs_out() {
    let app = TestApp::start().await;
    let ann = app.with_password("ann", "agent").await;
    let cookie = app.sign_in("ann@example.org", PASSWORD).await.cookie();
    let path = format!("/api/v1/users/{ann}");
    app.call("PATCH", &path, json!({"password": PASSWORD})).await;
    assert_eq!(app.by_cookie(&cookie, "GET", "/api/v1/me").await.status, 200);
    app.call("PATCH", &path, json!({"password": "another one entirely"})).await;
    assert_eq!(app.by_cookie(&cookie, "GET", "/api/v1/me").await.status, 401);
    assert_eq!(app.sign_in("ann@example.org", PASSWORD).await.status, 401);
    assert_eq!(app.sign_in("ann@example.org", "another one entirely").await.status, 200);
    app.stop().await;
}

/// X26: a password that was right when it was checked opens nothing once it is changed, or its user deactivated.
#[actix_web::test]
async fn x26_a_sign_in_under_way_does_not_outlive_the_password() {
    let app = TestApp::start().await;
    let ann = app.with_password("ann", "agent").await;
    let (path, people) = (format!("/api/v1/users/{ann}"), &app.desk.people);
    let mut password = PASSWORD.to_owned();
    for (change, refused) in [
        (json!({"name": "Ann Lee"}), false),
        (json!({"password": "another one entirely"}), true),
        (json!({"active": false}), true),
    ] {
        let proven = people.prove("ann@example.org", &password, None).await.unwrap();
        assert_eq!(app.call("PATCH", &path, change.clone()).await.0, 200);
        let admitted = people.admit(proven, Place::default(), None).await;
        assert_eq!(admitted.err().map(|problem| problem.code), refused.then_some(Code::WrongCredentials), "{change}");
        password = change["password"].as_str().unwrap_or(&password).to_owned();
    }
    assert_eq!(app.journal.asides("sessions/").unwrap().len(), 0);
    app.stop().await;
}

/// X20: users, sessions and tokens survive a restart. X21: no secret lies in the journal as it is.
#[actix_web::test]
async fn x20_x21_people_survive_restarts_and_secrets_are_only_hashes() {
    let app = TestApp::start().await;
    app.with_password("ann", "agent").await;
    let signed_in = app.sign_in("ann@example.org", PASSWORD).await;
    let (_, token) = app.user("bob", "agent").await;
    let (journal, clock) = (app.journal.clone(), app.clock.clone());
    app.stop().await;

    let secret = signed_in.cookie().split_once('=').unwrap().1.to_owned();
    for (key, value) in journal.asides("").unwrap() {
        let text = String::from_utf8(value.to_vec()).unwrap();
        for secret in [secret.as_str(), &token, PASSWORD, ADMIN] {
            assert!(!text.contains(secret) && !key.contains(secret), "{key}");
        }
    }
    let app = TestApp::on(journal, clock, |_| {}).await;
    assert_eq!(app.by_cookie(&signed_in.cookie(), "GET", "/api/v1/me").await.body, signed_in.body);
    assert_eq!(app.call_as(&token, "GET", "/api/v1/me", Value::Null).await.1["name"], "bob");
    assert_eq!(app.sign_in("ann@example.org", PASSWORD).await.status, 200);
    app.stop().await;
}

/// X23: with a cookie, a request that changes something must come from our own page; a token needs no page.
#[actix_web::test]
async fn x23_another_sites_page_cannot_use_the_cookie() {
    let app = TestApp::start().await;
    app.with_password("ann", "agent").await;
    let cookie = app.sign_in("ann@example.org", PASSWORD).await.cookie();
    let ticket = json!({"subject": "s", "body": "b", "requester": {"name": "n", "email": "n@example.org"}});
    let post = |origin: &str| {
        let request = app.anonymous("POST", "/api/v1/tickets").header("cookie", &cookie).header("origin", origin);
        send(request.json(&ticket))
    };
    assert_eq!(post("https://evil.test").await.refusal(), (403, "foreign_origin"));
    assert_eq!(post("null").await.refusal(), (403, "foreign_origin"));
    assert_eq!(post(&format!("http://{}", app.address)).await.status, 201);

    let read = app.anonymous("GET", "/api/v1/me").header("cookie", &cookie).header("origin", "https://evil.test");
    assert_eq!(send(read).await.status, 200);
    let token = app.request("POST", "/api/v1/tickets").header("origin", "https://evil.test").json(&ticket);
    assert_eq!(send(token).await.status, 201);
    let sign_in = app.anonymous("POST", "/api/v1/session").header("origin", "https://evil.test");
    let sign_in = sign_in.json(&json!({"email": "ann@example.org", "password": PASSWORD}));
    assert_eq!(send(sign_in).await.refusal(), (403, "foreign_origin"));
    app.stop().await;
}
