//! How long a state showed itself: until its entries stopped, though requests were served.
//!
//! In: entries that a state may explain, and how many good requests each time has. Out: the end of the first run of
//! entries behind an event. The rule: a run ends where no entry follows for [`SILENCE_S`] and for [`LONGER`] times the
//! longest pause before, while [`MIN_GOOD`] requests or more end well. Less than [`MIN_MINUTES`] with entries show no pace.
//! Invariants: what cannot be seen to have ended has not.

use std::collections::BTreeMap;

use crate::attribute::zones::Zones;
use crate::fact::EntryFact;
use crate::scan::ScannedInput;
use crate::time::SECOND_US;

/// A shorter pause is none, seconds.
const SILENCE_S: i64 = 900;

/// A pause must be so much longer than those before.
const LONGER: i64 = 10;

/// Good requests that a pause must have.
const MIN_GOOD: u64 = 100;

/// Minutes with entries that show a pace.
const MIN_MINUTES: usize = 3;

/// More minutes than this are not kept: no end is seen.
const MAX_MINUTES: usize = 1 << 20;

const MINUTE_S: i64 = 60;

/// What an entry is about: kind of state, pool, site, machine, and the log that it stands in.
pub(super) type Thing = (usize, u32, u32, u32, u32);

/// When there were entries that a state may explain.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    /// First and last second with entries in each minute.
    minutes: BTreeMap<Thing, BTreeMap<i64, (i64, i64)>>,
    n_minutes: usize,
}

impl Shown {
    /// Notes an entry.
    pub(super) fn note(&mut self, thing: Thing, entry: &EntryFact) {
        let second = entry.at.div_euclid(SECOND_US);
        if self.n_minutes < MAX_MINUTES {
            let minutes = self.minutes.entry(thing).or_default();
            let n_before = minutes.len();
            let row = minutes.entry(second.div_euclid(MINUTE_S));
            let (first, last) = row.or_insert((second, second));
            (*first, *last) = ((*first).min(second), (*last).max(second));
            self.n_minutes += minutes.len() - n_before;
        }
    }

    /// The sites of entries of these things; those that tell none left out.
    pub(super) fn sites(&self, is_of: &dyn Fn(&Thing) -> bool) -> impl Iterator<Item = u32> {
        let things = self.minutes.keys().filter(move |thing| is_of(thing));
        things.map(|(_, _, site, ..)| *site).filter(|site| *site != 0)
    }

    /// The things that have entries between two instants, each with the second of its first one there.
    pub(super) fn between(&self, (from, to): (i64, i64)) -> impl Iterator<Item = (&Thing, i64)> {
        let (from_s, to_s) = (from.div_euclid(SECOND_US), to.div_euclid(SECOND_US));
        let to_s = to_s.max(from_s);
        self.minutes.iter().filter_map(move |(thing, minutes)| {
            let near = minutes.range(from_s.div_euclid(MINUTE_S)..=to_s.div_euclid(MINUTE_S));
            let mut within = near.filter(|(_, (first, last))| *last >= from_s && *first <= to_s);
            within.next().map(|(_, (first, _))| (thing, *first))
        })
    }

    /// The last instant, microseconds, of the first run of entries between two instants, if it is seen to end there.
    /// `is_of`: whether the entries of a thing count.
    pub(super) fn end(
        &self,
        (from, to): (i64, i64),
        is_of: &dyn Fn(&Thing) -> bool,
        good: impl Fn(i64, i64) -> u64,
    ) -> Option<i64> {
        if self.n_minutes >= MAX_MINUTES || to < from {
            return None;
        }
        let (from_s, to_s) = (from.div_euclid(SECOND_US), to.div_euclid(SECOND_US));
        let rows =
            self.minutes.iter().filter(|(thing, _)| is_of(thing)).flat_map(|(_, minutes)| {
                minutes.range(from_s.div_euclid(MINUTE_S)..=to_s.div_euclid(MINUTE_S))
            });
        let mut spans: Vec<(i64, i64)> = rows
            .map(|(_, span)| *span)
            .filter(|(first, _)| (from_s..=to_s).contains(first))
            .collect();
        spans.sort_unstable();
        let (mut longest, mut last) = (0, spans.first()?.1);
        for (n_minutes, (first, until)) in spans.iter().chain([&(to_s, to_s)]).enumerate() {
            let pause = first - last;
            let is_long = pause >= SILENCE_S.max(longest * LONGER) && n_minutes >= MIN_MINUTES;
            if is_long && good(last + 1, *first) >= MIN_GOOD {
                return Some(last * SECOND_US);
            }
            longest = longest.max(pause);
            last = last.max(*until);
        }
        None
    }
}

/// Good requests of these inputs between two seconds, the latter excluded.
pub(super) fn good_requests<'i>(
    inputs: impl Iterator<Item = (u32, &'i ScannedInput)>,
    zones: &Zones,
    (from, to): (i64, i64),
) -> u64 {
    let good = |(index, input): (u32, &ScannedInput)| {
        let tally = &input.tally;
        let shift = zones.utc(index, from * SECOND_US).div_euclid(SECOND_US) - from;
        let sums =
            [tally.zoned.sum(from, to - 1), tally.zoneless.sum(from - shift, to - 1 - shift)];
        sums.iter().map(|sum| sum.requests.saturating_sub(sum.server_errors)).sum::<u64>()
    };
    inputs.map(good).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of a run, seconds, of a state that begins at 0 and may last a day.
    #[track_caller]
    fn check(seconds: impl Iterator<Item = i64>, good: u64, expected: Option<i64>) {
        let mut shown = Shown::default();
        for second in seconds {
            let entry = EntryFact { at: second * SECOND_US, ..EntryFact::default() };
            shown.note((0, 1, 0, 0, 0), &entry);
            shown.note((0, 2, 0, 0, 0), &EntryFact { at: entry.at + 400 * SECOND_US, ..entry });
        }
        let end = shown.end((0, 86_400 * SECOND_US), &|thing| thing.1 == 1, |_, _| good);
        assert_eq!(end.map(|end| end / SECOND_US), expected);
    }

    #[test]
    fn a_run_ends_where_requests_are_served_and_none_fails() {
        let burst = |from: i64| (from..from + 600).step_by(7);
        check(burst(0), 1000, Some(595));
        check(burst(0).chain(burst(9000)), 1000, Some(595));
        check(burst(0).chain(burst(9000)), 0, None);
        // They come but rarely.
        check((0..80_000).step_by(1800), 1000, None);
        check(burst(0).take(5), 1000, None);
        check(0..0, 1000, None);
    }
}
