//! The decision table of Fastly.
//!
//! In: the fields of one line. Out: the id of a row. Errors of the edge are 503 with a reason of their own, and their
//! state is `ERROR`; other states are of answers of a backend.
//! Source: Fastly documentation, "Common 503 errors"; VCL reference, `fastly_info.state`, `obj.response`.

use super::{VerdictRule, decided, open};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Cause, Origin};

const STATE: &[&str] = &["fastly_info.state", "resp.response"];

const REASONS: &str = "Common 503 errors: the reason phrase of the edge";

/// A row of the edge whose cause is explicit.
const fn edge(id: &'static str, cause: Cause) -> VerdictRule {
    decided(id, Origin::Cdn, Some(cause), REASONS)
}

/// The rows.
pub(super) const RULES: &[VerdictRule] = &[
    decided(
        "fastly.relayed_503",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "fastly_info.state MISS and PASS: an answer of the backend",
    ),
    decided(
        "fastly.relayed_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "fastly_info.state MISS and PASS: an answer of the backend",
    ),
    decided(
        "fastly.cached_503",
        Origin::Upstream,
        Some(Cause::CachedError),
        "fastly_info.state HIT: an answer of the backend served from cache",
    ),
    edge("fastly.no_backends", Cause::NoLiveUpstreams),
    edge("fastly.backend_unhealthy", Cause::HealthCheckFailed),
    edge("fastly.max_conn", Cause::ConnectionLimit),
    edge("fastly.timeout", Cause::UpstreamTimeout),
    edge("fastly.refused", Cause::UpstreamRefused),
    edge("fastly.reset", Cause::UpstreamReset),
    edge("fastly.tls", Cause::UpstreamTls),
    edge("fastly.dns", Cause::UpstreamDns),
    edge("fastly.invalid_response", Cause::UpstreamInvalidResponse),
    edge("fastly.config", Cause::ConfigError),
    decided("fastly.synthetic", Origin::Cdn, None, "fastly_info.state ERROR: made at the edge"),
    open("fastly.other", Origin::Unknown, None, STATE, "a status alone decides nothing"),
];

/// Reasons of the edge, in small letters, and their rows.
const ROWS: &[(&str, &str)] = &[
    ("all backends failed", "fastly.no_backends"),
    ("quorum weight not reached", "fastly.no_backends"),
    ("no healthy backend", "fastly.no_backends"),
    ("backend is unhealthy", "fastly.backend_unhealthy"),
    ("backend.max_conn reached", "fastly.max_conn"),
    ("first byte timeout", "fastly.timeout"),
    ("between bytes timeout", "fastly.timeout"),
    ("fetch timeout", "fastly.timeout"),
    ("connection timed out", "fastly.timeout"),
    ("connect timeout", "fastly.timeout"),
    // Fastly has it for a timeout between bytes and for a broken connection; the first is the common one.
    ("backend read error", "fastly.timeout"),
    ("backend write error", "fastly.reset"),
    ("connection refused", "fastly.refused"),
    ("network unreachable", "fastly.refused"),
    ("no route to host", "fastly.refused"),
    ("connection reset", "fastly.reset"),
    ("broken pipe", "fastly.reset"),
    ("ssl handshake", "fastly.tls"),
    ("certificate", "fastly.tls"),
    ("unable to get local issuer", "fastly.tls"),
    ("hostname doesn't match", "fastly.tls"),
    ("gethostbyname", "fastly.dns"),
    ("dns", "fastly.dns"),
    ("header overflow", "fastly.invalid_response"),
    ("illegal vary", "fastly.invalid_response"),
    ("invalid response", "fastly.invalid_response"),
    ("http header", "fastly.invalid_response"),
    ("loop detected", "fastly.config"),
    ("vcl error limit exceeded", "fastly.config"),
    ("no stale object", "fastly.no_backends"),
];

/// Id of the row that the fields of a line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    let state = record.value(Field::UpstreamCacheStatus).unwrap_or_default();
    let starts = |text: &str| {
        state.get(..text.len()).is_some_and(|head| head.eq_ignore_ascii_case(text.as_bytes()))
    };
    let is_relayed = starts("MISS") || starts("PASS") || starts("HITPASS") || starts("HIT-PASS");
    if !is_relayed
        && !starts("HIT")
        && let Some(row) = by_reason(record.value(Field::ResponseDetails).unwrap_or_default())
    {
        return row;
    }
    if is_relayed {
        if record.status == 503 { "fastly.relayed_503" } else { "fastly.relayed_5xx" }
    } else if starts("HIT-SYNTH") {
        "fastly.synthetic"
    } else if starts("HIT") {
        "fastly.cached_503"
    } else if starts("ERROR") || starts("BG-ERROR") {
        "fastly.synthetic"
    } else {
        "fastly.other"
    }
}

/// The row of a reason that only the edge gives.
fn by_reason(reason: &[u8]) -> Option<&'static str> {
    let reason = reason.to_ascii_lowercase();
    let is_in = |row: &&(&str, &str)| memchr::memmem::find(&reason, row.0.as_bytes()).is_some();
    ROWS.iter().find(is_in).map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_row;
    use super::*;
    use crate::record::Escape;

    use Field::{ResponseDetails as Reason, UpstreamCacheStatus as State};

    #[test]
    fn state_and_reason_decide() {
        let check = |fields: &[_], row| check_row(own_verdict, Escape::Json, 503, fields, row);
        check(
            &[(State, "ERROR"), (Reason, "All backends failed or unhealthy (chash)")],
            "fastly.no_backends",
        );
        check(&[(State, "ERROR"), (Reason, "Service Unavailable")], "fastly.synthetic");
        check(&[(State, "PASS"), (Reason, "Service Unavailable")], "fastly.relayed_503");
        check(&[(State, "MISS-CLUSTER"), (Reason, "first byte timeout")], "fastly.relayed_503");
        check(&[(State, "HIT-STALE")], "fastly.cached_503");
        check(&[(Reason, "first byte timeout")], "fastly.timeout");
        check(&[(Reason, "Service Unavailable")], "fastly.other");
        check(&[], "fastly.other");
    }
}
