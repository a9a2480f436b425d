//! The vocabulary of access-log fields.
//!
//! In: nothing. Out: [`Field`], onto which every format maps the names of its server.

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
    /// `HAProxy`: the backend again, where other lines show that it has servers.
    ServedBackend,
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
    /// `HAProxy`: all timers of a request, with slashes between them (`%TR/%Tw/%Tc/%Tr/%Ta`).
    Timers,
    /// Time until the request was there, in milliseconds; -1 where no backend's rules ever saw it (`HAProxy` `%TR`, `%Tq`).
    ReceiveTimeMillis,
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
