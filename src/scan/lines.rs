//! Every line of an input, in order, as the scan takes it.
//!
//! In: an opened [`Source`]. Out: one [`SeenLine`] per line, handed over in the order of the input.
//! Invariants: the scan itself tells what each line is, so that nothing here can differ from what a scan counts; memory
//! holds a few blocks of lines, however long the input is.

use std::sync::Arc;

use super::{ScanConfig, ScannedInput, Work, run};
use crate::error::Result;
use crate::format::Plan;
use crate::input::Source;
use crate::record::Skip;

/// What the scan takes a line for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// It starts a record of the reader with this index.
    Record(usize),
    /// It goes on with the record before it, of the reader with this index.
    Continuation(usize),
    /// It tells the layout of other lines, or is a comment.
    Directive,
    /// It holds nothing.
    Blank,
    /// No reader takes it.
    Unparsed(Skip),
}

/// A line of an input.
#[derive(Debug, Clone)]
pub struct SeenLine {
    /// What it was taken for.
    pub kind: LineKind,
    /// Number of the line, from 1.
    pub line: u64,
    /// Offset of its first byte in the decoded input.
    pub offset: u64,
    /// Its bytes without terminator; for a record, with the lines that go on with it. Empty for a line that is too long.
    pub text: Vec<u8>,
    /// The readers in force.
    pub plan: Arc<Plan>,
    /// It is the last one that is known now: more lines may be long in coming.
    pub ends_block: bool,
}

/// Takes lines.
pub(super) type EachLine<'f> = &'f mut dyn FnMut(SeenLine) -> Result<()>;

/// Hands every line of an input to `each`. Only the input's counts are kept.
///
/// # Errors
///
/// What `each` says, which ends the scan; or when threads cannot be started.
pub fn scan_lines(
    source: Source,
    config: &ScanConfig<'_>,
    each: EachLine<'_>,
) -> Result<Option<ScannedInput>> {
    let mut work = Work::new(vec![source], config);
    work.context.wanted = [true; 1000];
    work.context.every_line = true;
    Ok(run(work, Some(each))?.inputs.pop())
}

/// Hands over the lines of a block that has this many lines of the input before it.
pub(super) fn hand_over(
    lines: Vec<SeenLine>,
    lines_before: u64,
    each: &mut EachLine<'_>,
) -> Result<()> {
    let last = lines.len().saturating_sub(1);
    for (index, mut line) in lines.into_iter().enumerate() {
        line.line += lines_before;
        line.ends_block = index == last;
        each(line)?;
    }
    Ok(())
}

/// Puts the line breaks of the input in place of the breaks between records, in line numbers.
pub(super) fn number_by_breaks(
    result: &mut super::block::BlockResult,
    bytes: &[u8],
    offset: u64,
    breaks: crate::input::Breaks,
) {
    let mut counted = (0, 0);
    let mut line_at = |position: u64| {
        let at = position.saturating_sub(offset) as usize;
        if at < counted.0 {
            counted = (0, 0);
        }
        counted = (at, counted.1 + breaks.count(&bytes[counted.0..at.min(bytes.len())]));
        counted.1 + 1
    };
    for fact in &mut result.entries {
        fact.place.line = line_at(fact.place.position.offset);
    }
    for fact in &mut result.causes {
        fact.place.line = line_at(fact.place.position.offset);
    }
    for seen in &mut result.lines {
        seen.line = line_at(seen.offset);
    }
    result.n_breaks = Some(breaks.count(bytes));
}
