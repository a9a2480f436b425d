//! What viewers of logs print before lines: the stream that a line came from, the clock of a page, the name of a task.
//!
//! In: a record. Out: what is behind. All of these may begin other lines, so they count only around lines of a known format.

use super::{Envelope, Opened};
use crate::time::{Notation, parse_iso8601};

/// Longest name of a stream or task.
const MAX_NAME_BYTES: usize = 160;

/// Bytes of `2026-06-01T07:46:40`.
const WHOLE_SECONDS: usize = 19;

/// Bytes of `2026-06-01T07:46:40.733000`.
const MICROS: usize = 26;

/// True for what a whole line may begin with: an object, a time in brackets, an address, a time or a priority.
fn may_be_line(text: &[u8]) -> bool {
    matches!(text.first(), Some(b'{' | b'[' | b'"' | b'<' | b'0'..=b'9'))
}

/// A word that may be the name of a stream, and what stands behind it.
fn stream_and_rest(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', &text[..text.len().min(MAX_NAME_BYTES)])?;
    let (stream, inner) = (&text[..end], &text[end + 1..]);
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./#$[]@".contains(byte);
    let is_stream = stream.first().is_some_and(u8::is_ascii_alphanumeric)
        && stream.iter().any(u8::is_ascii_alphabetic)
        && stream.iter().all(is_part);
    is_stream.then_some((stream, inner))
}

/// A time and the blank behind it, with `T` between date and clock; the zone may be missing.
fn time_and_rest(record: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', &record[..record.len().min(48)])?;
    let (stamp, rest) = (&record[..end], &record[end + 1..]);
    (stamp.get(10) == Some(&b'T') && parse_iso8601(stamp).is_some()).then_some((stamp, rest))
}

/// `2026-06-01T07:46:40.733000+00:00 STREAM LINE`, and without the stream: `aws logs tail`.
#[derive(Debug)]
pub struct LogsTail;

impl Envelope for LogsTail {
    fn name(&self) -> &'static str {
        "the output of a tail of streams"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Iso8601)
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let (stamp, rest) = time_and_rest(record)?;
        // What follows begins with a digit in streams named by days, too.
        let streamed = stream_and_rest(rest).filter(|(_, inner)| may_be_line(inner));
        let (origin, inner) =
            streamed.map_or((None, rest), |(stream, inner)| (Some(stream), inner));
        may_be_line(inner).then(|| Opened {
            inner: inner.into(),
            stamp: Some(stamp),
            origin,
            level: b"",
        })
    }
}

/// `2026-06-01T07:46:40.733000+00:00 STREAM LINE` of `aws logs tail --format detailed`, whatever the line begins with.
///
/// Streams keep milliseconds, and the tool writes them as microseconds with the zone in full, which daemons that have
/// microseconds do not. Source: AWS CLI `awscli/customizations/logs/tail.py` (`DetailedLogEventsFormatter`).
#[derive(Debug)]
pub struct DetailedTail;

impl Envelope for DetailedTail {
    fn name(&self) -> &'static str {
        "the output of aws logs tail"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Iso8601)
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let (stamp, rest) = time_and_rest(record)?;
        let clock = stamp.strip_suffix(b"+00:00")?;
        // The fraction is left out where it is zero.
        if clock.len() != WHOLE_SECONDS && !(clock.len() == MICROS && clock.ends_with(b"000")) {
            return None;
        }
        let (stream, inner) = stream_and_rest(rest)?;
        let stamp = Some(stamp);
        Some(Opened { inner: inner.into(), stamp, origin: Some(stream), level: b"" })
    }

    /// Most lines have a fraction: whole seconds alone are the clock of a server that logs its host behind them.
    fn is_shown_by(&self, stamps: &[&[u8]]) -> bool {
        let n_whole = stamps.iter().filter(|stamp| stamp.len() < MICROS).count();
        n_whole * 2 < stamps.len()
    }
}

/// `TASK {...}`, `TASK [TIME] ...`: the name of a task or container before an object or a time in brackets.
#[derive(Debug)]
pub struct TaskName;

impl Envelope for TaskName {
    fn name(&self) -> &'static str {
        "the name of a task"
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let end = memchr::memchr(b' ', &record[..record.len().min(MAX_NAME_BYTES)])?;
        let (name, inner) = (&record[..end], &record[end + 1..]);
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./@".contains(byte);
        (name.first().is_some_and(u8::is_ascii_alphabetic)
            && name.iter().all(is_part)
            && matches!(inner.first(), Some(b'{' | b'[')))
        .then(|| Opened { inner: inner.into(), origin: Some(name), ..Opened::default() })
    }
}

/// `Mon, Jun 1 2026 7:46:40 am LINE`: what a page of Rancher shows and saves. Its clock is the browser's, and left alone.
#[derive(Debug)]
pub struct PageClock;

impl Envelope for PageClock {
    fn name(&self) -> &'static str {
        "the clock of a page"
    }

    fn shows_layout(&self, _: &str) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let mut rest = record;
        let mut word = || {
            let end = memchr::memchr(b' ', &rest[..rest.len().min(16)])?;
            let word = &rest[..end];
            rest = &rest[end + 1..];
            Some(word)
        };
        let letters = |word: &[u8]| word.len() == 3 && word.iter().all(u8::is_ascii_alphabetic);
        let of = |word: &[u8], also: &[u8]| {
            !word.is_empty() && word.iter().all(|byte| byte.is_ascii_digit() || also.contains(byte))
        };
        let fits = letters(word()?.strip_suffix(b",")?)
            && letters(word()?)
            && of(word()?, b"")
            && of(word()?, b"")
            && of(word()?, b":")
            && word()?
                .to_ascii_lowercase()
                .strip_suffix(b"m")
                .is_some_and(|half| half == b"a" || half == b"p");
        (fits && !rest.is_empty()).then(|| Opened { inner: rest.into(), ..Opened::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(envelope: &dyn Envelope, line: &str, inner: Option<&str>) {
        let opened = envelope.open(line.as_bytes()).map(|opened| opened.inner.into_owned());
        assert_eq!(opened.as_deref(), inner.map(str::as_bytes), "{line}");
    }

    #[test]
    fn what_viewers_print_is_taken_off() {
        check(&LogsTail, "2026-06-01T07:46:40 {\"a\":1}", Some("{\"a\":1}"));
        check(
            &LogsTail,
            "2026-06-01T07:46:40.733000+00:00 ecs/a/0a1b {\"a\":1}",
            Some("{\"a\":1}"),
        );
        check(&LogsTail, "2026-06-01T07:46:40Z 2026/06/01/[$LATEST]0a [x] y", Some("[x] y"));
        check(&LogsTail, "2026-06-01T07:46:40Z web started", None);
        check(&LogsTail, "2026-06-01 07:46:40 {\"a\":1}", None);
        check(&TaskName, "edge.proxy {\"a\":1}", Some("{\"a\":1}"));
        check(&TaskName, "192.0.2.1 {\"a\":1}", None);
        check(&TaskName, "edge.proxy 192.0.2.1 - - x", None);
        check(&PageClock, "Mon, Jun 1 2026 7:46:40 am {\"a\":1}", Some("{\"a\":1}"));
        check(&PageClock, "Mon, Jun 1 2026 7:46:40 x", None);
        check(&PageClock, "Mon Jun 1 2026 7:46:40 am x", None);
        check(&PageClock, "", None);
    }
}
