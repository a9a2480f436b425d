//! Same bytes in, same bytes out: for every way of giving them, thread count, range size, memory and order.
//!
//! In: the real incident under `fixtures/`, and scenarios of the corpora: a few of different kinds, or every one with
//! `LOGSCAN503_ALL_SCENARIOS=1`. Out: nothing; the documents are compared. `LOGSCAN503_SEED` takes other random numbers.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::support::{Dice, Fixture, all_scenarios, logs_of, rotate, scenarios, shared};

fn log(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/incident").join(name))
        .expect(name)
}

/// Two gzip members, as a log that was compressed in pieces.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let cut = bytes.len() / 3;
    let mut out = Vec::new();
    for part in [&bytes[..cut], &bytes[cut..]] {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(part).expect("memory");
        out.extend(encoder.finish().expect("memory"));
    }
    out
}

/// The document without what names the inputs: `run`, `inputs`, and the addresses of evidence.
fn without_sources(mut document: Value) -> Value {
    let object = document.as_object_mut().expect("an object");
    for key in ["run", "inputs", "diagnostics"] {
        object.remove(key);
    }
    strip_addresses(&mut document);
    document
}

fn strip_addresses(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for key in ["input", "addressable", "cursor"] {
                object.remove(key);
            }
            object.values_mut().for_each(strip_addresses);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_addresses),
        _ => {}
    }
}

fn document(fixture: &Fixture, args: &[&str], input: &[u8]) -> Value {
    let mut all = vec!["--format", "json"];
    all.extend(args);
    let said = fixture.run(&all, input);
    assert_eq!(said.code, Some(0), "{}", said.err);
    said.json()
}

#[test]
fn the_four_file_ways_give_one_timeline() {
    let fixture = Fixture::new();
    for name in ["access.log", "error.log"] {
        fixture.write(&format!("plain/{name}"), log(name));
        fixture.write(&format!("packed/{name}.gz"), gzip(&log(name)));
    }
    let files = without_sources(document(&fixture, &["plain/access.log", "plain/error.log"], b""));
    assert_eq!(files["totals"]["entries"], 389);
    for args in [&["plain"][..], &["plain/*.log"], &["packed"], &["packed/a*.gz", "packed/e*.gz"]] {
        assert_eq!(without_sources(document(&fixture, args, b"")), files, "{args:?}");
    }
}

#[test]
fn standard_input_gives_the_same_verdicts() {
    let fixture = Fixture::new();
    fixture.write("access.log", log("access.log"));
    fixture.write("error.log", log("error.log"));
    let files = document(&fixture, &["access.log", "error.log"], b"");
    let mut both = log("access.log");
    both.extend(log("error.log"));
    let piped = document(&fixture, &["-"], &both);
    assert_eq!(piped["totals"], files["totals"]);
    for (a, b) in [(&piped, &files)] {
        let (a, b) = (&a["incidents"][0], &b["incidents"][0]);
        for key in ["started_at", "ended_at", "impact", "origin", "series", "status"] {
            assert_eq!(a[key], b[key], "{key}");
        }
        let rows = |incident: &Value| -> Vec<Value> {
            let causes = incident["causes"].as_array().expect("a list").iter();
            causes
                .map(|c| {
                    serde_json::json!([c["id"], c["origin"], c["entries"], c["spans"], c["scope"]])
                })
                .collect()
        };
        assert_eq!(rows(a), rows(b));
    }
    assert_eq!(piped["incidents"][0]["evidence"]["items"][0]["addressable"], false);
    assert!(piped["incidents"][0]["evidence"]["items"][0]["text"].is_string());
}

#[test]
fn threads_ranges_memory_and_order_of_arguments_change_nothing() {
    let fixture = Fixture::new();
    fixture.write("access.log", log("access.log"));
    fixture.write("error.log", log("error.log"));
    let run = |format: &str, args: &[&str]| {
        let mut all = vec!["--reproducible", "--status", "5xx", "--format", format];
        all.extend(args);
        let said = fixture.run(&all, b"");
        assert_eq!(said.code, Some(0), "{}", said.err);
        said.out
    };
    for format in ["json", "entries", "text"] {
        let plain = run(format, &["access.log", "error.log"]);
        let strategy = (1usize..6, 200u32..2_000_000, any::<bool>(), any::<bool>());
        let mut runner =
            TestRunner::new(Config { cases: 8, failure_persistence: None, ..Config::default() });
        runner
            .run(&strategy, |(threads, range, swapped, scarce)| {
                let (threads, range) = (threads.to_string(), range.to_string());
                let mut args = vec!["-j", &threads, "--range-bytes", &range];
                if scarce {
                    args.extend(["--memory", "1"]);
                }
                args.extend(if swapped {
                    ["error.log", "access.log"]
                } else {
                    ["access.log", "error.log"]
                });
                prop_assert!(run(format, &args) == plain, "{format} {args:?}");
                Ok(())
            })
            .expect("every way gives the same bytes");
    }
}

/// Twenty runs over the logs of a folder, cut into rotated pieces of which some are compressed.
#[track_caller]
fn check_twenty_runs(folder: &Path, logs: &[String], seed: u64) {
    const FORMATS: [&str; 4] = ["json", "entries", "events", "text"];
    let fixture = Fixture::new();
    let mut dice = Dice(seed);
    let mut files = rotate(&fixture, folder, logs, &mut dice);
    let mut first: [Option<Vec<u8>>; 4] = Default::default();
    for number in 0..20 {
        let which = number % FORMATS.len();
        let threads = (1 + dice.below(8)).to_string();
        // From less than a line to more than a file.
        let range = (100 << dice.below(14)).to_string();
        let mut args = vec!["-q", "--reproducible", "--format", FORMATS[which]];
        args.extend(["-j", &threads, "--range-bytes", &range]);
        if dice.below(3) == 0 {
            args.extend(["--memory", "1"]);
        }
        dice.shuffle(&mut files);
        args.extend(files.iter().map(String::as_str));
        let said = fixture.run(&args, b"");
        // A piece without the heading of its columns is understood in no line.
        assert!(matches!(said.code, Some(0 | 3 | 4)), "{:?} {}", said.code, said.err);
        let first = first[which].get_or_insert_with(|| said.out.clone());
        let same = *first == said.out;
        assert!(same, "{}: seed {seed}: run {number} differs: {args:?}", folder.display());
    }
}

/// The seed of a run of this test.
fn seed() -> u64 {
    std::env::var("LOGSCAN503_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(503)
}

#[test]
fn twenty_runs_over_the_real_outage_are_byte_identical() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for (number, name) in (0..).zip(["incident", "lighttpd"]) {
        let logs = ["access.log".to_owned(), "error.log".to_owned()];
        check_twenty_runs(&fixtures.join(name), &logs, seed() + number);
    }
}

#[test]
fn twenty_runs_over_the_corpora_are_byte_identical() {
    let Some(shared) = shared() else { return };
    // Fractions of seconds, several layers, directives in the middle whose pieces fit several layouts.
    let chosen = ["caddy_real", "multi_haproxy_nginx_app", "09_fields_change_mid_file"];
    let mut n_checked = 0;
    for folder in scenarios(&shared, &["real", "iis_synthetic", "edge_synthetic"]) {
        if all_scenarios() || chosen.iter().any(|name| folder.ends_with(name)) {
            check_twenty_runs(&folder, &logs_of(&folder), seed() + n_checked);
            n_checked += 1;
        }
    }
    assert!(n_checked >= chosen.len() as u64, "{n_checked}");
}

#[test]
fn incidents_that_are_reported_side_by_side_read_one_packed_log() {
    let fixture = Fixture::new();
    // Targets that do not compress, so that a reader comes back to the file often.
    let (mut log, mut dice) = (String::new(), Dice(1));
    for second in 0..7200u32 {
        // Twelve outages of a minute, ten minutes apart.
        let (status, us) = if second % 600 < 60 { (503, "503") } else { (200, "200") };
        let (h, m, s) = (20 + second / 3600, second / 60 % 60, second % 60);
        for n in 0..4 {
            let id = [(); 4].map(|()| format!("{:08x}", dice.below(1 << 31))).concat();
            let _ = writeln!(
                log,
                "192.0.2.{n} - - [20/Nov/2026:{h:02}:{m:02}:{s:02} +0000] \"GET /cart?r={id} HTTP/1.1\" {status} 9 \"-\" \"Mozilla/5.0\" \"-\" rt=0.010 ua=\"10.0.0.1:80\" us=\"{us}\" uct=\"0.000\" urt=\"0.010\""
            );
        }
    }
    fixture.write("access.log.gz", gzip(log.as_bytes()));
    let run = |threads: &str| {
        let args = ["-j", threads, "--reproducible", "--format", "json", "access.log.gz"];
        fixture.run(&args, b"")
    };
    let alone = run("1");
    let document = alone.json();
    assert_eq!(document["incidents"].as_array().map(Vec::len), Some(12));
    assert_eq!(document["incidents"][5]["recovery"]["state"], "verified");
    for _ in 0..5 {
        assert!(run("8").out == alone.out, "threads in each other's way");
    }
}

#[test]
fn lines_out_of_order_change_no_verdict() {
    let fixture = Fixture::new();
    let text = log("access.log");
    let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    // Buffered workers: blocks of lines come late.
    for chunk in lines.chunks_mut(40) {
        chunk.rotate_left(7);
        chunk.swap(0, 1);
    }
    fixture.write("sorted/access.log", &text);
    fixture.write("shuffled/access.log", lines.concat());
    for folder in ["sorted", "shuffled"] {
        fixture.write(&format!("{folder}/error.log"), log("error.log"));
    }
    let (sorted, shuffled) =
        (document(&fixture, &["sorted"], b""), document(&fixture, &["shuffled"], b""));
    assert_eq!(sorted["totals"], shuffled["totals"]);
    assert_eq!(sorted["incidents"][0]["series"], shuffled["incidents"][0]["series"]);
    assert_eq!(sorted["incidents"][0]["started_at"], shuffled["incidents"][0]["started_at"]);
}

#[test]
fn every_line_is_accounted_for() {
    let fixture = Fixture::new();
    fixture.write("logs/access.log", log("access.log"));
    fixture.write("logs/error.log", log("error.log"));
    fixture.write("logs/noise.log", "not a log line\n\n2026/11/20 21:30:19 [error] 1#1: *1 FastCGI sent in stderr: \"a\nb\nc\" while reading response header from upstream, client: 1.2.3.4, server: a\n");
    let report = document(&fixture, &["logs"], b"");
    for input in report["inputs"].as_array().expect("a list") {
        let n = |key: &str| input["lines"][key].as_u64().expect("a number");
        let sum = n("parsed")
            + n("continuation")
            + n("directive")
            + n("blank")
            + n("unparsed")
            + n("filtered");
        assert_eq!(n("read"), sum, "{input}");
    }
    let by_origin = report["totals"]["by_origin"].as_object().expect("an object");
    let sum: u64 = by_origin.values().filter_map(Value::as_u64).sum();
    assert_eq!(report["totals"]["entries"].as_u64(), Some(sum));
}

#[test]
fn evidence_resolves_to_the_quoted_bytes() {
    let fixture = Fixture::new();
    fixture.write("access.log", log("access.log"));
    fixture.write("error.log", log("error.log"));
    let report = document(&fixture, &["access.log", "error.log"], b"");
    let mut n_items = 0;
    for item in report["incidents"][0]["evidence"]["items"].as_array().expect("a list") {
        let input = item["input"].as_u64().expect("a number") as usize;
        let path = report["inputs"][input]["path"].as_str().expect("a path");
        let bytes = fs::read(fixture.path(path)).expect(path);
        let start = item["byte_offset"].as_u64().expect("a number") as usize;
        let end = start + item["byte_length"].as_u64().expect("a number") as usize;
        let text = String::from_utf8_lossy(&bytes[start..end.min(start + 512)]);
        assert_eq!(item["text"].as_str(), Some(&*text));
        let line = memchr::memchr_iter(b'\n', &bytes[..start]).count() as u64 + 1;
        assert_eq!(item["line"].as_u64(), Some(line));
        n_items += 1;
    }
    assert!(n_items >= 5, "{n_items}");
}
