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
}

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
        let n_accepted = sample.lines.iter().filter(|line| reads(&reader, line)).count();
        Self::counted(reader, n_accepted)
    }

    /// The proposal of a reader that understands so many lines of the sample. `None`: none.
    pub(super) fn counted(reader: impl Reader + 'static, n_accepted: usize) -> Option<Self> {
        let reader = Arc::new(reader);
        (n_accepted > 0).then_some(Proposal { reader, n_accepted, notes: Vec::new() })
    }
}
