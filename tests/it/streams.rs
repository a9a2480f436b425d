//! Several formats in one stream: by source, by turns, and late.
//!
//! In: lines of servers with different layouts, mixed, in envelopes or bare. Out: every request, read by the layout of its own
//! server, however the stream arrives.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::Fixture;

/// A line with this number, which is its second too, and status.
type Line = fn(usize, u16) -> String;

/// Wraps a line: name of the server, number, line.
type Wrap = fn(&str, usize, &str) -> String;

fn clock(n: usize) -> String {
    format!("20/Nov/2026:21:{:02}:{:02} +0000", n / 60 % 60, n % 60)
}

fn nginx(n: usize, status: u16) -> String {
    format!(
        "192.0.2.{} - - [{}] \"GET /shop/{n} HTTP/1.1\" {status} {} \"-\" \"curl/8.{}\"",
        n % 200,
        clock(n),
        150 + n % 50,
        n % 7
    )
}

fn custom(n: usize, status: u16) -> String {
    let upstream = if status == 503 { "127.0.0.1:8080" } else { "127.0.0.1:8081" };
    format!(
        "2026-11-20T21:{:02}:{:02}+00:00|198.51.100.{}|api.example.com|POST /v1/{n} HTTP/2.0|{status}|{}|0.{:03}|{upstream}|{status}|0.{:03}",
        n / 60 % 60,
        n % 60,
        n % 200,
        300 + n % 90,
        n % 400 + 20,
        n % 400 + 10
    )
}

/// Without bytes Apache writes a dash, which nginx never does.
fn apache(n: usize, status: u16) -> String {
    let bytes = if status == 503 { "299".to_owned() } else { "-".to_owned() };
    format!(
        "203.0.113.{} - - [{}] \"HEAD /wiki/{n} HTTP/1.1\" {status} {bytes} \"-\" \"Mozilla/5.0 ({})\"",
        n % 200,
        clock(n),
        n % 5
    )
}

const SERVERS: [(&str, Line); 3] = [("shop", nginx), ("api", custom), ("wiki", apache)];

fn status_of(n: usize) -> u16 {
    if n.is_multiple_of(9) { 503 } else { 200 }
}

/// Lines of all servers by turns, wrapped.
fn mixed(n_each: usize, wrap: impl Fn(&str, usize, &str) -> String) -> String {
    let mut text = String::new();
    for n in 0..n_each {
        for (name, line) in SERVERS {
            writeln!(text, "{}", wrap(name, n, &line(n, status_of(n)))).expect("fits");
        }
    }
    text
}

/// What is said of each 503: target, client, upstream and server.
fn rows(fixture: &Fixture, args: &[&str], input: &[u8]) -> Vec<String> {
    let mut all = vec!["--format", "entries"];
    all.extend(args);
    let said = fixture.run(&all, input);
    let told = |row: &Value| {
        let keys = ["at", "target", "client", "upstream", "upstream_status", "server", "format"];
        keys.map(|key| row[key].to_string()).join(" ")
    };
    said.rows().iter().map(told).collect()
}

fn unparsed(fixture: &Fixture, args: &[&str], input: &[u8]) -> u64 {
    let mut all = vec!["--format", "json"];
    all.extend(args);
    let document = fixture.run(&all, input).json();
    let lines = &document["inputs"][0]["lines"];
    lines["unparsed"].as_u64().expect("a number")
}

#[test]
fn each_source_of_one_stream_is_read_by_its_own_layout() {
    let wraps: [(&str, Wrap); 5] = [
        ("kubectl", |name, _, line| format!("[pod/{name}-7d9f/{name}] {line}")),
        ("compose", |name, _, line| format!("{name}-1  | {line}")),
        ("syslog", |name, n, line| {
            format!("Nov 20 21:{:02}:{:02} node1 {name}[8]: {line}", n / 60 % 60, n % 60)
        }),
        ("journald", |name, n, line| {
            let at = 1_795_208_400_000_000 + n as u64 * 1_000_000;
            json!({"__REALTIME_TIMESTAMP": at.to_string(), "_SYSTEMD_UNIT": "docker.service",
                "CONTAINER_NAME": name, "MESSAGE": line})
            .to_string()
        }),
        ("shipper", |name, n, line| {
            let at = format!("2026-11-20T21:{:02}:{:02}Z", n / 60 % 60, n % 60);
            json!({"@timestamp": at, "container": name, "message": line}).to_string()
        }),
    ];
    for (name, wrap) in wraps {
        let fixture = Fixture::new();
        let text = mixed(180, wrap);
        let found = rows(&fixture, &["-"], text.as_bytes());
        assert_eq!(found.len(), 60, "{name}");
        let of = |path: &str| {
            let rows = found.iter().filter(|row| row.contains(path));
            rows.map(|row| row.rsplit_once("\" \"").expect("words").1.to_owned())
                .collect::<Vec<_>>()
        };
        assert!(of("/wiki/").iter().all(|format| format.contains("apache")), "{name} {found:#?}");
        assert!(of("/shop/").iter().all(|format| format.contains("nginx")), "{name} {found:#?}");
        assert!(of("/v1/").len() == 20, "{name}");
        let upstreams = found.iter().filter(|row| row.contains("127.0.0.1:8080"));
        assert_eq!(upstreams.count(), 20, "{name} {found:#?}");
        assert_eq!(unparsed(&fixture, &["-"], text.as_bytes()), 0, "{name}");
    }
}

/// Two MiB and more of one layout, then another by turns with it.
fn late_text(wrap: Wrap) -> String {
    let mut text = String::new();
    let mut n = 0;
    while text.len() < 2_200_000 {
        writeln!(text, "{}", wrap("shop", n, &nginx(n, status_of(n)))).expect("fits");
        n += 1;
    }
    for n in n..n + 2000 {
        writeln!(text, "{}", wrap("shop", n, &nginx(n, status_of(n)))).expect("fits");
        writeln!(text, "{}", wrap("api", n, &custom(n, status_of(n)))).expect("fits");
    }
    // Nor is it in the last part of the file.
    for n in n..n + 9000 {
        writeln!(text, "{}", wrap("shop", n, &nginx(n, 200))).expect("fits");
    }
    text
}

#[test]
fn a_layout_that_turns_up_late_is_found_and_read_alike_however_it_arrives() {
    let wraps: [Wrap; 3] = [
        |_, _, line| line.to_owned(),
        |name, _, line| format!("[pod/{name}-7d9f/{name}] {line}"),
        |name, n, line| {
            let at = 1_795_208_400_000_000 + n as u64 * 1_000_000;
            json!({"__REALTIME_TIMESTAMP": at.to_string(), "_SYSTEMD_UNIT": format!("{name}.service"),
                "MESSAGE": line})
            .to_string()
        },
    ];
    for wrap in wraps {
        let fixture = Fixture::new();
        let text = late_text(wrap);
        let from_pipe = rows(&fixture, &["-"], text.as_bytes());
        assert_eq!(unparsed(&fixture, &["-"], text.as_bytes()), 0);
        let n_api = from_pipe.iter().filter(|row| row.contains("/v1/")).count();
        assert!((222..=223).contains(&n_api), "{n_api} {:?}", from_pipe.last());
        let upstreams = from_pipe.iter().filter(|row| row.contains("127.0.0.1:8080"));
        assert_eq!(upstreams.count(), n_api);
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(text.as_bytes()).expect("fits");
        fixture.write("a.log.gz", packed.finish().expect("fits"));
        fixture.write("a.log", &text);
        for args in [&["a.log.gz"][..], &["a.log"], &["-j", "1", "a.log"], &["-j", "3", "a.log.gz"]]
        {
            assert!(rows(&fixture, args, b"") == from_pipe, "{args:?}");
        }
        fixture.run(&["--partial", "a.part", "a.log"], b"");
        let [whole, merged] = [&["a.log"][..], &["merge", "a.part"]].map(|args| {
            fixture.run(&[args, &["-q", "--reproducible", "--format", "json"]].concat(), b"").out
        });
        assert!(merged == whole, "a partial result tells how late layouts were found");
        // Rows of `parse` do not wait for later lines: the first of an unknown layout may be told too early.
        let parsed = fixture.run(&["parse", "-q", "a.log"], b"").rows();
        assert_eq!(parsed.len(), text.lines().count());
        let is_read = |row: &&Value| row["target"].as_str().is_some_and(|it| it.contains("/v1/"));
        assert!(parsed.iter().filter(is_read).count() >= 1992);
    }
}
