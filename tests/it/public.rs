//! Public logs of other projects: what those projects state of a line agrees with what `parse` says of it.
//!
//! In: `corpus/public/*/*/{input.log,expected.jsonl}`. Out: a table of agreement per suite, and every disagreement.
//! Invariants: only what is stated is compared; every line has one row; all suites count, and together must reach
//! [`FLOOR`]; an exception is counted and names the source that shows the statement wrong.

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

/// Rows that must agree in every stated field, of 1000.
const FLOOR: usize = 995;

/// Agreement of one suite.
#[derive(Debug, Default)]
struct Suite {
    n_rows: usize,
    n_agreeing: usize,
    /// Statements that are wrong: see [`EXCEPTIONS`].
    n_exceptions: usize,
    /// Per field: how many agree, of how many.
    fields: [(usize, usize); FIELDS.len()],
}

/// A statement that the server's source shows to be wrong.
struct Exception {
    /// The suite, and one line of it or all.
    suite: &'static str,
    line: Option<usize>,
    field: &'static str,
    /// What the stated value has before and behind the row's own.
    around: Around,
    why: &'static str,
}

/// How a wrong statement differs from the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    /// It begins with the client's bracket.
    Client,
    /// It lacks the number of the message.
    Number,
    /// It is a dash, and the row has no value.
    Dash,
    /// It lacks the blanks that the message starts with.
    Blanks,
    /// It is something else.
    Other,
}

impl Exception {
    fn is_it(&self, suite: &str, line: usize, field: &str, stated: &Value, row: &Value) -> bool {
        let (stated, found) = (stated.as_str().unwrap_or_default(), row[field].as_str());
        let fits = match (self.around, found) {
            (Around::Client, Some(found)) => stated
                .strip_prefix("[client ")
                .and_then(|rest| rest.strip_suffix(found))
                .and_then(|client| client.strip_suffix("] "))
                .is_some_and(|client| row["client"] == client),
            (Around::Number, Some(found)) => {
                found.starts_with("AH") && found.split_once(": ").is_some_and(|at| at.1 == stated)
            }
            (Around::Dash, None) => stated == "-",
            (Around::Blanks, Some(found)) => {
                found.starts_with(' ') && found.trim_ascii_start() == stated
            }
            (Around::Other, _) => true,
            _ => false,
        };
        suite == self.suite && field == self.field && self.line.is_none_or(|it| it == line) && fits
    }
}

/// Statements that are wrong, each with the source that shows it.
const EXCEPTIONS: [Exception; 6] = [
    Exception {
        suite: "apache/loghub--Apache_2k",
        line: None,
        field: "message",
        around: Around::Client,
        why: "the client is no part of the message (httpd 2.2, server/log.c: \"[client %s] \" is put before it)",
    },
    Exception {
        suite: "apache/ops-agent--apache-error",
        line: Some(2),
        field: "message",
        around: Around::Number,
        why: "the number is part of the message (httpd 2.4, http_log.h: APLOGNO(n) is text before it)",
    },
    Exception {
        suite: "iis/matomo--iis_custom",
        line: Some(9),
        field: "client",
        around: Around::Dash,
        why: "a dash stands for no value (W3C extended log file format, 4)",
    },
    Exception {
        suite: "apache/matomo--common_encoding_big5",
        line: Some(1),
        field: "path",
        around: Around::Other,
        why: "the line does not say that its bytes are Big5: the peer was told by a flag",
    },
    Exception {
        suite: "traefik/crowdsec--traefik_json",
        line: Some(7),
        field: "client",
        around: Around::Other,
        why: "ClientHost is X-Forwarded-For, whose first address is the client (accesslog/logger.go)",
    },
    Exception {
        suite: "syslog/loghub--Linux_2k",
        line: None,
        field: "message",
        around: Around::Blanks,
        why: "the kernel's message starts with blanks (Linux 2.6, arch/i386/kernel/setup.c: printk(\" BIOS-e820: ...\"), \
              mm/page_alloc.c: \"  %s zone: \"); syslogd writes `kernel: ` before it",
    },
];

#[test]
fn other_projects_agree() {
    let Some(shared) = shared() else { return };
    let mut suites: BTreeMap<String, Suite> = BTreeMap::new();
    let (mut disagreements, mut exceptions) = (String::new(), String::new());
    for folder in suites_below(&shared.join("corpus/public")) {
        let name = folder.strip_prefix(shared.join("corpus/public")).expect("below");
        let name = name.to_string_lossy().replace('\\', "/");
        let suite = compare(&folder, &name, &mut disagreements, &mut exceptions);
        suites.insert(name, suite);
    }
    let (mut n_rows, mut n_agreeing, mut n_exceptions) = (0, 0, 0);
    let mut table = String::new();
    for (name, suite) in &suites {
        if suite.n_rows == 0 {
            continue;
        }
        n_rows += suite.n_rows;
        n_agreeing += suite.n_agreeing;
        n_exceptions += suite.n_exceptions;
        write!(table, "{name:<46} {:>4}/{:<4}", suite.n_agreeing, suite.n_rows).expect("fits");
        for (field, (agreeing, stated)) in FIELDS.iter().zip(suite.fields) {
            if stated > 0 {
                write!(table, " {field} {agreeing}/{stated}").expect("fits");
            }
        }
        table.push('\n');
    }
    println!(
        "{disagreements}\nexceptions:\n{exceptions}\n{table}\nall suites: {n_agreeing} of {n_rows} rows, {n_exceptions} of them by exception"
    );
    assert!(n_exceptions * 100 <= n_rows, "{n_exceptions} exceptions are too many");
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

fn compare(
    folder: &Path,
    name: &str,
    disagreements: &mut String,
    exceptions: &mut String,
) -> Suite {
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
            } else if let Some(exception) =
                EXCEPTIONS.iter().find(|known| known.is_it(name, number, field, stated, row))
            {
                count.0 += 1;
                suite.n_exceptions += 1;
                writeln!(exceptions, "{name}:{number}: {field}: {}", exception.why).expect("fits");
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
            // Some drop the fraction.
            let is_whole = time(stated).is_some_and(|time| time.timestamp_subsec_nanos() == 0);
            let found = time(&row["at"]);
            let same_second =
                || found.map(|time| time.timestamp()) == time(stated).map(|time| time.timestamp());
            found.is_some() && (found == time(stated) || (is_whole && same_second()))
        }
        "local_time" => same_clock(stated, row, line),
        // No response was begun.
        "status" if *stated == 0 => row["status"].is_null(),
        "status" => row["status"] == *stated,
        "path" => {
            let [stated, found] = [stated, &row["path"]].map(path_of);
            stated == found
        }
        "level" => {
            let [stated, found] =
                [stated, &row["level"]].map(|level| level.as_str().map(str::to_lowercase));
            stated == found
        }
        // Some drop blanks at the end.
        "message" => {
            let [stated, found] =
                [stated, &row["message"]].map(|text| text.as_str().map(str::trim_end));
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
    let parsed = parsed.or_else(|| {
        let with_year = format!("{} {stated}", found.format("%Y"));
        NaiveDateTime::parse_from_str(&with_year, "%Y %b %d %H:%M:%S").ok()
    });
    let Some(parsed) = parsed else { return false };
    let year = parsed.format("%Y").to_string();
    let date = if line.contains(&year) { "%Y-%m-%d" } else { "%m-%d" };
    // Some drop the fraction.
    let clock =
        if parsed.and_utc().timestamp_subsec_nanos() > 0 { "%H:%M:%S%.f" } else { "%H:%M:%S" };
    let form = format!("{date} {clock}");
    parsed.format(&form).to_string() == found.format(&form).to_string()
}
