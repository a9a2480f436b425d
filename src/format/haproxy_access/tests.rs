//! Lines of every kind that `HAProxy` writes in HTTP mode.

use super::log_format::parse_spec;
use super::*;
use crate::format::{FormatChoice, detect};
use crate::time::Timestamp;
use std::path::Path;

const HTTP: &str = r#"198.51.100.7:39572 [20/Nov/2026:21:05:20.537] fe~ be/s1 0/1/2/3/10 503 217 - - SCNN 5/4/3/2/+1 0/7 "GET /a#22b HTTP/1.1""#;

/// The fields of a line, as `name=value`.
#[track_caller]
fn fields(reader: &dyn Reader, line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    reader.each_field(line.as_bytes(), &mut |name, value| {
        fields.push(format!("{name}={}", String::from_utf8_lossy(value)));
    });
    fields
}

#[track_caller]
fn record<'a>(reader: &dyn Reader, line: &'a str) -> AccessRecord<'a> {
    let glance = reader.glance(line.as_bytes()).expect(line);
    let Ok(Record::Access(record)) = reader.parse(line.as_bytes()) else { panic!("{line}") };
    assert_eq!(glance.status, record.status);
    let second = reader.stamp(glance.stamp).expect(line).micros.div_euclid(SECOND_US);
    assert_eq!(second, record.stamp.micros.div_euclid(SECOND_US));
    record
}

#[track_caller]
fn check(line: &str, wanted: &[(Field, &str)]) {
    let reader = HaproxyAccess::new(FormatBasis::Detected);
    let record = record(&reader, line);
    for (field, value) in wanted {
        let found = record.raw(*field).map(|raw| String::from_utf8_lossy(raw).into_owned());
        assert_eq!(found.as_deref(), Some(*value), "{field:?} of {line}");
    }
}

#[test]
fn prefixes_of_every_kind_are_passed_over() {
    for prefix in [
        "",
        "Nov 20 21:05:20 haproxy[32721]: ",
        "haproxy[32721]:",
        "<134>Nov 20 21:05:20 lb1 haproxy[32721]: ",
        "2026-11-20T21:05:20.123456+01:00 lb1 haproxy[32721]: ",
        "<134>1 2026-11-20T21:05:20.123456+01:00 lb1 haproxy 32721 - - ",
        "Nov 20 21:05:20 lb1 docker/haproxy[1]: ",
    ] {
        check(
            &format!("{prefix}{HTTP}"),
            &[
                (Field::RemoteAddr, "198.51.100.7"),
                (Field::ClientPort, "39572"),
                (Field::Frontend, "fe"),
                (Field::Backend, "be"),
                (Field::BackendServer, "s1"),
                (Field::UpstreamAddr, "be/s1"),
                (Field::QueueTimeMillis, "1"),
                (Field::ConnectTimeMillis, "2"),
                (Field::ResponseTimeMillis, "3"),
                (Field::RequestTimeMillis, "10"),
                (Field::TerminationState, "SCNN"),
                (Field::Retries, "+1"),
                (Field::Request, "GET /a#22b HTTP/1.1"),
            ],
        );
    }
    let reader = HaproxyAccess::new(FormatBasis::Detected);
    let stamp = record(&reader, HTTP).stamp;
    assert_eq!(
        (Timestamp(stamp.micros).to_rfc3339().as_str(), stamp.offset_s),
        ("2026-11-20T21:05:20.537Z", None)
    );
}

#[test]
fn what_a_line_may_lack_or_add() {
    let with = |from: &str, to: &str| HTTP.replace(from, to);
    check(&with("0/7 ", "0/7 {x y|} {z} "), &[(Field::Request, "GET /a#22b HTTP/1.1")]);
    check(&with("0/7 ", "0/7 {x [20/y} "), &[(Field::Request, "GET /a#22b HTTP/1.1")]);
    check(&with("HTTP/1.1\"", "HTT"), &[(Field::Request, "GET /a#22b HTT")]);
    check(&with(" \"GET /a#22b HTTP/1.1\"", ""), &[(Field::TerminationState, "SCNN")]);
    check(&with(" 5/4/3/2/+1 0/7 \"GET /a#22b HTTP/1.1\"", ""), &[(Field::BackendServer, "s1")]);
    check(
        &with("\"GET /a#22b HTTP/1.1\"", "\\\"GET /a HTTP/1.1\\\""),
        &[(Field::Request, "GET /a HTTP/1.1")],
    );
    check(
        &format!("{HTTP} 0/0/0/0/0 a.example/TLSv1.3/TLS_AES_128_GCM_SHA256"),
        &[(Field::Request, "GET /a#22b HTTP/1.1")],
    );
    check(&with("198.51.100.7:", "2001:db8::1:"), &[(Field::RemoteAddr, "2001:db8::1")]);
    check(&with("198.51.100.7:", "::ffff:192.0.2.1:"), &[(Field::RemoteAddr, "192.0.2.1")]);
    check(&with("198.51.100.7:39572", "unix:1"), &[(Field::RemoteAddr, "unix:1")]);
    check(&with("be/s1", "be/<NOSRV>"), &[(Field::UpstreamAddr, "be")]);
    check(&with("503 217", "-1 +217"), &[(Field::BytesSent, "217")]);
}

#[test]
fn other_lines_are_refused() {
    let reader = HaproxyAccess::new(FormatBasis::Detected);
    for line in [
        "",
        "[",
        "198.51.100.7:39572 [20/Nov/2026:21:05:20.537]",
        "198.51.100.7:39572 [20/Nov/2026:21:05:20.537] fe be/s1 9998/-1/12140 213 SC 0/0/0/0/3 0/0",
        "198.51.100.7:39572 [20/Nov/2026:21:05:20.537] fe/1: SSL handshake failure",
        r#"{"MESSAGE":"198.51.100.7:1 [20/Nov/2026:21:05:20.537] fe be/s1 0/1/2/3/10 503 217 - - SCNN"#,
        r#"1.2.3.4 - - [20/Nov/2026:21:29:42 +0000] "GET / HTTP/1.1" 503 197 "-" "curl""#,
    ] {
        assert!(reader.glance(line.as_bytes()).is_err(), "{line}");
        assert!(reader.parse(line.as_bytes()).is_err(), "{line}");
    }
}

#[test]
fn every_field_has_the_name_of_the_manual() {
    let reader = HaproxyAccess::new(FormatBasis::Detected);
    let names = fields(&reader, HTTP).join(" ");
    assert_eq!(
        names,
        "client_ip=198.51.100.7 client_port=39572 request_date=20/Nov/2026:21:05:20.537 \
         frontend_name=fe~ backend_name=be server_name=s1 TR=0 Tw=1 Tc=2 Tr=3 Ta=10 \
         status_code=503 bytes_read=217 captured_request_cookie=- captured_response_cookie=- \
         termination_state=SCNN actconn=5 feconn=4 beconn=3 srv_conn=2 retries=+1 srv_queue=0 \
         backend_queue=7 http_request=GET /a#22b HTTP/1.1"
    );
}

#[test]
fn the_zone_comes_from_envelopes_that_have_one() {
    let check = |line: String, offset_s: Option<i32>| {
        let lines = format!("{line}\n{line}\n");
        let plan = detect(Path::new("x"), &[lines.as_bytes()], &FormatChoice::default());
        let mut found = None;
        plan.readers[0].read(line.as_bytes(), &mut |result| {
            let Ok(Record::Access(record)) = result else { panic!("{line}") };
            found = Some(record.stamp.offset_s);
        });
        assert_eq!(found, Some(offset_s), "{line}");
    };
    let with = |prefix: &str| format!("{prefix}{HTTP}");
    check(with("2026-11-20T20:05:20.9Z lb1 haproxy[1]: "), Some(3600));
    check(with("<134>1 2026-11-20T21:05:21+01:00 lb1 haproxy 1 - - "), Some(3600));
    check(with("2026-11-20T21:05:21Z lb1 haproxy[1]: "), Some(0));
    check(with("2026-11-20T20:35:21Z lb1 haproxy[1]: "), Some(1800));
    check(with("2026-11-20T20:38:21Z lb1 haproxy[1]: "), None);
    check(with("Nov 20 21:05:21 lb1 haproxy[1]: "), None);
    check(with("2026-11-20T20:05:20.900000000Z stdout F "), Some(3600));
    let message = HTTP.replace('"', "\\\"");
    check(
        format!(r#"{{"__REALTIME_TIMESTAMP":"1795205120900000","MESSAGE":"{message}"}}"#),
        Some(3600),
    );
}

#[test]
fn the_clf_variant_is_read() {
    let line = r#"198.51.100.7 - - [20/Nov/2026:21:05:20 +0000] "GET /a HTTP/1.1" 503 217 "" "" 39572 537 "fe~" "be" "<NOSRV>" 0 -1 -1 -1 0 "SC--" 1 1 0 0 0 0 0 "-" "-" "" """#;
    let reader = HaproxyClf::new(FormatBasis::Detected);
    for line in [line.to_owned(), line.replace("503 217", r#""503" "217""#)] {
        let record = record(&reader, &line);
        assert_eq!(Timestamp(record.stamp.micros).to_rfc3339(), "2026-11-20T21:05:20.537Z");
        assert_eq!(record.raw(Field::TerminationState), Some(&b"SC--"[..]));
        assert_eq!(record.raw(Field::BackendServer), Some(&b"<NOSRV>"[..]));
        assert_eq!(record.raw(Field::RemoteAddr), Some(&b"198.51.100.7"[..]));
        assert!(fields(&reader, &line).contains(&"date_ms=537".to_owned()));
    }
    let other = r#"1.2.3.4 - - [20/Nov/2026:21:29:42 +0000] "GET / HTTP/1.1" 503 197 "-" "curl""#;
    assert!(reader.glance(other.as_bytes()).is_err());
    assert!(reader.parse(other.as_bytes()).is_err());
}

#[test]
fn given_formats_are_compiled() {
    let check = |spec: &str, line: &str, wanted: &[(Field, &str)]| {
        let reader = parse_spec(spec).expect(spec);
        let record = record(reader.as_ref(), line);
        for (field, value) in wanted {
            let found = record.raw(*field).map(|raw| String::from_utf8_lossy(raw).into_owned());
            assert_eq!(found.as_deref(), Some(*value), "{field:?} of {line}");
        }
    };
    let httplog = r#"log-format "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r""#;
    check(httplog, HTTP, &[(Field::TerminationState, "SCNN"), (Field::UpstreamAddr, "be/s1")]);
    let spec = r"%ci\ %T\ %ST\ %b/%s\ %Ta\ %tsc\ host=%[capture.req.hdr(0)]\ %hr\ %{+Q}r";
    let start = "10.0.0.1 20/Nov/2026:21:05:20 +0000 503 be/<NOSRV> 12 SC-- host=a.example ";
    for headers in ["", "{x} "] {
        check(
            spec,
            &format!("{start}{headers}\"GET /a HTTP/1.1\""),
            &[
                (Field::RemoteAddr, "10.0.0.1"),
                (Field::BackendServer, "<NOSRV>"),
                (Field::UpstreamAddr, "be"),
                (Field::TerminationState, "SC--"),
                (Field::Request, "GET /a HTTP/1.1"),
            ],
        );
    }
    check(
        r#""%{+Q}o %t %s %ST %HM %HU %{-Q}tsc""#,
        r#"20/Nov/2026:21:05:20.001 "s1" 503 "GET" "/a?b" ----"#,
        &[(Field::BackendServer, "s1"), (Field::RequestUri, "/a?b"), (Field::Method, "GET")],
    );
    for (spec, reason) in [
        ("%ci %ST", "no time"),
        ("%t %ci", "no %ST"),
        ("%t %ST %[x", "without its"),
        ("%t %ST % x", "without an alias"),
    ] {
        let found = parse_spec(spec).expect_err(spec);
        assert!(found.contains(reason), "{spec}: {found}");
    }
}

#[test]
fn words_and_quoted_values_may_stand_before_the_request() {
    let line = |before: &str| {
        format!(
            r#"198.51.100.7:39572 [20/Nov/2026:21:05:20.537] fe be/s1 0/1/2/3/10 503 217 - - SC-- 5/4/3/2/1 0/7 {before}"GET /a?b HTTP/1.1" id=7"#
        )
    };
    for before in [
        "",
        r#""www.example.com" "#,
        r#""" "Mozilla/5.0 (X11)" "#,
        "www.example.com ",
        r#"{a|b} {c} "h" "#,
    ] {
        check(&line(before), &[(Field::Request, "GET /a?b HTTP/1.1")]);
    }
    // What is no request stands for one where no other value is one.
    let garbage = line("").replace("GET /a?b HTTP/1.1", "<BADREQ>");
    check(&garbage, &[(Field::Request, "<BADREQ>")]);
    check(&line("").replace("GET /a", "get /a"), &[(Field::Request, "get /a?b HTTP/1.1")]);
}
