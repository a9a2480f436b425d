//! Fits a layout to a line when a field may end in more than one place.
//!
//! In: a layout and a line. Out: where each value is, or why the layout does not fit.
//! Invariants: of several ways to fit, the one with the shortest first open field is taken. The work is bounded: each
//! field is searched once, and at most [`MAX_TRIES`] searches are repeated.

use super::shape::{Shape, is_blank, list_end, next_quote};
use super::{Layout, MAX_TRIES, MAX_VARIABLES};
use crate::record::Skip;

/// Finds where the value of each variable is, if the whole layout fits the whole line.
///
/// # Errors
///
/// What was wrong at the field that the best attempt reached.
pub(super) fn fit(layout: &Layout, line: &[u8], spans: &mut Spans) -> Result<(), Skip> {
    if u32::try_from(line.len()).is_err() {
        return Err(Skip::TooLong);
    }
    let mut fit =
        Fit { layout, line, spans, tries_left: MAX_TRIES, failed_slot: 0, skip: Skip::Shape };
    let fits = line.starts_with(&layout.lead) && fit.slots_from(0, layout.lead.len());
    if fits { Ok(()) } else { Err(fit.skip) }
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
}

impl Fit<'_> {
    /// Fits the slots from `slot` on to the line from `at` on.
    fn slots_from(&mut self, mut slot: usize, mut at: usize) -> bool {
        let layout = self.layout;
        while let Some(this) = layout.slots.get(slot) {
            if let Shape::Open { blanks, list } = this.shape {
                return self.open(slot, at, blanks, list);
            }
            let is_cheap = matches!(
                this.shape,
                Shape::Time(_) | Shape::Status | Shape::Integer | Shape::Seconds | Shape::Ratio
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
        let limit = next_quote(self.layout.escape, self.line, start);
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
