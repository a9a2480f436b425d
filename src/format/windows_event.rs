//! Events of the Windows event log as tools export them: `wevtutil` text and XML, the XML, CSV and copied text of Event
//! Viewer, what PowerShell makes of `Get-WinEvent` and `Get-EventLog` (JSON, CSV, `Format-List`), and the JSON of
//! shippers: Winlogbeat, `NXLog`, Fluent Bit.
//!
//! In: one event, mostly over several lines. Out: an [`ErrorRecord`] that carries provider and number of the event.
//! The first line of an event is known by its `Shape`; the time stands in a later line for most of them, so that a
//! glance finds no stamp, and [`Reader::parse`] does. Texts are taken as they stand: nothing is unescaped.
//! Invariants: names of providers and numbers are never translated, and nothing else is relied on: where a tool translates
//! the names of its columns, their values and their order tell what they are. A local time stays without zone.
//! Source: exports of Windows Server 2016 to 2022; `wevtutil` and `Get-WinEvent` documentation.

mod csv;
mod json;
mod shapes;

#[cfg(test)]
mod tests;

use self::shapes::{Parts, Shape};
use super::{About, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::{first_line, parse_u64};
use crate::fact::{Machine, machine_key};
use crate::record::{ErrorRecord, Record, Skip, WindowsEvent};
use crate::taxonomy::{LogRole, Server};
use crate::time::{Notation, Stamp, parse_epoch_millis, parse_windows_local_in};

/// Reads events of one shape.
#[derive(Debug, Clone)]
pub struct WindowsEvents {
    about: About,
    shape: Shape,
    /// Dates with slashes have the day before the month.
    is_day_first: bool,
}

impl WindowsEvents {
    fn new(shape: Shape, is_day_first: bool) -> Self {
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
        WindowsEvents { about, shape, is_day_first }
    }
}

/// The time of an event: ISO 8601, `/Date(1773326380000)/`, or as the language of Windows writes it.
fn parse_time(text: &[u8], is_day_first: bool) -> Option<Stamp> {
    if let Some(at) = memchr::memmem::find(text, b"Date(") {
        let digits = &text[at + 5..];
        let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
        return parse_epoch_millis(&digits[..end]);
    }
    parse_windows_local_in(text.trim_ascii(), is_day_first)
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

    fn continues(&self, line: &[u8]) -> bool {
        self.shape.continues(line)
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let first = first_line(record);
        if !self.shape.starts(first.strip_suffix(b"\r").unwrap_or(first)) {
            return Err(Skip::Shape);
        }
        let parts = self.shape.parts(record);
        // One line of an event over several lines is told to be one as well.
        let id = parts.id.and_then(parse_u64).map(|id| id as u32 & 0xffff);
        let data = parts.data.unwrap_or_default();
        let event =
            parts.provider.zip(id).map(|(provider, id)| WindowsEvent { provider, id, data });
        Ok(Record::Error(ErrorRecord {
            stamp: parts.time.and_then(|time| parse_time(time, self.is_day_first)),
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
        let Parts { time, provider, id, level, computer, data, message } = self.shape.parts(record);
        for (name, value) in [
            ("time", time),
            ("provider", provider),
            ("id", id),
            ("level", level),
            ("computer", computer),
            ("data", data),
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
        let is_day_first = shape.is_day_first(&sample.lines);
        let reader = WindowsEvents::new(shape, is_day_first);
        // Most lines continue an event: they are not left to other formats.
        let n_accepted = sample.lines.iter().filter(|line| reader.glance(line).is_ok()).count();
        Proposal::counted(reader, n_accepted)
    }
}
