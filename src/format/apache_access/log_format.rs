//! The grammar of Apache's `LogFormat`.
//!
//! In: the text of a format, e.g. `%h %l %u %t \"%r\" %>s %b`, as it stands between the quotes of the directive once
//! their escapes are undone. Out: a [`Layout`] and the instant that dates its lines.
//! Invariants: every `%` directive is understood or refused by name; literal text stays as it is, so a format that
//! prints JSON needs nothing special.
//! Source: Apache httpd 2.4 `mod_log_config.c` (`parse_log_item`, `log_request_time`), `mod_logio.c`.

use nom::branch::alt;
use nom::bytes::complete::{tag, take, take_till, take_till1, take_while1};
use nom::character::complete::{anychar, char};
use nom::combinator::{all_consuming, map, value, verify};
use nom::multi::{fold_many0, many0};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::time_format::{TimeText, notation_of};
use crate::format::Instant;
use crate::format::layout::{Kind, Layout, Part};
use crate::record::{Escape, Field, id_header};
use crate::time::Notation;

/// A compiled `LogFormat`.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// How its lines are read.
    pub layout: Layout,
    /// What the time of a line tells.
    pub instant: Instant,
}

/// Compiles the text of a `LogFormat`.
///
/// # Errors
///
/// Says in words why such lines cannot be read: an unknown directive, no time, no status.
///
/// # Examples
///
/// ```
/// use logscan503::format::apache_access::log_format::compile;
///
/// let compiled = compile(r#"%h %l %u %t "%r" %>s %b %D"#).expect("valid");
/// let line = br#"10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "GET /a HTTP/1.1" 503 - 1500"#;
/// let record = compiled.layout.parse(line).expect("of this layout");
/// assert_eq!((record.body_bytes(), record.duration_us()), (Some(0), Some(1500)));
/// ```
pub fn compile(body: &str) -> Result<Compiled, String> {
    let text = body.trim_end();
    let (_, items) = items(text).map_err(|_| describe_bad_percent(text))?;
    let mut parts: Vec<Named> = Vec::new();
    let mut lead = String::new();
    let mut rest = &items[..];
    while let Some((item, behind)) = rest.split_first() {
        rest = behind;
        match item {
            Item::Literal(text) => {
                parts.last_mut().map_or(&mut lead, |part| &mut part.0.after).push_str(text);
            }
            Item::Directive(directive) if directive.letter == "t" => {
                let n_more = push_time(&mut lead, &mut parts, directive, behind);
                rest = &behind[n_more..];
            }
            Item::Directive(directive) => {
                if directive.letter == "q"
                    && let Some((last, _)) = parts.last_mut()
                    && last.field == Field::Uri
                    && last.after.is_empty()
                {
                    last.name.push_str("%q");
                    last.field = Field::RequestUri;
                    continue;
                }
                let (field, kind, rank) = meaning(directive)?;
                let name = directive.to_string();
                parts.push((Part { name, field, kind, after: String::new() }, rank));
            }
        }
    }
    if !parts.iter().any(|(part, _)| matches!(part.kind, Kind::Time(_))) {
        return Err("the format has no time that can be read: it needs %t".to_owned());
    }
    let instant = keep_one_instant(&mut parts);
    keep_best_ranks(&mut parts);
    if !parts.iter().any(|(part, _)| part.field == Field::Status) {
        return Err("the format has no status: it needs %>s".to_owned());
    }
    if lead.contains(['\n', '\r'])
        || parts.iter().any(|(part, _)| part.after.contains(['\n', '\r']))
    {
        return Err("a line break inside the format: one record per line is needed".to_owned());
    }
    let parts: Vec<Part> = parts.into_iter().map(|(part, _)| part).collect();
    let layout = Layout::assemble(body, Escape::Apache, lead, &parts)?;
    Ok(Compiled { layout, instant })
}

/// A part, and its rank among those with the same field: the lowest one keeps it.
type Named = (Part, u8);

/// Rank of a time that stamps the end of a request. Of times, rank tells the instant.
const END: u8 = 1;

/// Times of the instant that comes first stay; the others mean nothing for the line.
fn keep_one_instant(parts: &mut [Named]) -> Instant {
    let is_time = |part: &Part| part.field == Field::Time;
    let first = parts.iter().find(|(part, _)| is_time(part)).map_or(0, |(_, rank)| *rank);
    for (part, rank) in parts.iter_mut().filter(|(part, _)| is_time(part)) {
        if *rank != first {
            (part.field, part.kind) = (Field::Other, opaque(part.kind));
        }
    }
    if first == END { Instant::End } else { Instant::Start }
}

/// The kind of a time that dates nothing: one that is found without being a date.
fn opaque(kind: Kind) -> Kind {
    match kind {
        Kind::Time(Notation::EpochSeconds | Notation::EpochMillis | Notation::EpochMicros) => {
            Kind::Word
        }
        _ => Kind::Text,
    }
}

/// Of several directives for one field the telling one keeps it: `%>s` before `%s`, `%a` before `%h`.
fn keep_best_ranks(parts: &mut [Named]) {
    let best = |parts: &[Named], field: Field| {
        parts.iter().filter(|(part, _)| part.field == field).map(|(_, rank)| *rank).min()
    };
    for field in [
        Field::Status,
        Field::RemoteAddr,
        Field::ServerName,
        Field::RequestId,
        Field::CacheHandling,
    ] {
        let Some(best) = best(parts, field) else { continue };
        for (part, rank) in parts.iter_mut().filter(|(part, _)| part.field == field) {
            if *rank > best {
                let is_status = field == Field::Status;
                part.field = if is_status { Field::OriginalStatus } else { Field::Other };
            }
        }
    }
}

/// Adds a time, which the directives behind the first one may continue (`%{%F %T}t.%{msec_frac}t`). Returns how many
/// of the items behind belong to it.
fn push_time(
    lead: &mut String,
    parts: &mut Vec<Named>,
    first: &Directive<'_>,
    behind: &[Item<'_>],
) -> usize {
    let mut time = TimeText::of(first.argument);
    let mut name = first.to_string();
    let mut best: Option<(usize, TimeText, String, Notation)> = None;
    let mut n_more = 0;
    loop {
        if let Some(notation) = notation_of(&time.template) {
            best = Some((n_more, time.clone(), name.clone(), notation));
        }
        let (between, next) = match &behind[n_more..] {
            [Item::Directive(next), ..] => ("", next),
            [Item::Literal(between), Item::Directive(next), ..] if between.len() <= 2 => {
                (between.as_str(), next)
            }
            _ => break,
        };
        let more = TimeText::of(next.argument);
        if next.letter != "t" || more.is_end != time.is_end || !time.after.is_empty() {
            break;
        }
        n_more += 1 + usize::from(!between.is_empty());
        time.template.push_str(between);
        time.template.push_str(&more.template);
        time.after = more.after;
        name.push_str(between);
        name.push_str(&next.to_string());
    }
    let (n_used, time, name, field, kind) = match best {
        Some((n_used, time, name, notation)) => {
            (n_used, time, name, Field::Time, Kind::Time(notation))
        }
        None => (0, TimeText::of(first.argument), first.to_string(), Field::Other, Kind::Text),
    };
    parts.last_mut().map_or(lead, |part| &mut part.0.after).push_str(&time.before);
    parts.push((Part { name, field, kind, after: time.after }, if time.is_end { END } else { 0 }));
    n_used
}

/// Field, kind and rank of a directive that is no time.
fn meaning(directive: &Directive<'_>) -> Result<(Field, Kind, u8), String> {
    let argument = directive.argument.unwrap_or_default();
    Ok(match (directive.letter, argument) {
        ("a", "c") => (Field::RemoteAddr, Kind::Word, 2),
        ("a", _) => (Field::RemoteAddr, Kind::Word, 0),
        ("h", _) => (Field::RemoteAddr, Kind::Word, 1),
        ("u", _) => (Field::RemoteUser, Kind::Text, 0),
        ("r", _) => (Field::Request, Kind::Text, 0),
        ("m", _) => (Field::Method, Kind::Token, 0),
        ("U", _) => (Field::Uri, Kind::Text, 0),
        ("q", _) => (Field::Args, Kind::Text, 0),
        ("H", _) => (Field::Protocol, Kind::Word, 0),
        ("s", _) => (Field::Status, Kind::Status, u8::from(!directive.is_final)),
        ("b" | "B", _) => (Field::BodyBytes, Kind::Integer, 0),
        ("I", _) => (Field::RequestLength, Kind::Integer, 0),
        ("O", _) => (Field::BytesSent, Kind::Integer, 0),
        ("D", _) | ("T", "us") => (Field::RequestTimeMicros, Kind::Integer, 0),
        ("T", "ms") => (Field::RequestTimeMillis, Kind::Integer, 0),
        ("T", _) => (Field::RequestTime, Kind::Integer, 0),
        ("v", _) => (Field::ServerName, Kind::Token, 0),
        ("V", _) => (Field::ServerName, Kind::Token, 1),
        ("p" | "S" | "^FB", _) => (Field::Other, Kind::Integer, 0),
        ("P", "" | "pid") => (Field::ProcessId, Kind::Integer, 0),
        ("A", _) => (Field::ServerIp, Kind::Word, 0),
        ("P", _) => (Field::Other, Kind::Word, 0),
        ("k", _) => (Field::ConnectionRequests, Kind::Integer, 0),
        ("X", _) => (Field::ConnectionState, Kind::Token, 0),
        ("l", _) | ("L", "c") => (Field::Other, Kind::Token, 0),
        ("L", _) => (Field::LogId, Kind::Token, 0),
        ("R", _) => (Field::Handler, Kind::Token, 0),
        ("i", name) => (request_header(name), Kind::Text, 0),
        ("o", name) if name.eq_ignore_ascii_case("Retry-After") => {
            (Field::RetryAfter, Kind::Text, 0)
        }
        ("n" | "e", name) => named_value(name),
        ("x", name) => (extended_value(name), Kind::Text, u8::from(name == HIT_OR_MISS)),
        ("f" | "o" | "C" | "c" | "^ti" | "^to", _) => (Field::Other, Kind::Text, 0),
        (letter, _) => return Err(format!("`%{letter}` is no directive of LogFormat")),
    })
}

fn request_header(name: &str) -> Field {
    match name.to_ascii_lowercase().as_str() {
        "referer" => Field::Referer,
        "user-agent" => Field::UserAgent,
        "host" => Field::Host,
        "x-forwarded-for" => Field::ForwardedFor,
        name => id_header(name.as_bytes()).unwrap_or(Field::Other),
    }
}

/// Notes (`%{...}n`) and environment variables (`%{...}e`); which of the two a name is differs between versions.
fn named_value(name: &str) -> (Field, Kind, u8) {
    let field = match name {
        "proxy-status" => Field::ProxyStatus,
        "proxy_timedout" => Field::ProxyTimedOut,
        "error-notes" => Field::ErrorNotes,
        "BALANCER_WORKER_NAME" => Field::BalancerWorker,
        "BALANCER_NAME" => Field::BalancerName,
        "UNIQUE_ID" => return (Field::RequestId, Kind::Text, 1),
        _ => Field::Other,
    };
    (field, Kind::Text, 0)
}

/// The less telling of the two variables about handling.
const HIT_OR_MISS: &str = "Varnish:hitmiss";

/// Extended variables (`%{...}x`): `mod_ssl`'s, and those of `varnishncsa`, which has the same grammar.
fn extended_value(name: &str) -> Field {
    match name {
        "Varnish:handling" | HIT_OR_MISS => Field::CacheHandling,
        "VSL:FetchError" => Field::FetchError,
        "VSL:BerespStatus" => Field::BackendStatus,
        "VSL:RespReason" => Field::ResponseReason,
        _ => Field::Other,
    }
}

/// A piece of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item<'b> {
    Literal(String),
    Directive(Directive<'b>),
}

/// A `%` directive.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Directive<'b> {
    text: &'b str,
    /// Its letter, or `^` and two letters.
    letter: &'b str,
    /// What stands in braces.
    argument: Option<&'b str>,
    /// `%>`: of the final request, after internal redirects.
    is_final: bool,
}

impl std::fmt::Display for Directive<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.text)
    }
}

fn items(text: &str) -> IResult<&str, Vec<Item<'_>>> {
    all_consuming(many0(alt((map(literal, Item::Literal), map(directive, Item::Directive)))))
        .parse(text)
}

/// Text up to a directive; `%%` is a percent sign, `\n` and `\t` are control characters.
fn literal(text: &str) -> IResult<&str, String> {
    let escaped = preceded(
        char('\\'),
        map(anychar, |letter| match letter {
            'n' => '\n'.to_string(),
            'r' => '\r'.to_string(),
            't' => '\t'.to_string(),
            other => other.to_string(),
        }),
    );
    let plain = map(take_till1(|letter| letter == '%' || letter == '\\'), str::to_owned);
    let pieces = fold_many0(
        alt((plain, value("%".to_owned(), tag("%%")), escaped)),
        String::new,
        |whole, piece| whole + &piece,
    );
    verify(pieces, |whole: &String| !whole.is_empty()).parse(text)
}

/// What may stand between `%` and the letter, in any order.
#[derive(Debug, Clone, Copy)]
enum Modifier<'b> {
    Final,
    Argument(&'b str),
    /// `<`, and conditions on the status such as `!200,304`: a value is `-` where they do not hold.
    Other,
}

fn directive(text: &str) -> IResult<&str, Directive<'_>> {
    let modifier = alt((
        value(Modifier::Final, char('>')),
        map(delimited(char('{'), take_till(|letter| letter == '}'), char('}')), Modifier::Argument),
        value(
            Modifier::Other,
            take_while1(|letter: char| letter.is_ascii_digit() || "<!,".contains(letter)),
        ),
    ));
    let letter = alt((
        verify(take(3usize), |key: &str| key.starts_with('^')),
        verify(take(1usize), |key: &str| key.chars().all(|letter| letter.is_ascii_alphabetic())),
    ));
    let (rest, (modifiers, letter)) = preceded(char('%'), (many0(modifier), letter)).parse(text)?;
    let argument = modifiers.iter().rev().find_map(|modifier| match modifier {
        Modifier::Argument(argument) => Some(*argument),
        _ => None,
    });
    let is_final = modifiers.iter().any(|modifier| matches!(modifier, Modifier::Final));
    Ok((rest, Directive { text: &text[..text.len() - rest.len()], letter, argument, is_final }))
}

/// What is wrong with a format whose items do not parse.
fn describe_bad_percent(text: &str) -> String {
    let bad = text.match_indices('%').find(|(at, _)| {
        let is_second = text[..*at].bytes().rev().take_while(|byte| *byte == b'%').count() % 2 == 1;
        !is_second && !text[at + 1..].starts_with('%') && directive(&text[*at..]).is_err()
    });
    match bad {
        Some((at, _)) => format!("`%` without a directive at byte {}", at + 1),
        None => "not a LogFormat".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The layout reads `line`; `fields` are raw values by field.
    #[track_caller]
    fn check(body: &str, line: &str, fields: &[(Field, &str)]) {
        let layout = compile(body).expect(body).layout;
        let record = layout.parse(line.as_bytes()).expect(line);
        for (field, expected) in fields {
            let got = record.raw(*field).map(String::from_utf8_lossy);
            assert_eq!(got.as_deref(), Some(*expected), "{field:?}");
        }
        let glance = layout.glance(line.as_bytes()).expect(line);
        assert_eq!(
            (glance.status, layout.notation().parse(glance.stamp)),
            (record.status, {
                let second = layout.notation().parse(glance.stamp);
                assert_eq!(
                    second.map(|stamp| stamp.micros / 1_000_000),
                    Some(record.stamp.micros / 1_000_000)
                );
                second
            })
        );
    }

    const T: &str = "[20/Nov/2026:21:21:42 +0000]";

    #[test]
    fn every_directive_has_its_field() {
        check(
            r#"%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i""#,
            &format!(
                r#"a.example:443 2001:db8::1 - "" {T} "GET /?q=\"x\" HTTP/1.1" 503 529 "http://r/?a\"b" "agent\\""#
            ),
            &[
                (Field::ServerName, "a.example"),
                (Field::RemoteAddr, "2001:db8::1"),
                (Field::RemoteUser, "\"\""),
                (Field::Request, r#"GET /?q=\"x\" HTTP/1.1"#),
                (Field::BytesSent, "529"),
                (Field::Referer, r#"http://r/?a\"b"#),
                (Field::UserAgent, r"agent\\"),
            ],
        );
        check(
            r"%h %a %t %m %U%q %H %s %>s %b %D %L %R %{proxy-status}n %{BALANCER_WORKER_NAME}e %X %k",
            &format!(
                "h.example 10.0.0.1 {T} GET /a b?c=1 HTTP/1.1 200 503 - 1500 W9Xs proxy-server - - + 0"
            ),
            &[
                (Field::RemoteAddr, "10.0.0.1"),
                (Field::Method, "GET"),
                (Field::RequestUri, "/a b?c=1"),
                (Field::Status, "503"),
                (Field::OriginalStatus, "200"),
                (Field::RequestTimeMicros, "1500"),
                (Field::LogId, "W9Xs"),
                (Field::Handler, "proxy-server"),
                (Field::ProxyStatus, "-"),
                (Field::ConnectionState, "+"),
            ],
        );
        check(
            "%!200,304{User-Agent}i\\t%<s\\t%400,503{X-Request-Id}i\\t%t\\t100%%",
            &format!("agent with blanks\t503\tid\t{T}\t100%"),
            &[(Field::UserAgent, "agent with blanks"), (Field::Status, "503")],
        );
        check(
            r#"{"time":"%{%Y-%m-%dT%H:%M:%S%z}t","status":%>s,"request":"%r","us":%{us}T,"id":"%{UNIQUE_ID}e"}"#,
            r#"{"time":"2026-11-20T21:21:42+0100","status":503,"request":"GET /\" HTTP/1.1","us":77,"id":"Z"}"#,
            &[
                (Field::Request, r#"GET /\" HTTP/1.1"#),
                (Field::RequestTimeMicros, "77"),
                (Field::RequestId, "Z"),
            ],
        );
    }

    #[test]
    fn times_in_all_spellings() {
        #[track_caller]
        fn check(time: &str, text: &str, rfc3339: &str, instant: Instant) {
            let compiled = compile(&format!("{time} %>s")).expect(time);
            let line = format!("{text} 503");
            let record = compiled.layout.parse(line.as_bytes()).expect(text);
            assert_eq!(crate::time::Timestamp(record.stamp.micros).to_rfc3339(), rfc3339);
            assert_eq!(compiled.instant, instant, "{time}");
            assert_eq!(
                compiled.layout.glance(line.as_bytes()).map(|glance| glance.status),
                Ok(503)
            );
        }
        use Instant::{End, Start};
        let whole = "2026-11-20T21:21:42Z";
        let milli = "2026-11-20T21:21:42.123Z";
        check("%t", T, whole, Start);
        check("%{end}t", T, whole, End);
        check("%{begin:%d/%b/%Y:%H:%M:%S %z}t", "20/Nov/2026:22:21:42 +0100", whole, Start);
        check(
            "[%{%d/%b/%Y:%T}t.%{msec_frac}t %{%z}t]",
            "[20/Nov/2026:21:21:42.123 +0000]",
            milli,
            Start,
        );
        check("%{%FT%T}t.%{usec_frac}t%{%z}t", "2026-11-20T21:21:42.123000+0000", milli, Start);
        check("%{end:%F %T}t", "2026-11-20 21:21:42", whole, End);
        check("%{sec}t", "1795209702", whole, Start);
        check("%{msec}t", "1795209702123", milli, Start);
        check("%{end:usec}t", "1795209702123000", milli, End);
        check("%{sec}t.%{msec_frac}t", "1795209702.123", milli, Start);
        check("%{[%d/%b/%Y:%T %z]}t", T, whole, Start);
        check("%t %{msec}t", &format!("{T} 1795209702123"), milli, Start);
        check("%t %{end:msec}t", &format!("{T} 1795209702123"), whole, Start);
        check("%{%a %b %d %T %Y}t", "Fri Nov 20 21:21:42 2026", whole, Start);
        check("%{%A}t %t", &format!("Friday {T}"), whole, Start);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let check = |body: &str, told: &str| {
            let error = compile(body).expect_err(body);
            assert!(error.contains(told), "{body}: {error}");
        };
        check("%h %>s", "no time");
        check("%t %h", "no status");
        check("%t %>s %", "at byte 8");
        check("%t %>s %y", "`%y`");
        check("%t %>s %{X", "without a directive at byte 8");
        check("%t\\n%>s", "line break");
        check("%{%H}t %>s", "no time");
    }

    #[test]
    fn raw_quotes_of_old_versions_are_put_up_with() {
        let combined = r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#;
        check(
            combined,
            &format!(
                r#"1.2.3.4 - - {T} "GET /?<script>alert("text")</script> HTTP/1.0" 404 1164 "-" "-""#
            ),
            &[(Field::Request, r#"GET /?<script>alert("text")</script> HTTP/1.0"#)],
        );
        check(
            combined,
            &format!(r#"1.2.3.4 - - {T} "GET / HTTP/1.0" 404 1164 "-" "back\""#),
            &[(Field::UserAgent, r"back\")],
        );
        // More fields than the layout has are not one field with quotes in it.
        let line = format!(r#"1.2.3.4 - - {T} "GET / HTTP/1.0" 404 1164 "-" "agent" "more""#);
        assert!(compile(combined).expect("valid").layout.parse(line.as_bytes()).is_err());
    }
}
