//! Every line as it is understood: one JSON object per line of input.
//!
//! In: a [`SeenLine`] of the scan. Out: one row: common fields under fixed names, and all fields of the record under the
//! server's own names.
//! Invariants: one row per line, in order; a field that a line does not have is left out; the text of a message includes
//! the lines that go on with it, each of which has a row of its own behind it. A time without zone is given as
//! `local_at`, unless the user named the zone. Personal data is replaced where that is asked for.

use std::io::Write;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::written;
use crate::attribute::zones::{InputZone, ZonePolicy};
use crate::bytes::first_line;
use crate::error::{Error, Result};
use crate::format::Reader;
use crate::record::{
    AccessRecord, ErrorRecord, Escape, Field, Record, Skip, split_request, unescape,
};
use crate::redact::{NOT_SHOWN, Parts, Redactor};
use crate::report::text_of::{access_parts, message_parts, quoted};
use crate::scan::{LineKind, SeenLine, host_of};
use crate::taxonomy::{LogRole, Server};
use crate::time::{SECOND_US, Stamp, Timestamp};

/// One row. What is `None` is left out.
#[derive(Debug, Default, Serialize)]
struct Row<'r> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    source: &'r str,
    line: u64,
    byte_offset: u64,
    #[serde(flatten)]
    shown: Shown,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Fields::is_empty")]
    fields: Fields,
}

/// What records of all formats have in common.
#[derive(Debug, Default, Serialize)]
struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

/// Fields under the server's own names, in the order of the line. A name that comes again has a list.
#[derive(Debug, Default)]
struct Fields(Vec<(String, Vec<String>)>);

impl Fields {
    /// All fields of a record.
    fn of(reader: &dyn Reader, record: &[u8], showing: &Showing<'_>) -> Self {
        let mut fields: Vec<(String, Vec<String>)> = Vec::new();
        reader.read_fields(record, &mut |name, raw| {
            let value = showing.plain(raw);
            match fields.iter_mut().find(|field| field.0 == name) {
                Some((_, values)) => values.push(value),
                None => fields.push((name.to_owned(), vec![value])),
            }
        });
        Fields(fields)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(self.0.len()))?;
        for (name, values) in &self.0 {
            match values.as_slice() {
                [value] => map.serialize_entry(name, value)?,
                values => map.serialize_entry(name, values)?,
            }
        }
        map.end()
    }
}

/// What all rows have in common.
#[derive(Debug, Clone, Copy)]
pub struct RowStyle<'r> {
    /// What the user said of times without zone.
    pub zone: ZonePolicy,
    /// Replaces personal data.
    pub redactor: Option<&'r Redactor>,
}

/// How the values of a record are shown.
struct Showing<'r> {
    escape: Escape,
    redaction: Option<(&'r Redactor, Parts<'r>)>,
}

impl Showing<'_> {
    /// A value with its escapes undone; what is no UTF-8 becomes U+FFFD.
    fn plain(&self, raw: &[u8]) -> String {
        match &self.redaction {
            Some((redactor, parts)) => plain(self.escape, redactor.record(raw, parts).as_bytes()),
            None => plain(self.escape, raw),
        }
    }

    /// The value of a text; `None` for an empty one.
    fn some(&self, raw: &[u8]) -> Option<String> {
        (!raw.is_empty()).then(|| self.plain(raw))
    }
}

/// Writes the row of a line. `source` is the input's path.
///
/// # Errors
///
/// When the writer fails.
pub fn write_record(
    seen: &SeenLine,
    source: &str,
    style: RowStyle<'_>,
    out: &mut dyn Write,
) -> Result<()> {
    let row = row(seen, source, style);
    serde_json::to_writer(&mut *out, &row).map_err(|error| Error::Output(error.into()))?;
    written(out.write_all(b"\n"))
}

fn row<'r>(seen: &SeenLine, source: &'r str, style: RowStyle<'_>) -> Row<'r> {
    let row = Row { source, line: seen.line, byte_offset: seen.offset, ..Row::default() };
    let reader = |index: usize| seen.plan.readers.get(index).map(AsRef::as_ref);
    // What of such a line is personal cannot be told.
    let text = || match style.redactor {
        Some(_) => Some(NOT_SHOWN.to_owned()),
        None => Some(quoted(&seen.text)),
    };
    match seen.kind {
        LineKind::Record(index) => match reader(index) {
            Some(reader) => record_row(row, reader, seen, style),
            None => Row { kind: "unparsed", ..row },
        },
        LineKind::Continuation(index) => Row {
            kind: "continuation",
            format: reader(index).map(|reader| reader.about().format),
            text: text(),
            ..row
        },
        LineKind::Directive => Row { kind: "directive", text: text(), ..row },
        LineKind::Blank => Row { kind: "blank", ..row },
        LineKind::Unparsed(reason) => {
            let text = if reason == Skip::TooLong { None } else { text() };
            Row { kind: "unparsed", reason: Some(reason.as_str()), text, ..row }
        }
    }
}

/// The row of a record: by the reader that took the line, else by the first one that understands it wholly.
fn record_row<'r>(
    row: Row<'r>,
    taker: &dyn Reader,
    seen: &SeenLine,
    style: RowStyle<'_>,
) -> Row<'r> {
    let first_line = first_line(&seen.text);
    let others = seen.plan.readers.iter().map(AsRef::as_ref);
    let understood = std::iter::once(taker).chain(others).find_map(|reader| {
        let mut found = None;
        reader.read(&seen.text, &mut |result| {
            found = result.ok().map(|record| understood_by(reader, &record, &seen.text, style));
        });
        found.map(|found| (reader, found))
    });
    if let Some((reader, (kind, shown, fields))) = understood {
        return Row { kind, format: Some(reader.about().format), shown, fields, ..row };
    }
    // Time and status are at their place, and no layout fits the line to its end.
    let glance = taker.glance(first_line).ok();
    let mut shown = Shown { truncated: true, ..Shown::default() };
    if let Some(stamp) = glance.and_then(|glance| taker.stamp(glance.stamp)) {
        shown.set_time(stamp, style.zone);
    }
    shown.status = glance.map(|glance| glance.status).filter(|status| *status > 0);
    let is_access = taker.about().role == LogRole::Access;
    Row {
        kind: if is_access { "access" } else { "error" },
        format: Some(taker.about().format),
        shown,
        reason: Some("no known layout fits the line to its end"),
        text: Some(style.redactor.map_or_else(|| quoted(&seen.text), |_| NOT_SHOWN.to_owned())),
        ..row
    }
}

/// Kind, common fields and own fields of a record.
fn understood_by(
    reader: &dyn Reader,
    record: &Record<'_>,
    bytes: &[u8],
    style: RowStyle<'_>,
) -> (&'static str, Shown, Fields) {
    match record {
        Record::Access(record) => {
            let redaction = style.redactor.map(|redactor| (redactor, access_parts(record)));
            let showing = Showing { escape: record.escape, redaction };
            let fields = Fields::of(reader, bytes, &showing);
            ("access", of_access(record, &showing, style.zone), fields)
        }
        Record::Error(record) => {
            let redaction = style.redactor.map(|redactor| (redactor, message_parts(record)));
            let showing = Showing { escape: Escape::None, redaction };
            let fields = Fields::of(reader, bytes, &showing);
            ("error", of_error(record, reader, bytes, &showing, style.zone), fields)
        }
    }
}

impl Shown {
    fn set_time(&mut self, stamp: Stamp, zone: ZonePolicy) {
        if stamp.offset_s.is_some() {
            self.at = Some(Timestamp(stamp.micros));
        } else if zone == ZonePolicy::Unsaid {
            let text = Timestamp(stamp.micros).to_rfc3339();
            self.local_at = Some(text.trim_end_matches('Z').to_owned());
        } else {
            let offset_s = InputZone::Flag(zone).offset_at(stamp.micros);
            self.at = Some(Timestamp(stamp.micros - i64::from(offset_s) * SECOND_US));
        }
    }
}

/// A value with its escapes undone; what is no UTF-8 becomes U+FFFD.
fn plain(escape: Escape, raw: &[u8]) -> String {
    let mut bytes = vec![0; raw.len()];
    let n = unescape(escape, raw, &mut bytes);
    String::from_utf8_lossy(&bytes[..n]).into_owned()
}

fn of_access(record: &AccessRecord<'_>, showing: &Showing<'_>, zone: ZonePolicy) -> Shown {
    let field = |field: Field| record.value(field).and_then(|raw| showing.some(raw));
    let (method, _) = record.request();
    let (path, query) = record.target_parts();
    let is_none = path == b"-";
    let path = if is_none { None } else { showing.some(path) };
    let query = query.map(|query| showing.plain(query));
    let mut shown = Shown {
        message: field(Field::Reason),
        status: Some(record.status).filter(|status| *status > 0),
        method: showing.some(method),
        target: path.as_ref().map(|path| match &query {
            Some(query) => format!("{path}?{query}"),
            None => path.clone(),
        }),
        path,
        query,
        host: showing.some(host_of(record)),
        server_name: field(Field::ServerName),
        client: field(Field::RemoteAddr),
        user_agent: field(Field::UserAgent),
        referer: field(Field::Referer),
        bytes: record.body_bytes(),
        duration_ms: record.duration_us().map(|us| us as f64 / 1000.0),
        upstream: record.upstreams().and_then(|raw| showing.some(&raw)),
        upstream_status: field(Field::UpstreamStatus),
        request_id: field(Field::RequestId),
        ..Shown::default()
    };
    shown.set_time(record.stamp, zone);
    shown
}

fn of_error(
    record: &ErrorRecord<'_>,
    reader: &dyn Reader,
    bytes: &[u8],
    showing: &Showing<'_>,
    zone: ZonePolicy,
) -> Shown {
    // What the server itself calls its message: that of the record may hold the error number and the client too.
    let mut message = None;
    reader.read_fields(bytes, &mut |name, value| {
        if name == "message" {
            message = Some(showing.plain(value));
        }
    });
    let text = |raw: Option<&[u8]>| raw.and_then(|raw| showing.some(raw));
    let (method, target) = split_request(record.request.unwrap_or_default());
    let mark = memchr::memchr(b'?', target);
    let mut shown = Shown {
        level: text(Some(record.level)),
        pid: record.pid,
        // Others number no connections.
        connection: record.connection.filter(|_| reader.about().server == Server::Nginx),
        message: message.or_else(|| Some(showing.plain(record.message))),
        method: text(Some(method)),
        target: text(Some(target)),
        path: text(Some(&target[..mark.unwrap_or(target.len())])),
        query: mark.map(|mark| showing.plain(&target[mark + 1..])),
        host: text(record.host),
        server_name: text(record.server),
        client: text(record.client),
        referer: text(record.referrer),
        upstream: text(record.upstream),
        truncated: record.truncated,
        ..Shown::default()
    };
    if let Some(stamp) = record.stamp {
        shown.set_time(stamp, zone);
    }
    shown
}
