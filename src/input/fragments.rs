//! Lines that container engines cut into pieces, each with an envelope of its own: which piece goes on with which.
//!
//! In: lines in order, and what an envelope says of each ([`Fragment`]). Out: per block, the lines that go on with a record
//! before them, and how far the records reach that are cut.
//! Invariants: a line goes on with the nearest line of the same source before it, if that one was cut and ended less than
//! [`MAX_RECORD_BYTES`] before it: a matter of the bytes before it alone, so that it does not hang on where blocks are
//! cut. Lines of other sources may stand between; a line without envelope ends what is open. No text is held, only places.

use super::MAX_RECORD_BYTES;
use crate::bytes::first_line;

/// No line longer than this is a piece, in bytes: container engines cut at 16 KiB, which JSON may write six times as long.
const MAX_FRAGMENT_BYTES: usize = 128 << 10;

/// No line further away than this has to do with a cut one, in bytes from its start.
pub(super) const FRAGMENT_REACH_BYTES: usize = MAX_FRAGMENT_BYTES + MAX_RECORD_BYTES;

/// What an envelope says of a line that may be a piece of a longer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// What the pieces of one line share, and no others between them: container and stream, or an id.
    pub source: [&'a [u8]; 2],
    /// The text goes on in a later line.
    pub is_cut: bool,
    /// Where this is given, it goes on only in a line of this time.
    pub until: Option<&'a [u8]>,
    /// The time of this line, as it is written.
    pub stamp: &'a [u8],
}

/// An envelope around lines that may be pieces.
pub trait Fragments {
    /// False for nearly all lines that were not cut; cheap, since it is asked of every line.
    fn may_be_cut(&self, line: &[u8]) -> bool;

    /// False where none of some lines may be cut: one search instead of one for every line.
    fn may_hold_cut(&self, _lines: &[u8]) -> bool {
        true
    }

    /// What the envelope says of a line without terminator. `None`: the line is not in it.
    fn fragment<'a>(&self, line: &'a [u8]) -> Option<Fragment<'a>>;
}

/// A line that was cut, and the next piece of which may still come.
#[derive(Debug, Clone)]
struct CutLine {
    source: [Vec<u8>; 2],
    until: Option<Vec<u8>>,
    /// Offset behind the last piece so far, in the input.
    end: u64,
    /// Offset of the first piece.
    record: u64,
}

impl CutLine {
    /// True when a piece that starts at this offset may still belong to it.
    fn reaches(&self, offset: u64) -> bool {
        offset < self.end + MAX_RECORD_BYTES as u64
    }
}

/// What is cut at some place of an input.
#[derive(Debug, Clone, Default)]
pub struct CutLines(Vec<CutLine>);

impl CutLines {
    /// Takes the next line, without terminator, which starts at `offset`. The offset of the record that it goes on with, if
    /// it goes on with one.
    fn take(&mut self, line: &[u8], offset: u64, envelope: &dyn Fragments) -> Option<u64> {
        let is_short = line.len() <= MAX_FRAGMENT_BYTES;
        if self.0.is_empty() && !(is_short && envelope.may_be_cut(line)) {
            return None;
        }
        let Some(fragment) = envelope.fragment(line).filter(|_| is_short) else {
            self.0.clear();
            return None;
        };
        self.0.retain(|cut| cut.reaches(offset));
        let own = self.0.iter().position(|cut| cut.source == fragment.source);
        let own = own.map(|index| self.0.swap_remove(index));
        let own = own.filter(|cut| cut.until.as_ref().is_none_or(|until| *until == fragment.stamp));
        if fragment.is_cut {
            self.0.push(CutLine {
                source: fragment.source.map(<[u8]>::to_vec),
                until: fragment.until.map(<[u8]>::to_vec),
                end: offset + line.len() as u64 + 1,
                record: own.as_ref().map_or(offset, |cut| cut.record),
            });
        }
        own.map(|cut| cut.record)
    }

    /// What is cut behind some whole lines, the first of which starts at `offset`.
    #[must_use]
    pub fn behind(mut self, lines: &[u8], offset: u64, envelope: &dyn Fragments) -> Self {
        if self.are_none_behind(lines, envelope) {
            return self;
        }
        each_line(lines, &mut |at, line| {
            self.take(line, offset + at as u64, envelope);
            true
        });
        self
    }

    /// True when nothing is cut, and nothing is behind these lines.
    pub(super) fn are_none_behind(&self, lines: &[u8], envelope: &dyn Fragments) -> bool {
        self.0.is_empty() && !envelope.may_hold_cut(lines)
    }

    /// Offset of the first record that may hold pieces from `offset` on.
    pub(super) fn first_open(&self, offset: u64) -> Option<u64> {
        let is_open =
            |cut: &&CutLine| cut.reaches(offset) && offset < cut.record + MAX_RECORD_BYTES as u64;
        self.0.iter().filter(is_open).map(|cut| cut.record).min()
    }
}

/// A line of a block that is a piece of a longer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Where it starts in the block.
    pub start: usize,
    /// Where the record ends that starts with it. `None`: it goes on with a record before it.
    pub record_end: Option<usize>,
}

/// The pieces in a block, in order. Between those of a record there may be lines of other sources, which are records of
/// their own.
#[derive(Debug, Default)]
pub struct Pieces(Vec<Piece>);

impl Pieces {
    /// The pieces in the block that the first `n_own` bytes of `lines` are. `before`: what is cut before it; `offset`: that of
    /// its first byte in the input.
    pub fn of(
        (lines, n_own): (&[u8], usize),
        before: &CutLines,
        offset: u64,
        envelope: &dyn Fragments,
    ) -> Self {
        let mut cut = before.clone();
        let mut pieces = Pieces::default();
        if before.are_none_behind(&lines[..n_own], envelope) {
            return pieces;
        }
        let own_end = offset + n_own as u64;
        each_line(lines, &mut |at, line| {
            let here = offset + at as u64;
            if at >= n_own && cut.first_open(here).is_none_or(|first| first >= own_end) {
                return false;
            }
            let Some(record) = cut.take(line, here, envelope) else { return true };
            if at < n_own {
                pieces.0.push(Piece { start: at, record_end: None });
            }
            if record >= offset && record < own_end && here < record + MAX_RECORD_BYTES as u64 {
                pieces.extend((record - offset) as usize, at + line.len());
            }
            true
        });
        pieces
    }

    /// Lets the record that starts at `start` reach to `end`.
    fn extend(&mut self, start: usize, end: usize) {
        let row = self.0.partition_point(|piece| piece.start < start);
        let record_end = Some(end);
        match self.0.get_mut(row).filter(|piece| piece.start == start) {
            Some(piece) => piece.record_end = record_end,
            None => self.0.insert(row, Piece { start, record_end }),
        }
    }

    /// The first piece that starts at `at` or behind it.
    pub fn next(&self, at: usize) -> Option<Piece> {
        self.0.get(self.0.partition_point(|piece| piece.start < at)).copied()
    }
}

/// True when one of some lines may be cut.
pub(super) fn any_cut(lines: &[u8], envelope: &dyn Fragments) -> bool {
    let mut any = false;
    if envelope.may_hold_cut(lines) {
        each_line(lines, &mut |_, line| {
            any |= envelope.may_be_cut(line);
            !any
        });
    }
    any
}

/// Calls `each` with every line, without terminator, and its start, until it returns false.
fn each_line<'l>(lines: &'l [u8], each: &mut dyn FnMut(usize, &'l [u8]) -> bool) {
    let mut at = 0;
    while at < lines.len() {
        let rest = &lines[at..];
        let line = first_line(rest);
        if !each(at, line) {
            return;
        }
        at += line.len() + 1;
    }
}

/// The pieces of the record that some lines start with, in order, its first one included. Empty where it was not cut.
pub fn pieces_of_record<'r>(record: &'r [u8], envelope: &dyn Fragments) -> Vec<&'r [u8]> {
    let mut cut = CutLines::default();
    let mut pieces = Vec::new();
    each_line(record, &mut |at, line| {
        let goes_on = cut.take(line, at as u64, envelope) == Some(0);
        if at == 0 || goes_on {
            pieces.push(line);
        }
        cut.0.iter().any(|cut| cut.record == 0)
    });
    if pieces.len() < 2 { Vec::new() } else { pieces }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::input::{BlockReader, RangeReader, Records};

    /// `aP TEXT`: the source, whether it is cut, and the text. Other lines have no envelope; `-` is no start of a record.
    struct Plain;

    impl Fragments for Plain {
        fn may_be_cut(&self, line: &[u8]) -> bool {
            line.get(1) == Some(&b'P')
        }

        fn fragment<'a>(&self, line: &'a [u8]) -> Option<Fragment<'a>> {
            let [b'a'..=b'z', tag @ (b'P' | b'F'), ..] = line else { return None };
            let source = [&line[..1], b""];
            Some(Fragment { source, is_cut: *tag == b'P', until: None, stamp: b"" })
        }
    }

    impl Records for Plain {
        fn starts(&self, line: &[u8]) -> bool {
            !line.starts_with(b"-")
        }

        fn fragments(&self) -> Option<&dyn Fragments> {
            Some(self)
        }
    }

    type Absolute = Vec<(u64, Option<u64>)>;

    fn absolute(pieces: &Pieces, offset: u64) -> Absolute {
        let row = |piece: &Piece| {
            (offset + piece.start as u64, piece.record_end.map(|end| offset + end as u64))
        };
        pieces.0.iter().map(row).collect()
    }

    fn of_whole(log: &[u8]) -> Absolute {
        absolute(&Pieces::of((log, log.len()), &CutLines::default(), 0, &Plain), 0)
    }

    fn of_ranges(log: &[u8], range_bytes: usize) -> Absolute {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(log).unwrap();
        let (mut reader, total, mut all) = (RangeReader::new(), log.len() as u64, Vec::new());
        for start in (0..total).step_by(range_bytes) {
            let end = start + range_bytes as u64;
            let lines = reader.read(&file, start, end, total, Some(&Plain)).unwrap();
            let own = (lines.reached, lines.bytes.len());
            all.extend(absolute(&Pieces::of(own, &lines.cut, lines.offset, &Plain), lines.offset));
        }
        all
    }

    fn of_stream(log: &[u8]) -> Absolute {
        let (mut reader, mut all) = (BlockReader::new(log), Vec::new());
        while let Some(block) = reader.next_block(Some(&Plain)).unwrap() {
            let own = (&block.bytes[..], block.n_own);
            all.extend(absolute(&Pieces::of(own, &block.cut, block.offset, &Plain), block.offset));
        }
        all
    }

    #[track_caller]
    fn check(lines: &[&str], expected: &[(&str, Option<&str>)]) {
        let log = lines.join("\n");
        let of = |(start, end)| {
            let text = |end: u64| log[start as usize..end as usize].lines().last().unwrap();
            let first = log[start as usize..].lines().next().unwrap();
            (first, Option::map(end, text))
        };
        let found: Vec<_> = of_whole(log.as_bytes()).into_iter().map(of).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_piece_goes_on_with_the_line_before_it_of_its_source() {
        check(&["aF 1", "aF 2", "bP 3", "bF 4"], &[("bP 3", Some("bF 4")), ("bF 4", None)]);
        check(
            &["aP 1", "bP 2", "aP 3", "cF 4", "bF 5", "aF 6", "aF 7"],
            &[
                ("aP 1", Some("aF 6")),
                ("bP 2", Some("bF 5")),
                ("aP 3", None),
                ("bF 5", None),
                ("aF 6", None),
            ],
        );
        // What has no envelope ends it, and so does the end.
        check(&["aP 1", "", "aF 2", "aP 3"], &[]);
        check(&["aP 1", "-", "aF 2"], &[]);
    }

    #[test]
    fn a_record_holds_no_more_than_records_hold_and_reaches_no_further() {
        let long = "x".repeat(MAX_RECORD_BYTES - 100);
        let (first, other) = (format!("aP {long}"), format!("bF {long}"));
        check(
            &[&first, "aP 2", &other, "aF 3"],
            &[(&first, Some("aP 2")), ("aP 2", None), ("aF 3", None)],
        );
        check(&["aP 1", &other, "bF 2", &long, "aF 3"], &[]);
        check(&["aP 1", &other, &other, "aF 3"], &[]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn pieces_are_the_same_however_the_log_is_cut(
            lines in proptest::collection::vec(("[abc-][PPF]", 0usize..8), 0..80),
            unit in prop_oneof![Just(3), Just(4000), Just(30_000)],
        ) {
            let lines: Vec<String> =
                lines.iter().map(|(head, n)| format!("{head} {}", "x".repeat(n * unit))).collect();
            let log = lines.join("\n").into_bytes();
            let whole = of_whole(&log);
            for range_bytes in [(unit * 3).max(17), 100_000] {
                prop_assert_eq!(&of_ranges(&log, range_bytes), &whole, "{} bytes", range_bytes);
            }
            prop_assert_eq!(&of_stream(&log), &whole);
        }
    }
}
