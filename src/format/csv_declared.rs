//! Declared access logs as CSV with a heading: the same names in columns (Cloudflare Logpush with a heading as batch
//! prefix, exports of log queries).
//!
//! In: a heading whose columns are those of a [`Declared`], and rows. Out: access records.
//! Invariants: a heading may come again, and then sets the columns of what follows; a row has as many values as the
//! heading has columns. Values may be quoted, with `""` for a quote; commas, semicolons or tabs stand between them.

use std::sync::Arc;

use memchr::memmem;

use super::json_declared::{
    Declared, Required, TimeAt, Use, is_flat_key, is_key, is_one_of, spanning, status_of,
};
use super::{About, Directive, FORMATS, Format, FormatBasis, Glance, Proposal, Reader, Sample};
use crate::bytes::is_absent;
use crate::record::{AccessRecord, Escape, Field, Record, Skip};
use crate::taxonomy::LogRole;
use crate::time::{Notation, Stamp};

/// What may stand between values.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// What `Export-Csv` writes above the heading.
const TYPE: &[u8] = b"#TYPE ";

/// Columns of a heading at least.
const MIN_COLUMNS: usize = 3;

/// Reads rows of one heading.
#[derive(Debug, Clone)]
struct CsvReader {
    about: About,
    format: Declared,
    heading: Vec<u8>,
    separator: u8,
    n_columns: usize,
    /// Columns that have one of some values in rows of the format ...
    marks: Vec<(usize, &'static [&'static str])>,
    /// ... and in those that come with them and are no requests.
    besides: Vec<(usize, &'static [&'static str])>,
    /// The heading says that times without a zone are UTC.
    is_utc: bool,
    time: usize,
    /// The time of day, where it stands apart from the date.
    clock: Option<usize>,
    /// How the time may be written.
    notations: &'static [Notation],
    status: Option<usize>,
    /// Columns and what they are, in the order of the declaration.
    uses: Vec<(usize, Use)>,
}

/// The values of a line between which a byte stands, without the quotes around them. `None`: a quote is not closed, or
/// stands inside of a value.
pub(super) fn values_by(line: &[u8], separator: u8) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(quoted) = text.strip_prefix(b"\"") else {
            let end = memchr::memchr(separator, text).unwrap_or(text.len());
            rest = text.get(end + 1..);
            return Some(Some(&text[..end]));
        };
        let mut at = 0;
        loop {
            let Some(quote) = quoted.get(at..).and_then(|from| memchr::memchr(b'"', from)) else {
                rest = None;
                return Some(None);
            };
            at += quote;
            if quoted.get(at + 1) != Some(&b'"') {
                break;
            }
            at += 2;
        }
        let behind = &quoted[at + 1..];
        rest = behind.strip_prefix(&[separator]);
        Some((rest.is_some() || behind.is_empty()).then_some(&quoted[..at]))
    })
}

/// True for a column named as a path: `httpRequest.status` or `httpRequest_status` for `httpRequest>status`.
fn is_column(name: &[u8], path: &str) -> bool {
    is_key(name, path) || is_flat_key(name, path)
}

/// The line that names the columns of a table.
struct Heading<'h> {
    line: &'h [u8],
    separator: u8,
    names: Vec<&'h [u8]>,
    /// It says that times without a zone are UTC.
    is_utc: bool,
}

impl<'h> Heading<'h> {
    /// `None`: something in the line is no name, or the columns are too few.
    fn of(line: &'h [u8], separator: u8) -> Option<Self> {
        let mut heading = Heading { line, separator, names: Vec::new(), is_utc: false };
        for value in values_by(line, separator) {
            let name = value?;
            let at = name.strip_suffix(b"]").and_then(|_| memmem::find(name, b" ["));
            let (name, zone) = name.split_at(at.unwrap_or(name.len()));
            if !name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
                || !name.iter().all(|it| it.is_ascii_alphanumeric() || b"_-.@()".contains(it))
            {
                return None;
            }
            heading.is_utc |= zone == b" [UTC]";
            heading.names.push(name);
        }
        (heading.names.len() >= MIN_COLUMNS).then_some(heading)
    }
}

/// True where a column of a row holds one of its values.
fn holds_one(row: &[&[u8]], (column, allowed): &(usize, &'static [&'static str])) -> bool {
    row.get(*column).is_some_and(|value| is_one_of(value, allowed))
}

impl CsvReader {
    fn values<'a>(&self, line: &'a [u8]) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        values_by(line, self.separator)
    }

    /// The readers for a heading, one for each declared format that it may be of.
    fn of_heading(heading: &Heading<'_>) -> impl Iterator<Item = Self> {
        let formats = FORMATS.iter().filter_map(|format| format.declared());
        formats.filter_map(|format| Self::of_format(format, heading))
    }

    /// The same reader for times that are written in another way.
    fn in_notation(mut self, notation: Notation) -> Self {
        self.about.notation = notation;
        self
    }

    /// A reader for a heading of a declared format, for the likeliest notation of its time.
    fn of_format(format: &Declared, heading: &Heading<'_>) -> Option<Self> {
        let &Heading { line, separator, ref names, is_utc } = heading;
        let column = |path: &str| names.iter().position(|name| is_column(name, path));
        // `httpRequest.status` is inside of `httpRequest`.
        let has_inside = |path: &str| {
            let inside = |name: &&[u8]| {
                name.get(..path.len()).is_some_and(|head| is_column(head, path))
                    && name.get(path.len()) == Some(&b'.')
            };
            names.iter().any(inside)
        };
        let has_all = format.required.iter().all(|required| {
            let has = |path: &&str| column(path).is_some() || has_inside(path);
            required.optional || required.any_of.iter().any(has)
        });
        let has = |time: &&TimeAt| {
            column(time.path).is_some() && time.clock.is_none_or(|it| column(it).is_some())
        };
        let time = format.time.iter().find(has).filter(|_| has_all)?;
        let columns_of = |required: &'static [Required]| {
            let with_values = required.iter().filter(|required| !required.values.is_empty());
            with_values
                .filter_map(|required| {
                    let at = required.any_of.iter().find_map(|path| column(path))?;
                    Some((at, required.values))
                })
                .collect()
        };
        let about = About {
            format: format.name,
            layout: "csv".to_owned(),
            server: format.server,
            role: LogRole::Access,
            notation: *time.notations.first()?,
            instant: format.instant,
            basis: FormatBasis::Detected,
            ambiguous_with: None,
        };
        Some(CsvReader {
            about,
            format: *format,
            heading: line.to_vec(),
            separator,
            n_columns: names.len(),
            marks: columns_of(format.required),
            besides: columns_of(format.besides),
            is_utc,
            time: column(time.path)?,
            clock: time.clock.and_then(column),
            notations: time.notations,
            status: format.status.iter().find_map(|path| column(path)),
            uses: format
                .fields
                .iter()
                .filter_map(|(path, use_)| Some((column(path)?, *use_)))
                .collect(),
        })
    }
}

impl Reader for CsvReader {
    fn about(&self) -> &About {
        &self.about
    }

    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let (mut time, mut clock, mut status) = (None, None, None);
        let last_mark = self.marks.iter().map(|mark| mark.0).max().unwrap_or(0);
        let last = self.time.max(self.status.unwrap_or(0)).max(last_mark);
        let last = last.max(self.clock.unwrap_or(0));
        for (index, value) in self.values(line).enumerate().take(last + 1) {
            let value = value.ok_or(Skip::Shape)?;
            if index == self.time {
                time = Some(value);
            }
            if Some(index) == self.clock {
                clock = Some(value);
            }
            if Some(index) == self.status {
                status = Some(value);
            }
            let mark = self.marks.iter().find(|mark| mark.0 == index);
            if mark.is_some_and(|mark| !is_absent(value) && !is_one_of(value, mark.1)) {
                return Err(Skip::Shape);
            }
        }
        if self.status.is_some() && status.is_none() {
            return Err(Skip::Truncated);
        }
        let time = time.filter(|time| !time.is_empty());
        let stamp = match (time, self.clock) {
            (Some(date), Some(_)) => clock.map(|clock| spanning(line, date, clock)),
            (time, _) => time,
        };
        let stamp = stamp.ok_or(Skip::BadTime)?;
        Ok(Glance { stamp, status: status_of(status).ok_or(Skip::BadStatus)? })
    }

    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        let stamp = self.about.notation.parse(text)?;
        let offset_s = stamp.offset_s.or(self.is_utc.then_some(0));
        Some(Stamp { offset_s, ..stamp })
    }

    fn directive(&self, line: &[u8]) -> Option<Directive> {
        if line == self.heading || line.starts_with(TYPE) {
            return Some(Directive::Comment);
        }
        if !self.besides.is_empty()
            && let Some(row) = self.values(line).collect::<Option<Vec<_>>>()
            && row.len() == self.n_columns
        {
            let is_beside = self.besides.iter().any(|beside| holds_one(&row, beside));
            return is_beside.then_some(Directive::Comment);
        }
        let heading = Heading::of(line, self.separator)?;
        let own =
            Self::of_format(&self.format, &heading).map(|own| own.in_notation(self.about.notation));
        let next = own.or_else(|| Self::of_heading(&heading).next())?;
        Some(Directive::Layout(Arc::new(next)))
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let glance = self.glance(record)?;
        let stamp = self.stamp(glance.stamp).ok_or(Skip::BadTime)?;
        let columns: Vec<&[u8]> = self.values(record).collect::<Option<_>>().ok_or(Skip::Shape)?;
        if columns.len() != self.n_columns {
            return Err(if columns.len() < self.n_columns { Skip::Truncated } else { Skip::Shape });
        }
        let mut access = AccessRecord::new(stamp, glance.status, Escape::None);
        access.set(Field::Time, glance.stamp);
        for with_value in [true, false] {
            for (column, use_) in &self.uses {
                use_.set(columns[*column], with_value, &mut access);
            }
        }
        if let Some(finish) = self.format.finish {
            finish(&mut access);
        }
        Ok(Record::Access(access))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        for (name, value) in self.values(&self.heading).zip(self.values(record)) {
            if let (Some(name), Some(value)) = (name, value) {
                each(&String::from_utf8_lossy(name), value);
            }
        }
    }
}

/// Recognises headings of declared formats.
#[derive(Debug)]
pub struct CsvDeclaredFormat;

impl Format for CsvDeclaredFormat {
    fn name(&self) -> &'static str {
        "declared_csv"
    }

    fn summary(&self) -> &'static str {
        "CSV of the formats in JSON, with a heading (Cloudflare Logpush, tables of Azure, Google and AWS); recognised by the names of the columns"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        let of_line = |line: &&[u8]| {
            let may_be = !line.contains(&b' ') || memmem::find(line, b" [").is_some();
            let mut separators = SEPARATORS.into_iter().filter(|it| may_be && line.contains(it));
            separators.find_map(|separator| {
                let heading = Heading::of(line, separator)?;
                let found: Vec<_> = CsvReader::of_heading(&heading).collect();
                (!found.is_empty()).then_some(found)
            })
        };
        let found = sample.lines.iter().find_map(of_line)?;
        // Portals write the times of their tables as the language of the browser does.
        let readers = found.iter().flat_map(|found| {
            let times = found.format.time.iter().filter(|time| time.clock.is_none());
            let others = times.flat_map(|time| time.notations);
            let notations = found.notations.iter().chain(others).chain(&[Notation::WindowsLocal]);
            notations.filter_map(|notation| {
                let reader = found.clone().in_notation(*notation);
                let n_rows = sample.lines.iter().filter(|line| reader.parse(line).is_ok()).count();
                // The heading is understood as well.
                Proposal::counted(reader, n_rows + 1).filter(|_| n_rows > 0)
            })
        });
        Proposal::best(readers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &[u8] = b"ClientIP,EdgeStartTimestamp,EdgeResponseStatus,ClientRequestURI,RayID";

    #[test]
    fn rows_are_read_by_their_heading() {
        let row = br#""192.0.2.1",1506702504433000200,503,"/a?b=""c"",d","3a6050bcbe121a87""#;
        let sample = Sample::of(vec![HEADING, row]);
        let proposal = CsvDeclaredFormat.propose(&sample).expect("recognised");
        assert_eq!(proposal.n_accepted, 2);
        let Ok(Record::Access(access)) = proposal.reader.parse(row) else { panic!("no record") };
        assert_eq!((access.status, access.stamp.micros), (503, 1_506_702_504_433_000));
        assert_eq!(access.raw(Field::RequestUri), Some(&br#"/a?b=""c"",d"#[..]));
        assert_eq!(access.raw(Field::RequestId), Some(&b"3a6050bcbe121a87"[..]));
        assert!(matches!(proposal.reader.directive(HEADING), Some(Directive::Comment)));
        let other = b"RayID,EdgeResponseStatus,EdgeStartTimestamp";
        assert!(matches!(proposal.reader.directive(other), Some(Directive::Layout(_))));
    }

    #[test]
    fn headings_may_tell_the_zone() {
        let heading = b"\"TimeGenerated [UTC]\",ClientIp,HttpStatus,ServerRouted";
        let row = b"\"6/1/2026, 7:46:40.250 PM\",192.0.2.1,503,10.0.0.4:443";
        let proposal =
            CsvDeclaredFormat.propose(&Sample::of(vec![heading, row])).expect("recognised");
        let Ok(Record::Access(access)) = proposal.reader.parse(row) else { panic!("no record") };
        let at = crate::time::Timestamp(access.stamp.micros).to_rfc3339();
        assert_eq!((&*at, access.stamp.offset_s), ("2026-06-01T19:46:40.250Z", Some(0)));
        let here = memmem::find(heading, b"UTC")
            .map(|at| [&heading[..at], b"Local Time", &heading[at + 3..]].concat());
        let here = here.expect("found");
        let proposal =
            CsvDeclaredFormat.propose(&Sample::of(vec![&here, row])).expect("recognised");
        assert_eq!(proposal.reader.stamp(b"6/1/2026, 7:46:40 AM").expect("read").offset_s, None);
    }

    #[test]
    fn rows_of_iis_may_be_a_table() {
        for (heading, row) in [
            (
                "LogFilename,date,time,cs-uri-stem,cs-uri-query,sc-status,sc-substatus,cs(User-Agent)",
                "C:\\u_ex.log,2026-03-10,12:00:00,/a,,503,2,UA",
            ),
            (
                "date\ttime\tcs-uri-stem\tcs-uri-query\tsc-status\tsc-substatus",
                "2026-03-10\t12:00:00\t/a\t\t503\t2",
            ),
            (
                "\"date\";\"time\";\"cs-uri-stem\";\"cs-uri-query\";\"sc-status\";\"sc-substatus\"",
                "\"2026-03-10\";\"12:00:00\";\"/a\";\"-\";\"503\";\"2\"",
            ),
        ] {
            let sample = Sample::of(vec![heading.as_bytes(), row.as_bytes()]);
            let reader = CsvDeclaredFormat.propose(&sample).expect(heading).reader;
            let Ok(Record::Access(access)) = reader.parse(row.as_bytes()) else { panic!("{row}") };
            let at = crate::time::Timestamp(access.stamp.micros).to_rfc3339();
            assert_eq!((&*at, access.stamp.offset_s), ("2026-03-10T12:00:00Z", Some(0)));
            assert_eq!((access.status, access.raw(Field::SubStatus)), (503, Some(&b"2"[..])));
            assert!(access.raw(Field::Args).is_some(), "{heading}");
            let above = reader.directive(b"#TYPE System.Management.Automation.PSCustomObject");
            assert!(matches!(above, Some(Directive::Comment)));
        }
    }

    #[test]
    fn rows_of_other_tables_are_left_out() {
        let heading = b"TimeGenerated,Category,trackingReference_s,httpStatusCode_s";
        let row = |category: &str| format!("2026-03-04T08:04:09.0Z,{category},0A1B,503");
        let (own, other) = (row("FrontDoorAccessLog"), row("FrontDoorHealthProbeLog"));
        let sample = Sample::of(vec![heading, own.as_bytes(), other.as_bytes()]);
        let reader = CsvDeclaredFormat.propose(&sample).expect("recognised").reader;
        assert!(reader.parse(own.as_bytes()).is_ok());
        assert_eq!(reader.parse(other.as_bytes()).err(), Some(Skip::Shape));
        assert!(matches!(reader.directive(other.as_bytes()), Some(Directive::Comment)));
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let heading = Heading::of(HEADING, b',').expect("names");
        let reader = CsvReader::of_heading(&heading).next().expect("known");
        let reader = reader.in_notation(Notation::EpochNanos);
        let skip = |line: &str| reader.parse(line.as_bytes()).err();
        assert_eq!(skip("\"192.0.2.1\",1506702504433000200,503"), Some(Skip::Truncated));
        assert_eq!(skip("\"192.0.2.1\",1506702504433000200,x,a,b"), Some(Skip::BadStatus));
        assert_eq!(skip("\"192.0.2.1,1506702504433000200,503,a,b"), Some(Skip::Shape));
        let other = Heading::of(b"a,b,c", b',').expect("names");
        assert!(CsvReader::of_heading(&other).next().is_none());
    }
}
