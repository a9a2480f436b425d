//! `option httplog clf`: lines that begin as the common log format does, with all the rest behind it.
//!
//! In: lines without terminator. Out: records.
//! Invariants: any item may be quoted: which are, changed between releases.
//! Source: `HAProxy` `src/log.c`, `clf_http_log_format`.

use super::{about, is_state, status_of, unsigned};
use crate::bytes::parse_u64;
use crate::format::{About, FormatBasis, Glance, Reader};
use crate::record::{AccessRecord, Escape, Field, Record, Skip};
use crate::time::{Notation, Stamp};

/// Bytes of `20/Nov/2026:21:29:42 +0000`.
const DATE_BYTES: usize = 26;

/// Names of the items behind the two empty strings that stand for referrer and agent.
const ITEMS: [&str; 22] = [
    "client_port",
    "date_ms",
    "frontend_name",
    "backend_name",
    "server_name",
    "TR",
    "Tw",
    "Tc",
    "Tr",
    "Ta",
    "termination_state",
    "actconn",
    "feconn",
    "beconn",
    "srv_conn",
    "retries",
    "srv_queue",
    "backend_queue",
    "captured_request_cookie",
    "captured_response_cookie",
    "captured_request_headers",
    "captured_response_headers",
];

/// Items that a whole line has: those behind the queues may be cut off.
const LEAST_ITEMS: usize = 18;

/// Reads lines of `option httplog clf`.
#[derive(Debug, Clone)]
pub struct HaproxyClf {
    about: About,
}

/// The parts of a line.
#[derive(Debug, Clone, Copy)]
struct Parts<'a> {
    client: &'a [u8],
    date: &'a [u8],
    request: &'a [u8],
    status: &'a [u8],
    bytes: &'a [u8],
    items: [&'a [u8]; ITEMS.len()],
}

impl HaproxyClf {
    /// The reader.
    pub fn new(basis: FormatBasis) -> Self {
        HaproxyClf { about: about("httplog clf", Notation::Clf, basis) }
    }
}

/// Splits an item off, without its quotes; blanks behind it are skipped.
fn item(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (value, rest) = match text.strip_prefix(b"\"") {
        Some(quoted) => {
            let end = memchr::memchr(b'"', quoted)?;
            (&quoted[..end], &quoted[end + 1..])
        }
        None if text.is_empty() => return None,
        None => {
            let end = memchr::memchr(b' ', text).unwrap_or(text.len());
            (&text[..end], &text[end..])
        }
    };
    Some((value, rest.strip_prefix(b" ").unwrap_or(rest)))
}

/// Client, date, and what follows the date. The line may stand behind a prefix.
fn head(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let at = memchr::memmem::find(line, b" - - [")?;
    let client = line[..at].rsplit(|byte| *byte == b' ').next()?;
    let date = line.get(at + 6..at + 6 + DATE_BYTES)?;
    let rest = line[at + 6 + DATE_BYTES..].strip_prefix(b"] ")?;
    (!client.is_empty()).then_some((client, date, rest))
}

impl<'a> Parts<'a> {
    fn of(line: &'a [u8]) -> Result<Self, Skip> {
        let (client, date, rest) = head(line).ok_or(Skip::Shape)?;
        let next = |text: &'a [u8]| item(text).ok_or(Skip::Truncated);
        let (request, rest) = next(rest)?;
        let (status, rest) = next(rest)?;
        let (bytes, rest) = next(rest)?;
        let (referrer, rest) = next(rest)?;
        let (agent, mut rest) = next(rest)?;
        if !referrer.is_empty() || !agent.is_empty() {
            return Err(Skip::Shape);
        }
        let mut parts = Parts { client, date, request, status, bytes, items: [b""; ITEMS.len()] };
        for (index, slot) in parts.items.iter_mut().enumerate() {
            let Some((value, behind)) = item(rest) else {
                if index < LEAST_ITEMS {
                    return Err(Skip::Truncated);
                }
                break;
            };
            (*slot, rest) = (value, behind);
        }
        let is_state = parts.items[10].len() == 4 && parts.items[10].iter().copied().all(is_state);
        if is_state { Ok(parts) } else { Err(Skip::Shape) }
    }
}

impl Reader for HaproxyClf {
    fn about(&self) -> &About {
        &self.about
    }

    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let (_, stamp, rest) = head(line).ok_or(Skip::Shape)?;
        let (_, rest) = item(rest).ok_or(Skip::Truncated)?;
        let (status, rest) = item(rest).ok_or(Skip::Truncated)?;
        let (_, rest) = item(rest).ok_or(Skip::Truncated)?;
        if !rest.starts_with(b"\"\" \"\" ") {
            return Err(Skip::Shape);
        }
        Ok(Glance { stamp, status: status_of(status).ok_or(Skip::BadStatus)? })
    }

    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        Notation::Clf.parse(text)
    }

    fn reads_behind_prefixes(&self) -> bool {
        true
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let parts = Parts::of(record)?;
        let stamp = Notation::Clf.parse(parts.date).ok_or(Skip::BadTime)?;
        let ms = parse_u64(parts.items[1]).filter(|ms| *ms < 1000).unwrap_or(0);
        let stamp = Stamp { micros: stamp.micros + ms as i64 * 1000, ..stamp };
        let status = status_of(parts.status).ok_or(Skip::BadStatus)?;
        let mut access = AccessRecord::new(stamp, status, Escape::Haproxy);
        let [_, _, frontend, backend, server, receive, queue, connect, response, total, state, ..] =
            parts.items;
        for (field, value) in [
            (Field::RemoteAddr, parts.client),
            (Field::ClientPort, parts.items[0]),
            (Field::Request, parts.request),
            (Field::Status, parts.status),
            (Field::BytesSent, unsigned(parts.bytes)),
            (Field::ReceiveTimeMillis, receive),
            (Field::QueueTimeMillis, queue),
            (Field::ConnectTimeMillis, connect),
            (Field::ResponseTimeMillis, response),
            (Field::RequestTimeMillis, unsigned(total)),
            (Field::TerminationState, state),
            (Field::Retries, parts.items[15]),
        ] {
            access.set(field, value);
        }
        access.set(Field::Frontend, frontend.strip_suffix(b"~").unwrap_or(frontend));
        access.set(Field::Backend, backend);
        access.set(Field::BackendServer, server);
        access.set(Field::UpstreamAddr, backend);
        Ok(Record::Access(access))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let Ok(parts) = Parts::of(record) else { return };
        each("client_ip", parts.client);
        each("request_date", parts.date);
        each("http_request", parts.request);
        each("status_code", parts.status);
        each("bytes_read", parts.bytes);
        for (name, value) in ITEMS.iter().zip(parts.items) {
            each(name, value);
        }
    }
}
