//! Lines as shippers of logs write them to files and terminals: Fluentd's `out_file`, and pairs of logfmt.

use memchr::memmem;

use super::json::MessageJson;
use super::{Envelope, Opened, decoded, raw_string};
use crate::time::{Notation, parse_iso8601};

/// Keys of the line in pairs.
const LINES: [&[u8]; 4] = [b" msg=\"", b" message=\"", b" line=\"", b" log=\""];

/// Keys of its time there.
const TIMES: [&[u8]; 4] = [b"ts=", b"time=", b"timestamp=", b"@timestamp="];

/// `TIME<tab>TAG<tab>{"message":"LINE"}`, as Fluentd's `out_file` writes it.
#[derive(Debug)]
pub struct FluentdFile;

impl Envelope for FluentdFile {
    fn name(&self) -> &'static str {
        "a file of Fluentd"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Iso8601)
    }

    fn decodes(&self) -> bool {
        true
    }

    fn is_certain(&self) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let end = memchr::memchr(b'\t', &record[..record.len().min(48)])?;
        let (stamp, rest) = (&record[..end], &record[end + 1..]);
        parse_iso8601(stamp)?.offset_s?;
        let end = memchr::memchr(b'\t', rest)?;
        let (tag, object) = (&rest[..end], &rest[end + 1..]);
        let is_tag = !tag.is_empty() && tag.iter().all(u8::is_ascii_graphic);
        if !is_tag || !object.starts_with(b"{") {
            return None;
        }
        let inner = MessageJson.open(object).map_or(object.into(), |opened| opened.inner);
        Some(Opened { inner, stamp: Some(stamp), origin: Some(tag), level: b"" })
    }
}

/// `ts=TIME level=info msg="LINE"`: pairs of logfmt with a line in one of them.
#[derive(Debug)]
pub struct Pairs;

impl Envelope for Pairs {
    fn name(&self) -> &'static str {
        "pairs of logfmt"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Iso8601)
    }

    fn decodes(&self) -> bool {
        true
    }

    fn is_like_messages(&self) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let key = record.iter().position(|byte| *byte == b'=')?;
        let is_key = |byte: &u8| byte.is_ascii_alphanumeric() || b"_@.-".contains(byte);
        if key == 0 || !record[..key].iter().all(is_key) {
            return None;
        }
        let at = LINES
            .iter()
            .filter_map(|key| Some(memmem::find(record, key)? + key.len() - 1))
            .min()?;
        let (line, escaped) = raw_string(&record[at..])?;
        let head = &record[..at];
        let stamp = TIMES.iter().find_map(|key| {
            let found = memmem::find(head, key)?;
            let is_start = found == 0 || head[found - 1] == b' ';
            let value = &head[found + key.len()..];
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            let end = value.iter().position(|byte| b" \"".contains(byte))?;
            (is_start && parse_iso8601(&value[..end]).is_some()).then_some(&value[..end])
        });
        Some(Opened { inner: decoded(line, escaped), stamp, origin: None, level: b"" })
    }
}
