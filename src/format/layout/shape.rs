//! What the value of a variable can look like, and where it ends; the variables of nginx.
//!
//! In: a line and the offset where a value starts. Out: the offset where it ends, for shapes that decide it alone.
//! Invariants: a value never holds an unescaped `"` unless nothing is escaped.
//! Source: nginx `ngx_http_log_module.c` (fixed widths, escaping), `ngx_http_upstream.c` (lists).

use std::ops::RangeInclusive;

use crate::record::{Escape, Field, Skip, id_header};
use crate::time::Notation;

/// Bytes of `20/Nov/2026:21:29:42 +0000`.
pub(super) const CLF_BYTES: usize = 26;

/// What the bytes of a value are, given the literal that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A time. Its notation decides its length.
    Time(Notation),
    /// Exactly three digits.
    Status,
    /// Three digits, or `0` or `-` where no response was begun.
    StatusIfAny,
    /// Digits; `-` or nothing where a value is missing.
    Integer,
    /// Digits, a dot, three digits or more.
    Seconds,
    /// Digits, a dot, two digits; `-` or nothing where a value is missing.
    Ratio,
    /// Letters, digits and `.:_-/%`: an address, a method, an id.
    Word,
    /// Everything up to the next blank.
    Solid,
    /// Everything up to the next unescaped `"`.
    Quoted,
    /// Items with `, ` and ` : ` between them, up to the next blank.
    List,
    /// Ends at an occurrence of the literal that follows, the first one with which the rest of the line fits.
    Open {
        /// Whether blanks can occur in the value.
        blanks: bool,
        /// Whether the value is a list that ends no earlier than its last item.
        list: bool,
    },
}

/// What a variable prints, before its surroundings in the layout are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum Kind {
    /// A time.
    Time(Notation),
    /// Three digits.
    Status,
    /// Three digits, or `0` or `-` where no response was begun.
    StatusIfAny,
    /// Digits, or a mark of absence.
    Integer,
    /// Digits, a dot, three digits or more.
    Seconds,
    /// Digits, a dot, two digits.
    Ratio,
    /// An address, a method, an id.
    Word,
    /// No blanks.
    Token,
    /// One item per attempt.
    List,
    /// Written by clients: anything.
    Text,
}

/// nginx's variables that mean something to this product or have a narrow shape. All others are opaque text.
///
/// Source: nginx documentation, "Alphabetical index of variables"; ingress-nginx `nginx.tmpl` (`req_id`,
/// `the_real_ip`, `proxy_upstream_name`); omnibus-gitlab `nginx.conf` (`filtered_*`).
const VARIABLES: &[(&str, Field, Kind)] = &[
    ("args", Field::Args, Kind::Text),
    // No variables of nginx: columns of Apache in layouts that were worked out.
    ("apache_balancer", Field::Other, Kind::Token),
    ("apache_handler", Field::Handler, Kind::Token),
    ("apache_log_id", Field::LogId, Kind::Token),
    ("apache_proxy_status", Field::ProxyStatus, Kind::Token),
    ("apache_worker", Field::BalancerWorker, Kind::Token),
    ("body_bytes_sent", Field::BodyBytes, Kind::Integer),
    ("bytes_received", Field::Other, Kind::Integer),
    ("bytes_sent", Field::BytesSent, Kind::Integer),
    ("connection", Field::Connection, Kind::Integer),
    ("connection_requests", Field::ConnectionRequests, Kind::Integer),
    ("document_uri", Field::Uri, Kind::Text),
    ("filtered_http_referer", Field::Referer, Kind::Text),
    ("filtered_request_uri", Field::RequestUri, Kind::Text),
    ("gzip_ratio", Field::Other, Kind::Ratio),
    ("host", Field::Host, Kind::Token),
    ("hostname", Field::Other, Kind::Token),
    ("http_host", Field::Host, Kind::Text),
    ("http_referer", Field::Referer, Kind::Text),
    ("http_user_agent", Field::UserAgent, Kind::Text),
    ("http_x_forwarded_for", Field::ForwardedFor, Kind::Text),
    ("limit_conn_status", Field::LimitConnStatus, Kind::Word),
    ("limit_req_status", Field::LimitReqStatus, Kind::Word),
    ("msec", Field::Time, Kind::Time(Notation::EpochSeconds)),
    ("pipe", Field::Other, Kind::Word),
    ("protocol", Field::Protocol, Kind::Word),
    ("proxy_add_x_forwarded_for", Field::ForwardedFor, Kind::Text),
    ("proxy_alternative_upstream_name", Field::ProxyAlternativeUpstreamName, Kind::Word),
    ("proxy_upstream_name", Field::ProxyUpstreamName, Kind::Word),
    ("query_string", Field::Args, Kind::Text),
    ("remote_addr", Field::RemoteAddr, Kind::Word),
    ("remote_port", Field::Other, Kind::Word),
    ("remote_user", Field::RemoteUser, Kind::Text),
    // ingress-nginx takes it from the client's X-Request-ID, where there is one.
    ("req_id", Field::RequestId, Kind::Token),
    ("request", Field::Request, Kind::Text),
    ("request_id", Field::RequestId, Kind::Word),
    ("request_length", Field::RequestLength, Kind::Integer),
    ("request_method", Field::Method, Kind::Word),
    ("request_time", Field::RequestTime, Kind::Seconds),
    ("request_uri", Field::RequestUri, Kind::Text),
    ("scheme", Field::Other, Kind::Word),
    ("server_addr", Field::ServerIp, Kind::Word),
    ("server_name", Field::ServerName, Kind::Token),
    ("server_port", Field::ServerPort, Kind::Word),
    ("server_protocol", Field::Protocol, Kind::Word),
    ("session_time", Field::RequestTime, Kind::Seconds),
    ("ssl_cipher", Field::Other, Kind::Word),
    ("ssl_protocol", Field::Other, Kind::Word),
    ("status", Field::Status, Kind::Status),
    ("the_real_ip", Field::RemoteAddr, Kind::Word),
    ("time_iso8601", Field::Time, Kind::Time(Notation::Iso8601)),
    ("time_local", Field::Time, Kind::Time(Notation::Clf)),
    ("time_epoch_micros", Field::Time, Kind::Time(Notation::EpochMicros)),
    ("time_epoch_millis", Field::Time, Kind::Time(Notation::EpochMillis)),
    // No variable of nginx: what Apache and others write in its place, with a fraction or without a zone.
    ("time_local_variant", Field::Time, Kind::Time(Notation::ClfVariant)),
    ("upstream_addr", Field::UpstreamAddr, Kind::List),
    ("upstream_bytes_received", Field::UpstreamBytesReceived, Kind::List),
    ("upstream_bytes_sent", Field::UpstreamBytesSent, Kind::List),
    ("upstream_cache_status", Field::UpstreamCacheStatus, Kind::Word),
    ("upstream_connect_time", Field::UpstreamConnectTime, Kind::List),
    ("upstream_header_time", Field::UpstreamHeaderTime, Kind::List),
    ("upstream_response_length", Field::UpstreamResponseLength, Kind::List),
    ("upstream_response_time", Field::UpstreamResponseTime, Kind::List),
    ("upstream_status", Field::UpstreamStatus, Kind::List),
    ("uri", Field::Uri, Kind::Text),
];

/// The text between two variables, ready to be searched for.
#[derive(Debug, Clone)]
pub(super) struct Literal {
    bytes: Vec<u8>,
    /// Index of the byte that values are least likely to hold.
    rare: usize,
}

impl Literal {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let frequency = |byte: u8| match byte {
            b'"' | b'|' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'\t' => 0,
            b',' | b';' | b'=' => 1,
            b' ' => 3,
            _ => 2,
        };
        let rare = (0..bytes.len()).min_by_key(|index| frequency(bytes[*index])).unwrap_or(0);
        Literal { bytes: bytes.to_vec(), rare }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The offset of the first occurrence. An empty literal occurs at 0.
    pub(super) fn find(&self, text: &[u8]) -> Option<usize> {
        let Some(rare) = self.bytes.get(self.rare) else { return Some(0) };
        let mut from = self.rare;
        loop {
            let at = from + memchr::memchr(*rare, text.get(from..)?)?;
            if text[at - self.rare..].starts_with(&self.bytes) {
                return Some(at - self.rare);
            }
            from = at + 1;
        }
    }
}

/// Where a variable stands in a layout.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'l> {
    /// The literal before it.
    pub(super) before: &'l [u8],
    /// The literal after it.
    pub(super) after: &'l [u8],
    /// Whether anything follows it.
    pub(super) is_last: bool,
    /// How values are escaped.
    pub(super) escape: Escape,
}

/// The field and the kind of an nginx variable.
pub(in crate::format) fn nginx_variable(name: &str) -> (Field, Kind) {
    let row = VARIABLES.iter().find(|row| row.0 == name);
    let header = || name.strip_prefix("http_").and_then(|header| id_header(header.as_bytes()));
    let of_header = || (header().unwrap_or(Field::Other), Kind::Text);
    row.map_or_else(of_header, |row| (row.1, row.2))
}

/// The shape of a variable at its place.
pub(super) fn shape(field: Field, kind: Kind, place: Surroundings<'_>) -> Shape {
    let Surroundings { before, after, is_last, escape } = place;
    let ends_the_line = is_last && after.is_empty();
    let is_quoted = escape != Escape::None && before.ends_with(b"\"") && after.starts_with(b"\"");
    match kind {
        Kind::Time(notation) => Shape::Time(notation),
        Kind::Status => Shape::Status,
        Kind::StatusIfAny => Shape::StatusIfAny,
        Kind::Integer => Shape::Integer,
        Kind::Seconds => Shape::Seconds,
        Kind::Ratio => Shape::Ratio,
        _ if is_quoted => Shape::Quoted,
        Kind::Word if ends_the_line || after.first().is_some_and(|byte| !is_word(*byte)) => {
            Shape::Word
        }
        Kind::Word | Kind::Token
            if ends_the_line || after.first().is_some_and(|byte| is_blank(*byte)) =>
        {
            Shape::Solid
        }
        Kind::Word | Kind::Token => Shape::Open { blanks: false, list: false },
        Kind::List
            if !after.starts_with(b", ")
                && !after.starts_with(b" : ")
                && (ends_the_line || !after.is_empty()) =>
        {
            Shape::List
        }
        Kind::List | Kind::Text => Shape::Open {
            blanks: true,
            list: field == Field::ForwardedFor && !after.starts_with(b", "),
        },
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'_' | b'-' | b'/' | b'%')
}

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The offset of the next `"` that cannot be part of a value, or the length of the line.
#[inline]
pub(in crate::format) fn next_quote(escape: Escape, line: &[u8], from: usize) -> usize {
    let rest = line.get(from..).unwrap_or_default();
    let length = match escape {
        Escape::Default | Escape::Haproxy => memchr::memchr(b'"', rest),
        Escape::Json | Escape::Apache => {
            let mut at = 0;
            loop {
                let Some(step) = memchr::memchr2(b'"', b'\\', &rest[at.min(rest.len())..]) else {
                    break None;
                };
                at += step;
                if rest[at] == b'"' {
                    break Some(at);
                }
                at += 2;
            }
        }
        Escape::Percent | Escape::None => None,
    };
    length.map_or(line.len(), |length| from + length)
}

/// The end of a list: an item, and while a separator follows, one more. An item may be empty.
pub(super) fn list_end(line: &[u8], from: usize, after: &[u8], limit: usize) -> usize {
    let mut at = from;
    while at < limit {
        let rest = &line[at..];
        if rest.starts_with(b", ") {
            at += 2;
        } else if rest.starts_with(b" : ") {
            at += 3;
        } else if is_blank(rest[0]) || (!after.is_empty() && rest.starts_with(after)) {
            break;
        } else {
            at += 1;
        }
    }
    at.min(limit)
}

impl Shape {
    /// Where a value that starts at `from` ends. Not for open shapes, which end where the rest of the line fits.
    #[inline]
    pub(super) fn end(
        self,
        escape: Escape,
        line: &[u8],
        from: usize,
        after: &[u8],
    ) -> Result<usize, Skip> {
        let rest = line.get(from..).unwrap_or_default();
        let length = match self {
            Shape::Time(notation) => time_length(notation, rest, after)?,
            Shape::Status => match rest {
                [a, b, c, ..] if [a, b, c].iter().all(|byte| byte.is_ascii_digit()) => 3,
                _ if rest.len() < 3 && rest.iter().all(u8::is_ascii_digit) => {
                    return Err(Skip::Truncated);
                }
                _ => return Err(Skip::BadStatus),
            },
            Shape::StatusIfAny => match rest {
                [b'0' | b'-', next, ..] if !next.is_ascii_digit() => 1,
                _ => return Shape::Status.end(escape, line, from, after),
            },
            Shape::Integer | Shape::Ratio if rest.first() == Some(&b'-') => 1,
            Shape::Integer => n_digits(rest),
            Shape::Ratio if n_digits(rest) == 0 => 0,
            Shape::Ratio => decimal_length(rest, 2..=2)?,
            Shape::Seconds => decimal_length(rest, 3..=9)?,
            Shape::Word => rest.iter().take_while(|byte| is_word(**byte)).count(),
            Shape::Solid => {
                let quote = if escape == Escape::Default { b'"' } else { b' ' };
                memchr::memchr3(b' ', b'\t', quote, rest).unwrap_or(rest.len())
            }
            Shape::Quoted => {
                let end = next_quote(escape, line, from);
                return if end == line.len() { Err(Skip::Truncated) } else { Ok(end) };
            }
            Shape::List => {
                return Ok(list_end(line, from, after, next_quote(escape, line, from)));
            }
            Shape::Open { .. } => return Err(Skip::Shape),
        };
        Ok(from + length)
    }
}

fn n_digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn decimal_length(text: &[u8], n_decimals: RangeInclusive<usize>) -> Result<usize, Skip> {
    let whole = n_digits(text);
    if whole > 0 && text.get(whole) == Some(&b'.') {
        let n = n_digits(&text[whole + 1..]);
        if n_decimals.contains(&n) {
            return Ok(whole + 1 + n);
        }
    }
    let is_cut = text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    Err(if is_cut { Skip::Truncated } else { Skip::Shape })
}

/// The length of a time, by its fixed shape, and by the literal text behind it where a comma may belong to either. Whether
/// it is a date is for its notation to say.
fn time_length(notation: Notation, text: &[u8], after: &[u8]) -> Result<usize, Skip> {
    let (least, length) = match notation {
        Notation::Clf => (CLF_BYTES, CLF_BYTES),
        Notation::Iso8601 => (19, end_of_time(text, 19 + comma_fraction_length(text, 19, after))),
        Notation::EpochSeconds => (10, 10 + fraction_length(text.get(10..).unwrap_or_default())),
        Notation::EpochMillis => (13, 13),
        Notation::NginxError | Notation::W3c | Notation::EpochNanos => (19, 19),
        // No `log_format` writes it.
        Notation::IisNative | Notation::Syslog | Notation::WindowsLocal => {
            return Err(Skip::BadTime);
        }
        Notation::EpochMicros => (16, 16),
        Notation::ClfVariant => {
            let day = n_digits(text).min(2);
            (day + 18, end_of_time(text, day + 18))
        }
        Notation::Ctime => {
            let year = 19 + fraction_length(text.get(19..).unwrap_or_default());
            (year + 5, end_of_time(text, year + 5))
        }
    };
    if text.len() < least {
        return Err(if text.first().is_some_and(|byte| !byte.is_ascii_digit()) {
            Skip::BadTime
        } else {
            Skip::Truncated
        });
    }
    Ok(length)
}

/// Where a time ends whose clock ends at `at`: behind its fraction and its zone, if it has them.
fn end_of_time(text: &[u8], at: usize) -> usize {
    let zone = at + fraction_length(text.get(at..).unwrap_or_default());
    match text.get(zone..).unwrap_or_default() {
        // A blank before the zone: only where nothing else can be meant.
        [b' ', b'+' | b'-', a, b, c, d, rest @ ..]
            if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit())
                && !rest.first().is_some_and(u8::is_ascii_alphanumeric) =>
        {
            zone + 6
        }
        rest => zone + zone_length(rest),
    }
}

fn fraction_length(text: &[u8]) -> usize {
    match text {
        [b'.', rest @ ..] if n_digits(rest) > 0 => 1 + n_digits(rest),
        _ => 0,
    }
}

/// The length of a fraction behind a comma (ISO 8601, and what loggers write). Where columns are parted by commas, there is
/// none.
fn comma_fraction_length(text: &[u8], at: usize, after: &[u8]) -> usize {
    match text.get(at..).unwrap_or_default() {
        [b',', rest @ ..] if !after.starts_with(b",") => match n_digits(rest) {
            0 => 0,
            n => 1 + n,
        },
        _ => 0,
    }
}

fn zone_length(text: &[u8]) -> usize {
    let is_zone = |length: usize| {
        text.get(..length).is_some_and(|zone| crate::time::parse_offset(zone).is_some())
    };
    [6, 5, 3, 1].into_iter().find(|length| is_zone(*length)).unwrap_or(0)
}
