//! Lines in a cell of a table: `1775483475604,"LINE with ""quotes"""`, as consoles and searches of logs export what they
//! found (`CloudWatch` and its Insights, Splunk, Datadog).
//!
//! In: one row. Out: its longest cell, which is the line. Nothing tells such a row from one of an application's own table,
//! so it counts only around lines of a known format; the time of the row is left alone, as the line has its own.

use std::borrow::Cow;

use super::{Envelope, Opened};
use crate::bytes::first_line;

/// Shorter cells hold no line.
const MIN_LINE_BYTES: usize = 30;

/// Rows of more cells are those of a log in columns.
const MAX_CELLS: usize = 24;

/// A row with a line in it.
#[derive(Debug)]
pub struct CsvCell;

impl Envelope for CsvCell {
    fn name(&self) -> &'static str {
        "a cell of a table"
    }

    fn decodes(&self) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let row = first_line(record);
        let (mut longest, mut is_quoted, mut n_cells) = (&b""[..], false, 0);
        let mut rest = Some(row);
        while let Some(text) = rest {
            let (cell, quoted, behind) = first_cell(text)?;
            n_cells += 1;
            // Text has blanks behind its commas, tables have none.
            if !quoted && cell.first() == Some(&b' ') {
                return None;
            }
            if cell.len() > longest.len() {
                (longest, is_quoted) = (cell, quoted);
            }
            rest = behind;
        }
        let line = longest.trim_ascii_end();
        // A line has quotes or commas, so that its cell is quoted.
        (is_quoted && (2..=MAX_CELLS).contains(&n_cells) && line.len() >= MIN_LINE_BYTES)
            .then(|| Opened { inner: undoubled(line), ..Opened::default() })
    }

    /// The names of the columns, and the end of a cell whose line ended with a line break.
    fn is_remark(&self, line: &[u8]) -> bool {
        let line = line.trim_ascii();
        let is_name = |name: &[u8]| {
            let name =
                name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(name);
            name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_@".contains(byte))
                && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_@.-".contains(byte))
        };
        line == b"\"" || (line.contains(&b',') && line.split(|byte| *byte == b',').all(is_name))
    }
}

/// A cell, whether it is quoted, and what is behind it.
type Cell<'a> = (&'a [u8], bool, Option<&'a [u8]>);

/// The first cell of a text, whether it is quoted, and what is behind the comma after it. A cell whose quote is not closed
/// goes on in the next line.
fn first_cell(text: &[u8]) -> Option<Cell<'_>> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = memchr::memchr(b',', text).unwrap_or(text.len());
        return Some((&text[..end], false, text.get(end + 1..)));
    };
    let mut at = 0;
    loop {
        let Some(quote) = quoted.get(at..).and_then(|from| memchr::memchr(b'"', from)) else {
            return Some((quoted, true, None));
        };
        at += quote;
        match quoted.get(at + 1) {
            Some(b'"') => at += 2,
            None => return Some((&quoted[..at], true, None)),
            Some(b',') => return Some((&quoted[..at], true, quoted.get(at + 2..))),
            Some(_) => return None,
        }
    }
}

/// A text with one quote for two.
fn undoubled(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'"', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'"', rest) {
        plain.extend_from_slice(&rest[..=at]);
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_cell_is_the_line() {
        let check = |row: &str, inner: Option<&str>| {
            let opened = CsvCell.open(row.as_bytes()).map(|opened| opened.inner.into_owned());
            assert_eq!(opened.as_deref(), inner.map(str::as_bytes), "{row}");
        };
        let line = r#"192.0.2.1 - - [x] "GET /, HTTP/1.1" 503"#;
        let quoted = line.replace('"', "\"\"");
        check(&format!("1775483475604,\"{quoted}\""), Some(line));
        check(&format!("\"{quoted}\",\"2026-04-06T14:18:05.701+0000\",web"), Some(line));
        check("a,{no quotes or commas are in this line}", None);
        check("2026/06/01 x failed, client: 192.0.2.1, request: \"GET / HTTP/1.1\"", None);
        check("192.0.2.1 failed,\"GET / HTTP/1.1 to a long target\", host", None);
        // A line that ended with a line break goes on behind it.
        check(&format!("1775483475604,\"{quoted}"), Some(line));
        check(&format!("\"{quoted}\""), None);
        check("1775483475604,\"short\"", None);
        check(&format!("1,\"{quoted}\" behind"), None);
        check("", None);
        check("\"", None);
    }

    #[test]
    fn headings_say_nothing() {
        assert!(CsvCell.is_remark(b"@timestamp,@message"));
        assert!(CsvCell.is_remark(b"\"_time\",host,\"_raw\""));
        assert!(CsvCell.is_remark(b"\""));
        assert!(!CsvCell.is_remark(b"started, waiting for peers"));
        assert!(!CsvCell.is_remark(b"web"));
    }
}
