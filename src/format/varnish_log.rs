//! Varnish's shared memory log as text: `varnishlog`, grouped by request, session or transaction, or raw.
//!
//! In: a transaction with the transactions below it, or the raw lines of one (`-g raw`), or a raw line that was cut out of
//! it. Out: for a request of a client an access record; for a request to a backend that stands alone, and for a raw line
//! alone, a message.
//! Invariants: a transaction starts with the line that names it; what follows up to the next such line belongs to it. Of
//! several attempts to fetch, the last one counts. A request that VCL restarts goes on as another transaction, which has
//! its response (`cache_req_fsm.c`, `cnt_restart`): no client saw one of its own.
//! Source: Varnish 7.6 `vsl.7`; `lib/libvarnishapi/vsl.c` (`VSL_Print`, `VSL_PrintTransactions`); `include/tbl/vsl_tags.h`;
//! observed on 7.1.1.

use super::{About, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::{first_line, parse_status};
use crate::record::{AccessRecord, ErrorRecord, Escape, Field, Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::{Notation, Stamp};

/// What a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A request of a client.
    Request,
    /// A request to a backend.
    Backend,
    /// A session, or a record of its own.
    Other,
}

/// The line that names a transaction: `*   << Request  >> 2`.
#[derive(Debug, Clone, Copy)]
struct Title<'a> {
    is_top: bool,
    kind: Kind,
    id: &'a [u8],
}

impl<'a> Title<'a> {
    fn of(line: &'a [u8]) -> Option<Self> {
        let stars = line.strip_prefix(b"*")?;
        let at = memchr::memmem::find(&stars[..stars.len().min(24)], b"<< ")?;
        // `*`, `**`, `***`, then `*4*`.
        let is_level = |byte: &u8| matches!(byte, b'*' | b' ' | b'0'..=b'9');
        if !stars[..at].iter().all(is_level) {
            return None;
        }
        let inside = &stars[at + 3..];
        let end = memchr::memmem::find(inside, b">>")?;
        let kind = match inside[..end].trim_ascii() {
            b"Request" => Kind::Request,
            b"BeReq" => Kind::Backend,
            b"Session" | b"Record" | b"Unknown" => Kind::Other,
            _ => return None,
        };
        let id = inside[end + 2..].trim_ascii();
        let is_number = !id.is_empty() && id.iter().all(u8::is_ascii_digit);
        is_number.then_some(Title { is_top: stars.first() == Some(&b' '), kind, id })
    }

    /// True for the first line of a record: a request of a client wherever it stands, and anything at the top.
    fn starts_record(&self) -> bool {
        self.kind == Kind::Request || self.is_top
    }
}

/// Tag and text of a line below a title: `-   ReqURL         /ok/1`, with `-v` `-   2 ReqURL         c /ok/1`.
fn tagged(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_prefix(b"-")?;
    let level = rest.iter().take_while(|byte| matches!(byte, b'-' | b'0'..=b'9')).count();
    let rest = rest[level..].trim_ascii_start();
    match split_tag(rest)? {
        (id, behind) if id.iter().all(u8::is_ascii_digit) => {
            let (tag, text) = split_tag(behind)?;
            Some((tag, text.get(2..).unwrap_or_default()))
        }
        (tag, text) => is_tag(tag).then_some((tag, text)),
    }
}

/// Tag and text of a raw line: `     32770 ReqURL         c /ok/1`.
fn raw(line: &[u8]) -> Option<(&[u8], &[u8])> {
    raw_of(line).map(|(_, tag, text)| (tag, text))
}

/// The same with the id of the transaction, which is `0` for what belongs to none.
fn raw_of(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (id, rest) = split_tag(line.trim_ascii_start())?;
    let (tag, text) = split_tag(rest)?;
    let is_id = id.iter().all(u8::is_ascii_digit) && id.len() <= 20;
    match text {
        [b'c' | b'b' | b'-', b' ', text @ ..] if is_id && is_tag(tag) => Some((id, tag, text)),
        [b'c' | b'b' | b'-'] if is_id && is_tag(tag) => Some((id, tag, b"")),
        _ => None,
    }
}

/// True for a raw line.
pub(super) fn is_raw(line: &[u8]) -> bool {
    raw_of(line).is_some()
}

/// The kind of the transaction that a raw line begins, and its id: `  2 Begin          c req 1 rxreq`.
fn begun(line: &[u8]) -> Option<(Kind, &[u8])> {
    let (id, tag, text) = raw_of(line)?;
    let kind = match split_tag(text)?.0 {
        b"req" => Kind::Request,
        b"bereq" => Kind::Backend,
        _ => Kind::Other,
    };
    (tag == b"Begin").then_some((kind, id))
}

/// The word at the start, and what follows its blanks.
fn split_tag(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', text).unwrap_or(text.len());
    let rest = &text[end..];
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    (end > 0).then(|| (&text[..end], &rest[blanks..]))
}

/// Tags are written in mixed case, but for a few: `ReqURL`, `VCL_call`, `Backend_health`, `SLT__Bogus`, `TTL`.
fn is_tag(word: &[u8]) -> bool {
    if [&b"TTL"[..], b"CLI", b"VSL"].contains(&word) {
        return true;
    }
    (2..=20).contains(&word.len())
        && word[0].is_ascii_uppercase()
        && word.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && word.iter().any(u8::is_ascii_lowercase)
}

/// The header value of `Host: a.example`, if it is of this header.
fn header<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (found, value) = text.split_at_checked(name.len())?;
    let value = value.strip_prefix(b":")?.trim_ascii();
    found.eq_ignore_ascii_case(name).then_some(value)
}

/// What a transaction says, with the last request to a backend below it.
#[derive(Debug, Clone, Copy, Default)]
struct Transaction<'a> {
    started: &'a [u8],
    total: &'a [u8],
    client: &'a [u8],
    method: &'a [u8],
    url: &'a [u8],
    protocol: &'a [u8],
    host: &'a [u8],
    agent: &'a [u8],
    referrer: &'a [u8],
    forwarded: &'a [u8],
    request_id: &'a [u8],
    status: &'a [u8],
    reason: &'a [u8],
    body_bytes: &'a [u8],
    handling: &'a [u8],
    backend: &'a [u8],
    backend_status: &'a [u8],
    fetch_error: &'a [u8],
    /// The fetch ended in `vcl_backend_error`.
    failed: bool,
    /// Another transaction goes on with the request.
    restarted: bool,
    /// VCL restarted more often than `max_restarts` allows: Varnish answers itself.
    too_many_restarts: bool,
}

impl<'a> Transaction<'a> {
    /// Reads a record that starts with a title; of the transactions below it, those of backends. Parts of a page (ESI) are
    /// requests of their own, and what the page asked its backend for may stand below one of them: it is none of its own.
    fn of(record: &'a [u8], kind: Kind) -> Self {
        let mut transaction = Transaction::default();
        let own_id = Title::of(first_line(record)).map_or(&b""[..], |title| title.id);
        let (mut below, mut is_of_other) = (kind == Kind::Backend, false);
        let (mut before, mut fetch_id, mut last_id) = (transaction, &b""[..], &b""[..]);
        for (index, line) in record.split(|byte| *byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if index > 0
                && let Some(title) = Title::of(line)
            {
                below = title.kind == Kind::Backend;
                is_of_other = false;
                if below {
                    (before, fetch_id) = (transaction, title.id);
                    transaction.begin_fetch();
                }
            } else if let Some((tag, text)) = tagged(line)
                && !is_of_other
            {
                if !below {
                    transaction.of_client(tag, text);
                    continue;
                }
                // `bereq 98518 fetch`: the request that asks. `bereq 98519 retry`: the attempt before.
                if kind == Kind::Request && tag == b"Begin" {
                    let mut words = text.split(|byte| *byte == b' ').skip(1);
                    let (asking, is_retry) = (words.next(), words.next() == Some(b"retry"));
                    is_of_other = asking != Some(if is_retry { last_id } else { own_id });
                    if is_of_other {
                        transaction = before;
                    } else {
                        last_id = fetch_id;
                    }
                }
                transaction.of_backend(tag, text, kind == Kind::Backend);
            }
        }
        transaction
    }

    /// Reads the raw lines of one transaction. Those of others stand between them where it filled its buffer.
    fn of_raw(record: &'a [u8], kind: Kind, id: &[u8]) -> Self {
        let mut transaction = Transaction::default();
        for line in record.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Some((_, tag, text)) = raw_of(line).filter(|row| row.0 == id) else { continue };
            if kind == Kind::Backend {
                transaction.of_backend(tag, text, true);
            } else {
                transaction.of_client(tag, text);
            }
        }
        transaction
    }

    fn begin_fetch(&mut self) {
        (self.backend, self.backend_status, self.fetch_error) = (b"", b"", b"");
        self.failed = false;
    }

    fn of_client(&mut self, tag: &[u8], text: &'a [u8]) {
        match tag {
            b"Timestamp" => {
                self.restarted |= text.starts_with(b"Restart:");
                self.time(text);
            }
            // `req 32772 restart`, where other tags were left out.
            b"Link" => self.restarted |= text.ends_with(b" restart"),
            b"VCL_Error" => self.too_many_restarts |= text == b"Too many restarts",
            b"ReqStart" => self.client = split_tag(text).map_or(text, |(client, _)| client),
            // VCL may set them anew; what the client sent comes first.
            b"ReqMethod" => set(&mut self.method, text),
            b"ReqURL" => set(&mut self.url, text),
            b"ReqProtocol" => set(&mut self.protocol, text),
            b"ReqHeader" => self.header(text),
            b"RespStatus" => self.status = text,
            b"RespReason" => self.reason = text,
            b"VCL_call" if [&b"HIT"[..], b"MISS", b"PASS", b"PIPE", b"SYNTH"].contains(&text) => {
                self.handling = text;
            }
            // Header and body received, their sum, header and body sent, their sum.
            b"ReqAcct" => {
                self.body_bytes = text.split(|byte| *byte == b' ').nth(4).unwrap_or_default();
            }
            _ => {}
        }
    }

    fn of_backend(&mut self, tag: &[u8], text: &'a [u8], is_alone: bool) {
        match tag {
            b"BackendOpen" => {
                self.backend = text.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
            }
            // Behind an error stands the status of the page that Varnish makes.
            b"BerespStatus" if !self.failed => self.backend_status = text,
            // What fails behind the body of the request fails because of it.
            b"FetchError" if self.fetch_error.starts_with(b"req.body read error") => {}
            b"FetchError" => {
                self.fetch_error = text;
                if let Some(named) = text.strip_prefix(b"backend ") {
                    self.backend = named.split(|byte| *byte == b':').next().unwrap_or_default();
                }
            }
            b"VCL_call" if text == b"BACKEND_ERROR" => self.failed = true,
            // The same step by other tags, for logs that were cut down to some: `vbf_stp_error` in `cache_fetch.c` notes
            // its time, and names what it makes so. A backend that is a Varnish sends the same words, without an error.
            b"BerespReason" if text == b"Backend fetch failed" && !self.fetch_error.is_empty() => {
                self.failed = true;
            }
            b"Timestamp" if text.starts_with(b"Error:") => {
                self.failed = true;
                if is_alone {
                    self.time(text);
                }
            }
            _ if !is_alone => {}
            b"Timestamp" => self.time(text),
            b"BereqMethod" => set(&mut self.method, text),
            b"BereqURL" => set(&mut self.url, text),
            b"BereqProtocol" => set(&mut self.protocol, text),
            b"BereqHeader" => self.header(text),
            _ => {}
        }
    }

    fn header(&mut self, text: &'a [u8]) {
        for (name, slot) in [
            (&b"host"[..], &mut self.host),
            (b"user-agent", &mut self.agent),
            (b"referer", &mut self.referrer),
            (b"x-request-id", &mut self.request_id),
        ] {
            if let Some(value) = header(text, name) {
                set(slot, value);
            }
        }
        // Varnish adds the client at the end.
        if let Some(value) = header(text, b"x-forwarded-for") {
            self.forwarded = value;
        }
    }

    /// `Start: 1795208767.681059 0.000000 0.000000`: an instant, and the seconds since the start and the last one.
    fn time(&mut self, text: &'a [u8]) {
        let mut words = text.split(|byte| *byte == b' ').skip(1);
        let (Some(instant), Some(since)) = (words.next(), words.next()) else { return };
        set(&mut self.started, instant);
        self.total = since;
    }

    fn stamp(&self) -> Option<Stamp> {
        Notation::EpochSeconds.parse(self.started)
    }

    /// Why the last fetch failed, if it failed for good.
    fn failure(&self) -> &'a [u8] {
        if self.failed { self.fetch_error } else { b"" }
    }

    fn access(&self) -> Result<AccessRecord<'a>, Skip> {
        let status = parse_status(self.status).ok_or(Skip::Truncated)?;
        let stamp = self.stamp().ok_or(Skip::BadTime)?;
        let mut record = AccessRecord::new(stamp, status, Escape::None);
        let backend_status: &[u8] = if self.failed { b"" } else { self.backend_status };
        let made_by_vcl = self.failed && self.fetch_error.is_empty();
        // The response itself has the usual reason for its status.
        let is_fault = self.too_many_restarts && self.handling == b"SYNTH";
        let reason = if is_fault { b"Too many restarts" } else { self.reason };
        for (field, value) in [
            (Field::RemoteAddr, self.client),
            (Field::Method, self.method),
            (Field::RequestUri, self.url),
            (Field::Protocol, self.protocol),
            (Field::Host, self.host),
            (Field::Status, self.status),
            (Field::BodyBytes, self.body_bytes),
            (Field::Referer, self.referrer),
            (Field::UserAgent, self.agent),
            (Field::ForwardedFor, self.forwarded),
            (Field::RequestId, self.request_id),
            (Field::RequestTime, self.total),
            (Field::ResponseReason, reason),
            (Field::CacheHandling, if made_by_vcl { b"BACKEND_ERROR" } else { self.handling }),
            (Field::UpstreamAddr, self.backend),
            (Field::BackendStatus, backend_status),
            (Field::FetchError, self.failure()),
        ] {
            if !value.is_empty() {
                record.set(field, value);
            }
        }
        Ok(record)
    }
}

/// Sets what is not set yet.
fn set<'a>(slot: &mut &'a [u8], value: &'a [u8]) {
    if slot.is_empty() {
        *slot = value;
    }
}

/// Reads `varnishlog`.
#[derive(Debug, Clone)]
pub struct VarnishLog {
    about: About,
    /// Raw lines begin transactions: the worker hands over all lines of one together (`cache_shmlog.c`, `VSL_Flush`).
    by_begin: bool,
}

impl VarnishLog {
    /// The reader. `by_begin`: raw lines tell where transactions begin, and belong to them.
    pub fn new(by_begin: bool) -> Self {
        VarnishLog {
            by_begin,
            about: About {
                format: VarnishLogFormat::NAME,
                layout: "varnishlog".to_owned(),
                server: Server::Varnish,
                role: LogRole::Mixed,
                notation: Notation::EpochSeconds,
                instant: Instant::Start,
                basis: FormatBasis::Detected,
                ambiguous_with: None,
            },
        }
    }

    /// A request to a backend, as a message about the request of the client behind it.
    fn read_fetch(record: &[u8], each: &mut dyn FnMut(Result<Record<'_>, Skip>)) {
        let fetch = match begun(first_line(record)) {
            Some((kind, id)) => Transaction::of_raw(record, kind, id),
            None => Transaction::of(record, Kind::Backend),
        };
        let parts = [fetch.method, b" ", fetch.url, b" ", fetch.protocol];
        let request = parts.concat();
        let message = match fetch.failure() {
            [] => [b"BerespStatus ", fetch.backend_status].concat(),
            failure => [b"FetchError ", failure].concat(),
        };
        let client = fetch.forwarded.rsplit(|byte| *byte == b',').next().unwrap_or_default();
        let some = |text: &[u8]| !text.is_empty();
        each(Ok(Record::Error(ErrorRecord {
            stamp: fetch.stamp(),
            message: &message,
            client: Some(client.trim_ascii()).filter(|text| some(text)),
            request: Some(&request[..]).filter(|_| some(fetch.url)),
            upstream: Some(fetch.backend).filter(|text| some(text)),
            host: Some(fetch.host).filter(|text| some(text)),
            ..ErrorRecord::default()
        })));
    }
}

impl Default for VarnishLog {
    fn default() -> Self {
        VarnishLog::new(false)
    }
}

impl Reader for VarnishLog {
    fn about(&self) -> &About {
        &self.about
    }

    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let is_start = match Title::of(line) {
            Some(title) => title.starts_record(),
            None if self.by_begin => {
                raw_of(line).is_some_and(|row| row.0 == b"0" || row.1 == b"Begin")
            }
            None => is_raw(line),
        };
        // The time stands in a later line.
        if is_start { Ok(Glance { stamp: &line[..0], status: 0 }) } else { Err(Skip::Shape) }
    }

    fn continues(&self, line: &[u8]) -> bool {
        tagged(line).is_some() || Title::of(line).is_some() || (self.by_begin && is_raw(line))
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let first = first_line(record);
        let message = |message: &'a [u8]| {
            Ok(Record::Error(ErrorRecord { message, ..ErrorRecord::default() }))
        };
        let of_client = |transaction: Transaction<'a>| {
            if transaction.restarted {
                message(first)
            } else {
                transaction.access().map(Record::Access)
            }
        };
        match Title::of(first) {
            Some(title) if !title.starts_record() => Err(Skip::Shape),
            Some(Title { kind: Kind::Request, .. }) => {
                of_client(Transaction::of(record, Kind::Request))
            }
            Some(Title { kind: Kind::Backend, .. }) => Err(Skip::Encoded),
            Some(_) => message(first),
            None if self.by_begin && begun(first).is_some() => match begun(first) {
                Some((kind @ Kind::Request, id)) => {
                    of_client(Transaction::of_raw(record, kind, id))
                }
                Some((Kind::Backend, _)) => Err(Skip::Encoded),
                _ => message(first),
            },
            None => match raw(first).ok_or(Skip::Shape)? {
                (b"Backend_health", text) => message(text),
                // The tag is part of what others say.
                (tag, _) => {
                    let at = memchr::memmem::find(first, tag).unwrap_or(0);
                    message(&first[at..])
                }
            },
        }
    }

    fn read(&self, record: &[u8], each: &mut dyn FnMut(Result<Record<'_>, Skip>)) {
        match self.parse(record) {
            Err(Skip::Encoded) => VarnishLog::read_fetch(record, each),
            result => each(result),
        }
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let first = first_line(record);
        if let Some(title) = Title::of(first) {
            each("vxid", title.id);
        } else if let Some((tag, text)) = raw(first) {
            each("tag", tag);
            each("message", text);
        }
        for line in record.split(|byte| *byte == b'\n').skip(1) {
            let Some((tag, text)) = tagged(line).or_else(|| raw(line)) else { continue };
            if let Ok(tag) = std::str::from_utf8(tag) {
                each(tag, text);
            }
        }
    }
}

/// Recognises `varnishlog`.
#[derive(Debug, Clone, Copy)]
pub struct VarnishLogFormat;

impl VarnishLogFormat {
    const NAME: &'static str = "varnish_log";
}

impl Format for VarnishLogFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "Varnish log (varnishlog): transactions grouped by request, session or vxid, or raw records"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        let begins = |line: &&[u8]| begun(line).is_some_and(|(kind, _)| kind == Kind::Request);
        let reader = VarnishLog::new(sample.lines.iter().any(begins));
        let n_starts = sample.lines.iter().filter(|line| reader.glance(line).is_ok()).count();
        let is_below = |line: &[u8]| {
            tagged(line).is_some()
                || (reader.by_begin && is_raw(line) && reader.glance(line).is_err())
        };
        let n_below = sample.lines.iter().filter(|line| is_below(line)).count();
        // What is below a transaction is part of it.
        Proposal::counted(reader, n_starts + n_below).filter(|_| n_starts > 0)
    }
}

#[cfg(test)]
mod tests;
