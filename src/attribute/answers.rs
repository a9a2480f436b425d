//! What backends answered, by which copies that a cache kept are told.
//!
//! In: entries that a backend answered with the status that was logged. Out: whether another entry may be a copy of one.
//! A server that caches errors (nginx, `proxy_cache_valid 503`) contacts no backend for a copy, and a layout without
//! `$upstream_cache_status` shows it like a response of the server's own. It has the path, the status and the size of the
//! response that was kept, comes after it, and stands in the logs of the same server: what one behind it made is an answer
//! to it, and none of the other's.
//! Invariants: memory is bounded; what is left out depends on the entries alone, not on their order.

use std::collections::BTreeMap;

use crate::fact::{EntryFact, hash_name};
use crate::time::SECOND_US;

/// How long a cache may keep an error, microseconds: longer than anyone should let it.
const KEPT_US: i64 = 3600 * SECOND_US;

/// Answers that are kept: those with the smallest hashes.
const MAX_ANSWERS: usize = 1 << 16;

/// Answers of backends. `folder`: where the log of an entry lies, where that tells servers apart; else always 0.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    /// First and last instant (microseconds UTC) of those that are alike.
    spans: BTreeMap<u64, (i64, i64)>,
    /// The same of those to requests for one target.
    targets: BTreeMap<u64, (i64, i64)>,
    /// The same of entries that asked no backend, by path.
    unasked: BTreeMap<u64, (i64, i64)>,
}

impl Answers {
    /// Notes an entry that a backend answered.
    pub(super) fn note(&mut self, entry: &EntryFact, folder: usize) {
        let span = (entry.at, entry.at);
        if let Some(bytes) = entry.page_bytes() {
            widen(&mut self.spans, key(entry, folder, entry.path, Some(bytes)), span);
            widen(&mut self.spans, key(entry, folder, 0, Some(bytes)), span);
        }
        widen(&mut self.spans, key(entry, folder, entry.path, None), span);
        widen(&mut self.spans, key(entry, folder, 0, None), span);
        widen(&mut self.targets, key(entry, folder, entry.target_key, None), span);
    }

    /// Notes an entry that asked no backend.
    pub(super) fn note_unasked(&mut self, entry: &EntryFact, folder: usize) {
        widen(&mut self.unasked, key(entry, folder, entry.path, None), (entry.at, entry.at));
    }

    /// Adds what another has noted.
    pub(super) fn absorb(&mut self, other: &Answers) {
        other.spans.iter().for_each(|(key, span)| widen(&mut self.spans, *key, *span));
        other.targets.iter().for_each(|(key, span)| widen(&mut self.targets, *key, *span));
        other.unasked.iter().for_each(|(key, span)| widen(&mut self.unasked, *key, *span));
    }

    /// True when an entry may be a copy of what a backend answered before. Where it has no body to compare, any answer may
    /// be the original; where it has a page that backends of the host have, so may one without a body, or of another path.
    pub(super) fn has_original_of(&self, entry: &EntryFact, folder: usize) -> bool {
        let bytes = entry.page_bytes();
        let is_before =
            |path, bytes| is_before(&self.spans, key(entry, folder, path, bytes), entry);
        is_before(entry.path, bytes)
            || bytes.is_some()
                && self.spans.contains_key(&key(entry, folder, 0, bytes))
                && is_before(0, None)
    }

    /// True when an entry may be a copy of such an answer though good answers are not kept: it has the same page, or, where
    /// that is not known, the same target.
    pub(super) fn has_twin_of(&self, entry: &EntryFact, folder: usize) -> bool {
        if let Some(bytes) = entry.page_bytes() {
            return is_before(&self.spans, key(entry, folder, entry.path, Some(bytes)), entry);
        }
        let target = key(entry, folder, entry.target_key, None);
        // What was left out may have been the original.
        let is_left_out = self.targets.len() >= MAX_ANSWERS
            && self.targets.last_key_value().is_none_or(|(last, _)| target > *last);
        is_left_out || is_before(&self.targets, target, entry)
    }

    /// True when an entry whose backend failed may have got such an answer in its place, stale as it was: the page is the
    /// same, or, where that is not known, others of the path got it without a backend.
    pub(super) fn may_stand_in_for(&self, entry: &EntryFact, folder: usize) -> bool {
        let any = key(entry, folder, entry.path, None);
        match entry.page_bytes() {
            Some(bytes) => {
                is_before(&self.spans, key(entry, folder, entry.path, Some(bytes)), entry)
            }
            None => is_before(&self.spans, any, entry) && self.unasked.contains_key(&any),
        }
    }
}

fn widen(spans: &mut BTreeMap<u64, (i64, i64)>, key: u64, (first, last): (i64, i64)) {
    let span = spans.entry(key).or_insert((first, last));
    *span = (span.0.min(first), span.1.max(last));
    if spans.len() > MAX_ANSWERS {
        spans.pop_last();
    }
}

/// True when one of the answers with this key was given before an entry, and not too long before.
fn is_before(spans: &BTreeMap<u64, (i64, i64)>, key: u64, entry: &EntryFact) -> bool {
    spans.get(&key).is_some_and(|(first, last)| *first <= entry.at && entry.at <= last + KEPT_US)
}

/// Hash of what a copy has of its original; without a size, of what any copy has. `path`: of one path, of one target, or 0
/// for any.
fn key(entry: &EntryFact, folder: usize, path: u64, bytes: Option<u32>) -> u64 {
    let mut text = [0u8; 24];
    text[..4].copy_from_slice(&entry.host.to_le_bytes());
    text[4..12].copy_from_slice(&path.to_le_bytes());
    text[12..14].copy_from_slice(&entry.status.to_le_bytes());
    text[14] = u8::from(bytes.is_some());
    text[16..20].copy_from_slice(&bytes.unwrap_or(0).to_le_bytes());
    text[20..].copy_from_slice(&(folder as u32).to_le_bytes());
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
        one.note(&entry(100, 1, 30, Flags::SIZED), 0);
        let mut answers = Answers::default();
        answers.note(&entry(400, 1, 30, Flags::SIZED), 0);
        answers.absorb(&one);
        for (copy, expected) in [
            (entry(101, 1, 30, Flags::SIZED), true),
            (entry(4000, 1, 30, Flags::SIZED), true),
            (entry(101, 1, 0, Flags::default()), true),
            (entry(101, 1, 0, head), true),
            (entry(99, 1, 30, Flags::SIZED), false),
            (entry(4001, 1, 30, Flags::SIZED), false),
            (entry(101, 1, 31, Flags::SIZED), false),
            (entry(101, 2, 0, head), false),
            // The page is one that backends have.
            (entry(101, 2, 30, Flags::SIZED), true),
            (entry(99, 2, 30, Flags::SIZED), false),
        ] {
            assert_eq!(answers.has_original_of(&copy, 0), expected, "{copy:?}");
            assert!(!answers.has_original_of(&copy, 1), "{copy:?}");
        }
        let asked = |path, target_key, body_bytes, flags| {
            let entry = entry(101, path, body_bytes, flags);
            EntryFact { target_key, ..entry }
        };
        answers.note(&EntryFact { target_key: 7, ..entry(100, 1, 30, Flags::SIZED) }, 0);
        for (copy, expected) in [
            (asked(1, 8, 30, Flags::SIZED), true),
            (asked(2, 8, 30, Flags::SIZED), false),
            (asked(1, 7, 0, head), true),
            (asked(1, 8, 0, head), false),
        ] {
            assert_eq!(answers.has_twin_of(&copy, 0), expected, "{copy:?}");
        }
        for (failed, expected) in [
            (asked(1, 8, 30, Flags::SIZED), true),
            (asked(1, 8, 31, Flags::SIZED), false),
            (asked(2, 8, 30, Flags::SIZED), false),
            (asked(1, 8, 0, head), false),
        ] {
            assert_eq!(answers.may_stand_in_for(&failed, 0), expected, "{failed:?}");
        }
        answers.note_unasked(&entry(101, 1, 0, head), 0);
        assert!(answers.may_stand_in_for(&asked(1, 8, 0, head), 0));
    }
}
