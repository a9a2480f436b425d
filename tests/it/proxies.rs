//! `HAProxy` and Varnish: every line of the corpus is accounted for, and what a lab run provoked is what is found.
//!
//! In: `corpus/{edge,public,real}`, and a few lines written here. Out: counts, origins and causes.
//! Invariants: the lab's requests name the failure that they met.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Fixture, run_in, shared};

/// The logs of `HAProxy` and Varnish below a folder of the corpus.
fn logs(folder: &str) -> Vec<PathBuf> {
    let Some(shared) = shared() else { return Vec::new() };
    let mut found = Vec::new();
    let mut open = vec![shared.join("corpus").join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("the corpus is readable") {
            let path = entry.expect("the corpus is readable").path();
            let name = path.to_string_lossy().into_owned();
            if path.is_dir() {
                open.push(path);
            } else if (name.contains("haproxy") || name.contains("varnish"))
                && path.extension().is_some_and(|end| end == "log" || end == "txt")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_line_of_the_corpus_is_understood() {
    let mut faults = String::new();
    for path in ["edge", "public", "real"].into_iter().flat_map(logs) {
        let folder = path.parent().expect("in a folder");
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let report = run_in(folder, &["--format", "json", &name], b"").json();
        let lines = &report["inputs"][0]["lines"];
        let count = |kind: &str| lines[kind].as_u64().unwrap_or(0);
        let kinds = ["parsed", "continuation", "directive", "blank", "unparsed", "filtered"];
        let sum: u64 = kinds.iter().map(|kind| count(kind)).sum();
        if count("read") != sum || count("unparsed") > 0 {
            let _ = writeln!(faults, "{}: {lines}", path.display());
        }
    }
    assert_eq!(faults, "");
}

/// Origin and cause of every entry with a server error, by target.
fn verdicts(path: &str) -> Vec<(String, String)> {
    let Some(shared) = shared() else { return Vec::new() };
    let folder = shared.join("corpus/edge");
    let rows = run_in(&folder, &["--status", "5xx", "--format", "entries", path], b"").rows();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    rows.iter()
        .map(|row| {
            let verdict = format!("{} {}", text(&row["origin"]), text(&row["cause"]));
            (text(&row["target"]), verdict)
        })
        .collect()
}

#[track_caller]
fn check(path: &str, expected: &[(&str, &str)]) {
    if shared().is_none() {
        return;
    }
    let found = verdicts(path);
    let found: Vec<_> = found.iter().map(|row| (row.0.as_str(), row.1.as_str())).collect();
    assert_eq!(found, expected, "{path}");
}

#[test]
fn termination_states_tell_what_the_lab_provoked() {
    let expected = [
        ("/ok/u503", "upstream upstream_503"),
        ("/ok/reset", "proxy upstream_reset"),
        ("/ok/bad", "proxy upstream_invalid_response"),
        ("/ok/slow", "proxy upstream_timeout"),
        ("/refused/1", "proxy upstream_refused"),
        ("/down/1", "proxy no_live_upstreams"),
        ("/empty/1", "proxy no_live_upstreams"),
        ("/deny", "local_process policy_denied"),
        ("/return", "local_process maintenance"),
        ("/other", "proxy no_live_upstreams"),
        ("/maxq/slow", "proxy request_queue_timeout"),
        ("/queue/slow", "proxy request_queue_timeout"),
        ("/queue/slow", "proxy request_queue_timeout"),
        ("/maxq/slow", "proxy request_queue_timeout"),
        ("/queue/slow", "proxy upstream_timeout"),
        ("/maxq/slow", "proxy upstream_timeout"),
        ("/refused/x", "proxy upstream_refused"),
    ];
    check("haproxy/lab-haproxy-2.6.12.log", &expected);
    check("haproxy/lab-haproxy-2.6.12-raw-syslog-pri.log", &expected);
    check(
        "haproxy/lab-haproxy-2.6.12-queue-connect-timeout.log",
        &[
            ("/cto/1", "proxy upstream_timeout"),
            ("/maxq/slow3", "proxy request_queue_full"),
            ("/maxq/slow4", "proxy request_queue_full"),
            ("/cto/abort", "proxy upstream_timeout"),
            ("/queue/abort", "proxy request_queue_timeout"),
            ("/maxq/slow2", "proxy request_queue_timeout"),
            ("/queue/slow", "proxy upstream_timeout"),
            ("/maxq/slow1", "proxy upstream_timeout"),
        ],
    );
}

#[test]
fn transactions_tell_what_the_lab_provoked() {
    check(
        "varnish/lab-varnishlog-g-request.txt",
        &[
            ("/ok/u503", "upstream upstream_503"),
            ("/ok/reset", "proxy upstream_reset"),
            ("/ok/bad", "proxy upstream_invalid_response"),
            ("/ok/slow", "proxy upstream_timeout"),
            ("/refused/1", "proxy upstream_refused"),
            ("/sick/1", "proxy no_live_upstreams"),
            ("/syn", "local_process maintenance"),
            ("/pass/u503", "upstream upstream_503"),
            ("/refused/2", "proxy upstream_refused"),
        ],
    );
}

/// Lines of `varnishncsa`: seconds, target, status and bytes.
fn cache_log(requests: &[(u32, &str, u16, u32)]) -> String {
    log(requests, "http://a.example")
}

/// The same requests as nginx logs them.
fn log(requests: &[(u32, &str, u16, u32)], host: &str) -> String {
    let line = |(second, target, status, bytes): &(u32, &str, u16, u32)| {
        format!(
            "192.0.2.7 - - [20/Nov/2026:21:06:{second:02} +0000] \"GET {host}{target} HTTP/1.1\" {status} {bytes} \"-\" \"curl\"\n"
        )
    };
    requests.iter().map(line).collect()
}

const RELAYED: [(u32, &str, u16, u32); 6] = [
    (1, "/a", 503, 197),
    (1, "/b", 503, 197),
    (2, "/c", 503, 197),
    (2, "/d", 503, 197),
    (3, "/e", 503, 197),
    (3, "/f", 503, 25),
];

#[test]
fn the_log_of_the_backend_decides_what_a_size_only_hints_at() {
    let fixture = Fixture::new();
    let mut cache = RELAYED.to_vec();
    cache.extend([
        (5, "/gone", 503, 283),
        (7, "/slow", 503, 283),
        (9, "/ok", 200, 9),
        (9, "/ok", 200, 9),
    ]);
    fixture.write("cache.log", cache_log(&cache));
    let mut backend = RELAYED.to_vec();
    backend.extend([(8, "/slow", 499, 0), (9, "/ok", 200, 9)]);
    fixture.write("backend/access.log", log(&backend, ""));
    let verdicts = |args: &[&str]| -> Vec<String> {
        let rows = fixture.run(args, b"").rows();
        let of_cache = |row: &&Value| row["server"] == "varnish";
        let verdict = |row: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            format!("{} {} {}", text(&row["target"]), text(&row["origin"]), text(&row["cause"]))
        };
        rows.iter().filter(of_cache).map(verdict).collect()
    };
    let decided = verdicts(&["--format", "entries", "cache.log", "backend/access.log"]);
    assert_eq!(decided[0], "/a upstream upstream_503");
    assert_eq!(decided[5], "/f upstream upstream_503");
    assert_eq!(decided[6], "/gone proxy cdn_origin_unreachable");
    assert_eq!(decided[7], "/slow proxy upstream_timeout");
    // Alone, a size is a hint.
    let alone = verdicts(&["--format", "entries", "cache.log"]);
    assert!(alone.iter().all(|row| row.contains(" unknown ")), "{alone:?}");
    // What stands before a cache sees all of its requests, and more.
    let mut front = cache.clone();
    front.push((9, "/other", 200, 9));
    fixture.write("front/access.log", log(&front, ""));
    let before = verdicts(&["--format", "entries", "cache.log", "front/access.log"]);
    assert!(before[6].starts_with("/gone unknown"), "{before:?}");
}

#[test]
fn a_request_and_its_fetch_are_joined_where_they_stand_apart() {
    let fixture = Fixture::new();
    let log = "\
*   << BeReq    >> 3
-   Begin          bereq 2 fetch
-   Timestamp      Start: 1795208767.681156 0.000000 0.000000
-   BereqMethod    GET
-   BereqURL       /a?b
-   BereqProtocol  HTTP/1.1
-   BereqHeader    Host: a.example
-   BereqHeader    X-Forwarded-For: 192.0.2.7
-   FetchError     backend boot.app: fail errno 111 (Connection refused)
-   Timestamp      Error: 1795208767.681256 0.000100 0.000100
-   BerespStatus   503
-   VCL_call       BACKEND_ERROR
-   End

*   << Request  >> 2
-   Begin          req 1 rxreq
-   Timestamp      Start: 1795208767.681059 0.000000 0.000000
-   ReqStart       192.0.2.7 50278 a0
-   ReqMethod      GET
-   ReqURL         /a?b
-   ReqProtocol    HTTP/1.1
-   ReqHeader      Host: a.example
-   VCL_call       MISS
-   RespStatus     503
-   RespReason     Backend fetch failed
-   Timestamp      Resp: 1795208767.683009 0.001950 0.000778
-   ReqAcct        83 0 83 250 282 532
-   End
";
    fixture.write("varnish.log", log);
    let said = fixture.run(&["--format", "entries", "varnish.log"], b"").rows();
    assert_eq!(said.len(), 1);
    assert_eq!(
        (said[0]["origin"].as_str(), said[0]["cause"].as_str(), said[0]["host"].as_str()),
        (Some("proxy"), Some("upstream_refused"), Some("a.example"))
    );
    assert_eq!(said[0]["line"], 15);
    let report = fixture.run(&["--format", "json", "varnish.log"], b"").json();
    assert_eq!(report["totals"]["requests"], 1);
}

#[test]
fn a_limit_that_haproxy_names_explains_what_it_refused() {
    let fixture = Fixture::new();
    let entry = |second: u32| {
        format!(
            "Nov 20 21:05:{second:02} lb1 haproxy[1]: 192.0.2.7:39572 [20/Nov/2026:21:05:{second:02}.537] fe be/s1 0/0/-1/-1/0 503 217 - - RC-- 9/9/0/0/0 0/0 \"GET /a HTTP/1.1\"\n"
        )
    };
    let said = "Nov 20 21:05:02 lb1 haproxy[1]: Proxy fe reached process FD limit (maxsock=9). Please check 'ulimit-n' and restart.\n";
    fixture.write("haproxy.log", [entry(1), said.to_owned(), entry(3)].concat());
    fixture.write("silent.log", [entry(1), entry(3)].concat());
    let verdicts = |file: &str| -> Vec<String> {
        let rows = fixture.run(&["--format", "entries", file], b"").rows();
        rows.iter().map(|row| format!("{} {}", row["origin"], row["cause"])).collect()
    };
    assert_eq!(verdicts("haproxy.log"), ["\"local_process\" \"fd_exhausted\""; 2]);
    assert_eq!(verdicts("silent.log"), ["\"local_process\" null"; 2]);
}

#[test]
fn reports_count_how_sessions_ended_and_towards_which_server() {
    let fixture = Fixture::new();
    let mut log = String::new();
    for second in 0..30 {
        let (server, state) =
            if second % 3 == 0 { ("be/<NOSRV>", "SC--") } else { ("be/s1", "sC--") };
        let _ = writeln!(
            log,
            "Nov 20 21:05:{second:02} lb1 haproxy[1]: 192.0.2.7:39572 [20/Nov/2026:21:05:{second:02}.537] fe {server} 0/-1/-1/-1/0 503 217 - - {state} 1/1/0/0/0 0/0 \"GET /a HTTP/1.1\""
        );
    }
    fixture.write("haproxy.log", log);
    let report = fixture.run(&["--format", "json", "haproxy.log"], b"").json();
    let impact = &report["incidents"][0]["impact"];
    let items = |top: &str| -> Vec<(String, u64)> {
        let items = impact[top]["items"].as_array().expect("a ranking");
        let key = |item: &Value| item["key"].as_str().unwrap_or_default().to_owned();
        items.iter().map(|item| (key(item), item["count"].as_u64().unwrap_or(0))).collect()
    };
    assert_eq!(items("termination_states"), [("sC--".to_owned(), 20), ("SC--".to_owned(), 10)]);
    assert_eq!(items("top_upstreams"), [("be/s1".to_owned(), 20), ("be".to_owned(), 10)]);
    let text = fixture.run(&["--format", "text", "haproxy.log"], b"");
    let text = String::from_utf8_lossy(&text.out).into_owned();
    assert!(text.contains("sC-- (20), SC-- (10)"), "{text}");
}

/// A server accepts nothing for three seconds, and then all at once: no line says so, the times do.
#[test]
fn a_hole_in_what_is_accepted_is_told() {
    let fixture = Fixture::new();
    let mut text = String::new();
    for second in (0..30).chain(33..40) {
        for n in 0..if second == 33 { 80 } else { 20 } {
            let state =
                if second >= 33 && n < 10 { "503 217 - - sQ--" } else { "200 2890 - - ----" };
            let _ = writeln!(
                text,
                "Nov 20 21:30:{second:02} lb1 haproxy[1]: 198.51.100.{n}:5386 [20/Nov/2026:21:30:{second:02}.{n:03}] \
                 web app/a1 0/0/0/2/2 {state} 2/2/1/0/0 0/0 \"GET /{n} HTTP/1.1\""
            );
        }
    }
    fixture.write("haproxy.log", text);
    let document = fixture.run(&["--format", "json", "haproxy.log"], b"").json();
    let gap = &document["coverage"]["gaps"][0];
    assert_eq!(gap["kind"], "ingest_stall", "{}", document["coverage"]);
    assert_eq!(gap["duration_s"], 3.0);
    let rows = document["incidents"][0]["timeline"].as_array().expect("a list");
    let row = rows.iter().find(|row| row["kind"] == "ingest_stall").expect("a row");
    assert_eq!(row["text"], "no request is accepted for 3 s, then 80 come in one second");
}

#[test]
fn transactions_cut_down_to_some_tags_tell_what_failed() {
    let transaction = |reason: &str, fetch: &[&str]| {
        let request = "*   << Request  >> 1966102   \n-   Begin          req 1966101 rxreq\n-   Timestamp      Start: 1795210000.123456 0.000000 0.000000\n-   ReqURL         /cart\n-   RespStatus     503\n";
        let response = format!(
            "-   RespReason     {reason}\n-   Timestamp      Resp: 1795210015.223456 15.100000 0.000000\n**  << BeReq    >> 1966103   \n--  Begin          bereq 1966102 fetch\n"
        );
        format!("{request}{response}--  {}\n\n", fetch.join("\n--  "))
    };
    let own = "Backend fetch failed";
    for (reason, fetch, expected) in [
        // Only `VCL_call` is missing, or the times are there instead.
        (
            own,
            &[
                "FetchError     first byte timeout",
                "BerespStatus   503",
                "BerespReason   Backend fetch failed",
            ][..],
            ("proxy", "upstream_timeout"),
        ),
        (
            own,
            &[
                "FetchError     backend shop: fail errno 111 (Connection refused)",
                "Timestamp      Error: 1795210015.2 15.1 0.0",
            ],
            ("proxy", "upstream_refused"),
        ),
        // Another Varnish sent its own page.
        (
            own,
            &["BerespStatus   503", "BerespReason   Backend fetch failed"],
            ("upstream", "upstream_503"),
        ),
        // What fails behind the status is the body of an answer.
        (
            "Service Unavailable",
            &[
                "BerespStatus   503",
                "BerespReason   Service Unavailable",
                "FetchError     HTC eof (-1)",
            ],
            ("upstream", "upstream_503"),
        ),
    ] {
        let fixture = Fixture::new();
        fixture.write("varnish.log", transaction(reason, fetch));
        let rows = fixture.run(&["varnish.log", "--format", "entries"], b"").rows();
        let said = (rows[0]["origin"].as_str(), rows[0]["cause"].as_str());
        assert_eq!(said, (Some(expected.0), Some(expected.1)), "{fetch:?}");
    }
}

#[test]
fn a_request_that_was_restarted_has_one_response() {
    let fixture = Fixture::new();
    let request = |id: u32, behind: &str| {
        format!(
            "*   << Request  >> {id}     \n-   Begin          req 1 rxreq\n-   Timestamp      Start: 1795329978.546663 0.000000 0.000000\n-   ReqStart       192.0.2.7 45627 a0\n-   ReqMethod      GET\n-   ReqURL         /a\n-   ReqProtocol    HTTP/1.1\n-   RespStatus     503\n-   RespReason     Service Unavailable\n-   VCL_call       DELIVER\n-   VCL_return     restart\n{behind}-   End            \n\n"
        )
    };
    let again = |next: u32| {
        format!(
            "-   Timestamp      Restart: 1795329978.547351 0.000688 0.000066\n-   Link           req {next} restart\n"
        )
    };
    let last = "-   VCL_Error      Too many restarts\n-   RespStatus     503\n-   RespReason     Service Unavailable\n-   VCL_call       SYNTH\n-   VCL_return     deliver\n-   ReqAcct        116 0 116 204 279 483\n";
    let log = [request(2, &again(4)), request(4, &again(6)), request(6, last)].concat();
    fixture.write("varnishlog.txt", &log);
    let rows = fixture.run(&["--format", "entries", "varnishlog.txt"], b"").rows();
    let told: Vec<_> = rows.iter().map(|row| (&row["origin"], &row["cause"])).collect();
    assert_eq!(told, [(&"local_process".into(), &"config_error".into())]);
}

#[test]
fn a_frontend_without_a_backend_is_told_from_servers_that_are_down() {
    let fixture = Fixture::new();
    let line = |second: u32, target: &str, timers: &str, status: u32, state: &str| {
        format!(
            "192.0.2.7:39572 [20/Nov/2026:21:05:{second:02}.537] {} {target} {timers} {status} 217 - - {state} 1/1/0/0/0 0/0 \"GET /a HTTP/1.1\"\n",
            target.split('/').next().unwrap_or_default()
        )
    };
    fixture.write(
        "haproxy.log",
        [
            line(1, "shop/s1", "0/0/0/1/1", 200, "----"),
            line(2, "web/<NOSRV>", "-1/-1/-1/-1/0", 503, "SC--"),
            line(3, "shop/<NOSRV>", "0/-1/-1/-1/0", 503, "SC--"),
            line(4, "shop/s1", "0/0/0/-1/1", 503, "PH--"),
            line(5, "shop/<NOSRV>", "0/0/-1/-1/603", 503, "DC--"),
        ]
        .concat(),
    );
    let rows = fixture.run(&["--format", "entries", "haproxy.log"], b"").rows();
    let told: Vec<String> =
        rows.iter().map(|row| format!("{} {}", row["origin"], row["cause"])).collect();
    assert_eq!(
        told,
        [
            "\"local_process\" \"no_route\"",
            "\"proxy\" \"no_live_upstreams\"",
            "\"local_process\" \"policy_denied\"",
            "\"proxy\" \"health_check_failed\"",
        ]
    );
}

#[test]
fn requests_that_nothing_reads_are_told() {
    let fixture = Fixture::new();
    let line = |n: u32| {
        format!(
            "Nov 20 21:05:1{n} lb app[7]: {{\"a\":\"2026-11-20T21:05:1{n}Z\",\"b\":\"2026-11-20T21:05:1{n}Z\",\"r\":\"GET /a HTTP/1.1\",\"x\":503,\"y\":503}}\n"
        )
    };
    fixture.write("app.log", [line(1), line(2), line(3), line(4)].concat());
    let run = fixture.run(&["--format", "json", "app.log"], b"");
    assert_eq!(run.code, Some(4));
    let report = run.json();
    let codes: Vec<_> = report["diagnostics"].as_array().into_iter().flatten().collect();
    assert!(codes.iter().any(|row| row["code"] == "unread_requests"), "{codes:?}");
    // Who names a directory does not answer for each file in it.
    let fixture = Fixture::new();
    fixture.write("logs/app.log", [line(1), line(2), line(3), line(4)].concat());
    assert_eq!(fixture.run(&["--format", "json", "logs"], b"").code, Some(0));
}
