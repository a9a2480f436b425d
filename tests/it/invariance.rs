//! How logs are handed over changes no verdict: lines out of order, files in pieces, other names, other block sizes.
//!
//! In: labelled scenarios of real servers, of IIS and of what stands in front. Out: the verdicts of all entries, by the
//! text of their lines, held against those of the logs as they are.
//! Invariants: a few scenarios are tried in every run; all of them with `LOGSCAN503_ALL_SCENARIOS=1`, as `.ci/full` does.
//!
//! What is carried by order, by the whole of a file or by a name alone cannot survive, and is allowed for here:
//!
//! 1. Directives (`#Fields:`) say how the lines behind them are read: lines stay behind theirs, and every piece has them.
//! 2. Of lines of one client that bear the same second, the order is all that tells which error line belongs to which. The
//!    verdicts of such lines may change places, in one of two hundred entries at most.
//! 3. A layout that has to be worked out from the values of a file may be worked out less far from a piece of it, or where
//!    the few lines that tell have left the sample: `confirmed` may then become `likely`, and the other way round, and of
//!    a piece one entry of two hundred may get a more general cause.
//!    Layouts that are known, or given, are read alike.
//! 4. A line that a service delivered twice counts once only where both copies are in one file: proxies hand on the ids of
//!    requests, so that equal ids in two files are two hops.
//! 5. An empty file says what it is by its name only: it keeps it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::support::{Fixture, logs_of, scenarios, shared};

/// What is done to the logs of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Change {
    /// Lines change places with others of five seconds.
    shuffled: bool,
    /// Files are cut into pieces.
    split: bool,
    /// Files get names that tell nothing.
    renamed: bool,
    /// Other threads, and ranges of this size.
    range_bytes: Option<u32>,
}

/// Scenarios tried in every run.
const FEW: &[&str] = &[
    "apache_timeout_reset",
    "multi_haproxy_nginx_app",
    "09_fields_change_mid_file",
    "10_encodings",
    "stack_cloudfront_alb_nginx",
];

#[test]
fn lines_out_of_order_change_no_verdict() {
    check(Change { shuffled: true, ..Change::default() });
}

#[test]
fn files_in_pieces_change_no_verdict() {
    check(Change { split: true, ..Change::default() });
}

#[test]
fn names_of_files_change_no_verdict() {
    check(Change { renamed: true, ..Change::default() });
}

#[test]
fn all_of_it_at_once_changes_no_verdict() {
    check(Change { shuffled: true, split: true, renamed: true, range_bytes: Some(1777) });
}

#[test]
fn ranges_and_threads_change_no_verdict() {
    check(Change { range_bytes: Some(1777), ..Change::default() });
}

#[track_caller]
fn check(change: Change) {
    let Some(shared) = shared() else { return };
    let all = std::env::var_os("LOGSCAN503_ALL_SCENARIOS").is_some();
    let mut faults = Vec::new();
    let mut n_entries = 0;
    for folder in scenarios(&shared, &["real", "iis_synthetic", "edge_synthetic"]) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !all && !FEW.contains(&name.as_str()) {
            continue;
        }
        let as_it_is = verdicts(&folder, Change::default(), 0);
        n_entries += as_it_is.len();
        for seed in seeds() {
            let changed = verdicts(&folder, change, seed);
            let differences = difference(&as_it_is, &changed, change);
            faults.extend(differences.iter().map(|fault| format!("{name}, seed {seed}: {fault}")));
        }
    }
    assert!(n_entries > 0, "no scenario has entries");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// What the cuts and places of lines are drawn from: one seed, or those given.
fn seeds() -> Vec<u64> {
    let given = std::env::var("LOGSCAN503_SEEDS").unwrap_or_default();
    let seeds: Vec<u64> = given.split(',').filter_map(|seed| seed.parse().ok()).collect();
    if seeds.is_empty() { vec![7] } else { seeds }
}

/// What is said of an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    status: u64,
    origin: String,
    cause: String,
    resolved_origin: String,
    confidence: String,
}

/// All verdicts of a run, by the text of the line.
type Verdicts = BTreeMap<Vec<u8>, Vec<Said>>;

/// What differs: how often which verdict became which other, and a line of each kind.
fn difference(before: &Verdicts, after: &Verdicts, change: Change) -> Vec<String> {
    let plain = |verdicts: &Verdicts, line: &Vec<u8>| -> Vec<Said> {
        let mut said = verdicts.get(line).cloned().unwrap_or_default();
        said.sort();
        if change.split {
            said.dedup();
        }
        said
    };
    let mut kinds: BTreeMap<(Vec<Said>, Vec<Said>), Vec<&Vec<u8>>> = BTreeMap::new();
    for line in before.keys().chain(after.keys().filter(|line| !before.contains_key(*line))) {
        let (was, is) = (plain(before, line), plain(after, line));
        if was != is {
            kinds.entry((was, is)).or_default().push(line);
        }
    }
    let tell = |((was, is), lines): (&(Vec<Said>, Vec<Said>), &Vec<&Vec<u8>>)| {
        let text = String::from_utf8_lossy(lines[0]).chars().take(300).collect::<String>();
        format!("{} of {} lines differ: {text}\n  was {was:?}\n  is  {is:?}", lines.len(), before.len())
    };
    kinds.iter().map(tell).collect()
}

/// The verdicts of a scenario whose logs are changed.
fn verdicts(folder: &Path, change: Change, seed: u64) -> Verdicts {
    let fixture = Fixture::new();
    let mut chance = Chance(seed);
    let mut given: Vec<String> = Vec::new();
    let mut texts: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for log in logs_of(folder) {
        let bytes = fs::read(folder.join(&log)).expect("the log is readable");
        let packing = Packing::of(&bytes);
        let text = packing.unpack(&bytes);
        let mut pieces = vec![text];
        if is_of_lines(&log) && (change.shuffled || change.split) {
            let records = records_of(&fixture, folder, &log, &pieces[0]);
            pieces = changed(&records, change, &mut chance);
        }
        for (index, piece) in pieces.into_iter().enumerate() {
            let name = name_of(&log, index, &piece, change, given.len());
            fixture.write(&name, packing.pack(&piece));
            texts.insert(name.clone(), lines_of(&piece));
            given.push(name);
        }
    }
    let range = change.range_bytes.map(|bytes| bytes.to_string());
    let mut args = vec!["--status", "503", "--format", "entries"];
    if let Some(range) = &range {
        args.extend(["-j", "3", "--range-bytes", range]);
    }
    args.extend(given.iter().map(String::as_str));
    let mut verdicts = Verdicts::default();
    for row in fixture.run(&args, b"").rows() {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let said = Said {
            status: row["status"].as_u64().unwrap_or(0),
            origin: text("origin"),
            cause: text("cause"),
            resolved_origin: text("resolved_origin"),
            confidence: text("confidence"),
        };
        let source = text("source");
        let line = row["line"].as_u64().and_then(|line| usize::try_from(line).ok());
        let line = line.and_then(|line| texts.get(&source)?.get(line.checked_sub(1)?).cloned());
        // Records that share a line, and those of journals, are told apart by what is shown of them.
        let mut key = line.unwrap_or_default();
        for name in ["at", "client", "method", "target"] {
            key.extend(row[name].as_str().unwrap_or_default().bytes());
        }
        verdicts.entry(key).or_default().push(said);
    }
    verdicts
}

/// True for logs of one record per line, or of records that go on in further lines. Journals and exported events are
/// documents: their parts have an order.
fn is_of_lines(log: &str) -> bool {
    let name = log.rsplit('/').next().unwrap_or(log);
    !name.starts_with("events_") && !name.contains("journal")
}

/// The name of a piece of a log.
fn name_of(log: &str, piece: usize, text: &[u8], change: Change, n_before: usize) -> String {
    let (directory, name) = log.rsplit_once('/').map_or(("", log), |(at, name)| (at, name));
    let name = if change.renamed && !text.is_empty() {
        // No digits: servers number the pieces of a log.
        let letters: String =
            n_before.to_string().bytes().map(|digit| (digit + 49) as char).collect();
        format!("{letters}.{}", ["txt", "log", "dat"][n_before % 3])
    } else if piece > 0 {
        format!("{name}.{piece}")
    } else {
        name.to_owned()
    };
    if directory.is_empty() { name } else { format!("{directory}/{name}") }
}

/// How a log is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Utf16,
}

impl Packing {
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [0xff, 0xfe, ..] => Packing::Utf16,
            _ => Packing::Plain,
        }
    }

    fn unpack(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Packing::Plain => bytes.to_vec(),
            Packing::Gzip => {
                let mut text = Vec::new();
                MultiGzDecoder::new(bytes).read_to_end(&mut text).expect("gzip");
                text
            }
            Packing::Utf16 => {
                let units: Vec<u16> = bytes[2..]
                    .chunks_exact(2)
                    .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                    .collect();
                String::from_utf16_lossy(&units).into_bytes()
            }
        }
    }

    fn pack(self, text: &[u8]) -> Vec<u8> {
        match self {
            Packing::Plain => text.to_vec(),
            Packing::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(text).expect("memory");
                encoder.finish().expect("memory")
            }
            Packing::Utf16 => {
                let units = String::from_utf8_lossy(text).encode_utf16().collect::<Vec<u16>>();
                [0xfeff].into_iter().chain(units).flat_map(u16::to_le_bytes).collect()
            }
        }
    }
}

/// Lines without what ends them.
fn lines_of(text: &[u8]) -> Vec<Vec<u8>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    text.split(|byte| *byte == b'\n')
        .map(|line| line.trim_ascii_end().iter().copied().filter(|byte| *byte != 0).collect())
        .collect()
}

/// A record, with the lines that go on with it, or a directive.
#[derive(Debug, Clone, Default)]
struct Record {
    /// Microseconds; `None` for directives, and for what comes before the first record.
    at: Option<i64>,
    is_directive: bool,
    text: Vec<u8>,
}

/// The records of a log as the program itself understands them.
fn records_of(fixture: &Fixture, folder: &Path, log: &str, text: &[u8]) -> Vec<Record> {
    let path = folder.join(log);
    let path = path.to_str().expect("a path in UTF-8");
    let mut starts: BTreeMap<u64, (Option<i64>, bool)> = BTreeMap::new();
    for row in fixture.run(&["parse", path], b"").rows() {
        let (Some(line), Some(kind)) = (row["line"].as_u64(), row["kind"].as_str()) else {
            continue;
        };
        let stamp = row["at"].as_str().or(row["local_at"].as_str()).map(str::to_owned);
        let at = stamp.and_then(|stamp| micros(&stamp));
        match kind {
            "directive" => drop(starts.insert(line, (None, true))),
            "access" | "error" | "event" if at.is_some() => {
                starts.entry(line).or_insert((at, false));
            }
            _ => {}
        }
    }
    let mut records: Vec<Record> = Vec::new();
    for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
        let start = starts.get(&number).copied();
        if start.is_some() || records.is_empty() {
            let (at, is_directive) = start.unwrap_or_default();
            records.push(Record { at, is_directive, text: Vec::new() });
        }
        let Some(record) = records.last_mut() else { continue };
        record.text.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            record.text.push(b'\n');
        }
    }
    records
}

fn micros(stamp: &str) -> Option<i64> {
    let zoned = chrono::DateTime::parse_from_rfc3339(stamp).map(|at| at.timestamp_micros());
    zoned.ok().or_else(|| {
        let local = chrono::NaiveDateTime::parse_from_str(stamp, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
        Some(local.and_utc().timestamp_micros())
    })
}

/// The pieces of a log after a change.
fn changed(records: &[Record], change: Change, chance: &mut Chance) -> Vec<Vec<u8>> {
    let mut records = records.to_vec();
    if change.shuffled {
        for part in records.chunk_by_mut(|one, other| one.at.is_some() && other.at.is_some()) {
            let key = |record: &Record, chance: &mut Chance| {
                record.at.map_or(i64::MIN, |at| at + chance.below(5_000_000) as i64)
            };
            let keys: Vec<i64> = part.iter().map(|record| key(record, chance)).collect();
            let mut order: Vec<usize> = (0..part.len()).collect();
            order.sort_by_key(|index| keys[*index]);
            let moved: Vec<Record> = order.iter().map(|index| part[*index].clone()).collect();
            part.clone_from_slice(&moved);
        }
    }
    let n_pieces = if change.split && records.len() >= 8 { 3 } else { 1 };
    let cuts: Vec<usize> =
        (1..n_pieces).map(|_| 1 + chance.below(records.len() as u64 - 1) as usize).collect();
    let mut pieces = vec![Vec::new()];
    let (mut directives, mut was_directive) = (Vec::new(), false);
    for (index, record) in records.iter().enumerate() {
        if record.is_directive {
            if !was_directive {
                directives.clear();
            }
            directives.extend_from_slice(&record.text);
        } else if cuts.contains(&index) {
            pieces.push(directives.clone());
        }
        was_directive = record.is_directive;
        if let Some(piece) = pieces.last_mut() {
            piece.extend_from_slice(&record.text);
        }
    }
    pieces
}

/// Numbers that look random and are the same in every run (Knuth's MMIX generator).
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n.max(1)
    }
}
