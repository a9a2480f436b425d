//! The hot loop: lines of a block, counted by the second and handed over where they matter.
//!
//! In: a block of whole lines, and a reader. Out: what a [`Sink`] receives.
//! Invariants: compiled once per format, so that a glance at a line is a static call; what a line gives does not depend on
//! where the block was cut.

use fearless_simd::{Level, Simd, dispatch};

use super::line_ends::LineEnds;
use super::{Glance, Reader};
use crate::bytes::first_line;
use crate::record::Skip;
use crate::taxonomy::LogRole;
use crate::time::Stamp;

/// Which statuses are looked at one by one, and how often each was seen.
#[derive(Debug, Clone)]
pub struct Statuses {
    /// Access lines of these statuses are reported through [`Sink::entry`].
    pub wanted: [bool; 1000],
    /// Access lines by status.
    pub seen: [u64; 1000],
}

/// Counts of consecutive lines that carry the same second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Run {
    /// Lines.
    pub requests: u64,
    /// Lines with a status from 500 to 599.
    pub server_errors: u64,
    /// Lines with status 502, 503 and 504.
    pub kin: [u64; 3],
}

impl Run {
    /// One line with this status.
    pub fn of_one(status: u16) -> Self {
        let mut run = Run { requests: 1, ..Run::default() };
        if status >= 500 {
            count_server_error(&mut run, status);
        }
        run
    }
}

/// Receives what [`Reader::scan_run`] finds. `n_before` counts the lines of this call before the one reported.
pub trait Sink {
    /// A run of lines with the same second has ended, or of first lines of messages that have no time.
    fn run(&mut self, stamp: Option<Stamp>, run: &Run);
    /// An access line of a wanted status: `line` starts at offset `at` of the block.
    fn entry(&mut self, at: usize, n_before: u64, line: &[u8], glance: Glance<'_>);
    /// The first line of a message: `line` starts at offset `at` of the block.
    /// `timed`: it holds the time.
    fn message(&mut self, at: usize, n_before: u64, line: &[u8], timed: bool);
}

/// The cheap look at a line by vectors, for readers of formats that logs of many gigabytes are in.
pub(super) trait Look {
    /// What [`Reader::glance`] gives, which for such a reader is this at the level that every machine has.
    fn look<'a, S: Simd>(&self, simd: S, line: &'a [u8]) -> Result<Glance<'a>, Skip>;
}

/// A reader that has no other look than its glance.
struct Glances<'r, R: ?Sized>(&'r R);

impl<R: Reader + ?Sized> Look for Glances<'_, R> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
    fn look<'a, S: Simd>(&self, _: S, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        self.0.glance(line)
    }
}

/// The loop of [`Reader::scan_run`].
pub(super) fn scan_run<R: Reader + ?Sized>(
    reader: &R,
    block: &[u8],
    from: usize,
    statuses: &mut Statuses,
    sink: &mut dyn Sink,
) -> usize {
    dispatch!(Level::baseline(), simd => {
        each_line(simd, reader, &Glances(reader), block, from, statuses, sink)
    })
}

/// As [`scan_run`], compiled for the vectors of several machines; which of them this one is, is found out when it runs.
pub(super) fn scan_run_by_look<R: Reader + Look>(
    reader: &R,
    block: &[u8],
    from: usize,
    statuses: &mut Statuses,
    sink: &mut dyn Sink,
) -> usize {
    dispatch!(Level::new(), simd => each_line(simd, reader, reader, block, from, statuses, sink))
}

/// The methods of [`Reader`] for a reader that implements [`Look`].
macro_rules! reads_by_look {
    () => {
        fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
            fearless_simd::dispatch!(fearless_simd::Level::baseline(), simd => self.look(simd, line))
        }

        fn scan_run(
            &self,
            block: &[u8],
            from: usize,
            statuses: &mut $crate::format::Statuses,
            sink: &mut dyn $crate::format::Sink,
        ) -> usize {
            $crate::format::scan_run::scan_run_by_look(self, block, from, statuses, sink)
        }
    };
}

pub(super) use reads_by_look;

// The loop, in words:
//   for each line: find its end; glance; refuse -> stop.
//   Same second as the line before (byte comparison)? Count it. Otherwise parse the time and hand over the run.
//   A message, or a wanted status? Hand over the line.
// Only `run`, `entry` and `message` are dynamic calls: once per change of second, and once per line that matters.
#[inline(always)]
#[expect(clippy::inline_always, reason = "compiled for each width of vectors")]
fn each_line<S: Simd, R: Reader + ?Sized>(
    simd: S,
    reader: &R,
    look: &impl Look,
    block: &[u8],
    from: usize,
    statuses: &mut Statuses,
    sink: &mut dyn Sink,
) -> usize {
    let about = reader.about();
    let (notation, is_access) = (about.notation, about.role == LogRole::Access);
    let mut ends = LineEnds::new(block, from);
    let mut second = Second::of(b"");
    let mut stamp = None;
    let mut run = Run::default();
    let mut n_lines = 0;
    let mut at = from;
    while at < block.len() {
        let end = ends.next();
        let line = block[at..end].strip_suffix(b"\r").unwrap_or(&block[at..end]);
        let Ok(glance) = look.look(simd, line) else { break };
        let now = Second::of(notation.second_part(glance.stamp));
        if now != second {
            let parsed = reader.stamp(glance.stamp);
            if parsed.is_none() && !glance.stamp.is_empty() {
                break;
            }
            if run.requests > 0 {
                sink.run(stamp, &run);
            }
            (second, stamp, run) = (now, parsed, Run::default());
        }
        run.requests += 1;
        if is_access {
            let status = usize::from(glance.status.min(999));
            statuses.seen[status] += 1;
            if status >= 500 {
                count_server_error(&mut run, glance.status);
            }
            if statuses.wanted[status] {
                sink.entry(at, n_lines, line, glance);
            }
        } else {
            sink.message(at, n_lines, line, !glance.stamp.is_empty());
        }
        n_lines += 1;
        at = (end + 1).min(block.len());
    }
    if run.requests > 0 {
        sink.run(stamp, &run);
    }
    at
}

/// The line that starts at `at`, with a `\r` at its end but without terminator.
pub(crate) fn line_at(block: &[u8], at: usize) -> &[u8] {
    first_line(&block[at..])
}

/// The part of a stamp that decides the second, for quick comparison: those of most notations have 16 to 32 bytes, and
/// are the same when their ends are, which may overlap. A call for a comparison of slices costs more than it does.
#[derive(Clone, Copy)]
struct Second<'a> {
    text: &'a [u8],
    /// First and last 16 bytes, where there are as many.
    ends: [u64; 4],
}

impl<'a> Second<'a> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
    fn of(text: &'a [u8]) -> Self {
        let half = |at: usize| {
            let bytes = text.get(at..).and_then(<[u8]>::first_chunk);
            bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes))
        };
        let ends = match text.len() {
            16..=32 => [half(0), half(8), half(text.len() - 16), half(text.len() - 8)],
            _ => [0; 4],
        };
        Second { text, ends }
    }
}

impl PartialEq for Second<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
    fn eq(&self, other: &Self) -> bool {
        let differ = self.ends.iter().zip(other.ends).fold(0, |all, (a, b)| all | (a ^ b));
        self.text.len() == other.text.len()
            && differ == 0
            && ((16..=32).contains(&self.text.len()) || self.text == other.text)
    }
}

#[cold]
fn count_server_error(run: &mut Run, status: u16) {
    run.server_errors += u64::from(status < 600);
    match status {
        502 => run.kin[0] += 1,
        503 => run.kin[1] += 1,
        504 => run.kin[2] += 1,
        _ => {}
    }
}
