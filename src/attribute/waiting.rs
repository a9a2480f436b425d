//! Entries that wait for a request of the error log, those first that can be served no longer than others.
//!
//! In: entries with the times in which their lines may lie. Out: which of them a request goes to.
//! Invariants: entries that contradict a request stay where they are for others.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::client::Trace;
use super::homes::Home;

/// End and start of the time in which its lines may lie, and the place of the entry in its list.
type Row = Reverse<(i64, i64, usize)>;

/// Keys of the referrer and of the backend that an entry names; 0 for what does not count.
type Named = (u32, u32);

/// Waiting entries by home and by what they name.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    rows: BTreeMap<Home, BTreeMap<Named, BinaryHeap<Row>>>,
}

impl Waiting {
    /// Lets an entry wait.
    pub(super) fn push(&mut self, home: Home, named: Named, row: (i64, i64, usize)) {
        self.rows.entry(home).or_default().entry(named).or_default().push(Reverse(row));
    }

    /// Takes the first entry that may be a request's; those whose time is over, or that are taken, are dropped.
    pub(super) fn take(
        &mut self,
        trace: &Trace<'_>,
        is_taken: &dyn Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut best: Option<((i64, i64, usize), Home, Named)> = None;
        let fits = |backend: u32| backend == 0 || trace.upstream == 0 || backend == trace.upstream;
        for (home, by_name) in &mut self.rows {
            if !home.agrees(trace.home) {
                continue;
            }
            let mut look = |named: Named, heap: &mut BinaryHeap<Row>| {
                if fits(named.1)
                    && let Some(row) = first_free(heap, trace.at, is_taken)
                    && best.is_none_or(|best| row < best.0)
                {
                    best = Some((row, *home, named));
                }
            };
            if trace.referrer == 0 {
                by_name.retain(|_, heap| !heap.is_empty());
                by_name.iter_mut().for_each(|(named, heap)| look(*named, heap));
            } else {
                for referrer in [trace.referrer, 0] {
                    let heaps = by_name.range_mut((referrer, 0)..=(referrer, u32::MAX));
                    heaps.for_each(|(named, heap)| look(*named, heap));
                }
            }
        }
        let ((_, _, index), home, named) = best?;
        self.rows.get_mut(&home)?.get_mut(&named)?.pop();
        Some(index)
    }
}

/// The first that is still free, and may have been served then.
fn first_free(
    heap: &mut BinaryHeap<Row>,
    at: i64,
    is_taken: &dyn Fn(usize) -> bool,
) -> Option<(i64, i64, usize)> {
    while let Some(Reverse(row)) = heap.peek() {
        if row.0 >= at && !is_taken(row.2) {
            return Some(*row);
        }
        heap.pop();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_takes_what_does_not_contradict_it() {
        let home = |place| Home { place, machine: 0 };
        let filled = || {
            let mut waiting = Waiting::default();
            for (index, (place, referrer, to)) in
                [(1, 5, 10), (2, 5, 9), (1, 6, 8), (1, 0, 20), (0, 5, 30)].into_iter().enumerate()
            {
                waiting.push(home(place), (referrer, 9), (to, 0, index));
            }
            waiting
        };
        let taken = |place, referrer, at| {
            let trace = Trace { at, referrer, home: home(place), ..Trace::default() };
            let mut waiting = filled();
            let mut all = Vec::new();
            while let Some(index) = waiting.take(&trace, &|index| index == 4) {
                all.push(index);
            }
            all
        };
        assert_eq!(taken(1, 5, 7), [0, 3]);
        assert_eq!(taken(1, 0, 7), [2, 0, 3]);
        assert_eq!(taken(0, 5, 7), [1, 0, 3]);
        assert_eq!(taken(1, 5, 11), [3]);
        assert_eq!(taken(2, 7, 7), [0usize; 0]);
        let elsewhere = Trace { at: 7, upstream: 8, ..Trace::default() };
        assert_eq!(filled().take(&elsewhere, &|_| false), None);
    }
}
