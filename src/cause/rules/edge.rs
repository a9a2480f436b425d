//! What Caddy and Traefik say of backends.
//!
//! In: nothing. Out: [`RULES`], part of the cause table. Caddy's messages begin with the name of the logger, as its
//! reader puts them together.
//! Source: Caddy `modules/caddyhttp/reverseproxy/reverseproxy.go`, `healthchecks.go`; Go `net`, `net/http`; Traefik
//! `pkg/healthcheck/healthcheck.go`.

use super::{BASE as NGINX_BASE, CauseRule};
use crate::cause::{ChangeKind, RuleKind, Scope};
use crate::taxonomy::{Cause, Origin, Server};

/// What a row of Caddy's log of failed requests does not say. A failure behind retries is the last one.
const BASE: CauseRule = CauseRule {
    server: Server::Caddy,
    origin: Origin::Proxy,
    kind: RuleKind::FinalFailure,
    status: &[502],
    scope: Scope::UpstreamPeer,
    source: "Caddy reverseproxy.go, statusError; texts of Go net and net/http",
    ..NGINX_BASE
};

/// What a row about a change of a backend or of the server does not say.
const STATE: CauseRule = CauseRule {
    origin: Origin::Unknown,
    status: &[],
    scope: Scope::Name,
    source: "Caddy healthchecks.go",
    ..BASE
};

const FAILED: &[&str] = &["^http.log.error"];
const DIAL: &str = r"(?-u)dial (?:tcp|unix) (?<scope>[^ ]+?):? ";

/// The rows, in order of priority.
pub(super) const RULES: &[CauseRule] = &[
    CauseRule {
        id: "caddy.no_upstreams",
        needles: &[FAILED, &["no upstreams available"]],
        cause: Some(Cause::NoLiveUpstreams),
        status: &[503],
        scope: Scope::None,
        note: "no backend was available",
        example: "http.log.error.log0: no upstreams available",
        ..BASE
    },
    CauseRule {
        id: "caddy.error_directive",
        needles: &[FAILED, &["caddyhttp.StaticError"]],
        cause: Some(Cause::Maintenance),
        origin: Origin::LocalProcess,
        status: &[500, 502, 503, 504],
        scope: Scope::None,
        note: "the directive `error` answered",
        source: "Caddy staticerror.go",
        example: "http.log.error: closed: caddyhttp.StaticError.ServeHTTP (staticerror.go:110)",
        ..BASE
    },
    CauseRule {
        id: "caddy.dial_refused",
        needles: &[FAILED, &["dial "], &["connection refused"]],
        regex: DIAL,
        cause: Some(Cause::UpstreamRefused),
        note: "a backend refused the connection",
        example: "http.log.error: dial tcp 10.0.0.5:8080: connect: connection refused",
        ..BASE
    },
    CauseRule {
        id: "caddy.dial_dns",
        needles: &[FAILED, &["lookup "], &["no such host", "server misbehaving", "i/o timeout"]],
        cause: Some(Cause::UpstreamDns),
        scope: Scope::None,
        note: "the name of a backend did not resolve",
        example: "http.log.error: dial tcp: lookup app on 127.0.0.11:53: no such host",
        ..BASE
    },
    CauseRule {
        id: "caddy.dial_timeout",
        needles: &[
            FAILED,
            &["dial "],
            &["i/o timeout", "connection timed out", "deadline exceeded"],
        ],
        regex: DIAL,
        cause: Some(Cause::UpstreamTimeout),
        status: &[504, 502],
        note: "a backend did not take the connection in time",
        example: "http.log.error: dial tcp 10.0.0.5:8080: i/o timeout",
        ..BASE
    },
    CauseRule {
        id: "caddy.dial_unreachable",
        needles: &[
            FAILED,
            &["dial "],
            &["no route to host", "network is unreachable", "no such file"],
        ],
        regex: DIAL,
        cause: Some(Cause::UpstreamRefused),
        note: "a backend could not be reached",
        example: "http.log.error: dial tcp 10.0.0.5:8080: connect: no route to host",
        ..BASE
    },
    CauseRule {
        id: "caddy.too_many_files",
        needles: &[FAILED, &["too many open files"]],
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        status: &[502, 503],
        scope: Scope::None,
        note: "the process ran out of file descriptors",
        example: "http.log.error: open /srv/index.html: too many open files",
        ..BASE
    },
    CauseRule {
        id: "caddy.response_timeout",
        needles: &[
            FAILED,
            &[
                "timeout awaiting response headers",
                "Client.Timeout",
                "context deadline exceeded",
                "i/o timeout",
            ],
        ],
        cause: Some(Cause::UpstreamTimeout),
        status: &[504],
        scope: Scope::None,
        note: "a backend did not answer in time",
        example: "http.log.error.log0: net/http: timeout awaiting response headers",
        ..BASE
    },
    CauseRule {
        id: "caddy.reset",
        needles: &[
            FAILED,
            &[
                "connection reset by peer",
                ": EOF",
                "unexpected EOF",
                "broken pipe",
                "server closed idle connection",
                "http: server closed",
            ],
        ],
        cause: Some(Cause::UpstreamReset),
        scope: Scope::None,
        note: "a backend closed the connection before it answered",
        example: "http.log.error: read tcp 10.0.0.1:5090->10.0.0.5:8080: read: connection reset by peer",
        ..BASE
    },
    CauseRule {
        id: "caddy.tls",
        needles: &[FAILED, &["x509: ", "tls: ", "remote error: tls"]],
        cause: Some(Cause::UpstreamTls),
        scope: Scope::None,
        note: "the TLS handshake with a backend failed",
        example: "http.log.error: x509: certificate signed by unknown authority",
        ..BASE
    },
    CauseRule {
        id: "caddy.invalid_response",
        needles: &[FAILED, &["malformed HTTP", "invalid header", "http2: ", "too long"]],
        cause: Some(Cause::UpstreamInvalidResponse),
        scope: Scope::None,
        note: "a backend sent something that is not a valid response",
        example: r#"http.log.error: net/http: HTTP/1.x transport connection broken: malformed HTTP status code "abc""#,
        ..BASE
    },
    CauseRule {
        id: "caddy.client_gone",
        needles: &[FAILED, &["context canceled", "aborting with incomplete response"]],
        cause: Some(Cause::ClientAborted),
        origin: Origin::Unknown,
        kind: RuleKind::Late,
        status: &[],
        scope: Scope::None,
        note: "the client left before the response was complete",
        example: "http.log.error: reading: context canceled",
        ..BASE
    },
    CauseRule {
        id: "caddy.health_down",
        needles: &[
            &["^http.handlers.reverse_proxy.health_checker"],
            &[
                "HTTP request failed",
                "unexpected status code",
                "status code out of tolerances",
                "response body failed expectations",
            ],
        ],
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: RuleKind::StateDown { for_s: None },
        scope: Scope::UpstreamPeer,
        note: "an active health check of a backend failed",
        example: r#"http.handlers.reverse_proxy.health_checker.active: HTTP request failed: Get "http://10.0.0.5:8080/health": dial tcp 10.0.0.5:8080: connect: connection refused"#,
        ..STATE
    },
    CauseRule {
        id: "caddy.health_up",
        needles: &[&["^http.handlers.reverse_proxy.health_checker"], &["host is up"]],
        kind: RuleKind::StateUp,
        cause: None,
        scope: Scope::UpstreamPeer,
        note: "a backend passes its health check again",
        example: "http.handlers.reverse_proxy.health_checker.active: host is up",
        ..STATE
    },
    CauseRule {
        id: "caddy.start",
        needles: &[&["^serving initial configuration"]],
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        cause: None,
        scope: Scope::None,
        note: "Caddy started",
        example: "serving initial configuration",
        ..STATE
    },
    CauseRule {
        id: "caddy.stop",
        needles: &[&["^shutdown complete"]],
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        cause: None,
        scope: Scope::None,
        note: "Caddy was stopped",
        example: "shutdown complete",
        ..STATE
    },
    CauseRule {
        id: "traefik.health_down",
        server: Server::Traefik,
        needles: &[&[
            "^Health check failed",
            "^Health check still failing",
            "^Propagating new DOWN status",
        ]],
        origin: Origin::Proxy,
        cause: Some(Cause::HealthCheckFailed),
        kind: RuleKind::StateDown { for_s: None },
        scope: Scope::None,
        note: "a health check took a backend out",
        example: "Health check failed.",
        source: "Traefik pkg/healthcheck/healthcheck.go",
        ..STATE
    },
    CauseRule {
        id: "traefik.health_up",
        server: Server::Traefik,
        needles: &[&["^Health check up", "^Propagating new UP status"]],
        kind: RuleKind::StateUp,
        cause: None,
        scope: Scope::None,
        note: "a backend passes its health check again",
        example: "Health check up: returning to server list.",
        source: "Traefik pkg/healthcheck/healthcheck.go",
        ..STATE
    },
];
