//! What a line says, borrowed from the block that holds it.
//!
//! In: slices made by a format. Out: records that live inside one loop body and yield facts.
//! Invariants: values are raw bytes, still escaped as the log escapes them (see [`Escape`]); nothing is copied.

use crate::bytes::{is_absent, last_upstream_item, parse_duration_us, parse_seconds_us, parse_u64};
use crate::time::Stamp;

/// The vocabulary of access-log fields that verdicts and reports use. Each server's own names map onto it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Field {
    /// Address of the client (`$remote_addr`), joined with `client:` of error lines.
    RemoteAddr,
    /// Name of an authenticated user.
    RemoteUser,
    /// The time stamp.
    Time,
    /// The whole request line: method, target, protocol.
    Request,
    /// The request method alone.
    Method,
    /// The request target with its query (`$request_uri`).
    RequestUri,
    /// The path alone, normalized (`$uri`).
    Uri,
    /// The query string alone, without `?`.
    Args,
    /// The protocol alone.
    Protocol,
    /// The response status.
    Status,
    /// Body bytes sent.
    BodyBytes,
    /// Bytes sent, headers included.
    BytesSent,
    /// Bytes received with the request.
    RequestLength,
    /// The `Referer` header.
    Referer,
    /// The `User-Agent` header.
    UserAgent,
    /// The `X-Forwarded-For` header.
    ForwardedFor,
    /// The host the client asked for.
    Host,
    /// The configured server name that took the request.
    ServerName,
    /// Duration of the request, in seconds.
    RequestTime,
    /// Unique id of the request.
    RequestId,
    /// Id of the trace that the request belongs to, handed on from hop to hop (`X-Amzn-Trace-Id`, `traceparent`).
    TraceId,
    /// Id that a delivery network gave the request and hands on (`X-Amz-Cf-Id`, `CF-Ray`).
    EdgeRequestId,
    /// Serial number of the connection; `*cid` of nginx error lines.
    Connection,
    /// How many requests came over the connection.
    ConnectionRequests,
    /// Addresses tried, as nginx lists them.
    UpstreamAddr,
    /// Status per attempt.
    UpstreamStatus,
    /// Connect time per attempt, seconds.
    UpstreamConnectTime,
    /// Time to the response header per attempt, seconds; `-` when none came.
    UpstreamHeaderTime,
    /// Response time per attempt, seconds.
    UpstreamResponseTime,
    /// Response length per attempt, bytes.
    UpstreamResponseLength,
    /// Bytes received per attempt, 0 when nothing came.
    UpstreamBytesReceived,
    /// Bytes sent per attempt.
    UpstreamBytesSent,
    /// Cache verdict: `HIT`, `MISS`, `STALE`, ...
    UpstreamCacheStatus,
    /// ingress-nginx: `namespace-service-port` of the backend chosen by the route.
    ProxyUpstreamName,
    /// ingress-nginx: the canary backend.
    ProxyAlternativeUpstreamName,
    /// Verdict of `limit_req`: `PASSED`, `REJECTED`, ...
    LimitReqStatus,
    /// Verdict of `limit_conn`: `PASSED`, `REJECTED`, ...
    LimitConnStatus,
    /// IIS: what the status is about in detail (`sc-substatus`).
    SubStatus,
    /// IIS: the Windows error code, decimal (`sc-win32-status`).
    Win32Status,
    /// Address that took the request (`s-ip`).
    ServerIp,
    /// Port that took the request (`s-port`).
    ServerPort,
    /// Port of the client (`c-port`).
    ClientPort,
    /// Name of the machine that wrote the line (`s-computername`).
    ComputerName,
    /// IIS: the site, as `W3SVC1`, as a number or by name (`s-sitename`, `s-siteid`).
    SiteName,
    /// HTTP.sys: the request queue, which is the application pool (`s-queuename`).
    QueueName,
    /// HTTP.sys: why it answered or dropped the request itself (`s-reason`).
    Reason,
    /// IIS with ARR: id under which the request was given to a member of the farm.
    ArrLogId,
    /// Duration of the request, in milliseconds (Apache `%{ms}T`, `time-taken` of IIS).
    RequestTimeMillis,
    /// Duration of the request, in microseconds (Apache `%D`).
    RequestTimeMicros,
    /// Duration of the request, in nanoseconds (Traefik).
    RequestTimeNanos,
    /// The status before internal redirects, where the layout has it beside the final one (Apache `%<s`).
    OriginalStatus,
    /// Id of the request's error log line; `-` when none was written (Apache `%L`).
    LogId,
    /// What made the response: `proxy-server`, a CGI handler, `-` (Apache `%R`).
    Handler,
    /// The backend's status when a response arrived from it (Apache `%{proxy-status}n`).
    ProxyStatus,
    /// Set when the backend timed out (Apache `%{proxy_timedout}n`).
    ProxyTimedOut,
    /// URL of the balancer member used last (Apache `%{BALANCER_WORKER_NAME}e`).
    BalancerWorker,
    /// Name of the balancer (Apache `%{BALANCER_NAME}e`).
    BalancerName,
    /// Why a request failed, in the server's words (Apache `%{error-notes}n`).
    ErrorNotes,
    /// How the connection ended: `X` aborted, `+` kept alive, `-` closed (Apache `%X`).
    ConnectionState,
    /// Id of the process that served the request (Apache `%P`).
    ProcessId,
    /// The `Retry-After` header of the response.
    RetryAfter,
    /// How the response came out, as marks of the server (Envoy `%RESPONSE_FLAGS%`).
    ResponseFlags,
    /// Why the response came out as it did, in the server's words (Envoy `%RESPONSE_CODE_DETAILS%`, Google
    /// `statusDetails`, Azure `errorInfo`, Fastly's reason, Akamai's error code).
    ResponseDetails,
    /// Why the connection to the backend failed (Envoy `%UPSTREAM_TRANSPORT_FAILURE_REASON%`).
    TransportFailure,
    /// What a firewall or a limit at the edge did with the request (Cloudflare `SecurityAction`).
    SecurityAction,
    /// How a function at the edge ended (Cloudflare `WorkerStatus`).
    FunctionStatus,
    /// What a request is for, as its client says (`Sec-Purpose`).
    Purpose,
    /// The `Server` header of the response; a list where it has several.
    ResponseServer,
    /// The `Via` header of the response.
    ResponseVia,
    /// The `Date` header of the response, where it was set before the server itself would.
    ResponseDate,
    /// The hops a request took through an edge network (Akamai `breadcrumbs`).
    Breadcrumbs,
    /// What follows the part of a line that is known.
    Rest,
    /// ALB and Classic ELB: seconds until the request was sent to a target; -1 when it never was.
    RequestProcessingTime,
    /// ALB and Classic ELB: seconds until a target's answer had begun; -1 when none came.
    TargetProcessingTime,
    /// ALB and Classic ELB: seconds until the answer was passed on; -1 when none came.
    ResponseProcessingTime,
    /// ALB: the target group that a rule chose, as its ARN.
    TargetGroup,
    /// ALB: what its rules did: `forward`, `fixed-response`, `waf`, ...
    ActionsExecuted,
    /// `CloudFront`: how the edge classified the response once it was sent (`x-edge-result-type`).
    EdgeResultType,
    /// `CloudFront`: how the edge classified it before sending it (`x-edge-response-result-type`).
    EdgeResponseResultType,
    /// `CloudFront`: the kind of error (`x-edge-detailed-result-type`).
    EdgeDetailedResultType,
    /// `CloudFront`: seconds until the origin's first byte; `-` when the origin sent none (`origin-fbl`).
    OriginFirstByte,
    /// `CloudFront`: seconds until the origin's last byte (`origin-lbl`).
    OriginLastByte,
    /// API Gateway: kind of the error that the gateway itself answered with (`$context.error.responseType`).
    ErrorType,
    /// `HAProxy`: how the session ended and in which phase (`SC--`).
    TerminationState,
    /// `HAProxy`: the backend that the request went to.
    Backend,
    /// `HAProxy`: the server that was chosen; `<NOSRV>` for none.
    BackendServer,
    /// `HAProxy`: backend and server, with a slash between them.
    BackendTarget,
    /// `HAProxy`: the name of the `frontend` section that took the connection.
    Frontend,
    /// Time spent in queues, in milliseconds; -1 when the request left none alive (`HAProxy` `%Tw`).
    QueueTimeMillis,
    /// Time to connect to the server, in milliseconds; -1 without a connection (`HAProxy` `%Tc`).
    ConnectTimeMillis,
    /// Time to the server's response header, in milliseconds; -1 without one (`HAProxy` `%Tr`).
    ResponseTimeMillis,
    /// How often a connection was tried again; `+` before it when another server was tried (`HAProxy` `%rc`).
    Retries,
    /// Varnish: what was done with the request: `hit`, `miss`, `pass`, `pipe`, `synth`.
    CacheHandling,
    /// Varnish: why the fetch from the backend failed (`FetchError`).
    FetchError,
    /// Varnish: status of the backend's answer (`BerespStatus`).
    BackendStatus,
    /// Varnish: reason phrase of the response.
    ResponseReason,
    /// Anything else: shown by `parse`, used by nothing.
    Other,
}

impl Field {
    /// How many fields there are, [`Field::Other`] included.
    pub const COUNT: usize = Field::Other as usize + 1;

    /// True for nginx variables that hold one value per attempt, separated by `, ` and ` : `.
    pub const fn is_list(self) -> bool {
        matches!(
            self,
            Field::UpstreamAddr
                | Field::UpstreamStatus
                | Field::UpstreamConnectTime
                | Field::UpstreamHeaderTime
                | Field::UpstreamResponseTime
                | Field::UpstreamResponseLength
                | Field::UpstreamBytesReceived
                | Field::UpstreamBytesSent
                | Field::ForwardedFor
        )
    }
}

/// The field of a request header that names the request on every hop, whatever the server. Compared without case, and
/// `_` is as good as `-`.
///
/// Source: AWS documentation (`X-Amzn-Trace-Id`, `X-Amz-Cf-Id`), Cloudflare (`CF-Ray`), W3C Trace Context
/// (`traceparent`), Envoy and nginx (`X-Request-ID`), ARR (`X-ARR-LOG-ID`).
pub fn id_header(name: &[u8]) -> Option<Field> {
    let is = |header: &str| {
        name.len() == header.len()
            && name.iter().zip(header.bytes()).all(|(byte, expected)| {
                byte.eq_ignore_ascii_case(&expected) || (*byte == b'_' && expected == b'-')
            })
    };
    let of = |headers: &[&str]| headers.iter().any(|header| is(header));
    if of(&["x-request-id", "x-arr-log-id", "x-correlation-id", "request-id"]) {
        return Some(Field::RequestId);
    }
    if of(&["x-amzn-trace-id", "traceparent", "x-b3-traceid", "x-cloud-trace-context"]) {
        return Some(Field::TraceId);
    }
    of(&["x-amz-cf-id", "cf-ray", "x-azure-ref", "akamai-request-id"])
        .then_some(Field::EdgeRequestId)
}

/// The part of an id that every hop writes alike: without the name, parents and sampling marks around it.
///
/// `Root=1-67891233-abcdef012345678912345678;Sampled=1` gives the root, `00-<trace>-<span>-01` the trace, and
/// `8f2d3c4b5a697887-FRA` what stands before the place.
pub fn plain_id(raw: &[u8]) -> &[u8] {
    let mut id = raw.trim_ascii();
    if let Some(root) = memchr::memmem::find(id, b"Root=") {
        id = &id[root + 5..];
        id = &id[..memchr::memchr(b';', id).unwrap_or(id.len())];
    }
    match (id.len(), id) {
        (55, [b'0', b'0', b'-', trace @ .., b'-', _, _]) if trace.get(32) == Some(&b'-') => {
            &trace[..32]
        }
        (20, [ray @ .., b'-', _, _, _]) if ray.iter().all(u8::is_ascii_hexdigit) => ray,
        (_, [b'{', inner @ .., b'}']) => inner,
        _ => id,
    }
}

/// How a log escapes bytes inside values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Escape {
    /// nginx `escape=default`: `\xHH` for control bytes, `"`, `\` and bytes above 0x7E.
    Default,
    /// nginx `escape=json` and JSON objects: backslash escapes.
    Json,
    /// Apache: `\"`, `\\`, `\n` and the like; `\xhh` in lower case for other control bytes and bytes above 0x7E.
    Apache,
    /// `CloudFront`: `%XX`, once over whatever the client sent.
    Percent,
    /// `HAProxy`: `#HH` for control bytes, `"`, `#` and bytes above 0x7E.
    Haproxy,
    /// Nothing is escaped.
    None,
}

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
        (target, if is_path_alone { self.value(Field::Args) } else { None })
    }

    /// Duration in microseconds, where the layout has it.
    pub fn duration_us(&self) -> Option<u64> {
        // The number is read as if it were seconds, so that fractions of smaller units count too.
        let scaled = |field, per_second| {
            self.value(field).and_then(parse_seconds_us).map(|micros| micros / per_second)
        };
        scaled(Field::RequestTimeMicros, 1_000_000)
            .or_else(|| scaled(Field::RequestTimeMillis, 1000))
            .or_else(|| scaled(Field::RequestTimeNanos, 1_000_000_000))
            .or_else(|| self.value(Field::RequestTime).and_then(parse_duration_us))
            .or_else(|| {
                // The parts that a load balancer tells; one of them is -1 when it has no answer.
                let part = |field| self.value(field).and_then(parse_seconds_us);
                let request_us = part(Field::RequestProcessingTime)?;
                let target_us = part(Field::TargetProcessingTime)?;
                request_us.checked_add(target_us)?.checked_add(part(Field::ResponseProcessingTime)?)
            })
    }

    /// Body bytes sent, where the layout has them. Apache's `%b` writes `-` for 0.
    pub fn body_bytes(&self) -> Option<u64> {
        match self.raw(Field::BodyBytes)? {
            b"-" if self.escape == Escape::Apache => Some(0),
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
    /// The message without its context suffix. May hold raw newlines.
    pub message: &'a [u8],
    /// Client address of the context.
    pub client: Option<&'a [u8]>,
    /// Server name of the context.
    pub server: Option<&'a [u8]>,
    /// Request line of the context, raw.
    pub request: Option<&'a [u8]>,
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

/// Undoes `escape` into `out` and returns how many bytes of `out` were filled; stops when `out` is full.
pub fn unescape(escape: Escape, raw: &[u8], out: &mut [u8]) -> usize {
    let (mut from, mut to) = (0, 0);
    while from < raw.len() && to < out.len() {
        let (byte, used) = match (escape, &raw[from..]) {
            (Escape::Default | Escape::Apache, [b'\\', b'x', high, low, ..]) => {
                match (hex(*high), hex(*low)) {
                    (Some(high), Some(low)) => (high * 16 + low, 4),
                    _ => (b'\\', 1),
                }
            }
            (Escape::Apache, [b'\\', code, ..]) => match code {
                b'n' => (b'\n', 2),
                b'r' => (b'\r', 2),
                b't' => (b'\t', 2),
                b'b' => (8, 2),
                b'v' => (11, 2),
                b'"' | b'\\' => (*code, 2),
                _ => (b'\\', 1),
            },
            (Escape::Haproxy, [b'#', high, low, ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high * 16 + low, 3),
                _ => (b'#', 1),
            },
            (Escape::Json, [b'\\', b'u', a, b, c, d, ..]) => {
                match (hex(*a), hex(*b), hex(*c), hex(*d)) {
                    (Some(0), Some(0), Some(high), Some(low)) => (high * 16 + low, 6),
                    _ => (b'\\', 1),
                }
            }
            (Escape::Json, [b'\\', code, ..]) => {
                let byte = match code {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'f' => 12,
                    other => *other,
                };
                (byte, 2)
            }
            (Escape::Percent, [b'%', high, low, ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high * 16 + low, 3),
                _ => (b'%', 1),
            },
            (_, rest) => (rest[0], 1),
        };
        out[to] = byte;
        to += 1;
        from += used;
    }
    to
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
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

    #[test]
    fn escapes_are_undone() {
        let check = |escape, raw: &str, plain: &[u8]| {
            let mut out = [0; 64];
            let n = unescape(escape, raw.as_bytes(), &mut out);
            assert_eq!(&out[..n], plain);
        };
        check(Escape::Default, "a\\x22b\\x5Cc", b"a\"b\\c");
        check(Escape::Default, "a\\xZZ", b"a\\xZZ");
        check(Escape::Apache, "a\\\"b\\\\c\\t\\xf9\\xZZ\\q\\", b"a\"b\\c\t\xf9\\xZZ\\q\\");
        check(Escape::Json, "a\\\"b\\\\c\\u001F\\n", b"a\"b\\c\x1f\n");
        check(Escape::Percent, "a%20b%2520c%zz%", b"a b%20c%zz%");
        check(Escape::Haproxy, "a#22b#23#zz#2", b"a\"b##zz#2");
        check(Escape::None, "a\\x22", b"a\\x22");
    }
}
