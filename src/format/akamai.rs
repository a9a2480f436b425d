//! Akamai `DataStream` 2 in JSON: one object per request, fields without a value left out.
//!
//! In: lines with `reqTimeSec` and `statusCode`. Out: access records.
//! Source: Akamai documentation, `DataStream` 2 "Data set parameters" (names and order of the JSON log format).

use super::Instant;
use super::json_declared::{ANY_TIME, Declared, Use, key, time_at};
use crate::record::Field;
use crate::taxonomy::Server;

/// A stream of raw logs.
pub const DATASTREAM: Declared = Declared {
    name: "akamai_datastream",
    summary: "Akamai DataStream 2 (JSON); recognised by \"reqTimeSec\" and \"statusCode\"",
    server: Server::Akamai,
    instant: Instant::Start,
    required: &[key(&["reqTimeSec"]), key(&["statusCode"])],
    besides: &[],
    time: &[time_at("reqTimeSec", ANY_TIME)],
    status: &["statusCode"],
    fields: &[
        ("cliIP", Use::As(Field::RemoteAddr)),
        ("reqHost", Use::As(Field::Host)),
        ("reqMethod", Use::As(Field::Method)),
        ("reqPath", Use::As(Field::Uri)),
        ("queryStr", Use::As(Field::Args)),
        ("proto", Use::As(Field::Protocol)),
        ("UA", Use::As(Field::UserAgent)),
        ("referer", Use::As(Field::Referer)),
        ("xForwardedFor", Use::As(Field::ForwardedFor)),
        ("reqId", Use::As(Field::RequestId)),
        ("bytes", Use::As(Field::BodyBytes)),
        ("totalBytes", Use::As(Field::BytesSent)),
        ("cacheStatus", Use::As(Field::UpstreamCacheStatus)),
        ("errorCode", Use::As(Field::ResponseDetails)),
        ("breadcrumbs", Use::As(Field::Breadcrumbs)),
        ("turnAroundTimeMSec", Use::As(Field::RequestTimeMillis)),
        ("edgeIP", Use::As(Field::ServerIp)),
        ("securityRules", Use::As(Field::SecurityAction)),
    ],
    finish: None,
};
