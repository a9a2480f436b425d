//! The decision table of the Classic Load Balancer of AWS.
//!
//! In: the fields of one access line. Out: the id of a row.
//! Source: AWS user guide "Access logs for your Classic Load Balancer" and "Troubleshoot a Classic Load Balancer: HTTP
//! errors". It fails closed: without a healthy instance it answers 503 itself, as it does when it lacks capacity or its
//! surge queue is full. Its log does not tell these from each other.

use super::{VerdictRule, decided, open};
use crate::bytes::{is_absent, parse_status};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Cause, Origin};

const BACKEND_STATUS: &[&str] = &["backend_status_code"];

/// The rows. See the module head for sources; the `source` of a row names the place within them.
pub(super) const RULES: &[VerdictRule] = &[
    // The first row is also that of lines that cannot be read to their end.
    open("clb.other", Origin::Unknown, None, BACKEND_STATUS, "no row of the table applies"),
    decided(
        "clb.backend_status_503",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "backend_status_code: the status of the instance's answer",
    ),
    decided(
        "clb.backend_status_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "backend_status_code: the status of the instance's answer",
    ),
    open(
        "clb.backend_status_differs",
        Origin::Proxy,
        None,
        BACKEND_STATUS,
        "an instance's answer is passed on with its own status",
    ),
    decided(
        "clb.no_instance",
        Origin::Proxy,
        None,
        "HTTP 503: no capacity in the load balancer, no registered or no healthy instance, or a full surge queue",
    ),
    open(
        "clb.backend_without_status",
        Origin::Proxy,
        None,
        BACKEND_STATUS,
        "backend:port: the request was sent to an instance",
    ),
    decided(
        "clb.timeout",
        Origin::Proxy,
        Some(Cause::UpstreamTimeout),
        "HTTP 504: no answer within the idle timeout, or the instance closed the connection",
    ),
    decided(
        "clb.bad_gateway",
        Origin::Proxy,
        Some(Cause::UpstreamInvalidResponse),
        "HTTP 502: the instance's answer could not be parsed",
    ),
    decided("clb.failed_itself", Origin::Proxy, None, "HTTP 5xx without an instance's answer"),
];

/// Id of the row that the fields of an access line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    let status = record.raw(Field::UpstreamStatus).unwrap_or_default();
    if let Some(status) = parse_status(status).filter(|status| *status != 0) {
        return match status {
            _ if status != record.status => "clb.backend_status_differs",
            503 => "clb.backend_status_503",
            500..=599 => "clb.backend_status_5xx",
            _ => "clb.other",
        };
    }
    // No answer is written as a dash, or as zero.
    if !is_absent(status) && !status.iter().all(|digit| *digit == b'0') {
        return "clb.other";
    }
    let has_backend = record.value(Field::UpstreamAddr).is_some();
    let was_sent = record.value(Field::RequestProcessingTime).is_some_and(|time| time != b"-1");
    match record.status {
        503 if has_backend && was_sent => "clb.backend_without_status",
        503 => "clb.no_instance",
        504 => "clb.timeout",
        502 => "clb.bad_gateway",
        500..=599 => "clb.failed_itself",
        _ => "clb.other",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_row;
    use super::*;
    use crate::record::Escape;

    #[track_caller]
    fn check(status: u16, backend: &str, backend_status: &str, sent: &str, row: &str) {
        let fields = [
            (Field::UpstreamAddr, backend),
            (Field::UpstreamStatus, backend_status),
            (Field::RequestProcessingTime, sent),
        ];
        check_row(own_verdict, Escape::Apache, status, &fields, row);
    }

    #[test]
    fn rows_follow_the_pair_of_statuses() {
        check(503, "10.0.0.1:80", "503", "0.00007", "clb.backend_status_503");
        check(502, "10.0.0.1:80", "502", "0.00007", "clb.backend_status_5xx");
        check(503, "10.0.0.1:80", "200", "0.00007", "clb.backend_status_differs");
        check(503, "-", "-", "-1", "clb.no_instance");
        check(503, "-", "0", "-1", "clb.no_instance");
        check(503, "10.0.0.1:80", "0", "-1", "clb.no_instance");
        check(503, "10.0.0.1:80", "-", "0.00007", "clb.backend_without_status");
        check(504, "10.0.0.1:80", "-", "0.00007", "clb.timeout");
        check(502, "-", "0", "0.00007", "clb.bad_gateway");
        check(503, "-", "abc", "-1", "clb.other");
    }
}
