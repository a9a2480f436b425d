//! What a line says, borrowed from the block that holds it.
//!
//! In: slices made by a format. Out: records that live inside one loop body and yield facts.
//! Invariants: values are raw bytes, still escaped as the log escapes them (see [`Escape`]); nothing is copied.

mod escape;
mod field;

use std::borrow::Cow;

use memchr::memmem;

use crate::bytes::{
    is_absent, last_upstream_item, parse_duration_us, parse_scaled_seconds_us, parse_status,
    parse_u64,
};
use crate::taxonomy::{Cause, Origin};
use crate::time::Stamp;

pub use escape::{Escape, unescape};
pub use field::{Field, id_header, plain_id};

/// One request as an access log tells it.
#[derive(Debug, Clone)]
pub struct AccessRecord<'a> {
    /// When, by the clock of the server that wrote the line.
    pub stamp: Stamp,
    /// The response status; 0 to 999.
    pub status: u16,
    /// How values are escaped.
    pub escape: Escape,
    fields: [Option<&'a [u8]>; Field::COUNT],
}

impl<'a> AccessRecord<'a> {
    /// A record with its two mandatory facts and no other field yet.
    pub fn new(stamp: Stamp, status: u16, escape: Escape) -> Self {
        AccessRecord { stamp, status, escape, fields: [None; Field::COUNT] }
    }

    /// Sets a field to its raw value. A field set twice keeps its first value.
    pub fn set(&mut self, field: Field, raw: &'a [u8]) {
        let slot = &mut self.fields[field as usize];
        if slot.is_none() {
            *slot = Some(raw);
        }
    }

    /// Sets a field, whatever it was; `None` takes it away.
    pub fn replace(&mut self, field: Field, raw: Option<&'a [u8]>) {
        self.fields[field as usize] = raw;
    }

    /// The raw value; `None` when the layout has no such field. May be an absence mark (`-` or empty).
    pub fn raw(&self, field: Field) -> Option<&'a [u8]> {
        self.fields[field as usize]
    }

    /// The value; `None` when the layout has no such field or the line says there is none.
    pub fn value(&self, field: Field) -> Option<&'a [u8]> {
        self.raw(field).filter(|raw| !is_absent(raw))
    }

    /// The item of the last attempt of a list field, absence marks included.
    pub fn last_item(&self, field: Field) -> Option<&'a [u8]> {
        self.raw(field).map(last_upstream_item)
    }

    /// The addresses or servers tried, as listed; `backend/server` where the layout has the two apart (`HAProxy`), since the
    /// name of a server means something in its backend alone.
    pub fn upstreams(&self) -> Option<Cow<'a, [u8]>> {
        let listed = self.value(Field::UpstreamAddr)?;
        match self.value(Field::BackendServer) {
            Some(server) if self.raw(Field::Backend) == Some(listed) && server[0] != b'<' => {
                Some([listed, b"/", server].concat().into())
            }
            _ => Some(listed.into()),
        }
    }

    /// True when the lists of backends show several attempts: of the request itself, as opposed to those for a page that
    /// it was redirected to within the server (` : `).
    pub fn is_retried(&self) -> bool {
        let lists = [Field::UpstreamStatus, Field::UpstreamAddr].map(|field| self.raw(field));
        lists.into_iter().flatten().any(|list| {
            let own = memmem::find(list, b" : ").map_or(list, |redirect| &list[..redirect]);
            last_upstream_item(own).len() < own.len()
        })
    }

    /// Method and request target, still escaped. A request line that is no request gives an empty method and the whole.
    pub fn request(&self) -> (&'a [u8], &'a [u8]) {
        if let Some(line) = self.raw(Field::Request) {
            return split_request(line);
        }
        let method = self.value(Field::Method).unwrap_or_default();
        let target = self.value(Field::RequestUri).or_else(|| self.value(Field::Uri));
        (method, target.unwrap_or_default())
    }

    /// The request target as path and query, still escaped; the query without its `?`. `None`: the target has no `?`.
    /// Scheme and host of a target that is a whole URL are left out.
    ///
    /// Path and query need not stand side by side in the line: W3C logs have a column for each.
    pub fn target_parts(&self) -> (&'a [u8], Option<&'a [u8]>) {
        let (_, target) = self.request();
        let target = split_url(target).map_or(target, |(_, path)| path);
        if let Some(mark) = memchr::memchr(b'?', target) {
            return (&target[..mark], Some(&target[mark + 1..]));
        }
        let is_path_alone =
            self.raw(Field::Request).is_none() && self.value(Field::RequestUri).is_none();
        // Apache's `%q` has the `?`.
        let query = || self.value(Field::Args).map(|args| args.strip_prefix(b"?").unwrap_or(args));
        (target, if is_path_alone { query() } else { None })
    }

    /// Duration in microseconds, where the layout has it.
    pub fn duration_us(&self) -> Option<u64> {
        // The number is read as if it were seconds, so that fractions of smaller units count too.
        let scaled = |field, per_second| {
            self.value(field).and_then(parse_scaled_seconds_us).map(|micros| micros / per_second)
        };
        scaled(Field::RequestTimeMicros, 1_000_000)
            .or_else(|| scaled(Field::RequestTimeMillis, 1000))
            .or_else(|| scaled(Field::RequestTimeNanos, 1_000_000_000))
            .or_else(|| self.value(Field::RequestTime).and_then(parse_duration_us))
            .or_else(|| {
                // The parts that a load balancer tells; one of them is -1 when it has no answer.
                let part = |field| self.value(field).and_then(parse_scaled_seconds_us);
                let request_us = part(Field::RequestProcessingTime)?;
                let target_us = part(Field::TargetProcessingTime)?;
                request_us.checked_add(target_us)?.checked_add(part(Field::ResponseProcessingTime)?)
            })
    }

    /// False where the columns of Apache's log id, handler, backend status and balancer member hold what these never
    /// are: the layout has them in another order.
    pub fn has_plausible_backend_fields(&self) -> bool {
        let is_url = |value: &[u8]| memmem::find(value, b"://").is_some();
        let is_handler = |value: &[u8]| is_proxy_handler(value) || is_gateway_handler(value);
        let is_none_or = |field, test: &dyn Fn(&[u8]) -> bool| self.value(field).is_none_or(test);
        is_none_or(Field::ProxyStatus, &|status| parse_status(status).is_some())
            && is_none_or(Field::BalancerWorker, &is_url)
            && is_none_or(Field::LogId, &|id| {
                !is_handler(id) && !is_url(id) && parse_status(id).is_none()
            })
            // `[default-web-80]` is a column of others.
            && is_none_or(Field::Handler, &|name| {
                !name.starts_with(b"[")
                    && !name.starts_with(b"/")
                    && !name.iter().all(u8::is_ascii_digit)
                    && (is_handler(name) || !is_url(name))
            })
    }

    /// Body bytes sent, where the layout has them. Apache's `%b` writes `-` for 0.
    pub fn body_bytes(&self) -> Option<u64> {
        match self.raw(Field::BodyBytes)? {
            b"-" if self.escape == Escape::Apache => Some(0),
            digits if digits.contains(&b'e') => {
                parse_scaled_seconds_us(digits).map(|micros| micros / 1_000_000)
            }
            digits => parse_u64(digits),
        }
    }
}

/// Host and path of a target that is a whole URL, as proxies are asked for, and as Varnish writes every target.
/// `None`: it is none. A URL without a path has the path `/`.
pub fn split_url(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = target.strip_prefix(b"http://").or_else(|| target.strip_prefix(b"https://"))?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    (!host.is_empty()).then_some((host, if path.is_empty() { b"/" } else { path }))
}

/// True for what nginx calls the ways to use a cache (`$upstream_cache_status`).
pub fn is_cache_status(value: &[u8]) -> bool {
    const STATUSES: [&[u8]; 8] =
        [b"HIT", b"MISS", b"BYPASS", b"EXPIRED", b"STALE", b"UPDATING", b"REVALIDATED", b"SCARCE"];
    STATUSES.contains(&value)
}

/// True for what Apache's `%R` calls a request that `mod_proxy` took: `proxy-server`, and what `SetHandler` names
/// (`proxy:fcgi://...`).
pub fn is_proxy_handler(handler: &[u8]) -> bool {
    handler == b"proxy-server" || handler.starts_with(b"proxy:")
}

/// True for what Apache calls the file of a request (`%f`), which no handler is named after: a path, or where `mod_proxy`
/// took the request the URL that it asked for, with the path of the request: `proxy:http://10.0.0.1:80/cart`. What
/// `SetHandler` names goes no further than a server, or ends in a socket (`proxy:unix:/run/a.sock|fcgi://localhost/`).
pub fn is_file_name(value: &[u8]) -> bool {
    let is_path = value.starts_with(b"/") || matches!(value, [_, b':', b'/' | b'\\', ..]);
    let url = value.strip_prefix(b"proxy:").filter(|url| !url.starts_with(b"unix:"));
    let server = url.and_then(|url| Some(&url[memmem::find(url, b"://")? + 3..]));
    let has_path = |server: &[u8]| {
        server.contains(&b'?')
            || memchr::memchr(b'/', server).is_some_and(|slash| slash + 1 < server.len())
    };
    is_path || server.is_some_and(has_path)
}

/// Handlers of modules other than `mod_proxy` that hand requests to servers of their own: `mod_jk`, `mod_wl`,
/// `mod_uwsgi`, and `mod_fastcgi`, whose servers may be Apache's own processes or others'.
const GATEWAY_HANDLERS: [&[u8]; 4] =
    [b"jakarta-servlet", b"weblogic-handler", b"uwsgi-handler", b"fastcgi-script"];

/// True for what Apache's `%R` calls a request that another module than `mod_proxy` may have sent to a backend.
pub fn is_gateway_handler(handler: &[u8]) -> bool {
    GATEWAY_HANDLERS.contains(&handler)
}

/// True for what Apache's `%L` looks like: eleven letters of its own, or an id of `mod_unique_id`, old or new.
/// Source: Apache httpd 2.4 `server/core.c` (`core_generate_log_id`), `mod_unique_id.c`.
pub fn is_log_id(value: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/@_-".contains(byte);
    matches!(value.len(), 11 | 19 | 24 | 27) && value.iter().all(is_letter)
}

/// Methods that access logs show: of HTTP, of `WebDAV`, of caches, and that of the preface of HTTP/2.
pub const METHODS: &[&[u8]] = &[
    b"GET",
    b"POST",
    b"PUT",
    b"HEAD",
    b"DELETE",
    b"OPTIONS",
    b"PATCH",
    b"CONNECT",
    b"TRACE",
    b"PROPFIND",
    b"REPORT",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"PURGE",
    b"PROPPATCH",
    b"SEARCH",
    b"PRI",
];

/// Those of HTTP itself (RFC 9110, RFC 5789).
pub const HTTP_METHODS: &[&[u8]] = METHODS.split_at(9).0;

/// Those of HTTP that sites serve.
pub const SERVED_METHODS: &[&[u8]] = METHODS.split_at(7).0;

/// Splits a request line into method and target. The protocol is dropped; what is no request line has no method.
pub fn split_request(line: &[u8]) -> (&[u8], &[u8]) {
    let Some(first) = memchr::memchr(b' ', line) else { return (&[], line) };
    let (method, rest) = (&line[..first], &line[first + 1..]);
    if method.is_empty()
        || !method.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_' || *byte == b'-')
    {
        return (&[], line);
    }
    match memchr::memrchr(b' ', rest) {
        Some(last) if rest[last + 1..].starts_with(b"HTTP/") => (method, &rest[..last]),
        _ => (method, rest),
    }
}

/// What an event of the Windows event log is: names of providers and numbers are never translated, texts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowsEvent<'a> {
    /// The provider, or source: `Microsoft-Windows-WAS`.
    pub provider: &'a [u8],
    /// The event id within the provider.
    pub id: u32,
    /// Its named data, where the export has them apart from the text; else empty.
    pub data: &'a [u8],
}

/// One message of an error log.
#[derive(Debug, Clone, Default)]
pub struct ErrorRecord<'a> {
    /// When, by the clock of the server that wrote it. `None` where the line was cut before its time.
    pub stamp: Option<Stamp>,
    /// Severity word: `error`, `crit`, ...
    pub level: &'a [u8],
    /// Process id.
    pub pid: Option<u64>,
    /// Serial number of the connection (`*cid`).
    pub connection: Option<u64>,
    /// Id of the request in the error log, which its access line may have as well (Apache's `%L`).
    pub log_id: Option<&'a [u8]>,
    /// The message without its context suffix. May hold raw newlines.
    pub message: &'a [u8],
    /// Client address of the context.
    pub client: Option<&'a [u8]>,
    /// Server name of the context.
    pub server: Option<&'a [u8]>,
    /// Request line of the context, raw.
    pub request: Option<&'a [u8]>,
    /// URI of the subrequest that the line is about, where it is about one: a fragment, a mirrored copy, a check of
    /// permission.
    pub subrequest: Option<&'a [u8]>,
    /// Upstream URL of the context.
    pub upstream: Option<&'a [u8]>,
    /// Host header of the context.
    pub host: Option<&'a [u8]>,
    /// Referer header of the context.
    pub referrer: Option<&'a [u8]>,
    /// The line ends inside its context: its last value is a prefix.
    pub truncated: bool,
    /// Which event of the Windows event log the message is.
    pub event: Option<WindowsEvent<'a>>,
    /// The message is an access line without a time, and its own fields say who made the response and why.
    pub told: Option<(Origin, Cause)>,
}

/// What a line was understood as.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "a record lives in one loop body and is never stored"
)]
pub enum Record<'a> {
    /// A request.
    Access(AccessRecord<'a>),
    /// A message.
    Error(ErrorRecord<'a>),
}

/// Why a line was not understood by a format. Small and `Copy`: bad data is counted, not an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Skip {
    /// The line does not have the shape of the format.
    Shape,
    /// The time is missing or no time.
    BadTime,
    /// The status is missing or not three digits.
    BadStatus,
    /// The line ends before its mandatory fields.
    Truncated,
    /// The line is longer than the limit.
    TooLong,
    /// The record is not a part of the line but has to be decoded: `Reader::read` does.
    Encoded,
}

impl Skip {
    /// Every reason.
    const ALL: [Skip; 6] = [
        Skip::Shape,
        Skip::BadTime,
        Skip::BadStatus,
        Skip::Truncated,
        Skip::TooLong,
        Skip::Encoded,
    ];

    /// The reason that [`Skip::as_str`] tells with these words.
    pub fn from_words(words: &str) -> Skip {
        Self::ALL.into_iter().find(|skip| skip.as_str() == words).unwrap_or(Skip::Shape)
    }

    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Skip::Shape => "not of any known format",
            Skip::BadTime => "no valid time where the format has it",
            Skip::BadStatus => "no three-digit status where the format has it",
            Skip::Truncated => "the line ends too early",
            Skip::Encoded => "it has to be decoded first",
            Skip::TooLong => "the line is longer than 1 MiB",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_lines_split_into_method_and_target() {
        let check = |line: &str, method: &str, target: &str| {
            assert_eq!(split_request(line.as_bytes()), (method.as_bytes(), target.as_bytes()));
        };
        check("GET /a?b=1 HTTP/1.1", "GET", "/a?b=1");
        check("GET /a b HTTP/1.0", "GET", "/a b");
        check("GET /", "GET", "/");
        check("", "", "");
        check("-", "", "-");
        check("\\x16\\x03\\x01 x", "", "\\x16\\x03\\x01 x");
    }

    #[test]
    fn targets_come_as_path_and_query_wherever_the_line_has_them() {
        let check = |fields: &[(Field, &'static str)], path: &str, query: Option<&str>| {
            let stamp = Stamp { micros: 0, offset_s: None };
            let mut record = AccessRecord::new(stamp, 503, Escape::None);
            for (field, value) in fields {
                record.set(*field, value.as_bytes());
            }
            assert_eq!(record.target_parts(), (path.as_bytes(), query.map(str::as_bytes)));
        };
        check(&[(Field::Request, "GET /a?b=?c HTTP/1.1")], "/a", Some("b=?c"));
        check(&[(Field::Request, "GET /a HTTP/1.1"), (Field::Args, "x")], "/a", None);
        check(&[(Field::Uri, "/a"), (Field::Args, "b=1")], "/a", Some("b=1"));
        check(&[(Field::Uri, "/a"), (Field::Args, "?b=1")], "/a", Some("b=1"));
        check(&[(Field::Uri, "/a"), (Field::Args, "-")], "/a", None);
        check(&[(Field::RequestUri, "/a?"), (Field::Args, "b=1")], "/a", Some(""));
    }

    #[test]
    fn whole_urls_have_a_host_and_a_path() {
        let check = |target: &'static str, parts: Option<(&str, &str)>| {
            assert_eq!(
                split_url(target.as_bytes()),
                parts.map(|(a, b)| (a.as_bytes(), b.as_bytes()))
            );
        };
        check("http://a.example:80/b?c=http://d/", Some(("a.example:80", "/b?c=http://d/")));
        check("https://a.example", Some(("a.example", "/")));
        check("http://a?b", Some(("a", "?b")));
        check("http:///b", None);
        check("/http://a/", None);
    }

    #[test]
    fn durations_are_read_in_the_unit_of_their_field() {
        let stamp = Stamp { micros: 0, offset_s: None };
        let mut record = AccessRecord::new(stamp, 503, Escape::None);
        record.set(Field::RequestTimeMillis, b"15");
        assert_eq!(record.duration_us(), Some(15_000));
        record.set(Field::RequestTime, b"0");
        assert_eq!(record.duration_us(), Some(15_000));
        record.set(Field::RequestTimeMicros, b"15204");
        assert_eq!(record.duration_us(), Some(15_204));
        let mut record = AccessRecord::new(stamp, 503, Escape::None);
        record.set(Field::RequestTimeNanos, b"105659011");
        assert_eq!(record.duration_us(), Some(105_659));
    }
}
