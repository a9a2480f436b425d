//! Where a fact came from.
//!
//! In: nothing. Out: positions that later floors turn into quoted lines.
//! Invariants: positions order as (input, byte offset), which is the order of rows and of "first" evidence.

/// Index of an input in the run's canonical order (by path).
pub type InputIndex = u32;

/// The address of a record: its input, and the offset of its first byte in the decoded bytes of that input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Index into the run's inputs.
    pub input: InputIndex,
    /// Offset of the record's first byte, in decoded bytes.
    pub offset: u64,
}

/// A position together with what is needed to quote it: the line number and the record's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// Where the record starts.
    pub position: Position,
    /// Number of its first physical line, from 1.
    pub line: u64,
    /// Length in bytes, without the final line terminator.
    pub length: u32,
}
