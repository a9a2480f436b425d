//! Backends whose failures are not the end of a request: nginx goes on with the next one.
//!
//! In: lines about failed attempts, and whether an entry was found for them. Out: backends of which many such lines found
//! none, though the access log was being written: these requests ended well, with another backend, so that an entry that
//! such a line was found for may have ended there as well. Its layout shows no backends, or it would not be asked.
//! Invariants: a property of all lines of a directory; sums, which do not depend on order.
//! Source: nginx `ngx_http_upstream_next` (each failed attempt is logged, then the next peer is tried).

use std::collections::{BTreeMap, BTreeSet};

/// Lines without an entry must be of this many targets: a probe that is not logged has one.
const MIN_TARGETS: usize = 3;

/// So many of a hundred lines of a backend have no entry where requests go on: others may be of requests that are not
/// logged.
const MIN_PERCENT: u64 = 10;

/// More backends than this are not counted.
const MAX_BACKENDS: usize = 65_536;

/// A log with so many lines about a backend that begins or ends among them may be a piece of one.
const MANY_LINES: u64 = 10;

/// What is known of the lines about one backend.
#[derive(Debug, Clone, Default)]
struct Lines {
    /// How many found an entry.
    n_ended: u64,
    /// How many did not.
    n_passed: u64,
    /// Targets of the latter: the smallest keys, [`MIN_TARGETS`] at most.
    targets: BTreeSet<u64>,
}

/// Lines about failed attempts, per directory and backend.
#[derive(Debug, Clone, Default)]
pub(super) struct Retries {
    lines: BTreeMap<(usize, u32), Lines>,
}

impl Retries {
    /// Notes a line about a request for a target.
    pub(super) fn note(&mut self, directory: usize, backend: u32, target: u64, joined: bool) {
        let targets = if joined { BTreeSet::new() } else { BTreeSet::from([target]) };
        let (n_ended, n_passed) = (u64::from(joined), u64::from(!joined));
        self.add((directory, backend), Lines { n_ended, n_passed, targets });
    }

    /// Adds what another has noted.
    pub(super) fn absorb(&mut self, other: &Retries) {
        for (key, lines) in &other.lines {
            self.add(*key, lines.clone());
        }
    }

    /// True when requests that failed at this backend went on to others.
    pub(super) fn go_on(&self, directory: usize, backend: u32) -> bool {
        self.lines.get(&(directory, backend)).is_some_and(|lines| {
            let Lines { n_ended, n_passed, targets } = lines;
            targets.len() >= MIN_TARGETS && n_passed * 100 >= (n_ended + n_passed) * MIN_PERCENT
        })
    }

    /// True when many lines tell of requests that ended with a failure of this backend.
    pub(super) fn ends_at(&self, directory: usize, backend: u32) -> bool {
        self.lines.get(&(directory, backend)).is_some_and(|lines| lines.n_ended >= MANY_LINES)
    }

    fn add(&mut self, key: (usize, u32), more: Lines) {
        let lines = self.lines.entry(key).or_default();
        lines.n_ended += more.n_ended;
        lines.n_passed += more.n_passed;
        lines.targets.extend(more.targets);
        while lines.targets.len() > MIN_TARGETS {
            lines.targets.pop_last();
        }
        if self.lines.len() > MAX_BACKENDS {
            self.lines.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_on_where_lines_have_no_entry() {
        let check = |ended: usize, passed: usize, expected: bool| {
            let (mut one, mut other) = (Retries::default(), Retries::default());
            (0..ended).for_each(|_| one.note(1, 7, 9, true));
            for nth in 0..passed {
                [&mut one, &mut other][nth % 2].note(1, 7, nth as u64, false);
            }
            one.absorb(&other);
            assert_eq!(one.go_on(1, 7), expected, "{ended} {passed}");
            assert!(!one.go_on(2, 7) && !one.go_on(1, 8));
        };
        check(25, 25, true);
        check(100, 0, false);
        check(100, 5, false);
        check(2, 1, false);
        check(0, 3, true);
        let mut probed = Retries::default();
        (0..100).for_each(|_| probed.note(1, 7, 9, false));
        assert!(!probed.go_on(1, 7));
    }
}
