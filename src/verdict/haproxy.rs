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
const RECEIVE_TIME: &[&str] = &["%TR (time to receive the request)"];
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
    decided(
        "haproxy.no_server_of_section",
        Origin::Proxy,
        Some(Cause::NoLiveUpstreams),
        "8.5, SC with <NOSRV>; 8.2.3: frontend and backend have one name in a listen section",
    ),
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
            "8.5, PH with a response header or 503: a rule denied the response; an invalid one gives 502 (src/http_ana.c)",
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
    // The timer of the request is set by an analyser that sections with servers have (`listen`, `backend`).
    decided(
        "haproxy.no_backend_chosen",
        Origin::LocalProcess,
        Some(Cause::NoRoute),
        "src/cfgparse.c: AN_REQ_HTTP_INNER is an analyser of backends alone; src/http_ana.c: it sets tv_request, so TR is \
         -1 where a frontend found no backend",
    ),
    // A `listen` section whose servers are down, or a `frontend` that names no backend: without TR they look the same.
    open(
        "haproxy.section_without_server",
        Origin::Proxy,
        Some(Cause::NoLiveUpstreams),
        RECEIVE_TIME,
        "8.5, SC with <NOSRV>, and frontend and backend of one name: servers that are down, or no backend at all",
    ),
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "haproxy.response_came",
            Origin::Upstream,
            Some(Cause::Upstream503),
            "8.4, Tr: a response header arrived; only the state would tell of a rule that replaced it",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        openness: Openness::CauseOpen,
        missing: STATE,
        ..decided(
            "haproxy.never_connected",
            Origin::Proxy,
            None,
            "8.4, Tc -1 with a server: the connection was refused, timed out, or waited for in vain",
        )
    },
    // Without a state, a client that left the queue and a tarpit look as one that waited too long.
    VerdictRule {
        confidence: Confidence::Likely,
        openness: Openness::CauseOpen,
        missing: STATE,
        ..decided(
            "haproxy.waited_in_vain",
            Origin::Proxy,
            None,
            "8.4, Tw above 0 without a server: the request left the queue of its backend without one",
        )
    },
    // A frontend may be called as a backend is.
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "haproxy.no_server_of_served",
            Origin::Proxy,
            Some(Cause::NoLiveUpstreams),
            "8.5, SC with <NOSRV>, of a backend to whose servers other requests went",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "haproxy.relayed_from_address",
            Origin::Upstream,
            Some(Cause::Upstream503),
            "8.5, --: the session ended normally; 8.4, Tr: a response header arrived; src/log.c, LOG_FMT_SERVER: what \
             `dispatch` and `option transparent` connect to has no name",
        )
    },
];

/// Id of the row that the fields of an access line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    let Some(&[end, phase, ..]) = record.raw(Field::TerminationState) else {
        return by_timers(record);
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
        (b'-', b'-') if response_time.is_some() && may_have_responded && record.status == 503 => {
            "haproxy.relayed_from_address"
        }
        // The response header had been relayed when something happened to the body.
        (b'S' | b's' | b'C' | b'c' | b'P' | b'D' | b'U' | b'K', b'D' | b'L') if responded => {
            relayed
        }
        (b'D', _) if is_certain_response => relayed,
        (b'S', b'C') if is_chosen => "haproxy.connect_refused",
        (b'S', b'C') => without_server(record),
        (b's', b'C') => "haproxy.connect_timeout",
        (b's', b'Q') => "haproxy.queue_timeout",
        (b'S', b'Q') => "haproxy.queue_full",
        (b'S', b'H' | b'R' | b'L') => "haproxy.server_closed",
        (b's', b'H' | b'R') => "haproxy.server_timeout",
        (b'R', _) => "haproxy.resource",
        (b'P', b'C') => "haproxy.own_connection_limit",
        (b'P', b'T') => "haproxy.tarpitted",
        (b'P', b'R') if !is_chosen => "haproxy.denied",
        // For a response that is invalid it answers 502.
        (b'P', b'H') if is_certain_response || record.status == 503 => "haproxy.response_denied",
        (b'P', b'H') => "haproxy.response_invalid",
        (b'L', _) if is_certain_response => "haproxy.response_replaced",
        (b'L', _) => "haproxy.local_response",
        (b'D', _) => "haproxy.marked_down",
        (b'K', _) => "haproxy.killed_by_admin",
        (b'I', _) => "haproxy.internal_error",
        (b'C', b'C' | b'Q') => "haproxy.client_left",
        _ => "haproxy.other",
    }
}

/// The row that server and timers select where the layout has no state.
fn by_timers(record: &AccessRecord<'_>) -> &'static str {
    let server = record.raw(Field::BackendServer).unwrap_or_default();
    let timer = |field| record.value(field).filter(|timer| !timer.is_empty());
    let is_reached = |field| timer(field).map(|timer| !timer.starts_with(b"-"));
    let (queue, connect) = (Field::QueueTimeMillis, Field::ConnectTimeMillis);
    if record.status != 503 || server.is_empty() {
        return "haproxy.no_state";
    }
    if !server.starts_with(b"<") {
        return match (is_reached(connect), is_reached(Field::ResponseTimeMillis)) {
            (Some(true), Some(true)) => "haproxy.response_came",
            (Some(false), Some(false)) => "haproxy.never_connected",
            _ => "haproxy.no_state",
        };
    }
    let has_waited = is_reached(queue) == Some(true) && timer(queue) != Some(b"0");
    let is_routed = is_routed(record) == Some(true);
    if server == b"<NOSRV>" && has_waited && is_routed && is_reached(connect) == Some(false) {
        "haproxy.waited_in_vain"
    } else {
        "haproxy.no_state"
    }
}

/// The row of a failure to connect where no server is known to have been chosen. A frontend without a backend answers as
/// one whose servers are down: what tells them apart is the time to receive the request.
fn without_server(record: &AccessRecord<'_>) -> &'static str {
    let is_named = record.raw(Field::BackendServer).is_some_and(|server| !server.is_empty());
    let has_waited =
        record.value(Field::QueueTimeMillis).is_some_and(|timer| !timer.starts_with(b"-"));
    let is_routed = is_routed(record);
    match record.value(Field::ReceiveTimeMillis) {
        _ if is_named && is_routed == Some(true) => "haproxy.no_server",
        Some(b"-1") => "haproxy.no_backend_chosen",
        Some(_) if !is_named => "haproxy.no_connection",
        Some(_) if is_routed == Some(false) => "haproxy.no_server_of_section",
        Some(_) => "haproxy.no_server",
        None if is_named && record.raw(Field::ServedBackend).is_some() => {
            "haproxy.no_server_of_served"
        }
        None if has_waited || (is_routed == Some(true) && !is_named) => "haproxy.no_connection",
        None => "haproxy.section_without_server",
    }
}

/// Whether the request left the section that took it. `None`: one of the two is not named.
fn is_routed(record: &AccessRecord<'_>) -> Option<bool> {
    let frontend = record.value(Field::Frontend)?;
    // A `~` tells that the client came over TLS.
    let frontend = frontend.strip_suffix(b"~").unwrap_or(frontend);
    Some(frontend != record.value(Field::Backend)?)
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
        check(503, "----", "<NOSRV>", "2", "haproxy.relayed_from_address");
        check(503, "----", "<NOSRV>", "-1", "haproxy.other");
        check(503, "----", "<NOSRV>", "", "haproxy.other");
        check(503, "CD--", "s1", "5", "haproxy.relayed_503");
        check(503, "sD--", "s1", "5", "haproxy.relayed_503");
        check(503, "SC--", "<NOSRV>", "-1", "haproxy.section_without_server");
        let routed = [
            (Field::TerminationState, "SC--"),
            (Field::BackendServer, "<NOSRV>"),
            (Field::Frontend, "web~"),
            (Field::Backend, "app"),
        ];
        check_row(own_verdict, Escape::Haproxy, 503, &routed, "haproxy.no_server");
        let one_section = [
            (Field::TerminationState, "SC--"),
            (Field::BackendServer, "<NOSRV>"),
            (Field::Frontend, "web"),
            (Field::Backend, "web"),
        ];
        let in_section = |receive_time: &'static str, row: &str| {
            let mut fields = one_section.to_vec();
            if !receive_time.is_empty() {
                fields.push((Field::ReceiveTimeMillis, receive_time));
            }
            check_row(own_verdict, Escape::Haproxy, 503, &fields, row);
        };
        in_section("17", "haproxy.no_server_of_section");
        in_section("-1", "haproxy.no_backend_chosen");
        in_section("", "haproxy.section_without_server");
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
        check(503, "PH--", "s1", "-1", "haproxy.response_denied");
        check(503, "LR--", "<NOSRV>", "-1", "haproxy.local_response");
        check(503, "LH--", "s1", "7", "haproxy.response_replaced");
        check(502, "SH--", "s1", "-1", "haproxy.server_closed");
        check(504, "sH--", "s1", "-1", "haproxy.server_timeout");
        check(503, "DH--", "s1", "-1", "haproxy.marked_down");
        check(503, "DC--", "<NOSRV>", "-1", "haproxy.marked_down");
        check(503, "KD--", "s1", "-1", "haproxy.killed_by_admin");
        check(500, "IH--", "s1", "-1", "haproxy.internal_error");
        check(503, "CC--", "s1", "-1", "haproxy.client_left");
        check(400, "CR--", "<NOSRV>", "-1", "haproxy.other");
    }

    #[test]
    fn timers_and_server_tell_without_a_state() {
        let check = |server: &str, [queue, connect, response]: [&str; 3], row: &str| {
            let fields = [
                (Field::Frontend, "fe"),
                (Field::Backend, "be"),
                (Field::BackendServer, server),
                (Field::QueueTimeMillis, queue),
                (Field::ConnectTimeMillis, connect),
                (Field::ResponseTimeMillis, response),
            ];
            check_row(own_verdict, Escape::Haproxy, 503, &fields, row);
        };
        check("s1", ["0", "0", "3"], "haproxy.response_came");
        check("s1", ["0", "-1", "-1"], "haproxy.never_connected");
        check("s1", ["-1", "-1", "-1"], "haproxy.never_connected");
        check("s1", ["0", "1", "-1"], "haproxy.no_state");
        check("<NOSRV>", ["702", "-1", "-1"], "haproxy.waited_in_vain");
        let waited = RULES.iter().find(|row| row.id == "haproxy.waited_in_vain").expect("a row");
        assert_eq!((waited.cause, waited.openness), (None, Openness::CauseOpen));
        check("<NOSRV>", ["0", "-1", "-1"], "haproxy.no_state");
        check("<NOSRV>", ["-1", "-1", "-1"], "haproxy.no_state");
    }
}
