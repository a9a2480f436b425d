//! `HAProxy` access logs: `option httplog` and `httpslog`, `option httplog clf`, and readers for any `log-format`.
//!
//! In: lines without terminator, with or without the prefix of a syslog daemon. Out: records.
//! Invariants: nothing left of the accept date is counted in fields, since daemons write prefixes of many kinds; what
//! follows the termination state may be cut off, as datagrams are.
//! Source: `HAProxy` `doc/configuration.txt`, section 8.2 (log formats) and 8.6 (non-printable characters); `src/log.c`;
//! observed on 2.6.12.

mod clf;
mod custom;
mod json;
pub mod log_format;
mod served;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x32, u8x64};

use super::scan_run::{Look, reads_by_look};
use super::{About, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::{find_soon, parse_status, parse_u64, places_of};
use crate::record::{AccessRecord, Escape, Field, Record, Skip, split_request};
use crate::taxonomy::{LogRole, Server};
use crate::time::{Notation, SECOND_US, Stamp};

pub use clf::HaproxyClf;
pub(super) use custom::STATES_BY_KEY;
pub use json::{JSON, JSON_BY_TIMERS, JSON_LINES, Learning};
pub(super) use served::with_servers;

/// Bytes of `20/Nov/2026:21:29:42.123`.
const DATE_BYTES: usize = 24;

/// Bytes of it that decide the second.
const SECOND_BYTES: usize = 20;

/// Where the accept date of a line is: the offset of its `[`.
///
/// As `halog` does: a bracket with a date in it. `]` and a blank follow.
#[inline(always)]
#[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
fn find_date<S: Simd>(simd: S, line: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(chunk) = line.get(at..).and_then(<[u8]>::first_chunk) {
        let mut brackets = places_of::<S, u8x64<S>>(simd, b'[', chunk);
        while brackets != 0 {
            let bracket = at + brackets.trailing_zeros() as usize;
            if is_date(line, bracket) {
                return Some(bracket);
            }
            brackets &= brackets - 1;
        }
        at += chunk.len();
    }
    while let Some(step) = memchr::memchr(b'[', &line[at..]) {
        if is_date(line, at + step) {
            return Some(at + step);
        }
        at += step + 1;
    }
    None
}

/// [`find_date`] at the level that every machine has.
pub(super) fn date_at(line: &[u8]) -> Option<usize> {
    dispatch!(Level::baseline(), simd => find_date(simd, line))
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
fn is_date(line: &[u8], at: usize) -> bool {
    matches!(line[at..], [b'[', b'0'..=b'3', _, b'/', _, _, _, b'/', ..])
        && line.get(at + DATE_BYTES + 1..at + DATE_BYTES + 3) == Some(b"] ")
}

/// The client, `address:port`, before the accept date at `date`. `None`: what stands before it is no prefix of syslog.
#[inline(always)]
#[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
fn find_client<S: Simd>(simd: S, line: &[u8], date: usize) -> Option<&[u8]> {
    let before = line[..date].strip_suffix(b" ")?;
    let places = |wanted, near| places_of::<S, u8x32<S>>(simd, wanted, near);
    // The last word of `before`, and where the first `]` in it is.
    let near = before.last_chunk().map(|near| (near, places(b' ', near)));
    let (start, close) = match near {
        Some((near, blanks)) if blanks != 0 => {
            let shift = u64::BITS - blanks.leading_zeros();
            let closes = places(b']', near) >> shift;
            let start = before.len() - near.len() + shift as usize;
            (start, (closes != 0).then(|| closes.trailing_zeros() as usize))
        }
        _ => {
            let start = memchr::memrchr(b' ', before).map_or(0, |blank| blank + 1);
            (start, memchr::memchr(b']', &before[start..]))
        }
    };
    let (prefix, client) = before.split_at(start);
    // `haproxy[123]:10.0.0.1:443`: some tags have no blank behind them.
    if let Some(close) = close {
        return client[close + 1..].strip_prefix(b":").filter(|client| !client.is_empty());
    }
    let is_prefix = prefix.is_empty() || prefix.ends_with(b": ") || prefix.ends_with(b"- ");
    (is_prefix && !client.is_empty() && client[0] != b'{').then_some(client)
}

/// [`find_client`] at the level that every machine has.
pub(super) fn client_before(line: &[u8], date: usize) -> Option<&[u8]> {
    dispatch!(Level::baseline(), simd => find_client(simd, line, date))
}

/// What follows the first three words.
#[inline(always)]
#[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
fn behind_three_words<S: Simd>(simd: S, text: &[u8]) -> Option<&[u8]> {
    if let Some(chunk) = text.first_chunk() {
        let blanks = places_of::<S, u8x64<S>>(simd, b' ', chunk);
        let from_second = blanks & blanks.wrapping_sub(1);
        let from_third = from_second & from_second.wrapping_sub(1);
        if from_third != 0 {
            return Some(&text[from_third.trailing_zeros() as usize + 1..]);
        }
    }
    let (_, rest) = word(text)?;
    let (_, rest) = word(rest)?;
    Some(word(rest)?.1)
}

/// Splits at the first blank.
#[inline]
pub(super) fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = find_soon(b' ', text)?;
    Some((&text[..blank], &text[blank + 1..]))
}

/// The address of `address:port`, and the port. A mapped IPv4 address is given as such.
pub(super) fn split_client(client: &[u8]) -> (&[u8], &[u8]) {
    if client.starts_with(b"unix:") {
        return (client, b"");
    }
    let colon = memchr::memrchr(b':', client).unwrap_or(client.len());
    let address = &client[..colon];
    let mapped = address.strip_prefix(b"::ffff:").filter(|rest| rest.contains(&b'.'));
    (mapped.unwrap_or(address), client.get(colon + 1..).unwrap_or_default())
}

/// The parts of a line, in its order. What the line does not reach is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Parts<'a> {
    client: &'a [u8],
    date: &'a [u8],
    frontend: &'a [u8],
    target: &'a [u8],
    timers: &'a [u8],
    status: &'a [u8],
    bytes: &'a [u8],
    cookies: [&'a [u8]; 2],
    state: &'a [u8],
    connections: &'a [u8],
    queues: &'a [u8],
    headers: [Option<&'a [u8]>; 2],
    request: Option<&'a [u8]>,
    tail: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(line: &'a [u8]) -> Result<Parts<'a>, Skip> {
        let at = date_at(line).ok_or(Skip::Shape)?;
        let client = client_before(line, at).ok_or(Skip::Shape)?;
        let date = &line[at + 1..=at + DATE_BYTES];
        let next = |text: &'a [u8]| word(text).ok_or(Skip::Truncated);
        let (frontend, rest) = next(&line[at + DATE_BYTES + 3..])?;
        let (target, rest) = next(rest)?;
        let (timers, rest) = next(rest)?;
        let (status, rest) = next(rest)?;
        let (bytes, rest) = next(rest)?;
        let mut parts =
            Parts { client, date, frontend, target, timers, status, bytes, ..Parts::default() };
        parts.rest(rest)?;
        Ok(parts)
    }

    /// What follows the count of bytes.
    fn rest(&mut self, rest: &'a [u8]) -> Result<(), Skip> {
        let next = |text: &'a [u8]| word(text).unwrap_or((text, b""));
        let (request_cookie, rest) = word(rest).ok_or(Skip::Truncated)?;
        let (response_cookie, rest) = word(rest).ok_or(Skip::Truncated)?;
        self.cookies = [request_cookie, response_cookie];
        let (state, rest) = next(rest);
        if state.len() != 4 || !state.iter().all(|byte| is_state(*byte)) {
            return Err(if rest.is_empty() { Skip::Truncated } else { Skip::Shape });
        }
        self.state = state;
        let (connections, rest) = next(rest);
        let (queues, mut rest) = next(rest);
        (self.connections, self.queues) = (connections, queues);
        for slot in &mut self.headers {
            let Some(block) = rest.strip_prefix(b"{") else { break };
            let end = memchr::memchr(b'}', block).unwrap_or(block.len());
            *slot = Some(&block[..end]);
            let behind = block.get(end + 1..).unwrap_or_default();
            rest = behind.strip_prefix(b" ").unwrap_or(behind);
        }
        if let Some((request, tail)) = request_in(rest) {
            (self.request, self.tail) = (Some(request), tail.trim_ascii());
        }
        Ok(())
    }

    /// `TR/Tw/Tc/Tr/Ta`, by their place. Before 1.7: `Tq/Tw/Tc/Tr/Tt`.
    fn timer(&self, index: usize) -> &'a [u8] {
        self.timers.split(|byte| *byte == b'/').nth(index).unwrap_or_default()
    }

    /// Backend and server.
    fn backend(&self) -> (&'a [u8], &'a [u8]) {
        split_target(self.target)
    }

    fn record(&self, offset_s: Option<i32>) -> Result<AccessRecord<'a>, Skip> {
        let stamp = Notation::ClfVariant.parse(self.date).ok_or(Skip::BadTime)?;
        let status = status_of(self.status).ok_or(Skip::BadStatus)?;
        let mut record = AccessRecord::new(in_zone(stamp, offset_s), status, Escape::Haproxy);
        let (address, port) = split_client(self.client);
        let retries = self.connections.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        for (field, value) in [
            (Field::RemoteAddr, address),
            (Field::ClientPort, port),
            (Field::Status, self.status),
            (Field::BytesSent, unsigned(self.bytes)),
            (Field::ReceiveTimeMillis, self.timer(0)),
            (Field::QueueTimeMillis, self.timer(1)),
            (Field::ConnectTimeMillis, self.timer(2)),
            (Field::ResponseTimeMillis, self.timer(3)),
            (Field::RequestTimeMillis, unsigned(self.timer(4))),
            (Field::TerminationState, self.state),
            (Field::Retries, retries),
        ] {
            record.set(field, value);
        }
        set_sections(&mut record, self.frontend, self.target);
        if let Some(request) = self.request {
            record.set(Field::Request, request);
        }
        Ok(record)
    }
}

/// The request in what follows the queues, and what is behind it. Formats may have words and quoted values before it: the
/// first quoted value that looks like a request is it; else the one at the start, whatever it holds.
fn request_in(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut first = None;
    let mut rest = text;
    while let Some(open) = memchr::memchr(b'"', rest) {
        // Some daemons escape quotes. A closing one may be cut off.
        let is_at_start = rest.len() == text.len() && matches!(&rest[..open], b"" | b"\\");
        let quoted = &rest[open + 1..];
        let end = memchr::memchr(b'"', quoted);
        let value = &quoted[..end.unwrap_or(quoted.len())];
        let value = value.strip_suffix(b"\\").unwrap_or(value);
        rest = end.map_or(&b""[..], |end| &quoted[end + 1..]);
        if is_request(value) {
            return Some((value, rest));
        }
        if is_at_start {
            first = Some((value, rest));
        }
    }
    first
}

/// True for a method and what is asked for, or for what stands in place of a request that was none.
fn is_request(value: &[u8]) -> bool {
    let (method, target) = split_request(value);
    let is_method = !method.is_empty() && method.iter().all(u8::is_ascii_uppercase);
    let is_target = target.starts_with(b"/")
        || target == b"*"
        || method == b"CONNECT"
        || memchr::memmem::find(target, b"://").is_some();
    value == b"<BADREQ>" || (is_method && is_target)
}

/// `backend/server` of `backend/server(10.0.0.1:80)`, as formats have it that add the server's address.
fn without_address(target: &[u8]) -> &[u8] {
    let at = target.ends_with(b")").then(|| memchr::memrchr(b'(', target)).flatten();
    at.map_or(target, |at| &target[..at])
}

/// Backend and server of `backend/server`.
pub(super) fn split_target(target: &[u8]) -> (&[u8], &[u8]) {
    let target = without_address(target);
    let slash = memchr::memchr(b'/', target).unwrap_or(target.len());
    (&target[..slash], target.get(slash + 1..).unwrap_or_default())
}

/// What a target is about: the server, or, where none was chosen, the backend.
pub(super) fn peer_of(target: &[u8]) -> &[u8] {
    let (backend, server) = split_target(target);
    if server.is_empty() || server.starts_with(b"<") { backend } else { without_address(target) }
}

/// Sets what tells the sections of the configuration that a request went through.
fn set_sections<'a>(record: &mut AccessRecord<'a>, frontend: &'a [u8], target: &'a [u8]) {
    // A `~` tells that the client came over TLS.
    record.set(Field::Frontend, frontend.strip_suffix(b"~").unwrap_or(frontend));
    set_target(record, target);
}

/// Sets backend and server.
fn set_target<'a>(record: &mut AccessRecord<'a>, target: &'a [u8]) {
    let (backend, server) = split_target(target);
    record.replace(Field::Backend, Some(backend));
    record.set(Field::BackendServer, server);
    record.set(Field::UpstreamAddr, peer_of(target));
}

/// A local time in a zone that is known.
fn in_zone(stamp: Stamp, offset_s: Option<i32>) -> Stamp {
    match offset_s {
        Some(offset_s) => Stamp {
            micros: stamp.micros - i64::from(offset_s) * SECOND_US,
            offset_s: Some(offset_s),
        },
        None => stamp,
    }
}

/// Three digits, or `-1` for a session that ended before a response.
#[inline]
fn status_of(text: &[u8]) -> Option<u16> {
    if text == b"-1" { Some(0) } else { parse_status(text) }
}

/// A number without the `+` of `option logasap`.
fn unsigned(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"+").unwrap_or(text)
}

/// A letter of a termination state.
pub(super) fn is_state(byte: u8) -> bool {
    byte == b'-' || byte.is_ascii_alphabetic()
}

/// Reads lines of `option httplog` and `option httpslog`.
#[derive(Debug, Clone)]
pub struct HaproxyAccess {
    about: About,
    /// The zone of the accept date, where the prefixes of the lines tell it.
    offset_s: Option<i32>,
}

impl HaproxyAccess {
    /// The reader.
    pub fn new(basis: FormatBasis) -> Self {
        HaproxyAccess { about: about("httplog", Notation::ClfVariant, basis), offset_s: None }
    }
}

/// What readers of this format say of themselves.
fn about(layout: &str, notation: Notation, basis: FormatBasis) -> About {
    About {
        format: HaproxyAccessFormat::NAME,
        layout: layout.to_owned(),
        server: Server::Haproxy,
        role: LogRole::Access,
        notation,
        instant: Instant::Start,
        basis,
        ambiguous_with: None,
    }
}

impl Look for HaproxyAccess {
    // A look at the 64 bytes with the date, at those before it and at those behind it, and a few comparisons.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
    fn look<'a, S: Simd>(&self, simd: S, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let at = find_date(simd, line).ok_or(Skip::Shape)?;
        find_client(simd, line, at).ok_or(Skip::Shape)?;
        let rest = behind_three_words(simd, &line[at + DATE_BYTES + 3..]).ok_or(Skip::Truncated)?;
        // A count of bytes follows the status; behind the count of a TCP line stands its state.
        let status = match rest {
            [a, b, c, b' ', b'0'..=b'9' | b'+', ..] => parse_status(&[*a, *b, *c]),
            [b'-', b'1', b' ', b'0'..=b'9' | b'+', ..] => Some(0),
            _ => None,
        };
        let stamp = &line[at + 1..=at + SECOND_BYTES];
        Ok(Glance { stamp, status: status.ok_or(Skip::BadStatus)? })
    }
}

impl Reader for HaproxyAccess {
    fn about(&self) -> &About {
        &self.about
    }

    reads_by_look!();

    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        self.about.notation.parse(text).map(|stamp| in_zone(stamp, self.offset_s))
    }

    fn carried(&self) -> i64 {
        self.offset_s.map_or(0, |offset_s| i64::from(offset_s) + i64::from(i32::MAX))
    }

    fn written_at(&self, line: &[u8]) -> Option<i64> {
        let parts = Parts::of(line).ok()?;
        let start = Notation::ClfVariant.parse(parts.date)?.micros;
        let total_ms = parse_u64(unsigned(parts.timer(4)))?;
        start.checked_add(i64::try_from(total_ms).ok()?.checked_mul(1000)?)
    }

    fn in_zone(&self, offset_s: i32) -> Option<Arc<dyn Reader>> {
        Some(Arc::new(HaproxyAccess { offset_s: Some(offset_s), ..self.clone() }))
    }

    fn reads_behind_prefixes(&self) -> bool {
        true
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        Parts::of(record)?.record(self.offset_s).map(Record::Access)
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let Ok(parts) = Parts::of(record) else { return };
        let (address, port) = split_client(parts.client);
        let (backend, server) = parts.backend();
        let mut connections = parts.connections.split(|byte| *byte == b'/');
        let mut queues = parts.queues.split(|byte| *byte == b'/');
        let fields = [
            ("client_ip", Some(address)),
            ("client_port", Some(port)),
            ("request_date", Some(parts.date)),
            ("frontend_name", Some(parts.frontend)),
            ("backend_name", Some(backend)),
            ("server_name", Some(server)),
            ("TR", Some(parts.timer(0))),
            ("Tw", Some(parts.timer(1))),
            ("Tc", Some(parts.timer(2))),
            ("Tr", Some(parts.timer(3))),
            ("Ta", Some(parts.timer(4))),
            ("status_code", Some(parts.status)),
            ("bytes_read", Some(parts.bytes)),
            ("captured_request_cookie", Some(parts.cookies[0])),
            ("captured_response_cookie", Some(parts.cookies[1])),
            ("termination_state", Some(parts.state)),
            ("actconn", connections.next()),
            ("feconn", connections.next()),
            ("beconn", connections.next()),
            ("srv_conn", connections.next()),
            ("retries", connections.next()),
            ("srv_queue", queues.next()),
            ("backend_queue", queues.next()),
            ("captured_headers", parts.headers[0].filter(|_| parts.headers[1].is_none())),
            ("captured_request_headers", parts.headers[0].filter(|_| parts.headers[1].is_some())),
            ("captured_response_headers", parts.headers[1]),
            ("http_request", parts.request),
            ("httpslog", Some(parts.tail).filter(|tail| !tail.is_empty())),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                each(name, value);
            }
        }
    }
}

/// Recognises lines of `HAProxy` in HTTP mode.
#[derive(Debug, Clone, Copy)]
pub struct HaproxyAccessFormat;

impl HaproxyAccessFormat {
    /// Id of the format.
    pub(in crate::format) const NAME: &'static str = "haproxy_access";
}

impl Format for HaproxyAccessFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "HAProxy access log: option httplog, httpslog and httplog clf, or a log-format, given or known by its termination states"
    }

    fn given(&self, spec: &str) -> Option<Result<Arc<dyn Reader>, String>> {
        log_format::is_spec(spec).then(|| log_format::parse_spec(spec))
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        fn counted(reader: impl Reader + 'static, sample: &Sample<'_>) -> Option<Proposal> {
            let n_accepted = sample.lines.iter().filter(|line| reader.parse(line).is_ok()).count();
            Proposal::counted(reader, n_accepted)
        }
        let access = counted(HaproxyAccess::new(FormatBasis::Detected), sample);
        let clf = counted(HaproxyClf::new(FormatBasis::Detected), sample);
        let best = Proposal::best(access.into_iter().chain(clf));
        let n_accepted = best.as_ref().map_or(0, |best| best.n_accepted);
        // Strings of `log-format` are for lines that the options do not explain.
        let own = (n_accepted < sample.lines.len() / 2).then(|| custom::custom(sample)).flatten();
        own.filter(|own| own.n_accepted > n_accepted).or(best)
    }

    fn standing_reader(&self) -> Option<Arc<dyn Reader>> {
        Some(Arc::new(HaproxyAccess::new(FormatBasis::Detected)))
    }
}
