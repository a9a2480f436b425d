//! Events as rows of CSV: of Event Viewer in any language, and of PowerShell.

use super::shapes::Parts;
use crate::time::parse_windows_local;

/// Where a CSV has what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    n: usize,
    time: usize,
    provider: usize,
    id: usize,
    level: Option<usize>,
    computer: Option<usize>,
    message: usize,
    separator: u8,
    /// The line that names the columns, where only their values tell what they are.
    heading: Vec<u8>,
}

const VIEWER_HEADING: &[u8] = b"Level,Date and Time,Source,Event ID,Task Category";

/// What may stand between cells.
const SEPARATORS: [u8; 3] = *b",;\t";

/// Columns that Event Viewer names; the last one, the message, has no name.
const VIEWER_NAMED: usize = 5;

impl Columns {
    /// The columns of Event Viewer.
    fn viewer(separator: u8, heading: &[u8]) -> Columns {
        Columns {
            n: VIEWER_NAMED + 1,
            time: 1,
            provider: 2,
            id: 3,
            level: Some(0),
            computer: None,
            message: VIEWER_NAMED,
            separator,
            heading: heading.to_vec(),
        }
    }

    /// The columns of a sample, by the line that names them, or by what stands in rows below five names.
    pub(super) fn of(lines: &[&[u8]]) -> Option<Columns> {
        lines
            .iter()
            .find_map(|line| named(line))
            .or_else(|| lines.windows(2).find_map(|pair| viewer_of(pair[0], pair[1])))
    }

    /// True for a line that names columns.
    pub(super) fn is_heading(&self, line: &[u8]) -> bool {
        line.starts_with(b"#TYPE ")
            || (!self.heading.is_empty() && line == self.heading)
            || named(line).is_some()
    }

    /// True for the first line of a row.
    pub(super) fn starts(&self, line: &[u8]) -> bool {
        if self.is_heading(line) {
            return false;
        }
        let cell = |index| cells(line, self.separator).nth(index);
        let is_digit_first = |cell: &[u8]| cell.first().is_some_and(u8::is_ascii_digit);
        if self.message > self.time {
            return cell(self.time).is_some_and(is_digit_first);
        }
        // The cells behind the message may stand in a later line.
        line.starts_with(b"\"")
            && (self.id > self.message || cell(self.id).is_some_and(is_digit_first))
    }

    /// True where the names of the columns are those of an English export.
    pub(super) fn is_english(&self) -> bool {
        self.heading.is_empty()
    }

    /// The parts of a row.
    pub(super) fn parts<'a>(&self, record: &'a [u8]) -> Parts<'a> {
        let row: Vec<&[u8]> = cells(record, self.separator).take(self.n).collect();
        let cell = |index: usize| row.get(index).copied();
        Parts {
            time: cell(self.time),
            provider: cell(self.provider),
            id: cell(self.id),
            level: self.level.and_then(cell),
            computer: self.computer.and_then(cell),
            data: None,
            message: cell(self.message).unwrap_or_default(),
        }
    }
}

/// The columns that a line names.
fn named(line: &[u8]) -> Option<Columns> {
    if line.starts_with(VIEWER_HEADING) {
        return Some(Columns::viewer(b',', b""));
    }
    let holds = |text: &[u8]| memchr::memmem::find(line, text).is_some();
    if !holds(b"TimeCreated") && !holds(b"TimeGenerated") {
        return None;
    }
    SEPARATORS.into_iter().find_map(|separator| {
        let names: Vec<&[u8]> = cells(line, separator).collect();
        let index = |any: &[&str]| {
            any.iter().find_map(|name| names.iter().position(|other| *other == name.as_bytes()))
        };
        let computer = index(&["MachineName"]);
        let message = index(&["Message"])?;
        let (time, provider, id, level) = if let Some(provider) = index(&["ProviderName"]) {
            let level = index(&["LevelDisplayName", "Level"]);
            (index(&["TimeCreated"])?, provider, index(&["Id"])?, level)
        } else {
            // Of `Get-EventLog`.
            let id = index(&["EventID", "InstanceId"])?;
            (index(&["TimeGenerated"])?, index(&["Source"])?, id, index(&["EntryType"]))
        };
        let (n, heading) = (names.len(), Vec::new());
        Some(Columns { n, time, provider, id, level, computer, message, separator, heading })
    })
}

/// The columns of Event Viewer in any language: five names over a word, a time, a source, a number, a word, a text.
fn viewer_of(heading: &[u8], row: &[u8]) -> Option<Columns> {
    let is_word = |cell: &&[u8]| !cell.is_empty() && !cell.iter().any(u8::is_ascii_digit);
    SEPARATORS.into_iter().find_map(|separator| {
        let names: Vec<&[u8]> = cells(heading, separator).take(VIEWER_NAMED + 1).collect();
        if names.len() != VIEWER_NAMED || !names.iter().all(is_word) {
            return None;
        }
        let row: Vec<&[u8]> = cells(row, separator).take(VIEWER_NAMED + 1).collect();
        let &[level, time, source, id, _, _] = row.as_slice() else { return None };
        let is_row = is_word(&level)
            && parse_windows_local(time.trim_ascii()).is_some()
            && source.iter().any(u8::is_ascii_alphabetic)
            && matches!(id.len(), 1..=5)
            && id.iter().all(u8::is_ascii_digit);
        is_row.then(|| Columns::viewer(separator, heading))
    })
}

/// The cells of a row; quotes inside stay doubled.
fn cells(row: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(row);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = match text.strip_prefix(b"\"") {
            None => memchr::memchr(separator, text).unwrap_or(text.len()),
            Some(quoted) => 1 + closing_quote(quoted) + 1,
        };
        let end = end.min(text.len());
        rest =
            text[end..].split_first().filter(|(byte, _)| **byte == separator).map(|(_, rest)| rest);
        let cell = &text[..end];
        let inner = cell.strip_prefix(b"\"").map(|cell| cell.strip_suffix(b"\"").unwrap_or(cell));
        Some(inner.unwrap_or(cell))
    })
}

/// Index of the quote that ends a quoted cell; its length without one.
fn closing_quote(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(quote) = memchr::memchr(b'"', &text[at..]) {
        if text.get(at + quote + 1) != Some(&b'"') {
            return at + quote;
        }
        at += quote + 2;
    }
    text.len()
}
