//! Traffic lines of Zoraxy: `[2026-11-20 21:29:42.123456] [router:host-http] [origin:a.example] [client: 192.0.2.1]
//! [useragent: curl/8.0] GET /path 503`.
//!
//! In: lines as its log files hold them, also behind the time of Go's logger. Out: access records.
//! Invariants: nothing is escaped, so the head is cut from the front and method, target and status from the end; what a
//! client says of itself stands between the two.
//! Source: Zoraxy `src/mod/info/logger/trafficlog.go` (`LogHTTPRequest`).

use std::sync::Arc;

use memchr::memmem;

use super::{About, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::parse_status;
use crate::record::{AccessRecord, Escape, Field, Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// Bytes of `2026-11-20 21:29:42.123456`.
const STAMP_BYTES: usize = 26;

/// Bytes of `2026/11/20 21:29:42 `, which Go's logger puts before it.
const LOGGER_BYTES: usize = 20;

/// Reads traffic lines.
#[derive(Debug, Clone)]
pub struct Zoraxy {
    about: About,
}

impl Default for Zoraxy {
    fn default() -> Self {
        Zoraxy {
            about: About {
                format: ZoraxyFormat::NAME,
                layout: "traffic".to_owned(),
                server: Server::Unknown,
                role: LogRole::Access,
                notation: Notation::Iso8601,
                instant: Instant::End,
                basis: FormatBasis::Detected,
                ambiguous_with: None,
            },
        }
    }
}

/// The parts of a line.
#[derive(Debug, Clone, Copy)]
struct Parts<'a> {
    stamp: &'a [u8],
    router: &'a [u8],
    origin: &'a [u8],
    client: &'a [u8],
    agent: &'a [u8],
    method: &'a [u8],
    target: &'a [u8],
    status: &'a [u8],
}

/// The time, and what follows its bracket.
fn split_stamp(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = match line {
        [b'[', ..] => line,
        _ => line.get(LOGGER_BYTES..)?,
    };
    let (stamp, rest) = line.strip_prefix(b"[")?.split_at_checked(STAMP_BYTES)?;
    Some((stamp, rest.strip_prefix(b"] [router:")?))
}

/// The status at the end, and what stands before it.
fn split_status(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, status) = line.split_at_checked(line.len().checked_sub(3)?)?;
    Some((before.strip_suffix(b" ")?, status))
}

fn parts(line: &[u8]) -> Option<Parts<'_>> {
    let (stamp, rest) = split_stamp(line)?;
    let (rest, status) = split_status(rest)?;
    let until = |text: &'_ [u8], mark: &[u8]| memmem::find(text, mark);
    let end = until(rest, b"] [origin:")?;
    let (router, rest) = (&rest[..end], &rest[end + b"] [origin:".len()..]);
    let end = until(rest, b"] [client: ")?;
    let (origin, rest) = (&rest[..end], &rest[end + b"] [client: ".len()..]);
    let end = until(rest, b"] [useragent: ")?;
    let (client, rest) = (&rest[..end], &rest[end + b"] [useragent: ".len()..]);
    // An agent may hold anything, targets and methods no blank.
    let blank = memchr::memrchr(b' ', rest)?;
    let (rest, target) = (&rest[..blank], &rest[blank + 1..]);
    let blank = memchr::memrchr(b' ', rest)?;
    let (agent, method) = (rest[..blank].strip_suffix(b"]")?, &rest[blank + 1..]);
    Some(Parts { stamp, router, origin, client, agent, method, target, status })
}

impl Reader for Zoraxy {
    fn about(&self) -> &About {
        &self.about
    }

    #[inline]
    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let (stamp, rest) = split_stamp(line).ok_or(Skip::Shape)?;
        let (_, status) = split_status(rest).ok_or(Skip::BadStatus)?;
        Ok(Glance { stamp, status: parse_status(status).ok_or(Skip::BadStatus)? })
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let glance = self.glance(record)?;
        let stamp = self.stamp(glance.stamp).ok_or(Skip::BadTime)?;
        let parts = parts(record).ok_or(Skip::Shape)?;
        let mut access = AccessRecord::new(stamp, glance.status, Escape::None);
        access.set(Field::Host, parts.origin);
        access.set(Field::RemoteAddr, parts.client);
        access.set(Field::UserAgent, parts.agent);
        access.set(Field::Method, parts.method);
        access.set(Field::RequestUri, parts.target);
        Ok(Record::Access(access))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let Some(parts) = parts(record) else { return };
        for (name, value) in [
            ("time", parts.stamp),
            ("router", parts.router),
            ("origin", parts.origin),
            ("client", parts.client),
            ("useragent", parts.agent),
            ("method", parts.method),
            ("uri", parts.target),
            ("status", parts.status),
        ] {
            each(name, value);
        }
    }
}

/// Recognises traffic lines of Zoraxy.
#[derive(Debug)]
pub struct ZoraxyFormat;

impl ZoraxyFormat {
    const NAME: &'static str = "zoraxy_access";
}

impl Format for ZoraxyFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "traffic lines of Zoraxy, recognised by `[router:` behind a time in brackets"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        Proposal::of(Zoraxy::default(), sample)
    }

    fn standing_reader(&self) -> Option<Arc<dyn Reader>> {
        Some(Arc::new(Zoraxy::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, status: u16, fields: &[(Field, &str)]) {
        let Ok(Record::Access(record)) = Zoraxy::default().parse(line.as_bytes()) else {
            panic!("not read: {line}");
        };
        assert_eq!(record.status, status);
        for (field, value) in fields {
            assert_eq!(record.raw(*field), Some(value.as_bytes()), "{field:?}");
        }
    }

    #[test]
    fn lines_of_traffic() {
        let line = "[2026-11-20 21:29:42.123456] [router:host-http] [origin:a.example:8443] [client: 2001:db8::1] [useragent: a] GET /x 200] GET /b?c=[d] 503";
        let expected = [
            (Field::Host, "a.example:8443"),
            (Field::RemoteAddr, "2001:db8::1"),
            (Field::UserAgent, "a] GET /x 200"),
            (Field::Method, "GET"),
            (Field::RequestUri, "/b?c=[d]"),
        ];
        check(line, 503, &expected);
        check(&format!("2026/11/20 21:29:42 {line}"), 503, &expected);
        let empty = "[2026-11-20 21:29:42.123456] [router:root] [origin:] [client: 192.0.2.1] [useragent: ] GET / 444";
        check(empty, 444, &[(Field::UserAgent, ""), (Field::Host, "")]);
    }

    #[test]
    fn other_lines_are_left_alone() {
        let reader = Zoraxy::default();
        for line in [
            "[2026-11-20 21:29:42.123456] [system:info] started 503",
            "[2026-11-20 21:29:42.123456] [router:a] [origin:b] [client: c] [useragent: d] GET /",
            "[2026-11-20 21:29:42.123456] [router:a] 503",
            "[router:a] 503",
            "",
        ] {
            assert!(reader.parse(line.as_bytes()).is_err(), "{line}");
        }
    }
}
