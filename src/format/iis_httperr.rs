//! The error log of HTTP.sys (`httperrN.log`): what it answered or dropped before IIS saw it.
//!
//! In: rows without terminator. Out: records of role access; status 0 where a connection was dropped unanswered.
//! Invariants: the columns from the status on find themselves, so that one reader takes every layout, with and without
//! a `#Fields:` line; names of pools may have blanks; times are UTC.
//! Source: Microsoft KB 820729 "Error logging in HTTP APIs"; layouts of newer systems from real logs: `streamid` and
//! `streamid_ex` before the status, transport and fault codes behind the queue name.

use std::sync::Arc;

use super::iis_w3c::{is_httperr, split_directive, without_padding};
use super::understands;
use super::{About, Directive, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::parse_status;
use crate::record::{AccessRecord, Escape, Field, Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// The columns before the URL.
const HEAD: [(&str, Field); 8] = [
    ("date", Field::Other),
    ("time", Field::Other),
    ("c-ip", Field::RemoteAddr),
    ("c-port", Field::ClientPort),
    ("s-ip", Field::ServerIp),
    ("s-port", Field::ServerPort),
    ("cs-version", Field::Protocol),
    ("cs-method", Field::Method),
];

/// What HTTP.sys gives as a reason. Newer systems may have more.
const REASONS: &[&[u8]] = &[
    b"AppOffline",
    b"AppPoolTimer",
    b"AppShutdown",
    b"BadRequest",
    b"Client_Reset",
    b"ConnLimit",
    b"Connection_Abandoned_By_AppPool",
    b"Connection_Abandoned_By_ReqQueue",
    b"Connection_Dropped",
    b"Connection_Dropped_List_Full",
    b"Connections_Refused",
    b"Disabled",
    b"EntityTooLarge",
    b"FieldLength",
    b"Forbidden",
    b"Header",
    b"Hostname",
    b"Internal",
    b"Invalid_CR/LF",
    b"LengthRequired",
    b"N/A",
    b"N/I",
    b"NotFound",
    b"Number",
    b"Precondition",
    b"QueueFull",
    b"RequestLength",
    b"Request_Cancelled",
    b"Request_Too_Large",
    b"Timer_AppPool",
    b"Timer_ConnectionIdle",
    b"Timer_EntityBody",
    b"Timer_HeaderWait",
    b"Timer_MinBytesPerSecond",
    b"Timer_ReqQueue",
    b"Timer_Response",
    b"Timer_SslRenegotiation",
    b"URL",
    b"URL_Length",
    b"Verb",
    b"Version_N/S",
];

/// The columns from the status on; a row may end behind the reason.
const TAIL: [(&str, Field); 7] = [
    ("sc-status", Field::Status),
    ("s-siteid", Field::SiteName),
    ("s-reason", Field::Reason),
    ("s-queuename", Field::QueueName),
    ("transport", Field::Other),
    ("fault-code", Field::Other),
    ("extended-fault-code", Field::Other),
];

/// Reads the rows of an HTTP.sys error log.
#[derive(Debug, Clone)]
pub struct IisHttperr {
    about: About,
}

impl Default for IisHttperr {
    fn default() -> Self {
        IisHttperr {
            about: About {
                format: IisHttperrFormat::NAME,
                layout: "httperr".to_owned(),
                server: Server::Iis,
                role: LogRole::Access,
                notation: Notation::W3c,
                instant: Instant::End,
                basis: FormatBasis::Detected,
                ambiguous_with: None,
            },
        }
    }
}

/// A row, cut into its columns.
struct Row<'a> {
    head: [&'a [u8]; 8],
    /// The name of the machine, which may stand before the addresses.
    computer: Option<&'a [u8]>,
    uri: &'a [u8],
    streams: &'a [u8],
    tail: [Option<&'a [u8]>; TAIL.len()],
}

impl<'a> Row<'a> {
    // In words: eight columns by their place, or nine with the name of the machine in third place; then the last three
    // values in a row that are a status, a site and a reason, of those with a reason that is known if there are any.
    // Whatever stands before them is the URL, which is as the client sent it, and up to two stream numbers; behind them
    // stands the name of the queue.
    fn cut(line: &'a [u8]) -> Result<Self, Skip> {
        let line = without_padding(line);
        let mut values = Values { line, at: 0 };
        let mut head: [&[u8]; 8] = [&[]; 8];
        for value in &mut head {
            let (start, end) = values.next().ok_or(Skip::Truncated)?;
            *value = &line[start..end];
        }
        let is_number = |value: &[u8]| value == b"-" || value.iter().all(u8::is_ascii_digit);
        let mut computer = None;
        if !is_number(head[3]) && is_number(head[4]) {
            computer = Some(head[2]);
            head.copy_within(3.., 2);
            let (start, end) = values.next().ok_or(Skip::Truncated)?;
            head[7] = &line[start..end];
            if head[6] != b"-" && !head[6].starts_with(b"HTTP/") {
                return Err(Skip::Shape);
            }
        }
        if !is_number(head[3]) || !is_number(head[5]) {
            return Err(Skip::Shape);
        }
        let uri = values.next().ok_or(Skip::Truncated)?;
        let is_status = |value: &[u8]| value == b"-" || parse_status(value).is_some();
        let is_reason = |value: &[u8]| value.first().is_some_and(u8::is_ascii_alphabetic);
        let (mut site, mut status) = (uri, uri);
        let mut found = None;
        let mut is_known = false;
        for span in values {
            let text = |(start, end): (usize, usize)| &line[start..end];
            if status.0 > uri.0
                && is_reason(text(span))
                && is_number(text(site))
                && is_status(text(status))
            {
                // Names of pools may look like these columns.
                let knows = REASONS.contains(&text(span));
                if knows || !is_known {
                    found = Some([status, site, span]);
                    is_known = knows;
                }
            }
            (status, site) = (site, span);
        }
        let found = found.ok_or(Skip::BadStatus)?;
        let (from, to) = (found[0].0, found[2].1);
        let mut tail = [None; TAIL.len()];
        for (slot, (start, end)) in tail.iter_mut().zip(found) {
            *slot = Some(&line[start..end]);
        }
        tail[3..].copy_from_slice(&behind_reason(&line[to..]));
        let mut middle = line[uri.0..from].trim_ascii_end();
        let streams_end = uri.0 + middle.len();
        for _ in 0..2 {
            match memchr::memrchr(b' ', middle) {
                Some(blank) if is_number(&middle[blank + 1..]) => {
                    middle = middle[..blank].trim_ascii_end();
                }
                _ => break,
            }
        }
        let streams = line[uri.0 + middle.len()..streams_end].trim_ascii_start();
        Ok(Row { head, computer, uri: middle, streams, tail })
    }

    fn status(&self) -> u16 {
        self.tail[0].and_then(parse_status).unwrap_or(0)
    }
}

/// What stands behind the reason: the queue, the transport, and two codes. The name of a queue may have blanks, so that the
/// others are told from the end.
fn behind_reason(text: &[u8]) -> [Option<&[u8]>; 4] {
    let is_transport = |value: &[u8]| matches!(value, b"TCP" | b"QUIC" | b"-");
    let is_code = |value: &[u8]| value == b"-" || value.starts_with(b"0x");
    let mut found = [None; 4];
    let mut name = text.trim_ascii();
    let codes = last_value(name, is_code).and_then(|(rest, last)| {
        let (rest, first) = last_value(rest, is_code)?;
        let (rest, transport) = last_value(rest, is_transport)?;
        Some((rest, [Some(transport), Some(first), Some(last)]))
    });
    if let Some((rest, values)) = codes {
        found[1..].copy_from_slice(&values);
        name = rest;
    } else if let Some((rest, transport)) = last_value(name, is_transport) {
        found[1] = Some(transport);
        name = rest;
    }
    found[0] = Some(name).filter(|name| !name.is_empty());
    found
}

/// The last of several values, if it is one of these, and what stands before it.
fn last_value(text: &[u8], is_meant: impl Fn(&[u8]) -> bool) -> Option<(&[u8], &[u8])> {
    let blank = memchr::memrchr(b' ', text)?;
    let (rest, value) = (text[..blank].trim_ascii_end(), &text[blank + 1..]);
    is_meant(value).then_some((rest, value))
}

/// Start and end of the values of a row: runs of blanks separate.
struct Values<'a> {
    line: &'a [u8],
    at: usize,
}

impl Iterator for Values<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let blanks = self.line[self.at..].iter().take_while(|byte| **byte == b' ').count();
        let start = self.at + blanks;
        if start == self.line.len() {
            return None;
        }
        let length = memchr::memchr(b' ', &self.line[start..]);
        self.at = length.map_or(self.line.len(), |length| start + length);
        Some((start, self.at))
    }
}

/// The date and time columns of a row.
fn stamp_of(line: &[u8]) -> Result<&[u8], Skip> {
    match without_padding(line) {
        row if row.len() > 19 && row[10] == b' ' && row[19] == b' ' => Ok(&row[..19]),
        _ => Err(Skip::BadTime),
    }
}

impl Reader for IisHttperr {
    fn about(&self) -> &About {
        &self.about
    }

    #[inline]
    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        Ok(Glance { stamp: stamp_of(line)?, status: Row::cut(line)?.status() })
    }

    fn directive(&self, line: &[u8]) -> Option<Directive> {
        match split_directive(line)? {
            (b"Fields", text) if !is_httperr(&String::from_utf8_lossy(text)) => None,
            _ => Some(Directive::Comment),
        }
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let text = stamp_of(record)?;
        let row = Row::cut(record)?;
        let stamp = self.stamp(text).ok_or(Skip::BadTime)?;
        let mut access = AccessRecord::new(stamp, row.status(), Escape::None);
        access.set(Field::Time, text);
        for ((_, field), value) in HEAD.iter().zip(row.head) {
            if *field != Field::Other {
                access.set(*field, value);
            }
        }
        if let Some(computer) = row.computer {
            access.set(Field::ComputerName, computer);
        }
        access.set(Field::RequestUri, row.uri);
        for ((_, field), value) in TAIL.iter().zip(row.tail) {
            if let (Some(value), true) = (value, *field != Field::Other) {
                access.set(*field, value);
            }
        }
        Ok(Record::Access(access))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let Ok(row) = Row::cut(record) else { return };
        for ((name, _), value) in HEAD.iter().zip(row.head) {
            each(name, value);
        }
        if let Some(computer) = row.computer {
            each("s-computername", computer);
        }
        each("cs-uri", row.uri);
        let streams = row.streams.split(|byte| *byte == b' ').filter(|value| !value.is_empty());
        for (name, value) in ["streamid", "streamid_ex"].into_iter().zip(streams) {
            each(name, value);
        }
        for ((name, _), value) in TAIL.iter().zip(row.tail) {
            if let Some(value) = value {
                each(name, value);
            }
        }
    }
}

/// Recognises the error log of HTTP.sys.
#[derive(Debug, Clone, Copy)]
pub struct IisHttperrFormat;

impl IisHttperrFormat {
    /// What reports call the format.
    pub const NAME: &'static str = "iis_httperr";
}

impl Format for IisHttperrFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "HTTP.sys error log (HTTPERR): requests that never reached IIS, with the reason; 12 to 18 columns"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        let reader = IisHttperr::default();
        let is_row = |line: &&[u8]| reader.parse(line).is_ok();
        let is_fields = |line: &&[u8]| {
            split_directive(line).is_some_and(|(name, text)| {
                name == b"Fields" && is_httperr(&String::from_utf8_lossy(text))
            })
        };
        if !sample.lines.iter().any(|line| is_fields(line) || is_row(line)) {
            return None;
        }
        let mut reader: Arc<dyn Reader> = Arc::new(reader);
        let n_accepted = sample.lines.iter().filter(|line| understands(&mut reader, line)).count();
        Some(Proposal { reader, n_accepted, notes: Vec::new() })
    }

    fn standing_reader(&self) -> Option<Arc<dyn Reader>> {
        Some(Arc::new(IisHttperr::default()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a row: status, client, URL, reason, queue.
    #[track_caller]
    fn check(line: &str, expected: (u16, &str, &str, &str, &str)) {
        let reader = IisHttperr::default();
        let glance = reader.glance(line.as_bytes()).expect(line);
        let Ok(Record::Access(record)) = reader.parse(line.as_bytes()) else { panic!("{line}") };
        assert_eq!(glance.status, record.status);
        let text =
            |field| String::from_utf8_lossy(record.raw(field).unwrap_or_default()).into_owned();
        let got = (
            record.status,
            text(Field::RemoteAddr),
            text(Field::RequestUri),
            text(Field::Reason),
            text(Field::QueueName),
        );
        let (status, client, uri, reason, queue) = expected;
        assert_eq!(got, (status, client.into(), uri.into(), reason.into(), queue.into()));
    }

    #[test]
    fn every_layout_is_read() {
        check(
            "2002-07-05 18:45:09 172.31.77.6 2094 172.31.77.6 80 HTTP/1.1 GET /qos/1kbfile.txt 503 - ConnLimit  ",
            (503, "172.31.77.6", "/qos/1kbfile.txt", "ConnLimit", ""),
        );
        check(
            "2026-04-10 14:32:15 10.0.0.50 52431 10.0.0.10 80 HTTP/1.1 GET /app?x=1 503 1 AppOffline MyAppPool",
            (503, "10.0.0.50", "/app?x=1", "AppOffline", "MyAppPool"),
        );
        check(
            "2026-04-10 14:32:15 10.0.0.50 52431 10.0.0.10 80 HTTP/2.0 GET /app 503 400 1 BadRequest P",
            (400, "10.0.0.50", "/app", "BadRequest", "P"),
        );
        check(
            "2025-03-14 09:15:02 2001:db8::5%12 50200 2001:db8::1 443 HTTP/2.0 POST /api/upload 3 - 413 2 Request_Too_Large MyAppPool TCP - -",
            (413, "2001:db8::5%12", "/api/upload", "Request_Too_Large", "MyAppPool"),
        );
        check(
            "2025-03-14 09:15:07 192.0.2.13 50201 192.0.2.1 443 HTTP/3 GET /status 5 - 503 2 N/A MyAppPool QUIC 0x80070008 0x1",
            (503, "192.0.2.13", "/status", "N/A", "MyAppPool"),
        );
        check(
            "2026-04-10 14:32:15 WEB-01 10.0.0.50 52431 10.0.0.10 80 HTTP/1.1 GET /app?x=1 503 1 QueueFull My Pool",
            (503, "10.0.0.50", "/app?x=1", "QueueFull", "My Pool"),
        );
        check(
            "2002-07-05 20:06:01 172.31.77.6 64388 127.0.0.1 80 - - - - - Timer_MinBytesPerSecond -",
            (0, "172.31.77.6", "-", "Timer_MinBytesPerSecond", "-"),
        );
        check(
            "2026-04-10 14:32:15 10.0.0.50 52431 10.0.0.10 80 HTTP/1.1 GET /a - 503 1 AppOffline My App Pool",
            (503, "10.0.0.50", "/a", "AppOffline", "My App Pool"),
        );
        check(
            "2026-04-10 14:32:15 10.0.0.50 52431 10.0.0.10 80 HTTP/1.1 GET /a - - 503 1 AppOffline Shop - 2 Blue TCP",
            (503, "10.0.0.50", "/a", "AppOffline", "Shop - 2 Blue"),
        );
        check(
            "2026-04-10 14:32:15 10.0.0.50 52431 10.0.0.10 80 HTTP/1.1 GET /a - - 503 1 QueueFull .NET v4.5 TCP - 0x1",
            (503, "10.0.0.50", "/a", "QueueFull", ".NET v4.5"),
        );
        check(
            "2026-04-10 14:32:15 10.0.0.50 52431 10.0.0.10 80 HTTP/1.1 GET /a - - 503 1 QueueFull - TCP",
            (503, "10.0.0.50", "/a", "QueueFull", "-"),
        );
        check(
            "2026-04-10 14:32:15 10.0.0.50 52431 10.0.0.10 80 HTTP/1.1 GET /a - - 503 1 QueueFull P - - -",
            (503, "10.0.0.50", "/a", "QueueFull", "P"),
        );
        check(
            "2025-03-14 08:00:01 192.0.2.1 1 192.0.2.1 443 HTTP/1.1 GET /a b 503 - c?#\"`| 400 - URL -",
            (400, "192.0.2.1", "/a b 503 - c?#\"`|", "URL", "-"),
        );
    }

    #[test]
    fn columns_have_the_names_of_the_server() {
        let line = b"2025-03-14 09:15:07 192.0.2.13 50201 192.0.2.1 443 HTTP/3 GET /s 5 - 503 2 QueueFull Pool QUIC 0x8 0x1";
        let mut names = Vec::new();
        IisHttperr::default().each_field(line, &mut |name, _| names.push(name.to_owned()));
        assert_eq!(
            names.join(" "),
            "date time c-ip c-port s-ip s-port cs-version cs-method cs-uri streamid streamid_ex sc-status s-siteid s-reason s-queuename transport fault-code extended-fault-code"
        );
    }

    #[test]
    fn rows_of_other_logs_are_refused() {
        let reader = IisHttperr::default();
        for line in [
            "2015-01-13 00:32:17 100.79.192.81 GET /robots.txt - 80 - 157.55.39.146 UA - 404 0 2 1405 242 283",
            "2026-04-10 14:32:15 10.0.0.50 52431 10.0.0.10 80 HTTP/1.1 GET /app 503 1",
            "#Software: Microsoft HTTP API 2.0",
            "",
        ] {
            assert!(reader.parse(line.as_bytes()).is_err(), "{line}");
            assert!(reader.glance(line.as_bytes()).is_err(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_glance_agrees_with_parse(
            words in proptest::collection::vec("2026-04-10|14:32:15|-|503|80|AppOffline|/a|[ -~]{0,6}|\0", 0..22),
        ) {
            let line = words.join(" ").into_bytes();
            let reader = IisHttperr::default();
            let glance = reader.glance(&line);
            reader.each_field(&line, &mut |_, _| {});
            if let Ok(Record::Access(record)) = reader.parse(&line) {
                let glance = glance.expect("parse accepts nothing that glance refuses");
                prop_assert_eq!(glance.status, record.status);
                prop_assert_eq!(reader.stamp(glance.stamp), Some(record.stamp));
            }
        }
    }
}
