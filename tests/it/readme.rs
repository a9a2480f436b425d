//! What the README promises: its two commands, and what the first of them finds.
//!
//! In: `README.md`, `.ci/run`, `fixtures/incident`. Out: the verdicts that `fixtures/README.md` gives as the truth.
//! Invariants: the commands are the same, character by character, wherever they are written.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::Fixture;

fn text_of(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect(name)
}

fn incident() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/incident");
    path.to_str().expect("the repository's path is UTF-8").to_owned()
}

#[test]
fn both_commands_stand_in_the_readme() {
    let readme = text_of("README.md");
    for command in ["cargo run --release -- fixtures/incident", "cargo test"] {
        assert!(readme.lines().any(|line| line.trim() == command), "{command}");
    }
}

#[test]
fn exit_codes_of_the_readme_are_complete() {
    let readme = text_of("README.md");
    for code in ["`0`", "`1`", "`2`", "`3`", "`4`", "`130`, `143`"] {
        assert!(readme.lines().any(|line| line.starts_with(&format!("| {code} |"))), "{code}");
    }
}

#[test]
fn the_example_is_one_incident_and_every_entry_is_decided_rightly() {
    let said = Fixture::new().run(&["--format", "entries", &incident()], b"");
    assert_eq!(said.code, Some(0), "{}", said.err);
    let mut counts = BTreeMap::new();
    for row in said.rows() {
        let id = |key: &str| row[key].as_str().unwrap_or("null").to_owned();
        *counts.entry((id("origin"), id("cause"))).or_insert(0) += 1;
    }
    let truth = [("no_live_upstreams", 385), ("upstream_refused", 4)]
        .map(|(cause, n)| (("proxy".to_owned(), cause.to_owned()), n));
    assert_eq!(counts, BTreeMap::from(truth));
}

#[test]
fn both_sides_of_the_account_are_in_the_document() {
    let said = Fixture::new().run(&["--format", "json", &incident()], b"");
    assert_eq!(said.code, Some(0), "{}", said.err);
    let document = said.json();
    assert_eq!(document["incidents"].as_array().map(Vec::len), Some(1));
    let by_origin = document["totals"]["by_origin"].as_object().expect("an object");
    assert_eq!(by_origin.values().filter_map(Value::as_u64).sum::<u64>(), 389);
    assert_eq!(document["totals"]["entries"], 389);
    // 913 lines; an HTTP/0.9 or broken request is traffic too.
    assert_eq!(document["totals"]["requests"], 913);
    for input in document["inputs"].as_array().expect("a list") {
        let lines = input["lines"].as_object().expect("an object");
        let n_lines = |wanted: bool| {
            let counts = lines.iter().filter(|(key, _)| (key.as_str() == "read") == wanted);
            counts.filter_map(|(_, n)| n.as_u64()).sum::<u64>()
        };
        assert_eq!(n_lines(true), n_lines(false), "{}", input["path"]);
    }
}

#[test]
fn the_example_is_what_the_program_prints() {
    let readme = text_of("README.md");
    let from = readme.find("$ logscan503 fixtures/incident\n").expect("the example");
    let example = readme[from..].split_once('\n').map_or("", |(_, rest)| rest);
    let example = example.split_once("```").map_or("", |(example, _)| example);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let said = crate::support::run_in(root, &["--format", "text", "fixtures/incident"], b"");
    assert_eq!(String::from_utf8_lossy(&said.out), example);
}
