//! What Varnish says: health of backends, and the end of its child process.
//!
//! In: nothing. Out: [`RULES`], part of the cause table. The reason of a failed fetch (`FetchError`) belongs to its
//! transaction, and is a field of it.
//! Source: Varnish 7.6, the file named per row; `vsl.7`.

use super::{BASE as NGINX_BASE, CauseRule};
use crate::cause::{ChangeKind, RuleKind, Scope};
use crate::taxonomy::{Cause, Origin, Server};

/// What a row does not say.
const BASE: CauseRule = CauseRule { server: Server::Varnish, ..NGINX_BASE };

/// Name, change, state, eight flags, three counts, two times, reply. Before 4.1 the name had the address in it.
const HEALTH: &str = r#"(?-u)^(?<scope>\S+) (?:Went|Still|Back) (?:sick|healthy) [-\w]{8} [0-9]+ [0-9]+ [0-9]+ [0-9.]+ [0-9.]+ ?(?<detail>"[^"]*)?"#;
const CHILD: &str = r"(?-u)^Child \((?<scope>[0-9]+)\)";
const SRC_PROBE: &str = "varnish bin/varnishd/cache/cache_backend_probe.c; vsl.7, Backend_health";
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
