//! The decision table of Cloudflare.
//!
//! In: the fields of one line of `http_requests`. Out: the id of a row. The pair of the edge's and the origin's status
//! decides; an origin status of 0 means that no origin answered, except that a Worker's own requests have lines of
//! their own.
//! Source: Cloudflare documentation: "HTTP requests" (fields), "Error 503", "Cloudflare 5xx errors", "Speed Brain",
//! "Workers: errors and exceptions".

use super::{Openness, VerdictRule, decided, open};
use crate::bytes::{is_absent, parse_status};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Cause, Confidence, Origin};

const ORIGIN_STATUS: &[&str] = &["OriginResponseStatus"];
const CHILDREN: &[&str] = &["the Worker's sub-requests (ParentRayID)", "log of the Worker"];

const CODES: &str = "5xx errors: the edge's own codes";

/// A row of the edge whose cause is explicit.
const fn edge(id: &'static str, cause: Cause, source: &'static str) -> VerdictRule {
    decided(id, Origin::Cdn, Some(cause), source)
}

/// The row of a Worker that ended well.
pub const WORKER_RAN: &str = "cloudflare.worker_ran";

/// The row of such a Worker, where one of its sub-requests got the same status from an origin.
pub const WORKER_RELAYED: &str = "cloudflare.worker_relayed";

/// The rows.
pub(super) const RULES: &[VerdictRule] = &[
    decided(
        "cloudflare.origin_503",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "OriginResponseStatus is the origin's",
    ),
    decided(
        "cloudflare.cached_503",
        Origin::Upstream,
        Some(Cause::CachedError),
        "CacheCacheStatus: an answer of the origin was served from cache",
    ),
    decided(
        "cloudflare.origin_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "502 and 504 of the origin are shown with the edge's own page, but are the origin's",
    ),
    edge("cloudflare.rate_limited", Cause::RateLimited, "SecurityAction of a rate limiting rule"),
    edge("cloudflare.denied", Cause::PolicyDenied, "SecurityAction: a rule ended the request"),
    edge(
        "cloudflare.worker_failed",
        Cause::CdnFunctionError,
        "WorkerStatus: errors 1101, 1102 and others of the runtime",
    ),
    open(
        WORKER_RAN,
        Origin::Cdn,
        Some(Cause::CdnFunctionError),
        CHILDREN,
        "the Worker ended well: it made the status, or relayed that of a sub-request",
    ),
    decided(
        WORKER_RELAYED,
        Origin::Upstream,
        Some(Cause::Upstream503),
        "a sub-request of the Worker (ParentRayID) got the same status from the origin",
    ),
    decided(
        "cloudflare.prefetch",
        Origin::Cdn,
        None,
        "Speed Brain: a speculative prefetch that is not in cache is answered 503 and never shown",
    ),
    VerdictRule {
        confidence: Confidence::Likely,
        ..edge(
            "cloudflare.no_contact",
            Cause::CdnCapacity,
            "Error 503: no origin was contacted, and no rule or Worker answered",
        )
    },
    decided(
        "cloudflare.no_answer",
        Origin::Cdn,
        None,
        "an origin was contacted and did not answer",
    ),
    edge("cloudflare.invalid_response", Cause::UpstreamInvalidResponse, CODES),
    edge("cloudflare.unreachable", Cause::CdnOriginUnreachable, CODES),
    edge("cloudflare.timeout", Cause::UpstreamTimeout, CODES),
    edge("cloudflare.tls", Cause::UpstreamTls, CODES),
    edge("cloudflare.dns", Cause::UpstreamDns, CODES),
    VerdictRule {
        openness: Openness::CauseOpen,
        ..decided(
            "cloudflare.edge_502",
            Origin::Cdn,
            Some(Cause::CdnOriginUnreachable),
            "no origin answered: the edge made it",
        )
    },
    open(
        "cloudflare.no_origin_status",
        Origin::Unknown,
        None,
        ORIGIN_STATUS,
        "the status of the origin is not logged",
    ),
];

/// Id of the row that the fields of a line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    match record.status {
        520 => return "cloudflare.invalid_response",
        521 | 523 => return "cloudflare.unreachable",
        522 | 524 => return "cloudflare.timeout",
        525 | 526 => return "cloudflare.tls",
        530 => return "cloudflare.dns",
        _ => {}
    }
    let origin = record.raw(Field::UpstreamStatus);
    match origin.and_then(parse_status) {
        Some(500..=599) if is_cached(record) && record.status == 503 => "cloudflare.cached_503",
        Some(503) if record.status == 503 => "cloudflare.origin_503",
        Some(500..=599) => "cloudflare.origin_5xx",
        // Another answer of the origin became a 5xx here.
        Some(_) => by_edge(record).unwrap_or("cloudflare.no_answer"),
        None => match (by_edge(record), origin) {
            (Some(row), _) => row,
            (None, None) => "cloudflare.no_origin_status",
            (None, Some(_)) => without_origin(record),
        },
    }
}

/// Cache statuses of what was stored before.
const FROM_CACHE: [&[u8]; 5] = [b"hit", b"stale", b"updating", b"revalidated", b"stream_hit"];

/// Actions that end a request.
const ENDING: [&str; 9] = [
    "block",
    "drop",
    "challenge",
    "jschallenge",
    "managed_challenge",
    "managedChallenge",
    "simulateblock",
    "forceConnectionClose",
    "chlng",
];

/// Products that end a request because there are too many.
const LIMITS: [&str; 3] = ["rateLimit", "rate_limit", "l7ddos"];

/// True where what was served came from cache.
fn is_cached(record: &AccessRecord<'_>) -> bool {
    let status = record.raw(Field::UpstreamCacheStatus).unwrap_or_default();
    FROM_CACHE.iter().any(|known| status.eq_ignore_ascii_case(known))
}

/// The row of what the edge did by a rule or a Worker.
fn by_edge(record: &AccessRecord<'_>) -> Option<&'static str> {
    let actions = record.value(Field::SecurityAction).unwrap_or_default();
    let is = |known: &str| words(actions).any(|word| word.eq_ignore_ascii_case(known.as_bytes()));
    if is("rateLimit") || is("rate_limit") || is("connectionClose") || is("l7ddos") {
        return Some("cloudflare.rate_limited");
    }
    if ENDING.iter().any(|known| is(known)) {
        // Of several products that had a say, which of them ended the request is not told.
        let mut sources = words(record.value(Field::Reason).unwrap_or_default()).peekable();
        let is_limit =
            |word: &[u8]| LIMITS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
        return if sources.peek().is_some() && sources.all(is_limit) {
            Some("cloudflare.rate_limited")
        } else {
            Some("cloudflare.denied")
        };
    }
    match record.value(Field::FunctionStatus) {
        None | Some(b"unknown") => {}
        Some(b"ok" | b"responseStreamDisconnected") => return Some(WORKER_RAN),
        Some(_) => return Some("cloudflare.worker_failed"),
    }
    let purpose = record.value(Field::Purpose).unwrap_or_default();
    purpose.starts_with(b"prefetch").then_some("cloudflare.prefetch")
}

/// The words of a value, which may be a list.
fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    value.split(move |byte| !is_part(byte)).filter(|word| !word.is_empty())
}

/// The origin did not answer, and nothing at the edge says that it did.
fn without_origin(record: &AccessRecord<'_>) -> &'static str {
    let contacted = record.raw(Field::ServerIp).map(|address| !is_absent(address));
    match (record.status, contacted) {
        (504, _) => "cloudflare.timeout",
        (502, _) => "cloudflare.edge_502",
        (_, Some(false)) => "cloudflare.no_contact",
        _ => "cloudflare.no_answer",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_row;
    use super::*;
    use crate::record::Escape;

    use Field::{
        FunctionStatus, Purpose, SecurityAction, ServerIp, UpstreamCacheStatus, UpstreamStatus,
    };

    #[track_caller]
    fn check(status: u16, fields: &[(Field, &str)], row: &str) {
        check_row(own_verdict, Escape::Json, status, fields, row);
    }

    #[test]
    fn the_pair_of_statuses_decides() {
        let cache = |status| (UpstreamCacheStatus, status);
        check(
            503,
            &[(UpstreamStatus, "503"), cache("dynamic"), (SecurityAction, "log")],
            "cloudflare.origin_503",
        );
        check(503, &[(UpstreamStatus, "503"), cache("stale")], "cloudflare.cached_503");
        check(502, &[(UpstreamStatus, "502")], "cloudflare.origin_5xx");
        check(502, &[(UpstreamStatus, "0")], "cloudflare.edge_502");
        check(522, &[(UpstreamStatus, "0")], "cloudflare.timeout");
        check(503, &[], "cloudflare.no_origin_status");
    }

    #[test]
    fn without_an_origin_rules_and_workers_decide() {
        let none = (UpstreamStatus, "0");
        check(503, &[none, (SecurityAction, "rateLimit")], "cloudflare.rate_limited");
        check(503, &[none, (SecurityAction, r#"[""rateLimit""]"#)], "cloudflare.rate_limited");
        check(503, &[none, (SecurityAction, "[]"), (ServerIp, "")], "cloudflare.no_contact");
        check(503, &[none, (SecurityAction, "block")], "cloudflare.denied");
        let sources = |list| [none, (SecurityAction, "block"), (Field::Reason, list)];
        check(503, &sources(r#"["rateLimit"]"#), "cloudflare.rate_limited");
        check(503, &sources(r#"["rateLimit","firewallCustom"]"#), "cloudflare.denied");
        check(503, &sources("[]"), "cloudflare.denied");
        check(503, &[none, (Field::Reason, r#"["rateLimit"]"#)], "cloudflare.no_answer");
        check(503, &[none, (FunctionStatus, "exceededCpu")], "cloudflare.worker_failed");
        check(503, &[none, (FunctionStatus, "ok")], "cloudflare.worker_ran");
        check(
            503,
            &[none, (FunctionStatus, "unknown"), (Purpose, "prefetch;anonymous-client-ip")],
            "cloudflare.prefetch",
        );
        check(503, &[none, (ServerIp, "")], "cloudflare.no_contact");
        check(503, &[none, (ServerIp, "198.51.100.7")], "cloudflare.no_answer");
    }
}
