//! Lines of an input, read a second time: what the story needs of ordinary lines.
//!
//! In: an input that was scanned, and an offset. Out: its lines from there on.
//! Invariants: nothing comes of what cannot be read twice (standard input, pipes, journals, wrapped records); a compressed file is
//! decompressed again from its start, by one thread at a time, so that only places within [`MAX_AGAIN_BYTES`] are reached.

use std::fs::File;
use std::io::Seek;
use std::sync::{Arc, PoisonError};

use super::{ScannedInput, TextSource, read_access};
use crate::cause::CauseMatcher;
use crate::evidence::Place;
use crate::fact::CauseFact;
use crate::input::{BlockReader, Origin, RangeReader, Unit, open_stream};
use crate::record::{AccessRecord, ErrorRecord, Field, Record};

/// Bytes of a plain file read at once.
const STEP_BYTES: u64 = 256 << 10;

/// Decoded bytes of a compressed file that are read again: about half a second.
const MAX_AGAIN_BYTES: u64 = 256 << 20;

impl ScannedInput {
    /// Calls `read` with the message at a place.
    pub fn message<T>(&self, place: Place, read: impl FnOnce(&ErrorRecord<'_>) -> T) -> Option<T> {
        let bytes = self.fetch(place)?;
        let mut read = Some(read);
        self.plan_at(place.position.offset)?.readers.iter().find_map(|reader| {
            let mut found = None;
            reader.read(&bytes, &mut |result| {
                if let Ok(Record::Error(record)) = result
                    && let Some(read) = read.take()
                {
                    found = Some(read(&record));
                }
            });
            found
        })
    }

    /// The name of the backend with this hash, which the access line at a place names last.
    pub fn backend(&self, key: u32, place: Place) -> Option<Vec<u8>> {
        let read = || {
            let (bytes, plan) = (self.fetch(place)?, self.plan_at(place.position.offset)?);
            let name = |record: &AccessRecord<'_>| {
                record.last_item(Field::UpstreamAddr).map(<[u8]>::to_vec)
            };
            read_access(plan, &bytes, |_, record| name(record)).flatten()
        };
        read().or_else(|| self.told_backends.get(&key).cloned())
    }

    /// What the message at a place is about: the row of the cause table that it matches, and the name.
    pub fn scope(&self, place: Place, matcher: &CauseMatcher) -> Option<(u16, Vec<u8>)> {
        let found = self.message(place, |record| {
            let found = matcher.match_message(record)?;
            Some((found.rule, found.scope.to_vec()))
        });
        found.flatten().or_else(|| {
            let key = self.told_scopes.get(&place.position.offset)?;
            Some((key.0, self.told_names.get(key)?.clone()))
        })
    }

    /// What a message is about, as [`Self::scope`] tells, also where only a partial result tells it.
    pub fn scope_of(&self, fact: &CauseFact, matcher: &CauseMatcher) -> Option<(u16, Vec<u8>)> {
        let told = || Some((fact.rule, self.told_names.get(&(fact.rule, fact.scope))?.clone()));
        self.scope(fact.place, matcher).or_else(told)
    }

    /// Hands out the lines from the start of one on, without terminator, with their offsets, until `max_bytes` are read or
    /// `each` returns false.
    pub fn lines_from(&self, start: u64, max_bytes: u64, each: &mut dyn FnMut(u64, &[u8]) -> bool) {
        let end = start.saturating_add(max_bytes).min(self.bytes_decoded);
        match &self.text {
            TextSource::File(file) => self.lines_of_file(file, start, end, each),
            TextSource::Spool(_, Some(origin)) if end <= MAX_AGAIN_BYTES => {
                // Whoever reads a stream moves its one cursor.
                let _one_at_a_time = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
                lines_of_stream(origin, start, end, each);
            }
            _ => {}
        }
    }

    /// A line that was not kept, where the stream can be opened anew.
    pub(super) fn line_again(&self, place: Place) -> Option<Vec<u8>> {
        let mut found = None;
        let offset = place.position.offset;
        self.lines_from(offset, u64::from(place.length) + 1, &mut |at, line| {
            found = (at == offset).then(|| line.to_vec());
            false
        });
        found
    }

    fn lines_of_file(
        &self,
        file: &File,
        start: u64,
        end: u64,
        each: &mut dyn FnMut(u64, &[u8]) -> bool,
    ) {
        let mut reader = RangeReader::new();
        let mut from = start;
        while from < end {
            let until = (from + STEP_BYTES).min(end);
            let read = reader.read(file, from, until, self.bytes_decoded, None);
            let Ok(lines) = read else { return };
            if !hand_out(lines.bytes, lines.offset, start, each) {
                return;
            }
            from = until;
        }
    }
}

fn lines_of_stream(
    origin: &Origin,
    start: u64,
    end: u64,
    each: &mut dyn FnMut(u64, &[u8]) -> bool,
) {
    let Origin::Stream(file, _) = origin else { return };
    let is_regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_regular || (&*file).rewind().is_err() {
        return;
    }
    let Ok((stream, Unit::Line)) = open_stream(origin, &Arc::default()) else { return };
    let mut reader = BlockReader::new(stream);
    while let Ok(Some(block)) = reader.next_block(None) {
        if block.offset >= end || !hand_out(&block.bytes[..block.n_own], block.offset, start, each)
        {
            return;
        }
    }
}

/// Hands out the lines of a block that start at `start` or behind it. False: no more are wanted.
fn hand_out(
    block: &[u8],
    block_offset: u64,
    start: u64,
    each: &mut dyn FnMut(u64, &[u8]) -> bool,
) -> bool {
    let mut offset = block_offset;
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if offset >= start && !each(offset, text.strip_suffix(b"\r").unwrap_or(text)) {
            return false;
        }
        offset += line.len() as u64;
    }
    true
}
