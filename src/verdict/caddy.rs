//! The decision table of Caddy.
//!
//! In: the fields of one access line. Out: the id of a row. A response that came through `reverse_proxy` carries what a
//! backend set beside Caddy's own `Server`: another value of it, a `Date` (Caddy's own is added behind the log), a
//! `Via`. Of a failed one nothing but `Server` is left, and an error line says why.
//! Source: Caddy `modules/caddyhttp/reverseproxy/reverseproxy.go` (`finalizeResponse`, `statusError`), `server.go`
//! (`logRequest`, `ServeHTTP`), `staticresp.go`.

use super::{FIELD_AND_SILENCE, Openness, VerdictRule, decided, open};
use crate::format::json_pairs::items;
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Cause, Confidence, Origin};

const HEADERS: &[&str] = &["resp_headers", "error log of this server"];
const ERROR_LOG: &[&str] = &["error log of this server"];

/// The rows.
pub(super) const RULES: &[VerdictRule] = &[
    decided(
        "caddy.relayed_503",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "reverseproxy.go: headers of the backend are copied to the response",
    ),
    decided(
        "caddy.relayed_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "reverseproxy.go: headers of the backend are copied to the response",
    ),
    // Caddy made it: no backend gave an answer, or a directive answered.
    VerdictRule {
        when_silent: Some("caddy.own_response_silent"),
        ..open(
            "caddy.own_response_empty",
            Origin::Proxy,
            None,
            ERROR_LOG,
            "server.go: an error of a handler gives an empty response, and a line in the error log",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        basis: FIELD_AND_SILENCE,
        ..decided(
            "caddy.own_response_silent",
            Origin::LocalProcess,
            Some(Cause::Maintenance),
            "staticresp.go: respond answers without a line in the error log",
        )
    },
    // So does `handle_response`, but not without asking the backend.
    open(
        "caddy.respond_late",
        Origin::LocalProcess,
        Some(Cause::Maintenance),
        ERROR_LOG,
        "staticresp.go, copyresponse.go: a body without any header of a backend, after a time in which one may have answered",
    ),
    // A page of `handle_errors` looks the same, and its failure is logged at level DEBUG: where one is in use, the error
    // log says nothing of any request.
    VerdictRule {
        when_silent: Some("caddy.own_response_silent"),
        ..open(
            "caddy.respond",
            Origin::LocalProcess,
            Some(Cause::Maintenance),
            ERROR_LOG,
            "staticresp.go: a body without any header of a backend",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        openness: Openness::CauseOpen,
        ..decided(
            "caddy.proxy_error",
            Origin::Proxy,
            None,
            "reverseproxy.go: statusError makes 502 and 504 of what failed on the way to a backend",
        )
    },
    open("caddy.other", Origin::Unknown, None, HEADERS, "no header of the response is logged"),
];

/// No backend answers faster than this over a connection, microseconds.
const AT_ONCE_US: u64 = 200;

/// Id of the row that the fields of an access line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    let relayed = || if record.status == 503 { "caddy.relayed_503" } else { "caddy.relayed_5xx" };
    if record.value(Field::ResponseDate).is_some() || names_caddy_as_hop(record) {
        return relayed();
    }
    let Some(servers) = record.raw(Field::ResponseServer) else { return "caddy.other" };
    // Two values are Caddy's and a backend's. One that is not Caddy's may have been set in its place by `header`.
    let mut servers = items(servers);
    let first = servers.next();
    if servers.next().is_some() {
        return relayed();
    }
    if first != Some(b"Caddy") {
        return "caddy.other";
    }
    match (record.status, record.body_bytes()) {
        (502 | 504, Some(0)) => "caddy.proxy_error",
        (_, Some(0)) => "caddy.own_response_empty",
        (_, Some(_)) if record.duration_us().is_some_and(|took| took < AT_ONCE_US) => {
            "caddy.respond"
        }
        (_, Some(_)) => "caddy.respond_late",
        (_, None) => "caddy.other",
    }
}

/// True when `Via` says that a response came through Caddy.
fn names_caddy_as_hop(record: &AccessRecord<'_>) -> bool {
    let via = record.raw(Field::ResponseVia).unwrap_or_default();
    items(via).any(|hop| hop.ends_with(b"Caddy"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_row;
    use super::*;
    use crate::record::Escape;

    use Field::{BodyBytes, RequestTime, ResponseDate, ResponseServer, ResponseVia};

    #[test]
    fn headers_of_a_backend_tell_a_relayed_response() {
        let check =
            |status, fields: &[_], row| check_row(own_verdict, Escape::Json, status, fields, row);
        let own = (ResponseServer, r#"["Caddy"]"#);
        check(503, &[(ResponseServer, r#"["Caddy","nginx"]"#)], "caddy.relayed_503");
        check(502, &[(ResponseServer, r#"["Caddy","nginx"]"#)], "caddy.relayed_5xx");
        check(503, &[own, (ResponseDate, "Fri, 20 Nov 2026 21:48:33 GMT")], "caddy.relayed_503");
        check(503, &[own, (ResponseVia, r#"["1.1 Caddy"]"#)], "caddy.relayed_503");
        check(503, &[own, (BodyBytes, "0")], "caddy.own_response_empty");
        check(503, &[(ResponseServer, r#"["shop"]"#), (BodyBytes, "24")], "caddy.other");
        check(503, &[own, (BodyBytes, "24"), (RequestTime, "0.000024106")], "caddy.respond");
        check(503, &[own, (BodyBytes, "24"), (RequestTime, "0.000337")], "caddy.respond_late");
        check(503, &[own, (BodyBytes, "24")], "caddy.respond_late");
        check(502, &[own, (BodyBytes, "0")], "caddy.proxy_error");
        check(503, &[(BodyBytes, "0")], "caddy.other");
    }
}
