//! Akamai `DataStream` 2: in JSON, one object per request, fields without a value left out; as text, fields in the order
//! of the stream, known by their column of error codes.
//!
//! In: lines with `reqTimeSec` and `statusCode`, or with codes of the edge. Out: access records.
//! Source: Akamai documentation, `DataStream` 2 "Data set parameters" (names and order of the JSON log format).

use super::Instant;
use super::infer::telltale::{Telltale, TextFormat};
use super::json_declared::{ANY_TIME, Declared, Use, key, time_at};
use crate::record::{Escape, Field};
use crate::taxonomy::Server;

/// A stream of raw logs.
pub const DATASTREAM: Declared = Declared {
    name: "akamai_datastream",
    summary: "Akamai DataStream 2 (JSON); recognised by \"reqTimeSec\" and \"statusCode\"",
    server: Server::Akamai,
    instant: Instant::Start,
    required: &[key(&["reqTimeSec"]), key(&["statusCode"])],
    besides: &[],
    time: &[time_at("reqTimeSec", ANY_TIME)],
    status: &["statusCode"],
    fields: &[
        ("cliIP", Use::As(Field::RemoteAddr)),
        ("reqHost", Use::As(Field::Host)),
        ("reqMethod", Use::As(Field::Method)),
        ("reqPath", Use::As(Field::Uri)),
        ("queryStr", Use::As(Field::Args)),
        ("proto", Use::As(Field::Protocol)),
        ("UA", Use::As(Field::UserAgent)),
        ("referer", Use::As(Field::Referer)),
        ("xForwardedFor", Use::As(Field::ForwardedFor)),
        ("reqId", Use::As(Field::RequestId)),
        ("bytes", Use::As(Field::BodyBytes)),
        ("totalBytes", Use::As(Field::BytesSent)),
        ("cacheStatus", Use::As(Field::UpstreamCacheStatus)),
        ("errorCode", Use::As(Field::ResponseDetails)),
        ("breadcrumbs", Use::As(Field::Breadcrumbs)),
        ("turnAroundTimeMSec", Use::As(Field::RequestTimeMillis)),
        ("edgeIP", Use::As(Field::ServerIp)),
        ("securityRules", Use::As(Field::SecurityAction)),
    ],
    finish: None,
};

/// Error codes of the edge: `ERR_CONNECT_FAIL`, perhaps with more behind a bar.
const CODES: Telltale = Telltale {
    is_value: |value| value == b"-" || is_code(value),
    is_proof: is_code,
    is_sure: |_, _| true,
    hints: &["ERR_"],
    is_word: false,
    field: Field::ResponseDetails,
    escape: Escape::Default,
    name: |columns| {
        columns.set_first(Field::RequestUri, |columns, idx| {
            columns.all(idx, |value| value.contains(&b'='))
        });
    },
    finish: |_| {},
};

fn is_code(value: &[u8]) -> bool {
    value.strip_prefix(b"ERR_").is_some_and(|rest| {
        let word = rest.split(|byte| *byte == b'|').next().unwrap_or(rest);
        !word.is_empty() && word.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_')
    })
}

/// Structured logs, known by their error codes.
pub const DATASTREAM_TEXT: TextFormat = TextFormat {
    name: "akamai_datastream_text",
    summary: "Akamai DataStream 2 (structured) with a column of error codes; recognised by codes such as ERR_CONNECT_FAIL",
    server: Server::Akamai,
    telltale: CODES,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Format, Sample};
    use crate::record::Record;

    #[test]
    fn codes_tell_whose_structured_lines_are() {
        let line = |at: u32, code: &str| {
            format!("7050 a1b2 17869{at}.123 192.0.2.1 503 www.example.com {code}")
        };
        let lines = [line(10000, "-"), line(10001, "-"), line(10002, "ERR_READ_TIMEOUT|x")];
        let sample = Sample::of(lines.iter().map(String::as_bytes).collect());
        let proposal = DATASTREAM_TEXT.propose(&sample).expect("recognised");
        let Ok(Record::Access(record)) = proposal.reader.parse(lines[2].as_bytes()) else {
            panic!("not read")
        };
        assert_eq!(record.raw(Field::ResponseDetails), Some(&b"ERR_READ_TIMEOUT|x"[..]));
        assert_eq!(record.raw(Field::RemoteAddr), Some(&b"192.0.2.1"[..]));
        assert_eq!(record.stamp.micros, 1_786_910_002_123_000);
        // A browser's word for a failure, in a log of something else.
        let other = lines.map(|line| line.replace("ERR_READ_TIMEOUT|x", "ERR_x"));
        let sample = Sample::of(other.iter().map(String::as_bytes).collect());
        assert!(DATASTREAM_TEXT.propose(&sample).is_none());
    }
}
