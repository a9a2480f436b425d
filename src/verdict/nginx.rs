//! The decision table of nginx and ingress-nginx.
//!
//! In: the fields of one access line. Out: the id of a row.
//! Source: nginx 1.31 `src/http/ngx_http_upstream.c` (`ngx_http_upstream_next`, the `$upstream_*` variables),
//! `ngx_http_limit_req_module.c`, `ngx_http_limit_conn_module.c`; ingress-nginx 1.15 template. "Last" means the last
//! attempt: of several attempts it decides.

use super::{Contact, FIELD_AND_SILENCE, Openness, VerdictRule, decided, open};
use crate::bytes::{is_absent, is_peer_address, last_upstream_item, parse_status, parse_u64};
use crate::record::{AccessRecord, Escape, Field};
use crate::taxonomy::{Cause, Confidence, Origin};

const UPSTREAM_FIELDS: &[&str] = &["upstream_status", "error log of this server"];
const ERROR_LOG: &[&str] = &["error log of this server"];
const HEADER_TIME: &[&str] = &["upstream_header_time", "error log of this server"];

/// Id of the row for an entry whose backend failed, where an answer that the cache had kept may have been given instead.
pub const FAILED_OR_STALE: &str = "nginx.failed_or_stale";

/// The rows. See the module head for sources; the `source` of a row names the place within them.
pub(super) const RULES: &[VerdictRule] = &[
    // The layout says nothing of upstreams: relayed and configured responses look the same.
    VerdictRule {
        contact: Contact::NotLogged,
        ..open(
            "nginx.no_upstream_field",
            Origin::Unknown,
            None,
            UPSTREAM_FIELDS,
            "ngx_http_log_module.c: combined has no upstream field",
        )
    },
    // Durations alone tell that a backend was asked, and whether it began to answer.
    VerdictRule {
        contact: Contact::NotLogged,
        when_silent: Some("nginx.contacted_silent"),
        ..open(
            "nginx.contacted",
            Origin::Unknown,
            None,
            UPSTREAM_FIELDS,
            "ngx_http_upstream.c: the response time is - unless a backend was asked",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        basis: FIELD_AND_SILENCE,
        ..decided(
            "nginx.contacted_silent",
            Origin::Upstream,
            Some(Cause::Upstream503),
            "ngx_http_upstream.c: nginx logs every failure of its own at level error",
        )
    },
    VerdictRule {
        contact: Contact::AfterRedirect,
        ..open(
            "nginx.answered_after_redirect",
            Origin::Upstream,
            Some(Cause::Upstream503),
            &["upstream_status"],
            "ngx_http_special_response.c: a named location of error_page may answer, or make the page for the error",
        )
    },
    decided(
        "nginx.limit_req_rejected",
        Origin::LocalProcess,
        Some(Cause::RateLimited),
        "ngx_http_limit_req_module.c, $limit_req_status",
    ),
    decided(
        "nginx.limit_conn_rejected",
        Origin::LocalProcess,
        Some(Cause::ConnectionLimit),
        "ngx_http_limit_conn_module.c, $limit_conn_status",
    ),
    VerdictRule {
        contact: Contact::Kept,
        ..decided(
            "nginx.cached_upstream_error",
            Origin::Upstream,
            Some(Cause::Upstream503),
            "ngx_http_file_cache.c: only a backend's answer is cached; ngx_http_upstream.c: a stale one goes before an error",
        )
    },
    VerdictRule {
        contact: Contact::Answered,
        ..decided(
            "nginx.upstream_status_503",
            Origin::Upstream,
            Some(Cause::Upstream503),
            "ngx_http_upstream.c: 503 is stored only from a response",
        )
    },
    decided(
        "nginx.upstream_status_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "ngx_http_upstream.c: codes other than 502 and 504 come from a response",
    ),
    VerdictRule {
        leaves_line: true,
        ..decided(
            "nginx.upstream_addr_is_group",
            Origin::Proxy,
            Some(Cause::NoLiveUpstreams),
            "ngx_http_upstream.c: without a peer the group's name is logged",
        )
    },
    VerdictRule {
        openness: Openness::CauseOpen,
        leaves_line: true,
        ..decided(
            "nginx.upstream_502_no_header",
            Origin::Proxy,
            None,
            "ngx_http_upstream.c: header time is - when no header arrived",
        )
    },
    VerdictRule {
        openness: Openness::CauseOpen,
        ..decided(
            "nginx.upstream_502_partial_header",
            Origin::Proxy,
            Some(Cause::UpstreamInvalidResponse),
            "ngx_http_upstream.c: bytes came, a header did not",
        )
    },
    VerdictRule {
        openness: Openness::CauseOpen,
        leaves_line: true,
        ..decided(
            "nginx.upstream_504_no_header",
            Origin::Proxy,
            Some(Cause::UpstreamTimeout),
            "ngx_http_upstream.c: NGX_HTTP_UPSTREAM_FT_TIMEOUT stores 504",
        )
    },
    decided(
        "nginx.upstream_502_relayed",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "ngx_http_upstream.c: a header time means a response arrived",
    ),
    // 502 and 504 are stored both for nginx's own failures and for a backend's answer.
    VerdictRule {
        when_silent: Some("nginx.upstream_502_silent"),
        ..open(
            "nginx.upstream_502_ambiguous",
            Origin::Proxy,
            None,
            HEADER_TIME,
            "ngx_http_upstream.c: 502 is stored for failures and for answers",
        )
    },
    VerdictRule {
        when_silent: Some("nginx.upstream_502_silent"),
        ..open(
            "nginx.upstream_504_ambiguous",
            Origin::Proxy,
            Some(Cause::UpstreamTimeout),
            HEADER_TIME,
            "ngx_http_upstream.c: 504 is stored for failures and for answers",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        basis: FIELD_AND_SILENCE,
        ..decided(
            "nginx.upstream_502_silent",
            Origin::Upstream,
            Some(Cause::UpstreamError),
            "ngx_http_upstream.c: nginx logs every failure of its own at level error",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        openness: Openness::CauseOpen,
        ..decided(
            "nginx.upstream_addr_empty",
            Origin::LocalProcess,
            None,
            "ngx_http_upstream.c: no peer name exists when socket() failed",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        openness: Openness::CauseOpen,
        contact: Contact::None,
        ..decided(
            "nginx.502_without_attempt",
            Origin::Proxy,
            None,
            "ngx_http_upstream.c: a name that does not resolve ends in 502 before any attempt",
        )
    },
    VerdictRule {
        when_silent: Some("nginx.ingress_no_endpoint_silent"),
        contact: Contact::None,
        ..open(
            "nginx.ingress_no_endpoint",
            Origin::Proxy,
            Some(Cause::NoLiveUpstreams),
            ERROR_LOG,
            "ingress-nginx nginx.tmpl: a service without endpoints gives 503",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        basis: FIELD_AND_SILENCE,
        ..decided(
            "nginx.ingress_no_endpoint_silent",
            Origin::Proxy,
            Some(Cause::NoLiveUpstreams),
            "ingress-nginx nginx.tmpl: a service without endpoints gives 503, without an error line",
        )
    },
    // No upstream was contacted: return 503, a limit, a name that did not resolve, or a cached answer.
    VerdictRule {
        when_silent: Some("nginx.no_upstream_contact_silent"),
        contact: Contact::None,
        ..open(
            "nginx.no_upstream_contact",
            Origin::LocalProcess,
            Some(Cause::Maintenance),
            ERROR_LOG,
            "nginx rewrite module: return 503 contacts no upstream",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        basis: FIELD_AND_SILENCE,
        contact: Contact::None,
        ..decided(
            "nginx.no_upstream_contact_silent",
            Origin::LocalProcess,
            Some(Cause::Maintenance),
            "nginx rewrite module: return 503 contacts no upstream and logs no error; limits and failures log one",
        )
    },
    VerdictRule {
        contact: Contact::None,
        ..open(
            "nginx.slow_without_upstream",
            Origin::LocalProcess,
            None,
            ERROR_LOG,
            "lua or auth_request may wait without an upstream of this request",
        )
    },
    open(
        "nginx.redirect_without_attempt",
        Origin::Proxy,
        None,
        ERROR_LOG,
        "ngx_http_upstream.c: a group after an internal redirect stays empty when it failed before its first attempt",
    ),
    // A page that a backend made for an error of nginx's own.
    VerdictRule {
        when_silent: Some("nginx.after_good_upstream_silent"),
        ..open(
            "nginx.after_good_upstream",
            Origin::LocalProcess,
            Some(Cause::Maintenance),
            ERROR_LOG,
            "error_page whose page a backend made, or X-Accel-Redirect after a good answer",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        basis: FIELD_AND_SILENCE,
        ..decided(
            "nginx.after_good_upstream_silent",
            Origin::LocalProcess,
            Some(Cause::Maintenance),
            "ngx_http_special_response.c: error_page keeps the status of return 503, which logs no error; limits log one",
        )
    },
    open(
        "nginx.remapped_answer",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        ERROR_LOG,
        "proxy_intercept_errors with error_page 404 =503, or a page that the backend lacks",
    ),
    open(
        FAILED_OR_STALE,
        Origin::Upstream,
        Some(Cause::Upstream503),
        &["upstream_cache_status"],
        "ngx_http_upstream.c: proxy_cache_use_stale gives an answer that was kept in place of an error",
    ),
    open("nginx.other", Origin::Unknown, None, UPSTREAM_FIELDS, "no row of the table applies"),
];

/// Above this duration a response without an upstream is not plain configuration (`return`), in microseconds.
const CONFIGURED_MAX_US: u64 = 100_000;

/// Id of the row that the fields of an access line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    if record.raw(Field::LimitReqStatus) == Some(b"REJECTED") {
        return "nginx.limit_req_rejected";
    }
    if record.raw(Field::LimitConnStatus) == Some(b"REJECTED") {
        return "nginx.limit_conn_rejected";
    }
    if is_kept_answer(record) {
        return "nginx.cached_upstream_error";
    }
    let Some(last) = record.last_item(Field::UpstreamStatus) else {
        return without_status_field(record);
    };
    let attempt = Attempt::of(record, last);
    let status = attempt.item(Field::UpstreamStatus).unwrap_or(last);
    match parse_status(status) {
        None if is_absent(status) => without_contact(record),
        Some(502 | 504) => ambiguous(&attempt, status),
        Some(503) => "nginx.upstream_status_503",
        Some(500..=599) => "nginx.upstream_status_5xx",
        Some(100..=399) => "nginx.after_good_upstream",
        Some(400..=499) => "nginx.remapped_answer",
        _ => "nginx.other",
    }
}

/// True where the response is one that the cache had kept. Behind an internal redirect it may be the page for an error.
fn is_kept_answer(record: &AccessRecord<'_>) -> bool {
    let is_redirected =
        |field| record.raw(field).is_some_and(|list| memchr::memmem::find(list, b" : ").is_some());
    matches!(
        record.raw(Field::UpstreamCacheStatus),
        Some(b"HIT" | b"STALE" | b"UPDATING" | b"REVALIDATED")
    ) && !is_redirected(Field::UpstreamStatus)
        && !is_redirected(Field::UpstreamAddr)
}

/// The attempt that decides: the last one of the request, but not one that only made the page for its error.
struct Attempt<'r, 'a> {
    record: &'r AccessRecord<'a>,
    /// What stands behind the last internal redirect is the page.
    is_before_page: bool,
}

impl<'r, 'a> Attempt<'r, 'a> {
    /// `last`: status of the last attempt.
    fn of(record: &'r AccessRecord<'a>, last: &[u8]) -> Self {
        let before = before_redirect(record, Field::UpstreamStatus).and_then(parse_status);
        let is_page = |last: u16| last != record.status && (last < 500 || before >= Some(500));
        Attempt { record, is_before_page: parse_status(last).is_some_and(is_page) }
    }

    /// What a list says of it.
    fn item(&self, field: Field) -> Option<&'a [u8]> {
        if self.is_before_page {
            before_redirect(self.record, field)
        } else {
            self.record.last_item(field)
        }
    }
}

/// The item before the last internal redirect of a list field. `None`: there was no attempt before one.
fn before_redirect<'a>(record: &AccessRecord<'a>, field: Field) -> Option<&'a [u8]> {
    let list = record.raw(field)?;
    let redirect = memchr::memmem::rfind(list, b" : ")?;
    Some(last_upstream_item(&list[..redirect]))
}

/// The layout has no upstream status, but perhaps an address.
fn without_status_field(record: &AccessRecord<'_>) -> &'static str {
    match record.last_item(Field::UpstreamAddr) {
        Some(address) if is_group_name(address) => "nginx.upstream_addr_is_group",
        Some(address) if is_absent(address) => without_contact(record),
        address => by_times(record, address.is_some_and(is_peer_address)),
    }
}

/// The layout has no word of backends but durations, or the address of one, which then was asked.
fn by_times(record: &AccessRecord<'_>, has_peer: bool) -> &'static str {
    if !has_peer {
        match record.raw(Field::UpstreamResponseTime) {
            // What was not in the cache, or not fresh, was asked for.
            None if record.status == 503 && was_looked_for(record) => return "nginx.contacted",
            None => return "nginx.no_upstream_field",
            Some(response) if is_absent(response) => return without_contact(record),
            Some(_) => {}
        }
    }
    let is_number = |field| record.last_item(field).map(|item| !is_absent(item));
    let is_asked = has_peer || is_number(Field::UpstreamResponseTime) == Some(true);
    match (is_asked, is_number(Field::UpstreamHeaderTime)) {
        (true, Some(false)) => "nginx.upstream_502_no_header",
        (true, Some(true)) if before_redirect(record, Field::UpstreamHeaderTime).is_some() => {
            "nginx.answered_after_redirect"
        }
        (true, _) if record.status == 503 => "nginx.contacted",
        _ => "nginx.no_upstream_field",
    }
}

/// True where the cache had no answer that could be given.
fn was_looked_for(record: &AccessRecord<'_>) -> bool {
    matches!(record.raw(Field::UpstreamCacheStatus), Some(b"MISS" | b"EXPIRED" | b"BYPASS"))
}

/// No attempt has a status.
fn without_contact(record: &AccessRecord<'_>) -> &'static str {
    // With escape=default a missing value is `-`; the empty string is a peer without a name.
    if record.raw(Field::UpstreamAddr) == Some(b"")
        && record.escape == Escape::Default
        && record.raw(Field::UpstreamStatus).is_some()
    {
        return "nginx.upstream_addr_empty";
    }
    // Earlier attempts are listed, the last group is empty.
    if record.value(Field::UpstreamStatus).is_some() {
        return "nginx.redirect_without_attempt";
    }
    if record.status == 502 {
        return "nginx.502_without_attempt";
    }
    if record
        .value(Field::ProxyUpstreamName)
        .is_some_and(|name| name != b"upstream-default-backend")
    {
        return "nginx.ingress_no_endpoint";
    }
    match record.duration_us() {
        Some(duration) if duration > CONFIGURED_MAX_US => "nginx.slow_without_upstream",
        _ => "nginx.no_upstream_contact",
    }
}

/// The last attempt's status is 502 or 504: nginx's own failure, or a backend's answer.
fn ambiguous(attempt: &Attempt<'_, '_>, status: &[u8]) -> &'static str {
    let timeout = status == b"504";
    if !timeout && attempt.item(Field::UpstreamAddr).is_some_and(is_group_name) {
        return "nginx.upstream_addr_is_group";
    }
    // Where no connection was made, no header can have come.
    let no_connection = || attempt.item(Field::UpstreamConnectTime).filter(|time| is_absent(time));
    let header_time = attempt.item(Field::UpstreamHeaderTime).or_else(no_connection);
    let received = attempt.item(Field::UpstreamBytesReceived).and_then(parse_u64);
    match (header_time.map(is_absent), received) {
        (Some(false), _) => "nginx.upstream_502_relayed",
        (_, Some(0)) | (Some(true), None) => {
            if timeout {
                "nginx.upstream_504_no_header"
            } else {
                "nginx.upstream_502_no_header"
            }
        }
        (Some(true), Some(_)) => {
            if timeout {
                "nginx.upstream_504_no_header"
            } else {
                "nginx.upstream_502_partial_header"
            }
        }
        (None, Some(_)) => "nginx.upstream_502_relayed",
        (None, None) => {
            if timeout {
                "nginx.upstream_504_ambiguous"
            } else {
                "nginx.upstream_502_ambiguous"
            }
        }
    }
}

/// True for the name of an upstream group or a host without a port: what `$upstream_addr` holds when no peer was chosen.
/// A group of one address always has its peer.
fn is_group_name(address: &[u8]) -> bool {
    let is_ip = || address.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    !is_absent(address)
        && !address.starts_with(b"unix:")
        && memchr::memchr(b':', address).is_none()
        && !is_ip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::tests::check_row;

    #[track_caller]
    fn check(status: u16, fields: &[(Field, &str)], row: &str) {
        check_row(own_verdict, Escape::Default, status, fields, row);
    }

    #[test]
    fn rows_of_the_table() {
        use Field::{
            LimitConnStatus as LimitConn, LimitReqStatus as LimitReq, ProxyUpstreamName as Ingress,
            RequestTime as Time, UpstreamAddr as Addr, UpstreamBytesReceived as Received,
            UpstreamCacheStatus as Cache, UpstreamHeaderTime as Header,
            UpstreamResponseTime as Response, UpstreamStatus as Status,
        };
        check(503, &[], "nginx.no_upstream_field");
        // Durations alone.
        check(503, &[(Response, "-")], "nginx.no_upstream_contact");
        check(503, &[(Response, "0.004")], "nginx.contacted");
        check(502, &[(Response, "0.004")], "nginx.no_upstream_field");
        check(503, &[(Response, "0.001, 0.004"), (Header, "-, 0.003")], "nginx.contacted");
        check(503, &[(Response, "0.001"), (Header, "-")], "nginx.upstream_502_no_header");
        check(503, &[(Header, "-")], "nginx.no_upstream_field");
        // Durations beside the address of who was asked, or that alone.
        let peer = (Addr, "10.0.0.5:80");
        check(503, &[peer, (Response, "0.004"), (Header, "0.003")], "nginx.contacted");
        check(503, &[peer, (Header, "-")], "nginx.upstream_502_no_header");
        check(503, &[peer], "nginx.contacted");
        check(502, &[peer, (Header, "0.003")], "nginx.no_upstream_field");
        check(503, &[(Addr, "-"), (Response, "-")], "nginx.no_upstream_contact");
        check(503, &[(Addr, "app")], "nginx.upstream_addr_is_group");
        check(503, &[(Addr, "10.0.0.5")], "nginx.no_upstream_field");
        check(
            503,
            &[(Response, "0.001 : 0.004"), (Header, "- : 0.003")],
            "nginx.answered_after_redirect",
        );
        // A connection that was not made.
        let connect = Field::UpstreamConnectTime;
        check(503, &[(Status, "502, 502"), (connect, "0.000, -")], "nginx.upstream_502_no_header");
        check(503, &[(Status, "502, 502"), (connect, "-, 0.000")], "nginx.upstream_502_ambiguous");
        check(503, &[(Status, "503")], "nginx.upstream_status_503");
        check(503, &[(Status, "502, 503")], "nginx.upstream_status_503");
        check(503, &[(Status, "502 : 503")], "nginx.upstream_status_503");
        // Pages that a backend made, well or not.
        let times = [(Header, "- : 0.002"), (Addr, "10.0.0.5:80 : 10.0.0.9:80")];
        for status in ["502 : 200", "503, 502 : 404", "502 : 500"] {
            check(503, &[(Status, status), times[0], times[1]], "nginx.upstream_502_no_header");
        }
        check(
            503,
            &[(Status, "502 : 200"), (Addr, "app : 10.0.0.9:80")],
            "nginx.upstream_addr_is_group",
        );
        check(503, &[(Status, "200 : 502")], "nginx.upstream_502_ambiguous");
        check(503, &[(Status, "500")], "nginx.upstream_status_5xx");
        check(503, &[(Status, "502"), (Addr, "grp")], "nginx.upstream_addr_is_group");
        check(
            503,
            &[(Status, "503, 502"), (Addr, "10.0.0.1:80, grp")],
            "nginx.upstream_addr_is_group",
        );
        check(503, &[(Status, "502"), (Addr, "unix:/a.sock")], "nginx.upstream_502_ambiguous");
        check(503, &[(Status, "502"), (Addr, "10.0.0.1:80")], "nginx.upstream_502_ambiguous");
        check(503, &[(Status, "502"), (Header, "-")], "nginx.upstream_502_no_header");
        check(503, &[(Status, "502"), (Header, "0.001")], "nginx.upstream_502_relayed");
        check(
            503,
            &[(Status, "502"), (Header, "-"), (Received, "12")],
            "nginx.upstream_502_partial_header",
        );
        check(503, &[(Status, "504"), (Received, "0")], "nginx.upstream_504_no_header");
        check(504, &[(Status, "504")], "nginx.upstream_504_ambiguous");
        check(503, &[(Status, "-"), (LimitReq, "REJECTED")], "nginx.limit_req_rejected");
        check(503, &[(Status, "-"), (LimitConn, "REJECTED")], "nginx.limit_conn_rejected");
        check(503, &[(Status, "-"), (LimitReq, "REJECTED_DRY_RUN")], "nginx.no_upstream_contact");
        check(503, &[(Status, "-"), (Cache, "HIT")], "nginx.cached_upstream_error");
        // Where an answer could not be renewed, the one that was kept is given.
        let failed = [(Status, "502"), (Addr, "10.0.0.5:80"), (Header, "-")];
        for kept in ["STALE", "UPDATING", "REVALIDATED"] {
            let fields = [failed[0], failed[1], failed[2], (Cache, kept)];
            check(503, &fields, "nginx.cached_upstream_error");
        }
        check(503, &[failed[0], failed[2], (Cache, "EXPIRED")], "nginx.upstream_502_no_header");
        check(
            503,
            &[(Status, "502 : -"), (Addr, "10.0.0.5:80 : -"), (Cache, "HIT")],
            "nginx.redirect_without_attempt",
        );
        // The word of the cache alone.
        check(503, &[(Cache, "HIT")], "nginx.cached_upstream_error");
        check(503, &[(Cache, "MISS")], "nginx.contacted");
        check(503, &[(Cache, "-")], "nginx.no_upstream_field");
        check(503, &[(Status, "-"), (Addr, "")], "nginx.upstream_addr_empty");
        check(502, &[(Status, "-"), (Addr, "-")], "nginx.502_without_attempt");
        check(
            503,
            &[(Status, "502 : "), (Addr, "10.0.0.5:8080 : ")],
            "nginx.redirect_without_attempt",
        );
        check(503, &[(Status, "-"), (Ingress, "shop-web-80")], "nginx.ingress_no_endpoint");
        check(503, &[(Status, "-"), (Ingress, "-")], "nginx.no_upstream_contact");
        check(503, &[(Status, "-"), (Time, "0.000")], "nginx.no_upstream_contact");
        check(503, &[(Status, "-"), (Time, "12.000")], "nginx.slow_without_upstream");
        check(503, &[(Status, "200")], "nginx.after_good_upstream");
        check(503, &[(Status, "429")], "nginx.remapped_answer");
    }
}
