//! Entries and requests of one client -> which request of the error log explains which entry.
//!
//! In: the entries of one client that are still open, and the requests (see module `threads`) that the error log has of
//! it. Out: the pairs. Neither names the other, so that what joins them is the client, the time, and whatever both happen
//! to name. The rule:
//!
//! 1. A request fits an entry when its server answers such a failure with the entry's status, and its last line was
//!    written while the entry was being served: after its start, and before its end where the duration is known. Where
//!    it is not, [`NEAR_US`] after the start is allowed, and in a second round [`FAR_US`], but only for failures that
//!    take their time, and not for lines written when another entry came in that is left without one.
//! 2. Entries and requests whose times overlap are judged together. Where there are as many requests as entries, or
//!    more, they are paired in order of time, one to one; those that name the same referrer or backend before others.
//! 3. Where there are fewer requests than entries, some entries have another reason, or a line was not understood. Then
//!    only those are paired that a common referrer or backend sets apart, or whose page is one that comes with error
//!    lines, if there are enough for these: see [`Pages`].
//! 4. An entry that looks like entries without any request in the error log is not paired, nor one that names another
//!    backend than the last one that the request failed at.
//! 5. A request is looked for at home first (see module `homes`), and what contradicts each other is not paired: another
//!    server or machine, or another referrer or host where both logs tell it.
//! 6. A pair is contested where another pairing fits as well and tells something else: see module `rivals`.
//!
//! Pages are learned from pairs that nothing doubts and from entries of clients without lines; where these tell nothing,
//! from numbers: entries and requests whose times overlap, where the entries of exactly one page are as many as the
//! requests and each was written in the time of one of them.
//!
//! Whatever remains is left open.

mod looks;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use looks::PageKey;

use super::homes::Home;
use super::overlap::{LineTimes, Moments, Open, ROUNDING_US, groups, rounding_us, span_of};
use super::own_lines::{Subject, told_by};
use super::rivals::{Claim, Contest, Told, contested};
use super::waiting::Waiting;
use crate::fact::{EntryFact, Flags, shortened};
use crate::time::SECOND_US;
use crate::verdict::ErrorLines;

pub use looks::{Look, Pages};

/// How much is allowed where numbers are to tell which page comes with error lines, and failures that do not wait.
const AT_ONCE_US: i64 = SECOND_US / 2;

/// Allowed between the start of an entry and its last line, beside rounding, where the duration is not known.
pub const NEAR_US: i64 = 2 * SECOND_US;

/// The same in the second round: Apache's default timeout is 60 s.
pub const FAR_US: i64 = 60 * SECOND_US;

/// Of this many entries one may be without a request and the order of time still be trusted.
const SLACK: usize = 20;

/// What a request of the error log tells a join.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trace<'t> {
    /// When its last line was written.
    pub at: i64,
    /// Key of the referrer; 0 where the lines do not tell.
    pub referrer: u32,
    /// Key of the last backend; 0 for none.
    pub upstream: u32,
    /// Key of the host; 0 where the lines do not tell.
    pub host: u32,
    /// Statuses that the server answers with; empty for any.
    pub statuses: &'t [u16],
    /// The failure may take long.
    pub is_slow: bool,
    /// What its lines say.
    pub told: Told,
    /// What they are about.
    pub subject: Subject,
    /// Hash of the log id; 0 where the lines do not tell.
    pub log_id: u32,
    /// Hash of the path; 0 where the lines do not tell.
    pub path: u32,
    /// Where they were written.
    pub home: Home,
}

impl<'t> Trace<'t> {
    /// An order that does not depend on how the lines were handed over.
    fn content(&self) -> impl Ord + use<'t> {
        let names = (self.referrer, self.upstream, self.host, self.log_id, self.path, self.subject);
        (self.at, names, self.statuses, self.is_slow, self.told, self.home)
    }

    pub(super) fn gives(&self, status: u16) -> bool {
        self.statuses.is_empty() || self.statuses.contains(&status)
    }
}

/// Pairs found, and entries of which the error log has no trace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joined {
    /// Entry and request, as indices into the lists given.
    pub pairs: Vec<(usize, usize)>,
    /// Entries that no request fits at all.
    pub silent: Vec<usize>,
    /// Entries whose page comes with error lines, and others, by the numbers of both.
    pub counted: Vec<(usize, bool)>,
    /// Entries of pairs that might as well be others, and in what those differ.
    pub contested: BTreeMap<usize, Contest>,
    /// Entries of pairs that name the same log id.
    pub by_id: BTreeSet<usize>,
    /// Entries that a request may be of by what both tell, and by the time that failures take as a rule.
    pub near: BTreeSet<usize>,
}

/// What is known beside entries and requests.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "holds functions")]
pub struct Known<'k> {
    /// What the page of an entry says.
    pub look: &'k dyn Fn(&EntryFact) -> Look,
    /// Where an entry was logged.
    pub home: &'k dyn Fn(&EntryFact) -> Home,
    /// Key of the host of an entry, where messages name it as well; 0 where that is not known.
    pub host: &'k dyn Fn(&EntryFact) -> u32,
    /// Of this many entries one may be without a request, and the order of time still be trusted; `None`: of any number.
    pub slack: Option<usize>,
}

impl Known<'_> {
    /// What a client's entries and requests are paired by.
    pub const OF_CLIENT: Known<'static> = Known {
        look: &|_| Look::Open,
        home: &|_| Home { place: 0, machine: 0 },
        host: &|entry| entry.host,
        slack: Some(SLACK),
    };
}

/// Each home has a turn of its own, which looks at all facts of a client. More than this are names that anything may have
/// written: then none counts.
const MAX_HOMES: usize = 256;

/// Pairs the entries of one client with its requests; or entries and requests that name no client, with time alone.
pub fn match_client(entries: &[EntryFact], traces: &[Trace<'_>], known: Known<'_>) -> Joined {
    let mut homes: Vec<Home> = entries.iter().map(known.home).collect();
    let with_traces: BTreeSet<Home> = traces.iter().map(|trace| trace.home).collect();
    let mut own: BTreeSet<Home> = homes
        .iter()
        .copied()
        .filter(|home| home.is_known() && with_traces.contains(home))
        .collect();
    if own.len() > MAX_HOMES {
        own.clear();
        homes.fill(Home::default());
    }
    let mut join = Join {
        entries,
        traces,
        times: LineTimes::of(traces),
        looks: entries.iter().map(known.look).collect(),
        lines: entries.iter().map(told_by).collect(),
        hosts: entries.iter().map(known.host).collect(),
        homes,
        paths: entries.iter().map(|entry| shortened(entry.path)).collect(),
        slack: known.slack,
        tells_referrers: traces.iter().any(|trace| trace.referrer != 0),
        taken_entries: vec![false; entries.len()],
        taken_traces: vec![false; traces.len()],
        joined: Joined::default(),
    };
    join.by_log_id();
    let mut statuses: Vec<u16> = entries.iter().map(|entry| entry.status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    for home in own.iter().copied().map(Some).chain([None]) {
        for round in [Round::Near, Round::Far] {
            for &status in &statuses {
                join.round(round, status, home, &own);
            }
        }
    }
    join.joined.pairs.sort_unstable();
    join.joined.silent.sort_unstable();
    join.joined
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    Near,
    Far,
}

impl Round {
    /// What is allowed to failures that take their time where the duration is not known.
    pub(super) fn allowed_us(self) -> i64 {
        if self == Round::Near { NEAR_US } else { FAR_US }
    }
}

pub(super) struct Join<'j> {
    pub(super) entries: &'j [EntryFact],
    pub(super) traces: &'j [Trace<'j>],
    /// How the traces write their times.
    pub(super) times: LineTimes,
    looks: Vec<Look>,
    /// What the entries tell of their lines.
    pub(super) lines: Vec<ErrorLines>,
    /// Of the entries.
    hosts: Vec<u32>,
    /// Of the entries.
    homes: Vec<Home>,
    /// Hashes of the entries' paths.
    pub(super) paths: BTreeSet<u32>,
    slack: Option<usize>,
    /// The error log tells referrers.
    tells_referrers: bool,
    pub(super) taken_entries: Vec<bool>,
    pub(super) taken_traces: Vec<bool>,
    pub(super) joined: Joined,
}

impl Join<'_> {
    /// One round for the entries and requests of one home, or of all. `own`: the homes that have a turn of their own.
    fn round(&mut self, round: Round, status: u16, home: Option<Home>, own: &BTreeSet<Home>) {
        let any_fine = self.entries.iter().any(|entry| rounding_us(entry) < ROUNDING_US);
        let fits = |trace: &Trace<'_>| {
            trace.gives(status) && (round == Round::Near || trace.is_slow || any_fine)
        };
        let mut heard: Vec<usize> = (0..self.traces.len())
            .filter(|index| !self.taken_traces[*index] && fits(&self.traces[*index]))
            .filter(|index| home.is_none_or(|home| home.agrees(self.traces[*index].home)))
            .collect();
        heard.sort_by_key(|index| (self.traces[*index].content(), *index));
        let times_of = |traces: &[usize], is_of_kind: &dyn Fn(&Trace<'_>) -> bool| -> Vec<i64> {
            let traces = traces.iter().map(|index| &self.traces[*index]);
            traces.filter(|trace| is_of_kind(trace)).map(|trace| trace.at).collect()
        };
        let mut traces = heard.clone();
        traces.retain(|index| home.is_none_or(|home| home == self.traces[*index].home));
        // Entries hear the lines that may be their own.
        let kinds: BTreeSet<ErrorLines> = self.lines.iter().copied().collect();
        let of_kind = |kind: ErrorLines| {
            let may_be = |trace: &Trace<'_>| trace.may_be_of(kind);
            let times = [false, true].map(|is_slow| {
                let of_speed = |trace: &Trace<'_>| trace.is_slow == is_slow && may_be(trace);
                (is_slow, times_of(&traces, &of_speed))
            });
            (kind, (times, times_of(&heard, &may_be)))
        };
        let times_of_kind: BTreeMap<ErrorLines, _> = kinds.into_iter().map(of_kind).collect();
        let is_any_at = |times: &[i64], (from, to): (i64, i64)| {
            let next = times.partition_point(|at| *at < from);
            times.get(next).is_some_and(|at| *at <= to)
        };
        let mut all_open = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            // What has no home may be at home here: it keeps its share of the lines.
            let is_here = home.is_none_or(|home| home.agrees(self.homes[index]));
            if self.taken_entries[index] || entry.status != status || !is_here {
                continue;
            }
            let open = Open::of(index, entry, round, self.times);
            let Some((times, heard_times)) = times_of_kind.get(&self.lines[index]) else {
                continue;
            };
            // Of what has a turn of its own it is known by then.
            let is_heard = home.map_or_else(
                || !own.contains(&self.homes[index]),
                |home| home == self.homes[index],
            );
            if times.iter().any(|(is_slow, times)| is_any_at(times, open.span(*is_slow))) {
                all_open.push(open);
                if round == Round::Near {
                    self.joined.near.insert(index);
                }
            } else if round == Round::Near
                && is_heard
                && !is_any_at(heard_times, span_of(entry, FAR_US, ROUNDING_US, self.times))
            {
                self.joined.silent.push(index);
            }
        }
        all_open.sort_by_cached_key(|open| {
            (open.hull(), self.entries[open.entry].content(), open.entry)
        });
        let n_before = self.joined.pairs.len();
        for (open, traces) in groups(&all_open, &traces, self.traces) {
            self.judge(&open, &traces, round);
        }
        self.give_back(n_before, status, home);
    }

    /// Takes back those of the pairs from the given one on that have no name in common, and whose line was written when
    /// another entry came in that is still open: whatever the page of that says, it is rather that entry's.
    fn give_back(&mut self, n_before: usize, status: u16, home: Option<Home>) {
        let at_once = |index: usize| {
            Open::of(index, &self.entries[index], Round::Near, self.times).span(false)
        };
        let open = self.entries.iter().enumerate().filter(|(index, entry)| {
            entry.status == status
                && !self.taken_entries[*index]
                && self.lines[*index].are_written != Some(false)
                && home.is_none_or(|home| home.agrees(self.homes[*index]))
        });
        let moments = Moments::of(open.map(|(index, _)| at_once(index)));
        let is_anothers = |(entry, trace): &(usize, usize)| {
            let Trace { at, is_slow, referrer, upstream, .. } = self.traces[*trace];
            let (from, to) = at_once(*entry);
            let fact = &self.entries[*entry];
            let is_named = (referrer != 0 && referrer == fact.referrer)
                || (upstream != 0 && upstream == fact.upstream);
            is_slow && !is_named && !(from <= at && at <= to) && moments.holds(at)
        };
        let new = self.joined.pairs.split_off(n_before);
        let (given_back, kept): (Vec<_>, Vec<_>) = new.into_iter().partition(is_anothers);
        self.joined.pairs.extend(kept);
        for (entry, trace) in given_back {
            self.taken_entries[entry] = false;
            self.taken_traces[trace] = false;
            self.joined.contested.remove(&entry);
        }
    }

    /// Which page comes with error lines, where entries of several pages overlap and numbers leave no choice.
    fn count(&mut self, open: &[Open], traces: &[usize]) {
        if traces.is_empty() || self.counts_agree(open.len(), traces.len()) {
            return;
        }
        let mut pages: BTreeMap<PageKey, Vec<usize>> = BTreeMap::new();
        for Open { entry, .. } in open {
            if let Some(key) = Pages::sized_key(&self.entries[*entry]) {
                pages.entry(key).or_default().push(*entry);
            }
        }
        let mut fitting = pages.iter().filter(|(_, page)| self.fits_each(page, traces));
        if let (Some((key, _)), None) = (fitting.next(), fitting.next()) {
            let told = |Open { entry, .. }: &Open| {
                (*entry, Pages::sized_key(&self.entries[*entry]) == Some(*key))
            };
            self.joined.counted.extend(open.iter().map(told));
        } else {
            // Of a page with more entries than there are requests, some have none.
            let surplus = pages.values().flat_map(|page| page.iter().skip(traces.len()));
            self.joined.counted.extend(surplus.map(|entry| (*entry, false)));
        }
    }

    /// True when these entries are as many as the requests, and each request was written in the time of one of them.
    fn fits_each(&self, entries: &[usize], traces: &[usize]) -> bool {
        if entries.len() != traces.len() {
            return false;
        }
        let is_slow = traces.iter().any(|trace| self.traces[*trace].is_slow);
        let near_us = if is_slow { NEAR_US } else { AT_ONCE_US };
        let mut windows: Vec<(i64, i64)> = entries
            .iter()
            .map(|entry| {
                let entry = &self.entries[*entry];
                span_of(entry, near_us, rounding_us(entry), self.times)
            })
            .collect();
        windows.sort_unstable();
        let mut windows = windows.into_iter().peekable();
        let mut waiting: BinaryHeap<Reverse<i64>> = BinaryHeap::new();
        traces.iter().map(|trace| self.traces[*trace].at).all(|at| {
            while let Some((_, to)) = windows.next_if(|window| window.0 <= at) {
                waiting.push(Reverse(to));
            }
            waiting.pop().is_some_and(|Reverse(to)| at <= to)
        })
    }

    /// Steps 2 to 6 for entries and requests whose times overlap: those of each referrer and host alone, if all tell it.
    pub(super) fn judge_names(&mut self, open: &[Open], traces: &[usize], round: Round) {
        let names_of = |index: usize| (self.entries[index].referrer, self.hosts[index]);
        let of_entries = || open.iter().map(|open| names_of(open.entry));
        let of_traces =
            || traces.iter().map(|trace| (self.traces[*trace].referrer, self.traces[*trace].host));
        let (tell_referrer, tell_host) = of_entries()
            .chain(of_traces())
            .fold((true, true), |told, names| (told.0 && names.0 != 0, told.1 && names.1 != 0));
        if !tell_referrer && !tell_host {
            return self.judge_alike(open, traces, round);
        }
        let key = |(referrer, host): (u32, u32)| {
            (if tell_referrer { referrer } else { 0 }, if tell_host { host } else { 0 })
        };
        let mut classes: BTreeMap<(u32, u32), (Vec<Open>, Vec<usize>)> = BTreeMap::new();
        for open in open {
            classes.entry(key(names_of(open.entry))).or_default().0.push(*open);
        }
        for (index, names) in traces.iter().zip(of_traces()) {
            classes.entry(key(names)).or_default().1.push(*index);
        }
        for (open, traces) in classes.into_values() {
            for (open, traces) in groups(&open, &traces, self.traces) {
                self.judge_alike(&open, &traces, round);
            }
        }
    }

    fn judge_alike(&mut self, open: &[Open], traces: &[usize], round: Round) {
        if round == Round::Near {
            self.count(open, traces);
        }
        let n_before = self.joined.pairs.len();
        self.pair_up(open, traces);
        self.contest(open, traces, n_before);
    }

    fn pair_up(&mut self, open: &[Open], traces: &[usize]) {
        let open: Vec<Open> =
            open.iter().filter(|open| self.looks[open.entry] != Look::Silent).copied().collect();
        let n_before = self.joined.pairs.len();
        if self.counts_agree(open.len(), traces.len()) {
            self.in_order(&open, traces);
            // What both name goes before the order, unless that leaves more entries without a request.
            let in_order = self.undo(n_before);
            self.in_classes(&open, traces);
            self.in_order(&open, traces);
            if self.joined.pairs.len() - n_before < in_order.len() {
                self.undo(n_before);
                for (entry, trace) in in_order {
                    self.pair(entry, trace);
                }
            }
            // As many as there are, but not for each entry one that fits: then some have none.
            if self.counts_agree(open.len(), self.joined.pairs.len() - n_before) {
                return;
            }
            self.undo(n_before);
        }
        self.in_classes(&open, traces);
        let is_open = |open: &&Open| !self.taken_entries[open.entry];
        let is_explained = |open: &&Open| self.looks[open.entry] == Look::Explained;
        let (explained, others): (Vec<&Open>, Vec<&Open>) =
            open.iter().filter(is_open).partition(is_explained);
        // What has no page may have a request as well.
        let has_no_page = |open: &&&Open| self.entries[open.entry].page_bytes().is_none();
        let n_without_page = others.iter().filter(has_no_page).count();
        let n_left = traces.iter().filter(|trace| !self.taken_traces[**trace]).count();
        if self.counts_agree(explained.len() + n_without_page, n_left) {
            let explained: Vec<Open> = explained.into_iter().copied().collect();
            self.in_order(&explained, traces);
        }
    }

    /// Pairs what names the same backend and referrer, or else the same referrer, where the numbers agree.
    fn in_classes(&mut self, open: &[Open], traces: &[usize]) {
        for names_upstream in [true, false] {
            let key = |upstream, referrer| {
                if names_upstream { (upstream, referrer) } else { (0, referrer) }
            };
            let mut classes: BTreeMap<(u32, u32), (Vec<Open>, Vec<usize>)> = BTreeMap::new();
            for open in open.iter().filter(|open| !self.taken_entries[open.entry]) {
                let entry = &self.entries[open.entry];
                let referrer = self.referrer_of(entry);
                classes.entry(key(entry.upstream, referrer)).or_default().0.push(*open);
            }
            for &index in traces.iter().filter(|trace| !self.taken_traces[**trace]) {
                let trace = &self.traces[index];
                if let Some(class) = classes.get_mut(&key(trace.upstream, trace.referrer)) {
                    class.1.push(index);
                }
            }
            for (open, traces) in classes.into_values() {
                if self.counts_agree(open.len(), traces.len()) {
                    self.in_order(&open, &traces);
                }
            }
        }
    }

    pub(super) fn pair(&mut self, entry: usize, trace: usize) {
        self.taken_entries[entry] = true;
        self.taken_traces[trace] = true;
        self.joined.pairs.push((entry, trace));
    }

    /// Takes back the pairs from the given one on, and returns them.
    fn undo(&mut self, from: usize) -> Vec<(usize, usize)> {
        let undone = self.joined.pairs.split_off(from);
        for (entry, trace) in &undone {
            self.taken_entries[*entry] = false;
            self.taken_traces[*trace] = false;
        }
        undone
    }

    /// Pairs in order of time: each request with the entry that could be served no later.
    fn in_order(&mut self, open: &[Open], traces: &[usize]) {
        // Entries wait for requests of either kind.
        let mut lines = [false, true].map(|is_slow| {
            let mut by_start: Vec<usize> = (0..open.len()).collect();
            by_start.sort_by_key(|at_open| open[*at_open].span(is_slow).0);
            (Waiting::default(), by_start.into_iter().peekable())
        });
        for &trace in traces {
            let Trace { at, is_slow, .. } = self.traces[trace];
            let (waiting, next) = &mut lines[usize::from(is_slow)];
            while let Some(at_open) = next.next_if(|next| open[*next].span(is_slow).0 <= at) {
                let (entry, (from, to)) = (open[at_open].entry, open[at_open].span(is_slow));
                let referrer = self.referrer_of(&self.entries[entry]);
                let named = (referrer, self.entries[entry].upstream);
                waiting.push(self.homes[entry], named, (to, from, at_open));
            }
            if self.taken_traces[trace] {
                continue;
            }
            let is_taken = |at_open: usize| self.taken_entries[open[at_open].entry];
            let entry = waiting.take(&self.traces[trace], &is_taken).map(|at| open[at].entry);
            if let Some(entry) = entry.filter(|it| self.traces[trace].may_be_of(self.lines[*it])) {
                self.pair(entry, trace);
            }
        }
    }

    /// Key of the referrer of an entry; 0 where it is not known, or the error log tells none.
    fn referrer_of(&self, entry: &EntryFact) -> u32 {
        if self.tells_referrers { entry.referrer } else { 0 }
    }

    /// True when there are as many requests as entries, or nearly.
    fn counts_agree(&self, n_entries: usize, n_requests: usize) -> bool {
        n_entries.saturating_sub(n_requests) <= self.slack.map_or(0, |slack| n_entries / slack)
    }

    /// Step 6 for the pairs from the given one on.
    fn contest(&mut self, open: &[Open], traces: &[usize], n_before: usize) {
        let entry_of: HashMap<usize, usize> =
            self.joined.pairs[n_before..].iter().map(|(entry, trace)| (*trace, *entry)).collect();
        let open_of: HashMap<usize, &Open> = open.iter().map(|open| (open.entry, open)).collect();
        let claims: Vec<Claim> = traces
            .iter()
            .filter(|trace| !self.taken_traces[**trace] || entry_of.contains_key(trace))
            .map(|&trace| {
                let entry = entry_of.get(&trace).and_then(|entry| {
                    let (from, to) = open_of.get(entry)?.hull();
                    Some((*entry, from, to))
                });
                let Trace { at, told, .. } = self.traces[trace];
                Claim { at, told, entry, trace }
            })
            .collect();
        let fit = |entry: usize, trace: usize| {
            let open = open_of.get(&entry)?;
            self.fit(open, &self.traces[trace])
        };
        for (entry, contest) in contested(&claims, &fit) {
            self.joined.contested.insert(entry, contest);
        }
    }

    /// How well a request fits an entry: the more, the more both name, and then if it was written when such lines are.
    fn fit(&self, open: &Open, trace: &Trace<'_>) -> Option<u32> {
        let (entry, host) = (open.entry, self.hosts[open.entry]);
        let (fact, referrer) = (&self.entries[entry], self.referrer_of(&self.entries[entry]));
        let path = shortened(fact.path);
        let agrees = open.holds(trace)
            && trace.may_be_of(self.lines[entry])
            // The server's own path may be another one: decoded, or rewritten.
            && (trace.path == path || !self.paths.contains(&trace.path))
            && self.homes[entry].agrees(trace.home)
            && (referrer == 0 || trace.referrer == 0 || referrer == trace.referrer)
            && (fact.upstream == 0 || trace.upstream == 0 || fact.upstream == trace.upstream)
            && (host == 0 || trace.host == 0 || host == trace.host);
        let is_common = |one: u32, other: u32| u32::from(one != 0 && one == other);
        let n_common = is_common(referrer, trace.referrer)
            + is_common(fact.upstream, trace.upstream)
            + u32::from(self.homes[entry].is_known() && self.homes[entry] == trace.home);
        agrees.then_some(n_common * 2 + u32::from(self.is_timely(fact, trace)))
    }

    /// True when the last line of a request was written when it is if nothing is waited for but what the entry tells.
    fn is_timely(&self, entry: &EntryFact, trace: &Trace<'_>) -> bool {
        let is_at_start = entry.flags.has(Flags::AT_START) || entry.flags.has(Flags::SHARED_LAYOUT);
        let is_timed = entry.flags.has(Flags::TIMED);
        if is_at_start && !is_timed && trace.is_slow {
            return true;
        }
        let served_us = if is_at_start { i64::from(entry.duration_ms) * 1000 } else { 0 };
        let end = entry.at + served_us;
        self.times.earliest(end - AT_ONCE_US) <= trace.at
            && trace.at <= end + rounding_us(entry) + AT_ONCE_US
    }
}
