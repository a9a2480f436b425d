//! Where lines end, found for many lines at once.
//!
//! In: a block of lines. Out: the offset of each line break, then the length of the block.
//! A search line by line costs a call for each, and a branch on its length that no processor foresees: here a window of some
//! kilobytes is searched without such a branch, and is then still in the nearest cache when its lines are looked at.

use fearless_simd::{Level, Simd, dispatch, u8x64};

use crate::bytes::places_of;

/// Bytes that are compared at once.
const CHUNK_BYTES: usize = 64;

/// Offsets that are kept; a chunk of line breaks alone is added as a whole.
const MAX_ENDS: usize = 2 * CHUNK_BYTES;

/// Bytes of a window. The first one is small: a reader that refuses every other line asks anew for each.
const FIRST_WINDOW_BYTES: usize = 512;
const WINDOW_BYTES: usize = 4096;

/// Gives the ends of the lines of a block, one after the other.
pub(crate) struct LineEnds<'b> {
    block: &'b [u8],
    /// Where the next window begins.
    searched: usize,
    window_bytes: usize,
    ends: [usize; MAX_ENDS],
    n_ends: usize,
    n_given: usize,
}

impl<'b> LineEnds<'b> {
    /// The ends of the lines from offset `from` on.
    pub(crate) fn new(block: &'b [u8], from: usize) -> Self {
        LineEnds {
            block,
            searched: from,
            window_bytes: FIRST_WINDOW_BYTES,
            ends: [0; MAX_ENDS],
            n_ends: 0,
            n_given: 0,
        }
    }

    /// The offset of the next line break; the length of the block where there is none.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
    pub(crate) fn next(&mut self) -> usize {
        if self.n_given == self.n_ends {
            self.search();
        }
        let end = self.ends[self.n_given];
        self.n_given += 1;
        end
    }

    /// Finds at least one more end.
    #[inline(never)]
    fn search(&mut self) {
        dispatch!(Level::new(), simd => self.search_by(simd));
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled for each width of vectors")]
    fn search_by<S: Simd>(&mut self, simd: S) {
        let block = self.block;
        let window_end = self.searched + self.window_bytes;
        let (mut at, mut n_ends) = (self.searched, 0);
        while (at < window_end || n_ends == 0)
            && n_ends < MAX_ENDS - CHUNK_BYTES
            && let Some(chunk) = block.get(at..).and_then(<[u8]>::first_chunk)
        {
            let breaks = places_of::<S, u8x64<S>>(simd, b'\n', chunk);
            // Nearly always none or one: written either way, so that there is no branch.
            self.ends[n_ends] = at + breaks.trailing_zeros() as usize;
            n_ends += usize::from(breaks != 0);
            let mut further = breaks & breaks.wrapping_sub(1);
            while further != 0 {
                self.ends[n_ends] = at + further.trailing_zeros() as usize;
                n_ends += 1;
                further &= further - 1;
            }
            at += CHUNK_BYTES;
        }
        self.searched = at;
        if n_ends == 0 {
            n_ends = self.last();
        }
        self.window_bytes = WINDOW_BYTES;
        (self.n_ends, self.n_given) = (n_ends, 0);
    }

    /// Finds the next end in less than a chunk; returns how many that are.
    fn last(&mut self) -> usize {
        let rest = self.block.get(self.searched..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).map(|length| self.searched + length);
        self.searched = end.map_or(self.block.len(), |end| end + 1);
        self.ends[0] = end.unwrap_or(self.block.len());
        1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ends_are_those_of_a_search_line_by_line(
            lines in proptest::collection::vec(prop_oneof![0usize..3, 0usize..70, 0usize..6000], 0..90),
            is_ended: bool,
            from in 0usize..300,
        ) {
            let mut block: Vec<u8> = Vec::new();
            for length in lines {
                block.resize(block.len() + length, b'x');
                block.push(b'\n');
            }
            if !is_ended {
                block.pop();
            }
            let mut at = from.min(block.len());
            let mut ends = LineEnds::new(&block, at);
            while at < block.len() {
                let expected = memchr::memchr(b'\n', &block[at..]).map_or(block.len(), |length| at + length);
                prop_assert_eq!(ends.next(), expected);
                at = expected + 1;
            }
        }
    }
}
