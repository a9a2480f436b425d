//! Logs that begin while all is well: what their columns are shows in no value yet.
//!
//! In: lines written here. Out: how many 503s are found, and who made them.
//! Invariants: what comes behind the lines that a layout is told by is read like these.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::Fixture;

/// Fails unless a log has so many 503s, all of this origin and cause.
#[track_caller]
fn check(name: &str, text: &str, n: usize, expected: [&str; 2]) {
    let fixture = Fixture::new();
    fixture.write(name, text);
    let rows = fixture.run(&["--format", "entries", name], b"").rows();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let found: Vec<_> =
        rows.iter().map(|row| ["origin", "cause"].map(|key| text(&row[key]))).collect();
    assert_eq!(found.len(), n);
    assert!(found.iter().all(|row| *row == expected), "{found:?}");
}

/// Minute and second of the n-th line.
fn clock(n: usize) -> String {
    format!("10:{:02}:{:02}", n / 60 % 60, n % 60)
}

#[test]
fn states_of_haproxy_are_known_before_a_session_failed() {
    let mut log = String::new();
    for n in 0..2400 {
        let (time, id) = (clock(n), n * 7919 % 99_991);
        let (server, result) =
            if n < 2300 { ("web1", "200 709 ----") } else { ("<NOSRV>", "503 217 SC--") };
        let _ = writeln!(
            log,
            "2026-11-20T{time}.{:03}+01:00 192.0.2.{}:3{:04} public be_app {server} GET /cart/{id} {result} {}",
            n % 1000,
            n % 50,
            n % 9973,
            n % 37
        );
    }
    let fixture = Fixture::new();
    fixture.write("lb.log", &log);
    let rows = fixture.run(&["--format", "entries", "lb.log"], b"").rows();
    assert_eq!(rows.len(), 100);
    assert!(rows.iter().all(|row| row["server"] == "haproxy"), "{:?}", rows[0]);
}

#[test]
fn the_status_of_the_response_is_no_list_in_quotes() {
    let mut log = String::new();
    for n in 0..600 {
        let time = clock(n);
        let (status, attempt) = match n {
            0..300 => ("200;512", r#""200";"0.018";"127.0.0.1:8081""#),
            300..320 => ("503;37", r#""502";"-";"127.0.0.1:8080""#),
            320..340 => ("503;197", r#""503";"0.004";"127.0.0.1:8080""#),
            _ => ("200;803", r#""200";"0.003";"127.0.0.1:8080""#),
        };
        let _ = writeln!(
            log,
            "20/Nov/2026:{time} +0100;192.0.2.{};{status};\"GET /a/{n} HTTP/1.1\";{attempt};HTTP/1.1",
            n % 50
        );
    }
    let fixture = Fixture::new();
    fixture.write("access.log", &log);
    let rows = fixture.run(&["--format", "entries", "access.log"], b"").rows();
    let n_upstream = rows.iter().filter(|row| row["origin"] == "upstream").count();
    assert_eq!((rows.len(), n_upstream), (40, 20));
}

#[test]
fn a_time_in_quotes_may_have_brackets_of_its_own() {
    let (mut json, mut pairs) = (String::new(), String::new());
    for n in 0..30 {
        let time = format!("[20/Nov/2026:{} +0100]", clock(n));
        let status = if n % 3 == 0 { 503 } else { 200 };
        let _ = writeln!(
            json,
            r#"{{"time":"{time}","remoteIP":"192.0.2.{n}","host":"a.test","request":"/cart/{n}","query":"","method":"GET","status":"{status}","userAgent":"curl/8","referer":"-"}}"#
        );
        let _ = writeln!(
            pairs,
            r#"time="{time}" method=GET url="/cart/{n}" ip="192.0.2.{n}" status="{status}" bytes="{}" vhost="a.test""#,
            n * 17
        );
    }
    check("access.json", &json, 10, ["unknown", "-"]);
    check("access.log", &pairs, 10, ["unknown", "-"]);
}
