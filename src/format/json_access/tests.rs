//! Tests of JSON access lines.

use proptest::prelude::*;

use super::*;
use crate::format::json_pairs::Pairs;
use crate::record::unescape;

const NGINX: &str = r#"{"time_local":"20/Nov/2026:21:33:33 +0000","remote_addr":"192.0.2.163","request":"GET /a?b=\"status\":200 HTTP/1.1","status":"503","request_time":"0.029","upstream_addr":"","upstream_status":"502, 503","http_host":"shop.example.com"}"#;

fn reader_of(lines: &[&str]) -> Option<JsonAccess> {
    JsonAccess::detect(&Sample::of(lines.iter().map(|line| line.as_bytes()).collect()))
}

#[track_caller]
fn check(line: &str, status: u16, second: i64, fields: &[(Field, &str)]) {
    let reader = reader_of(&[line]).expect("detected");
    let glance = reader.glance(line.as_bytes()).expect("glanced");
    let Record::Access(access) = reader.parse(line.as_bytes()).expect("parsed") else {
        panic!("no access record")
    };
    assert_eq!((glance.status, access.status), (status, status));
    assert_eq!(access.stamp.micros / 1_000_000, second);
    for (field, value) in fields {
        assert_eq!(access.raw(*field), Some(value.as_bytes()), "{field:?}");
    }
}

#[test]
fn objects_of_all_shapes_are_read() {
    check(
        NGINX,
        503,
        1_795_210_413,
        &[
            (Field::Request, r#"GET /a?b=\"status\":200 HTTP/1.1"#),
            (Field::UpstreamAddr, ""),
            (Field::UpstreamStatus, "502, 503"),
            (Field::Host, "shop.example.com"),
        ],
    );
    check(
        r#"{ "ts" : 1795210283.328 , "status" : 502, "uri": "/x", "upstream_response_time":, "request_time":0.1 }"#,
        502,
        1_795_210_283,
        &[
            (Field::RequestUri, "/x"),
            (Field::UpstreamResponseTime, ""),
            (Field::RequestTime, "0.1"),
        ],
    );
    check(
        r#"{"@timestamp":"2026-11-20T21:31:23+00:00","urt":0.001, 0.002,"us":502, 503,"status":503,"request":"/y"}"#,
        503,
        1_795_210_283,
        &[
            (Field::UpstreamResponseTime, "0.001, 0.002"),
            (Field::UpstreamStatus, "502, 503"),
            (Field::RequestUri, "/y"),
        ],
    );
    check(
        r#"{"Time":1795210283328,"tags":[{"a":"]"},2],"request":{"method":"GET","uri":"/z","headers":{"status":["1"]}},"STATUS":"503","upstream_addr":null}"#,
        503,
        1_795_210_283,
        &[(Field::Method, "GET"), (Field::RequestUri, "/z"), (Field::UpstreamAddr, "")],
    );
}

#[test]
fn objects_in_objects_are_looked_into() {
    let at = 1_795_210_283;
    // Groups of the user's own, with the backend's status before that of the response.
    check(
        r#"{"ts":1795210283.328,"upstream":{"addr":"10.0.0.1:80, app","status":"502, 502","t":"0.001, 0.000"},"http":{"method":"GET","url":"http://a.example.com/x","status":503,"ua":"b"},"net":{"client":"192.0.2.1"},"dur":0.002}"#,
        503,
        at,
        &[
            (Field::UpstreamAddr, "10.0.0.1:80, app"),
            (Field::UpstreamStatus, "502, 502"),
            (Field::UpstreamResponseTime, "0.001, 0.000"),
            (Field::RequestUri, "http://a.example.com/x"),
            (Field::UserAgent, "b"),
            (Field::RemoteAddr, "192.0.2.1"),
            (Field::RequestTime, "0.002"),
        ],
    );
    // Elastic Common Schema, as objects and with dots; the formats of Datadog and OpenTelemetry are alike.
    let fields = [
        (Field::Method, "GET"),
        (Field::RequestUri, "/x"),
        (Field::RemoteAddr, "192.0.2.1"),
        (Field::UserAgent, "b"),
        (Field::Referer, "c"),
        (Field::BodyBytes, "7"),
    ];
    check(
        r#"{"@timestamp":"2026-11-20T21:31:23Z","http":{"request":{"method":"GET","referrer":"c"},"response":{"status_code":503,"body":{"bytes":7}}},"url":{"path":"/x"},"source":{"ip":"192.0.2.1","geo":{"ip":"9"}},"user_agent":{"original":"b"}}"#,
        503,
        at,
        &fields,
    );
    check(
        r#"{"@timestamp":"2026-11-20T21:31:23Z","http.request.method":"GET","http.response.status_code":503,"http.response.body.bytes":7,"url.path":"/x","client.address":"192.0.2.1","user_agent.original":"b","http.request.headers.referer":"c"}"#,
        503,
        at,
        &fields,
    );
    check(
        r#"{"date":"2026-11-20T21:31:23Z","http":{"method":"GET","status_code":"503","useragent":"b","referer":"c","url_details":{"path":"/x"}},"network":{"client":{"ip":"192.0.2.1"}},"size":"7"}"#,
        503,
        at,
        &fields,
    );
}

#[test]
fn what_is_no_access_line_is_refused() {
    assert!(
        reader_of(&[r#"{"ts":"2026-11-20T21:31:23Z","level":"error","msg":"status"}"#]).is_none()
    );
    assert!(reader_of(&[r#"{"ts":"2026-11-20T21:31:23Z","status":"up","uri":"/x"}"#]).is_none());
    let reader = reader_of(&[NGINX]).expect("detected");
    let skip = |line: &str| reader.parse(line.as_bytes()).err();
    assert_eq!(skip("20/Nov/2026"), Some(Skip::Shape));
    assert_eq!(skip(r#"{"time_local":"20/Nov/2026:21:33:33 +0000"}"#), Some(Skip::BadStatus));
    assert_eq!(skip(r#"{"status":"503","x":1}"#), Some(Skip::BadTime));
    assert_eq!(skip(&NGINX[..NGINX.len() - 20]), Some(Skip::Truncated));
    // An object before it has the same key.
    let nested = NGINX.replacen('{', r#"{"u":{"status":"200"},"#, 1);
    assert_eq!(reader.glance(nested.as_bytes()).map(|glance| glance.status), Ok(503));
    assert_eq!(skip(&nested), None);
}

#[test]
fn layout_and_server_are_told_by_the_keys() {
    let about = reader_of(&[NGINX]).expect("detected").about;
    assert_eq!((about.format, about.server), ("nginx_access", Server::Nginx));
    assert!(about.layout.starts_with("json{time_local,remote_addr,request,status,"));
    let other = reader_of(&[r#"{"time":"2026-11-20T21:31:23Z","status":503,"path":"/x"}"#]);
    let about = other.expect("detected").about;
    assert_eq!((about.format, about.server), ("json_access", Server::Unknown));
    // Names alone may be an operator's of another server.
    let named = r#"{"time_local":"20/Nov/2026:21:31:23 +0000","remote_addr":"192.0.2.1","request":"GET /x HTTP/1.1","status":503}"#;
    let timed = named.replace('}', r#","request_time":0.003}"#);
    for (line, other) in [(named, Some(Server::Apache)), (timed.as_str(), None)] {
        let about = reader_of(&[line]).expect("detected").about;
        assert_eq!((about.server, about.ambiguous_with), (Server::Nginx, other), "{line}");
    }
}

#[test]
fn keys_are_corrected_by_their_values() {
    // `us` is microseconds here, and the worker that of mod_proxy_balancer.
    let line = r#"{"time":"2026-11-20T23:31:23.379+0200","client":"192.0.2.1","req":"GET /x HTTP/1.1","status":503,"us":16447,"handler":"proxy-server","worker":"http://10.0.0.1:8080"}"#;
    check(
        line,
        503,
        1_795_210_283,
        &[
            (Field::RequestTimeMicros, "16447"),
            (Field::Handler, "proxy-server"),
            (Field::BalancerWorker, "http://10.0.0.1:8080"),
        ],
    );
    let about = reader_of(&[line]).expect("detected").about;
    assert_eq!((about.server, about.instant), (Server::Apache, Instant::Start));
    let other = reader_of(&[&line.replace("proxy-server", "Login#show")]).expect("detected");
    assert_eq!(other.about.server, Server::Unknown);
}

#[test]
fn ids_of_log_entries_tell_no_server() {
    let lines = [
        r#"{"time":"2026-11-20T21:31:23Z","status":503,"path":"/x","upstream":"10.0.0.9:80","log_id":"74bf20f876ffc474c0251908"}"#,
        r#"{"time":"2026-11-20T21:31:24Z","status":200,"path":"/x","upstream":"10.0.0.9:80","log_id":"fcdce4b314f68d9dcbd7a085"}"#,
    ];
    let reader = reader_of(&lines).expect("detected");
    assert_eq!(reader.about().server, Server::Unknown);
    let Ok(Record::Access(access)) = reader.parse(lines[0].as_bytes()) else { panic!("refused") };
    assert_eq!(access.raw(Field::UpstreamAddr), Some(&b"10.0.0.9:80"[..]));
    let none = r#"{"time":"2026-11-20T21:31:23Z","status":503,"path":"/x","err_id":null}"#;
    assert_eq!(reader_of(&[none]).expect("detected").about().server, Server::Unknown);
}

#[test]
fn names_of_backends_are_no_addresses() {
    let line = |key: &str, value: &str| {
        format!(r#"{{"ts":1795210283.328,"status":503,"path":"/x","{key}":"{value}"}}"#)
    };
    let addr = |lines: &[String]| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let reader = reader_of(&lines).expect("detected");
        let Ok(Record::Access(access)) = reader.parse(lines[0].as_bytes()) else {
            panic!("refused")
        };
        access.raw(Field::UpstreamAddr).map(|value| String::from_utf8_lossy(value).into_owned())
    };
    for key in ["backend", "upstream", "upstream_host"] {
        assert_eq!(addr(&[line(key, "app")]), None, "{key}");
        assert_eq!(addr(&[line(key, "app"), line(key, "app:80")]), None, "{key}");
        let beside = [line(key, "app"), line(key, "10.0.0.1:80, app")];
        assert_eq!(addr(&beside).as_deref(), Some("app"), "{key}");
    }
    assert_eq!(addr(&[line("upstream_addr", "app")]).as_deref(), Some("app"));
    assert_eq!(addr(&[line("upstreamAddr", "app")]).as_deref(), Some("app"));
}

#[test]
fn keys_are_words_in_any_notation() {
    check(
        r#"{"timeIso8601":"2026-11-20T21:31:23+00:00","remoteIP":"192.0.2.1","requestMethod":"GET","requestUri":"/x","statusCode":503,"bodyBytesSent":7,"upstreamAddr":"10.0.0.1:80","upstreamResponseTime":"0.001"}"#,
        503,
        1_795_210_283,
        &[
            (Field::RemoteAddr, "192.0.2.1"),
            (Field::BodyBytes, "7"),
            (Field::UpstreamAddr, "10.0.0.1:80"),
            (Field::UpstreamResponseTime, "0.001"),
        ],
    );
}

#[test]
fn path_and_query_make_the_target() {
    let target = |path: &str, query: &str| {
        let line = format!(
            r#"{{"time":"2026-11-20T21:31:23+00:00","status":503,"method":"GET","path":"{path}","request_query":"{query}"}}"#
        );
        let reader = reader_of(&[&line]).expect("detected");
        let Ok(Record::Access(access)) = reader.parse(line.as_bytes()) else { panic!("refused") };
        let (path, query) = access.target_parts();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(path), query.map(text))
    };
    assert_eq!(target("/a", "b=1"), ("/a".to_owned(), Some("b=1".to_owned())));
    assert_eq!(target("/a", "?b=1"), ("/a".to_owned(), Some("b=1".to_owned())));
    assert_eq!(target("/a?c", "b=1"), ("/a".to_owned(), Some("c".to_owned())));
    assert_eq!(target("/a", ""), ("/a".to_owned(), None));
}

#[test]
fn the_word_of_the_cache_is_known_by_its_values() {
    let line = |rest: &str| {
        format!(
            r#"{{"ts":1795342032.225,"method":"GET","uri":"/a","status":503,"upstream_status":"",{rest}}}"#
        )
    };
    let cache_of = |lines: &[String]| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let reader = reader_of(&lines).expect("detected");
        let Ok(Record::Access(access)) = reader.parse(lines[0].as_bytes()) else {
            panic!("refused")
        };
        access.raw(Field::UpstreamCacheStatus).map(<[u8]>::to_vec)
    };
    let hit = Some(b"HIT".to_vec());
    assert_eq!(cache_of(&[line(r#""cache":"HIT""#), line(r#""cache":"""#)]), hit);
    assert_eq!(cache_of(&[line(r#""edge":"HIT""#), line(r#""edge":"MISS""#)]), hit);
    assert_eq!(cache_of(&[line(r#""cache":"HIT""#), line(r#""cache":"no-store""#)]), None);
    assert_eq!(cache_of(&[line(r#""cache":"HIT","edge":"MISS""#)]), None);
}

#[test]
fn invalid_utf8_is_kept() {
    let mut line = NGINX.as_bytes().to_vec();
    let at = NGINX.find("shop").expect("there");
    line[at] = 0xFF;
    let reader = reader_of(&[NGINX]).expect("detected");
    let Ok(Record::Access(access)) = reader.parse(&line) else { panic!("refused") };
    assert_eq!(access.raw(Field::Host), Some(&b"\xFFhop.example.com"[..]));
}

proptest! {
    #[test]
    fn pairs_agree_with_serde_json(object in proptest::collection::btree_map("[ -~äß\\\\\"\n]{0,8}", "[ -~\\\\\"\t]{0,20}", 0..8)) {
        let line = serde_json::to_string(&object).expect("strings");
        let pairs: Vec<_> = Pairs::of(line.as_bytes()).collect::<Result<_, _>>().expect("valid");
        let plain = |raw: &[u8]| {
            let mut out = vec![0; raw.len()];
            let n = unescape(Escape::Json, raw, &mut out);
            String::from_utf8_lossy(&out[..n]).into_owned()
        };
        let read: Vec<_> = pairs.iter().map(|(key, value)| (plain(key), plain(value))).collect();
        let expected: Vec<_> = object.into_iter().collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn glance_agrees_with_parse(tail in "[ -~]{0,60}", cut in 0usize..300, swap in any::<u8>()) {
        let reader = reader_of(&[NGINX]).expect("detected");
        let mut line = NGINX.as_bytes().to_vec();
        let cut = cut.min(line.len());
        line.splice(cut..cut, tail.bytes().chain([swap]));
        if let Ok(Record::Access(access)) = reader.parse(&line) {
            let glance = reader.glance(&line).expect("parse accepts no line that glance refuses");
            prop_assert_eq!(glance.status, access.status);
            prop_assert_eq!(Some(glance.stamp), access.raw(Field::Time));
        }
    }

    #[test]
    fn never_panics(line in proptest::collection::vec(any::<u8>(), 0..80), object in "[{}\\[\\]\",:\\\\ astu0-9]{0,60}") {
        let reader = reader_of(&[NGINX]).expect("detected");
        for text in [&line[..], object.as_bytes()] {
            let _ = reader.glance(text);
            let _ = reader.parse(text);
            reader.each_field(text, &mut |_, _| {});
            let _ = JsonAccessFormat.propose(&Sample::of(vec![text, text]));
        }
    }
}

#[test]
fn labels_of_text_are_keys_where_they_can_mean_nothing_else() {
    let check = |key: &str, value: &str, field: Field, found: Option<&str>| {
        let line = format!(
            r#"{{"ts":"2026-11-20T21:31:23Z","src":"192.0.2.1","line":"GET /a HTTP/1.1","status":503,{key}:"{value}"}}"#
        );
        let lines = [line.as_bytes(); 3];
        let reader = JsonAccess::detect(&Sample::of(lines.to_vec())).expect("requests");
        let Ok(Record::Access(record)) = reader.parse(lines[0]) else { unreachable!() };
        assert_eq!(record.raw(field).map(String::from_utf8_lossy).as_deref(), found, "{line}");
        assert_eq!(record.raw(Field::RemoteAddr), Some(&b"192.0.2.1"[..]));
    };
    check(r#""up_st""#, "502, 503", Field::UpstreamStatus, Some("502, 503"));
    check(r#""up_st""#, "-", Field::UpstreamStatus, None);
    check(r#""origin""#, "", Field::UpstreamAddr, None);
    check(r#""peer""#, "192.0.2.1:4711", Field::UpstreamAddr, None);
    check(r#""uptime""#, "1000.123", Field::UpstreamResponseTime, None);
}
