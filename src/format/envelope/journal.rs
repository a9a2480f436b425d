//! Journal entries as JSON: `journalctl -o json`, `json-seq`, `json-sse`, and what binary and export files become.
//!
//! In: one object. Out: its message, at the time of its reception.
//! Invariants: no object is parsed as a whole: three keys are searched, and the message alone is decoded.
//! Source: systemd `src/shared/logs-show.c`, `output_json`.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::container::first_line;
use super::prefix::without_colours;
use super::{Envelope, Opened, decoded, level_of, raw_string, value_of};
use crate::bytes::parse_u64;
use crate::time::Notation;

/// A journal entry as a line of JSON.
#[derive(Debug)]
pub struct JournalJson;

static REALTIME: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new(b"\"__REALTIME_TIMESTAMP\""));
static MESSAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"MESSAGE\""));
static PRIORITY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"PRIORITY\""));
static CONTAINER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"CONTAINER_NAME\""));
static IDENTIFIER: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new(b"\"SYSLOG_IDENTIFIER\""));
static UNIT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"_SYSTEMD_UNIT\""));

impl Envelope for JournalJson {
    fn name(&self) -> &'static str {
        "journald"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::EpochMicros)
    }

    fn decodes(&self) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let line = first_line(record);
        let line = line.strip_prefix(b"\x1e").unwrap_or(line);
        let line = line.strip_prefix(b"data: ").unwrap_or(line);
        let object = line.strip_prefix(b"{")?;
        let (stamp, _) = raw_string(value_of(&REALTIME, object)?)?;
        let inner = value_of(&MESSAGE, object).map_or(Cow::Borrowed(&b""[..]), message);
        Some(Opened { inner, stamp: Some(stamp), origin: None, level: b"" })
    }

    fn text<'a>(&self, record: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        Some(value_of(&MESSAGE, record).map_or(Cow::Borrowed(&b""[..]), message))
    }

    /// All containers of docker are of its own unit, and all that is logged by syslog may be of one.
    fn source<'a>(&self, record: &'a [u8]) -> Option<&'a [u8]> {
        let keys: [&Finder<'_>; 3] = [&CONTAINER, &UNIT, &IDENTIFIER];
        keys.into_iter().find_map(|key| Some(value_of(key, record).and_then(raw_string)?.0))
    }

    fn describe<'a>(&self, record: &'a [u8], opened: &mut Opened<'a>) {
        let field = |key| value_of(key, record).and_then(raw_string).map(|(text, _)| text);
        opened.level = field(&PRIORITY).and_then(parse_u64).map_or(b"", level_of);
        opened.origin = field(&UNIT);
    }
}

/// The text of a message: a string, bytes as numbers, or the first of several values. Nothing for `null`.
fn message(value: &[u8]) -> Cow<'_, [u8]> {
    if let Some((raw, escaped)) = raw_string(value) {
        return decoded(raw, escaped);
    }
    let Some(list) = value.strip_prefix(b"[") else { return Cow::Borrowed(b"") };
    let list = list.trim_ascii_start();
    if let Some((raw, escaped)) = raw_string(list) {
        return decoded(raw, escaped);
    }
    let list = list.strip_prefix(b"[").unwrap_or(list);
    let end = memchr::memchr(b']', list).unwrap_or(list.len());
    let number = |text: &[u8]| parse_u64(text.trim_ascii()).and_then(|n| u8::try_from(n).ok());
    let bytes: Vec<u8> = list[..end].split(|byte| *byte == b',').filter_map(number).collect();
    match without_colours(&bytes) {
        Cow::Owned(plain) => Cow::Owned(plain),
        Cow::Borrowed(_) => Cow::Owned(bytes),
    }
}
