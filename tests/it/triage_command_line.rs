//! `hotdesk triage eval|similar` as they are run from a shell, on a desk small enough to read.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn hotdesk(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hotdesk")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn written(folder: &Path, name: &str, content: &str) -> String {
    let path: PathBuf = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

const TRAIN: &str = "text,label
I was charged twice for one invoice,billing
send me a receipt for my last payment,billing
there is an extra fee on my bill,billing
where is my parcel,shipping
the tracking number does not work,shipping
my delivery is three days late,shipping
I forgot my password,account_access
my account is locked,account_access
the login page does not let me in,account_access
";

const TEST: &str = "text,label
why was I charged a fee,billing
my parcel is late,shipping
I cannot login to my account,account_access
zebras graze beneath acacia trees,oos
how tall is the tower of pisa,oos
";

/// D51: JSON alone on stdout, with the figures under their names; foreign texts count for their own figure only.
#[test]
fn d51_eval_prints_json_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (train, test) = (written(folder.path(), "train.csv", TRAIN), written(folder.path(), "test.csv", TEST));
    let output = hotdesk(&["triage", "eval", "--train", &train, "--test", &test, "--shuffles", "2", "--json"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for name in ["accuracy", "top_5", "ece", "oos_auroc", "predict_us_p50", "update_us_p50", "refit_ms", "memory_bytes"]
    {
        assert!(report[name].is_number(), "{name} is missing in {report}");
    }
    assert_eq!((&report["train_rows"], &report["categories"], &report["shuffles"]), (&9.into(), &3.into(), &2.into()));
    assert!(report["accuracy"].as_f64().unwrap() > 0.99, "{report}");
    assert!(report["oos_auroc"].as_f64().unwrap() > 0.8, "{report}");
    assert!(report["memory_bytes"].as_u64().unwrap() < 40 << 20, "{report}");

    // One pass has no refit, a test without foreign texts no figure for them; the table has the same names.
    let known: String = TEST.lines().filter(|line| !line.ends_with("oos")).map(|line| format!("{line}\n")).collect();
    let test = written(folder.path(), "known.csv", &known);
    let output = hotdesk(&["triage", "eval", "--train", &train, "--test", &test, "--passes", "1"]);
    let table = text(&output.stdout);
    assert!(table.lines().any(|line| line.starts_with("accuracy ") && line.ends_with(" %")), "{table}");
    assert!(!table.contains("refit") && !table.contains("oos_auroc"), "{table}");
}

/// D50: wrong usage and wrong input are status 2, and say where.
#[test]
fn d50_what_cannot_be_used_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let train = written(folder.path(), "train.csv", TRAIN);
    let torn = written(folder.path(), "torn.csv", "text,label\nfine,billing\n,billing\n");
    let strange = written(folder.path(), "strange.csv", "words,label\nfine,billing\n");
    let missing = folder.path().join("missing.csv").to_str().unwrap().to_owned();
    for (test, said) in [
        (&torn, "torn.csv: line 3: `text` is empty"),
        (&strange, "strange.csv: line 1: there is no column `text`"),
        (&missing, "missing.csv"),
    ] {
        let output = hotdesk(&["triage", "eval", "--train", &train, "--test", test, "--json"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(said), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
    assert_eq!(hotdesk(&["triage", "eval", "--train", &train]).status.code(), Some(2));
    assert_eq!(
        hotdesk(&["triage", "eval", "--train", &train, "--test", &train, "--passes", "0"]).status.code(),
        Some(2)
    );
    let pairs = written(folder.path(), "pairs.csv", "id,duplicate_id\n1,9999\n");
    let output = hotdesk(&["triage", "similar", "--index", &train, "--queries", &train, "--pairs", &pairs]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("pairs.csv: line 2: nothing in the index has the id `9999`"));
}

const REPORTS: &str = "id,summary,description
1,Printer on fire,Smoke comes out of the printer since the update
2,Cannot sign in,The portal refuses my password
3,Invoice is wrong,The amount on the invoice is not what I ordered
4,Smoke from the printer,After the update there is fire
5,Portal is slow,Every page takes a minute
6,Password refused,I cannot sign in to the portal
";

/// D52: recall over the pairs; a query that is in the index does not find itself.
#[test]
fn d52_similar_finds_duplicates() {
    let folder = tempfile::tempdir().unwrap();
    let index = written(folder.path(), "index.csv", REPORTS);
    let pairs = written(folder.path(), "pairs.csv", "id,duplicate_id\n4,1\n6,2\n");
    let output = hotdesk(&["triage", "similar", "--index", &index, "--queries", &index, "--pairs", &pairs, "--json"]);
    assert_eq!(text(&output.stderr), "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report["queries"].as_u64(), report["indexed"].as_u64()), (Some(2), Some(6)));
    assert_eq!((report["recall_at_1"].as_f64(), report["recall_at_5"].as_f64()), (Some(1.0), Some(1.0)), "{report}");

    // By label: the right category need not be that of the likest words.
    let (train, test) = (written(folder.path(), "train.csv", TRAIN), written(folder.path(), "test.csv", TEST));
    let known: String = text(&std::fs::read(&test).unwrap()).lines().take(4).map(|line| format!("{line}\n")).collect();
    let queries = written(folder.path(), "queries.csv", &known);
    let output = hotdesk(&["triage", "similar", "--index", &train, "--queries", &queries, "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["recall_at_1"].as_f64(), Some(1.0), "{report}");
    // Without pairs and without labels nothing can be measured, and that is said.
    let output = hotdesk(&["triage", "similar", "--index", &index, "--queries", &index]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("index.csv: line 2: there is no label"), "{}", text(&output.stderr));
}
