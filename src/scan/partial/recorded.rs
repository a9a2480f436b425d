//! An input as a partial result records it.
//!
//! In: a [`ScannedInput`]. Out: [`RecordedInput`], which is JSON; and back, as far as that goes without the input.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{MAX_TOLD_NAMES, MAX_TOLD_PLACES};
use crate::fact::CauseFact;
use crate::format::{About, CacheSeen, FormatBasis, Glance, Instant, Plan, Reader, Run};
use crate::input::{Breaks, Compression, Origin, Unit, is_name_of_copy, read_exact_at};
use crate::record::{Record, Skip};
use crate::scan::late::LateSample;
use crate::scan::naming::is_worked_out;
use crate::scan::{ScannedInput, TextSource};
use crate::tally::{InputTally, LineCounts, OffsetTable, Series, Unparsed};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// Bytes at the start of a file by which it is known again.
const HEAD_BYTES: u64 = 4096;

/// Fewer bytes at the start do not tell two files apart.
const PREFIX_BYTES: usize = 64;

/// One input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as it stands in partial results")]
pub(super) struct RecordedInput {
    pub path: String,
    pub is_gzip: bool,
    pub bytes_read: u64,
    pub bytes_decoded: u64,
    pub modified_us: Option<i64>,
    pub is_named: bool,
    /// Files that hold the same, and were left out.
    pub copies: Vec<String>,
    /// Digest of the first bytes as they are stored.
    pub head: Option<String>,
    /// Digests of the first [`PREFIX_BYTES`], twice as many, and so on, as far as the head reaches.
    prefixes: Vec<String>,
    /// Its records can be read at their offsets.
    pub is_plain: bool,
    /// What its lines are.
    unit: RecordedUnit,
    pub plan: Option<RecordedPlan>,
    /// From which offset on which of `directives` are in force.
    pub layouts: Vec<(u64, usize)>,
    /// Directive lines that put other readers in force, in order.
    pub directives: Vec<Vec<Vec<u8>>>,
    tally: RecordedTally,
    pub error: Option<String>,
    /// How many lines are kept of it.
    pub n_kept: usize,
    /// Behind each of its entries stands the line, where its layout was worked out.
    pub has_lines: bool,
    pub sample: Option<Vec<u8>>,
    /// What formats behind the sample were found by.
    pub late: Vec<LateSample>,
    /// What events are about, by row of the cause table and hash of the name.
    scope_names: BTreeMap<u16, BTreeMap<u32, Vec<u8>>>,
    /// Events: offset, row of the cause table, hash of the name.
    scopes: Vec<(u64, u16, u32)>,
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
        let mut directives: Vec<Vec<Vec<u8>>> = Vec::new();
        let mut numbers: BTreeMap<&[Vec<u8>], usize> = BTreeMap::new();
        let mut layouts = Vec::with_capacity(input.layouts.len());
        for row in &input.layouts {
            let number = *numbers.entry(row.directives.as_slice()).or_insert_with(|| {
                directives.push(row.directives.to_vec());
                directives.len() - 1
            });
            layouts.push((row.from, number));
        }
        let head = file.and_then(|file| head_of(file, input.bytes_read));
        RecordedInput {
            path: input.path.to_string_lossy().into_owned(),
            is_gzip: input.compression == Compression::Gzip,
            bytes_read: input.bytes_read,
            bytes_decoded: input.bytes_decoded,
            modified_us: input.modified_us,
            is_named: input.is_named,
            copies: input.copies.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
            prefixes: prefixes(head.as_deref().or(input.sample.as_deref()).unwrap_or_default()),
            head: head.as_deref().map(digest),
            is_plain: matches!(input.text, TextSource::File(_)),
            unit: RecordedUnit::of(input.unit),
            plan: input.plan.as_deref().map(RecordedPlan::of),
            layouts,
            directives,
            tally: RecordedTally::of(&input.tally),
            error: input.error.clone(),
            n_kept,
            has_lines: input.plan.as_deref().is_some_and(is_worked_out),
            sample: input.sample.clone(),
            late: input.late.clone(),
            scope_names: BTreeMap::new(),
            scopes: Vec::new(),
            backends: BTreeMap::new(),
        }
    }

    /// Tells what an event is about. `name` reads it, once for every name.
    pub(super) fn tell_scope(&mut self, fact: &CauseFact, name: impl FnOnce() -> Option<Vec<u8>>) {
        let n_names: usize = self.scope_names.values().map(BTreeMap::len).sum();
        let names = self.scope_names.entry(fact.rule).or_default();
        if let Entry::Vacant(vacant) = names.entry(fact.scope) {
            match name().filter(|_| n_names < MAX_TOLD_NAMES) {
                Some(name) => drop(vacant.insert(name)),
                None => return,
            }
        }
        if self.scopes.len() < MAX_TOLD_PLACES {
            self.scopes.push((fact.place.position.offset, fact.rule, fact.scope));
        }
    }

    /// True when `later` is the same file, read again after it had grown, or as it was: the path is the same, the starts
    /// are, and nothing that was counted here is missing there.
    pub(super) fn is_within(&self, later: &RecordedInput) -> bool {
        let n_common = self.prefixes.len().min(later.prefixes.len());
        self.path == later.path
            && self.is_gzip == later.is_gzip
            && self.bytes_read <= later.bytes_read
            && n_common > 0
            && self.prefixes[..n_common] == later.prefixes[..n_common]
            && self.tally.is_within(&later.tally)
    }

    /// True when this may be a copy of `other`: the names are such, and equally many bytes hold as many records at every
    /// second.
    pub(super) fn may_be_copy_of(&self, other: &RecordedInput) -> bool {
        let was_read = |input: &RecordedInput| input.bytes_decoded > 0 && input.error.is_none();
        was_read(self)
            && was_read(other)
            && self.bytes_decoded == other.bytes_decoded
            && is_name_of_copy(Path::new(&self.path), Path::new(&other.path))
            && self.tally == other.tally
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
            is_named: self.is_named,
            copies: self.copies.iter().map(PathBuf::from).collect(),
            sample: self.sample.clone(),
            late: self.late.clone(),
            told_names: self
                .scope_names
                .iter()
                .flat_map(|(rule, names)| {
                    names.iter().map(|(hash, name)| ((*rule, *hash), name.clone()))
                })
                .collect(),
            told_scopes: self
                .scopes
                .iter()
                .map(|(offset, rule, hash)| (*offset, (*rule, *hash)))
                .collect(),
            told_backends: self.backends.clone(),
            is_absent: true,
            reading: Mutex::default(),
        }
    }
}

/// A digest of the first bytes of a file that is `bytes` long. `None`: it cannot be read, or not at a position.
pub(super) fn head_digest(file: &File, bytes: u64) -> Option<String> {
    head_of(file, bytes).as_deref().map(digest)
}

fn digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn prefixes(head: &[u8]) -> Vec<String> {
    let lengths = std::iter::successors(Some(PREFIX_BYTES), |length| Some(length * 2));
    let heads = lengths.take_while(|length| *length <= HEAD_BYTES as usize);
    heads.map_while(|length| head.get(..length)).map(digest).collect()
}

fn head_of(file: &File, bytes: u64) -> Option<Vec<u8>> {
    let mut head = vec![0; bytes.min(HEAD_BYTES) as usize];
    let is_regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_regular {
        return None;
    }
    read_exact_at(file, 0, &mut head).ok()?;
    Some(head)
}

/// What the lines of an input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum RecordedUnit {
    Line,
    Entry,
    ArrayRecord,
    SequenceRecord,
    GluedRecord,
}

impl RecordedUnit {
    const fn of(unit: Unit) -> Self {
        match unit {
            Unit::Line => RecordedUnit::Line,
            Unit::Entry => RecordedUnit::Entry,
            Unit::Record(Breaks::Array) => RecordedUnit::ArrayRecord,
            Unit::Record(Breaks::Sequence) => RecordedUnit::SequenceRecord,
            Unit::Record(Breaks::Glued) => RecordedUnit::GluedRecord,
        }
    }

    const fn unit(self) -> Unit {
        match self {
            RecordedUnit::Line => Unit::Line,
            RecordedUnit::Entry => Unit::Entry,
            RecordedUnit::ArrayRecord => Unit::Record(Breaks::Array),
            RecordedUnit::SequenceRecord => Unit::Record(Breaks::Sequence),
            RecordedUnit::GluedRecord => Unit::Record(Breaks::Glued),
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
    cache: u8,
    n_unread_requests: usize,
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
            cache: plan.cache as u8,
            n_unread_requests: plan.n_unread_requests,
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
            cache: CacheSeen::ALL.get(usize::from(self.cache)).copied().unwrap_or_default(),
            is_table: false,
            n_unread_requests: self.n_unread_requests,
        }
    }
}

/// The id of a format, which lives as long as the program. Each id is made once; there are as many as formats.
fn known_id(id: &str) -> &'static str {
    use std::collections::BTreeSet;
    use std::sync::PoisonError;
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

    fn around(&self, _: &Arc<dyn Reader>) -> Option<Arc<dyn Reader>> {
        None
    }
}

/// First second of a bucket, and what it holds.
type SeriesRow = (i64, u64, u64, [u64; 3]);

/// Width of the buckets, and their rows.
type RecordedSeries = (i64, Vec<SeriesRow>);

/// True when every bucket of a series that is as wide, or wider, holds as many lines.
fn series_within((width, rows): &RecordedSeries, (wide, others): &RecordedSeries) -> bool {
    let mut left: BTreeMap<i64, u64> = BTreeMap::new();
    for (second, requests, ..) in rows {
        *left.entry(second.div_euclid(*wide)).or_default() += requests;
    }
    let there: BTreeMap<i64, u64> =
        others.iter().map(|(second, requests, ..)| (second.div_euclid(*wide), *requests)).collect();
    let fits = |(bucket, n): (&i64, &u64)| there.get(bucket).is_some_and(|other| n <= other);
    width <= wide && left.iter().all(fits)
}

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

    /// True when nothing is counted here that is not counted there: every line, status and bucket.
    fn is_within(&self, other: &RecordedTally) -> bool {
        let there: BTreeMap<u16, u64> = other.statuses.iter().copied().collect();
        let fits = |(status, n): &(u16, u64)| there.get(status).is_some_and(|other| n <= other);
        self.lines[0] <= other.lines[0]
            && self.statuses.iter().all(fits)
            && self.series.iter().zip(&other.series).all(|(own, other)| series_within(own, other))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::CauseMatcher;
    use crate::evidence::{Place, Position};
    use crate::fact::hash_short;
    use crate::format::FormatChoice;
    use crate::input::Source;
    use crate::scan::{ScanConfig, scan};
    use crate::store::Budget;

    /// An input of one record, as it is recorded.
    fn recorded() -> RecordedInput {
        let file = tempfile::NamedTempFile::new().unwrap();
        let config = ScanConfig {
            chosen: [false; 1000],
            wanted: [false; 1000],
            n_threads: 1,
            range_bytes: ScanConfig::RANGE_BYTES,
            matcher: CauseMatcher::built_in(),
            formats: &FormatChoice::default(),
            budget: Budget::new(1 << 20, None),
            interrupted: &Arc::default(),
        };
        let found = scan(vec![Source::open(file.path())], &config).unwrap();
        RecordedInput::of(&found.inputs[0])
    }

    #[test]
    fn what_events_are_about_is_known_however_many_come_before() {
        let mut recorded = recorded();
        let fact = |offset: u64, name: &str| CauseFact {
            scope: hash_short(name.as_bytes()),
            rule: 7,
            place: Place { position: Position { input: 0, offset }, ..Place::default() },
            ..CauseFact::default()
        };
        let n_before = MAX_TOLD_PLACES as u64 + 10;
        for offset in 0..n_before {
            recorded.tell_scope(&fact(offset, "blog"), || Some(b"blog".to_vec()));
        }
        let last = fact(n_before, "shop");
        recorded.tell_scope(&last, || Some(b"shop".to_vec()));
        let name = recorded.absent().scope_of(&last, CauseMatcher::built_in());
        assert_eq!(name, Some((7, b"shop".to_vec())));
    }
}
