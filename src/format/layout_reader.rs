//! Reads access lines by a compiled [`Layout`]: the reader of every format that adds no more than a look at the values.
//!
//! In: lines. Out: access records.
//! Invariants: `parse` accepts no line that the layout refuses; a format may refuse more.

use fearless_simd::Simd;

use super::layout::Layout;
use super::scan_run::{Look, reads_by_look};
use super::{About, Glance, Reader};
use crate::record::{AccessRecord, Record, Skip};

/// Sets fields that are parts of others; false for a line that is not of the format after all.
pub(super) type Finish = fn(&mut AccessRecord<'_>) -> bool;

/// The [`Finish`] of formats that add nothing.
pub(super) const AS_CUT: Finish = |_| true;

/// Reads the access lines of one layout.
#[derive(Debug, Clone)]
pub struct LayoutReader {
    /// How lines are cut into values.
    pub(super) layout: Layout,
    /// What it says of itself.
    pub(super) about: About,
    /// The last look at a record.
    pub(super) finish: Finish,
}

impl LayoutReader {
    /// The layout.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Reads a line as [`Reader::parse`] does, for callers that know it to be an access line.
    ///
    /// # Errors
    ///
    /// A [`Skip`] that says why the line does not fit.
    pub fn parse_access<'a>(&self, line: &'a [u8]) -> Result<AccessRecord<'a>, Skip> {
        let mut access = self.layout.parse(line)?;
        if (self.finish)(&mut access) { Ok(access) } else { Err(Skip::Shape) }
    }
}

impl Look for LayoutReader {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
    fn look<'a, S: Simd>(&self, simd: S, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        self.layout.look(simd, line)
    }
}

impl Reader for LayoutReader {
    fn about(&self) -> &About {
        &self.about
    }

    reads_by_look!();

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        self.parse_access(record).map(Record::Access)
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        self.layout.each_field(record, each);
    }
}
