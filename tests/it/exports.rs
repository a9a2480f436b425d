//! Outputs for other programs, held against the rules of those programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::{Fixture, run_in};

const ALL: [&str; 11] = [
    "csv",
    "csv-incidents",
    "timesketch",
    "timesketch-csv",
    "sarif",
    "events",
    "markdown",
    "grafana",
    "prom",
    "otlp",
    "ecs",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The outage that comes with the repository, in some format.
fn of_the_real_outage(format: &str) -> String {
    let said = run_in(root(), &["--format", format, "--reproducible", "fixtures/incident"], b"");
    assert_eq!(said.code, Some(0), "{}", said.err);
    String::from_utf8(said.out).expect("UTF-8")
}

/// An outage whose paths, hosts and upstreams try to act on whatever shows them.
fn hostile_log() -> String {
    let targets = [
        "/=HYPERLINK(`id`)",
        "/|</details><script>alert(1)</script>",
        "/](javascript:alert(1))",
        "/@everyone#1",
        "/\\x1b[31m\\x07",
        "/\\xE2\\x80\\xAE\\x00",
    ];
    let mut log = String::new();
    for n in 0..120 {
        let (status, upstream) = if n < 60 { (200, "200") } else { (503, "503") };
        let _ = writeln!(
            log,
            "192.0.2.{} - - [20/Nov/2026:21:30:{:02} +0000] \"GET {} HTTP/1.1\" {status} 9 \"-\" \"=cmd|' /C calc'!A0\" \"-\" rt=0.010 ua=\"10.0.0.1:80\" us=\"{upstream}\" uct=\"0.000\" urt=\"0.010\"",
            n % 50,
            n / 2,
            targets[n % targets.len()],
        );
    }
    log
}

fn of_hostile_log(format: &str) -> String {
    let fixture = Fixture::new();
    // A name that is a formula, a link and HTML.
    fixture.write("=1+1`<b>@x.log", hostile_log());
    let said = fixture.run(&["--format", format, "--reproducible", "=1+1`<b>@x.log"], b"");
    assert_eq!(said.code, Some(0), "{}", said.err);
    String::from_utf8(said.out).expect("UTF-8")
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn table(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let owned = |row: &csv::StringRecord| row.iter().map(str::to_owned).collect::<Vec<_>>();
    let header = owned(reader.headers().expect("a header"));
    let rows = reader.records().map(|row| owned(&row.expect("as long as the header"))).collect();
    (header, rows)
}

/// True for `2026-11-20T21:30:18.000000+00:00`: one form for all rows, as pandas wants it.
fn is_iso_micros(text: &str) -> bool {
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    form == "9999-99-99T99:99:99.999999+99:99"
}

#[test]
fn tables_are_whole_and_hold_no_formulas() {
    for format in ["csv", "csv-incidents", "timesketch-csv"] {
        for text in [of_the_real_outage(format), of_hostile_log(format)] {
            let (_, rows) = table(&text);
            assert!(!rows.is_empty(), "{format}");
            for cell in rows.iter().flatten() {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{format}: {cell:?}");
                assert!(!cell.chars().any(char::is_control), "{format}: {cell:?}");
            }
        }
    }
}

#[test]
fn the_table_has_every_row_of_the_timeline() {
    let document: Value = serde_json::from_str(&of_the_real_outage("json")).expect("JSON");
    let (header, rows) = table(&of_the_real_outage("csv"));
    let timeline = document["incidents"][0]["timeline"].as_array().expect("rows");
    assert_eq!(rows.len(), timeline.len());
    let column = |name: &str| header.iter().position(|column| column == name).expect(name);
    for (row, told) in rows.iter().zip(timeline) {
        assert_eq!(row[column("at")], told["at"]);
        assert_eq!(row[column("kind")], told["kind"]);
    }
    assert!(rows.iter().any(|row| row[column("source_file")].ends_with("error.log")));
}

#[test]
fn timesketch_takes_both_forms() {
    for outage in [of_the_real_outage, of_hostile_log] {
        let rows = lines(&outage("timesketch"));
        assert!(rows.len() >= 3, "old importers want three");
        for row in &rows {
            for field in ["message", "datetime", "timestamp_desc"] {
                assert!(row[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {row}");
            }
            assert!(is_iso_micros(row["datetime"].as_str().expect("text")), "{row}");
            // Microseconds since the epoch, of this century.
            let timestamp = row["timestamp"].as_i64().expect("an integer");
            assert!((946_684_800_000_000..4_102_444_800_000_000).contains(&timestamp), "{row}");
            assert!(row["tag"].as_array().is_some_and(|tags| tags.iter().all(Value::is_string)));
            assert!(row.as_object().expect("flat").values().all(|value| !value.is_object()));
            assert!(row.to_string().len() < 32_766);
        }
        let (header, cells) = table(&outage("timesketch-csv"));
        assert_eq!(cells.len(), rows.len());
        let column = |name: &str| header.iter().position(|column| column == name).expect(name);
        for (cells, row) in cells.iter().zip(&rows) {
            assert!(is_iso_micros(&cells[column("datetime")]));
            assert_eq!(cells[column("datetime")], row["datetime"]);
            // The importer reads a tag in brackets as JSON.
            let tag: Value = serde_json::from_str(&cells[column("tag")]).expect("JSON");
            assert_eq!(tag, row["tag"]);
        }
    }
}

#[test]
fn timesketch_has_three_rows_even_where_nothing_happened() {
    let fixture = Fixture::new();
    let good = hostile_log().lines().take(40).collect::<Vec<_>>().join("\n");
    fixture.write("access.log", good);
    let said = fixture.run(&["--format", "timesketch", "access.log"], b"");
    assert_eq!(said.rows().len(), 3);
}

/// What SARIF 2.1.0 demands of the parts that we write.
fn check_sarif(log: &Value) {
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let ids: BTreeSet<&str> = rules.iter().map(|rule| rule["id"].as_str().expect("id")).collect();
    assert_eq!(ids.len(), rules.len(), "ids of rules are unique");
    let artifacts = run["artifacts"].as_array().expect("artifacts");
    let check_location = |location: &Value| {
        let Some(physical) = location.get("physicalLocation") else { return };
        let artifact = &physical["artifactLocation"];
        let index = artifact["index"].as_u64().expect("an index") as usize;
        assert_eq!(artifact["uri"], artifacts[index]["location"]["uri"]);
        assert!(artifact["uri"].as_str().expect("text").is_ascii());
        let region = &physical["region"];
        assert!(region["startLine"].as_u64().is_some_and(|line| line >= 1));
        assert_eq!(region.get("byteOffset").is_some(), region.get("byteLength").is_some());
    };
    for result in run["results"].as_array().expect("results") {
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(result["ruleId"], rules[index]["id"]);
        assert!(
            ["none", "note", "warning", "error"].contains(&result["level"].as_str().expect(""))
        );
        assert!(result["rank"].as_f64().is_some_and(|rank| (0.0..=100.0).contains(&rank)));
        assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
        assert!(result.get("occurrenceCount").is_none_or(|n| n.as_u64() >= Some(1)));
        assert!(
            result["partialFingerprints"]
                .as_object()
                .expect("texts")
                .values()
                .all(Value::is_string)
        );
        result["locations"].as_array().expect("locations").iter().for_each(check_location);
        result["relatedLocations"].as_array().expect("locations").iter().for_each(check_location);
        let steps =
            result["codeFlows"][0]["threadFlows"][0]["locations"].as_array().expect("steps");
        assert!(!steps.is_empty(), "a thread flow has a location");
        for step in steps {
            check_location(&step["location"]);
            let time = step["executionTimeUtc"].as_str().expect("a time");
            assert!(time.ends_with('Z'), "SARIF times are UTC: {time}");
            assert!(
                ["important", "essential", "unimportant"]
                    .contains(&step["importance"].as_str().expect(""))
            );
        }
    }
}

#[test]
fn sarif_is_as_the_standard_says() {
    for outage in [of_the_real_outage, of_hostile_log] {
        let log = serde_json::from_str(&outage("sarif")).expect("JSON");
        check_sarif(&log);
        assert_eq!(log["runs"][0]["results"].as_array().expect("results").len(), 1);
        assert!(log["runs"][0]["invocations"][0].get("commandLine").is_none(), "reproducible");
    }
    let said = run_in(root(), &["--format", "sarif", "fixtures/incident"], b"");
    let log: Value = said.json();
    check_sarif(&log);
    assert!(log["runs"][0]["invocations"][0]["commandLine"].is_string());
    assert_eq!(log["runs"][0]["invocations"][0]["exitCode"], 0);
}

/// The text format 0.0.4, and what the textfile collector and `promtool check metrics` ask for beyond it.
fn check_metrics(page: &str) {
    let (mut helped, mut typed) = (BTreeSet::new(), std::collections::BTreeMap::new());
    let mut samples = BTreeSet::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a name and a text");
            assert!(helped.insert(name.to_owned()), "{name}: one HELP");
            assert!(!help.is_empty());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a type");
            assert!(typed.insert(name.to_owned(), kind.to_owned()).is_none(), "{name}: one TYPE");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name} {kind}");
        } else {
            let fields: Vec<&str> = line.rsplitn(2, ' ').collect();
            let [value, series] = fields[..] else { unreachable!("{line}") };
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = series.split('{').next().expect("a name");
            assert!(name.starts_with("logscan503_"), "{line}");
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            );
            assert!(typed.contains_key(name) && helped.contains(name), "{line}");
            // One value and no timestamp behind it.
            assert!(!series.split('}').next_back().expect("").contains(' '), "{line}");
            assert!(samples.insert(series.to_owned()), "{series}: twice");
        }
    }
    assert!(page.ends_with('\n'));
}

#[test]
fn metrics_are_as_the_textfile_collector_wants_them() {
    for outage in [of_the_real_outage, of_hostile_log] {
        let page = outage("prom");
        check_metrics(&page);
        assert!(!page.contains("last_run_timestamp"), "reproducible");
    }
    let page = of_the_real_outage("prom");
    assert!(page.contains("logscan503_responses_503_total{origin=\"proxy\"} 389\n"), "{page}");
    assert!(
        page.contains(
            "logscan503_incidents_total{origin=\"proxy\",cause=\"no_live_upstreams\"} 1\n"
        )
    );
    let said = run_in(root(), &["--format", "prom", "fixtures/incident"], b"");
    let page = String::from_utf8(said.out).expect("UTF-8");
    check_metrics(&page);
    assert!(page.contains("logscan503_last_run_timestamp_seconds "));
}

#[test]
fn grafana_gets_regions_in_milliseconds_and_escaped_text() {
    let annotations: Value = serde_json::from_str(&of_the_real_outage("grafana")).expect("JSON");
    let region = &annotations[0];
    assert!(region["timeEnd"].as_i64() > region["time"].as_i64());
    // 2026-11-20T21:30:18Z
    assert_eq!(region["time"].as_i64().map(|ms| ms / 1000), Some(1_795_210_218));
    let tags: Vec<&str> =
        region["tags"].as_array().expect("tags").iter().filter_map(Value::as_str).collect();
    assert!(
        tags.contains(&"origin:proxy") && tags.contains(&"cause:no_live_upstreams"),
        "{tags:?}"
    );
    assert!(!of_hostile_log("grafana").contains('<'));
}

#[test]
fn otlp_follows_the_json_mapping() {
    let request: Value = serde_json::from_str(&of_hostile_log("otlp")).expect("JSON");
    let scope = &request["resourceLogs"][0]["scopeLogs"][0];
    let records = scope["logRecords"].as_array().expect("records");
    assert!(records.len() >= 4);
    for record in records {
        let nanos = record["timeUnixNano"].as_str().expect("64-bit integers are text");
        assert!(nanos.parse::<u64>().is_ok_and(|nanos| nanos > 1_000_000_000_000_000_000));
        assert!(record["severityNumber"].as_u64().is_some_and(|n| (1..=24).contains(&n)));
        assert!(record["body"]["stringValue"].is_string());
        let mut keys = BTreeSet::new();
        for attribute in record["attributes"].as_array().expect("attributes") {
            assert!(keys.insert(attribute["key"].as_str().expect("a key")), "{attribute} twice");
            let value = attribute["value"].as_object().expect("a value");
            assert_eq!(value.len(), 1);
            assert!(value.values().all(Value::is_string), "{attribute}");
        }
    }
}

#[test]
fn ecs_documents_have_no_empty_fields_and_name_every_entry() {
    let documents = lines(&of_the_real_outage("ecs"));
    let kind = |document: &Value, kind: &str, dataset: &str| {
        document["event.kind"] == kind && document["event.dataset"] == dataset
    };
    assert_eq!(documents.iter().filter(|row| kind(row, "alert", "logscan503.incident")).count(), 1);
    assert_eq!(documents.iter().filter(|row| kind(row, "event", "logscan503.entry")).count(), 389);
    for document in documents.iter().chain(&lines(&of_hostile_log("ecs"))) {
        assert!(document["@timestamp"].as_str().is_some_and(|time| time.ends_with('Z')));
        assert_eq!(document["event.module"], "logscan503");
        for (name, value) in document.as_object().expect("flat") {
            assert!(!value.is_null() && value != "" && value != "-", "{name} is empty");
            assert!(!value.is_object(), "{name} is not dotted");
        }
    }
}

#[test]
fn events_tell_the_whole_run_in_order_of_time() {
    let rows = lines(&of_the_real_outage("events"));
    let of_kind = |kind: &str| rows.iter().filter(|row| row["kind"] == kind).count();
    assert_eq!(rows[0]["kind"], "header");
    assert_eq!(rows[0]["schema"], "logscan503.events");
    assert_eq!(rows.last().expect("rows")["kind"], "end");
    assert_eq!(of_kind("entry"), 389);
    assert_eq!((of_kind("input"), of_kind("incident")), (2, 1));
    assert!(of_kind("message") > 300);
    let document: Value = serde_json::from_str(&of_the_real_outage("json")).expect("JSON");
    let curated = document["incidents"][0]["timeline"].as_array().expect("rows").len();
    assert_eq!(of_kind("timeline"), curated);
    let streamed = ["entry", "message", "timeline"];
    let micros = |row: &Value| {
        let text = row["at"].as_str().unwrap_or_default();
        logscan503::time::Timestamp::from_rfc3339(text).expect("a time").0
    };
    let times: Vec<i64> = rows
        .iter()
        .filter(|row| streamed.contains(&row["kind"].as_str().unwrap_or_default()))
        .map(micros)
        .collect();
    assert!(times.is_sorted());
}

/// Text outside of code spans and fences, where Markdown acts.
fn prose(page: &str) -> String {
    let mut prose = String::new();
    let mut fence: Option<String> = None;
    for line in page.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        if let Some(open) = &fence {
            if line.trim_end() == *open {
                fence = None;
            }
            continue;
        }
        if ticks.len() >= 3 && line.ends_with("text") {
            fence = Some(ticks);
            continue;
        }
        let mut rest = line;
        while let Some(start) = rest.find('`') {
            prose.push_str(&rest[..start]);
            let n = rest[start..].chars().take_while(|c| *c == '`').count();
            let inner = &rest[start + n..];
            // The next run of exactly as many backticks ends the span.
            let mut at = 0;
            let end = loop {
                let Some(next) = inner[at..].find('`').map(|next| at + next) else { break None };
                let run = inner[next..].chars().take_while(|c| *c == '`').count();
                if run == n {
                    break Some(next + run);
                }
                at = next + run;
            };
            rest = end.map_or("", |end| &inner[end..]);
        }
        prose.push_str(rest);
        prose.push('\n');
    }
    prose
}

#[test]
fn markdown_is_a_post_mortem_in_which_log_text_does_nothing() {
    let page = of_the_real_outage("markdown");
    for heading in
        ["Summary", "Impact", "Origin", "Causes", "Detection", "Timeline", "Recovery", "Evidence"]
    {
        assert!(page.contains(&format!("\n## {heading}\n")), "{heading}");
    }
    assert!(page.contains("no live upstreams while connecting to upstream"), "quotes its evidence");
    let hostile = of_hostile_log("markdown");
    assert!(hostile.contains("alert(1)"), "the log is quoted");
    let prose = prose(&hostile);
    for bad in ["<script", "javascript:", "@everyone", "#1", "<b>", "@x", "HYPERLINK"] {
        assert!(!prose.contains(bad), "{bad} in:\n{prose}");
    }
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    for row in hostile.lines().filter(|line| line.starts_with("| 20")) {
        assert_eq!(columns(row), 5, "{row}");
    }
}

#[test]
fn no_output_shows_a_control_character() {
    for format in ALL {
        let text = of_hostile_log(format);
        let bad = text.chars().find(|c| c.is_control() && !['\n', '\r'].contains(c));
        assert_eq!(bad, None, "{format}");
    }
}

#[test]
fn the_extension_decides_unless_the_format_is_said() {
    let fixture = Fixture::new();
    fixture.write("access.log", hostile_log());
    for (name, start) in [
        ("a.csv", "at,incident_id"),
        ("a.md", "# Incident i1-"),
        ("a.sarif", "{\n  \"$schema\""),
        ("a.prom", "# HELP "),
        ("a.json", "{\n  \"schema\": \"logscan503.timeline\""),
        ("a.jsonl", "{\"at\""),
        ("a.txt", "logscan503 "),
    ] {
        let said = fixture.run(&["-o", name, "access.log"], b"");
        assert_eq!(said.code, Some(0), "{}", said.err);
        let text = std::fs::read_to_string(fixture.path(name)).expect("was written");
        assert!(text.starts_with(start), "{name}: {text:.80}");
    }
    fixture.run(&["--format", "timesketch-csv", "-o", "b.csv", "access.log"], b"");
    let text = std::fs::read_to_string(fixture.path("b.csv")).expect("was written");
    assert!(text.starts_with("message,datetime,timestamp_desc"), "{text:.80}");
}
