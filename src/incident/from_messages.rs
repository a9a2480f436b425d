//! Incidents that entries do not show: from messages that explain no entry of the chosen statuses.
//!
//! In: the messages of an [`Attribution`], and the incidents found so far. Out: more incidents, and wider ones.
//! Invariants: pure. Two kinds of messages count, each where the incidents of entries leave room:
//!
//! 1. Those of requests that were answered with a kin status, as stock nginx answers 502 for "no live upstreams". A burst of
//!    them is found by the rule for entries ([`segment`]), one message per request. What follows an incident of entries, or
//!    leads to it, without a longer pause than that between two spans, goes on with it, unless both are mostly of different
//!    origins and causes; else it is an incident of its own, if it is [`segment::STEADY_RATIO`] of the requests of its time.
//! 2. Those that explain no request at all: an error log alone.

use std::collections::BTreeMap;

use super::segment::{self, Core, Seconds, cores, count};
use super::{CauseKey, Incident, IncidentConfig};
use crate::attribute::Attribution;
use crate::cause::CauseMatcher;
use crate::error::Result;
use crate::fact::{CauseFact, Flags};
use crate::tally::Series;
use crate::taxonomy::Origin;
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

/// A time of failures, and what most of them are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Burst {
    /// From the first to the last.
    core: Core,
    /// How many there are.
    failures: u64,
    /// The origin and cause of most of them.
    mostly: CauseKey,
}

impl Burst {
    /// A core whose failures were counted.
    fn new(core: Core, counts: &BTreeMap<CauseKey, u64>) -> Burst {
        let most = counts.iter().max_by_key(|(key, n)| (**n, std::cmp::Reverse(**key)));
        let mostly = most.map_or((Origin::Unknown, None), |(key, _)| *key);
        Burst { core, failures: counts.values().sum(), mostly }
    }

    /// True when a burst may go on with these entries: both are mostly of one origin or cause, or nothing tells what the
    /// entries are, so that no verdict is stretched over failures it is not about.
    fn goes_on_with(&self, entries: &Burst) -> bool {
        let (origin, cause) = entries.mostly;
        origin == Origin::Unknown
            || origin == self.mostly.0
            || (cause.is_some() && cause == self.mostly.1)
    }

    /// False: too few of the requests of its time failed. Where no requests are known, the failures are all there is.
    fn stands_alone(&self, requests: &Series) -> bool {
        let during = requests.sum(self.core.first_s, self.core.last_s).requests;
        self.failures as f64 >= segment::STEADY_RATIO * during as f64
    }
}

/// Counts failures into cores; both come in order of time.
struct Counting {
    cores: std::vec::IntoIter<Core>,
    current: Option<Core>,
    counts: BTreeMap<CauseKey, u64>,
    bursts: Vec<Burst>,
}

impl Counting {
    fn new(cores: Vec<Core>) -> Counting {
        let mut cores = cores.into_iter();
        let current = cores.next();
        Counting { cores, current, counts: BTreeMap::new(), bursts: Vec::new() }
    }

    fn add(&mut self, second: i64, key: CauseKey) {
        while self.current.is_some_and(|core| core.last_s < second) {
            self.close_core();
        }
        if self.current.is_some_and(|core| core.first_s <= second) {
            *self.counts.entry(key).or_default() += 1;
        }
    }

    fn close_core(&mut self) {
        if let Some(core) = self.current {
            self.bursts.push(Burst::new(core, &std::mem::take(&mut self.counts)));
        }
        self.current = self.cores.next();
    }

    fn finish(mut self) -> Vec<Burst> {
        while self.current.is_some() {
            self.close_core();
        }
        self.bursts
    }
}

/// The cores of entries with the bursts of failures that were answered with a kin status and go on with them, and the
/// bursts that stand apart. Both are in order of time.
pub(super) fn with_kin_bursts(
    found: Vec<Core>,
    attribution: &Attribution,
    requests: &Series,
    matcher: &CauseMatcher,
    config: IncidentConfig,
) -> Result<(Vec<Core>, Vec<Core>)> {
    let mut seconds = Seconds::new();
    for failure in kin_failures(attribution, matcher) {
        count(&mut seconds, failure?.0);
    }
    let bursts = cores(&seconds, requests, config.gap_s);
    if bursts.is_empty() {
        return Ok((found, Vec::new()));
    }
    let mut of_messages = Counting::new(bursts);
    for failure in kin_failures(attribution, matcher) {
        let (second, key) = failure?;
        of_messages.add(second, key);
    }
    let mut of_entries = Counting::new(found);
    for row in attribution.followed() {
        let verdict = row?.verdict;
        let key = (verdict.origin(), verdict.cause());
        of_entries.add(verdict.entry.at.div_euclid(SECOND_US), key);
    }
    Ok(with_bursts(of_entries.finish(), of_messages.finish(), requests, config))
}

/// Failures that were answered with a kin status: their seconds and causes.
fn kin_failures(
    attribution: &Attribution,
    matcher: &CauseMatcher,
) -> impl Iterator<Item = Result<(i64, CauseKey)>> {
    attribution.messages.rows().filter_map(|fact| match fact {
        Ok(fact) if !fact.flags.has(Flags::KIN) => None,
        Ok(fact) => spoken_for(&fact, matcher).map(|key| Ok((fact.at.div_euclid(SECOND_US), key))),
        Err(error) => Some(Err(error)),
    })
}

/// The cores of entries, wider by the bursts that go on with them, and the bursts that stand apart: the largest of these.
fn with_bursts(
    mut found: Vec<Burst>,
    bursts: Vec<Burst>,
    requests: &Series,
    config: IncidentConfig,
) -> (Vec<Core>, Vec<Core>) {
    let pause_s = config.pause_us() / SECOND_US;
    let mut apart = Vec::new();
    for burst in bursts {
        let Core { first_s, last_s } = burst.core;
        let first = found.partition_point(|near| near.core.last_s + pause_s < first_s);
        let last = found.partition_point(|near| near.core.first_s <= last_s + pause_s);
        let near = found.get(first..last).unwrap_or_default();
        // Incidents of entries do not overlap: beside one of another kind, a burst widens none.
        let (Some(from), Some(to), true) =
            (near.first(), near.last(), near.iter().all(|near| burst.goes_on_with(near)))
        else {
            apart.push(burst);
            continue;
        };
        let whole =
            Core { first_s: from.core.first_s.min(first_s), last_s: to.core.last_s.max(last_s) };
        let most = near.iter().max_by_key(|near| near.failures).unwrap_or(from);
        let failures = near.iter().map(|near| near.failures).sum();
        let joined = Burst { core: whole, failures, mostly: most.mostly };
        found.splice(first..last, [joined]);
    }
    apart.retain(|burst| burst.stands_alone(requests));
    let apart = apart.into_iter().map(|burst| (burst.failures, burst.core)).collect();
    (found.into_iter().map(|burst| burst.core).collect(), largest(apart))
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
    use crate::format::Run;

    const REFUSED: CauseKey = (Origin::Upstream, None);
    const LIMITED: CauseKey = (Origin::LocalProcess, None);

    fn burst((first_s, last_s): (i64, i64), mostly: CauseKey) -> Burst {
        Burst { core: Core { first_s, last_s }, failures: 10, mostly }
    }

    #[track_caller]
    fn check_of(
        found: &[((i64, i64), CauseKey)],
        bursts: &[(i64, i64)],
        wider: &[(i64, i64)],
        alone: &[(i64, i64)],
    ) {
        let found = found.iter().map(|(core, key)| burst(*core, *key)).collect();
        let bursts = bursts.iter().map(|core| burst(*core, REFUSED)).collect();
        let got = with_bursts(found, bursts, &Series::default(), IncidentConfig::default());
        let expected = |rows: &[(i64, i64)]| {
            rows.iter()
                .map(|(first_s, last_s)| Core { first_s: *first_s, last_s: *last_s })
                .collect()
        };
        assert_eq!(got, (expected(wider), expected(alone)));
    }

    #[track_caller]
    fn check(
        found: &[(i64, i64)],
        bursts: &[(i64, i64)],
        wider: &[(i64, i64)],
        alone: &[(i64, i64)],
    ) {
        let found: Vec<_> = found.iter().map(|core| (*core, REFUSED)).collect();
        check_of(&found, bursts, wider, alone);
    }

    #[test]
    fn a_burst_of_another_origin_stands_apart() {
        check_of(&[((100, 119), LIMITED)], &[(0, 3600)], &[(100, 119)], &[(0, 3600)]);
        check_of(&[((100, 119), REFUSED)], &[(0, 3600)], &[(0, 3600)], &[]);
        check_of(
            &[((0, 9), REFUSED), ((100, 119), LIMITED)],
            &[(5, 300)],
            &[(0, 9), (100, 119)],
            &[(5, 300)],
        );
        let unknown = (Origin::Unknown, None);
        check_of(&[((0, 9), unknown)], &[(5, 300)], &[(0, 300)], &[]);
    }

    #[test]
    fn a_burst_that_stands_apart_is_a_share_of_the_requests() {
        let mut requests = Series::default();
        let stands = |requests: &Series| {
            let bursts = vec![burst((0, 59), REFUSED)];
            !with_bursts(Vec::new(), bursts, requests, IncidentConfig::default()).1.is_empty()
        };
        assert!(stands(&requests));
        requests.add(30, &Run { requests: 333, ..Run::default() });
        assert!(stands(&requests));
        requests.add(31, &Run { requests: 1, ..Run::default() });
        assert!(!stands(&requests));
    }

    #[test]
    fn most_failures_of_a_core_tell_what_it_is() {
        let core = |first_s, last_s| Core { first_s, last_s };
        let mut counting = Counting::new(vec![core(0, 9), core(20, 29), core(40, 49)]);
        for (second, key) in
            [(0, LIMITED), (5, REFUSED), (9, REFUSED), (15, LIMITED), (45, LIMITED)]
        {
            counting.add(second, key);
        }
        let got: Vec<_> =
            counting.finish().iter().map(|burst| (burst.failures, burst.mostly)).collect();
        assert_eq!(got, [(3, REFUSED), (0, (Origin::Unknown, None)), (1, LIMITED)]);
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
