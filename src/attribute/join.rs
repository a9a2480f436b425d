//! Entries and error lines of one client and request line -> which line explains which entry.
//!
//! In: the entries of one (client, method, target), and the messages that name the same, each in order of time. Out: the
//! pairs. Both lists are short in ordinary traffic and long when a client repeats a request, so the rule must hold for
//! repeats:
//!
//! 1. Lines of one connection that follow each other belong to one request (one line per attempt), up to a line that is
//!    always the last of its request. If that leaves fewer groups than entries (one connection carried several of the
//!    requests), every line is a group of its own.
//! 2. An entry whose line carries its connection takes the group of that connection.
//! 3. The others are paired in order of time, one to one: a group fits an entry if its last line was written between
//!    the request's start and its end, give or take the second to which logs round. Where the layout has no duration,
//!    2 s before the end is allowed, and in a second round 60 s, at lower confidence: nginx writes the error line
//!    at the moment it gives up, and the access line right after it.
//! 4. Of the lines of a group the last one decides; if the entry names its last upstream, the last line about that one.
//!
//! Source: nginx `ngx_http_upstream.c` (`ngx_http_upstream_next` logs each failed attempt, then finalizes).

use std::collections::HashMap;

use super::BasisSet;
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::taxonomy::{Basis, Confidence};
use crate::time::SECOND_US;

/// How far logs may round a time or a clock may lag, microseconds.
const ROUNDING_US: i64 = SECOND_US;

/// Allowed between a line and the end of its request when the duration is not known.
const NEAR_US: i64 = 2 * SECOND_US;

/// The same in the second round: nginx's default timeouts are 60 s.
const FAR_US: i64 = 60 * SECOND_US;

/// Lines of one connection further apart than this are different requests.
const SAME_REQUEST_US: i64 = 2 * FAR_US;

/// An entry and the lines that explain it, as indices into the lists given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// The entry.
    pub entry: usize,
    /// The line that decides.
    pub deciding: usize,
    /// All lines of the request, the deciding one included.
    pub lines: Vec<usize>,
    /// How sure the pair is.
    pub confidence: Confidence,
    /// What it rests on.
    pub basis: BasisSet,
}

/// Lines of one request.
#[derive(Debug, Clone)]
struct Group {
    lines: Vec<usize>,
    last_at: i64,
    connection: u64,
    taken: bool,
}

/// Pairs entries with messages. Both must be in order of (time, position); `explains` tells messages that explain a
/// request from others, `is_final` those that are always the last of their request.
pub fn match_cluster(
    entries: &[EntryFact],
    causes: &[CauseFact],
    explains: &dyn Fn(&CauseFact) -> bool,
    is_final: &dyn Fn(&CauseFact) -> bool,
) -> Vec<Matched> {
    let usable: Vec<usize> = (0..causes.len())
        .filter(|line| explains(&causes[*line]) && !causes[*line].flags.has(Flags::TIMELESS))
        .collect();
    let mut groups = group_lines(&usable, causes, is_final);
    if groups.len() < entries.len() && groups.len() < usable.len() {
        groups = usable.iter().map(|line| single(*line, causes)).collect();
    }
    groups.sort_by_key(|group| group.last_at);
    let mut taken = vec![false; entries.len()];
    let mut matched = Vec::new();
    by_connection(entries, &mut groups, &mut taken, causes, &mut matched);
    let rounds = [(NEAR_US, Confidence::Confirmed), (FAR_US, Confidence::Likely)];
    for (slack_us, confidence) in rounds {
        in_order(entries, &mut groups, &mut taken, causes, slack_us, confidence, &mut matched);
    }
    matched
}

fn single(line: usize, causes: &[CauseFact]) -> Group {
    let fact = &causes[line];
    Group { lines: vec![line], last_at: fact.at, connection: fact.connection, taken: false }
}

/// Step 1 of the module's rule.
fn group_lines(
    usable: &[usize],
    causes: &[CauseFact],
    is_final: &dyn Fn(&CauseFact) -> bool,
) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut open: HashMap<u64, usize> = HashMap::new();
    for &line in usable {
        let fact = &causes[line];
        let current = open.get(&fact.connection).copied().filter(|group| {
            fact.connection != 0 && fact.at - groups[*group].last_at <= SAME_REQUEST_US
        });
        let group = if let Some(group) = current {
            groups[group].lines.push(line);
            groups[group].last_at = fact.at;
            group
        } else {
            groups.push(single(line, causes));
            groups.len() - 1
        };
        if is_final(fact) {
            open.remove(&fact.connection);
        } else {
            open.insert(fact.connection, group);
        }
    }
    groups
}

/// Step 2.
fn by_connection(
    entries: &[EntryFact],
    groups: &mut [Group],
    taken: &mut [bool],
    causes: &[CauseFact],
    matched: &mut Vec<Matched>,
) {
    let basis = BasisSet::of(&[Basis::ExplicitMessage, Basis::ConnectionJoin]);
    for (index, entry) in entries.iter().enumerate() {
        if entry.connection == 0 {
            continue;
        }
        let own = groups.iter_mut().find(|group| {
            !group.taken
                && group.connection == entry.connection
                && fits(entry, group.last_at, FAR_US)
        });
        if let Some(group) = own {
            group.taken = true;
            taken[index] = true;
            matched.push(pair(index, entry, group, causes, Confidence::Confirmed, basis));
        }
    }
}

/// Step 3: both lists in order of time, one to one.
fn in_order(
    entries: &[EntryFact],
    groups: &mut [Group],
    taken: &mut [bool],
    causes: &[CauseFact],
    slack_us: i64,
    confidence: Confidence,
    matched: &mut Vec<Matched>,
) {
    let basis = BasisSet::of(&[Basis::ExplicitMessage, Basis::RequestJoin]);
    let mut first = 0;
    for (index, entry) in entries.iter().enumerate() {
        if taken[index] {
            continue;
        }
        // A line with another connection number than the entry's cannot be its own.
        let own = |group: &Group| {
            entry.connection == 0 || group.connection == 0 || group.connection == entry.connection
        };
        let mut at = first;
        while at < groups.len() && groups[at].last_at <= latest(entry) {
            let group = &mut groups[at];
            if !group.taken && own(group) && fits(entry, group.last_at, slack_us) {
                group.taken = true;
                taken[index] = true;
                matched.push(pair(index, entry, group, causes, confidence, basis));
                break;
            }
            at += 1;
        }
        while first < groups.len() && groups[first].taken {
            first += 1;
        }
    }
}

/// The latest time a line of this request can carry.
fn latest(entry: &EntryFact) -> i64 {
    entry.at + ROUNDING_US
}

/// True when a line written at `at` can be the last one of the request.
fn fits(entry: &EntryFact, at: i64, slack_us: i64) -> bool {
    let before = if entry.flags.has(Flags::TIMED) {
        i64::from(entry.duration_ms) * 1000 + ROUNDING_US
    } else {
        slack_us
    };
    entry.at - before - ROUNDING_US <= at && at <= latest(entry)
}

/// Step 4.
fn pair(
    index: usize,
    entry: &EntryFact,
    group: &Group,
    causes: &[CauseFact],
    confidence: Confidence,
    basis: BasisSet,
) -> Matched {
    let last = group.lines.last().copied().unwrap_or_default();
    let about_last_upstream = group
        .lines
        .iter()
        .copied()
        .rfind(|line| entry.upstream != 0 && causes[*line].scope == entry.upstream);
    Matched {
        entry: index,
        deciding: about_last_upstream.unwrap_or(last),
        lines: group.lines.clone(),
        confidence,
        basis,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(second: i64) -> EntryFact {
        EntryFact { at: second * SECOND_US, ..EntryFact::default() }
    }

    fn line(second: i64, connection: u64) -> CauseFact {
        CauseFact { at: second * SECOND_US, connection, ..CauseFact::default() }
    }

    /// Pairs as (entry, deciding line); every line whose `rule` is 1 is final.
    #[track_caller]
    fn check(entries: &[EntryFact], causes: &[CauseFact], expected: &[(usize, usize)]) {
        let mut pairs: Vec<_> = match_cluster(entries, causes, &|_| true, &|fact| fact.rule == 1)
            .into_iter()
            .map(|matched| (matched.entry, matched.deciding))
            .collect();
        pairs.sort_unstable();
        assert_eq!(pairs, expected);
    }

    #[test]
    fn the_last_attempt_of_a_request_decides() {
        check(&[entry(10)], &[line(10, 1), line(10, 1)], &[(0, 1)]);
    }

    #[test]
    fn repeats_are_paired_in_order() {
        check(
            &[entry(10), entry(10), entry(11)],
            &[line(10, 1), line(10, 2), line(11, 3)],
            &[(0, 0), (1, 1), (2, 2)],
        );
    }

    #[test]
    fn one_connection_may_carry_several_requests() {
        check(&[entry(10), entry(12)], &[line(10, 1), line(12, 1)], &[(0, 0), (1, 1)]);
        let last = CauseFact { rule: 1, ..line(10, 1) };
        check(&[entry(10), entry(10)], &[line(10, 1), last, line(10, 1), last], &[(0, 1), (1, 3)]);
    }

    #[test]
    fn a_line_after_the_response_or_long_before_it_explains_nothing() {
        check(&[entry(10)], &[line(12, 1)], &[]);
        check(&[entry(100)], &[line(10, 1)], &[]);
    }

    #[test]
    fn a_known_duration_bounds_the_search() {
        let timed =
            |second, duration_ms| EntryFact { duration_ms, flags: Flags::TIMED, ..entry(second) };
        check(&[timed(100, 30_000)], &[line(71, 1)], &[(0, 0)]);
        check(&[timed(100, 10)], &[line(71, 1)], &[]);
    }

    #[test]
    fn the_connection_number_goes_before_time() {
        let known = EntryFact { connection: 2, ..entry(10) };
        check(&[known], &[line(10, 1), line(10, 2)], &[(0, 1)]);
        check(&[known], &[line(10, 1)], &[]);
    }

    #[test]
    fn the_line_about_the_last_upstream_decides() {
        let about = |scope| CauseFact { scope, ..line(10, 1) };
        check(&[EntryFact { upstream: 7, ..entry(10) }], &[about(7), about(8)], &[(0, 0)]);
    }
}
