//! The program against the real machine: a disk that is full, and hundreds of readers that do not read.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::{ADMIN, Peer, answer, http_client};

/// A running `serve`, killed with the test.
struct Program {
    child: Child,
    address: String,
    http: reqwest::Client,
}

impl Program {
    /// `command` must end up as `hotdesk serve` with its stdout.
    fn start(command: &mut Command) -> Self {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HOTDESK_") || name == "PORT" {
                command.env_remove(name);
            }
        }
        command.env("HOTDESK_ADMIN_TOKEN", ADMIN).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim_end().strip_prefix("listening on http://").expect("it says where it listens").to_owned();
        Self { child, address, http: http_client() }
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("http://{}/api/v1{path}", self.address);
        let mut request = self.http.request(method.parse().unwrap(), url).bearer_auth(ADMIN);
        if !body.is_null() {
            request = request.json(body);
        }
        answer(request).await
    }

    /// Memory of its own, without the files that it has mapped.
    fn memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux says so");
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already gone where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn new_ticket(subject: &str, body: &str) -> Value {
    json!({"subject": subject, "body": body, "requester": {"name": "Kim", "email": "kim@example.org"}})
}

/// J92: on a small disk that fills up the desk refuses what it cannot keep, keeps serving reads, and goes on when there is room;
/// everything that it acknowledged is there.
#[actix::test]
async fn j92_a_small_disk_fills_up_and_is_cleared() {
    let may_mount = Command::new("unshare").args(["--user", "--map-root-user", "--mount", "true"]).status();
    if !may_mount.is_ok_and(|status| status.success()) {
        eprintln!("J92 is not tested here: this machine gives a program no file systems of its own");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // A file system of this size in a name space of the program's own, with a file in it that takes most of the room.
    let script = "mount -t tmpfs -o size=96m none \"$1\" && head -c 20M /dev/zero > \"$1/ballast\" \
                  && exec \"$2\" serve --listen 127.0.0.1:0 --data \"$1/data\"";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command.arg(folder.path()).arg(env!("CARGO_BIN_EXE_hotdesk"));
    // Every record is one of the test's own.
    command.env("HOTDESK__TRIAGE__ENABLED", "false");
    let program = Program::start(&mut command);

    let mut kept = 0_u64;
    let mut rng = fastrand::Rng::with_seed(92);
    let refusal = loop {
        // The journal packs what repeats itself, and would make a long story short.
        let body: String = (0..56_000).map(|_| rng.alphanumeric()).collect();
        let (status, reply) = program.call("POST", "/tickets", &new_ticket(&format!("Ticket {kept}"), &body)).await;
        if status != 201 {
            break (status, reply["code"].clone(), reply["retryable"].clone());
        }
        kept += 1;
        assert!(kept < 2_000, "a disk of 96 MiB never fills up");
    };
    assert_eq!(refusal, (507, json!("storage_full"), json!(true)));
    assert!(kept > 0, "something fits");
    let (status, ticket) = program.call("GET", "/tickets/1", &Value::Null).await;
    assert_eq!((status, &ticket["subject"]), (200, &json!("Ticket 0")), "reads go on");

    let ballast: PathBuf = format!("/proc/{}/root{}/ballast", program.child.id(), folder.path().display()).into();
    std::fs::remove_file(ballast).unwrap();
    let (status, reply) = loop {
        // The writer looks for room now and then, and after a refusal.
        let (status, reply) = program.call("POST", "/tickets", &new_ticket("After", "There is room.")).await;
        if status != 507 {
            break (status, reply);
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(status, 201, "{reply}");
    let (_, events) = program.call("GET", &format!("/events?after={}", kept - 1), &Value::Null).await;
    let records = events["records"].as_array().unwrap().iter();
    let records: Vec<_> = records.map(|record| (record["seq"].clone(), record["ticket"].clone())).collect();
    assert_eq!(records, [(json!(kept), json!(kept)), (json!(kept + 1), reply["id"].clone())], "the history has no gap");
}

/// S69: 500 readers that never read cost little memory and hold nobody up.
#[actix::test]
async fn s69_five_hundred_readers_that_never_read() {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotdesk"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
    let program = Program::start(&mut command);
    let address = program.address.parse().unwrap();

    let mut stuck = Vec::new();
    for number in 0..500 {
        let mut request = format!("ws://{address}/api/v1/ws").into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {ADMIN}").parse().unwrap());
        request.headers_mut().insert("sec-websocket-protocol", "hotdesk.v1".parse().unwrap());
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(address).await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        let hello =
            json!({"t": "hello", "v": 1, "client": format!("stuck-{number}"), "topics": ["board"], "visible": true});
        socket.send(Message::text(hello.to_string())).await.unwrap();
        let welcome = socket.next().await.unwrap().unwrap();
        assert!(welcome.to_text().unwrap().contains("welcome"));
        stuck.push(socket);
    }
    let mut reader = Peer::connect(address, ADMIN).await;
    reader.send(json!({"t": "hello", "v": 1, "client": "reader", "topics": ["board"], "visible": true})).await;
    reader.expect("welcome").await;

    assert_eq!(program.call("POST", "/tickets", &new_ticket("One", "Hello")).await.0, 201);
    let before = program.memory_bytes();
    let body = "y".repeat(40_000);
    for _ in 0..50 {
        let message = json!({"body": body, "visibility": "internal"});
        assert_eq!(program.call("POST", "/tickets/1/messages", &message).await.0, 201);
    }
    reader.read_to(51).await;
    assert_eq!(reader.seqs(), (1..=51).collect::<Vec<_>>());
    let grown = program.memory_bytes().saturating_sub(before);
    // What waits for all of them together is 1 GB.
    assert!(grown <= 64 << 20, "{grown} bytes for 500 stuck readers");
}
