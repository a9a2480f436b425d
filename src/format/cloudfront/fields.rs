//! The field names of `CloudFront` logs, and the orders they come in.
//!
//! In: a name. Out: the [`Field`] it stands for.
//! Source: `CloudFront` developer guide, "Standard log file fields", "Real-time log configuration": the fields of a
//! real-time record come in the order documented there, whatever was chosen of them.

use crate::record::Field;

/// Names, and the fields they stand for, in the order of standard logs. The last ones can be chosen in the second
/// version only.
pub(super) const STANDARD: &[(&str, Field)] = &[
    ("date", Field::Other),
    ("time", Field::Other),
    ("x-edge-location", Field::Other),
    ("sc-bytes", Field::BytesSent),
    ("c-ip", Field::RemoteAddr),
    ("cs-method", Field::Method),
    ("cs(Host)", Field::ServerName),
    ("cs-uri-stem", Field::Uri),
    ("sc-status", Field::Status),
    ("cs(Referer)", Field::Referer),
    ("cs(User-Agent)", Field::UserAgent),
    ("cs-uri-query", Field::Args),
    ("cs(Cookie)", Field::Other),
    ("x-edge-result-type", Field::EdgeResultType),
    ("x-edge-request-id", Field::RequestId),
    ("x-host-header", Field::Host),
    ("cs-protocol", Field::Other),
    ("cs-bytes", Field::RequestLength),
    ("time-taken", Field::RequestTime),
    ("x-forwarded-for", Field::ForwardedFor),
    ("ssl-protocol", Field::Other),
    ("ssl-cipher", Field::Other),
    ("x-edge-response-result-type", Field::EdgeResponseResultType),
    ("cs-protocol-version", Field::Protocol),
    ("fle-status", Field::Other),
    ("fle-encrypted-fields", Field::Other),
    ("c-port", Field::ClientPort),
    ("time-to-first-byte", Field::Other),
    ("x-edge-detailed-result-type", Field::EdgeDetailedResultType),
    ("sc-content-type", Field::Other),
    ("sc-content-len", Field::Other),
    ("sc-range-start", Field::Other),
    ("sc-range-end", Field::Other),
    ("distribution-tenant-id", Field::Other),
    ("connection-id", Field::Other),
    ("timestamp(ms)", Field::Other),
    ("origin-fbl", Field::OriginFirstByte),
    ("origin-lbl", Field::OriginLastByte),
    ("asn", Field::Other),
    ("c-country", Field::Other),
    ("cache-behavior-path-pattern", Field::Other),
    ("distributionid", Field::Other),
];

/// The order of real-time records.
pub(super) const REAL_TIME: &[(&str, Field)] = &[
    ("timestamp", Field::Other),
    ("c-ip", Field::RemoteAddr),
    ("time-to-first-byte", Field::Other),
    ("sc-status", Field::Status),
    ("sc-bytes", Field::BytesSent),
    ("cs-method", Field::Method),
    ("cs-protocol", Field::Other),
    ("cs-host", Field::ServerName),
    ("cs-uri-stem", Field::Uri),
    ("cs-bytes", Field::RequestLength),
    ("x-edge-location", Field::Other),
    ("x-edge-request-id", Field::RequestId),
    ("x-host-header", Field::Host),
    ("time-taken", Field::RequestTime),
    ("cs-protocol-version", Field::Protocol),
    ("c-ip-version", Field::Other),
    ("cs-user-agent", Field::UserAgent),
    ("cs-referer", Field::Referer),
    ("cs-cookie", Field::Other),
    ("cs-uri-query", Field::Args),
    ("x-edge-response-result-type", Field::EdgeResponseResultType),
    ("x-forwarded-for", Field::ForwardedFor),
    ("ssl-protocol", Field::Other),
    ("ssl-cipher", Field::Other),
    ("x-edge-result-type", Field::EdgeResultType),
    ("fle-encrypted-fields", Field::Other),
    ("fle-status", Field::Other),
    ("sc-content-type", Field::Other),
    ("sc-content-len", Field::Other),
    ("sc-range-start", Field::Other),
    ("sc-range-end", Field::Other),
    ("c-port", Field::ClientPort),
    ("x-edge-detailed-result-type", Field::EdgeDetailedResultType),
    ("c-country", Field::Other),
    ("cs-accept-encoding", Field::Other),
    ("cs-accept", Field::Other),
    ("cache-behavior-path-pattern", Field::Other),
    ("cs-headers", Field::Other),
    ("cs-header-names", Field::Other),
    ("cs-headers-count", Field::Other),
    ("origin-fbl", Field::OriginFirstByte),
    ("origin-lbl", Field::OriginLastByte),
    ("asn", Field::Other),
    ("primary-distribution-id", Field::Other),
    ("primary-distribution-dns-name", Field::Other),
    ("distribution-tenant-id", Field::Other),
    ("connection-id", Field::Other),
];

fn row_of(name: &str) -> Option<Field> {
    let mut rows = STANDARD.iter().chain(REAL_TIME);
    rows.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|row| row.1)
}

/// The field that a column stands for.
pub(super) fn field_of(name: &str) -> Field {
    row_of(name).unwrap_or(Field::Other)
}

/// True for the name of a column.
pub(super) fn is_known(name: &str) -> bool {
    row_of(name).is_some()
}
