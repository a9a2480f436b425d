//! What a format answers when it is asked whether lines are its own.
//!
//! In: a [`Sample`]. Out: a [`Proposal`], or nothing.

use std::sync::Arc;

use super::{Reader, reads};

/// Complete lines from an input, without terminators, on which formats are tried.
#[derive(Debug, Clone, Default)]
pub struct Sample<'a> {
    /// The lines, in input order. Blank lines are left out.
    pub lines: Vec<&'a [u8]>,
    /// A proposal that understands fewer of them is of no use.
    least: usize,
    /// What stands around the lines tells their times.
    pub(super) is_dated_outside: bool,
    /// They stand in an envelope whose shape no other lines have by chance.
    pub(super) is_in_sure_envelope: bool,
}

impl<'a> Sample<'a> {
    /// A sample of which any proposal is welcome.
    pub fn of(lines: Vec<&'a [u8]>) -> Self {
        Sample { lines, ..Sample::default() }
    }

    /// The same lines, of which a proposal has to understand at least so many, or more if that was said before.
    #[must_use]
    pub fn with_least(mut self, least: usize) -> Self {
        self.least = self.least.max(least);
        self
    }

    /// How many lines `accepts` takes; 0 where these are too few to be of use, which is told early and does not mean none.
    pub fn count(&self, mut accepts: impl FnMut(&'a [u8]) -> bool) -> usize {
        let Some(mut n_refusable) = self.lines.len().checked_sub(self.least) else { return 0 };
        let mut n_accepted = 0;
        for line in &self.lines {
            if accepts(line) {
                n_accepted += 1;
            } else if n_refusable == 0 {
                return 0;
            } else {
                n_refusable -= 1;
            }
        }
        n_accepted
    }

    /// True where a proposal that understands no more lines than `may_be` takes is of no use. Not asked, and false, where
    /// any is welcome.
    pub fn is_beyond(&self, may_be: impl FnMut(&'a [u8]) -> bool) -> bool {
        self.least > 1 && self.count(may_be) == 0
    }

    /// True where no layout that has to be worked out is of use.
    pub fn is_beyond_inference(&self) -> bool {
        self.least.saturating_sub(1) * KNOWN_WEIGHT >= self.lines.len() * INFERRED_WEIGHT
    }
}

/// What a line counts that a known layout understands ...
pub(super) const KNOWN_WEIGHT: usize = 10;

/// ... and one that only a layout that was worked out does, which has to understand clearly more.
pub(super) const INFERRED_WEIGHT: usize = 9;

/// A reader that a format proposes for a sample.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The reader.
    pub reader: Arc<dyn Reader>,
    /// How many lines of the sample its `parse` accepts.
    pub n_accepted: usize,
    /// What was worked out rather than recognised, for people.
    pub notes: Vec<String>,
}

impl Proposal {
    /// The proposal of a reader that takes nothing from the sample. `None`: it understands no line of it.
    pub(super) fn of(reader: impl Reader + 'static, sample: &Sample<'_>) -> Option<Self> {
        let n_accepted = sample.count(|line| reads(&reader, line));
        Self::counted(reader, n_accepted)
    }

    /// The proposal that understands most lines; of two that understand as many, the first.
    pub(super) fn best(proposals: impl Iterator<Item = Self>) -> Option<Self> {
        proposals.reduce(|best, next| if next.n_accepted > best.n_accepted { next } else { best })
    }

    /// The proposal of a reader that understands so many lines of the sample. `None`: none.
    pub(super) fn counted(reader: impl Reader + 'static, n_accepted: usize) -> Option<Self> {
        let reader = Arc::new(reader);
        (n_accepted > 0).then_some(Proposal { reader, n_accepted, notes: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_ends_where_it_is_of_no_use() {
        let lines: [&[u8]; 5] = [b"a", b"b", b"a", b"b", b"a"];
        let check = |least: usize, expected: usize, n_asked: usize| {
            let sample = Sample::of(lines.to_vec()).with_least(least);
            let mut asked = 0;
            let n_accepted = sample.count(|line| {
                asked += 1;
                line == b"a"
            });
            assert_eq!((n_accepted, asked), (expected, n_asked), "at least {least}");
        };
        check(0, 3, 5);
        check(3, 3, 5);
        check(4, 0, 4);
        check(5, 0, 2);
        check(6, 0, 0);
    }

    #[test]
    fn what_was_said_before_holds() {
        let sample = Sample::of(vec![b"a", b"b"]).with_least(2).with_least(1);
        assert!(sample.is_beyond(|line| line == b"a"));
        assert!(!Sample::of(vec![b"a", b"b"]).is_beyond(|_| false));
    }

    #[test]
    fn layouts_that_are_worked_out_have_to_understand_clearly_more() {
        let of_ten = |least| Sample::of(vec![b"a"; 10]).with_least(least).is_beyond_inference();
        // Ten lines weigh as nine of a known layout: eight are surpassed, nine are not.
        assert_eq!([8, 9, 10].map(|n_known| of_ten(n_known + 1)), [false, true, true]);
    }
}
