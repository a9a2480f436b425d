//! Every head, and lines that have none.

use super::*;
use crate::cause::RULES;

/// 2026-11-20T21:17:24
const AT: i64 = 1_795_209_444_000_000;

/// A line's time (`None`: it has none; else microseconds after [`AT`], and whether a zone is known), level and message.
#[track_caller]
fn check(line: &str, time: Option<(i64, bool)>, level: &str, message: &str) {
    let reader = AppLog::new(false);
    let glance = reader.glance(line.as_bytes()).expect(line);
    assert_eq!(glance.stamp.is_empty(), time.is_none(), "{line}");
    let Ok(Record::Error(record)) = reader.parse(line.as_bytes()) else {
        panic!("refused: {line}")
    };
    let stamp = record.stamp.map(|stamp| (stamp.micros - AT, stamp.offset_s.is_some()));
    assert_eq!(stamp, time, "{line}");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!((&*text(record.level), &*text(record.message)), (level, message));
}

#[test]
fn dates_are_completed_by_the_time_of_the_file() {
    let check = |lines: &[&str], last_write_s: i64, expected: Option<i64>| {
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
        let dated = AppLog::new(false).dated(&lines, AT + last_write_s * SECOND_US);
        let stamp = dated.and_then(|reader| {
            let glance = reader.glance(lines[0]).expect("a head");
            reader.stamp(glance.stamp)
        });
        assert_eq!(stamp.map(|stamp| stamp.micros - AT), expected, "{lines:?}");
        assert!(stamp.is_none_or(|stamp| stamp.offset_s.is_none()));
    };
    let klog = "E1120 21:17:24.123456       1 controller.go:1] text";
    check(&[klog], 60, Some(123_456));
    check(&[klog], 86_400 * 200, Some(123_456));
    check(&[klog], -86_400 * 2, Some(123_456 - 365 * DAY_US));
    check(&["E1320 21:17:24.1       1 controller.go:1] text"], 60, None);
    let dotnet = "[21:17:24 ERR] a";
    check(&[dotnet, "[21:17:25 INF] b"], 5, Some(0));
    check(&[dotnet, "[21:17:20 INF] b"], 5, Some(0));
    check(&[dotnet], 4 * 3600, Some(0));
    // After midnight; and over it.
    check(&["21:17:24.5 [main] ERROR a.B - c"], 86_400 - 3600, Some(DAY_US + 500_000));
    check(&[dotnet, "[09:00:00 INF] b"], 5, None);
    check(&["2026-11-20T21:17:24Z ERROR x"], 5, None);
}

#[test]
fn heads_of_application_servers() {
    let local = Some((0, false));
    let utc = Some((0, true));
    check(
        "[20-Nov-2026 21:17:24] WARNING: [pool www] server reached",
        local,
        "WARNING",
        "[pool www] server reached",
    );
    check("[20-Nov-2026 21:17:24 UTC] PHP Fatal error:  x", utc, "", "PHP Fatal error:  x");
    check(
        "[2026-11-20 21:17:24 +0000] [99] [CRITICAL] WORKER TIMEOUT (pid:99)",
        utc,
        "CRITICAL",
        "WORKER TIMEOUT (pid:99)",
    );
    check("Fri Nov 20 21:17:24 2026 - *** HARAKIRI", local, "", "*** HARAKIRI");
    check("E, [2026-11-20T21:17:24.000000 #99] ERROR -- : worker=1", local, "ERROR", "worker=1");
    check(
        "20-Nov-2026 21:17:24.123 SEVERE [main] org.apache.catalina.core.X.start Failed to",
        Some((123_000, false)),
        "SEVERE",
        "Failed to",
    );
    check(
        "[ W 2026-11-20 21:17:24.0000 56016/Ty age/Cor.cpp:260 ]: [Client 1-1] full",
        local,
        "warn",
        "[Client 1-1] full",
    );
    check("2026-11-20T21:17:24: PM2 log: App [a:0] online", local, "", "log: App [a:0] online");
    check("fail: Microsoft.Hosting[13]", None, "error", "");
    check("[21:17:24 ERR] HTTP GET / failed", None, "ERR", "HTTP GET / failed");
    check(
        "2026-11-20 21:17:24.123 +00:00 [FTL] Host terminated",
        Some((123_000, true)),
        "FTL",
        "Host terminated",
    );
}

#[test]
fn heads_of_logging_libraries() {
    let local = Some((0, false));
    let utc = Some((0, true));
    check("2026-11-20 21:17:24.000  WARN 1 --- [main] c.e.Foo : text", local, "WARN", "text");
    check("2026-11-20 21:17:24,000 - root - ERROR - text", local, "ERROR", "- text");
    check("[2026-11-20 21:17:24,000: ERROR/MainProcess] text", local, "ERROR", "text");
    check("2026/11/20 21:17:24 http: panic serving", local, "", "http: panic serving");
    check(
        "time=\"2026-11-20T21:17:24Z\" level=error msg=\"a b\" err=\"c\"",
        utc,
        "error",
        "a b\" err=\"c\"",
    );
    check("ts=1795209444.0 level=warn msg=x", utc, "warn", "x");
    check(
        r#"{"level":50,"time":1795209444000,"msg":"a","err":{"message":"b"}}"#,
        utc,
        "50",
        r#"a","err":{"message":"b""#,
    );
    check(r#"{"severity":"ERROR","message":"m"}"#, None, "ERROR", "m");
    check("E1120 21:17:24.123456       1 controller.go:1] text", None, "error", "text");
    check("[ 2170.372798] Out of memory: Killed", None, "", "Out of memory: Killed");
}

#[test]
fn heads_of_dependencies() {
    let local = Some((0, false));
    let utc = Some((0, true));
    check("2026-11-20 21:17:24.000 UTC [99] app@shop FATAL:  sorry", utc, "FATAL", "sorry");
    check(
        "2026-11-20T21:17:24.000000Z 0 [ERROR] [MY-010123] [Server] text",
        utc,
        "ERROR",
        "[MY-010123] [Server] text",
    );
    check(
        "2026-11-20 21:17:24.00 spid51      Error: 18456, Severity: 14",
        local,
        "",
        "Error: 18456, Severity: 14",
    );
    check(
        "2026/11/20 21:17:24 [alert] 9#9 process 5 exited on signal 9",
        local,
        "alert",
        "process 5 exited on signal 9",
    );
    check("99:M 20 Nov 2026 21:17:24.000 # Out Of Memory", local, "warning", "Out Of Memory");
    check("2026-11-20 21:17:24.000000+00:00 [error] <0.2.0> text", utc, "error", "<0.2.0> text");
    check("[2026-11-20 21:17:24,000] WARN [Producer a] text", local, "WARN", "[Producer a] text");
}

#[test]
fn other_lines_have_no_head() {
    for line in [
        "2026/11/20 21:17:22 [error] 14#14: *4 limiting requests",
        "[Fri Nov 20 21:21:42.843219 2026] [core:error] [pid 1] x",
        "2026-11-20 21:29:42 10.0.0.1 GET / - 80 - 10.0.0.2 curl - 503 0 0 1",
        "1.2.3.4 - - [20/Nov/2026:21:29:42 +0000] \"GET / HTTP/1.1\" 503 197",
        r#"{"status":503,"method":"GET","level":"error","message":"x"}"#,
        "\tat com.example.Foo(Foo.java:1)",
        "Caused by: java.net.ConnectException: Connection refused",
        "error",
        "",
    ] {
        assert!(AppLog::new(false).glance(line.as_bytes()).is_err(), "{line}");
    }
}

#[test]
fn a_bare_line_is_taken_if_the_cause_table_knows_it() {
    let reader = AppLog::new(true);
    let message = |line: &'static str| match reader.parse(line.as_bytes()) {
        Ok(Record::Error(record)) => String::from_utf8_lossy(record.message).into_owned(),
        _ => String::new(),
    };
    assert_eq!(
        message(
            "error] 9#0: *2 upstream prematurely closed connection while reading response header from upstream, client: 1.2.3.4, server: a"
        ),
        "upstream prematurely closed connection while reading response header from upstream"
    );
    assert_eq!(
        message(
            "WARNING: [pool www] server reached pm.max_children setting (8), consider raising it"
        ),
        "[pool www] server reached pm.max_children setting (8), consider raising it"
    );
    for (line, text) in [
        (
            "*40 upstream sent too big header while reading response header from upstream",
            "upstream sent too big header while reading response header from upstream",
        ),
        ("`limiting connections by zone \"a\"`", "limiting connections by zone \"a\"`"),
        (
            "date [error] 2#0: *7 no live upstreams while connecting to upstream, client: [IP]",
            "no live upstreams while connecting to upstream",
        ),
        (
            "\"Request queue is full. Returning an error\"",
            "Request queue is full. Returning an error\"",
        ),
        (
            "> nginx: [emerg] host not found in upstream \"app:9000\" in /etc/nginx/a.conf:2",
            "host not found in upstream \"app:9000\" in /etc/nginx/a.conf:2",
        ),
        (
            "[client 1.2.3.4:] mod_fcgid: read data timeout in 45 seconds",
            "mod_fcgid: read data timeout in 45 seconds",
        ),
        (
            "Connection refused: [client x.x.x.x:] mod_wsgi (pid=7): Unable to connect to WSGI daemon process 'a' on '/run/a.sock'.",
            "mod_wsgi (pid=7): Unable to connect to WSGI daemon process 'a' on '/run/a.sock'.",
        ),
        (
            "[:error] [pid 7:tid 8] proxy: CLUSTER: (balancer://a). All workers are in error state",
            "proxy: CLUSTER: (balancer://a). All workers are in error state",
        ),
        (
            "  Warning  Unhealthy  3m47s (x1741 over 12h)  kubelet  Startup probe failed: HTTP probe failed with statuscode: 503",
            "Unhealthy  3m47s (x1741 over 12h)  kubelet  Startup probe failed: HTTP probe failed with statuscode: 503",
        ),
        (
            "  Warning  FailedScheduling  9h (x108 over 18h)  default-scheduler  0/1 nodes are available: 1 Insufficient memory.",
            "FailedScheduling  9h (x108 over 18h)  default-scheduler  0/1 nodes are available: 1 Insufficient memory.",
        ),
    ] {
        assert_eq!(message(line), text);
    }
    assert_eq!(message("  Type     Reason     Age    From     Message"), "");
    assert_eq!(message("nothing of the kind"), "");
    assert_eq!(message("        at no live upstreams while connecting to upstream"), "");
    let refused: Vec<_> = RULES
        .iter()
        .filter(|row| row.events.is_empty() && row.kind != RuleKind::Noise && !row.is_told())
        .filter(|row| row.server != Server::Nginx && row.server != Server::Apache)
        .filter(|row| reader.parse(row.example.as_bytes()).is_err())
        .map(|row| row.id)
        .collect();
    assert_eq!(refused, [""; 0]);
}
