//! One request in several access logs of its server: all of them share the line that the error log has of it.
//!
//! In: the entries of one client and target, those that were paired with their lines ([`super::join`]), and the lines.
//! Out: an entry in another log, beside the one that a line was found for, has the line as well if its own fields tell of
//! the same failure; else nothing follows from its having none.
//!
//! A line goes to the first such entry of each other log, and all entries before that one are marked. A client that repeats
//! one request all day has very many entries within the reach of each line, so each log is walked once for all lines that
//! ask the same of it (a [`Question`]). What such a walk has passed needs no second look: an entry that was marked or got
//! its line stays so, and one that did not fit will not fit the next line that asks the same.

use std::collections::{BTreeMap, HashMap};

use super::Verdict;
use super::join::served_at;
use super::verdict::BasisSet;
use crate::cause::CauseMatcher;
use crate::evidence::InputIndex;
use crate::fact::{CauseFact, Flags, machines_agree, methods_agree};
use crate::taxonomy::{Basis, Confidence, Origin};
use crate::time::SECOND_US;
use crate::verdict::Openness;

/// How far apart in time the entries of one request may be, microseconds.
const BESIDE_US: i64 = SECOND_US;

/// All that decides whether an entry of another log is of the request of a line, but for when that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Question {
    /// Of the entry that the line was found for.
    status: u16,
    /// Of the line.
    method: u16,
    /// Of the line.
    machine: u32,
    /// Of the entry that the line was found for; 0 where the logs name different clients.
    client: u64,
    /// Whom the line blames.
    origin: Origin,
    /// What the line is about.
    scope: u32,
    /// When the line was written, in seconds: the entry was being served then.
    second: i64,
}

/// The entries of one log.
#[derive(Debug, Default)]
struct Log {
    /// Their places in the list of all, which is in order of time.
    entries: Vec<usize>,
    /// How far a walk for a question has come, as a place in `entries`.
    walked: HashMap<Question, usize>,
}

/// Gives lines to the entries of other logs. `entries` are in order of time; `taken` are the entries that lines were found
/// for, and each of these, by their places in the lists; `is_strange` tells access logs that name other clients than the
/// log of a line.
pub(super) fn share(
    entries: &mut [Verdict],
    causes: &[CauseFact],
    mut taken: Vec<(usize, usize)>,
    matcher: &CauseMatcher,
    is_strange: &dyn Fn(InputIndex, &CauseFact) -> bool,
) {
    let mut logs: BTreeMap<InputIndex, Log> = BTreeMap::new();
    for (index, verdict) in entries.iter().enumerate() {
        logs.entry(verdict.entry.place.position.input).or_default().entries.push(index);
    }
    if logs.len() < 2 {
        return;
    }
    let mut has_line: Vec<bool> =
        entries.iter().map(|verdict| verdict.evidence.length != 0).collect();
    taken.sort_unstable();
    for (taker, line) in taken {
        let (fact, own) = (causes[line], entries[taker].entry);
        let Some(rule) = matcher.rule(fact.rule) else { continue };
        let question = Question {
            status: own.status,
            method: fact.method,
            machine: fact.machine,
            client: if is_strange(own.place.position.input, &fact) { 0 } else { own.client },
            origin: rule.origin,
            scope: fact.scope,
            second: fact.at.div_euclid(SECOND_US),
        };
        let (from, to) = (own.at - BESIDE_US, own.at + BESIDE_US);
        for (input, log) in &mut logs {
            let at = |place: &usize| entries[*place].entry.at;
            // Most logs beside a long one are earlier or later pieces of it.
            let is_near = log.entries.first().is_some_and(|first| at(first) <= to)
                && log.entries.last().is_some_and(|last| at(last) >= from);
            if *input == own.place.position.input || !is_near {
                continue;
            }
            let client = if is_strange(*input, &fact) { 0 } else { question.client };
            let question = Question { client, ..question };
            let walked = log.walked.entry(question).or_default();
            // Takers come in order of time: what one does not reach back to, no later one does.
            let first = log.entries.partition_point(|place| at(place) < from);
            *walked = first.max(*walked);
            while let Some(&place) = log.entries.get(*walked) {
                let entry = entries[place].entry;
                if entry.at > to {
                    break;
                }
                *walked += 1;
                let is_copy = !has_line[place]
                    && entry.status == own.status
                    && (question.client == 0 || question.client == entry.client)
                    && methods_agree(entry.method, fact.method)
                    && machines_agree(entry.machine, fact.machine)
                    && served_at(&entry, fact.at, SECOND_US);
                if !is_copy {
                    continue;
                }
                let row = entries[place].rule();
                let tells_failure =
                    row.openness == Openness::CauseOpen && row.origin == rule.origin;
                if tells_failure || (entry.upstream != 0 && entry.upstream == fact.scope) {
                    let basis = BasisSet::of(&[Basis::ExplicitMessage, Basis::RequestJoin]);
                    entries[place].set_message(&fact, rule, Confidence::Likely, basis);
                    has_line[place] = true;
                    break;
                }
                entries[place].entry.flags = entry.flags.with(Flags::TRACED, true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::evidence::Place;
    use crate::fact::EntryFact;
    use crate::verdict::{RULES, rule_index};

    /// The rule as the module's head states it: all entries around each taker, in order of time.
    fn share_simply(
        entries: &mut [Verdict],
        causes: &[CauseFact],
        mut taken: Vec<(usize, usize)>,
        matcher: &CauseMatcher,
    ) {
        let mut shared: HashSet<usize> = HashSet::new();
        taken.sort_unstable();
        for (taker, line) in taken {
            let (fact, own) = (causes[line], entries[taker].entry);
            let Some(rule) = matcher.rule(fact.rule) else { continue };
            let mut done = vec![own.place.position.input];
            for (index, verdict) in entries.iter_mut().enumerate() {
                let entry = verdict.entry;
                let is_copy = (entry.at - own.at).abs() <= BESIDE_US
                    && !done.contains(&entry.place.position.input)
                    && !shared.contains(&index)
                    && verdict.evidence.length == 0
                    && entry.status == own.status
                    && methods_agree(entry.method, fact.method)
                    && served_at(&entry, fact.at, SECOND_US);
                if !is_copy {
                    continue;
                }
                let row = verdict.rule();
                let tells_failure =
                    row.openness == Openness::CauseOpen && row.origin == rule.origin;
                if tells_failure || (entry.upstream != 0 && entry.upstream == fact.scope) {
                    let basis = BasisSet::of(&[Basis::ExplicitMessage, Basis::RequestJoin]);
                    verdict.set_message(&fact, rule, Confidence::Likely, basis);
                    shared.insert(index);
                    done.push(entry.place.position.input);
                } else {
                    verdict.entry.flags = entry.flags.with(Flags::TRACED, true);
                }
            }
        }
    }

    /// Rows of each openness, and of both origins that the lines below blame.
    fn rows() -> Vec<u16> {
        let of = |openness: Openness, origin: Origin| {
            RULES
                .iter()
                .find(|row| row.openness == openness && row.origin == origin)
                .map(|row| rule_index(row.id))
        };
        let origins = [Origin::Proxy, Origin::LocalProcess];
        let all = [Openness::CauseOpen, Openness::Closed, Openness::Open]
            .map(|openness| origins.map(|origin| of(openness, origin)));
        all.into_iter().flatten().flatten().collect()
    }

    /// A line that blames each of these origins.
    fn rules() -> Vec<u16> {
        let all = CauseMatcher::built_in().rules();
        let blames = |origin: Origin| {
            all.iter().position(|rule| rule.origin == origin && rule.cause.is_some())
        };
        let found = [Origin::Proxy, Origin::LocalProcess].map(blames);
        found.into_iter().flatten().map(|rule| rule as u16).collect()
    }

    fn entry() -> impl Strategy<Value = EntryFact> {
        let quarter_us = SECOND_US / 4;
        let place = (0u32..3, 0i64..24);
        let request = (prop::sample::select(vec![502u16, 503]), 0u16..3, 0u32..3);
        let duration = proptest::option::of(0u32..4000);
        (place, request, duration, prop::sample::select(rows())).prop_map(
            move |((input, quarter), (status, method, upstream), duration, rule)| {
                let at = quarter * quarter_us;
                let flags = Flags::default().with(Flags::TIMED, duration.is_some());
                let duration_ms = duration.unwrap_or_default();
                let mut entry = EntryFact {
                    at,
                    upstream,
                    duration_ms,
                    status,
                    method,
                    rule,
                    flags,
                    ..EntryFact::default()
                };
                entry.place.position.input = input;
                entry
            },
        )
    }

    fn line() -> impl Strategy<Value = CauseFact> {
        (0i64..24, 0u16..3, 0u32..3, prop::sample::select(rules()), 0u32..2).prop_map(
            |(quarter, method, scope, rule, length)| CauseFact {
                at: quarter * SECOND_US / 4,
                place: Place { length, ..Place::default() },
                method,
                scope,
                rule,
                ..CauseFact::default()
            },
        )
    }

    proptest! {
        #[test]
        fn a_walk_finds_what_a_look_at_all_finds(
            mut entries in proptest::collection::vec(entry(), 1..60),
            causes in proptest::collection::vec(line(), 1..30),
            takers in proptest::collection::vec(any::<prop::sample::Index>(), 1..30),
        ) {
            entries.sort_by_key(|entry| entry.at);
            let mut walked: Vec<Verdict> = entries.into_iter().map(Verdict::own).collect();
            let taken: Vec<(usize, usize)> = takers
                .iter()
                .zip(0..causes.len())
                .map(|(taker, line)| (taker.index(walked.len()), line))
                .collect();
            for (taker, line) in &taken {
                walked[*taker].evidence = causes[*line].place;
            }
            let mut looked_at = walked.clone();
            share(&mut walked, &causes, taken.clone(), CauseMatcher::built_in(), &|_, _| false);
            share_simply(&mut looked_at, &causes, taken, CauseMatcher::built_in());
            prop_assert_eq!(walked, looked_at);
        }
    }

    /// So many requests at once, each in two logs, with a line each that was found for its entry in the first.
    fn repeated(n: usize, row_beside: u16) -> (Vec<Verdict>, Vec<CauseFact>, Vec<(usize, usize)>) {
        let line = CauseFact {
            rule: rules()[0],
            place: Place { length: 9, ..Place::default() },
            ..CauseFact::default()
        };
        let entry = |input: u32| {
            let mut entry = EntryFact { status: 503, rule: row_beside, ..EntryFact::default() };
            entry.place.position.input = input;
            let mut verdict = Verdict::own(entry);
            verdict.evidence = if input == 0 { line.place } else { verdict.evidence };
            verdict
        };
        let entries = (0..2 * n).map(|index| entry((index % 2) as u32)).collect();
        (entries, vec![line; n], (0..n).map(|index| (2 * index, index)).collect())
    }

    #[test]
    fn another_client_is_another_request_where_the_logs_name_the_same() {
        for is_strange in [false, true] {
            let (mut entries, causes, taken) = repeated(1, rows()[0]);
            for (client, verdict) in (5..).zip(&mut entries) {
                verdict.entry.client = client;
            }
            share(&mut entries, &causes, taken, CauseMatcher::built_in(), &|_, _| is_strange);
            let n_told = entries.iter().filter(|verdict| verdict.evidence.length == 9).count();
            assert_eq!(n_told, 1 + usize::from(is_strange));
        }
    }

    #[test]
    fn many_repeats_take_time_in_proportion() {
        let n = 50_000;
        let is_traced = |verdict: &&Verdict| verdict.entry.flags.has(Flags::TRACED);
        let rows = rows();
        let (mut entries, causes, taken) = repeated(n, rows[0]);
        share(&mut entries, &causes, taken, CauseMatcher::built_in(), &|_, _| false);
        assert!(entries.iter().all(|verdict| verdict.evidence.length == 9));
        // One that tells of something else is marked once.
        let (mut entries, causes, taken) = repeated(n, rows[rows.len() - 1]);
        share(&mut entries, &causes, taken, CauseMatcher::built_in(), &|_, _| false);
        assert_eq!(entries.iter().filter(is_traced).count(), n);
    }
}
