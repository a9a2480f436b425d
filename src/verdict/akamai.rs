//! The decision table of Akamai.
//!
//! In: the fields of one line of a data stream. Out: the id of a row. An error code says that the edge made the
//! response; without one, breadcrumbs that name the origin, or a cache status, say that it did not.
//! Source: Akamai documentation: "Log request details" (data sets), "Edge error codes", "Breadcrumbs in `DataStream` 2".

use memchr::memmem;

use super::{VerdictRule, decided, open};
use crate::bytes::parse_u64;
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Cause, Confidence, Origin};

const FIELDS: &[&str] = &["errorCode", "breadcrumbs"];

const CODES: &str = "Edge error codes";

/// A row of the edge whose cause is explicit.
const fn edge(id: &'static str, cause: Cause) -> VerdictRule {
    decided(id, Origin::Cdn, Some(cause), CODES)
}

/// The rows.
pub(super) const RULES: &[VerdictRule] = &[
    edge("akamai.refused", Cause::UpstreamRefused),
    edge("akamai.timeout", Cause::UpstreamTimeout),
    edge("akamai.reset", Cause::UpstreamReset),
    edge("akamai.dns", Cause::UpstreamDns),
    edge("akamai.tls", Cause::UpstreamTls),
    edge("akamai.no_good_origin", Cause::HealthCheckFailed),
    edge("akamai.denied", Cause::PolicyDenied),
    edge("akamai.invalid_response", Cause::UpstreamInvalidResponse),
    decided("akamai.edge_error", Origin::Cdn, None, CODES),
    // A stream may leave error codes out.
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "akamai.relayed_503",
            Origin::Upstream,
            Some(Cause::Upstream503),
            "breadcrumbs: the origin took part, and no error code was set",
        )
    },
    // A stream may leave error codes out.
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "akamai.relayed_5xx",
            Origin::Upstream,
            Some(Cause::UpstreamError),
            "breadcrumbs: the origin took part, and no error code was set",
        )
    },
    decided(
        "akamai.cached_503",
        Origin::Upstream,
        Some(Cause::CachedError),
        "cacheStatus: the edge served an answer from its cache",
    ),
    open("akamai.other", Origin::Unknown, None, FIELDS, "a status alone decides nothing"),
];

/// Starts of error codes and their rows, longer ones first.
const ROWS: &[(&str, &str)] = &[
    ("ERR_CONNECT_FAIL", "akamai.refused"),
    ("ERR_CONNECT_TIMEOUT", "akamai.timeout"),
    ("ERR_READ_TIMEOUT", "akamai.timeout"),
    ("ERR_FIRST_BYTE_TIMEOUT", "akamai.timeout"),
    ("ERR_READ_ERROR", "akamai.reset"),
    ("ERR_WRITE_ERROR", "akamai.reset"),
    ("ERR_DNS", "akamai.dns"),
    ("ERR_SUREROUTE_DNS", "akamai.dns"),
    ("ERR_NO_GOOD_FWD_IP", "akamai.no_good_origin"),
    ("ERR_SSL", "akamai.tls"),
    ("ERR_TLS", "akamai.tls"),
    ("ERR_ACCESS_DENIED", "akamai.denied"),
    ("ERR_HTTP2", "akamai.invalid_response"),
    ("ERR_INVALID_RESP", "akamai.invalid_response"),
    ("ERR_", "akamai.edge_error"),
];

/// Id of the row that the fields of a line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    let code = record.value(Field::ResponseDetails).unwrap_or_default();
    if let Some((_, row)) = ROWS.iter().find(|(start, _)| code.starts_with(start.as_bytes())) {
        return row;
    }
    let crumbs = record.value(Field::Breadcrumbs).unwrap_or_default();
    // The value is URL-encoded: `c%3Do`.
    let has_origin = [&b"c=o"[..], b"c%3Do", b"c%3do"].iter().any(|hop| {
        memmem::find_iter(crumbs, hop)
            .any(|at| !crumbs.get(at + hop.len()).is_some_and(u8::is_ascii_alphanumeric))
    });
    if has_origin {
        return if record.status == 503 { "akamai.relayed_503" } else { "akamai.relayed_5xx" };
    }
    match record.value(Field::UpstreamCacheStatus).and_then(parse_u64) {
        Some(1..) => "akamai.cached_503",
        _ => "akamai.other",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_row;
    use super::*;
    use crate::record::Escape;

    use Field::{Breadcrumbs, ResponseDetails as Code, UpstreamCacheStatus};

    #[test]
    fn codes_and_breadcrumbs_decide() {
        let check = |fields: &[_], row| check_row(own_verdict, Escape::Json, 503, fields, row);
        check(&[(Code, "ERR_CONNECT_TIMEOUT|10.0.0.1")], "akamai.timeout");
        check(&[(Code, "ERR_FOO")], "akamai.edge_error");
        check(
            &[(Breadcrumbs, "//BC/%5Ba=23.0.0.1,c=g,k=0%5D%5Ba=10.0.0.1,c=o%5D")],
            "akamai.relayed_503",
        );
        check(&[(Breadcrumbs, "//BC/[a=23.0.0.1,c=g,k=0,l=1]")], "akamai.other");
        check(&[(UpstreamCacheStatus, "1")], "akamai.cached_503");
        check(&[(UpstreamCacheStatus, "0")], "akamai.other");
    }
}
