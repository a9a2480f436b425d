//! Usual keys of JSON access logs, and the fields they stand for.
//!
//! In: a key as written. Out: a [`Field`].
//! Invariants: compared without case. `time` keys and `status` keys are chosen by their values, in the order listed.

use crate::record::{Field, id_header};

/// Keys that may hold the time, best first.
pub(super) const TIME_KEYS: &[&str] = &[
    "time_iso8601",
    "time_local",
    "msec",
    "@timestamp",
    "timestamp",
    "time",
    "ts",
    "datetime",
    "date",
    "start_time",
    "startutc",
    "requesttime",
    "event_time",
    "log_time",
    "localtime",
    "t",
];

/// Keys that may hold the status, best first.
pub(super) const STATUS_KEYS: &[&str] = &[
    "status",
    "status_code",
    "response_code",
    "statuscode",
    "responsecode",
    "response_status",
    "http_status",
    "downstreamstatus",
    "sc_status",
    "httpstatus",
    "code",
    "resp_status",
];

/// Keys that only nginx variables are called, so that their presence tells the server.
pub(super) fn is_nginx_key(key: &[u8]) -> bool {
    const NAMES: &[&str] = &[
        "remote_addr",
        "body_bytes_sent",
        "request_time",
        "time_iso8601",
        "time_local",
        "http_user_agent",
        "http_referer",
        "http_referrer",
        "http_x_forwarded_for",
        "request_uri",
        "server_name",
        "connection_requests",
    ];
    let key = key.to_ascii_lowercase();
    key.starts_with(b"upstream_")
        || key.starts_with(b"proxy_upstream_")
        || NAMES.iter().any(|name| name.as_bytes() == key)
}

/// The field that a key stands for, other than time and status.
pub(super) fn field_of(key: &[u8]) -> Field {
    let key = key.to_ascii_lowercase();
    let row = FIELDS.iter().find(|(_, keys)| keys.iter().any(|known| known.as_bytes() == key));
    let header = || id_header(key.strip_prefix(b"http_").unwrap_or(&key)).unwrap_or(Field::Other);
    row.map_or_else(header, |(field, _)| *field)
}

const FIELDS: &[(Field, &[&str])] = &[
    (
        Field::RemoteAddr,
        &[
            "remote_addr",
            "client_ip",
            "clientip",
            "ip",
            "client",
            "remote_ip",
            "client_addr",
            "realip",
            "real_ip",
            "src_ip",
            "clienthost",
            "clientaddr",
            "remoteaddr",
            "remote",
        ],
    ),
    (Field::RemoteUser, &["remote_user", "user", "auth_user"]),
    (Field::Request, &["request", "request_line", "req", "http_request"]),
    (
        Field::Method,
        &["request_method", "method", "http_method", "verb", "req_method", "requestmethod"],
    ),
    (
        Field::RequestUri,
        &[
            "request_uri",
            "uri",
            "path",
            "url",
            "request_path",
            "target",
            "requesturi",
            "requestpath",
            "http_uri",
            "url_path",
        ],
    ),
    (Field::Args, &["args", "query_string", "query", "request_args"]),
    (Field::Protocol, &["server_protocol", "protocol", "proto", "http_version", "request_proto"]),
    (
        Field::BodyBytes,
        &[
            "body_bytes_sent",
            "bytes",
            "size",
            "body_bytes",
            "response_size",
            "body_size",
            "responsesize",
        ],
    ),
    (Field::BytesSent, &["bytes_sent", "sent_bytes"]),
    (Field::RequestLength, &["request_length", "request_size", "bytes_received"]),
    (Field::Referer, &["http_referer", "http_referrer", "referer", "referrer"]),
    (Field::UserAgent, &["http_user_agent", "user_agent", "agent", "useragent", "ua"]),
    (
        Field::ForwardedFor,
        &[
            "http_x_forwarded_for",
            "x_forwarded_for",
            "xff",
            "x-forwarded-for",
            "forwarded_for",
            "x_forward_for",
        ],
    ),
    (
        Field::Host,
        &["host", "http_host", "vhost", "domain", "authority", "request_host", "requesthost"],
    ),
    (Field::ServerName, &["server_name", "server", "servername"]),
    (
        Field::RequestTime,
        &[
            "request_time",
            "duration",
            "rt",
            "response_time",
            "req_time",
            "latency",
            "requesttime",
            "responsetime",
            "elapsed",
        ],
    ),
    (
        Field::RequestId,
        &[
            "request_id",
            "req_id",
            "reqid",
            "requestid",
            "x_request_id",
            "trace_id",
            "http_x_request_id",
        ],
    ),
    (Field::Connection, &["connection", "conn", "connection_id"]),
    (Field::ConnectionRequests, &["connection_requests"]),
    (
        Field::UpstreamAddr,
        &[
            "upstream_addr",
            "upstream",
            "upstreamaddr",
            "upstream_address",
            "backend",
            "upstream_host",
            "upstreamhost",
        ],
    ),
    (
        Field::UpstreamStatus,
        &["upstream_status", "upstreamstatus", "us", "backend_status", "upstream_code"],
    ),
    (Field::UpstreamConnectTime, &["upstream_connect_time", "upstreamconnecttime", "uct"]),
    (Field::UpstreamHeaderTime, &["upstream_header_time", "upstreamheadertime", "uht"]),
    (
        Field::UpstreamResponseTime,
        &["upstream_response_time", "upstreamresponsetime", "urt", "upstream_time", "upstreamtime"],
    ),
    (Field::UpstreamResponseLength, &["upstream_response_length"]),
    (Field::UpstreamBytesReceived, &["upstream_bytes_received"]),
    (Field::UpstreamBytesSent, &["upstream_bytes_sent"]),
    (
        Field::UpstreamCacheStatus,
        &["upstream_cache_status", "cache_status", "upstream_cache", "ucs"],
    ),
    (Field::ProxyUpstreamName, &["proxy_upstream_name", "proxyupstreamname"]),
    (
        Field::ProxyAlternativeUpstreamName,
        &["proxy_alternative_upstream_name", "proxyalternativeupstreamname"],
    ),
    (Field::LimitReqStatus, &["limit_req_status", "limitreqstatus"]),
    (Field::LimitConnStatus, &["limit_conn_status", "limitconnstatus"]),
];
