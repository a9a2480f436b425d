//! Lines that a shipper has put into JSON: `{"@timestamp":"...","message":"LINE",...}` of Filebeat and Logstash,
//! `{"date":1795210182.5,"log":"LINE"}` of Fluent Bit, and exports of log stores.
//!
//! In: one object. Out: its message, or the object that it was, at the time that the shipper gives; or the same object
//! with what was a text of JSON in it as an object.
//! Invariants: for messages no object is parsed as a whole; keys are searched, and the message alone is decoded. Nothing tells such an
//! object from an application's own line, so it counts only around lines of a known format.

mod answer;

use std::sync::LazyLock;

use memchr::memmem::Finder;

pub use answer::AnswerRow;

use super::container::{first_line, without_break};
use super::{Envelope, Opened, decoded, raw_string, value_of};
use crate::bytes::offset_of;
use crate::fact::Machine;
use crate::format::app_log::parse_stamp;
use crate::format::json_pairs::Pairs;
use crate::time::{Notation, Stamp};

/// An object with a line in it.
#[derive(Debug)]
pub struct MessageJson;

type Keys<const N: usize> = LazyLock<[Finder<'static>; N]>;

/// Where the line is, the likelier key first.
static LINE: Keys<12> = LazyLock::new(|| {
    [
        "\"message\"",
        "\"log\"",
        "\"msg\"",
        "\"@message\"",
        "\"line\"",
        "\"_raw\"",
        "\"textPayload\"",
        "\"_line\"",
        "\"original\"",
        "\"event\"",
        "\"body\"",
        "\"short_message\"",
    ]
    .map(Finder::new)
});

/// Where GELF has the whole line, if not in `short_message`.
static FULL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"full_message\""));

/// Where the time is.
static TIME: Keys<9> = LazyLock::new(|| {
    [
        "\"@timestamp\"",
        "\"time\"",
        "\"timestamp\"",
        "\"ts\"",
        "\"date\"",
        "\"_time\"",
        "\"_ts\"",
        "\"timeUnixNano\"",
        "\"observedTimeUnixNano\"",
    ]
    .map(Finder::new)
});

/// The value itself, where OpenTelemetry marks it as a text: `{"body":{"stringValue":"LINE"}}`.
fn unmarked(value: &[u8]) -> &[u8] {
    let inside = value.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    let behind = inside.and_then(|inside| inside.strip_prefix(b"\"stringValue\""));
    let text = behind.and_then(|behind| behind.trim_ascii_start().strip_prefix(b":"));
    text.map_or(value, <[u8]>::trim_ascii_start)
}

/// What tells the sources of lines apart.
static ORIGIN: Keys<4> = LazyLock::new(|| {
    ["\"container_name\"", "\"container\"", "\"program\"", "\"path\""].map(Finder::new)
});

/// Where the name of the pod is: Fluent Bit, Fluentd, Vector; labels of Loki.
static POD: Keys<2> = LazyLock::new(|| ["\"pod_name\"", "\"pod\""].map(Finder::new));

static LEVEL: Keys<2> = LazyLock::new(|| ["\"level\"", "\"severity\""].map(Finder::new));

/// Severities, and what nginx calls them.
const LEVELS: [(&[u8], &[u8]); 13] = [
    (b"emergency", b"emerg"),
    (b"emerg", b"emerg"),
    (b"alert", b"alert"),
    (b"fatal", b"crit"),
    (b"critical", b"crit"),
    (b"crit", b"crit"),
    (b"error", b"error"),
    (b"err", b"error"),
    (b"warning", b"warn"),
    (b"warn", b"warn"),
    (b"notice", b"notice"),
    (b"info", b"info"),
    (b"debug", b"debug"),
];

impl Envelope for MessageJson {
    fn name(&self) -> &'static str {
        "json"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Iso8601)
    }

    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        parse_stamp(text)
    }

    fn decodes(&self) -> bool {
        true
    }

    fn is_like_messages(&self) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let object = object_of(record)?;
        let text = |key| {
            let value = value_of(key, object)?;
            raw_string(unmarked(value))
        };
        let found = LINE.iter().enumerate().find_map(|(at, key)| Some((at, text(key)?)))?;
        let (at, (mut line, mut escaped)) = found;
        // GELF cuts the short one off.
        if at + 1 == LINE.len()
            && let Some((full, is_escaped)) = text(&FULL)
            && full.starts_with(line)
        {
            (line, escaped) = (full, escaped || is_escaped);
        }
        let stamp = TIME.iter().find_map(|key| {
            let value = value_of(key, object)?;
            raw_string(value).map_or_else(|| number(value), |(text, _)| Some(text))
        });
        let stamp = stamp.filter(|text| parse_stamp(text).is_some());
        let line = without_break(line);
        let escaped = escaped && memchr::memchr(b'\\', line).is_some();
        Some(Opened { inner: decoded(line, escaped), stamp, origin: None, level: b"" })
    }

    fn machine<'a>(&self, record: &'a [u8]) -> Option<Machine<'a>> {
        let text = |key| value_of(key, first_line(record)).and_then(raw_string);
        POD.iter().find_map(text).map(|(name, _)| Machine::Pod(name))
    }

    fn describe<'a>(&self, record: &'a [u8], opened: &mut Opened<'a>) {
        let text = |key| value_of(key, record).and_then(raw_string).map(|(text, _)| text);
        opened.origin = ORIGIN.iter().find_map(text);
        let word = LEVEL.iter().find_map(text).unwrap_or_default();
        let level = LEVELS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        opened.level = level.map_or(b"", |(_, level)| level);
    }
}

/// The object that a record is.
fn object_of(record: &[u8]) -> Option<&[u8]> {
    Some(first_line(record).trim_ascii_start()).filter(|text| text.starts_with(b"{"))
}

/// The number that a value starts with.
fn number(value: &[u8]) -> Option<&[u8]> {
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let n = value.iter().take_while(|byte| is_part(byte)).count();
    (n > 0).then_some(&value[..n])
}

/// Keys under which shippers and log stores keep an object that a line was.
const OBJECTS: &[&[u8]] = &[
    b"jsonPayload",
    b"_source",
    b"log_processed",
    b"json",
    b"attributes",
    b"message",
    b"log",
    b"parsed",
    b"fields",
    b"body",
    b"event",
    b"payload",
    b"data",
];

/// An object within an object: `{"insertId":"...","jsonPayload":{...},"timestamp":"..."}` of Cloud Logging,
/// `{"_source":{...}}` of Elasticsearch, what Fluent Bit makes of lines in JSON.
#[derive(Debug)]
pub struct ObjectJson;

impl Envelope for ObjectJson {
    fn name(&self) -> &'static str {
        "an object in json"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Iso8601)
    }

    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        parse_stamp(text)
    }

    fn is_like_messages(&self) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        const TIMES: &[&[u8]] = &[b"@timestamp", b"timestamp", b"time", b"date"];
        let object = object_of(record)?;
        let (mut inner, mut stamp) = (None, None);
        for (key, value) in Pairs::of(object).map_while(Result::ok) {
            let before = offset_of(object, value).checked_sub(1).and_then(|at| object.get(at));
            let is_object = value.starts_with(b"{") && before != Some(&b'"');
            if inner.is_none() && is_object && OBJECTS.contains(&key) {
                inner = Some(value);
            } else if TIMES.contains(&key) && parse_stamp(value).is_some() {
                stamp = stamp.or(Some(value));
            }
        }
        Some(Opened { inner: inner?.into(), stamp, ..Opened::default() })
    }
}

/// Key under which resource logs of Azure keep what a service says: an object, or a text of one.
static PROPERTIES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"properties\""));

/// An object that holds another one as a text: `{"time":"...","properties":"{\"ScStatus\":\"503\"}"}`.
#[derive(Debug)]
pub struct TextJson;

impl Envelope for TextJson {
    fn name(&self) -> &'static str {
        "json in json"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Iso8601)
    }

    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        parse_stamp(text)
    }

    fn decodes(&self) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let object = object_of(record)?;
        let (text, escaped) = value_of(&PROPERTIES, object).and_then(raw_string)?;
        if !escaped || !text.trim_ascii_start().starts_with(b"{") {
            return None;
        }
        let start = offset_of(object, text);
        let end = start + text.len();
        // The quotes around it are left out.
        let (before, behind) = (object.get(..start.checked_sub(1)?)?, object.get(end + 1..)?);
        let inner = [before, &decoded(text, true), behind].concat();
        let stamp = TIME.iter().find_map(|key| raw_string(value_of(key, before)?));
        let stamp = stamp.map(|(text, _)| text).filter(|text| parse_stamp(text).is_some());
        Some(Opened { inner: inner.into(), stamp, ..Opened::default() })
    }
}
