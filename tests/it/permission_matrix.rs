//! Every call and every WebSocket message, by every role, inside and outside of a private team. A call or a message that has
//! no row here fails the test: whoever adds one says who may use it.

use std::collections::BTreeSet;

use hotdesk::domain::permissions::Permission;
use hotdesk::http::operation::Access;
use serde_json::{Value, json};

use crate::attacks::{Attack, Cause, say};
use crate::support::{TestApp, send};

/// Stands in every ticket of the private team.
const CANARY: &str = "CANARY-of-the-legal-team";
const TEAM: &str = "legal";

struct Caller {
    role: &'static str,
    /// A member of the private team, or an administrator.
    inside: bool,
    token: String,
}

async fn world() -> (TestApp, Vec<Caller>) {
    let app = TestApp::with(private_team).await;
    let mut callers = Vec::new();
    for role in ["agent", "supervisor", "admin"] {
        for team in [TEAM, "support"] {
            let (id, token) = app.user(&format!("{role}-{team}"), role).await;
            let (status, _) = app.call("PATCH", &format!("/api/v1/users/{id}"), json!({"teams": [team]})).await;
            assert_eq!(status, 200);
            callers.push(Caller { role, inside: team == TEAM || role == "admin", token });
        }
    }
    (app, callers)
}

pub fn private_team(config: &mut hotdesk::config::Config) {
    let mut team = config.desk.teams[0].clone();
    TEAM.clone_into(&mut team.id);
    "Legal".clone_into(&mut team.name);
    team.private = true;
    config.desk.teams.push(team);
}

/// Who gets what by a call.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    /// Anybody who is signed in; no ticket is in it.
    Anybody,
    /// The permission that the operation itself names decides.
    ByRole,
    /// A ticket of the private team is named: outside it is `not_found`.
    Ticket,
    /// Tickets are listed: outside none of the private team is.
    Listed,
    /// Each id has an outcome of its own: outside it is `not_found`.
    Bulk,
    /// Figures by team: outside the private team is not among them.
    Figures,
    /// Tickets behind a figure: outside none of the private team is.
    Drilled,
}

fn row(operation: &str) -> Option<(Rule, &'static str, Value)> {
    let message = json!({"body": "Hello", "visibility": "public"});
    Some(match operation {
        "sign_in" => (Rule::Anybody, "", json!({"email": "nobody@example.org", "password": "not the password"})),
        "set_up" => {
            (Rule::Anybody, "", json!({"token": "x", "email": "a@example.org", "name": "A", "password": "0123456789"}))
        }
        "sign_out" | "get_me" | "get_desk" | "list_people" | "list_tokens" | "get_openapi" | "get_docs" | "live"
        | "ready" | "metrics" => (Rule::Anybody, "", Value::Null),
        "get_preferences" | "list_shared" | "get_settings" => (Rule::Anybody, "", Value::Null),
        "put_preferences" => (Rule::Anybody, "", json!({"appearance": "dark"})),
        "put_shared" => (Rule::ByRole, "", json!({"kind": "macro", "name": ""})),
        "remove_shared" => (Rule::ByRole, "", Value::Null),
        "put_settings" => (Rule::ByRole, "", json!({"request_form": {"team": "none"}})),
        // By the form or a private link, never by a sign-in.
        "get_request_form" | "get_request" | "solve_request" => (Rule::Anybody, "", Value::Null),
        "begin_request_file" => (Rule::Anybody, "", json!({"name": "a.txt", "bytes": 1})),
        "get_request_file" | "cancel_request_file" | "send_request_file" => (Rule::Anybody, "", Value::Null),
        "download_request_attachment" | "get_request_thumbnail" => (Rule::Anybody, "", Value::Null),
        "answer_request" => (Rule::Anybody, "", json!({"body": "Hello"})),
        "create_request" => {
            (Rule::Anybody, "", json!({"name": "n", "email": "n@example.org", "subject": "s", "body": "b"}))
        }
        "list_request_links" | "create_request_link" | "revoke_request_links" => (Rule::Ticket, "", Value::Null),
        "tell_presence" => (Rule::Anybody, "", json!({"client": "matrix"})),
        "list_sessions" => (Rule::Anybody, "", Value::Null),
        "end_session" => (Rule::Anybody, "", Value::Null),
        "change_password" => (Rule::Anybody, "", json!({"current": "x", "password": "0123456789"})),
        "accept_invitation" => (Rule::Anybody, "", json!({"token": "x", "password": "0123456789"})),
        "list_invitations" | "withdraw_invitation" => (Rule::ByRole, "", Value::Null),
        "create_invitation" => (Rule::ByRole, "", json!({"email": "", "name": "", "role": "agent"})),
        "report_error" => (Rule::Anybody, "", json!({"message": "m", "place": "/", "build": "1"})),
        "count_usage" => (Rule::Anybody, "", json!({"counts": {"key:help": 1}})),
        "get_usage" => (Rule::ByRole, "", Value::Null),
        "list_errors" => (Rule::ByRole, "", Value::Null),
        "get_backups" | "begin_backup" | "download_backup" => (Rule::ByRole, "", Value::Null),
        "list_audit" | "export_audit" => (Rule::ByRole, "", Value::Null),
        "list_users" => (Rule::ByRole, "", Value::Null),
        "create_user" => (Rule::ByRole, "", json!({"email": "", "name": "", "role": "agent"})),
        "update_user" => (Rule::ByRole, "", json!({"name": ""})),
        "create_token" => (Rule::ByRole, "", json!({"name": ""})),
        "revoke_token" => (Rule::ByRole, "", Value::Null),
        "create_ticket" => (
            Rule::Anybody,
            "",
            json!({"subject": "Public", "body": "b", "requester": {"name": "n", "email": "n@example.org"}}),
        ),
        "begin_upload" => (Rule::Anybody, "", json!({"name": "a.txt", "bytes": 1})),
        "get_upload" | "cancel_upload" | "send_upload" | "download_attachment" | "get_thumbnail" => {
            (Rule::Anybody, "", Value::Null)
        }
        "list_tickets" => (Rule::Listed, "?q=canary", Value::Null),
        "get_queue" => (Rule::Listed, "?limit=1000", Value::Null),
        "get_snapshot" => (Rule::Listed, "", Value::Null),
        "list_events" => (Rule::Listed, "?limit=1000", Value::Null),
        "bulk" => (Rule::Bulk, "", Value::Null),
        "get_ticket" => (Rule::Ticket, "?include=messages,events", Value::Null),
        "update_ticket" => (Rule::Ticket, "", json!({"priority": "high"})),
        "add_message" => (Rule::Ticket, "", message),
        "list_ticket_events" => (Rule::Ticket, "", Value::Null),
        "claim_ticket" | "release_ticket" => (Rule::Ticket, "", json!({})),
        "skip_ticket" => (Rule::Ticket, "", json!({"reason": "busy"})),
        "undo" => (Rule::Ticket, "", json!({"command_id": "none"})),
        "ask_triage" | "accept_triage" | "reject_triage" => (Rule::Ticket, "", json!({})),
        "similar_tickets" => (Rule::Ticket, "", Value::Null),
        "draft_reply" => (Rule::Ticket, "", Value::Null),
        "triage_stats" => (Rule::ByRole, "", Value::Null),
        "try_triage" => (Rule::ByRole, "", json!({"subject": "", "body": ""})),
        "merge_ticket" => (Rule::Ticket, "", json!({"into": 1})),
        "link_ticket" | "unlink_ticket" => (Rule::Ticket, "", json!({"to": 1, "kind": "related"})),
        "claim_next" => (Rule::Listed, "", json!({"team": TEAM})),
        "list_metrics" | "get_trends" | "list_reports" => (Rule::Anybody, "", Value::Null),
        "get_operations" => (Rule::ByRole, "", Value::Null),
        "get_live_figures" => (Rule::Figures, "", Value::Null),
        "get_series" => (Rule::Anybody, "?metric=created", Value::Null),
        "preview_report" => (Rule::Figures, "", json!({"measure": "created", "split": ["team"], "last": "1d"})),
        "preview_report_tickets" => {
            (Rule::Drilled, "", json!({"definition": {"measure": "created", "last": "1d"}, "cell": {}}))
        }
        "save_report" => (Rule::ByRole, "", json!({"name": "", "definition": {"measure": "created", "last": "1d"}})),
        "update_report" => (Rule::ByRole, "", json!({"shared": true})),
        "remove_report" | "get_report" | "run_report" | "get_report_tickets" | "list_report_files" => {
            (Rule::ByRole, "", Value::Null)
        }
        "get_report_file" => (Rule::ByRole, "?at=2026-01-01T00:00:00Z", Value::Null),
        _ => return None,
    })
}

/// X32: every call × every role × inside and outside: what is out of sight is not there, and what a role may not do is 403.
#[actix_web::test]
async fn x32_every_call_obeys_roles_and_teams() {
    let _attack = Attack::by(Cause::Access);
    let (app, callers) = world().await;
    let anchor = app.ticket("anchor", json!({"team": TEAM, "body": CANARY})).await;
    assert_eq!(anchor["id"], 1);
    let mut cells = 0;
    let mut missing = Vec::new();
    for operation in hotdesk::http::operations() {
        let Some((rule, query, body)) = row(operation.id) else {
            missing.push(operation.id);
            continue;
        };
        for caller in &callers {
            let what =
                format!("{} as {} {}", operation.id, caller.role, if caller.inside { "inside" } else { "outside" });
            let ticket = app.ticket(CANARY, json!({"team": TEAM})).await["id"].as_u64().unwrap();
            let id =
                if operation.path.starts_with("/api/v1/tickets/") { ticket.to_string() } else { "none".to_owned() };
            let path = format!("{}{query}", operation.path.replace("{id}", &id));
            let body = match rule {
                Rule::Bulk => json!({"ids": [ticket], "command": {"type": "update", "priority": "low"}}),
                _ => body.clone(),
            };
            let ask = async |path: &str| {
                let mut request = app.anonymous(operation.method, path).bearer_auth(&caller.token);
                if !body.is_null() {
                    request = request.json(&body);
                }
                send(request).await
            };
            let reply = ask(&path).await;
            let allowed = match operation.access {
                Access::Needs(permission) => role(caller.role).may(permission),
                _ => true,
            };
            if !allowed {
                assert_eq!(reply.refusal(), (403, "forbidden"), "{what}");
                assert!(reply.text.contains(name(operation.access)), "{what}: {}", reply.text);
            }
            match rule {
                Rule::Anybody | Rule::ByRole => {
                    assert!(!allowed || reply.status != 403, "{what}: {}", reply.text);
                    assert!(!reply.text.contains(CANARY), "{what}");
                }
                Rule::Ticket if caller.inside => {
                    assert!(![401, 403, 404].contains(&reply.status), "{what}: {} {}", reply.status, reply.text);
                }
                Rule::Ticket => {
                    let absent = ask(&path.replace(&format!("/{ticket}"), "/999999")).await;
                    assert_eq!(reply.refusal(), (404, "not_found"), "{what}");
                    assert_eq!(reply.text, absent.text, "{what}: it must not tell that there is something");
                }
                Rule::Listed if caller.inside => assert!(reply.text.contains(CANARY), "{what}: {}", reply.text),
                Rule::Listed => {
                    assert!(reply.status < 300, "{what}: {}", reply.text);
                    assert!(!reply.text.contains(CANARY) && !reply.text.contains(TEAM), "{what}: {}", reply.text);
                }
                Rule::Figures => {
                    assert!(reply.status < 300, "{what}: {}", reply.text);
                    assert_eq!(reply.text.contains(TEAM), caller.inside, "{what}: {}", reply.text);
                }
                Rule::Drilled => {
                    let tickets = reply.body["tickets"].as_array().unwrap();
                    assert_eq!(tickets.iter().any(|id| *id == ticket), caller.inside, "{what}: {}", reply.text);
                }
                Rule::Bulk => {
                    let code = reply.body["outcomes"][0]["error"]["code"].as_str();
                    assert_eq!(code, if caller.inside { None } else { Some("not_found") }, "{what}: {}", reply.text);
                }
            }
            cells += 1;
        }
    }
    assert!(missing.is_empty(), "these calls have no row in the matrix: {missing:?}");
    say(&format!("permission matrix, HTTP: {cells} cells\n"));
    assert!(cells >= 6 * 30);
    app.stop().await;
}

fn role(name: &str) -> hotdesk::domain::permissions::Role {
    serde_json::from_value(name.into()).unwrap()
}

fn name(access: Access) -> &'static str {
    match access {
        Access::Needs(permission) => Permission::name(permission),
        _ => "",
    }
}

/// The command of each type, on a ticket that nobody holds.
fn command(kind: &str) -> Option<Value> {
    let mut command = match kind {
        "create" => json!({"subject": "Public", "body": "b", "requester": {"name": "n", "email": "n@example.org"}}),
        "update" => json!({"priority": "high"}),
        "message" => json!({"body": "Hello", "visibility": "internal"}),
        "claim" | "release" | "triage" | "triage_accept" | "triage_reject" => json!({}),
        "claim_next" => json!({"team": TEAM}),
        "skip" => json!({"reason": "busy"}),
        "merge" => json!({"into": 1}),
        "link" | "unlink" => json!({"to": 1, "kind": "related"}),
        "undo" => json!({"command_id": "none"}),
        _ => return None,
    };
    command["type"] = kind.into();
    Some(command)
}

/// X33: every WebSocket message and every command × every role × inside and outside; nothing of a private team is ever sent
/// to somebody outside, and everything is to those inside.
#[actix_web::test]
async fn x33_every_message_obeys_roles_and_teams() {
    let _attack = Attack::by(Cause::Realtime);
    let (app, callers) = world().await;
    app.ticket("anchor", json!({"team": TEAM, "body": CANARY})).await;
    let document: Value = serde_json::from_str(&hotdesk::http::openapi::print()).unwrap();
    let kinds = tags(&document["components"]["schemas"]["Command"], "type");
    assert!(kinds.len() >= 13, "{kinds:?}");
    let messages = tags(&document["components"]["schemas"]["ClientMessage"], "t");
    let known: BTreeSet<String> =
        ["hello", "sub", "unsub", "cmd", "presence", "visible"].map(str::to_owned).into_iter().collect();
    assert_eq!(messages, known, "a message without a row in the matrix");
    let mut cells = 0;
    for caller in &callers {
        let who = format!("{} {}", caller.role, if caller.inside { "inside" } else { "outside" });
        let topics = ["board", "queue", "mine", "presence", "ticket:1", "analytics"];
        let mut peer = app.live_peer(&caller.token, &topics).await;
        let mut all = String::new();
        for kind in &kinds {
            let what = format!("{kind} as {who}");
            let command = command(kind).unwrap_or_else(|| panic!("the command {kind} has no row in the matrix"));
            let ticket = app.ticket(CANARY, json!({"team": TEAM})).await["id"].as_u64().unwrap();
            let named = !["create", "claim_next"].contains(&kind.as_str());
            let ask = |ticket: u64| json!({"t": "cmd", "id": format!("{kind}-{ticket}-{who}"), "ticket": ticket, "do": command});
            let mut message = ask(ticket);
            if !named {
                message.as_object_mut().unwrap().remove("ticket");
            }
            peer.send(message.clone()).await;
            let answer = peer
                .find(|line| {
                    all.push_str(&line.to_string());
                    line["id"] == message["id"]
                })
                .await;
            let code = answer["code"].as_str().unwrap_or("ok");
            if kind == "claim_next" {
                assert_eq!(answer["ticket"].is_null(), !caller.inside, "{what}: {answer}");
            } else if caller.inside || !named {
                assert!(!["not_found", "forbidden"].contains(&code), "{what}: {answer}");
            } else {
                assert_eq!(code, "not_found", "{what}: {answer}");
            }
            cells += 1;
        }
        if !all.contains("\"whole\":true") {
            peer.find(|line| {
                all.push_str(&line.to_string());
                line["whole"] == true
            })
            .await;
        }
        assert_eq!(all.contains("\"legal\":{"), caller.inside, "{who}: live figures by team");
        // Presence of a ticket out of sight is refused, and nobody outside hears who looks at it.
        peer.send(json!({"t": "presence", "ticket": 1, "state": "viewing"})).await;
        let heard = peer
            .find(|line| {
                all.push_str(&line.to_string());
                line["t"] == "presence" && line["ticket"] == 1 || line["t"] == "err"
            })
            .await;
        assert_eq!(heard["t"] == "presence", caller.inside, "{who}: {heard}");
        assert!(caller.inside || heard["code"] == "not_found", "{who}: {heard}");
        peer.send(json!({"t": "visible", "visible": true})).await;
        peer.send(json!({"t": "unsub", "topics": ["queue", "mine", "presence"]})).await;
        peer.send(json!({"t": "sub", "topics": ["ticket:2"]})).await;
        let upto = peer
            .find(|line| {
                all.push_str(&line.to_string());
                line["t"] == "upto" && line["seq"] == app.desk.feed.head().get()
            })
            .await;
        let snapshot = app.call_as(&caller.token, "GET", "/api/v1/snapshot", Value::Null).await.1;
        assert_eq!(upto["board"], snapshot["board_hash"], "{who}: the hash is that of what this session sees");
        assert_eq!(all.contains(CANARY), caller.inside, "{who}");
        assert!(caller.inside || !all.contains("\"legal\""), "{who}: {all}");
        cells += messages.len();
    }
    say(&format!("permission matrix, WebSocket: {cells} cells\n"));
    app.stop().await;
}

/// Every value that the tag may have, wherever in the schema it stands.
fn tags(schema: &Value, tag: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(schema, tag, &mut found);
    found
}

fn collect(schema: &Value, tag: &str, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            let values = fields.get("properties").and_then(|own| own.get(tag)).and_then(|own| own["enum"].as_array());
            found.extend(values.into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned)));
            fields.values().for_each(|value| collect(value, tag, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, tag, found)),
        _ => {}
    }
}

/// Rows that no call uses any more would hide that one is gone.
#[test]
fn the_matrix_names_only_what_is_there() {
    let calls: BTreeSet<&str> = hotdesk::http::operations().into_iter().map(|operation| operation.id).collect();
    let source = include_str!("permission_matrix.rs");
    let rows = source.split("fn row(").nth(1).and_then(|rest| rest.split("_ => return None").next()).unwrap();
    // A row begins with the names of its calls; strings within a row's body have other characters around them.
    let mut named = BTreeSet::new();
    for line in rows.lines().map(str::trim_start).filter(|line| line.starts_with('"') || line.starts_with("| \"")) {
        let names = line.split("=>").next().unwrap_or_default();
        named.extend(names.split('"').skip(1).step_by(2).filter(|name| !name.is_empty()));
    }
    assert_eq!(named, calls, "rows and calls differ");
}
