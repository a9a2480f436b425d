//! Requests over time.
//!
//! In: runs of lines, and other series. Out: sums over any stretch of time.
//! Invariants: merging is associative; the width of the buckets depends on the data alone.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::format::Run;
use crate::time::SECOND_US;

/// More distinct buckets than this make a [`Series`] coarser.
const MAX_BUCKETS: usize = 200_000;

/// Neighbouring buckets that lie together.
const GROUP: i64 = 64;

/// Bucket widths, seconds. A series starts with the first.
const WIDTHS_S: [i64; 5] = [1, 10, 60, 600, 3600];

/// Requests over time, in buckets of one width.
///
/// When the buckets become too many, all are merged into wider ones. A part that has gone coarser has more buckets than
/// allowed at the finer width, and so has every union with it: the final width does not depend on the order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Series {
    level: usize,
    /// Buckets in groups of neighbours, each in order.
    groups: BTreeMap<i64, Vec<(i64, Run)>>,
    n_buckets: usize,
}

impl Series {
    /// Width of a bucket in seconds.
    pub fn width_s(&self) -> i64 {
        WIDTHS_S[self.level]
    }

    /// Adds a run of lines at a second.
    pub fn add(&mut self, second: i64, run: &Run) {
        self.add_to_bucket(second.div_euclid(self.width_s()), run);
        self.limit();
    }

    fn add_to_bucket(&mut self, bucket: i64, run: &Run) {
        let group = self.groups.entry(bucket.div_euclid(GROUP)).or_default();
        self.n_buckets += usize::from(is_new_in(group, bucket, run));
    }

    /// Adds neighbours, which are in order.
    fn add_group(&mut self, group: i64, buckets: Vec<(i64, Run)>) {
        match self.groups.entry(group) {
            Entry::Vacant(place) => {
                self.n_buckets += buckets.len();
                place.insert(buckets);
            }
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                let are_new = buckets.iter().map(|(bucket, run)| is_new_in(known, *bucket, run));
                self.n_buckets += are_new.filter(|is_new| *is_new).count();
            }
        }
    }

    fn limit(&mut self) {
        while self.n_buckets > MAX_BUCKETS && self.level + 1 < WIDTHS_S.len() {
            self.coarsen();
        }
    }

    /// A series of rows as [`Series::iter`] gave them for a width.
    pub fn from_rows(width_s: i64, rows: impl IntoIterator<Item = (i64, Run)>) -> Self {
        let level = WIDTHS_S.iter().position(|width| *width == width_s).unwrap_or(0);
        let mut series = Series { level, ..Series::default() };
        for (second, run) in rows {
            series.add(second, &run);
        }
        series
    }

    /// Adds all of another series.
    pub fn merge(&mut self, other: &Series) {
        if self.level != other.level {
            return self.merge_mapped(other, |second| second);
        }
        for (group, buckets) in &other.groups {
            self.add_group(*group, buckets.clone());
        }
        self.limit();
    }

    /// Adds all of another series, each second moved to what `to` makes of it.
    pub fn merge_mapped(&mut self, other: &Series, to: impl Fn(i64) -> i64) {
        while self.level < other.level {
            self.coarsen();
        }
        // Neighbours nearly always stay neighbours: they are added at once.
        let mut rows = other.iter().map(|(second, run)| (to(second), run)).peekable();
        while let Some((second, _)) = rows.peek() {
            let width = self.width_s();
            let group = second.div_euclid(width).div_euclid(GROUP);
            let mut buckets: Vec<(i64, Run)> = Vec::with_capacity(GROUP as usize);
            while let Some((second, run)) = rows.next_if(|(second, _)| {
                let bucket = second.div_euclid(width);
                bucket.div_euclid(GROUP) == group
                    && buckets.last().is_none_or(|(last, _)| *last < bucket)
            }) {
                buckets.push((second.div_euclid(width), *run));
            }
            buckets.shrink_to_fit();
            self.add_group(group, buckets);
            self.limit();
        }
    }

    /// The part that starts in a window of microseconds UTC (inclusive start, exclusive end), to whole buckets.
    #[must_use]
    pub fn within(mut self, window: (Option<i64>, Option<i64>)) -> Series {
        if window != (None, None) {
            let width_us = self.width_s() * SECOND_US;
            for group in self.groups.values_mut() {
                group.retain(|(bucket, _)| {
                    let at = bucket * width_us;
                    window.0.is_none_or(|since| since < at + width_us)
                        && window.1.is_none_or(|until| at < until)
                });
            }
            self.groups.retain(|_, group| !group.is_empty());
            self.n_buckets = self.groups.values().map(Vec::len).sum();
        }
        self
    }

    /// The sum over everything.
    pub fn total(&self) -> Run {
        let mut sum = Run::default();
        self.buckets().for_each(|(_, run)| add_run(&mut sum, run));
        sum
    }

    /// Buckets in order of time: their first second, and what they hold.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i64, &Run)> {
        let width = self.width_s();
        self.buckets().map(move |(bucket, run)| (bucket * width, run))
    }

    fn buckets(&self) -> impl DoubleEndedIterator<Item = &(i64, Run)> {
        self.groups.values().flatten()
    }

    /// The sum over all buckets that overlap `from..=to` (seconds).
    pub fn sum(&self, from: i64, to: i64) -> Run {
        let mut sum = Run::default();
        let width = self.width_s();
        let (first, last) = (from.div_euclid(width), to.max(from).div_euclid(width));
        for (_, group) in self.groups.range(first.div_euclid(GROUP)..=last.div_euclid(GROUP)) {
            let from = group.partition_point(|(bucket, _)| *bucket < first);
            let overlapping = group[from..].iter().take_while(|(bucket, _)| *bucket <= last);
            overlapping.for_each(|(_, run)| add_run(&mut sum, run));
        }
        sum
    }

    /// First and last second of the buckets.
    pub fn span(&self) -> Option<(i64, i64)> {
        let (first, _) = self.buckets().next()?;
        let (last, _) = self.buckets().next_back()?;
        Some((first * self.width_s(), last * self.width_s() + self.width_s() - 1))
    }

    /// True when nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    fn coarsen(&mut self) {
        let factor = WIDTHS_S[self.level + 1] / WIDTHS_S[self.level];
        let coarse = Series { level: self.level + 1, ..Series::default() };
        let fine = std::mem::replace(self, coarse);
        for (bucket, run) in fine.buckets() {
            self.add_to_bucket(bucket.div_euclid(factor), run);
        }
    }
}

/// Adds a run of lines to a bucket of a group. True: it had none.
fn is_new_in(group: &mut Vec<(i64, Run)>, bucket: i64, run: &Run) -> bool {
    // Logs are in order of time, nearly.
    let at = match group.last() {
        Some((last, _)) if *last >= bucket => group.partition_point(|(at, _)| *at < bucket),
        _ => group.len(),
    };
    match group.get_mut(at) {
        Some((known, sum)) if *known == bucket => {
            add_run(sum, run);
            false
        }
        _ => {
            // Where little happens, a group has one bucket.
            if group.len() == group.capacity() {
                group.reserve_exact(group.len().max(1));
            }
            group.insert(at, (bucket, *run));
            true
        }
    }
}

fn add_run(sum: &mut Run, run: &Run) {
    sum.requests += run.requests;
    sum.server_errors += run.server_errors;
    for (total, n) in sum.kin.iter_mut().zip(run.kin) {
        *total += n;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn series(seconds: &[i64]) -> Series {
        let mut series = Series::default();
        for second in seconds {
            series.add(*second, &Run { requests: 1, ..Run::default() });
        }
        series
    }

    proptest! {
        #[test]
        fn merging_series_is_associative_and_counts_everything(
            a in proptest::collection::vec(-1000i64..1000, 0..50),
            b in proptest::collection::vec(-1000i64..1000, 0..50),
            c in proptest::collection::vec(-1000i64..1000, 0..50),
        ) {
            let mut left = series(&a);
            left.merge(&series(&b));
            left.merge(&series(&c));
            let mut tail = series(&b);
            tail.merge(&series(&c));
            let mut right = series(&a);
            right.merge(&tail);
            prop_assert_eq!(&left, &right);
            let mut empty = Series::default();
            empty.merge(&left);
            prop_assert_eq!(&empty, &left);
            prop_assert_eq!(left.sum(-2000, 2000).requests as usize, a.len() + b.len() + c.len());
            let all = [&a[..], &b, &c].concat();
            let within = all.iter().filter(|second| (-70..=130).contains(*second)).count();
            prop_assert_eq!(left.sum(-70, 130).requests as usize, within);
            let (first, last) = (all.iter().min(), all.iter().max());
            prop_assert_eq!(left.span(), first.zip(last).map(|(first, last)| (*first, *last)));
            prop_assert!(left.iter().map(|(second, _)| second).is_sorted());
        }
    }

    #[test]
    fn a_long_series_gets_wider_buckets_whatever_the_order() {
        let many: Vec<i64> = (0..(MAX_BUCKETS as i64 + 10)).collect();
        let forward = series(&many);
        let backward = series(&many.iter().rev().copied().collect::<Vec<_>>());
        assert_eq!(forward.width_s(), 10);
        assert_eq!(forward, backward);
        assert_eq!(forward.sum(0, i64::from(u32::MAX)).requests as usize, many.len());
    }
}
