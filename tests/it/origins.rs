//! Situations in which a hasty answer would be wrong: each is a small pair of logs with the verdicts that hold.

use std::fmt::Write as _;

use crate::support::{Fixture, count_verdicts};

/// Logs under construction. Times are seconds after 21:00:00.
#[derive(Default)]
struct Logs {
    access: String,
    error: String,
}

fn clock(second: u32) -> String {
    format!("{:02}:{:02}:{:02}", 21 + second / 3600, second / 60 % 60, second % 60)
}

impl Logs {
    fn access(&mut self, second: u32, client: &str, target: &str, status: u16, tail: &str) {
        let time = clock(second);
        let _ = writeln!(
            self.access,
            "{client} - - [20/Nov/2026:{time} +0000] \"GET {target} HTTP/1.1\" {status} 197 \"-\" \"curl/8\"{tail}"
        );
    }

    fn refused(&mut self, second: u32, connection: u32, client: &str, target: &str) {
        let time = clock(second);
        let _ = writeln!(
            self.error,
            "2026/11/20 {time} [error] 7#7: *{connection} connect() failed (111: Connection refused) while connecting to upstream, client: {client}, server: a.test, request: \"GET {target} HTTP/1.1\", upstream: \"http://10.0.0.5:80{target}\", host: \"a.test\""
        );
    }

    fn no_live(&mut self, second: u32, connection: u32, client: &str, target: &str) {
        let time = clock(second);
        let _ = writeln!(
            self.error,
            "2026/11/20 {time} [error] 7#7: *{connection} no live upstreams while connecting to upstream, client: {client}, server: a.test, request: \"GET {target} HTTP/1.1\", upstream: \"http://grp{target}\", host: \"a.test\""
        );
    }

    fn limited(&mut self, second: u32, connection: u32, client: &str, target: &str) {
        let time = clock(second);
        let _ = writeln!(
            self.error,
            "2026/11/20 {time} [error] 7#7: *{connection} limiting requests, excess: 20.640 by zone \"one\", client: {client}, server: a.test, request: \"GET {target} HTTP/1.1\", host: \"a.test\""
        );
    }

    /// Answers of a backend, by which a layout with backends is known.
    fn served(&mut self, second: u32) {
        for n in 0..20 {
            let client = format!("198.51.100.{n}");
            self.access(second + n, &client, "/ok", 200, " \"10.0.0.5:80\" \"200\" 0.004 0.004");
        }
    }

    fn write(&self, fixture: &Fixture, folder: &str) {
        fixture.write(&format!("{folder}/access.log"), &self.access);
        fixture.write(&format!("{folder}/error.log"), &self.error);
    }
}

/// How many entries got each "origin/cause", in order of their name.
fn verdicts(fixture: &Fixture, args: &[&str]) -> Vec<(String, usize)> {
    let mut all = vec!["--format", "entries"];
    all.extend(args);
    count_verdicts(&fixture.run(&all, b"").rows())
}

#[track_caller]
fn check(logs: &Logs, expected: &[(&str, usize)]) {
    let fixture = Fixture::new();
    logs.write(&fixture, "logs");
    let expected: Vec<_> = expected.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
    assert_eq!(verdicts(&fixture, &["logs"]), expected);
}

#[test]
fn error_lines_of_502s_do_not_explain_503s() {
    let mut logs = Logs::default();
    for n in 0..6 {
        logs.access(10 * n, "192.0.2.9", "/health", 502, "");
        logs.refused(10 * n, n + 1, "192.0.2.9", "/health");
        logs.access(60 + 10 * n, "192.0.2.9", "/health", 503, "");
    }
    check(&logs, &[("unknown/-", 6)]);
}

#[test]
fn limits_that_answer_otherwise_do_not_explain_503s() {
    for status in [429, 444] {
        let mut logs = Logs::default();
        for n in 0..6 {
            // The 503 of the same second comes first, and is larger or smaller than what the limit sends.
            logs.access(10 * n, "192.0.2.9", "/poll", 503, "");
            logs.access(10 * n, "192.0.2.9", "/poll", status, "");
            logs.limited(10 * n, n + 1, "192.0.2.9", "/poll");
            logs.access(10 * n + 1, "192.0.2.9", "/poll", 503, "");
        }
        check(&logs, &[("unknown/-", 12)]);
        let fixture = Fixture::new();
        logs.write(&fixture, "logs");
        let both = format!("503,{status}");
        let all = verdicts(&fixture, &["--status", &both, "logs"]);
        let limited = ("local_process/rate_limited".to_owned(), 6);
        assert_eq!(all, [limited, ("unknown/-".to_owned(), 12)]);
    }
    // What a limit refused with 503 keeps its line, whoever else was answered with 429 by a backend.
    let mut logs = Logs::default();
    for n in 0..6 {
        logs.access(10 * n, "192.0.2.9", "/poll", 503, " \"-\" \"-\" - 0.000");
        logs.limited(10 * n, n + 1, "192.0.2.9", "/poll");
        logs.access(10 * n, "192.0.2.9", "/poll", 429, " \"10.0.0.5:80\" \"429\" 0.004 0.004");
        logs.served(100 * n + 100);
    }
    check(&logs, &[("local_process/rate_limited", 6)]);
}

#[test]
fn pollers_do_not_make_a_clock_look_wrong() {
    let mut logs = Logs::default();
    for client in 0..10 {
        let client_address = format!("192.0.2.{client}");
        for n in 0..12 {
            logs.access(10 * n, &client_address, "/poll", 502, "");
            logs.refused(10 * n, n + 100 * client + 1, &client_address, "/poll");
            logs.access(120 + 10 * n, &client_address, "/poll", 503, "");
        }
    }
    check(&logs, &[("unknown/-", 120)]);
}

#[test]
fn a_line_never_explains_a_response_that_ended_before_it() {
    let mut logs = Logs::default();
    for n in 0..20 {
        let client = format!("192.0.2.{n}");
        logs.access(100 * n, &client, "/a", 503, "");
        logs.access(100 * n + 1, &client, "/a", 503, "");
        logs.no_live(100 * n + 1, n + 1, &client, "/a");
    }
    let fixture = Fixture::new();
    logs.write(&fixture, "logs");
    for row in fixture.run(&["--format", "entries", "logs"], b"").rows() {
        let is_second = row["line"].as_u64().is_some_and(|line| line % 2 == 0);
        assert_eq!(row["origin"] == "proxy", is_second, "{row}");
    }
}

#[test]
fn other_spellings_of_clients_leave_a_doubt() {
    let upstream = " \"10.0.0.5:80\" \"502\" 0.001 0.001";
    let mut logs = Logs::default();
    for n in 0..10 {
        logs.access(5 * n, &format!("198.51.100.{n}"), &format!("/p{n}"), 503, upstream);
        // The proxy in front is the client here.
        logs.refused(5 * n, n + 1, "10.1.1.1", &format!("/p{n}"));
    }
    check(&logs, &[("unknown/-", 10)]);
}

#[test]
fn silence_counts_only_where_an_error_log_covers_the_time() {
    let no_contact = " \"-\" \"-\" - 0.000";
    let mut logs = Logs::default();
    for n in 0..10 {
        logs.access(3000 + n, &format!("192.0.2.{n}"), "/a", 503, no_contact);
        let served = " \"10.0.0.5:80\" \"200\" 0.004 0.004";
        logs.access(3000 + n, &format!("192.0.2.{n}"), "/ok", 200, served);
    }
    logs.access(3020, "192.0.2.50", "/b", 503, " \"grp\" \"502\" 0.000 0.000");
    logs.no_live(3020, 1, "192.0.2.50", "/b");
    let covered = [("local_process/maintenance", 10), ("proxy/no_live_upstreams", 1)];
    check(&logs, &covered);
    // The same error log, six hours later: it says nothing of the time before.
    let mut apart = Logs { access: logs.access.clone(), error: String::new() };
    apart.access(3020 + 6 * 3600, "192.0.2.50", "/b", 502, " \"grp\" \"502\" 0.000 0.000");
    apart.no_live(3020 + 6 * 3600, 1, "192.0.2.50", "/b");
    let fixture = Fixture::new();
    apart.write(&fixture, "logs");
    assert_eq!(verdicts(&fixture, &["logs"]).last().map(|row| row.0.as_str()), Some("unknown/-"));
    // An empty file that is no error log says nothing either.
    let fixture = Fixture::new();
    fixture.write("logs/access.log", &logs.access);
    fixture.write("logs/notes.txt", "");
    assert_eq!(verdicts(&fixture, &["logs"]).last().map(|row| row.0.as_str()), Some("unknown/-"));
}

#[test]
fn machines_in_one_log_do_not_share_error_lines() {
    type Wrap<'w> = &'w dyn Fn(&str, &str) -> String;
    let mut logs = Logs::default();
    for n in 0..10 {
        logs.access(2 * n, "10.9.9.9", &format!("/probe{n}"), 503, "");
        logs.limited(2 * n, n + 1, "10.9.9.9", &format!("/probe{n}"));
    }
    let quoted = |line: &str| serde_json::Value::from(line).to_string();
    let syslog = |host: &str, line: &str| format!("Nov 20 21:00:00 {host} nginx[7]: {line}\n");
    let dated = |host: &str, line: &str| {
        format!("<190>1 2026-11-20T21:00:00.003Z {host} nginx 7 - - {line}\n")
    };
    let journal = |host: &str, line: &str| {
        format!(
            "{{\"__REALTIME_TIMESTAMP\":\"1795208400000000\",\"_HOSTNAME\":\"{host}\",\"_SYSTEMD_UNIT\":\"nginx.service\",\"MESSAGE\":{}}}\n",
            quoted(line)
        )
    };
    let pod = |name: &str, line: &str| format!("[pod/{name}/nginx] {line}\n");
    let stern = |name: &str, line: &str| format!("{name} nginx {line}\n");
    let shipped = |name: &str, line: &str| {
        format!(
            "{{\"date\":1795208400.1,\"log\":{},\"kubernetes\":{{\"pod_name\":\"{name}\",\"container_name\":\"nginx\"}}}}\n",
            quoted(line)
        )
    };
    let wraps: [(&str, Wrap<'_>); 6] = [
        ("syslog", &syslog),
        ("rfc5424", &dated),
        ("journal", &journal),
        ("pod", &pod),
        ("stern", &stern),
        ("shipped", &shipped),
    ];
    for (name, wrap) in wraps {
        for (writer, expected) in [("web-aaaaa", true), ("web-bbbbb", false)] {
            let fixture = Fixture::new();
            let access = logs.access.lines().map(|line| wrap("web-aaaaa", line));
            let error = logs.error.lines().map(|line| wrap(writer, line));
            let text: String = access.zip(error).map(|(one, other)| one + &other).collect();
            fixture.write("all.log", text);
            let found = verdicts(&fixture, &["all.log"]);
            let is_joined = found == [("local_process/rate_limited".to_owned(), 10)];
            assert_eq!(is_joined, expected, "{name} {writer} {found:?}");
            assert!(is_joined || found == [("unknown/-".to_owned(), 10)], "{name} {found:?}");
        }
    }
}

#[test]
fn the_silence_of_one_machine_says_nothing_of_another() {
    let mut logs = Logs::default();
    for n in 0..10 {
        logs.access(2 * n, "192.0.2.9", &format!("/a{n}"), 503, " \"grp\" \"502\" 0.000 0.000");
        logs.no_live(2 * n, n + 1, "192.0.2.9", &format!("/a{n}"));
    }
    logs.served(0);
    let mut other = Logs::default();
    for n in 0..10 {
        other.access(2 * n, "192.0.2.9", &format!("/b{n}"), 503, " \"-\" \"-\" - 0.000");
    }
    let on = |host: &str, text: &str| -> String {
        let wrapped = text.lines().map(|line| format!("Nov 20 21:00:00 {host} nginx[7]: {line}"));
        wrapped.collect::<Vec<_>>().join("\n") + "\n"
    };
    let fixture = Fixture::new();
    let count = |name: &str, wanted: &str| {
        let found = verdicts(&fixture, &[name]);
        found.iter().find(|row| row.0 == wanted).map_or(0, |row| row.1)
    };
    for (host, silent) in [("web1", 10), ("web2", 0)] {
        let text = on("web1", &logs.access) + &on("web1", &logs.error) + &on(host, &other.access);
        fixture.write(host, text);
        assert_eq!(count(host, "local_process/maintenance"), silent, "{host}");
        assert_eq!(count(host, "proxy/no_live_upstreams"), 10, "{host}");
    }
}

#[test]
fn servers_side_by_side_do_not_share_error_lines() {
    let (mut web1, mut web2) = (Logs::default(), Logs::default());
    for n in 0..10 {
        web1.access(10 * n, "10.9.9.9", "/probe", 503, "");
        web2.access(10 * n, "10.9.9.9", "/probe", 502, "");
        web2.refused(10 * n, n + 1, "10.9.9.9", "/probe");
    }
    web1.access(500, "10.9.9.9", "/other", 503, "");
    web1.no_live(500, 99, "10.9.9.9", "/other");
    let fixture = Fixture::new();
    web1.write(&fixture, "tree/web1");
    web2.write(&fixture, "tree/web2");
    let expected = [("proxy/no_live_upstreams".to_owned(), 1), ("unknown/-".to_owned(), 10)];
    assert_eq!(verdicts(&fixture, &["tree"]), expected);
}

#[test]
fn a_verdict_does_not_depend_on_which_statuses_are_asked_for() {
    let mut logs = Logs::default();
    for n in 0..8 {
        logs.access(2 * n, "192.0.2.9", "/a", if n % 2 == 0 { 502 } else { 503 }, "");
        logs.no_live(2 * n, n + 1, "192.0.2.9", "/a");
    }
    let fixture = Fixture::new();
    logs.write(&fixture, "logs");
    let row = |n| vec![("proxy/no_live_upstreams".to_owned(), n)];
    assert_eq!(verdicts(&fixture, &["logs"]), row(4));
    assert_eq!(verdicts(&fixture, &["--status", "502", "logs"]), row(4));
    assert_eq!(verdicts(&fixture, &["--status", "5xx", "logs"]), row(8));
}

#[test]
fn a_log_that_lacks_what_it_should_tell_is_not_silent() {
    let mut logs = Logs::default();
    logs.served(0);
    for n in 0..4 {
        logs.access(20 * n, "192.0.2.1", &format!("/m{n}"), 503, " \"-\" \"-\" - 0.000");
    }
    check(&logs, &[("local_process/maintenance", 4)]);
    // nginx logs every one of these at level error: this log is of a higher one.
    for n in 0..4 {
        logs.access(100 + n, "192.0.2.1", &format!("/d{n}"), 503, " \"grp\" \"502\" 0.000 0.000");
    }
    check(&logs, &[("proxy/no_live_upstreams", 4), ("unknown/-", 4)]);
    for n in 0..4 {
        logs.no_live(100 + n, n + 1, "192.0.2.1", &format!("/d{n}"));
    }
    check(&logs, &[("local_process/maintenance", 4), ("proxy/no_live_upstreams", 4)]);
}

#[test]
fn a_copy_that_a_cache_kept_is_not_taken_for_the_servers_own() {
    let mut logs = Logs::default();
    logs.served(0);
    logs.no_live(0, 1, "192.0.2.9", "/other");
    logs.access(0, "192.0.2.9", "/other", 503, " \"grp\" \"502\" 0.000 0.000");
    logs.access(10, "192.0.2.1", "/a?id=1", 503, " \"10.0.0.5:80\" \"503\" 0.004 0.004");
    logs.access(11, "192.0.2.2", "/a?id=2", 503, " \"-\" \"-\" - 0.000");
    logs.access(12, "192.0.2.3", "/b", 503, " \"-\" \"-\" - 0.000");
    check(
        &logs,
        &[
            ("local_process/maintenance", 1),
            ("proxy/no_live_upstreams", 1),
            ("unknown/-", 1),
            ("upstream/upstream_503", 1),
        ],
    );
}

#[test]
fn requests_are_found_though_an_error_page_changed_their_method() {
    let fixture = Fixture::new();
    let (mut access, mut error) = (String::new(), String::new());
    for n in 0..6 {
        let _ = writeln!(
            access,
            r#"{{"time":"2026-11-20T21:00:0{n}+00:00","remote_addr":"192.0.2.1","method":"GET","request_uri":"/pay/{n}","status":503,"request_time":1.000,"upstream_addr":"10.0.0.5:80","upstream_status":"504"}}"#
        );
        let _ = writeln!(
            error,
            "2026/11/20 21:00:0{n} [error] 7#7: *{n}1 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 192.0.2.1, server: a.test, request: \"POST /pay/{n} HTTP/1.1\", upstream: \"http://10.0.0.5:80/pay/{n}\", host: \"a.test\""
        );
    }
    fixture.write("logs/access.log", access);
    fixture.write("logs/error.log", error);
    let expected = vec![("proxy/upstream_timeout".to_owned(), 6)];
    assert_eq!(verdicts(&fixture, &["logs"]), expected);
}

#[test]
fn a_page_of_a_backend_for_the_servers_own_error_hides_nothing() {
    let mut logs = Logs::default();
    logs.served(0);
    logs.refused(0, 1, "192.0.2.9", "/other");
    logs.access(
        0,
        "192.0.2.9",
        "/other",
        503,
        " \"10.0.0.5:80 : 10.0.0.9:80\" \"502 : 200\" 0.001 : 0.002 0.003",
    );
    logs.access(5, "192.0.2.1", "/a", 503, " \"10.0.0.9:80\" \"200\" 0.002 0.002");
    check(&logs, &[("local_process/maintenance", 1), ("proxy/upstream_refused", 1)]);
}

#[test]
fn a_backend_that_answers_after_a_failed_attempt_is_told_by_its_page() {
    let mut logs = Logs::default();
    for n in 0..30 {
        let target = format!("/a{n}");
        logs.refused(10 * n, n + 1, "192.0.2.1", &target);
        logs.access(10 * n, "192.0.2.1", &target, 503, "");
    }
    logs.refused(900, 99, "192.0.2.1", "/z");
    logs.access(900, "192.0.2.1", "/z", 503, "");
    logs.access = logs.access.replace("GET /z HTTP/1.1\" 503 197", "GET /z HTTP/1.1\" 503 31");
    check(&logs, &[("proxy/upstream_refused", 30), ("unknown/-", 1)]);
}

#[test]
fn lines_of_a_server_are_not_for_what_stands_before_it() {
    let fixture = Fixture::new();
    let mut logs = Logs::default();
    let mut front = String::new();
    for n in 0..20 {
        let (target, time) = (format!("/a{n}"), clock(10 * n));
        logs.refused(10 * n, n + 1, "192.0.2.1", &target);
        logs.access(10 * n, "192.0.2.1", &target, 503, "");
        let _ = writeln!(
            front,
            "192.0.2.1 - - [20/Nov/2026:{time} +0000] \"GET {target} HTTP/1.1\" 503 197 \"-\" \"curl/8\" 2150"
        );
    }
    // Only nginx logs this status.
    logs.access(1, "192.0.2.1", "/gone", 499, "");
    logs.write(&fixture, "logs");
    fixture.write("logs/front.log", front);
    let own = fixture.run(&["--format", "entries", "logs"], b"").rows();
    let of = |name: &str, origin: &str| {
        let is_of = |row: &&serde_json::Value| {
            row["source"].as_str().is_some_and(|source| source.ends_with(name))
                && row["origin"] == origin
        };
        own.iter().filter(is_of).count()
    };
    assert_eq!(of("access.log", "proxy"), 20);
    assert_eq!(of("front.log", "proxy"), 0);
}

#[test]
fn lines_about_subrequests_explain_no_request() {
    let mut logs = Logs::default();
    logs.served(0);
    // A mirror that is down leaves a line for each request, whatever its answer.
    for n in 0..40 {
        let (second, client) = (30 + n, format!("192.0.2.{n}"));
        logs.refused(second, 100 + n, &client, "/a");
        let tail = match n % 4 {
            0 => " \"10.0.0.5:80\" \"503\" 0.004 0.004",
            1 => " \"-\" \"-\" - 0.000",
            _ => " \"10.0.0.5:80\" \"200\" 0.004 0.004",
        };
        logs.access(second, &client, "/a", if n % 4 < 2 { 503 } else { 200 }, tail);
    }
    let mirrored = "HTTP/1.1\", subrequest: \"/mirror\", upstream";
    logs.error = logs.error.replace("HTTP/1.1\", upstream", mirrored);
    // Lines about the requests themselves, and maintenance that leaves none.
    for n in 0..20 {
        let client = format!("198.51.100.{}", 100 + n);
        logs.refused(100 + n, 500 + n, &client, "/b");
        let refused = " \"10.0.0.5:80\" \"502\" 0.000 0.000";
        logs.access(100 + n, &client, "/b", 503, refused);
        logs.access(150 + n, &client, "/c", 503, " \"-\" \"-\" - 0.000");
    }
    check(
        &logs,
        &[
            ("local_process/maintenance", 20),
            ("proxy/upstream_refused", 20),
            ("unknown/-", 10),
            ("upstream/upstream_503", 10),
        ],
    );
}

#[test]
fn an_empty_error_log_makes_no_failure_an_answer() {
    let mut logs = Logs::default();
    logs.served(0);
    // A log of the level crit lacks the lines that would tell.
    for n in 0..20 {
        let refused = " \"10.0.0.5:80\" \"502\" 0.000 0.000";
        logs.access(30 + n, &format!("192.0.2.{n}"), "/a", 503, refused);
    }
    check(&logs, &[("unknown/-", 20)]);
}

#[test]
fn logs_of_one_server_share_the_line_of_a_failure() {
    let fixture = Fixture::new();
    let mut logs = Logs::default();
    logs.served(0);
    // A list shows that these are backends.
    let tail = " \"10.0.0.5:80, 10.0.0.6:80\" \"502, 200\" 0.000, 0.004 0.004";
    logs.access(25, "198.51.100.9", "/ok", 200, tail);
    let (mut json, mut short) = (String::new(), String::new());
    for n in 0..20 {
        let (second, client) = (30 + n, format!("192.0.2.{n}"));
        logs.refused(second, 100 + n, &client, "/a");
        logs.access(second, &client, "/a", 503, " \"10.0.0.5:80\" \"502\" 0.000 0.000");
        let time = clock(second);
        let _ = writeln!(
            json,
            r#"{{"time":"2026-11-20T{time}+00:00","remote_addr":"{client}","request":"GET /a HTTP/1.1","status":503,"upstream_addr":"10.0.0.5:80","upstream_status":"502"}}"#
        );
        // Without an address nothing shows that the line is this one's as well.
        let _ = writeln!(
            short,
            r#"{{"time":"2026-11-20T{time}+00:00","remote_addr":"{client}","request":"GET /a HTTP/1.1","status":503,"upstream_status":"502"}}"#
        );
    }
    logs.write(&fixture, "logs");
    fixture.write("logs/access.json", json);
    fixture.write("logs/short.json", short);
    let found = verdicts(&fixture, &["logs"]);
    let expected = [("proxy/upstream_refused", 40), ("unknown/-", 20)];
    assert_eq!(found, expected.map(|(name, n)| (name.to_owned(), n)));
}
