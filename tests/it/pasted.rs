//! Lines as people paste them into reports of faults: alone, cut, quoted, without a time.
//!
//! In: lines in the grammar of the server, with what pasting does to them. Out: who and why, as signals or as entries.

use crate::support::Fixture;

/// One file with these lines says this: `origin/cause` of the first signal.
#[track_caller]
fn check(lines: &str, expected: &str) {
    let fixture = Fixture::new();
    fixture.write("error.log", format!("{lines}\n"));
    let document = fixture.run(&["error.log", "--status", "5xx", "--format", "json"], b"").json();
    let signal = &document["signals"][0];
    let text = |key: &str| signal[key].as_str().unwrap_or("none").to_owned();
    assert_eq!(format!("{}/{}", text("origin"), text("id")), expected, "{lines}");
}

#[test]
fn quoted_and_cut_lines_of_nginx_keep_their_meaning() {
    let message = "connect() failed (111: Connection refused) while connecting to upstream";
    let line = format!("2026/11/20 21:17:22 [error] 8#8: *1 {message}, client: x.x.x.x");
    for text in [
        line.clone(),
        format!("> {line}"),
        format!("`{line}`"),
        format!("    {line}"),
        format!("\u{2502} {line}   "),
        format!("Message: {line}"),
        format!("web.proxy | nginx.1    | {line}"),
        format!("[error] 8#8: *1 {message}"),
        format!("date [error] 8#8: *1 {message}, client: [IP]"),
        format!("2026/11/20 21:17:22 [error] *1 {message}, client: x.x.x.x"),
        format!("21:17:22 [error] 8#8: *1 {message}"),
        format!("... *1 {message},"),
        format!("> *1 {message}, client: 10.0.0.1, server: "),
        message.to_owned(),
        message[10..].to_owned(),
    ] {
        check(&text, "proxy/upstream_refused");
    }
    check("`limiting connections by zone \"one\"`", "local_process/connection_limit");
    check(
        "nginx: [emerg] host not found in upstream \"app:9000\" in /etc/nginx/a.conf:2",
        "local_process/startup_failure",
    );
}

#[test]
fn quoted_and_cut_lines_of_apache_keep_their_meaning() {
    for text in [
        "`[Fri Nov 20 21:21:42 2026] [fcgid:warn] [pid 7] [client :29800] mod_fcgid: can't apply process slot for /srv/a.fcgi`",
        "[Fri Nov 20 21:21:42 2026] [warn] [client 192.0.2.1] mod_fcgid: can't apply process slot for /srv/a.fcgi",
        "[client 192.0.2.1:5] mod_fcgid: can't apply process slot for /srv/a.fcgi",
        "> [mpm_prefork:error] [pid 5] AH00161: server reached MaxRequestWorkers setting, consider raising it",
        "scoreboard is full, not at MaxRequestWorkers",
    ] {
        check(text, "local_process/worker_limit");
    }
    check(
        "[:error] [pid 7:tid 8] proxy: CLUSTER: (balancer://shop). All workers are in error state",
        "proxy/no_live_upstreams",
    );
    check(
        "Resource temporarily unavailable: [client x.x.x.x:] mod_wsgi (pid=7): Unable to connect to WSGI daemon process 'a' on '/run/a.sock'.",
        "local_process/request_queue_full",
    );
    check(
        "[proxy_fcgi:error] [pid 7:tid 8] [client 192.0.2.1:5] \nAH01067: Failed to read FastCGI header, \nreferer: http://a/",
        "proxy/upstream_reset",
    );
}

#[test]
fn gateways_on_nginx_say_why_they_refused() {
    let line = |text: &str| {
        format!(
            "2026/11/20 21:17:22 [error] 3#0: *5 [lua] {text}, client: 192.0.2.1, server: gw, request: \"GET /a HTTP/1.1\", host: \"a\""
        )
    };
    let kong = "balancer.lua:900: execute(): DNS resolution failed: dns server error: 3 name error";
    check(&line(kong), "proxy/upstream_dns");
    check(r#"{"message":"name resolution failed"}"#, "proxy/upstream_dns");
    check(
        &line(
            "init.lua:512: http_access_phase(): failed to set upstream: no valid upstream node: nil",
        ),
        "proxy/no_live_upstreams",
    );
    check(
        &line(
            "balancer.lua:304: load_balancer(): failed to pick server: missing upstream configuration while connecting to upstream",
        ),
        "local_process/no_route",
    );
}

#[test]
fn the_terminal_says_who_why_and_what_next_of_a_lone_message() {
    let fixture = Fixture::new();
    let line =
        "2026/11/20 21:17:22 [error] 8#8: *1 no live upstreams while connecting to upstream\n";
    fixture.write("error.log", line);
    let said = fixture.run(&["error.log", "--status", "5xx", "--format", "text"], b"");
    let text = String::from_utf8_lossy(&said.out).into_owned();
    for part in [
        "no 5xx incident",
        "what messages say:",
        "no_live_upstreams",
        "ORIGIN ",
        "NEXT ",
        "logscan503 explain no_live_upstreams",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_line_without_a_time_takes_no_dated_line_with_it() {
    let haproxy = |second: usize| {
        format!(
            "10.0.0.9:39572 [20/Nov/2026:21:05:{second:02}.537] fe~ be/<NOSRV> 0/-1/-1/-1/0 503 217 - - SC-- 1/1/0/0/0 0/0 \"GET /a HTTP/1.1\""
        )
    };
    let envoy = "[2026-11-20T21:05:20.100Z] \"GET /a HTTP/1.1\" 503 UF,URX 0 91 10 - \"10.0.0.9\" \"curl/8\" \"11111111-0000-4000-8000-000000000001\" \"shop\" \"10.1.1.1:80\"";
    let cut = haproxy(0)[40..].to_owned();
    let entries = |lines: &[String]| {
        let fixture = Fixture::new();
        fixture.write("a.log", lines.join("\n") + "\n");
        fixture.run(&["a.log", "--format", "entries"], b"").rows().len()
    };
    // Two formats in one file, neither of which takes all lines.
    assert_eq!(entries(&[haproxy(20), envoy.to_owned()]), 2);
    // A line that was cut, at the start, between and behind the others.
    for at in [0, 25, 50] {
        let mut lines: Vec<String> = (0..50).map(haproxy).collect();
        lines.insert(at, cut.clone());
        assert_eq!(entries(&lines), 50, "cut line at {at}");
    }
}
