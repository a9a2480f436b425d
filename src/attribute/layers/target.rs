//! Step 2 of the join: lines of two layers that no id brings together, by target and time.
//!
//! In: hops, and which of them an id joined. Out: links. The rule, for the lines of one target in one stretch of time:
//!
//! 1. Lines may be one request if the deeper one began no earlier and ended no later than the one in front, give or take
//!    rounding, and if they agree on whatever all known pairs of the two layers agree on.
//! 2. Lines whose times overlap are judged together. They are linked in order of time if all deeper ones say the same, so
//!    that it does not matter which is which, and if there are enough of them for those in front.
//! 3. A line in front that leaves open who made its response is decided only if client or body size were compared too, or
//!    if whatever the deeper layer answers shows in the layer in front and both have as many lines: then each of the
//!    deeper lines has its line in front, and none is left that could have another origin.
//!
//! Invariants: one to one; what an id joined takes no part; a cut in a long stretch depends on the facts alone.

use std::collections::BTreeMap;

use super::hop::{Hop, HopKey, KeyKind};
use super::link::LinkBasis;
use super::relation::Common;
use super::{Arrangement, Found, Taken, TakenKey};
use crate::error::Result;
use crate::evidence::Position;
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
pub(super) fn by_target(
    arrangement: &Arrangement,
    hops: &Sorted<Hop, HopKey>,
    taken: &Sorted<Taken, TakenKey>,
    budget: &Budget,
    found: &mut Found,
) -> Result<()> {
    let mut by_place: Sorter<Hop, Position> = Sorter::new(budget.clone(), |hop| hop.place.position);
    for hop in hops.rows() {
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

/// What must be the same in both lines: status, client, host, body.
type Alike = (u16, u32, u32, u32);

fn alike(hop: &Hop, common: Common, is_front: bool) -> Alike {
    let client = match common {
        _ if is_front && common.names_client() => hop.client,
        Common { client: true, .. } => hop.client,
        Common { forwarded: true, .. } => hop.forwarded,
        Common { forwarded_before: true, .. } => hop.forwarded_before,
        _ => 0,
    };
    let host = if common.host { hop.host } else { 0 };
    let body = if common.body { hop.body_bytes } else { 0 };
    (hop.status, client, host, body)
}

/// Links the lines of one target that are near each other.
fn judge(arrangement: &Arrangement, chunk: &mut [Hop], found: &mut Found) -> Result<()> {
    if chunk.len() < 2 {
        return Ok(());
    }
    for ((front, deep), shared) in &arrangement.pairs {
        let common = &shared.common;
        let (front, deep) = (*front as u16, *deep as u16);
        let mut classes: BTreeMap<Alike, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for (index, hop) in chunk.iter().enumerate() {
            if hop.group == front && hop.may_relay() && hop.taken & Taken::LINKED == 0 {
                classes.entry(alike(hop, *common, true)).or_default().0.push(index);
            } else if hop.group == deep && hop.taken & Taken::by(front) == 0 {
                classes.entry(alike(hop, *common, false)).or_default().1.push(index);
            }
        }
        let decides = common.names_client() || common.body;
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
            chunk[deep_index].taken |= Taken::by(front);
        }
    }
    Ok(())
}

/// Rule 2: lines whose times overlap are judged together.
fn pair_stretches(
    chunk: &[Hop],
    fronts: &[usize],
    deeps: &[usize],
    needs_even: bool,
    pairs: &mut Vec<(usize, usize)>,
) {
    // First and last instant at which a deeper line may have ended, by line in front; and the ends of the deeper ones.
    let windows = fronts.iter().map(|index| {
        let (early, late) = chunk[*index].served().end;
        (early - LATE_US, late + SLACK_US, true, *index)
    });
    let ends = deeps.iter().map(|index| {
        let (early, late) = chunk[*index].served().end;
        (early, late, false, *index)
    });
    let mut spans: Vec<(i64, i64, bool, usize)> = windows.chain(ends).collect();
    spans.sort_unstable();
    let mut from = 0;
    while from < spans.len() {
        let (mut to, mut reach) = (from + 1, spans[from].1);
        while to < spans.len() && spans[to].0 <= reach {
            reach = reach.max(spans[to].1);
            to += 1;
        }
        pair_stretch(chunk, &spans[from..to], needs_even, pairs);
        from = to;
    }
}

fn pair_stretch(
    chunk: &[Hop],
    spans: &[(i64, i64, bool, usize)],
    needs_even: bool,
    pairs: &mut Vec<(usize, usize)>,
) {
    let of = |is_front: bool| {
        let mut rows: Vec<usize> =
            spans.iter().filter(|span| span.2 == is_front).map(|span| span.3).collect();
        rows.sort_unstable();
        rows
    };
    let (fronts, mut deeps) = (of(true), of(false));
    let Some(first) = deeps.first() else { return };
    let answer = chunk[*first].answer();
    let all_say_the_same = deeps.iter().all(|index| chunk[*index].answer() == answer);
    let n_lacking = fronts.len().saturating_sub(deeps.len());
    let is_open = fronts.iter().any(|index| chunk[*index].origin() == Origin::Unknown);
    let allowed = if is_open { 0 } else { fronts.len() / ODD };
    let is_uneven = is_open && needs_even && fronts.len() != deeps.len();
    if !all_say_the_same || n_lacking > allowed || is_uneven {
        return;
    }
    for front in fronts {
        let fits = |deep: &usize| fits(&chunk[front], &chunk[*deep]);
        if let Some(at) = deeps.iter().position(fits) {
            pairs.push((front, deeps.remove(at)));
        }
    }
}

/// Rule 1, for times.
fn fits(front: &Hop, deep: &Hop) -> bool {
    let (front, deep) = (front.served(), deep.served());
    deep.end.0 <= front.end.1 + SLACK_US
        && front.end.0 - LATE_US <= deep.end.1
        && front.start.0 - SLACK_US <= deep.start.1
}
