//! Rows of IIS and HTTP.sys that shippers of logs have taken apart: one JSON object per row.
//!
//! In: events of the `iis` module of Filebeat and Elastic Agent; rows under the names of their W3C columns, as `NXLog` writes
//! them in JSON, Log Parser and `Export-Csv` as tables. Out: access records.
//! Source: fields of the `iis` module (`iis.access`, `iis.error`); `NXLog` documentation, `xm_w3c`.

use super::Instant;
use super::iis_arr::take_apart_query;
use super::json_declared::{ANY_TIME, Declared, TimeAt, Use, key, time_at};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::Server;
use crate::time::Notation;

/// Events of the `iis` module: of the log of a site, or of that of HTTP.sys.
pub const MODULE: Declared = Declared {
    name: "iis_module",
    summary: "IIS and HTTPERR rows as events of Filebeat's iis module; recognised by \"iis\" with \"access\" or \"error\"",
    server: Server::Iis,
    instant: Instant::End,
    required: &[
        key(&[
            "iis>access>sub_status",
            "iis>access>win32_status",
            "iis>error>reason_phrase",
            "iis>error>queue_name",
        ]),
        key(&["url>path", "url>original"]),
    ],
    besides: &[],
    time: &[time_at("@timestamp", ANY_TIME)],
    status: &["http>response>status_code"],
    fields: &[
        ("source>address", Use::Client),
        ("source>ip", Use::Client),
        ("source>port", Use::As(Field::ClientPort)),
        ("http>request>method", Use::As(Field::Method)),
        ("url>path", Use::As(Field::Uri)),
        ("url>query", Use::As(Field::Args)),
        ("url>original", Use::As(Field::RequestUri)),
        ("http>request>referrer", Use::As(Field::Referer)),
        ("user_agent>original", Use::As(Field::UserAgent)),
        ("user>name", Use::As(Field::RemoteUser)),
        ("destination>domain", Use::As(Field::Host)),
        ("destination>address", Use::As(Field::ServerIp)),
        ("destination>ip", Use::As(Field::ServerIp)),
        ("destination>port", Use::As(Field::ServerPort)),
        ("http>response>body>bytes", Use::As(Field::BytesSent)),
        ("http>request>body>bytes", Use::As(Field::RequestLength)),
        ("event>duration", Use::As(Field::RequestTimeNanos)),
        ("iis>access>sub_status", Use::As(Field::SubStatus)),
        ("iis>access>win32_status", Use::As(Field::Win32Status)),
        ("iis>access>site_name", Use::As(Field::SiteName)),
        ("iis>access>server_name", Use::As(Field::ComputerName)),
        ("iis>error>site_id", Use::As(Field::SiteName)),
        ("iis>error>reason_phrase", Use::As(Field::Reason)),
        ("iis>error>queue_name", Use::As(Field::QueueName)),
    ],
    finish: Some(of_module),
};

/// The module leaves a query out where its column, which it always expects, has none; beside the whole target it may have
/// the parts.
fn of_module(record: &mut AccessRecord<'_>) {
    let has_query = record.raw(Field::Args).is_some();
    take_apart_query(record);
    if record.raw(Field::SubStatus).is_some() && !has_query {
        record.set(Field::Args, b"-");
    }
    if record.raw(Field::Uri).is_some() {
        record.replace(Field::RequestUri, None);
    }
}

/// Rows under the names of their columns.
pub const COLUMNS: Declared = Declared {
    name: "iis_columns",
    summary: "IIS and HTTPERR rows as JSON, e.g. by NXLog, or as CSV, e.g. by Log Parser; recognised by keys such as \"cs-uri-stem\" and \"sc-substatus\"",
    server: Server::Iis,
    instant: Instant::End,
    required: &[
        key(&["cs-uri-stem", "cs-uri"]),
        key(&["sc-substatus", "sc-win32-status", "s-reason"]),
    ],
    besides: &[],
    time: &[
        // Both of the row itself, and so of UTC.
        TimeAt { path: "date", clock: Some("time"), notations: &[Notation::W3c] },
        time_at("@timestamp", ANY_TIME),
        time_at("EventTime", ANY_TIME),
        time_at("timestamp", ANY_TIME),
        time_at("time", ANY_TIME),
        // Of Fluent Bit.
        time_at("date", ANY_TIME),
    ],
    status: &["sc-status"],
    fields: &[
        ("c-ip", Use::Client),
        ("c-port", Use::As(Field::ClientPort)),
        ("cs-method", Use::As(Field::Method)),
        ("cs-uri-stem", Use::As(Field::Uri)),
        ("cs-uri-query", Use::OfColumn(Field::Args)),
        ("cs-uri", Use::As(Field::RequestUri)),
        ("cs-version", Use::As(Field::Protocol)),
        ("cs-username", Use::As(Field::RemoteUser)),
        ("cs(User-Agent)", Use::As(Field::UserAgent)),
        ("cs(Referer)", Use::As(Field::Referer)),
        ("cs-host", Use::As(Field::Host)),
        ("cs(Host)", Use::As(Field::Host)),
        ("X-Forwarded-For", Use::As(Field::ForwardedFor)),
        ("cs(X-Forwarded-For)", Use::As(Field::ForwardedFor)),
        ("s-ip", Use::As(Field::ServerIp)),
        ("s-port", Use::As(Field::ServerPort)),
        ("s-sitename", Use::As(Field::SiteName)),
        ("s-siteid", Use::As(Field::SiteName)),
        ("s-computername", Use::As(Field::ComputerName)),
        ("sc-substatus", Use::As(Field::SubStatus)),
        ("sc-win32-status", Use::As(Field::Win32Status)),
        ("sc-bytes", Use::As(Field::BytesSent)),
        ("cs-bytes", Use::As(Field::RequestLength)),
        ("time-taken", Use::As(Field::RequestTimeMillis)),
        ("s-reason", Use::As(Field::Reason)),
        ("s-queuename", Use::As(Field::QueueName)),
    ],
    finish: Some(take_apart_query),
};
