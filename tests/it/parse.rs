//! `parse`: one row per line, whatever the line is and however it comes.
//!
//! In: small logs. Out: rows.
//! Invariants: rows do not depend on ranges, threads or compression.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::Fixture;

const ACCESS: &str = "192.0.2.7 - - [20/Nov/2026:21:29:42 +0100] \"GET /a\\x22b?x=1 HTTP/1.1\" 503 190 \"-\" \"curl/8\"\n";
const ERROR: &str = "2026/11/20 21:29:42 [error] 7#7: *4 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.7, server: s, request: \"GET /b?y HTTP/1.1\", upstream: \"http://10.0.0.1:80/b\", host: \"h:81\"\n";

fn kinds(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["kind"].as_str().unwrap_or_default()).collect()
}

#[test]
fn common_fields_have_fixed_names() {
    let fixture = Fixture::new();
    let said = fixture.run(&["parse"], format!("{ACCESS}{ERROR}").as_bytes());
    assert_eq!(said.code, Some(0), "{}", said.err);
    let rows = said.rows();
    assert_eq!(kinds(&rows), ["access", "error"]);
    let check = |row: &Value, expected: Value| {
        for (name, value) in expected.as_object().expect("an object") {
            assert_eq!(row[name], *value, "{name} of {row}");
        }
    };
    check(
        &rows[0],
        json!({
            "source": "-", "line": 1, "byte_offset": 0, "at": "2026-11-20T20:29:42Z", "status": 503, "method": "GET",
            "path": "/a\"b", "query": "x=1", "target": "/a\"b?x=1", "client": "192.0.2.7", "user_agent": "curl/8",
            "bytes": 190, "referer": null, "local_at": null,
        }),
    );
    assert_eq!(rows[0]["fields"]["http_referer"], "-");
    check(
        &rows[1],
        json!({
            "format": "nginx_error", "line": 2, "byte_offset": ACCESS.len(), "at": null, "local_at": "2026-11-20T21:29:42",
            "level": "error", "pid": 7, "connection": 4, "client": "192.0.2.7", "method": "GET", "path": "/b",
            "query": "y", "host": "h:81", "server_name": "s", "upstream": "http://10.0.0.1:80/b",
            "message": "connect() failed (111: Connection refused) while connecting to upstream",
        }),
    );
    let said = fixture.run(&["parse", "--tz", "+01:00"], ERROR.as_bytes());
    check(&said.rows()[0], json!({ "at": "2026-11-20T20:29:42Z", "local_at": null }));
}

#[test]
fn every_line_has_a_row() {
    let fixture = Fixture::new();
    let long = "x".repeat((1 << 20) + 1);
    let log = format!(
        "\n{ERROR}goes on\r\n\n{ACCESS}\nno log\n#Fields: date time sc-status\n2026-11-20 21:29:42 503\n{long}\n{ACCESS}"
    );
    let said = fixture.run(&["parse", "-q"], log.as_bytes());
    let rows = said.rows();
    let expected = [
        "blank",
        "error",
        "continuation",
        "continuation",
        "access",
        "blank",
        "unparsed",
        "directive",
        "access",
        "unparsed",
        "access",
    ];
    assert_eq!(kinds(&rows), expected);
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row["line"], index + 1);
    }
    assert_eq!(rows[6]["reason"], "not of any known format");
    assert_eq!(rows[6]["text"], "no log");
    assert_eq!(rows[9]["reason"], "the line is longer than 1 MiB");
    let message = rows[1]["fields"]["host"].as_str().unwrap_or_default();
    assert!(!message.contains("goes on"), "a context value holds no newline");
    // The same rows from a file in small ranges, and compressed.
    let file = fixture.write("a.log", &log);
    let file = file.to_str().expect("UTF-8");
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(log.as_bytes()).expect("memory takes it");
    let packed = fixture.write("b.gz", packer.finish().expect("memory takes it"));
    let packed = packed.to_str().expect("UTF-8");
    for args in [
        vec!["parse", "-q", file],
        vec!["parse", "-q", "--range-bytes", "100", "-j", "4", file],
        vec!["parse", "-q", packed],
    ] {
        let mut others = fixture.run(&args, b"").rows();
        for row in &mut others {
            row["source"] = json!("-");
        }
        assert_eq!(others, rows, "{args:?}");
    }
}

#[test]
fn exit_codes_are_those_of_a_scan() {
    let fixture = Fixture::new();
    assert_eq!(fixture.run(&["parse"], b"no log\n").code, Some(3));
    assert_eq!(fixture.run(&["parse", "missing"], b"").code, Some(2));
    let broken = fixture.write("broken.gz", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1]);
    assert_eq!(fixture.run(&["parse", broken.to_str().expect("UTF-8")], b"").code, Some(4));
}

#[test]
fn a_format_can_be_given() {
    let fixture = Fixture::new();
    let format = "$status $msec $remote_addr $custom";
    let said = fixture.run(&["parse", "--log-format", format], b"503 1795210283.328 192.0.2.1 x\n");
    let row = &said.rows()[0];
    assert_eq!(row["at"], "2026-11-20T21:31:23.328Z");
    assert_eq!(row["fields"]["custom"], "x");
}
