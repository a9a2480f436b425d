//! Whether the clock of an error log agrees with that of the access logs, where its messages name no request.
//!
//! In: entries and requests of the same clients. Out: which inputs no pair by time may come from.
//! Invariants: counts only, of whole seconds; the order in which votes come does not matter.

use std::collections::{BTreeMap, BTreeSet};

use super::client::Trace;
use crate::fact::EntryFact;
use crate::time::SECOND_US;

/// How far the clock of an error log is off, by what entries and requests of the same clients are apart.
///
/// Failures that wait for nothing are written in the second in which their request came in, or in the next. If far more
/// pairs are apart by something else, then the clocks differ, and what lies in the same second is chance.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Whole seconds from entry to request, and how often.
    votes: BTreeMap<i64, u64>,
}

impl Clock {
    /// Pairs further apart than this do not vote.
    const MAX_APART_S: i64 = 120;

    /// More entries of one client than this lie everywhere.
    const MAX_ENTRIES: usize = 64;

    /// Fewer votes than this say nothing.
    const MIN_VOTES: u64 = 20;

    /// Lets the entries of one client vote with one of its requests.
    pub fn vote(&mut self, entries: &[EntryFact], trace: &Trace<'_>) {
        if trace.is_slow || entries.len() > Self::MAX_ENTRIES {
            return;
        }
        for entry in entries.iter().filter(|entry| trace.gives(entry.status)) {
            // Either may be cut to the second, or have a fraction.
            let apart_s = trace.at.div_euclid(SECOND_US) - entry.at.div_euclid(SECOND_US);
            if apart_s.abs() <= Self::MAX_APART_S {
                *self.votes.entry(apart_s).or_default() += 1;
            }
        }
    }

    fn at(&self, apart_s: i64) -> u64 {
        self.votes.range(apart_s..=apart_s + 1).map(|(_, count)| count).sum()
    }

    fn best(&self) -> u64 {
        self.votes.keys().map(|apart_s| self.at(*apart_s)).max().unwrap_or(0)
    }

    fn merge(&mut self, other: &Clock) {
        for (apart_s, count) in &other.votes {
            *self.votes.entry(*apart_s).or_default() += count;
        }
    }

    /// True when most votes are for one difference.
    fn is_peaked(&self) -> bool {
        self.best() * 2 > self.votes.values().sum()
    }

    /// True when the clock is surely off.
    pub fn is_off(&self) -> bool {
        let (best, now) = (self.best(), self.at(0));
        // Of many seconds the best is above the others by chance, too: the more so, the fewer votes there are.
        best >= Self::MIN_VOTES && best > now * 3 / 2 && (best - now).pow(2) > 16 * (best + now)
    }
}

/// The clocks of all inputs.
#[derive(Debug, Clone, Default)]
pub struct Clocks {
    /// Directory and clock of each input.
    of_input: BTreeMap<u32, (usize, Clock)>,
}

impl Clocks {
    /// The clock of an input that lies in this directory.
    pub fn of(&mut self, input: u32, directory: usize) -> &mut Clock {
        &mut self.of_input.entry(input).or_insert_with(|| (directory, Clock::default())).1
    }

    /// Tells of an input whether its clock is off. A short piece of a log may seem to be: its clock is believed to be off if
    /// that of all logs beside it is, or if the votes are of one mind.
    pub fn off(&self) -> impl Fn(u32) -> bool + use<> {
        let mut beside: BTreeMap<usize, Clock> = BTreeMap::new();
        for (directory, clock) in self.of_input.values() {
            beside.entry(*directory).or_default().merge(clock);
        }
        let is_off = |directory: &usize, clock: &Clock| {
            clock.is_off()
                && (clock.is_peaked() || beside.get(directory).is_some_and(Clock::is_off))
        };
        let off: BTreeSet<u32> = self
            .of_input
            .iter()
            .filter(|(_, (directory, clock))| is_off(directory, clock))
            .map(|(input, _)| *input)
            .collect();
        move |input| off.contains(&input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(apart_s: i64, n: i64) -> Clock {
        let mut clock = Clock::default();
        clock.votes.insert(apart_s, n as u64);
        clock
    }

    #[test]
    fn clocks_that_are_off_are_noticed() {
        let check = |apart_s: i64, expected: bool| {
            let trace = |at| Trace { at, statuses: &[503], ..Trace::default() };
            let entry =
                |second| EntryFact { at: second * SECOND_US, status: 503, ..EntryFact::default() };
            let mut clock = Clock::default();
            for second in 0..30 {
                clock.vote(&[entry(second)], &trace((second + apart_s) * SECOND_US + 900_000));
            }
            clock.vote(&[entry(0)], &trace(100_000));
            assert_eq!(clock.is_off(), expected, "{apart_s}");
        };
        check(0, false);
        check(1, false);
        check(7, true);
        check(-7, true);
        check(500, false);
    }

    #[test]
    fn fractions_put_no_clock_off() {
        let trace = |at_ms: i64| Trace { at: at_ms * 1000, statuses: &[503], ..Trace::default() };
        for line_ms in [0, 300, 302] {
            let mut clock = Clock::default();
            for second in 0..30 {
                let at = second * SECOND_US + 301_000;
                let entry = EntryFact { at, status: 503, ..EntryFact::default() };
                clock.vote(&[entry], &trace(second * 1000 + line_ms));
            }
            assert!(!clock.is_off(), "{line_ms}");
        }
    }

    #[test]
    fn a_piece_of_a_log_is_heard_with_those_beside_it() {
        let mut clocks = Clocks::default();
        // Many requests of few clients: the votes lie everywhere, and in a short piece the most by chance anywhere.
        for apart_s in [-8, -6, -4, -2] {
            clocks.of(0, 0).merge(&clock(apart_s, 400));
            clocks.of(1, 0).merge(&clock(apart_s, 100));
        }
        clocks.of(0, 0).merge(&clock(0, 200));
        clocks.of(1, 0).merge(&clock(0, 900));
        assert!(clocks.of(0, 0).is_off() && !clocks.off()(0));
        // One whose clock is off for good beside one that is right.
        clocks.of(2, 0).merge(&clock(7, 300));
        assert!(clocks.off()(2) && !clocks.off()(1));
    }
}
