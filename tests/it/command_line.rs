//! The program as it is run from a shell: import, the demo, and what its exit status says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;

use hotdesk::journal::Journal;
use hotdesk::journal::sled_store::{Options, SledJournal};
use serde_json::Value;

use crate::support::{ADMIN, TestApp};

const REPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/bugs_hadoop_index.csv.gz");
const ROWS: u64 = 2468;

/// The program, without what the environment of the test says to it.
fn hotdesk(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotdesk"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HOTDESK_") || name == "PORT" {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    hotdesk(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with a file of this name and content in it.
fn file(name: &str, content: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

fn stats(data: &Path) -> Value {
    let output = run(&["journal", "stats", "--json", "--data", data.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// D1: each row of a real file becomes one ticket, with what has no field of its own kept beside.
/// D2: the same import again creates nothing.
#[actix::test]
async fn d1_real_reports_become_tickets_once() {
    let app = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let rejected = folder.path().join("rejected.csv");
    for _ in 0..2 {
        let (to, rejected) = (format!("http://{}", app.address), rejected.clone());
        let output = actix_rt::task::spawn_blocking(move || {
            hotdesk(&["import", REPORTS, "--preset", "bugs", "--to", &to, "--rejected", rejected.to_str().unwrap()])
                .env("HOTDESK_TOKEN", ADMIN)
                .output()
                .unwrap()
        });
        let output = output.await.unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "2468 rows imported, 0 refused\n");
        assert_eq!(app.journal.head().seq.get(), ROWS);
    }
    assert!(!rejected.exists(), "nothing was refused");
    // Rows travel side by side, so the first row need not have the first id.
    let subject = "JAR in conflict with timestamp check causes AM errors";
    let list = app.get("/api/v1/tickets?q=JAR%20conflict%20timestamp%20check&page[size]=200").await;
    let found = list["data"].as_array().unwrap().iter().find(|ticket| ticket["subject"] == subject);
    let ticket = found.expect("the report is found by its words");
    assert_eq!(ticket["priority"], "urgent");
    assert_eq!(ticket["channel"], "import");
    assert_eq!(ticket["tags"], serde_json::json!(["duplicate", "resolved"]));
    assert_eq!(ticket["custom"]["source_id"], "13404344");
    assert_eq!(ticket["custom"]["created"], "30/Sep/21 17:20");
    app.stop().await;
}

/// D3: a bad row is named with line, column and reason, is kept in a file, and does not hold up the others.
/// D6: a data folder takes rows like a running desk does, and a repeat finds them there.
#[test]
fn d3_bad_rows_are_named_and_kept() {
    let rows = "subject,body,email,priority\nFirst,b,a@example.org,high\nSecond,,b@example.org,\nThird,c,nowhere,\nFourth,d\n\
                Fifth,e,e@example.org,odd\nSixth,f,f@example.org,low\n";
    let (folder, file) = file("tickets.csv", rows);
    let data = folder.path().join("data");
    for _ in 0..2 {
        let output = run(&["import", file.to_str().unwrap(), "--data", data.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        for line in [
            "line 3, column body: there is no body",
            "line 4, column requester.email: ",
            "line 5: has 2 columns, the header has 4",
            "line 6, column priority: `odd` is no priority known here",
        ] {
            assert!(said.contains(line), "{line} is missing in:\n{said}");
        }
        assert_eq!(stats(&data)["tickets"], 2);
    }
    let kept = std::fs::read_to_string(folder.path().join("tickets.csv.rejected.csv")).unwrap();
    let kept: Vec<&str> = kept.lines().collect();
    assert_eq!(kept[0], "refused_line,refused_column,refused_reason,subject,body,email,priority");
    assert_eq!(kept.len(), 5);
    assert!(kept[2].starts_with("4,requester.email,") && kept[2].ends_with(",Third,c,nowhere,"), "{}", kept[2]);
}

/// D7: refused rows that were mended are imported from the very file that kept them.
#[test]
fn d7_the_file_of_refused_rows_can_be_imported() {
    let (folder, file) = file("tickets.csv", "subject,body,email\nFirst,,a@example.org\n");
    let data = folder.path().join("data");
    assert_eq!(run(&["import", file.to_str().unwrap(), "--data", data.to_str().unwrap()]).status.code(), Some(1));
    let kept = folder.path().join("tickets.csv.rejected.csv");
    let mended = std::fs::read_to_string(&kept).unwrap().replace("First,,", "First,now with a body,");
    std::fs::write(&kept, mended).unwrap();
    let output = run(&["import", kept.to_str().unwrap(), "--data", data.to_str().unwrap()]);
    assert_eq!(text(&output.stdout), "1 rows imported, 0 refused\n");
}

/// A desk that answers as it is told to: one answer a request. Gives the idempotency keys that came.
fn scripted(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let desk = std::thread::spawn(move || {
        let mut keys = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let line = line.trim_end().to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.parse().unwrap();
                } else if let Some(value) = line.strip_prefix("idempotency-key: ") {
                    keys.push(value.to_owned());
                } else if line.is_empty() {
                    break;
                }
            }
            reader.read_exact(&mut vec![0; length]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
        keys
    });
    (url, desk)
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\nretry-after: 0\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn me() -> String {
    answer("200 OK", "{}")
}

fn created() -> String {
    answer("201 Created", "{}")
}

fn refused(status: &str, code: &str, retryable: bool) -> String {
    let problem = serde_json::json!({ "code": code, "detail": "not now", "retryable": retryable });
    answer(status, &problem.to_string())
}

fn import_to(url: &str, file: &Path) -> Output {
    run(&["import", file.to_str().unwrap(), "--to", url, "--token", "t", "--concurrency", "1"])
}

/// D5: what may succeed later is tried again, under the same key.
#[test]
fn d5_a_busy_desk_is_asked_again() {
    let (_folder, file) = file("tickets.csv", "subject,body,email\nFirst,b,a@example.org\n");
    let busy = || refused("503 Service Unavailable", "overloaded", true);
    let (url, desk) = scripted(vec![me(), busy(), busy(), created()]);
    let output = import_to(&url, &file);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let keys = desk.join().unwrap();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

/// D4: an import that had to stop says where, and the same command goes on with the same keys.
#[test]
fn d4_a_stopped_import_goes_on() {
    let (_folder, file) = file("tickets.csv", "subject,body,email\nFirst,b,a@example.org\nSecond,b,b@example.org\n");
    let (url, desk) = scripted(vec![me(), created(), refused("401 Unauthorized", "not_signed_in", false)]);
    let output = import_to(&url, &file);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("Stopped: line 3: not now (not_signed_in)"), "{}", text(&output.stdout));
    let first = desk.join().unwrap();
    let (url, desk) = scripted(vec![me(), created(), created()]);
    assert_eq!(import_to(&url, &file).status.code(), Some(0));
    assert_eq!(desk.join().unwrap(), first);
}

/// D8: wrong usage ends with 2 before anything is sent, an unreachable desk with 1.
#[test]
fn d8_wrong_usage_and_an_absent_desk_have_their_status() {
    let (_folder, file) = file("tickets.csv", "subject,body\na,b\n");
    let file = file.to_str().unwrap();
    for (arguments, status) in [
        (vec!["import", file, "--map", "subject=nothing", "--data", "nowhere"], 2),
        (vec!["import", file, "--map", "title=subject", "--data", "nowhere"], 2),
        (vec!["import", file, "--to", "http://127.0.0.1:1"], 2),
        (vec!["import", file, "--to", "http://127.0.0.1:1", "--token", "t"], 1),
        (vec!["import", "no-such-file.csv"], 1),
        (vec!["import", file, "--to", "http://127.0.0.1:1", "--data", "d"], 2),
    ] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", text(&output.stderr));
    }
    assert!(!Path::new("nowhere").exists());
}

/// A running `serve`, ended with the test.
struct Serving {
    child: Child,
    /// What it said on stdout until it listened, and what it said after.
    url: String,
    out: BufReader<std::process::ChildStdout>,
}

impl Serving {
    fn start(arguments: &[&str]) -> Self {
        let mut child = hotdesk(&["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("HOTDESK__DEMO__LIVE", "false")
            .env("HOTDESK__DEMO__TICKETS", "40")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let url =
            line.trim_end().strip_prefix("listening on ").expect("the first line says where it listens").to_owned();
        Self { child, url, out }
    }

    /// Ends it as a person would, and gives the rest of its stdout.
    fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        rest
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Already gone where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// D25: the demo fills an empty folder, says who may sign in, and finds its desk again at the next start.
#[actix::test]
async fn d25_the_demo_fills_an_empty_folder_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let arguments = ["--demo", "--data", data.to_str().unwrap()];
    let first = Serving::start(&arguments);
    assert!(first.url.starts_with("http://127.0.0.1:"), "{}", first.url);
    let body = serde_json::json!({ "email": "alex@example.org", "password": "welcome to the desk" });
    let client = crate::support::http_client_with(reqwest::ClientBuilder::no_proxy);
    let answer = client.post(format!("{}/api/v1/session", first.url)).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let said = first.stop();
    assert!(said.contains("alex@example.org") && said.contains("welcome to the desk"), "{said}");
    assert!(!said.contains("/setup"), "the demo has its administrator: {said}");
    let made = stats(&data);
    assert!(made["tickets"].as_u64().unwrap() >= 40);
    Serving::start(&arguments).stop();
    assert_eq!(stats(&data)["head"], made["head"]);
}

/// D26: the demo never touches a folder with real tickets.
#[test]
fn d26_the_demo_refuses_real_data() {
    let (folder, file) = file("tickets.csv", "subject,body,email\nFirst,b,a@example.org\n");
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    assert!(run(&["import", file.to_str().unwrap(), "--data", data]).status.success());
    let output = run(&["serve", "--demo", "--data", data, "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("real tickets"), "{}", text(&output.stderr));
    assert_eq!(stats(Path::new(data))["head"], 1);
}

/// D47: a configuration that is not usable ends with 2 and names every problem; a usable one with 0.
#[test]
fn d47_the_configuration_is_checked() {
    let output = hotdesk(&["config", "check"])
        .env("HOTDESK__SERVER__LISTEN", "everywhere")
        .env("HOTDESK__LOG__FORMAT", "xml")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("server.listen") && said.contains("log.format"), "{said}");
    assert_eq!(run(&["config", "check"]).status.code(), Some(0));
    let printed = hotdesk(&["config", "print"]).env("HOTDESK__SERVER__OPERATIONS_TOKEN", "0123456789abcdef").output();
    let printed = text(&printed.unwrap().stdout);
    assert!(printed.contains("operations_token = \"(hidden)\""), "{printed}");
}

/// D48: two desks cannot run on one folder.
#[test]
fn d48_a_folder_has_one_desk() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Serving::start(&["--data", data.to_str().unwrap()]);
    let second = run(&["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains("in use"), "{}", text(&second.stderr));
    assert!(first.stop().contains("/setup?token="), "a new desk says how to make its first administrator");
}

/// J94: a desk that stops in peace leaves a settled journal. J95: a data folder that lost its journal is refused, and one that was
/// cleared begins anew.
#[test]
fn j94_a_stopped_desk_has_settled_and_j95_a_lost_journal_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let import = file("tickets.csv", "subject,body,email\nFirst,b,a@example.org\nSecond,b,a@example.org\n");
    assert!(run(&["import", import.1.to_str().unwrap(), "--data", data.to_str().unwrap()]).status.success());
    let serve = || {
        let mut command = hotdesk(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
        // The desk by itself writes nothing then.
        command.env("HOTDESK__TRIAGE__ENABLED", "false");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut child = serve();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("listening on "), "{line}");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let journal = SledJournal::open(&data, &Options::default()).unwrap();
    assert_eq!((journal.head().seq.get(), journal.late()), (2, 0));
    drop(journal);

    std::fs::rename(data.join("journal"), folder.path().join("lost")).unwrap();
    let refused = serve().wait_with_output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("no journal: put the journal back"), "{}", text(&refused.stderr));
    assert!(!data.join("journal").join("db").exists(), "nothing was made in its place");
}
