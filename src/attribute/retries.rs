//! Backends whose failures are not the end of a request: nginx goes on with the next one.
//!
//! In: lines about failed attempts, and whether an entry was found for them. Out: backends of which many such lines found
//! none, though the access log was being written: these requests ended well, with another backend, so that an entry that
//! such a line was found for may have ended there as well. Its layout shows no backends, or it would not be asked.
//! Invariants: a property of all lines of a directory; sums, which do not depend on order.
//! Source: nginx `ngx_http_upstream_next` (each failed attempt is logged, then the next peer is tried).

use std::collections::BTreeMap;

/// Fewer lines without an entry show nothing.
const MIN_PASSED: u64 = 2;

/// So many of a hundred lines of a backend have no entry where requests go on: others may be of requests that are not
/// logged.
const MIN_PERCENT: u64 = 10;

/// More backends than this are not counted.
const MAX_BACKENDS: usize = 65_536;

/// How many lines about failed attempts found an entry, and how many did not, per directory and backend.
#[derive(Debug, Clone, Default)]
pub(super) struct Retries {
    counts: BTreeMap<(usize, u32), (u64, u64)>,
}

impl Retries {
    /// Notes a line.
    pub(super) fn note(&mut self, directory: usize, backend: u32, joined: bool) {
        self.add((directory, backend), (u64::from(joined), u64::from(!joined)));
    }

    /// Adds what another has noted.
    pub(super) fn absorb(&mut self, other: &Retries) {
        for (key, counts) in &other.counts {
            self.add(*key, *counts);
        }
    }

    /// True when requests that failed at this backend went on to others.
    pub(super) fn go_on(&self, directory: usize, backend: u32) -> bool {
        let (ended, passed) = self.counts.get(&(directory, backend)).copied().unwrap_or_default();
        passed >= MIN_PASSED && passed * 100 >= (ended + passed) * MIN_PERCENT
    }

    fn add(&mut self, key: (usize, u32), (ended, passed): (u64, u64)) {
        let counts = self.counts.entry(key).or_default();
        *counts = (counts.0 + ended, counts.1 + passed);
        if self.counts.len() > MAX_BACKENDS {
            self.counts.pop_last();
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
            (0..ended).for_each(|_| one.note(1, 7, true));
            (0..passed).for_each(|nth| [&mut one, &mut other][nth % 2].note(1, 7, false));
            one.absorb(&other);
            assert_eq!(one.go_on(1, 7), expected, "{ended} {passed}");
            assert!(!one.go_on(2, 7) && !one.go_on(1, 8));
        };
        check(25, 25, true);
        check(100, 0, false);
        check(100, 5, false);
        check(2, 1, false);
        check(0, 3, true);
    }
}
