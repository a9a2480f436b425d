//! Journal entries as JSON: `journalctl -o json`, `json-seq`, `json-sse`, and what binary and export files become.
//!
//! In: one object. Out: its message, at the time of its reception; of a container's line that was cut into several
//! entries, the whole line.
//! Invariants: no object is parsed as a whole: three keys are searched, and the message alone is decoded.
//! Source: systemd `src/shared/logs-show.c`, `output_json`; moby `daemon/logger/journald`; conmon `ctr_logging.c`,
//! `write_journald`.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::container::first_line;
use super::prefix::without_colours;
use super::{Envelope, Opened, decoded, joined, level_of, raw_string, value_of};
use crate::bytes::parse_u64;
use crate::fact::Machine;
use crate::input::{Fragment, Fragments};
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
static PARTIAL: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new(b"\"CONTAINER_PARTIAL_MESSAGE\""));
static PARTIAL_ID: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new(b"\"CONTAINER_PARTIAL_ID\""));
static CONTAINER_ID: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new(b"\"CONTAINER_ID_FULL\""));
static HOSTNAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"_HOSTNAME\""));
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

    fn is_certain(&self) -> bool {
        true
    }

    fn fragments(&self) -> Option<&dyn Fragments> {
        Some(self)
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let object = object_of(record)?;
        let (stamp, _) = raw_string(value_of(&REALTIME, object)?)?;
        let whole = joined(self, record, |line| Some(message_of(line)));
        let inner = whole.map_or_else(|| message_of(object), Cow::Owned);
        Some(Opened { inner, stamp: Some(stamp), origin: None, level: b"" })
    }

    fn text<'a>(&self, record: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let whole = joined(self, record, |line| Some(message_of(line)));
        Some(whole.map_or_else(|| message_of(first_line(record)), Cow::Owned))
    }

    /// All containers of docker are of its own unit, and all that is logged by syslog may be of one.
    fn source<'a>(&self, record: &'a [u8]) -> Option<&'a [u8]> {
        let keys: [&Finder<'_>; 3] = [&CONTAINER, &UNIT, &IDENTIFIER];
        keys.into_iter().find_map(|key| text_of(key, first_line(record)))
    }

    fn machine<'a>(&self, record: &'a [u8]) -> Option<Machine<'a>> {
        text_of(&HOSTNAME, first_line(record)).map(Machine::Host)
    }

    fn describe<'a>(&self, record: &'a [u8], opened: &mut Opened<'a>) {
        let line = first_line(record);
        opened.level = text_of(&PRIORITY, line).and_then(parse_u64).map_or(b"", level_of);
        opened.origin = text_of(&UNIT, line);
    }
}

/// All entries but the last of a line that was cut say so. Docker gives them an id; without one, the stream of the
/// container tells them apart, which shows as priority.
impl Fragments for JournalJson {
    fn may_be_cut(&self, line: &[u8]) -> bool {
        PARTIAL.find(line).is_some()
    }

    fn may_hold_cut(&self, lines: &[u8]) -> bool {
        PARTIAL.find(lines).is_some()
    }

    fn fragment<'a>(&self, line: &'a [u8]) -> Option<Fragment<'a>> {
        let object = object_of(line)?;
        let stamp = text_of(&REALTIME, object)?;
        let of_stream = || {
            let container = text_of(&CONTAINER_ID, object)?;
            Some([container, text_of(&PRIORITY, object).unwrap_or_default()])
        };
        let id = text_of(&PARTIAL_ID, object).map(|id| [id, b""]);
        let source = id.or_else(of_stream);
        let is_cut = source.is_some() && text_of(&PARTIAL, object) == Some(b"true");
        Some(Fragment { source: source.unwrap_or_default(), is_cut, until: None, stamp })
    }
}

/// The object of an entry, without its opening bracket.
fn object_of(record: &[u8]) -> Option<&[u8]> {
    let line = first_line(record);
    let line = line.strip_prefix(b"\x1e").unwrap_or(line);
    line.strip_prefix(b"data: ").unwrap_or(line).strip_prefix(b"{")
}

/// The text of the first value of a key, as it is written.
fn text_of<'a>(key: &Finder<'_>, object: &'a [u8]) -> Option<&'a [u8]> {
    Some(value_of(key, object).and_then(raw_string)?.0)
}

fn message_of(object: &[u8]) -> Cow<'_, [u8]> {
    value_of(&MESSAGE, object).map_or(Cow::Borrowed(&b""[..]), message)
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
