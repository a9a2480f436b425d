//! An input as a partial result records it.
//!
//! In: a [`ScannedInput`]. Out: [`RecordedInput`], which is JSON; and back, as far as that goes without the input.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::format::{About, FormatBasis, Glance, Instant, Plan, Reader, Run};
use crate::input::{Breaks, Compression, Origin, Unit, read_exact_at};
use crate::record::{Record, Skip};
use crate::scan::{ScannedInput, TextSource};
use crate::tally::{InputTally, LineCounts, OffsetTable, Series, Unparsed};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// Bytes at the start of a file by which it is known again.
const HEAD_BYTES: u64 = 4096;

/// One input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RecordedInput {
    pub path: String,
    pub is_gzip: bool,
    pub bytes_read: u64,
    pub bytes_decoded: u64,
    pub modified_us: Option<i64>,
    /// Digest of the first bytes as they are stored.
    pub head: Option<String>,
    /// Its records can be read at their offsets.
    pub is_plain: bool,
    /// What its lines are.
    unit: RecordedUnit,
    pub plan: Option<RecordedPlan>,
    /// Directives change its layout on the way.
    pub has_layouts: bool,
    tally: RecordedTally,
    pub error: Option<String>,
    /// How many lines are kept of it.
    pub n_kept: usize,
    pub sample: Option<Vec<u8>>,
    /// What events are about: offset, row of the cause table, name.
    pub scopes: Vec<(u64, u16, Vec<u8>)>,
    /// Names of backends, by their hash.
    pub backends: BTreeMap<u32, Vec<u8>>,
}

impl RecordedInput {
    pub(super) fn of(input: &ScannedInput) -> Self {
        let file = match &input.text {
            TextSource::File(file)
            | TextSource::Spool(_, Some(Origin::Stream(file, _) | Origin::Journal(file))) => {
                Some(file)
            }
            _ => None,
        };
        let n_kept = match &input.text {
            TextSource::Spool(spool, _) => spool.len(),
            _ => 0,
        };
        RecordedInput {
            path: input.path.to_string_lossy().into_owned(),
            is_gzip: input.compression == Compression::Gzip,
            bytes_read: input.bytes_read,
            bytes_decoded: input.bytes_decoded,
            modified_us: input.modified_us,
            head: file.and_then(|file| head_digest(file, input.bytes_read)),
            is_plain: matches!(input.text, TextSource::File(_)),
            unit: RecordedUnit::of(input.unit),
            plan: input.plan.as_deref().map(RecordedPlan::of),
            has_layouts: !input.layouts.is_empty(),
            tally: RecordedTally::of(&input.tally),
            error: input.error.clone(),
            n_kept,
            sample: input.sample.clone(),
            scopes: Vec::new(),
            backends: BTreeMap::new(),
        }
    }

    /// The input without any of its text.
    pub(super) fn absent(&self) -> ScannedInput {
        ScannedInput {
            path: self.path.clone().into(),
            compression: if self.is_gzip { Compression::Gzip } else { Compression::None },
            bytes_read: self.bytes_read,
            bytes_decoded: self.bytes_decoded,
            plan: self.plan.as_ref().map(|plan| Arc::new(plan.told())),
            tally: self.tally.tally(),
            error: self.error.clone(),
            layouts: Vec::new(),
            unit: self.unit.unit(),
            text: TextSource::None,
            modified_us: self.modified_us,
            sample: self.sample.clone(),
            told_scopes: self
                .scopes
                .iter()
                .map(|(offset, rule, name)| (*offset, (*rule, name.clone())))
                .collect(),
            told_backends: self.backends.clone(),
            is_absent: true,
        }
    }
}

/// A digest of the first bytes of a file that is `bytes` long. `None`: it cannot be read, or not at a position.
pub(super) fn head_digest(file: &File, bytes: u64) -> Option<String> {
    let mut head = vec![0; bytes.min(HEAD_BYTES) as usize];
    let is_regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_regular {
        return None;
    }
    read_exact_at(file, 0, &mut head).ok()?;
    Some(format!("{:x}", Sha256::digest(&head)))
}

/// What the lines of an input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum RecordedUnit {
    Line,
    Entry,
    ArrayRecord,
    SequenceRecord,
}

impl RecordedUnit {
    const fn of(unit: Unit) -> Self {
        match unit {
            Unit::Line => RecordedUnit::Line,
            Unit::Entry => RecordedUnit::Entry,
            Unit::Record(Breaks::Array) => RecordedUnit::ArrayRecord,
            Unit::Record(Breaks::Sequence) => RecordedUnit::SequenceRecord,
        }
    }

    const fn unit(self) -> Unit {
        match self {
            RecordedUnit::Line => Unit::Line,
            RecordedUnit::Entry => Unit::Entry,
            RecordedUnit::ArrayRecord => Unit::Record(Breaks::Array),
            RecordedUnit::SequenceRecord => Unit::Record(Breaks::Sequence),
        }
    }
}

/// The readers of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordedPlan {
    readers: Vec<RecordedReader>,
    n_detected: usize,
    sampled: (usize, usize),
    notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RecordedReader {
    format: String,
    layout: String,
    server: String,
    role: String,
    basis: String,
    ambiguous_with: Option<String>,
}

impl RecordedPlan {
    pub(super) fn of(plan: &Plan) -> Self {
        let reader = |reader: &Arc<dyn Reader>| {
            let about = reader.about();
            RecordedReader {
                format: about.format.to_owned(),
                layout: about.layout.clone(),
                server: about.server.as_str().to_owned(),
                role: about.role.as_str().to_owned(),
                basis: about.basis.as_str().to_owned(),
                ambiguous_with: about.ambiguous_with.map(|server| server.as_str().to_owned()),
            }
        };
        RecordedPlan {
            readers: plan.readers.iter().map(reader).collect(),
            n_detected: plan.n_detected,
            sampled: plan.sampled,
            notes: plan.notes.clone(),
        }
    }

    /// A plan whose readers tell what they are and understand nothing.
    fn told(&self) -> Plan {
        let reader = |reader: &RecordedReader| -> Arc<dyn Reader> {
            let server = |id: &str| Server::from_id(id).unwrap_or(Server::Unknown);
            Arc::new(Told(About {
                format: known_id(&reader.format),
                layout: reader.layout.clone(),
                server: server(&reader.server),
                role: LogRole::from_id(&reader.role).unwrap_or(LogRole::Unknown),
                notation: Notation::Iso8601,
                instant: Instant::End,
                basis: FormatBasis::from_id(&reader.basis),
                ambiguous_with: reader.ambiguous_with.as_deref().map(server),
            }))
        };
        Plan {
            readers: self.readers.iter().map(reader).collect(),
            n_detected: self.n_detected.min(self.readers.len()),
            sampled: self.sampled,
            notes: self.notes.clone(),
        }
    }
}

/// The id of a format, which lives as long as the program. Each id is made once; there are as many as formats.
fn known_id(id: &str) -> &'static str {
    use std::collections::BTreeSet;
    use std::sync::{Mutex, PoisonError};
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(id) = known.get(id) {
        return id;
    }
    let id: &'static str = id.to_owned().leak();
    known.insert(id);
    id
}

/// A reader that is known by what was told of it.
#[derive(Debug)]
struct Told(About);

impl Reader for Told {
    fn about(&self) -> &About {
        &self.0
    }

    fn glance<'a>(&self, _: &'a [u8]) -> Result<Glance<'a>, Skip> {
        Err(Skip::Shape)
    }

    fn parse<'a>(&self, _: &'a [u8]) -> Result<Record<'a>, Skip> {
        Err(Skip::Shape)
    }

    fn each_field<'a>(&self, _: &'a [u8], _: &mut dyn FnMut(&str, &'a [u8])) {}
}

/// First second of a bucket, and what it holds.
type SeriesRow = (i64, u64, u64, [u64; 3]);

/// Width of the buckets, and their rows.
type RecordedSeries = (i64, Vec<SeriesRow>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct RecordedTally {
    lines: [u64; 7],
    statuses: Vec<(u16, u64)>,
    series: [RecordedSeries; 4],
    zoned_span: Option<(i64, i64)>,
    zoneless_span: Option<(i64, i64)>,
    offsets: Vec<(i32, (i64, i64))>,
    first_unparsed: Option<(u64, String, Vec<u8>)>,
    by_reader: Vec<u64>,
}

impl RecordedTally {
    fn of(tally: &InputTally) -> Self {
        let LineCounts { read, parsed, continuation, directive, blank, unparsed, filtered } =
            tally.lines;
        let series = |series: &Series| {
            let rows = series.iter();
            let row =
                |(second, run): (i64, &Run)| (second, run.requests, run.server_errors, run.kin);
            (series.width_s(), rows.map(row).collect())
        };
        RecordedTally {
            lines: [read, parsed, continuation, directive, blank, unparsed, filtered],
            statuses: (0..).zip(*tally.statuses).filter(|(_, n)| *n > 0).collect(),
            series: [
                series(&tally.zoned),
                series(&tally.zoneless),
                series(&tally.messages_zoned),
                series(&tally.messages_zoneless),
            ],
            zoned_span: tally.zoned_span,
            zoneless_span: tally.zoneless_span,
            offsets: tally.offsets.spans.iter().map(|(offset, span)| (*offset, *span)).collect(),
            first_unparsed: tally.first_unparsed.as_ref().map(|unparsed| {
                (unparsed.line, unparsed.reason.as_str().to_owned(), unparsed.text.clone())
            }),
            by_reader: tally.by_reader.clone(),
        }
    }

    fn tally(&self) -> InputTally {
        let [read, parsed, continuation, directive, blank, unparsed, filtered] = self.lines;
        let mut statuses = Box::new([0; 1000]);
        for (status, n) in &self.statuses {
            if let Some(slot) = statuses.get_mut(usize::from(*status)) {
                *slot = *n;
            }
        }
        let series = |(width_s, rows): &RecordedSeries| {
            let row = |(second, requests, server_errors, kin): &SeriesRow| {
                (*second, Run { requests: *requests, server_errors: *server_errors, kin: *kin })
            };
            Series::from_rows(*width_s, rows.iter().map(row))
        };
        let [zoned, zoneless, messages_zoned, messages_zoneless] = &self.series;
        InputTally {
            lines: LineCounts { read, parsed, continuation, directive, blank, unparsed, filtered },
            statuses,
            zoned: series(zoned),
            zoneless: series(zoneless),
            messages_zoned: series(messages_zoned),
            messages_zoneless: series(messages_zoneless),
            zoned_span: self.zoned_span,
            zoneless_span: self.zoneless_span,
            offsets: OffsetTable {
                spans: self.offsets.iter().copied().collect::<BTreeMap<_, _>>(),
            },
            first_unparsed: self.first_unparsed.as_ref().map(|(line, reason, text)| Unparsed {
                line: *line,
                reason: Skip::from_words(reason),
                text: text.clone(),
            }),
            by_reader: self.by_reader.clone(),
        }
    }
}
