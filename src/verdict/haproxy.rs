//! The decision table of `HAProxy`.
//!
//! In: the fields of one access line. Out: the id of a row.
//! The termination state says how a session ended (first letter) and in which phase (second letter); with the chosen
//! server and the timers it decides nearly every response. Only what `HAProxy` made of its own rules, and what it made
//! of a backend's answer, may look alike.
//! Source: `HAProxy` `doc/configuration.txt`, section 8.5 (termination states) and 8.4 (timers); `src/stream.c`,
//! `src/http_ana.c`, `src/backend.c`, `src/queue.c`; observed on 2.6.12.

use super::{Openness, VerdictRule, decided, open};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Cause, Confidence, Origin};

const STATE: &[&str] = &["%tsc (termination state)", "%b/%s"];
const MESSAGES: &[&str] = &["messages of this server (level emerg)"];
const LAST_SERVER: &[&str] = &["a log of the server"];

/// The rows. See the module head for sources; the `source` of a row names the place within them.
pub(super) const RULES: &[VerdictRule] = &[
    // First: the row of lines that cannot be read to their end.
    open("haproxy.no_state", Origin::Unknown, None, STATE, "8.5: the state is not in the line"),
    decided(
        "haproxy.relayed_503",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "8.5, --: the session ended normally; 8.4, Tr: a response header arrived",
    ),
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "haproxy.relayed_without_server",
            Origin::Upstream,
            Some(Cause::Upstream503),
            "8.5, --: the session ended normally; what HAProxy answers itself ends with L, P or S. Only services inside \
             HAProxy end so too, and the format does not name the server",
        )
    },
    decided(
        "haproxy.relayed_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "8.5, --: the session ended normally; 8.4, Tr: a response header arrived",
    ),
    decided(
        "haproxy.applet",
        Origin::LocalProcess,
        None,
        "src/log.c, LOG_FMT_SERVER: a name in angle brackets is that of a service inside HAProxy",
    ),
    decided(
        "haproxy.no_server",
        Origin::Proxy,
        Some(Cause::NoLiveUpstreams),
        "8.5, SC with <NOSRV>: no server was up, or the backend has none",
    ),
    // A `listen` section whose servers are down, or a `frontend` that names no backend: the lines are the same.
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "haproxy.no_server_of_section",
            Origin::Proxy,
            Some(Cause::NoLiveUpstreams),
            "8.5, SC with <NOSRV>; 8.2.3: frontend and backend have one name in a listen section",
        )
    },
    decided(
        "haproxy.connect_refused",
        Origin::Proxy,
        Some(Cause::UpstreamRefused),
        "8.5, SC: the server or a device before it refused the connection",
    ),
    VerdictRule {
        openness: Openness::CauseOpen,
        ..decided(
            "haproxy.no_connection",
            Origin::Proxy,
            None,
            "8.5, SC: refused, or no server to choose; the format does not say whether one was chosen",
        )
    },
    decided(
        "haproxy.connect_timeout",
        Origin::Proxy,
        Some(Cause::UpstreamTimeout),
        "8.5, sC: timeout connect struck",
    ),
    decided(
        "haproxy.queue_timeout",
        Origin::Proxy,
        Some(Cause::RequestQueueTimeout),
        "8.5, sQ: timeout queue struck",
    ),
    decided(
        "haproxy.queue_full",
        Origin::Proxy,
        Some(Cause::RequestQueueFull),
        "src/queue.c, src/backend.c, SQ: the queue of the server holds maxqueue requests",
    ),
    VerdictRule {
        openness: Openness::CauseOpen,
        missing: MESSAGES,
        ..decided(
            "haproxy.resource",
            Origin::LocalProcess,
            None,
            "8.5, R: a resource of the proxy was exhausted",
        )
    },
    decided(
        "haproxy.own_connection_limit",
        Origin::LocalProcess,
        Some(Cause::ConnectionLimit),
        "8.5, PC: the socket limit of the process was reached",
    ),
    decided(
        "haproxy.denied",
        Origin::LocalProcess,
        Some(Cause::PolicyDenied),
        "8.5, PR: a rule denied the request",
    ),
    decided(
        "haproxy.tarpitted",
        Origin::LocalProcess,
        Some(Cause::PolicyDenied),
        "8.5, PT: a tarpit rule held the request",
    ),
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "haproxy.response_denied",
            Origin::LocalProcess,
            Some(Cause::PolicyDenied),
            "8.5, PH with a response header: a rule denied the response",
        )
    },
    decided(
        "haproxy.response_invalid",
        Origin::Proxy,
        Some(Cause::UpstreamInvalidResponse),
        "8.5, PH without a response header: the response was invalid",
    ),
    decided(
        "haproxy.local_response",
        Origin::LocalProcess,
        Some(Cause::Maintenance),
        "8.5, L: HAProxy answered by a rule: return, redirect, errorfile",
    ),
    open(
        "haproxy.response_replaced",
        Origin::Upstream,
        None,
        LAST_SERVER,
        "8.5, LH after a response header: http-response return replaced the server's answer",
    ),
    decided(
        "haproxy.server_closed",
        Origin::Proxy,
        Some(Cause::UpstreamReset),
        "8.5, SH, SR, SL: the server closed before its response header was whole",
    ),
    decided(
        "haproxy.server_timeout",
        Origin::Proxy,
        Some(Cause::UpstreamTimeout),
        "8.5, sH, sR: timeout server struck before a response header came",
    ),
    decided(
        "haproxy.marked_down",
        Origin::Proxy,
        Some(Cause::HealthCheckFailed),
        "8.5, D: sessions of a server that went down were killed (on-marked-down shutdown-sessions)",
    ),
    decided(
        "haproxy.killed_by_admin",
        Origin::LocalProcess,
        Some(Cause::Maintenance),
        "8.5, K: an operator killed the session",
    ),
    VerdictRule {
        openness: Openness::CauseOpen,
        missing: MESSAGES,
        ..decided(
            "haproxy.internal_error",
            Origin::LocalProcess,
            None,
            "8.5, I: an internal error, or a lack of memory",
        )
    },
    decided(
        "haproxy.client_left",
        Origin::Proxy,
        Some(Cause::ClientAborted),
        "8.5, CC, CQ: the client gave up while it waited for a server; nobody saw the response",
    ),
    open("haproxy.other", Origin::Unknown, None, STATE, "no row of the table applies"),
];

/// Id of the row that the fields of an access line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    let Some(&[end, phase, ..]) = record.raw(Field::TerminationState) else {
        return "haproxy.no_state";
    };
    let server = record.raw(Field::BackendServer).unwrap_or_default();
    let is_chosen = !server.is_empty() && !server.starts_with(b"<");
    // Without the timer, the state alone tells.
    let response_time = record.raw(Field::ResponseTimeMillis);
    let may_have_responded = response_time.is_none_or(|time| !time.starts_with(b"-"));
    let responded = is_chosen && may_have_responded;
    let is_certain_response = responded && response_time.is_some();
    let relayed = if record.status == 503 { "haproxy.relayed_503" } else { "haproxy.relayed_5xx" };
    match (end, phase) {
        (b'-', b'-') if responded => relayed,
        (b'-', b'-') if server.starts_with(b"<") && server != b"<NOSRV>" => "haproxy.applet",
        (b'-', b'-') if server.is_empty() && may_have_responded && record.status == 503 => {
            "haproxy.relayed_without_server"
        }
        // The response header had been relayed when something happened to the body.
        (b'S' | b's' | b'C' | b'c' | b'P' | b'D' | b'U' | b'K', b'D' | b'L') if responded => {
            relayed
        }
        (b'D', _) if is_certain_response => relayed,
        (b'S', b'C') if is_chosen => "haproxy.connect_refused",
        (b'S', b'C') if is_one_section(record) => "haproxy.no_server_of_section",
        (b'S', b'C') if server.is_empty() => "haproxy.no_connection",
        (b'S', b'C') => "haproxy.no_server",
        (b's', b'C') => "haproxy.connect_timeout",
        (b's', b'Q') => "haproxy.queue_timeout",
        (b'S', b'Q') => "haproxy.queue_full",
        (b'S', b'H' | b'R' | b'L') => "haproxy.server_closed",
        (b's', b'H' | b'R') => "haproxy.server_timeout",
        (b'R', _) => "haproxy.resource",
        (b'P', b'C') => "haproxy.own_connection_limit",
        (b'P', b'T') => "haproxy.tarpitted",
        (b'P', b'R') if !is_chosen => "haproxy.denied",
        (b'P', b'H') if is_certain_response => "haproxy.response_denied",
        (b'P', b'H') => "haproxy.response_invalid",
        (b'L', _) if is_certain_response => "haproxy.response_replaced",
        (b'L', _) => "haproxy.local_response",
        (b'D', _) if is_chosen => "haproxy.marked_down",
        (b'K', _) => "haproxy.killed_by_admin",
        (b'I', _) => "haproxy.internal_error",
        (b'C', b'C' | b'Q') => "haproxy.client_left",
        _ => "haproxy.other",
    }
}

/// True where the request never left the section that took it.
fn is_one_section(record: &AccessRecord<'_>) -> bool {
    let frontend = record.value(Field::Frontend);
    frontend.is_some() && frontend == record.value(Field::Backend)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Escape;
    use crate::verdict::tests::check_row;

    #[track_caller]
    fn check(status: u16, state: &str, server: &str, response_time: &str, row: &str) {
        let fields = [
            (Field::TerminationState, state),
            (Field::BackendServer, server),
            (Field::ResponseTimeMillis, response_time),
        ];
        let n_known = fields.iter().filter(|field| !field.1.is_empty()).count();
        let known: Vec<_> = fields.into_iter().filter(|field| !field.1.is_empty()).collect();
        assert_eq!(known.len(), n_known);
        check_row(own_verdict, Escape::Haproxy, status, &known, row);
    }

    #[test]
    fn rows_of_the_table() {
        check(503, "", "s1", "3", "haproxy.no_state");
        check(503, "----", "s1", "0", "haproxy.relayed_503");
        check(503, "--NN", "s1", "0", "haproxy.relayed_503");
        check(502, "--", "s1", "0", "haproxy.relayed_5xx");
        check(503, "--", "s1", "", "haproxy.relayed_503");
        check(503, "--", "s1", "-1", "haproxy.other");
        check(503, "--", "", "", "haproxy.relayed_without_server");
        check(503, "--", "", "7", "haproxy.relayed_without_server");
        check(503, "--", "", "-1", "haproxy.other");
        check(504, "--", "", "", "haproxy.other");
        check(503, "LR--", "<STATS>", "-1", "haproxy.local_response");
        check(503, "----", "<lua-http>", "2", "haproxy.applet");
        check(503, "CD--", "s1", "5", "haproxy.relayed_503");
        check(503, "sD--", "s1", "5", "haproxy.relayed_503");
        check(503, "SC--", "<NOSRV>", "-1", "haproxy.no_server");
        let one_section = [
            (Field::TerminationState, "SC--"),
            (Field::BackendServer, "<NOSRV>"),
            (Field::Frontend, "web"),
            (Field::Backend, "web"),
        ];
        check_row(own_verdict, Escape::Haproxy, 503, &one_section, "haproxy.no_server_of_section");
        check(503, "SCDN", "s1", "-1", "haproxy.connect_refused");
        check(503, "sC--", "s1", "-1", "haproxy.connect_timeout");
        check(503, "sQ--", "<NOSRV>", "-1", "haproxy.queue_timeout");
        check(503, "SQVN", "s1", "-1", "haproxy.queue_full");
        check(503, "RC--", "s1", "-1", "haproxy.resource");
        check(503, "PC--", "s1", "-1", "haproxy.own_connection_limit");
        check(503, "PR--", "<NOSRV>", "-1", "haproxy.denied");
        check(503, "PT--", "<NOSRV>", "-1", "haproxy.tarpitted");
        check(502, "PH--", "s1", "-1", "haproxy.response_invalid");
        check(503, "PH--", "s1", "7", "haproxy.response_denied");
        check(503, "LR--", "<NOSRV>", "-1", "haproxy.local_response");
        check(503, "LH--", "s1", "7", "haproxy.response_replaced");
        check(502, "SH--", "s1", "-1", "haproxy.server_closed");
        check(504, "sH--", "s1", "-1", "haproxy.server_timeout");
        check(503, "DH--", "s1", "-1", "haproxy.marked_down");
        check(503, "KD--", "s1", "-1", "haproxy.killed_by_admin");
        check(500, "IH--", "s1", "-1", "haproxy.internal_error");
        check(503, "CC--", "s1", "-1", "haproxy.client_left");
        check(400, "CR--", "<NOSRV>", "-1", "haproxy.other");
    }
}
