//! Tests of declared JSON access logs.

use proptest::prelude::*;

use super::*;

const FORMAT: Declared = Declared {
    name: "test_access",
    summary: "a test",
    server: Server::Unknown,
    instant: Instant::End,
    required: &[value(&["logger"], &["http.access*"]), key(&["http", "request"])],
    besides: &[],
    time: &[
        TimeAt { path: "date", clock: Some("clock"), notations: &[Notation::W3c] },
        time_at("ts", ANY_TIME),
    ],
    status: &["http>status", "status"],
    fields: &[
        ("http>client", Use::As(Field::RemoteAddr)),
        ("http>peer", Use::As(Field::RemoteAddr)),
        ("http>url", Use::Url),
        ("http>method", Use::As(Field::Method)),
        ("headers>Server>1", Use::As(Field::Handler)),
        ("took", Use::As(Field::RequestTimeMillis)),
    ],
    finish: None,
};

fn reader_of(lines: &[&str]) -> Option<DeclaredReader> {
    let lines = lines.iter().map(|line| line.as_bytes()).collect();
    DeclaredReader::learn(&FORMAT, &Sample::of(lines))
}

const NESTED: &str = r#"{"logger":"HTTP.access.log0","took":12.5,"ts":1795210413.5,"headers":{"status":["1"],"Server":["a", "b \"c\""]},"http":{"status":503,"client":"-","peer":"192.0.2.1","url":"https:\/\/a.example:443\/b?\"status\":200","method":null}}"#;

#[track_caller]
fn check(lines: &[&str], status: u16, second: i64, fields: &[(Field, &str)]) {
    let reader = reader_of(lines).expect("detected");
    let line = lines[0].as_bytes();
    let glance = reader.glance(line).expect("glanced");
    let Ok(Record::Access(access)) = reader.parse(line) else { panic!("no access record") };
    assert_eq!((glance.status, access.status), (status, status));
    assert_eq!(access.stamp.micros / 1_000_000, second);
    for (field, value) in fields {
        assert_eq!(access.raw(*field), Some(value.as_bytes()), "{field:?}");
    }
}

#[test]
fn values_are_found_by_their_paths() {
    check(
        &[NESTED],
        503,
        1_795_210_413,
        &[
            (Field::RemoteAddr, "192.0.2.1"),
            (Field::Host, "a.example:443"),
            (Field::RequestUri, r#"\/b?\"status\":200"#),
            (Field::Method, ""),
            (Field::Handler, r#"b \"c\""#),
            (Field::RequestTimeMillis, "12.5"),
        ],
    );
    // Other spellings and another place of the time; no status, as of a request without response.
    let bare = r#"{"Logger":"http.access","Request":{},"DATE":"2026-11-20","x":[1,{"status":9}],"Clock":"21:33:33"}"#;
    check(&[bare], 0, 1_795_210_413, &[]);
}

#[test]
fn what_is_not_of_the_format_is_refused() {
    assert!(reader_of(&[r#"{"logger":"http.error","ts":1795210413,"http":{}}"#]).is_none());
    assert!(reader_of(&[r#"{"logger":"http.access","http":{},"ts":"soon"}"#]).is_none());
    let reader = reader_of(&[NESTED]).expect("detected");
    let skip = |line: &str| reader.parse(line.as_bytes()).err();
    assert_eq!(skip(&NESTED.replace("HTTP.access", "http.errors")), Some(Skip::Shape));
    assert_eq!(skip(&NESTED.replace("503", "\"many\"")), Some(Skip::BadStatus));
    assert_eq!(skip(&NESTED.replace("1795210413.5", "17")), Some(Skip::BadTime));
    assert_eq!(skip(&NESTED[..NESTED.len() - 2]), Some(Skip::Truncated));
    // The only key of the name stands elsewhere.
    let elsewhere = NESTED.replacen("\"status\":503", "\"code\":503", 1);
    assert!(skip(&elsewhere).is_some());
}

proptest! {
    #[test]
    fn never_panics_and_glance_agrees_with_parse(
        tail in proptest::collection::vec(any::<u8>(), 0..40),
        cut in 0usize..300,
        object in "[{}\\[\\]\",:\\\\ >astu0-9]{0,60}",
    ) {
        let reader = reader_of(&[NESTED]).expect("detected");
        let mut line = NESTED.as_bytes().to_vec();
        let cut = cut.min(line.len());
        line.splice(cut..cut, tail);
        for text in [&line[..], object.as_bytes()] {
            if let Ok(Record::Access(access)) = reader.parse(text) {
                let glance = reader.glance(text).expect("parse accepts no line that glance refuses");
                prop_assert_eq!(glance.status, access.status);
                prop_assert_eq!(Some(glance.stamp), access.raw(Field::Time));
            }
            reader.each_field(text, &mut |_, _| {});
            let _ = FORMAT.propose(&Sample::of(vec![text, text]));
        }
    }
}

/// A line is of exactly one declared format, and its fields are found.
#[track_caller]
fn check_format(name: &str, line: &str, status: u16, rfc3339: &str, fields: &[(Field, &str)]) {
    let owners: Vec<_> = super::super::FORMATS
        .iter()
        .filter_map(|format| format.declared())
        .filter(|format| format.owns(line.as_bytes()))
        .collect();
    let names: Vec<_> = owners.iter().map(|format| format.name).collect();
    assert_eq!(names, [name]);
    let proposal = owners[0].propose(&Sample::of(vec![line.as_bytes()])).expect("read");
    let Ok(Record::Access(access)) = proposal.reader.parse(line.as_bytes()) else {
        panic!("no access record")
    };
    assert_eq!(access.status, status);
    assert_eq!(crate::time::Timestamp(access.stamp.micros).to_rfc3339(), rfc3339);
    for (field, value) in fields {
        assert_eq!(access.raw(*field), Some(value.as_bytes()), "{field:?}");
    }
}

#[test]
fn every_declared_format_knows_its_lines() {
    check_format(
        "caddy_access",
        r#"{"level":"error","ts":"2026/11/20 21:48:33.297","logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"10.0.0.1","client_ip":"192.0.2.1","remote_port":"33624","method":"GET","host":"a.example","uri":"/b?c=d","headers":{"User-Agent":["curl/8"]}},"duration":0.5,"size":0,"status":503,"resp_headers":{"Server":["Caddy"]}}"#,
        503,
        "2026-11-20T21:48:33.297Z",
        &[
            (Field::RemoteAddr, "192.0.2.1"),
            (Field::Connection, "33624"),
            (Field::UserAgent, "curl/8"),
            (Field::ResponseServer, r#"["Caddy"]"#),
        ],
    );
    check_format(
        "cloudflare_http",
        r#"{"ClientIP":"192.0.2.1","ClientRequestHost":"a.example","ClientRequestMethod":"GET","ClientRequestURI":"/b","EdgeResponseStatus":503,"EdgeStartTimestamp":1773315691396673792,"OriginResponseStatus":0,"RayID":"7755924541bcba2c","SecurityActions":["log","rateLimit"],"WorkerStatus":"unknown"}"#,
        503,
        "2026-03-12T11:41:31.396673Z",
        &[(Field::UpstreamStatus, "0"), (Field::SecurityAction, r#"["log","rateLimit"]"#)],
    );
    check_format(
        "fastly_access",
        r#"{"timestamp":"2026-03-19T19:06:29+0000","client_ip":"192.0.2.1","url":"/a","response_state":"ERROR","response_status":503,"response_reason":"first byte timeout","fastly_is_edge":true}"#,
        503,
        "2026-03-19T19:06:29Z",
        &[(Field::UpstreamCacheStatus, "ERROR"), (Field::ResponseDetails, "first byte timeout")],
    );
    check_format(
        "fastly_access",
        r#"{"time_start":"1773947189","resp.status":"503","fastly_info.state":"MISS","req.url":"/a","time_elapsed":"1500"}"#,
        503,
        "2026-03-19T19:06:29Z",
        &[(Field::UpstreamCacheStatus, "MISS"), (Field::RequestTimeMicros, "1500")],
    );
    check_format(
        "akamai_datastream",
        r#"{"version":1,"cp":"123456","reqId":"1239f220","reqTimeSec":"1573840000.123","bytes":"4995","cliIP":"128.147.28.68","statusCode":"503","proto":"HTTPS","reqHost":"test.hostname.net","reqMethod":"GET","reqPath":"/path/file.ext","queryStr":"a=b","errorCode":"ERR_CONNECT_FAIL","turnAroundTimeMSec":"11"}"#,
        503,
        "2019-11-15T17:46:40.123Z",
        &[(Field::ResponseDetails, "ERR_CONNECT_FAIL"), (Field::Uri, "/path/file.ext")],
    );
    check_format(
        "azure_front_door",
        r#"{"time":"2026-03-04T08:06:06.0000000Z","category":"FrontDoorAccessLog","properties":{"trackingReference":"x1","httpMethod":"GET","requestUri":"https://a.example:443/b","clientIp":"192.0.2.1","httpStatusCode":"503","errorInfo":"OriginTimeout","originIp":"N/A","timeTaken":"0.100"}}"#,
        503,
        "2026-03-04T08:06:06Z",
        &[(Field::Host, "a.example:443"), (Field::RequestUri, "/b"), (Field::UpstreamAddr, "")],
    );
    check_format(
        "azure_app_gateway",
        r#"{"time":"2026-03-04T06:46:27Z","category":"ApplicationGatewayAccessLog","operationName":"ApplicationGatewayAccess","properties":{"instanceId":"ApplicationGatewayRole_IN_0","clientIP":"192.0.2.1","httpMethod":"GET","requestUri":"/a","requestQuery":"b=c&X-AzureApplicationGateway-CACHE-HIT=0&SERVER-ROUTED=10.4.0.4&X-AzureApplicationGateway-LOG-ID=874f&SERVER-STATUS=503","httpStatus":503,"timeTaken":205}}"#,
        503,
        "2026-03-04T06:46:27Z",
        &[
            (Field::Args, "b=c"),
            (Field::UpstreamAddr, "10.4.0.4"),
            (Field::UpstreamStatus, "503"),
            (Field::RequestId, "874f"),
            (Field::RequestTimeMillis, "205"),
        ],
    );
    check_format(
        "azure_app_gateway",
        r#"{"TimeGenerated":"2026-03-04T06:46:27Z","OperationName":"ApplicationGatewayAccess","ClientIp":"192.0.2.1","OriginalRequestUriWithArgs":"/a?b=c","HttpStatus":502,"ServerStatus":"","ErrorInfo":"ERRORINFO_UPSTREAM_NO_LIVE","TimeTaken":0.078}"#,
        502,
        "2026-03-04T06:46:27Z",
        &[(Field::ResponseDetails, "ERRORINFO_UPSTREAM_NO_LIVE"), (Field::RequestTime, "0.078")],
    );
    check_format(
        "google_lb",
        r#"{"httpRequest":{"requestMethod":"GET","requestUrl":"https://a.example/b","status":502,"remoteIp":"[2001:db8::1]:50398","latency":"4.059133s"},"insertId":"2eb1","jsonPayload":{"proxyStatus":"details=\"failed_to_pick_backend\""},"resource":{"type":"http_external_regional_lb_rule"},"timestamp":"2026-04-06T06:11:33.654640Z"}"#,
        502,
        "2026-04-06T06:11:33.654640Z",
        &[(Field::RemoteAddr, "2001:db8::1"), (Field::RequestTime, "4.059133s")],
    );
    check_format(
        "envoy_json",
        r#"{"responseCodeDetails":"upstream_reset_before_response_started{connection_failure}","requestPath":"/v1","upstreamServiceTime":"-","requestMethod":"GET","startTime":"2021-07-21T09:42:36.514Z","responseFlags":"UF,URX","responseCode":"503","duration":"55"}"#,
        503,
        "2021-07-21T09:42:36.514Z",
        &[(Field::ResponseFlags, "UF,URX"), (Field::RequestTimeMillis, "55")],
    );
    check_format(
        "traefik_json",
        r#"{"ClientAddr":"[2001:db8::1]:50339","DownstreamStatus":503,"Duration":200997,"OriginStatus":0,"RequestHost":"a.example","RequestMethod":"GET","RequestPath":"/b","ServiceURL":{"Scheme":"http","Host":"10.0.0.1:80"},"StartUTC":"2026-03-28T17:27:39.074881638Z","msg":""}"#,
        503,
        "2026-03-28T17:27:39.074881Z",
        &[(Field::RemoteAddr, "2001:db8::1"), (Field::UpstreamAddr, "10.0.0.1:80")],
    );
}

#[test]
fn keys_may_spell_whole_paths() {
    for joint in ['.', '_'] {
        let line = r#"{"timestamp":"2026-04-06 06:11:33.654640 UTC","httpRequest~status":"503","httpRequest~requestUrl":"https://a.example/b","resource~type":"http_load_balancer","jsonpayload_type_loadbalancerlogentry~statusdetails":"failed_to_pick_backend"}"#;
        check_format(
            "google_lb",
            &line.replace('~', &joint.to_string()),
            503,
            "2026-04-06T06:11:33.654640Z",
            &[
                (Field::ResponseDetails, "failed_to_pick_backend"),
                (Field::RequestUri, "/b"),
                (Field::Host, "a.example"),
            ],
        );
    }
    assert!(is_flat_key(b"http_request.status", "httpRequest>status"));
    assert!(!is_flat_key(b"status", "status"));
    assert!(!is_flat_key(b"request_status", "httpRequest>status"));
}

#[test]
fn records_beside_the_requests_are_comments() {
    let access = r#"{"time":"2026-03-04T08:06:06Z","category":"FrontDoorAccessLog","properties":{"trackingReference":"x1","requestUri":"https://a/b","httpStatusCode":"503"}}"#;
    let probe = r#"{"time":"2026-03-04T08:06:06Z","category":"FrontDoorHealthProbeLog","properties":{"httpStatusCode":"503"}}"#;
    let sample = Sample::of(vec![access.as_bytes()]);
    let reader = super::super::azure::FRONT_DOOR.propose(&sample).expect("read").reader;
    assert!(matches!(reader.directive(probe.as_bytes()), Some(Directive::Comment)));
    assert!(reader.directive(access.as_bytes()).is_none());
}

#[test]
fn no_format_declares_more_keys_than_are_looked_at() {
    for declared in crate::format::FORMATS.iter().filter_map(|format| format.declared()) {
        assert!(FIELDS + declared.fields.len() <= MAX_KEYS, "{}", declared.name);
    }
}
