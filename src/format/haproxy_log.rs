//! What `HAProxy` says besides access lines in HTTP mode: states of servers and backends, starts and stops, errors of
//! connections, and sessions in TCP mode.
//!
//! In: one line, behind whatever prefix an envelope took off, or with the bare tag `haproxy[123]:`. Out: an
//! [`ErrorRecord`].
//! Invariants: a line is known by how it begins; a time is its own accept date, or none: the envelope's holds then.
//! Sessions in TCP mode have no status, and are no requests: those that failed count as messages.
//! Source: `HAProxy` `doc/configuration.txt`, sections 8.2.1, 8.2.2, 8.2.5; `src/server.c`, `check.c`, `proxy.c`,
//! `listener.c`, `haproxy.c`, `mworker.c`, `errors.c`.

use std::sync::{Arc, LazyLock};

use memchr::memmem::Finder;

use super::haproxy_access::{client_before, date_at, is_state, split_client, word};
use super::{About, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::{first_line, parse_u64};
use crate::record::{ErrorRecord, Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::{Notation, Stamp};

/// How messages begin that nobody else writes.
const OWN_HEADS: &[&[u8]] = &[
    b"Health check for server ",
    b"Health check for backup server ",
    b"SIGHUP: ",
    b"New worker (",
    b"New worker #",
    b"New program '",
    b"Current worker (",
    b"Current worker #",
    b"Former worker (",
    b"Former worker #",
    b"Reexecuting Master process",
    b"Reloading HAProxy",
    b"Exiting Master process",
    b"All workers exited. Exiting",
    b"Loading success.",
    b"Failed to load worker",
    b"haproxy version is ",
    b"path to executable is ",
];

/// How messages begin, and what follows a name behind it: others begin alike.
const HEADS: &[(&[u8], &[&[u8]])] = &[
    (b"Server ", OF_SERVERS),
    (b"Backup Server ", OF_SERVERS),
    (b"Proxy ", &[b" started.", b" stopped (", b" stopped.", b" reached "]),
    (b"Stopping ", &[b" ms."]),
    (b"Pausing ", &[b" ms."]),
    (b"Resuming ", &[b" ms."]),
    (b"Enabling ", &[b" ms."]),
    (b"Connect from ", &[b"/HTTP)", b"/TCP)"]),
];

/// What follows the name of a server.
const OF_SERVERS: &[&[u8]] = &[
    b" is DOWN",
    b" is UP",
    b" is going DOWN",
    b" is stopping",
    b" is READY",
    b" is now ",
    b" was DOWN",
    b" enters ",
    b" remains in ",
    b" administratively ",
];

/// A message and what stands before it.
#[derive(Debug, Clone, Copy, Default)]
struct Parts<'a> {
    /// The accept date, without brackets.
    date: &'a [u8],
    level: &'static [u8],
    pid: &'a [u8],
    client: &'a [u8],
    /// The frontend, and behind a slash the bind line, of an error of a connection.
    listener: &'a [u8],
    /// Backend and server of a session in TCP mode.
    target: &'a [u8],
    message: &'a [u8],
}

/// Splits the tag off: `haproxy[123]: `, `haproxy[123]:`; also `haproxy: ` and what is left of it, `haproxy `.
fn behind_tag(line: &[u8]) -> (&[u8], &[u8]) {
    if let Some(rest) = line.strip_prefix(b"haproxy: ").or(line.strip_prefix(b"haproxy "))
        && (is_message(rest) || behind_level(rest).is_some())
    {
        return (b"", rest);
    }
    let inside = line.strip_prefix(b"haproxy[").and_then(|rest| {
        let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
        Some((&rest[..end], rest[end..].strip_prefix(b"]:")?))
    });
    inside.map_or((b"", line), |(pid, rest)| (pid, rest.strip_prefix(b" ").unwrap_or(rest)))
}

/// The head of a line on standard error: `[WARNING] 271/091212 (3065) : `, `[NOTICE]   (1) : `.
fn behind_level(text: &[u8]) -> Option<(&'static [u8], &[u8], &[u8])> {
    const LEVELS: [(&[u8], &[u8]); 6] = [
        (b"[EMERG]", b"emerg"),
        (b"[ALERT]", b"alert"),
        (b"[WARNING]", b"warn"),
        (b"[NOTICE]", b"notice"),
        (b"[INFO]", b"info"),
        (b"[DEBUG]", b"debug"),
    ];
    let (rest, level) = LEVELS.iter().find_map(|(text_of, level)| {
        Some((text.strip_prefix(*text_of)?.trim_ascii_start(), *level))
    })?;
    let open = rest.iter().take(16).position(|byte| *byte == b'(')?;
    let is_time = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'/' | b' ');
    let inside = &rest[open + 1..];
    let close = inside.iter().take(12).position(|byte| *byte == b')')?;
    let message = inside[close + 1..].trim_ascii_start().strip_prefix(b":")?;
    let is_head =
        rest[..open].iter().all(is_time) && inside[..close].iter().all(u8::is_ascii_digit);
    is_head.then(|| (level, &inside[..close], message.trim_ascii_start()))
}

/// Which bytes heads begin with.
static FIRST_BYTES: LazyLock<[bool; 256]> = LazyLock::new(|| {
    let mut first = [false; 256];
    let heads = OWN_HEADS.iter().chain(HEADS.iter().map(|(head, _)| head));
    for byte in heads.filter_map(|head| head.first()) {
        first[usize::from(*byte)] = true;
    }
    first
});

/// Why a server went down, as nobody else says it: such a message may lack the name of the backend.
const DOWN_FOR: &[u8] = b" is DOWN, reason: Layer";

/// What is said of a backend, whose name stands before it. Nearly every line of other programs is searched for it.
static NO_SERVER: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new(b" has no server available"));

/// True for a message that names itself.
fn is_message(text: &[u8]) -> bool {
    let holds = |part: &&[u8]| memchr::memmem::find(text, part).is_some();
    let is_headed = |(head, behind): &(&[u8], &[&[u8]])| {
        text.strip_prefix(*head).is_some_and(|rest| {
            // A server is named with its backend.
            let is_name = !head.ends_with(b"Server ")
                || word(rest).is_some_and(|(name, _)| {
                    memchr::memchr(b'/', name).is_some() || rest[name.len()..].starts_with(DOWN_FOR)
                });
            is_name && behind.iter().any(&holds)
        })
    };
    // Cheap, and true of most lines of other programs.
    let may_be_headed = text.first().is_some_and(|byte| FIRST_BYTES[usize::from(*byte)]);
    (may_be_headed
        && (OWN_HEADS.iter().any(|head| text.starts_with(head)) || HEADS.iter().any(is_headed)))
        || NO_SERVER.find(text).is_some_and(|at| is_section(&text[..at]))
}

/// `backend be`, `proxy 'fe'`, `SIGHUP: Proxy be`: what a message about a section of the configuration begins with.
fn is_section(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"SIGHUP: ").unwrap_or(text);
    word(text).is_some_and(|(kind, name)| {
        let kinds = [&b"backend"[..], b"proxy", b"listener", b"frontend"];
        kinds.iter().any(|known| known.eq_ignore_ascii_case(kind))
            && memchr::memchr(b' ', name).is_none()
    })
}

/// The part of a line in TCP mode, or of one in HTTP mode that lost its start, from its timers on:
/// `9998/-1/12140 213 SC 0/0/0/0/3 0/0`.
fn is_session(text: &[u8]) -> bool {
    let is_counts = |word: &[u8], n_slashes: usize| {
        memchr::memchr_iter(b'/', word).count() == n_slashes
            && word.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'/' | b'-' | b'+'))
            && word.len() > n_slashes
    };
    let starts = text.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-');
    if !starts {
        return false;
    }
    let mut words = text.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    // What precedes the state: at most the timers, padded, the status, the bytes and two cookies.
    let found = words.by_ref().take(10).any(|word| {
        matches!(word.len(), 2 | 4)
            && word.iter().copied().all(is_state)
            && !word.iter().all(u8::is_ascii_lowercase)
    });
    found
        && words.next().is_some_and(|word| is_counts(word, 4))
        && words.next().is_some_and(|word| is_counts(word, 1))
}

impl<'a> Parts<'a> {
    fn of(line: &'a [u8]) -> Option<Self> {
        let (pid, text) = behind_tag(line);
        if let Some((level, own_pid, message)) = behind_level(text) {
            return Some(Parts { level, pid: own_pid, message, ..Parts::default() });
        }
        if let Some(at) = date_at(text) {
            return Parts::dated(text, at);
        }
        (is_message(text) || is_session(text)).then(|| Parts {
            pid,
            message: text,
            ..Parts::default()
        })
    }

    /// A line with an accept date: a session in TCP mode, or an error of a connection.
    fn dated(text: &'a [u8], at: usize) -> Option<Self> {
        let client = client_before(text, at)?;
        let date = &text[at + 1..at + 25];
        let message = &text[at + 27..];
        let (listener, rest) = word(message)?;
        let parts = Parts { date, client, listener, message, ..Parts::default() };
        if let Some(listener) = listener.strip_suffix(b":") {
            return Some(Parts { listener, message: rest, ..parts });
        }
        let (target, rest) = word(rest)?;
        let is_tcp = memchr::memchr(b'/', target).is_some() && is_session(rest);
        // In HTTP mode a status follows the timers.
        let n_timers =
            word(rest).map_or(0, |(timers, _)| timers.split(|byte| *byte == b'/').count());
        (is_tcp && n_timers == 3).then_some(Parts { target, ..parts })
    }
}

/// Reads messages.
#[derive(Debug, Clone)]
pub struct HaproxyLog {
    about: About,
}

impl HaproxyLog {
    /// The reader.
    pub fn new() -> Self {
        HaproxyLog {
            about: About {
                format: HaproxyLogFormat::NAME,
                layout: "messages".to_owned(),
                server: Server::Haproxy,
                role: LogRole::Error,
                notation: Notation::ClfVariant,
                instant: Instant::Start,
                basis: FormatBasis::Detected,
                ambiguous_with: None,
            },
        }
    }
}

impl Default for HaproxyLog {
    fn default() -> Self {
        HaproxyLog::new()
    }
}

impl Reader for HaproxyLog {
    fn about(&self) -> &About {
        &self.about
    }

    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let parts = Parts::of(line).ok_or(Skip::Shape)?;
        // Milliseconds do not change the second.
        Ok(Glance { stamp: &parts.date[..parts.date.len().min(20)], status: 0 })
    }

    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        self.about.notation.parse(text)
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let parts = Parts::of(first_line(record)).ok_or(Skip::Shape)?;
        let stamp = match parts.date {
            [] => None,
            date => Some(self.stamp(date).ok_or(Skip::BadTime)?),
        };
        let some = |text: &'a [u8]| (!text.is_empty()).then_some(text);
        Ok(Record::Error(ErrorRecord {
            stamp,
            level: parts.level,
            pid: parse_u64(parts.pid),
            client: some(split_client(parts.client).0),
            server: some(parts.listener),
            message: parts.message,
            ..ErrorRecord::default()
        }))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let Some(parts) = Parts::of(first_line(record)) else { return };
        let (address, port) = split_client(parts.client);
        for (name, value) in [
            ("accept_date", parts.date),
            ("level", parts.level),
            ("pid", parts.pid),
            ("client_ip", address),
            ("client_port", port),
            ("frontend_name", parts.listener),
            ("backend_server", parts.target),
            ("message", parts.message),
        ] {
            if !value.is_empty() {
                each(name, value);
            }
        }
    }
}

/// Recognises messages of `HAProxy`.
#[derive(Debug, Clone, Copy)]
pub struct HaproxyLogFormat;

impl HaproxyLogFormat {
    const NAME: &'static str = "haproxy_log";
}

impl Format for HaproxyLogFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "HAProxy messages: states of servers and backends, starts and stops, connection errors, sessions in TCP mode"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        Proposal::of(HaproxyLog::new(), sample)
    }

    fn standing_reader(&self) -> Option<Arc<dyn Reader>> {
        Some(Arc::new(HaproxyLog::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, message: &str, time: &str, level: &str) {
        let reader = HaproxyLog::new();
        let glance = reader.glance(line.as_bytes()).expect(line);
        assert_eq!(String::from_utf8_lossy(glance.stamp), time);
        let Ok(Record::Error(record)) = reader.parse(line.as_bytes()) else {
            unreachable!("{line}")
        };
        assert_eq!(String::from_utf8_lossy(record.message), message);
        assert_eq!(String::from_utf8_lossy(record.level), level);
        assert_eq!(record.stamp.is_some(), !time.is_empty());
    }

    #[test]
    fn messages_are_known_by_their_start() {
        for line in [
            "Server be/s1 is DOWN, reason: Layer4 timeout, check duration: 2001ms. 1 active and 0 backup servers left.",
            "Backup Server be/s1 is UP. 1 active and 1 backup servers online.",
            "backend be has no server available!",
            "Health check for server be/s1 failed, reason: Layer4 timeout, status: 0/2 DOWN.",
            "Proxy fe started.",
            "Proxy fe reached process FD limit (maxsock=9). Please check 'ulimit-n' and restart.",
            "Connect from 10.0.1.2:33312 to 10.0.3.31:8012 (www/HTTP)",
            "Stopping frontend fe in 0 ms.",
        ] {
            check(line, line, "", "");
        }
        check(
            "haproxy[24439]:backend b has no server available!",
            "backend b has no server available!",
            "",
            "",
        );
        check(
            "haproxy Server s1 is DOWN, reason: Layer4 timeout",
            "Server s1 is DOWN, reason: Layer4 timeout",
            "",
            "",
        );
        check(
            "[WARNING] 271/091212 (3065) : Server be/s1 is DOWN",
            "Server be/s1 is DOWN",
            "",
            "warn",
        );
        check("[NOTICE]   (1) : New worker (8) forked", "New worker (8) forked", "", "notice");
    }

    #[test]
    fn lines_with_an_accept_date_keep_it() {
        check(
            "192.0.2.1:56224 [25/Feb/2019:16:20:10.111] fe/bind1: SSL handshake failure",
            "SSL handshake failure",
            "25/Feb/2019:16:20:10",
            "",
        );
        let session = "fe~ be/s1 9998/-1/12140 213 SC 0/0/0/0/3 0/0";
        check(
            &format!("192.0.2.1:56224 [25/Feb/2019:16:20:10.111] {session}"),
            session,
            "25/Feb/2019:16:20:10",
            "",
        );
        let cut = "26848/   0/-1/-1/26849 503 212 - - SC-- 197/197/1/1/+3 0/0 {|192.0.2.1} {} \"GET / HTTP/1.1\"";
        check(cut, cut, "", "");
    }

    #[test]
    fn other_lines_are_refused() {
        let reader = HaproxyLog::new();
        for line in [
            "",
            "Server started.",
            "Server is DOWN",
            "Server api is DOWN",
            "web-1 | [ALERT] 035/080447 (1) : backend 'b' has no server available!",
            "Stopping nginx.service...",
            "12 34 ab 5/6/7/8/9",
            "192.0.2.1:1 [25/Feb/2019:16:20:10.111] fe be/s1 0/1/2/3/10 503 217 - - SC-- 5/4/3/2/1 0/7 \"GET / HTTP/1.1\"",
        ] {
            assert!(reader.glance(line.as_bytes()).is_err(), "{line}");
        }
    }
}
