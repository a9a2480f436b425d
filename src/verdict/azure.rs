//! The decision tables of Azure Front Door and of Azure Application Gateway.
//!
//! In: the fields of one access record. Out: the id of a row.
//! Source: Microsoft documentation, "Monitor metrics and logs in Azure Front Door" (`errorInfo`), "Azure Application
//! Gateway: diagnostic logs" (`serverStatus`, `error_info`), "Troubleshoot bad gateway errors".

use memchr::memmem;

use super::{VerdictRule, decided, open};
use crate::bytes::{is_absent, parse_status};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Cause, Confidence, Origin};

const ERROR_INFO: &[&str] = &["errorInfo", "originIp"];
const SERVER_STATUS: &[&str] = &["serverStatus", "error_info"];

const EDGE_CODES: &str = "Front Door access log: errorInfo";
const GATEWAY_CODES: &str = "Application Gateway access log: error_info";

/// A row of the edge whose cause is explicit.
const fn edge(id: &'static str, cause: Cause) -> VerdictRule {
    decided(id, Origin::Cdn, Some(cause), EDGE_CODES)
}

/// A row of the gateway whose cause is explicit.
const fn gateway(id: &'static str, cause: Cause) -> VerdictRule {
    decided(id, Origin::Proxy, Some(cause), GATEWAY_CODES)
}

/// The rows.
pub(super) const RULES: &[VerdictRule] = &[
    decided(
        "azure_front_door.relayed_503",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "errorInfo NoError, and an origin was contacted",
    ),
    decided(
        "azure_front_door.relayed_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "errorInfo NoError, and an origin was contacted",
    ),
    decided(
        "azure_front_door.cached_503",
        Origin::Upstream,
        Some(Cause::CachedError),
        "cacheStatus HIT: an answer of the origin served from cache",
    ),
    edge("azure_front_door.invalid_response", Cause::UpstreamInvalidResponse),
    edge("azure_front_door.timeout", Cause::UpstreamTimeout),
    edge("azure_front_door.refused", Cause::UpstreamRefused),
    edge("azure_front_door.reset", Cause::UpstreamReset),
    edge("azure_front_door.dns", Cause::UpstreamDns),
    edge("azure_front_door.tls", Cause::UpstreamTls),
    edge("azure_front_door.denied", Cause::PolicyDenied),
    edge("azure_front_door.client_gone", Cause::ClientAborted),
    decided("azure_front_door.edge_error", Origin::Cdn, None, EDGE_CODES),
    open(
        "azure_front_door.no_origin",
        Origin::Cdn,
        None,
        ERROR_INFO,
        "NoError, but no origin is named",
    ),
    open(
        "azure_front_door.other",
        Origin::Unknown,
        None,
        ERROR_INFO,
        "a status alone decides nothing",
    ),
    decided(
        "azure_app_gateway.relayed_503",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "serverStatus is the backend's; of several, that of the last attempt",
    ),
    decided(
        "azure_app_gateway.relayed_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "serverStatus is the backend's; of several, that of the last attempt",
    ),
    gateway("azure_app_gateway.no_live", Cause::NoLiveUpstreams),
    gateway("azure_app_gateway.closed", Cause::UpstreamReset),
    gateway("azure_app_gateway.timeout", Cause::UpstreamTimeout),
    gateway("azure_app_gateway.dns", Cause::UpstreamDns),
    gateway("azure_app_gateway.tls", Cause::UpstreamTls),
    gateway("azure_app_gateway.invalid_response", Cause::UpstreamInvalidResponse),
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "azure_app_gateway.no_backend",
            Origin::Proxy,
            None,
            "serverStatus is empty: no backend answered",
        )
    },
    open(
        "azure_app_gateway.other",
        Origin::Unknown,
        None,
        SERVER_STATUS,
        "a status alone decides nothing",
    ),
];

/// Values of `errorInfo` and their rows.
const EDGE_ROWS: &[(&str, &str)] = &[
    ("OriginInvalidResponse", "azure_front_door.invalid_response"),
    ("OriginInvalidRequest", "azure_front_door.invalid_response"),
    ("OriginError", "azure_front_door.invalid_response"),
    ("ResponseHeaderTooBig", "azure_front_door.invalid_response"),
    ("OriginTimeout", "azure_front_door.timeout"),
    ("OriginConnectionRefused", "azure_front_door.refused"),
    ("OriginConnectionError", "azure_front_door.refused"),
    ("OriginConnectionAborted", "azure_front_door.reset"),
    ("DNSFailure", "azure_front_door.dns"),
    ("DNSTimeout", "azure_front_door.dns"),
    ("DNSNameNotResolved", "azure_front_door.dns"),
    ("SSL", "azure_front_door.tls"),
    ("Certificate", "azure_front_door.tls"),
    ("ClientDisconnected", "azure_front_door.client_gone"),
    ("ClientGeoBlocked", "azure_front_door.denied"),
    ("RestrictedIP", "azure_front_door.denied"),
    ("InvalidRequest", "azure_front_door.denied"),
    ("UnspecifiedClientError", "azure_front_door.edge_error"),
    ("UnspecifiedError", "azure_front_door.edge_error"),
    ("UnspecifiedInternalError", "azure_front_door.edge_error"),
    ("TooManyRequests", "azure_front_door.denied"),
];

/// Words of `error_info` behind `ERRORINFO_` and their rows.
const GATEWAY_ROWS: &[(&str, &str)] = &[
    ("NO_LIVE", "azure_app_gateway.no_live"),
    ("CLOSED_CONNECTION", "azure_app_gateway.closed"),
    ("TIMED_OUT", "azure_app_gateway.timeout"),
    ("TIMEOUT", "azure_app_gateway.timeout"),
    ("NOT_RESOLVED", "azure_app_gateway.dns"),
    ("RESOLVE", "azure_app_gateway.dns"),
    ("SSL", "azure_app_gateway.tls"),
    ("CERT", "azure_app_gateway.tls"),
    ("INVALID", "azure_app_gateway.invalid_response"),
];

/// Id of the row that the fields of a Front Door record select.
pub(super) fn front_door(record: &AccessRecord<'_>) -> &'static str {
    let info = record.value(Field::ResponseDetails);
    let Some(info) = info.filter(|info| *info != b"N/A") else { return "azure_front_door.other" };
    let starts = |name: &str| {
        info.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name.as_bytes()))
    };
    if !starts("NoError") {
        let row = EDGE_ROWS.iter().find(|(name, _)| starts(name));
        return row.map_or("azure_front_door.edge_error", |row| row.1);
    }
    let cache = record.raw(Field::UpstreamCacheStatus).unwrap_or_default();
    if cache.ends_with(b"HIT") {
        return "azure_front_door.cached_503";
    }
    let origin = record.value(Field::UpstreamAddr).or(record.value(Field::ProxyUpstreamName));
    match origin {
        Some(_) if record.status == 503 => "azure_front_door.relayed_503",
        Some(_) => "azure_front_door.relayed_5xx",
        None => "azure_front_door.no_origin",
    }
}

/// Id of the row that the fields of an Application Gateway record select.
pub(super) fn app_gateway(record: &AccessRecord<'_>) -> &'static str {
    let server = record.last_item(Field::UpstreamStatus);
    let info = record.value(Field::ResponseDetails).unwrap_or_default();
    let row = GATEWAY_ROWS.iter().find(|(word, _)| memmem::find(info, word.as_bytes()).is_some());
    match (server, row) {
        // 502 and 504 are what the gateway itself notes for an attempt that failed.
        (Some(b"502" | b"504"), Some((_, row))) => row,
        (Some(b"502" | b"504"), None) if info.is_empty() => "azure_app_gateway.other",
        (Some(status), _) if parse_status(status).is_some_and(|status| status >= 500) => {
            if record.status == 503 && status == b"503" {
                "azure_app_gateway.relayed_503"
            } else {
                "azure_app_gateway.relayed_5xx"
            }
        }
        (_, Some((_, row))) => row,
        (Some(status), None) if is_absent(status) => "azure_app_gateway.no_backend",
        _ => "azure_app_gateway.other",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_row;
    use super::*;
    use crate::record::Escape;

    use Field::{ResponseDetails as Info, UpstreamAddr, UpstreamCacheStatus, UpstreamStatus};

    #[test]
    fn error_info_of_front_door_decides() {
        let check = |fields: &[_], row| check_row(front_door, Escape::Json, 503, fields, row);
        let origin = (UpstreamAddr, "203.0.113.20:443");
        check(&[(Info, "NoError"), origin], "azure_front_door.relayed_503");
        check(
            &[(Info, "NoError"), origin, (UpstreamCacheStatus, "REMOTE_HIT")],
            "azure_front_door.cached_503",
        );
        check(&[(Info, "NoError")], "azure_front_door.no_origin");
        check(&[(Info, "OriginTimeout"), origin], "azure_front_door.timeout");
        check(&[(Info, "CertificateNameCheckFailed")], "azure_front_door.tls");
        check(&[(Info, "SomethingNew")], "azure_front_door.edge_error");
        check(&[origin], "azure_front_door.other");
    }

    #[test]
    fn server_status_of_the_gateway_decides() {
        let check = |fields: &[_], row| check_row(app_gateway, Escape::Json, 503, fields, row);
        check(
            &[(UpstreamStatus, "502, 503"), (Info, "ERRORINFO_NO_ERROR")],
            "azure_app_gateway.relayed_503",
        );
        check(
            &[(UpstreamStatus, ""), (Info, "ERRORINFO_UPSTREAM_NO_LIVE")],
            "azure_app_gateway.no_live",
        );
        check(
            &[(UpstreamStatus, "504"), (Info, "ERRORINFO_UPSTREAM_TIMED_OUT")],
            "azure_app_gateway.timeout",
        );
        check(
            &[(UpstreamStatus, ""), (Info, "ERRORINFO_NO_ERROR")],
            "azure_app_gateway.no_backend",
        );
        check(&[(UpstreamStatus, "")], "azure_app_gateway.no_backend");
        check(&[(Info, "ERRORINFO_NO_ERROR")], "azure_app_gateway.other");
    }
}
