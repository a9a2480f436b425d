//! Entries and messages of one client and request, brought together.
//!
//! In: facts of one key, times resolved. Out: the same in [`Part`]s, entries joined to their messages. Ordinary clusters
//! are one part. What holds more than [`MAX_FACTS`] is sorted by time, past the budget on disk, and cut into parts between
//! two seconds. Requests that were being served at a cut may have their line on its other side: they keep what their own
//! line says, and the silence of the error log says nothing of them.
//!
//! Invariants: where a cut is depends on the facts alone.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::companions::Companions;
use super::copies::share;
use super::doubles::contests;
use super::fit::{Fit, fit, is_of_earlier_attempt};
use super::join::{Matched, match_cluster, may_have_written};
use super::lean::PADDING_BYTES;
use super::refused::{is_bystander, is_of_limit, is_refused};
use super::rivals::Contest;
use super::second::told_by;
use super::strangers::Strangers;
use super::zones::Zones;
use super::{TimeKey, Verdict, peek_key};
use crate::cause::{CauseMatcher, Rule, RuleKind};
use crate::error::Result;
use crate::evidence::InputIndex;
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::store::{Budget, Sorter};
use crate::taxonomy::{Cause, Confidence, Server};
use crate::time::SECOND_US;
use crate::verdict::{Contact, Openness};

/// Facts that are joined together at most.
const MAX_FACTS: usize = 200_000;

/// How far from a cut the lines of a request may lie beside its duration, microseconds.
const EDGE_US: i64 = 2 * SECOND_US;

/// Entries and messages of one client and request, as they come.
#[derive(Debug)]
pub(super) struct Cluster {
    budget: Budget,
    /// All of them, or what came since they became too many.
    pub(super) part: Part,
    /// What was too much, sorted by time.
    crowd: Option<Crowd>,
    max_facts: usize,
}

impl Cluster {
    pub(super) fn new(budget: &Budget) -> Self {
        let (budget, part) = (budget.clone(), Part::default());
        Cluster { budget, part, crowd: None, max_facts: MAX_FACTS }
    }

    /// Adds an entry.
    pub(super) fn push_entry(&mut self, verdict: Verdict) -> Result<()> {
        self.part.entries.push(verdict);
        self.make_room()
    }

    /// Adds a message.
    pub(super) fn push_message(&mut self, fact: CauseFact) -> Result<()> {
        self.part.causes.push(fact);
        self.make_room()
    }

    fn make_room(&mut self) -> Result<()> {
        if self.part.len() <= self.max_facts {
            return Ok(());
        }
        let crowd = self.crowd.get_or_insert_with(|| Crowd::new(&self.budget));
        crowd.take(&mut self.part)
    }

    /// Calls `each` with everything that was added, in parts, and forgets it.
    pub(super) fn each_part(
        &mut self,
        each: &mut dyn FnMut(&mut Part) -> Result<()>,
    ) -> Result<()> {
        if let Some(mut crowd) = self.crowd.take() {
            crowd.take(&mut self.part)?;
            return crowd.each_part(self.max_facts, each);
        }
        let done = each(&mut self.part);
        self.part.entries.clear();
        self.part.causes.clear();
        done
    }
}

/// More facts of one key than are joined together, by time.
#[derive(Debug)]
struct Crowd {
    entries: Sorter<Verdict, TimeKey>,
    causes: Sorter<CauseFact, TimeKey>,
}

impl Crowd {
    fn new(budget: &Budget) -> Self {
        Crowd {
            entries: Sorter::new(budget.clone(), |verdict| {
                (verdict.entry.at, verdict.entry.place.position)
            }),
            causes: Sorter::new(budget.clone(), |fact| (fact.at, fact.place.position)),
        }
    }

    fn take(&mut self, part: &mut Part) -> Result<()> {
        part.entries.drain(..).try_for_each(|verdict| self.entries.push(verdict))?;
        part.causes.drain(..).try_for_each(|fact| self.causes.push(fact))
    }

    /// Calls `each` with parts of about so many facts. A second is never cut.
    fn each_part(
        self,
        max_facts: usize,
        each: &mut dyn FnMut(&mut Part) -> Result<()>,
    ) -> Result<()> {
        let (entries, causes) = (self.entries.sorted(), self.causes.sorted());
        let (mut entries, mut causes) = (entries.rows().peekable(), causes.rows().peekable());
        let second_of = |at: i64| at.div_euclid(SECOND_US);
        let mut part = Part::default();
        let mut last = None;
        loop {
            let entry_at = peek_key(&mut entries, |verdict: &Verdict| verdict.entry.at)?;
            let cause_at = peek_key(&mut causes, |fact: &CauseFact| fact.at)?;
            let Some(at) = [entry_at, cause_at].into_iter().flatten().min() else { break };
            if part.len() >= max_facts && last.is_some_and(|last| last != second_of(at)) {
                let cut = second_of(at) * SECOND_US;
                part.cuts.1 = Some(cut);
                each(&mut part)?;
                part = Part { cuts: (Some(cut), None), ..Part::default() };
            }
            last = Some(second_of(at));
            if entry_at == Some(at) {
                part.entries.extend(entries.next().transpose()?);
            } else {
                part.causes.extend(causes.next().transpose()?);
            }
        }
        each(&mut part)
    }
}

/// Entries and messages of one client and request, or those of one part of the time.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) entries: Vec<Verdict>,
    pub(super) causes: Vec<CauseFact>,
    /// Entries that lines were found for, and each of these, by their places in the lists.
    taken: Vec<(usize, usize)>,
    /// When it was cut off from the part before, and from the one after, where there are such.
    cuts: (Option<i64>, Option<i64>),
}

impl Part {
    fn len(&self) -> usize {
        self.entries.len() + self.causes.len()
    }

    /// Pairs what belongs together: within each directory first, then entries whose directory has no error log with
    /// what is left.
    pub(super) fn join(
        &mut self,
        matcher: &CauseMatcher,
        companions: &Companions,
        zones: &Zones,
        strangers: &Strangers,
    ) {
        if self.entries.is_empty() || self.causes.is_empty() {
            self.doubt_edges();
            return;
        }
        self.entries.sort_unstable_by_key(|Verdict { entry, .. }| {
            (entry.at, entry.content(), entry.place.position)
        });
        // What one request writes in one second: a backend was waited for, others were tried at once, none was left.
        let stage = |fact: &CauseFact| match matcher.rule(fact.rule) {
            Some(rule) if rule.kind == RuleKind::FinalFailure => 2,
            Some(rule) if rule.cause == Some(Cause::UpstreamTimeout) => 0,
            _ => 1,
        };
        self.causes.sort_unstable_by_key(|fact| {
            (fact.at, fact.connection, stage(fact), fact.content(), fact.place.position)
        });
        let entry_dir =
            |verdict: &Verdict| companions.directory(verdict.entry.place.position.input);
        let cause_dir = |fact: &CauseFact| companions.directory(fact.place.position.input);
        let mut directories: Vec<usize> = self.entries.iter().map(entry_dir).collect();
        directories.sort_unstable();
        directories.dedup();
        for directory in
            directories.iter().copied().filter(|directory| companions.has_error_log(*directory))
        {
            let entries = positions(&self.entries, |verdict| entry_dir(verdict) == directory);
            let causes = positions(&self.causes, |fact| cause_dir(fact) == directory);
            self.join_clients(matcher, companions, zones, &entries, &causes, strangers);
        }
        if directories.iter().any(|directory| !companions.has_error_log(*directory)) {
            let entries =
                positions(&self.entries, |verdict| !companions.has_error_log(entry_dir(verdict)));
            let causes = positions(&self.causes, |fact| !fact.flags.has(Flags::JOINED));
            self.join_clients(matcher, companions, zones, &entries, &causes, strangers);
        }
        // One request has one client in all logs, unless one of them names another than the line does.
        let is_strange = |input, fact: &CauseFact| strangers.are(input, cause_dir(fact));
        let taken = std::mem::take(&mut self.taken);
        share(&mut self.entries, &self.causes, taken, matcher, &is_strange);
        self.doubt_edges();
    }

    /// Pairs the entries and messages at these positions that name the same client; then, of logs that name different
    /// ones, what is left of both.
    fn join_clients(
        &mut self,
        matcher: &CauseMatcher,
        companions: &Companions,
        zones: &Zones,
        entries: &[usize],
        causes: &[usize],
        strangers: &Strangers,
    ) {
        if strangers.is_empty() {
            return self.join_part(matcher, companions, zones, entries, causes, true);
        }
        let n_before = self.taken.len();
        let mut of_client: BTreeMap<u64, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for index in entries {
            of_client.entry(self.entries[*index].entry.client).or_default().0.push(*index);
        }
        for index in causes {
            if let Some((_, causes)) = of_client.get_mut(&self.causes[*index].client) {
                causes.push(*index);
            }
        }
        for (entries, causes) in of_client.into_values().filter(|(_, causes)| !causes.is_empty()) {
            self.join_part(matcher, companions, zones, &entries, &causes, true);
        }
        let settled: HashSet<usize> = self.taken[n_before..].iter().map(|pair| pair.0).collect();
        // Lines of directories whose clients are others, with the entries of the logs that are strangers to them.
        let said_in =
            |index: &usize| companions.directory(self.causes[*index].place.position.input);
        let left: Vec<usize> = causes
            .iter()
            .copied()
            .filter(|index| !self.causes[*index].flags.has(Flags::JOINED))
            .collect();
        let said: BTreeSet<usize> = left.iter().map(said_in).collect();
        let is_strange = |index: &usize| {
            let input = self.entries[*index].entry.place.position.input;
            !settled.contains(index) && said.iter().any(|said| strangers.are(input, *said))
        };
        let open: Vec<usize> = entries.iter().copied().filter(is_strange).collect();
        let inputs: BTreeSet<InputIndex> =
            open.iter().map(|index| self.entries[*index].entry.place.position.input).collect();
        let is_theirs =
            |index: &usize| inputs.iter().any(|input| strangers.are(*input, said_in(index)));
        let left: Vec<usize> = left.into_iter().filter(is_theirs).collect();
        if !open.is_empty() && !left.is_empty() {
            self.join_part(matcher, companions, zones, &open, &left, false);
        }
    }

    /// The lines of what was being served at a cut may be in the other part: their lack says nothing.
    fn doubt_edges(&mut self) {
        if self.cuts == (None, None) {
            return;
        }
        for verdict in &mut self.entries {
            let EntryFact { at, duration_ms, .. } = verdict.entry;
            let reach = EDGE_US + i64::from(duration_ms) * 1000;
            let is_near = |cut: Option<i64>| cut.is_some_and(|cut| (at - cut).abs() <= reach);
            let is_edge = is_near(self.cuts.0) || is_near(self.cuts.1);
            verdict.entry.flags = verdict.entry.flags.with(Flags::TRACED, is_edge);
        }
    }

    /// Pairs the entries and messages at these positions: what a limit refused with a status of its own first.
    fn join_part(
        &mut self,
        matcher: &CauseMatcher,
        companions: &Companions,
        zones: &Zones,
        entries: &[usize],
        causes: &[usize],
        by_client: bool,
    ) {
        let is_refused = |index: &usize| is_refused(&self.entries[*index].entry);
        let refused: Vec<usize> = entries.iter().copied().filter(is_refused).collect();
        if refused.is_empty() {
            return self.join_layers(matcher, companions, zones, entries, causes, by_client);
        }
        let is_limit =
            |index: &usize| matcher.rule(self.causes[*index].rule).is_some_and(is_of_limit);
        let limits: Vec<usize> = causes.iter().copied().filter(is_limit).collect();
        let n_before = self.taken.len();
        self.join_lines(matcher, companions, zones, &refused, &limits, by_client);
        let settled: HashSet<usize> = self.taken[n_before..].iter().map(|pair| pair.0).collect();
        let is_open =
            |index: &usize| !settled.contains(index) && !is_bystander(&self.entries[*index].entry);
        let open: Vec<usize> = entries.iter().copied().filter(is_open).collect();
        let is_joined = |index: &usize| self.causes[*index].flags.has(Flags::JOINED);
        let (told, left): (Vec<usize>, Vec<usize>) =
            causes.iter().partition(|index| is_joined(index));
        self.join_layers(matcher, companions, zones, &open, &left, by_client);
        let told: Vec<i64> = told.iter().map(|index| self.causes[*index].at).collect();
        for index in open {
            let verdict = &mut self.entries[index];
            let is_doubted =
                verdict.evidence.length == 0 && may_have_written(&verdict.entry, &told);
            verdict.entry.flags = verdict.entry.flags.with(Flags::TRACED, is_doubted);
        }
    }

    /// Pairs the entries and messages at these positions. A request may stand in the logs of several servers, with one
    /// client where all run on one machine: what is in front and writes no messages that name requests comes last.
    fn join_layers(
        &mut self,
        matcher: &CauseMatcher,
        companions: &Companions,
        zones: &Zones,
        entries: &[usize],
        causes: &[usize],
        by_client: bool,
    ) {
        let is_in_front = |index: &usize| {
            let server = self.entries[*index].server();
            server.is_managed() || matches!(server, Server::Haproxy | Server::Varnish)
        };
        let (in_front, own): (Vec<usize>, Vec<usize>) =
            entries.iter().partition(|index| is_in_front(index));
        self.join_lines(matcher, companions, zones, &own, causes, by_client);
        if in_front.is_empty() {
            return;
        }
        let is_left = |index: &&usize| !self.causes[**index].flags.has(Flags::JOINED);
        let left: Vec<usize> = causes.iter().filter(is_left).copied().collect();
        self.join_lines(matcher, companions, zones, &in_front, &left, by_client);
    }

    fn join_lines(
        &mut self,
        matcher: &CauseMatcher,
        companions: &Companions,
        zones: &Zones,
        entries: &[usize],
        causes: &[usize],
        by_client: bool,
    ) {
        let explains = |fact: &CauseFact| explains_its_request(matcher, fact);
        let is_final = |fact: &CauseFact| {
            matcher.rule(fact.rule).is_some_and(|rule| rule.kind == RuleKind::FinalFailure)
        };
        // Within a request nginx tries each peer once, unless a connection that it had kept open broke.
        let is_last_try = |fact: &CauseFact| {
            let cause = matcher.rule(fact.rule).and_then(|rule| rule.cause);
            matches!(cause, Some(Cause::UpstreamTimeout | Cause::UpstreamRefused))
        };
        let is_page_of_limits = |entry: &EntryFact| {
            let directory = companions.directory(entry.place.position.input);
            !shows_no_backend(entry) || !companions.limit_pages.differ_from(directory, entry)
        };
        let fit = |entry: &EntryFact, fact: &CauseFact| match matcher.rule(fact.rule) {
            Some(rule) if !is_of_limit(rule) || is_page_of_limits(entry) => fit(entry, fact, rule),
            _ => Fit::Not,
        };
        let entry_facts: Vec<EntryFact> =
            entries.iter().map(|index| self.entries[*index].entry).collect();
        let cause_facts: Vec<CauseFact> = causes.iter().map(|index| self.causes[*index]).collect();
        // A subrequest that failed may have been all that failed, or nobody's concern: that of a mirror.
        let of_subrequests = cause_facts.iter().filter(|fact| fact.flags.has(Flags::OF_SUBREQUEST));
        let mut doubted: Vec<(i64, i64)> =
            of_subrequests.map(|fact| (fact.at - EDGE_US, fact.at + EDGE_US)).collect();
        let matched =
            match_cluster(&entry_facts, &cause_facts, &explains, &is_final, &is_last_try, &fit);
        let other_pages = OtherPages::of(&entry_facts, &matched, &is_page_of_limits);
        let told = |fact: &CauseFact| matcher.rule(fact.rule).map(told_by).unwrap_or_default();
        let contests = contests(&entry_facts, &cause_facts, &matched, &explains, &told, &fit);
        for (pair, contest) in matched.into_iter().zip(contests) {
            let Matched { entry, deciding, lines, confidence, basis } = pair;
            // What the fields of an entry decide needs no line.
            let is_open = Verdict::own(entry_facts[entry]).rule().openness != Openness::Closed;
            let contest = contest.filter(|_| is_open);
            let fact = cause_facts[deciding];
            let rule = matcher.rule(fact.rule);
            let tells_nothing = |rule: &Rule| {
                is_of_earlier_attempt(&entry_facts[entry], &fact, rule)
                    || other_pages.hold_like(&entry_facts[entry])
                    || contest == Some(Contest::Origin)
            };
            if rule.is_some_and(tells_nothing) {
                // Nor does silence tell how the request ended: the line is its own, or may be.
                let flags = &mut self.entries[entries[entry]].entry.flags;
                *flags = flags.with(Flags::TRACED, true);
            } else if let Some(rule) = rule {
                // An attempt that failed may have been followed by one that the log does not show; and a clock that
                // had to be measured makes no pair certain.
                let sees_upstream = entry_facts[entry].flags.has(Flags::SEES_UPSTREAM);
                let certain = (rule.kind == RuleKind::FinalFailure || sees_upstream)
                    && contest.is_none()
                    && !zones.is_measured_clock(fact.place.position.input)
                    && by_client;
                let confidence =
                    if certain { confidence } else { confidence.min(Confidence::Likely) };
                let verdict = &mut self.entries[entries[entry]];
                verdict.set_message(&fact, rule, confidence, basis);
                if contest.is_some() {
                    verdict.forget_cause();
                }
                self.taken.extend(lines.iter().map(|line| (entries[entry], causes[*line])));
            }
            let flags = &mut self.causes[causes[deciding]].flags;
            *flags = flags.with(Flags::KIN, entry_facts[entry].is_kin_failure());
            if contest == Some(Contest::Origin) {
                doubted.push((fact.at - EDGE_US, fact.at + EDGE_US));
            }
            if let Some(span) = repeats(&lines, &cause_facts) {
                doubted.push(span);
            }
            for line in lines {
                let flags = &mut self.causes[causes[line]].flags;
                *flags = flags.with(Flags::JOINED, true);
            }
        }
        let doubted = joined_spans(doubted);
        for index in entries.iter().filter(|_| !doubted.is_empty()) {
            let EntryFact { at, flags, .. } = self.entries[*index].entry;
            let n_before = doubted.partition_point(|(first, _)| *first <= at);
            let is_doubted = n_before.checked_sub(1).is_some_and(|last| doubted[last].1 >= at);
            let is_traced = is_doubted || flags.has(Flags::TRACED);
            self.entries[*index].entry.flags = flags.with(Flags::TRACED, is_traced);
        }
    }
}

/// True when the layout of an entry has no field about backends.
fn shows_no_backend(entry: &EntryFact) -> bool {
    Verdict::own(*entry).rule().contact == Contact::NotLogged
}

/// Entries that no line was found for, of layouts without backends: the pages that were sent in each second.
struct OtherPages(BTreeMap<(i64, u16), BTreeSet<u32>>);

impl OtherPages {
    fn of(
        entries: &[EntryFact],
        matched: &[Matched],
        is_page_of_limits: &dyn Fn(&EntryFact) -> bool,
    ) -> Self {
        let matched: HashSet<usize> = matched.iter().map(|pair| pair.entry).collect();
        let mut pages: BTreeMap<_, BTreeSet<u32>> = BTreeMap::new();
        for (_, entry) in entries.iter().enumerate().filter(|(index, _)| !matched.contains(index)) {
            let may_be_of_limit = shows_no_backend(entry) && is_page_of_limits(entry);
            if let Some(size) = entry.page_bytes().filter(|_| may_be_of_limit) {
                pages.entry(Self::key(entry)).or_default().insert(size);
            }
        }
        OtherPages(pages)
    }

    fn key(entry: &EntryFact) -> (i64, u16) {
        (entry.at.div_euclid(SECOND_US), entry.status)
    }

    /// True when the line of an entry may as well be that of another, which has another page: one of both is no limit's.
    fn hold_like(&self, entry: &EntryFact) -> bool {
        let (Some(pages), Some(size)) = (self.0.get(&Self::key(entry)), entry.page_bytes()) else {
            return false;
        };
        shows_no_backend(entry)
            && pages.iter().any(|other| *other != size && other.abs_diff(size) != PADDING_BYTES)
    }
}

/// True for messages that explain the request they name: those about a subrequest do not, since what a request answers
/// when a fragment or a mirror fails is up to its page, or to the module that asked.
pub(super) fn explains_its_request(matcher: &CauseMatcher, fact: &CauseFact) -> bool {
    !fact.flags.has(Flags::OF_SUBREQUEST)
        && matcher.rule(fact.rule).is_some_and(|rule| rule.kind.explains_requests())
}

/// From when to when lines of one request tell the same of one backend. They may be those of several requests of one
/// connection, whose entries then lack them: that says nothing.
fn repeats(lines: &[usize], causes: &[CauseFact]) -> Option<(i64, i64)> {
    let mut told = HashSet::new();
    let is_repeated =
        !lines.iter().all(|line| told.insert((causes[*line].scope, causes[*line].rule)));
    let times = || lines.iter().map(|line| causes[*line].at);
    Some((times().min()? - EDGE_US, times().max()? + EDGE_US)).filter(|_| is_repeated)
}

/// The spans in order of time, those that touch as one.
fn joined_spans(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    spans.dedup_by(|next, kept| {
        let touches = next.0 <= kept.1;
        kept.1 = if touches { kept.1.max(next.1) } else { kept.1 };
        touches
    });
    spans
}

/// Indices of the rows for which `holds`.
fn positions<T>(rows: &[T], holds: impl Fn(&T) -> bool) -> Vec<usize> {
    rows.iter().enumerate().filter(|(_, row)| holds(row)).map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_cut_between_seconds_and_doubted_there() {
        let mut cluster = Cluster { max_facts: 10, ..Cluster::new(&Budget::new(1 << 20, None)) };
        // Out of order, as facts of several inputs come.
        for n in (0..60i64).rev() {
            let at = n * SECOND_US / 4;
            let entry = EntryFact { at, duration_ms: 100, ..EntryFact::default() };
            cluster.push_entry(Verdict::own(entry)).unwrap();
            cluster.push_message(CauseFact { at, ..CauseFact::default() }).unwrap();
        }
        let mut parts = Vec::new();
        cluster
            .each_part(&mut |part| {
                part.doubt_edges();
                let n_doubted =
                    part.entries.iter().filter(|row| row.entry.flags.has(Flags::TRACED)).count();
                let seconds = |at: i64| at.div_euclid(SECOND_US);
                let ends = [part.entries.first(), part.entries.last()];
                let ends = ends.map(|row| row.map_or(0, |row| seconds(row.entry.at)));
                parts.push((part.entries.len(), part.causes.len(), ends, n_doubted));
                Ok(())
            })
            .unwrap();
        assert_eq!(parts.len(), 8);
        assert_eq!(parts[0], (8, 8, [0, 1], 8));
        assert_eq!(parts.iter().map(|part| part.0).sum::<usize>(), 60);
        assert!(parts.windows(2).all(|pair| pair[0].2[1] < pair[1].2[0]));
        // The next key starts anew, and is whole.
        cluster.push_entry(Verdict::default()).unwrap();
        let mut n_parts = 0;
        cluster
            .each_part(&mut |part| {
                n_parts += 1;
                part.doubt_edges();
                assert!(!part.entries[0].entry.flags.has(Flags::TRACED));
                Ok(())
            })
            .unwrap();
        assert_eq!((n_parts, cluster.part.len()), (1, 0));
    }

    #[test]
    fn lines_that_repeat_each_other_may_be_of_several_requests() {
        let line =
            |at: i64, rule: u16, scope: u32| CauseFact { at, scope, rule, ..CauseFact::default() };
        let causes = [line(SECOND_US, 1, 7), line(2 * SECOND_US, 1, 7), line(SECOND_US, 1, 8)];
        assert_eq!(repeats(&[0, 1], &causes), Some((SECOND_US - EDGE_US, 2 * SECOND_US + EDGE_US)));
        assert_eq!(repeats(&[0, 2], &causes), None);
        assert_eq!(repeats(&[0], &causes), None);
        assert_eq!(joined_spans(vec![(5, 9), (1, 3), (8, 12), (2, 4)]), [(1, 4), (5, 12)]);
    }
}
