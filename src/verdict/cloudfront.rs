//! The decision table of Amazon `CloudFront`.
//!
//! In: the fields of one access line. Out: the id of a row.
//! No field holds the origin's status. What decides are the result types: how the edge classified the response before it
//! sent it, and after, and the kind of error in detail; and whether the origin sent a first byte, where that is logged. A
//! plain `Error` may be the origin's 503, one kept in the cache, or one that a function at the edge made.
//! Source: `CloudFront` developer guide, "Standard logging" (`x-edge-*result-type`), "Real-time logs" (`origin-fbl`),
//! "HTTP 503 status code", "HTTP 502 status code", "HTTP 504 status code"; values of functions as seen in `X-Cache`.

use super::{VerdictRule, decided, open};
use crate::bytes::parse_seconds_us;
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Basis, Cause, Confidence, Origin};

const ORIGIN_FIELDS: &[&str] = &["origin-fbl", "access log of the origin"];
const DETAIL_FIELDS: &[&str] =
    &["x-edge-detailed-result-type", "origin-fbl", "access log of the origin"];
const ORIGIN_LOG: &[&str] = &["access log of the origin"];

/// The rows. See the module head for sources; the `source` of a row names the place within them.
pub(super) const RULES: &[VerdictRule] = &[
    // The first row is also that of lines that cannot be read to their end.
    open("cloudfront.other", Origin::Cdn, None, DETAIL_FIELDS, "no row of the table applies"),
    decided(
        "cloudfront.capacity_exceeded",
        Origin::Cdn,
        Some(Cause::CdnCapacity),
        "CapacityExceeded: the edge location had no capacity to serve the object",
    ),
    decided(
        "cloudfront.limit_exceeded",
        Origin::Cdn,
        Some(Cause::RateLimited),
        "LimitExceeded: a quota of CloudFront was exceeded",
    ),
    decided(
        "cloudfront.function_failed",
        Origin::Cdn,
        Some(Cause::CdnFunctionError),
        "FunctionExecutionError, FunctionThrottledError, LambdaExecutionError, ...",
    ),
    decided(
        "cloudfront.function_limit",
        Origin::Cdn,
        Some(Cause::CdnCapacity),
        "LambdaLimitExceeded: more functions at once than the account may run",
    ),
    decided(
        "cloudfront.function_response",
        Origin::Cdn,
        Some(Cause::Maintenance),
        "FunctionGeneratedResponse, LambdaGeneratedResponse: a function at the edge answered",
    ),
    decided(
        "cloudfront.origin_connect",
        Origin::Cdn,
        Some(Cause::CdnOriginUnreachable),
        "OriginConnectError",
    ),
    decided("cloudfront.origin_dns", Origin::Cdn, Some(Cause::UpstreamDns), "OriginDnsError"),
    decided(
        "cloudfront.origin_timeout",
        Origin::Cdn,
        Some(Cause::UpstreamTimeout),
        "OriginCommError: a timeout when communicating with the origin",
    ),
    decided(
        "cloudfront.origin_reset",
        Origin::Cdn,
        Some(Cause::UpstreamReset),
        "OriginReadError, OriginWriteError, AbortedOrigin, SlowReaderOriginError",
    ),
    decided(
        "cloudfront.origin_invalid_response",
        Origin::Cdn,
        Some(Cause::UpstreamInvalidResponse),
        "OriginInvalidResponseError, OriginHeaderTooBigError, OriginZeroSizeObjectError, OriginContentRangeLengthError",
    ),
    decided(
        "cloudfront.request_refused",
        Origin::Cdn,
        Some(Cause::PolicyDenied),
        "InvalidRequest..., ClientGeoBlocked",
    ),
    decided(
        "cloudfront.relayed",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "Miss: the request was forwarded to the origin and its answer returned",
    ),
    decided(
        "cloudfront.relayed_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "Miss: the request was forwarded to the origin and its answer returned",
    ),
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "cloudfront.cached",
            Origin::Upstream,
            Some(Cause::CachedError),
            "Hit, RefreshHit, OriginShieldHit: served from a cache, which held the origin's answer",
        )
    },
    decided(
        "cloudfront.origin_answered",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "origin-fbl: the time to the first byte of the origin's answer",
    ),
    decided(
        "cloudfront.origin_answered_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "origin-fbl: the time to the first byte of the origin's answer",
    ),
    // A cached error, or a function at the edge.
    VerdictRule {
        basis: &[Basis::FieldValue],
        ..open(
            "cloudfront.error_without_contact",
            Origin::Upstream,
            Some(Cause::CachedError),
            ORIGIN_LOG,
            "Error: also when an error is served from the cache",
        )
    },
    open(
        "cloudfront.error",
        Origin::Upstream,
        Some(Cause::Upstream503),
        ORIGIN_FIELDS,
        "HTTP 503: usually the origin lacks capacity; the log does not say",
    ),
    open(
        "cloudfront.error_5xx",
        Origin::Unknown,
        None,
        ORIGIN_FIELDS,
        "Error: a status from the origin and one of the edge look the same",
    ),
];

/// What a result type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// This row, whatever else the line has.
    Row(&'static str),
    /// The answer is the origin's.
    Relayed,
    /// The answer comes from a cache.
    Cached,
    /// Nothing about who answered.
    Nothing,
}

/// Id of the row that the fields of an access line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    let types =
        [Field::EdgeDetailedResultType, Field::EdgeResponseResultType, Field::EdgeResultType]
            .map(|field| record.value(field));
    let says =
        types.map(|value| value.map_or(Says::Nothing, |value| meaning(value, record.status)));
    // The kind of error goes before what a cache had to do with it.
    for said in says {
        if let Says::Row(id) = said {
            return id;
        }
    }
    let is_503 = record.status == 503;
    if says.contains(&Says::Relayed) {
        return if is_503 { "cloudfront.relayed" } else { "cloudfront.relayed_5xx" };
    }
    if says.contains(&Says::Cached) {
        return "cloudfront.cached";
    }
    let is_seconds = |raw: &[u8]| parse_seconds_us(raw).is_some() && raw.contains(&b'.');
    let origin_byte =
        record.raw(Field::OriginFirstByte).or_else(|| record.raw(Field::OriginLastByte));
    match origin_byte {
        // The edge itself makes 502 and 504 of what the origin sent, or did not finish to send.
        Some(raw) if is_seconds(raw) && is_503 => "cloudfront.origin_answered",
        Some(raw) if is_seconds(raw) && !matches!(record.status, 502 | 504) => {
            "cloudfront.origin_answered_5xx"
        }
        Some(_) if is_503 => "cloudfront.error_without_contact",
        _ if types.iter().all(Option::is_none) => "cloudfront.other",
        _ if is_503 => "cloudfront.error",
        _ => "cloudfront.error_5xx",
    }
}

fn meaning(result: &[u8], status: u16) -> Says {
    match result {
        b"CapacityExceeded" => Says::Row("cloudfront.capacity_exceeded"),
        b"LimitExceeded" => Says::Row("cloudfront.limit_exceeded"),
        b"FunctionGeneratedResponse" | b"LambdaGeneratedResponse" | b"MissGeneratedResponse" => {
            Says::Row("cloudfront.function_response")
        }
        b"OriginConnectError" => Says::Row("cloudfront.origin_connect"),
        b"OriginDnsError" => Says::Row("cloudfront.origin_dns"),
        b"OriginCommError" => Says::Row("cloudfront.origin_timeout"),
        b"OriginReadError" | b"OriginWriteError" | b"AbortedOrigin" | b"SlowReaderOriginError" => {
            Says::Row("cloudfront.origin_reset")
        }
        b"OriginInvalidResponseError"
        | b"OriginHeaderTooBigError"
        | b"OriginZeroSizeObjectError"
        | b"OriginContentRangeLengthError" => Says::Row("cloudfront.origin_invalid_response"),
        // With 502 it is the edge's word for an answer that it could not use; with 503 it may be the origin's.
        b"OriginError" if status == 502 => Says::Row("cloudfront.origin_invalid_response"),
        b"ClientGeoBlocked" => Says::Row("cloudfront.request_refused"),
        _ if result.starts_with(b"InvalidRequest") => Says::Row("cloudfront.request_refused"),
        b"LambdaLimitExceeded" => Says::Row("cloudfront.function_limit"),
        _ if result.starts_with(b"Function") || result.starts_with(b"Lambda") => {
            Says::Row("cloudfront.function_failed")
        }
        b"Miss" => Says::Relayed,
        b"Hit" | b"RefreshHit" | b"OriginShieldHit" => Says::Cached,
        _ => Says::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_row;
    use super::*;
    use crate::record::Escape;

    /// Checks the row of a line with these result types (after, before, in detail) and time to the origin's first byte.
    #[track_caller]
    fn check(status: u16, types: [&str; 3], origin_fbl: Option<&str>, row: &str) {
        let [result, response, detailed] = types;
        let mut fields = vec![
            (Field::EdgeResultType, result),
            (Field::EdgeResponseResultType, response),
            (Field::EdgeDetailedResultType, detailed),
        ];
        fields.extend(origin_fbl.map(|seconds| (Field::OriginFirstByte, seconds)));
        check_row(own_verdict, Escape::Percent, status, &fields, row);
    }

    #[test]
    fn the_kind_of_error_decides() {
        let check = |status, detailed, row| check(status, ["Error", "Error", detailed], None, row);
        check(503, "CapacityExceeded", "cloudfront.capacity_exceeded");
        check(503, "LimitExceeded", "cloudfront.limit_exceeded");
        check(503, "FunctionThrottledError", "cloudfront.function_failed");
        check(503, "LambdaExecutionError", "cloudfront.function_failed");
        check(503, "LambdaLimitExceeded", "cloudfront.function_limit");
        check(503, "FunctionGeneratedResponse", "cloudfront.function_response");
        check(502, "OriginConnectError", "cloudfront.origin_connect");
        check(504, "OriginCommError", "cloudfront.origin_timeout");
        check(502, "OriginError", "cloudfront.origin_invalid_response");
        check(503, "OriginError", "cloudfront.error");
        check(403, "ClientGeoBlocked", "cloudfront.request_refused");
        check(503, "Error", "cloudfront.error");
        check(502, "Error", "cloudfront.error_5xx");
        check(503, "SomethingNew", "cloudfront.error");
        check(503, "-", "cloudfront.error");
    }

    #[test]
    fn any_of_the_types_may_name_it() {
        check(
            503,
            ["FunctionExecutionError", "Error", "Error"],
            None,
            "cloudfront.function_failed",
        );
        check(503, ["Error", "Miss", "ClientCommError"], None, "cloudfront.relayed");
        check(503, ["-", "-", "-"], None, "cloudfront.other");
    }

    #[test]
    fn an_answer_of_the_origin_is_relayed_or_cached() {
        check(503, ["Miss", "Miss", "Miss"], None, "cloudfront.relayed");
        check(500, ["Miss", "Miss", "Miss"], None, "cloudfront.relayed_5xx");
        check(503, ["Hit", "Hit", "Hit"], None, "cloudfront.cached");
        check(503, ["Miss", "Miss", "OriginShieldHit"], None, "cloudfront.relayed");
        let error = ["Error"; 3];
        check(503, error, Some("0.131"), "cloudfront.origin_answered");
        check(500, error, Some("0.131"), "cloudfront.origin_answered_5xx");
        check(502, error, Some("0.131"), "cloudfront.error_5xx");
        check(503, error, Some("-"), "cloudfront.error_without_contact");
    }
}
