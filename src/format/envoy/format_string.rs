//! The grammar of Envoy's format strings: command operators between literal text.
//!
//! In: `[%START_TIME%] "%REQ(:METHOD)% ..." %RESPONSE_CODE%`. Out: a [`Layout`].
//! Invariants: every operator is read; one that means nothing here stands for text without blanks, or for any text
//! between quotes. Nothing in these lines is escaped.
//! Source: Envoy documentation, "Command operators".

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_till1, take_while1};
use nom::character::complete::{char, digit1};
use nom::combinator::{all_consuming, map, opt, recognize, value};
use nom::multi::many0;
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

use crate::format::layout::{Kind, Layout, Part};
use crate::record::{Escape, Field};
use crate::time::Notation;

/// A piece of a format string.
#[derive(Debug, Clone)]
enum Piece<'b> {
    Literal(&'b str),
    /// Name and argument.
    Operator(&'b str, Option<&'b str>),
}

fn pieces(body: &str) -> IResult<&str, Vec<Piece<'_>>> {
    let name =
        take_while1(|letter: char| letter.is_ascii_uppercase() || "_0123456789".contains(letter));
    let argument = delimited(char('('), take_till(|letter| letter == ')'), char(')'));
    let length = recognize((char(':'), digit1));
    let operator = (name, opt(argument), opt(length));
    all_consuming(many0(alt((
        value(Piece::Literal("%"), tag("%%")),
        map(preceded(char('%'), terminated(operator, char('%'))), |(name, argument, _)| {
            Piece::Operator(name, argument)
        }),
        map(take_till1(|letter| letter == '%'), Piece::Literal),
    ))))
    .parse(body)
}

/// Compiles a format string.
///
/// # Errors
///
/// Says in words why such lines cannot be read: a `%` that begins no operator, no time, no status.
pub(super) fn compile(body: &str) -> Result<Layout, String> {
    let text = body.trim_end_matches(['\n', '\r']).trim_end_matches("\\n");
    let Ok((_, pieces)) = pieces(text) else {
        return Err("a `%` that begins no command operator".to_owned());
    };
    let (mut lead, mut parts) = (String::new(), Vec::<Part>::new());
    for piece in pieces {
        match piece {
            Piece::Literal(text) => {
                parts.last_mut().map_or(&mut lead, |part| &mut part.after).push_str(text);
            }
            Piece::Operator(name, argument) => {
                let before = parts.last().map_or(&lead, |part| &part.after);
                let (field, mut kind) = meaning(name, argument);
                // An address has no blanks, in quotes neither.
                let is_address = field == Field::UpstreamAddr;
                if kind == Kind::Token && before.ends_with('"') && !is_address {
                    kind = Kind::Text;
                }
                let name =
                    argument.map_or(name.to_owned(), |argument| format!("{name}({argument})"));
                parts.push(Part { name, field, kind, after: String::new() });
            }
        }
    }
    let has = |field| parts.iter().any(|part| part.field == field);
    if !parts.iter().any(|part| matches!(part.kind, Kind::Time(_))) {
        return Err("the format has no time that can be read: it needs %START_TIME%".to_owned());
    }
    if !has(Field::Status) {
        return Err("the format has no status: it needs %RESPONSE_CODE%".to_owned());
    }
    Layout::assemble(body, Escape::None, lead, &parts)
}

/// The field and the kind of an operator.
fn meaning(name: &str, argument: Option<&str>) -> (Field, Kind) {
    match name {
        "START_TIME" | "START_TIME_LOCAL" => notation_of(argument)
            .map_or((Field::Other, Kind::Token), |notation| (Field::Time, Kind::Time(notation))),
        "REQ" | "REQUEST_HEADER" => header(argument.unwrap_or_default()),
        "RESP" | "RESPONSE_HEADER" => {
            match argument.unwrap_or_default().to_ascii_lowercase().as_str() {
                "x-envoy-upstream-service-time" => (Field::UpstreamHeaderTime, Kind::Token),
                "x-request-id" => (Field::RequestId, Kind::Token),
                _ => (Field::Other, Kind::Token),
            }
        }
        _ => OPERATORS
            .iter()
            .find(|row| row.0 == name)
            .map_or((Field::Other, Kind::Token), |row| (row.1, row.2)),
    }
}

const OPERATORS: &[(&str, Field, Kind)] = &[
    ("RESPONSE_CODE", Field::Status, Kind::StatusIfAny),
    ("RESPONSE_FLAGS", Field::ResponseFlags, Kind::Token),
    ("RESPONSE_FLAGS_LONG", Field::ResponseFlags, Kind::Token),
    ("RESPONSE_CODE_DETAILS", Field::ResponseDetails, Kind::Token),
    ("UPSTREAM_TRANSPORT_FAILURE_REASON", Field::TransportFailure, Kind::Token),
    ("PROTOCOL", Field::Protocol, Kind::Token),
    ("PATH", Field::RequestUri, Kind::Text),
    ("BYTES_RECEIVED", Field::RequestLength, Kind::Integer),
    ("BYTES_SENT", Field::BodyBytes, Kind::Integer),
    ("DURATION", Field::RequestTimeMillis, Kind::Integer),
    ("UPSTREAM_HOST", Field::UpstreamAddr, Kind::Token),
    ("UPSTREAM_REMOTE_ADDRESS", Field::UpstreamAddr, Kind::Token),
    ("UPSTREAM_CLUSTER", Field::ProxyUpstreamName, Kind::Token),
    ("UPSTREAM_CLUSTER_RAW", Field::ProxyUpstreamName, Kind::Token),
    ("DOWNSTREAM_REMOTE_ADDRESS", Field::RemoteAddr, Kind::Token),
    ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", Field::RemoteAddr, Kind::Token),
    ("DOWNSTREAM_DIRECT_REMOTE_ADDRESS", Field::Other, Kind::Token),
    ("REQUESTED_SERVER_NAME", Field::ServerName, Kind::Token),
    ("STREAM_ID", Field::RequestId, Kind::Token),
    ("TRACE_ID", Field::TraceId, Kind::Token),
    ("REST", Field::Rest, Kind::Text),
];

/// The meaning of a request header; of `A?B` the header that is always there.
fn header(argument: &str) -> (Field, Kind) {
    let name = argument.rsplit('?').next().unwrap_or_default().to_ascii_lowercase();
    match name.as_str() {
        ":method" => (Field::Method, Kind::Word),
        ":path" | "x-envoy-original-path" => (Field::RequestUri, Kind::Text),
        ":authority" | "host" => (Field::Host, Kind::Token),
        "user-agent" => (Field::UserAgent, Kind::Token),
        "referer" => (Field::Referer, Kind::Token),
        "x-forwarded-for" => (Field::ForwardedFor, Kind::Token),
        "x-request-id" => (Field::RequestId, Kind::Token),
        "traceparent" | "x-b3-traceid" => (Field::TraceId, Kind::Token),
        _ => (Field::Other, Kind::Token),
    }
}

/// How a start time is written. `None`: in a way that is not read.
fn notation_of(format: Option<&str>) -> Option<Notation> {
    let Some(format) = format else { return Some(Notation::Iso8601) };
    match format {
        "%s" => Some(Notation::EpochSeconds),
        "%s%3f" => Some(Notation::EpochMillis),
        "%s%6f" => Some(Notation::EpochMicros),
        "%s%9f" => Some(Notation::EpochNanos),
        "%d/%b/%Y:%H:%M:%S %z" => Some(Notation::Clf),
        _ if format.starts_with("%s.%") => Some(Notation::EpochSeconds),
        _ if format.starts_with("%Y-%m-%dT%H:%M:%S") || format.starts_with("%FT%T") => {
            Some(Notation::Iso8601)
        }
        _ => None,
    }
}
