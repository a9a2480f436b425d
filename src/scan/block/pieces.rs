//! Records that were cut into several lines, which lines of other sources may stand between.
//!
//! In: a line of a block that is a piece. Out: the record that it starts, counted and handed over as a whole.
//! Invariants: a record belongs to the block that its first piece starts in; its place reaches from there to the end of
//! its last piece. No line goes on with such a record but its pieces.

use std::sync::Arc;

use super::Scanner;
use crate::format::{Run, Sink, Statuses, accepts, line_at};
use crate::input::Piece;
use crate::scan::lines::LineKind;
use crate::taxonomy::LogRole;

impl Scanner<'_> {
    /// Takes the line at `at`, if it is a piece of a longer one; returns where the next line starts.
    pub(super) fn piece(&mut self, at: usize, statuses: &mut Statuses) -> Option<usize> {
        let Piece { record_end, .. } = self.pieces.next(at).filter(|piece| piece.start == at)?;
        let line = line_at(self.job.bytes, at);
        let next = (at + line.len() + 1).min(self.job.bytes.len());
        let Some(record_end) = record_end else {
            self.close_message();
            self.result.tally.lines.continuation += 1;
            self.lines_before += 1;
            self.see(LineKind::Continuation(self.reader), at, line, self.lines_before);
            return Some(next);
        };
        let record = &self.job.reached[at..record_end];
        let plan = Arc::clone(&self.in_force.plan);
        let in_charge = Some(self.reader).filter(|index| {
            let reader = plan.readers[*index].as_ref();
            !reader.is_last_resort() && accepts(reader, record)
        });
        let reader = in_charge.or_else(|| plan.accepting(record))?;
        let glance = plan.readers[reader].glance(record).ok()?;
        self.note_takers(record);
        self.close_message();
        self.reader = reader;
        self.run(plan.readers[reader].stamp(glance.stamp), &Run::of_one(glance.status));
        if plan.readers[reader].about().role == LogRole::Access {
            let status = usize::from(glance.status.min(999));
            statuses.seen[status] += 1;
            if statuses.wanted[status] {
                self.entry(at, 0, record, glance);
            }
        } else {
            self.message(at, 0, record, !glance.stamp.is_empty());
            self.close_message();
        }
        self.lines_before += 1;
        Some(next)
    }
}
