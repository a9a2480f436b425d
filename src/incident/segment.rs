//! When something was wrong: counts per second -> stretches that are incidents, and the background around them.
//!
//! In: how many entries each second holds, and how many requests. Out: [`Core`]s.
//! The rule:
//!
//! 1. Entries further apart than the gap (`gap_s`, 300 s) belong to different stretches.
//! 2. A stretch is trimmed at both ends: a lone entry before the onset or after the end is background when what surrounds
//!    it is at most a fiftieth of the stretch's peak. Tried at the scales of [`SCALES_S`], where the peak is at
//!    least [`MIN_PEAK`].
//! 3. What is left is an incident if some minute holds at least [`MIN_ENTRIES`] entries that are at least
//!    [`MIN_RATIO`] of its requests, or if it holds at least two entries that are half of its requests (a short paste).
//!    Otherwise it is background.

use crate::tally::Series;

/// Windows at whose scale the ends of a stretch are compared with its peak, seconds.
pub const SCALES_S: [i64; 3] = [1, 10, 60];

/// Peaks below this are too small to call anything background beside them.
pub const MIN_PEAK: u64 = 10;

/// An entry is background at the edge when its window holds at most this part of the peak.
const EDGE_PART: u64 = 50;

/// A minute with fewer entries is no incident.
pub const MIN_ENTRIES: u64 = 5;

/// A minute in which a smaller part of the requests fails is no incident.
pub const MIN_RATIO: f64 = 0.002;

/// Counts of entries by second, in order, seconds without entries left out.
pub type Seconds = Vec<(i64, u64)>;

/// First and last second of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Core {
    /// Second of the first entry.
    pub first_s: i64,
    /// Second of the last entry.
    pub last_s: i64,
}

/// Counts one entry at a second; calls must come in order of time.
pub fn count(seconds: &mut Seconds, second: i64) {
    match seconds.last_mut() {
        Some((last, n)) if *last == second => *n += 1,
        _ => seconds.push((second, 1)),
    }
}

/// Steps 1 to 3: the incidents among all entries.
pub fn cores(seconds: &Seconds, requests: &Series, gap_s: i64) -> Vec<Core> {
    seconds
        .chunk_by(|(a, _), (b, _)| b - a <= gap_s)
        .map(trim)
        .filter(|stretch| is_incident(stretch, requests))
        .filter_map(|stretch| Some(Core { first_s: stretch.first()?.0, last_s: stretch.last()?.0 }))
        .collect()
}

/// Step 2.
pub fn trim(stretch: &[(i64, u64)]) -> &[(i64, u64)] {
    let mut rest = stretch;
    for scale_s in SCALES_S {
        let peak = peak(rest, scale_s);
        if peak < MIN_PEAK {
            continue;
        }
        let edge = (peak / EDGE_PART).max(1);
        while let [(first, n), tail @ ..] = rest
            && *n <= edge
            && tail.first().is_some_and(|(next, _)| next - first > scale_s)
        {
            rest = tail;
        }
        while let [head @ .., (last, n)] = rest
            && *n <= edge
            && head.last().is_some_and(|(before, _)| last - before > scale_s)
        {
            rest = head;
        }
    }
    rest
}

/// The most entries in any window of `scale_s` seconds.
fn peak(stretch: &[(i64, u64)], scale_s: i64) -> u64 {
    let (mut most, mut sum, mut from) = (0, 0, 0);
    for (second, n) in stretch {
        sum += n;
        while second - stretch[from].0 >= scale_s {
            sum -= stretch[from].1;
            from += 1;
        }
        most = most.max(sum);
    }
    most
}

/// Step 3.
fn is_incident(stretch: &[(i64, u64)], requests: &Series) -> bool {
    let [(first, _), ..] = stretch else { return false };
    let last = stretch.last().map_or(*first, |(second, _)| *second);
    let entries: u64 = stretch.iter().map(|(_, n)| n).sum();
    let whole = requests.sum(*first, last).requests;
    if entries >= 2 && (whole == 0 || entries * 2 >= whole) {
        return true;
    }
    let (mut sum, mut from) = (0, 0);
    for (second, n) in stretch {
        sum += n;
        while second - stretch[from].0 >= 60 {
            sum -= stretch[from].1;
            from += 1;
        }
        if sum >= MIN_ENTRIES {
            let in_minute = requests.sum(second - 59, *second).requests;
            if in_minute == 0 || sum as f64 >= MIN_RATIO * in_minute as f64 {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Run;

    /// A series with `per_second` requests from -600 to 600.
    fn steady(per_second: u64) -> Series {
        let mut series = Series::default();
        for second in -600..=600 {
            series.add(second, &Run { requests: per_second, ..Run::default() });
        }
        series
    }

    #[track_caller]
    fn check(seconds: &[(i64, u64)], per_second: u64, expected: &[(i64, i64)]) {
        let got: Vec<_> = cores(&seconds.to_vec(), &steady(per_second), 300)
            .iter()
            .map(|core| (core.first_s, core.last_s))
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn a_burst_is_an_incident_and_lone_entries_around_it_are_not_part_of_it() {
        check(&[(-200, 1), (-4, 1), (0, 50), (1, 60), (2, 40), (9, 1), (100, 1)], 100, &[(0, 2)]);
    }

    #[test]
    fn lone_entries_are_background() {
        check(&[(0, 1), (100, 1), (200, 1), (300, 1), (400, 1), (500, 1)], 10, &[]);
        check(&[(0, 1)], 10, &[]);
    }

    #[test]
    fn bursts_further_apart_than_the_gap_are_two() {
        check(&[(-300, 20), (-299, 20), (1, 20), (2, 20)], 50, &[(-300, 2)]);
        check(&[(-300, 20), (-299, 20), (2, 20), (3, 20)], 50, &[(-300, -299), (2, 3)]);
    }

    #[test]
    fn a_slow_incident_keeps_its_edges() {
        let slow: Vec<_> = (0..30).map(|n| (n * 7, 1)).collect();
        check(&slow, 1, &[(0, 203)]);
    }

    #[test]
    fn a_short_paste_counts() {
        let mut series = Series::default();
        series.add(0, &Run { requests: 2, ..Run::default() });
        assert_eq!(cores(&vec![(0, 2)], &series, 300).len(), 1);
    }
}
