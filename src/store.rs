//! Facts kept in memory up to a budget, and past it in sorted runs on disk.
//!
//! In: fixed-size records. Out: the same records in order of a key, as often as wanted.
//! Invariants: the order is total and does not depend on where the spills fell, so no verdict depends on memory; the
//! runs are unlinked temporary files that vanish with the process.

mod run;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Flatten;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::iter::{IntoParallelRefMutIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use self::run::{Merge, SortedRun};
use crate::error::{Error, Result};
use crate::fact::{CauseFact, EntryFact};

/// Memory is given back, and parts are divided, in pieces of so many records.
const PIECE: usize = 4096;

/// Parts in which records may be kept, so that they are sorted, and read, side by side.
const PARTS: usize = 8;

/// A record of fixed size that can be written to a run.
pub trait Stored: Copy + Send + Sync {
    /// Bytes of the written form.
    const BYTES: usize;
    /// Appends the written form.
    fn write(&self, out: &mut Vec<u8>);
    /// Reads the written form back from exactly [`Stored::BYTES`] bytes.
    fn read(bytes: &[u8]) -> Self;
}

/// Implements [`Stored`] for a struct of little-endian integers, given as `field: integer type`.
macro_rules! stored {
    ($name:ty, $($($field:tt).+ : $kind:ty),+ $(,)?) => {
        impl $crate::store::Stored for $name {
            const BYTES: usize = 0 $(+ size_of::<$kind>())+;
            fn write(&self, out: &mut Vec<u8>) {
                $(out.extend_from_slice(&self.$($field).+.to_le_bytes());)+
            }
            fn read(bytes: &[u8]) -> Self {
                let mut value = Self::default();
                let mut rest = bytes;
                $(if let Some((head, tail)) = rest.split_first_chunk::<{ size_of::<$kind>() }>() {
                    value.$($field).+ = <$kind>::from_le_bytes(*head);
                    rest = tail;
                })+
                debug_assert!(rest.is_empty());
                value
            }
        }
    };
}

pub(crate) use stored;

stored!(
    EntryFact, at: i64, place.position.input: u32, place.position.offset: u64, place.line: u64, place.length: u32,
    target_key: u64, client: u64, path: u64, id: u64, request: u64, trace: u64, edge_id: u64, hop: u64, connection: u64,
    host: u32, upstream: u32, ending: u32, log_id: u32, site: u32, listen: u32, server: u32, forwarded: u32, forwarded_before: u32,
    machine: u32, referrer: u32,
    duration_ms: u32, body_bytes: u32, status: u16, method: u16, rule: u16, flags.0: u16
);
stored!(
    CauseFact, at: i64, place.position.input: u32, place.position.offset: u64, place.line: u64, place.length: u32,
    target_key: u64, client: u64, connection: u64, host: u32, scope: u32, machine: u32, referrer: u32, log_id: u32,
    path: u32, method: u16, rule: u16, flags.0: u16
);

/// Memory that all sorters of a run share, and where they spill.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit_bytes: usize,
    used_bytes: AtomicUsize,
    directory: Option<PathBuf>,
}

impl Budget {
    /// Bytes of records kept in memory by all sorters together, and the directory of temporary files; `None` for the
    /// system's.
    pub fn new(limit_bytes: usize, directory: Option<PathBuf>) -> Self {
        Budget(Arc::new(Shared { limit_bytes, used_bytes: AtomicUsize::new(0), directory }))
    }

    /// The directory of temporary files; `None` for the system's.
    pub fn directory(&self) -> Option<&Path> {
        self.0.directory.as_deref()
    }

    /// A run of records is at least so long, or merging would read from too many runs.
    fn least_run_bytes(&self) -> usize {
        self.0.limit_bytes / 8
    }
}

/// What one sorter has taken of a budget. Gives it back when dropped.
#[derive(Debug)]
struct Share {
    budget: Budget,
    bytes: AtomicUsize,
}

impl Share {
    fn new(budget: Budget) -> Self {
        Share { budget, bytes: AtomicUsize::new(0) }
    }

    /// Takes more. True when the budget is overdrawn.
    fn take(&self, bytes: usize) -> bool {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let shared = &self.budget.0;
        shared.used_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > shared.limit_bytes
    }

    /// Gives back as much, or what there is.
    fn give_back(&self, bytes: usize) {
        let less = |held: usize| Some(held - bytes.min(held));
        let order = Ordering::Relaxed;
        let held = self.bytes.fetch_update(order, order, less).unwrap_or_default();
        self.budget.0.used_bytes.fetch_sub(bytes.min(held), order);
    }

    fn give_back_all(&self) {
        self.give_back(usize::MAX);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back_all();
    }
}

/// Collects records and gives them back in order of a key.
pub struct Sorter<T, K> {
    key: fn(&T) -> K,
    part: fn(&T) -> usize,
    share: Share,
    /// As many more records fit into what was taken of the budget.
    n_paid: usize,
    /// Records not spilled: by part, or as they came and were taken over.
    parts: Vec<Vec<T>>,
    in_parts: bool,
    runs: Vec<SortedRun>,
}

impl<T, K> std::fmt::Debug for Sorter<T, K> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let n: usize = self.parts.iter().map(Vec::len).sum();
        write!(out, "Sorter {{ in memory: {n}, runs: {} }}", self.runs.len())
    }
}

impl<T: Stored, K: Ord + Send> Sorter<T, K> {
    /// An empty sorter. The key must differ for records that differ, or their order is not defined.
    pub fn new(budget: Budget, key: fn(&T) -> K) -> Self {
        Sorter {
            key,
            part: |_| 0,
            share: Share::new(budget),
            n_paid: 0,
            parts: vec![Vec::new()],
            in_parts: false,
            runs: Vec::new(),
        }
    }

    /// As [`Sorter::new`], with records in several parts. The key must begin with a hash, and `part` be [`part_of`] it.
    pub fn in_parts(budget: Budget, key: fn(&T) -> K, part: fn(&T) -> usize) -> Self {
        let parts = std::iter::repeat_with(Vec::new).take(PARTS).collect();
        Sorter { part, parts, in_parts: true, ..Sorter::new(budget, key) }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// When a run cannot be spilled.
    #[inline]
    pub fn push(&mut self, record: T) -> Result<()> {
        if self.n_paid == 0 {
            self.pay()?;
        }
        self.n_paid -= 1;
        self.parts[(self.part)(&record)].push(record);
        Ok(())
    }

    /// Takes more of the budget, or spills.
    fn pay(&mut self) -> Result<()> {
        const STEP_BYTES: usize = 64 << 10;
        let n_more = (STEP_BYTES / size_of::<T>()).max(1);
        self.n_paid += n_more;
        let overdrawn = self.share.take(n_more * size_of::<T>());
        self.spill_if(overdrawn)
    }

    /// Spills where the budget is overdrawn and there is enough for a run.
    fn spill_if(&mut self, overdrawn: bool) -> Result<()> {
        let n_bytes = self.parts.iter().map(Vec::len).sum::<usize>() * size_of::<T>();
        if overdrawn && n_bytes > 0 && n_bytes >= self.share.budget.least_run_bytes() {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        let order = self.sort();
        let records = order.of(&self.parts).copied().map(Ok);
        let run = SortedRun::write(records, self.share.budget.0.directory.as_deref())
            .map_err(Error::Temporary)?;
        self.runs.push(run);
        self.parts.iter_mut().for_each(|part| *part = Vec::new());
        self.n_paid = 0;
        self.share.give_back_all();
        // For the record that is to be added.
        self.pay()
    }

    /// Sorts what is in memory, each part on its own.
    fn sort(&mut self) -> Order {
        let key = self.key;
        self.parts.par_iter_mut().for_each(|part| sort(part, key));
        let is_one = self.parts.iter().filter(|part| !part.is_empty()).count() < 2;
        if self.in_parts || is_one {
            Order::PartByPart
        } else {
            Order::InTurns(turns(&self.parts, key))
        }
    }

    /// Takes over all records of a sorter of the same kind and budget. Neither keeps them in parts.
    ///
    /// # Errors
    /// When a run cannot be spilled.
    pub fn absorb(&mut self, mut other: Self) -> Result<()> {
        debug_assert!(!self.in_parts);
        self.parts.extend(other.parts.drain(..).filter(|part| !part.is_empty()));
        self.runs.append(&mut other.runs);
        self.n_paid += other.n_paid;
        let bytes = other.share.bytes.swap(0, Ordering::Relaxed);
        self.share.bytes.fetch_add(bytes, Ordering::Relaxed);
        // Each of several that share a budget may be too small to spill, and all of them too large.
        let overdrawn = self.share.take(0);
        self.spill_if(overdrawn)
    }

    /// Everything in order.
    pub fn sorted(mut self) -> Sorted<T, K> {
        let order = self.sort();
        Sorted { key: self.key, share: self.share, parts: self.parts, order, runs: self.runs }
    }
}

/// The part of a hash, and so of all keys that begin with it: its upper bits, so that parts are in order.
pub const fn part_of(hash: u64) -> usize {
    (hash >> (64 - PARTS.trailing_zeros())) as usize
}

/// Sorts records by their key. Keys are sorted with the index of their record, which is several times smaller than the
/// record; then each record moves once, along the cycles of the permutation.
fn sort<T: Stored, K: Ord + Send>(records: &mut [T], key: fn(&T) -> K) {
    let mut order: Vec<(K, u32)> =
        records.iter().enumerate().map(|(index, record)| (key(record), index as u32)).collect();
    order.par_sort_unstable();
    for start in 0..records.len() {
        let first = records[start];
        let mut to = start;
        loop {
            // Index of the record that belongs here; the place is marked as done.
            let from = std::mem::replace(&mut order[to].1, to as u32) as usize;
            if from == start || from == to {
                records[to] = first;
                break;
            }
            records[to] = records[from];
            to = from;
        }
    }
}

/// Which of several sorted lists the next record comes from, for all of their records in order of their key: bringing them
/// into one list would take longer, or twice the memory.
fn turns<T, K: Ord>(lists: &[Vec<T>], key: fn(&T) -> K) -> Vec<u32> {
    let mut turns = Vec::with_capacity(lists.iter().map(Vec::len).sum());
    let mut rests: Vec<slice::Iter<'_, T>> = lists.iter().map(|list| list.iter()).collect();
    let next = |list: usize, rests: &mut [slice::Iter<'_, T>]| {
        rests[list].next().map(|record| Reverse((key(record), list)))
    };
    let mut firsts: BinaryHeap<_> =
        (0..lists.len()).filter_map(|list| next(list, &mut rests)).collect();
    while let Some(first) = firsts.pop() {
        let list = first.0.1;
        turns.push(list as u32);
        // Long stretches come from one list: the others are asked only for where they end.
        while let Some(second) = next(list, &mut rests) {
            if firsts.peek().is_some_and(|other| *other > second) {
                firsts.push(second);
                break;
            }
            turns.push(list as u32);
        }
    }
    turns
}

/// Records in order of their key, readable any number of times.
pub struct Sorted<T, K> {
    key: fn(&T) -> K,
    share: Share,
    /// What was not spilled.
    parts: Vec<Vec<T>>,
    order: Order,
    runs: Vec<SortedRun>,
}

/// In which order records in memory are read.
enum Order {
    /// Parts in order, each in order.
    PartByPart,
    /// The next of this part: see [`turns`].
    InTurns(Vec<u32>),
}

impl Order {
    fn of<'s, T>(&'s self, parts: &'s [Vec<T>]) -> InMemory<'s, T> {
        match self {
            Order::PartByPart => InMemory::PartByPart(parts.iter().flatten()),
            Order::InTurns(turns) => {
                InMemory::InTurns(turns.iter(), parts.iter().map(|part| part.iter()).collect())
            }
        }
    }
}

/// Records in memory, in order.
enum InMemory<'s, T> {
    PartByPart(Flatten<slice::Iter<'s, Vec<T>>>),
    InTurns(slice::Iter<'s, u32>, Vec<slice::Iter<'s, T>>),
}

impl<'s, T> Iterator for InMemory<'s, T> {
    type Item = &'s T;

    #[inline]
    fn next(&mut self) -> Option<&'s T> {
        match self {
            InMemory::PartByPart(records) => records.next(),
            InMemory::InTurns(turns, parts) => parts[*turns.next()? as usize].next(),
        }
    }
}

impl<T, K> std::fmt::Debug for Sorted<T, K> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let n: usize = self.parts.iter().map(Vec::len).sum();
        write!(out, "Sorted {{ in memory: {n}, runs: {} }}", self.runs.len())
    }
}

impl<T: Stored, K: Ord> Sorted<T, K> {
    /// How many records there are.
    pub fn len(&self) -> u64 {
        let n_in_memory: usize = self.parts.iter().map(Vec::len).sum();
        n_in_memory as u64 + self.runs.iter().map(|run| run.n_records).sum::<u64>()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Changes every record in place; `change` must leave the key as it is.
    ///
    /// # Errors
    /// When a run cannot be read or written again.
    pub fn update(&mut self, change: impl Fn(&mut T) + Sync) -> Result<()> {
        for part in &mut self.parts {
            part.par_iter_mut().for_each(&change);
        }
        let directory = self.share.budget.0.directory.as_deref();
        for run in &mut self.runs {
            *run = run.changed(&change, directory).map_err(Error::Temporary)?;
        }
        Ok(())
    }

    /// All records in order. A run that cannot be read ends with an error as its last item.
    pub fn rows(&self) -> Rows<'_, T, K> {
        if self.runs.is_empty() {
            Rows(Backing::Memory(self.order.of(&self.parts)))
        } else {
            Rows(Backing::Runs(Box::new(self.merge())))
        }
    }

    /// As [`Sorted::rows`], for the last time: memory is given back on the way where records are in parts.
    pub fn last_rows(&mut self) -> Rows<'_, T, K> {
        if self.runs.is_empty() && matches!(self.order, Order::PartByPart) {
            Rows(Backing::last(&mut self.parts, &self.share))
        } else {
            self.rows()
        }
    }

    /// True when some were spilled: they are read in one go only.
    pub fn has_spilled(&self) -> bool {
        !self.runs.is_empty()
    }

    /// How many records of each part were not spilled.
    pub fn part_lengths(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().map(Vec::len)
    }

    /// What was not spilled as by [`Sorted::last_rows`], in parts: see [`part_of`]. Those that `may_divide` names by their
    /// index come in pieces, which end only where two records are not `together`. What is in pieces is not given back on
    /// the way: so this is done where all parts together are a quarter of the budget at most, and workers are there for it.
    pub fn last_rows_in_parts(
        &mut self,
        may_divide: impl Fn(usize) -> bool,
        together: impl Fn(&T, &T) -> bool,
    ) -> Vec<Vec<Rows<'_, T, K>>> {
        debug_assert!(matches!(self.order, Order::PartByPart));
        let share = &self.share;
        let n_records: usize = self.parts.iter().map(Vec::len).sum();
        let is_worth = rayon::current_num_threads() > 1
            && n_records * size_of::<T>() <= share.budget.0.limit_bytes / 4;
        let mut parts = Vec::new();
        for (index, part) in self.parts.iter_mut().enumerate() {
            if is_worth && part.len() >= 2 * PIECE && may_divide(index) {
                parts.push(pieces(part, &together));
            } else {
                parts.push(vec![Rows(Backing::last(slice::from_mut(part), share))]);
            }
        }
        parts
    }

    fn merge(&self) -> Merge<'_, T, K> {
        Merge::new(self.key, &self.runs, self.order.of(&self.parts))
    }
}

/// Records in pieces, which end only where two records are not `together`.
fn pieces<T, K>(mut rest: &[T], together: impl Fn(&T, &T) -> bool) -> Vec<Rows<'_, T, K>> {
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let least = rest.len().min(PIECE);
        let end = (least..rest.len()).find(|end| !together(&rest[end - 1], &rest[*end]));
        let (piece, behind) = rest.split_at(end.unwrap_or(rest.len()));
        pieces.push(Rows(Backing::Piece(piece.iter())));
        rest = behind;
    }
    pieces
}

/// Records in order.
pub struct Rows<'s, T, K>(Backing<'s, T, K>);

/// Where records come from.
enum Backing<'s, T, K> {
    /// None was spilled.
    Memory(InMemory<'s, T>),
    /// None was spilled, and this is a stretch of a part.
    Piece(slice::Iter<'s, T>),
    /// None was spilled, and none is wanted again. Of the current part the next record is the last.
    Last { part: Option<&'s mut Vec<T>>, parts: slice::IterMut<'s, Vec<T>>, share: &'s Share },
    /// Some were spilled.
    Runs(Box<Merge<'s, T, K>>),
}

impl<'s, T, K> Backing<'s, T, K> {
    fn last(parts: &'s mut [Vec<T>], share: &'s Share) -> Self {
        for part in &mut *parts {
            part.shrink_to_fit();
            part.reverse();
        }
        Backing::Last { part: None, parts: parts.iter_mut(), share }
    }
}

impl<T, K> std::fmt::Debug for Rows<'_, T, K> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Rows")
    }
}

impl<T: Stored, K: Ord> Iterator for Rows<'_, T, K> {
    type Item = Result<T>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Backing::Memory(records) => records.next().copied().map(Ok),
            Backing::Piece(records) => records.next().copied().map(Ok),
            Backing::Last { part, parts, share } => loop {
                if let Some(current) = part
                    && let Some(record) = current.pop()
                {
                    give_back_memory(current, share);
                    return Some(Ok(record));
                }
                *part = Some(parts.next()?);
            },
            Backing::Runs(merge) => merge.next(),
        }
    }
}

/// Gives memory back that is no longer needed.
#[inline]
fn give_back_memory<T>(records: &mut Vec<T>, share: &Share) {
    let held = records.capacity();
    if held - records.len() >= PIECE || records.is_empty() {
        records.shrink_to_fit();
        share.give_back((held - records.capacity()) * size_of::<T>());
    }
}
