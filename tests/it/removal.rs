//! Less to go by: logs from which something was taken away, or whose clock is off. More may stay open; nothing may be wrong.
//!
//! In: labelled scenarios of real servers and of IIS. Out: the share of wrong verdicts after each change.
//! Invariants: the labels stay those of the whole logs. A few scenarios are tried in every run; all of them with
//! `LOGSCAN503_ALL_SCENARIOS=1`, as `.ci/full` does.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use chrono::{Duration, NaiveDateTime};
use serde_json::Value;

use crate::support::{Fixture, all_scenarios, logs_of, scenarios, shared};

/// What is done to the logs of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// The error logs are not given.
    NoErrorLog,
    /// What stands behind `combined` is cut off every access line.
    PlainCombined,
    /// The clock of the error logs is off, seconds.
    ErrorClock(i64),
    /// The clock of the servers behind others is off, seconds.
    DeeperClock(i64),
}

/// Scenarios tried in every run.
const FEW: &[&str] = &[
    "apache_mod_qos",
    "nginx_limit_conn",
    "nginx_php_fpm",
    "varnish_nginx",
    "07_backend_503_relayed",
];

#[test]
fn what_is_taken_away_makes_nothing_wrong() {
    check(&[Change::NoErrorLog, Change::PlainCombined]);
}

#[test]
fn an_error_log_of_another_clock_makes_nothing_wrong() {
    check(&[Change::ErrorClock(-5 * 3600), Change::ErrorClock(7), Change::ErrorClock(-7)]);
}

#[test]
fn a_server_of_another_clock_makes_nothing_wrong() {
    check(&[Change::DeeperClock(7), Change::DeeperClock(-7)]);
}

#[test]
fn a_clock_that_is_an_hour_off_is_named() {
    check(&[Change::ErrorClock(3600), Change::DeeperClock(3600)]);
}

#[track_caller]
fn check(changes: &[Change]) {
    let Some(shared) = shared() else { return };
    let all = all_scenarios();
    let mut faults = Vec::new();
    let mut n_checked = 0;
    for folder in scenarios(&shared, &["real", "iis_synthetic"]) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !all && !FEW.contains(&name.as_str()) {
            continue;
        }
        for change in changes {
            if let Some(fault) = try_change(&folder, *change) {
                faults.push(format!("{name} {change:?}: {fault}"));
            }
            n_checked += 1;
        }
    }
    assert!(n_checked > 0, "no scenario was found");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// What is wrong after a change. `None`: nothing, or the change does not apply.
fn try_change(folder: &Path, change: Change) -> Option<String> {
    let fixture = Fixture::new();
    let logs: Vec<String> = logs_of(folder)
        .into_iter()
        .filter(|log| Path::new(log).extension().is_some_and(|end| end == "log"))
        .collect();
    let line_of = lines_of(folder, &logs);
    let mut given: Vec<&str> = Vec::new();
    let mut n_changed = 0;
    for log in &logs {
        let text = fs::read_to_string(folder.join(log)).ok()?;
        let changed = applied(change, log, &text);
        n_changed += usize::from(changed.as_deref() != Some(text.as_str()));
        if let Some(changed) = changed {
            fixture.write(log, changed);
            given.push(log);
        }
    }
    if n_changed == 0 || given.is_empty() {
        return None;
    }
    let args = |format| [&["--status", "503", "--format", format][..], &given].concat();
    let rows = fixture.run(&args("entries"), b"").rows();
    let fault = wrong_rows(folder, &rows, &line_of);
    let is_an_hour = matches!(change, Change::ErrorClock(3600) | Change::DeeperClock(3600));
    // Requests found in both logs tell the difference; where there are none, nothing does.
    let joins = rows.iter().any(|row| {
        let by_log = row["evidence"].as_array().is_some_and(|evidence| !evidence.is_empty());
        by_log || row["resolved_by"]["join"] == "client_target_time"
    });
    if fault.is_some() || !is_an_hour || !joins {
        return fault;
    }
    let document = fixture.run(&args("json"), b"").json();
    let codes = document["diagnostics"].as_array().into_iter().flatten();
    let is_named = codes.into_iter().any(|row| row["code"] == "clock_shift");
    (!is_named).then(|| "the clock is an hour off, and nobody says so".to_owned())
}

/// The text of a log after a change. `None`: the log is not given.
fn applied(change: Change, log: &str, text: &str) -> Option<String> {
    let name = log.rsplit('/').next().unwrap_or(log);
    let is_error = name.contains("error");
    let is_deeper = log.starts_with("member/") || name.starts_with("origin_");
    let lines = |edit: &dyn Fn(&str) -> String| {
        let edited: Vec<String> = text.split('\n').map(edit).collect();
        edited.join("\n")
    };
    match change {
        Change::NoErrorLog if is_error => None,
        Change::PlainCombined if !is_error => Some(lines(&|line| combined(line).to_owned())),
        Change::ErrorClock(seconds) if is_error && !is_deeper => {
            Some(lines(&|line| shifted(line, seconds)))
        }
        Change::DeeperClock(seconds) if is_deeper => Some(lines(&|line| shifted(line, seconds))),
        _ => Some(text.to_owned()),
    }
}

/// The line up to its third quoted value, which is the user agent.
fn combined(line: &str) -> &str {
    if !line.contains("] \"") {
        return line;
    }
    let mut n_quotes = 0;
    let mut is_escaped = false;
    for (at, byte) in line.bytes().enumerate() {
        n_quotes += usize::from(byte == b'"' && !is_escaped);
        is_escaped = byte == b'\\' && !is_escaped;
        if n_quotes == 6 {
            return &line[..=at];
        }
    }
    line
}

/// The line with its first time moved.
fn shifted(line: &str, seconds: i64) -> String {
    const FORMATS: [(&str, usize); 4] = [
        ("%d/%b/%Y:%H:%M:%S", 20),
        ("%Y/%m/%d %H:%M:%S", 19),
        ("%Y-%m-%d %H:%M:%S", 19),
        ("%a %b %d %H:%M:%S%.6f %Y", 31),
    ];
    let starts = [0, line.find('[').map_or(0, |at| at + 1)];
    for start in starts {
        for (format, length) in FORMATS {
            let Some(stamp) = line.get(start..start + length) else { continue };
            if let Ok(at) = NaiveDateTime::parse_from_str(stamp, format) {
                let moved = (at + Duration::seconds(seconds)).format(format);
                return format!("{}{moved}{}", &line[..start], &line[start + length..]);
            }
        }
    }
    line.to_owned()
}

/// Line of each request id, by log and id.
type LineOf = HashMap<(String, String), u64>;

fn lines_of(folder: &Path, logs: &[String]) -> LineOf {
    let mut lines = LineOf::new();
    for log in logs {
        let bytes = fs::read(folder.join(log)).expect("the log is readable");
        let text = String::from_utf8_lossy(&bytes);
        for (number, line) in (1..).zip(text.split('\n')) {
            for (at, _) in line.match_indices("rid=") {
                let is_id = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                let id: String = line[at + 4..].chars().take_while(|c| is_id(*c)).collect();
                lines.entry((log.clone(), id)).or_insert(number);
            }
        }
    }
    lines
}

/// More than 0.5 % wrong, at the entry's own server or in the end.
fn wrong_rows(folder: &Path, rows: &[Value], line_of: &LineOf) -> Option<String> {
    let said: HashMap<(&str, u64), &Value> = rows
        .iter()
        .filter_map(|row| Some(((row["source"].as_str()?, row["line"].as_u64()?), row)))
        .collect();
    let labels = fs::read_to_string(folder.join("labels.jsonl")).expect("labels.jsonl");
    let (mut n, mut n_wrong, mut n_resolved_wrong) = (0u64, 0u64, 0u64);
    for label in labels.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let log = label["log"].as_str().or(label["file"].as_str()).unwrap_or("access.log");
        let id = label["rid"].as_str().unwrap_or_default();
        let line = line_of.get(&(log.to_owned(), id.to_owned()));
        let Some(row) = line.and_then(|line| said.get(&(log, *line))) else { continue };
        let origin = row["origin"].as_str().unwrap_or_default();
        let also = label["origin_any"].as_array().into_iter().flatten();
        let is_right = label["origin"] == origin || also.into_iter().any(|other| other == origin);
        n += 1;
        n_wrong += u64::from(!is_right && origin != "unknown");
        let end = row["resolved_origin"].as_str();
        let expected = label["resolved_origin"].as_str();
        let is_other = end.is_some() && expected.is_some() && end != expected;
        n_resolved_wrong += u64::from(is_other && end != Some("unknown"));
    }
    let too_many = (n_wrong + n_resolved_wrong) * 200 > n;
    too_many.then(|| format!("{n_wrong} wrong and {n_resolved_wrong} resolved wrongly of {n}"))
}
