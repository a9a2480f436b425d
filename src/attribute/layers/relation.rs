//! Which of two logs is in front of the other, how far their clocks are apart, and what both write alike: learned from
//! requests that stand in both.
//!
//! In: hops, those of one key together. Out: a [`Relation`] per pair of groups that share requests. The rules:
//!
//! 1. Two lines are one request where an id stands once in either log, or where a target does. Where there are too few of
//!    those, lines of one target that are near each other count, but only for rule 2 and the first line of rule 3.
//! 2. Clocks agree unless most pairs are apart by one and the same difference.
//! 3. In front is the log that relayed what the other made; whose backend address is the other's own, or that of an
//!    application server; whose own address, or whose client, the other names as its client or in `X-Forwarded-For`; whose
//!    requests take longer. A relation stands only where nine in ten of these votes agree. How many clients a log has is
//!    no vote: a server behind two others may see all clients, and the one before it only one.
//! 4. What nearly all pairs have in common (client, host, size of the body), every pair must.
//! 5. Logs whose lines are alike in all that is known of them, and in one order, are copies of one log (what `grep` made of
//!    it, a backup), of which neither is in front. The lines may differ in length, by a prefix that all of one log have.
//!    Servers that pass requests on finish them in another order at times; and logs that each have an error log of their
//!    name beside them are no copies.
//!
//! What has the same requests as another log, and no such vote, has its place open: it may be in front of it, or behind.
//!
//! Invariants: only counts are kept; no name of a server or file decides.

use std::collections::{BTreeMap, BTreeSet};

use super::Hops;
use super::common::{Common, CommonCounts};
use super::hop::{Hop, KeyKind};
use crate::error::Result;
use crate::evidence::{InputIndex, Position};
use crate::fact::{Flags, methods_agree};
use crate::taxonomy::Origin;
use crate::time::SECOND_US;

/// Rows of one id, of all logs. More are no id of one request.
const MAX_ID_ROWS: usize = 32;

/// Rows of one target that are looked at together while learning.
const MAX_TARGET_ROWS: usize = 64;

/// Resolution of measured differences, microseconds.
const STEP_US: i64 = SECOND_US / 4;

/// Differences within this many steps are the same.
const NEAR_STEPS: i64 = 4;

/// No clock is further off, microseconds.
const MAX_APART_US: i64 = 15 * 3600 * SECOND_US;

/// Offsets of zones are multiples of this, microseconds.
const QUARTER_US: i64 = 900 * SECOND_US;

/// Lines that tell whether all requests come the same way.
const MIN_COVERED: u64 = 20;

/// Pairs of groups looked at. There are far fewer layers in any system.
const MAX_PAIRS: usize = 256;

/// Pairs whose order is looked at.
const MAX_PLACES: usize = 1000;

/// Differences in length that are counted apart.
const MAX_LENGTHS: usize = 64;

/// Fewer pairs by target say nothing.
const MIN_SAMPLES: u64 = 3;

/// How two lines were found to be one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sample {
    Id,
    UniqueTarget,
    NearTarget,
}

/// How far pairs are apart, in steps.
#[derive(Debug, Clone, Default)]
struct Differences {
    counts: BTreeMap<i64, u64>,
    total: u64,
}

impl Differences {
    /// More distinct differences than this are only counted: pairs that lie everywhere agree on nothing.
    const MAX_STEPS: usize = 10_000;

    fn note(&mut self, difference_us: i64) {
        if difference_us.abs() <= MAX_APART_US {
            let step = difference_us.div_euclid(STEP_US);
            if self.counts.len() < Self::MAX_STEPS || self.counts.contains_key(&step) {
                *self.counts.entry(step).or_default() += 1;
            }
            self.total += 1;
        }
    }

    fn around(&self, step: i64, reach: i64) -> u64 {
        self.counts.range(step - reach..=step + reach).map(|(_, n)| n).sum()
    }

    fn median(&self, step: i64, reach: i64) -> i64 {
        let mut left = self.around(step, reach) / 2;
        for (step, n) in self.counts.range(step - reach..=step + reach) {
            if *n > left {
                return *step;
            }
            left -= n;
        }
        step
    }

    /// The offset of the second clock against the first, microseconds. `None`: the pairs do not agree on one.
    fn offset_us(&self) -> Option<i64> {
        let best =
            self.counts.keys().copied().max_by_key(|step| {
                (self.around(*step, NEAR_STEPS), std::cmp::Reverse(step.abs()))
            })?;
        let n_best = self.around(best, NEAR_STEPS);
        if self.around(0, NEAR_STEPS) * 2 >= n_best {
            return Some(0);
        }
        let wide = 60 * SECOND_US / STEP_US;
        let reach = if n_best >= 5 && n_best * 5 >= self.total * 3 {
            NEAR_STEPS
        } else if self.total >= 20 && self.around(best, wide) * 5 >= self.total * 4 {
            // Chance pairs spread evenly around the true difference.
            wide
        } else {
            return None;
        };
        let offset_us = self.median(best, reach) * STEP_US;
        let quarters = (offset_us + QUARTER_US / 2).div_euclid(QUARTER_US) * QUARTER_US;
        let snap_us = if reach == wide { 5 * SECOND_US } else { 2 * SECOND_US };
        let is_zone = quarters != 0 && (offset_us - quarters).abs() <= snap_us;
        Some(if is_zone { quarters } else { offset_us })
    }
}

/// What was learned of two groups.
#[derive(Debug, Clone, Copy)]
pub(super) struct Relation {
    /// The group in front.
    pub front: u16,
    /// The group behind it.
    pub deep: u16,
    /// Requests known to stand in both, and how many of them by id.
    pub n_pairs: u64,
    /// See `n_pairs`.
    pub n_by_id: u64,
    /// The deeper clock against that of the front, microseconds.
    pub offset_us: i64,
    /// What every pair has in common.
    pub common: Common,
    /// Nearly every line of the deeper group has one in the group in front: no other way leads there.
    pub is_covered: bool,
    /// The deeper group is known to be the log of an application server.
    pub is_application: bool,
}

#[derive(Debug, Clone, Default)]
struct Learned {
    differences: [Differences; 3],
    /// Votes for the lower and the higher group to be in front, by kind of sample.
    votes: [[u64; 2]; 3],
    /// Samples near the offset.
    n: [u64; 3],
    /// Samples whose backend is a server of applications.
    n_application: u64,
    /// What pairs have in common, if the lower or the higher group is in front.
    common: [CommonCounts; 2],
    /// Samples with one stamp and one client.
    alike: u64,
    /// Where the first of those stand that are alike in all else.
    places: BTreeSet<(Position, Position)>,
    /// How much longer the second of them are.
    longer: BTreeMap<i64, u64>,
}

impl Learned {
    fn note_alike(&mut self, one: &Hop, other: &Hop) {
        if (one.stamped_at, one.client) == (other.stamped_at, other.client) {
            self.alike += 1;
            if is_copy(one, other) {
                let longer = i64::from(other.place.length) - i64::from(one.place.length);
                if self.longer.len() < MAX_LENGTHS || self.longer.contains_key(&longer) {
                    *self.longer.entry(longer).or_default() += 1;
                }
                self.places.insert((one.place.position, other.place.position));
                if self.places.len() > MAX_PLACES {
                    self.places.pop_last();
                }
            }
        }
    }

    /// True when what comes later in one log comes later in the other as well.
    fn are_in_order(&self) -> bool {
        let mut last: BTreeMap<(InputIndex, InputIndex), u64> = BTreeMap::new();
        self.places.iter().all(|(one, other)| {
            let before = last.insert((one.input, other.input), other.offset);
            before.is_none_or(|before| before < other.offset)
        })
    }

    /// Rule 5.
    fn are_copies(&self) -> bool {
        let n = self.alike;
        let n_copies = self.longer.values().copied().max().unwrap_or(0);
        let n_sure = self.n[Sample::Id as usize] + self.n[Sample::UniqueTarget as usize];
        n >= MIN_SAMPLES && n_copies * 10 >= n * 9 && n * 10 >= n_sure * 9 && self.are_in_order()
    }

    /// The best kind of sample that there is enough of, and the offset that it tells.
    fn basis(&self) -> Option<(Sample, i64)> {
        let kinds = [
            (Sample::Id, 1),
            (Sample::UniqueTarget, MIN_SAMPLES),
            (Sample::NearTarget, MIN_SAMPLES),
        ];
        kinds.into_iter().find_map(|(kind, least)| {
            let differences = &self.differences[kind as usize];
            let enough = differences.total >= least;
            Some((kind, differences.offset_us().filter(|_| enough)?))
        })
    }
}

/// What was learned of all groups.
#[derive(Debug, Clone, Default)]
pub(super) struct Relations {
    /// Which are in front of which.
    pub(super) known: Vec<Relation>,
    /// Those that have the same requests, the lower group first, though nothing tells which of them is in front.
    pub(super) open: BTreeSet<(u16, u16)>,
}

/// Learns the relations between all groups. `are_apart`: true for two that have error logs of their own.
pub(super) fn relations<'h>(
    hops: &dyn Fn() -> Hops<'h>,
    applications: &BTreeSet<u32>,
    are_apart: &dyn Fn(u16, u16) -> bool,
) -> Result<Relations> {
    let mut learned: BTreeMap<(u16, u16), Learned> = BTreeMap::new();
    each_pair(hops(), &mut |kind, one, other| {
        let key = (one.group, other.group);
        if learned.len() < MAX_PAIRS || learned.contains_key(&key) {
            let row = learned.entry(key).or_default();
            row.differences[kind as usize].note(apart_us(one, other));
        }
    })?;
    let bases: BTreeMap<(u16, u16), (Sample, i64)> =
        learned.iter().filter_map(|(key, row)| Some((*key, row.basis()?))).collect();
    each_pair(hops(), &mut |kind, one, other| {
        let key = (one.group, other.group);
        let (Some((basis, offset_us)), Some(row)) = (bases.get(&key), learned.get_mut(&key)) else {
            return;
        };
        let is_near = (apart_us(one, other) - offset_us).abs() <= slack_us(one, other);
        if kind > *basis || !is_near {
            return;
        }
        row.n[kind as usize] += 1;
        row.note_alike(one, other);
        let is_application =
            is_application(one, other, applications) || is_application(other, one, applications);
        row.n_application += u64::from(is_application);
        vote(one, other, kind, applications, &mut row.votes[kind as usize]);
        if kind != Sample::NearTarget {
            row.common[0].note(one, other);
            row.common[1].note(other, one);
        }
    })?;
    let relation = |((low, high), row): (&(u16, u16), &Learned)| {
        let (_, offset_us) = *bases.get(&(*low, *high))?;
        if row.are_copies() && !are_apart(*low, *high) {
            return None;
        }
        let sum = |side: usize| row.votes.iter().map(|votes| votes[side]).sum::<u64>();
        let (for_low, for_high) = (sum(0), sum(1));
        let n_pairs: u64 = row.n.iter().sum();
        let least = if row.n[Sample::Id as usize] > 0 { 1 } else { MIN_SAMPLES };
        let is_clear = |a: u64, b: u64| a >= least && a >= b * 9;
        let (front, deep, offset_us, side) =
            match (is_clear(for_low, for_high), is_clear(for_high, for_low)) {
                (true, _) => (*low, *high, offset_us, 0),
                (_, true) => (*high, *low, -offset_us, 1),
                _ => return None,
            };
        Some(Relation {
            front,
            deep,
            n_pairs,
            n_by_id: row.n[Sample::Id as usize],
            offset_us,
            common: row.common[side].settled(),
            is_covered: false,
            is_application: row.n_application * 2 > n_pairs,
        })
    };
    let mut known: Vec<Relation> = learned.iter().filter_map(relation).collect();
    note_coverage(hops(), &mut known)?;
    let placed: BTreeSet<(u16, u16)> =
        known.iter().map(|it| (it.front.min(it.deep), it.front.max(it.deep))).collect();
    let is_open = |(key, row): &(&(u16, u16), &Learned)| {
        !placed.contains(key)
            && bases.contains_key(key)
            && (!row.are_copies() || are_apart(key.0, key.1))
    };
    let open = learned.iter().filter(is_open).map(|(key, _)| *key).collect();
    Ok(Relations { known, open })
}

/// Places of groups of which two share requests: there, one is in front of the other. The difference of their clocks must
/// be one and the same, so that requests for one target at different times are none.
pub(super) fn places_with_layers(
    hops: impl Iterator<Item = Result<Hop>>,
    place_of: &dyn Fn(u16) -> usize,
) -> Result<BTreeSet<usize>> {
    let mut differences: BTreeMap<(u16, u16), Differences> = BTreeMap::new();
    let mut n_lines: BTreeMap<u16, u64> = BTreeMap::new();
    each_key(hops, &mut |rows, n_of_key| {
        for row in rows {
            *n_lines.entry(row.group).or_default() += 1;
        }
        pairs_of(rows, n_of_key, &mut |kind, one, other| {
            let key = (one.group, other.group);
            let is_known = differences.contains_key(&key);
            if kind != Sample::NearTarget
                && place_of(one.group) == place_of(other.group)
                && (is_known || differences.len() < MAX_PAIRS)
            {
                differences.entry(key).or_default().note(apart_us(one, other));
            }
        });
    })?;
    let shares = |((one, other), found): &(&(u16, u16), &Differences)| {
        let n_of = |group| n_lines.get(group).copied().unwrap_or(0);
        let n_fewer = n_of(one).min(n_of(other));
        found.offset_us().is_some_and(|offset_us| {
            let n = found.around(offset_us.div_euclid(STEP_US), NEAR_STEPS);
            n >= MIN_SAMPLES && n * 20 >= n_fewer
        })
    };
    Ok(differences.iter().filter(shares).map(|((one, _), _)| place_of(*one)).collect())
}

/// Notes for which relations nearly every line of the deeper log has one in the log in front of it.
fn note_coverage(
    hops: impl Iterator<Item = Result<Hop>>,
    relations: &mut [Relation],
) -> Result<()> {
    let mut counts = vec![(0u64, 0u64); relations.len()];
    each_key(hops, &mut |rows, _| {
        if rows.first().is_none_or(|row| row.kind == KeyKind::Id as u8) {
            return;
        }
        for (relation, (n_covered, n)) in relations.iter().zip(&mut counts) {
            for deep in rows.iter().filter(|row| row.group == relation.deep) {
                let is_front = |front: &&Hop| {
                    front.group == relation.front
                        && front.status == deep.status
                        && (apart_us(front, deep) - relation.offset_us).abs()
                            <= slack_us(front, deep)
                };
                *n += 1;
                *n_covered += u64::from(rows.iter().any(|row| is_front(&row)));
            }
        }
    })?;
    for (relation, (n_covered, n)) in relations.iter_mut().zip(counts) {
        relation.is_covered = n >= MIN_COVERED && n_covered * 50 >= n * 49;
    }
    Ok(())
}

/// How much later the second line's request ended than the first one's.
fn apart_us(one: &Hop, other: &Hop) -> i64 {
    let middle = |hop: &Hop| {
        let (early, late) = hop.served().end;
        i64::midpoint(early, late)
    };
    middle(other) - middle(one)
}

/// How much rounding and vague stamps may move a pair.
fn slack_us(one: &Hop, other: &Hop) -> i64 {
    let width = |hop: &Hop| {
        let (early, late) = hop.served().end;
        late - early
    };
    SECOND_US + i64::midpoint(width(one), width(other))
}

/// Rule 3.
fn vote(low: &Hop, high: &Hop, kind: Sample, applications: &BTreeSet<u32>, votes: &mut [u64; 2]) {
    if low.made_it() != high.made_it() {
        votes[usize::from(low.made_it())] += 1;
    }
    if kind == Sample::NearTarget {
        return;
    }
    let same = |one: u32, other: u32| one != 0 && one == other;
    for (side, front, deep) in [(0, low, high), (1, high, low)] {
        let names_it = same(front.upstream, deep.listen)
            || (same(front.server, deep.client) && front.server != deep.server)
            || (front.client != deep.client
                && (same(front.client, deep.forwarded)
                    || same(front.client, deep.forwarded_before)));
        votes[side] += u64::from(names_it || is_application(front, deep, applications));
    }
    let both_timed = [low, high].iter().all(|hop| hop.flags.has(Flags::TIMED));
    if both_timed && low.duration_ms.abs_diff(high.duration_ms) > 1 {
        votes[usize::from(high.duration_ms > low.duration_ms)] += 1;
    }
}

/// True for two lines that have all in common that a line can tell.
fn is_copy(one: &Hop, other: &Hop) -> bool {
    let told = |hop: &Hop| {
        let names = [hop.host, hop.server, hop.listen, hop.upstream];
        let addresses = [hop.client, hop.forwarded, hop.forwarded_before];
        let numbers = (hop.status, hop.method, hop.body_bytes, hop.duration_ms);
        (hop.stamped_at, names, addresses, numbers)
    };
    told(one) == told(other)
}

/// True when the backend that the front names is a server of applications, which the deeper line may be of.
fn is_application(front: &Hop, deep: &Hop, applications: &BTreeSet<u32>) -> bool {
    applications.contains(&front.upstream) && deep.upstream == 0 && deep.origin() == Origin::Unknown
}

/// Calls `each` with every two lines of different groups that are taken for one request, the lower group first.
fn each_pair(
    hops: impl Iterator<Item = Result<Hop>>,
    each: &mut dyn FnMut(Sample, &Hop, &Hop),
) -> Result<()> {
    each_key(hops, &mut |rows, n_of_key| pairs_of(rows, n_of_key, each))
}

/// Calls `each` with the lines of one key that are near each other, and how many of the key there were so far. Of ids that
/// too many lines carry nothing is told.
fn each_key(
    hops: impl Iterator<Item = Result<Hop>>,
    each: &mut dyn FnMut(&[Hop], usize),
) -> Result<()> {
    let mut rows: Vec<Hop> = Vec::new();
    let mut n_of_key = 0usize;
    for hop in hops {
        let hop = hop?;
        let same = rows.first().is_none_or(|row| (row.kind, row.key) == (hop.kind, hop.key));
        if !same {
            each(&rows, n_of_key);
            rows.clear();
            n_of_key = 0;
        } else if rows.len() == MAX_TARGET_ROWS {
            if hop.kind == KeyKind::Target as u8 {
                each(&rows, n_of_key);
            }
            rows.clear();
        }
        rows.push(hop);
        n_of_key += 1;
    }
    each(&rows, n_of_key);
    Ok(())
}

fn pairs_of(rows: &[Hop], n_of_key: usize, each: &mut dyn FnMut(Sample, &Hop, &Hop)) {
    let is_id = rows.first().is_some_and(|row| row.kind == KeyKind::Id as u8);
    if is_id && n_of_key > MAX_ID_ROWS {
        return;
    }
    let n_in = |group: u16| rows.iter().filter(|row| row.group == group).count();
    let is_whole = n_of_key == rows.len();
    // Rows are few here: see `MAX_TARGET_ROWS`.
    let is_single: Vec<bool> = rows.iter().map(|row| is_whole && n_in(row.group) == 1).collect();
    for (index, one) in rows.iter().enumerate() {
        for (other_index, other) in rows.iter().enumerate().skip(index + 1) {
            if one.group == other.group
                || one.status != other.status
                || !methods_agree(one.method, other.method)
            {
                continue;
            }
            let is_alone = is_single[index] && is_single[other_index];
            let kind = match (is_id, is_alone) {
                (true, true) => Sample::Id,
                (true, false) => continue,
                (false, true) => Sample::UniqueTarget,
                (false, false) => Sample::NearTarget,
            };
            let (low, high) = if one.group < other.group { (one, other) } else { (other, one) };
            each(kind, low, high);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: &[(i64, u64)], expected_s: Option<i64>) {
        let mut differences = Differences::default();
        for (seconds, n) in rows {
            for _ in 0..*n {
                differences.note(seconds * SECOND_US);
            }
        }
        assert_eq!(
            differences.offset_us(),
            expected_s.map(|seconds| seconds * SECOND_US),
            "{rows:?}"
        );
    }

    #[test]
    fn clocks_agree_unless_most_pairs_say_otherwise() {
        check(&[(0, 5)], Some(0));
        check(&[(0, 5), (1, 7), (9, 8)], Some(0));
        check(&[(7, 9), (1, 2)], Some(7));
        check(&[(-3600, 9), (-3599, 8)], Some(-3600));
        check(&[(7, 3), (100, 3), (200, 3)], None);
        check(&[], None);
    }

    #[test]
    fn chance_pairs_around_the_true_difference_do_not_hide_it() {
        let spread: Vec<(i64, u64)> =
            (-10..=10i64).map(|s| (3600 + s, 11 - s.unsigned_abs())).collect();
        check(&spread, Some(3600));
    }
}
