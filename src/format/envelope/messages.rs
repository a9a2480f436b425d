//! Lines in an envelope that no format knows: what they say, at the time of the envelope.
//!
//! In: an envelope, and the readers of lines that do have a format. Out: message records.
//! Invariants: a line that one of those readers takes is refused, so that the order of readers decides nothing.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::{About, Directive, FormatBasis, Glance, Instant, Reader, accepts};
use super::{Envelope, Opened};
use crate::bytes::first_line;
use crate::input::Fragments;
use crate::record::{ErrorRecord, Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::{Notation, Stamp};

/// The layout of such lines.
pub const MESSAGES: &str = "messages";

/// Reads any line in an envelope that has a time, or in one whose times date nothing.
#[derive(Debug)]
pub struct Messages {
    envelope: Arc<dyn Envelope>,
    /// Readers of inner lines, whose lines are no business of this one.
    known: Vec<Arc<dyn Reader>>,
    /// Those of them whose times have slashes, which few other lines have.
    slashed: Vec<Arc<dyn Reader>>,
    /// Those of them to which the envelope is a part of the line.
    whole: Vec<Arc<dyn Reader>>,
    about: About,
    /// The envelope's times date nothing: its lines are in order, and that is all.
    is_undated: bool,
}

impl Messages {
    /// The same reader for lines whose times date nothing, such as those since the start of a machine.
    pub fn undated(envelope: Arc<dyn Envelope>, known: Vec<Arc<dyn Reader>>) -> Option<Self> {
        Some(Messages { is_undated: true, ..Messages::new(envelope, known)? })
    }

    /// A reader of what `known` leaves. `None`: the envelope has no time.
    pub fn new(envelope: Arc<dyn Envelope>, known: Vec<Arc<dyn Reader>>) -> Option<Self> {
        let about = About {
            format: envelope.name(),
            layout: MESSAGES.to_owned(),
            server: Server::Unknown,
            role: LogRole::Error,
            notation: envelope.notation()?,
            instant: Instant::End,
            basis: FormatBasis::Detected,
            ambiguous_with: None,
        };
        // Around an encoded line stands no prefix that is a part of it.
        let holds_prefix = |reader: &&Arc<dyn Reader>| reader.holds_prefix() && !envelope.decodes();
        let whole = known.iter().filter(holds_prefix).cloned().collect();
        let (slashed, known) = known.into_iter().partition(|reader| {
            let about = reader.about();
            let has_slashes = matches!(about.notation, Notation::Clf | Notation::ClfVariant);
            has_slashes && about.role == LogRole::Access
        });
        Some(Messages { envelope, known, slashed, whole, about, is_undated: false })
    }

    fn open<'a>(&self, record: &'a [u8]) -> Result<(&'a [u8], Opened<'a>), Skip> {
        let opened = self.envelope.open(record).ok_or(Skip::Shape)?;
        let stamp = self.stamp_of(&opened)?;
        let first = first_line(&opened.inner);
        let is_of = |readers: &[Arc<dyn Reader>]| {
            readers.iter().any(|reader| accepts(reader.as_ref(), first))
        };
        let has_slash = memchr::memchr(b'/', first).is_some();
        let is_whole = self.whole.iter().any(|reader| accepts(reader.as_ref(), first_line(record)));
        if is_whole || is_of(&self.known) || (has_slash && is_of(&self.slashed)) {
            return Err(Skip::Shape);
        }
        Ok((stamp, opened))
    }

    /// The time of an envelope as it is written; empty where it dates nothing.
    fn stamp_of<'a>(&self, opened: &Opened<'a>) -> Result<&'a [u8], Skip> {
        opened.stamp.or(self.is_undated.then_some(&b""[..])).ok_or(Skip::BadTime)
    }

    fn record<'r>(
        &self,
        stamp: &[u8],
        level: &'static [u8],
        message: &'r [u8],
    ) -> Result<Record<'r>, Skip> {
        Ok(Record::Error(ErrorRecord {
            log_id: None,
            event: None,
            told: None,
            stamp: match stamp {
                [] => None,
                _ => Some(self.envelope.stamp(stamp).ok_or(Skip::BadTime)?),
            },
            level,
            pid: None,
            connection: None,
            message,
            client: None,
            server: None,
            request: None,
            subrequest: None,
            upstream: None,
            host: None,
            referrer: None,
            truncated: false,
        }))
    }
}

impl Reader for Messages {
    fn about(&self) -> &About {
        &self.about
    }

    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        Ok(Glance { stamp: self.open(line)?.0, status: 0 })
    }

    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        self.envelope.stamp(text)
    }

    fn directive(&self, line: &[u8]) -> Option<Directive> {
        self.envelope.is_remark(line).then_some(Directive::Comment)
    }

    fn fragments(&self) -> Option<&dyn Fragments> {
        self.envelope.fragments()
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let (stamp, mut opened) = self.open(record)?;
        self.envelope.describe(record, &mut opened);
        match opened.inner {
            Cow::Borrowed(inner) => self.record(stamp, opened.level, inner),
            Cow::Owned(_) => Err(Skip::Encoded),
        }
    }

    fn read(&self, record: &[u8], each: &mut dyn FnMut(Result<Record<'_>, Skip>)) {
        match self.open(record) {
            Ok((stamp, mut opened)) => {
                self.envelope.describe(record, &mut opened);
                each(self.record(stamp, opened.level, &opened.inner));
            }
            Err(skip) => each(Err(skip)),
        }
    }

    fn message_text<'a>(&self, record: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        self.envelope.text(record)
    }

    fn read_taken(&self, record: &[u8], each: &mut dyn FnMut(Result<Record<'_>, Skip>)) {
        let Some(mut opened) = self.envelope.open(record) else { return each(Err(Skip::Shape)) };
        let stamp = match self.stamp_of(&opened) {
            Ok(stamp) => stamp,
            Err(skip) => return each(Err(skip)),
        };
        self.envelope.describe(record, &mut opened);
        each(self.record(stamp, opened.level, &opened.inner));
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let Ok((stamp, opened)) = self.open(record) else { return };
        each("time", stamp);
        if let Some(origin) = opened.origin {
            each("origin", origin);
        }
        if let Cow::Borrowed(inner) = opened.inner {
            each("message", inner);
        }
    }

    fn read_fields(&self, record: &[u8], each: &mut dyn FnMut(&str, &[u8])) {
        let Ok((stamp, mut opened)) = self.open(record) else { return };
        self.envelope.describe(record, &mut opened);
        each("time", stamp);
        if let Some(origin) = opened.origin {
            each("origin", origin);
        }
        if !opened.level.is_empty() {
            each("level", opened.level);
        }
        each("message", &opened.inner);
    }
}
