//! Events of the Windows event log as tools export them: `wevtutil` text and XML, the XML, CSV and copied text of Event
//! Viewer, and what PowerShell makes of `Get-WinEvent`: JSON, CSV, `Format-List`.
//!
//! In: one event, mostly over several lines. Out: an [`ErrorRecord`] that carries provider and number of the event.
//! The first line of an event is known by its `Shape`; the time stands in a later line for most of them, so that a
//! glance finds no stamp, and [`Reader::parse`] does. Texts are taken as they stand: nothing is unescaped.
//! Invariants: names of keys and numbers are never translated by the tools, and nothing else is relied on; a local time
//! stays without zone.
//! Source: exports of Windows Server 2016 to 2022; `wevtutil` and `Get-WinEvent` documentation.

mod shapes;

#[cfg(test)]
mod tests;

use self::shapes::{Parts, Shape};
use super::{About, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::parse_u64;
use crate::fact::{Machine, machine_key};
use crate::record::{ErrorRecord, Record, Skip, WindowsEvent};
use crate::taxonomy::{LogRole, Server};
use crate::time::{Notation, Stamp, parse_epoch_millis, parse_windows_local};

/// Reads events of one shape.
#[derive(Debug, Clone)]
pub struct WindowsEvents {
    about: About,
    shape: Shape,
}

impl WindowsEvents {
    fn new(shape: Shape) -> Self {
        let about = About {
            format: "windows_event",
            layout: shape.name().to_owned(),
            server: Server::Windows,
            role: LogRole::Error,
            notation: Notation::WindowsLocal,
            instant: Instant::End,
            basis: FormatBasis::Detected,
            ambiguous_with: None,
        };
        WindowsEvents { about, shape }
    }
}

/// The time of an event: ISO 8601, `/Date(1773326380000)/`, or as the language of Windows writes it.
fn parse_time(text: &[u8]) -> Option<Stamp> {
    if let Some(at) = memchr::memmem::find(text, b"Date(") {
        let digits = &text[at + 5..];
        let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
        return parse_epoch_millis(&digits[..end]);
    }
    parse_windows_local(text.trim_ascii())
}

impl Reader for WindowsEvents {
    fn about(&self) -> &About {
        &self.about
    }

    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        if self.shape.starts(line) || self.shape.is_heading(line) {
            return Ok(Glance { stamp: b"", status: 0 });
        }
        Err(Skip::Shape)
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let first = &record[..memchr::memchr(b'\n', record).unwrap_or(record.len())];
        if !self.shape.starts(first.strip_suffix(b"\r").unwrap_or(first)) {
            return Err(Skip::Shape);
        }
        let parts = self.shape.parts(record);
        // One line of an event over several lines is told to be one as well.
        let id = parts.id.and_then(parse_u64).map(|id| id as u32 & 0xffff);
        let event = parts.provider.zip(id).map(|(provider, id)| WindowsEvent { provider, id });
        Ok(Record::Error(ErrorRecord {
            stamp: parts.time.and_then(parse_time),
            level: parts.level.unwrap_or_default(),
            message: parts.message,
            event,
            ..ErrorRecord::default()
        }))
    }

    fn machine(&self, record: &[u8]) -> u32 {
        let Parts { computer, .. } = self.shape.parts(record);
        computer.map_or(0, |name| machine_key(Machine::Computer(name)))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let Parts { time, provider, id, level, computer, message } = self.shape.parts(record);
        for (name, value) in [
            ("time", time),
            ("provider", provider),
            ("id", id),
            ("level", level),
            ("computer", computer),
            ("message", Some(message)),
        ] {
            if let Some(value) = value {
                each(name, value);
            }
        }
    }
}

/// Proposes [`WindowsEvents`].
#[derive(Debug)]
pub struct WindowsEventFormat;

impl Format for WindowsEventFormat {
    fn name(&self) -> &'static str {
        "windows_event"
    }

    fn summary(&self) -> &'static str {
        "events of the Windows event log, exported as text, XML, CSV or JSON, known by the names of their keys"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        let shape = Shape::of(&sample.lines)?;
        let reader = WindowsEvents::new(shape);
        // Most lines continue an event: they are not left to other formats.
        let n_accepted = sample.lines.iter().filter(|line| reader.glance(line).is_ok()).count();
        Proposal::counted(reader, n_accepted)
    }
}
