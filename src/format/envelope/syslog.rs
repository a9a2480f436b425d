//! Syslog: RFC 3164 and RFC 5424, with and without priority, rsyslog's stamps, and the `short` modes of `journalctl`,
//! which have the same grammar.
//!
//! Source: RFC 5424, section 6; rsyslog `RSYSLOG_*Format` templates; systemd `src/shared/logs-show.c`.

use super::prefix::leading_stamp;
use super::{Envelope, Opened, level_of};
use crate::bytes::{first_line, parse_u64};
use crate::fact::Machine;
use crate::journal::text::{TextLine, TextTime, parse_line, parse_time};
use crate::time::{Notation, Stamp};

/// Splits `<134>` off: the priority, and what follows.
fn split_priority(text: &[u8]) -> (Option<u64>, &[u8]) {
    let Some(rest) = text.strip_prefix(b"<") else { return (None, text) };
    let end = rest.iter().take(4).position(|byte| *byte == b'>');
    match end.and_then(|end| Some((parse_u64(&rest[..end])?, end))) {
        Some((priority, end)) if priority < 192 => (Some(priority), &rest[end + 1..]),
        _ => (None, text),
    }
}

/// `TIME HOST TAG[PID]: LINE`, where the time is any of those that syslog daemons and `journalctl` write.
#[derive(Debug)]
pub struct Syslog {
    /// No line is later than this by a day, local time: decides years.
    pub reference_us: Option<i64>,
}

impl Envelope for Syslog {
    fn name(&self) -> &'static str {
        "syslog"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Syslog)
    }

    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        match parse_time(text)?.0 {
            TextTime::Stamp(stamp) => Some(stamp),
            TextTime::Yearless(time) => {
                let micros = time.resolve(self.reference_us?)?;
                Some(Stamp { micros, offset_s: None })
            }
            // Since a boot that nothing dates.
            TextTime::Monotonic(_) => None,
        }
    }

    fn is_certain(&self) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let (priority, line) = split_priority(record);
        // Cheap: a month, a weekday, a digit, or seconds since the boot in brackets.
        if !matches!(line, [b'[', b' ' | b'0'..=b'9', ..]) && !line.first()?.is_ascii_alphanumeric()
        {
            return None;
        }
        let (time, after) = parse_time(line)?;
        let level = priority.map_or(&b""[..], level_of);
        let stamp = (!matches!(time, TextTime::Monotonic(_))).then_some(&line[..after]);
        if let TextLine::Entry(entry) = parse_line(first_line(line))
            && is_tag(entry.identifier)
        {
            let inner = &line[entry.indent..];
            return Some(Opened { inner: inner.into(), stamp, origin: entry.host, level });
        }
        // `HOST MESSAGE`: some daemons write no tag, or one without a colon.
        if priority.is_none() && !matches!(time, TextTime::Yearless(_)) {
            return None;
        }
        let rest = &line[after..];
        let blank = memchr::memchr(b' ', rest)?;
        let inner = &rest[blank + 1..];
        Some(Opened { inner: inner.into(), stamp, origin: Some(&rest[..blank]), level })
    }

    /// Host and program.
    fn source<'a>(&self, record: &'a [u8]) -> Option<&'a [u8]> {
        let (_, line) = split_priority(record);
        let (_, from) = parse_time(line)?;
        match parse_line(first_line(line)) {
            TextLine::Entry(entry) if is_tag(entry.identifier) => {
                let host = entry.host.map_or(0, |host| host.len() + 1);
                line.get(from..from + host + entry.identifier.len())
            }
            _ => self.open(record)?.origin,
        }
    }

    fn machine<'a>(&self, record: &'a [u8]) -> Option<Machine<'a>> {
        let (_, line) = split_priority(record);
        match parse_line(first_line(line)) {
            TextLine::Entry(entry) if is_tag(entry.identifier) => entry.host.map(Machine::Host),
            _ => None,
        }
    }

    fn is_remark(&self, line: &[u8]) -> bool {
        line.starts_with(b"-- ")
            && line.ends_with(b" --")
            && matches!(parse_line(line), TextLine::Boot(_) | TextLine::Span(..) | TextLine::Remark)
    }
}

/// True for what may be the name of a program, with its version perhaps: `syslogd 1.4.1` (sysklogd `syslogd.c`).
fn is_tag(tag: &[u8]) -> bool {
    let (name, version) = match memchr::memchr(b' ', tag) {
        Some(blank) => (&tag[..blank], Some(&tag[blank + 1..])),
        None => (tag, None),
    };
    let is_version = |text: &[u8]| {
        text.first().is_some_and(u8::is_ascii_digit)
            && memchr::memchr(b'.', text).is_some()
            && text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
    };
    !name.is_empty()
        && tag.len() <= 128
        && name.iter().all(|byte| byte.is_ascii_graphic() && !b"\"<>{}=,;|".contains(byte))
        && version.is_none_or(is_version)
}

/// `<134>1 2026-11-20T21:29:42.003Z HOST APP PROCID MSGID [sd@1 k="v"] LINE`, also without priority and version where data
/// stands.
#[derive(Debug)]
pub struct Rfc5424;

/// A frame without the count of octets before it (RFC 6587), as drains over HTTP and TCP have it.
fn without_length(record: &[u8]) -> &[u8] {
    let n_digits = record.iter().take(7).take_while(|byte| byte.is_ascii_digit()).count();
    match record[n_digits..].strip_prefix(b" ") {
        Some(frame) if n_digits > 0 && frame.starts_with(b"<") => frame,
        _ => record,
    }
}

impl Envelope for Rfc5424 {
    fn name(&self) -> &'static str {
        "syslog (RFC 5424)"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Iso8601)
    }

    fn is_certain(&self) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let (priority, is_versioned, rest) = split_header(record);
        let (stamp, mut rest) = leading_stamp(rest)?;
        let mut words = [&rest[..0]; 4];
        for word in &mut words {
            let blank = memchr::memchr(b' ', rest)?;
            (*word, rest) = (&rest[..blank], &rest[blank + 1..]);
        }
        let [host, _, process, _] = words;
        // Without a version the process and the data must show what the line is.
        let is_process = process == b"-" || process.iter().all(u8::is_ascii_digit);
        let shows_itself = is_process && has_data_id(rest);
        if !is_versioned && !shows_itself {
            return None;
        }
        let inner = behind_data(rest)?;
        let inner = inner.strip_prefix(b"\xef\xbb\xbf").unwrap_or(inner);
        Some(Opened {
            inner: inner.into(),
            stamp: Some(stamp),
            origin: Some(host),
            level: priority.map_or(b"", level_of),
        })
    }

    fn source<'a>(&self, record: &'a [u8]) -> Option<&'a [u8]> {
        host_and_program(record)
    }

    fn machine<'a>(&self, record: &'a [u8]) -> Option<Machine<'a>> {
        host_and_program(record)?.split(|byte| *byte == b' ').next().map(Machine::Host)
    }
}

/// Splits `<134>1 ` off, which some daemons leave out of their files: the priority, whether there is a version, and what
/// follows.
fn split_header(record: &[u8]) -> (Option<u64>, bool, &[u8]) {
    let (priority, rest) = split_priority(without_length(record));
    match rest.strip_prefix(b"1 ") {
        Some(rest) => (priority, true, rest),
        None => (priority, false, rest),
    }
}

/// True for structured data that begins with a name and a parameter: `[meta sequenceId="1"`.
fn has_data_id(text: &[u8]) -> bool {
    let Some(data) = text.strip_prefix(b"[") else { return false };
    let data = &data[..memchr::memchr(b']', data).unwrap_or(data.len())];
    let Some(blank) = memchr::memchr(b' ', data) else { return false };
    blank > 0 && memchr::memmem::find(&data[blank..], b"=\"").is_some()
}

/// Host and program of a record.
fn host_and_program(record: &[u8]) -> Option<&[u8]> {
    let (_, rest) = leading_stamp(split_header(record).2)?;
    let end = memchr::memchr_iter(b' ', rest).nth(1)?;
    Some(&rest[..end])
}

/// What follows the structured data, which is `-` or `[..][..]`.
fn behind_data(text: &[u8]) -> Option<&[u8]> {
    let mut rest = match text {
        [b'-', rest @ ..] => rest,
        [b'[', ..] => text,
        _ => return None,
    };
    while let [b'[', data @ ..] = rest {
        let (mut quoted, mut end) = (false, None);
        let mut at = 0;
        while at < data.len() {
            match data[at] {
                b'\\' if quoted => at += 1,
                b'"' => quoted = !quoted,
                b']' if !quoted => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
            at += 1;
        }
        rest = &data[end? + 1..];
    }
    Some(rest.strip_prefix(b" ").unwrap_or(rest))
}
