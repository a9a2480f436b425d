//! Cloudflare Logpush, data set `http_requests`: one JSON object per request, with the fields an operator chose.
//!
//! In: lines with `EdgeResponseStatus` or other names of that data set. Out: access records.
//! Source: Cloudflare documentation, Logpush "HTTP requests" and "Log output options".

use super::Instant;
use super::json_declared::{ANY_TIME, Declared, Use, key, time_at};
use crate::record::Field;
use crate::taxonomy::Server;

/// The data set. Times may be RFC 3339, or seconds or nanoseconds since the epoch.
pub const HTTP_REQUESTS: Declared = Declared {
    name: "cloudflare_http",
    summary: "Cloudflare Logpush, http_requests (JSON); recognised by \"EdgeResponseStatus\" or \"RayID\", and other names of it",
    server: Server::Cloudflare,
    instant: Instant::Start,
    required: &[
        key(&["EdgeResponseStatus", "RayID"]),
        key(&[
            "EdgeStartTimestamp",
            "EdgeEndTimestamp",
            "ClientRequestHost",
            "ClientRequestURI",
            "ClientRequestPath",
            "ClientRequestHTTPHost",
            "OriginResponseStatus",
        ]),
    ],
    besides: &[],
    time: &[
        time_at("EdgeStartTimestamp", ANY_TIME),
        time_at("EdgeEndTimestamp", ANY_TIME),
        time_at("Datetime", ANY_TIME),
    ],
    status: &["EdgeResponseStatus"],
    fields: &[
        ("ClientIP", Use::As(Field::RemoteAddr)),
        ("ClientSrcPort", Use::As(Field::ClientPort)),
        ("ClientRequestHost", Use::As(Field::Host)),
        ("ClientRequestMethod", Use::As(Field::Method)),
        ("ClientRequestURI", Use::As(Field::RequestUri)),
        ("ClientRequestPath", Use::As(Field::Uri)),
        ("ClientRequestProtocol", Use::As(Field::Protocol)),
        ("ClientRequestReferer", Use::As(Field::Referer)),
        ("ClientRequestUserAgent", Use::As(Field::UserAgent)),
        ("ClientRequestBytes", Use::As(Field::RequestLength)),
        ("EdgeResponseBodyBytes", Use::As(Field::BodyBytes)),
        ("EdgeResponseBytes", Use::As(Field::BytesSent)),
        ("EdgeTimeToFirstByteMs", Use::As(Field::RequestTimeMillis)),
        ("RayID", Use::As(Field::RequestId)),
        // The data set of the GraphQL API (`httpRequestsAdaptive`).
        ("ClientRequestHTTPHost", Use::As(Field::Host)),
        ("ClientRequestHTTPMethodName", Use::As(Field::Method)),
        ("ClientRequestHTTPProtocol", Use::As(Field::Protocol)),
        ("CacheStatus", Use::As(Field::UpstreamCacheStatus)),
        ("RayName", Use::As(Field::RequestId)),
        ("ParentRayID", Use::As(Field::EdgeRequestId)),
        ("OriginIP", Use::As(Field::UpstreamAddr)),
        ("OriginResponseStatus", Use::As(Field::UpstreamStatus)),
        ("OriginResponseDurationMs", Use::As(Field::UpstreamResponseTime)),
        ("CacheCacheStatus", Use::As(Field::UpstreamCacheStatus)),
        ("EdgeServerIP", Use::As(Field::ServerIp)),
        ("SecurityAction", Use::As(Field::SecurityAction)),
        // A list, of which any may have ended the request: the verdict looks at its words.
        ("SecurityActions", Use::As(Field::SecurityAction)),
        ("FirewallMatchesActions", Use::As(Field::SecurityAction)),
        ("WAFAction", Use::As(Field::SecurityAction)),
        ("SecuritySources", Use::As(Field::Reason)),
        ("FirewallMatchesSources", Use::As(Field::Reason)),
        ("WorkerStatus", Use::As(Field::FunctionStatus)),
        ("RequestHeaders>Sec-Purpose", Use::As(Field::Purpose)),
        ("ResponseHeaders>cf-error-type", Use::As(Field::ResponseDetails)),
    ],
    finish: None,
};
