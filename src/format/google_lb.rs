//! Google Cloud's HTTP(S) load balancers: log entries of Cloud Logging, one JSON object each.
//!
//! In: entries with `httpRequest` of a resource that is a load balancer. Out: access records.
//! Source: Google Cloud documentation, "Global external Application Load Balancer logging and monitoring" and its
//! regional and internal counterparts; Cloud Logging `LogEntry`, `HttpRequest`.

use super::Instant;
use super::json_declared::{ANY_TIME, Declared, Use, key, time_at, value};
use crate::record::Field;
use crate::taxonomy::Server;

/// Every kind of load balancer for HTTP.
pub const ACCESS: Declared = Declared {
    name: "google_lb",
    summary: "Google Cloud HTTP(S) load balancer entries of Cloud Logging; recognised by \"httpRequest\" and the type of \"resource\"",
    server: Server::GoogleLb,
    instant: Instant::Start,
    required: &[
        key(&["httpRequest", "httpRequest>status"]),
        value(
            &["resource>type"],
            &[
                "http_load_balancer",
                "http_external_regional_lb_rule",
                "internal_http_lb_rule",
                "l7_lb_rule",
                "gce_forwarding_rule",
                // What runs behind them has request logs of the same shape, without details.
                "cloud_run_revision",
                "gae_app",
                "cloud_function",
            ],
        ),
    ],
    besides: &[],
    time: &[time_at("timestamp", ANY_TIME), time_at("receiveTimestamp", ANY_TIME)],
    status: &["httpRequest>status"],
    fields: &[
        ("httpRequest>remoteIp", Use::Client),
        ("jsonPayload>remoteIp", Use::Client),
        ("httpRequest>requestUrl", Use::Url),
        ("httpRequest>requestMethod", Use::As(Field::Method)),
        ("httpRequest>protocol", Use::As(Field::Protocol)),
        ("httpRequest>userAgent", Use::As(Field::UserAgent)),
        ("httpRequest>referer", Use::As(Field::Referer)),
        ("httpRequest>requestSize", Use::As(Field::RequestLength)),
        ("httpRequest>responseSize", Use::As(Field::BytesSent)),
        ("httpRequest>latency", Use::As(Field::RequestTime)),
        ("httpRequest>serverIp", Use::As(Field::UpstreamAddr)),
        ("httpRequest>cacheHit", Use::As(Field::UpstreamCacheStatus)),
        ("jsonPayload>statusDetails", Use::As(Field::ResponseDetails)),
        ("jsonPayload>proxyStatus", Use::As(Field::ResponseDetails)),
        // BigQuery puts the type of the payload into the name of its column.
        ("jsonPayload_type_loadBalancerLogEntry>statusDetails", Use::As(Field::ResponseDetails)),
        ("jsonPayload_type_loadBalancerLogEntry>proxyStatus", Use::As(Field::ResponseDetails)),
        ("jsonPayload_type_loadBalancerLogEntry>remoteIp", Use::Client),
        ("jsonPayload>enforcedSecurityPolicy>outcome", Use::As(Field::SecurityAction)),
        ("resource>labels>backend_service_name", Use::As(Field::ProxyUpstreamName)),
        ("resource>labels>backend_target_name", Use::As(Field::ProxyUpstreamName)),
        ("insertId", Use::As(Field::RequestId)),
        ("trace", Use::As(Field::TraceId)),
    ],
    finish: None,
};
