//! Access logs of Amazon API Gateway: the presets of its console as text, JSON with the usual keys, any given template.
//!
//! In: lines without terminator. Out: access records by way of a [`Layout`], or of declared keys.
//! Invariants: the operator writes the format, and a request id is always part of it. Of the text presets a line is only
//! taken with an id as the gateway makes them, so that lines of others with the same columns are left to them.
//! Source: API Gateway developer guide, "Set up `CloudWatch` logging for REST APIs" and "Customize HTTP API access logs":
//! the presets CLF, JSON, XML and CSV; "Variables for access logging".

use std::sync::{Arc, LazyLock};

use super::json_declared::{Declared, Use, key, time_at};
use super::layout::{Kind, Layout, Part};
use super::layout_reader::{AS_CUT, LayoutReader};
use super::{About, Format, FormatBasis, Instant, Proposal, Reader, Sample};
use crate::record::{AccessRecord, Escape, Field};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// What every variable starts with.
const PREFIX: &str = "$context.";

/// The text presets by name, and variants of them that the guide has had.
const PRESETS: &[(&str, &str)] = &[
    (
        "clf",
        r#"$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime]"$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength $context.requestId $context.extendedRequestId"#,
    ),
    (
        "clf",
        r#"$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime] "$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength $context.requestId $context.extendedRequestId"#,
    ),
    (
        "clf",
        r#"$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime]"$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength $context.requestId"#,
    ),
    (
        "clf",
        r#"$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime] "$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength $context.requestId"#,
    ),
    // HTTP APIs: the route key is method and path.
    (
        "clf",
        r#"$context.identity.sourceIp - - [$context.requestTime] "$context.httpMethod $context.routeKey $context.protocol" $context.status $context.responseLength $context.requestId"#,
    ),
    (
        "csv",
        "$context.identity.sourceIp,$context.identity.caller,$context.identity.user,$context.requestTime,$context.httpMethod,$context.resourcePath,$context.protocol,$context.status,$context.responseLength,$context.requestId,$context.extendedRequestId",
    ),
    (
        "csv",
        "$context.identity.sourceIp,$context.identity.caller,$context.identity.user,$context.requestTime,$context.httpMethod,$context.resourcePath,$context.protocol,$context.status,$context.responseLength,$context.requestId",
    ),
    (
        "csv",
        "$context.identity.sourceIp,$context.requestTime,$context.httpMethod,$context.routeKey,$context.protocol,$context.status,$context.responseLength,$context.requestId",
    ),
    (
        "xml",
        r#"<request id="$context.requestId"> <extendedRequestId>$context.extendedRequestId</extendedRequestId> <ip>$context.identity.sourceIp</ip> <caller>$context.identity.caller</caller> <user>$context.identity.user</user> <requestTime>$context.requestTime</requestTime> <httpMethod>$context.httpMethod</httpMethod> <resourcePath>$context.resourcePath</resourcePath> <status>$context.status</status> <protocol>$context.protocol</protocol> <responseLength>$context.responseLength</responseLength> </request>"#,
    ),
    (
        "xml",
        r#"<request id="$context.requestId"> <ip>$context.identity.sourceIp</ip> <caller>$context.identity.caller</caller> <user>$context.identity.user</user> <requestTime>$context.requestTime</requestTime> <httpMethod>$context.httpMethod</httpMethod> <resourcePath>$context.resourcePath</resourcePath> <status>$context.status</status> <protocol>$context.protocol</protocol> <responseLength>$context.responseLength</responseLength> </request>"#,
    ),
    (
        "xml",
        r#"<request id="$context.requestId"> <ip>$context.identity.sourceIp</ip> <requestTime>$context.requestTime</requestTime> <httpMethod>$context.httpMethod</httpMethod> <routeKey>$context.routeKey</routeKey> <status>$context.status</status> <protocol>$context.protocol</protocol> <responseLength>$context.responseLength</responseLength> </request>"#,
    ),
];

/// Variables that mean something here, or have a narrow shape. All others are opaque text.
const VARIABLES: &[(&str, Field, Kind)] = &[
    ("domainName", Field::Host, Kind::Word),
    ("error.responseType", Field::ErrorType, Kind::Word),
    ("extendedRequestId", Field::Other, Kind::Token),
    ("httpMethod", Field::Method, Kind::Word),
    ("identity.caller", Field::Other, Kind::Token),
    ("identity.sourceIp", Field::RemoteAddr, Kind::Word),
    ("identity.user", Field::RemoteUser, Kind::Token),
    ("identity.userAgent", Field::UserAgent, Kind::Text),
    ("integration.error", Field::Reason, Kind::Text),
    ("integration.integrationStatus", Field::Other, Kind::Word),
    ("integration.status", Field::UpstreamStatus, Kind::Word),
    ("integrationErrorMessage", Field::Reason, Kind::Text),
    ("integrationStatus", Field::UpstreamStatus, Kind::Word),
    ("path", Field::Uri, Kind::Text),
    ("protocol", Field::Protocol, Kind::Word),
    ("requestId", Field::RequestId, Kind::Word),
    ("requestTime", Field::Time, Kind::Time(Notation::Clf)),
    ("requestTimeEpoch", Field::Time, Kind::Time(Notation::EpochMillis)),
    ("resourcePath", Field::Uri, Kind::Text),
    ("responseLatency", Field::RequestTimeMillis, Kind::Integer),
    ("responseLength", Field::BodyBytes, Kind::Integer),
    ("status", Field::Status, Kind::Status),
];

/// Cuts a template into the text before its first variable, and its variables.
fn parts_of(template: &str) -> (String, Vec<Part>) {
    let mut rest = template;
    let (mut lead, mut parts) = (String::new(), Vec::<Part>::new());
    while !rest.is_empty() {
        let at = rest.find(PREFIX).unwrap_or(rest.len());
        let literal = &rest[..at];
        match parts.last_mut() {
            Some(part) => literal.clone_into(&mut part.after),
            None => literal.clone_into(&mut lead),
        }
        let Some(variable) = rest[at..].strip_prefix(PREFIX) else { break };
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        let length = variable.find(|letter| !is_letter(letter)).unwrap_or(variable.len());
        let name = variable[..length].trim_end_matches(['.', '-']);
        let row = VARIABLES.iter().find(|row| row.0 == name);
        let (field, kind) = row.map_or((Field::Other, Kind::Text), |row| (row.1, row.2));
        parts.push(Part { name: name.to_owned(), field, kind, after: String::new() });
        rest = &variable[name.len()..];
    }
    (lead, parts)
}

/// A reader for the template of a stage. `None`: the text has no variable of API Gateway.
///
/// # Errors
///
/// Says in words why such lines cannot be read.
pub fn given(template: &str) -> Option<Result<LayoutReader, String>> {
    let template = template.trim();
    template.contains(PREFIX).then(|| reader_of(template, template, FormatBasis::Given))
}

/// The readers of [`PRESETS`]. Compiled once, for all inputs.
static READERS: LazyLock<Vec<LayoutReader>> = LazyLock::new(|| {
    let reader = |(name, template): &(&str, &str)| reader_of(name, template, FormatBasis::Detected);
    PRESETS.iter().filter_map(|row| reader(row).ok()).collect()
});

fn reader_of(name: &str, template: &str, basis: FormatBasis) -> Result<LayoutReader, String> {
    let (lead, parts) = parts_of(template);
    let layout = Layout::assemble(template, Escape::None, lead, &parts)?;
    let about = About {
        format: ApiGatewayFormat::NAME,
        layout: name.to_owned(),
        server: Server::ApiGateway,
        role: LogRole::Access,
        notation: layout.notation(),
        instant: Instant::Start,
        basis,
        ambiguous_with: None,
    };
    // Blanks between values are everybody's; the id is the service's.
    let finish = match basis {
        FormatBasis::Given => AS_CUT,
        _ => |record: &mut AccessRecord<'_>| record.value(Field::RequestId).is_some_and(is_uuid),
    };
    Ok(LayoutReader { layout, about, finish })
}

/// `c6af9ac6-7b61-11e6-9a41-93e8deadbeef`, or the shorter ids of HTTP APIs: `JKJaXmPLvHcESHA=`.
fn is_uuid(id: &[u8]) -> bool {
    let is_letter = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    let is_short = |id: &[u8]| {
        (15..=17).contains(&id.len())
            && id.ends_with(b"=")
            && id[..id.len() - 1]
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
    };
    (id.len() == 36 && id.iter().enumerate().all(is_letter)) || is_short(id)
}

/// Recognises the text presets.
#[derive(Debug, Clone, Copy)]
pub struct ApiGatewayFormat;

impl ApiGatewayFormat {
    const NAME: &'static str = "api_gateway";
}

impl Format for ApiGatewayFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "Amazon API Gateway access logs as text: the presets CLF, CSV and XML, or a given template of $context variables"
    }

    fn given(&self, spec: &str) -> Option<Result<Arc<dyn Reader>, String>> {
        given(spec).map(|reader| Ok(Arc::new(reader?) as Arc<dyn Reader>))
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        let proposals = READERS.iter().filter_map(|reader| {
            let n_accepted = sample.count(|line| reader.parse_access(line).is_ok());
            if n_accepted == 0 { None } else { Proposal::counted(reader.clone(), n_accepted) }
        });
        Proposal::best(proposals)
    }
}

/// The JSON presets, and the keys that people add to them.
pub const JSON: Declared = Declared {
    name: "api_gateway_json",
    summary: "Amazon API Gateway access logs as JSON; recognised by \"requestId\" and \"resourcePath\", \"routeKey\" or \"integration...\"",
    server: Server::ApiGateway,
    instant: Instant::Start,
    required: &[
        key(&["requestId", "request_id"]),
        key(&["status"]),
        key(&[
            "resourcePath",
            "routeKey",
            "extendedRequestId",
            "apiId",
            "integrationStatus",
            "integration_status",
            "integrationLatency",
            "integrationErrorMessage",
            "integration>status",
        ]),
    ],
    besides: &[],
    time: &[
        time_at("requestTime", &[Notation::Clf, Notation::Iso8601]),
        time_at("requestTimeEpoch", &[Notation::EpochMillis, Notation::EpochSeconds]),
        time_at("request_time", &[Notation::Clf]),
        time_at("time", &[Notation::Clf, Notation::Iso8601, Notation::EpochMillis]),
        time_at("timestamp", &[Notation::Clf, Notation::Iso8601, Notation::EpochMillis]),
        time_at("@timestamp", &[Notation::Clf, Notation::Iso8601]),
    ],
    status: &["status"],
    fields: &[
        ("ip", Use::As(Field::RemoteAddr)),
        ("sourceIp", Use::As(Field::RemoteAddr)),
        ("source_ip", Use::As(Field::RemoteAddr)),
        ("identity>sourceIp", Use::As(Field::RemoteAddr)),
        ("user", Use::As(Field::RemoteUser)),
        ("httpMethod", Use::As(Field::Method)),
        ("http_method", Use::As(Field::Method)),
        ("method", Use::As(Field::Method)),
        // The path that was asked for goes before the route it matched.
        ("path", Use::As(Field::Uri)),
        ("resourcePath", Use::As(Field::Uri)),
        ("resource_path", Use::As(Field::Uri)),
        ("protocol", Use::As(Field::Protocol)),
        ("domainName", Use::As(Field::Host)),
        ("domain", Use::As(Field::Host)),
        ("userAgent", Use::As(Field::UserAgent)),
        ("user_agent", Use::As(Field::UserAgent)),
        ("requestId", Use::As(Field::RequestId)),
        ("request_id", Use::As(Field::RequestId)),
        ("responseLength", Use::As(Field::BodyBytes)),
        ("response_length", Use::As(Field::BodyBytes)),
        ("responseLatency", Use::As(Field::RequestTimeMillis)),
        ("response_latency", Use::As(Field::RequestTimeMillis)),
        ("integrationStatus", Use::As(Field::UpstreamStatus)),
        ("integration_status", Use::As(Field::UpstreamStatus)),
        ("integration>status", Use::As(Field::UpstreamStatus)),
        ("integration.status", Use::As(Field::UpstreamStatus)),
        ("integrationErrorMessage", Use::As(Field::Reason)),
        ("integrationError", Use::As(Field::Reason)),
        ("integration>error", Use::As(Field::Reason)),
        ("integration.error", Use::As(Field::Reason)),
        ("errorResponseType", Use::As(Field::ErrorType)),
        ("error_response_type", Use::As(Field::ErrorType)),
        ("responseType", Use::As(Field::ErrorType)),
        ("error>responseType", Use::As(Field::ErrorType)),
        ("error.responseType", Use::As(Field::ErrorType)),
    ],
    finish: None,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    const ID: &str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef";

    #[track_caller]
    fn check(line: &str, layout: &str) {
        let sample = Sample::of(vec![line.as_bytes()]);
        let proposal = ApiGatewayFormat.propose(&sample).expect(line);
        assert_eq!(proposal.reader.about().layout, layout);
        let Ok(Record::Access(record)) = proposal.reader.parse(line.as_bytes()) else { panic!() };
        assert_eq!(record.status, 503);
        assert_eq!(record.stamp.micros, 1_554_835_203_000_000);
        for (field, value) in [
            (Field::RemoteAddr, "192.0.2.1"),
            (Field::Method, "GET"),
            (Field::Uri, "/pets/{id}"),
            (Field::RequestId, ID),
            (Field::BodyBytes, "33"),
        ] {
            assert_eq!(record.value(field), Some(value.as_bytes()), "{field:?}");
        }
    }

    #[test]
    fn presets_are_known() {
        let clf = format!(
            r#"192.0.2.1 - - [09/Apr/2019:18:40:03 +0000]"GET /pets/{{id}} HTTP/1.1" 503 33 {ID}"#
        );
        check(&clf, "clf");
        check(&format!("{clf} JKJaXmPLvHcESHA="), "clf");
        check(&clf.replace("]\"", "] \""), "clf");
        let csv = format!(
            "192.0.2.1,-,-,09/Apr/2019:18:40:03 +0000,GET,/pets/{{id}},HTTP/1.1,503,33,{ID}"
        );
        check(&csv, "csv");
        check(&format!("{csv},JKJaXmPLvHcESHA="), "csv");
        let xml = format!(
            r#"<request id="{ID}"> <ip>192.0.2.1</ip> <caller>-</caller> <user>-</user> <requestTime>09/Apr/2019:18:40:03 +0000</requestTime> <httpMethod>GET</httpMethod> <resourcePath>/pets/{{id}}</resourcePath> <status>503</status> <protocol>HTTP/1.1</protocol> <responseLength>33</responseLength> </request>"#
        );
        check(&xml, "xml");
    }

    #[test]
    fn every_preset_compiles() {
        for (name, template) in PRESETS {
            reader_of(name, template, FormatBasis::Detected).expect(template);
        }
    }

    #[test]
    fn lines_of_others_are_left_to_them() {
        for line in [
            r#"192.0.2.1 - - [09/Apr/2019:18:40:03 +0000] "GET /a HTTP/1.1" 503 33"#,
            r#"192.0.2.1 - - [09/Apr/2019:18:40:03 +0000] "GET /a HTTP/1.1" 503 33 abc"#,
        ] {
            let sample = Sample::of(vec![line.as_bytes()]);
            assert!(ApiGatewayFormat.propose(&sample).is_none(), "{line}");
        }
    }

    #[test]
    fn a_template_is_a_format() {
        let template = r#"{"t":"$context.requestTimeEpoch","s":$context.status,"i":"$context.integration.status","p":"$context.path","e":"$context.error.responseType"}"#;
        let reader = given(template).expect("a template").expect("valid");
        let line = r#"{"t":"1554835203000","s":503,"i":"-","p":"/a","e":"INTEGRATION_FAILURE"}"#;
        let Ok(Record::Access(record)) = reader.parse(line.as_bytes()) else { panic!() };
        assert_eq!(record.raw(Field::UpstreamStatus), Some(&b"-"[..]));
        assert_eq!(record.value(Field::ErrorType), Some(&b"INTEGRATION_FAILURE"[..]));
        assert!(given("$msec $status").is_none());
        assert!(given("$context.status").is_some_and(|reader| reader.is_err()));
    }

    #[test]
    fn json_keys_are_known() {
        let line = format!(
            r#"{{"requestId":"{ID}","ip":"192.0.2.1","requestTime":"09/Apr/2019:18:40:03 +0000","httpMethod":"GET","routeKey":"GET /pets","status":"503","protocol":"HTTP/1.1","responseLength":"33","integrationStatus":"-"}}"#
        );
        let sample = Sample::of(vec![line.as_bytes()]);
        let proposal = JSON.propose(&sample).expect("of API Gateway");
        let Ok(Record::Access(record)) = proposal.reader.parse(line.as_bytes()) else { panic!() };
        assert_eq!((record.status, record.raw(Field::UpstreamStatus)), (503, Some(&b"-"[..])));
        assert_eq!(record.stamp.micros, 1_554_835_203_000_000);
    }
}
