//! When something was wrong: counts per second -> stretches that are incidents, and the background around them.
//!
//! In: how many entries each second holds, and how many requests. Out: [`Core`]s.
//! The rule:
//!
//! 1. Entries further apart than the gap (`gap_s`, 300 s) belong to different stretches.
//! 2. A minute is **hot** when it holds at least [`MIN_ENTRIES`] entries, they are at least [`MIN_RATIO`] of its requests,
//!    and they are far more than an ordinary minute of this input holds: above the median of all minutes by six times its
//!    square root, as chance does not go. An input shorter than [`ORDINARY_S`] may be nothing but the incident, and has no
//!    ordinary minutes: there [`STEADY_RATIO`] is enough, so that of two bursts the smaller one is hot as well. A stretch
//!    with hot minutes is cut down to them; hot minutes closer than the gap stay together.
//! 3. A stretch without hot minutes is an incident as a whole when [`STEADY_RATIO`] of its requests or more fail, at least
//!    [`MIN_ENTRIES`] in some minute: an outage that fills the input has no ordinary minutes to stand out from.
//! 4. What is left is trimmed at both ends: a lone entry before the onset or after the end is background when what
//!    surrounds it is at most a fiftieth of the peak, at the scales of [`SCALES_S`]; more than a minute away, a single one
//!    is whatever the peak.
//! 5. In a short paste (fewer than [`PASTE_REQUESTS`] requests in all) two entries that are half of the requests are enough.
//!
//! Everything else is background.

use crate::tally::Series;

/// Windows at whose scale the ends of a stretch are compared with its peak, seconds.
pub const SCALES_S: [i64; 3] = [1, 10, 60];

/// Peaks below this are too small to call anything background beside them.
pub const MIN_PEAK: u64 = 5;

/// An entry is background at the edge when its window holds at most this part of the peak.
const EDGE_PART: u64 = 50;

/// A minute with fewer entries is no incident.
pub const MIN_ENTRIES: u64 = 5;

/// A minute in which a smaller part of the requests fails is not hot.
pub const MIN_RATIO: f64 = 0.002;

/// A stretch of which this part of the requests fails is an incident even if it is like the rest of the input.
pub const STEADY_RATIO: f64 = 0.03;

/// What is ordinary is seen in an input of this length, seconds.
pub const ORDINARY_S: i64 = 3600;

/// Inputs with fewer requests are pastes.
pub const PASTE_REQUESTS: u64 = 100;

/// Length of a minute.
const MINUTE_S: i64 = 60;

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

/// The incidents among all entries.
pub fn cores(seconds: &Seconds, requests: &Series, gap_s: i64) -> Vec<Core> {
    let ordinary = ordinary(seconds, requests);
    let total = requests.total().requests;
    let mut cores = Vec::new();
    for stretch in seconds.chunk_by(|(a, _), (b, _)| b - a <= gap_s) {
        let hot = hot_parts(stretch, requests, ordinary, gap_s);
        if hot.is_empty() && (is_steady(stretch, requests) || is_paste(stretch, requests, total)) {
            cores.extend(core_of(trim(stretch)));
        }
        cores.extend(hot.into_iter().filter_map(|part| core_of(trim(part))));
    }
    cores
}

fn core_of(part: &[(i64, u64)]) -> Option<Core> {
    Some(Core { first_s: part.first()?.0, last_s: part.last()?.0 })
}

/// What minutes of an input are compared with.
#[derive(Debug, Clone, Copy)]
struct Ordinary {
    /// More entries than this in a minute are not chance: the median of all minutes, and six times its square root.
    limit: f64,
    /// The input is too short to show what is ordinary.
    is_short: bool,
}

impl Ordinary {
    /// True when so many entries of so many requests in a minute are hot.
    fn is_exceeded(self, entries: u64, requests: impl FnOnce() -> u64) -> bool {
        let is_many = entries as f64 >= self.limit;
        if entries < MIN_ENTRIES || !is_many && !self.is_short {
            return false;
        }
        let least = if is_many { MIN_RATIO } else { STEADY_RATIO };
        entries as f64 >= least * requests() as f64
    }
}

fn ordinary(seconds: &Seconds, requests: &Series) -> Ordinary {
    let span = requests.span().or_else(|| Some((seconds.first()?.0, seconds.last()?.0)));
    let (first, last) = span.unwrap_or_default();
    let n_minutes = ((last - first) / MINUTE_S + 1).max(1) as usize;
    let mut by_minute = std::collections::BTreeMap::new();
    for (second, n) in seconds {
        *by_minute.entry(second.div_euclid(MINUTE_S)).or_insert(0u64) += n;
    }
    let mut counts: Vec<u64> = by_minute.into_values().collect();
    counts.sort_unstable();
    // Minutes without entries are not listed.
    let n_empty = n_minutes.saturating_sub(counts.len());
    let median = (n_minutes / 2)
        .checked_sub(n_empty)
        .and_then(|index| counts.get(index))
        .copied()
        .unwrap_or(0);
    Ordinary {
        limit: median as f64 + 6.0 * (median as f64).sqrt() + 2.0,
        is_short: last - first < ORDINARY_S,
    }
}

/// Step 2: the parts of a stretch that hold its hot minutes.
fn hot_parts<'s>(
    stretch: &'s [(i64, u64)],
    requests: &Series,
    ordinary: Ordinary,
    gap_s: i64,
) -> Vec<&'s [(i64, u64)]> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let (mut sum, mut from) = (0, 0);
    for (index, (second, n)) in stretch.iter().enumerate() {
        sum += n;
        while second - stretch[from].0 >= MINUTE_S {
            sum -= stretch[from].1;
            from += 1;
        }
        let in_minute = || requests.sum(second - MINUTE_S + 1, *second).requests;
        if ordinary.is_exceeded(sum, in_minute) {
            match spans.last_mut() {
                Some((_, last)) if stretch[from].0 - stretch[*last].0 <= gap_s => *last = index,
                _ => spans.push((from, index)),
            }
        }
    }
    spans.into_iter().map(|(first, last)| &stretch[first..=last]).collect()
}

/// Step 3.
fn is_steady(stretch: &[(i64, u64)], requests: &Series) -> bool {
    let core = trim(stretch);
    let (Some((first, _)), Some((last, _))) = (core.first(), core.last()) else { return false };
    let entries: u64 = core.iter().map(|(_, n)| n).sum();
    let whole = requests.sum(*first, *last).requests;
    peak(core, MINUTE_S) >= MIN_ENTRIES
        && (whole == 0 || entries as f64 >= STEADY_RATIO * whole as f64)
}

/// Step 5.
fn is_paste(stretch: &[(i64, u64)], requests: &Series, total: u64) -> bool {
    let (Some((first, _)), Some((last, _))) = (stretch.first(), stretch.last()) else {
        return false;
    };
    let entries: u64 = stretch.iter().map(|(_, n)| n).sum();
    let whole = requests.sum(*first, *last).requests;
    entries >= 2 && total < PASTE_REQUESTS && entries * 2 >= whole
}

/// Step 4.
pub fn trim(stretch: &[(i64, u64)]) -> &[(i64, u64)] {
    let mut rest = stretch;
    for scale_s in SCALES_S {
        let peak = peak(rest, scale_s);
        // Within a minute a few entries are a peak; within a second or ten they are what traffic does.
        let edge = u64::from(scale_s == MINUTE_S && peak >= MIN_PEAK);
        let edge = edge.max(peak / EDGE_PART);
        if edge == 0 {
            continue;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Run;

    /// A series with `per_second` requests from -600 to 600.
    fn steady_series(per_second: u64) -> Series {
        let mut series = Series::default();
        for second in -600..=600 {
            series.add(second, &Run { requests: per_second, ..Run::default() });
        }
        series
    }

    #[track_caller]
    fn check(seconds: &[(i64, u64)], per_second: u64, expected: &[(i64, i64)]) {
        let got: Vec<_> = cores(&seconds.to_vec(), &steady_series(per_second), 300)
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
    fn an_entry_some_seconds_before_a_small_burst_is_its_first() {
        let burst: Vec<_> = (0..40).map(|second| (second, 1 + second as u64 % 5)).collect();
        let with = |first: i64| [&[(first, 1)], &burst[..]].concat();
        check(&with(-4), 5, &[(-4, 39)]);
        check(&with(-90), 5, &[(0, 39)]);
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
    fn steady_noise_is_background_and_a_burst_in_it_is_cut_out() {
        let noise = |from: i64, to: i64| {
            (from..to).filter(|second| second % 40 == 0).map(|second| (second, 1))
        };
        let steady: Vec<_> = noise(-600, 600).collect();
        check(&steady, 2, &[]);
        let burst = (0..30).map(|second| (second, 1));
        let mixed: Vec<_> = noise(-600, 0).chain(burst).chain(noise(30, 600)).collect();
        let got = cores(&mixed, &steady_series(2), 300);
        assert_eq!(got.len(), 1);
        assert!(
            (-60..=0).contains(&got[0].first_s) && (29..=90).contains(&got[0].last_s),
            "{got:?}"
        );
    }

    #[test]
    fn an_outage_that_fills_the_input_counts() {
        let all: Vec<_> = (-600..=600).map(|second| (second, 1)).collect();
        check(&all, 1, &[(-600, 600)]);
    }

    #[test]
    fn a_short_input_of_nothing_but_entries_keeps_its_small_bursts() {
        let burst = |from: i64, per_second: u64| (from..from + 60).map(move |at| (at, per_second));
        for (one, other) in [(20, 2), (2, 20)] {
            let seconds: Vec<_> = burst(0, one).chain(burst(120, other)).collect();
            let mut series = Series::default();
            for (second, n) in &seconds {
                series.add(*second, &Run { requests: *n, ..Run::default() });
            }
            let got = cores(&seconds, &series, 300);
            assert_eq!(got, [Core { first_s: 0, last_s: 179 }], "{one} {other}");
        }
    }

    #[test]
    fn a_day_of_nothing_but_entries_shows_what_is_ordinary() {
        let noise = (0..86_400).filter(|at| at % 20 == 0).map(|at| (at, 1));
        let seconds: Vec<_> = noise
            .map(|(at, n)| if (40_000..40_200).contains(&at) { (at, 300) } else { (at, n) })
            .collect();
        let mut series = Series::default();
        for (second, n) in &seconds {
            series.add(*second, &Run { requests: *n, ..Run::default() });
        }
        assert_eq!(cores(&seconds, &series, 300), [Core { first_s: 40_000, last_s: 40_180 }]);
    }

    #[test]
    fn two_lone_entries_of_a_quiet_night_are_no_outage() {
        let mut series = Series::default();
        for second in (0..36_000).step_by(100) {
            series.add(second, &Run { requests: 1, ..Run::default() });
        }
        assert_eq!(cores(&vec![(1000, 1), (1270, 1)], &series, 300), []);
    }

    #[test]
    fn a_short_paste_counts() {
        let mut series = Series::default();
        series.add(0, &Run { requests: 2, ..Run::default() });
        assert_eq!(cores(&vec![(0, 2)], &series, 300).len(), 1);
    }
}
