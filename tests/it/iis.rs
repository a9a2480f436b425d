//! IIS and its kin: every line of the corpus is accounted for, and what the lines themselves decide is right.
//!
//! In: `corpus/iis*` and the W3C samples of other projects. Out: counts, fields, origins and causes against labels.
//! Invariants: only the entry's own fields are judged here: no event log is read, nothing is joined.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use logscan503::cause::CauseMatcher;
use logscan503::fact::EntryFact;
use logscan503::format::{FormatChoice, detect, understands};
use logscan503::input::Source;
use logscan503::record::Record;
use logscan503::scan::{Scan, ScanConfig, scan};
use logscan503::store::Budget;
use logscan503::verdict::{Openness, RULES};
use serde_json::Value;

use crate::support::{Fixture, shared};

fn scan_files(paths: &[PathBuf], statuses: &[usize]) -> (Scan, CauseMatcher) {
    let matcher = CauseMatcher::new(Vec::new()).expect("the built-in rules are valid");
    let interrupted = Arc::new(AtomicBool::new(false));
    let mut wanted = [false; 1000];
    for status in statuses {
        wanted[*status] = true;
    }
    let config = ScanConfig {
        chosen: [true; 1000],
        wanted,
        n_threads: 2,
        range_bytes: 16 << 10,
        matcher: &matcher,
        formats: &FormatChoice::default(),
        budget: Budget::new(64 << 20, None),
        interrupted: &interrupted,
    };
    let sources = paths.iter().map(|path| Source::open(path)).collect();
    (scan(sources, &config).expect("threads can be started"), matcher)
}

/// The log files below a folder.
fn logs(folder: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).expect("the corpus is readable") {
        let path = entry.expect("the corpus is readable").path();
        if path.is_dir() {
            paths.extend(logs(&path));
        } else if path.extension().is_some_and(|extension| extension == "log") {
            paths.push(path);
        }
    }
    paths.sort();
    paths
}

#[test]
fn every_line_of_real_logs_is_understood() {
    let Some(shared) = shared() else { return };
    let mut paths = logs(&shared.join("corpus/iis"));
    paths.extend(logs(&shared.join("corpus/iis_synthetic")));
    for name in ["iis", "httperr", "netscaler", "incapsula"] {
        paths.extend(logs(&shared.join("corpus/public").join(name)));
    }
    let (scan, _) = scan_files(&paths, &[503]);
    let mut faults = Vec::new();
    for input in &scan.inputs {
        let (lines, formats) = (input.tally.lines, formats_of(input));
        assert!(lines.balances(), "{}", input.path.display());
        // The last row of the one is cut, the other ends in zeros.
        let is_cut =
            ["u_ex_cut.log", "u_ex_live_nul.log"].iter().any(|name| input.path.ends_with(name));
        let n_cut = u64::from(is_cut);
        if lines.unparsed != n_cut || !formats.iter().all(|format| format.starts_with("iis_")) {
            let first = input.tally.first_unparsed.as_ref();
            let text = first.map(|first| String::from_utf8_lossy(&first.text).into_owned());
            faults.push(format!("{}: {formats:?} {lines:?} {text:?}", input.path.display()));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn formats_of(input: &logscan503::scan::ScannedInput) -> Vec<&str> {
    let plan = input.plan.as_ref();
    plan.map_or(Vec::new(), |plan| plan.detected().map(|one| one.about().format).collect())
}

#[test]
fn fields_of_rows_are_what_other_projects_expect() {
    let Some(shared) = shared() else { return };
    let mut faults = Vec::new();
    for name in ["iis", "httperr", "netscaler", "incapsula"] {
        for path in logs(&shared.join("corpus/public").join(name)) {
            let Ok(expected) = fs::read_to_string(path.with_file_name("expected.jsonl")) else {
                continue;
            };
            let text = fs::read(&path).expect("the sample is readable");
            faults.extend(compare_rows(&path, &text, &expected));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// What differs between the rows of a sample and what is expected of them.
fn compare_rows(path: &Path, text: &[u8], expected: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut readers = detect(path, &[text], &FormatChoice::default()).readers;
    for (line, expected) in text.split(|byte| *byte == b'\n').zip(expected.lines()) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let expected: Value = serde_json::from_str(expected).expect("expected.jsonl");
        let found = readers.iter_mut().position(|reader| understands(reader, line));
        if expected["parsed"] != true {
            continue;
        }
        let record = found.and_then(|found| readers[found].parse(line).ok());
        let Some(Record::Access(record)) = record else {
            faults.push(format!("{}: not parsed: {expected}", path.display()));
            continue;
        };
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let (method, _) = record.request();
        let (stem, query) = record.target_parts();
        let whole = query.map_or(text(stem), |query| format!("{}?{}", text(stem), text(query)));
        let client = record.raw(logscan503::record::Field::RemoteAddr).map(text);
        let got = [
            ("status", vec![Value::from(record.status)]),
            ("method", vec![Value::from(text(method))]),
            ("path", vec![Value::from(text(stem)), Value::from(whole)]),
            ("client", vec![Value::from(client)]),
        ];
        for (key, got) in got {
            if !expected[key].is_null() && !got.contains(&expected[key]) {
                faults.push(format!("{}: {key} {got:?}: {expected}", path.display()));
            }
        }
    }
    faults
}

#[test]
fn the_lines_of_labelled_incidents_decide_rightly() {
    let Some(shared) = shared() else { return };
    let corpus = shared.join("corpus/iis_synthetic");
    let mut faults = Vec::new();
    for entry in fs::read_dir(&corpus).expect("the corpus is readable") {
        let folder = entry.expect("the corpus is readable").path();
        if folder.is_dir() {
            judge(&folder, &mut faults);
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn judge(folder: &Path, faults: &mut Vec<String>) {
    let mut labels = HashMap::new();
    let text = fs::read_to_string(folder.join("labels.jsonl")).expect("labels.jsonl");
    for line in text.lines() {
        let label: Value = serde_json::from_str(line).expect("labels.jsonl");
        let key = (word(&label["file"]), word(&label["rid"]));
        labels.insert(key, label);
    }
    let (scan, _) = scan_files(&logs(folder), &[502, 503]);
    let mut wrong = BTreeMap::new();
    let entries = scan.entries.sorted();
    for fact in entries.rows() {
        let fact: EntryFact = fact.expect("the fact can be read");
        let input = &scan.inputs[fact.place.position.input as usize];
        let line = input.fetch(fact.place).expect("the line can be had again");
        let file = input.path.strip_prefix(folder).expect("below the folder").to_string_lossy();
        let Some(label) = rid_of(&line).and_then(|rid| labels.remove(&(file.into(), rid))) else {
            continue;
        };
        let rule = RULES[usize::from(fact.rule)];
        let origin = if rule.openness == Openness::Open { "unknown" } else { rule.origin.as_str() };
        let cause = rule.cause.map_or("null", |cause| cause.as_str());
        let causes = [word(&label["cause"]), label["cause_alt"].to_string()];
        // Only an event log can tell these.
        let is_deeper = rule.openness == Openness::CauseOpen && rule.cause.is_none();
        let right_cause = is_deeper || causes.iter().any(|known| known.contains(cause));
        if label["origin"] != origin || !right_cause || label["status"] != fact.status {
            let said = format!("{} {origin} {cause} for {} {causes:?}", rule.id, label["origin"]);
            *wrong.entry(said).or_insert(0) += 1;
        }
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    faults.extend(wrong.iter().map(|(said, n)| format!("{name}: {n} x {said}")));
    if !labels.is_empty() {
        faults.push(format!("{name}: {} labelled rows were not found", labels.len()));
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn rid_of(line: &[u8]) -> Option<String> {
    let start = memchr::memmem::find(line, b"rid=")? + 4;
    let is_id = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte == b'-';
    let length = line[start..].iter().take_while(is_id).count();
    Some(String::from_utf8_lossy(&line[start..start + length]).into_owned())
}

#[test]
fn a_disabled_pool_is_named_with_its_cause_and_in_what_to_do() {
    let fixture = Fixture::new();
    let mut log = String::from(
        "#Software: Microsoft HTTP API 2.0\n#Version: 1.0\n#Date: 2026-03-10 12:00:00\n#Fields: date time c-ip c-port \
         s-ip s-port cs-version cs-method cs-uri sc-status s-siteid s-reason s-queuename\n",
    );
    for second in 0..60 {
        writeln!(
            log,
            "2026-03-10 12:00:{second:02} 192.0.2.{second} 50201 198.51.100.1 80 HTTP/1.1 GET /a 503 1 AppOffline ShopPool"
        )
        .expect("a string takes all");
    }
    fixture.write("httperr1.log", log);
    let document = fixture.run(&["httperr1.log", "--format", "json"], b"").json();
    let cause = &document["incidents"][0]["causes"][0];
    assert_eq!(cause["id"], "rapid_fail_protection");
    assert_eq!(cause["scope"]["app_pool"], "ShopPool");
    let steps = cause["next_steps"].to_string();
    assert!(steps.contains("Start-WebAppPool -Name 'ShopPool'"), "{steps}");
    assert!(!steps.contains("systemctl"), "{steps}");
}

/// Which of two machines' entries, of one folder and the same site, are told to be of an application taken offline, by an
/// event that names its machine. `columns`: the name of the column of machines, or one that says nothing of them.
fn offline_by_machine(column: &str) -> Vec<String> {
    let fixture = Fixture::new();
    let mut paths = Vec::new();
    for (name, machine) in [("u_ex_a.log", "WEB01"), ("u_ex_b.log", "WEB02")] {
        let mut log = format!(
            "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time s-sitename {column} \
             cs-method cs-uri-stem cs-uri-query c-ip sc-status sc-substatus sc-win32-status time-taken\n"
        );
        for second in 0..60 {
            let status = if (20..40).contains(&second) { 503 } else { 200 };
            writeln!(
                log,
                "2026-03-10 12:00:{second:02} W3SVC1 {machine} GET /a{second} - 192.0.2.{second} {status} 0 0 5"
            )
            .expect("a string takes all");
        }
        paths.push(name);
        fixture.write(name, log);
    }
    let event = |machine: &str, second: u32, id: u32, message: &str| {
        format!(
            r#"{{"TimeCreated":"2026-03-10T12:00:{second}Z","ProviderName":"IIS AspNetCore Module V2","Id":{id},"MachineName":"{machine}","Message":"Application '/LM/W3SVC/1/ROOT' {message}"}}"#
        )
    };
    let offline = "was recycled after detecting app_offline.htm.";
    let events = [
        event("WEB02.example.com", 10, 1032, "started successfully."),
        event("WEB01.example.com", 20, 1012, offline),
        event("WEB01.example.com", 41, 1032, "started successfully."),
    ];
    paths.push("events.json");
    fixture.write("events.json", events.join("\n"));
    paths.extend(["--format", "entries"]);
    let rows = fixture.run(&paths, b"").rows();
    let mut offline: Vec<String> = rows
        .iter()
        .filter(|row| row["cause"] == "app_offline")
        .map(|row| word(&row["source"]))
        .collect();
    offline.sort();
    offline.dedup();
    offline
}

#[test]
fn an_event_explains_entries_of_its_own_machine() {
    assert_eq!(offline_by_machine("s-computername"), ["u_ex_a.log"]);
    assert_eq!(offline_by_machine("cs-username"), [""; 0]);
}

/// The causes of the entries of a pool that is off twice: in the first ten minutes after an event about its identity, and
/// an hour later. Between, requests are served.
fn causes_of_two_outages(pool_of_event: &str) -> Vec<(String, usize)> {
    let fixture = Fixture::new();
    let clock = |second: u32| {
        format!("{:02}:{:02}:{:02}", 12 + second / 3600, second / 60 % 60, second % 60)
    };
    let mut served = String::from(
        "#Fields: date time s-sitename cs-method cs-uri-stem cs-uri-query c-ip sc-status sc-substatus sc-win32-status time-taken\n",
    );
    let mut refused = String::from(
        "#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri sc-status s-siteid s-reason s-queuename\n",
    );
    for second in (0..5000).step_by(3) {
        let clock = clock(second);
        let line = if matches!(second, 60..660 | 4200..4800) {
            writeln!(
                refused,
                "2026-03-10 {clock} 192.0.2.9 50201 198.51.100.1 80 HTTP/1.1 GET /a 503 1 AppOffline Shop+Pool"
            )
        } else {
            writeln!(served, "2026-03-10 {clock} W3SVC1 GET /a - 192.0.2.9 200 0 0 5")
        };
        line.expect("a string takes all");
    }
    fixture.write("httperr1.log", refused);
    fixture.write("u_ex260310.log", served);
    fixture.write(
        "System.xml",
        format!(
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-WAS'/>\
             <EventID>5057</EventID><TimeCreated SystemTime='2026-03-10T12:01:00.0000000Z'/><Computer>WEB01</Computer></System>\
             <EventData><Data Name='AppPoolID'>{pool_of_event}</Data></EventData></Event>\n"
        ),
    );
    let args = ["httperr1.log", "u_ex260310.log", "System.xml", "--format", "entries"];
    let mut counts = BTreeMap::new();
    for row in fixture.run(&args, b"").rows() {
        *counts.entry(word(&row["cause"])).or_default() += 1;
    }
    counts.into_iter().collect()
}

#[test]
fn a_state_of_a_pool_ends_when_the_pool_serves_again() {
    let both = [("rapid_fail_protection".to_owned(), 200), ("startup_failure".to_owned(), 200)];
    assert_eq!(causes_of_two_outages("Shop Pool"), both);
    assert_eq!(causes_of_two_outages("SHOP POOL"), both);
    assert_eq!(causes_of_two_outages("Other"), [("rapid_fail_protection".to_owned(), 400)]);
}

/// Causes of the entries that HTTP.sys answered for a disabled pool, beside an export of events.
fn cause_beside(name: &str, events: &str) -> Vec<String> {
    let fixture = Fixture::new();
    let mut log = String::from(
        "#Software: Microsoft HTTP API 2.0\n#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri \
         sc-status s-siteid s-reason s-queuename\n",
    );
    for second in 20..50 {
        writeln!(
            log,
            "2026-03-21 10:20:{second} 198.51.100.44 31058 10.0.0.9 80 HTTP/1.1 GET /a{second} 503 1 AppOffline ApiPool"
        )
        .expect("a string takes all");
    }
    fixture.write("httperr1.log", log);
    fixture.write(name, events);
    let rows = fixture.run(&["httperr1.log", name, "--format", "entries"], b"").rows();
    let mut causes: Vec<String> = rows.iter().map(|row| word(&row["cause"])).collect();
    causes.sort();
    causes.dedup();
    causes
}

#[test]
fn events_are_read_however_they_were_exported() {
    let event = |id: u32, second: u32| {
        format!(
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-WAS'/><EventID Qualifiers='32768'>{id}</EventID><Level>2</Level><TimeCreated SystemTime='2026-03-21T10:20:{second}.0000000Z'/><Computer>W</Computer></System><EventData><Data Name='AppPoolID'>ApiPool</Data></EventData></Event>"
        )
    };
    let one_line =
        format!("<?xml version=\"1.0\"?><Events>{}{}</Events>", event(5186, 10), event(5059, 19));
    let list = |id: u32, second: u32| {
        format!(
            "\r\n\r\nProviderName : Microsoft-Windows-WAS\r\nTimeCreated  : 2026-03-21 10:20:{second}Z\r\nId           : {id}\r\nMessage      : Application pool ApiPool has been\r\n               disabled.\r\n"
        )
    };
    let winlogbeat = |id: u32, second: u32| {
        format!(
            r#"{{"@timestamp":"2026-03-21T10:20:{second}.000Z","message":"Der Anwendungspool ApiPool wurde deaktiviert.","winlog":{{"computer_name":"W","event_data":{{"AppPoolID":"ApiPool"}},"event_id":"{id}","provider_name":"Microsoft-Windows-WAS"}}}}"#
        ) + "\n"
    };
    let nxlog = |id: u32, second: u32| {
        format!(
            r#"{{"EventTime":"2026-03-21T10:20:{second}.000000+00:00","Hostname":"W","EventID":{id},"SourceName":"Microsoft-Windows-WAS","Message":"Der Anwendungspool ApiPool wurde deaktiviert.","AppPoolID":"ApiPool"}}"#
        ) + "\n"
    };
    let both = |write: &dyn Fn(u32, u32) -> String| write(5186, 10) + &write(5059, 19);
    for (name, text) in [
        ("one_line.xml", one_line),
        ("list.txt", both(&list)),
        ("winlogbeat.json", both(&winlogbeat)),
        ("nxlog.json", both(&nxlog)),
    ] {
        assert_eq!(cause_beside(name, &text), ["startup_failure"], "{name}");
    }
}

#[test]
fn events_on_one_line_have_places_of_their_own() {
    let fixture = Fixture::new();
    let event = "<Event><System><Provider Name='Microsoft-Windows-WAS'/><EventID>5059</EventID><TimeCreated SystemTime='2026-03-21T10:20:10Z'/></System></Event>";
    let text = format!("<?xml version=\"1.0\"?>\r\n<Events>{event}{event}</Events>");
    fixture.write("x.xml", text.clone());
    let rows = fixture.run(&["parse", "x.xml"], b"").rows();
    let places: Vec<(u64, u64)> = rows
        .iter()
        .filter(|row| row["kind"] == "error")
        .map(|row| {
            (row["line"].as_u64().expect("a line"), row["byte_offset"].as_u64().expect("a place"))
        })
        .collect();
    let expected: Vec<(u64, u64)> =
        text.match_indices("<Event>").map(|(at, _)| (2, at as u64)).collect();
    assert_eq!(places, expected);
}

/// Rows of HTTP.sys for disabled pools: each pool has twenty, from ten seconds past on.
fn disabled(pools: &[&str]) -> String {
    let mut log = String::from(
        "#Software: Microsoft HTTP API 2.0\n#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri \
         streamid sc-status s-siteid s-reason s-queuename\n",
    );
    for second in 10..30 {
        for (site, pool) in (1..).zip(pools) {
            writeln!(
                log,
                "2026-03-10 12:00:{second} 192.0.2.9 50201 198.51.100.1 80 HTTP/1.1 GET /a - 503 {site} AppOffline {pool}"
            )
            .expect("a string takes all");
        }
    }
    log
}

/// An event that a pool did not start, as Event Viewer exports it: without the machine.
fn not_started(message: &str) -> String {
    format!(
        "Level,Date and Time,Source,Event ID,Task Category\r\nError,3/10/2026 12:00:09 PM,Microsoft-Windows-WAS,5059,None,\"{message}\"\r\n"
    )
}

/// How many entries of each file have each cause.
fn causes_of(files: &[(&str, String)]) -> Vec<(String, usize)> {
    let fixture = Fixture::new();
    let mut args: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    for (name, text) in files {
        fixture.write(name, text.clone());
    }
    args.extend(["--format", "entries"]);
    let mut counts = BTreeMap::new();
    for row in fixture.run(&args, b"").rows() {
        let cause = format!("{} {}", word(&row["source"]), word(&row["cause"]));
        *counts.entry(cause).or_default() += 1;
    }
    counts.into_iter().collect()
}

fn counts(expected: &[(&str, usize)]) -> Vec<(String, usize)> {
    expected.iter().map(|(cause, n)| ((*cause).to_owned(), *n)).collect()
}

#[test]
fn a_pool_with_blanks_in_its_name_is_the_one_that_its_event_names() {
    let event = |pool: &str| {
        not_started(&format!(
            "Application pool {pool} has been disabled. Windows Process Activation Service (WAS) encountered a failure."
        ))
    };
    let causes = |pool: &str| {
        causes_of(&[("httperr1.log", disabled(&["My App Pool"])), ("e.csv", event(pool))])
    };
    assert_eq!(causes("My App Pool"), counts(&[("httperr1.log startup_failure", 20)]));
    assert_eq!(causes("My"), counts(&[("httperr1.log rapid_fail_protection", 20)]));
}

#[test]
fn an_event_that_does_not_say_its_pool_explains_one_pool_at_most() {
    let event = not_started(
        "Der Anwendungspool Shop wurde deaktiviert. Vom Dienst wurde ein Fehler festgestellt.",
    );
    let causes =
        |pools: &[&str]| causes_of(&[("httperr1.log", disabled(pools)), ("e.csv", event.clone())]);
    assert_eq!(causes(&["Shop"]), counts(&[("httperr1.log startup_failure", 20)]));
    assert_eq!(causes(&["Shop", "Api"]), counts(&[("httperr1.log rapid_fail_protection", 40)]));
}

#[test]
fn events_without_a_machine_are_for_the_logs_that_paths_put_them_with() {
    let event = not_started("Application pool Shop has been disabled. Windows Process");
    let [of_first, of_second] = [
        ["web01_httperr1.log", "web02_httperr1.log", "web01_events.csv"],
        ["web01/httperr1.log", "web02/httperr1.log", "events/web02.csv"],
    ]
    .map(|[one, other, events]| {
        let log = disabled(&["Shop"]);
        causes_of(&[(one, log.clone()), (other, log), (events, event.clone())])
    });
    assert_eq!(
        of_first,
        counts(&[
            ("web01_httperr1.log startup_failure", 20),
            ("web02_httperr1.log rapid_fail_protection", 20)
        ])
    );
    assert_eq!(
        of_second,
        counts(&[
            ("web01/httperr1.log rapid_fail_protection", 20),
            ("web02/httperr1.log startup_failure", 20)
        ])
    );
    // Of one of two, but not of which.
    let log = disabled(&["Shop"]);
    let files = [("a/httperr1.log", log.clone()), ("b/httperr1.log", log), ("events.csv", event)];
    assert_eq!(
        causes_of(&files),
        counts(&[
            ("a/httperr1.log rapid_fail_protection", 20),
            ("b/httperr1.log rapid_fail_protection", 20)
        ])
    );
}

#[test]
fn an_event_about_a_site_explains_one_log_that_does_not_name_its_site() {
    let log = |path: &str| {
        let mut log = String::from(
            "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time cs-method cs-uri-stem cs-uri-query \
             c-ip sc-status sc-substatus sc-win32-status time-taken\n",
        );
        for second in 10..40 {
            writeln!(log, "2026-03-10 12:00:{second} GET {path} - 192.0.2.9 503 0 0 1")
                .expect("a string takes all");
        }
        log
    };
    let event = "<Event><System><Provider Name='IIS AspNetCore Module V2'/><EventID>1012</EventID><TimeCreated SystemTime='2026-03-10T12:00:09Z'/></System><EventData><Data>Application '/LM/W3SVC/1/ROOT' was recycled after detecting app_offline.htm.</Data></EventData></Event>\n";
    let offline = |paths: &[&'static str]| {
        let mut files: Vec<_> = paths.iter().map(|path| (*path, log("/a"))).collect();
        files.push(("e.xml", event.to_owned()));
        causes_of(&files)
    };
    assert_eq!(offline(&["u_ex260310.log"]), counts(&[("u_ex260310.log app_offline", 30)]));
    assert_eq!(
        offline(&["shop/u_ex260310.log", "api/u_ex260310.log"]),
        counts(&[("api/u_ex260310.log ", 30), ("shop/u_ex260310.log ", 30)])
    );
    assert_eq!(
        offline(&["W3SVC1/u_ex260310.log", "W3SVC2/u_ex260310.log"]),
        counts(&[("W3SVC1/u_ex260310.log app_offline", 30), ("W3SVC2/u_ex260310.log ", 30)])
    );
}
