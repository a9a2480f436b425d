//! The decision table of Google Cloud's HTTP(S) load balancers.
//!
//! In: the fields of one log entry. Out: the id of a row. The same detail comes with 502 from classic balancers and with
//! 503 from newer ones, so that the detail decides, never the status.
//! Source: Google Cloud documentation, "statusDetails HTTP success and failure messages", "proxyStatus error field"
//! (RFC 9209).

use memchr::memmem;

use super::{Openness, VerdictRule, decided, open};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Cause, Origin};

const DETAILS: &[&str] = &["jsonPayload.statusDetails", "jsonPayload.proxyStatus"];

const MESSAGES: &str = "statusDetails: failure messages";

/// A row of the balancer whose cause is explicit.
const fn balancer(id: &'static str, cause: Cause) -> VerdictRule {
    decided(id, Origin::Proxy, Some(cause), MESSAGES)
}

/// The rows.
pub(super) const RULES: &[VerdictRule] = &[
    decided(
        "google_lb.relayed_503",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "response_sent_by_backend",
    ),
    decided(
        "google_lb.relayed_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "response_sent_by_backend",
    ),
    decided(
        "google_lb.cached_503",
        Origin::Upstream,
        Some(Cause::CachedError),
        "response_from_cache*: only what backends answered is cached",
    ),
    decided(
        "google_lb.partial_response",
        Origin::Upstream,
        Some(Cause::UpstreamReset),
        "backend_connection_closed_after_partial_response_sent: the status is the backend's",
    ),
    balancer("google_lb.no_backend", Cause::NoLiveUpstreams),
    balancer("google_lb.connect_refused", Cause::UpstreamRefused),
    balancer("google_lb.connect_timeout", Cause::UpstreamTimeout),
    VerdictRule {
        openness: Openness::CauseOpen,
        ..decided(
            "google_lb.connect_failed",
            Origin::Proxy,
            None,
            "failed_to_connect_to_backend: refused or timed out",
        )
    },
    balancer("google_lb.reset", Cause::UpstreamReset),
    balancer("google_lb.timeout", Cause::UpstreamTimeout),
    balancer("google_lb.invalid_response", Cause::UpstreamInvalidResponse),
    balancer("google_lb.tls", Cause::UpstreamTls),
    balancer("google_lb.dns", Cause::UpstreamDns),
    balancer("google_lb.overflow", Cause::CircuitBreakerOpen),
    balancer("google_lb.config", Cause::ConfigError),
    decided(
        "google_lb.internal_error",
        Origin::Proxy,
        None,
        "internal_error, retriable_error: the balancer itself",
    ),
    decided(
        "google_lb.direct_response",
        Origin::LocalProcess,
        Some(Cause::Maintenance),
        "direct_response, redirect",
    ),
    decided(
        "google_lb.fault",
        Origin::LocalProcess,
        Some(Cause::FaultInjected),
        "fault_filter_abort",
    ),
    decided(
        "google_lb.rate_limited",
        Origin::LocalProcess,
        Some(Cause::RateLimited),
        "Cloud Armor: rate-based rules",
    ),
    decided(
        "google_lb.denied",
        Origin::LocalProcess,
        Some(Cause::PolicyDenied),
        "denied_by_security_policy, body_not_allowed and the like",
    ),
    open(
        "google_lb.client_gone",
        Origin::Proxy,
        Some(Cause::ClientAborted),
        DETAILS,
        "client_disconnected_*, client_timed_out",
    ),
    open("google_lb.other", Origin::Unknown, None, DETAILS, "no detail that decides"),
];

/// Texts of details and their rows; the first that is found counts.
const ROWS: &[(&str, &str)] = &[
    ("response_from_cache", "google_lb.cached_503"),
    ("byte_range_caching", "google_lb.cached_503"),
    ("after_partial_response_sent", "google_lb.partial_response"),
    ("failed_to_pick_backend", "google_lb.no_backend"),
    ("backend_connection_closed_before_data_sent_to_client", "google_lb.reset"),
    ("connection_terminated", "google_lb.reset"),
    ("backend_reset", "google_lb.reset"),
    ("backend_timeout", "google_lb.timeout"),
    ("http_response_timeout", "google_lb.timeout"),
    ("backend_early_response_with_non_error_status", "google_lb.invalid_response"),
    ("backend_interim_response_not_supported", "google_lb.invalid_response"),
    ("backend_response_corrupted", "google_lb.invalid_response"),
    ("backend_response_headers_too_long", "google_lb.invalid_response"),
    ("error_uncompressing_gzipped_body", "google_lb.invalid_response"),
    ("http_protocol_error", "google_lb.invalid_response"),
    ("http_response_incomplete", "google_lb.invalid_response"),
    ("failed_to_negotiate_alpn", "google_lb.tls"),
    ("ssl_certificate", "google_lb.tls"),
    ("server_cert", "google_lb.tls"),
    ("tls_", "google_lb.tls"),
    ("dns_error", "google_lb.dns"),
    ("dns_timeout", "google_lb.dns"),
    ("connection_limit_reached", "google_lb.overflow"),
    ("config_not_found", "google_lb.config"),
    ("request_loop_detected", "google_lb.config"),
    ("proxy_configuration_error", "google_lb.config"),
    ("fault_filter_abort", "google_lb.fault"),
    ("direct_response", "google_lb.direct_response"),
    ("redirect", "google_lb.direct_response"),
    ("rate_limit", "google_lb.rate_limited"),
    ("throttled", "google_lb.rate_limited"),
    ("banned_by_security_policy", "google_lb.rate_limited"),
    ("denied_by_security_policy", "google_lb.denied"),
    ("denied", "google_lb.denied"),
    ("retriable_error", "google_lb.internal_error"),
    ("internal_error", "google_lb.internal_error"),
    ("client_", "google_lb.client_gone"),
];

/// Id of the row that the fields of an entry select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    let details = record.value(Field::ResponseDetails).unwrap_or_default();
    let says = |text: &str| memmem::find(details, text.as_bytes()).is_some();
    if says("response_sent_by_backend") {
        return if record.status == 503 {
            "google_lb.relayed_503"
        } else {
            "google_lb.relayed_5xx"
        };
    }
    if says("failed_to_connect_to_backend")
        || says("connection_refused")
        || says("connection_timeout")
    {
        return if says("connection_refused") {
            "google_lb.connect_refused"
        } else if says("connection_timeout") {
            "google_lb.connect_timeout"
        } else {
            "google_lb.connect_failed"
        };
    }
    // A destination that could not be reached: the details, where there are any, say more.
    let other = if says("destination_") { "google_lb.connect_failed" } else { "google_lb.other" };
    ROWS.iter().find(|(text, _)| says(text)).map_or(other, |row| row.1)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_row;
    use super::*;
    use crate::record::Escape;

    #[test]
    fn the_detail_decides_whatever_the_status() {
        let check = |status, details: &str, row| {
            let fields = [(Field::ResponseDetails, details)];
            check_row(own_verdict, Escape::Json, status, &fields, row);
        };
        check(503, "response_sent_by_backend", "google_lb.relayed_503");
        check(502, r#"details=\"response_sent_by_backend\""#, "google_lb.relayed_5xx");
        check(502, "failed_to_pick_backend_by_hash", "google_lb.no_backend");
        let picked = r#"error="destination_unavailable"; details="failed_to_pick_backend""#;
        check(503, picked, "google_lb.no_backend");
        check(503, r#"error="destination_unavailable""#, "google_lb.connect_failed");
        check(
            503,
            r#"error=\"connection_refused\"; details=\"failed_to_connect_to_backend\""#,
            "google_lb.connect_refused",
        );
        check(503, "failed_to_connect_to_backend", "google_lb.connect_failed");
        check(503, "backend_connection_closed_before_data_sent_to_client", "google_lb.reset");
        check(503, "denied_by_security_policy", "google_lb.denied");
        check(503, "", "google_lb.other");
    }
}
