//! The lighttpd error log: `2026-11-20 21:29:42: (gw_backend.c.303) MESSAGE`.
//!
//! In: one message, with what backends wrote behind it. Out: an [`ErrorRecord`] without level: lines have none.
//! Invariants: a line is known by the source file and line number before its message; its time is its own, or none where
//! syslog writes it. Messages name a path at most, never method or client, so that none names a request: only those of
//! logins name a client.
//! Source: lighttpd 1.4 `log.c` (`log_buffer_timestamp`, `log_buffer_prefix`).

use std::sync::Arc;

use memchr::memmem;

use super::{About, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::parse_u64;
use crate::record::{ErrorRecord, Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// Length of `2026-11-20 21:29:42`.
const STAMP_BYTES: usize = 19;

/// The longest name of a source file, with its folder.
const MAX_SOURCE_BYTES: usize = 64;

/// A message and what stands before it.
#[derive(Debug, Clone, Copy, Default)]
struct Parts<'a> {
    stamp: &'a [u8],
    pid: &'a [u8],
    /// `gw_backend.c.303`.
    source: &'a [u8],
    message: &'a [u8],
}

impl<'a> Parts<'a> {
    /// A line with its time, with the head of syslog, or with neither. The date is checked for shape only.
    #[inline]
    fn of(line: &'a [u8]) -> Option<Self> {
        if line.first()? == &b'(' {
            return Parts::behind(line, true);
        }
        let (stamp, _) = line.split_at_checked(STAMP_BYTES)?;
        if stamp[4] != b'-' || stamp[7] != b'-' || stamp[13] != b':' || stamp[16] != b':' {
            return None;
        }
        if stamp[10] == b'T' {
            return Parts::of_syslog(line);
        }
        // `server.errorlog-high-precision` adds nanoseconds.
        let is_clock = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        let n_more = line[STAMP_BYTES..].iter().take_while(|byte| is_clock(byte)).count();
        let (stamp, rest) = line.split_at(STAMP_BYTES + n_more);
        let parts = Parts::behind(rest.strip_prefix(b": ")?, false)?;
        (line[10] == b' ').then_some(Parts { stamp, ..parts })
    }

    /// `2026-11-20T21:29:42.602061 host lighttpd[764]: (mod_auth.c.853) MESSAGE`, a stray line among others.
    fn of_syslog(line: &'a [u8]) -> Option<Self> {
        let end = memchr::memchr(b' ', line)?;
        let host = &line[end + 1..];
        let rest = &host[memchr::memchr(b' ', host)?..];
        let rest = rest.strip_prefix(b" lighttpd[")?;
        let n_digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let parts = Parts::behind(rest[n_digits..].strip_prefix(b"]: ")?, true)?;
        Some(Parts { stamp: &line[..end], pid: &rest[..n_digits], ..parts })
    }

    /// The source in brackets, and the message. Logs on their way through other tools lose the first bracket.
    fn behind(text: &'a [u8], is_strict: bool) -> Option<Self> {
        let inside = match text.strip_prefix(b"(") {
            Some(inside) => inside,
            None if is_strict => return None,
            None => text,
        };
        let end = inside.iter().take(MAX_SOURCE_BYTES).position(|byte| *byte == b')')?;
        let source = &inside[..end];
        let (file, number) = source.split_at(memmem::rfind(source, b".c.")? + b".c.".len());
        let is_name =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
        let is_source =
            !number.is_empty() && number.iter().all(u8::is_ascii_digit) && file.iter().all(is_name);
        let message = inside[end + 1..].strip_prefix(b" ")?;
        is_source.then_some(Parts { source, message, ..Parts::default() })
    }

    /// The client of a failed login: ` IP: 192.0.2.7`, last of its line.
    fn client(&self) -> Option<&'a [u8]> {
        let is_login = [&b"mod_auth.c."[..], b"http_auth.c."]
            .iter()
            .any(|file| memmem::find(self.source, file).is_some());
        let line = self.message.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let at = memmem::rfind(line, b" IP: ").filter(|_| is_login)?;
        let client = line[at + b" IP: ".len()..].trim_ascii_end();
        (!client.is_empty() && !client.contains(&b' ')).then_some(client)
    }
}

/// Reads messages of lighttpd.
#[derive(Debug, Clone)]
pub struct LighttpdError {
    about: About,
}

impl LighttpdError {
    /// The reader; all lighttpd error logs have one layout.
    pub fn new() -> Self {
        LighttpdError {
            about: About {
                format: LighttpdErrorFormat::NAME,
                layout: "errorlog".to_owned(),
                server: Server::Lighttpd,
                role: LogRole::Error,
                notation: Notation::Iso8601,
                instant: Instant::End,
                basis: FormatBasis::Detected,
                ambiguous_with: None,
            },
        }
    }
}

impl Default for LighttpdError {
    fn default() -> Self {
        LighttpdError::new()
    }
}

impl Reader for LighttpdError {
    fn about(&self) -> &About {
        &self.about
    }

    #[inline]
    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let parts = Parts::of(line).ok_or(Skip::Shape)?;
        Ok(Glance { stamp: parts.stamp, status: 0 })
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let parts = Parts::of(record).ok_or(Skip::Shape)?;
        let stamp = match parts.stamp {
            [] => None,
            text => Some(self.stamp(text).ok_or(Skip::BadTime)?),
        };
        Ok(Record::Error(ErrorRecord {
            stamp,
            pid: parse_u64(parts.pid),
            message: parts.message,
            client: parts.client(),
            ..ErrorRecord::default()
        }))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let Some(parts) = Parts::of(record) else { return };
        let client = parts.client().unwrap_or_default();
        for (name, value) in [
            ("time", parts.stamp),
            ("pid", parts.pid),
            ("source", parts.source),
            ("client", client),
            ("message", parts.message),
        ] {
            if !value.is_empty() {
                each(name, value);
            }
        }
    }
}

/// Recognises the lighttpd error log.
#[derive(Debug, Clone, Copy)]
pub struct LighttpdErrorFormat;

impl LighttpdErrorFormat {
    const NAME: &'static str = "lighttpd_error";
}

impl Format for LighttpdErrorFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "lighttpd error log, known by `2026-11-20 21:29:42: (gw_backend.c.303) ` at the start of a line"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        Proposal::of(LighttpdError::new(), sample)
    }

    fn standing_reader(&self) -> Option<Arc<dyn Reader>> {
        Some(Arc::new(LighttpdError::new()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Parses a line and compares every field with `fields`, written `name=value` and joined by `|`.
    #[track_caller]
    fn check(line: &str, fields: &str) {
        let reader = LighttpdError::new();
        let mut seen = Vec::new();
        reader.each_field(line.as_bytes(), &mut |name, value| {
            seen.push(format!("{name}={}", String::from_utf8_lossy(value)));
        });
        assert_eq!(seen.join("|"), fields);
        let glance = reader.glance(line.as_bytes()).expect("accepted");
        assert_eq!(glance.status, 0);
        assert!(reader.parse(line.as_bytes()).is_ok(), "{line}");
    }

    #[test]
    fn heads_in_all_spellings() {
        check(
            "2026-11-20 21:29:42: (gw_backend.c.303) establishing connection failed: socket: tcp:127.0.0.1:8080: Connection refused",
            "time=2026-11-20 21:29:42|source=gw_backend.c.303|message=establishing connection failed: socket: tcp:127.0.0.1:8080: Connection refused",
        );
        check(
            "2026-11-20 21:29:42.000123456: (server.c.1973) server started (lighttpd/1.4.82)",
            "time=2026-11-20 21:29:42.000123456|source=server.c.1973|message=server started (lighttpd/1.4.82)",
        );
        check("(log.c.166) server stopped", "source=log.c.166|message=server stopped");
        check(
            "2026-11-20T21:29:42.602061 web-1 lighttpd[764]: (mod_auth.c.853) password doesn't match for / username: u IP: 192.0.2.7",
            "time=2026-11-20T21:29:42.602061|pid=764|source=mod_auth.c.853|client=192.0.2.7|message=password doesn't match for / username: u IP: 192.0.2.7",
        );
        check(
            "2026-11-20 21:29:42: mod_auth.c.828) get_password failed, IP: ::1\nforeign IP: 6.6.6.6",
            "time=2026-11-20 21:29:42|source=mod_auth.c.828|client=::1|message=get_password failed, IP: ::1\nforeign IP: 6.6.6.6",
        );
    }

    #[test]
    fn only_logins_name_a_client() {
        check(
            "2026-11-20 21:29:42: (gw_backend.c.971) all handlers for /? IP: 6.6.6.6 on  are down.",
            "time=2026-11-20 21:29:42|source=gw_backend.c.971|message=all handlers for /? IP: 6.6.6.6 on  are down.",
        );
    }

    #[test]
    fn other_lines_are_refused() {
        let refuse = |line: &str, skip| {
            assert_eq!(LighttpdError::new().parse(line.as_bytes()).err(), Some(skip), "{line}");
        };
        refuse("", Skip::Shape);
        refuse("2026-11-20 21:29:42", Skip::Shape);
        refuse("2026-11-20 21:29:42: ", Skip::Shape);
        refuse("2026-11-20 21:29:42: message", Skip::Shape);
        refuse("2026-11-20 21:29:42: (main.py.3) x", Skip::Shape);
        refuse("2026-11-20 21:29:42 (server.c.3) x", Skip::Shape);
        refuse("2026-11-20 21:29:42: (server.c.) x", Skip::Shape);
        refuse("server.c.3) x", Skip::Shape);
        refuse("2026-11-20T21:29:42Z web-1 nginx[1]: (server.c.3) x", Skip::Shape);
        refuse("2026-13-20 21:29:42: (server.c.3) x", Skip::BadTime);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..80), cut in 0usize..64) {
            const HEAD: &[u8] = b"2026-11-20T21:29:42.602061 web-1 lighttpd[764]: (mod_auth.c.853) ";
            let syslog = [&HEAD[..cut.min(HEAD.len())], &tail].concat();
            let own = [&b"2026-11-20 21:29:42: (server.c.3)"[..cut.min(33)], &tail].concat();
            for line in [&syslog, &own, &tail] {
                let reader = LighttpdError::new();
                prop_assert!(reader.glance(line).is_ok() || reader.parse(line).is_err());
                reader.each_field(line, &mut |_, _| {});
            }
        }
    }
}
