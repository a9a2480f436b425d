//! Several partial results -> one scan, as if one run had read all inputs.
//!
//! In: opened [`Partial`]s. Out: a [`Scan`]: inputs in canonical order, facts numbered by it.
//! Invariants: the order of the files does not matter. An input is opened again where its path, its length and its first
//! bytes are those that were recorded, and its readers come out the same; otherwise it is absent: its facts count, its lines
//! cannot be quoted.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::recorded::{RecordedInput, RecordedPlan, head_digest};
use super::{Partial, body_of, read_header, tables_digest};
use crate::cause::CauseMatcher;
use crate::error::{Error, Result};
use crate::evidence::Place;
use crate::fact::{CauseFact, EntryFact};
use crate::format::{FormatChoice, Plan, detect_dated};
use crate::input::{
    BlockReader, Origin, Source, Spool, SpooledLine, is_copy, open_stream, originals,
};
use crate::scan::carry::{Directives, InForce, LayoutRow};
use crate::scan::fold::{cause_store, entry_store};
use crate::scan::late::grown_by;
use crate::scan::naming::{LinesByText, backend_in, rename, told_by, unite};
use crate::scan::{SAMPLE_BYTES, Scan, ScannedInput, TextSource, plan_of_file};
use crate::store::{Budget, Stored};

/// How to merge.
#[derive(Debug)]
pub struct Merging<'m> {
    /// The cause table.
    pub matcher: &'m CauseMatcher,
    /// Formats given by the user when the facts were made.
    pub formats: &'m FormatChoice,
    /// Memory for facts, and where they spill.
    pub budget: Budget,
    /// Where recorded paths are found now; `None` where they were.
    pub root: Option<&'m Path>,
}

/// What came of a merge.
#[derive(Debug)]
pub struct Merged {
    /// As one run would have found it.
    pub scan: Scan,
    /// What the user should know: inputs that were read again later, when they had grown.
    pub notes: Vec<String>,
}

/// Puts partial results together. Of a file that was read several times while it grew, the last state counts.
///
/// # Errors
/// When they do not fit together, hold an input twice in the same state, or cannot be read.
pub fn merge(partials: &[Partial], merging: &Merging<'_>) -> Result<Merged> {
    check(partials, merging.matcher)?;
    let (order, notes) = canonical_order(partials)?;
    let recorded = |&(partial, input): &(usize, usize)| &partials[partial].header.inputs[input];
    let (order, copies) = without_copies(&order, recorded, merging.root);
    let mut inputs: Vec<ScannedInput> = Vec::with_capacity(order.len());
    let mut numbers: Vec<Vec<Option<u32>>> =
        partials.iter().map(|partial| vec![None; partial.header.inputs.len()]).collect();
    for (number, (partial, input)) in order.into_iter().enumerate() {
        numbers[partial][input] = Some(number as u32);
        inputs.push(open_again(recorded(&(partial, input)), merging));
    }
    for (original, (path, is_named)) in copies {
        inputs[original].copies.push(path.into());
        inputs[original].copies.sort_unstable();
        inputs[original].is_named |= is_named;
    }
    let mut pools = LinesByText::new();
    for partial in partials {
        unite(&mut pools, &partial.header.pools);
    }
    let renamed = rename(&mut inputs, pools);
    let (mut entries, mut causes) = (entry_store(&merging.budget), cause_store(&merging.budget));
    for (partial, numbers) in partials.iter().zip(&numbers) {
        let mut body = Body::open(partial)?;
        for (recorded, number) in partial.header.inputs.iter().zip(numbers) {
            let input = number.and_then(|number| inputs.get_mut(number as usize));
            body.kept_lines(recorded, input)?;
        }
        for _ in 0..partial.header.n_entries {
            let mut fact: EntryFact = body.fact()?;
            let own = partial.header.inputs.get(fact.place.position.input as usize);
            let line = if own.is_some_and(|own| own.has_lines) { body.line()? } else { Vec::new() };
            if body.renumber(&mut fact, numbers, |fact: &mut EntryFact| &mut fact.place)? {
                if let Some((index, line)) = line.split_first() {
                    let number = fact.place.position.input as usize;
                    let mut readers = renamed[number].iter();
                    if let Some((_, reader)) = readers.find(|(own, _)| *own == usize::from(*index))
                    {
                        fact = told_by(reader.as_ref(), &fact, line);
                        if inputs[number].is_absent
                            && let Some(name) = backend_in(reader.as_ref(), line)
                        {
                            inputs[number].told_backends.insert(fact.upstream, name);
                        }
                    }
                }
                entries.push(fact)?;
            }
        }
        for _ in 0..partial.header.n_causes {
            let mut fact = body.fact()?;
            if body.renumber(&mut fact, numbers, |fact: &mut CauseFact| &mut fact.place)? {
                causes.push(fact)?;
            }
        }
    }
    let interrupted = partials.iter().any(|partial| partial.header.interrupted);
    let pools = LinesByText::new();
    Ok(Merged { scan: Scan { inputs, entries, causes, interrupted, pools }, notes })
}

/// Refuses what does not fit together.
fn check(partials: &[Partial], matcher: &CauseMatcher) -> Result<()> {
    let tables = tables_digest(matcher);
    for partial in partials {
        let refuse = |reason: String| Error::Partial { path: partial.path.clone(), reason };
        if partial.header.tables != tables {
            return Err(refuse(
                "was made with other rule tables than this program has: make it again".to_owned(),
            ));
        }
        let first = &partials[0];
        if partial.header.conditions != first.header.conditions {
            return Err(refuse(format!(
                "was made with other options than {} (--status, --since, --until, --tz, --gap, formats and rules must be the same)",
                first.path.display()
            )));
        }
    }
    Ok(())
}

/// An input of one of the files, in the order in which one run would have it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    is_file: bool,
    path: PathBuf,
    /// Inputs of equal path, from different machines, are told apart by what was found in them.
    found: String,
    /// Index of the file.
    partial: usize,
    /// Index of the input in it.
    index: usize,
}

/// Index of the file, and of the input in it.
type InOrder = Vec<(usize, usize)>;

/// All inputs that count (index of the file, index in it) in the order in which one run would have them, and what is to be
/// said of the others.
fn canonical_order(partials: &[Partial]) -> Result<(InOrder, Vec<String>)> {
    let mut rows: Vec<Row> = Vec::new();
    for (partial, opened) in partials.iter().enumerate() {
        for (index, input) in opened.header.inputs.iter().enumerate() {
            let path = PathBuf::from(&input.path);
            let found = serde_json::to_string(input).unwrap_or_default();
            rows.push(Row { is_file: input.path != "-", path, found, partial, index });
        }
    }
    rows.sort();
    let input = |row: &Row| &partials[row.partial].header.inputs[row.index];
    let (mut order, mut notes) = (Vec::with_capacity(rows.len()), Vec::new());
    for same_path in rows.chunk_by(|one, other| one.path == other.path) {
        for (number, row) in same_path.iter().enumerate() {
            let (own, partial) = (input(row), &partials[row.partial].path);
            let same = same_path[..number].iter().find(|other| {
                let others = input(other);
                row.found == other.found
                    || (own.bytes_read == others.bytes_read
                        && (own.is_within(others) || others.is_within(own)))
            });
            if let Some(other) = same {
                return Err(Error::Partial {
                    path: partial.clone(),
                    reason: format!(
                        "holds {} as {} does: leave one out",
                        own.path,
                        partials[other.partial].path.display()
                    ),
                });
            }
            let mut others = same_path.iter().filter(|other| **other != *row);
            match others.find(|other| own.is_within(input(other))) {
                None => order.push((row.partial, row.index)),
                Some(later) => notes.push(format!(
                    "{}: {} holds an earlier state of it than {}, which alone counts",
                    own.path,
                    partial.display(),
                    partials[later.partial].path.display()
                )),
            }
        }
    }
    Ok((order, notes))
}

/// An input that was left out: the number of its original, its path, and whether it was named.
type Copies = Vec<(usize, (String, bool))>;

/// Leaves out inputs that are copies of others, which one run would have left out, too. That counts agree shows no copy, as
/// servers that take turns may count alike: both are opened again, and where that is no longer possible, both count.
fn without_copies<'r>(
    order: &InOrder,
    recorded: impl Fn(&(usize, usize)) -> &'r RecordedInput,
    root: Option<&Path>,
) -> (InOrder, Copies) {
    let as_read = |input: &RecordedInput| {
        let place = place_of(Path::new(&input.path), root);
        Source { bytes: input.bytes_read, ..Source::open(&place) }
    };
    let mut by_size: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (number, row) in order.iter().enumerate() {
        by_size.entry(recorded(row).bytes_decoded).or_default().push(number);
    }
    let original_of = originals(
        by_size.into_values(),
        |number| !recorded(&order[number]).is_plain,
        |own, other| {
            let (own, other) = (recorded(&order[own]), recorded(&order[other]));
            own.may_be_copy_of(other) && is_copy(&as_read(own), &as_read(other))
        },
    );
    let n_copies_before = |number: usize| original_of.range(..number).count();
    let copies = original_of.iter().map(|(copy, original)| {
        let own = recorded(&order[*copy]);
        (original - n_copies_before(*original), (own.path.clone(), own.is_named))
    });
    let copies = copies.collect();
    let rest = order.iter().enumerate().filter(|(number, _)| !original_of.contains_key(number));
    (rest.map(|(_, row)| *row).collect(), copies)
}

/// An input with its text, where that can be had again.
fn open_again(recorded: &RecordedInput, merging: &Merging<'_>) -> ScannedInput {
    let mut input = recorded.absent();
    if recorded.n_kept > 0 || (!recorded.is_plain && recorded.error.is_none()) {
        input.text = TextSource::Spool(Spool::within(merging.budget.directory()), None);
    }
    let Some((plan, text)) = text_of(recorded, merging) else {
        // What could not be read then is not missing now.
        let had_text = recorded.plan.is_some();
        input.is_absent = had_text;
        return input;
    };
    input.is_absent = false;
    if let Some(text) = text {
        input.text = text;
    }
    input.plan = plan.map(Arc::new);
    if let Some(plan) = input.plan.as_ref() {
        input.layouts = layouts_of(recorded, plan);
    }
    input
}

/// The readers and the text of an input that is what it was; `None` where it is not.
type Found = (Option<Plan>, Option<TextSource>);

fn text_of(recorded: &RecordedInput, merging: &Merging<'_>) -> Option<Found> {
    let path = Path::new(&recorded.path);
    let detect =
        |sample: &[u8]| detect_dated(path, &[sample], merging.formats, recorded.modified_us);
    let grown = |plan: Plan| {
        recorded.late.iter().fold(plan, |plan, sample| {
            let formats = merging.formats;
            grown_by(&plan, sample, path, formats, recorded.modified_us).unwrap_or(plan)
        })
    };
    let is_same = |plan: &Option<Plan>| plan.as_ref().map(RecordedPlan::of) == recorded.plan;
    if recorded.path == "-" {
        let plan = recorded.sample.as_deref().map(detect).map(grown);
        return is_same(&plan).then_some((plan, None));
    }
    // A partial result is no name for any file: only the very file that was read then is opened again.
    let place = place_of(path, merging.root);
    let is_file = std::fs::metadata(&place).is_ok_and(|found| found.is_file());
    if !is_file {
        return None;
    }
    if recorded.bytes_read == 0 || recorded.plan.is_none() {
        // Nothing of it can be quoted.
        return Some((None, None));
    }
    let mut source = Source::open(&place);
    path.clone_into(&mut source.path);
    source.modified_us = recorded.modified_us;
    let Ok(origin) = source.origin else { return None };
    let (Origin::Plain(file) | Origin::Stream(file, _) | Origin::Journal(file)) = &origin else {
        return None;
    };
    let is_long = source.bytes >= recorded.bytes_read;
    if !is_long || head_digest(file, recorded.bytes_read) != recorded.head {
        return None;
    }
    // What was written since was not read then.
    source.bytes = recorded.bytes_read;
    if let (Origin::Plain(file), true) = (&origin, recorded.is_plain) {
        source.origin = Ok(Origin::Stdin);
        let plan = recorded
            .plan
            .is_some()
            .then(|| plan_of_file(&source, file, merging.formats))
            .map(grown);
        if !is_same(&plan) {
            return None;
        }
        let Origin::Plain(file) = origin else { return None };
        return Some((plan, Some(TextSource::File(file))));
    }
    let (stream, _) = open_stream(&origin, &Arc::default()).ok()?;
    let mut reader = BlockReader::new(stream);
    let sample = reader.sample(SAMPLE_BYTES as usize, SAMPLE_BYTES as usize);
    let plan = recorded.plan.is_some().then(|| detect(sample)).map(grown);
    let spool = Spool::within(merging.budget.directory());
    is_same(&plan).then(|| (plan, Some(TextSource::Spool(spool, Some(origin)))))
}

/// Where a recorded path is now.
fn place_of(path: &Path, root: Option<&Path>) -> PathBuf {
    let Some(root) = root else { return path.to_owned() };
    let is_name = |part: &Component<'_>| matches!(part, Component::Normal(_));
    let relative = path.components().filter(is_name);
    root.join(relative.collect::<PathBuf>())
}

/// The readers that directives of an input put in force, by what was recorded of the directives.
fn layouts_of(recorded: &RecordedInput, plan: &Arc<Plan>) -> Vec<LayoutRow> {
    let known: Vec<(Directives, Arc<Plan>)> = recorded
        .directives
        .iter()
        .map(|lines| (Arc::new(lines.clone()), InForce::behind(plan, lines).plan))
        .collect();
    let row = |(from, index): &(u64, usize)| {
        let (directives, plan) = known.get(*index).cloned()?;
        Some(LayoutRow { from: *from, plan, directives })
    };
    recorded.layouts.iter().filter_map(row).collect()
}

/// The body of a file behind its header.
struct Body<'p> {
    partial: &'p Partial,
    stream: Box<dyn Read>,
    buffer: Vec<u8>,
}

impl<'p> Body<'p> {
    fn open(partial: &'p Partial) -> Result<Self> {
        let mut body = body_of(&partial.path, partial.packed)?;
        let fault = |source| Error::Read { path: partial.path.clone(), source };
        read_header(&mut body).map_err(fault)?;
        Ok(Body { partial, stream: body, buffer: Vec::new() })
    }

    fn read(&mut self, n: usize) -> Result<&[u8]> {
        self.buffer.resize(n, 0);
        let fault = |source| Error::Read { path: self.partial.path.clone(), source };
        self.stream.read_exact(&mut self.buffer).map_err(fault)?;
        Ok(&self.buffer)
    }

    /// Takes the kept lines of an input; none counts where it is `None`.
    fn kept_lines(
        &mut self,
        recorded: &RecordedInput,
        mut input: Option<&mut ScannedInput>,
    ) -> Result<()> {
        for _ in 0..recorded.n_kept {
            let head = self.read(12)?;
            let mut line = SpooledLine { offset: 0, bytes: Vec::new() };
            let mut length = 0;
            if let Some((offset, rest)) = head.split_first_chunk::<8>()
                && let Some(bytes) = rest.first_chunk::<4>()
            {
                line.offset = u64::from_le_bytes(*offset);
                length = u32::from_le_bytes(*bytes) as usize;
            }
            line.bytes = self.read(length)?.to_vec();
            if let Some(TextSource::Spool(spool, _)) = input.as_mut().map(|input| &mut input.text) {
                spool.push(&line).map_err(Error::Temporary)?;
            }
        }
        Ok(())
    }

    /// The line behind an entry.
    fn line(&mut self) -> Result<Vec<u8>> {
        let length = self.read(4)?.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        Ok(self.read(length as usize)?.to_vec())
    }

    fn fact<T: Stored>(&mut self) -> Result<T> {
        Ok(T::read(self.read(T::BYTES)?))
    }

    /// Gives a fact the number that its input has among all. False: its input does not count.
    fn renumber<T>(
        &self,
        fact: &mut T,
        numbers: &[Option<u32>],
        place: impl Fn(&mut T) -> &mut Place,
    ) -> Result<bool> {
        let input = &mut place(fact).position.input;
        match numbers.get(*input as usize) {
            Some(Some(number)) => *input = *number,
            Some(None) => return Ok(false),
            None => {
                return Err(Error::Partial {
                    path: self.partial.path.clone(),
                    reason: "names an input that it does not hold: make it again".to_owned(),
                });
            }
        }
        Ok(true)
    }
}
