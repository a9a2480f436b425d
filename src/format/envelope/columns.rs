//! Lines of columns: what zap's console encoder writes of the object that its other encoder would.

use std::borrow::Cow;

use super::{Envelope, Opened};

/// Levels, in capitals.
const LEVELS: &[&[u8]] = &[b"DEBUG", b"INFO", b"WARN", b"ERROR", b"DPANIC", b"PANIC", b"FATAL"];

/// Time, level, logger, message and an object, with tabs between them: Caddy's `format console`, and what it writes to
/// a terminal. Inside is the object that `format json` writes.
///
/// Source: zap `zapcore/console_encoder.go`; Caddy `modules/logging/encoders.go`.
#[derive(Debug)]
pub struct ZapConsole;

impl Envelope for ZapConsole {
    fn name(&self) -> &'static str {
        "columns of zap's console encoder"
    }

    fn decodes(&self) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let (time, rest) = column(record)?;
        let (level, rest) = column(rest)?;
        let level = without_colour(level);
        if !LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level)) {
            return None;
        }
        let (texts, object) = match memchr::memmem::find(rest, b"\t{") {
            Some(at) if rest.ends_with(b"}") => (&rest[..at], &rest[at + 1..]),
            _ => (rest, &b"{}"[..]),
        };
        let (logger, message) = column(texts).unwrap_or((b"", texts));
        let mut inner = Vec::with_capacity(record.len() + 40);
        for (key, text) in
            [("{\"level\":\"", level), ("\",\"ts\":\"", time), ("\",\"logger\":\"", logger)]
        {
            inner.extend_from_slice(key.as_bytes());
            push_escaped(&mut inner, text);
        }
        inner.extend_from_slice(b"\",\"msg\":\"");
        push_escaped(&mut inner, message);
        inner.extend_from_slice(if object == b"{}" { b"\"" } else { b"\"," });
        inner.extend_from_slice(&object[1..]);
        Some(Opened { inner: Cow::Owned(inner), ..Opened::default() })
    }
}

/// What stands before a tab, and what behind it.
fn column(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let tab = memchr::memchr(b'\t', text)?;
    Some((&text[..tab], &text[tab + 1..]))
}

/// `\x1b[31mERROR\x1b[0m`
fn without_colour(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte == b'm');
    let inner = match (text.strip_prefix(b"\x1b["), end) {
        (Some(_), Some(end)) => &text[end + 1..],
        _ => text,
    };
    inner.strip_suffix(b"\x1b[0m").unwrap_or(inner)
}

fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            0..=0x1f => out.push(b' '),
            _ => out.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, inner: Option<&str>) {
        let opened = ZapConsole.open(line.as_bytes());
        let text = opened.map(|opened| String::from_utf8_lossy(&opened.inner).into_owned());
        assert_eq!(text.as_deref(), inner, "{line:?}");
    }

    #[test]
    fn columns_become_the_object_that_they_were() {
        check(
            "2026/11/21 21:45:34.438\t\x1b[31mERROR\x1b[0m\thttp.log.access.log1\thandled request\t{\"status\": 503}",
            Some(
                r#"{"level":"ERROR","ts":"2026/11/21 21:45:34.438","logger":"http.log.access.log1","msg":"handled request","status": 503}"#,
            ),
        );
        check(
            "1795297534.4\tinfo\thttp\tsay \"no\"",
            Some(r#"{"level":"info","ts":"1795297534.4","logger":"http","msg":"say \"no\""}"#),
        );
        check(
            "2026/11/21 21:45:34.438\tINFO\tserving initial configuration",
            Some(
                r#"{"level":"INFO","ts":"2026/11/21 21:45:34.438","logger":"","msg":"serving initial configuration"}"#,
            ),
        );
        check("a\tb\tc\td", None);
        check("2026/11/21 21:45:34.438 INFO nothing", None);
        check("", None);
    }
}
