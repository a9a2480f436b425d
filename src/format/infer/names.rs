//! Usual keys, and the nginx variables they stand for.
//!
//! In: the key before a value, and a profile of the values. Out: the variable's name.
//! Invariants: a key only counts when the values have the shape of its variable.

use super::values::{Column, Kind};
use crate::format::layout::nginx_variable;
use crate::record::Field;

/// Keys of times as nginx writes them by default, in either notation.
const LOCAL_TIMES: &[&str] =
    &["time", "timelocal", "ts", "t", "timestamp", "date", "datetime", "at", "localtime", "when"];

// One row: variable, keys in lower case without `_`, `-`, `.` and `@`. Several variables may share a key; the values decide.
const KEYS: &[(&str, &[&str])] = &[
    (
        "status",
        &[
            "status",
            "code",
            "statuscode",
            "httpstatus",
            "responsecode",
            "st",
            "s",
            "rc",
            "httpcode",
        ],
    ),
    (
        "upstream_status",
        &[
            "upstreamstatus",
            "us",
            "ust",
            "upsstatus",
            "upstatus",
            "ustatus",
            "upstreamcode",
            "backendstatus",
            "upst",
        ],
    ),
    (
        "upstream_addr",
        &[
            "upstreamaddr",
            "upstream",
            "ua",
            "uaddr",
            "backend",
            "upstreamaddress",
            "upaddr",
            "upsaddr",
            "upstreamhost",
            "us",
            "up",
            "proxyto",
            "to",
            "upstreamserver",
            "backendaddr",
            "uad",
            "origin",
            "peer",
        ],
    ),
    (
        "upstream_response_time",
        &[
            "upstreamresponsetime",
            "urt",
            "upstreamtime",
            "ut",
            "upresptime",
            "upsresptime",
            "upstreamrt",
            "uptime",
            "ust",
            "backendtime",
            "uresp",
            "upsrt",
            "urtime",
            "upstreamlatency",
        ],
    ),
    ("upstream_header_time", &["upstreamheadertime", "uht", "upheadertime", "upsht"]),
    ("upstream_connect_time", &["upstreamconnecttime", "uct", "upconnecttime", "upsct"]),
    ("upstream_response_length", &["upstreamresponselength", "url", "uresplen", "upslen"]),
    ("upstream_bytes_received", &["upstreambytesreceived", "ubr"]),
    ("upstream_bytes_sent", &["upstreambytessent", "ubs"]),
    (
        "upstream_cache_status",
        &["upstreamcachestatus", "ucs", "cs", "cache", "cachestatus", "xcache", "uc", "proxycache"],
    ),
    (
        "request_time",
        &[
            "requesttime",
            "rt",
            "rtime",
            "reqtime",
            "duration",
            "latency",
            "took",
            "time",
            "responsetime",
            "elapsed",
            "t",
            "resptime",
            "requestduration",
        ],
    ),
    ("time_local", LOCAL_TIMES),
    ("time_local_variant", LOCAL_TIMES),
    (
        "time_iso8601",
        &[
            "time",
            "timeiso8601",
            "ts",
            "t",
            "timestamp",
            "date",
            "datetime",
            "at",
            "iso",
            "timeiso",
            "when",
        ],
    ),
    ("msec", &["msec", "time", "ts", "timestamp", "epoch", "t", "unix", "timeepoch"]),
    ("request", &["request", "req", "r", "requestline", "httprequest", "line"]),
    ("request_method", &["requestmethod", "method", "m", "verb", "reqmethod", "httpmethod"]),
    (
        "request_uri",
        &[
            "requesturi",
            "uri",
            "path",
            "url",
            "u",
            "requrl",
            "requestpath",
            "target",
            "requri",
            "p",
            "urlpath",
            "req",
        ],
    ),
    ("args", &["args", "query", "querystring", "q", "arg"]),
    ("server_protocol", &["serverprotocol", "protocol", "proto", "httpversion", "p"]),
    ("scheme", &["scheme", "proto", "protocol"]),
    ("host", &["host", "h", "httphost", "domain", "site", "authority", "reqhost"]),
    ("server_name", &["servername", "vhost", "server", "sn", "virtualhost", "v"]),
    (
        "remote_addr",
        &[
            "remoteaddr",
            "client",
            "ip",
            "clientip",
            "remote",
            "addr",
            "remoteip",
            "src",
            "srcip",
            "clientaddr",
            "c",
            "realip",
            "from",
            "remotehost",
        ],
    ),
    ("remote_user", &["remoteuser", "user", "usr", "authuser"]),
    ("http_user_agent", &["httpuseragent", "ua", "useragent", "agent", "browser"]),
    ("http_referer", &["httpreferer", "httpreferrer", "referer", "referrer", "ref", "rf"]),
    (
        "http_x_forwarded_for",
        &["httpxforwardedfor", "xff", "xforwardedfor", "forwardedfor", "fwd", "forwarded"],
    ),
    (
        "body_bytes_sent",
        &[
            "bodybytessent",
            "bytes",
            "size",
            "bbs",
            "bodybytes",
            "bodysize",
            "length",
            "responsesize",
            "len",
            "b",
            "resplen",
            "body",
        ],
    ),
    ("bytes_sent", &["bytessent", "sent", "bs", "bytesout", "out"]),
    (
        "request_length",
        &["requestlength", "rl", "reqlen", "bytesin", "in", "reqlength", "requestsize"],
    ),
    (
        "request_id",
        &[
            "requestid",
            "rid",
            "reqid",
            "id",
            "xrequestid",
            "traceid",
            "trace",
            "uuid",
            "correlationid",
        ],
    ),
    ("connection", &["connection", "conn", "cid", "cn", "connid", "connectionid"]),
    ("connection_requests", &["connectionrequests", "connreqs", "cr", "connrequests"]),
    ("proxy_upstream_name", &["proxyupstreamname", "pun"]),
    ("proxy_alternative_upstream_name", &["proxyalternativeupstreamname"]),
    ("limit_req_status", &["limitreqstatus", "limitreq", "lrs", "lr", "ratelimit", "limit"]),
    ("limit_conn_status", &["limitconnstatus", "limitconn", "lcs", "lc"]),
];

/// The variable of a field.
pub(super) fn variable_of_field(field: Field) -> Option<&'static str> {
    // The path alone is a target all the same.
    let field = if field == Field::Uri { Field::RequestUri } else { field };
    let mut variables = KEYS.iter().map(|(variable, _)| *variable);
    variables.find(|variable| nginx_variable(variable).0 == field)
}

/// The first variable that a key may stand for.
pub(super) fn variable_of_key(key: &[u8]) -> Option<&'static str> {
    let key = plain_key(&String::from_utf8_lossy(key));
    // One letter before a colon is no label: `c:` may be anything.
    if key.len() < 2 || key == "unix" {
        return None;
    }
    KEYS.iter().find(|(_, keys)| keys.contains(&key.as_str())).map(|(variable, _)| *variable)
}

/// True for a key that may stand for a variable.
pub(super) fn is_label(key: &str) -> bool {
    let key = plain_key(key);
    KEYS.iter().any(|(_, keys)| keys.contains(&key.as_str()))
}

/// The variables that a key may stand for and whose values look like these.
pub(super) fn variables_for(key: &str, column: &Column<'_>) -> Option<&'static str> {
    let key = plain_key(key);
    KEYS.iter()
        .filter(|(_, keys)| keys.contains(&key.as_str()))
        .map(|(variable, _)| *variable)
        .find(|variable| {
            let is_sure = *variable != "upstream_addr" || is_own_name(&key, variable);
            // Others call the name of a backend so.
            fits_variable(variable, column)
                && (is_sure || column.n_present() == 0 || column.has_peers())
        })
}

/// True for keys that spell the variable's own name.
pub(super) fn is_own_name(key: &str, variable: &str) -> bool {
    plain_key(key) == plain_key(variable)
}

fn plain_key(key: &str) -> String {
    key.chars()
        .filter(|letter| !"_-.@".contains(*letter))
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

/// True when the values may be those of the variable. Values that are all absent prove nothing, so only mandatory
/// variables refuse them.
fn fits_variable(variable: &str, column: &Column<'_>) -> bool {
    let never = column.n_present() == 0;
    let is = |kinds: &[Kind]| never || column.is(kinds);
    match variable {
        "status" => column.is(&[Kind::Status]) && column.is_always_single(),
        "upstream_status" => is_status_list(column) || never,
        "upstream_addr" => {
            column.count(Kind::Addr) > 0 || is(&[Kind::Ip, Kind::Word, Kind::Host, Kind::Url])
        }
        "upstream_response_time" | "upstream_header_time" | "upstream_connect_time" => {
            is(&[Kind::Seconds])
        }
        "upstream_response_length"
        | "upstream_bytes_received"
        | "upstream_bytes_sent"
        | "body_bytes_sent"
        | "bytes_sent"
        | "request_length"
        | "connection"
        | "connection_requests" => is(&[Kind::Int, Kind::Status, Kind::Epoch]),
        "upstream_cache_status" => is(&[Kind::Cache]),
        "limit_req_status" | "limit_conn_status" => is(&[Kind::Limit]),
        "request_time" => column.is(&[Kind::Seconds]) && column.is_always_single(),
        "time_local" => column.is(&[Kind::Clf]),
        "time_local_variant" => column.is(&[Kind::ClfVariant]),
        "time_iso8601" => column.is(&[Kind::Iso]),
        "msec" => column.is(&[Kind::Epoch]),
        "request" => column.count(Kind::Request) * 2 > column.n_present(),
        "request_method" => column.count(Kind::Method) * 10 >= column.n_present() * 9,
        "request_uri" => !never && column.count(Kind::Path) * 10 >= column.n_present() * 8,
        "server_protocol" => column.is(&[Kind::Protocol]),
        "scheme" => column.is(&[Kind::Scheme]),
        "remote_addr" => column.is(&[Kind::Ip]) && column.n_lists == 0,
        "host" | "server_name" => {
            column.is(&[Kind::Host, Kind::Word, Kind::Ip, Kind::Addr]) && column.n_lists == 0
        }
        "http_user_agent" => !never && column.count(Kind::Addr) * 2 < column.n_present(),
        "http_x_forwarded_for" => is(&[Kind::Ip]),
        "http_referer" => is(&[Kind::Url, Kind::Host, Kind::Word, Kind::Path, Kind::Text]),
        "request_id" => is(&[Kind::Id, Kind::Word]),
        "proxy_upstream_name" | "proxy_alternative_upstream_name" | "remote_user" | "args" => true,
        _ => false,
    }
}

/// True for columns of statuses, lists of statuses and absence marks.
pub(super) fn is_status_list(column: &Column<'_>) -> bool {
    // Items of a list are judged one by one: `502, 503` has kind `Status`.
    column.is(&[Kind::Status])
}
