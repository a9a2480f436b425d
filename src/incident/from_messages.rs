//! Incidents that entries do not show: from messages that explain no entry of the chosen statuses.
//!
//! In: the messages of an [`Attribution`], and the incidents found so far. Out: more incidents, and wider ones.
//! Invariants: pure. Two kinds of messages count, each where the incidents of entries leave room:
//!
//! 1. Those of requests that were answered with a kin status, as stock nginx answers 502 for "no live upstreams". A burst of
//!    them is found by the rule for entries ([`segment`]), one message per request. What follows an incident of entries, or
//!    leads to it, without a longer pause than that between two spans, goes on with it; else it is an incident of its own.
//! 2. Those that explain no request at all: an error log alone.

use super::segment::{self, Core, Seconds, cores, count};
use super::{CauseKey, Incident, IncidentConfig};
use crate::attribute::Attribution;
use crate::cause::CauseMatcher;
use crate::error::Result;
use crate::fact::{CauseFact, Flags};
use crate::tally::Series;
use crate::time::SECOND_US;

/// Incidents told by messages only; more are counted with the signals.
const MAX_MESSAGE_INCIDENTS: usize = 100;

/// The cause row that a message speaks for: it explains requests, and none of the entries was joined to it.
pub(super) fn spoken_for(fact: &CauseFact, matcher: &CauseMatcher) -> Option<CauseKey> {
    let rule = matcher.rule(fact.rule)?;
    let speaks = rule.kind.explains_requests()
        && rule.cause.is_some()
        && !fact.flags.has(Flags::OF_SUBREQUEST);
    let is_free = !fact.flags.has(Flags::JOINED) || fact.flags.has(Flags::KIN);
    (speaks && is_free).then_some((rule.origin, rule.cause))
}

/// Bursts of failures that were answered with a kin status, with the number of their requests.
pub(super) fn kin_bursts(
    attribution: &Attribution,
    requests: &Series,
    matcher: &CauseMatcher,
    config: IncidentConfig,
) -> Result<Vec<(Core, u64)>> {
    let mut seconds = Seconds::new();
    for fact in attribution.messages.rows() {
        let fact = fact?;
        if fact.flags.has(Flags::KIN) && spoken_for(&fact, matcher).is_some() {
            count(&mut seconds, fact.at.div_euclid(SECOND_US));
        }
    }
    let bursts = cores(&seconds, requests, config.gap_s);
    Ok(bursts.into_iter().map(|core| (core, n_in(&seconds, core))).collect())
}

/// The cores of entries with the bursts that go on with them, and the bursts that stand apart: the largest of these.
/// Both are in order of time.
pub(super) fn with_bursts(
    mut found: Vec<Core>,
    bursts: Vec<(Core, u64)>,
    config: IncidentConfig,
) -> (Vec<Core>, Vec<Core>) {
    let pause_s = config.pause_us() / SECOND_US;
    let mut apart = Vec::new();
    for (burst, n) in bursts {
        let first = found.partition_point(|core| core.last_s + pause_s < burst.first_s);
        let last = found.partition_point(|core| core.first_s <= burst.last_s + pause_s);
        let near = found.get(first..last).unwrap_or_default();
        let (Some(from), Some(to)) = (near.first(), near.last()) else {
            apart.push((n, burst));
            continue;
        };
        let whole =
            Core { first_s: from.first_s.min(burst.first_s), last_s: to.last_s.max(burst.last_s) };
        found.splice(first..last, [whole]);
    }
    (found, largest(apart))
}

/// Bursts of failure messages that no entry explains, away from the incidents found so far, which come in order of time.
/// Where access lines cover the time, they must show as many server errors, or the failures were hidden from clients (a
/// retry on another backend) and are no incident.
pub(super) fn add_message_incidents(
    incidents: &mut Vec<Incident>,
    attribution: &Attribution,
    requests: &Series,
    matcher: &CauseMatcher,
    config: IncidentConfig,
) -> Result<()> {
    let mut seconds = Seconds::new();
    let mut near = 0;
    for fact in attribution.messages.rows() {
        let fact = fact?;
        let is_told = fact.flags.has(Flags::TIMELESS) || fact.flags.has(Flags::KIN);
        if is_told || spoken_for(&fact, matcher).is_none() {
            continue;
        }
        let second = fact.at.div_euclid(SECOND_US);
        // Messages come in order of time, and so do the incidents.
        while incidents
            .get(near)
            .is_some_and(|incident| incident.core.last_s + config.gap_s < second)
        {
            near += 1;
        }
        let belongs = incidents
            .get(near)
            .is_some_and(|incident| incident.core.first_s - config.gap_s <= second);
        if !belongs {
            count(&mut seconds, second);
        }
    }
    let mut found: Vec<(u64, Core)> = Vec::new();
    for core in cores(&seconds, &Series::default(), config.gap_s) {
        let n_messages = n_in(&seconds, core);
        let during = requests.sum(core.first_s, core.last_s);
        // A handful of messages beside served requests is noise; alone, it is all there is to tell.
        let is_noise = during.requests > 0
            && (n_messages < segment::MIN_ENTRIES || during.server_errors * 2 < n_messages);
        if !is_noise {
            found.push((n_messages, core));
        }
    }
    incidents.extend(largest(found).into_iter().map(|core| Incident::told(core, config)));
    Ok(())
}

/// How many were counted in a core.
fn n_in(seconds: &Seconds, core: Core) -> u64 {
    let first = seconds.partition_point(|(second, _)| *second < core.first_s);
    let last = seconds.partition_point(|(second, _)| *second <= core.last_s);
    seconds[first..last].iter().map(|(_, n)| n).sum()
}

/// As many as are told, those of most messages, in order of time.
fn largest(mut found: Vec<(u64, Core)>) -> Vec<Core> {
    found.sort_by_key(|(n_messages, core)| (std::cmp::Reverse(*n_messages), core.first_s));
    found.truncate(MAX_MESSAGE_INCIDENTS);
    found.sort_by_key(|(_, core)| core.first_s);
    found.into_iter().map(|(_, core)| core).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        found: &[(i64, i64)],
        bursts: &[(i64, i64)],
        wider: &[(i64, i64)],
        alone: &[(i64, i64)],
    ) {
        let core = |(first_s, last_s): &(i64, i64)| Core { first_s: *first_s, last_s: *last_s };
        let bursts = bursts.iter().map(|burst| (core(burst), 10)).collect();
        let got = with_bursts(found.iter().map(core).collect(), bursts, IncidentConfig::default());
        let expected = |rows: &[(i64, i64)]| rows.iter().map(core).collect::<Vec<_>>();
        assert_eq!(got, (expected(wider), expected(alone)));
    }

    #[test]
    fn a_burst_goes_on_with_the_incident_it_touches_or_stands_alone() {
        check(&[(0, 9)], &[(10, 60)], &[(0, 60)], &[]);
        check(&[(100, 109)], &[(10, 80)], &[(10, 109)], &[]);
        check(&[(20, 29)], &[(0, 60)], &[(0, 60)], &[]);
        check(&[(0, 9)], &[(60, 360)], &[(0, 9)], &[(60, 360)]);
        check(&[(0, 9), (400, 410)], &[(5, 399)], &[(0, 410)], &[]);
        check(
            &[(0, 9), (900, 910)],
            &[(15, 30), (500, 600)],
            &[(0, 30), (900, 910)],
            &[(500, 600)],
        );
        check(&[], &[(0, 9)], &[], &[(0, 9)]);
    }

    #[test]
    fn of_too_many_the_largest_are_told() {
        let core = |n: u64| Core { first_s: n as i64 * 1000, last_s: n as i64 * 1000 };
        let told = largest((0..150).map(|n| (n, core(n))).collect());
        assert_eq!(told, (50..150).map(core).collect::<Vec<_>>());
    }
}
