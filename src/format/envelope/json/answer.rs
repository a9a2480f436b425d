//! Lines in answers of log stores that hold them in arrays: pairs of Loki, rows of `CloudWatch` Logs Insights.
//!
//! In: one record, as `input/unwrap.rs` cuts it out of the answer: `["1795210182000000000","LINE"]`, or
//! `[{"field":"@timestamp","value":"2026-11-20 21:29:42.000"},{"field":"@message","value":"LINE"}]`. Out: the line, at the
//! time that the store gives.
//! Source: Loki "HTTP API", `query_range` and `push`; `CloudWatch` Logs, `GetQueryResults`.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::super::container::without_break;
use super::super::{Envelope, Opened, decoded, raw_string};
use crate::format::app_log::parse_stamp;
use crate::time::{Notation, Stamp};

/// Digits of the nanoseconds since the epoch.
const NANOS: usize = 19;

static MESSAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"@message\""));
static TIME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"@timestamp\""));

/// An array with a line in it.
#[derive(Debug)]
pub struct AnswerRow;

impl Envelope for AnswerRow {
    fn name(&self) -> &'static str {
        "an array in json"
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

    fn is_certain(&self) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let inside = record.trim_ascii_start().strip_prefix(b"[")?.trim_ascii_start();
        let (line, stamp) = match inside.first()? {
            b'"' => pair(inside)?,
            b'{' => row(inside)?,
            _ => return None,
        };
        let (line, escaped) = raw_string(line)?;
        let line = without_break(line);
        let escaped = escaped && memchr::memchr(b'\\', line).is_some();
        let stamp = stamp.filter(|text| parse_stamp(text).is_some());
        Some(Opened { inner: decoded(line, escaped), stamp, origin: None, level: b"" })
    }
}

/// The value of the line, and the time.
type Parts<'a> = (&'a [u8], Option<&'a [u8]>);

/// Nanoseconds since the epoch and a line; behind them may stand an object of labels.
fn pair(inside: &[u8]) -> Option<Parts<'_>> {
    let (nanos, _) = raw_string(inside)?;
    let is_time = nanos.len() == NANOS && nanos.iter().all(u8::is_ascii_digit);
    let rest = inside[nanos.len() + 2..].trim_ascii_start().strip_prefix(b",")?;
    is_time.then_some((rest.trim_ascii_start(), Some(nanos)))
}

/// Fields by name.
fn row(inside: &[u8]) -> Option<Parts<'_>> {
    let first = inside.strip_prefix(b"{")?.trim_ascii_start();
    let is_row = first.starts_with(b"\"field\"");
    let stamp = field(&TIME, inside).and_then(raw_string).map(|(text, _)| text);
    Some((field(&MESSAGE, inside).filter(|_| is_row)?, stamp))
}

/// The value of `{"field":"NAME","value":VALUE}`.
fn field<'a>(name: &Finder<'_>, row: &'a [u8]) -> Option<&'a [u8]> {
    let at = name.find_iter(row).find(|at| {
        let before = row[..*at].trim_ascii_end().strip_suffix(b":");
        before.is_some_and(|before| before.trim_ascii_end().ends_with(b"\"field\""))
    })?;
    let mut rest = row[at + name.needle().len()..].trim_ascii_start();
    for part in [&b","[..], b"\"value\"", b":"] {
        rest = rest.strip_prefix(part)?.trim_ascii_start();
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_and_its_time_are_found() {
        let open = |record: &str| {
            let opened = AnswerRow.open(record.as_bytes())?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Some((text(&opened.inner), opened.stamp.map(text)))
        };
        let found = |line: &str, time: &str| Some((line.to_owned(), Some(time.to_owned())));
        let nanos = "1795210182000000000";
        assert_eq!(open(r#"["1795210182000000000","a \"b\""]"#), found("a \"b\"", nanos));
        let labelled = r#"[ "1795210182000000000", "a\n", {"pod":"x"} ]"#;
        assert_eq!(open(labelled), found("a", nanos));
        let row = r#"[{"field":"@ptr","value":"@message"},{"field":"@timestamp","value":"2026-11-20 21:29:42.000"},{"field" : "@message", "value" : "{\"a\":1}"}]"#;
        assert_eq!(open(row), found("{\"a\":1}", "2026-11-20 21:29:42.000"));
        for other in [
            r#"["1795210182","a"]"#,
            r#"["179521018200000000x","a"]"#,
            r#"["1795210182000000000"]"#,
            r#"[{"field":"@timestamp","value":"2026-11-20 21:29:42.000"}]"#,
            r#"[{"x":"@message","value":"a"}]"#,
            "[",
            "[Fri Nov 20 21:29:42 2026] [error] a",
        ] {
            assert_eq!(open(other), None, "{other}");
        }
    }
}
