//! Names of columns that were worked out, from the lines of all inputs together.
//!
//! In: lines that readers of worked-out layouts take, of any input. Out: the layouts that all these lines show, and facts
//! as these layouts tell them.
//! The rule: inputs whose layouts differ in names alone are taken for pieces of one log. A sample of all their lines, those
//! of the lowest ranks by hash, is looked at once more behind the scan; what it shows holds for all of them. It is a set: how
//! lines were ordered, cut into files, blocks or partial results does not change it. A few lines of one input that a layout
//! of more lines fits, too, are of that layout. An input whose own lines clearly show other names keeps its own layout, and
//! so do all that share its text.
//! Invariants: which lines are records, and their statuses, was told by the scan and stays as it is; memory is bounded.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use foldhash::quality::FixedState;
use rayon::iter::{IntoParallelRefMutIterator, ParallelIterator};

use super::block::{read_access, whole_fact};
use super::carry::LayoutRow;
use super::fold::entry_store;
use super::{Scan, ScannedInput};
use crate::error::Result;
use crate::fact::{EntryFact, Flags};
use crate::format::infer::{InferredFormat, MAX_LINES, is_about_column};
use crate::format::{Format, FormatBasis, LineEnds, Plan, Reader, Sample, reads};
use crate::record::{Field, Record};
use crate::store::Budget;
use crate::taxonomy::LogRole;

/// Longer lines are left out.
const MAX_LINE_BYTES: usize = 2048;

/// Layouts of which lines are gathered; of more, those whose text comes first.
const MAX_POOLS: usize = 16;

/// So many sampled lines of one input are taken at their word where they contradict those of all.
const ENOUGH_LINES: usize = 200;

/// Facts that are read again at once.
const CHUNK: usize = 16 << 10;

static RANKS: LazyLock<FixedState> = LazyLock::new(|| FixedState::with_seed(503));

/// Lines by their rank.
pub(super) type Lines = BTreeMap<u64, Vec<u8>>;

/// Lines by the text of their layout, without the names in it.
pub(super) type LinesByText = BTreeMap<String, Lines>;

/// The rank of a line: where it comes from does not matter. Hashing every line would cost too much: those that a look at a
/// few bytes passes over come behind all others, and where there are enough of these, they are not looked at again.
fn rank(line: &[u8], largest: u64) -> Option<u64> {
    const LAST_HALF: u64 = 1 << 63;
    let is_behind = is_passed_over(line);
    if is_behind && largest < LAST_HALF {
        return None;
    }
    let mut hasher = RANKS.build_hasher();
    hasher.write(line);
    let rank = hasher.finish() >> 1 | if is_behind { LAST_HALF } else { 0 };
    (rank <= largest).then_some(rank)
}

/// True for fifteen lines of sixteen.
fn is_passed_over(line: &[u8]) -> bool {
    let word = |at: usize| line[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let last = line.len().saturating_sub(8);
    let words = [word(last / 3), word(last / 2), word(last / 3 * 2), word(last)];
    let mixed = words.iter().fold(line.len() as u64, |mixed, word| {
        (mixed ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    });
    mixed >> 60 != 0
}

/// Adds lines, and keeps those of the lowest ranks.
fn add(lines: &mut Lines, more: impl IntoIterator<Item = (u64, Vec<u8>)>) {
    for (hash, line) in more {
        lines.insert(hash, line);
        if lines.len() > MAX_LINES {
            lines.pop_last();
        }
    }
}

/// Lines of all inputs, gathered while they are scanned.
#[derive(Debug, Default)]
pub(super) struct Pools(Mutex<BTreeMap<String, Arc<Pool>>>);

#[derive(Debug)]
pub(super) struct Pool {
    /// Lines of a higher rank are not wanted.
    largest: AtomicU64,
    lines: Mutex<Lines>,
}

/// Index of a reader, and where its lines go.
pub(super) type Gathering = Vec<(usize, Arc<Pool>)>;

impl Pools {
    /// Where lines of an input go.
    pub(super) fn of(&self, plan: &Plan) -> Gathering {
        let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gathering = Vec::new();
        for (index, text) in claims_of(plan) {
            let new = || {
                let lines = Mutex::default();
                Arc::new(Pool { largest: AtomicU64::new(u64::MAX), lines })
            };
            gathering.push((index, Arc::clone(pools.entry(text).or_insert_with(new))));
            if pools.len() > MAX_POOLS {
                pools.pop_last();
            }
        }
        gathering
    }

    pub(super) fn take(self) -> LinesByText {
        let pools = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let lines = |pool: Arc<Pool>| {
            std::mem::take(&mut *pool.lines.lock().unwrap_or_else(PoisonError::into_inner))
        };
        pools.into_iter().map(|(text, pool)| (text, lines(pool))).collect()
    }
}

/// Gathers lines of a block.
pub(super) fn gather(gathering: &Gathering, plan: &Plan, block: &[u8]) {
    for (index, pool) in gathering {
        let Some(reader) = plan.readers.get(*index) else { continue };
        let mut found = Vec::new();
        let largest = pool.largest.load(Ordering::Relaxed);
        let (mut ends, mut at) = (LineEnds::new(block, 0), 0);
        while at < block.len() {
            let end = ends.next();
            let line = &block[at..end];
            at = end + 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.len() > MAX_LINE_BYTES {
                continue;
            }
            if let Some(rank) = rank(line, largest)
                && reads(reader.as_ref(), line)
                && let Some(bare) = reader.bare(line)
            {
                found.push((rank, bare.into_owned()));
            }
        }
        if found.is_empty() {
            continue;
        }
        let mut lines = pool.lines.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut lines, found);
        if let (MAX_LINES.., Some((largest, _))) = (lines.len(), lines.last_key_value()) {
            pool.largest.store(*largest, Ordering::Relaxed);
        }
    }
}

/// Adds the lines of another run.
pub(super) fn unite(all: &mut LinesByText, more: &LinesByText) {
    for (text, lines) in more {
        add(all.entry(text.clone()).or_default(), lines.clone());
    }
    while all.len() > MAX_POOLS {
        all.pop_last();
    }
}

/// Readers of worked-out layouts in a plan, with the text of the layout.
fn claims_of(plan: &Plan) -> impl Iterator<Item = (usize, String)> + '_ {
    plan.detected().enumerate().filter_map(|(index, reader)| {
        let about = reader.about();
        let is_worked_out = about.basis == FormatBasis::Inferred
            && about.role == LogRole::Access
            && about.layout.contains('$');
        is_worked_out.then(|| (index, text_of(&about.layout)))
    })
}

/// True for an input of which lines are gathered.
pub(super) fn is_worked_out(plan: &Plan) -> bool {
    claims_of(plan).next().is_some()
}

/// A layout without the names in it.
fn text_of(layout: &str) -> String {
    let mut text = String::with_capacity(layout.len());
    for (index, part) in layout.split('$').enumerate() {
        if index > 0 {
            text.push('$');
        }
        text.push_str(if index > 0 { &part[name_of(part).1..] } else { part });
    }
    text
}

/// The name at the start of what follows a `$`, and its length with the braces around it.
fn name_of(part: &str) -> (&str, usize) {
    if let Some((name, _)) = part.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        return (name, name.len() + 2);
    }
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let end = part.find(|letter| !is_name(letter)).unwrap_or(part.len());
    (&part[..end], end)
}

/// The names in a layout; `None` for a column without one.
fn names_of(layout: &str) -> impl Iterator<Item = Option<&str>> {
    let names = layout.split('$').skip(1).map(|part| name_of(part).0);
    names.map(|name| Some(name).filter(|name| !name.starts_with("unknown_")))
}

fn n_named(layout: &str) -> usize {
    names_of(layout).flatten().count()
}

/// True when a column has two different names.
fn contradict(one: &str, other: &str) -> bool {
    text_of(one) == text_of(other)
        && names_of(one)
            .zip(names_of(other))
            .any(|pair| matches!(pair, (Some(a), Some(b)) if a != b))
}

/// Layouts that the lines of one text show, and of others that are of the same log.
struct Group {
    texts: Vec<String>,
    lines: Lines,
    found: Option<Found>,
}

#[derive(Clone)]
struct Found {
    reader: Arc<dyn Reader>,
    notes: Vec<String>,
}

impl Found {
    /// What lines show, if that fits nearly all of them.
    fn of(lines: &Lines) -> Option<Self> {
        let sample = Sample::of(lines.values().map(Vec::as_slice).collect());
        let proposal = InferredFormat.propose(&sample)?;
        let is_fit = proposal.n_accepted * 50 >= lines.len() * 49;
        is_fit.then_some(Found { reader: proposal.reader, notes: proposal.notes })
    }

    fn layout(&self) -> &str {
        &self.reader.about().layout
    }
}

/// Puts texts together that are of one log.
fn groups_of(pools: LinesByText) -> Vec<Group> {
    let mut pools: Vec<_> = pools.into_iter().filter(|(_, lines)| !lines.is_empty()).collect();
    pools.sort_by(|one, other| (other.1.len(), &one.0).cmp(&(one.1.len(), &other.0)));
    let mut groups: Vec<Group> = Vec::new();
    for (text, lines) in pools {
        let found = Found::of(&lines);
        let n_own = found.as_ref().map_or(0, |found| n_named(found.layout()));
        let whole = groups.iter_mut().find(|group| {
            group.found.as_ref().is_some_and(|found| {
                n_named(found.layout()) >= n_own
                    && lines.values().all(|line| reads(found.reader.as_ref(), line))
            })
        });
        match whole {
            Some(group) => {
                group.texts.push(text);
                add(&mut group.lines, lines);
                group.found = Found::of(&group.lines).or(group.found.take());
            }
            None => groups.push(Group { texts: vec![text], lines, found }),
        }
    }
    groups
}

/// Readers of one input that others stand in for: index, the reader for bare lines.
pub(super) type Renamed = Vec<(usize, Arc<dyn Reader>)>;

/// Puts the readers that all lines show in place of those of the inputs. Gives these readers, per input.
pub(super) fn rename(inputs: &mut [ScannedInput], pools: LinesByText) -> Vec<Renamed> {
    let mut groups = groups_of(pools);
    for group in &mut groups {
        let is_contradicted = inputs.iter().filter_map(|input| input.plan.as_deref()).any(|plan| {
            plan.sampled.1 >= ENOUGH_LINES
                && claims_of(plan).any(|(index, text)| {
                    let own = &plan.readers[index].about().layout;
                    let found = group.found.as_ref().map(Found::layout);
                    group.texts.contains(&text) && found.is_some_and(|found| contradict(own, found))
                })
        });
        if is_contradicted {
            group.found = None;
        }
    }
    inputs.iter_mut().map(|input| rename_input(input, &groups)).collect()
}

fn rename_input(input: &mut ScannedInput, groups: &[Group]) -> Renamed {
    let mut renamed = Vec::new();
    let Some(before) = input.plan.clone() else { return renamed };
    for (index, text) in claims_of(&before) {
        let group = groups.iter().find(|group| group.texts.contains(&text));
        let Some(found) = group.and_then(|group| group.found.as_ref()) else { continue };
        let own = &before.readers[index];
        let Some(other) = own.around(&found.reader) else {
            // What only a partial result tells of.
            renamed.push((index, Arc::clone(&found.reader)));
            continue;
        };
        // Escapes may differ as well, which the text of a layout does not tell.
        if format!("{own:?}") == format!("{other:?}") {
            continue;
        }
        let put = |plan: &mut Arc<Plan>| {
            if plan.readers.get(index).is_some_and(|reader| Arc::ptr_eq(reader, own)) {
                let plan = Arc::make_mut(plan);
                plan.readers[index] = Arc::clone(&other);
                plan.notes.retain(|note| !is_about_column(note));
                plan.notes.extend(found.notes.iter().cloned());
            }
        };
        input.plan.iter_mut().for_each(put);
        input.layouts.iter_mut().map(|LayoutRow { plan, .. }| plan).for_each(put);
        renamed.push((index, Arc::clone(&found.reader)));
    }
    renamed
}

/// The bare line of a fact, and the index of its reader, if that is one of a worked-out layout.
pub(super) fn bare_line<'l>(plan: &Plan, line: &'l [u8]) -> Option<(usize, Cow<'l, [u8]>)> {
    let index = read_access(plan, line, |index, _| index)?;
    claims_of(plan).any(|(claim, _)| claim == index).then_some(())?;
    Some((index, plan.readers[index].bare(line)?))
}

/// The fact of a bare line, as another reader tells it.
pub(super) fn told_by(reader: &dyn Reader, fact: &EntryFact, line: &[u8]) -> EntryFact {
    let mut told = *fact;
    reader.read(line, &mut |result| {
        if let Ok(Record::Access(record)) = result
            && record.status == fact.status
        {
            told = whole_fact(reader.about(), &record, fact.place);
            told.machine = fact.machine;
            told.flags = told.flags.with(Flags::KIN, fact.flags.has(Flags::KIN));
        }
    });
    told
}

/// The name of the backend in a bare line.
pub(super) fn backend_in(reader: &dyn Reader, line: &[u8]) -> Option<Vec<u8>> {
    let mut name = None;
    reader.read(line, &mut |result| {
        if let Ok(Record::Access(record)) = result {
            name = record.last_item(Field::UpstreamAddr).map(<[u8]>::to_vec);
        }
    });
    name
}

impl Scan {
    /// Names the columns of layouts that were worked out by what the lines of all inputs show, and reads the lines of facts
    /// again where that changes names. To be done once, when everything is read.
    ///
    /// # Errors
    /// When temporary files fail.
    pub fn name_columns(mut self, budget: &Budget) -> Result<Scan> {
        let before: Vec<_> = self.inputs.iter().map(|input| input.plan.clone()).collect();
        let rows: Vec<Vec<LayoutRow>> =
            self.inputs.iter().map(|input| input.layouts.clone()).collect();
        let renamed = rename(&mut self.inputs, std::mem::take(&mut self.pools));
        if renamed.iter().all(Vec::is_empty) {
            return Ok(self);
        }
        let plan_before = |fact: &EntryFact| {
            let (input, offset) = (fact.place.position.input as usize, fact.place.position.offset);
            match rows[input].partition_point(|row| row.from <= offset).checked_sub(1) {
                Some(row) => Some(&rows[input][row].plan),
                None => before[input].as_ref(),
            }
        };
        let inputs = &self.inputs;
        let tell = |fact: &mut EntryFact| {
            let input = fact.place.position.input as usize;
            let Some(readers) = renamed.get(input).filter(|readers| !readers.is_empty()) else {
                return;
            };
            let (Some(line), Some(plan)) = (inputs[input].fetch(fact.place), plan_before(fact))
            else {
                return;
            };
            let Some((index, bare)) = bare_line(plan, &line) else { return };
            if let Some((_, reader)) = readers.iter().find(|(own, _)| *own == index) {
                *fact = told_by(reader.as_ref(), fact, &bare);
            }
        };
        let mut told = entry_store(budget);
        let mut facts = self.entries.sorted();
        let mut rows = facts.last_rows();
        loop {
            let mut chunk = rows.by_ref().take(CHUNK).collect::<Result<Vec<_>>>()?;
            if chunk.is_empty() {
                break;
            }
            chunk.par_iter_mut().for_each(tell);
            for fact in chunk {
                told.push(fact)?;
            }
        }
        self.entries = told;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: u32, times: &str) -> String {
        let (second, client) = (n % 60, n % 200);
        format!(
            "192.0.2.{client} [20/Nov/2026:21:00:{second:02} +0000] \"GET /{n} HTTP/1.1\" 200 {n} {times}"
        )
    }

    fn pool(lines: impl IntoIterator<Item = String>) -> Lines {
        let mut pool = Lines::new();
        let ranked = lines.into_iter().map(|line| {
            let line = line.into_bytes();
            (rank(&line, u64::MAX).unwrap(), line)
        });
        add(&mut pool, ranked);
        pool
    }

    #[test]
    fn the_text_of_a_layout_is_what_is_around_its_names() {
        assert_eq!(
            text_of("$remote_addr [$time_local] ${status}s \"$unknown_1\""),
            "$ [$] $s \"$\""
        );
        for (one, other, expected) in [
            ("$status $msec", "$status $unknown_1", false),
            ("$status $msec", "$msec $status", true),
            ("$status $msec", "$msec|$status", false),
        ] {
            assert_eq!(contradict(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn a_pool_is_a_set_that_does_not_depend_on_order() {
        let lines = |from: u32, to: u32| (from..to).map(|n| line(n, "0.001 0.002"));
        let whole = pool(lines(0, 4000));
        assert_eq!(whole.len(), MAX_LINES);
        let mut pieces = pool(lines(3000, 4000).rev());
        add(&mut pieces, pool(lines(0, 3500)));
        assert_eq!(pieces, whole);
        // What is passed over comes last, and is not looked at where there is enough.
        let passed = lines(0, 99).find(|line| is_passed_over(line.as_bytes())).unwrap();
        assert_eq!(rank(passed.as_bytes(), 1 << 62), None);
    }

    #[test]
    fn a_few_lines_that_a_layout_of_more_fits_are_of_it() {
        let pools = LinesByText::from([
            ("all".to_owned(), pool((0..400).map(|n| line(n, "0.001")))),
            ("few".to_owned(), pool((400..403).map(|n| line(n, "0.001")))),
            ("other".to_owned(), pool((400..403).map(|n| line(n, "x y z")))),
        ]);
        let groups = groups_of(pools);
        let texts: Vec<&[String]> = groups.iter().map(|group| &group.texts[..]).collect();
        assert_eq!(texts, [&["all", "few"][..], &["other"]]);
    }
}
