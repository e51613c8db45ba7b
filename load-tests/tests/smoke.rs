//! The program as a person runs it: a few seconds of `smoke` against the server's debug build, with its report.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// L10: a run passes on a true server, says so by its exit status, and leaves a report to read and one to compare with.
#[test]
fn l10_smoke_passes_and_leaves_its_reports() {
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_load-tests"));
        command.arg("--bin").arg(server_bin()).arg("--work").arg(folder.path());
        command.args(["run", "smoke", "--seed", "11", "--out"]).arg(folder.path()).args(more);
        command.output().unwrap()
    };
    let output = run(&["--seconds", "5"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("passed"), "{text}");

    let json = folder.path().join("smoke.json");
    let report: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(report["passed"], true);
    assert_eq!(report["seed"], 11);
    let html = std::fs::read_to_string(folder.path().join("smoke.html")).unwrap();
    assert!(html.contains("<svg") && !html.contains("<script"));
}

/// L11: wrong usage is told apart from a run that failed.
#[test]
fn l11_an_unknown_scenario_is_named_with_those_that_there_are() {
    let output = Command::new(env!("CARGO_BIN_EXE_load-tests")).args(["run", "nonsense"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("claim-race"), "{text}");
    let output = Command::new(env!("CARGO_BIN_EXE_load-tests")).args(["run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

/// The server's debug build, where `cargo` puts it.
fn server_bin() -> PathBuf {
    if let Some(bin) = std::env::var_os("HOTDESK_BIN") {
        return bin.into();
    }
    let bin = PathBuf::from(env!("CARGO_BIN_EXE_load-tests")).with_file_name("hotdesk");
    assert!(bin.is_file(), "build the server first (`cargo build --bin hotdesk`), or name one in HOTDESK_BIN");
    bin
}

/// L12: the client that docs/HARNESS.md shows is as short as it says, and is Python wherever there is one to ask.
#[test]
fn l12_the_python_client_is_short_and_valid() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/python/client.py");
    let lines = std::fs::read_to_string(file).unwrap().lines().count();
    assert!(lines <= 60, "{lines} lines");
    let parse = format!("import ast; ast.parse(open({file:?}).read())");
    if let Ok(output) = Command::new("python3").args(["-c", &parse]).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
