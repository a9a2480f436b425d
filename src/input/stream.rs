//! Streams: standard input, pipes and compressed files -> blocks of whole lines, in order.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use flate2::bufread::MultiGzDecoder;

use super::fragments::{CutLines, FRAGMENT_REACH_BYTES};
use super::journal::{decode_journal, open_journal};
use super::range::starts_at;
use super::stdin::Stdin;
use super::text::decode_text;
use super::{Compression, MAX_LINE_BYTES, MAX_RECORD_BYTES, Origin, RecordStart, Records, Unit};

/// Bytes of a block. A block is handed on earlier when the input pauses.
pub const BLOCK_BYTES: usize = 512 << 10;

/// A read that returns fewer bytes than this has drained its pipe: what is there is handed on at once.
const DRAINED_BYTES: usize = 4 << 10;

/// The text of an input that is read forwards, and what its lines are.
pub type OpenStream = (Box<dyn Read + Send>, Unit);

/// Opens an input that is read forwards. `given_up`: ends standard input early when set.
///
/// # Errors
/// What the system says, and journals that cannot be read.
pub fn open_stream(origin: &Origin, given_up: &Arc<AtomicBool>) -> io::Result<OpenStream> {
    match origin {
        Origin::Stream(file, Compression::None) => decode_journal(decode_text(file.try_clone()?)),
        Origin::Stream(file, Compression::Gzip) => {
            let packed = BufReader::with_capacity(128 << 10, file.try_clone()?);
            decode_journal(decode_text(MultiGzDecoder::new(packed)))
        }
        Origin::Journal(file) => Ok((open_journal(file.try_clone()?)?, Unit::Entry)),
        Origin::Plain(_) | Origin::Stdin => {
            decode_journal(decode_text(Stdin::new(Arc::clone(given_up))))
        }
    }
}

/// Whole lines of a stream.
#[derive(Debug)]
pub struct StreamBlock {
    /// The lines. The last one lacks its terminator only at the end of the stream.
    ///
    /// Behind them, from `n_own` on, are lines of later blocks, where they may hold the rest of a record.
    pub bytes: Vec<u8>,
    /// Bytes of the lines of this block.
    pub n_own: usize,
    /// Lines before the block that were cut.
    pub cut: CutLines,
    /// Offset of the first byte in the decoded stream.
    pub offset: u64,
    /// A line longer than [`MAX_LINE_BYTES`] follows the lines of this block; its bytes were dropped.
    pub overlong_at: Option<u64>,
}

/// Cuts a stream into blocks of whole lines.
#[derive(Debug)]
pub struct BlockReader<R> {
    input: R,
    /// Bytes read and not yet handed on; starts at `offset` of the stream.
    pending: Vec<u8>,
    offset: u64,
    ended: bool,
    /// What ended the stream early; told once the lines before it are out.
    fault: Option<io::Error>,
    /// In the middle of an overlong line that is being dropped.
    dropping: bool,
    drained: bool,
    /// Lines that were cut, where the pending bytes start.
    cut: CutLines,
}

impl<R: Read> BlockReader<R> {
    /// A reader at the start of a stream.
    pub fn new(input: R) -> Self {
        BlockReader {
            input,
            pending: Vec::new(),
            offset: 0,
            ended: false,
            fault: None,
            dropping: false,
            drained: false,
            cut: CutLines::default(),
        }
    }

    /// The whole lines among the first `most` bytes that are not handed out yet, or what there is of the first line. Waits
    /// for `least` of those bytes, or the end.
    pub fn sample(&mut self, least: usize, most: usize) -> &[u8] {
        while !self.ended && self.pending.len() < least {
            self.read_up_to(least);
        }
        let most = most.min(self.pending.len());
        let is_whole = self.ended && most == self.pending.len();
        let end = memchr::memrchr(b'\n', &self.pending[..most]).map(|newline| newline + 1);
        &self.pending[..end.filter(|_| !is_whole).unwrap_or(most)]
    }

    /// Number of decoded bytes read so far.
    pub fn bytes_decoded(&self) -> u64 {
        self.offset + self.pending.len() as u64
    }

    /// The next block, or `None` at the end.
    ///
    /// `starts_record`, where given, makes blocks end before a line that starts a record, so that no record is torn; of
    /// records in pieces, which other lines may stand between, the block holds all pieces.
    ///
    /// # Errors
    /// What the input or its decoder reports, once: the lines before the fault come first, and the stream has then ended.
    pub fn next_block(
        &mut self,
        starts_record: RecordStart<'_>,
    ) -> Result<Option<StreamBlock>, io::Error> {
        let mut want = BLOCK_BYTES;
        loop {
            self.read_up_to(want);
            if self.dropping {
                self.drop_overlong();
            }
            if let Some((start, length)) = self.overlong_line() {
                return Ok(Some(self.take_before_overlong(start, length, starts_record)));
            }
            if self.ended {
                let all = self.take(self.pending.len(), starts_record);
                return match (all, self.fault.take()) {
                    (Some(block), fault) => {
                        self.fault = fault;
                        Ok(Some(block))
                    }
                    (None, Some(fault)) => Err(fault),
                    (None, None) => Ok(None),
                };
            }
            let end = memchr::memrchr(b'\n', &self.pending).map(|newline| newline + 1);
            let end = end.and_then(|end| self.end_of_whole(end, starts_record));
            if let Some(cut) = end.and_then(|end| self.cut(end, starts_record)) {
                return Ok(self.take(cut, starts_record));
            }
            want = self.pending.len() + BLOCK_BYTES;
        }
    }

    /// Start and length (with terminator) of the first line that is too long, complete or not.
    fn overlong_line(&self) -> Option<(usize, usize)> {
        if self.pending.len() <= MAX_LINE_BYTES {
            return None;
        }
        let mut start = 0;
        while start < self.pending.len() {
            let rest = &self.pending[start..];
            let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |newline| newline + 1);
            if length > MAX_LINE_BYTES + 1 {
                return Some((start, length));
            }
            start += length;
        }
        None
    }

    /// The lines before an overlong one, whose bytes are dropped.
    fn take_before_overlong(
        &mut self,
        start: usize,
        length: usize,
        starts_record: RecordStart<'_>,
    ) -> StreamBlock {
        let cut = self.pass(start, starts_record);
        let offset = self.offset;
        let overlong_at = Some(offset + start as u64);
        let mut bytes: Vec<u8> = self.pending.drain(..start + length).collect();
        self.offset += bytes.len() as u64;
        self.dropping = bytes.last() != Some(&b'\n') && !self.ended;
        bytes.truncate(start);
        StreamBlock { n_own: start, bytes, cut, offset, overlong_at }
    }

    /// Fills `pending` up to `want` bytes, or less when the input pauses.
    fn read_up_to(&mut self, want: usize) {
        self.drained = false;
        while !self.ended && self.pending.len() < want && (self.pending.is_empty() || !self.drained)
        {
            let have = self.pending.len();
            let room = (want - have).clamp(64 << 10, BLOCK_BYTES);
            self.pending.resize(have + room, 0);
            let result = self.input.read(&mut self.pending[have..]);
            let n = *result.as_ref().unwrap_or(&0);
            self.pending.truncate(have + n);
            match result {
                Ok(0) => self.ended = true,
                Ok(n) => self.drained = n < DRAINED_BYTES,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.fault = Some(error);
                    self.ended = true;
                }
            }
        }
    }

    /// Where the first record starts that may yet hold pieces from behind `end`, or `end`; `None` when more bytes are needed
    /// to tell.
    fn end_of_whole(&self, end: usize, starts_record: RecordStart<'_>) -> Option<usize> {
        let Some(envelope) = starts_record.and_then(Records::fragments) else { return Some(end) };
        let cut = self.cut.clone().behind(&self.pending[..end], self.offset, envelope);
        let first = cut.first_open(self.offset + end as u64);
        let whole = first.map_or(end, |first| first.saturating_sub(self.offset) as usize);
        (whole > 0).then_some(whole)
    }

    /// Where to cut before `end` so that no record is torn; `None` when more bytes are needed to tell.
    fn cut(&self, end: usize, starts_record: RecordStart<'_>) -> Option<usize> {
        let Some(records) = starts_record else { return Some(end) };
        let mut at = end;
        while at > 0 && end - at < MAX_RECORD_BYTES {
            let start =
                memchr::memrchr(b'\n', &self.pending[..at - 1]).map_or(0, |newline| newline + 1);
            if starts_at(&self.pending[..end], start, records) {
                return (start > 0).then_some(start);
            }
            at = start;
        }
        // No record starts near the end: what follows can belong to none before it.
        Some(end)
    }

    /// The first `n_own` pending bytes as a block; `None` for no bytes.
    fn take(&mut self, n_own: usize, starts_record: RecordStart<'_>) -> Option<StreamBlock> {
        if n_own == 0 {
            return None;
        }
        let cut = self.pass(n_own, starts_record);
        let rest = self.pending.split_off(n_own);
        let mut bytes = std::mem::replace(&mut self.pending, rest);
        if starts_record.and_then(Records::fragments).is_some() {
            bytes.extend_from_slice(&self.pending[..self.pending.len().min(FRAGMENT_REACH_BYTES)]);
        }
        let offset = self.offset;
        self.offset += n_own as u64;
        Some(StreamBlock { bytes, n_own, cut, offset, overlong_at: None })
    }

    /// Goes past the lines in the first `length` pending bytes; returns what is cut before them.
    fn pass(&mut self, length: usize, starts_record: RecordStart<'_>) -> CutLines {
        let Some(envelope) = starts_record.and_then(Records::fragments) else {
            return CutLines::default();
        };
        let before = std::mem::take(&mut self.cut);
        self.cut = before.clone().behind(&self.pending[..length], self.offset, envelope);
        before
    }

    /// Drops bytes up to the end of the overlong line.
    fn drop_overlong(&mut self) {
        let end = memchr::memchr(b'\n', &self.pending).map(|newline| newline + 1);
        let cut = end.unwrap_or(self.pending.len());
        self.pending.drain(..cut);
        self.offset += cut as u64;
        self.dropping = end.is_none();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hands out a slice in small, uneven reads.
    struct Trickle<'a> {
        rest: &'a [u8],
        step: usize,
    }

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.step.min(buffer.len()).min(self.rest.len());
            buffer[..n].copy_from_slice(&self.rest[..n]);
            self.rest = &self.rest[n..];
            Ok(n)
        }
    }

    proptest! {
        #[test]
        fn blocks_cover_every_byte_in_order_and_end_at_line_ends(
            lines in proptest::collection::vec("[a-z]{0,20}", 0..60),
            step in 1usize..5000,
        ) {
            let content = lines.join("\n").into_bytes();
            let mut reader = BlockReader::new(Trickle { rest: &content, step });
            let mut seen: Vec<u8> = Vec::new();
            while let Some(block) = reader.next_block(None).unwrap() {
                prop_assert_eq!(block.offset, seen.len() as u64);
                seen.extend(&block.bytes);
                prop_assert!(block.bytes.ends_with(b"\n") || seen.len() == content.len());
            }
            prop_assert_eq!(seen, content);
        }
    }

    #[test]
    fn a_sample_does_not_depend_on_how_bytes_arrive() {
        let content = b"one\ntwo\nthree\nfour";
        for step in 1..20 {
            let mut reader = BlockReader::new(Trickle { rest: content, step });
            assert_eq!(reader.sample(10, 10), b"one\ntwo\n");
            assert_eq!(reader.sample(100, 100), content);
            assert_eq!(reader.next_block(None).unwrap().unwrap().bytes, content);
        }
    }

    #[test]
    fn an_overlong_line_is_named_and_dropped() {
        let mut content = b"one\n".to_vec();
        content.extend(std::iter::repeat_n(b'x', 3 * MAX_LINE_BYTES));
        content.extend(b"\nend\n");
        let mut reader = BlockReader::new(&content[..]);
        let mut bytes = Vec::new();
        let mut overlong = Vec::new();
        while let Some(block) = reader.next_block(None).unwrap() {
            bytes.extend(block.bytes);
            overlong.extend(block.overlong_at);
        }
        assert_eq!((bytes, overlong), (b"one\nend\n".to_vec(), vec![4]));
        assert_eq!(reader.bytes_decoded(), content.len() as u64);
    }

    #[test]
    fn a_block_ends_before_a_record() {
        let record = format!("R {}\ncontinued\n", "x".repeat(1000));
        let content = record.repeat(3000);
        let mut reader = BlockReader::new(content.as_bytes());
        let starts = |line: &[u8]| line.starts_with(b"R");
        let mut n_blocks = 0;
        while let Some(block) = reader.next_block(Some(&starts)).unwrap() {
            assert!(block.bytes.starts_with(b"R") && block.bytes.ends_with(b"continued\n"));
            n_blocks += 1;
        }
        assert!(n_blocks > 2);
    }
}
