//! What stands around a line: prefixes of tools, syslog, container logs, the journal.
//!
//! In: a line of an input. Out: the line inside, and what the envelope says of it: time, origin, level.
//! Invariants: an envelope is a pure function of the line. Where the inner line is a part of the outer one nothing is
//! copied; where it has to be unescaped ([`Envelope::decodes`]) it is decoded once per look. Envelopes nest because a
//! [`Wrapped`] reader is a reader.

mod cells;
mod columns;
mod container;
mod journal;
mod json;
mod messages;
mod prefix;
mod shipper;
mod stern;
mod syslog;
#[cfg(test)]
mod tests;
mod viewer;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::{About, Directive, Glance, Instant, Reader};
use crate::fact::{Machine, machine_key};
use crate::input::{Fragments, pieces_of_record};
use crate::record::{Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::{Notation, SECOND_US, Stamp, parse_clf, parse_clf_variant, parse_nginx_error};

pub use cells::CsvCell;
pub use columns::ZapConsole;
pub use container::{Cri, DockerJson};
pub use journal::JournalJson;
pub use json::{AnswerRow, MessageJson, ObjectJson, TextJson};
pub use messages::{MESSAGES, Messages};
pub(super) use prefix::behind_marks;
pub use prefix::{
    Ansi, Compose, FileName, Indented, LeadingStamp, Pod, Program, Quoted, RemoteHost,
};
pub use shipper::{FluentdFile, Pairs};
pub use stern::Stern;
pub use syslog::{Rfc5424, Syslog};
pub use viewer::{DetailedTail, LogsTail, PageClock, TaskName};

/// Offsets of zones are multiples of this, microseconds.
const QUARTER_US: i64 = 900 * SECOND_US;

/// An inner clock that is further from the outer one than this, whole zones aside, is not the time of arrival.
const MAX_DELAY_US: i64 = 60 * SECOND_US;

/// A line that was taken out of its envelope.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened<'a> {
    /// The line inside.
    pub inner: Cow<'a, [u8]>,
    /// The time of the envelope, as it is written.
    pub stamp: Option<&'a [u8]>,
    /// Container, unit, file or host: what tells wrapped streams apart.
    pub origin: Option<&'a [u8]>,
    /// Severity by the envelope's word, as nginx calls it; empty where it has none.
    pub level: &'static [u8],
}

/// Something around a line.
pub trait Envelope: fmt::Debug + Send + Sync {
    /// For people, and the format id of messages that no format knows.
    fn name(&self) -> &'static str;

    /// How the envelope writes its time; `None` when it has none.
    fn notation(&self) -> Option<Notation> {
        None
    }

    /// Parses the envelope's time.
    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        self.notation()?.parse(text)
    }

    /// True when the inner line is in general no part of the outer one.
    fn decodes(&self) -> bool {
        false
    }

    /// True for shapes that no other line has by chance. The others count only around lines of a known format.
    fn is_certain(&self) -> bool {
        false
    }

    /// True where an application's own line has the same shape, so that messages of applications inside tell nothing.
    fn is_like_messages(&self) -> bool {
        false
    }

    /// True where an access line inside, though its layout had to be worked out, shows that the shape is no chance.
    fn shows_layout(&self, _layout: &str) -> bool {
        self.is_like_messages()
    }

    /// Takes a record out. `None`: it is not in this envelope.
    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>>;

    /// The inner line of a record that is surely in this envelope, if it can be had for less than `open` takes.
    fn text<'a>(&self, _record: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        None
    }

    /// Adds origin and level to what `open` left out because finding them takes time.
    fn describe<'a>(&self, record: &'a [u8], opened: &mut Opened<'a>) {
        let _ = (record, opened);
    }

    /// Container, unit, program or file: what tells the writer of a record from others in the same envelope.
    fn source<'a>(&self, record: &'a [u8]) -> Option<&'a [u8]> {
        let mut opened = self.open(record)?;
        self.describe(record, &mut opened);
        opened.origin
    }

    /// The host or pod that wrote a record.
    fn machine<'a>(&self, _record: &'a [u8]) -> Option<Machine<'a>> {
        None
    }

    /// False where the times of its lines, all together, show that it is another's.
    fn is_shown_by(&self, _: &[&[u8]]) -> bool {
        true
    }

    /// This envelope, where a long line may be cut into several, each with this around it. Then [`Envelope::open`] puts
    /// together what a record of several lines holds.
    fn fragments(&self) -> Option<&dyn Fragments> {
        None
    }

    /// True for a line between the wrapped ones that says nothing.
    fn is_remark(&self, _line: &[u8]) -> bool {
        false
    }
}

/// Every envelope, in order of preference. `reference_us` is the local time that no line is later than by a day: it
/// decides years that lines leave out.
pub fn envelopes(reference_us: Option<i64>) -> Vec<Arc<dyn Envelope>> {
    vec![
        Arc::new(JournalJson),
        Arc::new(DockerJson),
        Arc::new(Cri),
        Arc::new(Rfc5424),
        Arc::new(Syslog { reference_us }),
        Arc::new(FluentdFile),
        Arc::new(Pod),
        Arc::new(Stern),
        Arc::new(Compose),
        Arc::new(FileName),
        Arc::new(Ansi),
        Arc::new(DetailedTail),
        Arc::new(LeadingStamp),
        Arc::new(LogsTail),
        Arc::new(TaskName),
        Arc::new(PageClock),
        Arc::new(Program),
        Arc::new(RemoteHost),
        Arc::new(Quoted),
        Arc::new(AnswerRow),
        Arc::new(TextJson),
        Arc::new(MessageJson),
        Arc::new(ObjectJson),
        Arc::new(ZapConsole),
        Arc::new(Pairs),
        Arc::new(CsvCell),
    ]
}

/// A reader of lines in an envelope.
#[derive(Debug, Clone)]
pub struct Wrapped {
    envelope: Arc<dyn Envelope>,
    inner: Arc<dyn Reader>,
    about: About,
    /// A glance finds the time of the envelope, not that of the line inside.
    outer_timed: bool,
    /// It reads the lines of this source alone.
    source: Option<Vec<u8>>,
    /// The zone of access lines that name none, where their times of arrival tell it.
    offset_s: Option<i32>,
}

impl Wrapped {
    /// A reader of an envelope around lines of another reader. `has_zone`: the envelope's times have a zone.
    pub fn new(envelope: Arc<dyn Envelope>, inner: Arc<dyn Reader>, has_zone: bool) -> Self {
        let mut about = inner.about().clone();
        about.layout = format!("{} in {}", about.layout, envelope.name());
        // An access line keeps its own time, and with it the zone of its server.
        let lacks_zone = has_zone && is_zoneless(about.notation);
        let mut outer_timed = false;
        let is_message = about.role == LogRole::Error && (envelope.decodes() || lacks_zone);
        if (is_message || inner.lacks_time())
            && let Some(notation) = envelope.notation()
        {
            about.notation = notation;
            outer_timed = true;
        }
        Wrapped { envelope, inner, about, outer_timed, source: None, offset_s: None }
    }

    /// The same reader for access lines of a server whose zone is known, in seconds east of UTC.
    #[must_use]
    pub fn of_zone(self, offset_s: Option<i32>) -> Self {
        Wrapped { offset_s, ..self }
    }

    /// The same reader for access lines whose envelopes name the program that wrote them.
    #[must_use]
    pub fn of_server(mut self, server: Server, format: &'static str) -> Self {
        self.about.server = server;
        self.about.format = format;
        self.about.ambiguous_with = None;
        self
    }

    /// A time of an access line, with its zone.
    fn zoned(&self, stamp: Stamp) -> Stamp {
        match self.offset_s {
            Some(offset_s) if stamp.offset_s.is_none() && !self.outer_timed => Stamp {
                micros: stamp.micros - i64::from(offset_s) * SECOND_US,
                offset_s: Some(offset_s),
            },
            _ => stamp,
        }
    }

    /// The same reader for the lines of one source.
    #[must_use]
    pub fn of_source(mut self, source: &[u8]) -> Self {
        write!(self.about.layout, " of {}", String::from_utf8_lossy(source)).unwrap_or_default();
        self.source = Some(source.to_vec());
        self
    }

    /// Takes a record out, if it is one of the source.
    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        match &self.source {
            Some(source) if self.envelope.source(record) != Some(source) => None,
            _ => self.envelope.open(record),
        }
    }

    /// What the inner reader makes of a record, with the envelope's help for its time.
    fn complete<'a>(&self, mut record: Record<'a>, outer: Option<&[u8]>) -> Record<'a> {
        if let Record::Access(access) = &mut record
            && self.inner.lacks_time()
            && let Some(outer) = outer.and_then(|text| self.envelope.stamp(text))
        {
            access.stamp = outer;
        }
        if let Record::Access(access) = &mut record {
            access.stamp = self.zoned(access.stamp);
        }
        if let Record::Error(error) = &mut record
            && error.stamp.is_none_or(|stamp| stamp.offset_s.is_none())
            && let Some(outer) = outer.and_then(|text| self.envelope.stamp(text))
        {
            error.stamp = Some(error.stamp.map_or(outer, |inner| resolved(inner, outer)));
        }
        record
    }
}

/// True for notations that never give a zone.
fn is_zoneless(notation: Notation) -> bool {
    matches!(notation, Notation::NginxError | Notation::Ctime | Notation::IisNative)
}

/// A time without zone, with the zone that the time of its arrival shows. Where they are too far apart for that, the
/// arrival stands.
fn resolved(inner: Stamp, outer: Stamp) -> Stamp {
    if outer.offset_s.is_none() {
        return inner;
    }
    match offset_between(inner.micros, outer.micros) {
        Some(offset_s) => Stamp {
            micros: inner.micros - i64::from(offset_s) * SECOND_US,
            offset_s: Some(offset_s),
        },
        None => outer,
    }
}

/// The zone, in seconds east of UTC, of a clock that showed `local_us` at the instant `utc_us`, give or take a minute.
pub(super) fn offset_between(local_us: i64, utc_us: i64) -> Option<i32> {
    let ahead_us = local_us - utc_us;
    let offset_us = (ahead_us + QUARTER_US / 2).div_euclid(QUARTER_US) * QUARTER_US;
    let is_zone =
        (ahead_us - offset_us).abs() <= MAX_DELAY_US && offset_us.abs() <= 15 * 4 * QUARTER_US;
    is_zone.then_some((offset_us / SECOND_US) as i32)
}

/// The zone in which the server wrote the lines in an envelope, where they have none and the times of the envelope do.
/// `None`: they do not agree.
pub(super) fn zone_of(
    reader: &dyn Reader,
    envelope: &dyn Envelope,
    opened: &[Opened<'_>],
) -> Option<i32> {
    let mut votes: BTreeMap<Option<i32>, usize> = BTreeMap::new();
    let offset_of = |opened: &Opened<'_>| {
        let arrived = envelope.stamp(opened.stamp?).filter(|stamp| stamp.offset_s.is_some())?;
        let written = reader.written_at(&opened.inner);
        let local_us = written.or_else(|| local_time_of(reader, &opened.inner))?;
        Some(offset_between(local_us, arrived.micros))
    };
    for offset_s in opened.iter().filter_map(offset_of) {
        *votes.entry(offset_s).or_default() += 1;
    }
    let total: usize = votes.values().sum();
    let (offset_s, n_votes) = votes.into_iter().max_by_key(|(_, n_votes)| *n_votes)?;
    offset_s.filter(|_| n_votes * 10 >= total * 9)
}

/// When an access line without a zone was written, by the clock of its server.
fn local_time_of(reader: &dyn Reader, line: &[u8]) -> Option<i64> {
    let mut local_us = None;
    let is_start = reader.about().instant == Instant::Start;
    reader.read(line, &mut |result| {
        if let Ok(Record::Access(access)) = result
            && access.stamp.offset_s.is_none()
            && !reader.lacks_time()
        {
            let lasted_us = access.duration_us().filter(|_| is_start).unwrap_or(0);
            local_us = access.stamp.micros.checked_add(i64::try_from(lasted_us).unwrap_or(0));
        }
    });
    local_us
}

impl Reader for Wrapped {
    fn about(&self) -> &About {
        &self.about
    }

    fn is_last_resort(&self) -> bool {
        self.inner.is_last_resort()
    }

    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let opened = self.open(line).ok_or(Skip::Shape)?;
        if self.outer_timed {
            let inner = self.inner.glance(&opened.inner)?;
            // A line without a time of its own has that of the envelope.
            if !inner.stamp.is_empty() {
                self.inner.stamp(inner.stamp).ok_or(Skip::BadTime)?;
            }
            return Ok(Glance { stamp: opened.stamp.ok_or(Skip::BadTime)?, status: inner.status });
        }
        match opened.inner {
            Cow::Borrowed(inner) => self.inner.glance(inner),
            // A time holds nothing that is ever escaped, so it stands in the line as it is.
            Cow::Owned(inner) => {
                let glance = self.inner.glance(&inner)?;
                let found = memchr::memmem::find(line, glance.stamp);
                // Written as numbers, it does not: then the envelope's time stands.
                let stamp = match found {
                    Some(at) => &line[at..at + glance.stamp.len()],
                    None => opened.stamp.ok_or(Skip::BadTime)?,
                };
                Ok(Glance { stamp, status: glance.status })
            }
        }
    }

    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        if self.outer_timed {
            return self.envelope.stamp(text);
        }
        let inner = self.inner.stamp(text).map(|stamp| self.zoned(stamp));
        // As `glance` says, the envelope's time may stand where the line is no part of the record.
        let may_be_outer = self.envelope.decodes() || self.fragments().is_some();
        if may_be_outer { inner.or_else(|| self.envelope.stamp(text)) } else { inner }
    }

    fn carried(&self) -> i64 {
        let own = self.offset_s.map_or(0, |offset_s| i64::from(offset_s) + i64::from(i32::MAX));
        self.inner.carried() ^ own
    }

    fn taught_by(&self, head: &[&[u8]]) -> Option<Arc<dyn Reader>> {
        let opened: Vec<_> = head.iter().filter_map(|line| self.open(line)).collect();
        let inner: Vec<&[u8]> = opened.iter().map(|opened| &*opened.inner).collect();
        Some(Arc::new(Wrapped { inner: self.inner.taught_by(&inner)?, ..self.clone() }))
    }

    /// What stands nearest to the line counts.
    fn machine(&self, record: &[u8]) -> u32 {
        match self.open(record).map_or(0, |opened| self.inner.machine(&opened.inner)) {
            0 => self.envelope.machine(record).map_or(0, machine_key),
            inner => inner,
        }
    }

    fn directive(&self, line: &[u8]) -> Option<Directive> {
        self.envelope.is_remark(line).then_some(Directive::Comment)
    }

    fn fragments(&self) -> Option<&dyn Fragments> {
        self.envelope.fragments()
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let opened = self.open(record).ok_or(Skip::Shape)?;
        match opened.inner {
            Cow::Borrowed(inner) => Ok(self.complete(self.inner.parse(inner)?, opened.stamp)),
            Cow::Owned(_) => Err(Skip::Encoded),
        }
    }

    fn read(&self, record: &[u8], each: &mut dyn FnMut(Result<Record<'_>, Skip>)) {
        match self.open(record) {
            None => each(Err(Skip::Shape)),
            Some(opened) => self.inner.read(&opened.inner, &mut |result| {
                each(result.map(|record| self.complete(record, opened.stamp)));
            }),
        }
    }

    fn bare<'a>(&self, line: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        match self.open(line)?.inner {
            Cow::Borrowed(inner) => self.inner.bare(inner),
            Cow::Owned(inner) => Some(Cow::Owned(self.inner.bare(&inner)?.into_owned())),
        }
    }

    fn around(&self, inner: &Arc<dyn Reader>) -> Option<Arc<dyn Reader>> {
        let wrapped = Wrapped::new(Arc::clone(&self.envelope), self.inner.around(inner)?, false);
        Some(match &self.source {
            Some(source) => Arc::new(wrapped.of_source(source)),
            None => Arc::new(wrapped),
        })
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let Some(opened) = self.open(record) else { return };
        if let Some(stamp) = opened.stamp {
            each("outer_time", stamp);
        }
        if let Some(origin) = opened.origin {
            each("outer_origin", origin);
        }
        if let Cow::Borrowed(inner) = opened.inner {
            self.inner.each_field(inner, each);
        }
    }

    fn read_fields(&self, record: &[u8], each: &mut dyn FnMut(&str, &[u8])) {
        let Some(mut opened) = self.open(record) else { return };
        self.envelope.describe(record, &mut opened);
        if let Some(stamp) = opened.stamp {
            each("outer_time", stamp);
        }
        if let Some(origin) = opened.origin {
            each("outer_origin", origin);
        }
        self.inner.read_fields(&opened.inner, each);
    }
}

/// The latest time with a year that a line of the sample shows, local: what decides years that other lines leave out.
pub(super) fn latest_year_shown(lines: &[&[u8]]) -> Option<i64> {
    let shown = |line: &&[u8]| {
        let slash = memchr::memchr_iter(b'/', line).find_map(|at| {
            parse_nginx_error(line.get(at.checked_sub(4)?..at + 15)?).map(|stamp| stamp.micros)
        });
        slash.or_else(|| {
            memchr::memchr_iter(b'[', line).take(3).find_map(|at| {
                let zoned = line.get(at + 1..at + 27).and_then(parse_clf);
                // HAProxy gives milliseconds and no zone.
                let stamp = zoned.or_else(|| parse_clf_variant(line.get(at + 1..at + 25)?))?;
                Some(stamp.micros + i64::from(stamp.offset_s.unwrap_or(0)) * SECOND_US)
            })
        })
    };
    lines.iter().filter_map(shown).max()
}

/// The text of the line that a record is, put together from the pieces that it was cut into. `None`: it is whole.
fn joined<'r>(
    envelope: &dyn Fragments,
    record: &'r [u8],
    text_of: impl Fn(&'r [u8]) -> Option<Cow<'r, [u8]>>,
) -> Option<Vec<u8>> {
    // Most records are one line.
    memchr::memchr(b'\n', record)?;
    let pieces = pieces_of_record(record, envelope);
    let mut whole: Vec<u8> = Vec::new();
    for piece in &pieces {
        whole.extend_from_slice(&text_of(piece)?);
    }
    whole.truncate(whole.trim_ascii_end().len());
    (!pieces.is_empty()).then_some(whole)
}

/// True for `==> access.log <==`, which `tail` and `head` write before the lines of each file.
pub(super) fn is_tail_header(line: &[u8]) -> bool {
    line.starts_with(b"==> ") && line.ends_with(b" <==")
}

/// Severity of a syslog priority, as nginx calls it.
fn level_of(priority: u64) -> &'static [u8] {
    const LEVELS: [&[u8]; 8] =
        [b"emerg", b"alert", b"crit", b"error", b"warn", b"notice", b"info", b"debug"];
    LEVELS[(priority % 8) as usize]
}

/// Where the value of the first `key` (with quotes) outside other strings starts.
fn value_of<'a>(key: &memchr::memmem::Finder<'_>, object: &'a [u8]) -> Option<&'a [u8]> {
    let mut from = 0;
    loop {
        let at = from + key.find(&object[from..])?;
        from = at + key.needle().len();
        if at > 0 && object[at - 1] == b'\\' {
            continue;
        }
        let rest = object[from..].trim_ascii_start();
        if let Some(value) = rest.strip_prefix(b":") {
            return Some(value.trim_ascii_start());
        }
    }
}

/// The raw text of a JSON string that `value` starts with, and whether it holds escapes.
fn raw_string(value: &[u8]) -> Option<(&[u8], bool)> {
    let text = value.strip_prefix(b"\"")?;
    let (mut at, mut escaped) = (0, false);
    loop {
        at += memchr::memchr2(b'"', b'\\', &text[at..])?;
        if text[at] == b'"' {
            return Some((&text[..at], escaped));
        }
        escaped = true;
        at = (at + 2).min(text.len());
    }
}

/// A JSON string as text, without colours.
fn decoded(raw: &[u8], escaped: bool) -> Cow<'_, [u8]> {
    if !escaped {
        return Cow::Borrowed(raw);
    }
    let mut plain = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        plain.extend_from_slice(&rest[..at]);
        let used = unescape_one(&rest[at..], &mut plain);
        rest = &rest[at + used..];
    }
    plain.extend_from_slice(rest);
    match prefix::without_colours(&plain) {
        Cow::Owned(stripped) => Cow::Owned(stripped),
        Cow::Borrowed(_) => Cow::Owned(plain),
    }
}

/// Undoes the escape that `text` starts with; returns its length.
fn unescape_one(text: &[u8], plain: &mut Vec<u8>) -> usize {
    let unit = |text: &[u8]| match text {
        [b'\\', b'u', digits @ ..] => {
            let digits = std::str::from_utf8(digits.get(..4)?).ok()?;
            u16::from_str_radix(digits, 16).ok()
        }
        _ => None,
    };
    let code = text.get(1).copied().unwrap_or(b'\\');
    let byte = match code {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        b'u' => {
            let Some(first) = unit(text) else {
                plain.push(b'\\');
                return 1;
            };
            let second = text.get(6..).and_then(unit);
            let pair = [first, second.unwrap_or(0)];
            let is_pair = (0xD800..0xDC00).contains(&first) && second.is_some();
            let units = if is_pair { &pair[..] } else { &pair[..1] };
            let symbol = char::decode_utf16(units.iter().copied()).next();
            let symbol = symbol.and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER);
            plain.extend_from_slice(symbol.encode_utf8(&mut [0; 4]).as_bytes());
            return if is_pair { 12 } else { 6 };
        }
        other => other,
    };
    plain.push(byte);
    text.len().min(2)
}
