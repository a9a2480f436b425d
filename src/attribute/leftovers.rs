//! Entries that found no error line, and what else of their target speaks against their server having made the response.
//!
//! In: the open entries of one target, the times of its lines that are left over, and its answers from backends. Out: the
//! entries, in doubt where a line of another client is near that found no entry: the two logs may name clients
//! differently (`X-Forwarded-For`). In doubt as well where a backend gave the same status with as many bytes before: a
//! cache may have kept it, and layouts without `$upstream_cache_status` do not show that.
//! Invariants: all entries of a target are held against all its lines; past the budget they wait on disk.

use std::collections::BTreeMap;

use super::{TimeKey, Verdict};
use crate::error::Result;
use crate::fact::{EntryFact, Flags};
use crate::store::{Budget, Sorter};
use crate::time::SECOND_US;

/// How near a line of another client puts an entry in doubt, microseconds.
const DOUBT_US: i64 = 2 * SECOND_US;

/// How long a cache may keep an error that it is told to keep, microseconds.
const CACHED_US: i64 = 600 * SECOND_US;

/// Answers of backends that are kept of one target.
const MAX_ANSWERS: usize = 4096;

/// What backends answered: host, status and bytes of the body, with the first and the last instant.
type Answers = BTreeMap<(u32, u16, u32), (i64, i64)>;

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
    answers: Answers,
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
            answers: BTreeMap::new(),
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

    /// Adds an entry that a backend answered.
    pub(super) fn note_answer(&mut self, entry: &EntryFact) {
        let Some(bytes) = entry.page_bytes() else { return };
        let key = (entry.host, entry.status, bytes);
        if self.answers.len() < MAX_ANSWERS || self.answers.contains_key(&key) {
            let span = self.answers.entry(key).or_insert((entry.at, entry.at));
            *span = (span.0.min(entry.at), span.1.max(entry.at));
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
            let is_copy = is_copy(&self.answers, &verdict.entry);
            verdict.entry.flags = verdict.entry.flags.with(Flags::DOUBTED, near || is_copy);
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
        self.answers.clear();
        Ok(())
    }
}

/// True when an entry may be a copy of what a backend answered before. The answer to HEAD has no body to compare.
fn is_copy(answers: &Answers, entry: &EntryFact) -> bool {
    let (least, most) = entry.page_bytes().map_or((0, u32::MAX), |bytes| (bytes, bytes));
    let of_size = (entry.host, entry.status, least)..=(entry.host, entry.status, most);
    let is_after = |span: &(i64, i64)| span.0 <= entry.at && entry.at <= span.1 + CACHED_US;
    answers.range(of_size).any(|(_, span)| is_after(span))
}
