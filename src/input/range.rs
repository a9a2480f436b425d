//! Plain files: a worker claims a range and reads the lines that start in it, with positioned reads into its own buffer.

use std::fs::File;
use std::io;

use super::aligned::{AlignedBuffer, aligned_before};
use super::fragments::{CutLines, FRAGMENT_REACH_BYTES, Fragments, any_cut};
use super::{MAX_LINE_BYTES, MAX_RECORD_BYTES, RecordStart, Records};
use crate::bytes::first_line;
use crate::positioned::{read_at_most, read_exact_at};

/// Bytes of a range. Smaller ones wake the fold more often; a larger one could hold a line that is too long, which is
/// looked for only where a range ends.
pub const RANGE_BYTES: u64 = MAX_LINE_BYTES as u64;

/// Read in one go beyond a range's end, so that its last line is nearly always complete.
const AHEAD_BYTES: usize = 8 << 10;

/// Read at first of what lies before a range, to see whether a line is cut there: what it could go on with ends less than
/// [`MAX_RECORD_BYTES`] before the range, and starts in these bytes unless it is long.
const NEAR_BYTES: usize = MAX_RECORD_BYTES + (8 << 10);

/// The lines that start in a range.
#[derive(Debug)]
pub struct RangeLines<'b> {
    /// The lines, the last one with its terminator unless the file ends without one.
    pub bytes: &'b [u8],
    /// Offset of the first byte in the file.
    pub offset: u64,
    /// These lines and, where lines may be pieces of longer ones, those behind them that hold the rest of a record.
    pub reached: &'b [u8],
    /// Lines before the range that were cut.
    pub cut: CutLines,
    /// The last line is longer than [`MAX_LINE_BYTES`]; it starts here and is not part of `bytes`.
    pub overlong_at: Option<u64>,
}

/// Reads ranges of plain files into a buffer that is used again and again.
#[derive(Debug, Default)]
pub struct RangeReader {
    buffer: AlignedBuffer,
    /// What was read of the lines before a range.
    before: AlignedBuffer,
}

impl RangeLines<'_> {
    /// No line starts in the range that ends at `end`.
    fn none(end: u64) -> Self {
        let cut = CutLines::default();
        RangeLines { bytes: &[], offset: end, reached: &[], cut, overlong_at: None }
    }
}

impl RangeReader {
    /// A reader with an empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the lines that start at an offset in `start..end` of a file of `file_bytes` bytes.
    ///
    /// `starts_record`, where given, tells lines that start a record from continuation lines: the range then holds the
    /// records that start in it, with the continuation lines that belong to them (see [`MAX_RECORD_BYTES`]).
    pub fn read(
        &mut self,
        file: &File,
        start: u64,
        end: u64,
        file_bytes: u64,
        starts_record: RecordStart<'_>,
    ) -> io::Result<RangeLines<'_>> {
        let end = end.min(file_bytes);
        // The byte before the range tells whether its first byte starts a line.
        let base = aligned_before(start.saturating_sub(1));
        self.fill(file, base, (end - base) as usize + AHEAD_BYTES, file_bytes)?;
        if self.buffer.len() < (end - base) as usize {
            // It was cut since it was opened, as rotation by copying does.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let skipped = (start - base) as usize;
        let mut first = if start == 0 {
            0
        } else {
            let before_end = &self.buffer[skipped - 1..(end - base) as usize - 1];
            match memchr::memchr(b'\n', before_end) {
                Some(newline) => skipped + newline,
                None => return Ok(RangeLines::none(end)),
            }
        };
        debug_assert!(start == 0 || first >= skipped);
        let own_end = (end - base) as usize;
        let last_line = memchr::memrchr(b'\n', &self.buffer[..own_end - 1]).map_or(0, |at| at + 1);
        let line_end = self.line_end(file, base, last_line, file_bytes)?;
        let mut last = line_end.unwrap_or(last_line.max(first));
        if let Some(records) = starts_record {
            first = self.first_record(file, base, first, last, records)?;
            if line_end.is_some() {
                last = self.last_record_end(file, base, first, last, file_bytes, records)?;
            }
        }
        let first = first.min(last);
        let offset = base + first as u64;
        let (mut cut, mut reached) = (CutLines::default(), last);
        if let Some(envelope) = starts_record.and_then(Records::fragments) {
            cut = self.cut_before(file, offset, envelope)?;
            let has_cut = !cut.are_none_behind(&self.buffer[first..last], envelope);
            if line_end.is_some() && has_cut {
                reached = self.extend_to(file, base, last + FRAGMENT_REACH_BYTES, file_bytes)?;
            }
        }
        Ok(RangeLines {
            bytes: &self.buffer[first..last],
            offset,
            reached: &self.buffer[first..reached],
            cut,
            overlong_at: line_end.is_none().then_some(base + last as u64),
        })
    }

    /// What is cut where the line at `offset` starts.
    fn cut_before(
        &mut self,
        file: &File,
        offset: u64,
        envelope: &dyn Fragments,
    ) -> io::Result<CutLines> {
        // Nearly always nothing is, which the lines near by show.
        for reach in [NEAR_BYTES, FRAGMENT_REACH_BYTES] {
            let from = aligned_before(offset.saturating_sub(reach as u64));
            self.before.start((offset - from) as usize);
            read_exact_at(file, from, &mut self.before)?;
            // The first line may have begun earlier.
            let first = match memchr::memchr(b'\n', &self.before) {
                _ if from == 0 => 0,
                Some(newline) => newline + 1,
                None => self.before.len(),
            };
            let lines = &self.before[first..];
            if from == 0 || reach == FRAGMENT_REACH_BYTES {
                return Ok(CutLines::default().behind(lines, from + first as u64, envelope));
            }
            if lines.len() >= MAX_RECORD_BYTES && !any_cut(lines, envelope) {
                break;
            }
        }
        Ok(CutLines::default())
    }

    /// Makes the buffer hold `length` bytes from `base`, or what the file has.
    fn fill(&mut self, file: &File, base: u64, length: usize, file_bytes: u64) -> io::Result<()> {
        let length = length.min((file_bytes - base) as usize);
        self.buffer.start(length);
        let n = read_at_most(file, base, &mut self.buffer)?;
        self.buffer.resize(n);
        Ok(())
    }

    /// Reads more at the end of the buffer. False at the end of the file.
    fn extend(&mut self, file: &File, base: u64, file_bytes: u64) -> io::Result<bool> {
        let have = self.buffer.len();
        let more = (64usize << 10).min((file_bytes - base) as usize - have);
        self.buffer.resize(have + more);
        let n = read_at_most(file, base + have as u64, &mut self.buffer[have..])?;
        self.buffer.resize(have + n);
        Ok(n > 0)
    }

    /// Makes the buffer hold `length` bytes, or what the file has; returns how many of them there are.
    fn extend_to(
        &mut self,
        file: &File,
        base: u64,
        length: usize,
        file_bytes: u64,
    ) -> io::Result<usize> {
        while self.buffer.len() < length {
            if !self.extend(file, base, file_bytes)? {
                return Ok(self.buffer.len());
            }
        }
        Ok(length)
    }

    /// Index behind the line that starts at `start`, with its terminator; `None` when that line is too long.
    fn line_end(
        &mut self,
        file: &File,
        base: u64,
        start: usize,
        file_bytes: u64,
    ) -> io::Result<Option<usize>> {
        let mut searched = start;
        loop {
            let newline = memchr::memchr(b'\n', &self.buffer[searched..]);
            let end = newline.map_or(self.buffer.len(), |newline| searched + newline + 1);
            if end - start > MAX_LINE_BYTES + 1 {
                return Ok(None);
            }
            searched = end;
            if newline.is_some() || !self.extend(file, base, file_bytes)? {
                return Ok(Some(end));
            }
        }
    }

    /// Index of the first line from `first` on that does not belong to a record started before the range.
    fn first_record(
        &self,
        file: &File,
        base: u64,
        first: usize,
        last: usize,
        records: &dyn Records,
    ) -> io::Result<usize> {
        if first == 0 || first >= last || records.starts(first_line(&self.buffer[first..])) {
            return Ok(first);
        }
        let here = base + first as u64;
        let from = here.saturating_sub(MAX_RECORD_BYTES as u64);
        let mut before = vec![0; (here - from) as usize];
        read_exact_at(file, from, &mut before)?;
        let Some(start) = last_start(&before, 0, records)
            .or_else(|| (from == 0 && records.starts(first_line(&before))).then_some(0))
        else {
            return Ok(first);
        };
        let reach = from + start as u64 + MAX_RECORD_BYTES as u64;
        let mut at = first;
        while at < last && base + (at as u64) < reach && !starts_at(&self.buffer, at, records) {
            at += first_line(&self.buffer[at..]).len() + 1;
        }
        Ok(at.min(last))
    }

    /// Index behind the last continuation line of the last record that starts in the buffer before `last`. No line before
    /// `first` is of this range.
    fn last_record_end(
        &mut self,
        file: &File,
        base: u64,
        first: usize,
        last: usize,
        file_bytes: u64,
        records: &dyn Records,
    ) -> io::Result<usize> {
        let near = last.saturating_sub(MAX_RECORD_BYTES).max(first);
        let starts_first =
            |buffer: &[u8]| near == first && first < last && starts_at(buffer, first, records);
        let Some(start) = last_start(&self.buffer[..last], near, records)
            .or_else(|| starts_first(&self.buffer).then_some(first))
        else {
            return Ok(last);
        };
        let reach = start + MAX_RECORD_BYTES;
        let mut at = last;
        loop {
            if at >= self.buffer.len() && !self.extend(file, base, file_bytes)? {
                return Ok(at);
            }
            let Some(end) = self.line_end(file, base, at, file_bytes)? else { return Ok(at) };
            if at >= reach || starts_at(&self.buffer, at, records) {
                return Ok(at);
            }
            at = end;
        }
    }
}

/// True when the line at `at` starts a record.
pub(super) fn starts_at(bytes: &[u8], at: usize, records: &dyn Records) -> bool {
    records.starts(first_line(&bytes[at..]))
}

/// Index of the last line start behind `near` that starts a record.
fn last_start(bytes: &[u8], near: usize, records: &dyn Records) -> Option<usize> {
    let mut end = bytes.len();
    while end > near {
        let start = near + memchr::memrchr(b'\n', &bytes[near..end - 1])? + 1;
        if starts_at(bytes, start, records) {
            return Some(start);
        }
        end = start;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    /// Reads a file in ranges of `step` bytes and puts the pieces together.
    fn pieces(content: &[u8], step: u64, records: bool) -> Vec<(u64, Vec<u8>)> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let mut reader = RangeReader::new();
        let total = content.len() as u64;
        let starts = |line: &[u8]| line.starts_with(b"R");
        let starts: RecordStart<'_> = if records { Some(&starts) } else { None };
        let mut out = Vec::new();
        for start in (0..total).step_by(step as usize) {
            let lines = reader.read(&file, start, start + step, total, starts).unwrap();
            if !lines.bytes.is_empty() {
                out.push((lines.offset, lines.bytes.to_vec()));
            }
        }
        out
    }

    proptest! {
        #[test]
        fn ranges_of_any_size_cover_every_byte_once(
            lines in proptest::collection::vec("[Ra-c]{0,12}", 0..40),
            step in 1u64..64,
            records in any::<bool>(),
        ) {
            let content = lines.join("\n").into_bytes();
            let mut next = 0;
            for (offset, bytes) in pieces(&content, step, records) {
                prop_assert_eq!(offset, next);
                prop_assert_eq!(&content[offset as usize..offset as usize + bytes.len()], &bytes[..]);
                next += bytes.len() as u64;
            }
            prop_assert_eq!(next, content.len() as u64);
        }

        #[test]
        fn a_range_starts_with_a_record_unless_none_is_near(lines in proptest::collection::vec("[Rab]{1,6}", 1..40), step in 1u64..32) {
            let content = format!("R\n{}", lines.join("\n")).into_bytes();
            for (_, bytes) in pieces(&content, step, true) {
                prop_assert!(bytes.starts_with(b"R"), "{:?}", String::from_utf8_lossy(&bytes));
            }
        }
    }

    #[test]
    fn a_file_that_was_cut_is_a_fault() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&b"one line\n".repeat(100)).unwrap();
        file.set_len(450).unwrap();
        let mut reader = RangeReader::new();
        let whole = reader.read(&file, 0, 300, 900, None).map(|lines| lines.bytes.len());
        assert_eq!(whole.unwrap(), 306);
        for (start, end) in [(0, 900), (300, 600), (600, 900)] {
            let error = reader.read(&file, start, end, 900, None).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn an_overlong_line_is_named_and_left_out() {
        let mut content = b"one\n".to_vec();
        content.extend(std::iter::repeat_n(b'x', MAX_LINE_BYTES + 200_000));
        content.extend(b"\nend\n");
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        let mut reader = RangeReader::new();
        let total = content.len() as u64;
        let step = 512 << 10;
        let first = reader.read(&file, 0, step, total, None).unwrap();
        assert_eq!((first.bytes, first.overlong_at), (&b"one\n"[..], Some(4)));
        let second = reader.read(&file, step, total, total, None).unwrap();
        assert_eq!(second.bytes, b"end\n");
    }
}
