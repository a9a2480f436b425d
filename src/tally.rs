//! Exact counts that no join can change, per input.
//!
//! In: what blocks counted. Out: [`InputTally`], merged in any order.
//! Invariants: `merge` is associative with the empty tally as identity; conservation: `read` is the sum of the other
//! line counts; the resolution of a [`Series`] depends on the data alone, not on the order of merges.

mod series;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::format::Run;
use crate::record::Skip;
use crate::time::{SECOND_US, Stamp};

pub use series::Series;

/// How the lines of an input were taken. A line is a physical line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct LineCounts {
    /// All lines.
    pub read: u64,
    /// Lines understood as a record.
    pub parsed: u64,
    /// Further lines of a message.
    pub continuation: u64,
    /// Directives such as `#Fields:`.
    pub directive: u64,
    /// Lines of blanks only.
    pub blank: u64,
    /// Lines that no format understood.
    pub unparsed: u64,
    /// Lines outside the time window that was asked for.
    pub filtered: u64,
}

impl LineCounts {
    /// Adds the counts of another part.
    pub fn merge(&mut self, other: &LineCounts) {
        self.read += other.read;
        self.parsed += other.parsed;
        self.continuation += other.continuation;
        self.directive += other.directive;
        self.blank += other.blank;
        self.unparsed += other.unparsed;
        self.filtered += other.filtered;
    }

    /// True when every line is accounted for.
    pub fn balances(&self) -> bool {
        self.read
            == self.parsed
                + self.continuation
                + self.directive
                + self.blank
                + self.unparsed
                + self.filtered
    }
}

/// The first line that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unparsed {
    /// Its number, from 1.
    pub line: u64,
    /// Why.
    pub reason: Skip,
    /// Its first bytes.
    pub text: Vec<u8>,
}

/// Which zone offsets the access lines of an input carried, and when: what zone-less logs beside it are resolved by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OffsetTable {
    /// First and last instant (microseconds UTC) seen with each offset (seconds east of UTC).
    pub spans: BTreeMap<i32, (i64, i64)>,
}

impl OffsetTable {
    /// Notes a stamp that carries its zone.
    pub fn note(&mut self, offset_s: i32, at_us: i64) {
        let span = self.spans.entry(offset_s).or_insert((at_us, at_us));
        span.0 = span.0.min(at_us);
        span.1 = span.1.max(at_us);
    }

    /// Adds another table.
    pub fn merge(&mut self, other: &OffsetTable) {
        for (offset_s, (first, last)) in &other.spans {
            self.note(*offset_s, *first);
            self.note(*offset_s, *last);
        }
    }

    /// The offset in force when a local clock showed `local_us`: the span that holds the instant, else the nearest one.
    pub fn offset_at(&self, local_us: i64) -> Option<i32> {
        let distance = |(offset_s, (first, last)): (&i32, &(i64, i64))| {
            let at = local_us - i64::from(*offset_s) * SECOND_US;
            (first - at).max(at - last).max(0)
        };
        let nearest = self
            .spans
            .iter()
            .min_by_key(|(offset_s, span)| (distance((offset_s, span)), **offset_s));
        nearest.map(|(offset_s, _)| *offset_s)
    }
}

/// Everything counted of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputTally {
    /// Lines by how they were taken.
    pub lines: LineCounts,
    /// Access lines by status.
    pub statuses: Box<[u64; 1000]>,
    /// Access lines over time whose zone is known, by UTC second.
    pub zoned: Series,
    /// Access lines over time without a zone, by local second.
    pub zoneless: Series,
    /// Messages over time whose zone is known, by UTC second.
    pub messages_zoned: Series,
    /// Messages over time without a zone, by local second.
    pub messages_zoneless: Series,
    /// First and last second of zoned records, messages included; microseconds UTC.
    pub zoned_span: Option<(i64, i64)>,
    /// First and last local second of zone-less records; microseconds.
    pub zoneless_span: Option<(i64, i64)>,
    /// Zone offsets that lines carried.
    pub offsets: OffsetTable,
    /// The first line that was not understood.
    pub first_unparsed: Option<Unparsed>,
    /// Records by index of the reader that understood them.
    pub by_reader: Vec<u64>,
}

impl Default for InputTally {
    fn default() -> Self {
        InputTally {
            lines: LineCounts::default(),
            statuses: Box::new([0; 1000]),
            zoned: Series::default(),
            zoneless: Series::default(),
            messages_zoned: Series::default(),
            messages_zoneless: Series::default(),
            zoned_span: None,
            zoneless_span: None,
            offsets: OffsetTable::default(),
            first_unparsed: None,
            by_reader: Vec::new(),
        }
    }
}

impl InputTally {
    /// Counts a run of access lines with one stamp.
    pub fn add_run(&mut self, stamp: Stamp, run: &Run) {
        let second = stamp.micros.div_euclid(SECOND_US);
        self.note_time(stamp, second);
        match stamp.offset_s {
            Some(offset_s) => {
                self.offsets.note(offset_s, second * SECOND_US);
                self.zoned.add(second, run);
            }
            None => self.zoneless.add(second, run),
        }
    }

    /// Counts a run of messages with one stamp.
    pub fn add_messages(&mut self, stamp: Stamp, n_messages: u64) {
        let second = stamp.micros.div_euclid(SECOND_US);
        self.note_time(stamp, second);
        let series = match stamp.offset_s {
            Some(_) => &mut self.messages_zoned,
            None => &mut self.messages_zoneless,
        };
        series.add(second, &Run { requests: n_messages, ..Run::default() });
    }

    /// Widens the time span. It counts in whole seconds: of a run of lines only the first is read to the fraction, and
    /// which line that is depends on how the input was cut.
    fn note_time(&mut self, stamp: Stamp, second: i64) {
        let span =
            if stamp.offset_s.is_some() { &mut self.zoned_span } else { &mut self.zoneless_span };
        widen(span, second * SECOND_US, second * SECOND_US);
    }

    /// Counts a record for a reader.
    pub fn count_reader(&mut self, reader: usize, n: u64) {
        if self.by_reader.len() <= reader {
            self.by_reader.resize(reader + 1, 0);
        }
        self.by_reader[reader] += n;
    }

    /// Adds the tally of a later or earlier part of the same input. Line numbers must already be those of the input.
    pub fn merge(&mut self, other: InputTally) {
        self.lines.merge(&other.lines);
        for (total, n) in self.statuses.iter_mut().zip(other.statuses.iter()) {
            *total += n;
        }
        self.zoned.merge(&other.zoned);
        self.zoneless.merge(&other.zoneless);
        self.messages_zoned.merge(&other.messages_zoned);
        self.messages_zoneless.merge(&other.messages_zoneless);
        if let Some((first, last)) = other.zoned_span {
            widen(&mut self.zoned_span, first, last);
        }
        if let Some((first, last)) = other.zoneless_span {
            widen(&mut self.zoneless_span, first, last);
        }
        self.offsets.merge(&other.offsets);
        let earlier = match (&self.first_unparsed, &other.first_unparsed) {
            (Some(own), Some(others)) => others.line < own.line,
            (None, Some(_)) => true,
            _ => false,
        };
        if earlier {
            self.first_unparsed = other.first_unparsed;
        }
        for (reader, n) in other.by_reader.into_iter().enumerate() {
            self.count_reader(reader, n);
        }
    }
}

fn widen(span: &mut Option<(i64, i64)>, first: i64, last: i64) {
    *span = Some(match *span {
        Some((low, high)) => (low.min(first), high.max(last)),
        None => (first, last),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_find_the_offset_in_force() {
        let mut table = OffsetTable::default();
        let hour = 3600 * SECOND_US;
        table.note(7200, 0);
        table.note(7200, 10 * hour);
        table.note(3600, 11 * hour);
        table.note(3600, 20 * hour);
        assert_eq!(table.offset_at(5 * hour), Some(7200));
        assert_eq!(table.offset_at(18 * hour), Some(3600));
        assert_eq!(OffsetTable::default().offset_at(0), None);
    }
}
