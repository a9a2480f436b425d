//! Sizes of the pages that come with error lines, by which the last of several attempts is told.
//!
//! In: entries of layouts that show no backend, joined to a line about one attempt. Out: whether the page of such an entry
//! is another than theirs. nginx logs an attempt that failed and goes on with the next backend; if that one answers with
//! the status itself, nothing but its page tells. Pages of nginx's own have one size per server and status.
//! Invariants: a property of all entries; too many sizes, or none that most have, tell nothing.

use std::collections::BTreeMap;

use crate::fact::EntryFact;

/// Fewer entries tell nothing.
const MIN_SEEN: u64 = 20;

/// So many sizes must be those of seven entries in ten.
const N_COMMON: usize = 3;

/// A size of one entry in a hundred, or of one alone, is another page.
const RARE: u64 = 100;

/// More sizes than this are no pages of one server.
const MAX_SIZES: usize = 4096;

/// How often each size came, per directory of logs and status.
#[derive(Debug, Clone, Default)]
pub(super) struct FailurePages {
    sizes: BTreeMap<(usize, u16), Sizes>,
}

#[derive(Debug, Clone, Default)]
struct Sizes {
    counts: BTreeMap<u32, u64>,
    /// There were too many.
    is_over: bool,
}

impl Sizes {
    fn add(&mut self, size: u32, n: u64) {
        *self.counts.entry(size).or_default() += n;
        if self.is_over || self.counts.len() > MAX_SIZES {
            (self.is_over, self.counts) = (true, BTreeMap::new());
        }
    }

    fn is_rare(&self, size: u32) -> bool {
        let total: u64 = self.counts.values().sum();
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        counts.sort_unstable_by(|one, other| other.cmp(one));
        let n_common: u64 = counts.iter().take(N_COMMON).sum();
        let n_alike = self.counts.get(&size).copied().unwrap_or(0);
        total >= MIN_SEEN && n_common * 10 >= total * 7 && n_alike * RARE <= total.max(RARE)
    }
}

impl FailurePages {
    /// Notes an entry that a line about one attempt was joined to.
    pub(super) fn note(&mut self, directory: usize, entry: &EntryFact) {
        if let Some(size) = entry.page_bytes() {
            self.sizes.entry((directory, entry.status)).or_default().add(size, 1);
        }
    }

    /// Adds what another has noted.
    pub(super) fn absorb(&mut self, other: &FailurePages) {
        for (key, more) in &other.sizes {
            let own = self.sizes.entry(*key).or_default();
            own.is_over |= more.is_over;
            for (size, n) in &more.counts {
                own.add(*size, *n);
            }
            if own.is_over {
                own.counts.clear();
            }
        }
    }

    /// True when the page of an entry is another than those that come with such lines.
    pub(super) fn differ_from(&self, directory: usize, entry: &EntryFact) -> bool {
        let sizes = self.sizes.get(&(directory, entry.status));
        sizes.zip(entry.page_bytes()).is_some_and(|(sizes, size)| sizes.is_rare(size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Flags;

    #[track_caller]
    fn check(noted: &[(u32, usize)], size: u32, expected: bool) {
        let entry =
            |body_bytes| EntryFact { body_bytes, flags: Flags::SIZED, ..EntryFact::default() };
        let (mut one, mut other) = (FailurePages::default(), FailurePages::default());
        for (size, n) in noted {
            (0..*n).for_each(|nth| [&mut one, &mut other][nth % 2].note(1, &entry(*size)));
        }
        one.absorb(&other);
        assert_eq!(one.differ_from(1, &entry(size)), expected, "{noted:?} {size}");
    }

    #[test]
    fn a_size_that_is_rare_among_few_is_another_page() {
        check(&[(197, 40), (599, 9), (31, 1)], 31, true);
        check(&[(197, 40), (599, 9), (31, 1)], 599, false);
        // Too few, or pages of all sizes.
        check(&[(197, 15), (31, 1)], 31, false);
        let all: Vec<(u32, usize)> = (0..50).map(|size| (size, 1)).collect();
        check(&all, 31, false);
        let many: Vec<(u32, usize)> =
            (0..5000).map(|size| (size, 1 + (size == 7) as usize * 99_999)).collect();
        check(&many, 31, false);
    }
}
