//! Traefik's access log: JSON, and its extended Common Log Format.
//!
//! In: lines. Out: access records. The plain `genericCLF` has nothing of Traefik's and is read as any other.
//! Source: Traefik `pkg/middlewares/accesslog/logger_formatters.go`, `logdata.go`.

use super::json_declared::{ANY_TIME, Declared, Use, key, time_at};
use super::layout::{Kind, Layout, Part};
use super::layout_reader::{AS_CUT, LayoutReader};
use super::{About, Format, FormatBasis, Instant, Proposal, Sample};
use crate::record::{Escape, Field};
use crate::taxonomy::{LogRole, Server};

/// The JSON log. `StartUTC` may be dropped; `time` is then when the line was written.
pub const JSON: Declared = Declared {
    name: "traefik_json",
    summary: "Traefik access logs (JSON); recognised by \"DownstreamStatus\" and other names of it",
    server: Server::Traefik,
    instant: Instant::Start,
    required: &[
        key(&["DownstreamStatus"]),
        key(&[
            "RequestMethod",
            "RequestPath",
            "ClientHost",
            "ClientAddr",
            "RouterName",
            "RequestHost",
        ]),
    ],
    besides: &[],
    time: &[
        time_at("StartUTC", ANY_TIME),
        time_at("StartLocal", ANY_TIME),
        time_at("time", ANY_TIME),
    ],
    status: &["DownstreamStatus"],
    fields: &[
        // It is the whole of `X-Forwarded-For`, where there is one.
        ("ClientHost", Use::FirstClient),
        ("ClientAddr", Use::Client),
        ("ClientPort", Use::As(Field::ClientPort)),
        ("ClientUsername", Use::As(Field::RemoteUser)),
        ("RequestHost", Use::As(Field::Host)),
        ("RequestAddr", Use::As(Field::Host)),
        ("RequestMethod", Use::As(Field::Method)),
        ("RequestPath", Use::As(Field::RequestUri)),
        ("RequestProtocol", Use::As(Field::Protocol)),
        ("RequestContentSize", Use::As(Field::RequestLength)),
        ("DownstreamContentSize", Use::As(Field::BodyBytes)),
        ("Duration", Use::As(Field::RequestTimeNanos)),
        ("OriginStatus", Use::As(Field::UpstreamStatus)),
        ("OriginContentSize", Use::As(Field::UpstreamResponseLength)),
        ("ServiceAddr", Use::As(Field::UpstreamAddr)),
        ("ServiceURL>Host", Use::As(Field::UpstreamAddr)),
        ("ServiceURL", Use::As(Field::UpstreamAddr)),
        ("ServiceName", Use::As(Field::ProxyUpstreamName)),
        ("RouterName", Use::As(Field::ServerName)),
        ("request_User-Agent", Use::As(Field::UserAgent)),
        ("request_Referer", Use::As(Field::Referer)),
        ("request_X-Forwarded-For", Use::As(Field::ForwardedFor)),
        ("request_X-Request-Id", Use::As(Field::RequestId)),
        ("downstream_X-Request-Id", Use::As(Field::RequestId)),
        ("origin_X-Request-Id", Use::As(Field::RequestId)),
        ("downstream_Retry-After", Use::As(Field::RetryAfter)),
        ("TraceId", Use::As(Field::TraceId)),
    ],
    finish: None,
};

/// The parts of a line: `host - user [time] "request" status size "referer" "agent" count "router" "server" 12ms`.
const PARTS: &[(&str, Field, Kind, &str)] = &[
    ("ClientHost", Field::RemoteAddr, Kind::Token, " - "),
    ("ClientUsername", Field::RemoteUser, Kind::Text, " ["),
    ("StartUTC", Field::Time, Kind::Time(crate::time::Notation::Clf), "] \""),
    ("Request", Field::Request, Kind::Text, "\" "),
    ("DownstreamStatus", Field::Status, Kind::StatusIfAny, " "),
    ("DownstreamContentSize", Field::BodyBytes, Kind::Integer, " \""),
    ("request_Referer", Field::Referer, Kind::Text, "\" \""),
    ("request_User-Agent", Field::UserAgent, Kind::Text, "\" "),
    ("RequestCount", Field::Other, Kind::Integer, " \""),
    ("RouterName", Field::ServerName, Kind::Text, "\" \""),
    ("ServiceURL", Field::UpstreamAddr, Kind::Text, "\" "),
    ("Duration", Field::RequestTimeMillis, Kind::Integer, "ms"),
];

/// Recognises Traefik's extended Common Log Format.
#[derive(Debug)]
pub struct TraefikClfFormat;

impl TraefikClfFormat {
    fn reader() -> Option<LayoutReader> {
        let part = |&(name, field, kind, after): &(&str, Field, Kind, &str)| Part {
            name: name.to_owned(),
            field,
            kind,
            after: after.to_owned(),
        };
        let parts: Vec<Part> = PARTS.iter().map(part).collect();
        // Apache's escapes are a superset: only quotes are escaped, and those of clients.
        let layout = Layout::assemble("common", Escape::Apache, String::new(), &parts).ok()?;
        let about = About {
            format: "traefik_access",
            layout: "common".to_owned(),
            server: Server::Traefik,
            role: LogRole::Access,
            notation: layout.notation(),
            instant: Instant::Start,
            basis: FormatBasis::Detected,
            ambiguous_with: None,
        };
        Some(LayoutReader { layout, about, finish: AS_CUT })
    }
}

impl Format for TraefikClfFormat {
    fn name(&self) -> &'static str {
        "traefik_access"
    }

    fn summary(&self) -> &'static str {
        "Traefik access logs (extended Common Log Format): a count, router, server and milliseconds behind the agent"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        Proposal::of(Self::reader()?, sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Reader;
    use crate::record::{Record, Skip};

    #[test]
    fn lines_of_the_extended_format_are_read() {
        let reader = TraefikClfFormat::reader().expect("compiles");
        let check = |line: &str, status, fields: &[(Field, &str)]| {
            let Ok(Record::Access(access)) = reader.parse(line.as_bytes()) else {
                panic!("no access record")
            };
            assert_eq!(access.status, status);
            for (field, value) in fields {
                assert_eq!(access.raw(*field), Some(value.as_bytes()), "{field:?}");
            }
        };
        check(
            r#"2001:db8::1 - jdoe [13/Apr/2026:13:15:34 +0000] "GET /a HTTP/1.1" 503 20 "-" "x \"503\"" 265 "api@docker" "-" 12ms"#,
            503,
            &[
                (Field::UpstreamAddr, "-"),
                (Field::RequestTimeMillis, "12"),
                (Field::BodyBytes, "20"),
            ],
        );
        check(
            r#"172.17.1.1 - - [28/Sep/2022:13:38:04 +0000] "GET /a HTTP/1.1" - - "-" "x" 45640 "-" "-" 0ms"#,
            0,
            &[],
        );
        let plain = br#"1.2.3.4 - - [13/Apr/2026:13:15:34 +0000] "GET /a HTTP/1.1" 503 20 "-" "x""#;
        assert_eq!(reader.parse(plain).err(), Some(Skip::Truncated));
    }
}
