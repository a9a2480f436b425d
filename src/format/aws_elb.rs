//! Access logs of the load balancers of AWS: Application Load Balancer and Classic Load Balancer.
//!
//! In: lines without terminator. Out: access records of role access; status 0 where the log has `-` in its place.
//! Invariants: values stand between single blanks, in quotes where they may hold blanks; columns keep their order, later
//! ones may be missing and unknown ones may follow. Clients are addresses without their port. The target of a request is
//! taken out of the absolute URL that the log has, as the target saw it.
//! Source: AWS user guides, "Access logs for your Application Load Balancer" and "Access logs for your Classic Load
//! Balancer": "you should ignore any fields at the end of the log entry that you were not expecting".

use std::sync::Arc;

use super::{About, Directive, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::{parse_status, split_url};
use crate::record::{AccessRecord, Escape, Field, Record, Skip, split_request};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// A kind of load balancer, and how its lines are laid out.
#[derive(Debug)]
struct Product {
    format: &'static str,
    server: Server,
    /// Names as in the user guide.
    columns: &'static [(&'static str, Field)],
    time: usize,
    status: usize,
    /// A line has at least so many columns.
    least: usize,
    instant: Instant,
    /// True for what a line of this kind may begin with: the cheap look.
    may_begin: fn(&[u8]) -> bool,
    /// True for the columns before the status of a line of this kind.
    fits_head: fn(&[&[u8]]) -> bool,
    /// False where a quoted value has ended too early: the columns behind it are not what they must be.
    fits: fn(&[&[u8]]) -> bool,
}

/// More columns than this are passed over.
const MAX_COLUMNS: usize = 40;

/// Column of the request in neither kind comes before this one: the columns up to the status are never quoted.
const MAX_HEAD: usize = 10;

/// What lines of an Application Load Balancer begin with: the type of the request or connection.
const TYPES: [&[u8]; 6] = [b"http ", b"https ", b"h2 ", b"grpcs ", b"ws ", b"wss "];

static ALB: Product = Product {
    format: "aws_alb",
    server: Server::Alb,
    columns: &[
        ("type", Field::Other),
        ("time", Field::Time),
        ("elb", Field::ServerName),
        ("client:port", Field::RemoteAddr),
        ("target:port", Field::UpstreamAddr),
        ("request_processing_time", Field::RequestProcessingTime),
        ("target_processing_time", Field::TargetProcessingTime),
        ("response_processing_time", Field::ResponseProcessingTime),
        ("elb_status_code", Field::Status),
        ("target_status_code", Field::UpstreamStatus),
        ("received_bytes", Field::RequestLength),
        ("sent_bytes", Field::BytesSent),
        ("request", Field::Request),
        ("user_agent", Field::UserAgent),
        ("ssl_cipher", Field::Other),
        ("ssl_protocol", Field::Other),
        ("target_group_arn", Field::TargetGroup),
        ("trace_id", Field::RequestId),
        ("domain_name", Field::Other),
        ("chosen_cert_arn", Field::Other),
        ("matched_rule_priority", Field::Other),
        ("request_creation_time", Field::Other),
        ("actions_executed", Field::ActionsExecuted),
        ("redirect_url", Field::Other),
        ("error_reason", Field::Reason),
        ("target:port_list", Field::Other),
        ("target_status_code_list", Field::Other),
        ("classification", Field::Other),
        ("classification_reason", Field::Other),
        ("conn_trace_id", Field::Other),
        ("transformed_host", Field::Other),
        ("transformed_uri", Field::Other),
        ("request_transform_status", Field::Other),
    ],
    time: 1,
    status: 8,
    least: 13,
    instant: Instant::End,
    may_begin: |line| TYPES.iter().any(|name| line.starts_with(name)),
    fits_head: |head| {
        is_endpoint(head[3])
            && is_endpoint(head[4])
            && head[5..8].iter().all(|time| is_duration(time))
    },
    // A trace id and the ARN before it, a time of creation: what no client can put there without a quote.
    fits: |columns| {
        let is_arn = |arn: &&[u8]| **arn == *b"-" || arn.starts_with(b"arn:");
        let is_time = |time: &&[u8]| **time == *b"-" || Notation::Iso8601.parse(time).is_some();
        columns.get(16).is_none_or(is_arn) && columns.get(21).is_none_or(is_time)
    },
};

static CLB: Product = Product {
    format: "aws_clb",
    server: Server::Clb,
    columns: &[
        ("time", Field::Time),
        ("elb", Field::ServerName),
        ("client:port", Field::RemoteAddr),
        ("backend:port", Field::UpstreamAddr),
        ("request_processing_time", Field::RequestProcessingTime),
        ("backend_processing_time", Field::TargetProcessingTime),
        ("response_processing_time", Field::ResponseProcessingTime),
        ("elb_status_code", Field::Status),
        ("backend_status_code", Field::UpstreamStatus),
        ("received_bytes", Field::RequestLength),
        ("sent_bytes", Field::BodyBytes),
        ("request", Field::Request),
        ("user_agent", Field::UserAgent),
        ("ssl_cipher", Field::Other),
        ("ssl_protocol", Field::Other),
    ],
    time: 0,
    status: 7,
    least: 12,
    instant: Instant::Start,
    may_begin: |line| line.first().is_some_and(u8::is_ascii_digit),
    fits_head: |head| {
        is_endpoint(head[2])
            && is_endpoint(head[3])
            && head[4..7].iter().all(|time| is_duration(time))
    },
    fits: |columns| columns.iter().skip(13).all(|column| !column.starts_with(b"\"")),
};

/// `192.0.2.1:2817`, `[2001:db8::1]:2817`, or `-`.
fn is_endpoint(value: &[u8]) -> bool {
    value == b"-"
        || value.iter().rposition(|byte| *byte == b':').is_some_and(|colon| {
            colon > 0
                && value[colon + 1..].iter().all(|byte| byte.is_ascii_digit() || *byte == b'-')
        })
}

/// Seconds with decimals, or `-1`; `-` in some old lines.
fn is_duration(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    value == b"-"
        || (!digits.is_empty() && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
}

/// The address of `address:port`, without brackets.
fn address(value: &[u8]) -> (&[u8], &[u8]) {
    let Some(colon) = memchr::memrchr(b':', value) else { return (value, b"") };
    let (host, port) = (&value[..colon], &value[colon + 1..]);
    let host = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
    (host, port)
}

/// Reads the lines of one kind of load balancer.
#[derive(Debug, Clone)]
pub struct AwsElb {
    product: &'static Product,
    about: About,
}

impl AwsElb {
    fn new(product: &'static Product) -> Self {
        let about = About {
            format: product.format,
            layout: product.format.to_owned(),
            server: product.server,
            role: LogRole::Access,
            notation: Notation::Iso8601,
            instant: product.instant,
            basis: FormatBasis::Detected,
            ambiguous_with: None,
        };
        AwsElb { product, about }
    }

    /// The columns of a line. A quote inside the agent is escaped, or else ends it: then the columns behind it tell, and
    /// the agent is taken to go on to a later quote.
    fn cut<'a>(&self, line: &'a [u8], columns: &mut Columns<'a>) -> Result<(), Skip> {
        const MAX_TRIES: usize = 16;
        let agent = self.product.columns.iter().position(|row| row.1 == Field::UserAgent);
        for n_passed in 0..MAX_TRIES {
            columns.fill(line, agent.unwrap_or(0), n_passed);
            let fits = (self.product.fits)(columns.all());
            if columns.all().len() < self.product.least {
                return Err(if n_passed == 0 { Skip::Truncated } else { Skip::Shape });
            }
            if fits {
                return Ok(());
            }
        }
        // As the first try had it: what stands before the agent is right all the same.
        columns.fill(line, agent.unwrap_or(0), 0);
        columns.n = columns.n.min(agent.unwrap_or(0) + 1);
        Ok(())
    }

    /// The stamp and the status, which no quote stands before.
    #[inline]
    fn head<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        if !(self.product.may_begin)(line) {
            return Err(Skip::Shape);
        }
        let mut head: [&[u8]; MAX_HEAD] = [&[]; MAX_HEAD];
        let (mut n, mut start) = (0, 0);
        for end in memchr::memchr_iter(b' ', line).take(self.product.status + 1) {
            head[n] = &line[start..end];
            (n, start) = (n + 1, end + 1);
        }
        if n <= self.product.status {
            return Err(Skip::Truncated);
        }
        if !(self.product.fits_head)(&head) {
            return Err(Skip::Shape);
        }
        let stamp = head[self.product.time];
        // Connections that never carried a request, and listeners of TCP, have none.
        let status = match head[self.product.status] {
            b"-" => 0,
            digits => parse_status(digits).ok_or(Skip::BadStatus)?,
        };
        Ok(Glance { stamp, status })
    }
}

/// The columns of one line.
struct Columns<'a> {
    values: [&'a [u8]; MAX_COLUMNS],
    n: usize,
}

impl<'a> Columns<'a> {
    fn all(&self) -> &[&'a [u8]] {
        &self.values[..self.n]
    }

    /// Cuts a line at its blanks; in column `long`, `n_passed` quotes that might end the value are passed over.
    fn fill(&mut self, line: &'a [u8], long: usize, n_passed: usize) {
        self.n = 0;
        let mut at = 0;
        while at < line.len() && self.n < MAX_COLUMNS {
            let rest = &line[at..];
            let (value, length) = if let [b'"', inner @ ..] = rest {
                let passed = if self.n == long { n_passed } else { 0 };
                let end = closing_quote(inner, passed).unwrap_or(inner.len());
                (&inner[..end], (end + 2).min(rest.len()))
            } else {
                let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
                (&rest[..end], end)
            };
            self.values[self.n] = value;
            self.n += 1;
            at += length + 1;
        }
    }
}

/// Offset of a quote that is not escaped and stands before a blank or the end, but for the first `n_passed` of them.
fn closing_quote(text: &[u8], n_passed: usize) -> Option<usize> {
    let ends = memchr::memchr_iter(b'"', text).filter(|at| {
        let n_escapes = text[..*at].iter().rev().take_while(|byte| **byte == b'\\').count();
        n_escapes % 2 == 0 && text.get(at + 1).is_none_or(|byte| *byte == b' ')
    });
    ends.into_iter().nth(n_passed)
}

impl Reader for AwsElb {
    fn about(&self) -> &About {
        &self.about
    }

    #[inline]
    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        self.head(line)
    }

    /// The message that the balancer writes when logging is switched on.
    fn directive(&self, line: &[u8]) -> Option<Directive> {
        line.starts_with(CONTROL_MESSAGE).then_some(Directive::Comment)
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let glance = self.head(record)?;
        let stamp = self.stamp(glance.stamp).ok_or(Skip::BadTime)?;
        let mut columns = Columns { values: [&[]; MAX_COLUMNS], n: 0 };
        self.cut(record, &mut columns)?;
        let mut access = AccessRecord::new(stamp, glance.status, Escape::Apache);
        for ((_, field), value) in self.product.columns.iter().zip(columns.all()) {
            match field {
                Field::Other => {}
                Field::RemoteAddr => {
                    let (host, port) = address(value);
                    access.set(Field::RemoteAddr, host);
                    access.set(Field::ClientPort, port);
                }
                Field::Request => set_request(&mut access, value),
                _ => access.set(*field, value),
            }
        }
        Ok(Record::Access(access))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let mut columns = Columns { values: [&[]; MAX_COLUMNS], n: 0 };
        if self.head(record).is_ok() && self.cut(record, &mut columns).is_ok() {
            for ((name, _), value) in self.product.columns.iter().zip(columns.all()) {
                each(name, value);
            }
        }
    }
}

/// How the file begins that says that logs may be written.
pub const CONTROL_MESSAGE: &[u8] = b"Enable AccessLog for ELB";

/// Sets method, target, protocol and host of `GET https://www.example.com:443/ HTTP/1.1`.
fn set_request<'a>(access: &mut AccessRecord<'a>, line: &'a [u8]) {
    let (method, target) = split_request(line);
    // What was no request of HTTP: `- http://www.example.com:80- -`, `- - - `.
    if method.is_empty() || method == b"-" {
        return;
    }
    access.set(Field::Method, method);
    let protocol = line.get(method.len() + 1 + target.len() + 1..).unwrap_or_default();
    access.set(Field::Protocol, protocol);
    match split_url(target) {
        Some((authority, b"")) => {
            access.set(Field::Host, authority);
            access.set(Field::RequestUri, b"/");
        }
        Some((authority, rest)) => {
            access.set(Field::Host, authority);
            access.set(Field::RequestUri, rest);
        }
        None => access.set(Field::RequestUri, target),
    }
}

/// Recognises access logs of Application Load Balancers.
#[derive(Debug, Clone, Copy)]
pub struct AwsAlbFormat;

impl Format for AwsAlbFormat {
    fn name(&self) -> &'static str {
        ALB.format
    }

    fn summary(&self) -> &'static str {
        "AWS Application Load Balancer access log: blanks between values, from 17 columns on"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        Proposal::of(AwsElb::new(&ALB), sample)
    }

    fn standing_reader(&self) -> Option<Arc<dyn Reader>> {
        Some(Arc::new(AwsElb::new(&ALB)))
    }
}

/// Recognises access logs of Classic Load Balancers.
#[derive(Debug, Clone, Copy)]
pub struct AwsClbFormat;

impl Format for AwsClbFormat {
    fn name(&self) -> &'static str {
        CLB.format
    }

    fn summary(&self) -> &'static str {
        "AWS Classic Load Balancer access log: blanks between values, 12 or 15 columns"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        Proposal::of(AwsElb::new(&CLB), sample)
    }

    fn standing_reader(&self) -> Option<Arc<dyn Reader>> {
        Some(Arc::new(AwsElb::new(&CLB)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALB_LINE: &str = r#"h2 2026-04-02T05:52:38.554399Z app/shop/15d9 [2001:db8::ef0b]:50350 - -1 -1 -1 503 - 1125 325 "GET https://api.example.com:443/api?a=1 HTTP/2.0" "AGENT" ECDHE TLSv1.3 arn:aws:tg/web/52 "Root=1-69ce0426-f39c" "api.example.com" "arn:aws:acm:1" 1 2026-04-02T05:52:38.553617Z "forward" "-" "-" "-" "-" "-" "-" TID_28dd"#;
    const CLB_LINE: &str = r#"2015-05-13T23:39:43.945958Z my-lb 192.0.2.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 503 503 0 29 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - -"#;

    #[track_caller]
    fn check(product: &'static Product, line: &str, expected: &[(Field, &str)]) {
        let reader = AwsElb::new(product);
        let Ok(Record::Access(record)) = reader.parse(line.as_bytes()) else {
            panic!("refused: {line}")
        };
        for (field, value) in expected {
            let found = record.raw(*field).map(String::from_utf8_lossy);
            assert_eq!(found.as_deref(), Some(*value), "{field:?}");
        }
    }

    #[test]
    fn columns_are_mapped() {
        let line = ALB_LINE.replace("AGENT", "curl/8");
        let expected = [
            (Field::RemoteAddr, "2001:db8::ef0b"),
            (Field::ClientPort, "50350"),
            (Field::UpstreamAddr, "-"),
            (Field::UpstreamStatus, "-"),
            (Field::Method, "GET"),
            (Field::RequestUri, "/api?a=1"),
            (Field::Protocol, "HTTP/2.0"),
            (Field::Host, "api.example.com:443"),
            (Field::RequestId, "Root=1-69ce0426-f39c"),
            (Field::TargetGroup, "arn:aws:tg/web/52"),
            (Field::ActionsExecuted, "forward"),
            (Field::Reason, "-"),
        ];
        check(&ALB, &line, &expected);
        // Old lines end early, new ones late.
        let at = line.find(" \"api.example.com\" ").expect("a name");
        check(&ALB, &line[..at], &expected[..10]);
        check(&ALB, &format!("{line} \"-\" \"-\" \"-\" 1 2 \"new\""), &expected);
        check(
            &CLB,
            CLB_LINE,
            &[
                (Field::RemoteAddr, "192.0.2.39"),
                (Field::UpstreamStatus, "503"),
                (Field::RequestUri, "/"),
                (Field::Host, "www.example.com:80"),
            ],
        );
    }

    #[test]
    fn the_time_taken_is_the_sum_of_its_parts() {
        let reader = AwsElb::new(&CLB);
        let Ok(Record::Access(record)) = reader.parse(CLB_LINE.as_bytes()) else { panic!() };
        assert_eq!(record.duration_us(), Some(1178));
        let line = CLB_LINE.replace("0.001048", "-1");
        let Ok(Record::Access(record)) = reader.parse(line.as_bytes()) else { panic!() };
        assert_eq!(record.duration_us(), None);
    }

    #[test]
    fn an_agent_with_quotes_moves_no_column() {
        for agent in [
            r#"a \"b\" c"#,
            r#"x" 200 200 "y"#,
            r#"a" - - - "forged"#,
            r#"x=\"y\"; HTTP/1.1\" 503 197)"#,
            "",
        ] {
            let line = ALB_LINE.replace("AGENT", agent);
            check(&ALB, &line, &[(Field::UserAgent, agent), (Field::ActionsExecuted, "forward")]);
        }
    }

    #[test]
    fn what_is_no_request_has_a_time_all_the_same() {
        let line = r#"2015-05-13T23:39:43.945958Z my-lb 192.0.2.39:2817 10.0.0.1:80 0.001069 0.000028 0.000041 - - 82 305 "- - - " "-" - -"#;
        let Ok(Record::Access(record)) = AwsElb::new(&CLB).parse(line.as_bytes()) else { panic!() };
        assert_eq!((record.status, record.request()), (0, (&b""[..], &b""[..])));
    }

    #[test]
    fn other_lines_are_refused() {
        let clb_with_a_word = CLB_LINE.replace("my-lb", "my lb");
        for line in [
            "",
            "tls 2.0 2018-12-20T02:59:40 net/my-nlb/c6e7 g3d4 72.21.218.154:51341 172.100.100.185:443 5 2",
            "http 2018-11-30T22:23:00.186641Z app/my-lb/50 192.0.2.39:2817 - 0.000 0.001",
            &clb_with_a_word,
        ] {
            for product in [&ALB, &CLB] {
                assert!(AwsElb::new(product).parse(line.as_bytes()).is_err(), "{line}");
            }
        }
        assert!(AwsElb::new(&ALB).parse(CLB_LINE.as_bytes()).is_err());
        assert!(AwsElb::new(&CLB).parse(ALB_LINE.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn never_panics_and_glance_agrees_with_parse(
            cut in 0usize..500,
            agent in "[ -~\"\\\\]{0,40}",
            is_alb in any::<bool>(),
        ) {
            let (product, line) = if is_alb { (&ALB, ALB_LINE) } else { (&CLB, CLB_LINE) };
            let line = line.replace("AGENT", &agent).replace("curl/7.38.0", &agent);
            let line = &line.as_bytes()[..cut.min(line.len())];
            let reader = AwsElb::new(product);
            reader.each_field(line, &mut |_, _| {});
            if let Ok(Record::Access(record)) = reader.parse(line) {
                let glance = reader.glance(line).expect("parse accepts nothing that glance refuses");
                prop_assert_eq!(glance.status, record.status);
                prop_assert_eq!(reader.stamp(glance.stamp), Some(record.stamp));
            }
        }
    }
}
