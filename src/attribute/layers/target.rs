//! Step 2 of the join: lines of two layers that no id brings together, by target and time.
//!
//! In: hops, and which of them an id joined. Out: links. The rule, for the lines of one target in one stretch of time:
//!
//! 1. Lines may be one request if the deeper one began no earlier and ended no later than the one in front, give or take
//!    rounding, and if they agree on whatever all known pairs of the two layers agree on.
//! 2. Lines in front that may have a deeper line in common are judged together. One is linked, in order of time, if all
//!    deeper lines that may be its own say the same, so that it does not matter which is which, and if there are enough of
//!    them for all in front.
//! 3. A line in front that leaves open who made its response is decided only if client or body size were compared too, and
//!    differ from request to request, or if whatever the deeper layer answers shows in the layer in front and both have as
//!    many lines: then each of the deeper lines has its line in front, and none is left that could have another origin.
//!    Beside such a line all deeper ones must say the same.
//!
//! Invariants: one to one; what an id joined takes no part; a cut in a long stretch depends on the facts alone; time in
//! proportion to the lines.

use std::collections::BTreeMap;
use std::ops::Range;

use super::common::Common;
use super::hop::{Hop, KeyKind};
use super::link::LinkBasis;
use super::{Arrangement, Found, Hops, Taken, TakenKey};
use crate::attribute::join::Free;
use crate::error::Result;
use crate::evidence::Position;
use crate::fact::methods_agree;
use crate::store::{Budget, Sorted, Sorter};
use crate::taxonomy::Origin;
use crate::time::SECOND_US;

/// Rows of one id, of all layers: more are no id of one request.
pub(super) const MAX_ID_ROWS: usize = 32;

/// How far lines of one id may be apart: an id that comes back later is of another request.
const ID_REACH_US: i64 = 60 * SECOND_US;

/// Allowed beside rounding.
const SLACK_US: i64 = SECOND_US;

/// How much later the front may end: it sends the body to a client that may be slow.
const LATE_US: i64 = 2 * SECOND_US;

/// Lines of one target whose ends are further apart have nothing to do with each other.
const GAP_US: i64 = 2 * (SLACK_US + LATE_US);

/// Lines judged together at most.
const MAX_CHUNK: usize = 20_000;

/// Deeper lines tried for one line in front. Beyond, it stays alone: a rule on the data, so that it holds for any order.
const MAX_CANDIDATES: usize = 256;

/// Of this many lines in front one may lack its deeper line and the others still be linked.
const ODD: usize = 20;

/// True when two lines with one id can be one request.
pub(super) fn may_be_one(front: &Hop, deep: &Hop) -> bool {
    let (front, deep) = (front.served(), deep.served());
    deep.end.0 <= front.end.1 + ID_REACH_US && front.start.0 - ID_REACH_US <= deep.start.1
}

/// Order of hops by target: what may be one request ends at about the same time.
type EndKey = (u64, i64, Position);

/// Links the lines of all targets.
pub(super) fn by_target<'h>(
    arrangement: &Arrangement,
    hops: &dyn Fn() -> Hops<'h>,
    taken: &Sorted<Taken, TakenKey>,
    budget: &Budget,
    found: &mut Found,
) -> Result<()> {
    let mut by_place: Sorter<Hop, Position> = Sorter::new(budget.clone(), |hop| hop.place.position);
    for hop in hops() {
        let mut hop = hop?;
        if hop.kind == KeyKind::Target as u8 {
            arrangement.place(&mut hop);
            by_place.push(hop)?;
        }
    }
    let mut by_end: Sorter<Hop, EndKey> =
        Sorter::new(budget.clone(), |hop| (hop.key, hop.served().end.0, hop.place.position));
    let mut taken = taken.rows().peekable();
    for hop in by_place.sorted().rows() {
        let mut hop = hop?;
        while let Some(place) = crate::attribute::peek_key(&mut taken, |row: &Taken| row.place)? {
            if place > hop.place.position {
                break;
            }
            if let Some(row) = taken.next().transpose()?
                && place == hop.place.position
            {
                hop.taken |= row.mark;
            }
        }
        by_end.push(hop)?;
    }
    let mut chunk: Vec<Hop> = Vec::new();
    for hop in by_end.sorted().rows() {
        let hop = hop?;
        let is_near = chunk.last().is_none_or(|last| {
            last.key == hop.key && hop.served().end.0 - last.served().end.1 <= GAP_US
        });
        if !is_near || chunk.len() == MAX_CHUNK {
            judge(arrangement, &mut chunk, found)?;
            chunk.clear();
        }
        chunk.push(hop);
    }
    judge(arrangement, &mut chunk, found)
}

/// What must be the same in both lines: status, method, client, host, body.
type Alike = (u16, u16, u32, u32, u32);

fn alike(hop: &Hop, common: Common, is_front: bool, has_methods: bool) -> Alike {
    let client = match common {
        _ if is_front && common.names_client() => hop.client,
        Common { client: true, .. } => hop.client,
        Common { forwarded: true, .. } => hop.forwarded,
        Common { forwarded_before: true, .. } => hop.forwarded_before,
        _ => 0,
    };
    let host = if common.host { hop.host } else { 0 };
    let body = if common.body { hop.body_bytes } else { 0 };
    let method = if has_methods { hop.method } else { 0 };
    (hop.status, method, client, host, body)
}

/// Links the lines of one target that are near each other.
fn judge(arrangement: &Arrangement, chunk: &mut [Hop], found: &mut Found) -> Result<()> {
    if chunk.len() < 2 {
        return Ok(());
    }
    let has_methods = chunk.iter().all(|hop| hop.method != 0);
    for ((front, deep), shared) in &arrangement.pairs {
        let common = &shared.common;
        let (front, deep) = (*front as u16, *deep as u16);
        let front_mark = arrangement.mark(front);
        let mut classes: BTreeMap<Alike, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for (index, hop) in chunk.iter().enumerate() {
            if hop.group == front && hop.may_relay_status() && hop.taken & Taken::LINKED == 0 {
                classes.entry(alike(hop, *common, true, has_methods)).or_default().0.push(index);
            } else if hop.group == deep && hop.taken & front_mark == 0 {
                classes.entry(alike(hop, *common, false, has_methods)).or_default().1.push(index);
            }
        }
        let decides = common.tells;
        let needs_even = !decides && shared.is_covered;
        let mut pairs = Vec::new();
        for (fronts, deeps) in classes.values() {
            if !fronts.is_empty() && !deeps.is_empty() {
                pair_stretches(chunk, fronts, deeps, needs_even, &mut pairs);
            }
        }
        for (front_index, deep_index) in pairs {
            let is_open = chunk[front_index].origin() == Origin::Unknown;
            if is_open && !decides && !needs_even {
                continue;
            }
            let link = arrangement.link(
                &chunk[front_index],
                &chunk[deep_index],
                LinkBasis::ClientTargetTime,
                is_open,
            );
            found.push(link)?;
            chunk[front_index].taken |= Taken::LINKED;
            chunk[deep_index].taken |= front_mark;
        }
    }
    Ok(())
}

/// A line in front, and which of the deeper lines, in order of their ends, may be its own.
#[derive(Debug, Clone)]
struct Candidates {
    front: usize,
    deeps: Range<usize>,
}

/// Rule 2: lines that may have a deeper line in common are judged together.
fn pair_stretches(
    chunk: &[Hop],
    fronts: &[usize],
    deeps: &[usize],
    needs_even: bool,
    pairs: &mut Vec<(usize, usize)>,
) {
    let ends: Vec<(i64, i64)> = deeps.iter().map(|index| chunk[*index].served().end).collect();
    let width = ends.iter().map(|(early, late)| late - early).max().unwrap_or(0);
    let mut candidates: Vec<Candidates> = fronts
        .iter()
        .map(|&front| {
            let (from, to) = window(&chunk[front]);
            let first = ends.partition_point(|(early, _)| early + width < from);
            let last = ends.partition_point(|(early, _)| *early <= to);
            Candidates { front, deeps: first..last.max(first) }
        })
        .filter(|row| !row.deeps.is_empty())
        .collect();
    candidates.sort_by_key(|row| (row.deeps.start, row.deeps.end, row.front));
    let mut from = 0;
    while from < candidates.len() {
        let (mut to, mut reach) = (from + 1, candidates[from].deeps.end);
        while to < candidates.len() && candidates[to].deeps.start < reach {
            reach = reach.max(candidates[to].deeps.end);
            to += 1;
        }
        let first = candidates[from].deeps.start;
        pair_stretch(chunk, &candidates[from..to], deeps, first..reach, needs_even, pairs);
        from = to;
    }
}

/// First and last instant at which the deeper line of a request may have ended.
fn window(front: &Hop) -> (i64, i64) {
    let served = front.served();
    ((served.end.0 - LATE_US).max(served.start.0 - SLACK_US), served.end.1 + SLACK_US)
}

/// Links the lines of one stretch: all of `fronts`, and those of `deeps` in the range.
fn pair_stretch(
    chunk: &[Hop],
    fronts: &[Candidates],
    deeps: &[usize],
    range: Range<usize>,
    needs_even: bool,
    pairs: &mut Vec<(usize, usize)>,
) {
    let n_lacking = fronts.len().saturating_sub(range.len());
    let is_open = fronts.iter().any(|row| chunk[row.front].origin() == Origin::Unknown);
    let allowed = if is_open { 0 } else { fronts.len() / ODD };
    let is_uneven = is_open && needs_even && fronts.len() != range.len();
    // How often the answer changes from one deeper line to the next.
    let mut n_changes = vec![0usize; range.len()];
    for at in 1..range.len() {
        let answer = |at: usize| chunk[deeps[range.start + at]].answer();
        n_changes[at] = n_changes[at - 1] + usize::from(answer(at) != answer(at - 1));
    }
    let is_mixed = n_changes.last().is_some_and(|n| *n > 0);
    if n_lacking > allowed || is_uneven || (is_open && is_mixed) {
        return;
    }
    let mut free = Free::new(range.len());
    for Candidates { front, deeps: own } in fronts {
        let (first, last) = (own.start - range.start, own.end - range.start);
        if n_changes[first] != n_changes[last - 1] {
            continue;
        }
        let mut candidate = free.from(first);
        for _ in 0..MAX_CANDIDATES {
            if candidate >= last {
                break;
            }
            let deep = deeps[range.start + candidate];
            if fits(&chunk[*front], &chunk[deep]) {
                free.take(candidate);
                pairs.push((*front, deep));
                break;
            }
            candidate = free.from(candidate + 1);
        }
    }
}

/// Rule 1, for methods and times.
fn fits(front: &Hop, deep: &Hop) -> bool {
    if !methods_agree(front.method, deep.method) {
        return false;
    }
    let (front, deep) = (front.served(), deep.served());
    deep.end.0 <= front.end.1 + SLACK_US
        && front.end.0 - LATE_US <= deep.end.1
        && front.start.0 - SLACK_US <= deep.start.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Verdict;
    use crate::fact::{EntryFact, Flags};
    use crate::verdict::rule_index;

    /// Links of lines in front and deeper lines, by time (ms) and row of the decision tables.
    #[track_caller]
    fn check(fronts: &[(i64, &str)], deeps: &[(i64, &str)], expected: &[(usize, usize)]) {
        let hop = |&(ms, rule): &(i64, &str)| {
            let entry = EntryFact {
                // Not at a whole second, which might be rounded.
                at: ms * 1000 + 1,
                hop: 1,
                rule: rule_index(rule),
                flags: Flags::TIMED,
                ..EntryFact::default()
            };
            Hop::of(&Verdict::own(entry), 0).next().unwrap()
        };
        let chunk: Vec<Hop> = fronts.iter().chain(deeps).map(hop).collect();
        let indices: Vec<usize> = (0..chunk.len()).collect();
        let (fronts, deeps) = indices.split_at(fronts.len());
        let mut pairs = Vec::new();
        pair_stretches(&chunk, fronts, deeps, false, &mut pairs);
        let pairs: Vec<_> =
            pairs.iter().map(|(front, deep)| (*front, deep - fronts.len())).collect();
        assert_eq!(pairs, expected);
    }

    const RELAYED: &str = "haproxy.relayed_503";
    const OPEN: &str = "cloudfront.error";
    const OWN: &str = "nginx.upstream_addr_is_group";
    const OTHER: &str = "nginx.upstream_status_503";

    #[test]
    fn lines_that_have_no_deeper_line_in_common_are_judged_apart() {
        // Their times overlap, but no deeper line lies in both.
        let fronts = [(10_000, RELAYED), (12_500, RELAYED)];
        check(&fronts, &[(10_000, OWN), (12_500, OTHER)], &[(0, 0), (1, 1)]);
        check(&fronts[..1], &[(10_000, OWN), (10_500, OTHER)], &[]);
        check(&fronts[..1], &[(10_000, OWN), (10_500, OWN)], &[(0, 0)]);
    }

    #[test]
    fn what_may_be_its_own_must_say_the_same() {
        let fronts = [(10_000, RELAYED), (10_800, RELAYED), (11_600, RELAYED)];
        let deeps = [(10_000, OWN), (10_800, OWN), (11_600, OTHER)];
        // The second may be either of two that differ.
        check(&fronts, &deeps, &[(0, 0)]);
        let fronts = [(10_000, OPEN), (10_800, RELAYED), (11_600, RELAYED)];
        check(&fronts, &deeps, &[]);
    }

    #[test]
    fn there_must_be_enough_deeper_lines() {
        check(&[(10_000, RELAYED), (10_100, RELAYED)], &[(10_000, OWN)], &[]);
    }

    #[test]
    fn a_long_stretch_takes_time_in_proportion() {
        let rows: Vec<(i64, &str)> = (0..20_000).map(|n| (10_000 + n, RELAYED)).collect();
        let deeps: Vec<(i64, &str)> = rows.iter().map(|(ms, _)| (*ms, OWN)).collect();
        let expected: Vec<(usize, usize)> = (0..20_000).map(|n| (n, n)).collect();
        check(&rows, &deeps, &expected);
    }
}
