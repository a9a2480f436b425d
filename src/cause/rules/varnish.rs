//! What Varnish says: health of backends, and the end of its child process.
//!
//! In: nothing. Out: [`RULES`], part of the cause table. The reason of a failed fetch (`FetchError`) belongs to its
//! transaction; it is a message where a request to a backend stands alone.
//! Source: Varnish 7.6, the file named per row; `vsl.7`.

use super::{BASE as NGINX_BASE, CauseRule};
use crate::cause::{ChangeKind, RuleKind, Scope};
use crate::taxonomy::{Cause, Origin, Server};

/// What a row does not say.
const BASE: CauseRule = CauseRule { server: Server::Varnish, ..NGINX_BASE };

/// Name, change, state, eight flags, three counts, two times, reply. Before 4.1 the name had the address in it.
const HEALTH: &str = r#"(?-u)^(?<scope>\S+) (?:Went|Still|Back) (?:sick|healthy) [-\w]{8} [0-9]+ [0-9]+ [0-9]+ [0-9.]+ [0-9.]+ ?(?<detail>"[^"]*)?"#;
/// Why a fetch failed: `FetchError backend boot.default: unhealthy`, raw `FetchError     b HTC eof (-1)`.
macro_rules! fetch_error {
    ($why:literal) => {
        concat!(
            r"(?-u)^FetchError +(?:[bc] )?(?:backend (?<scope>[^:]+): |Director (?<director>\S+) )?(?<detail>",
            $why,
            ")"
        )
    };
}
const CHILD: &str = r"(?-u)^Child \((?<scope>[0-9]+)\)";
const SRC_PROBE: &str = "varnish bin/varnishd/cache/cache_backend_probe.c; vsl.7, Backend_health";
const SRC_FETCH: &str =
    "varnish bin/varnishd/cache/cache_fetch.c, cache_backend.c, http1/cache_http1_fetch.c";
const SRC_CHILD: &str = "varnish bin/varnishd/mgt/mgt_child.c";

/// The rows, in order of priority.
pub(super) const RULES: &[CauseRule] = &[
    CauseRule {
        id: "varnish.backend_sick",
        needles: &[&[" Went sick "]],
        regex: HEALTH,
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: RuleKind::StateDown { for_s: None },
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "probes took the backend out",
        example: "boot.default Went sick 4---X-R- 2 3 8 0.000937 0.000000 \"HTTP/1.1 503 Service Unavailable\"",
        source: SRC_PROBE,
        ..BASE
    },
    CauseRule {
        id: "varnish.backend_healthy",
        needles: &[&[" Went healthy ", " Back healthy "]],
        regex: HEALTH,
        kind: RuleKind::StateUp,
        scope: Scope::UpstreamPeer,
        note: "the backend is back",
        example: "boot.default Went healthy 4---X-RH 3 3 8 0.000937 0.000900 \"HTTP/1.1 200 OK\"",
        source: SRC_PROBE,
        ..BASE
    },
    CauseRule {
        id: "varnish.backend_still_sick",
        needles: &[&[" Still sick "]],
        regex: HEALTH,
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "a probe of a backend that is out failed",
        example: "sick Still sick 4---X-R- 0 3 8 0.000937 0.000000 \"HTTP/1.1 503 Service Unavailable\"",
        source: SRC_PROBE,
        ..BASE
    },
    CauseRule {
        id: "varnish.backend_still_healthy",
        needles: &[&[" Still healthy "]],
        regex: HEALTH,
        note: "a probe of the backend passed",
        example: "boot.default Still healthy 4---X-RH 8 3 8 0.000937 0.000900 \"HTTP/1.1 200 OK\"",
        source: SRC_PROBE,
        ..BASE
    },
    // Why a fetch failed. The last failure of a fetch is followed by the page that Varnish makes.
    CauseRule {
        id: "varnish.fetch_no_live_backend",
        needles: &[&["^FetchError "], &["unhealthy", "returned no backend", "No backend"]],
        regex: fetch_error!("unhealthy|returned no backend|No backend"),
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "every backend was sick",
        example: "FetchError backend boot.default: unhealthy",
        source: SRC_FETCH,
        ..BASE
    },
    CauseRule {
        id: "varnish.fetch_refused",
        needles: &[
            &["^FetchError "],
            &["fail errno 111", "fail errno 113", "fail errno 101", "Connection refused"],
        ],
        regex: fetch_error!("fail errno (?:111|113|101)|.*Connection refused"),
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend refused the connection",
        example: "FetchError backend boot.default: fail errno 111 (Connection refused)",
        source: SRC_FETCH,
        ..BASE
    },
    CauseRule {
        id: "varnish.fetch_connect_timeout",
        needles: &[&["^FetchError "], &["fail errno 110"]],
        regex: fetch_error!("fail errno 110"),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the connection to the backend timed out",
        example: "FetchError backend boot.default: fail errno 110 (Connection timed out)",
        source: SRC_FETCH,
        ..BASE
    },
    CauseRule {
        id: "varnish.fetch_no_port",
        needles: &[&["^FetchError "], &["fail errno 99"]],
        regex: fetch_error!("fail errno 99"),
        cause: Some(Cause::PortExhausted),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "no local port was free for a connection to the backend",
        example: "FetchError backend boot.default: fail errno 99 (Cannot assign requested address)",
        source: SRC_FETCH,
        ..BASE
    },
    CauseRule {
        id: "varnish.fetch_no_fd",
        needles: &[&["^FetchError "], &["fail errno 24", "fail errno 23"]],
        regex: fetch_error!("fail errno 2[34]"),
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "no file descriptor was free for a connection to the backend",
        example: "FetchError backend boot.default: fail errno 24 (Too many open files)",
        source: SRC_FETCH,
        ..BASE
    },
    CauseRule {
        id: "varnish.fetch_held_down",
        needles: &[&["^FetchError "], &[": fail errno 0 "]],
        regex: fetch_error!("fail errno 0 "),
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend had just refused a connection, and Varnish tried no other for a moment",
        example: "FetchError backend boot.default: fail errno 0 (Success)",
        source: "cache_conn_pool.c, VCP_Open: errno 0 while the pool holds a backend down",
        ..BASE
    },
    CauseRule {
        id: "varnish.fetch_connect_failed",
        needles: &[&["^FetchError "], &[": fail errno "]],
        regex: fetch_error!("fail errno [0-9]+"),
        cause: None,
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the connection to the backend failed",
        example: "FetchError backend boot.default: fail errno 5 (Input/output error)",
        source: SRC_FETCH,
        ..BASE
    },
    CauseRule {
        id: "varnish.fetch_no_connection",
        needles: &[&["^FetchError "], &["no backend connection"]],
        regex: fetch_error!("no backend connection"),
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "no backend took a connection: sick, refused, or at max_connections",
        example: "FetchError no backend connection",
        source: "varnish 3 and 4 bin/varnishd/cache/cache_backend.c, cache_fetch.c",
        ..BASE
    },
    CauseRule {
        id: "varnish.fetch_busy",
        needles: &[&["^FetchError "], &[": busy"]],
        regex: fetch_error!("busy"),
        cause: Some(Cause::ConnectionLimit),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend has max_connections connections",
        example: "FetchError backend boot.default: busy",
        source: SRC_FETCH,
        ..BASE
    },
    CauseRule {
        id: "varnish.fetch_timeout",
        needles: &[&["^FetchError "], &["timeout"]],
        regex: fetch_error!("(?:first byte |between bytes )?timeout"),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend did not answer in time",
        example: "FetchError first byte timeout",
        source: SRC_FETCH,
        ..BASE
    },
    CauseRule {
        id: "varnish.fetch_request_body",
        needles: &[&["^FetchError "], &["req.body read error: "]],
        cause: Some(Cause::ClientAborted),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        note: "the client did not send all of its request",
        example: "FetchError req.body read error: 11 (Resource temporarily unavailable)",
        source: SRC_FETCH,
        ..BASE
    },
    // Varnish up to 4.0: the result and the number of the error of a read, 11 where its time was up.
    CauseRule {
        id: "varnish.fetch_read_timeout",
        needles: &[
            &["^FetchError "],
            &["read error: -1 11", "read_error: 11", "read_error: -1 11"],
        ],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend did not answer in time",
        example: "FetchError   c http first read error: -1 11 (No error recorded)",
        source: "varnish 3 bin/varnishd/cache_fetch.c (http first read error: %d %d)",
        ..BASE
    },
    CauseRule {
        id: "varnish.fetch_read_error",
        needles: &[&["^FetchError "], &["read error: ", "read_error: "]],
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend closed the connection before its answer",
        example: "FetchError   c http first read error: EOF",
        source: "varnish 3 and 4.0 bin/varnishd/cache_fetch.c",
        ..BASE
    },
    CauseRule {
        id: "varnish.fetch_reset",
        needles: &[
            &["^FetchError "],
            &["HTC eof", "backend closed", "HTC idle", "HTC junk", "HTC error"],
        ],
        regex: fetch_error!("HTC (?:eof|idle|error)|backend closed"),
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend closed the connection before its answer",
        example: "FetchError HTC eof (-1)",
        source: SRC_FETCH,
        ..BASE
    },
    CauseRule {
        id: "varnish.fetch_invalid",
        needles: &[
            &["^FetchError "],
            &[
                "http format error",
                "Received junk",
                "overflow",
                "HTC junk",
                "Invalid",
                "insufficient bytes",
                "chunked",
            ],
        ],
        regex: fetch_error!(
            "(?:http format error|.*[Rr]eceived junk|.*overflow|HTC junk|Invalid|straight insufficient bytes|chunked)"
        ),
        cause: Some(Cause::UpstreamInvalidResponse),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend sent what is no valid response",
        example: "FetchError http format error",
        source: SRC_FETCH,
        ..BASE
    },
    CauseRule {
        id: "varnish.fetch_no_storage",
        needles: &[&["^FetchError "], &["Could not get storage", "out of storage", "workspace"]],
        regex: fetch_error!("(?:Could not get storage|.*out of storage|.*workspace)"),
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "Varnish had no room for the object",
        example: "FetchError Could not get storage",
        source: SRC_FETCH,
        ..BASE
    },
    CauseRule {
        id: "varnish.backend_answered_503",
        needles: &[&["^BerespStatus "], &["503"]],
        regex: r"(?-u)^BerespStatus +(?:b )?503$",
        cause: Some(Cause::Upstream503),
        origin: Origin::Upstream,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend answered 503",
        example: "BerespStatus 503",
        source: "varnish vsl.7, BerespStatus",
        ..BASE
    },
    CauseRule {
        id: "varnish.child_died",
        needles: &[
            &["^Child ("],
            &[") died signal=", ") Panic", ") not responding to CLI, killing it", ") died status="],
        ],
        regex: CHILD,
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Process,
        note: "the child process of Varnish died: the cache starts empty",
        example: "Child (2342) died signal=6",
        source: SRC_CHILD,
        ..BASE
    },
    CauseRule {
        id: "varnish.child_started",
        needles: &[&["^Child ("], &[") Started", ") said Child starts"]],
        regex: CHILD,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        scope: Scope::Process,
        note: "the child process of Varnish started",
        example: "Child (2342) Started",
        source: SRC_CHILD,
        ..BASE
    },
];
