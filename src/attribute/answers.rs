//! What backends answered, by which copies that a cache kept are told.
//!
//! In: entries that a backend answered with the status that was logged. Out: whether another entry may be a copy of one.
//! A server that caches errors (nginx, `proxy_cache_valid 503`) contacts no backend for a copy, and a layout without
//! `$upstream_cache_status` shows it like a response of the server's own. It has the path, the status and the size of the
//! response that was kept, and comes after it.
//! Invariants: memory is bounded; what is left out depends on the entries alone, not on their order.

use std::collections::BTreeMap;

use crate::fact::{EntryFact, hash_name};
use crate::time::SECOND_US;

/// How long a cache may keep an error, microseconds: longer than anyone should let it.
const KEPT_US: i64 = 3600 * SECOND_US;

/// Answers that are kept: those with the smallest hashes.
const MAX_ANSWERS: usize = 1 << 16;

/// Answers of backends.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    /// First and last instant (microseconds UTC) of those that are alike.
    spans: BTreeMap<u64, (i64, i64)>,
}

impl Answers {
    /// Notes an entry that a backend answered.
    pub(super) fn note(&mut self, entry: &EntryFact) {
        if let Some(bytes) = entry.page_bytes() {
            self.widen(key(entry, Some(bytes)), (entry.at, entry.at));
        }
        self.widen(key(entry, None), (entry.at, entry.at));
    }

    /// Adds what another has noted.
    pub(super) fn absorb(&mut self, other: &Answers) {
        for (key, span) in &other.spans {
            self.widen(*key, *span);
        }
    }

    fn widen(&mut self, key: u64, (first, last): (i64, i64)) {
        let span = self.spans.entry(key).or_insert((first, last));
        *span = (span.0.min(first), span.1.max(last));
        if self.spans.len() > MAX_ANSWERS {
            self.spans.pop_last();
        }
    }

    /// True when an entry may be a copy of what a backend answered before. Where it has no body to compare, any answer may
    /// be the original.
    pub(super) fn has_original_of(&self, entry: &EntryFact) -> bool {
        let alike = self.spans.get(&key(entry, entry.page_bytes()));
        alike.is_some_and(|(first, last)| *first <= entry.at && entry.at <= last + KEPT_US)
    }
}

/// Hash of what a copy has of its original; without a size, of what any copy has.
fn key(entry: &EntryFact, bytes: Option<u32>) -> u64 {
    let mut text = [0u8; 20];
    text[..4].copy_from_slice(&entry.host.to_le_bytes());
    text[4..12].copy_from_slice(&entry.path.to_le_bytes());
    text[12..14].copy_from_slice(&entry.status.to_le_bytes());
    text[14] = u8::from(bytes.is_some());
    text[16..].copy_from_slice(&bytes.unwrap_or(0).to_le_bytes());
    hash_name(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Flags;

    #[test]
    fn a_copy_is_alike_and_comes_after() {
        let entry = |second: i64, path, body_bytes, flags| EntryFact {
            at: second * SECOND_US,
            path,
            body_bytes,
            flags,
            status: 503,
            ..EntryFact::default()
        };
        let head = Flags(Flags::SIZED.0 | Flags::HEAD.0);
        let mut one = Answers::default();
        one.note(&entry(100, 1, 30, Flags::SIZED));
        let mut answers = Answers::default();
        answers.note(&entry(400, 1, 30, Flags::SIZED));
        answers.absorb(&one);
        for (copy, expected) in [
            (entry(101, 1, 30, Flags::SIZED), true),
            (entry(4000, 1, 30, Flags::SIZED), true),
            (entry(101, 1, 0, Flags::default()), true),
            (entry(101, 1, 0, head), true),
            (entry(99, 1, 30, Flags::SIZED), false),
            (entry(4001, 1, 30, Flags::SIZED), false),
            (entry(101, 1, 31, Flags::SIZED), false),
            (entry(101, 2, 30, Flags::SIZED), false),
            (entry(101, 2, 0, head), false),
        ] {
            assert_eq!(answers.has_original_of(&copy), expected, "{copy:?}");
        }
    }
}
