//! Lines as shippers of logs write them to files and terminals: Fluentd's `out_file`, `stern`, and pairs of logfmt.

use memchr::memmem;

use super::json::MessageJson;
use super::prefix::leading_stamp;
use super::{Envelope, Opened, decoded, raw_string};
use crate::time::{Notation, Stamp, parse_iso8601};

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

/// `POD CONTAINER LINE`, also with a time before the line: `stern`.
#[derive(Debug)]
pub struct Stern;

impl Envelope for Stern {
    fn name(&self) -> &'static str {
        "stern"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Iso8601)
    }

    fn is_certain(&self) -> bool {
        false
    }

    fn shows_layouts(&self) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let is_name = |word: &[u8]| {
            let is_part = |byte: &u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(byte)
            };
            word.first().is_some_and(u8::is_ascii_lowercase) && word.iter().all(is_part)
        };
        let pod = memchr::memchr(b' ', record)?;
        let container = pod + 1 + memchr::memchr(b' ', &record[pod + 1..])?;
        // The names of pods end in what their controller adds.
        let is_pod = is_name(&record[..pod]) && record[..pod].contains(&b'-');
        if !is_pod || !is_name(&record[pod + 1..container]) {
            return None;
        }
        let rest = &record[container + 1..];
        let (stamp, inner) = match leading_stamp(rest) {
            Some((stamp, inner)) => (Some(stamp), inner),
            None => (None, rest),
        };
        // Words of a sentence may look like names.
        let is_line = stamp.is_some() || matches!(inner.first()?, b'{' | b'[' | b'"' | b'0'..=b'9');
        is_line.then_some(Opened {
            inner: inner.into(),
            stamp,
            origin: Some(&record[..container]),
            level: b"",
        })
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

    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        parse_iso8601(text)
    }

    fn decodes(&self) -> bool {
        true
    }

    fn is_certain(&self) -> bool {
        false
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_pods_are_told_from_words() {
        let check = |line: &str, inner: Option<&str>| {
            let opened = Stern.open(line.as_bytes()).map(|opened| opened.inner.into_owned());
            assert_eq!(opened.as_deref(), inner.map(str::as_bytes), "{line}");
        };
        check("web-687cf57f46-dx6v7 web {\"a\":1}", Some("{\"a\":1}"));
        check("gateway-0 istio-proxy [2026-01-01T00:00:00Z] x", Some("[2026-01-01T00:00:00Z] x"));
        check("starting web {\"a\":1}", None);
        check("web-687cf57f46-dx6v7 did not start", None);
    }
}
