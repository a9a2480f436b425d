//! Most frequent keys in bounded memory: exact up to [`MAX_KEYS`] distinct keys, past that a sample.
//!
//! In: hashes of names, one per entry, with the entry's place. Out: counts, and for each a place to read the name.
//! Invariants: the result is a function of the *set* of entries. Past the cap, entries are kept by a hash of their
//! position (a level drops half of them), so heavy keys survive and no order of arrival matters.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;

use crate::evidence::Place;
use crate::fact::hash_name;

/// Distinct keys kept.
pub const MAX_KEYS: usize = 4096;

/// Levels of sampling; each halves the entries.
const LEVELS: usize = 32;

/// Counts of one key by sampling rank, and the entry that stands for it: the one that sampling would drop last.
#[derive(Debug, Clone)]
struct Row {
    by_rank: [u32; LEVELS],
    example: Place,
    example_hash: u64,
}

impl Row {
    /// The count, scaled up from what the level keeps.
    fn count(&self, level: usize) -> u64 {
        self.by_rank[level..].iter().map(|n| u64::from(*n)).sum::<u64>() << level
    }
}

/// Counts keys.
#[derive(Debug, Clone, Default)]
pub struct Ranking {
    level: usize,
    rows: HashMap<u64, Row, RandomState>,
    /// The smallest key hashes, for the number of distinct keys.
    smallest: BTreeSet<u64>,
    overflowed: bool,
    /// Set once nothing more is counted: only the top rows are kept, and the number of distinct keys.
    closed: Option<(u64, bool)>,
}

/// A key with its count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranked {
    /// The key.
    pub key: u64,
    /// How often it came; an estimate when the ranking is approximate.
    pub count: u64,
    /// An entry that has it.
    pub example: Place,
}

/// An entry's place, and the hash of it by which entries are sampled.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    place: Place,
    hash: u64,
}

impl Sample {
    /// The sample of an entry.
    pub fn of(place: Place) -> Self {
        let mut address = [0u8; 12];
        address[..4].copy_from_slice(&place.position.input.to_le_bytes());
        address[4..].copy_from_slice(&place.position.offset.to_le_bytes());
        Sample { place, hash: hash_name(&address) }
    }
}

impl Ranking {
    /// Counts a key; 0 ("none") is not counted.
    pub fn add(&mut self, key: u64, sample: &Sample) {
        if key == 0 {
            return;
        }
        let Sample { place, hash } = *sample;
        let rank = (hash.leading_zeros() as usize).min(LEVELS - 1);
        if let Some(row) = self.rows.get_mut(&key) {
            if rank >= self.level {
                row.by_rank[rank] += 1;
                if hash < row.example_hash {
                    (row.example, row.example_hash) = (place, hash);
                }
            }
            return;
        }
        self.note_distinct(key);
        if rank < self.level {
            return;
        }
        let mut fresh = Row { by_rank: [0; LEVELS], example: place, example_hash: hash };
        fresh.by_rank[rank] = 1;
        self.rows.insert(key, fresh);
        while self.rows.len() > MAX_KEYS && self.level + 1 < LEVELS {
            self.level += 1;
            let level = self.level;
            self.rows.retain(|_, row| row.by_rank[level..].iter().any(|n| *n > 0));
        }
    }

    fn note_distinct(&mut self, key: u64) {
        if self.smallest.len() < MAX_KEYS {
            self.smallest.insert(key);
        } else if self.smallest.last().is_some_and(|largest| key < *largest)
            && self.smallest.insert(key)
        {
            self.overflowed = true;
            self.smallest.pop_last();
        } else if !self.smallest.contains(&key) {
            self.overflowed = true;
        }
    }

    /// True when counts are estimates.
    pub fn is_approximate(&self) -> bool {
        self.level > 0
    }

    /// Ends the counting and lets go of what is not among the top `n`.
    pub fn close(&mut self, n: usize) {
        self.closed = Some(self.distinct());
        self.smallest = BTreeSet::new();
        let least = self.top(n).last().map_or(0, |row| row.count);
        let level = self.level;
        self.rows.retain(|_, row| row.count(level) >= least);
        self.rows.shrink_to_fit();
    }

    /// Number of distinct keys, and whether that is an estimate (by the k-th smallest hash).
    pub fn distinct(&self) -> (u64, bool) {
        if let Some(closed) = self.closed {
            return closed;
        }
        match self.smallest.last() {
            Some(largest) if self.overflowed => {
                let part = *largest as f64 / u64::MAX as f64;
                (((MAX_KEYS - 1) as f64 / part) as u64, true)
            }
            _ => (self.smallest.len() as u64, false),
        }
    }

    /// The `n` most frequent keys, most frequent first; equal ones in order of their examples.
    pub fn top(&self, n: usize) -> Vec<Ranked> {
        let level = self.level;
        let mut rows: Vec<Ranked> = self
            .rows
            .iter()
            .map(|(key, row)| Ranked { key: *key, count: row.count(level), example: row.example })
            .collect();
        rows.sort_unstable_by_key(|row| (std::cmp::Reverse(row.count), row.example.position));
        rows.truncate(n);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Position;

    fn place(offset: u64) -> Place {
        Place { position: Position { input: 0, offset }, ..Place::default() }
    }

    #[test]
    fn few_keys_are_counted_exactly() {
        let mut ranking = Ranking::default();
        for n in 0..900u64 {
            ranking.add(if n % 3 == 0 { 5 } else { 100 + n }, &Sample::of(place(n)));
        }
        let top = ranking.top(1);
        assert_eq!(top[0].count, 300);
        assert!(top[0].example.position.offset.is_multiple_of(3));
        assert_eq!(ranking.distinct(), (601, false));
        assert!(!ranking.is_approximate());
    }

    #[test]
    fn many_keys_keep_the_heavy_ones_in_any_order() {
        let keys = |n: u64| if n.is_multiple_of(2) { 5 } else { hash_name(&n.to_le_bytes()) };
        let (mut forward, mut backward) = (Ranking::default(), Ranking::default());
        for n in 0..60_000 {
            forward.add(keys(n), &Sample::of(place(n)));
            backward.add(keys(59_999 - n), &Sample::of(place(59_999 - n)));
        }
        assert!(forward.is_approximate());
        assert_eq!(forward.top(10), backward.top(10));
        assert_eq!(forward.distinct(), backward.distinct());
        let heavy = forward.top(1)[0].count as f64;
        assert!((heavy / 30_000.0 - 1.0).abs() < 0.1, "{heavy}");
        let distinct = forward.distinct().0 as f64;
        assert!((distinct / 30_001.0 - 1.0).abs() < 0.1, "{distinct}");
    }
}
