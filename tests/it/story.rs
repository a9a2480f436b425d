//! What the timeline tells of an outage: when it began and ended, what it spread to, whether it came back.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use crate::support::{Fixture, logs_of, run_in, scenarios, shared};

/// Writes access lines of nginx with upstream fields.
#[derive(Default)]
struct Log(String);

/// What answered.
#[derive(Clone, Copy)]
enum Answer {
    /// The backend, well.
    Good,
    /// The backend, with 503.
    Relayed,
    /// nginx itself: the group has no live server.
    NoneLive,
    /// nginx itself, with 502: the backend could not be reached.
    Refused,
}

impl Log {
    /// One line, `at` seconds after 2026-11-20T20:00:00Z.
    fn line(&mut self, at: u32, client: u32, path: &str, answer: Answer) {
        let (status, address, upstream_status) = match answer {
            Answer::Good => (200, "10.0.0.1:80", "200"),
            Answer::Relayed => (503, "10.0.0.1:80", "503"),
            Answer::NoneLive => (503, "shop", "502"),
            Answer::Refused => (502, "10.0.0.1:80", "502"),
        };
        let (h, m, s) = (20 + at / 3600, at / 60 % 60, at % 60);
        let _ = writeln!(
            self.0,
            "192.0.2.{client} - - [20/Nov/2026:{h:02}:{m:02}:{s:02} +0000] \"GET {path} HTTP/1.1\" {status} 9 \"-\" \"Mozilla/5.0\" \"-\" rt=0.010 ua=\"{address}\" us=\"{upstream_status}\" uct=\"0.000\" urt=\"0.010\""
        );
    }

    /// Lines in every second of a stretch, each with its own target.
    fn seconds(&mut self, from: u32, to: u32, per_second: u32, answer: Answer) {
        for at in from..to {
            for n in 0..per_second {
                let path = ["/", "/cart", "/search"][(n % 3) as usize];
                self.line(at, (at * 7 + n) % 250, &format!("{path}?r={at}-{n}"), answer);
            }
        }
    }
}

fn document(log: &Log, args: &[&str]) -> Value {
    let fixture = Fixture::new();
    fixture.write("access.log", &log.0);
    let args = [&["--format", "json", "--reproducible", "access.log"], args].concat();
    fixture.run(&args, b"").json()
}

fn rows<'d>(incident: &'d Value, kind: &str) -> Vec<&'d Value> {
    let timeline = incident["timeline"].as_array().expect("rows");
    timeline.iter().filter(|row| row["kind"] == kind).collect()
}

#[test]
fn bursts_are_one_incident_up_to_the_gap_and_two_beyond_it() {
    for (gap, flag) in [(300, &[][..]), (60, &["--gap", "60"][..])] {
        for (distance, expected) in [(gap - 1, 1), (gap, 1), (gap + 1, 2)] {
            let mut log = Log::default();
            log.seconds(0, 1200, 1, Answer::Good);
            // From the last entry of the first burst to the first of the second.
            log.seconds(100, 121, 10, Answer::NoneLive);
            log.seconds(120 + distance, 140 + distance, 10, Answer::NoneLive);
            let document = document(&log, flag);
            let incidents = document["incidents"].as_array().expect("incidents");
            assert_eq!(incidents.len(), expected, "gap {gap}, {distance} s apart");
        }
    }
}

#[test]
fn an_end_is_verified_by_successes_on_the_affected_paths_only() {
    let outage = |after: fn(&mut Log)| {
        let mut log = Log::default();
        log.seconds(0, 60, 3, Answer::Good);
        log.seconds(60, 90, 6, Answer::NoneLive);
        after(&mut log);
        document(&log, &[])["incidents"][0].clone()
    };
    let verified = outage(|log| log.seconds(95, 150, 6, Answer::Good));
    assert_eq!(verified["recovery"]["state"], "verified", "{}", verified["recovery"]);
    assert_eq!(verified["recovery"]["at"], "2026-11-20T20:01:35Z");
    assert_eq!(
        verified["recovery"]["basis"],
        "200 consecutive successes or more on 3 affected paths"
    );
    let first = verified["recovery"]["evidence"][0].as_str().expect("an id");
    let items = verified["evidence"]["items"].as_array().expect("items");
    let item = items.iter().find(|item| item["id"] == first).expect("is listed");
    // 60 s at 3, 30 s at 6, and the next.
    assert_eq!(item["line"], 180 + 180 + 1);
    let elsewhere = outage(|log| {
        for n in 0..300 {
            log.line(95 + n / 5, n % 250, "/healthz", Answer::Good);
        }
    });
    assert_eq!(elsewhere["recovery"]["state"], "unverified", "{}", elsewhere["recovery"]);
    let ongoing = outage(|_| {});
    assert_eq!(ongoing["recovery"]["state"], "ongoing");
    assert_eq!(ongoing["status"], "ongoing_at_end");
    assert_eq!(ongoing["ended_at"], Value::Null);
}

#[test]
fn an_outage_that_comes_back_is_told() {
    let mut log = Log::default();
    log.seconds(0, 60, 3, Answer::Good);
    log.seconds(60, 80, 6, Answer::NoneLive);
    log.seconds(80, 180, 3, Answer::Good);
    log.seconds(180, 200, 6, Answer::NoneLive);
    log.seconds(200, 300, 3, Answer::Good);
    let document = document(&log, &[]);
    let incident = &document["incidents"][0];
    assert_eq!(document["incidents"].as_array().map(Vec::len), Some(1));
    let relapses = rows(incident, "relapse");
    assert_eq!(relapses.len(), 1);
    assert_eq!(relapses[0]["at"], "2026-11-20T20:03:00Z");
    assert_eq!(relapses[0]["text"], "failures again after 101 s without any and 300 good answers");
    assert_eq!(incident["causes"][0]["spans"].as_array().map(Vec::len), Some(2));
}

#[test]
fn the_same_problem_again_is_a_relapse_or_a_rhythm() {
    let times = |starts: &[u32]| {
        let mut log = Log::default();
        let mut at = 0;
        for start in starts {
            log.seconds(at, *start, 1, Answer::Good);
            log.seconds(*start, start + 30, 10, Answer::NoneLive);
            at = start + 30;
        }
        log.seconds(at, at + 400, 1, Answer::Good);
        document(&log, &[])["incidents"].as_array().expect("incidents").clone()
    };
    let twice = times(&[400, 1000]);
    assert_eq!(twice[0]["status"], "relapsed");
    assert_eq!(twice[0]["recovery"]["state"], "relapsed");
    assert_eq!(twice[1]["status"], "recovered");
    assert_eq!(twice[1]["recurrence"]["earlier"], serde_json::json!([twice[0]["id"]]));
    assert_eq!(twice[1]["recurrence"]["periodic"], false);
    let hourly = times(&[900, 1800, 2700, 3600]);
    assert_eq!(hourly.len(), 4);
    assert_eq!(hourly[3]["recurrence"]["periodic"], true);
    assert_eq!(hourly[3]["recurrence"]["interval_s"], 900.0);
    assert_eq!(hourly[0]["status"], "recovered");
}

#[test]
fn another_origin_that_takes_over_is_a_shift() {
    let mut log = Log::default();
    log.seconds(0, 60, 5, Answer::Good);
    log.seconds(60, 90, 5, Answer::Relayed);
    log.seconds(90, 120, 5, Answer::NoneLive);
    log.seconds(120, 200, 5, Answer::Good);
    let document = document(&log, &[]);
    let shifts = rows(&document["incidents"][0], "origin_shift");
    assert_eq!(shifts.len(), 1);
    assert_eq!(shifts[0]["at"], "2026-11-20T20:01:30Z");
    assert_eq!(shifts[0]["text"], "now mostly generated by proxy, before by upstream");
    let spread = rows(&document["incidents"][0], "spread");
    assert_eq!(spread.len(), 1, "{spread:?}");
    assert_eq!(spread[0]["text"], "first failure of upstream shop");
    assert_eq!(spread[0]["count"], 150);
}

#[test]
fn a_server_that_stops_logging_is_heard() {
    let mut log = Log::default();
    log.seconds(0, 300, 5, Answer::Good);
    log.seconds(300, 320, 5, Answer::NoneLive);
    log.seconds(500, 700, 5, Answer::Good);
    let document = document(&log, &[]);
    let gaps = document["coverage"]["gaps"].as_array().expect("gaps");
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0]["kind"], "silence");
    assert_eq!(gaps[0]["duration_s"], 181.0);
    assert_eq!(rows(&document["incidents"][0], "silence").len(), 1);
}

#[test]
fn a_log_that_was_filtered_before_has_no_ratios() {
    let mut log = Log::default();
    log.seconds(0, 60, 5, Answer::Good);
    log.seconds(60, 90, 5, Answer::NoneLive);
    log.line(95, 1, "/503", Answer::Good);
    log.seconds(100, 160, 5, Answer::Good);
    let kept: String = log.0.split_inclusive('\n').filter(|line| line.contains("503")).collect();
    let fixture = Fixture::new();
    let document = fixture.run(&["--format", "json", "-"], kept.as_bytes()).json();
    assert_eq!(document["coverage"]["filtered"], true);
    let incident = &document["incidents"][0];
    assert_eq!(incident["impact"]["entries"], 150);
    for field in ["error_ratio", "peak_ratio", "peak_at"] {
        assert_eq!(incident["impact"][field], Value::Null, "{field}");
    }
    assert_eq!(incident["traffic"]["verdict"], "unknown");
    let whole = fixture.run(&["--format", "json", "-"], log.0.as_bytes()).json();
    assert_eq!(whole["coverage"]["filtered"], false);
}

#[test]
fn clients_that_repeat_their_requests_are_counted() {
    let mut log = Log::default();
    log.seconds(0, 60, 5, Answer::Good);
    for at in 60..100 {
        // A client for 8 s, in which it tries two requests four times each: 12 are new, 28 are retries.
        log.line(at, at / 8, &format!("/buy?n={}", at % 2), Answer::NoneLive);
    }
    log.seconds(100, 160, 5, Answer::Good);
    let document = document(&log, &[]);
    let incident = &document["incidents"][0];
    assert_eq!(incident["traffic"]["retry_ratio"], 0.7);
    assert_eq!(incident["traffic"]["amplification"], 3.33);
    let rejected = incident["rejected"].as_array().expect("rows");
    assert!(!rejected.iter().any(|row| row["id"] == "retry_storm"));
    assert!(rejected.iter().any(|row| row["id"] == "traffic_surge"));
}

#[test]
fn paths_with_ids_are_one_path() {
    let mut log = Log::default();
    log.seconds(0, 60, 5, Answer::Good);
    for n in 0..200 {
        log.line(60 + n / 10, n % 250, &format!("/orders/{}/items", 1000 + n), Answer::NoneLive);
    }
    log.seconds(100, 160, 5, Answer::Good);
    let document = document(&log, &[]);
    let paths = &document["incidents"][0]["impact"]["top_paths"];
    assert_eq!(paths["total"], 1);
    assert_eq!(paths["items"][0], serde_json::json!({"key": "/orders/{id}/items", "count": 200}));
}

#[test]
fn a_story_is_short_and_keeps_its_ends() {
    let mut log = Log::default();
    log.seconds(0, 60, 3, Answer::Good);
    for n in 0..60 {
        // An outage that comes back every minute and a half.
        log.seconds(60 + n * 90, 80 + n * 90, 6, Answer::NoneLive);
        log.seconds(80 + n * 90, 150 + n * 90, 3, Answer::Good);
    }
    let document = document(&log, &[]);
    let timeline = document["incidents"][0]["timeline"].as_array().expect("rows");
    assert!(timeline.len() <= 40, "{}", timeline.len());
    assert_eq!(rows(&document["incidents"][0], "onset").len(), 1);
    let last = timeline.last().expect("rows");
    assert_eq!((&last["kind"], &last["phase"]), (&"recovery".into(), &"recovery".into()));
}

/// Causes that a scenario's labels, faults or expected incidents name.
fn injected(folder: &std::path::Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut collect = |value: &Value| {
        let mut stack = vec![value];
        while let Some(value) = stack.pop() {
            match value {
                Value::String(text) => {
                    names.insert(text.clone());
                }
                Value::Array(items) => stack.extend(items),
                Value::Object(fields) => {
                    for (name, value) in fields {
                        // A mix has its causes as keys: "proxy/no_live_upstreams".
                        names_of_key(name).for_each(|part| {
                            names.insert(part.to_owned());
                        });
                        stack.push(value);
                    }
                }
                _ => {}
            }
        }
    };
    for line in std::fs::read_to_string(folder.join("labels.jsonl")).expect("labels").lines() {
        let label: Value = serde_json::from_str(line).expect("JSON");
        for field in ["cause", "cause_any", "cause_alt", "root_cause"] {
            collect(&label[field]);
        }
    }
    let scenario = std::fs::read_to_string(folder.join("scenario.json")).expect("a scenario");
    let scenario: Value = serde_json::from_str(&scenario).expect("JSON");
    collect(&scenario["faults"]);
    collect(&scenario["expected_incidents"]);
    names
}

fn names_of_key(key: &str) -> impl Iterator<Item = &str> {
    key.split(['/', '|', ':'])
}

#[test]
fn every_cause_of_weight_is_one_that_was_injected() {
    let Some(shared) = shared() else { return };
    let (mut listed, mut noise) = (0, Vec::new());
    for folder in scenarios(&shared, &["real", "iis_synthetic"]) {
        let injected = injected(&folder);
        let logs = logs_of(&folder);
        let args = ["--format", "json", "--reproducible", "-q"];
        let args: Vec<&str> = args.into_iter().chain(logs.iter().map(String::as_str)).collect();
        let document = run_in(&folder, &args, b"").json();
        for incident in document["incidents"].as_array().expect("incidents") {
            for cause in incident["causes"].as_array().expect("causes") {
                let weighs = cause["explained_ratio"].as_f64() >= Some(0.02);
                let Some(id) = cause["id"].as_str().filter(|_| weighs) else { continue };
                listed += 1;
                if !injected.contains(id) {
                    noise.push(format!("{}: {id}", folder.display()));
                }
            }
        }
    }
    assert!(listed >= 40, "only {listed} causes listed");
    assert!(noise.len() * 20 <= listed, "{} of {listed} are noise: {noise:#?}", noise.len());
}

#[test]
fn a_mark_of_the_user_is_placed_and_is_a_candidate_by_its_time_alone() {
    let mut log = Log::default();
    log.seconds(0, 600, 5, Answer::Good);
    log.seconds(600, 660, 5, Answer::NoneLive);
    log.seconds(660, 900, 5, Answer::Good);
    let plain = document(&log, &[]);
    let marks =
        ["--mark", "2026-11-20T20:09:00Z=deploy 1.4.2", "--mark", "2026-11-20 20:10:30=rollback"];
    let marked = document(&log, &marks);
    assert_eq!(marked["settings"]["marks"][0]["text"], "deploy 1.4.2");
    let incident = &marked["incidents"][0];
    let changes = incident["changes"].as_array().expect("rows");
    let told: Vec<_> =
        changes.iter().map(|row| (&row["kind"], &row["what"], &row["relation"])).collect();
    assert_eq!(
        told,
        [
            (&"mark".into(), &"deploy 1.4.2".into(), &"preceded_by".into()),
            (&"mark".into(), &"rollback".into(), &"during".into()),
        ]
    );
    assert_eq!(rows(incident, "mark").len(), 2);
    let causes = incident["causes"].as_array().expect("rows");
    let deploy =
        causes.iter().find(|cause| cause["id"] == "deploy_in_progress").expect("a candidate");
    assert_eq!(deploy["confidence"]["level"], "possible");
    assert_eq!(deploy["role"], "trigger");
    assert_eq!(deploy["lead_s"], 60.0);
    // It decides nothing.
    for field in ["id", "title", "fingerprint", "origin", "impact"] {
        assert_eq!(incident[field], plain["incidents"][0][field], "{field}");
    }
    assert_eq!(marked["totals"], plain["totals"]);
    // A deploy half an hour before is no candidate.
    let far = document(&log, &["--mark", "2026-11-20T19:30:00Z=deploy"]);
    assert_eq!(far["incidents"][0]["causes"], plain["incidents"][0]["causes"]);
}

#[test]
fn a_mark_that_is_none_is_refused() {
    let fixture = Fixture::new();
    fixture.write("access.log", "");
    for (mark, reason) in [
        ("deploy", "expected TIME=TEXT"),
        ("soon=deploy", "expected TIME=TEXT with a time such as"),
        ("25:99=deploy", "expected TIME=TEXT with a time such as"),
        ("2026-11-20T20:09:00Z=", "expected TIME=TEXT with a text"),
        ("=deploy", "expected TIME=TEXT"),
    ] {
        let said = fixture.run(&["--mark", mark, "access.log"], b"");
        assert_eq!(said.code, Some(2), "{mark}");
        assert!(said.err.contains(reason) && said.err.contains("--mark"), "{mark}: {}", said.err);
    }
}

/// Thirty failing requests a second of clients that repeat each of them, among `per_second` requests before.
fn storm(per_second: u32, times: u32) -> Value {
    let mut log = Log::default();
    log.seconds(0, 120, per_second, Answer::Good);
    for at in 120..160 {
        for n in 0..30 {
            log.line(at, n, &format!("/buy?n={}-{n}", at / times), Answer::NoneLive);
        }
    }
    log.seconds(160, 300, per_second, Answer::Good);
    document(&log, &[])
}

#[test]
fn a_plain_storm_of_retries_is_an_amplifier() {
    let document = storm(5, 8);
    let incident = &document["incidents"][0];
    let causes = incident["causes"].as_array().expect("rows");
    let found = causes.iter().find(|cause| cause["id"] == "retry_storm").expect("is named");
    assert_eq!(found["role"], "amplifier");
    assert_eq!(found["explained_ratio"], 0.0);
    assert_eq!(found["spans"][0]["entries"], 1200 - 150);
    assert_eq!(found["first_at"], "2026-11-20T20:02:01Z");
    let evidence = incident["evidence"]["items"].as_array().expect("items");
    let quoted = evidence.iter().find(|item| item["id"] == found["evidence"][0]).expect("quoted");
    assert!(quoted["text"].as_str().is_some_and(|text| text.contains("/buy?n=15-")), "{quoted}");
    assert_eq!(incident["origin"]["verdict"], "proxy");
    assert!(incident["title"].as_str().is_some_and(|title| title.contains("no_live_upstreams")));
}

#[test]
fn repeated_requests_that_add_no_load_are_no_storm() {
    // Without retries; and with retries, but no more requests than before: clients that poll.
    for (per_second, times) in [(5, 1), (30, 8)] {
        let document = storm(per_second, times);
        let causes = document["incidents"][0]["causes"].as_array().expect("rows").clone();
        assert!(!causes.iter().any(|cause| cause["id"] == "retry_storm"), "{causes:?}");
    }
}

#[test]
fn an_end_is_verified_in_order_of_time_over_all_inputs_and_within_the_window() {
    let fixture = Fixture::new();
    for (name, refused_until) in [("a.log", 660), ("b.log", 760)] {
        let mut log = Log::default();
        log.seconds(0, 600, 10, Answer::Good);
        log.seconds(600, 660, 10, Answer::NoneLive);
        log.seconds(660, refused_until, 10, Answer::Refused);
        log.seconds(refused_until, 1200, 10, Answer::Good);
        fixture.write(name, &log.0);
    }
    let recovery = |args: &[&str]| {
        let args = [&["--format", "json", "--reproducible", "a.log", "b.log"], args].concat();
        fixture.run(&args, b"").json()["incidents"][0]["recovery"].clone()
    };
    let whole = recovery(&[]);
    assert_eq!(whole["state"], "verified", "{whole}");
    assert_eq!(whole["at"], "2026-11-20T20:12:40Z", "the last that fails decides: {whole}");
    // Within the window, one of the two still fails.
    let cut = recovery(&["--until", "2026-11-20T20:12:00Z"]);
    assert_ne!(cut["state"], "verified", "{cut}");
    assert!(cut["basis"].as_str().is_some_and(|basis| basis.contains("502")), "{cut}");
}

#[test]
fn logs_that_begin_before_the_access_log_make_no_surge() {
    let fixture = Fixture::new();
    let mut log = Log::default();
    log.seconds(300, 340, 10, Answer::Good);
    log.seconds(340, 360, 10, Answer::NoneLive);
    fixture.write("access.log", &log.0);
    fixture.write(
        "syslog",
        "Nov 20 20:00:00 web1 systemd[1]: Started api.service - API server.\n\
         Nov 20 20:04:00 web1 systemd[1]: Reloading nginx.service - nginx.\n",
    );
    let args = ["--format", "json", "--reproducible", "--tz", "UTC", "access.log", "syslog"];
    let document = fixture.run(&args, b"").json();
    let traffic = &document["incidents"][0]["traffic"];
    assert_eq!((&traffic["verdict"], &traffic["surge_ratio"]), (&"no_surge".into(), &1.0.into()));
    // A handful of requests is no measure.
    let mut log = Log::default();
    log.seconds(0, 1, 10, Answer::Good);
    log.seconds(10, 30, 10, Answer::NoneLive);
    let document = self::document(&log, &[]);
    assert_eq!(document["incidents"][0]["traffic"]["verdict"], "unknown");
}

#[test]
fn limits_that_a_server_reached_are_told_and_not_denied() {
    let fixture = Fixture::new();
    let mut log = Log::default();
    log.seconds(0, 60, 4, Answer::Good);
    log.seconds(60, 90, 4, Answer::NoneLive);
    log.seconds(90, 120, 4, Answer::Good);
    fixture.write("access.log", &log.0);
    let error = |at: u32, message: &str| {
        format!("2026/11/20 20:{:02}:{:02} [alert] 7#7: {message}\n", at / 60, at % 60)
    };
    let limited: String =
        (60..90).map(|at| error(at, "16 worker_connections are not enough")).collect();
    let frame = |middle: &str| {
        let notice = "signal process started";
        format!("{}{middle}{}", error(0, notice), error(119, notice))
    };
    let of = |error_log: &str| {
        fixture.write("error.log", error_log);
        let args = ["--format", "json", "--reproducible", "--tz", "UTC"];
        let args = [&args[..], &["access.log", "error.log"]].concat();
        let incident = fixture.run(&args, b"").json()["incidents"][0].clone();
        let rejected = incident["rejected"].as_array().expect("rows");
        let is_denied = rejected.iter().any(|row| row["id"] == "worker_limit");
        let is_told = rows(&incident, "health")
            .iter()
            .any(|row| row["text"].as_str().is_some_and(|text| text.contains("30 messages")));
        (is_denied, is_told)
    };
    assert_eq!(of(&frame(&limited)), (false, true));
    assert_eq!(of(&frame("")), (true, false));
}

#[test]
fn an_outage_answered_with_502_is_told_and_a_few_lines_are_not() {
    let run = |n_per_second: u32, seconds: u32, entries_until: u32, before: Answer| {
        let fixture = Fixture::new();
        let (mut log, mut errors) = (Log::default(), String::new());
        log.seconds(0, 60, 10, Answer::Good);
        log.seconds(60, entries_until, 10, before);
        for at in entries_until..entries_until + seconds {
            for n in 0..n_per_second {
                let target = format!("/cart?r={at}-{n}");
                log.line(at, n + 1, &target, Answer::Refused);
                let _ = writeln!(
                    errors,
                    "2026/11/20 20:{:02}:{:02} [error] 7#7: *{at}{n} connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.{}, server: a.example, request: \"GET {target} HTTP/1.1\", upstream: \"http://10.0.0.1:80{target}\", host: \"a.example\"",
                    at / 60,
                    at % 60,
                    n + 1
                );
            }
        }
        log.seconds(entries_until + seconds, entries_until + seconds + 120, 10, Answer::Good);
        fixture.write("access.log", &log.0);
        fixture.write("error.log", &errors);
        let args = ["--format", "json", "--reproducible", "access.log", "error.log"];
        fixture.run(&args, b"").json()["incidents"].clone()
    };
    // No 503 at all.
    let alone = run(10, 30, 60, Answer::Relayed);
    assert_eq!(alone.as_array().map(Vec::len), Some(1), "{alone}");
    let (incident, cause) = (&alone[0], &alone[0]["causes"][0]);
    assert_eq!(
        (&incident["impact"]["entries"], &incident["impact"]["kin"]["502"]),
        (&0.into(), &300.into())
    );
    assert_eq!((&cause["id"], &cause["messages"]), (&"upstream_refused".into(), &300.into()));
    assert_eq!(incident["severity"]["level"], "critical");
    // 503 turns into 502: one outage, over when the last of them is.
    let both = run(10, 30, 70, Answer::NoneLive);
    assert_eq!(both.as_array().map(Vec::len), Some(1), "{both}");
    assert_eq!(both[0]["impact"]["entries"], 100);
    assert_eq!(both[0]["impact"]["kin"]["502"], 300);
    assert_eq!(both[0]["duration_s"], 39.0);
    // What somebody else answered before is another incident.
    let apart = run(10, 30, 70, Answer::Relayed);
    assert_eq!(apart.as_array().map(Vec::len), Some(2), "{apart}");
    assert_eq!(apart[1]["impact"]["kin"]["502"], 300);
    // A few.
    assert_eq!(run(1, 4, 60, Answer::Relayed).as_array().map(Vec::len), Some(0));
}
