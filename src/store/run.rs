//! Sorted runs on disk, and their merge.
//!
//! In: records in order. Out: the same, as often as wanted.
//! Invariants: a run is an unlinked temporary file that vanishes with the process; equal keys do not occur.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::{InMemory, Stored};
use crate::error::{Error, Result};
use crate::input::read_exact_at;

/// Bytes read at once from each run during a merge.
const MERGE_BUFFER_BYTES: usize = 64 << 10;

/// Sorted records in an unlinked file.
#[derive(Debug)]
pub(super) struct SortedRun {
    file: File,
    /// How many there are.
    pub(super) n_records: u64,
}

impl SortedRun {
    /// Writes records, which must be in order.
    pub(super) fn write<T: Stored>(
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
    pub(super) fn changed<T: Stored>(
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
pub(super) struct Merge<'s, T, K> {
    key: fn(&T) -> K,
    memory: InMemory<'s, T>,
    readers: Vec<RunReader<'s>>,
    /// Smallest unread key per source, and the source; the record waits in `heads`.
    heap: BinaryHeap<Reverse<(K, usize)>>,
    heads: Vec<Option<T>>,
    fault: Option<io::Error>,
}

impl<'s, T: Stored, K: Ord> Merge<'s, T, K> {
    /// Of runs, and what is in memory in order.
    pub(super) fn new(key: fn(&T) -> K, runs: &'s [SortedRun], memory: InMemory<'s, T>) -> Self {
        let readers: Vec<_> = runs.iter().map(RunReader::new).collect();
        let n = readers.len() + 1;
        let mut merge = Merge {
            key,
            memory,
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
            self.memory.next().copied()
        };
        if let Some(record) = record {
            self.heap.push(Reverse(((self.key)(&record), source)));
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
