//! W3C extended logs: those of IIS, and those of others as far as they keep to the same form.
//!
//! In: rows and directives without terminator. Out: records; readers for the rows behind a directive.
//! Invariants: columns are where the last `#Fields:` line put them; times are UTC unless the columns say `-local`; a row
//! may have more or fewer values than there are columns, as long as it reaches its status.
//! Source: IIS configuration reference, `logFile`; Application Request Routing, query additions seen in real logs.

mod columns;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use fearless_simd::{Level, Simd, dispatch};

use self::columns::{Columns, KNOWN, n_values, unquoted};
use super::cloudfront::is_cloudfront;
use super::iis_arr::set_query;
use super::scan_run::{Look, reads_by_look};
use super::understands;
use super::{About, Directive, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::record::{AccessRecord, Escape, Field, Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::{Notation, Stamp, Timestamp, w3c_clock_us, w3c_day_us};

const DAY_US: i64 = 24 * 3600 * 1_000_000;

/// Reads the rows of one W3C layout.
#[derive(Debug, Clone)]
pub struct IisW3c {
    columns: Columns,
    /// Time of the last `#Date:` line, whole seconds in microseconds: it tells the date of rows that have only a time.
    /// Columns with a date forget it: rows behind them may be of any later day.
    from_us: Option<i64>,
    /// A `#Software:` line names Microsoft's server.
    is_microsoft: bool,
    /// No `#Fields:` line says that the rows have these columns: those of HTTP.sys are told by their shape.
    is_assumed: bool,
    about: About,
}

impl IisW3c {
    /// A reader for the columns that a `#Fields:` line names. Without a time column it understands no row.
    pub fn declared(fields: &str) -> Self {
        Self::new(Columns::declared(fields), None, false)
    }

    fn new(columns: Columns, from_us: Option<i64>, is_microsoft: bool) -> Self {
        const OWN: [&str; 4] = ["sc-substatus", "sc-win32-status", "s-reason", "s-queuename"];
        let body = columns.names().join(" ");
        let known = KNOWN.iter().find(|row| row.1 == body).map(|row| row.0.to_owned());
        let mut layout = known.unwrap_or(body);
        if let (true, Some(from_us)) = (columns.lacks_date(), from_us) {
            layout = format!("{layout} on {}", &Timestamp(from_us).to_rfc3339()[..10]);
        }
        let is_iis = is_microsoft || OWN.iter().any(|name| columns.has(name));
        let about = About {
            format: IisW3cFormat::NAME,
            layout,
            server: if is_iis { Server::Iis } else { Server::Unknown },
            role: LogRole::Access,
            notation: Notation::W3c,
            instant: Instant::End,
            basis: FormatBasis::Detected,
            ambiguous_with: None,
        };
        let is_assumed = columns.is_exact;
        IisW3c { columns, from_us, is_microsoft, is_assumed, about }
    }

    /// The reader for rows behind a directive. `None`: it changes nothing.
    fn behind(&self, name: &[u8], text: &[u8]) -> Option<Self> {
        const SERVERS: [&str; 3] = ["Internet Information", "IIS", "Microsoft HTTP"];
        match name {
            b"Fields" => {
                let fields = String::from_utf8_lossy(text);
                if is_httperr(&fields) {
                    // Not of these columns.
                    return Some(Self::declared(""));
                }
                let columns = Columns::declared(&fields);
                let from_us = self.from_us.filter(|_| !columns.has_date());
                Some(Self::new(columns, from_us, self.is_microsoft))
            }
            b"Software" => {
                let software = String::from_utf8_lossy(text);
                let is_microsoft = SERVERS.iter().any(|name| software.contains(name));
                let next = || Self {
                    is_assumed: self.is_assumed,
                    ..Self::new(self.columns.clone(), self.from_us, is_microsoft)
                };
                (is_microsoft != self.is_microsoft).then(next)
            }
            // Also where rows have a date: the columns that follow may have none.
            b"Date" | b"Start-Date" => {
                let start_us = text.get(..10).and_then(w3c_day_us)?;
                let clock_us = text.get(11..19).and_then(w3c_clock_us).unwrap_or(0);
                let from_us = start_us + clock_us;
                Some(Self {
                    is_assumed: self.is_assumed,
                    ..Self::new(self.columns.clone(), Some(from_us), self.is_microsoft)
                })
            }
            _ => None,
        }
    }

    /// The time of a row that has no date. IIS writes the `#Date:` line with the first row behind it: what its clock has long
    /// passed is of the next day. Rows of a whole day later cannot be told, and get the day of the line.
    fn time_of(&self, clock_us: i64) -> Option<i64> {
        /// How long before that line the time of a row behind it may be.
        const SLACK_US: i64 = 3600 * 1_000_000;
        let from_us = self.from_us?;
        let at_us = from_us - from_us.rem_euclid(DAY_US) + clock_us;
        let is_next = self.about.server == Server::Iis && at_us + SLACK_US < from_us;
        Some(if is_next { at_us + DAY_US } else { at_us })
    }

    /// This reader for rows above the `#Fields:` line that names its columns.
    fn assumed(self) -> Self {
        IisW3c { is_assumed: true, ..self }
    }

    /// Refuses rows that nothing but their shape gives to this layout, where it says otherwise.
    #[cold]
    fn check_shape(&self, row: &[u8]) -> Result<(), Skip> {
        let is_foreign = is_httperr_row(row) && !self.columns.is_column(3, Field::ClientPort);
        let is_other = self.columns.is_exact && !self.columns.fit(row);
        if is_foreign || is_other { Err(Skip::Shape) } else { Ok(()) }
    }

    fn understand<'a>(&self, row: &'a [u8]) -> Result<AccessRecord<'a>, Skip> {
        let row = without_padding(row);
        let found = dispatch!(Level::baseline(), simd => self.columns.look(simd, row))?;
        let text = &row[found.stamp.0..found.stamp.1];
        let stamp = self.stamp(text).ok_or(Skip::BadTime)?;
        // What takes longest comes last: most rows of others have no such time.
        if self.is_assumed {
            self.check_shape(row)?;
        }
        let mut record = AccessRecord::new(stamp, found.status, Escape::None);
        record.set(Field::Time, text);
        let is_iis = self.about.server == Server::Iis;
        self.columns.each_value(row, |_, field, (start, end)| {
            let value = unquoted(&row[start..end]);
            match field {
                Field::Other => {}
                Field::Args if is_iis => set_query(&mut record, value),
                // `www.example.com/page`, as some edges write it.
                Field::Uri | Field::RequestUri => match memchr::memchr(b'/', value) {
                    Some(slash) if slash > 0 && value[slash - 1] != b':' => {
                        record.set(Field::Host, &value[..slash]);
                        record.set(field, &value[slash..]);
                    }
                    _ => record.set(field, value),
                },
                // Milliseconds are a habit of IIS; elsewhere only a decimal point tells the unit.
                Field::RequestTimeMillis if !is_iis => {
                    if memchr::memchr(b'.', value).is_some() {
                        record.set(Field::RequestTime, value);
                    }
                }
                _ => record.set(field, value),
            }
        });
        Ok(record)
    }
}

impl Look for IisW3c {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
    fn look<'a, S: Simd>(&self, simd: S, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let row = without_padding(line);
        if self.is_assumed {
            self.check_shape(row)?;
        }
        let found = self.columns.look(simd, row)?;
        Ok(Glance { stamp: &row[found.stamp.0..found.stamp.1], status: found.status })
    }
}

impl Reader for IisW3c {
    fn about(&self) -> &About {
        &self.about
    }

    reads_by_look!();

    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        let micros = if self.columns.lacks_date() {
            self.time_of(w3c_clock_us(unquoted(text))?)?
        } else {
            Notation::W3c.parse(text)?.micros
        };
        Some(Stamp { micros, offset_s: if self.columns.is_local { None } else { Some(0) } })
    }

    fn directive(&self, line: &[u8]) -> Option<Directive> {
        if is_underline(line) {
            return Some(Directive::Comment);
        }
        let (name, text) = directive_of(line)?;
        if name == b"Fields" && is_cloudfront(&String::from_utf8_lossy(text)) {
            return None;
        }
        let next = self.behind(name, text);
        Some(next.map_or(Directive::Comment, |next| Directive::Layout(Arc::new(next))))
    }

    fn carried(&self) -> i64 {
        // Whole seconds leave six bits free.
        self.from_us.unwrap_or(i64::MIN)
            | i64::from(self.columns.is_exact)
            | i64::from(self.is_microsoft) << 1
            | i64::from(self.is_assumed) << 2
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        self.understand(record).map(Record::Access)
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let row = without_padding(record);
        self.columns.each_value(row, |name, _, (start, end)| each(name, &row[start..end]));
    }
}

/// Name and text of a directive line such as `#Fields: date time`. `None`: no directive that W3C logs have.
pub(super) fn split_directive(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).strip_prefix(b"#")?;
    let colon = memchr::memchr(b':', line.get(..16).unwrap_or(line))?;
    let name = &line[..colon];
    let is_known = matches!(
        name,
        b"Fields"
            | b"Date"
            | b"Software"
            | b"Version"
            | b"Start-Date"
            | b"End-Date"
            | b"Remark"
            | b"GMT-Offset"
    );
    is_known.then(|| (name, line[colon + 1..].trim_ascii()))
}

/// As [`split_directive`]; the names of columns alone, as tables of Log Parser have them, are those of a `#Fields:` line.
fn directive_of(line: &[u8]) -> Option<(&[u8], &[u8])> {
    const OWN: [&[u8]; 3] = [b"sc-substatus", b"sc-win32-status", b"s-reason"];
    split_directive(line).or_else(|| {
        line.first().filter(|byte| byte.is_ascii_alphabetic())?;
        let names = || line.split(|byte| *byte == b' ').filter(|name| !name.is_empty());
        let is_name = |name: &[u8]| {
            name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-()".contains(byte))
        };
        let has = |wanted: &[&[u8]]| names().any(|name| wanted.contains(&name));
        let is_heading =
            has(&[b"time"]) && has(&[b"sc-status"]) && has(&OWN) && names().all(is_name);
        is_heading.then(|| (&b"Fields"[..], line.trim_ascii()))
    })
}

/// True for what stands below the names of columns in a table of Log Parser.
fn is_underline(line: &[u8]) -> bool {
    line.starts_with(b"--") && line.iter().all(|byte| matches!(byte, b'-' | b' '))
}

/// True for the columns of an HTTP.sys error log that find themselves: status, site and reason behind each other.
/// Others are read by their names.
pub(super) fn is_httperr(fields: &str) -> bool {
    let names: Vec<_> = fields.split_ascii_whitespace().map(str::to_ascii_lowercase).collect();
    names.windows(3).any(|three| three == ["sc-status", "s-siteid", "s-reason"])
}

/// True for a row that begins like those of an HTTP.sys error log: behind the time stand two pairs of address and port,
/// then the version of the protocol.
fn is_httperr_row(row: &[u8]) -> bool {
    let mut values = row.split(|byte| *byte == b' ').filter(|value| !value.is_empty()).skip(3);
    let is_port = |value: &[u8]| value == b"-" || value.iter().all(u8::is_ascii_digit);
    values.next().is_some_and(is_port)
        && values.nth(1).is_some_and(is_port)
        && values.next().is_some_and(|version| version == b"-" || version.starts_with(b"HTTP/"))
}

/// A row without the zeros that the end of a file copied while live is padded with.
#[inline]
pub(super) fn without_padding(row: &[u8]) -> &[u8] {
    match row {
        [0, ..] | [.., 0] => trim_zeros(row),
        _ => row,
    }
}

#[cold]
fn trim_zeros(row: &[u8]) -> &[u8] {
    let start = row.iter().position(|byte| *byte != 0).unwrap_or(row.len());
    let end = row.iter().rposition(|byte| *byte != 0).map_or(start, |last| last + 1);
    let row = &row[start..end];
    row.strip_suffix(b"\r").unwrap_or(row)
}

/// Recognises W3C extended logs by their `#Fields:` line, or by the usual layouts.
#[derive(Debug, Clone, Copy)]
pub struct IisW3cFormat;

impl IisW3cFormat {
    const NAME: &'static str = "iis_w3c";

    /// The reader that the first `#Fields:` line of a sample calls for, and how many lines it understands from there.
    fn declared(sample: &Sample<'_>) -> Option<(Arc<dyn Reader>, usize)> {
        let mut reader = IisW3c::declared("");
        let is_fields = |line: &&[u8]| {
            directive_of(line).is_some_and(|(name, text)| {
                let fields = String::from_utf8_lossy(text);
                name == b"Fields" && !is_httperr(&fields) && !is_cloudfront(&fields)
            })
        };
        let first = sample.lines.iter().position(is_fields)?;
        let (directives, rows): (Vec<_>, Vec<_>) =
            sample.lines[..=first].iter().map(|line| directive_of(line)).partition(Option::is_some);
        for (name, text) in directives.into_iter().flatten() {
            reader = reader.behind(name, text).unwrap_or(reader);
        }
        if reader.about.layout.is_empty() {
            return None;
        }
        let reader = Arc::new(if rows.is_empty() { reader } else { reader.assumed() });
        let mut current: Arc<dyn Reader> = Arc::clone(&reader) as Arc<dyn Reader>;
        let lines = sample.lines.iter().filter(|line| understands(&mut current, line));
        Some((reader, lines.count()))
    }

    /// The usual layout that most rows of a sample without a `#Fields:` line have, and how many rows have one of them:
    /// several may alternate in one file, and none is to lose against a layout inferred from all.
    fn known(sample: &Sample<'_>) -> Option<(Arc<dyn Reader>, usize)> {
        let readers: Vec<_> =
            KNOWN.iter().map(|(_, text)| IisW3c::new(Columns::known(text), None, false)).collect();
        let mut n_rows = vec![0usize; readers.len()];
        let n_accepted = sample.count(|line| {
            let reader = readers.iter().position(|reader| reader.parse(line).is_ok());
            reader.inspect(|reader| n_rows[*reader] += 1).is_some()
        });
        if n_accepted == 0 {
            return Self::partly_known(sample);
        }
        let best = readers.into_iter().zip(n_rows).rev().max_by_key(|(_, n_rows)| *n_rows)?;
        (best.1 > 0).then(|| (Arc::new(best.0) as Arc<dyn Reader>, n_accepted))
    }

    /// As [`Self::known`], for rows with columns that are none of a usual layout.
    fn partly_known(sample: &Sample<'_>) -> Option<(Arc<dyn Reader>, usize)> {
        let mut lengths: BTreeMap<usize, usize> = BTreeMap::new();
        let begins = |line: &&&[u8]| {
            line.get(..19).is_some_and(|stamp| Notation::W3c.parse(stamp).is_some())
        };
        for line in sample.lines.iter().filter(begins) {
            *lengths.entry(n_values(without_padding(line))).or_default() += 1;
        }
        let length = *lengths.iter().max_by_key(|(_, count)| **count)?.0;
        let readers = Columns::partly_known(length).into_iter();
        readers.map(|columns| IisW3c::new(columns, None, true)).find_map(|reader| {
            let mut n_successes = 0;
            let n_accepted = sample.count(|line| {
                let Ok(record) = reader.understand(line) else { return false };
                // Sizes would rarely be 0 where the Windows code is: then a column before them is missing.
                let code = record.raw(Field::Win32Status);
                n_successes += usize::from(code.is_none_or(|code| code == b"0"));
                true
            });
            (n_successes * 2 > n_accepted && n_accepted > 0)
                .then(|| (Arc::new(reader) as Arc<dyn Reader>, n_accepted))
        })
    }
}

impl Format for IisW3cFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "IIS W3C extended log, and W3C logs of others: by its #Fields line, or the usual columns"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        let (reader, n_accepted) = Self::declared(sample).or_else(|| Self::known(sample))?;
        Some(Proposal { reader, n_accepted, notes: Vec::new() })
    }

    /// Understands no row until a `#Fields:` line turns up.
    fn standing_reader(&self) -> Option<Arc<dyn Reader>> {
        Some(Arc::new(IisW3c::declared("")))
    }
}
