//! Sizes of the pages that come with error lines, by which the last of several attempts is told.
//!
//! In: entries of layouts that show no backend: joined to a line about one attempt, or to none. Out: whether the page of
//! such an entry is another than theirs. nginx logs an attempt that failed and goes on with the next backend; if that one
//! answers with the status itself, nothing but its page tells. Pages of nginx's own have one size per server and status;
//! a size that few failures have, and more entries without a line, is that of an answer.
//! Invariants: a property of all entries; too many sizes, or none that most have, tell nothing.

use std::collections::BTreeMap;

use crate::fact::EntryFact;

/// Fewer entries tell nothing.
const MIN_SEEN: u64 = 20;

/// So many sizes must be those of seven entries in ten.
const N_COMMON: usize = 3;

/// A size of one entry in a hundred, or of one alone, is another page.
const RARE: u64 = 100;

/// So is a size of one entry in ten that comes more often without a line.
const UNCOMMON: u64 = 10;

/// Where one entry in fifty that failed at a backend has another page, responses without a page may be such answers, too.
const DOUBTED: u64 = 50;

/// More sizes, or more backends, than this are not told apart by backend.
const MAX_SIZES_OF_BACKEND: usize = 64;
const MAX_BACKENDS: usize = 16_384;

/// More sizes than this are no pages of one server.
const MAX_SIZES: usize = 4096;

/// How often each size came, per directory of logs and status.
#[derive(Debug, Clone, Default)]
pub(super) struct FailurePages {
    sizes: BTreeMap<(usize, u16), Sizes>,
    /// The same for each backend that the lines name.
    of_backend: BTreeMap<(usize, u16, u32), Sizes>,
    /// The same of entries that no line was found for.
    without_line: BTreeMap<(usize, u16), Sizes>,
}

#[derive(Debug, Clone, Default)]
struct Sizes {
    counts: BTreeMap<u32, u64>,
    /// There were too many.
    is_over: bool,
}

impl Sizes {
    fn add(&mut self, size: u32, n: u64, max: usize) {
        *self.counts.entry(size).or_default() += n;
        if self.is_over || self.counts.len() > max {
            (self.is_over, self.counts) = (true, BTreeMap::new());
        }
    }

    fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    fn n_alike(&self, size: u32) -> u64 {
        self.counts.get(&size).copied().unwrap_or(0)
    }

    /// True when few sizes are those of most entries.
    fn are_pages(&self) -> bool {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        counts.sort_unstable_by(|one, other| other.cmp(one));
        let n_common: u64 = counts.iter().take(N_COMMON).sum();
        self.total() >= MIN_SEEN && n_common * 10 >= self.total() * 7
    }

    fn is_rare(&self, size: u32) -> bool {
        self.are_pages() && self.n_alike(size) * RARE <= self.total().max(RARE)
    }

    /// True for a size that is uncommon here, and comes more often in the other entries.
    fn is_rather_of(&self, others: &Sizes, size: u32) -> bool {
        let n_alike = self.n_alike(size);
        n_alike * UNCOMMON <= self.total() && others.n_alike(size) > n_alike
    }

    fn absorb(&mut self, other: &Sizes, max: usize) {
        self.is_over |= other.is_over;
        for (size, n) in &other.counts {
            self.add(*size, *n, max);
        }
        if self.is_over {
            self.counts.clear();
        }
    }
}

impl FailurePages {
    /// Notes an entry that a line about one attempt was joined to, and the backend that the line names.
    pub(super) fn note(&mut self, directory: usize, entry: &EntryFact, backend: u32) {
        if let Some(size) = entry.page_bytes() {
            self.sizes.entry((directory, entry.status)).or_default().add(size, 1, MAX_SIZES);
            let key = (directory, entry.status, backend);
            self.of_backend.entry(key).or_default().add(size, 1, MAX_SIZES_OF_BACKEND);
            self.bound();
        }
    }

    /// Notes an entry that no line was found for.
    pub(super) fn note_without_line(&mut self, directory: usize, entry: &EntryFact) {
        if let Some(size) = entry.page_bytes() {
            self.without_line.entry((directory, entry.status)).or_default().add(size, 1, MAX_SIZES);
        }
    }

    /// Adds what another has noted.
    pub(super) fn absorb(&mut self, other: &FailurePages) {
        for (key, more) in &other.sizes {
            self.sizes.entry(*key).or_default().absorb(more, MAX_SIZES);
        }
        for (key, more) in &other.without_line {
            self.without_line.entry(*key).or_default().absorb(more, MAX_SIZES);
        }
        for (key, more) in &other.of_backend {
            self.of_backend.entry(*key).or_default().absorb(more, MAX_SIZES_OF_BACKEND);
        }
        self.bound();
    }

    fn bound(&mut self) {
        while self.of_backend.len() > MAX_BACKENDS {
            self.of_backend.pop_last();
        }
    }

    /// True when the page of an entry is another than those that come with such lines.
    pub(super) fn differ_from(&self, directory: usize, entry: &EntryFact) -> bool {
        let key = (directory, entry.status);
        let Some((sizes, size)) = self.sizes.get(&key).zip(entry.page_bytes()) else {
            return false;
        };
        let is_answer = |others| sizes.are_pages() && sizes.is_rather_of(others, size);
        sizes.is_rare(size) || self.without_line.get(&key).is_some_and(is_answer)
    }

    /// True for an entry without a page that failed at a backend where others of its status have other pages.
    pub(super) fn may_differ_from(
        &self,
        directory: usize,
        entry: &EntryFact,
        backend: u32,
    ) -> bool {
        let key = (directory, entry.status);
        let (Some(sizes), Some(others), Some(own), None) = (
            self.sizes.get(&key),
            self.without_line.get(&key),
            self.of_backend.get(&(directory, entry.status, backend)),
            entry.page_bytes(),
        ) else {
            return false;
        };
        let answers = own.counts.iter().filter(|(size, _)| sizes.is_rather_of(others, **size));
        let n_answers: u64 = answers.map(|(_, n)| n).sum();
        sizes.are_pages() && n_answers > 0 && n_answers * DOUBTED >= own.total()
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
            (0..*n).for_each(|nth| [&mut one, &mut other][nth % 2].note(1, &entry(*size), 0));
        }
        one.absorb(&other);
        assert_eq!(one.differ_from(1, &entry(size)), expected, "{noted:?} {size}");
    }

    #[test]
    fn an_uncommon_size_that_comes_without_lines_is_an_answer() {
        let entry = |body_bytes, flags| EntryFact { body_bytes, flags, ..EntryFact::default() };
        let check = |others: &[(u32, usize)], expected: [bool; 3]| {
            let mut pages = FailurePages::default();
            for (size, n) in [(5, 90), (26, 4), (31, 6)] {
                (0..n).for_each(|_| pages.note(1, &entry(size, Flags::SIZED), 7));
            }
            for (size, n) in others {
                (0..*n).for_each(|_| pages.note_without_line(1, &entry(*size, Flags::SIZED)));
            }
            // HEAD has no page.
            let head = entry(0, Flags::default());
            let found = [
                pages.differ_from(1, &entry(5, Flags::SIZED)),
                pages.differ_from(1, &entry(26, Flags::SIZED)),
                pages.may_differ_from(1, &head, 7),
            ];
            assert!(!pages.may_differ_from(1, &head, 8));
            assert_eq!(found, expected, "{others:?}");
        };
        check(&[], [false; 3]);
        check(&[(26, 3)], [false; 3]);
        check(&[(26, 9), (5, 500)], [false, true, true]);
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
