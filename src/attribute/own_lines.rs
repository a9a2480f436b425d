//! Which error lines may be an entry's by what the entry itself tells of them.
//!
//! In: entries and requests of the error log whose times overlap. Out: the same in groups that are judged apart. The rule:
//!
//! 1. Where entry and lines name the same log id, they are one request.
//! 2. What another handler than `mod_proxy`'s took has no lines about backends. It chooses before others: fewer lines may
//!    be its own.
//! 3. An entry with a log id has a line that names its client, and one whose log id is `-` has none: it may only have lines
//!    that the server writes without the request.
//! 4. Lines that name a path are for entries of that path.
//!
//! Source: Apache httpd 2.4 `server/log.c` (`add_log_id` when a line with the request is written), `mod_log_config.c` (`%L`,
//! `%R`).

use std::collections::BTreeMap;

use super::client::{Join, Round, Trace};
use super::overlap::{Open, groups};
use crate::fact::{EntryFact, shortened};
use crate::verdict::{ErrorLines, RULES};

/// What an entry tells of its lines.
pub(super) fn told_by(entry: &EntryFact) -> ErrorLines {
    RULES.get(usize::from(entry.rule)).map_or(ErrorLines::UNSAID, |row| row.lines)
}

impl Trace<'_> {
    /// True when the lines may be those of an entry that tells this of them.
    pub(super) fn may_be_of(&self, lines: ErrorLines) -> bool {
        !(self.is_of_proxy && lines.is_proxied == Some(false))
            && lines.are_written.is_none_or(|written| written != self.is_of_server)
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
            if !self.taken_entries[entry] && trace.gives(self.entries[entry].status) {
                self.pair(entry, index);
                self.joined.by_id.insert(entry);
            }
        }
    }

    /// Steps 2 to 4 for entries and requests whose times overlap.
    pub(super) fn judge(&mut self, open: &[Open], traces: &[usize], round: Round) {
        let lines_of = |open: &Open| self.lines[open.entry];
        let all_tell = open.iter().all(|open| lines_of(open).are_written.is_some());
        let mut kinds: BTreeMap<(bool, Option<bool>), Vec<Open>> = BTreeMap::new();
        for open in open {
            let ErrorLines { is_proxied, are_written } = lines_of(open);
            let may_be_proxied = is_proxied != Some(false);
            let are_written = are_written.filter(|_| all_tell);
            kinds.entry((may_be_proxied, are_written)).or_default().push(*open);
        }
        for ((may_be_proxied, are_written), open) in kinds {
            let is_proxied = if may_be_proxied { None } else { Some(false) };
            let lines = ErrorLines { is_proxied, are_written };
            let mut left = traces.to_vec();
            left.retain(|trace| !self.taken_traces[*trace] && self.traces[*trace].may_be_of(lines));
            let (named, unnamed): (Vec<usize>, Vec<usize>) =
                left.into_iter().partition(|trace| self.traces[*trace].path != 0);
            self.judge_paths(&open, &named, round);
            let mut open = open;
            open.retain(|open| !self.taken_entries[open.entry]);
            for (open, traces) in groups(&open, &unnamed, self.traces) {
                self.judge_names(&open, &traces, round);
            }
        }
    }

    /// Step 4.
    fn judge_paths(&mut self, open: &[Open], traces: &[usize], round: Round) {
        let mut of_path: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for trace in traces {
            of_path.entry(self.traces[*trace].path).or_default().push(*trace);
        }
        for (path, traces) in of_path {
            let mut open = open.to_vec();
            open.retain(|open| shortened(self.entries[open.entry].path) == path);
            for (open, traces) in groups(&open, &traces, self.traces) {
                self.judge_names(&open, &traces, round);
            }
        }
    }
}
