//! Entries and requests of one client -> which request of the error log explains which entry.
//!
//! In: the entries of one client that are still open, and the requests (see module `threads`) that the error log has of
//! it. Out: the pairs. Neither names the other, so that what joins them is the client, the time, and whatever both happen
//! to name. The rule:
//!
//! 1. A request fits an entry when its server answers such a failure with the entry's status, and its last line was
//!    written while the entry was being served: after its start, and before its end where the duration is known. Where
//!    it is not, [`NEAR_US`] after the start is allowed, and in a second round [`FAR_US`], but only for failures that
//!    take their time.
//! 2. Entries and requests whose times overlap are judged together. Where there are as many requests as entries, or
//!    more, they are paired in order of time, one to one; those that name the same referrer or backend before others.
//! 3. Where there are fewer requests than entries, some entries have another reason, or a line was not understood. Then
//!    only those are paired that a common referrer or backend sets apart, or whose page is one that comes with error
//!    lines: see [`Pages`].
//! 4. An entry that looks like entries without any request in the error log is not paired, nor one that names another
//!    backend than the last one that the request failed at.
//!
//! Pages are learned from pairs that nothing doubts and from entries of clients without lines; where these tell nothing,
//! from numbers: entries and requests whose times overlap, where the entries of exactly one page are as many as the
//! requests and each was written in the time of one of them.
//!
//! Whatever remains is left open.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use crate::fact::{EntryFact, Flags};
use crate::time::SECOND_US;

/// How far logs round a time, microseconds.
const ROUNDING_US: i64 = SECOND_US;

/// The same where numbers are to tell which page comes with error lines, and failures that do not wait.
const AT_ONCE_US: i64 = SECOND_US / 2;

/// Allowed between the start of an entry and its last line, beside rounding, where the duration is not known.
pub const NEAR_US: i64 = 2 * SECOND_US;

/// The same in the second round: Apache's default timeout is 60 s.
pub const FAR_US: i64 = 60 * SECOND_US;

/// Of this many entries one may be without a request and the order of time still be trusted.
const SLACK: usize = 20;

/// Entries of other backends that are passed over for one request.
const MAX_OTHERS: usize = 256;

/// What a request of the error log tells a join.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trace<'t> {
    /// When its last line was written.
    pub at: i64,
    /// Key of the referrer; 0 for none.
    pub referrer: u32,
    /// Key of the last backend; 0 for none.
    pub upstream: u32,
    /// Statuses that the server answers with; empty for any.
    pub statuses: &'t [u16],
    /// The failure may take long.
    pub is_slow: bool,
}

impl<'t> Trace<'t> {
    /// An order that does not depend on how the lines were handed over.
    fn content(&self) -> impl Ord + use<'t> {
        (self.at, self.referrer, self.upstream, self.statuses, self.is_slow)
    }

    pub(super) fn gives(&self, status: u16) -> bool {
        self.statuses.is_empty() || self.statuses.contains(&status)
    }
}

/// What the page of an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Nothing.
    Open,
    /// Entries that look like it are explained by error lines.
    Explained,
    /// Entries that look like it have no error line.
    Silent,
}

/// Host, status, row of the decision tables, and size where it counts: what makes two pages one. An entry that was not
/// handed to a backend may have the same built-in page as one that was.
type PageKey = (u32, u16, u16, Option<u32>);

/// Which pages come with error lines: per status, row and size of the page, and per host.
///
/// Learned from entries that are surely paired and from those whose client has no line at all. A server's own error page
/// has one size, so that the entries it explains look alike, and pages of backends look otherwise.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    /// How many were paired and how many have no line.
    counts: HashMap<PageKey, (u64, u64)>,
    /// The same by numbers alone, of pages with a size.
    counted: HashMap<PageKey, (u64, u64)>,
}

impl Pages {
    /// More distinct pages than this are not learned.
    const MAX_PAGES: usize = 50_000;

    /// Fewer entries than this say nothing.
    const MIN_SEEN: u64 = 5;

    /// Fewer entries than this say nothing by their numbers.
    const MIN_COUNTED: u64 = 20;

    fn sized_key(entry: &EntryFact) -> Option<PageKey> {
        entry.page_bytes().map(|size| (entry.host, entry.status, entry.rule, Some(size)))
    }

    fn keys(entry: &EntryFact) -> impl Iterator<Item = PageKey> {
        let key = (entry.host, entry.status, entry.rule, None);
        Self::sized_key(entry).into_iter().chain((entry.host != 0).then_some(key))
    }

    /// Learns from an entry.
    pub fn note(&mut self, entry: &EntryFact, is_paired: bool) {
        for key in Self::keys(entry) {
            Self::add(&mut self.counts, key, is_paired);
        }
    }

    /// Learns from an entry that numbers speak of.
    pub fn note_counted(&mut self, entry: &EntryFact, is_paired: bool) {
        if let Some(key) = Self::sized_key(entry) {
            Self::add(&mut self.counted, key, is_paired);
        }
    }

    fn add(counts: &mut HashMap<PageKey, (u64, u64)>, key: PageKey, is_paired: bool) {
        if counts.len() < Self::MAX_PAGES || counts.contains_key(&key) {
            let (paired, silent) = counts.entry(key).or_default();
            *(if is_paired { paired } else { silent }) += 1;
        }
    }

    /// What is known of entries like this one.
    pub fn look(&self, entry: &EntryFact) -> Look {
        let surely = Self::keys(entry).map(|key| (&self.counts, key, Self::MIN_SEEN));
        let by_number = Self::sized_key(entry).map(|key| (&self.counted, key, Self::MIN_COUNTED));
        for (counts, key, least) in surely.chain(by_number) {
            let (paired, silent) = counts.get(&key).copied().unwrap_or_default();
            if paired + silent < least {
                continue;
            }
            if paired >= silent * SLACK as u64 {
                return Look::Explained;
            }
            if silent >= paired * SLACK as u64 {
                return Look::Silent;
            }
        }
        Look::Open
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
}

/// Pairs the entries of one client with its requests; or entries and requests that name no client, with time alone.
pub fn match_client(
    entries: &[EntryFact],
    traces: &[Trace<'_>],
    look: &dyn Fn(&EntryFact) -> Look,
) -> Joined {
    let looks = entries.iter().map(look).collect();
    let mut join = Join {
        entries,
        traces,
        looks,
        taken_entries: vec![false; entries.len()],
        taken_traces: vec![false; traces.len()],
        joined: Joined::default(),
    };
    let mut statuses: Vec<u16> = entries.iter().map(|entry| entry.status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    for round in [Round::Near, Round::Far] {
        for &status in &statuses {
            join.round(round, status);
        }
    }
    join.joined.pairs.sort_unstable();
    join.joined.silent.sort_unstable();
    join.joined
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    Near,
    Far,
}

/// The first and the last instant at which the last line of an entry's request may have been written.
fn window(entry: &EntryFact, round: Round) -> (i64, i64) {
    window_of(entry, if round == Round::Near { NEAR_US } else { FAR_US })
}

/// The same with this much allowed where the duration is not known.
fn window_of(entry: &EntryFact, allowed_us: i64) -> (i64, i64) {
    let is_timed = entry.flags.has(Flags::TIMED);
    let slack_us =
        if is_timed { i64::from(entry.duration_ms) * 1000 + ROUNDING_US } else { allowed_us };
    let (from, to) = (entry.at, entry.at + ROUNDING_US);
    match (entry.flags.has(Flags::SHARED_LAYOUT), entry.flags.has(Flags::AT_START)) {
        (true, _) => (from - slack_us, to + slack_us),
        (false, true) => (from, to + slack_us),
        (false, false) => (from - slack_us - ROUNDING_US, to),
    }
}

struct Join<'j> {
    entries: &'j [EntryFact],
    traces: &'j [Trace<'j>],
    looks: Vec<Look>,
    taken_entries: Vec<bool>,
    taken_traces: Vec<bool>,
    joined: Joined,
}

/// An entry with the time in which its lines may lie.
#[derive(Debug, Clone, Copy)]
struct Open {
    entry: usize,
    from: i64,
    to: i64,
}

impl Join<'_> {
    fn round(&mut self, round: Round, status: u16) {
        let fits =
            |trace: &Trace<'_>| trace.gives(status) && (round == Round::Near || trace.is_slow);
        let mut traces: Vec<usize> = (0..self.traces.len())
            .filter(|index| !self.taken_traces[*index] && fits(&self.traces[*index]))
            .collect();
        traces.sort_by_key(|index| (self.traces[*index].content(), *index));
        let times: Vec<i64> = traces.iter().map(|index| self.traces[*index].at).collect();
        let mut open = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            if self.taken_entries[index] || entry.status != status {
                continue;
            }
            let (from, to) = window(entry, round);
            let next = times.partition_point(|at| *at < from);
            if times.get(next).is_some_and(|at| *at <= to) {
                open.push(Open { entry: index, from, to });
            } else if round == Round::Near {
                let (from, to) = window(entry, Round::Far);
                let next = times.partition_point(|at| *at < from);
                if times.get(next).is_none_or(|at| *at > to) {
                    self.joined.silent.push(index);
                }
            }
        }
        open.sort_by_cached_key(|open| {
            (open.from, open.to, self.entries[open.entry].content(), open.entry)
        });
        // Entries whose times overlap, with the requests in their times.
        let (mut first, mut first_trace) = (0, 0);
        while first < open.len() {
            let (mut last, mut to) = (first + 1, open[first].to);
            while last < open.len() && open[last].from <= to {
                to = to.max(open[last].to);
                last += 1;
            }
            let from_trace =
                first_trace + times[first_trace..].partition_point(|at| *at < open[first].from);
            let to_trace = from_trace + times[from_trace..].partition_point(|at| *at <= to);
            if round == Round::Near {
                self.count(&open[first..last], &traces[from_trace..to_trace]);
            }
            self.judge(&open[first..last], &traces[from_trace..to_trace]);
            (first, first_trace) = (last, to_trace);
        }
    }

    /// Which page comes with error lines, where entries of several pages overlap and numbers leave no choice.
    fn count(&mut self, open: &[Open], traces: &[usize]) {
        if traces.is_empty() || counts_agree(open.len(), traces.len()) {
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
        let mut windows: Vec<(i64, i64)> =
            entries.iter().map(|entry| window_of(&self.entries[*entry], near_us)).collect();
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

    /// Steps 2 to 4 for entries and requests whose times overlap.
    fn judge(&mut self, open: &[Open], traces: &[usize]) {
        let open: Vec<Open> =
            open.iter().filter(|open| self.looks[open.entry] != Look::Silent).copied().collect();
        let n_before = self.joined.pairs.len();
        if counts_agree(open.len(), traces.len()) {
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
            return;
        }
        self.in_classes(&open, traces);
        let explained: Vec<Open> = open
            .iter()
            .filter(|open| {
                !self.taken_entries[open.entry] && self.looks[open.entry] == Look::Explained
            })
            .copied()
            .collect();
        self.in_order(&explained, traces);
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
                classes.entry(key(entry.upstream, entry.referrer)).or_default().0.push(*open);
            }
            for &index in traces.iter().filter(|trace| !self.taken_traces[**trace]) {
                let trace = &self.traces[index];
                if let Some(class) = classes.get_mut(&key(trace.upstream, trace.referrer)) {
                    class.1.push(index);
                }
            }
            for (open, traces) in classes.into_values() {
                if counts_agree(open.len(), traces.len()) {
                    self.in_order(&open, &traces);
                }
            }
        }
    }

    fn pair(&mut self, entry: usize, trace: usize) {
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
        let mut waiting: BinaryHeap<Reverse<(i64, i64, usize)>> = BinaryHeap::new();
        let mut next = 0;
        for &trace in traces {
            let at = self.traces[trace].at;
            while next < open.len() && open[next].from <= at {
                let Open { from, to, .. } = open[next];
                waiting.push(Reverse((to, from, next)));
                next += 1;
            }
            if self.taken_traces[trace] {
                continue;
            }
            let mut of_others = Vec::new();
            while let Some(Reverse((to, from, at_open))) = waiting.pop() {
                let entry = open[at_open].entry;
                if to < at || self.taken_entries[entry] {
                    continue;
                }
                if names_other(&self.entries[entry], &self.traces[trace]) {
                    of_others.push(Reverse((to, from, at_open)));
                    if of_others.len() > MAX_OTHERS {
                        break;
                    }
                    continue;
                }
                self.pair(entry, trace);
                break;
            }
            waiting.extend(of_others);
        }
    }
}

/// True when the entry names its last backend, and the request failed at another.
fn names_other(entry: &EntryFact, trace: &Trace<'_>) -> bool {
    entry.upstream != 0 && trace.upstream != 0 && entry.upstream != trace.upstream
}

/// True when there are as many requests as entries, or nearly.
fn counts_agree(n_entries: usize, n_requests: usize) -> bool {
    n_entries.saturating_sub(n_requests) <= n_entries / SLACK
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(second: i64) -> EntryFact {
        EntryFact {
            at: second * SECOND_US,
            status: 503,
            flags: Flags::AT_START,
            ..EntryFact::default()
        }
    }

    fn trace(ms: i64) -> Trace<'static> {
        Trace { at: ms * 1000, statuses: &[503], ..Trace::default() }
    }

    #[track_caller]
    fn check(entries: &[EntryFact], traces: &[Trace<'_>], expected: &[(usize, usize)]) {
        assert_eq!(match_client(entries, traces, &|_| Look::Open).pairs, expected);
    }

    #[test]
    fn as_many_requests_as_entries_are_paired_in_order() {
        check(&[entry(10), entry(10)], &[trace(10_100), trace(10_900)], &[(0, 0), (1, 1)]);
        check(&[entry(10), entry(14)], &[trace(10_100), trace(14_900)], &[(0, 0), (1, 1)]);
        check(&[entry(10)], &[trace(10_100), trace(10_200)], &[(0, 0)]);
    }

    #[test]
    fn fewer_requests_than_entries_are_paired_by_what_both_name() {
        check(&[entry(10), entry(10)], &[trace(10_100)], &[]);
        let from = |referrer| EntryFact { referrer, ..entry(10) };
        let of = Trace { referrer: 5, ..trace(10_100) };
        check(&[from(0), from(5)], &[of], &[(1, 0)]);
        check(&[from(0), from(5)], &[trace(10_100)], &[(0, 0)]);
        check(&[from(5), from(5)], &[of], &[]);
        let to = |upstream| EntryFact { upstream, ..entry(10) };
        let at = |upstream| Trace { upstream, ..trace(10_100) };
        check(&[to(3), to(4)], &[at(4)], &[(1, 0)]);
        // A request that went on to another backend did not end with the failure.
        check(&[to(3), to(3)], &[at(4), at(4)], &[]);
        check(&[to(3), to(0)], &[at(4), at(3)], &[(0, 1), (1, 0)]);
    }

    #[test]
    fn a_line_is_written_between_start_and_end() {
        check(&[entry(10)], &[trace(9_900)], &[]);
        check(&[entry(10)], &[trace(14_000)], &[]);
        check(&[entry(10)], &[Trace { is_slow: true, ..trace(60_000) }], &[(0, 0)]);
        let timed = EntryFact {
            duration_ms: 5000,
            flags: Flags(Flags::AT_START.0 | Flags::TIMED.0),
            ..entry(10)
        };
        check(&[timed], &[trace(15_900)], &[(0, 0)]);
        check(&[timed], &[Trace { is_slow: true, ..trace(18_000) }], &[]);
    }

    #[test]
    fn the_status_must_be_one_that_the_failure_gives() {
        check(&[entry(10)], &[Trace { statuses: &[502], ..trace(10_100) }], &[]);
        check(&[entry(10)], &[Trace { statuses: &[], ..trace(10_100) }], &[(0, 0)]);
    }

    #[test]
    fn pages_tell_explained_entries_from_others() {
        let sized = |body_bytes| EntryFact {
            body_bytes,
            flags: Flags(Flags::AT_START.0 | Flags::SIZED.0),
            ..entry(10)
        };
        let mut pages = Pages::default();
        assert_eq!(pages.look(&sized(1)), Look::Open);
        for _ in 0..9 {
            pages.note(&sized(1), true);
            pages.note(&sized(2), false);
        }
        let entries = [sized(2), sized(1)];
        let look = |entry: &EntryFact| pages.look(entry);
        assert_eq!(match_client(&entries, &[trace(10_100)], &look).pairs, [(1, 0)]);
        assert_eq!(match_client(&entries[..1], &[trace(10_100)], &look).pairs, []);
    }

    #[test]
    fn numbers_tell_which_page_comes_with_lines() {
        let sized = |second, body_bytes| EntryFact {
            body_bytes,
            flags: Flags(Flags::AT_START.0 | Flags::SIZED.0),
            ..entry(second)
        };
        let counted = |entries: &[EntryFact], traces: &[Trace<'_>]| {
            match_client(entries, traces, &|_| Look::Open).counted
        };
        // One answer of a backend, and then two failures.
        let entries = [sized(9, 1), sized(10, 2), sized(10, 2)];
        let traces = [trace(10_100), trace(10_900)];
        assert_eq!(counted(&entries, &traces), [(0, false), (1, true), (2, true)]);
        // Of two pages either may be it; of one with too many, some have no line.
        assert_eq!(counted(&[sized(10, 1), sized(10, 2)], &traces[..1]), []);
        assert_eq!(counted(&[sized(10, 1), sized(10, 1)], &traces[..1]), [(1, false)]);
        // As many, but at another time.
        assert_eq!(counted(&[sized(8, 1), sized(10, 2), sized(10, 2)], &traces[..1]).len(), 1);
        let mut pages = Pages::default();
        for n in 1..=20 {
            assert_eq!(pages.look(&sized(9, 2)), Look::Open, "{n}");
            pages.note_counted(&sized(9, 1), false);
            pages.note_counted(&sized(9, 2), true);
        }
        assert_eq!([1, 2].map(|page| pages.look(&sized(9, page))), [Look::Silent, Look::Explained]);
        // What is sure goes before.
        (0..5).for_each(|_| pages.note(&sized(9, 1), true));
        assert_eq!(pages.look(&sized(9, 1)), Look::Explained);
    }

    #[test]
    fn what_lines_say_decides_between_those_of_one_second() {
        let sized = |body_bytes| EntryFact { body_bytes, ..entry(10) };
        let entries = [sized(2), sized(1), sized(4), sized(3)];
        let traces = [trace(10_100), trace(10_200), trace(10_300), trace(10_400)];
        let of_trace = |entries: &[EntryFact]| -> Vec<u32> {
            let mut pairs = match_client(entries, &traces, &|_| Look::Open).pairs;
            pairs.sort_by_key(|pair| pair.1);
            pairs.iter().map(|pair| entries[pair.0].body_bytes).collect()
        };
        assert_eq!(of_trace(&entries), [1, 2, 3, 4]);
        assert_eq!(of_trace(&[entries[3], entries[0], entries[2], entries[1]]), [1, 2, 3, 4]);
    }

    #[test]
    fn entries_without_any_trace_are_told() {
        let joined = match_client(&[entry(10), entry(200)], &[trace(10_100)], &|_| Look::Open);
        assert_eq!(joined, Joined { pairs: vec![(0, 0)], silent: vec![1], ..Joined::default() });
    }
}
