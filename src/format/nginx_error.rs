//! The nginx error log: `2026/11/20 21:17:22 [error] 14#14: *4 MESSAGE, client: A, server: N, request: "R", ...`.
//!
//! In: one message, which may span several physical lines. Out: an [`ErrorRecord`], values raw as nginx wrote them.
//! Invariants: context keys are read in the one order in which nginx writes them, first match wins, so that what a
//! client puts into its request or `Referer` is never taken for a key. Nothing is unescaped: nginx escapes nothing here.
//! Source: nginx `ngx_log.c` (`ngx_log_error_core`), `ngx_http_request.c` (`ngx_http_log_error`),
//! `ngx_stream_handler.c` (`ngx_stream_log_error`).

use std::sync::{Arc, LazyLock};

use memchr::memmem;
use memchr::memmem::Finder;

use super::{About, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::parse_u64;
use crate::record::{ErrorRecord, Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::{Notation, parse_nginx_error};

/// Length of `2026/11/20 21:17:22`.
const STAMP_BYTES: usize = 19;

/// Longest line that nginx writes, without its newline: `NGX_MAX_ERROR_STR` is 2048.
const LONGEST_LINE_BYTES: usize = 2047;

/// The context keys after `client`, in the order of the line, each with the punctuation before its value.
const KEYS: [Key; 8] = [
    Key { text: b", server: ", slot: Slot::Server },
    Key { text: b", request: \"", slot: Slot::Request },
    Key { text: b", subrequest: \"", slot: Slot::Subrequest },
    Key { text: b", login: \"", slot: Slot::Rest },
    Key { text: b", upstream: \"", slot: Slot::Upstream },
    Key { text: b", bytes from/to client:", slot: Slot::Rest },
    Key { text: b", host: \"", slot: Slot::Host },
    Key { text: b", referrer: \"", slot: Slot::Referrer },
];

struct Key {
    text: &'static [u8],
    slot: Slot,
}

impl Key {
    fn is_quoted(&self) -> bool {
        self.text.ends_with(b"\"")
    }
}

/// Where a context value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Client,
    Server,
    Request,
    Subrequest,
    Upstream,
    Host,
    Referrer,
    /// A key of the stream or mail modules that ends the value before it and is used by nothing.
    Rest,
}

const N_SLOTS: usize = Slot::Rest as usize + 1;

/// Names of the context values, in the order of [`Slot`].
const SLOT_NAMES: [&str; N_SLOTS] =
    ["client", "server", "request", "subrequest", "upstream", "host", "referrer", "other"];

/// Reads messages of the nginx error log.
#[derive(Debug)]
pub struct NginxError {
    about: About,
}

impl NginxError {
    /// The reader; all nginx error logs have one layout.
    pub fn new() -> Self {
        NginxError {
            about: About {
                format: "nginx_error",
                layout: "error_log".to_owned(),
                server: Server::Nginx,
                role: LogRole::Error,
                notation: Notation::NginxError,
                instant: Instant::End,
                basis: FormatBasis::Detected,
                ambiguous_with: None,
            },
        }
    }
}

impl Default for NginxError {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader for NginxError {
    fn about(&self) -> &About {
        &self.about
    }

    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let head = Head::of(line)?;
        Ok(Glance { stamp: head.stamp, status: 0 })
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let head = Head::of(record)?;
        let stamp = parse_nginx_error(head.stamp).ok_or(Skip::BadTime)?;
        let body = Body::of(head.rest, record.len());
        Ok(Record::Error(ErrorRecord {
            stamp: Some(stamp),
            level: head.level,
            pid: parse_u64(head.pid),
            connection: head.connection.and_then(parse_u64),
            message: body.message,
            client: body.value(Slot::Client),
            server: body.value(Slot::Server),
            request: body.value(Slot::Request),
            subrequest: body.value(Slot::Subrequest),
            upstream: body.value(Slot::Upstream),
            host: body.value(Slot::Host),
            referrer: body.value(Slot::Referrer),
            truncated: body.truncated,
            log_id: None,
            event: None,
            told: None,
        }))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let Ok(head) = Head::of(record) else { return };
        each("time", head.stamp);
        each("level", head.level);
        each("pid", head.pid);
        each("tid", head.tid);
        if let Some(connection) = head.connection {
            each("connection", connection);
        }
        let body = Body::of(head.rest, record.len());
        each("message", body.message);
        for (name, value) in SLOT_NAMES.iter().zip(&body.values) {
            if let Some(value) = value {
                each(name, value);
            }
        }
    }
}

/// The part of a line at fixed places, and what follows it.
struct Head<'a> {
    stamp: &'a [u8],
    level: &'a [u8],
    pid: &'a [u8],
    tid: &'a [u8],
    connection: Option<&'a [u8]>,
    rest: &'a [u8],
}

impl<'a> Head<'a> {
    /// `YYYY/MM/DD HH:MM:SS [level] pid#tid: `, and `*cid ` if present. The date is checked for shape only.
    #[inline]
    fn of(line: &'a [u8]) -> Result<Self, Skip> {
        let (stamp, rest) = line.split_at_checked(STAMP_BYTES).ok_or(Skip::Shape)?;
        if stamp[4] != b'/' || stamp[7] != b'/' || stamp[10] != b' ' || stamp[13] != b':' {
            return Err(Skip::Shape);
        }
        let rest = rest.strip_prefix(b" [").ok_or(Skip::Shape)?;
        let level = take_level(rest).ok_or(Skip::Shape)?;
        let rest = rest[level.len()..].strip_prefix(b"] ").ok_or(Skip::Shape)?;
        let (pid, rest) = take_digits(rest);
        let rest = rest.strip_prefix(b"#").ok_or(Skip::Shape)?;
        let (tid, rest) = take_digits(rest);
        let rest = rest.strip_prefix(b": ").ok_or(Skip::Shape)?;
        if pid.is_empty() || tid.is_empty() {
            return Err(Skip::Shape);
        }
        let (connection, rest) = match take_connection(rest) {
            Some((connection, rest)) => (Some(connection), rest),
            None => (None, rest),
        };
        Ok(Head { stamp, level, pid, tid, connection, rest })
    }
}

fn take_level(text: &[u8]) -> Option<&[u8]> {
    const LEVELS: [&[u8]; 8] =
        [b"error", b"warn", b"info", b"notice", b"crit", b"alert", b"emerg", b"debug"];
    LEVELS.iter().find(|level| text.starts_with(level)).map(|level| &text[..level.len()])
}

fn take_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

fn take_connection(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (digits, rest) = take_digits(text.strip_prefix(b"*")?);
    (!digits.is_empty()).then_some(())?;
    Some((digits, rest.strip_prefix(b" ")?))
}

/// Message and context of a record.
struct Body<'a> {
    message: &'a [u8],
    values: [Option<&'a [u8]>; N_SLOTS],
    truncated: bool,
}

impl<'a> Body<'a> {
    fn value(&self, slot: Slot) -> Option<&'a [u8]> {
        self.values[slot as usize]
    }

    // In words: find where the context begins; then, key by key in the fixed order, the value ends where the first
    // later key begins. What is left when no later key follows is the last value, which the line may cut.
    fn of(text: &'a [u8], record_bytes: usize) -> Self {
        let mut body = Self::behind(0, text, record_bytes);
        // A user name may hold what looks like a context. No request whose host has a blank in it gets as far as to be
        // asked for its user (`ngx_http_validate_host`), so that such a host tells that the real context comes later.
        let is_of_user = text.starts_with(b"user \"");
        let is_misread = |body: &Body<'_>| {
            body.value(Slot::Host).is_some_and(|host| host.contains(&b' '))
                || body.value(Slot::Server).is_some_and(|server| server.contains(&b'"'))
        };
        while is_of_user && is_misread(&body) {
            let later = Self::behind(body.message.len() + 3, text, record_bytes);
            if later.value(Slot::Client).is_none() {
                break;
            }
            body = later;
        }
        body
    }

    /// Message and context, where the context begins behind the first `from` bytes.
    fn behind(from: usize, text: &'a [u8], record_bytes: usize) -> Self {
        let mut body = Body { message: text, values: [None; N_SLOTS], truncated: false };
        let Some((message_bytes, value_at, first)) = find_context(from, text) else {
            let kept = without_cut_key(text, b", client: ");
            body.truncated = kept.len() < text.len() || record_bytes >= LONGEST_LINE_BYTES;
            body.message = kept;
            return body;
        };
        body.message = &text[..message_bytes];
        // No context value can hold a newline: what follows one is foreign text glued to the record.
        let rest = &text[value_at..];
        let mut rest = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
        let (mut slot, mut quoted, mut later) = first;
        loop {
            if let Some((end, key_idx)) = find_key(rest, later, quoted, slot == Slot::Request) {
                let key = &KEYS[key_idx];
                body.values[slot as usize] = Some(&rest[..end - usize::from(quoted)]);
                rest = &rest[end + key.text.len()..];
                (slot, quoted, later) = (key.slot, key.is_quoted(), key_idx + 1);
            } else {
                let (value, truncated) = last_value(rest, later, quoted);
                body.values[slot as usize] = Some(value);
                body.truncated = truncated;
                return body;
            }
        }
    }
}

/// Slot, quotedness, and index of the first key that may follow.
type State = (Slot, bool, usize);

/// Built once: building a searcher costs as much as searching a line.
static CLIENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"client: "));

/// Where the context begins: bytes of the message before it, offset of the first value, and which value that is.
fn find_context(from: usize, text: &[u8]) -> Option<(usize, usize, State)> {
    // Text that a FastCGI application wrote may hold anything; nginx's own words after it end in "upstream".
    let is_foreign = text.starts_with(b"FastCGI sent in stderr: ");
    let mut found = None;
    for at in CLIENT.find_iter(&text[from..]).map(|at| from + at) {
        let before = &text[..at];
        let Some(message) = before.strip_suffix(b", ").or(before.strip_suffix(b", udp ")) else {
            continue;
        };
        let start = (message.len(), at + b"client: ".len(), (Slot::Client, false, 0));
        if !is_foreign || message.ends_with(b" upstream") {
            return Some(start);
        }
        found = found.or(Some(start));
    }
    if found.is_some() {
        return found;
    }
    // Pasted lines often lack the client.
    let request = &KEYS[1];
    let at = memmem::find(text, request.text)?;
    Some((at, at + request.text.len(), (Slot::Request, true, 2)))
}

/// Where the value at the start of `text` ends: offset of the first key from `later` on, and its index.
///
/// A request line that is followed by `host` or `referrer` ends in its protocol; a look-alike key inside it does not
/// follow a protocol. Without one (HTTP/0.9, garbage) there are no headers that a client could fill.
fn find_key(text: &[u8], later: usize, quoted: bool, is_request: bool) -> Option<(usize, usize)> {
    let mut earliest = None;
    for at in memchr::memchr_iter(b',', text) {
        if quoted && (at == 0 || text[at - 1] != b'"') {
            continue;
        }
        let Some(key_idx) = (later..KEYS.len()).find(|idx| text[at..].starts_with(KEYS[*idx].text))
        else {
            continue;
        };
        if !is_request || ends_in_protocol(&text[..at]) {
            return Some((at, key_idx));
        }
        earliest = earliest.or(Some((at, key_idx)));
    }
    earliest
}

/// True for `... HTTP/1.1"`.
fn ends_in_protocol(quoted: &[u8]) -> bool {
    let Some(tail) = quoted.len().checked_sub(10).map(|at| &quoted[at..]) else { return false };
    matches!(tail, [b' ', b'H', b'T', b'T', b'P', b'/', major, b'.', minor, b'"']
        if major.is_ascii_digit() && minor.is_ascii_digit())
}

/// The last value of a line, and whether the line was cut within or right after it.
fn last_value(text: &[u8], later: usize, quoted: bool) -> (&[u8], bool) {
    if quoted && let Some(value) = text.strip_suffix(b"\"") {
        return (value, false);
    }
    for key in &KEYS[later..] {
        let kept = without_cut_key(text, key.text);
        if kept.len() < text.len() && (!quoted || kept.ends_with(b"\"")) {
            return (kept.strip_suffix(b"\"").unwrap_or(kept), true);
        }
    }
    (text, quoted)
}

/// `text` without a proper prefix of `key` at its end.
fn without_cut_key<'a>(text: &'a [u8], key: &[u8]) -> &'a [u8] {
    (1..key.len()).rev().find_map(|n| text.strip_suffix(&key[..n])).unwrap_or(text)
}

/// Proposes [`NginxError`].
#[derive(Debug)]
pub struct NginxErrorFormat;

impl Format for NginxErrorFormat {
    fn name(&self) -> &'static str {
        "nginx_error"
    }

    fn summary(&self) -> &'static str {
        "nginx error log, known by `2026/11/20 21:17:22 [error] 14#14: ` at the start of a line"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        Proposal::of(NginxError::new(), sample)
    }

    fn standing_reader(&self) -> Option<Arc<dyn Reader>> {
        Some(Arc::new(NginxError::new()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "2026/11/20 21:17:22 [error] 14#15: *4 ";

    /// Parses `HEAD` + `tail` and compares every field with `fields`, written `name=value` and joined by `|`.
    #[track_caller]
    fn check(tail: &str, fields: &str, truncated: bool) {
        let line = format!("{HEAD}{tail}");
        let mut seen = Vec::new();
        NginxError::new().each_field(line.as_bytes(), &mut |name, value| {
            if !["time", "level", "pid", "tid", "connection"].contains(&name) {
                seen.push(format!("{name}={}", String::from_utf8_lossy(value)));
            }
        });
        assert_eq!(seen.join("|"), fields);
        let Ok(Record::Error(record)) = NginxError::new().parse(line.as_bytes()) else {
            panic!("refused: {line}")
        };
        assert_eq!(record.truncated, truncated);
        assert_eq!((record.pid, record.connection), (Some(14), Some(4)));
    }

    #[test]
    fn context_keys_are_read_in_order() {
        check(
            r#"no live upstreams while connecting to upstream, client: ::1, server: ex.test, request: "GET /g HTTP/1.1", upstream: "http://grp/g", host: "h:80", referrer: "http://r/""#,
            "message=no live upstreams while connecting to upstream|client=::1|server=ex.test|request=GET /g HTTP/1.1|upstream=http://grp/g|host=h:80|referrer=http://r/",
            false,
        );
        check(
            r#"auth request unexpected status: 503 while sending to client, client: 1.2.3.4, server: , request: "GET / HTTP/2.0", subrequest: "/auth", host: "h""#,
            "message=auth request unexpected status: 503 while sending to client|client=1.2.3.4|server=|request=GET / HTTP/2.0|subrequest=/auth|host=h",
            false,
        );
        check(
            "client sent invalid method while reading client request line, client: 1.2.3.4, server: _, request: \"\u{16}\u{3}\u{1}\"",
            "message=client sent invalid method while reading client request line|client=1.2.3.4|server=_|request=\u{16}\u{3}\u{1}",
            false,
        );
        check(
            "SSL_do_handshake() failed (SSL: error:1:a:b) while SSL handshaking, client: 1.2.3.4, server: 0.0.0.0:443",
            "message=SSL_do_handshake() failed (SSL: error:1:a:b) while SSL handshaking|client=1.2.3.4|server=0.0.0.0:443",
            false,
        );
        check(
            "accept4() failed (24: Too many open files)",
            "message=accept4() failed (24: Too many open files)",
            false,
        );
        check(
            "[lua] balancer.lua:348: balance(): no peer was returned, balancer: ewma, client: 1.2.3.4, server: _",
            "message=[lua] balancer.lua:348: balance(): no peer was returned, balancer: ewma|client=1.2.3.4|server=_",
            false,
        );
        check(
            "send() failed (111: Connection refused) while resolving, resolver: 127.0.0.1:53",
            "message=send() failed (111: Connection refused) while resolving, resolver: 127.0.0.1:53",
            false,
        );
    }

    #[test]
    fn a_user_name_is_no_context() {
        for name in [
            r#"x": password mismatch, client: 127.0.0.1, server: t, request: "GET / HTTP/1.1", host: "h""#,
            r#"x": password mismatch, client: 127.0.0.1, server: t"#,
        ] {
            let message = format!(r#"user "{name}": was not found in "/p""#);
            check(
                &format!(
                    r#"{message}, client: 192.0.2.2, server: , request: "GET / HTTP/1.1", host: "h""#
                ),
                &format!(
                    "message={message}|client=192.0.2.2|server=|request=GET / HTTP/1.1|host=h"
                ),
                false,
            );
        }
    }

    #[test]
    fn stream_lines_end_in_byte_counts() {
        check(
            r#"upstream timed out (110: Connection timed out) while connecting to upstream, udp client: 1.2.3.4, server: 0.0.0.0:53, upstream: "10.0.0.1:53", bytes from/to client:30/0, bytes from/to upstream:0/30"#,
            "message=upstream timed out (110: Connection timed out) while connecting to upstream|client=1.2.3.4|server=0.0.0.0:53|upstream=10.0.0.1:53|other=30/0, bytes from/to upstream:0/30",
            false,
        );
    }

    #[test]
    fn what_a_client_sends_is_no_key() {
        check(
            r#"no live upstreams, client: 1.2.3.4, server: ex, request: "GET /g HTTP/1.1", upstream: "http://grp/g", host: "ab", referrer: "x", host: "y""#,
            r#"message=no live upstreams|client=1.2.3.4|server=ex|request=GET /g HTTP/1.1|upstream=http://grp/g|host=ab|referrer=x", host: "y"#,
            false,
        );
        check(
            r#"no live upstreams, client: 1.2.3.4, server: ex, request: "GET /x", upstream: "http://evil/ HTTP/1.1", upstream: "http://grp/x", host: "h, client: 6.6.6.6""#,
            r#"message=no live upstreams|client=1.2.3.4|server=ex|request=GET /x", upstream: "http://evil/ HTTP/1.1|upstream=http://grp/x|host=h, client: 6.6.6.6"#,
            false,
        );
        check(
            r#"m, client: 1.2.3.4, server: ex, request: "GET / HTTP/1.1", referrer: "a", subrequest: "/b""#,
            r#"message=m|client=1.2.3.4|server=ex|request=GET / HTTP/1.1|referrer=a", subrequest: "/b"#,
            false,
        );
    }

    #[test]
    fn messages_of_several_lines_have_their_context_last() {
        check(
            "FastCGI sent in stderr: \"PHP message: bad, client: 6.6.6.6\nStack trace:\n#0 {main}\" while reading response header from upstream, client: 1.2.3.4, server: ex, request: \"GET /f HTTP/1.1\", upstream: \"fastcgi://unix:/run/php.sock:\", host: \"h\"",
            "message=FastCGI sent in stderr: \"PHP message: bad, client: 6.6.6.6\nStack trace:\n#0 {main}\" while reading response header from upstream|client=1.2.3.4|server=ex|request=GET /f HTTP/1.1|upstream=fastcgi://unix:/run/php.sock:|host=h",
            false,
        );
        check(
            "m, client: 1.2.3.4, server: ex, request: \"GET / HTTP/1.1\", host: \"h\"\nforeign text",
            "message=m|client=1.2.3.4|server=ex|request=GET / HTTP/1.1|host=h",
            false,
        );
    }

    #[test]
    fn a_cut_line_keeps_what_it_has() {
        check(
            r#"m, client: 1.2.3.4, server: ex, request: "GET /long"#,
            "message=m|client=1.2.3.4|server=ex|request=GET /long",
            true,
        );
        check(
            r#"m, client: 1.2.3.4, server: ex, request: "GET / HTTP/1.1", upst"#,
            "message=m|client=1.2.3.4|server=ex|request=GET / HTTP/1.1",
            true,
        );
        check("m, client: 1.2.3.4, server: ex, requ", "message=m|client=1.2.3.4|server=ex", true);
        check(
            "socket() failed while connecting to upstream,",
            "message=socket() failed while connecting to upstream",
            true,
        );
        check(
            r#"limiting requests, excess: 200.640 by zone "flood", request: "GET /img..."#,
            r#"message=limiting requests, excess: 200.640 by zone "flood"|request=GET /img..."#,
            true,
        );
    }

    #[test]
    fn other_lines_are_refused() {
        let refuse = |line: &str, skip| {
            assert_eq!(NginxError::new().parse(line.as_bytes()).err(), Some(skip), "{line}");
        };
        refuse("", Skip::Shape);
        refuse("#0 {main}", Skip::Shape);
        refuse("nginx: [emerg] bind() to 0.0.0.0:80 failed", Skip::Shape);
        refuse("2026/11/20 21:17:22 http: TLS handshake error", Skip::Shape);
        refuse("2014/12/30 06:07:37 [yadda] 80#2: yadda", Skip::Shape);
        refuse("2014/12/30 06:07:37 [error] 80:2 yadda", Skip::Shape);
        refuse("2026/13/20 21:17:22 [error] 14#14: x", Skip::BadTime);
    }

    proptest! {
        #[test]
        fn any_bytes_after_the_head_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..200), keys in proptest::collection::vec(0usize..9, 0..6)) {
            let mut line = HEAD.as_bytes().to_vec();
            for idx in keys {
                line.extend_from_slice(KEYS.get(idx).map_or(b", client: ", |key| key.text));
                line.extend_from_slice(&tail[..tail.len() / 2]);
            }
            line.extend_from_slice(&tail);
            prop_assert!(NginxError::new().parse(&line).is_ok());
        }
    }
}
