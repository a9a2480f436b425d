//! Lines of Heroku's router: `at=info method=GET path="/" host=... fwd="..." dyno=web.1 service=18ms status=200 ...`.
//!
//! In: lines as `heroku logs` prints them, or as a log drain sends them (RFC 5424). Out: access records.
//! Invariants: pairs may come in any order, and new ones may be added; values with blanks are quoted.
//! Source: Heroku Dev Center, "HTTP Routing" (router log format) and "Heroku Error Codes".

use std::sync::{Arc, LazyLock};

use memchr::memmem::{self, Finder};

use super::{About, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::parse_status;
use crate::record::{AccessRecord, Escape, Field, Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// What stands between the time and the pairs: in `heroku logs`, and in a drain.
const MARKS: [&[u8]; 2] = [b" heroku[router]: ", b" heroku router - "];

/// What both begin with.
static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b" heroku"));

/// Keys of the pairs, and what they are.
const FIELDS: [(&str, Field); 11] = [
    ("code", Field::ResponseDetails),
    ("desc", Field::ErrorNotes),
    ("method", Field::Method),
    ("path", Field::RequestUri),
    ("host", Field::Host),
    ("request_id", Field::RequestId),
    ("fwd", Field::ForwardedFor),
    ("dyno", Field::UpstreamAddr),
    ("sock", Field::TerminationState),
    ("service", Field::RequestTime),
    ("bytes", Field::BytesSent),
];

/// Reads lines of the router.
#[derive(Debug, Clone)]
pub struct HerokuRouter {
    about: About,
}

impl Default for HerokuRouter {
    fn default() -> Self {
        HerokuRouter {
            about: About {
                format: HerokuRouterFormat::NAME,
                layout: "logfmt".to_owned(),
                server: Server::Heroku,
                role: LogRole::Access,
                notation: Notation::Iso8601,
                instant: Instant::End,
                basis: FormatBasis::Detected,
                ambiguous_with: None,
            },
        }
    }
}

/// The time of a line, and its pairs.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    line.first().filter(|byte| byte.is_ascii_digit() || **byte == b'<')?;
    let at = NAME.find(&line[..line.len().min(128)])?;
    let mark = MARKS.iter().find(|mark| line[at..].starts_with(mark))?;
    let (head, pairs) = (&line[..at], &line[at + mark.len()..]);
    // A drain has the priority and the version before the time, perhaps its length before that, and its name behind.
    let from = head.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let head = head[from..].strip_prefix(b" ").filter(|_| from > 0).unwrap_or(head);
    let from = if head.starts_with(b"<") { memchr::memchr(b' ', head)? + 1 } else { 0 };
    let stamp = &head[from..];
    let end = memchr::memchr(b' ', stamp).unwrap_or(stamp.len());
    Some((&stamp[..end], pairs))
}

/// The pairs of a line that has lost its head, or has another one: `at=error code=H10 desc="App crashed" ...`.
pub(super) fn pairs_of(line: &[u8]) -> Option<&[u8]> {
    memmem::find(line, b"at=")?;
    let at = [&b"at=error "[..], b"at=info ", b"at=warning "]
        .iter()
        .filter_map(|start| memmem::find(line, start))
        .min()?;
    let is_word = at == 0 || !line[at - 1].is_ascii_alphanumeric();
    let pairs = &line[at..];
    let has = |key: &[u8]| memmem::find(pairs, key).is_some();
    let is_whole = has(b" status=") && has(b" dyno=") && has(b" method=");
    let is_coded = has(b" code=H") && has(b" desc=\"");
    (is_word && (is_whole || is_coded)).then_some(pairs)
}

/// The code of `Error H12 (Request timeout) -> GET ...`, as the router wrote before 2012-10, and the pairs behind the
/// request.
fn old_error(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let code = text.strip_prefix(b"Error ")?.split(|byte| *byte == b' ').next()?;
    let arrow = memmem::find(text, b") -> ")?;
    let behind = &text[arrow + 5..];
    let pairs = memmem::find(behind, b" dyno=").map(|at| &behind[at + 1..])?;
    (code.first() == Some(&b'H')).then_some((code, pairs))
}

/// The pairs of a line: keys, and values without their quotes.
fn pairs(mut text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        text = text.trim_ascii_start();
        let equals = memchr::memchr2(b'=', b' ', text).filter(|at| text[*at] == b'=')?;
        let (key, rest) = (&text[..equals], &text[equals + 1..]);
        let (value, end) = if let Some(quoted) = rest.strip_prefix(b"\"") {
            let close = memchr::memchr(b'"', quoted)?;
            (&quoted[..close], close + 2)
        } else {
            let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
            (&rest[..end], end)
        };
        text = &rest[end..];
        Some((key, value))
    })
}

impl Reader for HerokuRouter {
    fn about(&self) -> &About {
        &self.about
    }

    fn holds_prefix(&self) -> bool {
        true
    }

    #[inline]
    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let (stamp, pairs) = split(line).ok_or(Skip::Shape)?;
        // Paths are quoted only where they need it: the last such key is the router's.
        let at = memmem::rfind(pairs, b" status=").ok_or(Skip::BadStatus)? + b" status=".len();
        let digits = pairs.get(at..at + 3).ok_or(Skip::BadStatus)?;
        Ok(Glance { stamp, status: parse_status(digits).ok_or(Skip::BadStatus)? })
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let glance = self.glance(record)?;
        let stamp = self.stamp(glance.stamp).ok_or(Skip::BadTime)?;
        let (_, text) = split(record).ok_or(Skip::Shape)?;
        let mut access = AccessRecord::new(stamp, glance.status, Escape::None);
        let old = old_error(text);
        if let Some((code, _)) = old {
            access.set(Field::ResponseDetails, code);
        }
        let mut is_routed = old.is_some();
        for (key, value) in pairs(old.map_or(text, |(_, pairs)| pairs)) {
            is_routed |= key == b"at";
            if let Some((_, field)) = FIELDS.iter().find(|(name, _)| name.as_bytes() == key) {
                access.set(*field, value);
            }
            if key == b"fwd" {
                // The router appends the address that connected to what the client sent.
                let last = value.rsplit(|byte| *byte == b',').next().unwrap_or(value);
                access.set(Field::RemoteAddr, last.trim_ascii());
            }
        }
        if is_routed { Ok(Record::Access(access)) } else { Err(Skip::Shape) }
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let Some((_, text)) = split(record) else { return };
        for (key, value) in pairs(text) {
            if let Ok(key) = std::str::from_utf8(key) {
                each(key, value);
            }
        }
    }
}

/// Recognises lines of Heroku's router.
#[derive(Debug)]
pub struct HerokuRouterFormat;

impl HerokuRouterFormat {
    const NAME: &'static str = "heroku_router";
}

impl Format for HerokuRouterFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "lines of Heroku's router, from `heroku logs` or a drain; recognised by `heroku[router]: at=`"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        Proposal::of(HerokuRouter::default(), sample)
    }

    fn standing_reader(&self) -> Option<Arc<dyn Reader>> {
        Some(Arc::new(HerokuRouter::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, status: u16, fields: &[(Field, &str)]) {
        let Ok(Record::Access(record)) = HerokuRouter::default().parse(line.as_bytes()) else {
            panic!("not read: {line}");
        };
        assert_eq!(record.status, status);
        for (field, value) in fields {
            assert_eq!(record.raw(*field), Some(value.as_bytes()), "{field:?}");
        }
    }

    #[test]
    fn lines_of_the_router() {
        // Heroku Dev Center, "HTTP Routing".
        check(
            "2012-10-11T03:47:20.123456+00:00 heroku[router]: at=info method=GET path=\"/a b?status=500\" host=example-app.herokuapp.com request_id=b5ad8b7a-1234 fwd=\"192.0.2.1, 204.204.204.204\" dyno=web.1 connect=1ms service=18ms status=200 bytes=13 protocol=https",
            200,
            &[
                (Field::RemoteAddr, "204.204.204.204"),
                (Field::RequestUri, "/a b?status=500"),
                (Field::UpstreamAddr, "web.1"),
            ],
        );
        check(
            "<158>1 2012-10-11T03:47:20+00:00 d.9173ea1f heroku router - at=error code=H12 desc=\"Request timeout\" method=GET path=/ host=a.example fwd=17.17.17.17 dyno=web.1 connect=6ms service=30001ms status=503 bytes=0",
            503,
            &[(Field::ResponseDetails, "H12"), (Field::RequestTime, "30001ms")],
        );
        check(
            "2012-01-20T02:10:47+00:00 heroku[router]: Error H12 (Request timeout) -> POST a.example/b dyno=web.1 queue= wait= service=30000ms status=503 bytes=0",
            503,
            &[(Field::ResponseDetails, "H12"), (Field::UpstreamAddr, "web.1")],
        );
        // With the count of octets before it.
        check(
            "215 <158>1 2012-10-11T03:47:20+00:00 host heroku router - at=error code=H14 desc=\"No web processes running\" method=GET path=\"/\" host=a.example fwd=\"17.17.17.17\" dyno= connect= service= status=503 bytes=0",
            503,
            &[(Field::ResponseDetails, "H14")],
        );
        // Absent values are empty.
        check(
            "2013-09-03T04:48:10.674964+00:00 heroku[router]: at=error code=H10 desc=\"App crashed\" method=GET path=/f host=a.example fwd=\"203.0.113.26\" dyno= connect= service= status=503 bytes=",
            503,
            &[(Field::UpstreamAddr, ""), (Field::Host, "a.example")],
        );
    }

    #[test]
    fn other_lines_are_left_alone() {
        let reader = HerokuRouter::default();
        for line in [
            "2013-09-03T04:48:10+00:00 heroku[web.1]: State changed from starting to crashed",
            "2013-09-03T04:48:10+00:00 heroku[router]: at=error code=H10 status=",
            "2013-09-03T04:48:10+00:00 heroku[router]: at=error path=\"/a",
            " heroku[router]: at=info status=503",
            "",
        ] {
            assert!(reader.parse(line.as_bytes()).is_err(), "{line}");
        }
    }
}
