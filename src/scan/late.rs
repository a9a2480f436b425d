//! Formats that turn up behind the sample: lines that no reader of access lines takes are looked at again.
//!
//! In: such lines ([`Stranger`]) of one input, in order. Out: readers that the plan lacks, and the lines that they take.
//! The rule: each time enough strangers have come, formats are detected among the latest of them. A reader found so takes
//! those strangers that are still held, and all behind them.
//! Invariants: everything depends on the strangers and their order alone, which do not depend on where blocks are cut;
//! the number of looks grows far slower than that of strangers, and memory is bounded.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use memchr::memmem::Finder;

use super::ScanConfig;
use super::block::marked_fact;
use crate::evidence::{InputIndex, Place, Position};
use crate::fact::EntryFact;
use crate::format::{FormatBasis, FormatChoice, Plan, Reader, Run, accepts, detect_behind, reads};
use crate::record::Skip;
use crate::tally::{InputTally, Unparsed};
use crate::taxonomy::LogRole;

/// Strangers that are held, at most; and their bytes.
const MAX_HELD: usize = 4096;
const MAX_HELD_BYTES: usize = 4 << 20;

/// Strangers among which formats are detected.
const MAX_SAMPLE: usize = 256;

/// Longer lines are no help in telling a format.
const MAX_LINE_BYTES: usize = 16 << 10;

/// A layout that was worked out must fit this many lines: a few cut lines of a known one look like another.
const LEAST_INFERRED: usize = 8;

/// While more lines may come, it must fit so many: its columns are told better by more values, and none is lost by waiting.
const ENOUGH_INFERRED: usize = 200;

/// Bytes of an unparsed line that are kept to show.
const SHOWN_BYTES: usize = 240;

/// How a stranger was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CountedAs {
    /// No reader takes it.
    Unparsed,
    /// It was taken to go on with the message before it.
    Continuation,
    /// A message that no format knows, in an envelope.
    Message,
}

/// A line that may be an access line of a format that the plan lacks.
#[derive(Debug)]
pub(super) struct Stranger {
    /// Offset in the input.
    pub offset: u64,
    /// Number of the line.
    pub line: u64,
    pub text: Vec<u8>,
    pub counted: CountedAs,
}

/// The strangers of one input.
#[derive(Debug, Default)]
pub(super) struct Late {
    held: VecDeque<Stranger>,
    held_bytes: usize,
    n_seen: u64,
    /// The plan with the readers that were found.
    grown: Option<Arc<Plan>>,
    /// What they were found by.
    samples: Vec<LateSample>,
    /// Index of the first such reader.
    first: usize,
    /// The first stranger that is known to be no record.
    first_left: Option<Unparsed>,
}

/// Lines among which formats were found, and how many a layout that was worked out had to fit.
pub(super) type LateSample = (usize, Vec<u8>);

/// A late line that was taken.
pub(super) struct Taken {
    /// Index of its reader in the grown plan.
    pub reader: usize,
    pub stranger: Stranger,
    pub fact: Option<EntryFact>,
}

/// True for what may be an access line, at a cheap look: lines that are already counted as messages, or as text of one,
/// need more than to be there.
pub(super) fn may_be_access(line: &[u8], counted: CountedAs) -> bool {
    let has = |mark: &Finder<'_>| mark.find(line).is_some();
    let [protocol, status] = &*MARKS;
    line.len() <= MAX_LINE_BYTES
        && match counted {
            CountedAs::Unparsed => true,
            CountedAs::Message => has(protocol),
            CountedAs::Continuation => {
                !line.first().is_none_or(u8::is_ascii_whitespace) && (has(protocol) || has(status))
            }
        }
}

/// The protocol of a request line, and the key of a status.
static MARKS: LazyLock<[Finder<'static>; 2]> =
    LazyLock::new(|| [&b"HTTP/"[..], b"status"].map(Finder::new));

/// True when it is time to look at the strangers: at powers of two, then at steps that become wider.
fn is_due(n_seen: u64) -> bool {
    match n_seen {
        0..=64 => n_seen.is_power_of_two(),
        65..=1024 => n_seen.is_multiple_of(64),
        1025..=16_384 => n_seen.is_multiple_of(512),
        // Held strangers reach back to the last look, up to here.
        _ => n_seen.is_multiple_of(MAX_HELD as u64) && n_seen < 1 << 22,
    }
}

impl Late {
    /// The plan, if readers were added to it.
    pub(super) fn grown(&self) -> Option<&Arc<Plan>> {
        self.grown.as_ref()
    }

    /// What readers were added by, in order: [`grown_by`] adds them again.
    pub(super) fn take_samples(&mut self) -> Vec<LateSample> {
        std::mem::take(&mut self.samples)
    }

    /// Takes a stranger in its turn, and counts what is known by now to be a record.
    pub(super) fn take(
        &mut self,
        stranger: Stranger,
        source: &Known<'_>,
        tally: &mut InputTally,
        each: &mut dyn FnMut(Taken),
    ) {
        if let Some(stranger) = self.count(stranger, source, tally, each) {
            self.hold(stranger);
            self.n_seen += 1;
            if is_due(self.n_seen) {
                let least = if source.is_awaited { LEAST_INFERRED } else { ENOUGH_INFERRED };
                self.look(least, source, tally, each);
            }
        }
    }

    /// Looks a last time.
    pub(super) fn finish(
        &mut self,
        source: &Known<'_>,
        tally: &mut InputTally,
        each: &mut dyn FnMut(Taken),
    ) {
        if !self.held.is_empty() {
            self.look(LEAST_INFERRED, source, tally, each);
        }
        while !self.held.is_empty() {
            self.let_go();
        }
        if let (None, Some(left)) = (&tally.first_unparsed, self.first_left.take())
            && tally.lines.unparsed > 0
        {
            tally.first_unparsed = Some(left);
        }
    }

    fn hold(&mut self, stranger: Stranger) {
        self.held_bytes += stranger.text.len();
        self.held.push_back(stranger);
        while self.held.len() > MAX_HELD || self.held_bytes > MAX_HELD_BYTES {
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        let Some(gone) = self.held.pop_front() else { return };
        self.held_bytes -= gone.text.len();
        if gone.counted == CountedAs::Unparsed && self.first_left.is_none() {
            let text = gone.text[..gone.text.len().min(SHOWN_BYTES)].to_vec();
            self.first_left = Some(Unparsed { line: gone.line, reason: Skip::Shape, text });
        }
    }

    /// Detects formats among the latest strangers, and counts all that the readers found take.
    fn look(
        &mut self,
        least_inferred: usize,
        source: &Known<'_>,
        tally: &mut InputTally,
        each: &mut dyn FnMut(Taken),
    ) {
        let from = self.held.len().saturating_sub(MAX_SAMPLE);
        let mut sample = Vec::new();
        for stranger in self.held.range(from..) {
            sample.extend_from_slice(&stranger.text);
            sample.push(b'\n');
        }
        let plan = self.grown.as_ref().unwrap_or(source.plan);
        let sample = (least_inferred, sample);
        let (formats, modified_us) = (source.config.formats, source.modified_us);
        let Some(grown) = grown_by(plan, &sample, source.path, formats, modified_us) else {
            return;
        };
        if self.grown.is_none() {
            self.first = plan.readers.len();
        }
        self.grown = Some(Arc::new(grown));
        self.samples.push(sample);
        self.held_bytes = 0;
        for stranger in std::mem::take(&mut self.held) {
            if let Some(stranger) = self.count(stranger, source, tally, each) {
                self.hold(stranger);
            }
        }
    }

    /// Counts a stranger that a late reader takes; gives back any other.
    fn count(
        &self,
        stranger: Stranger,
        source: &Known<'_>,
        tally: &mut InputTally,
        each: &mut dyn FnMut(Taken),
    ) -> Option<Stranger> {
        let Some(plan) = &self.grown else { return Some(stranger) };
        let late = &plan.readers[self.first..];
        let Some(index) = late.iter().position(|reader| accepts(reader.as_ref(), &stranger.text))
        else {
            return Some(stranger);
        };
        let reader = &late[index];
        let Ok(glance) = reader.glance(&stranger.text) else { return Some(stranger) };
        let Some(stamp) = reader.stamp(glance.stamp) else { return Some(stranger) };
        let lines = &mut tally.lines;
        match stranger.counted {
            CountedAs::Unparsed => {
                lines.unparsed -= 1;
                lines.parsed += 1;
                if tally.first_unparsed.as_ref().is_some_and(|first| first.line == stranger.line) {
                    tally.first_unparsed = None;
                }
            }
            CountedAs::Continuation => {
                lines.continuation -= 1;
                lines.parsed += 1;
            }
            CountedAs::Message => {}
        }
        tally.add_run(stamp, &Run::of_one(glance.status));
        let status = usize::from(glance.status.min(999));
        tally.statuses[status] += 1;
        tally.count_reader(self.first + index, 1);
        let place = Place {
            position: Position { input: source.input, offset: stranger.offset },
            line: stranger.line,
            length: stranger.text.len() as u32,
        };
        let fact = source.config.wanted[status]
            .then(|| {
                let chosen = &source.config.chosen;
                marked_fact(plan, self.first + index, &stranger.text, glance, place, chosen)
            })
            .flatten();
        each(Taken { reader: self.first + index, stranger, fact });
        None
    }
}

/// What is known of the input.
pub(super) struct Known<'k> {
    pub input: InputIndex,
    pub path: &'k Path,
    pub modified_us: Option<i64>,
    pub plan: &'k Arc<Plan>,
    pub config: &'k ScanConfig<'k>,
    /// Each line is waited for, so that a layout has to be told soon.
    pub is_awaited: bool,
}

/// The plan with readers of access lines for a sample that it lacks. `None`: there are none.
pub(super) fn grown_by(
    plan: &Plan,
    (least_inferred, sample): &LateSample,
    path: &Path,
    formats: &FormatChoice,
    modified_us: Option<i64>,
) -> Option<Plan> {
    let found = detect_behind(path, sample, formats, modified_us);
    let lines: Vec<_> = sample.split(|byte| *byte == b'\n').collect();
    let is_wanted = |reader: &&Arc<dyn Reader>| {
        let about = reader.about();
        let is_known = plan.readers.iter().any(|known| {
            known.about().format == about.format && known.about().layout == about.layout
        });
        let is_inferred = about.basis == FormatBasis::Inferred;
        let least = if is_inferred { *least_inferred } else { 1 };
        about.role == LogRole::Access
            && !is_known
            && !(is_inferred && plan.is_table)
            && lines.iter().filter(|line| reads(reader.as_ref(), line)).take(least).count() == least
    };
    let mut grown = plan.clone();
    for reader in found.detected().filter(is_wanted) {
        let about = reader.about();
        grown
            .notes
            .push(format!("{} ({}) turned up behind the sample", about.format, about.layout));
        grown.readers.push(Arc::clone(reader));
    }
    (grown.readers.len() > plan.readers.len()).then_some(grown)
}
