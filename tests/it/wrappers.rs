//! Every wrapper, put mechanically around one real incident, gives the verdicts of the plain files.
//!
//! In: `fixtures/incident`. Out: the rows of the wrapped files, compared with those of the plain ones.
//! Invariants: each line is wrapped at its own time; access and error lines come in two files, or mixed in one.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Value, json};

use crate::support::{Fixture, shared};

/// Wraps a line: name of the log, number of the line, time, line.
type Wrap = fn(&str, usize, DateTime<Utc>, &str) -> String;

const WRAPPERS: &[(&str, Wrap)] = &[
    ("plain", |_, _, _, line| line.to_owned()),
    ("grep -H", |name, _, _, line| format!("{name}.log:{line}")),
    ("grep -n", |name, n, _, line| format!("logs/{name}.log:{n}:{line}")),
    ("pdsh", |_, _, _, line| format!("web1: {line}")),
    ("fabric", |_, _, _, line| format!("[web1] out: {line}")),
    ("compose", |name, _, _, line| format!("{name}.1     | {line}")),
    ("compose -t", |name, _, at, line| format!("{name}-1  | {} {line}", iso(at))),
    ("platform", |_, _, _, line| format!("20.1.2017 09:52:14nginx.1     | {line}")),
    ("colours", |_, _, _, line| format!("\x1b[33m{line}\x1b[0m")),
    ("compose in colours", |_, _, _, line| format!("\x1b[33mweb-1  |\x1b[0m {line}")),
    ("rfc 3164", |_, _, at, line| format!("{} web nginx: {line}", at.format("%b %e %H:%M:%S"))),
    ("rfc 3164 <PRI>", |_, _, at, line| {
        format!("<190>{} web nginx: {line}", at.format("%b %e %H:%M:%S"))
    }),
    ("rsyslog", |_, _, at, line| format!("{} web nginx[8]: {line}", iso(at))),
    ("rfc 5424", |_, _, at, line| {
        format!("<190>1 {} web nginx 8 - [a k=\"v\\\"]\"] {line}", iso(at))
    }),
    ("docker", |_, _, at, line| {
        json!({"log": format!("{line}\n"), "stream": "stdout", "time": iso(at)}).to_string()
    }),
    ("cri", |_, _, at, line| format!("{} stdout F {line}", iso(at))),
    ("kubectl", |name, _, at, line| format!("[pod/web-1/{name}] {} {line}", iso(at))),
    ("kubectl --prefix", |name, _, _, line| format!("[pod/web-1/{name}] {line}")),
    ("kubectl --timestamps", |_, _, at, line| format!("{} {line}", iso(at))),
    ("quoted", |_, _, _, line| format!("> {line}")),
    ("code", |_, _, _, line| format!("`{line}`")),
    ("box", |_, _, _, line| format!("\u{2502} {line}")),
    ("indented", |_, _, _, line| format!("    {line}")),
    ("program", |_, _, _, line| format!("web nginx[8]: {line}")),
    ("shipper", |name, _, at, line| {
        json!({"@timestamp": iso(at), "path": name, "message": line}).to_string()
    }),
    ("fluent bit", |_, _, at, line| {
        json!({"date": at.timestamp_micros() as f64 / 1e6, "log": format!("{line}\n")}).to_string()
    }),
    ("filebeat", |name, _, at, line| {
        let file = json!({"offset": 7, "file": {"path": name}});
        json!({"@timestamp": iso(at), "agent": {"type": "filebeat"}, "log": file, "message": line})
            .to_string()
    }),
    ("fluentd file", |name, _, at, line| {
        let time = at.format("%Y-%m-%dT%H:%M:%S+00:00");
        format!("{time}\tnginx.{name}\t{}", json!({ "message": line }))
    }),
    ("aws logs tail", |name, _, at, line| {
        format!("{}+00:00 web/{name}/0a1b2c {line}", at.format("%Y-%m-%dT%H:%M:%S.004000"))
    }),
    ("gelf", |_, _, at, line| {
        let cut: String = line.chars().take(60).collect();
        json!({"version": "1.1", "short_message": cut, "full_message": line, "timestamp": at.timestamp()})
            .to_string()
    }),
    ("opentelemetry", |name, _, at, line| {
        let names = json!([{"key": "log.file.name", "value": {"stringValue": name}}]);
        json!({"attributes": names, "body": {"stringValue": line}, "timeUnixNano": at.timestamp_micros().to_string() + "000"})
            .to_string()
    }),
    ("splunk", |name, _, at, line| {
        json!({"event": line, "source": name, "time": at.timestamp_micros() as f64 / 1e6})
            .to_string()
    }),
    ("mezmo", |name, _, at, line| {
        json!({"_app": name, "_line": line, "_ts": at.timestamp_millis()}).to_string()
    }),
    ("original", |_, _, at, line| {
        json!({"_source": {"@timestamp": iso(at), "event": {"original": line}}}).to_string()
    }),
    ("stern -t", |name, _, at, line| format!("web-7d9c8b6f5-x2x4z {name} {} {line}", iso(at))),
    ("logfmt", |name, _, at, line| {
        format!("ts={} level=info file={name} msg={}", iso(at), json!(line))
    }),
    ("journald", |_, _, at, line| {
        let at = (at.timestamp_micros() + 4000).to_string();
        json!({"_HOSTNAME": "w", "__REALTIME_TIMESTAMP": at, "MESSAGE": line}).to_string()
    }),
    ("journald bytes", |_, _, at, line| {
        let at = at.timestamp_micros().to_string();
        json!({"MESSAGE": line.as_bytes(), "__REALTIME_TIMESTAMP": at}).to_string()
    }),
];

fn iso(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S.004000123Z").to_string()
}

fn time_of(line: &str) -> DateTime<Utc> {
    let parse = |text: Option<&str>, form| {
        NaiveDateTime::parse_from_str(text?, form).ok().map(|time| time.and_utc())
    };
    let access = line.split_once('[').and_then(|(_, rest)| rest.get(..20));
    parse(line.get(..19), "%Y/%m/%d %H:%M:%S")
        .or_else(|| parse(access, "%d/%b/%Y:%H:%M:%S"))
        .expect("every line has a time")
}

/// Access and error lines of the incident: name, number, time, line.
fn lines() -> Vec<(&'static str, usize, DateTime<Utc>, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/incident");
    let mut all = Vec::new();
    // nginx writes the error line first.
    for name in ["error", "access"] {
        // Some wrappers can hold UTF-8 only.
        let bytes = fs::read(folder.join(format!("{name}.log"))).expect("is readable");
        let text = String::from_utf8_lossy(&bytes);
        all.extend(
            text.lines().enumerate().map(|(n, line)| (name, n + 1, time_of(line), line.to_owned())),
        );
    }
    all.sort_by_key(|(_, _, at, _)| *at);
    all
}

/// What is said of every entry, whatever its line.
fn verdicts(fixture: &Fixture, args: &[&str]) -> Vec<String> {
    let mut args = args.to_vec();
    args.extend(["--format", "entries"]);
    let said = fixture.run(&args, b"");
    let mut rows: Vec<String> = said.rows().iter().map(verdict_of).collect();
    rows.sort();
    rows
}

fn verdict_of(row: &Value) -> String {
    let keys = ["at", "target", "client", "request_id", "origin", "cause", "confidence", "rule"];
    keys.iter().map(|key| row[*key].to_string() + " ").collect()
}

#[test]
fn wrapped_lines_give_the_verdicts_of_plain_ones() {
    let mut plain = Vec::new();
    for (name, wrap) in WRAPPERS {
        let fixture = Fixture::new();
        let mut files = [String::new(), String::new(), String::new()];
        for (log, n, at, line) in lines() {
            let wrapped = wrap(log, n, at, &line);
            for file in [usize::from(log == "error"), 2] {
                writeln!(files[file], "{wrapped}").expect("memory can be written");
            }
        }
        for (file, text) in ["a.txt", "b.txt", "mixed.txt"].iter().zip(&files) {
            fixture.write(file, text);
        }
        let apart = verdicts(&fixture, &["a.txt", "b.txt"]);
        if plain.is_empty() {
            plain.clone_from(&apart);
        }
        assert!(apart.len() == 389 && apart == plain, "{name}: {} rows", apart.len());
        let mixed = verdicts(&fixture, &["mixed.txt"]);
        assert!(mixed == plain, "{name}, mixed: {} rows", mixed.len());
        let document = fixture.run(&["mixed.txt", "--format", "json"], b"").json();
        assert_eq!(document["inputs"][0]["lines"]["unparsed"], 0, "{name}");
    }
}

/// Lines as a log store or a shipper hands them over: many in one document.
type Answer = fn(&[(&'static str, usize, DateTime<Utc>, String)]) -> Vec<Value>;

const ANSWERS: &[(&str, Answer)] = &[
    ("elasticsearch", |lines| {
        let hit = |at: &DateTime<Utc>, line: &str| json!({"_id": "x", "_source": {"@timestamp": iso(*at), "message": line}});
        let hits: Vec<_> = lines.iter().map(|(_, _, at, line)| hit(at, line)).collect();
        vec![json!({"_shards": {"total": 1}, "hits": {"hits": hits, "total": {"value": 9}}})]
    }),
    ("loki", |lines| {
        let pair = |at: &DateTime<Utc>, line: &str| {
            json!([at.timestamp_micros().to_string() + "004", line])
        };
        let stream = |name: &str| {
            let own = lines.iter().filter(|row| row.0 == name);
            let values: Vec<_> = own.map(|(_, _, at, line)| pair(at, line)).collect();
            json!({"stream": {"job": name}, "values": values})
        };
        let result = [stream("access"), stream("error")];
        vec![json!({"data": {"result": result, "stats": {"a": [[1]]}}, "status": "success"})]
    }),
    ("otlp", |lines| {
        let record = |at: &DateTime<Utc>, line: &str| json!({"body": {"stringValue": line}, "timeUnixNano": at.timestamp_micros().to_string() + "000"});
        let batch = |rows: &[(&str, usize, DateTime<Utc>, String)]| {
            let records: Vec<_> = rows.iter().map(|(_, _, at, line)| record(at, line)).collect();
            json!({"logRecords": records, "scope": {}})
        };
        let batches = |rows: &[_]| -> Vec<_> { rows.chunks(7).map(batch).collect() };
        let resource = json!({"attributes": [{"key": "host.name", "value": {"stringValue": "w"}}]});
        let document = |rows: &[_]| json!({"resourceLogs": [{"resource": resource, "scopeLogs": batches(rows)}]});
        lines.chunks(100).map(document).collect()
    }),
    ("cloudwatch subscription", |lines| {
        let event = |at: &DateTime<Utc>, line: &str| json!({"id": "7", "message": line, "timestamp": at.timestamp_millis()});
        let document = |rows: &[(&str, usize, DateTime<Utc>, String)]| {
            let events: Vec<_> = rows.iter().map(|(_, _, at, line)| event(at, line)).collect();
            json!({"messageType": "DATA_MESSAGE", "logEvents": events, "owner": "123456789012"})
        };
        lines.chunks(50).map(document).collect()
    }),
    ("cloudwatch insights", |lines| {
        let row = |at: &DateTime<Utc>, line: &str| {
            let time = at.format("%Y-%m-%d %H:%M:%S.000").to_string();
            json!([{"field": "@timestamp", "value": time}, {"field": "@message", "value": line}])
        };
        let rows: Vec<_> = lines.iter().map(|(_, _, at, line)| row(at, line)).collect();
        vec![json!({"queryLanguage": "CWLI", "results": rows, "status": "Complete"})]
    }),
];

#[test]
fn answers_of_log_stores_are_read_record_by_record() {
    let fixture = Fixture::new();
    let all = &lines()[400..700];
    for name in ["access", "error"] {
        let own = all.iter().filter(|row| row.0 == name).map(|row| row.3.clone() + "\n");
        fixture.write(&format!("{name}.log"), own.collect::<String>());
    }
    let plain = verdicts(&fixture, &["access.log", "error.log"]);
    for (name, answer) in ANSWERS {
        let documents = answer(all);
        let pretty = |value: &Value| serde_json::to_string_pretty(value).expect("a value") + "\n";
        let forms = [
            documents.iter().map(|value| value.to_string() + "\n").collect::<String>(),
            documents.iter().map(Value::to_string).collect(),
            documents.iter().map(pretty).collect(),
        ];
        for (form, text) in forms.iter().enumerate() {
            fixture.write("answer.json", text);
            assert!(verdicts(&fixture, &["answer.json"]) == plain, "{name}, {form}");
            let said = fixture.run(&["answer.json", "--format", "entries"], b"");
            for row in said.rows() {
                let offset = row["byte_offset"].as_u64().expect("a number") as usize;
                let record = serde_json::Deserializer::from_str(&text[offset..]).into_iter().next();
                let record: Value = record.expect("a record").expect("a whole record");
                let target = row["target"].as_str().expect("a target");
                assert!(record.to_string().contains(target), "{name}, {form}: {row}");
                let line = 1 + text[..offset].matches('\n').count();
                assert_eq!(row["line"], line, "{name}, {form}");
            }
        }
        let piped = fixture.run(&["-", "--format", "json"], forms[1].as_bytes()).json();
        assert_eq!(piped["inputs"][0]["lines"]["parsed"], all.len(), "{name}");
    }
}

#[test]
fn objects_with_nothing_between_them_are_records() {
    let fixture = Fixture::new();
    let object = |at: &DateTime<Utc>, line: &str| json!({"message": line, "timestamp": iso(*at)});
    let all = lines();
    let objects: Vec<_> = all.iter().map(|(_, _, at, line)| object(at, line).to_string()).collect();
    fixture.write("lines.json", objects.join("\n"));
    fixture.write("glued.json", objects.concat());
    let plain = verdicts(&fixture, &["lines.json"]);
    assert_eq!(plain.len(), 389);
    assert!(verdicts(&fixture, &["glued.json"]) == plain);
    let document = fixture.run(&["glued.json", "--format", "json"], b"").json();
    assert_eq!(document["inputs"][0]["lines"]["parsed"], 1327);
    let evidence = document["incidents"][0]["evidence"]["items"].as_array().expect("a list");
    assert!(!evidence.is_empty());
    assert!(evidence.iter().all(|item| item["addressable"] == false && item["line"] == 1));
}

#[test]
fn what_tail_writes_between_files_is_no_line_of_either() {
    let fixture = Fixture::new();
    let all = lines();
    let mut text = String::new();
    for some in all.chunks(100) {
        for log in ["access", "error"] {
            writeln!(text, "\n==> {log}.log <==").expect("memory can be written");
            for (_, _, _, line) in some.iter().filter(|row| row.0 == log) {
                writeln!(text, "{line}").expect("memory can be written");
            }
        }
    }
    fixture.write("tail.txt", &text);
    let document = fixture.run(&["tail.txt", "--format", "json"], b"").json();
    let lines = &document["inputs"][0]["lines"];
    assert_eq!((&lines["parsed"], &lines["directive"]), (&json!(1327), &json!(28)), "{lines}");
    assert_eq!(verdicts(&fixture, &["tail.txt"]).len(), 389);
}

#[test]
fn journals_that_are_no_text_say_what_their_json_says() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("corpus/real/journald_nginx");
    let fixture = Fixture::new();
    let access = folder.join("access.log");
    let errors = verdicts(
        &fixture,
        &[&access.to_string_lossy(), &folder.join("error.log").to_string_lossy()],
    );
    assert_eq!(errors.len(), 566);
    for name in [
        "journal.json",
        "system.journal",
        "journal.export",
        "journal.verbose.log",
        "journal.short.log",
    ] {
        let journal = folder.join(name);
        let args = [&*access.to_string_lossy(), &*journal.to_string_lossy()].map(str::to_owned);
        assert_eq!(verdicts(&fixture, &[&args[0], &args[1]]), errors, "{name}");
        let mut all = args.to_vec();
        all.extend([
            folder.join("error.log").to_string_lossy().into_owned(),
            "--format".into(),
            "json".into(),
        ]);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let both = fixture.run(&all, b"").json();
        let one = fixture.run(&[&args[0], &args[1], "--format", "json"], b"").json();
        let counts = |document: &Value| {
            let causes = document["incidents"][0]["causes"].as_array().cloned().unwrap_or_default();
            causes
                .iter()
                .map(|row| (row["cause"].clone(), row["messages"].clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(counts(&both), counts(&one), "{name}");
    }
    let journal = folder.join("system.journal").to_string_lossy().into_owned();
    let access = access.to_string_lossy().into_owned();
    let document = fixture.run(&[&access, &journal, "--format", "json"], b"").json();
    let input = document["inputs"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|input| input["unit"] == "entry");
    assert_eq!(input.expect("the journal")["lines"]["parsed"], 859);
}

#[test]
fn no_file_of_the_corpus_loses_a_line() {
    let Some(shared) = shared() else { return };
    let fixture = Fixture::new();
    for folder in ["corpus/public", "corpus/journal", "corpus/iis", "corpus/edge"] {
        let folder = shared.join(folder).to_string_lossy().into_owned();
        let said = fixture.run(&[&folder, "--format", "json", "--reproducible"], b"");
        for input in said.json()["inputs"].as_array().expect("a list") {
            let n = |key: &str| input["lines"][key].as_u64().expect("a number");
            let told = ["parsed", "continuation", "directive", "blank", "unparsed", "filtered"];
            assert_eq!(n("read"), told.iter().map(|key| n(key)).sum::<u64>(), "{}", input["path"]);
        }
    }
}

/// A line, cut into parts of so many bytes.
fn parts(line: &str, n_bytes: usize) -> Vec<&str> {
    let ends = (0..line.len()).step_by(n_bytes);
    ends.map(|start| &line[start..(start + n_bytes).min(line.len())]).collect()
}

fn cri(second: usize, line: &str) -> String {
    let parts = parts(line, 90);
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        let tag = if index + 1 == parts.len() { "F" } else { "P" };
        writeln!(text, "2026-11-20T21:29:{second:02}.{index:09}Z stdout {tag} {part}")
            .expect("fits");
    }
    text
}

fn docker(second: usize, line: &str) -> String {
    let parts = parts(line, 90);
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        let log = if index + 1 == parts.len() { format!("{part}\n") } else { (*part).to_owned() };
        let object = serde_json::json!({
            "log": log, "stream": "stdout", "time": format!("2026-11-20T21:29:{second:02}.000000001Z")
        });
        writeln!(text, "{object}").expect("fits");
    }
    text
}

#[test]
fn lines_that_containers_cut_are_put_together() {
    let agent = "x".repeat(300);
    let line = |second: usize| {
        format!(
            "192.0.2.{second} - - [20/Nov/2026:21:29:{second:02} +0000] \"GET /a?n={second} HTTP/1.1\" 503 {second} \"http://a.example/{agent}\" \"agent \\\\ {agent} {second}\""
        )
    };
    // Longer than records are, in many parts: its first ones are a record, the others are counted.
    let huge = "y".repeat(100 << 10);
    for cut in [cri, docker] {
        let fixture = Fixture::new();
        let mut text = String::new();
        let mut n_lines = 0;
        for second in 0..60 {
            let part = cut(second, &if second == 30 { huge.clone() } else { line(second) });
            n_lines += part.lines().count();
            text += &part;
        }
        fixture.write("0.log", &text);
        let mut documents = Vec::new();
        for range in ["200", "1000", "70000", "1000000"] {
            let args =
                ["--format", "json", "--reproducible", "-j", "3", "--range-bytes", range, "0.log"];
            documents.push(fixture.run(&args, b"").json());
        }
        let mut piped =
            fixture.run(&["--format", "json", "--reproducible", "-"], text.as_bytes()).json();
        for document in &documents[1..] {
            assert!(document == &documents[0], "{}", document["inputs"]);
        }
        let lines = &documents[0]["inputs"][0]["lines"];
        assert_eq!(lines["read"], n_lines);
        assert_eq!(lines["unparsed"], 0, "{lines}");
        assert_eq!(lines, &piped["inputs"][0]["lines"].take());
        assert_eq!(documents[0]["totals"]["entries"], 59);
        let rows = fixture.run(&["--format", "entries", "0.log"], b"").rows();
        assert_eq!(rows.len(), 59);
        assert_eq!(rows[3]["target"], "/a?n=3");
        assert_eq!(rows[3]["bytes"], 3);
        let shown = fixture.run(&["parse", "0.log"], b"").rows();
        assert_eq!(shown.len(), n_lines);
        let first = &shown[0];
        assert_eq!(first["kind"], "access", "{first}");
        assert!(
            first["fields"].to_string().contains(&format!("agent \\\\\\\\ {agent} 0")),
            "{first}"
        );
    }
}

#[test]
fn lines_without_an_end_are_joined_only_when_one_message_was_cut() {
    let fixture = Fixture::new();
    // Some tools leave the end of the line out of every object.
    let mut text = String::new();
    for second in 0..9 {
        let log = format!(
            "192.0.2.1 - - [20/Nov/2026:21:29:{second:02} +0000] \"GET /{second} HTTP/1.1\" 503 1 \"-\" \"-\""
        );
        let object = serde_json::json!({"log": log, "stream": "stdout", "time": format!("2026-11-20T21:29:{second:02}.5Z")});
        writeln!(text, "{object}").expect("fits");
    }
    fixture.write("x-json.log", &text);
    assert_eq!(fixture.run(&["--format", "entries", "x-json.log"], b"").rows().len(), 9);
}

/// Puts the lines of two logs together by turns.
fn interleaved(one: &str, other: &str) -> String {
    let (mut one, mut other) = (one.lines(), other.lines());
    let mut text = String::new();
    loop {
        let pair = [one.next(), other.next()];
        if pair == [None, None] {
            return text;
        }
        for line in pair.into_iter().flatten() {
            writeln!(text, "{line}").expect("fits");
        }
    }
}

#[test]
fn lines_that_containers_cut_are_put_together_across_those_of_the_other_stream() {
    // Two containers whose lines docker cuts, in one journal.
    let journal = |second: usize, line: &str| {
        let parts = parts(line, 90);
        let mut text = String::new();
        for (index, part) in parts.iter().enumerate() {
            let mut entry = serde_json::json!({
                "__REALTIME_TIMESTAMP": format!("{}", 1_795_210_140_000_000 + second * 1_000_000),
                "PRIORITY": "6", "MESSAGE": part, "CONTAINER_ID_FULL": "4f1c", "CONTAINER_NAME": "web",
                "CONTAINER_PARTIAL_ID": format!("id{line:.11}{second}"),
                "CONTAINER_PARTIAL_ORDINAL": format!("{}", index + 1),
            });
            if index + 1 < parts.len() {
                entry["CONTAINER_PARTIAL_MESSAGE"] = "true".into();
            }
            writeln!(text, "{entry}").expect("fits");
        }
        text
    };
    let stderr = |text: String| text.replace("stdout", "stderr");
    let agent = "x".repeat(300);
    let line = |client: &str, second: usize| {
        format!(
            "{client} - - [20/Nov/2026:21:29:{second:02} +0000] \"GET /{second}?{agent} HTTP/1.1\" 503 {second} \"-\" \"-\""
        )
    };
    for cut in [cri, docker, journal as fn(usize, &str) -> String] {
        let lines = |client: &str, seconds: std::ops::Range<usize>| -> String {
            seconds.map(|second| cut(second, &line(client, second))).collect()
        };
        let (out, err) = (lines("192.0.2.1", 0..40), stderr(lines("198.51.100.1", 3..40)));
        let fixture = Fixture::new();
        let text = interleaved(&out, &err);
        fixture.write("0.log", &text);
        let mut documents = Vec::new();
        for range in ["300", "5000", "1000000"] {
            let args = ["--format", "entries", "-j", "3", "--range-bytes", range, "0.log"];
            documents.push(fixture.run(&args, b"").rows());
        }
        assert_eq!(documents[0], documents[1]);
        assert_eq!(documents[0], documents[2]);
        assert_eq!(documents[0].len(), 77);
        for row in &documents[0] {
            let number = row["line"].as_u64().expect("a number") as usize;
            let first = text.lines().nth(number - 1).expect("a line");
            let offset = row["byte_offset"].as_u64().expect("a number") as usize;
            assert!(text[offset..].starts_with(first), "{row}");
            assert!(first.contains(row["client"].as_str().expect("a text")), "{row}");
            let target = format!("/{}?{agent}", row["bytes"]);
            assert_eq!(row["target"], target.as_str());
        }
        let piped = fixture.run(&["--format", "entries", "-"], text.as_bytes()).rows();
        assert_eq!(piped.len(), 77);
    }
}
