//! What gateways and proxies say in logs of their own when a backend fails: Envoy, Traefik, Caddy 1, proxies in Go, Node,
//! Java and .NET, Linkerd.
//!
//! In: nothing. Out: [`RULES`], part of the cause table. Such a message names no request, or not as an access log would:
//! it is a sign of trouble. Who answers is sure: the proxy that says it. The same words of any other program say only
//! that something it needs failed (`dependencies`), so each row asks for words of a proxy as well.
//! Source: Envoy `source/common/router/router.cc`, `source/common/http/utility.cc`; Traefik `pkg/proxy/httputil/proxy.go`;
//! Caddy 1 `caddyhttp/proxy`; Go `net/http/httputil`; and those named per row.

use super::{BASE as NGINX_BASE, CauseRule};
use crate::cause::{RuleKind, Scope};
use crate::taxonomy::{Cause, Origin, Server};

/// What a row does not say.
const BASE: CauseRule = CauseRule {
    server: Server::Unknown,
    origin: Origin::Proxy,
    kind: RuleKind::Pressure,
    status: &[502, 503, 504],
    ..NGINX_BASE
};

/// What a row of Envoy does not say.
const ENVOY: CauseRule = CauseRule {
    server: Server::Envoy,
    status: &[503],
    source: "Envoy source/common/router/router.cc, sendLocalReply",
    ..BASE
};

/// How Envoy begins to say that a backend gave no answer, in its answer and in its log. An application that quotes the
/// answer of a service it called puts words of its own before it.
const CONNECT_ERROR: &[&str] = &[
    "^upstream connect error or disconnect/reset before headers",
    "^upstream_reset_before_response_started{",
    "details upstream_reset_before_response_started{",
    "upstream reset: reset reason: ",
];

const SRC_POOL: &str = "Envoy source/common/conn_pool/conn_pool_base.cc, onConnectionEvent";

/// How proxies begin to say that they could not ask a backend.
const PROXY_SAYS: &[&str] = &[
    "http: proxy error: ",
    "502 Bad Gateway",
    "504 Gateway Timeout",
    "500 Internal Server Error' caused by: ",
    "500 Internal Server Error error=",
    "500 Internal Server Error | error=",
    "rror forwarding to ",
    "[ERROR 502 ",
    "[ERROR 504 ",
    "rror proxying to upstream",
    "rror while proxying",
    "rror reverse proxying request",
    "during backend roundtrip",
    "rror occurred while proxying",
    "rror occurred while trying to proxy",
    "ould not proxy request",
    "http proxy error",
    "Unable to reach the origin service",
    "ailed to proxy request: ",
    "roxying error :",
];

/// The same, where a line in JSON has the reason in front.
const PROXY_SAID: &[&str] =
    &["502 Bad Gateway", "504 Gateway Timeout", "rror proxying to upstream"];

const REFUSED: &[&str] = &[
    "connection refused",
    "Connection refused",
    "ECONNREFUSED",
    "no route to host",
    "EHOSTUNREACH",
    "network is unreachable",
    "actively refused",
];
const UNRESOLVED: &[&str] = &["no such host", "server misbehaving", "ENOTFOUND", "EAI_AGAIN"];
const TIMED_OUT: &[&str] = &[
    "i/o timeout",
    "timed out",
    "timeout awaiting response headers",
    "deadline exceeded",
    "ETIMEDOUT",
    "net/http: timeout",
];
const UNTRUSTED: &[&str] = &["x509: ", "tls: ", "certificate"];
const CLOSED: &[&str] = &[
    "connection reset by peer",
    "ECONNRESET",
    "socket hang up",
    "EOF",
    "broken pipe",
    "server closed idle connection",
];
const SRC_PROXIES: &str = "Go net/http/httputil/reverseproxy.go; Traefik pkg/proxy/httputil/proxy.go; oauth2-proxy pkg/upstream; Skipper proxy/proxy.go; http-proxy-middleware; cloudflared proxy/proxy.go";
const DIALLED: &str =
    r"(?-u)^(?s:.*?dial (?:tcp|unix) (?<scope>[^ :]+:[0-9]+|\[[0-9a-f:]+\]:[0-9]+))?";

/// The rows, in order of priority.
pub(super) const RULES: &[CauseRule] = &[
    // The control plane is no backend of a request.
    CauseRule {
        id: "envoy.control_plane",
        needles: &[&["gRPC config stream", "gRPC config for type.googleapis.com"]],
        regex: "(?-u)closed",
        cause: Some(Cause::DependencyHttp),
        origin: Origin::Unknown,
        status: &[],
        note: "the connection to the control plane broke: the configuration may be old",
        example: "StreamClusters gRPC config stream to contour closed since 162s ago: 14, upstream connect error or disconnect/reset before headers. reset reason: connection failure",
        source: "Envoy source/extensions/config_subscription/grpc/grpc_stream.h",
        ..ENVOY
    },
    CauseRule {
        id: "envoy.pool_tls",
        needles: &[&["client disconnected, failure reason: "], &["TLS_error", "TLS error"]],
        cause: Some(Cause::UpstreamTls),
        note: "the TLS handshake with a server of some cluster failed",
        example: "[C9632] client disconnected, failure reason: TLS error: 268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED",
        source: SRC_POOL,
        ..ENVOY
    },
    CauseRule {
        id: "envoy.pool_refused",
        needles: &[
            &["client disconnected, failure reason: "],
            &["connect error: 111", "connect error: 113"],
        ],
        cause: Some(Cause::UpstreamRefused),
        note: "a server of some cluster refused the connection, or could not be reached",
        example: "[C9632] client disconnected, failure reason: delayed connect error: 111",
        source: SRC_POOL,
        ..ENVOY
    },
    CauseRule {
        id: "envoy.says_overflow",
        needles: &[CONNECT_ERROR, &["overflow"]],
        cause: Some(Cause::CircuitBreakerOpen),
        note: "a circuit breaker of the cluster is open",
        example: "upstream connect error or disconnect/reset before headers. reset reason: overflow",
        ..ENVOY
    },
    CauseRule {
        id: "envoy.says_tls",
        needles: &[CONNECT_ERROR, &["TLS_error", "TLS error"]],
        cause: Some(Cause::UpstreamTls),
        note: "the TLS handshake with a backend failed",
        example: "upstream connect error or disconnect/reset before headers. reset reason: connection failure, transport failure reason: TLS error: 268435703:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER",
        ..ENVOY
    },
    CauseRule {
        id: "envoy.says_connect_timeout",
        needles: &[
            CONNECT_ERROR,
            &["connection timeout", "connection_timeout", "connect error: 110", "error:_110"],
        ],
        cause: Some(Cause::UpstreamTimeout),
        note: "a backend did not take the connection in time",
        example: "upstream connect error or disconnect/reset before headers. reset reason: connection timeout",
        ..ENVOY
    },
    CauseRule {
        id: "envoy.says_refused",
        needles: &[CONNECT_ERROR, &["connection failure", "connection_failure"]],
        cause: Some(Cause::UpstreamRefused),
        note: "a backend could not be connected",
        example: "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, transport failure reason: delayed connect error: 111",
        ..ENVOY
    },
    CauseRule {
        id: "envoy.says_protocol_error",
        needles: &[CONNECT_ERROR, &["protocol error", "protocol_error"]],
        cause: Some(Cause::UpstreamInvalidResponse),
        note: "a backend sent something that is not a valid response",
        example: "upstream connect error or disconnect/reset before headers. reset reason: protocol error",
        ..ENVOY
    },
    CauseRule {
        id: "envoy.says_reset",
        needles: &[CONNECT_ERROR],
        cause: Some(Cause::UpstreamReset),
        note: "a backend closed the connection before it answered, or could not be connected",
        example: "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
        ..ENVOY
    },
    CauseRule {
        id: "envoy.says_no_healthy",
        needles: &[&[
            "^no healthy upstream",
            "^no_healthy_upstream",
            "details no_healthy_upstream",
            "no healthy host for ",
        ]],
        cause: Some(Cause::NoLiveUpstreams),
        note: "no backend of the cluster is healthy",
        example: "no healthy host for HTTP connection pool",
        ..ENVOY
    },
    CauseRule {
        id: "envoy.says_timeout",
        needles: &[&[
            "^upstream request timeout",
            "details upstream_response_timeout",
            "^upstream timeout",
        ]],
        cause: Some(Cause::UpstreamTimeout),
        status: &[504],
        note: "a backend did not answer in time",
        example: "upstream request timeout",
        ..ENVOY
    },
    CauseRule {
        id: "proxy.says_no_port",
        needles: &[PROXY_SAYS, &["cannot assign requested address", "EADDRNOTAVAIL"]],
        cause: Some(Cause::PortExhausted),
        origin: Origin::LocalProcess,
        note: "no local port was free for a connection to a backend",
        example: "error while proxying after 13ms, route app, status code 502: dialing failed true: dial tcp 10.0.0.5:9999: connect: cannot assign requested address",
        source: SRC_PROXIES,
        ..BASE
    },
    CauseRule {
        id: "proxy.says_no_fd",
        needles: &[PROXY_SAYS, &["too many open files", "EMFILE"]],
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        note: "no file descriptor was free for a connection to a backend",
        example: "http: proxy error: dial tcp 10.0.0.5:80: socket: too many open files",
        source: SRC_PROXIES,
        ..BASE
    },
    CauseRule {
        id: "proxy.says_unresolved",
        needles: &[PROXY_SAYS, UNRESOLVED],
        cause: Some(Cause::UpstreamDns),
        scope: Scope::UpstreamPeer,
        source: SRC_PROXIES,
        note: "the name of a backend did not resolve",
        example: "http: proxy error: dial tcp: lookup app on 127.0.0.11:53: no such host",
        ..BASE
    },
    CauseRule {
        id: "proxy.says_refused",
        needles: &[PROXY_SAYS, REFUSED],
        cause: Some(Cause::UpstreamRefused),
        regex: DIALLED,
        scope: Scope::UpstreamPeer,
        source: SRC_PROXIES,
        note: "a backend refused the connection, or could not be reached",
        example: "'502 Bad Gateway' caused by: dial tcp 10.0.0.5:8080: connect: connection refused",
        ..BASE
    },
    CauseRule {
        id: "proxy.says_timeout",
        needles: &[PROXY_SAYS, TIMED_OUT],
        cause: Some(Cause::UpstreamTimeout),
        regex: DIALLED,
        scope: Scope::UpstreamPeer,
        source: SRC_PROXIES,
        note: "a backend did not answer in time",
        example: "'504 Gateway Timeout' caused by: dial tcp 10.0.0.5:80: i/o timeout",
        ..BASE
    },
    CauseRule {
        id: "proxy.says_tls",
        needles: &[PROXY_SAYS, UNTRUSTED],
        cause: Some(Cause::UpstreamTls),
        scope: Scope::UpstreamPeer,
        source: SRC_PROXIES,
        note: "the TLS handshake with a backend failed",
        example: "'500 Internal Server Error' caused by: tls: failed to verify certificate: x509: certificate is valid for a.example, not 10.0.0.5",
        ..BASE
    },
    CauseRule {
        id: "proxy.says_closed",
        needles: &[PROXY_SAYS, CLOSED],
        cause: Some(Cause::UpstreamReset),
        scope: Scope::UpstreamPeer,
        source: SRC_PROXIES,
        note: "a backend closed the connection before it answered",
        example: "'502 Bad Gateway' caused by: EOF",
        ..BASE
    },
    CauseRule {
        id: "proxy.said_unresolved",
        needles: &[UNRESOLVED, PROXY_SAID],
        cause: Some(Cause::UpstreamDns),
        scope: Scope::UpstreamPeer,
        source: SRC_PROXIES,
        note: "the name of a backend did not resolve",
        example: r#"dial tcp: lookup app: no such host","time":"2026-11-20T21:17:24Z","message":"502 Bad Gateway"#,
        ..BASE
    },
    CauseRule {
        id: "proxy.said_refused",
        needles: &[REFUSED, PROXY_SAID],
        cause: Some(Cause::UpstreamRefused),
        regex: DIALLED,
        scope: Scope::UpstreamPeer,
        source: SRC_PROXIES,
        note: "a backend refused the connection, or could not be reached",
        example: r#"dial tcp 10.0.0.5:80: connect: connection refused","time":"2026-11-20T21:17:24Z","message":"502 Bad Gateway"#,
        ..BASE
    },
    CauseRule {
        id: "proxy.said_timeout",
        needles: &[TIMED_OUT, PROXY_SAID],
        cause: Some(Cause::UpstreamTimeout),
        regex: DIALLED,
        scope: Scope::UpstreamPeer,
        source: SRC_PROXIES,
        note: "a backend did not answer in time",
        example: r#"dial tcp 10.0.0.5:80: i/o timeout","time":"2026-11-20T21:17:24Z","message":"504 Gateway Timeout"#,
        ..BASE
    },
    CauseRule {
        id: "proxy.said_tls",
        needles: &[UNTRUSTED, PROXY_SAID],
        cause: Some(Cause::UpstreamTls),
        scope: Scope::UpstreamPeer,
        source: SRC_PROXIES,
        note: "the TLS handshake with a backend failed",
        example: r#"tls: failed to verify certificate: x509: unknown","time":"2026-11-20T21:17:24Z","message":"502 Bad Gateway"#,
        ..BASE
    },
    CauseRule {
        id: "proxy.said_closed",
        needles: &[CLOSED, PROXY_SAID],
        cause: Some(Cause::UpstreamReset),
        scope: Scope::UpstreamPeer,
        source: SRC_PROXIES,
        note: "a backend closed the connection before it answered",
        example: r#"EOF","time":"2026-11-20T21:17:24Z","message":"502 Bad Gateway"#,
        ..BASE
    },
    CauseRule {
        id: "proxy.no_instance",
        needles: &[&[
            "oad balancer does not have available server for client",
            "Unable to find instance for ",
            "No instances available for ",
            "unreachable backend",
            "no hosts available upstream",
            "^no endpoints available for service",
            r#""message": "no endpoints available for service"#,
            "^no available server",
        ]],
        cause: Some(Cause::NoLiveUpstreams),
        scope: Scope::None,
        source: "Spring Cloud Gateway ReactiveLoadBalancerClientFilter, Netflix Ribbon LoadBalancerContext; Caddy 1 proxy.go; Kubernetes apiserver proxy; Traefik",
        note: "the gateway knows no live instance of the service",
        example: "Load balancer does not have available server for client: orders",
        ..BASE
    },
    CauseRule {
        id: "ocelot.breaker_opened",
        needles: &[&["Breaker logging: Breaking the circuit for "]],
        cause: Some(Cause::CircuitBreakerOpen),
        status: &[503],
        source: "Ocelot.Provider.Polly, the breaker of its quality of service",
        note: "the gateway stopped calling a service that failed",
        example: ".Breaker logging: Breaking the circuit for 10ms!",
        ..BASE
    },
    // nginx's own words, where its line is quoted behind other text.
    CauseRule {
        id: "proxy.quoted_timeout",
        // Not while the body was read: the status was sent then.
        needles: &[
            &["upstream timed out (110: "],
            &[
                "while connecting to upstream",
                "while SSL handshaking to upstream",
                "while sending request to upstream",
                "while reading response header from upstream",
            ],
        ],
        cause: Some(Cause::UpstreamTimeout),
        status: &[504],
        source: "nginx src/http/ngx_http_upstream.c",
        note: "a backend did not answer in time",
        example: r#"seen in the log: "upstream timed out (110: Connection timed out) while reading response header from upstream""#,
        ..BASE
    },
    CauseRule {
        id: "proxy.quoted_tls",
        needles: &[&["while SSL handshaking to upstream"]],
        cause: Some(Cause::UpstreamTls),
        status: &[502],
        source: "nginx src/http/ngx_http_upstream.c",
        note: "the TLS handshake with a backend failed",
        example: r#"seen in the log: "peer closed connection in SSL handshake while SSL handshaking to upstream""#,
        ..BASE
    },
    CauseRule {
        id: "proxy.quoted_reset",
        needles: &[
            &["recv() failed (104: ", "upstream prematurely closed connection"],
            &["while reading response header from upstream"],
        ],
        cause: Some(Cause::UpstreamReset),
        status: &[502],
        source: "nginx src/http/ngx_http_upstream.c",
        note: "a backend closed the connection before it answered",
        example: r#"seen in the log: "recv() failed (104: Connection reset by peer) while reading response header from upstream""#,
        ..BASE
    },
    CauseRule {
        id: "linkerd.refused",
        needles: &[
            &["linkerd", "rescue{"],
            &["equest failed"],
            &["onnection refused", "os error 111"],
        ],
        cause: Some(Cause::UpstreamRefused),
        source: "linkerd2-proxy linkerd/app/core/src/errors/respond.rs",
        note: "a backend refused the connection",
        example: "inbound:accept{client.addr=10.0.0.9:1}:rescue{client.addr=10.0.0.9:1}: linkerd_app_core::errors::respond: Request failed error=Connection refused (os error 111)",
        ..BASE
    },
    CauseRule {
        id: "linkerd.fail_fast",
        needles: &[&["ervice in fail-fast", "in failfast", "load balancer in fail-fast"]],
        cause: Some(Cause::NoLiveUpstreams),
        source: "linkerd2-proxy linkerd/proxy/balance, linkerd/stack/src/failfast.rs",
        note: "no endpoint of the service was ready",
        example: "HTTP/1.1 request failed error=logical service 10.0.0.5:80: Service in fail-fast",
        ..BASE
    },
];
