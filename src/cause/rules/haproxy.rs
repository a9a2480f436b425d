//! What `HAProxy` says of servers, backends, limits and its own processes, and of sessions in TCP mode that failed.
//!
//! In: nothing. Out: [`RULES`], part of the cause table. A server is named with its backend: `be/srv`.
//! Source: `HAProxy` 2.6 to 3.3, the file named per row; `doc/configuration.txt`, section 8.5 (termination states).

use super::{BASE as NGINX_BASE, CauseRule};
use crate::cause::{ChangeKind, RuleKind, Scope};
use crate::taxonomy::{Cause, Origin, Server};

/// What a row does not say.
const BASE: CauseRule = CauseRule { server: Server::Haproxy, ..NGINX_BASE };

const DOWN: RuleKind = RuleKind::StateDown { for_s: None };
const SERVER: &str = r"(?-u)^(?:Backup )?Server (?<scope>\S+/\S+) ";
const DOWN_FOR: &str =
    r"(?-u)^(?:Backup )?Server (?<scope>\S+/\S+) is DOWN(?:, reason: (?<detail>[^,]+?)(?:,|\.|$))?";
const CHECKED: &str =
    r"(?-u)^Health check for (?:backup )?server (?<scope>\S+/\S+) failed, reason: (?<detail>[^,]+)";
const PROXY: &str = r"(?-u)^Proxy (?<scope>\S+) ";
const SRC_SERVER: &str = "haproxy src/server.c";
const SRC_CHECK: &str = "haproxy src/check.c";
const SRC_PROXY: &str = "haproxy src/proxy.c, src/haproxy.c";
const SRC_SOCK: &str = "haproxy src/sock.c (sock_accept_conn)";
const SRC_MASTER: &str = "haproxy src/mworker.c";
const SRC_SESSION: &str = "haproxy doc/configuration.txt, 8.2.2 and 8.5";

/// A session: backend and server, timers, bytes or status, state, connections, queues. It has no connection to a server: the connect
/// time, second of three timers or third of five, is -1.
macro_rules! session {
    ($server:literal, $state:literal, $retries:literal) => {
        concat!(
            r"(?-u)^(?:\S+ ",
            $server,
            r" )?",
            r"(?:-?[0-9]+/-1/ *\+?-?[0-9]+|-?[0-9]+/ *-?[0-9]+/ *-1/ *-1/ *\+?-?[0-9]+)",
            r" (?:\+?[0-9]+ |-1 )+(?:\S+ \S+ )?(?<detail>",
            $state,
            r"(?:[A-Z-]{2})?) [0-9]+/[0-9]+/[0-9]+/[0-9]+/",
            $retries,
            r" [0-9]+/[0-9]+(?: |$)"
        )
    };
}

/// The rows, in order of priority.
pub(super) const RULES: &[CauseRule] = &[
    CauseRule {
        id: "haproxy.no_server_available",
        needles: &[&[" has no server available"]],
        regex: r"(?-u)^(?:SIGHUP: )?(?i:backend|proxy|listener) '?(?<scope>[^' ]+)'? has no server available",
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: DOWN,
        status: &[503],
        scope: Scope::UpstreamGroup,
        note: "the last server of the backend went down",
        example: "backend be_app has no server available!",
        source: SRC_SERVER,
        ..BASE
    },
    CauseRule {
        id: "haproxy.server_without_address",
        needles: &[
            &["^Server ", "^Backup Server "],
            &[
                "No IP for server",
                "DNS NX status",
                "DNS timeout status",
                "DNS refused status",
                "DNS unspecified error",
                "entry removed from SRV record",
            ],
        ],
        regex: SERVER,
        cause: Some(Cause::UpstreamDns),
        origin: Origin::Proxy,
        kind: DOWN,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the name of the server does not resolve any more: it was taken out",
        example: "Server be_app/app1 is going DOWN for maintenance (DNS timeout status). 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
        source: SRC_SERVER,
        ..BASE
    },
    CauseRule {
        id: "haproxy.server_maintenance",
        needles: &[
            &["^Server ", "^Backup Server "],
            &[
                " is going DOWN for maintenance",
                "enters maintenance",
                " remains in forced maintenance",
            ],
        ],
        regex: SERVER,
        cause: Some(Cause::Maintenance),
        origin: Origin::Proxy,
        kind: DOWN,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "an operator put the server into maintenance",
        example: "Server maintflag/m1 is going DOWN for maintenance. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
        source: SRC_SERVER,
        ..BASE
    },
    CauseRule {
        id: "haproxy.server_drain",
        needles: &[
            &["^Server ", "^Backup Server "],
            &["enters drain state", "remains in drain", "remains in forced drain", " is stopping"],
        ],
        regex: SERVER,
        cause: Some(Cause::Draining),
        origin: Origin::Proxy,
        kind: DOWN,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the server is drained: it gets no new requests",
        example: "Server be_app/app1 enters drain state. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
        source: SRC_SERVER,
        ..BASE
    },
    CauseRule {
        id: "haproxy.server_down",
        needles: &[&["^Server ", "^Backup Server "], &[" is DOWN", " is going DOWN"]],
        regex: DOWN_FOR,
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: DOWN,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "health checks took the server out",
        example: "Server be_app/app2 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
        source: SRC_SERVER,
        ..BASE
    },
    CauseRule {
        id: "haproxy.server_without_backend_down",
        needles: &[&["^Server ", "^Backup Server "], &[" is DOWN, reason: Layer"]],
        regex: r"(?-u)^(?:Backup )?Server (?<scope>\S+) is DOWN, reason: (?<detail>Layer[0-9]\w* [a-z ]+)",
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: DOWN,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "health checks took the server out",
        example: "Server app2 is DOWN, reason: Layer4 timeout, check duration: 10001ms. 0 active and 0 backup servers left.",
        source: SRC_CHECK,
        ..BASE
    },
    CauseRule {
        id: "haproxy.server_up",
        needles: &[
            &["^Server ", "^Backup Server "],
            &[" is UP", " is READY", "leaving forced drain"],
        ],
        regex: SERVER,
        kind: RuleKind::StateUp,
        scope: Scope::UpstreamPeer,
        note: "the server is back",
        example: "Server be_app/app1 is UP, reason: Layer7 check passed, code: 200, check duration: 0ms. 2 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.",
        source: SRC_SERVER,
        ..BASE
    },
    CauseRule {
        id: "haproxy.health_check_failed",
        needles: &[&["^Health check for "], &[" failed, reason: "]],
        regex: CHECKED,
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "a health check of the server failed",
        example: "Health check for server down/s1 failed, reason: Layer7 wrong status, code: 503, info: \"Service Unavailable\", check duration: 1ms, status: 0/2 DOWN.",
        source: SRC_CHECK,
        ..BASE
    },
    CauseRule {
        id: "haproxy.health_check_passed",
        needles: &[&["^Health check for "], &[" succeeded, reason: ", " passed, reason: "]],
        note: "a health check of the server passed",
        example: "Health check for server down/s1 succeeded, reason: Layer7 check passed, code: 200, check duration: 0ms, status: 3/3 UP.",
        source: SRC_CHECK,
        ..BASE
    },
    CauseRule {
        id: "haproxy.maxconn_reached",
        needles: &[&["^Proxy "], &[" reached the configured maximum connection limit"]],
        regex: PROXY,
        cause: Some(Cause::ConnectionLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        status: &[503],
        scope: Scope::Name,
        note: "the global maxconn is reached: new connections wait unseen",
        example: "Proxy fe_web reached the configured maximum connection limit. Please check the global 'maxconn' value.",
        source: SRC_SOCK,
        ..BASE
    },
    CauseRule {
        id: "haproxy.fd_limit",
        needles: &[&["^Proxy "], &[" reached system FD limit", " reached process FD limit"]],
        regex: PROXY,
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        status: &[503],
        scope: Scope::Name,
        note: "no file descriptor was free for a connection",
        example: "Proxy fe_web reached process FD limit (maxsock=4123). Please check 'ulimit-n' and restart.",
        source: SRC_SOCK,
        ..BASE
    },
    CauseRule {
        id: "haproxy.memory_limit",
        needles: &[&["^Proxy "], &[" reached system memory limit"]],
        regex: PROXY,
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        status: &[503],
        scope: Scope::Name,
        note: "the system had no memory for a connection",
        example: "Proxy fe_web reached system memory limit (actconn=812). Please check system tunables.",
        source: SRC_SOCK,
        ..BASE
    },
    CauseRule {
        id: "haproxy.worker_crashed",
        needles: &[
            &["^Current worker "],
            &[
                "exited with code 134",
                "exited with code 137",
                "exited with code 139",
                "exited with code 1 ",
            ],
        ],
        regex: r"(?-u)exited with code (?<detail>[0-9]+)",
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        status: &[],
        note: "the worker process of HAProxy died",
        example: "Current worker (1234) exited with code 139 (Segmentation fault)",
        source: SRC_MASTER,
        ..BASE
    },
    CauseRule {
        id: "haproxy.configuration_refused",
        needles: &[&[
            "Fatal errors found in configuration.",
            "Error(s) found in configuration file",
            "Failed to load worker",
            "Some configuration options require full privileges",
        ]],
        regex: r"(?-u)^(?:Fatal errors found in configuration|Error\(s\) found in configuration file|Failed to load worker|.* config )",
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::ConfigError),
        note: "the configuration was refused",
        example: "Fatal errors found in configuration.",
        source: "haproxy src/haproxy.c, src/cfgparse.c",
        ..BASE
    },
    CauseRule {
        id: "haproxy.bind_failed",
        needles: &[
            &["^Starting proxy ", "^Starting frontend ", "^Binding "],
            &["cannot bind socket", "cannot listen to socket", "cannot bind UNIX socket"],
        ],
        regex: r"(?-u)^(?:Starting (?:proxy|frontend)|Binding .* for (?:proxy|frontend)) (?<scope>[^\s:]+)",
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "the address is taken, or may not be used: HAProxy does not start",
        example: "Starting proxy fe_web: cannot bind socket [0.0.0.0:80]",
        source: "haproxy src/proxy.c, protocol.c, proto_tcp.c",
        ..BASE
    },
    CauseRule {
        id: "haproxy.reload",
        needles: &[&["^Reexecuting Master process", "^Reloading HAProxy"]],
        kind: RuleKind::Lifecycle(ChangeKind::ConfigReload),
        note: "HAProxy reads its configuration again",
        example: "Reexecuting Master process",
        source: SRC_MASTER,
        ..BASE
    },
    CauseRule {
        id: "haproxy.start",
        needles: &[&["^Proxy ", "^New worker "], &[" started.", " forked"]],
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        note: "HAProxy started",
        example: "Proxy prod_http_in started.",
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "haproxy.stop",
        needles: &[
            &["^Stopping ", "^Proxy ", "^Exiting Master process", "^All workers exited. Exiting"],
            &[" ms.", " stopped", "process", "..."],
        ],
        regex: r"(?-u)^(?:Stopping (?:frontend|backend|proxy) \S+ in [0-9]+ ms|Proxy \S+ stopped|Exiting Master process|All workers exited)",
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        note: "HAProxy stops serving",
        example: "Stopping frontend fe_web in 0 ms.",
        source: SRC_PROXY,
        ..BASE
    },
    // A client that fails in the TLS handshake, or in the PROXY protocol, never made a request.
    CauseRule {
        id: "haproxy.client_handshake",
        needles: &[&[
            "^SSL handshake failure",
            "^Connection closed during SSL handshake",
            "^Timeout during SSL handshake",
            "^Connection error during SSL handshake",
            "^Received something which does not look like a PROXY protocol header",
            "^Connection closed while waiting for PROXY protocol header",
            "^Timeout while waiting for PROXY protocol header",
        ]],
        note: "a client failed before its request",
        example: "SSL handshake failure",
        source: "haproxy src/connection.c (conn_err_code_str)",
        ..BASE
    },
    // Sessions in TCP mode, and lines in HTTP mode that lost their start.
    CauseRule {
        id: "haproxy.session_without_server",
        needles: &[&["/<NOSRV> "], &[" SC "]],
        regex: session!(r"(?<scope>\S+)/<NOSRV>", "SC", r"\+?[0-9]+"),
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        status: &[503],
        scope: Scope::UpstreamGroup,
        note: "no server of the backend was up",
        example: "tcp_in be_db/<NOSRV> 0/-1/0 0 SC 1/1/0/0/0 0/0",
        source: SRC_SESSION,
        ..BASE
    },
    CauseRule {
        id: "haproxy.session_refused",
        needles: &[&["/-1/", "/ -1/"], &[" SC"]],
        regex: session!(r"(?<scope>[^\s/]+/[^\s<]\S*)", "SC", r"\+?[1-9][0-9]*"),
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "no server could be connected, also after retries",
        example: "fe_db be_db/db1 9998/-1/12140 213 SC 0/0/0/0/3 0/0",
        source: SRC_SESSION,
        ..BASE
    },
    CauseRule {
        id: "haproxy.session_connect_timeout",
        needles: &[&["/-1/", "/ -1/"], &[" sC"]],
        regex: session!(r"(?<scope>[^\s/]+/[^\s<]\S*)", "sC", r"\+?[0-9]+"),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the connection to the server timed out",
        example: "fe_db be_db/db1 0/-1/5001 0 sC 1/1/0/0/1 0/0",
        source: SRC_SESSION,
        ..BASE
    },
    CauseRule {
        id: "haproxy.session_queue_timeout",
        needles: &[&["/-1/", "/ -1/"], &[" sQ", " SQ"]],
        regex: session!(r"(?<scope>\S+)", "[sS]Q", r"\+?[0-9]+"),
        cause: Some(Cause::RequestQueueTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the session waited too long for a free server",
        example: "fe_db be_db/<NOSRV> 700/-1/700 0 sQ 1/1/0/0/0 0/1",
        source: SRC_SESSION,
        ..BASE
    },
];
