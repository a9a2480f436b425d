//! The same problem, again: incidents of one document that share a fingerprint.
//!
//! In: all incidents, in order of time. Out: their `recurrence`, and `relapsed` where a recovery did not last.
//! Invariants: what is the same is told by the fingerprint alone: origin, cause and scope.

use std::collections::BTreeMap;

use crate::report::incident::{IncidentInfo, Recurrence, TimelineRow};
use crate::time::{SECOND_US, Timestamp};

/// The same problem again within this time after its end is a relapse, seconds.
const RELAPSE_WITHIN_S: i64 = 3600;

/// Earlier occurrences named.
const MAX_EARLIER: usize = 10;

/// Intervals that must agree before a problem is periodic.
const MIN_INTERVALS: usize = 3;

/// Notes in every incident whether its problem came at other times too.
pub(super) fn note_recurrence(incidents: &mut [IncidentInfo]) {
    let mut by_fingerprint: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, incident) in incidents.iter().enumerate() {
        by_fingerprint.entry(&incident.fingerprint).or_default().push(index);
    }
    let groups: Vec<Vec<usize>> =
        by_fingerprint.into_values().filter(|group| group.len() > 1).collect();
    for group in groups {
        let starts: Vec<i64> = group.iter().map(|index| incidents[*index].started_at.0).collect();
        let (interval_s, periodic) = rhythm(&starts);
        let ids: Vec<String> = group.iter().map(|index| incidents[*index].id.clone()).collect();
        for (number, index) in group.iter().enumerate() {
            let next = group.get(number + 1).map(|next| incidents[*next].started_at.0);
            let incident = &mut incidents[*index];
            let end = incident.ended_at.map(|at| at.0);
            let returns =
                end.zip(next).filter(|(end, next)| next - end <= RELAPSE_WITHIN_S * SECOND_US);
            // What came back by the clock is recurrence; what came back soon is a recovery that did not last.
            if let (Some((end, next)), false) = (returns, periodic) {
                if incident.status == "recovered" {
                    incident.status = "relapsed";
                }
                incident.recovery.state = "relapsed";
                let pause = (next - end) / SECOND_US;
                incident.timeline.push(TimelineRow {
                    at: Timestamp(next),
                    phase: "after",
                    kind: "relapse",
                    text: format!(
                        "the same problem again, {pause} s after the last entry: {}",
                        ids[number + 1]
                    ),
                    count: 1,
                    cause: None,
                    evidence: Vec::new(),
                });
                incident.recovery.basis = format!(
                    "{}; the same problem came back {pause} s later",
                    incident.recovery.basis
                );
            }
            incident.recurrence = Some(Recurrence {
                occurrences: ids.len() as u64,
                number: number as u64 + 1,
                earlier: ids[..number].iter().rev().take(MAX_EARLIER).cloned().collect(),
                interval_s,
                periodic,
            });
        }
    }
}

/// The median interval between starts (microseconds) in seconds, and whether all are near it.
fn rhythm(starts: &[i64]) -> (f64, bool) {
    let mut intervals: Vec<i64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    intervals.sort_unstable();
    let median = intervals.get(intervals.len() / 2).copied().unwrap_or(0);
    let near = |interval: &i64| (interval - median).abs() * 10 <= median;
    let periodic = intervals.len() >= MIN_INTERVALS && intervals.iter().all(near);
    (super::round(median as f64 / SECOND_US as f64, 1), periodic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stable_interval_is_a_rhythm() {
        let starts =
            |seconds: &[i64]| -> Vec<i64> { seconds.iter().map(|s| s * SECOND_US).collect() };
        assert_eq!(rhythm(&starts(&[0, 3600, 7210, 10_790])), (3600.0, true));
        assert_eq!(rhythm(&starts(&[0, 3600, 7200])), (3600.0, false), "too few to tell");
        assert!(!rhythm(&starts(&[0, 3600, 7200, 14_400])).1);
    }
}
