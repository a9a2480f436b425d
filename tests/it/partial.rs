//! Partial results: any split of the inputs over any runs merges to the document of one run.
//!
//! The law is checked on a few scenarios; on all of them with `LOGSCAN503_ALL_SCENARIOS=1`.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::support::{Dice, Fixture, Said, all_scenarios, logs_of, rotate, scenarios, shared};

fn run(fixture: &Fixture, before: &[&str], files: &[String]) -> Said {
    let args: Vec<&str> = before.iter().copied().chain(files.iter().map(String::as_str)).collect();
    fixture.run(&args, b"")
}

/// Deals the files over 2 to 9 shards and makes a partial result of each.
fn deal(fixture: &Fixture, files: &[String], dice: &mut Dice) -> Vec<String> {
    let n = 2 + dice.below(8);
    let mut shards = vec![Vec::new(); n];
    for file in files {
        shards[dice.below(n)].push(file.clone());
    }
    shards.retain(|shard| !shard.is_empty());
    let mut made = Vec::new();
    for (index, shard) in shards.iter().enumerate() {
        let name = format!("{index}.part");
        let said = run(fixture, &["-q", "--partial", &name], shard);
        assert!(matches!(said.code, Some(0 | 3 | 4)), "{:?} {}", said.code, said.err);
        assert!(said.out.is_empty());
        // In any order.
        made.insert(dice.below(made.len() + 1), name);
    }
    made
}

/// What must be the same also where the inputs cannot be opened: verdicts, totals, causes, spans.
fn verdicts_of(document: &Value) -> Value {
    let incidents = document["incidents"].as_array().expect("incidents").iter().map(|incident| {
        let causes = incident["causes"].as_array().expect("causes").iter().map(|cause| {
            let names = [
                "id",
                "origin",
                "entries",
                "messages",
                "first_at",
                "last_at",
                "spans",
                "confidence",
            ];
            names.map(|name| cause[name].clone()).to_vec()
        });
        let shares = incident["origin"]["shares"].clone();
        serde_json::json!([incident["started_at"], shares, causes.collect::<Vec<_>>()])
    });
    serde_json::json!([document["totals"], incidents.collect::<Vec<_>>()])
}

/// The law, on the logs of a folder.
#[track_caller]
fn check(folder: &Path, logs: &[String], seed: u64) {
    let fixture = Fixture::new();
    let mut dice = Dice(seed);
    let files = rotate(&fixture, folder, logs, &mut dice);
    let partials = deal(&fixture, &files, &mut dice);
    let one = ["-q", "--reproducible", "--format"];
    for format in ["json", "entries"] {
        let whole = run(&fixture, &[&one[..], &[format]].concat(), &files);
        let merged = run(&fixture, &[&["merge"], &one[..], &[format]].concat(), &partials);
        assert_eq!(merged.code, whole.code, "{}", merged.err);
        let same = merged.out == whole.out;
        assert!(same, "{}, {format}, seed {seed}: {files:?} in {partials:?}", folder.display());
        if format == "json" {
            let args = ["merge", "--root", "nowhere", "-q", "--format", "json"];
            let absent = run(&fixture, &args, &partials).json();
            assert_eq!(verdicts_of(&absent), verdicts_of(&whole.json()), "{}", folder.display());
        }
    }
}

#[test]
fn any_split_of_the_real_outage_merges_to_one_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/incident");
    for seed in 1..6 {
        check(&folder, &["access.log".to_owned(), "error.log".to_owned()], seed);
    }
}

#[test]
fn any_split_of_the_corpora_merges_to_one_run() {
    let Some(shared) = shared() else { return };
    let chosen = [
        "nginx_mixed_vhosts",
        "apache_balancer_error_state",
        "journald_nginx",
        "multi_haproxy_nginx_app",
        "08_deploy_app_offline",
        "09_fields_change_mid_file",
        "10_encodings",
        "clb_no_instance",
        "istio_text",
    ];
    let mut n_checked = 0;
    for folder in scenarios(&shared, &["real", "iis_synthetic", "edge_synthetic"]) {
        if all_scenarios() || chosen.iter().any(|name| folder.ends_with(name)) {
            check(&folder, &logs_of(&folder), 7 + n_checked);
            n_checked += 1;
        }
    }
    assert!(n_checked >= chosen.len() as u64, "{n_checked}");
}

fn outage() -> Fixture {
    let fixture = Fixture::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/incident");
    for log in ["access.log", "error.log"] {
        fixture.write(&format!("logs/{log}"), std::fs::read(folder.join(log)).expect(log));
    }
    fixture
}

#[test]
fn an_access_log_and_its_error_log_meet_in_the_merge() {
    let fixture = outage();
    fixture.run(&["--partial", "a.part", "logs/access.log"], b"");
    fixture.run(&["--partial", "e.part", "logs/error.log"], b"");
    let document = fixture.run(&["merge", "--format", "json", "e.part", "a.part"], b"").json();
    assert_eq!(document["totals"]["by_origin"]["proxy"], 389);
    let basis = &document["incidents"][0]["causes"][0]["confidence"]["basis"];
    assert!(basis.as_array().expect("kinds").contains(&"request_join".into()), "{basis}");
}

#[test]
fn inputs_that_have_moved_are_found_below_the_root_and_others_are_named() {
    let fixture = outage();
    let args = ["--format", "json", "--reproducible"];
    let whole = fixture.run(&[&args[..], &["logs"]].concat(), b"");
    fixture.run(&["--partial", "all.part", "logs"], b"");
    std::fs::create_dir(fixture.path("archive")).expect("can be made");
    std::fs::rename(fixture.path("logs"), fixture.path("archive/logs")).expect("can be moved");
    let moved =
        fixture.run(&[&["merge", "--root", "archive", "all.part"], &args[..]].concat(), b"");
    assert_eq!(moved.out, whole.out);
    let lost = fixture.run(&[&["merge", "all.part"], &args[..]].concat(), b"").json();
    let missing = lost["coverage"]["missing"].as_array().expect("rows");
    assert!(missing.iter().any(|row| row["what"] == "logs/access.log"), "{missing:?}");
    assert_eq!(lost["incidents"][0]["evidence"]["items"][0]["text"], Value::Null);
    // A file of the same name that holds something else is not what was read.
    let other = "x".repeat(300_000);
    fixture.write("logs/access.log", other);
    let replaced = fixture.run(&[&["merge", "all.part"], &args[..]].concat(), b"").json();
    assert_eq!(replaced["coverage"]["missing"], lost["coverage"]["missing"]);
}

#[test]
fn standard_input_is_merged_with_its_lines() {
    let fixture = outage();
    let access = std::fs::read(fixture.path("logs/access.log")).expect("was written");
    let args = ["--format", "json", "--reproducible"];
    let whole = fixture.run(&[&args[..], &["-", "logs/error.log"]].concat(), &access);
    fixture.run(&["--partial", "a.part", "-"], &access);
    fixture.run(&["--partial", "e.part", "logs/error.log"], b"");
    let merged = fixture.run(&[&["merge", "a.part", "e.part"], &args[..]].concat(), b"");
    assert_eq!(merged.out, whole.out);
}

/// An IIS log whose directives put other columns, and other days, in force on the way.
fn changing_columns() -> String {
    let mut log = String::from("#Software: Microsoft Internet Information Services 10.0\n");
    let headers = [
        "#Date: 2026-03-10 12:00:00\n#Fields: time cs-method cs-uri-stem c-ip sc-status sc-substatus sc-win32-status\n",
        "#Date: 2026-03-11 12:00:00\n",
        "#Fields: time sc-status sc-substatus sc-win32-status c-ip cs-method cs-uri-stem\n",
        "#Date: 2026-03-12 12:00:00\n#Fields: date time cs-uri-stem c-ip cs-method sc-status sc-substatus sc-win32-status\n",
        "#Fields: time cs-method cs-uri-stem c-ip sc-status sc-substatus sc-win32-status\n#Date: 2026-03-13 12:00:00\n",
    ];
    for (index, header) in headers.iter().enumerate() {
        log.push_str(header);
        for second in 0..30 {
            let (path, client) = (format!("/shop/{index}"), format!("203.0.113.{second}"));
            let (at, status) =
                (format!("12:00:{second:02}"), if second % 3 == 0 { "200 0 0" } else { "503 2 0" });
            let row = match index {
                2 => format!("{at} {status} {client} GET {path}"),
                3 => format!("2026-03-12 {at} {path} {client} GET {status}"),
                _ => format!("{at} GET {path} {client} {status}"),
            };
            log.push_str(&row);
            log.push('\n');
        }
    }
    log
}

/// Access lines of a layout that no format knows. `n_answered` are answered by the backend; the others fail, and nothing in
/// them tells whose the address is.
fn unknown_layout(n_answered: u32, n_failed: u32) -> String {
    let line = |n: u32| {
        let (minute, second, client) = (n / 60 % 60, n % 60, n % 200);
        let (status, size, backend) = if n < n_answered { (200, 512, 200) } else { (503, 95, 502) };
        format!(
            "192.0.2.{client}|20/Nov/2026:21:{minute:02}:{second:02} +0000|GET /p/{n} HTTP/1.1|{status}|{size}|10.0.0.7:8080|{backend}|0.00{}\n",
            n % 8
        )
    };
    (0..n_answered + n_failed).map(line).collect()
}

#[test]
fn columns_are_named_by_the_lines_of_all_partial_results() {
    let fixture = Fixture::new();
    let log = unknown_layout(200, 400);
    let cut = unknown_layout(200, 0).len();
    fixture.write("a.log", &log[..cut]);
    fixture.write("b.log", &log[cut..]);
    let args = ["--reproducible", "--format"];
    let upstreams =
        |rows: &[Value]| -> Vec<Value> { rows.iter().map(|row| row["upstream"].clone()).collect() };
    // Alone, the outage does not tell.
    let alone = fixture.run(&[&args[..], &["entries", "b.log"]].concat(), b"").rows();
    assert_eq!(upstreams(&alone), vec![Value::Null; 400]);
    fixture.run(&["--partial", "a.part", "a.log"], b"");
    fixture.run(&["--partial", "b.part", "b.log"], b"");
    for format in ["entries", "json"] {
        let whole = fixture.run(&[&args[..], &[format, "a.log", "b.log"]].concat(), b"");
        let parts = ["merge", "b.part", "a.part"];
        let merged = fixture.run(&[&parts[..], &args[..], &[format]].concat(), b"");
        assert_eq!(String::from_utf8_lossy(&merged.out), String::from_utf8_lossy(&whole.out));
        if format == "entries" {
            assert_eq!(upstreams(&whole.rows()), vec![Value::from("10.0.0.7:8080"); 400]);
        } else {
            let absent = ["--root", "nowhere"];
            let absent = fixture.run(&[&parts[..], &absent, &args[..], &[format]].concat(), b"");
            assert_eq!(verdicts_of(&absent.json()), verdicts_of(&whole.json()));
        }
    }
}

#[test]
fn columns_that_change_on_the_way_are_known_where_the_input_cannot_be_read_again() {
    let fixture = Fixture::new();
    let log = changing_columns();
    for format in ["entries", "json"] {
        let args = ["--format", format, "--reproducible"];
        let whole = fixture.run(&[&args[..], &["-"]].concat(), log.as_bytes());
        fixture.run(&["--partial", "i.part", "-"], log.as_bytes());
        let merged = fixture.run(&[&["merge", "i.part"], &args[..]].concat(), b"");
        assert_eq!(String::from_utf8_lossy(&merged.out), String::from_utf8_lossy(&whole.out));
        if format == "entries" {
            let rows = merged.rows();
            assert_eq!(rows.len(), 100);
            for row in rows {
                let target = row["target"].as_str().expect("a target");
                assert!(target.starts_with("/shop/"), "{row}");
                assert!(row["client"].as_str().expect("a client").starts_with("203.0."), "{row}");
            }
        }
    }
}

#[test]
fn a_log_that_has_grown_since_counts_once_in_its_last_state() {
    let fixture = outage();
    let args = ["--format", "json", "--reproducible"];
    let whole = fixture.run(&[&args[..], &["logs"]].concat(), b"");
    let full = std::fs::read(fixture.path("logs/access.log")).expect("was written");
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', &full).map(|end| end + 1).collect();
    for (name, end) in [("a.part", ends[3]), ("b.part", ends[ends.len() / 2])] {
        fixture.write("logs/access.log", &full[..end]);
        fixture.run(&["--partial", name, "logs/access.log"], b"");
    }
    fixture.write("logs/access.log", &full);
    fixture.run(&["--partial", "c.part", "logs"], b"");
    for parts in [["a.part", "b.part", "c.part"], ["c.part", "b.part", "a.part"]] {
        let merged = fixture.run(&[&["merge"], &parts[..], &args[..]].concat(), b"");
        assert_eq!(merged.out, whole.out);
        for part in ["a.part", "b.part"] {
            let said = format!("logs/access.log: {part} holds an earlier state of it");
            assert!(merged.err.contains(&said), "{}", merged.err);
        }
    }
    // Another machine has a log of the same name, with other lines: both count.
    let lines: Vec<&[u8]> = full.split_inclusive(|byte| *byte == b'\n').collect();
    fixture.write("logs/access.log", lines[1..lines.len() / 2].concat());
    fixture.run(&["--partial", "d.part", "logs/access.log"], b"");
    let both = fixture.run(&[&["merge", "c.part", "d.part"], &args[..]].concat(), b"").json();
    let whole = whole.json();
    assert_eq!(both["inputs"].as_array().map(Vec::len), Some(3));
    assert!(both["totals"]["entries"].as_u64() > whole["totals"]["entries"].as_u64());
}

#[test]
fn a_copy_counts_once_also_in_another_shard() {
    let fixture = outage();
    let args = ["--format", "json", "--reproducible"];
    let alone = fixture.run(&[&args[..], &["logs"]].concat(), b"").json();
    let log = std::fs::read(fixture.path("logs/access.log")).expect("was written");
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&log).expect("memory");
    fixture.write("logs/access.log.1.gz", packed.finish().expect("memory"));
    fixture.write("logs/access.log.1", &log);
    // Another name: of another site, which was asked the same.
    fixture.write("other/access.log", &log);
    let whole = fixture.run(&[&args[..], &["logs"]].concat(), b"");
    let document = whole.json();
    assert_eq!(document["totals"], alone["totals"]);
    assert_eq!(document["inputs"].as_array().map(Vec::len), Some(2));
    let copies = ["logs/access.log.1", "logs/access.log.1.gz"];
    assert_eq!(document["inputs"][0]["copies"], serde_json::json!(copies));
    let told = &document["diagnostics"][0];
    assert_eq!((&told["code"], &told["count"]), (&"copies".into(), &2.into()), "{document:#}");
    let both = fixture.run(&[&args[..], &["logs", "other"]].concat(), b"").json();
    let n = |document: &Value| document["totals"]["requests"].as_u64().expect("a number");
    assert_eq!(n(&both), 2 * n(&alone));

    let shards =
        [&["logs/access.log.1.gz"][..], &["logs/access.log", "logs/error.log"], &[copies[0]]];
    for (name, shard) in ["a.part", "b.part", "c.part"].into_iter().zip(shards) {
        fixture.run(&[&["--partial", name], shard].concat(), b"");
    }
    let merge = ["merge", "c.part", "a.part", "b.part"];
    let merged = fixture.run(&[&merge[..], &args].concat(), b"");
    assert_eq!(merged.out, whole.out);
}

#[test]
fn what_does_not_fit_is_refused_with_a_reason() {
    let fixture = outage();
    fixture.run(&["--partial", "a.part", "logs/access.log"], b"");
    fixture.run(&["--partial", "again.part", "logs"], b"");
    fixture.run(&["--partial", "kin.part", "--status", "502", "logs/error.log"], b"");
    let part = std::fs::read(fixture.path("a.part")).expect("was written");
    fixture.write("cut.part", &part[..part.len() / 2]);
    let mut flipped = part.clone();
    flipped[part.len() / 2] ^= 1;
    fixture.write("flipped.part", flipped);
    let first = memchr::memchr(b'\n', &part).expect("a first line");
    let other = |line: &str| [line.as_bytes(), &part[first..]].concat();
    fixture.write("form.part", other("logscan503 partial 9 of 0.1.0"));
    fixture.write("release.part", other("logscan503 partial 2 of 9.9.9"));
    for (files, reason) in [
        (&["logs/access.log"][..], "is no partial result"),
        (&["cut.part"], "is damaged"),
        (&["flipped.part"], "is damaged"),
        (&["form.part"], "is a partial result of form 9"),
        (&["release.part"], "made by version 9.9.9"),
        (&["a.part", "kin.part"], "was made with other options than"),
        (&["a.part", "again.part"], "holds logs/access.log as"),
        (&["a.part", "a.part"], "holds logs/access.log as"),
        (&["none.part"], "cannot be read"),
    ] {
        let said = fixture.run(&[&["merge"], files].concat(), b"");
        assert_eq!(said.code, Some(2), "{files:?}");
        assert!(said.err.contains(reason), "{files:?}: {}", said.err);
        assert!(said.out.is_empty());
    }
    let said = fixture.run(&["--partial", "x.part", "--format", "json", "logs"], b"");
    assert_eq!(said.code, Some(2), "a partial result is no report");
}
