//! The zone of events exported with local times, from the failures that they set off.
//!
//! In: entries, whose times are known, and events without zone. Out: an offset per input, and how many events speak for
//! it. An event that begins a sharp state (see [`intervals`](super::intervals)) comes with the first entry that the state
//! explains; if that holds at one quarter of an hour for more events than at any other, it is the offset.
//! Invariants: whole hours go before other quarters; a tie decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::intervals::{STATES, begun_by, is_explained_by};
use crate::cause::CauseMatcher;
use crate::error::Result;
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::scan::JoinKey;
use crate::store::Sorted;
use crate::time::SECOND_US;

/// Entries after a pause of this length begin anew, seconds.
const PAUSE_S: i64 = 60;

/// How long before and after its event the first entry may come, seconds.
const REACH_S: (i64, i64) = (10, 60);

/// Offsets of zones are multiples of this, seconds.
const QUARTER_S: i64 = 900;

/// The zones at both ends of the world, seconds.
const OFFSETS_S: (i64, i64) = (-12 * 3600, 14 * 3600);

/// More distinct seconds than this are not kept: what fails all the time has no start.
const MAX_SECONDS: usize = 1 << 20;

/// Offset and number of events, per input.
pub(super) fn offsets(
    entries: &Sorted<EntryFact, JoinKey>,
    causes: &Sorted<CauseFact, JoinKey>,
    matcher: &CauseMatcher,
) -> Result<BTreeMap<u32, (i32, u64)>> {
    let mut events: Vec<(u32, i64, usize)> = Vec::new();
    for fact in causes.rows() {
        let fact = fact?;
        if fact.target_key != 0 {
            break;
        }
        if fact.flags.has(Flags::ZONELESS) && !fact.flags.has(Flags::TIMELESS) {
            let sharp = begun_by(matcher, fact.rule).filter(|state| STATES[*state].is_sharp);
            events
                .extend(sharp.map(|state| {
                    (fact.place.position.input, fact.at.div_euclid(SECOND_US), state)
                }));
        }
    }
    if events.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut seconds: Vec<BTreeSet<i64>> = vec![BTreeSet::new(); STATES.len()];
    for entry in entries.rows() {
        let entry = entry?;
        if entry.flags.has(Flags::ZONELESS) {
            continue;
        }
        for (state, seen) in seconds.iter_mut().enumerate() {
            if is_explained_by(state, &entry) && seen.len() < MAX_SECONDS {
                seen.insert(entry.at.div_euclid(SECOND_US));
            }
        }
    }
    let onsets: Vec<Vec<i64>> =
        seconds.iter().map(|seen| onsets_of(seen.iter().copied())).collect();
    let mut votes: BTreeMap<u32, BTreeMap<i64, u64>> = BTreeMap::new();
    for (input, local_s, state) in events {
        for offset_s in fitting(local_s, &onsets[state]) {
            *votes.entry(input).or_default().entry(offset_s).or_default() += 1;
        }
    }
    Ok(votes.into_iter().filter_map(|(input, votes)| Some((input, winner(&votes)?))).collect())
}

/// The seconds that follow a pause.
fn onsets_of(seconds: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut last = None;
    seconds
        .filter(|second| {
            let is_first = last.is_none_or(|last| second - last > PAUSE_S);
            last = Some(*second);
            is_first
        })
        .collect()
}

/// The offsets at which an event falls on an onset, each once.
fn fitting(local_s: i64, onsets: &[i64]) -> Vec<i64> {
    let first = onsets.partition_point(|onset| *onset < local_s - OFFSETS_S.1 - REACH_S.0);
    let mut offsets: Vec<i64> = onsets[first..]
        .iter()
        .take_while(|onset| **onset <= local_s - OFFSETS_S.0 + REACH_S.1)
        .filter_map(|onset| {
            // The event's time is `local - offset`, and the onset lies within reach of it.
            let earliest = local_s - onset - REACH_S.0;
            let offset_s = (earliest + QUARTER_S - 1).div_euclid(QUARTER_S) * QUARTER_S;
            (offset_s <= local_s - onset + REACH_S.1).then_some(offset_s)
        })
        .collect();
    offsets.sort_unstable();
    offsets.dedup();
    offsets
}

/// The offset with most votes; of equals the only one that is whole hours.
fn winner(votes: &BTreeMap<i64, u64>) -> Option<(i32, u64)> {
    let most = *votes.values().max()?;
    let best: Vec<i64> =
        votes.iter().filter(|(_, n)| **n == most).map(|(offset_s, _)| *offset_s).collect();
    let whole: Vec<i64> = best.iter().copied().filter(|offset_s| offset_s % 3600 == 0).collect();
    match (&best[..], &whole[..]) {
        ([only], _) | (_, [only]) => Some((*only as i32, most)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(events: &[i64], onsets: &[i64], expected: Option<(i32, u64)>) {
        let mut votes = BTreeMap::new();
        for event in events {
            for offset_s in fitting(*event, onsets) {
                *votes.entry(offset_s).or_default() += 1;
            }
        }
        assert_eq!(winner(&votes), expected);
    }

    #[test]
    fn events_fall_on_the_start_of_failures_at_one_offset() {
        let day = 20_000 * 86_400;
        check(&[day + 3600], &[day], Some((3600, 1)));
        check(&[day - 5 * 3600], &[day + 2], Some((-18_000, 1)));
        check(&[day + 3600], &[day - 9], Some((3600, 1)));
        // Too far from every quarter.
        check(&[day + 3600 + 300], &[day], None);
        // Two starts an hour apart: only one offset fits both events.
        check(&[day + 7200, day + 10_800], &[day, day + 3600], Some((7200, 2)));
        check(&[day + 7200], &[day, day + 3600], None);
        // Half an hour is a zone too, but a whole hour is likelier.
        check(&[day + 5400], &[day], Some((5400, 1)));
        check(&[day + 5400], &[day, day + 1800], Some((3600, 1)));
        check(&[], &[day], None);
    }

    #[test]
    fn a_pause_makes_an_onset() {
        assert_eq!(onsets_of([5, 6, 60, 121, 200].into_iter()), [5, 121, 200]);
    }
}
