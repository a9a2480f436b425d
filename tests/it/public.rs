//! Public logs of other projects: what those projects state of a line agrees with what `parse` says of it.
//!
//! In: `corpus/public/*/*/{input.log,expected.jsonl}`. Out: a table of agreement per suite, and every disagreement.
//! Invariants: only what is stated is compared; every line has one row; suites of servers whose formats are read must
//! reach [`FLOOR`], the others are only shown.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime};
use serde_json::Value;

use crate::support::{run_in, shared};

/// What is compared.
const FIELDS: [&str; 9] =
    ["timestamp", "local_time", "status", "method", "path", "client", "level", "message", "parsed"];

/// Suites of these folders must reach the floor.
const ASSERTED: [&str; 4] = ["nginx", "apache", "iis", "httperr"];

/// Rows of the asserted suites that must agree in every stated field, of 1000.
const FLOOR: usize = 900;

/// Agreement of one suite.
#[derive(Debug, Default)]
struct Suite {
    n_rows: usize,
    n_agreeing: usize,
    /// Per field: how many agree, of how many.
    fields: [(usize, usize); FIELDS.len()],
}

#[test]
fn other_projects_agree() {
    let Some(shared) = shared() else { return };
    let mut suites: BTreeMap<String, Suite> = BTreeMap::new();
    let mut disagreements = String::new();
    for folder in suites_below(&shared.join("corpus/public")) {
        let name = folder.strip_prefix(shared.join("corpus/public")).expect("below");
        let name = name.to_string_lossy().replace('\\', "/");
        let suite = compare(&folder, &name, &mut disagreements);
        suites.insert(name, suite);
    }
    let (mut n_rows, mut n_agreeing) = (0, 0);
    let mut table = String::new();
    for (name, suite) in &suites {
        let is_asserted = ASSERTED.iter().any(|system| name.split('/').next() == Some(system));
        if suite.n_rows == 0 {
            continue;
        }
        if is_asserted {
            n_rows += suite.n_rows;
            n_agreeing += suite.n_agreeing;
        }
        let mark = if is_asserted { ' ' } else { '~' };
        write!(table, "{mark} {name:<46} {:>4}/{:<4}", suite.n_agreeing, suite.n_rows)
            .expect("fits");
        for (field, (agreeing, stated)) in FIELDS.iter().zip(suite.fields) {
            if stated > 0 {
                write!(table, " {field} {agreeing}/{stated}").expect("fits");
            }
        }
        table.push('\n');
    }
    println!("{disagreements}\n{table}\nasserted suites: {n_agreeing} of {n_rows} rows");
    assert!(n_agreeing * 1000 >= n_rows * FLOOR, "{n_agreeing} of {n_rows} rows agree\n{table}");
}

/// Folders that hold an input and what is expected of it.
fn suites_below(root: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(root).expect("the corpus is readable") {
        let path = entry.expect("the corpus is readable").path();
        if path.join("expected.jsonl").is_file() {
            folders.push(path);
        } else if path.is_dir() {
            folders.extend(suites_below(&path));
        }
    }
    folders.sort();
    folders
}

fn compare(folder: &Path, name: &str, disagreements: &mut String) -> Suite {
    let said = run_in(folder, &["parse", "-q", "input.log"], b"");
    let rows = said.rows();
    let numbers = rows.iter().map(|row| row["line"].as_u64());
    assert!(numbers.eq((1..=rows.len() as u64).map(Some)), "{name}: one row per line, in order");
    let bytes = fs::read(folder.join("input.log")).expect("input.log");
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
    let n_lines = lines.len() - usize::from(bytes.is_empty() || bytes.ends_with(b"\n"));
    assert_eq!(rows.len(), n_lines, "{name}");
    let text = fs::read_to_string(folder.join("expected.jsonl")).expect("expected.jsonl");
    let mut suite = Suite::default();
    for expected in text.lines() {
        let expected: Value = serde_json::from_str(expected).expect("expected.jsonl");
        let number = expected["line"].as_u64().expect("a line number") as usize;
        let line = String::from_utf8_lossy(lines[number - 1]);
        let row = &rows[number - 1];
        let mut wrong = Vec::new();
        let mut n_stated = 0;
        for (field, count) in FIELDS.iter().zip(&mut suite.fields) {
            let stated = &expected[*field];
            if stated.is_null() || (*field == "parsed" && *stated != true) {
                continue;
            }
            n_stated += 1;
            count.1 += 1;
            if agrees(field, stated, row, &line) {
                count.0 += 1;
            } else {
                wrong.push(format!("{field} {stated}"));
            }
        }
        suite.n_rows += usize::from(n_stated > 0);
        suite.n_agreeing += usize::from(n_stated > 0 && wrong.is_empty());
        if !wrong.is_empty() {
            let wrong = wrong.join(", ");
            writeln!(disagreements, "{name}:{number}: stated {wrong}\n  line {line}\n  row  {row}")
                .expect("fits");
        }
    }
    suite
}

fn agrees(field: &str, stated: &Value, row: &Value, line: &str) -> bool {
    match field {
        "parsed" => {
            let kind = row["kind"].as_str().unwrap_or_default();
            ["access", "error", "event", "continuation"].contains(&kind)
        }
        "timestamp" => {
            let time = |value: &Value| DateTime::parse_from_rfc3339(value.as_str()?).ok();
            time(&row["at"]).is_some() && time(&row["at"]) == time(stated)
        }
        "local_time" => same_clock(stated, row, line),
        "status" => row["status"] == *stated,
        "path" => {
            let [stated, found] = [stated, &row["path"]].map(|path| path_of(path));
            stated == found
        }
        "level" => {
            let [stated, found] =
                [stated, &row["level"]].map(|level| level.as_str().map(str::to_lowercase));
            stated == found
        }
        _ => row[field] == *stated,
    }
}

/// A path without query, scheme and host, its escapes undone.
fn path_of(path: &Value) -> Option<String> {
    let path = path.as_str()?;
    let path = path.split('?').next().unwrap_or_default();
    let path = match path.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            rest.find('/').map_or("/", |slash| &rest[slash..])
        }
        _ => path,
    };
    let mut plain = vec![0; path.len()];
    let escape = logscan503::record::Escape::Default;
    let n = logscan503::record::unescape(escape, path.as_bytes(), &mut plain);
    Some(String::from_utf8_lossy(&plain[..n]).into_owned())
}

/// True for the same time on the clock, as far as the line itself tells it: a year that the line lacks is invented.
fn same_clock(stated: &Value, row: &Value, line: &str) -> bool {
    let time = row["local_at"].as_str().or(row["at"].as_str()).unwrap_or_default();
    let time = time.trim_end_matches('Z');
    let Ok(found) = time.parse::<NaiveDateTime>() else { return false };
    let stated = stated.as_str().unwrap_or_default();
    // Some keep the line's own spelling.
    let spellings = [
        "%a %b %d %H:%M:%S%.f %Y",
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y/%m/%d %H:%M:%S%.f",
        "%d/%b/%Y:%H:%M:%S",
    ];
    let parsed = spellings.iter().find_map(|form| NaiveDateTime::parse_from_str(stated, form).ok());
    let Some(parsed) = parsed else { return false };
    let year = parsed.format("%Y").to_string();
    let form = if line.contains(&year) { "%Y-%m-%d %H:%M:%S%.f" } else { "%m-%d %H:%M:%S%.f" };
    parsed.format(form).to_string() == found.format(form).to_string()
}
