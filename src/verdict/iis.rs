//! The decision table of IIS: HTTP.sys error log, W3C log, and Application Request Routing (ARR) in front of a farm.
//!
//! In: the fields of one access line. Out: the id of a row.
//! Source: Microsoft KB 820729 (HTTP.sys reasons), KB 943891 (status and substatus codes), "Troubleshooting 502 errors in
//! ARR", the ASP.NET Core module's source (`AppOfflineHandler.cpp`, `ShuttingDownApplication.h`, `forwardinghandler.cpp`).
//! A child process that IIS launches and owns (w3wp, ASP.NET Core, `FastCGI`) is part of the server; only another
//! address reached through ARR is a backend.

use super::{Openness, VerdictRule, decided, open};
use crate::bytes::{parse_status, parse_u64};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Cause, Confidence, Origin};

const EVENTS: &[&str] = &["Windows event log of this server"];
const SUBSTATUS: &[&str] = &["sc-substatus", "HTTPERR log of this server"];
const QUERY: &[&str] = &["cs-uri-query"];
const KB_820729: &str = "Microsoft KB 820729, kinds of errors that the HTTP API logs";
const KB_943891: &str = "Microsoft KB 943891, HTTP status codes in IIS";
const ARR: &str = "ARR 3.0 query additions; Microsoft, Troubleshooting 502 errors in ARR";
const WINHTTP: &str = "Microsoft, Troubleshooting 502 errors in ARR; winhttp.h, ERROR_WINHTTP_*";

/// A row whose origin stands while events may name the cause, or a deeper one.
const fn cause_open(
    id: &'static str,
    origin: Origin,
    cause: Option<Cause>,
    confidence: Confidence,
    source: &'static str,
) -> VerdictRule {
    VerdictRule {
        confidence,
        openness: Openness::CauseOpen,
        missing: EVENTS,
        ..decided(id, origin, cause, source)
    }
}

/// HTTP.sys itself answered, whatever the site's role: it never proxies.
const fn kernel(id: &'static str, cause: Cause) -> VerdictRule {
    decided(id, Origin::LocalProcess, Some(cause), KB_820729)
}

/// ARR could not get an answer from the farm.
const fn arr(id: &'static str, cause: Cause) -> VerdictRule {
    decided(id, Origin::Proxy, Some(cause), WINHTTP)
}

/// The rows.
pub(super) const RULES: &[VerdictRule] = &[
    // HTTP.sys. Events may tell that the pool never started; the line tells that it was disabled for failures.
    VerdictRule {
        openness: Openness::CauseOpen,
        ..kernel("iis.httperr_app_offline", Cause::RapidFailProtection)
    },
    kernel("iis.httperr_disabled", Cause::AppPoolStopped),
    kernel("iis.httperr_app_shutdown", Cause::CpuLimit),
    kernel("iis.httperr_app_pool_timer", Cause::RequestQueueTimeout),
    kernel("iis.httperr_queue_full", Cause::RequestQueueFull),
    kernel("iis.httperr_conn_limit", Cause::ConnectionLimit),
    kernel("iis.httperr_abandoned", Cause::ProcessCrashed),
    cause_open(
        "iis.httperr_not_available",
        Origin::LocalProcess,
        None,
        Confidence::Confirmed,
        "KB 820729: N/A is an internal error, memory or a URL reservation",
    ),
    decided(
        "iis.httperr_not_implemented",
        Origin::LocalProcess,
        None,
        "KB 820729: N/I is a transfer encoding that is not known",
    ),
    cause_open(
        "iis.httperr_other",
        Origin::LocalProcess,
        None,
        Confidence::Confirmed,
        "KB 820729: HTTP.sys answers by itself and never proxies",
    ),
    // ARR: the query says whether a member answered.
    decided("iis.arr_member_503", Origin::Upstream, Some(Cause::Upstream503), ARR),
    decided("iis.arr_member_5xx", Origin::Upstream, Some(Cause::UpstreamError), ARR),
    cause_open(
        "iis.arr_member_rewritten",
        Origin::LocalProcess,
        None,
        Confidence::Likely,
        "ARR query additions: the member answered, a module or rule here made an error of it",
    ),
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided(
            "iis.arr_cached_503",
            Origin::Upstream,
            Some(Cause::Upstream503),
            "ARR query additions: X-ARR-CACHE-HIT=1 without an answer of a member",
        )
    },
    arr("iis.arr_refused", Cause::UpstreamRefused),
    arr("iis.arr_timeout", Cause::UpstreamTimeout),
    arr("iis.arr_reset", Cause::UpstreamReset),
    arr("iis.arr_dns", Cause::UpstreamDns),
    arr("iis.arr_invalid_response", Cause::UpstreamInvalidResponse),
    arr("iis.arr_tls", Cause::UpstreamTls),
    arr("iis.arr_client_left", Cause::ClientAborted),
    decided("iis.arr_no_server", Origin::Proxy, Some(Cause::NoLiveUpstreams), KB_943891),
    cause_open("iis.arr_gave_up", Origin::Proxy, None, Confidence::Confirmed, ARR),
    // W3C, no trace of ARR.
    decided(
        "iis.concurrency_limit",
        Origin::LocalProcess,
        Some(Cause::ConcurrencyLimit),
        "KB 943891: 503.2, serverRuntime appConcurrentRequestLimit",
    ),
    decided(
        "iis.aspnet_queue_full",
        Origin::LocalProcess,
        Some(Cause::RequestQueueFull),
        "KB 943891: 503.3, httpRuntime appRequestQueueLimit",
    ),
    decided(
        "iis.fastcgi_queue_full",
        Origin::LocalProcess,
        Some(Cause::RequestQueueFull),
        "KB 943891: 503.4, FastCGI queueLength",
    ),
    cause_open(
        "iis.shutting_down",
        Origin::LocalProcess,
        Some(Cause::DeployInProgress),
        Confidence::Likely,
        "ASP.NET Core module, ShuttingDownApplication.h: ERROR_SHUTDOWN_IN_PROGRESS",
    ),
    cause_open(
        "iis.memory_exhausted",
        Origin::LocalProcess,
        Some(Cause::MemoryExhausted),
        Confidence::Likely,
        "winerror.h: 8, 1450 and 1455 are about memory",
    ),
    cause_open(
        "iis.disk_full",
        Origin::LocalProcess,
        Some(Cause::DiskFull),
        Confidence::Likely,
        "winerror.h: 112 is ERROR_DISK_FULL",
    ),
    cause_open(
        "iis.application_503",
        Origin::LocalProcess,
        None,
        Confidence::Likely,
        "KB 943891: 503.0; without ARR the answer comes from this server or what it hosts",
    ),
    open(
        "iis.without_query",
        Origin::LocalProcess,
        None,
        QUERY,
        "without the query it does not show whether ARR passed the request on",
    ),
    open(
        "iis.without_substatus",
        Origin::LocalProcess,
        None,
        SUBSTATUS,
        "the IIS log format and NCSA have no substatus",
    ),
    open(
        "iis.other_substatus",
        Origin::Unknown,
        None,
        EVENTS,
        "KB 943891 lists 503.0, .2, .3 and .4 only",
    ),
    // Kin.
    cause_open(
        "iis.child_failed",
        Origin::LocalProcess,
        Some(Cause::ProcessCrashed),
        Confidence::Likely,
        "ASP.NET Core module, forwardinghandler.cpp: 502.3 where no ARR is involved",
    ),
    cause_open(
        "iis.child_start_failure",
        Origin::LocalProcess,
        Some(Cause::StartupFailure),
        Confidence::Likely,
        "ASP.NET Core module: 502.5 and 500.30 to 500.38; KB 943891: 500.19",
    ),
    cause_open(
        "iis.cgi_failure",
        Origin::LocalProcess,
        None,
        Confidence::Likely,
        "KB 943891: 502.1 is a CGI timeout, 502.2 a CGI that ended early",
    ),
    cause_open(
        "iis.app_restarting",
        Origin::LocalProcess,
        Some(Cause::DeployInProgress),
        Confidence::Likely,
        "KB 943891: 500.11 is shutting down, 500.12 restarting",
    ),
    decided(
        "iis.server_too_busy",
        Origin::LocalProcess,
        Some(Cause::WorkerLimit),
        "KB 943891: 500.13 is a server too busy",
    ),
    cause_open("iis.application_500", Origin::LocalProcess, None, Confidence::Likely, KB_943891),
    open("iis.other", Origin::Unknown, None, EVENTS, "no row of the table applies"),
];

/// Id of the row that the fields of an access line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    if let Some(reason) = record.raw(Field::Reason) {
        return of_reason(reason);
    }
    if record.raw(Field::QueueName).is_some() {
        // Only HTTP.sys knows queues.
        return "iis.httperr_other";
    }
    let substatus = record.value(Field::SubStatus).and_then(parse_u64);
    let win32 = record.value(Field::Win32Status).and_then(parse_u64).map_or(0, unwrapped);
    if record.raw(Field::ArrLogId).is_some() {
        return behind_arr(record, substatus, win32);
    }
    let Some(substatus) = substatus else { return "iis.without_substatus" };
    match (record.status, substatus) {
        (503, 2) => "iis.concurrency_limit",
        (503, 3) => "iis.aspnet_queue_full",
        (503, 4) => "iis.fastcgi_queue_full",
        // Only ARR has a farm.
        (502, 4) => "iis.arr_no_server",
        (502..=504, _) if record.raw(Field::Args).is_none() => "iis.without_query",
        (503, 0) => match win32 {
            1115 => "iis.shutting_down",
            8 | 1450 | 1455 => "iis.memory_exhausted",
            112 => "iis.disk_full",
            _ => "iis.application_503",
        },
        (503, _) => "iis.other_substatus",
        (502, 1 | 2) => "iis.cgi_failure",
        (502, 3) => "iis.child_failed",
        (502, 5) | (500, 19 | 30..=38) => "iis.child_start_failure",
        (500, 11 | 12) => "iis.app_restarting",
        (500, 13) => "iis.server_too_busy",
        (500, _) => "iis.application_500",
        _ => "iis.other",
    }
}

/// What HTTP.sys says.
fn of_reason(reason: &[u8]) -> &'static str {
    match reason {
        b"AppOffline" => "iis.httperr_app_offline",
        b"Disabled" => "iis.httperr_disabled",
        b"AppShutdown" => "iis.httperr_app_shutdown",
        b"AppPoolTimer" => "iis.httperr_app_pool_timer",
        b"QueueFull" => "iis.httperr_queue_full",
        b"ConnLimit" => "iis.httperr_conn_limit",
        b"Connection_Abandoned_By_AppPool" | b"Connection_Abandoned_By_ReqQueue" => {
            "iis.httperr_abandoned"
        }
        b"N/A" => "iis.httperr_not_available",
        b"N/I" => "iis.httperr_not_implemented",
        _ => "iis.httperr_other",
    }
}

/// ARR took the request.
fn behind_arr(record: &AccessRecord<'_>, substatus: Option<u64>, win32: u64) -> &'static str {
    match record.value(Field::UpstreamStatus).and_then(parse_status) {
        Some(503) => return "iis.arr_member_503",
        Some(500..=599) => return "iis.arr_member_5xx",
        Some(_) => return "iis.arr_member_rewritten",
        None => {}
    }
    if record.status == 503 && record.raw(Field::UpstreamCacheStatus) == Some(b"1") {
        return "iis.arr_cached_503";
    }
    if (record.status, substatus) == (502, Some(4)) {
        return "iis.arr_no_server";
    }
    match win32 {
        12029 | 1225 | 10061 => "iis.arr_refused",
        12002 | 121 | 258 | 1460 | 10060 => "iis.arr_timeout",
        12030 | 10054 => "iis.arr_reset",
        12007 => "iis.arr_dns",
        12152 => "iis.arr_invalid_response",
        12037 | 12038 | 12044 | 12045 | 12157 | 12169 | 12175 | 12185 | 12186 => "iis.arr_tls",
        12017 | 995 | 1236 | 64 => "iis.arr_client_left",
        _ if record.status == 504 => "iis.arr_timeout",
        _ => "iis.arr_gave_up",
    }
}

/// The Windows error code within an `HRESULT` that wraps one.
fn unwrapped(code: u64) -> u64 {
    if code >= 0x8000_0000 && (code >> 16) & 0x1FFF == 7 { code & 0xFFFF } else { code }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Escape;
    use crate::verdict::tests::check_row;

    #[track_caller]
    fn check(status: u16, fields: &[(Field, &str)], row: &str) {
        check_row(own_verdict, Escape::None, status, fields, row);
    }

    #[test]
    fn http_sys_says_why() {
        for (reason, id) in [
            ("AppOffline", "iis.httperr_app_offline"),
            ("Disabled", "iis.httperr_disabled"),
            ("AppShutdown", "iis.httperr_app_shutdown"),
            ("AppPoolTimer", "iis.httperr_app_pool_timer"),
            ("QueueFull", "iis.httperr_queue_full"),
            ("ConnLimit", "iis.httperr_conn_limit"),
            ("Connection_Abandoned_By_ReqQueue", "iis.httperr_abandoned"),
            ("N/A", "iis.httperr_not_available"),
            ("N/I", "iis.httperr_not_implemented"),
            ("Novelty", "iis.httperr_other"),
        ] {
            check(503, &[(Field::Reason, reason)], id);
        }
    }

    #[test]
    fn substatus_and_windows_code_decide_what_iis_answered() {
        for (status, substatus, win32, id) in [
            (503, "0", "0", "iis.application_503"),
            (503, "0", "1115", "iis.shutting_down"),
            (503, "0", "2147943515", "iis.shutting_down"),
            (503, "0", "1455", "iis.memory_exhausted"),
            (503, "0", "112", "iis.disk_full"),
            (503, "2", "0", "iis.concurrency_limit"),
            (503, "3", "0", "iis.aspnet_queue_full"),
            (503, "4", "0", "iis.fastcgi_queue_full"),
            (503, "65", "0", "iis.other_substatus"),
            (502, "3", "12030", "iis.child_failed"),
            (502, "4", "0", "iis.arr_no_server"),
            (502, "5", "0", "iis.child_start_failure"),
            (502, "1", "0", "iis.cgi_failure"),
            (500, "30", "0", "iis.child_start_failure"),
            (500, "12", "0", "iis.app_restarting"),
            (500, "13", "0", "iis.server_too_busy"),
            (500, "0", "0", "iis.application_500"),
            (504, "0", "0", "iis.other"),
            (503, "-", "-", "iis.without_substatus"),
        ] {
            let fields =
                [(Field::SubStatus, substatus), (Field::Win32Status, win32), (Field::Args, "-")];
            check(status, &fields, id);
        }
        check(503, &[(Field::SubStatus, "0")], "iis.without_query");
        check(503, &[(Field::SubStatus, "2")], "iis.concurrency_limit");
    }

    #[test]
    fn the_query_tells_whether_a_member_of_the_farm_answered() {
        for (status, member, win32, id) in [
            (503, "503", "0", "iis.arr_member_503"),
            (503, "500", "0", "iis.arr_member_5xx"),
            (503, "200", "0", "iis.arr_member_rewritten"),
            (502, "502", "0", "iis.arr_member_5xx"),
            (503, "-", "0", "iis.arr_gave_up"),
            (502, "-", "12029", "iis.arr_refused"),
            (502, "-", "2147954429", "iis.arr_refused"),
            (502, "-", "12002", "iis.arr_timeout"),
            (502, "-", "2147954430", "iis.arr_reset"),
            (502, "-", "12007", "iis.arr_dns"),
            (502, "-", "12152", "iis.arr_invalid_response"),
            (502, "-", "12175", "iis.arr_tls"),
            (502, "-", "64", "iis.arr_client_left"),
            (504, "-", "0", "iis.arr_timeout"),
        ] {
            let fields = [
                (Field::ArrLogId, "6"),
                (Field::UpstreamCacheStatus, "0"),
                (Field::UpstreamStatus, member),
                (Field::SubStatus, "3"),
                (Field::Win32Status, win32),
            ];
            check(status, &fields, id);
        }
        let cached = [
            (Field::ArrLogId, "6"),
            (Field::UpstreamCacheStatus, "1"),
            (Field::UpstreamStatus, "-"),
        ];
        check(503, &cached, "iis.arr_cached_503");
        let none = [(Field::ArrLogId, "6"), (Field::UpstreamStatus, "-"), (Field::SubStatus, "4")];
        check(502, &none, "iis.arr_no_server");
    }
}
