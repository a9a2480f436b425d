//! Unit tests of Apache error logs.

use proptest::prelude::*;

use super::*;

/// Compares every field with `fields`, written `name=value` and joined by `|`, and the record's message and client.
#[track_caller]
fn check_with(reader: &ApacheError, line: &str, fields: &str, message: &str, client: Option<&str>) {
    let mut seen = Vec::new();
    reader.each_field(line.as_bytes(), &mut |name, value| {
        seen.push(format!("{name}={}", String::from_utf8_lossy(value)));
    });
    assert_eq!(seen.join("|"), fields);
    let Ok(Record::Error(record)) = reader.parse(line.as_bytes()) else {
        panic!("refused: {line}")
    };
    assert_eq!(String::from_utf8_lossy(record.message), message);
    assert_eq!(record.client.map(String::from_utf8_lossy).as_deref(), client);
    assert_eq!(record.connection.is_some(), record.pid.is_some());
}

#[track_caller]
fn check(line: &str, fields: &str, message: &str, client: Option<&str>) {
    check_with(&ApacheError::new(), line, fields, message, client);
}

#[test]
fn lines_for_a_syslog_daemon_have_no_time() {
    let reader = ApacheError::timeless();
    check_with(
        &reader,
        "[authz_core:error] [pid 22034:tid 5] (13)Permission denied: [client 192.0.2.1:58585] AH01630: x",
        "module=authz_core|level=error|pid=22034|tid=5|errno=(13)Permission denied|client=192.0.2.1:58585|message=AH01630: x",
        "(13)Permission denied: [client 192.0.2.1:58585] AH01630: x",
        Some("192.0.2.1"),
    );
    check_with(
        &reader,
        "[:error] [pid 7] AH1: x",
        "level=error|pid=7|message=AH1: x",
        "AH1: x",
        None,
    );
    check_with(
        &reader,
        "[error] [client 192.0.2.1] x",
        "level=error|client=192.0.2.1|message=x",
        "x",
        Some("192.0.2.1"),
    );
    for line in ["[error] x", "[error] [pid 7] x", "[a:b] [pid 7] x", "[core:error] x", ""] {
        assert!(reader.parse(line.as_bytes()).is_err(), "{line}");
    }
}

/// The example with log ids in the manual of `ErrorLogFormat`, with and without the configuration.
#[test]
fn log_ids_are_no_part_of_the_message() {
    let given = parse_spec("[%{uc}t] [%-m:%-l] [R:%L] [C:%{C}L] %7F: %E: %M").expect("a format");
    for reader in [ApacheError::bracketed(Notation::Iso8601, "compact"), given] {
        let read = |line: &str| {
            let mut seen = Vec::new();
            reader.each_field(line.as_bytes(), &mut |name, value| {
                seen.push(format!("{name}={}", String::from_utf8_lossy(value)));
            });
            let Ok(Record::Error(record)) = reader.parse(line.as_bytes()) else {
                panic!("refused: {line}")
            };
            (seen[3..].join("|"), record.connection)
        };
        let ids = "[R:agK1xyzAAQE] [C:agK1+/@_-BC]";
        let (refused, request) = read(&format!(
            "[2026-05-12 14:00:01.123456] [proxy:error] {ids} proxy_util.c(3000): (111)Connection refused: AH00957: HTTP: x"
        ));
        assert_eq!(
            refused,
            "request_id=agK1xyzAAQE|errno=(111)Connection refused|message=AH00957: HTTP: x"
        );
        let (told, same) = read(&format!(
            "[2026-05-12 14:00:01.123456] [proxy_http:error] {ids} AH01114: HTTP: y"
        ));
        assert_eq!(told, "request_id=agK1xyzAAQE|message=AH01114: HTTP: y");
        assert!(request.is_some() && request == same);
        let (_, other) =
            read("[2026-05-12 14:00:01.123456] [proxy:error] [R:agK1xyzAAQF] AH01114: HTTP: y");
        assert!(other.is_some() && other != same);
    }
    check(
        "[Fri Nov 20 21:21:42 2026] [error] [R: free text] x",
        "time=Fri Nov 20 21:21:42 2026|level=error|message=[R: free text] x",
        "[R: free text] x",
        None,
    );
}

/// `ErrorLogFormat` with a bracket more, before the client or the error number.
#[test]
fn brackets_that_an_operator_adds_are_no_part_of_the_message() {
    check(
        "[Fri Nov 20 21:21:42.8 2026] [proxy:error] [pid 17445:tid 17470] [vhost www.example.com] (111)Connection refused: AH00957: http: x",
        "time=Fri Nov 20 21:21:42.8 2026|module=proxy|level=error|pid=17445|tid=17470|errno=(111)Connection refused|vhost=www.example.com|message=AH00957: http: x",
        "(111)Connection refused: AH00957: http: x",
        None,
    );
    check(
        "[Fri Nov 20 21:21:42.8 2026] [proxy_http:error] [pid 1:tid 2] [vhost a.example] [keepalive 2] [client 192.0.2.1:5] AH01114: HTTP: y",
        "time=Fri Nov 20 21:21:42.8 2026|module=proxy_http|level=error|pid=1|tid=2|client=192.0.2.1:5|vhost=a.example|message=AH01114: HTTP: y",
        "AH01114: HTTP: y",
        Some("192.0.2.1"),
    );
    check(
        "[Fri Nov 20 21:21:42.8 2026] [wsgi:error] [pid 1:tid 2] [worker] started",
        "time=Fri Nov 20 21:21:42.8 2026|module=wsgi|level=error|pid=1|tid=2|message=[worker] started",
        "[worker] started",
        None,
    );
}

#[test]
fn the_default_formats_are_read() {
    check(
        "[Fri Nov 20 21:21:42.843219 2026] [proxy:error] [pid 17445:tid 17470] (111)Connection refused: AH00957: http: attempt to connect to 127.0.0.1:18404 (127.0.0.1:18404) failed",
        "time=Fri Nov 20 21:21:42.843219 2026|module=proxy|level=error|pid=17445|tid=17470|errno=(111)Connection refused|message=AH00957: http: attempt to connect to 127.0.0.1:18404 (127.0.0.1:18404) failed",
        "(111)Connection refused: AH00957: http: attempt to connect to 127.0.0.1:18404 (127.0.0.1:18404) failed",
        None,
    );
    check(
        "[Fri Nov 20 21:21:42.8 2026] [proxy_http:error] [pid 17445:tid 17470] (70007)The timeout specified has expired: [client 2001:db8::1:36992] AH01102: error reading status line, referer: http://r/?a\"b, referer: x",
        "time=Fri Nov 20 21:21:42.8 2026|module=proxy_http|level=error|pid=17445|tid=17470|errno=(70007)The timeout specified has expired|client=2001:db8::1:36992|message=AH01102: error reading status line|referer=http://r/?a\"b, referer: x",
        "(70007)The timeout specified has expired: [client 2001:db8::1:36992] AH01102: error reading status line",
        Some("2001:db8::1"),
    );
    check(
        "[Fri Nov 20 21:21:42.8 2026] [mpm_prefork:notice] [pid 1234] AH00163: Apache/2.4.71 configured -- resuming normal operations",
        "time=Fri Nov 20 21:21:42.8 2026|module=mpm_prefork|level=notice|pid=1234|message=AH00163: Apache/2.4.71 configured -- resuming normal operations",
        "AH00163: Apache/2.4.71 configured -- resuming normal operations",
        None,
    );
    check(
        "[Thu Jul 11 01:21:44 2013] [error] [client 2001:db8::80da:af6b:8b2c] (13)Permission denied: user  not found: /, referer: http://a/",
        "time=Thu Jul 11 01:21:44 2013|level=error|errno=(13)Permission denied|client=2001:db8::80da:af6b:8b2c|message=user  not found: /|referer=http://a/",
        "(13)Permission denied: user  not found: /",
        Some("2001:db8::80da:af6b:8b2c"),
    );
    // 2.4 writes a port, whatever the format leaves out.
    for (head, of_module) in [("[proxy_http:error]", "module=proxy_http|"), ("[error]", "")] {
        check(
            &format!("[Fri Nov 20 21:21:42 2026] {head} [client 2001:db8::1:51548] AH01114: x"),
            &format!(
                "time=Fri Nov 20 21:21:42 2026|{of_module}level=error|client=2001:db8::1:51548|message=AH01114: x"
            ),
            "AH01114: x",
            Some("2001:db8::1"),
        );
    }
    check(
        "[Fri Nov 20 21:21:42 2026] [authz_owner:error] [pid 1:tid 2] [client [2001:db8::1]:51548] AH01637: x",
        "time=Fri Nov 20 21:21:42 2026|module=authz_owner|level=error|pid=1|tid=2|client=[2001:db8::1]:51548|message=AH01637: x",
        "AH01637: x",
        Some("2001:db8::1"),
    );
    check(
        "[Fri Nov 20 21:21:42 2026] [ssl:trace3] [pid 1:tid 2] ssl_engine_io.c(123): [client 10.0.0.1:5] AH01: x",
        "time=Fri Nov 20 21:21:42 2026|module=ssl|level=trace3|pid=1|tid=2|client=10.0.0.1:5|message=AH01: x",
        "AH01: x",
        Some("10.0.0.1"),
    );
    check(
        "[Fri Nov 20 21:21:39.745 2026] [7:140] [error] jk_open_socket::jk_connect.c (817): connect to 127.0.0.1:8009 failed (errno=111)",
        "time=Fri Nov 20 21:21:39.745 2026|level=error|pid=7|tid=140|message=jk_open_socket::jk_connect.c (817): connect to 127.0.0.1:8009 failed (errno=111)",
        "jk_open_socket::jk_connect.c (817): connect to 127.0.0.1:8009 failed (errno=111)",
        None,
    );
    check(
        "[Fri Nov 20 21:21:42.8 2026] [cgi:error] [pid 1:tid 2] [client 10.0.0.1:5] AH01215: Traceback, referer: http://a/\n  File \"x\"",
        "time=Fri Nov 20 21:21:42.8 2026|module=cgi|level=error|pid=1|tid=2|client=10.0.0.1:5|message=AH01215: Traceback|referer=http://a/",
        "AH01215: Traceback",
        Some("10.0.0.1"),
    );
    check(
        "[Fri Nov 20 21:21:42.8 2026] [php:error] [pid 1] [client 10.0.0.1:5] PHP Fatal error\nStack trace:",
        "time=Fri Nov 20 21:21:42.8 2026|module=php|level=error|pid=1|client=10.0.0.1:5|message=PHP Fatal error\nStack trace:",
        "PHP Fatal error\nStack trace:",
        Some("10.0.0.1"),
    );
}

#[test]
fn a_client_cannot_forge_a_head() {
    check(
        "[Fri Nov 20 21:21:42 2026] [core:error] [pid 1:tid 2] [client 10.0.0.1:5] [client 6.6.6.6:1] AH00957: x",
        "time=Fri Nov 20 21:21:42 2026|module=core|level=error|pid=1|tid=2|client=10.0.0.1:5|message=[client 6.6.6.6:1] AH00957: x",
        "[client 6.6.6.6:1] AH00957: x",
        Some("10.0.0.1"),
    );
}

#[test]
fn lines_of_one_thread_have_one_key() {
    let key = |pid: &str, tid: &str| thread_key(pid.as_bytes(), tid.as_bytes());
    assert_eq!(key("17445", "17470"), key("17445", "17470"));
    assert_ne!(key("17445", "17470"), key("17445", "17471"));
    assert_ne!(key("17445", "17470"), key("17446", "17470"));
    assert_eq!((key("", "1"), key("0", "")), (None, Some(1)));
}

#[test]
fn other_lines_are_refused() {
    let refuse = |line: &str, skip| {
        assert_eq!(ApacheError::new().parse(line.as_bytes()).err(), Some(skip), "{line}");
    };
    refuse("", Skip::Shape);
    refuse("Traceback (most recent call last):", Skip::Shape);
    refuse("[error] [client 10.0.0.1] x", Skip::Shape);
    refuse("AH00558: apache2: Could not reliably determine", Skip::Shape);
    refuse("[Fri Nov 20 21:21:42 2026] no level", Skip::Shape);
    refuse("[Fri Nov 20 21:21:42 2026] [yadda:yadda] x", Skip::Shape);
    refuse("[Fri Nov 20 25:21:42 2026] [error] x", Skip::BadTime);
    refuse("[20/Nov/2026:21:21:42 +0000] [error] x", Skip::BadTime);
}

#[test]
fn error_log_formats_are_compiled() {
    const DEFAULT: &str =
        r"[%{u}t] [%-m:%l] [pid %P:tid %T] %7F: %E: [client\ %a] %M% ,\ referer\ %{Referer}i";
    let reader = ApacheError::from_format(DEFAULT, FormatBasis::Given).expect("valid");
    check_with(
        &reader,
        "[Fri Nov 20 22:31:41.654036 2026] [proxy_http:error] [pid 29697:tid 140021310883520] (104)Connection reset by peer: [client 198.51.100.83:0] AH01102: error, referer https://www.google.com/",
        "time=Fri Nov 20 22:31:41.654036 2026|module=proxy_http|level=error|pid=29697|tid=140021310883520|errno=(104)Connection reset by peer|client=198.51.100.83:0|message=AH01102: error|referer=https://www.google.com/",
        "(104)Connection reset by peer: [client 198.51.100.83:0] AH01102: error",
        Some("198.51.100.83"),
    );
    check_with(
        &reader,
        "[Fri Nov 20 22:31:41.6 2026] [core:notice] [pid 29697:tid 1] AH00094: Command line",
        "time=Fri Nov 20 22:31:41.6 2026|module=core|level=notice|pid=29697|tid=1|message=AH00094: Command line",
        "AH00094: Command line",
        None,
    );
    let reader = parse_spec(r#"ErrorLogFormat "%{cuz}t %l %P %L [%v] %M""#).expect("valid");
    check_with(
        &reader,
        "2026-11-20 21:21:41.123456 +0100 error 77 W9Xs [a.example] AH1: text\nmore",
        "time=2026-11-20 21:21:41.123456 +0100|level=error|pid=77|request_id=W9Xs|message=AH1: text\nmore",
        "AH1: text\nmore",
        None,
    );
    assert!(parse_spec("[%t] [%l]").is_err_and(|told| told.contains("%M")));
    assert!(parse_spec("%l %M").is_err_and(|told| told.contains("no time")));
    assert!(parse_spec("%").is_err());
}

/// A hyphen for what there is not, text behind the message, and an error number in a column of its own.
#[test]
fn formats_of_columns_and_of_json_are_read() {
    let reader = parse_spec(
        r#"{"t":"%{cu}t"% ,"l":"%-l"% ,"p":"[pid\ %P:tid\ %T]"% ,"e":"%-E"% ,"c":"%-a"% ,"m":"%M"% ,"r":"%-{Referer}i"}"#,
    )
    .expect("valid");
    check_with(
        &reader,
        r#"{"t":"2026-11-22 19:18:40.0","l":"error","p":"[pid 8054:tid 8109]","e":"(111)Connection refused","c":"-","m":"AH00957: http: a "b" c","r":"-"}"#,
        "time=2026-11-22 19:18:40.0|level=error|pid=8054|tid=8109|errno=(111)Connection refused|message=AH00957: http: a \"b\" c",
        r#"(111)Connection refused","c":"-","m":"AH00957: http: a "b" c"#,
        None,
    );
    // What is empty may be left out with its name.
    check_with(
        &reader,
        r#"{"t":"2026-11-22 19:18:40.0","l":"error","p":"[pid 8054:tid 8109]","e":"-","c":"2001:db8::7:0","m":"AH01114: x"}"#,
        "time=2026-11-22 19:18:40.0|level=error|pid=8054|tid=8109|client=2001:db8::7:0|message=AH01114: x",
        "AH01114: x",
        Some("2001:db8::7"),
    );
    let reader = parse_spec("%{cu}t|%-m|%-l|%P:%T|%-a|%-L|%M").expect("valid");
    check_with(
        &reader,
        "2026-11-22 19:18:40.0|proxy|error|7:9|-|-|(111)Connection refused: AH00957: x | y",
        "time=2026-11-22 19:18:40.0|module=proxy|level=error|pid=7|tid=9|message=(111)Connection refused: AH00957: x | y",
        "(111)Connection refused: AH00957: x | y",
        None,
    );
}

#[test]
fn a_bare_name_before_the_brackets_and_a_client_behind_the_message_are_known() {
    check(
        "[Fri Nov 20 21:21:42.8 2026] www.example.com [proxy_http:error] [pid 1:tid 2] [client 192.0.2.1:5] AH01114: y",
        "time=Fri Nov 20 21:21:42.8 2026|module=proxy_http|level=error|pid=1|tid=2|client=192.0.2.1:5|message=AH01114: y",
        "AH01114: y",
        Some("192.0.2.1"),
    );
    check(
        "[Fri Nov 20 21:21:42.8 2026] [proxy_http:error] [pid 1:tid 2] (104)Connection reset by peer: AH01102: y [client 192.0.2.1:5], referer: http://a/",
        "time=Fri Nov 20 21:21:42.8 2026|module=proxy_http|level=error|pid=1|tid=2|errno=(104)Connection reset by peer|client=192.0.2.1:5|message=AH01102: y|referer=http://a/",
        "(104)Connection reset by peer: AH01102: y",
        Some("192.0.2.1"),
    );
    // A client that is named before counts.
    check(
        "[Fri Nov 20 21:21:42.8 2026] [core:error] [pid 1:tid 2] [client 192.0.2.1:5] AH1: y [client 6.6.6.6:1]",
        "time=Fri Nov 20 21:21:42.8 2026|module=core|level=error|pid=1|tid=2|client=192.0.2.1:5|message=AH1: y [client 6.6.6.6:1]",
        "AH1: y [client 6.6.6.6:1]",
        Some("192.0.2.1"),
    );
}

proptest! {
    #[test]
    fn any_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..120), head in 0usize..6) {
        let heads = ["", "[", "[Fri Nov 20 21:21:42 2026] ", "[Fri Nov 20 21:21:42 2026] [error] ", "[Fri Nov 20 21:21:42 2026] [a:error] [pid 1:tid 2] (", "[Fri Nov 20 21:21:42.1 2026] [a:error] [pid 1:tid 2] (1)x [client "];
        let mut line = heads[head].as_bytes().to_vec();
        line.extend_from_slice(&tail);
        let custom = parse_spec(r"[%{u}t] [%-m:%l] [pid %P:tid %T] %7F: %E: [client\ %a] %M% ,\ referer\ %{Referer}i").expect("valid");
        for reader in [ApacheError::new(), custom] {
            let parsed = reader.parse(&line);
            let glance = reader.glance(&line);
            prop_assert!(parsed.is_err() || glance.is_ok());
            reader.each_field(&line, &mut |_, _| {});
        }
    }
}
