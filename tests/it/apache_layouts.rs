//! Access logs of Apache in layouts that operators write: times, names of keys, and columns that nginx has no word for.
//!
//! In: a few lines, written here. Out: origin and cause of every entry of the access log.
//! Invariants: a layout changes no verdict, and what it does not tell is not made up.

use std::fmt::Write as _;

use crate::support::{Fixture, count_verdicts};

/// Writes number, status and path of a request as a line.
type Layout<'l> = dyn Fn(usize, u16, &str) -> String + 'l;

const REFUSED: (&str, usize) = ("proxy/upstream_refused", 4);

/// What Apache says of request `n`, whose backend refused the connection.
fn refused(n: usize) -> String {
    let head = |module: &str| {
        format!("[Fri Nov 20 21:31:{n:02}.500900 2026] [{module}:error] [pid 7:tid {}]", 70 + n)
    };
    format!(
        "{} (111)Connection refused: AH00957: http: attempt to connect to 127.0.0.1:8080 (127.0.0.1:8080) failed\n{} [client 192.0.2.{n}:0] AH01114: HTTP: failed to make connection to backend: 127.0.0.1\n",
        head("proxy"),
        head("proxy_http"),
    )
}

/// Forty requests, of which the last four find no backend, as `line` writes number, status and path; and its error log.
fn outage(line: impl Fn(usize, u16, &str) -> String) -> (String, String) {
    let (mut access, mut error) = (String::new(), String::new());
    for n in 1..=40 {
        let status = if n > 36 { 503 } else { 200 };
        writeln!(access, "{}", line(n, status, &format!("/p/{n}?x=1"))).expect("written");
        if status == 503 {
            error += &refused(n);
        }
    }
    (access, error)
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &[(&str, usize)]) {
    let fixture = Fixture::new();
    for (name, text) in files {
        fixture.write(&format!("logs/{name}"), text);
    }
    let rows = fixture.run(&["--format", "entries", "logs"], b"").rows();
    let is_asked = |row: &&serde_json::Value| {
        row["source"].as_str().is_some_and(|source| source.ends_with("/access.log"))
    };
    let expected: Vec<(String, usize)> =
        expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    assert_eq!(count_verdicts(rows.iter().filter(is_asked)), expected, "{files:?}");
}

#[test]
fn times_are_read_in_every_notation() {
    let layouts: &[&Layout<'_>] = &[
        &|n, status, path| {
            format!("2026-11-20 21:31:{n:02}.500123 +0000\t192.0.2.{n}\t{path}\tGET\t{status}")
        },
        &|n, status, path| {
            format!("2026-11-20T21:31:{n:02} +0000\t192.0.2.{n}\t{path}\tGET\t{status}")
        },
        &|n, status, path| {
            format!("2026-11-20T21:31:{n:02}.500-07:00 192.0.2.{n} {path} GET {status}")
        },
        &|n, status, path| format!("2026-11-20 21:31:{n:02}-07:00 192.0.2.{n} {path} GET {status}"),
        &|n, status, path| {
            format!(
                "ts=\"2026-11-20 21:31:{n:02},500\" src=192.0.2.{n} st={status} req=\"GET {path} HTTP/1.1\""
            )
        },
        &|n, status, path| {
            format!(
                "{{\"ts\":\"1795210{:03}500123\",\"ip\":\"192.0.2.{n}\",\"code\":\"{status}\",\"method\":\"GET\",\"uri\":\"{path}\"}}",
                260 + n
            )
        },
        &|n, status, path| {
            format!(
                "{{\"begun\":1795210{:03}500123,\"ip\":\"192.0.2.{n}\",\"code\":{status},\"method\":\"GET\",\"uri\":\"{path}\"}}",
                260 + n
            )
        },
    ];
    for line in layouts {
        let (access, error) = outage(line);
        check(&[("access.log", &access), ("error.log", &error)], &[REFUSED]);
    }
    // Columns between commas: what follows the time is a status and no fraction.
    let (access, error) = outage(|n, status, path| {
        format!("2026-11-20T21:31:{n:02},{status},192.0.2.{n},GET,{path},612")
    });
    check(&[("access.log", &access), ("error.log", &error)], &[REFUSED]);
}

#[test]
fn the_file_of_a_request_is_no_handler() {
    let (access, error) = outage(|n, status, path| {
        let file = match status {
            503 => "/srv/www/errors/503.html".to_owned(),
            _ => format!("proxy:http://127.0.0.1:8080{path}"),
        };
        format!(
            "192.0.2.{n} - - [20/Nov/2026:21:31:{n:02} +0000] \"GET {path} HTTP/1.1\" {status} 612 \"-\" \"a\\\"b\" file=\"{file}\""
        )
    });
    check(&[("access.log", &access)], &[("unknown/-", 4)]);
    check(&[("access.log", &access), ("error.log", &error)], &[REFUSED]);
}

#[test]
fn names_of_variables_of_nginx_may_be_an_operators_of_apache() {
    let (access, error) = outage(|n, status, path| {
        format!(
            "{{\"time\":\"2026-11-20T21:31:{n:02}\",\"remote_addr\":\"192.0.2.{n}\",\"status\":{status},\"request_method\":\"GET\",\"request_uri\":\"{path}\",\"body_bytes_sent\":\"612\"}}"
        )
    });
    check(&[("access.log", &access), ("error.log", &error)], &[REFUSED]);
}

#[test]
fn zones_without_a_colon_are_not_written_by_nginx() {
    let (access, error) = outage(|n, status, path| {
        format!(
            "2026-11-20T21:31:{n:02}.500+0000 192.0.2.{n} \"GET {path} HTTP/1.1\" {status} 612 700 {:032x}",
            n * 7919
        )
    });
    // The log of a nginx in front, and its error log: these lines are not for entries of the other.
    let (mut front, mut front_error) = (String::new(), String::new());
    for n in 1..=40 {
        let status = if n > 36 { 503 } else { 200 };
        writeln!(front, "{{\"time_local\":\"20/Nov/2026:21:31:{n:02} +0000\",\"remote_addr\":\"198.51.100.{n}\",\"request\":\"GET /shop/p/{n}?x=1 HTTP/1.1\",\"status\":\"{status}\",\"body_bytes_sent\":\"612\",\"upstream_addr\":\"10.0.0.2:80\",\"upstream_status\":\"{status}\",\"request_time\":\"0.005\",\"request_id\":\"{:032x}\"}}", n * 7919).expect("written");
    }
    writeln!(front_error, "2026/11/20 21:31:02 [error] 7#7: *3 limiting requests, excess: 0.830 by zone \"z\", client: 198.51.100.99, server: _, request: \"GET /l HTTP/1.1\", host: \"a.test\"").expect("written");
    let files = [
        ("access.log", access.as_str()),
        ("error.log", &error),
        ("front/front.log", &front),
        ("front/error.log", &front_error),
    ];
    check(&files, &[REFUSED]);
}

/// `%t` prints brackets of its own.
#[test]
fn times_of_json_may_stand_in_brackets() {
    let layouts: [&Layout<'_>; 2] = [
        &|n, status, path| {
            format!(
                r#"{{"time":"[20/Nov/2026:21:31:{n:02} +0000]","client":"192.0.2.{n}","status":"{status}","method":"GET","uri":"{path}","bytes":"299"}}"#
            )
        },
        &|n, status, path| {
            format!(
                r#"{{"ip":"192.0.2.{n}","http":{{"req":"GET {path} HTTP/1.1","code":{status}}},"received_at":"[20/Nov/2026:21:31:{n:02} +0000]"}}"#
            )
        },
    ];
    for layout in layouts {
        let (access, error) = outage(layout);
        check(&[("access.log", &access), ("error.log", &error)], &[REFUSED]);
    }
}

/// An `ErrorLogFormat` writes the same things otherwise.
#[test]
fn error_logs_are_read_in_formats_of_an_operators_own() {
    type ErrorLayout<'l> = dyn Fn(&str, &str, &str, &str, &str, &str) -> String + 'l;
    let or = |value: &str| if value.is_empty() { "-".to_owned() } else { value.to_owned() };
    let bracketed = |client: &str| {
        if client.is_empty() { String::new() } else { format!("[client {client}]") }
    };
    let join = |errno: &str, text: &str| {
        if errno.is_empty() { text.to_owned() } else { format!("{errno}: {text}") }
    };
    let layouts: [&ErrorLayout<'_>; 6] = [
        &|time, module, tid, errno, client, text| {
            format!(
                r#"{{"time":"{time}","module":"{module}","level":"error","pid":"7","tid":"{tid}","client":"{}","errno":"{}","msg":"{text}"}}"#,
                or(client),
                or(errno)
            )
        },
        &|time, module, tid, errno, client, text| {
            format!(
                r#"{{ "@timestamp": "{time}", "function" : "[{module}:error]" , "process" : "[pid 7:tid {tid}]" , "source": "{}", "message" : "{}" }}"#,
                or(client),
                join(errno, text)
            )
        },
        &|time, module, tid, errno, client, text| {
            format!(
                r#"ts="{time}" level=error module={module} pid=7 tid={tid} src={} msg="{}""#,
                or(client),
                join(errno, text)
            )
        },
        &|time, module, tid, errno, client, text| {
            format!("{time}|{module}|error|7:{tid}|{}|{}", or(client), join(errno, text))
        },
        &|time, module, tid, errno, client, text| {
            format!(
                "[{time}] www.example.com [{module}:error] [pid 7:tid {tid}] {}",
                format!("{} {}", bracketed(client), join(errno, text)).trim()
            )
        },
        &|time, module, tid, errno, client, text| {
            format!(
                "[{time}] [{module}:error] [pid 7:tid {tid}] {} {}",
                join(errno, text),
                bracketed(client)
            )
        },
    ];
    let (access, _) = outage(|n, status, path| {
        format!(
            r#"192.0.2.{n} - - [20/Nov/2026:21:31:{n:02} +0000] "GET {path} HTTP/1.1" {status} 299"#
        )
    });
    for layout in layouts {
        let mut error = String::new();
        for n in 37..=40 {
            let time = format!("2026-11-20 21:31:{n}.500900");
            let tid = (70 + n).to_string();
            let attempt =
                "AH00957: http: attempt to connect to 127.0.0.1:8080 (127.0.0.1:8080) failed";
            let end = "AH01114: HTTP: failed to make connection to backend: 127.0.0.1";
            let client = format!("192.0.2.{n}:0");
            let refused = "(111)Connection refused";
            for line in [
                layout(&time, "proxy", &tid, refused, "", attempt),
                layout(&time, "proxy_http", &tid, "", &client, end),
            ] {
                writeln!(error, "{}", line.trim_end()).expect("written");
            }
        }
        check(&[("access.log", &access), ("error.log", &error)], &[REFUSED]);
    }
}

/// One client, all of whose requests fail with pages of one size: those that the backend answered leave no line.
#[test]
fn fractions_of_a_second_tell_whose_line_it_is() {
    let (mut access, mut error) = (String::new(), String::new());
    for n in 1..=40 {
        let status = if n > 30 { 503 } else { 200 };
        let line = |ms: u32, path: &str| {
            format!(
                r#"{{"ts":"2026-11-20T21:31:{n:02}.{ms:03}+0000","ip":"10.0.0.9","code":{status},"method":"GET","uri":"/{path}/{n}","bytes":299,"duration_us":362}}"#
            )
        };
        writeln!(access, "{}\n{}", line(100, "answered"), line(500, "p")).expect("written");
        if status == 503 {
            error += &refused(n).replace(&format!("192.0.2.{n}:0"), "10.0.0.9:0");
        }
    }
    check(
        &[("access.log", &access), ("error.log", &error)],
        &[("proxy/upstream_refused", 10), ("unknown/-", 10)],
    );
}

/// Lines that tell whole seconds may be later than they say.
#[test]
fn lines_of_whole_seconds_are_of_entries_within_these() {
    let (access, error) = outage(|n, status, path| {
        format!("2026-11-20 21:31:{n:02}.900123 +0000\t192.0.2.{n}\t{path}\tGET\t{status}\t299")
    });
    let error = error.replace(".500900", "");
    check(&[("access.log", &access), ("error.log", &error)], &[REFUSED]);
}

/// Times of microseconds, and zones without a colon, are not nginx's, whatever the keys are called.
#[test]
fn keys_of_nginx_beside_times_of_others_may_be_an_operators_of_apache() {
    let layouts: [&Layout<'_>; 2] = [
        &|n, status, path| {
            format!(
                r#"{{"timestamp":"1795210{:03}500123","client":"192.0.2.{n}","response":"{status}","upstream_status":"-","verb":"GET","url":"{path}","sent":"299"}}"#,
                260 + n
            )
        },
        &|n, status, path| {
            format!(
                r#"{{"time":"2026-11-20T21:31:{n:02}.500+0000","remote_ip":"192.0.2.{n}","st":{status},"upstream_status":"-","verb":"GET","target":"{path}","sent":299}}"#
            )
        },
    ];
    for layout in layouts {
        let (access, error) = outage(layout);
        check(&[("access.log", &access), ("error.log", &error)], &[REFUSED]);
    }
}

/// Many entries, all with fractions, beside lines of whole seconds: no clock is off.
#[test]
fn lines_of_whole_seconds_put_no_clock_off() {
    let (mut access, mut error) = (String::new(), String::new());
    for n in 1..=59 {
        let status = if n > 20 { 503 } else { 200 };
        writeln!(
            access,
            r#"{{"time":"2026-11-20T21:31:{n:02}.700+0000","client":"192.0.2.{n}","status":{status},"method":"GET","uri":"/p/{n}","bytes":299}}"#
        )
        .expect("written");
        if status == 503 {
            error += &refused(n).replace(".500900", "");
        }
    }
    check(&[("access.log", &access), ("error.log", &error)], &[("proxy/upstream_refused", 39)]);
}

/// `%{end:...}t` tells when a request was done; its lines stand just before that.
#[test]
fn times_may_be_those_of_the_end() {
    let (mut access, mut error) = (String::new(), String::new());
    for n in 1..=40 {
        let status = if n > 36 { 503 } else { 200 };
        let line = |at: &str, path: &str| {
            format!(
                "[2026-11-20T21:31:{at}+0000] GET \"/{path}/{n}\" 192.0.2.{n} \"curl/8.5.0\" {status} 299"
            )
        };
        writeln!(access, "{}", line(&format!("{n:02}.501"), "p")).expect("written");
        if status == 503 {
            error += &refused(n);
        }
    }
    check(&[("access.log", &access), ("error.log", &error)], &[REFUSED]);
}
