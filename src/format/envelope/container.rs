//! Container logs as they lie on disk: docker's json-file driver, and the CRI format of Kubernetes nodes.
//!
//! Both cut long lines, for each stream by itself: lines of the other stream may stand between the pieces of one.
//!
//! Source: moby `daemon/logger/copier.go`, `daemon/logger/jsonfilelog`; conmon `ctr_logging.c`, `write_k8s_log`; Kubernetes
//! `pkg/kubelet/kuberuntime/logs`.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::prefix::leading_stamp;
use super::{Envelope, Opened, decoded, joined, raw_string, value_of};
use crate::bytes;
use crate::input::{Fragment, Fragments};
use crate::time::Notation;

/// `{"log":"LINE\n","stream":"stderr","time":"2026-11-20T21:29:42.123456789Z"}`.
#[derive(Debug)]
pub struct DockerJson;

/// Docker cuts lines at this length.
const BUFFER_BYTES: usize = 16 << 10;

static LOG: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"log\""));
static STREAM: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"stream\""));
static TIME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"time\""));

/// The line break at the end of a text.
static BREAK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\\n\""));

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

    fn is_certain(&self) -> bool {
        true
    }

    fn fragments(&self) -> Option<&dyn Fragments> {
        Some(self)
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let Parts { text, escaped, stream, stamp } = parts(first_line(record))?;
        let text_of = |line| parts(line).map(|Parts { text, escaped, .. }| decoded(text, escaped));
        if let Some(whole) = joined(self, record, text_of) {
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

/// A line of a container ends with `\n` unless it was cut, or is what the container wrote last.
impl Fragments for DockerJson {
    fn may_be_cut(&self, line: &[u8]) -> bool {
        BREAK.find(line).is_none_or(|at| !n_trailing(&line[..at]).is_multiple_of(2))
    }

    /// All pieces of one line have one time; with drivers before 18.03 only their length tells that more follow.
    fn fragment<'a>(&self, line: &'a [u8]) -> Option<Fragment<'a>> {
        let Parts { text, stream, stamp, .. } = parts(line)?;
        let until = (text.len() < BUFFER_BYTES).then_some(stamp);
        Some(Fragment { source: [stream, b""], is_cut: !is_ended(text), until, stamp })
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

/// How many backslashes a text ends with.
fn n_trailing(text: &[u8]) -> usize {
    text.iter().rev().take_while(|byte| **byte == b'\\').count()
}

/// The line that a record starts with.
pub(super) fn first_line(record: &[u8]) -> &[u8] {
    bytes::first_line(record).trim_ascii_end()
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

    fn is_certain(&self) -> bool {
        true
    }

    fn fragments(&self) -> Option<&dyn Fragments> {
        Some(self)
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let Entry { stamp, stream, is_cut, text } = entry(record)?;
        let text_of = |line| entry(line).map(|entry| entry.text.into());
        let whole = if is_cut { joined(self, record, text_of) } else { None };
        let inner = whole.map_or(Cow::Borrowed(text), Cow::Owned);
        Some(Opened { inner, stamp: Some(stamp), origin: Some(stream), level: b"" })
    }
}

impl Fragments for Cri {
    fn may_be_cut(&self, line: &[u8]) -> bool {
        let head = &line[..line.len().min(MAX_HEAD_BYTES)];
        memchr::memchr_iter(b'P', head).any(|at| at > 0 && head[at - 1] == b' ')
    }

    fn fragment<'a>(&self, line: &'a [u8]) -> Option<Fragment<'a>> {
        let Entry { stamp, stream, is_cut, .. } = entry(line)?;
        Some(Fragment { source: [stream, b""], is_cut, until: None, stamp })
    }
}

/// Time, stream and tag are no longer than this together.
const MAX_HEAD_BYTES: usize = 64;

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
