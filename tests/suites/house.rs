//! The rules of the text: columns, lengths of files, and one word for one thing.

use std::path::{Path, PathBuf};

/// Names that were replaced, with the name that is used. Migrations and the tables of the database
/// keep theirs.
const REPLACED: &[(&str, &str)] = &[
    ("Gather", "BatchQueue"),
    ("Suspects", "Quarantine"),
    ("LoneWriter", "SingleOrgWriter"),
    ("Asker", "ReadSink"),
    ("LookFn", "OpenFn"),
    ("unless_contended", "retry_contended"),
    ("Trouble", "Condition"),
    ("Troubles", "Conditions"),
    ("OnItsWay", "TrackedBody"),
    ("UnderWay", "RequestGuard"),
    ("held_off", "blocked"),
    ("UseLog", "LastUsedTimes"),
    ("strongroom_trouble", "strongroom_condition_active"),
    (
        "strongroom_not_in_time_total",
        "strongroom_replication_timeouts_total",
    ),
    (
        "strongroom_uses_dropped_total",
        "strongroom_last_used_dropped_total",
    ),
    ("organisation", "organization"),
];

#[test]
fn lines_have_at_most_100_columns_in_code_and_160_in_markdown() {
    let mut wide = Vec::new();
    for path in files() {
        let most = if ends_with(&path, "rs") { 100 } else { 160 };
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        for (at, line) in text.lines().enumerate() {
            if line.chars().count() > most {
                wide.push(format!("{path}:{} has over {most} columns", at + 1));
            }
        }
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}

#[test]
fn files_of_code_have_at_most_300_lines() {
    for path in files().into_iter().filter(|path| ends_with(path, "rs")) {
        let lines = std::fs::read_to_string(root().join(&path))
            .unwrap()
            .lines()
            .count();
        assert!(lines <= 300, "{path} has {lines} lines: split it");
    }
}

#[test]
fn replaced_names_do_not_return() {
    for path in files()
        .into_iter()
        .filter(|path| path != "tests/suites/house.rs")
    {
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        for word in text.split(|c: char| !is_word(c)) {
            let replaced = REPLACED.iter().find(|(old, _)| *old == word);
            assert_eq!(replaced, None, "{path} has a replaced name: (old, new)");
        }
    }
}

// `make test-compose` selects tests by this folder.
#[test]
fn suites_below_api_only_use_the_api_alone() {
    for path in files()
        .into_iter()
        .filter(|path| path.starts_with("tests/suites/") && path != "tests/suites/house.rs")
    {
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        let words: Vec<_> = text.split(|c: char| !c.is_alphanumeric()).collect();
        let api_only = path.starts_with("tests/suites/api_only/");
        for (word, there) in [("TestApi", api_only), ("TestVault", !api_only)] {
            let module = path.ends_with("/mod.rs");
            assert!(
                there || module || !words.contains(&word),
                "{path} uses {word}"
            );
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn ends_with(path: &str, extension: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|found| found == extension)
}

/// Code and Markdown of the project, by path.
fn files() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["crates", "docs", "tests", "deploy", "migrations"] {
        collect(folder, &mut found);
    }
    found.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(str::to_owned));
    assert!(found.len() > 300, "no files were found");
    found
}

fn collect(folder: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{folder}/{name}");
        if entry.path().is_dir() {
            if !["target", "node_modules"].contains(&name.as_str()) {
                collect(&path, found);
            }
        } else if ends_with(&path, "rs") || ends_with(&path, "md") {
            found.push(path);
        }
    }
}
