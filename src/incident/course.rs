//! How an incident goes on: repeated requests, what it spreads to, and the pauses in it.
//!
//! In: its entries in order of time, and the messages in it. Out: [`Course`].
//! Invariants: memory is bounded; what is left out depends on the data alone, not on how it was cut.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use crate::evidence::{InputIndex, Place};
use crate::fact::{EntryFact, Flags, asked_method};
use crate::time::SECOND_US;

/// The same request of the same client again within this time is a retry, microseconds.
pub const RETRY_WITHIN_US: i64 = 10 * SECOND_US;

/// Requests (client and target) watched for retries; past it a sample by hash of them is.
const MAX_WATCHED: usize = 16_384;

/// Distinct hosts, and upstreams, whose first failure is kept.
const MAX_FIRSTS: usize = 16;

/// Stretches kept; past it, the shortest pauses count no more.
const MAX_STRETCHES: usize = 4096;

/// Distinct backends that are named as failing.
const MAX_PEERS: usize = 64;

/// What an incident may spread to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Another host name.
    Host,
    /// Another upstream.
    Upstream,
}

/// The first failure of something that was not failing before.
#[derive(Debug, Clone, Copy)]
pub struct First {
    /// What it is.
    pub reach: Reach,
    /// Hash of its name.
    pub key: u32,
    /// Its first entry.
    pub place: Place,
    /// When, microseconds UTC.
    pub at: i64,
    /// Its entries.
    pub entries: u64,
}

/// A stretch of entries without a longer pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// First entry, microseconds UTC.
    pub first_at: i64,
    /// Last entry, microseconds UTC.
    pub last_at: i64,
    /// Entries.
    pub entries: u64,
    /// The first entry's place.
    pub first: Place,
}

/// Collects how an incident goes on.
#[derive(Debug, Clone, Default)]
pub struct Course {
    retries: Retries,
    /// First failures per host and upstream, in order of time.
    pub firsts: Vec<First>,
    /// Stretches, in order of time.
    pub stretches: Vec<Stretch>,
    /// How often the least pause between stretches was doubled, because there were too many.
    coarseness: u32,
    /// The last entry of every input that has one.
    pub last_in: BTreeMap<InputIndex, Place>,
    /// Backends that messages name as failing: a message for each, by hash of the name.
    pub peers: BTreeMap<u32, Place>,
}

impl Course {
    /// Takes an entry; entries come in order of time.
    pub fn add_entry(&mut self, entry: &EntryFact, pause_us: i64) {
        self.retries.add(entry);
        self.note_first(Reach::Host, entry.host, entry);
        self.note_first(Reach::Upstream, entry.upstream, entry);
        self.last_in.insert(entry.place.position.input, entry.place);
        let pause_us = pause_us << self.coarseness;
        match self.stretches.last_mut() {
            Some(stretch) if entry.at - stretch.last_at <= pause_us => {
                stretch.last_at = entry.at;
                stretch.entries += 1;
            }
            _ => self.stretches.push(Stretch {
                first_at: entry.at,
                last_at: entry.at,
                entries: 1,
                first: entry.place,
            }),
        }
        if self.stretches.len() > MAX_STRETCHES {
            self.coarseness += 1;
            join_stretches(&mut self.stretches, pause_us * 2);
        }
    }

    fn note_first(&mut self, reach: Reach, key: u32, entry: &EntryFact) {
        if key == 0 {
            return;
        }
        let mut known = self.firsts.iter_mut();
        if let Some(first) = known.find(|first| first.reach == reach && first.key == key) {
            first.entries += 1;
        } else if self.firsts.iter().filter(|first| first.reach == reach).count() < MAX_FIRSTS {
            let (place, at) = (entry.place, entry.at);
            self.firsts.push(First { reach, key, place, at, entries: 1 });
        }
    }

    /// Notes that a message names a backend as failing.
    pub fn note_peer(&mut self, scope: u32, place: Place) {
        if scope != 0 && (self.peers.len() < MAX_PEERS || self.peers.contains_key(&scope)) {
            self.peers.entry(scope).or_insert(place);
        }
    }

    /// Lets go of what only counting needs.
    pub fn close(&mut self) {
        self.retries.close();
    }

    /// Entries that could be watched for retries, and how many of them are retries; a sample where there are many.
    pub fn retries(&self) -> (u64, u64) {
        let totals = self.retries.totals();
        (totals.watched, totals.retries)
    }

    /// The retries, with the first and the last of them; `None` where there are none.
    pub fn storm(&self) -> Option<Storm> {
        let totals = self.retries.totals();
        let (first, last_at) = totals.span?;
        Some(Storm {
            watched: totals.watched,
            retries: totals.retries,
            first,
            last_at,
            is_sample: self.retries.level > 0,
        })
    }
}

/// Joins stretches with shorter pauses between them.
fn join_stretches(stretches: &mut Vec<Stretch>, pause_us: i64) {
    stretches.dedup_by(|next, stretch| {
        let is_one = next.first_at - stretch.last_at <= pause_us;
        if is_one {
            stretch.last_at = next.last_at;
            stretch.entries += next.entries;
        }
        is_one
    });
}

/// Retries of an incident.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// Entries that could be watched for retries.
    pub watched: u64,
    /// How many of them are retries.
    pub retries: u64,
    /// The first retry: when, microseconds UTC, and where.
    pub first: (i64, Place),
    /// The last retry, microseconds UTC.
    pub last_at: i64,
    /// Only a part of the clients and targets is watched.
    pub is_sample: bool,
}

/// What is known of one client and target.
#[derive(Debug, Clone, Copy)]
struct Watched {
    last_at: i64,
    entries: u64,
    retries: u64,
    /// The first retry, and when the last one was.
    span: Option<RetrySpan>,
}

/// The first retry, when and where, and when the last one was.
type RetrySpan = ((i64, Place), i64);

/// What was watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct RetryTotals {
    watched: u64,
    retries: u64,
    span: Option<RetrySpan>,
}

/// Counts entries that repeat an earlier one. When too many requests are watched, those whose hash has fewer leading zeros
/// than the level are left out with all their counts, so that the order of entries does not matter.
#[derive(Debug, Clone, Default)]
struct Retries {
    level: u32,
    watched: HashMap<(u64, u64), Watched, RandomState>,
    closed: Option<RetryTotals>,
}

impl Retries {
    fn add(&mut self, entry: &EntryFact) {
        // A health check is meant to come again.
        if entry.client == 0 || entry.target_key == 0 || entry.flags.has(Flags::PROBE) {
            return;
        }
        let key =
            (entry.client, entry.target_key.wrapping_add(u64::from(asked_method(entry.method))));
        if rank(key) < self.level {
            return;
        }
        let fresh = Watched { last_at: i64::MIN, entries: 0, retries: 0, span: None };
        let row = self.watched.entry(key).or_insert(fresh);
        row.entries += 1;
        if row.last_at != i64::MIN && entry.at - row.last_at <= RETRY_WITHIN_US {
            row.retries += 1;
            row.span.get_or_insert(((entry.at, entry.place), entry.at)).1 = entry.at;
        }
        row.last_at = entry.at;
        while self.watched.len() > MAX_WATCHED && self.level < 63 {
            self.level += 1;
            let level = self.level;
            self.watched.retain(|key, _| rank(*key) >= level);
        }
    }

    fn totals(&self) -> RetryTotals {
        let add = |sum: RetryTotals, row: &Watched| RetryTotals {
            watched: sum.watched + row.entries,
            retries: sum.retries + row.retries,
            span: match (sum.span, row.span) {
                (Some(one), Some(other)) => {
                    let key = |span: &RetrySpan| (span.0.0, span.0.1.position);
                    let first = if key(&one) <= key(&other) { one.0 } else { other.0 };
                    Some((first, one.1.max(other.1)))
                }
                (one, other) => one.or(other),
            },
        };
        self.closed.unwrap_or_else(|| self.watched.values().fold(RetryTotals::default(), add))
    }

    fn close(&mut self) {
        self.closed = Some(self.totals());
        self.watched = HashMap::default();
    }
}

/// Both parts are hashes; an odd factor spreads what they are together.
fn rank(key: (u64, u64)) -> u32 {
    (key.0 ^ key.1.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15).leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at_s: i64, client: u64, target_key: u64) -> EntryFact {
        EntryFact { at: at_s * SECOND_US, client, target_key, ..EntryFact::default() }
    }

    #[test]
    fn the_same_request_within_ten_seconds_is_a_retry() {
        let mut course = Course::default();
        for (at, client, target) in
            [(0, 1, 7), (1, 2, 7), (2, 1, 8), (10, 1, 7), (20, 1, 7), (31, 1, 7), (31, 0, 7)]
        {
            course.add_entry(&entry(at, client, target), 30 * SECOND_US);
        }
        assert_eq!(course.retries(), (6, 2));
        course.close();
        assert_eq!(course.retries(), (6, 2));
    }

    #[test]
    fn many_requests_are_sampled_alike_in_any_order() {
        let (mut forward, mut backward) = (Retries::default(), Retries::default());
        for n in 0..100_000u64 {
            forward.add(&entry(0, 1, n + 1));
            backward.add(&entry(0, 1, 100_000 - n));
        }
        assert!(forward.level > 0);
        assert_eq!(forward.totals(), backward.totals());
    }

    #[test]
    fn stretches_are_bounded() {
        let mut course = Course::default();
        for n in 0..20_000i64 {
            // Every hundredth pause is long.
            let at = n * 40 + n / 100 * 1000;
            course.add_entry(&entry(at, 1, 1), 30 * SECOND_US);
        }
        assert!(course.stretches.len() <= MAX_STRETCHES);
        assert_eq!(course.stretches.len(), 200);
        assert_eq!(course.stretches.iter().map(|stretch| stretch.entries).sum::<u64>(), 20_000);
    }

    #[test]
    fn pauses_split_stretches() {
        let mut course = Course::default();
        for at in [0, 10, 40, 71, 72] {
            course.add_entry(&entry(at, 1, 1), 30 * SECOND_US);
        }
        let spans: Vec<_> = course
            .stretches
            .iter()
            .map(|stretch| {
                (stretch.first_at / SECOND_US, stretch.last_at / SECOND_US, stretch.entries)
            })
            .collect();
        assert_eq!(spans, [(0, 40, 3), (71, 72, 2)]);
    }
}
