//! Pages and headers by which servers in front say who they are, as people paste them from a browser or from `curl`.
//!
//! In: nothing. Out: [`RULES`], part of the cause table. Each text is one server's own, so it says who answered; a row
//! has a cause where the page tells one. Pages that any server may show (`503 Service Unavailable`) are not here.
//! Source: the server's own page, named per row.

use super::{BASE as NGINX_BASE, CauseRule};
use crate::cause::{RuleKind, Scope};
use crate::taxonomy::{Cause, Origin, Server};

/// What a row does not say.
const BASE: CauseRule =
    CauseRule { kind: RuleKind::Pressure, scope: Scope::None, status: &[503], ..NGINX_BASE };

/// What a row of an edge does not say.
const EDGE: CauseRule = CauseRule { origin: Origin::Cdn, ..BASE };

/// What a row of a proxy does not say.
const PROXY: CauseRule = CauseRule { origin: Origin::Proxy, ..BASE };

const SRC_CLOUDFRONT: &str = "CloudFront developer guide, error responses";
const SRC_GOOGLE: &str = "Google Cloud Load Balancing, statusDetails: failure messages";
const SRC_CLOUDFLARE: &str = "Cloudflare documentation, 5xx errors";

/// The rows, in order of priority.
pub(super) const RULES: &[CauseRule] = &[
    CauseRule {
        id: "cloudfront.page_capacity",
        server: Server::CloudFront,
        needles: &[&[
            "associated with the CloudFront distribution was throttled",
            "the Lambda function exceeded a limit",
        ]],
        cause: Some(Cause::CdnCapacity),
        note: "the functions of the edge ran over their limit",
        example: "The Lambda function associated with the CloudFront distribution was throttled.",
        source: SRC_CLOUDFRONT,
        ..EDGE
    },
    CauseRule {
        id: "cloudfront.page_function",
        server: Server::CloudFront,
        needles: &[
            &[
                "The Lambda function associated with the CloudFront distribution",
                "The CloudFront function",
            ],
            &["is invalid", "doesn't have", "failed", "error", "returned", "tried", "validation"],
        ],
        cause: Some(Cause::CdnFunctionError),
        note: "a function at the edge failed",
        example: "The Lambda function associated with the CloudFront distribution is invalid or doesn't have the required permissions.",
        source: SRC_CLOUDFRONT,
        ..EDGE
    },
    CauseRule {
        id: "cloudfront.page_unreachable",
        server: Server::CloudFront,
        needles: &[&[
            "CloudFront wasn't able to connect to the origin",
            "CloudFront attempted to establish a connection with the origin",
            "CloudFront wasn't able to resolve the origin domain name",
        ]],
        cause: Some(Cause::CdnOriginUnreachable),
        status: &[502, 504],
        note: "the edge could not connect to the origin",
        example: "CloudFront wasn't able to connect to the origin.",
        source: SRC_CLOUDFRONT,
        ..EDGE
    },
    CauseRule {
        id: "cloudfront.page_internal",
        server: Server::CloudFront,
        needles: &[&["CloudFront encountered an internal error"]],
        cause: Some(Cause::CdnCapacity),
        status: &[503],
        note: "the edge itself could not serve the request for the moment",
        example: "CloudFront encountered an internal error. Please try again.",
        source: "CloudFront developer guide, HTTP 503: resource constraints at an edge location",
        ..EDGE
    },
    CauseRule {
        id: "cloudflare.page_unreachable",
        server: Server::Cloudflare,
        needles: &[&[
            "^error code: 521",
            "Error 521 Ray ID",
            "^HTTP/2 521",
            "^HTTP/1.1 521",
            "^error code: 523",
            "Error 523 Ray ID",
            "^HTTP/2 523",
            "^HTTP/1.1 523",
            "521: Web server is down",
            "523: Origin is unreachable",
        ]],
        cause: Some(Cause::CdnOriginUnreachable),
        status: &[],
        note: "the edge could not connect to the origin",
        example: "error code: 521",
        source: SRC_CLOUDFLARE,
        ..EDGE
    },
    CauseRule {
        id: "cloudflare.page_timeout",
        server: Server::Cloudflare,
        needles: &[&[
            "^error code: 522",
            "Error 522 Ray ID",
            "^HTTP/2 522",
            "^HTTP/1.1 522",
            "^error code: 524",
            "Error 524 Ray ID",
            "^HTTP/2 524",
            "^HTTP/1.1 524",
            "522: Connection timed out",
            "524: A timeout occurred",
        ]],
        cause: Some(Cause::UpstreamTimeout),
        status: &[],
        note: "the origin did not answer the edge in time",
        example: "error code: 522",
        source: SRC_CLOUDFLARE,
        ..EDGE
    },
    CauseRule {
        id: "cloudflare.page_tls",
        server: Server::Cloudflare,
        needles: &[&[
            "^error code: 525",
            "Error 525 Ray ID",
            "^HTTP/2 525",
            "^HTTP/1.1 525",
            "^error code: 526",
            "Error 526 Ray ID",
            "^HTTP/2 526",
            "^HTTP/1.1 526",
            "525: SSL handshake failed",
            "526: Invalid SSL certificate",
        ]],
        cause: Some(Cause::UpstreamTls),
        status: &[],
        note: "the TLS handshake of the edge with the origin failed",
        example: "error code: 525",
        source: SRC_CLOUDFLARE,
        ..EDGE
    },
    CauseRule {
        id: "fastly.page_timeout",
        server: Server::Fastly,
        needles: &[&[
            "Error 503 first byte timeout",
            "503 first byte timeout",
            "Error 503 between bytes timeout",
        ]],
        cause: Some(Cause::UpstreamTimeout),
        note: "the origin did not answer the edge in time",
        example: "Error 503 first byte timeout",
        source: "Fastly documentation, error messages: the reason in the page of Varnish at the edge",
        ..EDGE
    },
    CauseRule {
        id: "fastly.page_max_connections",
        server: Server::Fastly,
        needles: &[&["Error 503 Backend.max_conn reached", "Error 503 backend.max_conn reached"]],
        cause: Some(Cause::ConnectionLimit),
        note: "the edge has as many connections to the origin as it may",
        example: "Error 503 Backend.max_conn reached",
        source: "Fastly documentation, error messages",
        ..EDGE
    },
    CauseRule {
        id: "fastly.page_unhealthy",
        server: Server::Fastly,
        needles: &[&[
            "Error 503 Backend is unhealthy",
            "Error 503 backend is unhealthy",
            "Error 503 All backends failed",
        ]],
        cause: Some(Cause::HealthCheckFailed),
        note: "the edge holds the origin for sick",
        example: "Error 503 Backend is unhealthy",
        source: "Fastly documentation, error messages",
        ..EDGE
    },
    CauseRule {
        id: "azure_front_door.page",
        server: Server::AzureFrontDoor,
        needles: &[&["Our services aren't available right now"]],
        cause: Some(Cause::CdnOriginUnreachable),
        note: "Front Door had no valid answer of the origin",
        example: "Our services aren't available right now",
        source: "Microsoft: Azure Front Door troubleshooting, 503",
        ..EDGE
    },
    CauseRule {
        id: "haproxy.page",
        server: Server::Haproxy,
        needles: &[&["^No server is available to handle this request"]],
        cause: Some(Cause::NoLiveUpstreams),
        note: "no server of the backend was up, or could be connected",
        example: "No server is available to handle this request.",
        source: "haproxy src/http.c, the page of 503",
        ..PROXY
    },
    // `statusDetails` of an entry of the log, without the entry.
    CauseRule {
        id: "google_lb.details_no_backend",
        server: Server::GoogleLb,
        needles: &[&["failed_to_pick_backend"]],
        cause: Some(Cause::NoLiveUpstreams),
        status: &[502, 503],
        note: "no backend of the load balancer is healthy",
        example: r#"statusDetails: "failed_to_pick_backend""#,
        source: SRC_GOOGLE,
        ..PROXY
    },
    CauseRule {
        id: "google_lb.details_reset",
        server: Server::GoogleLb,
        needles: &[&["backend_connection_closed_before_data_sent_to_client"]],
        cause: Some(Cause::UpstreamReset),
        status: &[502, 503],
        note: "a backend closed the connection before it answered",
        example: r#"statusDetails: "backend_connection_closed_before_data_sent_to_client""#,
        source: SRC_GOOGLE,
        ..PROXY
    },
    CauseRule {
        id: "google_lb.page",
        server: Server::GoogleLb,
        needles: &[&["encountered a temporary error and could not complete your request"]],
        cause: Some(Cause::NoLiveUpstreams),
        status: &[502],
        note: "no backend of the load balancer gave an answer",
        example: "The server encountered a temporary error and could not complete your request.",
        source: "Google Cloud Load Balancing, the page of 502",
        ..PROXY
    },
    CauseRule {
        id: "passenger.page_queue_full",
        server: Server::Application,
        needles: &[&["This website is under heavy load (queue full)"]],
        cause: Some(Cause::RequestQueueFull),
        origin: Origin::LocalProcess,
        note: "the request queue of Passenger is full",
        example: "This website is under heavy load (queue full)",
        source: "Passenger src/agent/Core/Controller/CheckoutSession.cpp",
        ..BASE
    },
    // What Heroku says of dynos: the router answers for one that is down.
    CauseRule {
        id: "heroku.boot_timeout",
        server: Server::Heroku,
        needles: &[&["Error R10 (Boot timeout)", "State changed from starting to crashed"]],
        cause: Some(Cause::StartupFailure),
        note: "the app did not start",
        example: "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 60 seconds of launch",
        source: "Heroku Dev Center, Heroku Error Codes",
        ..PROXY
    },
    CauseRule {
        id: "heroku.crashed",
        server: Server::Heroku,
        needles: &[&["State changed from up to crashed"]],
        cause: Some(Cause::ProcessCrashed),
        note: "the app crashed",
        example: "State changed from up to crashed",
        source: "Heroku Dev Center, Dynos and the dyno manager",
        ..PROXY
    },
    CauseRule {
        id: "heroku.memory",
        server: Server::Heroku,
        needles: &[&[
            "Error R14 (Memory quota exceeded)",
            "Error R15 (Memory quota vastly exceeded)",
        ]],
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::Unknown,
        status: &[],
        note: "the app needs more memory than its dyno has",
        example: "Error R14 (Memory quota exceeded)",
        source: "Heroku Dev Center, Heroku Error Codes",
        ..BASE
    },
];
