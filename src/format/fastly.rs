//! Fastly's logs: the format is the operator's choice; the documented one in JSON and its usual variants are known, and
//! lines of text by their column of states.
//!
//! In: lines with a key that only Fastly's variables are called, or with states that only Fastly writes. Out: access
//! records.
//! Source: Fastly documentation, "Useful log formats" (JSON), "Common 503 errors"; VCL variables `fastly_info.state`,
//! `resp.response`, `fastly.ff.visits_this_service`.

use super::Instant;
use super::infer::telltale::{Columns, Telltale, TextFormat};
use super::json_declared::{ANY_TIME, Declared, Use, key, time_at};
use crate::record::{Escape, Field};
use crate::taxonomy::Server;

/// An endpoint that writes JSON.
pub const ACCESS: Declared = Declared {
    name: "fastly_access",
    summary: "Fastly logs in JSON; recognised by keys such as \"fastly_info.state\", \"fastly_server\" or \"fastly_is_edge\"",
    server: Server::Fastly,
    instant: Instant::Start,
    required: &[
        key(&[
            "fastly_server",
            "fastly_is_edge",
            "fastly_is_shield",
            "fastly_info.state",
            "fastly_info_state",
            "fastly_info>state",
            "fastly_state",
            "fastly_ff",
        ]),
        key(&[
            "response_status",
            "status",
            "resp.status",
            "resp_status",
            "resp>status",
            "status_code",
            "response_code",
        ]),
    ],
    besides: &[],
    time: &[
        time_at("timestamp", ANY_TIME),
        time_at("time", ANY_TIME),
        time_at("time_start", ANY_TIME),
        time_at("start_time", ANY_TIME),
        time_at("request_start", ANY_TIME),
        time_at("@timestamp", ANY_TIME),
        time_at("time_start_msec", ANY_TIME),
        time_at("time.start.sec", ANY_TIME),
    ],
    status: &[
        "response_status",
        "resp.status",
        "resp_status",
        "resp>status",
        "status",
        "status_code",
        "response_code",
    ],
    fields: &[
        ("client_ip", Use::Client),
        ("client.ip", Use::Client),
        ("req.http.Fastly-Client-IP", Use::Client),
        ("remote_addr", Use::Client),
        ("host", Use::As(Field::Host)),
        ("request_host", Use::As(Field::Host)),
        ("req.http.host", Use::As(Field::Host)),
        ("url", Use::Url),
        ("req.url", Use::Url),
        ("req>url", Use::Url),
        ("request_url", Use::Url),
        ("path", Use::As(Field::Uri)),
        ("request_method", Use::As(Field::Method)),
        ("req.method", Use::As(Field::Method)),
        ("req>method", Use::As(Field::Method)),
        ("req.request", Use::As(Field::Method)),
        ("method", Use::As(Field::Method)),
        ("request", Use::As(Field::Request)),
        ("request_protocol", Use::As(Field::Protocol)),
        ("request_referer", Use::As(Field::Referer)),
        ("request_user_agent", Use::As(Field::UserAgent)),
        ("user_agent", Use::As(Field::UserAgent)),
        ("req.http.User-Agent", Use::As(Field::UserAgent)),
        ("response_body_size", Use::As(Field::BodyBytes)),
        ("resp.body_bytes_written", Use::As(Field::BodyBytes)),
        ("response_state", Use::As(Field::UpstreamCacheStatus)),
        ("fastly_info.state", Use::As(Field::UpstreamCacheStatus)),
        ("fastly_info_state", Use::As(Field::UpstreamCacheStatus)),
        ("fastly_info>state", Use::As(Field::UpstreamCacheStatus)),
        ("fastly_state", Use::As(Field::UpstreamCacheStatus)),
        ("cache_status", Use::As(Field::UpstreamCacheStatus)),
        ("response_reason", Use::As(Field::ResponseDetails)),
        ("resp.response", Use::As(Field::ResponseDetails)),
        ("resp>response", Use::As(Field::ResponseDetails)),
        ("obj.response", Use::As(Field::ResponseDetails)),
        ("obj>response", Use::As(Field::ResponseDetails)),
        ("reason", Use::As(Field::ResponseDetails)),
        ("request_id", Use::As(Field::RequestId)),
        ("x_request_id", Use::As(Field::RequestId)),
        ("req.xid", Use::As(Field::RequestId)),
        ("trace_id", Use::As(Field::TraceId)),
        ("backend", Use::As(Field::UpstreamAddr)),
        ("backend_name", Use::As(Field::UpstreamAddr)),
        ("req.backend", Use::As(Field::UpstreamAddr)),
        ("beresp.status", Use::As(Field::UpstreamStatus)),
        ("time_elapsed", Use::As(Field::RequestTimeMicros)),
        ("time_elapsed_usec", Use::As(Field::RequestTimeMicros)),
        ("time.elapsed.usec", Use::As(Field::RequestTimeMicros)),
        ("time_elapsed_msec", Use::As(Field::RequestTimeMillis)),
        ("time.elapsed.msec", Use::As(Field::RequestTimeMillis)),
    ],
    finish: None,
};

/// `%{fastly_info.state}V`, whatever else an operator logs.
const STATES: Telltale = Telltale {
    is_value: is_state,
    // Other caches know hits and misses too.
    is_proof: |value| value == b"ERROR" || is_own_state(value),
    // Every log knows errors.
    is_sure: |columns, idx| {
        let has_reason = |other: usize| columns.any(other, is_own_reason);
        columns.any(idx, is_own_state) || (0..columns.n()).any(has_reason)
    },
    hints: &["ERROR", "-CLUSTER", "BG-", "-SYNTH", "-LOSTHDR"],
    is_word: false,
    field: Field::UpstreamCacheStatus,
    escape: Escape::Default,
    name,
    finish: |_| {},
};

/// The same under a key of an object, which is called as a state of a cache is.
pub(super) const STATES_BY_KEY: Telltale = Telltale {
    is_proof: is_own_state,
    is_sure: |columns, idx| {
        let label = columns.label(idx);
        ["fastly", "cache", "state"].iter().any(|word| label.contains(word))
    },
    ..STATES
};

/// Reasons under a key of Fastly's, or under a plain one where Fastly shows beside it: Varnish and applications have the
/// same words.
pub(super) const REASONS: Telltale = Telltale {
    is_value: |_| true,
    is_proof: |value| value == b"OK",
    is_sure: |columns, idx| {
        let is_reason = |label: &str| label.contains("reason") || label.contains("response");
        let label = columns.label(idx);
        let is_timeout =
            |value: &[u8]| matches!(value, b"first byte timeout" | b"between bytes timeout");
        let is_telling = columns.any(idx, is_own_reason) || columns.any(idx, is_timeout);
        // A header that Fastly sends to a backend (`Fastly-Client-IP`) is no sign.
        let is_sign = |other: usize| {
            let label = columns.label(other);
            ["fastlyinfo", "fastlyis", "fastlyserver", "fastlystate", "fastlyreason"]
                .iter()
                .any(|sign| label.starts_with(sign))
                || (columns.all(other, is_state) && columns.any(other, is_own_state))
        };
        label == "fastlyreason"
            || (is_reason(&label)
                && (label.starts_with("fastlyinfo")
                    || (is_telling && (0..columns.n()).any(is_sign))))
    },
    hints: &[],
    is_word: false,
    field: Field::ResponseDetails,
    escape: Escape::Default,
    name: |columns| {
        columns.set_first(Field::UpstreamCacheStatus, |columns, idx| columns.all(idx, is_state));
    },
    finish: |_| {},
};

/// True for states that no other cache has: what was done, and how.
fn is_own_state(value: &[u8]) -> bool {
    const OWN: &[&[u8]] = &[b"CLUSTER", b"BG", b"SYNTH", b"LOSTHDR", b"REMOTE"];
    let mut parts = value.split(|byte| *byte == b'-');
    value.contains(&b'-') && is_state(value) && parts.any(|part| OWN.contains(&part))
}

/// True for reasons that only the edge gives; Varnish knows timeouts by the same words.
fn is_own_reason(value: &[u8]) -> bool {
    const OWN: &[&[u8]] = &[
        b"All backends failed or unhealthy",
        b"Backend is unhealthy",
        b"backend read error",
        b"backend write error",
        b"Backend.max_conn reached",
    ];
    OWN.contains(&value)
}

/// True for a state: what was done, and words about how, joined by `-`.
fn is_state(value: &[u8]) -> bool {
    const WORDS: &[&[u8]] = &[
        b"HIT",
        b"MISS",
        b"PASS",
        b"PIPE",
        b"ERROR",
        b"SYNTH",
        b"HITPASS",
        b"NONE",
        b"BG",
        b"CLUSTER",
        b"STALE",
        b"WAIT",
        b"REFRESH",
        b"REMOTE",
        b"RECV",
        b"LOSTHDR",
        b"DELIVER",
        b"HITWAIT",
        b"REVALIDATED",
        b"SHIELD",
    ];
    !value.is_empty() && value.split(|byte| *byte == b'-').all(|part| WORDS.contains(&part))
}

/// Reason phrases: a column that says of some line what only the edge says.
fn name(columns: &mut Columns<'_>) {
    const REASONS: &[&[u8]] = &[
        b"All backends failed or unhealthy",
        b"Backend is unhealthy",
        b"backend read error",
        b"first byte timeout",
        b"between bytes timeout",
        b"connection timed out",
        b"connection refused",
        b"SSL handshake error",
        b"Backend.max_conn reached",
        b"Service Unavailable",
    ];
    columns.set_first(Field::ResponseDetails, |columns, idx| {
        columns.any(idx, |value| REASONS.contains(&value))
    });
}

/// Lines of text, known by their states.
pub const TEXT: TextFormat = TextFormat {
    name: "fastly_text",
    summary: "Fastly logs in text with a column of fastly_info.state; recognised by states such as HIT-CLUSTER, or by ERROR beside a reason of Fastly",
    server: Server::Fastly,
    telltale: STATES,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Format, Sample};
    use crate::record::Record;

    #[track_caller]
    fn check(last: &str, fields: &[(Field, &str)]) {
        let line = |state: &str| {
            format!("192.0.2.1 - - [11/Aug/2026:06:05:00 +0000] \"GET /a HTTP/1.1\" {state}")
        };
        let lines = [line("200 5 HIT \"OK\""), line("200 5 MISS \"OK\""), line(last)];
        let sample = Sample::of(lines.iter().map(String::as_bytes).collect());
        let Some(proposal) = TEXT.propose(&sample) else {
            return assert!(fields.is_empty(), "not recognised: {last}");
        };
        let Ok(Record::Access(record)) = proposal.reader.parse(lines[2].as_bytes()) else {
            panic!("not read: {last}");
        };
        for (field, value) in fields {
            assert_eq!(record.raw(*field), Some(value.as_bytes()), "{last}");
        }
        assert!(!fields.is_empty(), "recognised: {last}");
    }

    #[test]
    fn states_tell_whose_lines_of_text_are() {
        check(
            "503 450 ERROR \"Backend is unhealthy\"",
            &[
                (Field::UpstreamCacheStatus, "ERROR"),
                (Field::ResponseDetails, "Backend is unhealthy"),
                (Field::Status, "503"),
            ],
        );
        check("503 450 MISS-CLUSTER \"x\"", &[(Field::UpstreamCacheStatus, "MISS-CLUSTER")]);
        // Any log, and any cache, says so.
        check("503 450 ERROR \"x\"", &[]);
        check("503 450 MISS \"x\"", &[]);
        check("503 450 EXPIRED \"x\"", &[]);
    }
}
