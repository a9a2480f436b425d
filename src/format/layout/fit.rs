//! Fits a layout to a line when a field may end in more than one place.
//!
//! In: a layout and a line. Out: where each value is, or why the layout does not fit.
//! Invariants: of several ways to fit, the one with the shortest first open field is taken. The work is bounded: each
//! field is searched once, and at most [`MAX_TRIES`] searches are repeated.

use super::shape::{Shape, is_blank, list_end, next_quote};
use super::{Layout, MAX_TRIES, MAX_VARIABLES};
use crate::record::{Escape, Field, Skip};

/// Finds where the value of each variable is, if the whole layout fits the whole line.
///
/// # Errors
///
/// What was wrong at the field that the best attempt reached.
pub(super) fn fit(layout: &Layout, line: &[u8], spans: &mut Spans) -> Result<Fitted, Skip> {
    if u32::try_from(line.len()).is_err() {
        return Err(Skip::TooLong);
    }
    if !line.starts_with(&layout.lead) {
        return Err(Skip::Shape);
    }
    let mut fit = Fit {
        layout,
        line,
        spans,
        tries_left: MAX_TRIES,
        failed_slot: 0,
        skip: Skip::Shape,
        raw_quotes: false,
    };
    if fit.slots_from(0, layout.lead.len()) {
        return Ok(Fitted::AsWritten);
    }
    let skip = fit.skip;
    if layout.escape != Escape::Apache {
        return Err(skip);
    }
    (fit.tries_left, fit.failed_slot, fit.raw_quotes) = (MAX_TRIES, 0, true);
    if fit.slots_from(0, layout.lead.len()) { Ok(Fitted::WithRawQuotes) } else { Err(skip) }
}

/// How a layout fits a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fitted {
    /// By the rules of its escaping.
    AsWritten,
    /// A quoted value holds a `"` that is not escaped, as old versions of Apache wrote them.
    WithRawQuotes,
}

/// Start and end of each value in its line, by index of its slot.
#[derive(Debug)]
pub(super) struct Spans([(u32, u32); MAX_VARIABLES]);

impl Spans {
    /// Nothing found yet.
    pub(super) const NONE: Spans = Spans([(0, 0); MAX_VARIABLES]);

    /// The value of a slot.
    pub(super) fn of<'a>(&self, slot: usize, line: &'a [u8]) -> &'a [u8] {
        let (start, end) = self.0[slot];
        line.get(start as usize..end as usize).unwrap_or_default()
    }

    fn set(&mut self, slot: usize, start: usize, end: usize) {
        self.0[slot] = (start as u32, end as u32);
    }
}

/// One attempt to fit a layout to a line.
///
/// Fields whose end is certain are passed in a loop. For an open field every occurrence of the literal that follows
/// is tried, the first first, until the rest of the line fits: so a user name that holds ` [` or a forged date cannot
/// move the fields behind it.
struct Fit<'l> {
    layout: &'l Layout,
    line: &'l [u8],
    spans: &'l mut Spans,
    tries_left: u32,
    /// The last slot that any attempt reached, and what was wrong there.
    failed_slot: usize,
    skip: Skip,
    /// Whether a quoted value may hold a `"` as it is.
    raw_quotes: bool,
}

impl Fit<'_> {
    /// Fits the slots from `slot` on to the line from `at` on.
    fn slots_from(&mut self, mut slot: usize, mut at: usize) -> bool {
        let layout = self.layout;
        while let Some(this) = layout.slots.get(slot) {
            if let Shape::Open { blanks, list } = this.shape {
                return self.open(slot, at, blanks, list);
            }
            if this.shape == Shape::Quoted && self.raw_quotes {
                return self.quoted_with_quotes(slot, at);
            }
            let is_cheap = matches!(
                this.shape,
                Shape::Time(_)
                    | Shape::Status
                    | Shape::StatusIfAny
                    | Shape::Integer
                    | Shape::Seconds
                    | Shape::Ratio
            );
            if !is_cheap && !self.may_enter(slot) {
                return false;
            }
            let after = this.after.bytes();
            let end = match this.shape.end(layout.escape, self.line, at, after) {
                Ok(end) => end,
                Err(skip) => return self.fail(slot, skip),
            };
            if let Shape::Time(notation) = this.shape
                && notation.parse(&self.line[at..end]).is_none()
            {
                return self.fail(slot, Skip::BadTime);
            }
            self.spans.set(slot, at, end);
            let rest = &self.line[end..];
            if !rest.starts_with(after) {
                let is_cut = after.starts_with(rest);
                return self.fail(slot, if is_cut { Skip::Truncated } else { Skip::Shape });
            }
            at = end + after.len();
            slot += 1;
        }
        self.line[at..].trim_ascii().is_empty() || self.fail(slot, Skip::Shape)
    }

    fn open(&mut self, slot: usize, start: usize, blanks: bool, list: bool) -> bool {
        if !self.may_enter(slot) {
            return false;
        }
        let this = &self.layout.slots[slot];
        let after = this.after.bytes();
        // Apache writes the empty user name as two quotes.
        let is_empty_user =
            self.layout.escape == Escape::Apache && self.line[start..].starts_with(b"\"\" ");
        let quoted_bytes = if is_empty_user { 2 } else { 0 };
        let limit = next_quote(self.layout.escape, self.line, start + quoted_bytes);
        if after.is_empty() && slot + 1 == self.layout.slots.len() {
            let end = start + self.line[start..].trim_ascii_end().len();
            self.spans.set(slot, start, end);
            return limit >= end || self.fail(slot, Skip::Shape);
        }
        let mut from = if list { list_end(self.line, start, after, limit) } else { start };
        while let Some(step) = self.line.get(from..).and_then(|rest| this.after.find(rest)) {
            let end = from + step;
            if end > limit || (!blanks && self.line[start..end].iter().any(|byte| is_blank(*byte)))
            {
                return self.fail(slot, Skip::Shape);
            }
            self.spans.set(slot, start, end);
            if self.slots_from(slot + 1, end + after.len()) {
                return true;
            }
            from = end + 1;
        }
        self.fail(slot, if limit == self.line.len() { Skip::Truncated } else { Skip::Shape })
    }

    /// A quoted value ends at the first `"` with which the rest of the line fits.
    fn quoted_with_quotes(&mut self, slot: usize, start: usize) -> bool {
        if !self.may_enter(slot) {
            return false;
        }
        let this = &self.layout.slots[slot];
        let (after, is_request) = (this.after.bytes(), this.field == Field::Request);
        let mut from = start;
        while let Some(step) = self.line.get(from..).and_then(|rest| this.after.find(rest)) {
            let end = from + step;
            let value = &self.line[start..end];
            if !may_hold_quotes(value, is_request) {
                if !is_request || self.tries_left == 0 {
                    break;
                }
                self.tries_left -= 1;
                from = end + 1;
                continue;
            }
            self.spans.set(slot, start, end);
            if self.slots_from(slot + 1, end + after.len()) {
                return true;
            }
            from = end + 1;
        }
        self.fail(slot, Skip::Shape)
    }

    /// Whether a slot that takes a search may be entered. The first time is free; after that, it costs a try.
    fn may_enter(&mut self, slot: usize) -> bool {
        let is_retry = slot <= self.failed_slot && self.failed_slot > 0;
        if is_retry && self.tries_left == 0 {
            return false;
        }
        self.tries_left -= u32::from(is_retry);
        true
    }

    fn fail(&mut self, slot: usize, skip: Skip) -> bool {
        if slot > self.failed_slot {
            (self.failed_slot, self.skip) = (slot, skip);
        }
        false
    }
}

/// False where a `"` inside a value rather ends one field and begins the next. A request line tells by its protocol.
fn may_hold_quotes(value: &[u8], is_request: bool) -> bool {
    let is_whole_request = || {
        let tail = value.len().checked_sub(9).map(|at| &value[at..]);
        matches!(tail, Some([b' ', b'H', b'T', b'T', b'P', b'/', _, b'.', _]))
    };
    memchr::memmem::find(value, b"\" ").is_none() || (is_request && is_whole_request())
}
