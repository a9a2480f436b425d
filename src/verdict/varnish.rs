//! The decision table of Varnish.
//!
//! In: the fields of one access line, or of one transaction of `varnishlog`. Out: the id of a row.
//! A transaction decides nearly everything: why the fetch failed, or what the backend answered. The default lines of
//! `varnishncsa` have only the size of the body. The page that Varnish makes when a fetch failed has 277 bytes and one per
//! digit of its number (XID), the page of a plain `synth(503)` 274 and the digits: a size from 282 on is nearly always the
//! former, since numbers of eight digits and more are rare. That alone is a leaning; with the log of the backend, which
//! has no line for the request, it decides.
//! Source: Varnish 7.6 `bin/varnishd/builtin.vcl` (`vcl_backend_error`, `vcl_synth`), `cache_fetch.c`, `vsl.7`,
//! `varnishncsa.1`; sizes measured on 7.1.1.

use super::{Openness, VerdictRule, decided, open};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Basis, Cause, Confidence, Origin};

const FETCH: &[&str] =
    &["varnishlog -g request", "%{Varnish:handling}x", "access log of the backend"];
const PAGE: &[Basis] = &[Basis::BodySize];

/// A row by the size of the body alone.
const fn by_size(
    id: &'static str,
    origin: Origin,
    cause: Option<Cause>,
    source: &'static str,
) -> VerdictRule {
    VerdictRule { basis: PAGE, ..open(id, origin, cause, FETCH, source) }
}

/// A failed fetch whose reason is known.
const fn failed(id: &'static str, cause: Cause, source: &'static str) -> VerdictRule {
    decided(id, Origin::Proxy, Some(cause), source)
}

const SRC_FETCH: &str = "cache_fetch.c, cache_backend.c: FetchError, then vcl_backend_error";

/// The rows. See the module head for sources; the `source` of a row names the place within them.
pub(super) const RULES: &[VerdictRule] = &[
    // First: the row of lines that cannot be read to their end.
    open("varnish.undecided", Origin::Unknown, None, FETCH, "varnishncsa.1: no field tells"),
    failed("varnish.no_live_backend", Cause::NoLiveUpstreams, SRC_FETCH),
    failed("varnish.refused", Cause::UpstreamRefused, SRC_FETCH),
    // The pool keeps a backend that refused for a moment (backend_remote_error_holddown), and tells no reason then. One
    // that could not be asked for lack of a local port is kept as well, which is rare.
    VerdictRule {
        confidence: Confidence::Likely,
        ..failed(
            "varnish.held_down",
            Cause::UpstreamRefused,
            "cache_conn_pool.c, VCP_Open: errno 0 while the pool holds a backend down",
        )
    },
    failed("varnish.timeout", Cause::UpstreamTimeout, SRC_FETCH),
    failed("varnish.reset", Cause::UpstreamReset, SRC_FETCH),
    failed("varnish.invalid_response", Cause::UpstreamInvalidResponse, SRC_FETCH),
    failed("varnish.request_body", Cause::ClientAborted, SRC_FETCH),
    failed("varnish.backend_busy", Cause::ConnectionLimit, SRC_FETCH),
    decided("varnish.no_port", Origin::LocalProcess, Some(Cause::PortExhausted), SRC_FETCH),
    decided(
        "varnish.no_storage",
        Origin::LocalProcess,
        Some(Cause::MemoryExhausted),
        "cache_fetch.c: Could not get storage",
    ),
    decided("varnish.no_fd", Origin::LocalProcess, Some(Cause::FdExhausted), SRC_FETCH),
    VerdictRule {
        openness: Openness::CauseOpen,
        ..decided("varnish.fetch_failed_otherwise", Origin::Proxy, None, SRC_FETCH)
    },
    decided(
        "varnish.relayed_503",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "vsl.7, BerespStatus, and no vcl_backend_error",
    ),
    decided(
        "varnish.relayed_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "vsl.7, BerespStatus, and no vcl_backend_error",
    ),
    open(
        "varnish.after_good_backend",
        Origin::LocalProcess,
        None,
        FETCH,
        "VCL changed the status of a good answer",
    ),
    open(
        "varnish.error_by_vcl",
        Origin::Unknown,
        None,
        FETCH,
        "vcl_backend_error without FetchError: VCL gave up on an answer, or made its own",
    ),
    decided(
        "varnish.synth",
        Origin::LocalProcess,
        Some(Cause::Maintenance),
        "varnishncsa.1, handling synth: VCL made the response",
    ),
    decided(
        "varnish.vcl_failed",
        Origin::LocalProcess,
        Some(Cause::ConfigError),
        "cache_req_fsm.c: VCL failed, too many restarts",
    ),
    // A page that Varnish made is kept for a second where others wait for it, and VCL may keep it longer.
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "varnish.cached",
            Origin::Upstream,
            Some(Cause::CachedError),
            "varnishncsa.1, handling hit, not the size of Varnish's page; cache_fetch.c (vbf_stp_error)",
        )
    },
    by_size(
        "varnish.cached_own_page",
        Origin::Proxy,
        Some(Cause::CachedError),
        "a hit with the size of Varnish's own page: vcl_backend_error gave it a time to live",
    ),
    VerdictRule {
        openness: Openness::CauseOpen,
        ..decided(
            "varnish.no_connection",
            Origin::Proxy,
            None,
            "varnishncsa.1, -b: %h is - where no connection was made",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "varnish.gateway_error",
            Origin::Upstream,
            Some(Cause::UpstreamError),
            "cache_fetch.c, builtin.vcl: Varnish itself answers 503, never 502 or 504",
        )
    },
    // No response of a backend is handled so, which might have brought these words.
    VerdictRule {
        confidence: Confidence::Likely,
        openness: Openness::CauseOpen,
        ..decided(
            "varnish.told_fetch_failed",
            Origin::Proxy,
            Some(Cause::CdnOriginUnreachable),
            "cache_fetch.c (vbf_stp_error): the reason of the response that a failed fetch ends in",
        )
    },
    // A backend that is a Varnish may have sent these words.
    VerdictRule {
        when_silent: Some("varnish.fetch_failed"),
        ..open(
            "varnish.reason_fetch_failed",
            Origin::Proxy,
            Some(Cause::CdnOriginUnreachable),
            FETCH,
            "cache_fetch.c (vbf_stp_error), or the reason of a response that another Varnish made",
        )
    },
    VerdictRule {
        when_silent: Some("varnish.fetch_failed"),
        ..by_size(
            "varnish.own_page",
            Origin::Proxy,
            Some(Cause::CdnOriginUnreachable),
            "builtin.vcl, vcl_backend_error: 277 bytes and the digits of the XID",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        basis: &[Basis::BodySize, Basis::Absence],
        ..decided(
            "varnish.fetch_failed",
            Origin::Proxy,
            Some(Cause::CdnOriginUnreachable),
            "builtin.vcl, vcl_backend_error: the size of its page, and the backend has no such answer",
        )
    },
    VerdictRule {
        when_silent: Some("varnish.fetch_failed_beside"),
        ..by_size(
            "varnish.own_short_page",
            Origin::Unknown,
            None,
            "builtin.vcl: the page of a failed fetch with few digits, or that of synth(503)",
        )
    },
    VerdictRule {
        when_silent: Some("varnish.fetch_failed_beside"),
        ..open(
            "varnish.head",
            Origin::Unknown,
            None,
            FETCH,
            "a response to HEAD has no body whose size could tell",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        basis: &[Basis::StateInterval, Basis::Absence],
        ..decided(
            "varnish.fetch_failed_beside",
            Origin::Proxy,
            Some(Cause::CdnOriginUnreachable),
            "the backend has no such answer, and other fetches failed in the same second",
        )
    },
    VerdictRule {
        when_silent: Some("varnish.gave_up"),
        ..by_size(
            "varnish.own_page_abandoned",
            Origin::Proxy,
            Some(Cause::UpstreamTimeout),
            "an access log beside has the same request as one that its client gave up (499)",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        basis: &[Basis::RequestJoin],
        ..decided(
            "varnish.gave_up",
            Origin::Proxy,
            Some(Cause::UpstreamTimeout),
            "the backend got the request, and Varnish closed the connection before an answer",
        )
    },
    by_size(
        "varnish.other_page",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "builtin.vcl: not the size of the pages that Varnish makes",
    ),
    VerdictRule {
        when_silent: Some("varnish.relayed_found"),
        ..by_size(
            "varnish.other_page_found",
            Origin::Upstream,
            Some(Cause::Upstream503),
            "an access log beside has the same request with a body of the same size",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        basis: &[Basis::RequestJoin],
        ..decided(
            "varnish.relayed_found",
            Origin::Upstream,
            Some(Cause::Upstream503),
            "the access log of the backend has the same request with the same answer",
        )
    },
    by_size(
        "varnish.empty",
        Origin::Proxy,
        None,
        "varnishncsa.1, -b: no bytes came from the backend",
    ),
];

/// Reasons of failed fetches, by a part of the text, and the row of each.
const FAILURES: &[(&str, &str)] = &[
    ("unhealthy", "varnish.no_live_backend"),
    ("returned no backend", "varnish.no_live_backend"),
    ("No backend", "varnish.no_live_backend"),
    ("fail errno 111 ", "varnish.refused"),
    ("fail errno 113 ", "varnish.refused"),
    ("fail errno 101 ", "varnish.refused"),
    ("fail errno 110 ", "varnish.timeout"),
    ("fail errno 99 ", "varnish.no_port"),
    ("fail errno 24 ", "varnish.no_fd"),
    ("fail errno 23 ", "varnish.no_fd"),
    ("fail errno 0 ", "varnish.held_down"),
    ("fail errno ", "varnish.fetch_failed_otherwise"),
    (": busy", "varnish.backend_busy"),
    ("req.body read error", "varnish.request_body"),
    ("timeout", "varnish.timeout"),
    ("HTC eof", "varnish.reset"),
    ("HTC idle", "varnish.reset"),
    ("HTC error", "varnish.reset"),
    ("backend closed", "varnish.reset"),
    ("Could not get storage", "varnish.no_storage"),
    ("http format error", "varnish.invalid_response"),
    ("eceived junk", "varnish.invalid_response"),
    ("HTC junk", "varnish.invalid_response"),
    ("overflow", "varnish.invalid_response"),
    ("insufficient bytes", "varnish.invalid_response"),
    ("chunked", "varnish.invalid_response"),
];

/// What Varnish calls a response that it makes because a fetch failed.
const FETCH_FAILED: &[u8] = b"Backend fetch failed";

/// Sizes of the page that a failed fetch ends in, which the page of `synth(503)` has only with an XID of eight digits.
const FAILED_PAGE: std::ops::RangeInclusive<u64> = 282..=287;

/// Sizes that both pages have with the usual digits.
const SHORT_PAGE: std::ops::RangeInclusive<u64> = 275..=281;

/// Id of the row that the fields of an access line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    if let Some(error) = record.value(Field::FetchError) {
        let holds = |part: &str| memchr::memmem::find(error, part.as_bytes()).is_some();
        let row = FAILURES.iter().find(|row| holds(row.0));
        return row.map_or("varnish.fetch_failed_otherwise", |row| row.1);
    }
    let body_bytes = record.body_bytes().filter(|_| record.request().0 != b"HEAD");
    let handling = record.value(Field::CacheHandling).unwrap_or_default();
    let reason = record.value(Field::ResponseReason).unwrap_or_default();
    // The log of backends (`-b`): there, `vcl_backend_error` sets the status of a failed fetch, as a backend would.
    let is_backend_side = record.raw(Field::CacheHandling) == Some(b"-");
    // VCL may make a page of its own for the status and the reason of a response.
    let says_failed = reason.eq_ignore_ascii_case(FETCH_FAILED)
        && !handling.eq_ignore_ascii_case(b"hit")
        && handling != b"streaming-hit";
    let backend_status = record.value(Field::BackendStatus).filter(|_| !is_backend_side);
    if record.status == 503 && says_failed && backend_status.is_none() {
        let is_made_here = [&b"synth"[..], b"error", b"pipe"]
            .iter()
            .any(|word| handling.eq_ignore_ascii_case(word));
        return if is_made_here {
            "varnish.told_fetch_failed"
        } else {
            "varnish.reason_fetch_failed"
        };
    }
    if handling.eq_ignore_ascii_case(b"synth") || handling == b"error" {
        let is_fault = reason.eq_ignore_ascii_case(b"VCL failed")
            || reason.eq_ignore_ascii_case(b"Too many restarts");
        return if is_fault { "varnish.vcl_failed" } else { "varnish.synth" };
    }
    if handling == b"BACKEND_ERROR" {
        return "varnish.error_by_vcl";
    }
    if handling.eq_ignore_ascii_case(b"hit") || handling == b"streaming-hit" {
        let is_own = body_bytes
            .is_some_and(|size| FAILED_PAGE.contains(&size) || SHORT_PAGE.contains(&size));
        return match body_bytes {
            None => "varnish.undecided",
            Some(_) if is_own => "varnish.cached_own_page",
            Some(_) => "varnish.cached",
        };
    }
    // Without a column of what was done, a line may be one of `-b`.
    let is_certain = !handling.is_empty() || body_bytes != Some(0);
    match backend_status.filter(|status| *status != b"503" || is_certain) {
        Some(b"503") => return "varnish.relayed_503",
        Some([b'5', ..]) => return "varnish.relayed_5xx",
        Some(_) => return "varnish.after_good_backend",
        None => {}
    }
    // A client address from a header may be missing as well.
    if record.raw(Field::RemoteAddr) == Some(b"-") && record.body_bytes() == Some(0) {
        return "varnish.no_connection";
    }
    if record.status == 503 && record.request().0 == b"HEAD" {
        return "varnish.head";
    }
    match (record.status, body_bytes) {
        (502 | 504, _) => "varnish.gateway_error",
        (503, Some(0)) => "varnish.empty",
        (503, Some(size)) if FAILED_PAGE.contains(&size) => "varnish.own_page",
        (503, Some(size)) if SHORT_PAGE.contains(&size) => "varnish.own_short_page",
        (503, Some(_)) => "varnish.other_page",
        _ => "varnish.undecided",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Escape;
    use crate::verdict::tests::check_row;

    #[track_caller]
    fn check(status: u16, fields: &[(Field, &str)], row: &str) {
        check_row(own_verdict, Escape::Apache, status, fields, row);
    }

    #[test]
    fn rows_of_the_table() {
        use Field::{
            BackendStatus as Status, BodyBytes as Bytes, CacheHandling as Handling,
            FetchError as Error, RemoteAddr as Client, Request, ResponseReason as Reason,
        };
        check(503, &[], "varnish.undecided");
        check(503, &[(Error, "backend b: unhealthy")], "varnish.no_live_backend");
        check(503, &[(Error, "Director d returned no backend")], "varnish.no_live_backend");
        check(503, &[(Error, "backend b: fail errno 111 (Connection refused)")], "varnish.refused");
        check(
            503,
            &[(Error, "backend b: fail errno 5 (Input/output error)")],
            "varnish.fetch_failed_otherwise",
        );
        check(503, &[(Error, "backend b: fail errno 0 (Success)")], "varnish.held_down");
        check(503, &[(Error, "backend b: busy")], "varnish.backend_busy");
        check(503, &[(Error, "first byte timeout (reused connection)")], "varnish.timeout");
        check(503, &[(Error, "HTC eof (-1)"), (Status, "503")], "varnish.reset");
        check(503, &[(Error, "req.body read error: 0 (Success)")], "varnish.request_body");
        check(503, &[(Error, "Could not get storage")], "varnish.no_storage");
        check(503, &[(Error, "something new")], "varnish.fetch_failed_otherwise");
        check(503, &[(Status, "503"), (Handling, "PASS")], "varnish.relayed_503");
        check(503, &[(Status, "500")], "varnish.relayed_5xx");
        check(503, &[(Status, "200")], "varnish.after_good_backend");
        // The log of backends.
        let failed = [(Status, "503"), (Handling, "-"), (Bytes, "0")];
        check(503, &failed, "varnish.empty");
        check(503, &[failed[0], failed[2]], "varnish.empty");
        check(503, &[failed[0], failed[1], (Client, "-"), (Bytes, "0")], "varnish.no_connection");
        check(503, &[failed[0], failed[1], (Bytes, "282")], "varnish.own_page");
        check(503, &[failed[0], (Handling, "miss"), (Bytes, "0")], "varnish.relayed_503");
        check(503, &[(Handling, "BACKEND_ERROR")], "varnish.error_by_vcl");
        check(503, &[(Handling, "synth"), (Bytes, "234")], "varnish.synth");
        check(503, &[(Handling, "SYNTH"), (Reason, "VCL failed")], "varnish.vcl_failed");
        check(
            503,
            &[(Handling, "SYNTH"), (Reason, "Backend fetch failed")],
            "varnish.told_fetch_failed",
        );
        check(
            503,
            &[(Handling, "error"), (Reason, "Backend fetch failed")],
            "varnish.told_fetch_failed",
        );
        // Another Varnish behind this one has the same words.
        let said = [(Reason, "Backend fetch failed"), (Handling, "miss"), (Bytes, "282")];
        check(503, &said, "varnish.reason_fetch_failed");
        check(503, &said[..1], "varnish.reason_fetch_failed");
        check(503, &[(Reason, "Backend fetch failed"), (Status, "503")], "varnish.relayed_503");
        check(503, &[(Handling, "hit"), (Bytes, "14")], "varnish.cached");
        check(503, &[(Handling, "hit"), (Bytes, "282")], "varnish.cached_own_page");
        check(503, &[(Handling, "miss"), (Bytes, "282")], "varnish.own_page");
        check(503, &[(Client, "-"), (Bytes, "0")], "varnish.no_connection");
        check(503, &[(Client, "192.0.2.1"), (Bytes, "0")], "varnish.empty");
        check(503, &[(Bytes, "0"), (Request, "HEAD http://a/ HTTP/1.1")], "varnish.head");
        check(503, &[(Bytes, "278")], "varnish.own_short_page");
        check(503, &[(Bytes, "197")], "varnish.other_page");
        check(502, &[(Bytes, "197")], "varnish.gateway_error");
    }
}
