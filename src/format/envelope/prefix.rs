//! Prefixes that tools put before lines: file names, container names, pods, a bare time; and colours.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::{Envelope, Opened};
use crate::fact::Machine;
use crate::time::{Notation, parse_iso8601};

/// The longest name of a container that is looked for.
const MAX_NAME_BYTES: usize = 128;

/// An RFC 3339 time with `T` and zone that a blank follows: the time, and what is behind the blank.
pub(super) fn leading_stamp(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.len() < 20 || text[4] != b'-' || text[10] != b'T' {
        return None;
    }
    let end = memchr::memchr(b' ', &text[..text.len().min(48)]).unwrap_or(text.len());
    let (stamp, rest) = text.split_at(end);
    parse_iso8601(stamp)?.offset_s?;
    Some((stamp, rest.get(1..).unwrap_or_default()))
}

/// `2026-11-20T21:29:42.123456789Z LINE`: `docker logs -t`, `kubectl logs --timestamps`.
#[derive(Debug)]
pub struct LeadingStamp;

impl Envelope for LeadingStamp {
    fn name(&self) -> &'static str {
        "a leading time"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Iso8601)
    }

    // What has a time of its own needs none in front.
    fn shows_layout(&self, _: &str) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let (stamp, inner) = leading_stamp(record)?;
        Some(Opened { inner: inner.into(), stamp: Some(stamp), ..Opened::default() })
    }
}

/// `[pod/NAME/CONTAINER] LINE`, also with a time before the line: `kubectl logs --prefix`.
#[derive(Debug)]
pub struct Pod;

impl Envelope for Pod {
    fn name(&self) -> &'static str {
        "kubectl logs"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Iso8601)
    }

    fn is_certain(&self) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let rest = record.strip_prefix(b"[pod/")?;
        let end = memchr::memchr(b']', rest)?;
        let inner = rest[end + 1..].strip_prefix(b" ").unwrap_or(&rest[end + 1..]);
        let (stamp, inner) = optional_stamp(inner);
        Some(Opened { inner: inner.into(), stamp, origin: Some(&rest[..end]), level: b"" })
    }

    fn machine<'a>(&self, record: &'a [u8]) -> Option<Machine<'a>> {
        let rest = record.strip_prefix(b"[pod/")?;
        rest.split(|byte| matches!(byte, b'/' | b']')).next().map(Machine::Pod)
    }
}

/// A leading time, where there is one, and what is behind it.
pub(super) fn optional_stamp(text: &[u8]) -> (Option<&[u8]>, &[u8]) {
    leading_stamp(text).map_or((None, text), |(stamp, inner)| (Some(stamp), inner))
}

/// `nginx.1     | LINE`: docker compose, foreman and platforms of that kind. A time may stand before the name or after
/// the bar.
#[derive(Debug)]
pub struct Compose;

impl Envelope for Compose {
    fn name(&self) -> &'static str {
        "a container prefix"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Iso8601)
    }

    // Where bars separate the columns inside, the name in front is one of them.
    fn shows_layout(&self, layout: &str) -> bool {
        !layout.contains('|')
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let bar = memchr::memchr(b'|', &record[..record.len().min(MAX_NAME_BYTES)])?;
        let head = record[..bar].strip_suffix(b" ")?.trim_ascii_end();
        let inner = &record[bar + 1..];
        let inner = inner.strip_prefix(b" ").unwrap_or(inner);
        // `20.1.2017 09:52:14nginx.1`, `09:52:14 web.1`: a platform's clock, with no zone and of many forms.
        let start = head.iter().position(u8::is_ascii_alphabetic)?;
        let (clock, name) = head.split_at(start);
        let is_clock = |byte: &u8| byte.is_ascii_digit() || b" .:-/".contains(byte);
        // The name of a task goes on with its node: `web.1.x7k2@node3`.
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-/@".contains(byte);
        if !clock.iter().all(is_clock) || !name.iter().all(is_name) {
            return None;
        }
        let (stamp, inner) = optional_stamp(inner);
        Some(Opened { inner: inner.into(), stamp, origin: Some(name), level: b"" })
    }
}

/// `access.log:LINE`, `access.log.1:12:LINE`: `grep -H`, `grep -n`, `zgrep`.
#[derive(Debug)]
pub struct FileName;

impl Envelope for FileName {
    fn name(&self) -> &'static str {
        "grep output"
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        // `grep -n` of one file has no name.
        let (number, rest) = split_number(record);
        if !number.is_empty() && !rest.starts_with(b"//") && !is_address(record) {
            return Some(Opened { inner: rest.into(), ..Opened::default() });
        }
        let end = record.iter().take(4096).position(|byte| *byte == b':')?;
        let name = &record[..end];
        let last = name.rsplit(|byte| *byte == b'/').next().unwrap_or(name);
        let is_file = |mark: &[u8]| memchr::memmem::find(last, mark).is_some();
        let is_log =
            [&b".log"[..], b"_log", b".txt", b".gz", b".out", b".err", b"access", b"error"];
        if name.iter().any(|byte| *byte <= b' ' || *byte == b'"')
            || !is_log.iter().any(|mark| is_file(mark))
        {
            return None;
        }
        let behind = &record[end + 1..];
        // `access.log:2001:db8::1 ...`: of the two readings the address is the likelier one where it is a public one.
        let is_client = matches!(behind, [b'2' | b'3', _, _, _, b':', ..]) && is_address(behind);
        let inner = if is_client { behind } else { split_number(behind).1 };
        Some(Opened { inner: inner.into(), origin: Some(name), ..Opened::default() })
    }
}

/// Splits `12:LINE`; no number where there is none.
fn split_number(text: &[u8]) -> (&[u8], &[u8]) {
    let n = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match text.get(n) {
        // What starts like a time or an address is none.
        Some(b':') if (1..=12).contains(&n) && !is_clock(text) => (&text[..n], &text[n + 1..]),
        _ => (&[], text),
    }
}

/// True when the first word is an IPv6 address.
fn is_address(text: &[u8]) -> bool {
    let word = text.split(|byte| *byte == b' ').next().unwrap_or_default();
    word.len() <= 45 && std::str::from_utf8(word).is_ok_and(|word| word.parse::<Ipv6Addr>().is_ok())
}

fn is_clock(text: &[u8]) -> bool {
    matches!(text, [_, _, b':', a, b, b':', ..] if a.is_ascii_digit() && b.is_ascii_digit())
}

/// `HOST TAG[PID]: LINE`, `HOST TAG: LINE` or `TAG[PID]: LINE`: what is left of syslog where the time was cut off, as
/// platforms and tools that keep times elsewhere do.
#[derive(Debug)]
pub struct Program;

impl Envelope for Program {
    fn name(&self) -> &'static str {
        "a program's prefix"
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let head = &record[..record.len().min(MAX_NAME_BYTES)];
        let end = memchr::memmem::find(head, b": ")?;
        let (head, inner) = (&record[..end], &record[end + 2..]);
        let (host, tag) = match memchr::memchr(b' ', head) {
            Some(blank) => (Some(&head[..blank]), &head[blank + 1..]),
            None => (None, head),
        };
        let pid = tag.strip_suffix(b"]").and_then(|tag| {
            let open = memchr::memrchr(b'[', tag)?;
            tag[open + 1..].iter().all(u8::is_ascii_digit).then_some(&tag[..open])
        });
        let name = pid.unwrap_or(tag);
        let is_name = |name: &[u8]| {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-/".contains(byte);
            name.first().is_some_and(u8::is_ascii_alphanumeric) && name.iter().all(is_part)
        };
        if !is_name(name) || !host.map_or(pid.is_some(), is_name) {
            return None;
        }
        Some(Opened { inner: inner.into(), origin: Some(name), ..Opened::default() })
    }
}

/// Words in front of lines that are no hosts: levels, and what tells one stream or log from another.
const NO_HOSTS: &[&[u8]] = &[
    b"stdout",
    b"stderr",
    b"out",
    b"access",
    b"log",
    b"debug",
    b"trace",
    b"info",
    b"notice",
    b"warn",
    b"warning",
    b"err",
    b"error",
    b"crit",
    b"critical",
    b"alert",
    b"emerg",
    b"fatal",
];

/// `HOST: LINE`, `[HOST] out: LINE`: what tools print that run a command on several machines (`pdsh`, `clush`, `pssh -P`,
/// Fabric). Any word may stand there, so that it is no machine for those who ask which of them wrote a line; a name with
/// dots is a site that a log begins with.
#[derive(Debug)]
pub struct RemoteHost;

/// The host in front of a line, and the line.
fn leading_host(record: &[u8]) -> Option<(&[u8], &[u8])> {
    let head = &record[..record.len().min(MAX_NAME_BYTES)];
    let (open, end) = if head.starts_with(b"[") { (1, &b"] out: "[..]) } else { (0, &b": "[..]) };
    let at = memchr::memmem::find(head, end)?;
    let (name, inner) = (&head[open..at], &record[at + end.len()..]);
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    let is_name = name.first().is_some_and(u8::is_ascii_alphanumeric) && name.iter().all(is_part);
    let is_none = NO_HOSTS.iter().any(|word| name.eq_ignore_ascii_case(word));
    (is_name && !is_none && !inner.is_empty()).then_some((name, inner))
}

impl Envelope for RemoteHost {
    fn name(&self) -> &'static str {
        "a host's prefix"
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let (name, inner) = leading_host(record)?;
        Some(Opened { inner: inner.into(), origin: Some(name), ..Opened::default() })
    }
}

/// Marks that people and programs put before what they quote: of Markdown, of mail, of terminals.
const QUOTING_MARKS: [&[u8]; 6] =
    [b"`", b">", b"|", b"\xe2\x80\xa2", b"\xe2\x94\x82", b"\xe2\x94\x83"];

/// How far into a line its own time is looked for behind foreign words.
const MAX_WORDS_BYTES: usize = 64;

/// Lines as they are quoted: behind quoting marks, as in `` `LINE` ``, `> LINE` or `│ LINE`; or behind words, as in
/// `Message: LINE`, where the line begins with a time that only servers write.
#[derive(Debug)]
pub struct Quoted;

impl Envelope for Quoted {
    fn name(&self) -> &'static str {
        "quoting marks"
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let inner = match behind_marks(record) {
            inner if inner.len() < record.len() => inner,
            _ => behind_words(record)?,
        };
        // Blanks at the end stay: a layout may end in an empty value.
        let inner = inner.strip_suffix(b"`").unwrap_or(inner);
        (!inner.is_empty()).then(|| Opened { inner: inner.into(), ..Opened::default() })
    }
}

/// What follows the quoting marks at the start of a line, and the blanks around them. Without a mark: the whole line.
pub(in crate::format) fn behind_marks(line: &[u8]) -> &[u8] {
    let mut inner = line;
    loop {
        let text = inner.trim_ascii_start();
        let Some(rest) = QUOTING_MARKS.iter().find_map(|mark| text.strip_prefix(*mark)) else {
            return if inner.len() == line.len() { line } else { text };
        };
        inner = rest;
    }
}

/// What begins with the time of nginx or Apache behind words.
fn behind_words(line: &[u8]) -> Option<&[u8]> {
    // `_` stands for any byte.
    let begins = |text: &[u8], form: &[u8]| {
        let fits = |(form, byte): (&u8, &u8)| *form == b'_' || form == byte;
        text.len() >= form.len() && form.iter().zip(text).all(fits)
    };
    let is_date = |text: &[u8]| match text {
        [b'[', day, ..] => day.is_ascii_uppercase() && begins(text, b"[___ ___ __ __:__:"),
        [year, ..] => year.is_ascii_digit() && begins(text, b"____/__/__ __:__:__ ["),
        [] => false,
    };
    // Quotes and braces are of objects and fields, not of words.
    let is_of_words = |byte: &u8| !b"\"'{}<>\t".contains(byte);
    let head = &line[..line.len().min(MAX_WORDS_BYTES)];
    let end = head.iter().position(|byte| !is_of_words(byte)).unwrap_or(head.len());
    let at = (1..end).find(|at| !line[at - 1].is_ascii_alphanumeric() && is_date(&line[*at..]))?;
    Some(&line[at..])
}

/// `    LINE`: the lines of a text that is indented as a whole, as code is in Markdown.
#[derive(Debug)]
pub struct Indented;

impl Envelope for Indented {
    fn name(&self) -> &'static str {
        "an indentation"
    }

    // It is looked for only where all lines have it, however few of them are known.
    fn is_certain(&self) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let inner = record.trim_ascii_start();
        // Records of an array come without the blanks that stood between them.
        let may_be_bare = matches!(inner, [b'{', ..] | [b'[', b'"' | b'{' | b'\r', ..]);
        (!inner.is_empty() && (inner.len() < record.len() || may_be_bare))
            .then(|| Opened { inner: inner.into(), ..Opened::default() })
    }
}

/// Colours of a terminal from the start of the line on. Escapes further in may be a client's, and stay.
#[derive(Debug)]
pub struct Ansi;

impl Envelope for Ansi {
    fn name(&self) -> &'static str {
        "colours"
    }

    fn decodes(&self) -> bool {
        true
    }

    fn is_certain(&self) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        match without_colours(record) {
            _ if record.first() != Some(&0x1b) => None,
            Cow::Borrowed(_) => None,
            inner @ Cow::Owned(_) => Some(Opened { inner, ..Opened::default() }),
        }
    }
}

/// Text without escape sequences of a terminal: `ESC [ ... letter` and `ESC ] ... BEL`.
pub(super) fn without_colours(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(0x1b, text) else { return Cow::Borrowed(text) };
    let mut plain = text[..first].to_vec();
    let mut rest = &text[first..];
    while let [0x1b, after @ ..] = rest {
        let used = match after {
            [b'[', tail @ ..] => tail
                .iter()
                .position(|byte| (0x40..0x7f).contains(byte))
                .map_or(after.len(), |n| n + 2),
            [b']', tail @ ..] => {
                let end = tail.iter().position(|byte| *byte == 7 || *byte == b'\\');
                end.map_or(after.len(), |n| n + 2)
            }
            _ => after.len().min(1),
        };
        let tail = &after[used..];
        let next = memchr::memchr(0x1b, tail).unwrap_or(tail.len());
        plain.extend_from_slice(&tail[..next]);
        rest = &tail[next..];
    }
    Cow::Owned(plain)
}
