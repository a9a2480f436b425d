//! Plain files: a worker claims a range and reads the lines that start in it, with positioned reads into its own buffer.

use std::fs::File;
use std::io;

use super::{MAX_FRAGMENT_BYTES, MAX_LINE_BYTES, MAX_RECORD_BYTES, RecordStart, Records};

/// Bytes of a range. 256 KiB to 1 MiB measured equal; larger ranges are slower, since they leave the second-level cache.
pub const RANGE_BYTES: u64 = 512 << 10;

/// Read in one go beyond a range's end, so that its last line is nearly always complete.
const AHEAD_BYTES: usize = 8 << 10;

/// Reads at most `buffer.len()` bytes at `offset`; fewer only at the end of the file.
pub(super) fn read_at_most(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_at(file, offset + filled as u64, &mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Fills `buffer` from `offset`, or fails.
pub fn read_exact_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    let n = read_at_most(file, offset, buffer)?;
    if n == buffer.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(unix)]
fn read_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

/// The lines that start in a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeLines<'b> {
    /// The lines, the last one with its terminator unless the file ends without one.
    pub bytes: &'b [u8],
    /// Offset of the first byte in the file.
    pub offset: u64,
    /// The first line goes on with a line before the range, which started too far before it to hold it.
    pub continues: bool,
    /// The last line is longer than [`MAX_LINE_BYTES`]; it starts here and is not part of `bytes`.
    pub overlong_at: Option<u64>,
}

/// Reads ranges of plain files into a buffer that is used again and again.
#[derive(Debug, Default)]
pub struct RangeReader {
    buffer: Vec<u8>,
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
        // One byte before the range tells whether its first byte starts a line.
        let base = start.saturating_sub(1);
        self.fill(file, base, (end - base) as usize + AHEAD_BYTES, file_bytes)?;
        let skipped = (start - base) as usize;
        let mut continues = false;
        let mut first = if start == 0 {
            0
        } else {
            let before_end = &self.buffer[..(end - base) as usize - 1];
            match memchr::memchr(b'\n', before_end) {
                Some(newline) => newline + 1,
                None => {
                    return Ok(RangeLines {
                        bytes: &[],
                        offset: end,
                        continues,
                        overlong_at: None,
                    });
                }
            }
        };
        debug_assert!(start == 0 || first >= skipped);
        let own_end = (end - base) as usize;
        let last_line = memchr::memrchr(b'\n', &self.buffer[..own_end - 1]).map_or(0, |at| at + 1);
        let Some(mut last) = self.line_end(file, base, last_line, file_bytes)? else {
            let last_line = last_line.max(first);
            if let Some(records) = starts_record {
                (first, continues) = self.first_record(file, base, first, last_line, records)?;
            }
            return Ok(RangeLines {
                bytes: &self.buffer[first..last_line],
                offset: base + first as u64,
                continues,
                overlong_at: Some(base + last_line as u64),
            });
        };
        if let Some(records) = starts_record {
            (first, continues) = self.first_record(file, base, first, last, records)?;
            last =
                self.last_record_end(file, base, (first, continues), last, file_bytes, records)?;
        }
        let first = first.min(last);
        Ok(RangeLines {
            bytes: &self.buffer[first..last],
            offset: base + first as u64,
            continues,
            overlong_at: None,
        })
    }

    /// Makes the buffer hold `length` bytes from `base`, or what the file has.
    fn fill(&mut self, file: &File, base: u64, length: usize, file_bytes: u64) -> io::Result<()> {
        let length = length.min((file_bytes - base) as usize);
        self.buffer.resize(length, 0);
        let n = read_at_most(file, base, &mut self.buffer)?;
        self.buffer.truncate(n);
        Ok(())
    }

    /// Reads more at the end of the buffer. False at the end of the file.
    fn extend(&mut self, file: &File, base: u64, file_bytes: u64) -> io::Result<bool> {
        let have = self.buffer.len();
        let more = (64usize << 10).min((file_bytes - base) as usize - have);
        self.buffer.resize(have + more, 0);
        let n = read_at_most(file, base + have as u64, &mut self.buffer[have..])?;
        self.buffer.truncate(have + n);
        Ok(n > 0)
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

    /// Index of the first line from `first` on that does not belong to a record started before the range; and whether it
    /// is a fragment all the same.
    fn first_record(
        &self,
        file: &File,
        base: u64,
        first: usize,
        last: usize,
        records: &dyn Records,
    ) -> io::Result<(usize, bool)> {
        if first == 0 || first >= last {
            return Ok((first, false));
        }
        let line = line_at(&self.buffer, first);
        let may_start = records.starts(line);
        if may_start && !records.has_fragments() {
            return Ok((first, false));
        }
        let here = base + first as u64;
        // A start counts this near; the line before it tells whether it is one.
        let margin = if records.has_fragments() { MAX_FRAGMENT_BYTES + 1 } else { 0 };
        let from = here.saturating_sub((MAX_RECORD_BYTES + margin) as u64);
        let mut before = vec![0; (here - from) as usize];
        read_exact_at(file, from, &mut before)?;
        let near = before.len().saturating_sub(MAX_RECORD_BYTES);
        let mut continues = records.goes_on(line_before(&before, before.len()), line);
        if may_start && !continues {
            return Ok((first, false));
        }
        let whole = from == 0 && near == 0;
        let Some(start) = last_start(&before, near, records)
            .or_else(|| (whole && records.starts(line_at(&before, 0))).then_some(0))
        else {
            return Ok((first, continues));
        };
        let reach = from + start as u64 + MAX_RECORD_BYTES as u64;
        let mut at = first;
        while at < last && base + (at as u64) < reach {
            let line = line_at(&self.buffer, at);
            if at > first {
                continues = records.goes_on(line_before(&self.buffer, at), line);
            }
            if records.starts(line) && !continues {
                return Ok((at, false));
            }
            at += line.len() + 1;
        }
        let at = at.min(last);
        if at == first {
            return Ok((at, continues));
        }
        let line = line_at(&self.buffer, at);
        Ok((at, at < last && records.goes_on(line_before(&self.buffer, at), line)))
    }

    /// Index behind the last continuation line of the last record that starts in the buffer before `last`. No line before
    /// `first` is of this range; `continues`: the one at `first` is a fragment.
    fn last_record_end(
        &mut self,
        file: &File,
        base: u64,
        (first, continues): (usize, bool),
        last: usize,
        file_bytes: u64,
        records: &dyn Records,
    ) -> io::Result<usize> {
        let near = last.saturating_sub(MAX_RECORD_BYTES).max(first);
        let starts_first = |buffer: &[u8]| {
            near == first && first < last && !continues && records.starts(line_at(buffer, first))
        };
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

/// The line that starts at `at`, without its terminator.
fn line_at(bytes: &[u8], at: usize) -> &[u8] {
    let rest = &bytes[at..];
    memchr::memchr(b'\n', rest).map_or(rest, |end| &rest[..end])
}

/// The line that ends before `at`, without its terminator.
fn line_before(bytes: &[u8], at: usize) -> &[u8] {
    let before = &bytes[..at];
    let before = before.strip_suffix(b"\n").unwrap_or(before);
    memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..])
}

/// True when the line at `at` starts a record.
pub(super) fn starts_at(bytes: &[u8], at: usize, records: &dyn Records) -> bool {
    let line = line_at(bytes, at);
    records.starts(line)
        && !(at > 0 && records.has_fragments() && records.goes_on(line_before(bytes, at), line))
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
    fn an_overlong_line_is_named_and_left_out() {
        let mut content = b"one\n".to_vec();
        content.extend(std::iter::repeat_n(b'x', MAX_LINE_BYTES + 200_000));
        content.extend(b"\nend\n");
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        let mut reader = RangeReader::new();
        let total = content.len() as u64;
        let first = reader.read(&file, 0, RANGE_BYTES, total, None).unwrap();
        assert_eq!((first.bytes, first.overlong_at), (&b"one\n"[..], Some(4)));
        let second = reader.read(&file, RANGE_BYTES, total, total, None).unwrap();
        assert_eq!(second.bytes, b"end\n");
    }
}
