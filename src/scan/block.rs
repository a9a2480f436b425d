//! One block of whole lines -> its counts and facts.
//!
//! In: bytes, the [`Plan`] of the input they come from, and the [`Carry`] of the blocks before. Out: a [`BlockResult`].
//! Invariants: under the right carry the result depends on the bytes of the records alone, not on where blocks were cut;
//! every line is counted once.

mod access;
mod context;
mod pieces;

use std::sync::Arc;

use crate::cause::cause_fact;
use crate::evidence::{InputIndex, Place, Position};
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::format::envelope::MESSAGES;
use crate::format::{Glance, Plan, Run, Sink, Statuses, line_at};
use crate::input::{CutLines, MAX_RECORD_BYTES, Pieces, Records, SpooledLine, Unit};
use crate::record::{Record, Skip};
use crate::tally::{InputTally, Unparsed};
use crate::taxonomy::LogRole;
use crate::time::Stamp;

use self::access::on_machine;
pub(crate) use self::access::{ending_of, host_of, read_access, upstream_of};
pub(super) use self::access::{marked_fact, whole_fact};
pub(super) use self::context::Context;
use super::StreamJob;
use super::carry::{Carry, Followed, InForce, may_be_directive};
use super::late::{CountedAs, Stranger, may_be_access};
use super::lines::{LineKind, SeenLine, number_by_breaks};

/// Bytes of an unparsed line that are kept to show.
const SHOWN_BYTES: usize = 240;

/// Lines of one input to be scanned.
#[derive(Debug, Clone)]
pub(super) struct Job<'b> {
    pub input: InputIndex,
    /// The plan of the input.
    pub plan: &'b Arc<Plan>,
    /// What the blocks before are taken to have left in force.
    pub carry: Carry,
    /// Index of the reader that the blocks before are taken to have left in charge.
    pub in_charge: usize,
    pub bytes: &'b [u8],
    /// These lines and those behind them that may hold the rest of a record in pieces.
    pub reached: &'b [u8],
    /// Lines before the block that were cut.
    pub cut: &'b CutLines,
    /// Offset of the first byte in the input.
    pub offset: u64,
    /// A line that was too long follows.
    pub overlong: bool,
    /// Keep the text of entries and causes: the input cannot be read again.
    pub keep: bool,
    /// What the lines are.
    pub unit: Unit,
}

/// What a block holds. Line numbers count from the block's first line, which is 1.
#[derive(Debug, Default)]
pub(super) struct BlockResult {
    pub tally: InputTally,
    pub entries: Vec<EntryFact>,
    pub causes: Vec<CauseFact>,
    pub kept: Vec<SpooledLine>,
    /// Every line, where they are wanted.
    pub lines: Vec<SeenLine>,
    /// Lines that may be access lines of a format that the plan lacks.
    pub strangers: Vec<Stranger>,
    /// The carry that the block was scanned under.
    pub assumed: Carry,
    /// The carry that the block leaves, if it changes it.
    pub left: Option<Carry>,
    /// Which readers take the first line that any of them takes, as bits: where there are several, it matters which of
    /// them was in charge before. None where a directive settled that.
    pub takers: u64,
    /// Index of the reader that the block leaves in charge. `None`: as it was.
    pub in_charge: Option<usize>,
    /// The block itself, where it may have to be scanned again and cannot be read again.
    pub again: Option<Box<StreamJob>>,
    /// Line breaks of the input in the block, where its records were wrapped: line numbers are of the input then.
    pub n_breaks: Option<u64>,
    /// Offset in the input of the first fact under each carry that there are facts under.
    pub layouts: Vec<(u64, Carry)>,
}

/// Scans a block.
pub(super) fn scan_block(context: &Context<'_>, job: Job<'_>) -> BlockResult {
    let mut statuses = Statuses { wanted: context.wanted, seen: [0; 1000] };
    let in_force = InForce::new(job.plan, job.carry.clone());
    let n_readers = in_force.plan.readers.len();
    let lines = (job.reached, job.bytes.len());
    let pieces =
        job.plan.fragments().map(|envelope| Pieces::of(lines, job.cut, job.offset, envelope));
    let mut scanner = Scanner {
        context,
        reader: job.in_charge.min(n_readers.saturating_sub(1)),
        settled: n_readers < 2,
        job,
        in_force,
        pieces: pieces.unwrap_or_default(),
        noted: false,
        lines_before: 0,
        open_message: None,
        result: BlockResult::default(),
    };
    let bytes = scanner.job.bytes;
    let mut at = if scanner.job.offset == 0 && bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    while at < bytes.len() {
        if let Some(next) = scanner.piece(at, &mut statuses) {
            at = next;
            continue;
        }
        let mut until = scanner.pieces.next(at + 1).map_or(bytes.len(), |piece| piece.start);
        if !scanner.settled {
            scanner.note_takers(line_at(bytes, at));
        }
        let plan = &scanner.in_force.plan;
        if plan.readers[scanner.reader].is_last_resort() {
            // It takes no line before it is known that no other reader does.
            let line = line_at(bytes, at);
            let other = plan.accepting(line).filter(|index| !plan.readers[*index].is_last_resort());
            if let Some(index) = other {
                scanner.close_message();
                scanner.reader = index;
            } else {
                until = until.min(at + line.len() + 1);
            }
        }
        let reader = Arc::clone(&scanner.in_force.plan.readers[scanner.reader]);
        let n_before = scanner.n_taken();
        let stopped = reader.scan_run(&bytes[..until], at, &mut statuses, &mut scanner);
        scanner.lines_before += scanner.n_taken() - n_before;
        if stopped == until {
            at = until;
            continue;
        }
        let end =
            memchr::memchr(b'\n', &bytes[stopped..]).map_or(bytes.len(), |length| stopped + length);
        at = scanner.refused(stopped, end);
    }
    scanner.close_message();
    if scanner.job.overlong {
        let at = bytes.len();
        scanner.unparsed(at, at, Skip::TooLong);
    }
    let mut result = scanner.result;
    result.in_charge = scanner.settled.then_some(scanner.reader);
    let left = scanner.in_force.carry;
    result.left = (left != scanner.job.carry).then_some(left);
    result.assumed = scanner.job.carry;
    result.tally.lines.read = scanner.lines_before;
    if let Unit::Record(breaks) = scanner.job.unit {
        number_by_breaks(&mut result, bytes, scanner.job.offset, breaks);
    }
    for (sum, seen) in result.tally.statuses.iter_mut().zip(statuses.seen) {
        *sum += seen;
    }
    result
}

/// A message whose continuation lines are still being looked for.
#[derive(Debug, Clone, Copy)]
struct OpenMessage {
    reader: usize,
    start: usize,
    end: usize,
    line: u64,
    /// The time stands in the first line, and is counted.
    timed: bool,
}

struct Scanner<'s> {
    context: &'s Context<'s>,
    job: Job<'s>,
    in_force: InForce,
    /// Lines that are pieces of longer ones.
    pieces: Pieces,
    /// The readers in force are noted in the result.
    noted: bool,
    /// Index of the reader that is in charge: until it refuses a line that another one takes.
    reader: usize,
    /// A line or a directive of this block tells which reader is in charge.
    settled: bool,
    /// Lines of the block before the current call of `scan_run`.
    lines_before: u64,
    open_message: Option<OpenMessage>,
    result: BlockResult,
}

impl Scanner<'_> {
    /// Notes which readers take a line, if it is the first that any takes.
    fn note_takers(&mut self, line: &[u8]) {
        if self.settled {
            return;
        }
        for index in self.in_force.plan.all_accepting(line).filter(|index| *index < 64) {
            self.result.takers |= 1 << index;
        }
        self.settled = self.result.takers != 0;
    }

    /// Deals with the line at `start..end` that the reader in charge refused; returns where to go on.
    fn refused(&mut self, start: usize, end: usize) -> usize {
        let bytes = self.job.bytes;
        let line = bytes[start..end].strip_suffix(b"\r").unwrap_or(&bytes[start..end]);
        // With its terminator: of `\r\r` only one is left off, as in `scan_run`, which else refuses it again for ever.
        if let Some(reader) = self.in_force.plan.accepting(&bytes[start..end]) {
            self.close_message();
            self.reader = reader;
            return start;
        }
        let next = (end + 1).min(bytes.len());
        if may_be_directive(line) && self.directive(line) {
            self.see(LineKind::Directive, start, line, self.lines_before);
            return next;
        }
        match &mut self.open_message {
            Some(message)
                if message.reader < self.job.plan.n_detected
                    && start - message.start < MAX_RECORD_BYTES =>
            {
                message.end = start + line.len();
                let reader = message.reader;
                self.result.tally.lines.continuation += 1;
                self.lines_before += 1;
                self.see(LineKind::Continuation(reader), start, line, self.lines_before);
                self.stranger(CountedAs::Continuation, start, line, self.lines_before);
            }
            _ if line.trim_ascii().is_empty() => {
                self.result.tally.lines.blank += 1;
                self.lines_before += 1;
                self.see(LineKind::Blank, start, line, self.lines_before);
            }
            _ => self.unparsed(start, start + line.len(), Skip::Shape),
        }
        next
    }

    /// Lines that were taken as records.
    fn n_taken(&self) -> u64 {
        self.result.tally.lines.parsed
    }

    /// Follows a directive. False: the line is none.
    fn directive(&mut self, line: &[u8]) -> bool {
        let mut after = self.in_force.clone();
        let followed = after.follow(line);
        if followed == Followed::NoDirective {
            return false;
        }
        // The message before it is read by the readers before it.
        self.close_message();
        self.in_force = after;
        if let Followed::Changed { in_charge } = followed {
            (self.reader, self.noted, self.settled) = (in_charge, false, true);
        }
        self.result.tally.lines.directive += 1;
        self.lines_before += 1;
        true
    }

    fn unparsed(&mut self, start: usize, end: usize, reason: Skip) {
        self.close_message();
        let lines = &mut self.result.tally.lines;
        lines.unparsed += 1;
        self.lines_before += 1;
        let text = &self.job.bytes[start..end];
        self.see(LineKind::Unparsed(reason), start, text, self.lines_before);
        if reason == Skip::Shape {
            self.stranger(CountedAs::Unparsed, start, text, self.lines_before);
        }
        if self.result.tally.first_unparsed.is_none() {
            let text = self.job.bytes[start..end.min(start + SHOWN_BYTES)].to_vec();
            let line = match self.job.unit {
                Unit::Record(breaks) => breaks.count(&self.job.bytes[..start]) + 1,
                _ => self.lines_before,
            };
            self.result.tally.first_unparsed = Some(Unparsed { line, reason, text });
        }
    }

    fn place(&self, start: usize, line: u64, length: usize) -> Place {
        let position = Position { input: self.job.input, offset: self.job.offset + start as u64 };
        Place { position, line, length: length as u32 }
    }

    /// Notes what a fact at `start` was read by, and keeps its text where it cannot be read again.
    fn keep(&mut self, start: usize, length: usize) {
        if !self.noted {
            let offset = self.job.offset + start as u64;
            self.result.layouts.push((offset, self.in_force.carry.clone()));
            self.noted = true;
        }
        if self.job.keep {
            let bytes = self.job.reached[start..start + length].to_vec();
            let offset = self.job.offset + start as u64;
            self.result.kept.push(SpooledLine { offset, bytes });
        }
    }

    /// Notes a line, where every line is wanted.
    fn see(&mut self, kind: LineKind, start: usize, text: &[u8], line: u64) {
        if self.context.every_line {
            self.result.lines.push(SeenLine {
                kind,
                line,
                offset: self.job.offset + start as u64,
                text: text.to_vec(),
                plan: Arc::clone(&self.in_force.plan),
                ends_block: false,
            });
        }
    }

    /// Notes a line that no reader of access lines takes.
    fn stranger(&mut self, counted: CountedAs, start: usize, text: &[u8], line: u64) {
        if may_be_access(text, counted) && !matches!(self.job.unit, Unit::Record(_)) {
            let offset = self.job.offset + start as u64;
            self.result.strangers.push(Stranger { offset, line, text: text.to_vec(), counted });
        }
    }

    /// Counts a request whose record goes over several lines.
    fn request(&mut self, stamp: Stamp, mut entry: EntryFact) {
        self.result.tally.add_run(stamp, &Run::of_one(entry.status));
        let status = usize::from(entry.status).min(999);
        self.result.tally.statuses[status] += 1;
        if self.context.wanted[status] {
            entry.flags = entry.flags.with(Flags::KIN, !self.context.chosen[status]);
            self.result.entries.push(entry);
            let start = (entry.place.position.offset - self.job.offset) as usize;
            self.keep(start, entry.place.length as usize);
        }
    }

    /// Understands the message that was waiting for continuation lines.
    fn close_message(&mut self) {
        let Some(message) = self.open_message.take() else { return };
        let bytes = &self.job.reached[message.start..message.end];
        if self.context.every_line {
            let is_first = |seen: &&mut SeenLine| matches!(seen.kind, LineKind::Record(_));
            if let Some(first) = self.result.lines.iter_mut().rev().find(is_first) {
                bytes.clone_into(&mut first.text);
            }
            return;
        }
        let reader = &self.in_force.plan.readers[message.reader];
        // Cheap, and true of most messages that no format knows.
        let text = if message.timed { reader.message_text(bytes) } else { None };
        if text.is_some_and(|text| !self.context.matcher.may_match(&text)) {
            return;
        }
        let place = self.place(message.start, message.line, bytes.len());
        let (mut fact, mut stamp) = (None, None);
        let mut request = None;
        let plan = &self.in_force.plan;
        plan.readers[message.reader].read_taken(bytes, &mut |result| match result {
            Ok(Record::Error(record)) => {
                stamp = record.stamp;
                fact = cause_fact(&record, place, self.context.matcher);
            }
            Ok(Record::Access(record)) => {
                let reader = &plan.readers[message.reader];
                let entry = whole_fact(reader.about(), &record, place);
                request = Some((record.stamp, on_machine(entry, reader.as_ref(), bytes)));
            }
            Err(_) => {}
        });
        if let Some((stamp, entry)) = request {
            return self.request(stamp, entry);
        }
        if let (false, Some(stamp)) = (message.timed, stamp) {
            self.result.tally.add_messages(stamp, 1);
        }
        if let Some(mut fact) = fact {
            fact.machine = plan.readers[message.reader].machine(bytes);
            self.result.causes.push(fact);
            self.keep(message.start, bytes.len());
        }
    }
}

impl Sink for Scanner<'_> {
    fn run(&mut self, stamp: Option<Stamp>, run: &Run) {
        let tally = &mut self.result.tally;
        tally.lines.parsed += run.requests;
        tally.count_reader(self.reader, run.requests);
        let Some(stamp) = stamp else { return };
        if self.in_force.plan.readers[self.reader].about().role == LogRole::Access {
            tally.add_run(stamp, run);
        } else {
            tally.add_messages(stamp, run.requests);
        }
    }

    fn entry(&mut self, at: usize, n_before: u64, line: &[u8], glance: Glance<'_>) {
        self.close_message();
        // What stood between wrapped records is no part of them.
        let (at, line) = match self.job.unit {
            Unit::Record(_) => (at + line.len() - line.trim_ascii_start().len(), line.trim_ascii()),
            _ => (at, line),
        };
        if self.context.every_line {
            let number = self.lines_before + n_before + 1;
            return self.see(LineKind::Record(self.reader), at, line, number);
        }
        let about = self.in_force.plan.readers[self.reader].about();
        if self.context.is_in_vain(about, glance.status) {
            return;
        }
        let place = self.place(at, self.lines_before + n_before + 1, line.len());
        let chosen = &self.context.chosen;
        if let Some(fact) =
            marked_fact(&self.in_force.plan, self.reader, line, glance, place, chosen)
            && !self.context.is_idle(&fact)
        {
            self.result.entries.push(fact);
            self.keep(at, line.len());
        }
    }

    fn message(&mut self, at: usize, n_before: u64, line: &[u8], timed: bool) {
        self.close_message();
        let number = self.lines_before + n_before + 1;
        self.see(LineKind::Record(self.reader), at, line, number);
        if self.in_force.plan.readers[self.reader].about().layout == MESSAGES {
            self.stranger(CountedAs::Message, at, line, number);
        }
        self.open_message = Some(OpenMessage {
            reader: self.reader,
            start: at,
            end: at + line.len(),
            line: number,
            timed,
        });
    }
}
