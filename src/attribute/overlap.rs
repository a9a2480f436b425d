//! When the lines of an entry's request may have been written, and which entries and requests may be of each other.
//!
//! In: entries and requests of one client. Out: the times of each entry, and groups that have nothing to do with each
//! other. The rule: a failure that waits for nothing is written at once after the request came in, any other within what
//! is allowed where the duration is not known; where it is known, it bounds both, and closely if the entry's time has a
//! fraction of a second. Lines of whole seconds may be later than they say. Entries are of one group if a request lies in
//! the times of both, however far apart these begin.
//! Invariants: an entry without any request in its times, and a request in nobody's times, is in no group.

use std::collections::HashMap;

use super::client::{Round, Trace};
use crate::fact::{EntryFact, Flags};
use crate::time::SECOND_US;

/// How far logs of whole seconds round a time, microseconds.
pub(super) const ROUNDING_US: i64 = SECOND_US;

/// The same for times with a fraction. Not only that of the clock: servers under load are late.
const FINE_ROUNDING_US: i64 = SECOND_US / 20;

/// Failures that wait for nothing are written within this time.
const AT_ONCE_US: i64 = SECOND_US / 50;

/// First and last instant.
pub(super) type Span = (i64, i64);

/// How an error log writes its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineTimes {
    /// With a fraction, as Apache does by itself.
    Fine,
    /// Cut to whole seconds: Apache 2.2, `%t` in an `ErrorLogFormat`, or a syslog daemon.
    Seconds,
}

impl LineTimes {
    /// How the log with these requests does.
    pub(super) fn of(traces: &[Trace<'_>]) -> Self {
        let is_whole = |trace: &Trace<'_>| trace.at % SECOND_US == 0;
        if traces.iter().all(is_whole) { LineTimes::Seconds } else { LineTimes::Fine }
    }

    /// What a line that was written at this instant or later says at least.
    pub(super) fn earliest(self, from: i64) -> i64 {
        match self {
            LineTimes::Fine => from,
            LineTimes::Seconds => from - from.rem_euclid(SECOND_US),
        }
    }
}

/// How far the time of an entry may be from that of what happened then. Without a duration it does not tell how long it was
/// from the start until something happened, or from that to the end: a backend takes its distance, a client its body.
pub(super) fn rounding_us(entry: &EntryFact) -> i64 {
    let is_fine = entry.at % SECOND_US != 0 && entry.flags.has(Flags::TIMED);
    if is_fine { FINE_ROUNDING_US } else { ROUNDING_US }
}

/// The first and the last time that the last line of an entry's request may have, if so much is allowed where the
/// duration is not known. `rounding_us`: how far the times may be off.
pub(super) fn span_of(
    entry: &EntryFact,
    allowed_us: i64,
    rounding_us: i64,
    lines: LineTimes,
) -> Span {
    let is_timed = entry.flags.has(Flags::TIMED);
    let slack_us = if is_timed { served_us(entry) } else { allowed_us };
    let (from, to) = (entry.at, entry.at + rounding_us);
    let (from, to) = match (entry.flags.has(Flags::SHARED_LAYOUT), entry.flags.has(Flags::AT_START))
    {
        (true, _) => (from - slack_us, to + slack_us),
        // A time with a fraction may be that of the end for all that is known: the last line stands just before it.
        (false, true) if entry.at % SECOND_US != 0 => (from - FINE_ROUNDING_US, to + slack_us),
        (false, true) => (from, to + slack_us),
        (false, false) => (from - slack_us - rounding_us, to),
    };
    (lines.earliest(from), to)
}

/// The longest that an entry with a duration can have been served: logs cut it to seconds or to milliseconds.
fn served_us(entry: &EntryFact) -> i64 {
    const MILLISECOND_US: i64 = SECOND_US / 1000;
    let duration_us = i64::from(entry.duration_ms) * MILLISECOND_US;
    let is_whole = entry.duration_ms.is_multiple_of(1000);
    duration_us + if is_whole { ROUNDING_US } else { MILLISECOND_US }
}

/// An entry with the times in which its lines may lie: those of failures that wait for nothing, and of those that do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    /// Its index.
    pub(super) entry: usize,
    spans: [Span; 2],
}

impl Open {
    /// The times of an entry in a round in which this much is allowed to failures that take their time.
    pub(super) fn of(index: usize, entry: &EntryFact, round: Round, lines: LineTimes) -> Self {
        // Lines that others hand on may be late: what found nothing near is looked for as if times were whole seconds.
        let rounding_us = if round == Round::Near { rounding_us(entry) } else { ROUNDING_US };
        let span = |allowed_us| span_of(entry, allowed_us, rounding_us, lines);
        Open { entry: index, spans: [span(AT_ONCE_US), span(round.allowed_us())] }
    }

    /// The times for failures that take their time, or that wait for nothing.
    pub(super) fn span(&self, is_slow: bool) -> Span {
        self.spans[usize::from(is_slow)]
    }

    /// The times for any failure.
    pub(super) fn hull(&self) -> Span {
        let [one, other] = self.spans;
        (one.0.min(other.0), one.1.max(other.1))
    }

    /// True when a request may be the entry's by time.
    pub(super) fn holds(&self, trace: &Trace<'_>) -> bool {
        let (from, to) = self.span(trace.is_slow);
        from <= trace.at && trace.at <= to
    }
}

/// Spans, to ask which instants lie in one of them.
#[derive(Debug, Default)]
pub(super) struct Moments {
    /// In order of their start, each with the latest end up to it.
    spans: Vec<Span>,
}

impl Moments {
    pub(super) fn of(spans: impl Iterator<Item = Span>) -> Self {
        let mut spans: Vec<Span> = spans.collect();
        spans.sort_unstable();
        let mut latest = i64::MIN;
        for (_, to) in &mut spans {
            latest = latest.max(*to);
            *to = latest;
        }
        Moments { spans }
    }

    pub(super) fn holds(&self, at: i64) -> bool {
        let n_begun = self.spans.partition_point(|(from, _)| *from <= at);
        n_begun.checked_sub(1).is_some_and(|last| at <= self.spans[last].1)
    }
}

/// Entries and indices of requests that may be of each other.
pub(super) type Group = (Vec<Open>, Vec<usize>);

/// The groups, in the order of their first entries; those of a group, and its requests, stay in the order given, which for
/// requests is that of time.
pub(super) fn groups(open: &[Open], requests: &[usize], traces: &[Trace<'_>]) -> Vec<Group> {
    let n_open = open.len();
    let mut sets = Sets::new(n_open + requests.len());
    let mut has_request = vec![false; n_open];
    for is_slow in [false, true] {
        let is_of_kind = |place: &usize| traces[requests[*place]].is_slow == is_slow;
        let places: Vec<usize> = (0..requests.len()).filter(is_of_kind).collect();
        let times: Vec<i64> = places.iter().map(|place| traces[requests[*place]].at).collect();
        // How many more entries hold a request together with the next one than hold the one before with it.
        let mut more = vec![0i64; places.len()];
        for (index, open) in open.iter().enumerate() {
            let (from, to) = open.span(is_slow);
            let first = times.partition_point(|at| *at < from);
            let end = times.partition_point(|at| *at <= to);
            if first < end {
                has_request[index] = true;
                sets.join(index, n_open + places[first]);
                more[first] += 1;
                more[end - 1] -= 1;
            }
        }
        let mut n_holding = 0;
        for (pair, more) in places.windows(2).zip(more) {
            n_holding += more;
            if n_holding > 0 {
                sets.join(n_open + pair[0], n_open + pair[1]);
            }
        }
    }
    let mut number_of: HashMap<usize, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (index, open) in open.iter().enumerate().filter(|(index, _)| has_request[*index]) {
        let number = *number_of.entry(sets.find(index)).or_insert(groups.len());
        if number == groups.len() {
            groups.push(Group::default());
        }
        groups[number].0.push(*open);
    }
    for (place, request) in requests.iter().enumerate() {
        if let Some(number) = number_of.get(&sets.find(n_open + place)) {
            groups[*number].1.push(*request);
        }
    }
    groups
}

/// Sets of numbers, which grow together.
struct Sets(Vec<usize>);

impl Sets {
    /// So many, each alone.
    fn new(n: usize) -> Self {
        Sets((0..n).collect())
    }

    /// The number that stands for the set.
    fn find(&mut self, mut index: usize) -> usize {
        while self.0[index] != index {
            self.0[index] = self.0[self.0[index]];
            index = self.0[index];
        }
        index
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.find(one), self.find(other));
        self.0[one.max(other)] = one.min(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_no_request_may_be_of_both_have_nothing_to_do_with_each_other() {
        let second = |at: i64| {
            let flags = Flags::AT_START;
            let entry = EntryFact { at: at * SECOND_US, flags, ..EntryFact::default() };
            Open::of(at as usize, &entry, Round::Near, LineTimes::Fine)
        };
        let trace = |ms: i64, is_slow| Trace { at: ms * 1000, is_slow, ..Trace::default() };
        let check = |traces: &[Trace<'_>], expected: &[(&[usize], &[usize])]| {
            let open = [second(10), second(11), second(13)];
            let requests: Vec<usize> = (0..traces.len()).collect();
            let got: Vec<(Vec<usize>, Vec<usize>)> = groups(&open, &requests, traces)
                .into_iter()
                .map(|(open, requests)| (open.iter().map(|open| open.entry).collect(), requests))
                .collect();
            let got: Vec<(&[usize], &[usize])> =
                got.iter().map(|(open, requests)| (&open[..], &requests[..])).collect();
            assert_eq!(got, expected);
        };
        check(
            &[trace(10_500, false), trace(11_500, false), trace(12_500, false)],
            &[(&[10], &[0]), (&[11], &[1])],
        );
        check(&[trace(11_010, false), trace(13_000, false)], &[(&[10, 11], &[0]), (&[13], &[1])]);
        check(
            &[trace(10_500, false), trace(12_900, true), trace(13_200, false)],
            &[(&[10, 11], &[0, 1]), (&[13], &[2])],
        );
    }

    #[test]
    fn a_duration_bounds_the_time_of_any_failure() {
        let timed = |duration_ms| EntryFact {
            at: 10 * SECOND_US,
            duration_ms,
            flags: Flags(Flags::AT_START.0 | Flags::TIMED.0),
            ..EntryFact::default()
        };
        let last_ms = |duration_ms| {
            span_of(&timed(duration_ms), 60 * SECOND_US, SECOND_US, LineTimes::Fine).1 / 1000
        };
        assert_eq!(
            [last_ms(1), last_ms(2500), last_ms(0), last_ms(2000)],
            [11_002, 13_501, 12_000, 14_000]
        );
    }

    #[test]
    fn a_fraction_of_a_second_bounds_the_time_of_a_line() {
        let timed = |at_ms: i64, flags: Flags| EntryFact {
            at: at_ms * 1000,
            duration_ms: 1,
            flags: flags.with(Flags::TIMED, true),
            ..EntryFact::default()
        };
        let spans = |flags| {
            [LineTimes::Fine, LineTimes::Seconds].map(|lines| {
                let entry = timed(10_900, flags);
                let (from, to) = span_of(&entry, 60 * SECOND_US, rounding_us(&entry), lines);
                (from / 1000, to / 1000)
            })
        };
        assert_eq!(spans(Flags::AT_START), [(10_850, 10_952), (10_000, 10_952)]);
        assert_eq!(spans(Flags::default()), [(10_848, 10_950), (10_000, 10_950)]);
        assert_eq!(spans(Flags::SHARED_LAYOUT), [(10_898, 10_952), (10_000, 10_952)]);
        let of = |at_ms: &[i64]| {
            let trace = |at: &i64| Trace { at: at * 1000, ..Trace::default() };
            LineTimes::of(&at_ms.iter().map(trace).collect::<Vec<_>>())
        };
        assert_eq!(of(&[1000, 3000]), LineTimes::Seconds);
        assert_eq!(of(&[1000, 3001]), LineTimes::Fine);
    }
}
