//! Inputs -> tallies and facts. The only module that starts threads.
//!
//! In: opened [`Source`]s and a [`ScanConfig`]. Out: a [`Scan`]: per input its plan and tally, and the stores of facts.
//! Invariants: plain files are read in ranges that workers claim from one counter; each stream has one reader thread at a
//! time and its blocks are parsed by the same workers; results fold per input in order, where line numbers are filled
//! in. The stores are sets: which worker found a fact first changes nothing. A range is scanned under the carry known at
//! the time; when its turn comes and the carry proves wrong, it is scanned again under the right one.

mod again;
mod block;
mod carry;
mod fold;
mod late;
mod lines;
mod naming;
mod partial;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::cause::CauseMatcher;
use crate::error::{Error, Result};
use crate::evidence::{InputIndex, Place, Position};
use crate::fact::{CauseFact, EntryFact};
use crate::format::{FormatChoice, Plan, detect_dated};
use crate::input::{
    BlockReader, Breaks, Compression, CutLines, OpenStream, Origin, RANGE_BYTES, RangeReader,
    RecordStart, Records, Source, Spool, Unit, open_stream, read_exact_at,
};
use crate::store::{Budget, Sorter};
use crate::tally::InputTally;

use block::{BlockResult, Context, Job, scan_block};
pub(crate) use block::{ending_of, host_of, read_access, upstream_of};
use carry::{Carry, InForce, LayoutRow};
use fold::Fold;
use late::LateSample;
use lines::EachLine;
pub use lines::{LineKind, SeenLine, scan_lines};
use naming::{Gathering, LinesByText, Pools, gather};
pub use partial::{Conditions, Merged, Merging, Partial, merge, write_partial};

/// Bytes at the head of an input on which its formats are detected.
const SAMPLE_BYTES: u64 = 256 << 10;

/// Bytes in the middle and at the end of a plain file that join the sample.
const FURTHER_SAMPLE_BYTES: u64 = 32 << 10;

/// How to scan.
#[derive(Debug)]
pub struct ScanConfig<'c> {
    /// Statuses whose access lines become facts.
    pub wanted: [bool; 1000],
    /// Statuses whose facts are entries; the facts of others only claim their own error lines.
    pub chosen: [bool; 1000],
    /// Worker threads, at least 1.
    pub n_threads: usize,
    /// Bytes of a claimed range; tests vary it.
    pub range_bytes: u64,
    /// The cause table.
    pub matcher: &'c CauseMatcher,
    /// Formats given by the user.
    pub formats: &'c FormatChoice,
    /// Memory for facts, and where they spill.
    pub budget: Budget,
    /// Set to stop early with what is known.
    pub interrupted: &'c Arc<AtomicBool>,
}

impl ScanConfig<'_> {
    /// The usual range size.
    pub const RANGE_BYTES: u64 = RANGE_BYTES;
}

/// One input after the scan.
#[derive(Debug)]
pub struct ScannedInput {
    /// The path as given; `-` for standard input.
    pub path: PathBuf,
    /// How it was packed.
    pub compression: Compression,
    /// Stored bytes, where known.
    pub bytes_read: u64,
    /// Bytes after decompression.
    pub bytes_decoded: u64,
    /// Its readers; `None` when it could not be read or is empty.
    pub plan: Option<Arc<Plan>>,
    /// What was counted.
    pub tally: InputTally,
    /// Why it could not be read, or not to its end.
    pub error: Option<String>,
    /// Where facts are read by other readers than those of the plan, or by these again: from this offset on.
    layouts: Vec<LayoutRow>,
    /// What its lines are.
    unit: Unit,
    text: TextSource,
    /// When the file was last written, microseconds UTC.
    modified_us: Option<i64>,
    /// It was named, rather than a directory that it is in.
    is_named: bool,
    /// Files that hold the same, in order; they were left out.
    pub copies: Vec<PathBuf>,
    /// The start of standard input, by which its formats were detected.
    sample: Option<Vec<u8>>,
    /// What formats behind the sample were found by.
    late: Vec<LateSample>,
    /// What events are about, where a partial result has told it: names by row of the cause table and hash.
    told_names: BTreeMap<(u16, u32), Vec<u8>>,
    /// Row and hash of events by their offset.
    told_scopes: BTreeMap<u64, (u16, u32)>,
    /// Names of backends by their hash, where a partial result has told them.
    told_backends: BTreeMap<u32, Vec<u8>>,
    /// It is known from a partial result, and could not be opened again.
    is_absent: bool,
    /// Held while a stream is read again: incidents are reported side by side.
    reading: Mutex<()>,
}

/// Where the text of a record comes from again.
#[derive(Debug)]
enum TextSource {
    File(File),
    /// The lines of facts; the rest can be had only where the stream can be opened anew.
    Spool(Spool, Option<Origin>),
    None,
}

impl ScannedInput {
    /// The bytes of a record of this input, without the last line terminator. `None`: they cannot be had again.
    pub fn fetch(&self, place: Place) -> Option<Vec<u8>> {
        match &self.text {
            TextSource::File(file) => {
                let end = place.position.offset.checked_add(u64::from(place.length))?;
                if end > self.bytes_decoded {
                    return None;
                }
                let mut bytes = vec![0; place.length as usize];
                read_exact_at(file, place.position.offset, &mut bytes).ok()?;
                Some(bytes)
            }
            TextSource::Spool(spool, _) => {
                spool.fetch(place.position).or_else(|| self.line_again(place))
            }
            TextSource::None => None,
        }
    }

    /// The readers in force for the fact at an offset: those of the plan, as directives before it have changed them.
    /// `None`: there is no plan.
    pub fn plan_at(&self, offset: u64) -> Option<&Arc<Plan>> {
        match self.layouts.partition_point(|row| row.from <= offset).checked_sub(1) {
            Some(row) => self.layouts.get(row).map(|row| &row.plan),
            None => self.plan.as_ref(),
        }
    }

    /// True when it is known from a partial result only: its lines cannot be had.
    pub fn is_absent(&self) -> bool {
        self.is_absent
    }

    /// True when it was named, and there are lines in it but none that any format knows.
    pub fn is_named_in_vain(&self) -> bool {
        self.is_named && self.tally.lines.unparsed > 0 && self.tally.lines.parsed == 0
    }

    /// Lines of its sample that look like requests, where none was read as such; else 0.
    pub fn n_unread_requests(&self) -> usize {
        self.plan.as_ref().map_or(0, |plan| plan.n_unread_requests)
    }

    /// True when there was nothing in it.
    pub fn is_empty(&self) -> bool {
        self.error.is_none() && self.bytes_decoded == 0
    }

    /// True when a reader of evidence can open `path` and find a record at its byte offset.
    pub fn addressable(&self) -> bool {
        let is_as_stored = !matches!(self.unit, Unit::Entry | Unit::Record(Breaks::Glued));
        self.path.as_os_str() != OsStr::new("-") && is_as_stored
    }

    /// What its lines are: `line`, or `entry` where a journal that was no text became lines, or records were wrapped.
    pub fn unit(&self) -> &'static str {
        if self.unit == Unit::Line { "line" } else { "entry" }
    }
}

/// Order of entries and causes in their stores: what belongs together is adjacent.
pub type JoinKey = (u64, u64, i64, Position);

/// Everything the scan found.
#[derive(Debug)]
pub struct Scan {
    /// The inputs, in canonical order.
    pub inputs: Vec<ScannedInput>,
    /// Facts of the entries.
    pub entries: Sorter<EntryFact, JoinKey>,
    /// Facts of the messages that matched a cause rule.
    pub causes: Sorter<CauseFact, JoinKey>,
    /// The scan was stopped early.
    pub interrupted: bool,
    /// Lines of worked-out layouts.
    pools: LinesByText,
}

/// Scans all inputs.
///
/// # Errors
/// When threads cannot be started, or facts cannot be spilled. An unreadable input is noted in its [`ScannedInput`].
pub fn scan(sources: Vec<Source>, config: &ScanConfig<'_>) -> Result<Scan> {
    run(Work::new(sources, config), None)
}

/// Does the work. `each` gets every line in order, where lines are wanted.
fn run(work: Work<'_>, each: Option<EachLine<'_>>) -> Result<Scan> {
    let config = work.config;
    let n_threads = config.n_threads.max(1);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .build()
        .map_err(|error| Error::Threads(error.to_string()))?;
    let (result_tx, result_rx) = bounded::<Done>(4 * n_threads);
    let (block_tx, block_rx) = bounded::<StreamJob>(2 * n_threads);
    let mut fold = Fold::new(work.inputs.len(), config, each);
    // By all workers, who have nothing to do before.
    pool.install(|| work.ranges.first().map(|(_, input)| work.plan_of_file(*input).is_some()));
    let folded = std::thread::scope(|scope| {
        for _ in 0..n_threads.min(work.streams.len()) {
            let (blocks, results) = (block_tx.clone(), result_tx.clone());
            let work = &work;
            scope.spawn(move || work.read_streams(&blocks, &results));
        }
        drop(block_tx);
        let work = &work;
        scope.spawn(move || {
            pool.broadcast(|_| work.work(&block_rx, &result_tx));
            drop(result_tx);
        });
        // Gives up the receiver, so that a failure stops the workers.
        fold.run(result_rx, work)
    });
    folded?;
    fold.settle(&work)?;
    Ok(fold.finish(work))
}

/// A block of a stream on its way to a worker.
#[derive(Debug)]
struct StreamJob {
    input: usize,
    /// Number of the block within its input.
    index: usize,
    plan: Arc<Plan>,
    carry: Carry,
    /// The lines of the block, and those behind them that may hold the rest of a record in pieces.
    bytes: Vec<u8>,
    n_own: usize,
    /// Lines before the block that were cut.
    cut: CutLines,
    offset: u64,
    overlong: bool,
    unit: Unit,
}

/// What workers and stream readers report.
enum Done {
    /// A part of an input was scanned.
    Block { input: usize, index: usize, result: Box<BlockResult> },
    /// A stream has ended.
    Stream { input: usize, bytes_decoded: u64, unit: Unit, error: Option<io::Error> },
    /// A range could not be read.
    Fault { input: usize, index: usize, error: io::Error },
}

/// An input while it is scanned.
struct OpenInput {
    source: Source,
    plan: OnceLock<Arc<Plan>>,
    /// Where lines of worked-out layouts go.
    gathering: OnceLock<Gathering>,
    /// What of standard input its formats were detected on.
    sample: OnceLock<Vec<u8>>,
    /// The carry of the last block that was folded: the best guess for the next one.
    carry: Mutex<Carry>,
}

impl OpenInput {
    fn new(source: Source) -> Self {
        OpenInput {
            source,
            plan: OnceLock::new(),
            gathering: OnceLock::new(),
            sample: OnceLock::new(),
            carry: Mutex::default(),
        }
    }
}

/// The work, shared by all threads.
struct Work<'c> {
    config: &'c ScanConfig<'c>,
    context: Context<'c>,
    inputs: Vec<OpenInput>,
    pools: Pools,
    /// First range of each plain input among all ranges, and the input.
    ranges: Vec<(usize, usize)>,
    n_ranges: usize,
    next_range: AtomicUsize,
    streams: Vec<usize>,
    next_stream: AtomicUsize,
}

impl<'c> Work<'c> {
    fn new(sources: Vec<Source>, config: &'c ScanConfig<'c>) -> Self {
        let inputs: Vec<_> = sources.into_iter().map(OpenInput::new).collect();
        let (mut ranges, mut n_ranges, mut streams) = (Vec::new(), 0, Vec::new());
        for (index, input) in inputs.iter().enumerate() {
            match input.source.origin {
                Ok(Origin::Plain(_)) => {
                    ranges.push((n_ranges, index));
                    n_ranges += input.source.bytes.div_ceil(config.range_bytes) as usize;
                }
                Ok(_) => streams.push(index),
                Err(_) => {}
            }
        }
        Work {
            config,
            context: Context {
                wanted: config.wanted,
                chosen: config.chosen,
                matcher: config.matcher,
                every_line: false,
            },
            inputs,
            pools: Pools::default(),
            ranges,
            n_ranges,
            next_range: AtomicUsize::new(0),
            streams,
            next_stream: AtomicUsize::new(0),
        }
    }

    /// True for an input that can be read at any position.
    fn is_plain(&self, input: usize) -> bool {
        matches!(self.inputs[input].source.origin, Ok(Origin::Plain(_)))
    }

    fn stopped(&self) -> bool {
        self.config.interrupted.load(Ordering::Relaxed)
    }

    /// What a worker does: blocks of streams as they come, ranges otherwise.
    fn work(&self, blocks: &Receiver<StreamJob>, results: &Sender<Done>) {
        let mut reader = RangeReader::new();
        loop {
            let done = if let Ok(job) = blocks.try_recv() {
                self.scan_stream_block(job, 0)
            } else if let Some((input, index)) = self.claim() {
                let carry = &self.inputs[input].carry;
                let carry = carry.lock().unwrap_or_else(PoisonError::into_inner).clone();
                self.scan_range(input, index, carry, 0, &mut reader)
            } else if let Ok(job) = blocks.recv() {
                self.scan_stream_block(job, 0)
            } else {
                return;
            };
            if results.send(done).is_err() {
                return;
            }
        }
    }

    fn claim(&self) -> Option<(usize, usize)> {
        if self.stopped() {
            return None;
        }
        let range = self.next_range.fetch_add(1, Ordering::Relaxed);
        if range >= self.n_ranges {
            return None;
        }
        let row = self.ranges.partition_point(|(first, _)| *first <= range) - 1;
        // Empty files share their first range with the file behind them, which is the last such row.
        let (first, input) = self.ranges[row];
        Some((input, range - first))
    }

    /// A plain file, and its plan. `None`: it is none.
    fn plan_of_file(&self, input: usize) -> Option<(&File, &Arc<Plan>)> {
        let open = &self.inputs[input];
        let Ok(Origin::Plain(file)) = &open.source.origin else { return None };
        let plan = || Arc::new(plan_of_file(&open.source, file, self.config.formats));
        Some((file, open.plan.get_or_init(plan)))
    }

    fn scan_range(
        &self,
        input: usize,
        index: usize,
        carry: Carry,
        in_charge: usize,
        reader: &mut RangeReader,
    ) -> Done {
        let open = &self.inputs[input];
        let Some((file, plan)) = self.plan_of_file(input) else {
            return Done::Fault { input, index, error: io::ErrorKind::InvalidInput.into() };
        };
        let start = index as u64 * self.config.range_bytes;
        let end = start + self.config.range_bytes;
        let starts_record: RecordStart<'_> =
            if plan.has_long_records() { Some(plan.as_ref()) } else { None };
        match reader.read(file, start, end, open.source.bytes, starts_record) {
            Ok(lines) => {
                let job = Job {
                    input: input as InputIndex,
                    plan,
                    carry,
                    in_charge,
                    bytes: lines.bytes,
                    reached: lines.reached,
                    cut: &lines.cut,
                    offset: lines.offset,
                    overlong: lines.overlong_at.is_some(),
                    keep: false,
                    unit: Unit::Line,
                };
                let result = Box::new(scan_block(&self.context, job));
                self.gather(open, plan, lines.bytes);
                Done::Block { input, index, result }
            }
            Err(error) => Done::Fault { input, index, error },
        }
    }

    fn scan_stream_block(&self, job: StreamJob, in_charge: usize) -> Done {
        let mut result = scan_block(
            &self.context,
            Job {
                input: job.input as InputIndex,
                plan: &job.plan,
                carry: job.carry.clone(),
                in_charge,
                bytes: &job.bytes[..job.n_own],
                reached: &job.bytes,
                cut: &job.cut,
                offset: job.offset,
                overlong: job.overlong,
                keep: true,
                unit: job.unit,
            },
        );
        let (input, index) = (job.input, job.index);
        self.gather(&self.inputs[input], &job.plan, &job.bytes);
        if result.takers.count_ones() > 1 {
            result.again = Some(Box::new(job));
        }
        Done::Block { input, index, result: Box::new(result) }
    }

    /// Gathers lines of worked-out layouts.
    fn gather(&self, open: &OpenInput, plan: &Plan, block: &[u8]) {
        if !self.context.every_line {
            gather(open.gathering.get_or_init(|| self.pools.of(plan)), plan, block);
        }
    }

    /// What a reader thread does: one stream after the other, each from its start to its end.
    fn read_streams(&self, blocks: &Sender<StreamJob>, results: &Sender<Done>) {
        loop {
            let next = self.next_stream.fetch_add(1, Ordering::Relaxed);
            let Some(&input) = self.streams.get(next) else { return };
            let ((bytes_decoded, error), unit) = match self.open_stream(input) {
                Ok((stream, unit)) => (self.read_stream(input, stream, unit, blocks), unit),
                Err(error) => ((0, Some(error)), Unit::Line),
            };
            if results.send(Done::Stream { input, bytes_decoded, unit, error }).is_err() {
                return;
            }
        }
    }

    fn open_stream(&self, input: usize) -> io::Result<OpenStream> {
        match &self.inputs[input].source.origin {
            Ok(origin) => open_stream(origin, self.config.interrupted),
            Err(_) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// The plan of a stream, from its first bytes, however they arrive. `None`: there are none.
    fn plan_of_stream<R: io::Read>(
        &self,
        input: usize,
        reader: &mut BlockReader<R>,
    ) -> Option<&Arc<Plan>> {
        let open = &self.inputs[input];
        if open.plan.get().is_none() {
            // Who wants every line wants it when it comes.
            let least = if self.context.every_line { 1 } else { SAMPLE_BYTES };
            let sample = reader.sample(least as usize, SAMPLE_BYTES as usize);
            if sample.is_empty() {
                return None;
            }
            if matches!(open.source.origin, Ok(Origin::Stdin)) {
                let _ = open.sample.set(sample.to_vec());
            }
            let (path, modified_us) = (&open.source.path, open.source.modified_us);
            let plan = detect_dated(path, &[sample], self.config.formats, modified_us);
            let _ = open.plan.set(Arc::new(plan));
        }
        open.plan.get()
    }

    fn read_stream(
        &self,
        input: usize,
        stream: Box<dyn io::Read + Send>,
        unit: Unit,
        blocks: &Sender<StreamJob>,
    ) -> (u64, Option<io::Error>) {
        let mut reader = BlockReader::new(stream);
        let mut index = 0;
        let mut in_force: Option<InForce> = None;
        while !self.stopped() {
            let Some(plan) = self.plan_of_stream(input, &mut reader) else {
                // There is nothing, or what kept it from being read.
                let fault = reader.next_block(None).err();
                return (reader.bytes_decoded(), fault);
            };
            let long_records = Some(plan.as_ref()).filter(|plan| plan.has_long_records());
            let starts_record: RecordStart<'_> = long_records.map(|plan| plan as &dyn Records);
            let block = match reader.next_block(starts_record) {
                Ok(Some(block)) => block,
                Ok(None) => return (reader.bytes_decoded(), None),
                Err(error) => return (reader.bytes_decoded(), Some(error)),
            };
            let in_force = in_force.get_or_insert_with(|| InForce::new(plan, Carry::default()));
            let carry = in_force.carry.clone();
            in_force.pass(&block.bytes[..block.n_own]);
            let job = StreamJob {
                input,
                index,
                plan: Arc::clone(plan),
                carry,
                overlong: block.overlong_at.is_some(),
                bytes: block.bytes,
                n_own: block.n_own,
                cut: block.cut,
                offset: block.offset,
                unit,
            };
            if blocks.send(job).is_err() {
                break;
            }
            index += 1;
        }
        (reader.bytes_decoded(), None)
    }
}

/// The plan of a plain file, from its head, its middle and its end.
fn plan_of_file(source: &Source, file: &File, formats: &FormatChoice) -> Plan {
    let mut reader = RangeReader::new();
    let total = source.bytes;
    let mut parts = Vec::new();
    let further = |part: u64| (part, FURTHER_SAMPLE_BYTES);
    let starts = [
        (0, SAMPLE_BYTES),
        further(total / 2),
        further(total.saturating_sub(FURTHER_SAMPLE_BYTES)),
    ];
    let mut from = 0;
    for (start, length) in starts {
        if start < from || start >= total {
            continue;
        }
        if let Ok(lines) = reader.read(file, start, start + length, total, None) {
            parts.push(lines.bytes.to_vec());
        }
        from = start + length;
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    detect_dated(&source.path, &parts, formats, source.modified_us)
}
