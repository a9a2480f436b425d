//! Entries that found no error line while lines of the same target, but of another client, found no entry.
//!
//! In: the open entries of one target, and the times of its lines that are left over. Out: the entries, in doubt where
//! such a line is near: the two logs may name clients differently (`X-Forwarded-For`).
//! Invariants: all entries of a target are held against all its lines; past the budget they wait on disk.

use super::{TimeKey, Verdict};
use crate::error::Result;
use crate::fact::Flags;
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
        }
    }

    /// Adds an entry.
    pub(super) fn push(&mut self, verdict: Verdict) -> Result<()> {
        if self.entries.len() < Self::MAX_ENTRIES {
            self.entries.push(verdict);
            return Ok(());
        }
        let crowd = self.crowd.get_or_insert_with(|| {
            Sorter::new(self.budget.clone(), |verdict| {
                (verdict.entry.at, verdict.entry.place.position)
            })
        });
        crowd.push(verdict)
    }

    /// Adds a line that found no entry.
    pub(super) fn note_line(&mut self, at: i64) {
        self.lines.push(at);
        // Logs of whole seconds repeat themselves.
        if self.lines.len() > 2 * self.n_clean + 4096 {
            self.clean();
        }
    }

    fn clean(&mut self) {
        self.lines.sort_unstable();
        self.lines.dedup();
        self.n_clean = self.lines.len();
    }

    /// Hands on the entries, those in doubt marked.
    pub(super) fn flush(&mut self, verdicts: &mut Sorter<Verdict, TimeKey>) -> Result<()> {
        self.clean();
        let mut hand_on = |mut verdict: Verdict| {
            let from = verdict.entry.at - DOUBT_US;
            let next = self.lines.partition_point(|at| *at < from);
            let near = self.lines.get(next).is_some_and(|at| *at <= verdict.entry.at + DOUBT_US);
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
        self.n_clean = 0;
        Ok(())
    }
}
