//! Envoy's access log, and that of Istio's proxies: text by a format string, and JSON with an operator's keys.
//!
//! In: lines. Out: access records. Format strings are compiled (`envoy/format_string.rs`); the usual ones are tried in
//! turn; lines that only begin as they do are read up to the response flags, and what stands behind by its values.
//! Invariants: flags and details are Envoy's own words; a line whose flags are none is not of the format.
//! Source: Envoy documentation, "Access logging" (`command operators`, default format); Istio, "Envoy access logs".

mod custom;
mod format_string;

#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

pub(super) use self::custom::{BY_DETAILS, FLAGS_BY_KEY};
use super::json_declared::{ANY_TIME, Declared, Use, key, time_at};
use super::layout_reader::LayoutReader;
use super::{About, Format, FormatBasis, Instant, Proposal, Reader, Sample};
use crate::bytes::without_client_port;
use crate::record::{AccessRecord, Escape, Field};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// Where the status is.
const STATUS: &[&str] =
    &["response_code", "status", "status_code", "response_status", "code", "resp_code"];

/// The JSON log, by Istio's names, Envoy Gateway's, and those that operators derive from the names of operators.
pub const JSON: Declared = Declared {
    name: "envoy_json",
    summary: "Envoy and Istio access logs (JSON); recognised by \"response_flags\" or \"response_code_details\"",
    server: Server::Envoy,
    instant: Instant::Start,
    required: &[
        key(&[
            "response_flags",
            "response_flags_long",
            "response_code_details",
            "resp_flags",
            "resp_code_details",
        ]),
        key(STATUS),
    ],
    besides: &[],
    time: &[
        time_at("start_time", ANY_TIME),
        time_at("timestamp", ANY_TIME),
        time_at("@timestamp", ANY_TIME),
        time_at("time", ANY_TIME),
        time_at("ts", ANY_TIME),
        time_at("date", ANY_TIME),
    ],
    status: STATUS,
    fields: &[
        ("downstream_remote_address", Use::Client),
        ("downstream_remote_address_without_port", Use::Client),
        ("client_ip", Use::Client),
        ("x_forwarded_for", Use::FirstClient),
        ("forwarded_for", Use::FirstClient),
        ("method", Use::As(Field::Method)),
        ("request_method", Use::As(Field::Method)),
        ("req_method", Use::As(Field::Method)),
        ("req_path", Use::Url),
        ("path", Use::Url),
        ("request_path", Use::Url),
        ("x-envoy-original-path", Use::Url),
        ("x-envoy-origin-path", Use::Url),
        ("uri", Use::Url),
        ("url", Use::Url),
        ("protocol", Use::As(Field::Protocol)),
        ("authority", Use::As(Field::Host)),
        (":authority", Use::As(Field::Host)),
        ("authority_for", Use::As(Field::Host)),
        ("host", Use::As(Field::Host)),
        ("requested_server_name", Use::As(Field::ServerName)),
        ("user_agent", Use::As(Field::UserAgent)),
        ("referer", Use::As(Field::Referer)),
        ("request_id", Use::As(Field::RequestId)),
        ("x_request_id", Use::As(Field::RequestId)),
        ("req_id", Use::As(Field::RequestId)),
        ("trace_id", Use::As(Field::TraceId)),
        ("traceparent", Use::As(Field::TraceId)),
        ("response_flags", Use::As(Field::ResponseFlags)),
        ("response_flags_long", Use::As(Field::ResponseFlags)),
        ("resp_flags", Use::As(Field::ResponseFlags)),
        ("response_code_details", Use::As(Field::ResponseDetails)),
        ("resp_code_details", Use::As(Field::ResponseDetails)),
        ("upstream_transport_failure_reason", Use::As(Field::TransportFailure)),
        ("upstream_host", Use::As(Field::UpstreamAddr)),
        ("upstream_cluster", Use::As(Field::ProxyUpstreamName)),
        ("upstream_service_time", Use::As(Field::UpstreamHeaderTime)),
        ("x-envoy-upstream-service-time", Use::As(Field::UpstreamHeaderTime)),
        ("duration", Use::As(Field::RequestTimeMillis)),
        ("total_duration", Use::As(Field::RequestTimeMillis)),
        ("bytes_sent", Use::As(Field::BodyBytes)),
        ("bytes_received", Use::As(Field::RequestLength)),
        ("x_forwarded_for", Use::As(Field::ForwardedFor)),
    ],
    finish: Some(|record| {
        finish(record);
    }),
};

/// Envoy's own format, and those of Istio by age.
const FORMATS: &[(&str, &str)] = &[
    (
        "istio",
        "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%",
    ),
    (
        "istio-1.8",
        "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%",
    ),
    (
        "istio-1.2",
        "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% \"%DYNAMIC_METADATA(istio.mixer:status)%\" \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%",
    ),
    (
        "envoy",
        "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"",
    ),
    // Emissary-ingress (Ambassador), whose other logs go to the same stream.
    (
        "emissary",
        "ACCESS [%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"",
    ),
    (
        "kuma",
        "[%START_TIME%] %KUMA_MESH% \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-B3-TRACEID?X-DATADOG-TRACEID)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%KUMA_SOURCE_SERVICE%\" \"%KUMA_DESTINATION_SERVICE%\" \"%KUMA_SOURCE_ADDRESS_WITHOUT_PORT%\" \"%UPSTREAM_HOST%\"",
    ),
    // The same with columns added behind.
    (
        "istio-more",
        "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME% %REST%",
    ),
    (
        "envoy-more",
        "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %REST%",
    ),
    // Whatever else stands behind the flags is told by its values.
    (
        "envoy-start",
        "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %REST%",
    ),
];

/// A reader for a format string, or for the name of a usual one.
///
/// # Errors
///
/// Says in words why such lines cannot be read.
pub fn parse_spec(spec: &str) -> Result<Arc<dyn Reader>, String> {
    let known = FORMATS.iter().find(|row| row.0 == spec);
    Ok(Arc::new(reader_of(known.map_or(spec, |row| row.1), FormatBasis::Given)?))
}

/// True for text with command operators that only Envoy knows, or the name of a usual format.
pub fn is_spec(spec: &str) -> bool {
    const OPERATORS: &[&str] = &["%RESPONSE_CODE%", "%START_TIME", "%RESPONSE_FLAGS", "%REQ("];
    OPERATORS.iter().any(|operator| spec.contains(operator))
        || FORMATS.iter().any(|row| row.0 == spec)
}

fn reader_of(body: &str, basis: FormatBasis) -> Result<LayoutReader, String> {
    let layout = format_string::compile(body)?;
    let about = about(body, layout.notation(), basis);
    Ok(LayoutReader { layout, about, finish })
}

/// The readers of [`FORMATS`]. Compiled once, for all inputs.
static READERS: LazyLock<Vec<LayoutReader>> = LazyLock::new(|| {
    let reader = |(_, body): &(&str, &str)| reader_of(body, FormatBasis::Detected).ok();
    FORMATS.iter().filter_map(reader).collect()
});

fn about(body: &str, notation: Notation, basis: FormatBasis) -> About {
    let known = FORMATS.iter().find(|row| row.1 == body);
    About {
        format: EnvoyFormat::NAME,
        layout: known.map_or(body, |row| row.0).to_owned(),
        server: Server::Envoy,
        role: LogRole::Access,
        notation,
        instant: Instant::Start,
        basis,
        ambiguous_with: None,
    }
}

/// Recognises Envoy's text formats.
#[derive(Debug)]
pub struct EnvoyFormat;

impl EnvoyFormat {
    const NAME: &'static str = "envoy_access";
}

impl Format for EnvoyFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "Envoy and Istio access logs (text): the default formats, and what begins as they do; others by --log-format"
    }

    fn given(&self, spec: &str) -> Option<Result<Arc<dyn Reader>, String>> {
        is_spec(spec).then(|| parse_spec(spec))
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        let is_usual = |line: &&[u8]| READERS.iter().any(|reader| reader.parse(line).is_ok());
        if !sample.lines.iter().any(is_usual) {
            return custom::custom(sample);
        }
        let counted = READERS.iter().map(|reader| {
            let n_accepted = sample.count(|line| reader.parse(line).is_ok());
            (reader, n_accepted)
        });
        // Of two that take as many lines, the first.
        let best = counted.reduce(|best, other| if other.1 > best.1 { other } else { best });
        best.and_then(|(reader, n_accepted)| Proposal::counted(reader.clone(), n_accepted))
    }
}

/// Short and long names of response flags; custom ones may come in addition.
///
/// Source: Envoy `source/common/stream_info/utility.h` (`ResponseFlagUtils`).
pub const FLAGS: &[(&str, &str)] = &[
    ("LH", "FailedLocalHealthCheck"),
    ("UH", "NoHealthyUpstream"),
    ("UT", "UpstreamRequestTimeout"),
    ("LR", "LocalReset"),
    ("UR", "UpstreamRemoteReset"),
    ("UF", "UpstreamConnectionFailure"),
    ("UC", "UpstreamConnectionTermination"),
    ("UO", "UpstreamOverflow"),
    ("NR", "NoRouteFound"),
    ("DI", "DelayInjected"),
    ("FI", "FaultInjected"),
    ("RL", "RateLimited"),
    ("UAEX", "UnauthorizedExternalService"),
    ("RLSE", "RateLimitServiceError"),
    ("DC", "DownstreamConnectionTermination"),
    ("URX", "UpstreamRetryLimitExceeded"),
    ("SI", "StreamIdleTimeout"),
    ("IH", "InvalidEnvoyRequestHeaders"),
    ("DPE", "DownstreamProtocolError"),
    ("UMSDR", "UpstreamMaxStreamDurationReached"),
    ("RFCF", "ResponseFromCacheFilter"),
    ("NFCF", "NoFilterConfigFound"),
    ("DT", "DurationTimeout"),
    ("UPE", "UpstreamProtocolError"),
    ("NC", "NoClusterFound"),
    ("OM", "OverloadManagerTerminated"),
    ("DF", "DnsResolutionFailed"),
    ("DO", "DropOverload"),
    ("DR", "DownstreamRemoteReset"),
    ("UDO", "UnconditionalDropOverload"),
];

/// True for a list of flags, or the mark of none.
fn is_flags(text: &[u8]) -> bool {
    text == b"-"
        || text.split(|byte| *byte == b',').all(|flag| {
            let is_custom =
                (2..=8).contains(&flag.len()) && flag.iter().all(u8::is_ascii_uppercase);
            is_custom || is_known_flag(flag)
        })
}

/// True for a list of flags that are all Envoy's own.
pub(super) fn are_known_flags(text: &[u8]) -> bool {
    text.split(|byte| *byte == b',').all(is_known_flag)
}

/// True for the short or the long name of a flag.
fn is_known_flag(flag: &[u8]) -> bool {
    FLAGS.iter().any(|row| row.0.as_bytes() == flag || row.1.as_bytes() == flag)
}

/// Looks at the values of a line: flags must be flags; the client comes from the connection, else from the first of
/// the forwarded addresses; what stands behind the flags of an unknown format is told by its values.
fn finish(record: &mut AccessRecord<'_>) -> bool {
    if record
        .raw(Field::ResponseFlags)
        .is_some_and(|flags| !is_flags(flags) && record.escape == Escape::None)
    {
        return false;
    }
    // A column more, and quotes in what clients sent, shift the others: then that is no host.
    let is_host = |host: &[u8]| host.iter().any(|byte| b":/@".contains(byte));
    if record.escape == Escape::None
        && record.value(Field::UpstreamAddr).is_some_and(|host| !is_host(host))
    {
        return false;
    }
    if let Some(rest) = record.raw(Field::Rest) {
        by_values(record, rest);
    }
    if let Some(client) = record.value(Field::RemoteAddr) {
        record.replace(Field::RemoteAddr, Some(without_client_port(client)));
    } else if let Some(forwarded) = record.value(Field::ForwardedFor) {
        let first = forwarded.split(|byte| *byte == b',').next().unwrap_or(forwarded);
        record.replace(Field::RemoteAddr, Some(first.trim_ascii()));
    }
    true
}

/// Sets what the words of a text can only be, where no column says it: details, the id of the request, the host of the
/// backend.
fn by_values<'a>(record: &mut AccessRecord<'a>, rest: &'a [u8]) {
    fn set_new<'a>(record: &mut AccessRecord<'a>, field: Field, value: &'a [u8]) {
        if record.raw(field).is_none() {
            record.set(field, value);
        }
    }
    let is_plain = |word: &[u8]| !word.is_empty() && !word.contains(&b'"');
    for (index, word) in rest.split(|byte| *byte == b' ').enumerate() {
        let inside = word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\""));
        match inside {
            Some(id) if is_uuid(id) => set_new(record, Field::RequestId, id),
            Some(host) if is_address(host) => set_new(record, Field::UpstreamAddr, host),
            None if index == 0 && is_plain(word) && word.iter().any(u8::is_ascii_lowercase) => {
                set_new(record, Field::ResponseDetails, word);
            }
            None if word.starts_with(b"outbound|") || word.starts_with(b"inbound|") => {
                set_new(record, Field::ProxyUpstreamName, word);
            }
            _ => {}
        }
    }
}

/// `95f715e6-e8fc-495a-ac59-dea3f8100526`
fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// `10.0.0.1:80`, `[2001:db8::1]:80`
fn is_address(text: &[u8]) -> bool {
    let bare = without_client_port(text);
    bare.len() < text.len()
        && std::str::from_utf8(bare).is_ok_and(|bare| bare.parse::<std::net::IpAddr>().is_ok())
}
