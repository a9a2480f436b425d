//! Varnish access logs, as `varnishncsa` writes them.
//!
//! In: lines without terminator. Out: records.
//! The default is the combined layout with a difference: the request target is a whole URL. What formats add at the end
//! is cut at blanks, and the columns that say what was done with a request are known by their values.
//! `varnishncsa -b` writes the same layout for requests to backends; the client is then the backend, or `-` where there
//! was no connection.
//! Source: Varnish 7.6 `bin/varnishncsa/varnishncsa.c` (`format_requestline`, `VSB_QUOTE_ESCHEX`), `varnishncsa.1`.

use std::net::SocketAddr;
use std::sync::Arc;

use super::apache_access::log_format::{Compiled, compile};
use super::infer::telltale::{Columns, Telltale, propose};
use super::json_declared::{Declared, Use, has_no_header, key, time_at, value};
use super::layout::next_quote;
use super::layout_reader::{AS_CUT, LayoutReader};
use super::{About, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::parse_status;
use crate::record::{AccessRecord, Escape, Field, Record, Skip, split_request, split_url};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// Formats that print JSON: the keys are the operator's.
pub const JSON: Declared = Declared {
    name: "varnish_json",
    summary: "Varnish access log (a format of varnishncsa that prints JSON); recognised by \"handling\"",
    server: Server::Varnish,
    instant: Instant::Start,
    required: &[
        value(
            &["handling", "varnish_handling", "cache_handling", "hitmiss", "varnish_hitmiss"],
            &["hit", "miss", "pass", "pipe", "error", "synth", "streaming-hit", "-"],
        ),
        key(STATUS),
    ],
    besides: &[],
    time: &[
        time_at("time", TIMES),
        time_at("timestamp", TIMES),
        time_at("@timestamp", TIMES),
        time_at("date", TIMES),
    ],
    status: STATUS,
    fields: &[
        ("client_ip", Use::FirstClient),
        ("remote_ip", Use::FirstClient),
        ("remote_addr", Use::FirstClient),
        ("client", Use::FirstClient),
        ("remote", Use::FirstClient),
        ("ip", Use::FirstClient),
        ("src", Use::FirstClient),
        ("x_forwarded_for", Use::As(Field::ForwardedFor)),
        ("xff", Use::As(Field::ForwardedFor)),
        ("request", Use::As(Field::Request)),
        ("request_line", Use::As(Field::Request)),
        ("req", Use::As(Field::Request)),
        ("method", Use::As(Field::Method)),
        ("request_method", Use::As(Field::Method)),
        ("req_method", Use::As(Field::Method)),
        ("verb", Use::As(Field::Method)),
        ("url", Use::Url),
        ("uri", Use::Url),
        ("request_url", Use::Url),
        ("request_uri", Use::Url),
        ("path", Use::Url),
        ("query", Use::As(Field::Args)),
        ("host", Use::As(Field::Host)),
        ("vhost", Use::As(Field::Host)),
        ("domain", Use::As(Field::Host)),
        ("body_bytes", Use::As(Field::BodyBytes)),
        ("bytes", Use::BodySize),
        ("bytes_sent", Use::BodySize),
        ("size", Use::BodySize),
        ("len", Use::BodySize),
        ("duration_us", Use::As(Field::RequestTimeMicros)),
        ("time_us", Use::As(Field::RequestTimeMicros)),
        ("user_agent", Use::As(Field::UserAgent)),
        ("referer", Use::As(Field::Referer)),
        ("request_id", Use::As(Field::RequestId)),
        ("handling", Use::As(Field::CacheHandling)),
        ("varnish_handling", Use::As(Field::CacheHandling)),
        ("cache_handling", Use::As(Field::CacheHandling)),
        ("hitmiss", Use::As(Field::CacheHandling)),
        ("varnish_hitmiss", Use::As(Field::CacheHandling)),
        ("fetch_error", Use::As(Field::FetchError)),
        ("reason", Use::As(Field::ResponseReason)),
        ("resp_reason", Use::As(Field::ResponseReason)),
        ("response_reason", Use::As(Field::ResponseReason)),
        ("status_reason", Use::As(Field::ResponseReason)),
        ("beresp_status", Use::As(Field::BackendStatus)),
        ("backend_status", Use::As(Field::BackendStatus)),
    ],
    finish: None,
};

/// Keys of the status.
const STATUS: &[&str] =
    &["status", "status_code", "response_status", "resp_status", "http_status", "code", "st"];

/// `%t`, `%{...}t` and `%{sec}t`.
const TIMES: &[Notation] =
    &[Notation::Clf, Notation::Iso8601, Notation::EpochSeconds, Notation::ClfVariant];

/// Bytes of `20/Nov/2026:21:29:42 +0000`.
const DATE_BYTES: usize = 26;

/// More columns behind the known ones are not looked at.
const MAX_COLUMNS: usize = 32;

/// What is done with a request, as `%{Varnish:handling}x` and `%{Varnish:hitmiss}x` say it.
const HANDLINGS: [&[u8]; 7] =
    [b"hit", b"miss", b"pass", b"pipe", b"error", b"synth", b"streaming-hit"];

/// The parts of a line.
#[derive(Debug, Clone, Copy, Default)]
struct Parts<'a> {
    client: &'a [u8],
    user: &'a [u8],
    date: &'a [u8],
    request: &'a [u8],
    status: &'a [u8],
    bytes: &'a [u8],
    referrer: Option<&'a [u8]>,
    agent: Option<&'a [u8]>,
    /// What follows.
    tail: &'a [u8],
}

/// A quoted value at the start of the text, and what follows it.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = text.strip_prefix(b"\"")?;
    let end = next_quote(Escape::Apache, inside, 0);
    (end < inside.len()).then(|| (&inside[..end], &inside[end + 1..]))
}

/// The next column: quoted, or up to a blank.
fn column(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    let (value, rest) = quoted(text)
        .unwrap_or_else(|| text.split_at(memchr::memchr(b' ', text).unwrap_or(text.len())));
    Some((value, rest.strip_prefix(b" ").unwrap_or(rest)))
}

/// The value of a column without its key (`handling=hit`) and without brackets.
fn bare(column: &[u8]) -> &[u8] {
    let is_key = |key: &[u8]| {
        !key.is_empty()
            && key.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte))
    };
    let value = match memchr::memchr(b'=', column) {
        Some(at) if is_key(&column[..at]) => &column[at + 1..],
        _ => column,
    };
    let inside = |open: u8, close: u8| value.strip_prefix(&[open])?.strip_suffix(&[close]);
    inside(b'"', b'"').or_else(|| inside(b'[', b']')).unwrap_or(value)
}

/// Date, and the offset behind `] `. The host and the user stand before.
fn date_of(line: &[u8]) -> Option<(&[u8], usize)> {
    let open = memchr::memchr(b'[', line)?;
    let date = line.get(open + 1..open + 1 + DATE_BYTES)?;
    let rest = open + 1 + DATE_BYTES;
    (line.get(rest..rest + 3) == Some(b"] \"")).then_some((date, rest + 2))
}

impl<'a> Parts<'a> {
    fn of(line: &'a [u8]) -> Result<Self, Skip> {
        let (date, at) = date_of(line).ok_or(Skip::Shape)?;
        let mut head = line[..at - DATE_BYTES - 3].splitn(3, |byte| *byte == b' ');
        let (Some(client), Some(_), Some(user)) = (head.next(), head.next(), head.next()) else {
            return Err(Skip::Shape);
        };
        let user = user.strip_suffix(b" ").ok_or(Skip::Shape)?;
        let (request, rest) = quoted(&line[at..]).ok_or(Skip::Truncated)?;
        let rest = rest.strip_prefix(b" ").ok_or(Skip::Truncated)?;
        let (status, rest) = column(rest).ok_or(Skip::Truncated)?;
        let (bytes, tail) = column(rest).ok_or(Skip::Truncated)?;
        if bytes != b"-" && !bytes.iter().all(u8::is_ascii_digit) {
            return Err(Skip::Shape);
        }
        let mut parts =
            Parts { client, user, date, request, status, bytes, tail, ..Parts::default() };
        if let Some((referrer, rest)) = quoted(tail)
            && let Some((agent, rest)) = rest.strip_prefix(b" ").and_then(quoted)
        {
            (parts.referrer, parts.agent) = (Some(referrer), Some(agent));
            parts.tail = rest.trim_ascii_start();
        }
        Ok(parts)
    }

    fn columns(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.tail;
        std::iter::from_fn(move || {
            let (value, behind) = column(rest)?;
            rest = behind;
            Some(value)
        })
        .take(MAX_COLUMNS)
    }

    /// What was done with the request, where one of the further columns tells it.
    fn handling(&self, column: usize) -> Option<&'a [u8]> {
        self.columns().nth(column).map(bare)
    }

    /// True for a request whose target is a URL, which only a proxy is asked for otherwise.
    fn is_absolute(&self) -> bool {
        split_url(split_request(self.request).1).is_some()
    }
}

/// Reads lines of the default layout, with or without further columns.
#[derive(Debug, Clone)]
pub struct VarnishNcsa {
    about: About,
    /// Which of the further columns tells what was done with a request.
    handling: Option<usize>,
}

impl VarnishNcsa {
    /// The reader; `handling` is the index of the column, among those behind the known ones, that holds
    /// `%{Varnish:handling}x` or `%{Varnish:hitmiss}x`.
    pub fn new(handling: Option<usize>, basis: FormatBasis) -> Self {
        let layout = match handling {
            None => "varnishncsa".to_owned(),
            Some(column) => format!("varnishncsa, handling in further column {}", column + 1),
        };
        VarnishNcsa { about: about(layout, Notation::Clf, Instant::Start, basis), handling }
    }
}

fn about(layout: String, notation: Notation, instant: Instant, basis: FormatBasis) -> About {
    About {
        format: VarnishNcsaFormat::NAME,
        layout,
        server: Server::Varnish,
        role: LogRole::Access,
        notation,
        instant,
        basis,
        ambiguous_with: None,
    }
}

impl Reader for VarnishNcsa {
    fn about(&self) -> &About {
        &self.about
    }

    #[inline]
    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let (stamp, at) = date_of(line).ok_or(Skip::Shape)?;
        let end = next_quote(Escape::Apache, line, at + 1);
        let [b'"', b' ', a, b, c, b' ', ..] = line[end..] else { return Err(Skip::BadStatus) };
        Ok(Glance { stamp, status: parse_status(&[a, b, c]).ok_or(Skip::BadStatus)? })
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let parts = Parts::of(record)?;
        let stamp = Notation::Clf.parse(parts.date).ok_or(Skip::BadTime)?;
        let status = parse_status(parts.status).ok_or(Skip::BadStatus)?;
        let mut access = AccessRecord::new(stamp, status, Escape::Apache);
        for (field, value) in [
            (Field::RemoteAddr, parts.client),
            (Field::RemoteUser, parts.user),
            (Field::Request, parts.request),
            (Field::Status, parts.status),
            (Field::BodyBytes, parts.bytes),
        ] {
            access.set(field, value);
        }
        let handling = self.handling.and_then(|index| parts.handling(index));
        for (field, value) in [
            (Field::Referer, parts.referrer),
            (Field::UserAgent, parts.agent),
            (Field::CacheHandling, handling),
        ] {
            if let Some(value) = value {
                access.set(field, value);
            }
        }
        Ok(Record::Access(access))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let Ok(parts) = Parts::of(record) else { return };
        for (name, value) in [
            ("%h", Some(parts.client)),
            ("%u", Some(parts.user)),
            ("%t", Some(parts.date)),
            ("%r", Some(parts.request)),
            ("%s", Some(parts.status)),
            ("%b", Some(parts.bytes)),
            ("%{Referer}i", parts.referrer),
            ("%{User-agent}i", parts.agent),
        ] {
            if let Some(value) = value {
                each(name, value);
            }
        }
        for (index, value) in parts.columns().enumerate() {
            let is_handling = self.handling == Some(index);
            let (name, value) =
                if is_handling { ("handling", bare(value)) } else { ("further", value) };
            each(name, value);
        }
    }
}

/// The further column that tells most of what was done with requests: one whose every value says so.
fn handling_column(lines: &[Parts<'_>]) -> Option<usize> {
    let n_columns = lines.iter().map(|parts| parts.columns().count()).min()?;
    let is_handling = |column: &usize| {
        lines.iter().all(|parts| {
            let value = parts.handling(*column);
            // Requests to backends, of one log with those of clients, have none.
            value.is_some_and(|value| value == b"-" || HANDLINGS.contains(&value))
        })
    };
    // `hitmiss` knows two values, `handling` more.
    let n_values = |column: &usize| {
        let values = lines.iter().filter_map(|parts| parts.handling(*column));
        HANDLINGS.iter().filter(|word| values.clone().any(|value| value == **word)).count()
    };
    let columns = (0..n_columns).filter(is_handling);
    let columns = columns.filter(|column| n_values(column) > 0);
    columns.max_by_key(|column| (n_values(column), std::cmp::Reverse(*column)))
}

/// Recognises lines of `varnishncsa`.
#[derive(Debug, Clone, Copy)]
pub struct VarnishNcsaFormat;

impl VarnishNcsaFormat {
    const NAME: &'static str = "varnish_ncsa";
}

impl Format for VarnishNcsaFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "Varnish access log (varnishncsa): the combined layout with whole URLs, with or without further columns"
    }

    fn given(&self, spec: &str) -> Option<Result<Arc<dyn Reader>, String>> {
        is_spec(spec).then(|| parse_spec(spec))
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        let is_valid = |parts: &Parts<'_>| Notation::Clf.parse(parts.date).is_some();
        let lines: Vec<Parts<'_>> = sample
            .lines
            .iter()
            .filter_map(|line| Parts::of(line).ok())
            .filter(|parts| is_valid(parts) && parse_status(parts.status).is_some())
            .collect();
        // Garbage has no method, and asks for nothing.
        let asks = |parts: &&Parts<'_>| !split_request(parts.request).0.is_empty();
        let n_requests = lines.iter().filter(asks).count();
        let n_absolute = lines.iter().filter(|parts| parts.is_absolute()).count();
        if n_absolute == 0 || n_absolute * 10 < n_requests * 9 {
            let told = |telltale| {
                propose(sample, telltale, |body, notation| {
                    about(body.to_owned(), notation, Instant::Start, FormatBasis::Detected)
                })
            };
            // Load balancers write whole URLs as well, and are known by what stands around them.
            let doubted = |found: Proposal| Proposal { n_accepted: found.n_accepted - 1, ..found };
            let proxied = || told(&PROXIED).filter(|found| found.n_accepted > 1).map(doubted);
            return told(&HANDLING).or_else(proxied);
        }
        let handling = handling_column(&lines);
        // Further columns that are not Varnish's own words may be those of a layout that another server is known by.
        let is_doubtful = handling.is_none() && lines.iter().any(|parts| !parts.tail.is_empty());
        let reader = VarnishNcsa::new(handling, FormatBasis::Detected);
        let n_accepted = lines.len() - usize::from(is_doubtful);
        Some(Proposal { reader: Arc::new(reader), n_accepted, notes: Vec::new() })
    }
}

/// True for requests whose targets are URLs, as `%r` of `varnishncsa` prints them.
fn are_absolute(requests: &[&[u8]]) -> bool {
    let asks = |request: &&&[u8]| !split_request(request).0.is_empty();
    let is_absolute = |request: &&&[u8]| split_url(split_request(request).1).is_some();
    let n_absolute = requests.iter().filter(is_absolute).count();
    n_absolute > 0 && n_absolute * 10 >= requests.iter().filter(asks).count() * 9
}

/// The column of a format string that tells what was done with a request.
pub(super) const HANDLING: Telltale = Telltale {
    is_value: |value| HANDLINGS.contains(&value) || value == b"-",
    is_proof: |value| HANDLINGS.contains(&value),
    // `hit`, `pass` and `error` are words of others as well.
    is_sure: |columns, idx| {
        let has = |word: &[u8]| columns.values(idx).contains(&word);
        let is_own = [&b"synth"[..], b"pipe", b"streaming-hit"].into_iter().any(has);
        let is_cache = (has(b"hit") || has(b"miss"))
            && (has(b"pass") || (0..columns.n()).any(|other| are_absolute(columns.values(other))));
        is_own || is_cache || matches!(&*columns.label(idx), "handling" | "hitmiss" | "hm")
    },
    hints: &["hit", "miss", "pass", "pipe", "error", "synth"],
    is_word: false,
    field: Field::CacheHandling,
    escape: Escape::Apache,
    name: name_columns,
    finish: |_| {},
};

/// The key of an object that tells what was done with a request: beside requests for whole URLs alone. Whoever stands in
/// front logs what Varnish says in a header as well.
pub(super) const HANDLING_BY_KEY: Telltale = Telltale {
    is_sure: |columns, idx| {
        let is_header = |label: &str| label.starts_with('x') || label.contains("http");
        (0..columns.n()).any(|other| are_absolute(columns.values(other)))
            && !is_header(&columns.label(idx))
            && !(0..columns.n()).any(|other| is_key_of_others(&columns.label(other)))
    },
    ..HANDLING
};

/// True for keys that servers in front of Varnish have, and it has not.
fn is_key_of_others(label: &str) -> bool {
    label == "handler"
        || label == "bodybytessent"
        || ["upstream", "target", "elb"].iter().any(|start| label.starts_with(start))
}

/// The column of a format string that has requests for whole URLs. Others write such as well: forward proxies, servers
/// that put them together from their parts, clients. So what Varnish says of a failed fetch, of what it did with requests,
/// or its number of them must stand beside them; and nothing that only others have, as the peer or the statuses of several
/// attempts.
pub(super) const PROXIED: Telltale = Telltale {
    is_value: |value| !value.is_empty(),
    is_proof: |value| split_url(value).or_else(|| split_url(split_request(value).1)).is_some(),
    is_sure: |columns, idx| {
        let is_forward = |value: &&[u8]| {
            FORWARD_PROXY.iter().any(|word| value.starts_with(word))
                || split_request(value).0 == b"CONNECT"
        };
        let values = columns.values(idx);
        // A column of URLs alone is one of referrers.
        let n_asking = values.iter().filter(|value| !split_request(value).0.is_empty()).count();
        n_asking * 2 > values.len()
            && are_absolute(values)
            && (0..columns.n()).any(|other| {
                columns.any(other, |value| value == FETCH_FAILED)
                    || is_of_handling(columns, other)
                    || is_of_transactions(columns, other)
            })
            && !(0..columns.n()).any(|other| {
                columns.values(other).iter().any(is_forward)
                    || columns.any(other, |value| is_peer(value) || are_statuses(value))
            })
    },
    // The last letter of a method, and the URL behind it: referrers alone are in most logs.
    hints: &["T http", "D http", "E http", "S http"],
    is_word: false,
    field: Field::Request,
    escape: Escape::Apache,
    name: name_columns,
    finish: |_| {},
};

/// True for a column that tells what was done with requests.
fn is_of_handling(columns: &Columns<'_>, idx: usize) -> bool {
    columns.all(idx, HANDLING.is_value) && columns.any(idx, HANDLING.is_proof)
}

/// True for a column of the numbers that Varnish gives to requests: its own header, `X-Varnish`, also names the one that
/// a response from the cache was fetched for.
fn is_of_transactions(columns: &Columns<'_>, idx: usize) -> bool {
    let is_number = |value: &[u8]| {
        !value.is_empty() && value.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ')
    };
    let values = columns.values(idx);
    ["xvarnish", "vxid"].contains(&&*columns.label(idx))
        && values.iter().all(|it| is_number(it))
        && !(0..columns.n()).any(|other| is_key_of_others(&columns.label(other)))
}

/// True for an address with a port, which is that of a peer: Varnish logs its clients without.
fn is_peer(value: &[u8]) -> bool {
    let text = std::str::from_utf8(value).unwrap_or_default();
    text.split(", ").next().is_some_and(|first| first.parse::<SocketAddr>().is_ok())
}

/// True for the statuses of several attempts: `502, 503`.
fn are_statuses(value: &[u8]) -> bool {
    let text = std::str::from_utf8(value).unwrap_or_default();
    let is_status = |part: &str| part == "-" || parse_status(part.as_bytes()).is_some();
    text.contains(", ") && text.split(", ").all(is_status)
}

/// How the values of columns begin that Squid has, and no other.
const FORWARD_PROXY: [&[u8]; 4] = [b"TCP_", b"UDP_", b"HIER_", b"NONE_"];

/// What Varnish calls a response that it makes because a fetch failed.
const FETCH_FAILED: &[u8] = b"Backend fetch failed";

/// Names the columns that tell more of a response.
fn name_columns(columns: &mut Columns<'_>) {
    let is_size = |value: &[u8]| value == b"-" || value.iter().all(u8::is_ascii_digit);
    let is_reason = |columns: &Columns<'_>, idx: usize| {
        columns.any(idx, |value| value == FETCH_FAILED)
            || ["reason", "respreason"].contains(&&*columns.label(idx))
    };
    columns.set_first(Field::ResponseReason, is_reason);
    // `%O` counts the header too, and is never so little.
    columns.set_first(Field::BodyBytes, |columns, idx| {
        let label = columns.label(idx);
        let before = |n: usize| idx.checked_sub(n);
        let is_behind_status = columns.find(Field::Status).is_some_and(|status| {
            before(1) == Some(status)
                || (before(2) == Some(status) && columns.find(Field::ResponseReason) == before(1))
        });
        columns.all(idx, is_size)
            && (label == "bodybytes"
                || columns.any(idx, has_no_header)
                    && (is_behind_status || ["bytes", "size", "len", "b"].contains(&&*label)))
    });
    columns.set_labelled(Field::FetchError, &["fetcherror"], |_| true);
    columns.set_labelled(Field::BackendStatus, &["berespstatus", "backendstatus"], |_| true);
}

/// A reader for what a user gives: the format string of `varnishncsa -F`, or `varnishncsa` for the default.
///
/// # Errors
///
/// Says in words why such lines cannot be read.
///
/// # Examples
///
/// ```
/// use logscan503::format::varnish_ncsa::parse_spec;
///
/// assert!(parse_spec(r#"%h %t "%r" %s %b %{Varnish:handling}x"#).is_ok());
/// assert!(parse_spec("varnishncsa").is_ok());
/// assert!(parse_spec("%h %{Varnish:handling}x").is_err());
/// ```
pub fn parse_spec(spec: &str) -> Result<Arc<dyn Reader>, String> {
    let spec = spec.trim();
    if spec == "varnishncsa" {
        return Ok(Arc::new(VarnishNcsa::new(None, FormatBasis::Given)));
    }
    let Compiled { layout, instant } = compile(spec)?;
    let about = about(spec.to_owned(), layout.notation(), instant, FormatBasis::Given);
    Ok(Arc::new(LayoutReader { layout, about, finish: AS_CUT }))
}

/// True for a format string of `varnishncsa`, as opposed to one of Apache.
pub fn is_spec(spec: &str) -> bool {
    let own = ["%{Varnish:", "%{VCL_Log:", "%{VSL:"];
    spec.trim() == "varnishncsa" || own.iter().any(|directive| spec.contains(directive))
}

#[cfg(test)]
mod tests;
