//! Entries and error lines of one client and request line -> which line explains which entry.
//!
//! In: the entries of one (client, target), and the messages that name the same, each in order of time. Out: the
//! pairs, of methods and machines that agree. Both lists are short in ordinary traffic and long when a client repeats a
//! request, so the rule must hold for repeats:
//!
//! 1. Lines of one connection belong to one request (one line per attempt) as long as no entry ended between them and
//!    no line came that is always the last of its request, and no backend timed out or refused twice: of one request, a
//!    backend that did is not tried again.
//! 2. An entry whose line carries its connection takes a group of that connection.
//! 3. Every other group goes to the first entry that ended when its last line was written, or later, and that was being
//!    served then: back to its start where the layout has a duration, else `NEAR_US`. nginx writes the error line
//!    at the moment it gives up, and the access line right after it, both with the time of one cached clock. What is
//!    left may go to an entry that ended up to a second before, at lower confidence.
//! 4. Entries compete by their own fields (module [`fit`](super::fit)): one that these rule out takes no group, in no step;
//!    one that names the backend of the line goes before others, and one that names another backend or host comes last.
//!    Where the entries are of several logs, a group goes to one whose own fields say otherwise only if no other takes it,
//!    and to one that may be another server's only if none that surely is not does: two servers may log the request beside
//!    each other, and one of them relayed what the other failed at.
//! 5. Of the lines of a group the last one decides; if the entry names its last upstream, the last line about that one.
//!
//! Source: nginx `ngx_http_upstream.c` (`ngx_http_upstream_next` logs each failed attempt, then finalizes).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::BasisSet;
use super::fit::Fit;
use crate::fact::{CauseFact, EntryFact, Flags, machines_agree, methods_agree, methods_differ};
use crate::taxonomy::{Basis, Confidence};
use crate::time::SECOND_US;

/// How far logs round a time, microseconds.
const ROUNDING_US: i64 = SECOND_US;

/// Allowed between a line and the end of its request when the duration is not known.
const NEAR_US: i64 = 2 * SECOND_US;

/// Lines of one connection further apart than this are different requests: twice nginx's default timeouts.
const SAME_REQUEST_US: i64 = 120 * SECOND_US;

/// Entries looked at for one group. Beyond, the group stays alone: a rule on the data, so that it holds for any order.
const MAX_CANDIDATES: usize = 256;

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
    /// Of its first line; 0 for none.
    method: u16,
    /// Of its first line; 0 for none.
    machine: u32,
    /// Backends that are not tried again for the request.
    timed_out: HashSet<u32>,
    taken: bool,
}

/// Pairs entries with messages. Both must be in order of (time, position); `explains` tells messages that explain a
/// request from others, `is_final` those that are always the last of their request, `is_last_try` those after which the
/// same backend is not tried again for the request; `fit` how well a line fits an entry by who wrote them and why.
pub fn match_cluster(
    entries: &[EntryFact],
    causes: &[CauseFact],
    explains: &dyn Fn(&CauseFact) -> bool,
    is_final: &dyn Fn(&CauseFact) -> bool,
    is_last_try: &dyn Fn(&CauseFact) -> bool,
    fit: &dyn Fn(&EntryFact, &CauseFact) -> Fit,
) -> Vec<Matched> {
    let usable: Vec<usize> = (0..causes.len())
        .filter(|line| explains(&causes[*line]) && !causes[*line].flags.has(Flags::TIMELESS))
        .collect();
    let mut groups = group_lines(&usable, entries, causes, is_final, is_last_try);
    groups.sort_by_key(|group| group.last_at);
    let mut pairing =
        Pairing { entries, causes, free: Free::new(entries.len()), matched: Vec::new() };
    pairing.by_connection(&mut groups, fit);
    let input_of = |entry: &EntryFact| entry.place.position.input;
    let is_of_several = entries.windows(2).any(|pair| input_of(&pair[0]) != input_of(&pair[1]));
    let fits = fits_of(entries, &usable, causes, fit);
    for round in rounds_of(&fits, is_of_several) {
        let fits = |entry: &EntryFact, line: &CauseFact| round.contains(&fit(entry, line));
        pairing.in_order(&mut groups, 0, Confidence::Confirmed, &fits);
        pairing.in_order(&mut groups, ROUNDING_US, Confidence::Likely, &fits);
    }
    pairing.matched
}

/// More pairs of what entries and lines say than this are not looked at.
const MAX_KINDS: usize = 4096;

/// How well lines fit entries, the best first; entries and lines that say the same are looked at once.
fn fits_of(
    entries: &[EntryFact],
    usable: &[usize],
    causes: &[CauseFact],
    fit: &dyn Fn(&EntryFact, &CauseFact) -> Fit,
) -> Vec<Fit> {
    let entries: BTreeMap<_, _> = entries
        .iter()
        .map(|entry| {
            let names = (entry.upstream, entry.host, entry.referrer);
            ((entry.rule, names, entry.method, entry.flags), entry)
        })
        .collect();
    let lines: BTreeMap<_, _> = usable
        .iter()
        .map(|line| &causes[*line])
        .map(|line| ((line.rule, line.scope, line.host, line.referrer, line.method), line))
        .collect();
    if entries.len() * lines.len() > MAX_KINDS {
        return Fit::ALL.to_vec();
    }
    let pairs = entries.values().flat_map(|entry| lines.values().map(|line| fit(entry, line)));
    let fits: BTreeSet<Fit> = pairs.filter(|fit| *fit != Fit::Not).collect();
    fits.into_iter().rev().collect()
}

/// Which fits are accepted, round by round. In one log a request that goes on to another backend has a line all the same,
/// though its fields tell another cause.
fn rounds_of(fits: &[Fit], is_of_several: bool) -> Vec<Vec<Fit>> {
    if is_of_several || fits.len() < 2 {
        return (1..=fits.len()).map(|n| fits[..n].to_vec()).collect();
    }
    let of = |accepts: &dyn Fn(Fit) -> bool| -> Vec<Fit> {
        fits.iter().copied().filter(|fit| accepts(*fit)).collect()
    };
    let mut rounds = vec![
        of(&|fit| matches!(fit, Fit::Surely | Fit::Poorly)),
        of(&|fit| fit != Fit::Elsewhere),
        fits.to_vec(),
    ];
    rounds.retain(|round| !round.is_empty());
    rounds.dedup();
    rounds
}

/// The second that holds an instant, in microseconds: what a log with whole seconds would have printed.
pub(super) fn second_us(at: i64) -> i64 {
    at.div_euclid(SECOND_US) * SECOND_US
}

/// Step 1 of the module's rule.
fn group_lines(
    usable: &[usize],
    entries: &[EntryFact],
    causes: &[CauseFact],
    is_final: &dyn Fn(&CauseFact) -> bool,
    is_last_try: &dyn Fn(&CauseFact) -> bool,
) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut open: HashMap<u64, usize> = HashMap::new();
    let ended_between = |from: i64, to: i64| {
        let first = entries.partition_point(|entry| second_us(entry.at) < from);
        entries.get(first).is_some_and(|entry| second_us(entry.at) < to)
    };
    let given_up = |fact: &CauseFact| (fact.scope != 0 && is_last_try(fact)).then_some(fact.scope);
    for &line in usable {
        let fact = &causes[line];
        let current = open.get(&fact.connection).copied().filter(|group| {
            let last_at = groups[*group].last_at;
            fact.connection != 0
                && !methods_differ(groups[*group].method, fact.method)
                && machines_agree(groups[*group].machine, fact.machine)
                && fact.at - last_at <= SAME_REQUEST_US
                && !ended_between(second_us(last_at), second_us(fact.at))
                && given_up(fact).is_none_or(|scope| !groups[*group].timed_out.contains(&scope))
        });
        let group = if let Some(group) = current {
            groups[group].lines.push(line);
            groups[group].last_at = fact.at;
            group
        } else {
            groups.push(Group {
                lines: vec![line],
                last_at: fact.at,
                connection: fact.connection,
                method: fact.method,
                machine: fact.machine,
                timed_out: HashSet::new(),
                taken: false,
            });
            groups.len() - 1
        };
        groups[group].timed_out.extend(given_up(fact));
        if is_final(fact) {
            open.remove(&fact.connection);
        } else {
            open.insert(fact.connection, group);
        }
    }
    groups
}

/// Which entries are still free: `next[i]` leads to the first free one from `i` on, with path halving.
pub(super) struct Free {
    next: Vec<usize>,
}

impl Free {
    /// So many, all free.
    pub(super) fn new(n: usize) -> Self {
        Free { next: (0..=n).collect() }
    }

    /// The first free one from here on; as many as there are, when none is.
    pub(super) fn from(&mut self, mut index: usize) -> usize {
        while self.next[index] != index {
            self.next[index] = self.next[self.next[index]];
            index = self.next[index];
        }
        index
    }

    /// Takes one.
    pub(super) fn take(&mut self, index: usize) {
        self.next[index] = index + 1;
    }
}

struct Pairing<'p> {
    entries: &'p [EntryFact],
    causes: &'p [CauseFact],
    free: Free,
    matched: Vec<Matched>,
}

impl Pairing<'_> {
    /// Step 2.
    fn by_connection(&mut self, groups: &mut [Group], fit: &dyn Fn(&EntryFact, &CauseFact) -> Fit) {
        let mut of_connection: HashMap<u64, Vec<usize>> = HashMap::new();
        if self.entries.iter().all(|entry| entry.connection == 0) {
            return;
        }
        for (index, group) in groups.iter().enumerate().filter(|(_, group)| group.connection != 0) {
            of_connection.entry(group.connection).or_default().push(index);
        }
        let basis = BasisSet::of(&[Basis::ExplicitMessage, Basis::ConnectionJoin]);
        for (index, entry) in self.entries.iter().enumerate() {
            let Some(own) = of_connection.get(&entry.connection) else { continue };
            // The last group of the connection that was written before the entry ended. Groups are in order of time.
            let end = own
                .partition_point(|group| second_us(groups[*group].last_at) <= second_us(entry.at));
            let near = own[..end].iter().rev().take(MAX_CANDIDATES).copied();
            let found = near.into_iter().find(|group| {
                let Group { taken, method, machine, last_at, .. } = &groups[*group];
                let last = groups[*group].lines.last().map(|line| &self.causes[*line]);
                !taken
                    && last.is_none_or(|line| fit(entry, line) != Fit::Not)
                    && methods_agree(entry.method, *method)
                    && machines_agree(entry.machine, *machine)
                    && served_at(entry, *last_at, 0)
            });
            if let Some(group) = found {
                groups[group].taken = true;
                self.free.take(index);
                self.pair(index, &groups[group], Confidence::Confirmed, basis);
            }
        }
    }

    /// Steps 3 and 4.
    fn in_order(
        &mut self,
        groups: &mut [Group],
        late_us: i64,
        confidence: Confidence,
        fits: &dyn Fn(&EntryFact, &CauseFact) -> bool,
    ) {
        let basis = BasisSet::of(&[Basis::ExplicitMessage, Basis::RequestJoin]);
        for group in groups.iter_mut().filter(|group| !group.taken) {
            let earliest = second_us(group.last_at) - late_us;
            let first = self.entries.partition_point(|entry| second_us(entry.at) < earliest);
            let mut candidate = self.free.from(first);
            for _ in 0..MAX_CANDIDATES {
                let Some(entry) = self.entries.get(candidate) else { break };
                let last = group.lines.last().map(|line| &self.causes[*line]);
                if !methods_agree(entry.method, group.method)
                    || !machines_agree(entry.machine, group.machine)
                    || last.is_some_and(|line| !fits(entry, line))
                {
                    candidate = self.free.from(candidate + 1);
                    continue;
                }
                // A line with another connection number than the entry's cannot be its own.
                let foreign = entry.connection != 0
                    && group.connection != 0
                    && group.connection != entry.connection;
                if !foreign && served_at(entry, group.last_at, late_us) {
                    group.taken = true;
                    self.free.take(candidate);
                    self.pair(candidate, group, confidence, basis);
                    break;
                }
                if !entry.flags.has(Flags::TIMED) {
                    // Later entries of this kind fit even less.
                    break;
                }
                candidate = self.free.from(candidate + 1);
            }
        }
    }

    /// Step 5.
    fn pair(&mut self, index: usize, group: &Group, confidence: Confidence, basis: BasisSet) {
        let entry = &self.entries[index];
        let last = group.lines.last().copied().unwrap_or_default();
        let about_last_upstream = group
            .lines
            .iter()
            .copied()
            .rfind(|line| entry.upstream != 0 && self.causes[*line].scope == entry.upstream);
        self.matched.push(Matched {
            entry: index,
            deciding: about_last_upstream.unwrap_or(last),
            lines: group.lines.clone(),
            confidence,
            basis,
        });
    }
}

/// True when a line written at `at` can be the last one of the request: it was being served then.
pub(super) fn served_at(entry: &EntryFact, at: i64, late_us: i64) -> bool {
    let (from, to) = serving_time(entry, late_us);
    (from..=to).contains(&second_us(at))
}

/// The seconds in which the last line of the request may have been written, the first and the last.
fn serving_time(entry: &EntryFact, late_us: i64) -> (i64, i64) {
    let before = if entry.flags.has(Flags::TIMED) {
        i64::from(entry.duration_ms) * 1000 + ROUNDING_US
    } else {
        NEAR_US
    };
    let end = second_us(entry.at);
    (end - before, end + late_us)
}

/// True when the request may have written a line at one of these times, which are in order.
pub(super) fn may_have_written(entry: &EntryFact, times: &[i64]) -> bool {
    let (from, to) = serving_time(entry, ROUNDING_US);
    let first = times.partition_point(|at| second_us(*at) < from);
    times.get(first).is_some_and(|at| second_us(*at) <= to)
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

    /// Pairs as (entry, deciding line); every line whose `rule` is 1 is final, of 2 a timeout.
    #[track_caller]
    fn check(entries: &[EntryFact], causes: &[CauseFact], expected: &[(usize, usize)]) {
        let mut pairs: Vec<_> = match_cluster(
            entries,
            causes,
            &|_| true,
            &|fact| fact.rule == 1,
            &|fact| fact.rule == 2,
            &|entry, _| match entry.rule {
                3 => Fit::Poorly,
                4 => Fit::Not,
                _ => Fit::Well,
            },
        )
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
    fn a_backend_that_times_out_twice_did_so_for_two_requests() {
        let timeout = |scope| CauseFact { scope, rule: 2, ..line(10, 1) };
        check(&[entry(10), entry(10)], &[timeout(7), timeout(7)], &[(0, 0), (1, 1)]);
        check(&[entry(10), entry(10)], &[timeout(7), timeout(8)], &[(0, 1)]);
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
    fn two_attempts_of_one_request_do_not_explain_two_entries() {
        check(&[entry(10), entry(10)], &[line(10, 1), line(10, 1)], &[(0, 1)]);
    }

    #[test]
    fn a_line_goes_to_the_entry_that_ended_then_not_to_an_earlier_one() {
        check(&[entry(10), entry(11)], &[line(11, 1)], &[(1, 0)]);
    }

    #[test]
    fn a_line_after_the_response_or_long_before_it_explains_nothing() {
        check(&[entry(10)], &[line(12, 1)], &[]);
        check(&[entry(100)], &[line(10, 1)], &[]);
        check(&[entry(20)], &[line(10, 1)], &[]);
    }

    #[test]
    fn a_known_duration_bounds_the_search() {
        let timed =
            |second, duration_ms| EntryFact { duration_ms, flags: Flags::TIMED, ..entry(second) };
        check(&[timed(100, 30_000)], &[line(71, 1)], &[(0, 0)]);
        check(&[timed(100, 10)], &[line(71, 1)], &[]);
        check(&[timed(75, 10), timed(100, 30_000)], &[line(71, 1)], &[(1, 0)]);
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

    #[test]
    fn many_repeats_take_time_in_proportion() {
        let n = 100_000;
        let stale: Vec<_> = (0..n).map(|_| line(10, 0)).collect();
        let late: Vec<_> = (0..n).map(|_| entry(20)).collect();
        check(&late, &stale, &[]);
        let known: Vec<_> =
            (1..=n as u64).map(|n| EntryFact { connection: n, ..entry(10) }).collect();
        let lines: Vec<_> = (1..=n as u64).map(|n| line(10, n)).collect();
        assert_eq!(
            match_cluster(&known, &lines, &|_| true, &|_| false, &|_| false, &|_, _| Fit::Well)
                .len(),
            known.len()
        );
    }

    #[test]
    fn a_line_is_of_the_log_whose_entry_it_does_not_contradict() {
        let of = |input, rule| {
            let mut entry = EntryFact { rule, ..entry(10) };
            entry.place.position.input = input;
            entry
        };
        check(&[of(0, 3), of(1, 0)], &[line(10, 1)], &[(1, 0)]);
        check(&[of(0, 3), of(1, 3)], &[line(10, 1)], &[(0, 0)]);
        // In one log the entry in whose time the line was written has it, whatever it says.
        check(&[of(0, 3), of(0, 0)], &[line(10, 1)], &[(0, 0)]);
        check(&[of(0, 4)], &[line(10, 1)], &[]);
    }

    #[test]
    fn methods_that_are_known_agree() {
        let asked = |method| EntryFact { method, ..entry(10) };
        let told = |method| CauseFact { method, ..line(10, 1) };
        check(&[asked(5), asked(6)], &[told(6)], &[(1, 0)]);
        check(&[asked(0), asked(6)], &[told(6)], &[(0, 0)]);
        check(&[asked(5)], &[told(6)], &[]);
    }
}
