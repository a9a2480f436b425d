//! Servers behind each other, with faults at several of them at once.
//!
//! In: lines written here. Out: origin and cause of the 503s of one log.
//! Invariants: what one server made is not laid at the door of the next.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::support::Fixture;

fn clock(second: usize) -> String {
    format!("10:{:02}:{:02}", second / 60, second % 60)
}

/// A line of an access log in a layout that starts like the combined one.
fn access(log: &mut String, second: usize, target: &str, rest: &str) {
    let client = second * 7 % 50;
    let time = clock(second);
    let _ = writeln!(
        log,
        "192.0.2.{client} - - [20/Nov/2026:{time} +0000] \"GET {target} HTTP/1.1\" {rest}"
    );
}

/// Fails unless the 503s of a log have these origins.
#[track_caller]
fn check(fixture: &Fixture, paths: &[&str], source: &str, expected: &[(&str, usize)]) {
    let rows = fixture.run(&[&["--format", "entries"], paths].concat(), b"").rows();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows.iter().filter(|row| row["source"] == source) {
        *counts.entry(row["origin"].as_str().unwrap_or("-")).or_default() += 1;
    }
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn an_answer_that_came_too_late_was_not_relayed() {
    let fixture = Fixture::new();
    let (mut edge, mut inner) = (String::new(), String::new());
    for n in 0..60 {
        let target = format!("/cart/{n}");
        let (outer, asked) = match n {
            0..20 => ("503 37", "503"),
            20..30 => ("503 37", "504"),
            _ => ("200 37", "200"),
        };
        access(
            &mut edge,
            n,
            &target,
            &format!("{outer} \"-\" \"curl/8\" \"10.0.0.2:80\" \"{asked}\""),
        );
        let own = if n < 30 { "503 37" } else { "200 37" };
        let made = if n < 30 { "\"-\" \"-\"" } else { "\"10.0.0.3:80\" \"200\"" };
        access(&mut inner, n, &target, &format!("{own} \"-\" \"curl/8\" {made}"));
    }
    fixture.write("edge/access.log", edge);
    fixture.write("inner/access.log", inner);
    check(&fixture, &["edge", "inner"], "edge/access.log", &[("unknown", 10), ("upstream", 20)]);
}

#[test]
fn pages_of_synth_are_no_failed_fetches() {
    let fixture = Fixture::new();
    let (mut cache, mut web) = (String::new(), String::new());
    for n in 0..120 {
        let target = format!("/a/{n}");
        let to_cache = format!("http://a.test{target}");
        // The page of a failed fetch has 283 bytes, that of `synth(503)` three less.
        let page = match n {
            0..20 => 53,
            20..40 => 280,
            40..60 if n % 2 == 0 => 280,
            40..60 => 283,
            _ => 800,
        };
        let status = if n < 60 { 503 } else { 200 };
        access(&mut cache, n, &to_cache, &format!("{status} {page} \"-\" \"curl/8\""));
        if page == 53 || page == 800 {
            access(&mut web, n, &target, &format!("{status} {page} \"-\" \"curl/8\""));
        }
    }
    fixture.write("cache.log", cache);
    fixture.write("web.log", web);
    let paths = ["cache.log", "web.log"];
    check(&fixture, &paths, "cache.log", &[("proxy", 10), ("unknown", 30), ("upstream", 20)]);
}
