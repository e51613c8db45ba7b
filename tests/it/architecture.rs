//! The picture in docs/ARCHITECTURE.md against the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::support_files::{files, read, root};

/// D60: a part imports what the table in the document allows, and the table has every part.
#[test]
fn d60_imports_are_those_of_the_table() {
    let table = table(&read("docs/ARCHITECTURE.md"));
    let parts: BTreeSet<String> = std::fs::read_dir(root().join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|part| part != "main" && part != "lib")
        .collect();
    assert_eq!(table.keys().cloned().collect::<BTreeSet<_>>(), parts, "the table and src have different parts");
    let mut wrong = Vec::new();
    for file in files("src", &["rs"]) {
        let part = part_of(&file);
        let Some(allowed) = table.get(&part) else { continue };
        for (line, imported) in imports(&read(&file)) {
            let known = parts.contains(&imported) && imported != part;
            if known && allowed.as_ref().is_some_and(|allowed| !allowed.contains(&imported)) {
                wrong.push(format!("{}:{line}: `{part}` imports `{imported}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "not in the table of docs/ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

/// What each part may import; `None` is everything.
fn table(document: &str) -> BTreeMap<String, Option<BTreeSet<String>>> {
    let rows = document.lines().skip_while(|line| !line.starts_with("| part | may import |")).skip(2);
    let mut table = BTreeMap::new();
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').collect();
        let allowed: BTreeSet<String> = quoted(cells[2]).collect();
        let allowed = match cells[2].trim() {
            "everything" => None,
            "nothing of ours" => Some(BTreeSet::new()),
            other => {
                assert!(!allowed.is_empty(), "`{other}` names nobody");
                Some(allowed)
            }
        };
        for part in quoted(cells[1]) {
            assert!(table.insert(part.clone(), allowed.clone()).is_none(), "{part} stands there twice");
        }
    }
    assert!(!table.is_empty(), "the table of imports is gone");
    table
}

fn quoted(cell: &str) -> impl Iterator<Item = String> + '_ {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// `src/http/tickets.rs` and `src/http.rs` belong to `http`.
fn part_of(file: &Path) -> String {
    let within: PathBuf = file.components().skip(1).collect();
    let first = within.components().next().unwrap();
    Path::new(first.as_os_str()).file_stem().unwrap().to_str().unwrap().to_owned()
}

/// Every `crate::part` of the code itself: not of comments, and not of the tests at a file's end.
fn imports(text: &str) -> Vec<(usize, String)> {
    let code = text.lines().enumerate().take_while(|(_, line)| line.trim() != "#[cfg(test)]");
    let mut found = Vec::new();
    for (at, line) in code.filter(|(_, line)| !line.trim_start().starts_with("//")) {
        for (from, _) in line.match_indices("crate::") {
            let rest = &line[from + "crate::".len()..];
            let names = rest.strip_prefix('{').map_or(rest, |group| group);
            let mut depth = 0;
            let own = names.split(|c: char| {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                c == ',' && depth == 0 && rest.starts_with('{')
            });
            for name in own {
                let name: String = name.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                found.push((at + 1, name));
            }
        }
    }
    found
}

#[test]
fn imports_are_found_however_they_are_written() {
    let text = "use crate::domain::ids::Seq;\nuse crate::{feed, http::{a, b}, reads};\n// crate::app\nfn f() { crate::clock::x() }\n\
                #[cfg(test)]\nmod tests { use crate::demo; }\n";
    let names: Vec<String> = imports(text).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["domain", "feed", "http", "reads", "clock"]);
}
