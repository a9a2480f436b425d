//! Access logs of Amazon `CloudFront`: standard logs (W3C with a `#Fields` line, plain, JSON) and real-time logs.
//!
//! In: rows and directives without terminator. Out: access records; values are escaped as `%XX`, once.
//! Invariants: one separator stands between two values, blank or not; columns are where the last `#Fields:` line put
//! them, where the user says, or where their values say (module `infer`). A row may have more or fewer values than there are
//! columns, as long as it reaches its status. Times are UTC. Directives may stand anywhere: files are put together.
//! Source: `CloudFront` developer guide, "Standard logging (access logs)" and "Use real-time access logs".

mod fields;
mod infer;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::fields::{field_of, is_known};
use super::iis_w3c::split_directive;
use super::json_declared::{ANY_TIME, Declared, TimeAt, Use, key, time_at};
use super::{About, Directive, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use super::{follow, understands};
use crate::bytes::parse_status;
use crate::record::{AccessRecord, Escape, Field, Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::{Notation, Stamp};

/// Where the time of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TimeColumns {
    /// A date and a time.
    Two(usize, usize),
    /// A number since the epoch.
    One(usize, Notation),
    /// Nowhere: no row is understood.
    None,
}

/// Reads the rows of one layout.
#[derive(Debug, Clone)]
pub struct CloudFront {
    names: Vec<String>,
    fields: Vec<Field>,
    separator: u8,
    time: TimeColumns,
    /// A second column for the same instant, in milliseconds since the epoch.
    fine_time: Option<usize>,
    status: Option<usize>,
    /// Rows must have exactly these columns, and a status from 100 on: nothing but their shape tells what they are.
    is_exact: bool,
    about: About,
}

impl CloudFront {
    fn new(names: &[&str], separator: u8, basis: FormatBasis) -> Self {
        let find = |wanted: &str| names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
        let millis = find("timestamp(ms)");
        let time = match (find("date"), find("time"), find("timestamp"), millis) {
            (Some(date), Some(time), ..) => TimeColumns::Two(date, time),
            (_, _, Some(column), _) => TimeColumns::One(column, Notation::EpochSeconds),
            (_, _, _, Some(column)) => TimeColumns::One(column, Notation::EpochMillis),
            _ => TimeColumns::None,
        };
        let is_two = matches!(time, TimeColumns::Two(..));
        let notation = match time {
            TimeColumns::One(_, notation) => notation,
            _ => Notation::W3c,
        };
        CloudFront {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            fields: names.iter().map(|name| field_of(name)).collect(),
            separator,
            time,
            fine_time: millis.filter(|_| is_two),
            status: find("sc-status"),
            is_exact: basis == FormatBasis::Inferred,
            about: About {
                format: CloudFrontFormat::NAME,
                layout: names.join(" "),
                server: Server::CloudFront,
                role: LogRole::Access,
                notation,
                instant: Instant::End,
                basis,
                ambiguous_with: None,
            },
        }
    }

    /// A reader for the columns that a `#Fields:` line names; the separator shows in the rows.
    fn declared(fields: &str) -> Self {
        let names: Vec<&str> =
            fields.split(|c: char| c.is_ascii_whitespace() || c == ',').collect();
        let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
        Self::new(&names, b'\t', FormatBasis::Detected)
    }

    /// A reader for a list of field names, as a user gives it; blanks or commas between them, rows separated by tabs.
    /// `None`: not all are names of this log, or the list lacks time or status.
    pub fn given(list: &str) -> Option<Self> {
        let reader = Self::declared(list);
        let is_whole = reader.status.is_some() && reader.time != TimeColumns::None;
        let all_known = reader.names.iter().all(|name| is_known(name));
        (is_whole && all_known).then(|| {
            let names: Vec<&str> = reader.names.iter().map(String::as_str).collect();
            Self::new(&names, b'\t', FormatBasis::Given)
        })
    }

    /// The values of a row. Layouts of others than tabs fall back to tabs, and those to blanks, as copied rows have them.
    fn values<'a>(&self, row: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let separator = self.separator_of(row);
        row.split(move |byte| *byte == separator)
    }

    #[inline]
    fn separator_of(&self, row: &[u8]) -> u8 {
        if self.separator == b'\t' && memchr::memchr(b'\t', row).is_none() {
            // A `#Fields` line does not tell it, and `%20` stands for blanks inside of values.
            let others = [b' ', b',', b';', b'|'];
            let holds = |separator: &u8| memchr::memchr(*separator, row).is_some();
            return others.into_iter().find(holds).unwrap_or(b'\t');
        }
        self.separator
    }

    /// Stamp and status: no further than their columns.
    #[inline]
    fn head<'a>(&self, row: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let status_column = self.status.ok_or(Skip::BadStatus)?;
        let (first, last) = match self.time {
            TimeColumns::Two(date, time) => (date.min(time), date.max(time)),
            TimeColumns::One(column, _) => (column, column),
            TimeColumns::None => return Err(Skip::BadTime),
        };
        let separator = self.separator_of(row);
        let upto = status_column.max(last);
        let (mut from, mut stamp, mut status) = (0, (0, 0), 0);
        let ends = memchr::memchr_iter(separator, row).chain(std::iter::once(row.len()));
        for (column, end) in ends.enumerate().take(upto + 1) {
            if column == first {
                stamp.0 = from;
            }
            if column == last {
                stamp.1 = end;
            }
            if column == status_column {
                status = parse_status(&row[from..end]).ok_or(Skip::BadStatus)?;
            }
            if column == upto {
                return Ok(Glance { stamp: &row[stamp.0..stamp.1], status });
            }
            from = end + 1;
        }
        Err(Skip::Truncated)
    }
}

impl Reader for CloudFront {
    fn about(&self) -> &About {
        &self.about
    }

    #[inline]
    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        self.head(line)
    }

    fn directive(&self, line: &[u8]) -> Option<Directive> {
        let (name, text) = split_directive(line)?;
        if name == b"Fields" {
            let fields = String::from_utf8_lossy(text);
            return is_cloudfront(&fields)
                .then(|| Directive::Layout(Arc::new(CloudFront::declared(&fields))));
        }
        (!self.names.is_empty()).then_some(Directive::Comment)
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let glance = self.head(record)?;
        let mut stamp = self.stamp(glance.stamp).ok_or(Skip::BadTime)?;
        let mut access = AccessRecord::new(stamp, glance.status, Escape::Percent);
        let mut n_values = 0;
        for (column, value) in self.values(record).enumerate() {
            n_values = column + 1;
            if self.fine_time == Some(column)
                && let Some(fine) = Notation::EpochMillis.parse(value)
            {
                stamp = refined(stamp, fine);
            }
            if let Some(field) = self.fields.get(column).filter(|field| **field != Field::Other) {
                access.set(*field, value);
            }
        }
        if self.is_exact && n_values != self.names.len() {
            return Err(Skip::Shape);
        }
        access.stamp = stamp;
        Ok(Record::Access(access))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        for (name, value) in self.names.iter().zip(self.values(record)) {
            each(name, value);
        }
    }
}

/// The finer of two stamps of one instant, if they agree on the second.
fn refined(stamp: Stamp, fine: Stamp) -> Stamp {
    if fine.micros.div_euclid(1_000_000) == stamp.micros.div_euclid(1_000_000) {
        fine
    } else {
        stamp
    }
}

/// True for the columns of an access log of `CloudFront`, and not of its streaming distributions, which have no status.
pub(super) fn is_cloudfront(fields: &str) -> bool {
    let has = |wanted: &str| {
        let mut names = fields.split(|c: char| c.is_ascii_whitespace() || c == ',');
        names.any(|name| name.eq_ignore_ascii_case(wanted))
    };
    let marks = ["x-edge-location", "x-edge-request-id", "x-edge-result-type"];
    has("sc-status") && marks.into_iter().any(has)
}

/// Recognises `CloudFront` logs by their `#Fields:` line, or by what their columns hold.
#[derive(Debug, Clone, Copy)]
pub struct CloudFrontFormat;

impl CloudFrontFormat {
    const NAME: &'static str = "cloudfront";

    /// The reader that the first `#Fields:` line of a sample calls for, and how many lines it understands from there.
    fn declared(sample: &Sample<'_>) -> Option<(Arc<dyn Reader>, usize)> {
        let mut reader: Arc<dyn Reader> = Arc::new(CloudFront::declared(""));
        let first = sample.lines.iter().position(|line| follow(&mut reader, line))?;
        let mut current = Arc::clone(&reader);
        let lines = sample.lines[first..].iter().filter(|line| understands(&mut current, line));
        Some((reader, lines.count()))
    }
}

impl Format for CloudFrontFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "Amazon CloudFront: standard logs by their #Fields line, real-time and plain logs by what their columns hold"
    }

    fn given(&self, spec: &str) -> Option<Result<Arc<dyn Reader>, String>> {
        CloudFront::given(spec).map(|reader| Ok(Arc::new(reader) as Arc<dyn Reader>))
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        if let Some((reader, n_accepted)) = Self::declared(sample) {
            return Some(Proposal { reader, n_accepted, notes: Vec::new() });
        }
        if sample.is_beyond_inference() {
            return None;
        }
        let found = infer::columns(sample)?;
        let reader = CloudFront::new(&found.names, found.separator, FormatBasis::Inferred);
        let n_accepted = sample.lines.iter().filter(|line| reader.parse(line).is_ok()).count();
        let note = format!("columns without a header, by what they hold: {}", reader.about.layout);
        Proposal::counted(reader, n_accepted).map(|found| Proposal { notes: vec![note], ..found })
    }

    /// Understands no row until a `#Fields:` line turns up.
    fn standing_reader(&self) -> Option<Arc<dyn Reader>> {
        Some(Arc::new(CloudFront::declared("")))
    }
}

/// Standard and real-time logs as JSON: the names of the columns are the keys.
pub const JSON: Declared = Declared {
    name: "cloudfront_json",
    summary: "Amazon CloudFront standard and real-time logs as JSON; recognised by \"x-edge-...\" and \"sc-status\"",
    server: Server::CloudFront,
    instant: Instant::End,
    required: &[
        key(&["sc-status"]),
        key(&[
            "x-edge-location",
            "x-edge-request-id",
            "x-edge-result-type",
            "x-edge-detailed-result-type",
            "x-edge-response-result-type",
            "origin-fbl",
            "origin-lbl",
        ]),
    ],
    besides: &[],
    time: &[
        time_at("timestamp(ms)", &[Notation::EpochMillis]),
        time_at("timestamp", ANY_TIME),
        TimeAt { path: "date", clock: Some("time"), notations: &[Notation::W3c] },
    ],
    status: &["sc-status"],
    fields: &[
        ("c-ip", Use::As(Field::RemoteAddr)),
        ("c-port", Use::As(Field::ClientPort)),
        ("cs-method", Use::As(Field::Method)),
        ("cs-uri-stem", Use::As(Field::Uri)),
        ("cs-uri-query", Use::As(Field::Args)),
        ("cs-protocol-version", Use::As(Field::Protocol)),
        ("x-host-header", Use::As(Field::Host)),
        ("cs(Host)", Use::As(Field::ServerName)),
        ("cs-host", Use::As(Field::ServerName)),
        ("cs(User-Agent)", Use::As(Field::UserAgent)),
        ("cs-user-agent", Use::As(Field::UserAgent)),
        ("cs(Referer)", Use::As(Field::Referer)),
        ("cs-referer", Use::As(Field::Referer)),
        ("x-forwarded-for", Use::As(Field::ForwardedFor)),
        ("x-edge-request-id", Use::As(Field::RequestId)),
        ("x-edge-result-type", Use::As(Field::EdgeResultType)),
        ("x-edge-response-result-type", Use::As(Field::EdgeResponseResultType)),
        ("x-edge-detailed-result-type", Use::As(Field::EdgeDetailedResultType)),
        ("origin-fbl", Use::As(Field::OriginFirstByte)),
        ("origin-lbl", Use::As(Field::OriginLastByte)),
        ("sc-bytes", Use::As(Field::BytesSent)),
        ("cs-bytes", Use::As(Field::RequestLength)),
        ("time-taken", Use::As(Field::RequestTime)),
    ],
    // What JSON would escape is `%XX` already.
    finish: Some(|record| record.escape = Escape::Percent),
};
