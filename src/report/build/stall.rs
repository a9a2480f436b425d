//! Holes in what a server accepts: steady traffic stops for some seconds, and then comes all at once.
//!
//! In: requests per second, of logs that stamp when a request came in. Out: the holes, as [`Gap`]s of the kind
//! `ingest_stall`. Nobody sends in such a way: requests waited before the server, in the network or in its own queue of
//! new connections (a paused machine, a full accept queue, a reload), and no line of the log says so.
//! Invariants: quiet traffic has pauses; only what steady traffic makes as good as impossible counts.
//! Source: `admin/halog` of `HAProxy`, options `-ac` and `-ad`, which look at milliseconds; here seconds do, since they
//! are counted anyway.

use std::collections::BTreeMap;
use std::path::Path;

use crate::analysis::{Analysis, merge_local};
use crate::format::Instant;
use crate::report::Gap;
use crate::tally::Series;
use crate::taxonomy::{LogRole, Server};
use crate::time::Timestamp;

/// The kind of such gaps.
pub(super) const INGEST_STALL: &str = "ingest_stall";

/// Empty seconds of a hole at least: of a shorter one the seconds at its ends hide half.
const MIN_HOLE_S: i64 = 2;

/// Longer ones are silences, which may have any reason.
const MAX_HOLE_S: i64 = 60;

/// Seconds before a hole that tell how steady the traffic was, each with requests.
const STEADY_S: usize = 20;

/// Requests that would have come in the hole at least. At random, one hole in e^20 is without any.
const MIN_MISSED: u64 = 20;

/// The second behind the hole has at least so many times the usual number.
const PILE_UP: u64 = 3;

/// The holes of all logs that stamp when a request came in: those of one server and directory together.
pub(super) fn stalls(analysis: &Analysis) -> Vec<Gap> {
    let zones = &analysis.attribution.zones;
    let mut logs: BTreeMap<(&Path, Server), Series> = BTreeMap::new();
    for (index, input) in (0..).zip(&analysis.inputs) {
        let access = || {
            let readers = input.plan.iter().flat_map(|plan| plan.detected());
            readers.filter(|reader| reader.about().role == LogRole::Access)
        };
        let Some(server) = access().next().map(|reader| reader.about().server) else { continue };
        if access().any(|reader| reader.about().instant != Instant::Start) {
            continue;
        }
        let directory = input.path.parent().unwrap_or_else(|| Path::new(""));
        let series = logs.entry((directory, server)).or_default();
        series.merge(&input.tally.zoned);
        merge_local(series, &input.tally.zoneless, index, zones);
    }
    let Some((first, last)) = analysis.requests.span() else { return Vec::new() };
    let is_within = |gap: &Gap| first <= gap.from.second() && gap.to.second() <= last;
    let mut found: Vec<Gap> = logs.values().flat_map(holes).filter(is_within).collect();
    found.sort_by_key(|gap| (gap.from, gap.to));
    found
}

fn holes(series: &Series) -> Vec<Gap> {
    if series.width_s() != 1 {
        return Vec::new();
    }
    let counts: Vec<(i64, u64)> =
        series.iter().map(|(second, run)| (second, run.requests)).filter(|row| row.1 > 0).collect();
    let is_hole = |&index: &usize| {
        let (before, after) = (counts[index - 1], counts[index]);
        let hole_s = after.0 - before.0 - 1;
        let steady = &counts[index - STEADY_S..index];
        // Without a pause, and what is usual of it.
        let is_steady = before.0 - steady[0].0 < STEADY_S as i64;
        let n_steady: u64 = steady.iter().map(|(_, n)| n).sum();
        let usual = n_steady / STEADY_S as u64;
        (MIN_HOLE_S..=MAX_HOLE_S).contains(&hole_s)
            && is_steady
            && usual * hole_s as u64 >= MIN_MISSED
            && after.1 >= PILE_UP * usual
    };
    (STEADY_S..counts.len())
        .filter(is_hole)
        .map(|index| {
            let (from, to) = (counts[index - 1].0 + 1, counts[index].0);
            Gap {
                kind: INGEST_STALL,
                from: Timestamp::from_second(from),
                to: Timestamp::from_second(to),
                duration_s: (to - from) as f64,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Run;

    /// Requests per second, from second 0 on; the holes, by first second and length.
    #[track_caller]
    fn check(counts: &[u64], expected: &[(i64, f64)]) {
        let mut series = Series::default();
        for (second, n) in (0..).zip(counts).filter(|(_, n)| **n > 0) {
            series.add(second, &Run { requests: *n, ..Run::default() });
        }
        let found: Vec<_> =
            holes(&series).iter().map(|gap| (gap.from.second(), gap.duration_s)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_hole_is_a_pause_of_steady_traffic_with_a_pile_up_behind() {
        let with = |steady: u64, behind: &[u64]| [&[steady; 25][..], behind].concat();
        check(&with(20, &[0, 0, 0, 80, 20]), &[(25, 3.0)]);
        // Nobody waited: the clients were gone, or the line was.
        check(&with(20, &[0, 0, 0, 22, 20]), &[]);
        // One empty second may be half of two.
        check(&with(20, &[0, 80, 20]), &[]);
        // Few requests pause by chance.
        check(&with(2, &[0, 0, 9, 2]), &[]);
        check(&[&[20; 10][..], &[0], &[20; 10][..], &[0, 0, 0, 80]].concat(), &[]);
        let long = [&[20; 25][..], &[0; 61][..], &[80]].concat();
        check(&long, &[]);
    }
}
