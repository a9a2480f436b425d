//! Logs that lie beside each other: what one set of them decides, others do not take away, and what is in front of a server
//! is not taken for what is behind it.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::Fixture;

/// How often each verdict came among the entries of these logs, in order; of one file, where it is given.
fn verdicts(fixture: &Fixture, paths: &[&str], source: Option<&str>) -> Vec<(String, usize)> {
    let rows = fixture.run(&[&["--format", "entries"], paths].concat(), b"").rows();
    let verdict = |row: &Value| {
        let text = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
        format!("{}/{} {}", text("origin"), text("cause"), text("confidence"))
    };
    let is_wanted = |row: &&Value| source.is_none_or(|source| row["source"] == source);
    let mut counts = std::collections::BTreeMap::new();
    for row in rows.iter().filter(is_wanted) {
        *counts.entry(verdict(row)).or_default() += 1;
    }
    counts.into_iter().collect()
}

#[track_caller]
fn check(fixture: &Fixture, paths: &[&str], source: Option<&str>, expected: &[(&str, usize)]) {
    let expected: Vec<(String, usize)> =
        expected.iter().map(|(verdict, n)| ((*verdict).to_owned(), *n)).collect();
    assert_eq!(verdicts(fixture, paths, source), expected, "{paths:?}");
}

fn clock(second: u32) -> String {
    format!("10:{:02}:{:02}", second / 60, second % 60)
}

/// A line of an access log in a layout that starts like the combined one.
fn access(log: &mut String, second: u32, client: &str, target: &str, rest: &str) {
    let time = clock(second);
    let _ =
        writeln!(log, "{client} - - [20/Nov/2026:{time} +0000] \"GET {target} HTTP/1.1\" {rest}");
}

/// A line of nginx's error log: a request was refused by `limit_req`.
fn limited(log: &mut String, second: u32, connection: u32, client: &str, target: &str) {
    let time = clock(second);
    let _ = writeln!(
        log,
        "2026/11/20 {time} [error] 7#7: *{connection} limiting requests, excess: 10.3 by zone \"api\", client: {client}, server: a.test, request: \"GET {target} HTTP/1.1\", host: \"a.test\""
    );
}

/// What a backend answered.
const SERVED: &str = "200 800 \"-\" \"curl/8\"";
/// A page that nginx made.
const OWN_PAGE: &str = "503 197 \"-\" \"curl/8\"";

#[test]
fn other_logs_do_not_take_away_whose_clients_differ() {
    let fixture = Fixture::new();
    let (mut web, mut web_error) = (String::new(), String::new());
    let (mut edge, mut edge_error) = (String::new(), String::new());
    for n in 0..60 {
        let (second, client, target) = (n, format!("192.0.2.{}", n % 7), format!("/a/{n}?id={n}x"));
        if n % 2 == 0 {
            // The access log has the client that was forwarded for, the error log the balancer.
            access(&mut web, second, &client, &target, &format!("{OWN_PAGE} \"-\" \"-\""));
            limited(&mut web_error, second, 100 + n, "10.0.0.2", &target);
        } else {
            let tail = "\"10.0.0.9:80\" \"200\"";
            access(&mut web, second, &client, &target, &format!("{SERVED} {tail}"));
        }
        access(&mut edge, second, &client, &target, if n % 2 == 0 { OWN_PAGE } else { SERVED });
        let own = format!("/edge/{n}?id={n}y");
        access(&mut edge, second, &client, &own, OWN_PAGE);
        limited(&mut edge_error, second, 500 + n, &client, &own);
    }
    fixture.write("web/access.log", web);
    fixture.write("web/error.log", web_error);
    fixture.write("edge/access.log", edge);
    fixture.write("edge/error.log", edge_error);
    let of_web = [("local_process/rate_limited likely", 30)];
    check(&fixture, &["web"], None, &of_web);
    check(&fixture, &["edge", "web"], Some("web/access.log"), &of_web);
    let of_edge = verdicts(&fixture, &["edge", "web"], Some("edge/access.log"));
    let limited = of_edge.iter().find(|(verdict, _)| verdict.starts_with("local_process/"));
    assert_eq!(limited.map(|(_, n)| *n), Some(60), "{of_edge:?}");
}

#[test]
fn a_balancer_that_every_line_begins_with_is_the_client_of_the_error_log() {
    let fixture = Fixture::new();
    let (mut log, mut error) = (String::new(), String::new());
    for n in 0..240 {
        let (second, target) = (n / 4, format!("/shop/{}", n % 12));
        let client = format!("198.51.100.{}", n * 7 % 60);
        let tail = if n % 3 == 0 {
            limited(&mut error, second, 100 + n, "10.0.1.2", &target);
            format!("{OWN_PAGE} \"{client}\" \"-\" \"-\"")
        } else {
            format!("{SERVED} \"{client}\" \"10.0.2.9:3000\" \"200\"")
        };
        access(&mut log, second, "10.0.1.2", &target, &tail);
    }
    fixture.write("access.log", log);
    fixture.write("error.log", error);
    let expected = [("local_process/rate_limited confirmed", 80)];
    check(&fixture, &["access.log", "error.log"], None, &expected);
}

#[test]
fn the_log_in_front_of_a_cache_is_not_its_backends() {
    let fixture = Fixture::new();
    let (mut front, mut cache, mut backend) = (String::new(), String::new(), String::new());
    for n in 0..60 {
        let (client, target) = (format!("192.0.2.{}", n % 7), format!("/a/{n}"));
        // Of three requests one is answered, one by VCL with a page of its own, one by the backend.
        let (answer, us) = match n % 3 {
            0 => ("200 800 \"-\" \"curl/8\"", "200"),
            1 => ("503 1040 \"-\" \"curl/8\"", "503"),
            _ => ("503 77 \"-\" \"curl/8\"", "503"),
        };
        let tail = format!("{answer} \"10.0.0.5:6081\" \"{us}\"");
        access(&mut front, n, &client, &target, &tail);
        access(&mut cache, n, "10.0.0.2", &format!("http://a.test{target}"), answer);
        if n % 3 != 1 {
            access(&mut backend, n, "10.0.0.5", &target, answer);
        }
    }
    fixture.write("front/access.log", front);
    fixture.write("varnishncsa.log", cache.clone());
    let unknown = [("unknown/- unknown", 40)];
    let both = ["front/access.log", "varnishncsa.log"];
    check(&fixture, &both, Some("varnishncsa.log"), &unknown);
    // The log of the backend still tells, where the clients are those that the cache had.
    let mut clients = String::new();
    for (n, line) in cache.lines().enumerate() {
        let _ = writeln!(clients, "{}", line.replace("10.0.0.2", &format!("192.0.2.{}", n % 7)));
    }
    fixture.write("direct/varnishncsa.log", clients);
    fixture.write("backend/access.log", backend);
    let both = ["backend/access.log", "direct/varnishncsa.log"];
    let relayed = [("unknown/- unknown", 20), ("upstream/upstream_503 likely", 20)];
    check(&fixture, &both, Some("direct/varnishncsa.log"), &relayed);
}

/// A backend that answers 503 until its host is gone; `first_us`: when in each second the first line is written. Of the
/// 120 entries that have lines `n_decided` are told.
#[track_caller]
fn check_pages(first_us: u32, n_decided: usize) {
    let fixture = Fixture::new();
    let (mut log, mut error) = (String::new(), String::new());
    // The same clients ask all the time.
    for n in 0..240u32 {
        let (second, client) = (n / 24, format!("192.0.2.{}", n % 6));
        let size = if second < 5 { 383 } else { 543 };
        let line = format!("503 {size} \"-\" \"curl/8\"");
        access(&mut log, second, &format!("a.test:80 {client}"), &format!("/cart/{n}"), &line);
        if second >= 5 {
            let time = format!("{}.{:06}", clock(second), n % 24 * 40_000 + first_us);
            let head = format!("[Fri Nov 20 {time} 2026]");
            let thread = format!("[pid 8:tid {}]", 100 + n);
            let _ = writeln!(
                error,
                "{head} [proxy:error] {thread} (111)Connection refused: AH00957: http: attempt to connect to 10.0.0.1:80 (10.0.0.1:80) failed"
            );
            let _ = writeln!(
                error,
                "{head} [proxy_http:error] {thread} [client {client}:40120] AH01114: HTTP: failed to make connection to backend: 10.0.0.1"
            );
        }
    }
    fixture.write("access.log", log.clone());
    fixture.write("error.log", error);
    let decided =
        [("proxy/upstream_refused likely", n_decided), ("unknown/- unknown", 240 - n_decided)];
    check(&fixture, &["access.log", "error.log"], None, &decided);
    // Where all pages are the same nothing tells them apart.
    fixture.write("access.log", log.replace(" 383 ", " 543 "));
    let found = verdicts(&fixture, &["access.log", "error.log"], None);
    assert!(found.iter().all(|(verdict, _)| !verdict.starts_with("upstream/")), "{found:?}");
}

#[test]
fn numbers_tell_which_page_of_apache_comes_with_error_lines() {
    check_pages(30_900, 120);
    // A line just behind the turn of a second may be of the second before: its client is left open.
    check_pages(900, 100);
}

#[test]
fn error_lines_of_one_folder_go_to_the_access_log_of_their_name() {
    let fixture = Fixture::new();
    let mut edge = String::new();
    let mut web = [String::new(), String::new()];
    let mut errors = [String::new(), String::new()];
    for n in 0..120u32 {
        let (host, client, target) =
            (n as usize % 2, format!("192.0.2.{}", n % 7), format!("/a/{n}?id={n}x"));
        let page = if n % 3 == 0 { OWN_PAGE } else { SERVED };
        if n % 3 == 0 {
            limited(&mut errors[host], n, 100 + n, &client, &target);
        }
        access(&mut web[host], n, &client, &target, page);
        access(&mut edge, n, &client, &target, page);
    }
    fixture.write("edge_access.log", edge);
    fixture.write("edge_error.log", "");
    let paths = [
        "edge_access.log",
        "edge_error.log",
        "web1_access.log",
        "web1_error.log",
        "web2_access.log",
        "web2_error.log",
    ];
    for (host, (log, lines)) in web.iter().zip(&errors).enumerate() {
        fixture.write(paths[2 + 2 * host], log);
        fixture.write(paths[3 + 2 * host], lines);
    }
    for source in ["web1_access.log", "web2_access.log"] {
        check(&fixture, &paths, Some(source), &[("local_process/rate_limited confirmed", 20)]);
    }
    let edge = verdicts(&fixture, &paths, Some("edge_access.log"));
    assert!(edge.iter().all(|(verdict, _)| !verdict.starts_with("local_process")), "{edge:?}");
}

/// Requests of whom the second half was refused: the access log, the error log, and the access lines of what was refused.
fn half_refused() -> (String, String, String) {
    let (mut log, mut error, mut failed) = (String::new(), String::new(), String::new());
    for n in 0..40 {
        let (client, target) = (format!("192.0.2.{n}"), format!("/cart/{n}"));
        access(&mut log, n, &client, &target, if n < 20 { SERVED } else { OWN_PAGE });
        if n >= 20 {
            access(&mut failed, n, &client, &target, OWN_PAGE);
            limited(&mut error, n, 100 + n, &client, &target);
        }
    }
    (log, error, failed)
}

#[test]
fn a_copy_of_a_log_is_not_what_stands_behind_it() {
    let fixture = Fixture::new();
    let (log, error, failed) = half_refused();
    let prefixed = failed.replace("192.0.2.", "access.log:192.0.2.");
    fixture.write("access.log", log.as_bytes());
    fixture.write("error.log", error.as_bytes());
    fixture.write("503s.txt", failed.as_bytes());
    fixture.write("grepped.txt", prefixed.as_bytes());
    let refused = ("local_process/rate_limited confirmed", 20);
    check(&fixture, &["access.log", "error.log"], None, &[refused]);
    for copy in ["503s.txt", "grepped.txt"] {
        let paths = ["access.log", "error.log", copy];
        check(&fixture, &paths, None, &[refused, ("unknown/- unknown", 20)]);
    }
}

#[test]
fn servers_whose_lines_are_alike_have_error_logs_of_their_own() {
    let fixture = Fixture::new();
    let (log, error, _) = half_refused();
    for (server, errors) in [("edge", ""), ("inner", &error)] {
        fixture.write(&format!("{server}_access.log"), log.as_bytes());
        fixture.write(&format!("{server}_error.log"), errors.as_bytes());
    }
    let paths = ["edge_access.log", "edge_error.log", "inner_access.log", "inner_error.log"];
    let relayed = ("upstream/upstream_503 likely", 20);
    check(&fixture, &paths, Some("edge_access.log"), &[relayed]);
    let refused = ("local_process/rate_limited confirmed", 20);
    check(&fixture, &paths, Some("inner_access.log"), &[refused]);
}

/// A line of an access log that ends with the backend's address and status.
fn passed(log: &mut String, second: u32, client: &str, target: &str, status: u16, backend: &str) {
    access(log, second, client, target, &format!("{status} 197 \"-\" \"curl/8\" {backend}"));
}

#[test]
fn what_an_inner_server_made_is_no_answer_to_it() {
    let fixture = Fixture::new();
    let (mut edge, mut inner, mut error) = (String::new(), String::new(), String::new());
    for n in 0..60 {
        let (client, target) = (format!("192.0.2.{n}"), format!("/cart/{n}"));
        let status = if n < 20 { 200 } else { 503 };
        let asked = "\"10.0.0.2:80\" \"STATUS\" 0.012 0.012".replace("STATUS", &status.to_string());
        passed(&mut edge, n, &client, &target, status, &asked);
        let app = "\"10.0.0.3:8080\" \"200\" 0.010 0.010";
        let none = "\"-\" \"-\" - 0.000";
        passed(&mut inner, n, "10.0.0.1", &target, status, if n < 20 { app } else { none });
        if n >= 40 {
            limited(&mut error, n, 100 + n, "10.0.0.1", &target);
        }
    }
    fixture.write("edge/access.log", edge);
    // Its error log shows that the directory is that of a server.
    fixture.write("edge/error.log", "2026/11/20 10:00:00 [notice] 7#7: start worker processes\n");
    fixture.write("inner/access.log", inner);
    fixture.write("inner/error.log", error);
    let made =
        [("local_process/maintenance likely", 20), ("local_process/rate_limited confirmed", 20)];
    check(&fixture, &["edge", "inner"], Some("inner/access.log"), &made);
    let relayed = ("upstream/upstream_503 confirmed", 40);
    check(&fixture, &["edge", "inner"], Some("edge/access.log"), &[relayed]);
}

#[test]
fn a_backend_that_is_an_application_makes_its_answers_itself() {
    let fixture = Fixture::new();
    let (mut web, mut app) = (String::new(), String::new());
    for n in 0..40 {
        let (client, target) = (format!("192.0.2.{n}"), format!("/cart/{n}"));
        let page = if n < 20 { SERVED } else { "503 32 \"-\" \"curl/8\"" };
        let asked = format!("{page} rt=\"0.01{}\" upstream_addr=\"127.0.0.1:8080\"", n % 10);
        access(&mut web, n, &client, &target, &asked);
        access(&mut app, n + 5, "127.0.0.1", &target, page);
    }
    fixture.write("web.log", web);
    fixture.write("app.log", app);
    fixture.write(
        "app_error.log",
        "[2026-11-20 09:59:55 +0000] [7] [INFO] Starting gunicorn 20.1.0\n\
         [2026-11-20 09:59:55 +0000] [7] [INFO] Listening at: http://127.0.0.1:8080 (7)\n\
         [2026-11-20 09:59:55 +0000] [7] [INFO] Using worker: threads\n",
    );
    let paths = ["web.log", "app.log", "app_error.log"];
    check(&fixture, &paths, Some("web.log"), &[("upstream/upstream_503 likely", 20)]);
}
