//! A first line that names the columns of the rows behind it, as exports of tables have it.
//!
//! In: the lines of a sample. Out: the [`Heading`], if they begin with one.
//! Invariants: what its names do not tell is not worked out from values: the table is of a product whose columns are
//! unknown, and may hold whatever looks like a column of a server.

use super::super::csv_declared::values_by;

/// Cells of a heading at least.
const MIN_CELLS: usize = 4;

/// Lines among which a heading is looked for, and rows that it is held against.
const MAX_BEFORE: usize = 3;
const MAX_ROWS: usize = 60;

/// What stands between cells.
const SEPARATORS: [u8; 3] = [b',', b'\t', b';'];

/// The names of columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::format) struct Heading {
    /// What stands between cells.
    pub(in crate::format) separator: u8,
    /// The names, as written, without quotes.
    pub(in crate::format) names: Vec<String>,
}

/// The heading of lines that are rows of a table.
pub(in crate::format) fn heading_of(lines: &[&[u8]]) -> Option<Heading> {
    lines.iter().take(MAX_BEFORE).enumerate().find_map(|(at, line)| {
        let (separator, names) = SEPARATORS.into_iter().find_map(|separator| {
            let names: Vec<&[u8]> = values_by(line, separator).collect::<Option<_>>()?;
            (names.len() >= MIN_CELLS && names.iter().all(|name| is_name(name)))
                .then_some((separator, names))
        })?;
        let rows = || lines[at + 1..].iter().take(MAX_ROWS);
        let is_row = |row: &&&[u8]| {
            let mut n_cells = 0;
            let mut has_data = false;
            for cell in values_by(row, separator) {
                let Some(cell) = cell else { return false };
                n_cells += 1;
                has_data |= cell.first().is_some_and(u8::is_ascii_digit);
            }
            n_cells == names.len() && has_data
        };
        let n_rows = rows().filter(is_row).count();
        let names = names.iter().map(|name| String::from_utf8_lossy(name).into_owned());
        (n_rows > 0 && n_rows * 10 >= rows().count() * 8)
            .then(|| Heading { separator, names: names.collect() })
    })
}

/// True for what may name a column: `httpStatus_d`, `cs(User-Agent)`, `TimeGenerated [UTC]`, `Client IP`.
fn is_name(text: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.@()[] #>".contains(byte);
    text.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_@".contains(byte))
        && text.len() <= 80
        && text.iter().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_a_line_of_names_before_rows() {
        let found = |text: &str| {
            let lines: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
            heading_of(&lines).map(|heading| heading.names)
        };
        let names = found("Time [UTC],\"Client IP\",cs(User-Agent),s\n\"1,2\",192.0.2.1,x,503\n");
        assert_eq!(names.expect("found"), ["Time [UTC]", "Client IP", "cs(User-Agent)", "s"]);
        assert!(found("a\tb\tc\td\n1\t2\t3\t4\n").is_some());
        // Too few cells, other rows, no rows.
        assert!(found("a,b,c\n1,2,3\n").is_none());
        assert!(found("a,b,c,d\n1,2,3\n").is_none());
        assert!(found("a,b,c,d\n").is_none());
        assert!(found("1,GET,/,503\n2,GET,/,503\n").is_none());
        assert!(found("Error, no, more, peers\nError, no, more, peers\n").is_none());
    }
}
