//! Entries that found no error line while lines of the same target, but of another client, found no entry.
//!
//! In: the open entries of one target, and the times of its lines. Out: the entries, in doubt where a line that is left
//! over is near: the two logs may name clients differently (`X-Forwarded-For`). Where an entry names no client, any line
//! that is near may be its own.
//! Invariants: all entries of a target are held against all its lines; past the budget they wait on disk.

use super::{TimeKey, Verdict};
use crate::error::Result;
use crate::fact::{EntryFact, Flags};
use crate::store::{Budget, Sorter};
use crate::time::SECOND_US;

/// How near a line of another client puts an entry in doubt, microseconds.
const DOUBT_US: i64 = 2 * SECOND_US;

/// What is left over of one target.
#[derive(Debug)]
pub(super) struct Leftovers {
    pub(super) target_key: u64,
    budget: Budget,
    entries: Vec<Verdict>,
    /// Entries beyond [`Leftovers::MAX_ENTRIES`].
    crowd: Option<Sorter<Verdict, TimeKey>>,
    /// Times of lines: in order, and each once, up to the length at the last cleaning.
    lines: Vec<i64>,
    n_clean: usize,
    /// The same of lines that found an entry.
    joined: Vec<i64>,
    n_clean_joined: usize,
}

impl Leftovers {
    /// More entries than this are kept where they can spill.
    const MAX_ENTRIES: usize = 65_536;

    pub(super) fn new(budget: &Budget) -> Self {
        Leftovers {
            target_key: 0,
            budget: budget.clone(),
            entries: Vec::new(),
            crowd: None,
            lines: Vec::new(),
            n_clean: 0,
            joined: Vec::new(),
            n_clean_joined: 0,
        }
    }

    /// Adds an entry.
    pub(super) fn push(&mut self, verdict: &Verdict) -> Result<()> {
        if self.entries.len() < Self::MAX_ENTRIES {
            self.entries.push(*verdict);
            return Ok(());
        }
        let crowd = self.crowd.get_or_insert_with(|| {
            Sorter::new(self.budget.clone(), |verdict| {
                (verdict.entry.at, verdict.entry.place.position)
            })
        });
        crowd.push(*verdict)
    }

    /// Adds a line, and whether it found an entry.
    pub(super) fn note_line(&mut self, at: i64, joined: bool) {
        let (lines, n_clean) = if joined {
            (&mut self.joined, &mut self.n_clean_joined)
        } else {
            (&mut self.lines, &mut self.n_clean)
        };
        lines.push(at);
        // Logs of whole seconds repeat themselves.
        if lines.len() > 2 * *n_clean + 4096 {
            *n_clean = clean(lines);
        }
    }

    /// Hands on the entries, those in doubt marked.
    pub(super) fn flush(&mut self, verdicts: &mut Sorter<Verdict, TimeKey>) -> Result<()> {
        clean(&mut self.lines);
        clean(&mut self.joined);
        let is_near = |lines: &[i64], at: i64| {
            let next = lines.partition_point(|line| *line < at - DOUBT_US);
            lines.get(next).is_some_and(|line| *line <= at + DOUBT_US)
        };
        let mut hand_on = |mut verdict: Verdict| {
            let EntryFact { at, client, .. } = verdict.entry;
            let is_nameless = client == 0;
            let near = is_near(&self.lines, at) || (is_nameless && is_near(&self.joined, at));
            verdict.entry.flags = verdict.entry.flags.with(Flags::DOUBTED, near);
            verdicts.push(verdict)
        };
        self.entries.drain(..).try_for_each(&mut hand_on)?;
        if let Some(crowd) = self.crowd.take() {
            for verdict in crowd.sorted().rows() {
                hand_on(verdict?)?;
            }
        }
        self.lines.clear();
        self.joined.clear();
        (self.n_clean, self.n_clean_joined) = (0, 0);
        Ok(())
    }
}

/// Puts times in order, each once, and says how many there are.
fn clean(lines: &mut Vec<i64>) -> usize {
    lines.sort_unstable();
    lines.dedup();
    lines.len()
}
