//! The decision table of the Application Load Balancer of AWS.
//!
//! In: the fields of one access line. Out: the id of a row.
//! Source: AWS user guide "Access logs for your Application Load Balancer" (fields, actions taken, error reason codes)
//! and "Troubleshoot your Application Load Balancers" (what each status means). With every target unhealthy the balancer
//! fails open and sends requests to all of them: a 503 of its own without a target means that the group is empty.

use super::{Openness, VerdictRule, decided, open};
use crate::bytes::{is_absent, parse_status};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Cause, Confidence, Origin};

const TARGET_STATUS: &[&str] = &["target_status_code"];

/// The rows. See the module head for sources; the `source` of a row names the place within them.
pub(super) const RULES: &[VerdictRule] = &[
    // The first row is also that of lines that cannot be read to their end.
    open("alb.other", Origin::Unknown, None, TARGET_STATUS, "no row of the table applies"),
    decided(
        "alb.target_status_503",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "target_status_code: set only when a target answered",
    ),
    decided(
        "alb.target_status_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "target_status_code: set only when a target answered",
    ),
    // The balancer passes statuses on as they are: two that differ have another story.
    open(
        "alb.target_status_differs",
        Origin::Proxy,
        None,
        TARGET_STATUS,
        "a target's answer is passed on with its own status",
    ),
    decided(
        "alb.fixed_response",
        Origin::LocalProcess,
        Some(Cause::Maintenance),
        "actions taken: fixed-response",
    ),
    decided("alb.waf", Origin::LocalProcess, None, "actions taken: waf; AWS WAF answered"),
    decided(
        "alb.waf_failed",
        Origin::LocalProcess,
        Some(Cause::DependencyHttp),
        "actions taken: waf-failed; error reason codes WAF*: AWS WAF did not answer the balancer",
    ),
    decided(
        "alb.auth_failed",
        Origin::LocalProcess,
        Some(Cause::AuthDependency),
        "error reason codes Auth*: the identity provider failed",
    ),
    // Lambda functions as targets.
    decided(
        "alb.lambda_throttled",
        Origin::Proxy,
        Some(Cause::RateLimited),
        "error reason codes: LambdaThrottling, LambdaEC2ThrottledException",
    ),
    decided(
        "alb.lambda_unhandled",
        Origin::Proxy,
        Some(Cause::ProcessCrashed),
        "error reason codes: LambdaUnhandled",
    ),
    decided(
        "alb.lambda_invalid_response",
        Origin::Proxy,
        Some(Cause::UpstreamInvalidResponse),
        "error reason codes: LambdaInvalidResponse, LambdaResponseTooLarge",
    ),
    decided(
        "alb.lambda_timeout",
        Origin::Proxy,
        Some(Cause::UpstreamTimeout),
        "error reason codes: LambdaConnectionTimeout",
    ),
    decided(
        "alb.lambda_connection",
        Origin::Proxy,
        Some(Cause::UpstreamRefused),
        "error reason codes: LambdaConnectionError",
    ),
    decided(
        "alb.lambda_permission",
        Origin::Proxy,
        Some(Cause::ConfigPermission),
        "error reason codes: LambdaAccessDenied, LambdaEC2AccessDeniedException, LambdaKMSAccessDeniedException",
    ),
    decided("alb.lambda_failed", Origin::Proxy, None, "error reason codes: the other Lambda codes"),
    decided(
        "alb.target_group_cookie",
        Origin::LocalProcess,
        None,
        "error reason codes of weighted target groups",
    ),
    decided(
        "alb.empty_target_group",
        Origin::Proxy,
        Some(Cause::NoLiveUpstreams),
        "HTTP 503: the target groups for the load balancer have no registered targets",
    ),
    // Lines that end before the actions: fixed responses would not be seen.
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "alb.no_target",
            Origin::Proxy,
            None,
            "target:port is - when the request was sent to no target",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "alb.target_silent",
            Origin::Proxy,
            None,
            "target_status_code: - when no target answered; target_processing_time: -1 as well",
        )
    },
    open(
        "alb.target_without_status",
        Origin::Proxy,
        None,
        TARGET_STATUS,
        "target:port: the last target that was tried",
    ),
    // A connection refused and one reset look the same here.
    decided(
        "alb.target_failed",
        Origin::Proxy,
        Some(Cause::UpstreamRefused),
        "HTTP 502: the target refused the connection, reset it or closed it before it answered",
    ),
    decided(
        "alb.target_timed_out",
        Origin::Proxy,
        Some(Cause::UpstreamTimeout),
        "HTTP 504: no connection within 10 seconds, or no answer within the idle timeout",
    ),
    decided("alb.failed_itself", Origin::Proxy, None, "HTTP 500 and 502 without a target"),
    VerdictRule {
        openness: Openness::Closed,
        ..decided(
            "alb.auth_unauthorized",
            Origin::LocalProcess,
            Some(Cause::AuthDependency),
            "HTTP 561: the identity provider answered with an error",
        )
    },
];

/// Id of the row that the fields of an access line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    let target_status = record.raw(Field::UpstreamStatus).unwrap_or_default();
    if let Some(status) = parse_status(target_status).filter(|status| *status != 0) {
        return match status {
            _ if status != record.status => "alb.target_status_differs",
            503 => "alb.target_status_503",
            500..=599 => "alb.target_status_5xx",
            _ => "alb.other",
        };
    }
    if !is_absent(target_status) && target_status != b"0" {
        return "alb.other";
    }
    if let Some(id) = record.value(Field::Reason).and_then(by_reason) {
        return id;
    }
    let actions = record.value(Field::ActionsExecuted);
    let did = |action: &str| {
        actions.is_some_and(|list| {
            list.split(|byte| *byte == b',').any(|one| one.trim_ascii() == action.as_bytes())
        })
    };
    if did("fixed-response") {
        return "alb.fixed_response";
    }
    if did("waf-failed") {
        return "alb.waf_failed";
    }
    let has_target = record.value(Field::UpstreamAddr).is_some();
    let has_group = record.value(Field::TargetGroup).is_some();
    let actions_unknown = record.raw(Field::ActionsExecuted).is_none();
    match record.status {
        // The firewall looks first: what it let pass was forwarded or answered otherwise.
        _ if did("waf") && !did("forward") && !has_target => "alb.waf",
        561 => "alb.auth_unauthorized",
        503 if has_target && record.raw(Field::TargetProcessingTime) == Some(b"-1") => {
            "alb.target_silent"
        }
        503 if has_target => "alb.target_without_status",
        // Lines from before actions were logged have a group only where the request was for one.
        503 if did("forward") || (actions_unknown && has_group) => "alb.empty_target_group",
        503 => "alb.no_target",
        502 if has_target => "alb.target_failed",
        504 => "alb.target_timed_out",
        500..=599 => "alb.failed_itself",
        _ => "alb.other",
    }
}

/// The row of an error reason code.
fn by_reason(reason: &[u8]) -> Option<&'static str> {
    let id = match reason {
        b"LambdaThrottling" | b"LambdaEC2ThrottledException" => "alb.lambda_throttled",
        b"LambdaUnhandled" | b"LambdaUnhandledException" => "alb.lambda_unhandled",
        b"LambdaInvalidResponse" | b"LambdaResponseTooLarge" => "alb.lambda_invalid_response",
        b"LambdaConnectionTimeout" => "alb.lambda_timeout",
        b"LambdaConnectionError" => "alb.lambda_connection",
        _ if reason.starts_with(b"Lambda") && reason.ends_with(b"AccessDenied") => {
            "alb.lambda_permission"
        }
        _ if reason.starts_with(b"Lambda") && reason.ends_with(b"AccessDeniedException") => {
            "alb.lambda_permission"
        }
        _ if reason.starts_with(b"Lambda") => "alb.lambda_failed",
        _ if reason.starts_with(b"WAF") => "alb.waf_failed",
        _ if reason.starts_with(b"Auth") => "alb.auth_failed",
        _ if reason.starts_with(b"AWSALBTG") || reason.starts_with(b"WeightedTargetGroup") => {
            "alb.target_group_cookie"
        }
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
    fn check(
        status: u16,
        target: &str,
        target_status: &str,
        actions: &str,
        reason: &str,
        row: &str,
    ) {
        let fields = [
            (Field::UpstreamAddr, target),
            (Field::UpstreamStatus, target_status),
            (Field::ActionsExecuted, actions),
            (Field::Reason, reason),
        ];
        check_row(own_verdict, Escape::Apache, status, &fields, row);
    }

    #[test]
    fn the_pair_of_statuses_decides_first() {
        check(503, "10.0.0.1:80", "503", "forward", "-", "alb.target_status_503");
        check(502, "10.0.0.1:80", "502", "forward", "-", "alb.target_status_5xx");
        check(503, "10.0.0.1:80", "200", "forward", "-", "alb.target_status_differs");
        check(503, "-", "503", "forward", "-", "alb.target_status_503");
        check(503, "10.0.0.1:80", "?", "forward", "-", "alb.other");
    }

    #[test]
    fn its_own_actions_are_its_own_answers() {
        check(503, "-", "-", "fixed-response", "-", "alb.fixed_response");
        check(503, "-", "-", "authenticate,fixed-response", "-", "alb.fixed_response");
        check(503, "-", "-", "waf", "-", "alb.waf");
        check(503, "-", "-", "waf,fixed-response", "-", "alb.fixed_response");
        check(503, "-", "-", "waf,forward", "-", "alb.empty_target_group");
        check(503, "-", "-", "waf,waf-failed", "WAFConnectionError", "alb.waf_failed");
        check(500, "-", "-", "waf-failed", "-", "alb.waf_failed");
        check(500, "-", "-", "authenticate", "AuthInvalidIdToken", "alb.auth_failed");
        check(561, "-", "-", "authenticate", "-", "alb.auth_unauthorized");
    }

    #[test]
    fn before_actions_were_logged_the_group_tells_what_was_forwarded() {
        let check = |group, row| {
            let fields = [
                (Field::UpstreamAddr, "-"),
                (Field::UpstreamStatus, "-"),
                (Field::TargetGroup, group),
            ];
            check_row(own_verdict, Escape::None, 503, &fields, row);
        };
        check("arn:aws:tg/web/52", "alb.empty_target_group");
        check("-", "alb.no_target");
    }

    #[test]
    fn without_a_target_the_group_is_empty() {
        check(503, "-", "-", "forward", "-", "alb.empty_target_group");
        check(503, "-", "-", "-", "-", "alb.no_target");
        check(503, "10.0.0.1:80", "-", "forward", "-", "alb.target_without_status");
        check(502, "10.0.0.1:80", "-", "forward", "-", "alb.target_failed");
        check(504, "10.0.0.1:80", "-", "forward", "-", "alb.target_timed_out");
    }

    #[test]
    fn a_target_without_status_and_time_did_not_answer() {
        let check = |time, row| {
            let fields = [
                (Field::UpstreamAddr, "10.0.0.1:80"),
                (Field::UpstreamStatus, "-"),
                (Field::TargetProcessingTime, time),
                (Field::ActionsExecuted, "forward"),
            ];
            check_row(own_verdict, Escape::Apache, 503, &fields, row);
        };
        check("-1", "alb.target_silent");
        check("0.003", "alb.target_without_status");
    }

    #[test]
    fn reasons_of_lambda_targets_are_causes() {
        check(502, "-", "-", "forward", "LambdaThrottling", "alb.lambda_throttled");
        check(502, "-", "-", "forward", "LambdaInvalidResponse", "alb.lambda_invalid_response");
        check(502, "-", "-", "forward", "LambdaUnhandled", "alb.lambda_unhandled");
        check(502, "-", "-", "forward", "LambdaKMSAccessDeniedException", "alb.lambda_permission");
        check(502, "-", "-", "forward", "LambdaENILimitReachedException", "alb.lambda_failed");
    }
}
