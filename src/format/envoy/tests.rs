//! Tests of Envoy's text formats.

use super::*;
use crate::format::haproxy_access::log_format;
use crate::record::Record;

#[track_caller]
fn check(layout: &str, line: &str, status: u16, fields: &[(Field, &str)]) {
    let sample = Sample::of(vec![line.as_bytes()]);
    let proposal = EnvoyFormat.propose(&sample).expect("recognised");
    assert_eq!(proposal.reader.about().layout, layout);
    let Ok(Record::Access(access)) = proposal.reader.parse(line.as_bytes()) else {
        panic!("no access record")
    };
    assert_eq!(access.status, status);
    for (field, value) in fields {
        assert_eq!(access.raw(*field), Some(value.as_bytes()), "{field:?}");
    }
}

#[test]
fn usual_formats_are_recognised() {
    check(
        "envoy",
        r#"[2016-04-15T20:17:00.310Z] "POST /api/v1/locations HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations" "tcp://10.0.2.1:80""#,
        204,
        &[
            (Field::Method, "POST"),
            (Field::RequestUri, "/api/v1/locations"),
            (Field::ResponseFlags, "-"),
            (Field::RequestTimeMillis, "226"),
            (Field::UpstreamHeaderTime, "100"),
            (Field::RemoteAddr, "10.0.35.28"),
            (Field::RequestId, "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2"),
            (Field::UpstreamAddr, "tcp://10.0.2.1:80"),
        ],
    );
    // The user agent holds quotes, and a piece of a line.
    check(
        "istio",
        r#"[2026-04-06T13:51:16.604Z] "GET /a?b="503" HTTP/1.1" 503 UF,URX upstream_reset_before_response_started{remote_connection_failure,delayed_connect_error:_111} - "delayed connect error: 111" 0 145 30 - "198.51.100.53, 10.0.0.1" "x" 503 UH "y" "2d5c6bec-b00f-4aca-a044-bf45775a4267" "shop.example.com" "10.244.0.135:8080" outbound|8080||shop.default.svc.cluster.local 10.244.0.5:59952 10.244.0.5:8443 [2001:db8::1]:39661 shop.example.com default"#,
        503,
        &[
            (Field::ResponseFlags, "UF,URX"),
            (Field::TransportFailure, "delayed connect error: 111"),
            (Field::UserAgent, r#"x" 503 UH "y"#),
            (Field::RemoteAddr, "2001:db8::1"),
            (Field::UpstreamAddr, "10.244.0.135:8080"),
        ],
    );
}

#[test]
fn columns_behind_a_usual_format_take_nothing_from_it() {
    let line = r#"[2026-11-20T21:05:21.200Z] "GET /m HTTP/1.1" 503 UF 0 91 7 - "10.0.0.9" "curl/8" "11111111-0000-4000-8000-000000000011" "shop" "10.1.1.1:80" "#;
    let fields = &[
        (Field::UpstreamAddr, "10.1.1.1:80"),
        (Field::Host, "shop"),
        (Field::RequestTimeMillis, "7"),
    ];
    for more in [r#""trace-1""#, r#""extra" 12"#, "11111111-0000-4000-8000-000000000012"] {
        check("envoy-more", &format!("{line}{more}"), 503, fields);
    }
    assert!(is_spec("[%START_TIME%] %RESPONSE_CODE% %REQ(:PATH)% %TRACE_ID%"));
    assert!(!log_format::is_spec("[%START_TIME%] %RESPONSE_CODE% %REQ(:PATH)% %TRACE_ID%"));
}

#[test]
fn a_line_of_an_unknown_format_is_read_as_far_as_it_is_known() {
    check(
        "envoy-start",
        r#"[2026-04-06T13:51:16.604Z] "GET /a HTTP/2" 503 UH no_healthy_upstream - 12 "x" "2d5c6bec-b00f-4aca-a044-bf45775a4267" "10.0.0.1:80""#,
        503,
        &[
            (Field::ResponseFlags, "UH"),
            (Field::ResponseDetails, "no_healthy_upstream"),
            (Field::RequestId, "2d5c6bec-b00f-4aca-a044-bf45775a4267"),
            (Field::UpstreamAddr, "10.0.0.1:80"),
        ],
    );
    check("envoy-start", "[2026-04-06T13:51:16.604Z] \"- - HTTP/1.1\" 0 DC x", 0, &[]);
    let other = Sample::of(vec![b"[2026-04-06T13:51:16Z] \"GET /a HTTP/2\" 503 197 x".as_slice()]);
    assert!(EnvoyFormat.propose(&other).is_none());
}

#[test]
fn format_strings_of_users_are_compiled() {
    let reader = parse_spec("%START_TIME(%s.%3f)%|%REQ(:AUTHORITY)%|%REQ(X-ENVOY-ORIGINAL-PATH?:PATH):20%|%RESPONSE_CODE%|%RESPONSE_FLAGS_LONG%|%DURATION%|100%%").expect("valid");
    let line = b"1795210283.328|a.example|/x y|503|NoHealthyUpstream|4|100%";
    let Ok(Record::Access(access)) = reader.parse(line) else { panic!("no access record") };
    assert_eq!(access.raw(Field::RequestUri), Some(&b"/x y"[..]));
    assert_eq!(access.raw(Field::ResponseFlags), Some(&b"NoHealthyUpstream"[..]));
    assert_eq!(access.stamp.micros, 1_795_210_283_328_000);
    for bad in [
        "%START_TIME%",
        "%RESPONSE_CODE%",
        "%START_TIME% %RESPONSE_CODE",
        "%START_TIME(%c)% %RESPONSE_CODE%",
    ] {
        assert!(parse_spec(bad).is_err(), "{bad}");
    }
}

/// The layout that is found for lines, and what it says of the last one.
#[track_caller]
fn check_custom(lines: &[&str], fields: &[(Field, &str)]) {
    let sample = Sample::of(lines.iter().map(|line| line.as_bytes()).collect());
    let proposal = EnvoyFormat.propose(&sample).expect("recognised");
    assert_eq!(proposal.n_accepted, lines.len());
    let last = lines[lines.len() - 1].as_bytes();
    let Ok(Record::Access(access)) = proposal.reader.parse(last) else { panic!("not read") };
    for (field, value) in fields {
        assert_eq!(access.raw(*field), Some(value.as_bytes()), "{field:?}");
    }
}

#[test]
fn formats_that_nobody_told_are_known_by_details_or_flags() {
    check_custom(
        &[
            "2026-11-21T21:34:57.376Z 192.0.2.7 GET a.example /x 200 - via_upstream 10.0.0.4:8080 28",
            "2026-11-21T21:34:58.376Z 192.0.2.8 GET a.example /y 200 - via_upstream 10.0.0.4:8080 3",
            "2026-11-21T21:34:59.376Z 192.0.2.9 GET a.example /z 503 UH no_healthy_upstream - 0",
        ],
        &[
            (Field::ResponseDetails, "no_healthy_upstream"),
            (Field::ResponseFlags, "UH"),
            (Field::UpstreamAddr, "-"),
            (Field::RemoteAddr, "192.0.2.9"),
            (Field::Status, "503"),
        ],
    );
    check_custom(
        &[
            "192.0.2.7 - - [21/Nov/2026:21:34:57 +0000] \"GET /x HTTP/1.1\" 200 5 \"-\" \"curl/8\" - shop 10.0.0.4:80",
            "192.0.2.8 - - [21/Nov/2026:21:34:58 +0000] \"GET /y HTTP/1.1\" 503 91 \"-\" \"curl/8\" UH shop -",
            "192.0.2.9 - - [21/Nov/2026:21:34:59 +0000] \"GET /z HTTP/1.1\" 503 91 \"-\" \"curl/8\" URX,UF shop 10.0.0.4:80",
        ],
        &[
            (Field::ResponseFlags, "URX,UF"),
            (Field::UpstreamAddr, "10.0.0.4:80"),
            (Field::Request, "GET /z HTTP/1.1"),
        ],
    );
    // Codes of countries are no flags.
    let countries = ["DI", "LR", "NC"].map(|code| {
        format!("192.0.2.7 - - [21/Nov/2026:21:34:57 +0000] \"GET /x HTTP/1.1\" 503 5 \"-\" \"-\" {code}")
    });
    let sample = Sample::of(countries.iter().map(String::as_bytes).collect());
    assert!(EnvoyFormat.propose(&sample).is_none());
}

#[test]
fn meshes_and_gateways_have_defaults_of_their_own() {
    check(
        "emissary",
        r#"ACCESS [2026-11-21T21:34:57.376Z] "GET /a HTTP/1.1" 503 UH 0 19 0 - "192.0.2.2" "curl/8.4.0" "3cb71677-d41f-44a4-81ec-8249c1c65ecd" "shop.example.com" "-""#,
        503,
        &[(Field::ResponseFlags, "UH"), (Field::Host, "shop.example.com")],
    );
    check(
        "kuma",
        r#"[2026-11-21T21:34:57.376Z] default "GET /a HTTP/1.1" 503 - 0 19 0 3 "192.0.2.2" "curl/8.4.0" "-" "3cb71677-d41f-44a4-81ec-8249c1c65ecd" "shop" "web" "shop" "10.42.0.5" "10.0.0.4:8080""#,
        503,
        &[(Field::UpstreamAddr, "10.0.0.4:8080"), (Field::UpstreamHeaderTime, "3")],
    );
}
