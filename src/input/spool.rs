//! The lines of entries and causes of inputs that cannot be read again, kept in an unlinked temporary file.
//!
//! In: lines in rising order of offset per input. Out: their text by position.
//! Invariants: memory is one index row per [`INDEX_EVERY`] lines; the file vanishes with the process.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::evidence::Position;
use crate::positioned::read_exact_at;

/// Every how many lines the index has a row.
const INDEX_EVERY: usize = 64;

/// Buffered bytes before a write.
const BUFFER_BYTES: usize = 1 << 20;

/// A line to keep: its offset in the decoded stream, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpooledLine {
    /// Offset of the record in its input.
    pub offset: u64,
    /// The record, without its last terminator.
    pub bytes: Vec<u8>,
}

/// The lines of one input. Each is stored as offset (8 bytes), length (4 bytes), text.
#[derive(Debug, Default)]
pub struct Spool {
    file: Option<File>,
    /// Where the file is made; `None` for the system's directory.
    directory: Option<PathBuf>,
    written: u64,
    buffer: Vec<u8>,
    n_lines: usize,
    /// Offset of every [`INDEX_EVERY`]th line and where it is stored.
    index: Vec<(u64, u64)>,
}

impl Spool {
    /// An empty spool, whose file will be in this directory of temporary files; `None` for the system's.
    pub fn within(directory: Option<&Path>) -> Self {
        Spool { directory: directory.map(Path::to_owned), ..Spool::default() }
    }

    /// Keeps a line. Lines must come in rising order of offset.
    ///
    /// # Errors
    /// When the temporary file cannot be made or written.
    pub fn push(&mut self, line: &SpooledLine) -> io::Result<()> {
        if self.n_lines.is_multiple_of(INDEX_EVERY) {
            self.index.push((line.offset, self.written + self.buffer.len() as u64));
        }
        self.n_lines += 1;
        self.buffer.extend(line.offset.to_le_bytes());
        self.buffer.extend((line.bytes.len() as u32).to_le_bytes());
        self.buffer.extend(&line.bytes);
        if self.buffer.len() >= BUFFER_BYTES {
            let file = match &mut self.file {
                Some(file) => file,
                None => self.file.insert(match &self.directory {
                    Some(directory) => tempfile::tempfile_in(directory)?,
                    None => tempfile::tempfile()?,
                }),
            };
            file.write_all(&self.buffer)?;
            self.written += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }

    /// The text of the record at `position`, or `None` if it was not kept.
    pub fn fetch(&self, position: Position) -> Option<Vec<u8>> {
        let row =
            self.index.partition_point(|(offset, _)| *offset <= position.offset).checked_sub(1)?;
        let mut at = self.index[row].1;
        for _ in 0..INDEX_EVERY {
            let mut head = [0u8; 12];
            self.read(at, &mut head)?;
            let [o1, o2, o3, o4, o5, o6, o7, o8, l1, l2, l3, l4] = head;
            let offset = u64::from_le_bytes([o1, o2, o3, o4, o5, o6, o7, o8]);
            let length = u32::from_le_bytes([l1, l2, l3, l4]) as usize;
            if offset == position.offset {
                let mut bytes = vec![0; length];
                self.read(at + 12, &mut bytes)?;
                return Some(bytes);
            }
            if offset > position.offset {
                return None;
            }
            at += 12 + length as u64;
        }
        None
    }

    /// How many lines are kept.
    pub fn len(&self) -> usize {
        self.n_lines
    }

    /// True when no line is kept.
    pub fn is_empty(&self) -> bool {
        self.n_lines == 0
    }

    /// All lines, in order. Ends early when the temporary file cannot be read.
    pub fn lines(&self) -> impl Iterator<Item = SpooledLine> + '_ {
        let mut at = 0;
        (0..self.n_lines).map_while(move |_| {
            let mut head = [0u8; 12];
            self.read(at, &mut head)?;
            let (offset, length) = head.split_first_chunk::<8>()?;
            let length = u32::from_le_bytes(*length.first_chunk::<4>()?) as usize;
            let mut bytes = vec![0; length];
            self.read(at + 12, &mut bytes)?;
            at += 12 + length as u64;
            Some(SpooledLine { offset: u64::from_le_bytes(*offset), bytes })
        })
    }

    /// Reads stored bytes from the file, the buffer, or both.
    fn read(&self, at: u64, out: &mut [u8]) -> Option<()> {
        let in_file = self.written.saturating_sub(at).min(out.len() as u64) as usize;
        if in_file > 0 {
            read_exact_at(self.file.as_ref()?, at, &mut out[..in_file]).ok()?;
        }
        let rest = out.len() - in_file;
        if rest == 0 {
            return Some(());
        }
        let from = (at + in_file as u64).checked_sub(self.written)? as usize;
        out[in_file..].copy_from_slice(self.buffer.get(from..from + rest)?);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_made_where_temporary_files_are_to_be() {
        let line = SpooledLine { offset: 0, bytes: vec![b'x'; BUFFER_BYTES] };
        let directory = tempfile::tempdir().unwrap();
        assert!(Spool::within(Some(directory.path())).push(&line).is_ok());
        let missing = directory.path().join("missing");
        assert!(Spool::within(Some(&missing)).push(&line).is_err());
    }

    #[test]
    fn every_line_is_found_again_and_others_are_not() {
        let mut spool = Spool::default();
        let text = |n: u64| format!("line {n} {}", "x".repeat((n % 700) as usize)).into_bytes();
        for n in 0..5000 {
            spool.push(&SpooledLine { offset: n * 1000, bytes: text(n) }).unwrap();
        }
        for n in (0..5000).rev().step_by(7) {
            assert_eq!(spool.fetch(Position { input: 0, offset: n * 1000 }), Some(text(n)));
            assert_eq!(spool.fetch(Position { input: 0, offset: n * 1000 + 1 }), None);
        }
    }
}
