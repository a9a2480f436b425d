//! The decision table of Amazon API Gateway.
//!
//! In: the fields of one access line. Out: the id of a row.
//! Source: API Gateway developer guide, "Variables for access logging" (`$context.integration.status`,
//! `$context.integrationStatus`, `$context.error.responseType`) and "Gateway response types": none of them is 503 unless
//! the operator says so.

use super::{VerdictRule, decided, open};
use crate::bytes::{is_absent, parse_status};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Cause, Confidence, Origin};

const INTEGRATION_STATUS: &[&str] = &["$context.integration.status", "$context.error.responseType"];

/// The rows. See the module head for sources; the `source` of a row names the place within them.
pub(super) const RULES: &[VerdictRule] = &[
    // The first row is also that of lines that cannot be read to their end.
    open(
        "api_gateway.no_integration_status",
        Origin::Unknown,
        None,
        INTEGRATION_STATUS,
        "the format is the operator's: it has no field for the integration's status",
    ),
    decided(
        "api_gateway.integration_status_503",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "$context.integration.status: the status that the integration returned",
    ),
    decided(
        "api_gateway.integration_status_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "$context.integration.status: the status that the integration returned",
    ),
    open(
        "api_gateway.integration_status_differs",
        Origin::Proxy,
        None,
        &["$context.error.responseType"],
        "a mapping or a gateway response may change the status",
    ),
    decided(
        "api_gateway.integration_timeout",
        Origin::Proxy,
        Some(Cause::UpstreamTimeout),
        "gateway response types: INTEGRATION_TIMEOUT",
    ),
    decided(
        "api_gateway.integration_failure",
        Origin::Proxy,
        Some(Cause::UpstreamRefused),
        "gateway response types: INTEGRATION_FAILURE",
    ),
    decided(
        "api_gateway.throttled",
        Origin::LocalProcess,
        Some(Cause::RateLimited),
        "gateway response types: THROTTLED, QUOTA_EXCEEDED",
    ),
    decided(
        "api_gateway.authorizer",
        Origin::LocalProcess,
        Some(Cause::AuthDependency),
        "gateway response types: AUTHORIZER_FAILURE, AUTHORIZER_CONFIGURATION_ERROR",
    ),
    decided(
        "api_gateway.configuration",
        Origin::LocalProcess,
        Some(Cause::ConfigError),
        "gateway response types: API_CONFIGURATION_ERROR",
    ),
    decided(
        "api_gateway.refused",
        Origin::LocalProcess,
        Some(Cause::PolicyDenied),
        "gateway response types: ACCESS_DENIED, WAF_FILTERED, UNAUTHORIZED, ...",
    ),
    // The integration gave no status: the gateway answered in its place.
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "api_gateway.integration_unavailable",
            Origin::Proxy,
            None,
            "$context.integration.status is - when no response came",
        )
    },
];

/// Id of the row that the fields of an access line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    if let Some(id) = record.value(Field::ErrorType).and_then(by_error_type) {
        return id;
    }
    let Some(raw) = record.raw(Field::UpstreamStatus) else {
        return "api_gateway.no_integration_status";
    };
    match parse_status(raw) {
        Some(status) if status != record.status => "api_gateway.integration_status_differs",
        Some(503) => "api_gateway.integration_status_503",
        Some(500..=599) => "api_gateway.integration_status_5xx",
        // $context.integrationErrorMessage: "Endpoint request timed out".
        None if is_absent(raw) && (record.status == 504 || says_timed_out(record)) => {
            "api_gateway.integration_timeout"
        }
        None if is_absent(raw) && (500..600).contains(&record.status) => {
            "api_gateway.integration_unavailable"
        }
        _ => "api_gateway.no_integration_status",
    }
}

fn says_timed_out(record: &AccessRecord<'_>) -> bool {
    let reason = record.value(Field::Reason).unwrap_or_default();
    memchr::memmem::find(reason, b"timed out").is_some()
}

fn by_error_type(kind: &[u8]) -> Option<&'static str> {
    let id = match kind {
        b"INTEGRATION_TIMEOUT" => "api_gateway.integration_timeout",
        b"INTEGRATION_FAILURE" => "api_gateway.integration_failure",
        b"THROTTLED" | b"QUOTA_EXCEEDED" => "api_gateway.throttled",
        b"AUTHORIZER_FAILURE" | b"AUTHORIZER_CONFIGURATION_ERROR" => "api_gateway.authorizer",
        b"API_CONFIGURATION_ERROR" => "api_gateway.configuration",
        b"ACCESS_DENIED"
        | b"WAF_FILTERED"
        | b"UNAUTHORIZED"
        | b"INVALID_API_KEY"
        | b"INVALID_SIGNATURE"
        | b"MISSING_AUTHENTICATION_TOKEN"
        | b"EXPIRED_TOKEN"
        | b"REQUEST_TOO_LARGE"
        | b"BAD_REQUEST_BODY"
        | b"BAD_REQUEST_PARAMETERS" => "api_gateway.refused",
        _ => return None,
    };
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_row;
    use super::*;
    use crate::record::Escape;

    #[track_caller]
    fn check(status: u16, fields: &[(Field, &str)], row: &str) {
        check_row(own_verdict, Escape::Json, status, fields, row);
    }

    #[test]
    fn rows_follow_the_integration_and_the_kind_of_error() {
        use Field::{ErrorType, UpstreamStatus as Status};
        check(503, &[(Status, "503")], "api_gateway.integration_status_503");
        check(502, &[(Status, "502")], "api_gateway.integration_status_5xx");
        check(503, &[(Status, "200")], "api_gateway.integration_status_differs");
        check(503, &[(Status, "-")], "api_gateway.integration_unavailable");
        check(504, &[(Status, "-")], "api_gateway.integration_timeout");
        check(503, &[], "api_gateway.no_integration_status");
        check(503, &[(ErrorType, "-")], "api_gateway.no_integration_status");
        let timeout = [(Status, "-"), (ErrorType, "INTEGRATION_TIMEOUT")];
        check(503, &timeout, "api_gateway.integration_timeout");
        check(503, &[(ErrorType, "THROTTLED")], "api_gateway.throttled");
    }
}
