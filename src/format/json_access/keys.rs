//! Usual keys of JSON access logs, and the fields they stand for.
//!
//! In: a path as written: a key, behind those of the objects that it stands in. Out: a [`Field`].
//! Invariants: compared without case and `_`, so that `upstreamAddr` is `upstream_addr`. `time` keys and `status` keys are chosen by their values, in the order listed. What
//! stands in an object is called as both together (`upstream.addr` is `upstream_addr`), or, where the object only groups
//! (`http.status`), by itself. Keys with dots in them (`http.response.status_code`) are the same as objects.

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
    // Kong.
    "started_at",
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
    "resp_code",
    "st",
    "final_status",
    "status_final",
];

/// Keys that hold a status, as in Logstash's pattern for Apache, or a size or a time of the response: values that tell
/// another key come first.
pub(super) const DOUBTFUL_STATUS_KEYS: &[&str] = &["response"];

/// Objects that only group what stands in them.
const GROUPING: &[&str] = &[
    "request",
    "http",
    "httprequest",
    "response",
    "req",
    "res",
    "resp",
    "net",
    "network",
    "nginx",
    "access",
    "access_log",
    "event",
    "log",
    "data",
    "fields",
    "attributes",
    "json",
    "properties",
    "payload",
    "performance",
    "timing",
    "timings",
];

/// What a path may be called, best first, in lower case with `_` between words.
fn names_of(path: &[u8]) -> impl Iterator<Item = String> {
    let path = String::from_utf8_lossy(path).to_ascii_lowercase().replace('-', "_");
    let parts: Vec<&str> = path.split('.').collect();
    let (key, objects) = parts.split_last().map_or(("", &[][..]), |(key, rest)| (*key, rest));
    let owner = objects.iter().find(|object| !GROUPING.contains(object));
    let joined = |object: &&str| match *object {
        "headers" | "header" => format!("http_{key}"),
        object => format!("{object}_{key}"),
    };
    let together = owner.or(objects.last()).map(joined);
    let alone = owner.is_none().then(|| key.to_owned());
    together.into_iter().chain(alone)
}

/// The key itself, of a path whose objects only group. `None`: one of them is something that the key is about.
pub(super) fn plain_name(path: &[u8]) -> Option<String> {
    let joined = path.contains(&b'.');
    let mut names = names_of(path);
    if joined { names.nth(1) } else { names.next() }
}

/// How far up in a table of keys a path stands, from 0. `None`: it is none of them.
pub(super) fn rank_in(table: &[&str], path: &[u8]) -> Option<usize> {
    names_of(path).filter_map(|name| table.iter().position(|key| is_same_key(key, &name))).min()
}

/// Keys that only nginx variables are called, so that their presence tells the server.
pub(super) fn is_nginx_key(path: &[u8]) -> bool {
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
    let key = last_key(path);
    is_of_backends(&key) || NAMES.iter().any(|name| name.as_bytes() == key)
}

/// True for keys of which an operator of another server has no two by chance: variables that it calls otherwise.
pub(super) fn is_variable_of_nginx(path: &[u8]) -> bool {
    const VARIABLES: &[&str] = &[
        "time_local",
        "time_iso8601",
        "remote_user",
        "body_bytes_sent",
        "http_user_agent",
        "http_referer",
        "http_x_forwarded_for",
        "http_host",
        "request_length",
    ];
    let key = last_key(path);
    VARIABLES.iter().any(|name| name.as_bytes() == key)
}

/// Of these, the keys of what nginx alone can log: others have no word for it, whatever an operator calls theirs.
pub(super) fn is_key_of_nginx_alone(path: &[u8]) -> bool {
    let key = last_key(path);
    is_of_backends(&key) || key == b"connection_requests"
}

fn last_key(path: &[u8]) -> Vec<u8> {
    let key = memchr::memrchr(b'.', path).map_or(path, |dot| &path[dot + 1..]);
    key.to_ascii_lowercase()
}

fn is_of_backends(key: &[u8]) -> bool {
    key.starts_with(b"upstream_") || key.starts_with(b"proxy_upstream_")
}

/// The field that a path stands for, other than time and status.
pub(super) fn field_of(path: &[u8]) -> Field {
    let of_name = |name: String| {
        let row = FIELDS.iter().find(|(_, keys)| keys.iter().any(|key| is_same_key(key, &name)));
        row.map(|(field, _)| *field).or_else(|| {
            let header = name.strip_prefix("http_").unwrap_or(&name);
            id_header(header.as_bytes())
        })
    };
    names_of(path).find_map(of_name).unwrap_or(Field::Other)
}

/// True for keys that differ in no more than the `_` between words: `upstreamaddr` is how `upstreamAddr` is compared.
fn is_same_key(one: &str, other: &str) -> bool {
    one.bytes().filter(|byte| *byte != b'_').eq(other.bytes().filter(|byte| *byte != b'_'))
}

/// True for the name of the variable itself. Gateways and caches have other words for a backend, and its name under them.
pub(super) fn is_upstream_addr(path: &[u8]) -> bool {
    names_of(path).any(|name| is_same_key("upstream_addr", &name))
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
            "client_address",
            "source_ip",
            "source_address",
            "remote_address",
            "addr",
            "ip_address",
            "remote_host",
        ],
    ),
    (Field::RemoteUser, &["remote_user", "user", "auth_user", "user_name"]),
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
            "requesturl",
            "requestpath",
            "http_uri",
            "url_path",
            "url_original",
            "url_full",
            "url_details_path",
        ],
    ),
    (
        Field::Args,
        &[
            "args",
            "query_string",
            "query",
            "request_args",
            "request_query",
            "uri_query",
            "url_query",
        ],
    ),
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
            "body_bytes_out",
        ],
    ),
    (Field::BytesSent, &["bytes_sent", "sent_bytes"]),
    (Field::RequestLength, &["request_length", "request_size", "bytes_received"]),
    (Field::Referer, &["http_referer", "http_referrer", "referer", "referrer"]),
    (
        Field::UserAgent,
        &["http_user_agent", "user_agent", "agent", "useragent", "ua", "user_agent_original"],
    ),
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
            "dur",
            "took",
            "request_duration",
            "resp_time",
        ],
    ),
    (
        Field::RequestTimeMillis,
        &[
            "request_time_ms",
            "duration_ms",
            "response_time_ms",
            "latency_ms",
            "elapsed_ms",
            "time_taken_ms",
            "durationms",
            "responsetimems",
            "latencyms",
            "elapsedms",
        ],
    ),
    (
        Field::RequestTimeMicros,
        &[
            "request_time_us",
            "duration_us",
            "response_time_us",
            "latency_us",
            "elapsed_us",
            "time_taken_us",
            "duration_usec",
            "request_time_usec",
            "microseconds",
            "dur_us",
            "time_us",
            "rt_us",
            "took_us",
            "time_taken_us",
            "duration_micros",
            "latency_micros",
            "elapsed_micros",
        ],
    ),
    (Field::Handler, &["handler", "response_handler"]),
    (Field::LogId, &["log_id", "err_id", "error_id", "errlog_id", "error_log_id", "apache_log_id"]),
    (
        Field::BalancerWorker,
        &["balancer_worker_name", "balancer_worker", "worker", "worker_name", "proxy_worker"],
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
            "upstream_server",
            "upstream_peer",
            "ups_addr",
            "ups",
            "backend_addr",
            "backend_address",
        ],
    ),
    (
        Field::UpstreamStatus,
        &[
            "upstream_status",
            "upstreamstatus",
            "us",
            "backend_status",
            "upstream_code",
            "upstream_status_code",
            "ups_status",
        ],
    ),
    (Field::UpstreamConnectTime, &["upstream_connect_time", "upstreamconnecttime", "uct"]),
    (Field::UpstreamHeaderTime, &["upstream_header_time", "upstreamheadertime", "uht"]),
    (
        Field::UpstreamResponseTime,
        &[
            "upstream_response_time",
            "upstreamresponsetime",
            "urt",
            "upstream_time",
            "upstreamtime",
            "upstream_t",
            "upstream_rt",
            "upstream_duration",
            "backend_time",
        ],
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
