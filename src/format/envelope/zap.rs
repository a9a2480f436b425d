//! Lines of Caddy for a terminal: `2026/11/20 21:29:42.123<TAB>ERROR<TAB>http.log.error<TAB>text<TAB>{"request": ...}`.
//!
//! The columns are put into the object as the keys that they have in a log in JSON, so that one reader knows both.
//!
//! Source: Caddy `logging.go` (`newDefaultProductionLogEncoder`), `modules/logging/encoders.go`; zap `console_encoder.go`.

use super::{Envelope, Opened};
use crate::time::{Notation, parse_nginx_error};

/// Time, level, logger, message and fields, with tabs between them.
#[derive(Debug)]
pub struct ZapConsole;

impl Envelope for ZapConsole {
    fn name(&self) -> &'static str {
        "lines for a terminal"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::NginxError)
    }

    fn decodes(&self) -> bool {
        true
    }

    fn is_certain(&self) -> bool {
        false
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let end = memchr::memchr(b'\n', record).unwrap_or(record.len());
        let mut columns = record[..end].trim_ascii_end().split(|byte| *byte == b'\t');
        let (time, level, logger) = (columns.next()?, columns.next()?, columns.next()?);
        let stamp = time.get(..19)?;
        parse_nginx_error(stamp)?;
        let is_word = |word: &[u8]| {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
            !word.is_empty() && word.iter().all(is_part)
        };
        let is_zap = is_word(level) && level[0].is_ascii_uppercase() && is_word(logger);
        is_zap.then_some(())?;
        let message = columns.next()?;
        let fields = columns.next().and_then(|text| text.strip_prefix(b"{")).unwrap_or(b"}");
        let mut inner = b"{\"level\":\"".to_vec();
        inner.extend(level.to_ascii_lowercase());
        for (key, value) in [(&b"ts"[..], stamp), (b"logger", logger), (b"msg", message)] {
            inner.extend([b"\",\"", key, b"\":\""].concat());
            for byte in value {
                if matches!(byte, b'"' | b'\\') {
                    inner.push(b'\\');
                }
                inner.push(*byte);
            }
        }
        inner.push(b'"');
        if fields.trim_ascii() != b"}" {
            inner.push(b',');
        }
        inner.extend(fields);
        Some(Opened { inner: inner.into(), stamp: Some(stamp), ..Opened::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_keys() {
        let check = |line: &str, inner: Option<&str>| {
            let opened = ZapConsole.open(line.as_bytes()).map(|opened| opened.inner.into_owned());
            let text = opened.as_deref().map(String::from_utf8_lossy);
            assert_eq!(text.as_deref(), inner, "{line}");
        };
        check(
            "2026/11/20 21:29:42.123\tERROR\thttp.log.error\tdial \"a\"\t{\"status\": 502}",
            Some(
                r#"{"level":"error","ts":"2026/11/20 21:29:42","logger":"http.log.error","msg":"dial \"a\"","status": 502}"#,
            ),
        );
        check(
            "2026/11/20 21:29:42\tINFO\tadmin\tstopped\t{}",
            Some(r#"{"level":"info","ts":"2026/11/20 21:29:42","logger":"admin","msg":"stopped"}"#),
        );
        check("2026/11/20 21:29:42 [error] 1#1: text", None);
        check("2026/11/20 21:29:42\tINFO\tno columns", None);
    }
}
