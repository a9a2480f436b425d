//! The decision table of Envoy, and so of Istio's gateways and sidecars.
//!
//! In: the fields of one access line. Out: the id of a row. The response code details say who made the response; the
//! flags say it for those that Envoy made; the backend's host and time say it for the others.
//! Source: Envoy documentation, "Response code details" and "Access logging" (`%RESPONSE_FLAGS%`);
//! `source/common/router/router.cc`, `source/common/http/utility.cc` (`Utility::resetReasonToString`).

use memchr::memmem;

use super::{Openness, VerdictRule, decided, open};
use crate::bytes::is_absent;
use crate::format::envoy::FLAGS;
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Cause, Confidence, Origin};

const DETAILS: &[&str] = &["response_code_details"];
const DETAILS_AND_FLAGS: &[&str] = &["response_code_details", "response_flags"];

const RESET: &str = "router.cc: upstream_reset_before_response_started{reason}";

/// A row of the local process whose cause is explicit.
const fn local(id: &'static str, cause: Cause, source: &'static str) -> VerdictRule {
    decided(id, Origin::LocalProcess, Some(cause), source)
}

/// A row of the proxy whose cause is explicit.
const fn proxy(id: &'static str, cause: Cause, source: &'static str) -> VerdictRule {
    decided(id, Origin::Proxy, Some(cause), source)
}

/// The rows.
pub(super) const RULES: &[VerdictRule] = &[
    decided(
        "envoy.via_upstream_503",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "details via_upstream: the response was the backend's",
    ),
    decided(
        "envoy.via_upstream_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "details via_upstream: the response was the backend's",
    ),
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "envoy.service_time_503",
            Origin::Upstream,
            Some(Cause::Upstream503),
            "x-envoy-upstream-service-time is set when response headers of the backend arrive",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "envoy.service_time_5xx",
            Origin::Upstream,
            Some(Cause::UpstreamError),
            "x-envoy-upstream-service-time is set when response headers of the backend arrive",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "envoy.host_without_flag",
            Origin::Upstream,
            Some(Cause::Upstream503),
            "router.cc: a reply of its own sets a flag once a host was chosen",
        )
    },
    decided(
        "envoy.cached_503",
        Origin::Upstream,
        Some(Cause::CachedError),
        "flag RFCF: from the cache filter, which stores only what backends answered",
    ),
    local("envoy.direct_response", Cause::Maintenance, "details direct_response: route action"),
    local(
        "envoy.maintenance_mode",
        Cause::Maintenance,
        "details maintenance_mode: runtime key of the cluster",
    ),
    proxy(
        "envoy.no_healthy_upstream",
        Cause::NoLiveUpstreams,
        "flag UH, details no_healthy_upstream",
    ),
    proxy(
        "envoy.overflow",
        Cause::CircuitBreakerOpen,
        "flag UO, reset reason overflow: a circuit breaker of the cluster",
    ),
    proxy("envoy.connect_refused", Cause::UpstreamRefused, RESET),
    VerdictRule {
        confidence: Confidence::Likely,
        ..proxy(
            "envoy.connect_failed_at_once",
            Cause::UpstreamRefused,
            "flag UF: what fails at once was refused; a handshake or a timer takes longer, mostly",
        )
    },
    proxy("envoy.connect_timeout", Cause::UpstreamTimeout, RESET),
    proxy("envoy.connect_tls", Cause::UpstreamTls, RESET),
    VerdictRule {
        openness: Openness::CauseOpen,
        ..decided("envoy.connect_failed", Origin::Proxy, None, "flag UF: refused or timed out")
    },
    proxy(
        "envoy.upstream_reset",
        Cause::UpstreamReset,
        "flags UC, UR and LR; connection_termination, remote_reset, local_reset",
    ),
    proxy(
        "envoy.upstream_timeout",
        Cause::UpstreamTimeout,
        "flags UT, UMSDR, DT and SI; response_timeout and other time limits",
    ),
    proxy(
        "envoy.upstream_protocol",
        Cause::UpstreamInvalidResponse,
        "flag UPE, reset reason protocol_error",
    ),
    proxy("envoy.dns_failure", Cause::UpstreamDns, "flag DF, details dns_resolution_failure"),
    proxy(
        "envoy.no_cluster",
        Cause::ConfigError,
        "flag NC, details cluster_not_found: the route names a cluster that is not configured, or not yet",
    ),
    proxy(
        "envoy.drop_overload",
        Cause::OverloadShed,
        "flags DO and UDO: the control plane has load dropped",
    ),
    local("envoy.no_route", Cause::NoRoute, "flag NR, details route_not_found"),
    local(
        "envoy.overload_manager",
        Cause::OverloadShed,
        "flag OM, details overload: the overload manager of this process",
    ),
    local("envoy.fault_injected", Cause::FaultInjected, "flag FI, details fault_filter_abort"),
    local("envoy.rate_limited", Cause::RateLimited, "flag RL, details of the rate limit filters"),
    local(
        "envoy.rate_limit_service",
        Cause::DependencyHttp,
        "flag RLSE: the rate limit service failed",
    ),
    local(
        "envoy.ext_authz",
        Cause::AuthDependency,
        "flag UAEX, details ext_authz_*: the authorization service denied or failed",
    ),
    local("envoy.rbac", Cause::PolicyDenied, "details rbac_access_denied*"),
    local(
        "envoy.health_check",
        Cause::HealthCheckFailed,
        "flag LH: this Envoy fails its own health check",
    ),
    local(
        "envoy.concurrency_limit",
        Cause::ConcurrencyLimit,
        "details reached_concurrency_limit, denied_by_admission_control",
    ),
    local(
        "envoy.no_filter_config",
        Cause::ConfigError,
        "flag NFCF: no configuration of a filter has arrived",
    ),
    // What Lua, WebAssembly and other filters answer has details of its own.
    decided(
        "envoy.filter_response",
        Origin::LocalProcess,
        None,
        "details of a filter's own response",
    ),
    open(
        "envoy.client_gone",
        Origin::Proxy,
        Some(Cause::ClientAborted),
        DETAILS,
        "flags DC and DR: the client left; the status tells nothing of a backend",
    ),
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "envoy.retried_503",
            Origin::Upstream,
            Some(Cause::Upstream503),
            "router.cc, onUpstreamHeaders: flag URX alone, the last response is passed on; a reset sets its own flag",
        )
    },
    open(
        "envoy.retries_exhausted",
        Origin::Proxy,
        None,
        DETAILS,
        "flag URX alone: of the last attempt nothing is known",
    ),
    open(
        "envoy.host_without_answer",
        Origin::Proxy,
        None,
        DETAILS,
        "a host was chosen, no service time, no flag",
    ),
    open(
        "envoy.no_host",
        Origin::LocalProcess,
        Some(Cause::Maintenance),
        DETAILS,
        "no host, no flag: a direct response or a filter",
    ),
    open("envoy.other", Origin::Unknown, None, DETAILS_AND_FLAGS, "no row of the table applies"),
];

/// Connecting to an address nobody listens at fails at once; a time limit takes seconds.
const REFUSED_MAX_US: u64 = 200_000;

/// Id of the row that the fields of an access line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    let flags = record.value(Field::ResponseFlags).unwrap_or_default();
    let details = record.value(Field::ResponseDetails);
    if let Some(row) = details.and_then(|details| by_details(record, details, flags)) {
        return row;
    }
    if let Some(row) = by_flags(record, flags) {
        return row;
    }
    let has_host = record.value(Field::UpstreamAddr).is_some();
    let service_time = record.raw(Field::UpstreamHeaderTime);
    match (has_host, service_time) {
        (_, Some(time)) if !is_absent(time) => {
            if record.status == 503 {
                "envoy.service_time_503"
            } else {
                "envoy.service_time_5xx"
            }
        }
        (true, _) if is_retried(flags) && record.status == 503 => "envoy.retried_503",
        _ if has_flag(flags, "URX") => "envoy.retries_exhausted",
        (true, Some(_)) => "envoy.host_without_answer",
        // Formats without the time of the service.
        (true, None) if flags_are_none(record) && details.is_none() && record.status == 503 => {
            "envoy.host_without_flag"
        }
        (false, Some(_)) if record.raw(Field::UpstreamAddr).is_some() && flags.is_empty() => {
            "envoy.no_host"
        }
        _ => "envoy.other",
    }
}

/// True where the flags say that the attempts were used up, and no more.
fn is_retried(flags: &[u8]) -> bool {
    flags == b"URX" || flags == b"UpstreamRetryLimitExceeded"
}

/// True where flags are logged, and there is none.
fn flags_are_none(record: &AccessRecord<'_>) -> bool {
    record.raw(Field::ResponseFlags).is_some_and(is_absent)
}

/// True when one of the flags is this, by its short or its long name.
fn has_flag(flags: &[u8], short: &str) -> bool {
    let long = FLAGS.iter().find(|row| row.0 == short).map_or("", |row| row.1);
    flags
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .any(|flag| flag == short.as_bytes() || flag == long.as_bytes())
}

/// The row of what the details say. Blanks in them are written as `_`.
fn by_details(record: &AccessRecord<'_>, details: &[u8], flags: &[u8]) -> Option<&'static str> {
    let says = |text: &str| memmem::find(details, text.as_bytes()).is_some();
    let starts = |text: &str| details.starts_with(text.as_bytes());
    Some(if details == b"via_upstream" {
        if has_flag(flags, "RFCF") {
            "envoy.cached_503"
        } else if record.status == 503 {
            "envoy.via_upstream_503"
        } else {
            "envoy.via_upstream_5xx"
        }
    } else if starts("direct_response") {
        "envoy.direct_response"
    } else if starts("maintenance_mode") {
        "envoy.maintenance_mode"
    } else if starts("no_healthy_upstream") {
        "envoy.no_healthy_upstream"
    } else if starts("cluster_not_found") {
        "envoy.no_cluster"
    } else if starts("route_not_found") {
        "envoy.no_route"
    } else if starts("dns_resolution_failure") {
        "envoy.dns_failure"
    } else if says("drop_overload") {
        "envoy.drop_overload"
    } else if starts("overload") {
        "envoy.overload_manager"
    } else if starts("fault_filter_abort") {
        "envoy.fault_injected"
    } else if starts("ext_authz") {
        "envoy.ext_authz"
    } else if starts("rbac_access_denied") {
        "envoy.rbac"
    } else if starts("rate_limiter_error") {
        "envoy.rate_limit_service"
    } else if says("rate_limited") || starts("local_rate_limit") {
        "envoy.rate_limited"
    } else if starts("reached_concurrency_limit") || starts("denied_by_admission_control") {
        "envoy.concurrency_limit"
    } else if starts("health_check") {
        "envoy.health_check"
    } else if says("reset_after_response_started") {
        // The answer had begun: its status is the backend's.
        if record.status == 503 { "envoy.via_upstream_503" } else { "envoy.via_upstream_5xx" }
    } else if says("reset_before_response_started") {
        by_reset(record, details, flags)
    } else if says("response_timeout")
        || says("per_try_timeout")
        || says("max_stream_duration")
        || says("request_overall_timeout")
        || says("stream_idle_timeout")
        || says("duration_timeout")
    {
        "envoy.upstream_timeout"
    } else if says("upstream_protocol_error") {
        "envoy.upstream_protocol"
    } else if starts("downstream") {
        "envoy.client_gone"
    } else if starts("lua_response") || starts("wasm") || starts("ext_proc") {
        "envoy.filter_response"
    } else {
        return None;
    })
}

/// The row of the reason in `upstream_reset_before_response_started{reason,transport failure}`.
fn by_reset(record: &AccessRecord<'_>, details: &[u8], flags: &[u8]) -> &'static str {
    let says = |text: &str| memmem::find(details, text.as_bytes()).is_some();
    if says("overflow") {
        "envoy.overflow"
    } else if says("connection_termination")
        || says("remote_reset")
        || says("local_reset")
        || says("remote_refused_stream_reset")
    {
        "envoy.upstream_reset"
    } else if says("protocol_error") {
        "envoy.upstream_protocol"
    } else if says("connection_failure")
        || says("connection_timeout")
        || says("connect_timeout")
        || has_flag(flags, "UF")
    {
        connect_failure(record, details)
    } else {
        by_flags(record, flags).unwrap_or("envoy.upstream_reset")
    }
}

/// The row of a connection that was not made.
fn connect_failure(record: &AccessRecord<'_>, details: &[u8]) -> &'static str {
    let reason = record.value(Field::TransportFailure).unwrap_or_default();
    let says = |text: &str| {
        [details, reason].iter().any(|place| memmem::find(place, text.as_bytes()).is_some())
    };
    if says("TLS") || says("CERTIFICATE") || says("SSL") {
        "envoy.connect_tls"
    } else if says("timeout") || says("error: 110") || says("error:_110") {
        "envoy.connect_timeout"
    } else if says("error: 111") || says("error:_111") || says("refused") {
        "envoy.connect_refused"
    } else if record.duration_us().is_some_and(|duration| duration < REFUSED_MAX_US) {
        "envoy.connect_failed_at_once"
    } else {
        "envoy.connect_failed"
    }
}

/// The row of the flags. What Envoy itself refused comes first, what only says how often it tried last.
fn by_flags(record: &AccessRecord<'_>, flags: &[u8]) -> Option<&'static str> {
    const ROWS: &[(&str, &str)] = &[
        ("FI", "envoy.fault_injected"),
        ("UAEX", "envoy.ext_authz"),
        ("RLSE", "envoy.rate_limit_service"),
        ("RL", "envoy.rate_limited"),
        ("OM", "envoy.overload_manager"),
        ("NC", "envoy.no_cluster"),
        ("NR", "envoy.no_route"),
        ("DF", "envoy.dns_failure"),
        ("DO", "envoy.drop_overload"),
        ("UDO", "envoy.drop_overload"),
        ("UH", "envoy.no_healthy_upstream"),
        ("UO", "envoy.overflow"),
        ("UC", "envoy.upstream_reset"),
        ("UR", "envoy.upstream_reset"),
        ("LR", "envoy.upstream_reset"),
        ("UT", "envoy.upstream_timeout"),
        ("UMSDR", "envoy.upstream_timeout"),
        ("DT", "envoy.upstream_timeout"),
        ("SI", "envoy.upstream_timeout"),
        ("UPE", "envoy.upstream_protocol"),
        ("RFCF", "envoy.cached_503"),
        ("NFCF", "envoy.no_filter_config"),
        ("LH", "envoy.health_check"),
        ("DC", "envoy.client_gone"),
        ("DR", "envoy.client_gone"),
    ];
    if has_flag(flags, "UF") {
        return Some(connect_failure(record, b""));
    }
    ROWS.iter().find(|(flag, _)| has_flag(flags, flag)).map(|(_, row)| *row)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_row;
    use super::*;
    use crate::record::Escape;

    #[track_caller]
    fn check(fields: &[(Field, &str)], row: &str) {
        check_row(own_verdict, Escape::None, 503, fields, row);
    }

    use Field::{
        RequestTimeMillis, ResponseDetails, ResponseFlags, TransportFailure, UpstreamAddr,
        UpstreamHeaderTime,
    };

    #[test]
    fn details_go_before_flags() {
        check(
            &[(ResponseFlags, "URX"), (ResponseDetails, "via_upstream")],
            "envoy.via_upstream_503",
        );
        check(
            &[(ResponseFlags, "-"), (ResponseDetails, "direct_response")],
            "envoy.direct_response",
        );
        check(
            &[
                (ResponseFlags, "UF,URX"),
                (ResponseDetails, "upstream_reset_before_response_started{connection_failure}"),
            ],
            "envoy.connect_failed",
        );
        check(
            &[
                (ResponseFlags, "UF"),
                (
                    ResponseDetails,
                    "upstream_reset_before_response_started{remote_connection_failure,TLS_error:|268435581}",
                ),
            ],
            "envoy.connect_tls",
        );
        check(
            &[
                (ResponseFlags, "UC"),
                (ResponseDetails, "upstream_reset_before_response_started{connection_termination}"),
            ],
            "envoy.upstream_reset",
        );
        check(
            &[(ResponseDetails, "upstream_reset_before_response_started{overflow}")],
            "envoy.overflow",
        );
        check(&[(ResponseFlags, "OM"), (ResponseDetails, "overload")], "envoy.overload_manager");
    }

    #[test]
    fn flags_decide_where_details_are_not_logged() {
        check(&[(ResponseFlags, "UH"), (UpstreamAddr, "-")], "envoy.no_healthy_upstream");
        check(
            &[(ResponseFlags, "NoHealthyUpstream,UpstreamRetryLimitExceeded")],
            "envoy.no_healthy_upstream",
        );
        check(
            &[(ResponseFlags, "URX,UF"), (RequestTimeMillis, "5")],
            "envoy.connect_failed_at_once",
        );
        check(&[(ResponseFlags, "UF"), (RequestTimeMillis, "5000")], "envoy.connect_failed");
        check(
            &[(ResponseFlags, "UF"), (TransportFailure, "delayed connect error: 110")],
            "envoy.connect_timeout",
        );
        check(&[(ResponseFlags, "UAEX")], "envoy.ext_authz");
    }

    #[test]
    fn without_flags_the_host_and_its_time_decide() {
        let none = (ResponseFlags, "-");
        check(
            &[none, (UpstreamAddr, "10.0.0.1:80"), (UpstreamHeaderTime, "12")],
            "envoy.service_time_503",
        );
        check(
            &[none, (UpstreamAddr, "10.0.0.1:80"), (UpstreamHeaderTime, "-")],
            "envoy.host_without_answer",
        );
        check(&[none, (UpstreamAddr, "-"), (UpstreamHeaderTime, "-")], "envoy.no_host");
        check(&[none, (UpstreamAddr, "10.0.0.1:80")], "envoy.host_without_flag");
        check(&[(UpstreamAddr, "10.0.0.1:80")], "envoy.other");
        check(&[(ResponseFlags, "URX"), (UpstreamAddr, "10.0.0.1:80")], "envoy.retried_503");
        check(&[(ResponseFlags, "URX"), (UpstreamAddr, "-")], "envoy.retries_exhausted");
        check(&[none], "envoy.other");
        check(&[], "envoy.other");
    }
}
