//! The text modes of `journalctl`: `short*`, `with-unit`, `verbose`; `cat` is messages alone.
//!
//! In: a line without its terminator. Out: [`TextLine`].
//! Invariants: a line says all this needs, no mode is set: the shape of its time tells. A time that lacks year, zone
//! or day stays so. Which line a continuation belongs to is the caller's to know.
//! Source: systemd `src/shared/logs-show.c`, `output_short`, `output_verbose`, versions 219 to 256.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use super::record::JournalRecord;
use crate::bytes::{parse_seconds_us, parse_u64, two_digits};
use crate::time::{SECOND_US, Stamp, parse_iso8601, parse_offset};

pub use super::year::{YearlessTime, resolve_year};

/// When a line says it was. `short*` prints the clock of the sender where the entry has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextTime {
    /// `short-iso*`, `short-full`, `with-unit`, `verbose`, `short-unix`: an instant, perhaps without a zone.
    Stamp(Stamp),
    /// `short`, `short-precise`.
    Yearless(YearlessTime),
    /// `short-monotonic`, `short-delta`: microseconds since the start of the boot.
    Monotonic(u64),
}

/// An entry, or the first line of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextEntry<'a> {
    /// When.
    pub time: TextTime,
    /// The host; `None` with `--no-hostname` and in `verbose`.
    pub host: Option<&'a [u8]>,
    /// Name of the sender; in `with-unit` its unit.
    pub identifier: &'a [u8],
    /// Process of the sender; kernel messages have none.
    pub pid: Option<u64>,
    /// The unit, where the identifier has the form of one (`with-unit`).
    pub unit: Option<&'a [u8]>,
    /// The message, up to the end of the line.
    pub message: &'a [u8],
    /// Where the message starts in the line: continuation lines are indented by as much. 0 in `verbose`.
    pub indent: usize,
    /// The message is `[31B blob data]`: it has bytes that are no text.
    pub is_blob: bool,
}

/// What a line of the text modes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextLine<'a> {
    /// An entry of a `short*` mode. Lines that are indented may follow.
    Entry(TextEntry<'a>),
    /// The head of an entry of `verbose`, with its cursor; its fields follow.
    VerboseHead(TextTime, &'a [u8]),
    /// `    NAME=value` of `verbose`. A continuation is indented by four more than the name and its `=`.
    VerboseField(&'a [u8], &'a [u8]),
    /// Indented: goes on with the message, or the field, before it. The whole line, see [`continuation`].
    Continuation(&'a [u8]),
    /// `-- Boot ID --`; `None` for `-- Reboot --`. Times of the boot before do not bind the next.
    Boot(Option<[u8; 16]>),
    /// `-- Journal begins at ..., ends at ... --` and its older form: the local instants, in microseconds.
    Span(Option<Stamp>, Option<Stamp>),
    /// Any other line that tells of no entry: `-- No entries --`, catalogue text, hints.
    Remark,
    /// None of these: a line of `cat`, or no journal.
    Other,
}

/// What a continuation line adds to the message whose first line had this indent. `None`: it is no continuation.
pub fn continuation(line: &[u8], indent: usize) -> Option<&[u8]> {
    let (blanks, text) = line.split_at_checked(indent)?;
    (indent > 0 && blanks.iter().all(|byte| *byte == b' ')).then_some(text)
}

/// Looks at a line.
pub fn parse_line(line: &[u8]) -> TextLine<'_> {
    match line {
        [b' ', ..] => return indented(line),
        [b'-', b'-', b' ', rest @ ..] => return remark(rest),
        _ if line.starts_with("░░".as_bytes()) || line.starts_with(b"Hint: You are") => {
            return TextLine::Remark;
        }
        _ => {}
    }
    let Some((time, after)) = parse_time(line) else { return TextLine::Other };
    let rest = &line[after..];
    if let (TextTime::Stamp(_), [b'[', cursor @ .., b']']) = (time, rest)
        && cursor.starts_with(b"s=")
    {
        return TextLine::VerboseHead(time, cursor);
    }
    match split_tag(rest) {
        Some((host, tag, message_at)) => {
            TextLine::Entry(entry(time, host, tag, &rest[message_at..], after + message_at))
        }
        None => TextLine::Other,
    }
}

fn entry<'a>(
    time: TextTime,
    host: Option<&'a [u8]>,
    tag: &'a [u8],
    message: &'a [u8],
    indent: usize,
) -> TextEntry<'a> {
    let bracket = tag.strip_suffix(b"]").and_then(|tag| {
        let open = memchr::memrchr(b'[', tag)?;
        Some((&tag[..open], parse_u64(&tag[open + 1..])?))
    });
    let (identifier, pid) = bracket.map_or((tag, None), |(name, pid)| (name, Some(pid)));
    let unit = identifier.split(|byte| *byte == b'/').next().filter(|name| is_unit(name));
    let is_blob = message.starts_with(b"[") && message.ends_with(b" blob data]");
    TextEntry { time, host, identifier, pid, unit, message, indent, is_blob }
}

fn is_unit(name: &[u8]) -> bool {
    const KINDS: [&[u8]; 8] =
        [b".service", b".scope", b".socket", b".timer", b".mount", b".slice", b".target", b".path"];
    KINDS.iter().any(|kind| name.ends_with(kind))
}

/// Host, tag, and where the message starts.
type HostTag<'a> = (Option<&'a [u8]>, &'a [u8], usize);

/// Splits `host tag[pid]: message` into host, tag and where the message starts. The first `: ` ends the tag: a tag may
/// hold blanks and brackets, and a message may hold `]: ` (`kernel: nginx[12]: segfault`).
fn split_tag(rest: &[u8]) -> Option<HostTag<'_>> {
    // An empty message may have lost its blank to an editor.
    let end = memmem::find(rest, b": ").or_else(|| rest.strip_suffix(b":").map(<[u8]>::len))?;
    let head = &rest[..end];
    let message_at = (end + 2).min(rest.len());
    match memchr(b' ', head) {
        Some(blank) if blank > 0 => Some((Some(&head[..blank]), &head[blank + 1..], message_at)),
        _ if head.is_empty() => None,
        _ => Some((None, head, message_at)),
    }
}

fn indented(line: &[u8]) -> TextLine<'_> {
    let field = line.strip_prefix(b"    ").unwrap_or_default();
    let Some(length) = memchr(b'=', field) else { return TextLine::Continuation(line) };
    let name = &field[..length];
    let is_name = (1..=64).contains(&length)
        && name
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_');
    if is_name {
        TextLine::VerboseField(name, &field[length + 1..])
    } else {
        TextLine::Continuation(line)
    }
}

/// What follows `-- `.
fn remark(rest: &[u8]) -> TextLine<'_> {
    let text = rest.trim_ascii_end();
    if text == b"Reboot --" {
        return TextLine::Boot(None);
    }
    if let Some(id) = text.strip_prefix(b"Boot ").and_then(|text| text.strip_suffix(b" --")) {
        return super::record::parse_id(id).map_or(TextLine::Remark, |id| TextLine::Boot(Some(id)));
    }
    if text.starts_with(b"Journal begins at ") || text.starts_with(b"Logs begin at ") {
        let stamp_after = |needle: &[u8]| {
            let at = memmem::find(text, needle)? + needle.len();
            match parse_time(&text[at..])? {
                (TextTime::Stamp(stamp), _) => Some(stamp),
                _ => None,
            }
        };
        let end = stamp_after(b" ends at ").or_else(|| stamp_after(b" end at "));
        let begin = stamp_after(b" begins at ").or_else(|| stamp_after(b" begin at "));
        return TextLine::Span(begin, end);
    }
    TextLine::Remark
}

/// The time a line starts with, and where the text behind it and its blank starts.
pub fn parse_time(line: &[u8]) -> Option<(TextTime, usize)> {
    match *line.first()? {
        b'[' => monotonic(line),
        byte if byte.is_ascii_digit() => {
            let end = memchr(b' ', line)?;
            let word = &line[..end];
            let stamp = if word.get(4) == Some(&b'-') {
                parse_iso8601(word)?
            } else {
                memchr(b'.', word).filter(|&dot| dot >= 9)?;
                let micros = i64::try_from(parse_seconds_us(word)?).ok()?;
                Stamp { micros, offset_s: Some(0) }
            };
            Some((TextTime::Stamp(stamp), end + 1))
        }
        _ => full(line).or_else(|| yearless(line)),
    }
}

/// `[    5.900000] `, or with a delta `[    5.900000 <    0.900000 >] `.
fn monotonic(line: &[u8]) -> Option<(TextTime, usize)> {
    let close = memmem::find(line, b"] ")?;
    let inside = line[1..close].trim_ascii();
    let end = memchr(b' ', inside).unwrap_or(inside.len());
    let number = &inside[..end];
    memchr(b'.', number)?;
    let delta = inside[end..].trim_ascii();
    if !delta.is_empty() && !delta.starts_with(b"<") {
        return None;
    }
    Some((TextTime::Monotonic(parse_seconds_us(number)?), close + 2))
}

/// `Mon 2025-03-10 14:00:01 UTC `, with a fraction in `verbose`.
fn full(line: &[u8]) -> Option<(TextTime, usize)> {
    const DAYS: [&[u8]; 7] = [b"Mon ", b"Tue ", b"Wed ", b"Thu ", b"Fri ", b"Sat ", b"Sun "];
    if !DAYS.iter().any(|day| line.starts_with(day)) {
        return None;
    }
    let text = &line[4..];
    let date_end = memchr(b' ', text)?;
    let clock_end = date_end + 1 + memchr(b' ', &text[date_end + 1..])?;
    let zone = &text[clock_end + 1..];
    let zone_end = zone.iter().position(|byte| matches!(byte, b' ' | b',' | b'.'));
    let zone = &zone[..zone_end.unwrap_or(zone.len())];
    let mut stamp = parse_iso8601(&text[..clock_end])?;
    if let Some(offset_s) = zone_offset(zone) {
        stamp.micros -= i64::from(offset_s) * SECOND_US;
        stamp.offset_s = Some(offset_s);
    }
    Some((TextTime::Stamp(stamp), (4 + clock_end + 1 + zone.len() + 1).min(line.len())))
}

/// Seconds east of UTC of a zone's abbreviation. `None` for what several zones are called (`CST`, `IST`, `BST`).
fn zone_offset(zone: &[u8]) -> Option<i32> {
    let hours = match zone {
        b"UTC" | b"GMT" | b"WET" => 0,
        b"CET" | b"WEST" | b"MEZ" => 1,
        b"CEST" | b"EET" | b"SAST" | b"MESZ" => 2,
        b"EEST" | b"MSK" => 3,
        b"HKT" => 8,
        b"JST" | b"KST" => 9,
        b"AEST" => 10,
        b"AEDT" => 11,
        b"NZST" => 12,
        b"NZDT" => 13,
        b"EDT" => -4,
        b"EST" | b"CDT" => -5,
        b"MDT" => -6,
        b"MST" | b"PDT" => -7,
        b"PST" | b"AKDT" => -8,
        _ => return parse_offset(zone),
    };
    Some(hours * 3600)
}

/// `Mar 10 14:00:01 `, `Mar  5 14:00:01.019504 `.
fn yearless(line: &[u8]) -> Option<(TextTime, usize)> {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    // What was shown on a page may have lost one of the two blanks before a day of one digit.
    let (d1, d2, clock) = match *line.get(4..)? {
        [d2, b' ', ref clock @ ..] if d2 != b' ' => (b' ', d2, clock),
        [d1, d2, b' ', ref clock @ ..] => (d1, d2, clock),
        _ => return None,
    };
    let &[m1, m2, m3, b' ', ..] = line else { return None };
    let &[h1, h2, b':', n1, n2, b':', s1, s2, ref rest @ ..] = clock else { return None };
    let month = MONTHS.chunks_exact(3).position(|name| *name == [m1, m2, m3])? as u32 + 1;
    let day = two_digits([if d1 == b' ' { b'0' } else { d1 }, d2])?;
    let (hour, minute) = (two_digits([h1, h2])?, two_digits([n1, n2])?);
    let second = two_digits([s1, s2])?;
    // 2024 has every day there is.
    let time = YearlessTime { month, day, time_of_day_us: 0 };
    if time.in_year(2024).is_none() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let blank = memchr(b' ', rest)?;
    let fraction_us = match &rest[..blank] {
        [] => 0,
        [b'.', digits @ ..] if digits.len() == 6 => parse_u64(digits)? as i64,
        _ => return None,
    };
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    let time = YearlessTime { time_of_day_us: seconds * SECOND_US + fraction_us, ..time };
    Some((TextTime::Yearless(time), line.len() - rest.len() + blank + 1))
}

impl<'a> TextEntry<'a> {
    /// The entry as the other journal readers give it. A time without year or day is left at 0: the caller sets it.
    pub fn record(&self) -> JournalRecord<'a> {
        let mut record = JournalRecord {
            host: self.host.map(Cow::Borrowed),
            unit: self.unit.map(Cow::Borrowed),
            identifier: Some(Cow::Borrowed(self.identifier)),
            pid: self.pid,
            is_message_withheld: self.is_blob,
            ..JournalRecord::default()
        };
        if !self.is_blob {
            record.message = Some(Cow::Borrowed(self.message));
        }
        match self.time {
            TextTime::Stamp(stamp) => record.realtime_us = stamp.micros,
            TextTime::Monotonic(monotonic_us) => record.monotonic_us = Some(monotonic_us),
            TextTime::Yearless(_) => {}
        }
        record
    }
}

#[cfg(test)]
mod tests;
