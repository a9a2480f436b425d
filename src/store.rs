//! Facts kept in memory up to a budget, and past it in sorted runs on disk.
//!
//! In: fixed-size records. Out: the same records in order of a key, as often as wanted.
//! Invariants: the order is total and does not depend on where the spills fell, so no verdict depends on memory; the
//! runs are unlinked temporary files that vanish with the process.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::iter::{IntoParallelRefMutIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::error::{Error, Result};
use crate::fact::{CauseFact, EntryFact};
use crate::input::read_exact_at;

/// Bytes read at once from each run during a merge.
const MERGE_BUFFER_BYTES: usize = 64 << 10;

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
    host: u32, upstream: u32, ending: u32, site: u32, listen: u32, server: u32, forwarded: u32, forwarded_before: u32,
    referrer: u32,
    duration_ms: u32, body_bytes: u32, status: u16, rule: u16, flags.0: u16
);
stored!(
    CauseFact, at: i64, place.position.input: u32, place.position.offset: u64, place.line: u64, place.length: u32,
    target_key: u64, client: u64, connection: u64, host: u32, scope: u32, referrer: u32, rule: u16,
    flags.0: u16
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

    /// A run of records is at least so long, or merging would read from too many runs.
    fn least_run_bytes(&self) -> usize {
        self.0.limit_bytes / 8
    }
}

/// What one sorter has taken of a budget. Gives it back when dropped.
#[derive(Debug)]
struct Share {
    budget: Budget,
    bytes: usize,
}

impl Share {
    /// Takes more. True when the budget is overdrawn.
    fn take(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        let shared = &self.budget.0;
        shared.used_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > shared.limit_bytes
    }

    fn give_back(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.0.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

/// Collects records and gives them back in order of a key.
pub struct Sorter<T, K> {
    key: fn(&T) -> K,
    share: Share,
    /// As many records fit into what was taken of the budget.
    n_paid: usize,
    memory: Vec<T>,
    runs: Vec<SortedRun>,
}

impl<T, K> std::fmt::Debug for Sorter<T, K> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Sorter {{ in memory: {}, runs: {} }}", self.memory.len(), self.runs.len())
    }
}

impl<T: Stored, K: Ord + Send> Sorter<T, K> {
    /// An empty sorter. The key must differ for records that differ, or their order is not defined.
    pub fn new(budget: Budget, key: fn(&T) -> K) -> Self {
        let share = Share { budget, bytes: 0 };
        Sorter { key, share, n_paid: 0, memory: Vec::new(), runs: Vec::new() }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// When a run cannot be spilled.
    #[inline]
    pub fn push(&mut self, record: T) -> Result<()> {
        if self.memory.len() >= self.n_paid {
            self.pay()?;
        }
        self.memory.push(record);
        Ok(())
    }

    /// Takes more of the budget, or spills.
    fn pay(&mut self) -> Result<()> {
        const STEP_BYTES: usize = 64 << 10;
        let n_more = (STEP_BYTES / size_of::<T>()).max(1);
        self.n_paid += n_more;
        let overdrawn = self.share.take(n_more * size_of::<T>());
        let n_bytes = self.memory.len() * size_of::<T>();
        if overdrawn && n_bytes > 0 && n_bytes >= self.share.budget.least_run_bytes() {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        sort(&mut self.memory, self.key);
        let records = self.memory.iter().copied().map(Ok);
        let run = SortedRun::write(records, self.share.budget.0.directory.as_deref())
            .map_err(Error::Temporary)?;
        self.runs.push(run);
        self.memory = Vec::new();
        self.n_paid = 0;
        self.share.give_back(self.share.bytes);
        Ok(())
    }

    /// Everything in order.
    pub fn sorted(mut self) -> Sorted<T, K> {
        sort(&mut self.memory, self.key);
        Sorted { key: self.key, share: self.share, memory: self.memory, runs: self.runs }
    }
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

/// Records in order of their key, readable any number of times.
pub struct Sorted<T, K> {
    key: fn(&T) -> K,
    share: Share,
    memory: Vec<T>,
    runs: Vec<SortedRun>,
}

impl<T, K> std::fmt::Debug for Sorted<T, K> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Sorted {{ in memory: {}, runs: {} }}", self.memory.len(), self.runs.len())
    }
}

impl<T: Stored, K: Ord> Sorted<T, K> {
    /// How many records there are.
    pub fn len(&self) -> u64 {
        self.memory.len() as u64 + self.runs.iter().map(|run| run.n_records).sum::<u64>()
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
        self.memory.par_iter_mut().for_each(&change);
        let directory = self.share.budget.0.directory.as_deref();
        for run in &mut self.runs {
            *run = run.changed(&change, directory).map_err(Error::Temporary)?;
        }
        Ok(())
    }

    /// All records in order. A run that cannot be read ends with an error as its last item.
    pub fn rows(&self) -> Rows<'_, T, K> {
        if self.runs.is_empty() {
            Rows(Backing::Memory(self.memory.iter()))
        } else {
            Rows(Backing::Runs(Box::new(Merge::new(self))))
        }
    }

    /// As [`Sorted::rows`], for the last time: memory is given back on the way.
    pub fn last_rows(&mut self) -> Rows<'_, T, K> {
        if self.runs.is_empty() {
            self.memory.reverse();
            Rows(Backing::Last { memory: &mut self.memory, share: &mut self.share })
        } else {
            Rows(Backing::Runs(Box::new(Merge::new(self))))
        }
    }
}

/// Records in order.
pub struct Rows<'s, T, K>(Backing<'s, T, K>);

/// Where records come from.
enum Backing<'s, T, K> {
    /// None was spilled.
    Memory(std::slice::Iter<'s, T>),
    /// None was spilled, and none is wanted again: the next record is the last in memory.
    Last { memory: &'s mut Vec<T>, share: &'s mut Share },
    /// Some were spilled.
    Runs(Box<Merge<'s, T, K>>),
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
        /// Memory is given back in pieces of so many records.
        const PIECE: usize = 8192;
        match &mut self.0 {
            Backing::Memory(records) => records.next().copied().map(Ok),
            Backing::Last { memory, share } => {
                let record = memory.pop()?;
                if memory.len() % PIECE == 0 {
                    memory.shrink_to_fit();
                    share.give_back(PIECE * size_of::<T>());
                }
                Some(Ok(record))
            }
            Backing::Runs(merge) => merge.next(),
        }
    }
}

/// Sorted records in an unlinked file.
#[derive(Debug)]
struct SortedRun {
    file: File,
    n_records: u64,
}

impl SortedRun {
    fn write<T: Stored>(
        records: impl Iterator<Item = io::Result<T>>,
        directory: Option<&Path>,
    ) -> io::Result<SortedRun> {
        let mut file = match directory {
            Some(directory) => tempfile::tempfile_in(directory)?,
            None => tempfile::tempfile()?,
        };
        let mut buffer = Vec::with_capacity(MERGE_BUFFER_BYTES + T::BYTES);
        let mut n_records = 0;
        for record in records {
            record?.write(&mut buffer);
            n_records += 1;
            if buffer.len() >= MERGE_BUFFER_BYTES {
                file.write_all(&buffer)?;
                buffer.clear();
            }
        }
        file.write_all(&buffer)?;
        Ok(SortedRun { file, n_records })
    }

    /// The same records in the same order, each changed.
    fn changed<T: Stored>(
        &self,
        change: &impl Fn(&mut T),
        directory: Option<&Path>,
    ) -> io::Result<SortedRun> {
        let mut reader = RunReader::new(self);
        let records = std::iter::from_fn(|| reader.next::<T>());
        let changed = records.map(|record| {
            record.map(|mut record| {
                change(&mut record);
                record
            })
        });
        SortedRun::write(changed, directory)
    }
}

/// Reads one run forwards.
struct RunReader<'s> {
    run: &'s SortedRun,
    next: u64,
    buffer: Vec<u8>,
    at: usize,
}

impl<'s> RunReader<'s> {
    fn new(run: &'s SortedRun) -> Self {
        RunReader { run, next: 0, buffer: Vec::new(), at: 0 }
    }

    fn next<T: Stored>(&mut self) -> Option<io::Result<T>> {
        if self.at == self.buffer.len() {
            let left = self.run.n_records - self.next;
            if left == 0 {
                return None;
            }
            let n = left.min((MERGE_BUFFER_BYTES / T::BYTES).max(1) as u64);
            self.buffer.resize(n as usize * T::BYTES, 0);
            if let Err(error) =
                read_exact_at(&self.run.file, self.next * T::BYTES as u64, &mut self.buffer)
            {
                self.next = self.run.n_records;
                self.buffer.clear();
                self.at = 0;
                return Some(Err(error));
            }
            self.next += n;
            self.at = 0;
        }
        let record = T::read(&self.buffer[self.at..self.at + T::BYTES]);
        self.at += T::BYTES;
        Some(Ok(record))
    }
}

/// The k-way merge of all runs and of what stayed in memory.
struct Merge<'s, T, K> {
    sorted: &'s Sorted<T, K>,
    memory_at: usize,
    readers: Vec<RunReader<'s>>,
    /// Smallest unread key per source, and the source; the record waits in `heads`.
    heap: BinaryHeap<Reverse<(K, usize)>>,
    heads: Vec<Option<T>>,
    fault: Option<io::Error>,
}

impl<'s, T: Stored, K: Ord> Merge<'s, T, K> {
    fn new(sorted: &'s Sorted<T, K>) -> Self {
        let readers: Vec<_> = sorted.runs.iter().map(RunReader::new).collect();
        let n = readers.len() + 1;
        let mut merge = Merge {
            sorted,
            memory_at: 0,
            readers,
            heap: BinaryHeap::new(),
            heads: vec![None; n],
            fault: None,
        };
        for source in 0..n {
            merge.advance(source);
        }
        merge
    }

    /// Takes the next record of a source into the heap. The last source is the memory.
    fn advance(&mut self, source: usize) {
        let record = if let Some(reader) = self.readers.get_mut(source) {
            reader
                .next::<T>()
                .and_then(|record| record.map_err(|error| self.fault = Some(error)).ok())
        } else {
            self.memory_at += 1;
            self.sorted.memory.get(self.memory_at - 1).copied()
        };
        if let Some(record) = record {
            self.heap.push(Reverse(((self.sorted.key)(&record), source)));
        }
        self.heads[source] = record;
    }
}

impl<T: Stored, K: Ord> Iterator for Merge<'_, T, K> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.fault.take() {
            self.heap.clear();
            return Some(Err(Error::Temporary(error)));
        }
        let Reverse((_, source)) = self.heap.pop()?;
        let record = self.heads[source].take();
        self.advance(source);
        record.map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::evidence::Position;

    fn fact(at: i64, offset: u64) -> EntryFact {
        let mut fact =
            EntryFact { at, target_key: 7, body_bytes: 9, status: 503, ..EntryFact::default() };
        fact.place.position = Position { input: 3, offset };
        fact
    }

    #[test]
    fn facts_survive_being_written() {
        let mut bytes = Vec::new();
        let entry = fact(-5, 1 << 40);
        entry.write(&mut bytes);
        assert_eq!(bytes.len(), EntryFact::BYTES);
        assert_eq!(EntryFact::read(&bytes), entry);
    }

    #[test]
    fn memory_stays_within_the_budget() {
        let bytes = 1 << 20;
        let budget = Budget::new(bytes, None);
        let sorter =
            || Sorter::new(budget.clone(), |fact: &EntryFact| (fact.at, fact.place.position));
        let (mut one, mut other) = (sorter(), sorter());
        for offset in 0..40_000 {
            one.push(fact(7, offset)).unwrap();
            other.push(fact(8, offset)).unwrap();
            let held = (one.memory.len() + other.memory.len()) * size_of::<EntryFact>();
            assert!(held <= bytes + (256 << 10), "{held}");
        }
        assert!(one.runs.len() > 1 && other.runs.len() > 1);
        let sorted = one.sorted();
        assert_eq!(sorted.rows().map(|row| row.unwrap().place.position.offset).max(), Some(39_999));
        drop((sorted, other));
        assert_eq!(budget.0.used_bytes.load(Ordering::Relaxed), 0);
    }

    proptest! {
        #[test]
        fn the_order_does_not_depend_on_the_budget(times in proptest::collection::vec(-50i64..50, 0..200), budget in 1usize..4000) {
            let order = |bytes: usize| {
                let mut sorter = Sorter::new(Budget::new(bytes, None), |fact: &EntryFact| (fact.at, fact.place.position));
                for (offset, at) in times.iter().enumerate() {
                    sorter.push(fact(*at, offset as u64)).unwrap();
                }
                let sorted = sorter.sorted();
                let once: Vec<EntryFact> = sorted.rows().map(|fact| fact.unwrap()).collect();
                let again: Vec<EntryFact> = sorted.rows().map(|fact| fact.unwrap()).collect();
                assert_eq!(once, again);
                once
            };
            prop_assert_eq!(order(budget), order(usize::MAX));
        }
    }
}
