//! The hot loop: lines of a block, counted by the second and handed over where they matter.
//!
//! In: a block of whole lines, and a reader. Out: what a [`Sink`] receives.
//! Invariants: compiled once per format, so that a glance at a line is a static call; what a line gives does not depend on
//! where the block was cut.

use super::{Glance, Reader};
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

// The loop, in words:
//   for each line: find its end; glance; refuse -> stop.
//   Same second as the line before (byte comparison)? Count it. Otherwise parse the time and hand over the run.
//   A message, or a wanted status? Hand over the line.
// Only `run`, `entry` and `message` are dynamic calls: once per change of second, and once per line that matters.
pub(super) fn scan_run<R: Reader + ?Sized>(
    reader: &R,
    block: &[u8],
    from: usize,
    statuses: &mut Statuses,
    sink: &mut dyn Sink,
) -> usize {
    let about = reader.about();
    let (notation, is_access) = (about.notation, about.role == LogRole::Access);
    let mut second: &[u8] = b"";
    let mut stamp = None;
    let mut run = Run::default();
    let mut n_lines = 0;
    let mut at = from;
    while at < block.len() {
        let end = memchr::memchr(b'\n', &block[at..]).map_or(block.len(), |length| at + length);
        let line = block[at..end].strip_suffix(b"\r").unwrap_or(&block[at..end]);
        let Ok(glance) = reader.glance(line) else { break };
        let now = notation.second_part(glance.stamp);
        if !same_second(now, second) {
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
    let rest = &block[at..];
    memchr::memchr(b'\n', rest).map_or(rest, |length| &rest[..length])
}

/// Equality of two stamps. Those of most notations have 16 to 32 bytes: their ends are compared, which may overlap, since
/// a call for a comparison costs more than it does.
#[inline]
fn same_second(a: &[u8], b: &[u8]) -> bool {
    fn ends(stamp: &[u8]) -> Option<[u128; 2]> {
        let (first, last) = (stamp.first_chunk()?, stamp.last_chunk()?);
        (stamp.len() <= 32).then(|| [*first, *last].map(u128::from_ne_bytes))
    }
    a.len() == b.len()
        && match (ends(a), ends(b)) {
            (Some(a), Some(b)) => a == b,
            _ => a == b,
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
