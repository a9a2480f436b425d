//! Results of blocks, put in order: where line numbers are filled in and wrong assumptions are mended.
//!
//! In: what workers report, in any order. Out: tallies, spools and stores of facts.
//! Invariants: per input, results are taken in order of the input.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use crossbeam_channel::Receiver;

use super::block::BlockResult;
use super::carry::{Carry, plans_of};
use super::lines::{EachLine, hand_over};
use super::{Done, JoinKey, Scan, ScanConfig, ScannedInput, TextSource, Work};
use crate::error::{Error, Result};
use crate::fact::{CauseFact, EntryFact};
use crate::input::{Origin, RangeReader, Spool, Unit};
use crate::store::{Budget, Sorter, part_of};
use crate::tally::InputTally;

/// Puts the results of one input in order.
#[derive(Default)]
pub(super) struct InputFold {
    next: usize,
    waiting: BTreeMap<usize, Box<BlockResult>>,
    tally: InputTally,
    /// The carry behind the last block.
    carry: Carry,
    /// Where facts are under another carry than the facts before them.
    layouts: Vec<(u64, Carry)>,
    spool: Spool,
    /// What its lines are.
    unit: Unit,
    /// Line breaks of the input in the blocks so far, where its records were wrapped.
    n_breaks: u64,
    bytes_decoded: u64,
    error: Option<String>,
}

/// Takes results as they come and keeps the totals.
pub(super) struct Fold<'f> {
    inputs: Vec<InputFold>,
    entries: Sorter<EntryFact, JoinKey>,
    causes: Sorter<CauseFact, JoinKey>,
    /// For ranges that are scanned again.
    reader: RangeReader,
    /// Takes every line, where lines are wanted.
    each: Option<EachLine<'f>>,
}

/// An empty store of entries.
pub(super) fn entry_store(budget: &Budget) -> Sorter<EntryFact, JoinKey> {
    let key = |fact: &EntryFact| (fact.target_key, fact.client, fact.at, fact.place.position);
    Sorter::in_parts(budget.clone(), key, |fact| part_of(fact.target_key))
}

/// An empty store of messages.
pub(super) fn cause_store(budget: &Budget) -> Sorter<CauseFact, JoinKey> {
    let key = |fact: &CauseFact| (fact.target_key, fact.client, fact.at, fact.place.position);
    Sorter::in_parts(budget.clone(), key, |fact| part_of(fact.target_key))
}

impl<'f> Fold<'f> {
    pub(super) fn new(
        n_inputs: usize,
        config: &ScanConfig<'_>,
        each: Option<EachLine<'f>>,
    ) -> Self {
        Fold {
            inputs: (0..n_inputs).map(|_| InputFold::default()).collect(),
            entries: entry_store(&config.budget),
            causes: cause_store(&config.budget),
            reader: RangeReader::new(),
            each,
        }
    }

    pub(super) fn run(&mut self, results: Receiver<Done>, work: &Work<'_>) -> Result<()> {
        for done in results {
            match done {
                Done::Block { input, index, result } => {
                    self.inputs[input].waiting.insert(index, result);
                    self.take_in_order(input, work)?;
                }
                Done::Fault { input, index, error } => {
                    self.inputs[input].error.get_or_insert_with(|| error.to_string());
                    self.inputs[input].waiting.insert(index, Box::default());
                    self.take_in_order(input, work)?;
                }
                Done::Stream { input, bytes_decoded, unit, error } => {
                    let fold = &mut self.inputs[input];
                    fold.unit = unit;
                    fold.bytes_decoded = bytes_decoded;
                    if let Some(error) = error {
                        fold.error = Some(format!("{error} (after {bytes_decoded} decoded bytes)"));
                    }
                }
            }
        }
        Ok(())
    }

    fn take_in_order(&mut self, input: usize, work: &Work<'_>) -> Result<()> {
        let fold = &mut self.inputs[input];
        while let Some(mut result) = fold.waiting.remove(&fold.next) {
            let is_plain = matches!(work.inputs[input].source.origin, Ok(Origin::Plain(_)));
            if is_plain && result.assumed != fold.carry && result.tally.lines.read > 0 {
                match work.scan_range(input, fold.next, fold.carry.clone(), &mut self.reader) {
                    Done::Block { result: again, .. } => result = again,
                    Done::Fault { error, .. } => {
                        fold.error.get_or_insert_with(|| error.to_string());
                        *result = BlockResult::default();
                    }
                    Done::Stream { .. } => {}
                }
            }
            if let Some(left) = result.left.take() {
                let guess = &work.inputs[input].carry;
                *guess.lock().unwrap_or_else(PoisonError::into_inner) = left.clone();
                fold.carry = left;
            }
            for (offset, carry) in std::mem::take(&mut result.layouts) {
                if fold.layouts.last().map_or(Carry::default() != carry, |last| last.1 != carry) {
                    fold.layouts.push((offset, carry));
                }
            }
            fold.next += 1;
            let lines_before = match result.n_breaks {
                None => fold.tally.lines.read,
                Some(n_breaks) => {
                    fold.n_breaks += n_breaks;
                    fold.n_breaks - n_breaks
                }
            };
            if let Some(unparsed) = &mut result.tally.first_unparsed {
                unparsed.line += lines_before;
            }
            if let Some(each) = &mut self.each {
                hand_over(std::mem::take(&mut result.lines), lines_before, each)?;
            }
            for mut fact in result.entries {
                fact.place.line += lines_before;
                self.entries.push(fact)?;
            }
            for mut fact in result.causes {
                fact.place.line += lines_before;
                self.causes.push(fact)?;
            }
            result.kept.sort_unstable_by_key(|line| line.offset);
            for line in &result.kept {
                fold.spool.push(line).map_err(Error::Temporary)?;
            }
            fold.tally.merge(result.tally);
        }
        Ok(())
    }

    pub(super) fn finish(self, work: Work<'_>) -> Scan {
        let interrupted = work.stopped();
        let inputs = work.inputs.into_iter().zip(self.inputs).map(|(open, fold)| {
            let compression = open.source.compression();
            let stdin = matches!(open.source.origin, Ok(Origin::Stdin));
            let mut error = fold.error;
            let plan = open.plan.into_inner();
            let layouts = plan.as_ref().map(|plan| plans_of(plan, fold.layouts));
            let (text, bytes_decoded) = match open.source.origin {
                Ok(Origin::Plain(file)) => (TextSource::File(file), open.source.bytes),
                Ok(origin) => (TextSource::Spool(fold.spool, Some(origin)), fold.bytes_decoded),
                Err(fault) => {
                    error = Some(fault.to_string());
                    (TextSource::None, 0)
                }
            };
            ScannedInput {
                path: open.source.path,
                compression,
                bytes_read: if stdin { bytes_decoded } else { open.source.bytes },
                bytes_decoded,
                plan,
                tally: fold.tally,
                error,
                layouts: layouts.unwrap_or_default(),
                unit: fold.unit,
                text,
                modified_us: open.source.modified_us,
                sample: open.sample.into_inner(),
                told_scopes: BTreeMap::new(),
                told_backends: BTreeMap::new(),
                is_absent: false,
            }
        });
        Scan { inputs: inputs.collect(), entries: self.entries, causes: self.causes, interrupted }
    }
}
