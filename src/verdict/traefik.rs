//! The decision table of Traefik.
//!
//! In: the fields of one access line. Out: the id of a row.
//! Source: Traefik `pkg/proxy/httputil/proxy.go` (`ErrorHandler`: 502, 504, 500 and 499, never 503),
//! `pkg/server/service/loadbalancer/wrr`, `pkg/middlewares/circuitbreaker`. Pages: `no available server` and a line
//! break (20 bytes), `Service Unavailable` (19), `Bad Gateway` (11), `Gateway Timeout` (15).

use super::{Openness, VerdictRule, decided, open};
use crate::bytes::{is_absent, parse_status};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Basis, Cause, Confidence, Origin};
use crate::time::SECOND_US;

const ORIGIN_STATUS: &[&str] = &["OriginStatus", "ServiceURL"];
const SIZE: &[&str] = &["DownstreamContentSize", "log of this server"];

const LOG: &[&str] = &["log of this server"];

const FIELD_AND_SIZE: &[Basis] = &[Basis::FieldValue, Basis::BodySize];

/// The rows.
pub(super) const RULES: &[VerdictRule] = &[
    decided(
        "traefik.origin_status_503",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "proxy.go: of its own, the proxy answers 502, 504, 500 and 499 only",
    ),
    open(
        "traefik.error_page",
        Origin::Upstream,
        Some(Cause::Upstream503),
        LOG,
        "customerrors.go: a service of error pages answered, and the field of the origin's status holds what it replaced",
    ),
    VerdictRule {
        basis: FIELD_AND_SIZE,
        ..decided(
            "traefik.no_available_server",
            Origin::Proxy,
            Some(Cause::NoLiveUpstreams),
            "loadbalancer: no server was chosen, and the page is that of a balancer without servers",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "traefik.no_server_chosen",
            Origin::Proxy,
            Some(Cause::NoLiveUpstreams),
            "loadbalancer: no server was chosen",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        basis: FIELD_AND_SIZE,
        ..decided(
            "traefik.no_server_v2",
            Origin::Proxy,
            Some(Cause::NoLiveUpstreams),
            "vulcand/oxy of Traefik 2: a balancer without servers writes the status text without a line break",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        basis: FIELD_AND_SIZE,
        ..decided(
            "traefik.circuit_breaker",
            Origin::LocalProcess,
            Some(Cause::CircuitBreakerOpen),
            "circuitbreaker: its fallback writes the status text without a line break; no server is chosen",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        basis: FIELD_AND_SIZE,
        ..decided(
            "traefik.middleware",
            Origin::LocalProcess,
            None,
            "no server was chosen, and the page is none of a balancer: a middleware answered (forwardAuth, a plugin)",
        )
    },
    VerdictRule {
        basis: FIELD_AND_SIZE,
        openness: Openness::CauseOpen,
        ..decided(
            "traefik.bad_gateway",
            Origin::Proxy,
            None,
            "proxy.go: the page is the status text; the field of the origin's status holds the proxy's own",
        )
    },
    VerdictRule {
        basis: FIELD_AND_SIZE,
        ..decided(
            "traefik.gateway_timeout",
            Origin::Proxy,
            Some(Cause::UpstreamTimeout),
            "proxy.go: the page is the status text; the field of the origin's status holds the proxy's own",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "traefik.relayed_5xx",
            Origin::Upstream,
            Some(Cause::UpstreamError),
            "the page is none of Traefik's own",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "traefik.terminating",
            Origin::LocalProcess,
            Some(Cause::Draining),
            "pkg/ping: 503 while the process terminates",
        )
    },
    open(
        "traefik.without_size",
        Origin::Proxy,
        Some(Cause::NoLiveUpstreams),
        SIZE,
        "no server was chosen: none available, or a middleware answered",
    ),
    open("traefik.other", Origin::Unknown, None, ORIGIN_STATUS, "no row of the table applies"),
];

/// Id of the row that the fields of an access line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    let server = record.raw(Field::UpstreamAddr);
    let has_server = server.is_some_and(|server| !is_absent(server));
    let origin = record.raw(Field::UpstreamStatus);
    let origin_status = origin.and_then(parse_status);
    let size = record.body_bytes();
    match record.status {
        503 if has_server && is_of_error_pages(record) => "traefik.error_page",
        503 => match (origin_status, server) {
            // Where the server is logged and none is named, the status is a balancer's own.
            (Some(503), None) => "traefik.origin_status_503",
            (Some(503), Some(_)) if has_server => "traefik.origin_status_503",
            (Some(500..=599), _) if has_server || server.is_none() => "traefik.relayed_5xx",
            (_, Some(_)) if has_server && origin.is_none() => "traefik.origin_status_503",
            (_, Some(_)) if has_server => "traefik.other",
            _ if is_ping(record) => "traefik.terminating",
            (_, Some(_)) => match size {
                Some(20) => "traefik.no_available_server",
                Some(19) => without_line_break(record),
                None if origin.is_some() => "traefik.no_server_chosen",
                // Error pages of Traefik 1 are of any size as well.
                Some(1..) if record.stamp.micros >= V3_US => "traefik.middleware",
                _ => "traefik.without_size",
            },
            // Only the status of the origin is known: 0 is none. So is its absence, where no field was dropped.
            (_, None) if origin.is_some() || is_whole(record) => match size {
                Some(20) => "traefik.no_available_server",
                Some(19) => without_line_break(record),
                Some(1..) if record.stamp.micros >= V3_US => "traefik.middleware",
                _ => "traefik.without_size",
            },
            _ => "traefik.other",
        },
        500 | 502 | 504 => match size {
            Some(11) if record.status == 502 => "traefik.bad_gateway",
            Some(15) if record.status == 504 => "traefik.gateway_timeout",
            Some(_) if origin_status == Some(record.status) || has_server => "traefik.relayed_5xx",
            _ => "traefik.other",
        },
        _ => "traefik.other",
    }
}

/// True for a record with all of the fields that configurations drop before they drop what became of the request: what
/// then is not there was not there to be logged.
fn is_whole(record: &AccessRecord<'_>) -> bool {
    let dropped = [
        Field::RemoteAddr,
        Field::Host,
        Field::Protocol,
        Field::RequestTimeNanos,
        Field::ServerName,
        Field::ProxyUpstreamName,
    ];
    dropped.iter().all(|field| record.raw(*field).is_some())
}

/// True where the service that answered is called after errors: the middleware `errors` asks such a one for the page of
/// whatever failed, also of a balancer without servers (measured with Traefik 3.7).
fn is_of_error_pages(record: &AccessRecord<'_>) -> bool {
    let service = record.value(Field::ProxyUpstreamName).unwrap_or_default();
    service.windows(5).any(|part| part.eq_ignore_ascii_case(b"error"))
}

/// When Traefik 3.0 came out: 2024-04-29. From then on the page of 19 bytes is a circuit breaker's alone.
const V3_US: i64 = 1_714_348_800 * SECOND_US;

/// The row of the page of 19 bytes.
fn without_line_break(record: &AccessRecord<'_>) -> &'static str {
    if record.stamp.micros < V3_US { "traefik.no_server_v2" } else { "traefik.circuit_breaker" }
}

/// True for the process's own health page, which no service is behind.
fn is_ping(record: &AccessRecord<'_>) -> bool {
    let (path, _) = record.target_parts();
    path == b"/ping"
        && record.value(Field::ServerName).is_none_or(|router| router == b"ping@internal")
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_row;
    use super::*;
    use crate::record::Escape;
    use crate::time::Stamp;

    use Field::{BodyBytes, ProxyUpstreamName, Request, ServerName, UpstreamAddr, UpstreamStatus};

    #[track_caller]
    fn check(status: u16, fields: &[(Field, &str)], row: &str) {
        check_row(own_verdict, Escape::Apache, status, fields, row);
    }

    #[test]
    fn a_503_with_a_server_is_the_servers() {
        check(
            503,
            &[(UpstreamAddr, "http://10.0.0.1"), (BodyBytes, "20")],
            "traefik.origin_status_503",
        );
        check(503, &[(UpstreamStatus, "503"), (BodyBytes, "20")], "traefik.origin_status_503");
        // What failed behind a page of errors does not show.
        check(
            503,
            &[
                (UpstreamAddr, "10.0.0.1:80"),
                (UpstreamStatus, "503"),
                (ProxyUpstreamName, "error-pages@docker"),
            ],
            "traefik.error_page",
        );
    }

    #[test]
    fn pages_without_a_server_are_told_by_their_age() {
        let at = |second: i64, size: &'static [u8]| {
            let stamp = Stamp { micros: second * SECOND_US, offset_s: Some(0) };
            let mut record = AccessRecord::new(stamp, 503, Escape::Apache);
            record.set(UpstreamAddr, b"-");
            record.set(BodyBytes, size);
            own_verdict(&record)
        };
        let (old, new) = (1_636_588_874, 1_795_210_283);
        assert_eq!(at(old, b"19"), "traefik.no_server_v2");
        assert_eq!(at(new, b"19"), "traefik.circuit_breaker");
        assert_eq!(at(old, b"300"), "traefik.without_size");
        assert_eq!(at(new, b"300"), "traefik.middleware");
        assert_eq!(at(new, b"20"), "traefik.no_available_server");
    }

    #[test]
    fn without_a_server_the_page_tells() {
        let none = (UpstreamAddr, "-");
        check(503, &[none, (BodyBytes, "20")], "traefik.no_available_server");
        check(503, &[none, (BodyBytes, "300")], "traefik.without_size");
        check(503, &[none, (BodyBytes, "0")], "traefik.without_size");
        check(503, &[none], "traefik.without_size");
        check(503, &[none, (UpstreamStatus, "0")], "traefik.no_server_chosen");
        check(
            503,
            &[none, (UpstreamStatus, "503"), (BodyBytes, "20")],
            "traefik.no_available_server",
        );
        check(
            503,
            &[none, (BodyBytes, "19"), (Request, "GET /ping HTTP/1.1")],
            "traefik.terminating",
        );
        check(
            503,
            &[none, (BodyBytes, "20"), (Request, "GET /ping HTTP/1.1"), (ServerName, "a@docker")],
            "traefik.no_available_server",
        );
        check(503, &[], "traefik.other");
    }

    #[test]
    fn a_whole_record_without_an_origin_had_none() {
        let whole = |size, until: usize| {
            let fields = [
                (BodyBytes, size),
                (Field::RemoteAddr, "192.0.2.1"),
                (Field::Host, "a.example"),
                (Field::Protocol, "HTTP/2.0"),
                (Field::RequestTimeNanos, "171000"),
                (ServerName, "app@file"),
                (ProxyUpstreamName, "app@file"),
            ];
            fields[..until].to_vec()
        };
        check(503, &whole("20", 7), "traefik.no_available_server");
        // Others may have been dropped as well.
        check(503, &whole("20", 6), "traefik.other");
        check(502, &whole("20", 7), "traefik.other");
    }

    #[test]
    fn the_origin_status_of_kin_is_the_proxys_own() {
        let fields =
            |size| [(UpstreamAddr, "http://10.0.0.1"), (UpstreamStatus, "502"), (BodyBytes, size)];
        check(502, &fields("11"), "traefik.bad_gateway");
        check(502, &fields("500"), "traefik.relayed_5xx");
        check(
            504,
            &[(UpstreamAddr, "http://10.0.0.1"), (BodyBytes, "15")],
            "traefik.gateway_timeout",
        );
    }
}
