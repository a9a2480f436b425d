//! Container logs as they lie on disk: docker's json-file driver, and the CRI format of Kubernetes nodes.
//!
//! Both cut long lines. Fragments that stand one behind the other are put together; those between which the other stream
//! has written are not.
//!
//! Source: moby `daemon/logger/jsonfilelog`; Kubernetes `pkg/kubelet/kuberuntime/logs`.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

use super::prefix::leading_stamp;
use super::{Envelope, Opened, decoded, raw_string, value_of};
use crate::input::MAX_FRAGMENT_BYTES;
use crate::time::Notation;

/// `{"log":"LINE\n","stream":"stderr","time":"2026-11-20T21:29:42.123456789Z"}`.
#[derive(Debug)]
pub struct DockerJson;

/// Docker cuts lines at this length.
const BUFFER_BYTES: usize = 16 << 10;

static LOG: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"log\""));
static STREAM: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"stream\""));
static TIME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"time\""));

impl Envelope for DockerJson {
    fn name(&self) -> &'static str {
        "docker json-file"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Iso8601)
    }

    fn decodes(&self) -> bool {
        true
    }

    fn has_fragments(&self) -> bool {
        true
    }

    /// A line of a container ends with `\n` unless it was cut, or the container's last: all parts of one have one time,
    /// with drivers before 18.03 only its length.
    fn goes_on(&self, previous: &[u8], line: &[u8]) -> bool {
        // Cheap, and true of nearly every line.
        if previous.len() > MAX_FRAGMENT_BYTES || memmem::find(previous, b"\\n\"").is_some() {
            return false;
        }
        let (Some(one), Some(other)) = (parts(previous), parts(line)) else { return false };
        one.stream == other.stream
            && (one.stamp == other.stamp || one.text.len() >= BUFFER_BYTES)
            && !is_ended(one.text)
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let Parts { text, escaped, stream, stamp } = parts(first_line(record))?;
        if let Some(whole) = self.joined(record, |line| Some(decoded_text(parts(line)?))) {
            return Some(Opened {
                inner: Cow::Owned(whole),
                stamp: Some(stamp),
                origin: Some(stream),
                level: b"",
            });
        }
        let text = without_break(text);
        let escaped = escaped && memchr::memchr(b'\\', text).is_some();
        Some(Opened {
            inner: decoded(text, escaped),
            stamp: Some(stamp),
            origin: Some(stream),
            level: b"",
        })
    }
}

/// The values of an object.
#[derive(Clone, Copy)]
struct Parts<'a> {
    text: &'a [u8],
    escaped: bool,
    stream: &'a [u8],
    stamp: &'a [u8],
}

fn parts(line: &[u8]) -> Option<Parts<'_>> {
    let object = line.strip_prefix(b"{")?;
    let log = value_of(&LOG, object)?;
    let (text, escaped) = raw_string(log)?;
    // What follows the log text cannot be part of it.
    let behind = &log[(text.len() + 2).min(log.len())..];
    let field = |key| value_of(key, behind).or_else(|| value_of(key, object)).and_then(raw_string);
    let (stream, _) = field(&STREAM)?;
    let (stamp, _) = field(&TIME)?;
    Some(Parts { text, escaped, stream, stamp })
}

/// True for a text that ends with `\n`.
fn is_ended(text: &[u8]) -> bool {
    text.strip_suffix(b"\\n").is_some_and(|rest| n_trailing(rest).is_multiple_of(2))
}

/// A text without the escaped line break at its end.
pub(super) fn without_break(text: &[u8]) -> &[u8] {
    let without = |text, mark: &[u8]| {
        let rest = <[u8]>::strip_suffix(text, mark);
        rest.filter(|rest| n_trailing(rest).is_multiple_of(2))
    };
    let text = without(text, b"\\n").unwrap_or(text);
    without(text, b"\\r").unwrap_or(text)
}

fn decoded_text(parts: Parts<'_>) -> Cow<'_, [u8]> {
    decoded(parts.text, parts.escaped)
}

/// Puts together the text of a record that is cut into fragments, which may be followed by other lines. `None`: its first
/// line is whole.
trait Join: Envelope {
    fn joined<'a>(
        &self,
        record: &'a [u8],
        text_of: impl Fn(&'a [u8]) -> Option<Cow<'a, [u8]>>,
    ) -> Option<Vec<u8>> {
        let mut at = memchr::memchr(b'\n', record)?;
        let mut last = &record[..at];
        let mut whole: Option<Vec<u8>> = None;
        while let Some(rest) = record.get(at + 1..) {
            let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
            if !self.goes_on(last, line) {
                break;
            }
            let text = text_of(line)?;
            match &mut whole {
                Some(whole) => whole.extend_from_slice(&text),
                None => whole = Some([text_of(last)?, text].concat()),
            }
            (last, at) = (line, at + 1 + line.len());
        }
        let mut whole = whole?;
        whole.truncate(whole.trim_ascii_end().len());
        whole.extend_from_slice(&record[at.min(record.len())..]);
        Some(whole)
    }
}

impl Join for DockerJson {}
impl Join for Cri {}

/// How many backslashes a text ends with.
fn n_trailing(text: &[u8]) -> usize {
    text.iter().rev().take_while(|byte| **byte == b'\\').count()
}

/// The line that a record starts with.
pub(super) fn first_line(record: &[u8]) -> &[u8] {
    memchr::memchr(b'\n', record).map_or(record, |end| &record[..end]).trim_ascii_end()
}

/// `2026-11-20T21:29:42.123456789Z stdout F LINE`. `P` for `F`: the line goes on in the next entry of its stream.
#[derive(Debug)]
pub struct Cri;

impl Envelope for Cri {
    fn name(&self) -> &'static str {
        "cri"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Iso8601)
    }

    fn has_fragments(&self) -> bool {
        true
    }

    fn goes_on(&self, previous: &[u8], line: &[u8]) -> bool {
        // Cheap, and true of nearly every line.
        let head = &previous[..previous.len().min(64)];
        if previous.len() > MAX_FRAGMENT_BYTES || memmem::find(head, b" P").is_none() {
            return false;
        }
        let (Some(one), Some(other)) = (entry(previous), entry(line)) else { return false };
        one.is_cut && one.stream == other.stream
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let Entry { stamp, stream, is_cut, text } = entry(record)?;
        let text_of = |line| entry(line).map(|entry| entry.text.into());
        let whole = if is_cut { self.joined(record, text_of) } else { None };
        let inner = whole.map_or(Cow::Borrowed(text), Cow::Owned);
        Some(Opened { inner, stamp: Some(stamp), origin: Some(stream), level: b"" })
    }
}

/// An entry of a CRI log.
struct Entry<'a> {
    stamp: &'a [u8],
    stream: &'a [u8],
    is_cut: bool,
    text: &'a [u8],
}

fn entry(record: &[u8]) -> Option<Entry<'_>> {
    let (stamp, rest) = leading_stamp(record)?;
    let blank = memchr::memchr(b' ', &rest[..rest.len().min(7)])?;
    let (stream, rest) = (&rest[..blank], &rest[blank + 1..]);
    if !matches!(stream, b"stdout" | b"stderr") {
        return None;
    }
    let end = memchr::memchr(b' ', &rest[..rest.len().min(64)]).unwrap_or(rest.len());
    let tag = *rest[..end].first()?;
    if !matches!(tag, b'F' | b'P') || !matches!(rest.get(1), None | Some(b' ' | b':')) {
        return None;
    }
    Some(Entry {
        stamp,
        stream,
        is_cut: tag == b'P',
        text: rest.get(end + 1..).unwrap_or_default(),
    })
}
