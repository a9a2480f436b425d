//! Container logs as they lie on disk: docker's json-file driver, and the CRI format of Kubernetes nodes.
//!
//! Source: moby `daemon/logger/jsonfilelog`; Kubernetes `pkg/kubelet/kuberuntime/logs`.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::prefix::leading_stamp;
use super::{Envelope, Opened, decoded, raw_string, value_of};
use crate::time::Notation;

/// `{"log":"LINE\n","stream":"stderr","time":"2026-11-20T21:29:42.123456789Z"}`.
#[derive(Debug)]
pub struct DockerJson;

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

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let object = first_line(record).strip_prefix(b"{")?;
        let log = value_of(&LOG, object)?;
        let (text, escaped) = raw_string(log)?;
        // What follows the log text cannot be part of it.
        let behind = &log[(text.len() + 2).min(log.len())..];
        let field =
            |key| value_of(key, behind).or_else(|| value_of(key, object)).and_then(raw_string);
        let (stream, _) = field(&STREAM)?;
        let (stamp, _) = field(&TIME)?;
        let ended = text.strip_suffix(b"\\n").filter(|rest| n_trailing(rest).is_multiple_of(2));
        let text = ended.unwrap_or(text);
        let text = text
            .strip_suffix(b"\\r")
            .filter(|rest| n_trailing(rest).is_multiple_of(2))
            .unwrap_or(text);
        let escaped = escaped && memchr::memchr(b'\\', text).is_some();
        Some(Opened {
            inner: decoded(text, escaped),
            stamp: Some(stamp),
            origin: Some(stream),
            level: b"",
        })
    }
}

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

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let (stamp, rest) = leading_stamp(record)?;
        let blank = memchr::memchr(b' ', &rest[..rest.len().min(7)])?;
        let (stream, rest) = (&rest[..blank], &rest[blank + 1..]);
        if !matches!(stream, b"stdout" | b"stderr") {
            return None;
        }
        let end = memchr::memchr(b' ', &rest[..rest.len().min(64)]).unwrap_or(rest.len());
        if !matches!(rest[..end].first(), Some(b'F' | b'P'))
            || !matches!(rest.get(1), None | Some(b' ' | b':'))
        {
            return None;
        }
        let inner = rest.get(end + 1..).unwrap_or_default();
        Some(Opened { inner: inner.into(), stamp: Some(stamp), origin: Some(stream), level: b"" })
    }
}
