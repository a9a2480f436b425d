//! Columns that look like others: what is behind a duration, the words of a cache, and a host with its port.

use std::fmt::Write as _;

use crate::support::{Fixture, count_verdicts};

/// An access line. Times are seconds after 21:00:00.
fn line(second: u32, host: &str, target: &str, status: u16, size: u32, tail: &str) -> String {
    let (minute, second) = (second / 60, second % 60);
    let client = 1 + second;
    format!(
        "{host}192.0.2.{client} - - [20/Nov/2026:21:{minute:02}:{second:02} +0000] \"GET {target} HTTP/1.1\" {status} {size} \"-\" \"curl/8\"{tail}\n"
    )
}

/// The line of nginx for a backend that refused the request of [`line`].
fn refused(second: u32, target: &str) -> String {
    let (minute, second) = (second / 60, second % 60);
    let client = 1 + second;
    format!(
        "2026/11/20 21:{minute:02}:{second:02} [error] 7#7: *{client} connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.{client}, server: a.test, request: \"GET {target} HTTP/1.1\", upstream: \"http://10.0.0.5:80{target}\", host: \"a.test\"\n"
    )
}

#[track_caller]
fn check(access: &str, error: &str, expected: &[(&str, usize)]) {
    let fixture = Fixture::new();
    fixture.write("logs/access.log", access);
    fixture.write("logs/error.log", error);
    let rows = fixture.run(&["--format", "entries", "logs"], b"").rows();
    let expected: Vec<(String, usize)> =
        expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    assert_eq!(count_verdicts(&rows), expected, "{access}");
}

#[test]
fn what_stands_behind_a_duration_need_not_be_the_backends() {
    let others = ["-", "PASSED", "5f0c6ad1b8f1a5b2c3d4e5f60718293a", "[5f0c]", "www.test", "441"];
    let others = others.iter().chain(&["TLSv1.3", "10.0.0.9:4711", "DE", "1795210283.328"]);
    for other in others {
        let mut access = String::new();
        for n in 0..20 {
            access += &line(n, "", "/a", 200, 612, &format!(" 0.012 {other}"));
        }
        for n in 20..30 {
            access += &line(n, "", &format!("/m{n}"), 503, 197, &format!(" 0.000 {other}"));
        }
        access += &line(30, "", "/d", 503, 197, &format!(" 0.000 {other}"));
        check(&access, &refused(30, "/d"), &[("proxy/upstream_refused", 1), ("unknown/-", 10)]);
    }
    // Its own durations decide.
    let mut access = String::new();
    for n in 0..20 {
        access += &line(n, "", "/a", 200, 612, " 0.012 0.012");
    }
    access += &line(20, "", "/m", 503, 197, " 0.000 -");
    access += &line(21, "", "/u", 503, 31, " 0.009 0.008");
    access += &line(30, "", "/d", 503, 197, " 0.001 0.000");
    let expected = [
        ("local_process/maintenance", 1),
        ("proxy/upstream_refused", 1),
        ("upstream/upstream_503", 1),
    ];
    check(&access, &refused(30, "/d"), &expected);
}

#[test]
fn the_word_of_a_cache_goes_before_the_error_line() {
    let mut access = String::new();
    let mut one = |second: u32, target: &str, status: u16, upstream: &str, cache: &str| {
        let client = 1 + second;
        let _ = writeln!(
            access,
            "{{\"time_iso8601\":\"2026-11-20T21:00:{second:02}+00:00\",\"remote_addr\":\"192.0.2.{client}\",\"request\":\"GET {target} HTTP/1.1\",\"status\":\"{status}\",\"body_bytes_sent\":\"26\",\"upstream_addr\":\"10.0.0.5:80\",\"upstream_status\":\"{upstream}\",\"edge\":\"{cache}\"}}"
        );
    };
    one(1, "/a", 200, "200", "MISS");
    one(2, "/b", 503, "502", "STALE");
    one(3, "/c", 503, "502", "EXPIRED");
    let error = refused(2, "/b") + &refused(3, "/c");
    check(&access, &error, &[("proxy/upstream_refused", 1), ("upstream/upstream_503", 1)]);
}

#[test]
fn answers_without_a_backend_show_a_cache() {
    let (asked, kept) = (" \"10.0.0.5:80\" \"200\" 0.004 0.004", " \"-\" \"-\" - 0.000");
    let logs = |has_cache: bool| {
        let mut access = String::new();
        for n in 0..30 {
            access += &line(n, "", &format!("/a/{n}"), 200, 612, asked);
            if has_cache {
                access += &line(n, "", &format!("/a/{n}"), 200, 612, kept);
            }
        }
        access += &line(30, "", "/a/1", 503, 23, " \"10.0.0.5:80\" \"503\" 0.004 0.004");
        access += &line(31, "", "/b", 503, 23, kept);
        // A failure, or a page in its place.
        access += &line(40, "", "/a/2", 503, 23, " \"10.0.0.5:80\" \"502\" 0.000 0.000");
        access + &line(41, "", "/a/3", 503, 68, " \"10.0.0.5:80\" \"502\" 0.000 0.000")
    };
    let error = refused(40, "/a/2") + &refused(41, "/a/3");
    let without = [
        ("local_process/maintenance", 1),
        ("proxy/upstream_refused", 2),
        ("upstream/upstream_503", 1),
    ];
    check(&logs(false), &error, &without);
    let with = [("proxy/upstream_refused", 1), ("unknown/-", 2), ("upstream/upstream_503", 1)];
    check(&logs(true), &error, &with);
}

#[test]
fn a_host_with_its_port_may_be_nginxs() {
    let mut access = String::new();
    for n in 0..20 {
        access += &line(n, "a.test:8080 ", "/a", 200, 612, "");
    }
    access += &line(30, "a.test:8080 ", "/d", 503, 197, "");
    let told = [("proxy/upstream_refused", 1)];
    check(&access, &refused(30, "/d"), &told);
    let quoting = line(9, "a.test:8080 ", "/\\x22", 400, 150, "");
    check(&(access.clone() + &quoting), &refused(30, "/d"), &told);
    // Where Apache's messages are, it is Debian's layout.
    let apache = "[Fri Nov 20 21:00:30.000000 2026] [proxy:error] [pid 7:tid 9] (111)Connection refused: AH00957: http: attempt to connect to 10.0.0.5:80 (10.0.0.5) failed\n";
    let error = format!("{apache}{}", refused(31, "/e"));
    let fixture = Fixture::new();
    fixture.write("logs/access.log", &access);
    fixture.write("logs/error.log", apache);
    fixture.write("logs/other-error.log", error.as_str());
    let rows = fixture.run(&["--format", "entries", "logs"], b"").rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["server"], "apache");
}
