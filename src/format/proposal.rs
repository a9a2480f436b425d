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
}

impl<'a> Sample<'a> {
    /// A sample of which any proposal is welcome.
    pub fn of(lines: Vec<&'a [u8]>) -> Self {
        Sample { lines, least: 0 }
    }

    /// The same lines, of which a proposal has to understand at least so many, or more if that was said before.
    #[must_use]
    pub fn with_least(mut self, least: usize) -> Self {
        self.least = self.least.max(least);
        self
    }

    /// How many lines `accepts` takes; 0 where these are too few to be of use, which is told early.
    pub fn count(&self, mut accepts: impl FnMut(&'a [u8]) -> bool) -> usize {
        let mut n_refusable = self.lines.len().checked_sub(self.least);
        let mut n_accepted = 0;
        for line in &self.lines {
            if accepts(line) {
                n_accepted += 1;
            } else {
                n_refusable = n_refusable.and_then(|n| n.checked_sub(1));
            }
            if n_refusable.is_none() {
                return 0;
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
        self.least * KNOWN_WEIGHT > self.lines.len() * INFERRED_WEIGHT + KNOWN_WEIGHT
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

    /// The proposal of a reader that understands so many lines of the sample. `None`: none.
    pub(super) fn counted(reader: impl Reader + 'static, n_accepted: usize) -> Option<Self> {
        let reader = Arc::new(reader);
        (n_accepted > 0).then_some(Proposal { reader, n_accepted, notes: Vec::new() })
    }
}
