//! The documents against the repository: dependencies, and files that they name.

use std::collections::BTreeSet;

use hotdesk::domain::lifecycle::moves;
use hotdesk::protocol::code::Code;
use serde_json::Value;

use crate::support_files::{files, read, root};

/// D61: every dependency is explained, and nothing is explained that is not one.
#[test]
fn d61_every_dependency_is_explained() {
    let document = read("docs/DEPENDENCIES.md");
    let (server, client) = document.split_once("## Client").expect("the document has a part for the client");
    let explained = |part: &str| -> BTreeSet<String> {
        let rows = part.lines().filter(|line| line.starts_with("| `"));
        rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).map(str::to_owned).collect()
    };
    let mut crates = BTreeSet::new();
    for manifest in ["Cargo.toml", "load-tests/Cargo.toml"] {
        let manifest: toml::Table = read(manifest).parse().unwrap();
        let targets =
            manifest.get("target").and_then(|targets| targets.as_table()).into_iter().flat_map(|all| all.values());
        let of_targets = targets.filter_map(|target| target.get("dependencies")?.as_table());
        crates.extend(of_targets.flat_map(|table| table.keys()).cloned());
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            crates.extend(
                manifest
                    .get(table)
                    .and_then(|table| table.as_table())
                    .into_iter()
                    .flat_map(|table| table.keys())
                    .cloned(),
            );
        }
    }
    assert_eq!(explained(server), crates, "docs/DEPENDENCIES.md and the manifests name different crates");
    let manifest: Value = serde_json::from_str(&read("client/package.json")).unwrap();
    let packages: BTreeSet<String> = ["dependencies", "devDependencies"]
        .iter()
        .flat_map(|table| manifest[*table].as_object().unwrap().keys().cloned())
        .collect();
    assert_eq!(explained(client), packages, "docs/DEPENDENCIES.md and client/package.json name different packages");
}

/// D63: a link from one document to another, or to a file, leads somewhere.
#[test]
fn d63_links_lead_somewhere() {
    let documents = files("docs", &["md"]).into_iter().chain(["README.md".into(), "CONTRIBUTING.md".into()]);
    let mut broken = Vec::new();
    for document in documents {
        let text = read(&document);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let from = root().join(&document);
            if !from.parent().unwrap().join(path).exists() {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

/// D64: the document's table of codes is the one in the code.
#[test]
fn d64_the_codes_are_documented() {
    let document = read("docs/PROTOCOL.md");
    let rows: Vec<&str> = document.lines().skip_while(|line| !line.starts_with("| code | status |")).skip(2).collect();
    let rows: Vec<&str> = rows.into_iter().take_while(|line| line.starts_with('|')).collect();
    let expected: Vec<String> = Code::ALL
        .iter()
        .map(|code| {
            let retry = if code.retryable() { "yes" } else { "no" };
            format!("| `{}` | {} | {retry} | {} |", code.wire(), code.status(), code.title())
        })
        .collect();
    assert_eq!(rows, expected);
}

/// D65: the document's table of moves is the one in the code.
#[test]
fn d65_the_lifecycle_is_documented() {
    let document = read("docs/PROTOCOL.md");
    let moves = moves();
    let names: Vec<&str> = moves.keys().map(|status| status.name()).collect();
    let mut expected =
        vec![format!("| from \\ to | {} |", names.join(" | ")), format!("| --- |{}", " --- |".repeat(names.len()))];
    for (from, to) in &moves {
        let cells = moves.keys().map(|status| if to.contains(status) { " yes |" } else { " |" });
        expected.push(format!("| {} |{}", from.name(), cells.collect::<String>()));
    }
    assert!(document.contains(&expected.join("\n")), "docs/PROTOCOL.md needs\n{}", expected.join("\n"));
}
