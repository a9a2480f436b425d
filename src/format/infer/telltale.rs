//! Layouts that one of their columns gives away: its values are words that only one server writes.
//!
//! In: sampled lines, and what the words are. Out: a reader for the layouts that have such a column, a time and a status.
//! Invariants: a column gets a meaning on evidence in its label or its values, never by its place alone; all others are
//! opaque text. Layouts that differ in what stands between their values (blocks that are left out) are read side by
//! side. A layout without a time is one only in an envelope that has it.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::tokens::{brackets, is_key_byte, key_length, time_length};
use super::values::{Column, Kind as Shape};
use crate::bytes::parse_u64;
use crate::format::layout::{Kind, Layout, Part, next_quote};
use crate::format::{About, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::record::{AccessRecord, Escape, Field, Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::{Notation, SECOND_US, Stamp};

/// Separators that formats use, besides blanks.
const SEPARATORS: &[u8] = b"|;,\t";

/// Layouts with more columns than this are no access logs.
const MAX_COLUMNS: usize = 64;

/// More layouts are not read side by side.
const MAX_LAYOUTS: usize = 6;

/// Fewer lines than this say nothing of a layout.
const MIN_LINES: usize = 3;

/// A column that tells the server.
pub(in crate::format) struct Telltale {
    /// True for its values.
    pub(in crate::format) is_value: fn(&[u8]) -> bool,
    /// True for values that no other column has.
    pub(in crate::format) is_proof: fn(&[u8]) -> bool,
    /// True for a column whose values, or what stands beside it, leave no doubt.
    pub(in crate::format) is_sure: fn(&Columns<'_>, usize) -> bool,
    /// One of these is in every such value: lines without any need not be cut.
    pub(in crate::format) hints: &'static [&'static str],
    /// True where nothing else looks like a value: it may stand in brackets of any kind, or behind `key:`.
    pub(in crate::format) is_word: bool,
    /// What it means.
    pub(in crate::format) field: Field,
    /// How values are escaped.
    pub(in crate::format) escape: Escape,
    /// Names further columns.
    pub(in crate::format) name: fn(&mut Columns<'_>),
    /// Sets fields that are parts of others.
    pub(in crate::format) finish: fn(&mut AccessRecord<'_>),
}

/// Text of a network that delivers logs in JSON as well, known by one of its columns.
pub struct TextFormat {
    /// Id of the format.
    pub(in crate::format) name: &'static str,
    /// What it is, and what it is known by.
    pub(in crate::format) summary: &'static str,
    /// Who writes it.
    pub(in crate::format) server: Server,
    /// The column.
    pub(in crate::format) telltale: Telltale,
}

impl fmt::Debug for TextFormat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name)
    }
}

impl Format for TextFormat {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        propose(sample, &self.telltale, |body, notation| About {
            format: self.name,
            layout: body.to_owned(),
            server: self.server,
            role: LogRole::Access,
            notation,
            instant: Instant::Start,
            basis: FormatBasis::Detected,
            ambiguous_with: None,
        })
    }
}

/// Columns of lines of one layout, and what they mean so far.
pub(in crate::format) struct Columns<'a> {
    columns: Vec<Column<'a>>,
    fields: Vec<Option<Field>>,
}

impl<'a> Columns<'a> {
    /// The key before a column, without case and marks. `%TR`, the time of the request, goes by another name than `%Tr`.
    pub(in crate::format) fn label(&self, idx: usize) -> String {
        let label = self.columns[idx].label.as_deref().unwrap_or_default();
        let label = if label == "TR" { "treq" } else { label };
        let plain = label.bytes().filter(u8::is_ascii_alphanumeric);
        plain.map(|byte| char::from(byte.to_ascii_lowercase())).collect()
    }

    /// The values of a column.
    pub(in crate::format) fn values(&self, idx: usize) -> &[&'a [u8]] {
        &self.columns[idx].values
    }

    /// How many there are.
    pub(in crate::format) fn n(&self) -> usize {
        self.columns.len()
    }

    /// True for a column without a meaning so far.
    pub(in crate::format) fn is_free(&self, idx: usize) -> bool {
        self.fields.get(idx).is_some_and(Option::is_none)
    }

    /// Where a field is.
    pub(in crate::format) fn find(&self, field: Field) -> Option<usize> {
        self.fields.iter().position(|known| *known == Some(field))
    }

    /// Gives a column a meaning, unless it or another column has it.
    pub(in crate::format) fn set(&mut self, idx: usize, field: Field) {
        if self.is_free(idx) && self.find(field).is_none() {
            self.fields[idx] = Some(field);
        }
    }

    /// Gives the first free column that passes a meaning.
    pub(in crate::format) fn set_first(
        &mut self,
        field: Field,
        passes: impl Fn(&Self, usize) -> bool,
    ) {
        if let Some(idx) = (0..self.n()).find(|idx| self.is_free(*idx) && passes(self, *idx)) {
            self.set(idx, field);
        }
    }

    /// Gives the column with one of the labels a meaning, where its values pass.
    pub(in crate::format) fn set_labelled(
        &mut self,
        field: Field,
        labels: &[&str],
        passes: fn(&[u8]) -> bool,
    ) {
        self.set_first(field, |columns, idx| {
            labels.contains(&&*columns.label(idx)) && columns.all(idx, passes)
        });
    }

    /// True when all values of a column pass.
    pub(in crate::format) fn all(&self, idx: usize, passes: fn(&[u8]) -> bool) -> bool {
        self.columns[idx].values.iter().all(|value| passes(value))
    }

    /// True when a value of a column passes.
    pub(in crate::format) fn any(&self, idx: usize, passes: fn(&[u8]) -> bool) -> bool {
        self.columns[idx].values.iter().any(|value| passes(value))
    }

    /// True for a column of single words that are neither numbers nor addresses.
    pub(in crate::format) fn is_name(&self, idx: usize) -> bool {
        let column = &self.columns[idx];
        let of = |kind| column.count(kind);
        column.n_absent == 0 && of(Shape::Word) + of(Shape::Host) == column.n()
    }

    /// True for a column without anything that a client chooses.
    fn is(&self, idx: usize, kinds: &[Shape]) -> bool {
        self.columns[idx].is(kinds)
    }

    /// Columns with these labels and values, of which none has a meaning.
    pub(in crate::format) fn labelled(columns: Vec<(String, Vec<&'a [u8]>)>) -> Self {
        let fields = vec![None; columns.len()];
        let column = |(label, values)| Column::new(Some(label), 0, values);
        Columns { columns: columns.into_iter().map(column).collect(), fields }
    }

    /// What a column means.
    pub(in crate::format) fn field(&self, idx: usize) -> Option<Field> {
        self.fields.get(idx).copied().flatten()
    }

    /// The column that tells the server. `None`: none does, or others say that it is nginx.
    pub(in crate::format) fn given_away_by(&self, telltale: &Telltale) -> Option<usize> {
        // Who logs an upstream as nginx calls it is nginx, whatever else there is.
        if (0..self.n()).any(|idx| is_of_nginx(&self.label(idx))) {
            return None;
        }
        let is_telltale = |idx: &usize| {
            self.is_free(*idx)
                && self.all(*idx, telltale.is_value)
                && self.any(*idx, telltale.is_proof)
                && (telltale.is_sure)(self, *idx)
        };
        (0..self.n()).find(is_telltale)
    }

    /// Columns that access lines of any server have.
    fn name_common(&mut self) -> Option<()> {
        self.name_status()?;
        self.name_request();
        Some(())
    }

    /// Columns that tell the request and the client.
    pub(in crate::format) fn name_request(&mut self) {
        let is_mostly = |columns: &Self, idx: usize, kind: Shape| {
            columns.columns[idx].count(kind) * 2 > columns.columns[idx].n_present()
        };
        self.set_first(Field::Request, |columns, idx| is_mostly(columns, idx, Shape::Request));
        if self.find(Field::Request).is_none() {
            self.set_first(Field::Method, |columns, idx| is_mostly(columns, idx, Shape::Method));
            self.set_first(Field::RequestUri, |columns, idx| {
                is_mostly(columns, idx, Shape::Path) || is_mostly(columns, idx, Shape::Url)
            });
            self.set_first(Field::Protocol, |columns, idx| {
                is_mostly(columns, idx, Shape::Protocol)
            });
        }
        self.set_first(Field::RemoteAddr, |columns, idx| {
            columns.is(idx, &[Shape::Ip, Shape::Addr]) && columns.columns[idx].n_absent == 0
        });
        self.set_first(Field::UserAgent, |columns, idx| is_mostly(columns, idx, Shape::Agent));
        self.set_first(Field::Host, |columns, idx| columns.is(idx, &[Shape::Host]));
        self.set_first(Field::RequestId, |columns, idx| columns.is(idx, &[Shape::Id]));
    }

    fn name_time(&mut self) -> Option<Notation> {
        use Notation::{Clf, ClfVariant, EpochMillis, EpochSeconds, Iso8601};
        for notation in [Clf, ClfVariant, Iso8601, EpochSeconds, EpochMillis] {
            let is_time =
                |idx: &usize| self.values(*idx).iter().all(|value| notation.parse(value).is_some());
            if let Some(idx) = (0..self.n()).find(is_time) {
                self.set(idx, Field::Time);
                return Some(notation);
            }
        }
        None
    }

    /// Of the columns that hold nothing but statuses, that with the usual ones. A few lines may say that there was none.
    fn name_status(&mut self) -> Option<()> {
        let usual = |value: &&&[u8]| {
            matches!(**value, b"200" | b"204" | b"301" | b"302" | b"304" | b"404" | b"500" | b"503")
        };
        let is_status = |idx: &usize| {
            let n_statuses = self.columns[*idx].count(Shape::Status);
            let values = self.values(*idx);
            self.is_free(*idx)
                && n_statuses * 2 > values.len()
                && n_statuses + values.iter().filter(|value| is_no_status(value)).count()
                    == values.len()
        };
        let is_labelled = |idx: usize| self.label(idx).contains("status");
        let best = (0..self.n()).filter(is_status).max_by_key(|idx| {
            let n_usual = self.values(*idx).iter().filter(usual).count();
            (is_labelled(*idx), n_usual, std::cmp::Reverse(*idx))
        })?;
        self.set(best, Field::Status);
        Some(())
    }
}

/// True for what stands in place of a status where no response was begun.
fn is_no_status(value: &[u8]) -> bool {
    matches!(value, b"-1" | b"0" | b"-")
}

/// True for the label of what nginx says of a backend. Other proxies have upstreams too, but other words of them.
fn is_of_nginx(label: &str) -> bool {
    label.strip_prefix("upstream").is_some_and(|of| {
        let is_own = ["http", "bytes", "trailer", "cookie"].iter().any(|own| of.starts_with(own));
        let words =
            ["addr", "status", "connecttime", "headertime", "responsetime", "responselength"];
        is_own || words.contains(&of) || of == "cachestatus"
    })
}

/// A line in pieces: `literals[0] values[0] literals[1] ... values[n-1] literals[n]`.
#[derive(Default)]
struct Pieces<'a> {
    values: Vec<&'a [u8]>,
    literals: Vec<&'a [u8]>,
}

/// Cuts a line at blanks, or at a separator. Labels, quotes and brackets belong to the text between the values.
fn cut<'a>(line: &'a [u8], separator: Option<u8>, telltale: &Telltale) -> Pieces<'a> {
    let mut pieces = Pieces::default();
    let is_end = |byte: u8| separator.map_or(byte == b' ' || byte == b'\t', |one| byte == one);
    let is_word = |text: &[u8]| telltale.is_word && (telltale.is_value)(text);
    let (mut at, mut literal) = (0, 0);
    while at < line.len() && pieces.values.len() <= MAX_COLUMNS {
        let is_between = |byte: &u8| *byte == b' ' || (separator.is_none() && *byte == b'\t');
        at += line[at..].iter().take_while(|byte| is_between(byte)).count();
        at += label_length(&line[at..], |rest| {
            let end = rest.iter().position(|byte| is_end(*byte)).unwrap_or(rest.len());
            telltale.is_word && (telltale.is_value)(&rest[..end])
        });
        let rest = &line[at..];
        let closing = match rest.first() {
            Some(b'"') => Some(next_quote(telltale.escape, rest, 1)),
            // `[2001:db8::1]:443` is an address.
            Some(b'[') => memchr::memchr(b']', rest)
                .filter(|end| !matches!(rest[end + 1..], [b':', b'0'..=b'9', ..])),
            Some(b'(') => memchr::memchr(b')', rest).filter(|end| {
                let inside = &rest[1..*end];
                inside.iter().all(u8::is_ascii_digit) || is_word(inside)
            }),
            Some(b'<') => memchr::memchr(b'>', rest).filter(|end| is_word(&rest[1..*end])),
            Some(b'{') => memchr::memchr(b'}', rest),
            Some(b'\'') => memchr::memchr(b'\'', &rest[1..]).map(|end| end + 1),
            _ => None,
        };
        let closing = closing.filter(|end| *end < rest.len());
        let (from, to) = if let Some(end) = closing {
            let marks = 1 + brackets(&rest[1..end]);
            (at + marks, at + end + 1 - marks)
        } else {
            // A time may hold a blank.
            let least = time_length(rest).unwrap_or(0);
            let end = rest[least..].iter().position(|byte| is_end(*byte));
            let end = end.map_or(rest.len(), |end| least + end);
            let marks = rest[..end].iter().rev().take_while(|byte| b",;| ".contains(byte));
            (at, at + end - marks.count())
        };
        pieces.literals.push(&line[literal..from]);
        pieces.values.push(&line[from..to]);
        literal = to;
        let behind = line[to..].iter().position(|byte| is_end(*byte));
        at = behind.map_or(line.len(), |behind| to + behind + 1);
    }
    pieces.literals.push(&line[literal.min(line.len())..]);
    pieces
}

/// Length of a label such as `status=` or `status: ` at the start, if there is one; of `status:`, if `is_word` knows what
/// follows.
fn label_length(text: &[u8], is_word: impl Fn(&[u8]) -> bool) -> usize {
    let Some(length) = key_length(text).filter(|length| *length > 0) else { return 0 };
    match &text[length..] {
        [b'=', ..] => length + 1,
        [b':', b' ', ..] => length + 2,
        [b':', rest @ ..] if is_word(rest) => length + 1,
        _ => 0,
    }
}

/// The key at the end of the text before a value.
fn label_of(literal: &[u8]) -> Option<String> {
    let text = literal.strip_suffix(b"[").unwrap_or(literal);
    let text = text.strip_suffix(b"\"").unwrap_or(text);
    let text = text.trim_ascii_end();
    let text = text.strip_suffix(b"=").or_else(|| text.strip_suffix(b":"))?;
    let start = text.iter().rposition(|byte| !is_key_byte(*byte)).map_or(0, |at| at + 1);
    let key = &text[start..];
    (!key.is_empty()).then(|| String::from_utf8_lossy(key).into_owned())
}

/// The layouts of the lines when cut in one way, and how many columns have a meaning, over all lines.
fn layouts_by(
    lines: &[&[u8]],
    separator: Option<u8>,
    telltale: &Telltale,
    needs_time: bool,
) -> (usize, Vec<(Layout, usize)>) {
    let mut groups: BTreeMap<Vec<&[u8]>, Vec<Vec<&[u8]>>> = BTreeMap::new();
    for line in lines {
        let pieces = cut(line, separator, telltale);
        // A message may have as many words as access lines have columns.
        if pieces.values.len() <= MAX_COLUMNS
            && pieces.values.iter().any(|value| (telltale.is_value)(value))
        {
            groups.entry(pieces.literals).or_default().push(pieces.values);
        }
    }
    let mut groups: Vec<_> =
        groups.into_iter().filter(|group| group.1.len() >= MIN_LINES).collect();
    groups.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
    let (mut score, mut layouts) = (0, Vec::new());
    for (literals, rows) in groups.into_iter().take(MAX_LAYOUTS) {
        if let Some((layout, n_named)) = layout_of(&literals, &rows, telltale, needs_time) {
            score += n_named * rows.len();
            layouts.push((layout, rows.len()));
        }
    }
    (score, layouts)
}

/// The layout of lines with the same text between their values, and how many of its columns have a meaning.
fn layout_of(
    literals: &[&[u8]],
    rows: &[Vec<&[u8]>],
    telltale: &Telltale,
    needs_time: bool,
) -> Option<(Layout, usize)> {
    let n_columns = literals.len().checked_sub(1)?;
    // What takes no time goes first: most lines have no such column.
    let may_tell = |idx: usize| rows.iter().all(|row| (telltale.is_value)(row[idx]));
    if !(0..n_columns).any(may_tell) {
        return None;
    }
    let column = |idx: usize| {
        let wrap = literals[idx].last().copied().filter(|byte| b"\"[".contains(byte));
        let values = rows.iter().map(|row| row[idx]).collect();
        Column::new(label_of(literals[idx]), wrap.unwrap_or(0), values)
    };
    let columns: Vec<_> = (0..n_columns).map(column).collect();
    let mut columns = Columns { fields: vec![None; columns.len()], columns };
    let idx = columns.given_away_by(telltale)?;
    columns.set(idx, telltale.field);
    let notation = columns.name_time();
    if notation.is_none() && needs_time {
        return None;
    }
    columns.name_common()?;
    // Lines without a status are not of the layout, and must not keep the others from being so.
    let status = columns.find(Field::Status)?;
    if columns.any(status, is_no_status) {
        let has_status = |row: &&Vec<&[u8]>| !is_no_status(row[status]);
        let rows: Vec<_> = rows.iter().filter(has_status).cloned().collect();
        return layout_of(literals, &rows, telltale, needs_time);
    }
    (telltale.name)(&mut columns);
    let n_named = columns.fields.iter().flatten().count();
    let mut body = String::new();
    let mut lead = String::new();
    let mut parts: Vec<Part> = Vec::new();
    for (idx, literal) in literals.iter().enumerate() {
        let literal = std::str::from_utf8(literal).ok()?;
        body.push_str(literal);
        match parts.last_mut() {
            Some(part) => literal.clone_into(&mut part.after),
            None => literal.clone_into(&mut lead),
        }
        if idx < n_columns {
            let field = columns.fields[idx].unwrap_or(Field::Other);
            let kind = match field {
                Field::Time => Kind::Time(notation?),
                Field::Status => Kind::Status,
                _ if columns.values(idx).iter().all(|value| !value.contains(&b' ')) => Kind::Token,
                _ => Kind::Text,
            };
            let name = columns.fields[idx].map_or("other".to_owned(), |field| format!("{field:?}"));
            let _ = write!(body, "<{name}>");
            parts.push(Part { name, field, kind, after: String::new() });
        }
    }
    let layout = Layout::assemble_undated(&body, telltale.escape, lead, &parts).ok()?;
    Some((layout, n_named))
}

/// A reader for the layouts of a sample that have the column. `about` says what it is, given a layout's text.
pub(in crate::format) fn propose(
    sample: &Sample<'_>,
    telltale: &Telltale,
    about: impl Fn(&str, Notation) -> About,
) -> Option<Proposal> {
    let is_word = |word: &[u8]| {
        // In brackets, or behind `key:`.
        let mut parts = word.split(|byte| b"<>()[]{}':".contains(byte));
        (telltale.is_proof)(word) || (telltale.is_word && parts.any(telltale.is_proof))
    };
    let hints: Vec<_> = telltale.hints.iter().map(memchr::memmem::Finder::new).collect();
    let has_word = |line: &&[u8]| {
        !line.starts_with(b"{")
            && hints.iter().any(|hint| hint.find(line).is_some())
            && line.split(|byte| b" |;,\t\"=".contains(byte)).any(is_word)
    };
    if !sample.lines.iter().any(has_word) {
        return None;
    }
    let ways = SEPARATORS.iter().map(|separator| Some(*separator));
    let tried = std::iter::once(None).chain(ways);
    let needs_time = !sample.is_dated_outside;
    let tried = tried.map(|separator| layouts_by(&sample.lines, separator, telltale, needs_time));
    // Of two ways that explain as much, the first.
    let (score, layouts) =
        tried.reduce(|best, other| if other.0 > best.0 { other } else { best })?;
    let (first, _) = layouts.first()?;
    let mut about = about(first.body(), first.notation());
    let lacks_time = first.notation() == Notation::Syslog;
    if lacks_time {
        // The line is sent when the request is done.
        about.instant = Instant::End;
    }
    let layouts: Vec<_> = layouts
        .iter()
        .map(|(layout, _)| layout.clone())
        .filter(|layout| layout.notation() == about.notation)
        .collect();
    let reader =
        TelltaleReader { layouts, about, finish: telltale.finish, offset_s: None, lacks_time };
    let n_accepted = sample.lines.iter().filter(|line| reader.parse(line).is_ok()).count();
    Proposal::counted(reader, n_accepted).filter(|_| score > 0)
}

/// Reads lines of one of several layouts.
#[derive(Debug, Clone)]
struct TelltaleReader {
    layouts: Vec<Layout>,
    about: About,
    finish: fn(&mut AccessRecord<'_>),
    /// The zone of times that have none, where the prefixes of the lines tell it.
    offset_s: Option<i32>,
    lacks_time: bool,
}

impl TelltaleReader {
    fn zoned(&self, stamp: Stamp) -> Stamp {
        match self.offset_s {
            Some(offset_s) if stamp.offset_s.is_none() => Stamp {
                micros: stamp.micros - i64::from(offset_s) * SECOND_US,
                offset_s: Some(offset_s),
            },
            _ => stamp,
        }
    }

    fn access<'a>(&self, line: &'a [u8]) -> Result<AccessRecord<'a>, Skip> {
        let mut parsed = self.layouts.iter().map(|layout| layout.parse(line));
        let mut access = parsed.find(Result::is_ok).unwrap_or(Err(Skip::Shape))?;
        (self.finish)(&mut access);
        Ok(access)
    }
}

impl Reader for TelltaleReader {
    fn about(&self) -> &About {
        &self.about
    }

    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let mut looked = self.layouts.iter().map(|layout| layout.glance(line));
        looked.find(Result::is_ok).unwrap_or(Err(Skip::Shape))
    }

    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        self.about.notation.parse(text).map(|stamp| self.zoned(stamp))
    }

    fn carried(&self) -> i64 {
        self.offset_s.map_or(0, |offset_s| i64::from(offset_s) + i64::from(i32::MAX))
    }

    fn lacks_time(&self) -> bool {
        self.lacks_time
    }

    fn written_at(&self, line: &[u8]) -> Option<i64> {
        let access = self.access(line).ok()?;
        if self.lacks_time || access.stamp.offset_s.is_some() {
            return None;
        }
        let total_ms = access.value(Field::RequestTimeMillis).and_then(parse_u64).unwrap_or(0);
        access.stamp.micros.checked_add(i64::try_from(total_ms).ok()?.checked_mul(1000)?)
    }

    fn in_zone(&self, offset_s: i32) -> Option<Arc<dyn Reader>> {
        Some(Arc::new(TelltaleReader { offset_s: Some(offset_s), ..self.clone() }))
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let mut access = self.access(record)?;
        access.stamp = self.zoned(access.stamp);
        Ok(Record::Access(access))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        if let Some(layout) = self.layouts.iter().find(|layout| layout.parse(record).is_ok()) {
            layout.each_field(record, each);
        }
    }
}
