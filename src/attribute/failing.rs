//! When the fetches of a cache failed, and whether it makes pages of its own for other reasons, too.
//!
//! In: entries of a cache whose answer no backend has. Out: whether failed fetches of the same second explain one that its
//! size leaves open.
//! Why: `synth(503)` asks no backend either, so that the lack of an answer there says nothing against it; but such pages come
//! when no fetch fails as well.
//! Invariants: a property of the set of entries; memory is bounded.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::SECOND_US;

/// The first so many seconds are kept, in whatever order they are noted.
const MAX_SECONDS: usize = 1 << 20;

/// Of so many pages that the cache surely, or perhaps, made for a failed fetch, one may have come while none failed.
const PAGES_PER_EXCEPTION: u64 = 10;

/// The pages that a cache made, by second.
#[derive(Debug, Clone, Default)]
pub(super) struct Failing {
    /// Seconds in which a fetch surely failed.
    seconds: BTreeSet<i64>,
    n_failed: u64,
    /// Pages of a size that `synth(503)` has as well.
    open: BTreeMap<i64, u64>,
    /// Pages of no failed fetch that no backend gave either.
    n_others: u64,
    /// Pages of that size came while no fetch failed.
    by_synth: bool,
}

impl Failing {
    /// Notes that a fetch failed at this time.
    pub(super) fn note_failure(&mut self, at: i64) {
        self.n_failed += 1;
        self.add_failure(at.div_euclid(SECOND_US));
    }

    /// Notes a page that a failed fetch and `synth(503)` may have made.
    pub(super) fn note_open(&mut self, at: i64) {
        self.add_open(at.div_euclid(SECOND_US), 1);
    }

    /// Notes a page that neither a failed fetch nor a backend made.
    pub(super) fn note_other(&mut self) {
        self.n_others += 1;
    }

    /// Adds what others noted.
    pub(super) fn absorb(&mut self, other: &Failing) {
        self.n_failed += other.n_failed;
        self.n_others += other.n_others;
        other.seconds.iter().for_each(|second| self.add_failure(*second));
        other.open.iter().for_each(|(second, n)| self.add_open(*second, *n));
    }

    fn add_failure(&mut self, second: i64) {
        self.seconds.insert(second);
        if self.seconds.len() > MAX_SECONDS {
            self.seconds.pop_last();
        }
    }

    fn add_open(&mut self, second: i64, n: u64) {
        *self.open.entry(second).or_default() += n;
        if self.open.len() > MAX_SECONDS {
            self.open.pop_last();
        }
    }

    /// Weighs what was noted, once everything is.
    pub(super) fn weigh(&mut self) {
        let (mut n_beside, mut n_alone) = (self.n_failed, 0);
        for (second, n) in &self.open {
            let counted = if self.fails_in(*second) { &mut n_beside } else { &mut n_alone };
            *counted += n;
        }
        self.by_synth = n_alone * PAGES_PER_EXCEPTION > n_beside;
    }

    /// True when other fetches failed in the same second, give or take one, and nothing else makes such pages. Of a
    /// response to HEAD no size speaks against any page.
    pub(super) fn explains(&self, at: i64, is_head: bool) -> bool {
        self.fails_in(at.div_euclid(SECOND_US))
            && !self.by_synth
            && !(is_head && self.n_others * PAGES_PER_EXCEPTION > self.n_failed)
    }

    fn fails_in(&self, second: i64) -> bool {
        self.seconds.range(second - 1..=second + 1).next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a page, and a response to HEAD, of second 10 are explained.
    #[track_caller]
    fn check(failed_s: &[i64], open_s: &[i64], n_others: u64, expected: (bool, bool)) {
        let mut failing = Failing::default();
        for second in failed_s {
            failing.note_failure(second * SECOND_US);
        }
        for second in open_s {
            failing.note_open(second * SECOND_US);
        }
        for _ in 0..n_others {
            failing.note_other();
        }
        let mut all = Failing::default();
        all.absorb(&failing);
        all.weigh();
        let explains = |is_head| all.explains(10 * SECOND_US, is_head);
        assert_eq!((explains(false), explains(true)), expected);
    }

    #[test]
    fn pages_that_come_while_no_fetch_fails_are_of_synth() {
        check(&[9, 9, 11], &[10, 10], 0, (true, true));
        check(&[20, 30], &[10], 0, (false, false));
        check(&[9, 9, 11], &[10, 10, 70], 0, (false, false));
        check(&[9, 9, 11], &[10], 4, (true, false));
    }
}
