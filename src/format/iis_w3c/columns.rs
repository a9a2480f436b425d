//! The columns that a `#Fields:` line declares, and where their values stand in a row.
//!
//! In: the names of a `#Fields:` line; rows without terminator. Out: values by column, as offsets into the row.
//! Invariants: runs of blanks separate like one blank (real rows have them, see below), unless only the empty values
//! between them make a row as long as its layout; a value in quotes may hold blanks; what a short look at the first columns finds, a look at the whole row finds as well.
//! Source: IIS configuration reference, `logFile`; W3C working draft "Extended Log File Format". Rows of IIS 10 with two
//! blanks before `cs-username` have as many values as names when the blanks count as one.

use std::net::IpAddr;

use fearless_simd::{Simd, u8x64};

use crate::bytes::{parse_status, places_of};
use crate::record::{Field, Skip, id_header};

/// Layouts in common use, by name: for rows without a `#Fields:` line, and for lines that were cut short.
pub(super) const KNOWN: &[(&str, &str)] = &[
    // IIS 8 and later, unless configured otherwise.
    (
        "default",
        "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken",
    ),
    // The same with both byte counts.
    (
        "default_with_bytes",
        "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status sc-bytes cs-bytes time-taken",
    ),
    // Every standard column.
    (
        "all",
        "date time s-sitename s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs-version cs(User-Agent) cs(Cookie) cs(Referer) cs-host sc-status sc-substatus sc-win32-status sc-bytes cs-bytes time-taken",
    ),
    (
        "azure_app_service",
        "date time s-sitename cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Cookie) cs(Referer) cs-host sc-status sc-substatus sc-win32-status sc-bytes cs-bytes time-taken",
    ),
    // IIS 6 and 7.
    (
        "iis6",
        "date time s-sitename s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status",
    ),
];

/// The field a column name stands for.
fn field_of(name: &str, has_query: bool) -> Field {
    match name.to_ascii_lowercase().as_str() {
        "c-ip" => Field::RemoteAddr,
        "c-port" => Field::ClientPort,
        "cs-username" => Field::RemoteUser,
        "cs-method" => Field::Method,
        "cs-uri-stem" => Field::Uri,
        "cs-uri-query" => Field::Args,
        // With a column for the query beside it, it is the path alone.
        "cs-uri" => {
            if has_query {
                Field::Uri
            } else {
                Field::RequestUri
            }
        }
        "cs-version" => Field::Protocol,
        "cs(user-agent)" => Field::UserAgent,
        "cs(referer)" | "cs(referrer)" => Field::Referer,
        "cs-host" | "cs(host)" => Field::Host,
        "x-forwarded-for" | "cs(x-forwarded-for)" | "s-xff" => Field::ForwardedFor,
        "sc-status" => Field::Status,
        "sc-substatus" => Field::SubStatus,
        "sc-win32-status" => Field::Win32Status,
        "sc-bytes" | "bytes" => Field::BytesSent,
        "cs-bytes" => Field::RequestLength,
        "time-taken" | "timetakenms" => Field::RequestTimeMillis,
        "s-ip" => Field::ServerIp,
        "s-port" => Field::ServerPort,
        "s-sitename" | "s-siteid" => Field::SiteName,
        "s-computername" => Field::ComputerName,
        "s-reason" => Field::Reason,
        "s-queuename" => Field::QueueName,
        // A header is logged as `cs(Name)`, or under a name that the administrator chose: usually its own.
        name => {
            let header = name.strip_prefix("cs(").and_then(|name| name.strip_suffix(')'));
            id_header(header.unwrap_or(name).as_bytes()).unwrap_or(Field::Other)
        }
    }
}

/// Where a value stands in its row: start and end, quotes included.
pub(super) type Span = (usize, usize);

/// What a look at the first columns of a row finds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// From the first of the date and time columns to the end of the other.
    pub(super) stamp: Span,
    /// The status; 0 where the layout has none, or the row is none of HTTP.
    pub(super) status: u16,
}

/// How the values of a row are told from each other.
#[derive(Debug, Clone, Copy)]
struct Form {
    quotes: Quotes,
    /// Between two blanks stands an empty value.
    has_empty: bool,
}

/// What is taken for granted until a value shows that the whole row has to be looked at.
const USUAL: Form = Form { quotes: Quotes::Plain, has_empty: false };

/// How the blanks within quotes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// They separate, but whether they should is still open.
    Plain,
    /// They separate: quotes mean nothing.
    Ignored,
    /// They belong to the value.
    Kept,
}

/// What writes the rows, as far as it changes what a status is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Writer {
    #[default]
    Web,
    /// Its status codes mean something else.
    Ftp,
    /// It drops connections without a status.
    HttpSys,
}

/// The columns of a layout.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    names: Vec<String>,
    fields: Vec<Field>,
    date: Option<usize>,
    time: Option<usize>,
    status: Option<usize>,
    method: Option<usize>,
    /// The times are those of a local clock.
    pub(super) is_local: bool,
    writer: Writer,
    /// Rows must have exactly these columns: nothing but their shape tells what they are.
    pub(super) is_exact: bool,
    /// And values that look like those of these columns: some have no name.
    is_checked: bool,
}

impl Columns {
    /// The columns that a `#Fields:` line names.
    pub(super) fn declared(text: &str) -> Self {
        let mut names: Vec<&str> = text.split_ascii_whitespace().collect();
        let is_status = |name: &&str| name.eq_ignore_ascii_case("sc-status");
        if !names.is_empty() && !names.iter().any(is_status) {
            // Cut short: rows that start like a known layout are taken for it.
            let whole = KNOWN.iter().map(|row| row.1.split(' ').collect::<Vec<_>>());
            if let Some(whole) = whole.into_iter().find(|whole| whole.starts_with(&names)) {
                names = whole;
            }
        }
        Self::of(&names)
    }

    /// A layout of [`KNOWN`] for rows that nothing else tells about.
    pub(super) fn known(text: &str) -> Self {
        Columns { is_exact: true, ..Self::of(&text.split(' ').collect::<Vec<_>>()) }
    }

    fn of(names: &[&str]) -> Self {
        let find = |wanted: &[&str]| {
            names
                .iter()
                .position(|name| wanted.iter().any(|other| name.eq_ignore_ascii_case(other)))
        };
        let date_utc = find(&["date", "date-utc"]);
        let time_utc = find(&["time", "time-utc"]);
        let has_query = find(&["cs-uri-query"]).is_some();
        Columns {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            fields: names.iter().map(|name| field_of(name, has_query)).collect(),
            date: date_utc.or_else(|| find(&["date-local"])),
            time: time_utc.or_else(|| find(&["time-local"])),
            // Media servers call it `c-status`.
            status: find(&["sc-status"]).or_else(|| find(&["c-status"])),
            method: if has_query { None } else { find(&["cs-method"]) },
            is_local: time_utc.is_none(),
            writer: if find(&["x-session"]).is_some() {
                Writer::Ftp
            } else if find(&["s-reason", "s-queuename"]).is_some() {
                Writer::HttpSys
            } else {
                Writer::Web
            },
            is_exact: false,
            is_checked: false,
        }
    }

    /// Layouts of which a row with so many values may have one, each with more columns than are known: the administrator's
    /// own stand behind the standard ones. Which columns follow the status shows only where sizes are among them; of the
    /// others the known ones end with it. Best first.
    pub(super) fn partly_known(n_values: usize) -> Vec<Self> {
        let whole = |names: &Vec<&'static str>| names.contains(&"sc-bytes");
        let layouts = || KNOWN.iter().map(|row| row.1.split(' ').collect::<Vec<_>>());
        let to_status = layouts().map(|mut names| {
            let status = names.iter().position(|name| *name == "sc-status");
            names.truncate(status.map_or(0, |status| status + 1));
            names
        });
        let mut found: Vec<Self> = Vec::new();
        for names in layouts().filter(whole).chain(to_status) {
            let others: Vec<_> =
                (names.len() + 1..=n_values).map(|number| format!("column-{number}")).collect();
            let all: Vec<&str> =
                names.iter().copied().chain(others.iter().map(String::as_str)).collect();
            let is_new = found.iter().all(|other| other.names != all);
            if names.len() <= n_values && is_new {
                found.push(Columns { is_exact: true, is_checked: true, ..Self::of(&all) });
            }
        }
        found
    }

    /// The names of the columns, in order.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// True when a column has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|other| other.eq_ignore_ascii_case(name))
    }

    /// True when rows have a date.
    pub(super) fn has_date(&self) -> bool {
        self.date.is_some()
    }

    /// True when rows have a time but no date.
    pub(super) fn lacks_date(&self) -> bool {
        !self.has_date() && self.time.is_some()
    }

    /// Finds the time and the status. Looks no further than their columns, unless a value opens a quote and does not
    /// close it, or blanks stand together: then the whole row decides what they mean in it.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
    pub(super) fn look<S: Simd>(&self, simd: S, row: &[u8]) -> Result<Found, Skip> {
        if let Some(found) = self.leap(simd, row) {
            return Ok(found);
        }
        match self.walk(row, USUAL) {
            Ok(found) => Ok(found),
            Err(Stop::Refused(skip)) => Err(skip),
            Err(Stop::Unusual) => self.glance_unusual(row),
        }
    }

    // What `walk` finds in nearly every row, by counting blanks: up to the status no quote, no tab, one blank between
    // values, date and time first. Whatever is otherwise is left to `walk`.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
    pub(super) fn leap<S: Simd>(&self, simd: S, row: &[u8]) -> Option<Found> {
        let status = self.status?;
        let is_usual = (self.date, self.time) == (Some(0), Some(1))
            && self.writer != Writer::Ftp
            && self.method.is_none()
            && status >= 2;
        if !is_usual || row.len() < 64 || row[10] != b' ' || row[19] != b' ' {
            return None;
        }
        let at = behind_blanks(simd, row, status)?;
        let digits = row.get(at..at + 3)?;
        if row.get(at + 3).is_some_and(|byte| *byte != b' ') {
            return None;
        }
        Some(Found { stamp: (0, 19), status: parse_status(digits)? })
    }

    /// The slow twin of [`Self::leap`].
    #[cfg(test)]
    pub(super) fn walked(&self, row: &[u8]) -> Option<Found> {
        match self.walk(row, USUAL) {
            Ok(found) => Some(found),
            Err(Stop::Refused(_)) => None,
            Err(Stop::Unusual) => self.glance_unusual(row).ok(),
        }
    }

    #[cold]
    fn glance_unusual(&self, row: &[u8]) -> Result<Found, Skip> {
        self.walk(row, self.form_of(row)).map_err(|stop| match stop {
            Stop::Refused(skip) => skip,
            Stop::Unusual => Skip::Shape,
        })
    }

    /// Calls `each` with the column, the field and the span of every value of a row.
    pub(super) fn each_value(&self, row: &[u8], mut each: impl FnMut(&str, Field, Span)) {
        let columns = self.names.iter().zip(&self.fields);
        for ((name, field), span) in columns.zip(values(row, self.form_of(row))) {
            each(name, *field, span);
        }
    }

    /// True when a row has as many values as there are columns; and, where they have to be checked, values like theirs.
    pub(super) fn fit(&self, row: &[u8]) -> bool {
        let form = self.form_of(row);
        let mut columns = self.fields.iter().zip(values(row, form));
        values(row, form).count() == self.names.len()
            && (!self.is_checked
                || columns.all(|(field, (start, end))| may_be(*field, &row[start..end])))
    }

    /// True when the column at `index` is this field.
    pub(super) fn is_column(&self, index: usize, field: Field) -> bool {
        self.fields.get(index) == Some(&field)
    }

    /// How the values of a row are told from each other.
    fn form_of(&self, row: &[u8]) -> Form {
        let plain = Form { quotes: self.quotes_of(row), has_empty: false };
        let empty = Form { has_empty: true, ..plain };
        let n_names = self.names.len();
        let is_short = || values(row, plain).count() < n_names;
        let has_empty = has_two_blanks(row)
            && is_short()
            && values(row, empty).count() == n_names
            && self.has_status(row, empty);
        if has_empty { empty } else { plain }
    }

    /// What quotes mean in a row: a raw quote may start any value, and one log in a thousand quotes values with blanks.
    fn quotes_of(&self, row: &[u8]) -> Quotes {
        if memchr::memchr(b'"', row).is_none()
            || !values(row, USUAL).any(|span| is_unbalanced(row, span))
        {
            return Quotes::Ignored;
        }
        let form = |quotes| Form { quotes, has_empty: false };
        let fits = |quotes| values(row, form(quotes)).count() == self.names.len();
        let has_status = |quotes| self.has_status(row, form(quotes));
        if fits(Quotes::Kept) && has_status(Quotes::Kept) {
            Quotes::Kept
        } else if fits(Quotes::Ignored) && has_status(Quotes::Ignored) {
            Quotes::Ignored
        } else if has_status(Quotes::Kept) {
            Quotes::Kept
        } else {
            Quotes::Ignored
        }
    }

    /// True when a row has a status in its column, if there is one.
    fn has_status(&self, row: &[u8], form: Form) -> bool {
        self.status.is_none_or(|column| {
            let value = values(row, form).nth(column).map(|(start, end)| &row[start..end]);
            value.is_some_and(|value| self.status_in(value).is_some())
        })
    }

    /// What a value of the column of the status says.
    #[inline]
    fn status_in(&self, value: &[u8]) -> Option<u16> {
        let is_none = self.writer == Writer::HttpSys && value == b"-";
        if is_none { Some(0) } else { status_of(value) }
    }

    // In words: the values in turn, up to the last column that is wanted. The usual first two columns are taken by
    // their width.
    #[inline]
    fn walk(&self, row: &[u8], form: Form) -> Result<Found, Stop> {
        let Some(time) = self.time else { return Err(Stop::Refused(Skip::BadTime)) };
        let date = self.date.unwrap_or(time);
        let last = self.status.unwrap_or(0).max(date).max(time);
        let (mut column, mut at) = (0, 0);
        let mut stamp = (usize::MAX, 0);
        if (date, time) == (0, 1) && row.len() > 19 && row[10] == b' ' && row[19] == b' ' {
            (column, at, stamp) = (2, 20, (0, 19));
        }
        let mut status = if self.status.is_some() { None } else { Some(0) };
        let mut is_message = self.writer == Writer::Ftp;
        let is_open = form.quotes == Quotes::Plain;
        for span in values_from(row, at, form) {
            if is_open && (is_behind_two_blanks(row, span) || is_unbalanced(row, span)) {
                return Err(Stop::Unusual);
            }
            if column == date || column == time {
                stamp = (stamp.0.min(span.0), stamp.1.max(span.1));
            }
            if self.status == Some(column) {
                status = self.status_in(&row[span.0..span.1]);
                if status.is_none() {
                    return Err(Stop::Refused(Skip::BadStatus));
                }
            }
            if self.method == Some(column) && row.get(span.0) == Some(&b'[') {
                is_message = true;
            }
            if column == last {
                let status = if is_message { Some(0) } else { status };
                return Ok(Found { stamp, status: status.unwrap_or(0) });
            }
            column += 1;
        }
        Err(Stop::Refused(Skip::Truncated))
    }
}

/// Why a walk ended early.
enum Stop {
    /// The row is none of this layout.
    Refused(Skip),
    /// A value opens a quote and does not close it, or stands behind two blanks.
    Unusual,
}

/// The status in its column; 0 for `""`, which edges write when the connection ended before there was one.
#[inline]
fn status_of(value: &[u8]) -> Option<u16> {
    parse_status(value).or_else(|| match unquoted(value) {
        [] => Some(0),
        inner => parse_status(inner),
    })
}

/// True for a value that a column may have. Asked where the columns are guessed.
fn may_be(field: Field, value: &[u8]) -> bool {
    let is_number = || !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    match field {
        Field::RemoteAddr | Field::ServerIp => {
            let address = value.split(|byte| *byte == b'%').next().unwrap_or(value);
            std::str::from_utf8(address).is_ok_and(|text| text.parse::<IpAddr>().is_ok())
        }
        Field::Method => !value.is_empty() && value.iter().all(u8::is_ascii_uppercase),
        Field::Uri => value.starts_with(b"/"),
        Field::Protocol => value.starts_with(b"HTTP/"),
        Field::Status => parse_status(value).is_some(),
        Field::ServerPort
        | Field::SubStatus
        | Field::Win32Status
        | Field::BytesSent
        | Field::RequestLength
        | Field::RequestTimeMillis => is_number(),
        _ => true,
    }
}

/// A value without the quotes around it, if it has any.
pub(super) fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value)
}

/// Offset behind the blank number `n` of a row that begins with a date and a time, and has 64 bytes or more. `None`: there
/// are fewer, or up to there stand two together, or a quote, or a tab.
#[inline(always)]
fn behind_blanks<S: Simd>(simd: S, row: &[u8], n: usize) -> Option<usize> {
    const CHUNK: usize = 64;
    const BEHIND_DATE_AND_TIME: u64 = 1 << 10 | 1 << 19;
    let (chunks, tail) = row.as_chunks::<CHUNK>();
    // The rest together with bytes that were looked at.
    let last = (row.last_chunk::<CHUNK>()?, CHUNK - tail.len());
    let places = |wanted, chunk| places_of::<S, u8x64<S>>(simd, wanted, chunk);
    let (mut left, mut blank_before) = (n as u32, 0);
    for (index, (chunk, n_known)) in chunks.iter().map(|chunk| (chunk, 0)).chain([last]).enumerate()
    {
        let new = |wanted| places(wanted, chunk).unbounded_shr(n_known as u32);
        let blanks = new(b' ');
        let odd = blanks & (blanks << 1 | blank_before) | new(b'"') | new(b'\t');
        if index == 0 && blanks & 0xF_FFFF != BEHIND_DATE_AND_TIME {
            return None;
        }
        let count = blanks.count_ones();
        if count >= left {
            let wanted = (1..left).fold(blanks, |rest, _| rest & rest.wrapping_sub(1));
            let up_to = wanted ^ wanted.wrapping_sub(1);
            let end = index * CHUNK + wanted.trailing_zeros() as usize + 1;
            return (odd & up_to == 0).then_some(end);
        }
        if odd != 0 {
            return None;
        }
        left -= count;
        blank_before = blanks >> (CHUNK - 1);
    }
    None
}

/// True for a value before which an empty one may stand.
#[inline]
fn is_behind_two_blanks(row: &[u8], (start, _): Span) -> bool {
    start >= 2 && is_blank(row[start - 2])
}

/// True when a value, cut at the next blank, is the start of a quoted one.
#[inline]
fn is_unbalanced(row: &[u8], (start, end): Span) -> bool {
    row.get(start) == Some(&b'"') && closing(row, start).is_some_and(|close| close != end)
}

/// End of the quoted value that starts at `start`: behind a quote before a blank or the end. Two quotes stand for one.
fn closing(row: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    while let Some(quote) = memchr::memchr(b'"', row.get(at..)?) {
        let first = at + quote;
        let n_quotes = row[first..].iter().take_while(|byte| **byte == b'"').count();
        at = first + n_quotes;
        if n_quotes % 2 == 1 && row.get(at).is_none_or(|byte| is_blank(*byte)) {
            return Some(at);
        }
    }
    None
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// True where two blanks stand together.
fn has_two_blanks(row: &[u8]) -> bool {
    let mut blanks = memchr::memchr2_iter(b' ', b'\t', row);
    let mut before = None;
    blanks.any(|at| before.replace(at).is_some_and(|before| before + 1 == at))
}

/// How many values a row has.
pub(super) fn n_values(row: &[u8]) -> usize {
    values(row, USUAL).count()
}

fn values(row: &[u8], form: Form) -> Values<'_> {
    values_from(row, 0, form)
}

#[inline]
fn values_from(row: &[u8], at: usize, form: Form) -> Values<'_> {
    Values { row, at, form }
}

/// The values of a row from some offset on.
struct Values<'a> {
    row: &'a [u8],
    at: usize,
    form: Form,
}

impl Iterator for Values<'_> {
    type Item = Span;

    #[inline]
    fn next(&mut self) -> Option<Span> {
        let has_empty = self.form.has_empty;
        while !has_empty && self.row.get(self.at).is_some_and(|byte| is_blank(*byte)) {
            self.at += 1;
        }
        let start = self.at;
        let rest = self.row.get(start..).filter(|rest| has_empty || !rest.is_empty())?;
        let quoted = match (self.form.quotes, rest.first()) {
            (Quotes::Kept, Some(b'"')) => closing(self.row, start),
            _ => None,
        };
        let end = quoted.unwrap_or_else(|| {
            memchr::memchr2(b' ', b'\t', rest).map_or(self.row.len(), |length| start + length)
        });
        // Past the blank behind an empty value; past the end of the row behind its last one.
        self.at = end + usize::from(has_empty);
        Some((start, end))
    }
}
