//! Lines in envelopes, and what is inside.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::format::{FormatChoice, detect, detect_dated, reads};

#[track_caller]
fn check(envelope: &dyn Envelope, line: &str, inner: Option<&str>, stamp: &str, origin: &str) {
    let opened = envelope.open(line.as_bytes());
    assert_eq!(
        opened.as_ref().map(|opened| String::from_utf8_lossy(&opened.inner)),
        inner.map(Cow::from)
    );
    let opened = opened.unwrap_or_default();
    let text = |part: Option<&[u8]>| String::from_utf8_lossy(part.unwrap_or_default()).into_owned();
    assert_eq!((text(opened.stamp).trim_end(), text(opened.origin).as_str()), (stamp, origin));
}

#[test]
fn prefixes_of_tools_are_taken_off() {
    check(&FileName, "access.log:GET /", Some("GET /"), "", "access.log");
    check(&FileName, "/var/log/a.log.1.gz:12:x:y", Some("x:y"), "", "/var/log/a.log.1.gz");
    check(&FileName, "12:x", Some("x"), "", "");
    check(&FileName, "12:34:56 x", None, "", "");
    check(&FileName, "2001:db8::1 - - [", None, "", "");
    check(&FileName, "a.log:2001:db8::1 - - [", Some("2001:db8::1 - - ["), "", "a.log");
    check(&FileName, "a.log:7:2001:db8::1 - - [", Some("2001:db8::1 - - ["), "", "a.log");
    check(&FileName, "www.example.com:443 1.2.3.4", None, "", "");
    check(&Compose, "nginx.1     | x | y", Some("x | y"), "", "nginx.1");
    check(&Compose, "20.1.2017 09:52:14nginx.1     | x", Some("x"), "", "nginx.1");
    check(
        &Compose,
        "web-1  | 2026-11-20T21:29:42.5Z x",
        Some("x"),
        "2026-11-20T21:29:42.5Z",
        "web-1",
    );
    check(&Compose, "1.2.3.4 | x", None, "", "");
    check(&Compose, "a b | x", None, "", "");
    check(&Pod, "[pod/web-1/nginx] x", Some("x"), "", "web-1/nginx");
    check(&Program, "web nginx[8]: x: y", Some("x: y"), "", "nginx");
    check(&Program, "frontend.0 nginx: x", Some("x"), "", "nginx");
    check(&Program, "nginx[8]: x", Some("x"), "", "nginx");
    check(&Program, "nginx: x", None, "", "");
    check(&Program, "a b nginx[8]: x", None, "", "");
    check(&Program, "web nginx[a]: x", None, "", "");
    check(&Ansi, "\x1b[2Ka\x1b[0;31mb\x1b]8;;u\x07c", Some("abc"), "", "");
    check(&Ansi, "abc", None, "", "");
    check(&Quoted, "`a b`", Some("a b"), "", "");
    check(&Quoted, " > > a", Some("a"), "", "");
    check(&Quoted, "\u{2502} [2026] a  ", Some("[2026] a  "), "", "");
    let error = "2026/11/20 21:29:42 [error] 1#1: a";
    check(&Quoted, &format!("Message: {error}"), Some(error), "", "");
    check(&Quoted, &format!("{{\"log\":\"{error}\"}}"), None, "", "");
    let error = "[Fri Nov 20 21:29:42.843219 2026] [core:error] a";
    check(&Quoted, &format!("apache said {error}`"), Some(error), "", "");
    check(&Quoted, error, None, "", "");
    check(&Quoted, "- - - [20/Nov/2026:21:29:42 +0000] \"GET /\" 503 1", None, "", "");
    check(&Indented, "    a b", Some("a b"), "", "");
    check(&Indented, "a b", None, "", "");
    check(&LeadingStamp, "2026-11-20T21:29:42Z x", Some("x"), "2026-11-20T21:29:42Z", "");
    check(&LeadingStamp, "2026-11-20T21:29:42 x", None, "", "");
}

#[test]
fn syslog_is_opened_in_all_its_forms() {
    let syslog = Syslog { reference_us: Some(1_795_210_182_000_000) };
    check(&syslog, "Nov 20 21:29:42 web nginx[8]: a: b", Some("a: b"), "Nov 20 21:29:42", "web");
    check(&syslog, "<190>Nov  2 21:29:42 web nginx: a", Some("a"), "Nov  2 21:29:42", "web");
    let rsyslog = "2026-11-20T21:29:42.5+01:00";
    check(&syslog, &format!("{rsyslog} web nginx: a"), Some("a"), rsyslog, "web");
    check(&syslog, "Nov 20 21:29:42 web no tag", Some("no tag"), "Nov 20 21:29:42", "web");
    check(&syslog, "Nov 20 21:29:42 web syslogd 1.4.1: a", Some("a"), "Nov 20 21:29:42", "web");
    check(&syslog, "Nov 20 21:29:42 web a 1 b: c", Some("a 1 b: c"), "Nov 20 21:29:42", "web");
    check(&syslog, "[    6.020000] web systemd[1]: a", Some("a"), "", "web");
    check(&syslog, "2026/11/20 21:29:42 [error] 1#1: a", None, "", "");
    let year = syslog.stamp(b"Dec 24 21:29:42 ").expect("is a time");
    assert_eq!((year.micros / 1_000_000, year.offset_s), (1_766_611_782, None));
    let line = "<134>1 2026-11-20T21:29:42.003Z web app 1 - [a k=\"\\\"]\"][b] \u{feff}a";
    check(&Rfc5424, line, Some("a"), "2026-11-20T21:29:42.003Z", "web");
    let line = "2026-11-20T21:29:42+01:00 web lighttpd 99 - [meta sequenceId=\"1\"] a";
    check(&Rfc5424, line, Some("a"), "2026-11-20T21:29:42+01:00", "web");
    check(&Rfc5424, "2026-11-20T21:29:42Z web app 99 - - a", None, "", "");
    check(&Rfc5424, "2026-11-20T21:29:42Z web app: x - [a b] c", None, "", "");
    check(
        &Rfc5424,
        "1 2026-11-20T21:29:42Z web app - - - a",
        Some("a"),
        "2026-11-20T21:29:42Z",
        "web",
    );
}

#[test]
fn container_logs_are_opened() {
    let stamp = "2026-11-20T21:29:42.123456789Z";
    let line = format!(
        r#"{{"log":"a \"b\" \\\\n\u001b[1m\ud83d\ude00\n","stream":"stderr","time":"{stamp}"}}"#
    );
    check(&DockerJson, &line, Some("a \"b\" \\\\n\u{1f600}"), stamp, "stderr");
    let line = format!(r#"{{"log":"a\\n","stream":"stderr","time":"{stamp}"}}"#);
    check(&DockerJson, &line, Some("a\\n"), stamp, "stderr");
    check(&DockerJson, r#"{"log":"a","time":"x"}"#, None, "", "");
    check(&Cri, &format!("{stamp} stdout F a b"), Some("a b"), stamp, "stdout");
    check(&Cri, &format!("{stamp} stdout P:x a"), Some("a"), stamp, "stdout");
    check(&Cri, &format!("{stamp} nginx F a"), None, "", "");
}

#[test]
fn journal_entries_are_opened_whatever_their_message_is() {
    let opens_to = |message: &str, inner: &str| {
        let line = format!(
            r#"{{"A":"\"MESSAGE\":1","MESSAGE" : {message},"__REALTIME_TIMESTAMP":"1795210182000000"}}"#
        );
        check(&JournalJson, &line, Some(inner), "1795210182000000", "");
    };
    opens_to(r#""a\n\"b\"""#, "a\n\"b\"");
    opens_to("[97, 27,91,49,109,98]", "ab");
    opens_to(r#"["a","b"]"#, "a");
    opens_to("[[97],[98]]", "a");
    opens_to("null", "");
    let mut opened = Opened::default();
    let line = br#"{"PRIORITY":"3","_SYSTEMD_UNIT":"a.service"}"#;
    JournalJson.describe(line, &mut opened);
    assert_eq!((opened.level, opened.origin), (&b"error"[..], Some(&b"a.service"[..])));
}

#[test]
fn lines_that_shippers_put_into_json_are_opened() {
    let iso = "2026-11-20T21:29:42.5Z";
    let line = format!(r#"{{"@timestamp":"{iso}","log":{{"level":"a"}},"message":"a \"b\"\n"}}"#);
    check(&MessageJson, &line, Some("a \"b\""), iso, "");
    let line = r#"{"date":1795210182.5,"log":"a\\n"}"#;
    check(&MessageJson, line, Some("a\\n"), "1795210182.5", "");
    check(&MessageJson, r#"{"time":"x","msg":"a"}"#, Some("a"), "", "");
    check(&MessageJson, r#"{"time":"x"}"#, None, "", "");
    let line = format!(r#"{{"insertId":"x","jsonPayload":{{"a":"}}"}},"timestamp":"{iso}"}}"#);
    check(&ObjectJson, &line, Some(r#"{"a":"}"}"#), iso, "");
    check(&ObjectJson, r#"{"_source": {"a":1}}"#, Some(r#"{"a":1}"#), "", "");
    check(&ObjectJson, r#"{"message":"{}","other":{"log":{}}}"#, None, "", "");
    check(&ObjectJson, "{", None, "", "");
    let mut opened = Opened::default();
    MessageJson.describe(br#"{"level":"WARN","container":"b"}"#, &mut opened);
    assert_eq!((opened.level, opened.origin), (&b"warn"[..], Some(&b"b"[..])));
}

#[test]
fn the_whole_line_of_gelf_is_taken_where_the_short_one_is_cut() {
    let line = r#"{"short_message":"a \"b","full_message":"a \"b\" c","timestamp":1795210182.5}"#;
    check(&MessageJson, line, Some("a \"b\" c"), "1795210182.5", "");
    let line = r#"{"full_message":"trace","short_message":"a"}"#;
    check(&MessageJson, line, Some("a"), "", "");
}

#[test]
fn tails_of_streams_have_whole_milliseconds_and_a_stream() {
    let check = |head: &str, rest: &str, inner: Option<&str>, origin: &str| {
        let stamp = if inner.is_some() { head } else { "" };
        check(&DetailedTail, &format!("{head} {rest}"), inner, stamp, origin);
    };
    let at = "2026-11-20T21:29:42.547000+00:00";
    check(
        at,
        "web/a/0b1c https 2026-11-20T21:29:42Z",
        Some("https 2026-11-20T21:29:42Z"),
        "web/a/0b1c",
    );
    check(
        "2026-11-20T21:29:42+00:00",
        "2026/11/20/[$LATEST]0b x",
        Some("x"),
        "2026/11/20/[$LATEST]0b",
    );
    // The clocks of other daemons.
    check("2026-11-20T21:29:42.547123+00:00", "web nginx: x", None, "");
    check("2026-11-20T21:29:42.547000Z", "web x", None, "");
    check(at, "192.0.2.1 - - [", None, "");
    // Whole seconds alone are the clock of a server.
    let whole = &b"2026-11-20T21:29:42+00:00"[..];
    assert!(DetailedTail.is_shown_by(&[at.as_bytes(), at.as_bytes(), whole]));
    assert!(!DetailedTail.is_shown_by(&[at.as_bytes(), whole]));
}

#[test]
fn json_of_applications_is_no_envelope() {
    let line = r#"{"time":"2026-11-20T21:29:42Z","level":"error","msg":"upstream timed out","err":"dial tcp: connection refused"}"#;
    let text = format!("{line}\n{line}\n");
    let plan = detect(Path::new("x"), &[text.as_bytes()], &FormatChoice::default());
    let about = plan.readers[0].about();
    assert_eq!((about.format, about.layout.as_str()), ("app_log", "heads"));
}

#[test]
fn a_zone_is_taken_from_the_arrival() {
    let check = |inner_s: i64, outer_s: i64, expected_s: i64, offset_s: i32| {
        let inner = Stamp { micros: inner_s * SECOND_US, offset_s: None };
        let outer = Stamp { micros: outer_s * SECOND_US, offset_s: Some(0) };
        let expected = Stamp { micros: expected_s * SECOND_US, offset_s: Some(offset_s) };
        assert_eq!(resolved(inner, outer), expected);
    };
    check(100_000, 100_001, 100_000, 0);
    check(107_200, 100_001, 100_000, 7200);
    check(80_200, 100_001, 100_000, -19_800);
    check(100_300, 100_000, 100_000, 0);
}

const ACCESS: &str =
    "1.2.3.4 - - [20/Nov/2026:21:29:42 +0000] \"GET / HTTP/1.1\" 503 197 \"-\" \"curl\"";

#[test]
fn a_plan_names_the_envelope_and_reads_what_is_in_and_outside_it() {
    let text = format!(
        "web-1  | {ACCESS}\nweb-1  | {ACCESS}\n==> b <==\n{ACCESS}\n\u{1b}[1mweb-1  | {ACCESS}\n"
    );
    let plan = detect(Path::new("x"), &[text.as_bytes()], &FormatChoice::default());
    let first = plan.readers[0].about();
    assert_eq!(
        (first.format, first.layout.as_str()),
        ("nginx_access", "combined in a container prefix")
    );
    assert_eq!(plan.sampled, (4, 4), "{:?}", plan.notes);
}

#[test]
fn messages_that_no_format_knows_are_read_at_the_time_of_the_envelope() {
    let text = format!(
        "Nov 20 21:29:42 w nginx: {ACCESS}\nNov 20 21:29:43 w a: x\nNov 20 21:29:44 w b: y\n"
    );
    let plan = detect_dated(Path::new("x"), &[text.as_bytes()], &FormatChoice::default(), None);
    let layouts: Vec<_> = plan.detected().map(|reader| reader.about().layout.clone()).collect();
    assert_eq!(layouts, ["combined in syslog", "messages"]);
    let seen =
        plan.readers[1].stamp(b"Nov 20 21:29:43 ").expect("the year is that of the access line");
    assert_eq!(seen.micros, 1_795_210_183_000_000);
    assert!(!reads(plan.readers[1].as_ref(), text.lines().next().unwrap().as_bytes()));
}

proptest! {
    #[test]
    fn no_line_makes_an_envelope_panic(
        line in r#"[\x1b\[\]\{\}"\\:,| 0-9TZNovMESAGElogtimestream_<>=u.+-]{0,80}"#,
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
        kind in 0usize..6,
    ) {
        let head = [
            "", "{\"log\":\"", "{\"__REALTIME_TIMESTAMP\":\"1795210182000000\",\"MESSAGE\":",
            "2026-11-20T21:29:42Z ", "<1>Nov 20 21:29:42 ", "1 2026-11-20T21:29:42Z a b c d [",
        ][kind];
        let joined = [head.as_bytes(), line.as_bytes()].concat();
        for line in [&joined[..], line.as_bytes(), &bytes] {
            for envelope in envelopes(Some(0)) {
                if let Some(mut opened) = envelope.open(line) {
                    envelope.describe(line, &mut opened);
                    opened.stamp.map(|stamp| envelope.stamp(stamp));
                }
                envelope.is_remark(line);
            }
            let plan = detect(Path::new("x"), &[line], &FormatChoice::default());
            plan.accepting(line);
        }
    }
}

/// The first reader found for lines, and when the last of them came in.
#[track_caller]
fn found(lines: &[String]) -> (&'static str, Option<Stamp>) {
    let plan = detect(Path::new("x"), &[lines.join("\n").as_bytes()], &FormatChoice::default());
    let reader = plan.detected().next().expect("a reader");
    let mut stamp = None;
    reader.read(lines.last().expect("a line").as_bytes(), &mut |result| {
        if let Ok(Record::Access(access)) = result {
            stamp = Some(access.stamp);
        }
    });
    (reader.about().format, stamp)
}

#[test]
fn times_without_a_zone_have_that_of_their_arrival() {
    let custom = |n: u32, status: u16, server: &str, state: &str| {
        format!(
            r#"198.51.100.27 www.example.com [22/Nov/2026:14:20:{n}.423] "GET /a" {status} shop {server} {state} 0"#
        )
    };
    let inner = [
        custom(11, 200, "w1", "----"),
        custom(12, 200, "w2", "--NI"),
        custom(13, 200, "w1", "----"),
        custom(14, 503, "<NOSRV>", "SC--"),
    ];
    let epoch_us = crate::time::parse_iso8601(b"2026-11-22T13:20:14.423Z").map(|at| at.micros);
    let expected = epoch_us.map(|micros| Stamp { micros, offset_s: Some(3600) });
    let arrived = |lines: &[String], prefix: &dyn Fn(usize, &str) -> String| {
        lines.iter().enumerate().map(|(n, line)| prefix(n + 11, line)).collect::<Vec<_>>()
    };
    let syslog = |n: usize, line: &str| {
        format!("<134>1 2026-11-22T14:20:{n}.424177+01:00 lb haproxy 32424 - - {line}")
    };
    let docker = |n: usize, line: &str| {
        let line = line.replace('"', "\\\"");
        format!(r#"{{"log":"{line}\n","stream":"stdout","time":"2026-11-22T13:20:{n}.424177Z"}}"#)
    };
    assert_eq!(found(&arrived(&inner, &syslog)), ("haproxy_access", expected));
    assert_eq!(found(&arrived(&inner, &docker)), ("haproxy_access", expected));
    let json = |n: u32, status: u16| {
        format!(
            r#"{{"t":"22/Nov/2026:14:20:{n}.423","rq":"GET /a HTTP/1.1","rc":{status},"srv":"w{n}"}}"#
        )
    };
    let inner = [json(11, 200), json(12, 200), json(13, 404), json(14, 503)];
    assert_eq!(found(&arrived(&inner, &docker)).1, expected);
}

#[test]
fn who_is_called_haproxy_writes_no_lines_of_nginx() {
    let lines = |tag: &str| {
        let line = |n: u32| {
            format!(
                r#"2026-11-22T13:09:{n}.02+00:00 lb {tag}[31335]: 198.51.100.32 - - [22/Nov/2026:13:09:{n} +0000] "GET /a HTTP/1.1" 200 146 "-" "curl""#
            )
        };
        [line(11), line(12), line(13)]
    };
    assert_eq!(found(&lines("haproxy")).0, "haproxy_access");
    assert_eq!(found(&lines("nginx")).0, "nginx_access");
}
