//! How logs are handed over changes no verdict: lines out of order, files in pieces, other names, other block sizes.
//!
//! In: labelled scenarios of real servers, of IIS and of what stands in front. Out: the verdicts of all entries, by the
//! text of their lines, held against those of the logs as they are.
//! Invariants: origin, cause, resolved origin and confidence of every line are the same. A few scenarios are tried in every
//! run; all of them with `LOGSCAN503_ALL_SCENARIOS=1`, as `.ci/full` does. `LOGSCAN503_SEEDS=1,2,3` tries other cuts.
//!
//! What is carried by the whole of a file or by a name alone cannot survive, and is allowed for here:
//!
//! 1. Directives (`#Fields:`) say how the lines behind them are read: lines stay behind theirs, and every piece has them.
//! 2. A line that a service delivered twice counts once only where both copies are in one file: proxies hand on the ids of
//!    requests, so that equal ids in two files are two hops. Of equal lines of a log in pieces it counts what is said of
//!    them, not how often.
//! 3. An empty file says what it is by its name only: it keeps it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::support::{Dice, Fixture, all_scenarios, logs_of, scenarios, shared};

/// What is done to the logs of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each may be done or not, in any combination")]
struct Change {
    /// Lines change places with others of five seconds.
    shuffled: bool,
    /// Files are cut into pieces.
    split: bool,
    /// Files get names that tell nothing.
    renamed: bool,
    /// Requests bear no ids of their own, so that a client asks for the same again and again; before and after.
    unnamed: bool,
    /// Other threads, and ranges of this size.
    range_bytes: Option<u32>,
}

/// Scenarios tried in every run.
const FEW: &[&str] = &[
    "apache_timeout_reset",
    "multi_haproxy_nginx_app",
    "apache_balancer_error_state",
    "journald_startlimit_disk",
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
    check(Change {
        shuffled: true,
        split: true,
        renamed: true,
        range_bytes: Some(1777),
        ..Change::default()
    });
}

#[test]
fn lines_out_of_order_change_no_verdict_where_requests_repeat() {
    check(Change { shuffled: true, split: true, unnamed: true, ..Change::default() });
}

#[test]
fn ranges_and_threads_change_no_verdict() {
    check(Change { range_bytes: Some(1777), ..Change::default() });
}

#[track_caller]
fn check(change: Change) {
    let Some(shared) = shared() else { return };
    let mut faults = Vec::new();
    let mut n_entries = 0;
    for folder in scenarios(&shared, &["real", "iis_synthetic", "edge_synthetic"]) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !all_scenarios() && !FEW.contains(&name.as_str()) {
            continue;
        }
        let as_it_is =
            verdicts(&folder, Change { unnamed: change.unnamed, ..Change::default() }, 0);
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

/// What the cuts and places of lines are drawn from: a few seeds, or those given.
fn seeds() -> Vec<u64> {
    let given = std::env::var("LOGSCAN503_SEEDS").unwrap_or_default();
    let seeds: Vec<u64> = given.split(',').filter_map(|seed| seed.parse().ok()).collect();
    match &seeds[..] {
        [] if all_scenarios() => vec![7, 8],
        [] => vec![7],
        _ => seeds,
    }
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

/// What was said of a line, and what is.
type WasAndIs = (Vec<Said>, Vec<Said>);

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
    let mut kinds: BTreeMap<WasAndIs, Vec<&Vec<u8>>> = BTreeMap::new();
    for line in before.keys().chain(after.keys().filter(|line| !before.contains_key(*line))) {
        let (was, is) = (plain(before, line), plain(after, line));
        if was != is {
            kinds.entry((was, is)).or_default().push(line);
        }
    }
    let tell = |((was, is), lines): (&WasAndIs, &Vec<&Vec<u8>>)| {
        let text = String::from_utf8_lossy(lines[0]).chars().take(300).collect::<String>();
        format!(
            "{} of {} lines differ: {text}\n  was {was:?}\n  is  {is:?}",
            lines.len(),
            before.len()
        )
    };
    kinds.iter().map(tell).collect()
}

/// The verdicts of a scenario whose logs are changed.
fn verdicts(folder: &Path, change: Change, seed: u64) -> Verdicts {
    let fixture = Fixture::new();
    let mut dice = Dice(seed);
    let mut given: Vec<String> = Vec::new();
    let mut texts: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for log in logs_of(folder) {
        let bytes = fs::read(folder.join(&log)).expect("the log is readable");
        let packing = Packing::of(&bytes);
        let mut text = packing.unpack(&bytes);
        if change.unnamed && !log.ends_with(".journal") {
            without_ids(&mut text);
        }
        let mut pieces = vec![text];
        if is_of_lines(&log) && (change.shuffled || change.split) {
            let records = records_of(&fixture, folder, &log, &pieces[0]);
            pieces = changed(&records, change, &mut dice);
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

/// Makes the ids alike that targets of the corpus hold (`rid=1f6e...`).
fn without_ids(text: &mut [u8]) {
    let mut from = 0;
    while let Some(at) = memchr::memmem::find(&text[from..], b"rid=") {
        from += at + 4;
        let id = text[from..].iter_mut().take_while(|byte| byte.is_ascii_hexdigit());
        id.for_each(|byte| *byte = b'0');
    }
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
fn changed(records: &[Record], change: Change, dice: &mut Dice) -> Vec<Vec<u8>> {
    let mut records = records.to_vec();
    if change.shuffled {
        for part in records.chunk_by_mut(|one, other| one.at.is_some() && other.at.is_some()) {
            let key = |record: &Record, dice: &mut Dice| {
                record.at.map_or(i64::MIN, |at| at + dice.below(5_000_000) as i64)
            };
            let keys: Vec<i64> = part.iter().map(|record| key(record, dice)).collect();
            let mut order: Vec<usize> = (0..part.len()).collect();
            order.sort_by_key(|index| keys[*index]);
            let moved: Vec<Record> = order.iter().map(|index| part[*index].clone()).collect();
            part.clone_from_slice(&moved);
        }
    }
    let mut cuts: Vec<usize> = Vec::new();
    if change.split && records.len() >= 8 {
        let n_cuts = 2 + dice.below(4);
        cuts.extend((0..n_cuts).map(|_| 1 + dice.below(records.len() - 1)));
        // A piece of a few lines tells little by itself.
        cuts.extend([1 + dice.below(7), records.len() - 1 - dice.below(7)]);
    }
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
