//! The decision table of Apache httpd.
//!
//! In: the fields of one access line. Out: the id of a row.
//! A layout that prints `%R`, `%L` and `%{proxy-status}n` decides nearly everything; `combined` decides nothing, and
//! the error log has to. `mod_proxy` logs every failure of its own at level error, so a silent error log means that the
//! response was relayed, or configured.
//! Source: Apache httpd 2.4 `mod_proxy_http.c` (the note `proxy-status`), `mod_log_config.c` (`%R`), `server/log.c`
//! (`%L`), observed on 2.4.71.

use super::{ErrorLines, FIELD_AND_SILENCE, Openness, VerdictRule, decided, open};
use crate::bytes::{is_absent, parse_status};
use crate::record::{AccessRecord, Field, is_gateway_handler, is_proxy_handler};
use crate::taxonomy::{Cause, Confidence, Origin};

const ERROR_LOG: &[&str] = &["error log of this server"];
const PROXY_FIELDS: &[&str] = &["%{proxy-status}n", "%R", "%L", "error log of this server"];
const GATEWAY_LOG: &[&str] = &["log of the module, such as JkLogFile", "error log of this server"];
const LOG_ID: &[&str] = &["%L", "error log of this server"];

const PROXIED: ErrorLines = ErrorLines { is_proxied: Some(true), ..ErrorLines::UNSAID };
const PROXIED_LOGGED: ErrorLines = ErrorLines { are_written: Some(true), ..PROXIED };
const PROXIED_UNLOGGED: ErrorLines = ErrorLines { are_written: Some(false), ..PROXIED };
const LOCAL: ErrorLines = ErrorLines { is_proxied: Some(false), ..ErrorLines::UNSAID };
const LOCAL_LOGGED: ErrorLines = ErrorLines { are_written: Some(true), ..LOCAL };
const LOCAL_UNLOGGED: ErrorLines = ErrorLines { are_written: Some(false), ..LOCAL };
const UNANSWERED: ErrorLines = ErrorLines { is_answered: Some(false), ..ErrorLines::UNSAID };
const LOGGED: ErrorLines = ErrorLines { are_written: Some(true), ..ErrorLines::UNSAID };
const UNLOGGED: ErrorLines = ErrorLines { are_written: Some(false), ..ErrorLines::UNSAID };

/// The rows. See the module head for sources; the `source` of a row names the place within them.
pub(super) const RULES: &[VerdictRule] = &[
    // The layout says nothing of backends: relayed, configured and generated responses look the same.
    open(
        "apache.no_proxy_field",
        Origin::Unknown,
        None,
        PROXY_FIELDS,
        "mod_log_config.c: combined has no field about backends",
    ),
    // The same with `%{proxy-status}n` alone, or with `%L` alone.
    VerdictRule {
        lines: UNANSWERED,
        ..open(
            "apache.no_answer",
            Origin::Unknown,
            None,
            &["%R", "%L", "error log of this server"],
            "mod_proxy_http.c: proxy-status is - when no response arrived over HTTP, and where none was asked for",
        )
    },
    VerdictRule {
        lines: LOGGED,
        ..open(
            "apache.logged",
            Origin::Unknown,
            None,
            ERROR_LOG,
            "server/log.c: %L names an error line of the request, which says who",
        )
    },
    VerdictRule {
        lines: UNLOGGED,
        ..open(
            "apache.unlogged",
            Origin::Unknown,
            None,
            PROXY_FIELDS,
            "server/log.c: %L is - when no error line was written: relayed, or configured",
        )
    },
    VerdictRule {
        when_silent: Some("apache.relayed_silent_5xx"),
        ..open(
            "apache.gateway_error",
            Origin::Proxy,
            None,
            PROXY_FIELDS,
            "mod_proxy_http.c, mod_proxy_fcgi.c: 502 and 504 of their own come with an error line",
        )
    },
    decided(
        "apache.proxy_status_503",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "mod_proxy_http.c: proxy-status is set when a response arrived",
    ),
    decided(
        "apache.proxy_status_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "mod_proxy_http.c: proxy-status is set when a response arrived",
    ),
    open(
        "apache.after_good_upstream",
        Origin::LocalProcess,
        None,
        ERROR_LOG,
        "a filter or an ErrorDocument after a good answer",
    ),
    decided(
        "apache.proxy_timed_out",
        Origin::Proxy,
        Some(Cause::UpstreamTimeout),
        "mod_proxy_http.c, mod_proxy_balancer.c: the note proxy_timedout",
    ),
    VerdictRule {
        openness: Openness::CauseOpen,
        lines: ErrorLines { is_answered: Some(false), ..PROXIED_LOGGED },
        ..decided(
            "apache.proxy_no_answer",
            Origin::Proxy,
            None,
            "server/log.c: %L names an error line; mod_proxy_http.c: no proxy-status, so no response arrived",
        )
    },
    // The note is not set for FastCGI, AJP and others, whose answers may be relayed all the same.
    VerdictRule {
        when_silent: Some("apache.relayed_silent_503"),
        lines: ErrorLines { is_answered: Some(false), ..PROXIED },
        ..open(
            "apache.proxy_no_status",
            Origin::Proxy,
            None,
            LOG_ID,
            "mod_proxy_http.c: proxy-status is - when no response arrived over HTTP",
        )
    },
    VerdictRule {
        when_silent: Some("apache.relayed_silent_503"),
        lines: PROXIED,
        ..open(
            "apache.proxied",
            Origin::Unknown,
            None,
            PROXY_FIELDS,
            "mod_proxy.c: relayed and generated responses have the same handler",
        )
    },
    VerdictRule {
        lines: PROXIED_LOGGED,
        ..open(
            "apache.proxied_with_error_line",
            Origin::Proxy,
            None,
            ERROR_LOG,
            "server/log.c: %L names an error line of the request, which says who",
        )
    },
    // Where a worker is out of service, its connections are all in use, or HTTP/2 is spoken to it, the line of the failure
    // is one of the server: it names no client, and `%L` does not count it.
    VerdictRule {
        openness: Openness::CauseOpen,
        confidence: Confidence::Likely,
        lines: PROXIED_UNLOGGED,
        when_traced: Some("apache.proxied_unlogged"),
        ..decided(
            "apache.proxied_without_error_line_503",
            Origin::Upstream,
            Some(Cause::Upstream503),
            "server/log.c: %L is - when no error line was written; mod_proxy writes one for most failures",
        )
    },
    VerdictRule {
        lines: PROXIED_UNLOGGED,
        ..open(
            "apache.proxied_unlogged",
            Origin::Upstream,
            Some(Cause::Upstream503),
            &["%{proxy-status}n"],
            "proxy_util.c (AH00940, AH00941), mod_proxy_http2.c (AH00957): written without the request",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "apache.proxied_without_error_line_5xx",
            Origin::Upstream,
            Some(Cause::UpstreamError),
            "server/log.c: %L is - when no error line was written; mod_proxy writes one for each failure",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        basis: FIELD_AND_SILENCE,
        ..decided(
            "apache.relayed_silent_503",
            Origin::Upstream,
            Some(Cause::Upstream503),
            "mod_proxy writes an error line for each failure of its own; a relayed answer has none",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        basis: FIELD_AND_SILENCE,
        ..decided(
            "apache.relayed_silent_5xx",
            Origin::Upstream,
            Some(Cause::UpstreamError),
            "mod_proxy writes an error line for each failure of its own; a relayed answer has none",
        )
    },
    // No handler ran: RewriteRule with R=503, Redirect 503, or a module that refused before.
    VerdictRule {
        openness: Openness::CauseOpen,
        confidence: Confidence::Likely,
        when_silent: Some("apache.no_handler_silent"),
        lines: LOCAL,
        ..decided(
            "apache.no_handler",
            Origin::LocalProcess,
            None,
            "mod_rewrite.c, mod_alias.c: a configured status runs no handler; mod_proxy sets its own before",
        )
    },
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "apache.no_handler_silent",
            Origin::LocalProcess,
            Some(Cause::Maintenance),
            "mod_rewrite.c, mod_alias.c: a configured status runs no handler and writes no error line",
        )
    },
    VerdictRule {
        openness: Openness::CauseOpen,
        lines: LOCAL_LOGGED,
        ..decided(
            "apache.no_handler_with_error_line",
            Origin::LocalProcess,
            None,
            "server/log.c: %L names an error line; no handler ran, so a module of the server refused",
        )
    },
    // Their modules log failures in files of their own, or not at all: the silence of the error log says nothing.
    open(
        "apache.gateway_handler",
        Origin::Unknown,
        None,
        GATEWAY_LOG,
        "mod_jk.c: the handler jakarta-servlet; mod_fastcgi, mod_uwsgi, mod_wl: requests go to servers of their own",
    ),
    // CGI, WSGI, PHP in the server: its own pool of application processes.
    VerdictRule {
        openness: Openness::CauseOpen,
        lines: LOCAL,
        ..decided(
            "apache.local_handler",
            Origin::LocalProcess,
            None,
            "mod_log_config.c: %R names a handler other than mod_proxy's",
        )
    },
    // The name may be an operator's own for an `Action`, whose script a backend runs: its lines count.
    VerdictRule {
        openness: Openness::CauseOpen,
        ..decided(
            "apache.named_handler",
            Origin::LocalProcess,
            None,
            "mod_actions.c, mod_log_config.c: %R is that of the request before the redirect to the action",
        )
    },
    VerdictRule {
        openness: Openness::CauseOpen,
        lines: LOCAL_LOGGED,
        ..decided(
            "apache.local_handler_logged",
            Origin::LocalProcess,
            None,
            "mod_log_config.c: %R names a handler other than mod_proxy's; server/log.c: %L names an error line",
        )
    },
    VerdictRule {
        openness: Openness::CauseOpen,
        lines: LOCAL_UNLOGGED,
        ..decided(
            "apache.local_handler_unlogged",
            Origin::LocalProcess,
            None,
            "mod_log_config.c: %R names a handler other than mod_proxy's; server/log.c: %L is - without error line",
        )
    },
];

/// Id of the row that the fields of an access line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    if record.value(Field::ProxyTimedOut).is_some_and(|note| note != b"0") {
        return "apache.proxy_timed_out";
    }
    if !record.has_plausible_backend_fields() {
        return "apache.no_proxy_field";
    }
    let handler = record.raw(Field::Handler);
    match record.value(Field::ProxyStatus).and_then(parse_status) {
        Some(503) => return "apache.proxy_status_503",
        Some(500..=599) => return "apache.proxy_status_5xx",
        Some(_) => return "apache.after_good_upstream",
        None => {}
    }
    let log_id = record.raw(Field::LogId);
    match handler {
        Some(handler) if is_proxy_handler(handler) => proxied(record, log_id),
        // An ErrorDocument runs no handler of its own: only the original status tells that there was another.
        Some(handler) if is_absent(handler) => match log_id.map(is_absent) {
            Some(true) => "apache.no_handler_silent",
            Some(false) => "apache.no_handler_with_error_line",
            None => "apache.no_handler",
        },
        Some(handler) if is_gateway_handler(handler) => "apache.gateway_handler",
        // A rewritten request goes on as another one, of any handler, and so do its lines.
        Some(b"redirect-handler") => "apache.no_proxy_field",
        Some(handler) if !is_last_handler(handler) => "apache.named_handler",
        Some(_) => match log_id.map(is_absent) {
            Some(true) => "apache.local_handler_unlogged",
            Some(false) => "apache.local_handler_logged",
            None => "apache.local_handler",
        },
        None if record.value(Field::BalancerWorker).is_some() => proxied(record, log_id),
        None if matches!(record.status, 502 | 504) => "apache.gateway_error",
        None => match log_id.map(is_absent) {
            Some(true) => "apache.unlogged",
            Some(false) => "apache.logged",
            None if record.raw(Field::ProxyStatus).is_some() => "apache.no_answer",
            None => "apache.no_proxy_field",
        },
    }
}

/// True for the handlers of modules that answer requests themselves. Other names may be an operator's own.
fn is_last_handler(handler: &[u8]) -> bool {
    const WHOLE: [&[u8]; 6] = [
        b"default-handler",
        b"httpd/unix-directory",
        b"server-status",
        b"server-info",
        b"balancer-manager",
        b"lua-map-handler",
    ];
    WHOLE.contains(&handler)
        || handler.ends_with(b"-script")
        || handler.starts_with(b"application/x-httpd-")
}

/// The request went to `mod_proxy`, and no status of a backend is known.
fn proxied(record: &AccessRecord<'_>, log_id: Option<&[u8]>) -> &'static str {
    let sees_status = record.raw(Field::ProxyStatus).is_some();
    match log_id.map(is_absent) {
        Some(false) if sees_status => "apache.proxy_no_answer",
        Some(false) => "apache.proxied_with_error_line",
        Some(true) if record.status == 503 => "apache.proxied_without_error_line_503",
        Some(true) => "apache.proxied_without_error_line_5xx",
        None if record.status != 503 => "apache.gateway_error",
        None if sees_status => "apache.proxy_no_status",
        None => "apache.proxied",
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
        use Field::{BalancerWorker, Handler, LogId, ProxyStatus, ProxyTimedOut};
        let proxy = (Handler, "proxy-server");
        check(503, &[], "apache.no_proxy_field");
        check(502, &[], "apache.gateway_error");
        check(503, &[(ProxyStatus, "503")], "apache.proxy_status_503");
        check(502, &[(ProxyStatus, "502"), proxy], "apache.proxy_status_5xx");
        check(503, &[(ProxyStatus, "200"), proxy], "apache.after_good_upstream");
        check(502, &[(ProxyTimedOut, "1"), proxy], "apache.proxy_timed_out");
        check(503, &[(ProxyStatus, "-"), proxy, (LogId, "W9")], "apache.proxy_no_answer");
        check(503, &[(ProxyStatus, "-"), proxy], "apache.proxy_no_status");
        check(503, &[(ProxyStatus, "-")], "apache.no_answer");
        check(
            503,
            &[(ProxyStatus, "-"), (Handler, "proxy:fcgi://localhost"), (LogId, "-")],
            "apache.proxied_without_error_line_503",
        );
        check(503, &[proxy], "apache.proxied");
        check(502, &[proxy], "apache.gateway_error");
        check(503, &[proxy, (LogId, "W9")], "apache.proxied_with_error_line");
        check(504, &[proxy, (LogId, "-")], "apache.proxied_without_error_line_5xx");
        check(503, &[(BalancerWorker, "http://10.0.0.1:80")], "apache.proxied");
        check(503, &[(BalancerWorker, "-")], "apache.no_proxy_field");
        check(503, &[(Handler, "-")], "apache.no_handler");
        check(503, &[(Handler, "-"), (LogId, "-")], "apache.no_handler_silent");
        check(503, &[(Handler, "-"), (LogId, "W9")], "apache.no_handler_with_error_line");
        check(503, &[(Handler, "wsgi-script")], "apache.local_handler");
        check(503, &[(Handler, "fcgid-script"), (LogId, "W9")], "apache.local_handler_logged");
        check(503, &[(Handler, "lua-script"), (LogId, "-")], "apache.local_handler_unlogged");
        check(503, &[(Handler, "redirect-handler"), (LogId, "-")], "apache.no_proxy_field");
        check(503, &[(LogId, "W9")], "apache.logged");
        check(503, &[(LogId, "-")], "apache.unlogged");
        for gateway in ["jakarta-servlet", "weblogic-handler", "uwsgi-handler", "fastcgi-script"] {
            check(503, &[(Handler, gateway), (LogId, "-")], "apache.gateway_handler");
        }
        // Columns in another order than the layout's.
        for misread in [
            [(LogId, "W9"), (Handler, "-"), (ProxyStatus, "proxy-server")],
            [(LogId, "-"), (Handler, "503"), (ProxyStatus, "-")],
            [(LogId, "proxy-server"), (Handler, "W9"), (ProxyStatus, "-")],
            [(LogId, "-"), (Handler, "http://10.0.0.1:80"), (ProxyStatus, "503")],
            [(LogId, "-"), (Handler, "-"), (BalancerWorker, "1500")],
        ] {
            check(503, &misread, "apache.no_proxy_field");
        }
    }
}
