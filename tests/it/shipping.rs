//! How the desk is shipped: the deploy script against stand-ins for the cloud, and the files of the platforms against each other.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::support_files::{read, root};

/// Writes down how it was called, and answers what the script asks.
const GCLOUD: &str = r#"#!/usr/bin/env bash
echo "$*" >>"$FAKE/calls"
if [ -e "$FAKE/fails-once" ] && [[ $* == *"$(cat "$FAKE/fails-once")"* ]]; then
  rm "$FAKE/fails-once"
  echo "ERROR: (gcloud) $(cat "$FAKE/problem")" >&2
  exit 1
fi
case "$*" in
  *"versions describe"*"--format"*) echo "https://new.example.org" ;;
  *"versions describe"*)
    if [ -e "$FAKE/version-exists" ]; then echo "id: v2"; else echo "ERROR: Version not found." >&2; exit 1; fi ;;
  *"services describe"*) cat "$FAKE/before.json" ;;
  *"app describe"*) echo "live.example.org" ;;
esac
"#;

/// Answers like a desk until `fails-after` answers were given at the address in `fails-at`.
const CURL: &str = r#"#!/usr/bin/env bash
url=${*: -1}
if [ -e "$FAKE/fails-at" ] && [[ $url == "$(cat "$FAKE/fails-at")"* ]]; then
  count=$(cat "$FAKE/count" 2>/dev/null || echo 0)
  echo $((count + 1)) >"$FAKE/count"
  [ "$count" -lt "$(cat "$FAKE/fails-after")" ] || exit 22
fi
case "$url" in
  */metrics)
    count=$(cat "$FAKE/looks" 2>/dev/null || echo 0)
    echo $((count + 1)) >"$FAKE/looks"
    [ "${TOKEN_WANTED:-}" = "" ] || [[ $* == *"Bearer $TOKEN_WANTED"* ]] || exit 22
    echo "hotdesk_http_requests_total{method=\"GET\",route=\"/\",status=\"200\"} $((count * 100))"
    echo "hotdesk_http_requests_total{method=\"GET\",route=\"/\",status=\"500\"} $((count * $(cat "$FAKE/faults" 2>/dev/null || echo 0)))" ;;
  */openapi.json) echo '{"openapi": "3.1.0"}' ;;
  */) echo '<div id="root"></div>' ;;
esac
"#;

struct Cloud {
    folder: TempDir,
}

impl Cloud {
    fn new(before: &str) -> Self {
        let cloud = Self { folder: tempfile::tempdir().unwrap() };
        cloud.put("before.json", before);
        cloud.put("calls", "");
        for (name, text) in [("gcloud", GCLOUD), ("curl", CURL)] {
            cloud.put(name, text);
            fs::set_permissions(cloud.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        cloud
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn fails(&self, at: &str, after: usize) {
        self.put("fails-at", at);
        self.put("fails-after", &after.to_string());
    }

    /// The first call of gcloud with these words fails.
    fn fails_once(&self, call: &str, problem: &str) {
        self.put("fails-once", call);
        self.put("problem", problem);
    }

    fn script(&self, arguments: &[&str]) -> Output {
        self.script_with(arguments, &[])
    }

    fn script_with(&self, arguments: &[&str], more: &[(&str, &str)]) -> Output {
        let path = format!("{}:{}", self.path().display(), std::env::var("PATH").unwrap());
        Command::new(root().join("scripts/deploy.sh"))
            .args(arguments)
            .env("PATH", path)
            .env("FAKE", self.path())
            .env("STATE_FILE", self.path().join("state.json"))
            .envs([("PROJECT", "desk-1"), ("STEP_CHECKS", "2"), ("STEP_PAUSE_S", "0")])
            .envs(more.iter().copied())
            .output()
            .unwrap()
    }

    /// What changed something, in order.
    fn changes(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path().join("calls")).unwrap();
        let changing = |call: &&str| call.contains("set-traffic") || call.contains("app deploy");
        calls.lines().filter(changing).map(|call| call.replace("--project desk-1 --quiet ", "")).collect()
    }
}

const BEFORE: &str = r#"{"split": {"allocations": {"v1": 1}}}"#;

fn traffic(splits: &str) -> String {
    format!("app services set-traffic default --splits={splits} --split-by=cookie")
}

/// O10: a version goes out without traffic, is tried, and takes the traffic in steps.
#[test]
fn o10_a_good_version_takes_over_in_steps() {
    let cloud = Cloud::new(BEFORE);
    let output = cloud.script(&["deploy", "v2"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let deploy = "app deploy app.yaml --version v2 --no-promote".to_owned();
    assert_eq!(cloud.changes(), [deploy, traffic("v2=0.1,v1=0.9"), traffic("v2=0.5,v1=0.5"), traffic("v2=1")]);
}

/// O11: a version that does not answer at its own address never gets traffic.
#[test]
fn o11_a_version_that_does_not_answer_gets_no_traffic() {
    let cloud = Cloud::new(BEFORE);
    cloud.fails("https://new.example.org", 0);
    let output = cloud.script(&["deploy", "v2"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(cloud.changes(), ["app deploy app.yaml --version v2 --no-promote"]);
}

/// O12: when the desk fails while the traffic moves, it goes back to where it was, whatever the split was.
#[test]
fn o12_a_failing_version_loses_its_traffic() {
    let cloud = Cloud::new(r#"{"split": {"allocations": {"v0": 0.25, "v1": 0.75}}}"#);
    // Three answers a probe, two probes in the first step, and one in the second.
    cloud.fails("https://live.example.org", 9);
    let output = cloud.script(&["deploy", "v2"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("failed with 0.5 of the traffic"), "{said}");
    assert_eq!(cloud.changes()[1..], [traffic("v2=0.1,v1=0.9"), traffic("v2=0.5,v1=0.5"), traffic("v0=0.25,v1=0.75")]);
    let again = cloud.script(&["rollback"]);
    assert!(again.status.success());
    assert_eq!(cloud.changes().last(), Some(&traffic("v0=0.25,v1=0.75")));
}

/// O16: wherever gcloud fails, the traffic is where it was; only what it does not find is a first deployment.
#[test]
fn o16_a_gcloud_that_fails_leaves_the_traffic_where_it_was() {
    for call in ["services describe", "versions describe"] {
        let cloud = Cloud::new(BEFORE);
        cloud.fails_once(call, "PERMISSION_DENIED: the caller does not have permission");
        assert_eq!(cloud.script(&["deploy", "v2"]).status.code(), Some(1), "{call}");
        assert!(cloud.changes().is_empty(), "{call}: {:?}", cloud.changes());
    }
    let cloud = Cloud::new(BEFORE);
    cloud.fails_once("services describe", "NOT_FOUND: the service default was not found");
    assert!(cloud.script(&["deploy", "v2"]).status.success());
    assert_eq!(cloud.changes().last(), Some(&traffic("v2=1")));

    let cloud = Cloud::new(BEFORE);
    cloud.fails_once("--splits=v2=0.5", "UNAVAILABLE");
    assert_eq!(cloud.script(&["deploy", "v2"]).status.code(), Some(1));
    assert_eq!(cloud.changes()[1..], [traffic("v2=0.1,v1=0.9"), traffic("v2=0.5,v1=0.5"), traffic("v1=1")]);
    // Not even that works at once.
    let cloud = Cloud::new(BEFORE);
    cloud.fails("https://live.example.org", 0);
    cloud.fails_once("--splits=v1=1", "UNAVAILABLE");
    assert_eq!(cloud.script(&["deploy", "v2"]).status.code(), Some(1));
    assert_eq!(cloud.changes()[1..], [traffic("v2=0.1,v1=0.9"), traffic("v1=1"), traffic("v1=1")]);
}

/// O17: a version that answers its probes and fails others loses its traffic, and so does one whose figures nobody can read.
#[test]
fn o17_a_version_with_too_many_faults_loses_its_traffic() {
    let deploy = |faults: &str, more: &[(&str, &str)]| {
        let cloud = Cloud::new(BEFORE);
        cloud.put("faults", faults);
        let output = cloud.script_with(&["deploy", "v2"], more);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), cloud.changes().pop().unwrap(), said)
    };
    let (status, last, said) = deploy("3", &[]);
    assert_eq!((status, last), (1, traffic("v1=1")), "{said}");
    assert!(said.contains("3 of 103 answers were faults") && said.contains("failed with 0.1"), "{said}");
    assert_eq!(deploy("3", &[("MAX_ERROR_PERCENT", "5")]).0, 0);
    assert_eq!(deploy("3", &[("MAX_ERROR_PERCENT", "off")]).0, 0);
    assert_eq!(deploy("1", &[]).1, traffic("v2=1"));
    let wanted = ("TOKEN_WANTED", "secret");
    assert_eq!(deploy("0", &[wanted]).1, traffic("v1=1"));
    assert_eq!(deploy("0", &[wanted, ("OPERATIONS_TOKEN", "secret")]).1, traffic("v2=1"));
}

/// O18: a deployment that is stopped on its way takes the traffic back.
#[test]
fn o18_a_stopped_deployment_takes_the_traffic_back() {
    let cloud = Cloud::new(BEFORE);
    // The first probe of the live address stops its caller, as somebody who cancels the job does.
    cloud.put(
        "curl",
        &CURL.replacen(
            "url=${*: -1}",
            "url=${*: -1}\n[[ $url != https://live* ]] || kill -TERM \"$(cat \"$FAKE/pid\")\"",
            1,
        ),
    );
    cloud.put(
        "gcloud",
        &GCLOUD.replacen("echo \"$*\"", "[[ $* != *set-traffic* ]] || echo $PPID >\"$FAKE/pid\"\necho \"$*\"", 1),
    );
    assert_eq!(cloud.script(&["deploy", "v2"]).status.code(), Some(143));
    assert_eq!(cloud.changes()[1..], [traffic("v2=0.1,v1=0.9"), traffic("v1=1")]);
}

/// O13: what would end the running version, or go nowhere, is refused before anything changes.
#[test]
fn o13_wrong_use_changes_nothing() {
    let cloud = Cloud::new(BEFORE);
    cloud.put("version-exists", "");
    for arguments in [&["deploy", "v2"][..], &["deploy", "V 2"], &["rollback"], &["other"], &[]] {
        assert_eq!(cloud.script(arguments).status.code(), Some(1), "{arguments:?}");
    }
    assert!(cloud.changes().is_empty());
}

/// O14: no platform may run two processes on one desk, and each asks the desk whether it is well.
#[test]
fn o14_platforms_run_one_process() {
    assert!(read("app.yaml").contains("max_instances: 1\n"));
    assert!(read("app.yaml").contains("secure: always"));
    assert!(read("app.flexible.yaml").contains("instances: 1\n"));
    assert!(read("deploy/cloud-run.yaml").contains("maxScale: \"1\""));
    for file in ["app.flexible.yaml", "deploy/cloud-run.yaml"] {
        assert!(read(file).contains("/healthz/ready") && read(file).contains("/healthz/live"), "{file}");
    }
    for file in ["Dockerfile", "compose.yaml"] {
        assert!(read(file).contains("\"health\""), "{file}");
    }
}

/// A desk that listens, and the line that says where.
fn serving(data: &Path, options: &[&str]) -> (Child, String) {
    let mut desk = Command::new(env!("CARGO_BIN_EXE_hotdesk"))
        .args(["serve", "--data"])
        .arg(data)
        .args(options)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(desk.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (desk, line)
}

/// O15: what the container and systemd are told to run is what the command line knows.
#[test]
fn o15_health_asks_a_running_desk() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let ask =
        || Command::new(env!("CARGO_BIN_EXE_hotdesk")).arg("health").env("HOTDESK__SERVER__LISTEN", &address).output();
    let output = ask().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&address));
    let data = tempfile::tempdir().unwrap();
    let (mut desk, _) = serving(data.path(), &["--listen", &address]);
    let output = ask().unwrap();
    desk.kill().unwrap();
    desk.wait().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// O15: so it does where the desk has a certificate of its own, and listens where its command line or its configuration says.
#[test]
fn o15_health_asks_a_desk_with_a_certificate() {
    let data = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["desk.example.org".to_owned()]).unwrap();
    let [chain, key, config] = ["chain.pem", "key.pem", "desk.toml"].map(|name| data.path().join(name));
    fs::write(&chain, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let settings = format!("[server]\nlisten = \"127.0.0.1:1\"\ntls_certificate = {chain:?}\ntls_key = {key:?}\n");
    fs::write(&config, settings).unwrap();
    let config = config.to_str().unwrap();
    let (mut desk, line) = serving(&data.path().join("data"), &["--listen", "127.0.0.1:0", "--config", config]);
    let address = line.trim().rsplit('/').next().unwrap();
    let ask = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_hotdesk")).arg("health").args(more).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (well, elsewhere) = (ask(&["--config", config, "--listen", address]), ask(&["--config", config]));
    desk.kill().unwrap();
    desk.wait().unwrap();
    assert_eq!(well, (0, String::new()), "{line}");
    assert_eq!((elsewhere.0, elsewhere.1.contains("127.0.0.1:1")), (1, true), "{}", elsewhere.1);
}
