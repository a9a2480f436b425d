//! Results of blocks, put in order: where line numbers are filled in and wrong assumptions are mended.
//!
//! In: what workers report, in any order. Out: tallies, spools and stores of facts.
//! Invariants: per input, results are taken in order of the input.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::Receiver;

use super::block::BlockResult;
use super::carry::{Carry, plans_of};
use super::late::{Known, Late, Stranger, Taken};
use super::lines::{EachLine, LineKind, SeenLine, hand_over};
use super::{Done, JoinKey, Scan, ScanConfig, ScannedInput, TextSource, Work};
use crate::error::{Error, Result};
use crate::evidence::InputIndex;
use crate::fact::{CauseFact, EntryFact};
use crate::input::{Origin, RangeReader, Spool, SpooledLine, Unit};
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
    /// Index of the reader in charge behind the last block.
    in_charge: usize,
    /// Where facts are under another carry than the facts before them.
    layouts: Vec<(u64, Carry)>,
    spool: Spool,
    /// Formats that turned up behind the sample, and the lines that they took.
    late: Late,
    /// Texts of the late lines: in each spool in order.
    late_spools: Vec<Spool>,
    /// Offset of the last late line.
    late_offset: u64,
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

/// What is known of an input whose formats were detected.
fn known_of<'k>(input: usize, work: &'k Work<'_>) -> Option<Known<'k>> {
    let open = &work.inputs[input];
    Some(Known {
        input: input as InputIndex,
        path: &open.source.path,
        modified_us: open.source.modified_us,
        plan: open.plan.get()?,
        config: work.config,
        is_awaited: work.context.every_line,
    })
}

impl InputFold {
    /// How many lines of the input stand before those of the next block, whose line breaks are counted.
    fn lines_before(&mut self, result: &BlockResult) -> u64 {
        match result.n_breaks {
            None => self.tally.lines.read,
            Some(n_breaks) => {
                self.n_breaks += n_breaks;
                self.n_breaks - n_breaks
            }
        }
    }

    /// Notes what the next block leaves in force. `guess`: what blocks behind it are scanned under from now on.
    fn note_carry(&mut self, result: &mut BlockResult, guess: &Mutex<Carry>) {
        self.in_charge = result.in_charge.unwrap_or(self.in_charge);
        if let Some(left) = result.left.take() {
            *guess.lock().unwrap_or_else(PoisonError::into_inner) = left.clone();
            self.carry = left;
        }
        for (offset, carry) in std::mem::take(&mut result.layouts) {
            if self.layouts.last().map_or(Carry::default() != carry, |last| last.1 != carry) {
                self.layouts.push((offset, carry));
            }
        }
    }

    /// Stores the facts of lines that late readers took, and the texts of those that cannot be read again.
    fn store_late(
        &mut self,
        taken: Vec<Taken>,
        entries: &mut Sorter<EntryFact, JoinKey>,
        input: usize,
        work: &Work<'_>,
    ) -> Result<()> {
        for one in taken {
            let Some(fact) = one.fact else { continue };
            entries.push(fact)?;
            if !work.is_plain(input) {
                self.keep_late(one.stranger, work.config.budget.directory())?;
            }
        }
        Ok(())
    }

    fn keep_late(&mut self, stranger: Stranger, directory: Option<&Path>) -> Result<()> {
        if self.late_spools.is_empty() || stranger.offset < self.late_offset {
            self.late_spools.push(Spool::within(directory));
        }
        self.late_offset = stranger.offset;
        let line = SpooledLine { offset: stranger.offset, bytes: stranger.text };
        match self.late_spools.last_mut() {
            Some(spool) => spool.push(&line).map_err(Error::Temporary),
            None => Ok(()),
        }
    }
}

/// The lines of two spools in one, in order; `directory`: where it is.
fn merged(one: &Spool, other: &Spool, directory: Option<&Path>) -> Result<Spool> {
    let mut spool = Spool::within(directory);
    let mut others = other.lines().peekable();
    for line in one.lines() {
        while let Some(before) = others.next_if(|other| other.offset < line.offset) {
            spool.push(&before).map_err(Error::Temporary)?;
        }
        spool.push(&line).map_err(Error::Temporary)?;
    }
    for line in others {
        spool.push(&line).map_err(Error::Temporary)?;
    }
    Ok(spool)
}

/// Tells of the lines of a block that late readers took that they are records.
fn mark_late(lines: &mut [SeenLine], taken: &[Taken], late: &Late) {
    let Some(plan) = late.grown() else { return };
    for one in taken {
        let at = lines.partition_point(|line| line.offset < one.stranger.offset);
        if let Some(line) = lines.get_mut(at).filter(|line| line.offset == one.stranger.offset) {
            line.kind = LineKind::Record(one.reader);
            line.text.clone_from(&one.stranger.text);
            line.plan = plan.clone();
        }
    }
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

/// True when a reader that was in charge takes the first line of a block, which was scanned as if the first reader had
/// been in charge, and so given to another one.
fn is_taken_by_another(takers: u64, in_charge: usize) -> bool {
    in_charge < 64
        && takers & (1 << in_charge) != 0
        && takers.trailing_zeros() as usize != in_charge
}

impl<'f> Fold<'f> {
    pub(super) fn new(
        n_inputs: usize,
        config: &ScanConfig<'_>,
        each: Option<EachLine<'f>>,
    ) -> Self {
        Fold {
            inputs: (0..n_inputs)
                .map(|_| InputFold {
                    spool: Spool::within(config.budget.directory()),
                    ..InputFold::default()
                })
                .collect(),
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

    /// Takes the results of an input whose turn has come.
    fn take_in_order(&mut self, input: usize, work: &Work<'_>) -> Result<()> {
        loop {
            let fold = &mut self.inputs[input];
            let Some(result) = fold.waiting.remove(&fold.next) else { return Ok(()) };
            let result = self.under_right_carry(result, input, work);
            self.take(*result, input, work)?;
        }
    }

    /// The result of the next block of an input, which is scanned again where it was scanned under another carry than the
    /// blocks before it have left.
    fn under_right_carry(
        &mut self,
        mut result: Box<BlockResult>,
        input: usize,
        work: &Work<'_>,
    ) -> Box<BlockResult> {
        let fold = &mut self.inputs[input];
        let is_plain = work.is_plain(input);
        let is_other_carry =
            is_plain && result.assumed != fold.carry && result.tally.lines.read > 0;
        if !is_other_carry && !is_taken_by_another(result.takers, fold.in_charge) {
            return result;
        }
        let done = match result.again.take() {
            Some(job) => work.scan_stream_block(*job, fold.in_charge),
            None if is_plain => {
                let (carry, in_charge) = (fold.carry.clone(), fold.in_charge);
                work.scan_range(input, fold.next, carry, in_charge, &mut self.reader)
            }
            None => return result,
        };
        match done {
            Done::Block { result: again, .. } => again,
            Done::Fault { error, .. } => {
                fold.error.get_or_insert_with(|| error.to_string());
                Box::default()
            }
            Done::Stream { .. } => result,
        }
    }

    /// Adds the result of the next block of an input to the totals.
    fn take(&mut self, mut result: BlockResult, input: usize, work: &Work<'_>) -> Result<()> {
        let fold = &mut self.inputs[input];
        fold.next += 1;
        fold.note_carry(&mut result, &work.inputs[input].carry);
        let lines_before = fold.lines_before(&result);
        if let Some(unparsed) = &mut result.tally.first_unparsed {
            unparsed.line += lines_before;
        }
        fold.tally.merge(result.tally);
        let mut taken = Vec::new();
        if !result.strangers.is_empty()
            && let Some(known) = known_of(input, work)
        {
            for mut stranger in result.strangers {
                stranger.line += lines_before;
                let mut take = |one| taken.push(one);
                fold.late.take(stranger, &known, &mut fold.tally, &mut take);
            }
        }
        if let Some(each) = &mut self.each {
            mark_late(&mut result.lines, &taken, &fold.late);
            hand_over(result.lines, lines_before, each)?;
        }
        fold.store_late(taken, &mut self.entries, input, work)?;
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
        Ok(())
    }

    /// Looks a last time at lines that no reader took, and puts the texts of late lines where the others are.
    pub(super) fn settle(&mut self, work: &Work<'_>) -> Result<()> {
        for (input, fold) in self.inputs.iter_mut().enumerate() {
            let Some(known) = known_of(input, work) else { continue };
            let mut taken = Vec::new();
            fold.late.finish(&known, &mut fold.tally, &mut |one| taken.push(one));
            fold.store_late(taken, &mut self.entries, input, work)?;
            for late in std::mem::take(&mut fold.late_spools) {
                fold.spool = merged(&fold.spool, &late, work.config.budget.directory())?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(self, work: Work<'_>) -> Scan {
        let interrupted = work.stopped();
        let inputs = work.inputs.into_iter().zip(self.inputs).map(|(open, mut fold)| {
            let compression = open.source.compression();
            let stdin = matches!(open.source.origin, Ok(Origin::Stdin));
            let mut error = fold.error;
            let plan = fold.late.grown().cloned().or(open.plan.into_inner());
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
                is_named: open.source.is_named,
                copies: open.source.copies,
                sample: open.sample.into_inner(),
                late: fold.late.take_samples(),
                told_names: BTreeMap::new(),
                told_scopes: BTreeMap::new(),
                told_backends: BTreeMap::new(),
                is_absent: false,
                reading: Mutex::default(),
            }
        });
        let (entries, causes) = (self.entries, self.causes);
        Scan { inputs: inputs.collect(), entries, causes, interrupted, pools: work.pools.take() }
    }
}
