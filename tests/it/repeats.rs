//! Requests that follow each other at once: which line of the error log is whose, and where nothing tells.

use crate::support::Fixture;

/// Verdicts of the entries of an access log beside an error log, in order of lines.
fn verdicts(access: &str, error: &str) -> Vec<String> {
    let fixture = Fixture::new();
    fixture.write("access.log", access);
    fixture.write("error.log", error);
    let rows = fixture.run(&["--format", "entries", "access.log", "error.log"], b"").rows();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    rows.iter().map(|row| format!("{}/{}", text(&row["origin"]), text(&row["cause"]))).collect()
}

#[track_caller]
fn check(access: &str, error: &str, expected: &[&str]) {
    assert_eq!(verdicts(access, error), expected);
}

/// Apache's time is that of the start: with 147 microseconds, the first request was over long before the line.
#[test]
fn a_duration_rules_a_line_out() {
    check(
        "192.0.2.39 - - [22/Nov/2026:15:41:13 +0530] \"POST /items/2 HTTP/1.1\" 503 339 \"-\" \"monitor/2\" 147\n\
         192.0.2.39 - - [22/Nov/2026:15:41:14 +0530] \"HEAD /img/20.webp HTTP/1.1\" 503 - \"-\" \"curl/8.5.0\" 365\n",
        "[Sun Nov 22 15:41:14.403219 2026] [proxy_balancer:error] [pid 32244:tid 32244] [client 192.0.2.39:0] AH01170: balancer://api: All workers are in error state\n",
        &["unknown/-", "proxy/no_live_upstreams"],
    );
}

#[test]
fn a_failure_that_waits_for_nothing_is_of_its_second() {
    check(
        "192.0.2.39 - - [22/Nov/2026:15:41:12 +0530] \"GET /a HTTP/1.1\" 503 339 \"-\" \"curl/8.5.0\"\n\
         192.0.2.39 - - [22/Nov/2026:15:41:14 +0530] \"GET /b HTTP/1.1\" 503 339 \"-\" \"curl/8.5.0\"\n",
        "[Sun Nov 22 15:41:14.403219 2026] [proxy_balancer:error] [pid 32244:tid 32244] [client 192.0.2.39:0] AH01170: balancer://api: All workers are in error state\n",
        &["unknown/-", "proxy/no_live_upstreams"],
    );
}

/// `[vhost %v]` in an `ErrorLogFormat`.
#[test]
fn the_site_that_a_line_names_is_that_of_its_request() {
    let line = |second: u32, host: &str| {
        format!(
            "[2026-11-22 15:41:{second}.403219 +0530] [proxy_balancer:error] [pid 7] [client 192.0.2.39:0] [vhost {host}] AH01170: balancer://api: All workers are in error state\n"
        )
    };
    check(
        "www.example.com:80 192.0.2.39 - - [22/Nov/2026:15:41:14 +0530] \"GET /a HTTP/1.1\" 503 547 \"-\" \"curl/8.5.0\"\n\
         api.example.com:80 192.0.2.39 - - [22/Nov/2026:15:41:14 +0530] \"GET /b HTTP/1.1\" 503 547 \"-\" \"curl/8.5.0\"\n\
         www.example.com:80 192.0.2.39 - - [22/Nov/2026:15:41:24 +0530] \"GET /c HTTP/1.1\" 503 547 \"-\" \"curl/8.5.0\"\n",
        &[line(14, "api.example.com"), line(24, "www.example.com")].concat(),
        &["unknown/-", "proxy/no_live_upstreams", "proxy/no_live_upstreams"],
    );
}

/// Apache compares the 503 that it gives itself with `failonstatus`, too.
#[test]
fn a_status_of_a_backend_that_was_not_reached_is_apaches_own() {
    let at = |us: u32, rest: &str| format!("[Sun Nov 22 15:41:20.{us} 2026] {rest}\n");
    let lines = [
        at(
            506_198,
            "[proxy:error] [pid 7:tid 7] (111)Connection refused: AH00957: http: attempt to connect to 10.0.0.9:9000 (10.0.0.9:9000) failed",
        ),
        at(
            506_237,
            "[proxy_http:error] [pid 7:tid 7] [client 198.51.100.7:0] AH01114: HTTP: failed to make connection to backend: 10.0.0.9",
        ),
        at(
            506_241,
            "[proxy_balancer:error] [pid 7:tid 7] [client 198.51.100.7:0] AH01174: balancer://api: Forcing worker (http://10.0.0.9:9000) into error state due to status code 503 matching 'failonstatus' balancer parameter",
        ),
    ];
    let access = "a.example:80 198.51.100.7 - - [22/Nov/2026:15:41:20 +0530] \"GET / HTTP/1.1\" 503 169 \"-\" \"curl/8\"\n";
    check(access, &lines.concat(), &["proxy/upstream_refused"]);
    check(access, &lines[2], &["upstream/upstream_503"]);
}

/// A request of nginx's logs, all in one second.
fn entry(method: &str, status_and_size: &str) -> String {
    format!(
        "192.0.2.5 - - [22/Nov/2026:06:33:46 +0000] \"{method} / HTTP/1.1\" {status_and_size} \"-\" \"curl/8\"\n"
    )
}

fn line(connection: u32, method: &str, message: &str) -> String {
    format!(
        "2026/11/22 06:33:46 [error] 3#3: *{connection} {message}, client: 192.0.2.5, server: a.test, request: \"{method} / HTTP/1.1\", host: \"a.test\"\n"
    )
}

const LIMITED: &str = "limiting requests, excess: 4.096 by zone \"z\"";
const NONE_LIVE: &str = "no live upstreams while connecting to upstream";

#[test]
fn head_does_not_take_the_line_of_get() {
    check(
        &[entry("HEAD", "503 0"), entry("GET", "503 6")].concat(),
        &[line(1, "HEAD", LIMITED), line(2, "GET", NONE_LIVE)].concat(),
        &["local_process/rate_limited", "proxy/no_live_upstreams"],
    );
}

#[test]
fn repeats_that_tell_different_things_prove_nothing() {
    let two = [entry("GET", "503 197"), entry("GET", "503 6")].concat();
    // Two reasons, and nothing tells which is whose.
    let both = [line(1, "GET", LIMITED), line(2, "GET", NONE_LIVE)].concat();
    check(&two, &both, &["unknown/-", "unknown/-"]);
    // One of both was answered by a backend, or by 502.
    check(&two, &line(1, "GET", NONE_LIVE), &["unknown/-", "unknown/-"]);
    let with_kin = [entry("GET", "503 26"), entry("GET", "502 157")].concat();
    check(&with_kin, &line(1, "GET", NONE_LIVE), &["unknown/-"]);
    // All say the same.
    let alike = [line(1, "GET", LIMITED), line(2, "GET", LIMITED)].concat();
    let same = [entry("GET", "503 197"), entry("GET", "503 197")].concat();
    check(&same, &alike, &["local_process/rate_limited", "local_process/rate_limited"]);
}
