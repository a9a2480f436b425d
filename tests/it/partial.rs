//! Partial results: any split of the inputs over any runs merges to the document of one run.

use std::path::Path;

use serde_json::Value;

use crate::support::{Fixture, Said, logs_of, scenarios, shared};

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n.max(1) as u64) as usize
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, bytes).expect("memory");
    packed.finish().expect("memory")
}

/// Writes a log cut at line ends into pieces named as by rotation, some of them compressed; gives their names.
fn rotate(fixture: &Fixture, name: &str, log: &[u8], dice: &mut Dice) -> Vec<String> {
    let is_text = !log.starts_with(&[0x1f, 0x8b]) && !log.starts_with(&[0xff, 0xfe]);
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', log).map(|end| end + 1).collect();
    let mut cuts = vec![0, log.len()];
    if is_text && !name.ends_with(".journal") && !ends.is_empty() {
        cuts.extend((0..dice.below(4)).map(|_| ends[dice.below(ends.len())]));
    }
    cuts.sort_unstable();
    cuts.dedup();
    let n = cuts.len() - 1;
    let piece = |(index, part): (usize, &[usize])| {
        let bytes = &log[part[0]..part[1]];
        let number = n - 1 - index;
        let name = if number == 0 { name.to_owned() } else { format!("{name}.{number}") };
        if is_text && n > 1 && dice.below(4) == 0 {
            fixture.write(&format!("{name}.gz"), gzip(bytes));
            return format!("{name}.gz");
        }
        fixture.write(&name, bytes);
        name
    };
    cuts.windows(2).enumerate().map(piece).collect()
}

fn run(fixture: &Fixture, before: &[&str], files: &[String]) -> Said {
    let args: Vec<&str> = before.iter().copied().chain(files.iter().map(String::as_str)).collect();
    fixture.run(&args, b"")
}

/// Deals the files over shards and makes a partial result of each.
fn deal(fixture: &Fixture, files: &[String], dice: &mut Dice) -> Vec<String> {
    let n = 2 + dice.below(4);
    let mut shards = vec![Vec::new(); n];
    for file in files {
        shards[dice.below(n)].push(file.clone());
    }
    shards.retain(|shard| !shard.is_empty());
    let mut made = Vec::new();
    for (index, shard) in shards.iter().enumerate() {
        let name = format!("{index}.part");
        let said = run(fixture, &["-q", "--partial", &name], shard);
        assert!(matches!(said.code, Some(0 | 3)), "{:?} {}", said.code, said.err);
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
    let mut files = Vec::new();
    for log in logs {
        let bytes = std::fs::read(folder.join(log)).expect("can be read");
        files.extend(rotate(&fixture, log, &bytes, &mut dice));
    }
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
    ];
    let mut n_checked = 0;
    for folder in scenarios(&shared, &["real", "iis_synthetic"]) {
        if chosen.iter().any(|name| folder.ends_with(name)) {
            check(&folder, &logs_of(&folder), 7 + n_checked);
            n_checked += 1;
        }
    }
    assert_eq!(n_checked, chosen.len() as u64);
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
    fixture.write("release.part", other("logscan503 partial 1 of 9.9.9"));
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
