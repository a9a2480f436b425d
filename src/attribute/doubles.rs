//! Pairs of one client and request that might as well be others.
//!
//! In: the entries and lines of one client and request, and their pairs. Out: which pairs the same facts do not prove. A
//! client that repeats a request within a second leaves entries and lines that nothing tells apart. As long as all of them
//! say the same, it does not matter which is whose; if not, a pair proves nothing. The rule: a pair is contested
//!
//! 1. by an entry of the same log that has no line, is as near to the line in time, and fits it as well: what it was
//!    answered with may have another reason, and either may be the one;
//! 2. by an entry whose line tells something else, where both fit the other's line as well;
//! 3. by a line that found no entry, tells something else, and fits the entry as well.
//!
//! What is joined by the number of its connection is never contested.
//! Invariants: what is contested does not depend on order.

use std::collections::{BTreeMap, BTreeSet};

use super::fit::Fit;
use super::join::{Matched, second_us};
use super::rivals::{Contest, Told};
use crate::evidence::InputIndex;
use crate::fact::{CauseFact, EntryFact, machines_agree, methods_agree};
use crate::taxonomy::Basis;
use crate::time::SECOND_US;

/// More kinds of entries or lines in one second than this are not compared: they contest all.
const MAX_KINDS: usize = 64;

/// An entry and a line pair up over no more seconds than these, beside durations.
const MAX_SECONDS: i64 = 3;

/// How well a line fits an entry.
type Fitness<'f> = &'f dyn Fn(&EntryFact, &CauseFact) -> Fit;

/// Facts that say the same in one second: one of them, and what their lines tell. `None`: it has no pair.
type Kinds = Vec<(usize, Option<Told>)>;

/// For each pair how it is contested, if it is. `explains` tells lines that explain a request, `told` what a line tells.
pub(super) fn contests(
    entries: &[EntryFact],
    causes: &[CauseFact],
    matched: &[Matched],
    explains: &dyn Fn(&CauseFact) -> bool,
    told: &dyn Fn(&CauseFact) -> Told,
    fit: Fitness<'_>,
) -> Vec<Option<Contest>> {
    let taken: BTreeSet<usize> = matched.iter().flat_map(|pair| &pair.lines).copied().collect();
    let is_free = |line: &usize| !taken.contains(line) && explains(&causes[*line]);
    let free: Vec<usize> = (0..causes.len()).filter(is_free).collect();
    let mut all = matched.iter().map(|pair| pair.deciding).chain(free.iter().copied());
    let first = all.next().map(|line| told(&causes[line]));
    // All that is there says the same, and nothing lacks a line.
    let is_one = all.all(|line| Some(told(&causes[line])) == first);
    if entries.len() < 2 && free.is_empty() || is_one && matched.len() >= entries.len() {
        return vec![None; matched.len()];
    }
    let doubles = Doubles {
        entries,
        causes,
        fit,
        entries_in: kinds_of_entries(entries, matched, &|line| told(&causes[line])),
        lines_in: kinds_of_lines(causes, matched, &free, told),
    };
    matched.iter().map(|pair| doubles.contest(pair, told(&causes[pair.deciding]))).collect()
}

fn kinds_of_entries(
    entries: &[EntryFact],
    matched: &[Matched],
    told: &dyn Fn(usize) -> Told,
) -> BTreeMap<(InputIndex, i64), Kinds> {
    let told_of: BTreeMap<usize, Told> =
        matched.iter().map(|pair| (pair.entry, told(pair.deciding))).collect();
    let (mut kinds, mut seen) = (BTreeMap::<_, Kinds>::new(), BTreeSet::new());
    for (index, entry) in entries.iter().enumerate() {
        let second = (entry.place.position.input, second_us(entry.at));
        let told = told_of.get(&index).copied();
        let names = (entry.upstream, entry.host, entry.referrer, entry.method, entry.machine);
        if seen.insert((second, told, names, entry.rule, entry.flags, entry.status)) {
            kinds.entry(second).or_default().push((index, told));
        }
    }
    kinds
}

fn kinds_of_lines(
    causes: &[CauseFact],
    matched: &[Matched],
    free: &[usize],
    told: &dyn Fn(&CauseFact) -> Told,
) -> BTreeMap<i64, BTreeMap<Told, Vec<Line>>> {
    let mut kinds = BTreeMap::<_, BTreeMap<_, Vec<Line>>>::new();
    let mut seen = BTreeSet::new();
    let paired = matched.iter().map(|pair| (pair.deciding, false));
    for (index, is_free) in paired.chain(free.iter().map(|line| (*line, true))) {
        let fact = &causes[index];
        let (second, told) = (second_us(fact.at), told(fact));
        let names = (fact.scope, fact.host, fact.referrer, fact.method, fact.machine);
        if seen.insert((second, is_free, told, names, fact.rule)) {
            let alike = kinds.entry(second).or_default().entry(told).or_default();
            alike.push(Line { index, told, is_free });
        }
    }
    kinds
}

/// One line of those that say the same in one second.
#[derive(Debug, Clone, Copy)]
struct Line {
    index: usize,
    told: Told,
    /// It found no entry.
    is_free: bool,
}

struct Doubles<'d> {
    entries: &'d [EntryFact],
    causes: &'d [CauseFact],
    fit: Fitness<'d>,
    entries_in: BTreeMap<(InputIndex, i64), Kinds>,
    lines_in: BTreeMap<i64, BTreeMap<Told, Vec<Line>>>,
}

impl Doubles<'_> {
    fn contest(&self, pair: &Matched, told: Told) -> Option<Contest> {
        if pair.basis.items().any(|basis| basis == Basis::ConnectionJoin) {
            return None;
        }
        let (entry, line) = (&self.entries[pair.entry], &self.causes[pair.deciding]);
        let own = (self.fit)(entry, line);
        let (from, to) = (second_us(line.at), second_us(entry.at));
        let from = from.max(to - MAX_SECONDS * SECOND_US);
        let others = || {
            let told_in = self.lines_in.range(from.min(to)..=to).flat_map(|(_, told_in)| told_in);
            told_in.filter(|(other, _)| **other != told).map(|(_, lines)| lines)
        };
        if others().any(|lines| lines.len() > MAX_KINDS) {
            return Some(Contest::Origin);
        }
        let near: Vec<Line> = others()
            .flatten()
            .filter(|other| self.fits(entry, other.index, own))
            .copied()
            .collect();
        let input = entry.place.position.input;
        let beside = self.entries_in.range((input, from.min(to))..=(input, to));
        let mut worst = None;
        for (_, kinds) in beside {
            // What tells the same contests nothing.
            let other_kinds = || kinds.iter().filter(|(_, theirs)| *theirs != Some(told));
            if other_kinds().take(MAX_KINDS + 1).count() > MAX_KINDS {
                return Some(Contest::Origin);
            }
            for (other, theirs) in other_kinds() {
                if *other == pair.entry || !self.fits(&self.entries[*other], pair.deciding, own) {
                    continue;
                }
                worst = worst.max(match theirs {
                    None => Some(Contest::Origin),
                    Some(theirs) => {
                        let is_theirs = |line: &Line| !line.is_free && line.told == *theirs;
                        differs_in(told, *theirs).filter(|_| near.iter().any(is_theirs))
                    }
                });
            }
        }
        let free = near.iter().filter(|line| line.is_free);
        free.map(|line| differs_in(told, line.told)).fold(worst, Option::max)
    }

    /// True when a line fits an entry at least so well.
    fn fits(&self, entry: &EntryFact, line: usize, at_least: Fit) -> bool {
        let line = &self.causes[line];
        let fit = (self.fit)(entry, line);
        fit != Fit::Not
            && fit >= at_least
            && methods_agree(entry.method, line.method)
            && machines_agree(entry.machine, line.machine)
    }
}

fn differs_in(one: Told, other: Told) -> Option<Contest> {
    if one.origin != other.origin {
        return Some(Contest::Origin);
    }
    (one != other).then_some(Contest::Cause)
}
