//! What lighttpd says: its gateway to backends, processes that it starts, limits, and its own life.
//!
//! In: nothing. Out: [`RULES`], part of the cause table. No message names a request by more than its path, so none is
//! joined to an entry: those that explain one are counted beside the entries of their time. lighttpd prints the words of
//! an error, not its number. What applications write (`FastCGI-stderr: `) is left to their rows.
//! Source: lighttpd 1.4.35, 1.4.45, 1.4.53, 1.4.59, 1.4.71 and 1.4.85, the file named per row.

use super::{BASE as NGINX_BASE, CauseRule};
use crate::cause::{ChangeKind, RuleKind, Scope};
use crate::taxonomy::{Cause, Origin, Server};

/// What a row does not say.
const BASE: CauseRule = CauseRule { server: Server::Lighttpd, ..NGINX_BASE };

/// The backend, where the message names its socket.
const SOCKET: &str = r"(?m-u)^(?:.*?\bsocket: (?:tcp:)?(?<scope>\S+?)(?:: | |:?$))?";
const SRC_CONNECT: &str =
    "lighttpd gw_backend.c (gw_proc_connect_error); mod_fastcgi.c until 1.4.45";
const SRC_HOST: &str = "lighttpd gw_backend.c (gw_host_get); mod_fastcgi.c until 1.4.45";
const SRC_ENABLE: &str =
    "lighttpd gw_backend.c (gw_proc_check_enable); mod_fastcgi.c, mod_proxy.c until 1.4.45";
const SRC_OLD_PROXY: &str = "lighttpd 1.4.45 mod_proxy.c";
const SRC_WRITE: &str = "lighttpd gw_backend.c (gw_write_request, gw_write_error)";
const SRC_RECV: &str = "lighttpd gw_backend.c (gw_recv_response_error, gw_process_fdevent); mod_fastcgi.c until 1.4.45";
const SRC_TIMEOUT: &str = "lighttpd gw_backend.c (gw_handle_trigger_hctx_timeout)";
const SRC_CHILD: &str =
    "lighttpd gw_backend.c (gw_proc_waitpid_log, gw_restart_dead_proc); mod_fastcgi.c until 1.4.45";
const SRC_SERVER: &str = "lighttpd server.c";
const SRC_H1: &str = "lighttpd h1.c (h1_check_timeout); connections.c, server.c before";
const SRC_AUTH: &str = "lighttpd mod_auth.c; http_auth.c before";

/// The rows, in order of priority.
pub(super) const RULES: &[CauseRule] = &[
    // No connection to a backend. It is left alone for `disable-time` (1 s), and the request tries the others.
    CauseRule {
        id: "lighttpd.connect_timeout",
        needles: &[&["^establishing connection failed:"], &["timed out"]],
        regex: SOCKET,
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend did not accept the connection in time",
        example: "establishing connection failed: socket: tcp:10.0.0.7:8080: Connection timed out",
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.connect_no_port",
        needles: &[&["^establishing connection failed:"], &["Cannot assign requested address"]],
        regex: SOCKET,
        cause: Some(Cause::PortExhausted),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "no local port was free for the connection",
        example: "establishing connection failed: socket: tcp:10.0.0.7:8080: Cannot assign requested address",
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.connect_denied",
        needles: &[&["^establishing connection failed:"], &["Permission denied"]],
        regex: SOCKET,
        cause: Some(Cause::ConfigPermission),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the socket of the backend may not be opened",
        example: "establishing connection failed: socket: unix:/run/php.sock: Permission denied",
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.connect_queue_full",
        needles: &[&["^establishing connection failed:"], &["Resource temporarily unavailable"]],
        regex: SOCKET,
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the queue of the backend's socket is full",
        example: "establishing connection failed: Resource temporarily unavailable socket: unix:/run/php.sock-0",
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.connect_refused",
        needles: &[
            &["^establishing connection failed:"],
            &["Connection refused", "No such file or directory"],
        ],
        regex: SOCKET,
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend refused the connection, or its socket is not there",
        example: "establishing connection failed: socket: tcp:127.0.0.1:8080: Connection refused",
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.connect_failed",
        needles: &[&["^establishing connection failed:"]],
        regex: SOCKET,
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "no connection to the backend",
        example: "establishing connection failed: socket: tcp:10.0.0.7:8080: No route to host",
        source: SRC_CONNECT,
        ..BASE
    },
    // Written once per outage: further requests get their 503 without a line.
    CauseRule {
        id: "lighttpd.all_down",
        needles: &[&["^all handlers for "], &[" are down."]],
        regex: r"(?-u) on (?<scope>\S*) are down\.",
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamGroup,
        note: "every backend for the path or extension is left alone after failures",
        example: "all handlers for /a.php?b=1 on .php are down.",
        source: SRC_HOST,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.proxy_disabled",
        needles: &[&["^proxy-server disabled:"]],
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::StateDown { for_s: Some(5) },
        status: &[503],
        note: "mod_proxy leaves the backend alone for 5 s",
        example: "proxy-server disabled: 127.0.0.1 8080 12",
        source: SRC_OLD_PROXY,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.backend_overloaded",
        needles: &[&[
            "^backend is overloaded; we'll disable it for",
            "^backend error; we'll disable for",
        ]],
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        status: &[503],
        note: "the backend is left alone for a while",
        example: "backend error; we'll disable for 1secs and send the request to another backend instead:load: 4",
        source: SRC_CONNECT,
        ..BASE
    },
    // The pause is over. Whether the backend is back only the next request shows.
    CauseRule {
        id: "lighttpd.backend_enabled",
        needles: &[&["^gw-server re-enabled:", "^fcgi-server re-enabled:", "^proxy - re-enabled:"]],
        note: "the pause after a failed connection is over",
        example: "gw-server re-enabled: tcp:127.0.0.1:8080 127.0.0.1 8080 ",
        source: SRC_ENABLE,
        ..BASE
    },
    // A backend that broke off.
    CauseRule {
        id: "lighttpd.dropped",
        needles: &[&["^connection was dropped after accept()"]],
        regex: SOCKET,
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend closed the connection before it had the request",
        example: "connection was dropped after accept() (perhaps the gw process died), write-offset: 0 socket: tcp:127.0.0.1:8080",
        source: SRC_WRITE,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.late_reset",
        needles: &[&[
            "^terminating connection; response already sent out",
            "^response already sent out",
        ]],
        regex: SOCKET,
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Late,
        scope: Scope::UpstreamPeer,
        note: "the backend broke off within its response",
        example: "terminating connection; response already sent out, but backend returned error on socket: tcp:127.0.0.1:8080 (pid:0) for ex.test /a?",
        source: SRC_RECV,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.retried",
        needles: &[&[
            "^reconnecting; response not received",
            "^response not received, request not sent",
        ]],
        regex: SOCKET,
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        scope: Scope::UpstreamPeer,
        note: "the backend closed the connection; another try follows",
        example: "reconnecting; response not received, request not sent on socket: tcp:127.0.0.1:8080 (pid:0) for ex.test /a?",
        source: SRC_RECV,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.reset",
        needles: &[&[
            "^closing connection; response not received",
            "^response not received, request sent",
            "^unexpected end-of-file (perhaps the fastcgi process died)",
        ]],
        regex: SOCKET,
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[500],
        scope: Scope::UpstreamPeer,
        note: "the backend closed the connection without a response",
        example: "closing connection; response not received, but request sent on socket: tcp:127.0.0.1:8080 (pid:0) for ex.test /a?b=1",
        source: SRC_RECV,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.unexpected_close",
        needles: &[&[
            "^error: unexpected close of gw connection for ",
            "^error: unexpected close of fastcgi connection for ",
        ]],
        regex: SOCKET,
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        scope: Scope::UpstreamPeer,
        note: "the backend closed the connection before it answered",
        example: "error: unexpected close of gw connection for /a? (no gw process on socket: tcp:127.0.0.1:8080 ?) 4",
        source: SRC_RECV,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.timeout",
        needles: &[&["^read timeout on socket:", "^write timeout on socket:"]],
        regex: SOCKET,
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[504],
        scope: Scope::UpstreamPeer,
        note: "the backend did not answer, or take the request, in time",
        example: "read timeout on socket: tcp:127.0.0.1:8080 (fd: 12)",
        source: SRC_TIMEOUT,
        ..BASE
    },
    // Limits of lighttpd itself.
    CauseRule {
        id: "lighttpd.no_fd",
        needles: &[
            &["^socket() failed (cur_fds:"],
            &["Too many open files", "Bad file descriptor"],
        ],
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Failure,
        status: &[503],
        note: "no file descriptor was free for the connection to the backend",
        example: "socket() failed (cur_fds:1024) (max_fds:1024): Too many open files",
        source: SRC_WRITE,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.sockets_off_fds",
        needles: &[&["^[note] sockets disabled, out-of-fds"]],
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "no connection is accepted: file descriptors ran out",
        example: "[note] sockets disabled, out-of-fds",
        source: SRC_SERVER,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.sockets_off_limit",
        needles: &[&["^[note] sockets disabled, connection limit reached"]],
        cause: Some(Cause::ConnectionLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "no connection is accepted: server.max-connections is reached",
        example: "[note] sockets disabled, connection limit reached",
        source: SRC_SERVER,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.sockets_on",
        needles: &[&["^[note] sockets enabled again"]],
        note: "connections are accepted again",
        example: "[note] sockets enabled again",
        source: SRC_SERVER,
        ..BASE
    },
    // Backends that lighttpd starts itself. They end in order after PHP_FCGI_MAX_REQUESTS.
    CauseRule {
        id: "lighttpd.child_ended",
        needles: &[&["^child exited: 0 "]],
        note: "a backend process ended in order",
        example: "child exited: 0 unix:/run/php.sock-0",
        source: SRC_CHILD,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.child_exited",
        needles: &[&["^child exited: ", "^child exited with status ", "^child died somehow:"]],
        regex: r"(?-u)^child [a-z ]+:? (?<detail>[0-9]+)",
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        note: "a backend process died",
        example: "child exited: 255 unix:/run/php.sock-0",
        source: SRC_CHILD,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.child_killed",
        needles: &[&["^child signalled: ", "^child signaled: "]],
        regex: r"(?-u)^child signall?ed: (?<detail>[0-9]+)",
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        note: "a signal ended a backend process",
        example: "child signalled: 11",
        source: SRC_CHILD,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.spawn_failed",
        needles: &[&[
            "^ERROR: spawning ",
            "^[ERROR]: spawning ",
            "^respawning failed, will retry later",
            "^the fastcgi-backend ",
        ]],
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "a backend process could not be started",
        example: "ERROR: spawning gw failed.",
        source: SRC_CHILD,
        ..BASE
    },
    // Life of the server.
    CauseRule {
        id: "lighttpd.start_failed",
        needles: &[&[
            "^Initialization of plugins failed",
            "^Configuration of plugins failed",
            "^Opening errorlog failed",
            "^setting default values failed",
            "^Configuration contains unsupported keys",
        ]],
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::StartFailure),
        note: "the server could not start",
        example: "Configuration of plugins failed. Going down.",
        source: SRC_SERVER,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.start",
        needles: &[&["^server started"]],
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        note: "the server started",
        example: "server started (lighttpd/1.4.82)",
        source: SRC_SERVER,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.stop",
        needles: &[&["^server stopped", "^[note] graceful shutdown started"]],
        cause: Some(Cause::ServiceStopped),
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        note: "the server stopped",
        example: "server stopped by UID = 0 PID = 1",
        source: SRC_SERVER,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.logs_cycled",
        needles: &[&["^logfiles cycled"]],
        kind: RuleKind::Lifecycle(ChangeKind::LogRotation),
        note: "the log files were reopened",
        example: "logfiles cycled UID = 0 PID = 812",
        source: SRC_SERVER,
        ..BASE
    },
    // Clients.
    CauseRule {
        id: "lighttpd.client_timeout",
        needles: &[&["^NOTE: a request "], &[" timed out after writing "]],
        cause: Some(Cause::ClientAborted),
        kind: RuleKind::Late,
        note: "the client took its response too slowly",
        example: "NOTE: a request from 192.0.2.7 for /a timed out after writing 65536 bytes. We waited 360 seconds. If this is a problem, increase server.max-write-idle",
        source: SRC_H1,
        ..BASE
    },
    CauseRule {
        id: "lighttpd.login_failed",
        needles: &[&["^password doesn't match for ", "^digest: ", "^get_password failed"]],
        note: "a login failed",
        example: "password doesn't match for /a username: u IP: 192.0.2.7",
        source: SRC_AUTH,
        ..BASE
    },
];

#[cfg(test)]
mod tests {
    use crate::cause::CauseMatcher;
    use crate::record::ErrorRecord;

    /// The message belongs to the row, and is about this.
    #[track_caller]
    fn check(message: &str, id: &str, scope: &str) {
        let matcher = CauseMatcher::built_in();
        let record = ErrorRecord { message: message.as_bytes(), ..ErrorRecord::default() };
        let found = matcher.match_message(&record).expect(message);
        let rule = matcher.rule(found.rule).expect("just found");
        assert_eq!((&*rule.id, &*String::from_utf8_lossy(found.scope)), (id, scope), "{message}");
    }

    #[test]
    fn the_backend_is_found_in_the_words_of_all_releases() {
        let refused = "lighttpd.connect_refused";
        let start = "establishing connection failed:";
        check(&format!("{start} socket: tcp:[::1]:80: Connection refused"), refused, "[::1]:80");
        check(
            &format!("{start} socket: unix:/run/a.sock: No such file or directory"),
            refused,
            "unix:/run/a.sock",
        );
        check(
            &format!("{start} Connection refused socket: tcp:127.0.0.1:9000"),
            refused,
            "127.0.0.1:9000",
        );
        check(&format!("{start} Connection refused port: 8080"), refused, "");
        check(
            "response not received, request sent: 412 on socket: unix:/run/a.sock-0 for /a?socket: tcp:6.6.6.6:1 , closing connection",
            "lighttpd.reset",
            "unix:/run/a.sock-0",
        );
        check("all handlers for /? on  are down.", "lighttpd.all_down", "");
        check("child exited: 0 unix:/run/a.sock-0", "lighttpd.child_ended", "");
        check("child exited: 1 unix:/run/a.sock-0", "lighttpd.child_exited", "");
    }
}
