//! Which error lines may be an entry's by what the entry itself tells of them.
//!
//! In: entries and requests of the error log whose times overlap. Out: pairs of those that name the same log id, which are
//! certain, and the others in groups that are judged apart. The rule:
//!
//! 1. Where entry and lines name the same log id, they are one request.
//! 2. What another handler than `mod_proxy`'s took has no lines about backends. Other lines may be of either: modules refuse
//!    requests before a handler has them.
//! 3. An entry with a log id has a line that names its client, and one whose log id is `-` has none: it may only have lines
//!    that the server writes without the request.
//! 4. Where no backend answered over HTTP (`%{proxy-status}n`), no line tells of an answer.
//! 5. Lines that name a path are for entries of that path, where there are such: servers decode and rewrite paths.
//!
//! Source: Apache httpd 2.4 `server/log.c` (`add_log_id` when a line with the request is written), `mod_log_config.c` (`%L`,
//! `%R`).

use std::collections::BTreeMap;

use super::client::{Join, Round, Trace};
use super::overlap::{Open, groups};
use crate::fact::{EntryFact, shortened};
use crate::verdict::{ErrorLines, RULES};

/// What the lines of a request are about, and how they were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// What happened between `mod_proxy` and a backend.
    pub is_of_proxy: bool,
    /// All of them were written without the request.
    pub is_of_server: bool,
    /// What a backend answered.
    pub is_answered: bool,
}

/// What an entry tells of its lines.
pub(super) fn told_by(entry: &EntryFact) -> ErrorLines {
    RULES.get(usize::from(entry.rule)).map_or(ErrorLines::UNSAID, |row| row.lines)
}

impl Trace<'_> {
    /// True when the lines may be those of an entry that tells this of them.
    pub(super) fn may_be_of(&self, lines: ErrorLines) -> bool {
        let Subject { is_of_proxy, is_of_server, is_answered } = self.subject;
        let is_refused = |is_so: bool, told: Option<bool>| is_so && told == Some(false);
        !is_refused(is_of_proxy, lines.is_proxied)
            && !is_refused(is_answered, lines.is_answered)
            && lines.are_written.is_none_or(|written| written != is_of_server)
    }
}

impl Join<'_> {
    /// Step 1 of the module's rule.
    pub(super) fn by_log_id(&mut self) {
        let mut of_id: BTreeMap<u32, Option<usize>> = BTreeMap::new();
        for (index, entry) in self.entries.iter().enumerate().filter(|(_, it)| it.log_id != 0) {
            // An id that is not the only one is none.
            of_id.entry(entry.log_id).and_modify(|found| *found = None).or_insert(Some(index));
        }
        for index in 0..self.traces.len() {
            let trace = &self.traces[index];
            let Some(Some(entry)) = of_id.get(&trace.log_id).copied() else { continue };
            let open = Open::of(entry, &self.entries[entry], Round::Far, self.times);
            let may_be = trace.gives(self.entries[entry].status) && open.holds(trace);
            if !self.taken_entries[entry] && may_be {
                self.pair(entry, index);
                self.joined.by_id.insert(entry);
            }
        }
    }

    /// Steps 2 to 5 for entries and requests whose times overlap.
    pub(super) fn judge(&mut self, open: &[Open], traces: &[usize], round: Round) {
        let lines_of = |open: &Open| self.lines[open.entry];
        let all_tell = open.iter().all(|open| lines_of(open).are_written.is_some());
        let mut kinds: BTreeMap<Option<bool>, Vec<Open>> = BTreeMap::new();
        for open in open {
            let are_written = lines_of(open).are_written.filter(|_| all_tell);
            kinds.entry(are_written).or_default().push(*open);
        }
        for (are_written, open) in kinds {
            let lines = ErrorLines { are_written, ..ErrorLines::UNSAID };
            let mut left = self.free(traces);
            left.retain(|trace| self.traces[*trace].may_be_of(lines));
            let mut of_path: BTreeMap<u32, (Vec<Open>, Vec<usize>)> = BTreeMap::new();
            let mut unnamed = Vec::new();
            for open in &open {
                let path = shortened(self.entries[open.entry].path);
                of_path.entry(path).or_default().0.push(*open);
            }
            for trace in left {
                let path = self.traces[trace].path;
                match of_path.get_mut(&path) {
                    Some((_, named)) if path != 0 => named.push(trace),
                    // It is for an entry at another time.
                    _ if path != 0 && self.paths.contains(&path) => {}
                    _ => unnamed.push(trace),
                }
            }
            of_path.retain(|_, (_, named)| !named.is_empty());
            for (open, named) in of_path.values() {
                self.judge_groups(open, named, round);
            }
            self.judge_handlers(&open, &unnamed, round);
        }
    }

    /// Step 2.
    fn judge_handlers(&mut self, open: &[Open], traces: &[usize], round: Round) {
        let is_local = |open: &Open| self.lines[open.entry].is_proxied == Some(false);
        let is_of_proxy = |trace: &usize| self.traces[*trace].subject.is_of_proxy;
        let mut handed = open.to_vec();
        handed.retain(|open| !is_local(open));
        let mut of_proxy = traces.to_vec();
        of_proxy.retain(is_of_proxy);
        if handed.len() == open.len() {
            return self.judge_groups(open, traces, round);
        }
        // What a module of the server refused may have been meant for a backend.
        if of_proxy.len() < traces.len() {
            self.judge_groups(open, traces, round);
        }
        let of_proxy = self.free(&of_proxy);
        self.judge_groups(&handed, &of_proxy, round);
    }

    /// Judges those that are free still.
    fn judge_groups(&mut self, open: &[Open], traces: &[usize], round: Round) {
        let mut open = open.to_vec();
        open.retain(|open| !self.taken_entries[open.entry]);
        for (open, traces) in groups(&open, traces, self.traces) {
            self.judge_names(&open, &traces, round);
        }
    }

    /// The requests that no entry has yet.
    fn free(&self, traces: &[usize]) -> Vec<usize> {
        traces.iter().copied().filter(|trace| !self.taken_traces[*trace]).collect()
    }
}
