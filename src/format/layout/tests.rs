//! Tests of compiled layouts.

use proptest::prelude::*;

use super::*;
use crate::format::nginx_access::{COMBINED, LAYOUTS};
use crate::time::Timestamp;

fn compiled(body: &str, escape: Escape) -> Layout {
    Layout::compile(body, escape).expect(body)
}

fn named(name: &str) -> Layout {
    compiled(LAYOUTS.iter().find(|row| row.0 == name).expect(name).1, Escape::Default)
}

/// The values of some variables in a line, and that the cheap look agrees with the whole one.
#[track_caller]
fn check(layout: &Layout, line: &str, expected: &[(&str, &str)]) {
    let record = layout.parse(line.as_bytes()).expect(line);
    let glance = layout.glance(line.as_bytes()).expect(line);
    assert_eq!(glance.status, record.status);
    let mut found = Vec::new();
    layout.each_field(line.as_bytes(), &mut |name, value| {
        found.push((name.to_owned(), String::from_utf8_lossy(value).into_owned()));
    });
    for (name, value) in expected {
        let (_, seen) = found.iter().find(|field| field.0 == *name).expect(name);
        assert_eq!(seen, value, "{name} in {line}");
    }
}

#[track_caller]
fn check_skip(layout: &Layout, line: &str, skip: Skip) {
    assert_eq!(layout.parse(line.as_bytes()).expect_err(line), skip, "{line}");
}

#[test]
fn combined_lines() {
    let combined = compiled(COMBINED, Escape::Default);
    let rows: &[(&str, &[(&str, &str)])] = &[
        (
            r#"2001:db8::1 - ann [20/Nov/2026:21:29:42 +0000] "GET /a?b=1 HTTP/1.1" 503 190 "-" "curl/8""#,
            &[
                ("remote_addr", "2001:db8::1"),
                ("remote_user", "ann"),
                ("http_user_agent", "curl/8"),
            ],
        ),
        // A blank or aborted request.
        (
            r#"unix: - - [20/Nov/2026:21:29:42 +0000] "" 400 0 "-" "-""#,
            &[("remote_addr", "unix:"), ("request", "")],
        ),
        // TLS on a plain port.
        (
            r#"10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "\x16\x03\x01\x02\x22\x5Cx" 400 157 "-" "-""#,
            &[("request", r"\x16\x03\x01\x02\x22\x5Cx")],
        ),
        // HTTP/0.9.
        (
            r#"10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "GET /" 009 12 "-" "-""#,
            &[("status", "009"), ("request", "GET /")],
        ),
        // A user name that looks like what follows it.
        (
            r#"10.0.0.1 - x [19/Nov/2026:00:00:00 +0000] [20/Nov/2026:21:29:42 +0000] "GET / HTTP/1.1" 503 1 "-" "-""#,
            &[
                ("remote_user", "x [19/Nov/2026:00:00:00 +0000]"),
                ("time_local", "20/Nov/2026:21:29:42 +0000"),
            ],
        ),
        (
            r#"10.0.0.1 - a [b [ c [20/Nov/2026:21:29:42 +0000] "GET / HTTP/1.1" 503 1 "-" "-"  "#,
            &[("remote_user", "a [b [ c"), ("http_user_agent", "-")],
        ),
        // A status in the request, the referrer and the agent.
        (
            r#"10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "GET / 503 200 HTTP/1.1" 404 1 " 503 " "x\x22 503 1""#,
            &[("status", "404"), ("http_user_agent", r"x\x22 503 1")],
        ),
    ];
    for (line, expected) in rows {
        check(&combined, line, expected);
    }
}

#[test]
fn a_forged_user_of_any_length_hides_no_line() {
    let user = " [19/Nov/2026:00:00:00 +0000]".repeat(5000);
    let line =
        format!(r#"10.0.0.1 - {user} [20/Nov/2026:21:29:42 +0000] "GET / HTTP/1.1" 503 1 "-" "-""#);
    check(&compiled(COMBINED, Escape::Default), &line, &[("remote_user", user.as_str())]);
    check(&compiled(COMBINED, Escape::Json), &line, &[("remote_user", user.as_str())]);
}

#[test]
fn lines_that_do_not_fit_say_why() {
    let combined = compiled(COMBINED, Escape::Default);
    let rows = [
        ("", Skip::Shape),
        ("hello world", Skip::Shape),
        (
            r#"2026/11/20 21:29:49 [error] 1#1: *1 x, client: 10.0.0.1, request: "GET /""#,
            Skip::Shape,
        ),
        (r"10.0.0.1 - - [20/Nov/2026:21:29", Skip::Truncated),
        (r#"10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "GET / HT"#, Skip::Truncated),
        (r#"10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "GET /" 50"#, Skip::Truncated),
        (r#"10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "GET /" 503 1 "-" "cur"#, Skip::Truncated),
        (r#"10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "GET /" 5x3 1 "-" "-""#, Skip::BadStatus),
        (r#"10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "GET /" - 1 "-" "-""#, Skip::BadStatus),
        (r#"10.0.0.1 - - [99/Nov/2026:21:29:42 +0000] "GET /" 503 1 "-" "-""#, Skip::BadTime),
        // More fields than the layout has.
        (r#"10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "GET /" 503 1 "-" "-" "-""#, Skip::Shape),
        (r#"10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "GET /" 503 1 "-" "-" 0.003"#, Skip::Shape),
        (
            r#"a.example 10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "GET /" 503 1 "-" "-""#,
            Skip::Shape,
        ),
    ];
    for (line, skip) in rows {
        check_skip(&combined, line, skip);
    }
}

#[track_caller]
fn check_lists(layout: &Layout, start: &str, end: &str, lists: [&str; 4], id: &str) {
    let names =
        ["upstream_addr", "upstream_response_length", "upstream_response_time", "upstream_status"];
    let mut expected: Vec<_> = names.into_iter().zip(lists).collect();
    expected.push(("req_id", id));
    check(layout, &format!("{start}{end}"), &expected);
}

#[test]
fn upstream_lists_outside_quotes() {
    let layout = named("upstreaminfo");
    let start = r#"10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "GET /" 502 1 "-" "-" 34 0.001 [ns-svc-80] [] "#;
    check_lists(&layout, start, "- - - - 5f0c", ["-", "-", "-", "-"], "5f0c");
    check_lists(&layout, start, "- - - - ", ["-", "-", "-", "-"], "");
    check_lists(
        &layout,
        start,
        "10.0.0.1:80, [::1]:80 0, 0 0.000, 0.001 502, 502 5f0c",
        ["10.0.0.1:80, [::1]:80", "0, 0", "0.000, 0.001", "502, 502"],
        "5f0c",
    );
    check_lists(
        &layout,
        start,
        "10.0.0.1:80, grp : unix:/run/a.sock 0, 0 : 5 0.1, 0.2 : 0.3 502, 502 : 200 5f0c",
        ["10.0.0.1:80, grp : unix:/run/a.sock", "0, 0 : 5", "0.1, 0.2 : 0.3", "502, 502 : 200"],
        "5f0c",
    );
    // The attempt died before a peer name existed.
    check_lists(&layout, start, " 0 0.000 502 5f0c", ["", "0", "0.000", "502"], "5f0c");
    // A redirect that failed before its first attempt: the last item of the address is empty.
    check_lists(
        &layout,
        start,
        "10.0.0.1:80 :  0 : 0 0.1 : 0.0 502 : 502 5f0c",
        ["10.0.0.1:80 : ", "0 : 0", "0.1 : 0.0", "502 : 502"],
        "5f0c",
    );
}

#[test]
fn escapes_decide_where_quoted_values_end() {
    let body = r#"{"t":"$time_iso8601","a":"$http_user_agent","s":$status,"u":"$upstream_status","r":$request_time}"#;
    check(
        &compiled(body, Escape::Json),
        r#"{"t":"2026-11-20T21:29:42+00:00","a":"x\",\"s\":200\\","s":503,"u":"","r":0.001}"#,
        &[("http_user_agent", r#"x\",\"s\":200\\"#), ("status", "503"), ("upstream_status", "")],
    );
    check(
        &compiled(body, Escape::None),
        r#"{"t":"2026-11-20T21:29:42+00:00","a":"x","s":abc","s":503,"u":"","r":0.001}"#,
        &[("http_user_agent", r#"x","s":abc"#), ("status", "503")],
    );
}

#[test]
fn layouts_of_any_order() {
    check(
        &compiled(
            "$msec|$status|$upstream_status|$upstream_addr|$host|$request_uri",
            Escape::Default,
        ),
        "1795210283.328|503|502, 503|10.0.0.1:80, 10.0.0.2:80|a.example|/a|b",
        &[
            ("upstream_addr", "10.0.0.1:80, 10.0.0.2:80"),
            ("host", "a.example"),
            ("request_uri", "/a|b"),
        ],
    );
    check(
        &compiled("$http_user_agent $status ${time_iso8601}Z$connection", Escape::Default),
        "a 503 b 200 404 2026-11-20T21:29:42+01:00Z17",
        &[("http_user_agent", "a 503 b 200"), ("status", "404"), ("connection", "17")],
    );
    check(
        &compiled("$remote_addr:$remote_port $status [$time_local]", Escape::Default),
        "2001:db8::1:443 200 [20/Nov/2026:21:29:42 +0000]",
        &[("remote_addr", "2001"), ("remote_port", "db8::1:443")],
    );
    // Nothing between two variables: the first takes as little as possible.
    check(
        &compiled("$a$b$status$time_iso8601", Escape::Default),
        "xy5032026-11-20T21:29:42+01:00",
        &[("a", ""), ("b", "xy"), ("status", "503")],
    );
    check(
        &named("healthd"),
        r#"1795210283.328"/a b"503"0.001"0.001, 0.002"10.0.0.1, 10.0.0.2"#,
        &[("uri", "/a b"), ("upstream_response_time", "0.001, 0.002")],
    );
}

#[test]
fn a_second_time_gives_the_fraction() {
    let layout = compiled("$time_local $status $msec", Escape::Default);
    let at = |line: &str| Timestamp(layout.parse(line.as_bytes()).expect(line).stamp.micros);
    let exact = at("20/Nov/2026:21:31:23 +0000 503 1795210283.328");
    assert_eq!(exact.to_rfc3339(), "2026-11-20T21:31:23.328Z");
    let other_second = at("20/Nov/2026:21:31:23 +0000 503 1795210284.328");
    assert_eq!(other_second.to_rfc3339(), "2026-11-20T21:31:23Z");
}

#[test]
fn formats_that_cannot_be_read_say_why() {
    #[track_caller]
    fn check_error(body: &str, part: &str) {
        let message = Layout::compile(body, Escape::Default).expect_err(body);
        assert!(message.contains(part), "{message}");
    }
    check_error("", "no time");
    check_error("$remote_addr $status", "no time");
    check_error("$time_local $upstream_status", "no $status");
    check_error("$time_local $status $", "without a variable name at byte 21");
    check_error("$time_local ${status $status", "without a variable name at byte 13");
    check_error("$time_local\n$status", "line break");
    check_error(&format!("$time_local $status{}", " $x".repeat(MAX_VARIABLES)), "variables");
}

#[test]
fn unclear_lines_take_linear_time() {
    let layout = compiled(
        &format!("{} $status $time_local", "$a $b $upstream_addr $c".repeat(4)),
        Escape::None,
    );
    for unit in [" ", "x ", ", ", "503 ", " : ", "\"", "\\"] {
        let line = unit.repeat((1 << 18) / unit.len());
        assert!(layout.parse(line.as_bytes()).is_err());
        assert!(layout.glance(line.as_bytes()).is_err());
    }
}

fn any_escape() -> impl Strategy<Value = Escape> {
    prop_oneof![Just(Escape::Default), Just(Escape::Json), Just(Escape::None)]
}

/// Formats of variables that matter, with separators that also occur in values.
fn any_body() -> impl Strategy<Value = String> {
    let names: Vec<&str> = [
        "remote_user",
        "request",
        "status",
        "upstream_addr",
        "upstream_status",
        "host",
        "request_time",
        "remote_addr",
        "time_iso8601",
        "msec",
        "time_local",
        "custom",
        "http_x_forwarded_for",
        "body_bytes_sent",
        "gzip_ratio",
    ]
    .to_vec();
    let piece = (
        proptest::sample::select(names),
        proptest::sample::select(vec![
            " ", "|", "\" \"", "] \"", " [", "\" ", "", ", ", " : ", "\",\"", ":",
        ]),
    );
    (proptest::sample::select(vec!["", "\"", "[", "x "]), proptest::collection::vec(piece, 0..6))
        .prop_map(|(lead, pieces)| {
            let mut body = lead.to_owned();
            for (name, after) in pieces {
                body.extend(["${", name, "}", after]);
            }
            format!("{body}[$time_local] \"$request\" $status $custom")
        })
}

/// Lines made of what formats and attackers are made of.
fn any_line() -> impl Strategy<Value = String> {
    let parts = vec![
        " ",
        "\"",
        "[",
        "]",
        "|",
        "503",
        "200",
        "-",
        ", ",
        " : ",
        "10.0.0.1:80",
        "[20/Nov/2026:21:29:42 +0000] \"",
        "20/Nov/2026:21:29:42 +0000",
        "2026-11-20T21:29:42+00:00",
        "1795210283.328",
        "GET / HTTP/1.1\" ",
        "0.001",
        "\\",
        "\\x22",
        "é",
        "x",
        "10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] \"GET /\" 503 12 \"-\" \"-\"",
    ];
    proptest::collection::vec(proptest::sample::select(parts), 0..16)
        .prop_map(|parts| parts.concat())
}

/// Prints a line by a format, as nginx would for these values.
fn print(body: &str, values: &dyn Fn(&str) -> String) -> String {
    let (_, pieces) = pieces(body).expect("valid");
    pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Literal(literal) => literal.to_owned(),
            Piece::Variable(name) => values(name),
        })
        .collect()
}

/// Whether the cheap look at a line tells the same as the whole one, which is its slow twin.
fn glance_agrees(layout: &Layout, line: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(record) = layout.parse(line) {
        let glance = layout.glance(line);
        prop_assert!(glance.is_ok(), "refused by glance: {}", String::from_utf8_lossy(line));
        if let Ok(glance) = glance {
            prop_assert_eq!(glance.status, record.status);
            let stamp = layout.notation().parse(glance.stamp).map(|stamp| stamp.micros / 1_000_000);
            prop_assert_eq!(stamp, Some(record.stamp.micros / 1_000_000));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn never_panics(body in any::<String>(), line in proptest::collection::vec(any::<u8>(), 0..200), escape in any_escape()) {
        for body in [body.as_str(), COMBINED, "$a$b$upstream_addr$status$time_iso8601", "$time_local|$status|$request"] {
            if let Ok(layout) = Layout::compile(body, escape) {
                let _ = layout.parse(&line);
                let _ = layout.glance(&line);
            }
        }
    }

    #[test]
    fn glance_agrees_with_parse(body in any_body(), line in any_line(), escape in any_escape()) {
        glance_agrees(&compiled(&body, escape), line.as_bytes())?;
        glance_agrees(&compiled(COMBINED, escape), line.as_bytes())?;
        for (_, body) in LAYOUTS {
            glance_agrees(&compiled(body, escape), line.as_bytes())?;
        }
    }

    #[test]
    fn glance_agrees_with_parse_on_printed_lines(
        body in any_body(),
        escape in any_escape(),
        texts in proptest::collection::vec("[ -!#-\\[\\]-~]{0,12}", 1..4),
        statuses in proptest::collection::vec(0u16..1000, 1..4),
    ) {
        let n = std::cell::Cell::new(0);
        let line = print(&body, &|name| {
            n.set(n.get() + 1);
            match name {
                "status" => format!("{:03}", statuses[n.get() % statuses.len()]),
                "time_local" => format!("{:02}/Nov/2026:21:29:42 +0000", 1 + n.get() % 28),
                "time_iso8601" => format!("2026-11-{:02}T21:29:42+00:00", 1 + n.get() % 28),
                "msec" => format!("1795210{:03}.328", n.get() % 1000),
                "request_time" => "0.012".to_owned(),
                "body_bytes_sent" => "17".to_owned(),
                "gzip_ratio" | "upstream_addr" | "upstream_status" => "-".to_owned(),
                "remote_addr" => "10.0.0.1".to_owned(),
                "host" => "a.example".to_owned(),
                _ => texts[n.get() % texts.len()].clone(),
            }
        });
        let layout = compiled(&body, escape);
        glance_agrees(&layout, line.as_bytes())?;
    }

    #[test]
    fn a_printed_line_is_read_back(
        user in "[ -!#-\\[\\]-~]{1,20}",
        request in "[ -!#-\\[\\]-~]{0,40}",
        referrer in "[ -!#-\\[\\]-~]{0,20}",
        agent in "[ -!#-\\[\\]-~]{0,40}",
        status in 0u16..1000,
        second in 1_600_000_000i64..2_000_000_000,
        addresses in proptest::collection::vec("(10\\.0\\.0\\.[1-9]:80|\\[::1\\]:80|unix:/run/a|grp|)", 1..4),
        separators in proptest::collection::vec(proptest::sample::select(vec![", ", " : "]), 3),
    ) {
        let time = chrono::DateTime::from_timestamp(second, 0).expect("in range");
        let mut list = String::new();
        for (index, address) in addresses.iter().enumerate() {
            if index > 0 {
                list += separators[index - 1];
            }
            list += address;
        }
        let values = |name: &str| match name {
            "remote_addr" => "2001:db8::1".to_owned(),
            "remote_user" => user.clone(),
            "time_local" => time.format("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "request" => request.clone(),
            "status" => format!("{status:03}"),
            "http_referer" => referrer.clone(),
            "http_user_agent" => agent.clone(),
            "request_time" => "0.123".to_owned(),
            "proxy_upstream_name" => "ns-svc-80".to_owned(),
            "proxy_alternative_upstream_name" => String::new(),
            "upstream_addr" => list.clone(),
            "req_id" => "5f0c".to_owned(),
            _ => "7".to_owned(),
        };
        let layout = named("upstreaminfo");
        let line = print(layout.body(), &values);
        let record = layout.parse(line.as_bytes());
        prop_assert!(record.is_ok(), "{line}");
        if let Ok(record) = record {
            prop_assert_eq!(record.status, status);
            prop_assert_eq!(record.stamp.micros, second * 1_000_000);
            for (name, field) in layout.variables() {
                if !matches!(field, Field::Other | Field::Time) {
                    let value = values(name);
                    prop_assert_eq!(record.raw(field), Some(value.as_bytes()), "{} in {}", name, line);
                }
            }
        }
        glance_agrees(&layout, line.as_bytes())?;
    }
}
